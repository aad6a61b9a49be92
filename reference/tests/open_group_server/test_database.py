"""The database: versions, groups of work, failures."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from cloister.open_group_server import database as databases
from cloister.open_group_server import operation, people, rooms
from cloister.open_group_server.database import MIGRATIONS, VERSION, Database, NewerDatabase, commit
from cloister.open_group_server.tables import METADATA
from cloister.serving.server_file import UnusableFile
from cloister.serving.writer import CannotWrite
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError


def add(token: str) -> Callable[[Connection], None]:
    """Work that adds a room."""
    return lambda connection: rooms.add_room(connection, token, {"name": token}, now_s=0)


def list_tokens(database: Database) -> list[str]:
    with database.engine.begin() as connection:
        return [room.token for room in rooms.list_rooms(connection)]


# Versions


def test_the_newest_version_is_that_of_the_code() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [VERSION]


def test_the_migrations_make_the_tables_of_the_code(world: Any) -> None:
    opened = world.open_database()
    with opened.engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        indexes = {
            index["name"]
            for name in METADATA.tables
            for index in inspect(connection).get_indexes(name)
            if "unique" not in str(index.get("duplicates_constraint"))
        }
    assert {index.name for table in METADATA.tables.values() for index in table.indexes} <= indexes
    opened.close()


def test_a_database_of_the_first_version_is_brought_up_to_date(world: Any) -> None:
    """Made by its migration alone, with a room in it."""
    engine = databases.open_engine(world.url or f"sqlite:///{world.folder / 'old.sqlite'}")
    with engine.begin() as connection:
        databases.upgrade(connection, "1")
        rooms.add_room(connection, "old", {"name": "Old"}, now_s=1)
    with engine.begin() as connection:
        databases.migrate(connection)
        assert databases.read_version(connection) == VERSION
        assert [room.name for room in rooms.list_rooms(connection)] == ["Old"]
    engine.dispose()


def test_a_newer_database_is_left_alone(world: Any) -> None:
    opened = world.open_database()
    with opened.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '999'"))
    opened.close()
    with pytest.raises(NewerDatabase, match="the database has version 999, this server knows version"):
        world.open_database()


@pytest.mark.parametrize("url", ["", "x", "mysql://a/b", "postgresql+nothing://a/b", "sqlite"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UnusableFile, match="database is no URL of SQLite or PostgreSQL"):
        Database(url)


# Work


def test_work_that_fails_takes_nothing_of_the_others_with_it(world: Any) -> None:
    opened = world.open_database()

    def fail(connection: Connection) -> None:
        add("half")(connection)
        raise ValueError("no")

    outcomes = commit(opened.engine, [add("a"), fail, add("b")])
    assert [type(outcome) for outcome in outcomes] == [type(None), ValueError, type(None)]
    assert list_tokens(opened) == ["a", "b"]
    outcomes = commit(opened.engine, [add("c"), add("a"), add("d")])
    assert [type(outcome) for outcome in outcomes] == [type(None), CannotWrite, type(None)]
    assert list_tokens(opened) == ["a", "b", "c", "d"]
    opened.close()


def test_work_that_lost_against_another_process_is_done_again(world: Any) -> None:
    opened = world.open_database()
    tries = []

    class Deadlock(Exception):
        sqlstate = "40P01"

    def work(connection: Connection) -> str:
        tries.append(None)
        add(f"room{len(tries)}")(connection)
        if len(tries) < 3:
            raise OperationalError("", {}, Deadlock())
        return "done"

    assert asyncio.run(opened.do(work)) == "done"
    assert list_tokens(opened) == ["room3"]
    opened.close()


def test_nobody_is_answered_before_the_commit(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = world.open_database()
    seen: list[list[str]] = []

    async def play() -> None:
        await opened.do(add("a"))
        other = databases.open_engine(str(opened.engine.url.render_as_string(hide_password=False)))
        with other.begin() as connection:
            seen.append([room.token for room in rooms.list_rooms(connection)])
        other.dispose()

    asyncio.run(play())
    assert seen == [["a"]]
    opened.close()


def test_what_sqlite_promises(alone: Any) -> None:
    opened = alone.open_database()
    with opened.engine.begin() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}
    opened.close()


def test_rooms_of_the_file_are_made_once(world: Any) -> None:
    opened = world.open_database()
    listed = [{"token": "a", "name": "A", "default_write": False}, {"token": "b", "name": "B"}]
    with opened.engine.begin() as connection:
        assert operation.create_rooms(connection, listed, now_s=1) == 2
        assert operation.create_rooms(connection, listed, now_s=2) == 0
        first, second = rooms.list_rooms(connection)
        assert (first.settings.default_write, second.settings.default_write) == (False, True)
    opened.close()


def test_a_ban_waits_for_a_right_that_another_process_is_giving(world: Any) -> None:
    """OG-21 holds for two processes on one PostgreSQL; on SQLite there is one."""
    if world.url is None:
        pytest.skip("two processes share a PostgreSQL, not a SQLite")
    world.start()
    opened, bob = world.open_database(), world.account("bob")
    with ThreadPoolExecutor() as pool, opened.engine.begin() as connection:
        room = rooms.find_room(connection, "tea")
        people.change_role(connection, room.number, bob, operation.MODERATOR)
        banning = pool.submit(world.ask, "operator", "POST", f"/user/{bob}/ban", {"rooms": ["tea"]})
        with suppress(TimeoutError):
            banning.result(1)
        assert not banning.done()
        connection.commit()
        assert banning.result(20).status_code == 403
    opened.close()
