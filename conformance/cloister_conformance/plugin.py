"""The pytest plugin under `cloister check`: the fixtures of the suites, and a verdict for each test.

`suites/conftest.py` loads it, so the suites also run from an editor or with plain pytest (`--adapter DIR`).
"""

import hashlib
import json
import shlex
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import Phase, is_hypothesis_test
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

from cloister_conformance import implementation as implementations
from cloister_conformance import transcript as transcripts
from cloister_conformance.clause import find_bearers, read_clauses
from cloister_conformance.client_script import ClientUnderTest, Nodes, make_client_actors
from cloister_conformance.http_target import HttpTarget
from cloister_conformance.implementation import Implementation, KnownFailure, Role
from cloister_conformance.intermediates import explain
from cloister_conformance.node_script import NetworkActor, NodeUnderTest, make_node_actors
from cloister_conformance.node_target import NodeTarget
from cloister_conformance.open_group_script import ServerUnderTest, begin_server
from cloister_conformance.open_group_target import OpenGroupTarget
from cloister_conformance.references import MissingOutput
from cloister_conformance.results import Failure, TestResult, Verdict
from cloister_conformance.script import (
    Actor,
    ConformanceFailure,
    ImplementationUnderTest,
    NotOffered,
    Script,
    make_actors,
)
from cloister_conformance.target import Target, shorten
from cloister_conformance.transport import BrokenAdapter, HungAdapter

Actors = Callable[..., tuple[ImplementationUnderTest, Actor]]
ClientActors = Callable[..., tuple[ClientUnderTest, Nodes]]
NodeActors = Callable[..., tuple[NodeUnderTest, Actor, NetworkActor]]
BeginServer = Callable[..., ServerUnderTest]

FIXTURES = ("    actors=", "    client_actors=", "    node_actors=", "    server=")
"""How the lines of a counterexample begin that say nothing."""

PROPERTY = "cloister"
VECTORS = "known_answers"
EXPLORATIONS = ("_machine", "_orders", "_pairs", "_routes", "_sequences")
"""End the names of the suites that try much."""
ROLE_OF_PART: dict[str, Role] = {"_service_node": "service-node", "_server": "open-group-server"}
"""What stands in the names of the suites for other roles than client."""
MAX_NAME_CHARACTERS = 120
PROFILES = {"quick": 20, "standard": 100, "deep": 2000}
"""Examples for each property."""

# Hypothesis also draws constants that it finds in the modules which happen to be loaded; a test that is run alone,
# or in another process, would then get other examples for the same seed.
providers._get_local_constants = Constants  # noqa: SLF001 - there is no setting for it

