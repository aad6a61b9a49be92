"""Runs the suites on an implementation with pytest and gathers what they found."""

import io
import os
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

import cloister
import pytest

from cloister_conformance import data, protocol, vector_files
from cloister_conformance import implementation as implementations
from cloister_conformance import transcript as transcripts
from cloister_conformance.clause import find_bearers, read_clauses
from cloister_conformance.http_target import HttpTarget
from cloister_conformance.implementation import Implementation, KnownFailure, Role, UnusableImplementation
from cloister_conformance.plugin import PROPERTY, VECTORS, Started, find_role, make_target, name_repeat
from cloister_conformance.results import ClauseResult, Report, Subject, TestResult
from cloister_conformance.target import Target
from cloister_conformance.transcript import UnreadableTranscript
from cloister_conformance.transport import BrokenAdapter, HungAdapter

SUITES = Path(__file__).parent / "suites"
FAILURES_FOLDER = "cloister-failures"
VERSION_AT: dict[Role, tuple[str, str]] = {
    "service-node": ("node.request", "/get_stats/v1"),
    "open-group-server": ("server.request", "/capabilities"),
}
"""What is asked of a server that may tell its version."""
NOTHING_SELECTED = "no test was selected; `cloister trace` lists the clauses and their tests"

Listener = Callable[[TestResult, int], None]
"""Called with each result and the number of tests to come in all."""


class UnusableSelection(Exception):
    """The selection of tests cannot be used; the message says why."""


class NothingSelected(UnusableSelection):
    """No test of the role was selected."""


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
    verdicts_only: bool = False

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


def find_files(options: Options, role: Role = "client") -> list[str]:
    """Find the files of the suites, the role and the clause asked for; `sender-keys` also finds `sender_keys_machine`.

    Raises:
        UnusableSelection: there is no such suite, or none of them is for the role or speaks of the clause.
    """
    wanted = [suite.replace("-", "_") for suite in options.suites]
    for suite in wanted:
        if not any(stem.startswith(suite) for stem in list_suites()):
            raise UnusableSelection(f"there is no suite {suite}; there are {', '.join(list_suites())}")
    chosen = [stem for stem in list_suites() if not wanted or any(stem.startswith(suite) for suite in wanted)]
    if set(wanted) & set(vector_files.CHAPTERS):
        chosen.append(VECTORS)
    files = [str(SUITES / f"{stem}.py") for stem in dict.fromkeys(chosen) if find_role(stem) == role]
    if not files:
        raise NothingSelected(f"the suite {' and '.join(wanted)} has no tests for the role {role}")
    files = [file for file in files if speaks_of(Path(file), options.clause)]
    if not files:
        raise NothingSelected(NOTHING_SELECTED)
    return files


def speaks_of(file: Path, clause: str) -> bool:
    """Tell whether a file of tests speaks of a clause; to collect all of the tests takes longer than to run some of them."""
    vectors = data.find_folder("vectors")
    sources = [vectors / f"{stem}.json" for stem in vector_files.CHAPTERS] if file.stem == VECTORS else [file]
    named = [f'"{name}"' for name in find_bearers(clause)]
    return not clause or any(name in read_text(source) for name in named for source in sources)


@cache
def read_text(file: Path) -> str:
    """Read a file that does not change."""
    return file.read_text("utf-8")


def build_arguments(implementation: Implementation, options: Options, junit: Path | None) -> list[str]:
    """Build the command line of pytest."""
    arguments = [
        *find_files(options, implementation.role),
        f"-c{SUITES / 'pytest.ini'}",
        f"--hypothesis-seed={options.seed}",
        f"--profile={options.profile}",
        f"--failures={options.failures}",
        "-phypothesispytest",
        "-pxdist",
        "-pno:terminal",
        "-pno:warnings",
        "--assert=plain",
        *build_subject(implementation),
    ]
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
    if options.verdicts_only:
        arguments.append("--verdicts-only")
    if options.stop_first:
        arguments.append("-x")
    if junit:
        arguments.append(f"--junitxml={junit}")
    if options.jobs > 1 and not (options.keyword or options.clause):
        waits = implementation.role == "service-node"  # its tests wait more than they compute
        arguments += [f"-n{options.jobs + waits}", "--dist=worksteal"]
    return arguments


def build_subject(implementation: Implementation) -> list[str]:
    """Build the part of the command line that names the implementation."""
    if implementation.folder != Path():
        return [f"--adapter={implementation.folder}"]
    command = f"--adapter-command={shlex.join(implementation.run)}"
    return [
        f"--adapter-url={implementation.url}" if implementation.url else command,
        f"--adapter-role={implementation.role}",
        f"--adapter-timeout={implementation.timeout_seconds}",
    ]


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
            for name in os.environ.keys() - saved.keys():
                del os.environ[name]
            os.environ.update(saved)  # never empty: a library may be built meanwhile


def greet(implementation: Implementation) -> Subject:
    """Start the implementation, ask who it is, and end it.

    Raises:
        UnusableImplementation: it does not start or does not answer.
    """
    target = make_target(implementation)
    try:
        return ask(target)
    finally:
        target.stop()


def ask(target: Target | HttpTarget) -> Subject:
    """Ask an implementation, started if it does not run, who it is.

    Raises:
        UnusableImplementation: it does not start or does not answer.
    """
    try:
        return ask_server(target) if isinstance(target, HttpTarget) else ask_client(target)
    except (BrokenAdapter, HungAdapter) as error:
        target.stop()
        stderr = f"\n{target.error_text.strip()}" if target.error_text.strip() else ""
        raise UnusableImplementation(f"{target.implementation.name} {error}{stderr}") from None


