"""Chapter 09: what a member and the administrator do: adding, leaving, opening epochs; notices and digests."""

import hashlib
from typing import Any

import pytest
from cloister import group_control
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.group_views import Member, decode_snapshot
from cloister_conformance.hand_made.group_control import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    FRANK,
    NOW,
    PNG,
    Removed,
    Snapshot,
    make_accounts,
    write_add,
    write_leave,
    write_notice,
)
from cloister_conformance.hand_made.group_forms import BAD_CHARACTERS, BAD_IMAGES, BAD_NAMES, WEBP, make_members
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor
from cloister_conformance.suites.group_control import decode
from cloister_conformance.suites.group_control_views import USUAL, Receiver, added, join, meet

MAX_MEMBERS = group_control.MAX_MEMBERS
Json = dict[str, Any]


def found(iut: Actor, peer: Actor, *others: bytes, **params: object) -> tuple[Member, list[Member]]:
    """Let the implementation create a group of Alice, and the peer play the others in it."""
    alice = Member(iut, ALICE)
    encoded = alice.create(*others, **params).result.encoded
    members = [Member(peer, other).open_view() for other in others]
    for member in members:
        member.accept(ALICE, encoded).must_be()
    return alice, members


def tell(encoded: bytes, sender: Member, *receivers: Member) -> None:
    """Let members accept what another one sends."""
    for receiver in receivers:
        receiver.accept(sender.account, encoded).must_be()


def removal(account: bytes, how: str, **members: object) -> Json:
    """Describe a removal."""
    return {"account": account, "added": 0, "last_epoch": 0, "how": how, "removed_ms": NOW, **members}


# Adding


@clause("GC-28", "GC-36", "GC-37")
def test_a_member_adds_accounts(actors: Actors) -> None:
    receiver = join(actors)
    member = Member(receiver.actor, BOB).open_view()
    member.accept(ALICE, Snapshot(epoch=3).message()).must_be()
    member.add(ERIN, DAVE).must_be(encoded=write_add(DAVE, ERIN, epoch=3))
    member.read().must_be(members=[*USUAL, *added([DAVE, ERIN], 3)], adds=[DAVE, ERIN])
    member.add(FRANK).must_be(encoded=write_add(FRANK, epoch=3))


@clause("GC-36")
@pytest.mark.parametrize("count", [MAX_MEMBERS - 2, MAX_MEMBERS - 1, MAX_MEMBERS])
def test_nobody_adds_a_member_above_the_bound(actors: Actors, count: int) -> None:
    iut, _ = actors()
    members = make_members(count)
    member = Member(iut, members[-1]).open_view()
    member.accept(ALICE, Snapshot(members=members).message()).must_be()
    free = MAX_MEMBERS - count
    member.add(*[DAVE, ERIN, FRANK][: free + 1]).must_be_refused("GroupFull")
    member.read().must_be(members=added(members), adds=[])
    if free:
        member.add(*[DAVE, ERIN][:free]).must_be()
        member.read().must_be(adds=[DAVE, ERIN][:free])
    member.add(FRANK).must_be_refused("GroupFull")


@clause("GC-36")
def test_who_has_left_makes_no_room_in_this_epoch(actors: Actors) -> None:
    iut, _ = actors()
    members = make_members(MAX_MEMBERS)
    member = Member(iut, members[-1]).open_view()
    member.accept(ALICE, Snapshot(members=members).message()).must_be()
    member.accept(members[0], write_leave()).must_be()
    member.add(DAVE).must_be_refused("GroupFull")
    member.accept(ALICE, Snapshot(epoch=1, members=members[1:]).message()).must_be()
    member.add(DAVE).must_be()


@clause("GC-37")
def test_nobody_adds_who_is_a_candidate(actors: Actors) -> None:
    iut, _ = actors()
    member = Member(iut, BOB).open_view()
    member.accept(ALICE, Snapshot().message()).must_be()
    member.accept(ALICE, write_add(DAVE)).must_be()
    member.accept(CAROL, write_leave()).must_be()
    member.accept(DAVE, write_leave()).must_be()
    for account in (BOB, ALICE, CAROL, DAVE):
        member.add(account).must_be_refused("NotPermitted")
        member.add(*sorted([account, ERIN])).must_be_refused("NotPermitted")
    member.read().must_be(members=added([BOB, ALICE]), adds=[DAVE])
    member.add(ERIN).must_be()


