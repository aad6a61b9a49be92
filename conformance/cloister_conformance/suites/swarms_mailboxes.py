"""Chapter 07: what a client remembers of what it has fetched."""

from typing import Any

import pytest
from cloister import proof_of_work
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made.swarms import (
    CLOCK_TOLERANCE_MS,
    NOW,
    TTL,
    describe_letter,
    write_data,
    write_held,
)
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor, Answer
from cloister_conformance.suites.swarms import NODE, PEER, STRANGER

Json = dict[str, Any]

END = NOW + TTL + CLOCK_TOLERANCE_MS
"""When the usual letter has expired everywhere."""

KEPT = proof_of_work.MAX_TTL_MS + 2 * CLOCK_TOLERANCE_MS
"""How long a digest is kept."""


def letter(label: str, expiration_ms: int = NOW + TTL) -> Json:
    """Describe a letter; its hash and its data follow from a label."""
    return describe_letter(write_held(label, expiration_ms=expiration_ms, data=write_data(label)))


def hash_of(label: str) -> str:
    """Return the hash of a letter."""
    hashed: str = letter(label)["hash"]
    return hashed


def take(actor: Actor, letters: list[Json], *, box: str = "mailbox", node: bytes = NODE, now_ms: int = NOW) -> Answer:
    """Let an actor take a page of a node."""
    return actor.call("mailbox.take", mailbox=box, node=node, letters=letters, now_ms=now_ms)


def find_cursor(actor: Actor, *, box: str = "mailbox", node: bytes = NODE) -> Answer:
    """Let an actor find what it would ask a node for."""
    return actor.call("mailbox.cursor", mailbox=box, node=node)


def forget(actor: Actor, now_ms: int, *, box: str = "mailbox") -> None:
    """Let an actor forget what no honest node gives any more."""
    actor.call("mailbox.forget", mailbox=box, now_ms=now_ms).must_be()


@clause("SW-39")
def test_each_node_has_its_own_last_hash(actors: Actors) -> None:
    iut, _ = actors()
    for node in (NODE, PEER):
        find_cursor(iut, node=node).must_be(last_hash="")
    take(iut, [letter("1"), letter("2")]).must_be()
    find_cursor(iut).must_be(last_hash=hash_of("2"))
    find_cursor(iut, node=PEER).must_be(last_hash="")
    take(iut, [letter("2"), letter("1")], node=PEER).must_be()
    find_cursor(iut, node=PEER).must_be(last_hash=hash_of("1"))
    find_cursor(iut).must_be(last_hash=hash_of("2"))


@clause("SW-39")
def test_each_recipient_has_its_own_last_hash(actors: Actors) -> None:
    iut, _ = actors()
    take(iut, [letter("1")]).must_be()
    find_cursor(iut, box="another").must_be(last_hash="")
    take(iut, [letter("2")], box="another").must_be()
    find_cursor(iut).must_be(last_hash=hash_of("1"))


@clause("SW-39")
def test_the_last_hash_is_that_of_the_last_message_whatever_is_new(actors: Actors) -> None:
    iut, _ = actors()
    take(iut, [letter("1"), letter("2"), letter("3")]).must_be()
    take(iut, [letter("2"), letter("1")]).must_be(hashes=[])
    find_cursor(iut).must_be(last_hash=hash_of("1"))
    take(iut, [letter("expired", NOW - 2 * CLOCK_TOLERANCE_MS)]).must_be(hashes=[])
    find_cursor(iut).must_be(last_hash=hash_of("expired"))
    take(iut, []).must_be(hashes=[])
    find_cursor(iut).must_be(last_hash=hash_of("expired"))


@clause("SW-39", "SW-42")
def test_the_last_hash_outlives_the_message(actors: Actors) -> None:
    iut, _ = actors()
    take(iut, [letter("1")]).must_be()
    forget(iut, NOW + KEPT)
    find_cursor(iut).must_be(last_hash=hash_of("1"))


@clause("SW-40")
def test_data_are_passed_on_once(actors: Actors) -> None:
    iut, _ = actors()
    take(iut, [letter("1"), letter("2"), letter("1")]).must_be(hashes=[hash_of("1"), hash_of("2")])
    take(iut, [letter("1"), letter("2")]).must_be(hashes=[])
    take(iut, [letter("2"), letter("3"), letter("1")], node=PEER).must_be(hashes=[hash_of("3")])
    take(iut, [letter("3")]).must_be(hashes=[])


@clause("SW-40")
def test_data_are_passed_on_once_whatever_else_a_node_says_of_them(actors: Actors) -> None:
    iut, _ = actors()
    take(iut, [letter("1")]).must_be(hashes=[hash_of("1")])
    for other in ({"hash": hash_of("2")}, {"expiration": NOW + 2 * TTL}, {"expiration": 2**53 - 1}):
        take(iut, [{**letter("1"), **other}], node=PEER).must_be(hashes=[])


