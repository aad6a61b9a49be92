"""Chapter 10: to whom a member gives its sender key, when it renews it, and what it may not send any more."""

import pytest

from cloister_conformance.clause import clause
from cloister_conformance.group_world import Seen, World, between
from cloister_conformance.plugin import Actors
from cloister_conformance.suites.closed_groups import address_of, begin, find_stores, hand_over

LEAVES = ["left", "kicked", "absent"]
"""How somebody who was a member comes to be none."""


def end_membership(world: World, way: str, who: str = "tom") -> None:
    """Let a membership end, and Ivy learn of it."""
    if way == "left":
        world.leave(who).must_be()
    elif way == "kicked":
        world.kick("ann", who).must_be()
    else:
        others = [world.account(name) for name in ("ann", "bob", "ivy") if name != who]
        for reader in ("bob", "ivy"):
            account = world.account(reader)
            world.lie("ann", "say_snapshot", account=account, epoch=1, members=others).must_be()
    world.settle()


def last_frame(world: World, sender: str = "ivy") -> Seen:
    """The last group message of Ivy that was read along."""
    frames = world.find_said("frame", sender=sender)
    if not frames:
        world.fail("a group message that a member can read", "there is none")
    return frames[-1]


def say_and_see(world: World, text: str) -> Seen:
    """Let Ivy say something, and read it along."""
    world.say("ivy", text).must_tell()
    world.settle()
    frames = [seen for seen in world.find_said("frame", sender="ivy") if seen.said.text == text]
    return world.take_only(frames, "message that a member can read")


def must_not_be_readable(world: World, seen: Seen, reader: str = "ghost") -> None:
    """Claim that a client holds no key for a message, even if somebody opens the envelope for it."""
    letter = seen.letter
    reads = world.lie("bob", "can_read", recipient=letter.recipient, data=letter.data, reader=reader)
    reads.must_be(is_readable=False)


# Giving


