"""The process of a service node: from the node file to the last commit."""

import asyncio
import logging
import socket
from contextlib import closing
from pathlib import Path

from cloister.service_node import node_file
from cloister.service_node.app import build_app
from cloister.service_node.database import Database, UnusableData
from cloister.service_node.node import ServiceNode
from cloister.service_node.node_file import NodeFile
from cloister.serving import log, process
from cloister.serving.clock import open_clock
from cloister.serving.process import COULD_NOT_RUN, USAGE, AddressInUse, Server, complain, listen, stop_on_signals
from cloister.serving.server_file import UnusableFile

WATCH_SECONDS = 0.1
REQUEST_TIMEOUTS = 2
"""How many times the node's timeout a request may take behind its head, so that nobody who writes slowly stays for ever."""


def serve(path: Path) -> int:
    """Run a node until a signal stops it; return the exit code, 0 if nothing went wrong."""
    log.set_up()
    try:
        file = node_file.read(path)
        clock = open_clock(file.clock)
    except UnusableFile as error:
        return complain(error, USAGE)
    try:
        with (
            closing(listen(file.host, file.port)) as listener,
            closing(Database(file.data, file.keys.public, file.network, max_bytes=file.max_bytes)) as database,
        ):
            asyncio.run(run(ServiceNode(file, clock, database), file, path, listener))
    except (AddressInUse, UnusableData) as error:
        return complain(error, COULD_NOT_RUN)
    log.note("stopped")
    return 0


async def run(node: ServiceNode, file: NodeFile, path: Path, listener: socket.socket) -> None:
    """Serve until a signal comes.

    Clauses: AP-19
    """
    server = build_server(node, file)
    stop_on_signals(server)
    await serve_and_watch(server, node, path, listener)


async def serve_and_watch(server: Server, node: ServiceNode, path: Path, listener: socket.socket) -> None:
    """Serve until the server is to stop, and take up what changes in the node file."""
    watcher = asyncio.create_task(watch(node, path))
    try:
        await server.serve(sockets=[listener])
    finally:
        watcher.cancel()


def build_server(node: ServiceNode, file: NodeFile) -> Server:
    """Build the HTTP server of a node."""
    app = build_app(
        node,
        rate=file.requests_per_second,
        burst=file.request_burst,
        seconds=REQUEST_TIMEOUTS * file.timeout_seconds,
        metrics=file.metrics,
    )
    return process.build_server(app, seconds=file.timeout_seconds)


async def watch(node: ServiceNode, path: Path) -> None:
    """Read the node file again when it has changed, for its network.

    Clauses: AP-18
    """
    seen = stamp(path)
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        if (now := stamp(path)) == seen:
            continue
        seen = now
        try:
            await node.change_network(node_file.read(path).network)
        except UnusableFile as error:
            log.note("cannot read the node file", level=logging.ERROR, error=error)


def stamp(path: Path) -> tuple[int, int, int]:
    """Tell what changes when a file is written or replaced."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino
