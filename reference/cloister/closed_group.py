"""Chapter 10, first part: what one member of a closed group sends, reads and does when its view changes.

- A group is a value: every function returns the new one with its effects, and a refusal leaves the old one as it was.
- An effect is something to send, or something to tell the user; nothing is sent or told before the new group is saved.
- What is sent to one account goes into a pairwise session by `client`, and so does the account that something comes from.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from cloister import envelope, errors, group_control, identity, sender_keys, wire
from cloister._proto import closed_groups_pb2
from cloister.envelope import Envelope
from cloister.group_control import (
    Add,
    Ask,
    Body,
    Change,
    Control,
    GroupId,
    How,
    Key,
    Leave,
    Membership,
    Notice,
    SnapshotMessage,
    View,
    find_adds,
    find_leaves,
    find_members,
)
from cloister.identity import KeyPair, PublicKey
from cloister.saved_form import Ascending, Pairs
from cloister.sender_keys import Record, SenderKey

MAX_TEXT_BYTES = 60_000
MAX_ROOM_ADDRESS_CHARACTERS = 2048
MAX_MISSING_INDICES = 2000
MAX_WAITING_FRAMES = 1000
MAX_WAITING_FRAMES_OF_ONE = 50
PAST_MS = 1_209_600_000
REPAIR_AFTER_MS = 60_000
REPORT_AFTER_MS = 120_000
QUIET_MS = 604_800_000
REPAIR_PERIOD_MS = 3_600_000
REPAIRERS = 3

Status = Literal["member", "out", "closed"]
FanOut = Literal["server", "client"]
Repair = Literal["view asked", "key asked", "snapshot", "key", "exchange", "notice", "leave"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room of an open-group server: its URL, and the server's key, 32 bytes."""

    address: str
    server_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupContent:
    """What a member says in a group; one of `text` and `room` is None."""

    group_id: GroupId
    epoch: int
    sender: PublicKey
    index: int
    timestamp_ms: int
    digest: bytes
    text: str | None = None
    room: Room | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message of ours whose store is not acknowledged yet."""

    timestamp_ms: int
    text: str | None
    room: Room | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The address of an epoch; `past_since_ms` is when the next was taken up."""

    epoch: int
    pair: KeyPair
    past_since_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What was read of a membership from its first index on: the index after the highest, and those below it that are missing.

    `end_index` is the last that is still read of a membership that is over.
    """

    first_index: int = 0
    next_index: int = 0
    end_index: int | None = None
    missing: Ascending[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingKey:
    """A key that cannot be judged yet."""

    sender: PublicKey
    epoch: int
    key: Key


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFrame:
    """A frame, or an encoded group content that came pairwise, that cannot be read yet."""

    source: PublicKey
    epoch: int
    frame: bytes
    is_pairwise: bool
    since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A member was seen to be in a higher epoch."""

    epoch: int
    account: PublicKey
    since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MyAdd:
    """An add of ours, until a snapshot has taken it up or refused it."""

    epoch: int
    added_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A member was seen to have another view of the epoch, by its digest; `sent_ms` is when it said so first in a message."""

    digest: bytes
    since_ms: int
    sent_ms: int | None = None
    is_exchanged: bool = False
    is_reported: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All that a client holds of one group; `added` is the epoch of its own membership.

    `noticed` is the highest epoch of a notice of the administrator, `heard_ms` when something of the view's epoch last came.
    """

    ours: PublicKey
    view: View
    status: Status
    added: int
    avatar: bytes | None = field(default=None, repr=False)
    administrator_key: KeyPair | None = None
    sender_key: SenderKey | None = None
    given: Ascending[PublicKey] = frozenset()
    next_index: int = 0
    outgoing: Mapping[int, Draft] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    records: Mapping[PublicKey, Record] = field(default_factory=dict)
    counts: Pairs[Membership, Count] = field(default_factory=dict)
    waiting_keys: tuple[WaitingKey, ...] = ()
    waiting_frames: tuple[WaitingFrame, ...] = ()
    my_adds: Mapping[PublicKey, MyAdd] = field(default_factory=dict)
    noticed: int = 0
    heard_ms: int = 0
    behind: Behind | None = None
    differences: Mapping[PublicKey, Difference] = field(default_factory=dict)
    repaired: Pairs[tuple[Repair, PublicKey], int] = field(default_factory=dict)

    @property
    def group_id(self) -> GroupId:
        """The id of the group."""
        return self.view.snapshot.group_id

    @property
    def is_administrator(self) -> bool:
        """Whether we are the administrator."""
        return self.ours == self.view.snapshot.administrator


# Effects


@dataclass(frozen=True, slots=True, kw_only=True)
class ToMember:
    """A control message, or a group content, for one account."""

    account: PublicKey
    content: Control | GroupContent


@dataclass(frozen=True, slots=True, kw_only=True)
class ToGroup:
    """A message to be stored under the address of an epoch: the address, the sealed envelope, and our index in it."""

    address: PublicKey
    sealed: bytes
    index: int
    key_id: int


