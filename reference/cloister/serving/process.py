"""The process of a server: where it listens, how it is stopped, what it says when it cannot run."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from cloister.serving.protocol import build_protocol

USAGE = 2
COULD_NOT_RUN = 3
"""Exit codes."""

BACKLOG = 2048
UNREAD_MS = 60_000
STOP_SECONDS = 2
"""For which requests in flight are waited for at the end."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class AddressInUse(Exception):
    """The address of a server cannot be listened at; the message says why."""


class Server(uvicorn.Server):
    """uvicorn, but for signals, by which it would end in place of an exit with status 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `run`."""
        yield


def build_server(app: ASGIApp, *, seconds: float) -> Server:
    """Build the HTTP server of an application, which waits so long for a head."""
    return Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            http=build_protocol(seconds),  # that of h11, which bounds the size of heads
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


def stop_on_signals(server: Server) -> None:
    """Let a server stop when a signal comes.

    Clauses: AP-19, AP-22
    """
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, server.handle_exit, number, None)


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
