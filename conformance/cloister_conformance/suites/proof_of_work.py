"""Chapter 06: proof of work."""

from typing import Any

import pytest
from cloister import proof_of_work, wire
from hypothesis import example, given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made.proof_of_work import mine, payload, value_of
from cloister_conformance.plugin import Actors
from cloister_conformance.script import ImplementationUnderTest
from cloister_conformance.strategies import requests

REQUEST = {
    "timestamp": "1600000000000",
    "ttl": "172800000",
    "recipient": "055bf55c73b82ebe22be80f3430667af570fae2556a6415e6b30d4065300aa947d",
    "data": "aGVsbG8gYWxpY2U=",
}

JUST_TOO_LITTLE = "AAAAAAAUnVM="
BARELY_ENOUGH = "AAAAAAASuZg="
"""The first nonces, counted from 0, of values up to 10 % above and below the target of difficulty 100; found by
`find_nonce_between`, which takes seconds."""


def check(iut: ImplementationUnderTest, nonce: str, difficulty: int = 1, **other: str) -> Any:  # noqa: ANN401
    """Let the implementation check a request, some texts replaced."""
    return iut.call("proof_of_work.check", **{**REQUEST, **other}, nonce=nonce, difficulty=difficulty)


def find_nonce(difficulty: int = 1, **other: str) -> str:
    """Find a nonce for the texts as they stand, canonical or not."""
    return mine(*{**REQUEST, **other}.values(), difficulty=difficulty)


def share_of_target(nonce: str, difficulty: int) -> float:
    """Divide the value of a nonce for the fixed request by the target; below 1 it suffices."""
    joined = payload(**REQUEST)
    target = proof_of_work.derive_target(len(joined), int(REQUEST["ttl"]), difficulty)
    return value_of(joined)(wire.decode_base64(nonce, what="nonce")) / target


# Target


@clause("PW-9")
@given(
    payload_length=st.integers(min_value=0, max_value=110_000),
    ttl_ms=st.integers(min_value=0, max_value=proof_of_work.MAX_TTL_MS),
    difficulty=st.integers(min_value=1, max_value=2**32),
)
@example(payload_length=625, ttl_ms=86_400_000, difficulty=10)
@example(payload_length=102_500, ttl_ms=proof_of_work.MAX_TTL_MS, difficulty=1)
@example(payload_length=102_500, ttl_ms=proof_of_work.MAX_TTL_MS, difficulty=99)
@example(payload_length=100, ttl_ms=999, difficulty=1)
def test_the_target_is_the_one_of_the_text(actors: Actors, payload_length: int, ttl_ms: int, difficulty: int) -> None:
    iut, peer = actors()
    params = {"payload_length": payload_length, "ttl_ms": ttl_ms, "difficulty": difficulty}
    expected = peer.call("proof_of_work.target", **params)
    iut.call("proof_of_work.target", **params).must_be_like(expected)


@clause("PW-10")
@pytest.mark.parametrize("difficulty", [0, -1, 2**62, 2**64, 2**80])
def test_a_difficulty_without_a_target_is_refused(actors: Actors, difficulty: int) -> None:
    iut, _ = actors()
    iut.call("proof_of_work.target", payload_length=625, ttl_ms=86_400_000, difficulty=difficulty).must_be_refused(
        "OutOfRange"
    )


@clause("PW-10")
@pytest.mark.parametrize(("payload_length", "ttl_ms"), [(-1, 10_000), (-8, 0), (100, -1), (100, -1000)])
def test_negative_numbers_have_no_target(actors: Actors, payload_length: int, ttl_ms: int) -> None:
    iut, _ = actors()
    iut.call("proof_of_work.target", payload_length=payload_length, ttl_ms=ttl_ms, difficulty=1).must_be_refused(
        "OutOfRange"
    )


@clause("PW-10")
def test_the_greatest_difficulty_has_the_target_1(actors: Actors) -> None:
    iut, _ = actors()
    greatest = proof_of_work.MAX_U64 // (8 + 8)
    params = {"payload_length": 8, "ttl_ms": 0}
    iut.call("proof_of_work.target", **params, difficulty=greatest).must_be(target=(1).to_bytes(8, "big"))
    iut.call("proof_of_work.target", **params, difficulty=greatest + 1).must_be_refused("OutOfRange")


