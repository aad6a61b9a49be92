"""The commands of docs/open-groups.md do what the page shows, on a network and a server of processes."""

import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cloister import room
from cloister.devnet import Devnet, find_ports
from cloister.devserver import DevServer, serves
from cloister_conformance import data

pytestmark = pytest.mark.network

PAGE = (data.CHECKOUT / "docs" / "open-groups.md").read_text("utf-8")
BLOCK = re.compile(r"^```(shell|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SETTINGS = {"requests_per_second": 10_000, "request_burst": 10_000}
PASTE = "'paste the link here'"
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
ROOMS = ({"token": "lobby", "name": "Lobby"},)


def find_steps() -> list[tuple[str, str]]:
    """Find the blocks of commands that print what is shown, and those that print a link to be pasted."""
    blocks = [*BLOCK.findall(PAGE), ("", "")]
    steps = []
    for (kind, text), (next_kind, shown) in itertools.pairwise(blocks):
        if kind == "shell" and not text.startswith(("cloister devnet", "cloister serve")):
            steps.append((text, shown if next_kind == "text" else ""))
    return steps


def hide(text: str) -> str:
    """Hide what is another each time."""
    return re.sub(r"\b(05|15)[0-9a-f]{64}\b", r"\1ID", text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a network, and an account that is to be operator."""
    made = tmp_path_factory.mktemp("guide")
    with Devnet(nodes=7, swarms=1, folder=made / "devnet", settings=SETTINGS):
        yield made


def run(script: str, folder: Path) -> str:
    """Run a script as a person types it; return all that it prints."""
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Run the server as the page says, on a port that is free; yield the link that it prints."""
    (command,) = re.findall("^cloister serve .*", PAGE, re.MULTILINE)
    (port,) = find_ports(1)
    with subprocess.Popen(
        ["bash", "-c", f"exec {command} --port {port}"], cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            link = next(line.split()[1] for line in process.stdout if line.startswith("lobby "))
            next(line for line in process.stdout if line.startswith("serving at"))
            while not serves(port):
                time.sleep(0.1)
            yield link
        finally:
            process.terminate()
            process.stdout.read()


def test_the_walk_through_prints_what_it_shows(folder: Path) -> None:
    with serve(folder) as link:
        pasted, kept = link, ""  # and the variables of the terminal
        for commands, shown in find_steps():
            typed = commands.replace(PASTE, f"'{pasted}'")
            printed = run(kept + typed, folder)
            if "create-room" in commands:
                pasted = printed.split()[0]
                continue
            assert hide(printed) == hide(shown), commands
            kept += "".join(f"{line}\n" for line in typed.splitlines() if re.match("LINK=|HUT=", line))
            if "INVITED=" in typed:
                kept += "INVITED=$(cloister room invite hut --account alice.sqlite)\n"
    assert {"lobby", "hut"} == set(
        re.findall(r"^(\w+)  ", run("cloister room list --account alice.sqlite", folder), re.MULTILINE)
    )


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("read nowhere", "this account is in no room nowhere: `cloister room join LINK` first"),
        ("join nonsense", "invalid message: it is no link to a room"),
        (
            "list --network no.json",
            "there is no no.json: run `cloister devnet --dir devnet`, or name it with --network",
        ),
    ],
)
def test_what_cannot_be_is_one_line_that_says_what_to_do(folder: Path, command: str, says: str) -> None:
    assert run(f"cloister room {command}; echo $?", folder) == f"cloister: {says}\n2\n"


def test_another_key_and_a_server_that_is_not_there_are_told(folder: Path) -> None:
    operator = run("cloister room id --account erin.sqlite", folder).strip()
    with DevServer(folder / "other", operator=operator, rooms=ROOMS, settings=SETTINGS) as server:
        link = room.encode_link(server.find_link("lobby"))
        assert "joined lobby" in run(f"cloister room join '{link}' --account erin.sqlite", folder)
        other = link.replace(server.key.hex(), f"{9:02x}{0:062x}")
        assert "is known with another key" in run(f"cloister room join '{other}' --account erin.sqlite", folder)
        told = run(f"cloister room join '{other}' --account frank.sqlite; echo $?", folder).splitlines()
        assert told[-1] == "3" and "is the key in its link the right one?" in told[-2]
    told = run("cloister room read lobby --account erin.sqlite; echo $?", folder).splitlines()
    assert told[-1] == "3" and "does the server run" in told[-2]
