"""Chapter 03: several sessions with one peer, restarts, and requests for a session."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pytest
from cloister import chain, identity, session, session_request, x3dh
from cloister.identity import KeyPair, P
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.conversations import Frame, Side, establish, exchange
from cloister_conformance.hand_made.pairwise_sessions import ALICE, BOB, CAROL, NOTHING, Keys, make_pair
from cloister_conformance.hand_made.protobuf import VARINT, field, join
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor, ImplementationUnderTest, encode
from cloister_conformance.strategies import NOW, bit_positions, entropies, flip
from cloister_conformance.suites.adapter_protocol import ask_for_error
from cloister_conformance.suites.pairwise_sessions import (
    BAD_KEYS,
    check_nothing_opened,
    has_one_time_prekeys,
    make_sides,
    order,
    start,
)
from cloister_conformance.suites.pairwise_sessions_messages import CHAINS, answers_result, begin_chains, decode

ARCHIVED = session.MAX_ARCHIVED_SESSIONS
ARCHIVE_LIFETIME = session.ARCHIVE_LIFETIME_MS
REQUEST_AFTER = session.REQUEST_AFTER_MS
REQUEST_PERIOD = session_request.REQUEST_PERIOD_MS
MAX_AGE = session_request.MAX_REQUEST_AGE_MS
MAX_AHEAD = session_request.MAX_REQUEST_AHEAD_MS

LOWER, HIGHER = sorted((ALICE, BOB), key=lambda pair: pair.public)
"""Identities, in the order of their account ids."""


# Several sessions


def reopen(initiator: Side, responder: Side, iut: ImplementationUnderTest, *, now_ms: int = NOW) -> None:
    """Open another session and let the responder read in it."""
    bundle = responder.create_bundle(one_time=has_one_time_prekeys(iut), now_ms=now_ms)
    initiator.open(bundle, now_ms=now_ms).must_be()
    responder.decrypt(initiator.encrypt(), now_ms=now_ms).must_be(plaintext=b"x")


@clause("PS-51")
def test_late_messages_of_archived_sessions_are_read(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    late = [theirs.encrypt(b"0")]
    for number in range(1, ARCHIVED + 1):
        reopen(theirs, ours, iut)
        late.append(theirs.encrypt(b"%d" % number))
    for number, frame in enumerate(late):
        ours.decrypt(frame).must_be(plaintext=b"%d" % number)


@clause("PS-51")
def test_an_archived_session_is_read_for_its_lifetime(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    late = theirs.encrypt(b"late")
    reopen(theirs, ours, iut, now_ms=NOW + 1000)
    reopen(theirs, ours, iut, now_ms=NOW + 2000)
    ours.decrypt(late, now_ms=NOW + 1000 + ARCHIVE_LIFETIME).must_be(plaintext=b"late")


@clause("PS-52")
def test_an_archived_session_expires(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    late = [theirs.encrypt(b"%d" % number) for number in range(2)]
    reopen(theirs, ours, iut, now_ms=NOW + 1000)
    ours.decrypt(late[0], now_ms=NOW + 2000).must_be(plaintext=b"0")
    reopen(theirs, ours, iut, now_ms=NOW + 3000)
    ours.decrypt(late[1], now_ms=NOW + 1001 + ARCHIVE_LIFETIME).must_be_any_refusal()


@clause("PS-69")
def test_the_oldest_archived_session_is_dropped(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    late = theirs.encrypt(b"late")
    for _ in range(ARCHIVED + 1):
        reopen(theirs, ours, iut)
    ours.decrypt(late).must_be_any_refusal()


@clause("PS-52")
def test_the_session_that_is_sent_in_does_not_expire(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    ours.decrypt(theirs.encrypt(b"late"), now_ms=NOW + 10 * ARCHIVE_LIFETIME).must_be(plaintext=b"late")


def open_without_one_time_prekey(iut: Actor, peer: Actor) -> tuple[Side, Side, Frame]:
    """Let the implementation read a first message that names no one-time prekey; return that too."""
    ours, theirs = make_sides(iut, peer)
    theirs.open(ours.create_bundle(one_time=False)).must_be()
    first = theirs.encrypt()
    ours.decrypt(first).must_be(plaintext=b"x")
    return ours, theirs, first


def check_replay_opens_nothing(peer: Actor, ours: Side, first: Frame, *, now_ms: int = NOW) -> None:
    """Check that a first message is refused and that the implementation goes on in the session of before."""
    before = decode(peer, ours.encrypt()).result
    ours.decrypt(first, now_ms=now_ms).must_be_any_refusal()
    decode(peer, ours.encrypt()).must_be(ratchet_key=before.ratchet_key)


@clause("PS-23", "PS-52")
@pytest.mark.parametrize("renewed", [False, True], ids=["", "with a new signed prekey"])
def test_a_first_message_is_not_read_again_after_its_session_expired(actors: Actors, *, renewed: bool) -> None:
    iut, peer = actors()
    ours, theirs, first = open_without_one_time_prekey(iut, peer)
    reopen(theirs, ours, iut, now_ms=NOW + 1000)
    if renewed:
        iut.call("x3dh.renew_prekey", account="bob", now_ms=NOW + 2000).must_be()
    check_replay_opens_nothing(peer, ours, first, now_ms=NOW + 1001 + ARCHIVE_LIFETIME)


def twist(first: Frame) -> Frame:
    """Put 1/u in the place of the u of a base key: the point differs by one of order 2, so X3DH does not."""
    start = first.message.index(b"\x12\x21\x05") + 3
    u = int.from_bytes(first.message[start : start + 32], "little")
    other = pow(u, -1, P).to_bytes(32, "little")
    return first._replace(message=first.message[:start] + other + first.message[start + 32 :])


@clause("PS-23")
@pytest.mark.parametrize("held", [True, False], ids=["while its session is held", "after it expired"])
def test_a_first_message_is_not_read_again_under_another_base_key(actors: Actors, *, held: bool) -> None:
    iut, peer = actors()
    ours, theirs, first = open_without_one_time_prekey(iut, peer)
    if not held:
        reopen(theirs, ours, iut, now_ms=NOW + 1000)
    check_replay_opens_nothing(peer, ours, twist(first), now_ms=NOW if held else NOW + 1001 + ARCHIVE_LIFETIME)


@clause("PS-22")
@pytest.mark.parametrize("one_time", [True, False])
def test_further_prekey_messages_are_read_though_the_first_came_under_another_base_key(
    actors: Actors, *, one_time: bool
) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    theirs.open(ours.create_bundle(one_time=one_time)).must_be()
    ours.decrypt(twist(theirs.encrypt())).must_be(plaintext=b"x")
    ours.decrypt(theirs.encrypt(b"more")).must_be(plaintext=b"more")
    exchange(ours, theirs)


@clause("PS-23", "PS-51")
def test_a_first_message_is_not_read_again_after_its_session_was_dropped(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs, first = open_without_one_time_prekey(iut, peer)
    for _ in range(ARCHIVED + 1):
        theirs.open(ours.create_bundle(one_time=False)).must_be()
        exchange(theirs, ours)
    check_replay_opens_nothing(peer, ours, first)


@clause("PS-23", "PS-56")
def test_a_restored_account_does_not_read_a_first_message_again(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs, first = open_without_one_time_prekey(iut, peer)
    restart(iut, ours.account, ours.session)
    reopen(theirs, ours, iut, now_ms=NOW + 1000)
    check_replay_opens_nothing(peer, ours, first, now_ms=NOW + 1001 + ARCHIVE_LIFETIME)


@clause("PS-53")
@pytest.mark.parametrize("known", [False, True], ids=["no session", "a session with somebody else"])
def test_a_message_without_a_session_is_refused(actors: Actors, *, known: bool) -> None:
    iut, peer = actors()
    ours, _ = start(iut, peer)
    stranger = Side(actor=peer, account="carol", identity=CAROL)
    stranger.create_account()
    dave = Side(actor=peer, account="dave", identity=make_pair(77))
    dave.create_account()
    writes, reads = stranger.meet(dave), dave.meet(stranger)
    establish(writes, reads, one_time=True)
    with_carol = ours.meet(stranger, "with carol")
    (ours if known else with_carol).decrypt(writes.encrypt()).must_be_refused(
        "InvalidMac" if known else "UnknownSession"
    )
    check_nothing_opened(with_carol)


@clause("PS-54")
def test_the_session_that_was_set_up_last_is_sent_in(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    old = decode(peer, ours.encrypt())
    reopen(theirs, ours, iut)
    frame = ours.encrypt(b"new")
    decode(peer, frame).must_differ_from(old, "ratchet_key")
    theirs.decrypt(frame).must_be(plaintext=b"new")
    reopen(ours, theirs, iut)
    theirs.decrypt(ours.encrypt(b"newer")).must_be(plaintext=b"newer")


@clause("PS-54")
def test_reading_in_an_archived_session_does_not_change_the_one_that_is_sent_in(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    exchange(ours, theirs)
    late = [theirs.encrypt(b"%d" % number) for number in range(2)]
    reopen(theirs, ours, iut)
    current = decode(peer, ours.encrypt()).result
    for number, frame in enumerate(late):
        ours.decrypt(frame).must_be(plaintext=b"%d" % number)
        decode(peer, ours.encrypt()).must_be(ratchet_key=current.ratchet_key)


def open_both(iut: Actor, peer: Actor, ours: KeyPair, theirs: KeyPair, *, one_time: bool) -> tuple[Side, Side]:
    """Let both sides open a session with the other's bundle before either has read anything."""
    bob, alice = Side(actor=iut, account="bob", identity=ours), Side(actor=peer, account="alice", identity=theirs)
    for side in (bob, alice):
        side.create_account()
    bob, alice = bob.meet(alice), alice.meet(bob)
    bundles = bob.create_bundle(one_time=one_time), alice.create_bundle(one_time=one_time)
    bob.open(bundles[1]).must_be()
    alice.open(bundles[0]).must_be()
    return bob, alice


