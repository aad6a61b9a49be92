"""The clause trace: what it finds in the five places, and what it complains of."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloister_conformance import trace
from cloister_conformance.clause import Clause, find_bearers, read_clauses
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


# Clauses that rest on others


PROMISE = "A receiver MUST read no message that was read before (rests on SK-1, SK-36)."


def find_of_promise(monkeypatch: pytest.MonkeyPatch, sentence: str, rows: dict[str, TraceRow]) -> list[str]:
    """Find the problems of a clause of chapter 12 with this sentence beside whole clauses of these rows."""
    promise = Clause(id="SC-1", chapter="12-security", sentence=sentence)
    clauses = {name: Clause(id=name, chapter="04-sender-keys", sentence="A receiver SHOULD do.") for name in rows}
    monkeypatch.setattr(trace, "read_clauses", lambda: {**clauses, "SC-1": promise})
    return trace.find_problems({**rows, "SC-1": TraceRow(rests_on=promise.rests_on)})


@pytest.mark.parametrize(
    ("sentence", "tested", "untested", "problems"),
    [
        (PROMISE, ["SK-1", "SK-36"], [], []),
        (PROMISE, ["SK-1"], [], ["SC-1 rests on SK-36, which is not in the specification"]),
        (PROMISE, ["SK-1"], ["SK-36"], ["SC-1 rests on SK-36, which has no test"]),
        ("A receiver MUST do (rests on SC-1).", [], [], ["SC-1 rests on SC-1, which has no test"]),
        ("A receiver MUST do.", ["SK-1"], [], ["SC-1 names no clause that it rests on"]),
        ("A receiver MUST do (rests on SK-1), always.", ["SK-1"], [], ["SC-1 names no clause that it rests on"]),
        (
            "A receiver MUST do (rests on SK-1 to SK-3).",
            ["SK-1"],
            [],
            ["SC-1 rests on SK-1 to SK-3, which is not in the specification"],
        ),
        ("(withdrawn in 0.2, see SC-2)", [], [], []),
    ],
)
def test_a_clause_that_rests_on_others_names_tested_ones(
    monkeypatch: pytest.MonkeyPatch, sentence: str, tested: list[str], untested: list[str], problems: list[str]
) -> None:
    whole = {name: TraceRow(code=["f"], tests=["s::t"]) for name in tested}
    bare = {name: TraceRow(code=["f"]) for name in untested}
    assert find_of_promise(monkeypatch, sentence, {**whole, **bare}) == problems


def test_only_a_clause_of_chapter_12_rests_on_others() -> None:
    clause = Clause(id="SK-2", chapter="04-sender-keys", sentence=PROMISE)
    assert (clause.is_derived, clause.rests_on) == (False, [])
    with pytest.MonkeyPatch.context() as patch:
        assert find(patch, PROMISE, TraceRow()) == [
            "SK-1 has no test",
            "SK-1 has no mutant",
            "SK-1 is nowhere in the reference",
        ]


def test_the_tests_of_a_clause_are_its_own_or_those_of_its_foundations(matrix: dict[str, TraceRow]) -> None:
    assert find_bearers("SC-1") == matrix["SC-1"].rests_on != []
    assert find_bearers("SK-1") == ["SK-1"]
    assert find_bearers("SK-999") == ["SK-999"]


# The command


def test_the_command_prints_the_matrix(cloister: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "find_problems", lambda matrix: [])
    done = cloister("trace")
    assert (done.status, done.err) == (0, "")
    assert "PW-4.a" in done.out
    assert f"{len(read_clauses())} clauses, 0 problems" in done.out


def test_the_command_prints_what_a_clause_rests_on(
    cloister: Callable[[str], Any], matrix: dict[str, TraceRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "find_problems", lambda matrix: [])
    done = cloister("trace SC-9")
    assert (done.status, matrix["SC-9"].rests_on) == (0, ["SK-2", "SK-36"])
    assert "SC-9 rests on SK-2," in done.out
    assert "SK-2.a" in done.out
    assert "SK-36.d" in done.out
    assert done.out.endswith("3 clauses, 0 problems; without a mutant: none")


def test_the_command_fails_on_a_problem(
    cloister: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    group = {"testGroups": [{"tests": [{"tcId": 7, "clauses": ["SK-999"]}]}]}
    (tmp_path / "sender_keys.json").write_text(json.dumps(group))
    monkeypatch.setattr(trace.data, "find_folder", lambda name: tmp_path)
    done = cloister("trace")
    assert done.status == 1
    assert "problem SK-999 is not in the specification, and named by sender_keys 7" in done.out
