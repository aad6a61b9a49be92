"""What a messenger keeps, in one SQLite file: the parts of its client, mailboxes, contacts, rooms, and news for its user.

- What is written at once is there whole or not at all, and is on disk when `write` returns.
- Only what has changed is written: values are frozen, so a part that is the same object is the same.
- News stay until they are acknowledged; their numbers ascend, and none is given twice.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cloister import room, saved_state, x3dh
from cloister.client import Client, Queue, Refused, Store, Text, Told, WaitingControl
from cloister.group_control import GroupId
from cloister.group_state import Event, Group
from cloister.identity import PublicKey
from cloister.mailbox import Mailbox
from cloister.network_client import NetworkState
from cloister.room import PostKey, RoomView
from cloister.room_request import KnownRoom, RoomNews
from cloister.session import Record

VERSION = 1
OWNER_ONLY = 0o600
"""Of the file, which holds secrets in the clear."""
SCHEMA = f"""
BEGIN;
CREATE TABLE part (kind TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (kind, key)) STRICT;
CREATE TABLE news (number INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL) STRICT;
PRAGMA user_version = {VERSION};
COMMIT;
"""
PUT = "INSERT INTO part VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text"
REMOVE = "DELETE FROM part WHERE kind = ? AND key = ?"
TELL = "INSERT INTO news (text) VALUES (?)"

Name = tuple[str, str]
"""The kind of a part, and its key among those of the kind."""


class UnusableFile(Exception):
    """The file of an account cannot be used; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """All that is kept; mailboxes are by recipient, contacts are accounts by the names that the user gave them.

    `seed` is that of the account; None of one that was made before there were rooms. Rooms are by address.
    """

    client: Client
    seed: bytes | None = field(default=None, repr=False)
    network: NetworkState | None = None
    mailboxes: Mapping[PublicKey, Mailbox] = field(default_factory=dict)
    contacts: Mapping[str, PublicKey] = field(default_factory=dict)
    rooms: Mapping[str, KnownRoom] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Something that came was refused: who has sent it, if that is known, the name of the error, and what it says."""

    account: PublicKey | None
    error: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something to tell the user, with its number."""

    number: int
    told: Event | Text | RoomNews | Refusal


class AccountFile:
    """The file of an account, which one process at a time has open."""

    def __init__(self, path: Path) -> None:
        """Open the file, or create it.

        Raises:
            UnusableFile: another process has it open, it is of another version, or it is no such file.
        """
        path.touch(OWNER_ONLY)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=0)
        try:
            prepare(self._connection)
        except (sqlite3.Error, UnusableFile) as error:
            self._connection.close()
            raise UnusableFile(f"cannot open {path}: {error}") from None
        self._parts: dict[Name, object] = {}

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def read(self) -> Kept | None:
        """Read all that is kept; None of a new file.

        Raises:
            UnreadableState: a part cannot be read.
        """
        rows = self._connection.execute("SELECT kind, key, text FROM part ORDER BY kind, key").fetchall()
        if not rows:
            return None
        kept = join({(kind, key): text for kind, key, text in rows})
        self._parts = split(kept)
        return kept

    def write(self, kept: Kept, told: Iterable[Told | RoomNews] = ()) -> None:
        """Write what has changed since the last time, and what is to be told, in one transaction.

        Raises:
            sqlite3.Error: it cannot; whether it is on disk is then seen when the file is opened again.
        """
        parts = split(kept)
        changed = [(*name, to_text(part)) for name, part in parts.items() if not is_same(self._parts.get(name), part)]
        removed = self._parts.keys() - parts.keys()
        news = [(encode_news(each),) for each in told]
        if removed or news or any(kind != "network state" for kind, _, _ in changed):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(PUT, changed)
            self._connection.executemany(REMOVE, removed)
            self._connection.executemany(TELL, news)
            self._commit()
            self._parts = parts

    def _commit(self) -> None:
        self._connection.execute("COMMIT")

    def find_news(self) -> list[News]:
        """Find what is not acknowledged, oldest first."""
        rows = self._connection.execute("SELECT number, text FROM news ORDER BY number").fetchall()
        return [News(number=number, told=decode_news(text)) for number, text in rows]

    def acknowledge(self, number: int) -> None:
        """Forget news up to a number."""
        self._connection.execute("DELETE FROM news WHERE number <= ?", (number,))


def prepare(connection: sqlite3.Connection) -> None:
    """Take the file for this process alone, and create the tables, unless they are there.

    Raises:
        UnusableFile: they are of another version.
        sqlite3.Error: another process has it open, or it is no database.
    """
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in {0, VERSION}:
        raise UnusableFile(f"it has version {version}, only {VERSION} is known")
    if version == 0:
        connection.executescript(SCHEMA)


# Parts


