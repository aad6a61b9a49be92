"""The methods of chapter 06. The members of a request are texts, as they would arrive at a service node."""

from cloister_conformance.protocol.messages import Hex, Message, Method

REQUEST_ERRORS = ("InvalidEncoding", "OutOfRange", "TooLarge")


class Target(Message):
    payload_length: int
    ttl_ms: int
    difficulty: int


class TargetValue(Message):
    target: Hex


class Request(Message):
    timestamp: str
    ttl: str
    recipient: str
    data: str
    difficulty: int


class Check(Request):
    nonce: str


class Nonce(Message):
    nonce: str


class MessageHash(Message):
    message_hash: Hex


METHODS = (
    Method(
        name="proof_of_work.target",
        capability="proof-of-work-target",
        summary="Derive the target, 8 bytes, most significant first.",
        params=Target,
        result=TargetValue,
        errors=("OutOfRange",),
        sample={"payload_length": 100, "ttl_ms": 10_000, "difficulty": 1},
    ),
    Method(
        name="proof_of_work.solve",
        capability="proof-of-work-solve",
        summary="Find a nonce.",
        params=Request,
        result=Nonce,
        errors=REQUEST_ERRORS,
        sample={"timestamp": "", "ttl": "", "recipient": "", "data": "", "difficulty": 1},
    ),
    Method(
        name="proof_of_work.check",
        capability="proof-of-work-check",
        summary="Check a nonce and return the message hash, 64 bytes.",
        params=Check,
        result=MessageHash,
        errors=(*REQUEST_ERRORS, "InsufficientWork"),
        sample={"timestamp": "", "ttl": "", "recipient": "", "data": "", "nonce": "", "difficulty": 1},
    ),
)
