"""Chapter 07: a small network, and what the reference computes, computed in another way."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cloister import identity, proof_of_work
from nacl.signing import SigningKey

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.proof_of_work import find_nonce_between, mine, payload

Json = dict[str, Any]
RING = 2**64
NO_SWARM = RING - 1
CLOCK_TOLERANCE_MS = 15 * 60 * 1000
NOW = 1_600_000_000_000
TTL = 60_000
DATA = "aGVsbG8gc3dhcm0="
LEFT, RIGHT = 2**62, 3 * 2**62
"""The ids of the two swarms: of a, b and c, and of d, e and f."""

PUBLISHED_SPACES = (
    ("053506f4a71324b7dd114eddbf4e311f39dde243e1f2cb97c40db1961f70ebaae8", "17589930838143112648"),
    ("05cf27da303a50ac8c4b2d43d27259505c9bcd73fc21cf2a57902c3d050730b604", "10370619079776428163"),
    ("05" + "0123456789abcdef" * 4, "0"),
    ("05" + "f" * 63 + "e", "1"),
    ("05" + "0" * 48 + "f" * 16, str(RING - 1)),
)
"""The spaces of the storage server's own test."""
PUBLISHED_IDS = (100, 200, 300, 399, 498, 596, 694)
PUBLISHED_CHOICES = (
    (0x64, 100),
    (0, 100),
    (0x95, 100),
    (0x96, 100),
    (0x97, 200),
    (0x15D, 300),
    (0x15E, 399),
    (0x223, 498),
    (0x224, 596),
    (0x285, 596),
    (0x8000000000000000, 694),
    (0xA000000000000000, 100),
    (0xFFFFFFFFFFFFFFFF, 100),
)
"""The swarms of that test, and for which space it chooses which of them."""

BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
ZBASE32 = "ybndrfg8ejkmcpqxot1uwisza345h769"


# The network


def derive_seed(name: str) -> bytes:
    """Derive the Ed25519 seed of a node from its letter."""
    return hashlib.sha256(f"cloister example node {name}".encode("ascii")).digest()


def derive_key(name: str) -> bytes:
    """Derive the Ed25519 key of a node."""
    return bytes(SigningKey(derive_seed(name)).verify_key)


def describe_node(name: str) -> Json:
    """Describe a node in JSON."""
    return {
        "pubkey_ed25519": derive_key(name).hex(),
        "pubkey_x25519": identity.derive_identity(derive_seed(name)).public[1:].hex(),
        "ip": "127.0.0.1",
        "port": str(22_021 + ord(name) - ord("a")),
    }


def describe_swarm(swarm_id: int, names: str) -> Json:
    """Describe a swarm in JSON; each letter names a node."""
    return {"id": str(swarm_id), "nodes": [describe_node(name) for name in names]}


def describe_history(*changes: tuple[int, int]) -> list[Json]:
    """Describe changes of the difficulty, each a time in milliseconds and the difficulty from then on."""
    return [{"since": since, "difficulty": difficulty} for since, difficulty in changes]


def describe_network(*swarms: Json, difficulties: Sequence[tuple[int, int]] = ()) -> Json:
    """Describe a network in JSON; if no swarms are given, the usual two."""
    usual = (describe_swarm(LEFT, "abc"), describe_swarm(RIGHT, "def"))
    return {"height": 1, "swarms": list(swarms or usual), "difficulties": describe_history(*difficulties)}


def describe_address(key: bytes) -> str:
    """Write a key in z-base-32 with `.snode` behind it: as in base 32, with another alphabet and no padding."""
    return base64.b32encode(key).decode("ascii").rstrip("=").translate(str.maketrans(BASE32, ZBASE32)) + ".snode"


def derive_space(recipient: str) -> int:
    """Derive a space byte by byte."""
    folded = bytearray(8)
    for index, byte in enumerate(bytes.fromhex(recipient)[1:]):
        folded[index % 8] ^= byte
    return int.from_bytes(folded, "big")


def choose_2022(ids: Iterable[int], space: int) -> int:
    """Choose the id that is the fewest steps away on the ring, and first down from the space."""

    def count_steps(swarm_id: int) -> tuple[int, bool]:
        down, up = (space - swarm_id) % RING, (swarm_id - space) % RING
        return min(down, up), up < down

    return min((swarm_id for swarm_id in ids if swarm_id != NO_SWARM), key=count_steps)


def choose_2020(ids: Iterable[int], space: int) -> int:
    """Choose as nodes of 2020 did, whose way round the end is two shorter than it is."""
    ordered = sorted(swarm_id for swarm_id in ids if swarm_id != NO_SWARM)
    lowest, highest = ordered[0], ordered[-1]
    best = min(ordered, key=lambda swarm_id: abs(swarm_id - space))
    if space > highest and (NO_SWARM - 1 - space + lowest) % RING < abs(best - space):
        return lowest
    if space < lowest and (space + NO_SWARM - 1 - highest) % RING < abs(best - space):
        return highest
    return best


READINGS: dict[str, Callable[[Iterable[int], int], int]] = {"2022": choose_2022, "2020": choose_2020}


