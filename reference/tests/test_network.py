"""The client of a network, among nodes that peel with the reference, in this process, and lie, die or hang as they are told."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from cloister import (
    errors,
    identity,
    network_client,
    onion,
    paths,
    proof_of_work,
    saved_state,
    sealing,
    server_onion,
    storage,
    swarm,
    wire,
)
from cloister.mailbox import Mailbox
from cloister.network import Client, Received, Refused, client, onion_client
from cloister.network_client import NetworkState
from cloister.signed_request import Request

NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000
RECIPIENT = "05" + "ab" * 32
RETRIEVE = network_client.encode_retrieve(RECIPIENT, "")
SWARMS = (2**62, 3 * 2**62)

Lie = Callable[[storage.Rpc], tuple[int, str]]


def make_random(seed: str) -> wire.Random:
    """Random bytes that follow from a seed."""
    count = 0

    def random(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{seed} {count}".encode()).digest(size)

    return random


class FakeNode:
    """A service node: its keys, and what it holds."""

    def __init__(self, index: int) -> None:
        seed = hashlib.sha256(f"node {index}".encode()).digest()
        self.index = index
        self.key = hashlib.sha256(f"key {index}".encode()).hexdigest()
        self.pair = identity.derive_identity(seed)
        self.held: list[storage.Message] = []
        self.lie: Lie | None = None
        self.dead = False
        self.hangs = False
        self.hop_answer: tuple[int, str] | None = None
        self.hop_status = 200
        self.asked: list[storage.Rpc] = []

    @property
    def json(self) -> dict[str, str]:
        """The node in the network."""
        return {
            "pubkey_ed25519": self.key,
            "pubkey_x25519": self.pair.public[1:].hex(),
            "ip": "192.0.2.1",
            "port": str(20000 + self.index),
        }


class FakeNetwork(httpx.AsyncBaseTransport):
    """All that a client can reach; it refuses whoever connects to a node that is no guard."""

    def __init__(self, file: Path, count: int = 8) -> None:
        self.file = file
        self.nodes = {node.key: node for node in map(FakeNode, range(count))}
        self.swarms = dict(
            zip(SWARMS, (list(self.nodes.values())[:count:2], list(self.nodes.values())[1::2]), strict=True)
        )
        self.difficulty = 1
        self.height = 0
        self.contacted: list[str] = []
        self.headers: list[httpx.Headers] = []
        self.ephemeral_keys: list[str] = []
        self.client: Client | None = None
        self.servers: list[onion.ForServer] = []
        self.serve: Callable[[bytes], tuple[int, bytes]] | None = None
        self.truth: swarm.Network | None = None  # what nodes know, if it is newer than the file
        self.random = make_random("network")
        self.write()

    def write(self) -> None:
        """Write the file of the network, one higher."""
        self.height += 1
        swarms = [{"id": str(at), "nodes": [node.json for node in nodes]} for at, nodes in self.swarms.items()]
        value = {"height": self.height, "swarms": swarms}
        value["difficulties"] = [{"since": 0, "difficulty": self.difficulty}]
        self.file.write_text(json.dumps(value))

    @property
    def network(self) -> swarm.Network:
        """The network as nodes know it."""
        return self.truth or swarm.decode_network(json.loads(self.file.read_text()))

    def move(self) -> None:
        """Let each swarm have the id of the other, which the file does not say yet."""
        first, second = self.network.swarms
        ids = (first.model_copy(update={"id": second.id}), second.model_copy(update={"id": first.id}))
        self.truth = swarm.Network(height=self.height + 1, swarms=ids, difficulties=self.network.difficulties)

    def find_swarm(self, recipient: str = RECIPIENT) -> list[FakeNode]:
        """The nodes of a recipient's swarm."""
        return [self.nodes[node.pubkey_ed25519] for node in swarm.find_swarm(self.network, recipient).nodes]

    def find_others(self, recipient: str = RECIPIENT) -> list[FakeNode]:
        """The nodes of the other swarm."""
        return [node for node in self.nodes.values() if node not in self.find_swarm(recipient)]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        node = next(node for node in self.nodes.values() if 20000 + node.index == request.url.port)
        assert self.client is not None
        assert node.key in {path.nodes[0] for path in self.client.state.paths.paths}, "a node that is no guard"
        assert (request.method, request.url.path) == ("POST", "/onion_req/v2")
        self.contacted.append(node.key)
        self.headers.append(request.headers)
        if node.dead:
            raise httpx.ConnectError("refused")
        status, said = await self.arrive(node, await request.aread())
        status = node.hop_status if status == 200 else status
        return httpx.Response(status, stream=httpx.ByteStream(said if isinstance(said, bytes) else said.encode()))

    async def arrive(self, node: FakeNode, body: bytes) -> tuple[int, str | bytes]:
        """Let an onion arrive at a node."""
        if node.hop_answer:
            return node.hop_answer
        self.ephemeral_keys.append(onion.decode_frame(body)[1]["ephemeral_key"])
        peeled = onion.peel(node.pair.private, body)
        action = onion.read_action(peeled.plaintext)
        if isinstance(action, onion.ForServer):
            self.servers.append(action)
            assert self.serve is not None
            return self.serve(action.body)
        if isinstance(action, onion.ForNode):
            behind = self.nodes.get(action.destination)
            if behind is None or behind.dead:
                return 502, f"Next node not found: {action.destination}"
            return await self.arrive(behind, action.body)
        await asyncio.sleep(0)
        if node.hangs:
            await asyncio.Event().wait()
        status, text = self.answer(node, storage.decode_rpc(action.payload))
        return 200, onion.seal_reply(peeled.key, onion.Reply(status=status, body=text), self.random)

    def answer(self, node: FakeNode, rpc: storage.Rpc) -> tuple[int, str]:
        """Answer a request of chapter 07."""
        node.asked.append(rpc)
        if node.lie is not None:
            return node.lie(rpc)
        snodes = json.dumps(swarm.encode_snodes(swarm.find_swarm(self.network, rpc.params["pubKey"])))
        difficulty = json.dumps({"difficulty": self.difficulty})
        try:
            if rpc.method == "store":
                node.held.append(storage.check_store(rpc.params, self.network, node.key, now_ms=NOW_MS))
                return 200, difficulty
            storage.check_retrieve(rpc.params, self.network, node.key)
        except errors.CloisterError as error:
            status = storage.find_status(error)
            return status, {421: snodes, 432: difficulty}.get(status, str(error))
        page = storage.take_page(node.held, rpc.params["lastHash"], now_ms=NOW_MS)
        return 200, json.dumps(storage.encode_page(page))


