"""Chapter 10: repairs of several kinds, and for several members, beside each other."""

from cloister_conformance.clause import clause
from cloister_conformance.group_world import between
from cloister_conformance.plugin import Actors
from cloister_conformance.suites.closed_groups import begin
from cloister_conformance.suites.closed_groups_views import must_have_said, say_control


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
