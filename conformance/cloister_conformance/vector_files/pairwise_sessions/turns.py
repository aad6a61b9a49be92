"""Chapter 03: late, repeated, tampered and lost messages of a ratchet that has turned."""

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.pairwise_sessions import ALICE, BOB, CAROL
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.vector_files.cases import Group, Json, answered
from cloister_conformance.vector_files.pairwise_sessions import formulas
from cloister_conformance.vector_files.pairwise_sessions.chains import Turns, alternate, usual_plaintext

MAX_RECEIVING_CHAINS = 5
ROOT_KEY, CHAIN_KEY = material.derive_bytes("turns, root key"), material.derive_bytes("turns, chain key")
SIGNED_PREKEY, ALICES_FIRST = (material.derive_key_pair(f"turns, {name}") for name in ("signed prekey", "alice"))
ALICES_TURNS = [ALICES_FIRST, *(material.derive_key_pair(f"turns, alice {turn}") for turn in range(1, 9))]
BOBS_TURNS = [material.derive_key_pair(f"turns, bob {turn}") for turn in range(9)]

TO_BOB = alternate(
    ROOT_KEY,
    SIGNED_PREKEY,
    ALICES_TURNS,
    "turns, bob's",
    reader=BOB.public,
    peer=ALICE.public,
    method="double_ratchet.decrypt",
    members={"ratchet": "bob"},
)
TO_ALICE = alternate(
    formulas.step(ROOT_KEY, ALICES_FIRST.private, SIGNED_PREKEY.public)[0],
    ALICES_FIRST,
    BOBS_TURNS,
    "turns, alice's",
    reader=ALICE.public,
    peer=BOB.public,
    method="double_ratchet.decrypt",
    members={"ratchet": "alice"},
)
SHARED = {"root_key": ROOT_KEY, "chain_key": CHAIN_KEY}
BOB_STARTS = answered(
    "double_ratchet.start_as_responder",
    {
        "ratchet": "bob",
        "identity_key": BOB.public,
        "peer_identity_key": ALICE.public,
        "ratchet_private": SIGNED_PREKEY.private,
        **SHARED,
    },
    {},
)
ALICE_STARTS = answered(
    "double_ratchet.start_as_initiator",
    {
        "ratchet": "alice",
        "identity_key": ALICE.public,
        "peer_identity_key": BOB.public,
        "ratchet_key": SIGNED_PREKEY.public,
        "ratchet_private": ALICES_FIRST.private,
        **SHARED,
    },
    {},
)


def take_turns(turns: Turns, count: int, counter: int = 0) -> list[Json]:
    """Describe so many turns of which one message each is read."""
    start = BOB_STARTS if turns is TO_BOB else ALICE_STARTS
    return [start, *(step for turn in range(count) for step in turns.first(turn, counter))]


def late() -> Group:
    """Late messages of the newest chains, and of those before them."""
    group = Group("LateMessages", "double_ratchet.decrypt")
    for role, turns in (("responder", TO_BOB), ("initiator", TO_ALICE)):
        seven = take_turns(turns, 7, counter=1)
        for age in range(MAX_RECEIVING_CHAINS):
            for name, counter in (("passed over", 0), ("the next", 2)):
                steps = [*seven, *turns.read(6 - age, counter)]
                group.scenario(f"{role}: {name}, {age} turns late", "Late", "PS-46", steps)
        for age in (5, 6):
            for name, counter in (("passed over", 0), ("the next", 2), ("read before", 1)):
                gone = turns.refuse(turns.message(6 - age, counter), "InvalidMac", 6 - age)
                steps = [*seven, *gone, *turns.read(2, 0, 2), *turns.first(7), *turns.read(3, 0)]
                group.scenario(f"{role}: {name}, {age} turns late", "Late StateUnharmed", "PS-47 PS-48", steps)
        for name, order in (("newest", (6, 5, 4, 3, 2)), ("oldest", (2, 3, 4, 5, 6))):
            steps = [*seven, *(step for turn in order for step in turns.read(turn, 0, 3, 2)), *turns.first(7)]
            group.scenario(f"{role}: all that is held, {name} first", "Late", "PS-36 PS-46", steps)
        renewed = [*seven, *turns.read(2, 0, 2), *turns.first(7)]
        steps = [*renewed, *turns.refuse(turns.message(2, 3), "InvalidMac", 2), *turns.read(3, 0)]
        group.scenario(f"{role}: reading late does not keep a chain", "Late StateUnharmed", "PS-47 PS-48", steps)
        steps = [*renewed, *turns.read(3, 0, 2), *turns.first(8), *turns.read(4, 0)]
        group.scenario(f"{role}: reading late does not cost another chain", "Late", "PS-46", steps)
    for age in range(MAX_RECEIVING_CHAINS):
        steps = [*take_turns(TO_BOB, 7, counter=1), *TO_BOB.refuse(TO_BOB.message(6 - age, 1), "DuplicateMessage")]
        follow = [*TO_BOB.read(6 - age, 0, 2), *TO_BOB.first(7)]
        group.scenario(f"again, {age} turns late", "Replay StateUnharmed", "PS-41 PS-48", [*steps, *follow])
        steps = [*take_turns(TO_BOB, 7, counter=1), *TO_BOB.read(6 - age, 0)]
        again = TO_BOB.refuse(TO_BOB.message(6 - age, 0), "DuplicateMessage")
        steps += [*again, *TO_BOB.read(6 - age, 2), *TO_BOB.first(7)]
        group.scenario(f"read {age} turns late, and again", "Replay StateUnharmed", "PS-41 PS-48", steps)
    for number in range(6):
        group.scenario(f"shuffled {number}", "Order", "PS-40 PS-46", shuffle(f"turns, shuffled {number}"))
    return group


