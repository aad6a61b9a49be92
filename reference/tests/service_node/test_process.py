"""A node as a process: how it starts, stops, dies and logs."""

import base64
import itertools
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cloister import onion, storage
from cloister.service_node import server
from cloister.serving import log

pytestmark = pytest.mark.network

MINE = f"05{2**62:016x}{0:047x}1"
KILLS = 20
KILL_SECONDS, FEWEST_KILLS = 15, 5
"""On a machine that is busy with other things, fewer."""


class Process:
    """A node in a process of its own, with its log."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.log = world.folder / "log"
        with self.log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cloister.service_node", str(world.file)], stderr=file
            )
        deadline = time.monotonic() + 60
        while not is_up(world):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(10)

    def measure_memory(self) -> int:
        """Resident bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def is_up(world: Any) -> bool:
    try:
        return bool(world.get("/health").status_code == 200)
    except httpx.TransportError:
        return False


@pytest.fixture
def start(world: Any) -> Iterator[Callable[..., Process]]:
    """Starts a node in a process."""
    started: list[Process] = []

    def start_one(**settings: Any) -> Process:
        world.settings |= settings
        world.write()
        started.append(Process(world))
        return started[-1]

    yield start_one
    for one in started:
        if one.process.poll() is None:
            one.stop(signal.SIGKILL)


def test_a_life(world: Any, start: Callable[..., Process]) -> None:
    """Start, store, a signal while a relay waits, a log that names nobody, and all is there again."""
    (b,) = world.play("b")
    b.behave = lambda _: time.sleep(8)
    process = start(timeout_seconds=20)
    text = "a secret of somebody"
    message = world.letter(MINE, text, world.now())
    assert world.store(text=text).status_code == 200
    assert world.retrieve() == [text]
    for body in (b"", b"\xff", b'{"method":"store","params":{"pubKey":"%s"}}' % MINE.encode()):
        world.post("/storage_rpc/v1", body)
        world.post("/onion_req/v2", body)
    world.onion("", "a", b"{}")
    world.change_network()
    built = world.wrap("a", "b", b"{}")
    with socket.create_connection(("127.0.0.1", world.port)) as waiting:
        port = waiting.getsockname()[1]
        head = f"POST /onion_req/v2 HTTP/1.1\r\nhost: x\r\ncontent-length: {len(built.body)}\r\n\r\n"
        waiting.sendall(head.encode() + built.body)
        b.wait(2)
        began = time.monotonic()
        assert process.stop() == 0
        assert time.monotonic() - began < 5
    lines = process.log.read_text().splitlines()
    assert {json.loads(line)["event"] for line in lines} >= {"network", "stopped"}
    for forbidden in (MINE, message.hash, message.data, text, str(port), "Traceback"):
        assert not [line for line in lines if forbidden in line], forbidden
    again = start()
    assert world.retrieve() == [text]
    assert again.stop(signal.SIGINT) == 0


