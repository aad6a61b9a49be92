"""Transcripts: a failed test as a file that anybody can play again.

A value that came out of an earlier step, whole or with a part changed, is written as a reference to that step, so that
`replay` computes both sides again from the implementation's fresh output. A reference is one of

- `{"$from": [STEP, MEMBER]}`: the member of that step's result;
- `{"$from": [STEP, MEMBER], "head": H, "middle": TEXT, "tail": T}`: its first H characters, then TEXT, then its last T.

The line of each step stands beside it as it was sent: where no reference leads to the implementation's own output
(`playable`), sending these lines is all that is needed.
"""

import os
import random
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cloister_conformance import protocol
from cloister_conformance.reference_adapter import Adapter
from cloister_conformance.script import ActorName, Callee, Script, Step, describe, describe_answer, judge
from cloister_conformance.target import RESTART, Target, encode_request
from cloister_conformance.transport import BrokenAdapter, HungAdapter

MIN_REFERENCE_CHARACTERS = 16
REFERENCE = "$from"

Value = Any


class UnreadableTranscript(Exception):
    """The file is no transcript; the message says why."""


class Expectation(BaseModel):
    """What had to come back: exactly one member; the forms are those of `Step` in `script`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    result: dict[str, Value] | None = None
    matches: dict[str, str] | None = None
    error: str | None = None
    code: int | None = None
    refusal: Literal[True] | None = None
    any: Literal[True] | None = None

    @model_validator(mode="after")
    def check_form(self) -> "Expectation":
        """Check that there is one member, and that patterns are patterns."""
        if len(self.model_fields_set) != 1:
            raise ValueError("an expectation has one member")
        for pattern in (self.matches or {}).values():
            re.compile(pattern)
        return self


class Reference(BaseModel):
    """Where a value came from."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source: tuple[Annotated[int, Field(ge=0)], str] = Field(alias="$from", strict=False)
    head: Annotated[int, Field(ge=0)] = 0
    middle: str | None = None
    tail: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def check_form(self) -> "Reference":
        """Check that a changed part has a place."""
        if len(self.model_fields_set) not in (1, 4):
            raise ValueError("head, middle and tail go together")
        return self


class TranscriptStep(BaseModel):
    """One step; `params` and `expect` may hold references."""

    model_config = ConfigDict(extra="forbid")

    actor: ActorName
    method: str
    params: dict[str, Value]
    expect: dict[str, Value]
    line: str
    answer: dict[str, Value]


