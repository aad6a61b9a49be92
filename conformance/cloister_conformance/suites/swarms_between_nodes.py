"""Chapter 07: what nodes send each other: batches, pushed messages, and the signatures of requests."""

import base64
from typing import Any

import pytest
from cloister import proof_of_work, storage
from hypothesis import example, given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made import swarms as hand_made
from cloister_conformance.hand_made.proof_of_work import find_nonce_between, payload
from cloister_conformance.hand_made.swarms import (
    CLOCK_TOLERANCE_MS,
    DATA,
    FOREIGN,
    NOW,
    RING,
    TTL,
    derive_key,
    describe_history,
    describe_message,
    describe_network,
    write_held,
    write_record,
    write_store,
)
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor, Answer
from cloister_conformance.strategies import bit_positions, flip
from cloister_conformance.suites.swarms import (
    NETWORK,
    NODE,
    NOT_BASE64,
    NOT_NONCES,
    NOT_RECIPIENTS,
    PEER,
    STRANGER,
    TOLERANCE,
    histories,
    identifiers,
)

Json = dict[str, Any]
PATH = "/swarms/push_batch/v1"


def texts() -> st.SearchStrategy[str]:
    """ASCII texts, sometimes longer than one byte counts."""
    return st.one_of(
        st.text(st.characters(max_codepoint=127), max_size=20), st.sampled_from([255, 256, 257, 1000]).map("A".__mul__)
    )


def stored_messages() -> st.SearchStrategy[Json]:
    """Messages as records hold them; their texts say nothing, their numbers are of any size."""
    return st.fixed_dictionaries(
        {
            "recipient": st.binary(min_size=32, max_size=32).map(lambda key: "05" + key.hex()),
            "hash": texts(),
            "data": texts(),
            "ttl": identifiers().map(str),
            "timestamp": identifiers().map(str),
            "nonce": texts(),
        }
    )


def check_pushed(actor: Actor, message: Json, *, network: Json = NETWORK, now_ms: int = NOW) -> Any:  # noqa: ANN401
    """Let an actor check a pushed message at node a."""
    return actor.call("storage.check_pushed", message=message, network=network, node=NODE, now_ms=now_ms)


# Batches


def decode_batch(actor: Actor, batch: bytes) -> Answer:
    """Let an actor decode a batch."""
    return actor.call("storage.decode_batch", batch=batch)


def cut_batches(messages: list[Json]) -> list[bytes]:
    """Cut messages into batches, each closed when it is longer than the limit."""
    batches = [b""]
    for message in messages:
        if len(batches[-1]) > storage.MAX_BATCH_BYTES:
            batches.append(b"")
        batches[-1] += write_record(message)
    return batches


@clause("SW-29")
@given(messages=st.lists(stored_messages(), min_size=1, max_size=4))
def test_a_batch_is_written_as_in_the_text(actors: Actors, messages: list[Json]) -> None:
    iut, peer = actors()
    expected = b"".join(write_record(message) for message in messages)
    peer.call("storage.encode_batches", messages=messages).must_be(batches=[expected])
    iut.call("storage.encode_batches", messages=messages).must_be(batches=[expected])


@clause("SW-29")
@given(messages=st.lists(stored_messages(), min_size=1, max_size=4))
def test_a_batch_is_read_as_it_was_written(actors: Actors, messages: list[Json]) -> None:
    iut, _ = actors()
    decode_batch(iut, b"".join(write_record(message) for message in messages)).must_be(messages=messages)


@clause("SW-29")
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_batch_is_closed_when_it_is_longer_than_its_limit(actors: Actors, beyond: int) -> None:
    iut, _ = actors()
    five = [write_held(f"large {number}", data="A" * 99_000) for number in range(5)]
    missing = storage.MAX_BATCH_BYTES + beyond - sum(len(write_record(message)) for message in five)
    five[4]["data"] += "A" * missing
    messages = [*five, write_held("the next"), write_held("the last")]
    batches = cut_batches(messages)
    iut.call("storage.encode_batches", messages=messages).must_be(batches=batches)


