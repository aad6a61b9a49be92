"""Hooks of the documentation site.

- Files outside `docs/` become pages. Links are written as they hold in the repository and mended here.
- A clause gets an anchor in its chapter (`#sk-12`); its id becomes a link wherever it stands outside code.
- Each chapter ends with a table of what enforces its clauses; a clause that rests on others shows these, and how many
  tests and mutants they have. A page shows every mutant as a change of the reference.
- The OpenRPC document and the JSON Schemas of reports and transcripts are generated and published under `schema/`.
- The tables and plots of the speed pages come from `speed.json`, `network-speed.json`, `fanout-speed.json` and
  `open-group-speed.json`, which `cloister bench --json`, and `network`, `fanout` and `open-group` behind `bench`, wrote.
- Diagrams are drawn here, so that the site loads nothing from elsewhere.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable
from io import StringIO
from itertools import chain, cycle, groupby
from pathlib import Path
from posixpath import dirname, relpath
from typing import Any

import matplotlib as mpl
import mermaidx  # type: ignore[import-untyped]
from cloister_conformance import openrpc
from cloister_conformance.bench import render as speed
from cloister_conformance.bench.fanout import MESSAGE_OF, FanOutCost, FanOutReport
from cloister_conformance.bench.rounds import BenchReport, NetworkReport, OpenGroupReport
from cloister_conformance.clause import CLAUSE_ID, read_clauses
from cloister_conformance.trace import MUTANTS, TraceRow, build_matrix
from matplotlib.figure import Figure
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

ROOT = Path(__file__).parent.parent
PAGES = (
    "spec/**/*.md",
    "spec/proto/*.proto",
    "vectors/**/*",
    "formal/README.md",
    "formal/*.tla",
    "formal/*.lp",
    "formal/*.toml",
    "formal/traces.json",
    "conformance/adapters/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
)
SCHEMAS = {
    "schema/openrpc.json": openrpc.build_document,
    "schema/report.schema.json": openrpc.build_report_schema,
    "schema/transcript.schema.json": openrpc.build_transcript_schema,
}
SPEED = ROOT / "docs" / "speed.json"
SPEED_TABLES = {
    "<!-- speed: reference -->": speed.render_reference,
    "<!-- speed: libraries -->": speed.render_libraries,
    "<!-- speed: harness -->": speed.render_harness,
}
SPEED_PLOT = "<!-- speed: plot -->"
NETWORK_SPEED = ROOT / "docs" / "network-speed.json"
NETWORK_TABLES = {
    "<!-- speed: network -->": speed.render_network,
    "<!-- speed: growth -->": speed.render_growth,
}
GROWTH_PLOT = "<!-- speed: growth plot -->"
FAN_OUT_SPEED = ROOT / "docs" / "fanout-speed.json"
FAN_OUT_TABLES = {
    "<!-- fan-out: counts -->": speed.render_fan_out_counts,
    "<!-- fan-out: times -->": speed.render_fan_out_times,
    "<!-- fan-out: memory -->": speed.render_memory,
}
FAN_OUT_PLOT = "<!-- fan-out: plot -->"
OPEN_GROUP_SPEED = ROOT / "docs" / "open-group-speed.json"
OPEN_GROUP_TABLES = {
    "<!-- open groups: rates -->": speed.render_rooms,
    "<!-- open groups: growth -->": speed.render_room_growth,
    "<!-- open groups: members -->": speed.render_crowd,
}
MUTANTS_PAGE = "spec/mutants.md"
DEFINITION = re.compile(r"<li>\s*<strong>(?P<id>[A-Z]{2}-[1-9][0-9]*)</strong>")
UNLINKED = re.compile(r"(<(?:pre|code|a|h1|svg|script)\b.*?</(?:pre|code|a|h1|svg|script)>|<[^>]*>)", re.DOTALL)
CHECKED_BLOCK = re.compile(r"^```(?:worked-example|adapter-lines)\b.*$", re.MULTILINE)
TEST_NAME = re.compile(r"(?<=<code>)test_[a-z0-9_]+(?=</code>)")
MARKS = re.compile(r"(?<=<td>)<code>(?P<marks>[+kX.]{2,})</code>")
MARK_CLASSES = {"+": "passed", "k": "known", "X": "failed", ".": "none"}
LINK = re.compile(r"(?<=\]\()[^)#:]+")
TABLE_HEAD = """
## What enforces it

