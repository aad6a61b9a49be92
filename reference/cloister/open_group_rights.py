"""Chapter 11, seventh part: the rules of a server: who may do what in a room.

- What an account may do is computed from what the server holds of it and of the room, anew for each request.
- A request that breaks a rule is a `Refusal`.

    >>> compute_rights(RoomSettings(default_write=False), Standing(), now_s=0).write
    False
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from cloister import room_request
from cloister.signed_request import Refusal

POSTS = 5
POSTS_SECONDS = 16
MAX_LOOSE_FILES = 16
NO_SUCH_ROOM = "there is no such room"
NO_SUCH_FILE = "there is no such file"
FLAGS = room_request.FLAGS
ROOM_BOOLEANS = (*(f"default_{name}" for name in FLAGS), "invitation_required")
WHITELIST_GROUP = {name: name == "invitation_required" for name in ROOM_BOOLEANS}
BLACKLIST_GROUP = {name: name != "invitation_required" for name in ROOM_BOOLEANS}
"""What is by default in the two kinds of rooms of "Rights"."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChange:
    """What changes of the role of an account: None for nothing."""

    moderator: bool | None
    administrator: bool | None
    visible: bool | None


# In a room


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


# Over others


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


# How much


def check_rate(times_s: Sequence[float], rights: Rights, *, now_s: float) -> None:
    """Check that an account that made posts and edits in a room at these times may make one more.

    Raises:
        Refusal: 429, it made too many.
    Clauses: OG-42
    """
    if not rights.administrator and count_within(times_s, now_s=now_s, seconds=POSTS_SECONDS) >= POSTS:
        raise Refusal(429, f"at most {POSTS} posts in {POSTS_SECONDS} seconds")


def count_within(times_s: Sequence[float], *, now_s: float, seconds: float) -> int:
    """Count the times that are within so many seconds before now.

    Clauses: OG-42
    """
    return sum(now_s - seconds < time for time in times_s)


def check_loose_files(count: int) -> None:
    """Check that an account with so many loose files in a room may upload one more.

    Raises:
        Refusal: 429, it may not.
    Clauses: OG-55
    """
    if count >= MAX_LOOSE_FILES:
        raise Refusal(429, f"at most {MAX_LOOSE_FILES} files that belong to no post")


# What is whose


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


def list_flags(flags: Flags) -> dict[str, bool]:
    """List the flags that are set."""
    return {name: value for name in FLAGS if (value := getattr(flags, name)) is not None}
