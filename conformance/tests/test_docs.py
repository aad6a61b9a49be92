"""The guides and the specification say what is there: sentences of clauses, names of tests, code, and an adapter that runs."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloister_conformance import data, trace
from cloister_conformance.clause import read_clauses

ROOT = data.CHECKOUT
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
QUOTE = re.compile(
    r"^(?:> |\+- )?(?:\*\*)?(?P<id>[A-Z]{2}-[1-9][0-9]*)(?:\*\*)? (?P<sentence>(?:An?|The) (?:.+\n)+)", re.MULTILINE
)
TEST_NAME = re.compile(r"\btest_[a-z0-9_]+")
MYLIB = Path(__file__).parent / "fakes" / "mylib.py"


def find_quotes(text: str) -> list[tuple[str, str]]:
    """Find the clauses that a page quotes: the id, and the sentence with its lines joined."""
    return [(match["id"], " ".join(match["sentence"].replace("\n> ", "\n").split())) for match in QUOTE.finditer(text)]


def is_quoted_rightly(clause: str, sentence: str) -> bool:
    """Tell whether a quote begins with the sentence of its clause; the lines that follow it may be others."""
    return sentence.startswith(read_clauses()[clause].sentence)


def test_a_false_quote_is_noticed() -> None:
    ((clause, sentence),) = find_quotes("SK-17 A receiver MUST leave\nits record.\n\nMore.\n")
    assert (clause, sentence) == ("SK-17", "A receiver MUST leave its record.")
    assert not is_quoted_rightly(clause, sentence)


def test_sentences_that_are_quoted_are_those_of_the_clauses() -> None:
    quotes = [(page.name, *quote) for page in PAGES for quote in find_quotes(page.read_text("utf-8"))]
    assert {page for page, _, _ in quotes} >= {
        "README.md",
        "CONTRIBUTING.md",
        "security-review.md",
        "write-an-adapter.md",
    }
    assert [quote for quote in quotes if not is_quoted_rightly(quote[1], quote[2])] == []


@pytest.fixture(scope="module")
def test_names() -> set[str]:
    """The names of all tests, those of the stages of a machine included."""
    folders = (trace.SUITES, Path(__file__).parent, ROOT / "reference" / "tests")
    return {
        function.name
        for folder in folders
        for file in folder.glob("*.py")
        for function in trace.iterate_functions(file)
    }


@pytest.mark.parametrize("page", sorted((ROOT / "spec").glob("*.md")) + PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path, test_names: set[str]) -> None:
    text = page.read_text("utf-8").replace("test_no_such_test", "")
    names = {
        name for name in TEST_NAME.findall(text) if not re.search(rf"{name}(\.\.\.|\.py|-[0-9a-f]{{8}}\.json)", text)
    }
    shortened = {match[1] for match in re.finditer(r"\b(test_[a-z0-9_]+?)_?\.\.\.", text)}
    assert names - test_names == set()
    assert [start for start in shortened if not any(name.startswith(start) for name in test_names)] == []


def find_blocks(page: str, language: str) -> list[str]:
    """Find the blocks of a language in a guide."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", (ROOT / "docs" / page).read_text("utf-8"), re.MULTILINE | re.DOTALL
    )


def test_the_code_that_the_review_quotes_is_there() -> None:
    code, test = find_blocks("security-review.md", "python")
    assert code in (ROOT / "reference" / "cloister" / "sender_keys.py").read_text("utf-8")
    assert test in (trace.SUITES / "sender_keys.py").read_text("utf-8")


def test_the_changelog_names_the_last_clause_of_each_chapter() -> None:
    last: dict[str, int] = {}
    for clause in read_clauses():
        prefix, _, number = clause.partition("-")
        last[prefix] = max(last.get(prefix, 0), int(number))
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert [prefix for prefix, number in last.items() if f"{prefix}-1 to {prefix}-{number}." not in text] == []


# The adapter of the guide


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """The adapter of the guide, taken out of its page, beside a library that does what `mylib` does there."""
    folder = tmp_path / "my-adapter"
    folder.mkdir()
    (source,) = find_blocks("write-an-adapter.md", "python")
    description, known, *_ = find_blocks("write-an-adapter.md", "toml")
    (folder / "adapter.py").write_text(source, "utf-8")
    (folder / "mylib.py").write_text(MYLIB.read_text("utf-8"), "utf-8")
    description = description.replace('"python3"', json.dumps(sys.executable))
    (folder / "adapter.toml").write_text(f"{description}\n{known}", "utf-8")
    return folder


def test_the_adapter_of_the_guide_has_the_lines_that_it_says() -> None:
    (source,) = find_blocks("write-an-adapter.md", "python")
    assert f"the whole adapter, {len(source.rstrip().splitlines())} lines" in (
        ROOT / "docs" / "write-an-adapter.md"
    ).read_text("utf-8")


def test_the_adapter_of_the_guide_is_sound(adapter: Path, cloister: Callable[[str], Any]) -> None:
    done = cloister(f"doctor {adapter}")
    assert (done.status, done.err) == (0, "")
    assert "offers: sender-keys-send, sender-keys-receive" in done.out


def test_the_adapter_of_the_guide_fails_as_the_guide_says(adapter: Path, cloister: Callable[[str], Any]) -> None:
    done = cloister(f"check {adapter} --suite sender-keys --jobs 1 -k 'lifetime or does_not_rewind or continue'")
    assert (done.status, done.err) == (0, "")
    assert "SK-25 mylib has no clock, so an old state is never dropped" in done.out
    assert "conforms, but for 1 known failure" in done.out
