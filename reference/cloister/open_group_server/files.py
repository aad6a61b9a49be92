"""What is kept of files beside their bytes."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, delete, func, insert, or_, select, update

from cloister.open_group import FILE_SECONDS, LOOSE_FILE_SECONDS
from cloister.open_group_server.tables import files, rooms

File = Row[Any]
"""A row of `files`."""
SWEEP_FILES = 1000
"""Files that are removed in one transaction."""


def is_image() -> ColumnElement[bool]:
    """Tell of a row whether it is the image of its room."""
    return select(rooms.c.id).where(rooms.c.image == files.c.id, rooms.c.id == files.c.room).exists()


def is_over(now_s: float) -> ColumnElement[bool]:
    """Tell of a row whether its time is over.

    Clauses: OG-51
    """
    loose = and_(files.c.message.is_(None), files.c.uploaded <= now_s - LOOSE_FILE_SECONDS)
    return and_(or_(loose, files.c.uploaded <= now_s - FILE_SECONDS), ~is_image())


# Changes


def add_file(
    connection: Connection, room: int, account: str, *, name: str, size: int, stored_as: str, now_s: float
) -> int:
    """Add a file that belongs to no post; return its id."""
    values = {"name": name, "size": size, "stored_as": stored_as, "uploaded": now_s, "place": 0}
    added = insert(files).values(room=room, account=account, **values)
    return int(connection.execute(added.returning(files.c.id)).scalar_one())


def give_to_message(connection: Connection, message: int, numbers: Sequence[int]) -> None:
    """Let files belong to a message, in this order."""
    for place, number in enumerate(numbers):
        connection.execute(update(files).where(files.c.id == number).values(message=message, place=place))


def remove_of_message(connection: Connection, message: int, *, but: Sequence[int] = ()) -> list[str]:
    """Remove the files of a message, but some; return their names on disk.

    Clauses: OG-37, OG-51
    """
    return remove(connection, and_(files.c.message == message, files.c.id.not_in(but)))


def remove_numbers(connection: Connection, numbers: Iterable[int]) -> list[str]:
    """Remove files by their ids; return their names on disk.

    Clauses: OG-51
    """
    return remove(connection, files.c.id.in_(list(numbers)))


def remove_gone(connection: Connection, *, now_s: float) -> list[str]:
    """Remove the files whose time is over, those of posts from the disk alone; return their names there.

    Clauses: OG-51
    """
    over = select(files.c.message, files.c.stored_as).where(is_over(now_s), files.c.stored_as.is_not(None))
    rows = connection.execute(over.limit(SWEEP_FILES)).all()
    names = [row.stored_as for row in rows]
    of_posts = files.c.stored_as.in_([row.stored_as for row in rows if row.message is not None])
    connection.execute(update(files).where(of_posts).values(stored_as=None))
    remove(connection, files.c.stored_as.in_([row.stored_as for row in rows if row.message is None]))
    return names


def remove(connection: Connection, which: ColumnElement[bool]) -> list[str]:
    """Remove files; return their names on disk."""
    names = connection.execute(delete(files).where(which).returning(files.c.stored_as)).scalars()
    return [name for name in names if name is not None]


# Questions


def find_file(connection: Connection, room: int, number: int) -> File | None:
    """Find a file of a room, gone or not.

    Clauses: OG-45
    """
    return find_one(connection, files.c.id == number, files.c.room == room)


def find_present(connection: Connection, room: int, number: int, *, now_s: float) -> File | None:
    """Find a file of a room that is not gone.

    Clauses: OG-45, OG-51
    """
    stored = files.c.stored_as.is_not(None)
    return find_one(connection, files.c.id == number, files.c.room == room, stored, ~is_over(now_s))


def find_one(connection: Connection, *conditions: ColumnElement[bool]) -> File | None:
    """Find the file of which conditions are true, and whether it is the image of its room."""
    return connection.execute(select(files, is_image().label("image")).where(*conditions)).one_or_none()


def count_loose(connection: Connection, room: int, account: str, *, now_s: float) -> int:
    """Count the loose files of an account in a room.

    Clauses: OG-55
    """
    own = and_(files.c.room == room, files.c.account == account, files.c.message.is_(None))
    counted = select(func.count()).select_from(files).where(own, ~is_over(now_s), ~is_image())
    return int(connection.execute(counted).scalar_one())


def add_up_sizes(connection: Connection) -> int:
    """Add up the sizes of all files that are on disk."""
    return int(
        connection.execute(
            select(func.coalesce(func.sum(files.c.size), 0)).where(files.c.stored_as.is_not(None))
        ).scalar_one()
    )


LIST_OF_MESSAGES = (
    select(files.c.message, files.c.id)
    .where(files.c.message.in_(bindparam("numbers", expanding=True)))
    .order_by(files.c.message, files.c.place)
)


def list_of_messages(connection: Connection, numbers: Iterable[int]) -> dict[int, list[int]]:
    """List the ids of the files of messages, by message, in the order of their posts."""
    found: dict[int, list[int]] = {}
    for message, number in connection.execute(LIST_OF_MESSAGES, {"numbers": list(numbers)}):
        found.setdefault(message, []).append(number)
    return found


def list_stored(connection: Connection) -> set[str]:
    """List the names on disk of all files."""
    return set(connection.execute(select(files.c.stored_as).where(files.c.stored_as.is_not(None))).scalars())
