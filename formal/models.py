"""The formal models as data: their claims, and what is to be checked of them.

`models.toml` says what is run. A claim stands in its model with its sentence and clauses. A deliberate error is an edit of
the model's text after which the checker must find that claim violated.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cloister_conformance.clause import read_clauses

HERE = Path(__file__).parent
CLAIM = re.compile(
    r"^(?P<sentence>(?:(?:\\\*|%) .+\n)+)(?:\\\*|%) Clauses: (?P<clauses>.+)\n"
    r"(?:violated\((?P<rule>\w+)\) :-|(?P<operator>\w+) ==)",
    re.MULTILINE,
)


class BrokenModel(Exception):
    """A checker does not understand a model, or a file contradicts another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim of a model: its sentence, and the clauses that it follows from."""

    name: str
    sentence: str
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One run of a checker on the text of a model; `violated` is the claim that it must find violated, None if none."""

    kind: Literal["run", "failure", "error"]
    run: str
    model: str
    text: str = field(repr=False)
    claims: tuple[str, ...]
    constants: dict[str, str]
    violated: str | None = None
    why: str = ""

    @property
    def is_tla(self) -> bool:
        """Tell whether the model is one for TLC; otherwise it is one for clingo."""
        return self.model.endswith(".tla")


def read_settings() -> dict[str, Any]:
    """Read `models.toml`."""
    return tomllib.loads((HERE / "models.toml").read_text("utf-8"))


def read_claims() -> dict[str, Claim]:
    """Read the claims of all models.

    Raises:
        BrokenModel: a claim names a clause that does not exist.
    """
    claims = {}
    for model in sorted({run["model"] for run in read_settings()["run"].values()}):
        for match in CLAIM.finditer((HERE / model).read_text("utf-8")):
            name = match["rule"] or match["operator"]
            sentence = " ".join(line.lstrip("\\*% ") for line in match["sentence"].splitlines())
            clauses = tuple(match["clauses"].split(", "))
            if unknown := [clause for clause in clauses if clause not in read_clauses()]:
                raise BrokenModel(f"{model}: {name} names {', '.join(unknown)}, which the specification does not have")
            claims[name] = Claim(name=name, sentence=sentence, clauses=clauses)
    return claims


def read_tasks() -> Iterator[Task]:
    """Read what is to be run.

    Raises:
        BrokenModel: as `edit`.
    """
    settings = read_settings()
    texts = {run["model"]: (HERE / run["model"]).read_text("utf-8") for run in settings["run"].values()}
    for name, run in settings["run"].items():
        constants = run["constants"]
        together = [tuple(run["claims"])] if run["model"].endswith(".tla") else [(claim,) for claim in run["claims"]]
        for claims in together:
            yield Task(
                kind="run", run=name, model=run["model"], text=texts[run["model"]], claims=claims, constants=constants
            )
    for kind in ("failure", "error"):
        for case in settings[kind]:
            run = settings["run"][case["run"]]
            yield Task(
                kind=kind,
                run=case["run"],
                model=run["model"],
                text=edit(texts[run["model"]], case),
                claims=(case["claim"],),
                constants=run["constants"] | case.get("constants", {}),
                violated=case["claim"],
                why=case["why"],
            )


def edit(text: str, case: dict[str, str]) -> str:
    """Make the edit of a deliberate error; what only fails has none.

    Raises:
        BrokenModel: what is to be replaced does not stand in the text once.
    """
    if "before" not in case:
        return text
    if text.count(case["before"]) != 1:
        raise BrokenModel(f"{case['before']!r} stands {text.count(case['before'])} times in the model")
    return text.replace(case["before"], case["after"])


def write_tables(page: str) -> str:
    """Write the tables of claims, and of failures, into a page that has marks for them."""
    claims, settings = read_claims(), read_settings()
    failures = {failure["claim"]: failure["why"] for failure in settings["failure"]}
    held = {
        name: [run for run, bounds in settings["run"].items() if name in bounds["claims"]]
        for name in claims
        if name not in failures
    }
    rows = [
        f"| `{name}` | {claims[name].sentence} | {', '.join(claims[name].clauses)} | {', '.join(runs)} |"
        for name, runs in held.items()
    ]
    page = write_table(page, "claims", ["| claim | | clauses | runs |", "| --- | --- | --- | --- |", *rows])
    rows = [
        f"| `{name}` | {claims[name].sentence} | {why[0].upper()}{why[1:]}. | {', '.join(claims[name].clauses)} |"
        for name, why in failures.items()
    ]
    return write_table(
        page, "failures", ["| it is false that | | because | clauses |", "| --- | --- | --- | --- |", *rows]
    )


def write_table(page: str, mark: str, lines: list[str]) -> str:
    """Write a table between the two marks that stand for it in a page."""
    start, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
    before, _, rest = page.partition(start)
    return before + start + "\n".join(["", *lines, "", ""]) + end + rest.partition(end)[2]
