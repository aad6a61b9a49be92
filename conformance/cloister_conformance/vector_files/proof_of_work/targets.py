"""Chapter 06: targets over length, ttl and difficulty."""

from collections.abc import Iterator
from itertools import product

from cloister.proof_of_work import MAX_U64, TARGET_SCALE

from cloister_conformance.vector_files.cases import Group, Json

MAX_SAFE_INTEGER = 2**53 - 1
DESKTOP = {"name": "Session desktop client, libloki/test/proof-of-work_test.js", "version": "1.4.3"}


def deployed_targets() -> Group:
    """Targets of deployed software's own tests."""
    group = Group("Target", "proof_of_work.target", source=DESKTOP)
    for comment, length, ttl_ms, difficulty, target in (
        ("upstream", 625, 86_400_000, 10, "000477a423e0de40"),
        ("of the storage server's request", 686, 345_600, 10, "0009670fa5800967"),
        ("two days, difficulty 1", 96, 172_800_000, 1, "00ad602b580ad602"),
        ("two days, difficulty 10", 96, 172_800_000, 10, "0011566abc011566"),
    ):
        expected: Json = {"target": target}
        inputs: Json = {"payload_length": length, "ttl_ms": ttl_ms, "difficulty": difficulty}
        group.valid(comment, "Published", "PW-9", expected=expected, **inputs)
    return group


GREATEST_LENGTH = MAX_U64 // 1_209_600 - 8
"""The greatest length that has a target, for a ttl of 14 days."""

LENGTHS_OF_OVERFLOW = (2**12 - 8, 2**14, 2**20, 2**32)


def greatest_difficulty(length: int) -> int:
    """Return the greatest difficulty that has a target, for a ttl of 10 seconds."""
    return MAX_U64 // (length + 8 + 10 * (length + 8) // TARGET_SCALE)


def targets() -> Group:
    """Targets over all lengths, times and difficulties, and where a rounding changes."""
    group = Group("Target", "proof_of_work.target")
    for comment, flag, length, ttl_ms, difficulty in (*target_table(), *rounded_targets()):
        cost = length + 8 + ttl_ms // 1000 * (length + 8) // TARGET_SCALE
        expected = {"target": (MAX_U64 // (difficulty * cost)).to_bytes(8, "big").hex()}
        inputs: Json = {"payload_length": length, "ttl_ms": ttl_ms, "difficulty": difficulty}
        group.valid(comment, flag, "PW-9", expected=expected, **inputs)
    return group


TargetRow = tuple[str, str, int, int, int]
"""Comment, flag, length, ttl in milliseconds, difficulty."""


def target_table() -> Iterator[TargetRow]:
    """All combinations of a few lengths, times and difficulties."""
    times = (10_000, 86_400_000, 172_800_000, 345_600_000, 1_209_600_000)
    for length, ttl_ms, difficulty in product((84, 96, 625, 10_000, 102_489), times, (1, 2, 10, 99, 1000)):
        yield f"length {length}, ttl {ttl_ms}, difficulty {difficulty}", "TargetTable", length, ttl_ms, difficulty


def rounded_targets() -> Iterator[TargetRow]:
    """Where one of the divisions is exact or just not, and the greatest numbers."""
    for ttl_ms in (10_999, 59_999, 60_000, 60_001, 65_534_000, 65_535_000, 65_536_000, 131_069_999, 131_070_000):
        yield f"length 92, ttl {ttl_ms}", "Rounding", 92, ttl_ms, 1
    seconds_around = (655, 656, 1310, 1311, 65_535, 65_536, 131_070, 131_071, 1_209_599)
    for seconds, length in product(seconds_around, (92, 65_527, 65_528)):
        yield f"length {length}, ttl {seconds} s", "Rounding", length, seconds * 1000, 1
    for length in range(84, 100):
        yield f"length {length}, ttl 800000 s, difficulty 3", "Rounding", length, 800_000_000, 3
    for difficulty in (3, 5, 7, 17, 257, 641, 65_537, 6_700_417, 2**32 - 1, 2**32, 2**32 + 1, 2**40, MAX_SAFE_INTEGER):
        yield f"length 92, ttl 10 s, difficulty {difficulty}", "Rounding", 92, 10_000, difficulty
    for length in (2**16, 2**20, 2**24, 2**31, 2**32, 2**40, GREATEST_LENGTH):
        yield f"length {length}, ttl 14 days", "Rounding", length, 1_209_600_000, 1
    for length in LENGTHS_OF_OVERFLOW:
        difficulty = greatest_difficulty(length)
        comment = f"length {length}, ttl 10 s, difficulty {difficulty}, the greatest"
        yield comment, "Overflow", length, 10_000, difficulty


def refused_targets() -> Group:
    """Inputs that have no target."""
    group = Group("Target", "proof_of_work.target")

    def bad(comment: str, flag: str, length: int, ttl_ms: int, difficulty: int) -> None:
        group.invalid(comment, "OutOfRange", flag, "PW-10", payload_length=length, ttl_ms=ttl_ms, difficulty=difficulty)

    for length in (84, 92, 625, 102_489):
        bad(f"length {length}, difficulty 0", "Difficulty", length, 86_400_000, 0)
    for length in LENGTHS_OF_OVERFLOW:
        for more in (1, 2, 1000):
            difficulty = greatest_difficulty(length) + more
            comment = f"length {length}, ttl 10 s, difficulty {difficulty}: the target would be 0"
            bad(comment, "Difficulty Overflow", length, 10_000, difficulty)
    for length in (GREATEST_LENGTH + 1, 2**44, 2**50):
        bad(f"length {length}, ttl 14 days: their product is over 2^64 - 1", "Overflow", length, 1_209_600_000, 1)
    bad("length -1", "Difficulty", -1, 86_400_000, 1)
    bad("ttl -1000", "Difficulty", 92, -1000, 1)
    bad("difficulty -1", "Difficulty", 92, 86_400_000, -1)
    for length in (2**34, 2**40, 2**43):
        bad(f"length {length}, ttl 14 days, difficulty 2^32", "Overflow Difficulty", length, 1_209_600_000, 2**32)
    return group
