"""The peer: the reference in this process, and what it alone can do, taking apart what an implementation wrote.

A test that needs a part of a frame lets the peer decode it, as a step of its own, so that replay decodes the fresh frame.
"""

import base64
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from cloister import double_ratchet, errors, identity, sealing, sender_keys, session, wire
from cloister._proto import envelopes_pb2
from pydantic import Field, ValidationError

from cloister_conformance import peer_groups, peer_layers, peer_onions, protocol
from cloister_conformance.hand_made import pairwise_sessions as hand_made
from cloister_conformance.hand_made.protobuf import join
from cloister_conformance.protocol.messages import Handle, Hex, Message, Method
from cloister_conformance.protocol.sealing import Sealed
from cloister_conformance.protocol.sender_keys import Distribution
from cloister_conformance.protocol.sender_keys import Frame as MessageFrame
from cloister_conformance.protocol.session import Frame
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


Writer = Annotated[str, Handle("session record, or ratchet")]
Fields = dict[str, Hex]
"""Encoded fields of a message by their numbers, which stand in the place of the honest ones; no bytes leave one out."""


class MakeMessage(Message):
    """A message of any counter in the chain that the holder of a record or ratchet sends in, and in which it sent nothing yet.

    `blocks` is how many blocks of its ciphertext are sent; `covered` are the fields that the MAC covers in the place of `fields`,
    `sender` and `receiver` the keys.
    """

    writer: Writer
    plaintext: Hex
    counter: Counter
    fields: Fields
    version: Hex
    covered: Fields | None = None
    sender: Hex | None = None
    receiver: Hex | None = None
    blocks: int | None = None


class MakePrekeyMessage(Message):
    """A prekey message around any message, of a session that was not answered yet."""

    writer: Writer
    message: Hex
    fields: Fields


class OfMessage(Message):
    """A message of such a chain."""

    writer: Writer
    counter: Counter


class Texts(Message):
    """Texts, of which none may stand in a saved state."""

    texts: list[str]


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


def find_ratchet(handles: Handles, writer: str) -> double_ratchet.Ratchet:
    """Find the ratchet that a handle stands for, or that of the session that its record sends in."""
    if isinstance(handles.values.get(writer), double_ratchet.Ratchet):
        return handles.get(writer, double_ratchet.Ratchet)
    return handles.get(writer, session.Record).sessions[0].ratchet


def take_chain(ratchet: double_ratchet.Ratchet) -> hand_made.Chain:
    """Take the sending chain of a ratchet for one to write in by hand."""
    assert ratchet.sending.counter == 0, "an honest message was sent in this chain"
    return hand_made.Chain(
        sender=ratchet.ours,
        receiver=ratchet.theirs,
        ratchet_key=ratchet.sending.pair.public,
        chain_key=ratchet.sending.chain_key,
    )


def number_fields(fields: Fields) -> dict[int, bytes]:
    """Turn the names of fields, which JSON wants to be texts, into numbers."""
    return {int(number): encoded for number, encoded in fields.items()}


def make_message(params: MakeMessage, handles: Handles) -> Frame:
    """Write a message that no honest writer would."""
    chain = take_chain(find_ratchet(handles, params.writer))
    chain = replace(
        chain,
        sender=chain.sender if params.sender is None else identity.PublicKey(params.sender),
        receiver=chain.receiver if params.receiver is None else identity.PublicKey(params.receiver),
    )
    make = partial(chain.message, params.plaintext, params.counter, version=params.version, blocks=params.blocks)
    message = make(number_fields(params.fields))
    if params.covered is not None:
        message = (
            message[: -double_ratchet.MAC_BYTES] + make(number_fields(params.covered))[-double_ratchet.MAC_BYTES :]
        )
    return Frame(kind="message", message=message)


def make_prekey_message(params: MakePrekeyMessage, handles: Handles) -> Frame:
    """Write a prekey message that no honest writer would."""
    record = handles.get(params.writer, session.Record)
    current = record.sessions[0]
    assert current.pending is not None, "the session was answered"
    fields = hand_made.prekey_fields(
        params.message,
        base_key=current.base_key,
        identity_key=record.ours,
        signed_prekey_id=current.pending.signed_prekey_id,
        one_time_prekey_id=current.pending.one_time_prekey_id,
    )
    return Frame(kind="prekey message", message=hand_made.VERSION + join(fields, number_fields(params.fields)))


def spell_keys(params: OfMessage, handles: Handles) -> Texts:
    """Spell all keys of a message, in the ways in which a saved state may write them."""
    chain = take_chain(find_ratchet(handles, params.writer))
    seed = chain.seed(params.counter)
    cipher_key, mac_key, _ = double_ratchet.derive_message_keys(seed)
    keys = (chain.chain_key_at(params.counter), seed, cipher_key, mac_key)
    return Texts(texts=[text for key in keys for text in spell(key)])


def spell(secret: bytes) -> list[str]:
    """The texts that a saved state may write a secret as: hex, and base64 wherever it begins in it."""
    texts = [secret.hex(), secret.hex().upper()]
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + secret).decode("ascii")
        texts.append(encoded[(4 * shift + 2) // 3 + (1 if shift else 0) : -4].strip("="))
    return texts


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
    "hand_made.message": (make_message, MakeMessage, Frame),
    "hand_made.prekey_message": (make_prekey_message, MakePrekeyMessage, Frame),
    "hand_made.spell_keys": (spell_keys, OfMessage, Texts),
    "sealing.split": (split, Sealed, SplitSealed),
    **peer_layers.FUNCTIONS,
    **peer_onions.FUNCTIONS,
    **peer_groups.FUNCTIONS,
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
