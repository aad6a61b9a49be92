"""What a closed group costs: counted and measured while groups of several sizes really live, in memory, all members in one process.

- Members are strangers at first, so a creation makes all N(N-1)/2 sessions; a kick and a leave renew all sender keys.
- Time is CPU time of all parties together; beside it stands what the primitives that they called take alone.
- No work is done: how many hashes a store is expected to take follows from its size. What one takes is measured apart.
"""

import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType

import cloister
from cloister import (
    client,
    closed_group,
    group_sending,
    group_state,
    identity,
    proof_of_work,
    sender_keys,
    session,
    wire,
)
from cloister.client import Client, Refused
from cloister.group_control import GroupId
from cloister.group_sending import FanOut
from cloister.group_state import Group
from cloister.identity import PublicKey
from pydantic import BaseModel

from cloister_conformance.bench.primitives import count_primitives, measure_all_alone, sum_alone, watch
from cloister_conformance.bench.rounds import without_garbage_collection

SIZES = (3, 20, 100)
DIFFICULTY = 10
"""That of the network of chapter 07's example."""
MESSAGES = 5
"""A message takes so little time that the median of several counts."""
WORKS = 5
TEXT = "a" * 100
NOW_MS = 1_600_000_000_000
AIM = 3.0
"""The highest ratio of the time to that of the primitives that is aimed at."""
MESSAGE_OF: dict[FanOut, str] = {"server": "message", "client": "message, pairwise"}

COUNTED: dict[str, tuple[tuple[ModuleType, str], ...]] = {
    "sessions": ((session, "open_session"),),
    "pairwise_encryptions": ((session, "encrypt"),),
    "group_encryptions": ((sender_keys, "encrypt"),),
    "pairwise_decryptions": ((session, "decrypt_message"), (session, "decrypt_prekey_message")),
    "group_decryptions": ((sender_keys, "decrypt"),),
}


class FanOutCost(BaseModel):
    """What an operation costs a group of so many members, all parties together.

    `pairs` are the ordered pairs of members of which the first gives the second a sender key or a message. There is one
    proof of work for each stored message; `tries` are the hashes that these are expected to take.
    """

    members: int
    operation: str
    pairs: int
    sessions: int
    pairwise_encryptions: int
    group_encryptions: int
    pairwise_decryptions: int
    group_decryptions: int
    stored: int
    stored_bytes: int
    tries: float
    deliveries: int
    refusals: int
    actor_seconds: float
    """Of who acts: creates, sends, adds, leaves or kicks, before anybody answers."""
    seconds: float
    primitive_seconds: float

    @property
    def ratio(self) -> float:
        """The time, divided by that of the primitives."""
        return self.seconds / self.primitive_seconds


class GroupMemory(BaseModel):
    """The most memory that the process had when a group of so many members, and all smaller ones, had lived."""

    members: int
    mebibytes: float


class FanOutReport(BaseModel):
    """What was measured of groups; `seconds_per_try` is that of work that was done."""

    cloister: str
    cores: int
    difficulty: int
    seconds_per_try: float
    costs: list[FanOutCost]
    memory: list[GroupMemory]


# A world in memory


