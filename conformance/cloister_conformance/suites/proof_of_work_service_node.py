"""Chapter 06, role `service-node`: which texts and which work a node stores."""

import pytest
from cloister import proof_of_work, wire
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made.proof_of_work import find_nonce, find_nonce_between, payload, value_of
from cloister_conformance.hand_made.swarms import hash_store
from cloister_conformance.node_script import NodeUnderTest
from cloister_conformance.node_storage import (
    NO_WORK,
    OWN,
    Store,
    find_difficulty,
    keep,
    must_hold,
    must_refuse,
    name_recipient,
    write_store,
)
from cloister_conformance.plugin import NodeActors
from cloister_conformance.script import Answer
from cloister_conformance.strategies import ttls

MAX_DATA_CHARACTERS = 102_400
MIN_TTL_MS = 10_000
MAX_TTL_MS = 1_209_600_000
LONG_TTL = "3600000"
"""Enough for a message whose work takes long."""


def store_with(iut: NodeUnderTest, label: str, **texts: str) -> Store:
    """Write a store of a recipient that the label makes, some texts replaced; the work is for the texts as they stand."""
    return write_store(iut, name_recipient(iut, label), **texts)


# Texts


@clause("PW-2")
@pytest.mark.parametrize("change", ["0{}", "+{}", "{}.0", " {}", "{} ", "-{}", "{}0", "", "0x18bcfe56800", "1e12"])
def test_a_timestamp_of_another_form_is_refused(node_actors: NodeActors, change: str) -> None:
    iut, _, _ = node_actors()
    timestamp = change.format(iut.now_ms)
    must_refuse(iut.rpc("store", **store_with(iut, "timestamp", timestamp=timestamp)), 406)


