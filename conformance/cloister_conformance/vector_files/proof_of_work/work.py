"""Chapter 06: work that almost suffices, that was made for another request or by another rule, and digits that move."""

import base64
import hashlib

from cloister import proof_of_work, wire
from cloister.proof_of_work import MAX_U64, TARGET_SCALE

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.proof_of_work import (
    DATA,
    RECIPIENT,
    TIMESTAMP,
    TTL,
    Value,
    find_nonce,
    find_nonce_between,
    mine,
    payload,
    request,
    stages,
    value_of,
)
from cloister_conformance.vector_files.cases import Group, Json


def insufficient(group: Group, comment: str, flag: str, clauses: str, inputs: Json) -> None:
    """Add a request whose work does not suffice."""
    group.invalid(comment, "InsufficientWork", flag, clauses, **inputs)


def insufficient_work() -> Group:
    """Work that is enough for a lower difficulty."""
    group = Group("InsufficientWork", "proof_of_work.check")
    for index in range(10):
        inputs = request(timestamp=str(1_600_000_000_000 + index), difficulty=1 + index)
        joined = payload(inputs["timestamp"], TTL, RECIPIENT, DATA)
        lower, higher = (proof_of_work.derive_target(len(joined), int(TTL), index + more) for more in (1, 2))
        complete = {**inputs, "nonce": find_nonce_between(joined, higher, lower)}
        group.valid(
            f"request {index}, enough for difficulty {1 + index}",
            "AlmostEnough",
            "PW-12",
            intermediates=stages(complete),
            **complete,
        )
        insufficient(
            group,
            f"request {index}, not enough for difficulty {2 + index}",
            "AlmostEnough",
            "PW-13",
            {**complete, "difficulty": 2 + index},
        )
    for counter in range(6):
        insufficient(
            group,
            f"no work, the counter {counter}",
            "AlmostEnough",
            "PW-13",
            {**request(difficulty=1000), "nonce": proof_of_work.encode_nonce(counter)},
        )
    return group


def other_requests() -> Group:
    """A nonce given to a request that differs in one text from the one it was made for."""
    group = Group("OtherRequest", "proof_of_work.check")
    nonce = mine(difficulty=100)
    made = {**request(difficulty=100), "nonce": nonce}
    group.valid("the request it was made for", "Ordinary", "PW-12", intermediates=stages(made), **made)
    swapped = RECIPIENT[:-2] + RECIPIENT[-1] + RECIPIENT[-2]
    for comment, change in (
        ("1 ms later", {"timestamp": "1600000000001"}),
        ("an hour later", {"timestamp": "1600003600000"}),
        ("one second longer", {"ttl": "61000"}),
        ("14 days", {"ttl": "1209600000"}),
        ("the shortest ttl", {"ttl": "10000"}),
        ("another recipient", {"recipient": material.derive_key_pair("another recipient").public.hex()}),
        ("two digits of the recipient exchanged", {"recipient": swapped}),
        ("other data of the same length", {"data": wire.encode_base64(b"hello grouq")}),
        ("no data", {"data": ""}),
        ("a zero byte more of data", {"data": wire.encode_base64(b"hello group\0")}),
    ):
        insufficient(group, comment, "OtherRequest", "PW-1 PW-13", {**made, **change})
    return group


