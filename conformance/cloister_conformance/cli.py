"""The command `cloister`: parses, calls, chooses the exit code; what it does is elsewhere.

Exit codes: 0 conforms, 1 does not, 2 usage, 3 the implementation could not be run.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from cloister_conformance import (
    data,
    matrix,
    mutants,
    mutation,
    open_group_commands,
    openrpc,
    results,
    room_commands,
    skeletons,
    trace,
    transcript,
    vector_files,
)
from cloister_conformance import implementation as implementations
from cloister_conformance import run as runs
from cloister_conformance.bench import fanout, render
from cloister_conformance.bench.measure import measure
from cloister_conformance.clause import find_bearers, read_clauses
from cloister_conformance.implementation import Implementation, UnusableDescription, UnusableImplementation
from cloister_conformance.matrix import render as render_matrix
from cloister_conformance.mutants import UnusableMutant
from cloister_conformance.plugin import make_target
from cloister_conformance.report import badge, html, markdown, terminal
from cloister_conformance.run import InterruptedRun, Options, UnusableSelection
from cloister_conformance.skeletons import SkeletonError
from cloister_conformance.transcript import UnreadableTranscript
from cloister_conformance.transport import BrokenAdapter, HungAdapter

DOES_NOT_CONFORM = 1
USAGE = 2
COULD_NOT_RUN = 3

VERDICTS = {
    "fails": (DOES_NOT_CONFORM, "[bold red]still fails[/]"),
    "passes": (0, "[bold green]does not fail any more[/]"),
    "cannot be judged": (
        COULD_NOT_RUN,
        "[bold yellow]cannot be judged[/]: the failure hangs on output that was not the same again",
    ),
}
"""The exit code and the last line of a replay."""


SERVERS: dict[implementations.Role, str] = {"service-node": "service node", "open-group-server": "open-group server"}
"""What is tested in a role that is no client's."""


class BenchGroup(TyperGroup):
    """`cloister bench NAME` where there is such a command; all else goes to one that needs no name."""

    DEFAULT = "implementations"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - a type of typer's own
        """Put the name in where there is none; `implementations` alone is a folder."""
        is_named = bool(args) and args[0] in self.commands and args[0] != self.DEFAULT
        return super().parse_args(ctx, args if is_named else [self.DEFAULT, *args])


app = typer.Typer(
    name="cloister",
    help="Specification, reference, vectors and conformance tests of encrypted group messaging without trusted servers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
vectors_app = typer.Typer(help="Generate or verify the test vectors.", no_args_is_help=True)
adapter_app = typer.Typer(help="Make an adapter.", no_args_is_help=True)
serve_app = typer.Typer(help="Run a reference server.", no_args_is_help=True)
bench_app = typer.Typer(
    cls=BenchGroup,
    help="Measure speed as ratios in one run: of the reference, the harness, implementations, and the network.",
)
app.add_typer(bench_app, name="bench")
app.add_typer(vectors_app, name="vectors")
app.add_typer(adapter_app, name="adapter")
app.add_typer(serve_app, name="serve")
app.add_typer(room_commands.app, name="room")
app.add_typer(open_group_commands.app, name="open-group")
serve_app.command(name="open-group")(open_group_commands.serve)
FILE_WIDTH = 160
"""Characters in a line of what is printed into a file or a pipe."""
console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else FILE_WIDTH)
error_console = Console(stderr=True)


class Profile(StrEnum):
    """How many examples each property gets."""

    quick = "quick"
    standard = "standard"
    deep = "deep"


Subject = Annotated[
    Path | None,
    typer.Argument(metavar="[DIR | -- CMD ...]", help="folder with an adapter.toml, or a command", show_default=False),
]


RoleOption = Annotated[
    str | None, typer.Option(help=f"the role that is under test: {', '.join(implementations.REFERENCE_COMMANDS)}")
]
UrlOption = Annotated[
    str | None, typer.Option(metavar="URL", help="where a service node runs already, with --role service-node")
]


class UnwritableReport(Exception):
    """A report cannot be written where it was asked for; the message says why."""


