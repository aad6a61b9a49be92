"""Chapter 07, third part: what a service node accepts, keeps and gives.

- These are the rules; the shell `cloister.service_node` has the disk, the clock and the sockets.
- A refusal is an error of chapter 01; `find_status` says which HTTP status it is answered with.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloister import errors, proof_of_work, wire
from cloister.node_request import CLOCK_TOLERANCE_MS
from cloister.proof_of_work import RECIPIENT_CHARACTERS
from cloister.swarm import DifficultyChange, Network, find_swarm, holds

PAGE_MESSAGES = 10
FUTURE_TOLERANCE_MS = 10_000
MAX_BATCH_BYTES = 500_000
MAX_BODY_BYTES = 10_485_760
MAX_RPC_BYTES = 262_144
REQUESTS_PER_SECOND = 300
REQUEST_BURST = 600

STORE_PARAMS = ("pubKey", "ttl", "nonce", "timestamp", "data")
RETRIEVE_PARAMS = ("pubKey", "lastHash")
SNODES_PARAMS = ("pubKey",)
PARAMS = {"store": STORE_PARAMS, "retrieve": RETRIEVE_PARAMS, "get_snodes_for_pubkey": SNODES_PARAMS}

STATUS_OF_TEXT = {
    "recipient": 400,
    "data": 400,
    "ttl": 403,
    "milliseconds of the ttl": 403,
    "timestamp": 406,
    "nonce": 432,
    "difficulty": 432,  # so high that no work reaches it
}
STATUS_OF_ERROR = {
    errors.WrongSwarm: 421,
    errors.ExpiredMessage: 406,
    errors.InsufficientWork: 432,
    errors.TooFewNodes: 503,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it is kept: the recipient, the message hash, the data as received, times in milliseconds, the nonce."""

    recipient: str
    hash: str
    data: str
    timestamp_ms: int
    ttl_ms: int
    nonce: str

    @property
    def expiration_ms(self) -> int:
        """When it expires."""
        return self.timestamp_ms + self.ttl_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpc:
    """A request: a known method, and its params, all of them texts."""

    method: str
    params: Mapping[str, str]


# Requests


def decode_rpc(body: bytes | str) -> Rpc:
    """Decode an unverified request to a node.

    Raises:
        InvalidMessage: it is no JSON object, has no method that is known, or a param is absent or no string.
    Clauses: SW-6
    """
    request = wire.decode_object(body, what="the request")
    method, params = request.get("method"), request.get("params")
    if not isinstance(method, str) or method not in PARAMS:
        raise errors.InvalidMessage(reason="there is no such method")
    if not isinstance(params, dict):
        raise errors.InvalidMessage(reason="params is no object")
    return Rpc(method=method, params={name: wire.take_text(params, name) for name in PARAMS[method]})


def find_status(error: errors.CloisterError) -> int:
    """Find the HTTP status that a refusal is answered with.

    Clauses: SW-6, SW-7, SW-9, SW-10, SW-11, SW-12
    """
    if type(error) in STATUS_OF_ERROR:
        return STATUS_OF_ERROR[type(error)]
    return STATUS_OF_TEXT.get(getattr(error, "what", ""), 400)


# Store


def check_store(params: Mapping[str, str], network: Network, node: str, *, now_ms: int) -> Message:
    """Check a store, unverified, at the node with this Ed25519 key; the checks stand in the order of the text.

    Raises:
        InvalidEncoding: a text is not canonical.
        TooLarge: there is too much data.
        WrongSwarm: the recipient is another swarm's.
        OutOfRange: the ttl or the timestamp is outside its limits.
        ExpiredMessage: it has expired.
        InsufficientWork: the work does not reach the current difficulty.
    Clauses: SW-7, SW-8, SW-9, SW-10, SW-11, SW-12, SW-26
    """
    request = read_request(params)
    proof_of_work.check_recipient(request.recipient)
    proof_of_work.check_data(request.data)
    check_swarm(request.recipient, network, node)
    proof_of_work.check_ttl(wire.decode_decimal(request.ttl, what="ttl"))
    check_times(request, now_ms=now_ms, tolerance_ms=FUTURE_TOLERANCE_MS)
    difficulty = find_current_difficulty(network.difficulties, now_ms)
    return build_message(request, params["nonce"], difficulty)


