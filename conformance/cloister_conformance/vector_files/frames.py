"""Sender-key frames built field by field, so that each can be wrong in one place."""

from cloister import identity, sender_keys

from cloister_conformance.vector_files import material

VARINT, FIXED64, BYTES, START_GROUP, END_GROUP, FIXED32 = range(6)
VERSION = b"\x33"


def varint(value: int, *, size: int = 1) -> bytes:
    """Encode a varint in at least `size` bytes."""
    encoded = bytearray()
    while value >= 0x80 or len(encoded) < size - 1:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])


def tag(number: int, wire_type: int, *, size: int = 1) -> bytes:
    """Encode a tag."""
    return varint(number << 3 | wire_type, size=size)


def number(field: int, value: int, *, size: int = 1) -> bytes:
    """Encode a field of wire type 0, its value in at least `size` bytes."""
    return tag(field, VARINT) + varint(value, size=size)


def data(field: int, value: bytes, *, size: int = 1) -> bytes:
    """Encode a field of wire type 2, its length in at least `size` bytes."""
    return tag(field, BYTES) + varint(len(value), size=size) + value


def sign(body: bytes, pair: identity.KeyPair) -> bytes:
    """Append the signature of the sender to what it covers."""
    Z = material.derive_bytes(f"Z {body[:200].hex()}", 64)
    return body + identity.sign_with(pair.private, body, Z=Z)


class Sender:
    """A member who sends in one group; the same label gives the same keys and the same frames."""

    def __init__(self, label: str, *, key_id: int = 5, pair: identity.KeyPair | None = None) -> None:
        self.key_id = key_id
        self.pair = pair or material.derive_key_pair(f"signing key of {label}")
        self.chain_keys = [sender_keys.ChainKey(material.derive_bytes(f"chain key of {label}"))]

    def chain_key(self, iteration: int) -> sender_keys.ChainKey:
        """Return the chain key of an iteration."""
        while len(self.chain_keys) <= iteration:
            self.chain_keys.append(sender_keys.derive_next_chain_key(self.chain_keys[-1]))
        return self.chain_keys[iteration]

    def ciphertext(self, iteration: int, plaintext: bytes) -> bytes:
        """Encrypt a plaintext as the message of an iteration."""
        return sender_keys.encrypt_plaintext(sender_keys.derive_seed(self.chain_key(iteration)), plaintext)

    def message(self, iteration: int, plaintext: bytes | None = None) -> bytes:
        """Build the frame of an iteration; its usual plaintext is `message N` in ASCII."""
        ciphertext = self.ciphertext(iteration, self.plaintext(iteration) if plaintext is None else plaintext)
        return sign(VERSION + number(1, self.key_id) + number(2, iteration) + data(3, ciphertext), self.pair)

    @staticmethod
    def plaintext(iteration: int) -> bytes:
        """Return the usual plaintext of an iteration."""
        return f"message {iteration}".encode("ascii")

    def distribution(self, iteration: int = 0, *, chain_key: bytes | None = None) -> bytes:
        """Build the distribution at an iteration, with another chain key than the right one if given."""
        chain_key = self.chain_key(iteration) if chain_key is None else chain_key
        fields = number(1, self.key_id) + number(2, iteration) + data(3, chain_key) + data(4, self.pair.public)
        return VERSION + fields
