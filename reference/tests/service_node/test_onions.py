"""A node as guard, relay, exit and destination of onion requests."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
from cloister import identity, node_request, onion
from cloister.service_node import relay, sending
from cloister.serving import limits
from cloister.swarm import Network

NOW = 1_700_000_000_000
MINE = f"05{2**62:016x}{0:047x}1"
ONION = "/onion_req/v2"
SERVER_KEY = identity.derive_identity(bytes(32)).public


def server_at(port: int, host: str = "127.0.0.1", target: str = "/loki/v3/lsrpc", protocol: str = "http") -> Any:
    return onion.Server(host=host, target=target, protocol=protocol, port=port, x25519_key=SERVER_KEY)


def rpc(method: str, **params: str) -> bytes:
    return json.dumps({"method": method, "params": params}).encode()


def open_reply(answer: Any, built: Any, layer: int = -1) -> onion.Reply:
    assert answer.status_code == 200
    return onion.open_reply(built.layers[layer].key, answer.text)


# The destination


def test_a_destination_answers_as_it_does_in_the_clear(world: Any) -> None:
    world.start()
    for payload, status in (
        (rpc("store", **world.mine(MINE, "hello", NOW)), 200),
        (rpc("retrieve", pubKey=MINE, lastHash=""), 200),
        (rpc("retrieve", pubKey=world.account(1, 3 * 2**62), lastHash=""), 421),
        (rpc("retrieve", pubKey=MINE), 400),
        (b"\xff", 400),
    ):
        clear = world.post("/storage_rpc/v1", payload)
        answer, built = world.onion("", "a", payload)
        reply = open_reply(answer, built)
        assert (reply.status, reply.body) == (clear.status_code, clear.text)
        assert reply.status == status


def test_an_onion_that_comes_twice_stores_once(world: Any) -> None:
    world.start()
    built = world.wrap("", "a", rpc("store", **world.mine(MINE, "hello", NOW)))
    answers = [world.post(ONION, built.body) for _ in range(2)]
    assert [onion.open_reply(built.reply_key, answer.text).status for answer in answers] == [200, 200]
    assert answers[0].text != answers[1].text  # a fresh IV
    assert world.retrieve() == ["hello"]


def test_what_does_not_decrypt_has_one_answer(shared: Any) -> None:
    body = shared.wrap("", "a", b"{}").body
    frames = [b"", body[:3], body[:-1], body[4:], shared.wrap("", "b", b"{}").body]
    frames += [body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] for at in range(0, len(body), 7)]
    for frame in frames:
        answer = shared.post(ONION, frame)
        assert (answer.status_code, answer.text) == (400, "Invalid ciphertext")


@pytest.mark.parametrize(
    "control",
    [
        {},
        {"destination": "x" * 64, "ephemeral_key": "00"},
        {"destination": "\ud800", "ephemeral_key": "00"},
        {"destination": 1, "ephemeral_key": "00"},
        {"host": 1},
        {"host": "a.example", "target": "/loki/lsrpc"},
    ],
)
def test_a_layer_of_another_form_is_answered_sealed(shared: Any, control: dict[str, Any]) -> None:
    plaintext = onion.encode_frame(b"", control)
    layer = onion.seal_layer(identity.derive_identity(bytes.fromhex(seed(shared))).public, plaintext, bytes_of)
    answer = shared.post(ONION, onion.encode_frame(layer.ciphertext, {"ephemeral_key": layer.ephemeral_key}))
    assert answer.status_code == 200
    assert onion.open_reply(layer.key, answer.text) == onion.Reply(status=400, body="Invalid json")


def seed(world: Any) -> str:
    return str(json.loads(world.file.read_text())["seed"])


def bytes_of(size: int) -> bytes:
    return bytes(range(1, size + 1))


def test_a_node_in_no_swarm_relays_nothing(world: Any) -> None:
    world.swarms = {2**62: "bc"}
    world.start()
    for body in (b"", world.wrap("", "a", b"{}").body):
        answer = world.post(ONION, body)
        assert (answer.status_code, answer.text) == (503, f"Snode not ready: {world.keys['a'].public}")


# A relay


def test_a_relay_sends_the_layer_and_nothing_of_the_client(world: Any) -> None:
    (b,) = world.play("b")
    b.behave = lambda handler: handler.answer(418, b"\x00\xffreply", **{"set-cookie": "a=b", "x-more": "y"})
    world.start()
    built = world.wrap("a", "b", b"{}")
    spoofed = {"cookie": "c=d", "user-agent": "client", "x-forwarded-for": "192.0.2.1"}
    answer = world.post(ONION, built.body, spoofed)
    assert (answer.status_code, answer.content) == (418, b"\x00\xffreply")
    assert {"set-cookie", "x-more"} & set(answer.headers) == set()
    world.post(ONION, built.body)
    for path, headers, body in b.requests:
        lower = {key.lower(): value for key, value in headers.items()}
        assert set(lower) == {"host", "content-length", "x-node-key", "x-node-time", "x-node-signature", "x-node-hops"}
        network = Network.model_validate(world.network())
        assert node_request.check(lower, network, world.keys["b"].public, path, body, now_ms=NOW)
        assert path == ONION
        assert body == onion.encode_frame(built.layers[1].ciphertext, {"ephemeral_key": built.layers[1].ephemeral_key})


@pytest.mark.parametrize(("came", "sent"), [(None, "1"), ("0", "1"), ("1", "2"), ("14", "15")])
def test_a_relay_counts_itself(world: Any, came: str | None, sent: str) -> None:
    (b,) = world.play("b")
    world.start()
    world.post(ONION, world.wrap("a", "b", b"{}").body, {"x-node-hops": came} if came else {})
    ((_, headers, _),) = b.requests
    assert headers["x-node-hops"] == sent


@pytest.mark.parametrize("came", ["15", "16", "99999999999999999999", "1" * 21, "", "01", "-1", "1.0", "x", b"\xb2"])
def test_a_relay_passes_on_what_has_come_far_no_further(world: Any, came: str | bytes) -> None:
    (b,) = world.play("b")
    world.start()
    answer = world.post(ONION, world.wrap("a", "b", b"{}").body, {"x-node-hops": came})
    assert (answer.status_code, answer.text) == (400, "Too many hops")
    assert b.requests == []
    assert world.post(ONION, world.wrap("", "a", b"{}").body, {"x-node-hops": came}).status_code == 200  # for itself


def test_a_silent_node_leaves_connections_to_the_others(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All places at a node that does not answer are taken; the next one is refused at once, and others are reached."""
    monkeypatch.setattr(relay, "MAX_IN_FLIGHT", 4)
    b, d = world.play("b", "d")
    b.behave = lambda _: time.sleep(3)
    world.start(timeout_seconds=3)
    built = world.wrap("a", "b", b"{}")
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(world.post, ONION, built.body) for _ in range(4)]
        b.wait(4)
        began = time.monotonic()
        answer = world.post(ONION, built.body)
        assert (answer.status_code, answer.text) == (503, "The server is busy")
        assert world.onion("a", "d", b"{}")[0].status_code == 200
        world.store(text="pushed all the same")
        b.wait(5)
        assert time.monotonic() - began < 2
        assert {one.result().status_code for one in waiting} <= {500, 504}
    assert len(d.requests) == 1
    assert world.onion("a", "b", b"{}")[0].status_code in {500, 504}  # the places are free again