def cross(iut: Actor, peer: Actor, ours: KeyPair, theirs: KeyPair, *, one_time: bool) -> tuple[Side, Side]:
    """Let both sides open a session with the other's bundle before either has read anything; then both read."""
    bob, alice = open_both(iut, peer, ours, theirs, one_time=one_time)
    first = bob.encrypt(b"from bob"), alice.encrypt(b"from alice")
    bob.decrypt(first[1]).must_be(plaintext=b"from alice")
    alice.decrypt(first[0]).must_be(plaintext=b"from bob")
    return bob, alice


@clause("PS-55")
def test_the_higher_account_goes_on_in_the_session_that_it_opened(actors: Actors) -> None:
    iut, peer = actors()
    bob, _ = cross(iut, peer, HIGHER, LOWER, one_time=has_one_time_prekeys(iut))
    iut.call("session.encrypt", session=bob.session, plaintext=b"x").must_be(kind="prekey message")


@clause("PS-15", "PS-55")
def test_what_is_read_in_a_session_is_no_answer_in_another(actors: Actors) -> None:
    iut, peer = actors()
    bob, alice = open_both(iut, peer, HIGHER, LOWER, one_time=has_one_time_prekeys(iut))
    bob.encrypt(b"lost")
    exchange(alice, bob, b"first")
    exchange(alice, bob, b"second")
    answer = iut.call("session.encrypt", session=bob.session, plaintext=b"x")
    answer.must_be(kind="prekey message")
    alice.decrypt(Frame(answer.result.kind, answer.result.message)).must_be(plaintext=b"x")


