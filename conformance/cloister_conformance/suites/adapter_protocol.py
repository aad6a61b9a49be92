"""Chapter 13: the adapter itself. `cloister doctor` runs this suite alone."""

import json
from typing import Any

import pytest

from cloister_conformance import protocol
from cloister_conformance.clause import clause
from cloister_conformance.plugin import Actors
from cloister_conformance.script import NotOffered
from cloister_conformance.target import Target, decode_answer
from cloister_conformance.transport import BrokenAdapter

MIN_LINE_BYTES = 1_048_576
EXIT_SECONDS = 5
IN_FLIGHT = 32

METHODS = [name for name, method in protocol.METHODS.items() if method.capability]
NEEDING_A_HANDLE = [
    name for name in METHODS if any(not handle.may_be_new for handle in protocol.METHODS[name].handles.values())
]

RUBBISH = ["rubbish", "", "[]", "{", '"text"', "{}", '{"jsonrpc":"2.0"}', "\ufffd\u0000", "[[[[[["]


def ask(target: Target, line: str) -> dict[str, Any]:
    """Send a line as it is and return the answer, whatever its id."""
    try:
        return decode_answer(target.exchange(line))
    except BaseException:
        target.stop()
        raise


def ask_for_error(target: Target, line: str) -> dict[str, Any]:
    """Send a request as it is and return the error of the answer, which carries its id."""
    answer = ask(target, line)
    check_id(answer, json.loads(line)["id"])
    if "error" not in answer:
        raise BrokenAdapter(f"answered {line[:100]} with a result: {json.dumps(answer['result'])[:100]}")
    error: dict[str, Any] = answer["error"]
    return error


def check_id(answer: dict[str, Any], request_id: int) -> None:
    """Check that an answer carries the id of its request."""
    if answer["id"] != request_id or type(answer["id"]) is not int:
        raise BrokenAdapter(f"answered request {request_id} with the id {json.dumps(answer['id'])[:100]}")


def find_missing(target: Target, method: str) -> str | None:
    """Find the capability for want of which the adapter does not offer the method."""
    return protocol.find_missing(protocol.METHODS[method], (), target.hello.capabilities)


def call_sample(target: Target, method: str) -> dict[str, Any]:
    """Call a method with its sample of params."""
    return target.call(method, dict(protocol.METHODS[method].sample))


def check_offered(target: Target, method: str) -> None:
    """End the test as not offered, unless the adapter offers the method."""
    if missing := find_missing(target, method):
        raise NotOffered(missing)


def check_alive(target: Target) -> None:
    """Check that the adapter still answers."""
    target.call("hello", {})


@clause("AP-1")
def test_hello_has_its_five_members(actors: Actors) -> None:
    iut, _ = actors()
    iut.call("hello").must_match(name=".", version=".", language=".", spec=f"^{protocol.SPEC_VERSION}$")


@clause("AP-2")
@pytest.mark.parametrize("request_id", [0, 1, 2**31, 2**53 - 1])
def test_an_answer_carries_the_id_of_its_request(target: Target, request_id: int) -> None:
    line = json.dumps({"jsonrpc": "2.0", "id": request_id, "method": "hello", "params": {}})
    check_id(ask(target, line), request_id)


@clause("AP-2")
def test_nothing_but_answers_is_written(target: Target) -> None:
    for method in ("hello", "reset"):
        target.call(method, {})
    child = target.start()
    try:
        child.close_input(EXIT_SECONDS)
    finally:
        target.stop()
    if child.buffer:
        raise BrokenAdapter(f"wrote more than its answers: {bytes(child.buffer[:100])!r}")


@clause("AP-3")
def test_requests_may_be_in_flight_together(target: Target) -> None:
    child = target.start()
    requests = [
        {"jsonrpc": "2.0", "id": 10_000 + number, "method": "hello", "params": {}} for number in range(IN_FLIGHT)
    ]
    try:
        child.send("".join(json.dumps(request) + "\n" for request in requests).encode())
        answers = [decode_answer(child.receive().decode("utf-8", "replace")) for _ in requests]
    except BaseException:
        target.stop()
        raise
    if {answer["id"] for answer in answers} != {request["id"] for request in requests}:
        raise BrokenAdapter("did not answer each of the requests in flight once")


@clause("AP-4")
@pytest.mark.parametrize("method", ["no_such_method", "sender_keys.no_such_method", "", "hello ", "__init__"])
def test_an_unknown_method_is_not_found(target: Target, method: str) -> None:
    error = ask_for_error(target, json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}))
    if error["code"] != protocol.METHOD_NOT_FOUND:
        raise BrokenAdapter(
            f"answered an unknown method with the code {error['code']}, not {protocol.METHOD_NOT_FOUND}"
        )


