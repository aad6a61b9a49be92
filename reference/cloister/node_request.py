"""Chapter 07, second part: what service nodes send each other is signed.

- The signature covers receiver, time, path and body: a request is good for one node, one path and some minutes.
- Names of headers are compared in lower case.
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cloister import errors, wire
from cloister.swarm import Network, find_node

NODE_REQUEST_LABEL = b"cloister node request"
CLOCK_TOLERANCE_MS = 900_000

KEY_HEADER = "x-node-key"
TIME_HEADER = "x-node-time"
SIGNATURE_HEADER = "x-node-signature"


class NodeKeys(NamedTuple):
    """The Ed25519 keys of a node: 32 bytes, and hex."""

    seed: bytes
    public: str


def derive_keys(seed: bytes) -> NodeKeys:
    """Derive the Ed25519 keys of a node from its seed, 32 bytes."""
    return NodeKeys(seed, Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw().hex())


def encode_signed(receiver: str, time_ms: int, path: str, body: bytes) -> bytes:
    """Encode what is signed, for a receiver's Ed25519 key in hex.

    Clauses: SW-33
    """
    digests = hashlib.sha512(path.encode()).digest() + hashlib.sha512(body).digest()
    return NODE_REQUEST_LABEL + bytes.fromhex(receiver) + time_ms.to_bytes(8, "big") + digests


def sign(keys: NodeKeys, receiver: str, path: str, body: bytes, *, now_ms: int) -> dict[str, str]:
    """Sign a request to a receiver's Ed25519 key in hex; return the three headers.

    Clauses: SW-33
    """
    key = Ed25519PrivateKey.from_private_bytes(keys.seed)
    signature = key.sign(encode_signed(receiver, now_ms, path, body))
    return {KEY_HEADER: keys.public, TIME_HEADER: str(now_ms), SIGNATURE_HEADER: wire.encode_base64(signature)}


def is_signed(headers: Mapping[str, str]) -> bool:
    """Tell whether a request claims to come from a node."""
    return any(name in headers for name in (KEY_HEADER, TIME_HEADER, SIGNATURE_HEADER))


def check_headers(headers: Mapping[str, str], network: Network, *, now_ms: int) -> tuple[str, int]:
    """Check what an unverified request says of itself; return the sender's Ed25519 key in hex, and its time.

    Raises:
        InvalidMessage: a header is missing.
        InvalidEncoding: the time has another form.
        UnknownNode: the sender is not in the network.
        OutOfRange: its time is too far from `now_ms`.
    Clauses: SW-32
    """
    if not all(name in headers for name in (KEY_HEADER, TIME_HEADER, SIGNATURE_HEADER)):
        raise errors.InvalidMessage(reason="a header of a node request is missing")
    sender = find_node(network, headers[KEY_HEADER]).pubkey_ed25519
    time_ms = wire.decode_decimal(headers[TIME_HEADER], what="time")
    wire.check_range(time_ms, now_ms - CLOCK_TOLERANCE_MS, now_ms + CLOCK_TOLERANCE_MS, what="time")
    return sender, time_ms


def check(headers: Mapping[str, str], network: Network, receiver: str, path: str, body: bytes, *, now_ms: int) -> str:
    """Check an unverified request; return the sender's Ed25519 key in hex.

    Raises:
        InvalidMessage, UnknownNode, OutOfRange: as `check_headers`.
        InvalidEncoding: the time or the signature has another form.
        InvalidSignature: the signature does not verify.
    Clauses: SW-32
    """
    sender, time_ms = check_headers(headers, network, now_ms=now_ms)
    signature = wire.decode_base64(headers[SIGNATURE_HEADER], what="signature")
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(sender))
        key.verify(signature, encode_signed(receiver, time_ms, path, body))
    except (InvalidSignature, ValueError):
        raise errors.InvalidSignature from None
    return sender