EventKind = Literal[
    "joined",
    "confirmed",
    "member added",
    "member left",
    "member kicked",
    "member over the bound",
    "member absent",
    "renamed",
    "avatar changed",
    "message",
    "room offered",
    "indices missing",
    "not sent",
    "add refused",
    "diverged",
    "notice",
    "conversion recommended",
    "out",
    "closed",
]
GONE: dict[How, EventKind] = {
    "left": "member left",
    "kicked": "member kicked",
    "over the bound": "member over the bound",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that the user is told of a group; only the members that its kind needs are there."""

    kind: EventKind
    group_id: GroupId
    account: PublicKey | None = None
    index: int | None = None
    last_index: int | None = None
    timestamp_ms: int | None = None
    text: str | None = None
    room: Room | None = None


Effect = ToMember | ToGroup | Event


class Step(NamedTuple):
    """A group as it is after something has happened, and what that leads to, in order."""

    group: Group
    effects: tuple[Effect, ...] = ()

    def then(self, next_step: "Step") -> "Step":
        """Let a further step follow, which was made from this one's group."""
        return Step(next_step.group, self.effects + next_step.effects)


# Group contents


def encode_content(content: GroupContent) -> bytes:
    """Encode a group content.

    Clauses: CG-8, NE-15
    """
    room = content.room
    return wire.encode_protobuf(
        closed_groups_pb2.GroupContent(
            group_id=content.group_id,
            epoch=content.epoch,
            sender=content.sender,
            index=content.index,
            timestamp_ms=content.timestamp_ms,
            digest=content.digest,
            text=content.text,
            room=closed_groups_pb2.Room(address=room.address, server_key=room.server_key) if room else None,
        )
    )


def decode_content(encoded: bytes) -> GroupContent:
    """Decode an unverified group content.

    Raises:
        InvalidMessage: it is not well-formed.
        InvalidKey: the sender is no acceptable account.
        OutOfRange: a number is outside its limits.
        TooLarge: the text or the room's address is too long.
    Clauses: CG-6, CG-23
    """
    fields = wire.decode_protobuf(closed_groups_pb2.GroupContent, encoded, optional=("text", "room"))
    wire.check_size(fields.group_id, group_control.GROUP_ID_BYTES, what="group_id")
    wire.check_size(fields.digest, group_control.HASH_BYTES, what="digest")
    group_control.check_epoch(fields.epoch)
    group_control.check_index(fields.index)
    wire.check_timestamp(fields.timestamp_ms)
    if fields.HasField("text") == fields.HasField("room"):
        raise errors.InvalidMessage(reason="it has not either a text or a room")
    if fields.HasField("text"):
        check_text(fields.text)
    return GroupContent(
        group_id=GroupId(fields.group_id),
        epoch=fields.epoch,
        sender=identity.decode_public_key(fields.sender),
        index=fields.index,
        timestamp_ms=fields.timestamp_ms,
        digest=fields.digest,
        text=fields.text if fields.HasField("text") else None,
        room=decode_room(fields.room) if fields.HasField("room") else None,
    )


def check_text(text: str) -> None:
    """Check a text of a message.

    Raises:
        InvalidMessage: it is not UTF-8.
        TooLarge: it is longer than `MAX_TEXT_BYTES`.
    Clauses: CG-6
    """
    group_control.check_text(text, what="text")
    size = len(text.encode())
    if size > MAX_TEXT_BYTES:
        raise errors.TooLarge(what="text", limit=MAX_TEXT_BYTES, got=size)


def decode_room(fields: closed_groups_pb2.Room) -> Room:
    """Decode a room.

    Raises:
        InvalidMessage: its address is not UTF-8, or its key has another size.
        TooLarge: its address is longer than `MAX_ROOM_ADDRESS_CHARACTERS`.
    """
    group_control.check_text(fields.address, what="address")
    room = Room(address=fields.address, server_key=fields.server_key)
    check_room(room)
    return room


def check_room(room: Room) -> None:
    """Check a room.

    Raises:
        InvalidMessage: its key has another size.
        TooLarge: its address is longer than `MAX_ROOM_ADDRESS_CHARACTERS`.
    Clauses: CG-56
    """
    wire.check_size(room.server_key, 32, what="server_key")
    if len(room.address) > MAX_ROOM_ADDRESS_CHARACTERS:
        raise errors.TooLarge(what="address", limit=MAX_ROOM_ADDRESS_CHARACTERS, got=len(room.address))


# Beginning


def create(
    ours: PublicKey, others: Iterable[PublicKey], name: str, avatar: bytes | None, random: wire.Random, *, now_ms: int
) -> Step:
    """Create a group.

    Raises:
        OutOfRange, InvalidName, InvalidAvatar: as `group_control.create_group`.
    Clauses: CG-22, CG-39
    """
    created = group_control.create_group(ours, set(others), name, avatar, random, now_ms=now_ms)
    view = View(signed=created.signed, is_confirmed=True)
    group = Group(
        ours=ours, view=view, status="out", added=0, avatar=avatar, administrator_key=created.administrator_key
    )
    snapshot = SnapshotMessage(signed=created.signed, avatar=avatar)
    return Step(group, to_others(group, snapshot)).then(take_up_view(group, view, random, now_ms=now_ms))


def join(ours: PublicKey, sender: PublicKey, message: SnapshotMessage, random: wire.Random, *, now_ms: int) -> Step:
    """Take up the unverified snapshot of an unknown group.

    Raises:
        NotPermitted, InvalidSignature: as `group_control.accept_snapshot`.
    Clauses: CG-22
    """
    view = group_control.accept_snapshot(None, ours, sender, message)
    group = Group(ours=ours, view=view, status="out", added=0, avatar=message.avatar)
    return take_up_view(group, view, random, now_ms=now_ms)


def find_present(group: Group) -> dict[PublicKey, int]:
    """Find the members of the view, if we are one, each with the epoch in which it was added."""
    return find_members(group.view) if group.status == "member" else {}


def find_others(group: Group) -> list[PublicKey]:
    """Find the present members but ourselves."""
    return [account for account in find_members(group.view) if account != group.ours]


def to_member(view: View, account: PublicKey, body: Body) -> ToMember:
    """Say something to one account, under a view."""
    control = Control(group_id=view.snapshot.group_id, epoch=view.epoch, body=body)
    return ToMember(account=account, content=control)


def to_others(group: Group, body: Body) -> tuple[ToMember, ...]:
    """Say the same to all other members."""
    return tuple(to_member(group.view, account, body) for account in find_others(group))


# Taking up a view


def take_up_view(group: Group, view: View, random: wire.Random, *, now_ms: int) -> Step:
    """Take up a view of the group, and do what follows from what has changed.

    Clauses: CG-15, CG-35, CG-41, CG-55, GC-26
    """
    old, group = group, replace(group, view=view)
    before, after = find_present(old), find_members(view)
    if group.ours not in after or view.epoch < group.noticed:
        return go_out(group) if group.status == "member" else Step(group)
    if view.snapshot.closed and group.status != "member":
        return Step(group)

    step = Step(note_epoch(group, now_ms), tell_changes(old, view, before, after))
    if view.snapshot.closed:
        refused = [account for account in group.my_adds if account not in after]
        step = step.then(Step(step.group, tuple(tell_refused(group, account) for account in refused)))
        return step.then(close(step.group, now_ms))
    if group.status != "member" or group.added != after[group.ours]:
        step = step.then(begin_membership(step.group, after[group.ours], random))
    elif before.items() - after.items():
        step = step.then(renew(step.group, random))
    elif view.epoch != old.view.epoch:
        step = Step(let_give_again(step.group), step.effects)
    step = step.then(give(step.group))
    step = step.then(encrypt_outgoing_again(step.group, old, random))
    step = step.then(do_duties(step.group, old, random, now_ms=now_ms))
    return step.then(judge_waiting(step.group, now_ms=now_ms))


def tell_changes(
    group: Group, view: View, before: Mapping[PublicKey, int], after: Mapping[PublicKey, int]
) -> tuple[Event, ...]:
    """Tell what another view changes for a member.

    Clauses: CG-48, CG-49
    """
    group_id = view.snapshot.group_id
    events: list[Event] = []
    if group.status == "member":
        gone = [account for account, added in before.items() if after.get(account) != added and account != group.ours]
        events += [Event(kind=find_end(view, account), group_id=group_id, account=account) for account in gone]
        came = [account for account, added in after.items() if before.get(account) != added and account != group.ours]
        events += [Event(kind="member added", group_id=group_id, account=account) for account in came]
        if view.snapshot.name != group.view.snapshot.name:
            events.append(Event(kind="renamed", group_id=group_id, text=view.snapshot.name))
        if view.snapshot.avatar_hash != group.view.snapshot.avatar_hash:
            events.append(Event(kind="avatar changed", group_id=group_id))
    else:
        events.append(Event(kind="joined", group_id=group_id, text=view.snapshot.name))
    if view.is_confirmed and not (group.status == "member" and group.view.is_confirmed):
        events.append(Event(kind="confirmed", group_id=group_id))
    is_full = len(after) >= group_control.MAX_MEMBERS and group.ours == view.snapshot.administrator
    if is_full and len(before) < group_control.MAX_MEMBERS:
        events.append(Event(kind="conversion recommended", group_id=group_id))
    return tuple(events)


def find_end(view: View, account: PublicKey) -> EventKind:
    """Find how an account that was a member has come to be none."""
    added = group_control.find_added(view, account)
    if added is not None:
        return "member left" if Membership(account, added) in view.leaves else "member over the bound"
    removal = next((removal for removal in view.snapshot.removed if removal.account == account), None)
    return GONE[removal.how] if removal else "member absent"


def note_epoch(group: Group, now_ms: int) -> Group:
    """Note the address of another snapshot, and forget what was noted of the epoch before.

    Clauses: CG-34
    """
    snapshot = group.view.snapshot
    latest = group.addresses[0] if group.addresses else None
    if latest and (latest.epoch, latest.pair.private) == (snapshot.epoch, snapshot.address_private):
        return group
    pair = identity.derive_key_pair(snapshot.address_private)
    is_behind = group.behind is not None and group.behind.epoch > snapshot.epoch
    return replace(
        group,
        addresses=(Address(epoch=snapshot.epoch, pair=pair), *end_addresses(group.addresses, now_ms)),
        behind=group.behind if is_behind else None,
        differences={},
        heard_ms=now_ms,
    )


def end_addresses(addresses: tuple[Address, ...], now_ms: int) -> tuple[Address, ...]:
    """Note of the addresses that are not past that they are since now.

    Clauses: CG-34
    """
    return tuple(
        replace(address, past_since_ms=now_ms) if address.past_since_ms is None else address for address in addresses
    )


def let_give_again(group: Group) -> Group:
    """Let the member that follows us be given our sender key again: it carries the digest of our view of the new epoch.

    Clauses: CG-55
    """
    return replace(group, given=group.given.difference(find_followers(group, group.ours)[:1]))


def begin_membership(group: Group, added: int, random: wire.Random) -> Step:
    """Begin a membership of ours, with a new sender key; what is not sent yet is said in it.

    Clauses: CG-9, CG-22
    """
    outgoing = dict(enumerate(group.outgoing.values()))
    return Step(
        replace(
            group,
            status="member",
            added=added,
            sender_key=sender_keys.create_sender_key(random),
            given=frozenset(),
            next_index=len(outgoing),
            outgoing=outgoing,
        )
    )


def renew(group: Group, random: wire.Random) -> Step:
    """Renew our sender key, which nobody has been given yet.

    Clauses: CG-15, CG-16
    """
    assert group.sender_key is not None
    return Step(replace(group, sender_key=sender_keys.renew_sender_key(group.sender_key, random), given=frozenset()))


def give(group: Group) -> Step:
    """Give our sender key, at its current iteration, to each member that does not have it.

    Clauses: CG-13, CG-14
    """
    lacking = [account for account in find_others(group) if account not in group.given]
    if not lacking:
        return Step(group)
    key = make_key(group)
    sent = tuple(to_member(group.view, account, key) for account in lacking)
    return Step(replace(group, given=group.given.union(lacking)), sent)


def make_key(group: Group) -> Key:
    """Make the message that gives our sender key; under a new one what is outgoing comes first.

    Clauses: CG-14, CG-17
    """
    key = group.sender_key
    assert key is not None
    return Key(
        distribution=sender_keys.encode_distribution(key),
        next_index=group.next_index if key.iteration else min(group.outgoing, default=group.next_index),
        added=group.added,
        digest=group_control.derive_digest(group.view),
    )


def encrypt_outgoing_again(group: Group, before: Group, random: wire.Random) -> Step:
    """Encrypt again, under a renewed sender key, what is not acknowledged.

    Clauses: CG-16, CG-17
    """
    step = Step(group)
    if group.sender_key == before.sender_key:
        return step
    for index, draft in group.outgoing.items():
        step = step.then(encrypt_draft(step.group, index, draft, random))
    return step


def go_out(group: Group) -> Step:
    """Forget what a member holds.

    Clauses: CG-40, CG-41
    """
    return Step(forget(group, "out"), (*tell_not_sent(group), Event(kind="out", group_id=group.group_id)))


def tell_not_sent(group: Group) -> tuple[Event, ...]:
    """Tell which messages of ours are given up.

    Clauses: CG-49
    """
    return tuple(
        Event(
            kind="not sent",
            group_id=group.group_id,
            index=index,
            timestamp_ms=draft.timestamp_ms,
            text=draft.text,
            room=draft.room,
        )
        for index, draft in group.outgoing.items()
    )


def close(group: Group, now_ms: int) -> Step:
    """Note that the administrator has closed the group; what is under way is still read.

    Clauses: CG-11, CG-34
    """
    addresses = end_addresses(group.addresses, now_ms)
    closed = replace(forget(group, "closed"), addresses=addresses, records=group.records, counts=group.counts)
    return Step(closed, (*tell_not_sent(group), Event(kind="closed", group_id=group.group_id)))


def forget(group: Group, status: Status) -> Group:
    """Keep of a group only the view, the avatar, the highest notice, and what our leave says."""
    return Group(
        ours=group.ours,
        view=group.view,
        status=status,
        added=group.added,
        avatar=group.avatar,
        next_index=group.next_index,
        noticed=group.noticed,
    )


# Duties


def do_duties(group: Group, old: Group, random: wire.Random, *, now_ms: int) -> Step:
    """Do what a change of the view obliges us to do for others.

    Clauses: CG-36, CG-37, CG-38
    """
    step = pass_on(group, old)
    step = step.then(add_again(step.group, old, random, now_ms=now_ms))
    if not group.is_administrator:
        return step
    step = step.then(confirm_newcomers(step.group, old))
    if group.view.epoch != old.view.epoch:
        return step
    return step.then(open_if_due(step.group, random, now_ms=now_ms))


def open_if_due(group: Group, random: wire.Random, *, now_ms: int) -> Step:
    """Open an epoch, as the administrator, if somebody has left or is over the bound; one, and what that leads to at the next tick.

    Clauses: CG-38
    """
    if not group.is_administrator or len(find_members(group.view)) == len(group_control.find_candidates(group.view)):
        return Step(group)
    return open_epoch(group, Change(), None, random, now_ms=now_ms)


def find_my_newcomers(group: Group) -> list[PublicKey]:
    """Find the members that we added in this epoch."""
    members, epoch = find_members(group.view), group.view.epoch
    return [account for account, mine in group.my_adds.items() if mine.epoch == epoch and account in members]


def pass_on(group: Group, old: Group) -> Step:
    """Pass on, to those whom we added in this epoch, the adds and leaves that we have learnt of since.

    Clauses: CG-36
    """
    if group.view.epoch != old.view.epoch:
        return Step(group)
    adds = tuple(account for account in find_adds(group.view) if account not in {*find_adds(old.view), *group.my_adds})
    leaves = [leave for leave in find_leaves(group.view) if leave not in old.view.leaves]
    bodies = split_adds(adds)
    bodies += [make_leave(group.view, leave) for leave in leaves]
    newcomers = [account for account in find_my_newcomers(group) if account in old.view.adds]
    return Step(group, tuple(to_member(group.view, account, body) for account in newcomers for body in bodies))


def split_adds(accounts: Sequence[PublicKey]) -> list[Body]:
    """Make the messages that add accounts, each with no more than it may hold."""
    most = group_control.MAX_MEMBERS
    return [Add(accounts=tuple(accounts[start : start + most])) for start in range(0, len(accounts), most)]


def make_leave(view: View, membership: Membership) -> Leave:
    """Make the message that passes on a leave."""
    return Leave(added=membership.added, last_index=view.leaves[membership], account=membership.account)


def add_again(group: Group, old: Group, random: wire.Random, *, now_ms: int) -> Step:
    """Add again whom we added in an earlier epoch, who did not leave, and whom the snapshot does not know; tell whose add is refused.

    Clauses: GC-50, CG-49
    """
    earlier = {account: mine for account, mine in group.my_adds.items() if mine.epoch < group.view.epoch}
    step = Step(replace(group, my_adds={a: mine for a, mine in group.my_adds.items() if a not in earlier}))
    for account, mine in earlier.items():
        if Membership(account, mine.epoch) in old.view.leaves:
            continue
        is_young = now_ms - mine.added_ms < group_control.REMOVED_MS
        if is_young and group_control.must_add_again(step.group.view, account, mine.epoch):
            step = step.then(try_to_add(step.group, account, random, now_ms=now_ms))
        elif not group_control.is_known(step.group.view, account):
            step = step.then(refuse_add(step.group, account))
    return step


def try_to_add(group: Group, account: PublicKey, random: wire.Random, *, now_ms: int) -> Step:
    """Add an account again, or tell that it is refused."""
    try:
        return add(group, [account], random, now_ms=now_ms)
    except (errors.GroupFull, errors.NotPermitted):
        return refuse_add(group, account)


def refuse_add(group: Group, account: PublicKey) -> Step:
    """Tell that an add of ours is refused."""
    return Step(group, (tell_refused(group, account),))


def tell_refused(group: Group, account: PublicKey) -> Event:
    """Make the event that tells of an add of ours that is refused."""
    return Event(kind="add refused", group_id=group.group_id, account=account)


def confirm_newcomers(group: Group, old: Group) -> Step:
    """Send the administrator's snapshot to those whom others have added.

    Clauses: CG-37
    """
    newcomers = find_members(group.view).keys() - find_members(old.view).keys() - group.my_adds.keys()
    snapshot = SnapshotMessage(signed=group.view.signed, adds_you=True)
    bodies = (snapshot, *split_adds(find_adds(group.view)))
    added = [account for account in sorted(newcomers) if account in group.view.adds]
    return Step(group, tuple(to_member(group.view, account, body) for account in added for body in bodies))


# Commands


def check_member(group: Group) -> None:
    """Check that we are a member of a group that is not closed.

    Raises:
        GroupClosed: it is closed.
        NotPermitted: we are out.
    Clauses: CG-10, CG-11
    """
    if group.status == "closed":
        raise errors.GroupClosed
    if group.status == "out":
        raise errors.NotPermitted(reason="we are no member of the group")


def add(group: Group, accounts: Iterable[PublicKey], random: wire.Random, *, now_ms: int) -> Step:
    """Add accounts.

    Raises:
        OutOfRange: there are no accounts.
        GroupClosed, NotPermitted: as `check_member`; or an account is a member, or was one in this epoch.
        GroupFull: there would be more than `MAX_MEMBERS` members.
    Clauses: CG-35
    """
    check_member(group)
    added = tuple(sorted(set(accounts)))
    view = group_control.add(group.view, group.ours, added)
    told = to_others(group, Add(accounts=added))
    group = replace(group, my_adds={**group.my_adds, **dict.fromkeys(added, MyAdd(epoch=view.epoch, added_ms=now_ms))})
    welcomed = tuple(effect for account in added for effect in welcome(group, view, account))
    return Step(group, told + welcomed).then(take_up_view(group, view, random, now_ms=now_ms))


def welcome(group: Group, view: View, account: PublicKey) -> tuple[ToMember, ...]:
    """Tell a newcomer what it needs to know.

    Clauses: CG-35
    """
    bodies: list[Body] = [
        SnapshotMessage(signed=view.signed, avatar=group.avatar, adds_you=True),
        *split_adds(find_adds(view)),
        *(make_leave(view, leave) for leave in find_leaves(view)),
    ]
    return tuple(to_member(view, account, body) for body in bodies)


def kick(group: Group, accounts: Collection[PublicKey], random: wire.Random, *, now_ms: int) -> Step:
    """Kick members, by the administrator.

    Raises:
        OutOfRange: there are no accounts.
        GroupClosed, NotPermitted: as `check_member` and `group_control.open_epoch`.
    Clauses: GC-45, GC-48, GC-57
    """
    check_member(group)
    group_control.check_somebody(accounts)
    members = find_members(group.view)
    kicked = {
        account: find_last_index(group, Membership(account, members[account])) if account in members else None
        for account in accounts
    }
    return open_epoch(group, Change(kicked=kicked), None, random, now_ms=now_ms)


def find_last_index(group: Group, membership: Membership) -> int | None:
    """Find the highest index that was read of a membership.

    Clauses: GC-46
    """
    count = group.counts.get(membership, Count())
    indices = range(count.next_index - 1, count.first_index - 1, -1)
    return next((index for index in indices if index not in count.missing), None)


def rename(group: Group, name: str, random: wire.Random, *, now_ms: int) -> Step:
    """Give the group another name, by the administrator.

    Raises:
        GroupClosed, NotPermitted, InvalidName: as `check_member` and `group_control.open_epoch`.
    Clauses: GC-45
    """
    check_member(group)
    return open_epoch(group, Change(name=name), None, random, now_ms=now_ms)


def change_avatar(group: Group, image: bytes, random: wire.Random, *, now_ms: int) -> Step:
    """Give the group another avatar, by the administrator.

    Raises:
        GroupClosed, NotPermitted, InvalidAvatar: as `check_member`, `group_control.open_epoch` and `group_control.check_avatar`.
    Clauses: GC-45
    """
    check_member(group)
    group_control.check_avatar(image)
    return open_epoch(group, Change(avatar_hash=group_control.hash_avatar(image)), image, random, now_ms=now_ms)


def open_epoch(group: Group, change: Change, image: bytes | None, random: wire.Random, *, now_ms: int) -> Step:
    """Open the next epoch, by the administrator; the image travels if it is another.

    Raises:
        GroupClosed, NotPermitted, InvalidName: as `group_control.open_epoch`.
    Clauses: CG-18, CG-39, CG-45
    """
    group_control.check_administrator(group.view, group.ours)
    assert group.administrator_key is not None
    signed = group_control.open_epoch(group.view, group.ours, group.administrator_key, change, random, now_ms=now_ms)
    message = SnapshotMessage(signed=signed, avatar=image)
    view = group_control.accept_snapshot(group.view, group.ours, group.ours, message)
    sent = [to_member(view, account, message) for account in find_members(view) if account != group.ours]
    sent += [to_member(view, account, Notice()) for account in change.kicked]
    group = replace(group, avatar=image or group.avatar)
    return Step(group, tuple(sent)).then(take_up_view(group, view, random, now_ms=now_ms))


def leave(group: Group, random: wire.Random, *, now_ms: int) -> Step:
    """Leave the group; the administrator closes it.

    Raises:
        GroupClosed, NotPermitted: as `check_member`.
    Clauses: CG-40, GC-49
    """
    check_member(group)
    if group.is_administrator:
        return open_epoch(group, Change(closes=True), None, random, now_ms=now_ms)
    message = make_own_leave(group)
    told = to_others(group, message)
    view = group_control.accept_leave(group.view, group.ours, group.ours, message)
    return Step(group, told).then(take_up_view(group, view, random, now_ms=now_ms))


def make_own_leave(group: Group) -> Leave:
    """Make the message that says that we leave, or have left."""
    return Leave(added=group.added, last_index=group.next_index - 1 if group.next_index else None)


# Sending


def send_text(group: Group, text: str, fan_out: FanOut, random: wire.Random, *, now_ms: int) -> Step:
    """Send a text.

    Raises:
        GroupClosed, NotPermitted: as `check_member`.
        TooLarge: the text is longer than `MAX_TEXT_BYTES`.
    Clauses: CG-6, CG-7, CG-9
    """
    check_member(group)
    check_text(text)
    return send(group, Draft(timestamp_ms=now_ms, text=text, room=None), fan_out, random)


def offer_room(group: Group, room: Room, random: wire.Random, *, now_ms: int) -> Step:
    """Tell the members of a room in which the group goes on, by the administrator.

    Raises:
        GroupClosed, NotPermitted: as `check_member`; or we are not the administrator.
        InvalidMessage, TooLarge: as `check_room`.
    Clauses: CG-33
    """
    check_member(group)
    group_control.check_administrator(group.view, group.ours)
    check_room(room)
    return send(group, Draft(timestamp_ms=now_ms, text=None, room=room), "server", random)


def send(group: Group, draft: Draft, fan_out: FanOut, random: wire.Random) -> Step:
    """Send a draft as our next message.

    Clauses: CG-7, CG-9
    """
    index = group.next_index
    group = replace(group, next_index=index + 1)
    if fan_out == "client":
        content = make_content(group, index, draft)
        return Step(group, tuple(ToMember(account=account, content=content) for account in find_others(group)))
    group = replace(group, outgoing={**group.outgoing, index: draft})
    return encrypt_draft(group, index, draft, random)


def make_content(group: Group, index: int, draft: Draft) -> GroupContent:
    """Make the content of a message of ours under the present view.

    Clauses: CG-8
    """
    return GroupContent(
        group_id=group.group_id,
        epoch=group.view.epoch,
        sender=group.ours,
        index=index,
        timestamp_ms=draft.timestamp_ms,
        digest=group_control.derive_digest(group.view),
        text=draft.text,
        room=draft.room,
    )


def encrypt_draft(group: Group, index: int, draft: Draft, random: wire.Random) -> Step:
    """Encrypt a draft once, for all members.

    Clauses: CG-7, CG-12
    """
    assert group.sender_key is not None
    key_id = group.sender_key.key_id
    sender_key, frame = sender_keys.encrypt(group.sender_key, encode_content(make_content(group, index, draft)), random)
    address = group.addresses[0].pair.public
    sealed = envelope.seal_envelope(
        address,
        Envelope(kind="group message", source=group.ours, timestamp_ms=draft.timestamp_ms, content=frame),
        random,
    )
    sent = ToGroup(address=address, sealed=sealed, index=index, key_id=key_id)
    return Step(replace(group, sender_key=sender_key), (sent,))


def note_stored(group: Group, index: int) -> Group:
    """Note that the store of a message of ours is acknowledged."""
    return replace(group, outgoing={other: draft for other, draft in group.outgoing.items() if other != index})


# Receiving control messages


def accept_control(group: Group, sender: PublicKey, control: Control, random: wire.Random, *, now_ms: int) -> Step:
    """Accept a control message of this group from the peer of a pairwise session.

    Raises:
        NotPermitted: we are out, or the sender may not say this.
        GroupClosed: the group is closed.
        PastEpoch, GroupFull, ConflictingSnapshot, InvalidSignature: as in `group_control`.
        TooLarge, InvalidMessage, UnsupportedVersion, InvalidKey, OutOfRange, ConflictingDistribution: of a key.
    Clauses: GC-1, CG-42, CG-43
    """
    body = control.body
    if isinstance(body, SnapshotMessage):
        return accept_snapshot(group, sender, body, random, now_ms=now_ms)
    if isinstance(body, Notice):
        return accept_notice(group, sender, control.epoch)
    if isinstance(body, Leave) and group.status == "out":
        return Step(group)
    check_member(group)
    group = note_ahead(group, sender, control.epoch, now_ms)
    if control.epoch == group.view.epoch:
        group = replace(group, heard_ms=now_ms)
    match body:
        case Add(accounts=accounts):
            view = group_control.accept_add(group.view, sender, control.epoch, accounts)
            return take_up_view(group, view, random, now_ms=now_ms)
        case Leave():
            view = group_control.accept_leave(group.view, group.ours, sender, body)
            return take_up_view(group, view, random, now_ms=now_ms)
        case Key():
            return accept_key(group, WaitingKey(sender=sender, epoch=control.epoch, key=body), now_ms=now_ms)
        case Ask(what=what):
            return answer(group, sender, what, now_ms=now_ms)


def accept_snapshot(
    group: Group, sender: PublicKey, message: SnapshotMessage, random: wire.Random, *, now_ms: int
) -> Step:
    """Accept an unverified snapshot.

    Raises:
        NotPermitted, GroupClosed, InvalidSignature, ConflictingSnapshot, GroupFull: as `group_control.accept_snapshot`.
    Clauses: CG-22
    """
    view = group_control.accept_snapshot(group.view, group.ours, sender, message)
    group = replace(group, avatar=find_avatar(group, view, message))
    step = take_up_view(group, view, random, now_ms=now_ms)
    return step.then(say_that_we_left(step.group, sender, now_ms=now_ms))


def find_avatar(group: Group, view: View, message: SnapshotMessage) -> bytes | None:
    """Find the image of a view: the one that is held, or the one that came."""
    images = (group.avatar, message.avatar)
    return next((image for image in images if group_control.hash_avatar(image) == view.snapshot.avatar_hash), None)


def accept_notice(group: Group, sender: PublicKey, epoch: int) -> Step:
    """Accept a notice; no snapshot of an earlier epoch than the administrator's notice makes us a member.

    Clauses: GC-51
    """
    told = (Event(kind="notice", group_id=group.group_id, account=sender),)
    if not group_control.ends_by_notice(group.view, sender, epoch):
        return Step(group, told)
    noticed = replace(group, noticed=max(epoch, group.noticed))
    step = Step(noticed, told)
    return step.then(go_out(noticed)) if group.status == "member" else step


def note_ahead(group: Group, sender: PublicKey, epoch: int, now_ms: int) -> Group:
    """Note that a member was seen to be in a higher epoch.

    Clauses: CG-42
    """
    known = group.behind.epoch if group.behind else group.view.epoch
    if epoch <= known or sender not in find_members(group.view):
        return group
    since_ms = group.behind.since_ms if group.behind else now_ms
    return replace(group, behind=Behind(epoch=epoch, account=sender, since_ms=since_ms))


def accept_key(group: Group, waiting: WaitingKey, *, now_ms: int) -> Step:
    """Accept a sender key from its owner.

    Raises:
        NotPermitted: the owner is not present, and cannot become known.
        TooLarge, InvalidMessage, UnsupportedVersion, InvalidKey, OutOfRange: as `sender_keys.process_distribution`.
        ConflictingDistribution: as `sender_keys.process_distribution`.
    Clauses: CG-19, CG-20
    """
    sender = waiting.sender
    members = find_members(group.view)
    if sender not in members:
        if group_control.is_known(group.view, sender) or waiting.epoch < group.view.epoch:
            raise errors.NotPermitted(reason="a sender key of an account that is not present")
        sender_keys.decode_distribution(waiting.key.distribution)
        return Step(let_key_wait(group, waiting))
    record = group.records.get(sender, Record())
    record = sender_keys.process_distribution(record, waiting.key.distribution, now_ms=now_ms)
    group = begin_count(replace(group, records={**group.records, sender: record}), sender, waiting.key)
    group = note_digest(group, sender, waiting.epoch, waiting.key.digest, now_ms)
    step = judge_waiting_frames(group, now_ms=now_ms)
    return Step(drop_unreadable(step.group, sender), step.effects)


def begin_count(group: Group, sender: PublicKey, key: Key) -> Group:
    """Begin the count of a membership where a key of it begins, or earlier than where another key has begun it.

    Clauses: CG-52
    """
    membership = Membership(sender, key.added)
    if group_control.find_added(group.view, sender) != key.added:
        return group
    count = group.counts.get(membership, Count(first_index=key.next_index, next_index=key.next_index))
    if key.next_index < count.first_index:
        count = replace(
            count,
            first_index=key.next_index,
            missing=keep_newest(count.missing, range(key.next_index, count.first_index)),
        )
    if group.counts.get(membership) is count:
        return group
    return replace(group, counts={**group.counts, membership: count})


def drop_unreadable(group: Group, source: PublicKey) -> Group:
    """Drop the frames that waited before their source was asked for its key, which has come: they are under keys of before.

    Clauses: CG-31
    """
    asked_ms = group.repaired.get(("key asked", source))
    if asked_ms is None:
        return group
    frames = tuple(w for w in group.waiting_frames if w.source != source or w.since_ms >= asked_ms)
    return replace(group, waiting_frames=frames)


def let_key_wait(group: Group, new: WaitingKey) -> Group:
    """Let a key wait, within the bounds.

    Clauses: CG-20
    """
    return replace(group, waiting_keys=group_control.keep_waiting_bounds((*group.waiting_keys, new)))


def answer(group: Group, sender: PublicKey, what: group_control.What, *, now_ms: int) -> Step:
    """Answer what a present member asks for.

    Raises:
        NotPermitted: the sender is not present.
    Clauses: CG-21, CG-44
    """
    if sender not in find_members(group.view):
        raise errors.NotPermitted(reason="an account that is not present asks")
    if what == "sender key":
        return repair(group, "key", sender, (make_key(group),), now_ms=now_ms)
    return repair(group, "snapshot", sender, make_view(group, sender), now_ms=now_ms)


def make_view(group: Group, account: PublicKey) -> tuple[Body, ...]:
    """Make the messages that tell a member our view."""
    adds = find_adds(group.view)
    snapshot = SnapshotMessage(signed=group.view.signed, avatar=group.avatar, adds_you=account in adds)
    return (snapshot, *split_adds(adds))


# Receiving messages


def find_address(group: Group, public: PublicKey) -> Address | None:
    """Find the address of an epoch by its public key."""
    return next((address for address in group.addresses if address.pair.public == public), None)


def receive_frame(group: Group, source: PublicKey, epoch: int, frame: bytes, *, now_ms: int) -> Step:
    """Receive an unverified frame that came to the address of an epoch.

    Raises:
        CloisterError: as `read_frame`.
    Clauses: CG-23, CG-28, CG-32, CG-57
    """
    if source == group.ours:
        return Step(group)
    waiting = WaitingFrame(source=source, epoch=epoch, frame=frame, is_pairwise=False, since_ms=now_ms)
    return read_frame(group, waiting, now_ms=now_ms)


def read_frame(group: Group, waiting: WaitingFrame, *, now_ms: int) -> Step:
    """Read an unverified frame, or let it wait.

    Raises:
        TooLarge, InvalidMessage, UnsupportedVersion, OutOfRange: as `sender_keys.decrypt` and `decode_content`.
        InvalidSignature, DecryptionFailed, DuplicateMessage: as `sender_keys.decrypt`; or its index was read before.
        InvalidKey: as `decode_content`.
        NotPermitted: it is bound to another group, epoch or sender; or its sender may not say this.
    Clauses: CG-23, CG-28, CG-32
    """
    record = group.records.get(waiting.source, Record())
    try:
        record, plaintext = sender_keys.decrypt(record, waiting.frame, now_ms=now_ms)
    except (errors.UnknownSenderKey, errors.TooFarAhead):
        return Step(let_frame_wait(group, waiting))
    content = decode_content(plaintext)
    if (content.group_id, content.epoch, content.sender) != (group.group_id, waiting.epoch, waiting.source):
        raise errors.NotPermitted(reason="a message that is bound to another group, epoch or sender")
    opened = replace(group, records={**group.records, waiting.source: record})
    return receive_content(opened, content, now_ms=now_ms) or Step(let_frame_wait(group, waiting))


def receive_pairwise_content(group: Group, sender: PublicKey, content: GroupContent, *, now_ms: int) -> Step:
    """Receive an unverified group content from the peer of a pairwise session.

    Raises:
        NotPermitted: we are out; or as `read_frame`.
        DuplicateMessage: as `read_frame`.
    Clauses: CG-23, CG-29
    """
    if group.status == "out":
        raise errors.NotPermitted(reason="we are no member of the group")
    frame = encode_content(content)
    waiting = WaitingFrame(source=sender, epoch=content.epoch, frame=frame, is_pairwise=True, since_ms=now_ms)
    return read_pairwise_content(group, waiting, content, now_ms=now_ms)


def read_pairwise_content(group: Group, waiting: WaitingFrame, content: GroupContent, *, now_ms: int) -> Step:
    """Read a group content that came pairwise, or let it wait.

    Raises:
        NotPermitted, DuplicateMessage: as `read_frame`.
    Clauses: CG-23, CG-29
    """
    if (content.group_id, content.sender) != (group.group_id, waiting.source):
        raise errors.NotPermitted(reason="a message that is bound to another group or sender")
    return receive_content(group, content, now_ms=now_ms) or Step(let_frame_wait(group, waiting))


def let_frame_wait(group: Group, new: WaitingFrame) -> Group:
    """Let a frame wait, within the bounds; over them the oldest is dropped of its owner, or of whoever has most.

    Clauses: CG-28
    """
    if any((other.source, other.frame) == (new.source, new.frame) for other in group.waiting_frames):
        return group
    owners = [find_owner(group, waiting) for waiting in (*group.waiting_frames, new)]
    full = owners[-1] if owners.count(owners[-1]) > MAX_WAITING_FRAMES_OF_ONE else None
    if full is None and len(owners) > MAX_WAITING_FRAMES:
        full = max(owners, key=owners.count)
    waiting = [*group.waiting_frames, new]
    if full is not None:
        del waiting[owners.index(full)]
    return replace(group, waiting_frames=tuple(waiting))


def find_owner(group: Group, waiting: WaitingFrame) -> bytes:
    """Find to whom a frame that waits is counted: its source, which is only claimed, or all that are not known together."""
    return waiting.source if group_control.is_known(group.view, waiting.source) else b""


def receive_content(group: Group, content: GroupContent, *, now_ms: int) -> Step | None:
    """Receive a content whose sender is known; None if it has to wait.

    Raises:
        NotPermitted: its membership has ended, or there is none; or it is a room by somebody else than the administrator.
        DuplicateMessage: its index was read before.
    Clauses: CG-24, CG-25, CG-26, CG-27, CG-29, CG-30, CG-33
    """
    membership, last_index = find_membership(group.view, content.sender, content.epoch)
    if membership is None:
        if content.epoch >= group.view.epoch:
            return None
        raise errors.NotPermitted(reason="a message of an account that was no member in its epoch")
    if content.index > last_index:
        raise errors.NotPermitted(reason="a message of an account that was no member any more")
    if content.room is not None and content.sender != group.view.snapshot.administrator:
        raise errors.NotPermitted(reason="a room by an account that is not the administrator")

    count = group.counts.get(membership, Count())
    if last_index != EVERY_MESSAGE:
        count = end_count(count, last_index)
        if count.end_index is not None and content.index > count.end_index:
            raise errors.NotPermitted(reason="a message far above what was read of a membership that is over")
    counts = {**group.counts, membership: take_index(count, content.index)}
    step = Step(replace(group, counts=counts), (*tell_missing(count, content), make_event(content)))
    group = note_digest(step.group, content.sender, content.epoch, content.digest, now_ms)
    step = step.then(report_difference(group, content))
    return step.then(help_who_is_behind(step.group, content, now_ms=now_ms))


NO_MESSAGE, EVERY_MESSAGE = -1, group_control.MAX_INDEX + 1


def find_membership(view: View, account: PublicKey, epoch: int) -> tuple[Membership | None, int]:
    """Find the membership of an account in an epoch, and the last index of it that counts.

    Clauses: CG-24, CG-25, CG-26, CG-27
    """
    added = group_control.find_added(view, account)
    if added is not None and added <= epoch:
        membership = Membership(account, added)
        if membership in view.leaves:
            return membership, to_bound(view.leaves[membership])
        return membership, EVERY_MESSAGE if account in find_members(view) else NO_MESSAGE
    for removal in view.snapshot.removed:
        if removal.account == account and removal.added <= epoch <= removal.last_epoch:
            return Membership(account, removal.added), to_bound(removal.last_index)
    return None, NO_MESSAGE


def to_bound(last_index: int | None) -> int:
    """Turn a last index that may be absent into a bound."""
    return NO_MESSAGE if last_index is None else last_index


def end_count(count: Count, last_index: int) -> Count:
    """Note the last index that is still read of a membership that is over, when the first message after its end is read.

    Clauses: CG-58
    """
    if count.end_index is not None:
        return count
    return replace(count, end_index=min(last_index, count.next_index + MAX_MISSING_INDICES - 1))


def take_index(count: Count, index: int) -> Count:
    """Take an index as read.

    Raises:
        DuplicateMessage: it was read before, or its place is forgotten.
    Clauses: CG-29, CG-30
    """
    if index in count.missing:
        return replace(count, missing=count.missing - {index})
    if index < count.next_index:
        raise errors.DuplicateMessage(index=index)
    missing = keep_newest(count.missing, range(count.next_index, index))
    return replace(count, next_index=index + 1, missing=missing)


def keep_newest(missing: frozenset[int], passed: range) -> frozenset[int]:
    """Keep, of what is missing and what was passed over, the newest `MAX_MISSING_INDICES`.

    Clauses: CG-30
    """
    return frozenset(sorted(missing.union(passed[-MAX_MISSING_INDICES:]))[-MAX_MISSING_INDICES:])


def tell_missing(count: Count, content: GroupContent) -> tuple[Event, ...]:
    """Tell which indices are missing before a message.

    Clauses: CG-30
    """
    if content.index <= count.next_index:
        return ()
    return (
        Event(
            kind="indices missing",
            group_id=content.group_id,
            account=content.sender,
            index=count.next_index,
            last_index=content.index - 1,
        ),
    )


def make_event(content: GroupContent) -> Event:
    """Make the event that shows a message."""
    return Event(
        kind="message" if content.room is None else "room offered",
        group_id=content.group_id,
        account=content.sender,
        index=content.index,
        timestamp_ms=content.timestamp_ms,
        text=content.text,
        room=content.room,
    )


# Waiting


def judge_waiting(group: Group, *, now_ms: int) -> Step:
    """Judge again the keys and frames that wait; what is refused now is dropped.

    Clauses: CG-20, CG-28
    """
    step = Step(replace(group, waiting_keys=()))
    for waiting in group.waiting_keys:
        try:
            step = step.then(accept_key(step.group, waiting, now_ms=now_ms))
        except errors.ProtocolViolation:
            continue
    return step.then(judge_waiting_frames(step.group, now_ms=now_ms))


def judge_waiting_frames(group: Group, *, now_ms: int) -> Step:
    """Judge again the frames that wait; what is refused now is dropped.

    Clauses: CG-28
    """
    if not group.waiting_frames:
        return Step(group)
    step = Step(replace(group, waiting_frames=()))
    for waiting in group.waiting_frames:
        try:
            step = step.then(receive_waiting(step.group, waiting, now_ms=now_ms))
        except errors.ProtocolViolation:
            continue
    return step


def receive_waiting(group: Group, waiting: WaitingFrame, *, now_ms: int) -> Step:
    """Receive a frame, or a content, that waited."""
    if waiting.is_pairwise:
        return read_pairwise_content(group, waiting, decode_content(waiting.frame), now_ms=now_ms)
    return read_frame(group, waiting, now_ms=now_ms)


# Repairing


def repair(group: Group, kind: Repair, account: PublicKey, bodies: tuple[Body, ...], *, now_ms: int) -> Step:
    """Send a member what it lacks, or ask it, unless that was done a short time ago.

    Clauses: CG-47
    """
    recent = {done: at for done, at in group.repaired.items() if not is_over(at, REPAIR_PERIOD_MS, now_ms)}
    if (kind, account) in recent:
        return Step(group)
    group = replace(group, repaired={**recent, (kind, account): now_ms})
    return Step(group, tuple(to_member(group.view, account, body) for body in bodies))


def is_over(since_ms: int, period_ms: int, now_ms: int) -> bool:
    """Tell whether a period is over; a time ahead of the clock, which was wrong then or is now, counts as long ago.

    Clauses: CG-59
    """
    return not 0 <= now_ms - since_ms < period_ms


def note_digest(group: Group, account: PublicKey, epoch: int, digest: bytes, now_ms: int) -> Group:
    """Note whether a member has another view of the epoch, and since when; and that something of the epoch came.

    Clauses: CG-46, CG-53
    """
    if epoch != group.view.epoch:
        return group
    group = replace(group, heard_ms=now_ms)
    if digest == group_control.derive_digest(group.view):
        return drop_difference(group, account)
    noted = group.differences.get(account, Difference(digest=digest, since_ms=now_ms))
    return replace(group, differences={**group.differences, account: replace(noted, digest=digest)})


def report_difference(group: Group, content: GroupContent) -> Step:
    """Report a sender whose view has differed for long, as of a message of now.

    Clauses: CG-54
    """
    noted = group.differences.get(content.sender)
    if noted is None or content.epoch != group.view.epoch or noted.is_reported:
        return Step(group)
    first_ms = content.timestamp_ms if noted.sent_ms is None else noted.sent_ms
    is_due = content.timestamp_ms >= first_ms + REPORT_AFTER_MS
    noted = replace(noted, sent_ms=first_ms, is_reported=is_due)
    group = replace(group, differences={**group.differences, content.sender: noted})
    told = Event(kind="diverged", group_id=group.group_id, account=content.sender)
    return Step(group, (told,) if is_due else ())


def help_who_is_behind(group: Group, content: GroupContent, *, now_ms: int) -> Step:
    """Send our snapshot to a member that still sends under a past epoch.

    Clauses: CG-43
    """
    past = next((address for address in group.addresses if address.epoch == content.epoch), None)
    if past is None or past.past_since_ms is None or content.timestamp_ms < past.past_since_ms + REPAIR_AFTER_MS:
        return Step(group)
    if content.sender not in find_members(group.view) or not is_repairer(group, content.sender):
        return Step(group)
    return repair(group, "snapshot", content.sender, make_view(group, content.sender), now_ms=now_ms)


def find_followers(group: Group, account: PublicKey) -> list[PublicKey]:
    """Find the other members, in the circle of ascending accounts, from a member on."""
    members = sorted(find_members(group.view))
    place = members.index(account)
    return members[place + 1 :] + members[:place]


def is_repairer(group: Group, account: PublicKey) -> bool:
    """Tell whether we help a member: the administrator does, and the `REPAIRERS` that follow it.

    Clauses: CG-43, CG-46
    """
    return group.is_administrator or group.ours in find_followers(group, account)[:REPAIRERS]


def answer_refusal(group: Group, account: PublicKey, refusal: errors.ProtocolViolation, *, now_ms: int) -> Step:
    """Answer an account of which we have refused something: that it is out, that we have left, or what it has missed.

    Clauses: CG-43, CG-45, CG-51
    """
    is_present = account in find_members(group.view)
    match refusal:
        case errors.NotPermitted() if has_left(group):
            return say_that_we_left(group, account, now_ms=now_ms)
        case errors.NotPermitted() | errors.GroupClosed() if group.status != "out" and not is_present:
            return repair(group, "notice", account, (Notice(),), now_ms=now_ms)
        case errors.PastEpoch() | errors.GroupClosed() if is_present and is_repairer(group, account):
            return repair(group, "snapshot", account, make_view(group, account), now_ms=now_ms)
    return Step(group)


def say_that_we_left(group: Group, account: PublicKey, *, now_ms: int) -> Step:
    """Say again that we have left, if we have, to an account that takes us for a member.

    Clauses: CG-51
    """
    if not has_left(group):
        return Step(group)
    return repair(group, "leave", account, (make_own_leave(group),), now_ms=now_ms)


def has_left(group: Group) -> bool:
    """Tell whether we are out by our own leave."""
    return group.status == "out" and Membership(group.ours, group.added) in group.view.leaves


def tick(group: Group, random: wire.Random, *, now_ms: int) -> Step:
    """Do what is due: forget what is over, ask for what is lacking, exchange views that differ, open an epoch.

    Clauses: CG-31, CG-34, CG-38, CG-42, CG-46
    """
    step = Step(forget_memberships(forget_past(group, now_ms)))
    if group.status != "member":
        return step
    step = step.then(open_if_due(step.group, random, now_ms=now_ms))
    step = step.then(ask_for_view(step.group, now_ms=now_ms))
    step = step.then(ask_for_keys(step.group, now_ms=now_ms))
    return step.then(settle_differences(step.group, now_ms=now_ms))


def forget_past(group: Group, now_ms: int) -> Group:
    """Forget the addresses of past epochs, and the frames that wait, after `PAST_MS`.

    Clauses: CG-34
    """
    addresses = tuple(
        address
        for address in group.addresses
        if address.past_since_ms is None or now_ms - address.past_since_ms <= PAST_MS
    )
    frames = tuple(waiting for waiting in group.waiting_frames if now_ms - waiting.since_ms <= PAST_MS)
    if len(addresses) == len(group.addresses) and len(frames) == len(group.waiting_frames):
        return group
    return replace(group, addresses=addresses, waiting_frames=frames)


def forget_memberships(group: Group) -> Group:
    """Forget what was kept of memberships that neither the view nor what it names as removed has.

    Clauses: CG-60
    """
    held = {Membership(account, added) for account, added in group_control.find_candidates(group.view).items()}
    held |= {Membership(removal.account, removal.added) for removal in group.view.snapshot.removed}
    if group.counts.keys() <= held:
        return group
    accounts = {membership.account for membership in held}
    return replace(
        group,
        counts={membership: count for membership, count in group.counts.items() if membership in held},
        records={account: record for account, record in group.records.items() if account in accounts},
    )


def ask_for_view(group: Group, *, now_ms: int) -> Step:
    """Ask for the view if we were seen to be behind, if nothing has come for long, or if we lack the image.

    Clauses: CG-42, CG-53
    """
    administrator, followers = group.view.snapshot.administrator, find_followers(group, group.ours)[:1]
    behind = group.behind
    is_behind = behind is not None and is_over(behind.since_ms, REPAIR_AFTER_MS, now_ms)
    is_quiet = is_over(group.heard_ms, QUIET_MS, now_ms) and not group.is_administrator
    lacks_image = group.avatar is None and group.view.snapshot.avatar_hash is not None
    asked = {administrator} if is_behind or is_quiet or lacks_image else set()
    asked.update([behind.account] if behind is not None and is_behind else [])
    asked.update(followers if is_quiet or lacks_image else [])
    step = Step(group)
    for account in sorted(asked - {group.ours}):
        step = step.then(repair(step.group, "view asked", account, (Ask(what="view"),), now_ms=now_ms))
    if not step.effects:
        return step
    heard_ms = now_ms if is_quiet else group.heard_ms
    return Step(replace(step.group, behind=None if is_behind else behind, heard_ms=heard_ms), step.effects)


def ask_for_keys(group: Group, *, now_ms: int) -> Step:
    """Ask the present sources of frames that have waited for their sender keys.

    Clauses: CG-31
    """
    present = [waiting for waiting in group.waiting_frames if waiting.epoch == group.view.epoch]
    due = [waiting for waiting in present if is_over(waiting.since_ms, REPAIR_AFTER_MS, now_ms)]
    members = find_members(group.view)
    step = Step(group)
    for source in dict.fromkeys(waiting.source for waiting in due if waiting.source in members):
        step = step.then(repair(step.group, "key asked", source, (Ask(what="sender key"),), now_ms=now_ms))
    return step


def settle_differences(group: Group, *, now_ms: int) -> Step:
    """Exchange adds with who still has another view.

    Clauses: CG-46
    """
    if not group.differences:
        return Step(group)
    digest, members = group_control.derive_digest(group.view), find_members(group.view)
    step = Step(group)
    for account, noted in group.differences.items():
        if noted.is_exchanged or not is_over(noted.since_ms, REPAIR_AFTER_MS, now_ms):
            continue
        if noted.digest == digest or account not in members:
            step = step.then(Step(drop_difference(step.group, account)))
        elif is_repairer(group, account):
            step = step.then(exchange(step.group, account, noted, now_ms=now_ms))
    return step


def drop_difference(group: Group, account: PublicKey) -> Group:
    """Forget that a member had another view."""
    if account not in group.differences:
        return group
    return replace(group, differences={other: n for other, n in group.differences.items() if other != account})


def exchange(group: Group, account: PublicKey, noted: Difference, *, now_ms: int) -> Step:
    """Tell a member our adds of the epoch, and ask for its view.

    Clauses: CG-46
    """
    bodies = (*split_adds(find_adds(group.view)), Ask(what="view"))
    step = repair(group, "exchange", account, bodies, now_ms=now_ms)
    if not step.effects:
        return step
    exchanged = replace(noted, is_exchanged=True)
    return Step(replace(step.group, differences={**group.differences, account: exchanged}), step.effects)
