"""Chapter 09 behind the adapter protocol."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cloister import errors, group_control, identity
from cloister.group_control import (
    Add,
    Ask,
    Body,
    Change,
    Control,
    GroupId,
    Key,
    Leave,
    Membership,
    Notice,
    Removal,
    SignedSnapshot,
    Snapshot,
    SnapshotMessage,
    View,
)
from cloister.identity import KeyPair, PublicKey

from cloister_conformance.protocol import group_control as messages
from cloister_conformance.protocol.messages import Message, Nothing
from cloister_conformance.reference_adapter.handles import Handles, UnknownHandle


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """What an account has of a group: its view and the one before, the administrator key if it has it, the highest epoch of a notice."""

    account: PublicKey
    view: View | None = None
    before: View | None = None
    administrator_key: KeyPair | None = None
    noticed_epoch: int = 0

    @property
    def known(self) -> View:
        """The view of a group that is known."""
        if self.view is None:
            raise UnknownHandle("the group of this view is unknown")
        return self.view

    def accept_snapshot(self, sender: PublicKey, message: SnapshotMessage) -> "Participant":
        """Accept a snapshot; if it is taken up, the view becomes the one before."""
        view = group_control.accept_snapshot(self.view, self.account, sender, message)
        stays = self.view is not None and view.signed.hash == self.view.signed.hash
        return replace(self, view=view, before=self.before if stays else self.view)


# Control messages


def number(index: str | None) -> int | None:
    """Read an index, which may be absent."""
    return None if index is None else int(index)


def text(index: int | None) -> str | None:
    """Write an index, which may be absent."""
    return None if index is None else str(index)


def encode_control(params: messages.Decoded, handles: Handles) -> messages.Encoded:
    control = params.control
    body = next(build(getattr(control, name)) for name, build in BUILDERS.items() if getattr(control, name) is not None)
    return encode(Control(group_id=GroupId(control.group_id), epoch=control.epoch, body=body))


def encode(control: Control) -> messages.Encoded:
    """Encode a control message."""
    return messages.Encoded(encoded=group_control.encode_control(control))


def build_snapshot(message: messages.SnapshotMessage) -> SnapshotMessage:
    """Build a snapshot, its encoded form and its signature."""
    told = message.snapshot
    snapshot = Snapshot(
        group_id=GroupId(told.group_id),
        epoch=told.epoch,
        timestamp_ms=told.timestamp_ms,
        name=told.name,
        avatar_hash=told.avatar_hash,
        administrator=PublicKey(told.administrator),
        administrator_key=PublicKey(told.administrator_key),
        members={PublicKey(member.account): member.added for member in told.members},
        removed=tuple(map(build_removal, told.removed)),
        address_private=identity.PrivateKey(told.address_private),
        closed=told.closed,
    )
    signed = SignedSnapshot(
        snapshot=snapshot, encoded=group_control.encode_snapshot(snapshot), signature=message.signature
    )
    return SnapshotMessage(signed=signed, avatar=message.avatar, adds_you=message.adds_you)


def build_removal(told: messages.Removal) -> Removal:
    """Build a removal."""
    return Removal(
        account=PublicKey(told.account),
        added=told.added,
        last_epoch=told.last_epoch,
        how=told.how,
        removed_ms=told.removed_ms,
        last_index=number(told.last_index),
    )


def build_leave(told: messages.Leave) -> Leave:
    """Build a leave."""
    account = None if told.account is None else PublicKey(told.account)
    return Leave(added=told.added, last_index=number(told.last_index), account=account)


BUILDERS: Mapping[str, Callable[[Any], Body]] = {
    "snapshot": build_snapshot,
    "add": lambda told: Add(accounts=tuple(map(PublicKey, told.accounts))),
    "leave": build_leave,
    "key": lambda told: Key(
        distribution=told.distribution, next_index=int(told.next_index), added=told.added, digest=told.digest
    ),
    "ask": lambda told: Ask(what=told.what),
    "notice": lambda _: Notice(),
}


def decode_control(params: messages.Encoded, handles: Handles) -> messages.Decoded:
    control = group_control.decode_control(params.encoded)
    body = {type(control.body).__name__.removesuffix("Message").lower(): describe_body(control.body)}
    told = messages.Control.model_validate({"group_id": control.group_id, "epoch": control.epoch, **body})
    return messages.Decoded(control=told)


def describe_body(body: Body) -> Message:
    """Describe the one message of a control message."""
    match body:
        case SnapshotMessage():
            return messages.SnapshotMessage(
                snapshot=describe_snapshot(body.signed.snapshot),
                signature=body.signed.signature,
                avatar=body.avatar,
                adds_you=body.adds_you,
            )
        case Add():
            return messages.Add(accounts=list(body.accounts))
        case Leave():
            return messages.Leave(added=body.added, last_index=text(body.last_index), account=body.account)
        case Key():
            return messages.Key(
                distribution=body.distribution, next_index=str(body.next_index), added=body.added, digest=body.digest
            )
        case Ask():
            return messages.Ask(what=body.what)
        case Notice():
            return messages.Notice()


def describe_snapshot(snapshot: Snapshot) -> messages.Snapshot:
    """Describe a snapshot."""
    return messages.Snapshot(
        group_id=snapshot.group_id,
        epoch=snapshot.epoch,
        timestamp_ms=snapshot.timestamp_ms,
        name=snapshot.name,
        avatar_hash=snapshot.avatar_hash,
        administrator=snapshot.administrator,
        administrator_key=snapshot.administrator_key,
        members=describe_members(snapshot.members),
        removed=list(map(describe_removal, snapshot.removed)),
        address_private=snapshot.address_private,
        closed=snapshot.closed,
    )


def describe_members(members: Mapping[PublicKey, int]) -> list[messages.Member]:
    """Describe members, in ascending order."""
    return [messages.Member(account=account, added=added) for account, added in sorted(members.items())]


def describe_removal(removal: Removal) -> messages.Removal:
    """Describe a removal."""
    return messages.Removal(
        account=removal.account,
        added=removal.added,
        last_epoch=removal.last_epoch,
        how=removal.how,
        removed_ms=removal.removed_ms,
        last_index=text(removal.last_index),
    )


def check_name(params: messages.Name, handles: Handles) -> Nothing:
    group_control.check_name(params.name)
    return Nothing()


def check_avatar(params: messages.Avatar, handles: Handles) -> Nothing:
    group_control.check_avatar(params.avatar)
    return Nothing()


# Views


def create_view(params: messages.CreateView, handles: Handles) -> Nothing:
    handles.put(params.view, Participant(account=identity.decode_public_key(params.account)))
    return Nothing()


def create_group(params: messages.CreateGroup, handles: Handles) -> messages.Encoded:
    creator = handles.get(params.view, Participant)
    created = group_control.create_group(
        creator.account,
        [identity.decode_public_key(account) for account in params.others],
        params.name,
        params.avatar,
        handles.random,
        now_ms=params.now_ms,
    )
    view = View(signed=created.signed, is_confirmed=True)
    handles.put(params.view, replace(creator, view=view, administrator_key=created.administrator_key))
    return encode_of(view, SnapshotMessage(signed=created.signed, avatar=params.avatar))


def encode_of(view: View, body: Body) -> messages.Encoded:
    """Encode a control message of a view."""
    return encode(Control(group_id=view.snapshot.group_id, epoch=view.epoch, body=body))


def accept(params: messages.Accept, handles: Handles) -> Nothing:
    """Accept a control message; its sender is the account of the session, whatever it says.

    Clauses: GC-1
    """
    receiver = handles.get(params.view, Participant)
    control = group_control.decode_control(params.encoded)
    handles.put(params.view, accept_control(receiver, PublicKey(params.sender), control))
    return Nothing()


def accept_control(receiver: Participant, sender: PublicKey, control: Control) -> Participant:
    """Accept a decoded control message."""
    match control.body:
        case SnapshotMessage() as message:
            return receiver.accept_snapshot(sender, message)
        case _ if receiver.view is None:
            raise errors.UnknownGroup
        case Add(accounts=accounts):
            return replace(receiver, view=group_control.accept_add(receiver.known, sender, control.epoch, accounts))
        case Leave() as leave:
            return replace(receiver, view=group_control.accept_leave(receiver.known, receiver.account, sender, leave))
        case Notice() if group_control.ends_by_notice(receiver.known, sender, control.epoch):
            return replace(receiver, noticed_epoch=max(control.epoch, receiver.noticed_epoch))
        case _:
            return receiver


def read(params: messages.Read, handles: Handles) -> messages.State:
    reader = handles.get(params.view, Participant)
    view, snapshot = reader.known, reader.known.snapshot
    return messages.State(
        epoch=view.epoch,
        name=snapshot.name,
        avatar_hash=snapshot.avatar_hash,
        administrator=snapshot.administrator,
        members=describe_members(group_control.find_members(view)),
        adds=list(group_control.find_adds(view)),
        leaves=[
            messages.EndedMembership(account=leave.account, added=leave.added, last_index=text(view.leaves[leave]))
            for leave in group_control.find_leaves(view)
        ],
        adders=sorted(view.adders),
        removed=list(map(describe_removal, snapshot.removed)),
        is_confirmed=view.is_confirmed,
        waiting=len(view.waiting),
        is_out=group_control.is_out(view, reader.account) or reader.noticed_epoch > view.epoch,
        closed=snapshot.closed,
        digest=group_control.derive_digest(view),
    )


def add(params: messages.AddAccounts, handles: Handles) -> messages.Encoded:
    adder = handles.get(params.view, Participant)
    accounts = sorted({identity.decode_public_key(account) for account in params.accounts})
    view = group_control.add(adder.known, adder.account, accounts)
    handles.put(params.view, replace(adder, view=view))
    return encode_of(view, Add(accounts=tuple(accounts)))


def pass_on(params: messages.PassOn, handles: Handles) -> messages.Encoded:
    view = handles.get(params.view, Participant).known
    return encode_of(view, SnapshotMessage(signed=view.signed, adds_you=params.adds_you))


def leave(params: messages.LeaveGroup, handles: Handles) -> messages.Encoded:
    """Leave; the administrator closes the group.

    Clauses: GC-49
    """
    leaver = handles.get(params.view, Participant)
    view = leaver.known
    if leaver.account == view.snapshot.administrator:
        return change(params.view, leaver, Change(closes=True), handles, now_ms=params.now_ms)
    members = group_control.find_members(view)
    if leaver.account not in members:
        raise errors.NotPermitted(reason="a leave by an account that is no member")
    ended = Leave(added=members[leaver.account], last_index=number(params.last_index))
    handles.put(
        params.view, replace(leaver, view=group_control.accept_leave(view, leaver.account, leaver.account, ended))
    )
    return encode_of(view, ended)


def open_epoch(params: messages.OpenEpoch, handles: Handles) -> messages.Encoded:
    if params.avatar is not None:
        group_control.check_avatar(params.avatar)
    kicked = {PublicKey(kick.account): number(kick.last_index) for kick in params.kicked}
    wanted = Change(kicked=kicked, name=params.name, avatar_hash=group_control.hash_avatar(params.avatar))
    opener = handles.get(params.view, Participant)
    return change(params.view, opener, wanted, handles, now_ms=params.now_ms, avatar=params.avatar)


def change(
    handle: str, opener: Participant, wanted: Change, handles: Handles, *, now_ms: int, avatar: bytes | None = None
) -> messages.Encoded:
    """Open an epoch, and take its snapshot up."""
    view = opener.known
    group_control.check_administrator(view, opener.account)
    assert opener.administrator_key is not None
    signed = group_control.open_epoch(
        view, opener.account, opener.administrator_key, wanted, handles.random, now_ms=now_ms
    )
    message = SnapshotMessage(signed=signed, avatar=avatar)
    opener = opener.accept_snapshot(opener.account, message)
    handles.put(handle, opener)
    return encode_of(opener.known, message)


def must_add_again(params: messages.WasAdded, handles: Handles) -> messages.Again:
    """Tell whether to add again; who had left in the view before stays out.

    Clauses: GC-50
    """
    adder, account = handles.get(params.view, Participant), PublicKey(params.account)
    had_left = adder.before is not None and Membership(account, params.epoch) in adder.before.leaves
    return messages.Again(again=not had_left and group_control.must_add_again(adder.known, account, params.epoch))
