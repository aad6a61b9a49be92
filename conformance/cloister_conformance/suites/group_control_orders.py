"""Chapter 09: each pair of operations by two actors, delivered in both orders: all views become equal."""

import itertools
import random
from collections.abc import Callable

import pytest

from cloister_conformance.clause import clause
from cloister_conformance.group_views import World
from cloister_conformance.hand_made.group_control import ALICE, BOB, CAROL, DAVE, ERIN, FRANK, PNG
from cloister_conformance.plugin import Actors

ACCOUNTS = (BOB, ALICE, CAROL, DAVE, ERIN, FRANK)
PLAYED = ([ALICE], [BOB, DAVE], [CAROL, ERIN], [ALICE, CAROL, FRANK])
"""Whom the implementation plays, one after the other."""

Operation = Callable[[World, int], None]

OPERATIONS: dict[str, Operation] = {
    "add": lambda world, number: world.add((BOB, CAROL)[number], *([DAVE], [DAVE, FRANK])[number]),
    "leave": lambda world, number: world.leave((ERIN, CAROL)[number], 4),
    "kick": lambda world, number: world.open_epoch((CAROL, BOB)[number]),
    "rename": lambda world, number: world.open_epoch(name=("walk", "run")[number]),
    "image": lambda world, number: world.open_epoch(avatar=PNG + bytes(number)),
    "close": lambda world, number: world.close(),
    "pass on": lambda world, number: world.pass_on((BOB, CAROL)[number], *ACCOUNTS),
    "adds you": lambda world, number: world.pass_on((BOB, CAROL)[number], (DAVE, FRANK)[number], adds_you=True),
}
"""What the first and the second of two actors do."""

PAIRS = list(itertools.product(OPERATIONS, repeat=2))


@clause("GC-20", "GC-23", "GC-27", "GC-28", "GC-32", "GC-38", "GC-39", "GC-46", "GC-50", "GC-52")
@pytest.mark.parametrize(("first", "second"), PAIRS, ids=[f"{first}, {second}" for first, second in PAIRS])
@pytest.mark.parametrize("order", ["in order", "the other way round", "mixed"])
def test_two_operations_lead_to_equal_views(actors: Actors, order: str, first: str, second: str) -> None:
    number = PAIRS.index((first, second))
    iut, peer = actors()
    world = World(iut, peer, played=PLAYED[number % len(PLAYED)], accounts=ACCOUNTS)
    world.create(ALICE, BOB, CAROL, ERIN)
    OPERATIONS[first](world, 0)
    OPERATIONS[second](world, 1)
    if order == "the other way round":
        world.under_way.reverse()
    elif order == "mixed":
        random.Random(number).shuffle(world.under_way)
    world.settle()
    world.must_be_settled()
