"""The report on a terminal: progress while the tests run, then what was found."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cloister_conformance.clause import read_clauses
from cloister_conformance.mutation import Catch
from cloister_conformance.results import Report, TestResult, Verdict
from cloister_conformance.run import Listener
from cloister_conformance.trace import TraceRow

SHOWN_FAILURES = 20

STYLES: dict[Verdict, str] = {
    "passed": "green",
    "failed": "bold red",
    "broken": "bold red",
    "error": "bold magenta",
    "known": "yellow",
    "not offered": "dim",
}


@contextmanager
def show_progress(console: Console, title: str) -> Iterator[Listener]:
    """Show a progress bar; yield the listener that moves it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[test]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(escape(title), total=None, test="starting")

        def listen(result: TestResult, total: int) -> None:
            progress.update(task, advance=1, total=total, test=escape(result.id))
            if result.verdict in ("failed", "broken", "error"):
                progress.console.print(
                    f"[{STYLES[result.verdict]}]{result.verdict}[/] {escape(result.id)}", soft_wrap=True
                )

        yield listen


def print_report(console: Console, report: Report) -> None:
    """Print what a run found."""
    print_failures(console, report)
    print_known(console, report)
    print_readings(console, report)
    print_not_offered(console, report)
    console.print(build_table(report))
    print_verdict(console, report)


def print_failures(console: Console, report: Report) -> None:
    """Print the first failure of each test in full, and the others with other parameters by name.

    They come in the order of the specification, because what comes first is often the cause of the rest; hence a bound.
    """
    failed = [test for test in report.tests if test.verdict in ("failed", "broken", "error")]
    names = list(dict.fromkeys(test.id.partition("[")[0] for test in failed))
    for name in names[:SHOWN_FAILURES]:
        first, *others = (test for test in failed if test.id.partition("[")[0] == name)
        print_failure(console, first)
        if others:
            parameters = ", ".join(other.id.removeprefix(name) for other in others)
            console.print(f"[bold]also[/]   {escape(parameters)}", highlight=False)
    if len(names) > SHOWN_FAILURES:
        console.print(
            f"\n{len(names) - SHOWN_FAILURES} more tests failed; mend the first ones first, or see them all with --html FILE"
        )


def print_failure(console: Console, test: TestResult) -> None:
    """Print a failed test: clause, counterexample, expected, actual, intermediate values, replay line."""
    failure = test.failure
    assert failure is not None
    console.print()
    console.rule(f"[{STYLES[test.verdict]}]{test.verdict}[/] {escape(test.id)}", align="left")
    for clause in test.clauses:
        console.print(f"[bold]{clause}[/] {escape(read_clauses()[clause].sentence)}", highlight=False)
    if failure.counterexample:
        console.print(f"\n{escape(failure.counterexample)}", highlight=False)
    console.print(f"\n[bold]expected[/] {escape(failure.expected)}", highlight=False)
    console.print(f"[bold]actual[/]   {escape(failure.actual)}", highlight=False)
    if failure.intermediates:
        console.print("\n[dim]computed by the reference:[/]")
        for line in failure.intermediates:
            console.print(f"  [dim]{escape(line)}[/]", highlight=False)
    if failure.stderr:
        console.print(f"\n[dim]standard error:\n{escape(failure.stderr.strip())}[/]", highlight=False)
    console.print()
    if failure.replay:
        console.print(f"[bold]replay[/] {escape(failure.replay)}", highlight=False, soft_wrap=True)
    console.print(f"[bold]repeat[/] {escape(failure.repeat)}", highlight=False, soft_wrap=True)


def print_readings(console: Console, report: Report) -> None:
    """Print which reading the implementation follows where deployed software differs."""
    readings = report.gather_readings()
    if readings:
        console.print("\n[bold]where deployed software differs, this one does:[/]")
    for question, answer in readings.items():
        console.print(f"  {escape(question)}: {escape(answer)}", highlight=False)


