"""Chapter 11, ninth part: what bodies of requests to a server must be.

All of it is unverified; what is not of the form is a `Refusal`.

    >>> decode_post(b'{"data": "aGk=", "signature": "%b"}' % (b"A" * 86 + b"==")).data
    b'hi'
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cloister import errors, group_control, room, room_request, wire
from cloister.group_control import BIDI_CONTROLS
from cloister.open_group_queries import CONTROL
from cloister.open_group_rights import FLAGS, ROOM_BOOLEANS, Flags, RoleChange
from cloister.room_post import MAX_DATA_BYTES, MAX_POST_FILES
from cloister.signed_request import SIGNATURE_BYTES, Refusal

MAX_JSON_BYTES = 262_144
MAX_BATCH = room_request.MAX_BATCH
MAX_SECONDS = 1_000_000_000
MAX_DESCRIPTION_CHARACTERS = 1_000
ALL_ROOMS = "*"


# Bodies


def decode_members(body: bytes, known: Collection[str]) -> dict[str, Any]:
    """Decode an unverified body: a JSON object with these members at most, or nothing, which is one without members.

    Raises:
        Refusal: 413, it is too long; 400, it is none.
    Clauses: OG-58, OG-59
    """
    if len(body) > MAX_JSON_BYTES:
        raise Refusal(413, f"a body has at most {MAX_JSON_BYTES} bytes")
    try:
        members = wire.decode_object(body or b"{}", what="the body")
    except errors.InvalidMessage as error:
        raise Refusal(400, error.reason) from None
    if unknown := sorted(members.keys() - set(known)):
        raise Refusal(400, f"the member {json.dumps(unknown[0][:40])} is not known here")
    return members


def take_boolean(members: Mapping[str, Any], name: str) -> bool | None:
    """Take a boolean, None if it is absent.

    Raises:
        Refusal: 400, it is something else.
    Clauses: OG-58
    """
    value = members.get(name)
    if name in members and not isinstance(value, bool):
        raise Refusal(400, f"{name} is neither true nor false")
    return value


def take_text(members: Mapping[str, Any], name: str) -> str:
    """Take a text.

    Raises:
        Refusal: 400, it is absent or something else.
    Clauses: OG-58
    """
    try:
        return wire.take_text(members, name)
    except errors.InvalidMessage as error:
        raise Refusal(400, error.reason) from None


def take_base64(members: Mapping[str, Any], name: str) -> bytes:
    """Take bytes that are written in base64.

    Raises:
        Refusal: 400, they are absent or written otherwise.
    Clauses: OG-40
    """
    try:
        return wire.decode_base64(take_text(members, name), what=name)
    except errors.InvalidEncoding as error:
        raise Refusal(400, str(error)) from None


def take_seconds(members: Mapping[str, Any], name: str) -> int | None:
    """Take a number of seconds, None if it is absent.

    Raises:
        Refusal: 400, it is something else.
    Clauses: OG-19, OG-58
    """
    value = members.get(name)
    if name not in members:
        return None
    if type(value) is not int or not 1 <= value <= MAX_SECONDS:
        raise Refusal(400, f"{name} is no number of seconds from 1 to {MAX_SECONDS}")
    return value


# Posts


@dataclass(frozen=True, slots=True, kw_only=True)
class PostBody:
    """The body of a post or an edit."""

    data: bytes
    signature: bytes
    files: tuple[int, ...]


def decode_post(body: bytes) -> PostBody:
    """Decode the unverified body of a post or an edit.

    Raises:
        Refusal: 413, the data is too long; 400, it is not of the form.
    Clauses: OG-40, OG-50, OG-58
    """
    members = decode_members(body, ("data", "signature", "files"))
    data, signature = take_base64(members, "data"), take_base64(members, "signature")
    if not data:
        raise Refusal(400, "data is empty")
    if len(data) > MAX_DATA_BYTES:
        raise Refusal(413, f"data has at most {MAX_DATA_BYTES} bytes")
    if len(signature) != SIGNATURE_BYTES:
        raise Refusal(400, "the signature has not 64 bytes")
    return PostBody(data=data, signature=signature, files=decode_files(members.get("files", [])))


def decode_files(files: object) -> tuple[int, ...]:
    """Decode the unverified list of the files of a post.

    Raises:
        Refusal: 400, it is none, too long, or names one twice.
    Clauses: OG-50
    """
    if not isinstance(files, list) or not all(type(file) is int for file in files):
        raise Refusal(400, "files is no list of numbers")
    if len(files) > MAX_POST_FILES:
        raise Refusal(400, f"a post has at most {MAX_POST_FILES} files")
    if len(set(files)) != len(files):
        raise Refusal(400, "files names one twice")
    return tuple(files)


# Rooms


ROOM_MEMBERS = ("name", "description", "image", *ROOM_BOOLEANS)


def decode_room_changes(body: bytes) -> dict[str, Any]:
    """Decode the unverified body of a change of a room: the members that it has, by name.

    Raises:
        Refusal: 400, it is not of the form.
    Clauses: OG-58
    """
    members = decode_members(body, ROOM_MEMBERS)
    check_room_changes(members)
    return members


def check_room_changes(members: Mapping[str, Any]) -> None:
    """Check the members of a change of a room.

    Raises:
        Refusal: 400, one is unknown, or not of the form.
    Clauses: OG-58
    """
    if not members.keys() <= set(ROOM_MEMBERS):
        raise Refusal(400, "a room has not one of the members")
    for name in ROOM_BOOLEANS:
        take_boolean(members, name)
    if "name" in members:
        check_room_name(take_text(members, "name"))
    if "description" in members:
        check_description(take_text(members, "description"))
    if "image" in members and members["image"] is not None and type(members["image"]) is not int:
        raise Refusal(400, "image is neither the number of a file nor null")


def check_room_name(name: str) -> None:
    """Check the name of a room, which is as that of a closed group.

    Raises:
        Refusal: 400, it is not allowed.
    Clauses: OG-58
    """
    try:
        group_control.check_name(name)
    except errors.InvalidName as error:
        raise Refusal(400, str(error)) from None


def check_description(description: str) -> None:
    """Check the description of a room.

    Raises:
        Refusal: 400, it is too long, or no text that can be kept.
    Clauses: OG-58
    """
    if len(description) > MAX_DESCRIPTION_CHARACTERS or not is_plain(description.replace("\n", "")):
        raise Refusal(
            400, f"a description has at most {MAX_DESCRIPTION_CHARACTERS} characters and no control characters"
        )


def is_plain(text: str) -> bool:
    """Tell whether a text has no control characters, none that change its direction, and no halves of characters."""
    return not CONTROL.search(text) and not BIDI_CONTROLS & set(text) and wire.is_encodable(text)


# Moderation


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a ban or a right is for: rooms, all that the asker moderates, or the server."""

    rooms: tuple[str, ...] = ()
    everywhere: bool = False
    on_server: bool = False


