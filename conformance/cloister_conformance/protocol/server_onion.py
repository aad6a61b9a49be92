"""The methods of chapter 11 about onion requests to a server."""

from typing import Annotated

from cloister_conformance.protocol import onion
from cloister_conformance.protocol.messages import Hex, Hex32, Injected, Message, Method
from cloister_conformance.protocol.onion import Body, Hex12, Hop, Layer, NewRequest, Peel, Request
from cloister_conformance.protocol.sealing import Hex44
from cloister_conformance.protocol.sender_keys import Plaintext
from cloister_conformance.protocol.server_id import SAMPLE_SERVER_KEY

SERVER_REQUESTS = "server-requests"
SERVER_ONIONS = "server-onions"
SAMPLE_LINK = f"https://example.org/tea?public_key={SAMPLE_SERVER_KEY}"


class Build(Message):
    request: NewRequest
    path: list[Hop]
    link: str
    method: str
    target: str
    headers: dict[str, str]
    body: Hex
    randoms: Annotated[list[Hex44] | None, onion.DETERMINISTIC] = None


class OpenReply(Message):
    request: Request
    sealed: Hex


class OpenReplyWith(Message):
    reply_key: Hex32
    sealed: Hex


class ServerReply(Message):
    status: int
    headers: dict[str, str]
    body: Hex


class ServerRequest(Message):
    method: str
    target: str
    headers: dict[str, str]
    body: Hex


class SealReply(Message):
    layer: Layer
    status: int
    headers: dict[str, str]
    body: Hex
    iv: Annotated[Hex12 | None, Injected("server-onions-deterministic")] = None


class SealedReply(Message):
    sealed: Hex


METHODS = (
    Method(
        name="server_onion.build",
        capability=SERVER_REQUESTS,
        summary="Build an onion request to the server of a link, over a path; `randoms` as for `onion.build`.",
        params=Build,
        result=Body,
        errors=("InvalidMessage",),
        sample={
            "request": "sample",
            "path": [onion.SAMPLE_HOP],
            "link": SAMPLE_LINK,
            "method": "GET",
            "target": "/rooms",
            "headers": {},
            "body": "",
        },
    ),
    Method(
        name="server_onion.open_reply",
        capability=SERVER_REQUESTS,
        summary="Open the server's reply to a request.",
        params=OpenReply,
        result=ServerReply,
        errors=("DecryptionFailed", "InvalidMessage", "ServerRefused"),
        sample={"request": "sample", "sealed": ""},
    ),
    Method(
        name="server_onion.open_reply_with",
        capability="server-reply-key",
        summary="Open a server's reply with a reply key, whatever its status.",
        params=OpenReplyWith,
        result=ServerReply,
        errors=("DecryptionFailed", "InvalidMessage"),
        sample={"reply_key": "00" * 32, "sealed": ""},
    ),
    Method(
        name="server_onion.open_request",
        capability=SERVER_ONIONS,
        summary="Open an onion request as the server that it is sealed to.",
        params=Peel,
        result=Plaintext,
        errors=("DecryptionFailed",),
        sample={"layer": "sample", "private_key": "40" * 32, "body": ""},
    ),
    Method(
        name="server_onion.decode_request",
        capability=SERVER_ONIONS,
        summary="Decode the payload of an onion request to a server; names of headers in lower case.",
        params=Plaintext,
        result=ServerRequest,
        errors=("InvalidMessage",),
        sample={"plaintext": ""},
    ),
    Method(
        name="server_onion.seal_reply",
        capability=SERVER_ONIONS,
        summary="Seal a reply with the key of the layer that was opened.",
        params=SealReply,
        result=SealedReply,
        sample={"layer": "sample", "status": 200, "headers": {}, "body": ""},
    ),
)
