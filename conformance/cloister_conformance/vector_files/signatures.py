"""Chapter 02: signing, and signatures that verify or almost do."""

import hashlib
from itertools import count

from cloister import identity
from cloister.identity import LOW_ORDER, P, Q
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.bindings import crypto_core_ed25519_add

from cloister_conformance.vector_files import material
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.keys import bad_private_keys, decode_u, describe_u, encode_public, is_on_curve

RFC_8032 = {"name": "RFC 8032", "version": "January 2017"}
NPM_LIBSIGNAL = {"name": "fixed-key values, read by npm libsignal", "version": "6.0.0"}

MESSAGE = b"hello group"
SIGN_BIT = 0x80
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


def signature_groups() -> list[Group]:
    """Build all groups of signatures."""
    return [
        signing(),
        signing_keys(),
        deployed_signature(),
        published_signatures(),
        verifying(),
        sign_bits(),
        signature_lengths(),
        scalars(),
        modifications(),
        points(),
        verifying_keys(),
    ]


# Signing


def signing() -> Group:
    """Signatures with given Z, and the values on the way."""
    group = Group("Signing", "identity.sign")

    def sign(comment: str, flag: str, pair: identity.KeyPair, message: bytes, Z: bytes) -> None:
        stages = material.stage_signature(pair.private, message, Z)
        inputs: Json = {"private_key": pair.private, "message": message, "random": Z}
        group.valid(comment, flag, "ID-10 ID-11", intermediates=stages, **inputs)

    for index in range(32):
        pair = material.find_key_pair(f"signer {index}", sign=index % 2)
        message = material.derive_bytes(f"message {index}", index * 5)
        Z = material.derive_bytes(f"Z {index}", 64)
        sign(f"key {index}, A with sign {index % 2}, {len(message)} bytes", "Ordinary SignBit", pair, message, Z)
    for sign_bit in (0, 1):
        pair = material.find_key_pair("signing edge", sign=sign_bit)
        Z = material.derive_bytes("Z edge", 64)
        for length in (0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 1000, 4096):
            message = material.derive_bytes("signing edge", length)
            sign(f"{length} bytes, A with sign {sign_bit}", "EdgeMessage SignBit", pair, message, Z)
        for name, Z in (("zeros", bytes(64)), ("0xff", b"\xff" * 64), ("0xfe", b"\xfe" * 64)):
            sign(f"Z of {name}, A with sign {sign_bit}", "EdgeRandom SignBit", pair, MESSAGE, Z)
    return group


def signing_keys() -> Group:
    """Private keys that are refused, given to the signer."""
    group = Group("PrivateKey", "identity.sign")
    Z = material.derive_bytes("Z", 64)
    for comment, private in bad_private_keys():
        group.invalid(comment, "InvalidKey", "PrivateKeyForm", "ID-8", private_key=private, message=MESSAGE, random=Z)
    return group


# Verifying


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


def deployed_signature() -> Group:
    """A signature over a prekey that a deployed library has read."""
    group = Group("Signing", "identity.sign", source=NPM_LIBSIGNAL)
    k = identity.PrivateKey(bytes.fromhex("500ff3e98b28a36d1df44737ac6c1b1814060e397abae9a120859253bc979977"))
    message = bytes.fromhex("0546dae2fcca6cde9c5c9e171c6ec1d4c6a7bcc82c032c5b73d9ff99794e9ab038")
    Z = bytes.fromhex(
        "1fd89762c199c4b840f410b39f59a17df94faacb5c36c3225e6a0fdb2ef9cdc8a94e80434aa8550f3824f12b4fd2aa4c93b64dcd7de971283e6a510a45ae32ea"
    )
    signature = (
        "e715c916e72227668f153c693aafccb785f1f213c1ce9834e7e90d5ed1d3e51c"
        "fdc9c0ab10832529b3d8979155a9c0cb934951feed1938b807d54ff8a015e00b"
    )
    stages = material.stage_signature(k, message, Z)
    inputs: Json = {"private_key": k, "message": message, "random": Z}
    group.valid(
        "a signed prekey", "Published", "ID-11", expected={"signature": signature}, intermediates=stages, **inputs
    )
    return group


def published_signatures() -> Group:
    """The signatures of RFC 8032, with the sign of A as their highest bit."""
    group = Group("Verification", "identity.verify", source=RFC_8032)
    for comment, seed, A, message, signature in (
        (
            "section 7.1, test 1",
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            (
                ""
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            ),
        ),
        (
            "section 7.1, test 2",
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            (
                ""
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            ),
        ),
        (
            "section 7.1, test 3",
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            (
                ""
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
            ),
        ),
    ):
        R, s, _ = split(bytes.fromhex(signature))
        public = encode_public(convert_to_u(bytes.fromhex(A)))
        if public != identity.derive_identity(bytes.fromhex(seed)).public:
            raise AssertionError(f"{comment}: the key of the seed is another one")
        inputs: Json = {
            "public_key": public,
            "message": bytes.fromhex(message),
            "signature": join(R, s, bytes.fromhex(A)[31] >> 7),
        }
        group.valid(comment, "Published SignBit", "ID-17", expected={}, **inputs)
    return group


