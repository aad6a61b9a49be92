"""Chapter 07: batches, pushed messages, and the signatures of requests between nodes."""

import base64

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.swarms import (
    CLOCK_TOLERANCE_MS,
    DATA,
    FOREIGN,
    NOW,
    RING,
    TTL,
    derive_key,
    derive_seed,
    describe_message,
    find_nonce_for_less,
    hash_store,
    write_headers,
    write_number,
    write_record,
    write_signed,
    write_store,
)
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.swarms.stores import (
    DAY_MS,
    EASY,
    NETWORK,
    NODE,
    NOT_BASE64,
    NOT_RECIPIENTS,
    TOLERANCE,
    small_network,
)

PATH = "/swarms/push_batch/v1"
BODY = b"the body of a request"
Q = 2**252 + 27742317777372353535851937790883648493
"""The order of the base point."""


def messages_of_any_form() -> dict[str, list[Json]]:
    """List messages for batches."""
    usual = describe_message(write_store())
    other = describe_message(write_store(data="", timestamp=str(NOW + 1)))
    return {
        "one message": [usual],
        "two messages": [usual, other],
        "texts of no characters": [{**usual, "hash": "", "data": "", "nonce": ""}],
        "texts of 255, 256 and 257 characters": [{**usual, "hash": "h" * 255, "data": "d" * 256, "nonce": "n" * 257}],
        "numbers of 0": [{**usual, "ttl": "0", "timestamp": "0"}],
        "the greatest numbers": [{**usual, "ttl": str(RING - 1), "timestamp": str(RING - 2)}],
        "the numbers 1 and 2^63": [{**usual, "ttl": "1", "timestamp": str(2**63)}],
        "ASCII of every kind": [{**usual, "data": "".join(map(chr, range(128)))}],
    }


def written_batches() -> Group:
    """Batches that are written; none is so long that it is closed."""
    group = Group("WrittenBatch", "storage.encode_batches")
    for comment, messages in messages_of_any_form().items():
        batch = b"".join(write_record(message) for message in messages).hex()
        group.valid(comment, "Batch", "SW-29", expected={"batches": [batch]}, messages=messages)
    return group


def read_batches() -> Group:
    """Batches that are read."""
    group = Group("ReadBatch", "storage.decode_batch")
    for comment, messages in messages_of_any_form().items():
        batch = b"".join(write_record(message) for message in messages)
        group.valid(comment, "Batch", "SW-29", expected={"messages": messages}, batch=batch)
    return group


def refused_batches() -> Group:
    """Bytes that are not whole records."""
    group = Group("ReadBatch", "storage.decode_batch")
    message = describe_message(write_store())
    record = write_record(message)
    data_at, numbers_at = 66 + 8 + 128, 66 + 8 + 128 + 8 + len(DATA)
    lengths = {"hash": 66, "data": data_at, "nonce": numbers_at + 16}

    def bad(comment: str, batch: bytes) -> None:
        group.invalid(comment, "InvalidMessage", "BatchForm", "SW-29", batch=batch)

    for end in (
        1,
        65,
        66,
        70,
        74,
        100,
        data_at,
        data_at + 8,
        numbers_at,
        numbers_at + 8,
        numbers_at + 16,
        len(record) - 1,
    ):
        bad(f"{end} bytes of a record", record[:end])
        bad(f"a record and {end} bytes", record + record[:end])
    for name, place in lengths.items():
        for size in (len(record), 2**31, 2**32, 2**63, RING - 8, RING - 1):
            bad(f"the {name} has {size} characters", record[:place] + write_number(size) + record[place + 8 :])
        bad(
            f"the length of the {name} most significant first",
            record[:place] + record[place : place + 8][::-1] + record[place + 8 :],
        )
        bad(f"the length of the {name} in four bytes", record[: place + 4] + record[place + 8 :])
    for name in ("recipient", "hash", "data", "nonce"):
        other = {**message, name: "\xe9" + message[name][1:]}
        bad(f"the {name} is not ASCII", write_record(other))
        bad(f"the {name} of the second record is not ASCII", record + write_record(other))
    bad("a recipient without its type byte", record[2:])
    bad("a line feed behind the record", record + b"\n")
    bad("the hash is missing", record[:66] + record[data_at:])
    return group


def push(message: Json, network: Json = NETWORK) -> Json:
    """Describe the check of a pushed message."""
    return {"message": message, "network": network, "node": NODE, "now_ms": NOW}


