"""The played storage network: what it does for the reference's client, what it is told to do, and what it sees."""

import random
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from cloister_conformance import played_storage
from cloister_conformance.hand_made.swarms import DATA, RECIPIENT
from cloister_conformance.played_storage import LIAR, NODES, SWARMS, PlayedStorage
from cloister_conformance.reference_adapter import Adapter

SWARM = list(next(iter(SWARMS.values())))
Json = dict[str, Any]


@pytest.fixture(scope="module")
def played() -> Iterator[PlayedStorage]:
    """A network that is closed after the tests."""
    network = PlayedStorage()
    yield network
    network.close()


@pytest.fixture
def nodes(played: PlayedStorage) -> "Caller":
    """The network, with nothing in it."""
    caller = Caller(played)
    caller("nodes.reset")
    return caller


@pytest.fixture
def client(nodes: "Caller") -> "Caller":
    """The reference's client in the network."""
    caller = Caller(Adapter(random.Random(0).randbytes))
    caller("network.open", client="client", network=nodes("nodes.network")["network"], timeout_ms=5000)
    return caller


class Caller:
    """Calls methods, and returns results, or the names of refusals."""

    def __init__(self, callee: PlayedStorage | Adapter) -> None:
        self.callee = callee

    def __call__(self, method: str, /, **params: object) -> Any:
        answer = self.callee.call(method, params)
        return answer["result"] if "result" in answer else answer["error"]["data"]["error"]

    def store(self) -> Any:
        """Store a message."""
        return self("network.store", client="client", recipient=RECIPIENT, data=DATA, ttl_ms=60_000)

    def retrieve(self) -> Any:
        """Fetch what is new."""
        return self("network.retrieve", client="client", recipient=RECIPIENT)

    def behave(self, nodes: list[str], does: str, **how: object) -> None:
        """Set what nodes do."""
        self("nodes.behave", nodes=nodes, does=does, **how)


def test_what_is_stored_is_at_all_nodes_of_the_swarm(nodes: Caller, client: Caller) -> None:
    sent = client.store()
    assert nodes("nodes.judge_sent", **sent) == {"fault": ""}
    (letter,) = client.retrieve()["letters"]
    assert (letter["hash"], letter["data"]) == (sent["message_hash"], DATA)
    observed = nodes("nodes.observe")
    assert (observed["onions"], observed["paths"], observed["cursors"]) == ("", "", "")
    assert (observed["texts"], observed["repeated_times"], len(observed["readers"])) == (1, 0, 2)
    assert 1 <= len(observed["connected"]) <= 2
    assert set(observed["readers"]) <= set(SWARM)


def test_what_is_said_to_be_acknowledged_is_judged(nodes: Caller, client: Caller) -> None:
    sent = client.store()
    one, other = sent["nodes"]
    stranger = played_storage.KEYS[LIAR].ed25519.hex()

    def judge(*named: str, **claim: str) -> str:
        fault: str = nodes("nodes.judge_sent", **sent | {"nodes": list(named)} | claim)["fault"]
        return fault

    assert judge(one, one) == "a node is named twice"
    assert judge(one) == "fewer than 2 nodes are named"
    assert judge(one, stranger) == "a node is named that has not acknowledged this message"
    assert judge(one, other, message_hash="00" * 64) == "a node is named that has not acknowledged this message"
    assert judge(other, one) == ""


@pytest.mark.parametrize(
    "how",
    [
        {"does": "answer", "status": 503},
        {"does": "talk rubbish"},
        {"does": "seal with another key"},
        {"does": "keep silent"},
        {"does": "be missing"},
        {"does": "work", "difficulty": 10**9},
        {"does": "name nodes", "status": 421, "names": [LIAR]},
    ],
)
def test_nothing_is_stored_with_nodes_that_are_told_otherwise(nodes: Caller, client: Caller, how: Json) -> None:
    nodes.behave(SWARM, method="store", **how)
    assert client.store() == "NotSent"
    nodes("nodes.reset")
    assert "nodes" in client.store()