| clause | reference | tests | vectors | mutants |
| --- | --- | --- | --- | --- |"""
SHOWN_RANGES = 2


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Let this module draw the diagrams."""
    fence = {"name": "mermaid", "class": "diagram", "format": draw_diagram}
    config.mdx_configs["pymdownx.superfences"] = {"custom_fences": [fence]}
    return config


def draw_diagram(source: str, *_: Any, **__: Any) -> str:  # noqa: ANN401 - as superfences calls it
    """Draw a Mermaid diagram as an SVG image with ids of its own."""
    config = {"flowchart": {"rankSpacing": 30, "nodeSpacing": 30}}
    drawing: str = mermaidx.render(source, theme="neutral", config=config).svg()
    name = f"diagram-{hashlib.sha256(source.encode()).hexdigest()[:8]}"
    return f'<div class="diagram">{drawing.replace("my-svg", name)}</div>'


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files that stand outside `docs/`."""
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file():
                files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    for path, build in SCHEMAS.items():
        files.append(File.generated(config, path, content=json.dumps(build(), indent=1) + "\n"))
    files.append(File.generated(config, MUTANTS_PAGE, content="\n\n".join(write_mutants())))
    return files


def write_mutants() -> Iterable[str]:
    """Write the page that shows every mutant as a change of the reference."""
    yield "# Mutants"
    yield "Implementations that the suite has to catch: the reference with one edit, named after the clause it breaks."
    for file in sorted(MUTANTS.glob("*.toml")):
        yield f"## {file.stem.replace('_', ' ').capitalize()}"
        for clause, mutants in tomllib.loads(file.read_text("utf-8")).items():
            for letter, mutant in mutants.items():
                before = "\n".join(f"-{line}" for line in mutant["before"].splitlines())
                after = "\n".join(f"+{line}" for line in mutant["after"].splitlines())
                yield f"### {clause}.{letter}"
                yield f"{clause}, in `{mutant['module']}`: {mutant['why']}."
                yield f"```diff\n{before}\n{after}\n```"


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:  # noqa: ANN401
    """Mend the links; show a chapter's checked blocks as text and append the table of what enforces its clauses."""
    markdown = LINK.sub(lambda match: relink(match[0], page.file), markdown)
    for marker, render in SPEED_TABLES.items():
        if marker in markdown:
            markdown = markdown.replace(marker, "\n".join(render(read_speed())))
    for marker, render_network in NETWORK_TABLES.items():
        if marker in markdown:
            markdown = markdown.replace(marker, "\n".join(render_network(read_network_speed())))
    for marker, render_fan_out in FAN_OUT_TABLES.items():
        if marker in markdown:
            markdown = markdown.replace(marker, "\n".join(render_fan_out(read_fan_out_speed())))
    for marker, render_open_group in OPEN_GROUP_TABLES.items():
        if marker in markdown:
            markdown = markdown.replace(marker, "\n".join(render_open_group(read_open_group_speed())))
    chapter = Path(page.file.src_uri).stem
    clauses = [clause.id for clause in read_clauses().values() if clause.chapter == chapter]
    markdown = CHECKED_BLOCK.sub("```text", markdown)
    matrix = build_matrix() if clauses else {}
    lines = [f"| {clause} | {' | '.join(write_cells(matrix[clause], matrix))} |" for clause in clauses]
    return "\n".join([markdown, TABLE_HEAD, *lines, ""]) if clauses else markdown