@clause("SW-40")
def test_data_under_two_hashes_in_a_page_are_passed_on_once(actors: Actors) -> None:
    iut, _ = actors()
    page = [letter("1"), {**letter("1"), "hash": hash_of("2")}, letter("3")]
    take(iut, page).must_be(hashes=[hash_of("1"), hash_of("3")])


@clause("SW-40")
def test_other_data_under_a_known_hash_are_passed_on(actors: Actors) -> None:
    """A lying node gives the hash of a message that it withholds with other data, and hides it from nobody."""
    iut, _ = actors()
    take(iut, [{**letter("1"), "data": letter("lie")["data"]}]).must_be(hashes=[hash_of("1")])
    take(iut, [letter("1")], node=PEER).must_be(hashes=[hash_of("1")])
    take(iut, [letter("1"), {**letter("1"), "data": letter("lie")["data"]}], node=STRANGER).must_be(hashes=[])


@clause("SW-40")
def test_each_recipient_is_passed_on_its_own(actors: Actors) -> None:
    iut, _ = actors()
    for box in ("one", "another"):
        take(iut, [letter("1")], box=box).must_be(hashes=[hash_of("1")])


@clause("SW-40")
def test_a_page_without_news_leaves_the_mailbox_as_its_twin(actors: Actors) -> None:
    iut, _ = actors()
    page = [letter("1"), letter("2")]
    for box in ("mailbox", "twin"):
        take(iut, page, box=box).must_be()
        take(iut, [letter("2")], box=box, node=PEER).must_be()
    for _ in range(3):
        take(iut, page).must_be(hashes=[])
        take(iut, []).must_be(hashes=[])
        forget(iut, NOW + KEPT - 1)
    for node in (NODE, PEER):
        of_twin = find_cursor(iut, box="twin", node=node)
        find_cursor(iut, node=node).must_be_like(of_twin)
    for now_ms in (NOW + KEPT - 1, NOW + KEPT):
        pages = [take(iut, [*page, letter("3", now_ms)], box=box, now_ms=now_ms) for box in ("twin", "mailbox")]
        pages[1].must_be_like(pages[0])


@clause("SW-41")
def test_what_any_node_gives_is_passed_on(actors: Actors) -> None:
    iut, _ = actors()
    take(iut, [letter("1"), letter("3")]).must_be(hashes=[hash_of("1"), hash_of("3")])
    take(iut, [letter("1"), letter("2"), letter("4")], node=PEER).must_be(hashes=[hash_of("2"), hash_of("4")])
    take(iut, [letter("5")], node=STRANGER).must_be(hashes=[hash_of("5")])


EXPIRATIONS = [NOW - CLOCK_TOLERANCE_MS + 1, NOW + 1, NOW + TTL, NOW + KEPT, 2**53 - 1]
"""What a node may name for a message that it gives now, the truth or not."""


@clause("SW-42")
@pytest.mark.parametrize("left_ms", [1, 1000, CLOCK_TOLERANCE_MS])
@pytest.mark.parametrize("expiration_ms", EXPIRATIONS)
def test_a_digest_is_not_forgotten_while_its_message_may_be_given(
    actors: Actors, expiration_ms: int, left_ms: int
) -> None:
    iut, _ = actors()
    take(iut, [letter("1", expiration_ms)]).must_be(hashes=[hash_of("1")])
    now_ms = NOW + KEPT - left_ms
    forget(iut, now_ms)
    take(iut, [letter("1", now_ms + TTL)], node=PEER, now_ms=now_ms).must_be(hashes=[])


@clause("SW-42")
@pytest.mark.parametrize("late_ms", [0, 1, 10**9])
@pytest.mark.parametrize("expiration_ms", EXPIRATIONS)
def test_a_digest_is_forgotten_when_no_honest_node_gives_its_message(
    actors: Actors, expiration_ms: int, late_ms: int
) -> None:
    iut, _ = actors()
    take(iut, [letter("1", expiration_ms)]).must_be(hashes=[hash_of("1")])
    now_ms = NOW + KEPT + late_ms
    forget(iut, now_ms)
    take(iut, [letter("1", now_ms + TTL)], now_ms=now_ms).must_be(hashes=[hash_of("1")])