@contextmanager
def explain_errors() -> Iterator[None]:
    """Turn what a user can mend into one clear line and the right exit code."""
    try:
        yield
    except (
        SkeletonError,
        UnusableDescription,
        UnusableMutant,
        UnusableSelection,
        UnreadableTranscript,
        UnwritableReport,
    ) as error:
        error_console.print(f"[bold red]cloister:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(USAGE) from None
    except OSError as error:
        error_console.print(f"[bold red]cloister:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(USAGE) from None
    except (UnusableImplementation, InterruptedRun, BrokenAdapter, HungAdapter) as error:
        error_console.print(f"[bold red]cloister:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(COULD_NOT_RUN) from None
    except KeyboardInterrupt:
        error_console.print("[bold red]cloister:[/] interrupted")
        raise typer.Exit(COULD_NOT_RUN) from None


def find_implementation(
    context: typer.Context, folder: Path | None, role: str | None = None, url: str | None = None
) -> Implementation:
    """Find the implementation that the command line names, and build it; without a role it is that of its description, or client."""
    command: list[str] | None = context.obj
    if folder and command:
        raise UnusableDescription("give a folder or `-- COMMAND`, not both")
    if command == []:
        raise UnusableDescription("there is no command after --")
    if url:
        return find_running(url, role, is_alone=not (folder or command))
    if command:
        return implementations.from_command(command, role=role or "client")
    if folder is None:
        return implementations.reference(role or "client")
    found = implementations.read(folder)
    if role:
        implementations.check_role(found, role)
    with console.status(f"building {escape(found.name)}"):
        implementations.build(found)
    return found


def find_running(url: str, role: str | None, *, is_alone: bool) -> Implementation:
    """Find the implementation that runs already."""
    if not is_alone:
        raise UnusableDescription("give a folder, `-- COMMAND` or --url, one of them")
    if role == "open-group-server":
        raise UnusableDescription(
            "an open-group server that runs already needs an adapter.toml, for its keys and rooms"
        )
    if role != "service-node":
        raise UnusableDescription("--url goes with --role service-node")
    return implementations.from_url(url)


def find_implementations(
    context: typer.Context, folder: Path | None, role: str | None, url: str | None
) -> list[Implementation]:
    """Find the implementation that the command line names, and build it; if it names none, the reference in all its roles."""
    if folder is None and context.obj is None and role is None and url is None:
        return [implementations.reference(each) for each in implementations.REFERENCE_COMMANDS]
    return [find_implementation(context, folder, role, url)]


@app.command()
def check(
    context: typer.Context,
    subject: Subject = None,
    *,
    suite: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STEM",
            help="only the suites whose names begin so, and the vectors of that chapter; may be repeated",
        ),
    ] = None,
    role: RoleOption = None,
    url: UrlOption = None,
    profile: Annotated[Profile, typer.Option(help="how many examples each property gets")] = Profile.quick,
    seed: Annotated[int, typer.Option(min=0, help="all randomness comes from it")] = 0,
    k: Annotated[str, typer.Option("-k", metavar="EXPR", help="only tests whose names match, as in pytest")] = "",
    clause: Annotated[
        str, typer.Option(metavar="ID", help="only the tests of this clause, or of those that it rests on")
    ] = "",
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = min(2, os.cpu_count() or 1),
    strict: Annotated[bool, typer.Option("--strict", help="want exact error names")] = False,
    keep_known: Annotated[bool, typer.Option("--keep-known", help="save transcripts of known failures too")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", metavar="FILE")] = None,
    markdown_file: Annotated[Path | None, typer.Option("--markdown", metavar="FILE")] = None,
    badge_file: Annotated[Path | None, typer.Option("--badge", metavar="FILE")] = None,
) -> None:
    """Run the conformance suite; with no argument, on the bundled reference."""
    options = Options(
        suites=tuple(suite or ()),
        keyword=k,
        clause=clause,
        profile=profile.value,
        seed=seed,
        jobs=jobs,
        strict=strict,
        keep_known=keep_known,
    )
    with explain_errors():
        check_writable(json_file, junit, html_file, markdown_file, badge_file)
        found = find_implementations(context, subject, role, url)
        with terminal.show_progress(console, found[0].name) as listener:
            report = runs.run_all(found, options, listener=listener, junit=junit)
    terminal.print_report(console, report)
    with explain_errors():
        write(json_file, report.model_dump_json(indent=1) + "\n")
        write(html_file, html.render(report))
        write(markdown_file, markdown.render(report))
        write(badge_file, badge.render(report))
    raise typer.Exit(0 if report.conforms else DOES_NOT_CONFORM)


def check_writable(*files: Path | None) -> None:
    """Check that the files that were asked for can be written, before a run whose result would be lost.

    Raises:
        UnwritableReport: one cannot.
    """
    for file in files:
        if file is None:
            continue
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            is_new = not file.exists()
            file.open("a").close()
            if is_new:
                file.unlink()
        except OSError as error:
            raise UnwritableReport(f"cannot write {file}: {error.strerror}") from None


def write(file: Path | None, text: str) -> None:
    """Write a file, if one was asked for."""
    if file is not None:
        file.write_text(text, "utf-8")


@app.command()
def doctor(context: typer.Context, subject: Subject = None, *, role: RoleOption = None, url: UrlOption = None) -> None:
    """Is the adapter itself sound, or does the server start and stop? Run this before any protocol test."""
    with explain_errors():
        found = find_implementation(context, subject, role, url)
        options = Options(suites=("adapter_protocol",))
        with terminal.show_progress(console, f"{found.name}: the adapter") as listener:
            report = runs.run(found, options, listener=listener)
    terminal.print_report(console, report)
    print_capabilities(report.implementation)
    if report.conforms:
        sound = (
            "the adapter is sound" if found.role == "client" else f"the {SERVERS[found.role]} starts, answers and stops"
        )
        console.print(f"{sound}; `cloister check` tells whether the implementation conforms", highlight=False)
    raise typer.Exit(0 if report.conforms else DOES_NOT_CONFORM)


def print_capabilities(subject: results.Subject) -> None:
    """Print what the implementation says of itself."""
    console.print(f"offers: {escape(', '.join(subject.capabilities)) or 'nothing yet'}", highlight=False)


@app.command()
def replay(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="transcript of a failed test")],
    subject: Subject = None,
    *,
    role: RoleOption = None,
    url: UrlOption = None,
) -> None:
    """Run one saved failure again; all sides are computed afresh."""
    with explain_errors():
        saved = transcript.read(file)
        found = find_implementation(context, subject, role or saved.role, url)
        implementations.check_role(found, saved.role)
        runs.greet(found)
        target = make_target(found)
        try:
            outcome = transcript.replay(saved, target)
        finally:
            target.stop()
    for clause, sentence in saved.clauses.items():
        console.print(f"[bold]{escape(clause)}[/] {escape(sentence)}", highlight=False)
    step = saved.steps[outcome.step]
    console.print(f"step {outcome.step + 1} of {len(saved.steps)}: {step.actor} {step.method}", highlight=False)
    console.print(f"[bold]expected[/] {escape(outcome.expected)}", highlight=False)
    console.print(f"[bold]actual[/]   {escape(outcome.actual)}", highlight=False)
    console.print(VERDICTS[outcome.verdict][1])
    if outcome.verdict == "cannot be judged":
        repeat = f"{saved.repeat}{runs.name_subject(found)}"
        console.print(f"[bold]repeat[/]   {escape(repeat)}", highlight=False, soft_wrap=True)
    raise typer.Exit(VERDICTS[outcome.verdict][0])


