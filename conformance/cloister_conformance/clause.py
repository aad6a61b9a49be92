"""Clauses: their sentences, read from the specification, and the marker that ties a test to them."""

import re
from dataclasses import dataclass
from functools import cache

import pytest

from cloister_conformance import data

CLAUSE_ID = re.compile(r"\b(?:NE|ID|PS|SK|EN|PW|SW|OR|GC|CG|OG|SC|AP)-[1-9][0-9]*\b")
FOUNDATIONS = re.compile(r" \(rests on (?P<ids>[^()]+)\)\.$")
CLAUSE_LINE = re.compile(r"^- \*\*(?P<id>[A-Z]{2}-[1-9][0-9]*)\*\* (?P<sentence>.+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One clause; `chapter` is the stem of its file, such as `04-sender-keys`."""

    id: str
    chapter: str
    sentence: str

    @property
    def is_withdrawn(self) -> bool:
        """Tell whether the clause binds nobody any more."""
        return self.sentence.startswith("(withdrawn")

    @property
    def is_testable(self) -> bool:
        """Tell whether the clause binds code; the text says where not."""
        return "(not testable:" not in self.sentence and not self.is_withdrawn

    @property
    def is_derived(self) -> bool:
        """Tell whether the clause promises what others bring about; it names these instead of code, tests and mutants."""
        return self.id.startswith("SC-")

    @property
    def rests_on(self) -> list[str]:
        """The clauses that bring about what a derived clause promises."""
        match = FOUNDATIONS.search(self.sentence)
        return match["ids"].split(", ") if self.is_derived and match else []

    @property
    def is_must(self) -> bool:
        """Tell whether the clause is absolute."""
        return "MUST" in self.sentence


@cache
def read_clauses() -> dict[str, Clause]:
    """Read all clauses of the specification, in reading order."""
    clauses = {}
    for chapter in sorted(data.find_folder("spec").glob("[0-9]*.md")):
        for line in chapter.read_text("utf-8").splitlines():
            if match := CLAUSE_LINE.match(line):
                if match["id"] in clauses:
                    raise ValueError(f"{match['id']} stands twice, the second time in {chapter.name}")
                clauses[match["id"]] = Clause(id=match["id"], chapter=chapter.stem, sentence=match["sentence"])
    return clauses


def find_bearers(clause_id: str) -> list[str]:
    """Find the clauses whose tests and mutants speak for a clause: those that it rests on, or itself."""
    named = read_clauses().get(clause_id)
    return (named.rests_on if named else []) or [clause_id]


def clause(*ids: str) -> pytest.MarkDecorator:
    """Mark a test with the clauses that it enforces."""
    return pytest.mark.clause(*ids)
