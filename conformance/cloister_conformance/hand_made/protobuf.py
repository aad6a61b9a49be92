"""Protobuf messages built field by field, so that each can be wrong in one place."""

from collections.abc import Mapping
from enum import IntEnum

VARINT = "(?:[89a-f][0-9a-f])*[0-7][0-9a-f]"
"""A pattern for a varint in hex."""


class WireType(IntEnum):
    """How the value of a field is encoded."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    START_GROUP = 3
    END_GROUP = 4
    FIXED32 = 5


def varint(value: int, *, size: int = 1) -> bytes:
    """Encode a varint in at least `size` bytes."""
    encoded = bytearray()
    while value > 0x7F or len(encoded) + 1 < size:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])


def tag(number: int, wire_type: int, *, size: int = 1) -> bytes:
    """Encode a tag in at least `size` bytes."""
    return varint(number << 3 | wire_type, size=size)


def field(number: int, value: int | bytes, *, size: int = 1) -> bytes:
    """Encode a field: an integer as a varint of at least `size` bytes, or bytes after a length of as many."""
    if isinstance(value, int):
        return tag(number, WireType.VARINT) + varint(value, size=size)
    return tag(number, WireType.BYTES) + varint(len(value), size=size) + value


def join(fields: Mapping[int, bytes], other: Mapping[int, bytes]) -> bytes:
    """Join encoded fields, some replaced."""
    return b"".join(other.get(number, encoded) for number, encoded in fields.items())
