"""What the endpoints of messages do: posts, edits, deletions, and lists."""

from collections.abc import Iterable, Sequence
from typing import Any

from cloister import (
    open_group_bodies,
    open_group_queries,
    open_group_rights,
)
from cloister.open_group_server import file_endpoints, files, messages, people, rooms
from cloister.open_group_server.asked import Asked
from cloister.open_group_server.messages import Message
from cloister.open_group_server.reply import build_json
from cloister.open_group_server.rooms import Room
from cloister.server_onion import ServerReply
from cloister.signed_request import Refusal
from cloister.wire import encode_base64

NO_SUCH_MESSAGE = "there is no such message"


def describe_message(message: Message, listed: Sequence[int]) -> dict[str, Any]:
    """Describe a message and the files that it lists, or the tombstone that it is.

    Clauses: OG-37, OG-41
    """
    if message.data is None:
        return {"id": message.id, "seqno": message.seqno, "data": None, "deleted": True}
    told = {
        "id": message.id,
        "session_id": message.session_id,
        "posted": message.posted,
        "seqno": message.seqno,
        "data": encode_base64(message.data),
        "signature": encode_base64(message.signature),
    }
    edited = {} if message.edited is None else {"edited": message.edited}
    return {**told, **edited, **({"files": listed} if listed else {})}


def describe_messages(asked: Asked, page: Iterable[Message]) -> list[dict[str, Any]]:
    """Describe messages in their order."""
    page = list(page)
    listed = files.list_of_messages(asked.connection, [message.id for message in page])
    return [describe_message(message, listed.get(message.id, [])) for message in page]


def tell_message_of(asked: Asked, number: int, status: int = 200) -> ServerReply:
    """Tell a message that is there."""
    return build_json(describe_messages(asked, [find_message(asked, number)])[0], status)


def find_message(asked: Asked, number: int) -> Message:
    """Find a message of the room that is not deleted.

    Raises:
        Refusal: 404, there is none.
    Clauses: OG-37, OG-38, OG-45
    """
    found = messages.find_message(asked.connection, asked.room.number, number)
    if found is None:
        raise Refusal(404, NO_SUCH_MESSAGE)
    return found


def find_named_message(asked: Asked) -> Message:
    """Find the message of the path.

    Raises:
        Refusal: 404, there is none.
    """
    return find_message(asked, open_group_queries.decode_number(asked.names["message"]))


def post_message(asked: Asked) -> ServerReply:
    """Post a message, or find it if it was posted before.

    Clauses: OG-33, OG-34, OG-42, OG-43, OG-47, OG-50
    """
    post = open_group_bodies.decode_post(asked.request.body)
    number, account = asked.room.number, asked.who.account
    rooms.lock_room(asked.connection, number)
    if same := messages.find_same(asked.connection, number, account, post.data):
        return tell_message_of(asked, same.id, 201)
    check_files(asked, post.files, message=None)
    note_post(asked)
    seqno = rooms.take_sequence(asked.connection, number)
    message = messages.add_message(
        asked.connection, number, account, asked.who.session_id, post, seqno=seqno, now_s=asked.now_s
    )
    files.give_to_message(asked.connection, message.id, post.files)
    people.note_last_post(asked.connection, number, account)
    return build_json(describe_message(message, post.files), 201)


def edit_message(asked: Asked) -> ServerReply:
    """Edit a message of one's own.

    Clauses: OG-34, OG-38, OG-42, OG-50
    """
    post = open_group_bodies.decode_post(asked.request.body)
    rooms.lock_room(asked.connection, asked.room.number)
    message = find_named_message(asked)
    open_group_rights.check_may_edit(own=message.account == asked.who.account)
    check_files(asked, post.files, message=message.id)
    note_post(asked)
    seqno = rooms.take_sequence(asked.connection, asked.room.number)
    session_id = asked.who.session_id
    messages.edit_message(asked.connection, message.id, session_id, post, seqno=seqno, now_s=asked.now_s)
    asked.removed += files.remove_of_message(asked.connection, message.id, but=post.files)
    files.give_to_message(asked.connection, message.id, post.files)
    return build_json({})


