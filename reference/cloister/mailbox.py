"""Chapter 07, fourth part: what a client remembers of what it has fetched for one recipient.

- A node's cursor is the hash of the last message that *it* gave; a hash is passed on once, whichever node gave it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from cloister import errors, wire
from cloister.node_request import CLOCK_TOLERANCE_MS
from cloister.proof_of_work import MAX_TTL_MS
from cloister.swarm import NodeKey, refuse

STORE_NODES = 3
ACKNOWLEDGEMENTS = 2
RETRIEVE_NODES = 2
MAX_DIFFICULTY = 99
MAX_PAGES = 1000

HASH_DIGITS = 128


def check_hash(text: str) -> str:
    """Check the form of a message hash.

    Raises:
        InvalidEncoding: it is not 128 digits of canonical hex.
    """
    if len(text) != HASH_DIGITS:
        raise errors.InvalidEncoding(what="hash")
    wire.decode_hex(text, what="hash")
    return text


MessageHash = Annotated[str, refuse(check_hash)]
"""A message hash as a node gives it, 128 hex digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message as a node gives it, unverified: hash, expiration in milliseconds, data in base64."""

    hash: MessageHash
    expiration_ms: int
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """The last hash of each node, by Ed25519 key, and when each hash that was seen may be forgotten, in milliseconds."""

    cursors: Mapping[NodeKey, MessageHash] = field(default_factory=dict)
    seen: Mapping[MessageHash, int] = field(default_factory=dict)


def find_cursor(mailbox: Mailbox, node: str) -> str:
    """Find what to ask a node for: the hash of the last message that it gave, or nothing.

    Clauses: SW-39
    """
    return mailbox.cursors.get(node, "")


def take_letters(
    mailbox: Mailbox, node: str, letters: Iterable[Letter], *, now_ms: int
) -> tuple[Mailbox, list[Letter]]:
    """Take one page that a node gave; return the mailbox and the letters that are new.

    Clauses: SW-39, SW-40, SW-41, SW-43
    """
    cursors, seen, fresh = dict(mailbox.cursors), dict(mailbox.seen), []
    for letter in letters:
        cursors[node] = letter.hash
        end_ms = find_end(letter, now_ms=now_ms)
        if letter.hash not in seen and end_ms > now_ms:
            fresh.append(letter)
        seen[letter.hash] = max(end_ms, seen.get(letter.hash, 0))
    return replace(mailbox, cursors=cursors, seen=seen), fresh


def find_end(letter: Letter, *, now_ms: int) -> int:
    """Find when a message has expired everywhere, in milliseconds.

    Clauses: SW-42
    """
    latest_ms = now_ms + MAX_TTL_MS + CLOCK_TOLERANCE_MS
    return min(letter.expiration_ms, latest_ms) + CLOCK_TOLERANCE_MS


def forget_expired(mailbox: Mailbox, *, now_ms: int) -> Mailbox:
    """Forget the hashes of messages that have expired everywhere.

    Clauses: SW-42
    """
    return replace(mailbox, seen={hashed: end_ms for hashed, end_ms in mailbox.seen.items() if end_ms > now_ms})
