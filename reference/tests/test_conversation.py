"""Two strangers talk over a network of real nodes, with the program of the guide, and with the commands of the guide."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import types
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cloister import errors, network_client, proof_of_work, wire
from cloister.devnet import Devnet, DevnetError, check_ports

pytestmark = pytest.mark.network

PAGE = Path(__file__).parents[2] / "docs" / "devnet.md"
DIFFICULTY = 3
NODE_KEY = re.compile(r"\b[0-9a-f]{8}\b")


def find_blocks(language: str) -> list[str]:
    """Find the blocks of a language in the guide."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def program() -> Any:
    """The program of the guide, as a module."""
    (source,) = find_blocks("python")
    module = types.ModuleType("conversation")
    exec(compile(source, str(PAGE), "exec"), module.__dict__)
    return module


@pytest.fixture(scope="module")
def devnet() -> Iterator[Devnet]:
    """Eight nodes in two swarms."""
    with Devnet(nodes=8, swarms=2, difficulty=DIFFICULTY) as devnet:
        yield devnet


class Witness(httpx.AsyncHTTPTransport):
    """Sees whom a client connects to."""

    def __init__(self) -> None:
        super().__init__()
        self.ports: set[str] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.ports.add(str(request.url.port))
        assert request.url.path == "/onion_req/v2"
        return await super().handle_async_request(request)


def count_onions(devnet: Devnet) -> int:
    """Count the onions that all nodes have answered, with a reply or by handing one on."""
    total = 0.0
    for node in devnet.nodes.values():
        with urllib.request.urlopen(f"{node.url}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        total += sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith("cloister_requests_total") and "onion" in line and 'status="200"' in line
        )
    return int(total)


async def settle(devnet: Devnet) -> int:
    """Count the onions when no more come."""
    count = -1
    while count != (count := count_onions(devnet)):  # noqa: ASYNC110 - it is the nodes that are waited for
        await asyncio.sleep(0.3)
    return count


def test_two_strangers_talk_through_three_hops(devnet: Devnet, program: Any) -> None:
    async def connect(name: str) -> Any:
        person = program.Person(name, devnet.folder)
        witness = Witness()
        await person.client.http.aclose()
        person.client.http = httpx.AsyncClient(transport=witness, timeout=20)
        person.witness = witness
        person.heard = []
        return person

    async def listen(person: Any) -> list[str]:
        opened: list[str] = []
        open_letter = person.open
        person.open = lambda data: opened.append(open_letter(data)) or opened[-1]
        await person.read()
        person.open = open_letter
        return opened

    async def talk() -> None:
        alice, bob = await connect("Alice"), await connect("Bob")
        alice.meet(bob.ours)
        bob.meet(alice.ours)
        async with alice.client, bob.client:
            await alice.ask()
            assert await listen(bob) == ["(a session request)"]
            await bob.write("first")
            assert await listen(alice) == ["first"]
            before = await settle(devnet)
            node = next(iter(alice.client.network.nodes.values()))
            reply = await alice.client.ask(
                node, network_client.encode_rpc("get_snodes_for_pubkey", pubKey=alice.ours.hex())
            )
            assert reply.status == 200
            assert await settle(devnet) - before == 3 + 1  # three hops and a destination
            await alice.write("second")
            assert await listen(bob) == ["second"]
            await bob.write("third")

        alice = await connect("Alice")  # begins again with what was kept
        alice.meet(bob.ours)
        async with alice.client:
            assert await listen(alice) == ["third"]
            await alice.write("fourth")
        bob = await connect("Bob")
        bob.meet(alice.ours)
        async with bob.client:
            assert await listen(bob) == ["fourth"]
        for person in (alice, bob):
            guards = {path.nodes[0] for path in person.client.state.paths.paths}
            assert person.witness.ports <= {person.client.network.nodes[key].port for key in guards}
            assert person.client.state.difficulty == DIFFICULTY

    asyncio.run(asyncio.wait_for(talk(), 120))


def test_what_the_nodes_hold_tells_nothing(devnet: Devnet, program: Any) -> None:
    """It stands on their disks sealed, under the receiver's id only, with work for the difficulty."""
    held = b"".join(
        file.read_bytes() for node in devnet.nodes.values() for file in node.data.rglob("*") if file.is_file()
    )
    logs = b"".join(node.log.read_bytes() for node in devnet.nodes.values())
    alice, bob = (program.Person(name, devnet.folder) for name in ("Alice", "Bob"))
    assert alice.ours.hex().encode() in held
    assert bob.ours.hex().encode() in held
    for text in (b"first", b"second", b"third", b"fourth", alice.ours[1:], bob.ours[1:]):
        assert text not in held
    assert alice.ours.hex().encode() not in logs


