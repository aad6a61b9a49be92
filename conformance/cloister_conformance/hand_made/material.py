"""Where every number that is not chosen comes from: SHA-256 hashes of labels, never a random source."""

import hashlib

from cloister import identity


def derive_bytes(label: str, size: int = 32) -> bytes:
    """Derive bytes of any size from an ASCII label."""
    blocks = (
        hashlib.sha256(f"cloister vectors {label} {index}".encode("ascii")).digest() for index in range(size // 32 + 1)
    )
    return b"".join(blocks)[:size]


def derive_key_pair(label: str) -> identity.KeyPair:
    """Derive a clamped key pair."""
    return identity.derive_key_pair(identity.clamp(derive_bytes(label)))


def derive_number(label: str, below: int) -> int:
    """Derive a number from 0 to `below` - 1."""
    return int.from_bytes(derive_bytes(label, 64), "big") % below


def sign_bit(pair: identity.KeyPair) -> int:
    """Return the highest bit of the Ed25519 key A of a key pair: 0 or 1."""
    return identity.multiply_base(int.from_bytes(pair.private, "little"))[31] >> 7


def find_key_pair(label: str, *, sign: int) -> identity.KeyPair:
    """Find a key pair whose A has this highest bit."""
    index = 0
    while sign_bit(pair := derive_key_pair(f"{label} {index}")) != sign:
        index += 1
    return pair
