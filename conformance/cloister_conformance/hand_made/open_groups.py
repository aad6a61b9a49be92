"""Chapter 11: ids, signatures, payloads, posts and pages made by hand, in whole numbers, so that each can be wrong in one place."""

import base64
import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from cloister import identity
from cloister.identity import Q
from nacl.signing import SigningKey

from cloister_conformance.hand_made import edwards, material
from cloister_conformance.hand_made.onion_requests import IV_BYTES, SERVER_PAIR, encrypt
from cloister_conformance.hand_made.protobuf import field, join

Json = dict[str, Any]

NOW_S = 1_600_000_000
NOW = 1_600_000_000_000
SERVER_KEY = SERVER_PAIR.public[1:]
OTHER_SERVER_KEY = material.derive_key_pair("another open-group server").public[1:]
ROOM = "tea"
HOST = "open.example.org"
TARGET = "/oxen/v4/lsrpc"
ROUTING: Json = {"host": HOST, "target": TARGET, "method": "POST", "protocol": "https", "port": 443}
"""The routing to the server."""


@cache
def multiply_base(scalar: int) -> bytes:
    """Multiply the base point, in whole numbers."""
    return edwards.compress(edwards.multiply(scalar, edwards.BASE))


class Stages(NamedTuple):
    """A signature of a blinded id, with all that it was made from."""

    r: int
    R: bytes
    h: int
    signature: bytes


def sign_with(scalar: int, key: bytes, prefix: bytes, M: bytes) -> Stages:
    """Sign with a number, of which the key is the point."""
    r = identity.hash_to_scalar(prefix, key, M)
    R = multiply_base(r)
    h = identity.hash_to_scalar(R, key, M)
    return Stages(r, R, h, R + ((r + h * scalar) % Q).to_bytes(32, "little"))


@dataclass(frozen=True, slots=True)
class Account:
    """An account on a server."""

    seed: bytes
    server_key: bytes = SERVER_KEY

    @property
    def private(self) -> identity.PrivateKey:
        """The private key of the account."""
        return identity.clamp(hashlib.sha512(self.seed).digest()[:32])

    @property
    def a(self) -> int:
        """The private key as a number."""
        return int.from_bytes(self.private, "little")

    @property
    def k(self) -> int:
        """What ids are blinded by on the server."""
        return int.from_bytes(hashlib.blake2b(self.server_key).digest(), "little") % Q

    @property
    def ka(self) -> int:
        """The blinded private key."""
        return self.k * self.a % Q

    @property
    def unblinded_key(self) -> bytes:
        """The unblinded key."""
        return multiply_base(self.a)

    @property
    def blinded_key(self) -> bytes:
        """The blinded key."""
        return multiply_base(self.ka)

    @property
    def account_id(self) -> str:
        """The account id."""
        return "05" + edwards.derive_u(edwards.decompress(self.unblinded_key)).hex()

    def name(self, *, blinded: bool) -> str:
        """Name the id that signs requests."""
        return "15" + self.blinded_key.hex() if blinded else "00" + self.unblinded_key.hex()

    def name_author(self, *, blinded: bool) -> str:
        """Name the id under which others see posts."""
        return self.name(blinded=True) if blinded else self.account_id

    def sign_blinded(self, M: bytes) -> Stages:
        """Sign as the blinded id."""
        return sign_with(self.ka, self.blinded_key, hashlib.sha512(self.seed).digest()[32:], M)

    def sign(self, M: bytes, *, blinded: bool) -> bytes:
        """Sign a request."""
        return self.sign_blinded(M).signature if blinded else SigningKey(self.seed).sign(M).signature

    def sign_post(self, data: bytes, *, blinded: bool) -> bytes:
        """Sign the data of a post; an unblinded one by XEdDSA."""
        if blinded:
            return self.sign_blinded(data).signature
        return identity.sign_with(self.private, data, Z=hashlib.sha512(data).digest())


def make_account(label: object, server_key: bytes = SERVER_KEY) -> Account:
    """Make an account; another label gives another."""
    return Account(material.derive_bytes(f"open groups {label}"), server_key)


ALICE, BOB, MALLORY = (make_account(name) for name in ("alice", "bob", "mallory"))


# Requests


def encode_signed(
    *,
    server_key: bytes = SERVER_KEY,
    nonce: bytes,
    timestamp: str = str(NOW_S),
    method: str = "GET",
    path: bytes = b"/rooms",
    query: bytes = b"",
    body: bytes = b"",
) -> bytes:
    """Write what is signed of a request; `path` is decoded, `query` as it is written."""
    parts = [server_key, nonce, timestamp.encode(), method.encode(), path]
    parts += [b"?" + query] if query else []
    parts += [hashlib.blake2b(body).digest()] if body else []
    return b"".join(parts)


