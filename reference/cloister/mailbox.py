"""Chapter 07, fourth part: what a client remembers of what it has fetched for one recipient.

- A node's cursor is the hash of the last message that *it* gave.
- A client cannot compute message hashes, so messages are told apart by the digest of their data, which is passed on once.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from cloister import wire
from cloister.node_request import CLOCK_TOLERANCE_MS
from cloister.proof_of_work import MAX_TTL_MS
from cloister.swarm import NodeKey, refuse

STORE_NODES = 3
ACKNOWLEDGEMENTS = 2
RETRIEVE_NODES = 2
MAX_DIFFICULTY = 99
MAX_PAGES = 1000

KEPT_MS = MAX_TTL_MS + 2 * CLOCK_TOLERANCE_MS
"""How long a digest is kept after it was last given: no honest node gives the message later."""

HASH_DIGITS = 128
DIGEST_DIGITS = 64


def check_hash(text: str) -> str:
    """Check the form of a message hash.

    Raises:
        InvalidEncoding: it is not 128 digits of canonical hex.
    """
    return wire.check_hex(text, HASH_DIGITS, what="hash")


def check_digest(text: str) -> str:
    """Check the form of a digest.

    Raises:
        InvalidEncoding: it is not 64 digits of canonical hex.
    """
    return wire.check_hex(text, DIGEST_DIGITS, what="digest")


MessageHash = Annotated[str, refuse(check_hash)]
"""A message hash as a node gives it, 128 hex digits."""
Digest = Annotated[str, refuse(check_digest)]
"""The SHA-256 hash of the data of a message, 64 hex digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message as a node gives it, unverified: hash, expiration in milliseconds, data in base64."""

    hash: MessageHash
    expiration_ms: int
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """The last hash of each node, by Ed25519 key, and until when each digest that was seen is kept, in milliseconds."""

    cursors: Mapping[NodeKey, MessageHash] = field(default_factory=dict)
    seen: Mapping[Digest, int] = field(default_factory=dict)


def find_cursor(mailbox: Mailbox, node: str) -> str:
    """Find what to ask a node for: the hash of the last message that it gave, or nothing.

    Clauses: SW-39
    """
    return mailbox.cursors.get(node, "")


def take_letters(
    mailbox: Mailbox, node: str, letters: Iterable[Letter], *, now_ms: int
) -> tuple[Mailbox, list[Letter]]:
    """Take one page that a node gave; return the mailbox and the letters that are new.

    Clauses: SW-39, SW-40, SW-41, SW-42, SW-43
    """
    cursors, seen, fresh = dict(mailbox.cursors), dict(mailbox.seen), []
    for letter in letters:
        cursors[node] = letter.hash
        if letter.expiration_ms + CLOCK_TOLERANCE_MS <= now_ms:
            continue
        digest = compute_digest(letter.data)
        if digest not in seen:
            fresh.append(letter)
        seen[digest] = now_ms + KEPT_MS
    return replace(mailbox, cursors=cursors, seen=seen), fresh


def compute_digest(data: str) -> str:
    """Compute the digest of data, canonical base64, in hex.

    Clauses: SW-40
    """
    return hashlib.sha256(data.encode()).hexdigest()


def forget_expired(mailbox: Mailbox, *, now_ms: int) -> Mailbox:
    """Forget the digests of messages that no honest node gives any more.

    Clauses: SW-42
    """
    return replace(mailbox, seen={digest: end_ms for digest, end_ms in mailbox.seen.items() if end_ms > now_ms})