def test_what_nodes_do_ends_after_so_many_times(nodes: Caller, client: Caller) -> None:
    nodes.behave(SWARM, "answer", method="store", status=503)
    nodes.behave(SWARM, "work", method="store", times=3)
    assert "nodes" in client.store()
    for _ in range(2):
        outcome = client.store()
    assert outcome == "NotSent"


def test_a_node_is_called_by_its_place_in_the_last_request(
    played: PlayedStorage, nodes: Caller, client: Caller
) -> None:
    client.store()
    hops = played.record.walks[-1].hops
    for place, name in zip(played_storage.PLACES, hops, strict=True):
        nodes.behave([place], "keep silent")
        assert played.behaviours[0].nodes == [name]


def test_what_relays_do_is_not_done_by_destinations(nodes: Caller, client: Caller) -> None:
    nodes.behave(SWARM, "talk rubbish", method="relay")
    for _ in range(3):
        assert nodes("nodes.judge_sent", **client.store()) == {"fault": ""}


def test_pages_end_after_all(nodes: Caller, client: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(played_storage, "LAST_PAGE", 3)
    nodes.behave(SWARM, "never end", method="retrieve")
    assert len(client.retrieve()["letters"]) == 6
    assert nodes("nodes.observe")["pages"] == 4


def test_a_wrong_last_hash_is_seen(nodes: Caller, client: Caller) -> None:
    nodes("nodes.hold", nodes=SWARM, recipient=RECIPIENT, labels=["1"])
    client.retrieve()
    client("network.open", client="client", network=nodes("nodes.network")["network"], timeout_ms=5000)
    for _ in range(3):
        client.retrieve()
    assert "another hash than the last that it gave" in nodes("nodes.observe")["cursors"]
    nodes("nodes.forget")
    assert nodes("nodes.observe")["cursors"] == ""


def test_foreign_keys_are_seen(nodes: Caller, client: Caller) -> None:
    network = nodes("nodes.network")["network"]
    for swarm in network["swarms"]:
        for node in swarm["nodes"]:
            node["pubkey_x25519"] = played_storage.KEYS[LIAR].x25519.hex()
    client("network.open", client="client", network=network, timeout_ms=5000)
    client.store()
    assert "not in the client's network" in nodes("nodes.observe")["onions"]


def test_a_part_of_the_network_is_all_that_counts(nodes: Caller, client: Caller) -> None:
    network = nodes("nodes.network", nodes=list(NODES[:8]), height=5)["network"]
    assert (network["height"], sum(len(swarm["nodes"]) for swarm in network["swarms"])) == (5, 8)
    for _ in range(6):
        client.store()
    assert "not in the client's network" in nodes("nodes.observe")["onions"]


def test_what_is_no_onion_is_seen_as_soon_as_it_was_sent(played: PlayedStorage, nodes: Caller) -> None:
    for number, request in enumerate(
        (b"GET / HTTP/1.1\r\n\r\n", b"POST /onion_req/v2 HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"), 1
    ):
        with socket.create_connection(("127.0.0.1", played.ports["0"])) as connection:
            connection.sendall(request)
        observed = nodes("nodes.observe")
        assert (observed["requests"], observed["connected"]) == (number, ["0"])
        assert observed["onions"] == "what came to node 0 is no onion request"


def test_who_is_answered_late_is_seen_at_once(nodes: Caller, client: Caller) -> None:
    nodes.behave(list(NODES), "keep silent", delay_ms=60_000)
    client("network.open", client="client", network=nodes("nodes.network")["network"], timeout_ms=100)
    assert client.store() == "NotSent"
    assert nodes("nodes.observe")["requests"] > 2


def test_the_network_of_the_process_is_started_once() -> None:
    before = threading.active_count()
    first = played_storage.start()
    ports = dict(first.ports)
    assert played_storage.start() is first
    assert first.ports == ports
    assert threading.active_count() <= before + 1
