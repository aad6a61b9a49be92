"""Chapter 01: encodings and errors, shown on the frames and texts of later chapters."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from cloister import envelope, identity, wire, x3dh
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.conversations import Frame
from cloister_conformance.hand_made.protobuf import VARINT, WireType, field, join, varint
from cloister_conformance.hand_made.sender_keys import NOTHING, make_sender
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Answer, ImplementationUnderTest
from cloister_conformance.strategies import NOW, flip
from cloister_conformance.suites.envelopes import envelope_fields, open_envelope, open_sealed, seal_by_hand
from cloister_conformance.suites.pairwise_sessions import first, import_keys, plain
from cloister_conformance.suites.pairwise_sessions_records import ALICES, BUNDLE_FIELDS, make_receiver, make_request

SENDER = make_sender()
ALICE = identity.derive_identity(b"\x01" * 32)
MESSAGE_FIELDS = (1, 2, 3)
DISTRIBUTION_FIELDS = (1, 2, 3, 4)


def process(iut: ImplementationUnderTest, distribution: bytes, record: str = "record") -> Any:  # noqa: ANN401
    """Let the implementation process a distribution."""
    return iut.call("sender_keys.process", record=record, distribution=distribution, now_ms=NOW)


def decrypt(iut: ImplementationUnderTest, message: bytes, record: str = "record") -> Any:  # noqa: ANN401
    """Let the implementation decrypt a message."""
    return iut.call("sender_keys.decrypt", record=record, message=message, now_ms=NOW)


def receive(iut: ImplementationUnderTest, body: bytes) -> Any:  # noqa: ANN401
    """Let the implementation, which holds the sender's key, decrypt a signed body."""
    process(iut, SENDER.distribution()).must_be()
    return decrypt(iut, SENDER.sign(body))


def order_fields(fields: dict[int, bytes], order: list[int]) -> bytes:
    """Encode a frame with its fields in another order."""
    return b"\x33" + b"".join(fields[number] for number in order)


# Text


@clause("NE-1")
@pytest.mark.parametrize(
    "change", [str.upper, lambda text: text[:-1] + "g", lambda text: text[:-1] + " ", lambda text: text[:-2] + "é9"]
)
def test_hex_that_is_not_canonical_is_refused(actors: Actors, change: Any) -> None:  # noqa: ANN401
    iut, _ = actors()
    iut.call("identity.decode_account_id", text=change(ALICE.public.hex())).must_be_refused("InvalidEncoding")


@clause("NE-1")
@given(position=st.integers(min_value=0, max_value=65))
def test_one_digit_in_upper_case_is_refused(actors: Actors, position: int) -> None:
    iut, peer = actors()
    text = ALICE.public.hex()
    text = text[:position] + text[position].upper() + text[position + 1 :]
    expected = peer.call("identity.decode_account_id", text=text)
    iut.call("identity.decode_account_id", text=text).must_be_like(expected)


# Frames


@clause("NE-4")
def test_a_message_over_the_frame_limit_is_refused(actors: Actors) -> None:
    iut, _ = actors()
    process(iut, SENDER.distribution()).must_be()
    message = SENDER.message(bytes(wire.MAX_FRAME_BYTES - 80))
    assert len(message) > wire.MAX_FRAME_BYTES
    decrypt(iut, message).must_be_refused("TooLarge")


@clause("NE-4")
def test_a_message_at_the_frame_limit_is_read(actors: Actors) -> None:
    iut, _ = actors()
    process(iut, SENDER.distribution()).must_be()
    plaintext = bytes(76_700)
    unknown = field(9, bytes(wire.MAX_FRAME_BYTES - len(SENDER.message(plaintext)) - 2))
    message = SENDER.sign(SENDER.message(plaintext)[:-64] + unknown)
    assert len(message) == wire.MAX_FRAME_BYTES
    decrypt(iut, message).must_be(plaintext=plaintext)


@clause("NE-19")
def test_a_text_too_long_for_a_frame_is_not_encrypted(actors: Actors) -> None:
    iut, peer = actors()
    iut.call("sender_keys.create", key="ours").must_be()
    distribution = iut.call("sender_keys.distribute", key="ours").result.distribution
    peer.call("sender_keys.process", record="record", distribution=distribution, now_ms=NOW).must_be()
    iut.call("sender_keys.encrypt", key="ours", plaintext=bytes(76_480)).must_be_refused("TooLarge")
    message = iut.call("sender_keys.encrypt", key="ours", plaintext=bytes(76_479)).result.message
    peer.call("sender_keys.decrypt", record="record", message=message, now_ms=NOW).must_be(plaintext=bytes(76_479))


