"""The forms in which a report is written."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest
from cloister_conformance import cli
from cloister_conformance.implementation import Implementation, KnownFailure
from cloister_conformance.report import badge, html, markdown, terminal
from cloister_conformance.results import ClauseResult, Failure, Report, Subject, TestResult

Fake = Callable[..., Implementation]

EVIL = '<script>alert("1 & 2")</script>'
FAILED = "identity::test_an_account_id_of_another_type_is_refused"

FAILURE = Failure(
    expected="the refusal", actual=EVIL, counterexample=EVIL, intermediates=[EVIL], stderr=EVIL, repeat=EVIL
)
KNOWN = KnownFailure(clauses=["ID-5"], expected=["x"], reason=EVIL, link='https://example.org/"><b>')


def make_result(**members: Any) -> TestResult:
    """Make the result of a test."""
    return TestResult.model_validate(
        {
            "id": "s::t",
            "suite": "s",
            "clauses": ["ID-5"],
            "verdict": "passed",
            "seconds": 0.1,
            "cases": 2,
            "coarse": 0,
            **members,
        }
    )


def make_report(*tests: TestResult, clauses: tuple[str, ...] = ("passed",), conforms: bool = True) -> Report:
    """Make a report."""
    return Report(
        cloister="0",
        spec="0.1",
        implementation=Subject(name=EVIL, version="1", language="L", role="client", capabilities=[]),
        profile="quick",
        seed=0,
        strict=False,
        seconds=1,
        conforms=conforms,
        tests=list(tests),
        clauses=[
            ClauseResult.model_validate(
                {"id": f"ID-{number}", "sentence": f"a | {EVIL}", "verdict": verdict, "tests": ["s::t"]}
            )
            for number, verdict in enumerate(clauses, start=1)
        ],
        stale_known_failures=[KNOWN],
    )


EVIL_REPORT = make_report(
    make_result(verdict="failed", failure=FAILURE),
    make_result(verdict="known", failure=FAILURE, known=[KNOWN]),
    conforms=False,
)


# The files that a run writes


@pytest.fixture
def written(fake: Fake, cloister: Callable[[str], Any], tmp_path: Path) -> Path:
    """Run one test that fails and one that is not offered; return the folder with the reports."""
    folder = fake("hello=script-name", "identity.decode_account_id=accept", "--offer", "account-id").folder
    options = "--json out/r.json --junit out/r.xml --html out/r.html --markdown out/r.md --badge out/r.svg"
    done = cloister(f"check -k 'test_an_account_id_of_another_type or test_both_sides_agree' {options} {folder}")
    assert done.status == 1
    assert EVIL in done.out
    assert "not offered, so not tested: key-agreement" in done.out
    return tmp_path / "out"


def test_all_reports_of_a_run_are_sound(written: Path, cloister: Callable[[str], Any], capsys: Any) -> None:
    report = check_json(written / "r.json", capsys, cloister)
    check_junit(written / "r.xml")
    check_html((written / "r.html").read_text("utf-8"))
    text = (written / "r.md").read_text("utf-8")
    assert (
        f"- `{FAILED}` (ID-5)\n    - expected identity.decode_account_id: the refusal InvalidKey\n    - answered a result"
        in text
    )
    assert "| ID-9 | not offered | 1 |" in text
    assert ET.fromstring((written / "r.svg").read_text("utf-8")).tag == "{http://www.w3.org/2000/svg}svg"
    assert report["conforms"] is False


def check_json(file: Path, capsys: Any, cloister: Callable[[str], Any]) -> dict[str, Any]:
    """Check a JSON report against the schema that the command prints."""
    report: dict[str, Any] = json.loads(file.read_text("utf-8"))
    schema = json.loads(cloister("schema --report").out)
    jsonschema_rs.validate(schema, report)
    for broken in (
        {**report, "more": 1},
        {**report, "tests": [{}]},
        {name: report[name] for name in report if name != "seed"},
    ):
        with pytest.raises(jsonschema_rs.ValidationError):
            jsonschema_rs.validate(schema, broken)
    assert {test["id"]: test["verdict"] for test in report["tests"]}[FAILED] == "failed"
    assert report["implementation"]["name"] == EVIL
    return report


def check_junit(file: Path) -> None:
    """Check that a JUnit file says what failed, and why."""
    (suite,) = ET.parse(file).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "2",
        "1",
        "0",
        "1",
    )
    (failure,) = suite.findall("testcase/failure")
    text = failure.text or ""
    for part in (
        "ID-5: ",
        "expected: identity.decode_account_id: the refusal InvalidKey",
        "actual:   answered a result",
        "transcript: ",
    ):
        assert part in text
    assert "Traceback" not in text
    (skipped,) = suite.findall("testcase/skipped")
    assert "not offered: key-agreement" in str(skipped.get("message")) + str(skipped.text)


class Elements(HTMLParser):
    """Gathers the elements of a page and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check_html(text: str) -> Elements:
    """Check that a page needs nothing from elsewhere, and holds nothing that runs."""
    elements = Elements()
    elements.feed(text)
    assert not elements.open
    assert not {"script", "link", "img", "iframe", "b"} & set(elements.names)
    assert not [name for name, _ in elements.attributes if name.startswith("on") or name == "src"]
    assert "@import" not in text
    assert "url(" not in text
    return elements


