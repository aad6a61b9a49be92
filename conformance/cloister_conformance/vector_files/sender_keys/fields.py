"""Chapter 04: frames of good form whose fields, ciphertexts or signatures are not."""

from hashlib import sha512

from cloister import chain, identity, sender_keys
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.hand_made.sender_keys import VERSION, Sender, make_sender
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.identity.bad_keys import bad_public_keys
from cloister_conformance.vector_files.sender_keys.receiver import NOW_MS, message, process, read

MAX_ITERATION = sender_keys.MAX_ITERATION


def distribution_fields() -> Group:
    """Distributions of good form whose fields are at or beyond their limits; afterwards a good one is taken."""
    good = make_sender("distribution fields")
    after = [process(good, record="bob"), *read(good, 0, 1, record="bob")]
    group = Group("DistributionFields", "sender_keys.process", after=after)

    def inputs(
        key_id: int = 5,
        iteration: int = 0,
        chain_key: bytes = good.chain_key_at(0),
        signing_key: bytes = good.signing_key.public,
    ) -> Json:
        fields = field(1, key_id) + field(2, iteration) + field(3, chain_key) + field(4, signing_key)
        return {"record": "bob", "distribution": VERSION + fields, "now_ms": NOW_MS}

    for key_id in (0, 1, 127, 128, 2**31 - 1, 2**31, 2**32 - 1):
        group.valid(f"key id {key_id}", "EdgeNumber", "SK-16", **inputs(key_id=key_id))
    for iteration in (0, 1, 127, 128, 2000, 2001, 65536, MAX_ITERATION - 1, MAX_ITERATION):
        group.valid(
            f"iteration {iteration}", "EdgeNumber IterationLimit", "SK-15", **inputs(key_id=6, iteration=iteration)
        )
    for name, chain_key in (("zeros", bytes(32)), ("0xff", b"\xff" * 32)):
        group.valid(f"chain key of {name}", "Chain", "SK-13", **inputs(key_id=6, chain_key=chain_key))

    for iteration in (2**31, 2**31 + 1, 2**31 + 2000, 3 * 2**30, 2**32 - 2001, 2**32 - 2, 2**32 - 1):
        group.invalid(f"iteration {iteration}", "OutOfRange", "IterationLimit", "SK-15", **inputs(iteration=iteration))
    for size in (*range(32), *range(33, 41), 48, 63, 64, 65, 128):
        chain_key = material.derive_bytes("chain key of another size", size)
        group.invalid(
            f"chain key of {size} bytes", "InvalidMessage", "ChainKeySize", "SK-13", **inputs(chain_key=chain_key)
        )
    for comment, clause, public in bad_public_keys(good.signing_key.public):
        group.invalid(
            f"signing key: {comment}", "InvalidKey", "SigningKey", f"SK-14 {clause}", **inputs(signing_key=public)
        )
    return group


def message_fields() -> Group:
    """Messages of good form whose numbers are at or beyond their limits; afterwards good ones are read."""
    sender = make_sender("message fields")
    group = Group("MessageFields", "sender_keys.decrypt", before=[process(sender)], after=read(sender, 0, 1))

    def inputs(key_id: int, iteration: int) -> Json:
        body = VERSION + field(1, key_id) + field(2, iteration) + field(3, sender.ciphertext(b"hello group", 2))
        return {"record": "alice", "message": sender.sign(body), "now_ms": NOW_MS}

    expected = {"plaintext": b"hello group".hex()}
    group.valid("iteration 2", "Order", "SK-28", expected=expected, **inputs(5, 2))
    for iteration in (2**31, 2**31 + 2, 2**32 - 2000, 2**32 - 1):
        group.invalid(f"iteration {iteration}", "OutOfRange", "IterationLimit", "SK-15", **inputs(5, iteration))
    for key_id in (0, 1, 4, 6, 128, 133, 261, 2**31 + 5, 2**32 - 5, 2**32 - 1):
        group.invalid(f"key id {key_id}", "UnknownSenderKey", "UnknownKey", "SK-26", **inputs(key_id, 2))
    for iteration in (2001, 2002, 4000, 65536, 2**31 - 1):
        group.invalid(f"iteration {iteration}", "TooFarAhead", "SkipLimit", "SK-31", **inputs(5, iteration))
    return group


