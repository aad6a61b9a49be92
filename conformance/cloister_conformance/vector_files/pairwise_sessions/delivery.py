"""Chapter 03: passive scenarios of lost, reordered, repeated and tampered messages of one session."""

import secrets
from collections.abc import Sequence
from itertools import permutations

from cloister_conformance.hand_made.pairwise_sessions import ALICE, BOB, CAROL, Chain, Initiator
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.vector_files.cases import Group, Json, answered
from cloister_conformance.vector_files.identity.bad_keys import kinds_of_bad_public_key
from cloister_conformance.vector_files.pairwise_sessions import formulas
from cloister_conformance.vector_files.pairwise_sessions.opening import DAY_MS
from cloister_conformance.vector_files.pairwise_sessions.receiver import (
    NOW_MS,
    PLAIN_KEYS,
    call,
    first,
    import_prekeys,
    message,
    opener,
    prepare,
    read,
    read_first,
    refuse,
    refuse_first,
    without_one_time,
)

ARCHIVE_LIFETIME_MS = 14 * DAY_MS
ALICES = opener(0)
BEGUN = [*prepare(), *read_first(ALICES, 0)]


def orders() -> Group:
    """Loss and reordering."""
    group = Group("Order", "session.decrypt", random=secrets.token_bytes)
    for order in permutations(range(1, 5)):
        group.scenario(f"order {' '.join(map(str, order))}", "Order", "PS-40", [*BEGUN, *read(ALICES, *order)])
    group.scenario("every second counter", "Order", "PS-40", [*BEGUN, *read(ALICES, *range(2, 40, 2))])
    group.scenario("backwards from 30", "Order", "PS-40", [*BEGUN, *read(ALICES, *range(30, 0, -1))])
    group.scenario("a plain conversation of 30", "Order", "PS-40", [*BEGUN, *read(ALICES, *range(1, 31))])
    return group


def replays() -> Group:
    """Messages that were read before."""
    group = Group("Replay", "session.decrypt", random=secrets.token_bytes)
    for name, before, again in (
        ("at once", (1,), 1),
        ("after another", (1, 2), 1),
        ("the first one, as a plain message", (1, 2), 0),
        ("read late", (3, 1), 1),
        ("read late, after others", (5, 1, 4, 2), 1),
    ):
        steps = [*BEGUN, *read(ALICES, *before), *refuse(message(ALICES.chain, again), "DuplicateMessage")]
        group.scenario(name, "Replay StateUnharmed", "PS-41 PS-48", [*steps, *read(ALICES, 6)])
    return group


