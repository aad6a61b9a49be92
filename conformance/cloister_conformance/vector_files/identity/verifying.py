"""Chapter 02: signatures that verify, and changes after which they do not."""

import hashlib

from cloister import identity
from cloister.identity import Q
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloister_conformance.hand_made import material
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.identity.bad_keys import (
    encode_public,
    is_on_curve,
)
from cloister_conformance.vector_files.identity.raw_signatures import (
    MESSAGE,
    convert_to_u,
    flip,
    join,
    raw_sign,
    scalar_of,
    sign_message,
    split,
)

RFC_8032 = {"name": "RFC 8032", "version": "January 2017"}
SIGN_BIT = 0x80


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
