"""What each endpoint does, when checks 0 to 10 of chapter 11 have been passed: body, what is named, rate; then the work.

Each is a function of what was asked and of the connection that it has; `HANDLERS` has one for each row of
`open_group.ENDPOINTS`. Names on disk of files that are gone with the work are noted in `removed`.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection

from cloister import (
    errors,
    group_control,
    open_group,
    open_group_bodies,
    open_group_queries,
    open_group_rights,
    room,
    server_id,
)
from cloister.open_group_bodies import Scope
from cloister.open_group_rights import FLAGS, NO_SUCH_FILE, NO_SUCH_ROOM, Flags, Need, Rights, Standing
from cloister.open_group_server import files, messages, people, rooms
from cloister.open_group_server.file_store import FileStore, Stored
from cloister.open_group_server.messages import Message
from cloister.open_group_server.people import Staff
from cloister.open_group_server.reply import Download, build_json
from cloister.open_group_server.rooms import Room
from cloister.server_onion import ServerReply
from cloister.signed_request import Refusal, Request
from cloister.wire import encode_base64

NO_SUCH_MESSAGE = "there is no such message"
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


# The server and its rooms


def tell_capabilities(asked: Asked) -> ServerReply:
    """Tell what the server offers.

    Clauses: OG-4, OG-66
    """
    offered = asked.settings.capabilities
    if missing := open_group_queries.find_missing(asked.request, offered):
        return build_json({"capabilities": offered, "missing": missing}, 412)
    return build_json({"capabilities": offered})


def tell_rooms(asked: Asked) -> ServerReply:
    """List the rooms that are accessible.

    Clauses: OG-15
    """
    return build_json(describe_rooms(asked, asked.list_rooms()))


def describe_room(asked: Asked, found: Room, rights: Rights) -> dict[str, Any]:
    """Describe a room to who asks."""
    return describe_rooms(asked, [(found, rights)])[0]


def describe_rooms(asked: Asked, listed: Sequence[tuple[Room, Rights]]) -> list[dict[str, Any]]:
    """Describe rooms to who asks, in their order: with two questions, however many they are.

    Clauses: OG-27
    """
    numbers = [found.number for found, _ in listed]
    staff = people.list_staff(asked.connection, numbers)
    active = rooms.count_active(asked.connection, numbers, now_s=asked.now_s)
    return [describe(found, rights, staff[found.number], active[found.number]) for found, rights in listed]


def describe(found: Room, rights: Rights, staff: Staff, active: int) -> dict[str, Any]:
    """Describe a room to somebody with these rights.

    Clauses: OG-27
    """
    told: dict[str, Any] = {
        "token": found.token,
        "name": found.name,
        "description": found.description,
        "image_id": found.image,
        "created": found.created_s,
        "info_updates": found.info_updates,
        "message_sequence": found.message_sequence,
        "active_users": active,
        "moderators": staff.moderators,
        "admins": staff.administrators,
        "invitation_required": found.settings.invitation_required,
        "read": rights.read,
        "write": rights.write,
        "upload": rights.upload,
        "moderator": rights.moderator,
        "admin": rights.administrator,
    }
    if rights.moderator:
        told |= {f"default_{name}": getattr(found.settings, f"default_{name}") for name in FLAGS}
        told |= {"hidden_moderators": staff.hidden_moderators, "hidden_admins": staff.hidden_administrators}
    return told


def tell_room(asked: Asked) -> ServerReply:
    """Tell what a room is."""
    return build_json(describe_room(asked, asked.room, asked.rights))


def change_room(asked: Asked) -> ServerReply:
    """Change a room.

    Clauses: OG-23, OG-56, OG-65
    """
    changes = open_group_bodies.decode_room_changes(asked.request.body)
    if not changes:
        return build_json({"info_updates": asked.room.info_updates})
    before = rooms.lock_room(asked.connection, asked.room.number)
    if changes.get("image") is not None and changes["image"] != before.image:
        check_image(asked, changes["image"])
    info_updates = rooms.change_room(asked.connection, before.number, **changes)
    if "image" in changes and before.image not in {None, changes["image"]}:
        asked.removed += files.remove_numbers(asked.connection, [before.image])
    return build_json({"info_updates": info_updates})


def check_image(asked: Asked, number: int) -> None:
    """Check that a file may be the image of a room: a loose one of who asks, and an image.

    Raises:
        Refusal: 404, it is no such file; 406, it is no image.
    Clauses: OG-56
    """
    found = find_present(asked, number)
    open_group_rights.check_may_list(has=False, loose=is_loose(found), own=found.account == asked.who.account)
    data = asked.store.read(found.stored_as, 0, group_control.MAX_AVATAR_BYTES + 1)
    try:
        group_control.check_avatar(data or b"")
    except errors.InvalidAvatar as error:
        raise Refusal(406, str(error)) from None


def poll_room(asked: Asked) -> ServerReply:
    """Tell what changes of a room, and all of it if it has changed.

    Clauses: OG-65
    """
    seen, number = open_group_queries.decode_number(asked.names["number"]), asked.room.number
    told: dict[str, Any] = {
        "token": asked.room.token,
        "active_users": rooms.count_active(asked.connection, [number], now_s=asked.now_s)[number],
        "read": asked.rights.read,
        "write": asked.rights.write,
        "upload": asked.rights.upload,
    }
    if seen != asked.room.info_updates:
        told["details"] = describe_room(asked, asked.room, asked.rights)
    return build_json(told)


# Messages


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
        found = find_file(asked, number)
        if message is None or found.message != message:
            found = find_present(asked, number)
        has = message is not None and found.message == message
        open_group_rights.check_may_list(has=has, loose=is_loose(found), own=found.account == asked.who.account)


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


# Files


def find_file(asked: Asked, number: int) -> files.File:
    """Find a file of the room, gone or not.

    Raises:
        Refusal: 404, there is none.
    """
    found = files.find_file(asked.connection, asked.room.number, number) if is_number(number) else None
    if found is None:
        raise Refusal(404, NO_SUCH_FILE)
    return found


def find_present(asked: Asked, number: int) -> files.File:
    """Find a file of the room that is not gone.

    Raises:
        Refusal: 404, there is none.
    Clauses: OG-45, OG-51
    """
    present = None
    if is_number(number):
        present = files.find_present(asked.connection, asked.room.number, number, now_s=asked.now_s)
    if present is None:
        raise Refusal(404, NO_SUCH_FILE)
    return present


def is_number(number: int) -> bool:
    """Tell whether a number can be an id."""
    return 1 <= number <= open_group_queries.MAX_NUMBER


def is_loose(found: files.File) -> bool:
    """Tell whether a file belongs to no post, and not to the room as its image."""
    return found.message is None and not found.image


def upload_file(asked: Asked) -> ServerReply:
    """Keep a file whose bytes are on disk.

    Clauses: OG-48, OG-52, OG-55
    """
    assert asked.stored is not None
    name = open_group_queries.read_file_name(asked.request.headers.get("content-disposition"))
    if not asked.stored.size:
        raise Refusal(400, "the file is empty")
    number, account = asked.room.number, asked.who.account
    rooms.lock_room(asked.connection, number)
    open_group_rights.check_loose_files(files.count_loose(asked.connection, number, account, now_s=asked.now_s))
    limit = asked.settings.max_bytes
    if limit is not None and files.add_up_sizes(asked.connection) + asked.stored.size > limit:
        raise Full
    added = files.add_file(
        asked.connection,
        number,
        account,
        name=name,
        size=asked.stored.size,
        stored_as=asked.stored.name,
        now_s=asked.now_s,
    )
    return build_json({"id": added}, 201)


def download_file(asked: Asked) -> ServerReply:
    """Give a file, or a range of it.

    Clauses: OG-49, OG-51, OG-52, OG-53
    """
    found = find_present(asked, open_group_queries.decode_number(asked.names["file"]))
    own = asked.signer is not None and found.account == asked.signer.account
    open_group_rights.check_may_read_file(loose=is_loose(found), own=own)
    part = open_group_queries.read_range(asked.request.headers.get("range"), found.size)
    begin, end = part or (0, found.size)
    headers = describe_file(found)
    if part:
        headers["content-range"] = f"bytes {begin}-{end - 1}/{found.size}"
    status = 206 if part else 200
    return Download(status=status, headers=headers, stored_as=found.stored_as, begin=begin, end=end)


def describe_file(found: files.File) -> dict[str, str]:
    """Describe a download: no browser shows it as a page, whatever its name.

    Clauses: OG-52
    """
    name = f"; filename*=UTF-8''{quote(found.name, safe='')}" if found.name else ""
    seconds = open_group.LOOSE_FILE_SECONDS if is_loose(found) else open_group.FILE_SECONDS
    return {
        "content-type": "application/octet-stream",
        "x-content-type-options": "nosniff",
        "content-disposition": f"attachment{name}",
        "expires": formatdate(found.uploaded + seconds, usegmt=True),
    }


# Moderation


def find_moderated(asked: Asked, scope: Scope, need: Need) -> list[Room]:
    """Find the rooms of a scope, in each of which who asks has the right that is needed.

    Raises:
        Refusal: 404, one is not there or not accessible; 403, the right is missing in one, or on the server.
    Clauses: OG-20, OG-23, OG-26
    """
    if scope.on_server:
        has = asked.on_server.administrator or (need is Need.MODERATOR and asked.on_server.moderator)
        if not has:
            raise Refusal(403, f"only for a {need.value} of the server")
        return []
    if not scope.everywhere:
        return [asked.find_room(token, need)[0] for token in scope.rooms]
    moderated = [found for found, rights in asked.list_rooms() if rights.moderator]
    if not moderated:
        raise Refusal(403, f"only for a {need.value}")
    return moderated


def ban_user(asked: Asked) -> ServerReply:
    """Ban an account, in rooms or on the server.

    Clauses: OG-19, OG-20, OG-21, OG-26
    """
    scope, seconds = open_group_bodies.decode_ban(asked.request.body, lifting=False)
    moderated = find_moderated(asked, scope, Need.MODERATOR)
    account = asked.decode_named()
    for one in moderated:
        rooms.lock_room(asked.connection, one.number)
    own = people.find_standings(asked.connection, account)
    where = own.values() if scope.on_server else [own[one.number] for one in moderated if one.number in own]
    is_operator = account == asked.settings.operator
    open_group_rights.check_may_be_banned([asked.find_user(account), *where], operator=is_operator)
    until = None if seconds is None else asked.now_s + seconds
    set_everywhere(asked, scope, moderated, account, banned=True, banned_until=until)
    return build_json({})


def unban_user(asked: Asked) -> ServerReply:
    """End the ban of an account, in rooms or on the server.

    Clauses: OG-19, OG-20, OG-26
    """
    scope, _ = open_group_bodies.decode_ban(asked.request.body, lifting=True)
    moderated = find_moderated(asked, scope, Need.MODERATOR)
    set_everywhere(asked, scope, moderated, asked.decode_named(), banned=False, banned_until=None)
    return build_json({})


def set_everywhere(asked: Asked, scope: Scope, moderated: Iterable[Room], account: str, **values: object) -> None:
    """Set what an account is, in rooms or on the server."""
    for room_number in list_numbers(scope, moderated):
        people.set_in(asked.connection, room_number, account, **values)


def list_numbers(scope: Scope, moderated: Iterable[Room]) -> list[int | None]:
    """List the numbers of the rooms of a scope; None stands for the server."""
    return [None] if scope.on_server else [one.number for one in moderated]


def change_role(asked: Asked) -> ServerReply:
    """Give or take the rights of moderators and administrators.

    Clauses: OG-20, OG-22, OG-23, OG-26, OG-65
    """
    scope, change = open_group_bodies.decode_role(asked.request.body)
    moderated = find_moderated(asked, scope, Need.ADMINISTRATOR)
    account = asked.decode_named()
    open_group_rights.check_may_change_role(change, operator=account == asked.settings.operator)
    for room_number in list_numbers(scope, moderated):
        people.change_role(asked.connection, room_number, account, change)
    return build_json({})


def change_permissions(asked: Asked) -> ServerReply:
    """Set and clear flags of an account.

    Clauses: OG-28, OG-32
    """
    open_group_bodies.apply_permissions(Flags(), asked.request.body)
    account = asked.decode_named()
    rooms.lock_room(asked.connection, asked.room.number)
    before = people.find_standing(asked.connection, asked.room.number, account)
    flags = open_group_bodies.apply_permissions(before.flags, asked.request.body)
    values = {name: getattr(flags, name) for name in FLAGS}
    people.set_standing(asked.connection, asked.room.number, account, **values)
    return build_json(open_group_rights.list_flags(flags))


def tell_all_permissions(asked: Asked) -> ServerReply:
    """Tell the flags of those accounts that have some, page by page.

    Clauses: OG-28
    """
    limit = open_group_queries.read_limit(asked.request)
    after = open_group_queries.decode_query(asked.request.query).get("after")
    try:
        behind = decode_account(after, asked.settings.server_key) if after is not None else ""
    except errors.Malformed:
        raise Refusal(400, "after is no id") from None
    listed = people.list_flags(asked.connection, asked.room.number, after=behind, limit=limit)
    return build_json({shown: open_group_rights.list_flags(flags) for shown, flags in listed.items()})


def tell_permissions(asked: Asked) -> ServerReply:
    """Tell the flags of an account.

    Clauses: OG-28
    """
    standing = people.find_standing(asked.connection, asked.room.number, asked.decode_named())
    return build_json(open_group_rights.list_flags(standing.flags))


# Invitations


def make_invitation(asked: Asked) -> ServerReply:
    """Make an invitation, which ends the one before.

    Clauses: OG-31
    """
    seconds = open_group_bodies.decode_timeout(asked.request.body)
    invitation = secrets.token_bytes(room.INVITATION_BYTES)
    until = None if seconds is None else asked.now_s + seconds
    rooms.set_invitation(asked.connection, asked.room.number, invitation, until)
    return build_json({"invitation": invitation.hex()}, 201)


def end_invitation(asked: Asked) -> ServerReply:
    """End the invitation of a room.

    Clauses: OG-31
    """
    rooms.set_invitation(asked.connection, asked.room.number, None, None)
    return build_json({})


def join_room(asked: Asked) -> ServerReply:
    """Join a room that requires an invitation.

    Clauses: OG-29, OG-30
    """
    shown = open_group_bodies.decode_join(asked.request.body)
    found = rooms.find_room(asked.connection, asked.names["room"])
    if found is None:
        raise Refusal(404, NO_SUCH_ROOM)
    in_room = people.find_standing(asked.connection, found.number, asked.who.account)
    open_group_rights.check_invitation(shown, found.invitation, found.invitation_until_s, now_s=asked.now_s)
    open_group_rights.check_may_join(found.settings, in_room, now_s=asked.now_s, on_server=asked.on_server)
    people.set_standing(asked.connection, found.number, asked.who.account, invited=True)
    return build_json({})


Handler = Callable[[Asked], ServerReply]

HANDLERS: dict[tuple[str, str], Handler] = {
    ("GET", "/capabilities"): tell_capabilities,
    ("GET", "/rooms"): tell_rooms,
    ("GET", "/room/{room}"): tell_room,
    ("PUT", "/room/{room}"): change_room,
    ("GET", "/room/{room}/pollInfo/{number}"): poll_room,
    ("POST", "/room/{room}/message"): post_message,
    ("GET", "/room/{room}/message/{message}"): tell_message,
    ("PUT", "/room/{room}/message/{message}"): edit_message,
    ("DELETE", "/room/{room}/message/{message}"): delete_message,
    ("GET", "/room/{room}/messages/since/{number}"): tell_since,
    ("GET", "/room/{room}/messages/recent"): tell_recent,
    ("GET", "/room/{room}/messages/before/{message}"): tell_before,
    ("DELETE", "/room/{room}/all/{id}"): delete_all_in_room,
    ("DELETE", "/rooms/all/{id}"): delete_all_everywhere,
    ("POST", "/room/{room}/file"): upload_file,
    ("GET", "/room/{room}/file/{file}"): download_file,
    ("GET", "/room/{room}/file/{file}/{name}"): download_file,
    ("POST", "/user/{id}/ban"): ban_user,
    ("POST", "/user/{id}/unban"): unban_user,
    ("POST", "/user/{id}/moderator"): change_role,
    ("POST", "/room/{room}/permissions/{id}"): change_permissions,
    ("GET", "/room/{room}/permissions"): tell_all_permissions,
    ("GET", "/room/{room}/permissions/{id}"): tell_permissions,
    ("POST", "/room/{room}/invitation"): make_invitation,
    ("DELETE", "/room/{room}/invitation"): end_invitation,
    ("POST", "/room/{room}/join"): join_room,
}
