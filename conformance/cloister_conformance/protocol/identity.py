"""The methods of chapter 02."""

from cloister_conformance.protocol.messages import Hex, Hex32, Hex64, Message, Method, Nothing


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
    random: Hex64 | None = None


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
    ),
    Method(
        name="identity.decode_account_id",
        capability="account-id",
        summary="Decode an account id into its public key, 33 bytes.",
        params=AccountId,
        result=PublicKey,
        errors=("InvalidEncoding", "InvalidKey"),
    ),
    Method(
        name="identity.agree",
        capability="key-agreement",
        summary="Agree on a secret, 32 bytes.",
        params=Agree,
        result=SharedSecret,
        errors=("InvalidKey",),
    ),
    Method(
        name="identity.sign",
        capability="xeddsa-sign",
        summary="Sign; with `random` (64 bytes, capability deterministic) as Z.",
        params=Sign,
        result=Signature,
        errors=("InvalidKey",),
    ),
    Method(
        name="identity.verify",
        capability="xeddsa-verify",
        summary="Verify a signature; a result means that it is valid.",
        params=Verify,
        result=Nothing,
        errors=("InvalidKey", "InvalidSignature"),
    ),
)
