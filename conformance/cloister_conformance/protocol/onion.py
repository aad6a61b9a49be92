"""The methods of chapter 08 about requests, layers and replies."""

from typing import Annotated, Literal

from annotated_types import Len
from pydantic import model_validator

from cloister_conformance.protocol.messages import Handle, Hex, Hex32, Injected, Message, Method, Nothing
from cloister_conformance.protocol.sealing import Hex44
from cloister_conformance.protocol.sender_keys import Plaintext

NewRequest = Annotated[str, Handle("onion request", may_be_new=True)]
Request = Annotated[str, Handle("onion request")]
NewLayer = Annotated[str, Handle("layer", may_be_new=True)]
Layer = Annotated[str, Handle("layer")]
Hex12 = Annotated[Hex, Len(12, 12)]
DETERMINISTIC = Injected("onion-deterministic")

Kind = Literal["this node", "node", "server"]
SAMPLE_HOP = {"pubkey_ed25519": "00" * 32, "pubkey_x25519": "09" + "00" * 31}
REPLY_ERRORS = ("DecryptionFailed", "InvalidMessage")


class Hop(Message):
    pubkey_ed25519: Hex32
    pubkey_x25519: Hex32


class Server(Message):
    host: str
    target: str
    protocol: str
    port: int
    pubkey_x25519: Hex32


class Build(Message):
    request: NewRequest
    path: list[Hop]
    node: Hop | None = None
    server: Server | None = None
    payload: Hex
    randoms: Annotated[list[Hex44] | None, DETERMINISTIC] = None

    @model_validator(mode="after")
    def check_form(self) -> "Build":
        """Check that there is one destination, and as many random values as layers."""
        if (self.node is None) is (self.server is None):
            raise ValueError("give node or server, and not both")
        if self.randoms is not None and len(self.randoms) != len(self.path) + 1:
            raise ValueError("give a random value for each node of the path, and one for the destination")
        return self


class Body(Message):
    body: Hex


class OpenReply(Message):
    request: Request
    answer: str


class OpenReplyWith(Message):
    reply_key: Hex32
    answer: str


class Reply(Message):
    status: int
    body: str


class Peel(Message):
    layer: NewLayer
    private_key: Hex32
    body: Hex


class SealReply(Message):
    layer: Layer
    status: int
    body: str
    iv: Annotated[Hex12 | None, DETERMINISTIC] = None


class Answer(Message):
    answer: str


class Action(Message):
    kind: Kind
    to: str
    body: Hex


class Target(Message):
    target: str


class Address(Message):
    address: str


METHODS = (
    Method(
        name="onion.build",
        capability="onion-build",
        summary="Build a request to a node or a server; `randoms` are an ephemeral private key, 32 bytes, and an IV for each layer, the guard's first.",
        params=Build,
        result=Body,
        errors=("InvalidKey",),
        sample={"request": "sample", "path": [], "node": SAMPLE_HOP, "payload": ""},
    ),
    Method(
        name="onion.open_reply",
        capability="onion-build",
        summary="Open the reply to a request.",
        params=OpenReply,
        result=Reply,
        errors=REPLY_ERRORS,
        sample={"request": "sample", "answer": ""},
    ),
    Method(
        name="onion.open_reply_with",
        capability="onion-reply-key",
        summary="Open a reply with a reply key.",
        params=OpenReplyWith,
        result=Reply,
        errors=REPLY_ERRORS,
        sample={"reply_key": "00" * 32, "answer": ""},
    ),
    Method(
        name="onion.peel",
        capability="onion-peel",
        summary="Open the outermost layer of a request.",
        params=Peel,
        result=Plaintext,
        errors=("DecryptionFailed",),
        sample={"layer": "sample", "private_key": "40" * 32, "body": ""},
    ),
    Method(
        name="onion.seal_reply",
        capability="onion-peel",
        summary="Seal a reply with the key of a layer that was peeled.",
        params=SealReply,
        result=Answer,
        sample={"layer": "sample", "status": 200, "body": ""},
    ),
    Method(
        name="onion.read_action",
        capability="onion-dispatch",
        summary="Read what is to be done with a layer that was peeled: what is sent, and to whom.",
        params=Plaintext,
        result=Action,
        errors=("InvalidMessage", "ForbiddenTarget"),
        sample={"plaintext": ""},
    ),
    Method(
        name="onion.check_target",
        capability="onion-exit",
        summary="Check the path at a server.",
        params=Target,
        result=Nothing,
        errors=("ForbiddenTarget",),
        sample={"target": ""},
    ),
    Method(
        name="onion.check_address",
        capability="onion-exit",
        summary="Check an IP address that a host has.",
        params=Address,
        result=Nothing,
        errors=("ForbiddenTarget",),
        sample={"address": "192.0.2.1"},
    ),
)
