"""Chapter 04: what a pipe cannot see of a record, and second opinions on keys and frames."""

import contextlib
import hmac
import pickle
from collections.abc import Callable
from dataclasses import replace

import pytest
from cloister import chain, errors, identity, sender_keys
from cloister.sender_keys import MAX_FORWARD_JUMPS, MAX_SKIPPED_KEYS, MAX_STATES, STATE_LIFETIME_MS, Record, SenderKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

Hkdf = Callable[[bytes, bytes, bytes, int], bytes]
NOW_MS = 1_600_000_000_000
ZEROS = bytes


def make_key(number: int = 1, *, key_id: int | None = None, iteration: int = 0) -> SenderKey:
    """Make a sender key that depends on the number alone."""
    return SenderKey(
        key_id=number if key_id is None else key_id,
        iteration=iteration,
        chain_key=chain.ChainKey(bytes([number % 256]) * 32),
        signing_key=identity.derive_identity(bytes([number % 256]) * 32),
    )


def advance(key: SenderKey, count: int) -> SenderKey:
    """Advance a sender key without encrypting."""
    for _ in range(count):
        chain_key = chain.derive_next_chain_key(key.chain_key)
        key = replace(key, iteration=key.iteration + 1, chain_key=chain_key)
    return key


def message_of(key: SenderKey, iteration: int) -> bytes:
    """Encrypt the message of an iteration."""
    return sender_keys.encrypt(advance(key, iteration - key.iteration), f"message {iteration}".encode(), ZEROS)[1]


def process(record: Record, key: SenderKey, now_ms: int = NOW_MS) -> Record:
    return sender_keys.process_distribution(record, sender_keys.encode_distribution(key), now_ms=now_ms)


def read(record: Record, key: SenderKey, *iterations: int, now_ms: int = NOW_MS) -> Record:
    for iteration in iterations:
        record, plaintext = sender_keys.decrypt(record, message_of(key, iteration), now_ms=now_ms)
        assert plaintext == f"message {iteration}".encode()
    return record


def count_skipped(record: Record) -> int:
    return sum(len(state.skipped) for state in record.states)


# Keys and frames


@given(st.binary(min_size=32, max_size=32))
def test_message_key_is_that_of_another_hkdf(hkdf: Hkdf, chain_key: bytes) -> None:
    seed = chain.derive_seed(chain.ChainKey(chain_key))
    assert seed == hmac.new(chain_key, b"\x01", "sha256").digest()
    assert chain.derive_next_chain_key(chain.ChainKey(chain_key)) == hmac.new(chain_key, b"\x02", "sha256").digest()
    assert b"".join(sender_keys.derive_message_key(seed)) == hkdf(seed, bytes(32), b"WhisperGroup", 48)


@given(st.binary(max_size=200))
def test_ciphertext_is_padded_as_written_out_here(plaintext: bytes) -> None:
    seed = sender_keys.Seed(bytes(32))
    iv, cipher_key = sender_keys.derive_message_key(seed)
    decryptor = Cipher(algorithms.AES256(cipher_key), modes.CBC(iv)).decryptor()
    missing = 16 - len(plaintext) % 16
    assert decryptor.update(sender_keys.encrypt_plaintext(seed, plaintext)) == plaintext + bytes([missing]) * missing


