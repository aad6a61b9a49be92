"""What a network survives, in short; by hand it runs for longer: `docs/faults.md`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.network

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "faults" / "faults.py"
PAGE = ROOT / "docs" / "faults.md"
REPORT = ROOT / "docs" / "faults.json"
PHASES = ["crashes", "losses", "pauses", "clocks", "disks", "difficulty", "lies"]
BAD = ("lost", "twice", "gone_from_disk", "copies_missing")
TIMEOUT_SECONDS = 400
"""Of a machine that has much else to do; on a quiet one it takes a tenth of that."""


@pytest.fixture(scope="module")
def phases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The figures of a short run."""
    report = tmp_path_factory.mktemp("faults") / "faults.json"
    command = [sys.executable, str(PROGRAM), "--seconds", "1.5", "--nodes", "8", "--seed", "1", "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    assert report.exists(), done.stderr
    return {phase["phase"]: phase for phase in json.loads(report.read_text())["phases"]}


@pytest.mark.parametrize("phase", PHASES)
def test_nothing_is_lost_and_nothing_is_delivered_twice(phases: dict[str, dict[str, Any]], phase: str) -> None:
    assert {name: phases[phase][name] for name in BAD} == dict.fromkeys(BAD, 0)


@pytest.mark.parametrize(
    ("phase", "suffered"),
    [
        ("crashes", "nodes_killed"),
        ("losses", "nodes_lost"),
        ("losses", "nodes_added"),
        ("pauses", "nodes_paused"),
        ("clocks", "nodes_killed"),
        ("disks", "nodes_killed"),
        ("difficulty", "rises"),
        ("lies", "nodes_lying"),
        *((phase, "readers_killed") for phase in PHASES),
    ],
)
def test_there_were_faults(phases: dict[str, dict[str, Any]], phase: str, suffered: str) -> None:
    assert phases[phase][suffered] > 0


@pytest.mark.parametrize("phase", PHASES)
def test_meanwhile_messages_were_sent(phases: dict[str, dict[str, Any]], phase: str) -> None:
    assert phases[phase]["sent"] > 0
    assert phases[phase]["acknowledgements"] >= 2 * phases[phase]["sent"]


def test_the_guide_shows_the_figures_of_the_report() -> None:
    report = json.loads(REPORT.read_text("utf-8"))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.read_text("utf-8").splitlines()]
    (head,) = [row for row in cells if row[0] == "phase" and "lost" in row]
    names = [name.replace(" ", "_") for name in head[1:]]
    measured = {phase["phase"]: [f"{phase[name]:,}" for name in names] for phase in report["phases"]}
    total = [f"{sum(phase[name] for phase in report['phases']):,}" for name in names]
    shown = {row[0]: row[1:] for row in cells if len(row) == len(head) and row[0] in {*PHASES, "all"}}
    assert shown == measured | {"all": total}
    assert list(measured) == PHASES
    assert [phase[name] for phase in report["phases"] for name in BAD] == [0] * len(BAD) * len(PHASES)
