"""Chapter 01: frames and protobuf messages of every form, in the two layouts of chapter 04."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from cloister import wire

from cloister_conformance.hand_made import protobuf
from cloister_conformance.hand_made.protobuf import WireType
from cloister_conformance.hand_made.sender_keys import VERSION, make_sender
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.sender_keys.receiver import NOW_MS, process, read


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a layout: its encoding, and one of the same kind with another value."""

    name: str
    number: int
    wire_type: int
    encoded: bytes
    other: bytes

    @property
    def value(self) -> bytes:
        """The encoding without the tag."""
        return self.encoded[1:]


@dataclass(frozen=True, slots=True)
class Layout:
    """A kind of frame: the method that reads it, its fields, and how a frame is made of them."""

    kind: str
    method: str
    param: str
    fields: Sequence[Field]
    trailer_bytes: int
    build: Callable[[bytes, bytes], bytes]
    expected: Json
    before: Sequence[Json]
    after_valid: Sequence[Json]
    after_invalid: Sequence[Json]

    @property
    def encoded(self) -> list[bytes]:
        """The encodings of the fields, in order."""
        return [field.encoded for field in self.fields]


def distribution_layout() -> Layout:
    """The distribution, iteration 0; afterwards message 0 is read."""
    sender = make_sender("notation")
    other = make_sender("notation, other")
    return Layout(
        kind="Distribution",
        method="sender_keys.process",
        param="distribution",
        fields=[
            Field("id", 1, WireType.VARINT, protobuf.field(1, sender.key_id), protobuf.field(1, 6)),
            Field("iteration", 2, WireType.VARINT, protobuf.field(2, 0), protobuf.field(2, 1)),
            Field(
                "chain_key",
                3,
                WireType.BYTES,
                protobuf.field(3, sender.chain_key_at(0)),
                protobuf.field(3, other.chain_key_at(0)),
            ),
            Field(
                "signing_key",
                4,
                WireType.BYTES,
                protobuf.field(4, sender.signing_key.public),
                protobuf.field(4, other.signing_key.public),
            ),
        ],
        trailer_bytes=0,
        build=lambda version, fields: version + fields,
        expected={},
        before=[],
        after_valid=read(sender, 0),
        after_invalid=[process(sender), *read(sender, 0)],
    )


def message_layout() -> Layout:
    """The message of iteration 0, signed in whatever form it has; afterwards message 1 is read."""
    sender = make_sender("notation")
    return Layout(
        kind="Message",
        method="sender_keys.decrypt",
        param="message",
        fields=[
            Field("id", 1, WireType.VARINT, protobuf.field(1, sender.key_id), protobuf.field(1, 6)),
            Field("iteration", 2, WireType.VARINT, protobuf.field(2, 0), protobuf.field(2, 1)),
            Field(
                "ciphertext",
                3,
                WireType.BYTES,
                protobuf.field(3, sender.ciphertext(b"hello group", 0)),
                protobuf.field(3, sender.ciphertext(b"other", 1)),
            ),
        ],
        trailer_bytes=64,
        build=lambda version, fields: sender.sign(version + fields),
        expected={"plaintext": b"hello group".hex()},
        before=[process(sender)],
        after_valid=read(sender, 1),
        after_invalid=read(sender, 1),
    )


Variant = tuple[str, str, str, Sequence[bytes]]
"""Comment, flag, clauses, and the parts of the protobuf message."""


def frame_groups(layout: Layout) -> tuple[Group, Group]:
    """Frames of one layout that are read, and frames that are refused."""
    return read_frames(layout), refused_frames(layout)


def read_frames(layout: Layout) -> Group:
    """Unusual frames that every reader has to read."""
    group = Group(f"{layout.kind}Frame", layout.method, before=layout.before, after=layout.after_valid)

    def good(comment: str, flag: str, clauses: str, frame: bytes) -> None:
        inputs: Json = {"record": "alice", layout.param: frame, "now_ms": NOW_MS}
        group.valid(comment, flag, clauses, expected=layout.expected, **inputs)

    whole = b"".join(layout.encoded)
    good("as every writer writes it", "Canonical", "NE-7", layout.build(VERSION, whole))
    for low in (0, 1, 2, *range(4, 16)):
        frame = layout.build(bytes([0x30 | low]), whole)
        good(f"version byte 0x3{low:x}", "LowNibble", "NE-6", frame)
    for variants in (field_orders, added_fields, repeated_fields, long_varints, great_numbers, doubled_types):
        for comment, flag, clauses, parts in variants(layout):
            good(comment, flag, clauses, layout.build(VERSION, b"".join(parts)))
    comment = "of exactly 76800 bytes, filled up by an unknown field"
    good(comment, "FrameLimit", "NE-4 NE-9", fill_up(layout, wire.MAX_FRAME_BYTES))
    return group


def fill_up(layout: Layout, size: int) -> bytes:
    """Build a frame of a size, an unknown field taking the place."""
    room = size - 1 - sum(map(len, layout.encoded)) - layout.trailer_bytes
    return layout.build(VERSION, b"".join([*layout.encoded, protobuf.field(9, bytes(room - 4))]))


