"""What Bob is given, step by step, and what he tells: his keys are known, and he answers nobody; used by the scenarios of chapter 10."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cloister_conformance.hand_made.closed_groups import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    KEYS,
    NOW,
    Letter,
    Writer,
    derive_digest,
    find_address,
)
from cloister_conformance.hand_made.group_control import Snapshot
from cloister_conformance.hand_made.pairwise_sessions import SIGNED_PREKEY_ID
from cloister_conformance.vector_files.cases import Json, answered, refused

HIKE = Snapshot(label="hike", administrator=ALICE, members=(ALICE, BOB, CAROL, DAVE))
"""Epoch 0 of the group that most scenarios are about."""
LETTERS_BEFORE = {"alice": 2, "carol": 1, "dave": 1}
"""How many letters each had written to Bob when he had read the snapshot and everybody's key."""


def prepare() -> list[Json]:
    """Describe Bob's client, with prekeys that are given."""
    prekeys = {"signed_prekey_id": SIGNED_PREKEY_ID, "signed_prekey_private": KEYS.signed.private}
    return [
        answered("client.create", {"client": "bob", "private_key": KEYS.identity.private, "now_ms": NOW}, {}),
        answered("client.import_prekeys", {"client": "bob", **prekeys, "now_ms": NOW}, {}),
    ]


def begin() -> list[Json]:
    """Describe how Bob becomes a member, and is given all keys."""
    alice, carol, dave = (Writer(name=name) for name in LETTERS_BEFORE)
    return [
        *prepare(),
        receive(alice.say_control(HIKE.message()), joined(), confirmed()),
        *(receive(writer.give(HIKE)) for writer in (alice, carol, dave)),
    ]


def after_begin(name: str) -> Writer:
    """Make somebody who has written what Bob read when he became a member."""
    return Writer(name=name, counter=LETTERS_BEFORE.get(name, 0))


def open_epoch(snapshot: Snapshot, **changes: object) -> Snapshot:
    """Make the next snapshot of a group."""
    return replace(snapshot, epoch=snapshot.epoch + 1, **changes)  # type: ignore[arg-type]


# What comes


def receive(letter: Letter, *told: Json, at: int = NOW) -> Json:
    """Describe a letter that comes, and what Bob tells."""
    inputs = {"client": "bob", "recipient": letter.recipient, "data": letter.data, "now_ms": at}
    return answered("client.receive", inputs, {"told": list(told)})


def refuse(letter: Letter, error: str, *, account: bytes | None = b"", at: int = NOW) -> Json:
    """Describe a letter that is refused; whoever sent it is told, unless there is None who is known to."""
    sender = letter.sender if account == b"" else account
    return receive(letter, event("refused", account=sender, error=error, group_id=None), at=at)


def read_all(letters: Iterable[Letter], *told: Json) -> list[Json]:
    """Describe letters that come, of which each tells one thing."""
    return [receive(letter, one) for letter, one in zip(letters, told, strict=True)]


def tick(at: int, *told: Json) -> Json:
    """Describe that time has passed."""
    return answered("client.tick", {"client": "bob", "now_ms": at}, {"told": list(told)})


def refuse_command(method: str, error: str, **inputs: object) -> Json:
    """Describe a command for the group that is refused."""
    return refused(method, {"client": "bob", "group_id": HIKE.group_id, **inputs, "now_ms": NOW}, error)


# What is told


def event(kind: str, *, group_id: bytes | None = HIKE.group_id, account: bytes | None = None, **others: object) -> Json:
    """Describe something that is told; of a group, unless it is of none."""
    members = {"group_id": group_id and group_id.hex(), "account": account and account.hex(), **others}
    return {"kind": kind, **{name: value for name, value in members.items() if value is not None}}


def joined(snapshot: Snapshot = HIKE) -> Json:
    """Describe that Bob is a member now."""
    return event("joined", group_id=snapshot.group_id, text=snapshot.name)


def confirmed() -> Json:
    """Describe that the administrator key is confirmed."""
    return event("confirmed")


def shown(account: bytes, index: int, text: str) -> Json:
    """Describe that a message is shown."""
    return event("message", account=account, index=index, timestamp_ms=NOW, text=text)


def missing(account: bytes, first: int, last: int) -> Json:
    """Describe that messages are missing."""
    return event("indices missing", account=account, index=first, last_index=last)


# What Bob holds


def hold(
    snapshot: Snapshot,
    *,
    adds: Sequence[bytes] = (),
    leaves: Mapping[bytes, int] | None = None,
    status: str = "member",
    is_confirmed: bool = True,
) -> Json:
    """Describe what Bob holds of the group: the view of a snapshot, adds, and leaves with the epochs in which they were added."""
    over = dict(leaves or {})
    candidates = [(account, snapshot.added.get(account, 0)) for account in snapshot.members]
    candidates += [(account, snapshot.epoch) for account in sorted(adds)]
    members = sorted((account, added) for account, added in candidates[:500] if over.get(account) != added)
    expected = {
        "status": status,
        "epoch": snapshot.epoch,
        "name": snapshot.name,
        **({"avatar": snapshot.avatar.hex()} if snapshot.avatar else {}),
        "administrator": snapshot.administrator.hex(),
        "is_confirmed": is_confirmed,
        "members": [{"account": account.hex(), "added": added} for account, added in members],
        "digest": derive_digest(snapshot, adds, list(over.items())).hex(),
    }
    return answered("client.read_group", {"client": "bob", "group_id": snapshot.group_id}, expected)


def poll(*snapshots: Snapshot) -> Json:
    """Describe what Bob polls: his account, and the addresses of these epochs, the newest first."""
    recipients = [BOB, *(find_address(snapshot) for snapshot in snapshots)]
    return answered("client.recipients", {"client": "bob"}, {"recipients": [account.hex() for account in recipients]})
