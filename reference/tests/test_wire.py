"""Chapter 01: every accepted text is the one an encoder writes, and the protobuf reader against a second one."""

import base64
import re

import pytest
from cloister import errors, wire
from cloister._proto.sender_keys_pb2 import SenderKeyDistributionMessage
from hypothesis import example, given
from hypothesis import strategies as st

NUMBERS = ("id", "iteration")
FIELDS = {1: "id", 2: "iteration", 3: "chain_key", 4: "signing_key"}


def spellings(alphabet: str) -> st.SearchStrategy[str]:
    """Texts that are nearly right."""
    return st.text(alphabet=alphabet, max_size=12) | st.text(max_size=6)


@given(spellings("0123456789abcdefABCDEF g"))
def test_accepted_hex_is_what_an_encoder_writes(text: str) -> None:
    canonical = len(text) % 2 == 0 and all(character in "0123456789abcdef" for character in text)
    if canonical:
        assert wire.decode_hex(text, what="text").hex() == text
    else:
        with pytest.raises(errors.InvalidEncoding):
            wire.decode_hex(text, what="text")


@given(spellings("0123456789+-. _"))
def test_accepted_number_is_what_an_encoder_writes(text: str) -> None:
    canonical = text != "" and all(character in "0123456789" for character in text) and str(int(text)) == text
    if canonical:
        assert wire.decode_decimal(text, what="text") == int(text)
    else:
        with pytest.raises(errors.InvalidEncoding):
            wire.decode_decimal(text, what="text")


@given(st.binary(max_size=60))
def test_encoded_base64_is_accepted(data: bytes) -> None:
    assert wire.decode_base64(wire.encode_base64(data), what="data") == data


BASE64 = re.compile(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?")


@st.composite
def damaged_base64(draw: st.DrawFn) -> str:
    """Canonical base64 of which one character is another one."""
    text = base64.b64encode(draw(st.binary(min_size=1, max_size=9))).decode("ascii")
    position = draw(st.integers(0, len(text) - 1))
    return text[:position] + draw(st.sampled_from("AQgwZmh9+/-_= \n")) + text[position + 1 :]


@given(damaged_base64() | spellings("AQgwZm9v+/-_= \n"))
def test_accepted_base64_is_what_an_encoder_writes(text: str) -> None:
    if BASE64.fullmatch(text):
        assert wire.encode_base64(wire.decode_base64(text, what="data")) == text
    else:
        with pytest.raises(errors.InvalidEncoding):
            wire.decode_base64(text, what="data")


@given(st.binary(max_size=300), st.integers(0, 64))
def test_arbitrary_bytes_are_split_or_refused(frame: bytes, trailer_bytes: int) -> None:
    try:
        protobuf, trailer = wire.split_frame(frame, trailer_bytes=trailer_bytes)
    except errors.ProtocolViolation:
        return
    assert frame[:1] + protobuf + trailer == frame
    assert len(trailer) == trailer_bytes


# A second protobuf reader


class UnreadableError(Exception):
    """The bytes are not a protobuf message."""


class Reader:
    """Reads bytes from the front."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, size: int) -> bytes:
        if size > len(self.data):
            raise UnreadableError
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def varint(self) -> int:
        value = 0
        for index in range(10):
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                return value & (1 << 64) - 1
        raise UnreadableError

    def field(self) -> tuple[int, int, int | bytes]:
        tag = self.varint()
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise UnreadableError
        if wire_type == 0:
            return number, 0, self.varint()
        if wire_type == 2:
            return number, 2, self.take(self.varint())
        if wire_type == 3:
            while (inner := self.field())[:2] != (number, 4):
                if inner[1] == 4:
                    raise UnreadableError
            return number, 3, b""
        if wire_type == 4:
            return number, 4, b""
        if wire_type in (1, 5):
            return number, wire_type, self.take(8 if wire_type == 1 else 4)
        raise UnreadableError


def read_distribution(data: bytes) -> dict[str, int | bytes]:
    """Read the four fields as chapter 01 says."""
    reader = Reader(data)
    values: dict[str, int | bytes] = {}
    while reader.data:
        number, wire_type, value = reader.field()
        if wire_type == 4:
            raise UnreadableError
        name = FIELDS.get(number)
        if name and isinstance(value, int) and name in NUMBERS:
            values[name] = value & 0xFFFFFFFF
        elif name and isinstance(value, bytes) and wire_type == 2 and name not in NUMBERS:
            values[name] = value
    if values.keys() != set(FIELDS.values()):
        raise UnreadableError
    return values


def varint(value: int, size: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80 or len(encoded) < size - 1:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])


@st.composite
def fields(draw: st.DrawFn) -> bytes:
    """A field of any number and wire type, its varints perhaps too long; tags and lengths in at most 5 bytes."""
    number = draw(st.sampled_from([1, 2, 3, 4]) | st.integers(0, 20))
    wire_type = draw(st.sampled_from([0, 2, 2, 0]) | st.integers(0, 7))
    tag = varint(number << 3 | wire_type, draw(st.integers(1, 5)))
    if wire_type == 0:
        return tag + varint(draw(st.integers(0, 2**64 - 1) | st.integers(0, 300)), draw(st.integers(1, 11)))
    if wire_type == 2:
        value = draw(st.binary(max_size=5))
        return tag + varint(len(value) + draw(st.sampled_from([0, 0, 0, 0, 1])), draw(st.integers(1, 5))) + value
    return tag + draw(st.binary(min_size=8, max_size=8) if wire_type == 1 else st.binary(min_size=4, max_size=4))


@st.composite
def groups(draw: st.DrawFn) -> bytes:
    """A group with fields and perhaps groups in it."""
    number = draw(st.integers(1, 6))
    inside = draw(st.lists(st.one_of(fields(), st.deferred(groups)), max_size=2))
    return varint(number << 3 | 3, 1) + b"".join(inside) + varint(number << 3 | 4, 1)


GOOD = b"\x08\x05\x10\x00\x1a\x01k\x22\x01s"


@given(
    st.lists(st.one_of(fields(), groups()), max_size=4).map(b"".join),
    st.lists(fields(), max_size=3).map(b"".join),
    st.integers(0, 3) | st.just(0),
)
@example(before=b"\x4b\x00\x01\x4c", after=b"", cut=0)
@example(before=b"", after=b"\x4b\x53\x02\x01x\x00\x01\x54\x4c", cut=0)
def test_protobuf_is_read_as_by_a_second_reader(before: bytes, after: bytes, cut: int) -> None:
    data = before + GOOD + after
    data = data[: len(data) - cut]
    try:
        expected: dict[str, int | bytes] | None = read_distribution(data)
    except UnreadableError:
        expected = None

    try:
        message = wire.decode_protobuf(SenderKeyDistributionMessage, data)
    except errors.InvalidMessage:
        assert expected is None
        return
    assert {name: getattr(message, name) for name in FIELDS.values()} == expected


@given(st.binary(max_size=120))
def test_arbitrary_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        wire.decode_protobuf(SenderKeyDistributionMessage, data)
    except errors.InvalidMessage:
        return
    assert read_distribution(data)
