"""All orders of control messages: python reference/tests/orders/orders.py [--operations N] [--members M] [--run R] [--json FILE]

Five actors with the client's duties of chapter 10: Alice administers, Bob and Carol are members, Dave and Erin strangers.

- orders: up to N operations. Before each, its actor has received any part of what was sent to it, in any order; at the
  end each actor receives the rest in all orders, one actor after the other, by name, and after three operations or less
  also backwards
- interleavings: up to N operations, and every interleaving of operations and deliveries
- lies: as orders, but Carol and a stranger also do what nobody may
- conflict: as orders, but Alice tells the members of one epoch two different things

Where the bound is M, so it is hit. States that are equal are explored once. Nothing is signed: see `replace_cryptography`.
What must hold is in `check_view` after every step, and in `check_end` when all is delivered and all duties are done.
"""

import argparse
import contextlib
import functools
import hashlib
import itertools
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from cloister import errors, group_control, identity
from cloister.group_control import (
    Add,
    Change,
    Leave,
    Membership,
    Notice,
    SignedSnapshot,
    SnapshotMessage,
    View,
    find_adds,
    find_candidates,
    find_leaves,
    find_members,
    is_known,
)
from cloister.identity import KeyPair, PrivateKey, PublicKey

NOW_MS = 1_600_000_000_000
NAMES = {PublicKey(b"\x05" + bytes([rank]) * 32): name for rank, name in enumerate("BDECA", start=1)}
BOB, DAVE, ERIN, CAROL, ALICE = NAMES
"""In ascending order: of those who can be over the bound Bob is the first that is kept, Carol the last."""

ACTORS = (ALICE, BOB, CAROL, DAVE, ERIN)
PLACES = {account: place for place, account in enumerate(ACTORS)}
ADMINISTRATOR_KEY = KeyPair(private=PrivateKey(b"a" * 32), public=PublicKey(b"\x05" + b"a" * 32))
LIARS_KEY = KeyPair(private=PrivateKey(b"l" * 32), public=PublicKey(b"\x05" + b"l" * 32))
MAX_ROUNDS = 12

Event = tuple[str, PublicKey, PublicKey, int]
"""What, of whom, by whom, in or of which epoch."""


class Seat(NamedTuple):
    """An actor: the number of its view, -1 for none; whom it added, with the epoch; and whether it was told that it is out."""

    view: int = -1
    mine: frozenset[tuple[PublicKey, int]] = frozenset()
    is_out: bool = False


Sent = frozenset[tuple[PublicKey, int]]
"""Receivers, and the numbers of their messages."""


class Done(NamedTuple):
    """What a step leads to."""

    seat: Seat
    sent: Sent = frozenset()
    events: frozenset[Event] = frozenset()


class State(NamedTuple):
    """All actors, what is not delivered to each yet, and what has happened."""

    seats: tuple[Seat, ...]
    inboxes: tuple[frozenset[int], ...]
    events: frozenset[Event]


@dataclass(frozen=True, slots=True)
class Message:
    """A control message with its sender."""

    sender: PublicKey
    epoch: int
    body: SnapshotMessage | Add | Leave | Notice


VIEWS: list[View] = []
MESSAGES: list[Message] = []
NUMBERS: dict[object, int] = {}
COUNTS: Counter[str] = Counter()


def replace_cryptography() -> None:
    """Replace signatures by hashes that only the owner of a key can be asked for, and fresh keys by one key."""

    def sign(k: PrivateKey, M: bytes, random: object) -> bytes:
        return hashlib.sha512(k + M).digest()

    def verify(public: PublicKey, M: bytes, signature: bytes) -> None:
        if signature != hashlib.sha512(public[1:] + M).digest():
            raise errors.InvalidSignature

    identity.sign = sign
    identity.verify = verify
    identity.generate_key_pair = lambda random: ADMINISTRATOR_KEY


# Equal states have equal numbers


def key_of_view(view: View) -> object:
    """All that a view is, without the order of what waits."""
    return (
        view.signed.hash,
        view.adds,
        tuple(frozenset(leaves.items()) for leaves in (view.left, view.reported)),
        view.adders,
        view.is_confirmed,
        frozenset(view.waiting),
    )


