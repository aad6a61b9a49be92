"""What is made by hand is what it says: cloister reads the honest frames and accepts the work."""

import pytest
from cloister import errors, onion, proof_of_work, sender_keys, storage, swarm
from cloister_conformance.hand_made import onion_faults, swarms
from cloister_conformance.hand_made.onion_requests import (
    HOPS,
    NODE,
    SERVER_PAIR,
    unwrap,
    wrap_for_node,
    wrap_for_server,
)
from cloister_conformance.hand_made.proof_of_work import find_nonce_between, payload, request, value_of, with_work
from cloister_conformance.hand_made.protobuf import field, varint
from cloister_conformance.hand_made.sender_keys import make_sender

NOW = 1_600_000_000_000


def test_a_hand_made_distribution_and_message_are_read() -> None:
    sender = make_sender()
    record = sender_keys.process_distribution(sender_keys.Record(), sender.distribution(3), now_ms=NOW)
    record, plaintext = sender_keys.decrypt(record, sender.message(b"hello", 5), now_ms=NOW)
    assert plaintext == b"hello"
    _, plaintext = sender_keys.decrypt(record, sender.message(b"earlier", 4), now_ms=NOW)
    assert plaintext == b"earlier"


def test_fields_can_be_replaced() -> None:
    sender = make_sender(key_id=5)
    assert sender.distribution(other={1: field(1, 300)}) == sender.distribution().replace(
        b"\x08\x05", b"\x08\xac\x02", 1
    )
    assert sender.message(b"x", other={3: b""})[:-64] == b"\x33\x08\x05\x10\x00"


def test_senders_with_other_labels_have_other_keys() -> None:
    one, other = make_sender(label=1), make_sender(label=2)
    assert one.key_id == other.key_id
    assert one.chain_key != other.chain_key
    assert one.signing_key != other.signing_key


def test_varints_can_be_too_long() -> None:
    assert [varint(number) for number in (0, 127, 128, 300)] == [b"\x00", b"\x7f", b"\x80\x01", b"\xac\x02"]
    assert varint(5, size=3) == b"\x85\x80\x00"
    assert len(varint(2**64 - 1)) == 10


def test_lengths_can_be_too_long() -> None:
    assert field(3, b"abc", size=2) == b"\x1a\x83\x00abc"
    assert field(1, 5, size=2) == b"\x08\x85\x00"


def test_chain_keys_are_the_same_in_any_order() -> None:
    sender, other = make_sender(), make_sender()
    assert [sender.chain_key_at(iteration) for iteration in (3, 0)] == [
        other.chain_key_at(iteration) for iteration in (0, 3)
    ][::-1]
    assert sender == other


def test_work_suffices_and_lies_where_it_is_sought() -> None:
    complete = with_work(request(difficulty=2))
    difficulty, nonce = complete.pop("difficulty"), complete.pop("nonce")
    proof_of_work.check(proof_of_work.Request(**complete), nonce, difficulty=difficulty)
    joined = payload(**complete)
    found = find_nonce_between(joined, 2**54, 2**57)
    assert 2**54 <= value_of(joined)(proof_of_work.decode_nonce(found)) < 2**57


def test_the_readings_of_the_choice_are_those_of_deployed_software() -> None:
    ids = (100, 200, 300, 399, 498, 596, 694)
    for space, chosen in ((0, 100), (0x96, 100), (0x285, 596), (2**63, 694), (0xA << 60, 100), (2**64 - 1, 100)):
        assert {choose(ids, space) for choose in swarms.READINGS.values()} == {chosen}
    for space, chosen in ((2**64 - 2, [0, 0]), (2**64 - 1, [0, 694])):
        assert [swarms.READINGS[name]((0, *ids), space) for name in ("2022", "2020")] == chosen


def test_nodes_and_recipients_are_those_of_their_swarms() -> None:
    network = swarm.decode_network(swarms.describe_network())
    for recipient, swarm_id, names in ((swarms.RECIPIENT, swarms.LEFT, "abc"), (swarms.FOREIGN, swarms.RIGHT, "def")):
        found = swarm.find_swarm(network, recipient)
        assert int(found.id) == swarm_id
        assert [node.pubkey_ed25519 for node in found.nodes] == [swarms.derive_key(name).hex() for name in names]


def test_a_store_has_one_fault_only_where_it_is_sought() -> None:
    network = swarm.decode_network(swarms.describe_network())
    store, node = swarms.write_store(), swarms.derive_key("a").hex()
    message = storage.check_store(store, network, node, now_ms=swarms.NOW)
    assert message.hash == swarms.hash_store(store)
    assert storage.encode_record(message) == swarms.write_record(swarms.describe_message(store))
    store["nonce"] = swarms.find_nonce_for_less(store, enough=2, wanted=3)
    storage.check_store(store, network, node, now_ms=swarms.NOW)


def test_a_hand_made_onion_is_peeled_and_taken_apart_again() -> None:
    layers = wrap_for_node(b"hello")
    privates = [hop.pair.private for hop in (*HOPS, NODE)]
    body = layers[0].body
    for private, layer in zip(privates, layers, strict=True):
        peeled = onion.peel(private, body)
        assert (peeled.plaintext, peeled.key) == (layer.plaintext, layer.key)
        action = onion.read_action(peeled.plaintext)
        body = action.body if isinstance(action, onion.ForNode) else b""
    assert action == onion.ForThisNode(payload=b"hello")

    parts = unwrap(layers[0].body, privates)
    assert (parts.payload, parts.reply_key) == (b"hello", layers[-1].key)
    assert parts.routings[0] == {}
    assert [routing.get("destination") for routing in parts.routings[1:-1]] == [
        hop.name.hex() for hop in (*HOPS[1:], NODE)
    ]
    assert parts.ephemeral_keys == [layer.ephemeral.public[1:] for layer in layers]
    with pytest.raises(errors.DecryptionFailed):
        unwrap(layers[0].body, privates[::-1])
    with pytest.raises(errors.InvalidMessage):
        unwrap(layers[0].body[:3], privates)

    parts = unwrap(wrap_for_server(b"hello")[0].body, [*privates[:3], SERVER_PAIR.private])
    assert (parts.payload, parts.routings[-1]["host"]) == (b"hello", "open.example.org")


def test_only_what_is_wrong_is_wrong_with_a_hand_made_onion() -> None:
    good = onion_faults.GOOD
    assert onion.peel(onion_faults.PRIVATE, good.body).plaintext == onion_faults.PLAINTEXT
    ephemeral_key = good.ephemeral.public[1:]
    assert (
        onion.peel(onion_faults.PRIVATE, onion_faults.seal_with(good.agreement, ephemeral_key, good.iv)).key == good.key
    )
    bodies = onion_faults.undecryptable()
    assert len(set(bodies.values())) == len(bodies)
    assert good.body not in bodies.values()
