"""The methods of chapter 11 about posts and their files."""

from typing import Annotated, Literal

from pydantic import Field

from cloister_conformance.protocol.messages import Hex, Hex32, Hex64, Index, Injected, Message, Method, Nothing
from cloister_conformance.protocol.server_id import SAMPLE_SERVER_KEY
from cloister_conformance.protocol.signed_request import UNBLINDED

ROOM_POSTS = "room-posts"
Revision = Annotated[int, Field(ge=0, lt=2**32)]


class RoomFile(Message):
    id: Index
    name: str
    size: Index
    hash: Hex32


class RoomContent(Message):
    timestamp_ms: int
    revision: Revision
    text: str
    files: list[RoomFile]


class Write(RoomContent):
    seed: Hex32
    server_key: Hex32
    unblinded: Annotated[Literal[True] | None, UNBLINDED] = None
    room: str
    random: Annotated[Hex64 | None, Injected("room-posts-deterministic")] = None


class SignedPost(Message):
    session_id: str
    data: Hex
    signature: Hex


class Read(SignedPost):
    server_key: Hex32
    room: str


class CheckFile(Message):
    file: RoomFile
    data: Hex


METHODS = (
    Method(
        name="room_post.write",
        capability=ROOM_POSTS,
        summary="Write the data of a post or an edit, and sign it as the blinded or the unblinded id of the seed.",
        params=Write,
        result=SignedPost,
        errors=("TooLarge", "OutOfRange"),
        sample={
            "timestamp_ms": 1600000000000,
            "revision": 0,
            "text": "hello",
            "files": [],
            "seed": "00" * 32,
            "server_key": SAMPLE_SERVER_KEY,
            "room": "tea",
        },
    ),
    Method(
        name="room_post.read",
        capability=ROOM_POSTS,
        summary="Read a post that a server gave for a room.",
        params=Read,
        result=RoomContent,
        errors=("InvalidEncoding", "InvalidKey", "InvalidMessage", "InvalidSignature", "OutOfRange", "TooLarge"),
        sample={"session_id": "", "data": "", "signature": "", "server_key": SAMPLE_SERVER_KEY, "room": "tea"},
    ),
    Method(
        name="room_post.check_file",
        capability=ROOM_POSTS,
        summary="Check the bytes of a file of a post.",
        params=CheckFile,
        result=Nothing,
        errors=("InvalidMessage",),
        sample={"file": {"id": "1", "name": "", "size": "1", "hash": "00" * 32}, "data": ""},
    ),
)