def number_view(view: View) -> int:
    """Number a view."""
    key = key_of_view(view)
    if key not in NUMBERS:
        NUMBERS[key] = len(VIEWS)
        VIEWS.append(view)
    return NUMBERS[key]


def describe_view(view: View) -> str:
    """Describe a view in one line."""
    members = " ".join(f"{NAMES[account]}{added}" for account, added in view.snapshot.members.items())
    removed = " ".join(f"{NAMES[r.account]}{r.last_epoch} {r.how}" for r in view.snapshot.removed)
    adds = " ".join(NAMES[account] for account in sorted(view.adds))
    left = " ".join(f"{NAMES[leave.account]}{leave.added}" for leave in view.left)
    reported = " ".join(f"{NAMES[leave.account]}{leave.added}" for leave in view.reported)
    waiting = " ".join(f"{NAMES[w.sender]}{w.epoch} {type(w.body).__name__}" for w in view.waiting)
    closed = ", closed" if view.snapshot.closed else ""
    return (
        f"epoch {view.epoch}{closed}, members {members}, removed {removed}, adds {adds}, left {left}, "
        f"reported {reported}, waiting {waiting}"
    )


def describe(state: State) -> str:
    """Describe what has happened, and where everybody is."""
    events = [
        f"{what}: {NAMES[account]} by {NAMES[by]} in {epoch}" for what, account, by, epoch in sorted(state.events)
    ]
    seats = [
        f"{NAMES[ours]}: {describe_view(VIEWS[seat.view])}{', told out' if seat.is_out else ''}"
        for ours, seat in zip(ACTORS, state.seats, strict=True)
        if seat.view >= 0
    ]
    return "\n".join([*events, *seats])


def number_message(sender: PublicKey, epoch: int, body: SnapshotMessage | Add | Leave | Notice) -> int:
    """Number a message."""
    content = (body.signed.hash, body.signed.signature, body.adds_you) if isinstance(body, SnapshotMessage) else body
    key = ("message", sender, epoch, content)
    if key not in NUMBERS:
        NUMBERS[key] = len(MESSAGES)
        MESSAGES.append(Message(sender, epoch, body))
    return NUMBERS[key]


@functools.cache
def find_members_of(number: int) -> dict[PublicKey, int]:
    """Find the members of a numbered view."""
    return find_members(VIEWS[number])


@functools.cache
def derive_digest_of(number: int) -> bytes:
    """Derive the digest of a numbered view."""
    return group_control.derive_digest(VIEWS[number])


# What a client sends


def send(
    sender: PublicKey, view: View, receivers: Iterable[PublicKey], body: SnapshotMessage | Add | Leave | Notice
) -> Sent:
    """Send one body to each, but to the sender."""
    number = number_message(sender, view.epoch, body)
    return frozenset((receiver, number) for receiver in receivers if receiver != sender)


def welcome(sender: PublicKey, view: View, newcomer: PublicKey) -> Sent:
    """Send a newcomer the snapshot, all adds, and the leaves that are known."""
    leaves = [
        Leave(added=leave.added, last_index=0, account=leave.account)
        for leave in find_leaves(view)
        if leave.account != newcomer
    ]
    adds = [Add(accounts=find_adds(view))] if find_adds(view) else []
    bodies = [SnapshotMessage(signed=view.signed, adds_you=True), *adds, *leaves]
    return frozenset[tuple[PublicKey, int]]().union(*(send(sender, view, [newcomer], body) for body in bodies))


def spread_add(sender: PublicKey, view: View, account: PublicKey) -> Sent:
    """Tell all other members of an add, and welcome the newcomer."""
    others = [member for member in find_members(view) if member != account]
    return send(sender, view, others, Add(accounts=(account,))) | welcome(sender, view, account)


def spread_snapshot(sender: PublicKey, signed: SignedSnapshot, members: Iterable[PublicKey]) -> Sent:
    """Send a snapshot to its members."""
    return send(sender, View(signed=signed), members, SnapshotMessage(signed=signed))


# Receiving


def accept(view: View | None, ours: PublicKey, message: Message) -> View | None:
    """Accept a message into a view."""
    if isinstance(message.body, SnapshotMessage):
        return group_control.accept_snapshot(view, ours, message.sender, message.body)
    if view is None:
        return None
    if isinstance(message.body, Add):
        return group_control.accept_add(view, message.sender, message.epoch, message.body.accounts)
    if isinstance(message.body, Leave):
        return group_control.accept_leave(view, ours, message.sender, message.body)
    return view


