"""Chapter 03: several sessions with one peer: which one is sent in, and late messages of the others."""

import secrets
from dataclasses import replace

from cloister import double_ratchet, x3dh

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.pairwise_sessions import ALICE, Initiator, make_pair
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.vector_files.cases import Group, Json, answered
from cloister_conformance.vector_files.pairwise_sessions.chains import Turns, alternate, usual_plaintext
from cloister_conformance.vector_files.pairwise_sessions.delivery import ARCHIVE_LIFETIME_MS
from cloister_conformance.vector_files.pairwise_sessions.opening import ALICES_KEYS, DAY_MS, describe_bundle
from cloister_conformance.vector_files.pairwise_sessions.receiver import (
    KEYS,
    NOW_MS,
    PLAIN_KEYS,
    SESSION,
    first,
    message,
    opener,
    prepare,
    read,
    read_first,
    refuse,
    refuse_first,
    without_one_time,
)
from cloister_conformance.vector_files.pairwise_sessions.requests import GOOD, derive_mac, request

HIGHER = KEYS
"""Bob, whose account id is above Alice's."""
LOWER = replace(KEYS, identity=make_pair(66))
"""Bob with another identity, whose account id is below Alice's."""
PENDING, ANSWERED = "prekey message", "message"
MESSAGE = {"session": SESSION, "kind": "message", "now_ms": NOW_MS}
BASE, RATCHET = make_pair(70), make_pair(71)
"""Bob's keys of the session that he opens, where they are given."""


def open_session(**keys: bytes) -> Json:
    """Describe a session that Bob opens."""
    return answered("session.open", {"session": SESSION, **describe_bundle(ALICES_KEYS), "now_ms": NOW_MS, **keys}, {})


def send(kind: str) -> Json:
    """Describe what Bob sends by its kind: of a pending session, or of one in which he has read."""
    return answered("session.encrypt", {"session": SESSION, "plaintext": b"which session?"}, {"kind": kind})


def sent_in() -> Group:
    """Which session is sent in. Where Bob's own is pending and Alice's was read, the kind of his next frame tells."""
    group = Group("SentIn", "session.encrypt", random=secrets.token_bytes)
    for name, keys, kind, clause in (("higher", HIGHER, PENDING, "PS-55"), ("lower", LOWER, ANSWERED, "PS-54")):
        alice, second = opener(0, keys), without_one_time(opener(1, keys))
        begun = [*prepare(keys), open_session()]

        def good(comment: str, flag: str, clauses: str, steps: list[Json], *, name: str = name) -> None:
            group.scenario(f"Bob is the {name}: {comment}", flag, clauses, steps)

        crossed = [*begun, send(PENDING), *read_first(alice, 0), send(kind)]
        good("both opened a session", "Crossing", clause, crossed)
        good("and all else of Alice's is read", "Crossing", clause, [*crossed, *read_first(alice, 2, 1), send(kind)])
        plain = [*crossed, *read(alice, 2, 1), send(kind)]
        good("and plain messages are read", "Crossing", clause, plain)
        steps = [*crossed, *read_first(second, 0), *read(alice, 1), send(kind)]
        good("Alice opened two", "Crossing", f"PS-21 {clause}", steps)
        frame = request(mac=derive_mac(GOOD, NOW_MS, receiver=keys.identity.public))
        asked = answered("session_request.accept", {"session": SESSION, "request": frame, "now_ms": NOW_MS}, {})
        steps = [*prepare(keys), asked, send(PENDING), *read_first(alice, 0), send(kind)]
        good("both asked for a session", "Crossing", clause, steps)
        later = [*prepare(keys), *read_first(alice, 0), send(ANSWERED), open_session(), send(PENDING)]
        steps = [*later, *read_first(second, 0), send(kind)]
        good("Alice opened one before, too", "Crossing", f"PS-21 {clause}", steps)

        late_ones = [*later, *read(alice, 2, 1), send(PENDING), *read_first(alice, 3), send(PENDING)]
        good("late messages of the session before", "Archived", "PS-54", late_ones)
        again = [*later, *refuse_first(first(alice), "DuplicateMessage"), send(PENDING), *read_first(alice, 1)]
        good("the first message of the session before, again", "Replay StateUnharmed", "PS-23 PS-54", again)
        again = [*crossed, *refuse_first(first(alice), "DuplicateMessage"), send(kind), *read(alice, 1)]
        good("the first message again", "Replay StateUnharmed", f"PS-23 {clause}", again)
        for what, error, clauses, frame in (
            (
                "the MAC is wrong",
                "InvalidMac",
                f"PS-24 {clause}",
                alice.prekey_message(change(message(alice.chain, 0))),
            ),
            ("it is 2001 ahead", "TooFarAhead", f"PS-24 PS-43 {clause}", first(alice, 2001)),
        ):
            refused = [*begun, *refuse_first(frame, error), send(PENDING), *read_first(alice, 0), send(kind)]
            good(f"a first message is refused, {what}", "Crossing StateUnharmed", clauses, refused)
    add_ends(group)
    return group


