"""Runs the suites on an implementation with pytest and gathers what they found."""

import io
import os
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import cloister
import pytest

from cloister_conformance import implementation as implementations
from cloister_conformance import protocol, vector_files
from cloister_conformance import transcript as transcripts
from cloister_conformance.clause import read_clauses
from cloister_conformance.implementation import Implementation, KnownFailure, UnusableImplementation
from cloister_conformance.plugin import PROPERTY, VECTORS, name_repeat
from cloister_conformance.results import ClauseResult, Report, Subject, TestResult
from cloister_conformance.target import Target
from cloister_conformance.transcript import UnreadableTranscript
from cloister_conformance.transport import BrokenAdapter, HungAdapter

SUITES = Path(__file__).parent / "suites"
FAILURES_FOLDER = "cloister-failures"

Listener = Callable[[TestResult, int], None]
"""Called with each result and the number of tests to come in all."""


class UnusableSelection(Exception):
    """The selection of tests cannot be used; the message says why."""


class InterruptedRun(Exception):
    """The run did not come to its end, so it shows nothing; the message says how it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to run and how."""

    suites: tuple[str, ...] = ()
    keyword: str = ""
    clause: str = ""
    profile: str = "quick"
    seed: int = 0
    jobs: int = 1
    strict: bool = False
    stop_first: bool = False
    failures: str = FAILURES_FOLDER
    keep_known: bool = False

    @property
    def is_whole(self) -> bool:
        """Tell whether every test is run."""
        return not self.clause and self.has_whole_clauses

    @property
    def has_whole_clauses(self) -> bool:
        """Tell whether every test of the clause asked for is run, or of every clause."""
        return not (self.suites or self.keyword or self.stop_first)


@dataclass(slots=True)
class Collector:
    """A pytest plugin that gathers the results of all workers."""

    listener: Listener
    results: list[TestResult] = field(default_factory=list)
    total: int = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note how many tests there are."""
        self.total = max(self.total, len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:
        """Note how many tests there are, when workers run them."""
        self.total = len(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take up the result of a test."""
        for name, value in report.user_properties:
            if name == PROPERTY:
                result = TestResult.model_validate_json(str(value))
                self.results.append(result)
                self.listener(result, self.total)


def list_suites() -> list[str]:
    """List the stems of the suites."""
    return sorted(file.stem for file in SUITES.glob("*.py") if file.stem not in ("__init__", "conftest"))


def find_files(options: Options) -> list[str]:
    """Find the files of the suites asked for; `sender-keys` also finds `sender_keys_machine`.

    Raises:
        UnusableSelection: there is no such suite.
    """
    wanted = [suite.replace("-", "_") for suite in options.suites]
    for suite in wanted:
        if suite not in list_suites():
            raise UnusableSelection(f"there is no suite {suite}; there are {', '.join(list_suites())}")
    chosen = [stem for stem in list_suites() if not wanted or any(stem.startswith(suite) for suite in wanted)]
    if set(wanted) & set(vector_files.CHAPTERS):
        chosen.append(VECTORS)
    return [str(SUITES / f"{stem}.py") for stem in dict.fromkeys(chosen)]


def build_arguments(implementation: Implementation, options: Options, junit: Path | None) -> list[str]:
    """Build the command line of pytest."""
    arguments = [
        *find_files(options),
        f"-c{SUITES / 'pytest.ini'}",
        f"--hypothesis-seed={options.seed}",
        f"--profile={options.profile}",
        f"--failures={options.failures}",
        "-phypothesispytest",
        "-pxdist",
        "-pno:terminal",
        "-pno:warnings",
        "--assert=plain",
    ]
    if implementation.folder == Path():
        arguments.append(f"--adapter-command={shlex.join(implementation.run)}")
        arguments.append(f"--adapter-timeout={implementation.timeout_seconds}")
    else:
        arguments.append(f"--adapter={implementation.folder}")
    if options.suites:
        arguments.append(f"--vectors-of={','.join(suite.replace('-', '_') for suite in options.suites)}")
    if options.keyword:
        arguments.append(f"-k{options.keyword}")
    if options.clause:
        arguments.append(f"--clause={options.clause}")
    if options.strict:
        arguments.append("--strict-errors")
    if options.keep_known:
        arguments.append("--keep-known")
    if options.stop_first:
        arguments.append("-x")
    if junit:
        arguments.append(f"--junitxml={junit}")
    if options.jobs > 1 and not (options.keyword or options.clause):
        arguments += [f"-n{options.jobs}", "--dist=worksteal"]
    return arguments


@contextmanager
def without_foreign_settings() -> Iterator[None]:
    """Keep the options and plugins of whoever runs the command out of pytest, lest they change a verdict.

    Hypothesis, for its part, is to leave nothing in the working folder.
    """
    saved = os.environ.copy()
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with TemporaryDirectory() as storage:
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = storage
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(saved)