@clause("NE-5")
@pytest.mark.parametrize("version", [0, 1, 2, 4, 5, 15])
def test_a_message_of_another_version_is_refused(actors: Actors, version: int) -> None:
    iut, _ = actors()
    body = SENDER.message(b"x")[:-64]
    receive(iut, bytes([version << 4 | 3]) + body[1:]).must_be_refused("UnsupportedVersion")


@clause("NE-5")
@pytest.mark.parametrize("version", [0, 1, 2, 4, 5, 15])
def test_a_distribution_of_another_version_is_refused(actors: Actors, version: int) -> None:
    iut, _ = actors()
    process(iut, bytes([version << 4 | 3]) + SENDER.distribution()[1:]).must_be_refused("UnsupportedVersion")


@clause("NE-6")
@pytest.mark.parametrize("low", range(16))
def test_the_low_bits_of_the_version_byte_are_ignored(actors: Actors, low: int) -> None:
    iut, _ = actors()
    process(iut, bytes([0x30 | low]) + SENDER.distribution()[1:]).must_be()
    body = SENDER.message(b"x")[:-64]
    decrypt(iut, SENDER.sign(bytes([0x30 | low]) + body[1:])).must_be(plaintext=b"x")


@clause("NE-7", "NE-15")
def test_frames_are_written_in_the_one_form(actors: Actors) -> None:
    iut, _ = actors()
    iut.call("sender_keys.create", key="key").must_be()
    iut.call("sender_keys.distribute", key="key").must_match(
        distribution=f"^3308{VARINT}1000" + "1a20.{64}" + "222105.{64}$"
    )
    iut.call("sender_keys.encrypt", key="key", plaintext=b"x").must_match(
        message=f"^3308{VARINT}1000" + "1a10.{32}" + ".{128}$"
    )


@clause("NE-16")
@pytest.mark.parametrize("size", [0, 1, 63, 64])
def test_a_message_without_room_for_its_signature_is_refused(actors: Actors, size: int) -> None:
    iut, _ = actors()
    process(iut, SENDER.distribution()).must_be()
    decrypt(iut, SENDER.message(b"x")[:size]).must_be_refused("InvalidMessage")


@clause("NE-16")
def test_an_empty_distribution_is_refused(actors: Actors) -> None:
    iut, _ = actors()
    process(iut, b"").must_be_refused("InvalidMessage")


# Protobuf


@clause("NE-8")
@given(order=st.permutations(MESSAGE_FIELDS))
def test_the_fields_of_a_message_are_read_in_any_order(actors: Actors, order: list[int]) -> None:
    iut, _ = actors()
    receive(iut, order_fields(SENDER.message_fields(b"x"), order)).must_be(plaintext=b"x")


@clause("NE-8")
@given(order=st.permutations(DISTRIBUTION_FIELDS))
def test_the_fields_of_a_distribution_are_read_in_any_order(actors: Actors, order: list[int]) -> None:
    iut, _ = actors()
    process(iut, order_fields(SENDER.distribution_fields(), order)).must_be()
    decrypt(iut, SENDER.message(b"x")).must_be(plaintext=b"x")


UNKNOWN_FIELDS = {
    "a varint": field(9, 1),
    "bytes": field(100, b"later"),
    "eight bytes": varint(9 << 3 | 1) + bytes(8),
    "four bytes": varint(9 << 3 | 5) + bytes(4),
    "a group": varint(9 << 3 | 3) + field(1, 1) + varint(9 << 3 | 4),
    "the last number": field(2**29 - 1, b""),
}


