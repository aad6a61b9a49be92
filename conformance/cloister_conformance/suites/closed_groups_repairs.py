"""Chapter 10: repairs of several kinds, and for several members, beside each other."""

import pytest
from cloister.group_repair import REPAIR_AFTER_MS

from cloister_conformance.clause import clause
from cloister_conformance.group_world import between
from cloister_conformance.plugin import Actors
from cloister_conformance.suites.closed_groups import begin, hand_over
from cloister_conformance.suites.closed_groups_views import must_have_said, say_control

YEAR_MS = 365 * 86_400_000


@clause("CG-47")
def test_one_repair_does_not_keep_another_back(actors: Actors) -> None:
    world = begin(actors)
    for name in ("bob", "tom"):
        for what in (2, 1):
            say_control(world, name, 0, "ask", what=what)
    world.settle()
    must_have_said(world, "key", "bob tom")
    must_have_said(world, "snapshot", "bob tom")


@clause("CG-43")
def test_who_adds_in_a_past_epoch_is_helped(actors: Actors) -> None:
    world = begin(actors)
    world.losses.append(between(None, "bob"))
    world.rename("ann", "walk").must_be()
    world.settle()
    world.forget()
    say_control(world, "bob", 0, "add", accounts=[world.account("zoe")])
    world.losses.clear()
    world.settle()
    must_have_said(world, "snapshot", "bob")
    world.call("bob", "read_group").must_be(epoch=1, name="walk")


@clause("CG-59")
def test_a_clock_that_was_wrong_once_does_not_stop_repairs(actors: Actors) -> None:
    world = begin(actors)
    world.losses.append(between("ivy", None))
    world.now_ms += YEAR_MS
    world.call("ivy", "tick").must_be()
    world.settle()
    world.now_ms -= YEAR_MS
    world.losses = [between("ann", "ivy")]
    world.kick("ann", "tom").must_be()
    world.settle()
    world.forget()
    world.wait(REPAIR_AFTER_MS)
    must_have_said(world, "ask", "ann bob tom")
    world.must_be_members("ann bob ivy", epoch=1)


@clause("CG-61")
@pytest.mark.parametrize("group", [bytes(32), b"\xff" * 32])
def test_a_group_with_the_same_address_does_not_hide_another(actors: Actors, group: bytes) -> None:
    world = begin(actors)
    world.lie("bob", "say_snapshot", account=world.account("ivy"), other_group=group).must_be()
    hand_over(world, "bob")[0].must_mention({"kind": "joined"})
    world.must_talk("ann bob ivy tom")