def test_work_for_a_lower_difficulty_is_refused_by_these_nodes(devnet: Devnet, program: Any) -> None:
    """So the conversation above shows that the work was done."""
    recipient = program.Person("Alice", devnet.folder).ours.hex()
    data = wire.encode_base64(bytes(2000))
    url = next(
        node.url for node in devnet.nodes.values() if ask(node.url, "retrieve", pubKey=recipient, lastHash="")[0] == 200
    )
    for text in map(str, range(program.now(), program.now() + 50)):
        request = proof_of_work.Request(timestamp=text, ttl="86400000", recipient=recipient, data=data)
        nonce = proof_of_work.find_nonce(request, difficulty=1)
        try:
            proof_of_work.check(request, nonce, difficulty=DIFFICULTY)
        except errors.InsufficientWork:
            break
    status, body = ask(url, "store", pubKey=recipient, ttl="86400000", timestamp=text, data=data, nonce=nonce)
    assert (status, json.loads(body)) == (432, {"difficulty": DIFFICULTY})


def ask(url: str, method: str, **params: str) -> tuple[int, str]:
    """Ask a node directly, as no client does."""
    answer = httpx.post(f"{url}/storage_rpc/v1", json={"method": method, "params": params}, trust_env=False)
    return answer.status_code, answer.text


# The guide


def run(command: str, folder: Path) -> str:
    """Run a command of the guide in a folder, with the programs of this environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        timeout=60,
        check=True,
    )
    return done.stdout.decode()


@pytest.fixture
def first_port() -> int:
    """The first of eight ports that are free."""
    for first in range(23021, 32000, 8):
        try:
            return check_ports(range(first, first + 8))[0]
        except DevnetError:
            continue
    pytest.fail("there are no eight free ports in a row")


@pytest.fixture
def folder(tmp_path: Path, first_port: int) -> Iterator[Path]:
    """A folder with the program of the guide, in which its network runs, on ports that are free."""
    (source,) = find_blocks("python")
    (tmp_path / "conversation.py").write_text(source, "utf-8")
    command = find_blocks("shell")[0].split()
    assert command[:2] == ["cloister", "devnet"]
    log = tmp_path / "devnet.log"
    with log.open("wb") as output:
        network = subprocess.Popen(
            [str(Path(sys.executable).with_name("cloister")), *command[1:], "--port", str(first_port)],
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            for _ in range(600):
                if b"Ctrl-C" in log.read_bytes() or network.poll() is not None:
                    break
                try:
                    network.wait(0.1)
                except subprocess.TimeoutExpired:
                    continue
            yield tmp_path
        finally:
            network.send_signal(signal.SIGTERM)  # SIGINT is ignored where tests run in the background
            assert network.wait(20) == 0


def mask(text: str) -> str:
    """Mask what differs from network to network."""
    return NODE_KEY.sub("<key>", text)


def test_the_commands_of_the_guide_do_what_it_says(folder: Path, first_port: int) -> None:
    def move(text: str) -> str:
        return re.sub(r"127\.0\.0\.1:(\d+)", lambda match: f"127.0.0.1:{int(match[1]) - 22021 + first_port}", text)

    _, health, talk, kill_and_talk = find_blocks("shell")
    nodes, healthy, said = find_blocks("text")
    shown = {mask(line) for line in move(nodes).splitlines()} - {"..."}
    assert shown <= {mask(line) for line in (folder / "devnet.log").read_text().splitlines()}
    assert run(move(health), folder).strip() == healthy.strip()

    assert mask(run(talk, folder)) == mask(said)
    again = mask("".join(said.splitlines(keepends=True)[2:]))
    assert mask(run(talk, folder)) == again.replace("prekey message", "message")

    kill, talk_again = kill_and_talk.splitlines()
    run(kill.replace("devnet/node-3.json", f"{folder}/[d]evnet/node-3.json"), folder)
    told = run(talk_again, folder).splitlines(keepends=True)
    lines = [line for line in told if not line.startswith("  (")]
    assert mask("".join(lines)) == again.replace("prekey message", "message")
    assert all("; another" in line for line in told if line not in lines)
    assert any(line.startswith("node 3 has ended") for line in (folder / "devnet.log").read_text().splitlines())
