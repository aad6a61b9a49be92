"""A server as a process: how it starts, stops, dies and logs; two of them on one PostgreSQL."""

import itertools
import json
import random
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
from cloister.open_group_server import server
from cloister.open_group_server.database import VERSION
from cloister.serving import log
from sqlalchemy import text

pytestmark = pytest.mark.network

KILLS = 6
POSTERS = 3


def test_a_life(world: Any) -> None:
    """Start, post, a signal while a body is still being sent, a log that names nobody, and all is there again."""
    running = world.run_process()
    secret = "a secret of somebody"
    posted = world.post("alice", secret).json()
    file = world.upload("alice", b"bytes of somebody")
    world.ask("operator", "POST", f"/user/{world.account('bob')}/ban", {"rooms": ["tea"]})
    world.ask("bob", "GET", "/room/tea")
    world.ask(None, "GET", "/room/tea/message/1?secret")
    waiting = socket.create_connection(("127.0.0.1", world.port))
    waiting.sendall(b"POST /room/tea/file HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf")
    began = time.monotonic()
    running.send_signal(signal.SIGTERM)
    assert running.wait(10) == 0
    assert time.monotonic() - began < 6
    waiting.close()
    lines = (world.folder / "log").read_text().splitlines()
    assert {json.loads(line)["event"] for line in lines} >= {"ready", "stopped"}
    for forbidden in (posted["session_id"], world.account("alice"), secret, posted["data"], "127.0.0.1", "secret"):
        assert not [line for line in lines if forbidden in line], forbidden
    again = world.run_process()
    assert world.since() == [posted]
    assert world.ask("alice", "GET", f"/room/tea/file/{file}").content == b"bytes of somebody"
    assert world.ask("bob", "GET", "/room/tea").status_code == 403
    assert len(world.stored) == 1
    again.send_signal(signal.SIGINT)
    assert again.wait(10) == 0


@contextmanager
def posting_without_pause(worlds: list[Any], acknowledged: dict[str, int]) -> Iterator[None]:
    """Let clients post as administrators, whom no rate bounds, and note what is acknowledged."""
    numbers = itertools.count()
    is_over = threading.Event()

    def post(world: Any) -> None:
        with httpx.Client(trust_env=False, timeout=5) as client:
            while not is_over.is_set():
                said = f"post {next(numbers)}"
                body = world.body(said)
                try:
                    answer = world.ask("operator", "POST", "/room/tea/message", body, client=client)
                except httpx.TransportError:
                    time.sleep(0.02)
                    continue
                assert answer.status_code == 201, answer.text
                acknowledged[said] = answer.json()["id"]

    clients = [threading.Thread(target=post, args=(world,)) for world in worlds for _ in range(POSTERS)]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        is_over.set()
        for client in clients:
            client.join()


def poll(world: Any, cursor: int, view: dict[int, dict[str, Any]], *, pages: int = 1000) -> int:
    """Poll until a page is empty, or for some pages; check the order, and take all into the view."""
    for _ in range(pages):
        page = world.since(cursor, who=None)
        if not page:
            break
        numbers = [one["seqno"] for one in page]
        assert numbers == sorted(set(numbers)) and numbers[0] > cursor
        view.update({one["id"]: one for one in page})
        cursor = numbers[-1]
    return cursor


def read_text(message: dict[str, Any]) -> str:
    import base64

    return base64.b64decode(message["data"]).decode()


def test_no_acknowledged_post_is_lost_by_kill_9(world: Any) -> None:
    """The server is killed in the midst of posts, each time at another point of its work."""
    source = random.Random(11)
    acknowledged: dict[str, int] = {}
    running = world.run_process()
    with posting_without_pause([world], acknowledged):
        for _ in range(KILLS):
            before = len(acknowledged)
            world.wait_until(lambda before=before: len(acknowledged) >= before + 5)
            time.sleep(source.random() * 0.05)
            running.kill()
            running.wait(10)
            running = world.run_process()
    view: dict[int, dict[str, Any]] = {}
    poll(world, 0, view)
    found = {read_text(message): number for number, message in view.items()}
    assert len(acknowledged) >= 5 * KILLS
    assert acknowledged.items() <= found.items()
    assert len(found) == len(view)


