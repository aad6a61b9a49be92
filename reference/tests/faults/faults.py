"""What a network survives: python reference/tests/faults/faults.py [--seconds S] [--seed N] [--nodes N] [--phase P] [--json FILE]

Six clients store as fast as they can, readers fetch, each a process that is killed again and again, and meanwhile the
nodes suffer, in one phase after the other, of S seconds each:

- crashes: nodes are killed with -9, alone and a whole swarm at once, and started again
- losses: a node is killed, its disk is wiped, it leaves the network for good, and another joins
- pauses: nodes hang, and go on
- clocks: in each swarm one clock is off by seconds and one by hours
- disks: in each swarm a node's disk is full
- difficulty: it rises again and again, and nodes learn of it one after the other
- lies: in each swarm a node lies, drops and reorders

After each phase all is mended, and what was counted as sent must have been delivered, once, and be on all nodes of its swarm.
"""

import argparse
import asyncio
import json
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass, field
from operator import sub
from pathlib import Path
from typing import Any

from cloister import errors, proof_of_work, storage, swarm, wire
from cloister.devnet import Devnet, wait_for_height
from cloister.network import Client, Refused
from cloister.service_node.database import FILE
from cloister.service_node.node_file import MIN_BYTES
from cloister.swarm import DifficultyChange, Node

FOLDER = Path(__file__).parent
SCHEMA = """
CREATE TABLE state (kind TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE letter (hash TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE round (number INTEGER NOT NULL);
INSERT INTO round VALUES (0);
CREATE TABLE begun (number INTEGER NOT NULL);
INSERT INTO begun VALUES (0);
"""
"""What a reader keeps."""
SWARMS = 2
SENDERS = 6
RECIPIENTS = tuple(f"05{quarter}{'0' * 63}" for quarter in "25ad")
"""In the swarms 0, 0, 1 and 1, as their spaces are near to these."""
TTL_MS = 86_400_000
TIMEOUT_MS = 3000
SETTINGS = {"timeout_seconds": 1.5, "requests_per_second": 10_000, "request_burst": 10_000}
SETTLE_SECONDS = 15
MIN_STORES = 10
FULL_ROUNDS = 2
"""How often a reader fetches, after all is mended, until it is believed that nothing more comes."""
CLOCK_STEP_SECONDS = 0.05


