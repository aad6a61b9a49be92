"""Chapter 07, role `service-node`: what a node keeps, for how long, and what it gives in which order."""

import pytest
from cloister import wire
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made import swarms
from cloister_conformance.hand_made.proof_of_work import find_nonce_between, payload
from cloister_conformance.hand_made.swarms import hash_store
from cloister_conformance.node_script import NodeUnderTest
from cloister_conformance.node_storage import (
    OWN,
    Store,
    derive_recipient,
    keep,
    must_give,
    must_hold,
    must_refuse,
    name_recipient,
    push,
    retrieve,
    write_batch,
    write_store,
    write_stores,
)
from cloister_conformance.plugin import NodeActors
from cloister_conformance.strategies import ttls

PAGE_MESSAGES = 10
MIN_TTL_MS = 10_000
LONG_TTL_MS = 3_600_000
MAX_TTL_MS = 1_209_600_000
UNKNOWN_HASH = "ab" * 64
MAX_BYTES = 2**19
LARGE_DATA = "A" * 102_400


# What is acknowledged is kept


@clause("SW-18")
def test_what_is_acknowledged_survives_the_sudden_end_of_the_process(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient, other = name_recipient(iut, "killed"), name_recipient(iut, "killed too")
    stores, pushed = write_stores(iut, recipient, 3), write_stores(iut, other, 3)
    push(iut, write_batch(*pushed)).must_be(status=200)
    keep(iut, *stores)
    iut.kill()
    must_hold(iut, recipient, *stores)
    must_hold(iut, other, *pushed)


@clause("SW-18")
def test_many_stores_at_once_survive_the_sudden_end_of_the_process(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    stores = [write_store(iut, name_recipient(iut, f"one of many {number}")) for number in range(30)]
    iut.rpc_all([("store", dict(store)) for store in stores]).must_be(statuses=[200])
    iut.kill()
    for store in stores:
        must_hold(iut, store["pubKey"], store)


@clause("SW-19")
def test_a_message_that_is_stored_again_is_one_message(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "twice")
    first, second = write_stores(iut, recipient, 2)
    keep(iut, first, second, first, first)
    must_hold(iut, recipient, first, second)


@clause("SW-19")
def test_a_message_that_is_stored_many_times_at_once_is_one_message(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "at once")
    store = write_store(iut, recipient)
    iut.rpc_all([("store", dict(store))], times=20).must_be(statuses=[200])
    must_hold(iut, recipient, store)


@clause("SW-19")
def test_a_message_that_is_stored_and_pushed_is_one_message(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "stored and pushed")
    first, second = write_stores(iut, recipient, 2)
    keep(iut, first)
    push(iut, write_batch(first, second, second)).must_be(status=200)
    keep(iut, second)
    must_hold(iut, recipient, first, second)


@clause("SW-19")
def test_the_same_texts_under_another_nonce_are_another_message(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "another nonce")
    first = write_store(iut, recipient)
    second = {**first, "nonce": find_next_nonce(first)}
    keep(iut, first, second)
    must_hold(iut, recipient, first, second)


def find_next_nonce(store: Store) -> str:
    """Find another nonce that suffices for half as much again as the work of a store."""
    value = int(hash_store(store)[:16], 16)
    joined = payload(store["timestamp"], store["ttl"], store["pubKey"], store["data"])
    return find_nonce_between(joined, 0, value)


@clause("SW-25")
def test_a_full_node_refuses_and_keeps_what_it_holds(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "kept by a full node")
    kept = write_store(iut, recipient)
    keep(iut, kept)
    iut.restart(max_bytes=MAX_BYTES)
    for number in range(2 * MAX_BYTES // len(LARGE_DATA)):
        large = write_store(iut, name_recipient(iut, f"large {number}"), data=LARGE_DATA, ttl=str(MIN_TTL_MS))
        answer = iut.rpc("store", **large)
        answer.must_match(status="^(200|503)$")
        if answer.result.status == 503:
            break
        must_hold(iut, large["pubKey"], large)
    must_refuse(answer, 503)
    must_hold(iut, large["pubKey"])
    must_hold(iut, recipient, kept)


# Order and pages


@clause("SW-20")
def test_messages_come_in_the_order_of_their_arrival(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "order")
    times = [iut.now_ms - 1000 * age for age in (0, 9, 3, 30, 1)]
    lives = ["70000", "60000", "80000", "90000", "65000"]
    stores = [write_store(iut, recipient, timestamp=str(time), ttl=ttl) for time, ttl in zip(times, lives, strict=True)]
    keep(iut, *stores)
    must_hold(iut, recipient, *stores)


@clause("SW-20")
def test_stored_and_pushed_messages_come_in_the_order_of_their_arrival(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "mixed order")
    first, second, third, fourth = write_stores(iut, recipient, 4)
    push(iut, write_batch(first)).must_be(status=200)
    keep(iut, second)
    push(iut, write_batch(third, first)).must_be(status=200)
    keep(iut, fourth)
    must_hold(iut, recipient, first, second, third, fourth)


@clause("SW-20")
def test_a_message_is_given_for_its_recipient_only(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipients = [name_recipient(iut, f"only {number}") for number in range(3)]
    stores = [write_store(iut, recipient) for recipient in recipients]
    keep(iut, *stores)
    for recipient, store in zip(recipients, stores, strict=True):
        must_hold(iut, recipient, store)
    must_hold(iut, name_recipient(iut, "nobody"))


@clause("SW-22")
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 25])
def test_a_page_has_at_most_ten_messages(node_actors: NodeActors, count: int) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, f"pages of {count}")
    stores = write_stores(iut, recipient, count)
    keep(iut, *stores)
    last_hash = ""
    for first in range(0, count + 1, PAGE_MESSAGES):
        page = stores[first : first + PAGE_MESSAGES]
        must_give(retrieve(iut, recipient, last_hash), *page)
        last_hash = hash_store(page[-1]) if page else last_hash


@clause("SW-21")
def test_a_page_begins_behind_the_last_hash(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "cursor")
    stores = write_stores(iut, recipient, 5)
    keep(iut, *stores)
    for place, store in enumerate(stores):
        must_give(retrieve(iut, recipient, hash_store(store)), *stores[place + 1 :])


@clause("SW-21")
def test_a_page_begins_with_the_first_behind_what_is_not_held(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "unknown cursor")
    stores = write_stores(iut, recipient, 3)
    keep(iut, *stores)
    known = hash_store(stores[1])
    for last_hash in ("", UNKNOWN_HASH, known.upper(), known[:-1], f"{known} ", "%", "\ud800", "x" * 10_000):
        must_give(retrieve(iut, recipient, last_hash), *stores)


@clause("SW-21")
def test_the_hash_of_another_recipients_message_is_not_held(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "own messages")
    early, late = write_stores(iut, recipient, 2)
    foreign = write_store(iut, name_recipient(iut, "foreign messages"))
    keep(iut, early, foreign, late)
    must_give(retrieve(iut, recipient, hash_store(foreign)), early, late)


@clause("SW-21")
def test_the_hash_of_an_expired_message_loses_nothing(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "expired cursor")
    expired = write_store(iut, recipient, ttl=str(MIN_TTL_MS))
    alive = write_stores(iut, recipient, 2)
    keep(iut, expired, *alive)
    iut.set_clock(iut.now_ms + MIN_TTL_MS)
    must_give(retrieve(iut, recipient, hash_store(expired)), *alive)


# Expiry


@clause("SW-23", "SW-24")
@pytest.mark.parametrize("ttl_ms", [MIN_TTL_MS, LONG_TTL_MS, MAX_TTL_MS])
def test_a_message_is_given_until_the_millisecond_of_its_expiration(node_actors: NodeActors, ttl_ms: int) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, f"expires after {ttl_ms}")
    store = write_store(iut, recipient, timestamp=str(iut.now_ms - 1234), ttl=str(ttl_ms))
    keep(iut, store)
    expiration_ms = iut.now_ms - 1234 + ttl_ms
    iut.set_clock(expiration_ms - 1)
    must_hold(iut, recipient, store)
    iut.set_clock(expiration_ms)
    must_hold(iut, recipient)


