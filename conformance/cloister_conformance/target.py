"""The implementation under test, called through its adapter.

There are three answers, a result, a refusal and "not offered"; anything else is a broken adapter.
"""

import json
from typing import Any

from cloister import errors
from pydantic import ValidationError
from pydantic_core import from_json

from cloister_conformance import protocol
from cloister_conformance.implementation import Implementation
from cloister_conformance.protocol.adapter import Hello
from cloister_conformance.transport import BrokenAdapter, Child, HungAdapter, UnstableAdapter

SHOWN_CHARACTERS = 200
RESTART = "(restart)"
"""A call of this name is no line: it ends the process, and the next call starts another."""
MAX_BREAKS = 10
"""How often the process may break in one test; a search that goes on longer costs a start each time."""


class Target:
    """One implementation under test; its process is started when it is first needed, and again after it broke."""

    methods = protocol.METHODS

    def __init__(self, implementation: Implementation) -> None:
        self.implementation = implementation
        self.child: Child | None = None
        self.last_id = 0
        self.last_line = ""
        self.error_text = ""
        self.breaks = 0
        self._hello: Hello | None = None

    def start(self) -> Child:
        """Return the running process, started if there is none."""
        if self.child is None:
            self.child = Child(
                self.implementation.run,
                folder=self.implementation.folder,
                environment=self.implementation.environment,
                timeout_seconds=self.implementation.timeout_seconds,
            )
        return self.child

    def stop(self) -> None:
        """End the process, if there is one, and keep the end of its standard error."""
        if self.child is not None:
            self.child.stop()
            self.error_text = self.child.error_text
            self.child = None

    def take_errors(self) -> str:
        """Return the end of what was written to standard error since this was last asked, by a process that runs or by the last one."""
        if self.child is not None:
            self.child.drain_errors()
            self.error_text = self.child.error_text
            self.child.errors.clear()
        text, self.error_text = self.error_text, ""
        return text

    @property
    def hello(self) -> Hello:
        """What the adapter says of its implementation; asked once."""
        if self._hello is None:
            answer = self.call("hello", {})
            if "result" not in answer:
                raise BrokenAdapter(f"answered hello with {shorten(answer)}")
            self._hello = Hello.model_validate(answer["result"])
        return self._hello

    @property
    def capabilities(self) -> list[str]:
        """What the implementation offers."""
        return self.hello.capabilities

    def offers(self, capability: str) -> bool:
        """Tell whether the implementation offers a capability."""
        return capability in self.capabilities

    def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Call a method; return the checked answer, with its member `result` or `error`. `RESTART` ends the process.

        Raises:
            BrokenAdapter, HungAdapter: there was no such answer.
        """
        if method == RESTART:
            self.stop()
            return {"result": {}}
        self.last_id += 1
        self.last_line = encode_request(self.last_id, method, params)
        try:
            answer = self.exchange(self.last_line, patience=protocol.METHODS[method].patience)
            return check_answer(method, self.last_id, answer)
        except BrokenAdapter as error:
            self.stop()
            self.breaks += 1
            if self.breaks >= MAX_BREAKS:
                raise UnstableAdapter(str(error)) from None
            raise
        except HungAdapter:
            self.stop()
            raise

    def exchange(self, line: str, *, patience: int = 1) -> str:
        """Send one line and receive one, which may take so many times as long as usual."""
        child = self.start()
        child.send(line.encode() + b"\n")
        answer = child.receive(patience).decode("utf-8", "replace")
        if child.buffer:
            rest = child.buffer.decode("utf-8", "replace").strip()
            raise BrokenAdapter(f"wrote more than one line: {shorten(answer)}, then {shorten(rest)}")
        return answer


def encode_request(request_id: int, method: str, params: dict[str, Any]) -> str:
    """Encode a request as a line."""
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})


def check_answer(method: str, request_id: int, line: str) -> dict[str, Any]:
    """Check that a line answers a request with a result of the method or with an error.

    Raises:
        BrokenAdapter: it does not.
    """
    answer = decode_answer(line)
    if answer.get("id") != request_id or type(answer["id"]) is not int:
        raise BrokenAdapter(f"answered request {request_id} with the id {shorten(answer.get('id'))}")
    if "result" in answer:
        try:
            protocol.METHODS[method].result.model_validate(answer["result"])
        except ValidationError as violation:
            first = violation.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "result"
            raise BrokenAdapter(f"answered {method} with a result that does not fit: {where}: {first['msg']}") from None
        return answer
    error = answer["error"]
    if error["code"] == protocol.REFUSED and not names_error(error.get("data")):
        raise BrokenAdapter(f"refused {method} without an error of chapter 01 in data.error: {shorten(error)}")
    return answer


def decode_answer(line: str) -> dict[str, Any]:
    """Decode a line into a JSON-RPC answer.

    Raises:
        BrokenAdapter: it is none.
    """
    try:
        answer = from_json(line, allow_inf_nan=False)
    except ValueError:
        raise BrokenAdapter(f"wrote a line that is not JSON: {shorten(line)}") from None
    if not isinstance(answer, dict) or not is_answer(answer):
        raise BrokenAdapter(f"wrote a line that is no JSON-RPC answer: {shorten(line)}")
    if "error" in answer and not is_error(answer["error"]):
        raise BrokenAdapter(f"wrote an error without code and message: {shorten(line)}")
    return answer


def is_answer(answer: dict[str, Any]) -> bool:
    """Tell whether an object is a JSON-RPC answer, whatever its result or error."""
    return answer.get("jsonrpc") == "2.0" and "id" in answer and ("result" in answer) != ("error" in answer)


def is_error(error: object) -> bool:
    """Tell whether a value is the `error` member of a JSON-RPC answer."""
    return isinstance(error, dict) and isinstance(error.get("code"), int) and isinstance(error.get("message"), str)


def names_error(data: object) -> bool:
    """Tell whether the `data` of a refusal names an error of chapter 01, or what it belongs to."""
    name = data.get("error") if isinstance(data, dict) else None
    found = getattr(errors, name, None) if isinstance(name, str) else None
    return isinstance(found, type) and issubclass(found, errors.CloisterError) and found is not errors.CloisterError


def shorten(value: object) -> str:
    """Write a value for a message, its middle left out when it is long."""
    text = value if isinstance(value, str) else json.dumps(value)
    if len(text) <= SHOWN_CHARACTERS:
        return text
    half = SHOWN_CHARACTERS // 2
    return f"{text[:half]} ... {text[-half:]} ({len(text)} characters)"
