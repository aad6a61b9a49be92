"""The methods of chapter 03 about all sessions with one peer. A record is what an account holds of one peer."""

from typing import Annotated, Literal

from pydantic import model_validator

from cloister_conformance.protocol.double_ratchet import MESSAGE_ERRORS
from cloister_conformance.protocol.messages import Handle, Hex, Hex32, Injected, Message, Method, Nothing
from cloister_conformance.protocol.sender_keys import Plaintext
from cloister_conformance.protocol.x3dh import BUNDLE_ERRORS, Account, PrekeyId

NewSession = Annotated[str, Handle("session record", may_be_new=True)]
Session = Annotated[str, Handle("session record")]
DETERMINISTIC = Injected("sessions-deterministic")
Kind = Literal["message", "prekey message"]


class Create(Message):
    session: NewSession
    account: Account
    identity_key: Hex


class Open(Message):
    session: Session
    identity_key: Hex
    signed_prekey_id: PrekeyId
    signed_prekey: Hex
    signature: Hex
    one_time_prekey_id: PrekeyId | None = None
    one_time_prekey: Hex | None = None
    now_ms: int
    base_private: Annotated[Hex32 | None, DETERMINISTIC] = None
    ratchet_private: Annotated[Hex32 | None, DETERMINISTIC] = None

    @model_validator(mode="after")
    def check_one_time_prekey(self) -> "Open":
        """Check that the one-time prekey has an id and a key, or neither."""
        if (self.one_time_prekey_id is None) != (self.one_time_prekey is None):
            raise ValueError("give one_time_prekey_id and one_time_prekey together, or neither")
        return self


class Encrypt(Message):
    session: Session
    plaintext: Hex


class Frame(Message):
    kind: Kind
    message: Hex


class Decrypt(Message):
    session: Session
    kind: Kind
    message: Hex
    now_ms: int
    ratchet_private: Annotated[Hex32 | None, DETERMINISTIC] = None


METHODS = (
    Method(
        name="session.create",
        capability="sessions",
        summary="Create the record of an account for the peer with this identity key; it holds no session.",
        params=Create,
        result=Nothing,
        errors=("InvalidKey",),
        sample={"session": "sample", "account": "sample", "identity_key": ""},
    ),
    Method(
        name="session.open",
        capability="sessions",
        summary="Open a session from a bundle; the two private keys replace random ones.",
        params=Open,
        result=Nothing,
        errors=BUNDLE_ERRORS,
        sample={
            "session": "sample",
            "identity_key": "",
            "signed_prekey_id": 1,
            "signed_prekey": "",
            "signature": "",
            "now_ms": 0,
        },
    ),
    Method(
        name="session.encrypt",
        capability="sessions",
        summary="Encrypt for the peer.",
        params=Encrypt,
        result=Frame,
        errors=("NoSession", "TooLarge"),
        sample={"session": "sample", "plaintext": ""},
    ),
    Method(
        name="session.decrypt",
        capability="sessions",
        summary="Decrypt what the peer sent; `ratchet_private` is our next ratchet key, if the message brings a new one.",
        params=Decrypt,
        result=Plaintext,
        errors=(*MESSAGE_ERRORS, "UntrustedIdentity", "UnknownPrekey", "UnknownSession"),
        sample={"session": "sample", "kind": "message", "message": "", "now_ms": 0},
    ),
)
