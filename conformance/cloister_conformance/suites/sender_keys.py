"""Chapter 04: sender keys."""

import base64
import dataclasses
from typing import Any

import pytest
from cloister import chain, sender_keys
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made.protobuf import VARINT, field, varint
from cloister_conformance.hand_made.sender_keys import Sender, make_sender
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor, Answer
from cloister_conformance.strategies import NOW, bit_positions, entropies, flip, plaintexts

JUMPS = sender_keys.MAX_FORWARD_JUMPS
KEY_ID = f"(?!(?:[89a-f][0-9a-f]){{4}}0[89a-f]){VARINT}"
"""A pattern for the varint of a number of 31 bits: the fifth byte is below 8."""

LIFETIME = sender_keys.STATE_LIFETIME_MS


def start(sender: Actor, receiver: Actor, record: str = "record") -> None:
    """Let one actor create a sender key and the other process its distribution."""
    sender.call("sender_keys.create", key="key").must_be()
    give(sender, receiver, record)


def give(sender: Actor, receiver: Actor, record: str = "record") -> None:
    """Let the receiver process the sender's current distribution."""
    process(receiver, distribute(sender), record).must_be()


def distribute(sender: Actor, key: str = "key") -> bytes:
    """Let the sender write its current distribution."""
    distribution: bytes = sender.call("sender_keys.distribute", key=key).result.distribution
    return distribution


def decode(peer: Actor, distribution: bytes) -> Answer:
    """Let the peer take a distribution apart."""
    return peer.call("sender_keys.decode_distribution", distribution=distribution)


def process(receiver: Actor, distribution: bytes, record: str = "record", now_ms: int = NOW) -> Any:  # noqa: ANN401
    """Let the receiver process a distribution."""
    return receiver.call("sender_keys.process", record=record, distribution=distribution, now_ms=now_ms)


def encrypt(sender: Actor, plaintext: bytes) -> bytes:
    """Let the sender encrypt."""
    frame: bytes = sender.call("sender_keys.encrypt", key="key", plaintext=plaintext).result.message
    return frame


def decrypt(receiver: Actor, message: bytes, record: str = "record", now_ms: int = NOW) -> Any:  # noqa: ANN401
    """Let the receiver decrypt."""
    return receiver.call("sender_keys.decrypt", record=record, message=message, now_ms=now_ms)


# Sending


@clause("SK-1")
def test_a_new_sender_key_is_random_and_starts_at_0(actors: Actors) -> None:
    iut, peer = actors()
    iut.call("sender_keys.create", key="first").must_be()
    first = decode(peer, distribute(iut, "first"))
    old = first.result
    for number in range(16):
        iut.call("sender_keys.create", key=f"key {number}").must_be()
        answer = iut.call("sender_keys.distribute", key=f"key {number}")
        answer.must_match(distribution=f"^3308{KEY_ID}10001a20.{{64}}222105.{{64}}$")
        distribution = distribute(iut, f"key {number}")
        decode(peer, distribution).must_differ_from(first, "key_id")
        decode(peer, distribution).must_exclude(
            chain_key=[bytes(8), old.chain_key[:16], old.chain_key[16:]], signing_key=[old.signing_key[1:]]
        )


@clause("SK-1")
def test_the_signing_key_is_not_the_chain_key(actors: Actors) -> None:
    iut, peer = actors()
    iut.call("sender_keys.create", key="key").must_be()
    distribution = distribute(iut)
    decoded = decode(peer, distribution).result
    decode(peer, distribution).must_exclude(signing_key=[decoded.public_of_chain_key])


@clause("SK-1")
def test_a_new_sender_key_is_another_in_another_process(actors: Actors) -> None:
    iut, peer = actors()
    old: list[bytes] = []
    for _ in range(2):
        iut.restart()
        iut.call("sender_keys.create", key="key").must_be()
        decoded = decode(peer, distribute(iut))
        decoded.must_exclude(chain_key=old, signing_key=old)
        old = [decoded.result.chain_key, decoded.result.signing_key[1:]]


@clause("SK-2", "SK-3")
@given(chain_key=st.binary(min_size=32, max_size=32))
def test_keys_follow_from_the_chain_key(actors: Actors, chain_key: bytes) -> None:
    iut, peer = actors()
    expected = peer.call("sender_keys.derive", chain_key=chain_key)
    iut.call("sender_keys.derive", chain_key=chain_key).must_be_like(expected)


@clause("SK-2", "SK-3", "SK-4", "SK-5")
@given(messages=st.lists(plaintexts(), min_size=1, max_size=5), entropy=entropies())
def test_what_is_sent_is_read(actors: Actors, messages: list[bytes], entropy: int) -> None:
    iut, peer = actors(entropy)
    start(iut, peer)
    for plaintext in messages:
        decrypt(peer, encrypt(iut, plaintext)).must_be(plaintext=plaintext)


@clause("SK-2", "SK-3", "SK-4")
@given(messages=st.lists(plaintexts(), min_size=1, max_size=5), entropy=entropies())
def test_what_is_received_is_read(actors: Actors, messages: list[bytes], entropy: int) -> None:
    iut, peer = actors(entropy)
    start(peer, iut)
    for plaintext in messages:
        decrypt(iut, encrypt(peer, plaintext)).must_be(plaintext=plaintext)


