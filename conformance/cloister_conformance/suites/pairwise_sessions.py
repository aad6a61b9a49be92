"""Chapter 03: prekeys, opening a session, reading a first message."""

from typing import TypeVar

import pytest
from cloister import identity, x3dh
from cloister.identity import P, Q
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.conversations import (
    AnySide,
    Bundle,
    Frame,
    RatchetSide,
    Side,
    establish,
    exchange,
    make_first,
    make_message,
    make_prekey_message,
)
from cloister_conformance.hand_made.pairwise_sessions import (
    ALICE,
    BOB,
    CAROL,
    ONE_TIME_PREKEY_ID,
    SIGNED_PREKEY_ID,
    Initiator,
    Keys,
    make_pair,
)
from cloister_conformance.hand_made.protobuf import VARINT, field
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor, ImplementationUnderTest
from cloister_conformance.strategies import NOW, bit_positions, entropies, flip, plaintexts, private_keys

LIFETIME = x3dh.PREKEY_LIFETIME_MS
PERIOD = x3dh.SIGNED_PREKEY_PERIOD_MS
PREKEY_ID = (
    r"^(?:[1-9]\d{0,6}|1[0-5]\d{6}|16[0-6]\d{5}|167[0-6]\d{4}|1677[0-6]\d{3}|16777[01]\d{2}|1677720\d|1677721[0-4])$"
)
"""A pattern for a number from 1 to 16777214."""

MESSAGE_OF_ONE_BYTE = f"^330a2105.{{64}}10{VARINT}18{VARINT}2210.{{32}}.{{16}}$"
"""A pattern for a message with a ciphertext of one block: ratchet key, two counters, ciphertext, MAC."""


AnyOf = TypeVar("AnyOf")

OPENERS = pytest.mark.parametrize("opener", ["iut", "peer"])


def make_sides(iut: Actor, peer: Actor) -> tuple[Side, Side]:
    """Make accounts and records: the implementation is Bob, the peer Alice."""
    ours, theirs = Side(actor=iut, account="bob", identity=BOB), Side(actor=peer, account="alice", identity=ALICE)
    for side in (ours, theirs):
        side.create_account()
    return ours.meet(theirs), theirs.meet(ours)


def order(opener: str, ours: AnyOf, theirs: AnyOf) -> tuple[AnyOf, AnyOf]:
    """Put whoever opens the session first."""
    return (ours, theirs) if opener == "iut" else (theirs, ours)


def has_one_time_prekeys(iut: ImplementationUnderTest) -> bool:
    """Tell whether sessions are opened with one-time prekeys in tests that are not about them."""
    return iut.callee.offers("one-time-prekeys")


def start(iut: ImplementationUnderTest, peer: Actor, opener: str = "peer") -> tuple[Side, Side]:
    """Establish a session; return the implementation's side and the peer's."""
    ours, theirs = make_sides(iut, peer)
    establish(*order(opener, ours, theirs), one_time=has_one_time_prekeys(iut))
    return ours, theirs


def open_session(
    iut: ImplementationUnderTest, peer: Actor, opener: str = "peer", *, one_time: bool | None = None
) -> tuple[Side, Side]:
    """Open a session, in which nothing was sent; return the implementation's side and the peer's."""
    wanted = has_one_time_prekeys(iut) if one_time is None else one_time
    ours, theirs = make_sides(iut, peer)
    initiator, responder = order(opener, ours, theirs)
    initiator.open(responder.create_bundle(one_time=wanted)).must_be()
    return ours, theirs


def has_only_ratchet(iut: ImplementationUnderTest) -> bool:
    """Tell whether the messages of a session are tested with bare ratchets, because there are no sessions."""
    return iut.callee.offers("double-ratchet") and not iut.callee.offers("sessions")


ROOT_KEY = x3dh.RootKey(bytes(range(32)))


def start_ratchets(
    initiator: RatchetSide, responder: RatchetSide, root: bytes = ROOT_KEY, *, ratchet_private: bytes | None = None
) -> None:
    """Start the two ratchets of a session from keys that are given; its first chain key is the root key backwards."""
    keys = Keys()
    shared = {"root_key": root, "chain_key": root[::-1]}
    initiator.actor.call(
        "double_ratchet.start_as_initiator",
        ratchet=initiator.handle,
        identity_key=ALICE.public,
        peer_identity_key=keys.identity.public,
        ratchet_key=keys.signed.public,
        ratchet_private=ratchet_private,
        **shared,
    ).must_be()
    responder.actor.call(
        "double_ratchet.start_as_responder",
        ratchet=responder.handle,
        identity_key=keys.identity.public,
        peer_identity_key=ALICE.public,
        ratchet_private=keys.signed.private,
        **shared,
    ).must_be()


