"""What the peer alone does for chapter 10: reading along as one of its clients, and saying and storing what no honest member would."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from cloister import (
    client,
    double_ratchet,
    envelope,
    errors,
    group_content,
    group_control,
    group_reading,
    identity,
    sender_keys,
    session,
    wire,
)
from cloister._proto import closed_groups_pb2, envelopes_pb2, group_control_pb2
from cloister.client import Client, Queued
from cloister.envelope import Envelope
from cloister.group_control import GroupId, SignedSnapshot, Snapshot, SnapshotMessage
from cloister.group_state import Address, Group
from cloister.identity import PublicKey
from pydantic import Field

from cloister_conformance.protocol.client import Client as ClientHandle
from cloister_conformance.protocol.client import NewClient, OfClientNow, OfGroupNow
from cloister_conformance.protocol.envelope import Kind
from cloister_conformance.protocol.messages import Hex, Message, Nothing
from cloister_conformance.reference_adapter.handles import Handles

# Reading along


class OfStored(OfClientNow):
    """Something that is stored for a recipient, and a client that can open it."""

    recipient: Hex
    data: Hex


Said = Literal[
    "session request", "greeting", "text", "snapshot", "add", "leave", "key", "ask", "notice", "content", "frame"
]


class Peeked(Message):
    """What is in something stored; `message_key` names what it is encrypted with, `said` is the plaintext.

    `accounts` are the members of a snapshot, or those of an add; `index` is that of a content, the next of a key, the last of a leave.
    """

    kind: Said
    source: Hex
    ephemeral_key: Hex
    message_key: str = ""
    said: Hex = b""
    group_id: Hex = b""
    epoch: int = 0
    key_id: int | None = None
    iteration: int | None = None
    index: int | None = None
    accounts: list[Hex] = Field(default=[])
    hash: Hex = b""
    has_avatar: bool = False
    adds_you: bool = False
    account: Hex | None = None
    added: int | None = None
    what: str | None = None
    sender: Hex | None = None
    digest: Hex | None = None
    text: str | None = None
    distribution: Hex = b""


def peek(params: OfStored, handles: Handles) -> Peeked:
    """Read what is stored as a client would, and leave the client as it is."""
    held = handles.get(params.client, Client)
    fields = wire.decode_protobuf(envelopes_pb2.SealedEnvelope, params.data)
    if params.recipient == held.ours:
        opened = envelope.open_envelope(held.account.identity.private, params.data)
        peeked = peek_pairwise(held, opened, handles.random, params.now_ms)
    else:
        group, at = find_address(held, params.recipient)
        opened = envelope.open_envelope(at.pair.private, params.data)
        peeked = peek_frame(group, opened, params.now_ms)
    return peeked.model_copy(update={"ephemeral_key": fields.ephemeral_key})


def find_address(held: Client, recipient: bytes) -> tuple[Group, Address]:
    """Find the group and the address that a recipient stands for."""
    for group in held.groups.values():
        if at := group_reading.find_address(group, PublicKey(recipient)):
            return group, at
    raise errors.UnknownGroup


def peek_frame(group: Group, opened: Envelope, now_ms: int) -> Peeked:
    """Read a group message."""
    message = sender_keys.decode_message(opened.content)
    record = group.records.get(opened.source, sender_keys.Record())
    _, plaintext = sender_keys.decrypt(record, opened.content, now_ms=now_ms)
    return Peeked(
        source=opened.source,
        ephemeral_key=b"",
        message_key=f"sender key {message.key_id}, iteration {message.iteration}",
        said=plaintext,
        key_id=message.key_id,
        iteration=message.iteration,
        **describe_content(plaintext),
        kind="frame",
    )


def peek_pairwise(held: Client, opened: Envelope, random: wire.Random, now_ms: int) -> Peeked:
    """Read what came in a session."""
    said = Peeked(kind="session request", source=opened.source, ephemeral_key=b"")
    if opened.kind == "session request":
        return said
    _, plaintext = client.decrypt(held, opened, random, now_ms=now_ms)
    frame = opened.content
    if opened.kind == "prekey message":
        frame = session.decode_prekey_message(frame).message
    message = double_ratchet.decode_message(frame)
    described = describe_pairwise(group_content.decode_pairwise(plaintext))
    key = f"ratchet key {message.ratchet_key.hex()}, counter {message.counter}"
    return Peeked(source=opened.source, ephemeral_key=b"", message_key=key, said=plaintext, **described)


def describe_pairwise(content: group_content.PairwiseContent) -> dict[str, Any]:
    """Describe a pairwise content."""
    if content.text is not None:
        return {"kind": "text", "text": content.text}
    if content.group is not None:
        return {**describe_content(content.group), "kind": "content"}
    if content.control is None:
        return {"kind": "greeting"}
    control = content.control
    return {"group_id": control.group_id, "epoch": control.epoch, **describe_body(control.body)}


def describe_content(encoded: bytes) -> dict[str, Any]:
    """Describe a group content."""
    content = group_content.decode_content(encoded)
    return {
        "group_id": content.group_id,
        "epoch": content.epoch,
        "index": content.index,
        "sender": content.sender,
        "digest": content.digest,
        "text": content.text,
    }


def describe_body(body: group_control.Body) -> dict[str, Any]:
    """Describe a control message."""
    match body:
        case SnapshotMessage(signed=signed, avatar=avatar, adds_you=adds_you):
            return {
                "kind": "snapshot",
                "accounts": list(signed.snapshot.members),
                "hash": signed.hash,
                "has_avatar": avatar is not None,
                "adds_you": adds_you,
            }
        case group_control.Add(accounts=accounts):
            return {"kind": "add", "accounts": list(accounts)}
        case group_control.Leave(added=added, last_index=last_index, account=account):
            return {"kind": "leave", "added": added, "index": last_index, "account": account}
        case group_control.Key(distribution=distribution, next_index=next_index, digest=digest):
            decoded = sender_keys.decode_distribution(distribution)
            return {
                "kind": "key",
                "distribution": distribution,
                "key_id": decoded.key_id,
                "iteration": decoded.iteration,
                "index": next_index,
                "digest": digest,
            }
        case group_control.Ask(what=what):
            return {"kind": "ask", "what": what}
        case group_control.Notice():
            return {"kind": "notice"}


# Saying what no honest member would


class Say(OfClientNow):
    """A pairwise content, encoded, well-formed or not."""

    account: Hex
    content: Hex


class SayControl(OfGroupNow):
    """A control message of any epoch; which fields count depends on its kind."""

    account: Hex
    epoch: int
    kind: Literal["add", "leave", "key", "ask", "notice"]
    accounts: list[Hex] = Field(default=[])
    added: int = 0
    last_index: int | None = None
    of: Hex | None = None
    distribution: Hex = b""
    next_index: int = 0
    digest: Hex = bytes(32)
    what: int = 1


class SaySnapshot(OfGroupNow):
    """The snapshot that the client holds, with changes: signed anew if there are any, with the key that is held.

    One with a fresh key, which signs it, also has an address of its own. One of another group is that of a group of the client's,
    with the same members and the same address.
    """

    account: Hex
    other_group: Hex | None = None
    adds_you: bool = False
    avatar: Hex | None = None
    epoch: int | None = None
    name: str | None = None
    members: list[Hex] | None = None
    administrator: Hex | None = None
    has_fresh_key: bool = False
    is_closed: bool | None = None


def say(params: Say, handles: Handles) -> Nothing:
    """Say anything in a session."""
    put_content(handles, params.client, params.account, params.content, params.now_ms)
    return Nothing()


def put_content(handles: Handles, handle: str, account: bytes, content: bytes, now_ms: int) -> None:
    """Queue a pairwise content for an account."""
    queued = Queued(content=content, group_id=None, bond="free")
    held = handles.get(handle, Client)
    handles.put(handle, client.enqueue(held, PublicKey(account), queued, handles.random, now_ms=now_ms))


def say_control(params: SayControl, handles: Handles) -> Nothing:
    """Say a control message, whether the client may or not."""
    control = group_control_pb2.GroupControl(group_id=params.group_id, epoch=params.epoch)
    match params.kind:
        case "add":
            control.add.MergeFrom(group_control_pb2.Add(accounts=params.accounts))
        case "leave":
            leave = group_control_pb2.Leave(added=params.added, last_index=params.last_index, account=params.of)
            control.leave.MergeFrom(leave)
        case "key":
            key = group_control_pb2.Key(
                distribution=params.distribution,
                next_index=params.next_index,
                added=params.added,
                digest=params.digest,
            )
            control.key.MergeFrom(key)
        case "ask":
            control.ask.MergeFrom(group_control_pb2.Ask(what=params.what))
        case "notice":
            control.notice.SetInParent()
    put_content(handles, params.client, params.account, wrap(control, params.now_ms), params.now_ms)
    return Nothing()


def wrap(control: group_control_pb2.GroupControl, now_ms: int) -> bytes:
    """Encode a pairwise content with a control message."""
    encoded = wire.encode_protobuf(control)
    return wire.encode_protobuf(closed_groups_pb2.PairwiseContent(timestamp_ms=now_ms, control=encoded))


def say_snapshot(params: SaySnapshot, handles: Handles) -> Nothing:
    """Say a snapshot, the honest one or another."""
    group = find_group(handles, params)
    signed = change_snapshot(group, params, handles.random)
    control = group_control_pb2.GroupControl(group_id=signed.snapshot.group_id, epoch=signed.snapshot.epoch)
    control.snapshot.MergeFrom(
        group_control_pb2.SnapshotMessage(
            snapshot=signed.encoded, signature=signed.signature, avatar=params.avatar, adds_you=params.adds_you
        )
    )
    put_content(handles, params.client, params.account, wrap(control, params.now_ms), params.now_ms)
    return Nothing()


def find_group(handles: Handles, params: OfGroupNow) -> Group:
    """Find the group of a client."""
    return handles.get(params.client, Client).groups[GroupId(params.group_id)]


def change_snapshot(group: Group, params: SaySnapshot, random: wire.Random) -> SignedSnapshot:
    """Change the snapshot of a view, and sign it with the administrator key that is held, or with a fresh one."""
    held = group.view.signed
    snapshot = make_snapshot(held.snapshot, params)
    if snapshot == held.snapshot and not params.has_fresh_key and params.other_group is None:
        return held
    key = group.administrator_key
    if key is None or params.has_fresh_key or params.other_group is not None:
        key = identity.generate_key_pair(random)
    if params.other_group is not None:
        group_id = GroupId(params.other_group)
        snapshot = replace(snapshot, group_id=group_id, administrator=group.ours, administrator_key=key.public)
    if params.has_fresh_key:
        address = identity.generate_key_pair(random)
        snapshot = replace(snapshot, administrator_key=key.public, address_private=address.private)
    return group_control.sign_snapshot(snapshot, key, random)


def make_snapshot(held: Snapshot, params: SaySnapshot) -> Snapshot:
    """Make a snapshot of one that is held, with the changes that are given."""
    members = held.members
    if params.members is not None:
        members = {PublicKey(account): held.members.get(PublicKey(account), 0) for account in params.members}
    return replace(
        held,
        epoch=held.epoch if params.epoch is None else params.epoch,
        name=held.name if params.name is None else params.name,
        members=members,
        administrator=held.administrator if params.administrator is None else PublicKey(params.administrator),
        closed=held.closed if params.is_closed is None else params.is_closed,
    )


# Storing what no honest member would


class MakeFrame(OfGroupNow):
    """A group message under the client's own sender key; what is not given is honest. `address` is what it is sealed to.

    `plaintext` stands in the place of the whole content; `is_room` makes it a room.
    """

    text: str = "x"
    is_room: bool = False
    plaintext: Hex | None = None
    content_group: Hex | None = None
    epoch: int | None = None
    sender: Hex | None = None
    index: int | None = None
    digest: Hex | None = None
    kind: Kind = "group message"
    source: Hex | None = None
    address: Hex | None = None
    is_broken: bool = False


class Reseal(OfStored):
    """What is stored, sealed anew: by somebody who could open it, as its client or with a private key that the harness knows."""

    private_key: Hex | None = None
    address: Hex | None = None
    source: Hex | None = None
    kind: Kind | None = None


class Stored(Message):
    """Something to be stored for a recipient."""

    recipient: Hex
    data: Hex


def make_frame(params: MakeFrame, handles: Handles) -> Stored:
    """Make a group message, which is not stored yet."""
    held, group = handles.get(params.client, Client), find_group(handles, params)
    assert group.sender_key is not None
    index = group.next_index if params.index is None else params.index
    content = closed_groups_pb2.GroupContent(
        group_id=params.content_group or group.group_id,
        epoch=group.view.epoch if params.epoch is None else params.epoch,
        sender=params.sender or group.ours,
        index=index,
        timestamp_ms=params.now_ms,
        digest=params.digest or group_control.derive_digest(group.view),
        text=None if params.is_room else params.text,
        room=closed_groups_pb2.Room(address="https://example.org/room", server_key=bytes(32))
        if params.is_room
        else None,
    )
    plaintext = wire.encode_protobuf(content) if params.plaintext is None else params.plaintext
    key, frame = sender_keys.encrypt(group.sender_key, plaintext, handles.random)
    if params.is_broken:
        frame = frame[:-1] + bytes([frame[-1] ^ 1])
    group = replace(group, sender_key=key, next_index=max(group.next_index, index + 1))
    handles.put(params.client, client.put_group(held, group))
    return seal(
        params.address or group.addresses[0].pair.public,
        Envelope(
            kind=params.kind,
            source=PublicKey(params.source or group.ours),
            timestamp_ms=params.now_ms,
            content=frame,
        ),
        handles.random,
    )


def seal(recipient: bytes, made: Envelope, random: wire.Random) -> Stored:
    """Seal an envelope."""
    return Stored(recipient=recipient, data=envelope.seal_envelope(PublicKey(recipient), made, random))


def reseal(params: Reseal, handles: Handles) -> Stored:
    """Seal what is stored anew, to another address, from another source or of another kind."""
    held = handles.get(params.client, Client)
    private = identity.PrivateKey(params.private_key) if params.private_key else find_private(held, params.recipient)
    opened = envelope.open_envelope(private, params.data)
    changed = replace(
        opened, kind=params.kind or opened.kind, source=PublicKey(params.source) if params.source else opened.source
    )
    return seal(params.address or params.recipient, changed, handles.random)


def find_private(held: Client, recipient: bytes) -> identity.PrivateKey:
    """Find the private key that opens what is stored for a recipient."""
    if recipient == held.ours:
        return held.account.identity.private
    return find_address(held, recipient)[1].pair.private


# Keeping what should be forgotten


class Copy(Message):
    """A copy of a client, which goes on with what it holds now."""

    client: ClientHandle
    copy_to: NewClient


class CanRead(OfStored):
    """A group message, a client that can open it, and another one: `reader`."""

    reader: ClientHandle


class Readable(Message):
    """Whether the reader holds a key for a message."""

    is_readable: bool


def copy(params: Copy, handles: Handles) -> Nothing:
    """Copy a client."""
    handles.put(params.copy_to, handles.get(params.client, Client))
    return Nothing()


def can_read(params: CanRead, handles: Handles) -> Readable:
    """Tell whether the sender keys that a client holds decrypt a group message, if somebody opens the envelope for it."""
    held, reader = handles.get(params.client, Client), handles.get(params.reader, Client)
    group, at = find_address(held, params.recipient)
    opened = envelope.open_envelope(at.pair.private, params.data)
    record = sender_keys.Record()
    if group.group_id in reader.groups:
        record = reader.groups[group.group_id].records.get(opened.source, record)
    try:
        sender_keys.decrypt(record, opened.content, now_ms=params.now_ms)
    except errors.ProtocolViolation:
        return Readable(is_readable=False)
    return Readable(is_readable=True)


Function = Callable[[Any, Handles], Message]

FUNCTIONS: dict[str, tuple[Function, type[Message], type[Message]]] = {
    "groups.peek": (peek, OfStored, Peeked),
    "groups.say": (say, Say, Nothing),
    "groups.say_control": (say_control, SayControl, Nothing),
    "groups.say_snapshot": (say_snapshot, SaySnapshot, Nothing),
    "groups.make_frame": (make_frame, MakeFrame, Stored),
    "groups.reseal": (reseal, Reseal, Stored),
    "groups.copy": (copy, Copy, Nothing),
    "groups.can_read": (can_read, CanRead, Readable),
}
"""What the peer alone does with clients, with the models of its params and result."""
