"""Chapter 11, last part: the rules of a server: which endpoints there are, who may do what, what a body must be.

- `ENDPOINTS` is the chapter's table; whatever way a request comes, alone, in a batch or by onion request, it is looked up here.
- What an account may do in a room is computed from what the server holds of both, anew for each request.
- A request that breaks a rule is a `Refusal`. What a server holds, and how, is the shell's.

    >>> endpoint, names = find_endpoint(Request(method="DELETE", target="/room/tea/message/7"))
    >>> endpoint.path, names
    ('/room/{room}/message/{message}', {'room': 'tea', 'message': '7'})
    >>> compute_rights(RoomSettings(default_write=False), Standing(), now_s=0).write
    False
"""

import hmac
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache, lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from cloister import errors, group_control, room, room_request, wire
from cloister.group_control import BIDI_CONTROLS
from cloister.onion import MAX_ONION_BYTES
from cloister.room_post import MAX_DATA_BYTES, MAX_FILE_BYTES, MAX_POST_FILES
from cloister.server_onion import METHODS, TARGET, decode_headers
from cloister.signed_request import HEADERS as SIGNING_HEADERS
from cloister.signed_request import SIGNATURE_BYTES, TARGET_FORM, Refusal, Request

POSTS = 5
POSTS_SECONDS = 16
MAX_JSON_BYTES = 262_144
MAX_LOOSE_FILES = 16
LOOSE_FILE_SECONDS = 3_600
FILE_SECONDS = 1_296_000
MAX_FILE_NAME_CHARACTERS = 128
DEFAULT_PAGE = 100
MAX_PAGE = room.MAX_PAGE
MAX_PAGE_BYTES = 2_097_152
MAX_BATCH = room_request.MAX_BATCH
MAX_BATCH_REPLY_BYTES = 14_680_064
MAX_REQUIRED = 16
MAX_REQUIRED_CHARACTERS = 32
MAX_SECONDS = 1_000_000_000
MAX_NUMBER = room.MAX_NUMBER
ACTIVE_SECONDS = 604_800
MAX_DESCRIPTION_CHARACTERS = 1_000

NO_SUCH_ROOM = "there is no such room"
NO_SUCH_FILE = "there is no such file"
ALL_ROOMS = "*"
FLAGS = room_request.FLAGS
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
NOT_IN_FILE_NAMES = frozenset("/\\") | BIDI_CONTROLS
FILE_NAME = re.compile(r"attachment; *filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]*)", re.IGNORECASE)
CAPABILITY = re.compile(rf"[\x21-\x7e]{{1,{MAX_REQUIRED_CHARACTERS}}}")
RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
MAX_OFFSET_DIGITS = 18


class Need(Enum):
    """What an endpoint needs of who asks."""

    NOTHING = "nothing"
    SIGNED = "signed"
    ACCESSIBLE = "accessible"
    READ = "read"
    WRITE = "write"
    UPLOAD = "upload"
    MODERATOR = "moderator"
    ADMINISTRATOR = "administrator"


NEEDS_WITHOUT_ROOM = frozenset({Need.NOTHING, Need.SIGNED})
ANONYMOUS_NEEDS = frozenset({Need.NOTHING, Need.ACCESSIBLE, Need.READ})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint: method, path with the names of what stands in it, what it needs."""

    method: str
    path: str
    need: Need

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a path must match."""
        return compile_path(self.path)


@cache
def compile_path(path: str) -> re.Pattern[str]:
    """Compile a path with names in braces to what a path must match; once, for all are tried for each request."""
    return re.compile(re.sub(r"\{(\w+)\}", lambda name: f"(?P<{name[1]}>{NAMES[name[1]]})", path))


DECIMAL = r"0|[1-9][0-9]{0,19}"
NAMES = {
    "room": room.TOKEN.pattern,
    "message": DECIMAL,
    "file": DECIMAL,
    "number": DECIMAL,
    "id": r"(?:05|00|15)[0-9a-f]{64}",
    "name": r"[^/]*",
}