@functools.cache
def deliver(ours: PublicKey, seat: Seat, number: int) -> Done:
    """Deliver a message: what the actor's view becomes, and what its client then does."""
    COUNTS["deliveries"] += 1
    message = MESSAGES[number]
    old = VIEWS[seat.view] if seat.view >= 0 else None
    try:
        new = accept(old, ours, message)
    except errors.ProtocolViolation as error:
        COUNTS[f"refused: {type(error).__name__}"] += 1
        return Done(seat)
    if new is None:
        COUNTS["for an unknown group"] += 1
        return Done(seat)
    if isinstance(message.body, Notice):
        is_told = message.sender == new.snapshot.administrator and message.epoch > new.epoch
        return Done(seat._replace(is_out=seat.is_out or is_told))
    if number_view(new) == seat.view:
        return Done(seat)
    check_view(new)
    if old is not None:
        check_step(old, new)
    with contextlib.suppress(errors.ProtocolViolation):
        again = accept(new, ours, message)
        assert again is not None and key_of_view(again) == key_of_view(new), (
            f"a duplicate has changed the view: {message} for {NAMES[ours]}: {describe_view(new)}\n{describe_view(again)}"
        )
    return react(ours, seat, old, new)


def react(ours: PublicKey, seat: Seat, old: View | None, new: View) -> Done:
    """Do what chapter 10 wants of a client whose view has changed."""
    is_new_epoch = old is None or new.signed.hash != old.signed.hash
    is_out = seat.is_out and not is_new_epoch
    if is_out or ours not in find_members(new) or new.snapshot.closed:
        return Done(Seat(number_view(new), frozenset(), is_out))
    mine, sent, events = seat.mine, Sent(), frozenset[Event]()
    if is_new_epoch and old is not None:
        new, mine, sent, events = add_again(ours, old, new, mine)
    newcomers = [account for account, epoch in mine if epoch == new.epoch]
    known = set() if is_new_epoch or old is None else set(find_adds(old))
    learned = tuple(account for account in find_adds(new) if account not in known)
    if learned:
        sent |= send(ours, new, newcomers, Add(accounts=learned))
        if ours == ALICE:
            sent |= send(ours, new, learned, SnapshotMessage(signed=new.signed, adds_you=True))
    known_leaves = set() if is_new_epoch or old is None else set(find_leaves(old))
    for leave in find_leaves(new):
        if leave not in known_leaves:
            body = Leave(added=leave.added, last_index=0, account=leave.account)
            sent |= send(ours, new, [account for account in newcomers if account != leave.account], body)
    return Done(Seat(number_view(new), mine), sent, events)


def add_again(
    ours: PublicKey, old: View, new: View, mine: frozenset[tuple[PublicKey, int]]
) -> tuple[View, frozenset[tuple[PublicKey, int]], Sent, frozenset[Event]]:
    """Add again whom the new snapshot does not list and nobody has removed."""
    kept, sent, events = set(), Sent(), set()
    for account, epoch in sorted(mine):
        if is_known(new, account):
            kept |= set() if account in new.snapshot.members else {(account, new.epoch)}
        elif Membership(account, epoch) not in old.leaves and group_control.must_add_again(new, account, epoch):
            try:
                new = group_control.add(new, ours, [account])
            except errors.GroupFull:
                events.add(("full", account, ours, new.epoch))
                continue
            kept.add((account, new.epoch))
            sent |= spread_add(ours, new, account)
            events.add(("add again", account, ours, new.epoch))
    return new, frozenset(kept), sent, frozenset(events)


# What must hold after every step


def check_view(view: View) -> None:
    """Check what holds of one view alone."""
    members, candidates, snapshot = find_members(view), find_candidates(view), view.snapshot
    assert list(members) == [
        *(a for a in snapshot.members if a in members),
        *(a for a in sorted(view.adds) if a in members),
    ]
    assert len(members) <= group_control.MAX_MEMBERS
    kept = list(candidates)[: group_control.MAX_MEMBERS]
    for account, added in candidates.items():
        has_left = Membership(account, added) in {*view.left, *view.reported}
        assert (account in members) == (account in kept and not has_left), "somebody has vanished"
    for removal in snapshot.removed:
        assert candidates.get(removal.account, snapshot.epoch) > removal.last_epoch, "a removed membership is back"


