"""The methods of chapter 11 about links to rooms, and what a reader holds of a room."""

from typing import Annotated, Literal

from cloister_conformance.protocol.messages import Handle, Hex32, Message, Method, Nothing, Sparse
from cloister_conformance.protocol.room_post import RoomContent
from cloister_conformance.protocol.server_id import SAMPLE_SERVER_KEY
from cloister_conformance.protocol.server_onion import SAMPLE_LINK

ROOM_LINKS = "room-links"
ROOM_VIEWS = "room-views"

NewView = Annotated[str, Handle("room view", may_be_new=True)]
View = Annotated[str, Handle("room view")]


class LinkText(Message):
    text: str


class Link(Sparse):
    protocol: Literal["https", "http"]
    host: str
    port: int
    room: str
    server_key: Hex32
    invitation: Hex32 | None = None


class CheckLink(Message):
    text: str
    known: list[str]


class CreateView(Message):
    view: NewView
    server_key: Hex32
    room: str


class Page(Message):
    view: View
    page: str


class Begin(Page):
    message_sequence: int


class RoomEvent(Sparse):
    kind: Literal["post", "deletion", "refused"]
    id: int
    error: str | None = None


class Told(Message):
    told: list[RoomEvent]


class OfView(Message):
    view: View


class RoomPost(RoomContent):
    id: int
    author: str


class RoomView(Message):
    cursor: int
    posts: list[RoomPost]


METHODS = (
    Method(
        name="room.decode_link",
        capability=ROOM_LINKS,
        summary="Decode a link to a room.",
        params=LinkText,
        result=Link,
        errors=("InvalidMessage",),
        sample={"text": SAMPLE_LINK},
    ),
    Method(
        name="room.encode_link",
        capability=ROOM_LINKS,
        summary="Encode a link to a room.",
        params=Link,
        result=LinkText,
        sample={
            "protocol": "https",
            "host": "example.org",
            "port": 443,
            "room": "tea",
            "server_key": SAMPLE_SERVER_KEY,
        },
    ),
    Method(
        name="room.check_link",
        capability=ROOM_LINKS,
        summary="Check a link that somebody gives to a client which knows others.",
        params=CheckLink,
        result=Nothing,
        errors=("InvalidMessage", "UntrustedIdentity"),
        sample={"text": SAMPLE_LINK, "known": []},
    ),
    Method(
        name="room.create_view",
        capability=ROOM_VIEWS,
        summary="Make the empty view of a reader of a room.",
        params=CreateView,
        result=Nothing,
        sample={"view": "sample", "server_key": SAMPLE_SERVER_KEY, "room": "tea"},
    ),
    Method(
        name="room.begin_view",
        capability=ROOM_VIEWS,
        summary="Begin an empty view with the JSON text that a server answered to `recent`, and the room's `message_sequence` as it was before that.",
        params=Begin,
        result=Told,
        errors=("InvalidMessage",),
        sample={"view": "sample", "page": "[]", "message_sequence": 0},
    ),
    Method(
        name="room.apply_page",
        capability=ROOM_VIEWS,
        summary="Apply the JSON text that a server answered to `since` the cursor.",
        params=Page,
        result=Told,
        errors=("InvalidMessage",),
        sample={"view": "sample", "page": "[]"},
    ),
    Method(
        name="room.read_view",
        capability=ROOM_VIEWS,
        summary="Read the cursor of a view, and the posts that are shown, by ascending ids.",
        params=OfView,
        result=RoomView,
        sample={"view": "sample"},
    ),
)
