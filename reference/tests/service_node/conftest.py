"""A node in this process, on loopback; its peers and a server, played; what is sent to it."""

import asyncio
import base64
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from cloister import devnet, identity, node_request, onion, proof_of_work, storage, swarm
from cloister.service_node import node_file, server
from cloister.service_node.database import Database
from cloister.service_node.node import ServiceNode
from cloister.serving import process
from cloister.serving.clock import open_clock

NOW = 1_700_000_000_000
SWARM, OTHER_SWARM = 2**62, 3 * 2**62
NAMES = "abcdefgh"
SEEDS = {name: hashlib.sha256(f"cloister example node {name}".encode()).digest() for name in NAMES}
KEYS = {name: node_request.derive_keys(seed) for name, seed in SEEDS.items()}
MINE = f"05{SWARM:016x}{0:047x}1"
FOREIGN = f"05{OTHER_SWARM:016x}{0:047x}1"


def account(number: int, swarm_id: int = SWARM) -> str:
    """A recipient in a swarm, with a number."""
    return f"05{swarm_id:016x}{0:040x}{number:08x}"


def mine(recipient: str, text: str, now_ms: int, difficulty: int = 1, **texts: str) -> dict[str, str]:
    """The params of a store, with the work done."""
    request = proof_of_work.Request(
        timestamp=texts.get("timestamp", str(now_ms)),
        ttl=texts.get("ttl", "60000"),
        recipient=recipient,
        data=base64.b64encode(text.encode()).decode(),
    )
    nonce = proof_of_work.find_nonce(request, difficulty=difficulty)
    params = {"timestamp": request.timestamp, "ttl": request.ttl, "data": request.data}
    return {"pubKey": recipient, "nonce": nonce, **params, **texts}


def letter(recipient: str, text: str, now_ms: int = NOW, **texts: str) -> storage.Message:
    """A message as a node keeps it."""
    params = mine(recipient, text, now_ms, **texts)
    return storage.build_message(storage.read_request(params), params["nonce"], 1)