def tampered() -> Group:
    """Messages that are not the sender's; afterwards the genuine one of the same counter is read."""
    group = Group("Tampered", "session.decrypt", random=secrets.token_bytes)
    chain = ALICES.chain
    good = message(chain, 2)

    def bad(comment: str, error: str, flag: str, clauses: str, frame: bytes) -> None:
        group.scenario(
            comment, f"{flag} StateUnharmed", clauses, [*BEGUN, *refuse(frame, error), *read(ALICES, 2, 1, 3)]
        )

    for index in range(len(good) - 24, len(good)):
        changed = good[:index] + bytes([good[index] ^ 0x20]) + good[index + 1 :]
        bad(f"byte {index} changed", "InvalidMac", "WrongMac", "PS-31 PS-48", changed)
    keys = formulas.message_keys(chain.chain_key_at(2))
    body = good[:-8]
    for name, mac in (
        ("of zeros", bytes(8)),
        ("of another message", message(chain, 3)[-8:]),
        ("with the two people swapped", formulas.mac(keys, BOB.public, ALICE.public, body)),
        ("from Carol", formulas.mac(keys, CAROL.public, BOB.public, body)),
        ("to Carol", formulas.mac(keys, ALICE.public, CAROL.public, body)),
        ("without the two people", formulas.mac(keys, b"", b"", body)),
        ("without the version byte", formulas.mac(keys, ALICE.public, BOB.public, body[1:])),
        ("over the ciphertext alone", formulas.mac(keys, ALICE.public, BOB.public, chain.fields(b"message 2", 2)[4])),
    ):
        bad(f"MAC {name}", "InvalidMac", "WrongMac", "PS-29 PS-31", body + mac)
    for version in (0x30, 0x32, 0x34, 0x3F):
        frame = bytes([version]) + good[1:]
        bad(f"version byte {version:#x}, not covered", "InvalidMac", "VersionByte", "PS-30", frame)
        frame = chain.message(b"message 2", 2, version=bytes([version]))
        covered = [*BEGUN, *read_frame(frame, b"message 2")]
        group.scenario(f"version byte {version:#x}, covered", "VersionByte", "PS-30 NE-6", covered)
    for counter in (2**31, 2**31 + 1, 2**32 - 1):
        frame = chain.message(b"message 2", 2, {2: field(2, counter)})
        bad(f"counter {counter}", "OutOfRange", "Counter", "PS-34", frame)
    for comment, clause, public in kinds_of_bad_public_key(chain.ratchet_key):
        frame = chain.message(b"message 2", 2, {1: field(1, public)})
        bad(f"ratchet key: {comment}", "InvalidKey", "BadKey", f"PS-33 {clause}", frame)
    for number in (1, 2, 4):
        frame = chain.message(b"message 2", 2, {number: b""})
        bad(f"no field {number}", "InvalidMessage", "Fields", "PS-25", frame)
    without_previous = [*BEGUN, *read_frame(chain.message(b"message 2", 2, {3: b""}), b"message 2")]
    group.scenario("no previous counter", "Fields", "PS-25 PS-39", without_previous)
    for previous in (1, 2000, 2**31, 2**32 - 1):
        frame = chain.message(b"message 2", 2, {3: field(3, previous)})
        steps = [*BEGUN, *read_frame(frame, b"message 2"), *read(ALICES, 1)]
        group.scenario(f"previous counter {previous}", "PreviousCounter", "PS-39", steps)
    return group


def read_frame(frame: bytes, plaintext: bytes) -> list[Json]:
    """Describe the decryption of a frame made for the purpose."""
    return [answered("session.decrypt", call("message", frame, NOW_MS), {"plaintext": plaintext.hex()})]


def ciphertexts() -> Group:
    """Messages with the right MAC whose ciphertext does not decrypt; afterwards the good one is read."""
    group = Group("Ciphertext", "session.decrypt", random=secrets.token_bytes)
    chain = ALICES.chain
    keys = formulas.message_keys(chain.chain_key_at(2))

    def bad(comment: str, ciphertext: bytes) -> None:
        frame = chain.message(b"", 2, {4: field(4, ciphertext)})
        steps = [*BEGUN, *refuse(frame, "DecryptionFailed"), *read(ALICES, 2, 1)]
        group.scenario(comment, "BadCiphertext StateUnharmed", "PS-32 PS-48", steps)

    good = formulas.encrypt(keys, bytes(range(40)))
    for size in (0, 1, 8, 15, 17, 31, 33, 47):
        bad(f"{size} bytes of ciphertext", good[:size])
    for name, blocks in (
        ("padding byte 00", b"hello alice\x00\x00\x00\x00\x00"),
        ("padding byte 11", b"hello alice hell\x11" + b"\x11" * 15),
        ("padding byte ff", b"hello alice hel\xff"),
        ("padding 04 of 3 bytes", b"hello alice x\x04\x04\x04"),
        ("padding 10, the first byte 0f", b"\x0f" + b"\x10" * 15),
        ("padding of zeros", b"hello alice" + bytes(5)),
    ):
        bad(name, formulas.encrypt_blocks(keys, blocks))
    bad("the MAC key taken for the cipher key", formulas.encrypt(keys._replace(cipher_key=keys.mac_key), b"x" * 15))
    return group


