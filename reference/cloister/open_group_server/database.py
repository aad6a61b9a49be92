"""The database of an open-group server, SQLite or PostgreSQL, and the one thread that works on it.

Clauses: OG-26, OG-43

- A piece of work is done in a savepoint of its own, and committed together with those that wait beside it: one that
  fails takes nothing of the others with it, and nobody is answered before the commit.
- Reads are pieces of work too. What a commit shows is on disk.
- Two processes may share one PostgreSQL. Work that changes a room begins with the room's row, and so waits for others.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from cloister.serving import log
from cloister.serving.server_file import UnusableFile
from cloister.serving.writer import CannotWrite, Writer

FILE = "open-groups.sqlite"
VERSION = "2"
"""Of the tables: the newest of `migrations`."""
MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x636C6F69737465
"""By which processes that share a PostgreSQL bring its tables up to date one after the other."""
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgresql+psycopg": "postgresql+psycopg"}
PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",
    "busy_timeout = 5000",
    "journal_size_limit = 16777216",
)
ATTEMPTS = 5
LOST_AGAINST_OTHERS = frozenset({"40001", "40P01"})
"""SQLSTATEs of a serialization failure and of a deadlock."""

Result = TypeVar("Result")
Work = Callable[[Connection], Any]


class NewerDatabase(Exception):
    """The tables are of a version that this server does not know."""


class UnusableDatabase(Exception):
    """The database cannot be opened; the message says why."""


class Database:
    """An open database, its tables up to date."""

    def __init__(self, url: str) -> None:
        """Open a database, and bring its tables up to date.

        Raises:
            UnusableFile: the URL is none.
            NewerDatabase: its tables are newer than this server.
            UnusableDatabase: it does not open.
        """
        self.engine = open_engine(url)
        try:
            with self.engine.begin() as connection:
                migrate(connection)
        except NewerDatabase:
            self.engine.dispose()
            raise
        except SQLAlchemyError as error:
            self.engine.dispose()
            raise UnusableDatabase(f"cannot open the database: {describe(error)}") from None
        self._writer: Writer[Connection] = Writer(partial(commit, self.engine))

    async def do(self, work: Callable[[Connection], Result]) -> Result:
        """Have a piece of work done; return when it is on disk. It may run twice, so its one effect is on the database.

        Raises:
            CannotWrite: the database refuses; nothing has changed.
            Exception: whatever the work raised; nothing has changed.
        """
        return await self._writer.do(work)

    def close(self) -> None:
        """Finish what waits, and close all connections."""
        self._writer.stop()
        self.engine.dispose()


def describe(error: SQLAlchemyError) -> str:
    """Say in one line what a database said."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return " ".join(str(cause).split())[:200]


def open_engine(url: str) -> Engine:
    """Open an engine whose commits are on disk when they return.

    Raises:
        UnusableFile: the URL is none of SQLite or PostgreSQL, or psycopg is not installed.
    """
    try:
        parsed = make_url(url)
        driver = DRIVERS[parsed.drivername]
        if driver == "sqlite":
            return open_sqlite(url)
        options = {"options": "-c synchronous_commit=on", "connect_timeout": 5}
        return create_engine(parsed.set(drivername=driver), connect_args=options)
    except (ArgumentError, KeyError, NoSuchModuleError):
        raise UnusableFile("database is no URL of SQLite or PostgreSQL") from None
    except ImportError:
        raise UnusableFile("database is of PostgreSQL: install cloister[postgresql]") from None


def open_sqlite(url: str) -> Engine:
    """Open an engine for SQLite whose transactions begin as writers, so that none fails in its midst."""
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:  # noqa: ANN401 - sqlite3's
        connection.isolation_level = None
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


# Versions


def migrate(connection: Connection) -> None:
    """Bring the tables up to date.

    Raises:
        NewerDatabase: they are newer than this server.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    version = read_version(connection)
    if version == VERSION:
        return
    if version is not None and int(version) > int(VERSION):
        raise NewerDatabase(f"the database has version {version}, this server knows version {VERSION}")
    upgrade(connection)


def read_version(connection: Connection) -> str | None:
    """Read the version of the tables, None if there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(connection: Connection, version: str = VERSION) -> None:
    """Have Alembic bring the tables to a version."""
    from alembic import command  # noqa: PLC0415 - half a second, and seldom needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, version)


# Transactions


def commit(engine: Engine, group: Sequence[Work]) -> list[Any]:
    """Do a group of work in one transaction; if the database fails, each for itself.

    Returns results, and exceptions in their place.
    Clauses: OG-26, OG-43
    """
    try:
        return try_again(engine, group)
    except SQLAlchemyError as error:
        if len(group) > 1:
            return [outcome for work in group for outcome in commit(engine, [work])]
        log.note("the database failed", level=logging.ERROR, error=error)
        return [CannotWrite(type(error).__name__)]


def try_again(engine: Engine, group: Sequence[Work]) -> list[Any]:
    """Do a group of work in one transaction; again if it lost against another process, or the connection was gone."""
    for _ in range(ATTEMPTS - 1):
        try:
            return do_all(engine, group)
        except DBAPIError as error:
            if not is_worth_a_try(error):
                raise
    return do_all(engine, group)


def is_worth_a_try(error: DBAPIError) -> bool:
    """Tell whether the same may go well the next time, and has not been done."""
    return getattr(error.orig, "sqlstate", None) in LOST_AGAINST_OTHERS


def do_all(engine: Engine, group: Sequence[Work]) -> list[Any]:
    """Do a group of work in one transaction."""
    with engine.begin() as connection:
        return [do_one(connection, work) for work in group]


def do_one(connection: Connection, work: Work) -> Any:  # noqa: ANN401 - the result of the work
    """Do a piece of work in a savepoint; return its result, or the exception that undid it.

    Clauses: OG-26
    """
    try:
        with savepoint(connection, "work"):
            return work(connection)
    except SQLAlchemyError:
        raise
    except Exception as error:  # noqa: BLE001 - it belongs to who waits
        return error


@contextmanager
def savepoint(connection: Connection, name: str) -> Iterator[None]:
    """Undo what is done inside if it raises, and nothing else; if the database fails, all of the transaction is undone.

    SQLAlchemy's own savepoints are compiled anew each time, which takes longer than most statements.
    """
    connection.exec_driver_sql(f"SAVEPOINT {name}")
    try:
        yield
    except SQLAlchemyError:
        raise
    except BaseException:
        connection.exec_driver_sql(f"ROLLBACK TO SAVEPOINT {name}")
        connection.exec_driver_sql(f"RELEASE SAVEPOINT {name}")
        raise
    connection.exec_driver_sql(f"RELEASE SAVEPOINT {name}")


def choose_insert(dialect: str) -> Callable[[Table], Any]:
    """Choose the insert of a database, which knows `ON CONFLICT`."""
    return postgresql.insert if dialect == "postgresql" else sqlite.insert


def upsert(
    connection: Connection,
    table: Table,
    keys: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    others: Mapping[str, Any] | None = None,
) -> None:
    """Update the row with these keys, or insert it, then with others too."""
    statement = build_upsert(connection.dialect.name, table, tuple(keys), tuple(values))
    connection.execute(statement, {**(others or {}), **keys, **values})


@cache
def build_upsert(dialect: str, table: Table, keys: tuple[str, ...], values: tuple[str, ...]) -> Any:  # noqa: ANN401 - SQLAlchemy's
    """Build the insert of rows that updates these values of one with the same keys."""
    statement = choose_insert(dialect)(table)
    changes = {name: statement.excluded[name] for name in values}
    return statement.on_conflict_do_update(index_elements=keys, set_=changes)
