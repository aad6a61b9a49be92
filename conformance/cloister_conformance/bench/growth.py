"""What a retrieve and a store cost a node that holds few messages, and one that holds many. Wall time, one after the other.

The queries of a retrieve are measured alone, too, by their CPU time: within a whole request they could grow and hardly be seen.
"""

import secrets
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

from cloister import proof_of_work, storage
from cloister.service_node import database
from cloister.swarm import Network

from cloister_conformance.bench import rounds
from cloister_conformance.bench.rounds import Growth, Round, build_round, find_quartiles
from cloister_conformance.bench.servers import (
    NODE,
    TTL_MS,
    Connections,
    build_retrieve,
    build_stores,
    make_data,
    serve,
)

SMALLEST = 1000
"""Messages that the first node holds."""
MESSAGES_OF_RECIPIENT = 100
ASKED = 500
"""Different retrieves that rounds choose from."""
ASKED_SHARE = 0.8
"""The share of messages, the oldest, behind which retrieves ask: there is a whole page behind each."""

FILL = """
INSERT INTO message (recipient, hash, data, timestamp_ms, ttl_ms, nonce, expiration_ms)
WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < :count)
SELECT '05' || printf('%064x', n % :recipients), lower(hex(randomblob(64))), :data, :now_ms, :ttl_ms, :nonce,
       :now_ms + :ttl_ms
FROM number
"""
PICK = "SELECT recipient, hash FROM message WHERE id = ?"
FIND_LAST = "SELECT id FROM message WHERE hash = ? AND recipient = ?"

Place = tuple[str, str]
"""A recipient, and the hash of a message for it."""


def measure(seconds: float, messages: int, tell: Callable[[str], object]) -> list[Growth]:
    """Measure nodes that hold up to so many messages, all in the same rounds."""
    operations: dict[str, dict[int, Round]] = {}
    with ExitStack() as stack:
        for size in choose_sizes(messages):
            tell(f"filling a node with {size:,} messages")
            for operation, round_ in build_rounds(stack, size, seconds).items():
                operations.setdefault(operation, {})[size] = round_
        tell(f"measuring nodes that hold up to {messages:,} messages")
        return [growth for operation, by_size in operations.items() for growth in compare_all(operation, by_size)]


def build_rounds(stack: ExitStack, size: int, seconds: float) -> dict[str, Round]:
    """Start a node that holds so many messages; build the rounds of each operation."""
    node = stack.enter_context(serve(NODE, partial(fill, size)))
    connections = stack.enter_context(Connections(node.port, 1))
    connection = stack.enter_context(closing(database.connect(node.files / "data" / database.FILE)))
    places = pick_places(connection, size)
    bodies = [build_retrieve(recipient, last_hash) for recipient, last_hash in places]
    retrieve = connections.prepare(lambda count: choose(bodies, count))
    return {
        "retrieve": build_round(retrieve, seconds, time.perf_counter),
        "its queries alone": build_round(lambda count: prepare_queries(connection, choose(places, count)), seconds),
        "store": build_round(connections.prepare(build_stores), seconds, time.perf_counter),
    }


def choose_sizes(messages: int) -> list[int]:
    """Choose powers of ten up to a number, and the number."""
    sizes = [messages]
    size = SMALLEST
    while size < messages:
        sizes.insert(-1, size)
        size *= 10
    return sizes


def fill(count: int, folder: Path) -> None:
    """Put so many messages into the folder of a node's data, each recipient's among all the others."""
    with closing(sqlite3.connect(folder / database.FILE, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {database.PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")  # 500 MB: hashes come in no order
        database.create(connection, Network(height=0, swarms=()))
        connection.execute(
            FILL,
            {
                "count": count,
                "recipients": -(-count // MESSAGES_OF_RECIPIENT),
                "data": make_data(),
                "now_ms": time.time_ns() // 1_000_000,
                "ttl_ms": TTL_MS,
                "nonce": proof_of_work.encode_nonce(0),
            },
        )


def pick_places(connection: sqlite3.Connection, size: int) -> list[Place]:
    """Pick places in a database that has been filled, with a whole page behind each."""
    oldest = int(size * ASKED_SHARE)
    return [connection.execute(PICK, (secrets.randbelow(oldest) + 1,)).fetchone() for _ in range(ASKED)]


def choose(among: Sequence[Any], count: int) -> list[Any]:
    """Choose so many, any as often as it comes."""
    return [secrets.choice(among) for _ in range(count)]


def prepare_queries(connection: sqlite3.Connection, places: list[Place]) -> Callable[[], None]:
    """Prepare what a node asks its database for each retrieve."""
    now_ms = time.time_ns() // 1_000_000

    def perform() -> None:
        for recipient, last_hash in places:
            (last,) = connection.execute(FIND_LAST, (last_hash, recipient)).fetchone()
            connection.execute(database.FIND_PAGE, (recipient, last, now_ms, storage.PAGE_MESSAGES)).fetchall()

    return perform


def compare_all(operation: str, by_size: dict[int, Round]) -> Iterable[Growth]:
    """Measure an operation on all nodes in turn, from the smallest to the largest and back."""
    times: dict[int, list[float]] = {size: [] for size in by_size}
    for number in range(rounds.ROUNDS):
        for size in sorted(by_size, reverse=bool(number % 2)):
            times[size].append(by_size[size]())
    smallest = times[min(times)]
    for size, seconds in times.items():
        low, ratio, high = find_quartiles([mine / other for mine, other in zip(seconds, smallest, strict=True)])
        yield Growth(
            operation=operation,
            messages=size,
            milliseconds=1000 * statistics.median(seconds),
            ratio=ratio,
            low=low,
            high=high,
        )