@dataclass(slots=True)
class World:
    """Clients by account, and what is stored; of a group's address each member has read so much."""

    clients: dict[PublicKey, Client] = field(default_factory=dict)
    stored: dict[PublicKey, list[bytes]] = field(default_factory=dict)
    read: dict[tuple[PublicKey, PublicKey], int] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)
    """Of everything that was stored."""
    deliveries: int = 0
    refusals: int = 0

    def join(self) -> PublicKey:
        """Let a client come into the world; return its account."""
        joined = client.create_client(identity.generate_key_pair(os.urandom), os.urandom, now_ms=NOW_MS)
        self.clients[joined.ours] = joined
        return joined.ours

    def take(self, account: PublicKey, step: client.Step) -> None:
        """Take what a client has become."""
        self.clients[account] = step.client
        self.refusals += sum(isinstance(told, Refused) for told in step.told)

    def change(self, account: PublicKey, group_id: GroupId, change: Callable[[Group], group_state.Step]) -> None:
        """Let a client change a group."""
        self.take(account, client.change_group(self.clients[account], group_id, change, os.urandom, now_ms=NOW_MS))

    def settle(self) -> None:
        """Store and poll until nothing moves."""
        while self.store_all():
            for account in self.clients:
                self.poll(account)

    def store_all(self) -> bool:
        """Store what is in the outbox of each client, and acknowledge it; tell whether there was anything."""
        some = False
        for account, held in self.clients.items():
            for number, store in held.outbox.items():
                some = True
                self.stored.setdefault(store.recipient, []).append(store.sealed)
                self.sizes.append(len(store.sealed))
                self.clients[account] = client.note_stored(self.clients[account], number)
        return some

    def poll(self, account: PublicKey) -> None:
        """Let a client receive what is new."""
        for recipient in client.find_recipients(self.clients[account]):
            for sealed in self.fetch(account, recipient):
                self.deliveries += 1
                self.take(account, client.receive(self.clients[account], recipient, sealed, os.urandom, now_ms=NOW_MS))

    def fetch(self, account: PublicKey, recipient: PublicKey) -> Sequence[bytes]:
        """Fetch what is new; nobody else fetches what is stored for an account."""
        if recipient == account:
            return self.stored.pop(account, ())
        held = self.stored.get(recipient, [])
        start = self.read.get((account, recipient), 0)
        self.read[account, recipient] = len(held)
        return held[start:]


# The life of a group


Act = Callable[[], object]


def live(members: int) -> Iterator[FanOutCost]:
    """Let a group of so many members live: each operation that it costs something, one after the other."""
    world = World()
    administrator, speaker, *others = accounts = [world.join() for _ in range(members)]
    readers = members - 1

    def cost(operation: str, pairs: int, act: Act) -> FanOutCost:
        return measure_operation(world, act, members=members, operation=operation, pairs=pairs)

    yield cost("creation", members * readers, partial(create, world, accounts))
    (group_id,) = world.clients[administrator].groups
    for fan_out, operation in MESSAGE_OF.items():
        say_once = partial(say, world, group_id, speaker, fan_out)
        yield take_median([cost(operation, readers, say_once) for _ in range(MESSAGES)])
    yield cost("kick", readers * (readers - 1), partial(kick, world, group_id, administrator, others[-1]))
    newcomer = world.join()
    yield cost("join", 2 * readers, partial(add, world, group_id, speaker, newcomer))
    yield cost("leave", readers * (readers - 1), partial(leave, world, group_id, newcomer))


def create(world: World, accounts: list[PublicKey]) -> None:
    administrator, *others = accounts
    step = client.create_group(world.clients[administrator], others, "hike", None, os.urandom, now_ms=NOW_MS)
    world.take(administrator, step)


def say(world: World, group_id: GroupId, speaker: PublicKey, fan_out: FanOut) -> None:
    world.change(
        speaker, group_id, lambda group: group_sending.send_text(group, TEXT, fan_out, os.urandom, now_ms=NOW_MS)
    )


def kick(world: World, group_id: GroupId, administrator: PublicKey, account: PublicKey) -> None:
    world.change(administrator, group_id, lambda group: closed_group.kick(group, [account], os.urandom, now_ms=NOW_MS))


def add(world: World, group_id: GroupId, adder: PublicKey, account: PublicKey) -> None:
    world.change(adder, group_id, lambda group: closed_group.add(group, [account], os.urandom, now_ms=NOW_MS))


def leave(world: World, group_id: GroupId, account: PublicKey) -> None:
    world.change(account, group_id, lambda group: closed_group.leave(group, os.urandom, now_ms=NOW_MS))


