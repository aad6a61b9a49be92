"""Values that others published."""

import hashlib
from collections.abc import Callable

import pytest
from cloister import (
    chain,
    double_ratchet,
    envelope,
    errors,
    identity,
    onion,
    proof_of_work,
    sealing,
    sender_keys,
    session,
    storage,
    swarm,
    wire,
    x3dh,
)

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
        chain_key=chain.ChainKey(chain_key),
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


@pytest.mark.parametrize(
    ("recipient", "space"),
    [
        ("053506f4a71324b7dd114eddbf4e311f39dde243e1f2cb97c40db1961f70ebaae8", 17589930838143112648),
        ("05cf27da303a50ac8c4b2d43d27259505c9bcd73fc21cf2a57902c3d050730b604", 10370619079776428163),
        ("05" + "0123456789abcdef" * 4, 0),
        ("05" + "f" * 63 + "e", 1),
        ("05" + "0" * 48 + "f" * 16, 2**64 - 1),
    ],
)
def test_spaces_of_the_storage_servers_test(recipient: str, space: int) -> None:
    assert swarm.derive_space(recipient) == space


@pytest.mark.parametrize(
    ("space", "swarm_id"),
    [
        (0x64, 100),
        (0, 100),
        (0x95, 100),
        (0x96, 100),
        (0x97, 200),
        (0x15D, 300),
        (0x15E, 399),
        (0x223, 498),
        (0x224, 596),
        (0x285, 596),
        (0x8000000000000000, 694),
        (0xA000000000000000, 100),
        (0xFFFFFFFFFFFFFFFF, 100),
    ],
)
def test_choices_of_the_storage_servers_test(space: int, swarm_id: int) -> None:
    assert swarm.choose_swarm([100, 200, 300, 399, 498, 596, 694], space) == swarm_id


@pytest.mark.parametrize("space", [2**64 - 2, 2**64 - 1])
def test_choices_of_the_storage_servers_test_with_a_swarm_0(space: int) -> None:
    assert swarm.choose_swarm([0, 100, 200, 300, 399, 498, 596, 694], space) == 0


def test_difficulty_of_the_storage_servers_test() -> None:
    time_ms, minute_ms = 1_554_859_211, 60_000
    history = [
        swarm.DifficultyChange(since=time_ms - 30 * minute_ms, difficulty=1000),
        swarm.DifficultyChange(since=time_ms - 20 * minute_ms, difficulty=10),
    ]
    assert storage.find_valid_difficulty(history, time_ms) == 10


# Signal's Java library, RatchetingSessionTest: Bob's side of X3DH without a one-time prekey


def test_signal_x3dh_as_bob() -> None:
    bob = private_key("4875cc69ddf8ea0719ec947d61081135868d5fd801f02c0225e516df2156605e")
    signed = identity.derive_key_pair(private_key("583900131fb727998b7803fe6ac22cc591f342e4e42a8c8d5d78194209b8d253"))
    alice = public_key("b4a8455660ada65b401007f615e654041746432e3339c6875149bceefcb42b4a")
    base_key = public_key("472d1fb1a9862c3af6beaca8920277e2b26f4a79213ec7c906aeb35e03cf8950")
    root_key, chain_key = x3dh.agree_as_responder(bob, signed, None, theirs=alice, base_key=base_key)
    assert chain_key.hex() == "9797caca53c989bbe229a40ca7727010eb2604fc14945d77958a0aeda088b44d"
    assert root_key.hex() == "3e6130d0a8c8e5b8ad65eb8b7d95fa3ab84710d48d92f34dcda43f9909261bca"


# A first message that libsignal 6.0.0 reads, made by an independent program


