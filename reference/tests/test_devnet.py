"""A network of processes on loopback: an onion through three of them, kills, changes, and what is refused."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cloister import devnet as devnets
from cloister import onion, proof_of_work, swarm
from cloister.devnet import Devnet, DevnetError, DevnetNode, write
from cloister.swarm import Network

pytestmark = pytest.mark.network

CLIENT = httpx.Client(trust_env=False, timeout=30)


@pytest.fixture(scope="module")
def devnet() -> Iterator[Devnet]:
    """Seven nodes, each test leaves them running."""
    with Devnet(nodes=7, swarms=2, settings={"timeout_seconds": 5}) as started:
        yield started


@pytest.fixture(scope="module", autouse=True)
def client() -> Iterator[None]:
    yield
    CLIENT.close()


def ask(devnet: Devnet, path: list[int], destination: int, method: str, **params: str) -> onion.Reply:
    """Ask a node by an onion request over others, as a client does."""
    nodes = [devnet.nodes[index].public for index in path]
    payload = json.dumps({"method": method, "params": params}).encode()
    built = onion.build(nodes, devnet.nodes[destination].public, payload, os.urandom)
    answer = CLIENT.post(f"{devnet.nodes[path[0]].url}/onion_req/v2", content=built.body)
    assert answer.status_code == 200, answer.text
    return onion.open_reply(built.reply_key, answer.text)


def store(devnet: Devnet, recipient: str, text: str, destination: int) -> None:
    """Store a message over three nodes that are not the destination."""
    request = proof_of_work.Request(
        timestamp=str(time.time_ns() // 1_000_000),
        ttl="60000",
        recipient=recipient,
        data=base64.b64encode(text.encode()).decode(),
    )
    nonce = proof_of_work.find_nonce(request, difficulty=1)
    texts = {"timestamp": request.timestamp, "ttl": request.ttl, "data": request.data, "nonce": nonce}
    path = [index for index in running(devnet) if index != destination][:3]
    assert ask(devnet, path, destination, "store", pubKey=recipient, **texts).status == 200


def retrieve(devnet: Devnet, recipient: str, destination: int) -> list[str]:
    body = {"method": "retrieve", "params": {"pubKey": recipient, "lastHash": ""}}
    answer = CLIENT.post(f"{devnet.nodes[destination].url}/storage_rpc/v1", json=body)
    assert answer.status_code == 200, answer.text
    return [base64.b64decode(message["data"]).decode() for message in answer.json()["messages"]]


def running(devnet: Devnet) -> list[int]:
    return [node.index for node in devnet.nodes.values() if node.process is not None]


def members(devnet: Devnet, number: int) -> list[int]:
    """The nodes of a swarm."""
    return [node.index for node in devnet.nodes.values() if node.public in devnet.network.swarms[number].nodes]


def account(devnet: Devnet, number: int, last: int) -> str:
    return f"05{int(devnet.network.swarms[number].id):016x}{0:040x}{last:08x}"


def wait_for(devnet: Devnet, recipient: str, index: int, texts: list[str]) -> None:
    deadline = time.monotonic() + 20
    while sorted(retrieve(devnet, recipient, index)) != texts:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_message_goes_over_three_nodes_and_to_the_whole_swarm(devnet: Devnet) -> None:
    for number in range(2):
        recipient = account(devnet, number, 1)
        store(devnet, recipient, "hello", members(devnet, number)[0])
        for index in members(devnet, number):
            wait_for(devnet, recipient, index, ["hello"])


def test_a_killed_node_has_what_it_acknowledged_and_gets_what_it_missed(devnet: Devnet) -> None:
    recipient = account(devnet, 0, 2)
    first, second, *_ = members(devnet, 0)
    store(devnet, recipient, "before", first)
    devnet.kill(first)
    with pytest.raises(httpx.TransportError):
        retrieve(devnet, recipient, first)
    store(devnet, recipient, "while it was away", second)
    devnet.start(first)
    for index in members(devnet, 0):
        wait_for(devnet, recipient, index, ["before", "while it was away"])


def test_nodes_come_and_go(devnet: Devnet) -> None:
    recipient = account(devnet, 1, 3)
    store(devnet, recipient, "hello", members(devnet, 1)[0])
    new = devnet.add_node(1)
    assert new in members(devnet, 1)
    wait_for(devnet, recipient, new, ["hello"])
    height = devnet.network.height
    devnet.remove_node(new)
    assert devnet.nodes[new].process is None
    assert devnet.network.height == height + 1
    assert Network.model_validate_json(devnet.network_file.read_text()) == devnet.network
    for index in running(devnet):
        assert CLIENT.get(f"{devnet.nodes[index].url}/health").json()["height"] == devnet.network.height
    devnet.start_all()
    assert devnet.nodes[new].process is None


def test_a_stopped_node_ends_with_status_0(devnet: Devnet) -> None:
    assert devnet.stop(0) == 0
    devnet.change_settings(0, max_bytes=1)
    with pytest.raises(DevnetError, match=r"node 0 has ended: cloister: the node file .* max_bytes"):
        devnet.start(0)
    devnet.change_settings(0, max_bytes=2**30)
    devnet.start(0)


def test_a_node_that_dies_is_told_of(devnet: Devnet, monkeypatch: pytest.MonkeyPatch) -> None:
    process = devnet.nodes[1].process
    assert process is not None
    process.kill()
    told = []

    def tell(line: str) -> None:
        told.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        devnet.watch(tell)
    assert told[0].startswith("node 1 has ended: ")
    devnet.start(1)
    with pytest.raises(DevnetError, match="node 1 runs already"):
        devnet.start(1)


def test_the_network_is_described(devnet: Devnet) -> None:
    lines = devnet.describe()
    assert f"node 2  {devnet.nodes[2].public.pubkey_ed25519[:8]}  {devnet.nodes[2].url}  swarm 0" in lines
    assert f"clients read  {devnet.network_file}" in lines


# Without processes


def test_a_folder_keeps_its_network(tmp_path: Path) -> None:
    first = Devnet(nodes=9, swarms=3, folder=tmp_path / "x", difficulty=7)
    again = Devnet(nodes=20, swarms=1, folder=tmp_path / "x", difficulty=1)
    assert again.network == first.network
    assert again.nodes == first.nodes
    assert [len(one.nodes) for one in first.network.swarms] == [3, 3, 3]
    assert [change.difficulty for change in first.network.difficulties] == [7]
    first.close()
    assert again.network_file.exists()
    ids = [int(one.id) for one in first.network.swarms]
    gaps = {(right - left) % swarm.RING for left, right in zip(ids, ids[1:] + ids[:1], strict=True)}
    assert max(gaps) - min(gaps) <= 2
    assert all(json.loads(node.file.read_text())["allow_private_targets"] for node in first.nodes.values())


def test_a_temporary_folder_is_removed() -> None:
    made = Devnet()
    assert made.network_file.exists()
    made.close()
    assert not made.folder.exists()


@pytest.mark.parametrize(
    ("nodes", "swarms", "says"),
    [
        (6, 1, "6 nodes are too few: two paths and a destination need 7"),
        (8, 9, "8 nodes can make from 1 to 8 swarms, not 9"),
        (8, 0, "8 nodes can make from 1 to 8 swarms, not 0"),
    ],
)
def test_a_size_that_cannot_be_is_refused(nodes: int, swarms: int, says: str) -> None:
    with pytest.raises(DevnetError, match=says):
        Devnet(nodes=nodes, swarms=swarms)


def test_ports_that_are_taken_are_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(DevnetError, match=f"port {port} cannot be used: choose another first port"):
            Devnet(folder=tmp_path, first_port=port)
    with pytest.raises(DevnetError, match="port 65536 cannot be used"):
        Devnet(folder=tmp_path, first_port=65530)
    assert list(tmp_path.iterdir()) == []


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    made = Devnet(folder=tmp_path)
    for text in ("", "{}", '{"seed": "x"}'):
        made.nodes[0].file.write_text(text)
        with pytest.raises(DevnetError, match="cannot be read: remove it, or name another folder"):
            Devnet(folder=tmp_path)


def test_a_node_that_will_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(devnets, "STOP_SECONDS", 0.2)
    node = Devnet(folder=tmp_path).nodes[0]
    stubborn = "import signal,sys; signal.signal(15, signal.SIG_IGN); print(flush=True); signal.pause()"
    node.process = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
    assert node.process.stdout is not None
    with node.process.stdout as out:
        out.readline()
        assert devnets.end(node, devnets.signal.SIGTERM) == -9


def test_a_node_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(devnets, "START_SECONDS", 0.1)
    node: DevnetNode = Devnet(folder=tmp_path).nodes[0]
    node.process = subprocess.Popen(["sleep", "60"])
    with pytest.raises(DevnetError, match=r"node 0 does not answer: see .*node-0\.log"):
        devnets.wait_for_height(node, 1)
    devnets.end(node, devnets.signal.SIGKILL)


def test_a_node_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "node.json"
    for number in range(2):
        write(file, {"number": number})
        assert file.stat().st_mode & 0o777 == 0o600
