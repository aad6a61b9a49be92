"""Chapter 08, role `service-node`: what a guard and a relay hands on, there and back."""

import gzip

import pytest
from cloister.onion import MAX_REPLY_BYTES

from cloister_conformance.clause import clause
from cloister_conformance.hand_made.onion_requests import FOR_THIS_NODE, Layer, seal_answer, wrap_for_node
from cloister_conformance.hand_made.swarms import CLOCK_TOLERANCE_MS, LEFT, RIGHT, describe_network, describe_swarm
from cloister_conformance.node_script import NetworkActor
from cloister_conformance.onion_hops import (
    CLIENT_HEADERS,
    EPHEMERAL_KEY,
    OF_THE_CLIENT,
    ONION_PATH,
    check_keys,
    find_hop,
    route_to,
    seal,
    seal_for,
    send_layer,
    sign,
    take_none,
    take_one,
    write_response,
)
from cloister_conformance.played_network import NODES, UNREACHABLE
from cloister_conformance.plugin import NodeActors
from cloister_conformance.script import Actor, Answer

DATA = b"sealed for the next node"


# There


@clause("OR-9", "OR-3")
def test_the_next_node_gets_the_bytes_and_the_ephemeral_key(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    send_layer(iut, seal_for("b", DATA)).must_be(status=200)
    frame = take_one(network, "b").result.requests[0].body
    peer.call("onion.decode_frame", frame=frame).must_be(data=DATA, control={"ephemeral_key": EPHEMERAL_KEY})


@clause("OR-9")
def test_no_other_member_of_the_control_is_handed_on(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    send_layer(iut, seal_for("b", DATA, client="alice", method="POST", x=[1])).must_be(status=200)
    frame = take_one(network, "b").result.requests[0].body
    peer.call("onion.decode_frame", frame=frame).must_be(data=DATA, control={"ephemeral_key": EPHEMERAL_KEY})


@clause("OR-9")
@pytest.mark.parametrize("size", [0, 1, 255, 65_536, 2_000_000])
def test_bytes_of_any_length_are_handed_on(node_actors: NodeActors, size: int) -> None:
    iut, peer, network = node_actors()
    send_layer(iut, seal_for("b", bytes(size))).must_be(status=200)
    frame = take_one(network, "b").result.requests[0].body
    peer.call("onion.decode_frame", frame=frame).must_be(data=bytes(size))


@clause("OR-9")
def test_no_header_of_the_client_is_handed_on(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    send_layer(iut, seal_for("b", DATA), CLIENT_HEADERS).must_be(status=200)
    take_one(network, "b").must_exclude(requests=OF_THE_CLIENT)


@clause("OR-9")
def test_no_header_of_the_node_before_is_handed_on(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    layer = seal_for("b", DATA)
    send_layer(iut, layer, sign("c", layer.body, iut.now_ms)).must_be(status=200)
    take_one(network, "b").must_exclude(requests=[NODES["c"].ed25519.hex()])


@clause("SW-33", "OR-9")
@pytest.mark.parametrize("name", ["b", "d"])
def test_what_is_handed_on_is_signed_as_a_node_request(node_actors: NodeActors, name: str) -> None:
    iut, peer, network = node_actors()
    send_layer(iut, seal_for(name, DATA)).must_be(status=200)
    check_signature(peer, take_one(network, name), name, iut.now_ms)


def check_signature(peer: Actor, came: Answer, receiver: str, now_ms: int) -> None:
    """Check the node request that came to a node."""
    taken = came.result.requests[0]
    checked = peer.call(
        "node_request.check",
        key=taken.headers.get("x-node-key"),
        time=taken.headers.get("x-node-time"),
        signature=taken.headers.get("x-node-signature"),
        network=describe_network(describe_swarm(LEFT, "abc"), describe_swarm(RIGHT, "def")),
        receiver=NODES[receiver].ed25519,
        path=ONION_PATH,
        body=taken.body,
        now_ms=now_ms,
    )
    checked.must_be(sender=NODES["a"].ed25519)


@clause("OR-14")
def test_an_onion_that_comes_twice_is_handed_on_twice(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    for _ in range(2):
        send_layer(iut, seal_for("b", DATA)).must_be(status=200)
        frame = take_one(network, "b").result.requests[0].body
        peer.call("onion.decode_frame", frame=frame).must_be(data=DATA)


@clause("OR-9", "OR-6")
def test_a_node_hands_on_to_itself_like_to_others(node_actors: NodeActors) -> None:
    iut, peer, _ = node_actors()
    inner = seal(b"no request", FOR_THIS_NODE, "inner")
    outer = seal(inner.ciphertext, {**route_to("a"), "ephemeral_key": inner.ephemeral_key}, "outer")
    answer = send_layer(iut, outer)
    answer.must_be(status=200)
    peer.call("onion.open_answer", reply_key=inner.key, answer=answer.result.body).must_be(status=400)


# How far


@clause("OR-39")
@pytest.mark.parametrize(("came", "sent"), [(None, "1"), ("0", "1"), ("1", "2"), ("9", "10"), ("14", "15")])
def test_a_relay_counts_itself(node_actors: NodeActors, came: str | None, sent: str) -> None:
    iut, _, network = node_actors()
    send_layer(iut, seal_for("b", DATA), count(came)).must_be(status=200)
    take_one(network, "b").must_match(requests=f"'x-node-hops': '{sent}'")


@clause("OR-39")
def test_a_relay_counts_on_for_a_node(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    layer = seal_for("b", DATA)
    send_layer(iut, layer, {**sign("c", layer.body, iut.now_ms), **count("7")}).must_be(status=200)
    take_one(network, "b").must_match(requests="'x-node-hops': '8'")


@clause("OR-39")
@pytest.mark.parametrize(
    "came", ["15", "16", "1000000", "18446744073709551616", "", "x", "-1", "+1", "01", "1.0", "0x1"]
)
def test_what_has_come_too_far_goes_no_further(node_actors: NodeActors, came: str) -> None:
    iut, _, network = node_actors()
    send_layer(iut, seal_for("b", DATA), count(came)).must_be(status=400, body="Too many hops")
    take_none(network, "b")


@clause("OR-39", "OR-15")
def test_what_is_for_this_node_may_have_come_as_far_as_that(node_actors: NodeActors) -> None:
    iut, peer, _ = node_actors()
    layer = seal(b"no request")
    answer = send_layer(iut, layer, count("15"))
    answer.must_be(status=200)
    peer.call("onion.open_answer", reply_key=layer.key, answer=answer.result.body).must_be(status=400)


def count(hops: str | None) -> dict[str, str]:
    """Write the header that counts the nodes that a request has passed."""
    return {} if hops is None else {"X-Node-Hops": hops}


# Back


@clause("OR-10")
@pytest.mark.parametrize("status", [200, 201, 400, 403, 404, 413, 418, 429, 500, 502, 503, 504])
def test_status_and_body_of_the_next_node_are_handed_on(node_actors: NodeActors, status: int) -> None:
    iut, _, network = node_actors()
    body = b"\xff\x00 what came back with %d\r\n" % status
    network.answer("b", path=ONION_PATH, status=status, body=body)
    send_layer(iut, seal_for("b", DATA)).must_be(status=status, raw=body)


@clause("OR-10")
@pytest.mark.parametrize(
    ("status", "text"),
    [
        (400, "Invalid ciphertext"),
        (400, "Loki Server error"),
        (502, f"Next node not found: {NODES['h'].ed25519.hex()}"),
        (503, f"Snode not ready: {NODES['b'].ed25519.hex()}"),
        (504, "Request time out"),
        (200, ""),
    ],
)
def test_a_failure_behind_is_handed_on(node_actors: NodeActors, status: int, text: str) -> None:
    iut, _, network = node_actors()
    network.answer("b", path=ONION_PATH, status=status, body=text.encode())
    send_layer(iut, seal_for("b", DATA)).must_be(status=status, body=text)


@clause("OR-10")
def test_a_redirect_of_the_next_node_is_handed_on_and_not_followed(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    raw = write_response("302 Found", b"elsewhere", f"Location: {ONION_PATH}/elsewhere")
    network.answer("b", path=ONION_PATH, raw=raw)
    send_layer(iut, seal_for("b", DATA)).must_be(status=302, body="elsewhere")
    network.call("network.take_requests", node="b", path=f"{ONION_PATH}/elsewhere", seconds=0.3).must_be(requests=[])


@clause("OR-10")
def test_a_compressed_answer_is_handed_on_as_it_is(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    body = gzip.compress(bytes(100_000), mtime=0)
    network.answer("b", path=ONION_PATH, raw=write_response("200 OK", body, "Content-Encoding: gzip"))
    send_layer(iut, seal_for("b", DATA)).must_be(status=200, raw=body)


@clause("OR-10")
@pytest.mark.parametrize(
    "rubbish",
    [
        b"rubbish\r\n\r\n",
        b"\0" * 100,
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ntoo short",
        b"HTTP/1.1 99999 Much\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_an_answer_that_is_no_http_is_answered_500(node_actors: NodeActors, rubbish: bytes) -> None:
    iut, _, network = node_actors()
    network.answer("b", path=ONION_PATH, raw=rubbish)
    send_layer(iut, seal_for("b", DATA)).must_be(status=500)


@clause("OR-10")
def test_a_reply_may_have_its_greatest_length_and_no_more(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    network.answer("b", path=ONION_PATH, filler=MAX_REPLY_BYTES)
    network.answer("b", path=ONION_PATH, filler=MAX_REPLY_BYTES + 1)
    send_layer(iut, seal_for("b", DATA)).must_be(status=200, raw=bytes(MAX_REPLY_BYTES))
    send_layer(iut, seal_for("b", DATA)).must_be(status=500)


@clause("OR-10")
def test_a_node_that_closes_the_connection_is_no_answer(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    network.answer("b", path=ONION_PATH, drop=True)
    send_layer(iut, seal_for("b", DATA)).must_be(status=500)


@clause("OR-11")
@pytest.mark.parametrize("name", [NODES["h"].ed25519.hex(), "00" * 32, NODES["b"].x25519.hex()])
def test_a_node_that_is_not_in_the_network_is_not_found(node_actors: NodeActors, name: str) -> None:
    iut, _, network = node_actors()
    send_layer(iut, seal_for("b", DATA, destination=name)).must_be(status=502, body=f"Next node not found: {name}")
    take_none(network, "h", "b")


@clause("OR-11")
def test_a_node_that_refuses_connections_is_not_found(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    iut.set_network({LEFT: "abc", RIGHT: ["d", "e", "f", UNREACHABLE]})
    name = NODES[UNREACHABLE].ed25519.hex()
    send_layer(iut, seal_for(UNREACHABLE, DATA)).must_be(status=502, body=f"Next node not found: {name}")


@clause("OR-11")
def test_nodes_come_and_go_with_the_network(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    iut.set_network({LEFT: "abc", RIGHT: "deg"})
    send_layer(iut, seal_for("g", DATA)).must_be(status=200)
    take_one(network, "g")
    gone = NODES["f"].ed25519.hex()
    send_layer(iut, seal_for("f", DATA)).must_be(status=502, body=f"Next node not found: {gone}")


@clause("OR-12")
def test_a_node_that_does_not_answer_in_time_has_timed_out(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    check_keys(iut)
    network.answer("b", path=ONION_PATH, delay_seconds=6)
    network.answer("c", path=ONION_PATH, body=bytes(60), drip_seconds=0.1)
    bodies = [seal_for(name, DATA).body for name in "bc"]
    slow = iut.call("node.requests", requests=[{"method": "POST", "path": ONION_PATH, "body": body} for body in bodies])
    slow.must_be(statuses=[504])
    slow.must_match(responses=r"'body': 'Request time out'.*'body': 'Request time out'")


# From other nodes


@clause("SW-32")
@pytest.mark.parametrize("missing", ["X-Node-Key", "X-Node-Time", "X-Node-Signature"])
def test_an_onion_with_a_part_of_a_signature_is_refused(node_actors: NodeActors, missing: str) -> None:
    iut, _, network = node_actors()
    layer = seal_for("b", DATA)
    headers = sign("c", layer.body, iut.now_ms)
    del headers[missing]
    refuse(send_layer(iut, layer, headers), network)


def refuse(answer: Answer, network: NetworkActor) -> None:
    """Expect the refusal of a node request, and that it is not handed on."""
    answer.must_be(status=403, body="Node request refused")
    take_none(network, "b")


@clause("SW-32")
@pytest.mark.parametrize("beyond", [-CLOCK_TOLERANCE_MS - 1, CLOCK_TOLERANCE_MS + 1])
def test_an_onion_signed_at_another_time_is_refused(node_actors: NodeActors, beyond: int) -> None:
    iut, _, network = node_actors()
    layer = seal_for("b", DATA)
    refuse(send_layer(iut, layer, sign("c", layer.body, iut.now_ms + beyond)), network)


@clause("SW-32")
def test_an_onion_signed_by_a_stranger_is_refused(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    layer = seal_for("b", DATA)
    refuse(send_layer(iut, layer, sign("h", layer.body, iut.now_ms)), network)


@clause("SW-32")
def test_an_onion_with_the_signature_of_another_is_refused(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    layer = seal_for("b", DATA)
    refuse(send_layer(iut, layer, sign("c", seal_for("b", b"other").body, iut.now_ms)), network)


# On a path


PLACES = {"guard": "abcd", "middle": "bacd", "exit": "bcad", "destination": "bcda"}
"""A path and a destination, with the node under test in each place."""


def build(nodes: str, payload: bytes) -> list[Layer]:
    """Build an onion over a path to a destination; the layers are in the order of the nodes."""
    *path, destination = [find_hop(name) for name in nodes]
    return wrap_for_node(payload, path, destination, nodes)


@clause("OR-6", "OR-9", "OR-10")
@pytest.mark.parametrize("place", ["guard", "middle", "exit"])
def test_a_node_on_a_path_takes_off_its_layer_and_hands_back_the_reply(node_actors: NodeActors, place: str) -> None:
    iut, peer, network = node_actors()
    nodes = PLACES[place]
    layers = build(nodes, b'{"method":"retrieve","params":{}}')
    at = nodes.index("a")
    reply = seal_answer(layers[-1].key, b'{"status":200,"body":"hello"}')
    network.answer(nodes[at + 1], path=ONION_PATH, body=reply.encode())
    answer = send_layer(iut, layers[at], sign(nodes[at - 1], layers[at].body, iut.now_ms) if at else None)
    answer.must_be(status=200, body=reply)
    came = take_one(network, nodes[at + 1])
    decoded = peer.call("onion.decode_frame", frame=came.result.requests[0].body)
    decoded.must_be(data=layers[at + 1].ciphertext, control={"ephemeral_key": layers[at + 1].ephemeral_key})


@clause("OR-6", "OR-15", "OR-16")
def test_a_node_at_the_end_of_a_path_answers_sealed_to_the_client(node_actors: NodeActors) -> None:
    iut, peer, _ = node_actors()
    nodes = PLACES["destination"]
    layer = build(nodes, b'{"method":"get_snodes_for_pubkey","params":{"pubKey":"05%064d"}}' % 0)[-1]
    answer = send_layer(iut, layer, sign(nodes[-2], layer.body, iut.now_ms))
    answer.must_be(status=200)
    opened = peer.call("onion.open_answer", reply_key=layer.key, answer=answer.result.body)
    opened.must_match(status="^200$", body='"snodes"')
