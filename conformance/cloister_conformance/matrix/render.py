"""The matrix as a picture: in the terminal, and as one HTML page that needs nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TimeElapsedColumn
from rich.table import Table

from cloister_conformance.matrix import Cell, Matrix, Outcome
from cloister_conformance.matrix.scenarios import SCENARIOS

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
    for number, scenario in enumerate(PAIRWISE):
        console.print(f"  {'.' * number}+{'.' * (len(PAIRWISE) - number - 1)}  {scenario.name}", highlight=False)
    console.print(
        "  + passed, k known failure, . not offered, X failed; rows open the session, columns answer", highlight=False
    )
    for scenario in GROUPS:
        cells = [cell for cell in matrix.cells if cell.scenario == scenario.name]
        counts = ", ".join(f"{sum(cell.outcome == outcome for cell in cells)} {outcome}" for outcome in MARKS)
        console.print(f"{scenario.name}: {len(cells)} distinct groups: {counts}", highlight=False)
    print_known(console, matrix)
    for cell in matrix.cells:
        if cell.outcome == "failed":
            console.print(
                f"[bold red]failed[/] {escape(describe(cell))}: {escape(cell.detail)}", highlight=False, soft_wrap=True
            )
    for stale in matrix.stale:
        console.print(f"[bold red]out of date[/] {escape(stale)} did not show", highlight=False, soft_wrap=True)
    console.print(
        f"{len(matrix.cells)} distinct assignments: {matrix.count('passed')} passed, {matrix.count('failed')} failed, "
        f"{matrix.count('known')} known, {matrix.count('not offered')} not offered",
        highlight=False,
    )


def build_picture(matrix: Matrix) -> Table:
    """Build the table of pairs: a mark for each scenario in each cell."""
    table = Table("opens \\ answers", *matrix.names, box=None, pad_edge=False)
    for opener in matrix.names:
        table.add_row(opener, *(draw(matrix.find(opener, other)) for other in matrix.names))
    return table


def draw(cells: list[Cell]) -> str:
    """Draw the marks of one pair."""
    return "".join(f"[{STYLES[cell.outcome]}]{MARKS[cell.outcome]}[/]" for cell in cells)


def print_known(console: Console, matrix: Matrix) -> None:
    """Print the known failures, each reason once."""
    reasons: dict[str, list[str]] = {}
    for cell in matrix.cells:
        if cell.outcome == "known":
            reasons.setdefault(cell.detail.partition(" (")[0], []).append(describe(cell))
    for reason, cells in reasons.items():
        console.print(
            f"[yellow]known[/] {escape(reason)} [dim]({len(cells)}: {escape(cells[0])}, ...)[/]", highlight=False
        )


def describe(cell: Cell) -> str:
    """Describe a cell in a few words."""
    return f"{' -> '.join(cell.names)}, {cell.scenario}"


def render_html(matrix: Matrix) -> str:
    """Render the picture as HTML."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("matrix.html.jinja")
    return template.render(matrix=matrix, pairwise=PAIRWISE, groups=GROUPS, marks=MARKS, describe=describe) + "\n"
