"""What chapters 07 and 08 ask of the requests of a client, judged from where they came and what became of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cloister.mailbox import STORE_NODES
from cloister.paths import NODE_FAILURES, PATH_FAILURES, PATH_NODES, PATH_REPLACEMENTS, PATHS

UNKNOWN = "?"
"""Stands for a node with whose key a layer cannot be opened."""
IN_FLIGHT = STORE_NODES
"""Requests that may be on their way when a client learns that one before them has failed."""

End = Literal["reply", "failure", "missing"]
Path = tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Walk:
    """One request: who was connected to, the nodes on its way up to its destination, its ephemeral keys, and how it ended.

    If the end is `missing`, that is the node behind the guard that was said not to be found; for all other ends it is empty.
    """

    connected: str
    hops: Path
    ephemeral_keys: tuple[str, ...]
    end: End = "failure"
    missing: str = ""

    @property
    def path(self) -> Path:
        """The nodes before the destination."""
        return self.hops[:-1]


def find_onion_fault(walks: Sequence[Walk], network: Sequence[str]) -> str:
    """Find what is wrong with single requests, whatever the state of the client; else empty."""
    keys: set[str] = set()
    for walk in walks:
        if not walk.hops:
            return f"what came to node {walk.connected} is no onion request"
        if set(walk.hops) - set(network):
            return f"a request is for a node, or an X25519 key, that is not in the client's network: {walk.hops}"
        if len(walk.path) != PATH_NODES:
            return f"a path has not {PATH_NODES} nodes: {walk.path}"
        if len(set(walk.hops)) < len(walk.hops):
            return f"a node stands on a path twice, or is its destination: {walk.hops}"
        if keys.intersection(walk.ephemeral_keys):
            return "an ephemeral key came before"
        keys.update(walk.ephemeral_keys)
    return ""


def find_path_fault(walks: Sequence[Walk]) -> str:
    """Find what is wrong with the paths that requests took, one after the other, of a client that began with none; else empty."""
    ledger = Ledger()
    return next((fault for walk in walks if (fault := ledger.add(walk))), "") or find_shared_node(walks)


class Ledger:
    """What a client must know of its paths: the one that begins with each guard, how often it failed, how often nodes did."""

    def __init__(self) -> None:
        self.paths: dict[str, Path] = {}
        self.failures: Counter[str] = Counter()
        self.blamed: Counter[str] = Counter()
        self.used_after: Counter[str] = Counter()
        self.replaced: Counter[str] = Counter()

    def add(self, walk: Walk) -> str:
        """Add a request; return what is wrong with its path, or nothing."""
        fault = self.find_fault(walk.connected, walk.path)
        self.paths[walk.connected] = walk.path
        self.count(walk)
        return fault

    def find_fault(self, guard: str, path: Path) -> str:
        """Find what is wrong with a path."""
        old = self.paths.get(guard)
        if old is None and len([known for known in self.paths if not self.is_given_up(known)]) >= PATHS:
            return f"node {guard} is connected to, although {PATHS} guards work"
        if old is not None and not all(self.may_change(*nodes) for nodes in zip(old, path, strict=True)):
            return f"path {old} became {path}, although its nodes work"
        self.used_after.update(node for node in path if self.is_given_up(node))
        late = [node for node in path if self.used_after[node] > IN_FLIGHT]
        return f"node {late[0]} is used after it was given up" if late else ""

    def may_change(self, one: str, other: str) -> bool:
        """Tell whether a node may stand in the place of another; what was on its way comes over the path of before."""
        return one == other or self.is_given_up(one) or self.is_given_up(other)

    def is_given_up(self, node: str) -> bool:
        """Tell whether a node is given up."""
        return self.blamed[node] >= NODE_FAILURES

    def count(self, walk: Walk) -> None:
        """Count what became of a request."""
        guard, path = walk.connected, walk.path
        if walk.end == "reply":
            self.failures[guard] = 0
        elif walk.missing in path:
            self.blamed[walk.missing] += 1
            self.replaced[guard] += self.blamed[walk.missing] == NODE_FAILURES
            if self.replaced[guard] == PATH_REPLACEMENTS:
                self.give_up(path)
        elif walk.end == "failure":
            self.failures[guard] += 1
            if self.failures[guard] == PATH_FAILURES:
                self.give_up(path)

    def give_up(self, path: Path) -> None:
        """Give up a path with its guard."""
        self.blamed.update(path[1:])
        self.blamed[path[0]] = max(self.blamed[path[0]], NODE_FAILURES)


def find_shared_node(walks: Sequence[Walk]) -> str:
    """Find a node that stands on two paths at once: on one that did not change, and on another that was used in between."""
    last: dict[str, int] = {}
    for index, walk in enumerate(walks):
        begin = last.get(walk.connected, index)
        if walks[begin].path == walk.path:
            for other in walks[begin:index]:
                if other.connected != walk.connected and set(other.path) & set(walk.path):
                    return f"the paths {walk.path} and {other.path} have a node in common"
        last[walk.connected] = index
    return ""
