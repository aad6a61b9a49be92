"""Chapter 02: identity keys and signatures."""

import pytest
from cloister import identity
from hypothesis import assume, given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.plugin import Actors
from cloister_conformance.strategies import bit_positions, flip, plaintexts, private_keys, public_keys, seeds

ALICE = identity.derive_identity(b"\x01" * 32)
BOB = identity.derive_identity(b"\x02" * 32)

NON_CANONICAL = {
    "p": identity.P,
    "p+1": identity.P + 1,
    "p+9": identity.P + 9,
    "2^255-1": 2**255 - 1,
    "2^255": 2**255,
    "2^255+9": 2**255 + 9,
    "2^256-1": 2**256 - 1,
}
LOW_ORDER = dict(
    zip(("0", "1", "first of order 8", "second of order 8", "p-1"), sorted(identity.LOW_ORDER), strict=True)
)
ON_TWIST = [2, 3, 5, 12, 14]


def encode_u(u: int) -> bytes:
    """Encode a u-coordinate as a public key, checked by nobody."""
    return b"\x05" + u.to_bytes(32, "little")


# Identities


@clause("ID-1")
def test_seeds_are_random_in_both_halves(actors: Actors) -> None:
    iut, _ = actors()
    first = iut.call("identity.generate").result.seed
    for _ in range(20):
        iut.call("identity.generate").must_exclude(seed=[bytes(8), first[:16], first[16:]])


@clause("ID-1")
def test_seeds_are_others_in_another_process(actors: Actors) -> None:
    iut, _ = actors()
    iut.restart()
    first = iut.call("identity.generate").result.seed
    iut.restart()
    iut.call("identity.generate").must_exclude(seed=[first])


@clause("ID-2", "ID-3")
@given(seed=seeds())
def test_an_identity_follows_from_its_seed(actors: Actors, seed: bytes) -> None:
    iut, peer = actors()
    expected = peer.call("identity.derive", seed=seed).result
    iut.call("identity.derive", seed=seed).must_be(private_key=expected.private_key, account_id=expected.account_id)


@clause("ID-3")
@given(seed=seeds())
def test_an_account_id_is_read_as_its_public_key(actors: Actors, seed: bytes) -> None:
    iut, _ = actors()
    public = identity.derive_identity(seed).public
    iut.call("identity.decode_account_id", text=public.hex()).must_be(public_key=public)


@clause("ID-4")
@pytest.mark.parametrize(
    "text", ["", "05", ALICE.public.hex()[:-2], ALICE.public.hex() + "00", ALICE.public.hex()[:-1]]
)
def test_an_account_id_of_another_length_is_refused(actors: Actors, text: str) -> None:
    iut, _ = actors()
    iut.call("identity.decode_account_id", text=text).must_be_refused("InvalidEncoding")


# Public keys


@clause("ID-5")
@pytest.mark.parametrize("type_byte", [0x00, 0x04, 0x06, 0x85, 0xFF])
def test_a_public_key_of_another_type_is_refused(actors: Actors, type_byte: int) -> None:
    iut, _ = actors()
    key = bytes([type_byte]) + ALICE.public[1:]
    iut.call("identity.agree", private_key=BOB.private, public_key=key).must_be_refused("InvalidKey")


@clause("ID-5")
@pytest.mark.parametrize("size", [0, 1, 31, 32, 34, 65])
def test_a_public_key_of_another_length_is_refused(actors: Actors, size: int) -> None:
    iut, _ = actors()
    key = (ALICE.public + ALICE.public)[:size]
    iut.call("identity.agree", private_key=BOB.private, public_key=key).must_be_refused("InvalidKey")


@clause("ID-5")
def test_bytes_behind_a_public_key_are_not_ignored(actors: Actors) -> None:
    iut, _ = actors()
    key = ALICE.public + b"\x00"
    iut.call("identity.agree", private_key=BOB.private, public_key=key).must_be_refused("InvalidKey")


@clause("ID-5")
def test_an_account_id_of_another_type_is_refused(actors: Actors) -> None:
    iut, _ = actors()
    text = "03" + ALICE.public.hex()[2:]
    iut.call("identity.decode_account_id", text=text).must_be_refused("InvalidKey")


@clause("ID-6")
@pytest.mark.parametrize("u", NON_CANONICAL.values(), ids=NON_CANONICAL)
def test_a_key_that_is_not_below_p_is_refused_in_an_account_id(actors: Actors, u: int) -> None:
    iut, _ = actors()
    iut.call("identity.decode_account_id", text=encode_u(u).hex()).must_be_refused("InvalidKey")


