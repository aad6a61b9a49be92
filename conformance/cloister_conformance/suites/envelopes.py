"""Chapter 05: padding, sealing, envelopes."""

import hmac
from collections.abc import Mapping
from typing import Any

import pytest
from cloister import envelope, identity, sealing, wire
from cloister.identity import P
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made.pairwise_sessions import ALICE, BOB, CAROL, NOTHING, make_pair
from cloister_conformance.hand_made.protobuf import field, join
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor, Answer
from cloister_conformance.strategies import NOW, bit_positions, flip, plaintexts, private_keys, public_keys, timestamps

EPHEMERAL = make_pair(80)
IV = bytes(range(12))
KINDS = {"message": 1, "prekey message": 3, "group message": 7, "session request": 101}


def sizes() -> st.SearchStrategy[int]:
    """Sizes of texts, often near a boundary of the padding."""
    near = [160 * block + offset for block in range(4) for offset in (-3, -2, -1, 0, 1)]
    return st.one_of(st.integers(min_value=0, max_value=2000), st.sampled_from([size for size in near if size >= 0]))


# Padding


@clause("EN-1")
@given(size=sizes(), byte=st.sampled_from([0x00, 0x80, 0x41]))
def test_a_text_is_padded(actors: Actors, size: int, byte: int) -> None:
    iut, _ = actors()
    text = bytes([byte]) * size
    padded = text + b"\x80"
    padded += bytes(-(len(padded) + 1) % 160)
    iut.call("envelope.pad", text=text).must_be(padded=padded)


@clause("EN-1", "EN-2", "EN-3")
@given(text=plaintexts())
def test_padding_is_taken_off(actors: Actors, text: bytes) -> None:
    iut, peer = actors()
    padded = peer.call("envelope.pad", text=text).result.padded
    iut.call("envelope.unpad", padded=padded).must_be(text=text)


BAD_PADDING = {
    "empty": b"",
    "only zeros": bytes(159),
    "without a mark": b"text" + bytes(155),
    "with another mark": b"text\x81" + bytes(154),
    "with a byte behind the mark": b"text\x80" + bytes(153) + b"\x01",
    "with a one among the zeros": b"text\x80" + bytes(100) + b"\x01" + bytes(53),
}


@clause("EN-2")
@pytest.mark.parametrize("kind", BAD_PADDING)
def test_padding_without_its_mark_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    iut.call("envelope.unpad", padded=BAD_PADDING[kind]).must_be_refused("InvalidMessage")


@clause("EN-3")
@pytest.mark.parametrize("size", [5, 6, 158, 160, 161, 318, 319, 479])
def test_padding_of_another_size_is_refused(actors: Actors, size: int) -> None:
    iut, _ = actors()
    iut.call("envelope.unpad", padded=b"text\x80".ljust(size, b"\0")).must_be_refused("InvalidMessage")


@clause("EN-3")
@given(size=sizes())
def test_a_block_too_much_is_refused(actors: Actors, size: int) -> None:
    iut, _ = actors()
    padded = envelope.pad(b"x" * size)
    iut.call("envelope.unpad", padded=padded + bytes(160)).must_be_refused("InvalidMessage")


# Sealing


def seal_by_hand(
    plaintext: bytes,
    recipient: identity.KeyPair = BOB,
    other: Mapping[int, bytes] = NOTHING,
    *,
    key: bytes | None = None,
) -> bytes:
    """A sealed text made by hand; `other={2: ...}` puts other bytes in the place of field 2."""
    key = sealing.derive_sealing_key(EPHEMERAL.private, recipient.public) if key is None else key
    fields = {1: field(1, sealing.encrypt_layer(key, plaintext, iv=IV)), 2: field(2, EPHEMERAL.public[1:])}
    return join(fields, other)


def open_sealed(actor: Actor, sealed: bytes, private: bytes = BOB.private) -> Answer:
    """Let an actor open a sealed text."""
    return actor.call("sealing.open_sealed", private_key=private, sealed=sealed)


@clause("EN-4", "EN-5")
@given(plaintext=plaintexts(), private=private_keys())
def test_what_is_sealed_is_opened(actors: Actors, plaintext: bytes, private: bytes) -> None:
    iut, peer = actors()
    public = identity.derive_key_pair(identity.decode_private_key(private)).public
    for sealer, opener in ((iut, peer), (peer, iut)):
        sealed = sealer.call("sealing.seal", public_key=public, plaintext=plaintext).result.sealed
        open_sealed(opener, sealed, private).must_be(plaintext=plaintext)


