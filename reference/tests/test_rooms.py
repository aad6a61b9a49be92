"""Rooms of a messenger, on a server in this process; and the conversion of a closed group."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cloister import errors, group_content, group_control, room, room_request, wire
from cloister.group_control import GroupId
from cloister.group_state import Event
from cloister.network import Messenger, RoomClient
from cloister.room import RoomLink
from cloister.room_request import RoomNews
from cloister.server_onion import ServerReply
from cloister.signed_request import Request
from rooms import NOW_MS, House, Town

NAMES = ("alice", "bob", "carol", "dave")
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


class Neighbours:
    """Messengers by name, among them the operator of a house, alice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.house = House()
        self.held: dict[str, Any] = {}
        self.now_ms = NOW_MS
        self.people = {name: self.open(name) for name in NAMES}
        self.house.operator = self.people["alice"].ours.hex()

    def open(self, name: str) -> Messenger:
        return Messenger(self.folder / name, lambda state: Town(self.held, self.house, state), now=lambda: self.now_ms)

    def reopen(self, name: str) -> Messenger:
        self.people[name]._file.close()
        self.people[name] = self.open(name)
        return self.people[name]

    def client(self, name: str, link: RoomLink) -> RoomClient:
        return self.people[name].open_server(link)

    async def settle(self) -> None:
        """Let all store and poll, as often as it takes."""
        for _ in range(12):
            for one in self.people.values():
                await one.flush()
                await one.poll()

    def news(self, name: str) -> list[RoomNews]:
        """What somebody is told of rooms, and forgets."""
        found = self.people[name].find_news()
        for news in found:
            self.people[name].acknowledge(news.number)
        return [news.told for news in found if isinstance(news.told, RoomNews)]

    def texts(self, name: str) -> list[str]:
        return [news.post.content.text for news in self.news(name) if news.post]


@pytest.fixture
def all_of(tmp_path: Path) -> Iterator[Neighbours]:
    found = Neighbours(tmp_path)
    yield found
    for one in found.people.values():
        one._file.close()


def run(work: Awaitable[Any]) -> Any:
    async def main() -> Any:
        async with asyncio.timeout(60):
            return await work

    return asyncio.run(main())


def test_a_room_is_joined_read_and_written(all_of: Neighbours) -> None:
    async def work() -> None:
        link = all_of.house.open_room("tea")
        alice, bob = all_of.people["alice"], all_of.people["bob"]
        first = await all_of.client("alice", link).post("tea", "one")
        for name in ("alice", "bob"):
            assert await all_of.people[name].join_room(link) == room.encode_link(link)
            assert all_of.texts(name) == ["one"]
        all_of.now_ms += 1
        post = await all_of.client("bob", link).post("tea", "two", [("hut.png", PICTURE)])
        for text in ("three", "four", "five", "six"):  # more than a page of this server
            all_of.now_ms += 1
            await all_of.client("bob", link).post("tea", text)
        await alice.poll()
        assert all_of.texts("alice") == ["two", "three", "four", "five", "six"]
        (address,) = alice.rooms
        seen = alice.rooms[address].view.posts[post]
        assert seen.author == all_of.client("bob", link).id
        (file,) = seen.content.files
        assert file.name == "hut.png"
        assert await all_of.client("alice", link).download("tea", file) == PICTURE
        await all_of.client("bob", link).edit(seen, "2")
        await all_of.client("alice", link).delete("tea", first)
        await alice.poll()
        assert [(news.kind, news.id) for news in all_of.news("alice")] == [("post", post), ("deletion", first)]
        view = alice.rooms[address].view
        assert view.posts[post].content.files == (file,) and view.posts[post].content.text == "2"
        alice = all_of.reopen("alice")
        assert alice.rooms[address].view == view
        writes = alice._file._connection.total_changes
        await alice.poll()
        assert alice._file._connection.total_changes == writes, "nothing new is nothing to write"
        assert all_of.news("alice") == []
        assert bob.rooms[address].link.invitation is None

    run(work())