@app.command(name="mutants")
def hunt_mutants(
    *,
    suite: Annotated[str | None, typer.Option(metavar="STEM", help="only the mutants of this suite")] = None,
    mutants_folder: Annotated[
        Path, typer.Option("--mutants", metavar="DIR", help="folder with files of mutants")
    ] = mutants.FOLDER,
    only: Annotated[str, typer.Option(metavar="ID", help="only this mutant, or those of this clause")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = mutation.count_jobs(),
) -> None:
    """Run the suite on every known-bad implementation; print which were caught, and by which test."""
    with explain_errors():
        wanted = find_bearers(only)
        found = [
            mutant
            for mutant in mutants.read(mutants_folder, suite)
            if only in ("", mutant.id) or mutant.clause in wanted
        ]
        if not found:
            raise UnusableSelection(f"there is no mutant {only}")
        for mutant in found:
            if mutant.clause not in read_clauses():
                raise UnusableMutant(f"{mutant.id}: there is no clause {mutant.clause}")
            mutants.edit_source(mutant, mutants.find_source(mutant.module))
        with terminal.show_hunt(console, len(found)) as listener:
            catches = [listener(catch) for catch in mutation.hunt(found, mutants_folder, jobs=jobs)]
    terminal.print_catches(console, catches)
    raise typer.Exit(0 if all(catch.fate == "caught" for catch in catches) else DOES_NOT_CONFORM)


@app.command(name="matrix")
def run_matrix(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[DIR ...]",
            help="folders with an adapter.toml; the bundled reference takes part",
            show_default=False,
        ),
    ] = None,
    *,
    seed: Annotated[int, typer.Option(min=0, help="all randomness of the scenarios comes from it")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", metavar="FILE")] = None,
    markdown_file: Annotated[Path | None, typer.Option("--markdown", metavar="FILE")] = None,
) -> None:
    """Let implementations talk to each other, in every distinct assignment of roles."""
    with explain_errors():
        check_writable(json_file, html_file, markdown_file)
        found = [implementations.reference(), *(implementations.read(folder) for folder in folders or ())]
        implementations.check_names(found)
        for implementation in found:
            implementations.check_role(implementation, "client")
        for implementation in found[1:]:
            with console.status(f"building {escape(implementation.name)}"):
                implementations.build(implementation)
            runs.greet(implementation)
        with render_matrix.show_progress(console, matrix.count_assignments(len(found))) as listener:
            report = matrix.run(found, seed=seed, listener=listener)
    render_matrix.print_matrix(console, report)
    with explain_errors():
        write(json_file, report.model_dump_json(indent=1) + "\n")
        write(html_file, render_matrix.render_html(report))
        write(markdown_file, render_matrix.render_markdown(report))
    raise typer.Exit(0 if report.is_clean else DOES_NOT_CONFORM)


