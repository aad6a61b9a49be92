"""What chapter 08 asks of the paths of a client, judged from the outside: by the peer, from what an implementation lists."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from cloister.paths import PATH_NODES, PATHS

Path = Sequence[str]
"""The nodes of a path, the guard first."""
NEW = ""
"""In the place of a node that is to be another."""
FALSE_ALARM = 1e-9
"""How often fair draws may be taken for unfair ones."""


def find_fault(
    paths: Sequence[Path], network: Sequence[str], given_up: Sequence[str] = (), stay: Sequence[Path] = ()
) -> str:
    """Find what is wrong with paths: by themselves, or because a node is given up, or because one that is to `stay` has not; else empty."""
    if fault := find_false_size(paths):
        return fault
    nodes = [node for path in paths for node in path]
    if len(set(nodes)) < len(nodes):
        return "a node stands there twice"
    if set(nodes) - set(network):
        return "a node is not in the network"
    if set(nodes) & set(given_up):
        return "a node is used that was given up"
    if not all(any(fits(path, kept) for path in paths) for kept in stay):
        return "a path, or a part of one, that works is not kept"
    return ""


def find_false_size(paths: Sequence[Path]) -> str:
    """Find whether there are too few or too many paths, or nodes on one; else empty."""
    if len(paths) != PATHS:
        return f"there are {len(paths)} paths, not {PATHS}"
    if any(len(path) != PATH_NODES for path in paths):
        return f"a path has not {PATH_NODES} nodes"
    return ""


def fits(path: Path, kept: Path) -> bool:
    """Tell whether a path has the nodes of another where these are not `NEW`."""
    return all(wanted in (NEW, node) for node, wanted in zip(path, kept, strict=True))


def find_false_choice(nodes: Path, paths: Sequence[Path], destination: str) -> str:
    """Find what is wrong with the path that was chosen for a destination; else empty."""
    if list(nodes) not in [list(path) for path in paths]:
        return "this is none of the paths"
    return "the destination stands on the path" if destination in nodes else ""


# Draws


def find_unfair_paths(drawn: Sequence[Sequence[Path]], network: Sequence[str]) -> str:
    """Find a place on a path, or two neighbouring ones, that a node gets too often or too seldom; else empty.

    `drawn` are paths that were built independently of each other.
    """
    size = len(network)
    places = Counter((place, node) for paths in drawn for path in paths for place, node in enumerate(path))
    pairs = Counter((place, *path[place : place + 2]) for paths in drawn for path in paths for place in (0, 1))
    for place in range(PATH_NODES):
        counts = [places[place, node] for node in network]
        if not are_fair(counts, len(drawn), PATHS / size):
            return (
                f"node {place + 1} of a path is not drawn fairly: {min(counts)} to {max(counts)} times of {len(drawn)}"
            )
    expected = PATHS / (size * (size - 1))
    for place in (0, 1):
        counts = [pairs[place, one, other] for one in network for other in network if one != other]
        if not are_fair(counts, len(drawn), expected):
            return f"nodes {place + 1} and {place + 2} of a path are not drawn fairly together"
    return ""


def find_unfair_indices(indices: Sequence[int], size: int) -> str:
    """Find whether one of the numbers below `size` came too often or too seldom; else empty."""
    counts = [indices.count(index) for index in range(size)]
    return "" if are_fair(counts, len(indices), 1 / size) else f"not drawn fairly: {counts} times"


def are_fair(counts: Iterable[int], trials: int, probability: float) -> bool:
    """Tell whether each count is as likely as a fair one; fair ones are taken for unfair with at most `FALSE_ALARM`."""
    counts = list(counts)
    bound = math.log(2 * len(counts) / FALSE_ALARM)
    return all(trials * divergence(count / trials, probability) <= bound for count in counts)


def divergence(frequency: float, probability: float) -> float:
    """Compute the relative entropy, in nats; by Chernoff's bound, `exp(-trials * divergence)` bounds the chance of such a frequency."""
    sides = ((frequency, probability), (1 - frequency, 1 - probability))
    return sum(seen * math.log(seen / fair) for seen, fair in sides if seen)
