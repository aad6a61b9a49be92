"""What one address, and all requests together, may take: requests per second, bytes that they hold."""

import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MAX_ADDRESSES = 10_000
MAX_HELD_BYTES = 134_217_728
"""128 MiB of bodies and replies; what is made of one takes about as much again."""
SHARE = 4
"""One address may hold a quarter of it: more than the longest request with the longest reply."""
IPV6_PREFIX = 64
"""Bits of an IPv6 address that name a client, who has all addresses behind them."""


class Busy(Exception):
    """The server holds as much as it may."""


def name_client(address: str) -> str:
    """Name what an address counts as: itself, or the network of an IPv6 address; what is no IP address is its own name.

    Clauses: SW-16
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found), IPV6_PREFIX), strict=False))


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
    """What one request of a client holds."""

    def __init__(self, budget: "Budget", client: str) -> None:
        self._budget = budget
        self._client = client
        self.held = 0

    def add(self, size: int) -> None:
        """Hold more bytes.

        Raises:
            Busy: all requests together would hold too much, or those of this client.
        """
        self._budget.hold(self._client, size)
        self.held += size


class Budget:
    """The bytes that all requests together may hold, and those of one client."""

    def __init__(self, limit: int = MAX_HELD_BYTES) -> None:
        self._limit = limit
        self._held: Counter[str] = Counter()
        self.held = 0

    @contextmanager
    def claim(self, client: str) -> Iterator[Claim]:
        """Hold bytes for the time of a request of a client."""
        claim = Claim(self, client)
        try:
            yield claim
        finally:
            self.hold(client, -claim.held)

    def hold(self, client: str, size: int) -> None:
        """Hold more bytes for a client, or give some back.

        Raises:
            Busy: it would be too much.
        """
        if size > 0 and (self.held + size > self._limit or self._held[client] + size > self._limit // SHARE):
            raise Busy
        self.held += size
        self._held[client] += size
        if not self._held[client]:
            del self._held[client]
