"""Chapter 09: who is in a closed group.

- A view is one member's state of a group; a control message is accepted into it, waits in it, or is refused.
- Within an epoch, adds and leaves may come in any order; only the administrator opens the next one.
- Nothing here is encrypted: control messages travel in pairwise sessions, whose peer is the `sender` of each function.

    >>> import secrets
    >>> alice, bob, carol, dave = sorted(identity.generate_key_pair(secrets.token_bytes).public for _ in range(4))
    >>> created = create_group(alice, [bob, carol], "hike", None, secrets.token_bytes, now_ms=1_600_000_000_000)
    >>> view = accept_snapshot(None, bob, alice, SnapshotMessage(signed=created.signed))
    >>> view = accept_add(view, carol, 0, [dave])
    >>> list(find_members(view)) == [alice, bob, carol, dave]
    True
    >>> accept_leave(view, dave, bob, Leave(added=0, last_index=None, account=carol))
    Traceback (most recent call last):
    cloister.errors.NotPermitted: not permitted: a leave for another account by somebody who did not add us
"""

import contextlib
import hashlib
import itertools
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, NewType, Protocol, TypeVar, get_args

from annotated_types import Len

from cloister import errors, identity, wire
from cloister._proto import group_control_pb2
from cloister.identity import KeyPair, PrivateKey, PublicKey
from cloister.saved_form import Ascending, Pairs

GROUP_ID_BYTES = 32
MIN_MEMBERS = 3
MAX_MEMBERS = 500
MAX_ADDS = 1000
MAX_NAME_CHARACTERS = 64
MAX_AVATAR_BYTES = 24_576
MAX_SNAPSHOT_BYTES = 49_152
HASH_BYTES = 32
REMOVED_MS = 1_209_600_000
MAX_REMOVED = 300
MAX_WAITING = 1000
MAX_WAITING_OF_ONE = 10
MAX_EPOCH = 2**31 - 1
MAX_INDEX = 2**63 - 1
SNAPSHOT_LABEL = b"cloister group snapshot"
DIGEST_LABEL = b"cloister group view"

BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})

GroupId = NewType("GroupId", Annotated[bytes, Len(GROUP_ID_BYTES, GROUP_ID_BYTES)])
"""32 random bytes."""


class FromSender(Protocol):
    """Something that waits, and has a sender."""

    @property
    def sender(self) -> PublicKey:
        """Who has sent it."""


AnyWaiting = TypeVar("AnyWaiting", bound=FromSender)

How = Literal["left", "kicked", "over the bound"]
What = Literal["view", "sender key"]
HOW: dict[int, How] = dict(enumerate(get_args(How), start=1))
WHAT: dict[int, What] = dict(enumerate(get_args(What), start=1))
NUMBER_OF_HOW = {how: number for number, how in HOW.items()}
NUMBER_OF_WHAT = {what: number for number, what in WHAT.items()}


@dataclass(frozen=True, slots=True, order=True)
class Membership:
    """An account, and the epoch in which it was added."""

    account: PublicKey
    added: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A membership that is over; `last_index` is the last that counts, None if no message does."""

    account: PublicKey
    added: int
    last_epoch: int
    how: How
    removed_ms: int
    last_index: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the administrator says of one epoch; `members` gives the epoch in which each was added, `avatar_hash` has 32 bytes."""

    group_id: GroupId
    epoch: int
    timestamp_ms: int
    name: str
    avatar_hash: bytes | None
    administrator: PublicKey
    administrator_key: PublicKey
    members: Mapping[PublicKey, int]
    removed: tuple[Removal, ...]
    address_private: PrivateKey = field(repr=False)
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedSnapshot:
    """A snapshot, the bytes that stand for it, and an unverified signature over them."""

    snapshot: Snapshot
    encoded: bytes = field(repr=False)
    signature: bytes

    @property
    def hash(self) -> bytes:
        """The hash of the snapshot, 32 bytes."""
        return hashlib.sha256(self.encoded).digest()


