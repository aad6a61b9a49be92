"""The peer: the reference in this process, and what it alone can do, taking apart what an implementation wrote.

A test that needs a part of a frame lets the peer decode it, as a step of its own, so that replay decodes the fresh frame.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from cloister import double_ratchet, errors, identity, sealing, sender_keys, session, wire
from cloister._proto import envelopes_pb2
from pydantic import Field, ValidationError

from cloister_conformance import protocol
from cloister_conformance.protocol.messages import Hex, Message, Method
from cloister_conformance.protocol.sealing import Sealed
from cloister_conformance.protocol.sender_keys import Distribution
from cloister_conformance.protocol.sender_keys import Frame as MessageFrame
from cloister_conformance.protocol.session import Encrypt, Frame
from cloister_conformance.reference_adapter import Adapter, failure
from cloister_conformance.reference_adapter.handles import Handles, UnknownHandle

Counter = Annotated[int, Field(ge=0, lt=2**32)]


class DecodedDistribution(Message):
    """The fields of a distribution, and the public key of which its chain key would be the private half."""

    key_id: int
    iteration: int
    chain_key: Hex
    signing_key: Hex
    public_of_chain_key: Hex


class DecodedMessage(Message):
    """The fields of a pairwise message."""

    ratchet_key: Hex
    counter: int
    previous_counter: int


class DecodedPrekeyMessage(DecodedMessage):
    """The fields of a prekey message and of the message inside."""

    base_key: Hex
    identity_key: Hex


class EncryptClaiming(Encrypt):
    """A message that says what it likes of the chain before."""

    previous_counter: Counter


class EncryptAt(Encrypt):
    """A message that is so far in its chain."""

    counter: Counter


def decode_distribution(params: Distribution, handles: Handles) -> DecodedDistribution:
    """Take a distribution apart."""
    decoded = sender_keys.decode_distribution(params.distribution)
    return DecodedDistribution(
        key_id=decoded.key_id,
        iteration=decoded.iteration,
        chain_key=decoded.chain_key,
        signing_key=decoded.signing_key,
        public_of_chain_key=identity.derive_key_pair(identity.clamp(decoded.chain_key)).public,
    )


def decode_message(params: MessageFrame, handles: Handles) -> DecodedMessage:
    """Take a pairwise message apart."""
    decoded = double_ratchet.decode_message(params.message)
    return DecodedMessage(
        ratchet_key=decoded.ratchet_key, counter=decoded.counter, previous_counter=decoded.previous_counter
    )


def decode_prekey_message(params: MessageFrame, handles: Handles) -> DecodedPrekeyMessage:
    """Take a prekey message apart, and the message inside."""
    outer = session.decode_prekey_message(params.message)
    inner = decode_message(MessageFrame(message=outer.message), handles)
    return DecodedPrekeyMessage(base_key=outer.base_key, identity_key=outer.identity_key, **inner.model_dump())


def encrypt_claiming(params: EncryptClaiming, handles: Handles) -> Frame:
    """Encrypt a message that claims another `previous_counter`."""
    record = handles.get(params.session, session.Record)
    ratchet = replace(record.sessions[0].ratchet, previous_counter=params.previous_counter)
    return encrypt_with(params, handles, record, ratchet)


def encrypt_at(params: EncryptAt, handles: Handles) -> Frame:
    """Encrypt a message further on in the chain; those before are never sent."""
    record = handles.get(params.session, session.Record)
    ratchet = record.sessions[0].ratchet
    while ratchet.sending.counter < params.counter:
        ratchet, _ = double_ratchet.encrypt(ratchet, b"")
    return encrypt_with(params, handles, record, ratchet)


def encrypt_with(params: Encrypt, handles: Handles, record: session.Record, ratchet: double_ratchet.Ratchet) -> Frame:
    """Encrypt in the session that is sent in, with another ratchet."""
    current, *archived = record.sessions
    record = replace(record, sessions=(replace(current, ratchet=ratchet), *archived))
    record, kind, frame = session.encrypt(record, params.plaintext)
    handles.put(params.session, record)
    return Frame(kind=kind, message=frame)


class SplitSealed(Message):
    """What anybody sees of a sealed text."""

    ephemeral_key: Hex
    iv: Hex
    ciphertext_bytes: int


def split(params: Sealed, handles: Handles) -> SplitSealed:
    """Take a sealed text apart as far as anybody can."""
    fields = wire.decode_protobuf(envelopes_pb2.SealedEnvelope, params.sealed)
    return SplitSealed(
        ephemeral_key=fields.ephemeral_key,
        iv=fields.ciphertext[: sealing.IV_BYTES],
        ciphertext_bytes=len(fields.ciphertext),
    )


Function = Callable[[Any, Handles], Message]

FUNCTIONS: dict[str, tuple[Function, type[Message], type[Message]]] = {
    "sender_keys.decode_distribution": (decode_distribution, Distribution, DecodedDistribution),
    "double_ratchet.decode_message": (decode_message, MessageFrame, DecodedMessage),
    "session.decode_prekey_message": (decode_prekey_message, MessageFrame, DecodedPrekeyMessage),
    "session.encrypt_claiming": (encrypt_claiming, EncryptClaiming, Frame),
    "session.encrypt_at": (encrypt_at, EncryptAt, Frame),
    "sealing.split": (split, Sealed, SplitSealed),
}
"""What the peer alone does, with the models of its params and result."""

METHODS: dict[str, Method] = protocol.METHODS | {
    name: Method(name=name, capability=None, summary=function.__doc__ or "", params=params, result=result)
    for name, (function, params, result) in FUNCTIONS.items()
}
"""The methods of every adapter, and those of the peer alone."""


class Peer(Adapter):
    """Answers what every adapter answers, takes frames apart, and writes what no honest writer would."""

    def call(self, name: str, params: dict[str, Any]) -> dict[str, Any]:
        """Answer one call; return the JSON-RPC members `result` or `error`."""
        if name not in FUNCTIONS:
            return super().call(name, params)
        function, model, _ = FUNCTIONS[name]
        try:
            result = function(model.model_validate(params), self.handles)
        except errors.CloisterError as refusal:
            return failure(protocol.REFUSED, str(refusal), error=type(refusal).__name__)
        except (ValidationError, UnknownHandle) as error:
            return failure(protocol.INVALID_PARAMS, str(error))
        return {"result": result.model_dump()}
