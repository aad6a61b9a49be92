"""What the guide for operators says of a service node holds: its files are tried, its tables are whole."""

import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from cloister import identity
from cloister.service_node.metrics import Metrics
from cloister.service_node.node_file import NodeFile
from cloister_conformance import data
from cloister_conformance.bench import servers
from cloister_conformance.played_network import HOST

pytestmark = pytest.mark.network

GUIDE = (data.CHECKOUT / "docs" / "service-node.md").read_text("utf-8")
SERVE = [sys.executable, "-c", "from cloister_conformance.cli import main; main()", "serve", "service-node"]
START_SECONDS = 60


def find_block(language: str, holds: str) -> str:
    """Find the block of the guide in a language that holds a text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    (block,) = (block for block in blocks if holds in block)
    return str(block)


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def start(tmp_path: Path, port: int) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    """Start the node of the guide, at another port, with the guide's command; what is started is ended."""
    script = find_block("python", "node_file").replace("22021", str(port))
    written = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    (tmp_path / "node.json").write_bytes(written)
    started: list[subprocess.Popen[bytes]] = []

    def start() -> "subprocess.Popen[bytes]":
        with (tmp_path / "log").open("ab") as log:
            started.append(subprocess.Popen([*SERVE, "node.json"], cwd=tmp_path, stdout=log, stderr=log))
        wait_until_it_serves(port)
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def wait_until_it_serves(port: int) -> None:
    """Wait until a node answers what the guide says."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if json.loads(get(port, "/health")) == json.loads(find_block("text", '"status"')):
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail("the node does not serve")


def get(port: int, path: str) -> str:
    """Ask a node for a path."""
    with closing(HTTPConnection(HOST, port, timeout=START_SECONDS)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read().decode()


def ask(port: int, body: bytes) -> dict[str, Any]:
    """Send a request to a node."""
    with closing(HTTPConnection(HOST, port, timeout=START_SECONDS)) as connection:
        return json.loads(servers.post(connection, servers.RPC_PATH, body))  # type: ignore[no-any-return]


def end(process: "subprocess.Popen[bytes]") -> int:
    """Stop a node; return its exit code."""
    process.send_signal(signal.SIGTERM)
    return process.wait(START_SECONDS)


def test_the_whole_node_file_has_every_member_and_is_read() -> None:
    members = json.loads(find_block("json", "seed"))
    assert {*members, "clock"} == set(NodeFile.model_fields)
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", GUIDE.partition("## The node file")[2], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"\w+", row)} >= set(NodeFile.model_fields)
    file = NodeFile.model_validate(members)
    own = file.network.nodes[file.keys.public]
    assert own.pubkey_x25519 == identity.derive_key_pair(file.private_key).public[1:].hex()
    defaults = {name: field.default for name, field in NodeFile.model_fields.items() if not field.is_required()}
    assert {name: members[name] for name in defaults if name != "clock"} == {
        name: default for name, default in defaults.items() if name != "clock"
    }


def test_the_guide_names_all_metrics() -> None:
    names = {line.split()[2] for line in Metrics().encode().decode().splitlines() if line.startswith("# TYPE")}
    named = set(re.findall(r"`(cloister_\w+)`", GUIDE))
    assert named == {name for name in names if not name.endswith("_created")}


def test_the_guide_names_all_events_of_the_log() -> None:
    reference = data.CHECKOUT / "reference" / "cloister"
    files = [file for part in ("service_node", "serving") for file in (reference / part).glob("*.py")]
    noted = {event for file in files for event in re.findall(r'log\.note\("([^"]+)"', file.read_text())}
    rows = re.findall(r"^\| (`[a-z ]+`(?:, `[a-z ]+`)*) \|", GUIDE.partition("**The log**")[2], re.MULTILINE)
    assert {event for row in rows for event in re.findall(r"`([^`]+)`", row)} == noted


def test_the_node_of_the_guide_runs_and_is_restored(
    start: Callable[[], "subprocess.Popen[bytes]"], port: int, tmp_path: Path
) -> None:
    process = start()
    recipient = servers.make_recipient()
    ask(port, servers.build_store(recipient))
    held = ask(port, servers.build_retrieve(recipient))
    (backup,) = re.findall(r'"(VACUUM INTO [^"]+)"', find_block("shell", "sqlite3")) or [""]
    with closing(sqlite3.connect(tmp_path / "data" / "messages.sqlite")) as connection:
        connection.execute(backup.replace("backup.sqlite", str(tmp_path / "backup.sqlite")))
    assert end(process) == 0
    for file in (tmp_path / "data").iterdir():
        file.unlink()
    (tmp_path / "backup.sqlite").rename(tmp_path / "data" / "messages.sqlite")
    process = start()
    assert len(held["messages"]) == 1
    assert ask(port, servers.build_retrieve(recipient)) == held
    assert end(process) == 0
    assert '"event": "stopped"' in (tmp_path / "log").read_text()


def test_the_adapter_of_the_guide_is_sound(cloister: Callable[[str], Any], tmp_path: Path) -> None:
    description = find_block("toml", "service-node").replace('["cloister", "serve", "service-node"]', json.dumps(SERVE))
    (tmp_path / "my-node").mkdir()
    (tmp_path / "my-node" / "adapter.toml").write_text(f"{description}timeout_seconds = {START_SECONDS}\n", "utf-8")
    done = cloister("doctor my-node")
    assert (done.status, done.err) == (0, "")
    assert "offers: network-file, clock" in done.out
