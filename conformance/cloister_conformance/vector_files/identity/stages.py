"""Chapter 02: the named values on the way to a signature."""

from cloister import identity


def stage_signature(k: identity.PrivateKey, message: bytes, Z: bytes) -> dict[str, bytes]:
    """Compute the named values on the way to a signature, in the letters of chapter 02."""
    scalar = int.from_bytes(k, "little")
    A = identity.multiply_base(scalar)
    r = identity.hash_to_scalar(identity.HASH_PREFIX, k, message, Z)
    R = identity.multiply_base(r)
    h = identity.hash_to_scalar(R, A, message)
    s = (r + h * scalar) % identity.Q
    return {"A": A, "r": r.to_bytes(32, "little"), "R": R, "h": h.to_bytes(32, "little"), "s": s.to_bytes(32, "little")}