def add_ends(group: Group) -> None:
    """Add how long the session that is not sent in is read."""
    end = NOW_MS + ARCHIVE_LIFETIME_MS
    alice, newer = opener(0, HIGHER), without_one_time(opener(1, HIGHER))
    crossed = [*prepare(HIGHER), open_session(), *read_first(alice, 0)]
    comment = "Bob is the higher: Alice's session, "
    group.scenario(comment + "at the end of its life", "Archived", "PS-51", [*crossed, *read(alice, 1, at=end)])
    for name, before in (("", []), (" though it was read in", read(alice, 2, at=end - DAY_MS))):
        refused = [*crossed, *before, *refuse(message(alice.chain, 1), "InvalidMac", at=end + 1), send(PENDING)]
        late_comment = f"{comment}1 ms too late{name}"
        group.scenario(late_comment, "Archived StateUnharmed", "PS-52", [*refused, *read_first(newer, 0)])
    alice = opener(0, LOWER)
    steps = [*prepare(LOWER), open_session(), *read_first(alice, 0), *read(alice, 1, at=end + 1), send(ANSWERED)]
    group.scenario("Bob is the lower: Alice's session does not end", "Archived", "PS-54", steps)


def converse(alice: Initiator, label: str) -> Turns:
    """Compute the turns of a session that Alice opens with Bob."""
    keys = alice.keys
    root_key, _ = x3dh.agree_as_initiator(ALICE.private, alice.base.private, keys.bundle)
    pairs = [alice.ratchet, *(material.derive_key_pair(f"crossing, {label} {turn}") for turn in range(1, 8))]
    return alternate(
        root_key,
        keys.signed,
        pairs,
        f"crossing, {label}",
        reader=keys.identity.public,
        peer=ALICE.public,
        method="session.decrypt",
        members=MESSAGE,
    )


def begin(alice: Initiator, turns: Turns, counter: int = 0) -> list[Json]:
    """Describe the first message of a session that Alice opens."""
    inputs = {**turns.call(alice.prekey_message(turns.message(0, counter)), 0), "kind": "prekey message"}
    return [answered("session.decrypt", inputs, {"plaintext": usual_plaintext(0, counter).hex()})]


def answer(turns: Turns, turn: int, counter: int = 0, previous: int = 0) -> list[Json]:
    """Describe what Bob writes after he has read the chain of a turn, to the byte."""
    plaintext = usual_plaintext(turn, counter)
    frame = turns.answering[turn].message(plaintext, counter, {3: field(3, previous)})
    inputs = {"session": SESSION, "plaintext": plaintext}
    return [answered("session.encrypt", inputs, {"kind": ANSWERED, "message": frame.hex()})]


def turns_of_sessions() -> Group:
    """Sessions that turn, one or several, with every ratchet key of Bob's given."""
    group = Group("SessionTurns", "session.decrypt", random=secrets.token_bytes)
    alices = [opener(number, PLAIN_KEYS) for number in range(3)]
    one, two, three = (converse(alice, f"session {number}") for number, alice in enumerate(alices))

    seven = [*prepare(PLAIN_KEYS), *begin(alices[0], one, 1)]
    seven += [step for turn in range(1, 7) for step in one.first(turn, 1)]
    for age in range(5):
        steps = [*seven, *one.read(6 - age, 2, 0), *answer(one, 6), *one.first(7)]
        group.scenario(f"{age} turns late", "Late", "PS-46", steps)
    for age in (5, 6):
        gone = one.refuse(one.message(6 - age), "InvalidMac", 6 - age)
        steps = [*seven, *gone, *one.read(2, 2, 0), *answer(one, 6), *one.first(7)]
        group.scenario(f"{age} turns late", "Late StateUnharmed", "PS-47 PS-48", steps)

    both = [*prepare(PLAIN_KEYS), *begin(alices[0], one, 1), *one.first(1, 1), *one.first(2, 1)]
    both += [*begin(alices[1], two, 1), *two.first(1, 1)]
    late_ones = [*one.read(0, 0, 2), *one.read(2, 0), *one.read(1, 2)]
    steps = [*both, *answer(two, 1), *late_ones, *answer(two, 1, 1), *two.first(2), *answer(two, 2, previous=1)]
    group.scenario("late messages of an archived session", "Archived", "PS-51 PS-54", steps)
    steps = [*both, *answer(two, 1), *one.first(3, 1), *answer(two, 1, 1), *one.read(3, 0), *two.first(2)]
    group.scenario("an archived session turns", "Archived", "PS-51 PS-54", [*steps, *answer(two, 2, previous=1)])
    turned = [step for turn in range(3, 8) for step in one.first(turn, 1)]
    steps = [*both, *turned, *two.read(0, 0), *two.read(1, 0), *answer(two, 1), *one.read(3, 0)]
    group.scenario("an archived session turns five times", "Archived", "PS-46 PS-51 PS-54", steps)
    for what, error, frame, turn in (
        ("late, the MAC is wrong", "InvalidMac", change(one.message(1)), None),
        ("late, not whole blocks", "DecryptionFailed", one.chains[1].message(b"", 0, {4: field(4, bytes(17))}), None),
        ("late, again", "DuplicateMessage", one.message(1, 1), None),
        ("a new chain, the MAC is wrong", "InvalidMac", change(one.message(3)), 3),
        ("the chain after the next", "InvalidMac", one.message(4), 4),
    ):
        follow = [*answer(two, 1), *one.read(1, 0), *one.first(3), *two.first(2), *answer(two, 2)]
        steps = [*both, *one.refuse(frame, error, turn), *follow]
        group.scenario(f"an archived session: {what}", "Archived StateUnharmed", "PS-48 PS-51 PS-54", steps)

    all_three = [*both, *begin(alices[2], three, 1), *three.first(1, 1), *answer(three, 1)]
    for name, order in (("oldest", (one, two, three)), ("newest", (three, two, one))):
        late_ones = [step for turns in order for turn in (1, 0) for step in turns.read(turn, 0, 2)]
        steps = [*all_three, *late_ones, *answer(three, 1, 1)]
        group.scenario(f"three sessions, late messages, {name} first", "Archived", "PS-51 PS-54", steps)
    add_crossing(group)
    return group


