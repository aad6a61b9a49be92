"""Measures all that was asked for."""

import os

import cloister

from cloister_conformance.bench import adapters, harness, pairwise, reference
from cloister_conformance.bench.rounds import BenchReport
from cloister_conformance.implementation import Implementation

SECONDS = 1.0
"""How long each figure is measured unless the user says otherwise."""


def measure(implementation: Implementation | None, *, seconds: float = SECONDS) -> BenchReport:
    """Measure for so many seconds a figure; without an implementation, the reference and the harness only.

    Raises:
        BrokenAdapter, HungAdapter: the implementation did not answer.
    """
    comparisons = [*reference.measure(seconds), *pairwise.measure(seconds)]
    if implementation:
        comparisons += adapters.measure(implementation, seconds)
    return BenchReport(
        cloister=cloister.__version__,
        cores=os.cpu_count() or 1,
        implementation=implementation.name if implementation else None,
        comparisons=comparisons,
        quantities=harness.measure(seconds),
    )
