"""Chapter 04: sender keys.

- A sender key and a record are values: every function returns the new one, and a refusal leaves the old one as it was.
- A frame's signature is verified before its iteration is looked at, and its iteration before a key is derived.
- How distributions travel, and to which group and epoch a message belongs, is said in chapter 10, not here.

    >>> import secrets
    >>> alice = create_sender_key(secrets.token_bytes)
    >>> bob = process_distribution(Record(), encode_distribution(alice), now_ms=1_600_000_000_000)
    >>> alice, frame = encrypt(alice, b"hello group", secrets.token_bytes)
    >>> bob, plaintext = decrypt(bob, frame, now_ms=1_600_000_000_000)
    >>> plaintext
    b'hello group'
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cloister import chain, errors, identity, wire
from cloister._proto import sender_keys_pb2
from cloister.chain import CHAIN_KEY_BYTES, ChainKey, Seed

MAX_FORWARD_JUMPS = 2000
MAX_SKIPPED_KEYS = 2000
MAX_ITERATION = 2**31 - 1
MAX_KEY_ID = 2**31 - 1
MAX_STATES = 100
STATE_LIFETIME_MS = 1_209_600_000
KDF_INFO = b"WhisperGroup"


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderKey:
    """What a member sends with; `iteration` is that of the next message."""

    key_id: int
    iteration: int
    chain_key: ChainKey = field(repr=False)
    signing_key: identity.KeyPair


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A sender key as it is given to another member."""

    key_id: int
    iteration: int
    chain_key: ChainKey = field(repr=False)
    signing_key: identity.PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderKeyMessage:
    """A decoded message; `body` is what the signature covers."""

    key_id: int
    iteration: int
    ciphertext: bytes
    body: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One sender key as its receiver holds it; `iteration` is the first that was not yet derived."""

    key_id: int
    iteration: int
    chain_key: ChainKey = field(repr=False)
    signing_key: identity.PublicKey
    skipped: Mapping[int, Seed] = field(default_factory=dict, repr=False)
    idle_since_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that a receiver holds of one sender in one group, newest state first."""

    states: tuple[State, ...] = ()


# Keys of one message


def derive_message_key(seed: Seed) -> tuple[bytes, bytes]:
    """Derive the IV, 16 bytes, and the cipher key, 32 bytes, of a message.

    Clauses: SK-3
    """
    derived = chain.derive_key(seed, chain.ZERO_SALT, KDF_INFO, 48)
    return derived[:16], derived[16:]


def encrypt_plaintext(seed: Seed, plaintext: bytes) -> bytes:
    """Encrypt with the key of one message.

    Clauses: SK-4
    """
    iv, cipher_key = derive_message_key(seed)
    return chain.encrypt_cbc(cipher_key, iv, plaintext)


def decrypt_ciphertext(seed: Seed, ciphertext: bytes) -> bytes:
    """Decrypt with the key of one message.

    Raises:
        DecryptionFailed: the ciphertext is not whole blocks, or its padding is wrong.
    Clauses: SK-4, SK-34
    """
    iv, cipher_key = derive_message_key(seed)
    return chain.decrypt_cbc(cipher_key, iv, ciphertext)


# Sending


def create_sender_key(random: wire.Random) -> SenderKey:
    """Create a sender key for one group.

    Clauses: SK-1
    """
    return SenderKey(
        key_id=int.from_bytes(random(4), "big") & MAX_KEY_ID,
        iteration=0,
        chain_key=ChainKey(random(CHAIN_KEY_BYTES)),
        signing_key=identity.generate_key_pair(random),
    )


def renew_sender_key(old: SenderKey, random: wire.Random) -> SenderKey:
    """Create the sender key that takes the place of an old one, which the caller forgets.

    Clauses: SK-11, SK-12
    """
    renewed = create_sender_key(random)
    while renewed.key_id == old.key_id:
        renewed = create_sender_key(random)
    return renewed


def check_not_exhausted(key: SenderKey) -> None:
    """Check that a sender key has an iteration left.

    Raises:
        SenderKeyExhausted: it has none.
    Clauses: SK-10
    """
    if key.iteration > MAX_ITERATION:
        raise errors.SenderKeyExhausted


def encode_distribution(key: SenderKey) -> bytes:
    """Encode a sender key at its current iteration, for a pairwise session.

    Raises:
        SenderKeyExhausted: the iteration is above `MAX_ITERATION`.
    Clauses: SK-7, SK-8, SK-10, NE-7, NE-15
    """
    check_not_exhausted(key)
    return wire.encode_frame(
        sender_keys_pb2.SenderKeyDistributionMessage(
            id=key.key_id,
            iteration=key.iteration,
            chain_key=key.chain_key,
            signing_key=key.signing_key.public,
        )
    )


