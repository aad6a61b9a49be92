"""What is kept of messages, and of those that were deleted."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    UnaryExpression,
    bindparam,
    func,
    insert,
    select,
    update,
)

from cloister.open_group import MAX_PAGE_BYTES
from cloister.open_group_bodies import PostBody
from cloister.open_group_server import files, people, rooms
from cloister.open_group_server.tables import messages

Message = Row[Any]
"""A row of `messages`."""


# Changes

ADD_MESSAGE = insert(messages).returning(messages)


def add_message(
    connection: Connection, room: int, account: str, session_id: str, post: PostBody, *, seqno: int, now_s: float
) -> Message:
    """Add a post under the next sequence number of its room.

    Clauses: OG-33, OG-34, OG-41
    """
    added = {
        "room": room,
        "account": account,
        "session_id": session_id,
        "posted": now_s,
        "seqno": seqno,
        "digest": hash_data(post.data),
        "data": post.data,
        "signature": post.signature,
    }
    return connection.execute(ADD_MESSAGE, added).one()


def edit_message(
    connection: Connection, number: int, session_id: str, post: PostBody, *, seqno: int, now_s: float
) -> None:
    """Change a post, under the next sequence number of its room.

    Clauses: OG-34, OG-35
    """
    changes = {
        "edited": now_s,
        "seqno": seqno,
        "digest": hash_data(post.data),
        "data": post.data,
        "signature": post.signature,
    }
    connection.execute(update(messages).where(messages.c.id == number).values(session_id=session_id, **changes))


def delete_messages(connection: Connection, room: int, account: str, numbers: Iterable[int]) -> list[str]:
    """Leave tombstones of posts of an account, each under the next sequence number; return the names of their files on disk.

    Clauses: OG-34, OG-37, OG-46
    """
    names = []
    for number in numbers:
        seqno = rooms.take_sequence(connection, room)
        nothing = {"digest": None, "data": None, "signature": None}
        connection.execute(update(messages).where(messages.c.id == number).values(seqno=seqno, **nothing))
        names += files.remove_of_message(connection, number)
    people.note_last_post(connection, room, account)
    return names


# Questions


@dataclass(frozen=True, slots=True)
class Page:
    """What asks for the sizes of messages in an order, and for the messages: as many as fit."""

    sizes: Select[Any]
    rows: Select[Any]


def build_page(*conditions: ColumnElement[bool], order: UnaryExpression[int]) -> Page:
    """Build what asks for a page of a room."""
    where = [messages.c.room == bindparam("at"), *conditions]
    sizes = select(func.coalesce(func.length(messages.c.data), 0))
    limit = bindparam("limit", type_=Integer)
    return Page(*(asked.where(*where).order_by(order).limit(limit) for asked in (sizes, select(messages))))


STANDS = messages.c.data.is_not(None)
SINCE = build_page(messages.c.seqno > bindparam("behind"), order=messages.c.seqno.asc())
NEWEST = build_page(STANDS, order=messages.c.id.desc())
BEFORE = build_page(STANDS, messages.c.id < bindparam("below"), order=messages.c.id.desc())
FIND_MESSAGE = select(messages).where(messages.c.id == bindparam("number"), messages.c.room == bindparam("at"), STANDS)
FIND_SAME = (
    select(messages)
    .where(messages.c.room == bindparam("at"), messages.c.account == bindparam("of"))
    .where(messages.c.digest == bindparam("hash"))
    .order_by(messages.c.id)
    .limit(1)
)


def hash_data(data: bytes) -> bytes:
    """Hash the data of a post, 32 bytes, by which the same is found."""
    return hashlib.sha256(data).digest()


def find_same(connection: Connection, room: int, account: str, data: bytes) -> Message | None:
    """Find a post of an account with the same data that stands in a room.

    Clauses: OG-47
    """
    return connection.execute(FIND_SAME, {"at": room, "of": account, "hash": hash_data(data)}).one_or_none()


def find_message(connection: Connection, room: int, number: int) -> Message | None:
    """Find a post of a room that is not deleted.

    Clauses: OG-37, OG-45
    """
    return connection.execute(FIND_MESSAGE, {"number": number, "at": room}).one_or_none()


def list_since(connection: Connection, room: int, seqno: int, limit: int) -> Sequence[Message]:
    """List a page of messages and tombstones with higher sequence numbers, ascending.

    Clauses: OG-35, OG-36, OG-44
    """
    return list_page(connection, SINCE, {"at": room, "behind": seqno}, limit)


def list_newest(connection: Connection, room: int, limit: int, *, before: int | None = None) -> Sequence[Message]:
    """List a page of messages, newest first, all of them or those with lower ids.

    Clauses: OG-37, OG-44
    """
    if before is None:
        return list_page(connection, NEWEST, {"at": room}, limit)
    return list_page(connection, BEFORE, {"at": room, "below": before}, limit)


def list_page(connection: Connection, page: Page, parameters: Mapping[str, object], limit: int) -> Sequence[Message]:
    """List messages of a room, so many or fewer, and ending before `MAX_PAGE_BYTES`.

    Clauses: OG-44, OG-45
    """
    sizes = connection.execute(page.sizes, {**parameters, "limit": limit})
    count = count_fitting(sizes.scalars().all())
    return connection.execute(page.rows, {**parameters, "limit": count}).all() if count else []


def count_fitting(sizes: Sequence[int]) -> int:
    """Count how many messages of these sizes, from the first on, fit into an answer; the first always does.

    Clauses: OG-44
    """
    count, total = 0, 0
    for size in sizes:
        total += size
        if count and total > MAX_PAGE_BYTES:
            break
        count += 1
    return count


def list_of_account(connection: Connection, room: int, account: str) -> list[int]:
    """List the ids of all posts of an account in a room that are not deleted."""
    own = select(messages.c.id).where(
        messages.c.room == room, messages.c.account == account, messages.c.data.is_not(None)
    )
    return [int(number) for number in connection.execute(own.order_by(messages.c.id)).scalars()]
