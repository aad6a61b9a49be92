"""A benchmark report on the terminal and as Markdown."""

from rich.table import Table

from cloister_conformance.bench.rounds import BenchReport, Comparison


def build_table(report: BenchReport) -> Table:
    """Build the table of the terminal."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("measured")
    table.add_column("beside")
    for column in ("rate /s", "beside /s", "time ratio", "middle half", "aim"):
        table.add_column(column, justify="right")
    for comparison in report.comparisons:
        table.add_row(*describe(comparison))
    for quantity in report.quantities:
        spread = f"{quantity.low:.3g} to {quantity.high:.3g}"
        table.add_row(quantity.name, quantity.unit, "", "", f"{quantity.value:.3g}", spread, quantity.aim)
    return table


def describe(comparison: Comparison) -> tuple[str, ...]:
    """Describe a comparison, a text for each column."""
    return (
        f"{comparison.implementation or comparison.group}: {comparison.name}",
        comparison.beside,
        f"{comparison.rate:,.0f}",
        f"{comparison.beside_rate:,.0f}",
        f"{comparison.ratio:.2f}",
        f"{comparison.low:.2f} to {comparison.high:.2f}",
        f"{comparison.aim:g} at most" if comparison.aim is not None else "",
    )


def render_markdown(report: BenchReport) -> str:
    """Render the tables of the documentation."""
    lines = [
        "| measured | beside | rate /s | beside /s | time ratio | middle half | aim |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
        *[f"| {' | '.join(describe(each))} |" for each in report.comparisons if not each.implementation],
        "",
        *render_libraries(report),
        "| harness | value | middle half | unit | aim |",
        "| --- | ---: | ---: | --- | --- |",
    ]
    lines += [
        f"| {quantity.name} | {quantity.value:.3g} | {quantity.low:.3g} to {quantity.high:.3g} | {quantity.unit} | {quantity.aim} |"
        for quantity in report.quantities
    ]
    return "\n".join(lines) + "\n"


def render_libraries(report: BenchReport) -> list[str]:
    """Render what the implementations cost: the time ratio to the reference, and the rate."""
    measured = {(each.implementation, each.name): each for each in report.comparisons if each.implementation}
    names = list(dict.fromkeys(name for _, name in measured))
    if not names:
        return []
    lines = [f"| through the pipe | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
    for implementation in report.implementations:
        found = (measured.get((implementation, name)) for name in names)
        cells = (f"{each.ratio:.2f} ({each.rate:,.0f}/s)" if each else "" for each in found)
        lines.append(f"| {implementation} | {' | '.join(cells)} |")
    return [*lines, ""]
