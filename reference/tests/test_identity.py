"""Chapter 02 against arithmetic written out here from RFC 7748 and RFC 8032; nothing of the reference's libraries is in it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cloister import errors, identity
from hypothesis import given
from hypothesis import strategies as st

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
NEUTRAL: Point = (0, 1, 1, 0)


def add(one: Point, other: Point) -> Point:
    """Add two points in extended coordinates."""
    a, b = (one[1] - one[0]) * (other[1] - other[0]) % P, (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar: int, point: Point) -> Point:
    """Multiply a point by doubling and adding."""
    result = NEUTRAL
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def compress(point: Point) -> bytes:
    """Encode a point."""
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decompress(y: int, sign: int) -> Point | None:
    """Find the point with this y and this sign of x."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * SQRT_OF_MINUS_1 % P
    if x * x % P != square or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = decompress(4 * pow(5, P - 2, P) % P, 0) or NEUTRAL


def x25519(scalar: int, u: int) -> int:
    """The Montgomery ladder of RFC 7748."""
    x2, z2, x3, z3 = 1, 0, u, 1
    for bit in reversed(range(255)):
        if scalar >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a, c * b, a * a, b * b
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        e = aa - bb
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
        if scalar >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return x2 * pow(z2, P - 2, P) % P


def little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def hash_to_scalar(*parts: bytes) -> int:
    return little(hashlib.sha512(b"".join(parts)).digest()) % Q


def verdict_on_key(public: bytes) -> str | None:
    """Tell which error a public key has; low order is found by multiplying, not by a list."""
    if len(public) != 33 or public[0] != 5 or little(public[1:]) >= P or x25519(8, little(public[1:])) == 0:
        return "InvalidKey"
    return None


def verdict_on_signature(public: bytes, message: bytes, signature: bytes) -> str | None:
    """Tell which error a signature has."""
    if verdict_on_key(public):
        return "InvalidKey"
    if len(signature) != 64:
        return "InvalidSignature"
    R, s, sign = signature[:32], little(signature[32:]) & (1 << 255) - 1, signature[63] >> 7
    u = little(public[1:])
    y = (u - 1) * pow(u + 1, P - 2, P) % P
    A = decompress(y, sign)
    if s >= Q or A is None:
        return "InvalidSignature"
    h = hash_to_scalar(R, (y | sign << 255).to_bytes(32, "little"), message)
    negated = (P - A[0], A[1], A[2], P - A[3])
    return None if compress(add(multiply(s, BASE), multiply(h, negated))) == R else "InvalidSignature"


def sign_as_deployed(k: int, message: bytes, Z: bytes) -> bytes:
    """Sign: k as it is, the sign of A in the highest bit."""
    A = compress(multiply(k, BASE))
    r = hash_to_scalar(b"\xfe" + b"\xff" * 31, k.to_bytes(32, "little"), message, Z)
    R = compress(multiply(r, BASE))
    s = (r + hash_to_scalar(R, A, message) * k) % Q
    return R + (s | A[31] >> 7 << 255).to_bytes(32, "little")


def sign_as_in_the_document(k: int, message: bytes, Z: bytes) -> bytes:
    """Sign as XEdDSA is written: k negated if A has a sign, so that the highest bit is 0."""
    if compress(multiply(k, BASE))[31] >> 7:
        k = -k % Q
    A = compress(multiply(k, BASE))
    assert A[31] >> 7 == 0
    r = hash_to_scalar(b"\xfe" + b"\xff" * 31, k.to_bytes(32, "little"), message, Z)
    R = compress(multiply(r, BASE))
    s = (r + hash_to_scalar(R, A, message) * k) % Q
    return R + s.to_bytes(32, "little")


def verdict_of_reference(public: bytes, message: bytes, signature: bytes) -> str | None:
    """Tell which error the reference gives."""
    try:
        identity.verify(identity.decode_public_key(public), message, signature)
    except errors.ProtocolViolation as error:
        return type(error).__name__
    return None


pairs = st.binary(min_size=32, max_size=32).map(identity.clamp).map(identity.derive_key_pair)
randoms = st.binary(min_size=64, max_size=64)


@given(st.binary(min_size=32, max_size=32))
def test_identity_is_derived_as_in_the_rfcs(seed: bytes) -> None:
    pair = identity.derive_identity(seed)
    k = little(hashlib.sha512(seed).digest()[:32]) & ~7 & ~(1 << 255) | 1 << 254
    assert little(pair.private) == k
    assert pair.public == b"\x05" + x25519(k, 9).to_bytes(32, "little")
    A = little(compress(multiply(k, BASE))) & (1 << 255) - 1
    assert (1 + A) * pow(1 - A, P - 2, P) % P == little(pair.public[1:])


@given(pairs, pairs)
def test_agreement_is_that_of_the_rfc(one: identity.KeyPair, other: identity.KeyPair) -> None:
    secret = x25519(little(one.private), little(other.public[1:])).to_bytes(32, "little")
    assert identity.agree(one.private, other.public) == secret
    assert identity.agree(other.private, one.public) == secret


@given(pairs, st.binary(max_size=100), randoms)
def test_signature_equals_one_computed_here(pair: identity.KeyPair, message: bytes, Z: bytes) -> None:
    assert identity.sign_with(pair.private, message, Z=Z) == sign_as_deployed(little(pair.private), message, Z)