@clause("SW-29")
def test_a_batch_that_was_cut_off_is_refused(actors: Actors) -> None:
    iut, _ = actors()
    record = write_record(describe_message(write_store()))
    ends = {*range(1, 100), *range(len(record) - 60, len(record)), 66, 74, 202, 210}
    for end in sorted(ends):
        decode_batch(iut, record[:end]).must_be_refused("InvalidMessage")
        decode_batch(iut, record + record[:end]).must_be_refused("InvalidMessage")


@clause("SW-29")
@pytest.mark.parametrize("size", [129, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 8, 2**64 - 1])
@pytest.mark.parametrize("place", [66, 202, 202 + 8 + len(DATA) + 16])
def test_a_length_beyond_the_end_of_the_batch_is_refused(actors: Actors, size: int, place: int) -> None:
    iut, _ = actors()
    record = write_record(describe_message(write_store()))
    longer = record[:place] + hand_made.write_number(size) + record[place + 8 :]
    decode_batch(iut, longer).must_be_refused("InvalidMessage")


@clause("SW-29")
@pytest.mark.parametrize("name", ["recipient", "hash", "data", "nonce"])
def test_a_text_that_is_not_ascii_is_refused(actors: Actors, name: str) -> None:
    iut, _ = actors()
    message = describe_message(write_store())
    for character in ("\x80", "\xe9", "\xff"):
        other = {**message, name: character + message[name][1:]}
        decode_batch(iut, write_record(other)).must_be_refused("InvalidMessage")
        decode_batch(iut, write_record(message) + write_record(other)).must_be_refused("InvalidMessage")


@clause("SW-29")
@given(position=bit_positions(len(write_record(describe_message(write_store())))))
def test_a_changed_batch_is_read_as_by_the_reference(actors: Actors, position: int) -> None:
    iut, peer = actors()
    batch = flip(write_record(describe_message(write_store())), position)
    expected = decode_batch(peer, batch)
    decode_batch(iut, batch).must_be_like(expected)


@clause("SW-29")
@given(batch=st.binary(min_size=1, max_size=65))
def test_arbitrary_bytes_are_no_batch(actors: Actors, batch: bytes) -> None:
    iut, _ = actors()
    decode_batch(iut, batch).must_be_refused("InvalidMessage")


# Pushed messages


@clause("SW-30")
@pytest.mark.parametrize(
    "age_ms", [0, -TOLERANCE, -TOLERANCE - 1, -CLOCK_TOLERANCE_MS + 1, -CLOCK_TOLERANCE_MS, TTL - 1]
)
def test_a_pushed_message_that_is_right_is_kept(actors: Actors, age_ms: int) -> None:
    iut, _ = actors()
    check_pushed(iut, describe_message(write_store(timestamp=str(NOW - age_ms)))).must_be()


@clause("SW-30")
@pytest.mark.parametrize("age_ms", [-CLOCK_TOLERANCE_MS - 1, -(10**9)])
def test_a_pushed_message_that_is_too_far_ahead_is_dropped(actors: Actors, age_ms: int) -> None:
    iut, _ = actors()
    check_pushed(iut, describe_message(write_store(timestamp=str(NOW - age_ms)))).must_be_refused("OutOfRange")


@clause("SW-30")
@pytest.mark.parametrize("age_ms", [TTL, TTL + 1, 10**9])
def test_a_pushed_message_that_has_expired_is_dropped(actors: Actors, age_ms: int) -> None:
    iut, _ = actors()
    check_pushed(iut, describe_message(write_store(timestamp=str(NOW - age_ms)))).must_be_refused("ExpiredMessage")


@clause("SW-30")
def test_a_pushed_message_of_another_swarm_is_dropped(actors: Actors) -> None:
    iut, _ = actors()
    check_pushed(iut, describe_message(write_store(recipient=FOREIGN))).must_be_refused("WrongSwarm")


@clause("SW-30")
@pytest.mark.parametrize(
    "other",
    [
        {"hash": ""},
        {"hash": "00" * 64},
        {"hash": hand_made.hash_store(write_store()).upper()},
        {"hash": hand_made.hash_store(write_store())[:-1]},
        {"hash": hand_made.hash_store(write_store()) + "\n"},
    ],
)
def test_a_pushed_message_of_another_hash_is_dropped(actors: Actors, other: dict[str, str]) -> None:
    iut, _ = actors()
    check_pushed(iut, describe_message(write_store(), **other)).must_be_refused("InvalidMessage")


