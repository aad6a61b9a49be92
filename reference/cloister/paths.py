"""Chapter 08, second part: the paths of a client.

- Nodes are named by their Ed25519 keys in hex; the first of a path is its guard.
- A path has `PATH_NODES` nodes or does not exist.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cloister import errors, wire
from cloister.swarm import NodeKey

PATH_NODES = 3
PATHS = 2
PATH_FAILURES = 2
PATH_REPLACEMENTS = 3
NODE_FAILURES = 2

NOT_FOUND = "Next node not found: "
SERVER_ERROR = "Loki Server error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The nodes of a path, the guard first; how often it has failed, and how often one was replaced that was not found."""

    nodes: tuple[NodeKey, ...]
    failures: int = 0
    replacements: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The paths of a client, and how often nodes have failed."""

    paths: tuple[Path, ...] = ()
    failures: Mapping[NodeKey, int] = field(default_factory=dict)

    @property
    def used(self) -> set[str]:
        """The nodes that stand on a path."""
        return {node for path in self.paths for node in path.nodes}


def draw(candidates: Sequence[str], random: wire.Random) -> str:
    """Draw one of less than 2^32 candidates, each with the same probability.

    Clauses: OR-31
    """
    bound = 2**32 - 2**32 % len(candidates)
    while (number := int.from_bytes(random(4), "big")) >= bound:
        pass
    return candidates[number % len(candidates)]


def find_usable(state: Paths, network: Sequence[str]) -> list[str]:
    """Find the nodes that have not been given up.

    Clauses: OR-35
    """
    return [node for node in dict.fromkeys(network) if state.failures.get(node, 0) < NODE_FAILURES]


def find_free(state: Paths, network: Sequence[str]) -> list[str]:
    """Find the usable nodes that stand on no path."""
    return [node for node in find_usable(state, network) if node not in state.used]


def build_paths(state: Paths, network: Sequence[str], random: wire.Random, *, guards: Sequence[str] = ()) -> Paths:
    """Build the paths that are missing, from the nodes of the network; those that stand are kept.

    `guards` are those of an earlier run, for clients that keep these alone and not the whole state, as adapters without
    persistence do: a path begins with each that can still be used.

    Raises:
        TooFewNodes: there are not enough, even with those that were given up.
    Clauses: OR-27, OR-29, OR-30, OR-31, OR-35
    """
    needed = (PATHS - len(state.paths)) * PATH_NODES
    if len(find_free(state, network)) < needed:
        state = replace(state, failures={})
    if len(find_free(state, network)) < needed:
        raise errors.TooFewNodes(needed=PATHS * PATH_NODES, got=len(network))
    free = find_free(state, network)
    missing = PATHS - len(state.paths)
    kept = [guard for guard in dict.fromkeys(guards) if guard in free][:missing]
    nodes = draw_more(kept, free, missing, random)
    for guard in tuple(nodes):
        path = draw_more([guard], [node for node in free if node not in nodes], PATH_NODES, random)
        state = replace(state, paths=(*state.paths, Path(nodes=tuple(path))))
        nodes += path
    return state


def draw_more(nodes: Sequence[str], candidates: Sequence[str], size: int, random: wire.Random) -> list[str]:
    """Draw nodes to add to some, until there are so many.

    Clauses: OR-27, OR-31
    """
    drawn = list(nodes)
    while len(drawn) < size:
        drawn.append(draw([node for node in candidates if node not in drawn], random))
    return drawn


def choose_path(state: Paths, destination: str, random: wire.Random) -> Path:
    """Choose a path on which the destination, an Ed25519 key or a host, does not stand.

    Raises:
        TooFewNodes: there is none.
    Clauses: OR-28, OR-29
    """
    fitting = [path for path in state.paths if destination not in path.nodes]
    if not fitting:
        raise errors.TooFewNodes(needed=PATHS * PATH_NODES, got=len(state.used))
    guard = draw([path.nodes[0] for path in fitting], random)
    return next(path for path in fitting if path.nodes[0] == guard)


def note_reply(state: Paths, path: Path) -> Paths:
    """Note that a reply came over a path.

    Clauses: OR-32
    """
    current = find_current(state, path)
    return state if current is None else replace_path(state, current, replace(current, failures=0))


def note_failure(
    state: Paths, path: Path, network: Sequence[str], random: wire.Random, *, destination: str, answer: str
) -> Paths:
    """Note that a request over a path failed; `answer` is the body of what came, or empty.

    Clauses: OR-32, OR-33, OR-34, OR-37
    """
    current = find_current(state, path)
    named = answer.removeprefix(NOT_FOUND) if answer.startswith(NOT_FOUND) else None
    server_failed = answer == SERVER_ERROR and destination not in network
    if current is None or server_failed or named == destination:
        return state
    if named in current.nodes[1:]:
        return note_missing_node(state, current, named, network, random)
    if current.failures + 1 < PATH_FAILURES:
        return replace_path(state, current, replace(current, failures=current.failures + 1))
    return give_up(state, current)


def note_missing_node(state: Paths, path: Path, node: str, network: Sequence[str], random: wire.Random) -> Paths:
    """Note that a node of a path was not found; when that came often enough replace it, or give up the path.

    Clauses: OR-33, OR-35, OR-37
    """
    state = count_failure(state, node)
    if state.failures[node] < NODE_FAILURES:
        return state
    if path.replacements + 1 >= PATH_REPLACEMENTS:
        return give_up(state, path)
    if not find_free(state, network):  # none is left, so the others that were given up get another chance
        state = replace(state, failures={node: state.failures[node]})
    return replace_node(state, replace(path, replacements=path.replacements + 1), node, network, random)


def replace_node(state: Paths, path: Path, node: str, network: Sequence[str], random: wire.Random) -> Paths:
    """Replace a node of a path by an unused one; without one, the path ends.

    Clauses: OR-27, OR-31, OR-33
    """
    free = find_free(state, network)
    if not free:
        return replace(state, paths=tuple(kept for kept in state.paths if kept.nodes != path.nodes))
    fresh = draw(free, random)
    nodes = tuple(fresh if old == node else old for old in path.nodes)
    return replace_path(state, path, replace(path, nodes=nodes, failures=0))


def give_up(state: Paths, path: Path) -> Paths:
    """Give up a path and its guard; its other nodes have failed once more.

    Clauses: OR-34, OR-35, OR-37
    """
    state = replace(state, paths=tuple(kept for kept in state.paths if kept.nodes != path.nodes))
    for node in path.nodes[1:]:
        state = count_failure(state, node)
    return replace(state, failures={**state.failures, path.nodes[0]: NODE_FAILURES})


def count_failure(state: Paths, node: str) -> Paths:
    """Count a failure of a node."""
    return replace(state, failures={**state.failures, node: state.failures.get(node, 0) + 1})


def replace_path(state: Paths, path: Path, other: Path) -> Paths:
    """Put a path in the place of the one with the same nodes; of one that is gone nothing is said any more."""
    return replace(state, paths=tuple(other if kept.nodes == path.nodes else kept for kept in state.paths))


def change_network(state: Paths, network: Sequence[str], random: wire.Random) -> Paths:
    """Take up another network: failures of nodes are forgotten, those that are gone are replaced; a path ends with its guard.

    What a change replaces is not counted as replaced, and what was counted stays so.

    Clauses: OR-30, OR-35, OR-37
    """
    state = Paths(paths=tuple(path for path in state.paths if path.nodes[0] in network))
    for guard in [path.nodes[0] for path in state.paths]:
        while (path := find_path(state, guard)) and (gone := [node for node in path.nodes if node not in network]):
            state = replace_node(state, path, gone[0], network, random)
    return state


def find_current(state: Paths, path: Path) -> Path | None:
    """Find the path with the same nodes as it is now: requests that were sent at once know it as it was then."""
    return next((kept for kept in state.paths if kept.nodes == path.nodes), None)


def find_path(state: Paths, guard: str) -> Path | None:
    """Find the path that begins with a guard."""
    return next((path for path in state.paths if path.nodes[0] == guard), None)