@clause("EN-4", "EN-5")
@given(plaintext=plaintexts(), public=public_keys(), random=st.binary(min_size=44, max_size=44))
def test_with_given_randomness_the_sealed_text_is_that_of_the_text(
    actors: Actors, plaintext: bytes, public: bytes, random: bytes
) -> None:
    iut, peer = actors()
    params: dict[str, Any] = {
        "public_key": public,
        "plaintext": plaintext,
        "random": identity.clamp(random[:32]) + random[32:],
    }
    expected = peer.call("sealing.seal", **params)
    iut.call("sealing.seal", **params).must_be_like(expected)


@clause("EN-4")
@pytest.mark.parametrize("kind", ["the agreement itself", "key and data swapped", "another label", "for another key"])
def test_a_text_sealed_with_another_key_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    secret = identity.agree(EPHEMERAL.private, BOB.public)
    key = {
        "the agreement itself": secret,
        "key and data swapped": hmac.digest(secret, b"LOKI", "sha256"),
        "another label": hmac.digest(b"loki", secret, "sha256"),
        "for another key": sealing.derive_sealing_key(EPHEMERAL.private, CAROL.public),
    }[kind]
    open_sealed(iut, seal_by_hand(b"x", key=key)).must_be_refused("DecryptionFailed")


@clause("EN-6")
def test_no_two_sealed_texts_have_anything_in_common(actors: Actors) -> None:
    iut, peer = actors()
    older: list[bytes] = [bytes(8), BOB.public[1:]]
    for _ in range(8):
        answer = iut.call("sealing.seal", public_key=BOB.public, plaintext=b"x")
        answer.must_exclude(sealed=older)
        split = peer.call("sealing.split", sealed=answer.result.sealed).result
        older += [split.ephemeral_key[:16], split.ephemeral_key[16:], split.iv]


@clause("EN-6")
def test_sealed_texts_are_others_in_another_process(actors: Actors) -> None:
    iut, peer = actors()
    older: list[bytes] = []
    for _ in range(2):
        iut.restart()
        answer = iut.call("sealing.seal", public_key=BOB.public, plaintext=b"x")
        answer.must_exclude(sealed=older)
        split = peer.call("sealing.split", sealed=answer.result.sealed).result
        older = [split.ephemeral_key, split.iv]


@clause("EN-7")
@given(plaintext=plaintexts(), data=st.data())
def test_a_sealed_text_with_a_flipped_bit_is_refused(actors: Actors, plaintext: bytes, data: st.DataObject) -> None:
    iut, _ = actors()
    ciphertext = sealing.encrypt_layer(sealing.derive_sealing_key(EPHEMERAL.private, BOB.public), plaintext, iv=IV)
    damaged = flip(ciphertext, data.draw(bit_positions(len(ciphertext))))
    open_sealed(iut, seal_by_hand(b"", other={1: field(1, damaged)})).must_be_refused("DecryptionFailed")


@clause("EN-7")
@pytest.mark.parametrize("size", [0, 1, 11, 12, 27])
def test_a_ciphertext_that_is_too_short_is_refused(actors: Actors, size: int) -> None:
    iut, _ = actors()
    short = seal_by_hand(b"")[2:][:size]
    open_sealed(iut, seal_by_hand(b"", other={1: field(1, short)})).must_be_refused("DecryptionFailed")


@clause("EN-7")
def test_whoever_it_is_not_for_cannot_open_it(actors: Actors) -> None:
    iut, _ = actors()
    open_sealed(iut, seal_by_hand(b"x"), CAROL.private).must_be_refused("DecryptionFailed")
    open_sealed(iut, seal_by_hand(b"x"), EPHEMERAL.private).must_be_refused("DecryptionFailed")
    open_sealed(iut, seal_by_hand(b"x")).must_be(plaintext=b"x")


BAD_EPHEMERAL = {
    "empty": b"",
    "31 bytes": EPHEMERAL.public[1:32],
    "with its type byte": EPHEMERAL.public,
    "zero": bytes(32),
    "one": b"\x01" + bytes(31),
    "of low order": (P - 1).to_bytes(32, "little"),
    "not below p": P.to_bytes(32, "little"),
    "with its highest bit set": EPHEMERAL.public[1:32] + bytes([EPHEMERAL.public[32] | 0x80]),
}


