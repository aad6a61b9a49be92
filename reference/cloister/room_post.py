r"""Chapter 11, fourth part: what a post holds, how it is signed, and what a reader checks of it.

>>> import secrets
>>> server_key = bytes(31) + b"\x09"
>>> me = server_id.derive_blinded_id(bytes(32), server_key=server_key)
>>> content = RoomContent(server_key=server_key, room="tea", timestamp_ms=1_700_000_000_000, text="hello")
>>> data, signature = write_post(me, content, secrets.token_bytes)
>>> read_post(me.id.hex(), data, signature, server_key=server_key, room="tea").text
'hello'
"""

import hashlib
from dataclasses import dataclass

from cloister import envelope, errors, group_control, identity, server_id, wire
from cloister._proto import open_groups_pb2
from cloister.server_id import SigningId

MAX_DATA_BYTES = 65_536
MAX_POST_FILES = 16
MAX_FILE_BYTES = 10_000_000
HASH_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomFile:
    """A file of a post: its id on the server, its name, its size in bytes, and the SHA-256 hash of its bytes."""

    id: int
    name: str = ""
    size: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomContent:
    """What somebody says in a room of a server; an edit keeps the time and has a higher revision."""

    server_key: bytes
    room: str
    timestamp_ms: int
    revision: int = 0
    text: str = ""
    files: tuple[RoomFile, ...] = ()


def write_post(signer: SigningId, content: RoomContent, random: wire.Random) -> tuple[bytes, bytes]:
    """Write the data of a post and its signature.

    Raises:
        TooLarge: the data is too long, or there are too many files.
        OutOfRange: the time is outside its limits.
    Clauses: OG-77
    """
    data = encode_content(content)
    return data, sign_post(signer, data, random)


def encode_content(content: RoomContent) -> bytes:
    """Encode and pad a content.

    Raises:
        TooLarge: the data is too long, or there are too many files.
        OutOfRange: the time is outside its limits.
    Clauses: NE-20, OG-77
    """
    wire.check_timestamp(content.timestamp_ms)
    check_number_of_files(len(content.files))
    fields = open_groups_pb2.RoomContent(
        server_key=content.server_key,
        room=content.room,
        timestamp_ms=content.timestamp_ms,
        revision=content.revision,
        text=content.text,
        files=[
            open_groups_pb2.RoomFile(id=file.id, name=file.name, size=file.size, hash=file.hash)
            for file in content.files
        ],
    )
    data = envelope.pad(wire.encode_protobuf(fields))
    check_data_size(data)
    return data


def sign_post(signer: SigningId, data: bytes, random: wire.Random) -> bytes:
    """Sign data as an id; an unblinded one signs with the account's key, by which others know it.

    Clauses: OG-77
    """
    if signer.id[0] == server_id.UNBLINDED:
        return identity.sign(identity.derive_identity(signer.seed).private, data, random)
    return server_id.sign(signer, data)


def read_post(session_id: str, data: bytes, signature: bytes, *, server_key: bytes, room: str) -> RoomContent:
    """Read an unverified post that a server gave for one of its rooms.

    Raises:
        TooLarge: the data is too long.
        InvalidEncoding, InvalidKey: the id is none of a poster.
        InvalidSignature: the signature does not verify under it.
        InvalidMessage: the data is no content, or one for another server or room.
        OutOfRange: its time is outside its limits.
    Clauses: OG-71, OG-72
    """
    check_data_size(data)
    verify_post(session_id, data, signature)
    content = decode_content(data)
    if content.server_key != server_key:
        raise errors.InvalidMessage(reason="the post is for another server")
    if content.room != room:
        raise errors.InvalidMessage(reason="the post is for another room")
    return content


def verify_post(session_id: str, data: bytes, signature: bytes) -> None:
    """Verify an unverified signature of a poster.

    Raises:
        InvalidEncoding, InvalidKey: the id is none of a poster.
        InvalidSignature: it does not verify.
    Clauses: OG-71
    """
    if session_id.startswith("05"):
        identity.verify(identity.decode_account_id(session_id), data, signature)
        return
    poster = server_id.decode_signing_id(session_id)
    if poster[0] != server_id.BLINDED:
        raise errors.InvalidKey(reason="a poster's id begins with 15 or 05")
    server_id.verify(poster, data, signature)


def decode_content(data: bytes) -> RoomContent:
    """Decode an unverified content.

    Raises:
        InvalidMessage: it is not of the form.
        OutOfRange: its time is outside its limits.
    Clauses: OG-72
    """
    fields = wire.decode_protobuf(open_groups_pb2.RoomContent, envelope.unpad(data))
    for name in ("room", "text"):
        group_control.check_text(getattr(fields, name), what=name)
    wire.check_size(fields.server_key, server_id.SERVER_KEY_BYTES, what="server_key")
    wire.check_timestamp(fields.timestamp_ms)
    if len(fields.files) > MAX_POST_FILES:
        raise errors.InvalidMessage(reason="there are too many files")
    if not fields.text and not fields.files:
        raise errors.InvalidMessage(reason="there is neither text nor file")
    return RoomContent(
        server_key=fields.server_key,
        room=fields.room,
        timestamp_ms=fields.timestamp_ms,
        revision=fields.revision,
        text=fields.text,
        files=tuple(decode_file(file) for file in fields.files),
    )


def decode_file(fields: open_groups_pb2.RoomFile) -> RoomFile:
    """Decode a file of a content.

    Raises:
        InvalidMessage: its hash has another size, or its name is not UTF-8.
    """
    group_control.check_text(fields.name, what="name")
    wire.check_size(fields.hash, HASH_BYTES, what="hash")
    return RoomFile(id=fields.id, name=fields.name, size=fields.size, hash=fields.hash)


def check_data_size(data: bytes) -> None:
    """Check the size of the data of a post.

    Raises:
        TooLarge: it is too long.
    """
    if len(data) > MAX_DATA_BYTES:
        raise errors.TooLarge(what="post", limit=MAX_DATA_BYTES, got=len(data))


def check_number_of_files(number: int) -> None:
    """Check how many files a post has.

    Raises:
        TooLarge: there are too many.
    """
    if number > MAX_POST_FILES:
        raise errors.TooLarge(what="list of files", limit=MAX_POST_FILES, got=number)


def describe_file(file_id: int, name: str, data: bytes) -> RoomFile:
    """Describe a file that was uploaded.

    Clauses: OG-77
    """
    return RoomFile(id=file_id, name=name, size=len(data), hash=hashlib.sha256(data).digest())


def check_file(file: RoomFile, data: bytes) -> None:
    """Check the unverified bytes of a file.

    Raises:
        InvalidMessage: they are not those that the post speaks of.
    Clauses: OG-76
    """
    if len(data) != file.size or hashlib.sha256(data).digest() != file.hash:
        raise errors.InvalidMessage(reason="the file is not the one of the post")
