"""Chapter 03: the messages of a session and its ratchet."""

from typing import Any

import pytest
from cloister import chain, double_ratchet, identity, session, x3dh
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.conversations import AnySide, Frame, RatchetSide, Side, exchange, make_first, make_message
from cloister_conformance.hand_made.pairwise_sessions import ALICE, BOB, Chain, Initiator, Keys, make_pair
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.peer import spell
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor, Answer, ImplementationUnderTest
from cloister_conformance.strategies import NOW, bit_positions, entropies, flip, plaintexts, private_keys
from cloister_conformance.suites.pairwise_sessions import (
    BAD_KEYS,
    OPENERS,
    ROOT_KEY,
    begin,
    bundle_of,
    converse,
    first,
    has_one_time_prekeys,
    has_only_ratchet,
    import_keys,
    open_session,
    plain,
    read_first,
    start,
    start_ratchets,
)

JUMPS = double_ratchet.MAX_FORWARD_JUMPS
PREKEY_LIFETIME = x3dh.PREKEY_LIFETIME_MS
ARCHIVE_LIFETIME = session.ARCHIVE_LIFETIME_MS
CHAINS = double_ratchet.MAX_RECEIVING_CHAINS


def decode(peer: Actor, frame: Frame) -> Answer:
    """Let the peer take a message apart, also one inside of a prekey message."""
    if frame.kind == "prekey message":
        return peer.call("session.decode_prekey_message", message=frame.message)
    return peer.call("double_ratchet.decode_message", message=frame.message)


# Keys


@clause("PS-26", "PS-27")
@given(chain_key=st.binary(min_size=32, max_size=32))
def test_message_keys_follow_from_the_chain_key(actors: Actors, chain_key: bytes) -> None:
    iut, peer = actors()
    expected = peer.call("double_ratchet.derive", chain_key=chain_key)
    iut.call("double_ratchet.derive", chain_key=chain_key).must_be_like(expected)


@clause("PS-35")
@given(root_key=st.binary(min_size=32, max_size=32), private=private_keys(), other=private_keys())
def test_the_root_key_is_stepped_as_in_the_text(actors: Actors, root_key: bytes, private: bytes, other: bytes) -> None:
    iut, peer = actors()
    public = identity.derive_key_pair(identity.decode_private_key(other)).public
    params = {"root_key": root_key, "ratchet_private": private, "ratchet_key": public}
    expected = peer.call("double_ratchet.step", **params)
    iut.call("double_ratchet.step", **params).must_be_like(expected)


@clause("PS-26", "PS-27", "PS-28", "PS-29", "PS-35")
@given(texts=st.lists(plaintexts(), min_size=1, max_size=3), root=private_keys(), entropy=entropies())
def test_a_ratchet_alone_talks(actors: Actors, texts: list[bytes], root: bytes, entropy: int) -> None:
    iut, peer = actors(entropy)
    ours, theirs = RatchetSide(actor=iut), RatchetSide(actor=peer)
    start_ratchets(ours, theirs, root)
    for text in texts:
        exchange(ours, theirs, text)
        exchange(theirs, ours, text)


@clause("PS-35", "PS-36")
@given(root=private_keys(), private=st.tuples(*(private_keys() for _ in range(3))))
def test_with_given_ratchet_keys_frames_are_those_of_the_text(
    actors: Actors, root: bytes, private: tuple[bytes, ...]
) -> None:
    iut, peer = actors()
    keys, alice = Keys(), Initiator(keys=Keys())
    for actor in (iut, peer):
        actor.call(
            "double_ratchet.start_as_initiator",
            ratchet="ratchet",
            identity_key=alice.identity.public,
            peer_identity_key=keys.identity.public,
            root_key=root,
            chain_key=root,
            ratchet_key=keys.signed.public,
            ratchet_private=private[0],
        ).must_be()
    expected = peer.call("double_ratchet.encrypt", ratchet="ratchet", plaintext=b"x")
    iut.call("double_ratchet.encrypt", ratchet="ratchet", plaintext=b"x").must_be_like(expected)


@clause("PS-28")
@OPENERS
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 31, 32, 159, 4096])
def test_texts_of_any_length_are_read(actors: Actors, opener: str, size: int) -> None:
    iut, peer = actors()
    ours, theirs = converse(iut, peer, opener)
    exchange(ours, theirs, bytes(size))
    exchange(theirs, ours, bytes(size))


