"""Chapter 05, second part: padding, and the envelope that everything in a swarm is.

- The source of an envelope is what the sender says; the frame inside proves it.
- What a kind of content is, and what to do with it, is said in its own chapter.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from cloister import errors, identity, sealing, wire
from cloister._proto import envelopes_pb2
from cloister.identity import PrivateKey, PublicKey

PADDING_BLOCK_BYTES = 160
PADDING_MARK = 0x80
SEALED_OVERHEAD_BYTES = 66
MAX_PADDED_BYTES = 76_639
KIND_MESSAGE = 1
KIND_PREKEY_MESSAGE = 3
KIND_GROUP_MESSAGE = 7
KIND_SESSION_REQUEST = 101

Kind = Literal["message", "prekey message", "group message", "session request"]
NUMBERS = (KIND_MESSAGE, KIND_PREKEY_MESSAGE, KIND_GROUP_MESSAGE, KIND_SESSION_REQUEST)
NUMBER_OF: dict[Kind, int] = dict(zip(get_args(Kind), NUMBERS, strict=True))
KIND_OF: dict[int, Kind] = {number: kind for kind, number in NUMBER_OF.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What is sealed: the kind of the content, who says that it sent it, and when."""

    kind: Kind
    source: PublicKey
    timestamp_ms: int
    content: bytes


# Padding


def derive_padded_size(size: int) -> int:
    """Derive the size, in bytes, to which a text of this size is padded.

    Clauses: EN-1
    """
    blocks = -(-(size + 2) // PADDING_BLOCK_BYTES)
    return blocks * PADDING_BLOCK_BYTES - 1


def pad(text: bytes) -> bytes:
    """Pad a text.

    Clauses: EN-1
    """
    return (text + bytes([PADDING_MARK])).ljust(derive_padded_size(len(text)), b"\0")


def unpad(padded: bytes) -> bytes:
    """Take the padding off.

    Raises:
        InvalidMessage: there is no mark, or the size is not that of the text inside.
    Clauses: EN-2, EN-3
    """
    marked = padded.rstrip(b"\0")
    if not marked.endswith(bytes([PADDING_MARK])):
        raise errors.InvalidMessage(reason="the padding has no mark")
    text = marked[:-1]
    if len(padded) != derive_padded_size(len(text)):
        raise errors.InvalidMessage(reason="the padding has another size than its text wants")
    return text


# Envelopes


def encode_envelope(envelope: Envelope) -> bytes:
    """Encode an envelope as protobuf.

    Raises:
        OutOfRange: its time does not have 13 digits.
    Clauses: EN-14, NE-15, NE-20
    """
    wire.check_timestamp(envelope.timestamp_ms)
    return wire.encode_protobuf(
        envelopes_pb2.Envelope(
            kind=NUMBER_OF[envelope.kind],
            source=identity.encode_account_id(envelope.source),
            timestamp_ms=envelope.timestamp_ms,
            content=envelope.content,
        )
    )


def decode_envelope(data: bytes) -> Envelope:
    """Decode an envelope.

    Raises:
        InvalidMessage: it does not parse, a field is absent, or its kind has no name.
        InvalidEncoding, InvalidKey: its source is no account id.
        OutOfRange: its time does not have 13 digits.
    Clauses: EN-14, EN-15, EN-16
    """
    fields = wire.decode_protobuf(envelopes_pb2.Envelope, data)
    if fields.kind not in KIND_OF:
        raise errors.InvalidMessage(reason=f"there is no kind {fields.kind}")
    if not fields.source.isascii():  # protobuf hands a text that is no UTF-8 over as bytes
        raise errors.InvalidEncoding(what="source")
    source = identity.decode_account_id(fields.source)
    wire.check_timestamp(fields.timestamp_ms)
    return Envelope(kind=KIND_OF[fields.kind], source=source, timestamp_ms=fields.timestamp_ms, content=fields.content)


def seal_envelope(recipient: PublicKey, envelope: Envelope, random: wire.Random) -> bytes:
    """Pad an envelope and seal it to the key that it is stored under.

    Raises:
        TooLarge: its content does not fit.
        OutOfRange: its time does not have 13 digits.
    Clauses: EN-1, EN-10, EN-11
    """
    padded = pad(encode_envelope(envelope))
    if len(padded) > MAX_PADDED_BYTES:
        raise errors.TooLarge(what="padded envelope", limit=MAX_PADDED_BYTES, got=len(padded))
    return sealing.seal(recipient, padded, random)


def open_envelope(private: PrivateKey, sealed: bytes) -> Envelope:
    """Open an unverified sealed envelope with the private key that it is addressed to.

    Raises:
        TooLarge, InvalidMessage, InvalidKey, DecryptionFailed: as `sealing.open_sealed`.
        InvalidMessage, InvalidEncoding, InvalidKey, OutOfRange: as `unpad` and `decode_envelope`.
    Clauses: EN-12, EN-13
    """
    return decode_envelope(unpad(sealing.open_sealed(private, sealed)))