def test_a_file_that_is_another_is_refused(all_of: Neighbours) -> None:
    async def work() -> None:
        link = all_of.house.open_room("tea")
        bob = all_of.client("bob", link)
        file = await bob.upload("tea", "hut.png", PICTURE)
        all_of.house.rooms["tea"].files[file.id] = PICTURE[:-1] + b"x"
        with pytest.raises(errors.InvalidMessage, match="not the one of the post"):
            await bob.download("tea", file)

    run(work())


def test_a_ban_is_told_once_and_its_end_shows_what_was_missed(all_of: Neighbours) -> None:
    async def work() -> None:
        link = all_of.house.open_room("tea")
        bob = all_of.people["bob"]
        await bob.join_room(link)
        await all_of.client("alice", link).ban("tea", all_of.client("bob", link).id)
        await all_of.client("alice", link).post("tea", "hush")
        for _ in range(2):
            await bob.poll()
        assert [(news.kind, news.status) for news in all_of.news("bob")] == [("refusal by server", 403)]
        with pytest.raises(errors.ServerRefused) as refused:
            await all_of.client("bob", link).post("tea", "why?")
        assert refused.value.status == 403
        await all_of.client("alice", link).unban("tea", bob.ours.hex())
        await bob.poll()
        assert all_of.texts("bob") == ["hush"]

    run(work())


def test_what_is_refused_is_told_and_the_rest_is_shown(all_of: Neighbours) -> None:
    async def work() -> None:
        link = all_of.house.open_room("tea")
        await all_of.people["bob"].join_room(link)
        message = await all_of.client("alice", link).post("tea", "one")
        held = all_of.house.rooms["tea"].messages[message]
        held["session_id"] = all_of.client("carol", link).id
        all_of.now_ms += 1
        await all_of.client("alice", link).post("tea", "two")
        await all_of.people["bob"].poll()
        first, second = all_of.news("bob")
        assert (first.kind, first.error, first.id) == ("refusal", "InvalidSignature", message)
        assert second.post is not None and second.post.content.text == "two"

    run(work())


def give_back(change: Callable[[Any], Any], target: str) -> Callable[[Request, ServerReply], ServerReply]:
    """Let a server change its answers to a request."""

    def tamper(request: Request, reply: ServerReply) -> ServerReply:
        if request.target != target:
            return reply
        return replace(reply, body=json.dumps(change(json.loads(reply.body))).encode())

    return tamper


@pytest.mark.parametrize(
    "change",
    [
        lambda answers: answers[:1],
        lambda answers: {},
        lambda answers: [{**answers[0], "body": "text"}, answers[1]],
        lambda answers: [answers[0], {**answers[1], "code": "200"}],
        lambda answers: [{**answers[0], "body": {**answers[0]["body"], "token": "other"}}, answers[1]],
        lambda answers: [{**answers[0], "body": {**answers[0]["body"], "message_sequence": -1}}, answers[1]],
        lambda answers: [{**answers[0], "body": {**answers[0]["body"], "name": "\ud800"}}, answers[1]],
        lambda answers: [{**answers[0], "body": {**answers[0]["body"], "description": "\udfff"}}, answers[1]],
    ],
)
def test_a_beginning_of_another_form_is_refused(all_of: Neighbours, change: Callable[[Any], Any]) -> None:
    link = all_of.house.open_room("tea")
    all_of.house.tamper = give_back(change, "/sequence")
    with pytest.raises(errors.InvalidMessage):
        run(all_of.people["bob"].join_room(link))
    assert all_of.people["bob"].rooms == {}


def test_a_page_that_does_not_ascend_changes_nothing(all_of: Neighbours) -> None:
    async def work() -> None:
        link = all_of.house.open_room("tea")
        bob = all_of.people["bob"]
        await bob.join_room(link)
        before = bob.rooms
        for text in ("one", "two"):
            all_of.now_ms += 1
            await all_of.client("alice", link).post("tea", text)

        def turn(answers: Any) -> Any:
            return [{**answers[0], "body": answers[0]["body"][::-1]}, answers[1]]

        all_of.house.tamper = give_back(turn, "/batch")
        await bob.poll()
        assert bob.rooms == before and all_of.news("bob") == []
        all_of.house.tamper = lambda _, reply: reply
        await bob.poll()
        assert all_of.texts("bob") == ["one", "two"]

    run(work())


