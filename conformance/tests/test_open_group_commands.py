"""`cloister open-group` and `cloister serve open-group`, as the operator of a server calls them."""

import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cloister import identity, room
from cloister.devnet import find_ports
from cloister.open_group_server import folder, operation
from cloister.open_group_server.folder import Choices

BOB = identity.derive_identity(b"b" * 32).public.hex()
PROGRAM = "from cloister_conformance.cli import main; main()"
SERVE = [sys.executable, "-c", PROGRAM, "serve", "open-group"]
SQUARES = "\N{FULL BLOCK}\N{FULL BLOCK}"


@pytest.fixture
def og(cloister: Callable[[str], Any], tmp_path: Path) -> Callable[[str], Any]:
    """Run `cloister open-group COMMAND og ...` on a server that is there."""
    folder.make(tmp_path / "og", Choices(port=find_ports(1)[0]))

    def run(line: str) -> Any:
        command, _, rest = line.partition(" ")
        return cloister(f"open-group {command} og {rest}")

    return run


def succeed(done: Any, says: str) -> None:
    assert (done.status, done.err) == (0, "")
    assert says in done.out


def test_rooms(og: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    made = og("create-room tea --name Tea --description leaves")
    assert room.decode_link(made.out).room == "tea"
    succeed(og("list"), "lobby Lobby everybody 0 active 0 changes tea Tea everybody 0 active 0 changes")
    succeed(og("set-room tea --name Chai --whitelist"), "changed tea")
    succeed(og("list"), "tea Chai by approval and invitation")
    succeed(og("set-room tea --open"), "changed tea")
    succeed(og("list"), "tea Chai everybody")
    for answer in ("n\n", "\n", ""):
        monkeypatch.setattr("sys.stdin", StringIO(answer))
        refused = og("delete-room tea")
        assert (refused.status, refused.err.strip()) == (2, "cloister: nothing is deleted: say y, or give --yes")
        succeed(og("list"), "tea Chai")
    monkeypatch.setattr("sys.stdin", StringIO("y\n"))
    succeed(og("delete-room tea"), "deleted tea")
    assert "tea" not in og("list").out
    succeed(og("delete-room lobby --yes"), "deleted lobby")
    succeed(og("list"), "there is no room")


def test_a_whitelist(og: Callable[[str], Any], tmp_path: Path) -> None:
    succeed(og("create-room club --name Club --whitelist"), "now: cloister open-group approve og club ID...")
    succeed(og(f"approve club {BOB}"), "approved 1 in club")
    succeed(og("people --room club"), f"{BOB} read, accessible, write, upload")
    invited = room.decode_link(og("invite club --hours 1").out)
    assert invited.invitation is not None
    assert room.decode_link(og("link club --invitation").out) == invited
    assert room.decode_link(og("link club").out).invitation is None
    again = room.decode_link(og("invite club").out)
    assert again.invitation != invited.invitation
    succeed(og("withdraw club"), "the invitation of club is withdrawn")
    assert og("link club --invitation").status == 2
    succeed(og(f"disapprove club {BOB}"), "1 not approved any more in club")
    succeed(og("people --room club"), "there is nobody")


def test_a_qr_code(og: Callable[[str], Any]) -> None:
    assert SQUARES in og("link lobby --qr").out
    assert SQUARES in og("invite lobby --qr").out
    assert SQUARES not in og("link lobby").out


def test_roles_and_bans(og: Callable[[str], Any], tmp_path: Path) -> None:
    operator = operation.operate(tmp_path / "og", lambda one: one.file.operator)
    succeed(og(f"ban {BOB} --room lobby --hours 1.5"), f"banned {BOB} from lobby for 1.5 hours")
    assert re.search(rf"{BOB} banned until 20..-..-.. ..:.. UTC$", og("people --room lobby").out)
    succeed(og(f"unban {BOB} --room lobby"), f"{BOB} is not banned any more from lobby")
    succeed(og("people --room lobby"), "there is nobody")
    succeed(og(f"ban {BOB} --global"), f"banned {BOB} from the whole server")
    succeed(og("people"), f"{operator} operator {BOB} banned")
    for command, said, told in (
        ("add-moderator", "now moderator", "moderator"),
        ("add-admin", "now administrator", "administrator"),
        ("remove-admin", "no administrator any more", "moderator"),
        ("remove-moderator", "neither moderator nor administrator", ""),
    ):
        succeed(og(f"{command} {BOB} --global"), f"{BOB} is {said} of the whole server")
        succeed(og(f"{command} {BOB} --room lobby"), f"{BOB} is {said} of lobby")
        assert og("people --room lobby").out == (f"{BOB} {told}" if told else "there is nobody")
        assert og("people").out == f"{operator} operator{f' {BOB} {told}' if told else ''}"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("create-room 'te a' --name Tea", "'te a' is no token: it has 1 to 64 characters of a-z A-Z 0-9 _ -"),
        ("create-room lobby --name Tea", "there is a room lobby already: `cloister open-group set-room` changes it"),
        ("set-room lobby", "give --name, --description, --whitelist or --open"),
        ("set-room none --name x", "there is no room 'none'; there are: lobby"),
        ("link none", "there is no room 'none'; there are: lobby"),
        ("link lobby --invitation", "lobby has no invitation: `cloister open-group invite` makes one"),
        ("invite lobby --hours 0", "--hours is from a second to 277777 hours"),
        ("invite lobby --hours nan", "--hours is from a second to 277777 hours"),
        ("invite lobby --hours inf", "--hours is from a second to 277777 hours"),
        (f"ban {BOB}", "give --room TOKEN, once or more often, or --global"),
        (f"ban {BOB} --room lobby --global", "give --room TOKEN, once or more often, or --global"),
        (f"add-admin {BOB}", "give --room TOKEN, once or more often, or --global"),
        ("approve lobby 05", "'05' is no id: it has 66 digits of lower-case hex that begin with 05, 15 or 00"),
        ("ban OPERATOR --global", "nobody bans the operator"),
        ("remove-admin OPERATOR --global", "nobody takes a right from the operator"),
    ],
)
def test_what_cannot_be_is_one_line(og: Callable[[str], Any], tmp_path: Path, line: str, says: str) -> None:
    operator = operation.operate(tmp_path / "og", lambda one: one.file.operator)
    before = og("list"), og("people"), og("people --room lobby")
    done = og(line.replace("OPERATOR", operator))
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"cloister: {says}")
    assert (og("list"), og("people"), og("people --room lobby")) == before


