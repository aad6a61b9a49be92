"""The vectors are generated alike every time, and every damage to their files is named.

`tox -e vectors` generates them as well, in the environment that is there; both must give the committed bytes.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from cloister_conformance import data, protocol, vector_files
from cloister_conformance.vector_files.cases import DisagreementError, Group, find_refusals, refused
from cloister_conformance.vector_files.format import build_expected
from pydantic import ValidationError

LEAST_INVALID = 0.3
DAMAGED = ("notation", "identity", "proof_of_work")
"""The chapters whose files are damaged here."""
SIGNING_PRIVATE = bytes.fromhex("8018d8e51f047ec501d7186fee8640485dd56220243b4ab5dda1336388a5c853")


def read_files(folder: Path) -> dict[str, str]:
    """Read the files of a folder of vectors as the generator names them; the README is none of its."""
    return {path.relative_to(folder).as_posix(): path.read_bytes().decode("utf-8") for path in folder.rglob("*.json")}


@pytest.fixture(scope="module")
def committed() -> dict[str, str]:
    """The files that are committed: what the generator writes, as the first test says."""
    return read_files(data.find_folder("vectors"))


@pytest.fixture
def folder(committed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of some chapters, and a generator that has these ready."""
    files = {name: text for name, text in committed.items() if Path(name).name.partition(".")[0] in DAMAGED}
    monkeypatch.setattr(vector_files, "build_files", lambda: files)
    vector_files.generate(tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8", newline="\n")


def find_case(folder: Path, stem: str, number: int) -> dict[str, Any]:
    document = vector_files.load(folder, stem)
    return next(test for group in document["testGroups"] for test in group["tests"] if test["tcId"] == number)


def test_a_process_of_another_environment_generates_the_committed_files(
    committed: dict[str, str], tmp_path: Path
) -> None:
    code = "import sys; from pathlib import Path; from cloister_conformance import vector_files as v; v.generate(Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "LC_ALL": "C", "TZ": "Pacific/Apia"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env=environment, timeout=120)
    generated = read_files(tmp_path)
    names = sorted(generated.keys() | committed.keys())
    assert [name for name in names if generated.get(name) != committed.get(name)] == []


def test_cases_are_numbered_decided_and_often_invalid(committed: dict[str, str]) -> None:
    for stem in vector_files.CHAPTERS:
        document = json.loads(committed[f"{stem}.json"])
        tests = [test for group in document["testGroups"] for test in group["tests"]]
        assert [test["tcId"] for test in tests] == list(range(1, document["numberOfTests"] + 1))
        assert all(("error" in test) is (test["result"] == "invalid") for test in tests)
        assert sum(test["result"] == "invalid" for test in tests) >= LEAST_INVALID * len(tests)


@pytest.mark.parametrize("stem", ["pairwise_sessions", "sender_keys"])
def test_an_invalid_scenario_has_one_refused_step(committed: dict[str, str], stem: str) -> None:
    document = json.loads(committed[f"{stem}.json"])
    scenarios = [test for group in document["testGroups"] for test in group["tests"] if "steps" in test]
    assert len(scenarios) > 100
    for test in scenarios:
        errors = [step["error"] for step in test["steps"] if "error" in step]
        assert errors == ([test["error"]] if test["result"] == "invalid" else [])


def test_an_invalid_life_tells_one_refusal(committed: dict[str, str]) -> None:
    document = json.loads(committed["closed_groups.json"])
    scenarios = [test for group in document["testGroups"] for test in group["tests"] if "steps" in test]
    assert len(scenarios) > 200
    for test in scenarios:
        errors = [error for step in test["steps"] for error in find_refusals(step)]
        assert errors == ([test["error"]] if test["result"] == "invalid" else [])
    assert len(committed["closed_groups.json"]) < 3_000_000


def test_a_refused_message_of_a_session_is_followed_by_what_is_read(committed: dict[str, str]) -> None:
    document = json.loads(committed["pairwise_sessions.json"])
    unharmed = [test for group in document["testGroups"] for test in group["tests"] if "StateUnharmed" in test["flags"]]
    assert len(unharmed) > 100
    for test in unharmed:
        (refused_at,) = (number for number, step in enumerate(test["steps"]) if "error" in step)
        assert any("plaintext" in step["expected"] for step in test["steps"][refused_at + 1 :])


def test_untouched_files_have_no_problem(folder: Path) -> None:
    assert vector_files.verify(folder) == []


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "identity.json").unlink()
    (folder / "schema" / "notation.schema.json").unlink()
    assert vector_files.verify(folder) == ["identity.json: missing", "schema/notation.schema.json: missing"]


