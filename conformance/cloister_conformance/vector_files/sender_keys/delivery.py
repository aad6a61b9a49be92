"""Chapter 04: passive scenarios of lost, reordered, repeated and misdirected messages."""

from collections.abc import Iterable, Sequence
from itertools import permutations

from cloister import identity, sender_keys

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.hand_made.sender_keys import Sender, make_sender
from cloister_conformance.vector_files.cases import Group, Json, answered
from cloister_conformance.vector_files.sender_keys.receiver import NOW_MS, message, process, read, refuse

MAX_ITERATION = sender_keys.MAX_ITERATION


def orders() -> Group:
    """Loss and reordering."""
    group = Group("Order", "sender_keys.decrypt")
    sender = make_sender("orders")
    for order in permutations(range(4)):
        group.scenario(f"order {' '.join(map(str, order))}", "Order", "SK-28", [process(sender), *read(sender, *order)])
    for index in range(20):
        some = shuffle(range(12), f"order {index}")[: 5 + index % 8]
        comment = f"order {' '.join(map(str, some))}, the others lost"
        group.scenario(comment, "Order", "SK-28", [process(sender), *read(sender, *some)])
    group.scenario(
        "every second iteration, as one deployed sender does",
        "Order",
        "SK-28",
        [process(sender), *read(sender, *range(0, 40, 2))],
    )
    group.scenario("backwards from 30", "Order", "SK-28", [process(sender), *read(sender, *range(30, -1, -1))])
    group.scenario("a plain conversation of 30", "Order", "SK-28", [process(sender), *read(sender, *range(30))])
    for start in (1, 7, 500, 1999, 2000, 2001):
        late = [process(sender.distribution(start)), *read(sender, start + 1, start, start + 3)]
        group.scenario(f"a late member from iteration {start}", "Order", "SK-28", late)
        steps = [*late, *refuse(message(sender, start - 1), "DuplicateMessage"), *read(sender, start + 2)]
        comment = f"a late member from iteration {start} cannot read the one before"
        group.scenario(comment, "Order StateUnharmed", "SK-28 SK-29", steps)
    return group


def shuffle(items: Iterable[int], label: str) -> list[int]:
    """Shuffle in an order that depends on the label alone."""
    return sorted(items, key=lambda item: material.derive_bytes(f"shuffle {label} {item}"))


def replays() -> Group:
    """Messages that come a second time."""
    group = Group("Replay", "sender_keys.decrypt")
    sender = make_sender("replays")
    start = [process(sender)]

    def replay(comment: str, before: Sequence[Json], iteration: int, after: Sequence[Json]) -> None:
        steps = [*start, *before, *refuse(message(sender, iteration), "DuplicateMessage"), *after]
        group.scenario(comment, "Replay StateUnharmed", "SK-29 SK-35 NE-17", steps)

    replay("at once", read(sender, 0), 0, read(sender, 1))
    for iteration in range(5):
        replay(f"number {iteration} of 5, after the last", read(sender, *range(5)), iteration, read(sender, 5))
    for iteration in range(4):
        order = (3, 1, 0, 2)
        replay(f"number {iteration} of 3 1 0 2, after the last", read(sender, *order), iteration, read(sender, 4))
    replay("a skipped one, after it was read", read(sender, 10, 4), 4, read(sender, 5, 11))
    replay("the one that skipped others", read(sender, 10, 4), 10, read(sender, 5, 11))
    replay("after 2000 were skipped", read(sender, 2000), 2000, read(sender, 0, 1999, 2001))
    replay("after the distribution came again", [*read(sender, 0, 1), process(sender)], 0, read(sender, 2))
    replay("after a later distribution", [*read(sender, 0, 1), process(sender.distribution(5))], 1, read(sender, 5, 3))
    replay(
        "after a distribution that skipped all",
        [*read(sender, 0), process(sender.distribution(3000))],
        0,
        read(sender, 3000),
    )

    body = sender.message(b"message 0")[:-64]
    signed_again = body + identity.sign_with(sender.signing_key.private, body, Z=bytes(64))
    again = [*start, *read(sender, 0), *refuse(signed_again, "DuplicateMessage"), *read(sender, 1)]
    group.scenario("the same message signed again", "Replay StateUnharmed", "SK-29", again)
    other = [
        *start,
        *read(sender, 0),
        *refuse(sender.message(b"another text"), "DuplicateMessage"),
        *read(sender, 1),
    ]
    group.scenario("another message of the same iteration", "Replay StateUnharmed", "SK-29", other)
    low = [
        *start,
        *read(sender, 0),
        *refuse(sender.sign(b"\x34" + body[1:]), "DuplicateMessage"),
        *read(sender, 1),
    ]
    group.scenario("the same message with version byte 0x34", "Replay StateUnharmed", "SK-29", low)
    return group


