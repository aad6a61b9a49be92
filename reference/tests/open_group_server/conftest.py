"""A server in this process or in one of its own, on loopback, on SQLite and on a PostgreSQL of ours; what is sent to it."""

import asyncio
import base64
import hashlib
import json
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from cloister import identity, onion, server_id, server_onion, signed_request
from cloister.open_group_server import server, server_file
from cloister.open_group_server.database import FILE, Database
from cloister.open_group_server.file_store import FileStore
from cloister.serving import process
from cloister.serving.clock import open_clock
from cloister.signed_request import Request
from postgresql import NOT_INSTALLED, Cluster, find_ports, find_postgres, wait_until

collect_ignore = ["fuzz_hooks.py"]  # schemathesis imports it, which is not there for the tests

NOW = 1_700_000_000
SEED = hashlib.sha256(b"cloister example open-group server").digest()
KEYS = identity.derive_identity(SEED)
SERVER_KEY = KEYS.public[1:]
SIGNATURE = base64.b64encode(bytes(64)).decode()
OPERATOR, ALICE, BOB, CAROL = "operator", "alice", "bob", "carol"
OPEN = {"token": "tea", "name": "Tea"}
OFF = {f"default_{name}": False for name in ("read", "accessible", "write", "upload")}
WHITELIST = {"token": "white", "name": "White", "invitation_required": True, **OFF}


def seed(name: str) -> bytes:
    """The seed of a person."""
    return hashlib.sha256(f"cloister example {name}".encode()).digest()


def account(name: str) -> str:
    """The account id of a person."""
    return identity.derive_identity(seed(name)).public.hex()