def shuffle(label: str) -> list[Json]:
    """Describe eight turns of four messages each, all read, none later than four turns after its own."""
    steps, waiting = [BOB_STARTS], list[tuple[int, int]]()
    for turn in range(8):
        begun = material.derive_number(f"{label} turn {turn}", 4)
        steps += TO_BOB.first(turn, begun)
        waiting += [(turn, counter) for counter in range(4) if counter != begun]
        waiting.sort(key=lambda place: material.derive_bytes(f"{label} {turn} {place}"))
        come = [place for index, place in enumerate(waiting) if index < 2 or place[0] == turn - 4 or turn == 7]
        steps += [step for place in come for step in TO_BOB.read(*place)]
        waiting = [place for place in waiting if place not in come]
    return steps


def tampered() -> Group:
    """Frames that are refused between turns; afterwards all genuine ones are read."""
    group = Group("TamperedTurns", "double_ratchet.decrypt")
    three, chain = take_turns(TO_BOB, 3, counter=1), TO_BOB.chains[3]
    genuine = TO_BOB.message(3, 1)

    def bad(comment: str, error: str, flag: str, clauses: str, frame: bytes, turn: int | None = 3) -> None:
        follow = [*TO_BOB.read(2, 2), *TO_BOB.first(3, 1), *TO_BOB.read(0, 0), *TO_BOB.read(2, 0), *TO_BOB.read(1, 0)]
        steps = [*three, *TO_BOB.refuse(frame, error, turn), *follow]
        group.scenario(comment, f"{flag} StateUnharmed", f"{clauses} PS-48", steps)

    def change(frame: bytes, index: int) -> bytes:
        return frame[:index] + bytes([frame[index] ^ 0x10]) + frame[index + 1 :]

    for index in (len(genuine) - 9, len(genuine) - 8, len(genuine) - 1):
        bad(f"a new chain, byte {index} changed", "InvalidMac", "WrongMac", "PS-31", change(genuine, index))
    for turn in range(3):
        passed_over = TO_BOB.message(turn, 0)
        changed = change(passed_over, len(passed_over) - 1)
        bad(f"chain {turn}, the last byte changed", "InvalidMac", "WrongMac", "PS-31", changed, None)
        bad(f"chain {turn}, not whole blocks", "DecryptionFailed", "BadCiphertext", "PS-32", spoil(turn, 0), None)
    bad("a new chain, not whole blocks", "DecryptionFailed", "BadCiphertext", "PS-32", spoil(3, 1))
    keys = formulas.message_keys(chain.chain_key_at(1))
    swapped = genuine[:-8] + formulas.mac(keys, BOB.public, ALICE.public, genuine[:-8])
    bad("a new chain, the two people swapped", "InvalidMac", "WrongMac", "PS-29", swapped)
    for name, other, begins in (
        ("another ratchet key", CAROL.public, 3),
        ("the ratchet key of chain 2", TO_BOB.chains[2].ratchet_key, None),
        ("the ratchet key of chain 0", TO_BOB.chains[0].ratchet_key, None),
        ("Bob's own ratchet key", TO_BOB.answers[2].public, 3),
    ):
        frame = chain.message(usual_plaintext(3, 0), 0, {1: field(1, other)})
        bad(f"a new chain under {name}", "InvalidMac", "Turn", "PS-36", frame, begins)
    bad("the chain after the next", "InvalidMac", "Turn", "PS-36", TO_BOB.message(4), 4)
    bad("Bob's own message", "InvalidMac", "Turn", "PS-29 PS-36", TO_BOB.answering[2].message(b"x", 0))
    bad("a new chain, 2001 ahead", "TooFarAhead", "SkipLimit", "PS-43", TO_BOB.message(3, 2001))
    beyond = chain.message(b"x", 1, {2: field(2, 2**31)})
    bad("a new chain, counter 2^31", "OutOfRange", "Counter", "PS-34", beyond)
    low_order = chain.message(b"x", 1, {1: field(1, b"\x05" + bytes(32))})
    bad("a new chain under a key of low order", "InvalidKey", "BadKey", "PS-33 ID-7", low_order)
    add_answers_after_refusal(group)
    return group


