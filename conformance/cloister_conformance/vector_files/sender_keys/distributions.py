"""Chapter 04: passive scenarios of repeated, conflicting, renewed and expired sender keys."""

from cloister import sender_keys

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.hand_made.sender_keys import make_sender
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.sender_keys.receiver import NOW_MS, message, process, read, refuse

DAY_MS = 86_400_000
LIFETIME_MS = sender_keys.STATE_LIFETIME_MS


def redistributions() -> Group:
    """The same key distributed again: earlier, equal, later, much later."""
    group = Group("Redistribution", "sender_keys.process")
    sender = make_sender("redistributions")

    for held, again in ((0, 0), (1, 0), (5, 0), (5, 4), (5, 5), (2000, 0), (3000, 999), (3000, 3000)):
        start = [process(sender.distribution(held)), *read(sender, held, held + 3)]
        comment = f"held at {held}, {held} and {held + 3} read, distributed again at {again}"
        repeated = [*start, process(sender.distribution(again))]
        group.scenario(comment, "Rewind", "SK-17", [*repeated, *read(sender, held + 1, held + 2, held + 4)])
        for iteration in (held, held + 3):
            steps = [
                *repeated,
                *refuse(message(sender, iteration), "DuplicateMessage"),
                *read(sender, held + 1, held + 4),
            ]
            group.scenario(f"{comment}, {iteration} replayed", "Rewind Replay", "SK-17 SK-29", steps)
        if again < held:
            steps = [
                *repeated,
                *refuse(message(sender, held - 1), "DuplicateMessage"),
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
            *refuse(message(sender, over[-1]), "DuplicateMessage"),
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
            steps = [*moved, *refuse(message(sender, iteration), "DuplicateMessage"), *read(sender, 2 + ahead)]
            group.scenario(f"{comment}, {iteration} is passed over for good", "MoveForward", "SK-19", steps)
    steps = [
        process(sender),
        *refuse(message(sender, 2500), "TooFarAhead"),
        process(sender.distribution(2400)),
        *read(sender, 2500, 2450),
    ]
    group.scenario("a distribution answers too far ahead", "MoveForward SkipLimit", "SK-19 SK-31", steps)
    return group


def conflicts() -> Group:
    """The same key distributed again with a chain key of another chain."""
    group = Group("Conflict", "sender_keys.process")
    sender = make_sender("conflicts")
    wrong = material.derive_bytes("conflicting chain key")
    start = [process(sender), *read(sender, 0, 2)]

    for iteration in (4, 5, 13, 2002, 2003):
        steps = [
            *start,
            process(sender.distribution(iteration, other={3: field(3, wrong)}), error="ConflictingDistribution"),
        ]
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
        ("of the iteration before", sender.chain_key_at(4)),
        ("of the iteration after", sender.chain_key_at(6)),
        ("with one bit flipped", bytes([sender.chain_key_at(5)[0] ^ 1]) + sender.chain_key_at(5)[1:]),
        ("with the last bit flipped", sender.chain_key_at(5)[:-1] + bytes([sender.chain_key_at(5)[-1] ^ 1])),
    ):
        steps = [
            *start,
            process(sender.distribution(5, other={3: field(3, chain_key)}), error="ConflictingDistribution"),
            *read(sender, 5, 1),
        ]
        group.scenario(f"the chain key {name}", "Conflict StateUnharmed", "SK-20 SK-35", steps)

    for iteration in (0, 2, 3):
        steps = [*start, process(sender.distribution(iteration, other={3: field(3, wrong)})), *read(sender, 1, 3, 4)]
        group.scenario(
            f"another chain key at iteration {iteration}, not ahead, changes nothing", "Conflict Rewind", "SK-17", steps
        )
    other = make_sender("conflicts, another chain", signing_key=sender.signing_key)
    for iteration in (2004, 2500):
        steps = [*start, process(other.distribution(iteration)), *read(other, iteration, iteration + 2)]
        group.scenario(f"another chain, {iteration - 3} ahead, is taken", "Conflict MoveForward", "SK-19", steps)
    return group


