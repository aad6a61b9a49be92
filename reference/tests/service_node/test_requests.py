"""What a node answers to clients: each status of the table of chapter 07, over HTTP."""

import json
import select
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from cloister.serving import process
from cloister.serving.limits import MAX_ADDRESSES, SHARE, Budget, Busy, RateLimit, name_client

NOW = 1_700_000_000_000
MINE = f"05{2**62:016x}{0:047x}1"
FOREIGN = f"05{3 * 2**62:016x}{0:047x}1"
RPC = "/storage_rpc/v1"


@pytest.fixture
def node(world: Any) -> Any:
    return world.start()


def test_a_message_is_stored_and_given(node: Any) -> None:
    answer = node.store(text="hello")
    assert (answer.status_code, answer.json()) == (200, {"difficulty": 1})
    assert node.store(text="hello").status_code == 200  # the same again
    assert node.retrieve() == ["hello"]
    (message,) = node.rpc("retrieve", pubKey=MINE, lastHash="").json()["messages"]
    assert message == {"hash": node.letter(MINE, "hello").hash, "expiration": NOW + 60000, "data": "aGVsbG8="}
    assert node.retrieve(last=message["hash"]) == []


def test_pages_go_on_behind_the_last_hash(node: Any) -> None:
    texts = [f"message {number}" for number in range(25)]
    for text in texts:
        node.store(text=text)
    assert node.retrieve() == texts[:10]
    assert node.retrieve(last=node.letter(MINE, texts[9]).hash) == texts[10:20]
    assert node.retrieve(last=node.letter(MINE, texts[19]).hash) == texts[20:]
    assert node.retrieve(last="unknown") == texts[:10]
    assert node.retrieve(last="\ud800") == texts[:10]
    other = node.account(7)
    node.store(other, "elsewhere")
    assert node.retrieve(last=node.letter(other, "elsewhere").hash) == texts[:10]


def test_a_message_expires_at_the_millisecond(node: Any) -> None:
    node.store(ttl="10000")
    node.set_clock(NOW + 9_999)
    assert node.retrieve() == ["hello"]
    node.set_clock(NOW + 10_000)
    assert node.retrieve() == []
    assert node.store(timestamp=str(NOW), ttl="10000").status_code == 406


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"pubKey": None}, 400),
        ({"ttl": 60000}, 400),
        ({"pubKey": "06" + MINE[2:]}, 400),
        ({"data": "aGVsbG8"}, 400),
        ({"data": "A" * 102_404}, 400),
        ({"data": "é"}, 400),
        ({"pubKey": FOREIGN, "ttl": "1"}, 421),
        ({"ttl": "60001", "timestamp": "1"}, 403),
        ({"ttl": "060000"}, 403),
        ({"timestamp": str(NOW + 10_001), "nonce": ""}, 406),
        ({"timestamp": "1"}, 406),
        ({"nonce": "AAAAAAAAAAA"}, 432),
        ({"nonce": "AAAAAAAAAA8="}, 432),
    ],
)
def test_a_store_is_refused(shared: Any, params: dict[str, Any], status: int) -> None:
    answer = shared.rpc("store", **{**shared.mine(MINE, "hello", NOW), **params})
    assert answer.status_code == status
    assert len(answer.content) < 1000
    if status == 432:
        assert answer.json() == {"difficulty": 1}
    if status == 421:
        assert [snode["pubkey_ed25519"] for snode in answer.json()["snodes"]] == [
            shared.keys[name].public for name in "def"
        ]
    assert shared.retrieve() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"1",
        b"1" * 5000,
        b"[" * 200_000,
        b'{"method":"store"}',
        b'{"method":"\\ud800"}',
        b'{"method":"x","params":{}}',
        b'{"method":["store"],"params":{}}',
        b'{"method":"store","params":[]}',
    ],
)
def test_what_is_no_request_is_refused(shared: Any, body: bytes) -> None:
    answer = shared.post(RPC, body)
    assert answer.status_code == 400
    assert 0 < len(answer.text) < 1000


def test_swarms_are_told(shared: Any) -> None:
    for recipient, names in ((MINE, "abc"), (FOREIGN, "def")):
        answer = shared.rpc("get_snodes_for_pubkey", pubKey=recipient)
        assert answer.status_code == 200
        assert [snode["pubkey_ed25519"] for snode in answer.json()["snodes"]] == [shared.keys[n].public for n in names]
    assert shared.rpc("get_snodes_for_pubkey", pubKey="05").status_code == 400
    assert shared.rpc("retrieve", pubKey=FOREIGN, lastHash="").status_code == 421


