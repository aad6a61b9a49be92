"""Rooms on a real server, over a network of processes: by onion requests only."""

import asyncio
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from cloister import errors, identity
from cloister.devnet import HOST, Devnet, find_ports
from cloister.devserver import DevServer
from cloister.network import Client, Messenger
from cloister.network_client import NetworkState
from cloister.open_group_rights import WHITELIST_GROUP
from cloister.room import RoomLink
from cloister.room_request import RoomNews

pytestmark = pytest.mark.network

NAMES = ("alice", "bob", "carol", "dave")
SETTINGS = {"requests_per_second": 10_000, "request_burst": 10_000}
ROOMS = ({"token": "tea", "name": "Tea"}, {"token": "hut", "name": "Hut", **WHITELIST_GROUP})
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4000


class Tap:
    """A port before the server, which notes what passes."""

    def __init__(self, server_port: int) -> None:
        (self.port,) = find_ports(1)
        self.server_port = server_port
        self.passed: list[bytes] = []
        self._listener = socket.create_server((HOST, self.port))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(inner,)))
            self._threads[-1].start()

    def _serve(self, inner: socket.socket) -> None:
        with inner, socket.create_connection((HOST, self.server_port)) as outer:
            back = threading.Thread(target=self._pass, args=(outer, inner))
            back.start()
            self._pass(inner, outer)
            back.join()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.passed.append(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


class Watched(httpx.AsyncHTTPTransport):
    """A transport that notes where it is asked to connect to."""

    def __init__(self, contacted: set[tuple[str, int | None]]) -> None:
        super().__init__()
        self.contacted = contacted

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.contacted.add((request.url.host, request.url.port))
        return await super().handle_async_request(request)


class Place:
    """A network, a server behind a tap, and people on the network; alice is the operator."""

    def __init__(self, devnet: Devnet, folder: Path) -> None:
        self.devnet = devnet
        self.folder = folder
        self.contacted: set[tuple[str, int | None]] = set()
        self.people = {name: self.open(name) for name in NAMES}
        operator = identity.encode_account_id(self.people["alice"].ours)
        self.server = DevServer(folder / "server", operator=operator, rooms=ROOMS, settings=SETTINGS)

    def open(self, name: str) -> Messenger:
        return Messenger(self.folder / name, self.connect)

    def connect(self, state: NetworkState | None) -> Client:
        return Client(self.devnet.network_file, state, timeout_ms=5000, transport=Watched(self.contacted))

    def link(self, token: str) -> RoomLink:
        return self.server.find_link(token)

    def news(self, name: str) -> list[RoomNews]:
        found = self.people[name].find_news()
        for news in found:
            self.people[name].acknowledge(news.number)
        return [news.told for news in found if isinstance(news.told, RoomNews)]

    def texts(self, name: str) -> list[str]:
        return [news.post.content.text for news in self.news(name) if news.post]


@pytest.fixture(scope="module")
def devnet() -> Iterator[Devnet]:
    with Devnet(nodes=7, swarms=1, settings=SETTINGS) as started:
        yield started


@pytest.fixture
def place(devnet: Devnet, tmp_path: Path) -> Iterator[Place]:
    made = Place(devnet, tmp_path)
    with made.server:
        yield made


def run(place: Place, work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(60), AsyncExitStack() as opened:
            for one in place.people.values():
                await opened.enter_async_context(one)
            await work()

    asyncio.run(main())


async def must_refuse(status: int, work: Awaitable[object]) -> None:
    with pytest.raises(errors.ServerRefused) as refused:
        await work
    assert refused.value.status == status


def test_a_room_over_a_network(place: Place) -> None:
    async def work() -> None:
        link = place.link("tea")
        alice, bob = place.people["alice"], place.people["bob"]
        address = await alice.join_room(link)
        await bob.join_room(link)
        assert alice.rooms[address].info.admin and not bob.rooms[address].info.moderator
        message = await bob.open_server(link).post("tea", "hello", [("hut.png", PICTURE)])
        await alice.poll_rooms()
        assert place.texts("alice") == ["hello"]
        (file,) = alice.rooms[address].view.posts[message].content.files
        assert await alice.open_server(link).download("tea", file) == PICTURE

        await bob.poll_rooms()
        await bob.open_server(link).edit(bob.rooms[address].view.posts[message], "hello, all")
        await alice.poll_rooms()
        assert place.texts("alice") == ["hello, all"]
        await place.people["carol"].open_server(link).post("tea", "buy here")
        await must_refuse(403, bob.open_server(link).ban("tea", place.people["carol"].ours.hex()))
        await alice.open_server(link).ban("tea", place.people["carol"].open_server(link).id)
        await must_refuse(403, place.people["carol"].open_server(link).post("tea", "and here"))
        await must_refuse(403, place.people["carol"].join_room(link))
        await alice.open_server(link).delete_all("tea", place.people["carol"].ours.hex())
        place.server.kill()
        place.server.start()
        await bob.poll_rooms()
        (news,) = place.news("bob")[-1:]
        assert news.kind == "deletion"
        assert [post.content.text for post in bob.rooms[address].view.posts.values()] == ["hello, all"]
        await must_refuse(403, place.people["carol"].join_room(link))

    run(place, work)


def test_the_banned_is_told(place: Place) -> None:
    async def work() -> None:
        link, bob = place.link("tea"), place.people["bob"]
        await bob.join_room(link)
        await place.people["alice"].open_server(link).ban("tea", bob.ours.hex(), timeout_s=3600)
        await bob.poll_rooms()
        await bob.poll_rooms()
        assert [(news.kind, news.status) for news in place.news("bob")] == [("refusal by server", 403)]
        await place.people["alice"].open_server(link).unban("tea", bob.ours.hex())
        await place.people["alice"].open_server(link).post("tea", "again")
        await bob.poll_rooms()
        assert place.texts("bob") == ["again"]

    run(place, work)


def test_a_whitelist_wants_approval_and_invitation(place: Place) -> None:
    async def work() -> None:
        link = place.link("hut")
        alice, bob, carol, dave = (place.people[name] for name in NAMES)
        server = alice.open_server(link)
        await server.approve("hut", [bob.ours, carol.ours])
        invited = replace(link, invitation=await server.invite("hut"))
        await must_refuse(404, bob.join_room(link))  # approved, not invited
        await must_refuse(404, dave.join_room(invited))  # invited, not approved
        address = await bob.join_room(invited)
        await bob.open_server(link).post("hut", "warm here", [("hut.png", b"wood")])
        await alice.join_room(link)
        assert place.texts("alice") == ["warm here"]
        await server.withdraw_invitation("hut")
        await must_refuse(404, carol.join_room(invited))
        await bob.poll_rooms()
        assert bob.rooms[address].refused is None
        await server.set_permissions("hut", bob.ours.hex(), dict.fromkeys(("read", "accessible", "write", "upload")))
        await must_refuse(404, bob.open_server(link).post("hut", "still?"))

    run(place, work)


def test_who_has_another_key_gets_nothing(place: Place) -> None:
    async def work() -> None:
        link = place.link("tea")
        other = replace(link, server_key=identity.derive_identity(bytes(32)).public[1:])
        bob = place.people["bob"]
        with pytest.raises(errors.NoReply, match="Loki Server error"):
            await bob.join_room(other)
        await bob.join_room(link)
        with pytest.raises(errors.UntrustedIdentity):
            await bob.join_room(other)

    run(place, work)


def test_the_server_is_reached_by_exits_only_and_nothing_passes_in_the_clear(place: Place) -> None:
    tap = Tap(place.server.port)

    async def work() -> None:
        link = replace(place.link("tea"), port=tap.port)
        alice, bob = place.people["alice"], place.people["bob"]
        await bob.join_room(link)
        await bob.open_server(link).post("tea", "the stove is warm", [("stove.png", PICTURE)])
        await alice.join_room(link)
        assert place.texts("alice") == ["the stove is warm"]

    with closing(tap):
        run(place, work)
    assert place.contacted <= {(node.ip, int(node.port)) for node in place.devnet.network.nodes.values()}
    passed = b"".join(tap.passed)
    for secret in (
        b"stove",
        b"/room/",
        b"since",
        PICTURE[:64],
        *(one.ours.hex().encode() for one in place.people.values()),
    ):
        assert secret not in passed
    assert set(re.findall(rb"POST (\S+) ", passed)) == {b"/oxen/v4/lsrpc"}
    names = {
        line.split(b":")[0].lower()
        for head in re.findall(rb"POST .*?\r\n\r\n", passed, re.DOTALL)
        for line in head.split(b"\r\n")[1:]
        if line
    }
    assert names <= {
        b"host",
        b"content-length",
        b"content-type",
        b"accept",
        b"accept-encoding",
        b"user-agent",
        b"connection",
    }
    log = place.server.log.read_text()
    assert not any(
        one.ours.hex() in log or one.open_server(place.link("tea")).id in log for one in place.people.values()
    )