@pytest.fixture
def fake(tmp_path: Path) -> FakeNetwork:
    """A network of eight nodes in two swarms."""
    return FakeNetwork(tmp_path / "network.json")


def connect(fake: FakeNetwork, state: NetworkState | None = None, **options: Any) -> Client:
    """Make a client."""
    options = {"now": lambda: NOW_MS, "random": make_random("client"), "timeout_ms": 5000} | options
    fake.client = Client(fake.file, state, transport=fake, **options)
    return fake.client


def run(fake: FakeNetwork, work: Callable[[Client], Awaitable[Any]], **options: Any) -> Any:
    """Do something with a client."""

    async def main() -> Any:
        async with asyncio.timeout(20), connect(fake, **options) as made:
            return await work(made)

    return asyncio.run(main())


def encode(text: str) -> str:
    return wire.encode_base64(text.encode())


def store(text: str = "hello") -> Callable[[Client], Awaitable[client.Stored]]:
    return lambda made: made.store(RECIPIENT, encode(text), ttl_ms=DAY_MS)


async def fetch(made: Client, box: Mailbox | None = None) -> tuple[Mailbox, list[str]]:
    """Fetch all that is new."""
    box, data = box or Mailbox(), []
    async for received in made.retrieve(RECIPIENT, box):
        box = received.mailbox
        data += [letter.data for letter in received.letters]
    return box, data


def hold(node: FakeNode, *texts: str) -> None:
    """Let a node hold messages, without work."""
    for text in texts:
        hashed = hashlib.sha512(text.encode()).hexdigest()
        node.held.append(
            storage.Message(
                recipient=RECIPIENT, hash=hashed, data=encode(text), timestamp_ms=NOW_MS, ttl_ms=DAY_MS, nonce=""
            )
        )


# Storing


def test_a_message_is_stored_with_three_nodes_of_the_swarm_and_counts_with_two(fake: FakeNetwork) -> None:
    stored = run(fake, store())
    holders = [node for node in fake.nodes.values() if node.held]
    assert len(holders) == 3
    assert {node.key for node in holders} >= set(stored.nodes)
    assert len(set(stored.nodes)) == 2
    assert {message.hash for node in holders for message in node.held} == {stored.hash}
    assert all(node in fake.find_swarm() for node in holders)


def test_a_message_that_one_node_has_does_not_count_as_sent(fake: FakeNetwork) -> None:
    alive, *others = fake.find_swarm()
    for node in others:
        node.lie = lambda rpc: (503, "no space")
    with pytest.raises(
        errors.NotSent, match=r"1 of the 2 nodes needed have it; node .* answered 503 'no space'"
    ) as failed:
        run(fake, store())
    assert failed.value.acknowledged == (alive.key,)
    assert failed.value.reason.count("answered 503") == 3


def test_one_node_does_not_count_twice(fake: FakeNetwork) -> None:
    honest, *liars = fake.find_swarm()
    for liar in liars:
        liar.lie = lambda rpc: (421, json.dumps({"snodes": [honest.json, honest.json]}))
    with pytest.raises(errors.NotSent, match=r"1 of the 2 nodes needed have it; node .* names another swarm") as failed:
        run(fake, store())
    assert failed.value.acknowledged == (honest.key,)
    assert sum(rpc.method == "store" for rpc in honest.asked) == 1


def test_a_lookup_that_names_one_node_twice_names_one(fake: FakeNetwork) -> None:
    node = fake.find_swarm()[0].json
    body = json.dumps({"snodes": [node, node]})
    assert [found.pubkey_ed25519 for found in network_client.read_swarm(fake.network, body)] == [node["pubkey_ed25519"]]


@pytest.mark.parametrize("answer", ["", "{}", '{"difficulty": 0}', '{"difficulty": true}', '{"difficulty": 100}'])
def test_an_acknowledgement_of_another_form_is_none(fake: FakeNetwork, answer: str) -> None:
    honest, *liars = fake.find_swarm()
    for node in liars:
        node.lie = lambda rpc: (200, answer)

    async def work(made: Client) -> None:
        with pytest.raises(errors.NotSent, match="answered rubbish") as failed:
            await store()(made)
        assert failed.value.acknowledged == (honest.key,)
        assert made.state.difficulty == 1

    run(fake, work)