ALICE = "d88dad44db00be4d8c1c53ba344cb38071aeade055fa8bd2bfeb2624b45d5e66"
ALICE_BASE = "38870d061e8b623fa471e9248b2c022404a438c606d3359acd092a0fb8fcda74"
ALICE_RATCHET = "585b4fa5f164ce03d7afc3cba7f7bcfaa5ae9b99380460fa96ed26cfded50b76"
BOB = "500ff3e98b28a36d1df44737ac6c1b1814060e397abae9a120859253bc979977"
BOB_SIGNED_PREKEY = "a0ed3f1a2f749cdc69e6e0312efc7b4a2e0ca46e7b8d6af5c4a9f1d74dc1c97c"
SIGNATURE = (
    "e715c916e72227668f153c693aafccb785f1f213c1ce9834e7e90d5ed1d3e51c"
    "fdc9c0ab10832529b3d8979155a9c0cb934951feed1938b807d54ff8a015e00b"
)
FIRST_MESSAGE = (
    "331221054d6ced7e5dc5e8cc2e6e9965c70dc2c2bf90d8aad5286c9e22020502a888543d1a21058174a5c8ece92889c3aa754940c6955f77"
    "3fa8da6665562c67aa9da658538a072242330a2105c4442a01feff4d1f51d7534539ceac040fdbee50ba04468645bb5ba39232f721100018"
    "002210f5c8b18ad9ea6bda37dd287a98314e7bbf2eb8e456d803af28013001"
)


def test_first_message_read_by_libsignal() -> None:
    alice, base, ratchet, bob, signed = (
        identity.derive_key_pair(private_key(k)) for k in (ALICE, ALICE_BASE, ALICE_RATCHET, BOB, BOB_SIGNED_PREKEY)
    )
    bundle = x3dh.Bundle(
        identity_key=bob.public,
        signed_prekey_id=1,
        signed_prekey=signed.public,
        signature=bytes.fromhex(SIGNATURE),
    )
    root_key, chain_key = x3dh.agree_as_initiator(alice.private, base.private, bundle)
    assert root_key.hex() == "845a699cb3bbb614ca42513824e928011653702ee1bd7dcbfd8cde1a0b27b313"
    assert chain_key.hex() == "ba8e61907006d727534c6260ab8543b5441d667f9f99f3ea64d250223fe18505"

    record = session.Record(ours=alice.public, theirs=bob.public)
    keys = iter([base.private, ratchet.private])
    record = session.open_session(record, x3dh.Account(identity=alice), bundle, lambda _: next(keys), now_ms=NOW_MS)
    root_key = record.sessions[0].ratchet.root_key
    assert root_key.hex() == "946c24a0f8c8d78c4611863dbaf5b7e7e4ba1e6027c598e404b531bf8b849663"
    _, kind, frame = session.encrypt(record, b"hello bob")
    assert (kind, frame.hex()) == ("prekey message", FIRST_MESSAGE)

    prekeys = x3dh.Prekeys(
        signed=(x3dh.SignedPrekey(prekey_id=1, pair=signed, signature=bundle.signature, created_ms=NOW_MS),)
    )
    theirs = session.Record(ours=bob.public, theirs=alice.public)
    account = x3dh.Account(identity=bob, prekeys=prekeys)
    _, _, plaintext = session.decrypt_prekey_message(theirs, account, frame, bytes, now_ms=NOW_MS)
    assert plaintext == b"hello bob"
    assert double_ratchet.decode_message(session.decode_prekey_message(frame).message).ratchet_key == ratchet.public


# The hop cipher of libsession-util, tests/test_onionreq.cpp


def test_layer_cipher_of_libsession() -> None:
    private = private_key("8fcd8ad3a15c76f76f1c56dff0c529999f8c59b4acda79e05666e54d5727dca1")
    ephemeral = public_key("bbdfc83022d0aff084a6f0c529a93d1c4d728bf7e41199afed0e01ae70d20540")
    agreement = identity.agree(private, ephemeral)
    assert agreement.hex() == "d18901cbf26809d48c34c4fba44d3b908dbf1bdd3a7ee601a49f1e11ea70ea6e"
    key = sealing.derive_sealing_key(private, ephemeral)
    assert key.hex() == "4f310f62c43f14d7fea7c084819a4e394d9fc7005919275ac18d9eb8bf3e4231"
    blob = bytes.fromhex("1eb6ae1cd72f60999486365749bd5dc15cc0b6a2a44d7d063daa5e93722f0c025fd00306403b61")
    assert sealing.decrypt_layer(key, blob) == b"Hello world"
    with pytest.raises(errors.DecryptionFailed):
        sealing.decrypt_layer(key, blob[:-1] + b"\x69")


# A group message as Session sealed it in 2020, made by an independent program