def check_step(old: View, new: View) -> None:
    """Check that epochs only rise, and that who has left is not back, unless the administrator's last word says so."""
    if old.snapshot.administrator_key != new.snapshot.administrator_key:
        return
    assert new.epoch > old.epoch or new.signed.hash == old.signed.hash, "an epoch has changed"
    members = {} if new.snapshot.closed else find_members(new)
    assert all(members.get(leave.account) != leave.added for leave in old.left), "who has left is back"


def check_adds(state: State) -> None:
    """Check that each added account is there by a chain of adds from the snapshot's members, each made in this epoch."""
    for seat in state.seats:
        if seat.view < 0:
            continue
        view = VIEWS[seat.view]
        if view.snapshot.administrator_key != ADMINISTRATOR_KEY.public:
            continue
        made = {
            (by, account) for what, account, by, epoch in state.events if what.startswith("add") and epoch == view.epoch
        }
        reached, size = set(view.snapshot.members), 0
        while size != len(reached):
            size = len(reached)
            reached |= {account for by, account in made if by in reached}
        assert view.adds <= reached, "an account was added by nobody who could"


# Operations


@functools.cache
def operate(ours: PublicKey, seat: Seat, run: str) -> tuple[Done, ...]:
    """All that an actor can do now."""
    if seat.view < 0:
        return tuple(lie_as_stranger(ours, seat)) if run == "lies" else ()
    view = VIEWS[seat.view]
    members = find_members(view)
    if ours != view.snapshot.administrator or view.snapshot.closed:
        must_be_refused(view, ours)
    if ours not in members or view.snapshot.closed:
        with contextlib.suppress(errors.NotPermitted, errors.GroupClosed):
            group_control.add(view, ours, [LIARS_KEY.public])
            raise AssertionError("somebody has added who is no member")
        return ()
    if seat.is_out:
        return ()
    done = [*add_somebody(ours, seat, view), *leave(ours, view)]
    if ours == ALICE:
        done += administer(view, seat, run)
    if ours == CAROL and run == "lies":
        done += lie(seat, view)
    return tuple(done)


def must_be_refused(view: View, ours: PublicKey) -> None:
    """Check that somebody cannot open an epoch."""
    with contextlib.suppress(errors.NotPermitted, errors.GroupClosed):
        group_control.open_epoch(view, ours, ADMINISTRATOR_KEY, Change(name="mine"), bytes, now_ms=NOW_MS)
        raise AssertionError("somebody has opened an epoch who may not")


def add_somebody(ours: PublicKey, seat: Seat, view: View) -> Iterator[Done]:
    """Add each account that can be added."""
    for account in ACTORS:
        if is_known(view, account):
            continue
        try:
            new = group_control.add(view, ours, [account])
        except errors.GroupFull:
            COUNTS["adds refused: group full"] += 1
            continue
        assert account in find_members(new) or view.waiting, f"{NAMES[account]} is not added: {describe_view(view)}"
        mine = seat.mine | {(account, view.epoch)}
        yield Done(
            Seat(number_view(new), mine),
            spread_add(ours, new, account),
            frozenset({("add", account, ours, view.epoch)}),
        )


def leave(ours: PublicKey, view: View) -> Iterator[Done]:
    """Leave."""
    if ours != view.snapshot.administrator:
        added = find_members(view)[ours]
        body = Leave(added=added, last_index=0)
        new = group_control.accept_leave(view, ours, ours, body)
        assert ours not in find_members(new), "a leave has ended nothing"
        yield Done(
            Seat(number_view(new)),
            send(ours, view, find_members(view), body),
            frozenset({("leave", ours, ours, added)}),
        )


def administer(view: View, seat: Seat, run: str) -> Iterator[Done]:
    """Kick each, rename, open an epoch after a leave or over the bound, close."""
    for kicked in find_members(view):
        if kicked != ALICE:
            yield open_epoch(view, seat, Change(kicked={kicked: 0}))
    yield open_epoch(view, seat, Change(name=f"epoch {view.epoch + 1}"))
    if is_epoch_due(view):
        yield open_epoch(view, seat, Change())
    yield open_epoch(view, seat, Change(closes=True))
    if run == "conflict":
        yield contradict(view, seat)


