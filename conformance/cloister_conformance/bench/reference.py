"""The reference beside the bare primitives that it stands on."""

import os
import time
from collections.abc import Callable
from contextlib import suppress

from cloister import identity, proof_of_work, sender_keys, solver

from cloister_conformance.bench import bare
from cloister_conformance.bench.rounds import Comparison, Prepare, Round, build_round, compare, repeat

PLAINTEXT = bytes(100)
PADDED = bytes(112)
NOW_MS = 1_600_000_000_000

PRIMITIVES = "bare primitives"
SENDER_KEYS = "sender keys, 100 bytes"
IDENTITY = "identity, 100 bytes"
PROOF_OF_WORK = "proof of work"
AIM = 1.5
SEARCH_AIM = 1 / 0.7
PARALLEL_AIM = 0.6

REQUEST = proof_of_work.Request(
    timestamp="1600000000000",
    ttl="172800000",
    recipient="055bf55c73b82ebe22be80f3430667af570fae2556a6415e6b30d4065300aa947d",
    data="aGVsbG8=",
)
IMPOSSIBLE = 2**55
"""A difficulty at which nobody finds anything, so that a search goes on until it is cancelled."""

MIN_REPORTS = 4
PARALLEL_SHARE = 0.4
"""How long a round of the parallel search goes on, as a share of the seconds of a comparison."""


def measure(seconds: float) -> list[Comparison]:
    """Measure all."""
    return [
        compare_primitives(SENDER_KEYS, "encrypt", encrypt, encrypt_bare, seconds),
        compare_primitives(SENDER_KEYS, "decrypt", decrypt, decrypt_bare, seconds),
        compare_primitives(IDENTITY, "sign", sign, sign_bare, seconds),
        compare_primitives(IDENTITY, "verify", verify, verify_bare, seconds),
        compare_primitives(IDENTITY, "agree", agree, agree_bare, seconds),
        compare(
            PROOF_OF_WORK,
            "search",
            build_search_round(search, seconds),
            "bare hashlib loop",
            build_search_round(search_bare, seconds),
            SEARCH_AIM,
        ),
        compare(
            PROOF_OF_WORK,
            "search with two processes",
            build_parallel_round(2, seconds),
            "with one process",
            build_parallel_round(1, seconds),
            PARALLEL_AIM,
        ),
    ]


def compare_primitives(group: str, name: str, prepare: Prepare, prepare_bare: Prepare, seconds: float) -> Comparison:
    """Measure something of the reference beside its bare primitives."""
    return compare(group, name, build_round(prepare, seconds), PRIMITIVES, build_round(prepare_bare, seconds), AIM)


# Sender keys


def encrypt(count: int) -> Callable[[], None]:
    """Encrypt with one sender key."""
    key = sender_keys.create_sender_key(os.urandom)

    def perform() -> None:
        nonlocal key
        for _ in range(count):
            key, _frame = sender_keys.encrypt(key, PLAINTEXT, os.urandom)

    return perform


def encrypt_bare(count: int) -> Callable[[], None]:
    """Do the same with the primitives."""
    pair = identity.generate_key_pair(os.urandom)
    chain_key = os.urandom(32)

    def perform() -> None:
        nonlocal chain_key
        for _ in range(count):
            chain_key, _ciphertext, _signature = bare.encrypt(chain_key, pair.private, PADDED)

    return perform


def decrypt(count: int) -> Callable[[], None]:
    """Decrypt messages that come in order."""
    record, frames = build_frames(count)

    def perform() -> None:
        nonlocal record
        for frame in frames:
            record, _plaintext = sender_keys.decrypt(record, frame, now_ms=NOW_MS)

    return perform


def build_frames(count: int) -> tuple[sender_keys.Record, list[bytes]]:
    """Build a record and the messages for it."""
    key = sender_keys.create_sender_key(os.urandom)
    record = sender_keys.process_distribution(sender_keys.Record(), sender_keys.encode_distribution(key), now_ms=NOW_MS)
    frames = []
    for _ in range(count):
        key, frame = sender_keys.encrypt(key, PLAINTEXT, os.urandom)
        frames.append(frame)
    return record, frames


