"""A life of a closed group, and of the open group that it becomes, on a network of this machine, told as it happens: `cloister demo`.

Each line with *ok* is a claim that was checked in the run; the first that is false ends it.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TimeElapsedColumn

from cloister import (
    envelope,
    errors,
    group_content,
    group_control,
    identity,
    room,
    sender_keys,
    server_id,
    server_onion,
    wire,
)
from cloister.client import Client
from cloister.devnet import Devnet, read_height
from cloister.devserver import DevServer, serves
from cloister.envelope import Envelope
from cloister.group_control import GroupId, find_members
from cloister.group_state import Event, Group
from cloister.identity import PrivateKey, PublicKey
from cloister.mailbox import Mailbox
from cloister.network import Client as NetworkClient
from cloister.network import Messenger
from cloister.network_client import NetworkState
from cloister.onion import Server
from cloister.open_group_rights import WHITELIST_GROUP
from cloister.room import Post, RoomLink
from cloister.room_request import KnownRoom
from cloister.sender_keys import Record
from cloister.server_onion import ServerReply
from cloister.signed_request import Request

NAMES = ("Alice", "Bob", "Carol", "Dave", "Erin")
NODES, SWARMS = 8, 2
SETTINGS = {"requests_per_second": 10_000, "request_burst": 10_000}
"""Of the nodes, to which all clients have one address."""
TIMEOUT_MS = 3000
CLAIM_SECONDS = 60
"""How long what is claimed may take to become true."""
STEPS = 14
ROOM = "hut"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100

Said = tuple[str, str]
"""Who has said what."""


class FalseClaim(Exception):
    """A claim is false; the message is the claim."""


class Narrator:
    """Tells on a console; on a terminal with a line below that shows how far it is, and that it goes on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=STEPS)
        self._steps = 0
        self.claims = 0

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Show how far it is, meanwhile."""
        with self._progress:
            yield

    def begin(self, title: str) -> None:
        """Begin a step."""
        self._progress.update(self._task, completed=self._steps)
        self._steps += 1
        self._print(f"[bold]{self._steps}. {title}[/]")

    def confirm(self, claim: str) -> None:
        """Tell a claim that was checked."""
        self.claims += 1
        self._print(f"   [green]ok[/] {claim}")

    def quote(self, name: str, text: str) -> None:
        """Tell what somebody says."""
        self._print(f"      [cyan]{name}:[/] {text}")

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Hoard:
    """All keys that somebody ever held: of addresses, and of senders."""

    privates: dict[PublicKey, PrivateKey] = field(default_factory=dict)
    records: dict[PublicKey, list[Record]] = field(default_factory=dict)

    def add(self, held: Client) -> None:
        """Add what a client holds now."""
        for group in held.groups.values():
            self.privates.update({address.pair.public: address.pair.private for address in group.addresses})
            for account, record in group.records.items():
                records = self.records.setdefault(account, [])
                if record not in records:
                    records.append(record)

    def open(self, sealed: bytes) -> Envelope | None:
        """Open what is sealed with any key of an address."""
        for private in self.privates.values():
            try:
                return envelope.open_envelope(private, sealed)
            except errors.ProtocolViolation:
                continue
        return None

    def read(self, opened: Envelope) -> str | None:
        """Read a group message with any key of its sender."""
        for record in self.records.get(opened.source, []):
            try:
                _, plaintext = sender_keys.decrypt(record, opened.content, now_ms=read_clock())
            except errors.ProtocolViolation:
                continue
            return group_content.decode_content(plaintext).text
        return None


class Watched(NetworkClient):
    """A client of the network that notes what it sends to servers, as these decrypt it."""

    def __init__(self, network_file: Path, state: NetworkState | None, *, timeout_ms: int, sent: list[bytes]) -> None:
        super().__init__(network_file, state, timeout_ms=timeout_ms)
        self.sent = sent

    async def request_server(self, server: Server, sign: Callable[[], Request]) -> ServerReply:
        """Send a request, and note it."""

        def watch() -> Request:
            request = sign()
            self.sent.append(server_onion.encode_request(request))
            return request

        return await super().request_server(server, watch)


@dataclass(slots=True)
class Demo:
    """The people, what each has read, all that each ever held, the group, and all that each has `sent` to an open-group server."""

    devnet: Devnet
    narrator: Narrator
    people: dict[str, Messenger] = field(default_factory=dict)
    sent: dict[str, list[bytes]] = field(default_factory=lambda: {name: [] for name in NAMES})
    heard: dict[str, list[Event]] = field(default_factory=lambda: {name: [] for name in NAMES})
    hoards: dict[str, Hoard] = field(default_factory=lambda: {name: Hoard() for name in NAMES})
    said: list[Said] = field(default_factory=list)
    since_kick: int = 0
    group_id: GroupId = field(init=False)

    async def run(self) -> None:
        """Tell it all.

        Raises:
            FalseClaim: a claim is false.
        """
        self.look_at_network()
        self.introduce()
        await self.create()
        await self.talk()
        await self.add_dave()
        await self.let_carol_leave()
        await self.kick_erin()
        await self.try_all_that_erin_has()
        await self.rename()
        with self.run_server() as server:
            await self.convert(server)
            await self.talk_in_room(server)
            await self.ban_dave(server)
            await self.kill_nodes()

    # Steps

    def look_at_network(self) -> None:
        """Look whether the network is there."""
        nodes = self.devnet.nodes.values()
        answer = [node.runs and read_height(node) == self.devnet.network.height for node in nodes]
        self.claim(f"{NODES} nodes in {SWARMS} swarms, each a process of its own, all answer", all(answer))

    def introduce(self) -> None:
        """Let strangers know each other's account ids."""
        self.narrator.begin("Five strangers")
        for name, one in self.people.items():
            self.narrator.quote(name, identity.encode_account_id(one.ours))
        strangers = not any(one.client.sessions for one in self.people.values())
        self.claim("each knows the account ids of the others, and has a session with nobody", strangers)

    async def create(self) -> None:
        """Let a group form."""
        self.narrator.begin('Alice creates the group "Hike" with Bob, Carol and Erin')
        self.group_id = self.people["Alice"].create_group(self.accounts("Bob", "Carol", "Erin"), "Hike")
        names = ("Alice", "Bob", "Carol", "Erin")
        await self.wait_until("all four see the same members", lambda: self.agree(*names))
        await self.wait_until(
            "in the background 6 pairs made a session, and gave each other their keys",
            lambda: self.have_keys(*names) and sum(map(self.count_sessions, names)) == 2 * 6,
        )

    async def talk(self) -> None:
        """Let the four talk."""
        self.narrator.begin("They talk")
        stores = [
            self.say("Alice", "Who comes along on Sunday?"),
            self.say("Bob", "I do."),
            self.say("Carol", "Me too, if it does not rain."),
            self.say("Erin", "Count me in."),
        ]
        self.claim("each message is encrypted once and stored once, for all three readers", stores == [1] * 4)
        await self.wait_until_read(self.said, "Alice", "Bob", "Carol", "Erin")

    async def add_dave(self) -> None:
        """Let Bob, who is no administrator, add Dave."""
        self.narrator.begin("Bob adds Dave")
        before = list(self.said)
        self.people["Bob"].add(self.group_id, self.accounts("Dave"))
        await self.wait_until("all five see the same members, and have the keys of all others", self.all_are_in)
        self.say("Bob", "Welcome, Dave.")
        self.say("Dave", "Thanks! What did I miss?")
        await self.wait_until_read(self.said[len(before) :], *NAMES)
        found = await self.fetch("Dave", self.hoards["Dave"].privates)
        opened = [opened for sealed in found if (opened := self.hoards["Dave"].open(sealed))]
        read = [self.hoards["Dave"].read(each) for each in opened]
        self.claim(
            f"Dave finds {len(opened)} messages, and can read none of the {len(before)} from before he came",
            len(opened) == len(self.said) and not {text for _, text in before} & set(read),
        )

    def all_are_in(self) -> bool:
        """Tell whether all five are in."""
        return self.agree(*NAMES) and self.have_keys(*NAMES)

    async def let_carol_leave(self) -> None:
        """Let Carol leave."""
        self.narrator.begin("Carol leaves")
        left = ("Alice", "Bob", "Dave", "Erin")
        before = [self.find_key_id(name) for name in left]
        address = self.group("Alice").addresses[0].pair.public
        self.people["Carol"].leave(self.group_id)
        await self.wait_until("the other four see that she has left", lambda: self.agree(*left))
        await self.wait_until(
            "each has a new sender key, and has given it to the other three", lambda: self.have_keys(*left)
        )
        after = [self.find_key_id(name) for name in left]
        self.claim(
            "no old key is used any more, and the group has another address",
            not set(before) & set(after) and self.group("Alice").addresses[0].pair.public != address,
        )
        start = len(self.said)
        self.say("Dave", "Where is Carol?")
        self.say("Erin", "She has left.")
        await self.wait_until_read(self.said[start:], *left)
        self.claim("Carol has got nothing of it", self.has_read_nothing("Carol", self.said[start:]))

    async def kick_erin(self) -> None:
        """Let Alice, the administrator, kick Erin."""
        self.narrator.begin("Alice kicks Erin, who keeps all keys that she ever held")
        left = ("Alice", "Bob", "Dave")
        self.people["Alice"].kick(self.group_id, self.accounts("Erin"))
        await self.wait_until(
            "the other three have new keys and another address", lambda: self.agree(*left) and self.have_keys(*left)
        )
        await self.wait_until("Erin is told that she is out", lambda: self.group("Erin").status == "out")
        self.since_kick = len(self.said)
        self.say("Alice", "The key to the hut is under the stone.")
        self.say("Bob", "I tell nobody.")
        self.say("Dave", "Nor do I.")
        await self.wait_until_read(self.said[self.since_kick :], *left)

    async def try_all_that_erin_has(self) -> None:
        """Let Erin try all that she has on all that there is."""
        self.narrator.begin("Erin polls all addresses that she ever knew, and tries all keys")
        erin, since = self.hoards["Erin"], self.said[self.since_kick :]
        of_her_time = [text for name, text in self.said[: self.since_kick] if name != "Erin"]
        found = await self.fetch("Erin", erin.privates)
        read = {text for sealed in found if (opened := erin.open(sealed)) and (text := erin.read(opened))}
        self.claim(
            f"she reads all {len(of_her_time)} messages of others from her time: her keys are good",
            read == set(of_her_time),
        )
        self.claim(
            f"of the {len(since)} messages since there is none where she looks",
            len(found) == self.since_kick and self.has_read_nothing("Erin", since),
        )
        address = self.group("Alice").addresses[0].pair
        later = await self.fetch("Alice", [address.public])
        self.claim(
            f"handed the {len(since)} by a node, she opens none: their address is not hers",
            len(later) == len(since) and not any(map(erin.open, later)),
        )
        frames = [envelope.open_envelope(address.private, sealed) for sealed in later]
        dave = {self.hoards["Dave"].read(frame) for frame in frames} - {None}
        self.claim(
            "handed them out of their envelopes, she reads none: their keys are new",
            not any(map(erin.read, frames)) and dave == {text for name, text in since if name != "Dave"},
        )

    async def rename(self) -> None:
        """Let Alice give the group another name."""
        self.narrator.begin('Alice renames the group to "Camp"')
        self.people["Alice"].rename(self.group_id, "Camp")
        await self.wait_until(
            "Bob and Dave see the new name",
            lambda: all(self.group(name).view.snapshot.name == "Camp" for name in ("Bob", "Dave")),
        )
        outside = [self.group(name).view.snapshot.name for name in ("Carol", "Erin")]
        self.claim("Carol and Erin do not learn it", outside == ["Hike", "Hike"])

    @contextmanager
    def run_server(self) -> Iterator[DevServer]:
        """Let Alice run an open-group server with a room for those whom she approves."""
        self.narrator.begin("Alice runs an open-group server, which reads all that is posted")
        operator = identity.encode_account_id(self.people["Alice"].ours)
        rooms = [{"token": ROOM, "name": "Hut", **WHITELIST_GROUP}]
        with DevServer(self.devnet.folder / "server", operator=operator, rooms=rooms, settings=SETTINGS) as server:
            self.claim(
                "it answers, and nobody has asked it anything", serves(server.port) and not any(self.sent.values())
            )
            yield server

    async def convert(self, server: DevServer) -> None:
        """Let Alice convert the group: at 500 members her client would tell her to."""
        self.narrator.begin("Alice converts the group: a room by whitelist and invitation")
        link, alice = server.find_link(ROOM), self.people["Alice"]
        await alice.join_room(link)
        rooms = alice.open_server(link)
        await rooms.approve(ROOM, self.accounts("Bob", "Dave"))
        link = replace(link, invitation=await rooms.invite(ROOM))
        alice.offer_room(self.group_id, link)
        await self.wait_until(
            "Bob and Dave are offered the room, in the closed group",
            lambda: all(self.find_offers(name) == [link] for name in ("Bob", "Dave")),
        )
        asking = [name for name in NAMES if self.people[name].rooms or self.sent[name]]
        self.claim("by that nobody joins, or asks the server anything", asking == ["Alice"])
        for name in ("Bob", "Dave"):
            await self.people[name].join_room(self.find_offers(name)[0])
        self.claim("Bob and Dave join by choice", all(self.people[name].rooms for name in ("Bob", "Dave")))
        stranger = await self.is_refused(self.people["Erin"].join_room(link), 404)
        self.claim("Erin has the link, and finds no such room: she is not approved", stranger)
        self.claim(
            "of the group the server got the ids that Alice approved, nothing else",
            self.find_sent() == {"Bob", "Dave"},
        )

    async def talk_in_room(self, server: DevServer) -> None:
        """Let them talk in the room."""
        self.narrator.begin("They talk in the room")
        link, text = server.find_link(ROOM), "The hut, as it was this morning."
        self.narrator.quote("Bob", f"{text} (with hut.png)")
        await self.people["Bob"].open_server(link).post(ROOM, text, [("hut.png", PICTURE)])
        await self.wait_until(
            "Alice and Dave read it, and find Bob's signature right",
            lambda: all(self.find_posts(name) == [("Bob", text)] for name in ("Alice", "Dave")),
        )
        dave = self.people["Dave"]
        ((post,),) = [known.view.posts.values() for known in dave.rooms.values()]
        picture = await dave.open_server(link).download(ROOM, post.content.files[0])
        self.claim("Dave fetches the picture, and it is the one of the post", picture == PICTURE)

    async def ban_dave(self, server: DevServer) -> None:
        """Let Alice ban Dave."""
        self.narrator.begin("Dave sells hats; Alice deletes that, and bans him")
        link, advert, text = server.find_link(ROOM), "Hats! Buy my hats!", "Now it is quiet again."
        self.narrator.quote("Dave", advert)
        number = await self.people["Dave"].open_server(link).post(ROOM, advert)
        alice = self.people["Alice"].open_server(link)
        await alice.delete(ROOM, number)
        await alice.ban(ROOM, self.people["Dave"].open_server(link).id)
        self.narrator.quote("Bob", text)
        await self.people["Bob"].open_server(link).post(ROOM, text)
        await self.wait_until(
            "Alice and Bob read on, without the hats",
            lambda: all([said for _, said in self.find_posts(name)][1:] == [text] for name in ("Alice", "Bob")),
        )
        refused = await self.is_refused(self.people["Dave"].open_server(link).post(ROOM, advert), 403)
        (known,) = self.people["Dave"].rooms.values()
        unread = text not in [said for _, said in self.find_posts("Dave")]
        self.claim(
            "Dave is told that he is banned; he reads and writes nothing more",
            refused and known.refused == 403 and unread,
        )

    async def kill_nodes(self) -> None:
        """Kill the node through which Alice connects to the network, and one of the other swarm."""
        self.narrator.begin("Nodes die")
        guard = self.people["Alice"].network.state.paths.paths[0].nodes[0]
        other = next(one for one in self.devnet.network.swarms if guard not in {n.pubkey_ed25519 for n in one.nodes})
        keys = {guard, other.nodes[0].pubkey_ed25519}
        dead = [node for node in self.devnet.nodes.values() if node.public.pubkey_ed25519 in keys]
        for node in dead:
            self.devnet.kill(node.index)
        self.claim(
            f"{len(dead)} of {NODES} are killed, one of each swarm; one was the guard of Alice",
            len(dead) == SWARMS and all(node.runs != (node in dead) for node in self.devnet.nodes.values()),
        )
        start = len(self.said)
        self.say("Alice", "Are you still there?")
        self.say("Bob", "I am.")
        self.say("Dave", "So am I.")
        await self.wait_until_read(self.said[start:], "Alice", "Bob", "Dave")

    # Rooms

    def find_offers(self, name: str) -> list[RoomLink]:
        """Find the rooms that somebody was offered."""
        return [room.read_offer(event.room) for event in self.heard[name] if event.room is not None]

    def find_posts(self, name: str) -> list[Said]:
        """Find what somebody has read in rooms, with its author by name."""
        return [
            (self.find_author(known, post), post.content.text)
            for known in self.people[name].rooms.values()
            for post in known.view.posts.values()
        ]

    def find_author(self, known: KnownRoom, post: Post) -> str:
        """Find who has posted something, which everybody can who knows the server's key."""
        account = server_id.decode_id(post.author, server_key=known.link.server_key)
        return next(name for name, one in self.people.items() if one.ours == account)

    async def is_refused(self, work: Awaitable[object], status: int) -> bool:
        """Tell whether a server refuses something with a status."""
        try:
            await work
        except errors.ServerRefused as refusal:
            return refusal.status == status
        return False

    def find_sent(self) -> set[str]:
        """Find whose account ids were sent to the server, and check that nothing of the closed group was.

        Raises:
            FalseClaim: something was.
        """
        sent, group = b"\n".join(itertools.chain(*self.sent.values())), self.group("Alice")
        secrets = [group.group_id, *(text.encode() for _, text in self.said)]
        secrets += [key for address in group.addresses for key in (address.pair.public[1:], address.pair.private)]
        written = [
            form for each in secrets for form in (each, each.hex().encode(), wire.encode_base64(each)[:-4].encode())
        ]
        if any(form in sent for form in [*written, b"Hike", b"Camp"]):
            raise FalseClaim("nothing of the closed group reaches the server")
        return {name for name, one in self.people.items() if one.ours.hex().encode() in sent}

    # Claims

    def claim(self, what: str, is_so: object) -> None:
        """Tell a claim.

        Raises:
            FalseClaim: it is false.
        """
        if not is_so:
            raise FalseClaim(what)
        self.narrator.confirm(what)

    async def wait_until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Let all store and poll until a claim is true.

        Raises:
            FalseClaim: it is false for too long.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(CLAIM_SECONDS):
                while not is_so():
                    await asyncio.gather(*(one.flush() for one in self.people.values()))
                    await asyncio.gather(*(one.poll() for one in self.people.values()))
                    self.hear()
        self.claim(what, is_so())

    async def wait_until_read(self, said: Sequence[Said], *names: str) -> None:
        """Let all store and poll until everybody has read what the others have said.

        Raises:
            FalseClaim: they do not, or somebody reads something twice.
        """
        await self.wait_until(
            f"all {len(said)} messages are read by all others, each once", lambda: self.have_read(names, said)
        )

    def hear(self) -> None:
        """Let all read what is new, and keep what they hold."""
        for name, one in self.people.items():
            self.hoards[name].add(one.client)
            for news in one.find_news():
                if isinstance(news.told, Event):
                    self.heard[name].append(news.told)
                one.acknowledge(news.number)

    # People

    @asynccontextmanager
    async def gather(self, folder: Path) -> AsyncIterator[None]:
        """Let everybody have an account."""

        def connect(name: str, state: NetworkState | None) -> NetworkClient:
            return Watched(self.devnet.network_file, state, timeout_ms=TIMEOUT_MS, sent=self.sent[name])

        async with AsyncExitStack() as opened:
            for name in NAMES:
                self.people[name] = await opened.enter_async_context(Messenger(folder / name, partial(connect, name)))
            yield

    def accounts(self, *names: str) -> list[PublicKey]:
        """Find the accounts of people."""
        return [self.people[name].ours for name in names]

    def group(self, name: str) -> Group:
        """Find what somebody holds of the group."""
        return self.people[name].client.groups[self.group_id]

    def agree(self, *names: str) -> bool:
        """Tell whether people are the members of the group, in the eyes of each, and have the same view."""
        if any(self.group_id not in self.people[name].client.groups for name in names):
            return False
        views = [self.group(name).view for name in names]
        are_members = [find_members(view).keys() == set(self.accounts(*names)) for view in views]
        return all(are_members) and len({group_control.derive_digest(view) for view in views}) == 1

    def have_keys(self, *names: str) -> bool:
        """Tell whether each has the present sender key of each other."""
        return all(self.has_key(name, other) for name, other in itertools.permutations(names, 2))

    def has_key(self, name: str, other: str) -> bool:
        """Tell whether somebody has the present sender key of another."""
        record = self.group(name).records.get(self.people[other].ours, Record())
        return sender_keys.find_state(record, self.find_key_id(other)) is not None

    def find_key_id(self, name: str) -> int:
        """Find the id of somebody's sender key."""
        key = self.group(name).sender_key
        assert key is not None
        return key.key_id

    def count_sessions(self, name: str) -> int:
        """Count with whom somebody has a session."""
        return sum(bool(record.sessions) for record in self.people[name].client.sessions.values())

    def say(self, name: str, text: str) -> int:
        """Let somebody say something; return how much is to be stored for it."""
        before = len(self.people[name].client.outbox)
        self.people[name].send(self.group_id, text)
        self.said.append((name, text))
        self.narrator.quote(name, text)
        return len(self.people[name].client.outbox) - before

    def have_read(self, names: Iterable[str], said: Iterable[Said]) -> bool:
        """Tell whether people have read what the others have said, each text once."""
        return all(self.count_read(name, text) == (name != sender) for name in names for sender, text in said)

    def has_read_nothing(self, name: str, said: Iterable[Said]) -> bool:
        """Tell whether somebody has read none of what was said."""
        return not any(self.count_read(name, text) for _, text in said)

    def count_read(self, name: str, text: str) -> int:
        """Count how often somebody has read a text."""
        return sum(event.kind == "message" and event.text == text for event in self.heard[name])

    async def fetch(self, name: str, recipients: Iterable[PublicKey]) -> list[bytes]:
        """Let somebody fetch all that is stored for recipients, as if nothing had been fetched before."""
        found = []
        for recipient in recipients:
            pages = self.people[name].network.retrieve(identity.encode_account_id(recipient), Mailbox())
            found += [wire.decode_base64(letter.data, what="data") async for page in pages for letter in page.letters]
        return found


def read_clock() -> int:
    """Read the clock, in milliseconds."""
    return time.time_ns() // 1_000_000


def tell(console: Console) -> None:
    """Run a network, and tell a life of a group on a console.

    Raises:
        FalseClaim: a claim is false.
        DevnetError: the network cannot be run.
    """
    narrator, began = Narrator(console), time.monotonic()
    with narrator.telling(), TemporaryDirectory(prefix="cloister-demo-") as folder:
        narrator.begin("A network")
        with Devnet(nodes=NODES, swarms=SWARMS, settings=SETTINGS) as devnet:
            asyncio.run(live(Demo(devnet, narrator), Path(folder)))
    console.print(
        f"[bold green]All {narrator.claims} claims were checked[/], in {time.monotonic() - began:.0f} s.",
        highlight=False,
        soft_wrap=True,
    )


async def live(demo: Demo, folder: Path) -> None:
    """Let people live on a network."""
    async with demo.gather(folder):
        await demo.run()
