"""The transcripts that are kept of third-party libraries: each must show the failure that it was kept for."""

import importlib.util
import json
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any

import pytest
from cloister_conformance import data
from cloister_conformance.implementation import Implementation
from cloister_conformance.transcript import UnreadableTranscript

Fake = Callable[..., Implementation]

SCRIPT = data.CHECKOUT / "conformance" / "adapters" / "check_all.py"

TARGET = {"payload_length": 100, "ttl_ms": 10_000, "difficulty": 1}
RIGHT = {"target": "025ed097b425ed09"}
KNOWN = """
[[known_failure]]
clauses = ["PW-1"]
expected = ['answered a result: {"target"']
reason = "the target is wrong"
"""


@pytest.fixture(scope="module")
def check_all() -> ModuleType:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("check_all", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_step(method: str, params: dict[str, int], result: dict[str, str]) -> dict[str, Any]:
    """Make a step of a transcript."""
    return {
        "actor": "iut",
        "method": method,
        "params": params,
        "expect": {"result": result},
        "line": "",
        "answer": {"result": result},
    }


RESET_STEP = make_step("reset", {}, {})
WRONG_STEP = make_step("proof_of_work.target", TARGET, RIGHT)


def keep(implementation: Implementation, **changed: Any) -> None:
    """Keep a transcript of a wrong target, or what is made of it, in the folder of an implementation."""
    transcript = {
        "test": "proof_of_work::test_the_target",
        "clauses": {"PW-1": "The target MUST be right."},
        "implementation": "fake",
        "seed": 0,
        "strict": False,
        "expected": "the right target",
        "actual": 'answered a result: {"target": "1"}',
        "repeat": "",
        "repeats": True,
        "playable": True,
        "steps": [RESET_STEP, WRONG_STEP],
    }
    file = implementation.folder / "transcripts" / "kept.json"
    file.parent.mkdir()
    file.write_text(json.dumps({**transcript, **changed}))


def test_a_transcript_that_fails_as_it_is_known_shows_it(check_all: ModuleType, fake: Fake) -> None:
    implementation = fake("proof_of_work.target=lie", toml=KNOWN)
    keep(implementation)
    assert check_all.find_unshown(implementation) == []


def test_a_known_failure_may_name_the_test(check_all: ModuleType, fake: Fake) -> None:
    known = KNOWN.replace('clauses = ["PW-1"]', 'tests = ["proof_of_work::test_the_target"]')
    implementation = fake("proof_of_work.target=lie", toml=known)
    keep(implementation)
    assert check_all.find_unshown(implementation) == []


@pytest.mark.parametrize(
    "behaviours",
    [
        pytest.param([], id="it is right"),
        pytest.param(["proof_of_work.target=internal-error"], id="it fails otherwise"),
        pytest.param(["reset=internal-error", "proof_of_work.target=lie"], id="another step fails"),
    ],
)
def test_a_transcript_that_shows_nothing_known_is_named(
    check_all: ModuleType, fake: Fake, behaviours: list[str]
) -> None:
    implementation = fake(*behaviours, toml=KNOWN)
    keep(implementation)
    assert check_all.find_unshown(implementation) == ["kept.json"]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"clauses": {"PW-2": ""}}, id="of another clause"),
        pytest.param({"actual": "refused with OutOfRange: "}, id="of another failure"),
        pytest.param({"repeats": False}, id="that did not repeat when it was saved"),
        pytest.param({"steps": [WRONG_STEP, RESET_STEP]}, id="that went on after the failure"),
    ],
)
def test_a_transcript_of_something_else_is_named(check_all: ModuleType, fake: Fake, changed: dict[str, Any]) -> None:
    implementation = fake("proof_of_work.target=lie", toml=KNOWN)
    keep(implementation, **changed)
    assert check_all.find_unshown(implementation) == ["kept.json"]


def test_a_file_that_is_no_transcript_is_no_transcript(check_all: ModuleType, fake: Fake) -> None:
    implementation = fake(toml=KNOWN)
    keep(implementation, steps=[])
    with pytest.raises(UnreadableTranscript, match=r"kept\.json is no cloister transcript"):
        check_all.find_unshown(implementation)


def test_an_implementation_of_which_nothing_is_kept_is_not_started(check_all: ModuleType, fake: Fake) -> None:
    implementation = fake()
    assert check_all.find_unshown(implementation) == []
    assert not (implementation.folder / "pids").exists()


class Conforming:
    """A report without a failure."""

    conforms = True


def check_nothing(implementation: Implementation, built: Future[None]) -> Conforming:
    """Find that an implementation conforms once it is built."""
    built.result()
    return Conforming()


def test_the_check_fails_and_names_the_transcript(
    check_all: ModuleType, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    implementation = fake(toml=KNOWN)
    keep(implementation)
    monkeypatch.setattr(check_all, "check", check_nothing)
    _, problems = check_all.check_each([implementation])
    assert problems == ["fake: no known failure shows in kept.json"]


def test_the_next_is_built_while_one_is_checked(
    check_all: ModuleType, make_fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    second_is_built = Event()

    def build(implementation: Implementation) -> None:
        if implementation.folder.name == "second":
            second_is_built.set()

    def check(implementation: Implementation, built: Future[None]) -> Conforming:
        built.result()
        assert second_is_built.wait(30)
        return Conforming()

    monkeypatch.setattr(check_all, "build", build)
    monkeypatch.setattr(check_all, "check", check)
    reports, problems = check_all.check_each([make_fake(tmp_path / name) for name in ("first", "second")])
    assert list(reports) == ["first", "second"]
    assert problems == ["", ""]


def test_what_cannot_be_built_is_told_and_the_next_is_checked(
    check_all: ModuleType, make_fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(check_all, "check", check_nothing)
    found = [make_fake(tmp_path / "first", toml='build = [["false"]]'), make_fake(tmp_path / "second")]
    reports, problems = check_all.check_each(found)
    assert list(reports) == ["second"]
    assert problems == ["cannot build fake: `false` ended with 1\n", ""]