@clause("NE-19")
@pytest.mark.parametrize(("kind", "size"), [("message", 76_495), ("prekey message", 76_415)])
def test_a_text_too_long_for_a_frame_is_not_encrypted(actors: Actors, kind: str, size: int) -> None:
    iut, peer = actors()
    ours, theirs = converse(iut, peer) if kind == "message" else open_session(iut, peer, "iut")
    ours.try_encrypt(bytes(size + 1)).must_be_refused("TooLarge")
    theirs.decrypt(Frame(kind, ours.encrypt(bytes(size)).message)).must_be(plaintext=bytes(size))


# What is refused


def check_refused(ours: AnySide, theirs: AnySide, frame: Frame, error: str) -> None:
    """Check that a message is refused, that the next good one, of counter 1, is read, and that the answer is."""
    ours.decrypt(frame).must_be_refused(error)
    ours.decrypt(make_message(theirs, b"good", 1)).must_be(plaintext=b"good")
    exchange(ours, theirs)


@clause("PS-29", "PS-48")
@pytest.mark.parametrize("swapped", ["the sender is another", "the receiver is another", "the two are swapped", "none"])
def test_a_message_for_another_pair_of_accounts_is_refused(actors: Actors, swapped: str) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    other = identity.derive_key_pair(identity.clamp(bytes([9]) * 32)).public
    sender, receiver = {
        "the sender is another": (other, BOB.public),
        "the receiver is another": (ALICE.public, other),
        "the two are swapped": (BOB.public, ALICE.public),
        "none": (b"", b""),
    }[swapped]
    forged = make_message(theirs, b"x", 1, sender=sender, receiver=receiver)
    check_refused(ours, theirs, forged, "InvalidMac")


@clause("PS-30")
@pytest.mark.parametrize("version", range(0x30, 0x40))
def test_the_version_byte_is_covered_as_received(actors: Actors, version: int) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    ours.decrypt(make_message(theirs, b"x", 1, version=bytes([version]))).must_be(plaintext=b"x")


@clause("PS-30", "PS-48")
@pytest.mark.parametrize("version", [0x30, 0x32, 0x34, 0x3F])
def test_another_version_byte_than_was_covered_is_refused(actors: Actors, version: int) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    message = make_message(theirs, b"x", 1).message
    check_refused(ours, theirs, plain(bytes([version]) + message[1:]), "InvalidMac")


@clause("PS-31", "PS-48")
@given(bit=st.integers(min_value=0, max_value=63))
def test_a_mac_with_a_flipped_bit_is_refused(actors: Actors, bit: int) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    message = make_message(theirs, b"x", 1).message
    check_refused(ours, theirs, plain(flip(message, 8 * (len(message) - 8) + bit)), "InvalidMac")


@clause("PS-29", "PS-48")
@pytest.mark.parametrize("number", [2, 3, 4])
def test_the_mac_covers_every_field(actors: Actors, number: int) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    other = {2: field(2, 2), 3: field(3, 6), 4: field(4, bytes(16))}
    covered = {3: field(3, 5)}
    changed = make_message(theirs, b"x", 1, {**covered, number: other[number]}, covered=covered)
    check_refused(ours, theirs, changed, "InvalidMac")


@clause("PS-32", "PS-48")
@pytest.mark.parametrize("blocks", [1, 2])
def test_a_ciphertext_without_its_padding_is_refused(actors: Actors, blocks: int) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    check_refused(ours, theirs, make_message(theirs, bytes(16 * blocks), 1, blocks=blocks), "DecryptionFailed")


@clause("PS-32", "PS-48")
@pytest.mark.parametrize("ciphertext", [b"", bytes(15), bytes(17)], ids=len)
def test_a_ciphertext_that_does_not_decrypt_is_refused(actors: Actors, ciphertext: bytes) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    bad = make_message(theirs, b"x", 1, {4: field(4, ciphertext)})
    check_refused(ours, theirs, bad, "DecryptionFailed")


@clause("PS-33", "PS-48")
@pytest.mark.parametrize("kind", BAD_KEYS)
def test_a_ratchet_key_that_is_no_public_key_is_refused(actors: Actors, kind: str) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    bad = make_message(theirs, b"x", 1, {1: field(1, BAD_KEYS[kind])})
    check_refused(ours, theirs, bad, "InvalidKey")


