"""Chapter 07, role `service-node`: messages follow their swarm when the network changes."""

import pytest

from cloister_conformance.clause import clause
from cloister_conformance.node_script import NodeUnderTest
from cloister_conformance.node_storage import (
    ASIDE,
    OTHER,
    OWN,
    derive_recipient,
    keep,
    must_get,
    must_hold,
    must_not_get,
    name_recipient,
    need_network,
    push,
    retrieve,
    write_batch,
    write_store,
    write_stores,
)
from cloister_conformance.plugin import NodeActors

NEAR, FAR = OWN + 2**60, OWN - 2**60
"""Spaces of the swarm of the node under test, on both sides of its id."""


@clause("SW-34")
def test_a_new_node_of_the_swarm_gets_all_messages(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    need_network(iut)
    recipients = [derive_recipient("for a new node", space) for space in (NEAR, FAR)]
    stores = [store for recipient in recipients for store in write_stores(iut, recipient, 13)]
    keep(iut, *stores)
    iut.set_network({OWN: "abcg", OTHER: "def"})
    must_get(network, "g", *stores)


@clause("SW-31", "SW-34")
def test_a_new_node_gets_what_was_pushed_too(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    pushed = write_stores(iut, name_recipient(iut, "pushed before"), 3)
    push(iut, write_batch(*pushed)).must_be(status=200)
    iut.set_network({OWN: "abcg", OTHER: "def"})
    must_get(network, "g", *pushed)


@clause("SW-5", "SW-34")
def test_a_new_swarm_gets_the_messages_of_its_recipients(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    need_network(iut)
    moving, staying = (
        write_stores(iut, derive_recipient(f"beside a new swarm {iut.now_ms}", space), 2) for space in (NEAR, FAR)
    )
    keep(iut, *moving, *staying)
    iut.set_network({OWN: "abc", NEAR: "gh", OTHER: "def"})
    for node in ("g", "h"):
        must_get(network, node, *moving)
        must_not_get(network, node, *staying)
    must_move(iut, moving[0]["pubKey"])
    must_hold(iut, staying[0]["pubKey"], *staying)


@clause("SW-5", "SW-34")
def test_a_dissolved_swarm_gives_its_messages_to_the_new_owners(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    stores = write_stores(iut, name_recipient(iut, "of a dissolved swarm"), 3)
    keep(iut, *stores)
    iut.set_network({OTHER: "defb"})
    for node in ("b", "d", "e", "f"):
        must_get(network, node, *stores)


@clause("SW-34")
def test_a_node_that_changes_its_swarm_gives_what_it_held_to_the_new_owners(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    stores = write_stores(iut, name_recipient(iut, "left behind"), 3)
    keep(iut, *stores)
    iut.set_network({OWN: "bcg", OTHER: "adef"})
    must_get(network, "g", *stores)
    must_move(iut, stores[0]["pubKey"])


@clause("SW-34")
def test_what_a_new_node_does_not_take_is_pushed_again(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    need_network(iut)
    stores = write_stores(iut, derive_recipient("refused at first", ASIDE), 3)
    keep(iut, *stores)
    network.answer("h", times=2, status=503)
    iut.set_network({OWN: "abc", ASIDE: "h", OTHER: "def"})
    for _ in range(3):
        must_get(network, "h", *stores)


def must_move(iut: NodeUnderTest, recipient: str) -> None:
    """Expect that a recipient is now sent to another swarm."""
    named = iut.rpc("get_snodes_for_pubkey", pubKey=recipient)
    named.must_be(status=200)
    retrieve(iut, recipient).must_be(status=421, value=named.refer("value"))


@clause("SW-35")
@pytest.mark.parametrize("behind", [0, 1])
def test_a_network_that_is_not_newer_is_ignored(node_actors: NodeActors, behind: int) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, f"not newer by {behind}")
    store = write_store(iut, recipient)
    keep(iut, store)
    changed = iut.set_network({OWN: "abcg", OTHER: "def"}, [(0, 2)])
    iut.set_network({OTHER: "def"}, [(0, 7)], behind=behind)
    must_hold(iut, recipient, store)
    iut.rpc("store", **{**store, "nonce": "AAAA"}).must_be(status=432, value={"difficulty": 2})
    iut.request("GET", "/health").must_be(value={"status": "ok", "height": changed.refer("height")})


@clause("SW-35")
@pytest.mark.parametrize("behind", [0, 1])
def test_a_network_that_is_not_newer_is_ignored_at_the_start_too(node_actors: NodeActors, behind: int) -> None:
    iut, _, network = node_actors()
    recipient = name_recipient(iut, f"not newer by {behind} at the start")
    kept, new = write_stores(iut, recipient, 2)
    keep(iut, kept)
    changed = iut.set_network({OWN: "abcg", OTHER: "def"}, [(0, 2)])
    iut.set_network({OWN: "ah", OTHER: "def"}, [(0, 7)], behind=behind)
    iut.kill()
    must_hold(iut, recipient, kept)
    iut.rpc("store", **{**new, "nonce": "AAAA"}).must_be(status=432, value={"difficulty": 2})
    iut.request("GET", "/health").must_be(value={"status": "ok", "height": changed.refer("height")})
    worked = write_store(iut, recipient, "worked", 2)
    keep(iut, worked)
    must_get(network, "g", worked)
    must_not_get(network, "h", worked)
