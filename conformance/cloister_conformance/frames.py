"""Frames built field by field, so that a test can write what no honest writer would."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cloister import identity, sender_keys

VARINT = "(?:[89a-f][0-9a-f])*[0-7][0-9a-f]"
"""A pattern for a varint in hex."""

NOTHING: Mapping[int, bytes] = MappingProxyType({})


def varint(value: int, size: int = 1) -> bytes:
    """Encode a varint in at least `size` bytes."""
    encoded = bytearray()
    while value > 0x7F or len(encoded) + 1 < size:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])


def field(number: int, value: int | bytes, *, size: int = 1) -> bytes:
    """Encode a protobuf field: an integer as a varint of at least `size` bytes, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value, size)
    return varint(number << 3 | 2) + varint(len(value)) + value


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A sender whose frames are made by hand; `chain_key` is that of iteration 0."""

    key_id: int
    chain_key: bytes
    signing_key: identity.KeyPair

    def chain_key_at(self, iteration: int) -> sender_keys.ChainKey:
        """Derive the chain key of an iteration."""
        chain_key = sender_keys.ChainKey(self.chain_key)
        for _ in range(iteration):
            chain_key = sender_keys.derive_next_chain_key(chain_key)
        return chain_key

    def distribution_fields(self, iteration: int = 0) -> dict[int, bytes]:
        """The encoded fields of a distribution, by number."""
        return {
            1: field(1, self.key_id),
            2: field(2, iteration),
            3: field(3, self.chain_key_at(iteration)),
            4: field(4, self.signing_key.public),
        }

    def distribution(self, iteration: int = 0, other: Mapping[int, bytes] = NOTHING) -> bytes:
        """A distribution; `other={3: ...}` puts other bytes in the place of field 3."""
        return b"\x33" + join(self.distribution_fields(iteration), other)

    def message_fields(self, plaintext: bytes, iteration: int = 0) -> dict[int, bytes]:
        """The encoded fields of a message, by number."""
        seed = sender_keys.derive_seed(self.chain_key_at(iteration))
        return {
            1: field(1, self.key_id),
            2: field(2, iteration),
            3: field(3, sender_keys.encrypt_plaintext(seed, plaintext)),
        }

    def message(self, plaintext: bytes, iteration: int = 0, other: Mapping[int, bytes] = NOTHING) -> bytes:
        """A signed message; `other={3: ...}` puts other bytes in the place of field 3."""
        return self.sign(b"\x33" + join(self.message_fields(plaintext, iteration), other))

    def sign(self, body: bytes) -> bytes:
        """Sign a body; the randomness is fixed, because tests repeat."""
        return body + identity.sign_with(self.signing_key.private, body, Z=bytes(64))


def join(fields: Mapping[int, bytes], other: Mapping[int, bytes]) -> bytes:
    """Join fields, some replaced."""
    return b"".join(other.get(number, encoded) for number, encoded in fields.items())


def make_sender(key_id: int = 5, label: int = 1) -> Sender:
    """Make a sender; another label has other keys."""
    return Sender(
        key_id=key_id,
        chain_key=bytes([label]) * 32,
        signing_key=identity.derive_key_pair(identity.clamp(bytes([label, 7]) * 16)),
    )
