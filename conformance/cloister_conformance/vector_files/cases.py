# ruff: noqa: ANN401 - inputs are of any JSON type
"""Groups of cases. Who adds a case states its verdict; the reference is asked at once, and has to agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cloister

from cloister_conformance.reference_adapter import Adapter
from cloister_conformance.vector_files.format import Note

Json = dict[str, Any]
OURS = {"name": "cloister", "version": cloister.__version__}


class DisagreementError(Exception):
    """The reference does not answer what the author of a case states."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """The content of one vector file."""

    stem: str
    algorithm: str
    header: Sequence[str]
    notes: Mapping[str, Note]
    groups: Sequence["Group"]


def no_randomness(size: int) -> bytes:
    """Refuse to be a source of randomness: a vector gives every value."""
    raise AssertionError(f"{size} random bytes were asked for")


def encode(value: Any) -> Any:
    """Encode an input for JSON."""
    return value.hex() if isinstance(value, bytes) else value


def answered(
    method: str, inputs: Mapping[str, Any], expected: Json, intermediates: Mapping[str, bytes] | None = None
) -> Json:
    """Describe a call that gives a result."""
    call = {"method": method, **{name: encode(value) for name, value in inputs.items()}, "expected": expected}
    if intermediates:
        call["intermediates"] = {name: value.hex() for name, value in intermediates.items()}
    return call


def refused(method: str, inputs: Mapping[str, Any], error: str) -> Json:
    """Describe a call that is refused."""
    return {"method": method, **{name: encode(value) for name, value in inputs.items()}, "error": error}


def play(calls: Sequence[Json], comment: str) -> list[Json]:
    """Play calls on a fresh reference.

    Raises:
        DisagreementError: an answer is not the one stated.
    """
    adapter = Adapter(no_randomness)
    answers = []
    for call in calls:
        inputs = {
            name: value for name, value in call.items() if name not in ("method", "expected", "error", "intermediates")
        }
        answer = adapter.call(call["method"], inputs)
        stated = call.get("error")
        given = answer["error"]["data"].get("error", answer["error"]["message"]) if "error" in answer else None
        if given != stated:
            raise DisagreementError(f"{comment}: {call['method']} is stated as {stated}, the reference answers {given}")
        if stated is None and call["expected"] not in (None, answer["result"]):
            raise DisagreementError(
                f"{comment}: {call['method']} is stated as {call['expected']}, not {answer['result']}"
            )
        answers.append(answer)
    return answers


@dataclass
class Group:
    """Cases of one kind: each is one call of the method, between shared first and last steps, or has its own steps."""

    type: str
    method: str
    source: Mapping[str, str] = field(default_factory=lambda: OURS)
    before: Sequence[Json] = ()
    after: Sequence[Json] = ()
    tests: list[Json] = field(default_factory=list)

    def valid(
        self,
        comment: str,
        flag: str,
        clauses: str,
        *,
        expected: Json | None = None,
        intermediates: Mapping[str, bytes] | None = None,
        **inputs: Any,
    ) -> None:
        """Add a call that gives a result; what is expected is compared if stated, else taken from the reference."""
        call = answered(self.method, inputs, expected, intermediates)  # type: ignore[arg-type]
        answers = play([*self.before, call, *self.after], comment)
        call["expected"] = answers[len(self.before)]["result"]
        self.add(comment, flag, clauses, call, result="valid")

    def invalid(self, comment: str, error: str, flag: str, clauses: str, **inputs: Any) -> None:
        """Add a call that is refused."""
        call = refused(self.method, inputs, error)
        play([*self.before, call, *self.after], comment)
        self.add(comment, flag, clauses, call, result="invalid")

    def add(self, comment: str, flag: str, clauses: str, call: Json, *, result: str) -> None:
        """Add a case that is one call."""
        del call["method"]
        answer: Json = {name: call.pop(name) for name in ("error", "expected", "intermediates") if name in call}
        self.tests.append(
            {"comment": comment, "flags": flag.split(), "clauses": clauses.split(), **call, "result": result, **answer}
        )

    def scenario(self, comment: str, flag: str, clauses: str, steps: Sequence[Json]) -> None:
        """Add a case of several calls, of which at most one is refused; it is invalid if one is."""
        play(steps, comment)
        errors = [step["error"] for step in steps if "error" in step]
        if len(errors) > 1:
            raise DisagreementError(f"{comment}: one failure is allowed, not {len(errors)}")
        verdict = {"result": "invalid", "error": errors[0]} if errors else {"result": "valid"}
        self.tests.append(
            {"comment": comment, "flags": flag.split(), "clauses": clauses.split(), **verdict, "steps": list(steps)}
        )
