"""What one address, and all requests together, may take: requests per second, bytes in memory."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MAX_ADDRESSES = 10_000
MAX_HELD_BYTES = 134_217_728
"""128 MiB of bodies and replies; what is made of one takes about as much again."""


class Busy(Exception):
    """The node holds as much as it may."""


class RateLimit:
    """A token bucket for each address; of too many addresses the one that was quiet for the longest time is forgotten.

    Clauses: SW-16
    """

    def __init__(self, per_second: float, burst: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when they were counted

    def take(self, address: str) -> bool:
        """Take a token for a request; tell whether there was one."""
        tokens = self._count(address)
        allowed = tokens >= 1
        self._buckets[address] = (tokens - allowed, self._clock())
        self._buckets.move_to_end(address)
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return allowed

    def has_token(self, address: str) -> bool:
        """Tell whether there is a token, and leave it."""
        return self._count(address) >= 1

    def _count(self, address: str) -> float:
        tokens, counted = self._buckets.get(address, (self._burst, self._clock()))
        return min(self._burst, tokens + (self._clock() - counted) * self._per_second)


class Claim:
    """What one request holds."""

    def __init__(self, budget: "Budget") -> None:
        self._budget = budget
        self.held = 0

    def add(self, size: int) -> None:
        """Hold more bytes.

        Raises:
            Busy: all requests together would hold too much.
        """
        if self._budget.held + size > self._budget.limit:
            raise Busy
        self._budget.held += size
        self.held += size


class Budget:
    """The bytes that all requests together may hold."""

    def __init__(self, limit: int = MAX_HELD_BYTES) -> None:
        self.limit = limit
        self.held = 0

    @contextmanager
    def claim(self) -> Iterator[Claim]:
        """Hold bytes for the time of a request."""
        claim = Claim(self)
        try:
            yield claim
        finally:
            self.held -= claim.held
