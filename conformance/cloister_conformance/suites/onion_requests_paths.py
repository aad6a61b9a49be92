"""Chapter 08: the paths of a client."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from cloister.paths import NODE_FAILURES, PATH_FAILURES, PATH_NODES, PATH_REPLACEMENTS, PATHS

from cloister_conformance.clause import clause
from cloister_conformance.hand_made.material import derive_bytes
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor, Answer

NEEDED = PATHS * PATH_NODES
FULL = 20
NODES = [derive_bytes(f"node {number} of a network") for number in range(FULL)]
"""What `name_nodes` names."""
ELSEWHERE = "open.example.org"
"""A destination that stands on no path."""
NOT_FOUND = "Next node not found: "
SERVER_ERROR = "Loki Server error"

DRAWS = 500
"""Enough to tell a node that is drawn twice as often as the others, with one false alarm in 10^9 runs."""


class Paths(NamedTuple):
    """The nodes of the two paths of a client, and what the peer has noted of them."""

    nodes: list[list[bytes]]
    noted: dict[str, Any]


def name_nodes(peer: Actor, count: int, *, gone: Sequence[bytes] = ()) -> list[bytes]:
    """Let the peer name the first nodes, but for those that are gone."""
    network: list[bytes] = peer.call("paths.name_nodes", count=count, gone=gone).result.network
    return network


def create(actor: Actor, peer: Actor, size: int, **other: Any) -> list[bytes]:  # noqa: ANN401 - params
    """Let an actor build paths from a network of so many nodes; return these."""
    network = name_nodes(peer, size)
    actor.call("paths.create", paths="paths", network=network, **other).must_be()
    return network


def change(actor: Actor, peer: Actor, count: int, *, gone: Sequence[bytes] = ()) -> list[bytes]:
    """Let an actor take up another network; return its nodes."""
    network = name_nodes(peer, count, gone=gone)
    list_paths(peer, actor)  # so that a transcript refers to these, not to the network, where it needs a node of a path
    actor.call("paths.change_network", paths="paths", network=network).must_be()
    return network


def list_paths(peer: Actor, actor: Actor) -> Paths:
    """Let an actor list its paths, and the peer note them."""
    listed = actor.call("paths.list", paths="paths").result.model_dump()["paths"]
    noted = peer.call("paths.note", number=len(peer.script.steps), paths=listed).result.noted
    return Paths([path.nodes for path in noted.paths], noted.model_dump())


def at(paths: Paths, path: int, place: int) -> dict[str, Any]:
    """Describe a place on a path."""
    return {"noted": paths.noted, "path": path, "place": place}


def keep(paths: Paths, path: int, *new: int) -> dict[str, Any]:
    """Describe a path that stays, but for the places that get new nodes."""
    return {"noted": paths.noted, "path": path, "new": new}


def keep_all(paths: Paths) -> list[dict[str, Any]]:
    """Describe paths that stay."""
    return [keep(paths, path) for path in range(PATHS)]


def check_paths(peer: Actor, actor: Actor, network: Sequence[bytes], **other: Any) -> Paths:  # noqa: ANN401 - params
    """Let the peer judge the paths of an actor: what is `given_up`, what is `kept`, and the `guards` that are; return them."""
    paths = list_paths(peer, actor)
    params = {"given_up": [], "kept": [], "guards": [], **other}
    peer.call("paths.judge", paths=paths.noted["paths"], network=network, **params).must_be(fault="")
    return paths


def fail(actor: Actor, guard: bytes, answer: str = "", destination: str = ELSEWHERE) -> None:
    """Let a request of an actor fail."""
    params = {"guard": guard, "destination": destination, "answer": answer}
    actor.call("paths.note_failure", paths="paths", **params).must_be()


def lose(actor: Actor, path: Sequence[bytes], place: int) -> None:
    """Let requests of an actor fail until the node at a place of a path has failed too often."""
    for _ in range(NODE_FAILURES):
        fail(actor, path[0], NOT_FOUND + path[place].hex())


def choose(actor: Actor, destination: str = ELSEWHERE) -> Answer:
    """Let an actor choose a path."""
    return actor.call("paths.choose", paths="paths", destination=destination)


# Building


@clause("OR-27")
@pytest.mark.parametrize("size", [NEEDED, NEEDED + 1, 12, 20])
def test_paths_have_no_node_in_common(actors: Actors, size: int) -> None:
    iut, peer = actors()
    for _ in range(20):
        check_paths(peer, iut, create(iut, peer, size))


@clause("OR-29")
@pytest.mark.parametrize("size", range(NEEDED))
def test_too_few_nodes_are_refused(actors: Actors, size: int) -> None:
    iut, _ = actors()
    iut.call("paths.create", paths="paths", network=NODES[:size]).must_be_refused("TooFewNodes")


@clause("OR-27", "OR-29")
def test_a_node_that_is_listed_twice_is_one_node(actors: Actors) -> None:
    iut, peer = actors()
    few, enough = (name_nodes(peer, count) for count in (NEEDED - 1, NEEDED))
    iut.call("paths.create", paths="paths", network=[*few, *few]).must_be_refused("TooFewNodes")
    iut.call("paths.create", paths="paths", network=[*enough, *few]).must_be()
    check_paths(peer, iut, enough)


@clause("OR-29")
def test_a_network_that_became_too_small_is_refused(actors: Actors) -> None:
    iut, peer = actors()
    create(iut, peer, 12)
    few = name_nodes(peer, NEEDED - 1)
    iut.call("paths.change_network", paths="paths", network=few).must_be_refused("TooFewNodes")


@clause("OR-30")
def test_guards_outlive_a_restart(actors: Actors) -> None:
    iut, peer = actors()
    create(iut, peer, 20)
    for _ in range(5):
        guards = [path[0] for path in list_paths(peer, iut).nodes]
        iut.restart()
        network = create(iut, peer, 20, guards=guards)
        check_paths(peer, iut, network, guards=guards)


@clause("OR-30")
def test_a_guard_is_kept_where_the_other_is_gone(actors: Actors) -> None:
    iut, peer = actors()
    for kept in NODES[:12]:
        network = create(iut, peer, 12, guards=[NODES[15], kept])
        check_paths(peer, iut, network, guards=[kept])


@clause("OR-27", "OR-30")
def test_a_guard_that_is_named_twice_begins_one_path(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, NEEDED, guards=[NODES[0], NODES[0], NODES[1]])
    check_paths(peer, iut, network, guards=NODES[:2])


@clause("OR-27", "OR-30")
def test_no_guard_stands_behind_another(actors: Actors) -> None:
    iut, peer = actors()
    for _ in range(20):
        network = create(iut, peer, NEEDED, guards=NODES[:PATHS])
        check_paths(peer, iut, network, guards=NODES[:PATHS])


@clause("OR-30")
def test_paths_stay_while_they_work(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, 12)
    paths = list_paths(peer, iut)
    for _ in range(5):
        for path in paths.nodes:
            choose(iut).must_be()
            iut.call("paths.note_reply", paths="paths", guard=path[0]).must_be()
        check_paths(peer, iut, network, kept=keep_all(paths))


@clause("OR-30")
def test_guards_stay_when_the_network_grows(actors: Actors) -> None:
    iut, peer = actors()
    create(iut, peer, 12)
    paths = list_paths(peer, iut)
    network = change(iut, peer, FULL)
    check_paths(peer, iut, network, kept=keep_all(paths))


@clause("OR-30", "OR-33")
@pytest.mark.parametrize("place", [1, 2])
def test_a_node_that_left_the_network_is_replaced_alone(actors: Actors, place: int) -> None:
    iut, peer = actors()
    network = create(iut, peer, 12)
    paths = list_paths(peer, iut)
    rest = change(iut, peer, len(network), gone=[paths.nodes[0][place]])
    check_paths(peer, iut, rest, kept=[keep(paths, 0, place), keep(paths, 1)])


@clause("OR-30", "OR-34")
def test_a_guard_that_left_the_network_takes_its_path_away(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, 12)
    paths = list_paths(peer, iut)
    rest = change(iut, peer, len(network), gone=[paths.nodes[0][0]])
    check_paths(peer, iut, rest, kept=[keep(paths, 1)])


# Choosing


@clause("OR-28")
@pytest.mark.parametrize("place", range(PATH_NODES))
def test_a_destination_is_reached_over_the_other_path(actors: Actors, place: int) -> None:
    iut, peer = actors()
    create(iut, peer, 12)
    for _ in range(10):
        one, other = list_paths(peer, iut).nodes
        choose(iut, one[place].hex()).must_be(nodes=other)
        choose(iut, other[place].hex()).must_be(nodes=one)


@clause("OR-27", "OR-28")
def test_one_of_the_paths_is_chosen(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, 12)
    listed = iut.call("paths.list", paths="paths").result.model_dump()["paths"]
    for destination in (ELSEWHERE, *(node.hex() for node in network)):
        nodes = choose(iut, destination).result.nodes
        peer.call("paths.judge_choice", nodes=nodes, paths=listed, destination=destination).must_be(fault="")


# Drawing


@clause("OR-31")
def test_nodes_are_drawn_fairly(actors: Actors) -> None:
    iut, peer = actors()
    drawn = []
    for _ in range(DRAWS):
        network = create(iut, peer, 12)
        drawn.append(iut.call("paths.list", paths="paths").result.model_dump()["paths"])
    peer.call("paths.judge_draws", drawn=drawn, network=network).must_be(fault="")


@clause("OR-31")
def test_paths_are_chosen_fairly(actors: Actors) -> None:
    iut, peer = actors()
    choices = []
    for _ in range(DRAWS // 2):
        create(iut, peer, 12)
        paths = iut.call("paths.list", paths="paths").result.model_dump()["paths"]
        choices.append({"paths": paths, "nodes": choose(iut).result.nodes})
    peer.call("paths.judge_choices", choices=choices).must_be(fault="")


@clause("OR-31")
def test_the_node_that_takes_a_place_is_drawn_fairly(actors: Actors) -> None:
    iut, peer = actors()
    replacements = []
    for _ in range(DRAWS // 2):
        network = create(iut, peer, NEEDED + 2)
        before = iut.call("paths.list", paths="paths").result
        lose(iut, before.paths[0].nodes, 1)
        after = iut.call("paths.list", paths="paths").result
        replacements.append({"before": before.model_dump()["paths"], "after": after.model_dump()["paths"]})
    peer.call("paths.judge_replacements", replacements=replacements, network=network).must_be(fault="")


# Failures


@clause("OR-32")
def test_an_error_of_the_server_counts_against_nothing(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, 12)
    paths = list_paths(peer, iut)
    for _ in range(PATH_FAILURES + 1):
        fail(iut, paths.nodes[0][0], SERVER_ERROR)
    check_paths(peer, iut, network, kept=keep_all(paths))


@clause("OR-32", "OR-34")
def test_an_error_of_a_server_on_the_way_to_a_node_counts_against_the_path(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, 12)
    paths = list_paths(peer, iut)
    for _ in range(PATH_FAILURES):
        fail(iut, paths.nodes[0][0], SERVER_ERROR, destination=paths.nodes[1][0].hex())
    check_paths(peer, iut, network, given_up=[at(paths, 0, 0)], kept=[keep(paths, 1)])


@clause("OR-32")
def test_a_destination_that_is_not_found_counts_against_nothing(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, 12)
    paths = list_paths(peer, iut)
    one, other = paths.nodes
    away = next(node for node in network if node not in (*one, *other))
    for destination in (away, other[1]):
        for _ in range(NODE_FAILURES + 1):
            fail(iut, one[0], NOT_FOUND + destination.hex(), destination.hex())
    check_paths(peer, iut, network, kept=keep_all(paths))


@clause("OR-32")
def test_a_reply_takes_the_failures_of_its_path_away(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, 12)
    paths = list_paths(peer, iut)
    for _ in range(3):
        for path in paths.nodes:
            for _ in range(PATH_FAILURES - 1):
                fail(iut, path[0])
            iut.call("paths.note_reply", paths="paths", guard=path[0]).must_be()
    check_paths(peer, iut, network, kept=keep_all(paths))


@clause("OR-32")
def test_failures_are_counted_for_each_path(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, 12)
    paths = list_paths(peer, iut)
    for path in paths.nodes:
        for _ in range(PATH_FAILURES - 1):
            fail(iut, path[0])
    check_paths(peer, iut, network, kept=keep_all(paths))


@clause("OR-32")
def test_a_reply_over_one_path_takes_no_failure_of_the_other_away(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, 12)
    paths = list_paths(peer, iut)
    one, other = paths.nodes
    for _ in range(PATH_FAILURES):
        iut.call("paths.note_reply", paths="paths", guard=other[0]).must_be()
        fail(iut, one[0])
    check_paths(peer, iut, network, given_up=[at(paths, 0, 0)], kept=[keep(paths, 1)])


AGAINST_THE_PATH = {
    "no answer": "",
    "a time out": "Request time out",
    "not in a swarm": "Snode not ready: {second}",
    "an invalid ciphertext": "Invalid ciphertext",
    "another server's words": "Oxen Server error",
    "words around it": "400 Loki Server error",
    "the guard is not found": "Next node not found: {guard}",
    "a node of the other path is not found": "Next node not found: {foreign}",
    "a node of no path is not found": "Next node not found: {away}",
    "no node is not found": "Next node not found: ",
    "a node in upper case is not found": "Next node not found: {upper}",
    "words before a node": "x Next node not found: {second}",
    "a node and more": "Next node not found: {second}.",
    "JSON": '{{"status": 200, "body": "hello"}}',
}


@clause("OR-32", "OR-34")
@pytest.mark.parametrize("kind", AGAINST_THE_PATH)
def test_anything_else_counts_against_the_path(actors: Actors, kind: str) -> None:
    iut, peer = actors()
    network = create(iut, peer, 12)
    paths = list_paths(peer, iut)
    one, other = paths.nodes
    away = next(node for node in network if node not in (*one, *other))
    names = {"guard": one[0], "second": one[1], "foreign": other[1], "away": away}
    texts = {name: node.hex() for name, node in names.items()}
    answer = AGAINST_THE_PATH[kind].format(**texts, upper=texts["second"].upper())
    for count in range(1, PATH_FAILURES + 1):
        fail(iut, one[0], answer)
        if count < PATH_FAILURES:
            check_paths(peer, iut, network, kept=keep_all(paths))
    check_paths(peer, iut, network, given_up=[at(paths, 0, 0)], kept=[keep(paths, 1)])


@clause("OR-33")
@pytest.mark.parametrize("place", [1, 2])
def test_a_node_that_is_not_found_is_replaced_alone(actors: Actors, place: int) -> None:
    iut, peer = actors()
    for _ in range(5):
        network = create(iut, peer, 12)
        paths = list_paths(peer, iut)
        for _ in range(NODE_FAILURES - 1):
            fail(iut, paths.nodes[0][0], NOT_FOUND + paths.nodes[0][place].hex())
            check_paths(peer, iut, network, kept=keep_all(paths))
        fail(iut, paths.nodes[0][0], NOT_FOUND + paths.nodes[0][place].hex())
        check_paths(peer, iut, network, given_up=[at(paths, 0, place)], kept=[keep(paths, 0, place), keep(paths, 1)])


@clause("OR-33")
def test_messages_about_different_nodes_are_counted_apart(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, 12)
    paths = list_paths(peer, iut)
    for path in paths.nodes:
        for node in path[1:]:
            for _ in range(NODE_FAILURES - 1):
                fail(iut, path[0], NOT_FOUND + node.hex())
    check_paths(peer, iut, network, kept=keep_all(paths))


@clause("OR-32", "OR-33")
def test_a_node_that_is_not_found_counts_not_against_the_path(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, 12)
    paths = list_paths(peer, iut)
    for _ in range(PATH_FAILURES - 1):
        fail(iut, paths.nodes[0][0])
    for _ in range(NODE_FAILURES - 1):
        fail(iut, paths.nodes[0][0], NOT_FOUND + paths.nodes[0][1].hex())
        fail(iut, paths.nodes[0][0], NOT_FOUND + paths.nodes[0][2].hex())
    check_paths(peer, iut, network, kept=keep_all(paths))


@clause("OR-34", "OR-35")
def test_the_guard_of_a_path_that_was_given_up_is_not_used_again(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, 20)
    given_up: list[dict[str, Any]] = []
    for _ in range(6):
        paths = list_paths(peer, iut)
        for _ in range(PATH_FAILURES):
            fail(iut, paths.nodes[0][0])
        given_up.append(at(paths, 0, 0))
        check_paths(peer, iut, network, given_up=given_up, kept=[keep(paths, 1)])


@clause("OR-32", "OR-35")
@pytest.mark.parametrize("place", [1, 2])
def test_the_failure_of_a_path_counts_against_each_of_its_nodes(actors: Actors, place: int) -> None:
    iut, peer = actors()
    for _ in range(20):
        network = create(iut, peer, NEEDED + 2)  # without the guard and that node, just enough are left
        paths = list_paths(peer, iut)
        for _ in range(NODE_FAILURES - 1):
            fail(iut, paths.nodes[0][0], NOT_FOUND + paths.nodes[0][place].hex())
        for _ in range(PATH_FAILURES):
            fail(iut, paths.nodes[0][0])
        check_paths(peer, iut, network, given_up=[at(paths, 0, 0), at(paths, 0, place)], kept=[keep(paths, 1)])


EACH_TWICE = [path for path in range(PATHS) for _ in range(PATH_REPLACEMENTS - 1)]
"""Each path as often as a node of it is replaced."""


@clause("OR-35")
@pytest.mark.parametrize("more", [0, 1, 4])
def test_a_node_that_was_replaced_is_not_used_again(actors: Actors, more: int) -> None:
    iut, peer = actors()
    network = create(iut, peer, NEEDED + len(EACH_TWICE) + more)
    given_up: list[dict[str, Any]] = []
    for path in EACH_TWICE:
        paths = list_paths(peer, iut)
        lose(iut, paths.nodes[path], 1)
        given_up.append(at(paths, path, 1))
        check_paths(peer, iut, network, given_up=given_up, kept=[keep(paths, path, 1), keep(paths, 1 - path)])


@clause("OR-35")
def test_when_no_node_is_left_those_that_were_given_up_are_used_again(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, NEEDED + 1)
    for path in EACH_TWICE:
        paths = list_paths(peer, iut)
        lose(iut, paths.nodes[path], 1)
        kept = [keep(paths, path, 1), keep(paths, 1 - path)]
        check_paths(peer, iut, network, given_up=[at(paths, path, 1)], kept=kept)


@clause("OR-29", "OR-35")
def test_the_fewest_nodes_go_on_although_all_fail(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, NEEDED)
    for _ in range(6):
        paths = list_paths(peer, iut)
        for _ in range(PATH_FAILURES):
            fail(iut, paths.nodes[0][0])
        check_paths(peer, iut, network, kept=[keep(paths, 1)])


PLACES = [(1, 1, 1), (2, 2, 2), (1, 2, 1), (2, 1, 1)]
"""Where nodes of a path are not found, one after the other."""


@clause("OR-33", "OR-37")
@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("size", [12, FULL])
def test_a_path_is_given_up_instead_of_the_last_replacement(actors: Actors, size: int, places: tuple[int, ...]) -> None:
    iut, peer = actors()
    network = create(iut, peer, size)
    given_up: list[dict[str, Any]] = []
    for place in places[: PATH_REPLACEMENTS - 1]:
        paths = list_paths(peer, iut)
        lose(iut, paths.nodes[0], place)
        given_up.append(at(paths, 0, place))
        check_paths(peer, iut, network, given_up=given_up, kept=[keep(paths, 0, place), keep(paths, 1)])
    paths = list_paths(peer, iut)
    lose(iut, paths.nodes[0], places[-1])
    given_up += [at(paths, 0, 0), at(paths, 0, places[-1])]
    check_paths(peer, iut, network, given_up=given_up, kept=[keep(paths, 1)])


@clause("OR-37")
def test_a_reply_takes_no_replacement_away(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, FULL)
    for _ in range(PATH_REPLACEMENTS - 1):
        path = list_paths(peer, iut).nodes[0]
        lose(iut, path, 1)
        iut.call("paths.note_reply", paths="paths", guard=path[0]).must_be()
    paths = list_paths(peer, iut)
    lose(iut, paths.nodes[0], 1)
    check_paths(peer, iut, network, given_up=[at(paths, 0, 0)], kept=[keep(paths, 1)])


@clause("OR-37")
def test_replacements_are_counted_anew_for_the_path_that_is_built_next(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, FULL)
    for _ in range(PATH_REPLACEMENTS):
        lose(iut, list_paths(peer, iut).nodes[0], 1)
    for _ in range(PATH_REPLACEMENTS - 1):
        paths = list_paths(peer, iut)
        lose(iut, paths.nodes[1], 1)
        check_paths(peer, iut, network, kept=[keep(paths, 0), keep(paths, 1, 1)])


@clause("OR-30", "OR-37")
def test_nodes_that_left_the_network_do_not_count_as_replaced(actors: Actors) -> None:
    iut, peer = actors()
    create(iut, peer, FULL)
    gone: list[bytes] = []
    for _ in range(PATH_REPLACEMENTS + 1):
        paths = list_paths(peer, iut)
        gone.append(paths.nodes[0][1])
        network = change(iut, peer, FULL, gone=gone)
        check_paths(peer, iut, network, kept=[keep(paths, 0, 1), keep(paths, 1)])
    for _ in range(PATH_REPLACEMENTS - 1):
        paths = list_paths(peer, iut)
        lose(iut, paths.nodes[0], 1)
        check_paths(peer, iut, network, kept=[keep(paths, 0, 1), keep(paths, 1)])


@clause("OR-37")
def test_a_change_of_the_network_takes_no_replacement_away(actors: Actors) -> None:
    iut, peer = actors()
    create(iut, peer, FULL - 1)
    for _ in range(PATH_REPLACEMENTS - 1):
        lose(iut, list_paths(peer, iut).nodes[0], 1)
    network = change(iut, peer, FULL, gone=[list_paths(peer, iut).nodes[0][1]])
    paths = list_paths(peer, iut)
    lose(iut, paths.nodes[0], 2)
    check_paths(peer, iut, network, given_up=[at(paths, 0, 0)], kept=[keep(paths, 1)])


@clause("OR-37")
@pytest.mark.parametrize("place", [1, 2])
def test_a_path_that_is_given_up_for_its_replacements_counts_against_its_other_nodes(
    actors: Actors, place: int
) -> None:
    iut, peer = actors()
    for _ in range(10):
        network = create(iut, peer, NEEDED + 5)  # without those that are given up, just enough are left
        for _ in range(PATH_REPLACEMENTS - 1):
            lose(iut, list_paths(peer, iut).nodes[0], place)
        paths = list_paths(peer, iut)
        for _ in range(NODE_FAILURES - 1):
            fail(iut, paths.nodes[0][0], NOT_FOUND + paths.nodes[0][3 - place].hex())
        lose(iut, paths.nodes[0], place)
        given_up = [at(paths, 0, node) for node in range(PATH_NODES)]
        check_paths(peer, iut, network, given_up=given_up, kept=[keep(paths, 1)])


@clause("OR-34")
def test_a_late_failure_of_a_path_that_is_gone_changes_nothing(actors: Actors) -> None:
    iut, peer = actors()
    network = create(iut, peer, 12)
    before = list_paths(peer, iut)
    for _ in range(PATH_FAILURES):
        fail(iut, before.nodes[0][0])
    after = list_paths(peer, iut)
    for _ in range(PATH_FAILURES + 1):
        fail(iut, before.nodes[0][0])
    check_paths(peer, iut, network, given_up=[at(before, 0, 0)], kept=keep_all(after))