@clause("PS-54", "PS-55")
def test_the_lower_account_goes_on_in_the_session_that_was_opened_for_it(actors: Actors) -> None:
    iut, peer = actors()
    bob, _ = cross(iut, peer, LOWER, HIGHER, one_time=has_one_time_prekeys(iut))
    iut.call("session.encrypt", session=bob.session, plaintext=b"x").must_be(kind="message")


@clause("PS-40", "PS-51", "PS-54", "PS-55")
@pytest.mark.parametrize("ours", [LOWER, HIGHER], ids=["lower", "higher"])
@given(writers=st.lists(st.booleans(), min_size=1, max_size=8), entropy=entropies())
def test_nothing_is_lost_when_requests_cross(actors: Actors, ours: KeyPair, writers: list[bool], entropy: int) -> None:
    iut, peer = actors(entropy)
    theirs = LOWER if ours is HIGHER else HIGHER
    bob, alice = cross(iut, peer, ours, theirs, one_time=has_one_time_prekeys(iut))
    for number, ours_writes in enumerate(writers):
        crossing = bob.encrypt(b"b%d" % number), alice.encrypt(b"a%d" % number)
        if ours_writes:
            alice.decrypt(crossing[0]).must_be(plaintext=b"b%d" % number)
            bob.decrypt(crossing[1]).must_be(plaintext=b"a%d" % number)
        else:
            bob.decrypt(crossing[1]).must_be(plaintext=b"a%d" % number)
            alice.decrypt(crossing[0]).must_be(plaintext=b"b%d" % number)


