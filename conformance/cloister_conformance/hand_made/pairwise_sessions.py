"""Frames of chapter 03 built by hand, by a peer all of whose keys are given, so that a test can write what no honest writer would."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cloister import chain, double_ratchet, identity, x3dh
from cloister.identity import KeyPair

from cloister_conformance.hand_made.protobuf import field, join

VERSION = b"\x33"
SIGNED_PREKEY_ID = 7
ONE_TIME_PREKEY_ID = 9
SIGNATURE_RANDOM = bytes(64)
NOTHING: Mapping[int, bytes] = MappingProxyType({})


def make_pair(label: int) -> KeyPair:
    """Make a key pair; another label gives another."""
    return identity.derive_key_pair(identity.clamp(bytes([label, 3]) * 16))


ALICE, BOB, CAROL = (make_pair(label) for label in (1, 2, 3))
"""Identities."""
BOBS_SIGNED_PREKEY, BOBS_ONE_TIME_PREKEY = make_pair(20), make_pair(21)
BASE_KEY, RATCHET_KEY = make_pair(30), make_pair(31)
"""The keys of a session that a peer opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of an account: what a bundle is made of."""

    identity: KeyPair = BOB
    signed: KeyPair = BOBS_SIGNED_PREKEY
    one_time: KeyPair | None = BOBS_ONE_TIME_PREKEY

    @property
    def bundle(self) -> x3dh.Bundle:
        """The bundle, its signature made with fixed randomness, because tests repeat."""
        return x3dh.Bundle(
            identity_key=self.identity.public,
            signed_prekey_id=SIGNED_PREKEY_ID,
            signed_prekey=self.signed.public,
            signature=identity.sign_with(self.identity.private, self.signed.public, Z=SIGNATURE_RANDOM),
            one_time_prekey_id=ONE_TIME_PREKEY_ID if self.one_time else None,
            one_time_prekey=self.one_time.public if self.one_time else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One sending chain of a peer; `chain_key` is that of counter 0."""

    sender: identity.PublicKey
    receiver: identity.PublicKey
    ratchet_key: identity.PublicKey
    chain_key: chain.ChainKey

    def seed(self, counter: int) -> chain.Seed:
        """Derive the seed of a message."""
        return chain.derive_seed(self.chain_key_at(counter))

    def chain_key_at(self, counter: int) -> chain.ChainKey:
        """Derive the chain key of a counter."""
        chain_key = self.chain_key
        for _ in range(counter):
            chain_key = chain.derive_next_chain_key(chain_key)
        return chain_key

    def fields(self, plaintext: bytes, counter: int, *, blocks: int | None = None) -> dict[int, bytes]:
        """The encoded fields of a message, by number; of its ciphertext only so many blocks, if that is given."""
        cipher_key, _, iv = double_ratchet.derive_message_keys(self.seed(counter))
        ciphertext = chain.encrypt_cbc(cipher_key, iv, plaintext)
        return {
            1: field(1, self.ratchet_key),
            2: field(2, counter),
            3: field(3, 0),
            4: field(4, ciphertext if blocks is None else ciphertext[: 16 * blocks]),
        }

    def message(
        self,
        plaintext: bytes = b"x",
        counter: int = 0,
        other: Mapping[int, bytes] = NOTHING,
        *,
        version: bytes = VERSION,
        blocks: int | None = None,
    ) -> bytes:
        """A message with its MAC; `other={3: ...}` puts other bytes in the place of field 3."""
        body = version + join(self.fields(plaintext, counter, blocks=blocks), other)
        return body + self.mac(body, counter)

    def mac(self, body: bytes, counter: int) -> bytes:
        """The MAC of a body."""
        _, mac_key, _ = double_ratchet.derive_message_keys(self.seed(counter))
        return hmac.digest(mac_key, self.sender + self.receiver + body, "sha256")[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiator:
    """A peer that opens a session with the owner of given keys."""

    keys: Keys
    identity: KeyPair = ALICE
    base: KeyPair = BASE_KEY
    ratchet: KeyPair = RATCHET_KEY

    @property
    def chain(self) -> Chain:
        """The first sending chain."""
        root_key, _ = x3dh.agree_as_initiator(self.identity.private, self.base.private, self.keys.bundle)
        return self.start_chain(root_key)

    def start_chain(self, root_key: x3dh.RootKey) -> Chain:
        """Start the first sending chain from the root key of X3DH."""
        _, chain_key = double_ratchet.step_root_key(root_key, self.ratchet, self.keys.signed.public)
        return Chain(
            sender=self.identity.public,
            receiver=self.keys.identity.public,
            ratchet_key=self.ratchet.public,
            chain_key=chain_key,
        )

    def fields(self, message: bytes) -> dict[int, bytes]:
        """The encoded fields of a prekey message around a message, by number."""
        return prekey_fields(
            message,
            base_key=self.base.public,
            identity_key=self.identity.public,
            signed_prekey_id=SIGNED_PREKEY_ID,
            one_time_prekey_id=ONE_TIME_PREKEY_ID if self.keys.one_time else None,
        )

    def prekey_message(
        self, message: bytes | None = None, other: Mapping[int, bytes] = NOTHING, *, version: bytes = VERSION
    ) -> bytes:
        """A prekey message around a message, the first one if none is given."""
        fields = self.fields(self.chain.message() if message is None else message)
        return version + join(fields, other)


def prekey_fields(
    message: bytes, *, base_key: bytes, identity_key: bytes, signed_prekey_id: int, one_time_prekey_id: int | None
) -> dict[int, bytes]:
    """The encoded fields of a prekey message, by number."""
    one_time = {} if one_time_prekey_id is None else {1: field(1, one_time_prekey_id)}
    return {
        **one_time,
        2: field(2, base_key),
        3: field(3, identity_key),
        4: field(4, message),
        5: field(5, 1),
        6: field(6, signed_prekey_id),
    }
