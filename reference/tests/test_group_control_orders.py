"""Chapter 09: whatever the order of operations and deliveries, the views of a group become equal.

`orders/orders.py` says what is explored and what must hold; by hand it goes further.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "orders" / "orders.py"

EVERYWHERE = [
    "ends",
    "ends: closed",
    "ends: somebody lost with who added it, or for want of room",
    "adds refused: group full",
    "refused: GroupClosed",
    "refused: NotPermitted",
    "refused: PastEpoch",
    "views over the bound",
    "views with something that waits",
]
ORDERS = ["delivery orders", "sequences of operations and what came before each"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("run", "operations", "covered"),
    [
        ("orders", 4, [*ORDERS, "ends: added again after a leave that came late"]),
        ("interleavings", 2, ["states", "steps"]),
        ("lies", 3, [*ORDERS, "refused: InvalidSignature"]),
        ("conflict", 3, [*ORDERS, "refused: ConflictingSnapshot", "ends: two snapshots of one epoch"]),
    ],
)
def test_views_become_equal(tmp_path: Path, run: str, operations: int, covered: list[str]) -> None:
    report = tmp_path / "counts.json"
    command = [sys.executable, str(PROGRAM), "--run", run, "--operations", str(operations), "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stderr[-5000:]
    counts = json.loads(report.read_text())
    assert [what for what in [*EVERYWHERE, *covered] if not counts.get(what)] == []