def relink(target: str, file: File) -> str:
    """Turn the target of a link, a path in the repository, into one between the pages of the site."""
    path = (Path(file.abs_src_path or ROOT).parent / target).resolve()
    if not path.is_file() or not path.is_relative_to(ROOT):
        return target
    return relpath(path.relative_to(ROOT).as_posix().removeprefix("docs/"), dirname(file.src_uri))


def write_cells(row: TraceRow, matrix: dict[str, TraceRow]) -> list[str]:
    """Write the cells that tell what belongs to one clause, or how much belongs to those that it rests on."""
    if row.rests_on:
        borne = [matrix[clause] for clause in row.rests_on]
        columns = ([each.tests for each in borne], [each.vectors for each in borne], [each.mutants for each in borne])
        return [f"rests on {', '.join(row.rests_on)}", *(str(len({*chain(*column)})) for column in columns)]
    code = [f"[`{name.rpartition('.')[2]}`][{name}]" if "cloister." in name else f"`{name}`" for name in row.code]
    tests = [f"`{name.partition('::')[2]}`" for name in dict.fromkeys(row.tests)]
    mutants = [f"[{name}](mutants.md#{name.lower().replace('.', '')})" for name in row.mutants]
    return ["<br>".join(lines) for lines in (code, tests, list(write_vectors(row.vectors)), mutants)]


def write_vectors(vectors: list[str]) -> Iterable[str]:
    """Write how many vectors of each file there are, and which come first."""
    for stem, names in groupby(vectors, key=lambda name: name.rpartition(" ")[0]):
        numbers = sorted(int(name.rpartition(" ")[2]) for name in names)
        places = groupby(enumerate(numbers), key=lambda place: place[1] - place[0])
        runs = [[number for _, number in run] for _, run in places]
        shown = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs[:SHOWN_RANGES]]
        yield f"{len(numbers)} in `{stem}`: {', '.join(shown)}{', ...' if len(runs) > SHOWN_RANGES else ''}"


def on_page_content(html: str, page: Page, files: Files, **_: Any) -> str:  # noqa: ANN401
    """Give clauses their anchors, let names of tests break at underscores, and turn clause ids outside code into links."""
    defined = {clause.id for clause in read_clauses().values() if clause.chapter == Path(page.file.src_uri).stem}

    def anchor(match: re.Match[str]) -> str:
        clause = match["id"]
        if clause not in defined:
            return match[0]
        return f'<li class="clause" id="{clause.lower()}"><a href="#{clause.lower()}"><strong>{clause}</strong></a>'

    html = DEFINITION.sub(anchor, html)
    if SPEED_PLOT in html:
        html = html.replace(SPEED_PLOT, draw_speed(read_speed()))
    if GROWTH_PLOT in html:
        html = html.replace(GROWTH_PLOT, draw_growth(read_network_speed()))
    if FAN_OUT_PLOT in html:
        html = html.replace(FAN_OUT_PLOT, draw_fan_out(read_fan_out_speed()))
    html = MARKS.sub(lambda match: color(match["marks"]), html)
    html = TEST_NAME.sub(lambda match: match[0].replace("_", "_<wbr>"), html)
    return "".join(
        part if UNLINKED.fullmatch(part) else CLAUSE_ID.sub(lambda match: link(match[0], page, files), part)
        for part in UNLINKED.split(html)
    )


def color(marks: str) -> str:
    """Write the marks of the matrix on colours."""
    spans = (f'<span class="{MARK_CLASSES[mark]}">{mark}</span>' for mark in marks)
    return f'<code class="marks">{"".join(spans)}</code>'


def read_speed() -> BenchReport:
    """Read what was measured last."""
    return BenchReport.model_validate_json(SPEED.read_text("utf-8"))


def read_network_speed() -> NetworkReport:
    """Read what was measured of the network last."""
    return NetworkReport.model_validate_json(NETWORK_SPEED.read_text("utf-8"))


def read_fan_out_speed() -> FanOutReport:
    """Read what was measured of groups last."""
    return FanOutReport.model_validate_json(FAN_OUT_SPEED.read_text("utf-8"))