def other_rules() -> Group:
    """Nonces that pass by another rule only: what a checker with that rule accepts, and what it refuses."""
    group = Group("OtherRule", "proof_of_work.check")
    joined = payload(TIMESTAMP, TTL, RECIPIENT, DATA)
    h1 = hashlib.sha512(joined).digest()
    target = proof_of_work.derive_target(len(joined), int(TTL), 1)
    value = value_of(joined)

    def sha512(*parts: bytes) -> bytes:
        return hashlib.sha512(b"".join(parts)).digest()

    def first_eight(h2: bytes) -> int:
        return int.from_bytes(h2[:8], "big")

    def hash_of(*texts: str) -> bytes:
        return hashlib.sha512("".join(texts).encode("ascii")).digest()

    raw = base64.b64decode(DATA)
    rules: dict[str, tuple[str, Value]] = {
        "the nonce after h1": ("PW-11", lambda nonce: first_eight(sha512(h1, nonce))),
        "the value least significant byte first": (
            "PW-11",
            lambda nonce: int.from_bytes(sha512(nonce, h1)[:8], "little"),
        ),
        "the last 8 bytes as value": ("PW-11", lambda nonce: int.from_bytes(sha512(nonce, h1)[-8:], "big")),
        "the nonce's text hashed": ("PW-11", lambda nonce: first_eight(sha512(base64.b64encode(nonce), h1))),
        "h1 hashed in hex": ("PW-11", lambda nonce: first_eight(sha512(nonce, h1.hex().encode("ascii")))),
        "one hash instead of two": ("PW-11", lambda nonce: first_eight(sha512(nonce, joined))),
        "SHA-256 first": ("PW-11", lambda nonce: first_eight(sha512(nonce, hashlib.sha256(joined).digest()))),
        "the data decoded": (
            "PW-1",
            lambda nonce: first_eight(sha512(nonce, sha512((TIMESTAMP + TTL + RECIPIENT).encode("ascii"), raw))),
        ),
        "the recipient without 05": (
            "PW-1",
            lambda nonce: first_eight(sha512(nonce, hash_of(TIMESTAMP, TTL, RECIPIENT[2:], DATA))),
        ),
        "the recipient left out": ("PW-1", lambda nonce: first_eight(sha512(nonce, hash_of(TIMESTAMP, TTL, DATA)))),
        "the ttl left out": ("PW-1", lambda nonce: first_eight(sha512(nonce, hash_of(TIMESTAMP, RECIPIENT, DATA)))),
        "the timestamp left out": ("PW-1", lambda nonce: first_eight(sha512(nonce, hash_of(TTL, RECIPIENT, DATA)))),
        "the data left out": ("PW-1", lambda nonce: first_eight(sha512(nonce, hash_of(TIMESTAMP, TTL, RECIPIENT)))),
        "ttl before timestamp": (
            "PW-1",
            lambda nonce: first_eight(sha512(nonce, hash_of(TTL, TIMESTAMP, RECIPIENT, DATA))),
        ),
        "separators": (
            "PW-1",
            lambda nonce: first_eight(sha512(nonce, hash_of(f"{TIMESTAMP}|{TTL}|{RECIPIENT}|{DATA}"))),
        ),
        "the ttl in seconds": (
            "PW-1",
            lambda nonce: first_eight(sha512(nonce, hash_of(TIMESTAMP, TTL[:-3], RECIPIENT, DATA))),
        ),
    }
    for name, (clause, other_value) in rules.items():
        nonce = find_nonce(lambda nonce: other_value(nonce) < target <= value(nonce))  # noqa: B023 - used within the loop
        insufficient(group, f"enough only with {name}", "OtherRule", f"{clause} PW-13", {**request(), "nonce": nonce})
        nonce = find_nonce(lambda nonce: value(nonce) < target <= other_value(nonce))  # noqa: B023 - used within the loop
        complete = {**request(), "nonce": nonce}
        group.valid(
            f"not enough only with {name}", "OtherRule", f"{clause} PW-12", intermediates=stages(complete), **complete
        )

    longer = request(ttl="1209600000")
    joined_longer = payload(TIMESTAMP, longer["ttl"], RECIPIENT, DATA)
    length = len(joined_longer) + 8
    other_targets = {
        "the nonce's length left out": MAX_U64 // (length - 8 + 1_209_600 * (length - 8) // TARGET_SCALE),
        "the ttl left out": MAX_U64 // length,
        "the length of the data only": MAX_U64 // (len(DATA) + 8 + 1_209_600 * (len(DATA) + 8) // TARGET_SCALE),
        "the scaled ttl rounded first": MAX_U64 // (length + 1_209_600 // TARGET_SCALE * length),
        "the ttl's share alone": MAX_U64 // (1_209_600 * length // TARGET_SCALE),
    }
    target = proof_of_work.derive_target(len(joined_longer), 1_209_600_000, 1)
    for name, other in other_targets.items():
        nonce = find_nonce_between(joined_longer, target, other)
        insufficient(
            group, f"enough only with {name} from the target", "OtherRule", "PW-9 PW-13", {**longer, "nonce": nonce}
        )
    twice = MAX_U64 // (length + 1_209_600_000 * length // TARGET_SCALE)
    complete = {**longer, "nonce": find_nonce_between(joined_longer, twice, target)}
    group.valid(
        "not enough only with milliseconds in the target",
        "OtherRule",
        "PW-9 PW-12",
        intermediates=stages(complete),
        **complete,
    )
    return group


