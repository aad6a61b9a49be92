"""What the operator does without a request, on the database of a server that runs or does not."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from cloister.open_group_server import people, rooms
from cloister.open_group_server.rooms import Room
from cloister.room import RoomLink


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


def add_administrator(connection: Connection, account: str, *, room: Room | None) -> None:
    """Make an account administrator of a room, or of the server."""
    role = {"moderator": True, "administrator": True, **people.NO_BAN}
    if room is None:
        people.set_user(connection, account, **role)
        return
    rooms.change_room(connection, room.number)
    people.set_standing(connection, room.number, account, **role)


def list_rooms(connection: Connection) -> list[Room]:
    """List all rooms."""
    return rooms.list_rooms(connection)


def build_link(found: Room, *, protocol: str, host: str, port: int, server_key: bytes) -> RoomLink:
    """Build the link to a room, with its invitation if it requires one."""
    invitation = found.invitation if found.settings.invitation_required else None
    return RoomLink(
        protocol=protocol, host=host, port=port, room=found.token, server_key=server_key, invitation=invitation
    )