def is_epoch_due(view: View) -> bool:
    """Tell whether somebody has left or is over the bound."""
    return len(find_members(view)) < len(find_candidates(view)) and not view.snapshot.closed


def open_epoch(view: View, seat: Seat, change: Change) -> Done:
    """Open an epoch, and tell its members and the kicked."""
    signed = group_control.open_epoch(view, ALICE, ADMINISTRATOR_KEY, change, bytes, now_ms=NOW_MS)
    members = signed.snapshot.members
    before, gone = find_candidates(view), {removal.account for removal in signed.snapshot.removed}
    assert {a for a in before if a not in members} <= gone, "somebody has vanished without being named"
    assert members.items() <= find_members(view).items(), "an epoch has begun with somebody new"
    new = group_control.accept_snapshot(view, ALICE, ALICE, SnapshotMessage(signed=signed))
    check_view(new)
    new, mine, sent, events = add_again(ALICE, view, new, seat.mine)
    assert not sent, "the administrator adds again what it knew"
    events |= {
        (removal.how, removal.account, ALICE, removal.last_epoch)
        for removal in signed.snapshot.removed
        if removal.account in before
    }
    if change.closes:
        events |= {("closed", ALICE, ALICE, new.epoch)}
    sent = spread_snapshot(ALICE, signed, members) | send(ALICE, new, change.kicked, Notice())
    return Done(Seat(number_view(new), mine), sent, events)


# Lies


def lie_as_stranger(ours: PublicKey, seat: Seat) -> Iterator[Done]:
    """Add a friend to a group of which one knows only the id, now or in the next epoch."""
    friend = DAVE if ours == ERIN else ERIN
    for epoch in range(2):
        number = number_message(ours, epoch, Add(accounts=(friend,)))
        events = frozenset({("added by a liar", friend, ours, epoch)})
        yield Done(seat, frozenset((member, number) for member in (ALICE, BOB, CAROL)), events)


def lie(seat: Seat, view: View) -> Iterator[Done]:
    """Say that others have left; pass on old snapshots; add somebody to a group with another key."""
    everybody = [account for account in ACTORS if account != CAROL]
    for account in (ALICE, BOB, DAVE):
        for added in {0, find_candidates(view).get(account, view.epoch)}:
            yield Done(seat, send(CAROL, view, everybody, Leave(added=added, last_index=None, account=account)))
    for signed in {held.signed.hash: held.signed for held in (VIEWS[0], view)}.values():
        for adds_you in (False, True):
            old = SnapshotMessage(signed=signed, adds_you=adds_you)
            events = {("added by a liar", account, CAROL, signed.snapshot.epoch) for account in everybody}
            yield Done(seat, send(CAROL, View(signed=signed), everybody, old), frozenset(events if adds_you else ()))
    roster = dict.fromkeys(sorted({ALICE, BOB, CAROL}), 0)
    false = replace(view.snapshot, epoch=5, administrator_key=LIARS_KEY.public, members=roster, removed=())
    signed = group_control.sign_snapshot(false, LIARS_KEY, bytes)
    sent = send(CAROL, view, everybody, SnapshotMessage(signed=signed, adds_you=True))
    yield Done(seat, sent, frozenset({("added by a liar", account, CAROL, 5) for account in everybody}))
    forged = replace(view.snapshot, epoch=view.epoch + 1, members={ALICE: 0, CAROL: 0})
    signed = group_control.sign_snapshot(forged, LIARS_KEY, bytes)
    yield Done(seat, send(CAROL, view, everybody, SnapshotMessage(signed=signed)))


def contradict(view: View, seat: Seat) -> Done:
    """Open one epoch twice: without Bob for Carol and the others, without Carol for Bob."""
    members = find_members(view)
    first, second = (
        group_control.open_epoch(
            view,
            ALICE,
            ADMINISTRATOR_KEY,
            Change(kicked=dict.fromkeys(members.keys() & {account}, 0)),
            bytes,
            now_ms=NOW_MS,
        )
        for account in (BOB, CAROL)
    )
    new = group_control.accept_snapshot(view, ALICE, ALICE, SnapshotMessage(signed=first))
    sent = spread_snapshot(ALICE, first, [a for a in members if a != BOB]) | spread_snapshot(ALICE, second, [BOB])
    events = {("kicked", account, ALICE, view.epoch) for account in (BOB, CAROL)}
    return Done(Seat(number_view(new)), sent, frozenset({*events, ("contradiction", ALICE, ALICE, new.epoch)}))


