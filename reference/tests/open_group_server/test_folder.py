"""The folder that one command makes: what is in it, for whom, and what later starts may say."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from cloister import identity
from cloister.open_group_server import folder, operation, server_file
from cloister.open_group_server.folder import Choices, Contradiction, check_choices, make
from cloister.serving.process import AddressInUse
from cloister.serving.server_file import UnusableFile
from postgresql import find_ports

ACCOUNT = identity.derive_identity(bytes(32)).public.hex()


@pytest.fixture
def choices() -> Choices:
    return Choices(port=find_ports(1)[0])


def test_a_folder_for_its_owner_alone(tmp_path: Path, choices: Choices) -> None:
    made = make(tmp_path / "a" / "b", choices)
    at = tmp_path / "a" / "b"
    modes = {path.name: path.stat().st_mode & 0o777 for path in (at, *at.iterdir())}
    assert modes == {"b": 0o700, "data": 0o700, "operator.seed": 0o600, "server.json": 0o600}
    seed = bytes.fromhex((at / "operator.seed").read_text().strip())
    assert made.operator == identity.derive_identity(seed).public.hex()
    assert server_file.read(at / "server.json") == made
    assert [(one.token, one.settings.default_write) for one in operation.operate(at, lambda one: one.list_rooms())] == [
        ("lobby", True)
    ]


def test_two_servers_have_two_seeds(tmp_path: Path, choices: Choices) -> None:
    first, second = (make(tmp_path / name, choices) for name in ("a", "b"))
    assert first.seed != second.seed
    assert first.operator != second.operator


def test_what_is_chosen_stands_in_the_file(tmp_path: Path, choices: Choices) -> None:
    chosen = Choices(host="0.0.0.0", port=choices.port, operator=ACCOUNT, url="https://example.org/")
    made = make(tmp_path, chosen)
    assert (made.host, made.operator, made.url) == ("0.0.0.0", ACCOUNT, "https://example.org")
    assert not (tmp_path / "operator.seed").exists()
    check_choices(tmp_path / "server.json", made, chosen)


def test_a_deleted_lobby_stays_away(tmp_path: Path, choices: Choices) -> None:
    make(tmp_path, choices)
    operation.operate(tmp_path, lambda one: one.delete_room("lobby"))
    assert json.loads((tmp_path / "server.json").read_text()).get("rooms") is None


def test_a_folder_that_is_moved_is_the_same_server(tmp_path: Path, choices: Choices) -> None:
    made = make(tmp_path / "a", choices)
    (tmp_path / "a").rename(tmp_path / "b")
    moved = server_file.read(tmp_path / "b" / "server.json")
    assert (moved.seed, moved.data) == (made.seed, tmp_path / "b" / "data")


def test_the_seed_of_the_operator_of_an_earlier_start_is_kept(tmp_path: Path, choices: Choices) -> None:
    (tmp_path / "operator.seed").write_text("00" * 32 + "\n")
    assert make(tmp_path, choices).operator == ACCOUNT
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "operator.seed").write_text("nonsense")
    with pytest.raises(UnusableFile, match="holds no seed of 64 hex digits"):
        make(tmp_path / "other", choices)


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ({"host": "0.0.0.0"}, "others do not reach 0.0.0.0"),
        ({"host": ""}, "others do not reach an empty host"),
        ({"url": ""}, "url is http:// or https://"),
        ({"url": "ftp://example.org"}, "url is http:// or https://"),
        ({"url": "https://example.org/rooms"}, "url is http:// or https://"),
        ({"operator": "05zz"}, "is no id of an account"),
        ({"operator": ""}, "is no id of an account"),
        ({"operator": "15" + 64 * "1"}, "a blinded id is one of another server"),
        ({"database": ""}, "no URL of SQLite or PostgreSQL"),
        ({"database": "oracle://x"}, "no URL of SQLite or PostgreSQL"),
    ],
)
def test_what_cannot_be_makes_nothing(tmp_path: Path, choices: Choices, choice: dict[str, Any], says: str) -> None:
    with pytest.raises(UnusableFile, match=says):
        make(tmp_path / "new", Choices(**{"port": choices.port, **choice}))
    assert not (tmp_path / "new").exists()


def test_a_port_in_use_makes_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(AddressInUse):
        make(tmp_path / "new", Choices(port=listener.getsockname()[1]))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "choice", [{"port": 1}, {"host": "::1"}, {"operator": ACCOUNT}, {"url": "http://x"}, {"database": "sqlite:///x"}]
)
def test_a_later_start_that_says_otherwise(tmp_path: Path, choices: Choices, choice: dict[str, Any]) -> None:
    made = make(tmp_path, choices)
    (name,) = choice
    with pytest.raises(Contradiction, match=f"says otherwise of {name}: change it there, or leave --{name} out"):
        check_choices(tmp_path / "server.json", made, Choices(**choice))


def test_a_start_that_fails_is_done_again(tmp_path: Path, choices: Choices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "write_secret", lambda *_: pytest.fail("the disk is full"))
    with pytest.raises(pytest.fail.Exception):
        make(tmp_path, choices)
    monkeypatch.undo()
    assert make(tmp_path, choices).port == choices.port
    assert len(operation.operate(tmp_path, lambda one: one.list_rooms())) == 1
