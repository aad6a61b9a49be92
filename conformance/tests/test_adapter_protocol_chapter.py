"""Chapter 13 and the models say the same: parameters, capabilities, methods, and the lines of the worked example."""

import json
import random
import re
from typing import Annotated, Any, get_args, get_origin

import pytest
from cloister_conformance import data, implementation, protocol
from cloister_conformance.protocol.messages import Message
from cloister_conformance.reference_adapter import Adapter
from cloister_conformance.suites import adapter_protocol

CHAPTER = (data.find_folder("spec") / "13-adapter-protocol.md").read_text("utf-8")
NAME = re.compile(r"`([a-z_.]+)`(\?)?")
TYPES = {"hex": bytes, "string": str, "strings": str, "integer": int, "integers": int, "list of strings": list[str]}


def read_table(heading: str) -> list[list[str]]:
    """Read the rows of the first table below a heading."""
    _, _, after = CHAPTER.partition(f"{heading}\n")
    table = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    assert table, f"no table below {heading}"
    return [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in table[0].splitlines()[2:]]


def read_members(cell: str) -> dict[str, tuple[object, bool]]:
    """Read what a cell of the table of methods says: name -> type, whether it is required. Handles are strings."""
    members: dict[str, tuple[object, bool]] = {}
    for part in re.split(r";\s*|,\s*(?=`)", cell.replace("and nonce", "nonce")):
        names = NAME.findall(part)
        kind = part.rpartition(": ")[2].partition(",")[0] if ": " in part else ""
        for name, optional in names:
            members[name] = (TYPES.get(kind), not optional)
    return members


def inherit_types(members: dict[str, tuple[object, bool]]) -> dict[str, tuple[object, bool]]:
    """Give a name without a type that of the next name with one; handles, and what has none, are strings."""
    typed = {}
    kind: object = str
    for name, (own, required) in reversed(members.items()):
        kind = own or kind
        typed[name] = (str if name in ("handle", "key", "record") else kind, required)
    return dict(reversed(typed.items()))


def describe_model(model: type[Message]) -> dict[str, tuple[object, bool]]:
    """Describe a model in the same way."""
    return {
        name: (
            get_args(member.annotation)[0] if type(None) in get_args(member.annotation) else member.annotation,
            member.is_required(),
        )
        for name, member in model.model_fields.items()
    }


def find_hex(annotation: Any) -> Any:
    """Take the type of a member as the text names it: hex stands for bytes."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def test_the_parameters_are_the_constants() -> None:
    places = (protocol, adapter_protocol)
    rows = read_table("## Parameters")
    assert len(rows) >= 7
    for name, value, *_ in rows:
        (constant,) = {str(getattr(place, name.strip("`"))) for place in places if hasattr(place, name.strip("`"))}
        assert value == constant, name


def test_the_capabilities_are_those_of_the_models() -> None:
    table = {row[0]: re.findall(r"`([a-z_.]+)`", row[1]) for row in read_table("### Capabilities")}
    assert table.pop("`deterministic`")
    found: dict[str, list[str]] = {}
    for method in protocol.METHODS.values():
        found.setdefault(f"`{method.capability}`" if method.capability else "(every adapter)", []).append(method.name)
    assert table == found
    assert set(protocol.CAPABILITIES) == {name.strip("`") for name in table if name.startswith("`")} | {"deterministic"}


def test_the_methods_are_those_of_the_models() -> None:
    assert [row[0].strip("`") for row in read_table("### Methods")] == list(protocol.METHODS)


@pytest.mark.parametrize("row", read_table("### Methods"), ids=lambda row: row[0].strip("`"))
def test_params_and_results_are_those_of_the_models(row: list[str]) -> None:
    method = protocol.METHODS[row[0].strip("`")]
    params = inherit_types(read_members(row[1]))
    if "as `solve`" in row[1]:
        params = {**describe_model(protocol.METHODS["proof_of_work.solve"].params), "nonce": (str, True)}
    assert params == {
        name: (find_hex(kind), required) for name, (kind, required) in describe_model(method.params).items()
    }
    result = inherit_types(read_members(row[2]))
    assert result == {
        name: (find_hex(kind), required) for name, (kind, required) in describe_model(method.result).items()
    }


def read_lines() -> list[tuple[str, str]]:
    """Read the lines of the worked example, in pairs."""
    (block,) = re.findall(r"^```adapter-lines\n(.*?)^```", CHAPTER, re.MULTILINE | re.DOTALL)
    lines = block.splitlines()
    assert all(line[:2] == ("> ", "< ")[number % 2] for number, line in enumerate(lines))
    return [(sent[2:], answered[2:]) for sent, answered in zip(lines[::2], lines[1::2], strict=True)]


@pytest.mark.parametrize(("sent", "answered"), read_lines())
def test_the_reference_answers_as_the_worked_example_says(sent: str, answered: str) -> None:
    adapter = Adapter(random.Random(0).randbytes)
    assert json.loads(adapter.answer(sent.encode())) == json.loads(answered)


def test_the_description_in_the_chapter_can_be_read(tmp_path: Any) -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```", CHAPTER, re.MULTILINE | re.DOTALL)
    (tmp_path / "adapter.toml").write_text(block)
    found = implementation.read(tmp_path)
    shown = set(re.findall(r"^\[*([a-z_]+)\]*(?: =|\s|\])", block, re.MULTILINE))
    assert set(implementation.Implementation.model_fields) - {"folder"} <= shown
    assert found.known_failure[0].link


def test_the_suite_has_params_for_every_method() -> None:
    assert adapter_protocol.SAMPLE_PARAMS.keys() == protocol.METHODS.keys() - {"hello", "reset"}
    for name, params in adapter_protocol.SAMPLE_PARAMS.items():
        protocol.METHODS[name].params.model_validate(params)