def find_recipient(label: str, swarm: int = LEFT) -> str:
    """Find a recipient that belongs to one of the two usual swarms."""
    tried = (material.derive_key_pair(f"recipient {label} {number}").public.hex() for number in range(64))
    return next(text for text in tried if choose_2022((LEFT, RIGHT), derive_space(text)) == swarm)


RECIPIENT = find_recipient("usual")
FOREIGN = find_recipient("foreign", RIGHT)


# Stores


def write_store(
    difficulty: int = 1,
    /,
    *,
    recipient: str = RECIPIENT,
    ttl: str = str(TTL),
    timestamp: str = str(NOW),
    data: str = DATA,
    nonce: str | None = None,
) -> dict[str, str]:
    """Write the params of a store; without a nonce, the first that suffices for the texts as they stand, whatever their form."""
    if nonce is None:
        ttl_ms = int(ttl) if ttl.isdecimal() and len(ttl) <= 10 else TTL
        nonce = mine(timestamp, ttl, recipient, data, difficulty=difficulty, ttl_ms=ttl_ms)
    return {"pubKey": recipient, "ttl": ttl, "nonce": nonce, "timestamp": timestamp, "data": data}


def find_nonce_for_less(store: dict[str, str], *, enough: int, wanted: int) -> str:
    """Find a nonce that suffices for the difficulty `enough`, and not for `wanted`."""
    joined = payload(store["timestamp"], store["ttl"], store["pubKey"], store["data"])
    low, high = (
        proof_of_work.derive_target(len(joined), int(store["ttl"]), difficulty) for difficulty in (wanted, enough)
    )
    return find_nonce_between(joined, low, high)


def hash_store(store: dict[str, str]) -> str:
    """Compute the message hash of a store."""
    joined = payload(store["timestamp"], store["ttl"], store["pubKey"], store["data"])
    return hashlib.sha512(base64.b64decode(store["nonce"]) + hashlib.sha512(joined).digest()).hexdigest()


def describe_message(store: dict[str, str], **other: str) -> Json:
    """Describe the message that a store makes, some members replaced."""
    return {
        "recipient": store["pubKey"],
        "hash": hash_store(store),
        "data": store["data"],
        "ttl": store["ttl"],
        "timestamp": store["timestamp"],
        "nonce": store["nonce"],
        **other,
    }


def write_held(label: str, *, expiration_ms: int = NOW + TTL, data: str = DATA) -> Json:
    """Describe a message as it is held, without work; its hash follows from a label."""
    return {
        "recipient": RECIPIENT,
        "hash": material.derive_bytes(f"held {label}", 64).hex(),
        "data": data,
        "ttl": str(TTL),
        "timestamp": str(expiration_ms - TTL),
        "nonce": "AAAAAAAAAAA=",
    }


def write_data(label: str) -> str:
    """Write data that follow from a label."""
    return base64.b64encode(f"data {label}".encode("ascii")).decode("ascii")


def describe_letter(message: Json) -> Json:
    """Describe a message as it is given to who retrieves it."""
    expiration_ms = int(message["timestamp"]) + int(message["ttl"])
    return {"hash": message["hash"], "expiration": expiration_ms, "data": message["data"]}


# Difficulty


def find_valid_difficulty(history: Iterable[Json], timestamp_ms: int) -> int:
    """Find the valid difficulty of a time by going through the history, with how long each difficulty is in force."""
    changes: list[tuple[int, int]] = sorted([(0, 1), *((change["since"], change["difficulty"]) for change in history)])
    ends = [since for since, _ in changes[1:]] + [None]
    return min(
        difficulty
        for (since, difficulty), end in zip(changes, ends, strict=True)
        if since <= timestamp_ms + CLOCK_TOLERANCE_MS and (end is None or end > timestamp_ms - CLOCK_TOLERANCE_MS)
    )


# Batches


def write_number(number: int) -> bytes:
    """Write 8 bytes, the least significant first."""
    return bytes(number >> shift & 255 for shift in range(0, 64, 8))


def write_sized(text: str) -> bytes:
    """Write a text behind its length."""
    return write_number(len(text)) + text.encode("latin-1")


def write_record(message: Json) -> bytes:
    """Write one record of a batch."""
    parts = (
        message["recipient"].encode("latin-1"),
        write_sized(message["hash"]),
        write_sized(message["data"]),
        write_number(int(message["ttl"])),
        write_number(int(message["timestamp"])),
        write_sized(message["nonce"]),
    )
    return b"".join(parts)


# Node requests


def write_signed(
    receiver: bytes, time: int, path: str, body: bytes, *, label: bytes = b"cloister node request"
) -> bytes:
    """Write what a node request signs."""
    digests = hashlib.sha512(path.encode("utf-8")).digest() + hashlib.sha512(body).digest()
    return label + receiver + write_number(time)[::-1] + digests


def write_headers(sender: str, signed: bytes, time: int) -> dict[str, str]:
    """Write the headers of a node request: the letter of the sender, what it signs, and its clock."""
    signature = SigningKey(derive_seed(sender)).sign(signed).signature
    return {
        "key": derive_key(sender).hex(),
        "time": str(time),
        "signature": base64.b64encode(signature).decode("ascii"),
    }
