"""The played network: the nodes beside the one under test, and a server outside of the network, played on loopback.

They note each request that comes and answer 200 with an empty body, unless a test has said otherwise. Their keys follow
from their names, so that a test can open what is sealed to them and sign in their names.
"""

import hashlib
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cloister import identity
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloister_conformance.protocol.messages import Message, Nothing
from cloister_conformance.protocol.service_node import (
    NETWORK_METHODS,
    Address,
    NextAnswer,
    NodeName,
    Taken,
    TakenRequests,
    Wanted,
)

HOST = "127.0.0.1"
MAX_BODY_BYTES = 64 * 2**20
SOCKET_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeKeys:
    """The keys of a node: its seed, and of the Ed25519 and the X25519 key the private and the public half, 32 bytes each."""

    seed: bytes = field(repr=False)
    ed25519: bytes
    x25519_private: bytes = field(repr=False)
    x25519: bytes

    def sign(self, message: bytes) -> bytes:
        """Sign a message with Ed25519; the signature has 64 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def derive_keys(name: str) -> NodeKeys:
    """Derive the keys of a node from its name."""
    seed = hashlib.sha256(f"cloister example node {name}".encode()).digest()
    pair = identity.derive_identity(seed)
    return NodeKeys(
        seed=seed,
        ed25519=Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw(),
        x25519_private=pair.private,
        x25519=pair.public[1:],
    )


UNDER_TEST = "a"
PLAYED = ("b", "c", "d", "e", "f", "g", "h")
SERVER = "server"
"""Listens like a played node, but is outside of the network."""
UNREACHABLE = "z"
"""A node whose port refuses connections."""
NODES = {name: derive_keys(name) for name in (UNDER_TEST, *PLAYED, UNREACHABLE)}
"""The keys of all nodes by their names."""


class Listener(ThreadingHTTPServer):
    """The socket of one played node."""

    daemon_threads = True
    request_queue_size = 1024
    timeout = 0

    def __init__(self, name: str, network: "PlayedServers") -> None:
        super().__init__((HOST, 0), Handler)
        self.name = name
        self.network = network

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the library has it
        """Count a connection, and answer in a thread of its own."""
        self.network.count(1)
        super().process_request(request, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a connection that was closed by who is under test."""


class Handler(BaseHTTPRequestHandler):
    """Notes a request and answers it."""

    server: Listener
    protocol_version = "HTTP/1.1"
    timeout = SOCKET_SECONDS
    is_counted = True

    def handle_one_request(self) -> None:
        """Read one request, of any method, and answer it."""
        self.raw_requestline = self.rfile.readline(65537)
        is_request = bool(self.raw_requestline) and self.parse_request()
        self.close_connection = True  # whatever the request said
        if not is_request:
            return
        length = self.headers.get("Content-Length", "0" if "Transfer-Encoding" not in self.headers else "")
        if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.send_error(411)
            return
        self.answer(self.rfile.read(int(length)))

    def answer(self, body: bytes) -> None:
        """Note the request, and answer it as the test has said."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        taken = Taken(method=self.command, path=self.path, headers=headers, body=body)
        answer = self.server.network.note(self.server.name, taken)
        self.uncount()
        self.server.network.stopping.wait(answer.delay_seconds)
        if answer.drop:
            return
        if answer.raw:
            self.wfile.write(answer.raw)
            return
        body = answer.body + bytes(answer.filler)
        self.send_response_only(answer.status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.send_body(body, answer.drip_seconds)

    def send_body(self, body: bytes, drip_seconds: float) -> None:
        """Send a body, at once or byte by byte, for as long as it is read."""
        with suppress(ConnectionError):
            for part in [bytes([byte]) for byte in body] if drip_seconds else [body]:
                self.server.network.stopping.wait(drip_seconds)
                self.wfile.write(part)

    def finish(self) -> None:
        """End the connection."""
        self.uncount()
        super().finish()

    def uncount(self) -> None:
        """Count the connection no more: its request is noted, or there is none."""
        if self.is_counted:
            self.is_counted = False
            self.server.network.count(-1)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the library
        """Write nothing."""


class PlayedServers:
    """Nodes that listen on loopback, each on a free port of its own, until they are closed."""

    def __init__(self, names: Iterable[str]) -> None:
        self.changed = threading.Condition()
        self.stopping = threading.Event()
        self.waker, self.woken = socket.socketpair()
        self.counted = 0
        self.passes = 0
        self.listeners = {name: Listener(name, self) for name in names}
        self.ports = {name: int(listener.server_address[1]) for name, listener in self.listeners.items()}
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def note(self, name: str, taken: Taken) -> NextAnswer:
        """Note a request that came to a node; return how to answer it."""
        raise NotImplementedError

    def serve(self) -> None:
        """Accept connections until all is closed."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.woken, selectors.EVENT_READ)
            for listener in self.listeners.values():
                selector.register(listener, selectors.EVENT_READ, listener)
            while not self.stopping.is_set():
                ready = selector.select()
                for key, _ in ready:
                    if key.data is not None:
                        key.data.handle_request()
                if all(key.data is None for key, _ in ready):
                    self.end_pass()

    def end_pass(self) -> None:
        """Say to who has woken us that no connection waits to be accepted."""
        self.woken.recv(1)
        with self.changed:
            self.passes += 1
            self.changed.notify_all()

    def settle(self) -> None:
        """Wait until every request that was sent so far is noted; how long it is answered does not matter."""
        with self.changed:
            wanted = self.passes + 1
            self.waker.send(b"\0")
            self.changed.wait_for(lambda: self.passes >= wanted and not self.counted, SOCKET_SECONDS)

    def count(self, difference: int) -> None:
        """Count connections whose requests are not noted yet."""
        with self.changed:
            self.counted += difference
            self.changed.notify_all()

    def close(self) -> None:
        """Close all sockets."""
        self.stopping.set()
        self.waker.send(b"\0")
        self.thread.join()
        for listener in self.listeners.values():
            listener.server_close()
        self.waker.close()
        self.woken.close()


