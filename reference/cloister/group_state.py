"""Chapter 10, second part: what a client holds of a closed group, and what a step of it leads to.

- A group is a value: every function of this chapter returns the new one with its effects, and a refusal leaves the old one as it was.
- An effect is something to send, or something to tell the user; nothing is sent or told before the new group is saved.
- What is sent to one account goes into a pairwise session by `client`, and so does the account that something comes from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from cloister import errors, group_control
from cloister.group_content import GroupContent, Room
from cloister.group_control import (
    Add,
    Body,
    Control,
    GroupId,
    Key,
    Leave,
    Membership,
    SnapshotMessage,
    View,
    find_adds,
    find_members,
)
from cloister.identity import KeyPair, PublicKey
from cloister.saved_form import Ascending, Pairs
from cloister.sender_keys import Record, SenderKey

Status = Literal["member", "out", "closed"]
Repair = Literal["view asked", "key asked", "snapshot", "key", "exchange", "notice", "leave"]


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


# Members


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


def find_others(group: Group) -> list[PublicKey]:
    """Find the present members but ourselves."""
    return [account for account in find_members(group.view) if account != group.ours]


def find_followers(group: Group, account: PublicKey) -> list[PublicKey]:
    """Find the other members, in the circle of ascending accounts, from a member on."""
    members = sorted(find_members(group.view))
    place = members.index(account)
    return members[place + 1 :] + members[:place]


# Saying something to others


def to_member(view: View, account: PublicKey, body: Body) -> ToMember:
    """Say something to one account, under a view."""
    control = Control(group_id=view.snapshot.group_id, epoch=view.epoch, body=body)
    return ToMember(account=account, content=control)


def to_others(group: Group, body: Body) -> tuple[ToMember, ...]:
    """Say the same to all other members."""
    return tuple(to_member(group.view, account, body) for account in find_others(group))


def make_view(group: Group, account: PublicKey) -> tuple[Body, ...]:
    """Make the messages that tell a member our view."""
    adds = find_adds(group.view)
    snapshot = SnapshotMessage(signed=group.view.signed, avatar=group.avatar, adds_you=account in adds)
    return (snapshot, *split_adds(adds))


def split_adds(accounts: Sequence[PublicKey]) -> list[Body]:
    """Make the messages that add accounts, each with no more than it may hold."""
    most = group_control.MAX_MEMBERS
    return [Add(accounts=tuple(accounts[start : start + most])) for start in range(0, len(accounts), most)]


def make_leave(view: View, membership: Membership) -> Leave:
    """Make the message that passes on a leave."""
    return Leave(added=membership.added, last_index=view.leaves[membership], account=membership.account)


def make_own_leave(group: Group) -> Leave:
    """Make the message that says that we leave, or have left."""
    return Leave(added=group.added, last_index=group.next_index - 1 if group.next_index else None)