@dataclass(slots=True)
class Figures:
    """What happened in one phase."""

    phase: str
    seconds: float = 0
    sent: int = 0  # messages that two nodes have acknowledged
    failed: int = 0  # stores that ended with an error that says so
    acknowledgements: int = 0
    nodes_killed: int = 0
    nodes_lost: int = 0
    nodes_added: int = 0
    nodes_paused: int = 0
    nodes_lying: int = 0
    rises: int = 0  # of the difficulty
    readers_killed: int = 0
    gone_from_disk: int = 0  # acknowledged, and not there after the node was killed
    lost: int = 0  # sent, and not delivered
    twice: int = 0  # delivered more than once
    copies_missing: int = 0  # sent, and not on a node of its swarm
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that counts as sent."""

    recipient: str
    data: str
    hash: str


class Sender(Client):
    """A client that notes which node acknowledges what."""

    def __init__(self, storm: "Storm", network_file: Path) -> None:
        super().__init__(network_file, timeout_ms=TIMEOUT_MS)
        self.storm = storm

    async def offer_to(self, node: Node, payload: bytes, difficulty: int) -> tuple[Node, int | Refused]:
        """Send one store to one node, and note what it acknowledges."""
        node, outcome = await super().offer_to(node, payload, difficulty)
        if not isinstance(outcome, Refused):
            params = storage.decode_rpc(payload).params
            request, nonce = storage.read_request(params), params["nonce"]
            self.storm.note_acknowledged(node, proof_of_work.check(request, nonce, difficulty=difficulty))
        return node, outcome


class Storm:
    """A network that suffers, and what has come of it."""

    def __init__(self, devnet: Devnet, seed: int) -> None:
        self.devnet = devnet
        self.random = random.Random(seed)
        self.figures = Figures("")
        self.all_figures: list[Figures] = []
        self.tried: set[str] = set()
        self.sent: list[Sent] = []
        self.acknowledged: dict[str, set[str]] = {}  # by the Ed25519 key of the node
        self.liars: set[int] = set()
        self.readers: dict[str, subprocess.Popen[bytes]] = {}
        self.offsets_ms: dict[int, int] = {}
        self.deadline = 0.0

    @property
    def goes_on(self) -> bool:
        """Whether the phase is not over: a slow machine gets time for some stores."""
        late = time.monotonic() - self.deadline
        return late < 0 or (self.figures.sent + self.figures.failed < MIN_STORES and late < SETTLE_SECONDS)

    def find_nodes(self, swarm_number: int) -> list[int]:
        """Find the nodes of a swarm, by number."""
        keys = {node.pubkey_ed25519 for node in self.devnet.network.swarms[swarm_number].nodes}
        return [index for index, node in self.devnet.nodes.items() if node.public.pubkey_ed25519 in keys]

    def draw_in_each_swarm(self, count: int) -> list[list[int]]:
        """Draw so many nodes of each swarm."""
        return [self.random.sample(self.find_nodes(number), count) for number in range(SWARMS)]

    async def pause(self, longest: float) -> None:
        """Wait a while."""
        await asyncio.sleep(self.random.uniform(0, longest))

    # Clients

    async def send(self, client: Client, number: int) -> None:
        """Store messages, each once, until the phase is over."""
        count = 0
        while self.goes_on:
            figures, recipient = self.figures, self.random.choice(RECIPIENTS)
            data = wire.encode_base64(f"{figures.phase} {number} {count}".encode())
            self.tried.add(data)
            count += 1
            try:
                stored = await client.store(recipient, data, ttl_ms=TTL_MS)
            except (errors.NetworkFailure, errors.TooFewNodes) as error:
                figures.failed += 1
                reason = re.sub(r"\b[0-9a-f]{8,}\b", "K", str(error))[:80]
                figures.reasons[reason] = figures.reasons.get(reason, 0) + 1
            else:
                figures.sent += 1
                self.sent.append(Sent(recipient, data, stored.hash))

    def note_acknowledged(self, node: Node, message_hash: str) -> None:
        """Note that a node has acknowledged a message."""
        self.figures.acknowledgements += 1
        self.acknowledged.setdefault(node.pubkey_ed25519, set()).add(message_hash)

    def start_reader(self, recipient: str) -> None:
        """Start the reader of a recipient."""
        with (self.devnet.folder / f"reader-{recipient[:4]}.log").open("ab") as log:
            self.readers[recipient] = subprocess.Popen(
                [sys.executable, str(FOLDER / "reader.py"), *map(str, self.find_reader_files(recipient)), recipient],
                stdout=log,
                stderr=log,
            )

    def find_reader_files(self, recipient: str) -> tuple[Path, Path]:
        """Find what a reader reads, and where it keeps what it has."""
        return self.devnet.network_file, self.devnet.folder / f"reader-{recipient[:4]}.sqlite"

    async def kill_readers(self) -> None:
        """Kill readers at any time after they have begun, and start them again, until the phase is over."""
        while self.goes_on:
            recipient = self.random.choice(RECIPIENTS)
            begun = self.ask_reader(recipient, "SELECT number FROM begun")
            await self.pause(2)
            if begun == [self.readers[recipient].pid]:
                self.kill_reader(recipient)

    def kill_reader(self, recipient: str) -> None:
        """Kill a reader with -9 and start it again."""
        self.readers[recipient].kill()
        self.readers[recipient].wait()
        self.figures.readers_killed += 1
        self.start_reader(recipient)

    def read_delivered(self) -> dict[str, Counter[str]]:
        """Read how often each text was delivered to each recipient."""
        return {recipient: Counter(self.ask_reader(recipient, "SELECT data FROM letter")) for recipient in RECIPIENTS}

    def read_rounds(self) -> list[int]:
        """Read how often each reader has fetched all."""
        return [self.ask_reader(recipient, "SELECT number FROM round")[0] for recipient in RECIPIENTS]

    def ask_reader(self, recipient: str, query: str) -> list[Any]:
        """Read a column of what a reader keeps."""
        with closing(sqlite3.connect(self.find_reader_files(recipient)[1], timeout=30)) as database:
            return [value for (value,) in database.execute(query)]

    # Nodes

    async def kill(self, index: int) -> None:
        """Kill a node with -9, and look whether all that it had acknowledged is on its disk."""
        key = self.devnet.nodes[index].public.pubkey_ed25519
        acknowledged = set(self.acknowledged.get(key, ()))
        self.devnet.kill(index)
        self.figures.nodes_killed += 1
        if index not in self.liars:
            self.figures.gone_from_disk += len(acknowledged - self.read_hashes(index))
        await asyncio.sleep(0)

    async def start(self, index: int, **settings: object) -> None:
        """Start a node, and wait until it serves."""
        if settings:
            self.devnet.change_settings(index, **settings)
        await asyncio.to_thread(self.devnet.start, index)

    async def restart(self, index: int, **settings: object) -> None:
        """Kill a node and start it again."""
        await self.kill(index)
        await self.start(index, **settings)

    def read_hashes(self, index: int) -> set[str]:
        """Read which messages are on the disk of a node."""
        with closing(sqlite3.connect(self.devnet.nodes[index].data / FILE, timeout=30)) as database:
            return {message_hash for (message_hash,) in database.execute("SELECT hash FROM message")}

    def find_missing_copies(self, sent: Iterable[Sent]) -> int:
        """Count the copies of messages that are missing on honest nodes."""
        held = {index: self.read_hashes(index) for number in range(SWARMS) for index in self.find_nodes(number)}
        numbers = {one.id: number for number, one in enumerate(self.devnet.network.swarms)}
        missing = 0
        for message in sent:
            number = numbers[swarm.find_swarm(self.devnet.network, message.recipient).id]
            missing += sum(
                message.hash not in held[index] for index in self.find_nodes(number) if index not in self.liars
            )
        return missing

    # Phases

    async def run(
        self, phase: str, suffer: Callable[["Storm"], Awaitable[None]], seconds: float, senders: list["Sender"]
    ) -> None:
        """Run a phase, mend all, and see what has come of it."""
        self.figures, begun = Figures(phase), time.monotonic()
        self.all_figures.append(self.figures)
        self.deadline = begun + seconds
        async with asyncio.TaskGroup() as tasks:
            for number, sender in enumerate(senders):
                tasks.create_task(self.send(sender, number))
            tasks.create_task(self.kill_readers())
            await suffer(self)
        self.figures.seconds = round(time.monotonic() - begun, 1)
        await self.settle()

    @asynccontextmanager
    async def open_senders(self) -> AsyncIterator[list[Sender]]:
        """Open the clients that store."""
        senders = [Sender(self, self.devnet.network_file) for _ in range(SENDERS)]
        try:
            yield senders
        finally:
            for sender in senders:
                await sender.http.aclose()

    async def settle(self) -> None:
        """Wait until all that was sent is delivered and copied; kill the readers once more; count what went wrong."""
        figures = self.figures
        await self.wait_until(lambda: not self.count_lost() and not self.find_missing_copies(self.sent))
        figures.lost, figures.copies_missing = self.count_lost(), self.find_missing_copies(self.sent)
        for recipient in RECIPIENTS:
            self.kill_reader(recipient)
        before = self.read_rounds()
        await self.wait_until(lambda: min(map(sub, self.read_rounds(), before)) >= FULL_ROUNDS)
        figures.twice = sum(each[data] > 1 for each in self.read_delivered().values() for data in self.tried)

    def count_lost(self) -> int:
        """Count what was sent and is not delivered."""
        delivered = self.read_delivered()
        return sum(not delivered[message.recipient][message.data] for message in self.sent)

    async def wait_until(self, is_done: Callable[[], bool]) -> None:
        """Wait until something is done, at most `SETTLE_SECONDS`."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while not is_done() and time.monotonic() < deadline:
            await asyncio.sleep(0.2)


