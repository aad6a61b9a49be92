"""Public and private keys that every reader refuses, and what is special about a u-coordinate."""

from collections.abc import Iterator

from cloister import identity
from cloister.identity import LOW_ORDER, P, Q

from cloister_conformance.hand_made import material

CURVE_A = 486662


def encode_public(u: int) -> bytes:
    """Encode a public key; u may have all 256 bits."""
    return b"\x05" + u.to_bytes(32, "little")


def describe_u(u: int) -> str:
    """Describe a u-coordinate by what is special about it."""
    if u >= 1 << 255:
        return f"2^255 + {describe_u(u - (1 << 255))}"
    if u >= P:
        return f"P + {u - P}"
    if u > P - 1000:
        return f"P - {P - u}"
    return str(u)


def non_canonical() -> list[int]:
    """All values of u from P to 2^255 - 1, then some with the highest bit set."""
    top = 1 << 255
    ordinary = [decode_u(material.derive_key_pair(f"high bit {index}")) for index in range(4)]
    edges = [top, top + 1, top + 2, top + 9, top + P - 2, top + P - 1, 2**256 - 1]
    return [P + small for small in range(19)] + edges + [top + u for u in ordinary]


def decode_u(pair: identity.KeyPair) -> int:
    """Return the u-coordinate of a key pair."""
    return int.from_bytes(pair.public[1:], "little")


def is_on_curve(u: int) -> bool:
    """Tell whether u belongs to a point of the curve; else it is one of its twist."""
    return pow(u**3 + CURVE_A * u**2 + u, (P - 1) // 2, P) == 1


def bad_public_keys(good: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Public keys that every reader refuses, with the clause that each breaks; `good` is made bad."""
    for length in (*range(33), *range(34, 40), 64, 65, 66, 128):
        yield f"{length} bytes", "ID-5", (good + material.derive_bytes("trailing", 128))[:length]
    yield "a zero after", "ID-5", good + b"\0"
    yield "without the type byte", "ID-5", good[1:]
    for first in (0x00, 0x01, 0x02, 0x03, 0x04, 0x06, 0x07, 0x0A, 0x15, 0x25, 0x33, 0x45, 0x50, 0x85, 0xFA, 0xFF):
        yield f"type byte {first:02x}", "ID-5", bytes([first]) + good[1:]
    for u in non_canonical():
        yield f"u = {describe_u(u)}", "ID-6", encode_public(u)
    yield "the highest bit of u set", "ID-6", good[:32] + bytes([good[32] | 0x80])
    for u in sorted(LOW_ORDER):
        yield f"low order, u = {describe_u(u)}", "ID-7", encode_public(u)


def kinds_of_bad_public_key(good: bytes) -> Iterator[tuple[str, str, bytes]]:
    """One or two bad keys of each kind, for a place that is not about keys; `identity.json` has all of them."""
    yield "empty", "ID-5", b""
    yield "without the type byte", "ID-5", good[1:]
    yield "a byte too long", "ID-5", good + b"\0"
    yield "type byte 06", "ID-5", b"\x06" + good[1:]
    yield "u = P + 9", "ID-6", encode_public(P + 9)
    yield "the highest bit of u set", "ID-6", good[:32] + bytes([good[32] | 0x80])
    for u in (0, 1, max(LOW_ORDER - {P - 1})):
        yield f"low order, u = {describe_u(u)}", "ID-7", encode_public(u)


def bad_private_keys() -> Iterator[tuple[str, bytes]]:
    """Private keys that are not 32 clamped bytes."""
    good = material.derive_key_pair("private keys").private
    for length in (0, 1, 16, 31):
        yield f"{length} bytes", good[:length]
    yield "33 bytes, a zero after", good + b"\0"
    yield "33 bytes, the type byte before", b"\x05" + good
    yield "64 bytes", good + good
    for bit in (0, 1, 2, 255):
        yield f"bit {bit} set", (int.from_bytes(good, "little") | 1 << bit).to_bytes(32, "little")
    yield "bit 254 clear", (int.from_bytes(good, "little") & ~(1 << 254)).to_bytes(32, "little")
    yield "all zeros", bytes(32)
    yield "all ones", b"\xff" * 32
    yield "most significant byte first", good[::-1]
    yield "the scalar modulo Q", (int.from_bytes(good, "little") % Q).to_bytes(32, "little")
    for index in range(4):
        yield f"random bytes {index}", b"\x21" + material.derive_bytes(f"unclamped {index}", 31)
