"""What is asked for each request is answered from an index, so that a room may fill: the plans of SQLite."""

import re
from pathlib import Path
from typing import Any

import pytest
from cloister.open_group_server import files, messages, people, rooms
from cloister.open_group_server.database import Database
from sqlalchemy.dialects import sqlite

PLANS = {
    "messages_sequence": messages.SINCE.rows,
    "messages_standing": messages.NEWEST.rows,
    "messages_standing (room=? AND id<?)": messages.BEFORE.rows,
    "messages_same": messages.FIND_SAME,
    "messages_posted": people.FIND_LAST_POST,
    "post_times_account": people.LIST_POST_TIMES,
    "standings_staff": people.LIST_STAFF,
    "standings_active": rooms.COUNT_ACTIVE,
    "files_message": files.LIST_OF_MESSAGES,
}


@pytest.mark.parametrize(("index", "statement"), PLANS.items())
def test_what_is_asked_for_is_found_by_an_index(index: str, statement: Any, tmp_path: Path) -> None:
    compiled = statement.compile(dialect=sqlite.dialect(paramstyle="named"))
    asked = re.sub(r"\(__\[POSTCOMPILE_\w+\]\)", "(1, 2)", str(compiled))
    opened = Database(f"sqlite:///{tmp_path / 'plans.sqlite'}")
    with opened.engine.begin() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", dict.fromkeys(compiled.params, 1)).all()
    opened.close()
    plan = "; ".join(str(row[3]) for row in rows)
    assert f"INDEX {index}" in plan
    assert "SCAN" not in plan
