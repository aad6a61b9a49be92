"""Hypothesis strategies, named as plurals of what they make; valid unless the name says otherwise."""

from cloister import identity, proof_of_work, wire
from hypothesis import strategies as st

NOW = 1_600_000_000_000
"""The time of tests that are not about time."""


def plaintexts() -> st.SearchStrategy[bytes]:
    """Plaintexts, often near a block boundary."""
    return st.one_of(st.binary(max_size=64), st.sampled_from([15, 16, 17, 159, 4096]).map(bytes))


def seeds() -> st.SearchStrategy[bytes]:
    """Seeds of identities."""
    return st.binary(min_size=identity.SEED_BYTES, max_size=identity.SEED_BYTES)


def private_keys() -> st.SearchStrategy[bytes]:
    """Clamped private keys."""
    return seeds().map(identity.clamp)


def public_keys() -> st.SearchStrategy[bytes]:
    """Public keys."""
    return seeds().map(lambda seed: identity.derive_identity(seed).public)


def entropies() -> st.SearchStrategy[int]:
    """Seeds of the peer's randomness."""
    return st.integers(min_value=0, max_value=2**32 - 1)


def bit_positions(size_bytes: int) -> st.SearchStrategy[int]:
    """Positions of a bit in so many bytes."""
    return st.integers(min_value=0, max_value=8 * size_bytes - 1)


def flip(data: bytes, position: int) -> bytes:
    """Flip one bit."""
    flipped = bytearray(data)
    flipped[position // 8] ^= 1 << position % 8
    return bytes(flipped)


def timestamps() -> st.SearchStrategy[int]:
    """Times in milliseconds."""
    return st.integers(min_value=wire.MIN_TIMESTAMP_MS, max_value=wire.MAX_TIMESTAMP_MS)


def ttls() -> st.SearchStrategy[int]:
    """Lives of messages in milliseconds."""
    return st.integers(
        min_value=proof_of_work.MIN_TTL_MS // proof_of_work.TTL_STEP_MS,
        max_value=proof_of_work.MAX_TTL_MS // proof_of_work.TTL_STEP_MS,
    ).map(lambda seconds: seconds * proof_of_work.TTL_STEP_MS)


def requests() -> st.SearchStrategy[dict[str, str]]:
    """The four texts of a request."""
    return st.fixed_dictionaries(
        {
            "timestamp": timestamps().map(str),
            "ttl": ttls().map(str),
            "recipient": st.binary(min_size=32, max_size=32).map(lambda key: "05" + key.hex()),
            "data": st.binary(max_size=300).map(wire.encode_base64),
        }
    )