@bench_app.command(name=BenchGroup.DEFAULT)
def run_benchmarks(
    context: typer.Context,
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DIR ... | -- CMD ...]", help="folders with an adapter.toml", show_default=False),
    ] = None,
    *,
    seconds: Annotated[float, typer.Option(min=0.01, help="for each figure")] = 1.0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE")] = None,
    markdown_file: Annotated[Path | None, typer.Option("--markdown", metavar="FILE")] = None,
) -> None:
    """Measure speed as ratios in one run: of the reference, of the harness, and of the implementations that are named.

    `cloister bench network` measures the network.
    """
    with explain_errors():
        check_writable(json_file, markdown_file)
        subjects: list[Path | None] = [*folders] if folders else [None] if context.obj is not None else []
        named = [find_implementation(context, subject) for subject in subjects]
        implementations.check_names(named)
        for implementation in named:
            implementations.check_role(implementation, "client")
        with console.status("measuring"):
            report = measure(named, seconds=seconds)
    console.print(render.build_table(report))
    if named:
        console.print(render.build_library_table(report))
    with explain_errors():
        write(json_file, report.model_dump_json(indent=1) + "\n")
        write(markdown_file, render.render_markdown(report))


@bench_app.command(name="network")
def run_network_benchmarks(
    *,
    seconds: Annotated[float, typer.Option(min=0.01, help="for each figure")] = 1.0,
    messages: Annotated[int, typer.Option(min=1, help="that the fullest node holds")] = 10_000,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE")] = None,
    markdown_file: Annotated[Path | None, typer.Option("--markdown", metavar="FILE")] = None,
) -> None:
    """Measure the reference's nodes and onions as ratios in one run: a node alone, three hops, and a node that fills."""
    from cloister_conformance.bench import network  # noqa: PLC0415 - the other commands need no web server

    with explain_errors():
        check_writable(json_file, markdown_file)
        with console.status("measuring") as status:
            report = network.measure(seconds=seconds, messages=messages, tell=status.update)
    console.print(render.build_network_table(report))
    console.print(render.build_growth_table(report))
    with explain_errors():
        write(json_file, report.model_dump_json(indent=1) + "\n")
        write(markdown_file, render.render_network_markdown(report))