@clause("SW-30")
@pytest.mark.parametrize(
    ("texts", "error"),
    [
        *[({"recipient": text}, "InvalidEncoding") for text in NOT_RECIPIENTS if len(text) == 66],
        *[({"data": text}, "InvalidEncoding") for text in NOT_BASE64],
        ({"data": "A" * (proof_of_work.MAX_DATA_CHARACTERS + 4)}, "TooLarge"),
        *[({"ttl": text}, "OutOfRange") for text in ("0", "9000", "60001", "1209601000", str(RING - 1))],
        *[({"timestamp": text}, "OutOfRange") for text in ("0", "1600000000", "999999999999", str(RING - 1))],
    ],
)  # fmt: skip
def test_a_pushed_message_whose_texts_are_refused_is_dropped(actors: Actors, texts: dict[str, str], error: str) -> None:
    iut, _ = actors()
    check_pushed(iut, describe_message(write_store(**texts))).must_be_refused(error)


@clause("SW-30")
@pytest.mark.parametrize("nonce", NOT_NONCES)
def test_a_pushed_message_with_a_nonce_of_another_form_is_dropped(actors: Actors, nonce: str) -> None:
    iut, _ = actors()
    check_pushed(iut, {**describe_message(write_store()), "nonce": nonce}).must_be_refused("InvalidEncoding")


@clause("SW-30")
def test_a_pushed_message_without_work_is_dropped(actors: Actors) -> None:
    iut, _ = actors()
    store = write_store(nonce="AAAAAAAAAAA=")
    joined = payload(store["timestamp"], store["ttl"], store["pubKey"], store["data"])
    target = proof_of_work.derive_target(len(joined), TTL, 1)
    store["nonce"] = find_nonce_between(joined, target, 2 * target)
    check_pushed(iut, describe_message(store)).must_be_refused("InsufficientWork")


# Valid difficulty


def find_valid(actor: Actor, history: list[tuple[int, int]], timestamp_ms: int = NOW) -> Answer:
    """Let an actor find the valid difficulty of a time."""
    return actor.call("storage.valid_difficulty", difficulties=describe_history(*history), timestamp_ms=timestamp_ms)


@clause("SW-27")
@given(history=histories())
@example(history=[(NOW, 1), (NOW - 1, 9)])
@example(history=[(NOW - CLOCK_TOLERANCE_MS, 1), (NOW - 1, 9)])
@example(history=[(NOW + CLOCK_TOLERANCE_MS, 2), (NOW - 1, 9)])
@example(history=[(NOW - CLOCK_TOLERANCE_MS - 1, 2), (NOW - 1, 9)])
@example(history=[(NOW - CLOCK_TOLERANCE_MS - 1, 2), (NOW - CLOCK_TOLERANCE_MS, 9)])
@example(history=[(NOW - CLOCK_TOLERANCE_MS, 2), (NOW - CLOCK_TOLERANCE_MS + 1, 9)])
@example(history=[(NOW - 10**9, 9), (NOW + CLOCK_TOLERANCE_MS, 2)])
@example(history=[(NOW - 10**9, 9), (NOW + CLOCK_TOLERANCE_MS + 1, 2)])
@example(history=[(NOW + CLOCK_TOLERANCE_MS + 1, 2), (NOW - 1, 9)])
def test_the_valid_difficulty_is_that_of_the_text(actors: Actors, history: list[tuple[int, int]]) -> None:
    iut, peer = actors()
    difficulty = hand_made.find_valid_difficulty(describe_history(*history), NOW)
    find_valid(peer, history).must_be(difficulty=difficulty)
    find_valid(iut, history).must_be(difficulty=difficulty)


@clause("SW-27")
def test_valid_difficulty_of_deployed_software(actors: Actors) -> None:
    iut, _ = actors()
    timestamp_ms = 1_554_859_211
    history = [(timestamp_ms - 30 * 60_000, 1000), (timestamp_ms - 20 * 60_000, 10)]
    find_valid(iut, history, timestamp_ms).must_be(difficulty=10)