@clause("SK-2", "SK-3", "SK-4", "SK-5")
@given(plaintext=plaintexts(), random=st.binary(min_size=64, max_size=64), label=st.integers(0, 255))
def test_with_given_randomness_frames_are_those_of_the_text(
    actors: Actors, plaintext: bytes, random: bytes, label: int
) -> None:
    iut, peer = actors()
    made = make_sender(label=label)
    for actor in (iut, peer):
        actor.call("sender_keys.create", key="key", **injected(made)).must_be()
    for _ in range(2):
        expected = peer.call("sender_keys.encrypt", key="key", plaintext=plaintext, random=random)
        iut.call("sender_keys.encrypt", key="key", plaintext=plaintext, random=random).must_be_like(expected)


def injected(sender: Sender, iteration: int = 0) -> dict[str, object]:
    """The params that create a given sender key."""
    return {
        "key_id": sender.key_id,
        "iteration": iteration,
        "chain_key": sender.chain_key_at(iteration) if iteration < JUMPS else sender.chain_key,
        "signing_private": sender.signing_key.private,
    }


@clause("SK-6")
@given(messages=st.lists(plaintexts(), min_size=2, max_size=6))
def test_no_iteration_is_used_twice(actors: Actors, messages: list[bytes]) -> None:
    iut, peer = actors()
    start(iut, peer)
    for frame in [encrypt(iut, plaintext) for plaintext in messages]:
        decrypt(peer, frame).must_be()


@clause("SK-9")
@given(count=st.integers(min_value=1, max_value=6))
def test_iterations_follow_one_another(actors: Actors, count: int) -> None:
    iut, _ = actors()
    iut.call("sender_keys.create", key="key").must_be()
    for iteration in range(count):
        iut.call("sender_keys.encrypt", key="key", plaintext=b"x").must_match(
            message=f"^3308{VARINT}{field(2, iteration).hex()}1a"
        )


@clause("SK-7")
@given(before=st.integers(min_value=1, max_value=5), plaintext=plaintexts())
def test_whoever_is_given_the_key_late_reads_only_what_follows(actors: Actors, before: int, plaintext: bytes) -> None:
    iut, peer = actors()
    iut.call("sender_keys.create", key="key").must_be()
    earlier = [encrypt(iut, b"earlier") for _ in range(before)]
    give(iut, peer)
    decrypt(peer, encrypt(iut, plaintext)).must_be(plaintext=plaintext)
    for message in earlier:
        decrypt(peer, message).must_be_refused("DuplicateMessage")


@clause("SK-7")
@given(between=st.integers(min_value=1, max_value=3))
def test_a_later_distribution_is_not_the_first_one_again(actors: Actors, between: int) -> None:
    iut, peer = actors()
    start(iut, peer, "from the beginning")
    messages = [encrypt(iut, b"between") for _ in range(between)]
    give(iut, peer, "late")
    for message in messages:
        decrypt(peer, message, "from the beginning").must_be(plaintext=b"between")
        decrypt(peer, message, "late").must_be_refused("DuplicateMessage")


@clause("SK-8")
def test_distributing_changes_nothing(actors: Actors) -> None:
    iut, peer = actors()
    start(iut, peer)
    encrypt(iut, b"x")
    first = iut.call("sender_keys.distribute", key="key").result.distribution
    iut.call("sender_keys.distribute", key="key").must_be(distribution=first)


@clause("SK-10")
def test_an_exhausted_key_encrypts_nothing(actors: Actors) -> None:
    iut, _ = actors()
    iut.call("sender_keys.create", key="key", **injected(make_sender(), sender_keys.MAX_ITERATION)).must_be()
    iut.call("sender_keys.encrypt", key="key", plaintext=b"the last").must_be_answered()
    iut.call("sender_keys.encrypt", key="key", plaintext=b"x").must_be_refused("SenderKeyExhausted")
    iut.call("sender_keys.distribute", key="key").must_be_refused("SenderKeyExhausted")


@clause("SK-11")
@given(before=st.integers(min_value=0, max_value=3))
def test_a_renewed_key_has_nothing_of_the_old_one(actors: Actors, before: int) -> None:
    iut, peer = actors()
    iut.call("sender_keys.create", key="key").must_be()
    for _ in range(before):
        encrypt(iut, b"x")
    old = decode(peer, distribute(iut))
    secrets = [old.result.signing_key[1:], *derive_secrets(peer, old.result.chain_key)]
    iut.call("sender_keys.renew", key="key").must_be()
    iut.call("sender_keys.distribute", key="key").must_exclude(distribution=secrets)
    renewed = distribute(iut)
    decode(peer, renewed).must_differ_from(old, "key_id")
    decode(peer, renewed).must_be(iteration=0)


def derive_secrets(peer: Actor, chain_key: bytes) -> list[bytes]:
    """Let the peer derive what whoever has a chain key can know: this and the next chain keys, and their seeds."""
    secrets = []
    for _ in range(4):
        derived = peer.call("sender_keys.derive", chain_key=chain_key).result
        secrets += [chain_key, derived.seed]
        chain_key = derived.next_chain_key
    return secrets