async def crash(storm: Storm) -> None:
    """Kill nodes, one or some or a whole swarm, and start them again."""
    while storm.goes_on:
        nodes = storm.find_nodes(storm.random.randrange(SWARMS))
        some = storm.random.sample(nodes, storm.random.choice([1, 1, 2, len(nodes)]))
        for index in some:
            await storm.kill(index)
        await storm.pause(0.5)
        await asyncio.gather(*(storm.start(index) for index in some))
        await storm.pause(0.5)


async def lose(storm: Storm) -> None:
    """Lose a node with its disk for good, and let another join."""
    while storm.goes_on:
        swarm_number = storm.random.randrange(SWARMS)
        index = storm.random.choice(storm.find_nodes(swarm_number))
        before = list(storm.sent)
        await storm.kill(index)
        shutil.rmtree(storm.devnet.nodes[index].data)
        storm.figures.nodes_lost += 1
        await storm.pause(1)
        await asyncio.to_thread(storm.devnet.remove_node, index)
        await asyncio.to_thread(storm.devnet.add_node, swarm_number)
        storm.figures.nodes_added += 1
        await storm.wait_until(lambda before=before: not storm.find_missing_copies(before))  # one is lost at a time


async def hang(storm: Storm) -> None:
    """Let nodes hang, and go on."""
    while storm.goes_on:
        some = storm.random.sample(storm.find_nodes(storm.random.randrange(SWARMS)), storm.random.choice([1, 2]))
        for index in some:
            send_signal(storm, index, signal.SIGSTOP)
        storm.figures.nodes_paused += len(some)
        await storm.pause(4)
        for index in some:
            send_signal(storm, index, signal.SIGCONT)
        await storm.pause(1)