def field_orders(layout: Layout) -> Iterator[Variant]:
    """The fields in every order but the usual one."""
    for order in list(permutations(layout.fields))[1:]:
        names = ", ".join(field.name for field in order)
        yield f"order {names}", "FieldOrder", "NE-8", [field.encoded for field in order]


def added_fields(layout: Layout) -> Iterator[Variant]:
    """An unknown field of every wire type, of many numbers and in every place."""
    encoded = layout.encoded
    for number in (5, 15, 16, 100, 2047, 2048, 2**29 - 1):
        for kind, unknown in unknown_fields(number):
            yield f"unknown field {number}, {kind}, at the end", "UnknownField", "NE-9", [*encoded, unknown]
    for position, field in enumerate(layout.fields):
        for kind, unknown in unknown_fields(9):
            parts = [*encoded[:position], unknown, *encoded[position:]]
            yield f"unknown field 9, {kind}, before {field.name}", "UnknownField", "NE-9", parts


def repeated_fields(layout: Layout) -> Iterator[Variant]:
    """A field that occurs again; the last one is right."""
    encoded = layout.encoded
    for index, field in enumerate(layout.fields):
        before, after, name = encoded[:index], encoded[index + 1 :], field.name
        for comment, parts in (
            (f"{name} twice, the right one after all others", [*before, field.other, *after, field.encoded]),
            (f"{name} twice in its place, the right one last", [*before, field.other, field.encoded, *after]),
            (f"{name} twice, both right", [*encoded, field.encoded]),
            (f"{name} three times", [field.other, *encoded, field.other, field.encoded]),
        ):
            yield comment, "RepeatedField", "NE-10", parts
        if field.wire_type == WireType.BYTES:
            empty = protobuf.field(field.number, b"")
            yield f"{name} twice, the first empty", "RepeatedField", "NE-10", [empty, *encoded]
    parts = [*(field.other for field in layout.fields), *encoded]
    yield "all fields twice, the right ones last", "RepeatedField", "NE-10", parts


def replace_field(layout: Layout, field: Field, encoded: bytes) -> list[bytes]:
    """Encode the fields, one of them in another way."""
    return [encoded if one is field else one.encoded for one in layout.fields]


def long_varints(layout: Layout) -> Iterator[Variant]:
    """Tags, lengths and numbers in more bytes than necessary."""
    for field in layout.fields:
        for size in range(2, 6):
            tag = protobuf.tag(field.number, field.wire_type, size=size)
            parts = replace_field(layout, field, tag + field.value)
            yield f"tag of {field.name} in {size} bytes", "LongVarint", "NE-13", parts
        for size in range(2, 6 if field.wire_type == WireType.BYTES else 11):
            parts = replace_field(layout, field, encode_long(field, size))
            kind = f"length of {field.name}" if field.wire_type == WireType.BYTES else field.name
            yield f"{kind} in {size} bytes", "LongVarint", "NE-13", parts


def encode_long(field: Field, size: int) -> bytes:
    """Encode a field with its number or its length in this many bytes."""
    if field.wire_type == WireType.BYTES:
        return protobuf.field(field.number, field.value[1:], size=size)
    return protobuf.field(field.number, field.value[0], size=size)


def great_numbers(layout: Layout) -> Iterator[Variant]:
    """Numbers with bits above the 32 that count."""
    for field in layout.fields:
        if field.wire_type == WireType.VARINT:
            for bit in (32, 33, 35, 40, 62, 63):
                parts = replace_field(layout, field, protobuf.field(field.number, field.value[0] + (1 << bit)))
                yield f"{field.name} plus 2^{bit}", "HighBits", "NE-13", parts


def doubled_types(layout: Layout) -> Iterator[Variant]:
    """A field that is there, and its number once more with another wire type."""
    for field in layout.fields:
        for kind, other in other_wire_types(field):
            yield f"{field.name} also as {kind}, before", "OtherWireType", "NE-14", [other, *layout.encoded]
            yield f"{field.name} also as {kind}, after", "OtherWireType", "NE-14", [*layout.encoded, other]


OTHER_VERSIONS = [
    *(high << 4 | 3 for high in range(16) if high != wire.VERSION),
    *(0x20, 0x2F, 0x24, 0x40, 0x44, 0x4F, 0x05, 0xFF),
]


