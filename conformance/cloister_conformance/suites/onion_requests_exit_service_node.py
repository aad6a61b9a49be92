"""Chapter 08, role `service-node`: what an exit sends to a server, and what it never sends."""

from typing import Any

import pytest
from cloister.onion import MAX_REPLY_BYTES

from cloister_conformance.clause import clause
from cloister_conformance.hand_made.onion_faults import ALLOWED_TARGETS, FORBIDDEN_MEMBERS, PRIVATE_ADDRESSES
from cloister_conformance.node_script import NodeUnderTest
from cloister_conformance.onion_hops import (
    CLIENT_HEADERS,
    EPHEMERAL_KEY,
    HERE,
    OF_THE_CLIENT,
    ONION_PATH,
    check_keys,
    name_headers,
    open_answer,
    send,
    send_all,
    take_none,
    take_one,
    write_response,
)
from cloister_conformance.played_network import NODES, SERVER, UNREACHABLE
from cloister_conformance.plugin import NodeActors
from cloister_conformance.script import Actor

TARGET = "/loki/v3/lsrpc"
ROUTING = {
    "host": "127.0.0.1",
    "target": TARGET,
    "method": "POST",
    "protocol": "http",
    "ephemeral_key": EPHEMERAL_KEY,
}
DATA = b"sealed for the server"
FAILED = {"status": 400, "body": "Loki Server error"}
SPELLED = ("localhost", "LOCALHOST", "127.1", "0177.0.0.1", "0x7f000001", "0x7f.1", "2130706433", "127.000.000.001")
"""Loopback in other ways, none of which asks a name server."""


def seal_for_server(peer: Actor, network: Actor, *, server: str = SERVER, without: str = "", **other: Any) -> Any:  # noqa: ANN401 - JSON values, and a result
    """Seal a layer that leads to the server, or to another port, with other members in its control, or without one."""
    port = None if "port" in other else network.call("network.find", node=server).result.port
    control = {name: value for name, value in {**ROUTING, **other}.items() if name != without}
    sealed = peer.call("onion.seal_for_exit", recipient=HERE[1:], data=DATA, control=control, port=port)
    return sealed.result


# To the server