@clause("ID-6")
@pytest.mark.parametrize("u", NON_CANONICAL.values(), ids=NON_CANONICAL)
def test_a_key_that_is_not_below_p_is_refused_for_agreement(actors: Actors, u: int) -> None:
    iut, _ = actors()
    iut.call("identity.agree", private_key=BOB.private, public_key=encode_u(u)).must_be_refused("InvalidKey")


@clause("ID-6")
def test_a_key_with_its_high_bit_set_verifies_nothing(actors: Actors) -> None:
    iut, peer = actors()
    signature = peer.call("identity.sign", private_key=ALICE.private, message=b"x").result.signature
    key = flip(ALICE.public, 8 * 32 + 7)
    iut.call("identity.verify", public_key=key, message=b"x", signature=signature).must_be_refused("InvalidKey")


@clause("ID-7")
@pytest.mark.parametrize("u", LOW_ORDER.values(), ids=LOW_ORDER)
def test_a_key_of_low_order_is_refused_in_an_account_id(actors: Actors, u: int) -> None:
    iut, _ = actors()
    iut.call("identity.decode_account_id", text=encode_u(u).hex()).must_be_refused("InvalidKey")


@clause("ID-7")
@pytest.mark.parametrize("u", LOW_ORDER.values(), ids=LOW_ORDER)
def test_a_key_of_low_order_is_refused_for_agreement(actors: Actors, u: int) -> None:
    iut, _ = actors()
    iut.call("identity.agree", private_key=BOB.private, public_key=encode_u(u)).must_be_refused("InvalidKey")


@clause("ID-7")
@pytest.mark.parametrize("u", LOW_ORDER.values(), ids=LOW_ORDER)
def test_a_key_of_low_order_verifies_nothing(actors: Actors, u: int) -> None:
    iut, _ = actors()
    message, signature = forge(u)
    iut.call("identity.verify", public_key=encode_u(u), message=message, signature=signature).must_be_refused(
        "InvalidKey"
    )


def forge(u: int) -> tuple[bytes, bytes]:
    """Forge a signature under a key of low order: for every eighth message `h A` is the neutral element, so `s B` is R."""
    A = ((u - 1) * pow(u + 1, identity.P - 2, identity.P) % identity.P).to_bytes(32, "little")
    s = 8
    R = identity.multiply_base(s)
    number = 0
    while identity.hash_to_scalar(R, A, str(number).encode()) % 8:
        number += 1
    return str(number).encode(), R + s.to_bytes(32, "little")


# Agreement


@clause("ID-8")
@pytest.mark.parametrize("position", [0, 1, 2, 254, 255])
def test_an_unclamped_private_key_is_refused(actors: Actors, position: int) -> None:
    iut, _ = actors()
    key = flip(BOB.private, position)
    iut.call("identity.agree", private_key=key, public_key=ALICE.public).must_be_refused("InvalidKey")


@clause("ID-8")
@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_private_key_of_another_length_is_refused(actors: Actors, size: int) -> None:
    iut, _ = actors()
    key = (BOB.private * 2)[:size]
    iut.call("identity.agree", private_key=key, public_key=ALICE.public).must_be_refused("InvalidKey")


@clause("ID-9")
@given(private=private_keys(), public=public_keys())
def test_both_sides_agree_on_x25519(actors: Actors, private: bytes, public: bytes) -> None:
    iut, peer = actors()
    expected = peer.call("identity.agree", private_key=private, public_key=public).result.shared_secret
    iut.call("identity.agree", private_key=private, public_key=public).must_be(shared_secret=expected)


# Signing


@clause("ID-10", "ID-11")
@given(private=private_keys(), message=plaintexts())
def test_a_signature_verifies(actors: Actors, private: bytes, message: bytes) -> None:
    iut, peer = actors()
    public = identity.derive_key_pair(identity.PrivateKey(private)).public
    signature = iut.call("identity.sign", private_key=private, message=message).result.signature
    peer.call("identity.verify", public_key=public, message=message, signature=signature).must_be()


@clause("ID-10", "ID-11")
@given(private=private_keys(), message=plaintexts(), random=st.binary(min_size=64, max_size=64))
def test_a_signature_with_given_randomness_is_the_one_of_the_text(
    actors: Actors, private: bytes, message: bytes, random: bytes
) -> None:
    iut, peer = actors()
    expected = peer.call("identity.sign", private_key=private, message=message, random=random).result.signature
    iut.call("identity.sign", private_key=private, message=message, random=random).must_be(signature=expected)


@clause("ID-12")
def test_two_signatures_of_one_message_differ(actors: Actors) -> None:
    iut, _ = actors()
    first = iut.call("identity.sign", private_key=ALICE.private, message=b"x").result.signature
    iut.call("identity.sign", private_key=ALICE.private, message=b"x").must_exclude(signature=[first[:32]])


# Verifying


