"""Values that others published."""

from collections.abc import Callable

import pytest
from cloister import errors, identity, proof_of_work, sender_keys, wire

Hkdf = Callable[[bytes, bytes, bytes, int], bytes]
NOW_MS = 1_600_000_000_000


def public_key(u: str) -> identity.PublicKey:
    return identity.decode_public_key(b"\x05" + bytes.fromhex(u))


def private_key(k: str) -> identity.PrivateKey:
    """RFC 7748 clamps when it multiplies, so its private keys are clamped here first."""
    return identity.decode_private_key(identity.clamp(bytes.fromhex(k)))


# RFC 7748


@pytest.mark.parametrize(
    ("k", "u", "secret"),
    [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a413",  # the printed u has its highest bit set
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ],
)
def test_rfc_7748_section_5_2(k: str, u: str, secret: str) -> None:
    assert identity.agree(private_key(k), public_key(u)).hex() == secret


def test_rfc_7748_section_5_2_iterated() -> None:
    k = u = b"\x09" + bytes(31)
    after_one = None
    for _ in range(1000):
        k, u = identity.agree(identity.clamp(k), public_key(u.hex())), k
        after_one = after_one or k.hex()
    assert after_one == "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    assert k.hex() == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"


def test_rfc_7748_section_6_1() -> None:
    alice = identity.derive_key_pair(private_key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
    bob = identity.derive_key_pair(private_key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    assert alice.public.hex() == "05" + "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    assert bob.public.hex() == "05" + "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    secret = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert identity.agree(alice.private, bob.public).hex() == secret
    assert identity.agree(bob.private, alice.public).hex() == secret


# RFC 5869: the HKDF that is compared with the reference's is right itself


@pytest.mark.parametrize(
    ("ikm", "salt", "info", "output"),
    [
        (
            "0b" * 22,
            "000102030405060708090a0b0c",
            "f0f1f2f3f4f5f6f7f8f9",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)).hex(),
            bytes(range(0x60, 0xB0)).hex(),
            bytes(range(0xB0, 0x100)).hex(),
            (
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
                "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
                "cc30c58179ec3e87c14c01d5c1f3434f1d87"
            ),
        ),
        (
            "0b" * 22,
            "",
            "",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)
def test_rfc_5869_appendix_a(hkdf: Hkdf, ikm: str, salt: str, info: str, output: str) -> None:
    derived = hkdf(bytes.fromhex(ikm), bytes.fromhex(salt), bytes.fromhex(info), len(output) // 2)
    assert derived.hex() == output


# RFC 8032: an Ed25519 signature with the sign of A as its highest bit verifies under the X25519 key


@pytest.mark.parametrize(
    ("seed", "A", "message", "signature"),
    [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            (
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            ),
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            (
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            ),
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            (
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
            ),
        ),
    ],
)
def test_rfc_8032_section_7_1(seed: str, A: str, message: str, signature: str) -> None:
    pair = identity.derive_identity(bytes.fromhex(seed))
    assert identity.multiply_base(int.from_bytes(pair.private, "little")).hex() == A
    signed = bytearray.fromhex(signature)
    signed[63] |= bytes.fromhex(A)[31] & 0x80
    identity.verify(pair.public, bytes.fromhex(message), bytes(signed))
    signed[63] ^= 0x80
    with pytest.raises(errors.InvalidSignature):
        identity.verify(pair.public, bytes.fromhex(message), bytes(signed))


# Deployed libraries


def test_agreement_of_signals_java_library() -> None:
    alice = identity.derive_key_pair(
        identity.decode_private_key(bytes.fromhex("c806439dc9d2c476ffed8f2580c0888d58ab406bf7ae3698879021b96bb4bf59"))
    )
    bob = identity.derive_key_pair(
        identity.decode_private_key(bytes.fromhex("b03b34c33a1c44f225b662d2bf4859b8135411fa7b0386d45fb75dc5b91b4466"))
    )
    assert alice.public.hex() == "051bb75966f2e93a3691dfff942bb2a466a1c08b8d78ca3f4d6df8b8bfa2e4ee28"
    assert bob.public.hex() == "05653614993d2b15ee9e5fd3d86ce719ef4ec1daae1886a87b3f5fa9565a27a22f"
    secret = "325f239328941ced6e673b86ba41017448e99b649a9c3806c1dd7ca4c477e629"
    assert identity.agree(alice.private, bob.public).hex() == secret
    assert identity.agree(bob.private, alice.public).hex() == secret


Z = bytes.fromhex(
    "1fd89762c199c4b840f410b39f59a17df94faacb5c36c3225e6a0fdb2ef9cdc8"
    "a94e80434aa8550f3824f12b4fd2aa4c93b64dcd7de971283e6a510a45ae32ea"
)


def test_signature_that_npm_libsignal_has_read() -> None:
    identity_pair = identity.derive_key_pair(
        identity.decode_private_key(bytes.fromhex("500ff3e98b28a36d1df44737ac6c1b1814060e397abae9a120859253bc979977"))
    )
    prekey = identity.derive_key_pair(
        identity.decode_private_key(bytes.fromhex("a0ed3f1a2f749cdc69e6e0312efc7b4a2e0ca46e7b8d6af5c4a9f1d74dc1c97c"))
    )
    assert identity_pair.public.hex() == "0570edbc2e79cea5b3021ce77be2f550caad54d3cd91283e3105d19845c6e35b14"
    assert prekey.public.hex() == "0546dae2fcca6cde9c5c9e171c6ec1d4c6a7bcc82c032c5b73d9ff99794e9ab038"
    signature = identity.sign_with(identity_pair.private, prekey.public, Z=Z)
    assert signature.hex() == (
        "e715c916e72227668f153c693aafccb785f1f213c1ce9834e7e90d5ed1d3e51c"
        "fdc9c0ab10832529b3d8979155a9c0cb934951feed1938b807d54ff8a015e00b"
    )
    identity.verify(identity_pair.public, prekey.public, signature)


DISTRIBUTION = (
    "33080510001a2069e54a2c19a61346dd87629cec787b444362ac6cc490474f7eeffd9b8ae7f159"
    "2221050f70a435c2bafdc913d53b6cdbf21da04ea3e3ce0178c30ff9870ac240107d08"
)
MESSAGE_0 = (
    "33080510001a101e394ea01fac81275f2ee4a0bd50ca612f3e2ef9db0ca6effb9e16b46523b3b3f6b12e8d5950ff8b55"
    "a3f673408d60ab21db1631b74c9421a9b7a893082c8a7b4711a4ce67decde5a6425a296cfe218a"
)
MESSAGE_2 = (
    "33080510021a10d860b9b815abf8af778e9c381d98ad4a1fb71858393778de650c28e431f1485980359b510a586bc01a"
    "43a52ac26ce86fae40fb0fb6df2050360964744e092cb2c3d20c884f981e5c07d7e0a501fbf684"
)


def test_sender_key_frames_that_python_axolotl_and_baileys_have_read() -> None:
    private = bytes.fromhex("8018d8e51f047ec501d7186fee8640485dd56220243b4ab5dda1336388a5c853")
    chain_key = bytes.fromhex("69e54a2c19a61346dd87629cec787b444362ac6cc490474f7eeffd9b8ae7f159")
    key = sender_keys.SenderKey(
        key_id=5,
        iteration=0,
        chain_key=sender_keys.ChainKey(chain_key),
        signing_key=identity.derive_key_pair(identity.decode_private_key(private)),
    )
    assert sender_keys.encode_distribution(key).hex() == DISTRIBUTION
    key, first = sender_keys.encrypt(key, b"hello group", lambda _: Z)
    key, _ = sender_keys.encrypt(key, b"lost", lambda _: Z)
    _, third = sender_keys.encrypt(key, b"two", lambda _: Z)
    assert (first.hex(), third.hex()) == (MESSAGE_0, MESSAGE_2)


def test_sender_key_frames_are_read() -> None:
    record = sender_keys.process_distribution(sender_keys.Record(), bytes.fromhex(DISTRIBUTION), now_ms=NOW_MS)
    record, third = sender_keys.decrypt(record, bytes.fromhex(MESSAGE_2), now_ms=NOW_MS)
    record, first = sender_keys.decrypt(record, bytes.fromhex(MESSAGE_0), now_ms=NOW_MS)
    assert (first, third) == (b"hello group", b"two")


# The Session network of 2020

STORED_DATA = (
    "CAESvgMKA1BVVBIPL2FwaS92MS9tZXNzYWdlGqIDCGUSQjA1NDM2ODUyMDAwNTc4NmIyNDliY2Q0NjFkMjhmNzVlNTYwZWE3OTQwMTRl"
    "ZWIxN2ZjZjYwMDNmMzdkODc2NzgzNDgBKID00qagLULQAksmCNIm0urN9g/z2jBn0iLuaDPrrZnsLeRj9MD4eVDG0qTOD2Hg84LWswV3"
    "YAzb2Xku7LyTaitU3lhRAyDZRByjSZ2nWphSnzrkFaKhfKrHuzzDNDSGZsK9B1xM+lZJ/cR05Nn8fshfbW1CdINfNIiSK1qW2d/mfe3D"
    "I/CqShvA8D0r7LdbSq0tGH7JUIESu1OqJNePc46kLS0sMQ24YOitPtXSxUxbHrdBalydOqpYNGWGl4dtzOMr35Z0vCz/u25ROajbcj1D"
    "7hf40dyIv9RT/wwo52CiwtbrFdXc84K0yDKTnPu6QoTKoiVt+hftgKv0o/ruRN40fLSGl0KD+FqLf4Oqe5u1MaDDoUlLW1tdw6gsPSUx"
    "gQPWkJ6qda3t+IioolNQWidLcKg4WXvSwWRO6bDLNXfyDLd9UwcpHRus5UYnmc9BTjiXHQP8pWc4ciCMAQ=="
)
STORED_RECIPIENT = "054368520005786b249bcd461d28f75e560ea794014eeb17fcf6003f37d876783e"


@pytest.mark.parametrize(
    ("length", "ttl_ms", "difficulty", "target"),
    [
        (625, 86_400_000, 10, "000477a423e0de40"),
        (686, 345_600, 10, "0009670fa5800967"),
        (96, 172_800_000, 1, "00ad602b580ad602"),
        (96, 172_800_000, 10, "0011566abc011566"),
    ],
)
def test_targets(length: int, ttl_ms: int, difficulty: int, target: str) -> None:
    assert f"{proof_of_work.derive_target(length, ttl_ms, difficulty):016x}" == target


def test_request_of_the_storage_servers_test() -> None:
    """Its timestamp and ttl are refused today, so its value and hash are computed below `check`."""
    request = proof_of_work.Request(timestamp="1554859211", ttl="345600", recipient=STORED_RECIPIENT, data=STORED_DATA)
    payload = proof_of_work.encode_payload(request)
    assert len(payload) == 686
    h2 = proof_of_work.hash_with_nonce(proof_of_work.decode_nonce("AAAAAAAaFio="), payload)
    assert h2.hex() == (
        "000000edaab70fbd846fa25be332e67eb3055a52e93d6418f37c3928417f2794"
        "975898237c714224026deb4babc184de7a069c27a03234ab2725cbde7a6727c1"
    )
    assert proof_of_work.decode_value(h2) < proof_of_work.derive_target(len(payload), 345_600, 10)
    with pytest.raises(errors.OutOfRange):
        proof_of_work.check(request, "AAAAAAAaFio=", difficulty=10)
    with pytest.raises(errors.InvalidEncoding):
        proof_of_work.decode_nonce("AAAAAAABBCF=")

    other = proof_of_work.Request(timestamp="1549252653", ttl="345600", recipient=STORED_RECIPIENT, data=STORED_DATA)
    h2 = proof_of_work.hash_with_nonce(proof_of_work.decode_nonce("AAAAAAAaFio="), proof_of_work.encode_payload(other))
    assert h2[:8].hex() == "a37e4b725f59bed0"


@pytest.mark.parametrize(
    ("difficulty", "counter", "nonce", "message_hash"),
    [
        (
            1,
            151,
            "AAAAAAAAAJc=",
            (
                "005eb21bdf02ce925f9fdc102783d1145f999f6ec6dffff18c7419e03d685653"
                "139ad6b7a16f7af3960405300799e316ef8e253fbb634a8f89ac37aa9ec1a469"
            ),
        ),
        (
            10,
            7980,
            "AAAAAAAAHyw=",
            (
                "0004b6490b00b3db0f7961a9bbdd58e0ba13bd6b3525ed5b1ca7e40e1cde66a5"
                "36a5ef7a2463c119a938582859cb26920ae9d1c215baa09386389d422100c711"
            ),
        ),
    ],
)
def test_solutions(difficulty: int, counter: int, nonce: str, message_hash: str) -> None:
    request = proof_of_work.Request(
        timestamp="1600000000000",
        ttl="172800000",
        recipient="053506f4a71324b7dd114eddbf4e311f39dde243e1f2cb97c40db1961f70ebaae8",
        data="SGVsbG8=",
    )
    assert proof_of_work.encode_nonce(counter) == nonce
    assert proof_of_work.find_nonce(request, difficulty=difficulty) == nonce
    assert proof_of_work.check(request, nonce, difficulty=difficulty) == message_hash


def test_nonce_is_a_counter_most_significant_byte_first() -> None:
    assert proof_of_work.encode_nonce(1) == wire.encode_base64(bytes.fromhex("0000000000000001"))
    assert proof_of_work.encode_nonce(256) == wire.encode_base64(bytes.fromhex("0000000000000100"))


@pytest.mark.parametrize(
    ("ttl", "accepted"),
    [
        ("0", False),
        ("10000", True),
        ("1000000", True),
        ("345600000", True),
        ("3456010000", False),
        ("-1000", False),
        ("abcvs", False),
        ("", False),
    ],
)
def test_times_to_live_of_the_storage_servers_test(ttl: str, *, accepted: bool) -> None:
    request = proof_of_work.Request(timestamp="1600000000000", ttl=ttl, recipient=STORED_RECIPIENT, data="")
    if accepted:
        proof_of_work.check_request(request)
    else:
        with pytest.raises(errors.Malformed):
            proof_of_work.check_request(request)
