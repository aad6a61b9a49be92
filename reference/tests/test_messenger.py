"""A messenger, among others, on a network in this process that stores twice, fails and delivers in pages; and killed at each write."""

import asyncio
import hashlib
import json
import random as randomness
import re
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cloister import (
    double_ratchet,
    envelope,
    errors,
    group_control,
    identity,
    mailbox,
    saved_state,
    sender_keys,
    session,
    wire,
)
from cloister.client import Client as Holder
from cloister.client import Text
from cloister.devnet import Devnet
from cloister.group_control import GroupId
from cloister.group_state import Event
from cloister.identity import PublicKey
from cloister.mailbox import Letter, Mailbox
from cloister.network import Client as NetworkClient
from cloister.network import Messenger, Received, Stored, UnusableFile, account_file, messenger
from cloister.network.account_file import AccountFile, Refusal
from cloister.network_client import NetworkState
from cloister.room_request import KnownRoom
from cloister.service_node.database import FILE

NOW_MS = 1_600_000_000_000
NAMES = ("alice", "bob", "carol", "dave")
PAGE = 3
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


class Killed(Exception):
    """A process has died."""


class Audit:
    """All that was ever given to the network: no key may have been used for two different things."""

    def __init__(self) -> None:
        self.privates: dict[str, bytes] = {}
        self.sealed: list[tuple[str, bytes]] = []

    def note_keys(self, one: Holder) -> None:
        """Note the private keys of what a client polls."""
        self.privates[one.ours.hex()] = one.account.identity.private
        for group in one.groups.values():
            self.privates |= {address.pair.public.hex(): address.pair.private for address in group.addresses}

    def count(self) -> int:
        """Check each key, and count them."""
        used: dict[tuple[object, ...], bytes] = {}
        for recipient, sealed in self.sealed:
            opened = envelope.open_envelope(identity.PrivateKey(self.privates[recipient]), sealed)
            key = find_key(opened)
            if key is not None:
                assert used.setdefault(key, opened.content) == opened.content, f"{key} was used twice"
        return len(used)


def find_key(opened: envelope.Envelope) -> tuple[object, ...] | None:
    """Find the key of a frame: its chain, and the place in it."""
    match opened.kind:
        case "group message":
            in_group = sender_keys.decode_message(opened.content)
            return opened.source, in_group.key_id, in_group.iteration
        case "session request":
            return None
        case kind:
            frame = opened.content
            if kind == "prekey message":
                frame = session.decode_prekey_message(frame).message
            message = double_ratchet.decode_message(frame)
            return message.ratchet_key, message.counter


class Office:
    """What is stored, by recipient, and who has died."""

    def __init__(self, seed: int) -> None:
        self.random = randomness.Random(seed)
        self.held: dict[str, list[Letter]] = {}
        self.audit = Audit()
        self.dead: set[Post] = set()
        self.failures = 0.0

    def draw(self, size: int) -> bytes:
        """Random bytes from the seed."""
        return self.random.randbytes(size)


class Post(NetworkClient):
    """The client of a network that is an office."""

    def __init__(self, office: Office, state: NetworkState | None) -> None:
        self.office = office
        self.state = state or NetworkState()
        self.at_once = self.most_at_once = 0

    async def __aexit__(self, *_: object) -> None:
        pass

    def check_alive(self) -> None:
        if self in self.office.dead:
            raise Killed

    async def store(self, recipient: str, data: str, *, ttl_ms: int) -> Stored:
        """Store; it may fail before, or after."""
        self.check_alive()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        self.check_alive()
        return self.put(recipient, data, ttl_ms)

    async def store_at_once(self, recipient: str, data: str, *, ttl_ms: int) -> Stored:
        """Store without a pause."""
        return self.put(recipient, data, ttl_ms)

    def put(self, recipient: str, data: str, ttl_ms: int) -> Stored:
        """Put something into the office."""
        self.office.audit.sealed.append((recipient, wire.decode_base64(data, what="data")))
        fails = self.office.random.random() < self.office.failures
        if not fails or self.office.random.random() < 0.5:
            held = self.office.held.setdefault(recipient, [])
            hashed = hashlib.sha512(f"{recipient} {len(held)}".encode()).hexdigest()
            held.append(Letter(hash=hashed, expiration_ms=NOW_MS + ttl_ms, data=data))
        if fails:
            raise errors.NotSent(acknowledged=(), needed=2, reason="the network fails")
        return Stored(hash="", nodes=())

    async def retrieve(self, recipient: str, box: Mailbox) -> AsyncIterator[Received]:
        """Fetch from two nodes that hold the same."""
        for node in ("aa" * 32, "bb" * 32):
            self.check_alive()
            held = self.office.held.get(recipient, [])
            cursor = mailbox.find_cursor(box, node)
            start = next((place + 1 for place, letter in enumerate(held) if letter.hash == cursor), 0)
            for at in range(start, len(held), PAGE):
                await asyncio.sleep(0)
                box, letters = mailbox.take_letters(box, node, held[at : at + PAGE], now_ms=NOW_MS)
                yield Received(mailbox=box, letters=tuple(letters))


