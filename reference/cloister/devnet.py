"""A network of service nodes on loopback, for trying and for tests: each node is a process of its own.

    with Devnet(nodes=8, swarms=2) as devnet:
        devnet.kill(0)  # as a crash would
        devnet.start(0)

All of it is in one folder: `network.json`, which clients read, and for each node its node file, its data and its log.
"""

import http.client
import json
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cloister import errors, identity, node_request, paths, swarm
from cloister.swarm import DifficultyChange, Network, Node, Swarm

HOST = "127.0.0.1"
MAX_PORT = 65535
PORTS = range(12_000, 32_000)
"""Below those that systems give to clients."""
MIN_NODES = paths.PATHS * paths.PATH_NODES + 1
"""Two paths, and a destination that stands on neither."""
NETWORK_FILE = "network.json"
NODE_FILE = re.compile(r"node-(\d+)\.json")
START_SECONDS = 60
STOP_SECONDS = 5
POLL_SECONDS = 0.02
WATCH_SECONDS = 0.5
OWNER_ONLY = 0o600
"""Of node files, which hold seeds."""


class DevnetError(Exception):
    """The network cannot be made or run; the message says what to do."""


@dataclass(slots=True)
class DevnetNode:
    """A node: its number, its files, how others know it, and its process while it has one."""

    index: int
    folder: Path
    public: Node
    process: subprocess.Popen[bytes] | None = None

    @property
    def file(self) -> Path:
        """The node file."""
        return self.folder / f"node-{self.index}.json"

    @property
    def data(self) -> Path:
        """The folder of its database."""
        return self.folder / f"node-{self.index}"

    @property
    def log(self) -> Path:
        """The log of all its runs."""
        return self.folder / f"node-{self.index}.log"

    @property
    def runs(self) -> bool:
        """Whether it has a process that has not ended."""
        return self.process is not None and self.process.poll() is None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.public.ip}:{self.public.port}"