@clause("SK-12")
@given(plaintext=plaintexts())
def test_nothing_is_sent_under_the_old_key_after_renewal(actors: Actors, plaintext: bytes) -> None:
    iut, peer = actors()
    start(iut, peer, "old record")
    iut.call("sender_keys.renew", key="key").must_be()
    give(iut, peer, "new record")
    message = encrypt(iut, plaintext)
    decrypt(peer, message, "old record").must_be_refused("UnknownSenderKey")
    decrypt(peer, message, "new record").must_be(plaintext=plaintext)


# Receiving a distribution


@clause("SK-13")
@pytest.mark.parametrize("size", [0, 1, 31, 33, 64])
def test_a_chain_key_of_another_size_is_refused(actors: Actors, size: int) -> None:
    iut, _ = actors()
    process(iut, make_sender().distribution(other={3: field(3, bytes(size))})).must_be_refused("InvalidMessage")


BAD_SIGNING_KEYS = {
    "empty": b"",
    "without its type byte": make_sender().signing_key.public[1:],
    "of another type": b"\x04" + make_sender().signing_key.public[1:],
    "too long": make_sender().signing_key.public + b"\x00",
    "not below p": b"\x05" + b"\xff" * 32,
    "of low order": b"\x05" + bytes(32),
}


@clause("SK-14")
@pytest.mark.parametrize("kind", BAD_SIGNING_KEYS)
def test_a_signing_key_that_is_no_public_key_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    process(iut, make_sender().distribution(other={4: field(4, BAD_SIGNING_KEYS[kind])})).must_be_refused("InvalidKey")


@clause("SK-15")
@pytest.mark.parametrize("iteration", [2**31, 2**31 + 1, 2**32 - 1])
def test_a_distribution_over_the_last_iteration_is_refused(actors: Actors, iteration: int) -> None:
    iut, _ = actors()
    process(iut, make_sender().distribution(other={2: field(2, iteration)})).must_be_refused("OutOfRange")


@clause("SK-15")
@pytest.mark.parametrize("iteration", [2**31, 2**32 - 1])
def test_a_message_over_the_last_iteration_is_refused(actors: Actors, iteration: int) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    decrypt(iut, sender.message(b"x", other={2: field(2, iteration)})).must_be_refused("OutOfRange")


@clause("SK-15")
def test_the_last_iteration_is_read(actors: Actors) -> None:
    iut, _ = actors()
    sender = make_sender()
    last = field(2, sender_keys.MAX_ITERATION)
    process(iut, sender.distribution(other={2: last})).must_be()
    decrypt(iut, sender.message(b"x", other={2: last})).must_be(plaintext=b"x")


@clause("SK-16")
@given(keys=st.integers(min_value=2, max_value=4), plaintext=plaintexts())
def test_messages_under_older_keys_are_read(actors: Actors, keys: int, plaintext: bytes) -> None:
    iut, peer = actors()
    messages = []
    for number in range(keys):
        peer.call("sender_keys.create", key=f"key {number}").must_be()
        distribution = peer.call("sender_keys.distribute", key=f"key {number}").result.distribution
        process(iut, distribution).must_be()
        messages.append(peer.call("sender_keys.encrypt", key=f"key {number}", plaintext=plaintext).result.message)
    for message in messages:
        decrypt(iut, message).must_be(plaintext=plaintext)


@clause("SK-17")
@given(read=st.integers(min_value=1, max_value=4), data=st.data())
def test_a_distribution_that_is_not_ahead_does_not_rewind(actors: Actors, read: int, data: st.DataObject) -> None:
    iut, _ = actors()
    sender = make_sender()
    again = data.draw(st.integers(min_value=0, max_value=read))
    process(iut, sender.distribution()).must_be()
    for iteration in range(read):
        decrypt(iut, sender.message(b"x", iteration)).must_be(plaintext=b"x")
    process(iut, sender.distribution(again)).must_be()
    for iteration in range(read):
        decrypt(iut, sender.message(b"x", iteration)).must_be_refused("DuplicateMessage")
    decrypt(iut, sender.message(b"x", read)).must_be(plaintext=b"x")


@clause("SK-17")
def test_a_distribution_that_is_not_ahead_keeps_skipped_messages_readable(actors: Actors) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    decrypt(iut, sender.message(b"third", 2)).must_be(plaintext=b"third")
    process(iut, sender.distribution(1)).must_be()
    decrypt(iut, sender.message(b"first", 0)).must_be(plaintext=b"first")
    decrypt(iut, sender.message(b"second", 1)).must_be(plaintext=b"second")


@clause("SK-18")
@given(ahead=st.integers(min_value=1, max_value=5))
def test_a_distribution_that_is_ahead_loses_no_message(actors: Actors, ahead: int) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    process(iut, sender.distribution(ahead)).must_be()
    for iteration in reversed(range(ahead + 1)):
        decrypt(iut, sender.message(b"x", iteration)).must_be(plaintext=b"x")


@clause("SK-18")
def test_a_distribution_at_the_skip_limit_moves_the_chain(actors: Actors) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    process(iut, sender.distribution(JUMPS)).must_be()
    for iteration in (0, JUMPS - 1, 2 * JUMPS):
        decrypt(iut, sender.message(b"x", iteration)).must_be(plaintext=b"x")


@clause("SK-19")
def test_a_distribution_over_the_skip_limit_is_taken(actors: Actors) -> None:
    iut, _ = actors()
    sender = make_sender()
    ahead = JUMPS + 1
    process(iut, sender.distribution()).must_be()
    decrypt(iut, sender.message(b"x", ahead)).must_be_refused("TooFarAhead")
    process(iut, sender.distribution(ahead)).must_be()
    decrypt(iut, sender.message(b"x", ahead)).must_be(plaintext=b"x")
    decrypt(iut, sender.message(b"x", ahead - 1)).must_be_refused("DuplicateMessage")


