"""What suites store with a service node: recipients of its swarm, stores with enough work, batches that its peers push.

What a node has stored stays, so each test has recipients of its own: its label makes them, and so does the time, which is
always the same unless the node has a clock of its own.
"""

import functools
from typing import Any

from cloister_conformance.hand_made import material, swarms
from cloister_conformance.hand_made.swarms import Json, hash_store
from cloister_conformance.node_script import STORAGE_PATH, NetworkActor, NodeUnderTest, write_request
from cloister_conformance.node_target import NodeTarget
from cloister_conformance.played_network import NODES, UNDER_TEST
from cloister_conformance.protocol.service_node import NETWORK_FILE
from cloister_conformance.references import JOIN
from cloister_conformance.script import Answer, NotOffered
from cloister_conformance.transport import BrokenAdapter

PUSH_PATH = "/swarms/push_batch/v1"
OWN, OTHER = 2**62, 3 * 2**62
"""The swarm of the node under test and the other one, in the network with which every test begins."""
APART, ASIDE = OWN + 2**61, OWN - 2**61 - 2**59
"""Spaces of the first that are far from those of other tests: a swarm with this id gets the messages of one test only."""

SHORT = "^.{0,1998}$"
"""The hex of less than 1,000 bytes."""
MAX_SWARMS = 4096
PUSH_SECONDS = 5.0
"""How long a push may take, also to a node that did not take an earlier one."""
QUIET_SECONDS = 0.3
"""How long none may come."""
NO_WORK = "AAAAAAAAAAA="

Store = dict[str, str]


# Recipients


def derive_recipient(label: str, space: int) -> str:
    """Derive a recipient with this space; it need not be a key."""
    words = material.derive_bytes(f"recipient {label}", 24)
    last = space
    for at in range(0, 24, 8):
        last ^= int.from_bytes(words[at : at + 8], "big")
    return f"05{words.hex()}{last:016x}"


def need_network(iut: NodeUnderTest) -> None:
    """End the test as not offered if the node under test is in a network that is not ours.

    Raises:
        NotOffered: it is.
    """
    if not iut.callee.offers(NETWORK_FILE):
        raise NotOffered(NETWORK_FILE)


def name_recipient(iut: NodeUnderTest, label: str) -> str:
    """Name a recipient of the swarm of the node under test."""
    return derive_recipient(f"{label} {iut.now_ms}", find_space(iut.callee))


def name_other_recipient(iut: NodeUnderTest, label: str) -> str:
    """Name a recipient of another swarm."""
    return derive_recipient(f"{label} {iut.now_ms}", find_other_space(iut.callee))


@functools.cache
def find_space(target: NodeTarget) -> int:
    """Find a space of the swarm of the node under test: known, or else asked for, at places that halve the ring again and again.

    Raises:
        BrokenAdapter: it keeps none of them.
    """
    space = OWN if target.offers(NETWORK_FILE) else search_space(target, status=200)
    if space is None:
        raise BrokenAdapter(f"keeps messages for none of {MAX_SWARMS} recipients")
    return space


@functools.cache
def find_other_space(target: NodeTarget) -> int:
    """Find a space of another swarm than that of the node under test.

    Raises:
        NotOffered: its network seems to have no other swarm, and we cannot give it one.
    """
    space = OTHER if target.offers(NETWORK_FILE) else search_space(target, status=421)
    if space is None:
        raise NotOffered(NETWORK_FILE)
    return space


def search_space(target: NodeTarget, *, status: int) -> int | None:
    """Search for a space for which a retrieve is answered so."""
    for number in range(MAX_SWARMS):
        space = int(f"{number:064b}"[::-1], 2)  # the bits turned round: 0, then the middle, then the quarters
        if ask(target, "retrieve", pubKey=derive_recipient("", space), lastHash="")["status"] == status:
            return space
    return None


@functools.cache
def find_difficulty(target: NodeTarget) -> int:
    """Find the difficulty with which every test begins: known, or else asked for."""
    if target.offers(NETWORK_FILE):
        return 1
    recipient = derive_recipient("difficulty", find_space(target))
    store = swarms.write_store(recipient=recipient, timestamp=str(target.now_ms), nonce=NO_WORK)
    return int(ask(target, "store", **store)["value"]["difficulty"])


def ask(target: NodeTarget, method: str, **params: str) -> Json:
    """Ask a node something outside of any script; return the response."""
    value: Any = {"method": method, "params": params}
    answer: Json = target.call("node.request", write_request("POST", STORAGE_PATH, value=value))["result"]
    return answer


