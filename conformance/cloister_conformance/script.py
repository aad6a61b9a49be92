"""A test written down while it runs: who was called with what, what came back, and what had to.

A test talks to two actors: `iut`, the implementation under test behind its pipe, and `peer`, the reference in this process,
with randomness from a seed. For a service node there is a third, see `node_script`. For a client in a network see `client_script`,
for an open-group server `open_group_script`.
Every claim of a test is an expectation on one step, so a failed test can be saved and replayed.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from _pytest.outcomes import Skipped
from cloister import errors

from cloister_conformance import peer, protocol
from cloister_conformance.protocol.messages import Message, Method
from cloister_conformance.protocol.open_group_server import SERVER_METHODS
from cloister_conformance.protocol.played_storage import NODES_METHODS
from cloister_conformance.protocol.service_node import NETWORK_METHODS, NODE_METHODS
from cloister_conformance.references import REFERENCE, Answers, resolve_all
from cloister_conformance.target import RESTART, Target, shorten

METHODS: dict[str, Method] = peer.METHODS | NODE_METHODS | SERVER_METHODS | NETWORK_METHODS | NODES_METHODS
"""The methods of all actors."""


class Callee(Protocol):
    """What an actor calls: a target behind its pipe, or an adapter in this process."""

    def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Call a method."""


@dataclass(slots=True, kw_only=True, eq=False)
class Step:
    """One call; `expect` is one of

    `{"result": {...}}`: a result with at least these members; `{"error": NAME}`: this refusal;
    `{"matches": {MEMBER: REGEX}}`: a result whose members match these patterns;
    `{"contains": {MEMBER: [TEXT, ...]}}`: a result in whose members these texts occur;
    `{"excludes": {MEMBER: [TEXT, ...]}}`: a result in whose members these texts do not occur;
    `{"differs": {MEMBER: VALUE}}`: a result whose members have other values;
    `{"tells": [EVENT, ...]}`: a result whose `told` is these events, in any order, each with at least these members;
    `{"mentions": [EVENT, ...]}`: a result whose `told` holds these events, and maybe others;
    `{"like": STEP}`: what came back in that step, the same result or the same refusal;
    `{"code": CODE}`: a JSON-RPC error with this code; `{"refusal": true}`: any refusal; `{"any": true}`: a result or a refusal.

    An expectation on earlier output holds a reference to it, never a value that a test computed from it.
    """

    actor: str
    method: str
    params: dict[str, Any]
    line: str = ""
    answer: dict[str, Any] = field(default_factory=dict)
    expect: dict[str, Any] = field(default_factory=lambda: {"any": True})


class ConformanceFailure(Exception):
    """The answer to the last step of a script is not the expected one; `others` failed in the same test."""

    def __init__(self, script: "Script", *, expected: str, actual: str) -> None:
        super().__init__(f"{script.steps[-1].method}: expected {expected}, {actual}")
        self.script = script
        self.expected = expected
        self.actual = actual
        self.stderr = ""
        self.others: list[ConformanceFailure] = []


class NotOffered(Skipped):
    """The implementation does not offer what a test needs."""

    def __init__(self, capability: str) -> None:
        super().__init__(f"not offered: {capability}")
        self.capability = capability


@dataclass(slots=True, kw_only=True)
class Script:
    """The steps of one test, or of one example of it."""

    seed: int
    strict: bool = False
    steps: list[Step] = field(default_factory=list)
    coarse: int = 0

    def expect(self, step: Step, expectation: dict[str, Any]) -> None:
        """Note what had to come back in a step, and judge it.

        Raises:
            ConformanceFailure: it did not.
        """
        step.expect = expectation
        expectation = resolve_expectation(expectation, [earlier.answer for earlier in self.steps])
        verdict = judge(step.answer, expectation, strict=self.strict)
        if verdict == "coarse":
            self.coarse += 1
        elif verdict == "wrong":
            del self.steps[self.steps.index(step) + 1 :]
            raise ConformanceFailure(self, expected=describe(expectation), actual=describe_answer(step.answer))