def pushed() -> Group:
    """Pushed messages that are kept."""
    group = Group("Pushed", "storage.check_pushed")
    for ahead_ms in (-TTL + 1, 0, TOLERANCE, TOLERANCE + 1, CLOCK_TOLERANCE_MS):
        message = describe_message(write_store(timestamp=str(NOW + ahead_ms)))
        group.valid(f"{ahead_ms} ms ahead of the clock", "ClockTolerance", "SW-30", **push(message))
    store = write_store(nonce=EASY, timestamp=str(NOW - 20_000))
    store["nonce"] = find_nonce_for_less(store, enough=1, wanted=50)
    for comment, changes in (
        ("the difficulty has risen since", ((NOW - DAY_MS, 1), (NOW - 10_000, 50))),
        ("the difficulty has risen in its millisecond", ((NOW - DAY_MS, 1), (NOW - 20_000, 50))),
        ("the difficulty has fallen since", ((NOW - DAY_MS, 50), (NOW - 10_000, 1))),
        ("the difficulty falls 15 minutes after it", ((NOW - DAY_MS, 50), (NOW - 20_000 + CLOCK_TOLERANCE_MS, 1))),
    ):
        group.valid(comment, "Difficulty", "SW-27 SW-30", **push(describe_message(store), small_network(*changes)))
    return group


def drop(
    group: Group,
    comment: str,
    error: str,
    flag: str,
    message: Json,
    network: Json = NETWORK,
    clauses: str = "SW-30",
) -> None:
    """Add a pushed message that is dropped."""
    group.invalid(comment, error, flag, clauses, **push(message, network))


def dropped() -> Group:
    """Pushed messages that are dropped for their time, swarm, hash or work."""
    group = Group("Pushed", "storage.check_pushed")
    for ahead_ms in (CLOCK_TOLERANCE_MS + 1, DAY_MS):
        message = describe_message(write_store(timestamp=str(NOW + ahead_ms)))
        drop(group, f"{ahead_ms} ms ahead of the clock", "OutOfRange", "ClockTolerance", message)
    for late_ms in (0, 1, DAY_MS):
        message = describe_message(write_store(timestamp=str(NOW - TTL - late_ms)))
        drop(group, f"expired since {late_ms} ms", "ExpiredMessage", "Expiration", message)
    foreign = describe_message(write_store(recipient=FOREIGN))
    drop(group, "of another swarm", "WrongSwarm", "OtherSwarm", foreign)
    usual = write_store()
    for name, text in (
        ("empty", ""),
        ("of zeros", "00" * 64),
        ("in upper case", hash_store(usual).upper()),
        ("cut off", hash_store(usual)[:-1]),
        ("with a line feed", hash_store(usual) + "\n"),
        ("of another message", hash_store(write_store(data=""))),
    ):
        drop(group, f"a hash {name}", "InvalidMessage", "OtherHash", describe_message(usual, hash=text))
    store = write_store(nonce=EASY, timestamp=str(NOW - 20_000))
    store["nonce"] = find_nonce_for_less(store, enough=1, wanted=50)
    before, after = NOW - 20_000 - CLOCK_TOLERANCE_MS, NOW - 20_000 + CLOCK_TOLERANCE_MS + 1
    for comment, changes in (
        ("too little work", ((NOW - DAY_MS, 50),)),
        ("the difficulty rose 15 minutes before it", ((NOW - DAY_MS, 1), (before, 50))),
        ("the difficulty falls later than 15 minutes after it", ((NOW - DAY_MS, 50), (after, 1))),
    ):
        message, network = describe_message(store), small_network(*changes)
        drop(group, comment, "InsufficientWork", "Difficulty", message, network, "SW-27 SW-30")
    return group


def dropped_texts() -> Group:
    """Pushed messages that are dropped for one of their texts."""
    group = Group("PushedTexts", "storage.check_pushed")
    for name, recipient in NOT_RECIPIENTS.items():
        if len(recipient) == len(FOREIGN):
            message = describe_message(write_store(recipient=recipient))
            drop(group, f"recipient: {name}", "InvalidEncoding", "RecipientForm", message)
    for data in NOT_BASE64:
        message = describe_message(write_store(data=data))
        drop(group, f"data {data!r}", "InvalidEncoding", "TextForm", message)
    for ttl in ("0", "9000", "60001", "1209601000", str(RING - 1)):
        drop(group, f"ttl {ttl}", "OutOfRange", "TtlLimit", describe_message(write_store(ttl=ttl)))
    for timestamp in ("0", "1600000000", "999999999999", "10000000000000", str(RING - 1)):
        message = describe_message(write_store(timestamp=timestamp))
        drop(group, f"timestamp {timestamp}", "OutOfRange", "TextForm", message)
    for nonce in ("", "AAAA", "AAAAAAAAAAA", "AAAAAAAAAAB="):
        message = {**describe_message(write_store()), "nonce": nonce}
        drop(group, f"nonce {nonce!r}", "InvalidEncoding", "NonceForm", message)
    return group