def test_a_node_that_is_not_there_is_named(world: Any) -> None:
    world.start()
    for name in ("b", "h"):  # refuses connections; is not in the network
        answer, _ = world.onion("a", name, b"{}")
        assert (answer.status_code, answer.text) == (502, f"Next node not found: {world.keys[name].public}")


def play_raw(answer: Callable[[socket.socket], None]) -> tuple[socket.socket, int]:
    """A listener that answers each connection in its own way."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(100_000)
                answer(connection)

    threading.Thread(target=accept, daemon=True).start()
    return listener, listener.getsockname()[1]


@pytest.fixture
def raw() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """Plays listeners; the port of each."""
    listeners = []

    def play(answer: Callable[[socket.socket], None]) -> int:
        listener, port = play_raw(answer)
        listeners.append(listener)
        return port

    yield play
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


class At(NamedTuple):
    """Where a listener is, as the network names it."""

    port: int


RUBBISH: dict[str, bytes] = {
    "nothing": b"",
    "no HTTP": b"hello\r\n\r\n",
    "a status that is none": b"HTTP/1.1 999 x\r\ncontent-length: 0\r\n\r\n",
    "less than promised": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
    "endless headers": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000,
}


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=list(RUBBISH))
def test_what_is_no_answer_is_answered_500(world: Any, raw: Any, rubbish: bytes) -> None:
    port = raw(lambda connection: connection.sendall(rubbish))
    world.peers["b"] = At(port)
    world.start()
    answer, _ = world.onion("a", "b", b"{}")
    assert (answer.status_code, answer.text) == (500, "The next node gave no answer")
    answer, _ = world.onion("a", server_at(port), b"x")
    assert (answer.status_code, answer.text) == (400, "Loki Server error")


def test_a_node_that_answers_too_late_is_given_up(world: Any, raw: Any) -> None:
    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(30):
            time.sleep(0.05)
            try:
                connection.sendall(b"x")
            except OSError:
                return

    (b,) = world.play("b")
    b.behave = lambda _: time.sleep(1.5)

    world.peers["c"] = At(port := raw(trickle))
    world.start(timeout_seconds=0.4)
    for name in ("b", "c"):
        began = time.monotonic()
        answer, _ = world.onion("a", name, b"{}")
        assert (answer.status_code, answer.text) == (504, "Request time out")
        assert time.monotonic() - began < 1.4
    answer, _ = world.onion("a", server_at(port), b"x")
    assert (answer.status_code, answer.text) == (400, "Loki Server error")


def test_a_reply_has_a_size_limit(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MAX_REPLY_BYTES", 1000)
    (b,) = world.play("b")
    size = 1000
    b.behave = lambda handler: handler.answer(200, b"x" * size)
    world.start()
    assert world.onion("a", "b", b"{}")[0].content == b"x" * 1000
    assert world.onion("a", server_at(b.port), b"{}")[0].content == b"x" * 1000
    size = 1001
    assert world.onion("a", "b", b"{}")[0].status_code == 500
    answer, _ = world.onion("a", server_at(b.port), b"{}")
    assert (answer.status_code, answer.text) == (400, "Loki Server error")


def test_all_requests_of_a_client_hold_so_much_only(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloister.serving.limits.Budget.__init__.__defaults__", (10_000 * limits.SHARE,))
    (b,) = world.play("b")
    b.behave = lambda handler: handler.answer(200, b"x" * 20_000)
    world.start()
    answer, _ = world.onion("a", "b", b"{}")
    assert (answer.status_code, answer.text) == (503, "The server is busy")
    assert world.post(ONION, bytes(10_001)).status_code == 503
    assert world.post(ONION, bytes(9_999)).status_code == 400


# An exit


def test_an_exit_sends_the_whole_layer_and_nothing_of_the_client(world: Any) -> None:
    (server,) = world.play("server")
    server.behave = lambda handler: handler.answer(201, b"sealed", **{"set-cookie": "a=b"})
    world.start()
    for _ in range(2):
        answer, built = world.onion("a", server_at(server.port), b"payload")
        assert (answer.status_code, answer.content) == (200, b"sealed")
        path, headers, body = server.requests.pop()
        assert path == "/loki/v3/lsrpc"
        assert headers == {"Host": f"127.0.0.1:{server.port}", "Content-Length": str(len(body))}
        data, control = onion.decode_frame(body)
        assert data == built.layers[1].ciphertext
        assert control["ephemeral_key"] == built.layers[1].ephemeral_key


@pytest.mark.parametrize("status", [301, 302, 307, 308, 304, 400, 404, 500])
def test_an_exit_takes_no_other_status_and_follows_nothing(shared: Any, status: int) -> None:
    (server, elsewhere) = shared.play("server", "elsewhere")
    location = {"location": f"http://127.0.0.1:{elsewhere.port}/loki/v3/lsrpc"}
    server.behave = lambda handler: handler.answer(status, **location)
    answer, _ = shared.onion("a", server_at(server.port), b"x")
    assert (answer.status_code, answer.text) == (400, "Loki Server error")
    assert len(server.requests) == 1
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "/"},
        {"target": "/loki/v3/lsrpc?x"},
        {"target": "/loki/../lsrpc"},
        {"protocol": "ftp"},
        {"port": 65536},
        {"port": 0},
        {"host": "a b"},
        {"host": "127.0.0.1/x"},
    ],
)
def test_a_target_that_is_not_allowed_is_refused_sealed(shared: Any, changes: dict[str, Any]) -> None:
    answer, built = shared.onion("a", server_at(**{"port": 1, **changes}), b"x")
    assert open_reply(answer, built, 0) == onion.Reply(status=400, body="Invalid url")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "127.1",
        "2130706433",
        "0x7f000001",
        "10.0.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "fe80::1",
        "fec0::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::1",
    ],
)
def test_an_exit_reaches_no_private_address(strict: Any, host: str) -> None:
    (server,) = strict.play("server")
    answer, built = strict.onion("a", server_at(server.port, host), b"x")
    assert open_reply(answer, built, 0) == onion.Reply(status=400, body="Invalid url")
    assert server.requests == []


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Lets `server.example` have these addresses, in one answer after the other; gives the list of the questions."""

    def play(*answers: list[str]) -> list[str]:
        asked: list[str] = []
        real = socket.getaddrinfo

        def answer(host: str, port: int, *args: Any, **more: Any) -> Any:
            if host != "server.example":
                return real(host, port, *args, **more)
            asked.append(host)
            if not answers[len(asked) - 1]:
                raise socket.gaierror
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers[len(asked) - 1]]

        monkeypatch.setattr(socket, "getaddrinfo", answer)
        return asked

    return play