@clause("SK-20")
@given(ahead=st.integers(min_value=1, max_value=5))
def test_a_distribution_that_does_not_continue_the_chain_is_refused(actors: Actors, ahead: int) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    process(iut, sender.distribution(ahead, other={3: field(3, bytes(32))})).must_be_refused("ConflictingDistribution")
    decrypt(iut, sender.message(b"x", ahead)).must_be(plaintext=b"x")


@clause("SK-21")
def test_another_signing_key_replaces_the_state_of_a_key_id(actors: Actors) -> None:
    iut, _ = actors()
    old, new = make_sender(label=1), make_sender(label=2)
    process(iut, old.distribution()).must_be()
    process(iut, new.distribution()).must_be()
    decrypt(iut, new.message(b"new")).must_be(plaintext=b"new")
    decrypt(iut, old.message(b"old")).must_be_refused("InvalidSignature")


@clause("SK-21")
def test_the_state_that_replaces_another_is_the_newest(actors: Actors) -> None:
    iut, _ = actors()
    old, other, new = (make_sender(key_id=key_id, label=label) for label, key_id in enumerate((1, 2, 1)))
    process(iut, old.distribution()).must_be()
    process(iut, other.distribution(), now_ms=NOW + 1000).must_be()
    process(iut, new.distribution(), now_ms=NOW + 2000).must_be()
    decrypt(iut, other.message(b"x"), now_ms=NOW + 2001 + LIFETIME).must_be_refused("UnknownSenderKey")
    decrypt(iut, new.message(b"x"), now_ms=NOW + 2001 + LIFETIME).must_be(plaintext=b"x")


@clause("SK-21")
def test_the_state_that_replaces_another_has_none_of_its_seeds(actors: Actors) -> None:
    iut, _ = actors()
    old, new = make_sender(label=1), make_sender(label=2)
    mixed = dataclasses.replace(old, signing_key=new.signing_key)
    process(iut, old.distribution()).must_be()
    decrypt(iut, old.message(b"x", 3)).must_be(plaintext=b"x")
    process(iut, new.distribution(3)).must_be()
    decrypt(iut, mixed.message(b"x", 1)).must_be_refused("DuplicateMessage")
    decrypt(iut, new.message(b"x", 3)).must_be(plaintext=b"x")


@clause("SK-22")
def test_all_states_within_the_limit_are_held(actors: Actors) -> None:
    iut, _ = actors()
    senders = [make_sender(key_id=1000 + label, label=label) for label in range(sender_keys.MAX_STATES)]
    for sender in senders:
        process(iut, sender.distribution()).must_be()
    for sender in senders:
        decrypt(iut, sender.message(b"x")).must_be(plaintext=b"x")


@clause("SK-23")
def test_the_oldest_state_over_the_limit_is_dropped(actors: Actors) -> None:
    iut, _ = actors()
    senders = [make_sender(key_id=1000 + label, label=label) for label in range(sender_keys.MAX_STATES + 1)]
    for sender in senders:
        process(iut, sender.distribution()).must_be()
    decrypt(iut, senders[0].message(b"x")).must_be_refused("UnknownSenderKey")


@clause("SK-24")
def test_a_superseded_state_reads_for_its_lifetime(actors: Actors) -> None:
    iut, _ = actors()
    old, new, third = (make_sender(key_id=label, label=label) for label in (1, 2, 3))
    process(iut, old.distribution()).must_be()
    process(iut, new.distribution(), now_ms=NOW + 1000).must_be()
    process(iut, third.distribution(), now_ms=NOW + 5000).must_be()
    decrypt(iut, old.message(b"x"), now_ms=NOW + 1000 + LIFETIME).must_be(plaintext=b"x")
    decrypt(iut, new.message(b"x"), now_ms=NOW + 5000 + LIFETIME).must_be(plaintext=b"x")
    decrypt(iut, third.message(b"x"), now_ms=NOW + 5000 + 2 * LIFETIME).must_be(plaintext=b"x")


@clause("SK-24")
def test_a_superseded_state_that_is_used_lives_on(actors: Actors) -> None:
    iut, _ = actors()
    current, late = make_sender(key_id=2, label=2), make_sender(key_id=1, label=1)
    process(iut, current.distribution()).must_be()
    process(iut, late.distribution(), now_ms=NOW + 1000).must_be()
    for number in range(4):
        decrypt(iut, current.message(b"x", number), now_ms=NOW + 1000 + number * LIFETIME).must_be(plaintext=b"x")


@clause("SK-25")
def test_a_superseded_state_does_not_outlive_its_lifetime(actors: Actors) -> None:
    iut, _ = actors()
    old, new = make_sender(key_id=1, label=1), make_sender(key_id=2, label=2)
    process(iut, old.distribution()).must_be()
    process(iut, new.distribution(), now_ms=NOW + 1000).must_be()
    late = NOW + 1000 + LIFETIME + 1
    decrypt(iut, old.message(b"x"), now_ms=late).must_be_refused("UnknownSenderKey")
    decrypt(iut, new.message(b"x"), now_ms=late).must_be(plaintext=b"x")


