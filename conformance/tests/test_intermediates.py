"""The reference's named intermediate values, for the report of a failure."""

import random

from cloister import errors, sender_keys
from cloister_conformance.hand_made import swarms
from cloister_conformance.intermediates import explain, show
from cloister_conformance.reference_adapter import Adapter
from cloister_conformance.script import Actor, Script

NOW = 1_600_000_000_000


def play(seed: int = 0) -> Script:
    """Let the reference read a message of its own."""
    script = Script(seed=seed)
    peer = Actor("peer", Adapter(random.Random(seed).randbytes), script)
    peer.call("sender_keys.create", key="key").must_be()
    distribution = peer.call("sender_keys.distribute", key="key").result.distribution
    message = peer.call("sender_keys.encrypt", key="key", plaintext=b"hello").result.message
    peer.call("sender_keys.process", record="record", distribution=distribution, now_ms=NOW).must_be()
    peer.call("sender_keys.decrypt", record="record", message=message, now_ms=NOW).must_be(plaintext=b"hello")
    return script


def test_the_values_on_the_way_to_an_answer_are_named() -> None:
    lines = explain(play())
    names = [line.partition(" = ")[0] for line in lines[:-1]]
    assert {
        "sender_keys.decode_message",
        "sender_keys.find_state",
        "sender_keys.take_seed",
        "chain.derive_seed",
    } <= set(names)
    assert "sender_keys.derive_message_key" in names
    assert lines[-1] == 'the reference: {"plaintext": "68656c6c6f"}'


def test_only_the_last_call_is_explained() -> None:
    assert not [line for line in explain(play()) if "decode_distribution" in line]


def test_the_same_script_has_the_same_values() -> None:
    assert explain(play()) == explain(play())
    assert explain(play()) != explain(play(1))


def test_a_refusal_of_the_reference_is_shown() -> None:
    script = Script(seed=0)
    Actor("peer", Adapter(bytes), script).call("sender_keys.decrypt", record="record", message=b"\x33", now_ms=NOW)
    assert explain(script)[-1].startswith('the reference: {"code": -32000, "message": ')
    assert "InvalidMessage" in explain(script)[-1]


def test_the_form_of_a_network_is_not_explained() -> None:
    script = Script(seed=0)
    params = {"recipient": swarms.RECIPIENT, "network": swarms.describe_network()}
    Actor("peer", Adapter(bytes), script).call("swarm.find", **params).must_be()
    names = [line.partition(" = ")[0] for line in explain(script)[:-1]]
    assert names == ["swarm.derive_space", "swarm.find_near", "swarm.find_swarm"]


def test_values_are_shown_as_a_reader_writes_them() -> None:
    assert show(b"\x00\xff") == "00ff"
    assert show((b"\x00", 5)) == "00, 5"
    assert show({1: b"", 2: b""}) == "2 entries"
    assert show(b"\x00" * 500).endswith("(1000 characters)")
    state = sender_keys.Record()
    assert show(state) == "Record(states=)"
    assert show(errors.InvalidKey) == str(errors.InvalidKey)
