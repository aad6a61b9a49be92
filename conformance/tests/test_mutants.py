"""Mutants: files that cannot be used are explained, an edit is applied from outside, and a hunt tells what became of each."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloister_conformance import mutants, mutation
from cloister_conformance.implementation import Implementation
from cloister_conformance.mutants import Mutant, UnusableMutant

Cloister = Callable[[str], Any]


def write(folder: Path, text: str, stem: str = "proof_of_work") -> Path:
    """Write a file of mutants; return its folder."""
    folder.mkdir(exist_ok=True)
    (folder / f"{stem}.toml").write_text(text)
    return folder


def edit(mutant_id: str, before: str, after: str = "") -> str:
    """Write the table of a mutant of chapter 06."""
    members = {"module": "cloister.proof_of_work", "before": before, "after": after, "why": "w"}
    return "\n".join([f"[{mutant_id}]", *(f"{name} = {json.dumps(text)}" for name, text in members.items()), ""])


def mutant(
    before: str = "BATCH = 20_000\n", after: str = "BATCH = 1\n", module: str = "cloister.proof_of_work"
) -> Mutant:
    """Make a mutant."""
    return Mutant(id="PW-15.z", module=module, before=before, after=after, why="w")


# Files


def test_the_mutants_of_a_suite_are_read() -> None:
    found = mutants.read(stem="proof-of-work")
    assert {each.clause.partition("-")[0] for each in found} == {"PW"}
    assert mutants.find(found, "PW-4.a").module == "cloister.proof_of_work"
    assert len(mutants.read()) > len(found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[PW-4.a", "is not TOML"),
        ("[PW-4.a]\nmodule = 'x'\n", "a mutant is a table"),
        ("[PW-4]\na = 'x'\n", "a mutant is a table"),
        ("PW-4 = 'x'\n", "a mutant is a table"),
    ],
)
def test_a_file_that_is_not_of_the_form_is_explained(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UnusableMutant, match=message):
        mutants.read(write(tmp_path / "folder", text))


def test_a_folder_or_an_id_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UnusableMutant, match=r"holds no mutants$"):
        mutants.read(tmp_path)
    with pytest.raises(UnusableMutant, match=r"holds no mutants for the suite no_such$"):
        mutants.read(stem="no_such")
    with pytest.raises(UnusableMutant, match=r"there is no mutant PW-4\.z"):
        mutants.find(mutants.read(stem="proof_of_work"), "PW-4.z")


# Edits


def test_an_edit_fits_exactly_once() -> None:
    source = mutants.find_source("cloister.proof_of_work")
    assert "BATCH = 1\n" in mutants.edit_source(mutant(), source)
    with pytest.raises(UnusableMutant, match="occurs 0 times"):
        mutants.edit_source(mutant(before="no such text"), source)
    with pytest.raises(UnusableMutant, match=r"occurs [0-9]{2,} times"):
        mutants.edit_source(mutant(before="def "), source)
    with pytest.raises(UnusableMutant, match="changes nothing"):
        mutants.edit_source(mutant(after="BATCH = 20_000\n"), source)


def test_every_mutant_fits_the_reference() -> None:
    for each in mutants.read():
        compile(mutants.edit_source(each, mutants.find_source(each.module)), each.id, "exec")


@pytest.mark.parametrize("module", ["cloister.no_such", "no_such.module", "sys", ""])
def test_a_module_without_a_source_is_explained(module: str) -> None:
    with pytest.raises(UnusableMutant, match="there is no module"):
        mutants.find_source(module)


@pytest.fixture
def unloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module that is not imported yet; hooks and module are taken away again."""
    (tmp_path / "edited_here.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    yield "edited_here"
    sys.modules.pop("edited_here", None)


def test_an_import_gets_the_edited_source(unloaded: str) -> None:
    mutants.install(mutant(before="VALUE = 1", after="VALUE = 2", module=unloaded))
    assert importlib.import_module(unloaded).VALUE == 2
    importlib.import_module("this")


def test_an_edit_of_an_imported_module_comes_too_late() -> None:
    with pytest.raises(UnusableMutant, match="imported already"):
        mutants.install(mutant(module="pathlib"))


def test_a_served_mutant_has_its_bug() -> None:
    params = {"payload_length": 1, "ttl_ms": 65_535_000, "difficulty": 1}
    request = {"jsonrpc": "2.0", "id": 1, "method": "proof_of_work.target", "params": params}
    line = json.dumps(request).encode() + b"\n"
    answers = [
        subprocess.run([sys.executable, "-m", *module], input=line, capture_output=True, check=True).stdout
        for module in (
            ["cloister_conformance.reference_adapter"],
            ["cloister_conformance.mutants", "PW-9.a", str(mutants.FOLDER)],
        )
    ]
    assert answers[0] != answers[1]
    assert all(b'"result"' in answer for answer in answers)


# A hunt


def test_a_mutant_is_caught_by_a_test_of_its_clause(cloister: Cloister, tmp_path: Path) -> None:
    done = cloister("mutants --suite proof-of-work --only PW-4.a --jobs 1")
    assert (done.status, done.err) == (0, "")
    assert "PW-4.a caught milliseconds are accepted" in done.out
    assert "1 of 1 mutants caught" in done.out
    assert list(tmp_path.iterdir()) == [], "no transcript is left behind"


def test_the_mutants_of_a_promise_are_those_of_what_it_rests_on(
    cloister: Cloister, rest_on: Callable[[str], None]
) -> None:
    rest_on("PW-4, SK-999")
    done = cloister("mutants --only SC-1 --jobs 1")
    assert (done.status, done.err) == (0, "")
    assert "PW-4.a caught" in done.out
    assert "1 of 1 mutants caught" in done.out


def test_what_became_of_a_mutant_is_told(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "folder",
        edit("PW-4.a", "import hashlib\n", "import no_such\n") + edit("PW-8.a", "BATCH = 20_000\n", "BATCH = 10_000\n"),
    )
    dead, harmless = mutants.read(folder)
    found = mutation.catch(dead, folder)
    assert found.fate == "does not start"
    assert "no_such" in found.how
    assert (
        mutation.find_catch(mutation.describe(harmless, folder), mutation.Options(clause="PW-8", failures="")) is None
    )


@pytest.mark.parametrize(
    ("caught", "fate", "test"),
    [
        (["own"], "caught", "own"),
        ([None, "of the node"], "caught", "of the node"),
        ([None, None, None, "other"], "caught elsewhere", "other"),
        ([None] * 6, "survived", ""),
    ],
)
def test_the_tests_of_the_clause_come_first_in_each_role(
    monkeypatch: pytest.MonkeyPatch, caught: list[str | None], fate: str, test: str
) -> None:
    asked = []

    def find_catch(implementation: Implementation, options: mutation.Options) -> tuple[str, str] | None:
        asked.append((implementation.role, options.clause))
        name = caught[len(asked) - 1]
        return (name, "how") if name else None

    monkeypatch.setattr(mutation, "find_catch", find_catch)
    found = mutation.catch(mutant(), mutants.FOLDER)
    assert (found.fate, found.test) == (fate, test)
    order = [(role, clause) for clause in ("PW-15", "") for role in ("client", "service-node", "open-group-server")]
    assert asked == order[: len(caught)]


@pytest.mark.parametrize(
    ("module", "role"),
    [
        ("cloister.service_node.app", "service-node"),
        ("cloister.open_group_server.app", "open-group-server"),
        ("cloister.open_group", "open-group-server"),
    ],
)
def test_what_only_a_server_runs_is_hunted_in_no_client(
    monkeypatch: pytest.MonkeyPatch, module: str, role: str
) -> None:
    asked = []

    def find_catch(implementation: Implementation, options: mutation.Options) -> None:
        asked.append(implementation.role)

    monkeypatch.setattr(mutation, "find_catch", find_catch)
    mutation.catch(mutant(module=module), mutants.FOLDER)
    assert asked == [role, role]


def test_a_mutant_is_started_as_a_node_with_its_node_file() -> None:
    found = mutation.describe(mutant(), mutants.FOLDER, "service-node")
    assert found.run[-4:] == ["PW-15.z", str(mutants.FOLDER), "--role", "service-node"]
    assert found.capabilities == ["network-file", "clock"]


@pytest.mark.parametrize(
    ("mutant_id", "test"),
    [
        ("AP-20.b", "adapter_protocol_service_node::test_the_time_is_that_of_the_clock_file"),
        ("AP-23.a", "adapter_protocol_open_group_server::test_the_time_is_that_of_the_clock_file"),
    ],
)
def test_a_mutant_of_a_server_is_caught_in_its_role(mutant_id: str, test: str) -> None:
    found = mutation.catch(mutants.find(mutants.read(), mutant_id), mutants.FOLDER)
    assert (found.fate, found.test) == ("caught", test)


def test_a_selection_without_tests_catches_nothing() -> None:
    options = mutation.Options(clause="PW-999", failures="")
    found = mutants.find(mutants.read(), "PW-4.a")
    assert mutation.find_catch(mutation.describe(found, mutants.FOLDER), options) is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("mutants --only SK-999", "there is no mutant SK-999"),
        ("mutants --suite no-such", "holds no mutants for the suite no-such"),
        ("mutants --mutants no_such_folder", "no_such_folder holds no mutants"),
        ("mutants --mutants unknown", "PW-999.a: there is no clause PW-999"),
        ("mutants --mutants unfit", "PW-4.a: the text before occurs 0 times in cloister.proof_of_work, not once"),
    ],
)
def test_what_cannot_be_hunted_is_one_line(cloister: Cloister, tmp_path: Path, line: str, message: str) -> None:
    write(tmp_path / "unknown", edit("PW-999.a", "BATCH = 20_000"))
    write(tmp_path / "unfit", edit("PW-4.a", "no such text"))
    done = cloister(line)
    assert done.status == 2
    assert message in done.err
    assert done.err.strip().count("\n") == 0