@given(pairs, st.binary(max_size=100), randoms)
def test_signatures_of_the_xeddsa_document_are_read(pair: identity.KeyPair, message: bytes, Z: bytes) -> None:
    signature = sign_as_in_the_document(little(pair.private), message, Z)
    assert signature[63] >> 7 == 0
    identity.verify(pair.public, message, signature)


@given(pairs, st.binary(max_size=40), randoms, st.integers(0, 511), st.integers(-3, 8))
def test_verdicts_on_damaged_signatures_agree(
    pair: identity.KeyPair, message: bytes, Z: bytes, bit: int, times: int
) -> None:
    good = identity.sign_with(pair.private, message, Z=Z)
    flipped = (little(good) ^ 1 << bit).to_bytes(64, "little")
    shifted = (little(good) + times * Q * 2**256) % 2**512
    for signature in (good, flipped, shifted.to_bytes(64, "little")):
        expected = verdict_on_signature(pair.public, message, signature)
        assert verdict_of_reference(pair.public, message, signature) == expected


@given(st.binary(max_size=70), st.binary(max_size=20), st.binary(max_size=70) | st.binary(min_size=64, max_size=64))
def test_arbitrary_bytes_are_refused_alike(public: bytes, message: bytes, signature: bytes) -> None:
    assert verdict_of_reference(public, message, signature) == verdict_on_signature(public, message, signature)


@given(st.integers(0, 2**256 - 1) | st.integers(0, 40) | st.integers(P - 40, P + 40))
def test_verdicts_on_keys_agree(u: int) -> None:
    public = b"\x05" + u.to_bytes(32, "little")
    try:
        identity.decode_public_key(public)
        verdict = None
    except errors.InvalidKey:
        verdict = "InvalidKey"
    assert verdict == verdict_on_key(public)


def test_the_low_order_keys_are_all_there_are() -> None:
    """Order 2: u = 0. Order 4: double to 0, so u^2 = 1. Order 8: double to 1, so (u^2 - 1)^2 = 4 u (u^2 + A u + 1)."""
    order_8 = identity.LOW_ORDER - {0, 1, P - 1}
    for u in order_8:
        assert ((u * u - 1) ** 2 - 4 * u * (u * u + 486662 * u + 1)) % P == 0
    assert len(order_8) == 2
    assert all(x25519(8, u) == 0 for u in identity.LOW_ORDER)


@given(st.text(max_size=70) | st.text(alphabet="05abcdefABCDEF", min_size=66, max_size=66))
def test_arbitrary_text_is_an_account_id_or_refused(text: str) -> None:
    try:
        public = identity.decode_account_id(text)
    except errors.ProtocolViolation:
        return
    assert identity.encode_account_id(public) == text


def test_every_bit_of_a_seed_is_random() -> None:
    assert identity.generate_seed(lambda size: bytes(range(size))) == bytes(range(32))


@pytest.mark.parametrize("times", [1, 2])
def test_signing_takes_64_random_bytes_once(times: int) -> None:
    asked: list[int] = []

    def random(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    pair = identity.derive_identity(bytes(32))
    for _ in range(times):
        identity.sign(pair.private, b"message", random)
    assert asked == [64] * times


def test_secrets_are_not_shown() -> None:
    pair = identity.derive_identity(bytes(32))
    assert pair.private.hex() not in repr(pair)
    assert repr(bytes(pair.private)) not in repr(pair)


def load_cases(vectors: Path, method: str) -> list[tuple[str, dict[str, Any]]]:
    """Load the cases of a method from the vectors of this chapter, with their inputs beside what is expected."""
    document = json.loads((vectors / "identity.json").read_bytes())
    return [
        (f"tcId {test['tcId']}: {test['comment']}", {**test, **test["input"]})
        for group in document["testGroups"]
        if group["method"] == method
        for test in group["tests"]
    ]


def test_vectors_for_verification_hold_here_too(vectors: Path) -> None:
    cases = load_cases(vectors, "identity.verify")
    assert len(cases) > 500
    for name, test in cases:
        inputs = (bytes.fromhex(test["input"][part]) for part in ("public_key", "message", "signature"))
        assert verdict_on_signature(*inputs) == test.get("error"), name


def test_vectors_for_agreement_hold_here_too(vectors: Path) -> None:
    for name, test in load_cases(vectors, "identity.agree"):
        private, public = (bytes.fromhex(test["input"][part]) for part in ("private_key", "public_key"))
        clamped = len(private) == 32 and little(private) & 7 == 0 and little(private) >> 254 == 1
        if not clamped or verdict_on_key(public):
            assert test.get("error") == "InvalidKey", name
        else:
            secret = x25519(little(private), little(public[1:])).to_bytes(32, "little")
            assert test["expected"]["shared_secret"] == secret.hex(), name


def test_vectors_for_signing_hold_here_too(vectors: Path) -> None:
    for name, test in load_cases(vectors, "identity.sign"):
        if test["result"] == "valid":
            k, message, Z = (bytes.fromhex(test["input"][part]) for part in ("private_key", "message", "random"))
            assert test["expected"]["signature"] == sign_as_deployed(little(k), message, Z).hex(), name