@clause("PW-10")
def test_a_product_that_reaches_2_64_is_refused(actors: Actors) -> None:
    iut, _ = actors()
    iut.call("proof_of_work.target", payload_length=2**32, ttl_ms=2**33 * 1000, difficulty=1).must_be_refused(
        "OutOfRange"
    )


# Check


@clause("PW-1", "PW-11", "PW-12", "PW-14")
@given(request=requests(), difficulty=st.integers(min_value=1, max_value=8))
def test_genuine_work_is_accepted_and_named_by_its_hash(
    actors: Actors, request: dict[str, str], difficulty: int
) -> None:
    iut, peer = actors()
    nonce = peer.call("proof_of_work.solve", **request, difficulty=difficulty).result.nonce
    expected = peer.call("proof_of_work.check", **request, nonce=nonce, difficulty=difficulty)
    iut.call("proof_of_work.check", **request, nonce=nonce, difficulty=difficulty).must_be_like(expected)


@clause("PW-12", "PW-13")
@given(request=requests(), nonce=st.binary(min_size=8, max_size=8), difficulty=st.integers(min_value=1, max_value=3))
def test_any_nonce_is_judged_as_by_the_reference(
    actors: Actors, request: dict[str, str], nonce: bytes, difficulty: int
) -> None:
    iut, peer = actors()
    params = {**request, "nonce": wire.encode_base64(nonce), "difficulty": difficulty}
    expected = peer.call("proof_of_work.check", **params)
    iut.call("proof_of_work.check", **params).must_be_like(expected)


@clause("PW-13")
def test_work_for_a_lower_difficulty_is_not_enough(actors: Actors) -> None:
    iut, _ = actors()
    assert 1.0 < share_of_target(JUST_TOO_LITTLE, difficulty=100) < 1.1
    check(iut, JUST_TOO_LITTLE, difficulty=100).must_be_refused("InsufficientWork")


@clause("PW-12")
def test_work_that_is_barely_enough_is_accepted(actors: Actors) -> None:
    iut, _ = actors()
    assert 0.9 < share_of_target(BARELY_ENOUGH, difficulty=100) < 1.0
    check(iut, BARELY_ENOUGH, difficulty=100).must_be()


@clause("PW-1")
@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("timestamp", "1600000000001"),
        ("ttl", "172801000"),
        ("recipient", REQUEST["recipient"][:-1] + "e"),
        ("data", "aGVsbG8gYm9iYnk="),
    ],
)
def test_work_is_bound_to_each_text(actors: Actors, text: str, other: str) -> None:
    iut, _ = actors()
    difficulty = 500
    nonce = find_nonce(difficulty)
    check(iut, nonce, difficulty, **{text: other}).must_be_refused("InsufficientWork")


@clause("PW-1")
def test_the_data_is_hashed_as_text(actors: Actors) -> None:
    iut, _ = actors()
    nonce = find_nonce(100)
    check(iut, nonce, 100).must_be(message_hash=hash_texts(nonce))


def hash_texts(nonce: str) -> bytes:
    """Hash the fixed request with a nonce."""
    return proof_of_work.hash_with_nonce(wire.decode_base64(nonce, what="nonce"), "".join(REQUEST.values()).encode())


@clause("PW-2", "NE-2")
@pytest.mark.parametrize(
    "timestamp",
    [
        "",
        "01600000000000",
        "+1600000000000",
        " 1600000000000",
        "1600000000000 ",
        "16e11",
        "1600000000000.0",
        "-1600000000000",
        "١٦٠٠٠٠٠٠٠٠٠٠٠",
        "0x1748",
        "9" * 21,
        "1" * 102_401,
    ],
    ids=lambda timestamp: timestamp[:24],
)
def test_a_timestamp_that_is_not_canonical_is_refused(actors: Actors, timestamp: str) -> None:
    iut, _ = actors()
    check(iut, "AAAAAAAAAAA=", timestamp=timestamp).must_be_refused("InvalidEncoding")


