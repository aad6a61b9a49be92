"""Clients of closed groups beside a network that stores, delivers, loses and reorders as a test wants."""

import random as randomness
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cloister import client, group_sending, group_state, identity
from cloister.client import Client, Refused, Text, Told
from cloister.group_control import GroupId, find_members
from cloister.group_state import Event, Group
from cloister.identity import PublicKey

NOW_MS = 1_600_000_000_000


@dataclass
class World:
    """Clients by name, and what is stored for each recipient; a client has read so many of each."""

    seed: int = 0
    now_ms: int = NOW_MS
    clients: dict[str, Client] = field(default_factory=dict)
    told: dict[str, list[Told]] = field(default_factory=dict)
    stored: dict[PublicKey, list[bytes]] = field(default_factory=dict)
    read: dict[tuple[str, PublicKey], int] = field(default_factory=dict)
    is_offline: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = randomness.Random(self.seed)

    def draw(self, size: int) -> bytes:
        """Random bytes from the seed."""
        return self.random.randbytes(size)

    def join(self, *names: str) -> None:
        """Create clients, whose accounts are in the order of the names."""
        pairs = sorted((identity.generate_key_pair(self.draw) for _ in names), key=lambda pair: pair.public)
        for name, pair in zip(sorted(names), pairs, strict=True):
            self.clients[name] = client.create_client(pair, self.draw, now_ms=self.now_ms)
            self.told[name] = []

    def account(self, name: str) -> PublicKey:
        """The account of a client."""
        return self.clients[name].ours

    def name(self, account: PublicKey) -> str:
        """The name of an account."""
        return next(name for name, held in self.clients.items() if held.ours == account)

    def take(self, name: str, step: client.Step) -> list[Told]:
        """Take what a client has become."""
        self.clients[name] = step.client
        self.told[name] += step.told
        return list(step.told)

    def create(self, name: str, others: Iterable[str], title: str = "hike", avatar: bytes | None = None) -> GroupId:
        """Let a client create a group."""
        accounts = [self.account(other) for other in others]
        step = client.create_group(self.clients[name], accounts, title, avatar, self.draw, now_ms=self.now_ms)
        before = self.clients[name].groups.keys()
        self.take(name, step)
        (group_id,) = step.client.groups.keys() - before
        return group_id

    def change(self, name: str, group_id: GroupId, change: Callable[..., group_state.Step], *given: object) -> None:
        """Let a client change a group by a function of `closed_group` or `group_sending`."""
        step = client.change_group(
            self.clients[name],
            group_id,
            lambda group: change(group, *given, self.draw, now_ms=self.now_ms),
            self.draw,
            now_ms=self.now_ms,
        )
        self.take(name, step)

    def say(self, name: str, group_id: GroupId, text: str) -> None:
        """Let a client send a text to a group."""
        self.change(name, group_id, group_sending.send_text, text, "server")

    def store_all(self, name: str) -> None:
        """Store what is in the outbox of a client, and acknowledge it."""
        for number, store in list(self.clients[name].outbox.items()):
            self.stored.setdefault(store.recipient, []).append(store.sealed)
            self.clients[name] = client.note_stored(self.clients[name], number)

    def poll(self, name: str) -> bool:
        """Let a client fetch and receive what is new; tell whether there was anything."""
        some = False
        for recipient in client.find_recipients(self.clients[name]):
            start = self.read.get((name, recipient), 0)
            for sealed in self.stored.get(recipient, [])[start:]:
                some = True
                self.read[name, recipient] = self.read.get((name, recipient), 0) + 1
                self.take(name, client.receive(self.clients[name], recipient, sealed, self.draw, now_ms=self.now_ms))
        return some

    def settle(self) -> None:
        """Store, poll and tick until nothing moves."""
        moving = True
        while moving:
            moving = False
            names = [name for name in self.clients if name not in self.is_offline]
            for name in names:
                moving |= bool(self.clients[name].outbox)
                self.store_all(name)
            for name in names:
                moving |= self.poll(name)

    def pass_time(self, ms: int) -> None:
        """Let time pass, and everybody do what is due."""
        self.now_ms += ms
        for name in self.clients:
            if name not in self.is_offline:
                self.take(name, client.tick(self.clients[name], self.draw, now_ms=self.now_ms))
        self.settle()

    def group(self, name: str, group_id: GroupId) -> Group:
        """What a client holds of a group."""
        return self.clients[name].groups[group_id]

    def members(self, name: str, group_id: GroupId) -> list[str]:
        """The members that a client sees, by name."""
        return sorted(self.name(account) for account in find_members(self.group(name, group_id).view))

    def texts(self, name: str) -> list[tuple[str, str]]:
        """What a client was shown, with its sender, in order."""
        return [
            (self.name(told.account), str(told.text))
            for told in self.told[name]
            if isinstance(told, Event) and told.kind == "message" and told.account is not None
        ]

    def events(self, name: str) -> list[str]:
        """The kinds of what a client was told, messages left out."""
        return [told.kind for told in self.told[name] if isinstance(told, Event) and told.kind != "message"]

    def refusals(self, name: str) -> list[str]:
        """The names of the errors with which a client refused something."""
        return [type(told.error).__name__ for told in self.told[name] if isinstance(told, Refused)]

    def direct_texts(self, name: str) -> list[tuple[str, str]]:
        """The texts of pairwise sessions."""
        return [(self.name(told.account), told.text) for told in self.told[name] if isinstance(told, Text)]
