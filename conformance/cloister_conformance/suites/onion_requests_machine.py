"""Chapter 08: the paths of a client whose requests fail and succeed in any order, in a network that changes."""

from cloister.paths import NODE_FAILURES, PATH_FAILURES
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from cloister_conformance.clause import clause
from cloister_conformance.path_rules import NEW
from cloister_conformance.plugin import Actors
from cloister_conformance.suites.onion_requests_paths import ELSEWHERE, NODES, NOT_FOUND, SERVER_ERROR

FULL = len(NODES)
PLACES = st.integers(min_value=0, max_value=2)
WHICH = st.sampled_from([0, 1])


class Client(RuleBasedStateMachine):
    """A client with its two paths. The model: how often each path and each node has failed, and which nodes are given up.

    Where chapter 08 leaves open what happens, the model does not go: it begins no request that would use up the network, and
    leaves alone what a change of the network may have forgotten.
    """

    actors: Actors

    @initialize(size=st.integers(min_value=7, max_value=FULL), entropy=st.integers(min_value=0, max_value=2**32 - 1))
    def begin(self, size: int, entropy: int) -> None:
        self.iut, self.peer = self.actors(entropy)
        self.network = [node.hex() for node in NODES[:size]]
        self.node_failures: dict[str, int] = {}
        self.uncertain: set[str] = set()
        self.stay: list[list[str]] = []
        self.path_failures: list[int] = []
        self.call("create", network=self.network)
        self.look()

    def call(self, method: str, **params: object) -> None:
        """Call a method that gives nothing back."""
        self.iut.call(f"paths.{method}", paths="paths", **params).must_be()

    def look(self) -> None:
        """Let the peer judge the paths, and take them for the ones that stay; new ones have not failed."""
        listed = self.iut.call("paths.list", paths="paths").result.model_dump()["paths"]
        self.peer.call(
            "paths.judge", paths=listed, network=self.network, given_up=self.given_up, stay=self.stay
        ).must_be(fault="")
        known = {path[0]: count for path, count in zip(self.stay, self.path_failures, strict=True)}
        self.listed = listed
        self.stay = [path["nodes"] for path in listed]
        self.path_failures = [known.get(path[0], 0) for path in self.stay]

    @property
    def given_up(self) -> list[str]:
        """The nodes that have failed too often."""
        return [node for node, count in self.node_failures.items() if count >= NODE_FAILURES]

    def count_free(self) -> int:
        """Count the nodes that may be used and are on no path."""
        used = {node for path in self.stay for node in path}
        return len(set(self.network) - used - set(self.given_up) - self.uncertain)

    def fail(self, which: int, answer: str, destination: str = ELSEWHERE) -> None:
        """Let a request over a path fail."""
        self.call("note_failure", guard=self.stay[which][0], destination=destination, answer=answer)

    @rule(which=WHICH)
    def succeed(self, which: int) -> None:
        self.call("note_reply", guard=self.stay[which][0])
        self.path_failures[which] = 0

    @rule(which=WHICH, place=PLACES)
    def fail_at_the_server_or_destination(self, which: int, place: int) -> None:
        destination = self.stay[1 - which][place]
        self.fail(which, SERVER_ERROR)
        self.fail(which, NOT_FOUND + destination, destination)

    @rule(which=WHICH, answer=st.sampled_from(["", "Request time out", "Invalid ciphertext", NOT_FOUND, "{}"]))
    def fail_on_the_way(self, which: int, answer: str) -> None:
        if self.path_failures[which] + 1 >= PATH_FAILURES and self.count_free() < 3:
            return
        self.fail(which, answer)
        self.path_failures[which] += 1
        if self.path_failures[which] >= PATH_FAILURES:
            self.give_up(which)

    def give_up(self, which: int) -> None:
        """Give up a path: its guard, and once more each of its other nodes."""
        guard, *others = self.stay.pop(which)
        self.path_failures.pop(which)
        self.node_failures[guard] = NODE_FAILURES
        for node in others:
            self.node_failures[node] = self.node_failures.get(node, 0) + 1

    @rule(which=WHICH, place=st.sampled_from([1, 2]))
    def find_no_node(self, which: int, place: int) -> None:
        node = self.stay[which][place]
        if node in self.uncertain or self.count_free() < 1:
            return
        self.fail(which, NOT_FOUND + node)
        self.node_failures[node] = self.node_failures.get(node, 0) + 1
        if self.node_failures[node] >= NODE_FAILURES:
            self.stay[which] = [NEW if other == node else other for other in self.stay[which]]
            self.succeed(which)  # whether the failures of the path are those of the node as well is left open

    @rule(which=WHICH, place=PLACES, more=st.booleans())
    def change_network(self, which: int, place: int, *, more: bool) -> None:
        gone = self.stay[which][place]
        network = [node for node in self.network if node != gone]
        network += [node.hex() for node in NODES if node.hex() not in self.network][: 1 + more]
        if len(network) <= 7:
            return
        self.uncertain |= {node for node, count in self.node_failures.items() if count}
        self.node_failures.clear()
        self.network = network
        self.call("change_network", network=network)
        if place == 0:
            self.stay.pop(which)
            self.path_failures.pop(which)
        else:
            self.stay[which] = [NEW if node == gone else node for node in self.stay[which]]
            self.succeed(which)

    @invariant()
    def paths_are_those_of_the_model(self) -> None:
        self.look()

    @rule(destination=st.sampled_from([ELSEWHERE, *(node.hex() for node in NODES)]))
    def choose(self, destination: str) -> None:
        nodes = self.iut.call("paths.choose", paths="paths", destination=destination).result.nodes
        self.peer.call("paths.judge_choice", nodes=nodes, paths=self.listed, destination=destination).must_be(fault="")


@clause("OR-27", "OR-28", "OR-30", "OR-32", "OR-33", "OR-34", "OR-35")
def test_paths_are_kept_as_long_as_they_work_whatever_fails(actors: Actors) -> None:
    machine = type("Client", (Client,), {"actors": staticmethod(actors)})
    run_state_machine_as_test(machine)
