"""The process of an open-group server: from the server file to the last commit."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy import Connection

from cloister.open_group_server import files, operation, people, server_file
from cloister.open_group_server.answering import Answering
from cloister.open_group_server.app import build_app
from cloister.open_group_server.asked import Settings
from cloister.open_group_server.batches import Server
from cloister.open_group_server.database import Database, NewerDatabase, UnusableDatabase
from cloister.open_group_server.file_store import FileStore
from cloister.open_group_server.metrics import Metrics
from cloister.open_group_server.server_file import ServerFile
from cloister.serving import log, process
from cloister.serving.clock import Clock, open_clock
from cloister.serving.process import COULD_NOT_RUN, USAGE, AddressInUse, complain, listen, stop_on_signals
from cloister.serving.server_file import UnusableFile
from cloister.serving.writer import CannotWrite

SWEEP_SECONDS = 10


def serve(path: Path, tell: Callable[[Connection, ServerFile], None] = lambda _, __: None) -> int:
    """Run a server until a signal stops it; return the exit code, 0 if nothing went wrong.

    Args:
        path: its server file.
        tell: is called when it is about to serve.
    """
    log.set_up()
    try:
        file = server_file.read(path)
        clock = open_clock(file.clock)
        with (
            closing(listen(file.host, file.port)) as listener,
            closing(FileStore(file.data, shared=file.database is not None)) as store,
            closing(Database(file.database_url)) as database,
        ):
            prepare(file, clock, store, database)
            with database.engine.begin() as connection:
                tell(connection, file)
            asyncio.run(run(build_server(file, clock, store, database), listener))
    except (UnusableFile, NewerDatabase) as error:
        return complain(error, USAGE)
    except (AddressInUse, UnusableDatabase) as error:
        return complain(error, COULD_NOT_RUN)
    log.note("stopped")
    return 0


def prepare(file: ServerFile, clock: Clock, store: FileStore, database: Database) -> None:
    """Make the rooms of the file, and remove what a sudden end has left behind."""
    with database.engine.begin() as connection:
        made = operation.create_rooms(connection, file.rooms, now_s=clock() / 1000)
        known = files.list_stored(connection) if store.is_alone else set()
    orphans = store.sweep(known) if store.is_alone else 0
    store.share()
    log.note("ready", rooms_made=made, orphans=orphans)


def build_server(file: ServerFile, clock: Clock, store: FileStore, database: Database) -> process.Server:
    """Build the HTTP server."""
    settings = Settings(
        server_key=file.keys.public[1:],
        operator=file.operator,
        blinding_required=file.blinding_required,
        max_bytes=file.max_bytes,
    )
    metrics = Metrics()
    server = Server(file.keys.private, Answering(settings, database, store, clock), metrics)
    app = build_app(
        server,
        metrics,
        sweeping(database, store, clock),
        rate=file.requests_per_second,
        burst=file.request_burst,
        seconds=file.timeout_seconds,
        show_metrics=file.metrics,
    )
    return process.build_server(app, seconds=file.timeout_seconds)


async def run(server: process.Server, listener: socket.socket) -> None:
    """Serve until a signal comes."""
    stop_on_signals(server)
    await server.serve(sockets=[listener])


def sweeping(
    database: Database, store: FileStore, clock: Clock
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Sweep before the first request, and as long as the application runs."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await sweep_once(database, store, clock)
        task = asyncio.create_task(sweep_for_ever(database, store, clock))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return lifespan


async def sweep_for_ever(database: Database, store: FileStore, clock: Clock) -> None:
    """Sweep again and again."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        await sweep_once(database, store, clock)


async def sweep_once(database: Database, store: FileStore, clock: Clock) -> None:
    """Remove what nobody may have any more.

    Clauses: OG-51
    """
    try:
        removed = await database.do(lambda connection: sweep(connection, clock() / 1000))
        await asyncio.to_thread(store.remove, removed)
    except (CannotWrite, OSError) as error:
        log.note("cannot sweep", level=logging.ERROR, error=error)


def sweep(connection: Connection, now_s: float) -> list[str]:
    """Remove what is over from the database; return the names of files on disk that are."""
    people.prune_nonces(connection, now_s=now_s)
    people.prune_post_times(connection, now_s=now_s)
    people.end_bans(connection, now_s=now_s)
    return files.remove_gone(connection, now_s=now_s)