def test_all_addresses_of_a_name_are_checked(world: Any, resolve: Callable[..., list[str]]) -> None:
    """A name that is public at first and private afterwards reaches nothing: it is looked up once for each request."""
    (server,) = world.play("server")
    world.start(allow_private_targets=False)
    asked = resolve(["93.184.215.14", "127.0.0.1"], ["127.0.0.1"], [])
    for _ in range(2):
        answer, built = world.onion("a", server_at(server.port, "server.example"), b"x")
        assert open_reply(answer, built, 0) == onion.Reply(status=400, body="Invalid url")
    answer, _ = world.onion("a", server_at(server.port, "server.example"), b"x")
    assert (answer.status_code, answer.text) == (400, "Loki Server error")
    assert asked == ["server.example"] * 3
    assert server.requests == []


def test_the_address_that_was_checked_is_the_one_that_is_used(
    world: Any, resolve: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two the next one is tried, and the name stands in the Host header."""
    (server,) = world.play("server")
    world.start(allow_private_targets=False)
    checked: list[str] = []
    monkeypatch.setattr(onion, "check_address", checked.append)
    asked = resolve(["127.0.0.9", "127.0.0.1"], ["192.0.2.1"])
    answer, _ = world.onion("a", server_at(server.port, "server.example"), b"x")
    assert answer.status_code == 200
    assert server.requests[0][1]["Host"] == f"server.example:{server.port}"
    assert checked == ["127.0.0.9", "127.0.0.1"]
    assert len(asked) == 1


def test_a_name_that_no_server_knows_is_a_server_error(shared: Any) -> None:
    for host in ("a..b", "x" * 64 + ".example"):
        answer, _ = shared.onion("a", server_at(1, host), b"x")
        assert (answer.status_code, answer.text) == (400, "Loki Server error")


def test_a_server_that_is_not_what_it_says_is_not_talked_to(world: Any) -> None:
    (server,) = world.play("server")
    world.start()
    answer, _ = world.onion("a", server_at(server.port, protocol="https"), b"x")
    assert (answer.status_code, answer.text) == (400, "Loki Server error")
    assert server.requests == []


def test_proxies_of_the_environment_are_not_used(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server, proxy = world.play("server", "proxy")
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    world.start()
    assert world.onion("a", server_at(server.port), b"x")[0].status_code == 200
    assert proxy.requests == []
