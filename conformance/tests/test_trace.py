"""The clause trace: what it finds in the five places, and what it complains of."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloister_conformance import trace
from cloister_conformance.clause import Clause, read_clauses
from cloister_conformance.trace import TraceRow


@pytest.fixture(scope="module")
def matrix() -> dict[str, TraceRow]:
    """The matrix of this repository."""
    return trace.build_matrix()


def test_a_clause_has_its_code_vectors_tests_and_mutants(matrix: dict[str, TraceRow]) -> None:
    row = matrix["PW-4"]
    assert "cloister.proof_of_work.check_ttl" in row.code
    assert "proof_of_work::test_a_ttl_that_is_not_whole_seconds_is_refused" in row.tests
    assert "PW-4.a" in row.mutants
    assert [name for name in row.vectors if name.startswith("proof_of_work ")]


def test_code_is_named_as_it_is_documented() -> None:
    tree = ast.parse("def f():\n def g(): pass\nclass C:\n async def m(self): pass\nif True:\n def h(): pass\n")
    named = [(name, function.name) for name, function in trace.iterate_named(tree)]
    assert named == [("f", "f"), ("f", "g"), ("C.m", "m"), ("h", "h")]


def test_every_clause_has_a_row(matrix: dict[str, TraceRow]) -> None:
    assert matrix.keys() == read_clauses().keys()


def test_the_clauses_of_a_docstring_end_where_its_source_begins(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    docstring = '"""Do, not as SK-1.\n\n    Clauses: SK-2, SK-30\n    Source: SK-4\n    """'
    file.write_text(f"def f():\n    {docstring}\nasync def g():\n    {docstring}\n")
    functions = list(trace.iterate_functions(file))
    assert [function.name for function in functions] == ["f", "g"]
    assert [trace.find_docstring_clauses(function) for function in functions] == [["SK-2", "SK-30"]] * 2


# Complaints


def find(monkeypatch: pytest.MonkeyPatch, sentence: str, row: TraceRow) -> list[str]:
    """Find the problems of one clause with this sentence and row, beside those of the chapters."""
    clause = Clause(id="SK-1", chapter="04-sender-keys", sentence=sentence)
    monkeypatch.setattr(trace, "read_clauses", lambda: {"SK-1": clause})
    return trace.find_problems({"SK-1": row})


WHOLE: dict[str, list[str]] = {"code": ["f"], "vectors": [], "tests": ["s::t"], "mutants": ["SK-1.a"]}


@pytest.mark.parametrize(
    ("sentence", "lacks", "problems"),
    [
        ("A receiver MUST do.", "", []),
        ("A receiver MUST do.", "tests", ["SK-1 has no test"]),
        ("A receiver MUST do.", "mutants", ["SK-1 has no mutant"]),
        ("A receiver MUST do.", "code", ["SK-1 is nowhere in the reference"]),
        ("A receiver MUST do (no mutant: it cannot be broken).", "mutants", []),
        ("A receiver SHOULD do.", "tests", []),
        ("A person MUST do (not testable: it binds people).", "tests", []),
        ("(withdrawn in 0.2, see SK-2)", "code", []),
    ],
)
def test_what_a_clause_lacks_is_told(
    monkeypatch: pytest.MonkeyPatch, sentence: str, lacks: str, problems: list[str]
) -> None:
    row = TraceRow(**{name: [] if name == lacks else value for name, value in WHOLE.items()})
    assert find(monkeypatch, sentence, row) == problems


def test_an_id_that_is_no_clause_is_told_with_its_places() -> None:
    row = TraceRow(code=["f"], tests=["s::t"], mutants=["SK-999.a"], vectors=["sender_keys 1", "sender_keys 2"])
    assert (
        trace.find_problems({"SK-999": row})[0]
        == "SK-999 is not in the specification, and named by f, s::t, SK-999.a, sender_keys 1"
    )


def test_a_chapter_without_its_files_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    clause = Clause(id="SW-1", chapter="07-no-such", sentence="A node MUST do.")
    monkeypatch.setattr(trace, "read_clauses", lambda: {"SW-1": clause})
    assert trace.find_missing_stems() == [
        "chapter 07-no-such has no suite no_such.py",
        "chapter 07-no-such has no mutants no_such.toml",
        "chapter 07-no-such has no vectors no_such.json",
    ]


# The command


def test_the_command_prints_the_matrix(cloister: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "find_problems", lambda matrix: [])
    done = cloister("trace")
    assert (done.status, done.err) == (0, "")
    assert "PW-4.a" in done.out
    assert f"{len(read_clauses())} clauses, 0 problems" in done.out


def test_the_command_fails_on_a_problem(
    cloister: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    group = {"testGroups": [{"tests": [{"tcId": 7, "clauses": ["SK-999"]}]}]}
    (tmp_path / "sender_keys.json").write_text(json.dumps(group))
    monkeypatch.setattr(trace.data, "find_folder", lambda name: tmp_path)
    done = cloister("trace")
    assert done.status == 1
    assert "problem SK-999 is not in the specification, and named by sender_keys 7" in done.out
