"""The played storage network: twelve nodes in two swarms, and a liar outside of the network, played on loopback for a client under test.

A guard peels all layers itself and answers as the destination would, by the rules of the reference; what a node on the way or the
destination does beside that, a test says. Keys follow from names, and ports stay for as long as the process lives.
"""

import atexit
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args

from cloister import errors, onion, storage, swarm
from cloister.identity import PrivateKey
from cloister.mailbox import ACKNOWLEDGEMENTS, MAX_PAGES
from cloister.onion import ForNode, ForThisNode, Reply
from cloister.paths import NOT_FOUND
from cloister.storage import Message as StoredMessage
from cloister.storage import Rpc

from cloister_conformance.hand_made.swarms import LEFT, RIGHT, hash_store, write_data, write_held
from cloister_conformance.played_network import HOST, NodeKeys, PlayedServers, derive_keys
from cloister_conformance.protocol.messages import Message, Nothing
from cloister_conformance.protocol.played_storage import (
    NODES_METHODS,
    Behaviour,
    Claim,
    Deed,
    Fault,
    Given,
    Held,
    HeldLetters,
    Observed,
    Wanted,
)
from cloister_conformance.protocol.service_node import NextAnswer, Taken
from cloister_conformance.protocol.swarm import Network
from cloister_conformance.walk_rules import UNKNOWN, Walk, find_onion_fault, find_path_fault