@clause("PW-2", "NE-18")
@pytest.mark.parametrize("timestamp", ["0", "1554859211", "999999999999", "10000000000000", "9" * 20])
def test_a_timestamp_without_13_digits_is_refused(actors: Actors, timestamp: str) -> None:
    iut, _ = actors()
    check(iut, find_nonce(timestamp=timestamp), timestamp=timestamp).must_be_refused("OutOfRange")


@clause("PW-2", "NE-18")
@pytest.mark.parametrize("timestamp", ["1000000000000", "9999999999999"])
def test_the_first_and_the_last_timestamp_are_accepted(actors: Actors, timestamp: str) -> None:
    iut, _ = actors()
    check(iut, find_nonce(timestamp=timestamp), timestamp=timestamp).must_be()


@clause("PW-3", "NE-2")
@pytest.mark.parametrize("ttl", ["", "0172800000", "172800000 ", "+172800000", "172800000.0", "1e8", "-172800000"])
def test_a_ttl_that_is_not_canonical_is_refused(actors: Actors, ttl: str) -> None:
    iut, _ = actors()
    check(iut, "AAAAAAAAAAA=", ttl=ttl).must_be_refused("InvalidEncoding")


@clause("PW-3")
@pytest.mark.parametrize("ttl", ["0", "9000", "1209601000", "3456010000"])
def test_a_ttl_outside_its_limits_is_refused(actors: Actors, ttl: str) -> None:
    iut, _ = actors()
    check(iut, find_nonce(ttl=ttl), ttl=ttl).must_be_refused("OutOfRange")


@clause("PW-3")
@pytest.mark.parametrize("ttl", ["10000", "345600000", "1209600000"])
def test_a_ttl_at_its_limits_is_accepted(actors: Actors, ttl: str) -> None:
    iut, _ = actors()
    check(iut, find_nonce(ttl=ttl), ttl=ttl).must_be()


@clause("PW-4")
@pytest.mark.parametrize("ttl", ["10001", "172800500", "1209599999"])
def test_a_ttl_that_is_not_whole_seconds_is_refused(actors: Actors, ttl: str) -> None:
    iut, _ = actors()
    check(iut, find_nonce(ttl=ttl), ttl=ttl).must_be_refused("OutOfRange")


@clause("PW-5", "NE-1")
@pytest.mark.parametrize(
    "recipient",
    [
        "",
        REQUEST["recipient"][2:],
        REQUEST["recipient"][:-1],
        REQUEST["recipient"] + "00",
        REQUEST["recipient"].upper(),
        "03" + REQUEST["recipient"][2:],
        "05" + "g" * 64,
        "05" + " " * 64,
    ],
)
def test_a_recipient_of_another_form_is_refused(actors: Actors, recipient: str) -> None:
    iut, _ = actors()
    check(iut, find_nonce(recipient=recipient), recipient=recipient).must_be_refused("InvalidEncoding")


@clause("PW-6")
@pytest.mark.parametrize("over", [1, 4])
def test_too_much_data_is_refused(actors: Actors, over: int) -> None:
    iut, _ = actors()
    data = "A" * (proof_of_work.MAX_DATA_CHARACTERS + over)
    ttl = str(proof_of_work.MIN_TTL_MS)
    check(iut, find_nonce(data=data, ttl=ttl), data=data, ttl=ttl).must_be_refused("TooLarge")


@clause("PW-6")
@pytest.mark.parametrize("size", [0, proof_of_work.MAX_DATA_CHARACTERS])
def test_data_at_its_limits_is_accepted(actors: Actors, size: int) -> None:
    iut, _ = actors()
    data = "A" * size
    ttl = str(proof_of_work.MIN_TTL_MS)
    check(iut, find_nonce(data=data, ttl=ttl), data=data, ttl=ttl).must_be()