def sign_as(name: str, *, blinded: bool = True) -> server_id.SigningId:
    """What a person signs with."""
    if blinded:
        return server_id.derive_blinded_id(seed(name), server_key=SERVER_KEY)
    return server_id.derive_unblinded_id(seed(name))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL for the tests of this process."""
    programs = find_postgres()
    if programs is None:
        pytest.skip(NOT_INSTALLED)
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install cloister[postgresql]")
    made = Cluster(programs)
    yield made
    made.stop()


# A server


def post_body(text: str, **more: Any) -> dict[str, Any]:
    """The body of a post."""
    return {"data": base64.b64encode(text.encode()).decode(), "signature": SIGNATURE, **more}


@dataclass
class World:
    """A server, its file, and who asks."""

    folder: Path
    url: str | None
    settings: dict[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=lambda: find_ports(1)[0])
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20, trust_env=False))
    stop: Callable[[], None] = lambda: None
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    account = staticmethod(account)
    wait_until = staticmethod(wait_until)
    body = staticmethod(post_body)

    @property
    def file(self) -> Path:
        return self.folder / "server.json"

    @property
    def stored(self) -> list[str]:
        """The names of files on disk."""
        return [path.name for path in self.files]

    @property
    def files(self) -> list[Path]:
        """The files on disk."""
        return list((self.folder / "data" / "files").iterdir())

    def write(self, **settings: Any) -> None:
        """Write the server file."""
        self.settings |= settings
        if not (self.folder / "clock").exists():
            self.set_clock(NOW)
        members = {
            "seed": SEED.hex(),
            "host": "127.0.0.1",
            "port": self.port,
            "data": str(self.folder / "data"),
            "operator": account(OPERATOR),
            "rooms": [OPEN, WHITELIST],
            "clock": str(self.folder / "clock"),
            "requests_per_second": 1e6,
            "request_burst": 1_000_000,
        }
        database = {} if self.url is None else {"database": self.url}
        self.file.write_text(json.dumps({**members, **database, **self.settings}))

    def set_clock(self, now_s: float) -> None:
        (self.folder / "clock.new").write_text(str(round(now_s * 1000)))
        (self.folder / "clock.new").replace(self.folder / "clock")

    def now(self) -> float:
        return int((self.folder / "clock").read_text()) / 1000

    def pass_time(self, seconds: float) -> None:
        self.set_clock(self.now() + seconds)

    def open_database(self) -> Database:
        (self.folder / "data").mkdir(exist_ok=True)
        return Database(self.url or f"sqlite:///{self.folder / 'data' / FILE}")

    # Running

    def start(self, **settings: Any) -> "World":
        """Start the server in a thread."""
        self.write(**settings)
        file = server_file.read(self.file)
        clock = open_clock(file.clock)
        store = FileStore(file.data, shared=self.url is not None)
        database = self.open_database()
        server.prepare(file, clock, store, database)
        listener = process.listen(file.host, file.port)
        http = server.build_server(file, clock, store, database)
        thread = threading.Thread(target=asyncio.run, args=(http.serve(sockets=[listener]),))
        thread.start()

        def stop() -> None:
            http.should_exit = True
            thread.join()
            database.close()
            store.close()
            listener.close()

        self.stop = stop
        wait_until(lambda: http.started)
        return self

    def restart(self, **settings: Any) -> None:
        self.stop()
        self.start(**settings)

    def run_process(self, **settings: Any) -> subprocess.Popen[bytes]:
        """Start the server in a process of its own."""
        self.write(**settings)
        with (self.folder / "log").open("ab") as log:
            running = subprocess.Popen([sys.executable, "-m", "cloister.open_group_server", str(self.file)], stderr=log)
        self.processes.append(running)
        wait_until(lambda: self.is_up(running), 60)
        return running

    def is_up(self, running: subprocess.Popen[bytes]) -> bool:
        assert running.poll() is None, (self.folder / "log").read_text()
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    # Requests

    def sign(self, who: str | None, request: Request, *, blinded: bool = True) -> dict[str, str]:
        if who is None:
            return {}
        return signed_request.sign_request(
            sign_as(who, blinded=blinded),
            request,
            server_key=SERVER_KEY,
            now_s=int(self.now()),
            random=secrets.token_bytes,
        )

    def ask(
        self,
        who: str | None,
        method: str,
        target: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        blinded: bool = True,
        client: httpx.Client | None = None,
    ) -> httpx.Response:
        """Send a request, signed by a person or by nobody."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request(method=method, target=target, body=data)
        signed = {**self.sign(who, request, blinded=blinded), **(headers or {})}
        url = f"http://127.0.0.1:{self.port}{target}"
        return (client or self.client).request(method, url, content=data or None, headers=signed)

    def post(self, who: str | None, text: str, room: str = "tea", **more: Any) -> httpx.Response:
        """Post a text."""
        return self.ask(who, "POST", f"/room/{room}/message", post_body(text, **more))

    def upload(self, who: str, data: bytes = b"bytes", room: str = "tea", name: str | None = None) -> int:
        """Upload a file; its id."""
        headers = {} if name is None else {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
        answer = self.ask(who, "POST", f"/room/{room}/file", data, headers=headers)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    def since(self, seqno: int = 0, who: str | None = ALICE, room: str = "tea") -> list[dict[str, Any]]:
        """A page of what is behind a sequence number."""
        answer = self.ask(who, "GET", f"/room/{room}/messages/since/{seqno}?limit=256")
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    def onion(self, payload: bytes) -> tuple[httpx.Response, server_onion.ServerReply]:
        """Send a payload by onion request; the answer, and what it held."""
        layer = onion.seal_layer(KEYS.public, payload, secrets.token_bytes)
        body = onion.encode_frame(layer.ciphertext, {"ephemeral_key": layer.ephemeral_key})
        answer = self.client.post(f"http://127.0.0.1:{self.port}{server_onion.TARGET}", content=body)
        return answer, server_onion.open_reply(layer.key, answer.content)


def read_text(message: dict[str, Any]) -> str:
    """The text of a message."""
    return base64.b64decode(message["data"]).decode()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """The URL of an empty database, None for SQLite in the folder of the data."""
    return None if request.param == "sqlite" else str(request.getfixturevalue("cluster").make_database())


@pytest.fixture
def world(tmp_path: Path, database_url: str | None) -> Iterator[World]:
    """A server, not started."""
    made = World(tmp_path, database_url)
    yield made
    put_away(made)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[World]:
    """A server on SQLite, not started, for what does not depend on the database."""
    made = World(tmp_path, None)
    yield made
    put_away(made)


def put_away(made: World) -> None:
    """Stop all that runs."""
    made.stop()
    made.client.close()
    for running in made.processes:
        if running.poll() is None:
            running.kill()
        running.wait(10)