def ask_client(target: Target) -> Subject:
    """Ask an adapter who its implementation is."""
    return Subject(
        name=target.hello.name,
        version=target.hello.version,
        language=target.hello.language,
        role=target.implementation.role,
        capabilities=target.hello.capabilities,
    )


def ask_server(target: HttpTarget) -> Subject:
    """Ask a server which version it is; its name is that of its description. An open-group server has no path for it."""
    method, path = VERSION_AT[target.implementation.role]
    answer = target.call(method, {"method": "GET", "path": path})
    value = answer["result"]["value"]
    version = value.get("version") if isinstance(value, dict) else None
    return Subject(
        name=target.implementation.name,
        version=version if isinstance(version, str) else "of unknown version",
        language="over HTTP",
        role=target.implementation.role,
        capabilities=target.capabilities,
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
    if implementation.role != "client":
        check_selection(implementation, options)
    target = make_target(implementation)
    subject = ask(target)
    if options.is_whole and options.failures:
        remove_transcripts(Path(options.failures), implementation.role)
    collector = Collector(listener)
    complaint = io.StringIO()
    begin = time.monotonic()
    try:
        with redirect_stderr(complaint), without_foreign_settings():
            arguments = build_arguments(implementation, options, junit)
            status = pytest.main(arguments, plugins=[collector, Started(target)])
    finally:
        target.stop()
    seconds = time.monotonic() - begin
    if status == pytest.ExitCode.USAGE_ERROR:
        raise UnusableSelection(complaint.getvalue().strip().removeprefix("ERROR: "))
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise NothingSelected(NOTHING_SELECTED)

    results = sort_results(collector.results)
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


def check_selection(implementation: Implementation, options: Options) -> None:
    """Check that there is a test to run before a server is started, which takes longer than to find out.

    Raises:
        UnusableSelection: there is none.
    """
    arguments = [*build_arguments(implementation, replace(options, jobs=1), None), "--collect-only"]
    complaint = io.StringIO()
    with redirect_stderr(complaint), without_foreign_settings():
        status = pytest.main(arguments)
    if status == pytest.ExitCode.USAGE_ERROR:
        raise UnusableSelection(complaint.getvalue().strip().removeprefix("ERROR: "))
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise NothingSelected(NOTHING_SELECTED)


def run_all(
    found: Sequence[Implementation],
    options: Options,
    *,
    listener: Listener = lambda result, total: None,
    junit: Path | None = None,
) -> Report:
    """Run the suites on implementations that are one in several roles; return one report.

    Raises:
        UnusableImplementation, InterruptedRun: as `run`.
        UnusableSelection: there is no such suite, test or clause in any role.
    """
    reports: list[Report] = []
    junits: list[Path] = []
    empty: list[NothingSelected] = []
    with TemporaryDirectory() as folder:
        for implementation in found:
            part = Path(folder) / f"{implementation.role}.xml"
            try:
                reports.append(run(implementation, options, listener=listener, junit=part if junit else None))
                junits.append(part)
            except NothingSelected as complaint:
                empty.append(complaint)
        if not reports:
            raise empty[0]
        if junit:
            merge_junit(junits, junit)
    return merge(reports)


def merge(reports: Sequence[Report]) -> Report:
    """Merge the reports of one implementation in several roles; the first names it."""
    first, *others = reports
    tests = sort_results([test for report in reports for test in report.tests])
    return first.model_copy(
        update={
            "also": [report.implementation for report in others],
            "seconds": round(sum(report.seconds for report in reports), 2),
            "conforms": all(report.conforms for report in reports),
            "tests": tests,
            "clauses": gather_clauses(tests),
            "stale_known_failures": [known for report in reports for known in report.stale_known_failures],
        }
    )


def merge_junit(parts: Sequence[Path], file: Path) -> None:
    """Merge the JUnit files of several runs into one."""
    first, *others = [ET.parse(part) for part in parts]  # noqa: S314 - pytest has just written them
    for other in others:
        first.getroot().extend(other.getroot())
    first.write(file, encoding="utf-8", xml_declaration=True)


def sort_results(results: Sequence[TestResult]) -> list[TestResult]:
    """Sort results by the place of their first clause in the specification."""
    places = {clause: place for place, clause in enumerate(read_clauses())}
    return sorted(results, key=lambda result: (min(places[name] for name in result.clauses), result.id))


def remove_transcripts(folder: Path, role: Role) -> None:
    """Remove the transcripts of an earlier run in a role; a run of some tests removes only theirs."""
    for file in folder.glob("*.json"):
        with suppress(UnreadableTranscript):
            if transcripts.read(file).role == role:
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
    role = "" if implementation.role == "client" else f" --role {implementation.role}"
    if implementation.url:
        return f"{role} --url {shlex.quote(implementation.url)}"
    is_bundled = implementation.run == implementations.REFERENCE_COMMANDS.get(implementation.role)
    return role if is_bundled else f"{role} -- {shlex.join(implementation.run)}"


def find_stale(implementation: Implementation, results: list[TestResult], options: Options) -> list[KnownFailure]:
    """Find the known failures that are out of date: one of their clauses or tests passes, or there is no such test.

    A clause is judged when all its tests were run.
    """
    run = {result.id for result in results}
    if options.has_whole_clauses:
        run.update(find_bearers(options.clause))
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
