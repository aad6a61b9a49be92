"""What the operator does without a request, on the database of a server that runs or does not.

What it changes the next request finds. It obeys the rules that requests obey: nobody bans the operator or takes a right
from it, nor bans a moderator or administrator before the right is taken away.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from cloister import errors, open_group_bodies, open_group_rights, room, server_id
from cloister.open_group_rights import FLAGS, RoleChange
from cloister.open_group_server import database, file_store, people, rooms, server_file
from cloister.open_group_server.database import Database, NewerDatabase, UnusableDatabase
from cloister.open_group_server.people import Person
from cloister.open_group_server.rooms import Room
from cloister.open_group_server.server_file import ServerFile
from cloister.room import RoomLink
from cloister.serving.clock import open_clock
from cloister.serving.server_file import UnusableFile
from cloister.signed_request import Refusal

SERVER_FILE = "server.json"
"""In the folder of a server that one command starts."""
NO_MODERATOR = RoleChange(moderator=False, administrator=None, visible=None)
MODERATOR = RoleChange(moderator=True, administrator=None, visible=None)
ADMINISTRATOR = RoleChange(moderator=None, administrator=True, visible=None)
NO_ADMINISTRATOR = RoleChange(moderator=None, administrator=False, visible=None)

Result = TypeVar("Result")


class CannotOperate(Exception):
    """What the operator asked for cannot be done, and nothing has changed; the message says what to do."""


def find_server_file(path: Path) -> Path:
    """Find the server file that a path names, or that is in the folder that it names.

    Raises:
        CannotOperate: there is none.
    """
    file = path / SERVER_FILE if path.is_dir() else path
    if not file.exists():
        raise CannotOperate(f"there is no {file}: `cloister serve open-group --dir {path}` makes a server there")
    return file


def operate(path: Path, act: Callable[["Operator"], Result]) -> Result:
    """Do something in one transaction on the database of the server that a path names.

    Raises:
        CannotOperate: it cannot be done.
    """
    try:
        file = server_file.read(find_server_file(path))
        with closing(Database(file.database_url)) as opened:
            (done,) = database.try_again(opened.engine, [lambda connection: run(connection, file, act)])
    except (UnusableFile, NewerDatabase, UnusableDatabase) as error:
        raise CannotOperate(str(error)) from None
    except SQLAlchemyError as error:
        raise CannotOperate(f"the database refuses: {database.describe(error)}") from None
    if isinstance(done, Refusal):
        raise CannotOperate(done.reason)
    if isinstance(done, UnusableFile):
        raise CannotOperate(str(done))
    if isinstance(done, Exception):
        raise done
    result, removed = done
    file_store.remove(file.data, removed)
    return result  # type: ignore[no-any-return]


def run(connection: Connection, file: ServerFile, act: Callable[["Operator"], Result]) -> tuple[Result, Sequence[str]]:
    """Do something on a connection; return what comes of it, and the names on disk of files that are gone with it."""
    operator = Operator(connection=connection, file=file, now_s=open_clock(file.clock)() / 1000, removed=[])
    return act(operator), operator.removed


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """The operator of a server, at work in one transaction; `removed` are names on disk of files that are gone with it."""

    connection: Connection
    file: ServerFile
    now_s: float
    removed: list[str]

    # Ids, rooms, links

    @property
    def server_key(self) -> bytes:
        """The key of the server, 32 bytes."""
        return self.file.keys.public[1:]

    def decode_id(self, text: str) -> str:
        """Decode an id of any form to its account id.

        Raises:
            CannotOperate: it is none.
        """
        try:
            return server_id.decode_id(text, server_key=self.server_key).hex()
        except errors.CloisterError as error:
            raise CannotOperate(
                f"{text!r} is no id: it has 66 digits of lower-case hex that begin with 05, 15 or 00 ({error})"
            ) from None

    def find_room(self, token: str) -> Room:
        """Find a room, which nobody else changes before the transaction ends.

        Raises:
            CannotOperate: there is none.
        """
        found = rooms.find_room(self.connection, token)
        if found is None:
            known = ", ".join(one.token for one in self.list_rooms()) or "none"
            raise CannotOperate(f"there is no room {token!r}; there are: {known}")
        return rooms.lock_room(self.connection, found.number)

    def list_rooms(self) -> list[Room]:
        """List all rooms, the oldest first."""
        return rooms.list_rooms(self.connection)

    def count_active(self, found: Room) -> int:
        """Count the authors of posts of the last week that stand in a room."""
        return rooms.count_active(self.connection, [found.number], now_s=self.now_s)[found.number]

    def build_link(self, found: Room, invitation: bytes | None = None) -> RoomLink:
        """Build the link to a room, with an invitation if it is to have one.

        Raises:
            UnusableFile: the server file does not say where others reach the server.
        """
        link = room.decode_link(f"{self.file.base}/{found.token}?public_key={self.server_key.hex()}")
        return replace(link, invitation=invitation)

    def find_invitation(self, token: str) -> bytes:
        """Find the invitation of a room that stands.

        Raises:
            CannotOperate: there is none.
        """
        found = self.find_room(token)
        until_s = found.invitation_until_s
        if found.invitation is None or (until_s is not None and until_s <= self.now_s):
            raise CannotOperate(f"{token} has no invitation: `cloister open-group invite` makes one")
        return found.invitation

    # Rooms

    def create_room(self, token: str, changes: Mapping[str, Any]) -> Room:
        """Make a room.

        Raises:
            CannotOperate: the token is none, or is taken.
            Refusal: a member is not of the form.
        """
        if not room.TOKEN.fullmatch(token):
            raise CannotOperate(f"{token!r} is no token: it has 1 to 64 characters of a-z A-Z 0-9 _ -")
        open_group_bodies.check_room_changes(changes)
        if not create_room(self.connection, token, changes, now_s=self.now_s):
            raise CannotOperate(f"there is a room {token} already: `cloister open-group set-room` changes it")
        return self.find_room(token)

    def change_room(self, token: str, changes: Mapping[str, Any]) -> None:
        """Change a room.

        Raises:
            CannotOperate: there is none.
            Refusal: a member is not of the form.
        Clauses: OG-65
        """
        open_group_bodies.check_room_changes(changes)
        rooms.change_room(self.connection, self.find_room(token).number, **changes)

    def delete_room(self, token: str) -> None:
        """Delete a room with all that is in it; nothing stays, no tombstones either.

        Raises:
            CannotOperate: there is none, or the next start would make it again.
        """
        number = self.find_room(token).number
        if token in {one["token"] for one in self.file.rooms}:
            raise CannotOperate(f"the server file makes {token} at each start: take it out of `rooms` there first")
        self.removed.extend(rooms.remove_room(self.connection, number))

    def invite(self, token: str, seconds: int | None = None) -> bytes:
        """Make the invitation of a room, which ends the one before.

        Raises:
            CannotOperate: there is no such room.
        Clauses: OG-31
        """
        invitation = secrets.token_bytes(room.INVITATION_BYTES)
        self._set_invitation(token, invitation, self._find_end(seconds))
        return invitation

    def withdraw(self, token: str) -> None:
        """End the invitation of a room.

        Raises:
            CannotOperate: there is no such room.
        Clauses: OG-31
        """
        self._set_invitation(token, None, None)

    def _set_invitation(self, token: str, invitation: bytes | None, until_s: float | None) -> None:
        rooms.set_invitation(self.connection, self.find_room(token).number, invitation, until_s)

    def _find_end(self, seconds: int | None) -> float | None:
        return None if seconds is None else self.now_s + seconds

    # People

    def list_people(self, token: str | None) -> list[Person]:
        """List the accounts of which something is kept in a room, or on the whole server.

        Raises:
            CannotOperate: there is no such room.
        """
        return people.list_people(self.connection, None if token is None else self.find_room(token).number)

    def approve(self, token: str, ids: Sequence[str], *, approved: bool = True) -> None:
        """Approve accounts in a room, or take that away.

        Raises:
            CannotOperate: there is no such room, or an id is none.
        Clauses: OG-28, OG-32
        """
        number = self.find_room(token).number
        flags = dict.fromkeys(FLAGS, True if approved else None)
        for account in [self.decode_id(text) for text in ids]:
            people.set_standing(self.connection, number, account, **flags)

    def change_role(self, text: str, change: RoleChange, tokens: Sequence[str] | None) -> None:
        """Change the role of an account in rooms, or, with none named, on the server.

        Raises:
            CannotOperate: there is no such room, or the id is none.
            Refusal: the operator would lose a right.
        Clauses: OG-22, OG-65
        """
        account = self.decode_id(text)
        open_group_rights.check_may_change_role(change, operator=account == self.file.operator)
        for found in self._find_scope(tokens):
            people.change_role(self.connection, None if found is None else found.number, account, change)

    def ban(self, text: str, tokens: Sequence[str] | None, seconds: int | None = None) -> None:
        """Ban an account from rooms, or, with none named, from the server.

        Raises:
            CannotOperate: there is no such room, or the id is none.
            Refusal: the account has a right there.
        Clauses: OG-19, OG-21
        """
        account = self.decode_id(text)
        scope = self._find_scope(tokens)
        own = people.find_standings(self.connection, account)
        where = own.values() if tokens is None else [own[one.number] for one in scope if one and one.number in own]
        held = [people.find_user(self.connection, account), *where]
        open_group_rights.check_may_be_banned(held, operator=account == self.file.operator)
        self._set_ban(account, scope, banned=True, banned_until=self._find_end(seconds))

    def unban(self, text: str, tokens: Sequence[str] | None) -> None:
        """End the ban of an account from rooms, or, with none named, from the server.

        Raises:
            CannotOperate: there is no such room, or the id is none.
        Clauses: OG-19
        """
        self._set_ban(self.decode_id(text), self._find_scope(tokens), **people.NO_BAN)

    def _find_scope(self, tokens: Sequence[str] | None) -> list[Room | None]:
        """Find rooms, in the order of their numbers, in which they are locked; None stands for the server."""
        if tokens is None:
            return [None]
        numbers = {one.token: one.number for one in self.list_rooms()}
        return [self.find_room(token) for token in sorted(set(tokens), key=lambda token: numbers.get(token, 0))]

    def _set_ban(self, account: str, scope: Sequence[Room | None], **ban: object) -> None:
        for found in scope:
            people.set_in(self.connection, None if found is None else found.number, account, **ban)


# What the server does too when it starts


def create_room(connection: Connection, token: str, changes: Mapping[str, Any], *, now_s: float) -> bool:
    """Make a room, whose members were checked, unless there is one with this token; tell whether it is new."""
    if rooms.find_room(connection, token):
        return False
    rooms.add_room(connection, token, changes, now_s=now_s)
    return True


def create_rooms(connection: Connection, listed: Sequence[Mapping[str, Any]], *, now_s: float) -> int:
    """Make the rooms of a server file that are not there; return how many."""
    changes = [({name: value for name, value in one.items() if name != "token"}, one["token"]) for one in listed]
    return sum(create_room(connection, token, members, now_s=now_s) for members, token in changes)
