"""Runs the suite on every mutant: is each caught by a test of the clause that it breaks?"""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from cloister_conformance import run as runs
from cloister_conformance.implementation import (
    PYTHON,
    ROLES,
    Implementation,
    Role,
    UnusableImplementation,
    from_command,
)
from cloister_conformance.mutants import Mutant
from cloister_conformance.results import Report
from cloister_conformance.run import Options, UnusableSelection

TIMEOUT_SECONDS: dict[Role, float] = {"client": 5, "service-node": 10, "open-group-server": 10}
"""A server has to start in this time too, beside others."""
OF_ONE_ROLE: dict[str, Role] = {
    "cloister.service_node": "service-node",
    "cloister.open_group": "open-group-server",
}
"""Roles by how the modules begin that they alone run."""

Fate = Literal["caught", "caught elsewhere", "survived", "does not start"]
"""`caught elsewhere`: by a test, but by none of the clause that it breaks."""


class Catch(BaseModel):
    """What became of one mutant."""

    mutant: Mutant
    fate: Fate
    test: str = ""
    how: str = ""


def hunt(mutants: list[Mutant], folder: Path, *, jobs: int) -> Iterator[Catch]:
    """Run the suite on mutants, in so many processes; yield the catches in their order."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(max_workers=jobs, mp_context=context)
    try:
        futures = [pool.submit(catch, mutant, folder) for mutant in mutants]
        for mutant, future in zip(mutants, futures, strict=True):
            try:
                yield future.result()
            except BrokenProcessPool:
                yield Catch(mutant=mutant, fate="does not start", how="it, or another mutant, killed the run")
    finally:
        pool.shutdown(cancel_futures=True)  # whoever interrupts does not wait for all that were to come


def catch(mutant: Mutant, folder: Path) -> Catch:
    """Run the tests of the mutant's clause in each role, then all others, up to the first catch."""
    implementations = [describe(mutant, folder, role) for role in find_roles(mutant)]
    rounds: list[tuple[Fate, Options]] = [
        ("caught", Options(clause=mutant.clause, stop_first=True, verdicts_only=True, failures="")),
        ("caught elsewhere", Options(stop_first=True, verdicts_only=True, failures="")),
    ]
    try:
        for fate, options in rounds:
            for implementation in implementations:
                if found := find_catch(implementation, options):
                    return Catch(mutant=mutant, fate=fate, test=found[0], how=found[1])
    except UnusableImplementation as error:
        return Catch(mutant=mutant, fate="does not start", how=str(error))
    return Catch(mutant=mutant, fate="survived")


def find_roles(mutant: Mutant) -> list[Role]:
    """Find the roles in which a mutant may show; no client runs what only a server runs."""
    own = [role for begin, role in OF_ONE_ROLE.items() if mutant.module.startswith(begin)]
    return own or [*ROLES]


def describe(mutant: Mutant, folder: Path, role: Role = "client") -> Implementation:
    """Describe a mutant of a folder as an implementation under test."""
    command = [*PYTHON, "cloister_conformance.mutants", mutant.id, str(folder.resolve())]
    return from_command(
        command if role == "client" else [*command, "--role", role],
        role=role,
        name=f"mutant {mutant.id}",
        timeout_seconds=TIMEOUT_SECONDS[role],
    )


def find_catch(implementation: Implementation, options: Options) -> tuple[str, str] | None:
    """Run tests; return the first that failed and how."""
    try:
        report: Report = runs.run(implementation, options)
    except UnusableSelection:
        return None
    for test in report.tests:
        if test.verdict in ("failed", "broken") and test.failure:
            return test.id, f"expected {test.failure.expected}; {test.failure.actual}"
    return None


def count_jobs() -> int:
    """Count the processes to use."""
    return min(2, os.cpu_count() or 1)
