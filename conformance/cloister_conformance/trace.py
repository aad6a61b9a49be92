"""Which function, vector, test and mutant belongs to which clause, read out of the five places where they stand."""

import ast
import json
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cloister

from cloister_conformance import data
from cloister_conformance.clause import CLAUSE_ID, Clause, read_clauses

REFERENCE = Path(cloister.__file__).parent
ADAPTER = data.PACKAGE / "reference_adapter"
SUITES = data.PACKAGE / "suites"
MUTANTS = data.PACKAGE / "mutants"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class TraceRow:
    """What belongs to one clause; a derived one has nothing but the clauses that it rests on."""

    rests_on: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    vectors: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    mutants: list[str] = field(default_factory=list)


def build_matrix() -> dict[str, TraceRow]:
    """Build the matrix; it also has rows for clauses that are named somewhere and do not exist."""
    matrix = {clause.id: TraceRow(rests_on=clause.rests_on) for clause in read_clauses().values()}
    found: dict[str, TraceRow] = defaultdict(TraceRow, matrix)
    for clause, name in find_functions():
        found[clause].code.append(name)
    for clause, name in find_tests():
        found[clause].tests.append(name)
    for clause, name in find_vectors():
        found[clause].vectors.append(name)
    for clause, name in find_mutants():
        found[clause].mutants.append(name)
    return dict(found)


def find_functions() -> Iterator[tuple[str, str]]:
    """Find the functions of the reference whose docstrings name a clause."""
    for folder in (REFERENCE, ADAPTER):
        for file in sorted(folder.rglob("*.py")):
            if "_proto" in file.parts:
                continue
            module = ".".join(file.relative_to(folder.parent).with_suffix("").parts).removesuffix(".__init__")
            for name, function in iterate_named(ast.parse(file.read_text("utf-8"))):
                for clause in find_docstring_clauses(function):
                    yield clause, f"{module}.{name}"


def iterate_functions(file: Path) -> Iterator[Function]:
    """Iterate over the functions and methods in a file."""
    for _, function in iterate_named(ast.parse(file.read_text("utf-8"))):
        yield function


def iterate_named(within: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Iterate over the functions and methods inside of a node, each with the name by which it is documented.

    A method's name has that of its class before it; a function inside of another is documented with that one.
    """
    for node in ast.iter_child_nodes(within):
        if isinstance(node, Function):
            inner = [function for function in ast.walk(node) if isinstance(function, Function)]
            yield from ((f"{prefix}{node.name}", function) for function in inner)
        else:
            yield from iterate_named(node, f"{prefix}{node.name}." if isinstance(node, ast.ClassDef) else prefix)


def find_docstring_clauses(function: Function) -> list[str]:
    """Find the clauses in the `Clauses:` part of a docstring."""
    _, _, after = (ast.get_docstring(function) or "").partition("Clauses:")
    return CLAUSE_ID.findall(after.partition("Source:")[0])


def find_tests() -> Iterator[tuple[str, str]]:
    """Find the tests of the suites that a marker ties to a clause."""
    for file in sorted(SUITES.glob("*.py")):
        for function in iterate_functions(file):
            for decorator in function.decorator_list:
                if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "clause":
                    for argument in decorator.args:
                        if isinstance(argument, ast.Constant):
                            yield str(argument.value), f"{file.stem}::{function.name}"


def find_vectors() -> Iterator[tuple[str, str]]:
    """Find the vectors that name a clause."""
    for file in sorted(data.find_folder("vectors").glob("*.json")):
        for group in json.loads(file.read_text("utf-8"))["testGroups"]:
            for case in group["tests"]:
                for clause in case["clauses"]:
                    yield clause, f"{file.stem} {case['tcId']}"


def find_mutants() -> Iterator[tuple[str, str]]:
    """Find the mutants; each is named after its clause."""
    for file in sorted(MUTANTS.glob("*.toml")):
        for name in tomllib.loads(file.read_text("utf-8")):
            for letter in tomllib.loads(file.read_text("utf-8"))[name]:
                yield name, f"{name}.{letter}"


def find_problems(matrix: dict[str, TraceRow]) -> list[str]:
    """Find what makes the build fail."""
    problems = []
    clauses = read_clauses()
    for name, row in matrix.items():
        if name not in clauses:
            places = ", ".join([*row.code, *row.tests, *row.mutants, *row.vectors[:1]])
            problems.append(f"{name} is not in the specification, and named by {places}")
            continue
        clause = clauses[name]
        if not clause.is_testable:
            continue
        if clause.is_derived:
            problems += find_weak_foundations(clause, matrix)
            continue
        if clause.is_must and not row.tests:
            problems.append(f"{name} has no test")
        if clause.is_must and not row.mutants and "(no mutant:" not in clause.sentence:
            problems.append(f"{name} has no mutant")
        if not row.code:
            problems.append(f"{name} is nowhere in the reference")
    problems += find_missing_stems()
    return problems


def find_weak_foundations(clause: Clause, matrix: dict[str, TraceRow]) -> list[str]:
    """Find which of the clauses that a derived one rests on do not exist, or have no test of their own."""
    if not clause.rests_on:
        return [f"{clause.id} names no clause that it rests on"]
    problems = []
    for name in clause.rests_on:
        if name not in read_clauses():
            problems.append(f"{clause.id} rests on {name}, which is not in the specification")
        elif not matrix[name].tests:
            problems.append(f"{clause.id} rests on {name}, which has no test")
    return problems


def find_missing_stems() -> list[str]:
    """Find the chapters of which one of the five places is missing; a chapter of derived clauses has only the first."""
    problems = []
    for chapter in sorted({clause.chapter for clause in read_clauses().values() if not clause.is_derived}):
        stem = chapter.partition("-")[2].replace("-", "_")
        if not (SUITES / f"{stem}.py").is_file():
            problems.append(f"chapter {chapter} has no suite {stem}.py")
        if not (MUTANTS / f"{stem}.toml").is_file():
            problems.append(f"chapter {chapter} has no mutants {stem}.toml")
        if stem != "adapter_protocol" and not (data.find_folder("vectors") / f"{stem}.json").is_file():
            problems.append(f"chapter {chapter} has no vectors {stem}.json")
    return problems