@clause("SW-23", "SW-24")
def test_an_expired_message_takes_no_place_on_a_page(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "no place")
    expired = write_stores(iut, recipient, PAGE_MESSAGES, ttl=str(MIN_TTL_MS))
    alive = write_stores(iut, recipient, 3)
    keep(iut, *expired[:5], alive[0], *expired[5:], *alive[1:])
    iut.set_clock(iut.now_ms + MIN_TTL_MS)
    must_hold(iut, recipient, *alive)


@clause("SW-24")
def test_a_message_lives_on_when_others_expire(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "lives on")
    short, long = (write_store(iut, recipient, ttl=str(ttl_ms)) for ttl_ms in (MIN_TTL_MS, LONG_TTL_MS))
    keep(iut, short, long)
    iut.set_clock(iut.now_ms + LONG_TTL_MS - 1)
    must_hold(iut, recipient, long)
    iut.kill()
    must_hold(iut, recipient, long)


@clause("SW-24")
@given(data=st.binary(max_size=300), ttl_ms=ttls())
def test_data_and_expiration_are_given_as_received(node_actors: NodeActors, data: bytes, ttl_ms: int) -> None:
    iut, _, _ = node_actors()
    texts = {"data": wire.encode_base64(data), "ttl": str(ttl_ms)}
    recipient = name_recipient(iut, f"as received {texts}")
    store = write_store(iut, recipient, **texts)
    keep(iut, store)
    must_hold(iut, recipient, store)