class PlayedNetwork(PlayedServers):
    """The played nodes of a service node under test."""

    def __init__(self) -> None:
        super().__init__((*PLAYED, SERVER))
        self.came: list[tuple[str, Taken]] = []
        self.answers: list[NextAnswer] = []
        self.refusing = socket.socket()
        self.refusing.bind((HOST, 0))  # bound, so that nobody else gets the port, but not listening
        self.ports[UNREACHABLE] = int(self.refusing.getsockname()[1])

    def close(self) -> None:
        """Close all sockets."""
        super().close()
        self.refusing.close()

    def reset(self) -> None:
        """Forget what came, and how to answer."""
        with self.changed:
            self.came.clear()
            self.answers.clear()

    def note(self, name: str, taken: Taken) -> NextAnswer:
        """Note a request that came to a node; return how to answer it."""
        with self.changed:
            self.came.append((name, taken))
            self.changed.notify_all()
            for index, answer in enumerate(self.answers):
                if answer.node == name and answer.path in (None, taken.path):
                    rest = answer.model_copy(update={"times": answer.times - 1})
                    self.answers[index : index + 1] = [rest] if rest.times else []
                    return answer
        return NextAnswer(node=name)

    def port_of(self, name: str) -> int:
        """The port of a played node."""
        return self.ports[name]

    def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Call a method of chapter 13."""
        result = FUNCTIONS[method](self, NETWORK_METHODS[method].params.model_validate(params))
        return {"result": result.model_dump()}

    def take_requests(self, wanted: Wanted) -> TakenRequests:
        """Wait for requests, and take them."""
        deadline = time.monotonic() + wanted.seconds
        with self.changed:
            while len(found := [entry for entry in self.came if is_wanted(wanted, *entry)]) < wanted.count:
                if not self.changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    break
            self.came = [entry for entry in self.came if entry not in found]
        return TakenRequests(requests=[taken for _, taken in found])

    def set_answer(self, answer: NextAnswer) -> Nothing:
        """Set how a node answers next."""
        assert answer.node in self.listeners, f"there is no played node {answer.node}"
        with self.changed:
            self.answers.append(answer)
        return Nothing()

    def find(self, params: NodeName) -> Address:
        """Find where a node listens."""
        return Address(host=HOST, port=self.port_of(params.node))


def is_wanted(wanted: Wanted, name: str, taken: Taken) -> bool:
    """Tell whether a request is one of those to take."""
    return name == wanted.node and wanted.path in (None, taken.path) and wanted.holds in taken.body


FUNCTIONS: dict[str, Callable[[PlayedNetwork, Any], Message]] = {
    "network.take_requests": PlayedNetwork.take_requests,
    "network.answer": PlayedNetwork.set_answer,
    "network.find": PlayedNetwork.find,
}
