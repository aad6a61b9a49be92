"""Chapter 09: what a view becomes by adds and leaves, and what waits."""

import itertools
from typing import Any

import pytest
from cloister import group_control
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made.group_control import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    FRANK,
    Removed,
    Snapshot,
    make_account,
    make_accounts,
    write_add,
    write_leave,
)
from cloister_conformance.hand_made.group_forms import make_members
from cloister_conformance.plugin import Actors
from cloister_conformance.suites.group_control_views import USUAL, Receiver, accept, added, join, meet, open_view, read

MAX_ADDS = group_control.MAX_ADDS
MAX_MEMBERS = group_control.MAX_MEMBERS
MAX_WAITING = group_control.MAX_WAITING
MAX_WAITING_OF_ONE = group_control.MAX_WAITING_OF_ONE
Json = dict[str, Any]


def left(account: bytes, added: int = 0, last_index: int | None = None) -> Json:
    """Describe a leave of a view."""
    index = {} if last_index is None else {"last_index": str(last_index)}
    return {"account": account, "added": added, **index}


# Adds


@clause("GC-28")
@pytest.mark.parametrize("sender", [ALICE, BOB, CAROL])
@pytest.mark.parametrize("accounts", [(DAVE,), (ERIN,), (DAVE, ERIN, FRANK)])
def test_any_member_adds(actors: Actors, accounts: tuple[bytes, ...], sender: bytes) -> None:
    receiver = join(actors, (sender, write_add(*accounts)))
    receiver.must_be(members=[*USUAL, *added(accounts)], adds=list(accounts), epoch=0, waiting=0)


@clause("GC-28", "GC-38")
def test_who_was_added_was_added_in_the_epoch_of_the_view(actors: Actors) -> None:
    receiver = join(actors, (ALICE, Snapshot(epoch=5).message()), (CAROL, write_add(DAVE, epoch=5)))
    receiver.must_be(members=[*USUAL, *added([DAVE], 5)])


@clause("GC-28", "GC-31", "GC-32")
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_chain_of_adds_may_come_in_any_order(actors: Actors, order: tuple[int, ...]) -> None:
    chain = [(CAROL, write_add(DAVE)), (DAVE, write_add(ERIN)), (ERIN, write_add(FRANK))]
    receiver = join(actors, *[chain[index] for index in order])
    receiver.must_be(members=[*USUAL, *added([DAVE, ERIN, FRANK])], adds=[DAVE, ERIN, FRANK], waiting=0)


@clause("GC-29")
@pytest.mark.parametrize("leaver", [BOB, CAROL, DAVE])
def test_who_has_left_may_have_added(actors: Actors, leaver: bytes) -> None:
    receiver = join(actors, (ALICE, write_add(DAVE)), (leaver, write_leave()), (leaver, write_add(ERIN)))
    receiver.must_be(adds=[DAVE, ERIN], waiting=0)


@clause("GC-29", "GC-38")
def test_who_is_over_the_bound_may_have_added(actors: Actors) -> None:
    iut, _ = actors()
    members = make_members(MAX_MEMBERS)
    receiver = Receiver(iut, members[-1]).accept(
        (ALICE, Snapshot(members=members).message()), (members[0], write_add(DAVE)), (DAVE, write_add(ERIN))
    )
    receiver.must_be(members=added(members), adds=[DAVE, ERIN], waiting=0)


@clause("GC-30")
@pytest.mark.parametrize("sender", [ALICE, CAROL, DAVE])
@pytest.mark.parametrize("epoch", [0, 1])
def test_an_add_of_a_past_epoch_is_refused(actors: Actors, epoch: int, sender: bytes) -> None:
    receiver = join(actors, (ALICE, Snapshot(epoch=2).message()))
    receiver.refuse(sender, write_add(ERIN, epoch=epoch), "PastEpoch")
    receiver.must_be(adds=[], waiting=0)


@clause("GC-31", "GC-32")
@pytest.mark.parametrize("sender", [ALICE, CAROL, DAVE])
def test_an_add_of_a_later_epoch_waits_for_it(actors: Actors, sender: bytes) -> None:
    receiver = join(actors, (sender, write_add(ERIN, epoch=2)))
    receiver.must_be(members=USUAL, adds=[], waiting=1)
    receiver.accept((ALICE, Snapshot(epoch=1).message()))
    receiver.must_be(adds=[], waiting=1)
    receiver.accept((ALICE, Snapshot(epoch=2, members=(BOB, ALICE, CAROL, DAVE)).message()))
    receiver.must_be(adds=[ERIN], waiting=0)


