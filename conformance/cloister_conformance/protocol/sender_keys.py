"""The methods of chapter 04. A record is what a receiver holds of one sender."""

from typing import Annotated

from pydantic import Field, model_validator

from cloister_conformance.protocol.messages import Handle, Hex, Hex32, Hex64, Injected, Message, Method, Nothing

Uint32 = Annotated[int, Field(ge=0, lt=2**32)]

NewSenderKey = Annotated[str, Handle("sender key", may_be_new=True)]
SenderKey = Annotated[str, Handle("sender key")]
Record = Annotated[str, Handle("record", may_be_new=True)]
DETERMINISTIC = Injected("sender-keys-deterministic")

MALFORMED = ("TooLarge", "InvalidMessage", "UnsupportedVersion", "OutOfRange")


class Create(Message):
    key: NewSenderKey
    key_id: Annotated[Uint32 | None, DETERMINISTIC] = None
    iteration: Annotated[Uint32 | None, DETERMINISTIC] = None
    chain_key: Annotated[Hex32 | None, DETERMINISTIC] = None
    signing_private: Annotated[Hex32 | None, DETERMINISTIC] = None

    @model_validator(mode="after")
    def check_injected(self) -> "Create":
        """Check that the injected values are there all or not at all."""
        injected = (self.key_id, self.iteration, self.chain_key, self.signing_private)
        if len({value is None for value in injected}) != 1:
            raise ValueError("give key_id, iteration, chain_key and signing_private together, or none")
        return self


class Key(Message):
    key: SenderKey


class Distribution(Message):
    distribution: Hex


class Encrypt(Message):
    key: SenderKey
    plaintext: Hex
    random: Annotated[Hex64 | None, DETERMINISTIC] = None


class Frame(Message):
    message: Hex


class Process(Message):
    record: Record
    distribution: Hex
    now_ms: int


class Decrypt(Message):
    record: Record
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
        summary="Create a sender key; the four optional members, all or none, replace random values and iteration 0.",
        params=Create,
        result=Nothing,
        sample={"key": "sample"},
    ),
    Method(
        name="sender_keys.distribute",
        capability="sender-keys-send",
        summary="Encode the distribution of a sender key at its current iteration.",
        params=Key,
        result=Distribution,
        errors=("SenderKeyExhausted",),
        sample={"key": "sample"},
    ),
    Method(
        name="sender_keys.encrypt",
        capability="sender-keys-send",
        summary="Encrypt a message; with `random`, 64 bytes, as Z of its signature.",
        params=Encrypt,
        result=Frame,
        errors=("SenderKeyExhausted", "TooLarge"),
        sample={"key": "sample", "plaintext": ""},
    ),
    Method(
        name="sender_keys.renew",
        capability="sender-keys-renewal",
        summary="Replace a sender key by a new one, under the same handle.",
        params=Key,
        result=Nothing,
        sample={"key": "sample"},
    ),
    Method(
        name="sender_keys.process",
        capability="sender-keys-receive",
        summary="Process a distribution; a record that does not exist yet is made.",
        params=Process,
        result=Nothing,
        errors=(*MALFORMED, "InvalidKey", "ConflictingDistribution"),
        sample={"record": "sample", "distribution": "", "now_ms": 0},
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
        sample={"record": "sample", "message": "", "now_ms": 0},
    ),
    Method(
        name="sender_keys.derive",
        capability="sender-keys-trace",
        summary="Derive all that follows from a chain key.",
        params=ChainKey,
        result=MessageKey,
        sample={"chain_key": "00" * 32},
    ),
)