@bench_app.command(name="fanout")
def run_fan_out_benchmarks(
    *,
    members: Annotated[
        list[int], typer.Option(min=3, max=500, metavar="N", help="of a group; may be given several times")
    ] = list(fanout.SIZES),  # noqa: B006 - nobody changes it
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE")] = None,
    markdown_file: Annotated[Path | None, typer.Option("--markdown", metavar="FILE")] = None,
) -> None:
    """Measure what closed groups cost: encryptions, works, bytes and time of a creation, a message, a kick, a join and a leave."""
    with explain_errors():
        check_writable(json_file, markdown_file)
        with console.status("measuring") as status:
            report = fanout.measure(members, tell=status.update)
    for table in render.build_fan_out_tables(report):
        console.print(table)
    with explain_errors():
        write(json_file, report.model_dump_json(indent=1) + "\n")
        write(markdown_file, render.render_fan_out_markdown(report))


@bench_app.command(name="open-group")
def run_open_group_benchmarks(
    *,
    seconds: Annotated[float, typer.Option(min=0.01, help="for each figure")] = 0.5,
    posts: Annotated[int, typer.Option(min=100, help="that the fullest room holds")] = 100_000,
    members: Annotated[int, typer.Option(min=1, help="who poll a room")] = 1000,
    databases: Annotated[
        list[str] | None,
        typer.Option(
            "--database",
            metavar="URL",
            help="of a PostgreSQL that is measured too, in databases that are made for it and go again",
            show_default=False,
        ),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE")] = None,
    markdown_file: Annotated[Path | None, typer.Option("--markdown", metavar="FILE")] = None,
) -> None:
    """Measure the reference's open-group server: posts and polls, a room that fills, a room in which a thousand poll."""
    from cloister_conformance.bench import open_group  # noqa: PLC0415 - the other commands need no web server

    with explain_errors():
        check_writable(json_file, markdown_file)
        with console.status("measuring") as status:
            report = open_group.measure(
                databases or (), seconds=seconds, posts=posts, members=members, tell=status.update
            )
    for table in render.build_open_group_tables(report):
        console.print(table)
    with explain_errors():
        write(json_file, report.model_dump_json(indent=1) + "\n")
        write(markdown_file, render.render_open_group_markdown(report))


@app.command(name="trace")
def print_trace(
    clauses: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CLAUSE ...]", help="only these, and those that they rest on", show_default=False),
    ] = None,
) -> None:
    """Print which function, vector, test and mutant belongs to which clause."""
    with explain_errors():
        for clause in clauses or ():
            if clause not in read_clauses():
                raise UnusableSelection(f"there is no clause {clause}")
    rows = trace.build_matrix()
    problems = trace.find_problems(rows)
    shown = [name for clause in clauses or rows for name in (clause, *rows[clause].rests_on) if name in rows]
    terminal.print_matrix(console, {clause: rows[clause] for clause in shown}, problems)
    raise typer.Exit(DOES_NOT_CONFORM if problems else 0)