def print_known(console: Console, report: Report) -> None:
    """Print the known failures, each reason once."""
    reasons = report.gather_known()
    if reasons:
        console.print("\n[yellow]known failures[/]")
    for reason, names in report.name_reasons().items():
        count = len(reasons[reason])
        console.print(
            f"  [bold]{escape(', '.join(names))}[/] {escape(reason)} [dim]({count} tests)[/]", highlight=False
        )
    for known in report.stale_known_failures:
        console.print(
            f"[bold red]out of date[/] the known failure of {escape(', '.join(known.names))} did not show: "
            f"{escape(known.reason)}. Take it out of adapter.toml, or correct `expected`.",
            highlight=False,
        )


def print_not_offered(console: Console, report: Report) -> None:
    """Print what the implementation does not offer."""
    missing = sorted({test.not_offered for test in report.tests if test.not_offered})
    if missing:
        console.print(f"\n[dim]not offered, so not tested:[/] {', '.join(missing)}", highlight=False)


def build_table(report: Report) -> Table:
    """Build the table with a row for each suite."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("suite")
    for column in ("passed", "failed", "known", "not offered", "answers"):
        table.add_column(column, justify="right")
    for suite in sorted({test.suite for test in report.tests}):
        tests = [test for test in report.tests if test.suite == suite]
        counts = [
            sum(test.verdict in verdicts for test in tests)
            for verdicts in (("passed",), ("failed", "broken", "error"), ("known",), ("not offered",))
        ]
        table.add_row(suite, *[str(count or "") for count in counts], str(sum(test.cases for test in tests)))
    return table


def print_verdict(console: Console, report: Report) -> None:
    """Print the last line."""
    who = f"{report.implementation.name} {report.implementation.version} ({report.implementation.language})"
    how = f"profile {report.profile}, seed {report.seed}, {report.cases} answers in {report.seconds:.1f} s"
    if report.coarse:
        how += f", {report.coarse} refusals named only a family (--strict wants the name)"
    color = "red" if not report.conforms else "yellow" if report.count("known") else "green"
    console.print(f"\n{escape(who)} [bold {color}]{report.verdict}[/]\n[dim]{escape(how)}[/]", highlight=False)


@contextmanager
def show_hunt(console: Console, total: int) -> Iterator[Callable[[Catch], Catch]]:
    """Show the progress of a hunt; yield the listener that moves it."""
    with Progress(
        SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True
    ) as progress:
        task = progress.add_task("", total=total)

        def listen(catch: Catch) -> Catch:
            progress.advance(task)
            if catch.fate != "caught":
                progress.console.print(
                    f"[bold red]{catch.fate}[/] {catch.mutant.id} {escape(catch.how)}", highlight=False
                )
            return catch

        yield listen


def print_catches(console: Console, catches: list[Catch]) -> None:
    """Print what became of each mutant."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("mutant", "fate", "what is broken", "caught by"):
        table.add_column(column)
    for catch in sorted(catches, key=lambda catch: sort_key(catch.mutant.id)):
        style = "green" if catch.fate == "caught" else "bold red"
        table.add_row(catch.mutant.id, f"[{style}]{catch.fate}[/]", escape(catch.mutant.why), escape(catch.test))
    console.print(table)
    caught = sum(catch.fate == "caught" for catch in catches)
    console.print(
        f"\n{caught} of {len(catches)} mutants caught by a test of the clause that they break", highlight=False
    )


def sort_key(mutant_id: str) -> tuple[str, int, str]:
    """Sort SK-2.a before SK-10.a."""
    clause, _, letter = mutant_id.partition(".")
    prefix, _, number = clause.partition("-")
    return prefix, int(number), letter


def print_matrix(console: Console, matrix: dict[str, TraceRow], problems: list[str]) -> None:
    """Print what belongs to each clause, and what is missing."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("clause", "reference", "vectors", "tests", "mutants"):
        table.add_column(column)
    for clause, row in matrix.items():
        table.add_row(
            clause,
            escape(f"rests on {', '.join(row.rests_on)}" if row.rests_on else "\n".join(row.code)),
            str(len(row.vectors) or ""),
            escape("\n".join(row.tests)),
            " ".join(row.mutants),
        )
    console.print(table)
    for problem in problems:
        console.print(f"[bold red]problem[/] {escape(problem)}", highlight=False)
    without = [clause for clause, row in matrix.items() if not (row.mutants or row.rests_on)]
    console.print(
        f"\n{len(matrix)} clauses, {len(problems)} problems; without a mutant: {', '.join(without) or 'none'}",
        highlight=False,
    )
