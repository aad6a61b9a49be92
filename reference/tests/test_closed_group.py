"""What a client of closed groups keeps, which no peer sees."""

from dataclasses import replace

from cloister import client, closed_group, group_control
from cloister.group_control import Add, Leave, Membership
from groups import World

DAY_MS = 86_400_000


def test_what_was_kept_of_who_is_gone_for_long_is_forgotten() -> None:
    """CG-60: not while the snapshot names it as removed, and frames of it may come."""
    world = World()
    world.join("alice", "bob", "carol", "dave")
    group_id = world.create("alice", ["bob", "carol"])
    for _ in range(3):
        world.settle()
        world.change("bob", group_id, closed_group.add, [world.account("dave")])
        world.settle()
        world.say("dave", group_id, "hello")
        world.settle()
        world.change("dave", group_id, closed_group.leave)
        world.settle()
    world.pass_time(DAY_MS)
    held = world.group("carol", group_id)
    assert [membership for membership in held.counts if membership.account == world.account("dave")]
    assert world.account("dave") in held.records
    for _ in range(3):
        world.pass_time(8 * DAY_MS)
        world.change("alice", group_id, closed_group.rename, f"name {world.now_ms}")
        world.settle()
    world.pass_time(DAY_MS)
    held = world.group("carol", group_id)
    assert {membership.account for membership in held.counts} == {world.account("alice"), world.account("bob")}
    assert held.records.keys() == {world.account("alice"), world.account("bob")}


def test_one_epoch_is_opened_for_one_thing_that_comes() -> None:
    """Adds and leaves that wait for many later epochs do not let the administrator open all of them at once."""
    world = World()
    world.join("alice", "bob", "carol", "dave")
    group_id = world.create("alice", ["bob", "carol"])
    world.settle()
    group = world.group("alice", group_id)
    view, strangers = group.view, [World(seed=seed) for seed in range(1, 9)]
    for number, other in enumerate(strangers, start=1):
        other.join("stranger")
        account = other.account("stranger")
        for sender, body in (
            (world.account("bob"), Add(accounts=(account,))),
            (account, Leave(added=number, last_index=None)),
        ):
            if isinstance(body, Add):
                view = group_control.accept_add(view, sender, number, body.accounts)
            else:
                view = group_control.accept_leave(view, group.ours, sender, body)
    world.clients["alice"] = client.put_group(world.clients["alice"], replace(group, view=view))
    world.change("alice", group_id, closed_group.rename, "another name")
    assert world.group("alice", group_id).view.epoch == 1
    for epoch in range(2, 6):
        world.pass_time(0)
        assert world.group("alice", group_id).view.epoch == epoch
    assert Membership(world.account("bob"), 0) not in world.group("alice", group_id).view.leaves
