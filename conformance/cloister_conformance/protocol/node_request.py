"""The second methods of chapter 07: what nodes send each other is signed. `key`, `time` and `signature` are the three headers."""

from cloister_conformance.protocol.messages import Hex, Hex32, Message, Method
from cloister_conformance.protocol.swarm import SAMPLE_NETWORK, Network


class Sign(Message):
    seed: Hex32
    receiver: Hex32
    path: str
    body: Hex
    now_ms: int


class Headers(Message):
    key: str
    time: str
    signature: str


class Check(Message):
    key: str | None = None
    time: str | None = None
    signature: str | None = None
    network: Network
    receiver: Hex32
    path: str
    body: Hex
    now_ms: int


class Sender(Message):
    sender: Hex


METHODS = (
    Method(
        name="node_request.sign",
        capability="node-requests",
        summary="Sign a request to another node with an Ed25519 seed; return the three headers.",
        params=Sign,
        result=Headers,
        sample={"seed": "00" * 32, "receiver": "00" * 32, "path": "", "body": "", "now_ms": 0},
    ),
    Method(
        name="node_request.check",
        capability="node-requests",
        summary="Check a request at the node `receiver`; return the Ed25519 key of its sender.",
        params=Check,
        result=Sender,
        errors=("InvalidMessage", "InvalidEncoding", "UnknownNode", "OutOfRange", "InvalidSignature"),
        sample={"network": SAMPLE_NETWORK, "receiver": "00" * 32, "path": "", "body": "", "now_ms": 0},
    ),
)