def take_median(costs: list[FanOutCost]) -> FanOutCost:
    """Take the last of several costs of the same operation, with the medians of the times."""
    names = ("actor_seconds", "seconds", "primitive_seconds")
    return costs[-1].model_copy(
        update={name: statistics.median(getattr(cost, name) for cost in costs) for name in names}
    )


# Measuring


def measure(sizes: Sequence[int], tell: Callable[[str], object]) -> FanOutReport:
    """Measure groups of these sizes, from the smallest to the largest; tell in words what is being done.

    Raises:
        OutOfRange: a group cannot have so many members.
    """
    list(live(SIZES[0]))  # what is done only once in a process is done now
    costs, memory = [], []
    for members in sorted(sizes):
        tell(f"a group of {members} members")
        with without_garbage_collection():  # there is little garbage, and a lot that is looked at again and again
            for cost in live(members):
                tell(f"a group of {members} members: {cost.operation} took {cost.seconds:.1f} s of CPU time")
                costs.append(cost)
        memory.append(GroupMemory(members=members, mebibytes=find_peak_memory()))
    tell("working")
    return FanOutReport(
        cloister=cloister.__version__,
        cores=os.cpu_count() or 1,
        difficulty=DIFFICULTY,
        seconds_per_try=measure_try(),
        costs=costs,
        memory=memory,
    )


def measure_operation(world: World, act: Act, *, members: int, operation: str, pairs: int) -> FanOutCost:
    """Measure an operation until nothing moves any more; the primitives before and after it, since machines are shared."""
    world.sizes, world.deliveries, world.refusals = [], 0, 0
    before = measure_all_alone()
    with count_primitives() as primitives, count_calls() as counted:
        start = time.process_time()
        act()
        acted = time.process_time()
        world.settle()
        end = time.process_time()
    after = measure_all_alone()
    return FanOutCost(
        members=members,
        operation=operation,
        pairs=pairs,
        stored=len(world.sizes),
        stored_bytes=sum(world.sizes),
        tries=sum(map(expect_tries, world.sizes)),
        deliveries=world.deliveries,
        refusals=world.refusals,
        actor_seconds=acted - start,
        seconds=end - start,
        primitive_seconds=(sum_alone(before, primitives) + sum_alone(after, primitives)) / 2,
        **counted,
    )


@contextmanager
def count_calls() -> Iterator[dict[str, int]]:
    """Count sessions, encryptions and decryptions."""
    counted = dict.fromkeys(COUNTED, 0)

    def build_count(name: str) -> Callable[..., None]:
        def count(*_: object) -> None:
            counted[name] += 1

        return count

    with ExitStack() as stack:
        for name, functions in COUNTED.items():
            for module, function in functions:
                stack.enter_context(watch(module, function, build_count(name)))
        yield counted


def find_peak_memory() -> float:
    """Find the most memory that this process had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# Work


def make_request(sealed: bytes) -> proof_of_work.Request:
    """Make the texts of a store."""
    return proof_of_work.Request(
        timestamp=str(NOW_MS),
        ttl=str(client.TTL_MS),
        recipient=identity.encode_account_id(identity.generate_key_pair(os.urandom).public),
        data=wire.encode_base64(sealed),
    )


def expect_tries(size: int) -> float:
    """Return how many hashes the work of a store of so many bytes is expected to take."""
    characters = 4 * -(-size // 3)
    texts = len(str(NOW_MS)) + len(str(client.TTL_MS)) + proof_of_work.RECIPIENT_CHARACTERS
    return 2**64 / proof_of_work.derive_target(texts + characters, client.TTL_MS, DIFFICULTY)


def measure_try() -> float:
    """Do some works; return the seconds that each hash took."""
    requests = [make_request(os.urandom(700)) for _ in range(WORKS)]
    start = time.process_time()
    nonces = [proof_of_work.find_nonce(request, difficulty=DIFFICULTY) for request in requests]
    seconds = time.process_time() - start
    tries = sum(int.from_bytes(proof_of_work.decode_nonce(nonce), "big") + 1 for nonce in nonces)
    return seconds / tries