ENDPOINTS = (
    Endpoint("GET", "/capabilities", Need.NOTHING),
    Endpoint("GET", "/rooms", Need.NOTHING),
    Endpoint("GET", "/room/{room}", Need.ACCESSIBLE),
    Endpoint("PUT", "/room/{room}", Need.ADMINISTRATOR),
    Endpoint("GET", "/room/{room}/pollInfo/{number}", Need.ACCESSIBLE),
    Endpoint("POST", "/room/{room}/message", Need.WRITE),
    Endpoint("GET", "/room/{room}/message/{message}", Need.READ),
    Endpoint("PUT", "/room/{room}/message/{message}", Need.WRITE),
    Endpoint("DELETE", "/room/{room}/message/{message}", Need.WRITE),
    Endpoint("GET", "/room/{room}/messages/since/{number}", Need.READ),
    Endpoint("GET", "/room/{room}/messages/recent", Need.READ),
    Endpoint("GET", "/room/{room}/messages/before/{message}", Need.READ),
    Endpoint("DELETE", "/room/{room}/all/{id}", Need.WRITE),
    Endpoint("DELETE", "/rooms/all/{id}", Need.SIGNED),
    Endpoint("POST", "/room/{room}/file", Need.UPLOAD),
    Endpoint("GET", "/room/{room}/file/{file}", Need.READ),
    Endpoint("GET", "/room/{room}/file/{file}/{name}", Need.READ),
    Endpoint("POST", "/user/{id}/ban", Need.SIGNED),
    Endpoint("POST", "/user/{id}/unban", Need.SIGNED),
    Endpoint("POST", "/user/{id}/moderator", Need.SIGNED),
    Endpoint("POST", "/room/{room}/permissions/{id}", Need.MODERATOR),
    Endpoint("GET", "/room/{room}/permissions", Need.MODERATOR),
    Endpoint("GET", "/room/{room}/permissions/{id}", Need.MODERATOR),
    Endpoint("POST", "/room/{room}/invitation", Need.MODERATOR),
    Endpoint("DELETE", "/room/{room}/invitation", Need.MODERATOR),
    Endpoint("POST", "/room/{room}/join", Need.SIGNED),
)
BATCH_PATHS = ("/batch", "/sequence")
"""`POST`; they and `TARGET` stand for others, and are answered before the table is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What is set for an account in a room: True, False, or None for the room's default."""

    read: bool | None = None
    accessible: bool | None = None
    write: bool | None = None
    upload: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an account is in one room, or on the server, as far as it applies there: `banned_until_s` None is for ever."""

    moderator: bool = False
    administrator: bool = False
    visible: bool = True
    banned: bool = False
    banned_until_s: float | None = None
    invited: bool = False
    flags: Flags = field(default_factory=Flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSettings:
    """What a room is by default."""

    default_read: bool = True
    default_accessible: bool = True
    default_write: bool = True
    default_upload: bool = True
    invitation_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What somebody may do in a room."""

    accessible: bool = False
    read: bool = False
    write: bool = False
    upload: bool = False
    moderator: bool = False
    administrator: bool = False
    banned: bool = False


ALL_RIGHTS = Rights(accessible=True, read=True, write=True, upload=True, moderator=True, administrator=True)


# Endpoints


def find_endpoint(request: Request) -> tuple[Endpoint, dict[str, str]]:
    """Find the endpoint of an unverified request, and what stands in its path.

    Raises:
        Refusal: 404, there is no such path; 405, it has not this method.
    Clauses: OG-57
    """
    found = match_path(request.path.decode())  # which `check_target` has made sure of
    if not found:
        raise Refusal(404, "there is no such path")
    for endpoint, names in found:
        if endpoint.method == request.method:
            return endpoint, dict(names)
    raise Refusal(405, "this path has not this method")


@lru_cache(maxsize=256)
def match_path(path: str) -> Sequence[tuple[Endpoint, Mapping[str, str]]]:
    """Match an unverified path with those of all endpoints; what is asked of one request more than once is found once."""
    return [(endpoint, match.groupdict()) for endpoint in ENDPOINTS if (match := endpoint.pattern.fullmatch(path))]


