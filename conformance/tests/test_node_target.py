"""The service node under test: how it is started, asked and ended, and all the ways in which it can misbehave."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloister_conformance import http_target, node_target
from cloister_conformance.http_target import BASE_TIME_MS
from cloister_conformance.implementation import Implementation, from_command, from_url
from cloister_conformance.node_script import NetworkActor, NodeUnderTest, make_node_actors
from cloister_conformance.node_target import NodeTarget
from cloister_conformance.script import Actor, ConformanceFailure, NotOffered, Script
from cloister_conformance.target import MAX_BREAKS
from cloister_conformance.transport import BrokenAdapter, HungAdapter, UnstableAdapter

Fake = Callable[..., Implementation]
Begin = Callable[..., tuple[NodeUnderTest, Actor, NetworkActor]]
Sides = tuple[NodeUnderTest, Actor, NetworkActor]

TEXTS = {"pubKey": "05ab", "ttl": "10000", "timestamp": str(BASE_TIME_MS), "nonce": "", "data": "hello"}


@pytest.fixture
def make(fake_node: Fake) -> Iterator[Callable[..., NodeTarget]]:
    """Make the target of a fake node that misbehaves as told; it is stopped after the test."""
    targets: list[NodeTarget] = []

    def make_target(*arguments: str, **changes: Any) -> NodeTarget:
        targets.append(NodeTarget(fake_node(*arguments).model_copy(update=changes)))
        return targets[-1]

    yield make_target
    for target in targets:
        target.stop()


@pytest.fixture
def begin(make: Callable[..., NodeTarget]) -> Begin:
    """Begin a script with a fake node."""
    return lambda *arguments, **changes: make_node_actors(make(*arguments, **changes), Script(seed=0))


def is_running(pid: int) -> bool:
    """Tell whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def find_pid(iut: NodeUnderTest) -> int:
    """Find the process of the node."""
    assert iut.callee.process is not None
    return iut.callee.process.pid


# Asking


def test_a_response_is_text_bytes_and_value(begin: Begin) -> None:
    iut, _, _ = begin()
    iut.rpc("store", **TEXTS).must_be(status=200, content_type="application/json", value={"difficulty": 1})
    answer = iut.request("GET", "/nowhere")
    answer.must_be(status=404, content_type="text/plain", body="nothing here", raw=b"nothing here")
    assert answer.result.value is None
    assert iut.script.steps[-1].line == "GET /nowhere"


def test_a_wrong_response_fails_the_test(begin: Begin) -> None:
    iut, _, _ = begin()
    with pytest.raises(ConformanceFailure, match=r"node.request: expected the result .*answered a result: .*400"):
        iut.rpc("no_such").must_be(status=200)


@pytest.mark.parametrize("raw", [b"", b"\xff", b"NaN", b"[" * 100_000])
def test_a_body_that_is_no_json_has_no_value(raw: bytes) -> None:
    assert http_target.decode_value(raw) is None


def test_the_value_of_a_request_is_sent_as_it_is() -> None:
    request = http_target.Request(method="POST", path="/", value={"a": [None, "ü", 1.5]})
    assert http_target.encode_body(request) == b'{"a":[null,"\\u00fc",1.5]}'
    with pytest.raises(ValueError, match="a body or a value, not both"):
        http_target.Request(method="POST", path="/", value=1, body=b"1")


def test_null_inside_of_a_value_is_kept(begin: Begin) -> None:
    iut, _, _ = begin()
    iut.rpc("no_such", text=None)
    assert iut.script.steps[-1].params["value"] == {"method": "no_such", "params": {"text": None}}


def test_many_requests_are_sent_at_once(begin: Begin) -> None:
    iut, _, _ = begin()
    calls: Any = [("store", TEXTS), ("no_such", {})]
    answer = iut.rpc_all(calls, times=30)
    answer.must_be(statuses=[200, 400])
    assert [response.status for response in answer.result.responses] == [200, 400] * 30
    stored = iut.rpc("retrieve", pubKey="05ab").result.value["messages"]
    assert len(stored) == 1


# Clock, network, process


def test_the_clock_is_set(begin: Begin) -> None:
    iut, _, _ = begin()
    iut.rpc("store", **TEXTS)
    for offset, left in ((9_999, 1), (10_000, 0)):
        iut.set_clock(BASE_TIME_MS + offset)
        assert len(iut.rpc("retrieve", pubKey="05ab").result.value["messages"]) == left
    assert iut.now_ms == BASE_TIME_MS + 10_000


def test_the_network_is_changed_and_played(begin: Begin) -> None:
    iut, _, network = begin()
    iut.set_network({5: "ag", 7: ["b"]}, [(0, 1), (5, 3)]).must_be(height=2)
    iut.rpc("store", **TEXTS).must_be(value={"difficulty": 3})
    assert network.take("g", path="/swarms/push_batch/v1").result.requests[0].headers["x-node-key"] == "00"
    network.take("b", seconds=0).must_be(requests=[])