def test_who_hangs_is_not_waited_for(fake: FakeNetwork) -> None:
    """Of the three nodes that are asked first, two are enough."""
    fake.find_swarm()[0].hangs = True

    async def work(made: Client) -> None:
        for number in range(5):
            assert len((await made.store(RECIPIENT, encode(str(number)), ttl_ms=DAY_MS)).nodes) == 2

    run(fake, work, timeout_ms=60_000)


def test_a_dead_node_of_the_swarm_is_replaced_by_another(fake: FakeNetwork) -> None:
    for node in fake.find_swarm()[:2]:
        node.dead = True
    stored = run(fake, store())
    assert set(stored.nodes) == {node.key for node in fake.find_swarm()[2:]}


def test_a_clock_that_is_off_is_said(fake: FakeNetwork) -> None:
    with pytest.raises(errors.NotSent, match="answered 406 'timestamp must be from"):
        run(fake, store(), now=lambda: NOW_MS + 3_600_000)


def test_bad_data_is_refused_before_anybody_is_asked(fake: FakeNetwork) -> None:
    with pytest.raises(errors.InvalidEncoding):
        run(fake, lambda made: made.store(RECIPIENT, "no base64", ttl_ms=DAY_MS))
    with pytest.raises(errors.InvalidEncoding):
        run(fake, lambda made: fetch_for(made, "no recipient"))
    assert fake.contacted == []


async def fetch_for(made: Client, recipient: str) -> list[Received]:
    return [received async for received in made.retrieve(recipient, Mailbox())]


# Difficulty


def test_more_work_is_done_with_a_new_time_and_remembered(fake: FakeNetwork) -> None:
    fake.difficulty = 50
    fake.write()
    times = iter(range(NOW_MS, NOW_MS + 100))
    state = run(fake, lambda made: keep_state(made, store("hi")), now=lambda: next(times))
    stores = [rpc for node in fake.nodes.values() for rpc in node.asked if rpc.method == "store"]
    assert len({rpc.params["timestamp"] for rpc in stores}) == 2
    assert state.difficulty == 50
    held = [message for node in fake.nodes.values() for message in node.held]
    assert len({message.hash for message in held}) == 1

    for node in fake.nodes.values():
        node.asked.clear()
    run(fake, store("again"), state=state)
    stores = [rpc for node in fake.nodes.values() for rpc in node.asked if rpc.method == "store"]
    assert len({rpc.params["timestamp"] for rpc in stores}) == 1


async def keep_state(made: Client, work: Callable[[Client], Awaitable[Any]]) -> NetworkState:
    await work(made)
    return made.state


def test_the_difficulty_last_heard_of_is_remembered_when_nothing_is_stored_and_when_it_falls(fake: FakeNetwork) -> None:
    for node in fake.nodes.values():
        node.lie = lambda rpc: (432, '{"difficulty": 3}') if rpc.params["timestamp"] == str(NOW_MS) else (503, "")

    async def work(made: Client) -> None:
        with pytest.raises(errors.NotSent):
            await store("hi")(made)
        assert made.state.difficulty == 3
        for node in fake.nodes.values():
            node.lie = None
        await store("hi")(made)
        assert made.state.difficulty == 1

    times = iter((NOW_MS, NOW_MS + 1, NOW_MS + 2))
    run(fake, work, now=lambda: next(times))


@pytest.mark.parametrize("wanted", [100, 10**6, 0, -1, True, "5", None, 1])
def test_a_difficulty_that_no_client_works_for_is_a_refusal(fake: FakeNetwork, wanted: object) -> None:
    liars = fake.find_swarm()[:2]
    for liar in liars:
        liar.lie = lambda rpc: (432, json.dumps({"difficulty": wanted}))
    told: list[str] = []

    async def work(made: Client) -> NetworkState:
        for number in range(4):
            stored = await made.store(RECIPIENT, encode(str(number)), ttl_ms=DAY_MS)
            assert set(stored.nodes) == {node.key for node in fake.find_swarm()[2:]}
        return made.state

    assert run(fake, work, tell=told.append).difficulty == 1
    assert not any("more work" in line for line in told)
    assert any("refuses work" in line or "answered rubbish" in line for line in told)


def test_one_node_alone_makes_nobody_work(fake: FakeNetwork) -> None:
    liars, told = fake.find_swarm()[:2], list[str]()
    for liar in liars:
        liar.lie = lambda rpc: (432, '{"difficulty": 50}')
    state = run(fake, lambda made: keep_state(made, store()), tell=told.append)
    assert state.difficulty == 1
    assert not any("more work" in line for line in told)


def test_the_lower_difficulty_of_two_acknowledgements_counts(fake: FakeNetwork) -> None:
    first, second, *others = fake.find_swarm()
    first.lie = lambda rpc: (200, '{"difficulty": 99}')
    second.lie = lambda rpc: (200, '{"difficulty": 7}')
    for node in others:
        node.lie = lambda rpc: (503, "")
    assert run(fake, lambda made: keep_state(made, store())).difficulty == 7


