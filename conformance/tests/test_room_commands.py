"""`cloister room`, each command, on a network and a server of processes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloister import room
from cloister.devnet import Devnet
from cloister.devserver import DevServer
from cloister.network.account_file import AccountFile
from cloister.open_group_rights import WHITELIST_GROUP

pytestmark = pytest.mark.network

SETTINGS = {"requests_per_second": 10_000, "request_burst": 10_000}
ROOMS = (
    {"token": "tea", "name": "Tea"},
    {"token": "inn", "name": "Inn"},
    {"token": "hut", "name": "Hut", **WHITELIST_GROUP},
)


@pytest.fixture(scope="module")
def devnet() -> Iterator[Devnet]:
    with Devnet(nodes=7, swarms=1, settings=SETTINGS) as started:
        yield started


class Terminal:
    """Command lines of people, on one network."""

    def __init__(self, run: Callable[[str], Any], devnet: Devnet) -> None:
        self.run = run
        self.network = devnet.network_file

    def __call__(self, name: str, line: str) -> str:
        """What a command prints; it does what it is told to."""
        done = self.run(f"room {line} --account {name}.sqlite --network {self.network}")
        assert (done.status, done.err) == (0, ""), done
        return str(done.out)

    def refused(self, name: str, line: str) -> str:
        """Why a command refuses."""
        done = self.run(f"room {line} --account {name}.sqlite --network {self.network}")
        assert done.status == 2
        return str(done.err)


@pytest.fixture
def terminal(cloister: Callable[[str], Any], devnet: Devnet) -> Terminal:
    return Terminal(cloister, devnet)


@pytest.fixture
def server(terminal: Terminal, tmp_path: Path) -> Iterator[DevServer]:
    """A server whose operator is alice; she and bob are in its room `tea`."""
    operator = terminal("alice", "id").strip()
    with DevServer(tmp_path / "server", operator=operator, rooms=ROOMS, settings=SETTINGS) as started:
        for name in ("alice", "bob"):
            assert "joined tea: Tea, 0 posts read" in terminal(name, f"join '{find_link(started)}'")
        yield started


def find_link(server: DevServer, token: str = "tea") -> str:
    return room.encode_link(server.find_link(token))


def test_posts_are_edited_and_deleted(terminal: Terminal, server: DevServer) -> None:
    assert terminal("bob", "read tea") == "nothing is posted yet"
    assert "neither text nor file" in terminal.refused("bob", "post tea ''")
    for text in ("one", "two", "three"):
        terminal("bob", f"post tea {text}")
    assert terminal.refused("bob", "edit tea 2 deux").startswith("cloister: there is no post 2 here")
    terminal("bob", "read tea")
    terminal("bob", "edit tea 2 deux")
    terminal("bob", "delete tea 3")
    words = terminal("alice", "read tea").split()
    assert [word for word in words if len(word) < 66] == ["1", "one", "2", "(edited)", "deux"]
    assert "403" in terminal.refused("alice", "edit tea 2 zwei")
    assert terminal("alice", "read tea --last 1").split()[0] == "2"
    terminal("alice", "delete tea 1")
    assert "one" not in terminal("bob", "read tea")
    terminal("alice", f"delete-all tea {terminal('bob', 'id').strip()}")
    assert terminal("bob", "read tea") == "nothing is posted yet"


def test_a_ban_ends_and_is_lifted(terminal: Terminal, server: DevServer) -> None:
    bob = terminal("bob", "id").strip()
    assert "403" in terminal.refused("bob", f"ban tea {bob}")
    for seconds in ("", "--seconds 3600"):
        assert terminal("alice", f"ban tea {bob} {seconds}").startswith(f"banned {bob}")
        assert "banned in this room" in terminal.refused("bob", "post tea hello")
        terminal("alice", f"unban tea {bob}")
        terminal("bob", f"post tea 'hello {seconds[2:5]}'")


def test_moderators_are_made_and_unmade(terminal: Terminal, server: DevServer) -> None:
    bob = terminal("bob", "id").strip()
    number = terminal("alice", "post tea hello").split()[1].rstrip(";")
    assert "403" in terminal.refused("bob", f"delete tea {number}")
    assert terminal("alice", f"moderator tea {bob}") == f"{bob} is now moderator"
    terminal("bob", f"delete tea {number}")
    assert "403" in terminal.refused("bob", "change tea --name Coffee")
    terminal("alice", f"moderator tea {bob} --admin")
    terminal("bob", "change tea --name Coffee --description 'no tea'")
    terminal("alice", "read tea")
    assert terminal("alice", "list").startswith("tea Coffee http://127.0.0.1")
    terminal("alice", f"moderator tea {bob} --remove")
    assert "403" in terminal.refused("bob", "change tea --name Tea")


def test_a_whitelist_is_left_by_who_is_disapproved(terminal: Terminal, server: DevServer) -> None:
    bob, carol = (terminal(name, "id").strip() for name in ("bob", "carol"))
    terminal("alice", f"join '{find_link(server, 'hut')}'")
    assert terminal("alice", f"approve hut {bob} {carol}").startswith("approved 2")
    link = terminal("alice", "invite hut --seconds 3600").strip()
    terminal("bob", f"join '{link}'")
    terminal("alice", "withdraw hut")
    assert "404" in terminal.refused("carol", f"join '{link}'")
    terminal("bob", "post hut warm")
    terminal("alice", f"disapprove hut {bob}")
    assert "404" in terminal.refused("bob", "post hut cold")


def test_a_room_becomes_a_whitelist_and_is_open_again(terminal: Terminal, server: DevServer) -> None:
    assert "give --name" in terminal.refused("alice", "change tea")
    terminal("alice", "change tea --whitelist")
    assert "404" in terminal.refused("bob", "read tea")
    terminal("alice", "change tea --open")
    assert terminal("bob", "read tea") == "nothing is posted yet"


def test_reading_a_room_leaves_the_news_of_others(terminal: Terminal, server: DevServer, tmp_path: Path) -> None:
    def count_news() -> int:
        file = AccountFile(tmp_path / "carol.sqlite")
        news = file.find_news()
        file.close()
        return len(news)

    for token in ("tea", "inn"):
        if token == "inn":
            terminal("alice", f"join '{find_link(server, token)}'")
        terminal("alice", f"post {token} hello")
        terminal("carol", f"join '{find_link(server, token)}'")
    assert count_news() == 2
    terminal("carol", "read inn")
    assert count_news() == 2
    terminal("carol", "read tea")
    assert count_news() == 1
    terminal("carol", "read inn")
    assert count_news() == 0


def test_a_room_that_is_left_is_none(terminal: Terminal, server: DevServer) -> None:
    terminal("bob", "leave tea")
    assert terminal("bob", "list") == ""
    assert "is in no room tea" in terminal.refused("bob", "read tea")


def test_a_file_is_written_to_a_new_file_with_a_name_that_is_no_path(
    terminal: Terminal, server: DevServer, tmp_path: Path
) -> None:
    (tmp_path / "hut.png").write_bytes(bytes(range(256)))
    terminal("bob", "post tea '' --attach hut.png")
    assert "no post has file 1" in terminal.refused("alice", "download tea 1")
    terminal("alice", "read tea")
    assert "File exists" in terminal.refused("alice", "download tea 1")
    terminal("alice", "download tea 1 --to got.png")
    assert (tmp_path / "got.png").read_bytes() == bytes(range(256))


def test_what_a_terminal_would_obey_is_not_printed(terminal: Terminal, server: DevServer) -> None:
    terminal("bob", "post tea 'a\x1b[2J\u202eb'")
    assert terminal("alice", "read tea").endswith("a\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}b")