@clause("SW-27")
@pytest.mark.parametrize(
    ("difficulties", "accepted"),
    [
        ([(NOW - 10**9, 1), (NOW - 20_000 - CLOCK_TOLERANCE_MS, 50)], False),
        ([(NOW - 10**9, 1), (NOW - 20_000 - CLOCK_TOLERANCE_MS + 1, 50)], True),
        ([(NOW - 10**9, 1), (NOW - 60_000, 50)], True),
        ([(NOW - 10**9, 1), (NOW - 20_000, 50)], True),
        ([(NOW - 10**9, 50), (NOW - 20_000, 1)], True),
        ([(NOW - 10**9, 50), (NOW - 20_000 + CLOCK_TOLERANCE_MS, 1)], True),
        ([(NOW - 10**9, 50), (NOW - 20_000 + CLOCK_TOLERANCE_MS + 1, 1)], False),
        ([(NOW - 10**9, 50)], False),
    ],
)
def test_a_pushed_message_is_checked_against_the_valid_difficulty_of_its_time(
    actors: Actors, difficulties: list[tuple[int, int]], *, accepted: bool
) -> None:
    iut, _ = actors()
    store = write_store(timestamp=str(NOW - 20_000), nonce="AAAAAAAAAAA=")
    store["nonce"] = hand_made.find_nonce_for_less(store, enough=1, wanted=50)
    answer = check_pushed(iut, describe_message(store), network=describe_network(difficulties=difficulties))
    if accepted:
        answer.must_be()
    else:
        answer.must_be_refused("InsufficientWork")


# Node requests


def sign(actor: Actor, receiver: bytes = NODE, path: str = PATH, body: bytes = b"body", now_ms: int = NOW) -> Answer:
    """Let an actor sign a request as node b."""
    return actor.call(
        "node_request.sign", seed=hand_made.derive_seed("b"), receiver=receiver, path=path, body=body, now_ms=now_ms
    )


def check_headers(
    actor: Actor,
    headers: dict[str, Any],
    *,
    receiver: bytes = NODE,
    path: str = PATH,
    body: bytes = b"body",
    now_ms: int = NOW,
) -> Answer:
    """Let an actor check a request."""
    target = {"receiver": receiver, "path": path, "body": body, "now_ms": now_ms}
    return actor.call("node_request.check", **headers, network=NETWORK, **target)


def write_headers(
    sender: str = "b", *, receiver: bytes = NODE, path: str = PATH, body: bytes = b"body", time: int = NOW
) -> dict[str, str]:
    """Write the headers of a request."""
    return hand_made.write_headers(sender, hand_made.write_signed(receiver, time, path, body), time)


@clause("SW-33")
@given(
    body=st.binary(max_size=200), path=st.sampled_from([PATH, "/onion_req/v2", "/", ""]), now_ms=st.integers(0, 2**53)
)
def test_a_request_that_is_signed_is_accepted(actors: Actors, body: bytes, path: str, now_ms: int) -> None:
    iut, peer = actors()
    expected = write_headers(path=path, body=body, time=now_ms)
    answer = sign(iut, path=path, body=body, now_ms=now_ms)
    answer.must_be(key=expected["key"], time=str(now_ms))
    headers = answer.result.model_dump()
    check_headers(peer, headers, path=path, body=body, now_ms=now_ms).must_be(sender=PEER)


@clause("SW-33")
def test_a_request_is_signed_as_in_the_text(actors: Actors) -> None:
    iut, _ = actors()
    sign(iut).must_be(**write_headers())
    sign(iut, receiver=STRANGER).must_be(**write_headers(receiver=STRANGER))


@clause("SW-32")
@given(
    sender=st.sampled_from("bcdef"),
    body=st.binary(max_size=200),
    path=st.sampled_from([PATH, "/onion_req/v2", "/"]),
    offset_ms=st.one_of(st.sampled_from([-CLOCK_TOLERANCE_MS, CLOCK_TOLERANCE_MS]), st.integers(-1000, 1000)),
)
def test_a_request_of_a_node_of_the_network_is_accepted(
    actors: Actors, sender: str, body: bytes, path: str, offset_ms: int
) -> None:
    iut, _ = actors()
    headers = write_headers(sender, body=body, path=path, time=NOW + offset_ms)
    check_headers(iut, headers, body=body, path=path).must_be(sender=derive_key(sender))