def test_a_strange_file_is_named_and_the_readme_is_none(folder: Path) -> None:
    (folder / "README.md").write_text("about these files", encoding="utf-8")
    (folder / "identity (copy).json").write_text("{}", encoding="utf-8")
    assert vector_files.verify(folder) == ["identity (copy).json: not a file of the generator"]


def test_a_changed_value_is_named_by_its_case(folder: Path) -> None:
    seed = find_case(folder, "identity", 7)["input"]["seed"]
    edit(folder / "identity.json", seed, "00" * 32)
    assert vector_files.verify(folder) == ["identity.json: differs from what is generated, first in tcId 7"]


def test_a_case_that_is_gone_is_noticed(folder: Path) -> None:
    document = vector_files.load(folder, "proof_of_work")
    document["testGroups"][-1]["tests"].pop()
    (folder / "proof_of_work.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8", newline="\n")
    (problem,) = vector_files.verify(folder)
    assert problem.startswith("proof_of_work.json: differs from what is generated, which has ")


@pytest.mark.parametrize(("old", "new"), [("\n", "\r\n"), ("]\n}\n", "]\n}"), ('"tcId": 1,', '"tcId":  1,')])
def test_a_changed_blank_is_noticed(folder: Path, old: str, new: str) -> None:
    path = folder / "notation.json"
    path.write_bytes(path.read_bytes().replace(old.encode(), new.encode(), 1))
    expected = "notation.json: differs from what is generated, in its blanks or the order of its members only"
    assert vector_files.verify(folder) == [expected]


def test_what_is_not_json_is_noticed(folder: Path) -> None:
    path = folder / "notation.json"
    path.write_bytes(path.read_bytes()[:1000])
    problems = vector_files.verify(folder)
    assert problems[0].startswith("notation.json: differs from what is generated, and is not JSON")


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('"result": "valid"', '"result": "acceptable"', "result"),
        ('"numberOfTests": ', '"numberOfTests": "many", "number": ', "numberOfTests"),
        ('"error": "InvalidKey"', '"error": "InvalidSignature"', "error"),
        ('"bugType": "MALFORMED"', '"bugType": "ODD"', "bugType"),
        ('"private_key": "', '"private_key": "XY', "private_key"),
        ('"seed": "', '"sead": "', "seed"),
    ],
)
def test_a_breach_of_the_schema_is_named(folder: Path, old: str, new: str, where: str) -> None:
    edit(folder / "identity.json", old, new)
    difference, breach = vector_files.verify(folder)
    assert difference.startswith("identity.json: differs")
    assert breach.startswith("identity.json: breaks its schema at ")
    assert where in breach


def test_the_author_of_a_case_and_the_reference_have_to_agree() -> None:
    group = Group("AccountId", "identity.decode_account_id")
    with pytest.raises(DisagreementError, match="stated as None, the reference answers InvalidEncoding"):
        group.valid("too short", "Flag", "ID-4", text="05")
    with pytest.raises(DisagreementError, match="stated as InvalidKey, the reference answers InvalidEncoding"):
        group.invalid("too short", "InvalidKey", "Flag", "ID-4", text="05")
    account_id = "055bf55c73b82ebe22be80f3430667af570fae2556a6415e6b30d4065300aa947d"
    with pytest.raises(DisagreementError, match=r"stated as {'public_key': '00'}"):
        group.valid("another result", "Flag", "ID-4", expected={"public_key": "00"}, text=account_id)
    with pytest.raises(DisagreementError, match=r"stated as {}"):
        group.valid("nothing of the result", "Flag", "ID-4", expected={}, text=account_id)
    with pytest.raises(DisagreementError, match=r"not {}"):
        Group("Distribution", "sender_keys.create").valid(
            "more than the result",
            "Flag",
            "SK-7",
            expected={"key": "alice"},
            key="alice",
            key_id=5,
            iteration=0,
            chain_key=bytes(32),
            signing_private=SIGNING_PRIVATE,
        )
    assert group.tests == []


