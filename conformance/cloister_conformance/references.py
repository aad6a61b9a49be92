"""References: where a value of a transcript came from, so that `replay` can put fresh output in its place.

- `{"$from": [STEP, MEMBER, ...]}`: what stands under this path, through objects and lists, in the result of that step;
- with `"head": H, "middle": TEXT, "tail": T`: its first H characters, then TEXT, then its last T;
- with `"flip": POSITION`: its hex with one bit flipped, the lowest bit of each byte first;
- `{"$join": [PART, ...]}`: texts and references, joined to one text.
"""

import os
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

REFERENCE = "$from"
JOIN = "$join"
MIN_CHARACTERS = 16
MIN_DIFFERENT_CHARACTERS = 4
"""A text that is shorter, or always the same few characters, does not tell where it came from."""

Value = Any
Answers = list[dict[str, Any]]
Path = tuple[str | int, ...]
Outputs = list[tuple[int, Path, Value]]
"""What came back: the step, the path, the value."""


class MissingOutput(Exception):
    """A reference leads to what did not come back this time; the message says what."""


class Reference(BaseModel):
    """Where a value came from."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source: Annotated[list[str | int], Field(alias="$from", min_length=2)]
    head: Annotated[int, Field(ge=0)] = 0
    middle: str | None = None
    tail: Annotated[int, Field(ge=0)] = 0
    flip: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def check_form(self) -> "Reference":
        """Check that a step comes first, and that a changed part has a place."""
        if not isinstance(self.source[0], int) or self.source[0] < 0:
            raise ValueError("a reference begins with the number of a step")
        if self.model_fields_set - {"source"} not in ({*()}, {"head", "middle", "tail"}, {"flip"}):
            raise ValueError("head, middle and tail go together, and flip alone")
        return self

    @property
    def step(self) -> int:
        """The number of the step, from 0."""
        return int(self.source[0])

    @property
    def path(self) -> Path:
        """The way from the result of the step to the value."""
        return tuple(self.source[1:])


# Writing


def list_outputs(answers: Answers) -> Outputs:
    """List all outputs that can be recognised, those of the latest step first."""
    return [
        (index, path, output)
        for index in reversed(range(len(answers)))
        for path, output in walk(answers[index].get("result", {}), ())
    ]


def refer(value: Value, outputs: Outputs) -> Value:
    """Write references for what came out of earlier steps, also inside of lists and objects; of equal outputs to the first."""
    if not is_telling(value):
        return value
    for index, path, output in outputs:
        if output == value:
            return {REFERENCE: [index, *path]}
    if isinstance(value, list):
        return [refer(member, outputs) for member in value]
    if isinstance(value, dict):
        return refer_all(value, outputs)
    return refer_changed(value, outputs) or refer_parts(value, outputs)


def refer_all(members: dict[str, Value], outputs: Outputs) -> dict[str, Value]:
    """Write references for the members of an object."""
    return {name: refer(value, outputs) for name, value in members.items()}


def is_telling(value: Value) -> bool:
    """Tell whether a value, or one inside of it, can be recognised."""
    if isinstance(value, str):
        return len(value) >= MIN_CHARACTERS and len(set(value)) >= MIN_DIFFERENT_CHARACTERS
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(is_telling(member) for member in members)


def walk(value: Value, path: Path) -> Iterator[tuple[Path, Value]]:
    """Walk through the members of an object or a list, an outer one before those inside of it."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        if is_telling(member):
            yield (*path, name), member
            yield from walk(member, (*path, name))


def refer_changed(text: str, outputs: Outputs) -> Value:
    """Write a reference to the output that is `text` with one bit flipped, or of which `text` keeps more than half; else None."""
    best: Value = None
    most_kept = len(text) // 2
    for index, path, output in outputs:
        if not isinstance(output, str):
            continue
        position = find_flipped(output, text)
        if position is not None:
            return {REFERENCE: [index, *path], "flip": position}
        head, tail = count_kept(output, text)
        if head + tail > most_kept:
            most_kept = head + tail
            middle = text[head : len(text) - tail]
            best = {REFERENCE: [index, *path], "head": head, "middle": middle, "tail": tail}
    return best