def find_limit(request: Request) -> int:
    """Find how many bytes the body of an unverified request may have.

    Clauses: OG-48, OG-59
    """
    try:
        endpoint, _ = find_endpoint(request)
    except (Refusal, UnicodeDecodeError):
        return MAX_ONION_BYTES
    return MAX_FILE_BYTES if endpoint.need is Need.UPLOAD else MAX_JSON_BYTES


def check_size(request: Request) -> None:
    """Check that the body of an unverified request is not longer than its endpoint takes.

    Raises:
        Refusal: 413, it is.
    Clauses: OG-48, OG-59
    """
    if request.size > (limit := find_limit(request)):
        raise Refusal(413, f"the body has at most {limit} bytes here")


def check_signed(endpoint: Endpoint, *, signed: bool) -> None:
    """Check that somebody signed where somebody must.

    Raises:
        Refusal: 401, nobody did.
    Clauses: OG-14
    """
    if not signed and endpoint.need not in ANONYMOUS_NEEDS:
        raise Refusal(401, "this needs a signed request")


# Rights


def is_banned(standing: Standing, *, now_s: float) -> bool:
    """Tell whether a ban is in force.

    Clauses: OG-19
    """
    return standing.banned and (standing.banned_until_s is None or now_s < standing.banned_until_s)


def compute_rights(
    settings: RoomSettings, in_room: Standing, *, now_s: float, on_server: Standing | None = None
) -> Rights:
    """Compute what an account may do in a room.

    Clauses: OG-16, OG-18, OG-20, OG-29
    """
    server = on_server or Standing()
    if in_room.administrator or server.administrator:
        return ALL_RIGHTS
    if in_room.moderator or server.moderator:
        return replace(ALL_RIGHTS, administrator=False)
    granted = compute_granted(settings, in_room.flags)
    if settings.invitation_required and not in_room.invited:
        return Rights()
    if is_banned(in_room, now_s=now_s):
        return Rights(accessible=granted.accessible, banned=True)
    return granted


def compute_granted(settings: RoomSettings, flags: Flags) -> Rights:
    """Compute what flags give, with the room's defaults where nothing is set.

    Clauses: OG-16
    """

    def grants(name: str) -> bool:
        own: bool | None = getattr(flags, name)
        return bool(getattr(settings, f"default_{name}")) if own is None else own

    read = grants("read")
    return Rights(
        accessible=grants("accessible") or read,
        read=read,
        write=read and grants("write"),
        upload=read and grants("upload"),
    )


def compute_anonymous_rights(settings: RoomSettings) -> Rights:
    """Compute what an anonymous request may do in a room.

    Clauses: OG-14
    """
    if settings.invitation_required:
        return Rights()
    return replace(compute_granted(settings, Flags()), write=False, upload=False)


def check_rights(rights: Rights, need: Need) -> None:
    """Check that rights in a room that exists are what an endpoint needs.

    Raises:
        Refusal: 404, the room is not accessible; 403, banned, or without the right.
    Clauses: OG-15, OG-18, OG-23
    """
    if not rights.accessible:
        raise Refusal(404, NO_SUCH_ROOM)
    if rights.banned:
        raise Refusal(403, "banned in this room")
    has = {
        Need.ACCESSIBLE: rights.accessible,
        Need.READ: rights.read,
        Need.WRITE: rights.write,
        Need.UPLOAD: rights.upload,
        Need.MODERATOR: rights.moderator,
        Need.ADMINISTRATOR: rights.administrator,
    }
    if not has.get(need, True):
        raise Refusal(
            403, f"this needs the right to {need.value}" if need.value in FLAGS else f"only for a {need.value}"
        )


