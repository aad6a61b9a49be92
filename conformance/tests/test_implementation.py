"""The description of an implementation, and building it."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cloister_conformance import implementation as implementations
from cloister_conformance.implementation import Implementation, UnusableDescription, UnusableImplementation

MINIMAL = 'name = "x"\nrun = ["x"]\n'
NODE = 'name = "x"\nrole = "service-node"\n'
KNOWN = '[[known_failure]]\nexpected = ["e"]\nreason = "r"\n'


@pytest.fixture
def describe(tmp_path: Path) -> Callable[[str], Path]:
    """Write a description; return its folder."""

    def write(text: str) -> Path:
        (tmp_path / "adapter.toml").write_text(text)
        return tmp_path

    return write


def test_a_description_is_read(describe: Callable[[str], Path]) -> None:
    text = (
        MINIMAL
        + 'role = "service-node"\ncapabilities = ["network-file"]\ntimeout_seconds = 3\nbuild = [["make"]]\n[environment]\nA = "b"\n'
        + KNOWN
        + 'clauses = ["SK-1"]\n'
    )
    folder = describe(text)
    found = implementations.read(folder)
    assert found.folder == folder.resolve()
    assert (found.role, found.timeout_seconds, found.build, found.environment) == (
        "service-node",
        3,
        [["make"]],
        {"A": "b"},
    )
    assert found.known_failure[0].names == ["SK-1"]


def test_only_name_and_run_are_needed(describe: Callable[[str], Path]) -> None:
    found = implementations.read(describe(MINIMAL))
    assert (found.role, found.timeout_seconds, found.build, found.known_failure) == ("client", 10, [], [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "name: Field required"),
        ("name = ", "is not TOML: Invalid value"),
        ('name = "x"', "adapter.toml: run: the command that starts it is missing"),
        ('name = "x"\nrun = []', "adapter.toml: run: the command that starts it is missing"),
        ('name = "x"\nrun = "x"', "run: Input should be a valid list"),
        (MINIMAL + 'colour = "red"', "colour: Extra inputs are not permitted"),
        (MINIMAL + 'url = "http://localhost:1"', "url and capabilities are for servers"),
        (MINIMAL + 'capabilities = ["clock"]', "url and capabilities are for servers"),
        (NODE, "adapter.toml: run: the command that starts it is missing, or the url where it runs already"),
        (NODE + 'run = ["x"]', "capabilities: what is started offers network-file"),
        (NODE + 'run = ["x"]\ncapabilities = ["clock"]', "capabilities: what is started offers"),
        (NODE + 'capabilities = ["magic"]', "capabilities.0: Input should be 'network-file', 'server-file' or 'clock'"),
        (NODE + 'url = "http://h:1"\nrun = ["x"]', "url: what runs already has no run, build or"),
        (NODE + 'url = "http://h:1"\ncapabilities = ["clock"]', "url: what runs already has no run"),
        (NODE + 'url = "ftp://h"', "url: ftp://h is no http://HOST:PORT"),
        (MINIMAL + 'role = "server"', "role: Input should be 'client'"),
        (MINIMAL + "timeout_seconds = 0", "timeout_seconds: Input should be greater than 0"),
        (MINIMAL + KNOWN, "a known_failure names at least one clause or test (r)"),
        (MINIMAL + KNOWN + "clauses = []\ntests = []", "a known_failure names at least one clause or test (r)"),
        (MINIMAL + KNOWN + 'clause = "SK-1"', "known_failure.0.clause: Extra inputs are not permitted"),
        (MINIMAL + '[[known_failure]]\nclauses = ["SK-1"]\nexpected = ["e"]', "known_failure.0.reason: Field required"),
        (
            MINIMAL + '[[known_failure]]\nclauses = ["SK-1"]\nexpected = []\nreason = "r"',
            "known_failure.0.expected: List should have",
        ),
        (
            MINIMAL + '[[known_failure]]\nclauses = ["SK-1"]\nexpected = [""]\nreason = "r"',
            "known_failure.0.expected.0: String should have",
        ),
    ],
)
def test_a_description_that_cannot_be_used_is_explained(
    describe: Callable[[str], Path], text: str, message: str
) -> None:
    folder = describe(text)
    with pytest.raises(UnusableDescription, match=re.escape(message)):
        implementations.read(folder)


def test_a_description_that_is_no_text_is_explained(tmp_path: Path) -> None:
    (tmp_path / "adapter.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UnusableDescription, match="is not TOML"):
        implementations.read(tmp_path)


def test_a_folder_without_a_description_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UnusableDescription, match=r"there is no folder .*no_such"):
        implementations.read(tmp_path / "no_such")
    with pytest.raises(UnusableDescription, match=r"holds no adapter\.toml"):
        implementations.read(tmp_path)


def test_a_role_is_one_of_three_and_that_of_the_description() -> None:
    subject = Implementation(name="x", run=["x"])
    implementations.check_role(subject, "client")
    with pytest.raises(UnusableDescription, match="there is no role clown; there are client, "):
        implementations.check_role(subject, "clown")
    with pytest.raises(UnusableDescription, match="x has the role client, not service-node"):
        implementations.check_role(subject, "service-node")


# Building


def build(folder: Path, *commands: list[str], requires: tuple[str, ...] = ()) -> None:
    """Build an implementation in a folder."""
    implementations.build(
        Implementation(name="x", run=["x"], build=list(commands), requires=list(requires), folder=folder)
    )


def test_build_commands_run_in_the_folder_in_order(tmp_path: Path) -> None:
    build(tmp_path, ["mkdir", "made"], ["touch", "made/file"])
    assert (tmp_path / "made" / "file").exists()


def test_a_build_that_fails_is_shown_with_its_output(tmp_path: Path) -> None:
    program = "import sys; print('half done', flush=True); sys.exit('it broke')"
    with pytest.raises(UnusableImplementation, match=r"(?s)^cannot build x: .* ended with 1\nhalf done\nit broke"):
        build(tmp_path, [sys.executable, "-c", program], ["touch", "later"])
    assert not (tmp_path / "later").exists()


def test_a_build_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableImplementation, match=r"cannot build x: `no_such_command --all`: No such file"):
        build(tmp_path, ["no_such_command", "--all"])


def test_a_build_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(implementations, "BUILD_SECONDS", 0.2)
    with pytest.raises(UnusableImplementation, match="took too long"):
        build(tmp_path, ["sleep", "1000"])


def test_a_build_that_succeeds_leaves_no_process(tmp_path: Path, ends: Callable[[int], bool]) -> None:
    build(tmp_path, ["sh", "-c", "sleep 1000 & echo $$ > started"])
    assert ends(int((tmp_path / "started").read_text()))


def test_a_build_that_asks_gets_no_answer(tmp_path: Path) -> None:
    with pytest.raises(UnusableImplementation, match="ended with 1\nEOFError"):
        build(tmp_path, [sys.executable, "-c", "try: input()\nexcept EOFError: raise SystemExit('EOFError')"])


def install(program: Path, text: str) -> None:
    """Write a program into a folder of the path."""
    program.write_text(text)
    program.chmod(0o755)


def test_a_library_that_pkg_config_does_not_know_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnusableImplementation, match=r"x needs here\.pc, which is not installed"):
        build(tmp_path, requires=("here.pc",))

    install(tmp_path / "pkg-config", "#!/bin/sh\n[ \"$1 $2\" = '--exists here' ]\n")
    build(tmp_path, requires=("here.pc",))
    with pytest.raises(UnusableImplementation, match=r"x needs away\.pc, which is not installed"):
        build(tmp_path, requires=("here.pc", "away.pc"))


def test_a_program_that_is_needed_and_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableImplementation, match="x needs no_such_program, which is not installed"):
        build(tmp_path, ["touch", "built"], requires=("sh", "no_such_program"))
    assert not (tmp_path / "built").exists()
