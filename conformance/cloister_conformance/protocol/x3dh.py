"""The methods of chapter 03 about accounts, prekeys and the agreement. An account is an identity and its prekeys."""

from typing import Annotated

from pydantic import Field, model_validator

from cloister_conformance.protocol.messages import Handle, Hex, Hex32, Message, Method, Nothing

PrekeyId = Annotated[int, Field(ge=0, lt=2**32)]
NewAccount = Annotated[str, Handle("account", may_be_new=True)]
Account = Annotated[str, Handle("account")]

BUNDLE_ERRORS = ("UntrustedIdentity", "InvalidKey", "InvalidSignature")


class CreateAccount(Message):
    account: NewAccount
    private_key: Hex
    now_ms: int


class OfAccountNow(Message):
    account: Account
    now_ms: int


class PlainBundle(Message):
    identity_key: Hex
    signed_prekey_id: PrekeyId
    signed_prekey: Hex
    signature: Hex


class Bundle(PlainBundle):
    one_time_prekey_id: PrekeyId
    one_time_prekey: Hex


class Prekeys(Message):
    now_ms: int
    signed_prekey_id: PrekeyId
    signed_prekey_private: Hex
    one_time_prekey_id: PrekeyId | None = None
    one_time_prekey_private: Hex | None = None

    @model_validator(mode="after")
    def check_one_time_prekey(self) -> "Prekeys":
        """Check that the one-time prekey has an id and a key, or neither."""
        if (self.one_time_prekey_id is None) != (self.one_time_prekey_private is None):
            raise ValueError("give one_time_prekey_id and one_time_prekey_private together, or neither")
        return self


class ImportPrekeys(Prekeys, OfAccountNow):
    """Its account comes first, as everywhere."""


class AgreeAsInitiator(Message):
    private_key: Hex
    base_private: Hex
    identity_key: Hex
    signed_prekey: Hex
    one_time_prekey: Hex | None = None


class AgreeAsResponder(Message):
    private_key: Hex
    signed_prekey_private: Hex
    one_time_prekey_private: Hex | None = None
    identity_key: Hex
    base_key: Hex


class Agreed(Message):
    root_key: Hex32
    chain_key: Hex32


METHODS = (
    Method(
        name="x3dh.create_account",
        capability="sessions",
        summary="Create an account with this identity and one signed prekey.",
        params=CreateAccount,
        result=Nothing,
        errors=("InvalidKey",),
        sample={"account": "sample", "private_key": "40" * 32, "now_ms": 0},
    ),
    Method(
        name="x3dh.create_plain_bundle",
        capability="sessions",
        summary="Make a bundle of the newest signed prekey, renewed if that is due, without a one-time prekey.",
        params=OfAccountNow,
        result=PlainBundle,
        sample={"account": "sample", "now_ms": 0},
    ),
    Method(
        name="x3dh.create_bundle",
        capability="one-time-prekeys",
        summary="Make a bundle of the newest signed prekey, renewed if that is due, and a new one-time prekey.",
        params=OfAccountNow,
        result=Bundle,
        sample={"account": "sample", "now_ms": 0},
    ),
    Method(
        name="x3dh.import_prekeys",
        capability="prekey-import",
        summary="Make these the newest signed prekey and, if it is given, a one-time prekey of the account, in the place of what has these ids.",
        params=ImportPrekeys,
        result=Nothing,
        errors=("InvalidKey",),
        sample={"account": "sample", "signed_prekey_id": 1, "signed_prekey_private": "40" * 32, "now_ms": 0},
    ),
    Method(
        name="x3dh.renew_prekey",
        capability="prekey-renewal",
        summary="Put a new signed prekey in the place of the newest, due or not.",
        params=OfAccountNow,
        result=Nothing,
        sample={"account": "sample", "now_ms": 0},
    ),
    Method(
        name="x3dh.agree_as_initiator",
        capability="x3dh",
        summary="Compute X3DH from the initiator's private keys and the keys of a bundle.",
        params=AgreeAsInitiator,
        result=Agreed,
        errors=("InvalidKey",),
        sample={"private_key": "", "base_private": "", "identity_key": "", "signed_prekey": ""},
    ),
    Method(
        name="x3dh.agree_as_responder",
        capability="x3dh",
        summary="Compute X3DH from the responder's private keys and the keys of a prekey message.",
        params=AgreeAsResponder,
        result=Agreed,
        errors=("InvalidKey",),
        sample={"private_key": "", "signed_prekey_private": "", "identity_key": "", "base_key": ""},
    ),
)
