"""Chapter 06: solving and checking, and a checker written a second time."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cloister import errors, proof_of_work, wire
from cloister.proof_of_work import Request
from hypothesis import example, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

EASY = Request(timestamp="1600000000000", ttl="10000", recipient="05" + "ab" * 32, data="aGVsbG8=")
IMPOSSIBLE = 2**40


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Valid requests whose work is cheap."""
    return Request(
        timestamp=str(draw(st.integers(wire.MIN_TIMESTAMP_MS, wire.MAX_TIMESTAMP_MS))),
        ttl=str(1000 * draw(st.integers(10, 60) | st.integers(10, 1_209_600))),
        recipient="05" + draw(st.binary(min_size=32, max_size=32)).hex(),
        data=base64.b64encode(draw(st.binary(max_size=40))).decode("ascii"),
    )


@st.composite
def confusing_requests(draw: st.DrawFn) -> Request:
    """Valid requests made of few digits, so that other cuts of the payload look right."""
    digits = st.lists(st.sampled_from(["05", "05", "00", "50", "55"]), min_size=32, max_size=32).map("".join)
    return Request(
        timestamp="1" + draw(st.text(alphabet="015", min_size=12, max_size=12)),
        ttl=draw(st.sampled_from(["10000", "50000", "100000", "500000", "1000000", "10050000", "1005000000"])),
        recipient="05" + draw(digits),
        data=draw(
            st.integers(0, 5).flatmap(lambda count: st.text(alphabet="05", min_size=4 * count, max_size=4 * count))
        ),
    )


@with_settings(max_examples=40)
@given(requests(), st.integers(1, 3))
def test_a_nonce_that_was_found_is_accepted(request: Request, difficulty: int) -> None:
    nonce = proof_of_work.find_nonce(request, difficulty=difficulty)
    message_hash = proof_of_work.check(request, nonce, difficulty=difficulty)
    payload = (request.timestamp + request.ttl + request.recipient + request.data).encode("ascii")
    h2 = hashlib.sha512(base64.b64decode(nonce) + hashlib.sha512(payload).digest()).hexdigest()
    assert message_hash == h2


