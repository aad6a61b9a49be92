"""A benchmark report on the terminal and as Markdown."""

from collections.abc import Iterable

from rich.table import Table

from cloister_conformance.bench.fanout import FanOutCost, FanOutReport
from cloister_conformance.bench.rounds import (
    BenchReport,
    Comparison,
    Growth,
    NetworkReport,
    OpenGroupReport,
    RoomsReport,
)

GROWTH_COLUMNS = ("one at a time", "messages held", "ms", "time ratio", "middle half")
ROOM_GROWTH_COLUMNS = ("database", "one at a time", "posts in the room", "ms", "time ratio", "middle half")
CROWD_COLUMNS = (
    "database",
    "members",
    "posts",
    "polls /s",
    "a poll alone, ms",
    "half below",
    "95 of 100 below",
    "99 of 100 below",
    "longest",
    "saw each post once",
)
FAN_OUT_COUNTS = (
    "operation",
    "members",
    "sessions",
    "pairwise encryptions",
    "group encryptions",
    "works",
    "KiB",
    "decryptions",
)
FAN_OUT_TIMES = ("operation", "members", "ms", "primitives, ms", "time ratio", "µs a pair", "who acts, ms", "work, s")


def build_table(report: BenchReport) -> Table:
    """Build the table of the terminal: the reference and the harness."""
    table = start_table()
    for comparison in report.comparisons:
        if not comparison.implementation:
            table.add_row(*describe(comparison))
    for quantity in report.quantities:
        spread = f"{quantity.low:.3g} to {quantity.high:.3g}"
        table.add_row(quantity.name, quantity.unit, "", "", f"{quantity.value:.3g}", spread, quantity.aim)
    return table


def start_table() -> Table:
    """Start a table of comparisons."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("measured")
    table.add_column("beside")
    for column in ("rate /s", "beside /s", "time ratio", "middle half", "aim"):
        table.add_column(column, justify="right")
    return table


def build_network_table(report: NetworkReport) -> Table:
    """Build the table of the terminal: nodes and onions."""
    table = start_table()
    for comparison in report.comparisons:
        table.add_row(*describe(comparison))
    return table


def build_growth_table(report: NetworkReport) -> Table:
    """Build the table of the terminal: what the number of messages costs."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in GROWTH_COLUMNS:
        table.add_column(column, justify="left" if column == GROWTH_COLUMNS[0] else "right")
    for growth in report.growth:
        table.add_row(*describe_growth(growth))
    return table


def build_open_group_tables(report: OpenGroupReport) -> list[Table]:
    """Build the tables of the terminal: an open-group server, a room that fills, a room in which many poll."""
    comparisons = start_table()
    for server in report.servers:
        for comparison in server.comparisons:
            comparisons.add_row(*describe(comparison))
    tables = [comparisons]
    for columns, describe_all in ((ROOM_GROWTH_COLUMNS, describe_room_growth), (CROWD_COLUMNS, describe_crowd)):
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for column in columns:
            table.add_column(column, justify="left" if column in columns[:2] else "right")
        for server in report.servers:
            for row in describe_all(server):
                table.add_row(*row)
        tables.append(table)
    return tables


def build_fan_out_tables(report: FanOutReport) -> list[Table]:
    """Build the tables of the terminal: what groups cost, counted and measured."""
    tables = []
    for columns, describe_cost in ((FAN_OUT_COUNTS, describe_counts), (FAN_OUT_TIMES, describe_times)):
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for column in columns:
            table.add_column(column, justify="left" if column == columns[0] else "right")
        for cost in sort_costs(report):
            table.add_row(*describe_cost(report, cost))
        tables.append(table)
    return tables


