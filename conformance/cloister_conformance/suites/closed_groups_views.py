"""Chapter 10: what a client does when its view changes, what it passes on, repairs and tells; chapter 09 where it needs a client."""

from typing import Any

import pytest
from cloister import group_control
from cloister.group_repair import QUIET_MS, REPAIR_AFTER_MS, REPAIR_PERIOD_MS, REPORT_AFTER_MS

from cloister_conformance.clause import clause
from cloister_conformance.group_world import PAIRS, Seen, World, between
from cloister_conformance.hand_made.group_control import make_account
from cloister_conformance.plugin import Actors
from cloister_conformance.suites.closed_groups import JPEG, PNG, begin, hand_over
from cloister_conformance.suites.closed_groups_keys import end_membership, give_key
from cloister_conformance.suites.closed_groups_receiving import list_addresses, make, message

MAX_MEMBERS = group_control.MAX_MEMBERS


def must_have_said(world: World, kind: str, readers: str) -> list[Seen]:
    """Claim to whom Ivy has said something, once each; return it."""
    said = world.find_said(kind)
    if sorted(seen.reader for seen in said) != sorted(readers.split()):
        came = " ".join(seen.reader for seen in said)
        world.fail(f"{kind} to be said to {readers or 'nobody'}, once each", f"it came to {came or 'nobody'}")
    return sorted(said, key=lambda seen: seen.reader)


def say_control(world: World, name: str, epoch: int, kind: str, **fields: object) -> None:
    """Let a liar say a control message to Ivy, which she reads at once."""
    world.lie(name, "say_control", account=world.account("ivy"), epoch=epoch, kind=kind, **fields).must_be()
    hand_over(world, name)


# Creating


@clause("CG-39", "CG-49")
@pytest.mark.parametrize("avatar", [None, PNG])
def test_a_creator_sends_its_snapshot_to_all_others(actors: Actors, avatar: bytes | None) -> None:
    world = World(actors(), "ivy", "ann bob zoe")
    world.create("ivy", "ann bob", "Straße", avatar)
    world.must_have_told("ivy", kind="joined", text="Straße")
    world.must_have_told("ivy", kind="confirmed")
    world.settle()
    for seen in must_have_said(world, "snapshot", "ann bob"):
        seen.answer.must_be(epoch=0, accounts=world.accounts(["ann", "bob", "ivy"]), has_avatar=avatar is not None)
    world.must_be_members("ann bob ivy", epoch=0)
    world.must_have_told("bob", kind="confirmed")
    held = world.call("ivy", "read_group")
    held.must_be(name="Straße", administrator=world.account("ivy"), is_confirmed=True)
    world.must_talk("ann bob ivy")


