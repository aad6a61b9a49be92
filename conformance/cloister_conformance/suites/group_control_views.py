"""Chapter 09: what a view becomes by snapshots, from their sender."""

from collections.abc import Iterable
from dataclasses import dataclass
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
    PNG,
    Removed,
    Snapshot,
    make_account,
    write_add,
    write_ask,
    write_key,
    write_leave,
    write_notice,
)
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor, Answer

Json = dict[str, Any]
TWIN = "twin"


def open_view(actor: Actor, account: bytes, view: str = "view") -> None:
    """Let an actor make a view of a group that is unknown to an account."""
    actor.call("group_control.create_view", view=view, account=account).must_be()


def accept(actor: Actor, sender: bytes, encoded: bytes, view: str = "view") -> Answer:
    """Let an actor accept a control message from a sender."""
    return actor.call("group_control.accept", view=view, sender=sender, encoded=encoded)


def read(actor: Actor, view: str = "view") -> Answer:
    """Let an actor read a view."""
    return actor.call("group_control.read", view=view)


def added(members: Iterable[bytes], epoch: int = 0) -> list[Json]:
    """Describe members that were added in an epoch."""
    return [{"account": account, "added": epoch} for account in members]


@dataclass
class Receiver:
    """A member with two views: all that is accepted comes to both, what is refused to one of them only."""

    actor: Actor
    account: bytes = BOB

    def __post_init__(self) -> None:
        for view in ("view", TWIN):
            open_view(self.actor, self.account, view)

    def accept(self, *controls: tuple[bytes, bytes]) -> "Receiver":
        """Accept control messages, each with its sender before it."""
        for sender, encoded in controls:
            for view in ("view", TWIN):
                accept(self.actor, sender, encoded, view).must_be()
        return self

    def refuse(self, sender: bytes, encoded: bytes, error: str) -> None:
        """Refuse a control message, and stay as without it."""
        accept(self.actor, sender, encoded).must_be_refused(error)
        self.compare()

    def compare(self) -> None:
        """Compare the two views."""
        expected = read(self.actor, TWIN)
        read(self.actor).must_be_like(expected)

    def must_be(self, **members: object) -> None:
        """Expect these members of the view."""
        self.compare()
        read(self.actor).must_be(**members)


def join(actors: Actors, *controls: tuple[bytes, bytes], account: bytes = BOB, entropy: int = 0) -> Receiver:
    """Let the implementation be a member of the usual group that has accepted these control messages."""
    iut, _ = actors(entropy)
    return Receiver(iut, account).accept((ALICE, Snapshot().message()), *controls)


def meet(actors: Actors, account: bytes = DAVE) -> Receiver:
    """Let the implementation be an account that does not know the group."""
    iut, _ = actors()
    return Receiver(iut, account)


USUAL = added([BOB, ALICE, CAROL])


# The sender


@clause("GC-1")
def test_the_sender_is_the_account_of_the_session_whatever_a_message_says(actors: Actors) -> None:
    receiver = join(actors)
    receiver.refuse(CAROL, write_leave(account=BOB), "NotPermitted")
    receiver.accept((CAROL, write_leave()))
    receiver.must_be(members=added([BOB, ALICE]))


@clause("GC-1", "GC-28", "GC-31")
def test_a_stranger_adds_nobody(actors: Actors) -> None:
    receiver = join(actors, (DAVE, write_add(ERIN)), (DAVE, write_add(DAVE)))
    receiver.must_be(members=USUAL, adds=[], waiting=2)


@clause("GC-1", "GC-25")
def test_a_snapshot_of_the_administrator_is_not_from_the_administrator(actors: Actors) -> None:
    receiver = meet(actors, BOB).accept((CAROL, Snapshot().message()))
    receiver.must_be(is_confirmed=False, members=USUAL)
    receiver.accept((CAROL, Snapshot().message()), (DAVE, Snapshot().message()))
    receiver.must_be(is_confirmed=False)
    receiver.accept((ALICE, Snapshot().message()))
    receiver.must_be(is_confirmed=True)