def test_the_current_difficulty_counts(world: Any) -> None:
    world.difficulties = [(NOW - 1, 2), (NOW + 1000, 1_000_000_000)]
    world.start()
    assert world.store(difficulty=2).json() == {"difficulty": 2}
    world.set_clock(NOW + 1000)
    answer = world.store(text="other")
    assert (answer.status_code, answer.json()) == (432, {"difficulty": 1_000_000_000})


def test_a_difficulty_that_nothing_reaches_is_answered_as_one(world: Any) -> None:
    world.difficulties = [(0, 2**63 - 1)]
    world.start()
    assert world.store().json() == {"difficulty": 2**63 - 1}


def test_a_node_in_no_swarm_serves_only_who_asks_for_swarms(world: Any) -> None:
    world.swarms = {2**62: "bc", 3 * 2**62: "def"}
    world.start()
    assert world.store().status_code == 503
    assert world.rpc("retrieve", pubKey=MINE, lastHash="").status_code == 503
    assert world.rpc("get_snodes_for_pubkey", pubKey=MINE).status_code == 200
    world.change_network({})
    assert world.rpc("get_snodes_for_pubkey", pubKey=MINE).status_code == 503


def test_other_paths_and_methods_are_refused_in_a_line(shared: Any) -> None:
    for path in ("/", "/nothing", "/health/", "/docs", "/redoc", "//", "/%2e%2e/%ff", RPC + "?x=1"[:0] + "/"):
        answer = shared.get(path)
        assert (answer.status_code, answer.text) == (404, "Not Found"), path
    for path in (RPC, "/onion_req/v2", "/swarms/push_batch/v1"):
        assert shared.get(path).status_code == 405
    for path in ("/health", "/metrics", "/get_stats/v1"):
        assert shared.post(path, b"").status_code == 405
    assert shared.client.request("OPTIONS", f"http://127.0.0.1:{shared.port}{RPC}").status_code == 405


def test_the_state_of_the_node_is_told(node: Any) -> None:
    node.store()
    assert node.get("/health").json() == {"status": "ok", "height": 1}
    assert isinstance(node.get("/get_stats/v1").json()["version"], str)
    totals = node.get("/metrics").text
    assert "cloister_held_messages 1.0" in totals
    assert 'cloister_requests_total{endpoint="/storage_rpc/v1",status="200"} 1.0' in totals
    assert MINE not in totals


def test_a_body_that_is_too_long_is_refused_before_it_is_there(shared: Any) -> None:
    with socket.create_connection(("127.0.0.1", shared.port)) as connection:
        connection.sendall(b"POST /onion_req/v2 HTTP/1.1\r\nhost: x\r\ncontent-length: 10485761\r\n\r\nx")
        began = time.monotonic()
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")
        assert time.monotonic() - began < 0.5
        while connection.recv(1000):
            pass
        assert time.monotonic() - began < 3


def test_a_body_that_turns_out_too_long_is_refused(shared: Any) -> None:
    url = f"http://127.0.0.1:{shared.port}"
    assert shared.client.post(f"{url}{RPC}", content=(bytes(2**16) for _ in range(5))).status_code == 413
    assert shared.client.post(f"{url}/onion_req/v2", content=(bytes(2**20) for _ in range(11))).status_code == 413
    assert shared.post(RPC, bytes(262_144)).status_code == 400  # the longest
    assert shared.post(RPC, bytes(262_145)).status_code == 413
    assert shared.post("/onion_req/v2", bytes(10_485_760)).status_code == 400  # the longest


def test_one_address_may_not_ask_too_much(world: Any) -> None:
    world.start(request_burst=5, requests_per_second=1)
    with ThreadPoolExecutor(5) as pool:
        statuses = list(pool.map(lambda _: world.get("/health").status_code, range(10)))
    assert sorted(statuses) == [200] * 4 + [429] * 6 or sorted(statuses) == [200] * 5 + [429] * 5
    spoofed = world.client.get(f"http://127.0.0.1:{world.port}/health", headers={"x-forwarded-for": "192.0.2.1"})
    assert spoofed.status_code == 429
    batch = b""
    assert world.push(batch).status_code == 200  # a node request does not count


