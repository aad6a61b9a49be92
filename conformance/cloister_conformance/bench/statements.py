"""The statements that an open-group server sends its database: recorded from its own code, and sent again without it.

What is recorded on one database is sent, statement by statement, to another that began in the same way. So the same rows
come about with the same ids, in transactions of as many requests as a busy server commits together.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cloister.open_group_server.answering import Answering
from cloister.open_group_server.asked import Settings
from cloister.open_group_server.database import Database
from cloister.open_group_server.file_store import FileStore
from cloister.signed_request import Request
from sqlalchemy import event

from cloister_conformance.bench.rooms import SERVER_KEY, Build, name_database, open_database
from cloister_conformance.bench.rounds import Prepare
from cloister_conformance.bench.servers import CONNECTIONS
from cloister_conformance.open_group_target import BASE_SETTINGS
from cloister_conformance.transport import BrokenAdapter

BEGIN = "BEGIN IMMEDIATE"

Statement = tuple[str, Any]
"""As the driver takes it, with its parameters."""


class Recorder:
    """A server without HTTP, which notes what it sends its database."""

    def __init__(self, database: Database, folder: Path) -> None:
        operator = str(BASE_SETTINGS["operator"])
        settings = Settings(server_key=SERVER_KEY, operator=operator, blinding_required=True, max_bytes=None)
        self._store = FileStore(folder, shared=True)
        self._answering = Answering(settings, database, self._store, lambda: time.time_ns() // 1_000_000)
        self._statements: list[Statement] = []
        event.listen(database.engine, "before_cursor_execute", self._note)

    def close(self) -> None:
        """Let the folder go."""
        self._store.close()

    def _note(self, _: object, __: object, statement: str, parameters: Any, *___: object) -> None:  # noqa: ANN401
        if statement != BEGIN:
            self._statements.append((statement, parameters))

    def record(self, requests: Sequence[Request]) -> list[list[Statement]]:
        """Answer requests one after the other; return the statements of each.

        Raises:
            BrokenAdapter: an answer is no success.
        """
        return asyncio.run(self._record(requests))

    async def _record(self, requests: Sequence[Request]) -> list[list[Statement]]:
        recorded = []
        for request in requests:
            self._statements = []
            reply = await self._answering.answer_one(request, self._answering.identify(request))
            if not 200 <= reply.status <= 299:
                raise BrokenAdapter(f"answered {request.target} with {reply.status} {reply.body[:100]!r}")
            recorded.append(self._statements)
        return recorded


class Replayer:
    """A connection of the driver alone."""

    def __init__(self, database: Database) -> None:
        self._connection = database.engine.raw_connection()
        self._is_sqlite = database.engine.dialect.name == "sqlite"

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def replay(self, recorded: Sequence[Sequence[Statement]]) -> None:
        """Send the statements of requests, in transactions of so many requests as a busy server commits together."""
        cursor = self._connection.cursor()
        for start in range(0, len(recorded), CONNECTIONS):
            if self._is_sqlite:
                cursor.execute(BEGIN)
            for statements in recorded[start : start + CONNECTIONS]:
                for statement, parameters in statements:
                    cursor.execute(statement, parameters)
                    if cursor.description:
                        cursor.fetchall()
            self._connection.commit()


@contextmanager
def open_replay(url: str | None) -> Iterator[Callable[[Build], Prepare]]:
    """Open two databases, one to record on and one to send to; give what prepares requests so."""
    with (
        TemporaryDirectory(prefix="cloister-bench-") as recorded_in,
        TemporaryDirectory(prefix="cloister-bench-") as replayed_in,
        name_database(url, Path(recorded_in)) as recorded_name,
        name_database(url, Path(replayed_in)) as replayed_name,
        open_database(recorded_name) as recorded_on,
        open_database(replayed_name) as replayed_on,
        closing(Recorder(recorded_on, Path(recorded_in))) as recorder,
        closing(Replayer(replayed_on)) as replayer,
    ):

        def prepare_requests(build: Build) -> Prepare:
            def prepare(count: int) -> Callable[[], object]:
                recorded = recorder.record(build(count))
                return lambda: replayer.replay(recorded)

            return prepare

        yield prepare_requests
