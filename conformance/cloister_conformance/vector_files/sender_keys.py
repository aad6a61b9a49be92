"""Chapter 04: staged messages, the fields of frames, and passive scenarios."""

from hashlib import sha512

from cloister import identity, sender_keys
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from cloister_conformance.vector_files import frames, material
from cloister_conformance.vector_files.cases import Chapter, Group, Json
from cloister_conformance.vector_files.format import Note
from cloister_conformance.vector_files.frames import VERSION, Sender
from cloister_conformance.vector_files.keys import bad_public_keys
from cloister_conformance.vector_files.receiver import NOW_MS, process, read
from cloister_conformance.vector_files.sender_key_scenarios import scenarios
from cloister_conformance.vector_files.staged_sender_keys import staged

MAX_ITERATION = sender_keys.MAX_ITERATION

HEADER = (
    "Chapter 04: sender keys.",
    "Staged messages inject every random value (capability sender-keys-deterministic); their frames can also be read passively.",
    (
        "A scenario is passive: keys and frames in, plaintexts and refusals out. `record` names what a "
        "receiver holds of one sender."
    ),
    "A refused frame is followed by good ones: the refusal must have left the record as it was.",
    "The forms of frames (versions, field order, unknown fields, truncation) are in notation.json.",
)

NOTES = {
    "Staged": Note(
        bugType="BASIC",
        description="Every value on the way from a chain key to a frame.",
        clauses=["SK-2", "SK-3", "SK-4", "SK-5", "SK-7", "SK-8", "SK-9"],
    ),
    "Published": Note(
        bugType="BASIC",
        description="Values that deployed libraries have read.",
        clauses=["SK-2", "SK-3", "SK-4", "SK-5"],
    ),
    "EdgeLength": Note(
        bugType="EDGE_CASE",
        description="Plaintexts of every length up to a few blocks, and long ones.",
        clauses=["SK-4"],
    ),
    "EdgeNumber": Note(
        bugType="EDGE_CASE",
        description="Key ids and iterations where their encoding or their sign changes.",
        clauses=["SK-5", "SK-15"],
    ),
    "Exhausted": Note(bugType="EDGE_CASE", description="The last iteration, and none after it.", clauses=["SK-10"]),
    "Chain": Note(bugType="BASIC", description="One chain key and what is derived from it.", clauses=["SK-2", "SK-3"]),
    "ChainKeySize": Note(bugType="MALFORMED", description="A chain key that has not 32 bytes.", clauses=["SK-13"]),
    "SigningKey": Note(bugType="WEAK_KEY", description="A signing key that chapter 02 refuses.", clauses=["SK-14"]),
    "IterationLimit": Note(
        bugType="INTEROPERABILITY",
        description="Iterations at and above 2^31; some readers take them for negative numbers.",
        clauses=["SK-15"],
    ),
    "WrongSignature": Note(
        bugType="AUTH_BYPASS",
        description="Every member has the chain key; only the signature tells the sender from the others.",
        clauses=["SK-5", "SK-27"],
    ),
    "SignatureFirst": Note(
        bugType="AUTH_BYPASS",
        description="The signature is verified before the iteration is looked at, or an outsider can make a "
        "receiver report a gap.",
        clauses=["SK-27"],
    ),
    "UnknownKey": Note(bugType="BASIC", description="A message under a key id that is not held.", clauses=["SK-26"]),
    "BadCiphertext": Note(
        bugType="MALFORMED",
        description="Signed by the sender, and its ciphertext is not whole blocks or badly padded.",
        clauses=["SK-34", "SK-35"],
    ),
    "Order": Note(bugType="LOST_MESSAGE", description="Messages in every order, and with gaps.", clauses=["SK-28"]),
    "Replay": Note(bugType="REPLAY", description="A message that was read before.", clauses=["SK-29"]),
    "Rewind": Note(
        bugType="REPLAY",
        description="A distribution that is repeated or earlier must not rewind the chain; a deployed library "
        "reads old messages again.",
        clauses=["SK-17"],
    ),
    "MoveForward": Note(
        bugType="LOST_MESSAGE",
        description="A later distribution of the same key moves the chain forward and keeps what it passes over.",
        clauses=["SK-18", "SK-19"],
    ),
    "Conflict": Note(bugType="AUTH_BYPASS", description="A sender contradicts its own chain.", clauses=["SK-20"]),
    "Renewal": Note(
        bugType="LOST_MESSAGE",
        description="A new sender key; messages under the old one are still under way.",
        clauses=["SK-16", "SK-21"],
    ),
    "ManyKeys": Note(
        bugType="LOST_MESSAGE",
        description="Up to 100 sender keys of one sender are held; deployed libraries hold five.",
        clauses=["SK-22", "SK-23"],
    ),
    "Expiry": Note(
        bugType="EDGE_CASE",
        description="A superseded key is read for 14 days, to the millisecond.",
        clauses=["SK-24", "SK-25"],
    ),
    "SkipLimit": Note(
        bugType="DENIAL_OF_SERVICE",
        description="Messages 2000 and more ahead of the chain.",
        clauses=["SK-30", "SK-31"],
    ),
    "SkippedSeeds": Note(
        bugType="DENIAL_OF_SERVICE",
        description="2000 skipped seeds are kept for one sender over all its keys; the oldest go first.",
        clauses=["SK-32", "SK-33"],
    ),
    "StateUnharmed": Note(
        bugType="LOST_MESSAGE",
        description="What follows a refused frame is read as if that frame had never come.",
        clauses=["SK-35", "NE-17"],
    ),
    "Records": Note(
        bugType="AUTH_BYPASS", description="The records of several senders have nothing in common.", clauses=["SK-26"]
    ),
}