WRAPPER = (
    "0aff01a80800f04e6c8b388db7ee9a99e8c1fa77b6fe806b2c099695210caa2f3413f71f75e194ba635722a7c75cce9db4e5b836bca8de3a"
    "79901b97fbbf648dc0c3cb53d349552585bc38cc59c13fc3b585d3c27782a9a0f716a70157353a7a0d82646a0de02c2e39997497f20d0816"
    "ec84c94769efb9562255d7b0e2c85b9e38215effc1782738b20666b1f55835b2086a713eaea3da392ca900866ac0b93fc0f0ab98b9335f25"
    "f671a3c56b4bac997eeaf0c72bee27371bd998eeed3f695d6fe72958f3380936ab3c26b763d64bdde0c69c350d655d2e7375ea9d183ceb87"
    "228eff1da996ede69fc2d2dfe909463bb5fbc6fb2b550bbc57122f69a389f94d5f021220b0de1564380807f4cb71de02d1587819c43cd380"
    "dca9bcb299d3908aa6331f58"
)


def test_sealed_group_message_of_session() -> None:
    group, ephemeral = (
        identity.derive_key_pair(identity.clamp(hashlib.sha256(label).digest()))
        for label in (b"pub group sk", b"pub eph")
    )
    key = sealing.derive_sealing_key(ephemeral.private, group.public)
    assert key.hex() == "a52768ac5563eb922ef3ab410d75551b2a7021a704d25917af9e9b8d1a56a387"

    inner = sealing.open_sealed(group.private, bytes.fromhex(WRAPPER))
    sender = bytes.fromhex("052aaa38ed4e3fa263c6df1e2fd82d45ec4daff5150017c8bd1731fb7dd3daab57")
    assert inner.endswith(b"\x12\x21" + sender + b"\x18\x01")
    random = iter([ephemeral.private, hashlib.sha256(b"pub iv out").digest()[:12]])
    assert sealing.seal(group.public, inner, lambda _: next(random)).hex() == WRAPPER


@pytest.mark.parametrize(("size", "padded"), [(0, 159), (157, 159), (158, 159), (159, 319), (318, 319), (319, 479)])
def test_padded_sizes_of_session(size: int, padded: int) -> None:
    assert envelope.derive_padded_size(size) == padded
    assert envelope.pad(b"x" * size) == b"x" * size + b"\x80" + bytes(padded - size - 1)


# An onion of the Session network of 2020, made by an independent program


ONION = (
    "f802000028e0f95ebed97bc617badd1eccfcd7d7f456ee5820151c41f0ed0cc0c65210cd45985997d4a0e9dbb9ccfb651d4d85914200ef6d"
    "26a65034421c8518506029a13ad123dc87521a131a44fa772a8ae74f600700d5758c2f3fdf6035a3852f3546ab2f71baf34aa3580616a27d"
    "5753f26bbfcc0718b837b24180b621f884313175b2d236d76a42d8dba4355cc927cf1490c836fe8246db75a60878a436b5fbf4f4a10347f3"
    "0895dddacae87fc621bddf8e15a03b7b18be9354494d724b1b8a1ebd99878731c4c52b831d9e0854247d9b90a18fad35af447d4dc2a62355"
    "3797df0851da666cd8bf02d3eb6b439751924d0e056da60981c7953de848050c77545f83e359f5c5b553a81b18b44d4b936f11ac0defea5e"
    "ac5624637abde251e8b1cdbab327cefa045b3bfdf1d6be8217ec73e75f14ecadcd2168994080d9b4c60bd5f64b0775c7ef307dc46680da09"
    "7d557ec23ec30f3e4978bcd9d65b44cb97b9c8194c78f776fa19ed750848531a9f92816ea3a7ddf0c49f555e1b4679992d5fc1a747f5c1e4"
    "c99bba177f1da2d3573678e6215d2d1181aef20f80380ca7a0f335f359b6c980edd6d3f4e7806c58c2a9276f180f4c703ecbbaf28684819c"
    "41ae887a86de71d1c01ad675793a2864060e2de2bbf5dcb06b0b4fc534fff45400f8096e747156170626d1ce4fbabbf066c7ba253d62dd0c"
    "7b59236b6e85d1094f638834f1773a339cbf6ab8ebe570660b822ae973f8bbc4df543664b65151f2befc62443990071fccffb8bcce545f68"
    "887293063cc1600404eb5d3ec93a95c2249bc45f88a204e98286932c2a7ba99f1db424aa16ef84a97fba7a874ca64e95ad5f6dec9955e0fe"
    "01fbe1794cbdcbbe6e21c3582967d155d1d6e9f769d2bdf60b3e0d6c4368b4efdfb721e2c7303a95946be4d96da1216c23573c311e8bf66e"
    "62aecb28e025077f214dbe2885129936296884ce2ac8c499c92d9bfa21e6c5ef73266364ea6f45bb29cf39f7343ccbbcbe9e7a6261b940be"
    "a3cc1216f06b6c79d088bd6b0b0e553753256dce3e89b7fa6280644d0d2d5f5210b8d67d7b22657068656d6572616c5f6b6579223a223237"
    "3238663262326238623163366333343461656635633636366664643936303565363565393562636439666363626366303230626464303938"
    "613236313763227d"
)
REPLY = "He5ls5jSF5jqdvoTrIxEDdt/vprGuiCzQoNCBJ80D6vzHIEChREXVljfTp1HXfwQJKZ4w038fZplTPs+OXcoKkxWVoZv"