# Control messages


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotMessage:
    """A snapshot, the image if the receiver may lack it, and whether the sender adds the receiver."""

    signed: SignedSnapshot
    avatar: bytes | None = field(default=None, repr=False)
    adds_you: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
    """Accounts that the sender adds, in ascending order."""

    accounts: tuple[PublicKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """The end of a membership; `account` is None if it is the sender's, `last_index` if it sent nothing."""

    added: int
    last_index: int | None
    account: PublicKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A sender key, as a frame of chapter 04; the index of the sender's next message, its membership, the digest of its view."""

    distribution: bytes = field(repr=False)
    next_index: int
    added: int
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What the sender lacks."""

    what: What


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The receiver is no member."""


Body = SnapshotMessage | Add | Leave | Key | Ask | Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control message; `epoch` is that of the sender's view."""

    group_id: GroupId
    epoch: int
    body: Body


# Views


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An add or a leave that cannot be judged yet."""

    sender: PublicKey
    epoch: int
    body: Add | Leave


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One member's state of a group; memberships are `left` by their owners, or `reported` to be by who added us."""

    signed: SignedSnapshot
    adds: Ascending[PublicKey] = frozenset()
    left: Pairs[Membership, int | None] = field(default_factory=dict)
    reported: Pairs[Membership, int | None] = field(default_factory=dict)
    adders: Ascending[PublicKey] = frozenset()
    is_confirmed: bool = False
    waiting: tuple[Waiting, ...] = ()

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot of the highest epoch that was accepted."""
        return self.signed.snapshot

    @property
    def epoch(self) -> int:
        """The epoch of the snapshot."""
        return self.signed.snapshot.epoch

    @property
    def leaves(self) -> Mapping[Membership, int | None]:
        """The memberships that have ended, each with the last index that counts."""
        return {**self.left, **{leave: find_lower(self.left, leave, index) for leave, index in self.reported.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A new group: the administrator's key pair, and the snapshot of epoch 0."""

    administrator_key: KeyPair
    signed: SignedSnapshot


# Forms


def check_name(name: str) -> None:
    """Check the name of a group.

    Raises:
        InvalidName: it is empty, too long, not in NFC, or holds a character that it may not.
    Clauses: GC-5, GC-6
    """
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS:
        raise errors.InvalidName(reason=f"it must have 1 to {MAX_NAME_CHARACTERS} characters, it has {len(name)}")
    for character in name:
        if unicodedata.category(character) in FORBIDDEN_CATEGORIES or character in BIDI_CONTROLS:
            raise errors.InvalidName(reason=f"it must not hold the character U+{ord(character):04X}")
    if not unicodedata.is_normalized("NFC", name):
        raise errors.InvalidName(reason="it is not in NFC")


def check_avatar(image: bytes) -> None:
    """Check an image.

    Raises:
        InvalidAvatar: it is empty, longer than `MAX_AVATAR_BYTES`, or no PNG, JPEG or WebP.
    Clauses: GC-7
    """
    if not 1 <= len(image) <= MAX_AVATAR_BYTES:
        raise errors.InvalidAvatar(reason=f"it must have 1 to {MAX_AVATAR_BYTES} bytes, it has {len(image)}")
    is_webp = image[:4] == b"RIFF" and image[8:12] == b"WEBP"
    if not (image.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or is_webp):
        raise errors.InvalidAvatar(reason="it is no PNG, JPEG or WebP")


def hash_avatar(image: bytes | None) -> bytes | None:
    """Hash an image that was checked, 32 bytes; None stays None."""
    return None if image is None else hashlib.sha256(image).digest()


def check_ascending(accounts: Sequence[PublicKey]) -> None:
    """Check that accounts are in strictly ascending order.

    Raises:
        InvalidMessage: they are not.
    Clauses: GC-3
    """
    if any(first >= second for first, second in itertools.pairwise(accounts)):
        raise errors.InvalidMessage(reason="the accounts are not in ascending order")


def check_epoch(epoch: int) -> None:
    """Check the limits of an epoch.

    Raises:
        OutOfRange: it is above `MAX_EPOCH`.
    Clauses: GC-12
    """
    wire.check_range(epoch, 0, MAX_EPOCH, what="epoch")


def check_index(index: int | None) -> None:
    """Check the limits of an index, which may be absent.

    Raises:
        OutOfRange: it is above `MAX_INDEX`.
    Clauses: GC-12
    """
    if index is not None:
        wire.check_range(index, 0, MAX_INDEX, what="index")


# Snapshots on the wire


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Encode a snapshot.

    Clauses: NE-15, GC-2, GC-3
    """
    return wire.encode_protobuf(
        group_control_pb2.Snapshot(
            group_id=snapshot.group_id,
            epoch=snapshot.epoch,
            timestamp_ms=snapshot.timestamp_ms,
            name=snapshot.name,
            avatar_hash=snapshot.avatar_hash,
            administrator=snapshot.administrator,
            administrator_key=snapshot.administrator_key,
            members=[
                group_control_pb2.Member(account=account, added=added)
                for account, added in sorted(snapshot.members.items())
            ],
            removed=[encode_removal(removal) for removal in snapshot.removed],
            address_private=snapshot.address_private,
            closed=snapshot.closed,
        )
    )


def encode_removal(removal: Removal) -> group_control_pb2.Removal:
    """Encode a removal."""
    return group_control_pb2.Removal(
        account=removal.account,
        added=removal.added,
        last_epoch=removal.last_epoch,
        how=NUMBER_OF_HOW[removal.how],
        removed_ms=removal.removed_ms,
        last_index=removal.last_index,
    )


def sign_snapshot(snapshot: Snapshot, administrator_key: KeyPair, random: wire.Random) -> SignedSnapshot:
    """Sign a snapshot with the administrator key.

    Clauses: GC-16
    """
    encoded = encode_snapshot(snapshot)
    signature = identity.sign(administrator_key.private, SNAPSHOT_LABEL + encoded, random)
    return SignedSnapshot(snapshot=snapshot, encoded=encoded, signature=signature)


def verify_snapshot(signed: SignedSnapshot) -> None:
    """Verify an unverified signature with the administrator key of its snapshot.

    Raises:
        InvalidSignature: it does not verify.
    Clauses: GC-16
    """
    identity.verify(signed.snapshot.administrator_key, SNAPSHOT_LABEL + signed.encoded, signed.signature)


def decode_snapshot(encoded: bytes) -> Snapshot:
    """Decode an unverified snapshot.

    Raises:
        InvalidMessage: it is not well-formed, or contradicts itself.
        OutOfRange: a number or a count is outside its limits.
        InvalidName: its name is not acceptable.
        InvalidKey: a key is not acceptable.
    Clauses: GC-2, GC-3, GC-4, GC-5, GC-9, GC-10, GC-11, GC-12
    """
    fields = wire.decode_protobuf(group_control_pb2.Snapshot, encoded, optional=("avatar_hash", "last_index"))
    wire.check_size(fields.group_id, GROUP_ID_BYTES, what="group_id")
    check_epoch(fields.epoch)
    wire.check_timestamp(fields.timestamp_ms)
    wire.check_range(len(fields.members), 1 if fields.epoch else MIN_MEMBERS, MAX_MEMBERS, what="count of members")
    wire.check_range(len(fields.removed), 0, MAX_REMOVED, what="count of removed")
    if fields.HasField("avatar_hash"):
        wire.check_size(fields.avatar_hash, HASH_BYTES, what="avatar_hash")
    check_text(fields.name, what="name")
    check_name(fields.name)
    snapshot = Snapshot(
        group_id=GroupId(fields.group_id),
        epoch=fields.epoch,
        timestamp_ms=fields.timestamp_ms,
        name=fields.name,
        avatar_hash=fields.avatar_hash if fields.HasField("avatar_hash") else None,
        administrator=identity.decode_public_key(fields.administrator),
        administrator_key=identity.decode_public_key(fields.administrator_key),
        members=decode_members(fields.members),
        removed=decode_removals(fields.removed),
        address_private=identity.decode_private_key(fields.address_private),
        closed=fields.closed,
    )
    check_memberships(snapshot)
    return snapshot


def check_text(text: str, *, what: str) -> None:
    """Check that a text is one of UTF-8; the parser of protobuf hands others over as bytes, a caller may have lone surrogates.

    Raises:
        InvalidMessage: it is not.
    Clauses: NE-13
    """
    try:
        is_utf8 = isinstance(text, str) and text.encode() is not None
    except UnicodeEncodeError:
        is_utf8 = False
    if not is_utf8:
        raise errors.InvalidMessage(reason=f"{what} is not UTF-8")


def decode_members(members: Sequence[group_control_pb2.Member]) -> Mapping[PublicKey, int]:
    """Decode the members of a snapshot.

    Raises:
        InvalidKey, InvalidMessage, OutOfRange: as `decode_snapshot`.
    """
    accounts = decode_accounts(member.account for member in members)
    for member in members:
        check_epoch(member.added)
    return dict(zip(accounts, (member.added for member in members), strict=True))


def decode_accounts(encoded: Iterable[bytes]) -> tuple[PublicKey, ...]:
    """Decode accounts in ascending order.

    Raises:
        InvalidKey: one is not acceptable.
        InvalidMessage: they are not in ascending order.
    Clauses: GC-3, GC-4
    """
    accounts = tuple(identity.decode_public_key(account) for account in encoded)
    check_ascending(accounts)
    return accounts


def decode_removals(removed: Sequence[group_control_pb2.Removal]) -> tuple[Removal, ...]:
    """Decode the removed of a snapshot.

    Raises:
        InvalidKey, InvalidMessage, OutOfRange: as `decode_snapshot`.
    """
    accounts = decode_accounts(removal.account for removal in removed)
    return tuple(decode_removal(account, fields) for account, fields in zip(accounts, removed, strict=True))


def decode_removal(account: PublicKey, fields: group_control_pb2.Removal) -> Removal:
    """Decode one removal.

    Raises:
        OutOfRange: a number is outside its limits.
    Clauses: GC-12
    """
    check_epoch(fields.added)
    check_epoch(fields.last_epoch)
    wire.check_range(fields.how, min(HOW), max(HOW), what="how")
    wire.check_timestamp(fields.removed_ms)
    last_index = fields.last_index if fields.HasField("last_index") else None
    check_index(last_index)
    return Removal(
        account=account,
        added=fields.added,
        last_epoch=fields.last_epoch,
        how=HOW[fields.how],
        removed_ms=fields.removed_ms,
        last_index=last_index,
    )


def check_memberships(snapshot: Snapshot) -> None:
    """Check that a snapshot does not contradict itself.

    Raises:
        InvalidMessage: it does.
    Clauses: GC-10, GC-11
    """
    if snapshot.members.get(snapshot.administrator) != 0:
        raise errors.InvalidMessage(reason="the administrator is no member that was added in epoch 0")
    if any(added > snapshot.epoch for added in snapshot.members.values()):
        raise errors.InvalidMessage(reason="a member was added in a later epoch")
    for removal in snapshot.removed:
        if not removal.added <= removal.last_epoch < snapshot.epoch:
            raise errors.InvalidMessage(reason="an account is removed before it was added, or not before this epoch")
        added = snapshot.members.get(removal.account)
        if added is not None and added <= removal.last_epoch:
            raise errors.InvalidMessage(reason="an account is a member and removed")


# Control messages on the wire


def encode_control(control: Control) -> bytes:
    """Encode a control message.

    Clauses: NE-15, GC-2, GC-3
    """
    encoded = group_control_pb2.GroupControl(group_id=control.group_id, epoch=control.epoch)
    match control.body:
        case SnapshotMessage(signed=signed, avatar=avatar, adds_you=adds_you):
            encoded.snapshot.MergeFrom(
                group_control_pb2.SnapshotMessage(
                    snapshot=signed.encoded, signature=signed.signature, avatar=avatar, adds_you=adds_you
                )
            )
        case Add(accounts=accounts):
            encoded.add.MergeFrom(group_control_pb2.Add(accounts=accounts))
        case Leave(added=added, last_index=last_index, account=account):
            encoded.leave.MergeFrom(group_control_pb2.Leave(added=added, last_index=last_index, account=account))
        case Key():
            encoded.key.MergeFrom(
                group_control_pb2.Key(
                    distribution=control.body.distribution,
                    next_index=control.body.next_index,
                    added=control.body.added,
                    digest=control.body.digest,
                )
            )
        case Ask(what=what):
            encoded.ask.MergeFrom(group_control_pb2.Ask(what=NUMBER_OF_WHAT[what]))
        case Notice():
            encoded.notice.SetInParent()
    return wire.encode_protobuf(encoded)


BODIES = ("snapshot", "add", "leave", "key", "ask", "notice")
OPTIONAL = (*BODIES, "avatar", "last_index", "account")


def decode_control(encoded: bytes) -> Control:
    """Decode an unverified control message.

    Raises:
        InvalidMessage: it is not well-formed.
        OutOfRange, InvalidName, InvalidKey: as `decode_snapshot`; or a number of another message is outside its limits.
        InvalidAvatar: the image is not acceptable.
    Clauses: GC-2, GC-12
    """
    fields = wire.decode_protobuf(group_control_pb2.GroupControl, encoded, optional=OPTIONAL)
    wire.check_size(fields.group_id, GROUP_ID_BYTES, what="group_id")
    check_epoch(fields.epoch)
    present = [name for name in BODIES if fields.HasField(name)]
    if len(present) != 1:
        raise errors.InvalidMessage(reason=f"it has {len(present)} messages, not one")
    return Control(group_id=GroupId(fields.group_id), epoch=fields.epoch, body=decode_body(fields))


def decode_body(fields: group_control_pb2.GroupControl) -> Body:
    """Decode the one message of a control message.

    Raises:
        InvalidMessage, OutOfRange, InvalidName, InvalidKey, InvalidAvatar: as `decode_control`.
    """
    if fields.HasField("snapshot"):
        return decode_snapshot_message(fields.group_id, fields.snapshot)
    if fields.HasField("add"):
        return decode_add(fields.add)
    if fields.HasField("leave"):
        return decode_leave(fields.leave)
    if fields.HasField("key"):
        return decode_key(fields.key)
    if fields.HasField("ask"):
        wire.check_range(fields.ask.what, min(WHAT), max(WHAT), what="what")
        return Ask(what=WHAT[fields.ask.what])
    return Notice()


def decode_snapshot_message(group_id: bytes, fields: group_control_pb2.SnapshotMessage) -> SnapshotMessage:
    """Decode a snapshot of a group, and check the image that comes with it.

    Raises:
        InvalidMessage, OutOfRange, InvalidName, InvalidKey: as `decode_snapshot`; or it is of another group.
        InvalidAvatar: the image is not acceptable, or not that of the snapshot.
    Clauses: GC-2, GC-7, GC-8, GC-58
    """
    wire.check_size(fields.signature, identity.SIGNATURE_BYTES, what="signature")
    if len(fields.snapshot) > MAX_SNAPSHOT_BYTES:
        raise errors.TooLarge(what="snapshot", limit=MAX_SNAPSHOT_BYTES, got=len(fields.snapshot))
    snapshot = decode_snapshot(fields.snapshot)
    if snapshot.group_id != group_id:
        raise errors.InvalidMessage(reason="the snapshot is of another group")
    avatar = fields.avatar if fields.HasField("avatar") else None
    if avatar is not None:
        check_avatar(avatar)
        if hash_avatar(avatar) != snapshot.avatar_hash:
            raise errors.InvalidAvatar(reason="it is not that of the snapshot")
    signed = SignedSnapshot(snapshot=snapshot, encoded=fields.snapshot, signature=fields.signature)
    return SnapshotMessage(signed=signed, avatar=avatar, adds_you=fields.adds_you)


def decode_add(fields: group_control_pb2.Add) -> Add:
    """Decode an add.

    Raises:
        InvalidMessage, OutOfRange, InvalidKey: it is not well-formed.
    Clauses: GC-3, GC-4, GC-9
    """
    if not fields.accounts:
        raise errors.InvalidMessage(reason="accounts is absent")
    wire.check_range(len(fields.accounts), 1, MAX_MEMBERS, what="count of accounts")
    return Add(accounts=decode_accounts(fields.accounts))


def decode_key(fields: group_control_pb2.Key) -> Key:
    """Decode a sender key; its distribution is a frame that `sender_keys` reads.

    Raises:
        InvalidMessage, OutOfRange: it is not well-formed.
    Clauses: GC-2, GC-12
    """
    check_index(fields.next_index)
    check_epoch(fields.added)
    wire.check_size(fields.digest, HASH_BYTES, what="digest")
    return Key(distribution=fields.distribution, next_index=fields.next_index, added=fields.added, digest=fields.digest)


def decode_leave(fields: group_control_pb2.Leave) -> Leave:
    """Decode a leave.

    Raises:
        OutOfRange, InvalidKey: it is not well-formed.
    Clauses: GC-4, GC-12
    """
    check_epoch(fields.added)
    last_index = fields.last_index if fields.HasField("last_index") else None
    check_index(last_index)
    account = identity.decode_public_key(fields.account) if fields.HasField("account") else None
    return Leave(added=fields.added, last_index=last_index, account=account)


# Members


def find_candidates(view: View) -> dict[PublicKey, int]:
    """Find the candidates of a view, the snapshot's first, each with the epoch in which it was added.

    Clauses: GC-34, GC-38
    """
    members = view.snapshot.members
    return {**members, **{account: view.epoch for account in sorted(view.adds) if account not in members}}


def find_members(view: View) -> dict[PublicKey, int]:
    """Find the members of a view, each with the epoch in which it was added.

    Clauses: GC-38
    """
    members = find_candidates(view)
    for account in list(members)[MAX_MEMBERS:]:
        del members[account]
    for leave in view.leaves:
        if members.get(leave.account) == leave.added:
            del members[leave.account]
    return members


def find_added(view: View, account: PublicKey) -> int | None:
    """Find the epoch in which a candidate was added; None if the account is no candidate."""
    return view.snapshot.members.get(account, view.epoch if account in view.adds else None)


def is_known(view: View, account: PublicKey) -> bool:
    """Tell whether an account is a candidate of a view.

    Clauses: GC-29
    """
    return find_added(view, account) is not None


def find_adds(view: View) -> tuple[PublicKey, ...]:
    """Find the candidates of a view that its snapshot does not list, in ascending order."""
    return tuple(sorted(account for account in view.adds if account not in view.snapshot.members))


def find_leaves(view: View) -> tuple[Membership, ...]:
    """Find the leaves of a view that name the membership of a candidate, in ascending order."""
    return tuple(sorted(leave for leave in view.leaves if find_added(view, leave.account) == leave.added))


def is_out(view: View, ours: PublicKey) -> bool:
    """Tell whether an account is no member of its own view.

    Clauses: GC-26
    """
    return ours not in find_members(view)


def ends_by_notice(view: View, sender: PublicKey, epoch: int) -> bool:
    """Tell whether a notice of an epoch says that its receiver is out.

    Clauses: GC-51
    """
    return sender == view.snapshot.administrator and epoch > view.epoch


# Creating


def create_group(
    administrator: PublicKey,
    others: Collection[PublicKey],
    name: str,
    avatar: bytes | None,
    random: wire.Random,
    *,
    now_ms: int,
) -> Created:
    """Create a group of the administrator and others.

    Raises:
        OutOfRange: there are too few or too many distinct members.
        InvalidName, InvalidAvatar: the name or the image is not acceptable.
    Clauses: GC-13, GC-14, GC-15, GC-47
    """
    members = {administrator, *others}
    wire.check_range(len(members), MIN_MEMBERS, MAX_MEMBERS, what="count of members")
    check_name(name)
    if avatar is not None:
        check_avatar(avatar)
    administrator_key = identity.generate_key_pair(random)
    snapshot = Snapshot(
        group_id=GroupId(random(GROUP_ID_BYTES)),
        epoch=0,
        timestamp_ms=now_ms,
        name=name,
        avatar_hash=hash_avatar(avatar),
        administrator=administrator,
        administrator_key=administrator_key.public,
        members=dict.fromkeys(sorted(members), 0),
        removed=(),
        address_private=identity.generate_key_pair(random).private,
    )
    return Created(administrator_key=administrator_key, signed=sign_snapshot(snapshot, administrator_key, random))


# Accepting a snapshot


def accept_snapshot(view: View | None, ours: PublicKey, sender: PublicKey, message: SnapshotMessage) -> View:
    """Accept an unverified snapshot into the view of a group, or of an unknown one; `ours` is the receiver's account.

    Raises:
        NotPermitted: it does not speak to the receiver, or is of another administrator or administrator key.
        GroupClosed: the group is.
        InvalidSignature: the administrator key has not signed it.
        ConflictingSnapshot: it is another of the same epoch.
        GroupFull: as `accept_add`.
    Clauses: GC-18, GC-19, GC-20, GC-21, GC-22, GC-25, GC-27, GC-54
    """
    new = message.signed.snapshot
    is_ours = sender == new.administrator
    if view is None:
        check_unknown(new, ours, adds_us=message.adds_you)
        verify_snapshot(message.signed)
        return take_up(View(signed=message.signed, is_confirmed=is_ours), ours, sender, message)

    held = view.snapshot
    if new.administrator != held.administrator:
        raise errors.NotPermitted(reason="a snapshot of another administrator")
    if new.administrator_key != held.administrator_key:
        if view.is_confirmed or not is_ours:
            raise errors.NotPermitted(reason="a snapshot of another administrator key")
        verify_snapshot(message.signed)
        return take_up(View(signed=message.signed, is_confirmed=True), ours, sender, message)
    if held.closed and message.signed.hash != view.signed.hash:
        raise errors.GroupClosed
    verify_snapshot(message.signed)

    if new.epoch == held.epoch and message.signed.hash != view.signed.hash:
        raise errors.ConflictingSnapshot(epoch=new.epoch)
    view = replace(view, is_confirmed=view.is_confirmed or is_ours)
    if new.epoch > held.epoch:
        return take_up(view, ours, sender, message)
    if new.epoch == held.epoch and message.adds_you and ours not in held.members:
        return accept_as_joiner(view, ours, sender)
    return view


def check_unknown(snapshot: Snapshot, ours: PublicKey, *, adds_us: bool) -> None:
    """Check that a snapshot can make an unknown group known.

    Raises:
        NotPermitted: it does not speak to us, is closed, or names us as an administrator that we do not know to be.
    Clauses: GC-17, GC-56
    """
    if ours not in snapshot.members and not adds_us:
        raise errors.NotPermitted(reason="a snapshot of an unknown group that does not list us")
    if snapshot.closed or snapshot.administrator == ours:
        raise errors.NotPermitted(reason="a snapshot of an unknown group that is closed, or said to be ours")


def take_up(view: View, ours: PublicKey, sender: PublicKey, message: SnapshotMessage) -> View:
    """Take up a verified snapshot, with what the sender adds.

    Clauses: GC-20, GC-23, GC-24, GC-32, GC-53, GC-54
    """
    members = message.signed.snapshot.members
    if message.signed.snapshot.closed:
        return View(signed=message.signed, is_confirmed=view.is_confirmed)
    is_added = message.adds_you and ours not in members
    view = replace(
        view,
        signed=message.signed,
        adds=frozenset({ours, sender} - members.keys()) if is_added else frozenset(),
        left={leave: index for leave, index in view.left.items() if members.get(leave.account) == leave.added},
        reported={},
        adders=frozenset({sender}) if is_added else frozenset(),
    )
    return judge_waiting(view)


def accept_as_joiner(view: View, ours: PublicKey, sender: PublicKey) -> View:
    """Accept that a sender adds the receiver, whom the snapshot does not list, in the epoch of the view.

    Raises:
        GroupFull: as `accept_add`.
        GroupClosed: the group is.
    Clauses: GC-21, GC-40
    """
    added = accept_add(view, sender, view.epoch, (ours,))
    return replace(added, adders=view.adders | {sender}) if is_known(view, sender) else added


# Accepting adds and leaves


def accept_add(view: View, sender: PublicKey, epoch: int, accounts: Iterable[PublicKey]) -> View:
    """Accept an add of an epoch.

    Raises:
        GroupClosed: the group is.
        PastEpoch: the epoch is over.
        GroupFull: more than `MAX_ADDS` accounts would be added.
    Clauses: GC-28, GC-31, GC-32
    """
    new = Waiting(sender=sender, epoch=epoch, body=Add(accounts=tuple(accounts)))
    judged = judge(view, new)
    if judged is None:
        return let_wait(view, new)
    return judged if judged.adds == view.adds else judge_waiting(judged)


def accept_leave(view: View, ours: PublicKey, sender: PublicKey, leave: Leave) -> View:
    """Accept a leave; `ours` is the receiver's account.

    Raises:
        GroupClosed: the group is.
        NotPermitted: it is the administrator's, or somebody else's by a sender that is no adder, or the receiver's.
    Clauses: GC-39, GC-43, GC-55
    """
    if leave.account == ours != sender:
        raise errors.NotPermitted(reason="a leave for us by somebody else")
    new = Waiting(sender=sender, epoch=leave.added, body=leave)
    judged = judge(view, new)
    return let_wait(view, new) if judged is None else judged


def judge(view: View, new: Waiting) -> View | None:
    """Judge an add or a leave; None if it must wait.

    Raises:
        GroupClosed, PastEpoch, GroupFull, NotPermitted: as `accept_add` and `accept_leave`.
    Clauses: GC-27
    """
    if view.snapshot.closed:
        raise errors.GroupClosed
    if isinstance(new.body, Add):
        return judge_add(view, new.sender, new.epoch, new.body)
    return judge_leave(view, new.sender, new.body)


def judge_add(view: View, sender: PublicKey, epoch: int, add: Add) -> View | None:
    """Judge an add; None if it must wait.

    Raises:
        PastEpoch, GroupFull: as `accept_add`.
    Clauses: GC-28, GC-29, GC-30, GC-31, GC-34, GC-35
    """
    if epoch < view.epoch:
        raise errors.PastEpoch(epoch=epoch)
    if epoch > view.epoch or not is_known(view, sender):
        return None
    adds = view.adds | (frozenset(add.accounts) - view.snapshot.members.keys())
    if len(adds) > MAX_ADDS:
        raise errors.GroupFull(limit=MAX_ADDS)
    return replace(view, adds=adds)


def judge_leave(view: View, sender: PublicKey, leave: Leave) -> View | None:
    """Judge a leave; None if it must wait.

    Raises:
        NotPermitted: as `accept_leave`.
    Clauses: GC-39, GC-40, GC-41, GC-42, GC-43, GC-53
    """
    account = leave.account or sender
    if account == view.snapshot.administrator:
        raise errors.NotPermitted(reason="a leave of the administrator, who closes the group instead")
    if account != sender and sender not in view.adders:
        raise errors.NotPermitted(reason="a leave for another account by somebody who did not add us")

    added = find_added(view, account)
    if leave.added > view.epoch or (leave.added == view.epoch and added is None):
        return None
    if leave.added != added:
        return view
    membership = Membership(account, added)
    if account == sender:
        return replace(view, left={**view.left, membership: find_lower(view.left, membership, leave.last_index)})
    lower = find_lower(view.reported, membership, leave.last_index)
    return replace(view, reported={**view.reported, membership: lower})


def find_lower(leaves: Mapping[Membership, int | None], membership: Membership, last_index: int | None) -> int | None:
    """Find which last index of a membership counts: the one among leaves, if it is there, or another.

    Clauses: GC-44
    """
    held = leaves.get(membership, last_index)
    return None if held is None or last_index is None else min(held, last_index)


# Waiting


def let_wait(view: View, new: Waiting) -> View:
    """Let a message wait, within the bounds.

    Clauses: GC-31, GC-33, GC-43
    """
    if new in view.waiting:
        return view
    return replace(view, waiting=keep_waiting_bounds((*view.waiting, new)))


def keep_waiting_bounds(waiting: tuple[AnyWaiting, ...]) -> tuple[AnyWaiting, ...]:
    """Keep what waits, of which the last is new, within the bounds: of one sender, and of all.

    Clauses: GC-33
    """
    kept = list(waiting)
    of_sender = [other for other in waiting if other.sender == waiting[-1].sender]
    if len(of_sender) > MAX_WAITING_OF_ONE:
        kept.remove(of_sender[0])
    return tuple(kept[-MAX_WAITING:])


def judge_waiting(view: View) -> View:
    """Judge what waits again, oldest first, until nothing more is added; what is refused is dropped.

    Clauses: GC-32
    """
    while True:
        adds, waiting = view.adds, []
        for each in view.waiting:
            with contextlib.suppress(errors.ProtocolViolation):
                judged = judge(view, each)
                if judged is None:
                    waiting.append(each)
                else:
                    view = judged
        view = replace(view, waiting=tuple(waiting))
        if view.adds == adds:
            return view


# Changing


def add(view: View, ours: PublicKey, accounts: Collection[PublicKey]) -> View:
    """Add accounts, by a member.

    Raises:
        GroupClosed: the group is.
        OutOfRange: there are no accounts.
        NotPermitted: we are no member, or an account is a candidate.
        GroupFull: there would be more than `MAX_MEMBERS` candidates.
    Clauses: GC-36, GC-37, GC-57
    """
    check_somebody(accounts)
    if view.snapshot.closed:
        raise errors.GroupClosed
    if ours not in find_members(view):
        raise errors.NotPermitted(reason="an add by an account that is no member")
    if any(is_known(view, account) for account in accounts):
        raise errors.NotPermitted(reason="an account is a member, or was one in this epoch")
    if len(find_candidates(view)) + len(set(accounts)) > MAX_MEMBERS:
        raise errors.GroupFull(limit=MAX_MEMBERS)
    return accept_add(view, ours, view.epoch, accounts)


def check_somebody(accounts: Collection[PublicKey]) -> None:
    """Check that somebody is to be added or kicked.

    Raises:
        OutOfRange: there are no accounts.
    Clauses: GC-57
    """
    if not accounts:
        raise errors.OutOfRange(what="count of accounts", low=1, high=MAX_MEMBERS, got=0)


def check_administrator(view: View, ours: PublicKey) -> None:
    """Check that we are the administrator of a group that is not closed.

    Raises:
        GroupClosed: the group is.
        NotPermitted: we are not.
    Clauses: GC-45
    """
    if view.snapshot.closed:
        raise errors.GroupClosed
    if ours != view.snapshot.administrator:
        raise errors.NotPermitted(reason="only the administrator may do that")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a new epoch changes: whom it kicks, with the last index of each that counts; a new name or avatar hash; its end."""

    kicked: Mapping[PublicKey, int | None] = field(default_factory=dict)
    name: str | None = None
    avatar_hash: bytes | None = None
    closes: bool = False


def open_epoch(
    view: View, ours: PublicKey, administrator_key: KeyPair, change: Change, random: wire.Random, *, now_ms: int
) -> SignedSnapshot:
    """Open the next epoch, by the administrator.

    Raises:
        GroupClosed: the group is.
        NotPermitted: we are not the administrator, or an account cannot be kicked.
        InvalidName: the name is not acceptable.
        OutOfRange: there is no further epoch.
    Clauses: GC-45, GC-46, GC-47, GC-48, GC-49
    """
    check_administrator(view, ours)
    members = find_members(view)
    if not change.kicked.keys() <= members.keys() - {ours}:
        raise errors.NotPermitted(reason="only members can be kicked, and not the administrator")
    name = view.snapshot.name if change.name is None else change.name
    check_name(name)
    check_epoch(view.epoch + 1)
    snapshot = replace(
        view.snapshot,
        epoch=view.epoch + 1,
        timestamp_ms=now_ms,
        name=name,
        avatar_hash=change.avatar_hash or view.snapshot.avatar_hash,
        members={account: added for account, added in members.items() if account not in change.kicked},
        removed=find_removed(view, change.kicked, now_ms),
        address_private=identity.generate_key_pair(random).private,
        closed=change.closes,
    )
    return sign_snapshot(snapshot, administrator_key, random)


def find_removed(view: View, kicked: Mapping[PublicKey, int | None], now_ms: int) -> tuple[Removal, ...]:
    """Find whom the next snapshot names as removed, in ascending order.

    Clauses: GC-46
    """
    young = [removal for removal in view.snapshot.removed if now_ms - removal.removed_ms < REMOVED_MS]
    removed = {removal.account: removal for removal in (*young, *find_new_removals(view, kicked, now_ms))}
    newest = sorted(removed.values(), key=lambda removal: (removal.removed_ms, removal.account))[-MAX_REMOVED:]
    return tuple(sorted(newest, key=lambda removal: removal.account))


def find_new_removals(view: View, kicked: Mapping[PublicKey, int | None], now_ms: int) -> Iterator[Removal]:
    """Find the candidates of a view that are no members in the next epoch."""
    members = find_members(view)
    for account, added in find_candidates(view).items():
        membership = Membership(account, added)
        how: How
        if account in kicked:
            how, last_index = "kicked", kicked[account]
        elif membership in view.leaves:
            how, last_index = "left", view.leaves[membership]
        elif account not in members:
            how, last_index = "over the bound", None
        else:
            continue
        yield Removal(
            account=account, added=added, last_epoch=view.epoch, how=how, removed_ms=now_ms, last_index=last_index
        )


def must_add_again(view: View, account: PublicKey, epoch: int) -> bool:
    """Tell whether an account that was added in an earlier epoch, and did not leave in it, is to be added again in that of the view.

    Clauses: GC-50
    """
    return not is_known(view, account) and not was_removed(view, account, epoch)


def was_removed(view: View, account: PublicKey, epoch: int) -> bool:
    """Tell whether an account is named as removed in an epoch or later."""
    return any(removal.account == account and removal.last_epoch >= epoch for removal in view.snapshot.removed)


# Digest


def derive_digest(view: View) -> bytes:
    """Derive the digest of a view, 32 bytes.

    Clauses: GC-52
    """
    adds = find_adds(view)
    leaves = find_leaves(view)
    return hashlib.sha256(
        DIGEST_LABEL
        + view.snapshot.group_id
        + view.epoch.to_bytes(8, "big")
        + view.signed.hash
        + view.snapshot.administrator_key
        + len(adds).to_bytes(4, "big")
        + b"".join(adds)
        + len(leaves).to_bytes(4, "big")
        + b"".join(leave.account + leave.added.to_bytes(8, "big") for leave in leaves)
    ).digest()