def decode_scope(members: Mapping[str, Any]) -> Scope:
    """Decode `rooms` or `global`, one of which is there.

    Raises:
        Refusal: 400, they are not of the form.
    Clauses: OG-24
    """
    on_server = take_boolean(members, "global")
    if ("rooms" in members) == ("global" in members) or on_server is False:
        raise Refusal(400, "give either rooms or global: true")
    if on_server:
        return Scope(on_server=True)
    rooms = members["rooms"]
    if not isinstance(rooms, list) or not rooms or not all(isinstance(token, str) for token in rooms):
        raise Refusal(400, "rooms is no list of tokens")
    if rooms == [ALL_ROOMS]:
        return Scope(everywhere=True)
    if len(rooms) > MAX_BATCH or len(set(rooms)) != len(rooms):
        raise Refusal(400, f"rooms names one twice, or more than {MAX_BATCH}")
    return Scope(rooms=tuple(rooms))


def decode_ban(body: bytes, *, lifting: bool) -> tuple[Scope, int | None]:
    """Decode the unverified body of a ban, or of the lifting of one: what it is for, and for how many seconds.

    Raises:
        Refusal: 400, it is not of the form.
    Clauses: OG-19, OG-24
    """
    members = decode_members(body, ("rooms", "global") if lifting else ("rooms", "global", "timeout"))
    return decode_scope(members), take_seconds(members, "timeout")


def decode_role(body: bytes) -> tuple[Scope, RoleChange]:
    """Decode the unverified body of a change of role.

    Raises:
        Refusal: 400, it is not of the form, contradicts itself, or changes nothing.
    Clauses: OG-24
    """
    members = decode_members(body, ("rooms", "global", "admin", "moderator", "visible"))
    change = RoleChange(
        moderator=take_boolean(members, "moderator"),
        administrator=take_boolean(members, "admin"),
        visible=take_boolean(members, "visible"),
    )
    if change.administrator and change.moderator is False:
        raise Refusal(400, "an administrator is a moderator too")
    if change == RoleChange(moderator=None, administrator=None, visible=None):
        raise Refusal(400, "give admin, moderator or visible")
    scope = decode_scope(members)
    if scope.everywhere:
        raise Refusal(400, "name the rooms")
    return scope, change


def apply_permissions(flags: Flags, body: bytes) -> Flags:
    """Apply the unverified body of a change of permissions.

    Raises:
        Refusal: 400, it is not of the form, or sets and clears the same flag.
    Clauses: OG-24, OG-28, OG-58
    """
    members = decode_members(body, (*FLAGS, *(f"default_{name}" for name in FLAGS)))
    for name in FLAGS:
        own, default = take_boolean(members, name), take_boolean(members, f"default_{name}")
        if default is False:
            raise Refusal(400, f"default_{name} is true, or is not there")
        if own is not None and default:
            raise Refusal(400, f"{name} is both set and cleared")
        if own is not None or default:
            flags = replace(flags, **{name: own})
    return flags


# Invitations


def decode_timeout(body: bytes) -> int | None:
    """Decode the unverified body of the making of an invitation.

    Raises:
        Refusal: 400, it is not of the form.
    Clauses: OG-31
    """
    return take_seconds(decode_members(body, ("timeout",)), "timeout")


def decode_join(body: bytes) -> bytes:
    """Decode the unverified body of a joining: the invitation.

    Raises:
        Refusal: 400, it is not of the form.
    Clauses: OG-30
    """
    members = decode_members(body, ("invitation",))
    try:
        return room.decode_invitation(take_text(members, "invitation"))
    except errors.InvalidEncoding as error:
        raise Refusal(400, str(error)) from None