def encode_list(*strings: bytes) -> bytes:
    """Write a bencoded list of byte strings."""
    return b"l" + b"".join(str(len(text)).encode() + b":" + text for text in strings) + b"e"


def encode_meta(meta: Mapping[str, Any]) -> bytes:
    """Write the JSON of a request or reply, without blanks."""
    return json.dumps(meta, separators=(",", ":")).encode()


def write_payload(method: str = "GET", endpoint: str = "/rooms", body: bytes = b"", **other: object) -> bytes:
    """Write the payload of an onion request to a server."""
    return encode_list(encode_meta({"method": method, "endpoint": endpoint, **other}), body)


def write_reply(status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """Write a reply before it is sealed."""
    return encode_list(encode_meta({"code": status, "headers": headers or {}}), body)


def seal_reply(key: bytes, plaintext: bytes, label: object = "") -> bytes:
    """Seal any bytes as a reply."""
    return encrypt(key, plaintext, material.derive_bytes(f"open groups reply {label}", IV_BYTES))


def write_link(server_key: bytes = SERVER_KEY, room: str = ROOM, place: str = f"https://{HOST}") -> str:
    """Write a link."""
    return f"{place}/{room}?public_key={server_key.hex()}"


# Posts


class File(NamedTuple):
    """A file of a post."""

    id: int
    name: str
    size: int
    hash: bytes

    def describe(self) -> Json:
        """Describe it as a param."""
        return {"id": str(self.id), "name": self.name, "size": str(self.size), "hash": self.hash.hex()}

    def encode(self) -> bytes:
        """Encode it."""
        return field(1, self.id) + field(2, self.name.encode()) + field(3, self.size) + field(4, self.hash)


def make_file(label: object, size: int = 100, name: str = "cat.png") -> tuple[File, bytes]:
    """Make a file of a post, and its bytes."""
    data = material.derive_bytes(f"open groups file {label}", size)
    return File(
        material.derive_number(f"open groups file id {label}", 1000), name, size, hashlib.sha256(data).digest()
    ), data


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a post holds; `other={3: ...}` puts other bytes in the place of field 3."""

    text: str | bytes = "hello"
    timestamp_ms: int = NOW
    revision: int = 0
    server_key: bytes = SERVER_KEY
    room: str | bytes = ROOM
    files: tuple[File, ...] = ()
    other: Mapping[int, bytes] = dataclasses.field(default_factory=dict)

    def encode(self) -> bytes:
        """Encode it."""
        text, room = (part.encode() if isinstance(part, str) else part for part in (self.text, self.room))
        fields = {
            1: field(1, self.server_key),
            2: field(2, room),
            3: field(3, self.timestamp_ms),
            4: field(4, self.revision),
            5: field(5, text),
            6: b"".join(field(6, file.encode()) for file in self.files),
        }
        return join(fields, self.other)

    @property
    def data(self) -> bytes:
        """The data of the post."""
        return pad(self.encode())

    def describe(self) -> Json:
        """Describe it as a result."""
        files = [file.describe() for file in self.files]
        return {"timestamp_ms": self.timestamp_ms, "revision": self.revision, "text": self.text, "files": files}


def pad(text: bytes) -> bytes:
    """Pad a text to the next length that is one less than a multiple of 160."""
    return (text + b"\x80").ljust((len(text) + 1) // 160 * 160 + 159, b"\0")


class Post(NamedTuple):
    """A post as a server gives it, with what it holds."""

    author: str
    data: bytes
    signature: bytes

    def describe(self) -> Json:
        """Describe it as params."""
        return {"session_id": self.author, "data": self.data.hex(), "signature": self.signature.hex()}

    def show(self, message_id: int, seqno: int, **other: object) -> Json:
        """Write it as a message of a room; what is None is left out."""
        message = {
            "id": message_id,
            "session_id": self.author,
            "posted": NOW_S + 0.25,
            "seqno": seqno,
            "data": base64.b64encode(self.data).decode(),
            "signature": base64.b64encode(self.signature).decode(),
            **other,
        }
        return {name: value for name, value in message.items() if value is not None}


def sign_data(data: bytes, account: Account = ALICE, *, blinded: bool = True) -> Post:
    """Sign any data as a post."""
    return Post(account.name_author(blinded=blinded), data, account.sign_post(data, blinded=blinded))


def write_post(content: Content | None = None, account: Account = ALICE, *, blinded: bool = True) -> Post:
    """Write a post."""
    return sign_data((content or Content()).data, account, blinded=blinded)


def show_tombstone(message_id: int, seqno: int) -> Json:
    """Write a tombstone."""
    return {"id": message_id, "seqno": seqno, "data": None, "deleted": True}


def write_page(messages: Sequence[object]) -> str:
    """Write a page."""
    return json.dumps(messages, separators=(",", ":"))
