"""Chapter 08, role `service-node`: what a node decrypts and what not, and what it answers as destination."""

import json
from typing import Any

import pytest
from cloister.onion import MAX_ONION_BYTES
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made import onion_faults
from cloister_conformance.hand_made.onion_requests import FOR_THIS_NODE, write_frame
from cloister_conformance.hand_made.swarms import FOREIGN, LEFT, NOW, RIGHT, find_recipient, write_store
from cloister_conformance.node_script import STORAGE_PATH, NodeUnderTest
from cloister_conformance.onion_hops import (
    HERE,
    NAME,
    ask,
    check_keys,
    open_answer,
    refer_to_whole,
    route_to,
    seal,
    seal_for,
    seal_plaintext,
    send,
    send_all,
    send_layer,
    take_none,
    take_one,
)
from cloister_conformance.plugin import NodeActors

INVALID = {"status": 400, "body": "Invalid ciphertext"}
UNDECRYPTABLE = onion_faults.undecryptable(HERE)
SERVER = {"host": "127.0.0.1", "target": "/loki/v3/lsrpc", "method": "POST", "protocol": "http"}
TEXTS = ["", "x", "POST", "https", "127.0.0.1", "00" * 32]
values = st.none() | st.booleans() | st.integers() | st.lists(st.none(), max_size=1) | st.sampled_from(TEXTS)
"""Members of a control; none leads to a server."""
LAYERS = {
    "this node": seal(b'{"method":"get_snodes_for_pubkey","params":{}}'),
    "another node": seal_for("b", b"for the next node"),
    "a server": seal(b"for the server", {**SERVER, "port": 9, "ephemeral_key": "00" * 32}),
}
"""A small layer of each kind."""


def write_rpc(method: str, /, **params: Any) -> bytes:  # noqa: ANN401 - JSON values
    """Write a request of chapter 07."""
    return json.dumps({"method": method, "params": params}).encode()


def write_new_store(label: str, now_ms: int) -> dict[str, str]:
    """Write the params of a store for a recipient of its own."""
    return write_store(recipient=find_recipient(label), timestamp=str(now_ms))


# What cannot be decrypted


@clause("OR-7", "OR-3")
@pytest.mark.parametrize("fault", UNDECRYPTABLE)
def test_whatever_cannot_be_decrypted_has_one_answer(node_actors: NodeActors, fault: str) -> None:
    iut, _, _ = node_actors()
    expected = send(iut, b"")
    expected.must_be(**INVALID)
    send(iut, UNDECRYPTABLE[fault]).must_be_like(expected)


@clause("OR-7")
@pytest.mark.parametrize("kind", LAYERS)
def test_a_flipped_bit_anywhere_has_the_same_answer_and_goes_nowhere(node_actors: NodeActors, kind: str) -> None:
    iut, _, network = node_actors()
    body = LAYERS[kind].body
    expect_invalid(iut, [flip(body, at) for at in range(len(body))])
    take_none(network, "b", "server")


def flip(body: bytes, at: int) -> bytes:
    """Flip a bit of a byte, another one in each of eight neighbours."""
    return body[:at] + bytes([body[at] ^ 1 << at % 8]) + body[at + 1 :]


def expect_invalid(iut: NodeUnderTest, bodies: list[bytes]) -> None:
    """Send bodies that cannot be decrypted."""
    expected = send(iut, b"")
    expected.must_be(**INVALID)
    send_all(iut, bodies).must_be(statuses=[400], responses=[refer_to_whole(expected)] * len(bodies))


@clause("OR-7", "OR-3")
@pytest.mark.parametrize("kind", LAYERS)
def test_a_part_of_a_request_has_the_same_answer(node_actors: NodeActors, kind: str) -> None:
    iut, _, network = node_actors()
    body = LAYERS[kind].body
    sizes = [*range(1, 9), *range(9, len(body) - 8, 8), *range(len(body) - 8, len(body))]
    expect_invalid(iut, [body[:size] for size in sizes])
    take_none(network, "b", "server")


@clause("OR-7")
@given(body=st.binary(max_size=400) | st.builds(write_frame, st.binary(max_size=80), st.binary(max_size=80)))
def test_arbitrary_bytes_have_the_same_answer(node_actors: NodeActors, body: bytes) -> None:
    iut, _, _ = node_actors()
    send(iut, body).must_be(**INVALID)


@clause("OR-7")
@given(ciphertext=st.binary(max_size=80), control=st.dictionaries(st.sampled_from(["x", "headers"]), values))
def test_arbitrary_ciphertexts_and_controls_have_the_same_answer(
    node_actors: NodeActors, ciphertext: bytes, control: dict[str, Any]
) -> None:
    iut, _, _ = node_actors()
    key = LAYERS["this node"].ephemeral_key
    send(iut, write_frame(ciphertext, {"ephemeral_key": key, **control})).must_be(**INVALID)