def check_may_join(
    settings: RoomSettings, in_room: Standing, *, now_s: float, on_server: Standing | None = None
) -> None:
    """Check that an account that shows the right invitation is approved.

    Raises:
        Refusal: 404, it is not, or banned, or the room requires no invitation.
    Clauses: OG-29, OG-30
    """
    rights = compute_rights(settings, replace(in_room, invited=True), now_s=now_s, on_server=on_server)
    if not settings.invitation_required or not rights.accessible or rights.banned:
        raise Refusal(404, NO_SUCH_ROOM)


def check_invitation(shown: bytes, invitation: bytes | None, until_s: float | None, *, now_s: float) -> None:
    """Check that an invitation is the one that a room has, and still counts.

    Raises:
        Refusal: 404, it is not.
    Clauses: OG-30, OG-31
    """
    is_over = until_s is not None and until_s <= now_s
    if invitation is None or is_over or not hmac.compare_digest(shown, invitation):
        raise Refusal(404, NO_SUCH_ROOM)


def check_may_be_banned(standings: Sequence[Standing], *, operator: bool) -> None:
    """Check that an account holds no role where it is to be banned: there, or, of the server, anywhere.

    Raises:
        Refusal: 403, it is operator, administrator or moderator.
    Clauses: OG-21
    """
    if operator:
        raise Refusal(403, "nobody bans the operator")
    if any(standing.administrator or standing.moderator for standing in standings):
        raise Refusal(403, "take its rights away before a moderator or administrator is banned")


def check_may_change_role(change: "RoleChange", *, operator: bool) -> None:
    """Check that a change of role takes nothing from the operator.

    Raises:
        Refusal: 403, it would.
    Clauses: OG-22
    """
    if operator and False in {change.moderator, change.administrator}:
        raise Refusal(403, "nobody takes a right from the operator")


def check_rate(times_s: Sequence[float], rights: Rights, *, now_s: float) -> None:
    """Check that an account that made posts and edits in a room at these times may make one more.

    Raises:
        Refusal: 429, it made too many.
    Clauses: OG-42
    """
    if not rights.administrator and count_within(times_s, now_s=now_s, seconds=POSTS_SECONDS) >= POSTS:
        raise Refusal(429, f"at most {POSTS} posts in {POSTS_SECONDS} seconds")


def check_loose_files(count: int) -> None:
    """Check that an account with so many loose files in a room may upload one more.

    Raises:
        Refusal: 429, it may not.
    Clauses: OG-55
    """
    if count >= MAX_LOOSE_FILES:
        raise Refusal(429, f"at most {MAX_LOOSE_FILES} files that belong to no post")


def check_may_list(*, has: bool, loose: bool, own: bool) -> None:
    """Check that a post of an account may list a file: one that it has, gone or not, or a loose one of the account.

    Raises:
        Refusal: 404, it may not.
    Clauses: OG-50
    """
    if not has and not (loose and own):
        raise Refusal(404, NO_SUCH_FILE)


def check_may_read_file(*, loose: bool, own: bool) -> None:
    """Check that who may read a room may read a file of it.

    Raises:
        Refusal: 404, it may not.
    Clauses: OG-49
    """
    if loose and not own:
        raise Refusal(404, NO_SUCH_FILE)


def check_may_edit(*, own: bool) -> None:
    """Check that a message is the asker's own.

    Raises:
        Refusal: 403, it is not.
    Clauses: OG-38
    """
    if not own:
        raise Refusal(403, "only its author edits a message")


def check_may_delete(rights: Rights, *, own: bool) -> None:
    """Check that a message may be deleted.

    Raises:
        Refusal: 403, it may not.
    Clauses: OG-39
    """
    if not own and not rights.moderator:
        raise Refusal(403, "only its author and moderators delete a message")


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