def begin(iut: ImplementationUnderTest, peer: Actor, opener: str = "peer") -> tuple[AnySide, AnySide]:
    """Begin a conversation, of sessions or bare ratchets; return the implementation's side and the peer's."""
    if has_only_ratchet(iut):
        ratchets = RatchetSide(actor=iut), RatchetSide(actor=peer)
        start_ratchets(*order(opener, *ratchets))
        return ratchets
    return open_session(iut, peer, opener)


def converse(iut: ImplementationUnderTest, peer: Actor, opener: str = "peer") -> tuple[AnySide, AnySide]:
    """Begin a conversation, and let each side read once."""
    ours, theirs = begin(iut, peer, opener)
    initiator, responder = order(opener, ours, theirs)
    exchange(initiator, responder)
    exchange(responder, initiator)
    return ours, theirs


def read_first(iut: ImplementationUnderTest, peer: Actor) -> tuple[AnySide, AnySide]:
    """Begin a conversation, and let the implementation read one message, after which the peer writes by hand."""
    ours, theirs = begin(iut, peer)
    ours.decrypt(make_first(theirs, b"first")).must_be(plaintext=b"first")
    return ours, theirs


def import_keys(iut: ImplementationUnderTest, *, one_time: bool | None = None) -> tuple[Side, Initiator]:
    """Give the implementation, who is Bob, prekeys that are known here; return its side and a peer made by hand.

    This is for tests that need a private key or the id of a prekey.
    """
    wanted = has_one_time_prekeys(iut) if one_time is None else one_time
    keys = Keys() if wanted else Keys(one_time=None)
    side = Side(actor=iut, account="bob", identity=keys.identity)
    side.create_account()
    import_prekeys(side, keys)
    return side.meet(Side(actor=iut, account="alice", identity=ALICE)), Initiator(keys=keys)


def import_prekeys(side: Side, keys: Keys) -> None:
    """Let a side import prekeys."""
    one_time = (
        {"one_time_prekey_id": ONE_TIME_PREKEY_ID, "one_time_prekey_private": keys.one_time.private}
        if keys.one_time
        else {}
    )
    side.actor.call(
        "x3dh.import_prekeys",
        account=side.account,
        signed_prekey_id=SIGNED_PREKEY_ID,
        signed_prekey_private=keys.signed.private,
        now_ms=NOW,
        **one_time,
    ).must_be()


def first(initiator: Initiator, plaintext: bytes = b"x") -> Frame:
    """The first message of a peer made by hand."""
    return Frame("prekey message", initiator.prekey_message(initiator.chain.message(plaintext)))


def plain(message: bytes) -> Frame:
    """A message that is no prekey message."""
    return Frame("message", message)


# Prekeys


@clause("PS-1")
def test_prekeys_are_random(actors: Actors) -> None:
    iut, _ = actors()
    side = Side(actor=iut, account="bob", identity=BOB)
    side.create_account()
    older = [bytes(8), BOB.public[1:], BOB.private]
    for _ in range(4):
        side.create_account()
        answer = iut.call("x3dh.create_plain_bundle", account="bob", now_ms=NOW)
        answer.must_exclude(signed_prekey=older)
        key = answer.result.signed_prekey
        older += [key[1:17], key[17:]]


@clause("PS-1")
def test_prekeys_are_others_in_another_process(actors: Actors) -> None:
    iut, _ = actors()
    side = Side(actor=iut, account="bob", identity=BOB)
    older: list[bytes] = []
    for _ in range(2):
        iut.restart()
        side.create_account()
        answer = iut.call("x3dh.create_plain_bundle", account="bob", now_ms=NOW)
        answer.must_exclude(signed_prekey=older)
        older = [answer.result.signed_prekey[1:]]


