"""Chapter 11, third part: what an onion request to a server holds, and its reply.

- The layers around it, and the frame in which the last of them comes to the server, are those of `onion`.
- A request or reply is a bencoded list of two byte strings: JSON that describes it, and a body.

    >>> encode_list(b"{}", b"body")
    b'l2:{}4:bodye'
    >>> decode_list(b'l2:{}4:bodye')
    (b'{}', b'body')
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloister import errors, onion, sealing, wire
from cloister.identity import PrivateKey
from cloister.onion import Peeled
from cloister.signed_request import TARGET_FORM, Request

TARGET = "/oxen/v4/lsrpc"
CIPHER = "aes-gcm"
METHODS = frozenset({"GET", "POST", "PUT", "DELETE"})

MAX_REASON_CHARACTERS = 200
LENGTH = re.compile(rb"(0|[1-9][0-9]{0,8}):")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerReply:
    """What a server answers: a status, headers with names in lower case, a body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        """Tell whether the status is one of success.

        Clauses: OG-61, OG-79
        """
        return 200 <= self.status <= 299


# Lists


def encode_list(meta: bytes, body: bytes) -> bytes:
    """Encode two byte strings as a bencoded list."""
    return b"l%d:%b%d:%be" % (len(meta), meta, len(body), body)


def decode_list(data: bytes) -> tuple[bytes, bytes]:
    """Decode an unverified bencoded list of one or two byte strings; the second is empty if it is absent.

    Raises:
        InvalidMessage: it is none.
    Clauses: OG-64, OG-70
    """
    if not data.startswith(b"l") or not data.endswith(b"e"):
        raise errors.InvalidMessage(reason="it is no bencoded list")
    strings, position = [], 1
    while position < len(data) - 1:
        text, position = take_string(data, position)
        strings.append(text)
    if len(strings) not in {1, 2} or position != len(data) - 1:
        raise errors.InvalidMessage(reason="it is no list of two byte strings")
    return strings[0], strings[1] if len(strings) == 2 else b""


def take_string(data: bytes, position: int) -> tuple[bytes, int]:
    """Take the byte string at a position; return it and the position behind it.

    Raises:
        InvalidMessage: there is none.
    """
    found = LENGTH.match(data, position)
    if not found:
        raise errors.InvalidMessage(reason="it is no bencoded byte string")
    begin = found.end()
    end = begin + int(found[1])
    return data[begin:end], end


# Requests


def encode_request(request: Request) -> bytes:
    """Encode a request as the payload for a server.

    Clauses: OG-68
    """
    meta = {"method": request.method, "endpoint": request.target, "headers": dict(request.headers)}
    return encode_list(json.dumps(meta, separators=(",", ":")).encode(), request.body)


def open_request(private: PrivateKey, body: bytes) -> Peeled:
    """Open an unverified onion request with the server's private key.

    Raises:
        TooLarge: it is longer than `MAX_ONION_BYTES`.
        DecryptionFailed: whatever else is wrong.
    Clauses: OG-64
    """
    peeled = onion.peel(private, body)
    _, control = onion.decode_frame(body)
    if control.get("enc_type", CIPHER) != CIPHER:
        raise errors.DecryptionFailed
    return peeled


def decode_request(payload: bytes) -> Request:
    """Decode a payload that was decrypted, but is otherwise unverified.

    Raises:
        InvalidMessage: it is not of the form.
    Clauses: OG-64
    """
    text, body = decode_list(payload)
    meta = wire.decode_object(text, what="the request")
    method, target = wire.take_text(meta, "method"), wire.take_text(meta, "endpoint")
    if method not in METHODS:
        raise errors.InvalidMessage(reason="there is no such method")
    if not TARGET_FORM.fullmatch(target):
        raise errors.InvalidMessage(reason="the endpoint is no path")
    request = Request(method=method, target=target, headers=decode_headers(meta), body=body)
    if request.path == TARGET.encode():
        raise errors.InvalidMessage(reason="no onion request is in an onion request")
    return request


def decode_headers(meta: Mapping[str, Any]) -> dict[str, str]:
    """Decode unverified headers; names in lower case.

    Raises:
        InvalidMessage: they are no object of texts.
    """
    headers = meta.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(text, str) for text in headers.values()):
        raise errors.InvalidMessage(reason="the headers are no object of texts")
    if len({name.lower() for name in headers}) != len(headers):
        raise errors.InvalidMessage(reason="a header is there twice")
    return {name.lower(): text for name, text in headers.items()}


# Replies


def seal_reply(key: bytes, reply: ServerReply, random: wire.Random) -> bytes:
    """Seal a reply with the key of the layer that was opened.

    Clauses: OG-63
    """
    meta = {"code": reply.status, "headers": dict(reply.headers)}
    plaintext = encode_list(json.dumps(meta, separators=(",", ":")).encode(), reply.body)
    return sealing.encrypt_layer(key, plaintext, iv=random(sealing.IV_BYTES))


def open_reply(key: bytes, sealed: bytes) -> ServerReply:
    """Open an unverified reply with a reply key.

    Raises:
        DecryptionFailed: it does not decrypt.
        InvalidMessage: it decrypts to something else than a reply.
    Clauses: OG-70
    """
    text, body = decode_list(sealing.decrypt_layer(key, sealed))
    meta = wire.decode_object(text, what="the reply")
    status = meta.get("code")
    if type(status) is not int:  # JSON's true is an int to Python
        raise errors.InvalidMessage(reason="code is absent or no integer")
    return ServerReply(status=status, headers=decode_headers(meta), body=body)


def check_success(reply: ServerReply) -> ServerReply:
    """Check that a reply has a status of success, and return it; the reason in another is for people, and unverified.

    Raises:
        ServerRefused: it has another.
    Clauses: OG-79
    """
    if not reply.is_success:
        text = reply.body.decode("utf-8", "replace")[:MAX_REASON_CHARACTERS]
        raise errors.ServerRefused(
            status=reply.status, reason="".join(mark if mark.isprintable() else " " for mark in text)
        )
    return reply
