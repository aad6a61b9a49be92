"""Measures all of the network: a node alone, onions, hops, and nodes that fill."""

import os
from collections.abc import Callable

import cloister

from cloister_conformance.bench import growth, hops, node, onion
from cloister_conformance.bench.rounds import NetworkReport


def measure(*, seconds: float, messages: int, tell: Callable[[str], object]) -> NetworkReport:
    """Measure for so many seconds a figure, on nodes that hold up to so many messages; tell in words what is being done.

    Raises:
        BrokenAdapter, HungAdapter: a node did not serve.
    """
    tell("measuring onions")
    comparisons = onion.measure(seconds)
    tell("measuring a node")
    comparisons = [*node.measure(seconds), *comparisons]
    tell("measuring three hops")
    comparisons += hops.measure(seconds)
    return NetworkReport(
        cloister=cloister.__version__,
        cores=os.cpu_count() or 1,
        comparisons=comparisons,
        growth=growth.measure(seconds, messages, tell),
    )
