"""Chapter 12 says what is there: the tests and mutants of each attack are those of its clauses, and the models claim what it says."""

import re
from types import ModuleType

import pytest
from cloister_conformance import data, trace
from cloister_conformance.clause import CLAUSE_ID, read_clauses
from cloister_conformance.trace import TraceRow

CHAPTER = (data.find_folder("spec") / "12-security.md").read_text("utf-8")
ATTACK = re.compile(r"^\| A(?P<number>\d+) \| (?P<rest>.+) \|$", re.MULTILINE)
MUTANT = re.compile(rf"{CLAUSE_ID.pattern}\.[a-z]\b")
NAME = re.compile(r"`(\w+)`")
ELSEWHERE = {25}
"""Attacks that the text speaks of outside of the tables: A25 is a list of attackers."""


def read_attacks() -> dict[int, tuple[list[str], list[str], list[str]]]:
    """Read the attacks by number: the clauses that stop each, the tests that catch it, and its mutants."""
    attacks = {}
    for match in ATTACK.finditer(CHAPTER):
        _, stops, tests, *mutants = (cell.strip() for cell in match["rest"].split("|"))
        assert int(match["number"]) not in attacks, match["number"]
        attacks[int(match["number"])] = (
            CLAUSE_ID.findall(stops),
            NAME.findall(tests),
            [found[0] for found in MUTANT.finditer(" ".join(mutants))],
        )
    return attacks


@pytest.fixture(scope="module")
def matrix() -> dict[str, TraceRow]:
    """The matrix of this repository."""
    return trace.build_matrix()


def test_no_attack_is_left_out() -> None:
    numbers = read_attacks().keys() | ELSEWHERE
    assert numbers == set(range(1, max(numbers) + 1))


@pytest.mark.parametrize("number", sorted(read_attacks()))
def test_the_tests_and_mutants_of_an_attack_are_those_of_its_clauses(number: int, matrix: dict[str, TraceRow]) -> None:
    clauses, tests, mutants = read_attacks()[number]
    assert clauses
    assert tests or is_untested(clauses, matrix)
    belonging = {name.partition("::")[2] for clause in clauses for name in matrix[clause].tests}
    assert [name for name in tests if name not in belonging] == []
    assert [
        name for name in mutants if name not in {each for clause in clauses for each in matrix[clause].mutants}
    ] == []


def is_untested(clauses: list[str], matrix: dict[str, TraceRow]) -> bool:
    """Tell whether a chapter has no suite yet: then its attacks name no tests and mutants, and must as soon as it has one."""
    return not any(matrix[clause].tests for clause in clauses)


def test_every_attack_that_is_stopped_has_a_mutant(matrix: dict[str, TraceRow]) -> None:
    without = {
        number
        for number, (clauses, _, mutants) in read_attacks().items()
        if not mutants and not is_untested(clauses, matrix)
    }
    assert without == {43}, "a stranger that retrieves is not stopped, so no implementation is broken by letting it"


def read_models(heading: str) -> list[tuple[str, str]]:
    """Read the table below a heading: pairs of the name of a claim, and the row's other cell."""
    _, _, after = CHAPTER.partition(heading)
    table = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    assert table, f"no table below {heading}"
    rows = [row.strip("| ").split(" | ") for row in table[0].splitlines()[2:]]
    return [(name, other) for cells in rows for cell, other in (cells, reversed(cells)) for name in NAME.findall(cell)]


def test_the_chapter_says_of_each_claim_of_the_models_whether_it_holds(models: ModuleType) -> None:
    failing = {failure["claim"] for failure in models.read_settings()["failure"]}
    assert {name for name, _ in read_models("that a model checks:\n")} == models.read_claims().keys() - failing
    assert {name for name, _ in read_models("the models refute:\n")} == failing


def test_a_claim_of_the_models_has_clauses_in_common_with_the_promise_that_it_checks(models: ModuleType) -> None:
    apart = [
        (promise, name)
        for name, promise in read_models("that a model checks:\n")
        if promise != "beyond these"
        and set(read_clauses()[promise].rests_on).isdisjoint(models.read_claims()[name].clauses)
    ]
    assert apart == []


def test_each_clause_that_the_chapter_names_is_there() -> None:
    assert [name for name in CLAUSE_ID.findall(CHAPTER) if name not in read_clauses()] == []


def test_each_promise_is_named_where_adversaries_and_properties_are() -> None:
    before, _, _ = CHAPTER.partition("### Known attacks")
    named = CLAUSE_ID.findall(before)
    assert [name for name in read_clauses() if name.startswith("SC-") and name not in named] == []