def test_false_node_requests_are_limited_too(world: Any) -> None:
    world.start(request_burst=3, requests_per_second=0.001)
    for _ in range(3):
        assert world.post("/onion_req/v2", b"", {"x-node-key": "00"}).status_code == 403
    assert world.post("/onion_req/v2", b"", {"x-node-key": "00"}).status_code == 429


def test_who_sends_slowly_is_let_go(world: Any) -> None:
    world.start(timeout_seconds=0.2)
    with socket.create_connection(("127.0.0.1", world.port)) as connection:
        connection.settimeout(5)
        connection.sendall(b"POST /onion_req/v2 HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nx")
        assert connection.recv(1000).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    ("before", "half"),
    [(b"", b""), (b"", b"POST /onion"), (b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n", b"GET /health")],
)
def test_who_sends_half_a_head_is_let_go(world: Any, before: bytes, half: bytes) -> None:
    """Also if he goes on byte by byte, and behind a whole request."""
    world.start(timeout_seconds=0.5)
    with socket.create_connection(("127.0.0.1", world.port)) as connection:
        connection.settimeout(5)
        if before:
            connection.sendall(before)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        connection.sendall(half)
        began = time.monotonic()
        wait_for_end(connection, b"x" if half else b"")
        assert 0.2 < time.monotonic() - began < 3


def wait_for_end(connection: socket.socket, drip: bytes) -> None:
    """Wait until the other side closes, and send a byte now and then."""
    connection.settimeout(0.1)
    for _ in range(50):
        try:
            if not connection.recv(1000):  # else the rest of an answer
                return
        except TimeoutError:
            connection.sendall(drip)
        except ConnectionError:
            return
    raise AssertionError("nobody was let go")


def test_who_waits_for_a_slow_node_is_not_let_go(world: Any) -> None:
    (b,) = world.play("b")
    b.behave = lambda handler: (time.sleep(0.6), handler.answer(200, b"late"))[1]
    world.start(timeout_seconds=1)
    built = world.wrap("a", "b", b"{}")
    head = f"POST /onion_req/v2 HTTP/1.1\r\nhost: x\r\ncontent-length: {len(built.body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", world.port)) as connection:
        connection.settimeout(5)
        time.sleep(0.7)
        connection.sendall(head + built.body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_the_body_of_a_stranger_is_not_read(shared: Any) -> None:
    headers = "x-node-key: 00\r\nx-node-time: 0\r\nx-node-signature: x"
    with socket.create_connection(("127.0.0.1", shared.port)) as connection:
        connection.settimeout(0.9)
        connection.sendall(
            f"POST /onion_req/v2 HTTP/1.1\r\nhost: x\r\n{headers}\r\ncontent-length: 100\r\n\r\n".encode()
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 403 ")


def test_metrics_can_be_closed(world: Any) -> None:
    world.start(metrics=False)
    assert (world.get("/metrics").status_code, world.get("/health").status_code) == (404, 200)


def test_one_client_leaves_memory_to_the_others(world: Any) -> None:
    """Bodies that are not sent to their end, each nearly as long as it may be; one of them has no place."""
    world.start(timeout_seconds=10)
    head = b"POST /onion_req/v2 HTTP/1.1\r\nhost: x\r\ncontent-length: 10485760\r\n\r\n"
    with ExitStack() as opened:
        connections = []
        for _ in range(4):
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", world.port)))
            connections.append(connection)
            connection.settimeout(4)
            with suppress(ConnectionError, TimeoutError):
                connection.sendall(head + bytes(10_000_000))
        answered, _, _ = select.select(connections, [], [], 5)
        assert [connection.recv(13) for connection in answered] == [b"HTTP/1.1 503 "]
        assert world.get("/health").status_code == 200


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux has it")
def test_who_does_not_read_the_answer_is_cut_off(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "UNREAD_MS", 300)
    world.start(timeout_seconds=0.2)
    for number in range(10):
        world.store(text=f"{number}" * 75_000)
    body = json.dumps({"method": "retrieve", "params": {"pubKey": MINE, "lastHash": ""}}).encode()
    head = f"POST {RPC} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", world.port))
        connection.sendall(head + body)
        deadline = time.monotonic() + 20
        while is_connected(world.port, connection.getsockname()[1]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert world.get("/health").status_code == 200


def is_connected(port: int, client_port: int) -> bool:
    """What the kernel says of the end of the node."""
    return f"0100007F:{port:04X} 0100007F:{client_port:04X}" in Path("/proc/net/tcp").read_text()


def test_what_nobody_foresaw_is_answered_503(node: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("of " + MINE)

    monkeypatch.setattr(node.node._database, "read_page", lambda *_, **__: fail(0))
    answer = node.rpc("retrieve", pubKey=MINE, lastHash="")
    assert (answer.status_code, answer.text) == (503, "The server is busy")
    assert node.get("/health").status_code == 200
    assert [record.msg for record in caplog.records if record.levelname == "ERROR"] == ["a request failed"]


def test_who_hangs_up_is_no_failure(shared: Any, caplog: Any) -> None:
    with socket.create_connection(("127.0.0.1", shared.port)) as connection:
        connection.sendall(b"POST /onion_req/v2 HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nx")
        time.sleep(0.05)
    time.sleep(0.05)
    assert shared.get("/health").status_code == 200
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_no_bytes_at_all_bring_the_node_down(shared: Any) -> None:
    for raw in (b"\r\n\r\n", b"\x00" * 100_000, b"GET / HTTP/9.9\r\n\r\n", b"POST " + b"/" * 100_000):
        with socket.create_connection(("127.0.0.1", shared.port)) as connection:
            connection.settimeout(5)
            try:
                connection.sendall(raw)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(100)
            except ConnectionError:
                continue
            assert answer == b"" or answer.split()[1] in {b"400", b"404"}, raw[:20]


@pytest.mark.parametrize("length", ["-1", "x", "1" * 21, "1" * 5000, "1, 2", "1\r\ncontent-length: 2"])
def test_a_length_that_is_none_is_refused(shared: Any, length: str) -> None:
    with socket.create_connection(("127.0.0.1", shared.port)) as connection:
        connection.settimeout(5)
        connection.sendall(f"POST {RPC} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\nx".encode())
        assert connection.recv(100).split()[1] in {b"400", b"413"}


def test_the_document_names_every_endpoint_and_status(shared: Any) -> None:
    document = shared.get("/openapi.json").json()
    assert {path: sorted(one) for path, one in document["paths"].items()} == {
        "/storage_rpc/v1": ["post"],
        "/onion_req/v2": ["post"],
        "/swarms/push_batch/v1": ["post"],
        "/health": ["get"],
        "/metrics": ["get"],
        "/get_stats/v1": ["get"],
    }
    statuses = set(document["paths"][RPC]["post"]["responses"])
    assert statuses == {"200", "400", "403", "406", "413", "421", "429", "432", "503"}
    json.dumps(document)


# The limits alone


def test_tokens_come_back_with_time() -> None:
    now = 0.0
    limit = RateLimit(2, 3, clock=lambda: now)
    assert [limit.take("x") for _ in range(4)] == [True, True, True, False]
    assert limit.take("y")
    now = 0.4
    assert not limit.take("x")
    now = 0.6
    assert limit.has_token("x")
    assert [limit.take("x"), limit.take("x")] == [True, False]
    now = 1000.0
    assert [limit.take("x") for _ in range(4)] == [True, True, True, False]


def test_only_so_many_addresses_are_remembered() -> None:
    limit = RateLimit(1, 1, clock=lambda: 0.0)
    for number in range(MAX_ADDRESSES + 10):
        limit.take(str(number))
    assert len(limit._buckets) == MAX_ADDRESSES
    assert not limit.take(str(MAX_ADDRESSES))
    assert limit.take("0")  # forgotten


def test_bytes_are_given_back() -> None:
    budget = Budget(10 * SHARE)
    with budget.claim("x") as one, budget.claim("y") as another:
        one.add(6)
        with budget.claim("x") as other, pytest.raises(Busy):
            other.add(5)
        one.add(4)
        with pytest.raises(Busy):
            one.add(1)
        another.add(10)  # the share of another client
    assert budget.held == 0
    assert not budget._held


def test_all_clients_together_hold_no_more_than_there_is() -> None:
    budget = Budget(10 * SHARE)
    with ExitStack() as claims:
        for number in range(SHARE):
            claims.enter_context(budget.claim(str(number))).add(10)
        with pytest.raises(Busy):
            claims.enter_context(budget.claim("one more")).add(1)
    assert budget.held == 0


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_who_has_many_addresses_is_one_client(address: str, name: str) -> None:
    assert name_client(address) == name