def spoil(turn: int, counter: int) -> bytes:
    """A message with the right MAC and a ciphertext that is not whole blocks."""
    return TO_BOB.chains[turn].message(b"", counter, {4: field(4, bytes(17))})


def add_answers_after_refusal(group: Group) -> None:
    """Add frames that are refused while Bob writes: his chain goes on, and turns with the genuine one."""
    genuine = TO_BOB.message(2)
    for name, error, clauses, frame in (
        ("the MAC is wrong", "InvalidMac", "PS-36 PS-37", genuine[:-1] + bytes([genuine[-1] ^ 1])),
        ("it is 2001 ahead", "TooFarAhead", "PS-36 PS-37 PS-43", TO_BOB.message(2, 2001)),
        ("it does not decrypt", "DecryptionFailed", "PS-32 PS-36 PS-37", spoil(2, 0)),
    ):
        before = [*take_turns(TO_BOB, 2), *write(1, 0), *write(1, 1)]
        steps = [*before, *TO_BOB.refuse(frame, error, 2), *write(1, 2), *TO_BOB.first(2), *write(2, 0, previous=2)]
        group.scenario(f"Bob writes on: {name}", "Turn StateUnharmed", f"{clauses} PS-48", steps)


def write(turn: int, counter: int, previous: int = 0) -> list[Json]:
    """Describe a message of Bob's, after he has read the chain of a turn."""
    plaintext = usual_plaintext(turn, counter)
    frame = TO_BOB.answering[turn].message(plaintext, counter, {3: field(3, previous)})
    return [answered("double_ratchet.encrypt", {"ratchet": "bob", "plaintext": plaintext}, {"message": frame.hex()})]


def skipped_seeds() -> Group:
    """Skipped seeds over several chains, at the bound and over it."""
    group = Group("SeedsOfChains", "double_ratchet.decrypt")

    def skip(*counters: int) -> list[Json]:
        return [BOB_STARTS, *(step for turn, counter in enumerate(counters) for step in TO_BOB.first(turn, counter))]

    def kept(comment: str, steps: list[Json], *places: tuple[int, int]) -> None:
        late_ones = [step for place in places for step in TO_BOB.read(*place)]
        group.scenario(comment, "SkippedSeeds", "PS-44", [*steps, *late_ones])

    def dropped(comment: str, steps: list[Json], gone: tuple[int, int], *places: tuple[int, int]) -> None:
        late_ones = [step for place in places for step in TO_BOB.read(*place)]
        refusal = TO_BOB.refuse(TO_BOB.message(*gone), "DuplicateMessage")
        group.scenario(comment, "SkippedSeeds StateUnharmed", "PS-45 PS-48", [*steps, *refusal, *late_ones])

    kept("1000 in each of two chains", skip(1000, 1000), (0, 0), (0, 999), (1, 0), (1, 999))
    kept("1000, 1000 and 1, the second of all", skip(1000, 1000, 1), (0, 1), (1, 0), (2, 0))
    dropped("1000, 1000 and 1, the first of all", skip(1000, 1000, 1), (0, 0), (0, 1), (2, 0))
    kept("400 in each of five chains", skip(*[400] * 5), *((turn, 0) for turn in range(5)))
    one_more = [*skip(*[400] * 5), *TO_BOB.read(4, 402)]
    dropped("400 in each of five chains, and 1", one_more, (0, 0), (0, 1), (1, 0), (4, 401))
    kept("400 in each of six chains: those of the oldest do not count", skip(*[400] * 6), (1, 0), (1, 399), (5, 0))
    middle = [*skip(500, 500, 500), *TO_BOB.read(1, 1101)]
    dropped("a gap in the middle chain, the oldest pays", middle, (0, 99), (0, 100), (1, 0), (1, 1100), (2, 0))
    kept("a gap in the middle chain, what is kept", middle, (0, 100), (1, 0), (1, 501), (2, 0))
    dropped("300 and 2000, all of the first are gone", skip(300, 2000), (0, 299), (1, 0), (0, 301))
    dropped("300, 300 and 1900, the second pays too", skip(300, 300, 1900), (1, 199), (1, 200), (2, 0))
    kept("300, 300 and 1900, what is kept", skip(300, 300, 1900), (1, 200), (1, 299), (2, 0), (2, 1899))
    room = [*skip(1000, 1000), *TO_BOB.read(0, 500), *TO_BOB.first(2, 1)]
    kept("what is read late makes room", room, (0, 0), (1, 0), (2, 0))

    full, forged = skip(1000, 1000), TO_BOB.message(2, 1000)[:-1] + b"\0"
    for error, frame in (("InvalidMac", forged), ("TooFarAhead", TO_BOB.message(2, 2001))):
        late_ones = [*TO_BOB.read(0, 0), *TO_BOB.read(1, 0)]
        steps = [*full, *TO_BOB.refuse(frame, error, 2), *late_ones]
        comment = f"a refused message pushes nothing out: {error}"
        group.scenario(comment, "SkippedSeeds StateUnharmed", "PS-44 PS-48", steps)
    steps = [*take_turns(TO_BOB, 1), *TO_BOB.first(1, 2000), *TO_BOB.read(1, 0, 1999, 4000)]
    group.scenario("a new chain, 2000 ahead", "SkipLimit", "PS-42", steps)
    return group


