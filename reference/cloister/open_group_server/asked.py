"""A request that has passed checks 0 to 9 of chapter 11, who made it, and what that account may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from cloister import (
    errors,
    open_group_rights,
    room,
    server_id,
)
from cloister.open_group_rights import NO_SUCH_ROOM, Need, Rights, Standing
from cloister.open_group_server import people, rooms
from cloister.open_group_server.file_store import FileStore, Stored
from cloister.open_group_server.rooms import Room
from cloister.signed_request import Refusal, Request

NO_SUCH_ID = "there is no such id"


class Full(Exception):
    """All files together are as much as they may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a server is: its key, 32 bytes, its operator, whether ids that sign must be blinded, and how much all files may be."""

    server_key: bytes
    operator: str
    blinding_required: bool
    max_bytes: int | None

    @property
    def capabilities(self) -> list[str]:
        """What it offers.

        Clauses: OG-4
        """
        return ["sogs", "invitations", *(["blind"] if self.blinding_required else [])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signed a request: the account, the id that it signed with, and the nonce with its time."""

    account: str
    id: bytes
    nonce: bytes
    timestamp_s: int

    @property
    def session_id(self) -> str:
        """The id that is shown at posts: the blinded one, or else the account id."""
        return self.id.hex() if self.id[0] == server_id.BLINDED else self.account


@dataclass(kw_only=True)
class Asked:
    """A request, who made it, what that account is on the server, and where it goes."""

    connection: Connection
    settings: Settings
    store: FileStore
    request: Request
    now_s: float
    signer: Signer | None
    on_server: Standing
    names: Mapping[str, str] = field(default_factory=dict)
    stored: Stored | None = None
    removed: list[str] = field(default_factory=list)
    _room: Room | None = None
    rights: Rights = field(default_factory=Rights)

    @property
    def room(self) -> Room:
        """The room of the path."""
        assert self._room is not None
        return self._room

    @property
    def who(self) -> Signer:
        """Who signed, where check 8 wants that somebody did."""
        assert self.signer is not None
        return self.signer

    def enter(self, need: Need) -> None:
        """Take the room of the path, if who asks has the rights there that are needed.

        Raises:
            Refusal: as `find_room`.
        Clauses: OG-15, OG-18
        """
        self._room, self.rights = self.find_room(self.names["room"], need)

    def find_room(self, token: str, need: Need) -> tuple[Room, Rights]:
        """Find a room, and what who asks may do in it.

        Raises:
            Refusal: 404, it is not there or not accessible; 403, who asks is banned or has not the right.
        Clauses: OG-15, OG-16, OG-18, OG-45
        """
        found = rooms.find_room(self.connection, token) if room.TOKEN.fullmatch(token) else None
        if found is None:
            raise Refusal(404, NO_SUCH_ROOM)
        in_room = people.find_standing(self.connection, found.number, self.signer.account) if self.signer else None
        rights = self.compute_rights(found, in_room)
        open_group_rights.check_rights(rights, need)
        return found, rights

    def compute_rights(self, found: Room, in_room: Standing | None) -> Rights:
        """Compute what who asks may do in a room, None being nobody.

        Clauses: OG-14, OG-16
        """
        if in_room is None:
            return open_group_rights.compute_anonymous_rights(found.settings)
        return open_group_rights.compute_rights(found.settings, in_room, now_s=self.now_s, on_server=self.on_server)

    def list_rooms(self) -> list[tuple[Room, Rights]]:
        """List the rooms that who asks may enter, and its rights there.

        Clauses: OG-15, OG-18
        """
        own = people.find_standings(self.connection, self.signer.account) if self.signer else {}
        nothing = Standing() if self.signer else None
        listed = [
            (found, self.compute_rights(found, own.get(found.number, nothing)))
            for found in rooms.list_rooms(self.connection)
        ]
        return [(found, rights) for found, rights in listed if rights.accessible and not rights.banned]

    def decode_named(self) -> str:
        """Decode the id of the path to its account.

        Raises:
            Refusal: 404, it is none.
        Clauses: OG-2, OG-25
        """
        try:
            return decode_account(self.names["id"], self.settings.server_key)
        except errors.Malformed:
            raise Refusal(404, NO_SUCH_ID) from None

    def find_user(self, account: str) -> Standing:
        """Find what an account is on the server; the operator is its administrator.

        Clauses: OG-22
        """
        return as_operator(people.find_user(self.connection, account), is_operator=account == self.settings.operator)


def as_operator(standing: Standing, *, is_operator: bool) -> Standing:
    """Make an administrator of the operator, whom nothing that is kept bans.

    Clauses: OG-21, OG-22
    """
    return replace(standing, moderator=True, administrator=True, banned=False) if is_operator else standing


def decode_account(text: str, server_key: bytes) -> str:
    """Decode an unverified id of any form to its account id.

    Raises:
        InvalidEncoding, InvalidKey: it is none.
    Clauses: OG-2
    """
    return server_id.decode_id(text, server_key=server_key).hex()
