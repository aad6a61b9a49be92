"""Chapter 10: what members of a group write, field by field, and seal to a client all of whose keys are given."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cloister import envelope, identity
from cloister.envelope import Envelope, Kind
from cloister.identity import KeyPair, PublicKey

from cloister_conformance.hand_made import group_control, material
from cloister_conformance.hand_made.group_control import Snapshot, encode_optional
from cloister_conformance.hand_made.pairwise_sessions import Initiator, Keys
from cloister_conformance.hand_made.protobuf import field, join
from cloister_conformance.hand_made.sender_keys import Sender, make_sender

NOW = group_control.NOW
NOTHING: Mapping[int, bytes] = MappingProxyType({})


def name_people(*names: str) -> dict[str, KeyPair]:
    """Make the identities of people, whose accounts are in the order of their names."""
    pairs = sorted((material.derive_key_pair(f"person {name}") for name in names), key=lambda pair: pair.public)
    return dict(zip(names, pairs, strict=True))


PEOPLE = name_people("alice", "bob", "carol", "dave", "erin", "frank")
ALICE, BOB, CAROL, DAVE, ERIN, FRANK = (pair.public for pair in PEOPLE.values())
"""Accounts in ascending order. Alice is the administrator, Bob reads; the others are members, or are not."""

KEYS = Keys(identity=PEOPLE["bob"], one_time=None)
"""The keys of Bob's account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A group content; `other={3: ...}` puts other bytes in the place of field 3."""

    group_id: bytes
    epoch: int
    sender: bytes
    index: int
    digest: bytes
    timestamp_ms: int = NOW
    text: str | bytes | None = None
    room: bytes | None = None
    other: Mapping[int, bytes] = dataclasses.field(default_factory=dict)

    def encode(self) -> bytes:
        """Encode it."""
        text = self.text.encode("utf-8") if isinstance(self.text, str) else self.text
        fields = {
            1: field(1, self.group_id),
            2: field(2, self.epoch),
            3: field(3, self.sender),
            4: field(4, self.index),
            5: field(5, self.timestamp_ms),
            6: field(6, self.digest),
            7: encode_optional(7, text),
            8: encode_optional(8, self.room),
        }
        return join(fields, self.other)


def encode_room(address: str = "https://example.org/room", server_key: bytes = bytes(32)) -> bytes:
    """Encode a room."""
    return field(1, address.encode("utf-8")) + field(2, server_key)


