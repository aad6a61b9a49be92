"""`cloister devnet`, `cloister demo` and `cloister serve`, as a person calls them."""

import json
import re
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
ROOT = Path(__file__).parents[2]
FORGETFUL = (
    "from cloister import demo, group_sending, group_state\n"
    "demo.CLAIM_SECONDS = 20\n"
    "group_sending.renew = lambda group, random: group_state.Step(group)\n"
)
"""Members that keep their sender keys when somebody goes."""


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


# The demo


def run_demo(*program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "".join((*program, PROGRAM)), "demo"]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def strip(text: str) -> list[str]:
    """The lines of a run without what is another each time: account ids and seconds."""
    return re.sub(r"\b05[0-9a-f]{64}\b", "ID", re.sub(r"in \d+ s", "in N s", text)).splitlines()


def test_the_demo_tells_what_its_page_shows() -> None:
    done = run_demo()
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    page = (ROOT / "docs" / "demo.md").read_text("utf-8")
    (shown,) = re.findall(r"^```text\n(1\. A network\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert strip(done.stdout) == strip(shown)
    assert max(map(len, done.stdout.splitlines())) < 80
    claims = sum(line.startswith("   ok ") for line in done.stdout.splitlines())
    assert done.stdout.splitlines()[-1].startswith(f"All {claims} claims were checked, in ")


def test_the_demo_ends_at_the_first_claim_that_is_false() -> None:
    done = run_demo(FORGETFUL)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1] == ("   FALSE no old key is used any more, and the group has another address")


def test_the_demo_leaves_nothing_behind_when_it_is_stopped(tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"import tempfile; tempfile.tempdir = {str(tmp_path)!r}\n{PROGRAM}", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while process.stdout.readline() != "2. Five strangers\n":
            pass
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode not in {0, 1}
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