@given(
    st.binary(min_size=15, max_size=15), st.integers(0, 20) | st.integers(0, 255), st.integers(0, 17), st.integers(0, 3)
)
def test_decryption_accepts_what_is_padded_and_nothing_else(text: bytes, last: int, repeated: int, blocks: int) -> None:
    seed = sender_keys.Seed(bytes(32))
    iv, cipher_key = sender_keys.derive_message_key(seed)
    last_block = (text + bytes([last]) * (repeated + 1))[-16:]
    padded = b"".join([bytes(16)] * blocks + [last_block])
    encryptor = Cipher(algorithms.AES256(cipher_key), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(padded)
    if 1 <= last <= 16 and padded.endswith(bytes([last]) * last):
        assert sender_keys.decrypt_ciphertext(seed, ciphertext) == padded[:-last]
    else:
        with pytest.raises(errors.DecryptionFailed):
            sender_keys.decrypt_ciphertext(seed, ciphertext)


@given(st.binary(max_size=300) | st.binary(max_size=80).map(lambda rest: b"\x33" + rest))
def test_arbitrary_bytes_are_only_refused(frame: bytes) -> None:
    record = process(Record(), make_key())
    for receive in (sender_keys.process_distribution, sender_keys.decrypt):
        try:
            receive(record, frame, now_ms=NOW_MS)
        except errors.ProtocolViolation:
            continue
        assert receive is sender_keys.process_distribution


@given(position=st.integers(0, 10_000), change=st.integers(1, 255), distribution=st.booleans())
def test_damaged_frames_are_refused_and_change_nothing(*, position: int, change: int, distribution: bool) -> None:
    key = make_key()
    record = read(process(Record(), key), key, 2)
    before = pickle.dumps(record)
    frame = bytearray(sender_keys.encode_distribution(key) if distribution else message_of(key, 1))
    frame[position % len(frame)] ^= change
    receive: Callable[..., object] = sender_keys.process_distribution if distribution else sender_keys.decrypt
    with contextlib.suppress(errors.ProtocolViolation):
        receive(record, bytes(frame), now_ms=NOW_MS)
    assert pickle.dumps(record) == before
    read(record, key, 1, 0, 3)


# Sending


def test_create_asks_for_every_secret() -> None:
    asked: list[int] = []

    def random(size: int) -> bytes:
        asked.append(size)
        return b"\xff" * size

    key = sender_keys.create_sender_key(random)
    assert sorted(asked) == [4, 32, 32]
    assert (key.key_id, key.iteration) == (2**31 - 1, 0)


def test_renewal_shares_nothing_with_the_old_key_even_if_the_id_comes_twice() -> None:
    drawn = iter(
        [
            bytes(4),
            b"\x01" * 32,
            b"\x02" * 32,
            bytes(4),
            b"\x03" * 32,
            b"\x04" * 32,
            b"\x05" * 4,
            b"\x06" * 32,
            b"\x07" * 32,
        ]
    )
    old = sender_keys.create_sender_key(lambda _: next(drawn))
    new = sender_keys.renew_sender_key(old, lambda _: next(drawn))
    assert new.key_id != old.key_id
    assert new.chain_key != old.chain_key
    assert new.signing_key.public != old.signing_key.public
    assert next(drawn, None) is None


@given(st.integers(0, 3), st.binary(max_size=20))
def test_encryption_advances_by_one_and_leaves_the_old_value(count: int, plaintext: bytes) -> None:
    key = advance(make_key(), count)
    copy = replace(key)
    advanced, _ = sender_keys.encrypt(key, plaintext, ZEROS)
    assert key == copy
    assert advanced == advance(key, 1)


def test_the_last_iteration_is_used_and_none_after_it() -> None:
    key, _ = sender_keys.encrypt(make_key(iteration=sender_keys.MAX_ITERATION), b"last", ZEROS)
    with pytest.raises(errors.SenderKeyExhausted):
        sender_keys.encrypt(key, b"one more", ZEROS)


def test_secrets_are_not_shown() -> None:
    key = make_key()
    record = read(process(Record(), key), key, 3)
    secrets = [key.chain_key, key.signing_key.private, record.states[0].chain_key, *record.states[0].skipped.values()]
    shown = repr(key) + repr(record) + repr(sender_keys.decode_distribution(sender_keys.encode_distribution(key)))
    assert [secret for secret in secrets if repr(bytes(secret)) in shown or secret.hex() in shown] == []


# Records


def test_a_used_seed_and_chain_key_are_nowhere_in_the_record() -> None:
    key = make_key()
    record = read(process(Record(), key), key, 0, 3, 1)
    saved = pickle.dumps(record)
    for iteration in range(4):
        chain_key = advance(key, iteration).chain_key
        assert bytes(chain_key) not in saved
        seed = chain.derive_seed(chain_key)
        assert (bytes(seed) in saved) is (iteration == 2)


def test_a_refused_message_leaves_the_very_same_record() -> None:
    key = make_key()
    record = read(process(Record(), key), key, 0, 2)
    body = message_of(key, 3)[:-64]
    frames = {
        errors.DuplicateMessage: message_of(key, 0),
        errors.TooFarAhead: message_of(key, 3 + MAX_FORWARD_JUMPS + 1),
        errors.InvalidSignature: body + bytes(64),
        errors.UnknownSenderKey: message_of(make_key(2), 0),
        errors.UnsupportedVersion: b"\x23" + message_of(key, 3)[1:],
    }
    before = pickle.dumps(record)
    for error, frame in frames.items():
        with pytest.raises(error):
            sender_keys.decrypt(record, frame, now_ms=NOW_MS)
        assert pickle.dumps(record) == before


def test_facts_of_refusals() -> None:
    key = make_key(7)
    record = read(process(Record(), key), key, 0)
    with pytest.raises(errors.TooFarAhead) as too_far:
        sender_keys.decrypt(record, message_of(key, 2002), now_ms=NOW_MS)
    assert (too_far.value.index, too_far.value.bound) == (2002, 2000)
    with pytest.raises(errors.DuplicateMessage) as duplicate:
        sender_keys.decrypt(record, message_of(key, 0), now_ms=NOW_MS)
    assert duplicate.value.index == 0
    with pytest.raises(errors.UnknownSenderKey) as unknown:
        sender_keys.decrypt(record, message_of(make_key(8), 0), now_ms=NOW_MS)
    assert unknown.value.key_id == 8
    with pytest.raises(errors.ConflictingDistribution) as conflict:
        process(record, replace(make_key(7), iteration=5))
    assert (conflict.value.key_id, conflict.value.iteration) == (7, 5)


Operation = tuple[str, int, int, int]
operations = st.lists(
    st.tuples(
        st.sampled_from(["process", "process", "later", "replace", "read", "read", "read"]),
        st.integers(1, 4),
        st.integers(0, 60) | st.integers(0, 2500) | st.sampled_from([1999, 2000, 2001]),
        st.integers(0, 1000) | st.sampled_from([STATE_LIFETIME_MS, STATE_LIFETIME_MS + 1]),
    ),
    max_size=12,
)


def apply(record: Record, operation: Operation, now_ms: int) -> tuple[Record, tuple[int, int] | None]:
    """Apply an operation; return the record, and the key and iteration that were read."""
    kind, number, iteration, _ = operation
    key = CHAINS[number]
    if kind == "process":
        return process(record, key[0], now_ms), None
    if kind == "later":
        return process(record, key[iteration], now_ms), None
    if kind == "replace":
        return process(
            record, replace(key[0], signing_key=identity.derive_identity(bytes([iteration % 256] * 32))), now_ms
        ), None
    frame = sender_keys.encrypt(key[iteration], b"message", ZEROS)[1]
    record, _ = sender_keys.decrypt(record, frame, now_ms=now_ms)
    return record, (number, iteration)


def make_chain(number: int) -> list[SenderKey]:
    """Make a sender key at its first 2501 iterations."""
    keys = [make_key(number)]
    while len(keys) <= 2500:
        keys.append(advance(keys[-1], 1))
    return keys


CHAINS = {number: make_chain(number) for number in range(1, 5)}


@with_settings(max_examples=60)
@given(operations)
def test_bounds_hold_and_refusals_change_nothing_under_any_operations(steps: list[Operation]) -> None:
    record, now_ms = Record(), NOW_MS
    for step in steps:
        now_ms += step[3]
        before = pickle.dumps(record)
        try:
            new, _ = apply(record, step, now_ms)
        except errors.ProtocolViolation:
            new = record
        assert pickle.dumps(record) == before
        record = new
        assert count_skipped(record) <= MAX_SKIPPED_KEYS
        assert len(record.states) <= MAX_STATES
        assert len({state.key_id for state in record.states}) == len(record.states)
        assert [state.idle_since_ms is None for state in record.states[:1]] in ([], [True])
        assert all(state.idle_since_ms is not None for state in record.states[1:])
        for state in record.states:
            assert all(0 <= iteration < state.iteration for iteration in state.skipped)


@with_settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 40)), max_size=30))
def test_every_message_is_read_exactly_once(frames: list[tuple[int, int]]) -> None:
    record = process(process(Record(), CHAINS[1][0]), CHAINS[2][0])
    seen: set[tuple[int, int]] = set()
    for number, iteration in frames:
        step = ("read", number, iteration, 0)
        if (number, iteration) in seen:
            with pytest.raises(errors.DuplicateMessage):
                apply(record, step, NOW_MS)
        else:
            record, _ = apply(record, step, NOW_MS)
            seen.add((number, iteration))


def test_saved_memory_is_bounded_by_states_and_seeds() -> None:
    record = Record()
    for number in range(1, MAX_STATES + 20):
        key = make_key(number)
        record = read(process(record, key), key, 300)
    assert len(record.states) == MAX_STATES
    assert count_skipped(record) == MAX_SKIPPED_KEYS
    assert len(pickle.dumps(record)) < 100 * MAX_SKIPPED_KEYS + 500 * MAX_STATES


def test_oldest_state_and_lowest_iteration_are_dropped_first() -> None:
    old, new = make_key(1), make_key(2)
    record = read(process(read(process(Record(), old), old, 1500), new), new, 600)
    newest, oldest = record.states
    assert sorted(newest.skipped) == list(range(600))
    assert sorted(oldest.skipped) == list(range(100, 1500))


def test_two_jumps_in_one_state_keep_the_newest_seeds() -> None:
    key = make_key(1)
    record = read(process(Record(), key), key, 400, 2400)
    skipped = [iteration for iteration in range(2400) if iteration != 400]
    assert sorted(record.states[0].skipped) == skipped[-MAX_SKIPPED_KEYS:]
