"""The implementation under test behind its adapter: what counts as an answer, and what becomes of the process."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cloister_conformance import protocol
from cloister_conformance.implementation import Implementation
from cloister_conformance.protocol.network import PATIENCE
from cloister_conformance.target import MAX_BREAKS, RESTART, Target, check_answer, decode_answer, shorten
from cloister_conformance.transport import BrokenAdapter, Child, UnstableAdapter

Fake = Callable[..., Implementation]
Count = Callable[[Implementation], int]


def answer(**members: Any) -> str:
    """Write an answer to request 1."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, **members})


def error(code: int = protocol.REFUSED, **members: Any) -> str:
    """Write an error that answers request 1."""
    return answer(error={"code": code, "message": "no", **members})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "not JSON"),
        ("rubbish", "not JSON: rubbish"),
        ("{}{}", "not JSON"),
        ("[" * 2**20, "not JSON"),
        ('{"jsonrpc":"2.0","id":1,"result":NaN}', "not JSON"),
        (answer(error={"code": -1, "message": "\ud800"}), "not JSON"),
        ("[]", r"no JSON-RPC answer: \[\]"),
        ("null", "no JSON-RPC answer"),
        (answer(), "no JSON-RPC answer"),
        (answer(result={}, error={"code": 1, "message": ""}), "no JSON-RPC answer"),
        ('{"id":1,"result":{}}', "no JSON-RPC answer"),
        ('{"jsonrpc":2.0,"id":1,"result":{}}', "no JSON-RPC answer"),
        ('{"jsonrpc":"2.0","result":{}}', "no JSON-RPC answer"),
        (answer(error="no"), "an error without code and message"),
        (answer(error={"message": "no"}), "an error without code and message"),
        (answer(error={"code": "-32000", "message": "no"}), "an error without code and message"),
        (answer(error={"code": -32000}), "an error without code and message"),
    ],
)
def test_what_is_no_answer_is_refused(line: str, message: str) -> None:
    with pytest.raises(BrokenAdapter, match=message):
        decode_answer(line)


@pytest.mark.parametrize("request_id", [2, "1", None, [1]])
def test_an_answer_to_another_request_is_refused(request_id: Any) -> None:
    with pytest.raises(BrokenAdapter, match="answered request 1 with the id"):
        check_answer("reset", 1, answer(id=request_id, result={}))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "does not fit: result: "),
        ([], "does not fit: result: "),
        ({}, "does not fit: plaintext: Field required"),
        ({"plaintext": "00", "more": 1}, "does not fit: more: "),
        ({"plaintext": "AA"}, "does not fit: plaintext: .*not lower-case hex"),
        ({"plaintext": "0"}, "does not fit: plaintext"),
        ({"plaintext": 0}, "does not fit: plaintext"),
    ],
)
def test_a_result_that_does_not_fit_its_method_is_refused(result: Any, message: str) -> None:
    with pytest.raises(BrokenAdapter, match=message):
        check_answer("sender_keys.decrypt", 1, answer(result=result))


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        "InvalidKey",
        {"error": 1},
        {"error": "NoSuchError"},
        {"error": "CloisterError"},
        {"error": "annotations"},
    ],
)
def test_a_refusal_names_an_error(data: object) -> None:
    with pytest.raises(BrokenAdapter, match=r"refused reset without an error of chapter 01 in data\.error"):
        check_answer("reset", 1, error(data=data))


@pytest.mark.parametrize("name", ["InvalidKey", "Malformed", "ProtocolViolation", "SenderKeyExhausted", "UsageError"])
def test_a_refusal_may_name_a_family(name: str) -> None:
    assert check_answer("reset", 1, error(data={"error": name}))["error"]["data"] == {"error": name}


@pytest.mark.parametrize(
    "line",
    [
        answer(result={}),
        error(data={"error": "InvalidKey"}),
        error(protocol.METHOD_NOT_FOUND),
        error(protocol.METHOD_NOT_FOUND, data=None),
        error(protocol.INTERNAL_ERROR, data="a stack trace"),
        answer(result={}) + "\r",
        answer(result={}, more="members"),
    ],
)
def test_what_is_an_answer_is_taken(line: str) -> None:
    assert check_answer("reset", 1, line)["id"] == 1


def test_a_long_value_is_shortened() -> None:
    assert shorten("short") == "short"
    assert shorten({"a": 1}) == '{"a": 1}'
    assert shorten("a" * 500 + "b" * 500) == f"{'a' * 100} ... {'b' * 100} (1000 characters)"


# The process


def test_the_process_starts_when_it_is_needed_and_again_after_it_broke(
    fake: Fake, count_starts: Count, count_left: Count
) -> None:
    implementation = fake("reset=exit-3")
    target = Target(implementation)
    assert not (implementation.folder / "pids").exists()
    assert target.hello.name == "cloister reference"
    with pytest.raises(BrokenAdapter, match="exited with status 3"):
        target.call("reset", {})
    assert target.take_errors() == "fake adapter: exit-3 at reset\n"
    assert count_left(implementation) == 0
    assert "result" in target.call("hello", {})
    assert count_starts(implementation) == 2
    target.stop()
    assert count_left(implementation) == 0


def test_a_restart_is_another_process(fake: Fake, count_starts: Count) -> None:
    implementation = fake()
    target = Target(implementation)
    for method in ("reset", RESTART, "reset"):
        assert target.call(method, {})["result"] == {}
    target.stop()
    assert count_starts(implementation) == 2


def test_hello_is_asked_once(fake: Fake) -> None:
    target = Target(fake())
    assert target.offers("identity")
    assert target.last_id == 1
    assert not target.offers("telepathy")
    assert target.last_id == 1
    target.stop()


def test_a_process_that_breaks_again_and_again_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Target(Implementation(name="gone", run=["no_such_command"]))
    for _ in range(MAX_BREAKS - 1):
        with pytest.raises(BrokenAdapter):
            target.call("reset", {})
    with pytest.raises(UnstableAdapter, match="no_such_command"):
        target.call("reset", {})


def test_what_takes_long_may_take_longer(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    target = Target(fake())
    waited: list[int] = []
    receive = Child.receive
    monkeypatch.setattr(Child, "receive", lambda child, patience: waited.append(patience) or receive(child, patience))
    target.call("reset", {})
    target.call("network.retrieve", {"client": "none", "recipient": ""})
    target.stop()
    assert waited == [1, PATIENCE]


def test_standard_error_is_shown_once(fake: Fake) -> None:
    target = Target(fake("reset=lie"))
    with pytest.raises(BrokenAdapter):
        Target(Implementation(name="gone", run=["no_such_command"])).call("reset", {})
    target.call("reset", {})
    assert target.take_errors() == "fake adapter: lie at reset\n"
    assert target.take_errors() == ""
    target.call("reset", {})
    target.stop()
    assert target.take_errors() == "fake adapter: lie at reset\n"


@pytest.mark.parametrize("behaviour", ["rubbish-after", "two-answers"])
def test_what_follows_an_answer_is_refused(fake: Fake, behaviour: str) -> None:
    target = Target(fake(f"reset={behaviour}"))
    with pytest.raises(BrokenAdapter, match=r"wrote more than one line: \{.*\}, then "):
        target.call("reset", {})


def test_hello_must_be_a_result(fake: Fake) -> None:
    target = Target(fake("hello=internal-error"))
    with pytest.raises(BrokenAdapter, match=r"answered hello with .*nobody foresaw"):
        _ = target.hello
    target.stop()