@clause("CG-39", "GC-25", "CG-49")
def test_a_member_takes_up_what_the_creator_says(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann bob")
    world.create("ann", "bob ivy", "hike", PNG)
    world.settle()
    world.must_have_told("ivy", kind="joined", text="hike")
    world.must_have_told("ivy", kind="confirmed")
    world.call("ivy", "read_group").must_be(
        avatar=PNG, name="hike", is_confirmed=True, administrator=world.account("ann")
    )
    world.must_be_members("ann bob ivy", epoch=0)


# Adding


@clause("CG-35", "CG-39")
def test_who_adds_tells_all_others_and_the_newcomer(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann bob tom zoe")
    world.create("ann", "bob ivy tom", "hike", PNG)
    world.settle()
    world.forget()
    world.add("ivy", "zoe").must_tell({"kind": "member added", "account": world.account("zoe")})
    world.settle()
    for seen in must_have_said(world, "add", "ann bob tom zoe"):
        seen.answer.must_be(accounts=[world.account("zoe")], epoch=0)
    (snapshot,) = must_have_said(world, "snapshot", "zoe")
    snapshot.answer.must_be(adds_you=True, has_avatar=True, epoch=0)
    world.must_be_members("ann bob ivy tom zoe", epoch=0)
    world.call("zoe", "read_group").must_be(avatar=PNG)
    world.must_have_told("bob", kind="member added", account="zoe")


@clause("CG-35")
def test_who_adds_tells_the_newcomer_what_happened_in_this_epoch(actors: Actors) -> None:
    world = begin(actors, strangers="yan zoe")
    world.delays.append(between("ann", None))
    world.add("bob", "yan").must_be()
    world.leave("tom").must_be()
    world.settle()
    world.forget()
    world.losses.append(lambda name, letter: name == "zoe" and letter.sender != "ivy")
    world.add("ivy", "zoe").must_be()
    world.settle()
    leave = world.take_only(world.find_said("leave", reader="zoe"), "leave for the newcomer")
    leave.answer.must_be(account=world.account("tom"), added=0)
    add = world.take_only(world.find_said("add", reader="zoe"), "add for the newcomer")
    add.answer.must_be(accounts=world.accounts(["yan", "zoe"]))
    held = world.call("ivy", "read_group").result
    world.call("zoe", "read_group").must_be(status="member", epoch=0, digest=held.digest)


@clause("CG-35", "CG-49")
def test_an_added_client_joins(actors: Actors) -> None:
    world = begin(actors, others="bob tom", strangers="ivy")
    world.losses.append(between("ann", "ivy"))
    world.add("bob", "ivy").must_be()
    world.settle()
    world.must_have_told("ivy", kind="joined", text="hike")
    world.must_not_have_told("ivy", kind="confirmed")
    world.call("ivy", "read_group").must_be(status="member", is_confirmed=False)
    world.must_be_members("ann bob ivy tom", epoch=0)


@clause("CG-37", "GC-25", "CG-49")
def test_a_joiner_learns_from_the_administrator_that_it_is_the_one(actors: Actors) -> None:
    world = begin(actors, others="bob tom", strangers="ivy")
    world.delays.append(between("ann", "ivy"))
    world.add("bob", "ivy").must_be()
    world.settle()
    world.call("ivy", "read_group").must_be(is_confirmed=False)
    world.release()
    world.settle()
    world.must_have_told("ivy", kind="confirmed")
    world.call("ivy", "read_group").must_be(is_confirmed=True)


@clause("GC-19", "GC-25", "CG-34", "CG-37")
def test_what_a_lying_adder_has_said_is_replaced_by_what_the_administrator_says(actors: Actors) -> None:
    world = begin(actors, others="bob tom", strangers="ivy")
    ivy = world.account("ivy")
    world.lie("bob", "say_snapshot", account=ivy, has_fresh_key=True, adds_you=True, name="a trap").must_be()
    world.settle()
    world.call("ivy", "read_group").must_be(status="member", name="a trap", is_confirmed=False)
    world.add("tom", "ivy").must_be()
    world.settle()
    world.call("ivy", "read_group").must_be(status="member", name="hike", is_confirmed=True)
    world.must_be_members("ann bob ivy tom", epoch=0)
    world.must_have_told("ivy", kind="renamed", text="hike")
    world.must_have_told("ivy", kind="confirmed")
    world.say("ivy", "to the right address").must_tell()
    world.settle()
    world.must_show("ann tom", "ivy", "to the right address")
    world.say("tom", "to ivy too").must_tell()
    world.settle()
    world.must_show("ivy", "tom", "to ivy too")


@clause("CG-36")
def test_adds_and_leaves_are_passed_on_to_whom_the_client_has_added(actors: Actors) -> None:
    world = begin(actors, strangers="yan zoe")
    world.losses.append(lambda name, letter: name == "zoe" and letter.sender != "ivy")
    world.losses.append(between("ann", None))
    world.add("ivy", "zoe").must_be()
    world.settle()
    world.forget()
    say_control(world, "bob", 0, "add", accounts=[world.account("yan")])
    say_control(world, "tom", 0, "leave", added=0)
    world.settle()
    must_have_said(world, "add", "zoe")[0].answer.must_be(accounts=[world.account("yan")])
    must_have_said(world, "leave", "zoe")[0].answer.must_be(account=world.account("tom"), added=0, index=None)
    held = world.call("ivy", "read_group").result
    world.call("zoe", "read_group").must_be(digest=held.digest)


@clause("CG-36")
def test_nothing_is_passed_on_to_whom_others_have_added(actors: Actors) -> None:
    world = begin(actors, strangers="yan zoe")
    world.add("bob", "zoe").must_be()
    world.settle()
    world.forget()
    world.add("tom", "yan").must_be()
    world.settle()
    must_have_said(world, "add", "")


@clause("CG-37")
def test_the_administrator_sends_its_snapshot_to_whom_another_has_added(actors: Actors) -> None:
    world = begin(actors, creator="ivy", others="ann bob")
    world.add("bob", "zoe").must_be()
    world.settle()
    (snapshot,) = must_have_said(world, "snapshot", "zoe")
    snapshot.answer.must_be(adds_you=True, epoch=0)
    must_have_said(world, "add", "zoe")[0].answer.must_be(accounts=[world.account("zoe")])
    world.must_have_told("zoe", kind="confirmed")
    world.call("zoe", "read_group").must_be(is_confirmed=True)
    world.must_be_members("ann bob ivy zoe", epoch=0)


@clause("CG-37")
def test_who_is_not_the_administrator_sends_no_snapshot_to_whom_another_has_added(actors: Actors) -> None:
    world = begin(actors)
    world.add("bob", "zoe").must_be()
    world.settle()
    must_have_said(world, "snapshot", "")


# Epochs


@clause("CG-38", "CG-39")
def test_the_administrator_opens_an_epoch_when_somebody_leaves(actors: Actors) -> None:
    world = begin(actors, creator="ivy", others="ann bob tom")
    world.leave("tom").must_be()
    world.settle()
    world.must_have_told("ivy", kind="member left", account="tom")
    for seen in must_have_said(world, "snapshot", "ann bob"):
        seen.answer.must_be(epoch=1, has_avatar=False, adds_you=False, accounts=world.accounts(["ann", "bob", "ivy"]))
    must_have_said(world, "notice", "")
    world.must_be_members("ann bob ivy", epoch=1)
    world.must_talk("ann bob ivy")


@clause("CG-39", "CG-45", "CG-49")
def test_a_kick_goes_to_all_who_are_left_and_a_notice_to_who_is_kicked(actors: Actors) -> None:
    world = begin(actors, creator="ivy", others="ann bob tom")
    world.kick("ivy", "tom").must_tell({"kind": "member kicked", "account": world.account("tom")})
    world.settle()
    for seen in must_have_said(world, "snapshot", "ann bob"):
        seen.answer.must_be(epoch=1, accounts=world.accounts(["ann", "bob", "ivy"]))
    must_have_said(world, "notice", "tom")[0].answer.must_be(epoch=1)
    world.must_be_members("ann bob ivy", epoch=1)
    world.must_be_out("tom")


@clause("CG-39", "CG-49")
def test_a_new_image_travels_with_the_snapshot(actors: Actors) -> None:
    world = begin(actors, creator="ivy", others="ann bob")
    world.call("ivy", "change_avatar", avatar=JPEG).must_tell({"kind": "avatar changed"})
    world.settle()
    for seen in must_have_said(world, "snapshot", "ann bob"):
        seen.answer.must_be(has_avatar=True, epoch=1)
    world.must_be_members("ann bob ivy", epoch=1)
    world.call("bob", "read_group").must_be(avatar=JPEG)
    world.forget()
    world.rename("ivy", "walk").must_tell({"kind": "renamed", "text": "walk"})
    world.settle()
    for seen in must_have_said(world, "snapshot", "ann bob"):
        seen.answer.must_be(has_avatar=False, epoch=2)
    world.call("bob", "read_group").must_be(avatar=JPEG, name="walk")
    world.call("ivy", "read_group").must_be(avatar=JPEG, name="walk")


@clause("CG-39", "GC-46")
def test_an_administrator_that_leaves_closes_the_group(actors: Actors) -> None:
    world = begin(actors, creator="ivy", others="ann bob")
    world.leave("ivy").must_tell({"kind": "closed", "group_id": world.group_id})
    world.settle()
    must_have_said(world, "snapshot", "ann bob")
    must_have_said(world, "leave", "")
    for name in ("ann", "bob", "ivy"):
        world.call(name, "read_group").must_be(status="closed", epoch=1)
    world.must_have_told("bob", kind="closed")


@clause("CG-40")
@pytest.mark.parametrize("count", [0, 2])
def test_who_leaves_says_so_to_all_and_forgets(actors: Actors, count: int) -> None:
    world = begin(actors)
    for number in range(count):
        world.say("ivy", f"text {number}").must_tell()
    world.settle()
    world.leave("ivy").must_tell({"kind": "out", "group_id": world.group_id})
    world.must_be_out("ivy")
    world.settle()
    for seen in must_have_said(world, "leave", "ann bob tom"):
        seen.answer.must_be(added=0, epoch=0, index=count - 1 if count else None)
    world.must_be_members("ann bob tom", epoch=1)
    world.must_have_told("bob", kind="member left", account="ivy")
    world.must_talk("ann bob tom")


@clause("CG-41", "CG-49", "GC-26")
@pytest.mark.parametrize("way", ["a notice", "a snapshot that is passed on"])
def test_who_is_out_forgets(actors: Actors, way: str) -> None:
    world = begin(actors)
    world.delays.append(between("ann", "ivy"))
    world.kick("ann", "ivy").must_be()
    world.settle()
    if way == "a notice":
        world.release()
        world.must_have_told("ivy", kind="notice", account="ann")
    else:
        world.lie("bob", "say_snapshot", account=world.account("ivy")).must_be()
        hand_over(world, "bob")
    world.must_have_told("ivy", kind="out")
    world.must_be_out("ivy")
    world.settle()
    world.must_talk("ann bob tom")


@clause("GC-51", "CG-49")
@pytest.mark.parametrize(
    ("who", "epoch", "is_out"), [("ann", 1, True), ("ann", 0, False), ("bob", 1, False), ("zoe", 9, False)]
)
def test_only_a_notice_of_the_administrator_for_a_later_epoch_counts(
    actors: Actors, who: str, epoch: int, is_out: bool
) -> None:
    world = begin(actors)
    say_control(world, who, epoch, "notice")
    if who != "zoe":
        world.must_have_told("ivy", kind="notice", account=who)
    world.call("ivy", "read_group").must_be(status="out" if is_out else "member")
    if is_out:
        world.must_have_told("ivy", kind="out")
    else:
        world.must_not_have_told("ivy", kind="out")


@clause("GC-50", "CG-49")
def test_an_add_that_the_administrator_did_not_know_is_made_again(actors: Actors) -> None:
    world = begin(actors)
    world.delays.append(between("ivy", "ann"))
    world.delays.append(between("zoe", "ann"))
    world.add("ivy", "zoe").must_be()
    world.settle()
    world.rename("ann", "walk").must_be()
    world.settle()
    add = [seen for seen in world.find_said("add", reader="bob") if seen.said.epoch == 1]
    if len(add) != 1:
        world.fail("the add to be made again in epoch 1", f"{len(add)} came")
    add[0].answer.must_be(accounts=[world.account("zoe")])
    world.release(backwards=True)
    world.settle()
    world.must_be_members("ann bob ivy tom zoe", epoch=1)
    world.must_not_have_told("ivy", kind="add refused")
    world.must_talk("ann bob ivy tom zoe")


@clause("GC-50", "CG-49")
def test_an_add_of_who_was_kicked_after_it_is_not_made_again(actors: Actors) -> None:
    world = begin(actors)
    world.add("ivy", "zoe").must_be()
    world.settle()
    world.forget()
    world.kick("ann", "zoe").must_be()
    world.settle()
    must_have_said(world, "add", "")
    world.must_have_told("ivy", kind="add refused", account="zoe")
    world.must_be_members("ann bob ivy tom", epoch=1)
    world.add("ivy", "zoe").must_be()
    world.settle()
    world.must_be_members("ann bob ivy tom zoe", epoch=1)
    world.must_talk("ann bob ivy tom zoe")


@clause("CG-49")
def test_an_add_that_the_end_of_the_group_does_not_take_up_is_told(actors: Actors) -> None:
    world = begin(actors)
    world.delays.append(between("ivy", "ann"))
    world.delays.append(between("zoe", "ann"))
    world.add("ivy", "zoe").must_be()
    world.settle()
    world.leave("ann").must_be()
    world.settle()
    world.release(backwards=True)
    world.settle()
    world.must_have_told("ivy", kind="add refused", account="zoe")
    world.must_have_told("ivy", kind="closed")


@clause("GC-50")
def test_an_add_that_the_snapshot_lists_is_not_made_again(actors: Actors) -> None:
    world = begin(actors)
    world.add("ivy", "zoe").must_be()
    world.settle()
    world.forget()
    world.rename("ann", "walk").must_be()
    world.settle()
    must_have_said(world, "add", "")
    must_have_said(world, "snapshot", "")
    world.must_not_have_told("ivy", kind="add refused")
    world.must_be_members("ann bob ivy tom zoe", epoch=1)


# Telling


@clause("CG-49")
def test_a_member_is_told_what_changes(actors: Actors) -> None:
    world = begin(actors)
    world.add("bob", "zoe").must_be()
    world.settle()
    world.must_have_told("ivy", kind="member added", account="zoe")
    world.leave("zoe").must_be()
    world.settle()
    world.must_have_told("ivy", kind="member left", account="zoe")
    world.kick("ann", "tom").must_be()
    world.settle()
    world.must_have_told("ivy", kind="member kicked", account="tom")
    world.rename("ann", "walk").must_be()
    world.settle()
    world.must_have_told("ivy", kind="renamed", text="walk")
    world.call("ann", "change_avatar", avatar=PNG).must_be()
    world.settle()
    world.must_have_told("ivy", kind="avatar changed")
    world.leave("ann").must_be()
    world.settle()
    world.must_have_told("ivy", kind="closed")
    world.must_not_have_told("ivy", kind="refused")
    world.must_not_have_told("ivy", kind="member absent")


@clause("CG-49")
def test_a_member_is_told_of_who_is_absent_without_a_reason(actors: Actors) -> None:
    world = begin(actors)
    end_membership(world, "absent")
    world.must_have_told("ivy", kind="member absent", account="tom")


@clause("CG-38", "CG-48", "CG-49")
def test_the_administrator_opens_an_epoch_when_somebody_is_over_the_bound(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann bob cat zed")
    zed = world.people["zed"].account
    fakes = [pair.public for pair in PAIRS[-(MAX_MEMBERS - 4) :]]
    others = [world.account("ann"), world.account("bob"), *fakes]
    created = world.call("ivy", "create_group", others=others, name="many")
    created.must_tell({"kind": "joined"}, {"kind": "confirmed"})
    world.group_id = created.result.group_id
    world.settle()
    world.add("ivy", "zed").must_mention({"kind": "conversion recommended"}, {"kind": "member added", "account": zed})
    world.settle()
    world.must_show_members("ivy", MAX_MEMBERS)
    say_control(world, "bob", 0, "add", accounts=[world.account("cat")])
    world.must_have_told("ivy", kind="member over the bound", account="zed")
    world.must_have_told("ivy", kind="member added", account="cat")
    world.must_show_members("ivy", MAX_MEMBERS)
    world.call("ivy", "read_group").must_be(epoch=1)
    world.call("ivy", "add", accounts=[PAIRS[7].public]).must_be_refused("GroupFull")


@clause("CG-27", "CG-49")
def test_a_candidate_over_the_bound_is_not_read(actors: Actors) -> None:
    world = begin(actors, others="bob ivy zed", strangers="cat")
    fakes = [pair.public for pair in PAIRS[-(MAX_MEMBERS - 4) :]]
    members = [*world.accounts(["ann", "bob", "ivy"]), *fakes]
    world.lie("ann", "say_snapshot", account=world.account("ivy"), epoch=1, members=members).must_be()
    hand_over(world, "ann")
    world.must_show_members("ivy", MAX_MEMBERS - 1)
    say_control(world, "bob", 1, "add", accounts=[world.account("zed")])
    world.deliver("ivy", make(world, "zed", text="within", epoch=1)).must_tell(message(world, "zed", "within"))
    letter = make(world, "zed", text="over", epoch=1)
    say_control(world, "bob", 1, "add", accounts=[world.account("cat")])
    world.must_show_members("ivy", MAX_MEMBERS)
    world.must_have_told("ivy", kind="member over the bound", account="zed")
    world.must_refuse("ivy", letter, "NotPermitted", may_answer=True)


@clause("CG-49")
@pytest.mark.parametrize("way", ["leaving", "kicked", "closed"])
def test_a_client_tells_what_it_gives_up(actors: Actors, way: str) -> None:
    world = begin(actors)
    world.is_cut_off.add("ivy")
    world.say("ivy", "never stored").must_tell()
    if way == "leaving":
        world.leave("ivy").must_mention({"kind": "out"}, {"kind": "not sent", "index": 0})
        return
    if way == "kicked":
        world.kick("ann", "ivy").must_be()
    else:
        world.leave("ann").must_be()
    world.settle()
    world.fetch("ivy")
    world.must_have_told("ivy", kind="not sent", index=0)
    world.must_have_told("ivy", kind="out" if way == "kicked" else "closed")


@clause("GC-51")
def test_who_was_told_that_it_is_out_does_not_come_back_by_an_old_snapshot(actors: Actors) -> None:
    world = begin(actors)
    world.lie("bob", "copy", copy_to="old").must_be()
    world.kick("ann", "ivy").must_be()
    world.settle()
    world.must_be_out("ivy")
    old = world.people["bob"].actor
    for adds_you in (False, True):
        old.call(
            "groups.say_snapshot",
            client="old",
            group_id=world.group_id,
            account=world.account("ivy"),
            adds_you=adds_you,
            now_ms=world.now_ms,
        ).must_be()
    for store in old.call("client.outbox", client="old").result.stores:
        world.call("ivy", "receive", recipient=store.recipient, data=store.data).must_be_answered()
    world.must_be_out("ivy")
    world.must_not_have_told("ivy", kind="joined")


@clause("GC-56")
@pytest.mark.parametrize("lie", ["closed", "of the reader"])
def test_an_unknown_group_is_not_closed_and_not_of_the_reader(actors: Actors, lie: str) -> None:
    world = begin(actors, others="bob tom", strangers="ivy")
    ivy = world.account("ivy")
    changes: dict[str, object] = {"is_closed": True} if lie == "closed" else {"administrator": ivy}
    members = [*world.accounts(["ann", "bob"]), ivy]
    world.lie("ann", "say_snapshot", account=ivy, epoch=1, members=members, **changes).must_be()
    world.settle()
    world.must_have_told("ivy", kind="refused", account="ann", error="NotPermitted")
    world.call("ivy", "read_group").must_be_refused("UnknownGroup")


# Repair


@clause("CG-42", "CG-44")
def test_who_has_missed_a_snapshot_asks_a_member_that_has_it(actors: Actors) -> None:
    world = begin(actors)
    world.losses.append(between("ann", "ivy"))
    world.kick("ann", "tom").must_be()
    world.settle()
    world.call("ivy", "read_group").must_be(epoch=0)
    world.now_ms += REPAIR_AFTER_MS - 1
    world.call("ivy", "tick").must_be()
    world.settle()
    must_have_said(world, "ask", "")
    world.wait(1)
    for seen in must_have_said(world, "ask", "ann bob"):
        seen.answer.must_be(what="view")
    world.must_be_members("ann bob ivy", epoch=1)
    world.must_have_told("ivy", kind="member kicked", account="tom")
    world.losses.clear()
    world.say("ann", "my key was lost too").must_tell()
    world.settle()
    world.repair()
    world.must_talk("ann bob ivy")


@clause("CG-42", "CG-44")
def test_who_lacks_the_image_asks_the_administrator_and_the_next_member(actors: Actors) -> None:
    world = begin(actors)
    world.losses.append(between("ann", "ivy"))
    world.call("ann", "change_avatar", avatar=PNG).must_be()
    world.settle()
    world.lie("bob", "say_snapshot", account=world.account("ivy")).must_be()
    hand_over(world, "bob")
    world.losses.clear()
    world.call("ivy", "read_group").must_be(epoch=1, avatar=None)
    world.call("ivy", "tick").must_be()
    world.settle()
    for said in must_have_said(world, "ask", "ann tom"):
        said.answer.must_be(what="view")
    world.call("ivy", "read_group").must_be(epoch=1, avatar=PNG)


@clause("CG-50")
def test_who_gets_control_messages_of_an_unknown_group_asks_for_its_view(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann bob tom")
    world.losses.append(lambda name, letter: (name, letter.sender) == ("ivy", "ann"))
    world.create("ann", "bob ivy tom")
    world.settle()
    world.now_ms += REPAIR_AFTER_MS - 1
    world.call("ivy", "tick").must_be()
    world.settle()
    must_have_said(world, "ask", "")
    world.wait(1)
    world.wait(1)
    must_have_said(world, "ask", "bob")[0].answer.must_be(what="view", group_id=world.group_id)
    world.losses.clear()
    world.repair()
    world.must_be_members("ann bob ivy tom", epoch=0)
    world.must_talk("ann bob ivy tom")


@clause("CG-43")
@pytest.mark.parametrize(
    ("others", "behind", "helps"),
    [
        ("bob ivy tom", "bob", True),
        ("bob cat dan ivy", "bob", True),
        ("bob cat dan eve ivy", "bob", False),
        ("bob cat dan eve ivy tom", "tom", False),
        ("bob ivy tom", "tom", True),
    ],
)
def test_those_who_follow_help_a_member_that_is_behind(actors: Actors, others: str, behind: str, helps: bool) -> None:
    world = begin(actors, others=others)
    world.losses.append(between(None, behind))
    world.rename("ann", "walk").must_be()
    world.settle()
    world.now_ms += REPAIR_AFTER_MS
    world.say(behind, "am I late?").must_tell()
    (letter,) = world.collect(behind)
    world.deliver("ivy", letter).must_mention(message(world, behind, "am I late?"))
    world.losses.clear()
    world.is_away = {*others.split(), "ann"} - {"ivy", behind}
    world.settle()
    for seen in must_have_said(world, "snapshot", behind if helps else ""):
        seen.answer.must_be(epoch=1, adds_you=False)


@clause("CG-43")
@pytest.mark.parametrize("end", ["another name", "the end of the group"])
def test_a_member_is_helped_whose_control_message_is_of_the_past(actors: Actors, end: str) -> None:
    world = begin(actors)
    world.losses.append(between("ann", "bob"))
    if end == "another name":
        world.rename("ann", "walk").must_be()
    else:
        world.leave("ann").must_be()
    world.settle()
    world.is_away = {"ann", "tom"}
    world.add("bob", "zoe").must_be()
    world.settle()
    world.must_have_told("ivy", kind="refused", error="PastEpoch" if end == "another name" else "GroupClosed")
    must_have_said(world, "snapshot", "bob")[0].answer.must_be(epoch=1)
    world.call("bob", "read_group").must_be(epoch=1, status="member" if end == "another name" else "closed")


@clause("CG-43")
def test_the_administrator_helps_a_member_that_is_behind(actors: Actors) -> None:
    world = begin(actors, creator="ivy", others="bob cat dan ann")
    world.losses.append(between("ivy", "ann"))
    world.rename("ivy", "walk").must_be()
    world.settle()
    world.forget()
    world.say("ann", "just now").must_tell()
    world.settle()
    must_have_said(world, "snapshot", "")
    world.now_ms += REPAIR_AFTER_MS
    world.say("ann", "am I late?").must_tell()
    world.losses.clear()
    world.is_away = {"bob", "cat", "dan"}
    world.settle()
    must_have_said(world, "snapshot", "ann")[0].answer.must_be(epoch=1)
    world.call("ann", "read_group").must_be(epoch=1, name="walk")


@clause("CG-44", "CG-47")
def test_a_member_that_asks_gets_the_view_once_an_hour(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann bob tom zoe")
    world.create("ann", "bob ivy tom", "hike", PNG)
    world.settle()
    world.add("bob", "zoe").must_be()
    world.settle()
    world.forget()
    for hour, count in ((0, 1), (0, 1), (1, 2)):
        world.now_ms += hour * REPAIR_PERIOD_MS
        for name in ("bob", "zoe"):
            world.lie(name, "say_control", account=world.account("ivy"), epoch=0, kind="ask", what=1).must_be()
        world.settle()
        snapshots = must_have_said(world, "snapshot", " ".join(["bob"] * count + ["zoe"] * count))
        adds = must_have_said(world, "add", " ".join(["bob"] * count + ["zoe"] * count))
    for seen in snapshots:
        seen.answer.must_be(epoch=0, has_avatar=True, adds_you=seen.reader == "zoe")
    for seen in adds:
        seen.answer.must_be(accounts=[world.account("zoe")])


@clause("CG-45", "CG-47")
def test_who_is_no_member_any_more_and_does_not_know_gets_a_notice_once_an_hour(actors: Actors) -> None:
    world = begin(actors)
    world.losses.append(between(None, "tom"))
    world.kick("ann", "tom").must_be()
    world.settle()
    world.losses.clear()
    for hour, count in ((0, 1), (0, 1), (1, 2)):
        world.now_ms += hour * REPAIR_PERIOD_MS
        world.lie("tom", "say_control", account=world.account("ivy"), epoch=0, kind="ask", what=1).must_be()
        world.settle()
        notices = must_have_said(world, "notice", " ".join(["tom"] * count))
    notices[0].answer.must_be(epoch=1)
    world.must_have_told("tom", times=2, kind="notice", account="ivy")


@clause("CG-45")
@pytest.mark.parametrize("kind", ["a key", "a group content"])
def test_whoever_is_refused_and_not_present_gets_a_notice(actors: Actors, kind: str) -> None:
    world = begin(actors)
    world.losses.append(between(None, "tom"))
    world.kick("ann", "tom").must_be()
    world.settle()
    if kind == "a key":
        give_key(world, "tom", 0)
    else:
        world.say("tom", "am I still here?", "client").must_tell()
    world.losses.clear()
    world.is_away = {"ann", "bob"}
    world.settle()
    must_have_said(world, "notice", "tom")[0].answer.must_be(epoch=1)


@clause("CG-45")
def test_a_member_that_is_refused_gets_no_notice(actors: Actors) -> None:
    world = begin(actors)
    say_control(world, "bob", 0, "leave", added=0, of=world.account("tom"))
    world.must_have_told("ivy", kind="refused", account="bob", error="NotPermitted")
    world.settle()
    must_have_said(world, "notice", "")


@clause("CG-51", "CG-47")
@pytest.mark.parametrize(
    ("epoch", "message"),
    [
        (0, {"kind": "ask", "what": 2}),
        (1, {"kind": "ask", "what": 2}),
        (1, {"kind": "add", "accounts": [make_account("somebody")]}),
    ],
)
def test_who_has_left_says_so_again_to_who_does_not_know(actors: Actors, epoch: int, message: dict[str, Any]) -> None:
    world = begin(actors)
    world.say("ivy", "last words").must_tell()
    world.settle()
    world.losses.append(between("ivy", "bob"))
    world.leave("ivy").must_be()
    world.settle()
    world.losses.clear()
    world.forget()
    for hour, count in ((0, 1), (0, 1), (1, 2)):
        world.now_ms += hour * REPAIR_PERIOD_MS
        world.lie("bob", "say_control", account=world.account("ivy"), epoch=epoch, **message).must_be()
        world.settle()
        leaves = must_have_said(world, "leave", " ".join(["bob"] * count))
    leaves[0].answer.must_be(added=0, index=0)
    world.must_be_out("ivy")


@clause("CG-46")
def test_views_that_differ_are_made_equal(actors: Actors) -> None:
    world = begin(actors)
    world.losses.append(lambda name, letter: name == "ivy" and letter.recipient == world.account("ivy"))
    world.add("bob", "zoe").must_be()
    world.settle()
    world.losses.clear()
    world.say("bob", "you do not know her").must_tell()
    world.settle()
    world.now_ms += REPAIR_AFTER_MS - 1
    world.call("ivy", "tick").must_be()
    world.settle()
    must_have_said(world, "ask", "")
    world.wait(1)
    must_have_said(world, "ask", "bob")[0].answer.must_be(what="view")
    world.must_be_members("ann bob ivy tom zoe", epoch=0)
    world.must_have_told("ivy", kind="member added", account="zoe")
    world.must_not_have_told("ivy", kind="diverged")


@clause("CG-46")
def test_adds_that_another_lacks_are_told(actors: Actors) -> None:
    world = begin(actors)
    world.losses.append(between("ivy", "bob"))
    world.losses.append(between("ann", "bob"))
    world.losses.append(between("zoe", "bob"))
    world.add("ivy", "zoe").must_be()
    world.settle()
    world.losses.clear()
    world.forget()
    world.say("bob", "whom?").must_tell()
    (letter,) = world.collect("bob")
    world.deliver("ivy", letter).must_be()
    world.now_ms += REPAIR_AFTER_MS
    world.call("ivy", "tick").must_be()
    world.is_away = {"ann", "tom", "zoe"}
    world.settle()
    must_have_said(world, "add", "bob")[0].answer.must_be(accounts=[world.account("zoe")])
    held = world.call("ivy", "read_group").result
    world.call("bob", "read_group").must_be(digest=held.digest)


@clause("CG-54")
def test_views_that_stay_different_are_reported(actors: Actors) -> None:
    world = begin(actors)
    make(world, "bob", text="one", digest=bytes(range(32)))
    world.settle()
    world.must_show("ivy", "bob", "one")
    world.now_ms += REPORT_AFTER_MS - 1
    make(world, "bob", text="two", digest=bytes(range(32)))
    world.settle()
    world.must_not_have_told("ivy", kind="diverged")
    world.now_ms += 1
    make(world, "bob", text="three", digest=bytes(range(32)))
    world.settle()
    world.must_have_told("ivy", kind="diverged", account="bob")
    world.must_show("ivy", "bob", "three")


@clause("CG-46")
@pytest.mark.parametrize(
    ("others", "who", "exchanges"),
    [("bob ivy tom", "bob", True), ("bob cat dan ivy", "bob", True), ("bob cat dan eve ivy", "bob", False)],
)
def test_those_who_follow_exchange_adds_with_a_member_whose_view_differs(
    actors: Actors, others: str, who: str, exchanges: bool
) -> None:
    world = begin(actors, others=others)
    make(world, who, text="one", digest=bytes(range(32)))
    world.settle()
    world.now_ms += REPAIR_AFTER_MS
    world.call("ivy", "tick").must_be()
    world.settle()
    for seen in must_have_said(world, "ask", who if exchanges else ""):
        seen.answer.must_be(what="view")


@clause("CG-46", "CG-47")
def test_the_administrator_exchanges_adds_with_any_member_once_an_hour(actors: Actors) -> None:
    world = begin(actors, creator="ivy", others="ann bob cat dan")
    for passed_ms, count in ((0, 0), (REPAIR_AFTER_MS, 1), (REPAIR_AFTER_MS, 1), (REPAIR_PERIOD_MS, 1)):
        world.now_ms += passed_ms
        world.call("ivy", "tick").must_be()
        make(world, "ann", text=f"at {world.now_ms}", digest=bytes(range(32)))
        world.settle()
        must_have_said(world, "ask", " ".join(["ann"] * count))


@clause("CG-46")
def test_views_that_have_become_equal_by_themselves_are_not_exchanged(actors: Actors) -> None:
    world = begin(actors)
    world.delays.append(lambda name, letter: name == "ivy" and letter.recipient == world.account("ivy"))
    world.add("bob", "zoe").must_be()
    world.settle()
    world.say("bob", "you do not know her yet").must_tell()
    world.settle()
    world.release()
    world.settle()
    world.forget()
    world.wait(REPAIR_AFTER_MS)
    world.wait(REPAIR_AFTER_MS)
    must_have_said(world, "ask", "")
    must_have_said(world, "add", "")


@clause("CG-54")
def test_a_lying_administrator_that_shows_two_snapshots_is_reported(actors: Actors) -> None:
    world = begin(actors)
    for reader, title in (("ivy", "one"), ("bob", "other"), ("tom", "other")):
        world.lie("ann", "say_snapshot", account=world.account(reader), epoch=1, name=title).must_be()
    world.settle()
    world.call("ivy", "read_group").must_be(epoch=1, name="one")
    for number in range(4):
        world.say("bob", f"text {number}").must_tell()
        for letter in world.collect("bob"):
            world.deliver("ivy", letter).must_be()
        world.wait(REPAIR_AFTER_MS)
    world.must_have_told("ivy", kind="diverged", account="bob")
    world.call("ivy", "read_group").must_be(epoch=1, name="one")


@clause("CG-47", "CG-31")
def test_a_key_is_not_asked_for_again_within_an_hour(actors: Actors) -> None:
    world = begin(actors)
    world.losses.append(
        lambda name, letter: (name, letter.sender) == ("ivy", "bob") and letter.recipient == world.account("ivy")
    )
    world.kick("ann", "tom").must_be()
    world.settle()
    world.say("bob", "unread").must_tell()
    world.settle()
    for passed_ms, count in ((REPAIR_AFTER_MS, 1), (REPAIR_PERIOD_MS - 1, 1), (1, 2)):
        world.now_ms += passed_ms
        world.call("ivy", "tick").must_be()
        world.settle()
        must_have_said(world, "ask", " ".join(["bob"] * count))


@clause("CG-47")
def test_one_repair_does_not_keep_another_back(actors: Actors) -> None:
    world = begin(actors)
    for name in ("bob", "tom"):
        for what in (2, 1):
            say_control(world, name, 0, "ask", what=what)
    world.settle()
    must_have_said(world, "key", "bob tom")
    must_have_said(world, "snapshot", "bob tom")


@clause("CG-34", "CG-41")
def test_nothing_of_the_group_is_polled_after_being_out_and_again_after_being_added(actors: Actors) -> None:
    world = begin(actors)
    world.kick("ann", "ivy").must_be()
    world.settle()
    world.must_be_out("ivy")
    world.add("bob", "ivy").must_be()
    world.settle()
    if len(list_addresses(world)) != 1:
        world.fail("the address of the epoch alone to be polled", f"{len(list_addresses(world))} are")
    world.must_be_members("ann bob ivy tom", epoch=1)


@clause("CG-53")
def test_who_hears_nothing_for_long_asks_for_the_view(actors: Actors) -> None:
    world = begin(actors)
    world.now_ms += QUIET_MS - 1
    world.call("ivy", "tick").must_be()
    world.settle()
    must_have_said(world, "ask", "")
    world.now_ms += 1
    world.call("ivy", "tick").must_be()
    world.settle()
    for seen in must_have_said(world, "ask", "ann tom"):
        seen.answer.must_be(what="view")


@clause("CG-53")
def test_who_hears_something_does_not_ask_for_the_view(actors: Actors) -> None:
    world = begin(actors)
    world.now_ms += QUIET_MS - 1
    world.say("bob", "still here").must_tell()
    world.settle()
    world.now_ms += QUIET_MS - 1
    world.call("ivy", "tick").must_be()
    world.settle()
    must_have_said(world, "ask", "")