# Signatures


@clause("GC-16")
@pytest.mark.parametrize(
    "snapshot",
    [
        Snapshot(epoch=1, signer="somebody else"),
        Snapshot(epoch=1, signed_label=b""),
        Snapshot(epoch=1, signed_label=b"cloister group view"),
    ],
    ids=["of another key", "without the label", "with another label"],
)
def test_a_snapshot_that_the_administrator_key_has_not_signed_is_refused(actors: Actors, snapshot: Snapshot) -> None:
    receiver = join(actors)
    receiver.refuse(ALICE, snapshot.message(), "InvalidSignature")
    receiver.refuse(CAROL, snapshot.message(), "InvalidSignature")
    receiver.accept((CAROL, Snapshot(epoch=1).message()))
    receiver.must_be(epoch=1)


@clause("GC-16")
@pytest.mark.parametrize("adds_you", [True, False])
@pytest.mark.parametrize("sender", [ALICE, CAROL])
def test_a_first_snapshot_is_verified_too(actors: Actors, sender: bytes, *, adds_you: bool) -> None:
    iut, _ = actors()
    open_view(iut, BOB)
    forged = Snapshot(signer="somebody else").message(adds_you=adds_you)
    accept(iut, sender, forged).must_be_refused("InvalidSignature")
    accept(iut, sender, Snapshot().message()).must_be()
    read(iut).must_be(epoch=0, members=USUAL)


@clause("GC-16")
def test_a_repeated_snapshot_is_verified_too(actors: Actors) -> None:
    receiver = meet(actors, BOB).accept((CAROL, Snapshot().message()))
    receiver.refuse(ALICE, Snapshot(signer="somebody else").message(), "InvalidSignature")
    receiver.must_be(is_confirmed=False)