# All orders


def put(state: State, ours: PublicKey, rest: frozenset[int], done: Done) -> State:
    """Put what a step has led to into the state."""
    place = PLACES[ours]
    seats, inboxes = list(state.seats), list(state.inboxes)
    seats[place], inboxes[place] = done.seat, rest
    for receiver, number in done.sent:
        inboxes[PLACES[receiver]] |= {number}
    return State(tuple(seats), tuple(inboxes), state.events | done.events)


@functools.cache
def receive(ours: PublicKey, seat: Seat, inbox: frozenset[int]) -> frozenset[tuple[Done, frozenset[int]]]:
    """Receive any part of an inbox in any order: what each leads to, and what is left."""
    reached = {(Done(seat), inbox)}
    COUNTS["delivery orders of a part"] += sum(math.perm(len(inbox), size) for size in range(len(inbox) + 1))
    front = reached
    while front:
        front = {
            (join(done, deliver(ours, done.seat, number)), rest - {number}) for done, rest in front for number in rest
        } - reached
        reached = reached | front
    return frozenset(reached)


def join(first: Done, second: Done) -> Done:
    """Join two steps of one actor."""
    if not second.sent and not second.events:
        return Done(second.seat, first.sent, first.events)
    return Done(second.seat, first.sent | second.sent, first.events | second.events)


@functools.cache
def receive_all(ours: PublicKey, seat: Seat, inbox: frozenset[int]) -> frozenset[Done]:
    """Receive an inbox in all orders."""
    COUNTS["inboxes"] += 1
    COUNTS["delivery orders"] += math.factorial(len(inbox))
    COUNTS["largest inbox"] = max(COUNTS["largest inbox"], len(inbox))
    front = {Done(seat): {inbox}}
    for _ in inbox:
        following: dict[Done, set[frozenset[int]]] = {}
        for done, rests in front.items():
            for rest in rests:
                for number in rest:
                    after = join(done, deliver(ours, done.seat, number))
                    following.setdefault(after, set()).add(rest - {number})
        front = following
    return frozenset(front)


def begin() -> State:
    """Create a group; everybody has its first snapshot."""
    created = group_control.create_group(ALICE, [BOB, CAROL], "epoch 0", None, bytes, now_ms=NOW_MS)
    message = SnapshotMessage(signed=created.signed)
    others = (group_control.accept_snapshot(None, ours, ALICE, message) for ours in (BOB, CAROL))
    views = (View(signed=message.signed, is_confirmed=True), *others)
    return State((*(Seat(number_view(view)) for view in views), Seat(), Seat()), (frozenset(),) * 5, frozenset())


def explore_orders(operations: int, run: str) -> set[State]:
    """Explore all sequences of operations, each on any view that its actor can have by then; return where they end."""
    ends, front = set(), {begin(): 1}
    for operation in range(operations):
        following: Counter[State] = Counter()
        for state, ways in front.items():
            for place, ours in enumerate(ACTORS):
                for received, rest in receive(ours, state.seats[place], state.inboxes[place]):
                    for done in operate(ours, received.seat, run):
                        following[put(state, ours, rest, join(received, done))] += ways
        COUNTS["sequences of operations and what came before each"] += following.total()
        COUNTS["states before the rest is delivered"] += len(following)
        front = following
        ends |= drain_each(front, directions=2 if operation < 3 else 1)
    return ends


def drain_each(states: Iterable[State], directions: int) -> set[State]:
    """Deliver the rest everywhere, in all orders."""
    ends: set[State] = set()
    for order in (ACTORS, ACTORS[::-1])[:directions]:
        seen, front = set(states), set(states)
        while front:
            for ours in order:
                front = {after for state in front for after in drain_one(state, ours)}
            ends |= {state for state in front if not any(state.inboxes)}
            front = {state for state in front if any(state.inboxes)} - seen
            seen |= front
    return ends