@clause("CG-13")
def test_a_member_gives_its_key_to_all_before_anybody_has_spoken(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann bob tom")
    world.create("ann", "bob ivy tom")
    world.settle()
    readers = sorted(seen.reader for seen in world.find_said("key"))
    if readers != ["ann", "bob", "tom"]:
        world.fail("one key to each other member", f"keys came to {readers}")
    world.say("ivy", "my first").must_tell()
    world.settle()
    world.must_show("ann bob tom", "ivy", "my first")


@clause("CG-13")
@pytest.mark.parametrize("adder", ["ann", "ivy"])
def test_a_newcomer_gets_every_key_also_of_who_has_not_spoken(actors: Actors, adder: str) -> None:
    world = begin(actors)
    world.add(adder, "zoe").must_be()
    world.settle()
    if [seen.reader for seen in world.find_said("key")] != ["zoe"]:
        world.fail("one key, to the newcomer", f"keys came to {[seen.reader for seen in world.find_said('key')]}")
    world.must_talk("ann bob ivy tom zoe")


@clause("CG-13")
def test_a_joiner_gives_its_key_to_all(actors: Actors) -> None:
    world = begin(actors, others="bob tom", strangers="ivy zoe")
    world.add("bob", "ivy").must_be()
    world.settle()
    readers = sorted(seen.reader for seen in world.find_said("key"))
    if readers != ["ann", "bob", "tom"]:
        world.fail("one key to each other member", f"keys came to {readers}")
    world.must_talk("ann bob ivy tom")


@clause("CG-13", "CG-18")
@pytest.mark.parametrize("way", LEAVES)
def test_who_is_no_member_any_more_gets_no_key(actors: Actors, way: str) -> None:
    world = begin(actors)
    end_membership(world, way)
    world.must_not_say("key", reader="tom")
    say_and_see(world, "without tom")
    world.must_not_say("key", reader="tom")
    if sorted({seen.reader for seen in world.find_said("key")}) != ["ann", "bob"]:
        world.fail("the renewed key to come to all who are left", "it did not")
    world.must_show("bob", "ivy", "without tom")


@clause("CG-13", "CG-15", "CG-22")
def test_who_was_removed_and_added_again_unseen_gets_the_key_again(actors: Actors) -> None:
    world = begin(actors)
    old = say_and_see(world, "old")
    world.delays.append(between(None, "ivy"))
    world.kick("ann", "tom").must_be()
    world.settle()
    world.add("ann", "tom").must_be()
    world.settle()
    world.rename("ann", "walk").must_be()
    world.settle()
    world.release(backwards=True)
    world.settle()
    world.must_be_members("ann bob ivy tom", epoch=2)
    new = say_and_see(world, "new")
    new.answer.must_differ_from(old.answer, "key_id")
    world.must_show("ann bob tom", "ivy", "new")
    world.must_talk("ann bob ivy tom", "again")


@clause("CG-14")
def test_a_newcomer_gets_the_current_iteration_and_the_next_index(actors: Actors) -> None:
    world = begin(actors)
    for number in range(3):
        say_and_see(world, f"old {number}")
    old = last_frame(world)
    world.add("bob", "zoe").must_be()
    world.settle()
    key = world.take_only(world.find_said("key", reader="zoe"), "key for the newcomer")
    key.answer.must_be(key_id=old.said.key_id, iteration=(old.said.iteration or 0) + 1, index=3)
    for letter in find_stores(world, "ivy", address_of(world)):
        reads = world.lie("ann", "can_read", recipient=letter.recipient, data=letter.data, reader="zoe")
        reads.must_be(is_readable=False)
    say_and_see(world, "new")
    world.must_show("zoe", "ivy", "new")
    world.must_not_show("zoe", "old 2")
    world.must_not_have_told("zoe", kind="indices missing")


# Renewing


@clause("CG-15", "CG-13")
@pytest.mark.parametrize("way", LEAVES)
def test_a_key_is_renewed_when_somebody_is_gone(actors: Actors, way: str) -> None:
    world = begin(actors)
    old = say_and_see(world, "old")
    world.lie("tom", "copy", copy_to="ghost").must_be()
    end_membership(world, way)
    new = say_and_see(world, "new")
    new.answer.must_differ_from(old.answer, "key_id")
    key = world.take_only(world.find_said("key", reader="bob"), "renewed key")
    key.answer.must_be(key_id=new.said.key_id, iteration=new.said.iteration, index=1)
    must_not_be_readable(world, new)
    world.must_show("bob", "ivy", "new")


@clause("CG-15")
def test_a_key_is_renewed_at_once_when_somebody_leaves(actors: Actors) -> None:
    world = begin(actors)
    old = say_and_see(world, "old")
    world.delays.append(between("ann", "ivy"))
    world.leave("tom").must_be()
    world.settle()
    if world.read_group("ivy").epoch != 0:
        world.fail("the snapshot to be under way", "it came")
    new = say_and_see(world, "new")
    new.answer.must_differ_from(old.answer, "key_id")
    new.answer.must_be(epoch=0, index=1)
    world.release()
    world.settle()
    world.must_show("ann bob", "ivy", "new")
    world.must_be_members("ann bob ivy", epoch=1)


@clause("CG-15", "CG-13")
def test_a_key_is_not_renewed_when_nobody_is_gone(actors: Actors) -> None:
    world = begin(actors)
    old = say_and_see(world, "old")
    world.rename("ann", "walk").must_be()
    world.settle()
    new = say_and_see(world, "new")
    new.answer.must_be(key_id=old.said.key_id, epoch=1)
    for given in world.find_said("key"):
        given.answer.must_be(key_id=old.said.key_id)
    world.must_show("ann bob tom", "ivy", "new")


@clause("CG-55")
def test_the_key_is_given_again_to_the_next_member_in_a_new_epoch(actors: Actors) -> None:
    world = begin(actors)
    old = say_and_see(world, "old")
    world.rename("ann", "walk").must_be()
    world.settle()
    given = world.take_only(world.find_said("key", reader="tom"), "key for the member that follows")
    given.answer.must_be(key_id=old.said.key_id, digest=world.read_group("tom").digest)
    world.take_only(world.find_said("key"), "key")


@clause("CG-16", "CG-17", "CG-12")
@pytest.mark.parametrize("way", LEAVES)
def test_what_was_not_stored_is_encrypted_again_under_the_renewed_key(actors: Actors, way: str) -> None:
    world = begin(actors)
    say_and_see(world, "old")
    world.lie("tom", "copy", copy_to="ghost").must_be()
    world.is_cut_off.add("ivy")
    world.say("ivy", "under way").must_tell()
    frames = [store.data for store in world.call("ivy", "outbox").result.stores]
    end_membership(world, way)
    world.fetch("ivy")
    world.call("ivy", "outbox").must_exclude(stores=frames)
    world.is_cut_off.clear()
    world.settle()
    again = last_frame(world)
    again.answer.must_be(index=1, text="under way", **({"epoch": 1} if way == "kicked" else {}))
    world.must_show("bob", "ivy", "under way")
    must_not_be_readable(world, again)
    world.must_not_have_told("bob", kind="indices missing")
    world.must_use_each_key_once()


@clause("CG-17", "CG-29")
def test_what_was_stored_and_not_acknowledged_is_shown_once(actors: Actors) -> None:
    world = begin(actors)
    world.is_unacknowledged.add("ivy")
    world.say("ivy", "twice under way").must_tell()
    world.settle()
    world.must_show("ann bob tom", "ivy", "twice under way")
    world.kick("ann", "tom").must_be()
    world.settle()
    again = last_frame(world)
    again.answer.must_be(index=0, text="twice under way", epoch=1)
    world.must_show("ann bob tom", "ivy", "twice under way")
    world.is_unacknowledged.clear()
    world.settle()
    world.must_talk("ann bob ivy")


@clause("CG-17")
def test_what_was_acknowledged_is_not_encrypted_again(actors: Actors) -> None:
    world = begin(actors)
    first = say_and_see(world, "done")
    world.kick("ann", "tom").must_be()
    world.settle()
    if last_frame(world) is not first:
        last_frame(world).answer.must_exclude(text=["done"])


# Not sending


@clause("CG-18")
def test_what_is_queued_for_who_is_kicked_is_dropped(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann bob tom")
    world.is_away.add("tom")
    world.create("ann", "bob ivy tom")
    world.settle()
    world.say("ivy", "for tom too", "client").must_tell()
    world.settle()
    world.kick("ann", "tom").must_be()
    world.settle()
    world.losses.append(between("ann", "tom"))
    world.is_away.clear()
    world.call("tom", "send_text", account=world.account("ivy"), text="hello").must_be()
    world.settle()
    said = {seen.said.kind for seen in world.seen if seen.reader == "tom"}
    if not said or said - {"greeting", "session request", "leave", "notice"}:
        world.fail("nothing of the group to be said to who is kicked", f"{sorted(said)} came")


@clause("CG-18")
@pytest.mark.parametrize("way", LEAVES)
def test_what_is_not_stored_yet_for_who_is_gone_is_dropped(actors: Actors, way: str) -> None:
    world = begin(actors)
    world.is_cut_off.add("ivy")
    world.say("ivy", "to each", "client").must_tell()
    world.add("ivy", "zoe").must_be()
    stores = [
        store.data for store in world.call("ivy", "outbox").result.stores if store.recipient == world.account("tom")
    ]
    held = world.take_only(stores[:1], "message for each member")
    end_membership(world, way)
    world.fetch("ivy")
    world.call("ivy", "outbox").must_exclude(stores=[held])
    world.is_cut_off.clear()
    world.settle()
    said = {seen.said.kind for seen in world.seen if seen.reader == "tom"}
    if said - {"greeting", "session request", "leave", "notice"}:
        world.fail("nothing of the group to be said to who is gone", f"{sorted(said)} came")


@clause("CG-18", "CG-15")
def test_who_is_out_sees_no_later_traffic(actors: Actors) -> None:
    world = begin(actors)
    world.must_talk("ann bob ivy tom")
    old = address_of(world)
    count = len(world.stored[old])
    world.lie("tom", "copy", copy_to="ghost").must_be()
    world.kick("ann", "tom").must_be()
    world.settle()
    world.must_talk("ann bob ivy", "later")
    if len(world.stored[old]) != count:
        world.fail("nothing to be stored under the old address", f"{len(world.stored[old]) - count} messages were")
    world.must_be_out("tom")
    for letter in world.stored[address_of(world)]:
        reads = world.lie("ann", "can_read", recipient=letter.recipient, data=letter.data, reader="ghost")
        reads.must_be(is_readable=False)


# Taking


@clause("CG-19", "CG-20")
@pytest.mark.parametrize("order", ["a key of a past epoch", "a key of a later epoch"])
def test_a_key_is_taken_whatever_the_epochs_are(actors: Actors, order: str) -> None:
    world = begin(actors)
    world.delays.append(between("bob" if order == "a key of a past epoch" else "ann", "ivy"))
    if order == "a key of a past epoch":
        world.leave("tom").must_be()
        world.settle()
        world.must_be_members("ann bob ivy", epoch=1)
    else:
        world.kick("ann", "tom").must_be()
        world.settle()
        if world.read_group("ivy").epoch != 0:
            world.fail("the snapshot to be under way", "it came")
    world.release()
    world.settle()
    world.must_be_members("ann bob ivy", epoch=1)
    world.say("bob", "under my key").must_tell()
    world.settle()
    world.must_show("ivy", "bob", "under my key")
    world.must_not_say("ask")


@clause("CG-20", "CG-28")
def test_a_key_of_who_may_become_known_waits(actors: Actors) -> None:
    world = begin(actors, strangers="cat")
    for adder in ("ann", "bob"):
        world.delays.append(between(adder, "ivy"))
    world.add("bob", "cat").must_be()
    world.settle()
    world.must_not_have_told("ivy", kind="member added")
    world.must_not_have_told("ivy", kind="refused")
    world.say("cat", "I am new").must_tell()
    world.settle()
    world.release()
    world.settle()
    world.must_show("ivy", "cat", "I am new")
    world.must_be_members("ann bob cat ivy tom", epoch=0)


def give_key(world: World, name: str, epoch: int) -> None:
    """Let a liar give a sender key to Ivy, as of an epoch."""
    key = world.take_only(world.find_said("key")[:1], "key").said.distribution
    ivy = world.account("ivy")
    world.lie(name, "say_control", account=ivy, epoch=epoch, kind="key", distribution=key, next_index=0).must_be()


@clause("CG-20", "CG-45")
@pytest.mark.parametrize(("way", "epoch"), [("kicked", 0), ("left", 0), ("left", 1)])
def test_a_key_of_who_is_no_member_any_more_is_refused(actors: Actors, way: str, epoch: int) -> None:
    world = begin(actors)
    if epoch == 1:
        world.rename("ann", "walk").must_be()
        world.settle()
        world.delays.append(between("ann", "ivy"))
    end_membership(world, way)
    give_key(world, "tom", epoch)
    held = world.call("ivy", "read_group")
    answer = hand_over(world, "tom")[-1]
    answer.must_mention({"kind": "refused", "account": world.account("tom"), "error": "NotPermitted"})
    world.call("ivy", "read_group").must_be_like(held)


@clause("CG-19", "CG-23", "GC-1")
def test_nobody_can_give_the_key_of_another(actors: Actors) -> None:
    world = begin(actors)
    old = say_and_see(world, "by ivy")
    world.say("tom", "by tom").must_tell()
    world.settle()
    world.add("ivy", "zoe").must_be()
    world.settle()
    key = world.take_only(world.find_said("key", reader="zoe"), "key for the newcomer").said.distribution
    for name in ("bob", "zoe"):
        world.lie(
            name, "say_control", account=world.account("ivy"), epoch=0, kind="key", distribution=key, next_index=0
        ).must_be()
        hand_over(world, name)
        letter = world.inject(
            name,
            world.lie(
                "ann",
                "reseal",
                recipient=old.letter.recipient,
                data=old.letter.data,
                source=world.account(name),
            ),
        )
        world.deliver("ivy", letter).must_exclude(told=["by ivy"])
    world.must_not_show("ivy", "by ivy")
    world.must_talk("ann bob ivy tom zoe", "still")


@clause("CG-52")
def test_a_key_that_comes_late_opens_what_was_said_before_the_next(actors: Actors) -> None:
    world = begin(actors, others="bob tom", strangers="ivy")
    world.add("ann", "ivy").must_be()
    to_ivy = world.account("ivy")
    world.delays.append(
        lambda name, letter: letter.recipient == to_ivy and letter in find_stores(world, "bob", to_ivy)[1:]
    )
    world.settle()
    world.say("bob", "under the first key").must_tell()
    world.settle()
    first, world.delayed = world.delayed, []
    world.delays.clear()
    world.kick("ann", "tom").must_be()
    world.settle()
    world.say("bob", "under the second key").must_tell()
    world.settle()
    world.must_show("ivy", "bob", "under the second key")
    world.must_not_show("ivy", "under the first key")
    for name, letter in first:
        world.deliver(name, letter)
    world.settle()
    world.must_show("ivy", "bob", "under the first key")


# Asking


@clause("CG-21", "CG-47")
def test_a_member_that_asks_gets_the_key_once_an_hour(actors: Actors) -> None:
    world = begin(actors)
    say_and_see(world, "one")
    for hour, count in ((0, 1), (0, 1), (1, 2)):
        world.now_ms += hour * 3_600_000
        world.lie("bob", "say_control", account=world.account("ivy"), epoch=0, kind="ask", what=2).must_be()
        world.settle()
        keys = world.find_said("key", reader="bob")
        if len(keys) != count:
            world.fail(f"{count} keys to have come", f"{len(keys)} came")
        keys[-1].answer.must_be(iteration=1, index=1)
    world.must_not_say("key", reader="tom")


@clause("CG-21", "CG-44")
@pytest.mark.parametrize("who", ["zoe", "tom"])
@pytest.mark.parametrize("what", [1, 2])
def test_who_is_no_member_gets_no_answer(actors: Actors, who: str, what: int) -> None:
    world = begin(actors)
    if who == "tom":
        world.kick("ann", "tom").must_be()
        world.settle()
    world.lie(who, "say_control", account=world.account("ivy"), epoch=1, kind="ask", what=what).must_be()
    world.settle()
    world.must_have_told("ivy", kind="refused", account=who, error="NotPermitted")
    for kind in ("key", "snapshot", "add"):
        world.must_not_say(kind, reader=who)


@clause("CG-22", "CG-9", "CG-14")
@pytest.mark.parametrize("way", ["kicked", "left"])
def test_who_is_added_again_begins_with_a_new_key_and_index_0(actors: Actors, way: str) -> None:
    world = begin(actors)
    say_and_see(world, "in my first time")
    old = say_and_see(world, "again")
    end_membership(world, way, "ivy")
    world.must_be_out("ivy")
    world.say("bob", "while you are out").must_be()
    world.settle()
    world.add("bob", "ivy").must_be()
    world.settle()
    world.must_be_members("ann bob ivy tom", epoch=1)
    new = say_and_see(world, "in my second time")
    new.answer.must_differ_from(old.answer, "key_id")
    new.answer.must_be(index=0, epoch=1)
    world.must_show("ann bob tom", "ivy", "in my second time")
    world.must_not_show("ivy", "while you are out")
    world.must_talk("ann bob ivy tom", "all")


@clause("CG-22")
def test_a_creator_begins_with_a_new_key_for_each_group(actors: Actors) -> None:
    world = begin(actors, creator="ivy", others="ann bob")
    first = say_and_see(world, "here")
    world.create("ivy", "ann bob")
    world.settle()
    second = say_and_see(world, "there")
    second.answer.must_differ_from(first.answer, "key_id")
    second.answer.must_be(index=0)
