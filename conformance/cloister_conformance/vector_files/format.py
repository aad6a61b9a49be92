# ruff: noqa: ANN401, N815 - models that are built at run time have no static type; members are named as in Wycheproof
"""The form of a vector file: what all files share, and for each method the members of its calls.

The JSON Schemas are generated from these models, and `verify` reads every file through them.
The members of a call are those of the adapter protocol, so a method's models are built from `protocol.METHODS`.
"""

import functools
import operator
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    create_model,
    model_validator,
)

from cloister_conformance import protocol
from cloister_conformance.protocol import Method

BugType = Literal[
    "BASIC",
    "EDGE_CASE",
    "MALFORMED",
    "WEAK_KEY",
    "AUTH_BYPASS",
    "SIGNATURE_MALLEABILITY",
    "REPLAY",
    "LOST_MESSAGE",
    "DENIAL_OF_SERVICE",
    "INTEROPERABILITY",
]
ClauseId = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[1-9][0-9]*$")]
HexText = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})*$")]


class Part(BaseModel):
    """A part of a file: no other members, no conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Note(Part):
    """What a flag means: the bug that its cases look for."""

    bugType: BugType
    description: str
    clauses: Annotated[list[ClauseId], Field(min_length=1)]
    links: Annotated[list[str], Field(min_length=1)] | None = None


class Source(Part):
    """Where the cases of a group come from."""

    name: str
    version: str


class Case(Part):
    """What every case has."""

    tcId: Annotated[int, Field(ge=1)]
    comment: str
    flags: Annotated[list[str], Field(min_length=1)]
    clauses: Annotated[list[ClauseId], Field(min_length=1)]


class Valid(Case):
    """A case that gives a result."""

    result: Literal["valid"]


class Invalid(Case):
    """A case with one refusal."""

    result: Literal["invalid"]
    error: str


class Expected(Part):
    """Members of a result: one or more of those that the method gives."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    @model_validator(mode="after")
    def check_stated(self) -> Self:
        """Check that something is stated."""
        if not self.model_fields_set:
            raise ValueError("no member of the result is stated")
        return self


class Group(Part):
    """What every group has."""

    type: str
    source: Source
    method: str


class File(Part):
    """What every file has."""

    algorithm: str
    chapter: str
    generatorVersion: str
    numberOfTests: int
    header: list[str]
    notes: dict[str, Note]
    schema_: Annotated[str, Field(alias="schema")]


def one_of(texts: Iterable[str]) -> Any:
    """Build the type of a text that is one of a few."""
    return Annotated[str, StringConstraints(pattern="^(" + "|".join(re.escape(text) for text in texts) + ")$")]


def list_of(item: Any) -> Any:
    """Build the type of a list."""
    return list[item]


def map_of(name: Any, value: Any) -> Any:
    """Build the type of an object whose members are of one type."""
    return dict[name, value]


def union(choices: dict[str, type[BaseModel]], tag: Any) -> Any:
    """Build the type of a value that is of one of several models, told apart by a function."""
    tagged: list[Any] = [Annotated[model, Tag(name)] for name, model in choices.items()]
    return Annotated[functools.reduce(operator.or_, tagged), Discriminator(tag)]


def model_name(method: Method) -> str:
    """Write `sender_keys.decrypt` as `SenderKeysDecrypt`."""
    return "".join(word.capitalize() for word in re.split(r"[._]", method.name))


def build_expected(method: Method) -> type[BaseModel]:
    """Build the model of what is expected of a method: its result, of which members may be left out."""
    members = method.result.model_fields
    if not members:
        return method.result
    # A factory makes a member optional without a default in the schema.
    optional: dict[str, Any] = {
        name: Annotated[member.annotation, *member.metadata, Field(default_factory=type(None))]
        for name, member in members.items()
    }
    return create_model("Expected" + model_name(method), __base__=Expected, **optional)