# Difficulty


def set_history(iut: NodeUnderTest, *changes: tuple[int, int]) -> None:
    """Set the history of the difficulty: times that follow the clock's, and difficulties."""
    iut.set_network({OWN: "abc"}, [(iut.now_ms + after_ms, difficulty) for after_ms, difficulty in changes])


@clause("SW-26")
def test_the_difficulty_changes_with_the_clock(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    set_history(iut, (60_000, 5), (-60_000, 3), (120_000, 2))
    begin = iut.now_ms
    for after_ms, difficulty in [(59_999, 3), (60_000, 5), (119_999, 5), (120_000, 2)]:
        iut.set_clock(begin + after_ms)
        must_want(iut, difficulty)


@clause("SW-26")
def test_before_the_first_change_the_difficulty_is_1(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    set_history(iut, (1, 50))
    iut.rpc("store", **write_store(iut, name_recipient(iut, "at first"))).must_be(status=200, value={"difficulty": 1})


@clause("SW-26")
def test_the_difficulty_is_that_of_the_clock_and_not_of_the_message(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    set_history(iut, (0, 4))
    store = write_store(iut, name_recipient(iut, "before the change"), timestamp=str(iut.now_ms - 5000))
    store["nonce"] = swarms.find_nonce_for_less(store, enough=3, wanted=4)
    iut.rpc("store", **store).must_be(status=432, value={"difficulty": 4})


def must_want(iut: NodeUnderTest, difficulty: int) -> None:
    """Expect that work for a difficulty suffices, and work for one less does not."""
    recipient = derive_recipient(f"wants {difficulty} at {iut.now_ms}", OWN)
    enough = write_store(iut, recipient, "", difficulty)
    less = {**enough, "nonce": swarms.find_nonce_for_less(enough, enough=difficulty - 1, wanted=difficulty)}
    iut.rpc("store", **less).must_be(status=432, value={"difficulty": difficulty})
    iut.rpc("store", **enough).must_be(status=200, value={"difficulty": difficulty})
