"""What the endpoints of bans, rights, flags and invitations do."""

import secrets
from collections.abc import Iterable

from cloister import (
    errors,
    open_group_bodies,
    open_group_queries,
    open_group_rights,
    room,
)
from cloister.open_group_bodies import Scope
from cloister.open_group_rights import FLAGS, NO_SUCH_ROOM, Flags, Need
from cloister.open_group_server import people, rooms
from cloister.open_group_server.asked import Asked, decode_account
from cloister.open_group_server.reply import build_json
from cloister.open_group_server.rooms import Room
from cloister.server_onion import ServerReply
from cloister.signed_request import Refusal

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
