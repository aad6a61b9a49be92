"""Open-group servers in processes of their own, accounts that ask them, and the connections that these keep."""

import json
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

from cloister import identity, onion, server_id, signed_request, wire
from cloister.open_group_server import database, operation
from cloister.open_group_server.database import Database
from cloister.server_id import SigningId
from cloister.server_onion import TARGET, encode_request
from cloister.serving.server_file import UnusableFile
from cloister.signed_request import Request
from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError

from cloister_conformance import implementation as implementations
from cloister_conformance.bench.rounds import Prepare
from cloister_conformance.bench.servers import CONNECTIONS, START_SECONDS, TIMEOUT_SECONDS
from cloister_conformance.open_group_target import BASE_SETTINGS, OPERATOR_SEED, ROOMS, SEED, OpenGroupTarget
from cloister_conformance.played_network import HOST
from cloister_conformance.transport import BrokenAdapter

Build = Callable[[int], list[Request]]
"""Builds so many requests."""

KEYS = identity.derive_identity(SEED)
SERVER_KEY = KEYS.public[1:]
ROOM, ROOM_NUMBER = "a", 1
DATA_BYTES = 320
"""Of a post: about 100 characters, and what stands beside them."""
POSTS_OF_ACCOUNT = 5
"""An account makes no more within some seconds."""

SERVER_FILE_ONLY = {"capabilities": ["server-file"], "timeout_seconds": START_SECONDS}
"""What a server under measurement has: no clock but the real one."""
SERVER = implementations.reference("open-group-server").model_copy(update=SERVER_FILE_ONLY)
FLOOR = implementations.from_command(
    [sys.executable, str(Path(__file__).with_name("floor.py"))], role="open-group-server"
).model_copy(update=SERVER_FILE_ONLY)


# Servers


@contextmanager
def serve(url: str | None, fill: Callable[[Database], object] = lambda database: None) -> Iterator[OpenGroupTarget]:
    """Run an open-group server, on a new database of a PostgreSQL or on SQLite; `fill` may put something into it before.

    Raises:
        BrokenAdapter, HungAdapter: it does not serve.
    """
    target = OpenGroupTarget(SERVER)
    with name_database(url, target.files / "data") as name:
        try:
            with open_database(name) as opened:
                fill(opened)
            target.settings = {**BASE_SETTINGS, **({"database": name} if url else {})}
            target.start()
            yield target
        finally:
            target.stop()


@contextmanager
def serve_floor(answer: str) -> Iterator[OpenGroupTarget]:
    """Run a server that only gives this answer."""
    target = OpenGroupTarget(FLOOR)
    target.settings = {**BASE_SETTINGS, "answer": answer}
    try:
        target.start()
        yield target
    finally:
        target.stop()


@contextmanager
def open_database(name: str) -> Iterator[Database]:
    """Open a new database, with the rooms of a server."""
    with closing(Database(name)) as opened:
        with opened.engine.begin() as connection:
            rooms = [{"token": token, "name": f"room {token}"} for token in ROOMS]
            operation.create_rooms(connection, rooms, now_s=time.time())
        yield opened


@contextmanager
def name_database(url: str | None, folder: Path) -> Iterator[str]:
    """Name a new database: SQLite in a folder, or one that is made in a PostgreSQL and goes again."""
    if url is None:
        yield f"sqlite:///{folder / database.FILE}"
        return
    name = f"cloister_bench_{os.urandom(6).hex()}"
    run_alone(url, f"CREATE DATABASE {name}")
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        run_alone(url, f"DROP DATABASE {name} WITH (FORCE)")


def run_alone(url: str, statement: str) -> None:
    """Run a statement that is in no transaction.

    Raises:
        BrokenAdapter: the database cannot be reached, or refuses.
    """
    try:
        engine = database.open_engine(url)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
        engine.dispose()
    except (UnusableFile, SQLAlchemyError) as error:
        raise BrokenAdapter(f"the database cannot be used: {error}") from None


# Accounts and what they ask


def make_account() -> SigningId:
    """Make an account, and its blinded id."""
    return server_id.derive_blinded_id(os.urandom(identity.SEED_BYTES), server_key=SERVER_KEY)


def make_operator() -> SigningId:
    """Make the operator's blinded id."""
    return server_id.derive_blinded_id(OPERATOR_SEED, server_key=SERVER_KEY)