def test_no_server(cloister: Callable[[str], Any]) -> None:
    done = cloister("open-group list none")
    assert (done.status, done.err) == (
        2,
        "cloister: there is no none: `cloister serve open-group --dir none` makes a server there\n",
    )


@pytest.mark.network
def test_one_command_serves_and_later_starts_go_on(tmp_path: Path) -> None:
    port = find_ports(1)[0]
    links = []
    for options in (["--port", str(port)], []):
        with subprocess.Popen([*SERVE, *options], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = []
            while not lines or not lines[-1].startswith("serving"):
                lines.append(process.stdout.readline())
                assert lines[-1], "it ended"
            (link,) = [line.split()[1] for line in lines if line.startswith("lobby  ")]
            assert room.decode_link(link).port == port
            assert sum(SQUARES in line for line in lines) > 10
            assert lines[-1].startswith(f"serving at 127.0.0.1 port {port}; Ctrl-C stops it.")
            links.append(link)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
                assert answer.status == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        assert any(line.startswith("made open-group/server.json") for line in lines) is bool(options)
    assert links[0] == links[1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--port 1", "og/server.json says otherwise of port: change it there, or leave --port out"),
        (f"--operator {BOB}", "og/server.json says otherwise of operator: change it there, or leave --operator out"),
        ("--operator nobody", "operator: 'nobody' is no id of an account"),
    ],
)
def test_a_later_start_does_not_contradict(
    og: Callable[[str], Any], cloister: Callable[[str], Any], options: str, says: str
) -> None:
    done = cloister(f"serve open-group --dir og {options}")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"cloister: {says}")


def test_a_file_and_a_folder_are_too_much(cloister: Callable[[str], Any]) -> None:
    done = cloister("serve open-group server.json --dir og")
    assert (done.status, done.err) == (2, "cloister: give a server file or --dir, not both\n")
    done = cloister("serve open-group none.json")
    assert (done.status, done.err) == (
        2,
        "cloister: cannot read the server file none.json: No such file or directory\n",
    )


@pytest.mark.parametrize("options", ["--host 0.0.0.0", "--url ftp://x", "--database oracle://x", "--operator x"])
def test_a_first_start_that_cannot_be_makes_nothing(
    cloister: Callable[[str], Any], tmp_path: Path, options: str
) -> None:
    done = cloister(f"serve open-group --dir new --port {find_ports(1)[0]} {options}")
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert not (tmp_path / "new").exists()