def name_port(network: NetworkActor, node: str) -> Json:
    """Name the port of a played node as JSON has it, for an expectation."""
    return {JOIN: [network.call("network.find", node=node).refer("port")]}


# Stores


def write_data(label: object) -> str:
    """Write data that a label makes."""
    return material.derive_bytes(f"data {label}", 24).hex()  # 48 characters, which are canonical base64 as well


def write_store(
    iut: NodeUnderTest, recipient: str, label: object = "", difficulty: int | None = None, /, **texts: str
) -> Store:
    """Write a store with enough work, some texts replaced; data and hash follow from the label."""
    wanted = find_difficulty(iut.callee) if difficulty is None else difficulty
    usual = {"timestamp": str(iut.now_ms), "data": write_data(label)}
    return swarms.write_store(wanted, recipient=recipient, **{**usual, **texts})


def write_stores(iut: NodeUnderTest, recipient: str, count: int, **texts: str) -> list[Store]:
    """Write different stores."""
    return [write_store(iut, recipient, number, **texts) for number in range(count)]


def keep(iut: NodeUnderTest, *stores: Store) -> None:
    """Store one after the other; each must be acknowledged."""
    for store in stores:
        iut.rpc("store", **store).must_match(status="^200$")


def retrieve(iut: NodeUnderTest, recipient: str, last_hash: str = "") -> Answer:
    """Retrieve a page."""
    return iut.rpc("retrieve", pubKey=recipient, lastHash=last_hash)


def must_give(answer: Answer, *stores: Store) -> None:
    """Expect the messages of these stores, in this order."""
    letters = [swarms.describe_letter(swarms.describe_message(store)) for store in stores]
    answer.must_be(status=200, value={"messages": letters})


def must_hold(iut: NodeUnderTest, recipient: str, *stores: Store) -> None:
    """Expect that the node holds these messages for a recipient, in this order, and gives them on one page."""
    must_give(retrieve(iut, recipient), *stores)


def must_refuse(answer: Answer, status: int) -> None:
    """Expect a refusal with this status, and no long body."""
    answer.must_match(status=f"^{status}$", raw=SHORT)


# Pushes


def write_record(store: Store, **other: str) -> bytes:
    """Write the record of a store, some members replaced."""
    return swarms.write_record(swarms.describe_message(store, **other))


def write_batch(*stores: Store) -> bytes:
    """Write a batch."""
    return b"".join(write_record(store) for store in stores)


def sign(
    batch: bytes, now_ms: int, *, sender: str = "b", receiver: bytes = NODES[UNDER_TEST].ed25519, path: str = PUSH_PATH
) -> dict[str, str]:
    """Sign a push as a played node; return the headers."""
    headers = swarms.write_headers(sender, swarms.write_signed(receiver, now_ms, path, batch), now_ms)
    return {f"X-Node-{name.capitalize()}": text for name, text in headers.items()}


def push(iut: NodeUnderTest, batch: bytes, headers: dict[str, str] | None = None) -> Answer:
    """Push a batch, with the headers of node b unless others are given; only a node that has our keys takes it."""
    need_network(iut)
    return iut.request("POST", PUSH_PATH, body=batch, headers=sign(batch, iut.now_ms) if headers is None else headers)


def take_push(
    network: NetworkActor, node: str, store: Store, *, count: int = 1, seconds: float = PUSH_SECONDS
) -> Answer:
    """Take the pushes of a message to a node, waiting for so many."""
    return network.take(node, path=PUSH_PATH, holds=hash_store(store).encode(), count=count, seconds=seconds)


def must_get(network: NetworkActor, node: str, *stores: Store, seconds: float = PUSH_SECONDS) -> list[Answer]:
    """Expect that a node is pushed the records of these stores, in whatever batches; return what it got."""
    taken: list[Answer] = []
    for store in stores:
        holding = [answer for answer in taken if has_taken(answer, store)]
        if not holding:
            taken.append(take_push(network, node, store, seconds=seconds))
        (holding or taken)[-1].must_contain(requests=[write_record(store)])
    return taken


def has_taken(answer: Answer, store: Store) -> bool:
    """Tell whether requests that were taken hold a message."""
    message_hash = hash_store(store).encode()
    return any(message_hash in request.body for request in answer.result.requests)


def must_not_get(network: NetworkActor, node: str, *stores: Store) -> None:
    """Expect that a node is pushed none of these messages; call it when others have come."""
    for store in stores:
        take_push(network, node, store, seconds=QUIET_SECONDS).must_be(requests=[])
