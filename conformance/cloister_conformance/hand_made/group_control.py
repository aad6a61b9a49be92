"""Chapter 09: snapshots and control messages that are built field by field."""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cloister import group_control, identity

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.protobuf import field, join

NOW = 1_600_000_000_000
NOTHING: Mapping[int, bytes] = MappingProxyType({})
HOW = {how: number for number, how in group_control.HOW.items()}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


def make_account(label: object) -> bytes:
    """Make an account that nobody has the private key of."""
    u = int.from_bytes(material.derive_bytes(f"group account {label}"), "little") >> 2
    return b"\x05" + u.to_bytes(32, "little")


def make_accounts(label: object, count: int) -> list[bytes]:
    """Make accounts, in ascending order."""
    return sorted(make_account(f"{label} {index}") for index in range(count))


BOB, ALICE, CAROL, DAVE, ERIN, FRANK = make_accounts("named", 6)
"""Accounts in ascending order; Alice is the administrator, and not the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """A removal."""

    account: bytes
    added: int = 0
    last_epoch: int = 0
    how: int = HOW["kicked"]
    removed_ms: int = NOW
    last_index: int | None = None

    def encode(self, other: Mapping[int, bytes] = NOTHING) -> bytes:
        """Encode it; `other={3: ...}` puts other bytes in the place of field 3."""
        fields = {
            1: field(1, self.account),
            2: field(2, self.added),
            3: field(3, self.last_epoch),
            4: field(4, self.how),
            5: field(5, self.removed_ms),
            6: encode_optional(6, self.last_index),
        }
        return join(fields, other)


def encode_optional(number: int, value: int | bytes | None) -> bytes:
    """Encode a field that may be absent."""
    return b"" if value is None else field(number, value)


def encode_member(account: bytes, added: int) -> bytes:
    """Encode a member."""
    return field(1, account) + field(2, added)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A snapshot of the group with this label; members that have no epoch of their own were added in epoch 0.

    `other={3: ...}` puts other bytes in the place of field 3; `signer` signs in the place of the administrator key.
    """

    label: str = "the usual"
    epoch: int = 0
    timestamp_ms: int = NOW
    name: str = "hike"
    avatar: bytes | None = None
    administrator: bytes = ALICE
    key: str = "the usual"
    members: Sequence[bytes] = (BOB, ALICE, CAROL)
    added: Mapping[bytes, int] = dataclasses.field(default_factory=dict)
    removed: Sequence[Removed] = ()
    closed: bool = False
    other: Mapping[int, bytes] = dataclasses.field(default_factory=dict)
    signer: str = ""
    signed_label: bytes = group_control.SNAPSHOT_LABEL

    @property
    def group_id(self) -> bytes:
        """The id of the group."""
        return material.derive_bytes(f"group id of {self.label}")

    @property
    def administrator_key(self) -> identity.KeyPair:
        """The administrator key."""
        return material.derive_key_pair(f"administrator key of {self.key}")

    @property
    def address_private(self) -> bytes:
        """The private key of the epoch's address."""
        return material.derive_key_pair(f"address of {self.label} {self.epoch}").private

    def fields(self) -> dict[int, bytes]:
        """The encoded fields, by number."""
        return {
            1: field(1, self.group_id),
            2: field(2, self.epoch),
            3: field(3, self.timestamp_ms),
            4: field(4, self.name.encode("utf-8")),
            5: encode_optional(5, group_control.hash_avatar(self.avatar)),
            6: field(6, self.administrator),
            7: field(7, self.administrator_key.public),
            8: b"".join(field(8, encode_member(account, self.added.get(account, 0))) for account in self.members),
            9: b"".join(field(9, removed.encode()) for removed in self.removed),
            10: field(10, self.address_private),
            11: field(11, int(self.closed)),
        }

    @property
    def encoded(self) -> bytes:
        """The bytes that are signed."""
        return join(self.fields(), self.other)

    @property
    def hash(self) -> bytes:
        """The hash of the snapshot."""
        return hashlib.sha256(self.encoded).digest()

    @property
    def signed_text(self) -> bytes:
        """The text that is signed."""
        return self.signed_label + self.encoded

    @property
    def randomness(self) -> bytes:
        """The randomness of the signature; a hash, because the same snapshot has to have the same one."""
        return hashlib.sha512(self.signed_text).digest()

    @property
    def signature(self) -> bytes:
        """The signature."""
        signer = material.derive_key_pair(f"administrator key of {self.signer or self.key}")
        return identity.sign_with(signer.private, self.signed_text, Z=self.randomness)

    def message_fields(self, *, avatar: bytes | None = None, adds_you: bool = False) -> dict[int, bytes]:
        """The encoded fields of the message that carries it, by number."""
        return {
            1: field(1, self.encoded),
            2: field(2, self.signature),
            3: encode_optional(3, avatar),
            4: field(4, int(adds_you)),
        }

    def message(
        self, *, avatar: bytes | None = None, adds_you: bool = False, other: Mapping[int, bytes] = NOTHING
    ) -> bytes:
        """The control message that carries it."""
        body = join(self.message_fields(avatar=avatar, adds_you=adds_you), other)
        return write_control({3: body}, epoch=self.epoch, label=self.label)


def write_control(
    bodies: Mapping[int, bytes], *, epoch: int = 0, label: str = "the usual", other: Mapping[int, bytes] = NOTHING
) -> bytes:
    """Write a control message of the group with this label, with its messages by their numbers."""
    fields = {1: field(1, material.derive_bytes(f"group id of {label}")), 2: field(2, epoch)}
    return join(fields, other) + b"".join(field(number, body) for number, body in bodies.items())


def write_add(*accounts: bytes, epoch: int = 0, label: str = "the usual") -> bytes:
    """Write an add."""
    return write_control({4: encode_accounts(accounts)}, epoch=epoch, label=label)


def encode_accounts(accounts: Iterable[bytes]) -> bytes:
    """Encode the accounts of an add."""
    return b"".join(field(1, account) for account in accounts)


def write_leave(
    added: int = 0, last_index: int | None = None, account: bytes | None = None, *, epoch: int = 0
) -> bytes:
    """Write a leave."""
    return write_control({5: encode_leave(added, last_index, account)}, epoch=epoch)


def encode_leave(added: int = 0, last_index: int | None = None, account: bytes | None = None) -> bytes:
    """Encode the body of a leave."""
    return field(1, added) + encode_optional(2, last_index) + encode_optional(3, account)


def write_key(
    distribution: bytes = b"a frame", next_index: int = 0, added: int = 0, digest: bytes = bytes(32)
) -> bytes:
    """Write a sender key."""
    return write_control({6: field(1, distribution) + field(2, next_index) + field(3, added) + field(4, digest)})


def write_ask(what: int = 1) -> bytes:
    """Write a question."""
    return write_control({7: field(1, what)})


def write_notice(epoch: int = 1) -> bytes:
    """Write a notice."""
    return write_control({8: b""}, epoch=epoch)
