"""The played swarm of chapter 10: what it delivers, and that its claims can fail."""

from collections.abc import Callable, Iterator

import pytest
from cloister_conformance import implementation
from cloister_conformance.group_world import World, between
from cloister_conformance.script import ConformanceFailure, Script, make_actors
from cloister_conformance.target import Target


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """The reference behind its pipe."""
    running = Target(implementation.reference("client"))
    yield running
    running.stop()


@pytest.fixture
def world(target: Target) -> World:
    """A group of three, and a stranger."""
    made = World(make_actors(target, Script(seed=0)), "ivy", "ann bob zoe")
    made.create("ann", "bob ivy")
    made.settle()
    return made


def test_members_talk(world: World) -> None:
    world.must_be_members("ann bob ivy", epoch=0)
    world.must_talk("ann bob ivy")
    world.must_use_each_key_once()
    assert world.must_agree() == ["ann", "bob", "ivy"]


def test_what_is_delayed_comes_later_and_what_is_lost_does_not(world: World) -> None:
    world.delays.append(between("bob", "ivy"))
    world.losses.append(between("ann", "ivy"))
    for name in ("ann", "bob"):
        world.say(name, f"by {name}").must_be()
    world.settle()
    world.must_not_show("ivy", "by bob")
    world.release()
    world.must_show("ivy", "bob", "by bob")
    world.must_not_show("ivy", "by ann")


def test_who_is_cut_off_neither_stores_nor_fetches(world: World) -> None:
    world.is_cut_off.add("ivy")
    world.say("ivy", "alone").must_be()
    world.say("bob", "without her").must_be()
    world.settle()
    world.must_not_show("ann bob", "alone")
    world.must_not_show("ivy", "without her")
    world.is_cut_off.clear()
    world.settle()
    world.must_show("ann bob", "ivy", "alone")
    world.must_show("ivy", "bob", "without her")


CLAIMS: dict[str, Callable[[World], object]] = {
    "other members": lambda world: world.must_be_members("ann ivy"),
    "another epoch": lambda world: world.must_be_members("ann bob ivy", epoch=1),
    "out": lambda world: world.must_be_out("ivy"),
    "a message that was not said": lambda world: world.must_show("ivy", "bob", "never said"),
    "a message that was said": lambda world: world.must_not_show("ivy", "said"),
    "a message of another": lambda world: world.must_show("ivy", "ann", "said"),
    "an event": lambda world: world.must_have_told("ivy", kind="out"),
    "no event": lambda world: world.must_not_have_told("ivy", kind="joined"),
    "an event twice": lambda world: world.must_have_told("ivy", times=2, kind="joined"),
    "a key that was not said": lambda world: world.must_not_say("key", reader="bob"),
    "no addresses": lambda world: world.must_poll("ivy"),
    "a number of members": lambda world: world.must_show_members("ivy", 2),
    "one of none": lambda world: world.take_only([], "thing"),
    "a stranger among members": lambda world: world.must_talk("ann ivy"),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_that_is_wrong_fails(world: World, claim: str) -> None:
    world.say("bob", "said").must_be()
    world.settle()
    with pytest.raises(ConformanceFailure):
        CLAIMS[claim](world)


def test_a_refusal_that_does_not_come_fails(world: World) -> None:
    world.say("bob", "honest").must_be()
    (letter,) = world.collect("bob")
    with pytest.raises(ConformanceFailure):
        world.must_refuse("ivy", letter, "NotPermitted")


def test_a_key_that_is_used_twice_fails(world: World) -> None:
    world.say("ivy", "once").must_be()
    world.settle()
    frame = world.find_said("frame")[-1]
    for member, value in (("message_key", frame.said.message_key), ("ephemeral_key", frame.said.ephemeral_key.hex())):
        result = world.seen[0].answer.step.answer["result"]
        kept, result[member] = result[member], value
        with pytest.raises(ConformanceFailure):
            world.must_use_each_key_once()
        result[member] = kept
    world.must_use_each_key_once()
