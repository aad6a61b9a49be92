"""What the endpoints of files do: uploads, downloads, and which file may be listed."""

from email.utils import formatdate
from urllib.parse import quote

from cloister import (
    open_group,
    open_group_queries,
    open_group_rights,
)
from cloister.open_group_rights import NO_SUCH_FILE
from cloister.open_group_server import files, rooms
from cloister.open_group_server.asked import Asked, Full
from cloister.open_group_server.reply import Download, build_json
from cloister.server_onion import ServerReply
from cloister.signed_request import Refusal


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
