"""A whole run on adapters that misbehave: every one gets a verdict and a clear line, and the run goes on."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cloister_conformance import data, mutants, mutation, vector_files
from cloister_conformance import implementation as implementations
from cloister_conformance import run as runs
from cloister_conformance.implementation import ROLES, Implementation, KnownFailure, Role, UnusableImplementation
from cloister_conformance.results import Report, TestResult
from cloister_conformance.run import InterruptedRun, Options

Fake = Callable[..., Implementation]
Count = Callable[[Implementation], int]

DECODE = "identity::test_an_account_id_of_another_type_is_refused"
GENERATE = "identity::test_seeds_are_random_in_both_halves"
DERIVE = "identity::test_an_identity_follows_from_its_seed"
AGREE = "identity::test_both_sides_agree_on_x25519"
TARGET = "proof_of_work::test_the_target_is_the_one_of_the_text"

SLOTS = {
    DECODE: "identity.decode_account_id",
    GENERATE: "identity.generate",
    "identity::test_two_signatures_of_one_message_differ": "identity.sign",
    "identity::test_a_signature_of_somebody_else_is_refused": "identity.verify",
    "proof_of_work::test_the_greatest_difficulty_has_the_target_1": "proof_of_work.target",
    "proof_of_work::test_the_data_is_hashed_as_text": "proof_of_work.check",
    "sender_keys::test_distributing_changes_nothing": "sender_keys.distribute",
    "sender_keys::test_a_record_without_distribution_reads_nothing": "sender_keys.decrypt",
    "sender_keys::test_another_message_with_a_used_iteration_is_refused": "sender_keys.process",
}
"""Tests, and the method that each calls before any other one here."""

MISBEHAVIOURS = {
    "hang": ("broken", "gave no answer within 2 seconds"),
    "complain-for-ever": ("broken", "gave no answer within 2 seconds"),
    "exit-3": ("broken", "exited with status 3 without an answer"),
    "segfault": ("broken", "was killed by SIGSEGV without an answer"),
    "real-time-signal": ("broken", "was killed by signal 40 without an answer"),
    "half-an-answer": ("broken", "exited with status 0 without an answer"),
    "close-output": ("broken", "closed its output and goes on running"),
    "huge-line": ("broken", "wrote more than 67108864 bytes in one line"),
    "rubbish": ("broken", "wrote a line that is not JSON: rubbish"),
    "rubbish-before": ("broken", "wrote more than one line: loading the library ..., then {"),
    "rubbish-after": ("broken", "}, then done"),
    "two-answers": ("broken", "wrote more than one line: {"),
    "deep": ("broken", "wrote a line that is not JSON: [[[[["),
    "unpaired-surrogate": ("broken", "wrote a line that is not JSON: {"),
    "other-id": ("broken", "answered request "),
    "no-id": ("broken", "wrote a line that is no JSON-RPC answer"),
    "no-jsonrpc": ("broken", "wrote a line that is no JSON-RPC answer"),
    "error-is-text": ("broken", "wrote an error without code and message"),
    "unnamed-refusal": ("broken", "without an error of chapter 01 in data.error"),
    "no-such-member": ("broken", "with a result that does not fit: "),
    "no-result": ("broken", "with a result that does not fit: result: "),
    "not-found": ("failed", "answered the error -32601: not here"),
    "internal-error": ("failed", "answered the error -32603: an exception that nobody foresaw"),
    "long-line": ("failed", "(8388608 characters)"),
}


def select(*tests: str) -> str:
    """Write the -k expression of some tests."""
    return " or ".join(test.partition("::")[2] for test in tests)


def run(implementation: Implementation, *tests: str, folder: Path | None = None, **options: object) -> Report:
    """Run some tests; save transcripts if a folder is given."""
    return runs.run(implementation, Options(keyword=select(*tests), failures=str(folder or ""), **options))  # type: ignore[arg-type]


def by_id(report: Report) -> dict[str, TestResult]:
    """The results by their tests."""
    return {result.id: result for result in report.tests}


def verdicts(report: Report) -> dict[str, str]:
    """The verdicts by their tests."""
    return {result.id: result.verdict for result in report.tests}


# Misbehaviours


@pytest.fixture(scope="session")
def misbehaved(make_fake: Fake, tmp_path_factory: pytest.TempPathFactory, count_left: Count) -> dict[str, TestResult]:
    """Let a few adapters misbehave, each in a different way at each method; return the results by misbehaviour."""
    found: dict[str, TestResult] = {}
    for first in range(0, len(MISBEHAVIOURS), len(SLOTS)):
        at = dict(zip(SLOTS, list(MISBEHAVIOURS)[first:], strict=False))
        folder = tmp_path_factory.mktemp("misbehaved")
        implementation = make_fake(folder / "fake", *(f"{SLOTS[test]}={behaviour}" for test, behaviour in at.items()))
        report = run(implementation, *at, folder=folder / "failures")
        assert not report.conforms
        assert count_left(implementation) == 0
        results = by_id(report)
        assert results.keys() == at.keys()
        found |= {behaviour: results[test] for test, behaviour in at.items()}
    return found


@pytest.mark.parametrize("behaviour", MISBEHAVIOURS)
def test_a_misbehaviour_has_a_verdict_and_a_clear_line(behaviour: str, misbehaved: dict[str, TestResult]) -> None:
    verdict, line = MISBEHAVIOURS[behaviour]
    result = misbehaved[behaviour]
    assert result.failure
    assert result.verdict == verdict, result.failure.actual
    assert line in result.failure.actual
    assert "\n" not in result.failure.actual
    assert len(result.failure.actual) < 600


@pytest.mark.parametrize("behaviour", MISBEHAVIOURS)
def test_a_misbehaviour_is_shown_with_its_standard_error(behaviour: str, misbehaved: dict[str, TestResult]) -> None:
    failure = misbehaved[behaviour].failure
    assert failure
    if behaviour == "complain-for-ever":
        assert failure.stderr.endswith("complaint\n") or "complaint\ncomplaint" in failure.stderr
        assert len(failure.stderr) <= 8192
    else:
        assert f"fake adapter: {behaviour} at " in failure.stderr


@pytest.mark.parametrize("behaviour", MISBEHAVIOURS)
def test_a_misbehaviour_has_a_transcript_with_its_line(behaviour: str, misbehaved: dict[str, TestResult]) -> None:
    result = misbehaved[behaviour]
    assert result.failure
    assert result.failure.transcript
    assert SLOTS[result.id] in Path(result.failure.transcript).read_text("utf-8")
    assert result.failure.expected.startswith(f"{SLOTS[result.id]}: ")


def test_what_is_unusual_but_allowed_passes(fake: Fake) -> None:
    slow, chatty = (
        "proof_of_work::test_the_data_is_hashed_as_text",
        "identity::test_a_signature_of_somebody_else_is_refused",
    )
    implementation = fake("identity.decode_account_id=split", f"{SLOTS[slow]}=slowly", f"{SLOTS[chatty]}=chatty")
    report = run(implementation, DECODE, slow, chatty)
    assert verdicts(report) == {DECODE: "passed", slow: "passed", chatty: "passed"}
    assert report.conforms


def test_an_adapter_that_stops_reading_breaks_the_next_test_alone(fake: Fake) -> None:
    report = run(
        fake("identity.generate=stop-reading"), GENERATE, DECODE, "::test_two_signatures_of_one_message_differ"
    )
    assert list(verdicts(report).values()).count("broken") == 1
    assert by_id(report)[GENERATE].verdict == "broken"


# Breaking in a property


def test_a_search_in_an_adapter_that_breaks_is_given_up(fake: Fake, count_starts: Count, count_left: Count) -> None:
    implementation = fake("identity.derive=exit-3")
    report = run(implementation, DERIVE, AGREE)
    assert verdicts(report) == {DERIVE: "broken", AGREE: "passed"}
    assert count_starts(implementation) <= 15
    assert count_left(implementation) == 0


def test_a_search_in_an_adapter_that_hangs_is_not_begun(fake: Fake, count_starts: Count) -> None:
    implementation = fake("identity.derive=hang")
    assert verdicts(run(implementation, DERIVE, AGREE)) == {DERIVE: "broken", AGREE: "passed"}
    assert count_starts(implementation) == 2


@pytest.mark.parametrize(("behaviour", "verdict"), [("exit-3", "broken"), ("lie", "failed")])
def test_a_failure_that_does_not_show_again_is_one(fake: Fake, tmp_path: Path, behaviour: str, verdict: str) -> None:
    implementation = fake(f"identity.derive={behaviour}", "--once", str(tmp_path / "once"))
    assert verdicts(run(implementation, DERIVE)) == {DERIVE: verdict}


def test_a_failure_that_does_not_show_again_in_a_machine_is_one(fake: Fake, tmp_path: Path) -> None:
    implementation = fake("sender_keys.decrypt=exit-3", "--once", str(tmp_path / "once"))
    assert list(verdicts(run(implementation, "::test_a_group_reads")).values()) == ["broken"]


# Adapters that cannot be run


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("start=exit-3", "^fake exited with status 3 without an answer\nfake adapter: exit-3 at start$"),
        ("start=hang", "^fake gave no answer within 2 seconds"),
        ("hello=internal-error", '^fake answered hello with .*"code": -32603'),
        ("hello=no-such-member", "^fake answered hello with a result that does not fit: name: Field required"),
    ],
)
def test_an_adapter_that_does_not_say_hello_cannot_be_run(
    fake: Fake, count_left: Count, behaviour: str, message: str
) -> None:
    implementation = fake(behaviour)
    with pytest.raises(UnusableImplementation, match=message):
        runs.run(implementation, Options(failures=""))
    assert count_left(implementation) == 0


# The suite about the adapter itself


def test_the_doctor_finds_what_is_wrong_with_an_adapter(fake: Fake, count_left: Count) -> None:
    implementation = fake("hello=unknown-capability", "end=exit-3")
    report = runs.run(implementation, Options(suites=("adapter-protocol",), failures=""))
    wrong = {result.id: result.failure.actual for result in report.tests if result.failure}
    assert wrong == {
        "adapter_protocol::test_only_known_capabilities_are_listed": "lists capabilities that chapter 13 does not know: telepathy",
        "adapter_protocol::test_the_adapter_exits_when_its_input_ends": "exited with status 3 at the end of its input",
    }
    assert count_left(implementation) == 0


def test_the_doctor_notices_an_adapter_that_ignores_the_end_of_its_input(fake: Fake, count_left: Count) -> None:
    implementation = fake("end=hang")
    report = run(implementation, "::test_the_adapter_exits_when_its_input_ends")
    (result,) = report.tests
    assert result.verdict == "broken"
    assert result.failure
    assert result.failure.actual == "goes on running 5 seconds after the end of its input"
    assert result.failure.stderr == "fake adapter: hang at end\n"
    assert count_left(implementation) == 0


def test_the_doctor_notices_methods_that_are_answered_and_not_listed(fake: Fake) -> None:
    report = run(fake("hello=unlisted"), "::test_a_method_that_is_not_offered_is_not_found and save")
    (result,) = report.tests
    assert result.verdict == "broken"
    assert result.failure
    assert result.failure.actual == "does not list persistence, and answers save with the code -32602"


EXITS = "adapter_protocol::test_the_adapter_exits_when_its_input_ends"
ONLY_ANSWERS = "adapter_protocol::test_nothing_but_answers_is_written"
LONG_LINE = "adapter_protocol::test_a_long_line_is_read"


def test_an_adapter_may_complain_much_at_the_end_of_its_input_and_answer_nothing(fake: Fake) -> None:
    report = run(fake("end=chatty"), EXITS, ONLY_ANSWERS)
    assert verdicts(report) == {EXITS: "passed", ONLY_ANSWERS: "broken"}
    failure = by_id(report)[ONLY_ANSWERS].failure
    assert failure
    assert failure.actual == "wrote more than its answers: b'{}\\n'"


@pytest.mark.parametrize(
    ("behaviour", "actual"),
    [
        ("null-id", "answered request 1 with the id null"),
        ("internal-error", "answered a long line with the code -32603, as if it could not read it"),
    ],
)
def test_the_doctor_notices_an_adapter_that_does_not_read_long_lines(fake: Fake, behaviour: str, actual: str) -> None:
    (result,) = run(fake(f"no_such_method={behaviour}"), LONG_LINE).tests
    assert result.failure
    assert result.failure.actual == actual


def test_the_doctor_looks_at_the_ids_of_errors(fake: Fake) -> None:
    report = run(fake("identity.derive=other-id"), "::test_missing_params_are_an_error and derive and identity")
    (result,) = report.tests
    assert result.failure
    assert result.failure.actual == "answered request 1 with the id 2"


# Not offered


def test_what_is_not_offered_is_never_passed(fake: Fake) -> None:
    report = run(fake("--offer", "identity"), DERIVE, AGREE)
    assert verdicts(report) == {DERIVE: "passed", AGREE: "not offered"}
    assert by_id(report)[AGREE].not_offered == "key-agreement"
    assert (report.conforms, report.coarse) == (True, 0)
    clauses = {clause.id: clause.verdict for clause in report.clauses}
    assert (clauses["ID-2"], clauses["ID-9"], clauses["ID-1"]) == ("passed", "not offered", "not tested")


# Known failures


def known(what: str, expected: str = "answered a result") -> str:
    """Write a known failure."""
    return f'[[known_failure]]\n{what}\nexpected = ["{expected}"]\nreason = "a reason"\n'


def test_a_known_failure_does_not_fail_the_run(fake: Fake) -> None:
    toml = known('clauses = ["ID-5"]') + known(f'tests = ["{GENERATE}"]', "exited with status 3")
    report = run(fake("identity.decode_account_id=accept", "identity.generate=exit-3", toml=toml), DECODE, GENERATE)
    assert verdicts(report) == {DECODE: "known", GENERATE: "known"}
    assert report.conforms
    assert {clause.id: clause.verdict for clause in report.clauses}["ID-5"] == "known"
    assert {known.reason for result in report.tests for known in result.known} == {"a reason"}


def test_a_known_failure_that_fails_in_another_way_fails_the_run(fake: Fake) -> None:
    toml = known(f'tests = ["{DECODE}"]', "refused with")
    implementation = fake("identity.decode_account_id=accept", toml=toml)
    report = run(implementation, DECODE)
    assert verdicts(report) == {DECODE: "failed"}
    assert not report.conforms
    assert report.stale_known_failures == implementation.known_failure


def test_a_known_failure_that_passes_is_out_of_date(fake: Fake) -> None:
    implementation = fake(toml=known(f'tests = ["{DECODE}"]') + known(f'tests = ["{GENERATE}"]'))
    report = run(implementation, DECODE, GENERATE)
    assert set(verdicts(report).values()) == {"passed"}
    assert not report.conforms
    assert report.stale_known_failures == implementation.known_failure


def test_of_a_known_failure_the_clauses_and_tests_that_do_not_show_it_are_out_of_date(fake: Fake) -> None:
    toml = known(f'clauses = ["ID-5", "ID-2"]\ntests = ["{DERIVE}", "{AGREE}"]')
    implementation = fake("identity.decode_account_id=accept", toml=toml)
    report = run(implementation, DECODE, DERIVE)
    assert verdicts(report)[DECODE] == "known"
    assert not report.conforms
    (stale,) = report.stale_known_failures
    assert stale.names == [DERIVE]
    assert stale.reason == "a reason"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["ID-6", "ID-7"]),
        ({"clause": "ID-5"}, []),
        ({"clause": "ID-6"}, ["ID-6"]),
        ({"clause": "ID-6", "keyword": "t"}, []),
        ({"clause": "ID-6", "stop_first": True}, []),
        ({"suites": ("identity",)}, []),
    ],
)
def test_a_clause_is_out_of_date_when_all_its_tests_were_run(options: dict[str, Any], names: list[str]) -> None:
    known = KnownFailure(clauses=["ID-5", "ID-6", "ID-7"], expected=["x"], reason="r")
    implementation = Implementation(name="n", run=["r"], known_failure=[known])
    shows = result("t", "known", "ID-5", "ID-6", known=[known])
    stale = runs.find_stale(implementation, [shows, result("u", "passed", "ID-6")], Options(**options))
    assert [name for narrowed in stale for name in narrowed.names] == names


def test_clauses_that_another_rests_on_are_out_of_date_when_all_its_tests_were_run(
    rest_on: Callable[[str], None],
) -> None:
    rest_on("ID-5, ID-6")
    known = KnownFailure(clauses=["ID-5", "ID-6", "ID-7"], expected=["x"], reason="r")
    implementation = Implementation(name="n", run=["r"], known_failure=[known])
    shows = result("t", "known", "ID-5", known=[known])
    (narrowed,) = runs.find_stale(implementation, [shows, result("u", "passed", "ID-6")], Options(clause="SC-1"))
    assert narrowed.names == ["ID-6"]


@pytest.mark.parametrize(
    ("rest", "verdict"), [("answered a result", "known"), ("refused with", "failed")], ids=["explained", "unexplained"]
)
def test_every_known_failure_that_a_test_shows_is_up_to_date(fake: Fake, rest: str, verdict: str) -> None:
    derivations = vector_files.load(data.find_folder("vectors"), "identity")["testGroups"][0]["tests"]
    second, fifth = (derivations[number]["expected"]["account_id"][:-1] for number in (2, 5))
    toml = known('clauses = ["ID-3"]', second) + known('clauses = ["ID-3"]', fifth) + known('clauses = ["ID-3"]', rest)
    options = Options(keyword="test_vectors and Derivation", failures="")
    report = runs.run(fake("identity.derive=lie", toml=toml), options)
    (only,) = report.tests
    assert only.verdict == verdict
    assert [each.expected for each in only.known][-2:] == [[second], [fifth]]
    assert only.failure
    assert (second in only.failure.actual, fifth in only.failure.actual) == (False, False)


def test_a_failure_shows_the_first_clause_or_test_that_it_is_known_by(fake: Fake) -> None:
    implementation = fake("identity.decode_account_id=accept", toml=known(f'clauses = ["ID-5"]\ntests = ["{DECODE}"]'))
    report = run(implementation, DECODE)
    (shown,) = by_id(report)[DECODE].known
    assert by_id(report)[DECODE].name_known(shown) == "ID-5"
    assert [stale.names for stale in report.stale_known_failures] == [[DECODE]]


def test_a_known_failure_that_names_nothing_fails_a_whole_run_only(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    implementation = fake(toml=known('clauses = ["ID-999"]') + known('tests = ["identity::test_no_such"]'))
    assert run(implementation, DECODE).conforms
    monkeypatch.setattr(runs, "list_suites", lambda: ["adapter_protocol"])
    report = runs.run(implementation, Options(failures=""))
    assert report.stale_known_failures == implementation.known_failure
    assert not report.conforms


def gather(*tests: TestResult) -> dict[str, str]:
    """Gather the verdicts of the clauses that these tests enforce."""
    return {clause.id: clause.verdict for clause in runs.gather_clauses(list(tests)) if clause.tests}


def result(name: str, verdict: str, *clauses: str, known: Sequence[KnownFailure] = ()) -> TestResult:
    """Make the result of a test."""
    members = {"id": f"s::{name}", "suite": "s", "clauses": clauses, "verdict": verdict, "known": list(known)}
    return TestResult.model_validate({**members, "seconds": 0, "cases": 1, "coarse": 0})


def test_a_known_failure_counts_for_the_clause_that_it_names() -> None:
    of_one = KnownFailure(clauses=["ID-5"], expected=["x"], reason="r")
    of_test = KnownFailure(tests=["s::t"], expected=["x"], reason="r")
    passed = result("u", "passed", "ID-6")
    assert gather(result("t", "known", "ID-5", "ID-6", known=[of_one]), passed) == {"ID-5": "known", "ID-6": "passed"}
    assert gather(result("t", "known", "ID-5", "ID-6", known=[of_test]), passed) == {"ID-5": "known", "ID-6": "known"}
    assert gather(result("t", "known", "ID-5", "ID-6", known=[of_one])) == {"ID-5": "known", "ID-6": "known"}
    assert gather(result("t", "failed", "ID-5", "ID-6"), passed) == {"ID-5": "failed", "ID-6": "failed"}


# Transcripts


def test_a_known_failure_leaves_no_transcript_unless_asked(fake: Fake, tmp_path: Path) -> None:
    implementation = fake("identity.decode_account_id=accept", toml=known('clauses = ["ID-5"]'))
    folder = tmp_path / "failures"
    report = run(implementation, DECODE, folder=folder)
    assert by_id(report)[DECODE].failure
    assert not list(folder.glob("*"))
    report = run(implementation, DECODE, folder=folder, keep_known=True)
    (file,) = folder.glob("*")
    failure = by_id(report)[DECODE].failure
    assert failure
    assert failure.transcript == str(file)


def test_a_test_that_passes_takes_its_old_transcript_away_and_no_other(fake: Fake, tmp_path: Path) -> None:
    folder = tmp_path / "failures"
    run(fake("identity.decode_account_id=accept", "identity.derive=lie"), DECODE, DERIVE, folder=folder)
    assert len(list(folder.glob("*"))) == 2
    run(fake(), DECODE, folder=folder)
    (left,) = folder.glob("*")
    assert DERIVE.partition("::")[2] in left.name


def test_a_whole_run_takes_all_old_transcripts_away(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "failures"
    run(fake("identity.decode_account_id=accept"), DECODE, folder=folder)
    (folder / "notes.json").write_text("{}")
    monkeypatch.setattr(runs, "list_suites", lambda: ["adapter_protocol"])
    runs.run(fake(), Options(failures=str(folder)))
    assert [file.name for file in folder.glob("*")] == ["notes.json"], "what is no transcript is not ours"
    (folder / "notes.json").unlink()
    runs.run(fake(), Options(failures=str(folder)))
    assert not folder.exists()


# Choosing


def test_a_suite_is_named_with_a_dash_or_an_underscore() -> None:
    files = [runs.find_files(Options(suites=(name,))) for name in ("sender-keys", "sender_keys")]
    assert files[0] == files[1]
    assert [Path(file).stem for file in files[0]] == ["sender_keys", "sender_keys_machine", "known_answers"]


def test_all_suites_are_found_without_a_name() -> None:
    found = {role: [Path(file).stem for file in runs.find_files(Options(), role)] for role in ROLES}
    assert sorted(stem for stems in found.values() for stem in stems) == runs.list_suites()
    parts: dict[Role, str] = {"service-node": "_service_node", "open-group-server": "_server"}
    for role, part in parts.items():
        assert [stem for stem in runs.list_suites() if part in stem] == sorted(found[role])
    assert {"adapter_protocol", "identity", "notation", "proof_of_work", "sender_keys"} < set(runs.list_suites())


def test_a_clause_selects_its_tests(fake: Fake) -> None:
    report = runs.run(fake(), Options(clause="ID-12", failures=""))
    assert verdicts(report) == {"identity::test_two_signatures_of_one_message_differ": "passed"}


def test_a_clause_that_rests_on_others_selects_their_tests(fake: Fake, rest_on: Callable[[str], None]) -> None:
    rest_on("ID-12, SC-999")
    report = runs.run(fake(), Options(clause="SC-1", failures=""))
    assert verdicts(report) == {"identity::test_two_signatures_of_one_message_differ": "passed"}


# Breaking off


@pytest.mark.parametrize(("error", "name"), [(KeyboardInterrupt, "INTERRUPTED"), (ZeroDivisionError, "INTERNAL_ERROR")])
def test_a_run_that_does_not_come_to_its_end_has_no_report(
    fake: Fake, count_left: Count, error: type[BaseException], name: str
) -> None:
    implementation = fake()

    def stop(result: TestResult, total: int) -> None:
        raise error

    with pytest.raises(InterruptedRun, match=f"the run ended early, after 1 tests: {name}"):
        runs.run(implementation, Options(keyword=select(DECODE, GENERATE), failures=""), listener=stop)
    assert count_left(implementation) == 0


# What is asked for follows from the seed


@pytest.fixture
def record_requests(tmp_path: Path) -> Callable[..., list[object]]:
    """Run tests on the reference in a process of their own, with CI set; return what a method was asked for."""

    def record(method: str, *tests: str, seed: int, options: str = "") -> list[object]:
        log = tmp_path / "requests"
        log.unlink(missing_ok=True)
        command = f"tee -a {shlex.quote(str(log))} | {shlex.join(implementations.REFERENCE_COMMAND)}"
        line = [str(Path(sys.executable).with_name("cloister")), "check", "--seed", str(seed), "-k", select(*tests)]
        subprocess.run(
            [*line, *shlex.split(options), "--", "sh", "-c", command],
            check=True,
            capture_output=True,
            cwd=tmp_path,
            env=os.environ | {"CI": "true"},
        )
        requests = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        return [request["params"] for request in requests if request["method"] == method]

    return record


def test_another_seed_asks_for_something_else(record_requests: Callable[..., list[object]]) -> None:
    first, second, again = (record_requests("identity.derive", DERIVE, seed=seed) for seed in (1, 2, 1))
    assert first == again != second


def test_what_is_asked_for_does_not_depend_on_the_suites_beside(record_requests: Callable[..., list[object]]) -> None:
    alone = record_requests("proof_of_work.target", TARGET, seed=1, options="--suite proof_of_work")
    beside = record_requests("proof_of_work.target", TARGET, DERIVE, seed=1)
    assert alone == beside


def test_a_run_for_verdicts_alone_explains_no_failure() -> None:
    """Smaller examples are not looked at here: Hypothesis keeps the phases with which a process first imports a suite."""
    mutant = mutation.describe(mutants.find(mutants.read(), "SK-17.a"), mutants.FOLDER)
    test = "sender_keys::test_a_distribution_that_is_not_ahead_does_not_rewind"
    explained, bare = [by_id(run(mutant, test, verdicts_only=only))[test] for only in (False, True)]
    assert explained.failure
    assert bare.failure
    assert explained.verdict == bare.verdict == "failed"
    assert explained.failure.intermediates
    assert not bare.failure.intermediates
