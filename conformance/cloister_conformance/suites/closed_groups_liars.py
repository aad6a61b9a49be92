"""Chapters 09 and 10: control messages that a member, the administrator or a stranger may not send; nothing changes, and the group goes on."""

from collections.abc import Callable

import pytest

from cloister_conformance.clause import clause
from cloister_conformance.group_world import World
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Answer
from cloister_conformance.suites.closed_groups import JPEG, begin, hand_over


def snapshot(world: World, liar: str, **changes: object) -> Answer:
    """Let a liar say a snapshot to Ivy."""
    return world.lie(liar, "say_snapshot", account=world.account("ivy"), **changes)


def control(world: World, liar: str, kind: str, epoch: int, **fields: object) -> Answer:
    """Let a liar say a control message to Ivy."""
    return world.lie(liar, "say_control", account=world.account("ivy"), kind=kind, epoch=epoch, **fields)


def without_the_reader(world: World) -> Answer:
    """Let a liar say that Ivy is no member, in the name of the administrator."""
    return snapshot(world, "bob", epoch=2, members=world.accounts(["ann", "bob", "tom"]))


LIES: dict[str, tuple[Callable[[World], Answer], str]] = {
    "another administrator": (
        lambda world: snapshot(world, "bob", epoch=2, administrator=world.account("bob"), has_fresh_key=True),
        "NotPermitted",
    ),
    "another administrator key": (lambda world: snapshot(world, "bob", epoch=2, has_fresh_key=True), "NotPermitted"),
    "another key of the administrator, which is confirmed": (
        lambda world: snapshot(world, "ann", epoch=2, has_fresh_key=True),
        "NotPermitted",
    ),
    "a snapshot that the administrator has not signed": (
        lambda world: snapshot(world, "bob", epoch=2, name="ours"),
        "InvalidSignature",
    ),
    "a kick that the administrator has not signed": (without_the_reader, "InvalidSignature"),
    "an end that the administrator has not signed": (
        lambda world: snapshot(world, "bob", epoch=2, is_closed=True),
        "InvalidSignature",
    ),
    "another snapshot of the epoch": (lambda world: snapshot(world, "ann", name="other"), "ConflictingSnapshot"),
    "an image that is not the snapshot's": (lambda world: snapshot(world, "bob", avatar=JPEG), "InvalidAvatar"),
    "a leave for another": (
        lambda world: control(world, "bob", "leave", 1, of=world.account("tom")),
        "NotPermitted",
    ),
    "a leave for the reader": (
        lambda world: control(world, "bob", "leave", 1, of=world.account("ivy")),
        "NotPermitted",
    ),
    "a leave of the administrator": (lambda world: control(world, "ann", "leave", 1), "NotPermitted"),
    "an add of a past epoch": (
        lambda world: control(world, "bob", "add", 0, accounts=[world.account("zoe")]),
        "PastEpoch",
    ),
    "an add of nobody": (lambda world: control(world, "bob", "add", 1), "InvalidMessage"),
    "an add of who is no key": (lambda world: control(world, "bob", "add", 1, accounts=[bytes(33)]), "InvalidKey"),
    "an add of a stranger by itself twice": (
        lambda world: control(world, "zoe", "add", 1, accounts=[world.account("zoe")] * 2),
        "InvalidMessage",
    ),
    "an ask of a stranger": (lambda world: control(world, "zoe", "ask", 1), "NotPermitted"),
    "an ask for nothing": (lambda world: control(world, "bob", "ask", 1, what=3), "OutOfRange"),
    "an epoch above the limit": (lambda world: control(world, "bob", "notice", 2**31), "OutOfRange"),
    "a key that is none": (lambda world: control(world, "bob", "key", 1, distribution=b"\x33key"), "InvalidMessage"),
}


@clause("CG-32", "GC-2", "GC-3", "GC-4", "GC-8", "GC-12", "GC-16", "GC-18", "GC-22", "GC-30", "GC-40", "GC-42")
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused_and_the_group_goes_on(actors: Actors, lie: str) -> None:
    world = begin(actors)
    world.rename("ann", "walk").must_be()
    world.settle()
    before = world.observe("ivy", with_outbox=False)
    say, error = LIES[lie]
    say(world).must_be()
    told = [event for answer in hand_over_all(world) for event in answer.step.answer["result"]["told"]]
    if not told:
        world.fail(f"the refusal {error}", "nothing was told")
    world.must_have_told("ivy", kind="refused", error=error)
    world.must_be_as("ivy", before)
    world.settle()
    world.must_talk("ann bob ivy tom")


def hand_over_all(world: World) -> list[Answer]:
    """Hand over what the liars have said; with a stranger there is to be a session first."""
    answers = [answer for liar in ("ann", "bob") for answer in hand_over(world, liar)]
    if not answers:
        world.settle()
        answers = world.told["ivy"]
    return answers


@clause("GC-21", "CG-32")
def test_an_old_snapshot_changes_nothing(actors: Actors) -> None:
    world = begin(actors)
    world.lie("tom", "copy", copy_to="old").must_be()
    world.rename("ann", "walk").must_be()
    world.settle()
    said = world.people["tom"].actor.call(
        "groups.say_snapshot", client="old", group_id=world.group_id, account=world.account("ivy"), now_ms=world.now_ms
    )
    said.must_be()
    before = world.observe("ivy")
    stores = world.people["tom"].actor.call("client.outbox", client="old").result.stores
    answer = world.call("ivy", "receive", recipient=stores[-1].recipient, data=stores[-1].data)
    answer.must_tell()
    world.must_be_as("ivy", before)
    world.must_not_have_told("ivy", kind="out")
    world.call("ivy", "read_group").must_be(epoch=1, name="walk")


@clause("GC-17", "GC-31", "CG-32")
def test_a_stranger_cannot_make_a_member_of_itself(actors: Actors) -> None:
    world = begin(actors)
    before = world.observe("ivy", with_outbox=False)
    control(world, "zoe", "add", 0, accounts=[world.account("zoe")]).must_be()
    world.settle()
    world.must_be_as("ivy", before)
    world.must_talk("ann bob ivy tom")


@clause("GC-17")
def test_a_snapshot_of_an_unknown_group_that_does_not_list_the_reader_is_refused(actors: Actors) -> None:
    world = begin(actors, others="bob tom", strangers="ivy")
    snapshot(world, "bob").must_be()
    world.settle()
    world.must_have_told("ivy", kind="refused", account="bob", error="NotPermitted")
    world.call("ivy", "read_group").must_be_refused("UnknownGroup")
    world.must_poll("ivy")


@clause("GC-55")
def test_nobody_makes_another_leave_not_even_who_has_added_it(actors: Actors) -> None:
    world = begin(actors, others="bob tom", strangers="ivy")
    world.add("bob", "ivy").must_be()
    world.settle()
    before = world.observe("ivy")
    control(world, "bob", "leave", 0, of=world.account("ivy"), added=0).must_be()
    (answer,) = hand_over(world, "bob")
    answer.must_tell({"kind": "refused", "account": world.account("bob"), "error": "NotPermitted"})
    world.must_be_as("ivy", before)
    world.rename("ann", "walk").must_be()
    world.settle()
    world.must_be_members("ann bob ivy tom", epoch=1)