@clause("GC-37", "GC-26")
@pytest.mark.parametrize("how", ["left", "not listed"])
def test_who_is_no_member_adds_nobody(actors: Actors, how: str) -> None:
    iut, _ = actors()
    member = Member(iut, BOB).open_view()
    member.accept(ALICE, Snapshot().message()).must_be()
    if how == "left":
        member.leave(3).must_be(encoded=write_leave(0, 3))
    else:
        member.accept(ALICE, Snapshot(epoch=1, members=(ALICE, CAROL)).message()).must_be()
    member.add(DAVE).must_be_refused("NotPermitted")
    member.read().must_be(members=added([ALICE, CAROL]), adds=[], is_out=True)


@clause("GC-37", "GC-38")
def test_who_is_over_the_bound_adds_nobody(actors: Actors) -> None:
    iut, _ = actors()
    member = Member(iut, DAVE).open_view()
    member.accept(BOB, Snapshot(members=make_members(MAX_MEMBERS)).message(adds_you=True)).must_be()
    member.add(ERIN).must_be_refused("NotPermitted")


# Leaving


@clause("GC-39", "GC-26")
@pytest.mark.parametrize("last_index", [None, 0, 7, group_control.MAX_INDEX])
def test_a_member_leaves_its_own_membership(actors: Actors, last_index: int | None) -> None:
    iut, _ = actors()
    member = Member(iut, BOB).open_view()
    member.accept(ALICE, Snapshot(epoch=4, added={BOB: 2}).message()).must_be()
    member.leave(last_index).must_be(encoded=write_leave(2, last_index, epoch=4))
    member.read().must_be(members=added([ALICE, CAROL]), is_out=True)


@clause("GC-39")
def test_who_was_added_leaves_the_membership_of_this_epoch(actors: Actors) -> None:
    iut, _ = actors()
    member = Member(iut, DAVE).open_view()
    member.accept(CAROL, Snapshot(epoch=4).message(adds_you=True)).must_be()
    member.leave().must_be(encoded=write_leave(4, epoch=4))
    member.read().must_be(members=USUAL, adds=[DAVE], leaves=[{"account": DAVE, "added": 4}], is_out=True)


# Opening epochs


@clause("GC-45")
@pytest.mark.parametrize("account", [BOB, CAROL, DAVE])
def test_only_the_administrator_opens_an_epoch(actors: Actors, account: bytes) -> None:
    iut, _ = actors()
    member = Member(iut, account).open_view()
    member.accept(CAROL, Snapshot().message(adds_you=True)).must_be()
    before = member.read()
    other = BOB if account == CAROL else CAROL
    member.open_epoch(other).must_be_refused("NotPermitted")
    member.open_epoch(name="walk").must_be_refused("NotPermitted")
    member.open_epoch(avatar=PNG).must_be_refused("NotPermitted")
    member.open_epoch().must_be_refused("NotPermitted")
    member.read().must_be_like(before)


@clause("GC-46")
def test_an_epoch_has_its_number_its_members_and_its_removed(actors: Actors) -> None:
    iut, peer = actors()
    alice, (bob, carol, _) = found(iut, peer, BOB, CAROL, ERIN)
    tell(carol.add(DAVE, FRANK).result.encoded, carol, alice)
    tell(bob.leave(4).result.encoded, bob, alice)
    frank = Member(peer, FRANK).open_view()
    tell(carol.pass_on(adds_you=True).result.encoded, carol, frank)
    tell(frank.leave().result.encoded, frank, alice)
    encoded = alice.open_epoch((CAROL, 7), now_ms=NOW + 5).result.encoded
    now = {"removed_ms": NOW + 5}
    removed = [
        removal(BOB, "left", last_index="4", **now),
        removal(CAROL, "kicked", last_index="7", **now),
        removal(FRANK, "left", **now),
    ]
    members = added([ALICE, DAVE, ERIN])
    alice.read().must_be(epoch=1, name="hike", members=members, removed=removed, adds=[], leaves=[])
    decode(peer, encoded).must_contain(control=[f"'timestamp_ms': {NOW + 5}", "'closed': False", "'adds_you': False"])
    erin = Member(peer, ERIN)
    tell(encoded, alice, erin)
    alice.must_be_like(erin)


