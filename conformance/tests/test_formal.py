"""The formal models as files: claims, clauses, deliberate errors and sequences belong together. `tox -e formal` runs them."""

import json
from collections.abc import Callable
from itertools import product
from types import ModuleType

import pytest
from cloister_conformance import data

FORMAL = data.CHECKOUT / "formal"
ACTIONS = ("add", "leave", "kick", "rename", "close", "open", "deliver", "copy", "drop")
OVER = {("close", action) for action in ("kick", "rename", "close", "open")}


def test_every_claim_is_checked_or_said_to_fail(models: ModuleType) -> None:
    tasks = list(models.read_tasks())
    held = {claim for task in tasks if task.kind == "run" for claim in task.claims}
    failing = {task.violated for task in tasks if task.kind == "failure"}
    assert held | failing == set(models.read_claims())
    assert not held & failing


def test_every_claim_that_holds_has_a_deliberate_error(models: ModuleType) -> None:
    tasks = list(models.read_tasks())
    held = {claim for task in tasks if task.kind == "run" for claim in task.claims}
    assert {task.violated for task in tasks if task.kind == "error"} == held


def test_an_edit_that_does_not_apply_is_refused(models: ModuleType) -> None:
    with pytest.raises(models.BrokenModel, match="stands 2 times"):
        models.edit("a a", {"before": "a", "after": "b"})


def test_a_clause_that_does_not_exist_is_refused(models: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "read_clauses", dict)
    with pytest.raises(models.BrokenModel, match="which the specification does not have"):
        models.read_claims()


def test_the_page_has_the_tables_of_the_models(models: ModuleType) -> None:
    page = (FORMAL / "README.md").read_text("utf-8")
    assert models.write_tables(page) == page, "python formal/run.py --write"


def test_the_sequences_have_each_pair_of_actions_in_both_orders(load_formal: Callable[[str], ModuleType]) -> None:
    traces = load_formal("traces")
    sequences = json.loads((FORMAL / "traces.json").read_text("utf-8"))["sequences"]
    pairs = set().union(*(traces.find_pairs(sequence["steps"]) for sequence in sequences))
    actions = {(first.split()[0], second.split()[0]) for first, second in pairs}
    assert len(sequences) >= 40
    assert set(product(ACTIONS, repeat=2)) - actions == OVER
