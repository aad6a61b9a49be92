# ruff: noqa: ANN401 - inputs are of any JSON type
"""Groups of cases. Who adds a case states its verdict; the reference is asked at once, and has to agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cloister
from cloister import wire

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


def encode_members(members: Mapping[str, Any]) -> Json:
    """Encode the members of an input."""
    return {name: encode(value) for name, value in members.items()}


def answered(
    method: str, members: Mapping[str, Any], expected: Json | None, intermediates: Mapping[str, bytes] | None = None
) -> Json:
    """Describe a call that gives a result; None stands for a result that is still to be taken from the reference."""
    call = {"method": method, "input": encode_members(members), "expected": expected}
    if intermediates:
        call["intermediates"] = encode_members(intermediates)
    return call


def refused(method: str, members: Mapping[str, Any], error: str) -> Json:
    """Describe a call that is refused."""
    return {"method": method, "input": encode_members(members), "error": error}


def play(calls: Sequence[Json], comment: str, random: wire.Random = no_randomness) -> list[Json]:
    """Play calls on a fresh reference.

    Raises:
        DisagreementError: an answer is not the one stated.
    """
    adapter = Adapter(random)
    answers = []
    for call in calls:
        answer = adapter.call(call["method"], call["input"])
        stated = call.get("error")
        given = answer["error"]["data"].get("error", answer["error"]["message"]) if "error" in answer else None
        if given != stated:
            raise DisagreementError(f"{comment}: {call['method']} is stated as {stated}, the reference answers {given}")
        if stated is None and not agrees(call["expected"], answer["result"]):
            raise DisagreementError(
                f"{comment}: {call['method']} is stated as {call['expected']}, not {answer['result']}"
            )
        answers.append(answer)
    return answers


def agrees(expected: Json | None, result: Json) -> bool:
    """Tell whether a result has the members that are stated, of which there is one if the result has any."""
    if expected is None:
        return True
    return bool(expected) is bool(result) and expected.items() <= result.items()


def find_refusals(call: Json) -> list[str]:
    """Find the error names with which a call is refused, or tells that something was."""
    if "error" in call:
        return [call["error"]]
    told = (call["expected"] or {}).get("told", [])
    return [event["error"] for event in told if event["kind"] == "refused"]


@dataclass
class Group:
    """Cases of one kind: each is one call of the method, or has its own steps, between shared first and last steps.

    `random` is for what an implementation keeps to itself: no value of a vector may come from it.
    """

    type: str
    method: str
    source: Mapping[str, str] = field(default_factory=lambda: OURS)
    before: Sequence[Json] = ()
    after: Sequence[Json] = ()
    random: wire.Random = no_randomness
    tests: list[Json] = field(default_factory=list)

    def valid(
        self,
        comment: str,
        flag: str,
        clauses: str,
        /,
        *,
        expected: Json | None = None,
        intermediates: Mapping[str, bytes] | None = None,
        **inputs: Any,
    ) -> None:
        """Add a call that gives a result; what is expected is compared if stated, else taken from the reference.

        State some members of the result where the others are values that no vector can state.
        """
        call = answered(self.method, inputs, expected, intermediates)
        answers = play([*self.before, call, *self.after], comment, self.random)
        if expected is None:
            call["expected"] = answers[len(self.before)]["result"]
        self.add(comment, flag, clauses, call, result="valid")

    def valid_by_reading(
        self, comment: str, flag: str, clauses: str, results: Mapping[str, Json], /, **inputs: Any
    ) -> None:
        """Add a call whose result depends on the reading: `results` by their names, that of the reference first."""
        (_, expected), *others = results.items()
        call = {**answered(self.method, inputs, expected), "readings": dict(others)}
        play([*self.before, call, *self.after], comment, self.random)
        self.add(comment, flag, clauses, call, result="valid")

    def invalid(self, comment: str, error: str, flag: str, clauses: str, /, **inputs: Any) -> None:
        """Add a call that is refused."""
        call = refused(self.method, inputs, error)
        play([*self.before, call, *self.after], comment, self.random)
        self.add(comment, flag, clauses, call, result="invalid")

    def add(self, comment: str, flag: str, clauses: str, call: Json, *, result: str) -> None:
        """Add a case that is one call."""
        described = {name: value for name, value in call.items() if name != "method"}
        self.tests.append(
            {"comment": comment, "flags": flag.split(), "clauses": clauses.split(), "result": result, **described}
        )

    def scenario(self, comment: str, flag: str, clauses: str, steps: Sequence[Json]) -> None:
        """Add a case of several calls, of which at most one is refused, or tells a refusal; it is invalid if one is."""
        play([*self.before, *steps, *self.after], comment, self.random)
        errors = [error for step in steps for error in find_refusals(step)]
        if len(errors) > 1:
            raise DisagreementError(f"{comment}: one failure is allowed, not {len(errors)}")
        verdict = {"result": "invalid", "error": errors[0]} if errors else {"result": "valid"}
        self.tests.append(
            {"comment": comment, "flags": flag.split(), "clauses": clauses.split(), **verdict, "steps": list(steps)}
        )