def drain_one(state: State, ours: PublicKey) -> Iterator[State]:
    """Deliver to one actor all that waits for it, in all orders."""
    place = PLACES[ours]
    if not state.inboxes[place]:
        yield state
        return
    for done in receive_all(ours, state.seats[place], state.inboxes[place]):
        yield put(state, ours, frozenset(), done)


def explore_interleavings(operations: int, run: str) -> set[State]:
    """Explore every interleaving of operations and deliveries; return where they end."""
    first = (begin(), operations)
    seen, stack, ends = {first}, [first], set()
    while stack:
        state, left = stack.pop()
        if not any(state.inboxes):
            ends.add(state)
        for place, ours in enumerate(ACTORS):
            seat, inbox = state.seats[place], state.inboxes[place]
            steps = [(put(state, ours, inbox - {number}, deliver(ours, seat, number)), left) for number in inbox]
            if left:
                steps += [(put(state, ours, inbox, done), left - 1) for done in operate(ours, seat, run)]
            for step in steps:
                COUNTS["steps"] += 1
                if step not in seen:
                    seen.add(step)
                    stack.append(step)
    COUNTS["states"] += len(seen)
    return ends


# The end


@functools.cache
def finish(state: State, run: str) -> State:
    """Do all duties that are left: an epoch after a leave, snapshots to who is behind, exchanges of adds."""
    if run == "lies":
        state = rename(state)
    for _ in range(MAX_ROUNDS):
        before = state
        state = deliver_everything(state)
        view = VIEWS[state.seats[0].view]
        if is_epoch_due(view):
            state = put(state, ALICE, frozenset(), open_epoch(view, state.seats[0], Change()))
            continue
        asked, rested = exchange(state), state.seats
        state = deliver_everything(asked)
        COUNTS["ends: repaired by snapshots and adds that were exchanged"] += state.seats != rested
        if state == before:
            return state
    raise AssertionError("it does not come to rest")


def rename(state: State) -> State:
    """Let the administrator open one more epoch: until then a lie may hold."""
    view = VIEWS[state.seats[0].view]
    if view.snapshot.closed:
        return state
    return put(state, ALICE, state.inboxes[0], open_epoch(view, state.seats[0], Change(name="true again")))


def deliver_everything(state: State) -> State:
    """Deliver until nothing is left, in some order."""
    while any(state.inboxes):
        place, inbox = next((place, inbox) for place, inbox in enumerate(state.inboxes) if inbox)
        number = min(inbox)
        state = put(state, ACTORS[place], inbox - {number}, deliver(ACTORS[place], state.seats[place], number))
    return state


def exchange(state: State) -> State:
    """Let each member that sees another with another digest send it what that lacks."""
    seats = {ours: seat for ours, seat in zip(ACTORS, state.seats, strict=True) if seat.view >= 0}
    for (ours, seat), (theirs, other) in itertools.permutations(seats.items(), 2):
        members = find_members_of(seat.view)
        if ours not in members or theirs not in members or seat.is_out or seat.view == other.view:
            continue
        view, behind = VIEWS[seat.view], VIEWS[other.view]
        sent = Sent()
        if view.epoch > behind.epoch or view.snapshot.administrator_key != behind.snapshot.administrator_key:
            sent = send(ours, view, [theirs], SnapshotMessage(signed=view.signed))
        elif derive_digest_of(seat.view) != derive_digest_of(other.view) and find_adds(view):
            sent = send(ours, view, [theirs], Add(accounts=find_adds(view)))
        place = PLACES[ours]
        state = put(state, ours, state.inboxes[place], Done(seat, sent))
    return state


def check_end(state: State) -> None:
    """Check what holds when all is delivered."""
    administrator = state.seats[0].view
    view, members = VIEWS[administrator], find_members_of(administrator)
    for ours in members:
        seat = state.seats[PLACES[ours]]
        if seat.view < 0 and any(what == "added by a liar" and account == ours for what, account, *_ in state.events):
            continue
        assert seat.view >= 0, f"{NAMES[ours]} does not know of its group"
        theirs = VIEWS[seat.view]
        assert theirs.epoch == view.epoch, f"{NAMES[ours]} is in epoch {theirs.epoch}, not {view.epoch}"
        assert find_members_of(seat.view) == members, f"{NAMES[ours]} sees other members"
        assert derive_digest_of(seat.view) == derive_digest_of(administrator), f"{NAMES[ours]} has another digest"
        assert not seat.is_out, f"{NAMES[ours]} believes that it is out"
    check_membership(state, members)


