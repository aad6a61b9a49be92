"""Chapter 04: passive scenarios: keys and frames in, plaintexts and refusals out."""

from collections.abc import Iterable, Sequence
from itertools import permutations

from cloister import identity, sender_keys

from cloister_conformance.vector_files import frames, material
from cloister_conformance.vector_files.cases import Group, Json, answered
from cloister_conformance.vector_files.frames import VERSION, Sender
from cloister_conformance.vector_files.receiver import NOW_MS, process, read, refuse

DAY_MS = 86_400_000
LIFETIME_MS = sender_keys.STATE_LIFETIME_MS
MAX_ITERATION = sender_keys.MAX_ITERATION


def scenarios() -> list[Group]:
    """Build all groups of scenarios."""
    return [
        orders(),
        replays(),
        redistributions(),
        conflicts(),
        renewals(),
        many_keys(),
        expiries(),
        skip_limits(),
        skipped_seeds(),
        mixed_records(),
    ]


def orders() -> Group:
    """Loss and reordering."""
    group = Group("Order", "sender_keys.decrypt")
    sender = Sender("orders")
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
        steps = [*late, *refuse(sender.message(start - 1), "DuplicateMessage"), *read(sender, start + 2)]
        comment = f"a late member from iteration {start} cannot read the one before"
        group.scenario(comment, "Order StateUnharmed", "SK-28 SK-29", steps)
    return group


def shuffle(items: Iterable[int], label: str) -> list[int]:
    """Shuffle in an order that depends on the label alone."""
    return sorted(items, key=lambda item: material.derive_bytes(f"shuffle {label} {item}"))


def replays() -> Group:
    """Messages that come a second time."""
    group = Group("Replay", "sender_keys.decrypt")
    sender = Sender("replays")
    start = [process(sender)]

    def replay(comment: str, before: Sequence[Json], iteration: int, after: Sequence[Json]) -> None:
        steps = [*start, *before, *refuse(sender.message(iteration), "DuplicateMessage"), *after]
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

    other_Z = VERSION + frames.number(1, 5) + frames.number(2, 0) + frames.data(3, sender.ciphertext(0, b"message 0"))
    signed_again = other_Z + identity.sign_with(sender.pair.private, other_Z, Z=bytes(64))
    again = [*start, *read(sender, 0), *refuse(signed_again, "DuplicateMessage"), *read(sender, 1)]
    group.scenario("the same message signed again", "Replay StateUnharmed", "SK-29", again)
    other = [
        *start,
        *read(sender, 0),
        *refuse(sender.message(0, b"another text"), "DuplicateMessage"),
        *read(sender, 1),
    ]
    group.scenario("another message of the same iteration", "Replay StateUnharmed", "SK-29", other)
    low = [
        *start,
        *read(sender, 0),
        *refuse(frames.sign(b"\x34" + sender.message(0)[1:-64], sender.pair), "DuplicateMessage"),
        *read(sender, 1),
    ]
    group.scenario("the same message with version byte 0x34", "Replay StateUnharmed", "SK-29", low)
    return group


