"""Builds and checks every third-party library beside this file, and lets them all talk to each other and to the reference.

While one is checked, the next are built, one by one.

`--write` writes the two pages of the documentation that show what was found. The folder `transcripts` of a library holds
some of its known failures: each is replayed, and fails if it does not show a known failure.

A program that is missing is reported, and fails when the variable CI is set. A registry that does not answer after
three tries is reported as NOT RUN and fails nothing. Everything else that goes wrong fails.
"""

import argparse
import os
import re
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from cloister_conformance import implementation as implementations
from cloister_conformance import matrix
from cloister_conformance import run as runs
from cloister_conformance import transcript as transcripts
from cloister_conformance.implementation import Implementation, UnusableImplementation
from cloister_conformance.matrix import Matrix
from cloister_conformance.matrix import render as render_matrix
from cloister_conformance.report import terminal
from cloister_conformance.results import Report
from cloister_conformance.run import Options
from cloister_conformance.script import Callee
from cloister_conformance.target import Target
from cloister_conformance.transcript import UnreadableTranscript
from rich.console import Console

HERE = Path(__file__).parent
DOCS = HERE.parent.parent / "docs"
TRIES = 3
NETWORK_ERRORS = re.compile(
    r"ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ECONNRE|ERR_SOCKET|i/o timeout|TLS handshake timeout|no such host|connection (refused|reset)"
    r"|Temporary failure|Max retries exceeded|Read timed out|ReadTimeout|Could not transfer artifact|Connection (timed out|reset|refused)"
    r"|status code: (429|5\d\d)|(429|5\d\d) (Too Many|Server Error|Bad Gateway|Service Unavailable|Gateway)",
    re.IGNORECASE,
)

console = Console(width=120)


class RegistryDoesNotAnswer(Exception):
    """What is to be installed cannot be downloaded now."""


def build(implementation: Implementation) -> None:
    """Build an implementation; try again while a registry does not answer."""
    for attempt in range(1, TRIES + 1):
        try:
            implementations.build(implementation)
        except UnusableImplementation as error:
            if not NETWORK_ERRORS.search(str(error)):
                raise
            console.print(f"try {attempt} of {TRIES}: a registry does not answer")
            time.sleep(10 * attempt)
        else:
            return
    raise RegistryDoesNotAnswer


def check(implementation: Implementation, built: Future[None]) -> Report:
    """Check an implementation as soon as it is built."""
    begin = time.monotonic()
    built.result()
    console.print(f"waited {time.monotonic() - begin:.0f} s for the build")
    report = runs.run(implementation, Options(jobs=2))
    terminal.print_report(console, report)
    return report


def find_unshown(implementation: Implementation) -> list[str]:
    """Replay the transcripts of an implementation; find those that do not show the failure that they were kept for."""
    files = sorted(implementation.folder.glob("transcripts/*.json"))
    target = Target(implementation)
    try:
        return [file.name for file in files if not shows(file, implementation, target)]
    finally:
        target.stop()


def shows(file: Path, implementation: Implementation, iut: Callee) -> bool:
    """Tell whether a transcript still fails in its last step, with what a known failure of its test or clauses says.

    The texts of two runs differ in keys and ciphertexts; what is expected of a known failure is what they have in common.
    """
    saved = transcripts.read(file)
    outcome = transcripts.replay(saved, iut)
    if outcome.verdict != "fails" or outcome.step != len(saved.steps) - 1:
        return False
    known = [each for each in implementation.known_failure if each.find_names(saved.test, list(saved.clauses))]
    return any(each.explains(saved.actual) and each.explains(outcome.actual) for each in known)


def render(reports: dict[str, Report]) -> str:
    """Render the page of the documentation."""
    lines = [
        "# Third-party libraries",
        "",
        "Software that nobody here wrote, put under test on every change. The table and the lists are written by",
        "`tox -e peers -- --write` from real runs (profile quick, seed 0); a run that finds anything else fails.",
        "",
        "A library is tested on what it offers. Where this specification is stricter than what is deployed, that is said in the",
        "decisions of the chapter; such a difference is listed here like any other.",
        "A clause counts as failed when it stands in a list below; a test of several clauses may fail for one of them.",
        "",
        "| library | version | language | clauses passed | clauses failed | offers |",
        "| --- | --- | --- | ---: | ---: | --- |",
    ]
    for name, report in reports.items():
        subject = report.implementation
        tested = {clause.id for clause in report.clauses if clause.verdict in ("passed", "known")}
        broken = {clause for clauses in gather_reasons(report).values() for clause in clauses}
        offers = ", ".join(f"`{capability}`" for capability in subject.capabilities)
        anchor = f"[{subject.name}](#{name})"
        lines.append(
            f"| {anchor} | {subject.version} | {subject.language} | {len(tested - broken)} | {len(broken)} | {offers} |"
        )
    for name, report in reports.items():
        lines += ["", f"## {report.implementation.name} {{ #{name} }}", ""]
        lines += [
            f"Repeat: `cloister check conformance/adapters/{name}`.",
            "",
            "| clauses | what is wrong |",
            "| --- | --- |",
        ]
        lines += [f"| {', '.join(clauses)} | {reason} |" for reason, clauses in gather_reasons(report).items()]
    return "\n".join(lines) + "\n"