def ciphertexts() -> Group:
    """Signed messages whose ciphertext does not decrypt; afterwards the good one of the same iteration is read."""
    sender = make_sender("ciphertexts")
    group = Group("Ciphertext", "sender_keys.decrypt", before=[process(sender)], after=read(sender, 3, 0, 4))

    def inputs(ciphertext: bytes) -> Json:
        body = VERSION + field(1, sender.key_id) + field(2, 3) + field(3, ciphertext)
        return {"record": "alice", "message": sender.sign(body), "now_ms": NOW_MS}

    def bad(comment: str, ciphertext: bytes) -> None:
        group.invalid(
            comment, "DecryptionFailed", "BadCiphertext StateUnharmed", "SK-34 SK-35 NE-17", **inputs(ciphertext)
        )

    good = sender.ciphertext(bytes(range(40)), 3)
    for length in (*range(16), 17, 24, 31, 33, 40, 47):
        bad(f"{length} bytes of ciphertext", good[:length])
    for name, padding in (
        ("16 bytes without padding, ending in 00", b"\x00" * 16),
        ("16 bytes without padding, ending in 11", b"\x11" * 16),
        ("padding byte 00", b"hello group \x00\x00\x00\x00"),
        ("padding byte 11", b"hello group hell\x11" + b"\x11" * 15),
        ("padding byte 20, as in a longer block size", b"\x20" * 32),
        ("padding byte ff", b"hello group hel\xff"),
        ("padding 04 of 3 bytes", b"hello group x\x04\x04\x04"),
        ("padding 04, the first byte 05", b"hello group \x05\x04\x04\x04"),
        ("padding 02, the first byte 01", b"hello group xx\x01\x02"),
        ("padding 10, the first byte 0f", b"\x0f" + b"\x10" * 15),
        ("padding of ISO 10126, random bytes and the length", b"hello group \xa5\x5a\xc3\x04"),
        ("padding of ANSI X9.23, zeros and the length", b"hello group \x00\x00\x00\x04"),
        ("padding of ISO 7816-4, 80 and zeros", b"hello group \x80\x00\x00\x00"),
        ("padding of zeros", b"hello group" + bytes(5)),
        ("padding of blanks", b"hello group     "),
    ):
        bad(name, encrypt_blocks(sender, 3, padding))
    bad("encrypted under iteration 4", sender.ciphertext(b"hello group", 4))
    bad("cut by a block", good[:-16])
    bad("the last block flipped", good[:-1] + bytes([good[-1] ^ 1]))
    bad("cipher key and IV taken from the wrong ends", swap_halves(sender, 3))
    return group


def encrypt_blocks(sender: Sender, iteration: int, blocks: bytes) -> bytes:
    """Encrypt whole blocks as they are, without padding."""
    iv, cipher_key = sender_keys.derive_message_key(chain.derive_seed(sender.chain_key_at(iteration)))
    encryptor = Cipher(algorithms.AES256(cipher_key), modes.CBC(iv)).encryptor()
    return encryptor.update(blocks) + encryptor.finalize()


def swap_halves(sender: Sender, iteration: int) -> bytes:
    """Encrypt with the first 32 of the 48 derived bytes as cipher key and the last 16 as IV."""
    iv, cipher_key = sender_keys.derive_message_key(chain.derive_seed(sender.chain_key_at(iteration)))
    derived = iv + cipher_key
    encryptor = Cipher(algorithms.AES256(derived[:32]), modes.CBC(derived[32:])).encryptor()
    return encryptor.update(b"hello group" + b"\x05" * 5) + encryptor.finalize()


def signatures() -> Group:
    """Messages whose signature is not the sender's; afterwards good ones are read."""
    sender = make_sender("signatures")
    member = make_sender("signatures, another member")
    before = [process(sender), *read(sender, 0, 2)]
    group = Group("MessageSignature", "sender_keys.decrypt", before=before, after=read(sender, 1, 3, 5))

    def bad(comment: str, frame: bytes, flag: str = "WrongSignature StateUnharmed") -> None:
        inputs = {"record": "alice", "message": frame, "now_ms": NOW_MS}
        group.invalid(comment, "InvalidSignature", flag, "SK-27 SK-35 NE-17", **inputs)

    good = message(sender, 3)
    body = good[:-64]
    bad("signed by another member, who has the chain key", member.sign(body))
    bad("signature of zeros", body + bytes(64))
    bad("signature of another message", body + message(sender, 4)[-64:])
    bad("signature over the body without the version byte", body + sender.sign(body[1:])[-64:])
    bad("signature over the ciphertext", body + sender.sign(sender.ciphertext(b"message 3", 3))[-64:])
    bad("signature over a hash of the body", body + sender.sign(sha512(body).digest())[-64:])
    bad("the sign bit flipped", good[:-1] + bytes([good[-1] ^ 0x80]))
    s = int.from_bytes(good[-32:], "little")
    bad("s + Q", good[:-32] + (s + identity.Q).to_bytes(32, "little"))
    bad("version byte 0x34 after signing", b"\x34" + good[1:])
    for index in range(len(body) - 16, len(body)):
        bad(f"byte {index} of the body changed", good[:index] + bytes([good[index] ^ 0x01]) + good[index + 1 :])
    for index in range(0, 64, 3):
        at = len(body) + index
        bad(f"byte {index} of the signature changed", good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :])
    for iteration, name in (
        (0, "read before"),
        (2, "read before, out of order"),
        (1, "skipped"),
        (2003, "2000 ahead"),
        (2004, "too far"),
        (2**31 - 1, "the last"),
    ):
        forged = VERSION + field(1, 5) + field(2, iteration) + field(3, bytes(16))
        bad(
            f"forged at an iteration {name}",
            member.sign(forged),
            "SignatureFirst WrongSignature StateUnharmed",
        )
    bad(
        "forged with an empty ciphertext",
        member.sign(VERSION + field(1, 5) + field(2, 3) + field(3, b"")),
    )
    return group
