"""The command line: exit codes, one clear line for what the user can mend, and commands that repeat what they say."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloister_conformance.implementation import Implementation

Fake = Callable[..., Implementation]
Cloister = Callable[[str], Any]

DECODE = "test_an_account_id_of_another_type_is_refused"
DERIVE = "test_an_identity_follows_from_its_seed"


@pytest.fixture
def folders(tmp_path: Path) -> None:
    """Make the folders and files that the lines below name."""
    for name, text in {
        "broken": "name = ",
        "unknown": 'name = "x"\nrun = ["x"]\ncolour = "red"\n',
        "gone": 'name = "x"\nrun = ["no_such_command"]\n',
        "unbuilt": 'name = "x"\nrun = ["x"]\nbuild = [["false"]]\n',
        "twin": 'name = "twin"\nrun = ["x"]\n',
        "unlucky": 'name = "x"\nrun = ["x"]\nrequires = ["no_such_program"]\n',
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "adapter.toml").write_text(text)
    (tmp_path / "empty").mkdir()
    (tmp_path / "rubbish.json").write_text("rubbish")
    (tmp_path / "report.json").write_text('{"format": "cloister-report/1"}')


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("check no_such_folder", 2, "there is no folder no_such_folder; give one that holds an adapter.toml"),
        ("check empty", 2, "empty holds no adapter.toml; `cloister adapter new` writes one"),
        ("check broken", 2, "broken/adapter.toml is not TOML: "),
        ("check unknown", 2, "unknown/adapter.toml: colour: "),
        ("check empty -- cat", 2, "give a folder or `-- COMMAND`, not both"),
        ("check --", 2, "there is no command after --"),
        ("check --role clown", 2, "there is no role clown"),
        ("check -k 'and and'", 2, "Wrong expression passed to '-k': and and"),
        ("check -k test_no_such_test", 2, "no test was selected"),
        ("check --suite no_such", 2, "there is no suite no_such; there are adapter_protocol, "),
        ("check --clause ID-999", 2, "no test was selected"),
        ("doctor no_such_folder", 2, "there is no folder no_such_folder"),
        ("replay no_such.json", 2, "cannot read no_such.json: No such file or directory"),
        ("replay rubbish.json", 2, "rubbish.json is no cloister transcript: the file: Invalid JSON"),
        ("replay report.json", 2, "report.json is no cloister transcript: format: "),
        ("check gone", 3, "x could not be started: No such file or directory: no_such_command"),
        ("check -- no_such_command", 3, "no_such_command could not be started: No such file or directory"),
        ("check -- true", 3, "true exited with status 0 without an answer"),
        ("check -- false", 3, "false exited with status 1 without an answer"),
        ("check unbuilt", 3, "cannot build x: `false` ended with 1"),
        ("check unlucky", 3, "x needs no_such_program, which is not installed"),
        ("doctor -- false", 3, "false exited with status 1"),
        ("matrix twin twin", 2, "two implementations are called twin; name each once"),
        ("bench twin twin", 2, "two implementations are called twin; name each once"),
        ("trace ID-5 ID-999", 2, "there is no clause ID-999"),
    ],
)
@pytest.mark.usefixtures("folders")
def test_what_the_user_can_mend_is_one_line(cloister: Cloister, line: str, status: int, message: str) -> None:
    done = cloister(line)
    assert done.status == status
    assert done.err.startswith(f"cloister: {message}")
    assert done.err.strip().count("\n") == 0
    assert "conforms" not in done.out


@pytest.mark.parametrize(
    "line",
    ["check --no-such-option", "check --profile no-such", "check --jobs 0", "check --seed -1", "no-such-command"],
)
def test_other_usage_has_status_2(cloister: Cloister, line: str) -> None:
    done = cloister(line)
    assert done.status == 2
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "line",
    [
        *(f"check --{form} PATH -- no_such_command" for form in ("json", "junit", "html", "markdown", "badge")),
        *(f"bench --{form} PATH -- no_such_command" for form in ("json", "markdown")),
        *(f"matrix no_such_folder --{form} PATH" for form in ("json", "html")),
    ],
)
@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/proc/no/such.json", "No such file or directory"),
        ("empty", "Is a directory"),
        ("rubbish.json/x", "File exists"),
    ],
)
@pytest.mark.usefixtures("folders")
def test_a_report_that_cannot_be_written_is_told_before_the_run(
    cloister: Cloister, line: str, path: str, why: str
) -> None:
    done = cloister(line.replace("PATH", path))
    assert (done.status, done.err) == (2, f"cloister: cannot write {path}: {why}\n")


def test_a_report_that_was_there_stays_if_there_is_no_run(cloister: Cloister, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("old")
    assert cloister("check --json old.json --html new.html -- no_such_command").status == 3
    assert [file.name for file in tmp_path.iterdir()] == ["old.json"]
    assert (tmp_path / "old.json").read_text() == "old"


# Verdicts


def test_the_reference_conforms(cloister: Cloister, tmp_path: Path) -> None:
    done = cloister(f"check -k {DECODE}")
    assert (done.status, done.err) == (0, "")
    assert "cloister reference" in done.out
    assert "conforms" in done.out
    assert list(tmp_path.iterdir()) == [], "nothing is left behind where all is well"


def test_an_implementation_that_fails_is_shown_with_its_clause(cloister: Cloister, fake: Fake) -> None:
    folder = fake("identity.decode_account_id=accept").folder
    done = cloister(f"check -k {DECODE} {folder}")
    assert (done.status, done.err) == (1, "")
    for part in (
        f"failed identity::{DECODE}",
        "ID-5 A reader MUST refuse, with `InvalidKey`, a public key that is not 33 bytes",
        "expected identity.decode_account_id: the refusal InvalidKey",
        'actual answered a result: {"public_key": "05"}',
        "computed by the reference:",
        "standard error: fake adapter: accept at identity.decode_account_id",
        "does not conform",
    ):
        assert part in done.out


def test_the_commands_that_a_failure_prints_show_it_again(cloister: Cloister, fake: Fake, tmp_path: Path) -> None:
    folder = fake("identity.derive=lie", "identity.sign=lie").folder
    first = cloister(f"check -k {DERIVE} --seed 11 --json first.json {folder}")
    failure = json.loads((tmp_path / "first.json").read_text())["tests"][0]["failure"]
    assert f"repeat {failure['repeat']}" in first.out
    again = cloister(f"{failure['repeat'].removeprefix('cloister ')} --json again.json")
    assert again.status == 1
    assert json.loads((tmp_path / "again.json").read_text())["tests"][0]["failure"] == failure
    assert failure["counterexample"].splitlines()[-2].strip().startswith("seed=")
    replayed = cloister(failure["replay"].removeprefix("cloister "))
    assert replayed.status == 1
    assert " ".join(failure["actual"].split()) in replayed.out


def test_the_command_that_repeats_a_vector_selects_it(cloister: Cloister, fake: Fake, tmp_path: Path) -> None:
    folder = fake("identity.derive=lie").folder
    cloister(f"check -k 'test_vectors and Derivation' --json first.json {folder}")
    (first,) = json.loads((tmp_path / "first.json").read_text())["tests"]
    cloister(f"{first['failure']['repeat'].removeprefix('cloister ')} --json again.json")
    (again,) = json.loads((tmp_path / "again.json").read_text())["tests"]
    assert (again["id"], again["verdict"]) == (first["id"], "failed")


def test_a_command_with_its_arguments_is_repeated_as_it_was(cloister: Cloister, fake: Fake) -> None:
    command = shlex.join(fake("identity.derive=lie", "--offer", "identity,account-id").run)
    done = cloister(f"check -k {DERIVE} -- {command}")
    assert f" --seed 0 -- {command}" in done.out


def test_a_known_failure_is_told_and_one_out_of_date_too(cloister: Cloister, fake: Fake) -> None:
    toml = f'[[known_failure]]\ntests = ["identity::{DECODE}"]\nexpected = ["answered a result"]\nreason = "it takes anything"\n'
    done = cloister(f"check -k {DECODE} {fake('identity.decode_account_id=accept', toml=toml).folder}")
    assert done.status == 0
    assert f"identity::{DECODE} it takes anything" in done.out
    assert "conforms, but for 1 known failure " in done.out
    done = cloister(f"check -k {DECODE} {fake(toml=toml).folder}")
    assert done.status == 1
    assert f"out of date the known failure of identity::{DECODE} did not show: it takes anything" in done.out


def test_coarse_refusals_are_told_and_strict_wants_names(cloister: Cloister, fake: Fake) -> None:
    folder = fake("identity.decode_account_id=family").folder
    done = cloister(f"check -k {DECODE} {folder}")
    assert done.status == 0
    assert "1 refusals named only a family (--strict wants the name)" in done.out
    assert cloister(f"check -k {DECODE} --strict {folder}").status == 1


def test_the_doctor_tells_what_is_offered(cloister: Cloister) -> None:
    done = cloister("doctor")
    assert (done.status, done.err) == (0, "")
    assert "conforms" in done.out
    assert "the adapter is sound" in done.out
    assert "offers: " in done.out
    assert "sender-keys-send" in done.out


def test_the_doctor_tells_capabilities_that_it_does_not_know(cloister: Cloister, fake: Fake) -> None:
    done = cloister(f"doctor {fake('hello=marked-capability').folder}")
    assert done.status == 1
    assert "[/red]" in done.out


# In a process of its own


def run(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    program = "from cloister_conformance.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_settings_of_the_folder_and_the_environment_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")
    (tmp_path / "conftest.py").write_text("raise SystemExit('a stranger')\n")
    arguments = ("check", "-k", DERIVE, "--profile", "standard", "--json", "report.json")
    done = run(*arguments, folder=tmp_path, PYTEST_ADDOPTS="--collect-only", PYTEST_PLUGINS="no_such_plugin")
    assert (done.returncode, done.stderr) == (0, "")
    cases = json.loads((tmp_path / "report.json").read_text())["tests"][0]["cases"]
    assert 80 <= cases / 2 <= 150, "profile standard is 100 examples, of a reset and a call"


def test_modules_of_the_folder_are_not_ours(tmp_path: Path) -> None:
    for name in ("cloister", "cloister_conformance", "json", "typing"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a stranger')\n")
    program = [sys.executable, "-P", "-c", "from cloister_conformance.cli import main; main()"]
    done = subprocess.run([*program, "check", "-k", DERIVE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_run_leaves_nothing_in_the_folder(tmp_path: Path) -> None:
    assert run("check", "--suite", "identity", folder=tmp_path).returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("line", ["check DIR", "bench DIR"])
def test_whoever_ends_the_command_ends_what_it_started(
    tmp_path: Path, number: int, line: str, ends: Callable[[int], bool]
) -> None:
    (tmp_path / "adapter.toml").write_text(
        'name = "x"\nrun = ["x"]\nbuild = [["sh", "-c", "echo $$ > started; sleep 1000"]]'
    )
    program = (
        "import signal\n"  # these tests may run where signals are ignored
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "from cloister_conformance.cli import main; main()"
    )
    command = [sys.executable, "-c", program, *line.replace("DIR", str(tmp_path)).split()]
    started = tmp_path / "started"
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            while not (started.exists() and started.read_text().strip()):
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(number)
            _, told = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, told) == (3, "cloister: interrupted\n")
    assert ends(int(started.read_text()))


def test_several_processes_find_what_one_finds(tmp_path: Path, fake: Fake) -> None:
    folder = fake("hello=unknown-capability").folder
    done = run(
        "check", "--suite", "adapter-protocol", "--jobs", "2", "--json", "report.json", str(folder), folder=tmp_path
    )
    assert (done.returncode, done.stderr) == (1, "")
    verdicts = {test["id"]: test["verdict"] for test in json.loads((tmp_path / "report.json").read_text())["tests"]}
    assert verdicts.pop("adapter_protocol::test_only_known_capabilities_are_listed") == "broken"
    assert len(verdicts) > 70
    assert set(verdicts.values()) == {"passed"}


def test_the_rows_of_some_clauses_are_printed(cloister: Cloister) -> None:
    done = cloister("trace ID-5 PS-23")
    assert done.status == 0
    assert "2 clauses, 0 problems" in done.out
    assert "ID-6" not in done.out


def test_a_report_that_cannot_be_written_in_the_end_is_told(cloister: Cloister) -> None:
    done = cloister(f"check -k {DERIVE} --json /dev/full")
    assert done.status == 2
    assert done.err == "cloister: [Errno 28] No space left on device\n"


def test_schemas_are_printed(cloister: Cloister) -> None:
    assert json.loads(cloister("schema").out)["openrpc"]
    assert json.loads(cloister("schema --transcript").out)["title"] == "Transcript"
