"""What is kept of accounts: rights on the server and in rooms, the id that they last signed with, nonces."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, delete, func, insert, or_, select, text, update

from cloister import open_group_rights
from cloister.open_group_rights import FLAGS, POSTS, POSTS_SECONDS, Flags, RoleChange, Standing
from cloister.open_group_server import rooms
from cloister.open_group_server.database import choose_insert, upsert
from cloister.open_group_server.tables import messages, nonces, post_times, standings, users
from cloister.signed_request import TIME_TOLERANCE_S

NO_ROLE = {"moderator": False, "administrator": False, "visible": True}
NO_BAN = {"banned": False, "banned_until": None}
NEW_USER: dict[str, Any] = {**NO_ROLE, **NO_BAN}
NEW_STANDING: dict[str, Any] = {**NO_ROLE, **NO_BAN, "invited": False}


# Nonces


def note_nonce(connection: Connection, account: str, nonce: bytes, *, timestamp_s: int) -> bool:
    """Note a nonce; tell whether the account has not used it, as long as its timestamp can be accepted.

    Clauses: OG-11
    """
    noted = build_note(connection.dialect.name)
    row = connection.execute(noted, {"account": account, "nonce": nonce, "timestamp": timestamp_s}).first()
    return row is not None


@cache
def build_note(dialect: str) -> Any:  # noqa: ANN401 - SQLAlchemy's
    """Build the insert of a nonce, which does nothing and returns nothing if it is there."""
    return choose_insert(dialect)(nonces).on_conflict_do_nothing().returning(nonces.c.account)


def prune_nonces(connection: Connection, *, now_s: float) -> None:
    """Forget the nonces whose timestamps cannot be accepted any more, and will not when the clock goes wrong by a day.

    Clauses: OG-11
    """
    connection.execute(delete(nonces).where(nonces.c.timestamp < now_s - 2 * TIME_TOLERANCE_S))


# Accounts on the server

FIND_USER = select(users).where(users.c.account == bindparam("of"))
FIND_SHOWN = select(users.c.shown_as).where(users.c.account == bindparam("of"))


def find_user(connection: Connection, account: str) -> Standing:
    """Find what an account is on the whole server.

    Clauses: OG-2
    """
    row = connection.execute(FIND_USER, {"of": account}).one_or_none()
    return build_standing(row) if row else Standing()


def set_user(connection: Connection, account: str, **values: object) -> None:
    """Set what an account is on the whole server, by columns.

    Clauses: OG-2
    """
    upsert(connection, users, {"account": account}, values, others=NEW_USER)


def note_id(connection: Connection, account: str, shown_as: str) -> None:
    """Note under which blinded id an account signs now."""
    known = connection.execute(FIND_SHOWN, {"of": account}).scalar()
    if known != shown_as:
        set_user(connection, account, shown_as=shown_as)


def build_standing(row: Row[Any]) -> Standing:
    """Build what an account is from a row of either table."""
    members = row._mapping  # noqa: SLF001 - its documented name
    return Standing(
        moderator=members["moderator"],
        administrator=members["administrator"],
        visible=members["visible"],
        banned=members["banned"],
        banned_until_s=members["banned_until"],
        invited=members.get("invited", False),
        flags=Flags(**{name: members.get(name) for name in FLAGS}),
    )


# Accounts in rooms

FIND_STANDING = select(standings).where(standings.c.room == bindparam("at"), standings.c.account == bindparam("of"))


def find_standing(connection: Connection, room: int, account: str) -> Standing:
    """Find what an account is in a room.

    Clauses: OG-2, OG-20, OG-28
    """
    row = connection.execute(FIND_STANDING, {"at": room, "of": account}).one_or_none()
    return build_standing(row) if row else Standing()


def find_standings(connection: Connection, account: str) -> dict[int, Standing]:
    """Find what an account is, by room."""
    rows = connection.execute(select(standings).where(standings.c.account == account))
    return {row.room: build_standing(row) for row in rows}


def set_standing(connection: Connection, room: int, account: str, **values: object) -> None:
    """Set what an account is in a room, by columns.

    Clauses: OG-2, OG-28
    """
    upsert(connection, standings, {"room": room, "account": account}, values, others=NEW_STANDING)


def set_in(connection: Connection, room: int | None, account: str, **values: object) -> None:
    """Set what an account is in a room, or, None, on the whole server, by columns.

    Clauses: OG-2
    """
    if room is None:
        set_user(connection, account, **values)
    else:
        set_standing(connection, room, account, **values)


def change_role(connection: Connection, room: int | None, account: str, change: RoleChange) -> None:
    """Change the role of an account in a room, or, None, on the whole server; giving a right ends a ban there.

    Clauses: OG-23, OG-65
    """
    if room is None:
        before = find_user(connection, account)
    else:
        rooms.change_room(connection, room)
        before = find_standing(connection, room, account)
    role = open_group_rights.apply_role(before, change)
    set_in(
        connection,
        room,
        account,
        moderator=role.moderator,
        administrator=role.administrator,
        visible=role.visible,
        banned=role.banned,
        banned_until=role.banned_until_s,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """The moderators and administrators of a room, by the ids under which they are shown."""

    moderators: Sequence[str]
    administrators: Sequence[str]
    hidden_moderators: Sequence[str]
    hidden_administrators: Sequence[str]


SHOWN = select(standings, users.c.shown_as).outerjoin(users, users.c.account == standings.c.account)
IS_STAFF = text("(standings.moderator OR standings.administrator)")
"""In the words of the index `standings_staff`, by which SQLite knows that it helps."""
LIST_STAFF = SHOWN.where(standings.c.room.in_(bindparam("rooms", expanding=True)), IS_STAFF).order_by(
    standings.c.room, standings.c.account
)


def list_staff(connection: Connection, rooms: Sequence[int]) -> dict[int, Staff]:
    """List the moderators and administrators of rooms.

    Clauses: OG-27
    """
    found: dict[int, list[Row[Any]]] = {room: [] for room in rooms}
    for row in connection.execute(LIST_STAFF, {"rooms": rooms}):
        found[row.room].append(row)
    return {room: build_staff(of_room) for room, of_room in found.items()}


def build_staff(rows: Sequence[Row[Any]]) -> Staff:
    """Build the staff of a room from its rows.

    Clauses: OG-27
    """

    def pick(*, administrator: bool, visible: bool) -> list[str]:
        found = [row for row in rows if row.administrator == administrator and row.visible == visible]
        return [row.shown_as or row.account for row in found]

    return Staff(
        moderators=pick(administrator=False, visible=True),
        administrators=pick(administrator=True, visible=True),
        hidden_moderators=pick(administrator=False, visible=False),
        hidden_administrators=pick(administrator=True, visible=False),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account, and what it is in a room or on the server."""

    account: str
    standing: Standing


