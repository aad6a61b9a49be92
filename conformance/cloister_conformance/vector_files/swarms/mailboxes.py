"""Chapter 07: passive scenarios of a client that fetches."""

from collections.abc import Sequence

from cloister_conformance.hand_made.swarms import (
    CLOCK_TOLERANCE_MS,
    NOW,
    TTL,
    derive_key,
    describe_letter,
    write_held,
)
from cloister_conformance.vector_files.cases import Group, Json, answered

END = NOW + TTL + CLOCK_TOLERANCE_MS
"""When the usual letter has expired everywhere."""

LONGEST = 14 * 24 * 3_600_000 + 2 * CLOCK_TOLERANCE_MS
"""How long a hash is kept at most."""

FAR = 2**53 - 1


def letter(label: str, expiration_ms: int = NOW + TTL) -> Json:
    """Describe a letter; its hash follows from a label."""
    return describe_letter(write_held(f"letter {label}", expiration_ms=expiration_ms))


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
    case("after its message was forgotten", [page("1", "1"), forget(END), cursor("1")])
    return group


def passed_on() -> Group:
    """What is passed on, once."""
    group = Group("PassedOn", "mailbox.take")

    def case(comment: str, steps: Sequence[Json], clauses: str = "SW-40") -> None:
        group.scenario(comment, "Repetition", clauses, steps)

    case("twice in a page", [page("1211", "12")])
    case("twice from a node", [page("12", "12"), page("12"), page("3", "3")])
    case("from two nodes", [page("12", "12"), page("213", "3", node="b"), page("3")])
    case(
        "what any node gives", [page("13", "13"), page("124", "24", node="b"), page("5", "5", node="c")], "SW-40 SW-41"
    )
    case("with other data", [page("1", "1"), page([{**letter("1"), "data": ""}], node="b")])
    for expiration_ms in (NOW + 2 * TTL, FAR):
        case(f"with the expiration {expiration_ms}", [page("1", "1"), page([letter("1", expiration_ms)], node="b")])
    case("to two recipients", [page("1", "1"), page("1", "1", box="other"), page("1"), page("1", box="other")])
    return group


def forgotten() -> Group:
    """How long a hash is remembered."""
    group = Group("Forgotten", "mailbox.take")

    def case(comment: str, flag: str, clauses: str, steps: Sequence[Json]) -> None:
        group.scenario(comment, flag, clauses, steps)

    for left_ms in (1, 1000, CLOCK_TOLERANCE_MS, CLOCK_TOLERANCE_MS + 1):
        steps = [page("1", "1"), forget(END - left_ms), page("1", node="b", at=END - left_ms)]
        case(f"{left_ms} ms before it has expired everywhere", "Remembered", "SW-42", steps)
    for late_ms in (0, 1, 10**9):
        at = END + late_ms
        steps = [page("1", "1"), forget(at), page([letter("1", at + TTL)], "1", at=at)]
        case(f"{late_ms} ms after it has expired everywhere", "Remembered", "SW-42", steps)
    for expiration_ms in (NOW + LONGEST, FAR):
        end_ms = NOW + LONGEST
        long = page([letter("1", expiration_ms)], "1")
        steps = [long, forget(end_ms - 1), page([letter("1", end_ms)], node="b", at=end_ms - 1)]
        case(f"the expiration {expiration_ms}, until its end", "FarExpiration", "SW-42", steps)
        steps = [long, forget(end_ms), page([letter("1", end_ms)], "1", at=end_ms)]
        case(f"the expiration {expiration_ms}, after its end", "FarExpiration", "SW-42", steps)
    late = NOW + 10 * TTL
    steps = [
        page("1", "1"),
        page([letter("1", late)], node="b"),
        page("1"),
        forget(END),
        page([letter("1", late)], at=END),
    ]
    case("the latest of several expirations", "Remembered", "SW-42", steps)
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
