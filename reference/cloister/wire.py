r"""Chapter 01: bytes and text, the only encoders and decoders of the reference.

- A value has one text; every other spelling is refused.
- A limit is checked before the work that it bounds.
- What is decoded here is well-formed, not yet authentic.

    >>> decode_hex("000fff", what="example")
    b'\x00\x0f\xff'
    >>> decode_decimal("086", what="ttl")
    Traceback (most recent call last):
    cloister.errors.InvalidEncoding: ttl is not in its canonical form
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from cloister import errors

MAX_FRAME_BYTES = 76_800
MAX_CONTENT_BYTES = 76_557
VERSION = 3
MIN_TIMESTAMP_MS = 1_000_000_000_000
MAX_TIMESTAMP_MS = 9_999_999_999_999

VERSION_BYTE = bytes([VERSION << 4 | 3])
HEX = re.compile(r"([0-9a-f]{2})*", re.ASCII)
DECIMAL = re.compile(r"0|[1-9][0-9]*", re.ASCII)
MAX_DECIMAL_DIGITS = 20
START_GROUP = 3
"""The wire type with which a group begins."""

Random = Callable[[int], bytes]
"""A source of random bytes: takes a size in bytes, returns that many."""

AnyMessage = TypeVar("AnyMessage", bound=Message)


def decode_hex(text: str, *, what: str) -> bytes:
    """Decode canonical hex.

    Raises:
        InvalidEncoding: a digit is in upper case, the length is odd, or a character is no digit.
    Clauses: NE-1
    """
    if not HEX.fullmatch(text):
        raise errors.InvalidEncoding(what=what)
    return bytes.fromhex(text)


def check_hex(text: str, digits: int, *, what: str) -> str:
    """Check that a text is canonical hex of so many digits, and return it.

    Raises:
        InvalidEncoding: it is not.
    Clauses: NE-1
    """
    if len(text) != digits:
        raise errors.InvalidEncoding(what=what)
    decode_hex(text, what=what)
    return text


def decode_decimal(text: str, *, what: str) -> int:
    """Decode a canonical decimal number of at most 20 digits, which hold any unsigned 64-bit number.

    Raises:
        InvalidEncoding: the text is not a decimal number, or longer.
    Clauses: NE-2
    """
    if len(text) > MAX_DECIMAL_DIGITS or not DECIMAL.fullmatch(text):
        raise errors.InvalidEncoding(what=what)
    return int(text)


def encode_base64(data: bytes) -> str:
    """Encode with the standard alphabet and padding."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, *, what: str) -> bytes:
    """Decode canonical base64.

    Raises:
        InvalidEncoding: encoding the result again would give another text.
    Clauses: NE-3
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise errors.InvalidEncoding(what=what) from None
    if encode_base64(data) != text:
        raise errors.InvalidEncoding(what=what)
    return data


def decode_object(data: bytes | str, *, what: str) -> dict[str, Any]:
    """Decode the JSON text of an object, UTF-8 and unverified.

    Raises:
        InvalidMessage: it is no JSON, or no object.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        value = json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        raise errors.InvalidMessage(reason=f"{what} is not JSON") from None
    if not isinstance(value, dict):
        raise errors.InvalidMessage(reason=f"{what} is not a JSON object")
    return value


def refuse_constant(name: str) -> None:
    """Refuse NaN and the infinities, which Python reads and JSON does not have."""
    raise ValueError(name)


def take_text(fields: Mapping[str, Any], name: str) -> str:
    """Take a text out of a JSON object.

    Raises:
        InvalidMessage: it is absent or no string.
    """
    value = fields.get(name)
    if not isinstance(value, str):
        raise errors.InvalidMessage(reason=f"{name} is absent or no string")
    return value