def encrypt(key: SenderKey, plaintext: bytes, random: wire.Random) -> tuple[SenderKey, bytes]:
    """Encrypt a message; return the advanced sender key, to be stored before the frame is sent, and the frame.

    Raises:
        SenderKeyExhausted: the iteration is above `MAX_ITERATION`.
        TooLarge: the frame would be longer than `MAX_CONTENT_BYTES`.
    Clauses: SK-4, SK-5, SK-6, SK-9, SK-10, NE-19
    """
    check_not_exhausted(key)

    ciphertext = encrypt_plaintext(chain.derive_seed(key.chain_key), plaintext)

    body = wire.encode_frame(
        sender_keys_pb2.SenderKeyMessage(id=key.key_id, iteration=key.iteration, ciphertext=ciphertext)
    )

    frame = body + identity.sign(key.signing_key.private, body, random)
    wire.check_content_size(frame)

    advanced = replace(key, iteration=key.iteration + 1, chain_key=chain.derive_next_chain_key(key.chain_key))
    return advanced, frame


# Receiving a distribution


def decode_distribution(frame: bytes) -> Distribution:
    """Decode a distribution that came over a pairwise session.

    Raises:
        TooLarge, InvalidMessage, UnsupportedVersion: the frame is not well-formed.
        InvalidKey: the signing key is not acceptable.
        OutOfRange: the iteration is above `MAX_ITERATION`.
    Clauses: SK-13, SK-14, SK-15
    """
    protobuf, _ = wire.split_frame(frame, trailer_bytes=0)
    fields = wire.decode_protobuf(sender_keys_pb2.SenderKeyDistributionMessage, protobuf)
    wire.check_size(fields.chain_key, CHAIN_KEY_BYTES, what="chain_key")
    wire.check_range(fields.iteration, 0, MAX_ITERATION, what="iteration")
    return Distribution(
        key_id=fields.id,
        iteration=fields.iteration,
        chain_key=ChainKey(fields.chain_key),
        signing_key=identity.decode_public_key(fields.signing_key),
    )


def process_distribution(record: Record, frame: bytes, *, now_ms: int) -> Record:
    """Take up a distribution from the sender that the record is for.

    Raises:
        TooLarge, InvalidMessage, UnsupportedVersion, InvalidKey, OutOfRange: as `decode_distribution`.
        ConflictingDistribution: it contradicts an earlier one.
    Clauses: SK-16, SK-17, SK-18, SK-19, SK-20, SK-21, SK-38
    """
    distribution = decode_distribution(frame)

    record = expire_states(record, now_ms)
    state = find_state(record, distribution.key_id)
    if state is None or state.signing_key != distribution.signing_key:
        return add_state(record, distribution, now_ms)
    if distribution.iteration <= state.iteration:
        return record

    if distribution.iteration - state.iteration <= MAX_FORWARD_JUMPS:
        moved = advance_chain(state, distribution.iteration)
        if moved.chain_key != distribution.chain_key:
            raise errors.ConflictingDistribution(key_id=state.key_id, iteration=distribution.iteration)
    else:
        moved = replace(state, iteration=distribution.iteration, chain_key=distribution.chain_key)

    return keep_bounds(replace_state(record, note_use(moved, now_ms)), now_ms)


def add_state(record: Record, distribution: Distribution, now_ms: int) -> Record:
    """Add the state of a distribution as the newest; it replaces a state of the same key id.

    Clauses: SK-16, SK-21
    """
    new = State(
        key_id=distribution.key_id,
        iteration=distribution.iteration,
        chain_key=distribution.chain_key,
        signing_key=distribution.signing_key,
    )
    older = tuple(supersede(state, now_ms) for state in record.states if state.key_id != new.key_id)
    return keep_bounds(Record(states=(new, *older)), now_ms)


def supersede(state: State, now_ms: int) -> State:
    """Note when a state was superseded first."""
    return state if state.idle_since_ms is not None else replace(state, idle_since_ms=now_ms)


def note_use(state: State, now_ms: int) -> State:
    """Note that a state was used: one that is superseded lives on from now.

    Clauses: SK-24
    """
    return state if state.idle_since_ms is None else replace(state, idle_since_ms=now_ms)


# Receiving a message


def decode_message(frame: bytes) -> SenderKeyMessage:
    """Decode an unverified message.

    Raises:
        TooLarge, InvalidMessage, UnsupportedVersion: the frame is not well-formed.
        OutOfRange: the iteration is above `MAX_ITERATION`.
    Clauses: SK-15
    """
    protobuf, signature = wire.split_frame(frame, trailer_bytes=identity.SIGNATURE_BYTES)
    fields = wire.decode_protobuf(sender_keys_pb2.SenderKeyMessage, protobuf)
    wire.check_range(fields.iteration, 0, MAX_ITERATION, what="iteration")
    return SenderKeyMessage(
        key_id=fields.id,
        iteration=fields.iteration,
        ciphertext=fields.ciphertext,
        body=frame[: -identity.SIGNATURE_BYTES],
        signature=signature,
    )


