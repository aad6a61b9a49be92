"""Chapter 08: the paths of a client whose requests fail and succeed in any order, in a network that changes."""

from typing import Any

from cloister.paths import NODE_FAILURES, PATH_FAILURES, PATH_NODES, PATH_REPLACEMENTS
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from cloister_conformance.clause import clause
from cloister_conformance.plugin import Actors
from cloister_conformance.strategies import entropies
from cloister_conformance.suites.onion_requests_paths import (
    ELSEWHERE,
    FULL,
    NODES,
    NOT_FOUND,
    SERVER_ERROR,
    Paths,
    at,
    check_paths,
    choose,
    fail,
    keep,
    list_paths,
    name_nodes,
)

PATH, PLACE = st.sampled_from([0, 1]), st.sampled_from([0, 1, 2])


class Client(RuleBasedStateMachine):
    """A client with its two paths. The model: how often each path and each node has failed, how often a node of each path
    was replaced, and which nodes are given up.

    Where chapter 08 leaves open what happens, the model does not go: it begins no request that would use up the network, and
    leaves alone what a change of the network may have forgotten.
    """

    actors: Actors

    @initialize(size=st.integers(min_value=7, max_value=FULL), entropy=entropies())
    def begin(self, size: int, entropy: int) -> None:
        self.iut, self.peer = self.actors(entropy)
        self.count = size
        self.gone: list[bytes] = []
        self.network = name_nodes(self.peer, size)
        self.node_failures: dict[bytes, int] = {}
        self.last_seen: dict[bytes, dict[str, Any]] = {}
        self.uncertain: set[bytes] = set()
        self.iut.call("paths.create", paths="paths", network=self.network).must_be()
        self.paths: Paths = list_paths(self.peer, self.iut)
        self.path_failures = {path[0]: 0 for path in self.paths.nodes}
        self.replacements = dict(self.path_failures)
        self.kept: dict[int, list[int]] = {0: [], 1: []}

    @invariant()
    def paths_are_those_of_the_model(self) -> None:
        """Let the peer judge the paths, and go on with them; new ones have not failed."""
        given_up = [self.last_seen[node] for node in self.given_up]
        kept = [keep(self.paths, path, *new) for path, new in self.kept.items()]
        self.paths = check_paths(self.peer, self.iut, self.network, given_up=given_up, kept=kept)
        self.path_failures = {path[0]: self.path_failures.get(path[0], 0) for path in self.paths.nodes}
        self.replacements = {path[0]: self.replacements.get(path[0], 0) for path in self.paths.nodes}
        self.kept = {0: [], 1: []}

    @property
    def given_up(self) -> list[bytes]:
        """The nodes that have failed too often."""
        return [node for node, count in self.node_failures.items() if count >= NODE_FAILURES]

    def count_free(self) -> int:
        """Count the nodes that may be used and are on no path."""
        used = {node for path in self.paths.nodes for node in path}
        return len(set(self.network) - used - set(self.given_up) - self.uncertain)

    def count_failure(self, path: int, place: int) -> int:
        """Count a failure of a node, and return how many it has."""
        node = self.paths.nodes[path][place]
        self.node_failures[node] = self.node_failures.get(node, 0) + 1
        self.last_seen[node] = at(self.paths, path, place)
        return self.node_failures[node]

    @rule(path=PATH)
    def succeed(self, path: int) -> None:
        guard = self.paths.nodes[path][0]
        self.iut.call("paths.note_reply", paths="paths", guard=guard).must_be()
        self.path_failures[guard] = 0

    @rule(path=PATH, place=PLACE)
    def fail_at_the_server_or_destination(self, path: int, place: int) -> None:
        destination = self.paths.nodes[1 - path][place].hex()
        fail(self.iut, self.paths.nodes[path][0], SERVER_ERROR)
        fail(self.iut, self.paths.nodes[path][0], NOT_FOUND + destination, destination)

    @rule(path=PATH, answer=st.sampled_from(["", "Request time out", "Invalid ciphertext", NOT_FOUND, "{}"]))
    def fail_on_the_way(self, path: int, answer: str) -> None:
        guard = self.paths.nodes[path][0]
        if self.path_failures[guard] + 1 >= PATH_FAILURES and self.count_free() < PATH_NODES:
            return
        fail(self.iut, guard, answer)
        self.path_failures[guard] += 1
        if self.path_failures[guard] >= PATH_FAILURES:
            self.give_up(path)

    def give_up(self, path: int) -> None:
        """Give up a path: its guard, and once more each of its other nodes."""
        for place in range(PATH_NODES):
            self.count_failure(path, place)
        guard = self.paths.nodes[path][0]
        self.node_failures[guard] = NODE_FAILURES
        del self.kept[path], self.path_failures[guard], self.replacements[guard]

    @rule(path=PATH, place=st.sampled_from([1, 2]))
    def find_no_node(self, path: int, place: int) -> None:
        guard, node = self.paths.nodes[path][0], self.paths.nodes[path][place]
        is_last = self.replacements[guard] + 1 >= PATH_REPLACEMENTS
        if node in self.uncertain or self.count_free() < (PATH_NODES if is_last else 1):
            return
        fail(self.iut, guard, NOT_FOUND + node.hex())
        if self.count_failure(path, place) < NODE_FAILURES:
            return
        if is_last:
            self.give_up(path)
        else:
            self.replacements[guard] += 1
            self.replace(path, place)

    def replace(self, path: int, place: int) -> None:
        """Replace a node; whether a failure of it is one of its path as well is left open, so a reply takes both away."""
        self.kept[path] = [place]
        self.succeed(path)

    @rule(path=PATH, place=PLACE, more=st.integers(min_value=1, max_value=2))
    def change_network(self, path: int, place: int, more: int) -> None:
        if self.count + more > FULL:
            return
        self.count += more
        self.gone.append(self.paths.nodes[path][place])
        network = name_nodes(self.peer, self.count, gone=self.gone)
        self.paths_are_those_of_the_model()  # so that a transcript refers to these, where it needs a node of a path
        self.network = network
        self.iut.call("paths.change_network", paths="paths", network=network).must_be()
        self.uncertain |= {node for node, count in self.node_failures.items() if count}
        self.node_failures.clear()
        if place == 0:
            del self.kept[path], self.replacements[self.paths.nodes[path][0]]
        else:
            self.replace(path, place)

    @rule(destination=st.sampled_from([ELSEWHERE, *(node.hex() for node in NODES)]))
    def choose(self, destination: str) -> None:
        nodes = choose(self.iut, destination).result.nodes
        params = {"nodes": nodes, "paths": self.paths.noted["paths"], "destination": destination}
        self.peer.call("paths.judge_choice", **params).must_be(fault="")


@clause("OR-27", "OR-28", "OR-30", "OR-32", "OR-33", "OR-34", "OR-35", "OR-37")
def test_paths_are_kept_as_long_as_they_work_whatever_fails(actors: Actors) -> None:
    machine = type("Client", (Client,), {"actors": staticmethod(actors)})
    run_state_machine_as_test(machine)