@clause("OR-20")
def test_the_server_gets_the_whole_layer(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    sealed = seal_for_server(peer, network)
    send(iut, sealed.body).must_be(status=200)
    take_one(network, SERVER, TARGET).must_contain(requests=[f"'body': '{sealed.plaintext.hex()}'"])


@clause("OR-20")
def test_the_server_gets_members_that_nobody_knows_too(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    sealed = seal_for_server(peer, network, x={"y": [1]}, headers_of_old=True)
    send(iut, sealed.body).must_be(status=200)
    take_one(network, SERVER, TARGET).must_contain(requests=[f"'body': '{sealed.plaintext.hex()}'"])


@clause("OR-20")
def test_no_header_of_the_client_gets_to_the_server(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    sealed = seal_for_server(peer, network)
    send(iut, sealed.body, CLIENT_HEADERS).must_be(status=200)
    take_one(network, SERVER, TARGET).must_exclude(requests=OF_THE_CLIENT)


@clause("OR-20")
def test_no_header_of_the_node_before_gets_to_the_server(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    sealed = seal_for_server(peer, network)
    keys = {"seed": NODES["b"].seed, "receiver": NODES["a"].ed25519}
    signed = peer.call("node_request.sign", **keys, path=ONION_PATH, body=sealed.body, now_ms=iut.now_ms).result
    send(iut, sealed.body, name_headers(signed.key, signed.time, signed.signature)).must_be(status=200)
    take_one(network, SERVER, TARGET).must_exclude(requests=[NODES["b"].ed25519.hex()])


@clause("OR-18")
@pytest.mark.parametrize("target", ALLOWED_TARGETS)
def test_an_allowed_target_is_reached(node_actors: NodeActors, target: str) -> None:
    iut, peer, network = node_actors()
    send(iut, seal_for_server(peer, network, target=target).body).must_be(status=200)
    take_one(network, SERVER, target)


@clause("OR-18")
@pytest.mark.parametrize("member", FORBIDDEN_MEMBERS)
def test_what_is_not_allowed_is_refused_and_goes_nowhere(node_actors: NodeActors, member: str) -> None:
    iut, peer, network = node_actors()
    check_keys(iut)
    for value in FORBIDDEN_MEMBERS[member]:
        refuse(iut, peer, seal_for_server(peer, network, **{member: value}))
    take_none(network, SERVER)


def refuse(iut: NodeUnderTest, peer: Actor, sealed: Any) -> None:  # noqa: ANN401 - a result
    """Expect that the node sends nothing to a server."""
    open_answer(peer, sealed.reply_key, send(iut, sealed.body)).must_be(status=400, body="Invalid url")


@clause("OR-19")
def test_no_host_that_is_not_public_is_reached(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    iut.restart(allow_private_targets=False)
    for host in (*SPELLED, *(address for addresses in PRIVATE_ADDRESSES.values() for address in addresses)):
        refuse(iut, peer, seal_for_server(peer, network, host=host))
    take_none(network, SERVER)


# Back


@clause("OR-21")
@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_the_body_of_the_server_is_handed_on(node_actors: NodeActors, status: int) -> None:
    iut, peer, network = node_actors()
    body = b"\xff\x00 what came back with %d\r\n" % status
    network.answer(SERVER, status=status, body=body)
    send(iut, seal_for_server(peer, network).body).must_be(status=200, raw=body)


@clause("OR-21", "OR-23")
def test_a_reply_of_a_server_may_have_its_greatest_length_and_no_more(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    network.answer(SERVER, filler=MAX_REPLY_BYTES)
    network.answer(SERVER, filler=MAX_REPLY_BYTES + 1)
    sealed = seal_for_server(peer, network)
    send(iut, sealed.body).must_be(status=200, raw=bytes(MAX_REPLY_BYTES))
    send(iut, sealed.body).must_be(**FAILED)


@clause("OR-22", "OR-23")
def test_a_redirect_is_not_followed(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    sealed = seal_for_server(peer, network)
    for status in (301, 302, 303, 307, 308):
        network.answer(SERVER, path=TARGET, raw=write_response(f"{status} Moved", b"", "Location: /loki/v4/lsrpc"))
        send(iut, sealed.body).must_be(**FAILED)
        take_one(network, SERVER, TARGET)
    take_none(network, SERVER)


@clause("OR-23")
@pytest.mark.parametrize("status", [300, 304, 400, 403, 404, 418, 429, 500, 502, 503])
def test_another_status_of_the_server_is_a_failure(node_actors: NodeActors, status: int) -> None:
    iut, peer, network = node_actors()
    network.answer(SERVER, status=status, body=b"" if status == 304 else b"something went wrong")
    send(iut, seal_for_server(peer, network).body).must_be(**FAILED)


@clause("OR-23")
@pytest.mark.parametrize(
    "how",
    [
        {"drop": True},
        {"raw": b"rubbish\r\n\r\n"},
        {"raw": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ntoo short"},
    ],
    ids=["closed", "rubbish", "cut"],
)
def test_no_whole_answer_of_the_server_is_a_failure(node_actors: NodeActors, how: dict[str, Any]) -> None:
    iut, peer, network = node_actors()
    network.answer(SERVER, **how)
    send(iut, seal_for_server(peer, network).body).must_be(**FAILED)


@clause("OR-23")
def test_a_server_that_refuses_connections_is_a_failure(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    send(iut, seal_for_server(peer, network, server=UNREACHABLE).body).must_be(**FAILED)


@clause("OR-23")
def test_a_server_that_does_not_answer_in_time_is_a_failure(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    network.answer(SERVER, path=TARGET, delay_seconds=6)
    network.answer(SERVER, path="/loki/drips/lsrpc", body=bytes(60), drip_seconds=0.1)
    bodies = [seal_for_server(peer, network, target=target).body for target in (TARGET, "/loki/drips/lsrpc")]
    slow = send_all(iut, bodies)
    slow.must_be(statuses=[400])
    slow.must_match(responses=r"'body': 'Loki Server error'.*'body': 'Loki Server error'")


@clause("OR-23", "OR-18")
def test_https_is_no_http_and_what_is_meant_where_no_protocol_is_named(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    send(iut, seal_for_server(peer, network, protocol="https").body).must_be(**FAILED)
    send(iut, seal_for_server(peer, network, without="protocol").body).must_be(**FAILED)
    take_none(network, SERVER)