def verifying() -> Group:
    """Ordinary signatures, and one of every source."""
    group = Group("Verification", "identity.verify")
    for index in range(32):
        pair = material.find_key_pair(f"verifier {index}", sign=index % 2)
        message = material.derive_bytes(f"verified {index}", index * 3)
        inputs: Json = {"public_key": pair.public, "message": message, "signature": sign_message(pair, message)}
        group.valid(
            f"key {index}, A with sign {index % 2}, {len(message)} bytes", "Ordinary SignBit", "ID-13 ID-17", **inputs
        )
    for sign in (0, 1):
        pair = material.find_key_pair("verifying edge", sign=sign)
        for length in (0, 1, 63, 64, 65, 1000, 10_000):
            message = material.derive_bytes("verifying edge", length)
            inputs = {"public_key": pair.public, "message": message, "signature": sign_message(pair, message)}
            group.valid(f"{length} bytes, A with sign {sign}", "EdgeMessage", "ID-17", **inputs)
    for index in range(6):
        seed = material.derive_bytes(f"Ed25519 seed {index}")
        signer = Ed25519PrivateKey.from_private_bytes(seed)
        R, s, _ = split(signer.sign(MESSAGE))
        signature = join(R, s, signer.public_key().public_bytes_raw()[31] >> 7)
        inputs = {"public_key": identity.derive_identity(seed).public, "message": MESSAGE, "signature": signature}
        group.valid(f"an Ed25519 signature of the same seed {index}, with the sign of A", "SignBit", "ID-17", **inputs)
    return group


def sign_bits() -> Group:
    """Keys whose A has sign 0 and 1, signed with k and with -k, with the right sign bit and its opposite."""
    group = Group("SignBit", "identity.verify")
    for index in range(6):
        for sign in (0, 1):
            pair = material.find_key_pair(f"sign bit {index}", sign=sign)
            A = identity.multiply_base(scalar_of(pair))
            negated = A[:31] + bytes([A[31] ^ SIGN_BIT])
            r = material.derive_number(f"r {index}", Q)
            deployed = raw_sign(scalar_of(pair), A, MESSAGE, r=r)
            opposite = raw_sign(-scalar_of(pair) % Q, negated, MESSAGE, r=r)
            for name, signature in (("signed with k", deployed), ("signed with -k", opposite)):
                comment = f"key {index}, A with sign {sign}, {name}, sign bit {signature[63] >> 7}"
                keys: Json = {"public_key": pair.public, "message": MESSAGE}
                group.valid(comment, "SignBit", "ID-13", **keys, signature=signature)
                R, s, bit = split(signature)
                comment = f"key {index}, A with sign {sign}, {name}, sign bit {1 - bit} instead of {bit}"
                group.invalid(
                    comment, "InvalidSignature", "SignBit", "ID-13 ID-17", **keys, signature=join(R, s, 1 - bit)
                )
    return group


def signature_lengths() -> Group:
    """Signatures of 0 to 128 bytes."""
    group = Group("SignatureLength", "identity.verify")
    pair = material.derive_key_pair("signature lengths")
    longest = sign_message(pair) + sign_message(pair, label="Z after")
    for length in range(129):
        inputs: Json = {"public_key": pair.public, "message": MESSAGE, "signature": longest[:length]}
        if length == identity.SIGNATURE_BYTES:
            group.valid("64 bytes", "Ordinary", "ID-14", **inputs)
        else:
            group.invalid(f"{length} bytes", "InvalidSignature", "SignatureLength", "ID-14", **inputs)
    zero: Json = {"public_key": pair.public, "message": MESSAGE, "signature": sign_message(pair) + b"\0"}
    group.invalid("a zero after", "InvalidSignature", "SignatureLength", "ID-14", **zero)
    return group


