"""Chapter 01: encodings and errors, shown on the frames and texts of later chapters."""

from typing import Any

import pytest
from cloister import identity, wire
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made.protobuf import VARINT, field, varint
from cloister_conformance.hand_made.sender_keys import make_sender
from cloister_conformance.plugin import Actors
from cloister_conformance.script import ImplementationUnderTest
from cloister_conformance.strategies import NOW, flip

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
