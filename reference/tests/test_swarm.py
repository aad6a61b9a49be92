"""Chapter 07, first part: networks in JSON, and what is looked up in them."""

import json
from typing import Any

import pytest
from cloister import errors, swarm
from hypothesis import given
from hypothesis import strategies as st

KEYS = ["a5ce7fe2983da98b396f563099e54251ce1f3f2338736e9bccd03f66915a9940", "00" * 31 + "01"]
U = "18914bc3511969f930803c4b1d6c4a4a4b64ab5ed8e4d7ca3f60c9f3f8f4ee5a"
RECIPIENT = "05" + "00" * 32


def node(key: str = KEYS[0], **other: Any) -> dict[str, Any]:
    return {"pubkey_ed25519": key, "pubkey_x25519": U, "ip": "192.0.2.1", "port": "22021", **other}


def network(*swarms: tuple[int, list[Any]], **other: Any) -> dict[str, Any]:
    written = [{"id": str(swarm_id), "nodes": nodes} for swarm_id, nodes in swarms]
    return {"height": 7, "swarms": written, "difficulties": [{"since": 1_600_000_000_000, "difficulty": 10}], **other}


def test_a_network_is_read_and_written_alike() -> None:
    written = network((0, [node()]), (swarm.NO_SWARM, [node(KEYS[1])]))
    decoded = swarm.decode_network(json.loads(json.dumps(written)))
    assert decoded.model_dump(mode="json") == written
    assert swarm.decode_network(decoded.model_dump()) == decoded
    assert list(decoded.nodes) == KEYS
    assert decoded.nodes[KEYS[0]].x25519_key.hex() == "05" + U


def test_a_network_without_swarms_or_history_is_one() -> None:
    assert swarm.decode_network({"height": 0, "swarms": []}) == swarm.Network(height=0, swarms=())


@pytest.mark.parametrize(
    ("written", "where"),
    [
        (None, ""),
        ([], ""),
        ({"swarms": []}, "height"),
        (network(height=-1), "height"),
        (network(height="high"), "height"),
        ({"height": 1}, "swarms"),
        (network(swarms={}), "swarms"),
        (network(swarms=[{"id": "1"}]), "swarms.0.nodes"),
        (network(swarms=[{"id": "01", "nodes": []}]), "swarms.0.id: .*canonical"),
        (network(swarms=[{"id": "-1", "nodes": []}]), "swarms.0.id: .*canonical"),
        (network(swarms=[{"id": str(2**64), "nodes": []}]), "swarms.0.id: .*18446744073709551615"),
        (network(swarms=[{"id": 1, "nodes": []}]), "swarms.0.id"),
        (network((1, [node(KEYS[0].upper())])), "swarms.0.nodes.0.pubkey_ed25519: .*canonical"),
        (network((1, [node(KEYS[0][2:])])), "swarms.0.nodes.0.pubkey_ed25519: .*canonical"),
        (network((1, [node(), node(KEYS[1], pubkey_x25519=U[2:])])), "swarms.0.nodes.1.pubkey_x25519: .*invalid key"),
        (network((1, [node(pubkey_x25519="ff" * 32)])), "swarms.0.nodes.0.pubkey_x25519: .*invalid key"),
        (network((1, [node(port="0")])), "swarms.0.nodes.0.port: .*65535"),
        (network((1, [node(port="65536")])), "swarms.0.nodes.0.port: .*65535"),
        (network((1, [node(port=22021)])), "swarms.0.nodes.0.port"),
        (network((1, [node(ip=None)])), "swarms.0.nodes.0.ip"),
        (network(difficulties=[{"since": -1, "difficulty": 1}]), "difficulties.0.since"),
        (network(difficulties=[{"since": 0, "difficulty": 0}]), "difficulties.0.difficulty"),
        (network(difficulties=[{"since": 0, "difficulty": 2**63}]), "difficulties.0.difficulty"),
    ],
    ids=lambda value: json.dumps(value)[:40] if not isinstance(value, str) else value,
)
def test_what_is_wrong_with_a_network_is_told_in_one_line(written: object, where: str) -> None:
    with pytest.raises(errors.InvalidMessage, match=rf"^invalid message: the network: {where}.*$") as caught:
        swarm.decode_network(written)
    assert "\n" not in str(caught.value)


def test_nodes_are_found_by_their_keys() -> None:
    found = swarm.decode_network(network((5, [node()]), (swarm.NO_SWARM, [node(KEYS[1])])))
    assert swarm.find_node(found, KEYS[1]).pubkey_ed25519 == KEYS[1]
    with pytest.raises(errors.UnknownNode, match="the network has no node ffff"):
        swarm.find_node(found, "ff" * 32)
    assert [swarm.is_in_swarm(found, key) for key in (*KEYS, "ff" * 32)] == [True, False, False]
    assert [swarm.holds(found.swarms[0], key) for key in KEYS] == [True, False]


def test_a_recipient_has_no_swarm_where_there_is_none() -> None:
    for empty in (network(), network((swarm.NO_SWARM, [node()]))):
        with pytest.raises(errors.TooFewNodes):
            swarm.find_swarm(swarm.decode_network(empty), RECIPIENT)


@given(
    ids=st.sets(st.integers(0, 9) | st.integers(0, 2**64 - 1) | st.just(swarm.NO_SWARM), max_size=8),
    space=st.integers(0, 9) | st.integers(0, 2**64 - 1),
)
def test_the_chosen_swarm_is_among_the_near_ones(ids: set[int], space: int) -> None:
    if ids - {swarm.NO_SWARM}:
        near = swarm.find_near(sorted(ids), space)
        assert near <= ids
        assert swarm.choose_swarm(near, space) == swarm.choose_swarm(ids, space)
    else:
        with pytest.raises(errors.TooFewNodes):
            swarm.choose_swarm(swarm.find_near(sorted(ids), space), space)