@clause("PS-23")
def test_a_first_message_is_not_read_again_after_any_number_of_others(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs, first = open_without_one_time_prekey(iut, peer)
    bundle = ours.create_bundle(one_time=False)
    for _ in range(70):
        theirs.open(bundle).must_be()
        exchange(theirs, ours)
    check_replay_opens_nothing(peer, ours, first)


@clause("PS-23", "PS-52")
def test_a_first_message_under_a_renewed_prekey_is_not_read_again(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    theirs.open(ours.create_bundle(one_time=False)).must_be()
    iut.call("x3dh.renew_prekey", account="bob", now_ms=NOW).must_be()
    first = theirs.encrypt()
    ours.decrypt(first).must_be(plaintext=b"x")
    reopen(theirs, ours, iut, now_ms=NOW + 1000)
    check_replay_opens_nothing(peer, ours, first, now_ms=NOW + 1001 + ARCHIVE_LIFETIME)


# Restarts


def restart(iut: ImplementationUnderTest, *handles: str) -> None:
    """Save what handles stand for, end the process, and restore it in another."""
    states = {handle: iut.call("save", handle=handle).result.state for handle in handles}
    iut.restart()
    for handle, state in states.items():
        iut.call("restore", handle=handle, state=state).must_be()


def reload(iut: ImplementationUnderTest, *handles: str) -> None:
    """Save what handles stand for, forget everything, and restore it; a restart without a new process."""
    states = {handle: iut.call("save", handle=handle).result.state for handle in handles}
    iut.call("reset").must_be()
    for handle, state in states.items():
        iut.call("restore", handle=handle, state=state).must_be()


@clause("PS-56")
@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("opener", ["iut", "peer"])
def test_a_conversation_goes_on_after_a_restart(actors: Actors, opener: str, *, answered: bool) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    initiator, responder = order(opener, ours, theirs)
    initiator.open(responder.create_bundle(one_time=has_one_time_prekeys(iut))).must_be()
    restart(iut, ours.account, ours.session)
    exchange(initiator, responder, b"first")
    late = theirs.encrypt(b"late") if opener == "peer" else None
    if answered:
        exchange(responder, initiator, b"answer")
    restart(iut, ours.account, ours.session)
    exchange(ours, theirs, b"after")
    exchange(theirs, ours, b"answer after")
    if late:
        ours.decrypt(late).must_be(plaintext=b"late")
        restart(iut, ours.account, ours.session)
        ours.decrypt(late).must_be_refused("DuplicateMessage")


@clause("PS-56")
def test_a_restored_record_keeps_all_its_sessions(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    late = [theirs.encrypt(b"0")]
    for number in range(1, 4):
        reopen(theirs, ours, iut)
        late += [theirs.encrypt(b"%d" % number), theirs.encrypt(b"skip")]
        ours.decrypt(late[-1]).must_be(plaintext=b"skip")
    before = decode(peer, ours.encrypt()).result
    reload(iut, ours.account, ours.session)
    decode(peer, ours.encrypt()).must_be(ratchet_key=before.ratchet_key)
    for number, frame in enumerate([late[0], *late[1::2]]):
        ours.decrypt(frame).must_be(plaintext=b"%d" % number)
    exchange(ours, theirs)


@clause("PS-46", "PS-56")
def test_a_restored_record_keeps_all_its_chains_in_their_order(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    late = begin_chains(ours, theirs, CHAINS - 1)
    reload(iut, ours.account, ours.session)
    late += begin_chains(ours, theirs, 1)
    for number in (3, 2, 1, 0):
        ours.decrypt(late[number]).must_be(plaintext=b"%d" % number)


@clause("PS-56")
def test_restored_prekeys_read_first_messages(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    bundle = ours.create_bundle(one_time=True)
    iut.call("x3dh.renew_prekey", account=ours.account, now_ms=NOW + 1000).must_be()
    reload(iut, ours.account, ours.session)
    theirs.open(bundle).must_be()
    exchange(theirs, ours)


@clause("PS-6", "PS-56")
def test_restored_prekeys_expire(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    bundle = ours.create_bundle(one_time=False)
    iut.call("x3dh.renew_prekey", account=ours.account, now_ms=NOW + 1000).must_be()
    reload(iut, ours.account, ours.session)
    theirs.open(bundle).must_be()
    late = theirs.encrypt()
    ours.decrypt(late, now_ms=NOW + 1001 + x3dh.PREKEY_LIFETIME_MS).must_be_refused("UnknownPrekey")
    ours.decrypt(late, now_ms=NOW + 1000 + x3dh.PREKEY_LIFETIME_MS).must_be(plaintext=b"x")


@clause("PS-52", "PS-56")
def test_a_restored_record_knows_when_its_sessions_expire(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    late = [theirs.encrypt(b"%d" % number) for number in range(2)]
    reopen(theirs, ours, iut, now_ms=NOW + 1000)
    reload(iut, ours.account, ours.session)
    ours.decrypt(late[0], now_ms=NOW + 1000 + ARCHIVE_LIFETIME).must_be(plaintext=b"0")
    ours.decrypt(late[1], now_ms=NOW + 1001 + ARCHIVE_LIFETIME).must_be_any_refusal()


@clause("PS-57")
@pytest.mark.parametrize("rubbish", ["", "rubbish", "{}", "[]", "null", "00", '{"version":99}'])
def test_a_text_that_is_no_saved_state_is_refused(actors: Actors, rubbish: str) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    iut.call("restore", handle="rubbish", state=rubbish).must_be_refused("UnreadableState")
    exchange(theirs, ours)


@clause("PS-7", "PS-56")
def test_restored_one_time_prekeys_expire(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    theirs.open(ours.create_bundle(one_time=True)).must_be()
    reload(iut, ours.account, ours.session)
    late = theirs.encrypt()
    ours.decrypt(late, now_ms=NOW + 1 + x3dh.PREKEY_LIFETIME_MS).must_be_refused("UnknownPrekey")
    ours.decrypt(late, now_ms=NOW + x3dh.PREKEY_LIFETIME_MS).must_be(plaintext=b"x")


@clause("PS-56", "PS-72")
def test_a_restored_account_gives_out_its_newest_signed_prekey(actors: Actors) -> None:
    iut, _ = actors()
    side = Side(actor=iut, account="bob", identity=BOB)
    side.create_account()
    iut.call("x3dh.renew_prekey", account="bob", now_ms=NOW).must_be()
    newest = iut.call("x3dh.create_plain_bundle", account="bob", now_ms=NOW)
    reload(iut, "bob")
    iut.call("x3dh.create_plain_bundle", account="bob", now_ms=NOW).must_be_like(newest)


@clause("PS-38", "PS-56")
def test_a_restored_record_knows_the_last_counter_of_the_chain_before(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    for _ in range(3):
        exchange(ours, theirs)
    exchange(theirs, ours)
    reload(iut, ours.account, ours.session)
    decode(peer, ours.encrypt()).must_be(counter=0, previous_counter=3)


@clause("PS-57")
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_saved_state_that_was_cut_off_is_refused(actors: Actors, quarters: int) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    for handle in (ours.account, ours.session):
        state = iut.call("save", handle=handle).result.state
        cut = state[: len(state) * quarters // 4]
        iut.call("restore", handle="cut", state=cut).must_be_refused("UnreadableState")
    exchange(theirs, ours)


@clause("PS-57")
def test_a_saved_account_is_no_record(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    bundle = theirs.create_bundle(one_time=False)
    state = iut.call("save", handle=ours.account).result.state
    iut.call("reset").must_be()
    if answers_result(iut.call("restore", handle=ours.session, state=state)):
        params = {"session": ours.session, "now_ms": NOW, **encode(bundle)}
        ask_for_error(iut.callee, json.dumps({"jsonrpc": "2.0", "id": 1, "method": "session.open", "params": params}))


# Session requests


def make_request(
    keys: Keys,
    receiver: KeyPair = BOB,
    *,
    now_ms: int = NOW,
    bundle: bytes | None = None,
    mac: bytes | None = None,
    other: Mapping[int, bytes] = NOTHING,
) -> bytes:
    """A session request made by hand."""
    encoded = x3dh.encode_bundle(keys.bundle) if bundle is None else bundle
    right = session_request.derive_mac(
        keys.identity.private,
        receiver.public,
        sender=keys.identity.public,
        receiver=receiver.public,
        timestamp_ms=now_ms,
        bundle=encoded,
    )
    fields = {1: field(1, now_ms), 2: field(2, encoded), 3: field(3, right if mac is None else mac)}
    return b"\x33" + join(fields, other)


ALICES = Keys(identity=ALICE, signed=make_pair(50), one_time=make_pair(51))


def make_receiver(iut: Actor) -> Side:
    """Let the implementation be Bob, and have a record for Alice."""
    side = Side(actor=iut, account="bob", identity=BOB)
    side.create_account()
    return side.meet(Side(actor=iut, account="alice", identity=ALICE))


def accept(side: Side, request: bytes, *, now_ms: int = NOW) -> None:
    """Let a side take a request up."""
    side.actor.call("session_request.accept", session=side.session, request=request, now_ms=now_ms).must_be()


def check_request_refused(side: Side, request: bytes, error: str, *, now_ms: int = NOW) -> None:
    """Check that a request is refused, that nothing is opened, and that a good one is taken up."""
    side.actor.call("session_request.accept", session=side.session, request=request, now_ms=now_ms).must_be_refused(
        error
    )
    check_nothing_opened(side)
    accept(side, make_request(ALICES, now_ms=now_ms), now_ms=now_ms)


@clause("PS-58", "PS-63")
@given(entropy=entropies())
def test_a_request_is_answered_with_a_prekey_message(actors: Actors, entropy: int) -> None:
    iut, peer = actors(entropy)
    ours, theirs = make_sides(iut, peer)
    accept(ours, theirs.ask())
    answer = iut.call("session.encrypt", session=ours.session, plaintext=b"here I am")
    answer.must_be(kind="prekey message")
    theirs.decrypt(Frame(answer.result.kind, answer.result.message)).must_be(plaintext=b"here I am")
    exchange(theirs, ours)


@clause("PS-63")
def test_a_request_of_a_peer_that_lost_its_sessions_is_answered_in_a_new_one(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    theirs = theirs.meet(ours)  # a new record in the place of the old one
    accept(ours, theirs.ask())
    exchange(ours, theirs, b"here I am")
    exchange(theirs, ours)


@clause("PS-58")
@given(entropy=entropies())
def test_a_request_is_understood(actors: Actors, entropy: int) -> None:
    iut, peer = actors(entropy)
    ours, theirs = make_sides(iut, peer)
    accept(theirs, ours.ask())
    exchange(theirs, ours)
    exchange(ours, theirs)


@clause("PS-64")
def test_a_request_has_one_signature_which_is_the_same_for_all(actors: Actors) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    signature = side.create_bundle(one_time=False)["signature"]
    for name, pair in (("alice", ALICE), ("carol", CAROL)):
        ours = side.meet(Side(actor=iut, account=name, identity=pair))
        answer = iut.call("session_request.create", session=ours.session, now_ms=NOW)
        bundle = f"0a21{BOB.public.hex()}18{VARINT}20{VARINT}2a2105.{{64}}322105.{{64}}3a40(?:.{{128}})"
        answer.must_match(request=f"^3308{VARINT}12{VARINT}{bundle}1a20.{{64}}$")
        answer.must_contain(request=[signature])


@clause("PS-59")
def test_a_request_of_another_identity_is_refused(actors: Actors) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    check_request_refused(side, make_request(Keys(identity=CAROL)), "UntrustedIdentity")


def wrong_macs() -> dict[str, bytes]:
    """MACs that are not right, each in one way."""
    bundle = x3dh.encode_bundle(ALICES.bundle)
    secret = identity.agree(ALICE.private, BOB.public)
    stamp = NOW.to_bytes(8, "big")
    good_key = chain.derive_key(secret, bytes(32), b"CloisterSessionRequest", 32)

    def mac(key: bytes, *parts: bytes) -> bytes:
        return hmac.digest(key, b"".join(parts), "sha256")

    return {
        "all zeros": bytes(32),
        "sender and receiver swapped": mac(good_key, BOB.public, ALICE.public, stamp, bundle),
        "without the sender": mac(good_key, BOB.public, stamp, bundle),
        "without the receiver": mac(good_key, ALICE.public, stamp, bundle),
        "without the time": mac(good_key, ALICE.public, BOB.public, bundle),
        "another time": mac(good_key, ALICE.public, BOB.public, (NOW - 1).to_bytes(8, "big"), bundle),
        "the time in little-endian order": mac(good_key, ALICE.public, BOB.public, NOW.to_bytes(8, "little"), bundle),
        "without the bundle": mac(good_key, ALICE.public, BOB.public, stamp),
        "keyed with the agreement itself": mac(secret, ALICE.public, BOB.public, stamp, bundle),
        "keyed for another use": mac(
            chain.derive_key(secret, bytes(32), b"WhisperText", 32), ALICE.public, BOB.public, stamp, bundle
        ),
    }


@clause("PS-60", "PS-61")
@pytest.mark.parametrize("kind", wrong_macs())
def test_a_wrong_mac_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    check_request_refused(side, make_request(ALICES, mac=wrong_macs()[kind]), "InvalidMac")


@clause("PS-60")
@given(bit=bit_positions(32))
def test_a_mac_of_a_request_with_a_flipped_bit_is_refused(actors: Actors, bit: int) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    request = make_request(ALICES)
    check_request_refused(side, flip(request, 8 * (len(request) - 32) + bit), "InvalidMac")


@clause("PS-60")
def test_a_request_for_somebody_else_is_refused(actors: Actors) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    check_request_refused(side, make_request(ALICES, CAROL), "InvalidMac")


BUNDLE_FIELDS = {
    1: field(1, ALICES.bundle.identity_key),
    3: field(3, 9),
    4: field(4, 7),
    5: field(5, bytes(ALICES.one_time.public if ALICES.one_time else b"")),
    6: field(6, ALICES.bundle.signed_prekey),
    7: field(7, ALICES.bundle.signature),
}


@clause("PS-10", "PS-58")
@pytest.mark.parametrize("kind", BAD_KEYS)
@pytest.mark.parametrize("number", [5, 6])
def test_a_request_with_a_bad_prekey_is_refused(actors: Actors, number: int, kind: str) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    bad = join(BUNDLE_FIELDS, {number: field(number, BAD_KEYS[kind])})
    check_request_refused(side, make_request(ALICES, bundle=bad), "InvalidKey")


@clause("PS-73")
@pytest.mark.parametrize("number", BUNDLE_FIELDS)
def test_a_request_with_a_bundle_without_a_field_is_refused(actors: Actors, number: int) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    bad = join(BUNDLE_FIELDS, {number: b""})
    check_request_refused(side, make_request(ALICES, bundle=bad), "InvalidMessage")


@clause("PS-73")
def test_a_request_with_a_bundle_without_a_one_time_prekey_is_taken_up(actors: Actors) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    accept(side, make_request(ALICES, bundle=join(BUNDLE_FIELDS, {3: b"", 5: b""})))
    iut.call("session.encrypt", session=side.session, plaintext=b"x").must_be(kind="prekey message")


@clause("PS-58")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_request_without_a_field_is_refused(actors: Actors, number: int) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    check_request_refused(side, make_request(ALICES, other={number: b""}), "InvalidMessage")


@clause("PS-61")
@pytest.mark.parametrize("earlier_ms", [0, 1, 1000])
def test_a_request_that_is_not_newer_is_refused(actors: Actors, earlier_ms: int) -> None:
    iut, peer = actors()
    side = make_receiver(iut)
    accept(side, make_request(ALICES))
    before = decode(peer, side.encrypt()).result
    again = make_request(ALICES, now_ms=NOW - earlier_ms)
    iut.call("session_request.accept", session=side.session, request=again, now_ms=NOW).must_be_refused("StaleRequest")
    decode(peer, side.encrypt()).must_be(ratchet_key=before.ratchet_key)
    accept(side, make_request(ALICES, now_ms=NOW + 1))
    decode(peer, side.encrypt()).must_be(counter=0)


@clause("PS-61", "PS-63")
def test_a_newer_request_of_a_clock_that_is_late_is_taken_up(actors: Actors) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    for earlier_ms in (1000, 999, 1):
        accept(side, make_request(ALICES, now_ms=NOW - earlier_ms))


@clause("PS-62")
@pytest.mark.parametrize("offset", [-MAX_AGE - 1, MAX_AHEAD + 1])
def test_a_request_that_is_too_old_or_too_new_is_refused(actors: Actors, offset: int) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    check_request_refused(side, make_request(ALICES, now_ms=NOW + offset), "StaleRequest")


@clause("PS-62")
@pytest.mark.parametrize("offset", [-MAX_AGE, MAX_AHEAD])
def test_a_request_at_the_limit_of_its_time_is_taken_up(actors: Actors, offset: int) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    accept(side, make_request(ALICES, now_ms=NOW + offset))
    side.encrypt()


@clause("PS-61", "PS-56")
def test_the_time_of_the_last_request_survives_a_restart(actors: Actors) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    accept(side, make_request(ALICES))
    reload(iut, side.account, side.session)
    again = make_request(ALICES)
    iut.call("session_request.accept", session=side.session, request=again, now_ms=NOW).must_be_refused("StaleRequest")


@clause("PS-55", "PS-63")
@pytest.mark.parametrize("ours", [LOWER, HIGHER], ids=["lower", "higher"])
def test_crossing_requests_end_in_one_session(actors: Actors, ours: KeyPair) -> None:
    iut, peer = actors()
    theirs = LOWER if ours is HIGHER else HIGHER
    bob, alice = Side(actor=iut, account="bob", identity=ours), Side(actor=peer, account="alice", identity=theirs)
    for side in (bob, alice):
        side.create_account()
    bob, alice = bob.meet(alice), alice.meet(bob)
    requests = bob.ask(), alice.ask()
    accept(bob, requests[1])
    accept(alice, requests[0])
    answers = bob.encrypt(b"b"), alice.encrypt(b"a")
    bob.decrypt(answers[1]).must_be(plaintext=b"a")
    alice.decrypt(answers[0]).must_be(plaintext=b"b")
    expected = "prekey message" if ours is HIGHER else "message"
    iut.call("session.encrypt", session=bob.session, plaintext=b"x").must_be(kind=expected)
    exchange(alice, bob)
    exchange(bob, alice)


@clause("PS-55")
def test_the_higher_account_leaves_a_session_that_nobody_answered_when_it_asks(actors: Actors) -> None:
    iut, peer = actors()
    bob, alice = (
        Side(actor=iut, account="bob", identity=HIGHER),
        Side(actor=peer, account="alice", identity=LOWER),
    )
    for side in (bob, alice):
        side.create_account()
    bob, alice = bob.meet(alice), alice.meet(bob)
    later = NOW + REQUEST_PERIOD
    accept(bob, alice.ask(), now_ms=later)
    alice.create_account()  # she lost all but her identity
    alice = alice.meet(bob)
    accept(alice, bob.ask(now_ms=later), now_ms=later)
    bob.decrypt(alice.encrypt(), now_ms=later).must_be(plaintext=b"x")
    alice.decrypt(bob.encrypt(), now_ms=later).must_be(plaintext=b"x")


@clause("PS-70")
def test_a_peer_is_asked_once_in_a_period(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    carol = ours.meet(Side(actor=peer, account="carol", identity=CAROL), "with carol")
    ours.ask()
    again = partial(iut.call, "session_request.create", session=ours.session)
    again(now_ms=NOW).must_be_refused("RequestTooSoon")
    again(now_ms=NOW + REQUEST_PERIOD - 1).must_be_refused("RequestTooSoon")
    again(now_ms=NOW - REQUEST_PERIOD + 1).must_be_refused("RequestTooSoon")
    carol.ask()
    reload(iut, ours.account, ours.session)
    again(now_ms=NOW + REQUEST_PERIOD - 1).must_be_refused("RequestTooSoon")
    accept(theirs, ours.ask(now_ms=NOW + REQUEST_PERIOD))
    ours.ask(now_ms=NOW + 10 * REQUEST_PERIOD)
    accept(theirs, ours.ask(now_ms=NOW + 2 * REQUEST_PERIOD), now_ms=NOW + 2 * REQUEST_PERIOD)
    exchange(theirs, ours)


def part(iut: ImplementationUnderTest, peer: Actor) -> tuple[Side, Side, list[Frame]]:
    """Leave the peer sending in a session that the implementation has archived; return what it sends there, too."""
    ours, theirs = start(iut, peer)
    late = [theirs.encrypt(b"%d" % number) for number in range(4)]
    reopen(theirs, ours, iut, now_ms=NOW + 1000)
    return ours, theirs, late


@clause("PS-71")
def test_a_request_is_due_when_the_peer_still_sends_in_a_session_archived_long_ago(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs, late = part(iut, peer)
    parted = NOW + 1000 + REQUEST_AFTER
    is_due = partial(iut.call, "session_request.is_due", session=ours.session)
    is_due(now_ms=parted).must_be(due=False)
    ours.decrypt(late[0], now_ms=parted).must_be(plaintext=b"0")
    is_due(now_ms=parted).must_be(due=False)
    ours.decrypt(late[1], now_ms=parted + 1).must_be(plaintext=b"1")
    is_due(now_ms=parted + 1).must_be(due=True)
    reload(iut, ours.account, ours.session)
    is_due(now_ms=parted + 1).must_be(due=True)
    request = ours.ask(now_ms=parted + 1)
    is_due(now_ms=parted + 1).must_be(due=False)
    is_due(now_ms=parted + 1 + REQUEST_PERIOD).must_be(due=True)
    accept(theirs, request, now_ms=parted + 1)
    ours.decrypt(theirs.encrypt(), now_ms=parted + 2).must_be(plaintext=b"x")
    is_due(now_ms=parted + 1 + REQUEST_PERIOD).must_be(due=False)


@clause("PS-71")
def test_no_request_is_due_while_both_send_in_one_session(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs, _ = part(iut, peer)
    for at in (NOW + 2000, NOW + 2000 + REQUEST_AFTER, NOW + 2000 + 10 * ARCHIVE_LIFETIME):
        ours.decrypt(theirs.encrypt(), now_ms=at).must_be(plaintext=b"x")
        iut.call("session_request.is_due", session=ours.session, now_ms=at).must_be(due=False)


@clause("PS-60")
@given(rubbish=st.binary(max_size=400))
def test_arbitrary_bytes_are_no_request(actors: Actors, rubbish: bytes) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    iut.call("session_request.accept", session=side.session, request=rubbish, now_ms=NOW).must_be_any_refusal()
    check_nothing_opened(side)


@clause("PS-61")
def test_a_request_is_not_taken_up_again_after_a_first_message(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    request = theirs.ask()
    accept(ours, request)
    theirs.open(ours.create_bundle(one_time=has_one_time_prekeys(iut))).must_be()
    exchange(theirs, ours)
    again = iut.call("session_request.accept", session=ours.session, request=request, now_ms=NOW)
    again.must_be_refused("StaleRequest")


@clause("PS-61")
def test_the_request_of_one_peer_does_not_bar_that_of_another(actors: Actors) -> None:
    iut, _ = actors()
    with_alice = make_receiver(iut)
    with_carol = with_alice.meet(Side(actor=iut, account="carol", identity=CAROL))
    accept(with_alice, make_request(ALICES))
    accept(with_carol, make_request(Keys(identity=CAROL)))


@clause("PS-11", "NE-17")
def test_a_request_whose_prekey_is_not_signed_does_not_bar_a_good_one(actors: Actors) -> None:
    iut, _ = actors()
    side = make_receiver(iut)
    unsigned = x3dh.encode_bundle(replace(ALICES.bundle, signature=bytes(64)))
    check_request_refused(side, make_request(ALICES, bundle=unsigned), "InvalidSignature")