def signed_requests() -> Group:
    """Requests that are signed."""
    group = Group("SignedRequest", "node_request.sign")
    for index, (path, size) in enumerate(((PATH, 21), (PATH, 0), ("/onion_req/v2", 100), ("/", 1))):
        sender, receiver = "da"[index % 2], "ad"[index % 2]
        body = material.derive_bytes(f"body {index}", size)
        now_ms = NOW + material.derive_number(f"time {index}", 10**9)
        signed = write_signed(derive_key(receiver), now_ms, path, body)
        inputs: Json = {"seed": derive_seed(sender), "receiver": derive_key(receiver), "path": path, "body": body}
        expected = write_headers(sender, signed, now_ms)
        comment = f"{size} bytes for {path}, request {index}"
        intermediates = {"signed": signed}
        group.valid(
            comment, "Ordinary", "SW-33", expected=expected, intermediates=intermediates, **inputs, now_ms=now_ms
        )
    return group


def checked_requests() -> Group:
    """Requests that are checked at node a, by a network in which d is the other node."""
    group = Group("CheckedRequest", "node_request.check")
    target: Json = {"network": NETWORK, "receiver": NODE, "path": PATH, "body": BODY, "now_ms": NOW}
    usual = sign("d")

    def bad(comment: str, error: str, flag: str, headers: dict[str, str]) -> None:
        group.invalid(comment, error, flag, "SW-32", **headers, **target)

    for offset_ms in (0, -CLOCK_TOLERANCE_MS, CLOCK_TOLERANCE_MS, 1):
        comment = f"{offset_ms} ms ahead of the clock"
        sender, signed = {"sender": derive_key("d").hex()}, {**sign("d", time=NOW + offset_ms), **target}
        group.valid(comment, "ClockTolerance", "SW-32 SW-33", expected=sender, **signed)
    for offset_ms in (-CLOCK_TOLERANCE_MS - 1, CLOCK_TOLERANCE_MS + 1, -DAY_MS, DAY_MS):
        bad(f"{offset_ms} ms ahead of the clock", "OutOfRange", "ClockTolerance", sign("d", time=NOW + offset_ms))
    for name in usual:
        without = {other: text for other, text in usual.items() if other != name}
        bad(f"no {name}", "InvalidMessage", "HeaderForm", without)
    bad("a stranger", "UnknownNode", "OtherNode", sign("z"))
    for name, key in (("empty", ""), ("in upper case", usual["key"].upper()), ("cut off", usual["key"][:-2])):
        bad(f"a key {name}", "UnknownNode", "HeaderForm", {**usual, "key": key})
    for time in ("", f"0{NOW}", f"{NOW} ", f"+{NOW}", f"{NOW}.0"):
        bad(f"time {time!r}", "InvalidEncoding", "HeaderForm", {**usual, "time": time})
    for name, headers in (
        ("another receiver", sign("d", receiver=derive_key("d"))),
        ("another path", sign("d", path="/onion_req/v2")),
        ("another body", sign("d", body=BODY + b" ")),
        ("no body", sign("d", body=b"")),
        ("another time", {**sign("d", time=NOW + 1), "time": str(NOW)}),
        ("no label", sign("d", label=b"")),
        ("another key", {**sign("a"), "key": usual["key"]}),
    ):
        bad(
            f"signed for {name}" if name != "another key" else "signed by another key",
            "InvalidSignature",
            "OtherRequest",
            headers,
        )
    signature = base64.b64decode(usual["signature"])
    malleable = signature[:32] + (int.from_bytes(signature[32:], "little") + Q).to_bytes(32, "little")
    for comment, other in (
        ("a bit of R flipped", bytes([signature[0] ^ 1]) + signature[1:]),
        ("a bit of s flipped", signature[:32] + bytes([signature[32] ^ 1]) + signature[33:]),
        ("q added to s", malleable),
        ("63 bytes", signature[:63]),
        ("65 bytes", signature + b"\x00"),
        ("no bytes", b""),
    ):
        changed = {**usual, "signature": base64.b64encode(other).decode("ascii")}
        bad(f"signature: {comment}", "InvalidSignature", "Signature", changed)
    for comment, text in (
        ("without padding", usual["signature"].rstrip("=")),
        ("with a line feed", usual["signature"] + "\n"),
        ("in hex", signature.hex() + "!"),
    ):
        bad(f"signature: {comment}", "InvalidEncoding", "HeaderForm", {**usual, "signature": text})
    return group


def sign(
    sender: str,
    *,
    receiver: bytes = NODE,
    path: str = PATH,
    body: bytes = BODY,
    time: int = NOW,
    label: bytes = b"cloister node request",
) -> dict[str, str]:
    """Sign a request."""
    return write_headers(sender, write_signed(receiver, time, path, body, label=label), time)
