"""What the endpoints of the server and of its rooms do."""

from collections.abc import Sequence
from typing import Any

from cloister import (
    errors,
    group_control,
    open_group_bodies,
    open_group_queries,
    open_group_rights,
)
from cloister.open_group_rights import FLAGS, Rights
from cloister.open_group_server import file_endpoints, files, people, rooms
from cloister.open_group_server.asked import Asked
from cloister.open_group_server.people import Staff
from cloister.open_group_server.reply import build_json
from cloister.open_group_server.rooms import Room
from cloister.server_onion import ServerReply
from cloister.signed_request import Refusal


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
    found = file_endpoints.find_present(asked, number)
    open_group_rights.check_may_list(
        has=False, loose=file_endpoints.is_loose(found), own=found.account == asked.who.account
    )
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
