"""The matrix: who talks to whom, what fails, and what of that is known."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cloister_conformance import implementation as implementations
from cloister_conformance import matrix
from cloister_conformance.implementation import Implementation, KnownMatrixFailure
from cloister_conformance.matrix import Cell, Matrix
from cloister_conformance.matrix import render as render_matrix
from cloister_conformance.matrix.scenarios import SCENARIOS
from rich.console import Console

QUIET_BUG = """
[PS-12.a]
module = "cloister.x3dh"
before = "    secret = DISCONTINUITY + dh1 + dh2 + dh3 + dh4\\n"
after = "    secret = DISCONTINUITY + dh2 + dh1 + dh3 + dh4\\n"
why = "the first two agreements are swapped, on both sides"
"""
REFUSED = "InvalidMac"


def make_quiet(folder: Path, *known: KnownMatrixFailure) -> Implementation:
    """An implementation that talks to itself and to nobody else."""
    (folder / "bug.toml").write_text(QUIET_BUG, "utf-8")
    command = [sys.executable, "-m", "cloister_conformance.mutants", "PS-12.a", str(folder)]
    return Implementation(name="quiet", run=command, known_matrix_failure=list(known))


def run(*others: Implementation) -> Matrix:
    return matrix.run([implementations.reference(), *others], seed=0, listener=lambda cell: None)


@pytest.fixture(scope="module")
def quiet_run(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    return run(make_quiet(tmp_path_factory.mktemp("quiet")))


def test_every_distinct_assignment_is_made_once() -> None:
    for scenario in SCENARIOS:
        assigned = list(matrix.assign(scenario, "abcd"))
        kinds = {tuple(sorted(names)) if scenario.is_symmetric else names for names in assigned}
        assert len(assigned) == len(kinds) == (20 if scenario.is_symmetric else 16)
    assert matrix.count_assignments(4) == 7 * 16 + 20


def test_a_quiet_bug_shows_only_against_others(quiet_run: Matrix) -> None:
    assert {cell.outcome for cell in quiet_run.find("quiet", "quiet")} == {"passed"}
    for names in (("cloister reference", "quiet"), ("quiet", "cloister reference")):
        assert {cell.outcome for cell in quiet_run.find(*names)} == {"failed"}
    assert {cell.outcome for cell in quiet_run.cells if cell.scenario == "sender-key group"} == {"passed"}
    assert not quiet_run.is_clean


def test_a_failure_says_who_did_what(quiet_run: Matrix) -> None:
    (first, *_) = quiet_run.find("quiet", "cloister reference")
    assert first.detail.startswith("responder cloister reference: session.decrypt: expected the result")
    assert REFUSED in first.detail


def test_the_picture_shows_every_pair_and_every_failure(quiet_run: Matrix) -> None:
    console = Console(record=True, width=100)
    render_matrix.print_matrix(console, quiet_run)
    text = console.export_text()
    assert "XXXXXXX" in text
    assert "32 distinct assignments of implementations to roles: 18 passed, 14 failed, 0 known, 0 not offered" in text
    assert "a  cloister reference" in text
    assert "b  quiet" in text
    html = render_matrix.render_html(quiet_run)
    assert html.count('class="mark failed"') == 14 + 1


def test_a_known_failure_is_known_and_one_that_does_not_show_is_out_of_date(tmp_path: Path) -> None:
    known = KnownMatrixFailure(scenario="restarts", role="initiator", expected=[REFUSED], reason="DH1 and DH2 swapped")
    stale = KnownMatrixFailure(scenario="sender-key group", expected=["anything"], reason="nothing")
    found = run(make_quiet(tmp_path, known, stale))
    outcomes = {(tuple(cell.names), cell.scenario): cell.outcome for cell in found.cells}
    assert outcomes[("quiet", "cloister reference"), "restarts"] == "known"
    assert outcomes[("cloister reference", "quiet"), "restarts"] == "failed"
    assert found.stale == ["quiet: sender-key group: nothing"]
    (row,) = [line for line in render_matrix.render_markdown(found).splitlines() if line.startswith("| b quiet")]
    assert row == "| b quiet | `XXXXXkX` | `+++++++` |"
    assert "| DH1 and DH2 swapped | 1 | quiet -> cloister reference, restarts |" in render_matrix.render_markdown(found)


def test_the_picture_fits_a_narrow_terminal() -> None:
    names = [f"a library with a long name {number}" for number in range(9)]
    cells = [
        Cell(scenario=scenario.name, names=[opener, other], outcome="passed")
        for opener in names
        for other in names
        for scenario in SCENARIOS
        if not scenario.is_symmetric
    ]
    console = Console(record=True, width=80)
    render_matrix.print_matrix(console, Matrix(names=names, seed=0, cells=cells, stale=[]))
    assert sum(line.count("+++++++") == 9 for line in console.export_text().splitlines()) == 9


def test_an_adapter_that_dies_fails_its_cells_and_the_run_goes_on() -> None:
    dead = Implementation(name="dead", run=[sys.executable, "-c", "raise SystemExit(3)"])
    found = run(dead)
    broken = [cell for cell in found.cells if "dead" in cell.names]
    assert {cell.outcome for cell in broken} == {"failed"}
    assert "exited with status 3" in broken[0].detail
    assert {cell.outcome for cell in found.find("cloister reference", "cloister reference")} == {"passed"}


def test_who_offers_nothing_is_named(fake: Callable[..., Implementation]) -> None:
    found = run(fake("--offer", "proof-of-work-target"))
    assert found.idle == ["fake"]
    console = Console(record=True, width=100)
    render_matrix.print_matrix(console, found)
    assert "nothing offered fake took part in no scenario" in console.export_text()


def test_names_are_no_markup() -> None:
    cells = [Cell(scenario="restarts", names=["[/x]", "[/x]"], outcome="failed", detail="[/y]")]
    console = Console(record=True, width=100)
    render_matrix.print_matrix(console, Matrix(names=["[/x]"], seed=0, cells=cells, stale=["[/z]"]))
    for name in ("[/x]", "[/y]", "[/z]"):
        assert name in console.export_text(clear=False)


def test_a_clean_run_is_clean() -> None:
    cell = Cell(scenario="restarts", names=["a", "b"], outcome="not offered", detail="persistence")
    assert Matrix(names=["a", "b"], seed=0, cells=[cell], stale=[]).is_clean
    assert not Matrix(names=["a", "b"], seed=0, cells=[cell], stale=["a"]).is_clean
