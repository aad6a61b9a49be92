"""Measures all that was asked for."""

import os
from collections.abc import Sequence

import cloister

from cloister_conformance.bench import adapters, harness, pairwise, reference
from cloister_conformance.bench.rounds import BenchReport
from cloister_conformance.implementation import Implementation

SECONDS = 1.0
"""How long each figure is measured unless the user says otherwise."""


def measure(implementations: Sequence[Implementation], *, seconds: float = SECONDS) -> BenchReport:
    """Measure for so many seconds a figure: the reference, the harness, and the implementations.

    Raises:
        BrokenAdapter, HungAdapter: an implementation did not answer.
    """
    comparisons = [*reference.measure(seconds), *pairwise.measure(seconds)]
    for implementation in implementations:
        comparisons += adapters.measure(implementation, seconds)
    return BenchReport(
        cloister=cloister.__version__,
        cores=os.cpu_count() or 1,
        implementations=[implementation.name for implementation in implementations],
        comparisons=comparisons,
        quantities=harness.measure(seconds),
    )
