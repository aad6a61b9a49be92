"""Chapter 06: proof of work.

- The four texts of a request are hashed as they stand, so each has one form only.
- The difficulty is an input: which one counts is said in chapter 07, as are clocks.
- `find_nonce` searches in this process; `cloister.solver` searches in several.

    >>> request = Request(
    ...     timestamp="1600000000000",
    ...     ttl="172800000",
    ...     recipient="055bf55c73b82ebe22be80f3430667af570fae2556a6415e6b30d4065300aa947d",
    ...     data="aGVsbG8=",
    ... )
    >>> nonce = find_nonce(request, difficulty=1)
    >>> check(request, nonce, difficulty=1)[:8]
    '0070d1b2'
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NewType

from cloister import errors, wire

NONCE_BYTES = 8
RECIPIENT_CHARACTERS = 66
MAX_DATA_CHARACTERS = 102_400
MIN_TTL_MS = 10_000
MAX_TTL_MS = 1_209_600_000
TTL_STEP_MS = 1000
TARGET_SCALE = 65_535
MAX_U64 = 2**64 - 1

BATCH = 20_000
"""Nonces tried between two calls of the progress callback."""

Nonce = NewType("Nonce", str)
"""Base64 of 8 bytes, 12 characters."""

Progress = Callable[[int], bool]
"""Called with the nonces tried so far; the search goes on while it answers True."""


class Cancelled(Exception):
    """The progress callback ended the search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The texts that the work is bound to, as received and unverified."""

    timestamp: str
    ttl: str
    recipient: str
    data: str


def check_request(request: Request) -> None:
    """Check the four texts.

    Raises:
        InvalidEncoding: a text is not canonical.
        OutOfRange: the timestamp has not 13 digits, or the ttl is over its limits or not whole seconds.
        TooLarge: there is too much data.
    Clauses: PW-2, PW-3, PW-4, PW-5, PW-6, PW-7
    """
    check_data_size(request.data)
    wire.check_timestamp(wire.decode_decimal(request.timestamp, what="timestamp"))
    check_ttl(wire.decode_decimal(request.ttl, what="ttl"))
    check_recipient(request.recipient)
    wire.decode_base64(request.data, what="data")


def check_data(data: str) -> None:
    """Check data by themselves, before or without the other texts.

    Raises:
        TooLarge: there is too much of them.
        InvalidEncoding: they are no canonical base64.
    Clauses: PW-6, PW-7, SW-7
    """
    check_data_size(data)
    wire.decode_base64(data, what="data")


def check_data_size(data: str) -> None:
    """Check the size of data.

    Raises:
        TooLarge: there is too much of them.
    Clauses: PW-6
    """
    if len(data) > MAX_DATA_CHARACTERS:
        raise errors.TooLarge(what="data", limit=MAX_DATA_CHARACTERS, got=len(data))


def check_recipient(recipient: str) -> None:
    """Check the form of a recipient; its key is the sender's business.

    Raises:
        InvalidEncoding: it is not 66 digits of canonical hex beginning with 05.
    Clauses: PW-5
    """
    if len(recipient) != RECIPIENT_CHARACTERS or not recipient.startswith("05"):
        raise errors.InvalidEncoding(what="recipient")
    wire.decode_hex(recipient, what="recipient")


def check_ttl(ttl_ms: int) -> None:
    """Check the limits of a ttl.

    Raises:
        OutOfRange: below `MIN_TTL_MS`, above `MAX_TTL_MS`, or not whole seconds.
    Clauses: PW-3, PW-4
    """
    wire.check_range(ttl_ms, MIN_TTL_MS, MAX_TTL_MS, what="ttl")
    wire.check_range(ttl_ms % TTL_STEP_MS, 0, 0, what="milliseconds of the ttl")


def encode_payload(request: Request) -> bytes:
    """Encode what is hashed.

    Clauses: PW-1
    """
    return (request.timestamp + request.ttl + request.recipient + request.data).encode("ascii")


def derive_target(payload_length: int, ttl_ms: int, difficulty: int) -> int:
    """Derive the target for a payload length in bytes.

    Raises:
        OutOfRange: a number is negative, the difficulty is 0, the target would be 0, or a number or a product reaches 2^64.
    Clauses: PW-9, PW-10
    """
    wire.check_range(payload_length, 0, MAX_U64, what="payload length")
    wire.check_range(ttl_ms, 0, MAX_U64, what="ttl")
    length = payload_length + NONCE_BYTES
    ttl_seconds = ttl_ms // 1000
    wire.check_range(ttl_seconds * length, 0, MAX_U64, what="ttl times length")
    cost = length + ttl_seconds * length // TARGET_SCALE
    wire.check_range(difficulty, 1, MAX_U64 // cost, what="difficulty")
    return MAX_U64 // (difficulty * cost)


def hash_with_nonce(nonce: bytes, payload: bytes) -> bytes:
    """Hash a payload with a nonce, 64 bytes.

    Clauses: PW-11
    """
    return hashlib.sha512(nonce + hashlib.sha512(payload).digest()).digest()


def decode_value(h2: bytes) -> int:
    """Decode the value that is compared with the target.

    Clauses: PW-11
    """
    return int.from_bytes(h2[:8], "big")


def decode_nonce(text: str) -> bytes:
    """Decode a nonce, 8 bytes.

    Raises:
        InvalidEncoding: it is not the canonical base64 of 8 bytes.
    Clauses: PW-8
    """
    nonce = wire.decode_base64(text, what="nonce")
    if len(nonce) != NONCE_BYTES:
        raise errors.InvalidEncoding(what="nonce")
    return nonce


def encode_nonce(counter: int) -> Nonce:
    """Encode a counter as a nonce."""
    return Nonce(wire.encode_base64(counter.to_bytes(NONCE_BYTES, "big")))


def check(request: Request, nonce: str, *, difficulty: int) -> str:
    """Check the work of an unverified request and return its message hash, 128 hex digits.

    Raises:
        InvalidEncoding, OutOfRange, TooLarge: as `check_request`, `decode_nonce` and `derive_target`.
        InsufficientWork: the value is not below the target.
    Clauses: PW-12, PW-13, PW-14
    """
    check_request(request)
    return check_work(request, nonce, difficulty=difficulty)


def check_work(request: Request, nonce: str, *, difficulty: int) -> str:
    """Check the work of a request whose texts are right, and return its message hash, 128 hex digits.

    Raises:
        InvalidEncoding, OutOfRange: as `decode_nonce` and `derive_target`.
        InsufficientWork: the value is not below the target.
    Clauses: PW-12, PW-13, PW-14
    """
    nonce_bytes = decode_nonce(nonce)

    payload = encode_payload(request)
    target = derive_target(len(payload), int(request.ttl), difficulty)
    h2 = hash_with_nonce(nonce_bytes, payload)

    if decode_value(h2) >= target:
        raise errors.InsufficientWork
    return h2.hex()


def find_nonce(
    request: Request,
    *,
    difficulty: int,
    progress: Progress = lambda tried: True,
    first: int = 0,
    step: int = 1,
) -> Nonce:
    """Find a nonce among the counters `first`, `first + step`, ...

    Raises:
        InvalidEncoding, OutOfRange, TooLarge: as `check`.
        Cancelled: `progress` answered False.
    Clauses: PW-15, PW-16
    """
    check_request(request)
    payload = encode_payload(request)
    target = derive_target(len(payload), int(request.ttl), difficulty).to_bytes(8, "big")
    h1 = hashlib.sha512(payload).digest()
    sha512 = hashlib.sha512

    tried = 0
    while True:
        start = first + tried * step
        for counter in range(start, start + BATCH * step, step):
            if sha512(counter.to_bytes(NONCE_BYTES, "big") + h1).digest() < target:  # only the first 8 bytes decide
                return encode_nonce(counter)
        tried += BATCH
        if not progress(tried):
            raise Cancelled
