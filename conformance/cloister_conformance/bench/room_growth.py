"""What each request costs a server whose room holds few posts, and one whose room holds many. Wall time, one after the other.

The statements of a poll are measured alone, too: within a whole request they could grow and hardly be seen.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import cycle

from cloister.open_group_server.database import Database
from cloister.server_id import SigningId
from cloister.signed_request import Request
from sqlalchemy import Connection, text

from cloister_conformance.bench.growth import choose_sizes, compare_all
from cloister_conformance.bench.rooms import (
    DATA_BYTES,
    ROOM,
    ROOM_NUMBER,
    Build,
    Lines,
    build_poll,
    build_posts,
    make_account,
    make_operator,
    serve,
    sign,
)
from cloister_conformance.bench.rounds import Growth, Round, build_round
from cloister_conformance.transport import BrokenAdapter

ACCOUNTS = 500
"""So many that none of them posts more than an account may."""
POSTS_OF_AUTHOR = 100
PAGE = 10
BEHIND = 10
"""Posts behind the cursor of a poll when it begins; then more, of which a page is given."""
FILLED_AT_ONCE = 100_000
DELETED_SHARE = 0.5

NUMBERS = {
    "sqlite": "WITH RECURSIVE number (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM number WHERE n < :last)",
    "postgresql": "WITH number (n) AS (SELECT generate_series(CAST(:first AS bigint), CAST(:last AS bigint)))",
}
AUTHOR = {"sqlite": "printf('%064x', n % :authors)", "postgresql": "lpad(to_hex(n % :authors), 64, '0')"}
DIGEST = {"sqlite": "randomblob(32)", "postgresql": "sha256(CAST(CAST(n AS text) AS bytea))"}
DATA = {
    "sqlite": "randomblob(:size), randomblob(64)",
    "postgresql": "decode(repeat(md5(CAST(n AS text)), :size / 16), 'hex'), decode(repeat(md5(CAST(n AS text)), 4), 'hex')",
}
FILL = """
INSERT INTO messages (room, account, session_id, posted, seqno, digest, data, signature)
{numbers} SELECT :room, '05' || {author}, '15' || {author}, :now_s, n, {digest}, {data} FROM number
"""
FILL_STANDINGS = """
INSERT INTO standings (room, account, moderator, administrator, visible, banned, invited, last_post)
SELECT room, account, false, false, true, false, false, max(posted) FROM messages GROUP BY room, account
"""
COUNT_FILLED = "UPDATE rooms SET message_sequence = :count WHERE id = :room"


def measure(url: str | None, database: str, seconds: float, posts: int, tell: Callable[[str], object]) -> list[Growth]:
    """Measure servers whose rooms hold up to so many posts, all in the same rounds."""
    operations: dict[str, dict[int, Round]] = {}
    with ExitStack() as stack:
        for size in choose_sizes(posts):
            tell(f"{database}: filling a room with {size:,} posts")
            for operation, round_ in build_rounds(stack, url, size, seconds).items():
                operations.setdefault(operation, {})[size] = round_
        tell(f"{database}: measuring rooms that hold up to {posts:,} posts")
        return [growth for operation, by_size in operations.items() for growth in compare_all(operation, by_size)]


def build_rounds(stack: ExitStack, url: str | None, size: int, seconds: float) -> dict[str, Round]:
    """Start a server whose room holds so many posts; build the rounds of each operation."""
    server = stack.enter_context(serve(url, partial(fill, size)))
    lines = stack.enter_context(Lines(server.port, 1))
    reader, operator = make_account(), make_operator()
    builds: dict[str, Build] = {
        "since, near the end": build_all(lambda: build_poll(reader, size - BEHIND, PAGE)),
        "recent": build_all(lambda: read(reader, "messages/recent")),
        "before, anywhere": build_all(lambda: read(reader, f"messages/before/{random.randint(PAGE, size)}")),
        "pollInfo": build_all(lambda: sign(reader, "GET", f"/room/{ROOM}/pollInfo/0")),
        "post": build_posts(cycle([make_account() for _ in range(ACCOUNTS)])),
        "deletion": build_deletions(operator, choose_deleted(size)),
    }
    return {
        operation: build_round(lines.prepare(build), seconds, time.perf_counter) for operation, build in builds.items()
    }


def build_all(build: Callable[[], Request]) -> Build:
    """Build requests one by one."""
    return lambda count: [build() for _ in range(count)]


def read(reader: SigningId, what: str) -> Request:
    """Build a request for a page."""
    return sign(reader, "GET", f"/room/{ROOM}/{what}?limit={PAGE}")


def choose_deleted(size: int) -> Iterator[int]:
    """Choose posts that are deleted, in no order, each once."""
    return iter(random.sample(range(1, size + 1), int(size * DELETED_SHARE)))


def build_deletions(operator: SigningId, numbers: Iterator[int]) -> Build:
    """Build deletions, each of the next post."""

    def build(count: int) -> list[Request]:
        chosen = [number for number, _ in zip(numbers, range(count), strict=False)]
        if len(chosen) < count:
            raise BrokenAdapter("cannot be measured so long: all posts that may be are deleted")
        return [sign(operator, "DELETE", f"/room/{ROOM}/message/{number}") for number in chosen]

    return build


# Filling


def fill(count: int, database: Database) -> None:
    """Put so many posts into a room, of a hundredth as many authors, each author's among all the others."""
    dialect = database.engine.dialect.name
    with database.engine.connect() as connection:
        if dialect == "sqlite":
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA journal_mode = OFF")
            connection.exec_driver_sql("PRAGMA synchronous = OFF")
            connection.exec_driver_sql("PRAGMA cache_size = -500000")  # 500 MB: digests come in no order
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        fill_messages(connection, dialect, count)
        connection.execute(text(FILL_STANDINGS))
        connection.execute(text(COUNT_FILLED), {"count": count, "room": ROOM_NUMBER})
        connection.commit()
        connection.exec_driver_sql("ANALYZE") if dialect == "postgresql" else None


def fill_messages(connection: Connection, dialect: str, count: int) -> None:
    """Put posts into a room, so many in one statement that what waits fits into memory."""
    statement = FILL.format(
        numbers=NUMBERS[dialect], author=AUTHOR[dialect], digest=DIGEST[dialect], data=DATA[dialect]
    )
    for first in range(1, count + 1, FILLED_AT_ONCE):
        members = {
            "first": first,
            "last": min(count, first + FILLED_AT_ONCE - 1),
            "authors": -(-count // POSTS_OF_AUTHOR),
            "room": ROOM_NUMBER,
            "now_s": time.time(),
            "size": DATA_BYTES,
        }
        connection.execute(text(statement), members)