@clause("SK-38", "SK-25")
def test_a_key_id_that_died_can_be_distributed_again(actors: Actors) -> None:
    iut, _ = actors()
    old, new = make_sender(key_id=1, label=1), make_sender(key_id=2, label=2)
    process(iut, old.distribution()).must_be()
    process(iut, new.distribution(), now_ms=NOW + 1000).must_be()
    late = NOW + 1000 + LIFETIME + 1
    process(iut, old.distribution(3), now_ms=late).must_be()
    decrypt(iut, old.message(b"x", 3), now_ms=late).must_be(plaintext=b"x")
    decrypt(iut, old.message(b"x", 1), now_ms=late).must_be_refused("DuplicateMessage")


# Receiving a message


@clause("SK-26")
def test_a_record_without_distribution_reads_nothing(actors: Actors) -> None:
    iut, _ = actors()
    decrypt(iut, make_sender().message(b"x")).must_be_refused("UnknownSenderKey")


@clause("SK-26")
@given(key_id=st.integers(min_value=0, max_value=2**32 - 1).filter(lambda number: number != 5))
def test_a_message_under_another_key_id_is_refused(actors: Actors, key_id: int) -> None:
    iut, _ = actors()
    sender = make_sender(key_id=5)
    process(iut, sender.distribution()).must_be()
    decrypt(iut, sender.message(b"x", other={1: field(1, key_id)})).must_be_refused("UnknownSenderKey")


@clause("SK-26")
@pytest.mark.parametrize("key_id", [0, 2**31, 2**32 - 1])
def test_key_ids_have_32_bits(actors: Actors, key_id: int) -> None:
    iut, _ = actors()
    sender = make_sender(key_id=key_id)
    process(iut, sender.distribution()).must_be()
    decrypt(iut, sender.message(b"x")).must_be(plaintext=b"x")


@clause("SK-27")
@given(plaintext=plaintexts(), position=bit_positions(64))
def test_a_message_with_a_flipped_bit_in_its_signature_is_refused(
    actors: Actors, plaintext: bytes, position: int
) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    message = sender.message(plaintext)
    forged = message[:-64] + flip(message[-64:], position)
    decrypt(iut, forged).must_be_refused("InvalidSignature")
    decrypt(iut, message).must_be(plaintext=plaintext)


@clause("SK-27")
@given(data=st.data())
def test_a_message_with_a_flipped_bit_in_its_ciphertext_is_refused(actors: Actors, data: st.DataObject) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    message = sender.message(b"x")
    position = data.draw(bit_positions(16))
    forged = message[:-80] + flip(message[-80:-64], position) + message[-64:]
    decrypt(iut, forged).must_be_refused("InvalidSignature")


@clause("SK-27")
@given(low=st.integers(min_value=0, max_value=15))
def test_the_signature_covers_the_version_byte(actors: Actors, low: int) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    message = sender.message(b"x")
    other = bytes([0x30 | low]) + message[1:]
    if low == 3:
        decrypt(iut, other).must_be(plaintext=b"x")
    else:
        decrypt(iut, other).must_be_refused("InvalidSignature")


@clause("SK-27")
def test_a_member_who_knows_the_chain_key_cannot_speak_for_another(actors: Actors) -> None:
    iut, _ = actors()
    sender, forger = make_sender(label=1), make_sender(label=2)
    process(iut, sender.distribution()).must_be()
    body = sender.message(b"forged")[:-64]
    decrypt(iut, forger.sign(body)).must_be_refused("InvalidSignature")


@clause("SK-27")
@pytest.mark.parametrize("iteration", [0, JUMPS + 2])
def test_a_forged_message_is_refused_for_its_signature_first(actors: Actors, iteration: int) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution(1)).must_be()
    forged = flip(sender.message(b"x", iteration), 8 * 80)
    decrypt(iut, forged[:-64] + bytes(64)).must_be_refused("InvalidSignature")


@clause("SK-28")
@given(order=st.permutations(range(7)), entropy=entropies())
def test_messages_are_read_in_any_order(actors: Actors, order: list[int], entropy: int) -> None:
    iut, peer = actors(entropy)
    start(peer, iut)
    plaintexts_sent = [f"message {number}".encode() for number in range(7)]
    messages = [encrypt(peer, plaintext) for plaintext in plaintexts_sent]
    for number in order:
        decrypt(iut, messages[number]).must_be(plaintext=plaintexts_sent[number])


@clause("SK-28")
@given(lost=st.sets(st.integers(min_value=0, max_value=9), max_size=9))
def test_a_lost_message_stops_no_other(actors: Actors, lost: set[int]) -> None:
    iut, peer = actors()
    start(peer, iut)
    for number in range(10):
        message = encrypt(peer, b"x")
        if number not in lost:
            decrypt(iut, message).must_be(plaintext=b"x")


@clause("SK-29")
@given(order=st.lists(st.integers(min_value=0, max_value=4), min_size=2, max_size=12))
def test_an_iteration_is_read_once(actors: Actors, order: list[int]) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    read = set()
    for iteration in order:
        answer = decrypt(iut, sender.message(b"x", iteration))
        if iteration in read:
            answer.must_be_refused("DuplicateMessage")
        else:
            answer.must_be(plaintext=b"x")
        read.add(iteration)


