"""The ten situations of docs/ten-situations.md, in their order, as the reference plays them."""

import pytest
from cloister import client, closed_group, errors, group_control, group_repair
from cloister.group_control import Change, Control, GroupId, SnapshotMessage
from groups import World

ALICE, BOB, CAROL, DAVE, ERIN = "alice", "bob", "carol", "dave", "erin"


def start(seed: int = 0, *members: str) -> tuple[World, GroupId]:
    """A group of Alice, Bob, Carol and others, in which all is delivered."""
    world = World(seed=seed)
    world.join(ALICE, BOB, CAROL, DAVE, ERIN)
    group_id = world.create(ALICE, [BOB, CAROL, *members])
    world.settle()
    return world, group_id


def befriend(world: World, name: str, other: str) -> None:
    """Let two clients have a session."""
    step = client.send_text(world.clients[name], world.account(other), "hi", world.draw, now_ms=world.now_ms)
    world.take(name, step)
    world.settle()


def statuses(world: World, group_id: GroupId, *names: str) -> list[str]:
    known = [name for name in names if group_id in world.clients[name].groups]
    return [world.group(name, group_id).status if name in known else "stranger" for name in names]


def rosters(world: World, group_id: GroupId, *names: str) -> list[list[str]]:
    return [world.members(name, group_id) for name in names]


@pytest.mark.parametrize("carol_first", [True, False])
def test_1_the_same_account_is_added_and_kicked_at_once(carol_first: bool) -> None:
    world, group_id = start()
    world.is_offline = {CAROL}
    world.change(BOB, group_id, closed_group.add, [world.account(DAVE)])
    world.settle()
    world.change(ALICE, group_id, closed_group.kick, [world.account(DAVE)])
    if carol_first:
        world.change(CAROL, group_id, closed_group.add, [world.account(DAVE)])
        world.store_all(CAROL)
        world.settle()
    else:
        world.settle()
        world.change(CAROL, group_id, closed_group.add, [world.account(DAVE)])
    world.is_offline = set()
    world.settle()
    assert rosters(world, group_id, ALICE, BOB, CAROL) == [[ALICE, BOB, CAROL]] * 3
    assert statuses(world, group_id, DAVE) == ["out"]
    assert "add refused" in world.events(CAROL)
    world.change(CAROL, group_id, closed_group.add, [world.account(DAVE)])
    world.settle()
    assert rosters(world, group_id, ALICE, BOB, CAROL, DAVE) == [[ALICE, BOB, CAROL, DAVE]] * 4


def test_1_an_add_that_the_administrator_never_knew_is_made_again() -> None:
    world, group_id = start(0, ERIN)
    world.change(BOB, group_id, closed_group.add, [world.account(DAVE)])
    world.change(ALICE, group_id, closed_group.kick, [world.account(ERIN)])
    world.settle()
    assert rosters(world, group_id, ALICE, BOB, CAROL, DAVE) == [[ALICE, BOB, CAROL, DAVE]] * 4
    assert world.group(DAVE, group_id).added == 1


def test_2_somebody_adds_while_being_kicked() -> None:
    world, group_id = start()
    befriend(world, BOB, DAVE)
    world.change(BOB, group_id, closed_group.add, [world.account(DAVE)])
    world.change(ALICE, group_id, closed_group.kick, [world.account(BOB)])
    world.store_all(BOB)
    world.poll(DAVE)
    assert statuses(world, group_id, DAVE) == ["member"]
    world.say(DAVE, group_id, "is anybody there?")
    world.settle()
    world.pass_time(client.ASK_AFTER_MS)
    assert rosters(world, group_id, ALICE, CAROL) == [[ALICE, CAROL]] * 2
    assert statuses(world, group_id, BOB, DAVE) == ["out", "out"]
    assert world.texts(ALICE) == world.texts(CAROL) == []


def test_2_what_was_done_before_the_kick_stays() -> None:
    world, group_id = start()
    world.change(BOB, group_id, closed_group.add, [world.account(DAVE)])
    world.settle()
    world.change(ALICE, group_id, closed_group.kick, [world.account(BOB)])
    world.settle()
    assert rosters(world, group_id, ALICE, CAROL, DAVE) == [[ALICE, CAROL, DAVE]] * 3


