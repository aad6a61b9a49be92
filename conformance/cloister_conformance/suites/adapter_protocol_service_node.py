"""Chapter 13, role `service-node`: does the node start, tell its health, read its files anew, and stop?"""

from cloister_conformance.clause import clause
from cloister_conformance.node_script import NodeUnderTest
from cloister_conformance.plugin import NodeActors
from cloister_conformance.script import Answer

SWARM = 2**62
FUTURE_TOLERANCE_MS = 10_000
"""Of chapter 07: how far ahead of the clock a message may be stored."""
RECIPIENT = f"05{SWARM:016x}{0:048x}"
"""Belongs to the swarm of the node under test: the four words of the key give its id."""
DIFFICULT = [(0, 2**40)]
"""A difficulty that no test meets by chance."""


def ask_health(iut: NodeUnderTest) -> Answer:
    """Ask the node for its health."""
    return iut.request("GET", "/health")


def store_at(iut: NodeUnderTest, timestamp_ms: int) -> Answer:
    """Store with this timestamp and without work."""
    texts = {"pubKey": RECIPIENT, "ttl": "60000", "timestamp": str(timestamp_ms), "data": "aGVsbG8="}
    return iut.rpc("store", **texts, nonce="AAAAAAAAAAA=")


@clause("AP-17")
def test_a_node_that_runs_is_healthy(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    ask_health(iut).must_match(status="^200$", body='"status": *"ok"')


@clause("AP-17", "AP-18")
def test_a_changed_network_is_served_without_a_restart(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    for nodes in ("ab", "abc", "abcg"):
        changed = iut.set_network({SWARM: nodes})
        ask_health(iut).must_be(status=200, value={"status": "ok", "height": changed.refer("height")})


@clause("AP-19")
def test_a_node_stops_when_it_is_told_to(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    iut.restart().must_match(exit_status="^-?[0-9]+$")


@clause("AP-19")
def test_a_node_that_has_answered_stops_too(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    ask_health(iut).must_match(status="^200$")
    iut.restart().must_match(exit_status="^-?[0-9]+$")
    ask_health(iut).must_match(status="^200$")


@clause("AP-20")
def test_the_time_is_that_of_the_clock_file(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    iut.set_network({SWARM: "abc"}, DIFFICULT)
    for now_ms in (iut.now_ms, iut.now_ms + 10**11, iut.now_ms - 10**11):
        iut.set_clock(now_ms)
        store_at(iut, now_ms + FUTURE_TOLERANCE_MS).must_be(status=432)
        store_at(iut, now_ms + FUTURE_TOLERANCE_MS + 1).must_be(status=406)