@clause("GC-31", "GC-32")
def test_an_add_of_a_stranger_waits_for_its_own_add(actors: Actors) -> None:
    receiver = join(actors, (DAVE, write_add(ERIN)))
    receiver.must_be(members=USUAL, adds=[], waiting=1)
    receiver.accept((CAROL, write_add(FRANK)))
    receiver.must_be(adds=[FRANK], waiting=1)
    receiver.accept((CAROL, write_add(DAVE)))
    receiver.must_be(adds=[DAVE, ERIN, FRANK], waiting=0)


@clause("GC-32", "GC-30")
def test_an_add_whose_epoch_is_over_is_dropped(actors: Actors) -> None:
    receiver = join(actors, (DAVE, write_add(ERIN)), (DAVE, write_add(FRANK, epoch=1)))
    receiver.must_be(waiting=2)
    receiver.accept((ALICE, Snapshot(epoch=1).message()))
    receiver.must_be(waiting=1)
    receiver.accept((CAROL, write_add(DAVE, epoch=1)))
    receiver.must_be(adds=[DAVE, FRANK], waiting=0)


@clause("GC-32")
def test_leaves_that_wait_are_judged_when_candidates_come(actors: Actors) -> None:
    receiver = join(actors, (DAVE, write_leave(0, 4)), (DAVE, write_add(ERIN)), (ERIN, write_leave(0)))
    receiver.must_be(waiting=3, adds=[], leaves=[])
    receiver.accept((CAROL, write_add(DAVE)))
    receiver.must_be(waiting=0, adds=[DAVE, ERIN], leaves=[left(DAVE, 0, 4), left(ERIN)], members=USUAL)


@clause("GC-32", "GC-31")
def test_what_was_judged_waits_no_longer(actors: Actors) -> None:
    receiver = join(actors, (DAVE, write_add(ERIN)), (CAROL, write_add(DAVE)), (ALICE, Snapshot(epoch=1).message()))
    receiver.must_be(adds=[], waiting=0)
    receiver.accept((CAROL, write_add(DAVE, epoch=1)))
    receiver.must_be(adds=[DAVE])


@clause("GC-33")
def test_of_one_sender_the_newest_wait(actors: Actors) -> None:
    wanted = make_accounts("wanted", MAX_WAITING_OF_ONE + 2)
    receiver = join(actors)
    for number, account in enumerate(wanted):
        receiver.accept((DAVE, write_add(account)))
        receiver.must_be(waiting=min(number + 1, MAX_WAITING_OF_ONE))
    receiver.accept((ERIN, write_add(FRANK)))
    receiver.must_be(waiting=MAX_WAITING_OF_ONE + 1)
    receiver.accept((CAROL, write_add(DAVE, ERIN)))
    receiver.must_be(adds=sorted([DAVE, ERIN, FRANK, *wanted[2:]]), waiting=0)


@clause("GC-33")
def test_adds_and_leaves_of_one_sender_are_counted_together(actors: Actors) -> None:
    receiver = join(actors, (DAVE, write_add(ERIN)), *[(DAVE, write_leave(number)) for number in range(2, 12)])
    receiver.must_be(waiting=MAX_WAITING_OF_ONE)
    receiver.accept((CAROL, write_add(DAVE)))
    receiver.must_be(adds=[DAVE], waiting=MAX_WAITING_OF_ONE)