def decrypt(record: Record, frame: bytes, *, now_ms: int) -> tuple[Record, bytes]:
    """Decrypt an unverified message; return the new record, to be stored before the plaintext is shown, and the plaintext.

    Raises:
        TooLarge, InvalidMessage, UnsupportedVersion, OutOfRange: as `decode_message`.
        UnknownSenderKey: no state for its key id.
        InvalidSignature: not from the sender.
        DuplicateMessage, TooFarAhead: read before, or over the bound.
        DecryptionFailed: the ciphertext does not decrypt.
    Clauses: SK-26, SK-27, SK-28, SK-35, SK-36, NE-17
    """
    message = decode_message(frame)

    state = find_state(expire_states(record, now_ms), message.key_id)
    if state is None:
        raise errors.UnknownSenderKey(key_id=message.key_id)
    identity.verify(state.signing_key, message.body, message.signature)

    state, seed = take_seed(state, message.iteration)
    plaintext = decrypt_ciphertext(seed, message.ciphertext)

    return keep_bounds(replace_state(record, note_use(state, now_ms)), now_ms), plaintext


def take_seed(state: State, iteration: int) -> tuple[State, Seed]:
    """Take the seed of an iteration out of a state.

    Raises:
        DuplicateMessage: it was taken before, or dropped.
        TooFarAhead: it is more than `MAX_FORWARD_JUMPS` ahead.
    Clauses: SK-28, SK-29, SK-30, SK-31, SK-36
    """
    if iteration < state.iteration:
        if iteration not in state.skipped:
            raise errors.DuplicateMessage(index=iteration)
        others = {index: seed for index, seed in state.skipped.items() if index != iteration}
        return replace(state, skipped=others), state.skipped[iteration]

    if iteration - state.iteration > MAX_FORWARD_JUMPS:
        raise errors.TooFarAhead(index=iteration, bound=MAX_FORWARD_JUMPS)
    state = advance_chain(state, iteration)
    seed = chain.derive_seed(state.chain_key)
    return replace(state, iteration=iteration + 1, chain_key=chain.derive_next_chain_key(state.chain_key)), seed


def advance_chain(state: State, iteration: int) -> State:
    """Advance a chain to an iteration, keeping the seeds passed over.

    Clauses: SK-18, SK-28
    """
    chain_key = state.chain_key
    skipped = dict(state.skipped)
    for index in range(state.iteration, iteration):
        skipped[index] = chain.derive_seed(chain_key)
        chain_key = chain.derive_next_chain_key(chain_key)
    return replace(state, iteration=iteration, chain_key=chain_key, skipped=skipped)


# The record


def find_state(record: Record, key_id: int) -> State | None:
    """Find the state of a sender key."""
    return next((state for state in record.states if state.key_id == key_id), None)


def replace_state(record: Record, new: State) -> Record:
    """Replace the state of the same key id."""
    return Record(states=tuple(new if state.key_id == new.key_id else state for state in record.states))


def keep_bounds(record: Record, now_ms: int) -> Record:
    """Drop what is too old, then what is too much.

    Clauses: SK-22, SK-23, SK-32, SK-33
    """
    states = expire_states(record, now_ms).states
    return drop_skipped(Record(states=states[:MAX_STATES]))


def expire_states(record: Record, now_ms: int) -> Record:
    """Drop the superseded states that were idle for more than `STATE_LIFETIME_MS`.

    Clauses: SK-24, SK-25
    """
    return Record(states=tuple(state for state in record.states if not is_expired(state, now_ms)))


def is_expired(state: State, now_ms: int) -> bool:
    """Tell whether a state is superseded and was idle for more than `STATE_LIFETIME_MS`."""
    return state.idle_since_ms is not None and now_ms - state.idle_since_ms > STATE_LIFETIME_MS


def drop_skipped(record: Record) -> Record:
    """Drop the skipped seeds over `MAX_SKIPPED_KEYS`: oldest state first, lowest iteration first.

    Clauses: SK-32, SK-33
    """
    excess = sum(len(state.skipped) for state in record.states) - MAX_SKIPPED_KEYS
    if excess <= 0:
        return record

    kept = []
    for state in reversed(record.states):
        dropped = set(sorted(state.skipped)[:excess])
        excess -= len(dropped)
        skipped = {index: seed for index, seed in state.skipped.items() if index not in dropped}
        kept.append(replace(state, skipped=skipped))
    return Record(states=tuple(reversed(kept)))