@vectors_app.command()
def generate(folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", show_default=False)] = None) -> None:
    """Write all vector files; the same bytes on every run."""
    with explain_errors():
        vector_files.generate(folder or data.find_folder("vectors"))


@vectors_app.command()
def verify(folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", show_default=False)] = None) -> None:
    """Compare vector files with what is generated, and with their schemas."""
    folder = folder or data.find_folder("vectors")
    with explain_errors():
        if not folder.is_dir():
            raise UnusableSelection(f"there is no folder {folder}; `cloister vectors generate {folder}` makes it")
        problems = vector_files.verify(folder)
    for problem in problems:
        error_console.print(f"[bold red]cloister:[/] {escape(problem)}", highlight=False, soft_wrap=True)
    if not problems:
        console.print("the vectors are as they are generated")
    raise typer.Exit(DOES_NOT_CONFORM if problems else 0)


@adapter_app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="folder that is new or empty")],
    *,
    language: Annotated[str, typer.Option(help=", ".join(skeletons.LANGUAGES))],
    name: Annotated[str, typer.Option(help="name of the implementation; else the folder's")] = "",
) -> None:
    """Write a working skeleton of an adapter."""
    with explain_errors():
        files = skeletons.create(language, folder, name or folder.resolve().name)
    for file in files:
        console.print(f"wrote {escape(str(file))}", highlight=False, soft_wrap=True)
    console.print(f"now: cloister doctor {escape(str(folder))}", highlight=False, soft_wrap=True)


@app.command()
def schema(
    *,
    report: Annotated[bool, typer.Option("--report", help="the JSON Schema of `check --json`")] = False,
    transcript_schema: Annotated[bool, typer.Option("--transcript", help="the JSON Schema of transcripts")] = False,
) -> None:
    """Print the OpenRPC document of the adapter protocol."""
    document: dict[str, Any]
    if report:
        document = openrpc.build_report_schema()
    elif transcript_schema:
        document = openrpc.build_transcript_schema()
    else:
        document = openrpc.build_document()
    typer.echo(json.dumps(document, indent=1))


@serve_app.command()
def service_node(file: Annotated[Path, typer.Argument(metavar="FILE", help="its node file, see chapter 07")]) -> None:
    """Run a service node until Ctrl-C."""
    from cloister.service_node.server import serve  # noqa: PLC0415 - the other commands need no web server

    raise typer.Exit(serve(file))


@app.command(name="devnet")
def run_devnet(
    *,
    nodes: Annotated[int, typer.Option(help="service nodes, 7 at least")] = 8,
    swarms: Annotated[int, typer.Option(help="swarms that they make")] = 2,
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="keep the network here, or start the one that is here")
    ] = None,
    port: Annotated[int, typer.Option(metavar="FIRST", help="of the first node")] = 22021,
    difficulty: Annotated[int, typer.Option(min=1, help="of the proof of work")] = 1,
) -> None:
    """Run a network of service nodes on loopback until Ctrl-C."""
    from cloister.devnet import Devnet, DevnetError  # noqa: PLC0415 - the other commands need no network

    try:
        devnet = Devnet(nodes=nodes, swarms=swarms, folder=folder, first_port=port, difficulty=difficulty)
        with devnet:
            for line in devnet.describe():
                typer.echo(line)
            devnet.watch(typer.echo)
    except DevnetError as error:
        error_console.print(f"[bold red]cloister:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(USAGE) from None
    except KeyboardInterrupt:
        typer.echo("stopped")


@app.command(name="demo")
def show_demo() -> None:
    """Show a life of a closed group on a network of this machine; every claim is checked."""
    from cloister.demo import FalseClaim, tell  # noqa: PLC0415 - the other commands need no network
    from cloister.devnet import DevnetError  # noqa: PLC0415

    try:
        tell(console)
    except FalseClaim as claim:
        console.print(f"   [bold red]FALSE[/] {escape(str(claim))}", highlight=False, soft_wrap=True)
        raise typer.Exit(DOES_NOT_CONFORM) from None
    except DevnetError as error:
        error_console.print(f"[bold red]cloister:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(COULD_NOT_RUN) from None


def main() -> None:
    """Split the command of the implementation off, and run; whoever ends this process ends what it started."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, signal.default_int_handler)
    arguments = sys.argv[1:]
    command = None
    if "--" in arguments:
        at = arguments.index("--")
        arguments, command = arguments[:at], arguments[at + 1 :]
    app(arguments, obj=command)