def find_flipped(output: str, text: str) -> int | None:
    """Find the one bit in which two texts of hex differ."""
    if len(output) != len(text):
        return None
    try:
        difference = int.from_bytes(bytes.fromhex(output), "little") ^ int.from_bytes(bytes.fromhex(text), "little")
    except ValueError:
        return None
    return difference.bit_length() - 1 if difference.bit_count() == 1 else None


def count_kept(output: str, text: str) -> tuple[int, int]:
    """Count the characters that a text keeps of an output, from its begin and from its end; the longer side first."""
    head, tail = count_common(output, text), count_common(output[::-1], text[::-1])
    shorter = min(len(output), len(text))
    return (head, min(tail, shorter - head)) if head >= tail else (min(head, shorter - tail), tail)


def count_common(one: str, other: str) -> int:
    """Count the characters with which two texts begin alike."""
    return len(os.path.commonprefix([one, other]))  # noqa: RUF071 - by characters is what is wanted


def refer_parts(text: str, outputs: Outputs) -> Value:
    """Write references for the whole outputs that stand in a text."""
    for index, path, output in outputs:
        if isinstance(output, str) and output in text:
            before, _, after = text.partition(output)
            return {JOIN: [*split(before, outputs), {REFERENCE: [index, *path]}, *split(after, outputs)]}
    return text


def split(text: str, outputs: Outputs) -> list[Value]:
    """Split the rest of a text into parts; an empty one has none."""
    parts = refer_parts(text, outputs)
    return list(parts[JOIN]) if isinstance(parts, dict) else [parts] if parts else []


# Reading


def find_references(value: Value) -> Iterator[Reference]:
    """Find all references in a value.

    Raises:
        ValueError: one has another form.
    """
    if isinstance(value, dict) and REFERENCE in value:
        yield Reference.model_validate(value)
        return
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for member in members:
        yield from find_references(member)


def resolve(value: Value, answers: Answers) -> Value:
    """Put fresh outputs in the place of all references.

    Raises:
        MissingOutput: there is none.
    """
    if isinstance(value, list):
        return [resolve(member, answers) for member in value]
    if not isinstance(value, dict):
        return value
    if JOIN in value:
        return "".join(str(resolve(part, answers)) for part in value[JOIN])
    if REFERENCE not in value:
        return resolve_all(value, answers)
    reference = Reference.model_validate(value)
    output = find_output(reference, answers)
    return output if reference.model_fields_set == {"source"} else change(output, reference)


def resolve_all(members: dict[str, Value], answers: Answers) -> dict[str, Value]:
    """Put fresh outputs in the place of all references in the members of an object."""
    return {name: resolve(value, answers) for name, value in members.items()}


def find_output(reference: Reference, answers: Answers) -> Value:
    """Find what a reference leads to."""
    value: Value = answers[reference.step].get("result")
    for name in reference.path:
        try:
            value = value[name]
        except (LookupError, TypeError):
            raise MissingOutput(f"{name_output(reference)} did not come back") from None
    return value


def change(output: Value, reference: Reference) -> str:
    """Change an output as a reference says."""
    if not isinstance(output, str):
        raise MissingOutput(f"{name_output(reference)} is no text")
    if reference.flip is None:
        return output[: reference.head] + str(reference.middle) + output[len(output) - reference.tail :]
    try:
        flipped = bytearray.fromhex(output)
        flipped[reference.flip // 8] ^= 1 << reference.flip % 8
    except (ValueError, IndexError):
        raise MissingOutput(f"{name_output(reference)} has no bit {reference.flip}") from None
    return flipped.hex()


def name_output(reference: Reference) -> str:
    """Name what a reference leads to."""
    return f"{'.'.join(str(name) for name in reference.path)} of step {reference.step + 1}"