class Transcript(BaseModel):
    """A failed test; its last step is the one that failed."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["cloister-transcript/1"] = "cloister-transcript/1"
    test: str
    clauses: dict[str, str]
    implementation: str
    seed: int
    strict: bool
    expected: str
    actual: str
    playable: bool
    state_before: dict[str, str] = Field(
        default={}, description="capability persistence: handle -> saved state before the line of the last step"
    )
    steps: list[TranscriptStep] = Field(min_length=1)


class Outcome(BaseModel):
    """How a replayed step ended."""

    step: int
    expected: str
    actual: str
    fails: bool


# Writing


def write_steps(script: Script) -> list[TranscriptStep]:
    """Write the steps of a script with references."""
    return [
        TranscriptStep(
            actor=step.actor,
            method=step.method,
            params=refer_all(step.params, script.steps[:index]),
            expect={
                name: refer_all(value, script.steps[:index]) if isinstance(value, dict) else value
                for name, value in step.expect.items()
            },
            line=step.line,
            answer=step.answer,
        )
        for index, step in enumerate(script.steps)
    ]


def refer_all(members: dict[str, Value], earlier: list[Step]) -> dict[str, Value]:
    """Write references for the values that came out of earlier steps."""
    return {name: refer(value, earlier) for name, value in members.items()}


def refer(value: Value, earlier: list[Step]) -> Value:
    """Write a reference to the latest output that a text is, or of which it keeps more than half."""
    if isinstance(value, list):
        return [refer(member, earlier) for member in value]
    if isinstance(value, dict):
        return refer_all(value, earlier)
    if not isinstance(value, str) or len(value) < MIN_REFERENCE_CHARACTERS:
        return value
    best: Value = value
    most_kept = len(value) // 2
    for index in reversed(range(len(earlier))):
        for member, output in earlier[index].answer.get("result", {}).items():
            if output == value:
                return {REFERENCE: [index, member]}
            if not isinstance(output, str):
                continue
            head = count_common(output, value)
            tail = count_common(output[head:][::-1], value[head:][::-1])
            if head + tail > most_kept:
                most_kept = head + tail
                middle = value[head : len(value) - tail]
                best = {REFERENCE: [index, member], "head": head, "middle": middle, "tail": tail}
    return best


def count_common(one: str, other: str) -> int:
    """Count the characters with which two texts begin alike."""
    return len(os.path.commonprefix([one, other]))  # noqa: RUF071 - by characters is what is wanted


def is_playable(steps: list[TranscriptStep]) -> bool:
    """Tell whether the lines alone show the failure: nothing sent depends on what the implementation put out."""
    derived: set[int] = set()
    for index, step in enumerate(steps):
        sources = find_sources(step.params)
        if step.method == RESTART or (step.actor == "iut" and sources & derived):
            return False
        if step.actor == "iut" or sources & derived:
            derived.add(index)
    return steps[-1].actor == "iut"


def find_sources(value: Value) -> set[int]:
    """Find the steps that the references in a value lead to."""
    if isinstance(value, dict) and REFERENCE in value:
        return {value[REFERENCE][0]}
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {step for member in members for step in find_sources(member)}


# Reading


def read(file: Path) -> Transcript:
    """Read a transcript.

    Raises:
        UnreadableTranscript: there is no such file, or it is no transcript.
    """
    try:
        transcript = Transcript.model_validate_json(file.read_bytes())
        check_steps(transcript.steps)
    except OSError as error:
        raise UnreadableTranscript(f"cannot read {file}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UnreadableTranscript(f"{file} is no cloister transcript: {where}: {first['msg']}") from None
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise UnreadableTranscript(
            f"{file} is no cloister transcript: a step holds a false reference: {error!r}"
        ) from None
    return transcript


def check_steps(steps: list[TranscriptStep]) -> None:
    """Check that methods exist, references lead to earlier steps, and expectations have a known form.

    Raises:
        LookupError, TypeError, ValueError: they do not.
    """
    for index, step in enumerate(steps):
        if step.method != RESTART:
            protocol.METHODS[step.method]
        earlier: list[dict[str, Any]] = [{}] * index
        resolve_all(step.params, earlier)
        Expectation.model_validate(step.expect)
        describe(resolve_expectation(step, earlier))


def resolve(value: Value, answers: list[dict[str, Any]]) -> Value:
    """Put a fresh output in the place of a reference."""
    if isinstance(value, list):
        return [resolve(member, answers) for member in value]
    if not isinstance(value, dict):
        return value
    if REFERENCE not in value:
        return resolve_all(value, answers)
    reference = Reference.model_validate(value)
    step, member = reference.source
    output = answers[step].get("result", {}).get(member, "")
    if reference.middle is None:
        return output
    if not isinstance(output, str):
        raise TypeError(f"{member} of step {step + 1} is no text")
    return output[: reference.head] + reference.middle + output[len(output) - reference.tail :]


def resolve_all(members: dict[str, Value], answers: list[dict[str, Any]]) -> dict[str, Value]:
    """Put fresh outputs in the place of all references."""
    return {name: resolve(value, answers) for name, value in members.items()}


def resolve_expectation(step: TranscriptStep, answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Put fresh outputs in the place of the references in an expectation."""
    return {
        name: resolve_all(value, answers) if isinstance(value, dict) else value for name, value in step.expect.items()
    }


def make_callees(transcript: Transcript, target: Target) -> dict[ActorName, Callee]:
    """Make both sides afresh."""
    return {"iut": target, "peer": Adapter(random.Random(transcript.seed).randbytes)}


def replay(transcript: Transcript, target: Target) -> Outcome:
    """Run all steps on an implementation; both sides are computed afresh. Stops at the first step that fails."""
    callees = make_callees(transcript, target)
    answers: list[dict[str, Any]] = []
    for index, step in enumerate(transcript.steps):
        expectation = resolve_expectation(step, answers)
        try:
            answer = callees[step.actor].call(step.method, resolve_all(step.params, answers))
        except (BrokenAdapter, HungAdapter) as error:
            return Outcome(step=index, expected=describe(expectation), actual=str(error), fails=True)
        answers.append(answer)
        fails = judge(answer, expectation, strict=transcript.strict) == "wrong"
        if fails or index == len(transcript.steps) - 1:
            return Outcome(step=index, expected=describe(expectation), actual=describe_answer(answer), fails=fails)
    raise AssertionError("a transcript has a step")


def save_states(transcript: Transcript, target: Target) -> Transcript:
    """Run all steps but the last; add what the handles of the last one then stand for, and the line that goes with it.

    Raises:
        BrokenAdapter, HungAdapter: the implementation gave no answer.
    """
    *before, last = transcript.steps
    callees = make_callees(transcript, target)
    answers: list[dict[str, Any]] = []
    for step in before:
        answers.append(callees[step.actor].call(step.method, resolve_all(step.params, answers)))
    params = resolve_all(last.params, answers)
    saved = {
        params[name]: target.call("save", {"handle": params[name]})
        for name in protocol.METHODS[last.method].handles
        if name in params
    }
    states = {handle: answer["result"]["state"] for handle, answer in saved.items() if "result" in answer}
    last = last.model_copy(update={"line": encode_request(1, last.method, params)})
    return transcript.model_copy(update={"state_before": states, "steps": [*before, last]})