def skip_limits() -> Group:
    """Messages at the bound and one past it."""
    group = Group("SkipLimit", "session.decrypt", random=secrets.token_bytes)
    chain = ALICES.chain
    group.scenario("2000 ahead", "SkipLimit", "PS-42", [*BEGUN, *read(ALICES, 2001, 1, 2000, 2002)])
    steps = [*BEGUN, *refuse(message(chain, 2002), "TooFarAhead"), *read(ALICES, 2001, 1)]
    group.scenario("2001 ahead", "SkipLimit StateUnharmed", "PS-43 PS-48", steps)
    group.scenario("a first message 2000 ahead", "SkipLimit", "PS-42", [*prepare(), *read_first(ALICES, 2000, 0)])
    steps = [*prepare(), *refuse_first(first(ALICES, 2001), "TooFarAhead"), *read_first(ALICES, 2000)]
    group.scenario("a first message 2001 ahead", "SkipLimit StateUnharmed", "PS-24 PS-43", steps)
    steps = [*BEGUN, *refuse(forge(chain, 2**31 - 1), "TooFarAhead"), *read(ALICES, 1)]
    group.scenario("the last counter of all", "SkipLimit StateUnharmed", "PS-43", steps)
    two = [*BEGUN, *read(ALICES, 2001, 4002)]
    group.scenario("two jumps of 2000, what is kept", "SkippedSeeds", "PS-44", [*two, *read(ALICES, 2002, 4001)])
    for counter in (1, 2000):
        steps = [*two, *refuse(message(chain, counter), "DuplicateMessage"), *read(ALICES, 2002)]
        group.scenario(f"two jumps of 2000, {counter} is dropped", "SkippedSeeds StateUnharmed", "PS-45", steps)
    return group


def forge(chain: Chain, counter: int) -> bytes:
    """A message of a counter to which nobody would step."""
    return chain.message(b"x", 0, {2: field(2, counter)})


def sessions() -> Group:
    """Several sessions with one peer: archived ones, and messages without any."""
    group = Group("Sessions", "session.decrypt", random=secrets.token_bytes)
    openers = [without_one_time(opener(number)) for number in range(42)]
    steps = [*prepare(PLAIN_KEYS), *refuse(message(openers[0].chain, 0), "UnknownSession"), *read_first(openers[0], 0)]
    group.scenario("a message before any session", "NoSession StateUnharmed", "PS-53", steps)
    begun = open_all(openers[:3])
    for name, order in (("oldest first", (0, 1, 2)), ("newest first", (2, 1, 0))):
        late = [step for number in order for step in read(openers[number], 1)]
        group.scenario(f"three sessions, {name}", "Archived", "PS-51", [*begun, *late])
    all_kept = [*open_all(openers[:41]), *read(openers[0], 1), *read(openers[40], 1)]
    group.scenario("40 archived sessions", "Archived", "PS-51", all_kept)
    too_many = open_all(openers)
    steps = [*too_many, *refuse(message(openers[0].chain, 1), "InvalidMac"), *read(openers[1], 1)]
    group.scenario("41 archived sessions, the oldest is gone", "Archived StateUnharmed", "PS-69", steps)
    end = NOW_MS + ARCHIVE_LIFETIME_MS
    two = open_all(openers[:2])
    group.scenario("an archived session, at the end", "Archived", "PS-51", [*two, *read(openers[0], 1, at=end)])
    late = [*two, *refuse(message(openers[0].chain, 1), "InvalidMac", at=end + 1), *read(openers[1], 1, at=end + 1)]
    group.scenario("an archived session, 1 ms too late", "Archived StateUnharmed", "PS-52", late)
    three = [*two, *read_first(openers[2], 0, at=end - DAY_MS)]
    late = [*three, *refuse(message(openers[0].chain, 1), "InvalidMac", at=end + 1), *read(openers[1], 1, at=end + 1)]
    comment = "an archived session, 1 ms too late though a newer one was set up"
    group.scenario(comment, "Archived StateUnharmed", "PS-52", late)
    steps = [*two, *read(openers[1], 1, at=end + 365 * DAY_MS)]
    group.scenario("the newest session, after a year", "Archived", "PS-51", steps)
    renewed = import_prekeys(PLAIN_KEYS, at=NOW_MS)
    group.scenario("a session outlives its prekey", "Archived", "PS-22", [*two, renewed, *read_first(openers[0], 1)])
    return group


def open_all(openers: Sequence[Initiator]) -> list[Json]:
    """Describe sessions that Alice opens one after the other."""
    return [*prepare(PLAIN_KEYS), *(step for alice in openers for step in read_first(alice, 0))]
