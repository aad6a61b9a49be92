"""A whole run on a service node: verdicts, reports of one implementation in two roles, transcripts and replay."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from cloister_conformance import implementation as implementations
from cloister_conformance import run as runs
from cloister_conformance import transcript as transcripts
from cloister_conformance.implementation import Implementation, UnusableImplementation, from_url
from cloister_conformance.node_target import NodeTarget
from cloister_conformance.run import NothingSelected, Options, UnusableSelection

Fake = Callable[..., Implementation]
Cloister = Callable[[str], Any]
Count = Callable[[Implementation], int]

SUITE = "adapter_protocol_service_node"
CLOCK = f"{SUITE}::test_the_time_is_that_of_the_clock_file"
RELOAD = f"{SUITE}::test_a_changed_network_is_served_without_a_restart"
ACCOUNT_ID = "test_an_account_id_of_another_type_is_refused"


def verdicts(implementation: Implementation, **options: Any) -> dict[str, str]:
    """Run all tests; return the verdicts by test."""
    report = runs.run(implementation, Options(failures="", **options))
    return {result.id: result.verdict for result in report.tests}


# Runs


def test_a_healthy_node_conforms(fake_node: Fake, count_left: Count) -> None:
    implementation = fake_node()
    report = runs.run(implementation, Options(suites=("adapter_protocol",), failures=""))
    assert report.conforms
    assert (report.implementation.name, report.implementation.version) == ("fake node", "7.8")
    assert (report.implementation.role, report.implementation.capabilities) == (
        "service-node",
        ["network-file", "clock"],
    )
    assert {result.suite for result in report.tests} == {SUITE}
    assert {result.verdict for result in report.tests} == {"passed"}
    assert count_left(implementation) == 0


@pytest.mark.parametrize(
    ("argument", "test", "verdict", "actual"),
    [
        ("--clock=ignore", CLOCK, "failed", "answered a result: "),
        ("--rpc=500", CLOCK, "failed", '"status": 500'),
        ("--rpc=exit", CLOCK, "broken", "exited with status 3 without an answer"),
        ("--rpc=rubbish", CLOCK, "broken", "gave an answer that is not HTTP: "),
        ("--rpc=hang", CLOCK, "broken", "gave no answer within 2 seconds"),
        ("--file=forget", RELOAD, "broken", "did not serve with the network of height "),
    ],
)
@pytest.mark.usefixtures("reference_node")
def test_a_misbehaviour_has_a_verdict_and_a_clear_line(
    *,
    fake_node: Fake,
    count_left: Count,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    argument: str,
    test: str,
    verdict: str,
    actual: str,
) -> None:
    monkeypatch.setattr("cloister_conformance.node_target.RELOAD_SECONDS", 0.5)
    implementation = fake_node(argument)
    options = Options(keyword=test.partition("::")[2], failures=str(tmp_path / "failures"))
    (result,) = runs.run(implementation, options).tests
    assert result.failure
    assert (result.id, result.verdict) == (test, verdict)
    assert actual in result.failure.actual
    if verdict == "broken":
        assert result.failure.expected.endswith(": a response")
    if argument.startswith("--rpc"):
        assert "fake node: " in result.failure.stderr
    assert result.failure.repeat.endswith(f" {shlex.quote(str(implementation.folder))}")
    assert count_left(implementation) == 0


def test_a_node_that_does_not_stop_fails(fake_node: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloister_conformance.http_target.EXIT_SECONDS", 0.2)
    monkeypatch.setattr("cloister_conformance.http_target.STOP_SECONDS", 0.2)
    found = verdicts(fake_node("--term=ignore"), clause="AP-19")
    assert set(found.values()) == {"failed"}


def test_a_node_that_does_not_start_cannot_be_run(fake_node: Fake) -> None:
    with pytest.raises(
        UnusableImplementation, match="fake node exited with status 3 without an answer\nfake node: exit"
    ):
        runs.run(fake_node("--start=exit"), Options(failures=""))


def test_a_known_failure_of_a_node_is_known(fake_node: Fake) -> None:
    known = '[[known_failure]]\nclauses = ["AP-20"]\nexpected = ["answered a result"]\nreason = "it has its own clock"'
    report = runs.run(fake_node("--clock=ignore", toml=known), Options(clause="AP-20", failures=""))
    assert (report.verdict, report.stale_known_failures) == ("conforms, but for 1 known failure", [])


def test_what_needs_a_capability_that_is_not_there_is_not_offered(fake_node: Fake) -> None:
    node = NodeTarget(fake_node())
    node.start()
    try:
        found = verdicts(from_url(f"http://127.0.0.1:{node.port}"), suites=("adapter_protocol",))
    finally:
        node.stop()
    assert found.pop(f"{SUITE}::test_a_node_that_runs_is_healthy") == "passed"
    assert set(found.values()) == {"not offered"}


def test_several_processes_find_what_one_finds(fake_node: Fake, count_left: Count) -> None:
    implementation = fake_node("--clock=ignore")
    one, two = (verdicts(implementation, suites=("adapter_protocol",), jobs=jobs) for jobs in (1, 2))
    assert one == two
    assert [test for test, verdict in one.items() if verdict == "failed"] == [CLOCK]
    assert count_left(implementation) == 0


def test_no_node_is_started_for_nothing(fake_node: Fake) -> None:
    implementation = fake_node()
    for options in (Options(keyword=ACCOUNT_ID), Options(clause="ID-4"), Options(suites=("identity",))):
        with pytest.raises(NothingSelected):
            runs.run(implementation, options)
    with pytest.raises(UnusableSelection, match="Wrong expression"):
        runs.run(implementation, Options(keyword="and and"))
    assert not (implementation.folder / "pids").exists()


# One implementation in two roles


@pytest.mark.usefixtures("reference_node")
def test_the_reference_is_run_in_all_its_roles(cloister: Cloister, tmp_path: Path) -> None:
    done = cloister("check --suite adapter-protocol --jobs 1 --json r.json --junit r.xml --html r.html --markdown r.md")
    assert (done.status, done.err) == (0, "")
    assert f" {SUITE} " in done.out
    assert " adapter_protocol " in done.out
    assert done.out.count("cloister reference 0.") == 1
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["implementation"]["role"], [other["role"] for other in report["also"]]) == (
        "client",
        ["service-node", "open-group-server"],
    )
    clauses = {clause["id"]: clause["verdict"] for clause in report["clauses"]}
    assert (clauses["AP-2"], clauses["AP-19"], clauses["PW-4"]) == ("passed", "passed", "not tested")
    assert len(ET.parse(tmp_path / "r.xml").findall(".//testcase")) == len(report["tests"])
    assert "client, service-node, open-group-server" in (tmp_path / "r.html").read_text()


@pytest.mark.usefixtures("reference_node")
def test_one_role_is_run_alone_if_it_is_named(cloister: Cloister) -> None:
    suites = {"client": "adapter_protocol ", "service-node": f"{SUITE} "}
    for role, suite in suites.items():
        done = cloister(f"check --suite adapter-protocol --jobs 1 --role {role} -k 'alive or runs or hello_has'")
        assert done.status == 0
        assert [other in done.out for other in suites.values()] == [other == suite for other in suites.values()]


def test_a_failure_in_one_role_is_one_of_all(
    cloister: Cloister, fake_node: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(implementations.REFERENCE_COMMANDS, "service-node", fake_node("--clock=ignore").run)
    done = cloister("check --suite adapter-protocol --jobs 1")
    assert done.status == 1
    assert "-k test_the_time_is_that_of_the_clock_file --profile quick --seed 0 --role service-node" in done.out


def test_transcripts_of_the_other_role_stay(fake_node: Fake, tmp_path: Path) -> None:
    step = {"actor": "iut", "method": "reset", "params": {}, "expect": {"any": True}, "line": "", "answer": {}}
    about = dict.fromkeys(("test", "implementation", "expected", "actual", "repeat"), "")
    for role in ("client", "service-node"):
        saved = {**about, "role": role, "clauses": {}, "seed": 0, "strict": False, "repeats": True, "playable": True}
        (tmp_path / f"{role}.json").write_text(json.dumps({**saved, "steps": [step]}))
    runs.remove_transcripts(tmp_path, "service-node")
    assert [file.name for file in tmp_path.glob("*.json")] == ["client.json"]


# The command line


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("check --role client --url http://127.0.0.1:1", 2, "--url goes with --role service-node"),
        ("check --url http://127.0.0.1:1", 2, "--url goes with --role service-node"),
        ("check node --role service-node --url http://h", 2, "give a folder, `-- COMMAND` or --url, one of them"),
        ("check --role service-node --url http://h -- x", 2, "give a folder, `-- COMMAND` or --url, one of them"),
        ("check --role service-node --url h:22021", 2, "h:22021 is no http://HOST:PORT"),
        ("check node --role client", 2, "fake node has the role service-node, not client; say so in adapter.toml"),
        ("check --role open-group-server --url http://127.0.0.1:1", 2, "an open-group server that runs already needs"),
        ("check --role service-node --", 2, "there is no command after --"),
        ("check --suite identity node", 2, "the suite identity has no tests for the role service-node"),
        ("check --role service-node -- false", 3, "false exited with status 1 without an answer"),
        ("check --role service-node -- no_such_command", 3, "no_such_command could not be started: No such file"),
        ("check --role service-node --url http://127.0.0.1:1", 3, "http://127.0.0.1:1 closed the connection, or does"),
        ("doctor --role service-node -- false", 3, "false exited with status 1 without an answer"),
        ("matrix node", 2, "fake node has the role service-node, not client"),
        ("bench node", 2, "fake node has the role service-node, not client"),
    ],
)
def test_what_the_user_can_mend_is_one_line(
    *, cloister: Cloister, fake_node: Fake, tmp_path: Path, line: str, status: int, message: str
) -> None:
    fake_node().folder.rename(tmp_path / "node")
    done = cloister(line)
    assert (done.status, done.err.strip().count("\n")) == (status, 0)
    assert done.err.startswith(f"cloister: {message}")


def test_the_doctor_tells_of_a_node(cloister: Cloister, fake_node: Fake) -> None:
    done = cloister(f"doctor {fake_node().folder}")
    assert (done.status, done.err) == (0, "")
    assert "offers: network-file, clock" in done.out
    assert "the service node starts, answers and stops" in done.out


def test_a_command_is_taken_to_offer_all(cloister: Cloister, fake_node: Fake) -> None:
    done = cloister(f"check --role service-node --suite adapter-protocol --jobs 1 -- {shlex.join(fake_node().run)}")
    assert (done.status, done.err) == (0, "")
    assert "not offered, so not tested" not in done.out


# Transcripts


@pytest.fixture
def saved(fake_node: Fake, tmp_path: Path, reference_node: None) -> tuple[Implementation, Path]:
    """A node with a clock of its own, and the transcript of what it fails."""
    implementation = fake_node("--clock=ignore")
    options = Options(clause="AP-20", failures=str(tmp_path / "failures"))
    (result,) = runs.run(implementation, options).tests
    assert result.failure and result.failure.transcript
    assert result.failure.replay == f"cloister replay {result.failure.transcript} {implementation.folder}"
    return implementation, Path(result.failure.transcript)


def test_a_transcript_holds_no_port(saved: tuple[Implementation, Path]) -> None:
    transcript = transcripts.read(saved[1])
    assert (transcript.role, transcript.repeats, transcript.playable) == ("service-node", True, False)
    assert [step.method for step in transcript.steps][:3] == ["node.reset", "node.set_network", "node.set_clock"]
    assert transcript.steps[1].params["swarms"] == [{"id": str(2**62), "nodes": ["a", "b", "c"]}]
    assert transcript.steps[-1].line == "POST /storage_rpc/v1"


def test_a_transcript_is_replayed(cloister: Cloister, saved: tuple[Implementation, Path], count_left: Count) -> None:
    implementation, file = saved
    done = cloister(f"replay {file} {implementation.folder}")
    assert (done.status, done.err) == (1, "")
    assert "iut node.request expected the result" in done.out
    assert "still fails" in done.out
    assert count_left(implementation) == 0
    done = cloister(f"replay {file}")
    assert done.status == 0
    assert "does not fail any more" in done.out


def test_a_transcript_is_not_replayed_in_another_role(cloister: Cloister, saved: tuple[Implementation, Path]) -> None:
    done = cloister(f"replay {saved[1]} --role client")
    assert (done.status, done.err.strip()) == (
        2, "cloister: cloister reference has the role client, not service-node; say so in adapter.toml",
    )  # fmt: skip


def test_a_node_without_a_clock_cannot_be_judged_by_a_transcript(
    cloister: Cloister, saved: tuple[Implementation, Path]
) -> None:
    node = NodeTarget(saved[0])
    node.start()
    url = f"http://127.0.0.1:{node.port}"
    try:
        done = cloister(f"replay {saved[1]} --role service-node --url {url}")
    finally:
        node.stop()
    assert done.status == 3
    assert "cannot be judged" in done.out
    assert f"--role service-node --url {url}" in done.out


def test_a_transcript_repeats_only_with_a_clock(
    fake_node: Fake, tmp_path: Path, reference_node: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloister_conformance.node_target.RELOAD_SECONDS", 0.5)
    implementation = fake_node("--file=forget")
    for capabilities in ('["network-file"]', '["network-file", "clock"]'):
        file = implementation.folder / "adapter.toml"
        file.write_text(re.sub(r"capabilities = .*", f"capabilities = {capabilities}", file.read_text()))
        options = Options(keyword=RELOAD.partition("::")[2], failures=str(tmp_path / "failures"))
        (result,) = runs.run(implementations.read(implementation.folder), options).tests
        assert result.failure and result.failure.transcript
        assert transcripts.read(Path(result.failure.transcript)).repeats is ("clock" in capabilities)


def test_a_transcript_is_played_again_from_the_begin(fake_node: Fake, tmp_path: Path) -> None:
    texts = {"pubKey": "05ab", "ttl": "10000", "timestamp": "1700000000000", "nonce": "", "data": "hello"}
    step = {"actor": "iut", "method": "node.request", "line": "", "answer": {}, "expect": {"any": True}}
    steps: list[Any] = [
        {**step, "method": "node.reset", "params": {}},
        {**step, "params": ask("retrieve", pubKey="05ab"), "expect": {"result": {"value": {"messages": []}}}},
        {**step, "actor": "network", "method": "network.answer", "params": {"node": "b", "status": 503}},
        {**step, "params": ask("store", **texts)},
        {
            **step,
            "actor": "network",
            "method": "network.take_requests",
            "params": {"node": "c"},
            "expect": {"contains": {"requests": [b"hello".hex()]}},
        },
    ]
    about = dict.fromkeys(("test", "implementation", "expected", "actual", "repeat"), "")
    more = {"clauses": {}, "seed": 0, "strict": False, "repeats": True, "playable": False, "role": "service-node"}
    file = tmp_path / "saved.json"
    file.write_text(json.dumps({**about, **more, "steps": steps}))
    target = NodeTarget(fake_node())
    try:
        outcomes = [transcripts.replay(transcripts.read(file), target) for _ in range(2)]
    finally:
        target.stop()
    assert [(outcome.step, outcome.verdict) for outcome in outcomes] == [(4, "passes")] * 2


def ask(method: str, **params: str) -> dict[str, Any]:
    """Write the params of a request of the storage RPC."""
    return {"method": "POST", "path": "/storage_rpc/v1", "value": {"method": method, "params": params}}


# Plain pytest


@pytest.mark.parametrize("role", ["client", "service-node"])
def test_plain_pytest_collects_the_suites_of_the_role(role: str) -> None:
    files = [str(runs.SUITES / f"{stem}.py") for stem in ("adapter_protocol", SUITE)]
    command = [sys.executable, "-m", "pytest", *files, "-c", str(runs.SUITES / "pytest.ini"), "--collect-only", "-q"]
    done = subprocess.run([*command, "--adapter-role", role], capture_output=True, text=True, check=True)
    suites = {line.partition("::")[0].rpartition("/")[2] for line in done.stdout.splitlines() if "::" in line}
    assert suites == {f"{SUITE}.py" if role == "service-node" else "adapter_protocol.py"}