# Moved digits


def moved_digits() -> Group:
    """Pairs of requests with one payload: the one that was paid for, and one with its digits elsewhere."""
    group = Group("MovedDigits", "proof_of_work.check")
    tail = RECIPIENT[2:]
    moves: list[tuple[str, tuple[str, str, str, str], tuple[str, str, str, str], str, str]] = [
        (
            "the last digit of the timestamp to the ttl",
            ("1600000000001", "10000", RECIPIENT, DATA),
            ("160000000000", "110000", RECIPIENT, DATA),
            "OutOfRange",
            "PW-2",
        ),
        (
            "the last three digits of the timestamp to the ttl",
            ("1600000000100", "10000", RECIPIENT, DATA),
            ("1600000000", "10010000", RECIPIENT, DATA),
            "OutOfRange",
            "PW-2",
        ),
        (
            "the first digit of the ttl to the timestamp",
            ("1600000000000", "110000", RECIPIENT, DATA),
            ("16000000000001", "10000", RECIPIENT, DATA),
            "OutOfRange",
            "PW-2",
        ),
        (
            "the first two digits of the ttl to the timestamp",
            ("1600000000000", "9960000", RECIPIENT, DATA),
            ("160000000000099", "60000", RECIPIENT, DATA),
            "OutOfRange",
            "PW-2",
        ),
        (
            "the first four characters of the recipient to the ttl, four of the data to the recipient",
            ("1600000000000", "10000", "050505" + tail[4:], "abcd" + DATA),
            ("1600000000000", "100000505", "05" + tail[4:] + "abcd", DATA),
            "OutOfRange",
            "PW-4",
        ),
        (
            "the same with the greatest ttl of five digits",
            ("1600000000000", "99000", "050005" + tail[4:], "0123" + DATA),
            ("1600000000000", "990000500", "05" + tail[4:] + "0123", DATA),
            "OutOfRange",
            "PW-4",
        ),
    ]
    for comment, paid, moved, error, clauses in moves:
        if "".join(paid) != "".join(moved):
            raise AssertionError(f"{comment}: the payloads differ")
        greater_ttl = max(int(paid[1]), int(moved[1]))
        nonce = mine(*paid, ttl_ms=greater_ttl)
        inputs: Json = {**request(*paid), "nonce": nonce}
        group.valid(f"paid for; before moving {comment}", "MovedDigits", "PW-1", intermediates=stages(inputs), **inputs)
        group.invalid(f"moved {comment}", error, "MovedDigits", clauses, **{**request(*moved), "nonce": nonce})

    for count_moved in (4, 8):
        recipient, data = RECIPIENT[:-count_moved] + "0" * count_moved, DATA
        nonce = mine(recipient=recipient)
        other = request(recipient=recipient[:-count_moved], data="0" * count_moved + data)
        comment = f"the last {count_moved} characters of the recipient to the data"
        group.invalid(f"moved {comment}", "InvalidEncoding", "MovedDigits", "PW-5", **{**other, "nonce": nonce})
        data = "abcdef01"[:count_moved] + DATA
        nonce = mine(data=data)
        other = request(recipient=RECIPIENT + data[:count_moved], data=data[count_moved:])
        comment = f"the first {count_moved} characters of the data to the recipient"
        group.invalid(f"moved {comment}", "InvalidEncoding", "MovedDigits", "PW-5", **{**other, "nonce": nonce})
    return group