def read_request(params: Mapping[str, str]) -> proof_of_work.Request:
    """Read the four texts of chapter 06 out of the params of a store."""
    return proof_of_work.Request(
        timestamp=params["timestamp"], ttl=params["ttl"], recipient=params["pubKey"], data=params["data"]
    )


def check_swarm(recipient: str, network: Network, node: str) -> None:
    """Check that the node with an Ed25519 key is in the recipient's swarm.

    Raises:
        WrongSwarm: it is not.
    Clauses: SW-5
    """
    if not holds(find_swarm(network, recipient), node):
        raise errors.WrongSwarm


def check_times(request: proof_of_work.Request, *, now_ms: int, tolerance_ms: int) -> None:
    """Check the timestamp of a request whose ttl is right.

    Raises:
        InvalidEncoding, OutOfRange: the timestamp has another form, or is too far ahead.
        ExpiredMessage: timestamp + ttl is not above the clock.
    Clauses: SW-10, SW-11, SW-30
    """
    timestamp_ms = wire.decode_decimal(request.timestamp, what="timestamp")
    wire.check_timestamp(timestamp_ms)
    wire.check_range(timestamp_ms, wire.MIN_TIMESTAMP_MS, now_ms + tolerance_ms, what="timestamp")
    check_expiration(timestamp_ms + int(request.ttl), now_ms=now_ms)


def check_expiration(expiration_ms: int, *, now_ms: int) -> None:
    """Check that a message has not expired.

    Raises:
        ExpiredMessage: it has.
    Clauses: SW-11, SW-23
    """
    if expiration_ms <= now_ms:
        raise errors.ExpiredMessage(expiration_ms=expiration_ms)


def build_message(request: proof_of_work.Request, nonce: str, difficulty: int) -> Message:
    """Check the work of a request whose texts are right, and build the message that is kept.

    Raises:
        InvalidEncoding: the nonce has another form.
        InsufficientWork: the work does not reach the difficulty.
    Clauses: SW-12
    """
    return Message(
        recipient=request.recipient,
        hash=proof_of_work.check_work(request, nonce, difficulty=difficulty),
        data=request.data,
        timestamp_ms=int(request.timestamp),
        ttl_ms=int(request.ttl),
        nonce=nonce,
    )


# Retrieve


def check_retrieve(params: Mapping[str, str], network: Network, node: str) -> None:
    """Check a retrieve, unverified, at the node with this Ed25519 key.

    Raises:
        InvalidEncoding: the recipient has another form.
        WrongSwarm: it is another swarm's.
    Clauses: SW-5, SW-7
    """
    proof_of_work.check_recipient(params["pubKey"])
    check_swarm(params["pubKey"], network, node)


def take_page(messages: Sequence[Message], last_hash: str, *, now_ms: int) -> list[Message]:
    """Take a page out of all messages of one recipient, in the order of their arrival.

    Clauses: SW-20, SW-21, SW-22, SW-23
    """
    hashes = [message.hash for message in messages]
    first = hashes.index(last_hash) + 1 if last_hash in hashes else 0
    alive = [message for message in messages[first:] if message.expiration_ms > now_ms]
    return alive[:PAGE_MESSAGES]


def encode_page(page: Iterable[Message]) -> dict[str, Any]:
    """Encode a page as an answer.

    Clauses: SW-24
    """
    return {
        "messages": [
            {"hash": message.hash, "expiration": message.expiration_ms, "data": message.data} for message in page
        ]
    }


# Difficulty


def find_current_difficulty(history: Iterable[DifficultyChange], now_ms: int) -> int:
    """Find the difficulty that stores are checked against.

    Clauses: SW-26
    """
    past = [(change.since, change.difficulty) for change in history if change.since <= now_ms]
    return max(past, default=(0, 1))[1]


def find_valid_difficulty(history: Sequence[DifficultyChange], timestamp_ms: int) -> int:
    """Find the difficulty that a pushed message of this time is checked against: the least in force around it.

    Clauses: SW-27
    """
    first_ms, last_ms = timestamp_ms - CLOCK_TOLERANCE_MS, timestamp_ms + CLOCK_TOLERANCE_MS
    later = [change.difficulty for change in history if first_ms < change.since <= last_ms]
    return min([find_current_difficulty(history, first_ms), *later])