class Devnet:
    """A network of nodes, numbered from 0; in a folder that holds one already, that one."""

    def __init__(
        self,
        *,
        nodes: int = 8,
        swarms: int = 2,
        folder: Path | None = None,
        first_port: int | None = None,
        difficulty: int = 1,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Make the files of a network; `settings` are further members of each node file.

        Without a folder it is a temporary one, which `close` removes; without a first port they are chosen at random.

        Raises:
            DevnetError: there are too few nodes, ports that are taken, or files that cannot be read.
        """
        self.nodes: dict[int, DevnetNode] = {}
        self._is_temporary = folder is None
        self._settings = {"allow_private_targets": True, **(settings or {})}
        if folder is not None and (folder / NETWORK_FILE).exists():
            self.folder = folder.resolve()
            try:
                self.network = self._read()
            except (OSError, ValueError, KeyError, errors.CloisterError):
                raise DevnetError(
                    f"the network in {folder} cannot be read: remove it, or name another folder"
                ) from None
            return
        check_size(nodes, swarms)
        ports = find_ports(nodes) if first_port is None else check_ports(range(first_port, first_port + nodes))
        self.folder = Path(tempfile.mkdtemp(prefix="cloister-devnet-")) if folder is None else folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.network = Network(
            height=0,
            swarms=tuple(Swarm(id=str(swarm_id), nodes=()) for swarm_id in spread_ids(swarms)),
            difficulties=(DifficultyChange(since=0, difficulty=difficulty),),
        )
        for number, port in enumerate(ports):
            self._create_node(number % swarms, port)
        self._write()

    @property
    def network_file(self) -> Path:
        """What clients read."""
        return self.folder / NETWORK_FILE

    def __enter__(self) -> Self:
        """Start all nodes, and wait until they serve."""
        try:
            self.start_all()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop all nodes."""
        self.close()

    # Processes

    def start_all(self) -> None:
        """Start all nodes of the network that do not run, and wait until they serve.

        Raises:
            DevnetError: one does not.
        """
        stopped = [node for node in self.nodes.values() if not node.runs and self.holds(node)]
        for node in stopped:
            launch(node)
        for node in stopped:
            wait_for_height(node, self.network.height)

    def start(self, index: int) -> None:
        """Start a node, and wait until it serves.

        Raises:
            DevnetError: it does not, or it runs already.
        """
        if self.nodes[index].runs:
            raise DevnetError(f"node {index} runs already")
        launch(self.nodes[index])
        wait_for_height(self.nodes[index], self.network.height)

    def kill(self, index: int) -> None:
        """End a node as a crash would."""
        end(self.nodes[index], signal.SIGKILL)

    def stop(self, index: int) -> int:
        """Stop a node; return its exit status."""
        return end(self.nodes[index], signal.SIGTERM)

    def close(self) -> None:
        """Stop all nodes, and remove a temporary folder."""
        running = [node for node in self.nodes.values() if node.process is not None]
        for node in running:
            assert node.process is not None
            node.process.terminate()
        for node in running:
            end(node, signal.SIGTERM)
        if self._is_temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def watch(self, tell: Callable[[str], object]) -> None:
        """Tell which nodes end by themselves, until Ctrl-C.

        Raises:
            KeyboardInterrupt: the person at the keyboard has seen enough.
        """
        while True:
            for node in self.nodes.values():
                if node.process is not None and not node.runs:
                    tell(f"node {node.index} has ended: {read_last_line(node.log)}")
                    node.process = None
            time.sleep(WATCH_SECONDS)

    def describe(self) -> list[str]:
        """Describe the network in lines: who is in it, and how to go on."""
        lines = []
        for number, one in enumerate(self.network.swarms):
            members = [node for node in self.nodes.values() if node.public in one.nodes]
            lines += [
                f"node {node.index}  {node.public.pubkey_ed25519[:8]}  {node.url}  swarm {number}" for node in members
            ]
        return [
            *lines,
            f"clients read  {self.network_file}",
            f"is it there?  curl {next(iter(self.nodes.values())).url}/health",
            "go on with    docs/devnet.md, in another terminal",
            "stop it with  Ctrl-C",
        ]

    # The network

    def add_node(self, swarm_number: int) -> int:
        """Add a node to a swarm, start it, and wait until all know it; return its number."""
        (port,) = find_ports(1)
        index = self._create_node(swarm_number, port)
        self._write(only=self.nodes[index])
        self.start(index)
        self._publish()
        return index

    def remove_node(self, index: int) -> None:
        """Take a node out of the network for good, running or not, and stop it."""
        key = self.nodes[index].public.pubkey_ed25519
        self.change_network(swarms=[leave_out(one, key) for one in self.network.swarms])
        if self.nodes[index].process is not None:
            self.stop(index)

    def change_network(
        self, *, swarms: Iterable[Swarm] | None = None, difficulties: Iterable[DifficultyChange] | None = None
    ) -> None:
        """Change the network, and wait until all nodes that run know it."""
        self.network = Network(
            height=self.network.height + 1,
            swarms=self.network.swarms if swarms is None else tuple(swarms),
            difficulties=self.network.difficulties if difficulties is None else tuple(difficulties),
        )
        self._publish()

    def change_settings(self, index: int, **settings: object) -> None:
        """Change members of a node file other than the network; the node heeds them when it is started again."""
        file = self.nodes[index].file
        write(file, {**json.loads(file.read_text("utf-8")), **settings})

    def holds(self, node: DevnetNode) -> bool:
        """Tell whether a node is in the network."""
        return node.public.pubkey_ed25519 in self.network.nodes

    def _create_node(self, swarm_number: int, port: int) -> int:
        """Create a node with a key of its own, and put it into a swarm, as a new height of the network."""
        seed = secrets.token_bytes(identity.SEED_BYTES)
        public = Node(
            pubkey_ed25519=node_request.derive_keys(seed).public,
            pubkey_x25519=identity.derive_identity(seed).public[1:].hex(),
            ip=HOST,
            port=str(port),
        )
        node = DevnetNode(len(self.nodes), self.folder, public)
        own = {"seed": seed.hex(), "host": HOST, "port": port, "data": str(node.data)}
        write(node.file, {**own, **self._settings})
        self.nodes[node.index] = node
        swarms = list(self.network.swarms)
        swarms[swarm_number] = Swarm(id=swarms[swarm_number].id, nodes=(*swarms[swarm_number].nodes, public))
        self.network = Network(
            height=self.network.height + 1, swarms=tuple(swarms), difficulties=self.network.difficulties
        )
        return node.index

    def _publish(self) -> None:
        """Give the network to all nodes, wait until those that run know it, and then give it to clients."""
        self._write()
        for node in self.nodes.values():
            if node.runs:
                wait_for_height(node, self.network.height)
        write(self.network_file, self.network.model_dump())

    def _write(self, only: DevnetNode | None = None) -> None:
        """Write the network into the node files, and for clients if there is nothing for them yet."""
        for node in [only] if only else self.nodes.values():
            self.change_settings(node.index, network=self.network.model_dump())
        if not self.network_file.exists():
            write(self.network_file, self.network.model_dump())

    def _read(self) -> Network:
        """Read the nodes of a folder, and the network that the first of them was given last."""
        found = sorted(
            (int(match[1]), path) for path in self.folder.iterdir() if (match := NODE_FILE.fullmatch(path.name))
        )
        networks = []
        for index, path in found:
            members = json.loads(path.read_text("utf-8"))
            networks.append(swarm.decode_network(members["network"]))
            seed = bytes.fromhex(members["seed"])
            public = Node(
                pubkey_ed25519=node_request.derive_keys(seed).public,
                pubkey_x25519=identity.derive_identity(seed).public[1:].hex(),
                ip=members["host"],
                port=str(members["port"]),
            )
            self.nodes[index] = DevnetNode(index, self.folder, public)
        return max(networks, key=lambda network: network.height)


def check_size(nodes: int, swarms: int) -> None:
    """Check how large a network is to be.

    Raises:
        DevnetError: it has too few nodes for paths, or for its swarms.
    """
    if nodes < MIN_NODES:
        raise DevnetError(f"{nodes} nodes are too few: two paths and a destination need {MIN_NODES}")
    if not 1 <= swarms <= nodes:
        raise DevnetError(f"{nodes} nodes can make from 1 to {nodes} swarms, not {swarms}")


def spread_ids(swarms: int) -> list[int]:
    """Spread the ids of swarms evenly over the ring."""
    return [(2 * number + 1) * 2**63 // swarms for number in range(swarms)]


def leave_out(one: Swarm, key: str) -> Swarm:
    """Leave a node out of a swarm."""
    return Swarm(id=one.id, nodes=tuple(node for node in one.nodes if node.pubkey_ed25519 != key))


def find_ports(count: int) -> list[int]:
    """Find ports that are free.

    The system would choose among those that it gives to clients, and then give one to a client while its node is down.
    """
    ports: list[int] = []
    while len(ports) < count:
        port = secrets.choice(PORTS)
        if port not in ports and is_free(port):
            ports.append(port)
    return ports


def check_ports(ports: range) -> range:
    """Check that ports are free.

    Raises:
        DevnetError: one is not.
    """
    for port in ports:
        if not is_free(port):
            raise DevnetError(f"port {port} cannot be used: choose another first port, for {len(ports)} in a row")
    return ports


def is_free(port: int) -> bool:
    """Tell whether nobody listens at a port."""
    if port > MAX_PORT:
        return False
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def write(file: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file, for its owner alone, so that a reader sees the old one or the new one whole."""
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.touch(OWNER_ONLY)
    new.write_text(json.dumps(value, indent=1) + "\n", "utf-8")
    new.replace(file)


def launch(node: DevnetNode) -> None:
    """Start the process of a node, in a session of its own, so that Ctrl-C reaches the devnet alone."""
    with node.log.open("ab") as log:
        node.process = subprocess.Popen(
            [sys.executable, "-m", "cloister.service_node", str(node.file)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def end(node: DevnetNode, number: signal.Signals) -> int:
    """End the process of a node by a signal, and if it will not, by force; return its exit status."""
    assert node.process is not None
    process, node.process = node.process, None
    process.send_signal(number)
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def wait_for_height(node: DevnetNode, height: int) -> None:
    """Wait until a node serves with a network of this height.

    Raises:
        DevnetError: its process ends, or it takes too long.
    """
    assert node.process is not None
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if (read_height(node) or 0) >= height:
            return
        if node.process.poll() is not None:
            raise DevnetError(f"node {node.index} has ended: {read_last_line(node.log)}")
        time.sleep(POLL_SECONDS)
    raise DevnetError(f"node {node.index} does not answer: see {node.log}")


def read_height(node: DevnetNode) -> int | None:
    """Ask a node for the height of its network."""
    connection = http.client.HTTPConnection(node.public.ip, int(node.public.port), timeout=STOP_SECONDS)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return int(json.loads(answer.read())["height"]) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError, KeyError):  # it is not there yet, or somebody else is
        return None
    finally:
        connection.close()


def read_last_line(log: Path) -> str:
    """Read the last line of a log."""
    lines = log.read_text("utf-8", errors="replace").splitlines()
    return lines[-1] if lines else "it has said nothing"
