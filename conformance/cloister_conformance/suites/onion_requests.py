"""Chapter 08: onions, what a node does with them, and replies. The paths of a client are in a file of their own."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Network
from typing import Any

import pytest
from cloister import identity, wire
from hypothesis import assume, given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made import onion_faults as faults
from cloister_conformance.hand_made.onion_requests import (
    FOR_THIS_NODE,
    HOPS,
    NODE,
    SERVER,
    SERVER_PAIR,
    describe_server,
    wrap_for_node,
    wrap_for_server,
    write_frame,
)
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor, Answer
from cloister_conformance.strategies import bit_positions, flip, plaintexts

REQUEST = b'{"method": "retrieve", "params": {"pubKey": "05", "lastHash": ""}}'
TO_NODE = [hop.pair.private for hop in (*HOPS, NODE)]
TO_SERVER = [*(hop.pair.private for hop in HOPS), SERVER_PAIR.private]
"""The private keys of all that peel an onion."""
ROUTINGS = [{}, {"destination": HOPS[1].name.hex()}, {"destination": HOPS[2].name.hex()}]
"""What stands beside the layers of the three nodes."""
ROUTINGS_TO_NODE = [*ROUTINGS, {"destination": NODE.name.hex()}, FOR_THIS_NODE]


def payloads() -> st.SearchStrategy[bytes]:
    """Payloads, often of a size where a byte of a length overflows."""
    return st.one_of(plaintexts(), st.sampled_from([0, 1, 255, 256, 257, 65_535, 65_536]).map(bytes))


def build(actor: Actor, payload: bytes = REQUEST, **other: Any) -> Answer:  # noqa: ANN401 - params
    """Let an actor build a request over the path, to the node if nothing else is said."""
    destination = {} if "server" in other else {"node": NODE.describe()}
    path = [hop.describe() for hop in HOPS]
    return actor.call("onion.build", **{"request": "request", "path": path, "payload": payload, **destination, **other})


def unwrap(peer: Actor, body: bytes, privates: Sequence[bytes] = TO_NODE) -> Answer:
    """Let the peer take an onion apart."""
    return peer.call("onion.unwrap", body=body, private_keys=privates)


def peel(actor: Actor, body: bytes, private: bytes = faults.PRIVATE) -> Answer:
    """Let an actor peel a layer."""
    return actor.call("onion.peel", layer="layer", private_key=private, body=body)


def travel(actor: Actor, body: bytes, privates: Sequence[bytes] = TO_NODE) -> Answer:
    """Let an actor be all nodes, one after the other; return what the last one is to do."""
    for private in privates:
        plaintext = peel(actor, body, private).result.plaintext
        action = actor.call("onion.read_action", plaintext=plaintext)
        body = action.result.body
    return action


# Building


@clause("OR-2", "OR-3", "OR-4", "OR-5")
@given(payload=payloads())
def test_an_onion_to_a_node_is_that_of_the_text(actors: Actors, payload: bytes) -> None:
    iut, peer = actors()
    body = build(iut, payload).result.body
    unwrap(peer, body).must_be(routings=ROUTINGS_TO_NODE, payload=payload)


@clause("OR-2", "OR-3", "OR-4", "OR-5")
@given(payload=payloads(), protocol=st.sampled_from(["https", "http"]), port=st.integers(min_value=1, max_value=65_535))
def test_an_onion_to_a_server_is_that_of_the_text(actors: Actors, payload: bytes, protocol: str, port: int) -> None:
    iut, peer = actors()
    routing = {**SERVER, "protocol": protocol, "port": port}
    body = build(iut, payload, server=describe_server(routing)).result.body
    unwrap(peer, body, TO_SERVER).must_be(routings=[*ROUTINGS, routing], payload=payload)


@clause("OR-2", "OR-6")
@given(payload=payloads())
def test_a_request_arrives_at_a_node(actors: Actors, payload: bytes) -> None:
    iut, peer = actors()
    for sender, nodes in ((iut, peer), (peer, iut)):
        travel(nodes, build(sender, payload).result.body).must_be(kind="this node", to="", body=payload)


@clause("OR-2", "OR-6")
@given(payload=payloads())
def test_a_request_arrives_at_a_server(actors: Actors, payload: bytes) -> None:
    iut, peer = actors()
    for sender, nodes in ((iut, peer), (peer, iut)):
        body = build(sender, payload, server=describe_server()).result.body
        action = travel(nodes, body, TO_SERVER[:-1])
        action.must_be(kind="server", to="https://open.example.org:443/loki/v3/lsrpc")
        peel(peer, action.result.body, SERVER_PAIR.private).must_be(plaintext=payload)


@clause("OR-1")
def test_no_two_layers_have_anything_in_common(actors: Actors) -> None:
    iut, peer = actors()
    older: list[bytes] = [bytes(8), NODE.pair.public[1:]]
    for _ in range(8):
        layers = unwrap(peer, build(iut).result.body)
        layers.must_be(repeated=[])
        layers.must_exclude(ephemeral_keys=older, ivs=older)
        result = layers.result
        older += [half for key in result.ephemeral_keys for half in (key[:16], key[16:])] + result.ivs


@clause("OR-1")
def test_layers_are_others_in_another_process(actors: Actors) -> None:
    iut, peer = actors()
    older: list[bytes] = []
    for _ in range(2):
        iut.restart()
        layers = unwrap(peer, build(iut).result.body)
        layers.must_exclude(ephemeral_keys=older, ivs=older)
        older = [*layers.result.ephemeral_keys, *layers.result.ivs]


@clause("OR-2")
@given(payload=payloads(), entropy=st.integers(min_value=0, max_value=2**32 - 1))
def test_with_given_randomness_the_layers_are_sealed_with_it(actors: Actors, payload: bytes, entropy: int) -> None:
    iut, peer = actors()
    layers = wrap_for_node(payload, label=entropy)
    answer = build(iut, payload, randoms=[layer.random for layer in layers])
    unwrap(peer, answer.result.body).must_be(
        ephemeral_keys=[layer.ephemeral_key for layer in layers], ivs=[layer.iv for layer in layers], payload=payload
    )


@clause("OR-5", "ID-6", "ID-7")
@pytest.mark.parametrize("key", [bytes(32), identity.P.to_bytes(32, "little"), b"\xff" * 32], ids=["0", "p", "2^256-1"])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_no_layer_is_sealed_to_a_key_that_is_none(actors: Actors, key: bytes, place: int) -> None:
    iut, _ = actors()
    hops = [hop.describe() for hop in (*HOPS, NODE)]
    hops[place]["pubkey_x25519"] = key
    build(iut, path=hops[:-1], node=hops[-1]).must_be_refused("InvalidKey")


# Peeling


@clause("OR-3", "OR-6", "OR-7")
@given(payload=payloads(), length=st.integers(min_value=0, max_value=3))
def test_each_layer_is_peeled(actors: Actors, payload: bytes, length: int) -> None:
    iut, _ = actors()
    for hop, layer in zip((*HOPS[:length], NODE), wrap_for_node(payload, HOPS[:length]), strict=True):
        peel(iut, layer.body, hop.pair.private).must_be(plaintext=layer.plaintext)


@clause("OR-6")
@given(payload=payloads())
def test_what_is_sent_on_is_the_layer_inside(actors: Actors, payload: bytes) -> None:
    iut, peer = actors()
    outer, inner, *_ = wrap_for_node(payload)
    action = iut.call("onion.read_action", plaintext=outer.plaintext)
    action.must_be(kind="node", to=HOPS[1].name.hex())
    peel(peer, action.result.body, HOPS[1].pair.private).must_be(plaintext=inner.plaintext)


@clause("OR-6")
@given(payload=payloads())
def test_what_is_for_a_server_is_the_whole_layer(actors: Actors, payload: bytes) -> None:
    iut, _ = actors()
    plaintext = wrap_for_server(payload)[2].plaintext
    iut.call("onion.read_action", plaintext=plaintext).must_be(
        kind="server", to="https://open.example.org:443/loki/v3/lsrpc", body=plaintext
    )


ORDERS: dict[str, tuple[dict[str, Any], str]] = {
    "headers alone": ({"headers": ""}, "this node"),
    "headers of another type": ({"headers": {"x": 1}}, "this node"),
    "headers null": ({"headers": None}, "this node"),
    "headers and host": ({**faults.TO_SERVER, "headers": ""}, "this node"),
    "headers and destination": ({**faults.TO_NODE, "headers": ""}, "this node"),
    "headers and a host that is no text": ({"host": 7, "headers": ""}, "this node"),
    "host and destination": ({**faults.TO_NODE, **faults.TO_SERVER}, "server"),
    "host and a destination that is no text": ({**faults.TO_SERVER, "destination": 7}, "server"),
    "destination": (faults.TO_NODE, "node"),
    "destination and another member": ({**faults.TO_NODE, "hop_no": 3, "target": "/", "port": 0}, "node"),
    "all three": ({**faults.TO_NODE, **faults.TO_SERVER, "headers": ""}, "this node"),
}


@clause("OR-6")
@pytest.mark.parametrize("kind", ORDERS)
def test_the_control_is_read_in_its_order(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    control, expected = ORDERS[kind]
    for members in (control, dict(reversed(control.items()))):
        iut.call("onion.read_action", plaintext=write_frame(b"data", members)).must_be(kind=expected)


PLACES: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "protocol and port absent": ({}, ("protocol", "port"), "https://open.example.org:443"),
    "port absent": ({}, ("port",), "https://open.example.org:443"),
    "port absent with http": ({"protocol": "http"}, ("port",), "http://open.example.org:80"),
    "protocol absent": ({"port": 8443}, ("protocol",), "https://open.example.org:8443"),
    "another port": ({"protocol": "http", "port": 22_129}, (), "http://open.example.org:22129"),
    "the first port": ({"port": 1}, (), "https://open.example.org:1"),
    "the last port": ({"port": 65_535}, (), "https://open.example.org:65535"),
    "an IPv4 address": ({"host": "8.8.8.8"}, (), "https://8.8.8.8:443"),
    "an IPv6 address": ({"host": "2606:4700::1111"}, (), "https://[2606:4700::1111]:443"),
}


@clause("OR-6")
@pytest.mark.parametrize("kind", PLACES)
def test_where_a_server_is(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    other, absent, place = PLACES[kind]
    control = {name: value for name, value in {**faults.TO_SERVER, **other}.items() if name not in absent}
    plaintext = write_frame(b"data", control)
    iut.call("onion.read_action", plaintext=plaintext).must_be(
        kind="server", to=f"{place}/loki/v3/lsrpc", body=plaintext
    )


UNDECRYPTABLE = faults.undecryptable()


@clause("OR-7")
@pytest.mark.parametrize("kind", UNDECRYPTABLE)
def test_what_cannot_be_decrypted_has_one_error(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    peel(iut, UNDECRYPTABLE[kind]).must_be_refused("DecryptionFailed")
    peel(iut, faults.GOOD.body).must_be(plaintext=faults.PLAINTEXT)


@clause("OR-7")
@given(payload=payloads(), data=st.data())
def test_an_onion_with_a_flipped_bit_has_the_same_error(actors: Actors, payload: bytes, data: st.DataObject) -> None:
    iut, _ = actors()
    body = wrap_for_node(payload)[0].body
    damaged = flip(body, data.draw(bit_positions(len(body))))
    peel(iut, damaged).must_be_refused("DecryptionFailed")


@clause("OR-7")
def test_each_byte_of_a_layer_is_heeded(actors: Actors) -> None:
    iut, _ = actors()
    body = faults.GOOD.body
    for index in range(len(body)):
        peel(iut, flip(body, 8 * index + index % 8)).must_be_refused("DecryptionFailed")


@clause("OR-7")
def test_an_onion_that_was_cut_has_the_same_error(actors: Actors) -> None:
    iut, _ = actors()
    body = faults.GOOD.body
    for size in range(len(body)):
        peel(iut, body[:size]).must_be_refused("DecryptionFailed")


@clause("OR-7")
@given(rubbish=st.binary(max_size=300))
def test_arbitrary_bytes_have_the_same_error(actors: Actors, rubbish: bytes) -> None:
    iut, _ = actors()
    peel(iut, rubbish).must_be_refused("DecryptionFailed")


@clause("OR-7")
def test_another_member_beside_a_layer_is_ignored(actors: Actors) -> None:
    iut, _ = actors()
    control = {"hop_no": 1, "ephemeral_key": faults.GOOD.ephemeral_key, "headers": None}
    peel(iut, faults.beside(control)).must_be(plaintext=faults.PLAINTEXT)


INVALID = faults.invalid_plaintexts()


@clause("OR-3", "OR-8")
@pytest.mark.parametrize("kind", INVALID)
def test_a_layer_of_another_form_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    iut.call("onion.read_action", plaintext=INVALID[kind]).must_be_refused("InvalidMessage")


@clause("OR-8")
@given(rubbish=st.binary(max_size=300))
def test_arbitrary_layers_are_refused(actors: Actors, rubbish: bytes) -> None:
    iut, _ = actors()
    iut.call("onion.read_action", plaintext=rubbish).must_be_refused("InvalidMessage")


# Exit


@clause("OR-18")
@pytest.mark.parametrize("target", faults.ALLOWED_TARGETS)
def test_a_target_that_is_allowed(actors: Actors, target: str) -> None:
    iut, _ = actors()
    iut.call("onion.check_target", target=target).must_be()


@clause("OR-18")
@pytest.mark.parametrize("target", faults.FORBIDDEN_TARGETS)
def test_a_target_that_is_not_allowed(actors: Actors, target: str) -> None:
    iut, _ = actors()
    iut.call("onion.check_target", target=target).must_be_refused("ForbiddenTarget")


FORBIDDEN = [(name, value) for name, values in faults.FORBIDDEN_MEMBERS.items() for value in values]


@clause("OR-18")
@pytest.mark.parametrize(("name", "value"), FORBIDDEN)
def test_a_server_that_may_not_be_reached_is_refused(actors: Actors, name: str, value: object) -> None:
    iut, _ = actors()
    plaintext = write_frame(b"data", {**faults.TO_SERVER, name: value})
    iut.call("onion.read_action", plaintext=plaintext).must_be_refused("ForbiddenTarget")


@clause("OR-18")
@pytest.mark.parametrize("host", faults.ALLOWED_HOSTS)
def test_a_host_is_a_name_or_an_address(actors: Actors, host: str) -> None:
    iut, _ = actors()
    plaintext = write_frame(b"data", {**faults.TO_SERVER, "host": host})
    iut.call("onion.read_action", plaintext=plaintext).must_be(kind="server")


@clause("OR-18")
@given(target=st.text(alphabet="/loki.xen-v3?#%\\ \n", max_size=24).map(lambda middle: f"/loki/{middle}/lsrpc"))
def test_any_target_is_judged_as_by_the_reference(actors: Actors, target: str) -> None:
    iut, peer = actors()
    expected = peer.call("onion.check_target", target=target)
    iut.call("onion.check_target", target=target).must_be_like(expected)


@clause("OR-19")
@pytest.mark.parametrize("address", faults.PUBLIC_ADDRESSES)
def test_a_public_address_is_allowed(actors: Actors, address: str) -> None:
    iut, _ = actors()
    iut.call("onion.check_address", address=address).must_be()


@clause("OR-19")
@pytest.mark.parametrize("kind", faults.PRIVATE_ADDRESSES)
def test_an_address_that_is_not_public_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    for address in faults.PRIVATE_ADDRESSES[kind]:
        iut.call("onion.check_address", address=address).must_be_refused("ForbiddenTarget")


NOT_PUBLIC_IPV4 = [network for listed in faults.NOT_PUBLIC_IPV4.values() for network in listed]
NOT_PUBLIC_IPV6 = [network for listed in faults.NOT_PUBLIC_IPV6.values() for network in listed]
INSIDE = [IPv6Network(spelling.format("0.0.0.0/96")) for spelling in faults.WITH_IPV4_INSIDE.values()]


@clause("OR-19")
@pytest.mark.parametrize("spelling", ["{}", *faults.WITH_IPV4_INSIDE.values()])
@given(network=st.sampled_from(NOT_PUBLIC_IPV4), data=st.data())
def test_no_address_of_a_network_that_is_not_public(
    actors: Actors, spelling: str, network: str, data: st.DataObject
) -> None:
    iut, _ = actors()
    address = data.draw(st.ip_addresses(v=4, network=network))
    iut.call("onion.check_address", address=spelling.format(address)).must_be_refused("ForbiddenTarget")


@clause("OR-19")
@given(network=st.sampled_from(NOT_PUBLIC_IPV6), data=st.data())
def test_no_address_of_a_network_of_ipv6_that_is_not_public(actors: Actors, network: str, data: st.DataObject) -> None:
    iut, _ = actors()
    address = data.draw(st.ip_addresses(v=6, network=network))
    assume(not any(address in inside for inside in INSIDE))
    iut.call("onion.check_address", address=str(address)).must_be_refused("ForbiddenTarget")


@clause("OR-19")
@pytest.mark.parametrize("spelling", ["{}", *faults.WITH_IPV4_INSIDE.values()])
@given(address=st.ip_addresses(v=4))
def test_any_address_is_judged_as_by_the_reference(actors: Actors, spelling: str, address: IPv4Address) -> None:
    iut, peer = actors()
    expected = peer.call("onion.check_address", address=spelling.format(address))
    iut.call("onion.check_address", address=spelling.format(address)).must_be_like(expected)


# Replies


REPLIES = st.tuples(st.integers(min_value=0, max_value=999), st.text(max_size=60))


@clause("OR-16", "OR-17", "OR-24")
@given(reply=REPLIES)
def test_a_reply_is_read_by_who_asked(actors: Actors, reply: tuple[int, str]) -> None:
    iut, peer = actors()
    status, text = reply
    for client, node in ((iut, peer), (peer, iut)):
        travel(node, build(client).result.body)
        answer = node.call("onion.seal_reply", layer="layer", status=status, body=text).result.answer
        client.call("onion.open_reply", request="request", answer=answer).must_be(status=status, body=text)


@clause("OR-24")
def test_a_reply_is_opened_with_the_key_of_its_own_request(actors: Actors) -> None:
    iut, peer = actors()
    answers = []
    for number in (1, 2):
        travel(peer, build(iut, request=f"request {number}").result.body)
        answers.append(peer.call("onion.seal_reply", layer="layer", status=number, body="").result.answer)
    for number, other in ((1, 2), (2, 1)):
        request = f"request {number}"
        iut.call("onion.open_reply", request=request, answer=answers[other - 1]).must_be_refused("DecryptionFailed")
        iut.call("onion.open_reply", request=request, answer=answers[number - 1]).must_be(status=number)


@clause("OR-24")
def test_a_reply_of_another_node_of_the_path_is_refused(actors: Actors) -> None:
    iut, peer = actors()
    body = build(iut).result.body
    for private in TO_NODE[:-1]:
        plaintext = peel(peer, body, private).result.plaintext
        answer = peer.call("onion.seal_reply", layer="layer", status=200, body="").result.answer
        iut.call("onion.open_reply", request="request", answer=answer).must_be_refused("DecryptionFailed")
        body = peer.call("onion.read_action", plaintext=plaintext).result.body


@clause("OR-16")
def test_no_two_replies_have_an_iv_in_common(actors: Actors) -> None:
    iut, _ = actors()
    peel(iut, faults.GOOD.body).must_be()
    older: list[str] = []
    for _ in range(8):
        answer = iut.call("onion.seal_reply", layer="layer", status=200, body="")
        answer.must_exclude(answer=older)
        older.append(answer.result.answer[:16])


@clause("OR-16")
@given(iv=st.binary(min_size=12, max_size=12), reply=REPLIES)
def test_with_a_given_iv_the_reply_begins_with_it(actors: Actors, iv: bytes, reply: tuple[int, str]) -> None:
    iut, peer = actors()
    status, text = reply
    peel(iut, faults.GOOD.body).must_be()
    answer = iut.call("onion.seal_reply", layer="layer", status=status, body=text, iv=iv)
    answer.must_match(answer=f"^{re.escape(wire.encode_base64(iv))}")
    peer.call("onion.open_reply_with", reply_key=faults.GOOD.key, answer=answer.result.answer).must_be(
        status=status, body=text
    )


ACCEPTED, REFUSED, MALFORMED = faults.accepted_replies(), faults.undecryptable_replies(), faults.malformed_replies()


def open_with_key(actor: Actor, answer: str) -> Answer:
    """Let an actor open a reply with the key of the hand-made ones."""
    return actor.call("onion.open_reply_with", reply_key=faults.REPLY_KEY, answer=answer)


@clause("OR-24", "OR-25")
@pytest.mark.parametrize("kind", ACCEPTED)
def test_a_reply_is_opened_bare_or_wrapped(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    answer, said = ACCEPTED[kind]
    open_with_key(iut, answer).must_be(**said)


@clause("OR-24")
@pytest.mark.parametrize("kind", REFUSED)
def test_a_reply_that_does_not_decrypt_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    open_with_key(iut, REFUSED[kind]).must_be_refused("DecryptionFailed")


@clause("OR-26")
@pytest.mark.parametrize("kind", MALFORMED)
def test_a_reply_of_another_form_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    open_with_key(iut, MALFORMED[kind]).must_be_refused("InvalidMessage")


@clause("OR-25")
def test_the_reply_to_a_request_may_be_wrapped(actors: Actors) -> None:
    iut, peer = actors()
    travel(peer, build(iut).result.body)
    answer = peer.call("onion.seal_reply", layer="layer", status=421, body="hello").result.answer
    for text in (f'{{"result": "{answer}"}}', f'{{"result":"{answer}"}}', answer):
        iut.call("onion.open_reply", request="request", answer=text).must_be(status=421, body="hello")


MALFORMED_TEXTS = faults.malformed_reply_texts()


@clause("OR-26")
@pytest.mark.parametrize("kind", MALFORMED_TEXTS)
def test_the_reply_to_a_request_has_a_status_and_a_text(actors: Actors, kind: str) -> None:
    iut, peer = actors()
    travel(peer, build(iut).result.body)
    bad = peer.call("onion.seal_text", layer="layer", text=MALFORMED_TEXTS[kind]).result.answer
    iut.call("onion.open_reply", request="request", answer=bad).must_be_refused("InvalidMessage")
    good = peer.call("onion.seal_text", layer="layer", text=b'{"status": 200, "body": "x"}').result.answer
    iut.call("onion.open_reply", request="request", answer=good).must_be(status=200, body="x")


@clause("OR-24", "OR-25", "OR-26")
@given(rubbish=st.text(max_size=100))
def test_arbitrary_texts_are_no_replies(actors: Actors, rubbish: str) -> None:
    iut, _ = actors()
    open_with_key(iut, rubbish).must_be_refused("DecryptionFailed")