@clause("NE-9")
@pytest.mark.parametrize("kind", UNKNOWN_FIELDS)
def test_an_unknown_field_of_a_message_is_skipped(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    receive(iut, SENDER.message(b"x")[:-64] + UNKNOWN_FIELDS[kind]).must_be(plaintext=b"x")


@clause("NE-9")
@pytest.mark.parametrize("kind", UNKNOWN_FIELDS)
def test_an_unknown_field_of_a_distribution_is_skipped(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    process(iut, b"\x33" + UNKNOWN_FIELDS[kind] + SENDER.distribution()[1:]).must_be()
    decrypt(iut, SENDER.message(b"x")).must_be(plaintext=b"x")


@clause("NE-10")
@pytest.mark.parametrize("number", MESSAGE_FIELDS)
def test_of_a_repeated_field_the_last_counts(actors: Actors, number: int) -> None:
    iut, _ = actors()
    earlier = {1: field(1, 99), 2: field(2, 99), 3: field(3, b"sixteen bytes...")}
    body = SENDER.message(b"x")[:-64]
    receive(iut, b"\x33" + earlier[number] + body[1:]).must_be(plaintext=b"x")


@clause("NE-11")
@pytest.mark.parametrize("number", MESSAGE_FIELDS)
def test_a_message_without_a_field_is_refused(actors: Actors, number: int) -> None:
    iut, _ = actors()
    receive(iut, SENDER.message(b"x", other={number: b""})[:-64]).must_be_refused("InvalidMessage")
    decrypt(iut, SENDER.message(b"x")).must_be(plaintext=b"x")


@clause("NE-11")
@pytest.mark.parametrize("number", DISTRIBUTION_FIELDS)
def test_a_distribution_without_a_field_is_refused(actors: Actors, number: int) -> None:
    iut, _ = actors()
    process(iut, SENDER.distribution(other={number: b""})).must_be_refused("InvalidMessage")


NO_PROTOBUF = {
    "a length that runs over the end": b"\x1a\x05x",
    "a key without a value": b"\x08",
    "a varint without its end": b"\x08\xff\xff",
    "a varint of eleven bytes": b"\x48" + b"\x80" * 10 + b"\x01",
    "field number 0": b"\x00\x01",
    "field number 0 in a group": b"\x4b\x00\x01\x4c",
    "field number 0 in a group in a group": b"\x4b\x53\x02\x01x\x00\x01\x54\x4c",
    "wire type 6": b"\x4e",
    "wire type 7": b"\x4f",
    "the end of a group that did not begin": b"\x4c",
    "a group without its end": b"\x4b\x08\x01",
}


@clause("NE-12")
@pytest.mark.parametrize("kind", NO_PROTOBUF)
def test_a_message_that_is_no_protobuf_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    receive(iut, SENDER.message(b"x")[:-64] + NO_PROTOBUF[kind]).must_be_refused("InvalidMessage")


@clause("NE-12")
@pytest.mark.parametrize("kind", NO_PROTOBUF)
def test_a_distribution_that_is_no_protobuf_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    process(iut, SENDER.distribution() + NO_PROTOBUF[kind]).must_be_refused("InvalidMessage")


@clause("NE-11", "NE-12", "NE-16")
@given(size=st.integers(min_value=0, max_value=len(SENDER.distribution()) - 1))
def test_a_truncated_distribution_is_refused(actors: Actors, size: int) -> None:
    iut, _ = actors()
    process(iut, SENDER.distribution()[:size]).must_be_refused("InvalidMessage")


@clause("NE-11", "NE-12", "NE-16")
@given(size=st.integers(min_value=1, max_value=len(SENDER.message(b"x")) - 65))
def test_a_truncated_body_is_refused_although_it_is_signed(actors: Actors, size: int) -> None:
    iut, _ = actors()
    receive(iut, SENDER.message(b"x")[:size]).must_be_refused("InvalidMessage")


@clause("NE-13")
@given(size=st.integers(min_value=1, max_value=10), high_bits=st.booleans())
def test_a_long_varint_is_read(actors: Actors, size: int, high_bits: bool) -> None:
    iut, _ = actors()
    iteration = 2**35 if high_bits else 0
    body = SENDER.message(b"x", other={1: field(1, SENDER.key_id, size=size), 2: field(2, iteration, size=size)})[:-64]
    receive(iut, body).must_be(plaintext=b"x")


@clause("NE-14")
@pytest.mark.parametrize("number", MESSAGE_FIELDS)
def test_a_field_of_another_wire_type_counts_as_absent(actors: Actors, number: int) -> None:
    iut, _ = actors()
    other = field(number, 7) if number == 3 else field(number, b"\x05")
    receive(iut, SENDER.message(b"x", other={number: other})[:-64]).must_be_refused("InvalidMessage")


@clause("NE-14")
@pytest.mark.parametrize("number", MESSAGE_FIELDS)
def test_beside_a_field_of_another_wire_type_the_right_one_is_read(actors: Actors, number: int) -> None:
    iut, _ = actors()
    other = field(number, 7) if number == 3 else field(number, b"\x05")
    receive(iut, SENDER.message(b"x")[:-64] + other).must_be(plaintext=b"x")


# Refusals


REFUSED_MESSAGES = {
    "another version": b"\x43" + SENDER.message(b"x")[1:],
    "a forged signature": flip(SENDER.message(b"x", 3), 8 * (len(SENDER.message(b"x", 3)) - 1)),
    "another key id": SENDER.message(b"x", other={1: field(1, 6)}),
    "an absent field": SENDER.message(b"x", other={2: b""}),
    "a bad ciphertext": SENDER.message(b"x", 4, other={3: field(3, b"")}),
    "an iteration too far ahead": SENDER.message(b"x", other={2: field(2, 5000)}),
    "an iteration over the last": SENDER.message(b"x", other={2: field(2, 2**31)}),
    "a truncated frame": SENDER.message(b"x", 2)[:70],
}


@clause("NE-17")
@pytest.mark.parametrize("kind", REFUSED_MESSAGES)
def test_a_refused_message_leaves_the_record_as_its_twin(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    for record in ("record", "twin"):
        process(iut, SENDER.distribution(), record).must_be()
        decrypt(iut, SENDER.message(b"x", 1), record).must_be(plaintext=b"x")
    decrypt(iut, REFUSED_MESSAGES[kind]).must_be_any_refusal()
    for iteration in (1, 3, 0, 2, 4, 5):
        twin = decrypt(iut, SENDER.message(b"x", iteration), "twin")
        decrypt(iut, SENDER.message(b"x", iteration)).must_be_like(twin)


REFUSED_DISTRIBUTIONS = {
    "another version": b"\x43" + SENDER.distribution(3)[1:],
    "a short chain key": SENDER.distribution(3, other={3: field(3, bytes(31))}),
    "another chain key": SENDER.distribution(3, other={3: field(3, bytes(32))}),
    "a bad signing key": SENDER.distribution(3, other={4: field(4, bytes(33))}),
    "an absent iteration": SENDER.distribution(other={2: b""}),
    "an iteration over the last": SENDER.distribution(other={2: field(2, 2**31)}),
}


@clause("NE-17")
@pytest.mark.parametrize("kind", REFUSED_DISTRIBUTIONS)
def test_a_refused_distribution_leaves_the_record_as_its_twin(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    for record in ("record", "twin"):
        process(iut, SENDER.distribution(), record).must_be()
    process(iut, REFUSED_DISTRIBUTIONS[kind]).must_be_any_refusal()
    for iteration in (1, 3, 0, 2, 4):
        twin = decrypt(iut, SENDER.message(b"x", iteration), "twin")
        decrypt(iut, SENDER.message(b"x", iteration)).must_be_like(twin)


# The frames of chapters 03 and 05


class Reader(NamedTuple):
    """An implementation that can read one kind of frame: good fields, what comes around them, and what is read in them."""

    fields: Mapping[int, bytes]
    required: tuple[int, ...]
    finish: Callable[[bytes], bytes]
    read: Callable[[bytes], Answer]
    members: Mapping[str, object] = {}
    version: bytes = b"\x33"

    def frame(
        self, other: Mapping[int, bytes] = NOTHING, *, before: bytes = b"", behind: bytes = b"", version: bytes = b""
    ) -> bytes:
        """A frame whose protobuf has more before or behind its fields, or others in their places."""
        return self.finish((version or self.version) + before + join(self.fields, other) + behind)

    def check_read(self, frame: bytes) -> None:
        """Check that a frame is read."""
        self.read(frame).must_be(**self.members)

    def check_refused(self, frame: bytes, error: str) -> None:
        """Check that a frame is refused, and that a good one is read then."""
        self.read(frame).must_be_refused(error)
        self.check_read(self.frame())


def read_messages(iut: ImplementationUnderTest) -> Reader:
    """Let the implementation read messages of a session."""
    side, alice = import_keys(iut)
    side.decrypt(first(alice)).must_be(plaintext=b"x")
    made = alice.chain
    return Reader(
        fields=made.fields(b"x", 1),
        required=(1, 2, 4),
        finish=lambda body: body + made.mac(body, 1),
        read=lambda frame: side.decrypt(plain(frame)),
        members={"plaintext": b"x"},
    )


def read_first_messages(iut: ImplementationUnderTest) -> Reader:
    """Let the implementation read messages inside of prekey messages."""
    side, alice = import_keys(iut)
    return Reader(
        fields=alice.chain.fields(b"x", 0),
        required=(1, 2, 4),
        finish=lambda body: alice.prekey_message(body + alice.chain.mac(body, 0)),
        read=lambda frame: side.decrypt(Frame("prekey message", frame)),
        members={"plaintext": b"x"},
    )


def read_prekey_messages(iut: ImplementationUnderTest) -> Reader:
    """Let the implementation read prekey messages."""
    side, alice = import_keys(iut)
    return Reader(
        fields=alice.fields(alice.chain.message()),
        required=(2, 3, 4, 6),
        finish=bytes,
        read=lambda frame: side.decrypt(Frame("prekey message", frame)),
        members={"plaintext": b"x"},
    )


def read_requests(iut: ImplementationUnderTest) -> Reader:
    """Let the implementation take session requests up."""
    side = make_receiver(iut)
    return Reader(
        fields={
            1: field(1, NOW),
            2: field(2, x3dh.encode_bundle(ALICES.bundle)),
            3: field(3, make_request(ALICES)[-32:]),
        },
        required=(1, 2, 3),
        finish=bytes,
        read=lambda frame: iut.call("session_request.accept", session=side.session, request=frame, now_ms=NOW),
    )


def read_bundles(iut: ImplementationUnderTest) -> Reader:
    """Let the implementation read bundles inside of session requests."""
    return Reader(
        fields=BUNDLE_FIELDS,
        required=(1, 4, 6, 7),
        finish=lambda encoded: make_request(ALICES, bundle=encoded),
        read=read_requests(iut).read,
        version=b"",
    )


def read_sealed(iut: ImplementationUnderTest) -> Reader:
    """Let the implementation open sealed texts."""
    sealed = seal_by_hand(b"x")
    return Reader(
        fields={1: sealed[:-34], 2: sealed[-34:]},
        required=(1, 2),
        finish=bytes,
        read=lambda frame: open_sealed(iut, frame),
        members={"plaintext": b"x"},
        version=b"",
    )


def read_envelopes(iut: ImplementationUnderTest) -> Reader:
    """Let the implementation open envelopes."""
    return Reader(
        fields=envelope_fields(1, ALICE.public.hex(), NOW, b"x"),
        required=(1, 2, 5, 8),
        finish=lambda encoded: seal_by_hand(envelope.pad(encoded)),
        read=lambda frame: open_envelope(iut, frame),
        members={"content": b"x"},
        version=b"",
    )


READERS = {
    "message": read_messages,
    "message in a prekey message": read_first_messages,
    "prekey message": read_prekey_messages,
    "session request": read_requests,
    "bundle": read_bundles,
    "sealed envelope": read_sealed,
    "envelope": read_envelopes,
}
OF_EVERY_KIND = pytest.mark.parametrize("kind", READERS)
OUTERMOST = pytest.mark.parametrize("kind", ["message", "prekey message", "session request", "sealed envelope"])
WITH_A_VERSION = pytest.mark.parametrize(
    "kind", ["message", "message in a prekey message", "prekey message", "session request"]
)


def is_varint(encoded: bytes) -> bool:
    """Tell whether a field, whose tag is one byte, is a number."""
    return encoded[0] & 7 == WireType.VARINT


def lengthen(encoded: bytes, *, high_bits: bool) -> bytes:
    """Write the value of a number in ten bytes, with ones in the high bits if it is one of 32 bits."""
    value = bytes(byte | 0x80 for byte in encoded[1:]).ljust(5, b"\x80")
    ones = high_bits and len(value) == 5
    return encoded[:1] + value.ljust(9, b"\xff" if ones else b"\x80") + (b"\x01" if ones else b"\x00")


@clause("NE-4")
@OUTERMOST
def test_any_frame_over_the_limit_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    reader = READERS[kind](iut)
    size = wire.MAX_FRAME_BYTES - len(reader.frame()) - 4
    reader.check_refused(reader.frame(behind=field(9, bytes(size + 1))), "TooLarge")


@clause("NE-4")
@OUTERMOST
def test_any_frame_at_the_limit_is_read(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    reader = READERS[kind](iut)
    frame = reader.frame(behind=field(9, bytes(wire.MAX_FRAME_BYTES - len(reader.frame()) - 4)))
    assert len(frame) == wire.MAX_FRAME_BYTES
    reader.check_read(frame)


@clause("NE-5")
@WITH_A_VERSION
@pytest.mark.parametrize("version", [0, 1, 2, 4, 5, 15])
def test_any_frame_of_another_version_is_refused(actors: Actors, kind: str, version: int) -> None:
    iut, _ = actors()
    reader = READERS[kind](iut)
    reader.check_refused(reader.frame(version=bytes([version << 4 | 3])), "UnsupportedVersion")


@clause("NE-9")
@OF_EVERY_KIND
@pytest.mark.parametrize("unknown", UNKNOWN_FIELDS)
def test_an_unknown_field_of_any_frame_is_skipped(actors: Actors, kind: str, unknown: str) -> None:
    iut, _ = actors()
    reader = READERS[kind](iut)
    reader.check_read(reader.frame(behind=UNKNOWN_FIELDS[unknown]))


@clause("NE-10")
@OF_EVERY_KIND
def test_of_the_repeated_fields_of_any_frame_the_last_count(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    reader = READERS[kind](iut)
    earlier = [field(number, 99 if is_varint(encoded) else b"earlier") for number, encoded in reader.fields.items()]
    reader.check_read(reader.frame(before=b"".join(earlier)))


@clause("NE-11")
@OF_EVERY_KIND
def test_any_frame_without_a_required_field_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    reader = READERS[kind](iut)
    for number in reader.required:
        reader.read(reader.frame({number: b""})).must_be_refused("InvalidMessage")
    reader.check_read(reader.frame())


@clause("NE-12")
@OF_EVERY_KIND
@pytest.mark.parametrize("bad", NO_PROTOBUF)
def test_any_frame_that_is_no_protobuf_is_refused(actors: Actors, kind: str, bad: str) -> None:
    iut, _ = actors()
    reader = READERS[kind](iut)
    reader.check_refused(reader.frame(behind=NO_PROTOBUF[bad]), "InvalidMessage")


@clause("NE-13")
@OF_EVERY_KIND
@pytest.mark.parametrize("high_bits", [False, True])
def test_the_long_varints_of_any_frame_are_read(actors: Actors, kind: str, *, high_bits: bool) -> None:
    iut, _ = actors()
    reader = READERS[kind](iut)
    numbers = {number: encoded for number, encoded in reader.fields.items() if is_varint(encoded)}
    reader.check_read(
        reader.frame({number: lengthen(encoded, high_bits=high_bits) for number, encoded in numbers.items()})
    )


def of_another_type(reader: Reader, number: int) -> bytes:
    """A field of a frame with another wire type."""
    return field(number, b"\x05" if is_varint(reader.fields[number]) else 7)


@clause("NE-14")
@OF_EVERY_KIND
def test_a_field_of_any_frame_of_another_wire_type_counts_as_absent(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    reader = READERS[kind](iut)
    for number in reader.required:
        other = {number: of_another_type(reader, number)}
        reader.read(reader.frame(other)).must_be_refused("InvalidMessage")
    reader.check_read(reader.frame())


@clause("NE-14")
@OF_EVERY_KIND
def test_beside_fields_of_another_wire_type_the_right_ones_of_any_frame_are_read(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    reader = READERS[kind](iut)
    reader.check_read(reader.frame(behind=b"".join(of_another_type(reader, number) for number in reader.fields)))


@clause("NE-16")
@pytest.mark.parametrize(
    ("kind", "frame"),
    [
        ("message", b""),
        ("message", b"\x33"),
        ("message", b"\x43" * 8),
        ("prekey message", b""),
        ("session request", b""),
    ],
)
def test_any_frame_that_is_too_short_is_refused(actors: Actors, kind: str, frame: bytes) -> None:
    iut, _ = actors()
    READERS[kind](iut).check_refused(frame, "InvalidMessage")


BAD_TIMES = pytest.mark.parametrize("at", [0, wire.MIN_TIMESTAMP_MS - 1, wire.MAX_TIMESTAMP_MS + 1])


@clause("NE-20")
@BAD_TIMES
def test_no_request_is_made_at_a_time_that_has_not_13_digits(actors: Actors, at: int) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    iut.call("session_request.create", session=side.session, now_ms=at).must_be_refused("OutOfRange")
    side.ask()


@clause("NE-20")
@BAD_TIMES
def test_no_envelope_is_sealed_with_a_time_that_has_not_13_digits(actors: Actors, at: int) -> None:
    iut, _ = actors()
    iut.call(
        "envelope.seal_envelope",
        public_key=ALICE.public,
        kind="message",
        source=ALICE.public.hex(),
        timestamp_ms=at,
        content=b"x",
    ).must_be_refused("OutOfRange")
