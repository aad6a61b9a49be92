"""The tables of chapter 13 that are rendered from the models.

`python -m cloister_conformance.protocol.tables` writes them into the chapter.
"""

import re
from itertools import groupby
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from cloister_conformance import data, protocol
from cloister_conformance.protocol.messages import Handle, Message, find_marks

CHAPTER = "13-adapter-protocol.md"
TYPES = {bytes: "hex", str: "string", int: "integer", bool: "true or false"}
PLURALS = {"string": "strings", "integer": "integers", "handle": "handles"}


def render_capabilities() -> str:
    """Render the table of capabilities: the methods of each, and the params that need it."""
    rows = ["| capability | methods, or params |", "| --- | --- |"]
    for capability in (None, *protocol.CAPABILITIES):
        name = f"`{capability}`" if capability else "(every adapter)"
        rows.append(f"| {name} | {', '.join(find_uses(capability))} |")
    return "\n".join(rows) + "\n"


def find_uses(capability: str | None) -> list[str]:
    """Find the methods of a capability, and the params that need it."""
    uses = [f"`{method.name}`" for method in protocol.METHODS.values() if method.capability == capability]
    for method in protocol.METHODS.values():
        params = [f"`{name}`" for name, mark in method.injected.items() if mark.capability == capability]
        uses += [f"{', '.join(params)} of `{method.name}`"] if params else []
    return uses


def render_methods() -> str:
    """Render the table of methods."""
    rows = ["| method | params | result |", "| --- | --- | --- |"]
    for method in protocol.METHODS.values():
        cells = [f"`{method.name}`", render_members(method.params), render_members(method.result)]
        rows.append(f"| {' | '.join(cells)} |".replace("|  ", "| "))
    return "\n".join(rows) + "\n"


def render_objects() -> str:
    """Render the table of the objects that params and results hold."""
    models = (model for method in protocol.METHODS.values() for model in (method.params, method.result))
    objects = dict.fromkeys(held for model in models for held in find_objects(model))
    rows = ["| object | members |", "| --- | --- |"]
    return "\n".join([*rows, *(f"| {name_object(held)} | {render_members(held)} |" for held in objects)]) + "\n"


def find_objects(model: type[Message]) -> list[type[Message]]:
    """Find the models of the objects that a model holds, at any depth."""
    held = [find_object(member.annotation) for member in model.model_fields.values()]
    return [each for found in held if found is not None for each in (found, *find_objects(found))]


def find_object(annotation: Any) -> type[Message] | None:  # noqa: ANN401 - a type
    """Find the model in the type of a member."""
    if isinstance(annotation, type) and issubclass(annotation, Message):
        return annotation
    found = (find_object(part) for part in get_args(annotation))
    return next((model for model in found if model is not None), None)


def name_object(model: type[Message]) -> str:
    """Write `DifficultyChange` as `difficulty change`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__).lower()


def render_members(model: type[Message]) -> str:
    """Render the members of a model: those of one type that follow each other with it once."""
    groups = []
    for kind, members in groupby(model.model_fields, key=lambda name: name_member_type(model, name)):
        names = [f"`{name}`" if model.model_fields[name].is_required() else f"`{name}`?" for name in members]
        groups.append(f"{', '.join(names)}: {PLURALS.get(kind, kind) if len(names) > 1 else kind}")
    return ", ".join(groups)


def name_member_type(model: type[Message], name: str) -> str:
    """Name the type of a member."""
    return "handle" if name in find_marks(model, Handle) else name_type(model.model_fields[name].annotation)


def name_type(annotation: Any) -> str:  # noqa: ANN401 - a type
    """Name a type, whatever annotations or "or None" add to it."""
    parts = get_args(annotation)
    if get_origin(annotation) is list:
        kind = name_type(parts[0])
        return f"list of {PLURALS.get(kind, f'{kind}s' if find_object(annotation) else kind)}"
    if get_origin(annotation) is dict:
        kind = name_type(parts[1])
        return f"object of {PLURALS.get(kind, kind)}"
    if get_origin(annotation) is Literal:
        return " or ".join(f'`"{choice}"`' for choice in parts)
    if get_origin(annotation) is Annotated or NoneType in parts:
        return name_type(parts[0])
    return name_object(annotation) if find_object(annotation) else TYPES[annotation]


def write_tables(text: str) -> str:
    """Write the tables into the text of the chapter, in place of those below their headings."""
    for heading, table in (
        ("Capabilities", render_capabilities()),
        ("Methods", render_methods()),
        ("Objects", render_objects()),
    ):
        before, found, after = text.partition(f"### {heading}\n")
        text = before + found + re.sub(r"(?:^\|.*\n)+", table, after, count=1, flags=re.MULTILINE)
    return text


if __name__ == "__main__":
    chapter = data.find_folder("spec") / CHAPTER
    chapter.write_text(write_tables(chapter.read_text("utf-8")), "utf-8")