def redistributions() -> Group:
    """The same key distributed again: earlier, equal, later, much later."""
    group = Group("Redistribution", "sender_keys.process")
    sender = Sender("redistributions")

    for held, again in ((0, 0), (1, 0), (5, 0), (5, 4), (5, 5), (2000, 0), (3000, 999), (3000, 3000)):
        start = [process(sender.distribution(held)), *read(sender, held, held + 3)]
        comment = f"held at {held}, {held} and {held + 3} read, distributed again at {again}"
        repeated = [*start, process(sender.distribution(again))]
        group.scenario(comment, "Rewind", "SK-17", [*repeated, *read(sender, held + 1, held + 2, held + 4)])
        for iteration in (held, held + 3):
            steps = [
                *repeated,
                *refuse(sender.message(iteration), "DuplicateMessage"),
                *read(sender, held + 1, held + 4),
            ]
            group.scenario(f"{comment}, {iteration} replayed", "Rewind Replay", "SK-17 SK-29", steps)
        if again < held:
            steps = [
                *repeated,
                *refuse(sender.message(held - 1), "DuplicateMessage"),
                *read(sender, held + 2, held + 4),
            ]
            group.scenario(f"{comment}, the one before the first held", "Rewind", "SK-17", steps)

    for ahead in (1, 2, 3, 10, 100, 1998, 1999, 2000):
        moved = [process(sender), *read(sender, 1), process(sender.distribution(2 + ahead))]
        over = sorted({2, ahead // 2 + 2, 1 + ahead})
        comment = f"{ahead} ahead"
        group.scenario(
            f"{comment}, passed over and later ones read",
            "MoveForward",
            "SK-18",
            [*moved, *read(sender, *over, 2 + ahead)],
        )
        group.scenario(
            f"{comment}, only later ones read", "MoveForward", "SK-18", [*moved, *read(sender, 4 + ahead, 3 + ahead)]
        )
        steps = [
            *moved,
            *read(sender, *over),
            *refuse(sender.message(over[-1]), "DuplicateMessage"),
            *read(sender, 2 + ahead),
        ]
        group.scenario(f"{comment}, a passed over one replayed", "MoveForward Replay", "SK-18 SK-29", steps)
    for ahead in (2001, 2002, 2500, 4000):
        moved = [process(sender), *read(sender, 1), process(sender.distribution(2 + ahead))]
        comment = f"{ahead} ahead"
        steps = [*moved, *read(sender, 3 + ahead, 2 + ahead)]
        group.scenario(f"{comment}, later ones read", "MoveForward", "SK-19", steps)
        group.scenario(
            f"{comment}, one skipped before is still read",
            "MoveForward",
            "SK-19 SK-28",
            [*moved, *read(sender, 0, 2 + ahead)],
        )
        for iteration in (2, 1 + ahead):
            steps = [*moved, *refuse(sender.message(iteration), "DuplicateMessage"), *read(sender, 2 + ahead)]
            group.scenario(f"{comment}, {iteration} is passed over for good", "MoveForward", "SK-19", steps)
    steps = [
        process(sender),
        *refuse(sender.message(2500), "TooFarAhead"),
        process(sender.distribution(2400)),
        *read(sender, 2500, 2450),
    ]
    group.scenario("a distribution answers too far ahead", "MoveForward SkipLimit", "SK-19 SK-31", steps)
    return group


def conflicts() -> Group:
    """The same key distributed again with a chain key of another chain."""
    group = Group("Conflict", "sender_keys.process")
    sender = Sender("conflicts")
    wrong = material.derive_bytes("conflicting chain key")
    start = [process(sender), *read(sender, 0, 2)]

    for iteration in (4, 5, 13, 2002, 2003):
        steps = [*start, process(sender.distribution(iteration, chain_key=wrong), error="ConflictingDistribution")]
        comment = f"another chain key, {iteration - 3} ahead"
        group.scenario(
            f"{comment}; the true chain goes on",
            "Conflict StateUnharmed",
            "SK-20 SK-35",
            [*steps, *read(sender, 1, 3, 6)],
        )
        steps = [*steps, process(sender.distribution(4)), *read(sender, 3, 4)]
        group.scenario(f"{comment}; then the true distribution", "Conflict StateUnharmed", "SK-20 SK-35", steps)
    for name, chain_key in (
        ("of the iteration before", sender.chain_key(4)),
        ("of the iteration after", sender.chain_key(6)),
        ("with one bit flipped", bytes([sender.chain_key(5)[0] ^ 1]) + sender.chain_key(5)[1:]),
        ("with the last bit flipped", sender.chain_key(5)[:-1] + bytes([sender.chain_key(5)[-1] ^ 1])),
    ):
        steps = [
            *start,
            process(sender.distribution(5, chain_key=chain_key), error="ConflictingDistribution"),
            *read(sender, 5, 1),
        ]
        group.scenario(f"the chain key {name}", "Conflict StateUnharmed", "SK-20 SK-35", steps)

    for iteration in (0, 2, 3):
        steps = [*start, process(sender.distribution(iteration, chain_key=wrong)), *read(sender, 1, 3, 4)]
        group.scenario(
            f"another chain key at iteration {iteration}, not ahead, changes nothing", "Conflict Rewind", "SK-17", steps
        )
    other = Sender("conflicts, another chain", pair=sender.pair)
    for iteration in (2004, 2500):
        steps = [*start, process(other.distribution(iteration)), *read(other, iteration, iteration + 2)]
        group.scenario(f"another chain, {iteration - 3} ahead, is taken", "Conflict MoveForward", "SK-19", steps)
    return group


def renewals() -> Group:
    """New sender keys of one sender."""
    group = Group("Renewal", "sender_keys.decrypt")
    old, new = Sender("renewals, old", key_id=5), Sender("renewals, new", key_id=6)
    both = [process(old), *read(old, 0, 2), process(new)]

    group.scenario("old messages after the new key", "Renewal", "SK-16", [*both, *read(old, 1, 3)])
    group.scenario(
        "old and new messages mixed",
        "Renewal",
        "SK-16",
        [*both, *read(new, 1), *read(old, 4), *read(new, 0), *read(old, 3, 1)],
    )
    group.scenario(
        "a repeated distribution of the old key",
        "Renewal Rewind",
        "SK-16 SK-17",
        [*both, process(old), *read(old, 1), *read(new, 0)],
    )
    group.scenario(
        "a later distribution of the old key",
        "Renewal MoveForward",
        "SK-16 SK-18",
        [*both, process(old.distribution(9)), *read(old, 4, 9), *read(new, 0)],
    )
    early = [process(old), *refuse(new.message(0), "UnknownSenderKey"), *read(old, 0), process(new), *read(new, 0)]
    group.scenario("a message under the new key comes before its distribution", "Renewal UnknownKey", "SK-26", early)
    replay = [*both, *read(new, 0), *refuse(old.message(2), "DuplicateMessage"), *read(old, 1)]
    group.scenario("an old message replayed after the new key", "Renewal Replay", "SK-29", replay)
    forged = Sender("renewals, new", key_id=6, pair=old.pair)
    steps = [*both, *refuse(forged.message(0), "InvalidSignature"), *read(new, 0), *read(old, 1)]
    group.scenario("a message under the new id signed with the old key", "Renewal WrongSignature", "SK-27", steps)

    same_id = Sender("renewals, the same id", key_id=5)
    replaced = [process(old), *read(old, 0), process(same_id)]
    group.scenario(
        "the same id with another signing key replaces", "Renewal", "SK-21", [*replaced, *read(same_id, 0, 2, 1)]
    )
    steps = [*replaced, *refuse(old.message(1), "InvalidSignature"), *read(same_id, 0)]
    group.scenario(
        "the same id with another signing key, an old message", "Renewal WrongSignature", "SK-21 SK-27", steps
    )
    group.scenario(
        "the same id, replaced back to a fresh state", "Renewal", "SK-21", [*replaced, process(old), *read(old, 0, 1)]
    )
    chain_only = Sender("renewals, old", key_id=5, pair=material.derive_key_pair("renewals, only the signing key"))
    group.scenario(
        "the same id and chain with another signing key replaces, and is read from its start",
        "Renewal",
        "SK-21",
        [process(old), *read(old, 0), process(chain_only), *read(chain_only, 0, 1)],
    )
    three = Sender("renewals, third", key_id=7)
    group.scenario(
        "replacing an older state leaves the others",
        "Renewal",
        "SK-16 SK-21",
        [*both, process(three), process(same_id), *read(same_id, 0), *read(new, 0), *read(three, 0)],
    )
    for high in (2**31, 2**32 - 1):
        sender = Sender(f"renewals, key id {high}", key_id=high)
        group.scenario(f"key id {high}", "Renewal EdgeNumber", "SK-16", [process(sender), *read(sender, 0, 2, 1)])
    return group


def many_keys() -> Group:
    """As many sender keys of one sender as a receiver holds, and more."""
    group = Group("ManyKeys", "sender_keys.decrypt")
    senders = [Sender(f"many keys {index}", key_id=1000 + index) for index in range(102)]

    def renew(count: int) -> list[Json]:
        return [process(sender, at=NOW_MS + index) for index, sender in enumerate(senders[:count])]

    now = NOW_MS + 1000
    for count in (6, 7, 10):
        steps = [*renew(count), *read(senders[0], 0, at=now), *read(senders[count - 1], 0, at=now)]
        group.scenario(f"{count} keys, the first and the last", "ManyKeys", "SK-22", steps)
    group.scenario(
        "6 keys, a message under each",
        "ManyKeys",
        "SK-22",
        renew(6) + [step for sender in senders[:6] for step in read(sender, 1, at=now)],
    )
    steps = [*renew(100), *read(senders[0], 1, 0, at=now), *read(senders[99], 0, at=now)]
    group.scenario("100 keys, the first and the last", "ManyKeys", "SK-22", steps)
    steps = [*renew(101), *read(senders[1], 1, 0, at=now), *read(senders[100], 0, at=now)]
    group.scenario("101 keys, the second and the last", "ManyKeys", "SK-22", steps)
    steps = [*renew(101), *refuse(senders[0].message(0), "UnknownSenderKey", at=now), *read(senders[1], 0, at=now)]
    group.scenario("101 keys, the first is dropped", "ManyKeys", "SK-23 SK-26", steps)
    again = [
        *renew(100),
        process(senders[0], at=now),
        process(senders[100], at=now),
        *refuse(senders[0].message(0), "UnknownSenderKey", at=now),
    ]
    group.scenario(
        "100 keys, the first distributed again stays the oldest",
        "ManyKeys Rewind",
        "SK-17 SK-23",
        [*again, *read(senders[1], 0, at=now)],
    )
    return group


def expiries() -> Group:
    """Superseded sender keys at the end of their life."""
    group = Group("Expiry", "sender_keys.decrypt")
    old, new, third = (Sender(f"expiries {index}", key_id=20 + index) for index in range(3))
    later = NOW_MS + 3 * DAY_MS
    end = later + LIFETIME_MS
    both = [process(old), *read(old, 2), process(new, at=later)]

    for name, at in (
        ("at once", later),
        ("a day later", later + DAY_MS),
        ("1 ms before 14 days", end - 1),
        ("at exactly 14 days", end),
    ):
        group.scenario(
            f"{name}, old messages", "Expiry", "SK-24", [*both, *read(old, 1, 3, at=at), *read(new, 0, at=at)]
        )
    for name, at in (
        ("1 ms after 14 days", end + 1),
        ("15 days later", later + 15 * DAY_MS),
        ("a year later", later + 365 * DAY_MS),
    ):
        for iteration, kind in ((1, "skipped"), (3, "next")):
            steps = [*both, *refuse(old.message(iteration), "UnknownSenderKey", at=at), *read(new, 0, at=at)]
            group.scenario(f"{name}, the {kind} message of the old key", "Expiry", "SK-25 SK-26", steps)
        group.scenario(f"{name}, the new key is read", "Expiry", "SK-24", [*both, *read(new, 1, 0, at=at)])
    year = NOW_MS + 365 * DAY_MS
    group.scenario(
        "a key that was never superseded does not expire", "Expiry", "SK-24", [process(old), *read(old, 1, 0, at=year)]
    )
    steps = [process(old), process(new, at=year), *read(old, 0, at=year + LIFETIME_MS)]
    group.scenario("the time counts from the superseding, not from the distribution", "Expiry", "SK-24", steps)

    thrice = [*both, process(third, at=later + 5 * DAY_MS)]
    group.scenario(
        "a third key does not shorten the life of the first", "Expiry", "SK-24", [*thrice, *read(old, 1, at=end)]
    )
    steps = [*thrice, *refuse(old.message(1), "UnknownSenderKey", at=end + 1), *read(new, 0, at=end + 1)]
    group.scenario("a third key does not lengthen the life of the first", "Expiry", "SK-25", steps)
    group.scenario(
        "the second key lives from its own superseding",
        "Expiry",
        "SK-24",
        [*thrice, *read(new, 0, at=end + 5 * DAY_MS)],
    )
    steps = [
        *thrice,
        *refuse(new.message(0), "UnknownSenderKey", at=end + 5 * DAY_MS + 1),
        *read(third, 0, at=end + 5 * DAY_MS + 1),
    ]
    group.scenario("the second key ends with its own superseding", "Expiry", "SK-25", steps)
    again = [
        *both,
        process(old, at=later + DAY_MS),
        *refuse(old.message(1), "UnknownSenderKey", at=end + 1),
        *read(new, 0, at=end + 1),
    ]
    group.scenario("a repeated distribution does not lengthen the life", "Expiry Rewind", "SK-17 SK-25", again)
    moved = [*both, process(old.distribution(9), at=later + DAY_MS)]
    steps = [*moved, *read(old, 9, at=end + DAY_MS), *read(new, 0, at=end + DAY_MS)]
    group.scenario("a later distribution lengthens the life", "Expiry MoveForward", "SK-18 SK-24", steps)
    steps = [
        *moved,
        *refuse(old.message(9), "UnknownSenderKey", at=end + DAY_MS + 1),
        *read(new, 0, at=end + DAY_MS + 1),
    ]
    group.scenario("a day longer, and no more, by a later distribution", "Expiry MoveForward", "SK-18 SK-25", steps)
    group.scenario(
        "a later distribution, at exactly 14 days",
        "Expiry MoveForward",
        "SK-18 SK-24",
        [*moved, *read(old, 9, 4, at=end)],
    )
    used = [*both, *read(old, 3, at=later + DAY_MS)]
    steps = [*used, *read(old, 4, at=end + DAY_MS), *read(new, 0, at=end + DAY_MS)]
    group.scenario("a message lengthens the life", "Expiry", "SK-24", steps)
    steps = [
        *used,
        *refuse(old.message(4), "UnknownSenderKey", at=end + DAY_MS + 1),
        *read(new, 0, at=end + DAY_MS + 1),
    ]
    group.scenario("a day longer, and no more, by a message", "Expiry", "SK-25", steps)
    for iteration in (4, 2500):
        taken = [*both, process(old.distribution(iteration), at=end + 1)]
        comment = f"a distribution of the expired key at {iteration} is taken as that of a new key"
        steps = [*taken, *read(old, iteration + 1, iteration, at=end + 1), *read(new, 0, at=end + 1)]
        group.scenario(comment, "Expiry", "SK-16 SK-25", steps)
        steps = [*taken, *refuse(old.message(1), "DuplicateMessage", at=end + 1), *read(old, iteration, at=end + 1)]
        group.scenario(f"{comment}: what was skipped before is gone", "Expiry", "SK-25 SK-29", steps)
        after = end + 1 + LIFETIME_MS
        steps = [*taken, *read(new, 0, at=after), *read(old, iteration, at=after)]
        group.scenario(f"{comment}: the other is superseded from then on", "Expiry", "SK-24", steps)
        steps = [*taken, *refuse(new.message(0), "UnknownSenderKey", at=after + 1), *read(old, iteration, at=after + 1)]
        group.scenario(f"{comment}: the other expires 14 days later", "Expiry", "SK-25", steps)
    return group


def skip_limits() -> Group:
    """Messages far ahead."""
    group = Group("SkipLimit", "sender_keys.decrypt")
    sender = Sender("skip limits")
    for held in (0, 1, 7, 1000, 2000):
        start = [process(sender.distribution(held))]
        for ahead in (1998, 1999, 2000):
            steps = [*start, *read(sender, held + ahead, held, held + ahead - 1, held + ahead + 1)]
            group.scenario(f"held at {held}, {ahead} ahead", "SkipLimit", "SK-30 SK-32", steps)
        for ahead in (2001, 2002, 3000):
            steps = [*start, *refuse(sender.message(held + ahead), "TooFarAhead"), *read(sender, held, held + 2000)]
            group.scenario(f"held at {held}, {ahead} ahead", "SkipLimit StateUnharmed", "SK-31 SK-35", steps)
    start = [process(sender), *read(sender, 5)]
    group.scenario("2000 ahead of the last one read", "SkipLimit", "SK-30", [*start, *read(sender, 2006, 6)])
    steps = [*start, *refuse(sender.message(2007), "TooFarAhead"), *read(sender, 2006)]
    group.scenario("2001 ahead of the last one read", "SkipLimit StateUnharmed", "SK-31 SK-35", steps)
    group.scenario("two jumps of 2000", "SkipLimit", "SK-30", [process(sender), *read(sender, 2000, 4001, 4000)])
    late = [process(sender.distribution(MAX_ITERATION, chain_key=sender.chain_key(0)))]
    last = (
        VERSION
        + frames.number(1, 5)
        + frames.number(2, MAX_ITERATION)
        + frames.data(3, sender.ciphertext(0, b"the last"))
    )
    inputs = {"record": "alice", "message": frames.sign(last, sender.pair), "now_ms": NOW_MS}
    read_last = answered("sender_keys.decrypt", inputs, {"plaintext": b"the last".hex()})
    group.scenario("the last iteration of all", "SkipLimit IterationLimit", "SK-15 SK-28", [*late, read_last])
    steps = [*late, read_last, *refuse(frames.sign(last, sender.pair), "DuplicateMessage")]
    group.scenario("the last iteration of all, twice", "Replay IterationLimit", "SK-15 SK-29", steps)
    return group


def skipped_seeds() -> Group:
    """More skipped seeds than are kept."""
    group = Group("SkippedSeeds", "sender_keys.decrypt")
    old, new = Sender("skipped seeds, old", key_id=30), Sender("skipped seeds, new", key_id=31)

    def case(comment: str, before: Sequence[Json], kept: Sequence[Json], dropped: Sequence[tuple[Sender, int]]) -> None:
        group.scenario(f"{comment}: what is kept", "SkippedSeeds", "SK-32", [*before, *kept])
        for sender, iteration in dropped:
            steps = [*before, *refuse(sender.message(iteration), "DuplicateMessage"), *kept]
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
    alice, bob = Sender("records, alice"), Sender("records, bob")
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
        *refuse(bob.message(0), "InvalidSignature", record="alice"),
        *read(alice, 0, record="alice"),
        *read(bob, 0, record="bob"),
    ]
    group.scenario("the same key id, a message given to the other's record", "Records WrongSignature", "SK-27", steps)
    carol = Sender("records, carol", key_id=8)
    steps = [
        *both,
        process(carol, record="carol"),
        *refuse(carol.message(0), "UnknownSenderKey", record="alice"),
        *read(carol, 0, record="carol"),
    ]
    group.scenario("another key id, a message given to the other's record", "Records UnknownKey", "SK-26", steps)
    steps = [*refuse(alice.message(0), "UnknownSenderKey"), process(alice), *read(alice, 0)]
    group.scenario("a message before any distribution", "Records UnknownKey", "SK-26", steps)
    steps = [
        *both,
        *read(alice, 0, record="alice"),
        *refuse(alice.message(0), "DuplicateMessage", record="alice"),
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
