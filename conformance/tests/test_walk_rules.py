"""How the requests of a client are judged: what is allowed is not found at fault, and each rule finds what breaks it."""

from itertools import count

import pytest
from cloister_conformance.walk_rules import IN_FLIGHT, End, Walk, find_onion_fault, find_path_fault

NETWORK = "abcdefgh"
NUMBERS = count()


def walk(hops: str, end: End = "reply", *, missing: str = "", keys: tuple[str, ...] = ()) -> Walk:
    """Make a request of its nodes, each a letter; the last is the destination."""
    keys = keys or tuple(f"key {next(NUMBERS)}" for _ in hops)
    return Walk(connected=hops[0], hops=tuple(hops), ephemeral_keys=keys, end=end, missing=missing)


ONE, OTHER = walk("abcg"), walk("defg")
FAILED = walk("abcg", "failure")


def miss(node: str, hops: str = "abcg") -> Walk:
    """Make a request that did not find a node."""
    return walk(hops, "missing", missing=node)


@pytest.mark.parametrize(
    ("walks", "fault"),
    [
        ([], ""),
        ([walk("abcd"), walk("defa")], ""),
        ([Walk(connected="a", hops=(), ephemeral_keys=())], "what came to node a is no onion request"),
        ([walk("abcz")], "not in the client's network"),
        ([walk("abzd")], "not in the client's network"),
        ([walk("abd")], "a path has not 3 nodes"),
        ([walk("abcde")], "a path has not 3 nodes"),
        ([walk("abcb")], "stands on a path twice, or is its destination"),
        ([walk("abag")], "stands on a path twice"),
        ([walk("abcd", keys=("1", "2")), walk("defa", keys=("3", "2"))], "an ephemeral key came before"),
    ],
)
def test_single_requests_are_judged(walks: list[Walk], fault: str) -> None:
    found = find_onion_fault(walks, NETWORK)
    assert fault in found
    assert bool(fault) == bool(found)


@pytest.mark.parametrize(
    ("walks", "fault"),
    [
        ([ONE, OTHER] * 3, ""),
        ([ONE, OTHER, walk("hbcg")], "node h is connected to, although 2 guards work"),
        ([ONE, OTHER, FAILED, FAILED, walk("hbcg"), OTHER], ""),
        ([ONE, OTHER, FAILED, walk("hbcg")], "node h is connected to"),
        ([ONE, OTHER, FAILED, ONE, FAILED, walk("hbcg")], "node h is connected to"),
        ([ONE, OTHER, FAILED, FAILED, *[FAILED] * IN_FLIGHT], ""),
        ([ONE, OTHER, FAILED, FAILED, *[FAILED] * (IN_FLIGHT + 1)], "node a is used after it was given up"),
        ([FAILED, FAILED, *[walk("habg")] * (IN_FLIGHT + 1)], "node a is used after it was given up"),
        ([ONE, walk("abhg")], "although its nodes work"),
        ([miss("c"), walk("abhg")], "although its nodes work"),
        ([miss("c"), miss("c"), walk("abhg")], ""),
        ([miss("c"), miss("c"), ONE, walk("abhg"), ONE], ""),
        ([miss("c"), miss("c"), walk("ahcg")], "although its nodes work"),
        ([miss("c"), miss("c"), walk("ahfg")], "although its nodes work"),
        ([miss("c"), miss("c"), *[ONE] * (IN_FLIGHT + 1)], "node c is used after it was given up"),
        ([miss("g"), miss("g"), miss("g"), ONE, OTHER, walk("hbcg")], "node h is connected to"),
        ([FAILED, FAILED, walk("hbdg"), miss("b", "hbdg"), walk("hcdg")], ""),
        ([*[miss("c")] * 2, *[miss("h", "abhg")] * 2, walk("abdg")], ""),
        ([*[miss("c")] * 2, *[miss("h", "abhg")] * 2, *[miss("d", "abdg")] * 2, walk("efcg"), walk("gfca")], ""),
        (
            [*[miss("c")] * 2, *[miss("h", "abhg")] * 2, *[miss("d", "abdg")] * 2, *[walk("abeg")] * 4],
            "node a is used after",
        ),
        ([ONE, walk("dbfg"), ONE], "have a node in common"),
        ([ONE, OTHER, walk("dbfg"), miss("b"), miss("b"), walk("aecg")], "although its nodes work"),
    ],
)
def test_paths_are_judged(walks: list[Walk], fault: str) -> None:
    found = find_path_fault(walks)
    assert fault in found
    assert bool(fault) == bool(found)
