"""Chapter 07: passive scenarios of a client that fetches."""

from collections.abc import Sequence

from cloister_conformance.hand_made.swarms import (
    CLOCK_TOLERANCE_MS,
    NOW,
    TTL,
    derive_key,
    describe_letter,
    write_data,
    write_held,
)
from cloister_conformance.vector_files.cases import Group, Json, answered

END = NOW + TTL + CLOCK_TOLERANCE_MS
"""When the usual letter has expired everywhere."""

KEPT = 14 * 24 * 3_600_000 + 2 * CLOCK_TOLERANCE_MS
"""How long a digest is kept."""

FAR = 2**53 - 1


def letter(label: str, expiration_ms: int = NOW + TTL) -> Json:
    """Describe a letter; its hash and its data follow from a label."""
    return describe_letter(write_held(f"letter {label}", expiration_ms=expiration_ms, data=write_data(label)))


def page(
    letters: Sequence[str | Json], fresh: str = "", *, node: str = "a", box: str = "mailbox", at: int = NOW
) -> Json:
    """Describe a page of a node; `fresh` are the labels of what is passed on, a letter each."""
    described = [letter(each) if isinstance(each, str) else each for each in letters]
    inputs = {"mailbox": box, "node": derive_key(node), "letters": described, "now_ms": at}
    return answered("mailbox.take", inputs, {"hashes": [letter(label)["hash"] for label in fresh]})


def cursor(label: str, *, node: str = "a", box: str = "mailbox") -> Json:
    """Describe what a node is asked for; no label stands for everything."""
    last_hash = letter(label)["hash"] if label else ""
    return answered("mailbox.cursor", {"mailbox": box, "node": derive_key(node)}, {"last_hash": last_hash})


def forget(at: int, *, box: str = "mailbox") -> Json:
    """Describe that what is due is forgotten."""
    return answered("mailbox.forget", {"mailbox": box, "now_ms": at}, {})


def cursors() -> Group:
    """What each node is asked for."""
    group = Group("Cursor", "mailbox.cursor")

    def case(comment: str, steps: Sequence[Json]) -> None:
        group.scenario(comment, "Cursor", "SW-39", steps)

    case("a new mailbox", [cursor(""), cursor("", node="b")])
    case("the last of a page", [page("12", "12"), cursor("2"), cursor("", node="b")])
    case("of two nodes", [page("12", "12"), page("21", node="b"), cursor("2"), cursor("1", node="b")])
    case("of two recipients", [page("1", "1"), page("2", "2", box="other"), cursor("1"), cursor("2", box="other")])
    case("of what is not new", [page("123", "123"), page("21"), cursor("1")])
    case("an empty page", [page("12", "12"), page(""), cursor("2")])
    expired = letter("3", NOW - CLOCK_TOLERANCE_MS)
    case("of what has expired everywhere", [page("1", "1"), page([expired]), cursor("3")])
    case("after its message was forgotten", [page("1", "1"), forget(NOW + KEPT), cursor("1")])
    return group


def passed_on() -> Group:
    """What is passed on, once."""
    group = Group("PassedOn", "mailbox.take")

    def case(comment: str, steps: Sequence[Json], clauses: str = "SW-40", flag: str = "Repetition") -> None:
        group.scenario(comment, flag, clauses, steps)

    case("twice in a page", [page("1211", "12")])
    case("twice from a node", [page("12", "12"), page("12"), page("3", "3")])
    case("from two nodes", [page("12", "12"), page("213", "3", node="b"), page("3")])
    case(
        "what any node gives", [page("13", "13"), page("124", "24", node="b"), page("5", "5", node="c")], "SW-40 SW-41"
    )
    other_hash = {**letter("1"), "hash": letter("2")["hash"]}
    case("with another hash", [page("1", "1"), page([other_hash], node="b")])
    case("with another hash in a page", [page(["1", other_hash, "3"], "13")])
    other_data = {**letter("1"), "data": write_data("lie")}
    case("other data first, then the honest", [page([other_data], "1"), page("1", "1", node="b")], flag="Lie")
    case("other data later", [page("1", "1"), page([other_data], "1", node="b"), page(["1", other_data])], flag="Lie")
    case("other data in a page", [page([other_data, "1", other_data, "1"], "11")], flag="Lie")
    for expiration_ms in (NOW + 2 * TTL, FAR):
        case(f"with the expiration {expiration_ms}", [page("1", "1"), page([letter("1", expiration_ms)], node="b")])
    for expiration_ms in (0, NOW - CLOCK_TOLERANCE_MS):
        steps = [page([letter("1", expiration_ms)]), page("1", "1", node="b")]
        case(f"the expiration {expiration_ms} first, then the honest", steps, "SW-43", "Lie")
    case("to two recipients", [page("1", "1"), page("1", "1", box="other"), page("1"), page("1", box="other")])
    return group


def forgotten() -> Group:
    """How long a digest is remembered, and what has expired everywhere."""
    group = Group("Forgotten", "mailbox.take")

    def case(comment: str, flag: str, clauses: str, steps: Sequence[Json]) -> None:
        group.scenario(comment, flag, clauses, steps)

    def late_page(at: int, fresh: str = "") -> list[Json]:
        return [forget(at), page([letter("1", at + TTL)], fresh, node="b", at=at)]

    for left_ms in (1, 1000, CLOCK_TOLERANCE_MS, CLOCK_TOLERANCE_MS + 1):
        steps = [page("1", "1"), *late_page(NOW + KEPT - left_ms)]
        case(f"{left_ms} ms before no node gives it", "Remembered", "SW-42", steps)
    for late_ms in (0, 1, 10**9):
        steps = [page("1", "1"), *late_page(NOW + KEPT + late_ms, "1")]
        case(f"{late_ms} ms after no node gives it", "Remembered", "SW-42", steps)
    for expiration_ms in (NOW + 1, NOW + KEPT, FAR):
        given = page([letter("1", expiration_ms)], "1")
        flag = "FarExpiration" if expiration_ms > NOW + TTL else "Remembered"
        case(f"the expiration {expiration_ms}, until its end", flag, "SW-42", [given, *late_page(NOW + KEPT - 1)])
        case(f"the expiration {expiration_ms}, after its end", flag, "SW-42", [given, *late_page(NOW + KEPT, "1")])
    again = [page("1", "1"), page([letter("1", NOW + 11 * TTL)], node="b", at=NOW + 10 * TTL)]
    case("given again", "Remembered", "SW-42", [*again, *late_page(NOW + 10 * TTL + KEPT - 1)])
    case("given again, after its end", "Remembered", "SW-42", [*again, *late_page(NOW + 10 * TTL + KEPT, "1")])
    again = [page("1", "1"), page([letter("1", 0)], node="b", at=NOW + 10 * TTL)]
    case("given again as expired everywhere", "Remembered", "SW-42 SW-43", [*again, *late_page(NOW + KEPT, "1")])
    for late_ms in (0, 1, 10**9):
        fresh = letter("2", END + 10**10)
        case(
            f"expired everywhere since {late_ms} ms", "Expiration", "SW-43", [page(["1", fresh], "2", at=END + late_ms)]
        )
    for left_ms in (1, CLOCK_TOLERANCE_MS - 1, CLOCK_TOLERANCE_MS):
        case(
            f"{left_ms} ms before, from a node whose clock is slow",
            "Expiration",
            "SW-43",
            [page("1", "1", at=END - left_ms)],
        )
    return group
