"""Chapter 08: whom a client connects to, and which way its requests go, as the nodes see it."""

import pytest
from cloister.paths import PATH_FAILURES, PATH_NODES, PATHS

from cloister_conformance.clause import clause
from cloister_conformance.client_script import ClientUnderTest, Nodes
from cloister_conformance.played_storage import NODES, SWARMS
from cloister_conformance.plugin import ClientActors

SWARM, ELSEWHERE = map(list, SWARMS.values())
NEEDED = PATHS * PATH_NODES
FAILURES = ["keep silent", "talk rubbish"]
ENOUGH = 8
"""Exchanges in which a path that is still used, or was changed, is seen."""


def begin(client_actors: ClientActors, members: list[str] | None = None) -> tuple[ClientUnderTest, Nodes]:
    """Begin with a client of the whole network, or of some of its nodes, that has paths already."""
    iut, nodes = client_actors()
    iut.open(nodes.network(members))
    iut.retrieve().must_be()
    return iut, nodes


def fetch_on(iut: ClientUnderTest, nodes: Nodes) -> None:
    """Let a client fetch until all that is wrong with its paths has shown."""
    for _ in range(ENOUGH):
        iut.retrieve().must_be_answered()
    nodes.observe().must_be(onions="", paths="")


@clause("OR-1", "OR-5", "OR-27", "OR-28", "OR-30", "OR-36")
@pytest.mark.parametrize("size", [NEEDED, 8, len(NODES)])
def test_all_goes_over_two_paths_whose_guards_stay(client_actors: ClientActors, size: int) -> None:
    iut, nodes = begin(client_actors, [*SWARM[:3], *ELSEWHERE, *SWARM[3:]][:size])
    for _ in range(3):
        nodes.judge_sent(iut.store())
        iut.retrieve().must_be()
    nodes.observe().must_be(onions="", paths="")


@clause("OR-29")
@pytest.mark.parametrize("size", range(NEEDED))
def test_with_too_few_nodes_nobody_is_connected_to(client_actors: ClientActors, size: int) -> None:
    iut, nodes = client_actors()
    iut.open(nodes.network(list(NODES[:size])))
    iut.store().must_be_refused("TooFewNodes")
    iut.retrieve().must_be_refused("TooFewNodes")
    nodes.observe().must_be(requests=0)


@clause("OR-29")
def test_in_a_network_that_became_too_small_nobody_is_connected_to(client_actors: ClientActors) -> None:
    iut, nodes = begin(client_actors)
    iut.change(nodes.network(list(NODES[: NEEDED - 1]), height=2))
    nodes.forget()
    iut.store().must_be_refused("TooFewNodes")
    nodes.observe().must_be(requests=0)


@clause("OR-30")
def test_guards_outlive_a_restart(client_actors: ClientActors) -> None:
    iut, nodes = begin(client_actors)
    for _ in range(2):
        iut.begin_again()
        for _ in range(3):
            iut.retrieve().must_be()
    nodes.observe().must_be(onions="", paths="")


@clause("OR-30")
def test_guards_stay_in_another_network_that_has_them(client_actors: ClientActors) -> None:
    iut, nodes = begin(client_actors)
    for height in (2, 3, 4):
        iut.change(nodes.network(height=height))
        iut.retrieve().must_be()
    fetch_on(iut, nodes)


@clause("OR-32")
@pytest.mark.parametrize("status", [400, 421, 500, 502, 503, 504])
def test_a_reply_fails_no_path_whatever_it_says(client_actors: ClientActors, status: int) -> None:
    iut, nodes = begin(client_actors)
    for method in ("store", "retrieve"):
        nodes.behave(SWARM, "answer", method=method, status=status, body='{"snodes": []}')
    for _ in range(3):
        iut.store().must_be_refused("NotSent")
        iut.retrieve().must_be_refused("NoReply")
    nodes.observe().must_be(onions="", paths="")


@clause("OR-32")
def test_a_destination_that_is_missing_fails_no_path(client_actors: ClientActors) -> None:
    iut, nodes = begin(client_actors)
    nodes.behave(SWARM, "be missing", method="retrieve")
    for _ in range(3):
        iut.retrieve().must_be_refused("NoReply")
    nodes.observe().must_be(onions="", paths="")


@clause("OR-33")
@pytest.mark.parametrize("place", ["middle", "exit"])
def test_a_node_that_is_missing_is_replaced_alone(client_actors: ClientActors, place: str) -> None:
    iut, nodes = begin(client_actors)
    nodes.behave([place], "be missing", method="relay")
    fetch_on(iut, nodes)


@clause("OR-34")
@pytest.mark.parametrize("place", ["guard", "middle", "exit"])
@pytest.mark.parametrize("does", FAILURES)
def test_a_path_that_fails_is_given_up_with_its_guard(client_actors: ClientActors, does: str, place: str) -> None:
    iut, nodes = begin(client_actors)
    nodes.behave([place], does, method="relay")
    fetch_on(iut, nodes)


@clause("OR-34")
def test_a_guard_that_never_answers_is_not_waited_for(client_actors: ClientActors) -> None:
    iut, nodes = client_actors()
    iut.open(nodes.network(), timeout_ms=400)
    iut.retrieve().must_be_answered()
    nodes.behave(["guard"], "keep silent", method="relay", delay_ms=20_000)
    for _ in range(ENOUGH):
        iut.retrieve().must_be_answered()
    iut.retrieve().must_be()
    nodes.observe().must_be(onions="")


@clause("OR-35")
@pytest.mark.parametrize("does", FAILURES)
def test_a_guard_that_was_given_up_is_not_used_again(client_actors: ClientActors, does: str) -> None:
    iut, nodes = begin(client_actors)
    nodes.behave(["guard"], does, method="relay", times=2)
    fetch_on(iut, nodes)


@clause("OR-35")
@pytest.mark.parametrize("place", ["middle", "exit"])
def test_a_node_that_was_given_up_is_not_used_again(client_actors: ClientActors, place: str) -> None:
    iut, nodes = begin(client_actors)
    nodes.behave([place], "be missing", method="relay", times=2)
    fetch_on(iut, nodes)


@clause("OR-37")
def test_a_guard_that_denies_one_node_after_another_is_given_up(client_actors: ClientActors) -> None:
    iut, nodes = begin(client_actors)
    nodes.behave(["guard"], "deny", method="relay")
    fetch_on(iut, nodes)


@clause("OR-1", "OR-29", "OR-36")
@pytest.mark.parametrize("does", [*FAILURES, "be missing", "seal with another key"])
def test_when_nothing_works_nobody_but_guards_is_connected_to(client_actors: ClientActors, does: str) -> None:
    iut, nodes = begin(client_actors, [*SWARM[:3], *ELSEWHERE[:4]])
    nodes.behave(list(NODES), does)
    iut.store().must_be_refused("NotSent")
    nodes.observe().must_be(onions="")


@clause("OR-38")
@pytest.mark.parametrize("does", ["talk rubbish", "seal with another key", "keep silent"])
def test_a_destination_that_fails_is_not_asked_for_ever(client_actors: ClientActors, does: str) -> None:
    members = SWARM[:3]
    iut, nodes = begin(client_actors, [*members, *ELSEWHERE[:4]])
    nodes.behave(list(NODES), does, method="store")
    nodes.forget()
    iut.store().must_be_refused("NotSent")
    nodes.observe().must_match(requests=f"^[1-{len(members) * PATH_FAILURES}]$")
