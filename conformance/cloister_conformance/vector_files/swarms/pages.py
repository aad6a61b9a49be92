"""Chapter 07: what is answered to a retrieve, and the difficulty over time."""

from collections.abc import Sequence

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.swarms import (
    CLOCK_TOLERANCE_MS,
    NOW,
    TTL,
    describe_history,
    describe_letter,
    find_valid_difficulty,
    write_held,
)
from cloister_conformance.vector_files.cases import Group, Json

DAY_MS = 24 * 3_600_000
Changes = Sequence[tuple[int, int]]


def pages() -> Group:
    """Pages out of what is held."""
    group = Group("Page", "storage.take_page")
    held = [write_held(f"page {number}", expiration_ms=NOW + TTL + 7 * number % 5) for number in range(12)]

    def page(
        comment: str, flag: str, clauses: str, messages: Sequence[Json], given: Sequence[Json], last_hash: str = ""
    ) -> None:
        expected = {"messages": [describe_letter(message) for message in given]}
        inputs: Json = {"messages": list(messages), "last_hash": last_hash, "now_ms": NOW}
        group.valid(comment, flag, clauses, expected=expected, **inputs)

    page("nothing is held", "Cursor", "SW-21", [], [])
    for count in (1, 9, 10, 11, 12):
        page(f"{count} are held", "PageSize", "SW-20 SW-22", held[:count], held[: min(count, 10)])
    for place in (0, 1, 4, 11):
        page(f"behind number {place} of 12", "Cursor", "SW-21", held, held[place + 1 :][:10], held[place]["hash"])
    for comment, last_hash in (
        ("an empty hash", ""),
        ("a text that is no hash", "no hash"),
        ("a hash of nothing that is held", "00" * 64),
        ("a hash in upper case", held[4]["hash"].upper()),
        ("the beginning of a hash", held[4]["hash"][:64]),
    ):
        page(f"behind {comment}", "Cursor", "SW-21", held[:6], held[:6], last_hash)
    for left_ms in (-DAY_MS, -1, 0):
        old = write_held("old", expiration_ms=NOW + left_ms)
        page(f"expired since {-left_ms} ms", "Expiration", "SW-23", [held[0], old, held[1]], held[:2])
    for left_ms in (1, 1000):
        last = write_held("last", expiration_ms=NOW + left_ms)
        page(f"{left_ms} ms before it expires", "Expiration", "SW-24", [held[0], last], [held[0], last])
    expired = [write_held(f"expired {number}", expiration_ms=NOW) for number in range(11)]
    mixed = [message for pair in zip(expired, held[:11], strict=True) for message in pair]
    page("expired messages take no place", "PageSize Expiration", "SW-22 SW-23", mixed, held[:10])
    page(
        "behind number 1, through expired ones", "Cursor Expiration", "SW-21 SW-23", mixed, held[2:11], held[1]["hash"]
    )
    odd = write_held("odd", data="_is given as it is_")
    page("data is given as it is held", "Ordinary", "SW-24", [odd], [odd])
    return group