@pytest.mark.parametrize("behind", [0, 1])
def test_a_network_can_be_one_that_is_not_newer(begin: Begin, monkeypatch: pytest.MonkeyPatch, behind: int) -> None:
    monkeypatch.setattr(node_target, "IGNORE_SECONDS", 0)
    iut, _, _ = begin()
    iut.set_network({5: "ag"}).must_be(height=2)
    iut.set_network({5: "ab"}, behind=behind).must_be(height=2)
    iut.request("GET", "/health").must_be(value={"status": "ok", "height": 2 - behind})  # for the fake takes any
    iut.set_network({5: "ab"}).must_be(height=3)


def test_what_a_node_writes_can_be_read(begin: Begin) -> None:
    iut, _, _ = begin("--rpc=500")
    iut.rpc("retrieve", pubKey="05ab").must_be(status=500)
    iut.read_log().must_contain(text=["fake node: 500 at rpc"])


def test_each_script_begins_at_the_same_place(begin: Begin) -> None:
    iut, _, network = begin()
    iut.set_clock(1)
    iut.set_network({5: "a"})
    network.answer("b", drop=True)
    iut.restart(timeout_seconds=1)
    iut, _, network = make_node_actors(iut.callee, Script(seed=0))
    iut.rpc("store", **TEXTS).must_be(status=200)
    assert iut.now_ms == BASE_TIME_MS
    assert iut.callee.settings == node_target.BASE_SETTINGS
    assert len(network.take("b").result.requests) == 1


def test_what_does_not_differ_is_not_written_anew(begin: Begin) -> None:
    iut, _, _ = begin()
    pid, height = find_pid(iut), iut.callee.height
    iut, _, _ = make_node_actors(iut.callee, Script(seed=1))
    assert (find_pid(iut), iut.callee.height) == (pid, height)


def test_a_node_that_is_killed_goes_on_with_its_data(begin: Begin) -> None:
    iut, _, _ = begin()
    iut.rpc("store", **TEXTS)
    pid = find_pid(iut)
    before = iut.rpc("retrieve", pubKey="05ab")
    iut.kill()
    assert not is_running(pid)
    iut.rpc("retrieve", pubKey="05ab").must_be_like(before)


def test_a_node_that_is_restarted_tells_its_status(begin: Begin) -> None:
    iut, _, _ = begin()
    iut.rpc("store", **TEXTS)
    iut.restart().must_be(exit_status=0)
    assert len(iut.rpc("retrieve", pubKey="05ab").result.value["messages"]) == 1


def test_a_node_that_ignores_sigterm_is_killed(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_target, "EXIT_SECONDS", 0.2)
    monkeypatch.setattr(http_target, "STOP_SECONDS", 0.2)
    iut, _, _ = begin("--term=ignore")
    pid = find_pid(iut)
    assert iut.restart().result.exit_status is None
    assert not is_running(pid)
    last = find_pid(iut)
    iut.callee.stop()
    assert not is_running(last)


def test_nothing_is_left_of_a_node_that_is_stopped(begin: Begin) -> None:
    iut, _, _ = begin()
    iut.rpc("store", **TEXTS)
    pid, folder = find_pid(iut), iut.callee.files
    iut.callee.stop()
    assert not is_running(pid)
    assert not folder.exists()
    iut, _, _ = make_node_actors(iut.callee, Script(seed=0))
    iut.rpc("retrieve", pubKey="05ab").must_be(value={"messages": []})


# Misbehaviours


@pytest.mark.parametrize(
    ("argument", "error", "message"),
    [
        ("--start=exit", BrokenAdapter, "exited with status 3 without an answer"),
        ("--start=hang", HungAdapter, "network of height 1 within 2 seconds: nothing listens on its port"),
        ("--health=hang", HungAdapter, "within 2 seconds: GET /health is not answered"),
        ("--health=close", HungAdapter, "within 2 seconds: GET /health is not answered"),
        ("--health=rubbish", HungAdapter, "within 2 seconds: GET /health is not answered"),
        ("--health=500", HungAdapter, "GET /health is answered with 500 something went wrong"),
    ],
)
def test_a_node_that_does_not_start_is_broken(make: Any, argument: str, error: type, message: str) -> None:
    target = make(argument)
    with pytest.raises(error, match=message):
        target.call("node.reset", {})
    assert target.process is None
    assert f"fake node: {argument.partition('=')[2]}" in target.take_errors()
    assert target.take_errors() == ""


def test_a_command_that_does_not_exist_is_told(make: Any) -> None:
    with pytest.raises(BrokenAdapter, match="could not be started: No such file or directory: no_such_command"):
        make(run=["no_such_command"]).call("node.reset", {})


