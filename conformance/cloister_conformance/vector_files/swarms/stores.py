"""Chapter 07: requests to a node, and the checks of a store and a retrieve."""

import base64
import json
from typing import Any

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.swarms import (
    CLOCK_TOLERANCE_MS,
    FOREIGN,
    LEFT,
    NO_SWARM,
    NOW,
    RECIPIENT,
    RIGHT,
    TTL,
    derive_key,
    describe_network,
    describe_swarm,
    find_nonce_for_less,
    find_recipient,
    hash_store,
    write_store,
)
from cloister_conformance.vector_files.cases import Group, Json

NODE = derive_key("a")
TOLERANCE = 10_000
DAY_MS = 24 * 3_600_000
EASY = "AAAAAAAAAAA="
"""A nonce of the right form."""

NOT_RECIPIENTS = {
    "empty": "",
    "without its type byte": RECIPIENT[2:],
    "65 digits": RECIPIENT[:-1],
    "68 digits": RECIPIENT + "00",
    "upper case": RECIPIENT.upper(),
    "another prefix": "03" + RECIPIENT[2:],
    "no hex": "05" + "g" * 64,
}
NOT_BASE64 = ("A", "AA", "AB==", "AA-_", "AAAA\n", "====")


def small_network(*difficulties: tuple[int, int]) -> Json:
    """Describe a network of two swarms of one node each."""
    return describe_network(describe_swarm(LEFT, "a"), describe_swarm(RIGHT, "d"), difficulties=difficulties)


NETWORK = small_network()
PARAMS: dict[str, dict[str, str]] = {
    "store": write_store(nonce=EASY),
    "retrieve": {"pubKey": RECIPIENT, "lastHash": ""},
    "get_snodes_for_pubkey": {"pubKey": RECIPIENT},
}


def requests() -> Group:
    """Bodies of requests."""
    group = Group("Request", "storage.decode_request")

    def good(comment: str, method: str, body: str) -> None:
        expected = {"method": method, "params": PARAMS[method]}
        group.valid(comment, "Request", "SW-6", expected=expected, body=body.encode("utf-8"))

    def bad(comment: str, body: bytes | object) -> None:
        written = body if isinstance(body, bytes) else json.dumps(body).encode("utf-8")
        group.invalid(comment, "InvalidMessage", "RequestForm", "SW-6", body=written)

    for method, params in PARAMS.items():
        good(method, method, json.dumps({"method": method, "params": params}))
        more = {"jsonrpc": "2.0", "params": {**params, "more": 1}, "id": 7, "method": method}
        good(f"{method}, with members that nobody asked for", method, json.dumps(more))
        spaced = json.dumps({"method": method, "params": params}, indent=2)
        good(f"{method}, with blanks", method, spaced)
        for name in params:
            without = {other: text for other, text in params.items() if other != name}
            bad(f"{method} without {name}", {"method": method, "params": without})
            values: dict[str, Any] = {
                "null": None,
                "a number": 1,
                "true": True,
                "a list": [params[name]],
                "an object": {},
            }
            for kind, value in values.items():
                bad(f"{method}, {name} is {kind}", {"method": method, "params": {**params, name: value}})
    params = PARAMS["get_snodes_for_pubkey"]
    text = json.dumps({"method": "get_snodes_for_pubkey", "params": params})
    for comment, body in (
        ("empty", b""),
        ("cut off", text[:-1].encode()),
        ("text behind it", text.encode() + b"{}"),
        ("bytes that are no UTF-8", text.replace("05", "\xff").encode("latin-1")),
        ("UTF-16", text.encode("utf-16")),
        ("quoted with apostrophes", text.replace('"', "'").encode()),
        ("NaN", text.replace("{", '{"more": NaN, ', 1).encode()),
        ("a comma too many", text.replace("}}", "},}").encode()),
    ):
        bad(comment, body)
    for comment, value in (
        ("null", None),
        ("a list", []),
        ("a text", "get_snodes_for_pubkey"),
        ("no members", {}),
        ("no method", {"params": params}),
        ("no params", {"method": "get_snodes_for_pubkey"}),
        ("the method is null", {"method": None, "params": params}),
        ("the method is a number", {"method": 1, "params": params}),
        ("the method is a list", {"method": ["get_snodes_for_pubkey"], "params": params}),
        ("the method is empty", {"method": "", "params": params}),
        ("the method in upper case", {"method": "GET_SNODES_FOR_PUBKEY", "params": params}),
        ("a method that is left out", {"method": "get_lns_mapping", "params": {"name_hash": ""}}),
        ("params is null", {"method": "get_snodes_for_pubkey", "params": None}),
        ("params is a list", {"method": "get_snodes_for_pubkey", "params": [RECIPIENT]}),
        ("params is a text", {"method": "get_snodes_for_pubkey", "params": json.dumps(params)}),
    ):
        bad(comment, value)
    return group


