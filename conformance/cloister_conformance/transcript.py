"""Transcripts: a failed test as a file that anybody can play again.

A value that came out of an earlier step is written as a reference to that step (see `references`), so that `replay`
computes both sides again from the implementation's fresh output. Whether it then fails again is tried when the transcript
is written (`rehearse`), because a test may have computed a value that no reference stands for.

The line of each step stands beside it as it was sent: where no reference leads to the implementation's own output
(`playable`), sending these lines is all that is needed.
"""

import random
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator

from cloister_conformance import peer, played_storage, protocol
from cloister_conformance.http_target import HttpTarget
from cloister_conformance.implementation import Role
from cloister_conformance.node_target import NodeTarget
from cloister_conformance.peer import Peer
from cloister_conformance.protocol.messages import Method
from cloister_conformance.protocol.open_group_server import SERVER_METHODS
from cloister_conformance.protocol.over_http import CLOCK
from cloister_conformance.protocol.played_storage import NODES_METHODS
from cloister_conformance.protocol.service_node import NETWORK_METHODS, NODE_METHODS
from cloister_conformance.references import (
    JOIN,
    REFERENCE,
    MissingOutput,
    Outputs,
    find_references,
    list_outputs,
    refer_all,
    refer_parts,
    resolve_all,
)
from cloister_conformance.script import (
    METHODS,
    Callee,
    Script,
    Step,
    describe,
    describe_answer,
    judge,
    resolve_expectation,
)
from cloister_conformance.target import RESTART, Target, encode_request
from cloister_conformance.transport import BrokenAdapter, HungAdapter

ROUNDS = 16
"""How often replay tries: a failure may depend on a bit of the implementation's randomness."""

Value = Any
METHODS_OF: dict[str, dict[str, Method]] = {
    "iut": protocol.METHODS | NODE_METHODS | SERVER_METHODS,
    "peer": peer.METHODS,
    "network": NETWORK_METHODS,
    "nodes": NODES_METHODS,
}
"""The methods of each actor."""
SERVER_ROUNDS = 1
"""How often with a server: each time is a start, and it draws little that could matter."""
NODES_ROUNDS = 4
"""How often with the storage network that is played for a client: it is slower, and the client draws often in each."""


class UnreadableTranscript(Exception):
    """The file is no transcript; the message says why."""


class Expectation(BaseModel):
    """What had to come back: exactly one member; the forms are those of `Step` in `script`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    result: dict[str, Value] | None = None
    matches: dict[str, Value] | None = None
    contains: dict[str, list[Value]] | None = None
    excludes: dict[str, list[Value]] | None = None
    differs: dict[str, Value] | None = None
    tells: list[Value] | None = None
    mentions: list[Value] | None = None
    like: Annotated[int, Field(ge=0)] | None = None
    error: str | None = None
    code: int | None = None
    refusal: Literal[True] | None = None
    any: Literal[True] | None = None

    @model_validator(mode="after")
    def check_form(self) -> "Expectation":
        """Check that there is one member, and that patterns are patterns."""
        if len(self.model_dump(exclude_none=True)) != 1 or len(self.model_fields_set) != 1:
            raise ValueError("an expectation has one member")
        for pattern in (self.matches or {}).values():
            try:
                re.compile(fill_pattern(pattern))
            except re.error as error:
                raise ValueError(f"no pattern: {error}") from None
        return self


def fill_pattern(pattern: Value) -> str:
    """Fill a pattern with some text in the place of its references."""
    if isinstance(pattern, dict):
        return "".join(part if isinstance(part, str) else "x" for part in pattern[JOIN])
    return str(pattern)


class TranscriptStep(BaseModel):
    """One step; `params` and `expect` may hold references."""

    model_config = ConfigDict(extra="forbid")

    actor: str
    method: str
    params: dict[str, Value] = Field(description="values and references")
    expect: Annotated[dict[str, Value], WithJsonSchema(Expectation.model_json_schema())]
    line: str
    answer: dict[str, Value]


class Transcript(BaseModel):
    """A failed test; its last step is the one that failed."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["cloister-transcript/1"] = "cloister-transcript/1"
    test: str
    clauses: dict[str, str]
    implementation: str
    role: Role = "client"
    seed: int
    strict: bool
    expected: str
    actual: str
    repeat: str = Field(description="the command that runs the test again, but for the implementation")
    repeats: bool = Field(description="when it was saved, replay failed again, and did not fail on the reference")
    playable: bool
    state_before: dict[str, str] = Field(
        default={}, description="capability persistence: handle -> saved state before the line of the last step"
    )
    steps: list[TranscriptStep] = Field(min_length=1)