@clause("SK-29")
def test_the_last_iteration_is_read_once(actors: Actors) -> None:
    iut, _ = actors()
    sender = make_sender()
    last = {2: field(2, sender_keys.MAX_ITERATION)}
    process(iut, sender.distribution(other=last)).must_be()
    decrypt(iut, sender.message(b"x", other=last)).must_be(plaintext=b"x")
    decrypt(iut, sender.message(b"x", other=last)).must_be_refused("DuplicateMessage")


@clause("SK-29")
def test_another_message_with_a_used_iteration_is_refused(actors: Actors) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    decrypt(iut, sender.message(b"first")).must_be(plaintext=b"first")
    decrypt(iut, sender.message(b"second")).must_be_refused("DuplicateMessage")


@clause("SK-30")
@pytest.mark.parametrize("iteration", [0, 7])
def test_a_message_at_the_skip_limit_is_read(actors: Actors, iteration: int) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution(iteration)).must_be()
    decrypt(iut, sender.message(b"x", iteration + JUMPS)).must_be(plaintext=b"x")


@clause("SK-31")
@pytest.mark.parametrize("ahead", [JUMPS + 1, JUMPS + 2, 25_001, sender_keys.MAX_ITERATION])
def test_a_message_over_the_skip_limit_is_refused(actors: Actors, ahead: int) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    message = sender.message(b"x", ahead) if ahead <= 25_001 else sender.message(b"x", other={2: field(2, ahead)})
    decrypt(iut, message).must_be_refused("TooFarAhead")
    decrypt(iut, sender.message(b"x", 0)).must_be(plaintext=b"x")


@clause("SK-31")
def test_the_skip_limit_counts_from_the_chain(actors: Actors) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    decrypt(iut, sender.message(b"x", 10)).must_be(plaintext=b"x")
    decrypt(iut, sender.message(b"x", 11 + JUMPS + 1)).must_be_refused("TooFarAhead")
    decrypt(iut, sender.message(b"x", 11 + JUMPS)).must_be(plaintext=b"x")


