"""A client, and the hops before and behind a node under test: what the suites of chapter 08 for role `service-node` arrange."""

from collections.abc import Mapping
from typing import Any

from cloister.identity import KeyPair, PrivateKey, PublicKey
from cloister.sealing import KEY_TYPE

from cloister_conformance.hand_made import onion_requests as hand_made
from cloister_conformance.hand_made import swarms
from cloister_conformance.hand_made.onion_requests import FOR_THIS_NODE, Hop, Layer, write_frame
from cloister_conformance.node_script import NodeUnderTest
from cloister_conformance.played_network import NODES, UNDER_TEST
from cloister_conformance.protocol.over_http import Response
from cloister_conformance.protocol.service_node import NETWORK_FILE
from cloister_conformance.script import Actor, Answer, NotOffered

ONION_PATH = "/onion_req/v2"
NO_TIME = 0.3
"""Seconds in which a request would have come that must not: what would send it has been answered already."""
HERE = PublicKey(KEY_TYPE + NODES[UNDER_TEST].x25519)
NAME = NODES[UNDER_TEST].ed25519.hex()

CLIENT_HEADERS = {
    "User-Agent": "client-of-alice",
    "Cookie": "cookie-of-alice=1",
    "Authorization": "Bearer token-of-alice",
    "Referer": "http://page-of-alice.example/",
    "X-Forwarded-For": "198.51.100.77",
    "Forwarded": "for=198.51.100.78",
    "Via": "1.1 proxy-of-alice",
    "X-Real-IP": "198.51.100.79",
    "Accept-Language": "language-of-alice",
    "X-Anything": "header-of-alice",
}
OF_THE_CLIENT = ["alice", "198.51.100", "forwarded", "x-real-ip", "'via'", "x-anything"]
"""What would tell of the client."""


def find_hop(name: str) -> Hop:
    """Find the keys of a node as a hop."""
    keys = NODES[name]
    return Hop(keys.ed25519, KeyPair(private=PrivateKey(keys.x25519_private), public=PublicKey(KEY_TYPE + keys.x25519)))


# Layers


def seal(data: bytes, control: Mapping[str, Any] = FOR_THIS_NODE, label: object = "") -> Layer:
    """Seal a layer for the node under test."""
    return hand_made.seal(HERE, write_frame(data, control), label)


def seal_plaintext(plaintext: bytes) -> Layer:
    """Seal any plaintext for the node under test."""
    return hand_made.seal(HERE, plaintext)


def seal_for(name: str, data: bytes, **other: Any) -> Layer:  # noqa: ANN401 - JSON values
    """Seal a layer for the node under test, to be handed on to another, with further members in its control."""
    return seal(data, {**route_to(name), **other})


def route_to(name: str) -> dict[str, Any]:
    """Write the control that leads to a node."""
    return {"destination": NODES[name].ed25519.hex(), "ephemeral_key": EPHEMERAL_KEY}


EPHEMERAL_KEY = hand_made.seal(HERE, b"", "behind").ephemeral_key
"""Stands for that of the layer behind."""


# What is sent, and what comes back


def send(iut: NodeUnderTest, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    """Send any body as an onion request."""
    return iut.request("POST", ONION_PATH, body=body, headers=headers)


def send_layer(iut: NodeUnderTest, layer: Layer, headers: dict[str, str] | None = None) -> Answer:
    """Send a layer; the harness knows the key of a node only if it is the one that gave it."""
    check_keys(iut)
    return send(iut, layer.body, headers)


def send_all(iut: NodeUnderTest, bodies: list[bytes]) -> Answer:
    """Send bodies at once."""
    return iut.call("node.requests", requests=[{"method": "POST", "path": ONION_PATH, "body": body} for body in bodies])


def check_keys(iut: NodeUnderTest) -> None:
    """Check that the keys of the node under test are known.

    Raises:
        NotOffered: they are not.
    """
    if not iut.callee.offers(NETWORK_FILE):
        raise NotOffered(NETWORK_FILE)


def open_answer(peer: Actor, key: bytes, answer: Answer) -> Answer:
    """Open a sealed answer, which comes with status 200, with the key of a layer."""
    answer.must_be(status=200)
    return peer.call("onion.open_answer", reply_key=key, answer=answer.result.body)


def ask(iut: NodeUnderTest, peer: Actor, layer: Layer) -> Answer:
    """Send a layer and open the answer."""
    return open_answer(peer, layer.key, send_layer(iut, layer))


def refer_to_whole(answer: Answer) -> dict[str, Any]:
    """Refer to all members of a response."""
    return {name: answer.refer(name) for name in Response.model_fields}


def sign(sender: str, body: bytes, now_ms: int) -> dict[str, str]:
    """Sign an onion request to the node under test in the name of another node."""
    signed = swarms.write_signed(NODES[UNDER_TEST].ed25519, now_ms, ONION_PATH, body)
    return name_headers(**swarms.write_headers(sender, signed, now_ms))


def name_headers(key: str, time: str, signature: str) -> dict[str, str]:
    """Write the three headers of a node request."""
    return {"X-Node-Key": key, "X-Node-Time": time, "X-Node-Signature": signature}


# What comes to the nodes behind


def take_one(network: Actor, node: str, path: str = ONION_PATH) -> Answer:
    """Take the one request that came to a node under a path."""
    came = network.call("network.take_requests", node=node, path=path)
    came.must_match(requests=r"^\[\{'method': 'POST'")
    return came


def take_none(network: Actor, *nodes: str) -> None:
    """Wait for onion requests to nodes, and requests to the server, that must not come."""
    for node in nodes:
        path = {} if node == "server" else {"path": ONION_PATH}
        network.call("network.take_requests", node=node, **path, seconds=NO_TIME).must_be(requests=[])


def write_response(status: str, body: bytes, *headers: str) -> bytes:
    """Write an HTTP response with these headers."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + body
