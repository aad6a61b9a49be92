"""What the tests of the harness share: a fake adapter with misbehaviours, and the command line in this process."""

import importlib.util
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from cloister_conformance import clause, cli, data
from cloister_conformance import implementation as implementations
from cloister_conformance.implementation import Implementation
from cloister_conformance.target import Target

FAKE = Path(__file__).parent / "fakes" / "adapter.py"
FAKE_NODE = FAKE.with_name("node.py")
TIMEOUT_SECONDS = 2

UNCOUNTED = 'environment.COVERAGE_PROCESS_CONFIG = ""'
"""Of a fake no lines are counted: it is no part of what is tested, and its start would take twice as long."""

collect_ignore = ["fakes/node.py"]
"""A program: it wants its arguments where a search for doctests imports it."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of the suites, of which one is imported here."""
    config.addinivalue_line("markers", "clause(*ids): the clauses that a test of a suite enforces")


def describe_fake(folder: Path, *arguments: str, toml: str = "") -> Implementation:
    """Write the description of a fake adapter into a folder, and read it."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(FAKE), *arguments, "--pids", str(folder / "pids")]
    lines = ['name = "fake"', f"run = {json.dumps(command)}", f"timeout_seconds = {TIMEOUT_SECONDS}", UNCOUNTED, toml]
    (folder / "adapter.toml").write_text("\n".join(lines) + "\n")
    return implementations.read(folder)


def load_module(name: str) -> ModuleType:
    """Load a module of the folder of formal models."""
    spec = importlib.util.spec_from_file_location(name, data.CHECKOUT / "formal" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def load_formal() -> Callable[[str], ModuleType]:
    """Load a module of the folder of formal models: `load_formal("traces")`."""
    return load_module


@pytest.fixture(scope="module")
def models() -> ModuleType:
    """The module that reads the formal models."""
    return load_module("models")


@pytest.fixture
def rest_on(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the clause SC-1 rest on others: `rest_on("ID-12")`."""

    def promise(ids: str) -> None:
        made = clause.Clause(id="SC-1", chapter="12-security", sentence=f"A signer MUST do (rests on {ids}).")
        clauses = {**clause.read_clauses(), "SC-1": made}
        monkeypatch.setattr(clause, "read_clauses", lambda: clauses)

    return promise


@pytest.fixture(scope="session")
def make_fake() -> Callable[..., Implementation]:
    """Describe a fake adapter: `make_fake(folder, "METHOD=BEHAVIOUR", toml="...")`."""
    return describe_fake


@pytest.fixture
def fake(tmp_path: Path) -> Callable[..., Implementation]:
    """Describe a fake adapter in a folder of this test."""
    return lambda *arguments, toml="": describe_fake(tmp_path / "fake", *arguments, toml=toml)


def describe_fake_node(folder: Path, *arguments: str, toml: str = "") -> Implementation:
    """Write the description of a fake service node into a folder, and read it."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(FAKE_NODE), *arguments, f"--pids={folder / 'pids'}"]
    lines = ['name = "fake node"', 'role = "service-node"', 'capabilities = ["network-file", "clock"]']
    lines += [f"run = {json.dumps(command)}", f"timeout_seconds = {TIMEOUT_SECONDS}", UNCOUNTED, toml]
    (folder / "adapter.toml").write_text("\n".join(lines) + "\n")
    return implementations.read(folder)


@pytest.fixture
def fake_node(tmp_path: Path) -> Callable[..., Implementation]:
    """Describe a fake service node in a folder of this test: `fake_node("--PLACE=BEHAVIOUR", toml="...")`."""
    return lambda *arguments, toml="": describe_fake_node(tmp_path / "fake", *arguments, toml=toml)


@pytest.fixture
def reference_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a healthy fake node stand in the place of the reference, of which these tests want to know nothing."""
    command = [sys.executable, str(FAKE_NODE)]
    monkeypatch.setitem(implementations.REFERENCE_COMMANDS, "service-node", command)


def read_pids(implementation: Implementation) -> list[int]:
    """Read the ids of the processes that a fake adapter has been."""
    return [int(line) for line in (implementation.folder / "pids").read_text().splitlines()]


def is_running(pid: int) -> bool:
    """Tell whether a process exists, dead children that nobody fetched included."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="session")
def count_left() -> Callable[[Implementation], int]:
    """Count the processes of a fake adapter that are left over."""
    return lambda implementation: sum(is_running(pid) for pid in read_pids(implementation))


@pytest.fixture(scope="session")
def count_starts() -> Callable[[Implementation], int]:
    """Count how often a fake adapter was started."""
    return lambda implementation: len(read_pids(implementation))


@pytest.fixture(scope="session")
def reference_target() -> Iterator[Target]:
    """The bundled reference behind its pipe."""
    target = Target(implementations.reference())
    yield target
    target.stop()


class Done(NamedTuple):
    """How a command ended; blanks are joined, so that it does not matter where lines were broken."""

    status: object
    out: str
    err: str


@pytest.fixture(scope="session")
def ends() -> Callable[[int], bool]:
    """Tell whether a process group ends; what it started is fetched by the system, which may take a moment."""

    def tell(group: int) -> bool:
        for _ in range(3000):
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.01)
        return False

    return tell


@pytest.fixture
def cloister(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[[str], Done]:
    """Run a command line in this process, in a folder of this test."""

    def run(line: str) -> Done:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["cloister", *shlex.split(line)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return Done(end.value.code, " ".join(out.split()), err)

    return run
