"""`cloister devnet` and `cloister serve`, as a person calls them."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from cloister.devnet import find_ports

pytestmark = pytest.mark.network

PROGRAM = (
    "import signal\n"  # these tests may run where signals are ignored
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from cloister_conformance.cli import main; main()"
)
CLOISTER = [sys.executable, "-c", PROGRAM]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLOISTER, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_a_network_runs_until_it_is_stopped_and_is_there_again(tmp_path: Path) -> None:
    folder = tmp_path / "devnet"
    command = [
        *CLOISTER,
        "devnet",
        "--nodes",
        "7",
        "--swarms",
        "2",
        "--dir",
        str(folder),
        "--port",
        str(find_ports(1)[0]),
    ]
    networks = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(11)]
            networks.append(json.loads((folder / "network.json").read_text()))
            url = lines[0].split()[3]
            with urllib.request.urlopen(f"{url}/health") as answer:
                assert json.load(answer) == {"status": "ok", "height": networks[0]["height"]}
            assert lines[7] == f"clients read  {folder}/network.json\n"
            process.send_signal(number)
            assert process.stdout.read() == "stopped\n"
            assert process.wait(20) == 0
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(f"{url}/health")
    assert networks[0] == networks[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["devnet", "--nodes", "3"], "3 nodes are too few: two paths and a destination need 7"),
        (["devnet", "--swarms", "9"], "8 nodes can make from 1 to 8 swarms, not 9"),
        (["serve", "service-node", "/nowhere"], "cannot read the node file /nowhere: No such file or directory"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], says: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"cloister: {says}\n")