ROOM_BOOLEANS = (*(f"default_{name}" for name in FLAGS), "invitation_required")
ROOM_MEMBERS = ("name", "description", "image", *ROOM_BOOLEANS)
WHITELIST_GROUP = {name: name == "invitation_required" for name in ROOM_BOOLEANS}
BLACKLIST_GROUP = {name: name != "invitation_required" for name in ROOM_BOOLEANS}
"""What is by default in the two kinds of rooms of "Rights"."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChange:
    """What changes of the role of an account: None for nothing."""

    moderator: bool | None
    administrator: bool | None
    visible: bool | None


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


def apply_role(standing: Standing, change: RoleChange) -> Standing:
    """Apply a change of role: an administrator is a moderator too, who is no moderator is no administrator, and who is one is not banned.

    Clauses: OG-23
    """
    if change.visible is not None:
        standing = replace(standing, visible=change.visible)
    if change.moderator is not None:
        standing = replace(
            standing, moderator=change.moderator, administrator=standing.administrator and change.moderator
        )
    if change.administrator is not None:
        standing = replace(
            standing, administrator=change.administrator, moderator=standing.moderator or change.administrator
        )
    if change.moderator or change.administrator:
        standing = replace(standing, banned=False, banned_until_s=None)
    return standing


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


def list_flags(flags: Flags) -> dict[str, bool]:
    """List the flags that are set."""
    return {name: value for name in FLAGS if (value := getattr(flags, name)) is not None}


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


# Queries, numbers and headers


def decode_number(text: str) -> int:
    """Decode a number in a path; what is above `MAX_NUMBER` names nothing, as that itself.

    Clauses: OG-58
    """
    return min(int(text), MAX_NUMBER)


def decode_query(query: str) -> dict[str, str]:
    """Decode an unverified query; of a name that stands there twice the last counts."""
    return dict(parse_qsl(query, keep_blank_values=True, errors="replace"))


def read_limit(request: Request) -> int:
    """Read how many messages a list is to have.

    Raises:
        Refusal: 400, it is no number.
    Clauses: OG-44, OG-58
    """
    text = decode_query(request.query).get("limit")
    if text is None:
        return DEFAULT_PAGE
    try:
        number = wire.decode_decimal(text, what="limit")
    except errors.InvalidEncoding as error:
        raise Refusal(400, str(error)) from None
    return max(1, min(number, MAX_PAGE))


def find_missing(request: Request, offered: Collection[str]) -> list[str]:
    """Find which of the capabilities that are required are not offered.

    Raises:
        Refusal: 400, it requires too many, or one with a name that is too long or not of ASCII.
    Clauses: OG-66
    """
    required = [name for name in decode_query(request.query).get("required", "").split(",") if name]
    if len(required) > MAX_REQUIRED or not all(map(CAPABILITY.fullmatch, required)):
        raise Refusal(400, f"at most {MAX_REQUIRED} capabilities of {MAX_REQUIRED_CHARACTERS} characters are required")
    return [name for name in required if name not in offered]


def read_file_name(header: str | None) -> str:
    """Read the name of a file out of an unverified `Content-Disposition`; empty if there is none.

    Raises:
        Refusal: 400, it is not of the form, or not allowed.
    Clauses: OG-52
    """
    if header is None or header == "attachment":
        return ""
    found = FILE_NAME.fullmatch(header)
    if not found:
        raise Refusal(400, "Content-Disposition is not attachment; filename*=UTF-8''NAME")
    try:
        name = unquote_to_bytes(found[1]).decode()
    except UnicodeDecodeError:
        raise Refusal(400, "the name of the file is not UTF-8") from None
    check_file_name(name)
    return name


def check_file_name(name: str) -> None:
    """Check the name of a file.

    Raises:
        Refusal: 400, it is not allowed.
    Clauses: OG-52
    """
    if not 1 <= len(name) <= MAX_FILE_NAME_CHARACTERS:
        raise Refusal(400, f"the name of a file has 1 to {MAX_FILE_NAME_CHARACTERS} characters")
    if CONTROL.search(name) or NOT_IN_FILE_NAMES & set(name) or name in {".", ".."}:
        raise Refusal(400, "the name of the file has a character that it must not have")


def read_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Read which bytes of a file are wanted, the first and the one behind the last; None for all.

    Raises:
        Refusal: 416, the range begins behind the end.
    Clauses: OG-53
    """
    found = RANGE.fullmatch(header or "")
    if not found or found[0] == "bytes=-":
        return None
    first, last = map(read_offset, found.groups())
    if first is None:
        begin, end = max(0, size - (last or 0)), size
    elif last is None:
        begin, end = first, size
    elif last < first:
        return None  # no range at all, by RFC 9110
    else:
        begin, end = first, min(size, last + 1)
    if begin >= size:
        raise Refusal(416, "the range begins behind the end of the file")
    return begin, end


