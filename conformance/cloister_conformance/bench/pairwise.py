"""The reference's pairwise sessions beside the bare primitives that they stand on."""

import os
from collections.abc import Callable

from cloister import identity, session, x3dh
from cloister.identity import KeyPair

from cloister_conformance.bench import bare
from cloister_conformance.bench.rounds import Comparison, Prepare, build_round, compare

PLAINTEXT = bytes(100)
PADDED = bytes(112)
NOW_MS = 1_600_000_000_000
GROUP = "pairwise sessions, 100 bytes"
PRIMITIVES = "bare primitives"
CURVE_AIM = 1.5
"""Where a curve operation is involved."""
CHAIN_AIM = 3.0
"""Where none is."""

Pair = tuple[session.Record, session.Record]


def measure(seconds: float) -> list[Comparison]:
    """Measure all."""

    def beside(name: str, prepare: Prepare, prepare_bare: Prepare, aim: float) -> Comparison:
        return compare(GROUP, name, build_round(prepare, seconds), PRIMITIVES, build_round(prepare_bare, seconds), aim)

    return [
        beside("set-up, both sides", set_up, set_up_bare, CURVE_AIM),
        beside("encrypt, one chain", encrypt, encrypt_bare, CHAIN_AIM),
        beside("decrypt, one chain", decrypt, decrypt_bare, CHAIN_AIM),
        beside("ping-pong, a message each way", ping_pong, ping_pong_bare, CURVE_AIM),
    ]


def make_account() -> x3dh.Account:
    """Make an account."""
    return x3dh.create_account(identity.generate_key_pair(os.urandom), os.urandom, now_ms=NOW_MS)


def open_session(alice: x3dh.Account, bob: x3dh.Account, bundle: x3dh.Bundle) -> Pair:
    """Open a session and let the responder read the first message."""
    ours, theirs = alice.identity.public, bob.identity.public
    opened = session.open_session(session.Record(ours=ours, theirs=theirs), alice, bundle, os.urandom, now_ms=NOW_MS)
    opened, _, frame = session.encrypt(opened, PLAINTEXT)
    read, _, _ = session.decrypt_prekey_message(
        session.Record(ours=theirs, theirs=ours), bob, frame, os.urandom, now_ms=NOW_MS
    )
    return opened, read


def start() -> Pair:
    """Establish a session in which both have read."""
    bob, bundle = x3dh.create_bundle(make_account(), os.urandom, now_ms=NOW_MS)
    opened, read = open_session(make_account(), bob, bundle)
    read, _, frame = session.encrypt(read, PLAINTEXT)
    opened, _ = session.decrypt_message(opened, frame, os.urandom, now_ms=NOW_MS)
    return opened, read


def set_up(count: int) -> Callable[[], None]:
    """Open a session from a bundle with a one-time prekey, and read its first message."""
    alice = make_account()
    accounts = [x3dh.create_bundle(make_account(), os.urandom, now_ms=NOW_MS) for _ in range(count)]

    def perform() -> None:
        for bob, bundle in accounts:
            open_session(alice, bob, bundle)

    return perform


def set_up_bare(count: int) -> Callable[[], None]:
    """Do the same with the primitives: one signature, 3 key pairs, 11 agreements, and the keys of one message twice."""
    pair, other = make_keys(), make_keys()
    A = identity.multiply_base(int.from_bytes(pair.private, "little"))
    signature = bare.sign(pair.private, other.public)
    u = other.public[1:]

    def perform() -> None:
        for _ in range(count):
            bare.verify(A, other.public, signature)
            for _ in range(3):
                bare.generate()
            secrets = [bare.agree(pair.private, u) for _ in range(11)]
            for secret in secrets[:5]:
                bare.step_root_key(secret, secret)
            _chain_key, ciphertext, mac = bare.encrypt_pairwise(secrets[0], PADDED)
            bare.decrypt_pairwise(secrets[0], ciphertext, mac)

    return perform


def make_keys() -> KeyPair:
    """Make a key pair."""
    return identity.generate_key_pair(os.urandom)


def encrypt(count: int) -> Callable[[], None]:
    """Encrypt in one chain."""
    record, _ = start()

    def perform() -> None:
        nonlocal record
        for _ in range(count):
            record, _kind, _frame = session.encrypt(record, PLAINTEXT)

    return perform


def encrypt_bare(count: int) -> Callable[[], None]:
    """Do the same with the primitives."""
    chain_key = os.urandom(32)

    def perform() -> None:
        nonlocal chain_key
        for _ in range(count):
            chain_key, _ciphertext, _mac = bare.encrypt_pairwise(chain_key, PADDED)

    return perform


def decrypt(count: int) -> Callable[[], None]:
    """Decrypt messages of one chain that come in order."""
    writer, reader = start()
    frames = []
    for _ in range(count):
        writer, _, frame = session.encrypt(writer, PLAINTEXT)
        frames.append(frame)

    def perform() -> None:
        nonlocal reader
        for frame in frames:
            reader, _plaintext = session.decrypt_message(reader, frame, os.urandom, now_ms=NOW_MS)

    return perform


def decrypt_bare(count: int) -> Callable[[], None]:
    """Do the same with the primitives."""
    chain_key = first = os.urandom(32)
    messages = []
    for _ in range(count):
        first, ciphertext, mac = bare.encrypt_pairwise(first, PADDED)
        messages.append((ciphertext, mac))

    def perform() -> None:
        nonlocal chain_key
        for ciphertext, mac in messages:
            chain_key, _padded = bare.decrypt_pairwise(chain_key, ciphertext, mac)

    return perform


def ping_pong(count: int) -> Callable[[], None]:
    """Send a message each way, each under a new ratchet key."""
    alice, bob = start()

    def perform() -> None:
        nonlocal alice, bob
        for _ in range(count):
            alice, _kind, frame = session.encrypt(alice, PLAINTEXT)
            bob, _plaintext = session.decrypt_message(bob, frame, os.urandom, now_ms=NOW_MS)
            bob, _kind, frame = session.encrypt(bob, PLAINTEXT)
            alice, _plaintext = session.decrypt_message(alice, frame, os.urandom, now_ms=NOW_MS)

    return perform


def ping_pong_bare(count: int) -> Callable[[], None]:
    """Do the same with the primitives: twice a key pair, two agreements, and the keys of one message twice."""
    pair, other = make_keys(), make_keys()
    u = other.public[1:]

    def perform() -> None:
        for _ in range(2 * count):
            bare.generate()
            receiving, sending = bare.agree(pair.private, u), bare.agree(pair.private, u)
            bare.step_root_key(receiving, sending)
            bare.step_root_key(sending, receiving)
            _chain_key, ciphertext, mac = bare.encrypt_pairwise(receiving, PADDED)
            bare.decrypt_pairwise(receiving, ciphertext, mac)

    return perform