@pytest.mark.parametrize("step", [1, 2, 5])
def test_searches_that_share_the_counters_find_the_first_nonce(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    monkeypatch.setattr(proof_of_work, "BATCH", 7)
    for first in (0, 1, 1000, 2**32):
        alone = decode_counter(proof_of_work.find_nonce(EASY, difficulty=1, first=first))
        shares = [
            decode_counter(proof_of_work.find_nonce(EASY, difficulty=1, first=first + index, step=step))
            for index in range(step)
        ]
        assert [(counter - first) % step for counter in shares] == list(range(step))
        assert min(shares) == alone
        for index, counter in enumerate(shares):
            tried = range(first + index, counter, step)
            assert [c for c in tried if is_accepted(proof_of_work.encode_nonce(c))] == []


def decode_counter(nonce: str) -> int:
    return int.from_bytes(base64.b64decode(nonce), "big")


def is_accepted(nonce: str) -> bool:
    try:
        proof_of_work.check(EASY, nonce, difficulty=1)
    except errors.InsufficientWork:
        return False
    return True


@with_settings(max_examples=60)
@example(Request(timestamp="1600000000000", ttl="10000", recipient="05" * 33, data="0505"))
@example(Request(timestamp="1600000000001", ttl="10000", recipient="05" * 33, data="05050505"))
@given(confusing_requests() | requests())
def test_a_payload_has_one_reading(request: Request) -> None:
    proof_of_work.check_request(request)
    payload = proof_of_work.encode_payload(request).decode("ascii")
    readings = []
    for timestamp_end in range(25):
        for ttl_end in range(timestamp_end, timestamp_end + 25):
            for recipient_end in range(ttl_end + 64, min(ttl_end + 68, len(payload)) + 1):
                reading = Request(
                    timestamp=payload[:timestamp_end],
                    ttl=payload[timestamp_end:ttl_end],
                    recipient=payload[ttl_end:recipient_end],
                    data=payload[recipient_end:],
                )
                try:
                    proof_of_work.check_request(reading)
                except errors.ProtocolViolation:
                    continue
                readings.append(reading)
    assert readings == [request]


@given(st.text(max_size=15), st.text(max_size=12), st.text(max_size=70), st.text(max_size=20), st.text(max_size=14))
def test_arbitrary_texts_are_only_refused(timestamp: str, ttl: str, recipient: str, data: str, nonce: str) -> None:
    for request in (Request(timestamp=timestamp, ttl=ttl, recipient=recipient, data=data), EASY):
        with pytest.raises(errors.ProtocolViolation):
            proof_of_work.check(request, nonce, difficulty=2**30)


def test_the_value_has_to_be_below_the_target_not_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    nonce = proof_of_work.find_nonce(EASY, difficulty=1)
    value = int(proof_of_work.check(EASY, nonce, difficulty=1)[:16], 16)
    for target, accepted in ((value + 1, True), (value, False), (value - 1, False)):
        monkeypatch.setattr(proof_of_work, "derive_target", lambda *_, target=target: target)
        if accepted:
            proof_of_work.check(EASY, nonce, difficulty=1)
            assert proof_of_work.find_nonce(EASY, difficulty=1) == nonce
        else:
            with pytest.raises(errors.InsufficientWork):
                proof_of_work.check(EASY, nonce, difficulty=1)


def test_progress_is_told_and_can_cancel() -> None:
    told: list[int] = []

    def progress(tried: int) -> bool:
        told.append(tried)
        return len(told) < 3

    with pytest.raises(proof_of_work.Cancelled):
        proof_of_work.find_nonce(EASY, difficulty=IMPOSSIBLE, progress=progress)
    assert told == [proof_of_work.BATCH, 2 * proof_of_work.BATCH, 3 * proof_of_work.BATCH]


# A second checker

RECIPIENT = re.compile(r"05[0-9a-f]{64}")
BASE64 = re.compile(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?")


def is_decimal(text: str) -> bool:
    return bool(text) and set(text) <= set("0123456789") and str(int(text)) == text


def derive_target(payload_length: int, ttl_ms: int, difficulty: int) -> int:
    """The target in steps of unsigned 64 bits; 0 if a step leaves them."""
    paid = payload_length + 8
    share = ttl_ms // 1000 * paid
    cost = difficulty * (paid + share // 65535)
    return 0 if min(payload_length, ttl_ms, difficulty - 1) < 0 or max(share, cost) >= 2**64 else (2**64 - 1) // cost


def is_nonce(text: str) -> bool:
    return bool(BASE64.fullmatch(text) and re.fullmatch(r"[^=]{11}=", text))


def find_errors(request: dict[str, Any]) -> set[str]:
    """Collect every error that a request has: in its texts, in its difficulty, and if these are right in its work."""
    timestamp, ttl = request["timestamp"], request["ttl"]
    breaks = [
        ("InvalidEncoding", not is_decimal(timestamp) or not is_decimal(ttl)),
        ("OutOfRange", is_decimal(timestamp) and len(timestamp) != 13),
        ("OutOfRange", is_decimal(ttl) and (not 10_000 <= int(ttl) <= 1_209_600_000 or int(ttl) % 1000 != 0)),
        ("InvalidEncoding", not RECIPIENT.fullmatch(request["recipient"]) or not BASE64.fullmatch(request["data"])),
        ("TooLarge", len(request["data"]) > 102_400),
        ("OutOfRange", request["difficulty"] < 1),
        ("InvalidEncoding", "nonce" in request and not is_nonce(request["nonce"])),
    ]
    found = {error for error, broken in breaks if broken}
    if not found and "nonce" in request and not reaches_target(request):
        found.add("InsufficientWork")
    return found


def hash_request(request: dict[str, Any]) -> bytes:
    payload = "".join(request[name] for name in ("timestamp", "ttl", "recipient", "data")).encode("ascii")
    return hashlib.sha512(base64.b64decode(request["nonce"]) + hashlib.sha512(payload).digest()).digest()


def reaches_target(request: dict[str, Any]) -> bool:
    length = sum(len(request[name]) for name in ("timestamp", "ttl", "recipient", "data"))
    return int.from_bytes(hash_request(request)[:8], "big") < derive_target(
        length, int(request["ttl"]), request["difficulty"]
    )


def load_tests(vectors: Path, stem: str, method: str) -> list[dict[str, Any]]:
    document = json.loads((vectors / f"{stem}.json").read_bytes())
    tests = [test for group in document["testGroups"] if group["method"] == method for test in group["tests"]]
    return [{**test, **test["input"]} for test in tests]


@pytest.mark.parametrize("stem", ["proof_of_work", "notation"])
def test_vectors_for_the_check_hold_here_too(vectors: Path, stem: str) -> None:
    tests = load_tests(vectors, stem, "proof_of_work.check")
    assert len(tests) > 100
    for test in tests:
        assert find_errors(test["input"]) == ({test["error"]} if "error" in test else set()), (
            test["tcId"],
            test["comment"],
        )
        if "expected" in test:
            assert test["expected"] == {"message_hash": hash_request(test["input"]).hex()}


def test_vectors_for_the_solver_hold_here_too(vectors: Path) -> None:
    for test in load_tests(vectors, "proof_of_work", "proof_of_work.solve"):
        assert find_errors(test["input"]) == {test["error"]}, (test["tcId"], test["comment"])


def test_vectors_for_the_target_hold_here_too(vectors: Path) -> None:
    for test in load_tests(vectors, "proof_of_work", "proof_of_work.target"):
        target = derive_target(**test["input"])
        expected = test["expected"]["target"] if test["result"] == "valid" else None
        assert (target.to_bytes(8, "big").hex() if target else None) == expected, (test["tcId"], test["comment"])
