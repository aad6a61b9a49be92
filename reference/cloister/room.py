"""Chapter 11, fifth part: a room as its reader sees it: the link that leads there, and the view that polls bring up to date.

>>> link = decode_link("https://example.org/tea?public_key=" + 64 * "1")
>>> link.room, link.port
('tea', 443)
>>> encode_link(link) == "https://example.org/tea?public_key=" + 64 * "1"
True
"""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cloister import errors, group_content, identity, onion, room_post, sealing, server_onion, wire
from cloister.onion import PORTS, Server
from cloister.room_post import RoomContent
from cloister.saved_form import Pairs

TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
LINK = re.compile(
    r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::([1-9][0-9]{0,4}))?"
    r"/(?:r/)?([A-Za-z0-9_-]{1,64})\?public_key=([0-9a-f]{64})(?:&invitation=([0-9a-f]{64}))?"
)
INVITATION_BYTES = 32
MAX_PAGE = 256
MAX_NUMBER = 2**53 - 1
MAX_LINK_CHARACTERS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomLink:
    """Where a room is: a server, its key, 32 bytes, the room's token, and an invitation if there is one."""

    protocol: str
    host: str
    port: int
    room: str
    server_key: bytes
    invitation: bytes | None = field(default=None, repr=False)


PostKey = tuple[str, int]
"""Author and time, by which a post is the same as another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Under which id a post came, its highest revision, and the data of that."""

    id: int
    revision: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post that was read and not deleted."""

    id: int
    author: str
    content: RoomContent


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomView:
    """What a reader holds of a room: the cursor, the posts by id, and what was seen of each, by author and time and by id."""

    server_key: bytes
    room: str
    cursor: int = 0
    posts: Mapping[int, Post] = field(default_factory=dict)
    seen: Pairs[PostKey, Seen] = field(default_factory=dict)
    keys: Mapping[int, PostKey] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomEvent:
    """What a message of a page brought: `post` for what is new or edited, `error` for what was refused, neither for a deletion."""

    id: int
    post: Post | None = None
    error: errors.ProtocolViolation | None = None


# Links


def decode_link(text: str) -> RoomLink:
    """Decode an unverified link to a room.

    Raises:
        InvalidMessage: it is not of the form, or its key is not acceptable.
    Clauses: OG-69
    """
    found = LINK.fullmatch(text) if len(text) <= MAX_LINK_CHARACTERS else None
    if not found:
        raise errors.InvalidMessage(reason="it is no link to a room")
    protocol, host, port, token, server_key, invitation = found.groups()
    try:
        host = read_host(host)
        wire.check_range(int(port or PORTS[protocol]), 1, 65535, what="port")
        identity.decode_public_key(sealing.KEY_TYPE + bytes.fromhex(server_key))
    except errors.ProtocolViolation as error:
        raise errors.InvalidMessage(reason=f"it is no link to a room: {error}") from None
    return RoomLink(
        protocol=protocol,
        host=host,
        port=int(port or PORTS[protocol]),
        room=token,
        server_key=bytes.fromhex(server_key),
        invitation=bytes.fromhex(invitation) if invitation else None,
    )


def read_host(text: str) -> str:
    """Read a host, and spell it in the one way by which it is compared with others: small letters, addresses shortest.

    Raises:
        ForbiddenTarget: it is neither a name nor an address.
    Clauses: OG-69
    """
    host = text.strip("[]").lower()
    onion.check_host(host)
    if text.startswith("[") != (":" in host):
        raise errors.ForbiddenTarget(reason="an IPv6 address, and nothing else, stands in brackets")
    return str(ipaddress.IPv6Address(host)) if ":" in host else host


def decode_invitation(text: str) -> bytes:
    """Decode an unverified invitation.

    Raises:
        InvalidEncoding: it is not 64 digits of canonical hex.
    Clauses: OG-30
    """
    return bytes.fromhex(wire.check_hex(text, 2 * INVITATION_BYTES, what="invitation"))


def encode_link(link: RoomLink) -> str:
    """Encode a link to a room."""
    host = f"[{link.host}]" if ":" in link.host else link.host
    port = "" if link.port == PORTS[link.protocol] else f":{link.port}"
    invitation = f"&invitation={link.invitation.hex()}" if link.invitation is not None else ""
    address = f"{link.protocol}://{host}{port}/{link.room}"
    return f"{address}?public_key={link.server_key.hex()}{invitation}"


def find_server(link: RoomLink) -> Server:
    """Find the destination of onion requests for a room, with the key of the link.

    Clauses: OG-68
    """
    return Server(
        host=link.host,
        target=server_onion.TARGET,
        protocol=link.protocol,
        port=link.port,
        x25519_key=identity.decode_public_key(sealing.KEY_TYPE + link.server_key),
    )


def check_pinned(link: RoomLink, known: Sequence[RoomLink]) -> None:
    """Check that no known link is to the same place with another key.

    Raises:
        UntrustedIdentity: one is.
    Clauses: OG-69
    """
    for other in known:
        if (other.host, other.port) == (link.host, link.port) and other.server_key != link.server_key:
            raise errors.UntrustedIdentity


def make_offer(link: RoomLink) -> group_content.Room:
    """Make the room that a closed group is offered.

    Clauses: OG-78
    """
    return group_content.Room(address=encode_link(link), server_key=link.server_key)


def read_offer(offered: group_content.Room) -> RoomLink:
    """Read the link of a room that a closed group was offered.

    Raises:
        InvalidMessage: the address is no link, or one with another server key.
    Clauses: OG-69
    """
    link = decode_link(offered.address)
    if link.server_key != offered.server_key:
        raise errors.InvalidMessage(reason="the link of the offered room has another server key")
    return link


# Views


def apply_page(view: RoomView, page: Sequence[Mapping[str, Any]]) -> tuple[RoomView, list[RoomEvent]]:
    """Apply an unverified page of `since`: messages and tombstones in ascending order behind the cursor.

    Raises:
        InvalidMessage: it is no such page.
    Clauses: OG-74
    """
    cursor = check_page(view, page)
    view = replace(view, cursor=cursor, posts=dict(view.posts), seen=dict(view.seen), keys=dict(view.keys))
    return view, [apply_message(view, message) for message in page]


def begin_view(
    view: RoomView, recent: Sequence[Mapping[str, Any]], *, message_sequence: int
) -> tuple[RoomView, list[RoomEvent]]:
    """Begin an empty view with an unverified page of `recent`, and the room's `message_sequence` as it was before that.

    Raises:
        InvalidMessage: it is no such page, or no such number.
    Clauses: OG-74
    """
    if not 0 <= message_sequence <= MAX_NUMBER:
        raise errors.InvalidMessage(reason="message_sequence is no such number")
    for message in recent:
        check_message(message)
    view, events = apply_page(view, sorted(recent, key=lambda message: message["seqno"]))
    return replace(view, cursor=message_sequence), events


def check_page(view: RoomView, page: Sequence[Mapping[str, Any]]) -> int:
    """Check that numbers ascend above the cursor, and return the last.

    Raises:
        InvalidMessage: they do not.
    Clauses: OG-74
    """
    if len(page) > MAX_PAGE:
        raise errors.InvalidMessage(reason="the page is too long")
    cursor = view.cursor
    for message in page:
        check_message(message)
        if message["seqno"] <= cursor:
            raise errors.InvalidMessage(reason="the sequence numbers do not ascend above the cursor")
        cursor = message["seqno"]
    return cursor


def check_message(message: Mapping[str, Any]) -> None:
    """Check that a message has an id and a sequence number, from 1 to `MAX_NUMBER`.

    Raises:
        InvalidMessage: it has not.
    Clauses: OG-74
    """
    for name in ("id", "seqno"):
        number = message.get(name) if isinstance(message, Mapping) else None
        if type(number) is not int or not 1 <= number <= MAX_NUMBER:  # JSON's true is an int to Python
            raise errors.InvalidMessage(reason=f"a message has no {name}")


def apply_message(view: RoomView, message: Mapping[str, Any]) -> RoomEvent:
    """Apply one unverified message to a view whose parts are fresh copies: a post, an edit or a tombstone.

    What is refused changes nothing.
    Clauses: OG-73, OG-75
    """
    posts, seen, keys = view.posts, view.seen, view.keys
    assert isinstance(posts, dict)
    assert isinstance(seen, dict)
    assert isinstance(keys, dict)
    if message.get("deleted") is True:
        posts.pop(message["id"], None)
        return RoomEvent(id=message["id"])
    try:
        post, data = read_message(view, message)
    except errors.ProtocolViolation as error:
        return RoomEvent(id=message["id"], error=error)
    key = derive_post_key(post)
    posts[post.id] = post
    seen[key] = Seen(id=post.id, revision=post.content.revision, data=data)
    keys[post.id] = key
    return RoomEvent(id=post.id, post=post)


def derive_post_key(post: Post) -> PostKey:
    """Derive that by which a post is the same as another."""
    return post.author, post.content.timestamp_ms


def read_message(view: RoomView, message: Mapping[str, Any]) -> tuple[Post, bytes]:
    """Read an unverified post or edit; return its data too.

    Raises:
        InvalidMessage, InvalidEncoding, InvalidKey, TooLarge, OutOfRange: it is not of the form, or for another room.
        InvalidSignature: its signature does not verify.
        DuplicateMessage: it came before under another id, or something else came under this one.
        StaleRevision: its revision is lower than one that was seen, or the same with other data.
    Clauses: OG-71, OG-72, OG-73
    """
    author = wire.take_text(message, "session_id")
    data = wire.decode_base64(wire.take_text(message, "data"), what="data")
    signature = wire.decode_base64(wire.take_text(message, "signature"), what="signature")
    content = room_post.read_post(author, data, signature, server_key=view.server_key, room=view.room)
    post = Post(id=message["id"], author=author, content=content)
    check_seen(view, post, data)
    return post, data


def check_seen(view: RoomView, post: Post, data: bytes) -> None:
    """Check a post against what was seen of it.

    Raises:
        DuplicateMessage: it came before under another id, something else came under this one, or it was taken away.
        StaleRevision: its revision is lower than one that was seen, or the same with other data.
    Clauses: OG-73
    """
    key = derive_post_key(post)
    seen = view.seen.get(key, Seen(id=post.id, revision=post.content.revision, data=data))
    if seen.id != post.id or view.keys.get(post.id, key) != key:
        raise errors.DuplicateMessage(index=post.content.timestamp_ms)
    if post.id in view.keys and post.id not in view.posts:
        raise errors.DuplicateMessage(index=post.content.timestamp_ms)
    if post.content.revision < seen.revision or (post.content.revision == seen.revision and data != seen.data):
        raise errors.StaleRevision(revision=post.content.revision, seen=seen.revision)
