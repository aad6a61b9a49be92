"""What each endpoint does, when checks 0 to 10 of chapter 11 have been passed: body, what is named, rate; then the work.

Each is a function of what was asked; `HANDLERS` has one for each row of `open_group.ENDPOINTS`. Names on disk of files that
are gone with the work are noted in `removed`.
"""

from collections.abc import Callable

from cloister.open_group_server import (
    file_endpoints,
    message_endpoints,
    people_endpoints,
    room_endpoints,
)
from cloister.open_group_server.asked import Asked
from cloister.server_onion import ServerReply

Handler = Callable[[Asked], ServerReply]

HANDLERS: dict[tuple[str, str], Handler] = {
    ("GET", "/capabilities"): room_endpoints.tell_capabilities,
    ("GET", "/rooms"): room_endpoints.tell_rooms,
    ("GET", "/room/{room}"): room_endpoints.tell_room,
    ("PUT", "/room/{room}"): room_endpoints.change_room,
    ("GET", "/room/{room}/pollInfo/{number}"): room_endpoints.poll_room,
    ("POST", "/room/{room}/message"): message_endpoints.post_message,
    ("GET", "/room/{room}/message/{message}"): message_endpoints.tell_message,
    ("PUT", "/room/{room}/message/{message}"): message_endpoints.edit_message,
    ("DELETE", "/room/{room}/message/{message}"): message_endpoints.delete_message,
    ("GET", "/room/{room}/messages/since/{number}"): message_endpoints.tell_since,
    ("GET", "/room/{room}/messages/recent"): message_endpoints.tell_recent,
    ("GET", "/room/{room}/messages/before/{message}"): message_endpoints.tell_before,
    ("DELETE", "/room/{room}/all/{id}"): message_endpoints.delete_all_in_room,
    ("DELETE", "/rooms/all/{id}"): message_endpoints.delete_all_everywhere,
    ("POST", "/room/{room}/file"): file_endpoints.upload_file,
    ("GET", "/room/{room}/file/{file}"): file_endpoints.download_file,
    ("GET", "/room/{room}/file/{file}/{name}"): file_endpoints.download_file,
    ("POST", "/user/{id}/ban"): people_endpoints.ban_user,
    ("POST", "/user/{id}/unban"): people_endpoints.unban_user,
    ("POST", "/user/{id}/moderator"): people_endpoints.change_role,
    ("POST", "/room/{room}/permissions/{id}"): people_endpoints.change_permissions,
    ("GET", "/room/{room}/permissions"): people_endpoints.tell_all_permissions,
    ("GET", "/room/{room}/permissions/{id}"): people_endpoints.tell_permissions,
    ("POST", "/room/{room}/invitation"): people_endpoints.make_invitation,
    ("DELETE", "/room/{room}/invitation"): people_endpoints.end_invitation,
    ("POST", "/room/{room}/join"): people_endpoints.join_room,
}