def greet(implementation: Implementation) -> Subject:
    """Start the implementation and ask who it is.

    Raises:
        UnusableImplementation: it does not start or does not answer.
    """
    target = Target(implementation)
    try:
        hello = target.hello
    except (BrokenAdapter, HungAdapter) as error:
        target.stop()
        stderr = f"\n{target.error_text.strip()}" if target.error_text.strip() else ""
        raise UnusableImplementation(f"{implementation.name} {error}{stderr}") from None
    finally:
        target.stop()
    return Subject(
        name=hello.name,
        version=hello.version,
        language=hello.language,
        role=implementation.role,
        capabilities=hello.capabilities,
    )


def run(
    implementation: Implementation,
    options: Options,
    *,
    listener: Listener = lambda result, total: None,
    junit: Path | None = None,
) -> Report:
    """Run the suites on an implementation that is built.

    Raises:
        UnusableImplementation: it cannot be run.
        UnusableSelection: there is no such suite, test or clause.
        InterruptedRun: somebody stopped it, or the harness failed.
    """
    subject = greet(implementation)
    if options.is_whole and options.failures:
        remove_transcripts(Path(options.failures))
    collector = Collector(listener)
    complaint = io.StringIO()
    begin = time.monotonic()
    with redirect_stderr(complaint), without_foreign_settings():
        status = pytest.main(build_arguments(implementation, options, junit), plugins=[collector])
    seconds = time.monotonic() - begin
    if status == pytest.ExitCode.USAGE_ERROR:
        raise UnusableSelection(complaint.getvalue().strip().removeprefix("ERROR: "))
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise UnusableSelection("no test was selected; `cloister trace` lists the clauses and their tests")

    places = {clause: place for place, clause in enumerate(read_clauses())}
    results = sorted(collector.results, key=lambda result: (min(places[name] for name in result.clauses), result.id))
    for result in results:
        if result.failure:
            result.failure.repeat = build_repeat(implementation, result, options)
            if result.failure.transcript:
                result.failure.replay = f"cloister replay {result.failure.transcript}{name_subject(implementation)}"
    stale = find_stale(implementation, results, options)
    failed = any(result.verdict in ("failed", "broken", "error") for result in results)
    if status != (pytest.ExitCode.TESTS_FAILED if failed else pytest.ExitCode.OK):
        how = f"{pytest.ExitCode(status).name}\n{complaint.getvalue()}".strip()
        raise InterruptedRun(f"the run ended early, after {len(results)} tests: {how}")
    return Report(
        cloister=cloister.__version__,
        spec=protocol.SPEC_VERSION,
        implementation=subject,
        profile=options.profile,
        seed=options.seed,
        strict=options.strict,
        seconds=round(seconds, 2),
        conforms=not failed and not stale,
        tests=results,
        clauses=gather_clauses(results),
        stale_known_failures=stale,
    )


def remove_transcripts(folder: Path) -> None:
    """Remove the transcripts of an earlier run; a run of some tests removes only theirs."""
    for file in folder.glob("*.json"):
        with suppress(UnreadableTranscript):
            transcripts.read(file)
            file.unlink()
    with suppress(OSError):  # there is none, or it holds something else
        folder.rmdir()


def build_repeat(implementation: Implementation, result: TestResult, options: Options) -> str:
    """Build the command that runs one test again, with the same seed."""
    command = name_repeat(result.id, result.clauses, profile=options.profile, seed=options.seed, strict=options.strict)
    return f"{command}{name_subject(implementation)}"


def name_subject(implementation: Implementation) -> str:
    """Name the implementation as on the command line."""
    if implementation.folder != Path():
        return f" {shlex.quote(str(implementation.folder))}"
    return "" if implementation.run == implementations.REFERENCE_COMMAND else f" -- {shlex.join(implementation.run)}"


def find_stale(implementation: Implementation, results: list[TestResult], options: Options) -> list[KnownFailure]:
    """Find the known failures that are out of date: one of their clauses or tests passes, or there is no such test.

    A clause is judged when all its tests were run.
    """
    run = {result.id for result in results}
    if options.has_whole_clauses:
        run.add(options.clause)
    stale = []
    for known in implementation.known_failure:
        shown = {result.name_known(known) for result in results if known in result.known}
        silent = {name for name in known.names if name not in shown and (name in run or options.is_whole)}
        if silent:
            stale.append(narrow(known, silent))
    return stale


def narrow(known: KnownFailure, names: set[str]) -> KnownFailure:
    """Narrow a known failure to some of its clauses and tests."""
    clauses = [clause for clause in known.clauses if clause in names]
    return known.model_copy(update={"clauses": clauses, "tests": [test for test in known.tests if test in names]})


def gather_clauses(results: list[TestResult]) -> list[ClauseResult]:
    """Gather what the tests of each clause found together."""
    gathered = []
    for clause in read_clauses().values():
        tests = [result for result in results if clause.id in result.clauses]
        verdicts = {result.verdict for result in tests if result.judges(clause.id)}
        gathered.append(
            ClauseResult(
                id=clause.id,
                sentence=clause.sentence,
                verdict=(
                    "not tested"
                    if not tests
                    else "failed"
                    if verdicts & {"failed", "broken", "error"}
                    else "known"
                    if "known" in verdicts or not verdicts
                    else "passed"
                    if "passed" in verdicts
                    else "not offered"
                ),
                tests=[result.id for result in tests],
            )
        )
    return gathered
