"""What the peer alone does for chapter 08, role `service-node`: layers for a port that changes, and taking apart what a node wrote."""

import json
from collections.abc import Callable
from typing import Any

from cloister import errors, wire
from pydantic import JsonValue

from cloister_conformance.hand_made import onion_requests as hand_made
from cloister_conformance.protocol.messages import Hex, Hex32, Message
from cloister_conformance.reference_adapter.handles import Handles


class ExitLayer(Message):
    """A layer for a node that sends it to a server: the bytes, and the members of the control; the port has its own place."""

    recipient: Hex32
    data: Hex
    control: dict[str, JsonValue]
    port: JsonValue = None


class SealedLayer(Message):
    """What is sent to the node, what it decrypts, and the key of what it answers itself."""

    body: Hex
    plaintext: Hex
    reply_key: Hex32


class Frame(Message):
    """A frame."""

    frame: Hex


class DecodedFrame(Message):
    """The bytes and the control of a frame."""

    data: Hex
    control: dict[str, JsonValue]


class SealedAnswer(Message):
    """An answer, and the key that it is sealed with."""

    reply_key: Hex32
    answer: str


class OpenedAnswer(Message):
    """What is in an answer: the IV, the status, the text, and the JSON value that it is the text of, else null."""

    iv: Hex
    status: int
    body: str
    value: JsonValue


def seal_for_exit(params: ExitLayer, handles: Handles) -> SealedLayer:
    """Seal a layer for an exit."""
    port = {} if params.port is None else {"port": params.port}
    layer = hand_made.seal(params.recipient, hand_made.write_frame(params.data, {**params.control, **port}))
    return SealedLayer(body=layer.body, plaintext=layer.plaintext, reply_key=layer.key)


def decode_frame(params: Frame, handles: Handles) -> DecodedFrame:
    """Take a frame apart."""
    data, control = hand_made.read_frame(params.frame)
    return DecodedFrame(data=data, control=control)


def open_answer(params: SealedAnswer, handles: Handles) -> OpenedAnswer:
    """Open an answer, whose members are a status and a text."""
    sealed = wire.decode_base64(params.answer, what="answer")
    try:
        reply = json.loads(hand_made.decrypt(params.reply_key, sealed))
    except ValueError:
        reply = None
    status, body = (reply.get("status"), reply.get("body")) if isinstance(reply, dict) else (None, None)
    if type(status) is not int or not isinstance(body, str):
        raise errors.InvalidMessage(reason="the answer is no status and text")
    return OpenedAnswer(iv=sealed[: hand_made.IV_BYTES], status=status, body=body, value=decode_value(body))


def decode_value(text: str) -> JsonValue:
    """Decode the JSON value that a text is; one that is none has the value null."""
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return None
    return value


FUNCTIONS: dict[str, tuple[Callable[[Any, Handles], Message], type[Message], type[Message]]] = {
    "onion.seal_for_exit": (seal_for_exit, ExitLayer, SealedLayer),
    "onion.decode_frame": (decode_frame, Frame, DecodedFrame),
    "onion.open_answer": (open_answer, SealedAnswer, OpenedAnswer),
}