@clause("SW-42")
def test_a_message_that_is_given_again_is_remembered_from_then_on(actors: Actors) -> None:
    iut, _ = actors()
    again_ms = NOW + 10 * TTL
    take(iut, [letter("1")]).must_be()
    take(iut, [letter("1", again_ms + TTL)], node=PEER, now_ms=again_ms).must_be(hashes=[])
    for now_ms, hashes in ((again_ms + KEPT - 1, []), (again_ms + 2 * KEPT - 1, [hash_of("1")])):
        forget(iut, now_ms)
        take(iut, [letter("1", now_ms + TTL)], now_ms=now_ms).must_be(hashes=hashes)


@clause("SW-43")
@pytest.mark.parametrize("late_ms", [0, 1, 10**9])
def test_a_message_that_has_expired_everywhere_is_not_passed_on(actors: Actors, late_ms: int) -> None:
    iut, _ = actors()
    take(iut, [letter("1"), letter("2", END + 10**10)], now_ms=END + late_ms).must_be(hashes=[hash_of("2")])


@clause("SW-43")
@pytest.mark.parametrize("expiration_ms", [-(2**53) + 1, -1, 0, NOW - CLOCK_TOLERANCE_MS])
def test_a_message_that_is_given_as_expired_everywhere_does_not_count_as_seen(
    actors: Actors, expiration_ms: int
) -> None:
    iut, _ = actors()
    take(iut, [letter("1", expiration_ms)]).must_be(hashes=[])
    take(iut, [letter("1")], node=PEER).must_be(hashes=[hash_of("1")])


@clause("SW-42", "SW-43")
def test_a_message_that_is_given_as_expired_everywhere_is_not_remembered_for_longer(actors: Actors) -> None:
    iut, _ = actors()
    take(iut, [letter("1")]).must_be()
    take(iut, [letter("1", 0)], node=PEER, now_ms=NOW + TTL).must_be(hashes=[])
    now_ms = NOW + KEPT
    forget(iut, now_ms)
    take(iut, [letter("1", now_ms + TTL)], now_ms=now_ms).must_be(hashes=[hash_of("1")])


@clause("SW-43")
@pytest.mark.parametrize("left_ms", [1, CLOCK_TOLERANCE_MS - 1, CLOCK_TOLERANCE_MS])
def test_a_message_that_may_still_be_stored_somewhere_is_passed_on(actors: Actors, left_ms: int) -> None:
    iut, _ = actors()
    take(iut, [letter("1")], now_ms=END - left_ms).must_be(hashes=[hash_of("1")])


@clause("SW-39", "SW-40", "SW-42")
def test_a_restored_mailbox_goes_on(actors: Actors) -> None:
    iut, _ = actors()
    take(iut, [letter("1"), letter("2")]).must_be()
    take(iut, [letter("3")], node=PEER, now_ms=NOW + TTL).must_be()
    state = iut.call("save", handle="mailbox").result.state
    iut.restart()
    iut.call("restore", handle="mailbox", state=state).must_be()
    find_cursor(iut).must_be(last_hash=hash_of("2"))
    find_cursor(iut, node=PEER).must_be(last_hash=hash_of("3"))
    take(iut, [letter("3"), letter("1"), letter("4")], now_ms=NOW + TTL).must_be(hashes=[hash_of("4")])
    now_ms = NOW + TTL + KEPT - 1
    forget(iut, now_ms)
    later = [letter(label, now_ms + TTL) for label in ("2", "3")]
    take(iut, later, now_ms=now_ms).must_be(hashes=[hash_of("2")])


LABELS = st.sampled_from(["1", "2", "3", "4"])
STEPS = st.one_of(
    st.tuples(
        st.sampled_from([NODE, PEER]),
        st.lists(st.tuples(LABELS, LABELS, st.sampled_from([-CLOCK_TOLERANCE_MS, 0, TTL, 2**50])), max_size=4),
    ),
    st.sampled_from([1, 1000, TTL, CLOCK_TOLERANCE_MS, KEPT]),
)
"""A page of a node, each letter with the labels of its hash and of its data, and what its expiration is from the clock; or a time
that passes, and what is due is forgotten."""


@clause("SW-39", "SW-40", "SW-42", "SW-43")
@given(steps=st.lists(STEPS, max_size=12))
def test_a_mailbox_goes_as_the_reference_goes(actors: Actors, steps: list[Any]) -> None:
    iut, peer = actors()
    now_ms = NOW
    for step in steps:
        if isinstance(step, int):
            now_ms += step
            for actor in (peer, iut):
                forget(actor, now_ms)
            continue
        node, page = step
        letters = [
            {**letter(label, now_ms + life_ms), "data": write_data(data_label)} for label, data_label, life_ms in page
        ]
        expected = take(peer, letters, node=node, now_ms=now_ms)
        take(iut, letters, node=node, now_ms=now_ms).must_be_like(expected)
    for node in (NODE, PEER):
        expected = find_cursor(peer, node=node)
        find_cursor(iut, node=node).must_be_like(expected)