def derive_published(label: str) -> bytes:
    return hashlib.sha256(f"pub {label}".encode("ascii")).digest()


def test_onion_of_session() -> None:
    pairs = [identity.derive_key_pair(identity.clamp(derive_published(f"node {place} x25519"))) for place in range(4)]
    nodes = [
        swarm.Node(
            pubkey_ed25519=derive_published(f"node {place} ed25519").hex(),
            pubkey_x25519=pair.public[1:].hex(),
            ip="192.0.2.1",
            port="22021",
        )
        for place, pair in enumerate(pairs)
    ]
    randoms = []
    for place in (3, 2, 1, 0):
        randoms += [identity.clamp(derive_published(f"eph {place}")), derive_published(f"iv {place}")[:12]]
    source = iter(randoms)
    account = "053506f4a71324b7dd114eddbf4e311f39dde243e1f2cb97c40db1961f70ebaae8"
    payload = f'{{"method":"get_snodes_for_pubkey","params":{{"pubKey":"{account}"}}}}'.encode("ascii")
    built = onion.build(nodes[:3], nodes[3], payload, lambda size: next(source))
    assert built.body.hex() == ONION
    assert hashlib.sha256(built.body).hexdigest() == "b921772c7880d66c148a4011d9a599f694d86526a3d19106dd67208a69742d4c"
    keys = (
        "86f95e950a1d35f792dbb74606183f50d9ecb6118b22d06c16f4a00f30f84085",
        "7d0243ed12f4a2a349cd351ddde5e18bbc088026964942aaf773d810a7d288a9",
        "162984c6bff0a550e0dd2e6daebe710466019c5fec79d7e715745e82473a8cd7",
        "f142002625bb8206c4ba6a9d8c0a05e3a24c28e673d390b446b2a784e9d3e305",
    )
    assert tuple(layer.key.hex() for layer in built.layers) == keys

    body = bytes.fromhex(ONION)
    for pair, behind in zip(pairs[:3], nodes[1:], strict=True):
        action = onion.read_action(onion.peel(pair.private, body).plaintext)
        assert isinstance(action, onion.ForNode)
        assert action.destination == behind.pubkey_ed25519
        body = action.body
    peeled = onion.peel(pairs[3].private, body)
    assert onion.read_action(peeled.plaintext) == onion.ForThisNode(payload=payload)
    assert onion.open_reply(peeled.key, REPLY) == onion.Reply(status=200, body='{"messages":[]}')


# Frames and targets in the tests of the storage server, unit_test/onion_requests.cpp


def test_frames_of_the_storage_server() -> None:
    frame = bytes.fromhex("0a000000") + b"ciphertext"
    assert onion.read_action(frame + b'{"headers":"x"}') == onion.ForThisNode(payload=b"ciphertext")
    server = onion.read_action(frame + b'{"host":"host","target":"/loki/v3/lsrpc","method":"POST"}')
    assert isinstance(server, onion.ForServer)
    assert (server.protocol, server.port) == ("https", 443)


@pytest.mark.parametrize("target", ["/loki/v3/lsrpc", "/oxen/v3/lsrpc", "/loki/oxen/v4/lsrpc"])
def test_targets_of_the_storage_server_that_are_allowed(target: str) -> None:
    onion.check_target(target)


@pytest.mark.parametrize("target", ["/not_loki/v3/lsrpc", "/loki/v3", "/loki/v3/lsrpc?foo=bar"])
def test_targets_of_the_storage_server_that_are_refused(target: str) -> None:
    with pytest.raises(errors.ForbiddenTarget):
        onion.check_target(target)