def previous_counters() -> Group:
    """What senders say of their chain before, which no reader believes, and what the reader says of its own."""
    group = Group("PreviousCounter", "double_ratchet.decrypt")

    def begin(turn: int, previous: int | None) -> bytes:
        other = b"" if previous is None else field(3, previous)
        return TO_BOB.chains[turn].message(usual_plaintext(turn, 0), 0, {3: other})

    def believe(previous: int | None) -> list[Json]:
        lied = TO_BOB.first(1, frame=begin(1, previous))
        return [BOB_STARTS, *TO_BOB.first(0, 2), *TO_BOB.read(0, 4), *lied]

    for previous in (None, 0, 1, 3, 4, 5, 2000, 2005, 2006, 2**31 - 1, 2**31, 2**32 - 1):
        name = "no previous counter" if previous is None else f"previous counter {previous}"
        group.scenario(name, "PreviousCounter", "PS-39", [*believe(previous), *TO_BOB.read(0, 0, 1, 3, 5)])
    for previous in (0, 2, 2**32 - 1):
        lied = [step for turn in range(1, 5) for step in TO_BOB.first(turn, frame=begin(turn, previous))]
        late_ones = [*TO_BOB.read(1, 1), *TO_BOB.read(4, 1), *TO_BOB.read(0, 1, 3), *TO_BOB.first(5)]
        steps = [BOB_STARTS, *TO_BOB.first(0, 2), *lied, *late_ones]
        group.scenario(f"previous counter {previous} in every chain", "PreviousCounter", "PS-39", steps)
    steps = [BOB_STARTS, *TO_BOB.first(0, 1000), *TO_BOB.first(1, frame=begin(1, 2500)), *TO_BOB.read(0, 0, 999)]
    group.scenario("a previous counter pushes no seeds out", "PreviousCounter", "PS-39 PS-44", steps)

    for previous in (0, 4, 2005):
        again = [*believe(previous), *TO_BOB.refuse(TO_BOB.message(0, 2), "DuplicateMessage"), *TO_BOB.read(0, 1, 5)]
        comment = f"previous counter {previous}, and a message again"
        group.scenario(comment, "PreviousCounter Replay StateUnharmed", "PS-39 PS-41 PS-48", again)
        far = [*believe(previous), *TO_BOB.refuse(TO_BOB.message(0, 2006), "TooFarAhead"), *TO_BOB.read(0, 0, 2005)]
        comment = f"previous counter {previous}, and 2001 ahead in the old chain"
        group.scenario(comment, "PreviousCounter SkipLimit StateUnharmed", "PS-39 PS-43 PS-48", far)
        changed = begin(1, previous)[:-8] + begin(1, previous + 1)[-8:]
        refused = [*take_turns(TO_BOB, 1, counter=2), *TO_BOB.refuse(changed, "InvalidMac", 1)]
        follow = [*TO_BOB.read(0, 1), *TO_BOB.first(1), *TO_BOB.read(0, 0)]
        comment = f"previous counter {previous}, not covered"
        group.scenario(comment, "PreviousCounter WrongMac StateUnharmed", "PS-29 PS-48", [*refused, *follow])

    for counts in ((1, 1, 1), (0, 1, 0, 1), (2, 1, 3, 1), (3, 0, 1), (1, 0, 0, 2)):
        steps, sent = [BOB_STARTS], 0
        for turn, count in enumerate(counts):
            steps += TO_BOB.first(turn, 1)
            steps += [step for counter in range(count) for step in write(turn, counter, previous=max(sent - 1, 0))]
            steps += TO_BOB.read(turn, 0)
            sent = count
        group.scenario(f"Bob writes {' '.join(map(str, counts))}", "PreviousCounter", "PS-36 PS-37 PS-38", steps)
    return group