def refused_frames(layout: Layout) -> Group:
    """Frames with one thing wrong with their form."""
    group = Group(f"{layout.kind}Frame", layout.method, before=layout.before, after=layout.after_invalid)

    def bad(comment: str, error: str, flag: str, clauses: str, frame: bytes) -> None:
        inputs: Json = {"record": "alice", layout.param: frame, "now_ms": NOW_MS}
        group.invalid(comment, error, flag, clauses, **inputs)

    whole = b"".join(layout.encoded)
    for version in OTHER_VERSIONS:
        frame = layout.build(bytes([version]), whole)
        bad(f"version byte 0x{version:02x}", "UnsupportedVersion", "OtherVersion", "NE-5", frame)
    for size in range(1 + layout.trailer_bytes):
        frame = layout.build(VERSION, whole)[:size]
        bad(f"only the first {size} bytes", "InvalidMessage", "FrameTooShort", "NE-16", frame)
    for variants in (cut_messages, absent_fields, broken_messages, giant_lengths):
        for comment, flag, clauses, parts in variants(layout):
            bad(comment, "InvalidMessage", flag, clauses, layout.build(VERSION, b"".join(parts)))
    frame = fill_up(layout, wire.MAX_FRAME_BYTES + 1)
    bad("of 76801 bytes, filled up by an unknown field", "TooLarge", "FrameLimit", "NE-4", frame)
    return group


def cut_messages(layout: Layout) -> Iterator[Variant]:
    """The protobuf message cut after each of its bytes."""
    whole = b"".join(layout.encoded)
    between_fields = [sum(map(len, layout.encoded[:count])) for count in range(len(layout.encoded))]
    for size in range(len(whole)):
        if size in between_fields:
            yield f"protobuf cut after {size} bytes, between fields", "AbsentField", "NE-11", [whole[:size]]
        else:
            yield f"protobuf cut after {size} bytes", "Truncated", "NE-12", [whole[:size]]


def absent_fields(layout: Layout) -> Iterator[Variant]:
    """A required field is absent, or there with another wire type only."""
    for field in layout.fields:
        others = replace_field(layout, field, b"")
        yield f"{field.name} absent", "AbsentField", "NE-11", others
        for kind, other in other_wire_types(field):
            yield f"{field.name} only as {kind}", "OtherWireType", "NE-14 NE-11", [*others, other]
    for field in layout.fields[1:]:
        yield f"nothing but {field.name}", "AbsentField", "NE-11", [field.encoded]


def broken_messages(layout: Layout) -> Iterator[Variant]:
    """Parts that no message can have, beside fields that are all right."""
    for name, part in broken_parts():
        yield f"{name}, at the front", "NotProtobuf", "NE-12", [part, *layout.encoded]
        yield f"{name}, at the end", "NotProtobuf", "NE-12", [*layout.encoded, part]
    for field in layout.fields:
        if field.wire_type == WireType.VARINT:
            yield (
                f"{field.name} in 11 bytes",
                "NotProtobuf",
                "NE-12",
                replace_field(layout, field, encode_long(field, 11)),
            )


def giant_lengths(layout: Layout) -> Iterator[Variant]:
    """A length that goes far beyond the end."""
    for index, field in enumerate(layout.fields):
        if field.wire_type == WireType.BYTES:
            for length in (2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1):
                giant = protobuf.tag(field.number, WireType.BYTES) + protobuf.varint(length) + field.value[1:]
                yield f"{field.name} with length {length}", "LengthPrefix", "NE-12", [*layout.encoded[:index], giant]


def unknown_fields(number: int) -> Iterator[tuple[str, bytes]]:
    """One field of each wire type."""
    tag = protobuf.tag
    yield "varint", tag(number, WireType.VARINT) + b"\x7f"
    yield "64 bits", tag(number, WireType.FIXED64) + b"\xff" * 8
    yield "bytes", tag(number, WireType.BYTES) + b"\x03abc"
    yield "empty bytes", tag(number, WireType.BYTES) + b"\x00"
    yield "group", tag(number, WireType.START_GROUP) + b"\x08\x07" + tag(number, WireType.END_GROUP)
    yield "32 bits", tag(number, WireType.FIXED32) + b"\xff" * 4


def other_wire_types(field: Field) -> Iterator[tuple[str, bytes]]:
    """A field's number with each wire type that is not its own."""
    own = "varint" if field.wire_type == WireType.VARINT else "bytes"
    for kind, encoded in unknown_fields(field.number):
        if own not in kind:
            yield kind, encoded


def broken_parts() -> Iterator[tuple[str, bytes]]:
    """Parts that make any message unreadable."""
    tag = protobuf.tag
    for wire_type, value in (
        (WireType.VARINT, b"\x01"),
        (WireType.FIXED64, bytes(8)),
        (WireType.BYTES, b"\x00"),
        (WireType.FIXED32, bytes(4)),
    ):
        yield f"field number 0, wire type {wire_type}", tag(0, wire_type) + value
    for unassigned in (6, 7):
        yield f"wire type {unassigned}", tag(9, unassigned) + b"\x01"
    yield "an unknown varint of 11 bytes", protobuf.field(9, 1, size=11)
    yield "a length of 11 bytes", protobuf.field(9, b"abc", size=11)
    yield "a tag of 11 bytes", tag(9, WireType.VARINT, size=11) + b"\x01"
    yield "an end of a group that has not begun", tag(9, WireType.END_GROUP)
    yield "a group that ends as another", tag(9, WireType.START_GROUP) + tag(10, WireType.END_GROUP)
