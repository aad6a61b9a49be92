"""What a run found, as models; the JSON report is written from them, and its schema is published."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cloister_conformance.implementation import KnownFailure, Role

Verdict = Literal["passed", "failed", "broken", "known", "not offered", "error"]
"""`broken`: the adapter gave no answer. `known`: failed as adapter.toml says. `error`: the harness itself failed."""


class Strict(BaseModel):
    """No members but those listed."""

    model_config = ConfigDict(extra="forbid")


class Failure(Strict):
    """A failed test, with all that a stranger needs."""

    expected: str
    actual: str
    counterexample: str
    intermediates: list[str]
    stderr: str
    transcript: str | None = None
    repeat: str = ""
    replay: str = ""


class TestResult(Strict):
    """One test."""

    __test__ = False

    id: str
    suite: str
    clauses: list[str]
    verdict: Verdict
    seconds: float
    cases: int
    coarse: int
    not_offered: str | None = None
    known: list[KnownFailure] = Field(
        default=[],
        description="the known failures that the test shows; if the verdict is `known`, the first is that of `failure`",
    )
    failure: Failure | None = None
    readings: dict[str, str] = Field(
        default={}, description="where deployed software differs: the question, and what this one does"
    )

    def name_known(self, known: KnownFailure) -> str:
        """Name the clause or test under which a failure is known; the first, if there are several."""
        return known.find_names(self.id, self.clauses)[0]

    def judges(self, clause: str) -> bool:
        """Tell whether the verdict is one on this clause: failures that are known of other clauses only are none."""
        if self.verdict != "known":
            return clause in self.clauses
        names = {name for known in self.known for name in known.find_names(self.id, self.clauses)}
        return clause in self.clauses and (clause in names or self.id in names)


class ClauseResult(Strict):
    """What the tests of one clause found together."""

    id: str
    sentence: str
    verdict: Literal["passed", "failed", "known", "not offered", "not tested"]
    tests: list[str]


class Subject(Strict):
    """Who was tested."""

    name: str
    version: str
    language: str
    role: Role
    capabilities: list[str]


class Report(Strict):
    """One run of the suite."""

    format: Literal["cloister-report/1"] = "cloister-report/1"
    cloister: str
    spec: str
    implementation: Subject
    also: list[Subject] = Field(default=[], description="the same implementation in other roles")
    profile: str
    seed: int
    strict: bool
    seconds: float
    conforms: bool
    tests: list[TestResult]
    clauses: list[ClauseResult]
    stale_known_failures: list[KnownFailure]
    """Those that are out of date, each with only the clauses and tests that did not show it."""

    def count(self, *verdicts: Verdict) -> int:
        """Count the tests with one of these verdicts."""
        return sum(test.verdict in verdicts for test in self.tests)

    def gather_known(self) -> dict[str, list[TestResult]]:
        """Gather the tests that are known to fail by the reason; a test that fails for several stands under each."""
        reasons: dict[str, list[TestResult]] = {}
        for test in self.tests:
            for known in test.known if test.verdict == "known" else []:
                reasons.setdefault(known.reason, []).append(test)
        return reasons

    def name_reasons(self) -> dict[str, list[str]]:
        """Name, for each reason of known failures, the clauses and tests under which they are known."""
        named = {}
        for reason, tests in self.gather_known().items():
            names = [test.name_known(known) for test in tests for known in test.known if known.reason == reason]
            named[reason] = list(dict.fromkeys(names))
        return named

    def gather_readings(self) -> dict[str, str]:
        """Gather what the implementation does where deployed software differs."""
        return {question: answer for test in self.tests for question, answer in test.readings.items()}

    def name_roles(self) -> str:
        """Name the roles in which the implementation was tested."""
        return ", ".join(subject.role for subject in (self.implementation, *self.also))

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        if not self.conforms:
            return "does not conform"
        known = self.count("known")
        return f"conforms, but for {known} known failure{'s' * (known != 1)}" if known else "conforms"

    @property
    def cases(self) -> int:
        """Answers that were judged."""
        return sum(test.cases for test in self.tests)

    @property
    def coarse(self) -> int:
        """Refusals that named only a family."""
        return sum(test.coarse for test in self.tests)