def check_files(asked: Asked, numbers: Iterable[int], *, message: int | None) -> None:
    """Check that a post of who asks, None being a new one, may list files.

    Raises:
        Refusal: 404, it may not.
    Clauses: OG-50
    """
    for number in numbers:
        found = file_endpoints.find_file(asked, number)
        if message is None or found.message != message:
            found = file_endpoints.find_present(asked, number)
        has = message is not None and found.message == message
        open_group_rights.check_may_list(
            has=has, loose=file_endpoints.is_loose(found), own=found.account == asked.who.account
        )


def note_post(asked: Asked) -> None:
    """Count a post or an edit.

    Raises:
        Refusal: 429, there are too many.
    Clauses: OG-42
    """
    number, account = asked.room.number, asked.who.account
    times = people.list_post_times(asked.connection, number, account)
    open_group_rights.check_rate(times, asked.rights, now_s=asked.now_s)
    people.note_post(asked.connection, number, account, now_s=asked.now_s)


def tell_message(asked: Asked) -> ServerReply:
    """Tell a message."""
    return build_json(describe_messages(asked, [find_named_message(asked)])[0])


def delete_message(asked: Asked) -> ServerReply:
    """Delete a message.

    Clauses: OG-37, OG-39
    """
    rooms.lock_room(asked.connection, asked.room.number)
    message = find_named_message(asked)
    open_group_rights.check_may_delete(asked.rights, own=message.account == asked.who.account)
    delete(asked, asked.room, message.account, [message.id])
    return build_json({})


def delete(asked: Asked, found: Room, account: str, numbers: Sequence[int]) -> None:
    """Leave tombstones of posts of an account."""
    asked.removed += messages.delete_messages(asked.connection, found.number, account, numbers)


def tell_since(asked: Asked) -> ServerReply:
    """List what has changed behind a sequence number.

    Clauses: OG-35, OG-36, OG-37
    """
    limit = open_group_queries.read_limit(asked.request)
    seqno = open_group_queries.decode_number(asked.names["number"])
    page = messages.list_since(asked.connection, asked.room.number, seqno, limit)
    return build_json(describe_messages(asked, page))


def tell_recent(asked: Asked) -> ServerReply:
    """List the newest messages."""
    limit = open_group_queries.read_limit(asked.request)
    return build_json(describe_messages(asked, messages.list_newest(asked.connection, asked.room.number, limit)))


def tell_before(asked: Asked) -> ServerReply:
    """List the messages before one."""
    limit = open_group_queries.read_limit(asked.request)
    before = open_group_queries.decode_number(asked.names["message"])
    page = messages.list_newest(asked.connection, asked.room.number, limit, before=before)
    return build_json(describe_messages(asked, page))


def delete_all_in_room(asked: Asked) -> ServerReply:
    """Delete all posts of an account in a room.

    Clauses: OG-39, OG-46
    """
    account = asked.decode_named()
    open_group_rights.check_may_delete(asked.rights, own=account == asked.who.account)
    if not delete_all(asked, asked.room, account):
        raise Refusal(404, "there is nothing of this id")
    return build_json({})


def delete_all(asked: Asked, found: Room, account: str) -> int:
    """Delete all posts of an account in a room; return how many.

    Clauses: OG-46
    """
    rooms.lock_room(asked.connection, found.number)
    numbers = messages.list_of_account(asked.connection, found.number, account)
    if numbers:
        delete(asked, found, account, numbers)
    return len(numbers)


def delete_all_everywhere(asked: Asked) -> ServerReply:
    """Delete all posts of an account, in all rooms in which who asks may.

    Clauses: OG-20, OG-39, OG-46
    """
    account = asked.decode_named()
    own = account == asked.who.account
    allowed = [found for found, rights in asked.list_rooms() if rights.moderator or (own and rights.write)]
    counts = {found.token: count for found in allowed if (count := delete_all(asked, found, account))}
    return build_json({"total": sum(counts.values()), "rooms": counts})
