r"""Chapter 11, first part: under which ids an account is known on an open-group server, and how it signs there.

- An id is 33 bytes: what kind of key it is, and the key. The server key is always 32 bytes, u without a type byte.
- `find_account` leads from every id to the account: k is no secret.
- In the functions that sign the letters are those of the chapter.

    >>> me = derive_blinded_id(bytes(32), server_key=bytes(31) + b"\x09")
    >>> verify(me.id, b"hello", sign(me, b"hello"))
    >>> find_account(me.id, server_key=bytes(31) + b"\x09") == identity.derive_identity(bytes(32)).public
    True
"""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_scalarmult_ed25519_noclamp

from cloister import errors, identity, wire
from cloister.identity import P, PublicKey, Q, hash_to_scalar, multiply_base

UNBLINDED = 0x00
BLINDED = 0x15
SERVER_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningId:
    """An id of one's own on a server, 33 bytes, and what signs as it."""

    id: bytes
    seed: bytes = field(repr=False)
    ka: int = field(repr=False)


def derive_factor(server_key: bytes) -> int:
    """Derive k, by which a server's ids are blinded.

    Clauses: OG-1
    """
    return int.from_bytes(hashlib.blake2b(server_key).digest(), "little") % Q


def derive_blinded_id(seed: bytes, *, server_key: bytes) -> SigningId:
    """Derive the blinded id of the account with this seed.

    Clauses: OG-1
    """
    a = int.from_bytes(identity.derive_identity(seed).private, "little")
    ka = derive_factor(server_key) * a % Q
    return SigningId(id=bytes([BLINDED]) + multiply_base(ka), seed=seed, ka=ka)


def derive_unblinded_id(seed: bytes) -> SigningId:
    """Derive the unblinded id of the account with this seed.

    Clauses: OG-1
    """
    a = int.from_bytes(identity.derive_identity(seed).private, "little")
    return SigningId(id=bytes([UNBLINDED]) + multiply_base(a % Q), seed=seed, ka=a % Q)


def sign(signer: SigningId, M: bytes) -> bytes:
    """Sign as an id; the signature has 64 bytes.

    Clauses: OG-5, OG-6
    Source: for blinded ids the deployed open-group clients; for others RFC 8032.
    """
    if signer.id[0] == UNBLINDED:
        return Ed25519PrivateKey.from_private_bytes(signer.seed).sign(M)
    kA = signer.id[1:]
    r = hash_to_scalar(hashlib.sha512(signer.seed).digest()[32:], kA, M)
    R = multiply_base(r)
    h = hash_to_scalar(R, kA, M)
    return R + ((r + h * signer.ka) % Q).to_bytes(32, "little")


def verify(signing_id: bytes, M: bytes, signature: bytes) -> None:
    """Verify an unverified signature of an id over a message.

    Raises:
        InvalidSignature: it does not verify.
    Clauses: OG-9, OG-71
    """
    try:
        Ed25519PublicKey.from_public_bytes(signing_id[1:]).verify(signature, M)
    except InvalidSignature:
        raise errors.InvalidSignature from None


def decode_signing_id(text: str) -> bytes:
    """Decode an unverified id with which somebody signs, blinded or not.

    Raises:
        InvalidEncoding: the text is not 66 digits of canonical hex.
        InvalidKey: it is no canonical key of prime order, or of another kind.
    Clauses: OG-3
    """
    wire.check_hex(text, 2 * identity.PUBLIC_KEY_BYTES, what="id")
    signing_id = bytes.fromhex(text)
    if signing_id[0] not in {UNBLINDED, BLINDED}:
        raise errors.InvalidKey(reason="an id that signs begins with 15 or 00")
    if not is_valid_key(signing_id[1:]):
        raise errors.InvalidKey(reason="the id is no key of prime order")
    return signing_id


@lru_cache(maxsize=4096)
def is_valid_key(key: bytes) -> bool:
    """Tell whether a key is a canonical one of prime order, which takes longer than to verify a signature; ids come again.

    Clauses: OG-3
    """
    return bool(crypto_core_ed25519_is_valid_point(key))


def decode_id(text: str, *, server_key: bytes) -> PublicKey:
    """Decode an unverified id of any of the three forms to its account.

    Raises:
        InvalidEncoding, InvalidKey: it is none.
    Clauses: OG-2, OG-25
    """
    if text.startswith("05"):
        return identity.decode_account_id(text)
    return find_account(decode_signing_id(text), server_key=server_key)


def find_account(signing_id: bytes, *, server_key: bytes) -> PublicKey:
    """Find the account that an id which was decoded leads to.

    Clauses: OG-1, OG-2
    """
    A = signing_id[1:]
    if signing_id[0] == BLINDED:
        A = crypto_scalarmult_ed25519_noclamp(pow(derive_factor(server_key), -1, Q).to_bytes(32, "little"), A)
    y = int.from_bytes(A, "little") % 2**255  # the highest bit is the sign of x
    u = (1 + y) * pow(1 - y, -1, P) % P
    return identity.decode_public_key(bytes([identity.KEY_TYPE]) + u.to_bytes(32, "little"))