@pytest.mark.parametrize("leave_first", [True, False])
def test_3_a_leave_crosses_a_kick(leave_first: bool) -> None:
    world, group_id = start()
    world.say(BOB, group_id, "goodbye")
    world.settle()
    world.change(BOB, group_id, closed_group.leave)
    world.change(ALICE, group_id, closed_group.kick, [world.account(BOB)])
    for name in (BOB, ALICE) if leave_first else (ALICE, BOB):
        world.store_all(name)
        world.poll(CAROL)
    world.settle()
    assert rosters(world, group_id, ALICE, CAROL) == [[ALICE, CAROL]] * 2
    assert statuses(world, group_id, BOB) == ["out"]
    assert world.refusals(ALICE) == world.refusals(CAROL) == []
    (removal,) = world.group(CAROL, group_id).view.snapshot.removed
    assert (removal.last_epoch, removal.last_index) == (0, 0)


def test_4_the_administrator_leaves() -> None:
    world, group_id = start()
    world.say(BOB, group_id, "still under way")
    world.change(ALICE, group_id, closed_group.leave)
    world.settle()
    assert statuses(world, group_id, ALICE, BOB, CAROL) == ["closed"] * 3
    assert world.texts(CAROL) == [(BOB, "still under way")]
    for change in (
        lambda: world.say(BOB, group_id, "more"),
        lambda: world.change(BOB, group_id, closed_group.add, [world.account(DAVE)]),
        lambda: world.change(ALICE, group_id, closed_group.rename, "again"),
    ):
        with pytest.raises(errors.GroupClosed):
            change()


def test_5_the_500th_and_the_501st(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_control, "MAX_MEMBERS", 4)
    world, group_id = start()
    world.change(BOB, group_id, closed_group.add, [world.account(DAVE)])
    world.change(CAROL, group_id, closed_group.add, [world.account(ERIN)])
    world.settle()
    assert world.account(DAVE) < world.account(ERIN)
    assert rosters(world, group_id, ALICE, BOB, CAROL, DAVE) == [[ALICE, BOB, CAROL, DAVE]] * 4
    assert statuses(world, group_id, ERIN) == ["stranger"]
    assert world.group(ALICE, group_id).view.epoch == 1
    assert "conversion recommended" in world.events(ALICE)
    assert "add refused" in world.events(CAROL)
    with pytest.raises(errors.GroupFull, match="convert it to an open group"):
        world.change(BOB, group_id, closed_group.add, [world.account(ERIN)])


def lose_for(world: World, name: str) -> None:
    """Lose all that is stored for an account and not read yet."""
    account = world.account(name)
    world.read[name, account] = len(world.stored.get(account, []))


def miss_a_rename(world: World, group_id: GroupId) -> None:
    """Let Alice rename the group, and the snapshot for Carol be lost."""
    world.is_offline = {CAROL}
    world.change(ALICE, group_id, closed_group.rename, "another name")
    world.settle()
    lose_for(world, CAROL)
    world.is_offline = set()
    world.settle()
    assert world.group(CAROL, group_id).view.epoch == 0


def test_6_a_missed_snapshot_is_asked_for() -> None:
    world, group_id = start()
    miss_a_rename(world, group_id)
    world.change(BOB, group_id, closed_group.add, [world.account(DAVE)])
    world.settle()
    assert world.group(CAROL, group_id).view.epoch == 0
    world.pass_time(group_repair.REPAIR_AFTER_MS)
    world.say(BOB, group_id, "hello")
    world.settle()
    assert rosters(world, group_id, CAROL) == [[ALICE, BOB, CAROL, DAVE]]
    assert world.texts(CAROL) == [(BOB, "hello")]


def test_6_who_writes_after_a_missed_snapshot_is_read_and_helped() -> None:
    world, group_id = start()
    miss_a_rename(world, group_id)
    world.pass_time(group_repair.REPAIR_AFTER_MS)
    world.say(CAROL, group_id, "hello")
    world.settle()
    assert world.texts(BOB) == [(CAROL, "hello")]
    assert world.group(CAROL, group_id).view.snapshot.name == "another name"


def test_7_a_joiner_before_the_keys() -> None:
    world, group_id = start()
    world.say(CAROL, group_id, "before")
    world.settle()
    world.is_offline = {DAVE}
    world.change(BOB, group_id, closed_group.add, [world.account(DAVE)])
    world.settle()
    world.say(CAROL, group_id, "first")
    world.settle()
    world.is_offline = set()
    world.settle()
    assert world.texts(DAVE) == [(CAROL, "first")]
    assert world.events(DAVE).count("joined") == 1