@clause("EN-8")
@pytest.mark.parametrize("kind", BAD_EPHEMERAL)
def test_an_ephemeral_key_that_is_no_key_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    open_sealed(iut, seal_by_hand(b"x", other={2: field(2, BAD_EPHEMERAL[kind])})).must_be_refused("InvalidKey")


@clause("EN-9")
@pytest.mark.parametrize("number", [1, 2])
def test_a_sealed_text_without_a_field_is_refused(actors: Actors, number: int) -> None:
    iut, _ = actors()
    open_sealed(iut, seal_by_hand(b"x", other={number: b""})).must_be_refused("InvalidMessage")


@clause("EN-9")
@pytest.mark.parametrize("rubbish", [b"", b"\x0a", b"\x0a\x05ab", b"\xff" * 20, b"\x00\x00"], ids=bytes.hex)
def test_bytes_that_are_no_sealed_text_are_refused(actors: Actors, rubbish: bytes) -> None:
    iut, _ = actors()
    open_sealed(iut, rubbish).must_be_refused("InvalidMessage")


@clause("EN-7", "EN-9")
@given(rubbish=st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(actors: Actors, rubbish: bytes) -> None:
    iut, _ = actors()
    open_sealed(iut, rubbish).must_be_any_refusal()


# Envelopes


def envelope_fields(kind: int, source: str, timestamp_ms: int, content: bytes) -> dict[int, bytes]:
    """The encoded fields of an envelope, by number."""
    return {
        1: field(1, kind),
        2: field(2, source.encode("utf-8")),
        5: field(5, timestamp_ms),
        8: field(8, content),
    }


def seal_envelope_by_hand(other: Mapping[int, bytes] = NOTHING, *, content: bytes = b"content") -> bytes:
    """A sealed envelope made by hand; `other={1: ...}` puts other bytes in the place of field 1."""
    return seal_by_hand(envelope.pad(join(envelope_fields(1, ALICE.public.hex(), NOW, content), other)))


def open_envelope(actor: Actor, sealed: bytes) -> Answer:
    """Let an actor open a sealed envelope for Bob."""
    return actor.call("envelope.open_envelope", private_key=BOB.private, sealed=sealed)


@clause("EN-10", "EN-14")
@pytest.mark.parametrize("kind", KINDS)
@given(source=public_keys(), at=timestamps(), content=plaintexts())
def test_an_envelope_is_opened_as_it_was_sealed(
    actors: Actors, kind: str, source: bytes, at: int, content: bytes
) -> None:
    iut, peer = actors()
    members: dict[str, Any] = {"kind": kind, "source": source.hex(), "timestamp_ms": at, "content": content}
    for sealer, opener in ((iut, peer), (peer, iut)):
        sealed = sealer.call("envelope.seal_envelope", public_key=BOB.public, **members).result.sealed
        open_envelope(opener, sealed).must_be(**members)


@clause("EN-1", "EN-10", "EN-14")
@pytest.mark.parametrize("kind", KINDS)
@given(at=timestamps(), content=plaintexts(), random=st.binary(min_size=44, max_size=44))
def test_with_given_randomness_the_envelope_is_that_of_the_text(
    actors: Actors, kind: str, at: int, content: bytes, random: bytes
) -> None:
    iut, peer = actors()
    params: dict[str, Any] = {
        "public_key": BOB.public,
        "kind": kind,
        "source": ALICE.public.hex(),
        "timestamp_ms": at,
        "content": content,
        "random": identity.clamp(random[:32]) + random[32:],
    }
    expected = peer.call("envelope.seal_envelope", **params)
    iut.call("envelope.seal_envelope", **params).must_be_like(expected)


def greatest_content(padded: int) -> bytes:
    """The greatest content whose envelope is padded to this size."""
    overhead = len(join(envelope_fields(1, ALICE.public.hex(), NOW, bytes(padded // 2)), NOTHING)) - padded // 2
    return bytes(padded - 1 - overhead)


@clause("EN-11", "EN-12")
def test_the_greatest_envelope_is_sealed_and_opened(actors: Actors) -> None:
    iut, _ = actors()
    content = greatest_content(envelope.MAX_PADDED_BYTES)
    params: dict[str, Any] = {"kind": "message", "source": ALICE.public.hex(), "timestamp_ms": NOW}
    sealed = iut.call("envelope.seal_envelope", public_key=BOB.public, **params, content=content).result.sealed
    open_envelope(iut, sealed).must_be(content=content)
    too_much = content + b"\0"
    iut.call("envelope.seal_envelope", public_key=BOB.public, **params, content=too_much).must_be_refused("TooLarge")


@clause("EN-12")
def test_an_envelope_of_the_greatest_size_is_opened(actors: Actors) -> None:
    iut, _ = actors()
    content = greatest_content(envelope.MAX_PADDED_BYTES)
    open_envelope(iut, seal_envelope_by_hand(content=content)).must_be(content=content)


@clause("EN-13")
def test_a_sealed_envelope_that_is_too_long_is_refused(actors: Actors) -> None:
    iut, _ = actors()
    over = seal_envelope_by_hand(content=greatest_content(envelope.MAX_PADDED_BYTES + 160))
    assert len(over) > wire.MAX_FRAME_BYTES
    open_envelope(iut, over).must_be_refused("TooLarge")
    open_envelope(iut, bytes(wire.MAX_FRAME_BYTES + 1)).must_be_refused("TooLarge")


@clause("EN-14")
@pytest.mark.parametrize("number", [1, 2, 5, 8])
def test_an_envelope_without_a_field_is_refused(actors: Actors, number: int) -> None:
    iut, _ = actors()
    open_envelope(iut, seal_envelope_by_hand({number: b""})).must_be_refused("InvalidMessage")


@clause("EN-14")
@pytest.mark.parametrize("kind", [0, 2, 4, 5, 6, 8, 100, 102, 2**32 - 1])
def test_an_envelope_of_an_unknown_kind_is_refused(actors: Actors, kind: int) -> None:
    iut, _ = actors()
    open_envelope(iut, seal_envelope_by_hand({1: field(1, kind)})).must_be_refused("InvalidMessage")


@clause("EN-2", "EN-3")
@pytest.mark.parametrize("padded", [b"", bytes(159), b"text" + bytes(155), b"text\x80"], ids=len)
def test_an_envelope_that_is_badly_padded_is_refused(actors: Actors, padded: bytes) -> None:
    iut, _ = actors()
    open_envelope(iut, seal_by_hand(padded)).must_be_refused("InvalidMessage")


BAD_SOURCES = {
    "empty": (b"", "InvalidEncoding"),
    "in upper case": (ALICE.public.hex().upper().encode(), "InvalidEncoding"),
    "too short": (ALICE.public.hex()[:-2].encode(), "InvalidEncoding"),
    "too long": (ALICE.public.hex().encode() + b"00", "InvalidEncoding"),
    "no UTF-8": (b"\xff" * 66, "InvalidEncoding"),
    "no UTF-8 at its end": (ALICE.public.hex()[:-1].encode() + b"\xff", "InvalidEncoding"),
    "surrogates": (b"\xed\xa0\x80" * 22, "InvalidEncoding"),
    "of another type": (b"04" + ALICE.public.hex()[2:].encode(), "InvalidKey"),
    "of low order": (b"05" + b"00" * 32, "InvalidKey"),
}


@clause("EN-15")
@pytest.mark.parametrize("kind", BAD_SOURCES)
def test_a_source_that_is_no_account_id_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    source, error = BAD_SOURCES[kind]
    open_envelope(iut, seal_envelope_by_hand({2: field(2, source)})).must_be_refused(error)


@clause("EN-16")
@pytest.mark.parametrize("timestamp_ms", [0, 10**12 - 1, 10**13, 2**63, 2**64 - 1])
def test_a_time_that_has_not_13_digits_is_refused(actors: Actors, timestamp_ms: int) -> None:
    iut, _ = actors()
    open_envelope(iut, seal_envelope_by_hand({5: field(5, timestamp_ms)})).must_be_refused("OutOfRange")


@clause("EN-1")
@given(size=st.integers(min_value=0, max_value=400))
def test_the_size_of_a_sealed_envelope_tells_its_block_only(actors: Actors, size: int) -> None:
    iut, peer = actors()
    params: dict[str, Any] = {"kind": "message", "source": ALICE.public.hex(), "timestamp_ms": NOW}
    sealed = iut.call("envelope.seal_envelope", public_key=BOB.public, **params, content=bytes(size)).result.sealed
    inside = len(join(envelope_fields(1, ALICE.public.hex(), NOW, bytes(size)), NOTHING))
    expected = envelope.derive_padded_size(inside) + sealing.IV_BYTES + sealing.TAG_BYTES
    peer.call("sealing.split", sealed=sealed).must_be(ciphertext_bytes=expected)