@clause("AP-5")
@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_is_not_offered_is_not_found(target: Target, method: str) -> None:
    missing = find_missing(target, method)
    if missing is None:
        return
    error = call_sample(target, method).get("error", {"code": None})
    if error["code"] != protocol.METHOD_NOT_FOUND:
        raise BrokenAdapter(f"does not list {missing}, and answers {method} with the code {error['code']}")


@clause("AP-6")
@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_is_offered_is_found(target: Target, method: str) -> None:
    check_offered(target, method)
    error = call_sample(target, method).get("error", {"code": None})
    if error["code"] == protocol.METHOD_NOT_FOUND:
        raise BrokenAdapter(f"lists {protocol.METHODS[method].capability}, and does not know {method}")


@clause("AP-15", "AP-16")
@pytest.mark.parametrize("method", METHODS)
def test_an_answer_is_a_result_of_the_method_or_a_named_refusal(target: Target, method: str) -> None:
    check_offered(target, method)
    call_sample(target, method)


@clause("AP-7")
@pytest.mark.parametrize("line", RUBBISH)
def test_a_line_that_is_no_request_is_an_error(target: Target, line: str) -> None:
    answer = ask(target, line)
    if answer.get("id") is not None or "error" not in answer:
        raise BrokenAdapter(f"answered the line {line!r} with {json.dumps(answer)[:100]}")
    check_alive(target)


@clause("AP-8")
@pytest.mark.parametrize("method", [name for name in METHODS if protocol.METHODS[name].sample])
def test_missing_params_are_an_error(target: Target, method: str) -> None:
    check_offered(target, method)
    ask_for_error(target, json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}))
    check_alive(target)


@clause("AP-8")
@pytest.mark.parametrize("method", [name for name in METHODS if len(protocol.METHODS[name].sample) > 1])
def test_one_param_that_is_missing_is_an_error(target: Target, method: str) -> None:
    check_offered(target, method)
    sample = protocol.METHODS[method].sample
    for missing in sample:
        params = {name: value for name, value in sample.items() if name != missing}
        ask_for_error(target, json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    check_alive(target)


MALFORMED_REQUESTS = [
    '{"jsonrpc":"2.0","id":1,"method":[],"params":{}}',
    '{"jsonrpc":"2.0","id":1,"method":null,"params":{}}',
]


@clause("AP-8")
@pytest.mark.parametrize("line", MALFORMED_REQUESTS)
def test_a_request_of_another_form_is_an_error(target: Target, line: str) -> None:
    answer = ask(target, line)
    if answer["id"] not in (1, None) or "error" not in answer:  # JSON-RPC 2.0 takes it for no request
        raise BrokenAdapter(f"answered {line} with {json.dumps(answer)[:100]}")
    check_alive(target)


@clause("AP-9")
def test_a_long_line_is_read(target: Target) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "no_such_method", "params": {"padding": ""}}
    request["params"] = {"padding": "x" * (MIN_LINE_BYTES - len(json.dumps(request)))}
    line = json.dumps(request)
    assert len(line) == MIN_LINE_BYTES
    error = ask_for_error(target, line)
    if error["code"] != protocol.METHOD_NOT_FOUND:
        raise BrokenAdapter(f"answered a long line with the code {error['code']}, as if it could not read it")
    check_alive(target)


@clause("AP-10")
def test_reset_forgets_handles(actors: Actors) -> None:
    iut, _ = actors()
    iut.call("sender_keys.create", key="key").must_be()
    iut.call("sender_keys.encrypt", key="key", plaintext=b"x").must_be_answered()
    iut.call("reset").must_be()
    ask_for_error(
        iut.callee,
        json.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": "sender_keys.encrypt", "params": {"key": "key", "plaintext": ""}}
        ),
    )


@clause("AP-11")
def test_the_adapter_exits_when_its_input_ends(target: Target) -> None:
    check_alive(target)
    try:
        status = target.start().close_input(EXIT_SECONDS)
    finally:
        target.stop()
    if status is None:
        raise BrokenAdapter(f"goes on running {EXIT_SECONDS} seconds after the end of its input")
    if status:
        raise BrokenAdapter(f"exited with status {status} at the end of its input")


@clause("AP-12")
def test_only_known_capabilities_are_listed(target: Target) -> None:
    unknown = set(target.hello.capabilities) - set(protocol.CAPABILITIES)
    if unknown:
        raise BrokenAdapter(f"lists capabilities that chapter 13 does not know: {', '.join(sorted(unknown))}")


@clause("AP-13")
@pytest.mark.parametrize("method", NEEDING_A_HANDLE)
def test_an_unknown_handle_is_an_error(target: Target, method: str) -> None:
    check_offered(target, method)
    target.call("reset", {})
    params = dict(protocol.METHODS[method].sample)
    ask_for_error(target, json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    check_alive(target)