ONION_PATH = "/onion_req/v2"
SWARMS = {LEFT: ("0", "1", "2", "3", "4"), RIGHT: ("5", "6", "7", "8", "9", "10", "11")}
NODES = tuple(name for names in SWARMS.values() for name in names)
LIAR = "liar"
KEYS: dict[str, NodeKeys] = {name: derive_keys(name) for name in (*NODES, LIAR)}
NAMES = {keys.ed25519.hex(): name for name, keys in KEYS.items()}
PLACES = ("guard", "middle", "exit", "destination")
MAX_HOPS = 8
ON_THE_WAY = ("keep silent", "be missing", "deny", "talk rubbish")
"""What a node may also do that is not the destination."""
AT_THE_END = tuple(deed for deed in get_args(Deed) if deed != "deny")
"""What a destination may do."""
INVALID_CIPHERTEXT = "Invalid ciphertext"
TIMED_OUT = "Request time out"
RUBBISH = "rubbish"
LIFE_MS = 60_000
LAST_PAGE = MAX_PAGES + 2
"""Even what never ends does end here, so that a client without a limit is seen to have none."""
MORE_WORK_DELAY_MS = 5
"""Before an answer 432, so that a new time is another than the old one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """A request whose layers are all peeled; without a payload if one of them cannot be opened."""

    hops: tuple[str, ...]
    ephemeral_keys: tuple[str, ...]
    reply_key: bytes
    payload: bytes | None


@dataclass(slots=True, kw_only=True)
class Record:
    """What came: a walk for each request, the different stores, how many pages each node gave, and a wrong hash that was asked for."""

    walks: list[Walk] = field(default_factory=list)
    stores: set[tuple[str, ...]] = field(default_factory=set)
    pages: Counter[str] = field(default_factory=Counter)
    cursor_fault: str = ""


class PlayedStorage(PlayedServers):
    """All nodes, what they hold, what they are told to do, and what came."""

    def __init__(self) -> None:
        self.height = 1
        self.clear()
        super().__init__(KEYS)

    def clear(self) -> None:
        """Forget everything."""
        self.record = Record()
        self.held: dict[tuple[str, str], list[StoredMessage]] = {}
        self.last_hashes: dict[tuple[str, str], str] = {}
        self.acknowledged: dict[str, set[str]] = {}
        self.behaviours: list[Behaviour] = []
        self.members: Sequence[str] = NODES

    # The methods

    def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Call a method."""
        self.settle()
        with self.changed:
            result = FUNCTIONS[method](self, NODES_METHODS[method].params.model_validate(params))
        return {"result": result.model_dump()}

    def reset(self, params: Nothing) -> Nothing:
        """Begin anew."""
        self.clear()
        return Nothing()

    def give_network(self, wanted: Wanted) -> Given:
        """Describe the network; from now on it is the one of these nodes."""
        self.members = NODES if wanted.nodes is None else wanted.nodes
        self.height = wanted.height
        return Given(network=Network.model_validate(self.describe_network()))

    def behave(self, behaviour: Behaviour) -> Nothing:
        """Set what nodes do."""
        nodes = [self.find_name(name) for name in behaviour.nodes]
        self.behaviours.insert(0, behaviour.model_copy(update={"nodes": nodes}))
        return Nothing()

    def hold(self, held: Held) -> HeldLetters:
        """Let nodes hold messages."""
        expiration_ms = read_clock() + held.life_ms
        pairs = zip(held.labels, held.hashes or held.labels, strict=True)
        messages = [invent_message(label, other, expiration_ms=expiration_ms) for label, other in pairs]
        for name in held.nodes:
            self.held.setdefault((self.find_name(name), held.recipient), []).extend(messages)
        return HeldLetters.model_validate({"letters": storage.encode_page(messages)["messages"]})

    def observe(self, params: Nothing) -> Observed:
        """Judge what came."""
        walks, stores, pages = self.record.walks, self.record.stores, self.record.pages
        return Observed(
            connected=list(dict.fromkeys(walk.connected for walk in walks)),
            onions=find_onion_fault(walks, self.members),
            paths="" if find_onion_fault(walks, self.members) else find_path_fault(walks),
            cursors=self.record.cursor_fault,
            requests=len(walks),
            texts=len(stores),
            repeated_times=len(stores) - len({timestamp for timestamp, *_ in stores}),
            readers=sorted(pages),
            pages=max(pages.values(), default=0),
        )

    def forget(self, params: Nothing) -> Nothing:
        """Forget what came."""
        self.record = Record()
        return Nothing()

    def judge_sent(self, claim: Claim) -> Fault:
        """Judge which nodes are said to have acknowledged a message."""
        keys = {key.hex() for key in claim.nodes}
        true = {KEYS[name].ed25519.hex() for name in self.acknowledged.get(claim.message_hash.hex(), set())}
        if len(keys) < len(claim.nodes):
            return Fault(fault="a node is named twice")
        if len(keys) < ACKNOWLEDGEMENTS:
            return Fault(fault=f"fewer than {ACKNOWLEDGEMENTS} nodes are named")
        if keys - true:
            return Fault(fault="a node is named that has not acknowledged this message")
        return Fault(fault="")

    def find_name(self, name: str) -> str:
        """Find the name of a node that is called by its place in the last request."""
        return self.record.walks[-1].hops[PLACES.index(name)] if name in PLACES else name

    # The network

    def describe_network(self, difficulty: int = 1) -> dict[str, Any]:
        """Describe the network in JSON."""
        swarms = [
            {"id": str(swarm_id), "nodes": [self.describe_node(name) for name in names if name in self.members]}
            for swarm_id, names in SWARMS.items()
        ]
        difficulties = [{"since": 0, "difficulty": difficulty}]
        return {"height": self.height, "swarms": swarms, "difficulties": difficulties}

    def describe_node(self, name: str) -> dict[str, str]:
        """Describe a node in JSON; `3/liar` is node 3 with all but its Ed25519 key from the liar."""
        own, _, other = name.partition("/")
        return {
            "pubkey_ed25519": KEYS[own].ed25519.hex(),
            "pubkey_x25519": KEYS[other or own].x25519.hex(),
            "ip": HOST,
            "port": str(self.ports[other or own]),
        }

    # Requests

    def note(self, name: str, taken: Taken) -> NextAnswer:
        """Note a request that came to a node, and do what the nodes on its way do."""
        with self.changed:
            layers = peel_all(name, taken)
            walk = Walk(connected=name, hops=layers.hops, ephemeral_keys=layers.ephemeral_keys)
            self.record.walks.append(walk)
            if layers.payload is None:
                return make_answer(name, 400, INVALID_CIPHERTEXT)
            return self.carry(walk, layers, layers.payload)

    def carry(self, walk: Walk, layers: Layers, payload: bytes) -> NextAnswer:
        """Carry a request along its way; what happens there is what comes back."""
        *relays, destination = layers.hops
        for name, behind in zip(relays, layers.hops[1:], strict=True):
            if behaviour := self.find_behaviour(name, "relay", ON_THE_WAY):
                return fail_at(name, behind, behaviour, walk)
        try:
            rpc = storage.decode_rpc(payload)
        except errors.InvalidMessage as error:
            return seal(walk, layers, Reply(status=400, body=str(error)))
        behaviour = self.find_behaviour(destination, rpc.method, AT_THE_END) or Behaviour(nodes=[], does="work")
        if behaviour.does in ON_THE_WAY:
            return fail_at(destination, destination, behaviour, walk)
        if behaviour.does == "seal with another key":
            return make_answer(
                walk.connected, 200, onion.seal_reply(bytes(32), Reply(status=200, body=""), secrets.token_bytes)
            )
        reply = self.answer(destination, behaviour, rpc)
        delay_ms = behaviour.delay_ms or (MORE_WORK_DELAY_MS if reply.status == 432 else 0)
        return seal(walk, layers, reply, delay_ms)

    def find_behaviour(self, name: str, method: str, deeds: Sequence[str]) -> Behaviour | None:
        """Find which of some deeds a node is told to do with the requests of a method, or with what it relays, and count it."""
        for index, behaviour in enumerate(self.behaviours):
            if name not in behaviour.nodes or behaviour.method not in (None, method) or behaviour.does not in deeds:
                continue
            if behaviour.times is not None:
                rest = behaviour.model_copy(update={"times": behaviour.times - 1})
                self.behaviours[index : index + 1] = [rest] if rest.times else []
            return behaviour
        return None

    def answer(self, name: str, behaviour: Behaviour, rpc: Rpc) -> Reply:
        """Answer a request as its destination, and note what was asked and given."""
        reply = self.do(name, behaviour, rpc)
        if rpc.method == "store":
            self.record.stores.add((rpc.params["timestamp"], *rpc.params.values()))
            if reply.status == 200:
                self.acknowledged.setdefault(find_hash(rpc), set()).add(name)
        if rpc.method == "retrieve" and reply.status == 200 and behaviour.does != "answer":
            self.note_page(name, rpc, reply)
        return reply

    def note_page(self, name: str, rpc: Rpc, reply: Reply) -> None:
        """Note that a node gave a page."""
        self.record.pages[name] += 1
        place = name, rpc.params["pubKey"]
        if rpc.params["lastHash"] != self.last_hashes.get(place, ""):
            self.record.cursor_fault = (
                f"node {name} was asked for what is behind another hash than the last that it gave"
            )
        if page := json.loads(reply.body)["messages"]:
            self.last_hashes[place] = page[-1]["hash"]

    def do(self, name: str, behaviour: Behaviour, rpc: Rpc) -> Reply:
        """Do what a node does with a request that is for it."""
        match behaviour.does:
            case "answer":
                return Reply(status=behaviour.status, body=behaviour.body)
            case "name nodes":
                named = [self.describe_node(other) for other in behaviour.names]
                return Reply(status=behaviour.status, body=json.dumps({"snodes": named}))
            case "repeat itself":
                return give_page(self.find_held(name, rpc), "")
            case "never end" if self.record.pages[name] < LAST_PAGE:
                return give_page([invent_message(f"{name} {self.record.pages[name]}")], "")
        return self.work(name, rpc, behaviour.difficulty)

    def work(self, name: str, rpc: Rpc, difficulty: int) -> Reply:
        """Answer a request as chapter 07 says; a message is at all nodes of the swarm at once."""
        network = swarm.decode_network(self.describe_network(difficulty))
        nodes = json.dumps(swarm.encode_snodes(swarm.find_swarm(network, rpc.params["pubKey"])))
        heard = json.dumps({"difficulty": difficulty})
        if rpc.method == "get_snodes_for_pubkey":
            return Reply(status=200, body=nodes)
        key = KEYS[name].ed25519.hex()
        try:
            if rpc.method == "retrieve":
                storage.check_retrieve(rpc.params, network, key)
                return give_page(self.find_held(name, rpc), rpc.params["lastHash"])
            message = storage.check_store(rpc.params, network, key, now_ms=read_clock())
        except errors.CloisterError as error:
            status = storage.find_status(error)
            return Reply(status=status, body={421: nodes, 432: heard}.get(status, str(error)))
        for holder in storage.find_holders(network, message.recipient):
            self.held.setdefault((NAMES[holder], message.recipient), []).append(message)
        return Reply(status=200, body=heard)

    def find_held(self, name: str, rpc: Rpc) -> list[StoredMessage]:
        """Find what a node holds for the recipient of a request."""
        return self.held.get((name, rpc.params["pubKey"]), [])