def test_two_processes_on_one_postgresql(world: Any, tmp_path: Path) -> None:
    """Whoever polls either of them sees every message in its latest state."""
    if world.url is None:
        pytest.skip("two processes share a PostgreSQL, not a SQLite")
    other = type(world)(tmp_path, world.url)
    world.run_process()
    other.run_process()
    acknowledged: dict[str, int] = {}
    view: dict[int, dict[str, Any]] = {}
    cursor = 0
    try:
        with posting_without_pause([world, other], acknowledged):
            deadline = time.monotonic() + 6
            for turn in itertools.cycle([world, other]):
                cursor = poll(turn, cursor, view, pages=1)
                if view and len(view) % 3 == 0:
                    number = max(view)
                    assert turn.ask("operator", "DELETE", f"/room/tea/message/{number}").status_code in {200, 404}
                if time.monotonic() > deadline:
                    break
        poll(other, cursor, view)
        whole: dict[int, dict[str, Any]] = {}
        poll(world, 0, whole)
    finally:
        for running in other.processes:
            running.kill()
            running.wait(10)
        other.client.close()
    assert view == whole
    assert len(acknowledged) >= 20
    assert set(acknowledged.values()) <= view.keys()
    numbers = [message["seqno"] for message in whole.values()]
    assert len(numbers) == len(set(numbers))


# What cannot start


@pytest.fixture
def complaint(alone: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[], Any]:
    """Serves the server file; the exit code and what is complained of."""
    monkeypatch.setattr(log, "set_up", lambda: None)

    def serve() -> tuple[int, str]:
        code = server.serve(alone.file)
        return code, capsys.readouterr().err

    return serve


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"seed": "00"}, "seed: "),
        ({"port": 0}, "port: "),
        ({"host": None}, "host: "),
        ({"operator": "05" + 64 * "0"}, "operator: "),
        ({"rooms": [{"token": "a b", "name": "x"}]}, "token has 1 to 64 characters"),
        ({"rooms": [{"token": "a"}]}, "a room has a name"),
        ({"rooms": [{"token": "a", "name": "x\n"}]}, "rooms.0: "),
        ({"rooms": [{"token": "a", "name": "x", "colour": "red"}]}, "rooms.0: "),
        ({"database": "mysql://a/b"}, "database is no URL of SQLite or PostgreSQL"),
        ({"unknown": 1}, "unknown: "),
        ({"clock": "/nowhere/at/all"}, "the clock file /nowhere/at/all does not hold milliseconds"),
    ],
)
def test_a_server_file_of_another_form_is_refused(
    alone: Any, complaint: Callable[[], Any], members: dict[str, Any], says: str
) -> None:
    alone.write(**members)
    code, error = complaint()
    assert code == 2
    assert error.startswith("cloister: ")
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{", b"\xff"])
def test_what_is_no_server_file_is_refused(alone: Any, complaint: Callable[[], Any], content: bytes | None) -> None:
    if content is not None:
        alone.file.write_bytes(content)
    code, error = complaint()
    assert code == 2
    assert "the server file" in error
    assert error.count("\n") == 1


def test_an_address_or_a_folder_that_is_taken_is_refused(alone: Any, complaint: Callable[[], Any]) -> None:
    alone.start()
    said = f"cloister: cannot listen at 127.0.0.1 port {alone.port}: Address already in use\n"
    assert complaint() == (3, said)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    alone.write(port=port)
    code, error = complaint()
    assert (code, error.count("\n")) == (3, 1)
    assert "another open-group server uses the folder" in error


def test_a_newer_database_is_refused(alone: Any, complaint: Callable[[], Any]) -> None:
    alone.write()
    opened = alone.open_database()
    with opened.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '999'"))
    opened.close()
    code, error = complaint()
    assert (code, error) == (2, f"cloister: the database has version 999, this server knows version {VERSION}\n")


def test_a_database_that_does_not_answer_is_refused(alone: Any, complaint: Callable[[], Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    alone.write(database=f"postgresql://nobody@127.0.0.1:{port}/x")
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install cloister[postgresql]")
    code, error = complaint()
    assert (code, error.count("\n")) == (3, 1)
    assert "cannot open the database" in error


def test_the_command_takes_one_argument() -> None:
    command = [sys.executable, "-m", "cloister.open_group_server"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "cloister: give one argument, the path of a server file\n")
