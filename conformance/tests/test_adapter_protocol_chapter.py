"""Chapter 13 and the models say the same: parameters, capabilities, methods, and the lines of the worked example."""

import json
import random
import re
from typing import Any, get_args

import pytest
from cloister import group_state
from cloister_conformance import data, http_target, implementation, node_target, protocol
from cloister_conformance.http_target import BASE_TIME_MS
from cloister_conformance.node_target import BASE_NETWORK
from cloister_conformance.played_storage import SWARMS
from cloister_conformance.protocol import client, network, played_storage, tables
from cloister_conformance.protocol.open_group_server import SERVER_METHODS, ServerResponse
from cloister_conformance.protocol.played_storage import NODES_METHODS
from cloister_conformance.protocol.service_node import NETWORK_METHODS, NODE_METHODS
from cloister_conformance.reference_adapter import Adapter
from cloister_conformance.suites import adapter_protocol

CHAPTER = (data.find_folder("spec") / tables.CHAPTER).read_text("utf-8")


def read_table(heading: str) -> list[list[str]]:
    """Read the rows of the first table below a heading."""
    _, _, after = CHAPTER.partition(f"{heading}\n")
    table = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    assert table, f"no table below {heading}"
    return [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in table[0].splitlines()[2:]]


def test_the_parameters_are_the_constants() -> None:
    places = (protocol, adapter_protocol, network, http_target, node_target)
    rows = read_table("## Parameters")
    assert len(rows) >= 7
    for name, value, *_ in rows:
        (constant,) = {str(getattr(place, name.strip("`"))) for place in places if hasattr(place, name.strip("`"))}
        assert value == constant, name


def test_the_tables_are_those_of_the_models() -> None:
    assert tables.write_tables(CHAPTER) == CHAPTER, (
        "the tables of chapter 13 are not those of the models; write them with `python -m cloister_conformance.protocol.tables`"
    )


@pytest.mark.parametrize("table", [tables.render_capabilities(), tables.render_methods(), tables.render_objects()])
def test_a_table_stands_in_the_chapter_once(table: str) -> None:
    assert CHAPTER.count(f"\n\n{table}\n") == 1


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
    client, node, server = re.findall(r"^```toml\n(.*?)^```", CHAPTER, re.MULTILINE | re.DOTALL)
    (tmp_path / "adapter.toml").write_text(client)
    assert implementation.read(tmp_path).known_failure[0].link
    (tmp_path / "adapter.toml").write_text(node)
    assert implementation.read(tmp_path).capabilities == ["network-file", "clock"]
    (tmp_path / "adapter.toml").write_text(server)
    assert implementation.read(tmp_path).rooms == ["test-a", "test-b"]
    shown = set(re.findall(r"^(?:# )?\[*([a-z_]+)\]*(?: =|\s|\])", client + node + server, re.MULTILINE))
    assert set(implementation.Implementation.model_fields) - {"folder"} <= shown


def test_the_methods_of_a_service_node_are_those_of_the_models() -> None:
    rows = {name.strip("`"): " ".join(cells) for name, *cells in read_table("because ports change from run to run.\n")}
    assert list(rows) == [*NODE_METHODS, *NETWORK_METHODS]
    for name, method in (NODE_METHODS | NETWORK_METHODS).items():
        for model in (method.params, method.result):
            assert all(f"`{member}`" in rows[name] for member in model.model_fields), name


def test_the_methods_of_an_open_group_server_are_those_of_the_models() -> None:
    rows = {name.strip("`"): " ".join(cells) for name, *cells in read_table("The actor is `iut`.\n")}
    assert list(rows) == list(SERVER_METHODS)
    for name, method in SERVER_METHODS.items():
        for model in (method.params, method.result):
            shown = rows["server.request"] if model is ServerResponse else rows[name]
            assert all(f"`{member}`" in shown for member in model.model_fields), name