def build_answer(method: Method) -> dict[str, Any]:
    """Build the members of a call that gives a result."""
    expected = build_expected(method)
    return {
        "input": (method.params, ...),
        "expected": (expected, ...),
        **({"readings": (map_of(one_of(method.readings), expected) | None, None)} if method.readings else {}),
        "intermediates": (dict[str, HexText] | None, None),
    }


def build_refusal(method: Method) -> dict[str, Any]:
    """Build the members of a call that is refused."""
    return {"input": (method.params, ...), "error": (one_of(method.errors), ...)}


def build_case(method: Method) -> Any:
    """Build the type of a case that is one call of a method."""
    valid = create_model("Valid" + model_name(method), __base__=Valid, **build_answer(method))
    if not method.errors:
        return valid
    invalid = create_model("Invalid" + model_name(method), __base__=Invalid, **build_refusal(method))
    return Annotated[valid | invalid, Field(discriminator="result")]


def build_steps(methods: Iterable[Method]) -> dict[str, type[BaseModel]]:
    """Build the models of the steps that call one of these methods: answered, and refused."""
    steps: dict[str, type[BaseModel]] = {}
    for method in methods:
        name: dict[str, Any] = {"method": (one_of([method.name]), ...)}
        answered = create_model("Answered" + model_name(method), __base__=Part, **name, **build_answer(method))
        steps[method.name] = answered
        if method.errors:
            refused = create_model("Refused" + model_name(method), __base__=Part, **name, **build_refusal(method))
            steps[method.name + " refused"] = refused
    return steps


def build_scenario(steps: Any) -> Any:
    """Build the type of a case that has steps of its own."""
    valid: Any = create_model("ValidScenario", __base__=Valid, steps=(steps, ...))
    invalid: Any = create_model("InvalidScenario", __base__=Invalid, steps=(steps, ...))
    return Annotated[valid | invalid, Field(discriminator="result")]


def step_tag(step: dict[str, Any]) -> str:
    """Tell which model a step is of."""
    return str(step.get("method")) + (" refused" if "error" in step else "")


def group_tag(group: dict[str, Any]) -> str:
    """Tell which model a group is of."""
    tests = group.get("tests") or [{}]
    return str(group.get("method")) + (" scenarios" if "steps" in tests[0] else "")


def called_methods(document: dict[str, Any]) -> set[str]:
    """Collect the methods that the steps of a file call."""
    sequences = [
        steps
        for group in document["testGroups"]
        for steps in (
            group.get("before", []),
            group.get("after", []),
            *(test.get("steps", []) for test in group["tests"]),
        )
    ]
    return {step["method"] for steps in sequences for step in steps}


def build_file(document: dict[str, Any]) -> type[BaseModel]:
    """Build the model of a file from the kinds of group and step that it has to have."""
    step_models = build_steps(protocol.METHODS[name] for name in sorted(called_methods(document)))
    steps = list_of(union(step_models, step_tag)) if step_models else None
    scenario = build_scenario(steps)
    surrounded = {group_tag(group) for group in document["testGroups"] if "before" in group or "after" in group}

    groups: dict[str, type[BaseModel]] = {}
    for tag in sorted({group_tag(group) for group in document["testGroups"]}):
        name, _, scenarios = tag.partition(" ")
        fields: dict[str, Any] = {"method": (one_of([name]), ...)}
        if scenarios:
            fields["tests"] = (list_of(scenario), ...)
        else:
            fields["tests"] = (list_of(build_case(protocol.METHODS[name])), ...)
        if steps and (tag in surrounded or not scenarios):
            fields |= {"before": (steps | None, None), "after": (steps | None, None)}
        kind = model_name(protocol.METHODS[name]) + scenarios.capitalize()
        groups[tag] = create_model(f"GroupOf{kind}", __base__=Group, **fields)

    fields = {"testGroups": (list_of(union(groups, group_tag)), ...)}
    return create_model("VectorFile", __base__=File, **fields)


def build_schema(document: dict[str, Any]) -> dict[str, Any]:
    """Build the JSON Schema of a file."""
    schema = build_file(document).model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