# Layers


def peel_all(name: str, taken: Taken) -> Layers:
    """Peel a request that came to a node with the keys of all the nodes on its way."""
    hops: list[str] = []
    ephemeral_keys: list[str] = []
    action: Any = ForNode(destination=KEYS[name].ed25519.hex(), body=taken.body)
    reply_key = b""
    try:
        if (taken.method, taken.path) != ("POST", ONION_PATH):
            raise errors.InvalidMessage(reason="no onion request")
        while isinstance(action, ForNode) and len(hops) < MAX_HOPS:
            ephemeral_keys.append(str(onion.decode_frame(action.body)[1].get("ephemeral_key")))
            hop, peeled = peel(action)
            hops.append(hop)
            reply_key = peeled.key
            action = onion.read_action(peeled.plaintext)
    except errors.ProtocolViolation:
        action = None
    payload = action.payload if isinstance(action, ForThisNode) else None
    return Layers(hops=tuple(hops), ephemeral_keys=tuple(ephemeral_keys), reply_key=reply_key, payload=payload)


def peel(action: ForNode) -> tuple[str, onion.Peeled]:
    """Peel a layer; return the name of the node that it is for, `?` if that is none or its key is none that we gave for it."""
    name = NAMES.get(action.destination, UNKNOWN)
    for owner in dict.fromkeys((name, *KEYS)):
        if owner == UNKNOWN:
            continue
        try:
            peeled = onion.peel(PrivateKey(KEYS[owner].x25519_private), action.body)
        except errors.DecryptionFailed:
            continue
        return (name if owner == name else UNKNOWN), peeled
    raise errors.DecryptionFailed