@clause("GC-16")
@given(position=st.integers(min_value=0, max_value=8 * 64 - 1))
def test_a_flipped_bit_of_a_signature_is_noticed(actors: Actors, position: int) -> None:
    receiver = join(actors)
    encoded = bytearray(Snapshot(epoch=1).message())
    start = bytes(encoded).index(Snapshot(epoch=1).signature)
    encoded[start + position // 8] ^= 1 << position % 8
    receiver.refuse(ALICE, bytes(encoded), "InvalidSignature")


# Unknown groups


@clause("GC-17")
@pytest.mark.parametrize("sender", [ALICE, BOB, ERIN])
def test_a_group_that_does_not_list_the_receiver_is_refused(actors: Actors, sender: bytes) -> None:
    iut, _ = actors()
    open_view(iut, DAVE)
    accept(iut, sender, Snapshot().message()).must_be_refused("NotPermitted")
    accept(iut, sender, Snapshot(members=(BOB, ALICE, CAROL, DAVE)).message()).must_be()
    read(iut).must_be(members=added([BOB, ALICE, CAROL, DAVE]))


@clause("GC-17", "GC-25")
@pytest.mark.parametrize(("sender", "confirmed"), [(ALICE, True), (CAROL, False), (FRANK, False)])
def test_a_group_that_lists_the_receiver_is_taken_from_anybody(
    actors: Actors, sender: bytes, *, confirmed: bool
) -> None:
    receiver = meet(actors, BOB).accept((sender, Snapshot(epoch=4).message()))
    receiver.must_be(epoch=4, members=USUAL, adds=[], adders=[], is_confirmed=confirmed, is_out=False)


@clause("GC-17", "GC-24", "GC-25")
@pytest.mark.parametrize("sender", [ALICE, CAROL])
def test_a_member_adds_the_receiver(actors: Actors, sender: bytes) -> None:
    receiver = meet(actors).accept((sender, Snapshot(epoch=2).message(adds_you=True)))
    receiver.must_be(
        members=[*USUAL, {"account": DAVE, "added": 2}],
        adds=[DAVE],
        adders=[sender],
        is_confirmed=sender == ALICE,
        is_out=False,
    )


@clause("GC-24")
@pytest.mark.parametrize("sender", [ERIN, make_account("another adder")])
def test_who_was_added_itself_adds_the_receiver(actors: Actors, sender: bytes) -> None:
    receiver = meet(actors).accept((sender, Snapshot(epoch=2).message(adds_you=True)))
    receiver.must_be(
        members=sorted([*USUAL, *added([DAVE, sender], 2)], key=lambda member: member["account"]),
        adds=sorted([DAVE, sender]),
        adders=[sender],
    )
    receiver.accept((sender, write_add(FRANK, epoch=2)))
    receiver.must_be(adds=sorted([DAVE, sender, FRANK]), waiting=0)


@clause("GC-24")
def test_who_is_listed_is_not_added(actors: Actors) -> None:
    receiver = meet(actors, BOB).accept((CAROL, Snapshot().message(adds_you=True)))
    receiver.must_be(members=USUAL, adds=[], adders=[])
    receiver = meet(actors, BOB).accept((DAVE, Snapshot().message(adds_you=True)))
    receiver.must_be(members=USUAL, adds=[], adders=[])


@clause("GC-56")
@pytest.mark.parametrize("sender", [ALICE, CAROL])
@pytest.mark.parametrize("adds_you", [True, False])
def test_no_unknown_group_is_closed(actors: Actors, sender: bytes, *, adds_you: bool) -> None:
    iut, _ = actors()
    open_view(iut, DAVE)
    for members in ((BOB, ALICE, CAROL), (BOB, ALICE, CAROL, DAVE)):
        closed = Snapshot(epoch=1, members=members, closed=True)
        accept(iut, sender, closed.message(adds_you=adds_you)).must_be_refused("NotPermitted")
    accept(iut, CAROL, Snapshot().message(adds_you=True)).must_be()
    read(iut).must_be(adds=[DAVE], closed=False)


@clause("GC-56")
@pytest.mark.parametrize("sender", [ALICE, CAROL, DAVE])
@pytest.mark.parametrize("adds_you", [True, False])
def test_nobody_is_made_the_administrator_of_an_unknown_group(actors: Actors, sender: bytes, *, adds_you: bool) -> None:
    iut, _ = actors()
    open_view(iut, ALICE)
    accept(iut, sender, Snapshot().message(adds_you=adds_you)).must_be_refused("NotPermitted")
    accept(iut, BOB, Snapshot(administrator=BOB).message()).must_be()
    read(iut).must_be(administrator=BOB, members=USUAL)


# Known groups


@clause("GC-18")
@pytest.mark.parametrize("sender", [ALICE, BOB, CAROL])
@pytest.mark.parametrize("confirmer", [ALICE, CAROL])
def test_another_administrator_is_refused(actors: Actors, confirmer: bytes, sender: bytes) -> None:
    receiver = meet(actors, BOB).accept((confirmer, Snapshot().message()))
    for administrator in (BOB, CAROL):
        for key in ("the usual", "another"):
            other = Snapshot(epoch=1, administrator=administrator, key=key)
            receiver.refuse(sender, other.message(), "NotPermitted")
    receiver.accept((CAROL, Snapshot(epoch=1, name="walk").message()))
    receiver.must_be(name="walk", administrator=ALICE)


@clause("GC-18")
@pytest.mark.parametrize("sender", [ALICE, CAROL, DAVE])
@pytest.mark.parametrize("epoch", [0, 1, 2, 9])
def test_another_key_is_refused_once_the_key_is_confirmed(actors: Actors, epoch: int, sender: bytes) -> None:
    receiver = join(actors, (ALICE, Snapshot(epoch=1).message()))
    receiver.refuse(sender, Snapshot(epoch=epoch, key="another").message(), "NotPermitted")
    receiver.accept((CAROL, Snapshot(epoch=2).message()))
    receiver.must_be(epoch=2)


@clause("GC-18", "GC-25")
@pytest.mark.parametrize("sender", [BOB, CAROL, DAVE])
def test_another_key_is_refused_from_anybody_but_the_administrator(actors: Actors, sender: bytes) -> None:
    receiver = meet(actors, BOB).accept((CAROL, Snapshot(epoch=1).message()))
    receiver.refuse(sender, Snapshot(epoch=2, key="another").message(), "NotPermitted")


@clause("GC-19", "GC-25")
@pytest.mark.parametrize("epoch", [0, 1, 3])
def test_the_administrator_itself_replaces_a_provisional_key(actors: Actors, epoch: int) -> None:
    lies = Snapshot(epoch=1, key="invented", members=(BOB, ALICE, CAROL, DAVE))
    receiver = meet(actors, BOB).accept((CAROL, lies.message()), (CAROL, write_add(ERIN, epoch=1)))
    receiver.must_be(is_confirmed=False, adds=[ERIN])
    receiver.accept((ALICE, Snapshot(epoch=epoch).message()))
    receiver.must_be(epoch=epoch, members=USUAL, adds=[], is_confirmed=True)
    receiver.refuse(CAROL, lies.message(), "NotPermitted")
    receiver.refuse(ALICE, Snapshot(epoch=9, key="invented").message(), "NotPermitted")


@clause("GC-19", "GC-16")
def test_a_replacing_key_has_signed_its_snapshot(actors: Actors) -> None:
    receiver = meet(actors, BOB).accept((CAROL, Snapshot(key="invented").message()))
    forged = Snapshot(signer="invented")
    receiver.refuse(ALICE, forged.message(), "InvalidSignature")
    receiver.accept((ALICE, Snapshot().message()))
    receiver.must_be(is_confirmed=True)


@clause("GC-20")
@pytest.mark.parametrize("sender", [ALICE, BOB, CAROL, DAVE])
@pytest.mark.parametrize("epoch", [1, 2, 100, group_control.MAX_EPOCH])
def test_a_higher_epoch_is_taken_up_from_anybody(actors: Actors, epoch: int, sender: bytes) -> None:
    receiver = join(actors)
    later = Snapshot(epoch=epoch, name="walk", avatar=PNG, removed=[Removed(account=DAVE, last_index=3)])
    receiver.accept((sender, later.message()))
    removal = {"account": DAVE, "added": 0, "last_epoch": 0, "how": "kicked", "removed_ms": 1_600_000_000_000}
    receiver.must_be(
        epoch=epoch,
        name="walk",
        avatar_hash=group_control.hash_avatar(PNG),
        members=USUAL,
        removed=[{**removal, "last_index": "3"}],
    )


@clause("GC-21")
@pytest.mark.parametrize("sender", [ALICE, CAROL, DAVE, FRANK])
@pytest.mark.parametrize("adds_you", [True, False])
@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_a_lower_epoch_and_the_same_snapshot_change_nothing(
    actors: Actors, epoch: int, sender: bytes, *, adds_you: bool
) -> None:
    receiver = join(
        actors, (CAROL, Snapshot(epoch=2).message()), (CAROL, write_add(DAVE, epoch=2)), (CAROL, write_leave(0, 5))
    )
    earlier = Snapshot(epoch=epoch, members=(BOB, ALICE, CAROL) if epoch == 2 else (BOB, ALICE, CAROL, ERIN))
    accept(receiver.actor, sender, earlier.message(adds_you=adds_you)).must_be()
    receiver.compare()
    receiver.must_be(epoch=2, adds=[DAVE], leaves=[{"account": CAROL, "added": 0, "last_index": "5"}])


@clause("GC-21", "GC-25")
@pytest.mark.parametrize("epoch", [0, 2])
def test_the_administrator_confirms_its_key_with_any_snapshot(actors: Actors, epoch: int) -> None:
    receiver = meet(actors, BOB).accept((CAROL, Snapshot(epoch=2).message()), (ALICE, Snapshot(epoch=epoch).message()))
    receiver.must_be(epoch=2, is_confirmed=True)


@clause("GC-25")
@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_a_confirmed_key_stays_confirmed(actors: Actors, epoch: int) -> None:
    receiver = join(actors, (ALICE, Snapshot(epoch=1).message()), (CAROL, Snapshot(epoch=epoch).message()))
    receiver.must_be(is_confirmed=True, epoch=max(epoch, 1))


@clause("GC-21", "GC-24", "GC-40")
def test_the_same_snapshot_may_add_the_receiver_later(actors: Actors) -> None:
    receiver = meet(actors).accept((CAROL, Snapshot().message(adds_you=True)), (BOB, Snapshot().message(adds_you=True)))
    receiver.must_be(adds=[DAVE], adders=[BOB, CAROL])
    receiver.accept((BOB, write_leave(0, None, CAROL)))
    receiver.must_be(members=added([BOB, ALICE, DAVE]))


@clause("GC-21", "GC-31", "GC-40")
def test_a_stranger_that_adds_the_receiver_to_a_known_group_is_no_adder(actors: Actors) -> None:
    receiver = meet(actors).accept(
        (CAROL, Snapshot().message(adds_you=True)), (FRANK, Snapshot().message(adds_you=True))
    )
    receiver.must_be(adders=[CAROL], adds=[DAVE], waiting=1)
    receiver.refuse(FRANK, write_leave(0, None, BOB), "NotPermitted")


@clause("GC-21", "GC-24", "GC-26")
def test_who_is_out_is_added_again_by_the_same_snapshot(actors: Actors) -> None:
    without = Snapshot(epoch=1, members=(ALICE, CAROL), removed=[Removed(account=BOB)])
    receiver = join(actors, (ALICE, without.message()))
    receiver.must_be(is_out=True, members=added([ALICE, CAROL]))
    receiver.accept((CAROL, without.message(adds_you=True)))
    receiver.must_be(
        is_out=False, adds=[BOB], adders=[CAROL], members=[{"account": BOB, "added": 1}, *added([ALICE, CAROL])]
    )


@clause("GC-22")
@pytest.mark.parametrize("sender", [ALICE, CAROL, DAVE])
@pytest.mark.parametrize("adds_you", [True, False])
@pytest.mark.parametrize(
    "other",
    [
        Snapshot(epoch=1, name="walk"),
        Snapshot(epoch=1, members=(BOB, ALICE)),
        Snapshot(epoch=1, timestamp_ms=1_600_000_000_001),
        Snapshot(epoch=1, closed=True),
    ],
    ids=["another name", "other members", "another time", "closed"],
)
def test_another_snapshot_of_the_same_epoch_is_refused(
    actors: Actors, other: Snapshot, sender: bytes, *, adds_you: bool
) -> None:
    receiver = join(actors, (ALICE, Snapshot(epoch=1).message()))
    receiver.refuse(sender, other.message(adds_you=adds_you), "ConflictingSnapshot")
    receiver.accept((CAROL, Snapshot(epoch=2).message()))
    receiver.must_be(epoch=2)


@clause("GC-22", "GC-25")
def test_a_conflicting_snapshot_confirms_nothing(actors: Actors) -> None:
    receiver = meet(actors, BOB).accept((CAROL, Snapshot().message()))
    receiver.refuse(ALICE, Snapshot(name="walk").message(), "ConflictingSnapshot")
    receiver.must_be(is_confirmed=False)


@clause("GC-23")
def test_a_new_epoch_empties_adds_and_adders(actors: Actors) -> None:
    receiver = meet(actors).accept((CAROL, Snapshot().message(adds_you=True)), (CAROL, write_add(ERIN)))
    receiver.must_be(adds=[DAVE, ERIN], adders=[CAROL])
    members = (BOB, ALICE, CAROL, DAVE)
    receiver.accept((ALICE, Snapshot(epoch=1, members=members, added={DAVE: 0}).message()))
    receiver.must_be(adds=[], adders=[], members=added(members))
    receiver.refuse(CAROL, write_leave(0, None, BOB), "NotPermitted")


@clause("GC-23", "GC-41")
@pytest.mark.parametrize(
    ("snapshot", "stays"),
    [
        (Snapshot(epoch=2), True),
        (Snapshot(epoch=3, added={CAROL: 2}), False),
        (Snapshot(epoch=2, added={CAROL: 1}), False),
        (Snapshot(epoch=2, members=(BOB, ALICE)), False),
    ],
    ids=["the same membership", "another membership", "another membership of the epoch of the leave", "no member"],
)
def test_leaves_of_memberships_that_go_on_stay(actors: Actors, snapshot: Snapshot, *, stays: bool) -> None:
    receiver = join(actors, (CAROL, Snapshot(epoch=1).message()), (CAROL, write_leave(0, 7)))
    receiver.must_be(members=added([BOB, ALICE]))
    receiver.accept((ALICE, snapshot.message()))
    told = [{"account": CAROL, "added": 0, "last_index": "7"}] if stays else []
    receiver.must_be(leaves=told)
    comes_back = Snapshot(epoch=9)
    receiver.accept((ALICE, comes_back.message()))
    receiver.must_be(leaves=told)


@clause("GC-23")
def test_a_leave_of_an_add_is_over_with_its_epoch(actors: Actors) -> None:
    receiver = join(actors, (CAROL, write_add(DAVE)), (DAVE, write_leave(0)))
    receiver.must_be(adds=[DAVE], members=USUAL, leaves=[{"account": DAVE, "added": 0}])
    receiver.accept((ALICE, Snapshot(epoch=1).message()), (CAROL, write_add(DAVE, epoch=1)))
    receiver.must_be(members=[*USUAL, {"account": DAVE, "added": 1}], leaves=[])


@clause("GC-26")
@pytest.mark.parametrize("account", [BOB, CAROL])
def test_who_is_no_member_of_its_view_is_out(actors: Actors, account: bytes) -> None:
    receiver = join(actors, account=account)
    receiver.must_be(is_out=False)
    rest = [member for member in (BOB, ALICE, CAROL) if member != account]
    receiver.accept((ALICE, Snapshot(epoch=1, members=rest).message()))
    receiver.must_be(is_out=True, members=added(rest))
    receiver.accept((ALICE, Snapshot(epoch=2, added={account: 2}).message()))
    receiver.must_be(is_out=False)


@clause("GC-26", "GC-39")
def test_who_left_is_out(actors: Actors) -> None:
    receiver = join(actors, (BOB, write_leave(0, 3)))
    receiver.must_be(is_out=True, members=added([ALICE, CAROL]))


@clause("GC-27")
@pytest.mark.parametrize("sender", [ALICE, CAROL, DAVE])
def test_a_closed_group_takes_nothing_more(actors: Actors, sender: bytes) -> None:
    closed = Snapshot(epoch=1, closed=True)
    receiver = join(actors, (CAROL, closed.message()))
    receiver.must_be(closed=True, epoch=1)
    receiver.refuse(sender, Snapshot(epoch=2).message(), "GroupClosed")
    receiver.refuse(sender, Snapshot(epoch=2, closed=True).message(), "GroupClosed")
    receiver.refuse(sender, write_add(DAVE, epoch=1), "GroupClosed")
    receiver.refuse(sender, write_add(DAVE, epoch=2), "GroupClosed")
    receiver.refuse(sender, write_leave(), "GroupClosed")
    receiver.accept((sender, closed.message()))
    receiver.must_be(closed=True, epoch=1, members=USUAL, waiting=0)


@clause("GC-27", "GC-32")
def test_what_waits_is_dropped_when_the_group_is_closed(actors: Actors) -> None:
    receiver = join(actors, (DAVE, write_add(ERIN)), (DAVE, write_leave(3)))
    receiver.must_be(waiting=2)
    receiver.accept((ALICE, Snapshot(epoch=1, closed=True).message()))
    receiver.must_be(waiting=0, adds=[])


@clause("GC-54")
def test_a_closed_group_has_the_members_of_its_snapshot_alone(actors: Actors) -> None:
    receiver = join(
        actors,
        (CAROL, write_leave(0, 3)),
        (ALICE, write_add(DAVE)),
        (ERIN, write_add(FRANK, epoch=1)),
        (ERIN, write_leave(1)),
    )
    receiver.must_be(waiting=2, members=added([BOB, ALICE, DAVE]))
    receiver.accept((ALICE, Snapshot(epoch=1, closed=True).message()))
    receiver.must_be(members=USUAL, adds=[], leaves=[], waiting=0, closed=True)


@clause("GC-54", "GC-24")
def test_nobody_is_added_by_a_closing_snapshot(actors: Actors) -> None:
    receiver = meet(actors).accept((CAROL, Snapshot().message(adds_you=True)), (CAROL, write_leave(0, None, BOB)))
    receiver.accept((CAROL, Snapshot(epoch=1, closed=True).message(adds_you=True)))
    receiver.must_be(members=USUAL, adds=[], adders=[], leaves=[], is_out=True)


@clause("GC-8", "GC-20")
def test_a_snapshot_with_another_image_is_refused(actors: Actors) -> None:
    receiver = join(actors)
    receiver.refuse(ALICE, Snapshot(epoch=1, avatar=PNG).message(avatar=PNG + b"x"), "InvalidAvatar")
    receiver.accept((ALICE, Snapshot(epoch=1, avatar=PNG).message(avatar=PNG)))
    receiver.must_be(avatar_hash=group_control.hash_avatar(PNG))


# Anything


def all_controls() -> st.SearchStrategy[tuple[bytes, bytes]]:
    """Control messages of all kinds, good and bad, with senders."""
    people = st.sampled_from([BOB, ALICE, CAROL, DAVE, ERIN])
    groups = st.sets(people, min_size=1, max_size=5).map(sorted)
    epochs, indices = st.integers(0, 3), st.one_of(st.none(), st.integers(0, 9))
    snapshots = st.builds(
        lambda epoch, members, late, key, closed, avatar, adds_you: Snapshot(
            epoch=epoch,
            members=sorted({ALICE, *members}),
            added={account: min(epoch, added) for account, added in late.items() if account != ALICE},
            key=key,
            closed=closed,
            avatar=avatar,
        ).message(adds_you=adds_you),
        epochs,
        groups,
        st.dictionaries(people, epochs, max_size=3),
        st.sampled_from(["the usual"] * 4 + ["another"]),
        st.integers(0, 20).map(lambda number: number == 0),
        st.sampled_from([None, PNG]),
        st.booleans(),
    )
    adds = st.builds(lambda accounts, epoch: write_add(*accounts, epoch=epoch), groups, epochs)
    leaves = st.builds(write_leave, epochs, indices, st.one_of(st.none(), people))
    others = st.sampled_from(
        [write_key(), write_ask(), write_ask(2), write_notice(0), write_notice(2), write_notice(4)]
    )
    return st.tuples(people, st.one_of(snapshots, adds, leaves, adds, leaves, others))


@clause("GC-18", "GC-20", "GC-23", "GC-28", "GC-31", "GC-32", "GC-38", "GC-39", "GC-43", "GC-44", "GC-51", "GC-52")
@given(account=st.sampled_from([BOB, CAROL, DAVE]), controls=st.lists(all_controls(), max_size=12))
def test_a_view_is_that_of_the_reference_whatever_comes(
    actors: Actors, account: bytes, controls: list[tuple[bytes, bytes]]
) -> None:
    iut, peer = actors()
    for actor in (iut, peer):
        open_view(actor, account)
        accept(actor, CAROL, Snapshot(members=(BOB, ALICE, CAROL)).message(adds_you=True)).must_be()
    for sender, encoded in controls:
        expected = accept(peer, sender, encoded)
        accept(iut, sender, encoded).must_be_like(expected)
        view = read(peer)
        read(iut).must_be_like(view)