@pytest.mark.parametrize(
    ("behaviour", "error", "message"),
    [
        ("hang", HungAdapter, "gave no answer within 2 seconds"),
        ("drip", HungAdapter, "gave no answer within 2 seconds"),
        ("exit", BrokenAdapter, "exited with status 3 without an answer"),
        ("close", BrokenAdapter, "closed the connection without an answer and goes on running"),
        ("rubbish", BrokenAdapter, "gave an answer that is not HTTP: BadStatusLine"),
    ],
)
def test_a_node_that_does_not_answer_is_broken_and_started_anew(
    begin: Begin, behaviour: str, error: type, message: str
) -> None:
    iut, _, _ = begin(f"--rpc={behaviour}")
    pid = find_pid(iut)
    with pytest.raises(error, match=message):
        iut.rpc("retrieve", pubKey="05ab")
    assert not is_running(pid)
    assert f"fake node: {behaviour} at rpc" in iut.callee.take_errors()
    iut.request("GET", "/health").must_be(status=200)
    assert find_pid(iut) != pid


def test_a_node_that_answers_500_has_answered(begin: Begin) -> None:
    iut, _, _ = begin("--rpc=500")
    iut.rpc("retrieve").must_be(status=500, body="something went wrong")


def test_a_node_that_does_not_read_its_file_anew_is_broken(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_target, "RELOAD_SECONDS", 1)
    iut, _, _ = begin("--file=forget")
    with pytest.raises(HungAdapter, match=r'height 2 within 1 seconds: GET /health is .* 200 .*"height": 1'):
        iut.set_network({5: "a"})


def test_a_node_that_breaks_again_and_again_is_given_up(begin: Begin) -> None:
    iut, _, _ = begin("--rpc=exit")
    for _ in range(MAX_BREAKS - 1):
        with pytest.raises(BrokenAdapter):
            iut.rpc("retrieve")
    with pytest.raises(UnstableAdapter):
        iut.rpc("retrieve")


def test_only_the_end_of_the_errors_is_kept(make: Any) -> None:
    target = make(run=[sys.executable, "-c", "print('x' * 100_000); print('end'); raise SystemExit(1)"])
    with pytest.raises(BrokenAdapter):
        target.call("node.reset", {})
    errors = target.take_errors()
    assert errors.endswith("xxx\nend\n")
    assert len(errors) == 8192


# Without capabilities


def test_a_node_without_a_clock_has_the_real_time(begin: Begin) -> None:
    iut, _, _ = begin(capabilities=["network-file"])
    assert abs(iut.now_ms - time.time() * 1000) < 10_000
    with pytest.raises(NotOffered, match="not offered: clock"):
        iut.set_clock(1)
    iut.set_network({5: "a"}).must_be(height=2)
    assert not (iut.callee.files / "clock").exists()


@pytest.fixture
def running(make: Any) -> Callable[..., NodeTarget]:
    """The target of a node that runs already."""

    def reach(*arguments: str) -> NodeTarget:
        target = make(*arguments)
        target.start()
        return NodeTarget(from_url(f"http://127.0.0.1:{target.port}", timeout_seconds=2))

    return reach


def test_a_node_that_runs_already_is_asked_and_left_alone(running: Callable[..., NodeTarget]) -> None:
    target = running()
    for _ in range(2):
        iut, _, _ = make_node_actors(target, Script(seed=0))
        iut.rpc("retrieve", pubKey="05ab").must_be(status=200)
        target.stop()


@pytest.mark.parametrize(
    ("need", "capability"),
    [
        (lambda iut, network: iut.kill(), "network-file"),
        (lambda iut, network: iut.restart(), "network-file"),
        (lambda iut, network: iut.set_network({5: "a"}), "network-file"),
        (lambda iut, network: network.take("b"), "network-file"),
        (lambda iut, network: iut.set_clock(1), "clock"),
    ],
)
def test_a_node_that_runs_already_offers_nothing_more(
    running: Callable[..., NodeTarget], need: Callable[..., object], capability: str
) -> None:
    iut, _, network = make_node_actors(running(), Script(seed=0))
    with pytest.raises(NotOffered, match=f"not offered: {capability}"):
        need(iut, network)
    iut.callee.stop()


def test_a_limit_of_a_node_that_runs_already_is_waited_out(running: Callable[..., NodeTarget]) -> None:
    iut, _, _ = make_node_actors(running("--rpc=limit"), Script(seed=0))
    iut.rpc("retrieve", pubKey="05ab").must_be(status=200)


def test_a_limit_of_a_node_that_is_started_is_its_answer(begin: Begin) -> None:
    iut, _, _ = begin("--rpc=limit")
    iut.rpc("retrieve", pubKey="05ab").must_be(status=429)


def test_a_node_that_does_not_run_is_told() -> None:
    target = NodeTarget(from_url(f"http://127.0.0.1:{http_target.find_free_port()}"))
    with pytest.raises(BrokenAdapter, match="closed the connection, or does not listen"):
        target.call("node.request", {"method": "GET", "path": "/health"})
    target.stop()


def test_a_command_alone_offers_all(tmp_path: Path) -> None:
    found = from_command(["x"], role="service-node")
    assert (found.name, found.capabilities) == ("x", ["network-file", "clock"])
