"""Chapter 11, links to rooms and views of them, behind the adapter protocol."""

import json
from typing import Any

from cloister import errors, room, wire
from cloister.room import Post, RoomEvent, RoomLink, RoomView

from cloister_conformance.protocol import room as messages
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.reference_adapter.handles import Handles
from cloister_conformance.reference_adapter.room_post import describe_file


def decode_link(params: messages.LinkText, handles: Handles) -> messages.Link:
    link = room.decode_link(params.text)
    return messages.Link(
        protocol="https" if link.protocol == "https" else "http",
        host=link.host,
        port=link.port,
        room=link.room,
        server_key=link.server_key,
        invitation=link.invitation,
    )


def encode_link(params: messages.Link, handles: Handles) -> messages.LinkText:
    link = RoomLink(
        protocol=params.protocol,
        host=params.host,
        port=params.port,
        room=params.room,
        server_key=params.server_key,
        invitation=params.invitation,
    )
    return messages.LinkText(text=room.encode_link(link))


def check_link(params: messages.CheckLink, handles: Handles) -> Nothing:
    known = [room.decode_link(text) for text in params.known]
    room.check_pinned(room.decode_link(params.text), known)
    return Nothing()


def create_view(params: messages.CreateView, handles: Handles) -> Nothing:
    handles.put(params.view, RoomView(server_key=params.server_key, room=params.room))
    return Nothing()


def decode_page(text: str) -> list[Any]:
    """Decode the text of a page.

    Raises:
        InvalidMessage: it is no JSON list.
    """
    try:
        page = json.loads(text, parse_constant=wire.refuse_constant)
    except (ValueError, RecursionError):
        raise errors.InvalidMessage(reason="the page is not JSON") from None
    if not isinstance(page, list):
        raise errors.InvalidMessage(reason="the page is no list")
    return page


def begin_view(params: messages.Begin, handles: Handles) -> messages.Told:
    view = handles.get(params.view, RoomView)
    view, events = room.begin_view(view, decode_page(params.page), message_sequence=params.message_sequence)
    handles.put(params.view, view)
    return messages.Told(told=[describe(event) for event in events])


def apply_page(params: messages.Page, handles: Handles) -> messages.Told:
    view = handles.get(params.view, RoomView)
    view, events = room.apply_page(view, decode_page(params.page))
    handles.put(params.view, view)
    return messages.Told(told=[describe(event) for event in events])


def describe(event: RoomEvent) -> messages.RoomEvent:
    """Describe an event."""
    if event.error is not None:
        return messages.RoomEvent(kind="refused", id=event.id, error=type(event.error).__name__)
    return messages.RoomEvent(kind="deletion" if event.post is None else "post", id=event.id)


def read_view(params: messages.OfView, handles: Handles) -> messages.RoomView:
    view = handles.get(params.view, RoomView)
    return messages.RoomView(cursor=view.cursor, posts=[describe_post(post) for _, post in sorted(view.posts.items())])


def describe_post(post: Post) -> messages.RoomPost:
    """Describe a post that is shown."""
    return messages.RoomPost(
        id=post.id,
        author=post.author,
        timestamp_ms=post.content.timestamp_ms,
        revision=post.content.revision,
        text=post.content.text,
        files=[describe_file(file) for file in post.content.files],
    )