class Answer:
    """What came back in a step."""

    def __init__(self, script: Script, step: Step) -> None:
        self.script = script
        self.step = step

    @property
    def result(self) -> Any:  # noqa: ANN401 - the result model of the method
        """The result as the method's model; any other answer fails the test."""
        self.script.expect(self.step, {"result": {}})
        return self.model.model_validate(self.step.answer["result"])

    @property
    def model(self) -> type[Message]:
        """The result model of the method."""
        return METHODS[self.step.method].result

    def must_be(self, **members: object) -> None:
        """Expect a result with these members."""
        self.script.expect(self.step, {"result": encode(members)})

    def must_match(self, **patterns: str) -> None:
        """Expect a result whose members match these regular expressions."""
        self.script.expect(self.step, {"matches": patterns})

    def must_exclude(self, **texts: Sequence[bytes | str]) -> None:
        """Expect a result in whose members none of these texts occurs."""
        self.script.expect(self.step, {"excludes": encode(dict(texts))})

    def must_contain(self, **texts: Sequence[bytes | str]) -> None:
        """Expect a result in whose members each of these texts occurs."""
        self.script.expect(self.step, {"contains": encode(dict(texts))})

    def must_tell(self, *events: dict[str, Any]) -> None:
        """Expect a result that tells these events, in any order, each with at least these members."""
        self.script.expect(self.step, {"tells": [encode(event) for event in events]})

    def must_mention(self, *events: dict[str, Any]) -> None:
        """Expect a result that tells these events, and maybe others."""
        self.script.expect(self.step, {"mentions": [encode(event) for event in events]})

    def must_be_refused(self, error: str) -> None:
        """Expect the refusal with this error name."""
        self.script.expect(self.step, {"error": error})

    def must_be_any_refusal(self) -> None:
        """Expect a refusal, whatever its name."""
        self.script.expect(self.step, {"refusal": True})

    def must_be_answered(self) -> None:
        """Expect a result or a refusal."""
        self.script.expect(self.step, {"any": True})

    def must_be_like(self, other: "Answer") -> None:
        """Expect what came back in an earlier step: the same result, or the same refusal."""
        assert other.index < self.index, "a transcript is played from its first step to its last"
        self.script.expect(self.step, {"like": other.index})

    def must_differ_from(self, other: "Answer", *members: str) -> None:
        """Expect a result in which each of these members is another than in the result of an earlier step."""
        self.script.expect(self.step, {"differs": {name: {REFERENCE: [other.index, name]} for name in members}})

    def refer(self, *path: str | int) -> dict[str, Any]:
        """Refer to a member of the result, for an expectation on a later step."""
        return {REFERENCE: [self.index, *path]}

    @property
    def index(self) -> int:
        """The place of the step in its script."""
        return self.script.steps.index(self.step)


class Actor:
    """One side of a script."""

    def __init__(self, name: str, callee: Callee, script: Script) -> None:
        self.name = name
        self.callee = callee
        self.script = script

    def call(self, method: str, /, **params: object) -> Answer:
        """Call a method; params may hold references to what came back before. Nothing is claimed yet, except that the answer is one."""
        step = Step(actor=self.name, method=method, params=encode(params))
        answers = [earlier.answer for earlier in self.script.steps]
        self.script.steps.append(step)
        step.answer = self.callee.call(method, resolve_all(step.params, answers))
        return Answer(self.script, step)


class TestedCallee(Callee, Protocol):
    """What is under test: a library behind its adapter, or a server."""

    methods: dict[str, Method]
    last_line: str

    @property
    def capabilities(self) -> list[str]:
        """What the implementation offers."""


class TestedActor(Actor):
    """The side that is tested; a test that needs what is not offered ends as such."""

    callee: TestedCallee

    def call(self, method: str, /, **params: object) -> Answer:
        """Call a method; end the test as not offered if the implementation does not offer it with these params."""
        given = [name for name, value in params.items() if value is not None]
        if missing := protocol.find_missing(self.callee.methods[method], given, self.callee.capabilities):
            raise NotOffered(missing)
        try:
            answer = super().call(method, **params)
        finally:
            self.script.steps[-1].line = self.callee.last_line
        error = answer.step.answer.get("error")
        if error and error["code"] != protocol.REFUSED:
            answer.must_be_answered()
        return answer


class ImplementationUnderTest(TestedActor):
    """A library behind its adapter."""

    callee: Target

    def __init__(self, target: Target, script: Script, *, name: str = "iut") -> None:
        super().__init__(name, target, script)

    def restart(self) -> None:
        """End the process; the next call starts another."""
        Actor.call(self, RESTART)  # no method, so not asked whether it is offered


def make_actors(target: Target, script: Script) -> tuple[ImplementationUnderTest, Actor]:
    """Make the two sides of a new script."""
    other = peer.Peer(random.Random(script.seed).randbytes)
    iut = ImplementationUnderTest(target, script)
    iut.call("reset").must_be()
    return iut, Actor("peer", other, script)


def encode(members: dict[str, object]) -> dict[str, Any]:
    """Encode params or members of a result as JSON values; those that are None are left out."""
    return {name: encode_value(value) for name, value in members.items() if value is not None}