@clause("SK-32")
def test_all_skipped_messages_within_the_limit_are_read(actors: Actors) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    decrypt(iut, sender.message(b"x", JUMPS)).must_be(plaintext=b"x")
    for iteration in (0, 1, JUMPS // 2, JUMPS - 1):
        decrypt(iut, sender.message(b"x", iteration)).must_be(plaintext=b"x")


@clause("SK-32")
def test_of_too_many_skipped_messages_the_newest_are_read(actors: Actors) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    decrypt(iut, sender.message(b"x", JUMPS)).must_be(plaintext=b"x")
    decrypt(iut, sender.message(b"x", JUMPS + 11)).must_be(plaintext=b"x")
    for iteration in (10, JUMPS - 1, JUMPS + 1, JUMPS + 10):
        decrypt(iut, sender.message(b"x", iteration)).must_be(plaintext=b"x")


@clause("SK-33")
def test_of_too_many_skipped_messages_the_oldest_are_refused(actors: Actors) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    decrypt(iut, sender.message(b"x", JUMPS)).must_be(plaintext=b"x")
    decrypt(iut, sender.message(b"x", JUMPS + 11)).must_be(plaintext=b"x")
    for iteration in (0, 9):
        decrypt(iut, sender.message(b"x", iteration)).must_be_refused("DuplicateMessage")


@clause("SK-33")
def test_skipped_messages_are_counted_over_all_keys_of_a_sender(actors: Actors) -> None:
    iut, _ = actors()
    old, new = make_sender(key_id=1, label=1), make_sender(key_id=2, label=2)
    for sender in (old, new):
        process(iut, sender.distribution()).must_be()
        decrypt(iut, sender.message(b"x", 1500)).must_be(plaintext=b"x")
    decrypt(iut, old.message(b"x", 999)).must_be_refused("DuplicateMessage")
    decrypt(iut, old.message(b"x", 1000)).must_be(plaintext=b"x")
    decrypt(iut, new.message(b"x", 0)).must_be(plaintext=b"x")


def bad_ciphertexts() -> dict[str, bytes]:
    """Ciphertexts of iteration 0 that do not decrypt, by what is wrong with them."""
    good = sender_keys.encrypt_plaintext(chain.derive_seed(make_sender().chain_key_at(0)), b"sixteen bytes ok")
    return {
        "empty": b"",
        "half a block": good[:8],
        "a block and a half": good[:24],
        "without its last block": good[:16],
        "under another key": sender_keys.encrypt_plaintext(chain.Seed(bytes(32)), b"x" * 32)[:32],
    }


@clause("SK-34")
@pytest.mark.parametrize("kind", bad_ciphertexts())
def test_a_signed_message_that_does_not_decrypt_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    message = sender.message(b"x", other={3: field(3, bad_ciphertexts()[kind])})
    decrypt(iut, message).must_be_refused("DecryptionFailed")


@clause("SK-35")
@given(ahead=st.integers(min_value=0, max_value=5), read=st.integers(min_value=0, max_value=3))
def test_a_message_that_does_not_decrypt_leaves_the_record(actors: Actors, ahead: int, read: int) -> None:
    iut, _ = actors()
    sender = make_sender()
    for record in ("record", "twin"):
        process(iut, sender.distribution(), record).must_be()
        for iteration in range(read):
            decrypt(iut, sender.message(b"x", iteration), record).must_be(plaintext=b"x")
    decrypt(iut, sender.message(b"x", read + ahead, other={3: field(3, b"bad")})).must_be_any_refusal()
    for iteration in range(read + ahead + 2):
        twin = decrypt(iut, sender.message(b"x", iteration), "twin")
        decrypt(iut, sender.message(b"x", iteration)).must_be_like(twin)


@clause("SK-25", "SK-35")
@pytest.mark.parametrize("kind", ["a duplicate", "a forged signature", "a bad ciphertext", "too far ahead"])
def test_a_refused_message_keeps_no_superseded_state_alive(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    old, new = make_sender(key_id=1, label=1), make_sender(key_id=2, label=2)
    process(iut, old.distribution()).must_be()
    decrypt(iut, old.message(b"x")).must_be(plaintext=b"x")
    process(iut, new.distribution(), now_ms=NOW + 1000).must_be()
    refused = {
        "a duplicate": old.message(b"x"),
        "a forged signature": flip(old.message(b"x", 1), 8 * len(old.message(b"x", 1)) - 40),
        "a bad ciphertext": old.message(b"", 1, other={3: field(3, b"")}),
        "too far ahead": old.message(b"x", JUMPS + 2),
    }[kind]
    decrypt(iut, refused, now_ms=NOW + 2000).must_be_any_refusal()
    decrypt(iut, old.message(b"x", 1), now_ms=NOW + 1001 + LIFETIME).must_be_refused("UnknownSenderKey")


@clause("SK-35")
@given(iteration=st.integers(min_value=0, max_value=3), data=st.data())
def test_a_skipped_message_that_is_forged_can_still_be_read(
    actors: Actors, iteration: int, data: st.DataObject
) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    decrypt(iut, sender.message(b"x", 4)).must_be(plaintext=b"x")
    bad = data.draw(st.sampled_from(["signature", "ciphertext"]))
    message = sender.message(b"x", iteration)
    forged = (
        flip(message, 8 * len(message) - 40)
        if bad == "signature"
        else sender.message(b"", iteration, other={3: field(3, b"")})
    )
    decrypt(iut, forged).must_be_any_refusal()
    decrypt(iut, message).must_be(plaintext=b"x")


# Saved records


@clause("SK-36")
def test_a_saved_record_holds_no_used_key(actors: Actors) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    decrypt(iut, sender.message(b"x", 2)).must_be(plaintext=b"x")
    decrypt(iut, sender.message(b"x", 0)).must_be(plaintext=b"x")
    chain_keys = [sender.chain_key_at(iteration) for iteration in range(3)]
    seeds = [chain.derive_seed(chain_keys[0]), chain.derive_seed(chain_keys[2])]
    check_erased(iut, "record", [*chain_keys, *seeds])


@clause("SK-36")
@pytest.mark.parametrize("iteration", [3, JUMPS + 1])
def test_a_saved_record_holds_no_chain_key_from_before_a_distribution(actors: Actors, iteration: int) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    process(iut, sender.distribution(iteration)).must_be()
    check_erased(iut, "record", [sender.chain_key_at(before) for before in range(3)])


@clause("SK-36")
def test_a_saved_sender_key_holds_no_used_key(actors: Actors) -> None:
    iut, _ = actors()
    sender = make_sender()
    iut.call("sender_keys.create", key="key", **injected(sender)).must_be()
    for _ in range(3):
        encrypt(iut, b"x")
    chain_keys = [sender.chain_key_at(iteration) for iteration in range(3)]
    check_erased(iut, "key", [*chain_keys, *(chain.derive_seed(chain_key) for chain_key in chain_keys)])


def check_erased(actor: Actor, handle: str, secrets: list[bytes]) -> None:
    """Check that no secret stands in a saved state."""
    forms = [form for secret in secrets for form in find_forms(secret)]
    actor.call("save", handle=handle).must_match(state=f"(?s)^(?!.*(?:{'|'.join(forms)}))")


def find_forms(secret: bytes) -> list[str]:
    """Find how a secret may stand in a text: hex, or base64 at any of three offsets, with either alphabet."""
    encoded = [base64.b64encode(bytes(offset) + secret).decode()[4:-4] for offset in range(3)]
    return [
        secret.hex(),
        secret.hex().upper(),
        *(form.replace("+", "[-+]").replace("/", "[/_]") for form in encoded),
    ]


@clause("SK-36")
def test_a_stolen_record_reads_no_message_that_was_read(actors: Actors) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    for iteration in (3, 1):
        decrypt(iut, sender.message(b"x", iteration)).must_be(plaintext=b"x")
    stolen = iut.call("save", handle="record").result.state
    iut.call("restore", handle="thief", state=stolen).must_be()
    for iteration in (3, 1):
        decrypt(iut, sender.message(b"x", iteration), "thief").must_be_refused("DuplicateMessage")


@clause("SK-37")
@given(before=st.lists(st.integers(0, 5), max_size=4), after=st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_a_restored_record_goes_on(actors: Actors, before: list[int], after: list[int]) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    for iteration in before:
        decrypt(iut, sender.message(b"x", iteration)).must_be_answered()
    saved = iut.call("save", handle="record").result.state
    iut.call("restore", handle="twin", state=saved).must_be()
    for iteration in after:
        original = decrypt(iut, sender.message(b"x", iteration))
        decrypt(iut, sender.message(b"x", iteration), "twin").must_be_like(original)


def save_as(actor: Actor, twin: str) -> None:
    """Save the record and restore it under another handle."""
    saved = actor.call("save", handle="record").result.state
    actor.call("restore", handle=twin, state=saved).must_be()


@clause("SK-37")
def test_a_restored_record_keeps_all_its_states_as_long_as_without(actors: Actors) -> None:
    iut, _ = actors()
    old, new = make_sender(key_id=1, label=1), make_sender(key_id=2, label=2)
    process(iut, old.distribution()).must_be()
    process(iut, new.distribution(), now_ms=NOW + 1000).must_be()
    save_as(iut, "twin")
    decrypt(iut, old.message(b"x"), "twin", now_ms=NOW + 1001 + LIFETIME).must_be_refused("UnknownSenderKey")
    decrypt(iut, old.message(b"x"), "twin", now_ms=NOW + 1000 + LIFETIME).must_be(plaintext=b"x")
    decrypt(iut, new.message(b"x"), "twin", now_ms=NOW + 1000 + LIFETIME).must_be(plaintext=b"x")


@clause("SK-33", "SK-37")
def test_a_restored_record_keeps_the_order_of_its_states(actors: Actors) -> None:
    iut, _ = actors()
    old, new = make_sender(key_id=1, label=1), make_sender(key_id=2, label=2)
    for sender in (old, new):
        process(iut, sender.distribution()).must_be()
    decrypt(iut, new.message(b"x", 1500)).must_be(plaintext=b"x")
    save_as(iut, "twin")
    decrypt(iut, old.message(b"x", 1500), "twin").must_be(plaintext=b"x")
    decrypt(iut, old.message(b"x", 999), "twin").must_be_refused("DuplicateMessage")
    decrypt(iut, new.message(b"x", 0), "twin").must_be(plaintext=b"x")


@clause("SK-6", "SK-37")
@given(before=st.integers(min_value=0, max_value=3))
def test_a_restored_sender_key_uses_no_iteration_again(actors: Actors, before: int) -> None:
    iut, peer = actors()
    start(iut, peer)
    for _ in range(before):
        decrypt(peer, encrypt(iut, b"x")).must_be(plaintext=b"x")
    saved = iut.call("save", handle="key").result.state
    iut.call("reset").must_be()
    iut.call("restore", handle="key", state=saved).must_be()
    decrypt(peer, encrypt(iut, b"x")).must_be(plaintext=b"x")


@clause("AP-14", "SK-37")
def test_states_are_restored_by_a_later_process(actors: Actors) -> None:
    iut, peer = actors()
    sender = make_sender()
    start(iut, peer)
    process(iut, sender.distribution()).must_be()
    decrypt(iut, sender.message(b"x", 2)).must_be(plaintext=b"x")
    states = {handle: iut.call("save", handle=handle).result.state for handle in ("key", "record")}
    iut.restart()
    for handle, state in states.items():
        iut.call("restore", handle=handle, state=state).must_be()
    decrypt(iut, sender.message(b"x", 0)).must_be(plaintext=b"x")
    decrypt(iut, sender.message(b"x", 2)).must_be_refused("DuplicateMessage")
    decrypt(peer, encrypt(iut, b"x")).must_be(plaintext=b"x")


@clause("PS-57")
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_saved_state_that_was_cut_off_is_refused(actors: Actors, quarters: int) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    state = iut.call("save", handle="record").result.state
    cut = state[: len(state) * quarters // 4]
    iut.call("restore", handle="cut", state=cut).must_be_refused("UnreadableState")
    decrypt(iut, sender.message(b"x")).must_be(plaintext=b"x")


# Robustness


@clause("SK-26", "NE-17")
@given(frame=st.one_of(st.binary(max_size=120), st.binary(max_size=120).map(lambda rest: b"\x33" + rest)))
def test_arbitrary_bytes_are_refused_and_harm_nothing(actors: Actors, frame: bytes) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    decrypt(iut, frame).must_be_any_refusal()
    decrypt(iut, sender.message(b"x")).must_be(plaintext=b"x")


@clause("SK-13", "SK-15", "SK-26")
@given(
    key_id=st.integers(0, 2**32 - 1),
    iteration=st.integers(0, 2**32 - 1),
    sizes=st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
def test_arbitrary_distributions_are_refused_as_by_the_reference(
    actors: Actors, key_id: int, iteration: int, sizes: tuple[int, int]
) -> None:
    iut, peer = actors()
    frame = b"\x33" + field(1, key_id) + field(2, iteration) + field(3, bytes(sizes[0])) + field(4, bytes(sizes[1]))
    process(peer, frame).must_be_any_refusal()
    process(iut, frame).must_be_any_refusal()


@clause("NE-12", "NE-17")
@pytest.mark.parametrize("length", [2**28, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1])
def test_a_giant_length_is_refused(actors: Actors, length: int) -> None:
    iut, _ = actors()
    sender = make_sender()
    process(iut, sender.distribution()).must_be()
    body = b"\x33" + field(1, sender.key_id) + field(2, 0) + b"\x1a" + varint(length) + b"x"
    decrypt(iut, sender.sign(body)).must_be_refused("InvalidMessage")
    decrypt(iut, sender.message(b"x")).must_be(plaintext=b"x")
