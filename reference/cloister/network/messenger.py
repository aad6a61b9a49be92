"""A messenger: one account on a network, with its contacts, sessions, closed groups and rooms, in one file.

    async with Messenger(Path("alice.sqlite"), connect) as alice:
        alice.name_contact("bob", bob)
        group_id = alice.create_group([bob, carol], "hike")
        alice.send(group_id, "Hello.")
        await alice.run()

What a command or a letter leads to is written in one transaction, and only then stored, or told; so whoever is killed at any point
finds it whole or not at all. Who shows news keeps the number of the last with what is shown, and acknowledges it then.
"""

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

from cloister import client, closed_group, errors, group_sending, group_state, identity, room, room_request, wire
from cloister.client import TTL_MS, Client, Step, Told
from cloister.group_control import GroupId
from cloister.group_state import Group
from cloister.identity import PublicKey
from cloister.mailbox import Mailbox
from cloister.network.account_file import AccountFile, Kept, News, UnusableFile
from cloister.network.client import Client as NetworkClient
from cloister.network.client import Received
from cloister.network.onion_client import Tell
from cloister.network.room_client import Polled, RoomClient
from cloister.network_client import NetworkState
from cloister.onion import Server
from cloister.room import RoomEvent, RoomLink
from cloister.room_request import KnownRoom, RoomNews

STORES_AT_ONCE = 4
RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 60.0
POLL_SECONDS = 1.0
TICK_SECONDS = 30.0

Connect = Callable[[NetworkState | None], NetworkClient]
"""Makes the client of a network, with what was kept of it."""