def change(frame: bytes) -> bytes:
    """Change the last byte of a message."""
    return frame[:-1] + bytes([frame[-1] ^ 1])


def add_crossing(group: Group) -> None:
    """Add sessions that Bob opens with keys that are given, while Alice opens one too."""
    for name, keys, clause in (("higher", HIGHER, "PS-55"), ("lower", LOWER, "PS-54")):
        bob = Initiator(keys=ALICES_KEYS, identity=keys.identity, base=BASE, ratchet=RATCHET)
        own = converse_in_own(bob)
        alices = [opener(0, keys), without_one_time(opener(1, keys))]
        one, two = (converse(alice, f"{name}, session {number}") for number, alice in enumerate(alices))
        opened = open_session(base_private=BASE.private, ratchet_private=RATCHET.private)
        crossed = [*prepare(keys), opened, *send_pending(bob, 0), *begin(alices[0], one, 1)]
        first_answer, later_answer = (
            (send_pending(bob, 1), answer(own, 0, previous=1))
            if keys is HIGHER
            else (answer(one, 0), answer(one, 0, 1))
        )

        def add(comment: str, flag: str, clauses: str, steps: list[Json], *, name: str = name) -> None:
            group.scenario(f"Bob is the {name}: {comment}", flag, clauses, steps)

        add("both opened a session", "Crossing", clause, [*crossed, *first_answer])
        steps = [*crossed, *first_answer, *one.read(0, 0, 2), *own.first(0, 1), *one.read(0, 3), *later_answer]
        add("and Alice answers in his", "Crossing", f"{clause} PS-51", [*steps, *own.read(0, 0)])
        steps = [*crossed, *first_answer, *own.refuse(change(own.message(0)), "InvalidMac", 0)]
        steps += [*one.read(0, 0), *own.first(0), *later_answer, *own.read(0, 1)]
        add("a forged answer in his, and then hers", "Crossing StateUnharmed", f"{clause} PS-48", steps)
        steps = [*crossed, *first_answer, *own.first(0), *begin(alices[1], two), *answer(two, 0)]
        add("all is answered, and Alice opens another", "Crossing", "PS-54", [*steps, *one.read(0, 0), *own.read(0, 1)])
        steps = [*prepare(keys), opened, *send_pending(bob, 0), *own.first(0, 1), *answer(own, 0)]
        steps += [*begin(alices[1], two), *answer(two, 0), *own.read(0, 0), *answer(two, 0, 1)]
        add("his was answered before Alice opened one", "Crossing", "PS-54", steps)


def converse_in_own(bob: Initiator) -> Turns:
    """Compute the turns of a session that Bob opens with Alice."""
    root_key, _ = x3dh.agree_as_initiator(bob.identity.private, bob.base.private, bob.keys.bundle)
    root_key, _ = double_ratchet.step_root_key(root_key, bob.ratchet, bob.keys.signed.public)
    return alternate(
        root_key,
        bob.ratchet,
        [material.derive_key_pair("crossing, answer")],
        "crossing, own session",
        reader=bob.identity.public,
        peer=ALICE.public,
        method="session.decrypt",
        members=MESSAGE,
    )


def send_pending(bob: Initiator, counter: int) -> list[Json]:
    """Describe what Bob writes in a session that he opened, to the byte, while nothing is read in it."""
    plaintext = f"pending {counter}".encode("ascii")
    frame = bob.prekey_message(bob.chain.message(plaintext, counter))
    inputs = {"session": SESSION, "plaintext": plaintext}
    return [answered("session.encrypt", inputs, {"kind": PENDING, "message": frame.hex()})]