def decrypt_bare(count: int) -> Callable[[], None]:
    """Do the same with the primitives."""
    k = identity.generate_key_pair(os.urandom).private
    A = derive_edwards(k)
    chain_key = first = os.urandom(32)
    messages = []
    for _ in range(count):
        first, ciphertext, signature = bare.encrypt(first, k, PADDED)
        messages.append((ciphertext, signature))

    def perform() -> None:
        nonlocal chain_key
        for ciphertext, signature in messages:
            chain_key, _padded = bare.decrypt(chain_key, A, ciphertext, signature)

    return perform


# Identity


def sign(count: int) -> Callable[[], object]:
    """Sign."""
    pair = identity.generate_key_pair(os.urandom)
    return repeat(lambda: identity.sign(pair.private, PLAINTEXT, os.urandom))(count)


def sign_bare(count: int) -> Callable[[], object]:
    """Do the same with the primitives."""
    pair = identity.generate_key_pair(os.urandom)
    return repeat(lambda: bare.sign(pair.private, PLAINTEXT))(count)


def verify(count: int) -> Callable[[], object]:
    """Verify; the conversion of the key is ours."""
    pair = identity.generate_key_pair(os.urandom)
    signature = identity.sign(pair.private, PLAINTEXT, os.urandom)
    return repeat(lambda: identity.verify(pair.public, PLAINTEXT, signature))(count)


def verify_bare(count: int) -> Callable[[], object]:
    """Do the same with the primitives."""
    k = identity.generate_key_pair(os.urandom).private
    A, signature = derive_edwards(k), bare.sign(k, PLAINTEXT)
    return repeat(lambda: bare.verify(A, PLAINTEXT, signature))(count)


def agree(count: int) -> Callable[[], object]:
    """Agree on a secret."""
    pair, other = identity.generate_key_pair(os.urandom), identity.generate_key_pair(os.urandom)
    return repeat(lambda: identity.agree(pair.private, other.public))(count)


def agree_bare(count: int) -> Callable[[], object]:
    """Do the same with the primitives."""
    pair, other = identity.generate_key_pair(os.urandom), identity.generate_key_pair(os.urandom)
    u = other.public[1:]
    return repeat(lambda: bare.agree(pair.private, u))(count)


def derive_edwards(k: identity.PrivateKey) -> bytes:
    """Derive the Edwards form of a public key."""
    return identity.multiply_base(int.from_bytes(k, "little"))


# Proof of work


def build_search_round(prepare: Prepare, seconds: float) -> Round:
    """Build a round that reports the time of one nonce; what is repeated is a whole batch of them."""
    round_ = build_round(prepare, seconds)
    return lambda: round_() / proof_of_work.BATCH


def search(batches: int) -> Callable[[], None]:
    """Search in this process."""

    def perform() -> None:
        with suppress(proof_of_work.Cancelled):
            proof_of_work.find_nonce(
                REQUEST, difficulty=IMPOSSIBLE, progress=lambda tried: tried < batches * proof_of_work.BATCH
            )

    return perform


def search_bare(batches: int) -> Callable[[], None]:
    """Hash as many nonces."""
    return bare.build_search(bytes(64), batches * proof_of_work.BATCH)


def build_parallel_round(processes: int, seconds: float) -> Round:
    """Build a round that searches with several processes and reports the wall time of one nonce.

    Only the second half of the reports counts, when all processes have long started.
    """

    def search_in_parallel() -> float:
        reports: list[tuple[float, int]] = []

        def progress(tried: int) -> bool:
            reports.append((time.perf_counter(), tried))
            return len(reports) < MIN_REPORTS or reports[-1][0] - reports[0][0] < seconds * PARALLEL_SHARE

        with suppress(proof_of_work.Cancelled):
            solver.find_nonce_in_parallel(REQUEST, difficulty=IMPOSSIBLE, processes=processes, progress=progress)
        (start, before), (end, after) = reports[len(reports) // 2], reports[-1]
        return (end - start) / (after - before)

    return search_in_parallel
