"""Chapters 07 and 08, last part: what a client asks of nodes, reads out of their answers, and knows of the network.

- Answers are unverified: what they name is looked up in the client's own network, what they hold is bounded.
- The shell `cloister.network` has the sockets, the clock and the patience.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cloister import errors, paths, proof_of_work, wire
from cloister.mailbox import ACKNOWLEDGEMENTS, MAX_DIFFICULTY, Letter, check_hash
from cloister.paths import Paths
from cloister.storage import PAGE_MESSAGES
from cloister.swarm import Network, Node, find_swarm


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """What outlives a restart: the height of the network that the paths stand in, the paths, the difficulty to work for."""

    height: int = 0
    paths: Paths = field(default_factory=Paths)
    difficulty: int = 1


# The network


def take_up_network(state: NetworkState, network: Network, random: wire.Random) -> NetworkState:
    """Take up a network, if it is another than the one that the paths stand in.

    Clauses: OR-30, OR-35
    """
    if network.height == state.height and state.paths.used <= network.nodes.keys():
        return state
    changed = paths.change_network(state.paths, list(network.nodes), random)
    return replace(state, height=network.height, paths=changed)


# Whom to ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The nodes that may still be asked, in order; the Ed25519 keys of the swarm's, and of those that name another, by its key."""

    waiting: tuple[Node, ...]
    swarm: frozenset[str]
    naming: Mapping[str, frozenset[str]] = field(default_factory=dict)


def find_candidates(network: Network, recipient: str, random: wire.Random) -> Candidates:
    """Find the nodes of a recipient's swarm, each once, in random order.

    Raises:
        TooFewNodes: the network has no swarm.
    Clauses: SW-36, SW-37, SW-41
    """
    waiting = draw_order(find_swarm(network, recipient).nodes, random)
    return Candidates(waiting=tuple(waiting), swarm=frozenset(node.pubkey_ed25519 for node in waiting))


def note_named(candidates: Candidates, naming: Node, named: Iterable[Node], random: wire.Random) -> Candidates:
    """Note that a node names others as the swarm; whom enough of the swarm have named waits behind the rest.

    Clauses: SW-37
    """
    if naming.pubkey_ed25519 not in candidates.swarm:
        return candidates
    for node in draw_order(named, random):
        candidates = note_one_named(candidates, naming.pubkey_ed25519, node)
    return candidates


def note_one_named(candidates: Candidates, naming: str, node: Node) -> Candidates:
    """Note that a node of the swarm, by Ed25519 key, names one."""
    key = node.pubkey_ed25519
    before = candidates.naming.get(key, frozenset())
    after = before | {naming}
    is_enough = len(before) < ACKNOWLEDGEMENTS <= len(after) and key not in candidates.swarm
    waiting = (*candidates.waiting, node) if is_enough else candidates.waiting
    return replace(candidates, waiting=waiting, naming={**candidates.naming, key: after})


def take_candidates(candidates: Candidates, count: int) -> tuple[Candidates, tuple[Node, ...]]:
    """Take out at most so many nodes."""
    return replace(candidates, waiting=candidates.waiting[count:]), candidates.waiting[:count]


def draw_order(nodes: Iterable[Node], random: wire.Random) -> list[Node]:
    """Draw an order of nodes, each with the same probability."""
    waiting = {node.pubkey_ed25519: node for node in nodes}
    order = []
    while waiting:
        order.append(waiting.pop(paths.draw(list(waiting), random)))
    return order


# Requests


def encode_store(request: proof_of_work.Request, nonce: str) -> bytes:
    """Encode a store of a request with its work."""
    return encode_rpc(
        "store",
        pubKey=request.recipient,
        ttl=request.ttl,
        nonce=nonce,
        timestamp=request.timestamp,
        data=request.data,
    )


def encode_retrieve(recipient: str, last_hash: str) -> bytes:
    """Encode a retrieve of what is behind a hash, or of everything."""
    return encode_rpc("retrieve", pubKey=recipient, lastHash=last_hash)


def encode_rpc(method: str, **params: str) -> bytes:
    """Encode a request of chapter 07."""
    return json.dumps({"method": method, "params": params}).encode()


# Answers


def read_swarm(network: Network, body: str) -> list[Node]:
    """Read the nodes that an unverified answer 421 names; those that our network does not have are left out.

    Raises:
        InvalidMessage: it is not of the form.
    Clauses: SW-37
    """
    named = wire.decode_object(body, what="the answer").get("snodes")
    if not isinstance(named, list):
        raise errors.InvalidMessage(reason="snodes is absent or no list")
    keys = [node.get("pubkey_ed25519") for node in named if isinstance(node, dict)]
    known = dict.fromkeys(key for key in keys if isinstance(key, str) and key in network.nodes)
    return [network.nodes[key] for key in known]


def read_difficulty(body: str) -> int:
    """Read the difficulty out of an unverified answer to a store.

    Raises:
        InvalidMessage: it is absent or no integer.
        OutOfRange: it is below 1, or more than a client works for.
    Clauses: SW-38
    """
    difficulty = wire.decode_object(body, what="the answer").get("difficulty")
    if type(difficulty) is not int:  # JSON's true equals 1
        raise errors.InvalidMessage(reason="difficulty is absent or no integer")
    wire.check_range(difficulty, 1, MAX_DIFFICULTY, what="difficulty")
    return difficulty


def read_page(body: str) -> list[Letter]:
    """Read a page out of an unverified answer to a retrieve.

    Raises:
        InvalidMessage, InvalidEncoding: it is not of the form.
        TooLarge: it has more than `PAGE_MESSAGES` messages, or one of them more data than may be stored.
    """
    messages = wire.decode_object(body, what="the answer").get("messages")
    if not isinstance(messages, list):
        raise errors.InvalidMessage(reason="messages is absent or no list")
    if len(messages) > PAGE_MESSAGES:
        raise errors.TooLarge(what="page", limit=PAGE_MESSAGES, got=len(messages))
    return [read_letter(message) for message in messages]


def read_letter(message: Any) -> Letter:  # noqa: ANN401 - any JSON value
    """Read one message of a page.

    Raises:
        InvalidMessage, InvalidEncoding, TooLarge: it is not of the form.
    """
    if not isinstance(message, dict):
        raise errors.InvalidMessage(reason="a message is no object")
    hashed, expiration_ms, data = message.get("hash"), message.get("expiration"), message.get("data")
    if not isinstance(hashed, str) or type(expiration_ms) is not int or not isinstance(data, str):
        raise errors.InvalidMessage(reason="a member of a message is absent or has another type")
    check_hash(hashed)
    proof_of_work.check_data(data)
    return Letter(hash=hashed, expiration_ms=expiration_ms, data=data)