def build_library_table(report: BenchReport) -> Table:
    """Build the table of the terminal: the implementations, each beside the reference, both behind a pipe."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("through the pipe", "measured"):
        table.add_column(column)
    for column in ("rate /s", "time ratio", "middle half"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in report.comparisons:
        if each.implementation:
            spread = f"{each.low:.2f} to {each.high:.2f}"
            table.add_row(each.implementation, each.name, f"{each.rate:,.0f}", f"{each.ratio:.2f}", spread)
    return table


def describe(comparison: Comparison) -> tuple[str, ...]:
    """Describe a comparison, a text for each column."""
    return (
        f"{comparison.group}: {comparison.name}",
        comparison.beside,
        f"{comparison.rate:,.0f}",
        f"{comparison.beside_rate:,.0f}",
        f"{comparison.ratio:.2f}",
        f"{comparison.low:.2f} to {comparison.high:.2f}",
        f"{comparison.aim:.3g} at most" if comparison.aim is not None else "",
    )


def describe_growth(growth: Growth) -> tuple[str, ...]:
    """Describe what an operation costs, a text for each column."""
    return (
        growth.operation,
        f"{growth.messages:,}",
        f"{growth.milliseconds:.2f}",
        f"{growth.ratio:.2f}",
        f"{growth.low:.2f} to {growth.high:.2f}",
    )


def describe_room_growth(server: RoomsReport) -> list[tuple[str, ...]]:
    """Describe what a room that fills costs a server, texts for each row."""
    return [(server.database, *describe_growth(each)) for each in server.growth]


def describe_crowd(server: RoomsReport) -> list[tuple[str, ...]]:
    """Describe a room in which many poll, texts for its one row."""
    crowd = server.crowd
    latencies = (crowd.median, crowd.p95, crowd.p99, crowd.longest)
    return [
        (
            server.database,
            f"{crowd.members:,}",
            f"{crowd.posts}",
            f"{crowd.polls_per_second:,.0f}",
            f"{crowd.alone_milliseconds:.2f}",
            *(f"{latency:.1f}" for latency in latencies),
            f"{crowd.complete:,}",
        )
    ]


def sort_costs(report: FanOutReport) -> list[FanOutCost]:
    """Sort what was measured: by operation, then by members."""
    operations = list(dict.fromkeys(cost.operation for cost in report.costs))
    return sorted(report.costs, key=lambda cost: (operations.index(cost.operation), cost.members))


def describe_counts(report: FanOutReport, cost: FanOutCost) -> tuple[str, ...]:
    """Describe what was counted of an operation, a text for each column."""
    counts = (cost.sessions, cost.pairwise_encryptions, cost.group_encryptions, cost.stored)
    decryptions = cost.pairwise_decryptions + cost.group_decryptions
    return (
        cost.operation,
        f"{cost.members}",
        *(f"{count:,}" for count in counts),
        f"{cost.stored_bytes / 1024:,.1f}",
        f"{decryptions:,}",
    )


def describe_times(report: FanOutReport, cost: FanOutCost) -> tuple[str, ...]:
    """Describe what was measured of an operation, a text for each column."""
    return (
        cost.operation,
        f"{cost.members}",
        f"{1000 * cost.seconds:,.1f}",
        f"{1000 * cost.primitive_seconds:,.1f}",
        f"{cost.ratio:.2f}",
        f"{1e6 * cost.seconds / cost.pairs:,.0f}",
        f"{1000 * cost.actor_seconds:,.1f}",
        f"{cost.tries * report.seconds_per_try:,.1f}",
    )


def render_markdown(report: BenchReport) -> str:
    """Render all tables as Markdown."""
    tables = [render_reference(report), render_libraries(report), render_harness(report)]
    return "\n\n".join("\n".join(lines) for lines in tables if lines) + "\n"


def render_reference(report: BenchReport) -> list[str]:
    """Render what the reference costs beside its bare primitives."""
    return render_comparisons(each for each in report.comparisons if not each.implementation)


def render_comparisons(comparisons: Iterable[Comparison]) -> list[str]:
    """Render comparisons."""
    return [
        "| measured | beside | rate /s | beside /s | time ratio | middle half | aim |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
        *[f"| {' | '.join(describe(each))} |" for each in comparisons],
    ]


def render_libraries(report: BenchReport) -> list[str]:
    """Render what the implementations cost: the time ratio to the reference."""
    measured = {(each.implementation, each.name): each for each in report.comparisons if each.implementation}
    names = list(dict.fromkeys(name for _, name in measured))
    if not names:
        return []
    lines = [f"| through the pipe | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
    for implementation in report.implementations:
        found = (measured.get((implementation, name)) for name in names)
        cells = (f"{each.ratio:.2f}" if each else "" for each in found)
        lines.append(f"| {implementation} | {' | '.join(cells)} |")
    return lines


def render_harness(report: BenchReport) -> list[str]:
    """Render what the harness costs."""
    lines = ["| harness | value | middle half | unit | aim |", "| --- | ---: | ---: | --- | --- |"]
    for quantity in report.quantities:
        spread = f"{quantity.low:.3g} to {quantity.high:.3g}"
        lines.append(f"| {quantity.name} | {quantity.value:.3g} | {spread} | {quantity.unit} | {quantity.aim} |")
    return lines


def render_network_markdown(report: NetworkReport) -> str:
    """Render all tables of the network as Markdown."""
    return "\n\n".join("\n".join(lines) for lines in (render_network(report), render_growth(report))) + "\n"


def render_network(report: NetworkReport) -> list[str]:
    """Render what nodes and onions cost."""
    return render_comparisons(report.comparisons)


def render_growth(report: NetworkReport) -> list[str]:
    """Render what the number of messages costs."""
    return [
        f"| {' | '.join(GROWTH_COLUMNS)} |",
        "| --- | ---: | ---: | ---: | ---: |",
        *[f"| {' | '.join(describe_growth(each))} |" for each in report.growth],
    ]


def render_open_group_markdown(report: OpenGroupReport) -> str:
    """Render all tables of open-group servers as Markdown."""
    tables = (render_rooms(report), render_room_growth(report), render_crowd(report))
    return "\n\n".join("\n".join(lines) for lines in tables) + "\n"


def render_rooms(report: OpenGroupReport) -> list[str]:
    """Render what posts and polls cost."""
    return render_comparisons(each for server in report.servers for each in server.comparisons)


def render_room_growth(report: OpenGroupReport) -> list[str]:
    """Render what a room that fills costs."""
    return [
        f"| {' | '.join(ROOM_GROWTH_COLUMNS)} |",
        f"| --- | --- |{' ---: |' * (len(ROOM_GROWTH_COLUMNS) - 2)}",
        *[f"| {' | '.join(row)} |" for server in report.servers for row in describe_room_growth(server)],
    ]


def render_crowd(report: OpenGroupReport) -> list[str]:
    """Render what members wait who poll all at once."""
    return [
        f"| {' | '.join(CROWD_COLUMNS)} |",
        f"| --- |{' ---: |' * (len(CROWD_COLUMNS) - 1)}",
        *[f"| {' | '.join(row)} |" for server in report.servers for row in describe_crowd(server)],
    ]


def render_fan_out_markdown(report: FanOutReport) -> str:
    """Render all tables of groups as Markdown."""
    tables = (render_fan_out_counts(report), render_fan_out_times(report), render_memory(report))
    return "\n\n".join("\n".join(lines) for lines in tables) + "\n"


def render_fan_out_counts(report: FanOutReport) -> list[str]:
    """Render what was counted of groups."""
    return [
        f"| {' | '.join(FAN_OUT_COUNTS)} |",
        f"| --- |{' ---: |' * (len(FAN_OUT_COUNTS) - 1)}",
        *[f"| {' | '.join(describe_counts(report, cost))} |" for cost in sort_costs(report)],
    ]


def render_fan_out_times(report: FanOutReport) -> list[str]:
    """Render what was measured of groups."""
    return [
        f"| {' | '.join(FAN_OUT_TIMES)} |",
        f"| --- |{' ---: |' * (len(FAN_OUT_TIMES) - 1)}",
        *[f"| {' | '.join(describe_times(report, cost))} |" for cost in sort_costs(report)],
    ]


def render_memory(report: FanOutReport) -> list[str]:
    """Render the memory of groups, all members in one process."""
    return [
        "| members | most memory, MiB |",
        "| ---: | ---: |",
        *[f"| {each.members} | {each.mebibytes:,.0f} |" for each in report.memory],
    ]