@clause("PS-1", "PS-4")
def test_each_bundle_has_a_one_time_prekey_of_its_own(actors: Actors) -> None:
    iut, _ = actors()
    side = Side(actor=iut, account="bob", identity=BOB)
    older = [bytes(8), BOB.public[1:]]
    for number in range(8):
        if number in (0, 4):
            side.create_account()
        answer = iut.call("x3dh.create_bundle", account="bob", now_ms=NOW)
        answer.must_exclude(one_time_prekey=older)
        key = answer.result.one_time_prekey
        older += [key[1:17], key[17:]]


@clause("PS-2")
@given(private=private_keys())
def test_the_signed_prekey_is_signed_with_its_type_byte(actors: Actors, private: bytes) -> None:
    iut, peer = actors()
    pair = identity.derive_key_pair(identity.decode_private_key(private))
    side = Side(actor=iut, account="bob", identity=pair)
    side.create_account()
    bundle = side.create_bundle(one_time=False)
    peer.call(
        "identity.verify",
        public_key=pair.public,
        message=bundle["signed_prekey"],
        signature=bundle["signature"],
    ).must_be()


@clause("PS-3")
def test_prekeys_have_ids_of_their_own(actors: Actors) -> None:
    iut, _ = actors()
    side = Side(actor=iut, account="bob", identity=BOB)
    side.create_account()
    answers = []
    for _ in range(6):
        answer = iut.call("x3dh.create_bundle", account="bob", now_ms=NOW)
        answer.must_match(one_time_prekey_id=PREKEY_ID, signed_prekey_id=PREKEY_ID)
        answers.append(answer)
    for earlier in answers:
        again = iut.call("x3dh.create_bundle", account="bob", now_ms=NOW)
        again.must_differ_from(earlier, "one_time_prekey_id")


@clause("PS-3")
def test_the_id_of_a_prekey_that_is_held_is_not_given_again(actors: Actors) -> None:
    iut, _ = actors()
    side, _ = import_keys(iut, one_time=True)
    for _ in range(10):
        answer = iut.call("x3dh.create_bundle", account=side.account, now_ms=NOW)
        answer.must_match(one_time_prekey_id=f"^(?!(?:{SIGNED_PREKEY_ID}|{ONE_TIME_PREKEY_ID})$)")


@clause("PS-4")
def test_the_answers_to_two_requests_are_read(actors: Actors) -> None:
    iut, peer = actors()
    bob = Side(actor=iut, account="bob", identity=BOB)
    bob.create_account()
    pairs = []
    for name, pair in (("alice", ALICE), ("carol", CAROL)):
        other = Side(actor=peer, account=name, identity=pair)
        other.create_account()
        ours, theirs = bob.meet(other), other.meet(bob)
        peer.call("session_request.accept", session=theirs.session, request=ours.ask(), now_ms=NOW).must_be()
        pairs.append((ours, theirs))
    for ours, theirs in pairs:
        exchange(theirs, ours)


@clause("PS-3")
def test_a_renewed_signed_prekey_has_an_id_of_its_own(actors: Actors) -> None:
    iut, _ = actors()
    side = Side(actor=iut, account="bob", identity=BOB)
    side.create_account()
    old = iut.call("x3dh.create_plain_bundle", account="bob", now_ms=NOW)
    iut.call("x3dh.renew_prekey", account="bob", now_ms=NOW).must_be()
    iut.call("x3dh.create_plain_bundle", account="bob", now_ms=NOW).must_differ_from(
        old, "signed_prekey_id", "signed_prekey"
    )


