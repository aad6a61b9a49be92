"""The methods of chapter 02."""

from typing import Annotated

from cloister_conformance.protocol.messages import Hex, Hex32, Hex64, Injected, Message, Method, Nothing


class Seed(Message):
    seed: Hex32


class Identity(Message):
    private_key: Hex
    account_id: str


class AccountId(Message):
    text: str


class PublicKey(Message):
    public_key: Hex


class Agree(Message):
    private_key: Hex
    public_key: Hex


class SharedSecret(Message):
    shared_secret: Hex


class Sign(Message):
    private_key: Hex
    message: Hex
    random: Annotated[Hex64 | None, Injected("xeddsa-deterministic")] = None


class Signature(Message):
    signature: Hex


class Verify(Message):
    public_key: Hex
    message: Hex
    signature: Hex


METHODS = (
    Method(
        name="identity.generate",
        capability="identity",
        summary="Generate the seed of an identity.",
        params=Nothing,
        result=Seed,
    ),
    Method(
        name="identity.derive",
        capability="identity",
        summary="Derive the private key and the account id of a seed, 32 bytes.",
        params=Seed,
        result=Identity,
        sample={"seed": "00" * 32},
    ),
    Method(
        name="identity.decode_account_id",
        capability="account-id",
        summary="Decode an account id into its public key, 33 bytes.",
        params=AccountId,
        result=PublicKey,
        errors=("InvalidEncoding", "InvalidKey"),
        sample={"text": "05"},
    ),
    Method(
        name="identity.agree",
        capability="key-agreement",
        summary="Agree on a secret, 32 bytes.",
        params=Agree,
        result=SharedSecret,
        errors=("InvalidKey",),
        sample={"private_key": "40" * 32, "public_key": "05"},
    ),
    Method(
        name="identity.sign",
        capability="xeddsa-sign",
        summary="Sign; with `random`, 64 bytes, as Z.",
        params=Sign,
        result=Signature,
        errors=("InvalidKey",),
        sample={"private_key": "40" * 32, "message": ""},
    ),
    Method(
        name="identity.verify",
        capability="xeddsa-verify",
        summary="Verify a signature; a result means that it is valid.",
        params=Verify,
        result=Nothing,
        errors=("InvalidKey", "InvalidSignature"),
        sample={"public_key": "05", "message": "", "signature": ""},
    ),
)