for name, examples in PROFILES.items():
    hypothesis.settings.register_profile(
        f"cloister-{name}",
        max_examples=examples,
        stateful_step_count=min(examples, 50),
        deadline=None,
        database=None,
        derandomize=False,  # Hypothesis derandomizes by itself where the variable CI is set, and then ignores the seed
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that `cloister check` passes on."""
    group = parser.getgroup("cloister")
    group.addoption("--adapter", metavar="DIR", help="folder with the adapter.toml of the implementation under test")
    group.addoption("--adapter-command", metavar="CMD", help="command of the implementation under test")
    group.addoption("--adapter-url", metavar="URL", help="where the service node under test runs")
    group.addoption("--adapter-role", default="client", help="role of what the command or no option names")
    group.addoption(
        "--adapter-timeout", metavar="SECONDS", type=float, default=10, help="how long it may take to answer"
    )
    group.addoption("--clause", metavar="ID", help="run only the tests of one clause, or of those that it rests on")
    group.addoption("--vectors-of", metavar="STEMS", default="", help="run only the vectors of these chapters")
    group.addoption("--strict-errors", action="store_true", help="want the exact error name, not its family")
    group.addoption("--profile", choices=PROFILES, default="quick", help="how many examples a property gets")
    group.addoption(
        "--verdicts-only", action="store_true", help="explain no failure: no smaller example, no intermediates"
    )
    group.addoption("--failures", metavar="DIR", help="folder for the transcripts of failed tests")
    group.addoption("--keep-known", action="store_true", help="save those of known failures too")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and set the profile and seed of Hypothesis."""
    config.addinivalue_line("markers", "clause(*ids): the clauses that a test enforces")
    with suppress(ValueError):  # only the main thread may
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    hypothesis.settings.load_profile(f"cloister-{config.getoption('--profile')}")
    if config.getoption("--verdicts-only"):
        hypothesis.settings.register_profile("cloister-verdicts-only", phases=(Phase.explicit, Phase.generate))
        hypothesis.settings.load_profile("cloister-verdicts-only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep only the tests of the role, and of the clause and the vectors of the chapters asked for; put last what tries much.

    What a plain test finds too, it says in fewer steps and finds sooner.
    """
    role = find_implementation(config).role
    items[:] = [item for item in items if find_role(item.path.stem) == role]
    items.sort(key=lambda item: (item.path.stem.endswith(EXPLORATIONS), is_property(item)))
    wanted = config.getoption("--clause")
    if wanted:
        bearers = set(find_bearers(wanted))
        items[:] = [item for item in items if not bearers.isdisjoint(find_clauses(item))]
    chapters = tuple(f"test_vectors[{stem}-" for stem in config.getoption("--vectors-of").split(",") if stem)
    if chapters:
        items[:] = [item for item in items if item.path.stem != VECTORS or item.name.startswith(chapters)]


def find_role(stem: str) -> Role:
    """Find the role that a suite is for."""
    return next((role for part, role in ROLE_OF_PART.items() if part in stem), "client")


def is_property(item: pytest.Item) -> bool:
    """Tell whether a test is tried with many examples."""
    return isinstance(item, pytest.Function) and is_hypothesis_test(item.obj)


def find_clauses(item: pytest.Item) -> list[str]:
    """Find the clauses that a test enforces."""
    return list(dict.fromkeys(clause for mark in item.iter_markers("clause") for clause in mark.args))


def find_implementation(config: pytest.Config) -> Implementation:
    """Find the implementation under test; the bundled reference if none is named."""
    if folder := config.getoption("--adapter"):
        return implementations.read(Path(folder))
    timeout = config.getoption("--adapter-timeout")
    if url := config.getoption("--adapter-url"):
        return implementations.from_url(url, timeout_seconds=timeout)
    role = config.getoption("--adapter-role")
    if command := config.getoption("--adapter-command"):
        return implementations.from_command(shlex.split(command), role=role, timeout_seconds=timeout)
    return implementations.reference(role)


TARGET = pytest.StashKey[Target | HttpTarget]()


class Run:
    """What the tests of one process share: the target, and the script of the test that runs."""

    def __init__(self, config: pytest.Config) -> None:
        self.implementation = find_implementation(config)
        self.target = config.stash.get(TARGET, None) or make_target(self.implementation)
        self.healthy: Target | HttpTarget | None = None
        self.seed = int(config.getoption("--hypothesis-seed", default=None) or 0)
        self.strict = bool(config.getoption("--strict-errors"))
        self.folder = config.getoption("--failures")
        self.keep_known = bool(config.getoption("--keep-known"))
        self.explains = not config.getoption("--verdicts-only")
        self.script = Script(seed=0)
        self.cases = 0
        self.coarse = 0
        self.readings: dict[str, str] = {}

    def __repr__(self) -> str:
        """Stand in counterexamples, which are the same for the same seed."""
        return "run"

    def begin(self, entropy: int = 0) -> tuple[ImplementationUnderTest, Actor]:
        """Begin a script, for each example of a test anew; return both sides."""
        assert isinstance(self.target, Target), "a suite of clients calls `actors`"
        return make_actors(self.target, self.begin_script(entropy))

    def begin_client(self, entropy: int = 0) -> tuple[ClientUnderTest, Nodes]:
        """Begin a script with a client in a network; return both sides."""
        assert isinstance(self.target, Target), "a suite of service nodes calls `node_actors`"
        return make_client_actors(self.target, self.begin_script(entropy))

    def begin_node(self, entropy: int = 0) -> tuple[NodeUnderTest, Actor, NetworkActor]:
        """Begin a script with a service node; return its three sides."""
        assert isinstance(self.target, NodeTarget), "a suite of service nodes calls `node_actors`"
        return make_node_actors(self.target, self.begin_script(entropy))

    def begin_server(self, entropy: int = 0) -> ServerUnderTest:
        """Begin a script with an open-group server."""
        assert isinstance(self.target, OpenGroupTarget), "a suite of open-group servers calls `server`"
        return begin_server(self.target, self.begin_script(entropy))

    def begin_script(self, entropy: int) -> Script:
        """Begin a script."""
        self.close_script()
        self.script = Script(seed=self.seed + entropy, strict=self.strict)
        return self.script

    def rehearse(self, transcript: transcripts.Transcript) -> bool:
        """Tell whether replay fails on the implementation again, and not on the reference."""
        if isinstance(self.target, Target):
            return transcripts.rehearse(transcript, self.target)
        if self.healthy is None:
            self.healthy = make_target(implementations.reference(self.implementation.role))
        return transcripts.rehearse(transcript, self.target, self.healthy)

    def stop(self) -> None:
        """End what was started."""
        self.target.stop()
        if self.healthy is not None:
            self.healthy.stop()

    def close_script(self) -> None:
        """Count what the last script did."""
        self.cases += sum(step.actor == "iut" for step in self.script.steps)
        self.coarse += self.script.coarse
        self.script = Script(seed=0)

    def take_readings(self) -> dict[str, str]:
        """Return the readings since the last call."""
        readings, self.readings = self.readings, {}
        return readings

    def take_counts(self) -> tuple[int, int]:
        """Return the cases and the coarse refusals since the last call."""
        self.close_script()
        counts = self.cases, self.coarse
        self.cases = self.coarse = self.target.breaks = 0
        return counts


TARGETS: dict[Role, type[Target] | type[HttpTarget]] = {
    "client": Target,
    "service-node": NodeTarget,
    "open-group-server": OpenGroupTarget,
}


def make_target(implementation: Implementation) -> Target | HttpTarget:
    """Make the target of an implementation; nothing is started yet."""
    return TARGETS[implementation.role](implementation)


class Started:
    """A plugin that hands over a target that runs already, as long as no workers do the tests."""

    def __init__(self, target: Target | HttpTarget) -> None:
        self.target = target

    def pytest_configure(self, config: pytest.Config) -> None:
        """Hand the target to the run, or end it."""
        if config.getoption("numprocesses", default=None):
            self.target.stop()
        else:
            config.stash[TARGET] = self.target


RUN = pytest.StashKey[Run]()


@pytest.fixture(scope="session")
def cloister_run(pytestconfig: pytest.Config) -> Iterator[Run]:
    """The run of this process."""
    run = Run(pytestconfig)
    pytestconfig.stash[RUN] = run
    yield run
    run.stop()


@pytest.fixture(scope="session")
def actors(cloister_run: Run) -> Actors:
    """Begin a script and return its two sides, `iut` and `peer`."""
    return cloister_run.begin


@pytest.fixture(scope="session")
def client_actors(cloister_run: Run) -> ClientActors:
    """Begin a script and return its two sides, `iut`, a client in a network, and `nodes`."""
    return cloister_run.begin_client


@pytest.fixture(scope="session")
def node_actors(cloister_run: Run) -> NodeActors:
    """Begin a script and return its three sides, `iut`, `peer` and `network`."""
    return cloister_run.begin_node


@pytest.fixture(scope="session")
def server(cloister_run: Run) -> BeginServer:
    """Begin a script and return the open-group server."""
    return cloister_run.begin_server


@pytest.fixture(scope="session")
def is_thorough(pytestconfig: pytest.Config) -> bool:
    """Tell whether each is to be tried with each, and not only so that all have been tried: in every profile but quick."""
    return bool(pytestconfig.getoption("--profile") != "quick")


@pytest.fixture
def note_reading(cloister_run: Run) -> Callable[[str, str], None]:
    """Note which of several readings of deployed software the implementation follows: a question, and the answer."""
    cloister_run.readings = {}
    return cloister_run.readings.__setitem__


@pytest.fixture(scope="session")
def target(cloister_run: Run) -> Target:
    """The implementation under test, for tests of the adapter itself."""
    assert isinstance(cloister_run.target, Target)
    return cloister_run.target


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the verdict to the report of a test."""
    report = yield
    run = item.config.stash.get(RUN, None)
    if run is None or (call.when != "call" and not report.failed) or call.when == "teardown":
        return report
    result = judge_test(item, call, run)
    report.user_properties.append((PROPERTY, result.model_dump_json()))
    if result.verdict == "known":
        report.outcome = "skipped"
        report.wasxfail = "; ".join(known.reason for known in result.known)
    elif result.failure:
        report.longrepr = format_failure(result)
    return report


def judge_test(item: pytest.Item, call: pytest.CallInfo[None], run: Run) -> TestResult:
    """Judge one test from the way it ended."""
    raised = call.excinfo.value if call.excinfo else None
    error = find_cause(raised)
    verdict: Verdict = "passed"
    failure = None
    known: list[KnownFailure] = []
    script = Script(seed=0)
    not_offered = error.capability if isinstance(error, NotOffered) else None
    if not_offered:
        verdict = "not offered"
    elif isinstance(error, ConformanceFailure):
        unexplained, known = sort_failures(item, [error, *error.others], run.implementation)
        verdict = "failed" if unexplained else "known"
        shown = unexplained[0] if unexplained else error
        failure, script = describe_failure(shown, run), shown.script
    elif isinstance(error, (BrokenAdapter, HungAdapter)):
        verdict = "broken"
        script = run.script if error is raised and broke(run.script) else script
        failure = describe_broken(error, run, script)
        if explanation := find_known(run.implementation, item, failure.actual):
            verdict, known = "known", [explanation]
    elif error is not None:
        verdict = "error"
        failure = Failure(
            expected="the harness to work",
            actual=f"{type(error).__name__}: {error}",
            counterexample=find_counterexample(error),
            intermediates=str(call.excinfo.getrepr(style="short") if call.excinfo else "").splitlines(),
            stderr="",
        )
    remove_transcript(item, run)
    if failure and (run.keep_known or verdict != "known"):
        failure = save_transcript(item, script, failure, run)
    cases, coarse = run.take_counts()
    return TestResult(
        id=find_id(item),
        suite=item.path.stem,
        clauses=find_clauses(item),
        verdict=verdict,
        seconds=round(call.duration, 4),
        cases=cases,
        coarse=coarse,
        not_offered=not_offered,
        known=known,
        failure=failure,
        readings=run.take_readings(),
    )


def broke(script: Script) -> bool:
    """Tell whether the last step of a script is what the adapter broke at; some tests go on with lines that are no steps."""
    return bool(script.steps) and not script.steps[-1].answer


def find_cause(error: BaseException | None) -> BaseException | None:
    """Find why an example failed that did not fail again when Hypothesis repeated it; an implementation has randomness of its own."""
    if not isinstance(error, hypothesis.errors.FlakyFailure):
        return error
    causes = [cause for cause in error.exceptions if isinstance(cause, (ConformanceFailure, BrokenAdapter))]
    return causes[0].with_traceback(None) if causes else error


def find_id(item: pytest.Item) -> str:
    """Name a test: `suite::test`."""
    return f"{item.path.stem}::{item.name}"


def find_known(implementation: Implementation, item: pytest.Item, actual: str) -> KnownFailure | None:
    """Find the known failure that explains what came."""
    for known in implementation.known_failure:
        if known.find_names(find_id(item), find_clauses(item)) and known.explains(actual):
            return known
    return None


def sort_failures(
    item: pytest.Item, failures: list[ConformanceFailure], implementation: Implementation
) -> tuple[list[ConformanceFailure], list[KnownFailure]]:
    """Sort all failures in one test: those that no known failure explains, and what explains the others."""
    found = [(failure, find_known(implementation, item, failure.actual)) for failure in failures]
    known: list[KnownFailure] = []
    for _, explanation in found:
        if explanation and explanation not in known:
            known.append(explanation)
    return [failure for failure, explanation in found if explanation is None], known


def describe_failure(error: ConformanceFailure, run: Run) -> Failure:
    """Describe a wrong answer."""
    step = error.script.steps[-1]
    whose = "" if step.actor == "iut" else f"the {step.actor}'s "
    return Failure(
        expected=f"{whose}{step.method}: {error.expected}",
        actual=error.actual,
        counterexample=find_counterexample(error),
        intermediates=explain(error.script) if run.explains else [],
        stderr=error.stderr or run.target.take_errors(),
    )


def describe_broken(error: BaseException, run: Run, script: Script) -> Failure:
    """Describe an adapter that gave no answer; the script that it broke may have no steps."""
    run.target.stop()
    method = f"{script.steps[-1].method}: " if script.steps else ""
    return Failure(
        expected=f"{method}{'a result or a refusal' if isinstance(run.target, Target) else 'a response'}",
        actual=str(error),
        counterexample=find_counterexample(error),
        intermediates=[],
        stderr=run.target.take_errors(),
    )


def find_counterexample(error: BaseException) -> str:
    """Find the shrunk example that Hypothesis noted on an error."""
    notes: list[str] = getattr(error, "__notes__", [])
    lines = "\n".join(note for note in notes if not note.startswith("You can")).splitlines()
    return "\n".join(line for line in lines if not line.startswith(FIXTURES)).strip()


def remove_transcript(item: pytest.Item, run: Run) -> None:
    """Remove the transcript that an earlier run has saved of a test."""
    if run.folder:
        with suppress(OSError):
            find_file(item, run).unlink(missing_ok=True)


def find_file(item: pytest.Item, run: Run) -> Path:
    """Find the file for the transcript of a test."""
    return Path(run.folder) / f"{name_file(find_id(item))}.json"


def save_transcript(item: pytest.Item, script: Script, failure: Failure, run: Run) -> Failure:
    """Save a transcript; return the failure with the file and the command that repeats it."""
    if not script.steps or not run.folder:
        return failure
    steps = transcripts.write_steps(script)
    transcript = transcripts.Transcript(
        test=find_id(item),
        clauses={clause: read_clauses()[clause].sentence for clause in find_clauses(item) if clause in read_clauses()},
        implementation=run.implementation.name,
        role=run.implementation.role,
        seed=script.seed,
        strict=script.strict,
        repeat=name_repeat(
            find_id(item),
            find_clauses(item),
            profile=item.config.getoption("--profile"),
            seed=run.seed,
            strict=script.strict,
        ),
        repeats=False,
        expected=failure.expected,
        actual=failure.actual,
        playable=isinstance(run.target, Target) and transcripts.is_playable(steps),
        steps=steps,
    )
    if script.steps[-1].actor == "iut" and isinstance(run.target, Target):
        transcript = add_states(transcript, run.target)
    transcript = transcript.model_copy(update={"repeats": run.rehearse(transcript)})
    run.target.take_errors()
    file = find_file(item, run)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(transcript.model_dump(), indent=1) + "\n", "utf-8")
    except OSError as error:
        return failure.model_copy(
            update={"stderr": f"{failure.stderr}\nthe transcript could not be saved: {error}".strip()}
        )
    return failure.model_copy(update={"transcript": str(file)})


def name_repeat(test_id: str, clauses: list[str], *, profile: str, seed: int, strict: bool) -> str:
    """Name the command that runs one test again, with the same seed; the implementation goes behind it."""
    suite, _, name = test_id.partition("::")
    if suite == VECTORS:
        stem, kind, error, *_ = name.partition("[")[2].split("-")
        selection = f"--suite {stem} --clause {clauses[0]} -k 'test_vectors and {kind} and {error}'"
    else:
        selection = f"--suite {suite} -k {name.partition('[')[0]}"
    return f"cloister check {selection} --profile {profile} --seed {seed}{' --strict' if strict else ''}"


def add_states(transcript: transcripts.Transcript, target: Target) -> transcripts.Transcript:
    """Add the states before the failing step, if the implementation can save them, and does not break on the way there."""
    try:
        return transcripts.save_states(transcript, target) if target.offers("persistence") else transcript
    except (BrokenAdapter, HungAdapter, MissingOutput):
        return transcript


def name_file(test_id: str) -> str:
    """Name the file of a test: readable, and another one for each test."""
    readable = "".join(
        letter if (letter.isascii() and letter.isalnum()) or letter in "-_." else "-" for letter in test_id
    )
    return f"{readable[:MAX_NAME_CHARACTERS]}-{hashlib.sha256(test_id.encode()).hexdigest()[:8]}"


def format_failure(result: TestResult) -> str:
    """Format a failure for pytest's own reports and the JUnit file."""
    assert result.failure is not None
    failure = result.failure
    sentences = [
        f"{clause}: {read_clauses()[clause].sentence}" for clause in result.clauses if clause in read_clauses()
    ]
    parts: list[Any] = [
        *sentences,
        failure.counterexample,
        f"expected: {failure.expected}",
        f"actual:   {failure.actual}",
        *failure.intermediates,
        failure.stderr and f"standard error: {shorten(failure.stderr)}",
        failure.transcript and f"transcript: {failure.transcript}",
    ]
    return "\n".join(part for part in parts if part)