@clause("PW-7", "NE-3")
@pytest.mark.parametrize(
    "data", ["A", "AA", "AAA", "AA=", "AAA==", "AB==", "AAB=", "AA-_", "AAAA\n", "A AA", "====", "AAAA===="]
)
def test_data_that_is_not_canonical_base64_is_refused(actors: Actors, data: str) -> None:
    iut, _ = actors()
    check(iut, find_nonce(data=data), data=data).must_be_refused("InvalidEncoding")


@clause("PW-8")
@pytest.mark.parametrize("size", [0, 7, 9, 16])
def test_a_nonce_of_another_size_is_refused(actors: Actors, size: int) -> None:
    iut, _ = actors()
    check(iut, wire.encode_base64(bytes(size))).must_be_refused("InvalidEncoding")


@clause("PW-8", "NE-3")
def test_a_nonce_with_unused_bits_set_is_refused(actors: Actors) -> None:
    iut, _ = actors()
    nonce = find_nonce()
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = nonce[:-2] + last[last.index(nonce[-2]) + 1] + "="
    check(iut, nonce).must_be()
    check(iut, other).must_be_refused("InvalidEncoding")


@clause("PW-8")
@pytest.mark.parametrize(
    "change", [str.strip, lambda nonce: nonce.rstrip("="), lambda nonce: nonce + "\n", lambda nonce: " " + nonce]
)
def test_a_nonce_is_read_in_one_spelling(actors: Actors, change: Any) -> None:  # noqa: ANN401
    iut, _ = actors()
    nonce = find_nonce()
    if change(nonce) == nonce:
        check(iut, nonce).must_be()
    else:
        check(iut, change(nonce)).must_be_refused("InvalidEncoding")


@clause("PW-3", "PW-8")
def test_the_texts_are_checked_before_the_nonce(actors: Actors) -> None:
    iut, _ = actors()
    check(iut, "AAAA", ttl="9000").must_be_refused("OutOfRange")


@clause("PW-8", "PW-10")
def test_the_nonce_is_decoded_before_the_target_is_computed(actors: Actors) -> None:
    iut, _ = actors()
    check(iut, "AAAA", difficulty=0).must_be_refused("InvalidEncoding")
    check(iut, find_nonce(), difficulty=0).must_be_refused("OutOfRange")


# Solve


@clause("PW-15")
@given(request=requests(), difficulty=st.integers(min_value=1, max_value=8))
def test_a_nonce_that_is_found_is_accepted(actors: Actors, request: dict[str, str], difficulty: int) -> None:
    iut, peer = actors()
    nonce = iut.call("proof_of_work.solve", **request, difficulty=difficulty).result.nonce
    peer.call("proof_of_work.check", **request, nonce=nonce, difficulty=difficulty).must_be()


@clause("PW-16")
@pytest.mark.parametrize(
    ("text", "value", "error"),
    [
        ("timestamp", "01600000000000", "InvalidEncoding"),
        ("timestamp", "1600000000", "OutOfRange"),
        ("ttl", "9999", "OutOfRange"),
        ("ttl", "10001", "OutOfRange"),
        ("recipient", "05", "InvalidEncoding"),
        ("data", "AB==", "InvalidEncoding"),
        ("data", "A" * 102_404, "TooLarge"),
    ],
)
def test_no_nonce_is_sought_for_a_request_that_would_be_refused(
    actors: Actors, text: str, value: str, error: str
) -> None:
    iut, _ = actors()
    iut.call("proof_of_work.solve", **{**REQUEST, text: value}, difficulty=1).must_be_refused(error)


# Robustness


@clause("PW-2", "PW-3", "PW-5", "PW-7", "PW-8")
@given(texts=st.tuples(*[st.text(max_size=70)] * 5))
def test_arbitrary_texts_are_answered_as_by_the_reference(actors: Actors, texts: tuple[str, ...]) -> None:
    iut, peer = actors()
    names = ("timestamp", "ttl", "recipient", "data", "nonce")
    params = dict(zip(names, texts, strict=True))
    peer.call("proof_of_work.check", **params, difficulty=1).must_be_any_refusal()
    iut.call("proof_of_work.check", **params, difficulty=1).must_be_any_refusal()