def check_membership(state: State, members: dict[PublicKey, int]) -> None:
    """Check that who is a member was added and has not gone, and that who is none has gone or could not be added again."""
    events = state.events
    if any(what == "closed" for what, *_ in events):
        COUNTS["ends: closed"] += 1
        return
    leavers = {account for what, account, *_ in events if what == "leave"}
    assert {account for what, account, *_ in events if what == "left"} <= leavers, "somebody has left who did not"
    gone = leavers | {account for what, account, *_ in events if what in {"kicked", "over the bound"}}
    for account, added in members.items():
        was_added = any(what.startswith("add") and (of, epoch) == (account, added) for what, of, _, epoch in events)
        assert (added == 0 and account in {ALICE, BOB, CAROL}) or was_added, f"nobody has added {NAMES[account]}"
        assert ("leave", account, account, added) not in events, f"{NAMES[account]} has left, and is there"
        kicks = [last for what, of, _, last in events if (what, of) == ("kicked", account)]
        assert all(last < added for last in kicks), f"{NAMES[account]} was kicked, and is there"
    added_by = [(account, by) for what, account, by, _ in events if what == "add"]
    missing = {ALICE, BOB, CAROL, *(account for account, _ in added_by)} - members.keys() - gone
    excused = {account for what, account, *_ in events if what == "full"}
    excused |= {account for what, account, *_ in events if what == "added by a liar"} - {ALICE, BOB, CAROL}
    for _ in ACTORS:
        by = {account: {adder for of, adder in added_by if of == account} for account in missing}
        excused |= {account for account in missing if by[account] and by[account] <= gone | excused}
    assert missing <= excused, f"{[NAMES[account] for account in missing - excused]} have vanished"
    COUNTS["ends: somebody lost with who added it, or for want of room"] += bool(missing)
    for what, account, _, _ in events:
        if what == "add again" and account in members and ("leave", account, account, members[account] - 1) in events:
            COUNTS["ends: added again after a leave that came late"] += 1


def check_conflict(state: State) -> None:
    """Check that members with different snapshots of one epoch have different digests."""
    views = [VIEWS[seat.view] for seat in state.seats if seat.view >= 0]
    for first, second in itertools.combinations(views, 2):
        is_same = first.signed.hash == second.signed.hash
        assert is_same or group_control.derive_digest(first) != group_control.derive_digest(second), "nobody can see it"
        COUNTS["ends: two snapshots of one epoch"] += not is_same and first.epoch == second.epoch


def explore(run: str, operations: int, members: int) -> dict[str, int]:
    """Explore one run, and count."""
    group_control.MAX_MEMBERS = members
    ends = explore_interleavings(operations, "") if run == "interleavings" else explore_orders(operations, run)
    COUNTS["ends"] = len(ends)
    for end in ends:
        if run != "conflict":
            check_adds(end)
        finished = finish(end, run)
        try:
            if run == "conflict" and any(what == "contradiction" for what, *_ in finished.events):
                check_conflict(finished)
            else:
                check_end(finished)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{describe(end)}\nand finally\n{describe(finished)}") from None
    assert all(VIEWS[NUMBERS[key_of_view(view)]] is view for view in VIEWS), "a view has changed, refused or not"
    COUNTS["views"] = len(VIEWS)
    COUNTS["views with something that waits"] = sum(bool(view.waiting) for view in VIEWS)
    COUNTS["views over the bound"] = sum(len(find_candidates(view)) > group_control.MAX_MEMBERS for view in VIEWS)
    COUNTS["messages"] = len(MESSAGES)
    return dict(sorted(COUNTS.items()))


def main() -> None:
    """Explore what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", choices=["orders", "interleavings", "lies", "conflict"], default="orders")
    parser.add_argument("--operations", type=int, default=4)
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    replace_cryptography()
    began = time.perf_counter()
    counts = explore(arguments.run, arguments.operations, arguments.members)
    for what, count in counts.items():
        print(f"{count:>12,}  {what}")
    print(f"{time.perf_counter() - began:>12,.1f}  seconds")
    if arguments.json:
        arguments.json.write_text(json.dumps(counts))


if __name__ == "__main__":
    sys.exit(main())
