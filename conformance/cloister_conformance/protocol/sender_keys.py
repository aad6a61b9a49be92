"""The methods of chapter 04. `key` is the handle of a sender key, `record` that of a receiver's record for one sender."""

from typing import Annotated

from pydantic import Field, model_validator

from cloister_conformance.protocol.messages import Hex, Hex32, Hex64, Message, Method, Nothing

Uint32 = Annotated[int, Field(ge=0, lt=2**32)]

MALFORMED = ("TooLarge", "InvalidMessage", "UnsupportedVersion", "OutOfRange")


class Create(Message):
    key: str
    key_id: Uint32 | None = None
    iteration: Uint32 | None = None
    chain_key: Hex32 | None = None
    signing_private: Hex32 | None = None

    @model_validator(mode="after")
    def check_injected(self) -> "Create":
        """Check that the injected values are there all or not at all."""
        injected = (self.key_id, self.iteration, self.chain_key, self.signing_private)
        if len({value is None for value in injected}) != 1:
            raise ValueError("give key_id, iteration, chain_key and signing_private together, or none")
        return self


class Key(Message):
    key: str


class Distribution(Message):
    distribution: Hex


class Encrypt(Message):
    key: str
    plaintext: Hex
    random: Hex64 | None = None


class Frame(Message):
    message: Hex


class Process(Message):
    record: str
    distribution: Hex
    now_ms: int


class Decrypt(Message):
    record: str
    message: Hex
    now_ms: int


class Plaintext(Message):
    plaintext: Hex


class ChainKey(Message):
    chain_key: Hex32


class MessageKey(Message):
    seed: Hex
    iv: Hex
    cipher_key: Hex
    next_chain_key: Hex


METHODS = (
    Method(
        name="sender_keys.create",
        capability="sender-keys-send",
        summary="Create a sender key; the four optional members (all or none, capability deterministic) replace random values and iteration 0.",
        params=Create,
        result=Nothing,
    ),
    Method(
        name="sender_keys.distribute",
        capability="sender-keys-send",
        summary="Encode the distribution of a sender key at its current iteration.",
        params=Key,
        result=Distribution,
        errors=("SenderKeyExhausted",),
    ),
    Method(
        name="sender_keys.encrypt",
        capability="sender-keys-send",
        summary="Encrypt a message; with `random` (64 bytes, capability deterministic) as Z of its signature.",
        params=Encrypt,
        result=Frame,
        errors=("SenderKeyExhausted",),
    ),
    Method(
        name="sender_keys.renew",
        capability="sender-keys-renewal",
        summary="Replace a sender key by a new one, under the same handle.",
        params=Key,
        result=Nothing,
    ),
    Method(
        name="sender_keys.process",
        capability="sender-keys-receive",
        summary="Process a distribution; a record that does not exist yet is made.",
        params=Process,
        result=Nothing,
        errors=(*MALFORMED, "InvalidKey", "ConflictingDistribution"),
    ),
    Method(
        name="sender_keys.decrypt",
        capability="sender-keys-receive",
        summary="Decrypt a message; a record that does not exist holds no key.",
        params=Decrypt,
        result=Plaintext,
        errors=(
            *MALFORMED,
            "UnknownSenderKey",
            "InvalidSignature",
            "DuplicateMessage",
            "TooFarAhead",
            "DecryptionFailed",
        ),
    ),
    Method(
        name="sender_keys.derive",
        capability="trace",
        summary="Derive all that follows from a chain key.",
        params=ChainKey,
        result=MessageKey,
    ),
)
