"""Servers in processes of their own, requests for them, and the connections that these go over."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

from cloister import proof_of_work, wire
from pydantic import JsonValue

from cloister_conformance import implementation as implementations
from cloister_conformance.bench.rounds import Prepare
from cloister_conformance.implementation import Implementation
from cloister_conformance.node_target import BASE_SETTINGS, NodeTarget
from cloister_conformance.played_network import HOST, UNDER_TEST
from cloister_conformance.protocol.service_node import Network, Swarm
from cloister_conformance.transport import BrokenAdapter

Bodies = Callable[[int], list[bytes]]
"""Builds the bodies of so many requests."""

RPC_PATH = "/storage_rpc/v1"
CONNECTIONS = 8
"""Requests that are on their way at once, where a server is kept busy."""
TIMEOUT_SECONDS = 30
START_SECONDS = 60
ALONE = Network(swarms=[Swarm(id="0", nodes=[UNDER_TEST])])

TTL_MS = 86_400_000
DATA_BYTES = 750
"""1,000 characters as text."""

NODE_FILE_ONLY = {"capabilities": ["network-file"], "timeout_seconds": START_SECONDS}
"""What a server under measurement has: no clock but the real one."""
NODE = implementations.reference("service-node").model_copy(update=NODE_FILE_ONLY)
FLOOR = implementations.from_command(
    [sys.executable, str(Path(__file__).with_name("floor.py"))], role="service-node"
).model_copy(update=NODE_FILE_ONLY)


@contextmanager
def serve(
    implementation: Implementation, fill: Callable[[Path], object] = lambda folder: None, **settings: JsonValue
) -> Iterator[NodeTarget]:
    """Run a server that is alone in its network; `fill` may put something into the folder of its data before it starts.

    Raises:
        BrokenAdapter, HungAdapter: it does not serve.
    """
    target = NodeTarget(implementation)
    target.layout = ALONE
    target.settings = {**BASE_SETTINGS, **settings}
    try:
        fill(target.files / "data")
        target.start()
        yield target
    finally:
        target.stop()


class Connections:
    """Connections to one server, each with a thread that asks and waits for the answer."""

    def __init__(self, port: int, count: int = CONNECTIONS) -> None:
        self._connections = [HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS) for _ in range(count)]
        self._threads = ThreadPoolExecutor(count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()
        self.close()

    def close(self) -> None:
        """Close all."""
        for connection in self._connections:
            connection.close()

    def open(self) -> None:
        """Open all anew: servers close those that were idle for some seconds."""
        self.close()
        for connection in self._connections:
            connection.connect()

    def send(self, bodies: list[bytes]) -> None:
        """Send requests as fast as they are answered.

        Raises:
            BrokenAdapter: one is not answered 200.
        """
        rest = iter(bodies)  # the `next` of a list is one step, so threads may share it

        def send_rest(connection: HTTPConnection) -> None:
            for body in rest:
                post(connection, RPC_PATH, body)

        list(self._threads.map(send_rest, self._connections))

    def prepare(self, build_bodies: Bodies) -> Prepare:
        """Prepare requests."""

        def prepare(count: int) -> Callable[[], object]:
            bodies = build_bodies(count)
            self.open()
            return lambda: self.send(bodies)

        return prepare


def post(connection: HTTPConnection, path: str, body: bytes) -> bytes:
    """Send a request; return the body of the answer.

    Raises:
        BrokenAdapter: it is not answered 200.
    """
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
    except (OSError, HTTPException) as error:
        raise BrokenAdapter(f"gave no answer to {path}: {error!r}") from None
    if response.status != 200:
        raise BrokenAdapter(f"answered {path} with {response.status} {answer[:100].decode(errors='replace')}")
    return answer


def make_recipient() -> str:
    """Make a recipient; nobody has its key."""
    return f"05{os.urandom(32).hex()}"


def make_data() -> str:
    """Make data."""
    return wire.encode_base64(os.urandom(DATA_BYTES))


def build_stores(count: int) -> list[bytes]:
    """Build requests to store, each for another recipient."""
    return [build_store(make_recipient()) for _ in range(count)]


def build_store(recipient: str) -> bytes:
    """Build a request to store, with its work."""
    request = proof_of_work.Request(
        timestamp=str(time.time_ns() // 1_000_000), ttl=str(TTL_MS), recipient=recipient, data=make_data()
    )
    return encode(
        "store",
        pubKey=request.recipient,
        ttl=request.ttl,
        timestamp=request.timestamp,
        data=request.data,
        nonce=proof_of_work.find_nonce(request, difficulty=1),
    )


def build_retrieve(recipient: str, last_hash: str = "") -> bytes:
    """Build a request to retrieve."""
    return encode("retrieve", pubKey=recipient, lastHash=last_hash)


def encode(method: str, **params: str) -> bytes:
    """Encode a request."""
    return json.dumps({"method": method, "params": params}).encode()