@clause("GC-33")
def test_of_all_senders_the_newest_wait(actors: Actors) -> None:
    iut, _ = actors()
    open_view(iut, BOB)
    accept(iut, ALICE, Snapshot().message()).must_be()
    strangers = make_accounts("strangers", MAX_WAITING // MAX_WAITING_OF_ONE + 1)
    wanted = make_accounts("wanted", MAX_WAITING_OF_ONE)
    for stranger in strangers[:-1]:
        for account in wanted:
            accept(iut, stranger, write_add(account)).must_be()
    read(iut).must_be(waiting=MAX_WAITING)
    accept(iut, strangers[-1], write_add(DAVE)).must_be()
    read(iut).must_be(waiting=MAX_WAITING)
    accept(iut, CAROL, write_add(strangers[0], strangers[-1])).must_be()
    known = [strangers[0], strangers[-1], DAVE, *wanted[1:]]
    read(iut).must_be(adds=sorted(known), waiting=MAX_WAITING - MAX_WAITING_OF_ONE)


@clause("GC-34")
def test_an_add_of_who_is_listed_changes_nothing(actors: Actors) -> None:
    receiver = join(actors, (ALICE, Snapshot(epoch=2, members=(BOB, ALICE, CAROL, DAVE)).message()))
    before = read(receiver.actor)
    accept(receiver.actor, CAROL, write_add(BOB, ALICE, CAROL, DAVE, epoch=2)).must_be()
    read(receiver.actor).must_be_like(before)
    receiver.accept((CAROL, write_add(DAVE, ERIN, epoch=2)))
    receiver.must_be(adds=[ERIN], members=[*added([BOB, ALICE, CAROL, DAVE]), *added([ERIN], 2)])


@clause("GC-34", "GC-41")
def test_an_add_brings_nobody_back_who_has_left(actors: Actors) -> None:
    receiver = join(actors, (CAROL, write_leave(0, 1)), (ALICE, write_add(CAROL)))
    receiver.must_be(members=added([BOB, ALICE]), adds=[])
    receiver.accept((ALICE, write_add(DAVE)), (DAVE, write_leave()), (ALICE, write_add(DAVE)))
    receiver.must_be(members=added([BOB, ALICE]), adds=[DAVE])


FULL = [make_accounts("full, first", MAX_ADDS // 2), make_accounts("full, second", MAX_ADDS // 2)]


@clause("GC-35")
def test_the_last_account_that_may_be_added_is_added(actors: Actors) -> None:
    receiver = join(actors, (CAROL, write_add(*FULL[0])), (BOB, write_add(*FULL[1][1:])))
    receiver.refuse(CAROL, write_add(*sorted([DAVE, FULL[1][0]])), "GroupFull")
    receiver.accept((CAROL, write_add(FULL[1][0])))
    receiver.must_be(adds=sorted([*FULL[0], *FULL[1]]))


@clause("GC-35")
def test_only_different_accounts_that_are_not_listed_are_counted(actors: Actors) -> None:
    receiver = join(actors, (CAROL, write_add(*FULL[0])), (BOB, write_add(*FULL[1])))
    receiver.refuse(FULL[0][0], write_add(DAVE), "GroupFull")
    receiver.accept(
        (BOB, write_add(*FULL[0])), (FULL[0][0], write_add(BOB, ALICE, CAROL)), (ALICE, write_add(FULL[1][7]))
    )
    receiver.must_be(adds=sorted([*FULL[0], *FULL[1]]))
    receiver.accept((ALICE, Snapshot(epoch=1).message()), (BOB, write_add(DAVE, epoch=1)))
    receiver.must_be(adds=[DAVE])


@clause("GC-32", "GC-35")
def test_an_add_that_waits_and_would_be_too_much_is_dropped(actors: Actors) -> None:
    receiver = join(
        actors, (DAVE, write_add(ERIN, FRANK)), (CAROL, write_add(*FULL[0])), (CAROL, write_add(*FULL[1][2:]))
    )
    receiver.must_be(waiting=1)
    receiver.accept((CAROL, write_add(DAVE)))
    receiver.must_be(adds=sorted([*FULL[0], *FULL[1][2:], DAVE]), waiting=0)


# Members


@clause("GC-38")
@pytest.mark.parametrize("count", [MAX_MEMBERS - 1, MAX_MEMBERS])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_over_the_bound_the_order_of_accounts_decides(actors: Actors, order: tuple[int, ...], count: int) -> None:
    members, more = make_members(count), sorted([DAVE, ERIN, FRANK])
    iut, _ = actors()
    receiver = Receiver(iut, members[0]).accept((ALICE, Snapshot(members=members).message()))
    receiver.accept(*[(ALICE, write_add(more[index])) for index in order])
    kept = more[: MAX_MEMBERS - count]
    told = sorted([*members, *kept])
    receiver.must_be(members=added(told), adds=more, is_out=False)


@clause("GC-38")
def test_who_has_left_keeps_its_place_until_the_next_epoch(actors: Actors) -> None:
    members = make_members(MAX_MEMBERS)
    iut, _ = actors()
    receiver = Receiver(iut, members[0]).accept((ALICE, Snapshot(members=members).message()))
    receiver.accept((members[-1], write_leave()), (ALICE, write_add(DAVE)))
    receiver.must_be(members=added(members[:-1]), adds=[DAVE])


@clause("GC-26", "GC-38")
def test_who_is_over_the_bound_is_out(actors: Actors) -> None:
    members = make_members(MAX_MEMBERS)
    receiver = meet(actors).accept((members[0], Snapshot(members=members).message(adds_you=True)))
    receiver.must_be(members=added(members), adds=[DAVE], is_out=True)


@clause("GC-38")
@pytest.mark.parametrize("leaver", [BOB, CAROL, DAVE])
def test_members_are_candidates_that_have_not_left(actors: Actors, leaver: bytes) -> None:
    receiver = join(actors, (CAROL, write_add(DAVE)), (leaver, write_leave()))
    receiver.must_be(members=added(sorted({BOB, ALICE, CAROL, DAVE} - {leaver})))


# Leaves


@clause("GC-39")
@pytest.mark.parametrize("epoch", [0, 1, 3])
@pytest.mark.parametrize("last_index", [None, 0, group_control.MAX_INDEX])
def test_a_member_leaves_whenever_it_was_added(actors: Actors, last_index: int | None, epoch: int) -> None:
    receiver = join(actors, (ALICE, Snapshot(epoch=3, added={CAROL: epoch}).message()))
    receiver.accept((CAROL, write_leave(epoch, last_index, epoch=2)))
    receiver.must_be(members=added([BOB, ALICE]), leaves=[left(CAROL, epoch, last_index)])


@clause("GC-39")
@pytest.mark.parametrize("account", [None, CAROL])
def test_a_member_leaves_for_itself_named_or_not(actors: Actors, account: bytes | None) -> None:
    receiver = join(actors, (CAROL, write_leave(0, 2, account)))
    receiver.must_be(leaves=[left(CAROL, 0, 2)])


@clause("GC-40")
@pytest.mark.parametrize("sender", [ALICE, BOB, DAVE])
@pytest.mark.parametrize("added_epoch", [0, 1, 5])
def test_nobody_leaves_for_another(actors: Actors, added_epoch: int, sender: bytes) -> None:
    receiver = join(actors, (ALICE, Snapshot(epoch=1).message()))
    receiver.refuse(sender, write_leave(added_epoch, None, CAROL), "NotPermitted")
    receiver.must_be(members=USUAL, waiting=0)


@clause("GC-40", "GC-24")
@pytest.mark.parametrize("sender", [ALICE, BOB, DAVE, ERIN])
def test_only_who_adds_us_tells_of_leaves_of_others(actors: Actors, sender: bytes) -> None:
    receiver = meet(actors).accept((CAROL, Snapshot().message(adds_you=True)), (CAROL, write_add(ERIN)))
    receiver.refuse(sender, write_leave(0, 4, CAROL), "NotPermitted")
    receiver.accept((CAROL, write_leave(0, 4, BOB)), (CAROL, write_leave(0, None, ERIN)))
    receiver.must_be(leaves=[left(BOB, 0, 4), left(ERIN)], members=added([ALICE, CAROL, DAVE]))


@clause("GC-40", "GC-43")
def test_a_leave_that_an_adder_told_of_waits_as_its_own(actors: Actors) -> None:
    receiver = meet(actors).accept((CAROL, Snapshot().message(adds_you=True)), (CAROL, write_leave(0, 3, ERIN)))
    receiver.must_be(waiting=1, leaves=[])
    receiver.accept((CAROL, write_add(ERIN)))
    receiver.must_be(waiting=0, leaves=[left(ERIN, 0, 3)])


@clause("GC-32", "GC-40")
def test_a_leave_for_another_that_waits_is_dropped_with_its_adder(actors: Actors) -> None:
    receiver = meet(actors).accept((CAROL, Snapshot().message(adds_you=True)), (CAROL, write_leave(1, 3, BOB)))
    receiver.must_be(waiting=1)
    listed = Snapshot(epoch=1, members=(BOB, ALICE, CAROL, DAVE), added={BOB: 1})
    receiver.accept((ALICE, listed.message()))
    receiver.must_be(waiting=0, leaves=[], members=[*added([BOB], 1), *added([ALICE, CAROL, DAVE])])


@clause("GC-55")
@pytest.mark.parametrize("sender", [ALICE, BOB, CAROL, ERIN])
@pytest.mark.parametrize("epoch", [0, 1])
def test_nobody_leaves_for_the_receiver(actors: Actors, epoch: int, sender: bytes) -> None:
    receiver = meet(actors).accept((CAROL, Snapshot().message(adds_you=True)), (CAROL, write_add(ERIN)))
    receiver.refuse(sender, write_leave(epoch, None, DAVE), "NotPermitted")
    receiver.must_be(is_out=False, waiting=0)
    receiver.accept((DAVE, write_leave(0, 3, DAVE)))
    receiver.must_be(is_out=True)


@clause("GC-41")
@pytest.mark.parametrize(("now", "named"), [(1, 0), (2, 0), (2, 1), (3, 2)])
def test_a_leave_of_an_earlier_membership_changes_nothing(actors: Actors, now: int, named: int) -> None:
    receiver = join(actors, (ALICE, Snapshot(epoch=3, added={CAROL: now}).message()))
    before = read(receiver.actor)
    accept(receiver.actor, CAROL, write_leave(named, 3)).must_be()
    read(receiver.actor).must_be_like(before)
    receiver.compare()
    receiver.accept((CAROL, write_leave(now, 3)))
    receiver.must_be(leaves=[left(CAROL, now, 3)])


@clause("GC-41")
def test_a_leave_of_a_membership_that_never_was_changes_nothing(actors: Actors) -> None:
    receiver = join(actors, (ALICE, Snapshot(epoch=3, added={CAROL: 1}).message()), (CAROL, write_leave(2, 3)))
    receiver.must_be(leaves=[], waiting=0, members=[*added([BOB, ALICE]), *added([CAROL], 1)])


@clause("GC-41", "GC-23")
def test_a_leave_of_before_does_not_end_a_new_membership(actors: Actors) -> None:
    removed = [Removed(account=CAROL)]
    receiver = join(
        actors,
        (CAROL, write_leave(0, 2)),
        (ALICE, Snapshot(epoch=1, members=(BOB, ALICE), removed=removed).message()),
        (ALICE, write_add(CAROL, epoch=1)),
        (CAROL, write_leave(0, 2)),
    )
    receiver.must_be(members=[*added([BOB, ALICE]), *added([CAROL], 1)], leaves=[], waiting=0)


@clause("GC-42")
@pytest.mark.parametrize("account", [None, ALICE])
@pytest.mark.parametrize("named", [0, 1, 2])
def test_the_administrator_does_not_leave(actors: Actors, named: int, account: bytes | None) -> None:
    receiver = join(actors, (ALICE, Snapshot(epoch=1).message()))
    receiver.refuse(ALICE, write_leave(named, 3, account), "NotPermitted")
    receiver.must_be(members=USUAL, waiting=0)


@clause("GC-42", "GC-40")
def test_nobody_makes_the_administrator_leave(actors: Actors) -> None:
    receiver = meet(actors).accept((CAROL, Snapshot().message(adds_you=True)))
    receiver.refuse(CAROL, write_leave(0, None, ALICE), "NotPermitted")
    receiver.refuse(BOB, write_leave(0, None, ALICE), "NotPermitted")


@clause("GC-43")
@pytest.mark.parametrize("sender", [CAROL, DAVE])
def test_a_leave_of_a_later_epoch_waits_for_it(actors: Actors, sender: bytes) -> None:
    receiver = join(actors, (sender, write_leave(2, 5)))
    receiver.must_be(waiting=1, leaves=[], members=USUAL)
    receiver.accept((ALICE, Snapshot(epoch=1).message()))
    receiver.must_be(waiting=1)
    members = (BOB, ALICE, CAROL, DAVE)
    receiver.accept((ALICE, Snapshot(epoch=2, members=members, added={sender: 2}).message()))
    receiver.must_be(waiting=0, leaves=[left(sender, 2, 5)])


@clause("GC-43")
def test_a_leave_of_who_is_no_candidate_waits_for_the_add(actors: Actors) -> None:
    receiver = join(actors, (DAVE, write_leave(0, 5)))
    receiver.must_be(waiting=1, leaves=[])
    receiver.accept((CAROL, write_add(DAVE)))
    receiver.must_be(waiting=0, leaves=[left(DAVE, 0, 5)], adds=[DAVE], members=USUAL)


@clause("GC-43", "GC-32")
def test_a_leave_whose_epoch_is_over_is_dropped(actors: Actors) -> None:
    receiver = join(actors, (DAVE, write_leave(0, 5)), (ALICE, Snapshot(epoch=1).message()))
    receiver.must_be(waiting=0)
    receiver.accept((CAROL, write_add(DAVE, epoch=1)))
    receiver.must_be(members=[*USUAL, *added([DAVE], 1)])


@clause("GC-44")
@pytest.mark.parametrize(
    ("indices", "counts"),
    [
        ([5, 3], 3),
        ([3, 5], 3),
        ([0, 5], 0),
        ([None, 5], None),
        ([5, None], None),
        ([0, None], None),
        ([None, 0], None),
        ([7, 7], 7),
        ([9, 2**62, 4], 4),
        ([10, 9], 9),
    ],
)
def test_the_lower_last_index_counts(actors: Actors, indices: list[int | None], counts: int | None) -> None:
    receiver = join(actors, *[(CAROL, write_leave(0, index)) for index in indices])
    receiver.must_be(leaves=[left(CAROL, 0, counts)])


@clause("GC-44", "GC-53")
@pytest.mark.parametrize(("own", "told", "counts"), [(6, 2, 2), (2, 6, 2), (6, None, None), (None, 6, None), (3, 3, 3)])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_lower_last_index_counts_whoever_tells_of_it(
    actors: Actors, order: tuple[int, int], own: int | None, told: int | None, counts: int | None
) -> None:
    controls = [(CAROL, write_leave(0, told, BOB)), (BOB, write_leave(0, own))]
    receiver = meet(actors).accept((CAROL, Snapshot().message(adds_you=True)), *[controls[index] for index in order])
    receiver.must_be(leaves=[left(BOB, 0, counts)], members=added([ALICE, CAROL, DAVE]))
    receiver.accept((ALICE, Snapshot(epoch=1, members=(BOB, ALICE, CAROL, DAVE)).message()))
    receiver.must_be(leaves=[left(BOB, 0, own)])


@clause("GC-53", "GC-23")
def test_what_an_adder_says_of_others_holds_until_the_next_snapshot(actors: Actors) -> None:
    receiver = meet(actors).accept((CAROL, Snapshot().message(adds_you=True)), (CAROL, write_leave(0, None, BOB)))
    receiver.must_be(members=added([ALICE, CAROL, DAVE]), leaves=[left(BOB)])
    members = (BOB, ALICE, CAROL, DAVE)
    receiver.accept((ALICE, Snapshot(epoch=1, members=members).message()))
    receiver.must_be(members=added(members), leaves=[])


@clause("GC-53", "GC-39")
def test_what_an_adder_says_of_itself_is_its_own_leave(actors: Actors) -> None:
    receiver = meet(actors).accept((CAROL, Snapshot().message(adds_you=True)), (CAROL, write_leave(0, 4, CAROL)))
    receiver.accept((ALICE, Snapshot(epoch=1, members=(BOB, ALICE, CAROL, DAVE)).message()))
    receiver.must_be(leaves=[left(CAROL, 0, 4)])


OPERATIONS = [
    (CAROL, write_add(DAVE)),
    (BOB, write_add(DAVE, ERIN)),
    (DAVE, write_add(FRANK)),
    (FRANK, write_add(make_account("the last"))),
    (DAVE, write_leave(0, 2)),
    (DAVE, write_leave(0, 1)),
    (CAROL, write_leave(0, 4)),
    (ERIN, write_leave(0)),
    (BOB, write_add(CAROL)),
]
"""Adds and leaves of one epoch that depend on one another."""


@clause("GC-28", "GC-29", "GC-32", "GC-39", "GC-43", "GC-44", "GC-52")
@given(order=st.permutations(range(len(OPERATIONS))), again=st.lists(st.integers(0, len(OPERATIONS) - 1), max_size=4))
def test_within_an_epoch_all_orders_lead_to_one_view(actors: Actors, order: list[int], again: list[int]) -> None:
    iut, peer = actors()
    for actor, indices in ((peer, list(range(len(OPERATIONS)))), (iut, [*order, *again])):
        open_view(actor, BOB)
        accept(actor, ALICE, Snapshot().message()).must_be()
        for index in indices:
            accept(actor, *OPERATIONS[index]).must_be()
    expected = read(peer)
    read(iut).must_be_like(expected)