def test_7_the_welcome_and_a_key_are_asked_for_when_they_are_lost() -> None:
    world, group_id = start()
    world.change(BOB, group_id, closed_group.add, [world.account(DAVE)])
    world.settle()
    assert statuses(world, group_id, DAVE) == ["member"]
    world.clients[DAVE] = client.replace(world.clients[DAVE], groups={})
    world.change(CAROL, group_id, closed_group.add, [world.account(ERIN)])
    world.settle()
    assert statuses(world, group_id, DAVE) == ["stranger"]
    world.pass_time(group_repair.REPAIR_AFTER_MS)
    assert rosters(world, group_id, ALICE, DAVE) == [[ALICE, BOB, CAROL, DAVE, ERIN]] * 2
    world.say(CAROL, group_id, "under a key that Dave has lost")
    world.settle()
    world.pass_time(group_repair.REPAIR_AFTER_MS)
    world.say(CAROL, group_id, "welcome")
    world.settle()
    assert world.texts(DAVE) == [(CAROL, "welcome")]


def lie(world: World, group_id: GroupId) -> None:
    """Let Alice show Bob and Carol another epoch 1 each."""
    alice = world.group(ALICE, group_id)
    assert alice.administrator_key
    for name, title in ((BOB, "for Bob"), (CAROL, "for Carol")):
        signed = group_control.open_epoch(
            alice.view,
            alice.ours,
            alice.administrator_key,
            Change(name=title),
            world.draw,
            now_ms=world.now_ms,
        )
        control = Control(group_id=group_id, epoch=1, body=SnapshotMessage(signed=signed))
        step = client.accept_control(world.clients[name], alice.ours, control, world.draw, now_ms=world.now_ms)
        world.take(name, step)


def test_8_a_lying_creator() -> None:
    world, group_id = start()
    lie(world, group_id)
    names = [world.group(name, group_id).view.snapshot.name for name in (BOB, CAROL)]
    assert names == ["for Bob", "for Carol"]
    for_carol = SnapshotMessage(signed=world.group(CAROL, group_id).view.signed)
    with pytest.raises(errors.ConflictingSnapshot):
        group_control.accept_snapshot(
            world.group(BOB, group_id).view, world.account(BOB), world.account(CAROL), for_carol
        )


def test_8_views_that_differ_are_reported() -> None:
    """Each epoch's addresses differ, so nobody reads the other's messages; the keys that go round tell."""
    world, group_id = start()
    lie(world, group_id)
    world.settle()
    world.pass_time(group_repair.REPAIR_AFTER_MS)
    assert "ConflictingSnapshot" in world.refusals(CAROL)


def test_9_a_message_under_an_old_key_after_a_kick() -> None:
    world, group_id = start()
    world.say(BOB, group_id, "as a member")
    world.settle()
    world.say(CAROL, group_id, "in the outbox")
    old = [store.sealed for store in world.clients[CAROL].outbox.values() if store.bond == "frame"]
    world.change(ALICE, group_id, closed_group.kick, [world.account(BOB)])
    world.store_all(ALICE)
    bob = world.clients[BOB]
    world.poll(CAROL)
    new = [store.sealed for store in world.clients[CAROL].outbox.values() if store.bond == "frame"]
    assert len(old) == len(new) == 1
    assert old != new
    world.take(BOB, client.Step(bob))
    world.say(BOB, group_id, "too late")
    world.settle()
    assert world.texts(ALICE) == [(BOB, "as a member"), (CAROL, "in the outbox")]
    assert world.texts(CAROL) == [(BOB, "as a member")]
    assert world.texts(BOB) == []
    assert world.refusals(ALICE) == world.refusals(CAROL) == ["NotPermitted"]
    assert statuses(world, group_id, BOB) == ["out"]


def test_10_a_kicked_member_is_added_again() -> None:
    world, group_id = start()
    world.say(BOB, group_id, "one")
    world.say(BOB, group_id, "two")
    world.settle()
    world.change(ALICE, group_id, closed_group.kick, [world.account(BOB)])
    world.settle()
    world.say(ALICE, group_id, "without Bob")
    world.settle()
    world.change(CAROL, group_id, closed_group.add, [world.account(BOB)])
    world.settle()
    assert (world.group(BOB, group_id).added, world.group(BOB, group_id).next_index) == (1, 0)
    world.say(BOB, group_id, "again")
    world.say(ALICE, group_id, "welcome back")
    world.settle()
    assert world.texts(CAROL)[-2:] == [(ALICE, "welcome back"), (BOB, "again")]
    assert world.texts(BOB) == [(ALICE, "welcome back")]
    assert "indices missing" not in world.events(CAROL)