def encode_value(value: object) -> Any:  # noqa: ANN401 - a JSON value
    """Encode a value, bytes as hex, also inside of lists and objects, whose members may be null."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [encode_value(member) for member in value]
    return {name: encode_value(member) for name, member in value.items()} if isinstance(value, dict) else value


# Judging


def resolve_expectation(expectation: dict[str, Any], answers: Answers) -> dict[str, Any]:
    """Put what came back in earlier steps in the place of the references to it."""
    if "like" not in expectation:
        return resolve_all(expectation, answers)
    answer = answers[expectation["like"]]
    if "result" in answer:
        return {"result": answer["result"]}
    return {"error": answer["error"].get("data", {}).get("error", "")}


def judge(answer: dict[str, Any], expectation: dict[str, Any], *, strict: bool) -> Literal["right", "coarse", "wrong"]:
    """Judge an answer. A refusal by its family only is coarse, and wrong if `strict`."""
    error = answer.get("error")
    if "code" in expectation:
        return "right" if error and error["code"] == expectation["code"] else "wrong"
    if error and error["code"] != protocol.REFUSED:
        return "wrong"
    if "any" in expectation:
        return "right"
    for name in ("tells", "mentions"):
        if name in expectation:
            told = None if error else answer["result"].get("told")
            return judge_told(told, expectation[name], is_all=name == "tells", strict=strict)
    for name, fits in RESULT_FITS.items():
        if name in expectation:
            return "right" if not error and fits(answer["result"], expectation[name]) else "wrong"
    if not error:
        return "wrong"
    if "refusal" in expectation:
        return "right"
    return judge_name(error["data"]["error"], expectation["error"], strict=strict)


def contains(result: dict[str, Any], members: dict[str, Any]) -> bool:
    """Tell whether a result has these members."""
    return all(result.get(name) == value for name, value in members.items())


def matches(result: dict[str, Any], patterns: dict[str, str]) -> bool:
    """Tell whether the members of a result match these patterns."""
    return all(re.search(pattern, str(result.get(name))) for name, pattern in patterns.items())


def holds(result: dict[str, Any], texts: dict[str, list[str]]) -> bool:
    """Tell whether all of these texts occur in the members of a result."""
    return all(text in str(result.get(name)) for name, listed in texts.items() for text in listed)


def excludes(result: dict[str, Any], texts: dict[str, list[str]]) -> bool:
    """Tell whether none of these texts occurs in the members of a result."""
    return all(name in result and text not in str(result[name]) for name, listed in texts.items() for text in listed)


def differs(result: dict[str, Any], members: dict[str, Any]) -> bool:
    """Tell whether a result has each of these members, with another value."""
    return all(name in result and result[name] != value for name, value in members.items())


RESULT_FITS: dict[str, Callable[[dict[str, Any], dict[str, Any]], bool]] = {
    "result": contains,
    "matches": matches,
    "contains": holds,
    "excludes": excludes,
    "differs": differs,
}
"""How a result is judged by each kind of expectation that wants one."""


def judge_told(
    told: list[dict[str, Any]] | None, events: list[dict[str, Any]], *, is_all: bool, strict: bool
) -> Literal["right", "coarse", "wrong"]:
    """Judge what a client tells: each event once, in any order, and no other if they are all."""
    if told is None or (is_all and len(told) != len(events)):
        return "wrong"
    left = list(told)
    verdicts = []
    for event in events:
        found = next((one for one in left if judge_event(one, event, strict=strict) != "wrong"), None)
        if found is None:
            return "wrong"
        left.remove(found)
        verdicts.append(judge_event(found, event, strict=strict))
    return "coarse" if "coarse" in verdicts else "right"


def judge_event(told: dict[str, Any], event: dict[str, Any], *, strict: bool) -> Literal["right", "coarse", "wrong"]:
    """Judge one event; the error of a refusal may be its family."""
    others = {name: value for name, value in event.items() if name != "error"}
    if not contains(told, others):
        return "wrong"
    return judge_name(str(told.get("error")), event["error"], strict=strict) if "error" in event else "right"


def judge_name(name: str, expected: str, *, strict: bool) -> Literal["right", "coarse", "wrong"]:
    """Judge the error name of a refusal."""
    if name == expected:
        return "right"
    return "coarse" if name in find_families(expected) and not strict else "wrong"


def find_families(name: str) -> list[str]:
    """Find the names that say less than an error name, from its family up."""
    error = getattr(errors, name, None)
    if not (isinstance(error, type) and issubclass(error, errors.CloisterError)):
        return []
    return [parent.__name__ for parent in error.__mro__[1:] if issubclass(parent, errors.CloisterError)][:-1]


DESCRIPTIONS = {
    "matches": "a result that matches",
    "contains": "a result with",
    "excludes": "a result without",
    "differs": "a result other than",
    "tells": "to tell the events",
    "mentions": "to tell, maybe among others, the events",
}
"""What each kind of expectation wants, in a few words before it."""


def describe(expectation: dict[str, Any]) -> str:
    """Describe an expectation in a few words."""
    if "code" in expectation:
        return f"the error code {expectation['code']}"
    if "error" in expectation:
        return f"the refusal {expectation['error']}"
    if "refusal" in expectation:
        return "a refusal"
    if "any" in expectation:
        return "a result or a refusal"
    if "like" in expectation:
        return f"what came back in step {expectation['like'] + 1}"
    for name, words in DESCRIPTIONS.items():
        if name in expectation:
            return f"{words} {shorten(expectation[name])}"
    return f"the result {shorten(expectation['result'])}" if expectation["result"] else "a result"


def describe_answer(answer: dict[str, Any]) -> str:
    """Describe an answer in a few words."""
    if "result" in answer:
        return f"answered a result: {shorten(answer['result'])}"
    error = answer["error"]
    if error["code"] == protocol.REFUSED:
        return f"refused with {shorten(error['data']['error'])}: {shorten(error['message'])}"
    return f"answered the error {error['code']}: {shorten(error['message'])}"
