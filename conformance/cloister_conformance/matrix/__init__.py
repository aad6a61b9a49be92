"""Implementations talk to each other, in every distinct assignment of roles.

A scenario whose roles differ is played for every ordered choice, with repetition; one whose roles are all the same, for
every choice without order. Each implementation has a process of its own for each role.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations_with_replacement, product
from typing import Literal

from pydantic import BaseModel, ConfigDict

from cloister_conformance.implementation import Implementation, KnownMatrixFailure
from cloister_conformance.matrix.scenarios import SCENARIOS, Scenario
from cloister_conformance.script import ConformanceFailure, ImplementationUnderTest, NotOffered, Script
from cloister_conformance.target import Target
from cloister_conformance.transport import BrokenAdapter, HungAdapter

Outcome = Literal["passed", "failed", "known", "not offered"]


class Cell(BaseModel):
    """What became of one scenario with one assignment of implementations to its roles."""

    model_config = ConfigDict(extra="forbid")

    scenario: str
    names: list[str]
    outcome: Outcome
    detail: str = ""
    known: str = ""
    """The reason, if the failure is known."""


class Matrix(BaseModel):
    """One run: the implementations, the cells, and the known failures that did not show."""

    model_config = ConfigDict(extra="forbid")

    names: list[str]
    seed: int
    cells: list[Cell]
    stale: list[str]

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing failed that is not known, and nothing known is out of date."""
        return not self.stale and all(cell.outcome != "failed" for cell in self.cells)

    def count(self, *outcomes: Outcome) -> int:
        """Count the cells with these outcomes."""
        return sum(cell.outcome in outcomes for cell in self.cells)

    @property
    def idle(self) -> list[str]:
        """The implementations that took part in no scenario, because they do not offer what it needs."""
        busy = {name for cell in self.cells if cell.outcome != "not offered" for name in cell.names}
        return [name for name in self.names if name not in busy]

    def gather_known(self) -> dict[str, list[Cell]]:
        """Gather the cells that are known to fail by the reason."""
        reasons: dict[str, list[Cell]] = {}
        for cell in self.cells:
            if cell.known:
                reasons.setdefault(cell.known, []).append(cell)
        return reasons

    def find(self, *names: str) -> list[Cell]:
        """Find the cells of one assignment."""
        return [cell for cell in self.cells if cell.names == list(names)]


def assign(scenario: Scenario, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """List the distinct assignments of implementations to the roles of a scenario."""
    size = len(scenario.roles)
    return combinations_with_replacement(names, size) if scenario.is_symmetric else product(names, repeat=size)


def count_assignments(implementations: int) -> int:
    """Count the distinct assignments of so many implementations, over all scenarios."""
    names = [str(number) for number in range(implementations)]
    return sum(1 for scenario in SCENARIOS for _ in assign(scenario, names))


def run(implementations: Sequence[Implementation], *, seed: int, listener: Callable[[Cell], None]) -> Matrix:
    """Play all scenarios with all assignments."""
    by_name = {implementation.name: implementation for implementation in implementations}
    targets = {(name, place): Target(implementation) for name, implementation in by_name.items() for place in range(3)}
    cells = []
    shown: set[int] = set()
    try:
        for scenario in SCENARIOS:
            for names in assign(scenario, list(by_name)):
                cell = play(scenario, names, [targets[name, place] for place, name in enumerate(names)], seed)
                known = find_known(cell, scenario, [by_name[name] for name in names])
                if known:
                    shown.add(id(known))
                    cell = cell.model_copy(update={"outcome": "known", "known": known.reason})
                cells.append(cell)
                listener(cell)
    finally:
        for target in targets.values():
            target.stop()
    stale = [
        f"{implementation.name}: {known.scenario}: {known.reason}"
        for implementation in implementations
        for known in implementation.known_matrix_failure
        if id(known) not in shown
    ]
    return Matrix(names=list(by_name), seed=seed, cells=cells, stale=stale)


def play(scenario: Scenario, names: Sequence[str], targets: Sequence[Target], seed: int) -> Cell:
    """Play one scenario with one assignment."""
    script = Script(seed=seed)
    actors = [
        ImplementationUnderTest(target, script, name=f"{role} {name}")
        for target, role, name in zip(targets, scenario.roles, names, strict=True)
    ]
    cell = Cell(scenario=scenario.name, names=list(names), outcome="passed")
    speaking = ""
    try:
        for actor in actors:
            speaking = actor.name
            actor.call("reset").must_be()
        scenario.play(actors, random.Random(f"{seed} {scenario.name}"))
    except NotOffered as missing:
        return cell.model_copy(update={"outcome": "not offered", "detail": missing.capability})
    except ConformanceFailure as failure:
        who = failure.script.steps[-1].actor
        return cell.model_copy(update={"outcome": "failed", "detail": f"{who}: {failure}"})
    except (BrokenAdapter, HungAdapter) as error:
        if len(script.steps) > len(actors):
            speaking = script.steps[-1].actor
        return cell.model_copy(update={"outcome": "failed", "detail": f"{speaking}: {error}"})
    return cell


def find_known(cell: Cell, scenario: Scenario, implementations: Sequence[Implementation]) -> KnownMatrixFailure | None:
    """Find the known failure of one of the implementations that explains a failed cell."""
    if cell.outcome != "failed":
        return None
    for role, implementation in zip(scenario.roles, implementations, strict=True):
        for known in implementation.known_matrix_failure:
            if known.scenario == scenario.name and known.role in (None, role) and known.explains(cell.detail):
                return known
    return None