@clause("PS-5")
def test_a_renewed_signed_prekey_is_good_for_its_lifetime(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    bundle = ours.create_bundle(one_time=False)
    for at in (NOW + 1000, NOW + 2000):
        iut.call("x3dh.renew_prekey", account="bob", now_ms=at).must_be()
    theirs.open(bundle).must_be()
    ours.decrypt(theirs.encrypt(b"late"), now_ms=NOW + 1000 + LIFETIME).must_be(plaintext=b"late")


@clause("PS-6")
def test_a_renewed_signed_prekey_expires(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    bundle = ours.create_bundle(one_time=False)
    for at in (NOW + 1000, NOW + 2000):
        iut.call("x3dh.renew_prekey", account="bob", now_ms=at).must_be()
    theirs.open(bundle).must_be()
    ours.decrypt(theirs.encrypt(), now_ms=NOW + 1001 + LIFETIME).must_be_refused("UnknownPrekey")


@clause("PS-65")
@pytest.mark.parametrize("method", ["x3dh.create_bundle", "x3dh.create_plain_bundle"])
def test_a_signed_prekey_is_given_out_for_its_period(actors: Actors, method: str) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    iut.call("x3dh.renew_prekey", account="bob", now_ms=NOW).must_be()
    first = iut.call(method, account="bob", now_ms=NOW)
    again = iut.call(method, account="bob", now_ms=NOW + PERIOD - 1)
    again.must_match(signed_prekey=f"^{first.result.signed_prekey.hex()}$")
    iut.call(method, account="bob", now_ms=NOW + PERIOD).must_differ_from(first, "signed_prekey_id", "signed_prekey")
    theirs.open(first.result.model_dump()).must_be()
    exchange(theirs, ours)


@clause("PS-7")
def test_a_one_time_prekey_expires(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    theirs.open(ours.create_bundle(one_time=True)).must_be()
    frame = theirs.encrypt(b"late")
    ours.decrypt(frame, now_ms=NOW + 1 + LIFETIME).must_be_refused("UnknownPrekey")
    ours.decrypt(frame, now_ms=NOW + LIFETIME).must_be(plaintext=b"late")


@clause("PS-8", "PS-24")
def test_a_one_time_prekey_is_used_once(actors: Actors) -> None:
    iut, peer = actors()
    ours, alice = make_sides(iut, peer)
    with_carol, carol = add_carol(ours, alice)
    bundle = ours.create_bundle(one_time=True)
    for side in (alice, carol):
        side.open(bundle).must_be()
    damaged = flip(make_message(alice).message, 8 * 40)
    ours.decrypt(make_prekey_message(alice, plain(damaged))).must_be_any_refusal()
    ours.decrypt(alice.encrypt(b"once")).must_be(plaintext=b"once")
    with_carol.decrypt(carol.encrypt()).must_be_refused("UnknownPrekey")


def add_carol(ours: Side, theirs: Side) -> tuple[Side, Side]:
    """Let the peer be Carol too; return the sides of the implementation's conversation with her."""
    carol = Side(actor=theirs.actor, account="carol", identity=CAROL)
    carol.create_account()
    return ours.meet(carol), carol.meet(ours)


@clause("PS-72")
@pytest.mark.parametrize("method", ["x3dh.create_bundle", "x3dh.create_plain_bundle"])
def test_a_bundle_carries_the_newest_signed_prekey(actors: Actors, method: str) -> None:
    iut, _ = actors()
    Side(actor=iut, account="bob", identity=BOB).create_account()
    bundles = [iut.call(method, account="bob", now_ms=NOW)]
    for _ in range(2):
        iut.call("x3dh.renew_prekey", account="bob", now_ms=NOW).must_be()
        bundles.append(iut.call(method, account="bob", now_ms=NOW))
        for earlier in bundles[:-1]:
            bundles[-1].must_differ_from(earlier, "signed_prekey_id", "signed_prekey")


# Opening


BAD_KEYS = {
    "empty": b"",
    "without its type byte": ALICE.public[1:],
    "of another type": b"\x04" + ALICE.public[1:],
    "too long": ALICE.public + b"\x00",
    "not below p": b"\x05" + b"\xff" * 31 + b"\x7f",
    "zero": b"\x05" + bytes(32),
    "one": b"\x05\x01" + bytes(31),
    "of low order": b"\x05" + (P - 1).to_bytes(32, "little"),
}


def bundle_of(keys: Keys) -> Bundle:
    """The members of a bundle made by hand."""
    bundle = keys.bundle
    members: Bundle = {name: getattr(bundle, name) for name in x3dh.Bundle.__dataclass_fields__}
    return {name: value for name, value in members.items() if value is not None}


def make_opener(iut: ImplementationUnderTest) -> tuple[Side, Bundle]:
    """Let the implementation be Bob, who opens a session with Alice; return his side and her bundle, made by hand."""
    side = Side(actor=iut, account="bob", identity=BOB)
    side.create_account()
    keys = Keys(identity=ALICE, signed=make_pair(50), one_time=make_pair(51) if has_one_time_prekeys(iut) else None)
    return side.meet(Side(actor=iut, account="alice", identity=ALICE)), bundle_of(keys)


def check_nothing_opened(side: Side) -> None:
    """Check that there is no session."""
    side.actor.call("session.encrypt", session=side.session, plaintext=b"x").must_be_refused("NoSession")


@clause("PS-9")
def test_a_bundle_of_another_identity_is_refused(actors: Actors) -> None:
    iut, _ = actors()
    side, _ = make_opener(iut)
    side.open(bundle_of(Keys(identity=CAROL, one_time=None))).must_be_refused("UntrustedIdentity")
    check_nothing_opened(side)


@clause("PS-10")
@pytest.mark.parametrize("kind", BAD_KEYS)
def test_a_signed_prekey_that_is_no_public_key_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    side, bundle = make_opener(iut)
    signature = identity.sign_with(ALICE.private, BAD_KEYS[kind], Z=bytes(64))
    side.open({**bundle, "signed_prekey": BAD_KEYS[kind], "signature": signature}).must_be_refused("InvalidKey")
    check_nothing_opened(side)


@clause("PS-10")
@pytest.mark.parametrize("kind", BAD_KEYS)
def test_a_one_time_prekey_that_is_no_public_key_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    side, bundle = make_opener(iut)
    bad = {"one_time_prekey_id": ONE_TIME_PREKEY_ID, "one_time_prekey": BAD_KEYS[kind]}
    side.open({**bundle, **bad}).must_be_refused("InvalidKey")
    check_nothing_opened(side)


SIGNED = Keys(identity=ALICE, signed=make_pair(50)).bundle
BAD_SIGNATURES = {
    "over the key without its type byte": identity.sign_with(ALICE.private, SIGNED.signed_prekey[1:], Z=bytes(64)),
    "of another identity": identity.sign_with(CAROL.private, SIGNED.signed_prekey, Z=bytes(64)),
    "of the signed prekey itself": identity.sign_with(make_pair(50).private, SIGNED.signed_prekey, Z=bytes(64)),
    "over another key": identity.sign_with(ALICE.private, make_pair(52).public, Z=bytes(64)),
    "all zeros": bytes(64),
    "empty": b"",
    "too short": SIGNED.signature[:63],
    "too long": SIGNED.signature + b"\x00",
    "with s + q": SIGNED.signature[:32] + (int.from_bytes(SIGNED.signature[32:], "little") + Q).to_bytes(32, "little"),
}


@clause("PS-11")
@pytest.mark.parametrize("kind", BAD_SIGNATURES)
def test_a_signature_that_does_not_verify_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    side, bundle = make_opener(iut)
    side.open({**bundle, "signature": BAD_SIGNATURES[kind]}).must_be_refused("InvalidSignature")
    check_nothing_opened(side)
    side.open(bundle).must_be()


@clause("PS-11")
@given(position=bit_positions(64))
def test_a_signature_with_a_flipped_bit_is_refused(actors: Actors, position: int) -> None:
    iut, _ = actors()
    side, bundle = make_opener(iut)
    side.open({**bundle, "signature": flip(bundle["signature"], position)}).must_be_refused("InvalidSignature")


@clause("PS-12", "PS-13")
@given(private=st.tuples(*(private_keys() for _ in range(5))), one_time=st.booleans())
def test_both_sides_compute_the_keys_of_the_text(actors: Actors, private: tuple[bytes, ...], *, one_time: bool) -> None:
    iut, peer = actors()
    pairs = [identity.derive_key_pair(identity.decode_private_key(key)) for key in private]
    ours, base, theirs, signed, one = pairs
    initiator = {
        "private_key": ours.private,
        "base_private": base.private,
        "identity_key": theirs.public,
        "signed_prekey": signed.public,
        "one_time_prekey": one.public if one_time else None,
    }
    responder = {
        "private_key": theirs.private,
        "signed_prekey_private": signed.private,
        "one_time_prekey_private": one.private if one_time else None,
        "identity_key": ours.public,
        "base_key": base.public,
    }
    expected = peer.call("x3dh.agree_as_initiator", **initiator)
    iut.call("x3dh.agree_as_initiator", **initiator).must_be_like(expected)
    iut.call("x3dh.agree_as_responder", **responder).must_be_like(expected)


@clause("PS-12", "PS-13", "PS-27", "PS-35")
@OPENERS
@given(texts=st.lists(plaintexts(), min_size=1, max_size=4), entropy=entropies())
def test_a_session_with_a_one_time_prekey_is_opened(
    actors: Actors, opener: str, texts: list[bytes], entropy: int
) -> None:
    iut, peer = actors(entropy)
    initiator, responder = order(opener, *make_sides(iut, peer))
    establish(initiator, responder, one_time=True)
    for text in texts:
        exchange(initiator, responder, text)
        exchange(responder, initiator, text)


@clause("PS-12", "PS-21")
@OPENERS
@given(texts=st.lists(plaintexts(), min_size=1, max_size=4), entropy=entropies())
def test_a_session_without_a_one_time_prekey_is_opened(
    actors: Actors, opener: str, texts: list[bytes], entropy: int
) -> None:
    iut, peer = actors(entropy)
    initiator, responder = order(opener, *make_sides(iut, peer))
    establish(initiator, responder, one_time=False)
    for text in texts:
        exchange(initiator, responder, text)
        exchange(responder, initiator, text)


@clause("PS-14")
def test_each_session_has_keys_of_its_own(actors: Actors) -> None:
    iut, peer = actors()
    side, bundle = make_opener(iut)
    older: list[bytes] = []
    for _ in range(3):
        side.open(bundle).must_be()
        frame = side.encrypt()
        outer = peer.call("session.decode_prekey_message", message=frame.message)
        outer.must_exclude(base_key=older, ratchet_key=older)
        again = peer.call("session.decode_prekey_message", message=frame.message)
        again.must_exclude(ratchet_key=[outer.result.base_key[1:]])
        older += [outer.result.base_key[1:], outer.result.ratchet_key[1:], bundle["signed_prekey"][1:]]


@clause("PS-15")
@given(unanswered=st.integers(min_value=1, max_value=4))
def test_prekey_messages_are_sent_until_one_is_answered(actors: Actors, unanswered: int) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    ours.open(theirs.create_bundle(one_time=has_one_time_prekeys(iut))).must_be()
    for _ in range(unanswered):
        answer = iut.call("session.encrypt", session=ours.session, plaintext=b"x")
        answer.must_be(kind="prekey message")
        theirs.decrypt(Frame(answer.result.kind, answer.result.message)).must_be(plaintext=b"x")
    exchange(theirs, ours)
    answer = iut.call("session.encrypt", session=ours.session, plaintext=b"y")
    answer.must_be(kind="message")
    theirs.decrypt(Frame(answer.result.kind, answer.result.message)).must_be(plaintext=b"y")


@clause("PS-15")
def test_a_refused_message_is_no_answer(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    ours.open(theirs.create_bundle(one_time=has_one_time_prekeys(iut))).must_be()
    exchange(ours, theirs)
    frame = theirs.encrypt()
    ours.decrypt(plain(flip(frame.message, 8 * len(frame.message) - 1))).must_be_any_refusal()
    iut.call("session.encrypt", session=ours.session, plaintext=b"x").must_be(kind="prekey message")


@clause("PS-16")
def test_a_prekey_message_names_the_prekeys_of_the_bundle(actors: Actors) -> None:
    iut, _ = actors()
    side, _ = make_opener(iut)
    side.open(bundle_of(Keys(identity=ALICE, signed=make_pair(50)))).must_be()
    answer = iut.call("session.encrypt", session=side.session, plaintext=b"x")
    ids = f"^3308{ONE_TIME_PREKEY_ID:02x}122105.{{64}}1a21{BOB.public.hex()}22.*28{VARINT}30{SIGNED_PREKEY_ID:02x}$"
    answer.must_match(kind="^prekey message$", message=ids)


@clause("PS-67")
def test_a_prekey_message_has_no_other_fields(actors: Actors) -> None:
    iut, _ = actors()
    side, bundle = make_opener(iut)
    side.open(bundle).must_be()
    inner = MESSAGE_OF_ONE_BYTE.removeprefix("^").removesuffix("$")
    fields = (f"08{VARINT}", "122105.{64}", "1a2105.{64}", f"2242{inner}", f"28{VARINT}", f"30{VARINT}")
    any_field = f"(?:{'|'.join(fields)})"
    answer = iut.call("session.encrypt", session=side.session, plaintext=b"x")
    answer.must_match(message=f"^33{any_field}{{4,6}}$")
    for once in fields:
        answer.must_match(message=f"^33(?!{any_field}*?{once}{any_field}*?{once}{any_field}*$)")


@clause("PS-67")
@OPENERS
def test_a_message_has_no_other_fields(actors: Actors, opener: str) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer, opener)
    exchange(theirs, ours)
    iut.call("session.encrypt", session=ours.session, plaintext=b"x").must_match(message=MESSAGE_OF_ONE_BYTE)


@clause("PS-16")
def test_a_prekey_message_names_no_one_time_prekey_if_there_was_none(actors: Actors) -> None:
    iut, _ = actors()
    side, _ = make_opener(iut)
    side.open(bundle_of(Keys(identity=ALICE, signed=make_pair(50), one_time=None))).must_be()
    answer = iut.call("session.encrypt", session=side.session, plaintext=b"x")
    answer.must_match(message=f"^33122105.{{64}}1a21{BOB.public.hex()}22.*28{VARINT}30{SIGNED_PREKEY_ID:02x}$")


@clause("PS-17")
def test_nothing_is_encrypted_without_a_session(actors: Actors) -> None:
    iut, _ = actors()
    side, bundle = make_opener(iut)
    check_nothing_opened(side)
    side.open(bundle).must_be()
    iut.call("session.encrypt", session=side.session, plaintext=b"x").must_be(kind="prekey message")


@clause("PS-15", "PS-51")
def test_a_late_message_of_an_archived_session_is_no_answer(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = start(iut, peer)
    late = theirs.encrypt(b"late")
    ours.open(theirs.create_bundle(one_time=has_one_time_prekeys(iut))).must_be()
    ours.decrypt(late).must_be(plaintext=b"late")
    iut.call("session.encrypt", session=ours.session, plaintext=b"x").must_be(kind="prekey message")


# Reading a prekey message


@clause("PS-18", "PS-24")
def test_a_prekey_message_of_another_identity_is_refused(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    _, carol = add_carol(ours, theirs)
    bundle = ours.create_bundle(one_time=has_one_time_prekeys(iut))
    for side in (theirs, carol):
        side.open(bundle).must_be()
    ours.decrypt(carol.encrypt()).must_be_refused("UntrustedIdentity")
    swapped = make_prekey_message(theirs, make_message(theirs), {3: field(3, CAROL.public)})
    ours.decrypt(swapped).must_be_refused("UntrustedIdentity")
    exchange(theirs, ours, b"good")


@clause("PS-19", "PS-24")
@pytest.mark.parametrize("kind", BAD_KEYS)
def test_a_base_key_that_is_no_public_key_is_refused(actors: Actors, kind: str) -> None:
    iut, peer = actors()
    ours, theirs = open_session(iut, peer)
    bad = make_prekey_message(theirs, make_message(theirs), {2: field(2, BAD_KEYS[kind])})
    ours.decrypt(bad).must_be_refused("InvalidKey")
    exchange(theirs, ours, b"good")


@clause("PS-20", "PS-24")
@pytest.mark.parametrize("number", [1, 6])
@pytest.mark.parametrize("prekey_id", [0, 5, 16_777_214, 2**32 - 1])
def test_a_prekey_that_is_not_held_is_refused(actors: Actors, number: int, prekey_id: int) -> None:
    iut, peer = actors()
    ours, theirs = open_session(iut, peer, one_time=True if number == 1 else None)
    bad = make_prekey_message(theirs, make_message(theirs), {number: field(number, prekey_id)})
    ours.decrypt(bad).must_be_refused("UnknownPrekey")
    exchange(theirs, ours, b"good")


@clause("PS-21")
def test_a_first_message_without_a_one_time_prekey_is_read(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = open_session(iut, peer, one_time=False)
    exchange(theirs, ours, b"without")


@clause("PS-12")
def test_a_one_time_prekey_that_is_not_named_is_not_used(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    bundle = ours.create_bundle(one_time=True)
    theirs.open(bundle).must_be()
    unnamed = make_prekey_message(theirs, make_message(theirs), {1: b""})
    ours.decrypt(unnamed).must_be_refused("InvalidMac")
    theirs.open({name: value for name, value in bundle.items() if not name.startswith("one_time")}).must_be()
    exchange(theirs, ours, b"three")


@clause("PS-22")
@given(count=st.integers(min_value=1, max_value=4), data=st.data())
def test_further_prekey_messages_are_read_in_any_order(actors: Actors, count: int, data: st.DataObject) -> None:
    iut, peer = actors()
    ours, theirs = open_session(iut, peer)
    frames = [theirs.encrypt(b"%d" % counter) for counter in range(count + 1)]
    for counter in data.draw(st.permutations(range(count + 1))):
        ours.decrypt(frames[counter]).must_be(plaintext=b"%d" % counter)


@clause("PS-22")
def test_further_prekey_messages_are_read_when_the_prekeys_are_gone(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    theirs.open(ours.create_bundle(one_time=False)).must_be()
    exchange(theirs, ours)
    iut.call("x3dh.renew_prekey", account="bob", now_ms=NOW).must_be()
    ours.decrypt(theirs.encrypt(b"late"), now_ms=NOW + 2 * LIFETIME).must_be(plaintext=b"late")


@clause("PS-23", "PS-48")
def test_a_prekey_message_is_read_once(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    theirs.open(ours.create_bundle(one_time=has_one_time_prekeys(iut))).must_be()
    frame = theirs.encrypt()
    ours.decrypt(frame).must_be(plaintext=b"x")
    ours.decrypt(frame).must_be_refused("DuplicateMessage")
    exchange(ours, theirs)
    ours.decrypt(frame).must_be_refused("DuplicateMessage")
    exchange(theirs, ours)


@clause("PS-23")
def test_a_replayed_first_message_sets_up_no_session(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    theirs.open(ours.create_bundle(one_time=False)).must_be()
    frame = theirs.encrypt()
    ours.decrypt(frame).must_be(plaintext=b"x")
    before = peer.call("double_ratchet.decode_message", message=ours.encrypt().message).result
    ours.decrypt(frame).must_be_refused("DuplicateMessage")
    peer.call("double_ratchet.decode_message", message=ours.encrypt().message).must_be(ratchet_key=before.ratchet_key)


@clause("PS-23")
def test_the_first_message_of_an_archived_session_is_not_read_again(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = make_sides(iut, peer)
    firsts = []
    for _ in range(3):
        theirs.open(ours.create_bundle(one_time=False)).must_be()
        firsts.append(theirs.encrypt())
        ours.decrypt(firsts[-1]).must_be(plaintext=b"x")
    for frame in firsts:
        ours.decrypt(frame).must_be_refused("DuplicateMessage")
    exchange(ours, theirs)


@clause("PS-24", "PS-31")
@given(position=bit_positions(66))
def test_a_damaged_first_message_changes_nothing(actors: Actors, position: int) -> None:
    iut, peer = actors()
    ours, theirs = open_session(iut, peer)
    damaged = flip(make_message(theirs).message, position)
    ours.decrypt(make_prekey_message(theirs, plain(damaged))).must_be_any_refusal()
    check_nothing_opened(ours)
    exchange(theirs, ours, b"good")


PREKEY_FIELDS = {2: "base_key", 3: "identity_key", 4: "message", 6: "signed_prekey_id"}


@clause("PS-25")
@pytest.mark.parametrize("number", PREKEY_FIELDS)
def test_a_prekey_message_without_a_required_field_is_refused(actors: Actors, number: int) -> None:
    iut, peer = actors()
    ours, theirs = open_session(iut, peer)
    lacking = make_prekey_message(theirs, make_message(theirs), {number: b""})
    ours.decrypt(lacking).must_be_refused("InvalidMessage")
    exchange(theirs, ours, b"good")


@clause("PS-25")
def test_a_prekey_message_without_registration_id_is_read(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = open_session(iut, peer)
    ours.decrypt(make_prekey_message(theirs, make_message(theirs), {5: b""})).must_be(plaintext=b"x")


@clause("PS-25")
@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_message_without_a_required_field_is_refused(actors: Actors, number: int) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    ours.decrypt(make_message(theirs, b"x", 1, {number: b""})).must_be_refused("InvalidMessage")
    ours.decrypt(make_message(theirs, b"good", 1)).must_be(plaintext=b"good")


@clause("PS-25")
def test_a_message_without_previous_counter_is_read(actors: Actors) -> None:
    iut, peer = actors()
    ours, theirs = read_first(iut, peer)
    ours.decrypt(make_message(theirs, b"x", 1, {3: b""})).must_be(plaintext=b"x")