@clause("OR-7", "SW-15")
def test_a_request_may_be_as_long_as_a_body_and_no_longer(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    send(iut, bytes(MAX_ONION_BYTES)).must_be(**INVALID)
    send(iut, bytes(MAX_ONION_BYTES + 1)).must_be(status=413)


# What is in a layer


@clause("OR-8", "OR-3")
@pytest.mark.parametrize("fault", onion_faults.invalid_plaintexts())
def test_a_layer_of_another_form_is_answered_sealed(node_actors: NodeActors, fault: str) -> None:
    iut, peer, _ = node_actors()
    layer = seal_plaintext(onion_faults.invalid_plaintexts()[fault])
    ask(iut, peer, layer).must_be(status=400, body="Invalid json")


@clause("OR-8")
@given(plaintext=st.binary(max_size=200))
def test_arbitrary_layers_are_answered_sealed(node_actors: NodeActors, plaintext: bytes) -> None:
    iut, peer, _ = node_actors()
    ask(iut, peer, seal_plaintext(plaintext)).must_be(status=400, body="Invalid json")


@clause("OR-6", "OR-8")
@given(control=st.dictionaries(st.sampled_from([*SERVER, "port", "destination", "ephemeral_key", "x"]), values))
def test_arbitrary_controls_are_answered_with_a_status_of_the_table(
    node_actors: NodeActors, control: dict[str, Any]
) -> None:
    iut, _, _ = node_actors()
    send_layer(iut, seal(b"data", control)).must_match(status="^(200|400|502)$")


@clause("OR-6")
def test_headers_come_before_a_host_and_a_destination(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    port = network.call("network.find", node="server").result.port
    control = {**FOR_THIS_NODE, **SERVER, **route_to("b")}
    payload = write_rpc("get_snodes_for_pubkey", pubKey=FOREIGN)
    sealed = peer.call("onion.seal_for_exit", recipient=HERE[1:], data=payload, control=control, port=port).result
    opened = open_answer(peer, sealed.reply_key, send(iut, sealed.body))
    opened.must_match(status="^200$", body='"snodes"')
    take_none(network, "server", "b")


@clause("OR-6")
def test_a_host_comes_before_a_destination(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    port = network.call("network.find", node="server").result.port
    control = {**SERVER, **route_to("b")}
    sealed = peer.call("onion.seal_for_exit", recipient=HERE[1:], data=b"data", control=control, port=port).result
    send(iut, sealed.body).must_be(status=200)
    take_one(network, "server", SERVER["target"])
    take_none(network, "b")


@clause("OR-6")
@pytest.mark.parametrize("other", [{}, {"hop": 3}, {"x": [{}]}, {"headers": {"x": "y"}}, {"headers": None}])
def test_headers_of_any_value_beside_any_member_mean_this_node(node_actors: NodeActors, other: dict[str, Any]) -> None:
    iut, peer, _ = node_actors()
    layer = seal(write_rpc("get_snodes_for_pubkey", pubKey=FOREIGN), {**FOR_THIS_NODE, **other})
    ask(iut, peer, layer).must_match(status="^200$", body='"snodes"')


# A node without a swarm


@clause("OR-13")
def test_a_node_in_no_swarm_is_not_ready_for_any_onion(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    iut.set_network({LEFT: "bc", RIGHT: "def"})
    for body in (*(layer.body for layer in LAYERS.values()), b"no onion"):
        send(iut, body).must_be(status=503, body=f"Snode not ready: {NAME}")
    take_none(network, "b")
    iut.set_network({LEFT: "abc", RIGHT: "def"})
    send_layer(iut, LAYERS["this node"]).must_be(status=200)


# Destination


def payloads(now_ms: int) -> dict[str, bytes]:
    """Payloads for each answer of chapter 07."""
    store = write_new_store("onion direct", now_ms)
    stores: dict[str, dict[str, Any]] = {
        "a store": {},
        "a store for another swarm": {"pubKey": FOREIGN},
        "a key that is none": {"pubKey": store["pubKey"].upper()},
        "data that is none": {"data": "AB=="},
        "a param that is no text": {"ttl": 60000},
        "a ttl that is too short": {"ttl": "9000"},
        "a timestamp ahead": {"timestamp": str(now_ms + 10_001)},
        "an expired message": {"timestamp": str(now_ms - 60_000)},
        "no work": {"nonce": "AAAAAAAAAAA"},
        "another swarm before the ttl": {"pubKey": FOREIGN, "ttl": "9000"},
        "the ttl before the timestamp": {"ttl": "9000", "timestamp": "0"},
        "the timestamp before the work": {"timestamp": "0", "nonce": ""},
        "the data before the swarm": {"pubKey": FOREIGN, "data": "A"},
    }
    asked = {
        "a retrieve": write_rpc("retrieve", pubKey=find_recipient("onion nothing"), lastHash=""),
        "a retrieve of another swarm": write_rpc("retrieve", pubKey=FOREIGN, lastHash=""),
        "the nodes of a swarm": write_rpc("get_snodes_for_pubkey", pubKey=store["pubKey"]),
        "the nodes of another swarm": write_rpc("get_snodes_for_pubkey", pubKey=FOREIGN),
        "an unknown method": write_rpc("get_lns_mapping", name_hash="x"),
        "a param too few": write_rpc("retrieve", pubKey=store["pubKey"]),
        "params that are a list": b'{"method":"retrieve","params":[]}',
        "a list": b"[]",
        "no JSON": b"hello",
        "no UTF-8": b'{"method":"\xff"}',
        "nothing": b"",
    }
    return asked | {name: write_rpc("store", **store | other) for name, other in stores.items()}


@clause("OR-15", "OR-16", "OR-17")
@pytest.mark.parametrize("name", payloads(NOW))
def test_a_payload_is_answered_as_directly(node_actors: NodeActors, name: str) -> None:
    iut, peer, _ = node_actors()
    payload = payloads(iut.now_ms)[name]
    direct = iut.request("POST", STORAGE_PATH, body=payload)
    opened = ask(iut, peer, seal(payload))
    opened.must_be(status=direct.refer("status"), value=direct.refer("value"))
    if direct.result.value is None:
        opened.must_be(body=direct.refer("body"))


@clause("OR-15")
@given(payload=st.binary(max_size=100) | st.text('{}[]:, "amu', max_size=100).map(str.encode))
def test_arbitrary_payloads_are_answered_as_directly(node_actors: NodeActors, payload: bytes) -> None:
    iut, peer, _ = node_actors()
    direct = iut.request("POST", STORAGE_PATH, body=payload)
    ask(iut, peer, seal(payload)).must_be(status=direct.refer("status"), body=direct.refer("body"))


@clause("OR-15", "OR-17")
def test_what_is_stored_through_an_onion_is_retrieved_through_one(node_actors: NodeActors) -> None:
    iut, peer, _ = node_actors()
    store = write_new_store("onion", iut.now_ms)
    ask(iut, peer, seal(write_rpc("store", **store))).must_be(status=200, value={"difficulty": 1})
    opened = ask(iut, peer, seal(write_rpc("retrieve", pubKey=store["pubKey"], lastHash="")))
    opened.must_match(status="^200$", body=f'"data": *"{store["data"]}"')
    iut.rpc("retrieve", pubKey=store["pubKey"], lastHash="").must_be(value=opened.refer("value"))


@clause("OR-14", "SW-19")
def test_an_onion_that_comes_twice_is_answered_twice_and_stores_one_message(node_actors: NodeActors) -> None:
    iut, peer, _ = node_actors()
    store = write_new_store("onion twice", iut.now_ms)
    layer = seal(write_rpc("store", **store))
    first = ask(iut, peer, layer)
    first.must_be(status=200, value={"difficulty": 1})
    ask(iut, peer, layer).must_be(status=200, value={"difficulty": 1})
    found = iut.rpc("retrieve", pubKey=store["pubKey"], lastHash="")
    found.must_match(body=r'^\{"messages": ?\[\{[^{}]*\}\]\}$')


@clause("OR-16")
def test_each_answer_has_a_fresh_iv(node_actors: NodeActors) -> None:
    iut, peer, _ = node_actors()
    layer = LAYERS["this node"]
    first, second = ask(iut, peer, layer), ask(iut, peer, layer)
    second.must_differ_from(first, "iv")
    third = ask(iut, peer, seal_plaintext(b"no frame"))
    third.must_differ_from(first, "iv")
    third.must_differ_from(second, "iv")


@clause("OR-16")
def test_answers_to_many_at_once_are_each_sealed_to_their_asker(node_actors: NodeActors) -> None:
    iut, peer, _ = node_actors()
    check_keys(iut)
    nodes = write_rpc("get_snodes_for_pubkey", pubKey=FOREIGN)
    messages = write_rpc("retrieve", pubKey=FOREIGN, lastHash="")
    asked = [
        (seal(payload, label=f"{payload!r} {n}"), status)
        for n in range(8)
        for payload, status in ((nodes, 200), (messages, 421))
    ]
    answers = send_all(iut, [layer.body for layer, _ in asked])
    answers.must_be(statuses=[200])
    for (layer, status), response in zip(asked, answers.result.responses, strict=True):
        peer.call("onion.open_answer", reply_key=layer.key, answer=response.body).must_be(status=status)