def split(kept: Kept) -> dict[Name, object]:
    """Split what is kept into its parts."""
    client = kept.client
    parts: dict[Name, object] = {("account", ""): client.account, ("next store", ""): client.next_store}
    parts |= {("session record", account.hex()): record for account, record in client.sessions.items()}
    parts |= {("queue", account.hex()): queue for account, queue in client.queues.items()}
    parts |= {("closed group", group_id.hex()): group for group_id, group in client.groups.items()}
    parts |= {("waiting control", f"{place:04}"): waiting for place, waiting in enumerate(client.waiting)}
    parts |= {("asked", account.hex()): at_ms for account, at_ms in client.asked.items()}
    parts |= {("store", f"{number:016}"): store for number, store in client.outbox.items()}
    parts |= {("mailbox", recipient.hex()): box for recipient, box in kept.mailboxes.items()}
    parts |= {("contact", name): account for name, account in kept.contacts.items()}
    for address, known in kept.rooms.items():
        parts |= split_room(address, known)
    if kept.seed is not None:
        parts["seed", ""] = kept.seed
    if kept.network is not None:
        parts["network state", ""] = kept.network
    return parts


def split_room(address: str, known: KnownRoom) -> dict[Name, object]:
    """Split a room: a page changes only the parts of its messages."""
    view = known.view
    parts: dict[Name, object] = {("room", address): replace(known, view=replace(view, posts={}, seen={}, keys={}))}
    parts |= {("room post", f"{address} {message_id}"): post for message_id, post in view.posts.items()}
    parts |= {("seen post", f"{address} {author} {time_ms}"): seen for (author, time_ms), seen in view.seen.items()}
    return parts


def join(texts: Mapping[Name, str]) -> Kept:
    """Join what is kept from the texts of its parts.

    Raises:
        UnreadableState: one cannot be read.
    """

    def find(kind: str) -> list[tuple[str, str]]:
        return [(key, text) for (found, key), text in texts.items() if found == kind]

    def restore(kind: str, value: type[Any]) -> list[tuple[str, Any]]:
        return [(key, saved_state.restore(text, value)) for key, text in find(kind)]

    def account(key: str) -> PublicKey:
        return PublicKey(bytes.fromhex(key))

    client = Client(
        account=saved_state.restore(texts["account", ""], x3dh.Account),
        sessions={account(key): record for key, record in restore("session record", Record)},
        queues={account(key): queue for key, queue in restore("queue", Queue)},
        groups={GroupId(bytes.fromhex(key)): group for key, group in restore("closed group", Group)},
        waiting=tuple(waiting for _, waiting in restore("waiting control", WaitingControl)),
        asked={account(key): int(text) for key, text in find("asked")},
        outbox={int(key): store for key, store in restore("store", Store)},
        next_store=int(texts["next store", ""]),
    )
    return Kept(
        client=client,
        network=next((state for _, state in restore("network state", NetworkState)), None),
        mailboxes={account(key): box for key, box in restore("mailbox", Mailbox)},
        contacts={name: account(text) for name, text in find("contact")},
        seed=next((bytes.fromhex(text) for _, text in find("seed")), None),
        rooms=join_rooms(
            dict(restore("room", KnownRoom)), restore("room post", room.Post), restore("seen post", room.Seen)
        ),
    )


def join_rooms(
    rooms: Mapping[str, KnownRoom], posts: Iterable[tuple[str, room.Post]], seen: Iterable[tuple[str, room.Seen]]
) -> dict[str, KnownRoom]:
    """Join rooms from their parts."""
    read: dict[str, dict[int, room.Post]] = {address: {} for address in rooms}
    known: dict[str, dict[PostKey, room.Seen]] = {address: {} for address in rooms}
    for key, post in posts:
        read[key.split(" ")[0]][post.id] = post
    for key, one in seen:
        address, author, time_ms = key.split(" ")
        known[address][author, int(time_ms)] = one
    return {
        address: replace(each, view=join_view(each.view, read[address], known[address]))
        for address, each in rooms.items()
    }


def join_view(view: RoomView, posts: Mapping[int, room.Post], seen: Mapping[PostKey, room.Seen]) -> RoomView:
    """Join a view from its parts."""
    by_id = dict(sorted(posts.items()))
    return replace(view, posts=by_id, seen=seen, keys={one.id: key for key, one in seen.items()})


def is_same(before: object, after: object) -> bool:
    """Tell whether a part has not changed."""
    return before is after or (isinstance(after, int | bytes | KnownRoom) and before == after)


def to_text(part: object) -> str:
    """Turn a part into a text: a value of the saved states, a number, or an account."""
    if isinstance(part, int):
        return str(part)
    return part.hex() if isinstance(part, bytes) else saved_state.save(part)


# News


def encode_news(told: Told | RoomNews) -> str:
    """Encode something to tell."""
    if not isinstance(told, Refused):
        return saved_state.save(told)
    account = told.account.hex() if told.account else None
    return json.dumps({"account": account, "error": type(told.error).__name__, "reason": str(told.error)})


def decode_news(text: str) -> Event | Text | RoomNews | Refusal:
    """Decode something to tell."""
    members = json.loads(text)
    if "error" in members:
        account = PublicKey(bytes.fromhex(members["account"])) if members["account"] else None
        return Refusal(account=account, error=members["error"], reason=members["reason"])
    value = saved_state.restore(text, object)
    assert isinstance(value, Event | Text | RoomNews)
    return value