@pytest.mark.parametrize("acknowledging", [0, 1])
def test_without_acknowledgements_the_highest_difficulty_that_was_named_is_worked_for(
    fake: FakeNetwork, acknowledging: int
) -> None:
    told: list[str] = []
    for node, difficulty in zip(fake.find_swarm()[acknowledging:], (3, 6, 2, 100), strict=False):
        node.lie = lambda rpc, difficulty=difficulty: (
            (432, json.dumps({"difficulty": difficulty}))
            if rpc.params["timestamp"] == str(NOW_MS)
            else (200, '{"difficulty": 6}')
        )
    times = iter((NOW_MS, NOW_MS + 1))
    run(fake, store(), tell=told.append, now=lambda: next(times))
    (line,) = [line for line in told if "more work" in line]
    assert "wants difficulty 6:" in line
    assert {rpc.params["timestamp"] for node in fake.find_swarm() for rpc in node.asked} == {
        str(NOW_MS),
        str(NOW_MS + 1),
    }


def test_99_is_worked_for(fake: FakeNetwork) -> None:
    fake.difficulty = 99
    fake.write()
    stored = run(fake, lambda made: made.store(RECIPIENT, encode("x"), ttl_ms=10_000))
    assert len(stored.nodes) == 2


def test_the_work_tells_its_progress_and_ends_with_its_task(fake: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_of_work, "derive_target", lambda *_: 0)  # no nonce reaches it
    told: list[str] = []
    searches: list[str] = []
    find_nonce = proof_of_work.find_nonce

    def find(*args: Any, **options: Any) -> Any:
        try:
            return find_nonce(*args, **options)
        except proof_of_work.Cancelled:
            searches.append("cancelled")
            raise

    monkeypatch.setattr(proof_of_work, "find_nonce", find)

    async def work(made: Client) -> None:
        told_twice = asyncio.Event()
        made.tell = lambda line: told.append(line) or (len(told) == 2 and told_twice.set())
        storing = asyncio.create_task(store()(made))
        await told_twice.wait()
        storing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await storing

    run(fake, work)
    assert told[:2] == ["proof of work: 20,000 tried", "proof of work: 40,000 tried"]
    assert searches == ["cancelled"]
    assert fake.contacted == []


# Receiving


def test_all_pages_of_two_nodes_are_united_and_given_once(fake: FakeNetwork) -> None:
    first, second = fake.find_swarm()[:2]
    for node in fake.find_swarm()[2:]:
        node.lie = lambda rpc: (503, "")
    hold(first, *map(str, range(25)))
    hold(second, *map(str, range(24, 40)))

    async def work(made: Client) -> tuple[Mailbox, list[str]]:
        box, data = await fetch(made)
        assert await fetch(made, box) == (box, [])
        return box, data

    box, data = run(fake, work)
    assert sorted(data) == sorted(encode(str(number)) for number in range(40))
    assert box.cursors == {first.key: first.held[-1].hash, second.key: second.held[-1].hash}
    for node in (first, second):
        cursors = [rpc.params["lastHash"] for rpc in node.asked if rpc.method == "retrieve"]
        assert cursors[-1] == node.held[-1].hash
        assert cursors[:2] == ["", node.held[9].hash]


def test_nothing_is_given_twice_to_who_keeps_the_mailbox_of_any_page(fake: FakeNetwork) -> None:
    """Whoever is killed goes on from the mailbox that was saved with the letters."""
    for node in fake.find_swarm():
        hold(node, *map(str, range(35)))

    async def work(made: Client) -> list[str]:
        box, data = Mailbox(), []
        for _ in range(40):
            async for received in made.retrieve(RECIPIENT, box):
                box = saved_state.restore(saved_state.save(received.mailbox), Mailbox)
                data += [letter.data for letter in received.letters]
                break  # killed here
        return data

    assert sorted(run(fake, work)) == sorted(encode(str(number)) for number in range(35))


def test_what_one_node_withholds_comes_from_the_other(fake: FakeNetwork) -> None:
    liar, honest, *others = fake.find_swarm()
    liar.lie = lambda rpc: (200, '{"messages": []}')
    hold(honest, "hello")
    for node in others:
        node.dead = True
    assert run(fake, fetch)[1] == [encode("hello")]


LETTER = {"hash": "ab" * 64, "expiration": NOW_MS + DAY_MS, "data": "aGVsbG8="}
RUBBISH = [
    "",
    "rubbish",
    "[]",
    "{}",
    '{"messages": {}}',
    '{"messages": [1]}',
    json.dumps({"messages": [LETTER] * 11}),
    *(
        json.dumps({"messages": [LETTER | change]})
        for change in (
            {"hash": 1},
            {"hash": "AB" * 64},
            {"hash": "ab" * 63},
            {"expiration": "1"},
            {"expiration": True},
            {"expiration": 1.5},
            {"data": None},
            {"data": "no base64"},
            {"data": "A" * 102_404},
        )
    ),
    "[" * 100_000,
]


@pytest.mark.parametrize("body", RUBBISH, ids=range(len(RUBBISH)))
@pytest.mark.parametrize("status", [200, 500, 421, -1, 10**30])
def test_a_node_that_answers_rubbish_counts_as_failed_and_another_is_asked(
    fake: FakeNetwork, status: int, body: str
) -> None:
    liar, *others = fake.find_swarm()
    liar.lie = lambda rpc: (status, body) if rpc.method == "retrieve" else (500, "")
    for node in others:
        node.dead = node is not others[0]
        hold(node, "hello")
    told: list[str] = []
    box, data = run(fake, fetch, tell=told.append)
    assert data == [encode("hello")]
    assert liar.key not in box.cursors


