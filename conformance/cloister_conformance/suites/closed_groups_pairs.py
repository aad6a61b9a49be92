"""Chapters 09 and 10: two things are done at once, and what they say is delivered in both orders."""

import itertools
import random

import pytest

from cloister_conformance.clause import clause
from cloister_conformance.group_world import World
from cloister_conformance.plugin import PROFILES, Actors
from cloister_conformance.script import Answer
from cloister_conformance.suites.closed_groups import JPEG, begin

OPERATIONS = ("add", "leave", "kick", "rename", "image", "close", "say")
PAIRS = [f"{first} {second}" for first, second in itertools.combinations_with_replacement(OPERATIONS, 2)]
SAMPLES = {"quick": 1, "standard": 4, "deep": 20}
"""How often each pair is tried, with other members each time."""
MEMBERS = ["ann", "bob", "ivy", "tom"]
STRANGERS = ["yan", "zoe"]


def act(world: World, operation: str, actor: str, on: str) -> Answer:
    """Let somebody do something, on somebody else where it is."""
    match operation:
        case "add":
            return world.add(actor, on)
        case "kick":
            return world.kick(actor, on)
        case "rename":
            return world.rename(actor, f"as {actor} says")
        case "image":
            return world.call(actor, "change_avatar", avatar=JPEG)
        case "say":
            return world.say(actor, on)
        case _:
            return world.leave(actor)


def choose(operation: str, administrator: str, draw: random.Random) -> tuple[str, str]:
    """Choose who does something, and on whom."""
    others = [name for name in MEMBERS if name != administrator]
    if operation == "add":
        return draw.choice(MEMBERS), draw.choice(STRANGERS)
    if operation == "leave":
        return draw.choice(others), ""
    if operation == "say":
        return draw.choice(MEMBERS), f"text {draw.random()}"
    return administrator, draw.choice(others)


def play(actors: Actors, operations: list[str], draw: random.Random, *, backwards: bool) -> None:
    """Let two things be done at once; then everything is delivered, and all is well."""
    administrator = draw.choice(["ann", "ivy"])
    others = " ".join(name for name in MEMBERS if name != administrator)
    world = begin(actors, creator=administrator, others=others, strangers="yan zoe")
    world.delays.append(lambda name, letter: True)
    chosen = [(operation, *choose(operation, administrator, draw)) for operation in operations]
    done = [one for one in chosen if "result" in act(world, *one).step.answer]
    for name in world.people:
        world.collect(name)
    for name in world.people:
        world.fetch(name)
    world.release(backwards=backwards)
    world.settle()
    world.repair()
    present = world.must_agree()
    for operation, actor, on in done:
        if {"leave": actor, "close": actor, "kick": on}.get(operation) in present:
            world.fail(
                "who has left or was kicked to be out", f"{actor} and {on} after {operation}: {present} are members"
            )
        if operation == "say":
            readers = [name for name in present if name != actor and name in MEMBERS]
            world.must_show(" ".join(readers), actor, on)
    if present:
        world.must_talk(" ".join(present), "in the end")
    world.must_use_each_key_once()


@clause("CG-15", "CG-24", "CG-36", "CG-49", "GC-50", "GC-52")
@pytest.mark.parametrize("pair", PAIRS)
def test_two_operations_at_once_lead_to_one_view_in_whatever_order_they_come(
    actors: Actors, pair: str, pytestconfig: pytest.Config
) -> None:
    profile = pytestconfig.getoption("--profile")
    assert profile in PROFILES
    for sample in range(SAMPLES[profile]):
        for backwards in (False, True):
            seed = f"{pytestconfig.getoption('--hypothesis-seed', default=None)} {pair} {sample}"
            play(actors, pair.split(), random.Random(seed), backwards=backwards)