def gather_reasons(report: Report) -> dict[str, list[str]]:
    """Gather the known failures by reason, each with the clauses that it breaks.

    Those are the clauses that known failures name; a test of several clauses may fail for one of them alone.
    """
    order = [clause.id for clause in report.clauses]
    first = {reason: tests[0].clauses for reason, tests in report.gather_known().items()}
    reasons = {
        reason: [name for name in names if name in order] or first[reason]
        for reason, names in report.name_reasons().items()
    }
    ordered = {reason: sorted(clauses, key=order.index) for reason, clauses in reasons.items()}
    return dict(sorted(ordered.items(), key=lambda item: order.index(item[1][0])))


def check_or_explain(implementation: Implementation, built: Future[None]) -> tuple[Report | None, str]:
    """Check an implementation; return its report if there is one, and the problem if there is one."""
    folder = implementation.folder
    missing = implementations.find_missing(implementation)
    if missing:
        console.print(f"[bold red]MISSING[/] {', '.join(missing)}: {folder.name} was not run")
        return None, f"{folder.name}: {', '.join(missing)} is missing" if os.environ.get("CI") else ""
    try:
        report = check(implementation, built)
        unshown = find_unshown(implementation)
    except RegistryDoesNotAnswer:
        console.print(f"[bold red]NOT RUN[/] {folder.name}: a registry did not answer")
        return None, ""
    except (UnusableImplementation, UnreadableTranscript) as error:
        return None, str(error)
    if not report.conforms:
        return report, f"{folder.name} does not conform, beyond its known failures"
    return report, f"{folder.name}: no known failure shows in {', '.join(unshown)}" if unshown else ""


def check_each(found: list[Implementation]) -> tuple[dict[str, Report], list[str]]:
    """Build and check implementations; return their reports by folder, and their problems."""
    reports: dict[str, Report] = {}
    problems: list[str] = []
    builder = ThreadPoolExecutor(max_workers=1)
    builds = [builder.submit(build, implementation) for implementation in found]
    try:
        for implementation, built in zip(found, builds, strict=True):
            name = implementation.folder.name
            console.rule(name)
            report, problem = check_or_explain(implementation, built)
            if report:
                reports[name] = report
            problems.append(problem)
    finally:
        builder.shutdown(cancel_futures=True)
    return reports, problems


def run_matrix(folders: list[Path]) -> Matrix:
    """Let the implementations in these folders, which are built, talk to each other and to the reference."""
    found = [implementations.reference(), *(implementations.read(folder) for folder in folders)]
    console.rule("each with each")
    report = matrix.run(found, seed=0, listener=lambda cell: None)
    render_matrix.print_matrix(console, report)
    return report


def render_interoperability(report: Matrix) -> str:
    """Render the page of the documentation that shows who can talk to whom."""
    lines = [
        "# Each with each",
        "",
        "Every implementation talks to every other, and to itself, in every distinct assignment of roles: sessions are opened in",
        "either direction, with and without a one-time prekey and from both sides at once; messages are lost, reordered, repeated",
        "and damaged; each side is ended and restored from its saved state; three members talk in a group with sender keys.",
        "What the library itself cannot do is *not offered*. The page is written by `tox -e peers -- --write` from a real run",
        "(seed 0); a run that ends otherwise in a single mark fails. What is wrong with each library by itself stands under",
        "[third-party libraries](third-party.md).",
        "",
        "Repeat: `cloister matrix conformance/adapters/*/`, or with any two folders of your own.",
        "",
        "",
    ]
    return "\n".join(lines) + render_matrix.render_markdown(report)


def compare_page(name: str, page: str, *, write: bool) -> str:
    """Write a page of the documentation, or compare it; return the problem if there is one."""
    file = DOCS / name
    if write:
        file.write_text(page, "utf-8")
    if file.is_file() and file.read_text("utf-8") == page:
        return ""
    return f"{name} is not what these runs give; write it with `tox -e peers -- --write`"


def main() -> int:
    """Check all; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/third-party.md and docs/each-with-each.md")
    parser.add_argument("names", nargs="*", help="only these folders")
    arguments = parser.parse_args()

    folders = sorted(file.parent for file in HERE.glob("*/adapter.toml"))
    chosen = [folder for folder in folders if not arguments.names or folder.name in arguments.names]
    reports, problems = check_each([implementations.read(folder) for folder in chosen])
    is_whole = len(reports) == len(folders)
    talked = run_matrix([folder for folder in folders if folder.name in reports])
    if talked.count("failed") or (is_whole and not talked.is_clean):
        problems.append("they do not talk to each other as they should, beyond their known failures")
    if is_whole:
        problems.append(compare_page("third-party.md", render(reports), write=arguments.write))
        problems.append(compare_page("each-with-each.md", render_interoperability(talked), write=arguments.write))

    problems = [problem for problem in problems if problem]
    for problem in problems:
        console.print(f"[bold red]problem[/] {problem}", soft_wrap=True)
    passed = sum(report.conforms for report in reports.values())
    console.print(f"{passed} passed, {len(problems)} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