def build() -> Chapter:
    """Build the file."""
    return Chapter(
        stem="sender_keys",
        algorithm="sender keys of Signal protocol version 3",
        header=HEADER,
        notes=NOTES,
        groups=[
            *staged(),
            distribution_fields(),
            message_fields(),
            ciphertexts(),
            signatures(),
            *scenarios(),
        ],
    )


# Fields


def distribution_fields() -> Group:
    """Distributions of good form whose fields are at or beyond their limits; afterwards a good one is taken."""
    good = Sender("distribution fields")
    after = [process(good, record="bob"), *read(good, 0, 1, record="bob")]
    group = Group("DistributionFields", "sender_keys.process", after=after)
    number, data = frames.number, frames.data

    def inputs(
        key_id: int = 5, iteration: int = 0, chain_key: bytes = good.chain_key(0), signing_key: bytes = good.pair.public
    ) -> Json:
        fields = number(1, key_id) + number(2, iteration) + data(3, chain_key) + data(4, signing_key)
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
    for comment, clause, public in bad_public_keys(good.pair.public):
        group.invalid(
            f"signing key: {comment}", "InvalidKey", "SigningKey", f"SK-14 {clause}", **inputs(signing_key=public)
        )
    return group


def message_fields() -> Group:
    """Messages of good form whose numbers are at or beyond their limits; afterwards good ones are read."""
    sender = Sender("message fields")
    group = Group("MessageFields", "sender_keys.decrypt", before=[process(sender)], after=read(sender, 0, 1))
    number, data = frames.number, frames.data

    def inputs(key_id: int, iteration: int) -> Json:
        body = VERSION + number(1, key_id) + number(2, iteration) + data(3, sender.ciphertext(2, b"hello group"))
        return {"record": "alice", "message": frames.sign(body, sender.pair), "now_ms": NOW_MS}

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
    sender = Sender("ciphertexts")
    group = Group("Ciphertext", "sender_keys.decrypt", before=[process(sender)], after=read(sender, 3, 0, 4))

    def inputs(ciphertext: bytes) -> Json:
        body = VERSION + frames.number(1, sender.key_id) + frames.number(2, 3) + frames.data(3, ciphertext)
        return {"record": "alice", "message": frames.sign(body, sender.pair), "now_ms": NOW_MS}

    def bad(comment: str, ciphertext: bytes) -> None:
        group.invalid(
            comment, "DecryptionFailed", "BadCiphertext StateUnharmed", "SK-34 SK-35 NE-17", **inputs(ciphertext)
        )

    good = sender.ciphertext(3, bytes(range(40)))
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
    bad("encrypted under iteration 4", sender.ciphertext(4, b"hello group"))
    bad("cut by a block", good[:-16])
    bad("the last block flipped", good[:-1] + bytes([good[-1] ^ 1]))
    bad("cipher key and IV taken from the wrong ends", swap_halves(sender, 3))
    return group


def encrypt_blocks(sender: Sender, iteration: int, blocks: bytes) -> bytes:
    """Encrypt whole blocks as they are, without padding."""
    iv, cipher_key = sender_keys.derive_message_key(sender_keys.derive_seed(sender.chain_key(iteration)))
    encryptor = Cipher(algorithms.AES256(cipher_key), modes.CBC(iv)).encryptor()
    return encryptor.update(blocks) + encryptor.finalize()


def swap_halves(sender: Sender, iteration: int) -> bytes:
    """Encrypt with the first 32 of the 48 derived bytes as cipher key and the last 16 as IV."""
    iv, cipher_key = sender_keys.derive_message_key(sender_keys.derive_seed(sender.chain_key(iteration)))
    derived = iv + cipher_key
    encryptor = Cipher(algorithms.AES256(derived[:32]), modes.CBC(derived[32:])).encryptor()
    return encryptor.update(b"hello group" + b"\x05" * 5) + encryptor.finalize()


def signatures() -> Group:
    """Messages whose signature is not the sender's; afterwards good ones are read."""
    sender = Sender("signatures")
    member = Sender("signatures, another member")
    before = [process(sender), *read(sender, 0, 2)]
    group = Group("MessageSignature", "sender_keys.decrypt", before=before, after=read(sender, 1, 3, 5))

    def bad(comment: str, frame: bytes, flag: str = "WrongSignature StateUnharmed") -> None:
        inputs = {"record": "alice", "message": frame, "now_ms": NOW_MS}
        group.invalid(comment, "InvalidSignature", flag, "SK-27 SK-35 NE-17", **inputs)

    good = sender.message(3)
    body = good[:-64]
    bad("signed by another member, who has the chain key", frames.sign(body, member.pair))
    bad("signature of zeros", body + bytes(64))
    bad("signature of another message", body + sender.message(4)[-64:])
    bad("signature over the body without the version byte", body + frames.sign(body[1:], sender.pair)[-64:])
    bad("signature over the ciphertext", body + frames.sign(sender.ciphertext(3, b"message 3"), sender.pair)[-64:])
    bad("signature over a hash of the body", body + frames.sign(sha512(body).digest(), sender.pair)[-64:])
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
        forged = VERSION + frames.number(1, 5) + frames.number(2, iteration) + frames.data(3, bytes(16))
        bad(
            f"forged at an iteration {name}",
            frames.sign(forged, member.pair),
            "SignatureFirst WrongSignature StateUnharmed",
        )
    bad(
        "forged with an empty ciphertext",
        frames.sign(VERSION + frames.number(1, 5) + frames.number(2, 3) + frames.data(3, b""), member.pair),
    )
    return group
