"""The methods of chapter 03 about the ratchet of one session, for a library that has only that."""

from typing import Annotated

from cloister_conformance.protocol.messages import Handle, Hex, Hex32, Injected, Message, Method, Nothing
from cloister_conformance.protocol.sender_keys import MALFORMED, Frame, Plaintext

NewRatchet = Annotated[str, Handle("ratchet", may_be_new=True)]
Ratchet = Annotated[str, Handle("ratchet")]
DETERMINISTIC = Injected("double-ratchet-deterministic")

MESSAGE_ERRORS = (*MALFORMED, "InvalidKey", "DuplicateMessage", "TooFarAhead", "InvalidMac", "DecryptionFailed")


class Start(Message):
    ratchet: NewRatchet
    identity_key: Hex
    peer_identity_key: Hex
    root_key: Hex32
    chain_key: Hex32


class StartAsInitiator(Start):
    ratchet_key: Hex
    ratchet_private: Annotated[Hex32 | None, DETERMINISTIC] = None


class StartAsResponder(Start):
    ratchet_private: Hex


class Encrypt(Message):
    ratchet: Ratchet
    plaintext: Hex


class Decrypt(Message):
    ratchet: Ratchet
    message: Hex
    ratchet_private: Annotated[Hex32 | None, DETERMINISTIC] = None


class DeriveMessage(Message):
    chain_key: Hex32


class MessageKeys(Message):
    seed: Hex
    cipher_key: Hex
    mac_key: Hex
    iv: Hex
    next_chain_key: Hex


class Step(Message):
    root_key: Hex32
    ratchet_private: Hex
    ratchet_key: Hex


class Stepped(Message):
    root_key: Hex
    chain_key: Hex


STARTED = {
    "ratchet": "sample",
    "identity_key": "",
    "peer_identity_key": "",
    "root_key": "00" * 32,
    "chain_key": "00" * 32,
}

METHODS = (
    Method(
        name="double_ratchet.start_as_initiator",
        capability="double-ratchet",
        summary="Start the ratchet of whoever opens a session; `ratchet_key` is the peer's signed prekey.",
        params=StartAsInitiator,
        result=Nothing,
        errors=("InvalidKey",),
        sample={**STARTED, "ratchet_key": ""},
    ),
    Method(
        name="double_ratchet.start_as_responder",
        capability="double-ratchet",
        summary="Start the ratchet of whoever reads a first message; `ratchet_private` is that of the signed prekey.",
        params=StartAsResponder,
        result=Nothing,
        errors=("InvalidKey",),
        sample={**STARTED, "ratchet_private": ""},
    ),
    Method(
        name="double_ratchet.encrypt",
        capability="double-ratchet",
        summary="Encrypt a message.",
        params=Encrypt,
        result=Frame,
        errors=("TooLarge",),
        sample={"ratchet": "sample", "plaintext": ""},
    ),
    Method(
        name="double_ratchet.decrypt",
        capability="double-ratchet",
        summary="Decrypt a message; `ratchet_private` is our next ratchet key, if the message brings a new one.",
        params=Decrypt,
        result=Plaintext,
        errors=MESSAGE_ERRORS,
        sample={"ratchet": "sample", "message": ""},
    ),
    Method(
        name="double_ratchet.derive",
        capability="double-ratchet-trace",
        summary="Derive all that follows from a chain key.",
        params=DeriveMessage,
        result=MessageKeys,
        sample={"chain_key": "00" * 32},
    ),
    Method(
        name="double_ratchet.step",
        capability="double-ratchet-trace",
        summary="Step a root key with a ratchet key of each side.",
        params=Step,
        result=Stepped,
        errors=("InvalidKey",),
        sample={"root_key": "00" * 32, "ratchet_private": "", "ratchet_key": ""},
    ),
)