def test_if_no_node_gives_a_page_that_is_the_answer(fake: FakeNetwork) -> None:
    for node in fake.find_swarm():
        node.lie = lambda rpc: (503, "no\nspace")
    with pytest.raises(errors.NoReply, match=r"answered 503 'no\\nspace'") as failed:
        run(fake, fetch)
    assert failed.value.reason.count("answered 503") == 4


def test_a_node_that_repeats_a_page_is_left(fake: FakeNetwork) -> None:
    for node in fake.find_swarm():
        node.lie = lambda rpc: (200, json.dumps({"messages": [LETTER] * 10}))
    assert run(fake, fetch)[1] == [LETTER["data"]]
    assert sum(rpc.method == "retrieve" for node in fake.nodes.values() for rpc in node.asked) == 4


def test_a_node_that_never_ends_is_left_after_the_last_page(fake: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_PAGES", 7)

    def lie(rpc: storage.Rpc) -> tuple[int, str]:
        fresh = hashlib.sha512(rpc.params.get("lastHash", "").encode()).hexdigest()
        return 200, json.dumps({"messages": [LETTER | {"hash": fresh, "data": encode(fresh)}]})

    for node in fake.find_swarm():
        node.lie = lie
    assert len(run(fake, fetch)[1]) == 7
    assert sorted(len(node.asked) for node in fake.find_swarm()) == [0, 0, 7, 7]


def test_what_has_expired_everywhere_is_not_given(fake: FakeNetwork) -> None:
    old, fresh = LETTER | {"expiration": NOW_MS - 900_000}, LETTER | {"hash": "cd" * 64, "expiration": NOW_MS - 899_999}
    for node in fake.find_swarm():
        node.lie = lambda rpc: (200, json.dumps({"messages": [old, fresh]}))
    box, data = run(fake, fetch)
    assert len(data) == 1
    later = NOW_MS + 1
    assert run(fake, lambda made: fetch(made, replace(box, cursors={})), now=lambda: later)[1] == []


def test_what_has_expired_everywhere_is_forgotten(fake: FakeNetwork) -> None:
    for node in fake.find_swarm():
        hold(node, "hello")
    box = Mailbox(seen={"ab" * 32: NOW_MS, "cd" * 32: NOW_MS + 1})
    box, _ = run(fake, lambda made: fetch(made, box))
    assert "ab" * 32 not in box.seen
    assert "cd" * 32 in box.seen


@pytest.mark.parametrize("lie", [{"data": encode("lie")}, {"expiration": 0}])
def test_a_node_that_lies_about_a_message_does_not_hide_it(fake: FakeNetwork, lie: dict[str, Any]) -> None:
    liar, honest, *others = fake.find_swarm()
    hold(honest, "hello")
    page = [letter | lie for letter in storage.encode_page(honest.held)["messages"]]
    liar.lie = lambda rpc: (200, json.dumps({"messages": page}))
    for node in others:
        node.lie = lambda rpc: (503, "")

    async def work(made: Client) -> list[str]:
        box, data = await fetch(made)
        for _ in range(3):
            assert (await fetch(made, box))[1] == []
        return [text for text in data if text != encode("lie")]

    for seed in range(4):  # the liar comes first in some
        assert run(fake, work, random=make_random(str(seed))) == [encode("hello")]


# Swarms


def name_others(fake: FakeNetwork, *more: Any) -> Lie:
    """Answer 421 and name the other swarm."""
    body = json.dumps({"snodes": [*(node.json for node in fake.find_others()), *more]})
    return lambda rpc: (421, body)


seeds = pytest.mark.parametrize("seed", range(6))


@seeds
def test_a_swarm_that_has_moved_is_found_by_what_two_of_its_old_nodes_name(fake: FakeNetwork, seed: int) -> None:
    fake.move()
    told: list[str] = []

    async def work(made: Client) -> list[str]:
        stored = await made.store(RECIPIENT, encode("hello"), ttl_ms=DAY_MS)
        assert {*stored.nodes} <= {node.key for node in fake.find_swarm()}
        for node in fake.find_swarm():
            node.held = node.held or next(other.held for other in fake.find_swarm() if other.held)
        return (await fetch(made))[1]

    assert run(fake, work, tell=told.append, random=make_random(str(seed))) == [encode("hello")]
    assert any("names another swarm" in line for line in told)


@seeds
def test_one_node_alone_sends_nobody_anywhere(fake: FakeNetwork, seed: int) -> None:
    liar, *others = fake.find_swarm()
    liar.lie = name_others(fake)
    for node in others:
        node.lie = lambda rpc: (503, "")
    with pytest.raises(errors.NotSent):
        run(fake, store(), random=make_random(str(seed)))
    with pytest.raises(errors.NoReply):
        run(fake, fetch, random=make_random(str(seed)))
    assert not any(node.asked for node in fake.find_others())


@seeds
def test_nodes_that_name_another_swarm_hide_none_of_theirs(fake: FakeNetwork, seed: int) -> None:
    first, second, *honest = fake.find_swarm()
    first.lie = second.lie = name_others(fake)
    for node in honest:
        hold(node, "held")
    random = make_random(str(seed))
    assert set(run(fake, store(), random=random).nodes) == {node.key for node in honest}
    assert encode("held") in run(fake, fetch, random=random)[1]
    assert not any(rpc.method == "retrieve" for node in fake.find_others() for rpc in node.asked)


def test_only_nodes_of_our_network_are_taken_with_the_keys_that_we_know(fake: FakeNetwork) -> None:
    foreign = FakeNode(1000)
    known = fake.find_others()[0]
    forged = known.json | {"pubkey_x25519": foreign.pair.public[1:].hex(), "port": "1", "ip": "10.0.0.1"}
    body = json.dumps({"snodes": [foreign.json, forged, 5, {"pubkey_ed25519": []}]})
    for node in fake.find_swarm():
        node.lie = lambda rpc: (421, body)
    known.lie = lambda rpc: (200, '{"difficulty": 1}')
    with pytest.raises(errors.NotSent) as failed:
        run(fake, store())
    assert failed.value.acknowledged == (known.key,)  # the forged one was reached with the key that we know


def test_only_the_swarm_names_others(fake: FakeNetwork) -> None:
    """Two nodes that were named name two more."""
    named, more = fake.find_others()[:2], fake.find_others()[2:]
    body, further = (json.dumps({"snodes": [node.json for node in nodes]}) for nodes in (named, more))
    for node in fake.find_swarm():
        node.lie = lambda rpc: (421, body)
    for node in named:
        node.lie = lambda rpc: (421, further)
    with pytest.raises(errors.NotSent) as failed:
        run(fake, store())
    assert failed.value.reason.count("names another swarm") == 6
    assert not any(node.asked for node in more)


def test_a_node_is_named_by_two_different_nodes_or_not(fake: FakeNetwork) -> None:
    candidates = network_client.find_candidates(fake.network, RECIPIENT, fake.random)
    one, other, third, _ = candidates.waiting
    named = [fake.network.nodes[node.key] for node in fake.find_others()[:2]]
    for _ in range(3):
        candidates = network_client.note_named(candidates, one, [*named, other], fake.random)
        assert len(candidates.waiting) == 4
    candidates = network_client.note_named(candidates, other, named[:1], fake.random)
    assert candidates.waiting[4:] == (named[0],)
    candidates = network_client.note_named(candidates, third, [*named, one, other], fake.random)
    assert candidates.waiting[4:] == tuple(named)


def test_the_swarm_is_that_of_the_newest_network(fake: FakeNetwork) -> None:
    async def work(made: Client) -> None:
        await store("1")(made)
        fake.swarms = dict(zip(fake.swarms, reversed(fake.swarms.values()), strict=True))
        fake.write()
        told: list[str] = []
        made.tell = told.append
        stored = await store("2")(made)
        assert {*stored.nodes} <= {node.key for node in fake.find_swarm()}
        assert not any("another" in line for line in told)

    run(fake, work)


def test_a_network_without_a_swarm_is_refused(fake: FakeNetwork) -> None:
    fake.swarms = {}
    fake.write()
    with pytest.raises(errors.TooFewNodes):
        run(fake, store())
    with pytest.raises(errors.TooFewNodes):
        run(fake, fetch)


# Paths


def test_every_try_has_fresh_keys(fake: FakeNetwork) -> None:
    for node in fake.nodes.values():
        node.hop_status = 201
    with pytest.raises(errors.NotSent):
        run(fake, store())
    assert len(fake.ephemeral_keys) > 20
    assert len(set(fake.ephemeral_keys)) == len(fake.ephemeral_keys)


def test_a_guard_learns_nothing_but_the_onion(fake: FakeNetwork) -> None:
    run(fake, store())
    names = {name for headers in fake.headers for name in headers}
    assert names == {"host", "user-agent", "accept", "accept-encoding", "connection", "content-length"}
    assert {headers["user-agent"] for headers in fake.headers} == {"cloister"}


def test_guards_are_kept_over_a_restart(fake: FakeNetwork) -> None:
    async def store_often(made: Client) -> None:
        for number in range(8):
            await store(str(number))(made)

    state = run(fake, lambda made: keep_state(made, store_often))
    guards = [path.nodes[0] for path in state.paths.paths]
    assert set(fake.contacted) == set(guards)
    state = saved_state.restore(saved_state.save(state), NetworkState)
    fake.contacted.clear()
    later = run(fake, lambda made: keep_state(made, store("2")), state=state, random=make_random("later"))
    assert later == state
    assert set(fake.contacted) <= set(guards)


def test_without_a_path_nobody_is_connected_to(tmp_path: Path) -> None:
    fake = FakeNetwork(tmp_path / "network.json", count=5)
    with pytest.raises(errors.TooFewNodes):
        run(fake, store())
    assert fake.contacted == []


def test_when_every_guard_is_dead_that_is_the_answer(fake: FakeNetwork) -> None:
    """The transport lets nobody but guards be connected to."""
    for node in fake.nodes.values():
        node.dead = True
    with pytest.raises(errors.NotSent, match="no connection"):
        run(fake, store())
    assert len(fake.contacted) == 2 * len(fake.find_swarm())


def test_a_dead_guard_is_given_up_and_a_dead_middle_replaced(fake: FakeNetwork) -> None:
    async def work(made: Client) -> None:
        await store("1")(made)
        first, second = made.state.paths.paths
        fake.nodes[first.nodes[0]].dead = True
        fake.nodes[second.nodes[1]].dead = True
        for number in range(2, 20):
            await store(str(number))(made)
        guards = {path.nodes[0] for path in made.state.paths.paths}
        assert first.nodes[0] not in guards
        assert second.nodes[0] in guards
        assert not {first.nodes[0], second.nodes[1]} & made.state.paths.used

    run(fake, work)


def test_a_request_is_tried_a_bounded_number_of_times(fake: FakeNetwork) -> None:
    def try_all(answer: tuple[int, str]) -> int:
        for node in fake.nodes.values():
            node.hop_answer = answer
        fake.contacted.clear()
        with pytest.raises(Refused):
            run(fake, lambda made: made.ask(next(iter(made.network.nodes.values())), b"{}"))
        return len(fake.contacted)

    assert try_all((500, "rubbish")) == 2
    assert try_all((200, "rubbish")) == 2
    assert try_all((200, "Loki Server error")) == 2
    assert try_all((200, wire.encode_base64(bytes(40)))) == 2
    assert try_all((504, "Request time out")) == 2
    assert try_all((502, f"Next node not found: {'ab' * 32}")) == 2  # it stands on no path
    assert try_all((400, "Loki Server error")) == 2  # no server was asked


def test_a_destination_that_answers_rubbish_costs_two_failures_until_a_reply(fake: FakeNetwork) -> None:
    async def work(made: Client) -> None:
        made.choose_path("")
        before = made.state.paths
        rubbish, honest = (fake.nodes[key] for key in fake.nodes if key not in before.used)
        rubbish.hop_answer = 200, "rubbish"
        with pytest.raises(Refused, match="an answer that is no reply"):
            await made.ask(made.network.nodes[rubbish.key], RETRIEVE)
        assert [path.failures for path in made.state.paths.paths] == [1, 1]
        assert len(fake.contacted) == 2
        while len({*fake.contacted[2:]}) < 2:
            await made.ask(made.network.nodes[honest.key], RETRIEVE)
        assert made.state.paths == before

    run(fake, work, random=make_random("one path and then the other"))


def test_nodes_that_are_not_found_do_not_end_a_request(fake: FakeNetwork) -> None:
    async def work(made: Client) -> None:
        made.choose_path("")
        guards = [path.nodes[0] for path in made.state.paths.paths]
        for path in made.state.paths.paths:
            fake.nodes[path.nodes[1]].dead = True
        destination = next(key for key in fake.nodes if key not in made.state.paths.used)
        await made.ask(made.network.nodes[destination], RETRIEVE)
        assert len(fake.contacted) > 2
        assert [path.nodes[0] for path in made.state.paths.paths] == guards

    run(fake, work)


@pytest.mark.parametrize(
    "answer",
    [
        (500, ""),
        (200, ""),
        (200, "Loki Server error"),
        (400, "Loki Server error"),
        (502, f"Next node not found: {'ab' * 32}"),
    ],
)
def test_a_failure_counts_against_its_path_until_a_reply(fake: FakeNetwork, answer: tuple[int, str]) -> None:
    async def work(made: Client) -> None:
        destination = made.network.nodes[next(iter(fake.nodes))]
        path = made.choose_path(destination.pubkey_ed25519)
        made.note_failure(path, destination.pubkey_ed25519, onion_client.Answer(answer[0], answer[1].encode()))
        failed = paths.find_path(made.state.paths, path.nodes[0])
        assert failed is not None and failed.failures == 1
        for _ in range(20):
            await made.ask(destination, RETRIEVE)
        assert [path.failures for path in made.state.paths.paths] == [0, 0]

    run(fake, work)


def test_a_reply_comes_with_status_200(fake: FakeNetwork) -> None:
    for node in fake.nodes.values():
        node.hop_status = 201
    with pytest.raises(Refused):
        run(
            fake,
            lambda made: made.ask(made.network.nodes[next(iter(fake.nodes))], RETRIEVE),
        )


def test_no_proxy_of_the_environment_is_connected_to(fake: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[object] = []

    async def main() -> None:
        async with await asyncio.start_server(lambda *ends: connected.append(ends), "127.0.0.1", 0) as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
            fake.file.write_text(fake.file.read_text().replace("192.0.2.1", "127.0.0.1").replace('"2000', '"1'))
            async with Client(fake.file, now=lambda: NOW_MS) as made:
                with pytest.raises(errors.NotSent):
                    await store()(made)

    asyncio.run(main())
    assert connected == []


def test_a_node_that_hangs_takes_two_timeouts(fake: FakeNetwork) -> None:
    node = fake.find_swarm()[0]
    node.hangs = True
    with pytest.raises(Refused, match="no answer in time"):
        run(
            fake,
            lambda made: made.ask(made.network.nodes[node.key], RETRIEVE),
            timeout_ms=50,
        )
    assert len(fake.contacted) == 2


def test_a_destination_that_is_gone_is_left_at_once(fake: FakeNetwork) -> None:
    node = fake.find_others()[0]

    async def work(made: Client) -> None:
        made.choose_path("")
        free = next(key for key in fake.nodes if key not in made.state.paths.used)
        fake.nodes[free].dead = True
        before = made.state
        with pytest.raises(Refused, match="Next node not found"):
            await made.ask(made.network.nodes[free], b"{}")
        assert made.state == before

    run(fake, work)
    assert len(fake.contacted) == 1
    assert not node.held


def test_a_reply_that_is_too_long_is_none(fake: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onion, "MAX_REPLY_BYTES", 300)
    with pytest.raises(Refused, match="an answer that is no reply"):
        run(
            fake,
            lambda made: made.ask(next(iter(made.network.nodes.values())), RETRIEVE),
        )


# The network


def test_a_higher_network_is_taken_up_between_two_requests(fake: FakeNetwork) -> None:
    async def work(made: Client) -> None:
        await store("1")(made)
        path = made.state.paths.paths[0]
        for nodes in fake.swarms.values():
            nodes[:] = [node for node in nodes if node.key not in path.nodes[1:]]
        gone = {fake.nodes.pop(key) for key in path.nodes[1:]}
        fake.swarms[SWARMS[0]].extend(FakeNode(index) for index in (50, 51))
        fake.nodes |= {node.key: node for nodes in fake.swarms.values() for node in nodes}
        fake.write()
        for number in range(8):
            await store(f"later {number}")(made)
        assert path.nodes[0] == made.state.paths.paths[0].nodes[0]
        assert not {node.key for node in gone} & made.state.paths.used
        assert made.state.height == 2

    run(fake, work)


def test_the_network_is_looked_at_before_each_path(fake: FakeNetwork) -> None:
    async def work(made: Client) -> None:
        node = made.network.nodes[next(iter(fake.nodes))]
        for _ in range(3):
            fake.write()
            await made.ask(node, RETRIEVE)
            assert made.state.height == fake.height

    run(fake, work)


@pytest.mark.parametrize("text", ["", '{"height": 9', '{"height": 9, "swarms": 1}', '{"height": 0, "swarms": []}'])
def test_a_file_that_holds_no_higher_network_changes_nothing(fake: FakeNetwork, text: str) -> None:
    async def work(made: Client) -> None:
        whole = fake.file.read_text()
        await store("1")(made)
        network = made.network
        fake.file.write_text(text)
        made.look_at_network()
        assert made.network is network
        fake.file.unlink()
        made.look_at_network()
        fake.file.write_text(whole)
        await store("2")(made)

    run(fake, work)


def test_a_state_of_another_network_loses_its_paths_only(fake: FakeNetwork) -> None:
    lost = paths.Paths(paths=(paths.Path(nodes=("aa" * 32, "bb" * 32, "cc" * 32)),))
    state = run(fake, lambda made: keep_state(made, store()), state=NetworkState(height=1, paths=lost, difficulty=2))
    assert "aa" * 32 not in state.paths.used
    state = run(fake, lambda made: keep_state(made, store()), state=NetworkState(height=9, paths=lost))
    assert state.height == 1


def test_a_client_does_not_begin_without_a_network(tmp_path: Path) -> None:
    (tmp_path / "network.json").write_text("{}")
    with pytest.raises(errors.InvalidMessage, match="the network: height: Field required"):
        Client(tmp_path / "network.json")


# Servers

SERVER_PAIR = identity.derive_identity(bytes(32))
SERVER = onion.Server(
    host="server.example", target=server_onion.TARGET, protocol="https", port=443, x25519_key=SERVER_PAIR.public
)
REQUEST = Request(method="POST", target="/room/tea/file", headers={"x-sogs-nonce": "AA=="}, body=bytes(range(256)))


def let_server_answer(fake: FakeNetwork, answer: Callable[[bytes], bytes]) -> None:
    """Let the server answer with what is made with the key of the reply."""

    def serve(body: bytes) -> tuple[int, bytes]:
        opened = server_onion.open_request(SERVER_PAIR.private, body)
        assert server_onion.decode_request(opened.plaintext) == REQUEST
        return 200, answer(opened.key)

    fake.serve = serve


@pytest.mark.parametrize("status", [201, 403])
def test_a_server_is_reached_over_a_path_and_its_bytes_come_back(fake: FakeNetwork, status: int) -> None:
    reply = server_onion.ServerReply(status=status, headers={"content-type": "x"}, body=bytes(range(255, 0, -1)))
    let_server_answer(fake, lambda key: server_onion.seal_reply(key, reply, fake.random))
    assert run(fake, lambda made: made.request_server(SERVER, lambda: REQUEST)) == reply
    assert (fake.servers[0].host, fake.servers[0].target) == ("server.example", "/oxen/v4/lsrpc")


def test_a_server_that_fails_is_not_asked_again_and_nobody_counts_it(fake: FakeNetwork) -> None:
    fake.serve = lambda body: (400, b"Loki Server error")

    async def work(made: Client) -> None:
        with pytest.raises(errors.NoReply, match=r"server\.example cannot be reached: .*Loki Server error"):
            await made.request_server(SERVER, lambda: REQUEST)
        assert all(path.failures == 0 for path in made.state.paths.paths)
        assert made.state.paths.failures == {}

    run(fake, work)
    assert len(fake.servers) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda key: b"", errors.DecryptionFailed),
        (lambda key: sealing.encrypt_layer(bytes(32), b"l2:{}e", iv=bytes(12)), errors.DecryptionFailed),
        (lambda key: sealing.encrypt_layer(key, b"l2:{}e", iv=bytes(12)), errors.InvalidMessage),
        (lambda key: onion.seal_reply(key, onion.Reply(status=200, body=""), bytes).encode(), errors.DecryptionFailed),
    ],
    ids=["nothing", "another key", "no code", "as a node seals"],
)
def test_what_is_no_reply_of_a_server_counts_against_two_paths_and_is_refused(
    fake: FakeNetwork, answer: Callable[[bytes], bytes], error: type[Exception]
) -> None:
    let_server_answer(fake, answer)

    async def work(made: Client) -> None:
        with pytest.raises(error):
            await made.request_server(SERVER, lambda: REQUEST)
        assert [path.failures for path in made.state.paths.paths] == [1, 1]

    run(fake, work)
    assert len(fake.servers) == 2
