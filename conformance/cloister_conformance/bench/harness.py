"""What the harness itself costs, measured on an adapter that does nothing.

Its own time is CPU time of this process, less that of writing and reading the same lines without any harness.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cloister_conformance import implementation as implementations
from cloister_conformance.bench import rounds
from cloister_conformance.bench.rounds import Prepare, Quantity, Round, build_round, find_quartiles, repeat
from cloister_conformance.script import Script, make_actors
from cloister_conformance.target import Target
from cloister_conformance.transport import CHUNK

DO_NOTHING = str(Path(__file__).with_name("do_nothing.py"))
METHOD = "identity.verify"
PARAMS = {"public_key": b"\x05" + bytes(32), "message": bytes(100), "signature": bytes(64)}
PARAMS_AS_HEX = {name: value.hex() for name, value in PARAMS.items()}
MICROSECONDS = 1e6


def measure(seconds: float) -> list[Quantity]:
    """Measure all."""
    target = start_target()
    try:
        cases = build_round(repeat(lambda: run_case(target)), seconds, time.perf_counter)
        bare_call = build_round(prepare_bare_calls(target), seconds)
        target_call = build_round(repeat(lambda: target.call(METHOD, PARAMS_AS_HEX)), seconds)
        judged_call = build_round(prepare_judged_calls(target), seconds)
        return [
            build_quantity("cases a second", lambda: 1 / cases(), "1/s", "at least 2,000"),
            build_quantity("own time of a call", lambda: subtract(target_call, bare_call), "µs", "under 30"),
            build_quantity("own time of a judged call", lambda: subtract(judged_call, bare_call), "µs", "under 30"),
            build_quantity("CPU share while an adapter works", build_idle_round(seconds), "%", "under 1"),
        ]
    finally:
        target.stop()


def start_target(*arguments: str) -> Target:
    """Start the adapter that does nothing."""
    target = Target(implementations.from_command([sys.executable, DO_NOTHING, *arguments]))
    target.call("hello", {})
    return target


def build_quantity(name: str, measure_once: Callable[[], float], unit: str, aim: str) -> Quantity:
    """Measure a quantity in rounds."""
    low, value, high = find_quartiles([measure_once() for _ in range(rounds.ROUNDS)])
    return Quantity(name=name, value=value, low=low, high=high, unit=unit, aim=aim)


def subtract(whole: Round, part: Round) -> float:
    """Measure the one beside the other; return the difference in microseconds."""
    return (whole() - part()) * MICROSECONDS


def run_case(target: Target) -> None:
    """Run what the shortest test runs: a new script, a reset, a call, a judged answer."""
    iut, _peer = make_actors(target, Script(seed=0))
    iut.call(METHOD, **PARAMS).must_be()


def prepare_judged_calls(target: Target) -> Prepare:
    """Prepare calls in one script."""

    def prepare(count: int) -> Callable[[], object]:
        iut, _peer = make_actors(target, Script(seed=0))
        return repeat(lambda: iut.call(METHOD, **PARAMS).must_be())(count)

    return prepare


def prepare_bare_calls(target: Target) -> Prepare:
    """Prepare calls without a harness: write the line of a call, read the answer."""
    target.call(METHOD, PARAMS_AS_HEX)
    child, line = target.start(), target.last_line.encode() + b"\n"

    def call() -> None:
        os.write(child.stdin, line)
        os.read(child.stdout, CHUNK)

    return repeat(call)


def build_idle_round(seconds: float) -> Round:
    """Build a round that waits for an adapter, and reports the share of CPU time in percent."""

    def wait() -> float:
        target = start_target(str(seconds / rounds.ROUNDS))
        try:
            start, cpu_start = time.perf_counter(), time.process_time()
            target.call(METHOD, PARAMS_AS_HEX)
            return 100 * (time.process_time() - cpu_start) / (time.perf_counter() - start)
        finally:
            target.stop()

    return wait
