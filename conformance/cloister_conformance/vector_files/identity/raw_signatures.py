"""Chapter 02: signatures put together by hand."""

from cloister import identity
from cloister.identity import P, Q

from cloister_conformance.hand_made import material

MESSAGE = b"hello group"


def raw_sign(scalar: int, A: bytes, message: bytes, *, r: int, R: bytes | None = None) -> bytes:
    """Sign with a scalar that need not be clamped; A and R may be other points than those of the scalar and r."""
    R = identity.multiply_base(r % Q) if R is None else R
    s = (r + identity.hash_to_scalar(R, A, message) * scalar) % Q
    return join(R, s, A[31] >> 7)


def join(R: bytes, s: int, sign: int) -> bytes:
    """Join the parts of a signature; s may have 255 bits."""
    return R + (s | sign << 255).to_bytes(32, "little")


def split(signature: bytes) -> tuple[bytes, int, int]:
    """Split a signature into R, s and sign."""
    s = int.from_bytes(signature[32:], "little")
    return signature[:32], s & ~(1 << 255), s >> 255


def sign_message(pair: identity.KeyPair, message: bytes = MESSAGE, label: str = "Z") -> bytes:
    """Sign a message."""
    return identity.sign_with(pair.private, message, Z=material.derive_bytes(label, 64))


def scalar_of(pair: identity.KeyPair) -> int:
    """Return the private key as a number."""
    return int.from_bytes(pair.private, "little")


def convert_to_u(A: bytes) -> int:
    """Convert an Ed25519 key to its u-coordinate."""
    y = int.from_bytes(A, "little") & ~(1 << 255)
    return (1 + y) * pow(1 - y, -1, P) % P


def flip(data: bytes, bit: int) -> bytes:
    """Flip one bit, counted from the lowest of the first byte."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