Verdict = Literal["fails", "passes", "cannot be judged"]


class Outcome(BaseModel):
    """How a replayed step ended."""

    step: int
    expected: str
    actual: str
    verdict: Verdict


# Writing


def write_steps(script: Script) -> list[TranscriptStep]:
    """Write the steps of a script with references."""
    answers = [step.answer for step in script.steps]
    return [write_step(step, answers[:index]) for index, step in enumerate(script.steps)]


def write_step(step: Step, answers: list[dict[str, Any]]) -> TranscriptStep:
    """Write a step with references to earlier outputs."""
    outputs = list_outputs(answers)
    return TranscriptStep(
        actor=step.actor,
        method=step.method,
        params=refer_all(step.params, outputs) | refer_names(step.params, answers),
        expect=refer_expectation(step.expect, outputs),
        line=step.line,
        answer=step.answer,
    )


def refer_names(params: dict[str, Value], answers: list[dict[str, Any]]) -> dict[str, Value]:
    """Write references for the params that are a member of the same name in an earlier result, such as a short nonce."""
    return {
        name: {REFERENCE: [index, name]}
        for index, answer in enumerate(answers)
        for name, value in params.items()
        if name in answer.get("result", {}) and answer["result"][name] == value
    }


def refer_expectation(expectation: dict[str, Value], outputs: Outputs) -> dict[str, Value]:
    """Write references into an expectation. What must not come back is what came first: the fault may be that it came again."""
    if "matches" in expectation:
        patterns = expectation["matches"].items()
        return {"matches": {name: refer_parts(pattern, outputs) for name, pattern in patterns}}
    if "excludes" in expectation:
        return refer_all(expectation, outputs[::-1])
    if "tells" in expectation or "mentions" in expectation:
        return {name: [refer_all(event, outputs) for event in events] for name, events in expectation.items()}
    return {
        name: refer_all(value, outputs) if isinstance(value, dict) else value for name, value in expectation.items()
    }


def is_playable(steps: list[TranscriptStep]) -> bool:
    """Tell whether the lines alone show the failure: nothing sent depends on what the implementation put out.

    What the peer holds under a handle depends on it after a step that did. No line stands for the nodes of a played network.
    """
    if any(step.actor == "nodes" for step in steps):
        return False
    derived: set[int] = set()
    held: set[str] = set()
    for index, step in enumerate(steps):
        sources = {reference.step for reference in find_references(step.params)}
        if step.method == RESTART or (step.actor == "iut" and sources & derived):
            return False
        handles = set() if step.actor == "iut" else {*list_handles(step)}
        if step.actor == "iut" or sources & derived or handles & held:
            derived.add(index)
            held |= handles
    return steps[-1].actor == "iut"


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
            METHODS_OF.get(step.actor, METHODS)[step.method]
        Expectation.model_validate(step.expect)
        if step.expect.get("like", -1) >= index:
            raise ValueError("a step that is like a later one")
        for reference in find_references([step.params, step.expect]):
            if reference.step >= index:
                raise ValueError("a reference to a later step")
            if reference.path[0] not in METHODS[steps[reference.step].method].result.model_fields:
                raise LookupError(reference.path[0])


def make_callees(transcript: Transcript, iut: Callee) -> dict[str, Callee]:
    """Make all sides afresh; a server begins with nothing stored.

    Raises:
        UnreadableTranscript: it has other actors.
    """
    callees: dict[str, Callee] = {"iut": iut, "peer": Peer(random.Random(transcript.seed).randbytes)}
    if isinstance(iut, HttpTarget):
        iut.stop()
    if isinstance(iut, NodeTarget):
        callees["network"] = iut.network
    elif any(step.actor == "nodes" for step in transcript.steps):
        callees["nodes"] = played_storage.start()
    others = {step.actor for step in transcript.steps} - callees.keys()
    if others:
        raise UnreadableTranscript(
            f"the transcript needs {', '.join(sorted(others))}; replay knows {' and '.join(callees)} only"
        )
    return callees