def is_encodable(text: str) -> bool:
    """Tell whether a text can be written in UTF-8: JSON can hold halves of characters, which cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_range(value: int, low: int, high: int, *, what: str) -> None:
    """Check that `low <= value <= high`.

    Raises:
        OutOfRange: it is not.
    """
    if not low <= value <= high:
        raise errors.OutOfRange(what=what, low=low, high=high, got=value)


def check_timestamp(timestamp_ms: int) -> None:
    """Check that a time has 13 digits.

    Raises:
        OutOfRange: it has fewer or more.
    Clauses: NE-18, NE-20
    """
    check_range(timestamp_ms, MIN_TIMESTAMP_MS, MAX_TIMESTAMP_MS, what="timestamp")


def encode_frame(message: Message) -> bytes:
    """Encode `version byte || protobuf`; the caller appends the trailer.

    Clauses: NE-7, NE-15
    """
    return VERSION_BYTE + encode_protobuf(message)


def encode_protobuf(message: Message) -> bytes:
    """Encode a protobuf message; fields that are None are left out.

    Clauses: NE-15
    """
    return message.SerializeToString(deterministic=True)


def check_frame_size(frame: bytes) -> None:
    """Check the size of an unverified frame.

    Raises:
        TooLarge: it is longer than `MAX_FRAME_BYTES`.
    Clauses: NE-4
    """
    if len(frame) > MAX_FRAME_BYTES:
        raise errors.TooLarge(what="frame", limit=MAX_FRAME_BYTES, got=len(frame))


def check_content_size(frame: bytes) -> None:
    """Check that a frame that we write fits into an envelope.

    Raises:
        TooLarge: it is longer than `MAX_CONTENT_BYTES`.
    Clauses: NE-19
    """
    if len(frame) > MAX_CONTENT_BYTES:
        raise errors.TooLarge(what="frame", limit=MAX_CONTENT_BYTES, got=len(frame))


def split_frame(frame: bytes, *, trailer_bytes: int) -> tuple[bytes, bytes]:
    """Split an unverified frame into the protobuf bytes and the trailer.

    Raises:
        TooLarge: the frame is longer than `MAX_FRAME_BYTES`.
        InvalidMessage: it is shorter than its version byte and its trailer.
        UnsupportedVersion: its version is not 3.
    Clauses: NE-4, NE-5, NE-6, NE-16
    """
    check_frame_size(frame)
    if len(frame) < 1 + trailer_bytes:
        raise errors.InvalidMessage(reason="the frame is too short")
    if frame[0] >> 4 != VERSION:
        raise errors.UnsupportedVersion(got=frame[0] >> 4)

    end = len(frame) - trailer_bytes
    return frame[1:end], frame[end:]


def decode_protobuf(kind: type[AnyMessage], data: bytes, *, optional: Collection[str] = ()) -> AnyMessage:
    """Decode a protobuf message in which every field is present but those that may be absent, also in the messages inside.

    Raises:
        InvalidMessage: the bytes do not parse, or a field is absent.
    Clauses: NE-8, NE-9, NE-10, NE-11, NE-12, NE-13, NE-14
    """
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise errors.InvalidMessage(reason="the protobuf does not parse") from None
    check_fields(message, optional)
    return message


def check_fields(message: Message, optional: Collection[str]) -> None:
    """Check that every field is present but those that may be absent, and that none has the number 0.

    Raises:
        InvalidMessage: one is absent, or has the number 0.
    Clauses: NE-11, NE-12
    """
    if holds_number_0(UnknownFieldSet(message)):
        raise errors.InvalidMessage(reason="a field has the number 0")
    for field in message.DESCRIPTOR.fields:
        if not field.is_repeated and not message.HasField(field.name):
            if field.name not in optional:
                raise errors.InvalidMessage(reason=f"{field.name} is absent")
        elif field.message_type is not None:
            inner = getattr(message, field.name)
            for each in inner if field.is_repeated else [inner]:
                check_fields(each, optional)


def holds_number_0(unknown: UnknownFieldSet) -> bool:
    """Tell whether an unknown field has the number 0; the parser lets it pass inside of a group.

    Clauses: NE-12
    """
    for index in range(len(unknown)):
        field = unknown[index]
        if field.field_number == 0 or (field.wire_type == START_GROUP and holds_number_0(field.data)):
            return True
    return False


def check_size(value: bytes, size: int, *, what: str) -> None:
    """Check the size of a field, in bytes.

    Raises:
        InvalidMessage: it has another size.
    """
    if len(value) != size:
        raise errors.InvalidMessage(reason=f"{what} has {len(value)} bytes, not {size}")