def test_a_case_may_state_a_part_of_a_result() -> None:
    group = Group("Derivation", "identity.derive")
    account_id = {"account_id": "055bf55c73b82ebe22be80f3430667af570fae2556a6415e6b30d4065300aa947d"}
    group.valid("a part", "Flag", "ID-2", expected=account_id, seed=bytes(32))
    group.valid("all", "Flag", "ID-2", seed=bytes(32))
    assert [len(test["expected"]) for test in group.tests] == [1, 2]


def test_an_input_may_have_members_named_like_those_of_a_case() -> None:
    call = refused("storage.rpc", {"method": "store", "error": "none", "params": {}}, "InvalidEncoding")
    assert call["method"] == "storage.rpc"
    assert call["input"] == {"method": "store", "error": "none", "params": {}}


def test_members_of_a_result_are_optional_and_one_is_stated() -> None:
    model = build_expected(protocol.METHODS["identity.derive"])
    schema = model.model_json_schema()
    assert schema["minProperties"] == 1
    assert "required" not in schema
    assert all("default" not in member for member in schema["properties"].values())
    model.model_validate_json('{"private_key": "00"}')
    for other in ("{}", '{"private_key": null}', '{"private_key": "0"}', '{"seed": "00"}'):
        with pytest.raises(ValidationError):
            model.model_validate_json(other)
        assert not jsonschema_rs.Draft202012Validator(schema).is_valid(json.loads(other))


def test_an_empty_result_is_stated_as_such() -> None:
    model = build_expected(protocol.METHODS["sender_keys.process"])
    model.model_validate_json("{}")
    with pytest.raises(ValidationError):
        model.model_validate_json('{"plaintext": ""}')


@pytest.mark.parametrize("stem", vector_files.CHAPTERS)
def test_the_schemas_accept_the_files(committed: dict[str, str], stem: str) -> None:
    schema = json.loads(committed[f"schema/{stem}.schema.json"])
    jsonschema_rs.meta.validate(schema)
    jsonschema_rs.Draft202012Validator(schema).validate(json.loads(committed[f"{stem}.json"]))


def test_the_loader_of_the_readme_finds_every_case(committed: dict[str, str], tmp_path: Path) -> None:
    (loader,) = re.findall(
        r"```python\n(.*?)```", (data.find_folder("vectors") / "README.md").read_text("utf-8"), re.DOTALL
    )
    for stem in vector_files.CHAPTERS:
        path = tmp_path / f"{stem}.json"
        path.write_text(committed[path.name], encoding="utf-8", newline="\n")
        names: dict[str, Any] = {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["loader", str(path)])
            exec(loader, names)
        cases = names["cases"]
        assert [number for number, _ in cases] == list(range(1, len(cases) + 1))
        assert all(
            {"method", "input"} <= step.keys() and ("expected" in step) is not ("error" in step)
            for _, steps in cases
            for step in steps
        )


def find_hooks(group: dict[str, Any], test: dict[str, Any]) -> set[str]:
    """Find the capabilities by which a case is given, or shows, what an implementation keeps to itself."""
    own = test.get("steps", [{"method": group["method"], **test}])
    steps = [*group.get("before", []), *own, *group.get("after", [])]
    injected = {
        mark.capability
        for step in steps
        for name, mark in protocol.METHODS[step["method"]].injected.items()
        if name in step["input"]
    }
    offered = {protocol.METHODS[step["method"]].capability or "" for step in steps}
    return injected | {name for name in offered if name.endswith(("-import", "-trace"))}


def test_the_readme_names_the_hooks_that_each_group_needs(committed: dict[str, str]) -> None:
    readme = (data.find_folder("vectors") / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)\.json` \| (.*?) \| `([a-z-]+)` \|", readme, re.MULTILINE)
    named = {(stem, name, hook) for stem, groups, hook in rows for name in re.findall(r"`([A-Z]\w+)`", groups)}
    needed = {
        (stem, group["type"], hook)
        for stem in vector_files.CHAPTERS
        for group in json.loads(committed[f"{stem}.json"])["testGroups"]
        for test in group["tests"]
        for hook in find_hooks(group, test)
    }
    assert named == needed