@clause("ID-13")
@given(private=private_keys(), message=plaintexts())
def test_a_genuine_signature_is_accepted_whatever_its_sign_bit(actors: Actors, private: bytes, message: bytes) -> None:
    iut, peer = actors()
    public = identity.derive_key_pair(identity.PrivateKey(private)).public
    signature = peer.call("identity.sign", private_key=private, message=message).result.signature
    iut.call("identity.verify", public_key=public, message=message, signature=signature).must_be()


@clause("ID-13")
@given(private=private_keys())
def test_a_flipped_sign_bit_is_refused(actors: Actors, private: bytes) -> None:
    iut, peer = actors()
    public = identity.derive_key_pair(identity.PrivateKey(private)).public
    signature = peer.call("identity.sign", private_key=private, message=b"x").result.signature
    iut.call("identity.verify", public_key=public, message=b"x", signature=flip(signature, 511)).must_be_refused(
        "InvalidSignature"
    )


@clause("ID-14")
@pytest.mark.parametrize("size", [0, 1, 32, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(actors: Actors, size: int) -> None:
    iut, peer = actors()
    signature = peer.call("identity.sign", private_key=ALICE.private, message=b"x").result.signature
    wrong = (signature * 2)[:size]
    iut.call("identity.verify", public_key=ALICE.public, message=b"x", signature=wrong).must_be_refused(
        "InvalidSignature"
    )


@clause("ID-15")
@given(private=private_keys(), copies=st.integers(min_value=1, max_value=7))
def test_a_signature_with_s_not_below_q_is_refused(actors: Actors, private: bytes, copies: int) -> None:
    iut, peer = actors()
    public = identity.derive_key_pair(identity.PrivateKey(private)).public
    signature = peer.call("identity.sign", private_key=private, message=b"x").result.signature
    sign = signature[63] & identity.SIGN_BIT
    s = int.from_bytes(signature[32:63] + bytes([signature[63] ^ sign]), "little") + copies * identity.Q
    assume(s < 2**255)
    copy = bytearray(signature[:32] + s.to_bytes(32, "little"))
    copy[63] |= sign
    iut.call("identity.verify", public_key=public, message=b"x", signature=bytes(copy)).must_be_refused(
        "InvalidSignature"
    )


@clause("ID-16")
@pytest.mark.parametrize("u", ON_TWIST)
def test_a_key_on_the_twist_verifies_nothing(actors: Actors, u: int) -> None:
    iut, peer = actors()
    signature = peer.call("identity.sign", private_key=ALICE.private, message=b"x").result.signature
    iut.call("identity.verify", public_key=encode_u(u), message=b"x", signature=signature).must_be_refused(
        "InvalidSignature"
    )


@clause("ID-17")
@given(message=plaintexts(), position=bit_positions(64))
def test_a_signature_with_a_flipped_bit_is_refused(actors: Actors, message: bytes, position: int) -> None:
    iut, peer = actors()
    signature = peer.call("identity.sign", private_key=ALICE.private, message=message).result.signature
    iut.call(
        "identity.verify", public_key=ALICE.public, message=message, signature=flip(signature, position)
    ).must_be_refused("InvalidSignature")


@clause("ID-17")
@given(message=st.binary(min_size=1, max_size=64), data=st.data())
def test_a_signature_of_another_message_is_refused(actors: Actors, message: bytes, data: st.DataObject) -> None:
    iut, peer = actors()
    signature = peer.call("identity.sign", private_key=ALICE.private, message=message).result.signature
    other = flip(message, data.draw(bit_positions(len(message))))
    iut.call("identity.verify", public_key=ALICE.public, message=other, signature=signature).must_be_refused(
        "InvalidSignature"
    )


@clause("ID-17")
def test_a_signature_of_somebody_else_is_refused(actors: Actors) -> None:
    iut, peer = actors()
    signature = peer.call("identity.sign", private_key=ALICE.private, message=b"x").result.signature
    iut.call("identity.verify", public_key=BOB.public, message=b"x", signature=signature).must_be_refused(
        "InvalidSignature"
    )


# Robustness


@clause("ID-5", "ID-17")
@given(public=st.binary(max_size=40), message=st.binary(max_size=40), signature=st.binary(max_size=80))
def test_arbitrary_bytes_do_not_verify(actors: Actors, public: bytes, message: bytes, signature: bytes) -> None:
    iut, _ = actors()
    iut.call("identity.verify", public_key=public, message=message, signature=signature).must_be_any_refusal()


@clause("ID-4", "ID-5")
@given(text=st.text(max_size=80))
def test_arbitrary_text_is_no_account_id(actors: Actors, text: str) -> None:
    iut, peer = actors()
    expected = peer.call("identity.decode_account_id", text=text)
    iut.call("identity.decode_account_id", text=text).must_be_like(expected)
