"""The third methods of chapter 07: what a node accepts, gives and pushes on. `node` is the Ed25519 key of the node that checks."""

from cloister_conformance.protocol.messages import Hex, Hex32, Message, Method, Nothing
from cloister_conformance.protocol.proof_of_work import REQUEST_ERRORS, MessageHash
from cloister_conformance.protocol.swarm import SAMPLE_NETWORK, Decimal, DifficultyChange, Network

STORE_ERRORS = (*REQUEST_ERRORS, "WrongSwarm", "ExpiredMessage", "InsufficientWork")


class Body(Message):
    body: Hex


class Request(Message):
    method: str
    params: dict[str, str]


class CheckStore(Message):
    params: dict[str, str]
    network: Network
    node: Hex32
    now_ms: int


class CheckRetrieve(Message):
    params: dict[str, str]
    network: Network
    node: Hex32


class StoredMessage(Message):
    recipient: str
    hash: str
    data: str
    ttl: Decimal
    timestamp: Decimal
    nonce: str


class TakePage(Message):
    messages: list[StoredMessage]
    last_hash: str
    now_ms: int


class Letter(Message):
    hash: str
    expiration: int
    data: str


class Page(Message):
    messages: list[Letter]


class CurrentDifficulty(Message):
    difficulties: list[DifficultyChange]
    now_ms: int


class ValidDifficulty(Message):
    difficulties: list[DifficultyChange]
    timestamp_ms: int


class Difficulty(Message):
    difficulty: int


class Messages(Message):
    messages: list[StoredMessage]


class Batches(Message):
    batches: list[Hex]


class Batch(Message):
    batch: Hex


class CheckPushed(Message):
    message: StoredMessage
    network: Network
    node: Hex32
    now_ms: int


SAMPLE_MESSAGE = {"recipient": "", "hash": "", "data": "", "ttl": "0", "timestamp": "0", "nonce": ""}
SAMPLE_STORE = {"pubKey": "", "ttl": "", "nonce": "", "timestamp": "", "data": ""}

METHODS = (
    Method(
        name="storage.decode_request",
        capability="storage-rules",
        summary="Decode the body of a request; return its method, and the params of that method.",
        params=Body,
        result=Request,
        errors=("InvalidMessage",),
        sample={"body": ""},
    ),
    Method(
        name="storage.check_store",
        capability="storage-rules",
        summary="Check the five params of a store at a node; return the message hash.",
        params=CheckStore,
        result=MessageHash,
        errors=STORE_ERRORS,
        sample={"params": SAMPLE_STORE, "network": SAMPLE_NETWORK, "node": "00" * 32, "now_ms": 0},
    ),
    Method(
        name="storage.check_retrieve",
        capability="storage-rules",
        summary="Check the two params of a retrieve at a node.",
        params=CheckRetrieve,
        result=Nothing,
        errors=("InvalidEncoding", "WrongSwarm"),
        sample={"params": {"pubKey": "", "lastHash": ""}, "network": SAMPLE_NETWORK, "node": "00" * 32},
    ),
    Method(
        name="storage.take_page",
        capability="storage-rules",
        summary="Take what is answered to a retrieve out of all messages that are held for its recipient, the first to arrive first.",
        params=TakePage,
        result=Page,
        sample={"messages": [], "last_hash": "", "now_ms": 0},
    ),
    Method(
        name="storage.current_difficulty",
        capability="difficulty-history",
        summary="Find the current difficulty.",
        params=CurrentDifficulty,
        result=Difficulty,
        sample={"difficulties": [], "now_ms": 0},
    ),
    Method(
        name="storage.valid_difficulty",
        capability="difficulty-history",
        summary="Find the valid difficulty of a time.",
        params=ValidDifficulty,
        result=Difficulty,
        sample={"difficulties": [], "timestamp_ms": 0},
    ),
    Method(
        name="storage.encode_batches",
        capability="batches",
        summary="Encode messages into batches.",
        params=Messages,
        result=Batches,
        sample={"messages": []},
    ),
    Method(
        name="storage.decode_batch",
        capability="batches",
        summary="Decode a batch.",
        params=Batch,
        result=Messages,
        errors=("InvalidMessage",),
        sample={"batch": ""},
    ),
    Method(
        name="storage.check_pushed",
        capability="push-rules",
        summary="Check a message of a batch at a node.",
        params=CheckPushed,
        result=Nothing,
        errors=(*STORE_ERRORS, "InvalidMessage"),
        sample={"message": SAMPLE_MESSAGE, "network": SAMPLE_NETWORK, "node": "00" * 32, "now_ms": 0},
    ),
)