def test_the_methods_of_the_played_storage_network_are_those_of_the_models() -> None:
    rows = {name.strip("`"): " ".join(cells) for name, *cells in read_table("`middle`, `exit`, `destination`.\n")}
    assert list(rows) == list(NODES_METHODS)
    for name, method in NODES_METHODS.items():
        for model in (method.params, method.result):
            assert all(f"`{member}`" in rows[name] for member in model.model_fields), name
    deeds = [name.strip("`") for name, _ in read_table("`times` times or for good:\n")]
    assert deeds == list(get_args(played_storage.Deed))


def test_the_played_storage_network_is_that_of_the_chapter() -> None:
    one, other = SWARMS
    assert f"Nodes `{SWARMS[one][0]}` to `{SWARMS[one][-1]}` are the swarm {one},\n" in CHAPTER
    assert f"`{SWARMS[other][0]}` to `{SWARMS[other][-1]}` the swarm {other};" in CHAPTER


def test_what_a_client_tells_is_what_the_chapter_says() -> None:
    kinds = [kind for row in read_table("is null or absent:\n") for kind in re.findall(r"`([a-z ]+)`", row[0])]
    assert kinds == list(get_args(client.EventKind)) == [*get_args(group_state.EventKind), "text", "refused"]


def test_the_base_of_every_test_is_that_of_the_chapter() -> None:
    assert f"at the same time, {BASE_TIME_MS}, in" in CHAPTER
    assert [(swarm.id, swarm.nodes) for swarm in BASE_NETWORK.swarms] == [
        ("4611686018427387904", ["a", "b", "c"]),
        ("13835058055282163712", ["d", "e", "f"]),
    ]
    assert all(f"swarm {swarm.id}" in CHAPTER for swarm in BASE_NETWORK.swarms)


@pytest.mark.parametrize("method", protocol.METHODS.values(), ids=protocol.METHODS)
def test_a_sample_is_params_of_its_method_without_injected_values(method: protocol.Method) -> None:
    method.params.model_validate(dict(method.sample))
    assert not method.sample.keys() & method.injected.keys()


def test_the_marks_of_params_are_found() -> None:
    assert {name for method in protocol.METHODS.values() for name in method.handles} == {
        "account", "client", "handle", "key", "layer", "mailbox", "paths", "ratchet", "record", "request", "session", "view",
    }  # fmt: skip
    assert list(protocol.METHODS["sender_keys.encrypt"].injected) == ["random"]
    assert [name for name in adapter_protocol.NEEDING_A_HANDLE if not name.startswith(("x3dh.", "double_ratchet.", "session", "onion.", "paths.", "network.", "group_control.", "client.", "server_onion.", "room."))] == [
        "save", "sender_keys.distribute", "sender_keys.encrypt", "sender_keys.renew",
    ]  # fmt: skip
    assert "x3dh.create_account" not in adapter_protocol.NEEDING_A_HANDLE
    assert "session.encrypt" in adapter_protocol.NEEDING_A_HANDLE
    assert "paths.create" not in adapter_protocol.NEEDING_A_HANDLE
    assert "paths.choose" in adapter_protocol.NEEDING_A_HANDLE


@pytest.mark.parametrize(
    ("method", "params", "listed", "missing"),
    [
        ("hello", [], [], None),
        ("save", ["handle"], ["sender-keys-send"], "persistence"),
        ("sender_keys.derive", ["chain_key"], ["sender-keys-trace"], None),
        ("sender_keys.encrypt", ["key", "plaintext"], ["sender-keys-send"], None),
        ("sender_keys.encrypt", ["key", "plaintext"], ["sender-keys-deterministic"], "sender-keys-send"),
        ("sender_keys.encrypt", ["key", "random"], ["sender-keys-send"], "sender-keys-deterministic"),
        ("sender_keys.encrypt", ["key", "random"], ["sender-keys-send", "xeddsa-deterministic"], "sender-keys-deterministic"),
        ("sender_keys.encrypt", ["key", "random"], ["sender-keys-send", "sender-keys-deterministic"], None),
    ],
)  # fmt: skip
def test_what_is_missing_is_the_capability_of_the_method_or_of_a_param(
    method: str, params: list[str], listed: list[str], missing: str | None
) -> None:
    assert protocol.find_missing(protocol.METHODS[method], params, listed) == missing