class Handler(BaseHTTPRequestHandler):
    """Notes a request, and answers as its played peer says."""

    protocol_version = "HTTP/1.1"
    server: "Played"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append((self.path, dict(self.headers.items()), body))
        self.server.arrived.set()
        self.server.behave(self)

    def do_GET(self) -> None:
        self.server.behave(self)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response_only(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Played(ThreadingHTTPServer):
    """A peer or a server on loopback that answers 200, unless it is told otherwise."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.arrived = threading.Event()
        self.behave: Callable[[Handler], None] = lambda handler: handler.answer(200)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def port(self) -> int:
        return self.server_address[1]

    def handle_error(self, *_: object) -> None:
        pass

    def wait(self, count: int, seconds: float = 5) -> list[tuple[str, dict[str, str], bytes]]:
        """Wait for requests."""
        wait_until(lambda: len(self.requests) >= count, seconds)
        return self.requests

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


def wait_until(true: Callable[[], bool], seconds: float = 5) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)


@dataclass
class World:
    """A node `a`, its files, and the peers `b` to `f` that are played."""

    folder: Path
    peers: dict[str, Played] = field(default_factory=dict)
    played: list[Played] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    height: int = 1
    swarms: dict[int, str] = field(default_factory=lambda: {SWARM: "abc", OTHER_SWARM: "def"})
    difficulties: list[tuple[int, int]] = field(default_factory=list)
    port: int = field(default_factory=lambda: devnet.find_ports(1)[0])
    node: ServiceNode | None = None
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20, trust_env=False))
    stop: Callable[[], None] = lambda: None

    keys = KEYS
    account = staticmethod(account)
    letter = staticmethod(letter)
    mine = staticmethod(mine)
    wait_until = staticmethod(wait_until)

    # Files

    @property
    def file(self) -> Path:
        return self.folder / "node.json"

    def play(self, *names: str) -> list[Played]:
        """Play peers; their ports are in the network that is written next."""
        for name in names:
            self.peers[name] = Played()
            self.played.append(self.peers[name])
        return [self.peers[name] for name in names]

    def public(self, name: str) -> dict[str, str]:
        port = self.port if name == "a" else self.peers[name].port if name in self.peers else 9
        return {
            "pubkey_ed25519": KEYS[name].public,
            "pubkey_x25519": identity.derive_identity(SEEDS[name]).public[1:].hex(),
            "ip": "127.0.0.1",
            "port": str(port),
        }

    def network(self) -> dict[str, Any]:
        return {
            "height": self.height,
            "swarms": [
                {"id": str(swarm_id), "nodes": [self.public(name) for name in names]}
                for swarm_id, names in self.swarms.items()
            ],
            "difficulties": [{"since": since, "difficulty": difficulty} for since, difficulty in self.difficulties],
        }

    def write(self) -> None:
        """Write the node file."""
        members = {"seed": SEEDS["a"].hex(), "host": "127.0.0.1", "port": self.port, "data": str(self.folder / "data")}
        self.set_clock(NOW) if not (self.folder / "clock").exists() else None
        members |= {"clock": str(self.folder / "clock"), "allow_private_targets": True, "timeout_seconds": 1}
        members |= {"requests_per_second": 1e6, "request_burst": 1_000_000}
        devnet.write(self.file, {**members, **self.settings, "network": self.network()})

    def set_clock(self, now_ms: int) -> None:
        (self.folder / "clock.new").write_text(str(now_ms))
        (self.folder / "clock.new").replace(self.folder / "clock")

    def now(self) -> int:
        return int((self.folder / "clock").read_text())

    # Running in this process

    def start(self, **settings: Any) -> "World":
        """Start the node in a thread."""
        self.settings |= settings
        self.write()
        file = node_file.read(self.file)
        database = Database(file.data, file.keys.public, file.network, max_bytes=file.max_bytes)
        self.node = node = ServiceNode(file, open_clock(file.clock), database)
        listener = process.listen(file.host, file.port)
        http = server.build_server(node, file)
        thread = threading.Thread(target=asyncio.run, args=(server.serve_and_watch(http, node, self.file, listener),))
        thread.start()

        def stop() -> None:
            http.should_exit = True
            thread.join()
            database.close()
            listener.close()

        self.stop = stop
        wait_until(lambda: http.started)
        return self

    def restart(self, **settings: Any) -> None:
        self.stop()
        self.start(**settings)

    def change_network(self, swarms: dict[int, str] | None = None, height: int | None = None) -> None:
        """Change the network, and wait until the node has it."""
        self.height = self.height + 1 if height is None else height
        self.swarms = self.swarms if swarms is None else swarms
        self.write()
        wait_until(lambda: self.get("/health").json().get("height") == self.height)

    # Requests

    def get(self, path: str) -> httpx.Response:
        return self.client.get(f"http://127.0.0.1:{self.port}{path}")

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.client.post(f"http://127.0.0.1:{self.port}{path}", content=body, headers=headers)

    def rpc(self, method: str, **params: Any) -> httpx.Response:
        return self.post("/storage_rpc/v1", json.dumps({"method": method, "params": params}).encode())

    def store(self, recipient: str = MINE, text: str = "hello", **texts: str) -> httpx.Response:
        return self.rpc("store", **mine(recipient, text, self.now(), **texts))

    def retrieve(self, recipient: str = MINE, last: str = "") -> list[str]:
        """The texts of a page."""
        answer = self.rpc("retrieve", pubKey=recipient, lastHash=last)
        assert answer.status_code == 200, answer.text
        return [base64.b64decode(message["data"]).decode() for message in answer.json()["messages"]]

    def push(self, batch: bytes, sender: str = "b", **changes: Any) -> httpx.Response:
        path = "/swarms/push_batch/v1"
        headers = node_request.sign(KEYS[sender], KEYS["a"].public, path, batch, now_ms=self.now())
        return self.post(path, batch, {**headers, **changes})

    def wrap(self, path: str, destination: str | onion.Server, payload: bytes) -> onion.Onion:
        """An onion over nodes, to a node or a server."""
        nodes = [swarm.Node.model_validate(self.public(name)) for name in path]
        target = swarm.Node.model_validate(self.public(destination)) if isinstance(destination, str) else destination
        return onion.build(nodes, target, payload, os.urandom)

    def onion(self, path: str, destination: str | onion.Server, payload: bytes) -> tuple[httpx.Response, onion.Onion]:
        built = self.wrap(path, destination, payload)
        return self.post("/onion_req/v2", built.body), built


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A node, not started."""
    made = World(tmp_path)
    yield made
    put_away(made)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A node that runs for the tests that change nothing."""
    made = World(tmp_path_factory.mktemp("shared")).start()
    yield made
    put_away(made)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A node that reaches public addresses only."""
    made = World(tmp_path_factory.mktemp("strict")).start(allow_private_targets=False)
    yield made
    put_away(made)


def put_away(made: World) -> None:
    """Stop all that runs."""
    made.stop()
    made.client.close()
    for peer in made.played:
        peer.stop()
