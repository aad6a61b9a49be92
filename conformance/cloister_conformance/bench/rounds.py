"""Two things measured side by side, in rounds.

- A ratio is the time of the one divided by the time of the other in the same round: below 1 is faster, and whatever else
  the machine does slows both. The median of the rounds counts; the spread is their middle half.
- Inside of one process the CPU time is taken, which does not count the time of others; through a pipe, the wall time.
"""

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydantic import BaseModel

ROUNDS = 12
"""An even number, so that each of the two goes first equally often."""

TRIAL_OPERATIONS = 10

Clock = Callable[[], float]
"""Seconds: `time.process_time` or `time.perf_counter`."""

Prepare = Callable[[int], Callable[[], object]]
"""Prepares so many operations, untimed, and returns what performs them."""

Round = Callable[[], float]
"""Performs one round and returns the seconds that one operation took."""


class Comparison(BaseModel):
    """One thing beside another; rates are operations a second."""

    group: str
    name: str
    beside: str
    rate: float
    beside_rate: float
    ratio: float
    low: float
    high: float
    aim: float | None = None
    """The highest ratio that is aimed at."""
    implementation: str = ""
    """Whose speed this is, if it was measured through its adapter."""


class Quantity(BaseModel):
    """A figure of the harness that is no ratio."""

    name: str
    value: float
    low: float
    high: float
    unit: str
    aim: str


class BenchReport(BaseModel):
    """What was measured."""

    cloister: str
    cores: int
    implementations: list[str]
    comparisons: list[Comparison]
    quantities: list[Quantity]


class Growth(BaseModel):
    """What an operation costs a server that holds so many messages; the ratio is to the one that holds the fewest."""

    operation: str
    messages: int
    milliseconds: float
    ratio: float
    low: float
    high: float


class NetworkReport(BaseModel):
    """What was measured of the network."""

    cloister: str
    cores: int
    comparisons: list[Comparison]
    growth: list[Growth]


class Crowd(BaseModel):
    """Members who polled a room in turn, on connections of their own, while some posted.

    The latencies are multiples of a poll's when nobody else asks. `complete` members saw each post exactly once.
    """

    members: int
    posts: int
    polls: int
    polls_per_second: float
    alone_milliseconds: float
    median: float
    p95: float
    p99: float
    longest: float
    reopened: int
    complete: int


class RoomsReport(BaseModel):
    """What was measured of an open-group server on one database."""

    database: str
    comparisons: list[Comparison]
    growth: list[Growth]
    crowd: Crowd


class OpenGroupReport(BaseModel):
    """What was measured of open-group servers."""

    cloister: str
    cores: int
    servers: list[RoomsReport]


def compare(
    group: str, name: str, round_: Round, beside: str, beside_round: Round, aim: float | None = None
) -> Comparison:
    """Measure two things in turn."""
    ours, theirs = [], []
    for number in range(ROUNDS):
        if number % 2:
            theirs.append(beside_round())
            ours.append(round_())
        else:
            ours.append(round_())
            theirs.append(beside_round())
    low, ratio, high = find_quartiles([mine / other for mine, other in zip(ours, theirs, strict=True)])
    return Comparison(
        group=group,
        name=name,
        beside=beside,
        rate=1 / statistics.median(ours),
        beside_rate=1 / statistics.median(theirs),
        ratio=ratio,
        low=low,
        high=high,
        aim=aim,
    )


def build_round(prepare: Prepare, seconds: float, clock: Clock = time.process_time) -> Round:
    """Build a round that takes its share of these seconds; half of them belong to what is beside it."""
    share = seconds / (2 * ROUNDS)
    count = max(1, round(share / time_batch(prepare, TRIAL_OPERATIONS, clock)))
    return lambda: time_batch(prepare, count, clock)


def time_batch(prepare: Prepare, count: int, clock: Clock) -> float:
    """Return the seconds that one of so many operations takes."""
    perform = prepare(count)
    with without_garbage_collection():
        start = clock()
        perform()
        return max(clock() - start, 1e-9) / count


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Keep the collection of other people's garbage out of a measurement."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def repeat(function: Callable[[], object]) -> Prepare:
    """Prepare an operation that needs no preparation."""

    def prepare(count: int) -> Callable[[], object]:
        def perform() -> None:
            for _ in range(count):
                function()

        return perform

    return prepare


def find_quartiles(values: list[float]) -> tuple[float, float, float]:
    """Find the lower quartile, the median and the upper quartile."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high


def find_percentile(ordered: list[float], percent: int) -> float:
    """Find the value below which so many percent of ordered values are."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