def send_signal(storm: Storm, index: int, number: signal.Signals) -> None:
    """Send a signal to the process of a node."""
    process = storm.devnet.nodes[index].process
    assert process is not None
    process.send_signal(number)


async def set_clocks_wrong(storm: Storm) -> None:
    """Set clocks wrong: seconds and hours ahead in one swarm, and behind in the other."""
    offsets_ms = {}
    for sign, (first, second) in zip((1, -1), storm.draw_in_each_swarm(2), strict=True):
        offsets_ms |= {first: sign * 8_000, second: sign * 7_200_000}
    ticking = asyncio.create_task(tick(storm, offsets_ms))
    await asyncio.sleep(2 * CLOCK_STEP_SECONDS)
    await asyncio.gather(*(storm.restart(index, clock=str(find_clock(storm, index))) for index in offsets_ms))
    while storm.goes_on:
        await asyncio.sleep(CLOCK_STEP_SECONDS)
    await asyncio.gather(*(storm.restart(index, clock=None) for index in offsets_ms))
    ticking.cancel()


async def tick(storm: Storm, offsets_ms: dict[int, int]) -> None:
    """Let clocks go, each off by so much."""
    while True:
        for index, offset_ms in offsets_ms.items():
            file = find_clock(storm, index)
            file.with_suffix(".new").write_text(str(time.time_ns() // 1_000_000 + offset_ms))
            file.with_suffix(".new").replace(file)
        await asyncio.sleep(CLOCK_STEP_SECONDS)


def find_clock(storm: Storm, index: int) -> Path:
    """Find the clock of a node."""
    return storm.devnet.folder / f"clock-{index}"


async def fill_disks(storm: Storm) -> None:
    """Let a node of each swarm have no room for a message, and then room again."""
    full = [index for (index,) in storm.draw_in_each_swarm(1)]
    await asyncio.gather(*(storm.restart(index, max_bytes=MIN_BYTES) for index in full))
    while storm.goes_on:
        await storm.pause(0.5)
    await asyncio.gather(*(storm.restart(index, max_bytes=2**30) for index in full))


async def raise_difficulty(storm: Storm) -> None:
    """Let the difficulty rise a little, and nodes learn of it one after the other, then clients."""
    devnet = storm.devnet
    while storm.goes_on:
        now_ms = time.time_ns() // 1_000_000
        difficulty = storage.find_current_difficulty(devnet.network.difficulties, now_ms) + 1
        rise = DifficultyChange(since=now_ms, difficulty=difficulty)
        history = (*devnet.network.difficulties, rise)
        risen = devnet.network.model_copy(update={"height": devnet.network.height + 1, "difficulties": history})
        for index in storm.random.sample(sorted(devnet.nodes), len(devnet.nodes)):
            devnet.change_settings(index, network=risen.model_dump())
            await storm.pause(0.5)
        await asyncio.to_thread(devnet.change_network, difficulties=history)
        storm.figures.rises += 1


async def lie(storm: Storm) -> None:
    """Let a node of each swarm lie, and crash others meanwhile."""
    liars = [index for (index,) in storm.draw_in_each_swarm(1)]
    for index in liars:
        await storm.kill(index)
        storm.liars.add(index)
        launch_liar(storm, index)
        storm.figures.nodes_lying += 1
    for index in liars:
        await asyncio.to_thread(wait_for_height, storm.devnet.nodes[index], storm.devnet.network.height)
    while storm.goes_on:
        honest = [index for number in range(SWARMS) for index in storm.find_nodes(number) if index not in liars]
        await storm.restart(storm.random.choice(honest))
        await storm.pause(1)
    await asyncio.gather(*(storm.restart(index) for index in liars))


def launch_liar(storm: Storm, index: int) -> None:
    """Start a lying node in the place of a node."""
    node = storm.devnet.nodes[index]
    with node.log.open("ab") as log:
        node.process = subprocess.Popen(
            [sys.executable, str(FOLDER / "lying_node.py"), str(node.file)], stdout=log, stderr=log
        )


PHASES = {
    "crashes": crash,
    "losses": lose,
    "pauses": hang,
    "clocks": set_clocks_wrong,
    "disks": fill_disks,
    "difficulty": raise_difficulty,
    "lies": lie,
}


async def run_phases(storm: Storm, phases: list[str], seconds: float) -> None:
    """Run phases, with readers."""
    for recipient in RECIPIENTS:
        with closing(sqlite3.connect(storm.find_reader_files(recipient)[1])) as database:
            database.executescript(SCHEMA)
        storm.start_reader(recipient)
    try:
        async with storm.open_senders() as senders:
            for phase in phases:
                await storm.run(phase, PHASES[phase], seconds, senders)
                print(describe(storm.figures), flush=True)
    finally:
        for reader in storm.readers.values():
            reader.kill()
            reader.wait()


def describe(figures: Figures) -> str:
    """Describe a phase in a line."""
    numbers = {name: value for name, value in asdict(figures).items() if type(value) is int and value}
    return f"{figures.phase}: " + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in numbers.items())


COLUMNS = [name for name, kind in Figures.__annotations__.items() if kind is int]


def write_table(phases: list[dict[str, Any]]) -> str:
    """Write the figures as the table of the guide."""
    total = {"phase": "all", **{name: sum(phase[name] for phase in phases) for name in COLUMNS}}
    lines = [["phase", *(name.replace("_", " ") for name in COLUMNS)], ["---"] + ["---:"] * len(COLUMNS)]
    lines += [[phase["phase"], *(f"{phase[name]:,}" for name in COLUMNS)] for phase in [*phases, total]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main() -> int:
    """Run the phases; the exit status is 1 if anything was lost, delivered twice or not kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nodes", type=int, default=10)
    parser.add_argument("--phase", choices=PHASES, action="append", help="only this one; may be repeated")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with Devnet(nodes=options.nodes, swarms=SWARMS, settings=SETTINGS) as devnet:
        storm = Storm(devnet, options.seed)
        asyncio.run(run_phases(storm, options.phase or list(PHASES), options.seconds))
    phases: list[dict[str, Any]] = [asdict(figures) for figures in storm.all_figures]
    if options.json:
        report = {"nodes": options.nodes, "swarms": SWARMS, "seed": options.seed, "phases": phases}
        options.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(write_table(phases))
    bad = ("lost", "twice", "gone_from_disk", "copies_missing")
    return int(any(phase[name] for phase in phases for name in bad))


if __name__ == "__main__":
    sys.exit(main())