def scalars() -> Group:
    """Copies of signatures with s + m Q, and s of special forms."""
    group = Group("Scalar", "identity.verify")
    for sign in (0, 1):
        for index in range(8):
            pair = material.find_key_pair(f"scalar {index}", sign=sign)
            keys: Json = {"public_key": pair.public, "message": MESSAGE}
            R, s, bit = split(sign_message(pair))
            name = f"key {index}, A with sign {sign}"
            group.valid(f"{name}, the signature", "Ordinary", "ID-15", **keys, signature=join(R, s, bit))
            for multiple in range(1, 8):
                if (copy := s + multiple * Q) < 1 << 255:
                    comment = f"{name}, s + {multiple} Q"
                    signature = join(R, copy, bit)
                    group.invalid(comment, "InvalidSignature", "Malleability", "ID-15", **keys, signature=signature)

        pair = material.find_key_pair("special scalar", sign=sign)
        keys = {"public_key": pair.public, "message": MESSAGE}
        R, s, bit = split(sign_message(pair))
        for name, special in (
            ("0", 0),
            ("1", 1),
            ("Q - 1", Q - 1),
            ("Q - s", Q - s),
            ("2^252", 1 << 252),
            ("s + 1", s + 1),
        ):
            comment = f"s = {name}, A with sign {sign}"
            signature = join(R, special, bit)
            group.invalid(comment, "InvalidSignature", "EdgeSignature", "ID-17", **keys, signature=signature)
    return group


def modifications() -> Group:
    """Signatures of which one part was changed."""
    group = Group("Modification", "identity.verify")
    pair, other = (material.derive_key_pair(f"modification {index}") for index in range(2))
    signature = sign_message(pair)
    R, s, bit = split(signature)
    other_R, other_s, _ = split(sign_message(pair, label="Z other"))

    def bad(comment: str, public: bytes, message: bytes, changed: bytes) -> None:
        clause = "ID-17" if is_on_curve(int.from_bytes(public[1:], "little")) else "ID-16"
        inputs: Json = {"public_key": public, "message": message, "signature": changed}
        group.invalid(comment, "InvalidSignature", "Modified", clause, **inputs)

    group.valid("the signature", "Ordinary", "ID-17", public_key=pair.public, message=MESSAGE, signature=signature)
    for index in (*range(0, 248, 4), *range(248, 256)):
        bad(f"bit {index} of R flipped", pair.public, MESSAGE, flip(signature, index))
    for index in range(256, 504, 4):
        bad(f"bit {index - 256} of s flipped", pair.public, MESSAGE, flip(signature, index))
    for index in range(0, 8 * len(MESSAGE), 5):
        bad(f"bit {index} of the message flipped", pair.public, flip(MESSAGE, index), signature)
    for index in range(8, 260, 9):
        bad(f"bit {index - 8} of u flipped", flip(pair.public, index), MESSAGE, signature)
    for name, message in (
        ("empty", b""),
        ("cut", MESSAGE[:-1]),
        ("a zero after", MESSAGE + b"\0"),
        ("a zero before", b"\0" + MESSAGE),
        ("twice", MESSAGE * 2),
        ("in upper case", MESSAGE.upper()),
        ("its SHA-512 hash", hashlib.sha512(MESSAGE).digest()),
    ):
        bad(f"another message: {name}", pair.public, message, signature)
    bad("another key", other.public, MESSAGE, signature)
    bad("R of another signature of the same message", pair.public, MESSAGE, join(other_R, s, bit))
    bad("s of another signature of the same message", pair.public, MESSAGE, join(R, other_s, bit))
    bad("R of most significant byte first", pair.public, MESSAGE, join(R[::-1], s, bit))
    bad("s negated", pair.public, MESSAGE, join(R, Q - s, bit))
    bad("signature of zeros", pair.public, MESSAGE, bytes(64))

    scalar, r = scalar_of(pair), material.derive_number("r", Q)
    A, R = identity.multiply_base(scalar), identity.multiply_base(r)
    for name, parts in (
        ("without A", (R, MESSAGE)),
        ("without R", (A, MESSAGE)),
        ("over A, R, M", (A, R, MESSAGE)),
        ("over R, u, M", (R, pair.public[1:], MESSAGE)),
        ("over R, the 33 bytes of the key, M", (R, pair.public, MESSAGE)),
        ("over M, R, A", (MESSAGE, R, A)),
    ):
        s = (r + identity.hash_to_scalar(*parts) * scalar) % Q
        bad(f"h {name}", pair.public, MESSAGE, join(R, s, A[31] >> 7))
    for name, s in (
        ("s = r - h k", (r - identity.hash_to_scalar(R, A, MESSAGE) * scalar) % Q),
        ("s = h + r k", (identity.hash_to_scalar(R, A, MESSAGE) + r * scalar) % Q),
        ("s = h k", identity.hash_to_scalar(R, A, MESSAGE) * scalar % Q),
    ):
        bad(name, pair.public, MESSAGE, join(R, s, A[31] >> 7))
    return group


def flip(data: bytes, bit: int) -> bytes:
    """Flip one bit, counted from the lowest of the first byte."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


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
