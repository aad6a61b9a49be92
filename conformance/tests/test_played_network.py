"""The played network: what comes is noted, answers are those that a test sets, and everything ends at once."""

import hashlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import BadStatusLine, HTTPConnection, RemoteDisconnected
from typing import Any

import pytest
from cloister import identity
from cloister_conformance.played_network import NODES, PLAYED, SERVER, UNDER_TEST, UNREACHABLE, PlayedNetwork
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PUSH = "/swarms/push_batch/v1"


@pytest.fixture
def network() -> Iterator[PlayedNetwork]:
    """A network that is closed after the test."""
    network = PlayedNetwork()
    yield network
    network.close()


def post(network: PlayedNetwork, node: str, path: str = PUSH, body: Any = b"x", **headers: str) -> tuple[int, bytes]:
    """Post to a played node; return status and body."""
    connection = HTTPConnection("127.0.0.1", network.port_of(node), timeout=5)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def take(network: PlayedNetwork, node: str = "b", **params: Any) -> list[dict[str, Any]]:
    """Take requests."""
    taken: list[dict[str, Any]] = network.call("network.take_requests", {"node": node, **params})["result"]["requests"]
    return taken


def test_the_keys_of_a_node_follow_from_its_name() -> None:
    assert list(NODES) == [UNDER_TEST, *PLAYED, UNREACHABLE]
    keys = NODES["b"]
    assert keys.seed == hashlib.sha256(b"cloister example node b").digest()
    assert b"\x05" + keys.x25519 == identity.derive_identity(keys.seed).public
    assert identity.derive_key_pair(identity.PrivateKey(keys.x25519_private)).public[1:] == keys.x25519
    Ed25519PublicKey.from_public_bytes(keys.ed25519).verify(keys.sign(b"message"), b"message")
    assert keys.seed.hex() not in repr(keys)
    assert repr(keys.x25519_private) not in repr(keys)


def test_a_request_is_noted_and_answered(network: PlayedNetwork) -> None:
    assert post(network, "b", body=b"\x00\xff", **{"X-Node-Key": "00", "X-Other": "1"}) == (200, b"")
    (request,) = take(network)
    headers = request.pop("headers")
    assert request == {"method": "POST", "path": PUSH, "body": "00ff"}
    assert headers == {
        "host": f"127.0.0.1:{network.port_of('b')}",
        "accept-encoding": "identity",
        "content-length": "2",
        "x-node-key": "00",
        "x-other": "1",
    }
    assert take(network, seconds=0) == [], "it was taken"


def test_each_node_has_requests_of_its_own(network: PlayedNetwork) -> None:
    for node in (*PLAYED, SERVER):
        post(network, node, body=node.encode())
    for node in (*PLAYED, SERVER):
        assert [request["body"] for request in take(network, node)] == [node.encode().hex()]


def test_many_requests_may_come_at_once(network: PlayedNetwork) -> None:
    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(lambda _: post(network, "b"), range(200))) == {(200, b"")}
    assert len(take(network, count=200)) == 200


def test_requests_of_a_path_or_with_some_bytes_are_taken_alone(network: PlayedNetwork) -> None:
    for path, body in (("/a", b"one"), ("/b", b"two"), ("/a", b"three")):
        post(network, "b", path, body)
    assert [request["body"] for request in take(network, holds=b"two".hex())] == [b"two".hex()]
    assert take(network, path="/b", seconds=0) == []
    assert [request["body"] for request in take(network, path="/a")] == [b"one".hex(), b"three".hex()]


def test_it_is_waited_for_so_many_requests(network: PlayedNetwork) -> None:
    late = threading.Timer(0.2, post, (network, "b"))
    late.start()
    post(network, "b")
    assert len(take(network, count=2, seconds=20)) == 2
    late.join()


def test_it_is_waited_no_longer_than_said(network: PlayedNetwork) -> None:
    begin = time.monotonic()
    assert take(network, seconds=0.2) == []
    assert 0.2 <= time.monotonic() - begin < 2


def test_answers_are_those_that_were_set(network: PlayedNetwork) -> None:
    network.call("network.answer", {"node": "b", "status": 503, "body": b"busy".hex(), "times": 2})
    network.call("network.answer", {"node": "b", "path": "/other", "status": 404})
    assert post(network, "c") == (200, b"")
    assert [post(network, "b") for _ in range(3)] == [(503, b"busy"), (503, b"busy"), (200, b"")]
    assert [post(network, "b", path)[0] for path in ("/other", "/other")] == [404, 200]


def test_a_reset_forgets_requests_and_answers(network: PlayedNetwork) -> None:
    network.call("network.answer", {"node": "b", "status": 503})
    post(network, "c")
    network.reset()
    assert take(network, "c", seconds=0) == []
    assert post(network, "b")[0] == 200


def test_an_answer_may_be_late_or_fail_to_come(network: PlayedNetwork) -> None:
    network.call("network.answer", {"node": "b", "delay_seconds": 0.2})
    begin = time.monotonic()
    assert post(network, "b") == (200, b"")
    assert time.monotonic() - begin >= 0.2
    network.call("network.answer", {"node": "b", "drop": True})
    with pytest.raises(RemoteDisconnected):
        post(network, "b")
    assert len(take(network, count=2)) == 2


def test_an_answer_may_be_long_slow_or_no_http(network: PlayedNetwork) -> None:
    network.call("network.answer", {"node": "b", "body": b"a".hex(), "filler": 2_000_000})
    assert post(network, "b") == (200, b"a" + bytes(2_000_000))
    network.call("network.answer", {"node": "b", "body": b"four".hex(), "drip_seconds": 0.05})
    begin = time.monotonic()
    assert post(network, "b") == (200, b"four")
    assert time.monotonic() - begin >= 0.2
    network.call("network.answer", {"node": "b", "raw": b"rubbish\r\n\r\n".hex()})
    with pytest.raises(BadStatusLine):
        post(network, "b")


def test_one_node_refuses_connections(network: PlayedNetwork) -> None:
    with pytest.raises(ConnectionRefusedError):
        post(network, UNREACHABLE)


def test_a_body_of_unknown_length_is_refused(network: PlayedNetwork) -> None:
    assert post(network, "b", body=None, **{"Transfer-Encoding": "chunked"})[0] == 411
    assert take(network, seconds=0) == []


def test_it_tells_where_it_listens(network: PlayedNetwork) -> None:
    found = network.call("network.find", {"node": SERVER})["result"]
    assert found == {"host": "127.0.0.1", "port": network.port_of(SERVER)}


def test_a_network_ends_at_once_while_an_answer_is_delayed() -> None:
    network = PlayedNetwork()
    network.call("network.answer", {"node": "b", "delay_seconds": 60})
    waiting = threading.Thread(target=post, args=(network, "b"))
    waiting.start()
    take(network, seconds=20)
    begin = time.monotonic()
    network.close()
    waiting.join()
    assert time.monotonic() - begin < 5
    with pytest.raises(ConnectionRefusedError):
        post(network, "c")