def list_people(connection: Connection, room: int | None) -> list[Person]:
    """List the accounts with a role, a ban, flags or a joining in a room, or with a role or a ban on the server."""
    table = users if room is None else standings
    kept: list[ColumnElement[bool]] = [table.c.moderator, table.c.administrator, table.c.banned]
    listed = select(table)
    if room is not None:
        kept += [standings.c.invited, *(standings.c[name].is_not(None) for name in FLAGS)]
        listed = listed.where(standings.c.room == room)
    rows = connection.execute(listed.where(or_(*kept)).order_by(table.c.account))
    return [Person(account=row.account, standing=build_standing(row)) for row in rows]


def list_flags(connection: Connection, room: int, *, after: str, limit: int) -> dict[str, Flags]:
    """List the flags of accounts that have some in a room, behind one of them, by the ids under which they are shown."""
    has_some = or_(*(standings.c[name].is_not(None) for name in FLAGS))
    listed = SHOWN.where(standings.c.room == room, has_some, standings.c.account > after)
    rows = connection.execute(listed.order_by(standings.c.account).limit(limit))
    return {row.shown_as or row.account: build_standing(row).flags for row in rows}


# Activity

NOTE_POST = insert(post_times)
LIST_POST_TIMES = (
    select(post_times.c.made)
    .where(post_times.c.room == bindparam("at"), post_times.c.account == bindparam("of"))
    .order_by(post_times.c.id.desc())
    .limit(POSTS)
)
FIND_LAST_POST = select(func.max(messages.c.posted)).where(
    messages.c.room == bindparam("at"), messages.c.account == bindparam("of"), messages.c.data.is_not(None)
)


def note_post(connection: Connection, room: int, account: str, *, now_s: float) -> None:
    """Note that an account posts or edits in a room.

    Clauses: OG-42
    """
    connection.execute(NOTE_POST, {"room": room, "account": account, "made": now_s})


def list_post_times(connection: Connection, room: int, account: str) -> list[float]:
    """List when an account made its last `POSTS` posts and edits in a room, deleted ones too.

    Clauses: OG-42
    """
    return [float(time) for time in connection.execute(LIST_POST_TIMES, {"at": room, "of": account}).scalars()]


def prune_post_times(connection: Connection, *, now_s: float) -> None:
    """Forget when posts were made that count no more."""
    connection.execute(delete(post_times).where(post_times.c.made < now_s - POSTS_SECONDS))


def note_last_post(connection: Connection, room: int, account: str) -> None:
    """Note when the last post of an account in a room was made that stands."""
    last = connection.execute(FIND_LAST_POST, {"at": room, "of": account}).scalar()
    set_standing(connection, room, account, last_post=last)


def end_bans(connection: Connection, *, now_s: float) -> None:
    """Forget bans that have ended by themselves.

    Clauses: OG-19
    """
    for table in (users, standings):
        ended = and_(table.c.banned, table.c.banned_until <= now_s)
        connection.execute(update(table).where(ended).values(**NO_BAN))
