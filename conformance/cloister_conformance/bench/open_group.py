"""Measures all of an open-group server: what it answers in a second, a room that fills, and many who poll."""

import os
from collections.abc import Callable, Sequence

import cloister
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from cloister_conformance.bench import room_crowd, room_growth, room_rates
from cloister_conformance.bench.rounds import OpenGroupReport, RoomsReport
from cloister_conformance.transport import BrokenAdapter

SQLITE = "SQLite"


def measure(
    urls: Sequence[str], *, seconds: float, posts: int, members: int, tell: Callable[[str], object]
) -> OpenGroupReport:
    """Measure on SQLite, and on the PostgreSQL of each URL, for so many seconds a figure; tell in words what is being done.

    Raises:
        BrokenAdapter, HungAdapter: a server did not serve.
    """
    databases = [(None, SQLITE), *((url, name_kind(url)) for url in urls)]
    return OpenGroupReport(
        cloister=cloister.__version__,
        cores=os.cpu_count() or 1,
        servers=[measure_on(url, name, seconds, posts, members, tell) for url, name in databases],
    )


def measure_on(
    url: str | None, database: str, seconds: float, posts: int, members: int, tell: Callable[[str], object]
) -> RoomsReport:
    """Measure on one database."""
    tell(f"{database}: measuring posts and polls")
    comparisons = room_rates.measure(url, database, seconds)
    tell(f"{database}: measuring {members:,} members")
    crowd = room_crowd.measure(url, members)
    growth = room_growth.measure(url, database, seconds, posts, tell)
    return RoomsReport(database=database, comparisons=comparisons, growth=growth, crowd=crowd)


def name_kind(url: str) -> str:
    """Name the kind of a database.

    Raises:
        BrokenAdapter: it is no PostgreSQL.
    """
    try:
        kind = make_url(url).get_backend_name()
    except ArgumentError:
        kind = ""
    if kind != "postgresql":
        raise BrokenAdapter("cannot be measured: the database is no URL of a PostgreSQL")
    return "PostgreSQL"