@clause("GC-46", "GC-20")
def test_epochs_follow_one_another(actors: Actors) -> None:
    iut, peer = actors()
    alice, (bob, carol) = found(iut, peer, BOB, CAROL, avatar=PNG)
    for epoch in range(1, 5):
        if epoch == 2:
            tell(carol.add(DAVE).result.encoded, carol, alice)
        encoded = alice.open_epoch(name=f"hike {epoch}").result.encoded
        tell(encoded, alice, bob, carol)
        alice.must_be_like(bob)
        alice.read().must_be(epoch=epoch, name=f"hike {epoch}", avatar_hash=group_control.hash_avatar(PNG))
    alice.read().must_be(members=[*USUAL, {"account": DAVE, "added": 1}], removed=[])


@clause("GC-46")
def test_name_and_image_stay_until_they_are_changed(actors: Actors) -> None:
    iut, peer = actors()
    alice, (bob, _) = found(iut, peer, BOB, CAROL, avatar=PNG)
    png, webp = group_control.hash_avatar(PNG), group_control.hash_avatar(WEBP)
    for new_name, image, name, avatar_hash in (
        (None, None, "hike", png),
        ("walk", None, "walk", png),
        (None, WEBP, "walk", webp),
        ("run", PNG, "run", png),
    ):
        encoded = alice.open_epoch(name=new_name, avatar=image).result.encoded
        alice.read().must_be(name=name, avatar_hash=avatar_hash)
        decode(peer, encoded).must_contain(control=[image or b""])
        tell(encoded, alice, bob)
        alice.must_be_like(bob)
    alice.open_epoch(CAROL).must_be()
    alice.read().must_be(name="run", avatar_hash=png, members=added([BOB, ALICE]))


@clause("GC-46")
@pytest.mark.parametrize(
    ("age", "stays"), [(0, True), (group_control.REMOVED_MS - 1, True), (group_control.REMOVED_MS, False)]
)
def test_who_is_out_is_named_for_14_days(actors: Actors, age: int, *, stays: bool) -> None:
    iut, peer = actors()
    alice, _ = found(iut, peer, BOB, CAROL)
    alice.open_epoch(CAROL).must_be()
    alice.open_epoch(now_ms=NOW + age).must_be()
    alice.read().must_be(removed=[removal(CAROL, "kicked")] if stays else [])


@clause("GC-46")
def test_who_is_out_twice_is_named_with_the_newer(actors: Actors) -> None:
    iut, peer = actors()
    alice, _ = found(iut, peer, BOB, CAROL)
    alice.open_epoch((CAROL, 5)).must_be()
    alice.add(CAROL).must_be()
    alice.open_epoch(now_ms=NOW + 1).must_be()
    alice.read().must_be(
        removed=[removal(CAROL, "kicked", last_index="5")], members=[*added([BOB, ALICE]), *added([CAROL], 1)]
    )
    alice.open_epoch((CAROL, 2), now_ms=NOW + 2).must_be()
    newer = removal(CAROL, "kicked", added=1, last_epoch=2, removed_ms=NOW + 2, last_index="2")
    alice.read().must_be(removed=[newer], members=added([BOB, ALICE]))