@clause("PW-2")
def test_a_timestamp_has_13_digits(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    iut.set_clock(10**12)
    recipient = name_recipient(iut, "first timestamp")
    twelve = write_store(iut, recipient, timestamp="999999999999")
    must_refuse(iut.rpc("store", **twelve), 406)
    thirteen = write_store(iut, recipient, timestamp="1000000000000")
    keep(iut, thirteen)
    must_hold(iut, recipient, thirteen)


@clause("PW-3")
@pytest.mark.parametrize(
    "ttl", ["", "0", "9000", "9999", "1209601000", "060000", "+60000", "60000 ", "6e4", "-60000", "60000.0", "9" * 20]
)
def test_a_ttl_of_another_form_or_length_is_refused(node_actors: NodeActors, ttl: str) -> None:
    iut, _, _ = node_actors()
    must_refuse(iut.rpc("store", **store_with(iut, "ttl", ttl=ttl)), 403)


@clause("PW-3")
@pytest.mark.parametrize("ttl_ms", [MIN_TTL_MS, MAX_TTL_MS])
def test_the_shortest_and_the_longest_ttl_are_accepted(node_actors: NodeActors, ttl_ms: int) -> None:
    iut, _, _ = node_actors()
    store = store_with(iut, f"ttl {ttl_ms}", ttl=str(ttl_ms))
    keep(iut, store)
    must_hold(iut, store["pubKey"], store)


@clause("PW-4")
@pytest.mark.parametrize("ttl", ["10001", "60500", "1209599999"])
def test_a_ttl_that_is_not_whole_seconds_is_refused(node_actors: NodeActors, ttl: str) -> None:
    iut, _, _ = node_actors()
    must_refuse(iut.rpc("store", **store_with(iut, "milliseconds", ttl=ttl)), 403)


def spell_wrongly(recipient: str) -> list[str]:
    """Spell a recipient in other ways."""
    key = recipient[2:]
    return [
        "",
        key,
        recipient[:-1],
        f"{recipient}0",
        recipient[:-2],
        f"{recipient}00",
        recipient.upper(),
        f"03{key}",
        f"15{key}",
        "05" + "g" * 64,
        "05" + "\u0665" * 64,
        f" {recipient[1:]}",
        f"0x{key}",
    ]


@clause("PW-5")
def test_a_recipient_of_another_form_is_refused(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    store = store_with(iut, "spelt wrongly")
    for recipient in spell_wrongly(store["pubKey"]):
        must_refuse(iut.rpc("store", **{**store, "pubKey": recipient}), 400)
        must_refuse(iut.rpc("retrieve", pubKey=recipient, lastHash=""), 400)
        must_refuse(iut.rpc("get_snodes_for_pubkey", pubKey=recipient), 400)


@clause("PW-6")
def test_the_longest_data_is_accepted_and_no_longer_one(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "long data")
    longest = write_store(iut, recipient, data="A" * MAX_DATA_CHARACTERS, ttl=LONG_TTL)
    longer = write_store(iut, recipient, data="A" * (MAX_DATA_CHARACTERS + 4), ttl=LONG_TTL, nonce=NO_WORK)
    must_refuse(iut.rpc("store", **longer), 400)
    keep(iut, longest)
    must_hold(iut, recipient, longest)


@clause("PW-7")
@pytest.mark.parametrize(
    "data", ["A", "AA", "AAA", "AA=", "AB==", "aGVsbG9=", "a-_=", "AAAA\n", " AAAA", "AAAA====", "ÄÄÄÄ"]
)
def test_data_that_is_not_canonical_base64_is_refused(node_actors: NodeActors, data: str) -> None:
    iut, _, _ = node_actors()
    must_refuse(iut.rpc("store", **store_with(iut, "not canonical", data=data)), 400)


@clause("PW-8")
@pytest.mark.parametrize("change", ["{}=", "{}AAAA", " {}", "{}\n", "\0{}"])
def test_a_nonce_of_another_form_is_refused(node_actors: NodeActors, change: str) -> None:
    iut, _, _ = node_actors()
    store = store_with(iut, "nonce")
    must_refuse(iut.rpc("store", **{**store, "nonce": change.format(store["nonce"])}), 432)


@clause("PW-8")
@pytest.mark.parametrize("size", [7, 9, 12])
def test_work_with_a_nonce_of_another_size_is_refused(node_actors: NodeActors, size: int) -> None:
    iut, _, _ = node_actors()
    store = store_with(iut, "size of the nonce")
    must_refuse(iut.rpc("store", **{**store, "nonce": find_long_nonce(store, size, find_difficulty(iut.callee))}), 432)


def find_long_nonce(store: Store, size: int, difficulty: int) -> str:
    """Find a nonce of another size that would suffice."""
    target = find_target(store, difficulty)
    number = 0
    while int(hash_store({**store, "nonce": wire.encode_base64(number.to_bytes(size, "big"))})[:16], 16) >= target:
        number += 1
    return wire.encode_base64(number.to_bytes(size, "big"))


# Work


def join_payload(store: Store) -> bytes:
    """Join the texts of a store."""
    return payload(store["timestamp"], store["ttl"], store["pubKey"], store["data"])


def find_target(store: Store, difficulty: int) -> int:
    """Find the target of a store."""
    return proof_of_work.derive_target(len(join_payload(store)), int(store["ttl"]), difficulty)


def check_value(iut: NodeUnderTest, label: str, low: float, high: float, **texts: str) -> tuple[Store, Answer]:
    """Store with a value between two shares of the target; return the store and what came back."""
    store = store_with(iut, label, **texts)
    target = find_target(store, find_difficulty(iut.callee))
    store["nonce"] = find_nonce_between(join_payload(store), int(low * target), int(high * target))
    return store, iut.rpc("store", **store)


@clause("PW-1", "PW-9", "PW-11", "PW-12", "PW-14")
@given(data=st.binary(max_size=600), ttl_ms=ttls())
def test_work_that_just_suffices_is_accepted_and_named_by_its_hash(
    node_actors: NodeActors, data: bytes, ttl_ms: int
) -> None:
    iut, _, _ = node_actors()
    texts = {"data": wire.encode_base64(data), "ttl": str(ttl_ms)}
    store, answer = check_value(iut, f"suffices {texts}", 0.9, 1, **texts)
    answer.must_match(status="^200$")
    must_hold(iut, store["pubKey"], store)


@clause("PW-9", "PW-13")
@given(data=st.binary(max_size=600), ttl_ms=ttls())
def test_work_that_just_does_not_suffice_is_refused(node_actors: NodeActors, data: bytes, ttl_ms: int) -> None:
    iut, _, _ = node_actors()
    texts = {"data": wire.encode_base64(data), "ttl": str(ttl_ms)}
    store, answer = check_value(iut, f"lacks {texts}", 1, 1.1, **texts)
    must_refuse(answer, 432)
    must_hold(iut, store["pubKey"])


@clause("PW-9")
@pytest.mark.parametrize("difficulty", [2, 7, 40])
def test_the_target_falls_with_the_difficulty(node_actors: NodeActors, difficulty: int) -> None:
    iut, _, _ = node_actors()
    iut.set_network({OWN: "abc"}, [(0, difficulty)])
    store = store_with(iut, f"difficulty {difficulty}")
    target = find_target(store, difficulty)
    lacks = find_nonce_between(join_payload(store), target, target * 5 // 4)
    suffices = find_nonce_between(join_payload(store), target * 3 // 4, target)
    iut.rpc("store", **{**store, "nonce": lacks}).must_be(status=432, value={"difficulty": difficulty})
    iut.rpc("store", **{**store, "nonce": suffices}).must_be(status=200, value={"difficulty": difficulty})


@clause("PW-10")
@pytest.mark.parametrize("difficulty", [2**56, 2**62, 2**63 - 1])
def test_no_work_suffices_where_there_is_no_target(node_actors: NodeActors, difficulty: int) -> None:
    iut, _, _ = node_actors()
    iut.set_network({OWN: "abc"}, [(0, difficulty)])
    store = store_with(iut, "no target")
    iut.rpc("store", **store).must_be(status=432, value={"difficulty": difficulty})


@clause("PW-1")
def test_work_is_bound_to_each_text(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    store = store_with(iut, "bound")
    others = {
        "pubKey": name_recipient(iut, "bound elsewhere"),
        "ttl": "61000",
        "timestamp": str(int(store["timestamp"]) - 1),
        "data": f"{store['data'][:-1]}0",
    }
    moved = [{**store, name: text} for name, text in others.items()]
    difficulty = find_difficulty(iut.callee)

    def is_bound(nonce: bytes) -> bool:
        return suffices(store, nonce, difficulty) and not any(suffices(other, nonce, difficulty) for other in moved)

    nonce = find_nonce(is_bound)
    for other in moved:
        must_refuse(iut.rpc("store", **{**other, "nonce": nonce}), 432)
    keep(iut, {**store, "nonce": nonce})


def suffices(store: Store, nonce: bytes, difficulty: int) -> bool:
    """Tell whether a nonce suffices."""
    return value_of(join_payload(store))(nonce) < find_target(store, difficulty)