def start_quickly(world: Any) -> Any:
    """Start a node in a process that has imported everything before."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["cloister.service_node.server"])
    process = context.Process(target=server.serve, args=(world.file,))
    process.start()
    deadline = time.monotonic() + 60
    while not is_up(world):
        assert process.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


@contextmanager
def storing_without_pause(world: Any, acknowledged: list[str]) -> Iterator[None]:
    """Let four clients store, and note what is acknowledged."""
    numbers = itertools.count()
    is_over = threading.Event()

    def store() -> None:
        with httpx.Client(trust_env=False, timeout=5) as client:
            while not is_over.is_set():
                text = f"{next(numbers)}"
                params = world.mine(MINE, text, world.now(), ttl="1209600000")
                body = {"method": "store", "params": params}
                try:
                    answer = client.post(f"http://127.0.0.1:{world.port}/storage_rpc/v1", json=body)
                except httpx.TransportError:
                    time.sleep(0.01)
                    continue
                assert answer.status_code == 200, answer.text
                acknowledged.append(text)

    clients = [threading.Thread(target=store) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        is_over.set()
        for client in clients:
            client.join()


def retrieve_all(world: Any) -> list[str]:
    """The texts of all pages."""
    found: list[str] = []
    last = ""
    while page := world.rpc("retrieve", pubKey=MINE, lastHash=last).json()["messages"]:
        found += [base64.b64decode(message["data"]).decode() for message in page]
        last = page[-1]["hash"]
    return found


def test_no_acknowledged_message_is_lost_by_kill_9(world: Any) -> None:
    """The node is killed in the midst of stores, each time at another point of its work."""
    world.write()
    acknowledged: list[str] = []
    deadline = time.monotonic() + KILL_SECONDS
    kills = 0
    with storing_without_pause(world, acknowledged):
        while kills < KILLS and (kills < FEWEST_KILLS or time.monotonic() < deadline):
            process = start_quickly(world)
            stored = len(acknowledged)
            while len(acknowledged) < stored + 5:
                time.sleep(0.002)
            time.sleep(0.001 * kills)
            process.kill()
            process.join()
            process.close()
            kills += 1
    process = start_quickly(world)
    found = retrieve_all(world)
    process.terminate()
    process.join(10)
    assert process.exitcode == 0
    assert len(acknowledged) >= 5 * kills
    assert set(acknowledged) <= set(found)
    assert len(found) == len(set(found))


def test_bad_requests_leave_nothing_behind(world: Any, start: Callable[..., Process]) -> None:
    """The memory of the node does not grow over two thousand of them."""
    process = start(timeout_seconds=2)
    good = world.wrap("a", "b", b"x" * 2000).body
    record = storage.encode_record(world.letter(MINE, "hello", world.now()))
    unknown = onion.encode_frame(b"x" * 2000, {"ephemeral_key": "11" * 32})

    def attack(rounds: int) -> None:
        for number in range(rounds):
            mark = str(number).encode()
            for path, body in (
                ("/storage_rpc/v1", b'{"method":"store","params":{"pubKey":"' + mark + b'"}}'),
                ("/storage_rpc/v1", b"[" * 3000 + mark),
                ("/onion_req/v2", good),  # nobody listens there
                ("/onion_req/v2", good[:-10] + mark),
                ("/onion_req/v2", unknown),
                ("/nothing/" + mark.decode(), b""),
            ):
                assert world.post(path, body).status_code in {400, 404, 502}
            assert world.push(record[:-1]).status_code == 400
            assert world.push(record + mark, sender="h").status_code == 403

    attack(60)
    before = process.measure_memory()
    attack(200)
    assert process.measure_memory() - before < 4 * 2**20


# What cannot start


@pytest.fixture
def complaint(world: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[], Any]:
    """Serves the node file of the world; the exit code and what is complained of."""
    monkeypatch.setattr(log, "set_up", lambda: None)

    def serve() -> tuple[int, str]:
        code = server.serve(world.file)
        return code, capsys.readouterr().err

    return serve


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"seed": "00"}, "seed: "),
        ({"port": 0}, "port: "),
        ({"host": None}, "host: "),
        ({"network": {}}, "network.height: "),
        ({"network": {"height": 1, "swarms": [{"id": "x", "nodes": []}]}}, "network.swarms.0.id: "),
        ({"max_bytes": 1}, "max_bytes: "),
        ({"clock": "/nowhere/at/all"}, "the clock file /nowhere/at/all does not hold milliseconds"),
    ],
)
def test_a_node_file_of_another_form_is_refused(
    world: Any, complaint: Callable[[], Any], members: dict[str, Any], says: str
) -> None:
    world.write()
    world.file.write_text(json.dumps({**json.loads(world.file.read_text()), **members}))
    code, error = complaint()
    assert code == 2
    assert error.startswith("cloister: ")
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("text", [None, "", "[]", "{", "\ud800"])
def test_what_is_no_node_file_is_refused(world: Any, complaint: Callable[[], Any], text: str | None) -> None:
    if text is not None:
        world.file.write_bytes(text.encode("utf-8", "surrogatepass"))
    code, error = complaint()
    assert code == 2
    assert "the node file" in error
    assert error.count("\n") == 1


def test_an_address_that_is_taken_is_refused(world: Any, complaint: Callable[[], Any]) -> None:
    world.start()
    code, error = complaint()
    assert (code, error) == (
        3,
        f"cloister: cannot listen at 127.0.0.1 port {world.port}: Address already in use\n",
    )


def test_a_folder_that_is_taken_is_refused(world: Any, complaint: Callable[[], Any]) -> None:
    world.start()
    other = json.loads(world.file.read_text())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    world.file.write_text(json.dumps({**other, "port": port}))
    code, error = complaint()
    assert (code, error.count("\n")) == (3, 1)
    assert "another service node uses the folder" in error


def test_the_command_takes_one_argument() -> None:
    done = subprocess.run([sys.executable, "-m", "cloister.service_node"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "cloister: give one argument, the path of a node file\n")


def test_a_line_of_the_log_has_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    def fail() -> None:
        raise ValueError(MINE)

    try:
        fail()
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (MINE,), (type(error), error, None))
        record.exc_info = (type(error), error, error.__traceback__)
        line = log.Formatter().format(record)
    assert MINE not in line
    assert {"event": "failed", "error": "ValueError", "level": "error"}.items() <= json.loads(line).items()
    assert json.loads(line)["at"][-1].endswith(" fail")