@clause("SW-32")
@pytest.mark.parametrize("name", ["key", "time", "signature"])
def test_a_request_without_one_of_the_headers_is_refused(actors: Actors, name: str) -> None:
    iut, _ = actors()
    headers = {other: text for other, text in write_headers().items() if other != name}
    check_headers(iut, headers).must_be_refused("InvalidMessage")


@clause("SW-32")
def test_a_request_of_a_stranger_is_refused(actors: Actors) -> None:
    iut, _ = actors()
    check_headers(iut, write_headers("z")).must_be_refused("UnknownNode")
    for key in ("", "00" * 32, PEER.hex().upper(), PEER.hex()[:-2], PEER.hex() + "00"):
        check_headers(iut, {**write_headers(), "key": key}).must_be_refused("UnknownNode")


@clause("SW-32")
@pytest.mark.parametrize("offset_ms", [-CLOCK_TOLERANCE_MS - 1, CLOCK_TOLERANCE_MS + 1, -(10**9), 10**9])
def test_a_request_of_another_time_is_refused(actors: Actors, offset_ms: int) -> None:
    iut, _ = actors()
    check_headers(iut, write_headers(time=NOW + offset_ms)).must_be_refused("OutOfRange")


@clause("SW-32")
@pytest.mark.parametrize("time", ["", f"0{NOW}", f"{NOW} ", f"+{NOW}", f"-{NOW}", f"{NOW}.0", "9" * 21])
def test_a_request_whose_time_has_another_form_is_refused(actors: Actors, time: str) -> None:
    iut, _ = actors()
    check_headers(iut, {**write_headers(), "time": time}).must_be_refused("InvalidEncoding")


@clause("SW-32")
@pytest.mark.parametrize(
    "other",
    [
        {"receiver": derive_key("c")},
        {"path": "/onion_req/v2"},
        {"path": PATH + "/"},
        {"path": ""},
        {"body": b""},
        {"body": b"another body"},
        {"time": NOW + 1},
    ],
)
def test_a_signature_is_good_for_one_request(actors: Actors, other: dict[str, Any]) -> None:
    iut, _ = actors()
    headers = {**write_headers(**other), "time": str(NOW)}
    check_headers(iut, headers).must_be_refused("InvalidSignature")


@clause("SW-32")
def test_a_signature_of_another_node_is_refused(actors: Actors) -> None:
    iut, _ = actors()
    headers = {**write_headers("c"), "key": PEER.hex()}
    check_headers(iut, headers).must_be_refused("InvalidSignature")


@clause("SW-32")
@pytest.mark.parametrize("label", [b"", b"cloister node reques", b"cloister node request "])
def test_a_signature_under_another_label_is_refused(actors: Actors, label: bytes) -> None:
    iut, _ = actors()
    headers = hand_made.write_headers("b", hand_made.write_signed(NODE, NOW, PATH, b"body", label=label), NOW)
    check_headers(iut, headers).must_be_refused("InvalidSignature")


@clause("SW-32")
@given(position=bit_positions(64))
def test_a_changed_signature_is_refused(actors: Actors, position: int) -> None:
    iut, _ = actors()
    headers = write_headers()
    signature = base64.b64encode(flip(base64.b64decode(headers["signature"]), position)).decode("ascii")
    check_headers(iut, {**headers, "signature": signature}).must_be_refused("InvalidSignature")


@clause("SW-32")
@pytest.mark.parametrize("size", [0, 32, 63, 65, 128])
def test_a_signature_of_another_size_is_refused(actors: Actors, size: int) -> None:
    iut, _ = actors()
    whole = base64.b64decode(write_headers()["signature"]) * 2
    signature = base64.b64encode(whole[:size]).decode("ascii")
    check_headers(iut, {**write_headers(), "signature": signature}).must_be_refused("InvalidSignature")


@clause("SW-32")
@pytest.mark.parametrize(
    "change", [lambda text: text.rstrip("="), lambda text: text + "\n", lambda text: "!" + text[1:]]
)
def test_a_signature_that_is_not_base64_is_refused(actors: Actors, change: Any) -> None:  # noqa: ANN401
    iut, _ = actors()
    headers = write_headers()
    check_headers(iut, {**headers, "signature": change(headers["signature"])}).must_be_refused("InvalidEncoding")
