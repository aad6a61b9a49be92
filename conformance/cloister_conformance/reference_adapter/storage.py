"""Chapter 07, what a node accepts, gives and pushes on, behind the adapter protocol."""

from collections.abc import Iterable

from cloister import storage
from cloister.swarm import DifficultyChange

from cloister_conformance.protocol import storage as messages
from cloister_conformance.protocol import swarm as networks
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.protocol.proof_of_work import MessageHash
from cloister_conformance.reference_adapter.handles import Handles
from cloister_conformance.reference_adapter.swarm import build_network


def decode_request(params: messages.Body, handles: Handles) -> messages.Request:
    decoded = storage.decode_rpc(params.body)
    return messages.Request(method=decoded.method, params=dict(decoded.params))


def check_store(params: messages.CheckStore, handles: Handles) -> MessageHash:
    message = storage.check_store(params.params, build_network(params.network), params.node.hex(), now_ms=params.now_ms)
    return MessageHash(message_hash=bytes.fromhex(message.hash))


def check_retrieve(params: messages.CheckRetrieve, handles: Handles) -> Nothing:
    storage.check_retrieve(params.params, build_network(params.network), params.node.hex())
    return Nothing()


def build_message(message: messages.StoredMessage) -> storage.Message:
    """Build the message of the reference."""
    return storage.Message(
        recipient=message.recipient,
        hash=message.hash,
        data=message.data,
        timestamp_ms=int(message.timestamp),
        ttl_ms=int(message.ttl),
        nonce=message.nonce,
    )


def describe_message(message: storage.Message) -> messages.StoredMessage:
    """Describe a message of the reference."""
    return messages.StoredMessage(
        recipient=message.recipient,
        hash=message.hash,
        data=message.data,
        ttl=str(message.ttl_ms),
        timestamp=str(message.timestamp_ms),
        nonce=message.nonce,
    )


def take_page(params: messages.TakePage, handles: Handles) -> messages.Page:
    held = [build_message(message) for message in params.messages]
    page = storage.take_page(held, params.last_hash, now_ms=params.now_ms)
    return messages.Page.model_validate(storage.encode_page(page))


def build_history(changes: Iterable[networks.DifficultyChange]) -> list[DifficultyChange]:
    """Build the history of the reference."""
    return [DifficultyChange(since=change.since, difficulty=change.difficulty) for change in changes]


def current_difficulty(params: messages.CurrentDifficulty, handles: Handles) -> messages.Difficulty:
    found = storage.find_current_difficulty(build_history(params.difficulties), params.now_ms)
    return messages.Difficulty(difficulty=found)


def valid_difficulty(params: messages.ValidDifficulty, handles: Handles) -> messages.Difficulty:
    found = storage.find_valid_difficulty(build_history(params.difficulties), params.timestamp_ms)
    return messages.Difficulty(difficulty=found)


def encode_batches(params: messages.Messages, handles: Handles) -> messages.Batches:
    return messages.Batches(batches=storage.encode_batches(build_message(message) for message in params.messages))


def decode_batch(params: messages.Batch, handles: Handles) -> messages.Messages:
    return messages.Messages(messages=[describe_message(message) for message in storage.decode_batch(params.batch)])


def check_pushed(params: messages.CheckPushed, handles: Handles) -> Nothing:
    storage.check_pushed(
        build_message(params.message), build_network(params.network), params.node.hex(), now_ms=params.now_ms
    )
    return Nothing()