def accept(group: Group, comment: str, flag: str, clauses: str, store: dict[str, str], network: Json = NETWORK) -> None:
    """Add a store that is accepted."""
    expected = {"message_hash": hash_store(store)}
    group.valid(comment, flag, clauses, expected=expected, params=store, network=network, node=NODE, now_ms=NOW)


def refuse(
    group: Group, comment: str, error: str, flag: str, clauses: str, store: dict[str, str], network: Json = NETWORK
) -> None:
    """Add a store that is refused."""
    group.invalid(comment, error, flag, clauses, params=store, network=network, node=NODE, now_ms=NOW)


def stores() -> Group:
    """Stores that are accepted."""
    group = Group("Store", "storage.check_store")
    for index in range(12):
        recipient = find_recipient(f"store {index}")
        data = base64.b64encode(material.derive_bytes(f"stored {index}", 11 * index)).decode("ascii")
        timestamp = str(NOW - material.derive_number(f"age {index}", TTL))
        store = write_store(recipient=recipient, data=data, timestamp=timestamp)
        accept(group, f"store {index}", "Ordinary", "SW-8 SW-13", store)
    for ahead_ms in (1, TOLERANCE - 1, TOLERANCE):
        store = write_store(timestamp=str(NOW + ahead_ms))
        accept(group, f"{ahead_ms} ms ahead of the clock", "ClockTolerance", "SW-10", store)
    for left_ms in (1, 1000):
        store = write_store(timestamp=str(NOW - TTL + left_ms))
        accept(group, f"{left_ms} ms before it expires", "Expiration", "SW-11", store)
    old = write_store(ttl=str(14 * DAY_MS), timestamp=str(NOW - 13 * DAY_MS))
    accept(group, "13 days old, of 14", "Expiration", "SW-10 SW-11", old)
    for ttl in ("10000", "345600000", "1209600000"):
        accept(group, f"ttl {ttl}", "TtlLimit", "SW-9", write_store(ttl=ttl))
    return group


def refused_stores() -> Group:
    """Stores with one fault each."""
    group = Group("Store", "storage.check_store")
    for name, recipient in NOT_RECIPIENTS.items():
        store = write_store(recipient=recipient)
        refuse(group, f"recipient: {name}", "InvalidEncoding", "RecipientForm", "SW-7", store)
    for data in NOT_BASE64:
        refuse(group, f"data {data!r}", "InvalidEncoding", "TextForm", "SW-7", write_store(data=data))
    store = write_store(data="A" * 102_404, ttl="10000")
    refuse(group, "102404 characters of data", "TooLarge", "DataLimit", "SW-7", store)
    foreign = write_store(recipient=FOREIGN)
    refuse(group, "a recipient of another swarm", "WrongSwarm", "OtherSwarm", "SW-5", foreign)
    waiting = describe_network(describe_swarm(NO_SWARM, "a"), describe_swarm(RIGHT, "d"))
    refuse(group, "a node that waits for a swarm", "WrongSwarm", "OtherSwarm", "SW-3 SW-5", write_store(), waiting)
    for ttl in ("", "060000", "60000 ", "+60000", "-60000", "60000.0", "6e4"):
        refuse(group, f"ttl {ttl!r}", "InvalidEncoding", "TextForm", "SW-9", write_store(ttl=ttl))
    for ttl in ("0", "9000", "60001", "1209601000", "3456010000"):
        refuse(group, f"ttl {ttl}", "OutOfRange", "TtlLimit", "SW-9", write_store(ttl=ttl))
    for timestamp in ("", "01600000000000", "1600000000000 ", "+1600000000000", "16e11", "-1600000000000"):
        store = write_store(timestamp=timestamp)
        refuse(group, f"timestamp {timestamp!r}", "InvalidEncoding", "TextForm", "SW-10", store)
    for timestamp in ("0", "1600000000", "999999999999", "10000000000000"):
        refuse(group, f"timestamp {timestamp}", "OutOfRange", "TextForm", "SW-10", write_store(timestamp=timestamp))
    for ahead_ms in (TOLERANCE + 1, CLOCK_TOLERANCE_MS, DAY_MS):
        store = write_store(timestamp=str(NOW + ahead_ms))
        refuse(group, f"{ahead_ms} ms ahead of the clock", "OutOfRange", "ClockTolerance", "SW-10", store)
    for late_ms in (0, 1, TOLERANCE, DAY_MS):
        store = write_store(timestamp=str(NOW - TTL - late_ms))
        refuse(group, f"expired since {late_ms} ms", "ExpiredMessage", "Expiration", "SW-11", store)
    for nonce in ("", "AAAA", "AAAAAAAAAAA", "AAAAAAAAAAAAAA==", "AAAAAAAAAAB=", "not base64!"):
        refuse(group, f"nonce {nonce!r}", "InvalidEncoding", "NonceForm", "SW-12", write_store(nonce=nonce))
    return group


