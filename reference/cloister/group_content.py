"""Chapter 10, first part: what is said in a closed group, and in a pairwise session, as bytes.

- A group content is the same whether it travels in a frame to all members, or in a pairwise session to one.
- What is decoded here has its form and its sizes, and nothing more: whether its sender may say it is judged by `group_reading`.
"""

from dataclasses import dataclass

from cloister import errors, group_control, identity, wire
from cloister._proto import closed_groups_pb2
from cloister.group_control import Control, GroupId
from cloister.identity import PublicKey

MAX_TEXT_BYTES = 60_000
MAX_ROOM_ADDRESS_CHARACTERS = 2048


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
class PairwiseContent:
    """What is said in a pairwise session; at most one of the last three is there. A group content stays encoded."""

    timestamp_ms: int
    text: str | None = None
    control: Control | None = None
    group: bytes | None = None


# What is said in a group


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


# What is said in a pairwise session


def encode_pairwise(content: PairwiseContent) -> bytes:
    """Encode a pairwise content.

    Clauses: NE-15, NE-20
    """
    wire.check_timestamp(content.timestamp_ms)
    return wire.encode_protobuf(
        closed_groups_pb2.PairwiseContent(
            timestamp_ms=content.timestamp_ms,
            text=content.text,
            control=group_control.encode_control(content.control) if content.control else None,
            group=content.group,
        )
    )


def decode_pairwise(encoded: bytes) -> PairwiseContent:
    """Decode an unverified pairwise content.

    Raises:
        InvalidMessage: it is not well-formed, or has more than one of text, control and group.
        OutOfRange: its time does not have 13 digits, or as `group_control.decode_control`.
        TooLarge: its text is too long.
        InvalidKey, InvalidName, InvalidAvatar: as `group_control.decode_control`.
    Clauses: CG-1, CG-6
    """
    kinds = ("text", "control", "group")
    fields = wire.decode_protobuf(closed_groups_pb2.PairwiseContent, encoded, optional=kinds)
    wire.check_timestamp(fields.timestamp_ms)
    if sum(fields.HasField(kind) for kind in kinds) > 1:
        raise errors.InvalidMessage(reason="it has more than one of text, control and group")
    if fields.HasField("text"):
        check_text(fields.text)
    return PairwiseContent(
        timestamp_ms=fields.timestamp_ms,
        text=fields.text if fields.HasField("text") else None,
        control=group_control.decode_control(fields.control) if fields.HasField("control") else None,
        group=fields.group if fields.HasField("group") else None,
    )