def skip_limits() -> Group:
    """Messages far ahead."""
    group = Group("SkipLimit", "sender_keys.decrypt")
    sender = make_sender("skip limits")
    for held in (0, 1, 7, 1000, 2000):
        start = [process(sender.distribution(held))]
        for ahead in (1998, 1999, 2000):
            steps = [*start, *read(sender, held + ahead, held, held + ahead - 1, held + ahead + 1)]
            group.scenario(f"held at {held}, {ahead} ahead", "SkipLimit", "SK-30 SK-32", steps)
        for ahead in (2001, 2002, 3000):
            steps = [*start, *refuse(message(sender, held + ahead), "TooFarAhead"), *read(sender, held, held + 2000)]
            group.scenario(f"held at {held}, {ahead} ahead", "SkipLimit StateUnharmed", "SK-31 SK-35", steps)
    start = [process(sender), *read(sender, 5)]
    group.scenario("2000 ahead of the last one read", "SkipLimit", "SK-30", [*start, *read(sender, 2006, 6)])
    steps = [*start, *refuse(message(sender, 2007), "TooFarAhead"), *read(sender, 2006)]
    group.scenario("2001 ahead of the last one read", "SkipLimit StateUnharmed", "SK-31 SK-35", steps)
    group.scenario("two jumps of 2000", "SkipLimit", "SK-30", [process(sender), *read(sender, 2000, 4001, 4000)])
    at_the_end = {2: field(2, MAX_ITERATION)}
    late = [process(sender.distribution(other=at_the_end))]
    last = sender.message(b"the last", other=at_the_end)
    inputs = {"record": "alice", "message": last, "now_ms": NOW_MS}
    read_last = answered("sender_keys.decrypt", inputs, {"plaintext": b"the last".hex()})
    group.scenario("the last iteration of all", "SkipLimit IterationLimit", "SK-15 SK-28", [*late, read_last])
    steps = [*late, read_last, *refuse(last, "DuplicateMessage")]
    group.scenario("the last iteration of all, twice", "Replay IterationLimit", "SK-15 SK-29", steps)
    return group