def replay(transcript: Transcript, iut: Callee) -> Outcome:
    """Play a transcript on an implementation until it fails; one that did not repeat when it was saved shows nothing."""
    if isinstance(iut, HttpTarget) and not iut.offers(CLOCK):
        return Outcome(
            step=len(transcript.steps) - 1,
            expected=transcript.expected,
            actual="the times of the steps are not those of what has no capability clock",
            verdict="cannot be judged",
        )
    for _ in range(count_rounds(transcript, iut)):
        outcome = play(transcript, iut)
        if outcome.verdict != "passes":
            break
    return outcome if transcript.repeats else outcome.model_copy(update={"verdict": "cannot be judged"})


def count_rounds(transcript: Transcript, iut: Callee) -> int:
    """Count how often a transcript is played that does not fail."""
    if isinstance(iut, HttpTarget):
        return SERVER_ROUNDS
    return NODES_ROUNDS if any(step.actor == "nodes" for step in transcript.steps) else ROUNDS


def play(transcript: Transcript, iut: Callee) -> Outcome:
    """Run all steps once; both sides are computed afresh. Stops at the first step that fails."""
    callees = make_callees(transcript, iut)
    answers: list[dict[str, Any]] = []
    for index, step in enumerate(transcript.steps):
        expected = describe(step.expect)
        try:
            expectation = resolve_expectation(step.expect, answers)
            expected = describe(expectation)
            answer = callees[step.actor].call(step.method, resolve_all(step.params, answers))
        except MissingOutput as error:
            return Outcome(step=index, expected=expected, actual=str(error), verdict="cannot be judged")
        except (BrokenAdapter, HungAdapter) as error:
            return Outcome(step=index, expected=expected, actual=str(error), verdict="fails")
        answers.append(answer)
        verdict: Verdict = "fails" if judge(answer, expectation, strict=transcript.strict) == "wrong" else "passes"
        if verdict == "fails" or index == len(transcript.steps) - 1:
            return Outcome(step=index, expected=expected, actual=describe_answer(answer), verdict=verdict)
    raise AssertionError("a transcript has a step")


class Healthy(Peer):
    """The reference in the place of the implementation under test."""

    def call(self, name: str, params: dict[str, Any]) -> dict[str, Any]:
        """Answer one call; a restart forgets every handle."""
        return super().call("reset" if name == RESTART else name, params)


def rehearse(transcript: Transcript, iut: Callee, healthy: Callee | None = None) -> bool:
    """Tell whether replay fails on the implementation again, and not on the reference, `healthy` if it has another role than client."""
    transcript = transcript.model_copy(update={"repeats": True})
    healthy = healthy or Healthy(random.Random(transcript.seed + 1).randbytes)
    return replay(transcript, iut).verdict == "fails" and replay(transcript, healthy).verdict == "passes"


def save_states(transcript: Transcript, target: Target) -> Transcript:
    """Run all steps but the last; add what the implementation's handles then stand for, and the line that goes with it.

    Raises:
        BrokenAdapter, HungAdapter, MissingOutput: the implementation gave no answer, or another one.
    """
    *before, last = transcript.steps
    callees = make_callees(transcript, target)
    answers: list[dict[str, Any]] = []
    for step in before:
        answers.append(callees[step.actor].call(step.method, resolve_all(step.params, answers)))
    params = resolve_all(last.params, answers)
    saved = {handle: target.call("save", {"handle": handle}) for handle in find_handles(transcript.steps)}
    states = {handle: answer["result"]["state"] for handle, answer in saved.items() if "result" in answer}
    last = last.model_copy(update={"line": encode_request(1, last.method, params)})
    return transcript.model_copy(update={"state_before": states, "steps": [*before, last]})


def find_handles(steps: list[TranscriptStep]) -> list[str]:
    """Find the handles of the implementation, in the order in which they came up."""
    named = [
        handle for step in steps if step.actor == "iut" and step.method != RESTART for handle in list_handles(step)
    ]
    return list(dict.fromkeys(named))


def list_handles(step: TranscriptStep) -> list[str]:
    """List the handles that a step names."""
    names = peer.METHODS[step.method].handles
    return [step.params[name] for name in names if isinstance(step.params.get(name), str)]
