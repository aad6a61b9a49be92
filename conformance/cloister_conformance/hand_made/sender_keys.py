"""Chapter 04: a sender whose frames are built field by field."""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cloister import chain, identity, sender_keys
from cloister.chain import ChainKey

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.protobuf import field, join

VERSION = b"\x33"
NOTHING: Mapping[int, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A sender whose frames are made by hand; `chain_key` is that of iteration 0."""

    key_id: int
    chain_key: bytes
    signing_key: identity.KeyPair
    derived: list[ChainKey] = dataclasses.field(default_factory=list, init=False, repr=False, compare=False)
    """The chain keys that were derived before, because scenarios of thousands of iterations ask for them again."""

    def chain_key_at(self, iteration: int) -> ChainKey:
        """Derive the chain key of an iteration."""
        if not self.derived:
            self.derived.append(ChainKey(self.chain_key))
        while len(self.derived) <= iteration:
            self.derived.append(chain.derive_next_chain_key(self.derived[-1]))
        return self.derived[iteration]

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
        return VERSION + join(self.distribution_fields(iteration), other)

    def ciphertext(self, plaintext: bytes, iteration: int = 0) -> bytes:
        """Encrypt a plaintext as that of an iteration."""
        return sender_keys.encrypt_plaintext(chain.derive_seed(self.chain_key_at(iteration)), plaintext)

    def message_fields(self, plaintext: bytes, iteration: int = 0) -> dict[int, bytes]:
        """The encoded fields of a message, by number."""
        return {
            1: field(1, self.key_id),
            2: field(2, iteration),
            3: field(3, self.ciphertext(plaintext, iteration)),
        }

    def message(self, plaintext: bytes, iteration: int = 0, other: Mapping[int, bytes] = NOTHING) -> bytes:
        """A signed message; `other={3: ...}` puts other bytes in the place of field 3."""
        return self.sign(VERSION + join(self.message_fields(plaintext, iteration), other))

    def sign(self, body: bytes) -> bytes:
        """Append the signature over a body; its randomness is a hash, because the same body has to give the same frame."""
        return body + identity.sign_with(self.signing_key.private, body, Z=hashlib.sha512(body).digest())


def make_sender(label: object = "", *, key_id: int = 5, signing_key: identity.KeyPair | None = None) -> Sender:
    """Make a sender; another label has other keys."""
    return Sender(
        key_id=key_id,
        chain_key=material.derive_bytes(f"chain key of {label}"),
        signing_key=signing_key or material.derive_key_pair(f"signing key of {label}"),
    )