def work() -> Group:
    """Work that reaches the current difficulty, or just does not."""
    group = Group("Work", "storage.check_store")
    for difficulty in (2, 7, 40):
        network = small_network((NOW - DAY_MS, difficulty))
        store = write_store(nonce=EASY)
        enough = {**store, "nonce": find_nonce_for_less(store, enough=difficulty, wanted=difficulty + 1)}
        accept(group, f"just enough for {difficulty}", "Work", "SW-12 SW-13", enough, network)
        less = {**store, "nonce": find_nonce_for_less(store, enough=difficulty - 1, wanted=difficulty)}
        refuse(group, f"just too little for {difficulty}", "InsufficientWork", "Work", "SW-12", less, network)
    store = write_store(nonce=EASY, timestamp=str(NOW - 20_000))
    store["nonce"] = find_nonce_for_less(store, enough=1, wanted=50)
    for comment, changes in (
        ("it has fallen just now", ((NOW - DAY_MS, 50), (NOW, 1))),
        ("it will rise", ((NOW - DAY_MS, 1), (NOW + 1, 50))),
        ("it has fallen, and the newer change stands first", ((NOW - 1, 1), (NOW - DAY_MS, 50))),
    ):
        accept(group, comment, "Difficulty", "SW-26", store, small_network(*changes))
    for comment, changes in (
        ("it has risen just now", ((NOW - DAY_MS, 1), (NOW, 50))),
        ("it has risen after the message was written", ((NOW - DAY_MS, 1), (NOW - 10_000, 50))),
        ("it will fall", ((NOW - DAY_MS, 50), (NOW + 1, 1))),
        ("it has risen, and the newer change stands first", ((NOW - 1, 50), (NOW - DAY_MS, 1))),
    ):
        refuse(group, comment, "InsufficientWork", "Difficulty", "SW-26", store, small_network(*changes))
    return group


def orders() -> Group:
    """Stores with two faults, of which the first is answered."""
    group = Group("Order", "storage.check_store")
    faults: list[tuple[str, dict[str, str], str]] = [
        ("recipient", {"recipient": FOREIGN.upper()}, "InvalidEncoding"),
        ("size of data", {"data": "A" * 102_404}, "TooLarge"),
        ("form of data", {"data": "AB=="}, "InvalidEncoding"),
        ("swarm", {"recipient": FOREIGN}, "WrongSwarm"),
        ("form of ttl", {"ttl": "010000"}, "InvalidEncoding"),
        ("limits of ttl", {"ttl": "9000"}, "OutOfRange"),
        ("form of timestamp", {"timestamp": f"0{NOW}"}, "InvalidEncoding"),
        ("timestamp ahead", {"timestamp": str(NOW + TOLERANCE + 1)}, "OutOfRange"),
        ("expired", {"timestamp": str(NOW - TTL)}, "ExpiredMessage"),
        ("form of nonce", {"nonce": "AAAA"}, "InvalidEncoding"),
        ("work", {"nonce": "//////////8="}, "InsufficientWork"),
    ]
    for place, (first, early, error) in enumerate(faults):
        for second, late, other in faults[place + 1 :]:
            is_large = "size of data" in (first, second) and (first, second) != ("size of data", "swarm")
            if other == error or early.keys() & late.keys() or is_large:
                continue
            store = write_store(**{"nonce": EASY, **late, **early})
            refuse(group, f"{first} before {second}", error, "Order", "SW-8", store)
    return group


def retrieves() -> Group:
    """Retrieves."""
    group = Group("Retrieve", "storage.check_retrieve")

    def params(recipient: str, last_hash: str) -> dict[str, str]:
        return {"pubKey": recipient, "lastHash": last_hash}

    for comment, last_hash in (("all", ""), ("behind a hash", "00" * 64), ("behind a text that is no hash", "no hash")):
        inputs: Json = {"params": params(RECIPIENT, last_hash), "network": NETWORK, "node": NODE}
        group.valid(comment, "Ordinary", "SW-5 SW-21", **inputs)
    for name, recipient in NOT_RECIPIENTS.items():
        inputs = {"params": params(recipient, ""), "network": NETWORK, "node": NODE}
        group.invalid(f"recipient: {name}", "InvalidEncoding", "RecipientForm", "SW-7", **inputs)
    for comment, node in (("a node of another swarm", derive_key("d")), ("a node of no swarm", derive_key("z"))):
        inputs = {"params": params(RECIPIENT, ""), "network": NETWORK, "node": node}
        group.invalid(comment, "WrongSwarm", "OtherSwarm", "SW-5", **inputs)
    return group