LEFT_OUT = {"code": 413, "headers": {"content-type": "text/plain"}, "body": ""}


def leave_out(begin: int) -> Callable[[Request, ServerReply], ServerReply]:
    """Let a server leave out of its batches what is behind some answers, as it does when they are too long."""
    return give_back(lambda answers: [*answers[:begin], *([LEFT_OUT] * (len(answers) - begin))], "/batch")


@pytest.mark.parametrize("begin", [2, 3])
def test_a_room_that_does_not_fit_into_a_batch_is_asked_again(all_of: Neighbours, begin: int) -> None:
    async def work() -> None:
        links = [all_of.house.open_room(token) for token in ("tea", "coffee", "water")]
        bob = all_of.people["bob"]
        for link in links:
            await bob.join_room(link)
            await all_of.client("alice", link).post(link.room, f"of {link.room}")
        all_of.house.tamper = leave_out(begin)
        await bob.poll()
        news = all_of.news("bob")
        assert [one.post.content.text for one in news if one.post] == ["of tea", "of coffee", "of water"]
        assert len(news) == len(links), "nobody is told of a refusal"

    run(work())


def test_a_room_that_fits_into_no_batch_is_refused_by_the_server(all_of: Neighbours) -> None:
    async def work() -> None:
        link, bob = all_of.house.open_room("tea"), all_of.people["bob"]
        await bob.join_room(link)
        all_of.house.tamper = leave_out(0)
        await bob.poll()
        assert [(news.kind, news.status) for news in all_of.news("bob")] == [("refusal by server", 413)]

    run(work())


def test_a_key_is_pinned_until_the_room_is_left(all_of: Neighbours) -> None:
    async def work() -> None:
        link = all_of.house.open_room("tea")
        bob, other = all_of.people["bob"], replace(link, room="coffee", server_key=bytes(31) + b"\x09")
        address = await bob.join_room(link)
        asked = len(all_of.house.payloads)
        with pytest.raises(errors.UntrustedIdentity):
            await bob.join_room(other)
        bob.leave_room(address)
        with pytest.raises(errors.NoReply):
            await bob.join_room(other)
        assert len(all_of.house.payloads) == asked
        assert all_of.reopen("bob").rooms == {}

    run(work())


# Conversion

SECRET = "the key is under the stone"
TITLE = "the hikers of the hut"


async def make_full_group(all_of: Neighbours) -> GroupId:
    """Let a closed group come to its bound, and talk."""
    alice = all_of.people["alice"]
    group_id = alice.create_group([all_of.people[name].ours for name in ("bob", "carol")], TITLE)
    await all_of.settle()
    alice.add(group_id, [all_of.people["dave"].ours])
    await all_of.settle()
    all_of.people["bob"].send(group_id, SECRET)
    await all_of.settle()
    return group_id


def find_offer(one: Messenger) -> group_content.Room:
    """Find the room that somebody was offered."""
    (offer,) = [
        news.told.room for news in one.find_news() if isinstance(news.told, Event) and news.told.kind == "room offered"
    ]
    assert offer is not None
    return offer


def find_events(one: Messenger, kind: str) -> int:
    return sum(isinstance(news.told, Event) and news.told.kind == kind for news in one.find_news())