# Push


def encode_batches(messages: Iterable[Message]) -> list[bytes]:
    """Encode messages into batches, each closed when it is longer than `MAX_BATCH_BYTES`.

    Clauses: SW-29
    """
    batches = [b""]
    for message in messages:
        if len(batches[-1]) > MAX_BATCH_BYTES:
            batches.append(b"")
        batches[-1] += encode_record(message)
    return [batch for batch in batches if batch]


def encode_record(message: Message) -> bytes:
    """Encode one record of a batch.

    Clauses: SW-29
    """
    return (
        message.recipient.encode("ascii")
        + encode_sized(message.hash)
        + encode_sized(message.data)
        + struct.pack("<QQ", message.ttl_ms, message.timestamp_ms)
        + encode_sized(message.nonce)
    )


def encode_sized(text: str) -> bytes:
    """Encode an ASCII text with its length before it."""
    return struct.pack("<Q", len(text)) + text.encode("ascii")


def decode_batch(batch: bytes) -> list[Message]:
    """Decode an unverified batch.

    Raises:
        InvalidMessage: it is not whole records.
    Clauses: SW-29
    """
    messages = []
    at = 0
    try:
        while at < len(batch):
            message, at = decode_record(batch, at)
            messages.append(message)
    except (struct.error, UnicodeDecodeError):
        raise errors.InvalidMessage(reason="the batch is not whole records") from None
    return messages


def decode_record(batch: bytes, at: int) -> tuple[Message, int]:
    """Decode the record at a place; return it and the place behind it."""
    recipient, at = take_text(batch, at, RECIPIENT_CHARACTERS)
    message_hash, at = take_sized(batch, at)
    data, at = take_sized(batch, at)
    ttl_ms, timestamp_ms = struct.unpack_from("<QQ", batch, at)
    nonce, at = take_sized(batch, at + 16)
    message = Message(
        recipient=recipient, hash=message_hash, data=data, timestamp_ms=timestamp_ms, ttl_ms=ttl_ms, nonce=nonce
    )
    return message, at


def take_sized(batch: bytes, at: int) -> tuple[str, int]:
    """Take a text with its length before it."""
    (size,) = struct.unpack_from("<Q", batch, at)
    return take_text(batch, at + 8, size)


def take_text(batch: bytes, at: int, size: int) -> tuple[str, int]:
    """Take an ASCII text of a size."""
    if size > len(batch) - at:
        raise errors.InvalidMessage(reason="the batch is not whole records")
    return batch[at : at + size].decode("ascii"), at + size


def check_pushed(pushed: Message, network: Network, node: str, *, now_ms: int) -> None:
    """Check a pushed message, unverified, at the node with this Ed25519 key.

    Raises:
        InvalidEncoding, OutOfRange, TooLarge, InsufficientWork: chapter 06 refuses it.
        WrongSwarm: the recipient is another swarm's.
        ExpiredMessage: it has expired.
        InvalidMessage: its hash is not the message hash.
    Clauses: SW-27, SW-30
    """
    request = proof_of_work.Request(
        timestamp=str(pushed.timestamp_ms), ttl=str(pushed.ttl_ms), recipient=pushed.recipient, data=pushed.data
    )
    proof_of_work.check_request(request)
    check_swarm(pushed.recipient, network, node)
    check_times(request, now_ms=now_ms, tolerance_ms=CLOCK_TOLERANCE_MS)
    difficulty = find_valid_difficulty(network.difficulties, pushed.timestamp_ms)
    if build_message(request, pushed.nonce, difficulty).hash != pushed.hash:
        raise errors.InvalidMessage(reason="the hash is not that of the message")


def find_new_holders(recipient: str, before: Network, after: Network) -> list[str]:
    """Find the nodes, by Ed25519 key, that a change of the network brings into the swarm of a recipient.

    Clauses: SW-34
    """
    old = find_holders(before, recipient)
    return [key for key in find_holders(after, recipient) if key not in old]


def find_holders(network: Network, recipient: str) -> list[str]:
    """Find the nodes, by Ed25519 key, of the swarm of a recipient; none where there is no swarm.

    Clauses: SW-28, SW-34
    """
    try:
        return [node.pubkey_ed25519 for node in find_swarm(network, recipient).nodes]
    except errors.TooFewNodes:
        return []