class People:
    """Messengers by name, what each was shown, and what each is to be shown."""

    def __init__(self, folder: Path, office: Office) -> None:
        self.folder = folder
        self.office = office
        self.people: dict[str, Messenger] = {}
        self.shown: dict[str, list[tuple[object, ...]]] = {name: [] for name in NAMES}
        self.deaths = 0
        self.runner = asyncio.Runner()

    def open(self, name: str) -> Messenger:
        """Open the file of somebody."""
        made = Messenger(
            self.folder / name,
            lambda state: Post(self.office, state),
            random=self.office.draw,
            now=lambda: NOW_MS,
        )
        made._file._connection.execute("PRAGMA synchronous = OFF")  # it is no power failure that is tried
        self.people[name] = made
        return made

    def account(self, name: str) -> PublicKey:
        return self.people[name].ours

    def accounts(self, names: Iterable[str]) -> list[PublicKey]:
        return [self.account(name) for name in names]

    def name(self, account: PublicKey | None) -> str | None:
        return next((name for name, one in self.people.items() if one.ours == account), None)

    def reopen(self, name: str) -> None:
        """Let somebody who has died come again."""
        self.deaths += 1
        self.people[name]._file.close()
        self.open(name)

    def command(self, name: str, act: Callable[[Messenger], object], *, is_done: Callable[[Messenger], bool]) -> None:
        """Let somebody do something; who has died looks whether it is done."""
        try:
            act(self.people[name])
        except Killed:
            self.reopen(name)
            if not is_done(self.people[name]):
                act(self.people[name])

    def say(self, name: str, group_id: GroupId, text: str) -> None:
        before = self.people[name].client.groups[group_id].next_index
        self.command(
            name,
            lambda one: one.send(group_id, text),
            is_done=lambda one: one.client.groups[group_id].next_index > before,
        )

    def settle(self) -> None:
        """Store, poll, and show, until nothing moves."""
        moves = True
        while moves:
            moves = False
            for name in self.people:
                moves |= self.let_act(name)

    def let_act(self, name: str) -> bool:
        """Let somebody store, poll and see what is new; tell whether there was anything."""
        one = self.people[name]
        before = one.client, len(self.shown[name])
        try:
            self.runner.run(act(one))
        except (Killed, ExceptionGroup) as died:
            if isinstance(died, ExceptionGroup) and died.split(Killed)[1]:
                raise
            self.reopen(name)
            return True
        self.office.audit.note_keys(one.client)
        self.show(name)
        return before != (one.client, len(self.shown[name]))

    def show(self, name: str) -> None:
        """Show what is new, and acknowledge it."""
        for news in self.people[name].find_news():
            self.shown[name].append(self.describe(news.told))
            self.people[name].acknowledge(news.number)

    def describe(self, told: Event | Text | Refusal) -> tuple[object, ...]:
        """What is shown, in names."""
        match told:
            case Event():
                return told.kind, self.name(told.account), told.index, told.text
            case Text():
                return "text", self.name(told.account), None, told.text
            case Refusal():
                return "refused", self.name(told.account), told.error, told.reason

    def texts(self, name: str) -> list[tuple[object, object]]:
        """What was said to somebody, and by whom."""
        return sorted((str(who), str(text)) for kind, who, _, text in self.shown[name] if kind in {"message", "text"})


