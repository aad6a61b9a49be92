"""Chapter 06: work for texts of any form, so that the form is the only thing wrong with a request."""

import base64
import hashlib
from collections.abc import Callable
from itertools import count
from typing import Any

from cloister import proof_of_work, wire

from cloister_conformance.hand_made import material

Json = dict[str, Any]
TIMESTAMP = "1600000000000"
TTL = "60000"
RECIPIENT = material.derive_key_pair("recipient").public.hex()
DATA = wire.encode_base64(b"hello group")

Value = Callable[[bytes], int]
"""Computes the value of a nonce."""


def payload(timestamp: str, ttl: str, recipient: str, data: str) -> bytes:
    """Join the texts, whatever their form."""
    return (timestamp + ttl + recipient + data).encode("utf-8")


def value_of(joined: bytes) -> Value:
    """Return the function from nonces of any length to values, for one payload."""
    h1 = hashlib.sha512(joined).digest()
    return lambda nonce: proof_of_work.decode_value(hashlib.sha512(nonce + h1).digest())


def find_nonce(accepted: Callable[[bytes], bool], *, first: int = 0) -> str:
    """Find the first nonce of 8 bytes from a counter on that passes a condition."""
    return proof_of_work.encode_nonce(next(n for n in count(first) if accepted(n.to_bytes(8, "big"))))


def find_nonce_between(joined: bytes, low: int, high: int, *, first: int = 0) -> str:
    """Find the first nonce whose value is at least `low` and below `high`."""
    value = value_of(joined)
    return find_nonce(lambda nonce: low <= value(nonce) < high, first=first)


def mine(
    timestamp: str = TIMESTAMP,
    ttl: str = TTL,
    recipient: str = RECIPIENT,
    data: str = DATA,
    *,
    difficulty: int = 1,
    ttl_ms: int | None = None,
    first: int = 0,
) -> str:
    """Find the first nonce that suffices; the target is that of `ttl_ms` if the text says no number."""
    joined = payload(timestamp, ttl, recipient, data)
    target = proof_of_work.derive_target(len(joined), int(ttl) if ttl_ms is None else ttl_ms, difficulty)
    return find_nonce_between(joined, 0, target, first=first)


def mine_bytes(size: int) -> bytes:
    """Find a nonce of another size for the usual request at difficulty 1."""
    joined = payload(TIMESTAMP, TTL, RECIPIENT, DATA)
    target = proof_of_work.derive_target(len(joined), int(TTL), 1)
    value = value_of(joined)
    tried = (material.derive_bytes(f"nonce {size} {index}", size) for index in count())
    return next(nonce for nonce in tried if value(nonce) < target)


def request(
    timestamp: str = TIMESTAMP, ttl: str = TTL, recipient: str = RECIPIENT, data: str = DATA, *, difficulty: int = 1
) -> Json:
    """Complete the texts of a request."""
    return {"timestamp": timestamp, "ttl": ttl, "recipient": recipient, "data": data, "difficulty": difficulty}


def with_work(inputs: Json, *, ttl_ms: int | None = None, first: int = 0) -> Json:
    """Add the first nonce that suffices."""
    return {**inputs, "nonce": mine(**inputs, ttl_ms=ttl_ms, first=first)}


def stages(inputs: Json) -> dict[str, bytes]:
    """Compute the values on the way to the verdict."""
    joined = payload(inputs["timestamp"], inputs["ttl"], inputs["recipient"], inputs["data"])
    h1 = hashlib.sha512(joined).digest()
    h2 = hashlib.sha512(base64.b64decode(inputs["nonce"]) + h1).digest()
    target = proof_of_work.derive_target(len(joined), int(inputs["ttl"]), inputs["difficulty"])
    return {"target": target.to_bytes(8, "big"), "h1": h1, "value": h2[:8]}