# Answers


def make_answer(name: str, status: int, body: str, *, drop: bool = False, delay_ms: int = 0) -> NextAnswer:
    """Make the answer of a guard."""
    return NextAnswer(node=name, status=status, body=body.encode(), drop=drop, delay_seconds=delay_ms / 1000)


def fail_at(name: str, behind: str, behaviour: Behaviour, walk: Walk) -> NextAnswer:
    """Let a request fail at a node with another one behind it; a guard that does not answer closes the connection."""
    delay_ms = behaviour.delay_ms
    if behaviour.does == "talk rubbish":
        return make_answer(walk.connected, 200, RUBBISH, delay_ms=delay_ms)
    if behaviour.does == "deny":
        return miss(behind, walk, delay_ms)
    if name == walk.connected:
        return make_answer(name, 504, "", drop=True, delay_ms=delay_ms)
    if behaviour.does == "be missing":
        return miss(name, walk, delay_ms)
    return make_answer(walk.connected, 504, TIMED_OUT, delay_ms=delay_ms)


def miss(name: str, walk: Walk, delay_ms: int) -> NextAnswer:
    """Say that a node is not found."""
    walk.end, walk.missing = "missing", name
    return make_answer(walk.connected, 502, NOT_FOUND + KEYS[name].ed25519.hex(), delay_ms=delay_ms)


def seal(walk: Walk, layers: Layers, reply: Reply, delay_ms: int = 0) -> NextAnswer:
    """Seal the reply of a destination."""
    walk.end = "reply"
    return make_answer(
        walk.connected, 200, onion.seal_reply(layers.reply_key, reply, secrets.token_bytes), delay_ms=delay_ms
    )


def give_page(messages: Sequence[StoredMessage], last_hash: str) -> Reply:
    """Give a page of messages, expired ones too: a test has said that they are held."""
    page = storage.take_page(messages, last_hash, now_ms=0)
    return Reply(status=200, body=json.dumps(storage.encode_page(page)))


def invent_message(label: str, other: str = "", *, expiration_ms: int | None = None) -> StoredMessage:
    """Invent a message without work; its data follow from a label, and its hash from the same or another."""
    expiration_ms = read_clock() + LIFE_MS if expiration_ms is None else expiration_ms
    held = write_held(other or label, expiration_ms=expiration_ms, data=write_data(label))
    return StoredMessage(
        recipient=held["recipient"],
        hash=held["hash"],
        data=held["data"],
        timestamp_ms=int(held["timestamp"]),
        ttl_ms=int(held["ttl"]),
        nonce=held["nonce"],
    )


def find_hash(rpc: Rpc) -> str:
    """Compute the message hash of a store; of one whose nonce is no base64 there is none."""
    try:
        return hash_store(dict(rpc.params))
    except ValueError:
        return ""


def read_clock() -> int:
    """Read the clock, in milliseconds: nodes and the client under test have the time of this machine."""
    return time.time_ns() // 1_000_000


FUNCTIONS: dict[str, Callable[[PlayedStorage, Any], Message]] = {
    "nodes.reset": PlayedStorage.reset,
    "nodes.network": PlayedStorage.give_network,
    "nodes.behave": PlayedStorage.behave,
    "nodes.hold": PlayedStorage.hold,
    "nodes.observe": PlayedStorage.observe,
    "nodes.forget": PlayedStorage.forget,
    "nodes.judge_sent": PlayedStorage.judge_sent,
}


@cache
def start() -> PlayedStorage:
    """Start the network of this process, once; it ends with the process."""
    network = PlayedStorage()
    atexit.register(network.close)
    return network