@clause("GC-46")
def test_of_too_many_that_are_out_the_oldest_go(actors: Actors) -> None:
    iut, _ = actors()
    others = make_accounts("many", group_control.MAX_REMOVED + 3)
    alice = Member(iut, ALICE)
    alice.create(*others).must_be()
    first, second, *rest = others[len(others) // 2 :] + others[: len(others) // 2]
    alice.open_epoch(first).must_be()
    alice.open_epoch(second, now_ms=NOW + 1).must_be()
    alice.open_epoch(*rest[:-2], now_ms=NOW + 2).must_be()
    told = [
        removal(second, "kicked", last_epoch=1, removed_ms=NOW + 1),
        *(removal(account, "kicked", last_epoch=2, removed_ms=NOW + 2) for account in rest[:-2]),
    ]
    alice.read().must_be(removed=sorted(told, key=lambda each: each["account"]))


@clause("GC-38", "GC-46")
def test_who_is_over_the_bound_is_removed_as_such(actors: Actors) -> None:
    iut, peer = actors()
    others = make_accounts("many", MAX_MEMBERS - 2)
    alice = Member(iut, ALICE)
    encoded = alice.create(*others).result.encoded
    adder = Member(peer, others[0]).open_view()
    tell(encoded, alice, adder)
    more = sorted([DAVE, ERIN])
    tell(adder.add(more[1]).result.encoded, adder, alice)
    alice.read().must_be(adds=[more[1]])
    other = Member(peer, others[1]).open_view()
    tell(encoded, alice, other)
    tell(other.add(more[0]).result.encoded, other, alice)
    alice.open_epoch(others[2], now_ms=NOW).must_be()
    alice.read().must_be(
        members=added(sorted({ALICE, *others, more[0]} - {others[2]})),
        removed=sorted(
            [removal(others[2], "kicked"), removal(more[1], "over the bound")], key=lambda each: each["account"]
        ),
    )


@clause("GC-46", "GC-44")
def test_of_who_left_and_is_kicked_nothing_is_lost(actors: Actors) -> None:
    iut, peer = actors()
    alice, (bob, _) = found(iut, peer, BOB, CAROL)
    tell(bob.leave(3).result.encoded, bob, alice)
    alice.open_epoch(BOB).must_be_refused("NotPermitted")
    alice.open_epoch().must_be()
    alice.read().must_be(removed=[removal(BOB, "left", last_index="3")], members=added([ALICE, CAROL]))


@clause("GC-5", "GC-6", "GC-7")
def test_an_epoch_has_a_good_name_and_image(actors: Actors) -> None:
    iut, peer = actors()
    alice, _ = found(iut, peer, BOB, CAROL)
    before = alice.read()
    for name in (*BAD_NAMES.values(), *BAD_CHARACTERS.values()):
        alice.open_epoch(name=name).must_be_refused("InvalidName")
    for image in BAD_IMAGES.values():
        alice.open_epoch(avatar=image).must_be_refused("InvalidAvatar")
    alice.read().must_be_like(before)


@clause("GC-47")
def test_each_epoch_has_a_fresh_address(actors: Actors) -> None:
    iut, peer = actors()
    alice, _ = found(iut, peer, BOB, CAROL)
    old = [decode_snapshot(peer, alice.pass_on().result.encoded).address_private]
    for change in ({"name": "walk"}, {"avatar": PNG}, {}):
        encoded = alice.open_epoch(**change).result.encoded
        decode(peer, encoded).must_exclude(control=[*old, old[0][8:24]])
        old.append(decode_snapshot(peer, encoded).address_private)


@clause("GC-48")
@pytest.mark.parametrize("kicked", [(ALICE,), (DAVE,), (BOB, ALICE), (BOB, DAVE), (ERIN,)])
def test_only_members_are_kicked_and_not_the_administrator(actors: Actors, kicked: tuple[bytes, ...]) -> None:
    iut, peer = actors()
    alice, (_, _, erin) = found(iut, peer, BOB, CAROL, ERIN)
    tell(erin.leave().result.encoded, erin, alice)
    before = alice.read()
    alice.open_epoch(*kicked).must_be_refused("NotPermitted")
    alice.read().must_be_like(before)
    alice.open_epoch(BOB).must_be()


@clause("GC-27", "GC-49")
def test_the_administrator_that_leaves_closes_the_group(actors: Actors) -> None:
    iut, peer = actors()
    alice, (bob, carol) = found(iut, peer, BOB, CAROL)
    encoded = alice.leave(9, now_ms=NOW + 1).result.encoded
    alice.read().must_be(closed=True, epoch=1, administrator=ALICE, members=USUAL)
    tell(encoded, alice, bob, carol)
    alice.must_be_like(bob)
    alice.add(DAVE).must_be_refused("GroupClosed")
    alice.open_epoch(name="walk").must_be_refused("GroupClosed")
    alice.leave().must_be_refused("GroupClosed")


@clause("GC-27")
def test_in_a_closed_group_nobody_does_anything(actors: Actors) -> None:
    iut, _ = actors()
    member = Member(iut, BOB).open_view()
    member.accept(ALICE, Snapshot().message()).must_be()
    member.accept(ALICE, Snapshot(epoch=1, closed=True).message()).must_be()
    member.add(DAVE).must_be_refused("GroupClosed")
    member.leave().must_be_refused("GroupClosed")


# Adding again


@clause("GC-50")
@pytest.mark.parametrize(
    ("snapshot", "again"),
    [
        (Snapshot(epoch=1), True),
        (Snapshot(epoch=2), True),
        (Snapshot(epoch=1, members=(BOB, ALICE, CAROL, DAVE)), False),
        (Snapshot(epoch=1, removed=[Removed(account=DAVE)]), False),
        (Snapshot(epoch=2, removed=[Removed(account=DAVE, added=0, last_epoch=1)]), False),
        (Snapshot(epoch=1, removed=[Removed(account=ERIN)]), True),
    ],
    ids=["not listed", "not listed later", "a member", "removed", "removed later", "another removed"],
)
def test_who_was_added_and_is_not_listed_is_added_again(actors: Actors, snapshot: Snapshot, *, again: bool) -> None:
    iut, _ = actors()
    member = Member(iut, BOB).open_view()
    member.accept(ALICE, Snapshot().message()).must_be()
    member.add(DAVE).must_be()
    member.accept(ALICE, snapshot.message()).must_be()
    member.call("must_add_again", account=DAVE, epoch=0).must_be(again=again)


@clause("GC-50")
@pytest.mark.parametrize(("last_epoch", "again"), [(0, True), (1, True), (2, False)])
def test_a_removal_of_before_the_add_does_not_count(actors: Actors, last_epoch: int, *, again: bool) -> None:
    iut, _ = actors()
    member = Member(iut, BOB).open_view()
    removed = [Removed(account=DAVE, last_epoch=last_epoch)]
    first = Snapshot(epoch=2, removed=removed if last_epoch < 2 else [])
    member.accept(ALICE, first.message()).must_be()
    member.add(DAVE).must_be()
    member.accept(ALICE, Snapshot(epoch=3, removed=removed).message()).must_be()
    member.call("must_add_again", account=DAVE, epoch=2).must_be(again=again)


@clause("GC-50")
@pytest.mark.parametrize("epoch", [0, 1])
def test_who_had_left_is_not_added_again(actors: Actors, epoch: int) -> None:
    iut, _ = actors()
    member = Member(iut, BOB).open_view()
    member.accept(ALICE, Snapshot(epoch=epoch).message()).must_be()
    member.add(DAVE, ERIN).must_be()
    member.accept(DAVE, write_leave(epoch, 3)).must_be()
    member.accept(ALICE, Snapshot(epoch=2).message()).must_be()
    member.accept(CAROL, Snapshot(epoch=2).message()).must_be()
    member.call("must_add_again", account=DAVE, epoch=epoch).must_be(again=False)
    member.call("must_add_again", account=ERIN, epoch=epoch).must_be(again=True)


@clause("GC-50")
def test_who_was_added_by_another_already_is_not_added_again(actors: Actors) -> None:
    iut, _ = actors()
    member = Member(iut, BOB).open_view()
    member.accept(ALICE, Snapshot().message()).must_be()
    member.add(DAVE).must_be()
    member.accept(ALICE, Snapshot(epoch=1).message()).must_be()
    member.accept(CAROL, write_add(DAVE, epoch=1)).must_be()
    member.call("must_add_again", account=DAVE, epoch=0).must_be(again=False)


# Notices


@clause("GC-51")
@pytest.mark.parametrize("epoch", [3, 4, group_control.MAX_EPOCH])
def test_a_notice_of_the_administrator_puts_its_receiver_out(actors: Actors, epoch: int) -> None:
    receiver = join(actors, (ALICE, Snapshot(epoch=2).message()), (ALICE, write_notice(epoch)))
    receiver.must_be(is_out=True, epoch=2, members=USUAL)


@clause("GC-51")
@pytest.mark.parametrize(
    ("sender", "epoch"), [(ALICE, 0), (ALICE, 2), (BOB, 3), (CAROL, 3), (DAVE, 3), (CAROL, group_control.MAX_EPOCH)]
)
def test_no_other_notice_changes_anything(actors: Actors, sender: bytes, epoch: int) -> None:
    receiver = join(actors, (ALICE, Snapshot(epoch=2).message()))
    before = receiver.actor.call("group_control.read", view="view")
    receiver.accept((sender, write_notice(epoch)))
    receiver.actor.call("group_control.read", view="view").must_be_like(before)


@clause("GC-51")
@pytest.mark.parametrize(("epoch", "is_out"), [(2, True), (3, True), (4, False), (5, False)])
def test_a_notice_holds_against_snapshots_of_lower_epochs(actors: Actors, epoch: int, *, is_out: bool) -> None:
    receiver = join(actors, (ALICE, write_notice(4)), (ALICE, Snapshot(epoch=epoch).message()))
    receiver.must_be(is_out=is_out, epoch=epoch)


@clause("GC-51")
def test_a_notice_that_comes_late_takes_no_later_one_back(actors: Actors) -> None:
    receiver = join(actors, (ALICE, write_notice(4)), (ALICE, write_notice(2)), (ALICE, Snapshot(epoch=3).message()))
    receiver.must_be(is_out=True, epoch=3)


@clause("GC-51", "GC-20")
def test_who_was_put_out_by_a_notice_can_be_a_member_again(actors: Actors) -> None:
    receiver = join(actors, (ALICE, write_notice(1)))
    receiver.must_be(is_out=True)
    receiver.accept((ALICE, Snapshot(epoch=2, added={BOB: 2}).message()))
    receiver.must_be(is_out=False)


# The digest


def digest(snapshot: Snapshot, adds: list[bytes], leaves: list[tuple[bytes, int]]) -> bytes:
    """Compute a digest, as the text of chapter 09 says."""
    hashed = [b"cloister group view", snapshot.group_id, snapshot.epoch.to_bytes(8, "big"), snapshot.hash]
    hashed += [snapshot.administrator_key.public, len(adds).to_bytes(4, "big"), *sorted(adds)]
    hashed += [len(leaves).to_bytes(4, "big")]
    hashed += [account + epoch.to_bytes(8, "big") for account, epoch in sorted(leaves)]
    return hashlib.sha256(b"".join(hashed)).digest()


@clause("GC-52")
@given(
    epoch=st.sampled_from([0, 1, 255, 256, 2**31 - 1]),
    added_accounts=st.sets(st.sampled_from([DAVE, ERIN, FRANK])),
    leavers=st.sets(st.sampled_from([BOB, CAROL, DAVE, ERIN])),
    data=st.data(),
)
def test_the_digest_is_that_of_the_text(
    actors: Actors, epoch: int, added_accounts: set[bytes], leavers: set[bytes], data: st.DataObject
) -> None:
    snapshot = Snapshot(epoch=epoch, added={CAROL: epoch // 2})
    controls = [(ALICE, write_add(account, epoch=epoch)) for account in added_accounts]
    memberships = [
        (leaver, snapshot.added.get(leaver, 0 if leaver in snapshot.members else epoch))
        for leaver in leavers & {*snapshot.members, *added_accounts}
    ]
    controls += [(leaver, write_leave(membership, 5)) for leaver, membership in memberships]
    iut, _ = actors()
    receiver = Receiver(iut, BOB).accept((ALICE, snapshot.message()), *data.draw(st.permutations(controls)))
    receiver.must_be(digest=digest(snapshot, list(added_accounts), memberships))


@clause("GC-52")
def test_what_has_no_effect_is_not_in_the_digest(actors: Actors) -> None:
    snapshot = Snapshot(epoch=2, added={CAROL: 1})
    receiver = join(
        actors,
        (ALICE, snapshot.message()),
        (CAROL, write_leave(0, 1)),
        (DAVE, write_add(ERIN, epoch=2)),
        (DAVE, write_leave(2)),
        (BOB, write_add(BOB, CAROL, epoch=2)),
    )
    receiver.must_be(digest=digest(snapshot, [], []), waiting=2)


@clause("GC-52")
def test_the_last_index_and_the_signature_are_not_in_the_digest(actors: Actors) -> None:
    receiver = join(actors, (CAROL, write_leave(0, 5)))
    receiver.must_be(digest=digest(Snapshot(), [], [(CAROL, 0)]))
    receiver.accept((CAROL, write_leave(0, 2)))
    receiver.must_be(digest=digest(Snapshot(), [], [(CAROL, 0)]))


@clause("GC-52", "GC-38")
def test_who_is_over_the_bound_is_in_the_digest(actors: Actors) -> None:
    iut, _ = actors()
    snapshot = Snapshot(members=make_members(MAX_MEMBERS))
    receiver = Receiver(iut, snapshot.members[0]).accept((ALICE, snapshot.message()), (ALICE, write_add(DAVE)))
    receiver.must_be(digest=digest(snapshot, [DAVE], []))


@clause("GC-52", "GC-25")
def test_the_digest_does_not_say_whether_the_key_is_confirmed(actors: Actors) -> None:
    receiver = meet(actors).accept((CAROL, Snapshot().message(adds_you=True)))
    receiver.must_be(digest=digest(Snapshot(), [DAVE], []), is_confirmed=False)