def skipped_seeds() -> Group:
    """More skipped seeds than are kept."""
    group = Group("SkippedSeeds", "sender_keys.decrypt")
    old, new = make_sender("skipped seeds, old", key_id=30), make_sender("skipped seeds, new", key_id=31)

    def case(comment: str, before: Sequence[Json], kept: Sequence[Json], dropped: Sequence[tuple[Sender, int]]) -> None:
        group.scenario(f"{comment}: what is kept", "SkippedSeeds", "SK-32", [*before, *kept])
        for sender, iteration in dropped:
            steps = [*before, *refuse(message(sender, iteration), "DuplicateMessage"), *kept]
            key = "old" if sender is old else "new"
            group.scenario(f"{comment}: {key} {iteration} is dropped", "SkippedSeeds", "SK-33", steps)

    case("2001 in one state", [process(old), *read(old, 2000, 2002)], read(old, 1, 2, 1999, 2001), [(old, 0)])
    case("4000 in one state", [process(old), *read(old, 2000, 4001)], read(old, 2001, 4000), [(old, 0), (old, 1999)])
    case(
        "2100 in two states",
        [process(old), *read(old, 1500), process(new), *read(new, 600)],
        [*read(old, 100, 1499), *read(new, 0, 599)],
        [(old, 0), (old, 99)],
    )
    case(
        "2100 in two states, the old one filled last",
        [process(old), process(new), *read(new, 600), *read(old, 1500)],
        [*read(old, 100, 1499), *read(new, 0, 599)],
        [(old, 0), (old, 99)],
    )
    case(
        "4000 in two states",
        [process(old), *read(old, 2000), process(new), *read(new, 2000)],
        [*read(new, 0, 1999), *read(old, 2001)],
        [(old, 0), (old, 1999)],
    )
    case(
        "3000 in two states, the new one over the bound by itself",
        [process(old), *read(old, 500), process(new), *read(new, 1500, 2501)],
        [*read(new, 500, 2500), *read(old, 501)],
        [(old, 0), (old, 499), (new, 0), (new, 499)],
    )
    case(
        "2001 by a distribution",
        [process(old), *read(old, 1), process(old.distribution(2002))],
        read(old, 2, 2001, 2002),
        [(old, 0)],
    )
    makes_room = [process(old), *read(old, 2000), *read(old, 5, 6, 7), *read(old, 2004)]
    group.scenario(
        "seeds that were used make room", "SkippedSeeds", "SK-32", [*makes_room, *read(old, 0, 1999, 2001, 2003)]
    )
    exactly = [process(old), *read(old, 1000), process(new), *read(new, 1000)]
    group.scenario(
        "exactly 2000 in two states", "SkippedSeeds", "SK-32", [*exactly, *read(old, 0, 999), *read(new, 0, 999)]
    )
    return group


def mixed_records() -> Group:
    """Several senders, and frames given to the wrong record."""
    group = Group("Records", "sender_keys.decrypt")
    alice, bob = make_sender("records, alice"), make_sender("records, bob")
    both = [process(alice, record="alice"), process(bob, record="bob")]
    steps = [
        *both,
        *read(alice, 1, record="alice"),
        *read(bob, 0, record="bob"),
        *read(alice, 0, record="alice"),
        *read(bob, 1, record="bob"),
    ]
    group.scenario("two senders with the same key id", "Records", "SK-28", steps)
    steps = [
        *both,
        *refuse(message(bob, 0), "InvalidSignature", record="alice"),
        *read(alice, 0, record="alice"),
        *read(bob, 0, record="bob"),
    ]
    group.scenario("the same key id, a message given to the other's record", "Records WrongSignature", "SK-27", steps)
    carol = make_sender("records, carol", key_id=8)
    steps = [
        *both,
        process(carol, record="carol"),
        *refuse(message(carol, 0), "UnknownSenderKey", record="alice"),
        *read(carol, 0, record="carol"),
    ]
    group.scenario("another key id, a message given to the other's record", "Records UnknownKey", "SK-26", steps)
    steps = [*refuse(message(alice, 0), "UnknownSenderKey"), process(alice), *read(alice, 0)]
    group.scenario("a message before any distribution", "Records UnknownKey", "SK-26", steps)
    steps = [
        *both,
        *read(alice, 0, record="alice"),
        *refuse(message(alice, 0), "DuplicateMessage", record="alice"),
        *read(bob, 0, record="bob"),
    ]
    group.scenario("a message read from one record is not read from another", "Records Replay", "SK-29", steps)
    same = [process(alice, record="one group"), process(alice, record="another group")]
    steps = [
        *same,
        *read(alice, 0, record="one group"),
        *read(alice, 0, 1, record="another group"),
        *read(alice, 1, record="one group"),
    ]
    group.scenario("one sender key in two records", "Records", "SK-28", steps)
    return group
