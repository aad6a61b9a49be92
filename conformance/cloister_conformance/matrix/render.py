"""The matrix as a picture: in the terminal, as Markdown, and as one HTML page that needs nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from string import ascii_lowercase

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TimeElapsedColumn
from rich.table import Table

from cloister_conformance.matrix import Cell, Matrix, Outcome
from cloister_conformance.matrix.scenarios import SCENARIOS, Scenario

MARKS: dict[Outcome, str] = {"passed": "+", "failed": "X", "known": "k", "not offered": "."}
STYLES: dict[Outcome, str] = {"passed": "green", "failed": "bold red", "known": "yellow", "not offered": "dim"}
PAIRWISE = [scenario for scenario in SCENARIOS if not scenario.is_symmetric]
GROUPS = [scenario for scenario in SCENARIOS if scenario.is_symmetric]


@contextmanager
def show_progress(console: Console, total: int) -> Iterator[Callable[[Cell], None]]:
    """Show the progress of a run; yield the listener that moves it."""
    with Progress(
        SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True
    ) as progress:
        task = progress.add_task("", total=total)
        yield lambda cell: progress.advance(task)


def print_matrix(console: Console, matrix: Matrix) -> None:
    """Print the picture, what its marks stand for, and every failure."""
    console.print(build_picture(matrix))
    for letter, name in name_letters(matrix).items():
        console.print(f"  {letter}  {escape(name)}", highlight=False)
    for number, scenario in enumerate(PAIRWISE):
        console.print(f"  {'.' * number}+{'.' * (len(PAIRWISE) - number - 1)}  {scenario.name}", highlight=False)
    console.print(
        "  + passed, k known failure, . not offered, X failed; rows open the session, columns answer", highlight=False
    )
    for scenario in GROUPS:
        console.print(describe_groups(matrix, scenario), highlight=False)
    print_known(console, matrix)
    for cell in matrix.cells:
        if cell.outcome == "failed":
            console.print(
                f"[bold red]failed[/] {escape(describe(cell))}: {escape(cell.detail)}", highlight=False, soft_wrap=True
            )
    for name in matrix.idle:
        console.print(f"[yellow]nothing offered[/] {escape(name)} took part in no scenario", highlight=False)
    for stale in matrix.stale:
        console.print(f"[bold red]out of date[/] {escape(stale)} did not show", highlight=False, soft_wrap=True)
    console.print(describe_counts(matrix), highlight=False)


def describe_counts(matrix: Matrix) -> str:
    """Describe how many distinct assignments there were, and how they ended."""
    counts = ", ".join(f"{matrix.count(outcome)} {outcome}" for outcome in MARKS)
    return f"{len(matrix.cells)} distinct assignments of implementations to roles: {counts}"


def describe_groups(matrix: Matrix, scenario: Scenario) -> str:
    """Describe how the groups of a symmetric scenario ended."""
    cells = [cell for cell in matrix.cells if cell.scenario == scenario.name]
    counts = ", ".join(f"{sum(cell.outcome == outcome for cell in cells)} {outcome}" for outcome in MARKS)
    return f"{scenario.name}: {len(cells)} distinct groups: {counts}"


def build_picture(matrix: Matrix) -> Table:
    """Build the table of pairs: a mark for each scenario in each cell."""
    letters = name_letters(matrix)
    table = Table("", *letters, box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for letter, opener in letters.items():
        table.add_row(letter, *(draw(matrix.find(opener, other)) for other in matrix.names))
    return table


def name_letters(matrix: Matrix) -> dict[str, str]:
    """Give each implementation a letter, so that the picture is narrow; after z follow aa, ab, ..."""
    letters = [*ascii_lowercase, *(first + second for first in ascii_lowercase for second in ascii_lowercase)]
    return dict(zip(letters, matrix.names, strict=False))


def draw(cells: list[Cell]) -> str:
    """Draw the marks of one pair."""
    return "".join(f"[{STYLES[cell.outcome]}]{MARKS[cell.outcome]}[/]" for cell in cells)


def print_known(console: Console, matrix: Matrix) -> None:
    """Print the known failures, each reason once."""
    for reason, cells in matrix.gather_known().items():
        first = escape(describe(cells[0]))
        console.print(f"[yellow]known[/] {escape(reason)} [dim]({len(cells)}: {first}, ...)[/]", highlight=False)


def describe(cell: Cell) -> str:
    """Describe a cell in a few words."""
    return f"{' -> '.join(cell.names)}, {cell.scenario}"


def render_markdown(matrix: Matrix) -> str:
    """Render the picture as Markdown: the same for every run that ends in the same way."""
    letters = name_letters(matrix)
    lines = [
        f"{describe_counts(matrix)}.",
        "",
        f"Marks: {', '.join(f'`{mark}` {outcome}' for outcome, mark in MARKS.items())}. A row opens the session, a column answers; "
        f"the marks of a cell are, in this order: {', '.join(scenario.name for scenario in PAIRWISE)}.",
        "",
        f"| opens | {' | '.join(letters)} |",
        f"| --- |{' --- |' * len(letters)}",
    ]
    for letter, opener in letters.items():
        cells = ["".join(MARKS[cell.outcome] for cell in matrix.find(opener, other)) for other in matrix.names]
        lines.append(f"| {letter} {opener} | `{'` | `'.join(cells)}` |")
    for scenario in GROUPS:
        lines += ["", f"{describe_groups(matrix, scenario)}."]
    known = matrix.gather_known()
    if known:
        lines += ["", "| known failure | shown by | among them |", "| --- | ---: | --- |"]
    lines += [f"| {reason} | {len(cells)} | {describe(cells[0])} |" for reason, cells in known.items()]
    return "\n".join(lines) + "\n"


def render_html(matrix: Matrix) -> str:
    """Render the picture as HTML."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("matrix.html.jinja")
    return template.render(matrix=matrix, pairwise=PAIRWISE, groups=GROUPS, marks=MARKS, describe=describe) + "\n"