def read_open_group_speed() -> OpenGroupReport:
    """Read what was measured of open-group servers last."""
    return OpenGroupReport.model_validate_json(OPEN_GROUP_SPEED.read_text("utf-8"))


def draw_speed(report: BenchReport) -> str:
    """Draw how fast each implementation is beside the reference: a row for each thing measured, a mark for each implementation."""
    measured = [each for each in report.comparisons if each.implementation]
    names = list(dict.fromkeys(each.name for each in measured))[::-1]
    figure = Figure(figsize=(6, 0.4 * len(names) + 1))
    axes = figure.subplots()
    for marker, implementation in zip(cycle("os^DvPX*<>"), report.implementations, strict=False):
        found = [each for each in measured if each.implementation == implementation]
        places = [names.index(each.name) for each in found]
        axes.scatter([1 / each.ratio for each in found], places, marker=marker, label=implementation, alpha=0.85)
    axes.axvline(1, color="gray", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("speed, the reference is 1; to the right is faster")
    axes.set_yticks(range(len(names)), names)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return write_plot(figure)


def draw_growth(report: NetworkReport) -> str:
    """Draw what each operation costs over the number of messages that a node holds."""
    figure = Figure(figsize=(6, 3))
    axes = figure.subplots()
    for marker, operation in zip("os^", dict.fromkeys(each.operation for each in report.growth), strict=True):
        found = [each for each in report.growth if each.operation == operation]
        axes.plot(
            [each.messages for each in found], [each.milliseconds for each in found], marker, ls="-", label=operation
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("messages held")
    axes.set_ylabel("ms, one at a time")
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return write_plot(figure)


def draw_fan_out(report: FanOutReport) -> str:
    """Draw what a message costs in both ways of fan-out, and what each operation costs for each pair, over the members."""

    def find_sender_seconds(cost: FanOutCost) -> float:
        return cost.actor_seconds + cost.tries * report.seconds_per_try

    messages = tuple(MESSAGE_OF.values())
    operations = tuple(dict.fromkeys(cost.operation for cost in report.costs))
    panels: list[tuple[str, tuple[str, ...], Callable[[FanOutCost], float]]] = [
        ("encryptions, and works, of a message", messages, lambda cost: cost.stored),
        ("KiB stored of a message", messages, lambda cost: cost.stored_bytes / 1024),
        ("seconds of the sender, work included", messages, find_sender_seconds),
        ("µs of protocol for each pair", operations, lambda cost: 1e6 * cost.seconds / cost.pairs),
    ]
    figure = Figure(figsize=(9, 7), layout="constrained")
    for axes, (title, shown, find_value) in zip(figure.subplots(2, 2).flat, panels, strict=True):
        for marker, operation in zip("os^DvP", shown, strict=False):
            found = [cost for cost in report.costs if cost.operation == operation]
            places = [cost.members for cost in found]
            axes.plot(places, [find_value(cost) for cost in found], marker, ls="-", label=operation)
        axes.set_xscale("log")
        if shown is messages:
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)  # what is flat looks flat
        axes.set_xticks(sorted({cost.members for cost in report.costs}), minor=False)
        axes.minorticks_off()
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("members")
        axes.set_title(title, fontsize="medium")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize="small")
    return write_plot(figure)


def write_plot(figure: Figure) -> str:
    """Write a plot as SVG that takes the colour of the page's text."""
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "cloister", "font.family": "sans-serif"})
    with StringIO() as file:
        figure.savefig(file, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None})
        drawing = file.getvalue()
    drawing = drawing[drawing.index("<svg") :].replace("#000000", "currentColor")
    return f'<div class="plot">{drawing}</div>'


def link(clause: str, page: Page, files: Files) -> str:
    """Link a clause id to its clause; an id that is no clause stays as it is."""
    if clause not in read_clauses():
        return clause
    chapter = files.get_file_from_path(f"spec/{read_clauses()[clause].chapter}.md")
    assert chapter is not None
    return f'<a href="{get_relative_url(chapter.url, page.url)}#{clause.lower()}">{clause}</a>'
