"""What the guide for operators says of an open-group server holds: its commands are run, its tables are whole."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloister import identity
from cloister.devnet import find_ports
from cloister.devserver import serves
from cloister.open_group_server import operation
from cloister.open_group_server.metrics import Metrics
from cloister.open_group_server.server_file import ServerFile
from cloister_conformance import data

pytestmark = pytest.mark.network

GUIDE = (data.CHECKOUT / "docs" / "open-group-server.md").read_text("utf-8")
BOB = identity.derive_identity(b"b" * 32).public.hex()
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
SQLITE = (
    "sqlite3() { python -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])' \"$@\"; }\n"
    "cloister() { python -c 'from cloister_conformance.cli import main; main()' \"$@\"; }\n"
)
"""Programs that a machine of ours may not have."""
START_SECONDS = 60


def find_block(language: str, holds: str) -> str:
    """Find the block of the guide in a language that holds a text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    (block,) = (block for block in blocks if holds in block)
    return str(block)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """A folder in which the server of the guide runs, at a port that is free; run a script in it."""
    (port,) = find_ports(1)
    command = find_block("shell", "serve open-group").strip()

    def run(script: str) -> str:
        ready = SQLITE + script.replace("22080", str(port)).replace("paste an account id here", BOB)
        done = subprocess.run(
            ["bash", "-ec", ready], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (script, done.stderr)
        return done.stdout

    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from cloister_conformance.cli import main; main()",
                *command.split()[1:],
                "--port",
                str(port),
            ],
            cwd=tmp_path,
            env=ENVIRONMENT,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not serves(port):
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield run
    finally:
        process.terminate()
        process.wait()


def test_the_commands_of_the_guide_do_what_it_says(served: Callable[[str], str], tmp_path: Path) -> None:
    blocks = re.findall(r"^```shell\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    printed = served("\n".join(block for block in blocks if "serve open-group" not in block))
    for said in (
        "tea  Tea and biscuits  everybody",
        "&invitation=",
        f"{BOB}  read, accessible, write, upload",
        f"{BOB}  banned",
        '{"status": "ok"}',
        'cloister_requests_total{endpoint="/health",status="200"}',
        "club  The club  by approval and invitation",
    ):
        assert said in printed, said
    moved = operation.operate(
        tmp_path / "moved", lambda one: (one.file.seed, [each.token for each in one.list_rooms()])
    )
    assert moved == operation.operate(tmp_path / "tea-server", lambda one: (one.file.seed, ["lobby", "club"]))


def test_the_whole_server_file_has_every_member_and_is_read() -> None:
    members = json.loads(find_block("json", "seed"))
    assert {*members, "clock"} == set(ServerFile.model_fields)
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", GUIDE.partition("## The server file")[2], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"\w+", row)} >= set(ServerFile.model_fields)
    ServerFile.model_validate(members)
    for name in ("blinding_required", "requests_per_second", "request_burst", "timeout_seconds", "metrics"):
        assert members[name] == ServerFile.model_fields[name].default


def test_the_guide_names_all_metrics() -> None:
    names = {line.split()[2] for line in Metrics().encode().decode().splitlines() if line.startswith("# TYPE")}
    named = set(re.findall(r"`(cloister_\w+)`", GUIDE))
    assert named == {name for name in names if not name.endswith("_created")}


def test_the_guide_names_all_events_of_the_log() -> None:
    folder = data.CHECKOUT / "reference" / "cloister"
    files = [*(folder / "open_group_server").glob("*.py"), *(folder / "serving").glob("*.py")]
    noted = {event for file in files for event in re.findall(r'log\.note\("([^"]+)"', file.read_text())}
    rows = re.findall(r"^\| (`[a-z ]+`(?:, `[a-z ]+`)*) \|", GUIDE.partition("**The log**")[2], re.MULTILINE)
    assert {event for row in rows for event in re.findall(r"`([^`]+)`", row)} == noted


def test_the_adapter_of_the_guide_is_sound(cloister: Callable[[str], Any], tmp_path: Path) -> None:
    serve = [sys.executable, "-c", "from cloister_conformance.cli import main; main()", "serve", "open-group"]
    description = find_block("toml", "open-group").replace('["cloister", "serve", "open-group"]', json.dumps(serve))
    (tmp_path / "my-server").mkdir()
    (tmp_path / "my-server" / "adapter.toml").write_text(f"{description}timeout_seconds = {START_SECONDS}\n", "utf-8")
    done = cloister("doctor my-server")
    assert (done.status, done.err) == (0, "")
    assert "offers: server-file, clock" in done.out