def renewals() -> Group:
    """New sender keys of one sender."""
    group = Group("Renewal", "sender_keys.decrypt")
    old, new = make_sender("renewals, old", key_id=5), make_sender("renewals, new", key_id=6)
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
    early = [process(old), *refuse(message(new, 0), "UnknownSenderKey"), *read(old, 0), process(new), *read(new, 0)]
    group.scenario("a message under the new key comes before its distribution", "Renewal UnknownKey", "SK-26", early)
    replay = [*both, *read(new, 0), *refuse(message(old, 2), "DuplicateMessage"), *read(old, 1)]
    group.scenario("an old message replayed after the new key", "Renewal Replay", "SK-29", replay)
    forged = make_sender("renewals, new", key_id=6, signing_key=old.signing_key)
    steps = [*both, *refuse(message(forged, 0), "InvalidSignature"), *read(new, 0), *read(old, 1)]
    group.scenario("a message under the new id signed with the old key", "Renewal WrongSignature", "SK-27", steps)

    same_id = make_sender("renewals, the same id", key_id=5)
    replaced = [process(old), *read(old, 0), process(same_id)]
    group.scenario(
        "the same id with another signing key replaces", "Renewal", "SK-21", [*replaced, *read(same_id, 0, 2, 1)]
    )
    steps = [*replaced, *refuse(message(old, 1), "InvalidSignature"), *read(same_id, 0)]
    group.scenario(
        "the same id with another signing key, an old message", "Renewal WrongSignature", "SK-21 SK-27", steps
    )
    group.scenario(
        "the same id, replaced back to a fresh state", "Renewal", "SK-21", [*replaced, process(old), *read(old, 0, 1)]
    )
    chain_only = make_sender(
        "renewals, old", key_id=5, signing_key=material.derive_key_pair("renewals, only the signing key")
    )
    group.scenario(
        "the same id and chain with another signing key replaces, and is read from its start",
        "Renewal",
        "SK-21",
        [process(old), *read(old, 0), process(chain_only), *read(chain_only, 0, 1)],
    )
    three = make_sender("renewals, third", key_id=7)
    group.scenario(
        "replacing an older state leaves the others",
        "Renewal",
        "SK-16 SK-21",
        [*both, process(three), process(same_id), *read(same_id, 0), *read(new, 0), *read(three, 0)],
    )
    for high in (2**31, 2**32 - 1):
        sender = make_sender(f"renewals, key id {high}", key_id=high)
        group.scenario(f"key id {high}", "Renewal EdgeNumber", "SK-16", [process(sender), *read(sender, 0, 2, 1)])
    return group


def many_keys() -> Group:
    """As many sender keys of one sender as a receiver holds, and more."""
    group = Group("ManyKeys", "sender_keys.decrypt")
    senders = [make_sender(f"many keys {index}", key_id=1000 + index) for index in range(102)]

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
    steps = [*renew(101), *refuse(message(senders[0], 0), "UnknownSenderKey", at=now), *read(senders[1], 0, at=now)]
    group.scenario("101 keys, the first is dropped", "ManyKeys", "SK-23 SK-26", steps)
    again = [
        *renew(100),
        process(senders[0], at=now),
        process(senders[100], at=now),
        *refuse(message(senders[0], 0), "UnknownSenderKey", at=now),
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
    old, new, third = (make_sender(f"expiries {index}", key_id=20 + index) for index in range(3))
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
            steps = [*both, *refuse(message(old, iteration), "UnknownSenderKey", at=at), *read(new, 0, at=at)]
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
    steps = [*thrice, *refuse(message(old, 1), "UnknownSenderKey", at=end + 1), *read(new, 0, at=end + 1)]
    group.scenario("a third key does not lengthen the life of the first", "Expiry", "SK-25", steps)
    group.scenario(
        "the second key lives from its own superseding",
        "Expiry",
        "SK-24",
        [*thrice, *read(new, 0, at=end + 5 * DAY_MS)],
    )
    steps = [
        *thrice,
        *refuse(message(new, 0), "UnknownSenderKey", at=end + 5 * DAY_MS + 1),
        *read(third, 0, at=end + 5 * DAY_MS + 1),
    ]
    group.scenario("the second key ends with its own superseding", "Expiry", "SK-25", steps)
    again = [
        *both,
        process(old, at=later + DAY_MS),
        *refuse(message(old, 1), "UnknownSenderKey", at=end + 1),
        *read(new, 0, at=end + 1),
    ]
    group.scenario("a repeated distribution does not lengthen the life", "Expiry Rewind", "SK-17 SK-25", again)
    moved = [*both, process(old.distribution(9), at=later + DAY_MS)]
    steps = [*moved, *read(old, 9, at=end + DAY_MS), *read(new, 0, at=end + DAY_MS)]
    group.scenario("a later distribution lengthens the life", "Expiry MoveForward", "SK-18 SK-24", steps)
    steps = [
        *moved,
        *refuse(message(old, 9), "UnknownSenderKey", at=end + DAY_MS + 1),
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
        *refuse(message(old, 4), "UnknownSenderKey", at=end + DAY_MS + 1),
        *read(new, 0, at=end + DAY_MS + 1),
    ]
    group.scenario("a day longer, and no more, by a message", "Expiry", "SK-25", steps)
    for iteration in (4, 2500):
        taken = [*both, process(old.distribution(iteration), at=end + 1)]
        comment = f"a distribution of the expired key at {iteration} is taken as that of a new key"
        steps = [*taken, *read(old, iteration + 1, iteration, at=end + 1), *read(new, 0, at=end + 1)]
        group.scenario(comment, "Expiry", "SK-16 SK-25", steps)
        steps = [*taken, *refuse(message(old, 1), "DuplicateMessage", at=end + 1), *read(old, iteration, at=end + 1)]
        group.scenario(f"{comment}: what was skipped before is gone", "Expiry", "SK-25 SK-29", steps)
        after = end + 1 + LIFETIME_MS
        steps = [*taken, *read(new, 0, at=after), *read(old, iteration, at=after)]
        group.scenario(f"{comment}: the other is superseded from then on", "Expiry", "SK-24", steps)
        steps = [
            *taken,
            *refuse(message(new, 0), "UnknownSenderKey", at=after + 1),
            *read(old, iteration, at=after + 1),
        ]
        group.scenario(f"{comment}: the other expires 14 days later", "Expiry", "SK-25", steps)
    return group
