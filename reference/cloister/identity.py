"""Chapter 02: identity keys, account ids, agreement, and XEdDSA as deployed.

- A public key is always 33 bytes, a private key always 32 clamped bytes.
- Every key is checked where it is decoded; nothing later checks again.
- In the signature functions the letters are those of the chapter.
- Not constant-time: to be read, not shipped.

    >>> alice = derive_identity(bytes(32))
    >>> encode_account_id(alice.public)
    '055bf55c73b82ebe22be80f3430667af570fae2556a6415e6b30d4065300aa947d'
"""

import hashlib
from dataclasses import dataclass, field
from typing import Annotated, NewType

from annotated_types import Len
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base, crypto_scalarmult_ed25519_base_noclamp

from cloister import errors, wire

SEED_BYTES = 32
PRIVATE_KEY_BYTES = 32
PUBLIC_KEY_BYTES = 33
KEY_TYPE = 0x05
SIGNATURE_BYTES = 64
SIGNATURE_RANDOM_BYTES = 64
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493

SIGN_BIT = 0x80
HASH_PREFIX = b"\xfe" + b"\xff" * 31
LOW_ORDER = frozenset(
    {
        0,
        1,
        P - 1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    }
)

PublicKey = NewType("PublicKey", Annotated[bytes, Len(PUBLIC_KEY_BYTES, PUBLIC_KEY_BYTES)])
"""33 bytes: the type byte, then u; canonical and not of low order."""

PrivateKey = NewType("PrivateKey", Annotated[bytes, Len(PRIVATE_KEY_BYTES, PRIVATE_KEY_BYTES)])
"""32 bytes, clamped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A private key and its public key."""

    private: PrivateKey = field(repr=False)
    public: PublicKey


def clamp(scalar: bytes) -> PrivateKey:
    """Clamp 32 bytes as RFC 7748 does."""
    clamped = bytearray(scalar)
    clamped[0] &= 0b1111_1000
    clamped[31] &= 0b0111_1111
    clamped[31] |= 0b0100_0000
    return PrivateKey(bytes(clamped))


def generate_seed(random: wire.Random) -> bytes:
    """Generate an identity secret, 32 bytes.

    Clauses: ID-1
    """
    return random(SEED_BYTES)


def derive_identity(seed: bytes) -> KeyPair:
    """Derive the key pair of an identity from its seed, 32 bytes.

    Clauses: ID-2
    """
    return derive_key_pair(clamp(hashlib.sha512(seed).digest()[:32]))


def generate_key_pair(random: wire.Random) -> KeyPair:
    """Generate a key pair that is no identity."""
    return derive_key_pair(clamp(random(PRIVATE_KEY_BYTES)))


def derive_key_pair(private: PrivateKey) -> KeyPair:
    """Derive the public key of a private key.

    Clauses: ID-3
    """
    return KeyPair(private=private, public=PublicKey(bytes([KEY_TYPE]) + crypto_scalarmult_base(private)))


def decode_private_key(data: bytes) -> PrivateKey:
    """Decode a private key.

    Raises:
        InvalidKey: it is not 32 clamped bytes.
    Clauses: ID-8
    """
    if len(data) != PRIVATE_KEY_BYTES:
        raise errors.InvalidKey(reason="a private key has 32 bytes")
    if clamp(data) != data:
        raise errors.InvalidKey(reason="the private key is not clamped")
    return PrivateKey(data)


def decode_public_key(data: bytes) -> PublicKey:
    """Decode an unverified public key.

    Raises:
        InvalidKey: wrong length or type byte, u not below P, or low order.
    Clauses: ID-5, ID-6, ID-7
    """
    if len(data) != PUBLIC_KEY_BYTES:
        raise errors.InvalidKey(reason="a public key has 33 bytes")
    if data[0] != KEY_TYPE:
        raise errors.InvalidKey(reason="a public key begins with 05")
    u = int.from_bytes(data[1:], "little")
    if u >= P:
        raise errors.InvalidKey(reason="u is not below P")
    if u in LOW_ORDER:
        raise errors.InvalidKey(reason="the key has low order")
    return PublicKey(data)


def encode_account_id(public: PublicKey) -> str:
    """Encode a public key as an account id, 66 digits.

    Clauses: ID-3
    """
    return public.hex()


def decode_account_id(text: str) -> PublicKey:
    """Decode an unverified account id.

    Raises:
        InvalidEncoding: the text is not 66 digits of canonical hex.
        InvalidKey: it is no acceptable public key.
    Clauses: NE-1, ID-4
    """
    if len(text) != 2 * PUBLIC_KEY_BYTES:
        raise errors.InvalidEncoding(what="account id")
    return decode_public_key(wire.decode_hex(text, what="account id"))


def agree(private: PrivateKey, public: PublicKey) -> bytes:
    """Agree on a secret, 32 bytes, with the owner of a public key.

    Clauses: ID-9
    """
    return crypto_scalarmult(private, public[1:])


def sign(k: PrivateKey, M: bytes, random: wire.Random) -> bytes:
    """Sign a message; the signature has 64 bytes.

    Clauses: ID-12
    """
    return sign_with(k, M, Z=random(SIGNATURE_RANDOM_BYTES))


def sign_with(k: PrivateKey, M: bytes, *, Z: bytes) -> bytes:
    """Sign a message with given random bytes, 64; for vectors, `sign` for everything else.

    Clauses: ID-10, ID-11
    Source: Signal's Curve25519 library; the XEdDSA document, section 2.4, with the sign bit kept.
    """
    A = multiply_base(int.from_bytes(k, "little"))

    r = hash_to_scalar(HASH_PREFIX, k, M, Z)
    R = multiply_base(r)

    h = hash_to_scalar(R, A, M)

    s = (r + h * int.from_bytes(k, "little")) % Q

    signature = bytearray(R + s.to_bytes(32, "little"))
    signature[63] |= A[31] & SIGN_BIT
    return bytes(signature)


def verify(public: PublicKey, M: bytes, signature: bytes) -> None:
    """Verify an unverified signature over a message.

    Raises:
        InvalidSignature: it does not verify.
    Clauses: ID-13, ID-14, ID-15, ID-16, ID-17
    """
    if len(signature) != SIGNATURE_BYTES:
        raise errors.InvalidSignature
    sign = signature[63] & SIGN_BIT
    R, s = signature[:32], signature[32:63] + bytes([signature[63] ^ sign])

    if int.from_bytes(s, "little") >= Q:
        raise errors.InvalidSignature

    A = convert_to_edwards(public, sign)

    try:
        Ed25519PublicKey.from_public_bytes(A).verify(R + s, M)
    except InvalidSignature:
        raise errors.InvalidSignature from None


def convert_to_edwards(public: PublicKey, sign: int) -> bytes:
    """Convert a public key to the Ed25519 key with the given sign bit, 32 bytes; it may be no point."""
    u = int.from_bytes(public[1:], "little")
    y = (u - 1) * pow(u + 1, -1, P) % P
    A = bytearray(y.to_bytes(32, "little"))
    A[31] |= sign
    return bytes(A)


def multiply_base(scalar: int) -> bytes:
    """Compute `compress(scalar B)`, 32 bytes."""
    return crypto_scalarmult_ed25519_base_noclamp(scalar.to_bytes(32, "little"))


def hash_to_scalar(*parts: bytes) -> int:
    """Compute the SHA-512 hash of the parts, modulo Q."""
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % Q
