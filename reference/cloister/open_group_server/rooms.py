"""What is kept of rooms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from cloister.open_group import ACTIVE_SECONDS
from cloister.open_group_rights import FLAGS, RoomSettings
from cloister.open_group_server import files, tables
from cloister.open_group_server.tables import rooms, standings


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room, and its number in the database."""

    number: int
    token: str
    name: str
    description: str
    image: int | None
    created_s: float
    settings: RoomSettings
    invitation: bytes | None
    invitation_until_s: float | None
    message_sequence: int
    info_updates: int


def build_room(row: Row[Any]) -> Room:
    """Build a room from its row."""
    return Room(
        number=row.id,
        token=row.token,
        name=row.name,
        description=row.description,
        image=row.image,
        created_s=row.created,
        settings=RoomSettings(
            default_read=row.default_read,
            default_accessible=row.default_accessible,
            default_write=row.default_write,
            default_upload=row.default_upload,
            invitation_required=row.invitation_required,
        ),
        invitation=row.invitation,
        invitation_until_s=row.invitation_until,
        message_sequence=row.message_sequence,
        info_updates=row.info_updates,
    )


FIND_ROOM = select(rooms).where(rooms.c.token == bindparam("token"))
LOCK_ROOM = select(rooms).where(rooms.c.id == bindparam("number")).with_for_update()
TAKE_SEQUENCE = (
    update(rooms)
    .where(rooms.c.id == bindparam("number"))
    .values(message_sequence=rooms.c.message_sequence + 1)
    .returning(rooms.c.message_sequence)
)
COUNT_ACTIVE = (
    select(standings.c.room, func.count())
    .where(standings.c.room.in_(bindparam("numbers", expanding=True)), standings.c.last_post > bindparam("after"))
    .group_by(standings.c.room)
)
"""What is asked for each request is built once: building takes longer than asking."""


def find_room(connection: Connection, token: str) -> Room | None:
    """Find a room by its token."""
    row = connection.execute(FIND_ROOM, {"token": token}).one_or_none()
    return build_room(row) if row else None


def list_rooms(connection: Connection) -> list[Room]:
    """List all rooms, the oldest first."""
    return [build_room(row) for row in connection.execute(select(rooms).order_by(rooms.c.id))]


def add_room(connection: Connection, token: str, changes: Mapping[str, Any], *, now_s: float) -> None:
    """Add a room with a name; what is not said is as in a blacklist group."""
    defaults = {f"default_{name}": True for name in FLAGS}
    values = {"description": "", **defaults, "invitation_required": False, **changes}
    connection.execute(insert(rooms).values(token=token, created=now_s, message_sequence=0, info_updates=0, **values))


def lock_room(connection: Connection, number: int) -> Room:
    """Read a room anew, which no other process changes before this transaction ends."""
    return build_room(connection.execute(LOCK_ROOM, {"number": number}).one())


def change_room(connection: Connection, number: int, **values: object) -> int:
    """Change a room, by columns, and count it; return how many changes there were.

    Clauses: OG-65
    """
    changed = update(rooms).where(rooms.c.id == number).values(info_updates=rooms.c.info_updates + 1, **values)
    return int(connection.execute(changed.returning(rooms.c.info_updates)).scalar_one())


def remove_room(connection: Connection, number: int) -> list[str]:
    """Remove a room with all that is in it; return the names on disk of its files."""
    names = files.remove(connection, tables.files.c.room == number)
    for table in (tables.messages, tables.post_times, standings):
        connection.execute(delete(table).where(table.c.room == number))
    connection.execute(delete(rooms).where(rooms.c.id == number))
    return names


def set_invitation(connection: Connection, number: int, invitation: bytes | None, until_s: float | None) -> None:
    """Set the invitation of a room, which ends the one before.

    Clauses: OG-31
    """
    changed = update(rooms).where(rooms.c.id == number).values(invitation=invitation, invitation_until=until_s)
    connection.execute(changed)


def take_sequence(connection: Connection, number: int) -> int:
    """Take the next sequence number of a room. Another process waits for it until this transaction ends.

    So numbers become visible in their order, and no cursor passes one that is still to come.
    Clauses: OG-34, OG-36
    """
    return int(connection.execute(TAKE_SEQUENCE, {"number": number}).scalar_one())


def count_active(connection: Connection, numbers: Sequence[int], *, now_s: float) -> dict[int, int]:
    """Count the authors of posts of the last week that stand, by room."""
    counted = connection.execute(COUNT_ACTIVE, {"numbers": numbers, "after": now_s - ACTIVE_SECONDS})
    return dict.fromkeys(numbers, 0) | {row.room: int(row[1]) for row in counted}
