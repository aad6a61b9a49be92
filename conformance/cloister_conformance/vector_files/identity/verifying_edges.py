"""Chapter 02: points and keys of special forms, given to the verifier."""

from itertools import count

from cloister import identity
from cloister.identity import LOW_ORDER, P, Q
from nacl.bindings import crypto_core_ed25519_add

from cloister_conformance.hand_made import material
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.identity.bad_keys import (
    decode_u,
    describe_u,
    encode_public,
    is_on_curve,
)
from cloister_conformance.vector_files.identity.raw_signatures import (
    MESSAGE,
    convert_to_u,
    join,
    raw_sign,
    scalar_of,
    sign_message,
    split,
)

IDENTITY_POINT = (1).to_bytes(32, "little")
LOW_ORDER_POINTS = {
    "order 2": "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "order 4, x even": "0000000000000000000000000000000000000000000000000000000000000000",
    "order 4, x odd": "0000000000000000000000000000000000000000000000000000000000000080",
    "order 8, small y, x even": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "order 8, small y, x odd": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "order 8, great y, x even": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "order 8, great y, x odd": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
}


def points() -> Group:
    """R of low order, with a part of low order, or encoded in another way; keys with a part of low order."""
    group = Group("Point", "identity.verify")
    pair = material.derive_key_pair("points")
    scalar, A = scalar_of(pair), identity.multiply_base(scalar_of(pair))
    keys: Json = {"public_key": pair.public, "message": MESSAGE}

    signature = raw_sign(scalar, A, MESSAGE, r=0, R=IDENTITY_POINT)
    group.valid("R is the neutral point, s = h k", "EdgeSignature", "ID-17", **keys, signature=signature)
    for name, encoded in (
        ("y = P + 1", (P + 1).to_bytes(32, "little")),
        ("y = 1, sign set", (1 | 1 << 255).to_bytes(32, "little")),
        ("y = P + 1, sign set", (P + 1 | 1 << 255).to_bytes(32, "little")),
    ):
        signature = raw_sign(scalar, A, MESSAGE, r=0, R=encoded)
        comment = f"R is the neutral point encoded as {name}"
        group.invalid(comment, "InvalidSignature", "NonCanonicalR", "ID-17", **keys, signature=signature)
    for name, text in LOW_ORDER_POINTS.items():
        T = bytes.fromhex(text)
        signature = raw_sign(scalar, A, MESSAGE, r=0, R=T)
        group.invalid(f"R of {name}, s = h k", "InvalidSignature", "Cofactor", "ID-17", **keys, signature=signature)
        r = material.derive_number(f"r {name}", Q)
        R = crypto_core_ed25519_add(identity.multiply_base(r), T)
        signature = raw_sign(scalar, A, MESSAGE, r=r, R=R)
        group.invalid(
            f"R = r B and a point of {name}", "InvalidSignature", "Cofactor", "ID-17", **keys, signature=signature
        )
    for name, encoded in (("no point, y = 2", (2).to_bytes(32, "little")), ("all ones", b"\xff" * 32)):
        signature = raw_sign(scalar, A, MESSAGE, r=0, R=encoded)
        group.invalid(f"R is {name}", "InvalidSignature", "EdgeSignature", "ID-17", **keys, signature=signature)

    for name, text in LOW_ORDER_POINTS.items():
        order = int(name[6])
        mixed = crypto_core_ed25519_add(A, bytes.fromhex(text))
        keys = {"public_key": encode_public(convert_to_u(mixed)), "message": MESSAGE}
        for holds in (True, False):
            r = find_r(mixed, order, holds=holds)
            signature = raw_sign(scalar, mixed, MESSAGE, r=r)
            comment = f"A = k B and a point of {name}, h {'is' if holds else 'is not'} a multiple of {order}"
            if holds:
                group.valid(comment, "Cofactor", "ID-17", **keys, signature=signature)
            else:
                group.invalid(comment, "InvalidSignature", "Cofactor", "ID-17", **keys, signature=signature)
    return group


def find_r(A: bytes, order: int, *, holds: bool) -> int:
    """Find an r for which h is a multiple of the order, or is none."""
    for index in count():
        r = material.derive_number(f"r {index}", Q)
        if (identity.hash_to_scalar(identity.multiply_base(r), A, MESSAGE) % order == 0) is holds:
            return r
    raise AssertionError("count ends")


def verifying_keys() -> Group:
    """Keys of every form, given to the verifier."""
    group = Group("PublicKey", "identity.verify")
    pair = material.derive_key_pair("verifying keys")
    good = pair.public
    signature = sign_message(pair)

    base = identity.multiply_base(1)
    r = material.derive_number("r of the base point", Q)
    inputs: Json = {"public_key": encode_public(9), "message": MESSAGE, "signature": raw_sign(1, base, MESSAGE, r=r)}
    group.valid("u = 9, the base point", "EdgeKey", "ID-17", **inputs)

    def bad(comment: str, flag: str, clause: str, public: bytes) -> None:
        group.invalid(comment, "InvalidKey", flag, clause, public_key=public, message=MESSAGE, signature=signature)

    for length in (0, 1, 32, 34, 65):
        bad(f"{length} bytes", "KeyLength", "ID-5", (good * 2)[:length])
    bad("without the type byte", "KeyLength", "ID-5", good[1:])
    for first in (0x00, 0x04, 0x06, 0x15, 0x85):
        bad(f"type byte {first:02x}", "KeyType", "ID-5", bytes([first]) + good[1:])
    bad("the highest bit of u set", "NonCanonicalKey", "ID-6", encode_public(decode_u(pair) + (1 << 255)))
    for u in (P, P + 1, P + 9, (1 << 255) - 1):
        bad(f"u = {describe_u(u)}", "NonCanonicalKey", "ID-6", encode_public(u))
    for u in sorted(LOW_ORDER):
        bad(f"low order, u = {describe_u(u)}", "LowOrder", "ID-7", encode_public(u))

    twist = [u for u in range(2, 30) if not is_on_curve(u)][:6] + [
        u for u in range(P - 30, P - 1) if not is_on_curve(u)
    ][:6]
    for u in twist:
        for sign in (0, 1):
            comment = f"u = {describe_u(u)}, on the twist, sign bit {sign}"
            R, s, _ = split(signature)
            inputs = {"public_key": encode_public(u), "message": MESSAGE, "signature": join(R, s, sign)}
            group.invalid(comment, "InvalidSignature", "Twist", "ID-16", **inputs)
    return group