def encode_pairwise(
    *,
    timestamp_ms: int = NOW,
    text: str | bytes | None = None,
    control: bytes | None = None,
    group: bytes | None = None,
    other: Mapping[int, bytes] = NOTHING,
) -> bytes:
    """Encode a pairwise content; `other={3: ...}` puts other bytes in the place of field 3."""
    fields = {
        1: field(1, timestamp_ms),
        2: encode_optional(2, text.encode("utf-8") if isinstance(text, str) else text),
        3: encode_optional(3, control),
        4: encode_optional(4, group),
    }
    return join(fields, other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Something that is stored for a recipient; `sender` says that it sent it."""

    recipient: bytes
    sender: bytes
    data: bytes


def seal(recipient: bytes, kind: Kind, source: bytes, content: bytes, *, timestamp_ms: int = NOW) -> Letter:
    """Seal a frame; the randomness is a hash, because the same frame has to give the same letter."""
    made = Envelope(kind=kind, source=PublicKey(source), timestamp_ms=timestamp_ms, content=content)
    seed = hashlib.sha512(recipient + source + content).digest()
    randoms = iter((seed[:32], seed[32 : 32 + 12]))
    return Letter(
        recipient=recipient,
        sender=source,
        data=envelope.seal_envelope(PublicKey(recipient), made, lambda _: next(randoms)),
    )


@dataclass(slots=True, kw_only=True)
class Writer:
    """Somebody who writes to Bob, and to a group under a sender key; it counts what it has written.

    The session with Bob is one that it opened; Bob never answers, so all that comes in it are prekey messages.
    """

    name: str
    counter: int = 0
    iteration: int = 0
    index: int = 0
    key_number: int = 0
    added: int = 0

    @property
    def pair(self) -> KeyPair:
        """Its identity."""
        return PEOPLE[self.name]

    @property
    def account(self) -> PublicKey:
        """Its account."""
        return self.pair.public

    @property
    def opener(self) -> Initiator:
        """Its session with Bob."""
        return Initiator(
            keys=KEYS,
            identity=self.pair,
            base=material.derive_key_pair(f"base key of {self.name}"),
            ratchet=material.derive_key_pair(f"ratchet key of {self.name}"),
        )

    @property
    def sender_key(self) -> Sender:
        """Its newest sender key."""
        number = 16 * (1 + list(PEOPLE).index(self.name)) + self.key_number
        return make_sender(f"{self.name} {self.key_number}", key_id=number)

    def say(self, content: bytes, *, to: bytes = BOB) -> Letter:
        """Say a pairwise content."""
        message = self.opener.chain.message(content, self.counter)
        self.counter += 1
        return seal(to, "prekey message", self.account, self.opener.prekey_message(message))

    def say_control(self, control: bytes) -> Letter:
        """Say a control message."""
        return self.say(encode_pairwise(control=control))

    def give(self, snapshot: Snapshot, *, iteration: int | None = None, next_index: int | None = None) -> Letter:
        """Give the newest sender key, at its current iteration."""
        distribution = self.sender_key.distribution(self.iteration if iteration is None else iteration)
        return self.give_key(snapshot, distribution, self.index if next_index is None else next_index)

    def give_key(self, snapshot: Snapshot, distribution: bytes, next_index: int) -> Letter:
        """Give a distribution."""
        key = self.describe_key(snapshot, distribution, next_index)
        return self.say_control(group_control.write_control({6: key}, epoch=snapshot.epoch, label=snapshot.label))

    def describe_key(self, snapshot: Snapshot, distribution: bytes, next_index: int) -> bytes:
        """Encode the body of a key."""
        described = field(1, distribution) + field(2, next_index)
        return described + field(3, self.added) + field(4, derive_digest(snapshot))

    def renew(self) -> None:
        """Renew the sender key."""
        self.key_number += 1
        self.iteration = 0

    def content(self, snapshot: Snapshot, text: str | None = None, **changes: object) -> Content:
        """The content of its next message; what is not given is honest."""
        honest: dict[str, object] = {
            "group_id": snapshot.group_id,
            "epoch": snapshot.epoch,
            "sender": self.account,
            "index": self.index,
            "digest": derive_digest(snapshot),
            "text": text,
        }
        return Content(**{**honest, **changes})  # type: ignore[arg-type]

    def write(self, snapshot: Snapshot, text: str | None = None, **changes: object) -> Letter:
        """Write its next message to the group."""
        return self.write_content(snapshot, self.content(snapshot, text, **changes).encode())

    def write_content(self, snapshot: Snapshot, encoded: bytes) -> Letter:
        """Write a content, whatever it is, as its next message."""
        frame = self.sender_key.message(encoded, self.iteration)
        self.iteration += 1
        self.index += 1
        return seal(find_address(snapshot), "group message", self.account, frame)

    def skip(self, count: int) -> None:
        """Pass over messages, which are lost."""
        self.iteration += count
        self.index += count


def find_address(snapshot: Snapshot) -> PublicKey:
    """Find the address of an epoch."""
    return identity.derive_key_pair(identity.decode_private_key(snapshot.address_private)).public


def derive_digest(snapshot: Snapshot, adds: Sequence[bytes] = (), leaves: Sequence[tuple[bytes, int]] = ()) -> bytes:
    """Derive the digest of a view, by the formula of chapter 09."""
    return hashlib.sha256(
        b"cloister group view"
        + snapshot.group_id
        + snapshot.epoch.to_bytes(8, "big")
        + snapshot.hash
        + snapshot.administrator_key.public
        + len(adds).to_bytes(4, "big")
        + b"".join(sorted(adds))
        + len(leaves).to_bytes(4, "big")
        + b"".join(account + added.to_bytes(8, "big") for account, added in sorted(leaves))
    ).digest()
