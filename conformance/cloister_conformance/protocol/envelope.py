"""The methods of chapter 05 about padding and envelopes."""

from typing import Literal

from cloister_conformance.protocol.messages import Hex, Message, Method
from cloister_conformance.protocol.sealing import SEALED_ERRORS, OpenSealed, Random, Sealed

Kind = Literal["message", "prekey message", "group message", "session request"]


class Text(Message):
    text: Hex


class Padded(Message):
    padded: Hex


class Envelope(Message):
    kind: Kind
    source: str
    timestamp_ms: int
    content: Hex


class Seal(Envelope):
    public_key: Hex
    random: Random = None


METHODS = (
    Method(
        name="envelope.pad",
        capability="padding",
        summary="Pad a text.",
        params=Text,
        result=Padded,
        sample={"text": ""},
    ),
    Method(
        name="envelope.unpad",
        capability="padding",
        summary="Take the padding off.",
        params=Padded,
        result=Text,
        errors=("InvalidMessage",),
        sample={"padded": ""},
    ),
    Method(
        name="envelope.seal_envelope",
        capability="envelopes",
        summary="Pad an envelope and seal it; `random` is the ephemeral private key, 32 bytes, and the IV.",
        params=Seal,
        result=Sealed,
        errors=("TooLarge", "InvalidKey", "InvalidEncoding", "OutOfRange"),
        sample={"public_key": "", "kind": "message", "source": "05", "timestamp_ms": 0, "content": ""},
    ),
    Method(
        name="envelope.open_envelope",
        capability="envelopes",
        summary="Open a sealed envelope.",
        params=OpenSealed,
        result=Envelope,
        errors=(*SEALED_ERRORS, "InvalidEncoding", "OutOfRange"),
        sample={"private_key": "40" * 32, "sealed": ""},
    ),
)