def read_offset(digits: str) -> int | None:
    """Read a number of a range, None if there is none; one of very many digits is behind the end of every file."""
    if not digits:
        return None
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= MAX_OFFSET_DIGITS else MAX_NUMBER


# Batches


def decode_batch(body: bytes) -> list[Request]:
    """Decode the unverified body of a batch or sequence.

    Raises:
        Refusal: 413, there are too many requests; 400, it is not of the form.
    Clauses: OG-62
    """
    try:
        listed = json.loads(body, parse_constant=wire.refuse_constant)
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not JSON") from None
    if not isinstance(listed, list) or not listed:
        raise Refusal(400, "the body is no list of requests")
    if len(listed) > MAX_BATCH:
        raise Refusal(413, f"a batch has at most {MAX_BATCH} requests")
    return [decode_part(part) for part in listed]


def decode_part(part: object) -> Request:
    """Decode one unverified request of a batch.

    Raises:
        Refusal: 400, it is not of the form, or stands for others itself.
    Clauses: OG-62
    """
    if not isinstance(part, dict) or not part.keys() <= {"method", "path", "headers", "json", "b64", "bytes"}:
        raise Refusal(400, "a request in the list has not the members that it must have")
    method, target = take_text(part, "method"), take_text(part, "path")
    if method not in METHODS or not TARGET_FORM.fullmatch(target):
        raise Refusal(400, "a request in the list has no such method, or no path")
    try:
        headers = decode_headers(part)
    except errors.InvalidMessage as error:
        raise Refusal(400, error.reason) from None
    bodies = part.keys() & {"json", "b64", "bytes"}
    if len(bodies) > 1 or (bodies and method == "GET"):
        raise Refusal(400, "a request in the list has two bodies, or is a GET with one")
    if headers.keys() & set(SIGNING_HEADERS):
        raise Refusal(400, "the batch alone is signed, not the requests in it")
    request = Request(
        method=method,
        target=target,
        headers=headers,
        body=decode_part_body(part),
    )
    if is_batch(request):
        raise Refusal(400, "no batch and no onion request is in a batch")
    return request


def decode_part_body(part: Mapping[str, Any]) -> bytes:
    """Decode the unverified body of a request in a batch.

    Raises:
        Refusal: 400, it is not of the form.
    Clauses: OG-62
    """
    if "json" in part:
        try:
            return json.dumps(part["json"]).encode()
        except RecursionError:
            raise Refusal(400, "json is too deep") from None
    if "b64" in part:
        return take_base64(part, "b64")
    if "bytes" in part:
        try:
            return take_text(part, "bytes").encode()
        except UnicodeEncodeError:
            raise Refusal(400, "bytes is no text") from None
    return b""


def is_batch(request: Request) -> bool:
    """Tell whether a request stands for others."""
    return request.path in {path.encode() for path in (*BATCH_PATHS, TARGET)}


def describe_part(status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Describe the answer to a request of a batch.

    Clauses: OG-60
    """
    is_json = headers.get("content-type", "").startswith("application/json")
    return {
        "code": status,
        "headers": dict(headers),
        "body": json.loads(body) if is_json else wire.encode_base64(body),
    }


def is_success(status: int) -> bool:
    """Tell whether a status is one of success.

    Clauses: OG-61
    """
    return 200 <= status <= 299


def count_within(times_s: Sequence[float], *, now_s: float, seconds: float) -> int:
    """Count the times that are within so many seconds before now.

    Clauses: OG-42
    """
    return sum(now_s - seconds < time for time in times_s)