@pytest.mark.parametrize("is_whitelist", [False, True])
def test_a_group_is_converted_and_nothing_of_it_reaches_the_server(
    all_of: Neighbours, is_whitelist: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_control, "MAX_MEMBERS", 4)

    async def work() -> None:
        group_id = await make_full_group(all_of)
        alice, bob, carol, dave = (all_of.people[name] for name in NAMES)
        assert find_events(alice, "conversion recommended") == 1
        assert all_of.house.payloads == []

        link = all_of.house.open_room("hut", is_whitelist=is_whitelist)
        server = all_of.client("alice", link)
        if is_whitelist:
            await server.approve("hut", [bob.ours, carol.ours])  # whom its user approves: not Dave
            link = replace(link, invitation=await server.invite("hut"))
        asked = len(all_of.house.payloads)
        alice.offer_room(group_id, link)
        await all_of.settle()
        assert len(all_of.house.payloads) == asked, "who is offered a room tells the server nothing"
        assert not any(one.rooms for one in all_of.people.values())

        offered = room.read_offer(find_offer(bob))
        assert offered == link
        await bob.join_room(offered)
        await all_of.settle()
        assert [known.link.invitation for known in bob.rooms.values()] == [None]
        assert (len(bob.rooms), carol.rooms, dave.rooms) == (1, {}, {})
        await all_of.client("bob", link).post("hut", "hello, all")
        if is_whitelist:
            with pytest.raises(errors.ServerRefused) as refused:
                await dave.join_room(room.read_offer(find_offer(dave)))
            assert refused.value.status == 404
            await carol.join_room(room.read_offer(find_offer(carol)))
            assert all_of.texts("carol") == ["hello, all"]
        check_reached(all_of, group_id, {bob.ours.hex(), carol.ours.hex()} if is_whitelist else set())
        assert all_of.house.rooms["hut"].approved == ({bob.ours.hex(), carol.ours.hex()} if is_whitelist else set())

    run(work())


def check_reached(all_of: Neighbours, group_id: GroupId, approved: set[str]) -> None:
    """Check that nothing of a group is in what reached the server, in any spelling, but the ids that were approved."""
    reached = b"\n".join(all_of.house.payloads)
    assert b"/messages/since/" in reached
    group = all_of.people["alice"].client.groups[group_id]
    secrets = [SECRET.encode(), TITLE.encode(), group_id, *(address.pair.private for address in group.addresses)]
    secrets += [address.pair.public[1:] for address in group.addresses]
    for secret in secrets:
        for written in (secret, secret.hex().encode(), *find_base64(secret)):
            assert written not in reached
    named = {name for name in NAMES if all_of.people[name].ours.hex().encode() in reached}
    assert {all_of.people[name].ours.hex() for name in named} == approved
    for one in all_of.people.values():
        for written in (one.ours[1:], *find_base64(one.ours[1:])):
            assert written not in reached


def find_base64(data: bytes) -> list[bytes]:
    """Base64 of data that begins at any byte, without what hangs on its neighbours."""
    return [wire.encode_base64(bytes(shift) + data)[4 * (shift > 0) : -4].encode() for shift in range(3)]


def test_the_bytes_that_are_looked_for_would_be_found() -> None:
    data = b"something longer than a few bytes"
    for shift in range(3):
        written = wire.encode_base64(b"abc"[:shift] + data + b"tail").encode()
        assert any(found in written for found in find_base64(data))


@pytest.mark.parametrize("address", ["no link", "http://house.example/tea?public_key=" + "09" + "00" * 31])
def test_an_offer_whose_key_is_not_that_of_its_link_is_refused(address: str) -> None:
    with pytest.raises(errors.InvalidMessage):
        room.read_offer(group_content.Room(address=address, server_key=bytes(range(32))))


def test_500_members_are_approved_in_batches_that_name_nothing_but_their_ids() -> None:
    accounts = [group_control.PublicKey(bytes([5, *number.to_bytes(32, "little")])) for number in range(500)]
    batches = room_request.build_approvals("hut", accounts)
    assert [count for _, count in batches] == [100] * 5
    parts = [part for batch, _ in batches for part in json.loads(batch.body)]
    assert [part["path"] for part in parts] == [f"/room/hut/permissions/{account.hex()}" for account in accounts]
    assert all(part["json"] == dict.fromkeys(("read", "accessible", "write", "upload"), True) for part in parts)