class Messenger:
    """One account. Either `run` does all that is to be done, or the caller calls `flush`, `poll` and `tick` in turn.

    `now` gives milliseconds; `tell` is called with short lines for people.
    A write to the file that fails ends the messenger: it is opened again, and finds what was written.
    """

    def __init__(
        self,
        file: Path,
        connect: Connect,
        *,
        tell: Tell = lambda line: None,
        random: wire.Random = secrets.token_bytes,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Open the file of an account, or create both.

        Raises:
            UnusableFile, UnreadableState: the file cannot be used.
        """
        self.tell = tell
        self.random = random
        self.now = now
        self._file = AccountFile(file)
        self._kept = self._file.read() or self._create()
        self.network = connect(self._kept.network)
        self._stores: dict[int, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(STORES_AT_ONCE)
        self._changed = asyncio.Event()
        self._arrived = asyncio.Event()
        self._polling: defaultdict[Server, asyncio.Lock] = defaultdict(asyncio.Lock)

    def _create(self) -> Kept:
        """Create an account, and keep it."""
        seed = identity.generate_seed(self.random)
        ours = identity.derive_identity(seed)
        kept = Kept(client=client.create_client(ours, self.random, now_ms=self.now()), seed=seed)
        self._file.write(kept)
        return kept

    async def __aenter__(self) -> Self:
        await self.network.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.network.__aexit__()
        self._file.close()

    # What there is

    @property
    def client(self) -> Client:
        """All that the account holds."""
        return self._kept.client

    @property
    def ours(self) -> PublicKey:
        """Our account."""
        return self.client.ours

    @property
    def contacts(self) -> dict[str, PublicKey]:
        """The accounts to which the user gave names."""
        return dict(self._kept.contacts)

    def find_name(self, account: PublicKey) -> str:
        """Find the name of a contact; of a stranger it is the beginning of the account id."""
        named = next((name for name, held in self._kept.contacts.items() if held == account), None)
        return named or identity.encode_account_id(account)[:8]

    def name_contact(self, name: str, account: PublicKey) -> None:
        """Give an account a name, in place of the one that has it or that it has."""
        others = {other: held for other, held in self._kept.contacts.items() if held != account}
        self.keep(replace(self._kept, contacts={**others, name: account}))

    # News

    def find_news(self) -> list[News]:
        """Find what the user has not acknowledged, oldest first."""
        return self._file.find_news()

    async def wait_for_news(self) -> list[News]:
        """Wait until there is something that the user has not acknowledged."""
        while not (news := self.find_news()):
            self._arrived.clear()
            await self._arrived.wait()
        return news

    def acknowledge(self, number: int) -> None:
        """Note that the user knows of all up to a number."""
        self._file.acknowledge(number)

    # Commands

    def create_group(self, others: Iterable[PublicKey], name: str, avatar: bytes | None = None) -> GroupId:
        """Create a group; return its id.

        Raises:
            OutOfRange, InvalidName, InvalidAvatar: as `client.create_group`.
        """
        step = client.create_group(self.client, list(others), name, avatar, self.random, now_ms=self.now())
        (group_id,) = step.client.groups.keys() - self.client.groups.keys()
        self._take(step)
        return group_id

    def add(self, group_id: GroupId, accounts: Iterable[PublicKey]) -> None:
        """Add accounts to a group.

        Raises:
            UnknownGroup, OutOfRange, GroupClosed, NotPermitted, GroupFull: as `closed_group.add`.
        """
        self._change(group_id, lambda group: closed_group.add(group, accounts, self.random, now_ms=self.now()))

    def kick(self, group_id: GroupId, accounts: Collection[PublicKey]) -> None:
        """Kick members, as the administrator.

        Raises:
            UnknownGroup, OutOfRange, GroupClosed, NotPermitted: as `closed_group.kick`.
        """
        self._change(group_id, lambda group: closed_group.kick(group, accounts, self.random, now_ms=self.now()))

    def leave(self, group_id: GroupId) -> None:
        """Leave a group; the administrator closes it.

        Raises:
            UnknownGroup, GroupClosed, NotPermitted: as `closed_group.leave`.
        """
        self._change(group_id, lambda group: closed_group.leave(group, self.random, now_ms=self.now()))

    def rename(self, group_id: GroupId, name: str) -> None:
        """Give a group another name, as the administrator.

        Raises:
            UnknownGroup, GroupClosed, NotPermitted, InvalidName: as `closed_group.rename`.
        """
        self._change(group_id, lambda group: closed_group.rename(group, name, self.random, now_ms=self.now()))

    def change_avatar(self, group_id: GroupId, image: bytes) -> None:
        """Give a group another avatar, as the administrator.

        Raises:
            UnknownGroup, GroupClosed, NotPermitted, InvalidAvatar: as `closed_group.change_avatar`.
        """
        self._change(group_id, lambda group: closed_group.change_avatar(group, image, self.random, now_ms=self.now()))

    def send(self, group_id: GroupId, text: str) -> None:
        """Send a text to a group.

        Raises:
            UnknownGroup, GroupClosed, NotPermitted, TooLarge: as `group_sending.send_text`.
        """
        self._change(
            group_id, lambda group: group_sending.send_text(group, text, "server", self.random, now_ms=self.now())
        )

    def send_to(self, account: PublicKey, text: str) -> None:
        """Send a text to one account.

        Raises:
            TooLarge: as `client.send_text`.
        """
        self._take(client.send_text(self.client, account, text, self.random, now_ms=self.now()))

    def _change(self, group_id: GroupId, change: Callable[[Group], group_state.Step]) -> None:
        """Change a group."""
        self._take(client.change_group(self.client, group_id, change, self.random, now_ms=self.now()))

    # Rooms

    @property
    def rooms(self) -> dict[str, KnownRoom]:
        """The rooms that were joined, by address."""
        return dict(self._kept.rooms)

    def offer_room(self, group_id: GroupId, link: RoomLink) -> None:
        """Offer a room to a group, as its administrator: nothing of the group goes to the server.

        Raises:
            UnknownGroup, GroupClosed, NotPermitted: as `closed_group.offer_room`.
        Clauses: CG-33, OG-78
        """
        offered = room.make_offer(link)
        self._change(group_id, lambda group: group_sending.offer_room(group, offered, self.random, now_ms=self.now()))

    def open_server(self, link: RoomLink) -> RoomClient:
        """Open the server of a room for this account.

        Raises:
            UntrustedIdentity: we know a room there, with another server key.
            UnusableFile: the account was made before there were rooms.
        Clauses: OG-69
        """
        room.check_pinned(link, [known.link for known in self._kept.rooms.values()])
        if self._kept.seed is None:
            raise UnusableFile("this account was made before there were rooms: its seed is not known; make another")
        return RoomClient(self.network, self._kept.seed, link, now=self.now)

    async def join_room(self, link: RoomLink) -> str:
        """Join a room, because the user wishes it; return its address, by which it is known. The server reads all in it.

        Of a room that was joined before only the invitation is accepted.

        Raises:
            UntrustedIdentity, UnusableFile: as `open_server`.
            ServerRefused, NoReply, TooFewNodes, DecryptionFailed, InvalidMessage: as `RoomClient.join`.
        Clauses: OG-69
        """
        server, address = self.open_server(link), room.encode_link(replace(link, invitation=None))
        if address in self._kept.rooms:
            await server.accept(link)
        else:
            self._take_room(*await server.join(link))
        return address

    def leave_room(self, address: str) -> None:
        """Forget a room, and with the last room of a server the key of that."""
        self.keep(replace(self._kept, rooms=leave_out(self._kept.rooms, address)))

    async def poll_rooms(self) -> None:
        """Fetch what is new in all rooms, those of a server in one batch."""
        async with asyncio.TaskGroup() as tasks:
            for addresses in find_servers(self._kept.rooms):
                tasks.create_task(self._poll_server(addresses))

    async def _poll_server(self, addresses: Collection[str]) -> None:
        """Fetch what is new in rooms of one server."""
        try:
            async with aclosing(self.poll_server(addresses)) as pages:
                async for polled in pages:
                    if polled.refusal is not None:
                        self.tell(f"room {polled.known.link.room}: {polled.refusal}")
        except (errors.NetworkFailure, errors.TooFewNodes, errors.ProtocolViolation) as error:
            self.tell(str(error))

    async def poll_server(self, addresses: Collection[str]) -> AsyncGenerator[Polled, None]:
        """Fetch what is new in rooms of one server, and keep each page before it is yielded.

        Raises:
            ServerRefused, NoReply, TooFewNodes, DecryptionFailed, InvalidMessage: as `RoomClient.poll`.
        """
        server = self.open_server(self._kept.rooms[next(iter(addresses))].link)
        async with self._polling[server.server]:
            rooms = [self._kept.rooms[address] for address in addresses if address in self._kept.rooms]
            async with aclosing(server.poll(rooms)) as pages:
                async for polled in pages:
                    self._take_polled(polled)
                    yield polled

    def _take_polled(self, polled: Polled) -> None:
        """Keep a page of a room with what it tells; a refusal by the server is told when it is new."""
        before = self._kept.rooms.get(polled.known.address)
        if before is None:  # it was left meanwhile
            return
        told = []
        if polled.known.refused is not None and polled.known.refused != before.refused:
            told = [
                RoomNews(
                    address=polled.known.address,
                    kind="refusal by server",
                    status=polled.known.refused,
                    reason=str(polled.refusal),
                )
            ]
        self._take_room(polled.known, polled.events, told)

    def _take_room(self, known: KnownRoom, events: Iterable[RoomEvent], told: Iterable[RoomNews] = ()) -> None:
        """Keep what has become of a room, with what it tells."""
        news = [room_request.describe_event(known.address, event) for event in events]
        self.keep(replace(self._kept, rooms={**self._kept.rooms, known.address: known}), [*news, *told])

    # Keeping

    def _take(self, step: Step) -> None:
        """Take what something has led to."""
        self.keep(replace(self._kept, client=step.client), step.told)

    def keep(self, kept: Kept, told: Iterable[Told | RoomNews] = ()) -> None:
        """Write what there is now, and only then go on from it: new stores begin, those that are dropped end, news are told.

        Clauses: CG-12, CG-16
        """
        polled = client.find_recipients(kept.client)
        mailboxes = {recipient: box for recipient, box in kept.mailboxes.items() if recipient in polled}
        kept = replace(kept, network=self.network.state, mailboxes=mailboxes)
        self._file.write(kept, told)
        self._kept = kept
        for number in self._stores.keys() - kept.client.outbox.keys():
            self._stores[number].cancel()
        self._changed.set()
        self._arrived.set()

    # The network

    async def run(self, *, poll_seconds: float = POLL_SECONDS) -> None:
        """Store, poll and do what is due, until this is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._store_outbox(until_empty=False))
            tasks.create_task(self._poll_on(poll_seconds))
            tasks.create_task(self._tick_on())

    async def flush(self) -> None:
        """Store what is in the outbox, until nothing is left."""
        await self._store_outbox(until_empty=True)

    async def _store_outbox(self, *, until_empty: bool) -> None:
        """Store what is or comes into the outbox."""
        async with asyncio.TaskGroup() as tasks:
            while self.client.outbox or not until_empty:
                for number in sorted(self.client.outbox.keys() - self._stores.keys()):
                    self._stores[number] = tasks.create_task(self._store(number))
                    self._stores[number].add_done_callback(partial(self._forget_store, number))
                self._changed.clear()
                await self._changed.wait()

    async def _store(self, number: int) -> None:
        """Store something of the outbox, again and again, until the network has it."""
        store, delay = self.client.outbox[number], RETRY_SECONDS
        recipient, data = identity.encode_account_id(store.recipient), wire.encode_base64(store.sealed)
        while True:
            try:
                async with self._places:
                    await self.network.store(recipient, data, ttl_ms=TTL_MS)
                break
            except (errors.NetworkFailure, errors.TooFewNodes) as error:
                self.tell(f"{error}; again in {delay:.0f} s")
                await asyncio.sleep(delay)
                delay = min(2 * delay, MAX_RETRY_SECONDS)
        self._forget_store(number)
        self.keep(replace(self._kept, client=client.note_stored(self.client, number)))

    def _forget_store(self, number: int, _: object = None) -> None:
        """Forget that something is being stored; so it is no longer ended when it leaves the outbox."""
        self._stores.pop(number, None)

    async def _poll_on(self, seconds: float) -> None:
        """Poll again and again."""
        while True:
            await self.poll()
            await asyncio.sleep(seconds)

    async def poll(self) -> None:
        """Fetch and receive what is new for our account, for the addresses of groups, and in rooms.

        Clauses: CG-34
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.poll_rooms())
            for recipient in client.find_recipients(self.client):
                tasks.create_task(self._fetch(recipient))

    async def _fetch(self, recipient: PublicKey) -> None:
        """Fetch and receive what is new for one recipient."""
        box = self._kept.mailboxes.get(recipient, Mailbox())
        try:
            async with aclosing(self.network.retrieve(identity.encode_account_id(recipient), box)) as pages:
                async for received in pages:
                    self._receive(recipient, received)
        except (errors.NetworkFailure, errors.TooFewNodes) as error:
            self.tell(str(error))

    def _receive(self, recipient: PublicKey, received: Received) -> None:
        """Receive a page, and keep all that follows from it with the mailbox."""
        step = Step(self.client)
        for letter in received.letters:
            sealed = wire.decode_base64(letter.data, what="data")
            step = step.then(client.receive(step.client, recipient, sealed, self.random, now_ms=self.now()))
        mailboxes = {**self._kept.mailboxes, recipient: received.mailbox}
        self.keep(replace(self._kept, client=step.client, mailboxes=mailboxes), step.told)

    async def _tick_on(self) -> None:
        """Do what is due again and again."""
        while True:
            self.tick()
            await asyncio.sleep(TICK_SECONDS)

    def tick(self) -> None:
        """Do what is due: what is lacking is asked for, what is over is forgotten."""
        self._take(client.tick(self.client, self.random, now_ms=self.now()))


def leave_out(rooms: Mapping[str, KnownRoom], address: str) -> dict[str, KnownRoom]:
    """Leave a room out."""
    return {other: known for other, known in rooms.items() if other != address}


def find_servers(rooms: Mapping[str, KnownRoom]) -> list[list[str]]:
    """Find the rooms of each server, by address."""
    servers: dict[Server, list[str]] = {}
    for address, known in rooms.items():
        servers.setdefault(room.find_server(known.link), []).append(address)
    return list(servers.values())