@clause("PS-34", "PS-48")
@pytest.mark.parametrize("counter", [2**31, 2**31 + 1, 2**32 - 1])
def test_a_counter_over_the_last_is_refused(actors: Actors, counter: int) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    bad = make_message(theirs, b"x", 1, {2: field(2, counter)})
    check_refused(ours, theirs, bad, "OutOfRange")


@clause("PS-48")
def test_ones_own_message_is_refused(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = converse(iut, peer)
    ours.decrypt(ours.encrypt()).must_be_any_refusal()
    exchange(theirs, ours)
    exchange(ours, theirs)


@clause("PS-48")
@given(rubbish=st.binary(max_size=200), kind=st.sampled_from(["message", "prekey message"]))
def test_arbitrary_bytes_are_refused_and_harm_nothing(actors: Actors, rubbish: bytes, kind: str) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    ours.decrypt(Frame(kind, b"\x33" + rubbish)).must_be_any_refusal()
    ours.decrypt(make_message(theirs, b"good", 1)).must_be(plaintext=b"good")


@clause("PS-48")
@given(position=bit_positions(66), entropy=entropies())
def test_a_refused_message_leaves_the_record_as_its_twin(actors: Actors, position: int, entropy: int) -> None:
    iut, peer = actors(entropy)
    ours, theirs = converse(iut, peer)
    frame = theirs.encrypt(b"genuine")
    ours.decrypt(plain(flip(frame.message, position % (8 * len(frame.message))))).must_be_any_refusal()
    ours.decrypt(frame).must_be(plaintext=b"genuine")
    exchange(ours, theirs)
    exchange(theirs, ours)


@clause("PS-29")
def test_the_mac_covers_fields_that_nobody_knows(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    message = make_message(theirs, b"x", 1).message
    check_refused(ours, theirs, plain(message[:-8] + field(5, 7) + message[-8:]), "InvalidMac")


# Counters and chains


@clause("PS-36", "PS-37", "PS-38")
@OPENERS
@given(counts=st.lists(st.integers(min_value=1, max_value=3), min_size=2, max_size=4), entropy=entropies())
def test_a_new_chain_begins_when_the_peer_has_a_new_ratchet_key(
    actors: Actors, opener: str, counts: list[int], entropy: int
) -> None:
    iut, peer = actors(entropy)
    ours, theirs = converse(iut, peer, opener)
    frame = ours.encrypt()
    before = decode(peer, frame)
    last = before.result.counter
    theirs.decrypt(frame).must_be()
    for count in counts:
        exchange(theirs, ours)
        exchange(theirs, ours)
        begun = None
        for counter in range(count):
            frame = ours.encrypt(bytes(counter % 2))
            decoded = decode(peer, frame)
            decoded.must_be(counter=counter, previous_counter=last)
            if begun is None:
                decode(peer, frame).must_differ_from(before, "ratchet_key")
                begun = decoded
            else:
                decode(peer, frame).must_be(ratchet_key=begun.result.ratchet_key)
            theirs.decrypt(frame).must_be()
        assert begun is not None
        before, last = begun, count - 1


@clause("PS-38")
def test_the_previous_counter_is_0_if_nothing_was_sent(actors: Actors) -> None:
    iut, peer = actors()
    ours, _ = begin(iut, peer, "iut")
    decode(peer, ours.encrypt()).must_be(counter=0, previous_counter=0)
    decode(peer, ours.encrypt()).must_be(counter=1, previous_counter=0)


@clause("PS-38")
def test_the_responder_has_used_no_counter_before(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = begin(iut, peer)
    exchange(theirs, ours)
    decode(peer, ours.encrypt()).must_be(counter=0, previous_counter=0)


@clause("PS-39", "PS-40")
@pytest.mark.parametrize("claimed", [0, 1, 7, 2**32 - 1])
def test_late_messages_are_read_whatever_the_previous_counter_says(actors: Actors, claimed: int) -> None:
    iut, peer = actors()
    ours, theirs = converse(iut, peer)
    exchange(theirs, ours)
    late = [theirs.encrypt(b"%d" % number) for number in range(3)]
    exchange(ours, theirs)
    begun = make_message(theirs, b"new chain", 0, {3: field(3, claimed)})
    ours.decrypt(begun).must_be(plaintext=b"new chain")
    for number in (2, 0, 1):
        ours.decrypt(late[number]).must_be(plaintext=b"%d" % number)


@clause("PS-40", "PS-41")
@given(count=st.integers(min_value=1, max_value=6), data=st.data(), entropy=entropies())
def test_messages_are_read_once_in_any_order(actors: Actors, count: int, data: st.DataObject, entropy: int) -> None:
    iut, peer = actors(entropy)
    ours, theirs = converse(iut, peer)
    frames = [theirs.encrypt(b"%d" % number) for number in range(count)]
    order_of_arrival = data.draw(st.permutations(range(count)))
    for number in order_of_arrival:
        ours.decrypt(frames[number]).must_be(plaintext=b"%d" % number)
        ours.decrypt(frames[number]).must_be_refused("DuplicateMessage")
    exchange(ours, theirs)
    for number in order_of_arrival:
        ours.decrypt(frames[number]).must_be_refused("DuplicateMessage")
    exchange(theirs, ours)


@clause("PS-42")
def test_a_message_at_the_skip_limit_is_read(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    for counter in (JUMPS + 1, JUMPS + 2, 1, JUMPS):
        ours.decrypt(make_message(theirs, b"x", counter)).must_be(plaintext=b"x")


@clause("PS-43", "PS-48")
@pytest.mark.parametrize("ahead", [JUMPS + 1, JUMPS + 2, 25_001, 2**31 - 3])
def test_a_message_over_the_skip_limit_is_refused(actors: Actors, ahead: int) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    counter = 1 + ahead
    far = make_message(theirs, b"x", min(counter, 30_000), {2: field(2, counter)})
    check_refused(ours, theirs, far, "TooFarAhead")


@clause("PS-42", "PS-43")
def test_the_skip_limit_holds_in_a_new_chain(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = begin(iut, peer)
    ours.decrypt(make_first(theirs, b"x", JUMPS + 1)).must_be_refused("TooFarAhead")
    ours.decrypt(make_first(theirs, b"near", JUMPS)).must_be(plaintext=b"near")
    ours.decrypt(make_first(theirs, b"late")).must_be(plaintext=b"late")


@clause("PS-44", "PS-45")
def test_the_newest_skipped_seeds_are_kept_and_no_more(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    for counter in (JUMPS + 1, JUMPS + 3):
        ours.decrypt(make_message(theirs, b"x", counter)).must_be(plaintext=b"x")
    ours.decrypt(make_message(theirs, b"x", 1)).must_be_refused("DuplicateMessage")
    for counter in (2, 3, JUMPS, JUMPS + 2):
        ours.decrypt(make_message(theirs, b"x", counter)).must_be(plaintext=b"x")


@clause("PS-44", "PS-45")
def test_skipped_seeds_are_counted_over_all_chains(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = converse(iut, peer)
    old = [theirs.encrypt(b"%d" % number) for number in range(4)]
    ours.decrypt(old[3]).must_be(plaintext=b"3")
    exchange(ours, theirs)
    ours.decrypt(make_message(theirs, b"far", JUMPS - 1)).must_be(plaintext=b"far")
    for number in (0, 1):
        ours.decrypt(old[number]).must_be_refused("DuplicateMessage")
    ours.decrypt(old[2]).must_be(plaintext=b"2")


def begin_chains(ours: AnySide, theirs: AnySide, count: int) -> list[Frame]:
    """Let the peer begin so many chains, each with a message that is late."""
    late = []
    for number in range(count):
        exchange(ours, theirs)
        late.append(theirs.encrypt(b"%d" % number))
        exchange(theirs, ours)
    return late


@clause("PS-46")
def test_late_messages_of_the_newest_chains_are_read(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = converse(iut, peer)
    for number, frame in enumerate(begin_chains(ours, theirs, CHAINS)):
        ours.decrypt(frame).must_be(plaintext=b"%d" % number)


@clause("PS-47")
def test_late_messages_of_an_older_chain_are_refused(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = converse(iut, peer)
    late = begin_chains(ours, theirs, CHAINS + 1)
    ours.decrypt(late[0]).must_be_any_refusal()
    ours.decrypt(late[1]).must_be(plaintext=b"1")


@clause("PS-46")
def test_a_late_message_does_not_make_its_chain_newer(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    late = begin_chains(ours, theirs, CHAINS)
    ours.decrypt(late[0]).must_be(plaintext=b"0")
    begin_chains(ours, theirs, 1)
    for number in range(1, CHAINS):
        ours.decrypt(late[number]).must_be(plaintext=b"%d" % number)


# What a saved state holds


def save(side: AnySide) -> Answer:
    """Let a side save its record, or its ratchet."""
    return side.actor.call("save", handle=side.handle)


def steal(side: AnySide) -> AnySide:
    """Save the record or ratchet of a side, and restore it under another handle; return the side that has it."""
    state = save(side).result.state
    side.actor.call("restore", handle="stolen", state=state).must_be()
    return side.at("stolen")


@clause("PS-49")
@given(data=st.data(), entropy=entropies())
def test_a_saved_record_reads_nothing_that_was_read(actors: Actors, data: st.DataObject, entropy: int) -> None:
    iut, peer = actors(entropy)
    ours, theirs = converse(iut, peer)
    frames = [theirs.encrypt(b"%d" % number) for number in range(4)]
    read = data.draw(st.permutations(range(4)))[: data.draw(st.integers(min_value=1, max_value=4))]
    for number in read:
        ours.decrypt(frames[number]).must_be(plaintext=b"%d" % number)
    stolen = steal(ours)
    for number in read:
        stolen.decrypt(frames[number]).must_be_any_refusal()


@clause("PS-49")
def test_a_saved_record_holds_no_key_that_was_used(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = begin(iut, peer)
    for counter in (0, 2, 1):
        ours.decrypt(make_first(theirs, b"x", counter)).must_be()
    used = [
        text
        for counter in range(3)
        for text in peer.call("hand_made.spell_keys", writer=theirs.handle, counter=counter).result.texts
    ]
    save(ours).must_exclude(state=used)


def check_erased(side: AnySide, secrets: list[bytes]) -> None:
    """Check that no secret stands in a saved record or ratchet."""
    save(side).must_exclude(state=[text for secret in secrets for text in spell(secret)])


@clause("PS-49")
def test_a_saved_record_holds_nothing_from_before_its_last_step(actors: Actors) -> None:
    iut, peer = actors()
    side, alice, agreed = read_with_known_keys(iut, peer)
    signed = alice.keys.signed
    stepped, _ = double_ratchet.step_root_key(agreed[0], signed, alice.ratchet.public)
    check_erased(side, [*agreed, stepped, signed.private])


def read_with_known_keys(
    iut: ImplementationUnderTest, peer: Actor
) -> tuple[AnySide, Initiator, tuple[x3dh.RootKey, chain.ChainKey]]:
    """Let the implementation read a first message; return its side, a peer made by hand, and what X3DH gave both."""
    if has_only_ratchet(iut):
        alice = Initiator(keys=Keys())
        ratchet = RatchetSide(actor=iut)
        start_ratchets(RatchetSide(actor=peer), ratchet)
        ratchet.decrypt(plain(alice.start_chain(ROOT_KEY).message())).must_be(plaintext=b"x")
        return ratchet, alice, (ROOT_KEY, chain.ChainKey(ROOT_KEY[::-1]))
    side, alice = import_keys(iut)
    side.decrypt(first(alice)).must_be(plaintext=b"x")
    return side, alice, x3dh.agree_as_initiator(alice.identity.private, alice.base.private, alice.keys.bundle)


@clause("PS-49")
def test_a_saved_record_holds_no_key_of_what_was_sent(actors: Actors) -> None:
    iut, _ = actors()
    keys = Keys(identity=ALICE, signed=make_pair(50), one_time=None)
    bob = Initiator(keys=keys, identity=BOB)
    side = Side(actor=iut, account="bob", identity=BOB)
    side.create_account()
    side = side.meet(Side(actor=iut, account="alice", identity=ALICE))
    given = {"base_private": bob.base.private, "ratchet_private": bob.ratchet.private}
    iut.call("session.open", session=side.session, now_ms=NOW, **bundle_of(keys), **given).must_be()
    for counter in range(2):
        message = bob.prekey_message(bob.chain.message(b"x", counter))
        iut.call("session.encrypt", session=side.session, plaintext=b"x").must_be(message=message)
    root_key, _ = x3dh.agree_as_initiator(bob.identity.private, bob.base.private, keys.bundle)
    check_erased(side, [*list_sent_keys(bob.chain), root_key, bob.base.private])


def list_sent_keys(sending: Chain) -> list[bytes]:
    """List the chain keys and seeds of the first two messages of a chain."""
    return [secret for counter in range(2) for secret in (sending.chain_key_at(counter), sending.seed(counter))]


@clause("PS-49")
def test_a_saved_ratchet_holds_no_key_of_what_was_sent(actors: Actors) -> None:
    iut, peer = actors()
    alice = Initiator(keys=Keys())
    side = RatchetSide(actor=iut)
    start_ratchets(side, RatchetSide(actor=peer), ratchet_private=alice.ratchet.private)
    sending = alice.start_chain(ROOT_KEY)
    for counter in range(2):
        message = sending.message(b"x", counter)
        iut.call("double_ratchet.encrypt", ratchet=side.handle, plaintext=b"x").must_be(message=message)
    check_erased(side, [*list_sent_keys(sending), ROOT_KEY])


@clause("PS-8", "PS-49")
def test_a_saved_account_holds_no_one_time_prekey_that_was_used(actors: Actors) -> None:
    iut, _ = actors()
    side, alice = import_keys(iut, one_time=True)
    assert alice.keys.one_time is not None
    side.decrypt(first(alice)).must_be(plaintext=b"x")
    iut.call("save", handle=side.account).must_exclude(state=spell(alice.keys.one_time.private))


@clause("PS-66")
def test_an_expired_prekey_is_erased(actors: Actors) -> None:
    iut, _ = actors()
    side, alice = import_keys(iut, one_time=True)
    assert alice.keys.one_time is not None
    for at in (NOW, NOW + PREKEY_LIFETIME):
        iut.call("x3dh.renew_prekey", account=side.account, now_ms=at).must_be()
    side.create_bundle(one_time=True, now_ms=NOW + PREKEY_LIFETIME + 1)
    secrets = (alice.keys.signed.private, alice.keys.one_time.private)
    iut.call("save", handle=side.account).must_exclude(state=[text for secret in secrets for text in spell(secret)])


@clause("PS-66")
def test_an_expired_prekey_is_erased_by_reading(actors: Actors) -> None:
    iut, peer = actors()
    side, alice = import_keys(iut, one_time=False)
    for at in (NOW, NOW + PREKEY_LIFETIME):
        iut.call("x3dh.renew_prekey", account=side.account, now_ms=at).must_be()
    carol = Side(actor=peer, account="carol", identity=make_pair(62))
    carol.create_account()
    ours, theirs = side.meet(carol, "with carol"), carol.meet(side)
    theirs.open(side.create_bundle(one_time=False, now_ms=NOW + PREKEY_LIFETIME)).must_be()
    ours.decrypt(theirs.encrypt(), now_ms=NOW + PREKEY_LIFETIME + 1).must_be(plaintext=b"x")
    iut.call("save", handle=side.account).must_exclude(state=spell(alice.keys.signed.private))


@clause("PS-68")
def test_an_expired_session_is_erased(actors: Actors) -> None:
    iut, _ = actors()
    side, alice = import_keys(iut, one_time=False)
    side.decrypt(first(alice)).must_be(plaintext=b"x")
    newer = Initiator(keys=alice.keys, base=make_pair(60), ratchet=make_pair(61))
    side.decrypt(first(newer), now_ms=NOW + 1000).must_be(plaintext=b"x")
    side.decrypt(plain(newer.chain.message(b"y", 1)), now_ms=NOW + 1001 + ARCHIVE_LIFETIME).must_be(plaintext=b"y")
    check_erased(side, [alice.chain.chain_key_at(1)])


@clause("PS-47")
def test_a_stolen_record_stops_writing_after_newer_chains(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = converse(iut, peer)
    thief = steal(theirs)
    _, forged = thief.encrypt(), thief.encrypt(b"forged")
    for _ in range(CHAINS):
        exchange(theirs, ours)
        exchange(ours, theirs)
    exchange(theirs, ours)
    ours.decrypt(forged).must_be_any_refusal()


@clause("PS-36", "PS-54")
def test_a_thief_who_goes_on_first_is_ended_by_a_new_session(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    exchange(theirs, ours)
    thief = steal(theirs)
    frame = ours.encrypt(b"to both")
    for side in (thief, theirs):
        side.decrypt(frame).must_be(plaintext=b"to both")
    exchange(thief, ours)
    ours.decrypt(theirs.encrypt()).must_be_refused("InvalidMac")
    exchange(ours, thief)
    theirs.open(ours.create_bundle(one_time=has_one_time_prekeys(iut))).must_be()
    exchange(theirs, ours)
    healed = ours.encrypt(b"after")
    thief.decrypt(healed).must_be_any_refusal()
    theirs.decrypt(healed).must_be(plaintext=b"after")


@clause("PS-50")
@OPENERS
def test_a_stolen_record_stops_reading_after_a_round_trip(actors: Actors, opener: str) -> None:
    iut, peer = actors()
    ours, theirs = converse(iut, peer, opener)
    stolen = steal(ours)
    still = theirs.encrypt(b"before")
    stolen.decrypt(still).must_be(plaintext=b"before")
    ours.decrypt(still).must_be(plaintext=b"before")
    exchange(ours, theirs)
    overheard = theirs.encrypt(b"overheard")
    stolen.decrypt(overheard).must_be_answered()
    ours.decrypt(overheard).must_be(plaintext=b"overheard")
    exchange(ours, theirs)
    healed = theirs.encrypt(b"after")
    stolen.decrypt(healed).must_be_any_refusal()
    ours.decrypt(healed).must_be(plaintext=b"after")


# Deniability


@clause("PS-12", "PS-29", "PS-64")
@pytest.mark.parametrize("one_time", [True, False])
def test_the_receiver_could_have_written_it_all(actors: Actors, *, one_time: bool) -> None:
    iut, _ = actors()
    side, alice = import_keys(iut, one_time=one_time)
    forged = forge(alice)
    for counter in range(3):
        message = alice.prekey_message(forged.message(b"%d" % counter, counter))
        side.decrypt(Frame("prekey message", message)).must_be(plaintext=b"%d" % counter)


def forge(alice: Initiator) -> Chain:
    """Start the sending chain of a peer with the receiver's private keys, and of the peer's with those of this session alone."""
    keys = alice.keys
    dh = [
        identity.agree(keys.signed.private, alice.identity.public),
        identity.agree(keys.identity.private, alice.base.public),
        identity.agree(keys.signed.private, alice.base.public),
        identity.agree(keys.one_time.private, alice.base.public) if keys.one_time else b"",
    ]
    derived = chain.derive_key(b"\xff" * 32 + b"".join(dh), bytes(32), b"WhisperText", 64)
    return alice.start_chain(x3dh.RootKey(derived[:32]))


# Readings


def answers_result(answer: Answer) -> bool:
    """Tell whether a step was answered with a result."""
    answer.must_be_answered()
    return "result" in answer.step.answer


@clause("PS-42", "PS-43")
def test_reading_of_the_skip_limit(actors: Actors, note_reading: Any) -> None:  # noqa: ANN401 - a fixture
    reading = "none up to 30000"
    for limit in (1998, 1999, 2000, 25_000, 30_000):
        iut, peer = actors()
        ours, theirs = read_first(iut, peer)
        if not answers_result(ours.decrypt(make_message(theirs, b"x", 1 + limit))):
            break
        reading = str(limit)
    note_reading("skip limit", f"at least {reading}")


@clause("PS-49")
def test_reading_of_saved_states(actors: Actors, note_reading: Any) -> None:  # noqa: ANN401
    iut, _ = actors()
    side, alice = import_keys(iut)
    side.decrypt(first(alice)).must_be(plaintext=b"x")
    state = save(side).result.state
    held = any(text in state for text in spell(alice.chain.chain_key_at(1)))
    note_reading("saved states", "hold keys in the clear" if held else "are opaque, so their bytes do not show PS-49")


@clause("NE-6", "PS-30")
def test_reading_of_the_low_version_bits(actors: Actors, note_reading: Any) -> None:  # noqa: ANN401
    read = []
    for version in (0x32, 0x33, 0x34, 0x3F):
        iut, peer = actors()
        ours, theirs = read_first(iut, peer)
        if answers_result(ours.decrypt(make_message(theirs, b"x", 1, version=bytes([version])))):
            read.append(f"{version:02x}")
    note_reading("version bytes read", " ".join(read))


@clause("PS-39")
def test_reading_of_the_previous_counter(actors: Actors, note_reading: Any) -> None:  # noqa: ANN401
    iut, peer = actors()
    ours, theirs = converse(iut, peer)
    exchange(theirs, ours)
    late = [theirs.encrypt() for _ in range(2)]
    exchange(ours, theirs)
    ours.decrypt(make_message(theirs, b"x", 0, {3: field(3, 0)})).must_be(plaintext=b"x")
    ignored = answers_result(ours.decrypt(late[1]))
    note_reading("previous counter", "ignored" if ignored else "closes the chain before")