def random_changes(label: str, count: int) -> list[tuple[int, int]]:
    """Derive changes of the difficulty around the fixed time, in no order."""
    width = 4 * CLOCK_TOLERANCE_MS
    return [
        (NOW - width // 2 + material.derive_number(f"since {label} {index}", width), 1 + index * 37 % 99)
        for index in range(count)
    ]


def current_difficulties() -> Group:
    """Current difficulties."""
    group = Group("CurrentDifficulty", "storage.current_difficulty")

    def case(comment: str, changes: Changes, difficulty: int) -> None:
        inputs: Json = {"difficulties": describe_history(*changes), "now_ms": NOW}
        group.valid(comment, "Difficulty", "SW-26", expected={"difficulty": difficulty}, **inputs)

    case("no history", [], 1)
    case("one change in the past", [(NOW - DAY_MS, 9)], 9)
    case("one change just now", [(NOW, 9)], 9)
    case("one change in a millisecond", [(NOW + 1, 9)], 1)
    case("the newer change last", [(NOW - DAY_MS, 9), (NOW - 1, 3)], 3)
    case("the newer change first", [(NOW - 1, 3), (NOW - DAY_MS, 9)], 3)
    case("a change in the future first", [(NOW + DAY_MS, 50), (NOW - DAY_MS, 9)], 9)
    case("a change in the future last", [(NOW - DAY_MS, 9), (NOW + DAY_MS, 50)], 9)
    for index in range(6):
        changes = random_changes(f"current {index}", 5)
        past = sorted(change for change in changes if change[0] <= NOW)
        case(f"history {index}", changes, past[-1][1] if past else 1)
    return group


def valid_difficulties() -> Group:
    """Valid difficulties."""
    storage_server = {"name": "Session storage server, unit_test/pow.cpp", "version": "50557608f37f"}
    group = Group("ValidDifficulty", "storage.valid_difficulty", source=storage_server)
    at = 1_554_859_211
    history = describe_history((at - 30 * 60_000, 1000), (at - 20 * 60_000, 10))
    expected = {"difficulty": 10}
    comment = "30 minutes ago 1000, 20 minutes ago 10"
    group.valid(comment, "Published Difficulty", "SW-27", expected=expected, difficulties=history, timestamp_ms=at)
    return group


def more_valid_difficulties() -> Group:
    """More valid difficulties."""
    group = Group("ValidDifficulty", "storage.valid_difficulty")

    def case(comment: str, changes: Changes, difficulty: int) -> None:
        history = describe_history(*changes)
        if find_valid_difficulty(history, NOW) != difficulty:
            raise AssertionError(f"{comment}: not {difficulty}")
        inputs: Json = {"difficulties": history, "timestamp_ms": NOW}
        group.valid(comment, "Difficulty", "SW-27", expected={"difficulty": difficulty}, **inputs)

    case("no history", [], 1)
    case("one change long before", [(NOW - DAY_MS, 9)], 9)
    case("one change just before", [(NOW - 1, 9)], 1)
    case("one change at the time", [(NOW, 9)], 1)
    long_ago, first, last = NOW - 2 * DAY_MS, NOW - CLOCK_TOLERANCE_MS, NOW + CLOCK_TOLERANCE_MS
    case("fallen 15 minutes before", [(long_ago, 9), (first, 2)], 2)
    case("fallen 15 minutes after", [(long_ago, 9), (last, 2)], 2)
    case("fallen a millisecond later", [(long_ago, 9), (last + 1, 2)], 9)
    case("risen 15 minutes before", [(long_ago, 9), (first, 50)], 50)
    case("risen a millisecond later", [(long_ago, 9), (first + 1, 50)], 9)
    case("risen 15 minutes after", [(long_ago, 9), (last, 50)], 9)
    case("risen again 15 minutes before", [(long_ago, 9), (first - 1, 2), (first, 50)], 50)
    case("risen again a millisecond later", [(long_ago, 9), (first, 2), (first + 1, 50)], 2)
    case("risen again, having fallen long before", [(long_ago, 2), (NOW - 1, 30)], 2)
    case("risen at the time", [(NOW - DAY_MS, 9), (NOW, 50)], 9)
    case("fallen at the time", [(NOW - DAY_MS, 50), (NOW, 9)], 9)
    case("up and down around the time", [(NOW - DAY_MS, 20), (NOW - 60_000, 50), (NOW + 60_000, 10)], 10)
    case("the history in no order", [(NOW + 60_000, 10), (NOW - DAY_MS, 20), (NOW - 60_000, 50)], 10)
    for index in range(8):
        changes = random_changes(f"valid {index}", 6)
        case(f"history {index}", changes, find_valid_difficulty(describe_history(*changes), NOW))
    return group