def sign(signer: SigningId, method: str, target: str, body: bytes = b"") -> Request:
    """Sign a request with a fresh nonce."""
    request = Request(method=method, target=target, body=body)
    headers = signed_request.sign_request(
        signer, request, server_key=SERVER_KEY, now_s=int(time.time()), random=os.urandom
    )
    return replace(request, headers=headers)


def build_post(signer: SigningId) -> Request:
    """Build a post of random bytes: the server looks at no content."""
    post = {"data": wire.encode_base64(os.urandom(DATA_BYTES)), "signature": wire.encode_base64(os.urandom(64))}
    return sign(signer, "POST", f"/room/{ROOM}/message", json.dumps(post).encode())


def build_poll(signer: SigningId, cursor: int, limit: int = 100) -> Request:
    """Build a request for what is behind a cursor."""
    return sign(signer, "GET", f"/room/{ROOM}/messages/since/{cursor}?limit={limit}")


def build_posts(signers: Iterator[SigningId]) -> Build:
    """Build posts, each of the next account."""
    return lambda count: [build_post(next(signers)) for _ in range(count)]


def wrap(request: Request) -> Request:
    """Wrap a request into an onion request, as it comes to the server."""
    layer = onion.seal_layer(KEYS.public, encode_request(request), os.urandom)
    frame = onion.encode_frame(layer.ciphertext, {"ephemeral_key": layer.ephemeral_key})
    return Request(method="POST", target=TARGET, body=frame)


def wrap_all(build: Build) -> Build:
    """Wrap all requests that are built."""
    return lambda count: [wrap(request) for request in build(count)]


def write_http(request: Request) -> bytes:
    """Write a request as HTTP."""
    headers = {**request.headers, "host": HOST, "content-length": str(request.size)}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{request.method} {request.target} HTTP/1.1\r\n{head}\r\n".encode() + request.body


# Connections


class Line:
    """A connection that is kept, and opened again when the server has closed it, as it does after some idle seconds."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self.opened = 0

    def close(self) -> None:
        """Close it."""
        if self._socket:
            self._reader.close()
            self._socket.close()
            self._socket = None

    def open(self) -> socket.socket:
        """Open it, if it is not."""
        if self._socket and not is_closed(self._socket):
            return self._socket
        self.close()
        self._socket = socket.create_connection((HOST, self._port), TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")
        self.opened += 1
        return self._socket

    def ask(self, request: bytes) -> bytes:
        """Send a request; return the body of the answer.

        Raises:
            BrokenAdapter: there is none, or it is no success.
        """
        try:
            self.open().sendall(request)
            status, body = self._read()
        except OSError as error:
            raise BrokenAdapter(f"gave no answer to {describe(request)}: {error!r}") from None
        if not 200 <= status <= 299:
            raise BrokenAdapter(f"answered {describe(request)} with {status} {body[:100].decode(errors='replace')}")
        return body

    def _read(self) -> tuple[int, bytes]:
        status, size = self._reader.readline().split(), 0
        if len(status) < 2:
            raise ConnectionResetError("the connection was closed")
        while (line := self._reader.readline()).strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                size = int(value)
        return int(status[1]), self._reader.read(size)


def is_closed(connection: socket.socket) -> bool:
    """Tell whether the other side has closed a connection on which nothing is to come."""
    poller = select.poll()
    poller.register(connection, select.POLLIN)
    return bool(poller.poll(0))


def describe(request: bytes) -> str:
    """Describe a request by its first line."""
    return request.partition(b" HTTP")[0].decode()


class Lines:
    """Connections to one server, each with a thread that asks and waits for the answer."""

    def __init__(self, port: int, count: int = CONNECTIONS) -> None:
        self._lines = [Line(port) for _ in range(count)]
        self._threads = ThreadPoolExecutor(count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()
        for line in self._lines:
            line.close()

    def send(self, requests: Sequence[bytes]) -> None:
        """Send requests as fast as they are answered.

        Raises:
            BrokenAdapter: one is no success.
        """
        rest = iter(requests)  # the `next` of an iterator of a list is one step, so threads may share it

        def send_rest(line: Line) -> None:
            for request in rest:
                line.ask(request)

        list(self._threads.map(send_rest, self._lines))

    def prepare(self, build: Build) -> Prepare:
        """Prepare requests."""

        def prepare(count: int) -> Callable[[], object]:
            requests = [write_http(request) for request in build(count)]
            for line in self._lines:
                line.open()
            return lambda: self.send(requests)

        return prepare