# Single forms


def test_html_escapes_all_that_comes_from_outside() -> None:
    page = html.render(EVIL_REPORT)
    elements = check_html(page)
    assert EVIL not in page
    assert page.count("&lt;script&gt;") >= 8
    assert ("href", KNOWN.link) in elements.attributes


@pytest.mark.parametrize(
    ("verdicts", "conforms", "text"),
    [
        (["passed"], True, "conforms"),
        (["passed", "known"], True, "conforms, but for 1 known failure"),
        (["known", "known"], True, "conforms, but for 2 known failures"),
        (["failed", "known"], False, "does not conform"),
    ],
)
def test_every_form_says_what_the_verdict_is(
    verdicts: list[str], conforms: bool, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    of_verdict = {"known": {"failure": FAILURE, "known": [KNOWN]}, "failed": {"failure": FAILURE}}
    tests = [
        make_result(id=f"s::t{number}", verdict=verdict, **of_verdict.get(verdict, {}))
        for number, verdict in enumerate(verdicts)
    ]
    report = make_report(*tests, conforms=conforms)
    assert f">{text}<" in html.render(report)
    assert markdown.render(report).splitlines()[0] == f"## {EVIL} 1 {text}"
    terminal.print_report(cli.console, report)
    assert f"{EVIL} 1 (L) {text}\n" in capsys.readouterr().out


def test_every_form_shows_the_readings(capsys: pytest.CaptureFixture[str]) -> None:
    report = make_report(make_result(readings={"version bytes read": "33 <34>"}), make_result(id="s::u"))
    assert "<td>version bytes read</td><td>33 &lt;34&gt;</td>" in html.render(report)
    assert "### Where deployed software differs\n\n- version bytes read: 33 <34>\n" in markdown.render(report)
    terminal.print_report(cli.console, report)
    assert "version bytes read: 33 <34>" in capsys.readouterr().out
    assert "deployed" not in html.render(make_report(make_result())) + markdown.render(make_report(make_result()))


def test_long_tables_are_folded() -> None:
    page, text = html.render(EVIL_REPORT), markdown.render(EVIL_REPORT)
    assert "<details><summary>1 clauses</summary>\n<table>" in page
    assert "<details><summary>1 tests</summary><table>" in page
    before, _, folded = text.partition("<details><summary>1 clauses</summary>\n\n")
    assert "| clause |" not in before
    assert folded.endswith(" |\n\n</details>\n")


def test_markdown_has_a_table_with_a_row_for_each_tested_clause() -> None:
    text = markdown.render(make_report(make_result(), clauses=("passed", "failed", "not tested", "not offered")))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert rows[0] == "| clause | verdict | tests | sentence |"
    assert [row.split(" | ")[0] for row in rows[2:]] == ["| ID-1", "| ID-2", "| ID-4"]
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {6}


@pytest.mark.parametrize(
    ("verdicts", "conforms", "text", "color"),
    [
        (("passed", "passed", "not offered", "not tested"), True, "2 of 2 clauses", "#2e7d32"),
        (("passed", "known"), True, "1 of 2 clauses", "#b26a00"),
        (("passed", "failed"), False, "1 of 2 clauses", "#b71c1c"),
        (("not offered",), True, "0 of 0 clauses", "#2e7d32"),
    ],
)
def test_a_badge_counts_the_clauses(verdicts: tuple[str, ...], conforms: bool, text: str, color: str) -> None:
    image = badge.render(make_report(make_result(), clauses=verdicts, conforms=conforms))
    root = ET.fromstring(image)
    assert text in [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert color in image


def test_the_terminal_shows_a_name_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    report = EVIL_REPORT.model_copy(
        update={"implementation": EVIL_REPORT.implementation.model_copy(update={"name": "[bold]x[/bold] [/]"})}
    )
    terminal.print_report(cli.console, report)
    assert "[bold]x[/bold] [/] 1 (L) does not conform" in capsys.readouterr().out
