"""Chapter 10, contents of messages, behind the adapter protocol."""

from cloister import group_content, group_control
from cloister.group_control import GroupId
from cloister.identity import PublicKey

from cloister_conformance.protocol import closed_group as messages
from cloister_conformance.reference_adapter.handles import Handles


def encode_content(params: messages.GroupContent, handles: Handles) -> messages.Encoded:
    told = params.content
    room = group_content.Room(address=told.room.address, server_key=told.room.server_key) if told.room else None
    content = group_content.GroupContent(
        group_id=GroupId(told.group_id),
        epoch=told.epoch,
        sender=PublicKey(told.sender),
        index=int(told.index),
        timestamp_ms=told.timestamp_ms,
        digest=told.digest,
        text=told.text,
        room=room,
    )
    return messages.Encoded(encoded=group_content.encode_content(content))


def decode_content(params: messages.Encoded, handles: Handles) -> messages.GroupContent:
    content = group_content.decode_content(params.encoded)
    room = content.room
    return messages.GroupContent(
        content=messages.Content(
            group_id=content.group_id,
            epoch=content.epoch,
            sender=content.sender,
            index=str(content.index),
            timestamp_ms=content.timestamp_ms,
            digest=content.digest,
            text=content.text,
            room=messages.Room(address=room.address, server_key=room.server_key) if room else None,
        )
    )


def encode_pairwise(params: messages.PairwiseContent, handles: Handles) -> messages.Encoded:
    control = None if params.control is None else group_control.decode_control(params.control)
    content = group_content.PairwiseContent(
        timestamp_ms=params.timestamp_ms, text=params.text, control=control, group=params.group
    )
    return messages.Encoded(encoded=group_content.encode_pairwise(content))


def decode_pairwise(params: messages.Encoded, handles: Handles) -> messages.PairwiseContent:
    content = group_content.decode_pairwise(params.encoded)
    return messages.PairwiseContent(
        timestamp_ms=content.timestamp_ms,
        text=content.text,
        control=None if content.control is None else group_control.encode_control(content.control),
        group=content.group,
    )