async def act(one: Messenger) -> None:
    await one.flush()
    one.tick()
    await one.poll()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait before a store is tried again."""
    monkeypatch.setattr(messenger, "RETRY_SECONDS", 0)


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    """Four strangers."""
    with gather(tmp_path) as made:
        yield made


@contextmanager
def gather(folder: Path, *, failures: float = 0) -> Iterator[People]:
    """Gather four strangers, in the order of their accounts."""
    office = Office(1)
    office.failures = failures
    made = People(folder, office)
    for name in NAMES:
        made.open(name)
    try:
        with made.runner:
            yield made
    finally:
        for one in made.people.values():
            one._file.close()


# A life of a group


def live(people: People) -> GroupId:
    """Let a group form, talk, change, and lose members; every change settles."""
    group_id = None

    def find_group(one: Messenger) -> Any:
        return one.client.groups.get(group_id) if group_id else next(iter(one.client.groups.values()), None)

    def is_member(one: Messenger, name: str) -> bool:
        return people.account(name) in group_control.find_members(find_group(one).view)

    people.command(
        "alice",
        lambda one: one.create_group(people.accounts(["bob", "carol"]), "hike", PNG),
        is_done=lambda one: bool(one.client.groups),
    )
    (group_id,) = people.people["alice"].client.groups
    people.settle()
    for name in ("alice", "bob", "carol"):
        people.say(name, group_id, f"{name} says hello")
    people.settle()
    people.command(
        "bob", lambda one: one.add(group_id, people.accounts(["dave"])), is_done=lambda one: is_member(one, "dave")
    )
    people.say("bob", group_id, "welcome")
    people.settle()
    people.say("dave", group_id, "thank you")
    people.command(
        "alice",
        lambda one: one.rename(group_id, "camp"),
        is_done=lambda one: find_group(one).view.snapshot.name == "camp",
    )
    people.say("alice", group_id, "we camp")
    people.settle()
    people.command("carol", lambda one: one.leave(group_id), is_done=lambda one: find_group(one).status == "out")
    people.settle()
    people.say("dave", group_id, "where is carol")
    people.settle()
    people.command(
        "alice",
        lambda one: one.kick(group_id, people.accounts(["dave"])),
        is_done=lambda one: not is_member(one, "dave"),
    )
    people.say("alice", group_id, "two are left")
    people.settle()
    people.say("bob", group_id, "so we are")
    people.settle()
    return group_id


def check_life(people: People) -> None:
    """Check that everybody was shown what was said while a member, once, and nothing was refused."""
    hello = [(name, f"{name} says hello") for name in ("alice", "bob", "carol")]
    later = [("bob", "welcome"), ("dave", "thank you"), ("alice", "we camp")]
    last = [("dave", "where is carol")]
    end = [("alice", "two are left"), ("bob", "so we are")]
    said = {
        "alice": hello + later + last + end,
        "bob": hello + later + last + end,
        "carol": hello + later,
        "dave": later + last,
    }
    for name, all_said in said.items():
        assert people.texts(name) == sorted((who, text) for who, text in all_said if who != name), name
    kinds = {name: Counter(kind for kind, *_ in shown) for name, shown in people.shown.items()}
    assert kinds["bob"]["renamed"] == kinds["carol"]["renamed"] == kinds["dave"]["renamed"] == 1
    assert kinds["carol"]["out"] == 1
    assert kinds["dave"]["notice"] == 1
    assert kinds["bob"]["member left"] == kinds["bob"]["member kicked"] == 1
    refused = {(name, *each) for name, shown in people.shown.items() for each in shown if each[0] == "refused"}
    assert {(name, error) for name, _, _, error, _ in refused} <= {("dave", "DuplicateMessage")}  # from before it came
    assert people.office.audit.count() > 30


def test_a_life_of_a_group(people: People) -> None:
    group_id = live(people)
    check_life(people)
    views = [people.people[name].client.groups[group_id].view for name in ("alice", "bob")]
    assert group_control.derive_digest(views[0]) == group_control.derive_digest(views[1])
    assert not any(one.client.outbox for one in people.people.values())


# Killed at each write


class Deaths:
    """Lets a messenger die at one of its writes, before it is on disk or after."""

    def __init__(self, people: People, victim: str, at: int | None, *, is_written: bool) -> None:
        self.people = people
        self.victim = victim
        self.at = at
        self.is_written = is_written
        self.writes = 0

    def install(self, patched: pytest.MonkeyPatch) -> None:
        """Stand between the victim and its disk; who is dead writes no more."""
        write, commit = AccountFile.write, AccountFile._commit

        def write_if_alive(file: AccountFile, *given: Any) -> None:
            if file is self.find_file():
                self.people.people[self.victim].network.check_alive()  # type: ignore[attr-defined]
            write(file, *given)

        def die_at_commit(file: AccountFile) -> None:
            if file is self.find_file():
                self.writes += 1
            dies = file is self.find_file() and self.writes == self.at
            if self.is_written or not dies:
                commit(file)
            if dies:
                self.people.office.dead.add(self.people.people[self.victim].network)
                raise Killed

        patched.setattr(AccountFile, "write", write_if_alive)
        patched.setattr(AccountFile, "_commit", die_at_commit)

    def find_file(self) -> AccountFile | None:
        """The file of the victim, once it is opened."""
        one = self.people.people.get(self.victim)
        return one._file if one else None


def live_and_die(folder: Path, victim: str, at: int | None, *, is_written: bool = False) -> tuple[People, Deaths]:
    """Let a group live, and a messenger die at one write."""
    folder.mkdir()
    with gather(folder) as people, pytest.MonkeyPatch.context() as patched:
        deaths = Deaths(people, victim, at, is_written=is_written)
        deaths.install(patched)
        live(people)
        check_life(people)
        assert people.deaths == (at is not None)
    return people, deaths


def count_shown(people: People) -> dict[str, Counter[tuple[object, ...]]]:
    """Count what each was shown, but for the older messages that a newcomer cannot read."""
    return {name: Counter(each for each in shown if each[0] != "refused") for name, shown in people.shown.items()}


@pytest.mark.long
@pytest.mark.parametrize(
    ("victim", "is_written"),
    [("alice", False), ("alice", True), ("bob", False), ("bob", True), ("carol", False), ("dave", True)],
)
def test_who_is_killed_at_any_write_loses_nothing_and_shows_nothing_twice(
    tmp_path: Path, victim: str, is_written: bool
) -> None:
    undisturbed, deaths = live_and_die(tmp_path / "undisturbed", victim, None)
    assert deaths.writes > 5
    for at in range(1, deaths.writes + 1):
        people, _ = live_and_die(tmp_path / str(at), victim, at, is_written=is_written)
        assert count_shown(people) == count_shown(undisturbed), at


# The network


def test_a_network_that_fails_is_tried_again(tmp_path: Path) -> None:
    with gather(tmp_path, failures=0.5) as people:
        live(people)
        check_life(people)
        assert all(one.network.most_at_once <= messenger.STORES_AT_ONCE for one in people.people.values())


def test_the_time_between_two_tries_grows_to_a_minute(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 9:
            people.office.failures = 0

    one = people.people["alice"]
    people.office.failures = 1
    monkeypatch.setattr(messenger, "RETRY_SECONDS", 1.0)
    monkeypatch.setattr(messenger.asyncio, "sleep", sleep)
    monkeypatch.setattr(Post, "store", Post.store_at_once)
    one.send_to(people.account("bob"), "hello")
    people.runner.run(one.flush())
    assert waited == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert not one.client.outbox


def test_several_are_stored_at_once(people: People) -> None:
    one = people.people["alice"]
    one.create_group(people.accounts(["bob", "carol", "dave"]), "hike")
    for _ in range(7):
        one.send(next(iter(one.client.groups)), "hello")
    assert len(one.client.outbox) == 10
    people.runner.run(one.flush())
    assert one.network.most_at_once == messenger.STORES_AT_ONCE


def test_a_store_under_a_renewed_key_is_given_up(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = people.people["alice"]
    group_id = alice.create_group(people.accounts(["bob", "carol", "dave"]), "hike")
    people.settle()
    begun, ended = asyncio.Event(), []

    async def store(self: Post, recipient: str, data: str, *, ttl_ms: int) -> Stored:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(recipient)
        raise AssertionError

    async def kick_meanwhile() -> None:
        flushing = asyncio.create_task(alice.flush())
        await begun.wait()
        assert ended == []
        monkeypatch.undo()
        alice.kick(group_id, people.accounts(["dave"]))
        await flushing

    alice.send(group_id, "not for dave")
    (before,) = alice.client.outbox.values()
    monkeypatch.setattr(Post, "store", store)
    people.runner.run(kick_meanwhile())
    assert ended == [before.recipient.hex()]
    assert before.sealed not in [sealed for _, sealed in people.office.audit.sealed]
    people.settle()
    assert ("alice", "not for dave") in people.texts("bob")
    assert ("alice", "not for dave") not in people.texts("dave")


@pytest.mark.parametrize("turns", range(8))
def test_who_stops_storing_can_go_on(people: People, turns: int) -> None:
    async def main() -> None:
        one = people.people["alice"]
        one.create_group(people.accounts(["bob", "carol", "dave"]), "hike")
        flushing = asyncio.create_task(one.flush())
        for _ in range(turns):
            await asyncio.sleep(0)
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
        async with asyncio.timeout(20):
            await one.flush()
        assert not one.client.outbox

    people.runner.run(main())


@pytest.mark.parametrize("turns", range(8))
def test_a_store_may_be_dropped_at_each_turn(people: People, turns: int) -> None:
    alice = people.people["alice"]
    group_id = alice.create_group(people.accounts(["bob", "carol", "dave"]), "hike")
    people.settle()

    async def kick_meanwhile() -> None:
        flushing = asyncio.create_task(alice.flush())
        for _ in range(turns):
            await asyncio.sleep(0)
        alice.kick(group_id, people.accounts(["dave"]))
        async with asyncio.timeout(20):
            await flushing
        assert alice._stores == {}

    alice.send(group_id, "hello")
    people.runner.run(kick_meanwhile())
    people.settle()
    assert people.texts("bob") == people.texts("carol") == [("alice", "hello")]


def test_who_runs_stores_polls_and_ticks(people: People) -> None:
    async def main() -> None:
        alice, bob = people.people["alice"], people.people["bob"]
        runs = [asyncio.create_task(one.run(poll_seconds=0)) for one in (alice, bob)]
        async with asyncio.timeout(20):
            alice.send_to(bob.ours, "hello")
            (news,) = await bob.wait_for_news()
            assert people.describe(news.told) == ("text", "alice", None, "hello")
            bob.acknowledge(news.number)
            waiting = asyncio.create_task(bob.wait_for_news())
            alice.send_to(bob.ours, "again")
            assert [people.describe(news.told)[3] for news in await waiting] == ["again"]
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)
        alice.send_to(bob.ours, "kept")
        assert alice.client.outbox

    people.runner.run(main())


# The file


def test_only_what_has_changed_is_written(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = people.people["alice"]
    group_id = alice.create_group(people.accounts(["bob", "carol"]), "hike")
    people.settle()
    written: list[str] = []
    to_text = account_file.to_text

    def note(part: object) -> str:
        written.append(type(part).__name__)
        return to_text(part)

    monkeypatch.setattr(account_file, "to_text", note)
    writes = people.people["alice"]._file._connection.total_changes
    alice.tick()
    assert people.people["alice"]._file._connection.total_changes == writes
    assert set(written) <= {"NetworkState"}
    written.clear()
    alice.send(group_id, "hello")
    assert sorted(set(written) - {"NetworkState"}) == ["Group", "Store", "int"]


def test_what_is_kept_is_read_as_it_was(people: People, tmp_path: Path) -> None:
    saved = json.loads((Path(__file__).parent / "saved" / "version_2.json").read_text())
    known = saved_state.restore(saved["known room"], KnownRoom)
    kept = account_file.Kept(
        client=saved_state.restore(saved["client"], Holder),
        network=saved_state.restore(saved["network state"], NetworkState),
        mailboxes={people.account("bob"): saved_state.restore(saved["mailbox"], Mailbox)},
        contacts={"bob": people.account("bob"), "Bob's aunt": people.account("carol")},
        seed=bytes(range(32)),
        rooms={known.address: known},
    )
    file = AccountFile(tmp_path / "kept")
    assert file.read() is None
    file.write(kept)
    file.close()
    file = AccountFile(tmp_path / "kept")
    assert file.read() == kept
    file.write(replace(kept, contacts={}, client=replace(kept.client, waiting=(), outbox={}, queues={})))
    file.close()
    file = AccountFile(tmp_path / "kept")
    assert file.read() == replace(kept, contacts={}, client=replace(kept.client, waiting=(), outbox={}, queues={}))
    file.close()


def test_news_stay_until_they_are_acknowledged_and_numbers_are_not_given_again(people: People) -> None:
    people.people["alice"].send_to(people.account("bob"), "one")
    for name in ("alice", "bob", "bob", "alice", "alice", "bob"):
        people.runner.run(act(people.people[name]))
    (news,) = people.people["bob"].find_news()
    people.reopen("bob")
    assert people.people["bob"].find_news() == [news]
    people.people["bob"].acknowledge(news.number)
    people.reopen("bob")
    assert people.people["bob"].find_news() == []
    people.people["alice"].send_to(people.account("bob"), "two")
    people.runner.run(act(people.people["alice"]))
    people.runner.run(act(people.people["bob"]))
    (later,) = people.people["bob"].find_news()
    assert later.number > news.number


def test_a_contact_is_a_name_for_an_account(people: People) -> None:
    alice, bob, carol = (people.people[name] for name in ("alice", "bob", "carol"))
    assert alice.find_name(bob.ours) == bob.ours.hex()[:8]
    alice.name_contact("Bob", carol.ours)
    alice.name_contact("Bob", bob.ours)
    alice.name_contact("Bobby", bob.ours)
    people.reopen("alice")
    assert people.people["alice"].contacts == {"Bobby": bob.ours}
    assert people.people["alice"].find_name(bob.ours) == "Bobby"


def test_a_file_is_for_one_process_its_owner_and_one_version(tmp_path: Path) -> None:
    file = tmp_path / "file"
    first = AccountFile(file)
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UnusableFile, match="database is locked"):
        AccountFile(file)
    first.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 9")
    with pytest.raises(UnusableFile, match="version 9, only 1 is known"):
        AccountFile(file)
    file.write_text("this is no database, but a text that is long enough" * 9)
    with pytest.raises(UnusableFile, match="file is not a database"):
        AccountFile(file)


def test_a_write_that_fails_ends_the_messenger(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = people.people["alice"]
    before = alice.client

    def fail(file: AccountFile) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(AccountFile, "_commit", fail)
    with pytest.raises(sqlite3.OperationalError):
        alice.send_to(people.account("bob"), "one")
    monkeypatch.undo()
    with pytest.raises(sqlite3.OperationalError):
        alice.send_to(people.account("bob"), "two")
    people.reopen("alice")
    assert people.people["alice"].client == before


# Killed at any time, on a network of processes

PERSON = Path(__file__).parent / "messenger" / "person.py"
TEXTS = 30
KILLS = 16
SETTINGS = {"requests_per_second": 10_000, "request_burst": 10_000}
"""Of the nodes, to which all clients have one address."""
SECONDS = 240
"""Of a machine that has much else to do; on a quiet one it takes a tenth of that."""


class Crowd:
    """People, each a process, on a devnet."""

    def __init__(self, devnet: Devnet, names: Iterable[str], seed: int) -> None:
        self.devnet = devnet
        self.random = randomness.Random(seed)
        self.names = tuple(names)
        self.processes = {name: self.start(name) for name in self.names}

    def start(self, name: str) -> subprocess.Popen[bytes]:
        with (self.devnet.folder / f"{name}.log").open("ab") as log:
            command = [PERSON, self.devnet.network_file, self.devnet.folder, name, TEXTS]
            return subprocess.Popen([sys.executable, *map(str, command)], stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()

    def close(self) -> None:
        for name in self.names:
            self.kill(name)

    def meet(self) -> None:
        """Let the first of them know the others."""
        ids = [self.devnet.folder / f"{name}.id" for name in self.names]
        self.wait_until(lambda: all(file.exists() and len(file.read_text()) == 66 for file in ids))
        new = self.devnet.folder / "found.new"
        new.write_text(" ".join([self.names[0], *(file.read_text() for file in ids[1:])]))
        new.replace(self.devnet.folder / "found")

    def kill_at_random(self) -> None:
        """Kill somebody after a while, and start it again."""
        name = self.random.choice(self.names)
        time.sleep(self.random.uniform(0, 2))
        self.kill(name)
        self.processes[name] = self.start(name)

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not is_so():
            dead = [name for name, process in self.processes.items() if process.poll() is not None]
            assert not dead, [(self.devnet.folder / f"{name}.log").read_text()[-2000:] for name in dead]
            assert time.monotonic() < deadline, {name: len(self.read_shown(name)) for name in self.names}
            time.sleep(0.1)

    def read_shown(self, name: str) -> list[tuple[str, str]]:
        """What somebody was shown."""
        file = self.devnet.folder / f"{name}.shown"
        if not file.exists():
            return []
        with closing(sqlite3.connect(file, timeout=30)) as connection:
            rows = connection.execute("SELECT told FROM shown ORDER BY number").fetchall()
        return [tuple(json.loads(told)) for (told,) in rows]

    def has_all(self) -> bool:
        """Tell whether everybody was shown as many texts as the others say."""
        expected = TEXTS * (len(self.names) - 1)
        return all(sum(kind == "message" for kind, _ in self.read_shown(name)) >= expected for name in self.names)


@pytest.mark.network
def test_who_is_killed_at_any_time_loses_nothing_shows_nothing_twice_and_uses_no_key_twice() -> None:
    with Devnet(nodes=7, swarms=1, settings=SETTINGS) as devnet:
        crowd = Crowd(devnet, ("alice", "bob", "carol"), seed=1)
        with closing(crowd):
            crowd.meet()
            for _ in range(KILLS):
                crowd.kill_at_random()
            crowd.wait_until(crowd.has_all)
            time.sleep(1)
        for name in crowd.names:
            shown = crowd.read_shown(name)
            others = [other for other in crowd.names if other != name]
            said = Counter(("message", f"{other} {number}") for other in others for number in range(TEXTS))
            assert Counter(each for each in shown if each[0] == "message") == said
            assert Counter(kind for kind, _ in shown)["joined"] == 1
            assert not [each for each in shown if each[0] == "refused"]
        audit = Audit()
        for name in crowd.names:
            note_file(audit, devnet.folder / f"{name}.sqlite")
        audit.sealed = [*find_stored(devnet)]
        assert audit.count() > 3 * TEXTS


def note_file(audit: Audit, path: Path) -> None:
    """Note the keys in the file of a messenger."""
    file = AccountFile(path)
    kept = file.read()
    file.close()
    assert kept is not None
    audit.note_keys(kept.client)


def find_stored(devnet: Devnet) -> Iterator[tuple[str, bytes]]:
    """Find what nodes hold."""
    for node in devnet.nodes.values():
        with closing(sqlite3.connect(node.data / FILE, timeout=30)) as connection:
            for recipient, data in connection.execute("SELECT recipient, data FROM message"):
                yield recipient, wire.decode_base64(data, what="data")


# The program of the guide

GUIDE = Path(__file__).parents[2] / "docs" / "demo.md"


@pytest.mark.network
def test_the_program_of_the_guide_is_killed_and_goes_on(tmp_path: Path) -> None:
    (source,) = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "hike.py").write_text(source)
    first = {f"{name} {told}" for name in ("alice", "bob", "carol") for told in ("joined Hike", "confirmed None")}
    said = {f"{name} message Who comes along?" for name in ("bob", "carol")}
    with Devnet(nodes=7, swarms=1, settings=SETTINGS) as devnet:
        for expected in (first | said, said):
            command = [sys.executable, "-u", "hike.py", str(devnet.network_file)]
            with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                lines = [process.stdout.readline().strip() for _ in expected]
                time.sleep(2)  # until what is printed is acknowledged
                process.kill()
            assert sorted(lines) == sorted(expected)
