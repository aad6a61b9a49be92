"""A view, and what comes to it, step by step; used by the cases of chapter 09."""

import hashlib
from collections.abc import Sequence

from cloister_conformance.hand_made.group_control import ALICE, BOB, Snapshot
from cloister_conformance.vector_files.cases import Json, answered, refused

Membership = tuple[bytes, int]


def know(account: bytes) -> Json:
    """Describe the view of an account to which the group is unknown."""
    return answered("group_control.create_view", {"view": "view", "account": account}, {})


def come(sender: bytes, encoded: bytes, error: str = "") -> Json:
    """Describe a control message that is accepted, or refused."""
    inputs = {"view": "view", "sender": sender, "encoded": encoded}
    return refused("group_control.accept", inputs, error) if error else answered("group_control.accept", inputs, {})


def join(*controls: tuple[bytes, bytes], account: bytes = BOB) -> list[Json]:
    """Describe a member of the usual group to which these control messages have come."""
    return [know(account), come(ALICE, Snapshot().message()), *[come(*control) for control in controls]]


def find_digest_text(snapshot: Snapshot, adds: Sequence[bytes], leaves: Sequence[Membership]) -> bytes:
    """Find the text that a digest hashes."""
    parts = [b"cloister group view", snapshot.group_id, snapshot.epoch.to_bytes(8, "big"), snapshot.hash]
    parts += [snapshot.administrator_key.public, len(adds).to_bytes(4, "big"), *sorted(adds)]
    parts += [len(leaves).to_bytes(4, "big")]
    parts += [account + epoch.to_bytes(8, "big") for account, epoch in sorted(leaves)]
    return b"".join(parts)


def look(
    snapshot: Snapshot, *, adds: Sequence[bytes] = (), leaves: Sequence[Membership] = (), **members: object
) -> Json:
    """Describe what a view has become: its epoch, its digest, and these members."""
    text = find_digest_text(snapshot, adds, leaves)
    expected: Json = {"epoch": snapshot.epoch, "adds": [account.hex() for account in sorted(adds)], **members}
    expected["digest"] = hashlib.sha256(text).hexdigest()
    intermediates = {"snapshot_hash": snapshot.hash, "digest_text": text}
    return answered("group_control.read", {"view": "view"}, expected, intermediates)


def members(accounts: Sequence[bytes], epoch: int = 0) -> list[Json]:
    """Describe members that were added in an epoch."""
    return [{"account": account.hex(), "added": epoch} for account in accounts]
