"""The process of a service node: from the node file to the last commit."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from cloister.service_node import log, node_file
from cloister.service_node.app import build_app
from cloister.service_node.clock import open_clock
from cloister.service_node.database import Database, UnusableData
from cloister.service_node.node import ServiceNode
from cloister.service_node.node_file import NodeFile, UnusableNodeFile

USAGE = 2
COULD_NOT_RUN = 3
"""Exit codes."""

WATCH_SECONDS = 0.1
BACKLOG = 2048
UNREAD_MS = 60_000
STOP_SECONDS = 2
"""For which requests in flight are waited for at the end."""
REQUEST_TIMEOUTS = 2
"""How many times the node's timeout a request may take behind its head, so that nobody who writes slowly stays for ever."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class AddressInUse(Exception):
    """The address of a node cannot be listened at; the message says why."""


class Server(uvicorn.Server):
    """uvicorn, but for signals, by which it would end in place of an exit with status 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `run`."""
        yield


class Protocol(H11Protocol):
    """uvicorn's, which would wait for ever for the rest of a head; between requests its own timeout holds."""

    head_seconds: float
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        super().connection_made(transport)
        self._limit_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes, of a head or of a body."""
        super().data_received(data)
        self._limit_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_timer()
        super().connection_lost(exc)

    def _limit_head(self) -> None:
        """Let the time run while a head is to come, from its first byte on, and not while a request is answered."""
        if self.cycle and not self.cycle.response_complete:
            self._stop_timer()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


def build_protocol(seconds: float) -> type[Protocol]:
    """Build a protocol that waits so long for a head."""
    return type("Protocol", (Protocol,), {"head_seconds": seconds})


def serve(path: Path) -> int:
    """Run a node until a signal stops it; return the exit code, 0 if nothing went wrong."""
    log.set_up()
    try:
        file = node_file.read(path)
        clock = open_clock(file.clock)
    except UnusableNodeFile as error:
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


def complain(error: Exception, code: int) -> int:
    """Say in one line what is wrong; return the exit code."""
    print(f"cloister: {error}", file=sys.stderr)  # noqa: T201
    return code


def listen(host: str, port: int) -> socket.socket:
    """Listen at an address.

    Raises:
        AddressInUse: somebody else does, or it is not ours.
    """
    try:
        listener = socket.create_server((host, port), family=find_family(host), backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise AddressInUse(f"cannot listen at {host} port {port}: {reason}") from None
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # for asyncio does not see that this is TCP
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: who does not read his answer is cut off, and it is forgotten
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
    return listener


def find_family(host: str) -> socket.AddressFamily:
    """Tell whether a host is an IPv6 address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def run(node: ServiceNode, file: NodeFile, path: Path, listener: socket.socket) -> None:
    """Serve until a signal comes.

    Clauses: AP-19
    """
    server = build_server(node, file)
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, server.handle_exit, number, None)
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
    return Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            http=build_protocol(file.timeout_seconds),  # that of h11, which bounds the size of heads
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # who sent them decides what stands in them
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )


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
        except UnusableNodeFile as error:
            log.note("cannot read the node file", level=logging.ERROR, error=error)


def stamp(path: Path) -> tuple[int, int, int]:
    """Tell what changes when a file is written or replaced."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino
