"""Messages and outbox of a service node, in one SQLite file.

Clauses: SW-18, SW-19, SW-25

- A message and its rows of the outbox are written in one transaction, by the thread of `Writer`.
- Reads are index lookups of a few rows. They are made where they are needed: they cost less than handing them over.
"""

import asyncio
import fcntl
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TextIO

from cloister import storage
from cloister.serving.writer import CannotWrite, Writer
from cloister.storage import Message
from cloister.swarm import Network

Work = Callable[[sqlite3.Connection], Any]

FILE = "messages.sqlite"
LOCK = "lock"
VERSION = 2
PAGE_BYTES = 4096
SWEEP_MESSAGES = 1000
"""Expired messages that are removed in one transaction."""
OUTBOX_MESSAGES = 500
"""Messages that are read for one batch at most."""
PORTION_RECIPIENTS = 500
"""Recipients that are adapted to a change of the network in one transaction, so that stores in between do not wait for long."""

SCHEMA = f"""
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    data TEXT NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    ttl_ms INTEGER NOT NULL,
    expiration_ms INTEGER NOT NULL,
    nonce TEXT NOT NULL
) STRICT;
CREATE INDEX message_recipient ON message (recipient, id);
CREATE INDEX message_expiration ON message (expiration_ms);
CREATE TABLE outbox (
    message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    target TEXT NOT NULL,
    PRIMARY KEY (message, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_target ON outbox (target, message);
CREATE TABLE network (height INTEGER PRIMARY KEY, json TEXT NOT NULL, last INTEGER NOT NULL) STRICT;
PRAGMA user_version = {VERSION};
"""
INSERT = """
INSERT INTO message (recipient, hash, data, timestamp_ms, ttl_ms, nonce, expiration_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (hash) DO NOTHING
"""
FIND_PAGE = """
SELECT recipient, hash, data, timestamp_ms, ttl_ms, nonce FROM message
WHERE recipient = ? AND id > ? AND expiration_ms > ? ORDER BY id LIMIT ?
"""
FIND_OUTBOX = """
SELECT id, recipient, hash, data, timestamp_ms, ttl_ms, nonce FROM outbox JOIN message ON id = message
WHERE target = ? AND message > ? ORDER BY message LIMIT ?
"""
SWEEP = "DELETE FROM message WHERE id IN (SELECT id FROM message WHERE expiration_ms <= ? LIMIT ?)"
ADD_TARGET = """
INSERT INTO outbox (message, target) SELECT id, ? FROM message WHERE recipient = ? AND id <= ? ON CONFLICT DO NOTHING
"""
RECORD = """
INSERT INTO network SELECT ?, ?, COALESCE((SELECT MAX(id) FROM message), 0)
WHERE NOT EXISTS (SELECT 1 FROM network WHERE height >= ?)
"""
FIND_CHANGE = "SELECT json, last FROM network ORDER BY height LIMIT 2"
FIND_RECIPIENTS = "SELECT DISTINCT recipient FROM message WHERE recipient > ? AND id <= ? ORDER BY recipient LIMIT ?"
REMOVE_TARGET = "DELETE FROM outbox WHERE target = ? AND message IN (SELECT id FROM message WHERE recipient = ?)"


class UnusableData(Exception):
    """The folder of a node cannot be used; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """How many messages were new, and which nodes they go to, by Ed25519 key."""

    new: int
    targets: frozenset[str]


class Database:
    """What a node, by its Ed25519 key in hex, has on disk.

    The newest network of the table is the one that messages are stored with. While there are older ones, the outbox is
    still being adapted: to each network after the one before it, for the messages up to `last`, its newest at that time.
    """

    def __init__(self, folder: Path, node: str, network: Network, *, max_bytes: int) -> None:
        """Open the database in a folder, or create it for a network.

        Raises:
            UnusableData: another process uses it, or it cannot be opened.
        """
        self._node = node
        with ExitStack() as opened:
            opened.enter_context(lock(folder))
            try:
                self._connection = opened.enter_context(closing(connect(folder / FILE)))
                create(self._connection, network)
                self._connection.execute(f"PRAGMA max_page_count = {max_bytes // PAGE_BYTES}")
                self._reader = opened.enter_context(closing(connect(folder / FILE)))
                self._reader.execute("PRAGMA query_only = ON")
                self.network = read_network(self._connection)
                (self.messages,) = self._connection.execute("SELECT COUNT(*) FROM message").fetchone()
            except sqlite3.Error as error:
                raise UnusableData(f"cannot open {folder / FILE}: {error}") from None
            self._adapting = asyncio.Lock()
            self._writer = Writer(partial(commit, self._connection))
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Finish what is to be written, and close the file."""
        self._writer.stop()
        self._opened.close()

    # Messages

    async def store(self, message: Message) -> Stored:
        """Write a message that a client stores, and who else is to have it.

        Raises:
            CannotWrite: the disk or the quota is full.
        Clauses: SW-13, SW-18, SW-19, SW-28
        """

        def work(connection: sqlite3.Connection) -> Stored:
            targets = self._find_others(storage.find_holders(self._read_network(connection), message.recipient))
            return insert(connection, message, targets)

        return self._count(await self._writer.do(work))

    async def store_pushed(self, messages: Sequence[Message], checked_with: Network) -> Stored:
        """Write messages that were pushed, and checked with a network.

        They are pushed on only if the network has changed in between, since then they missed the change.

        Raises:
            CannotWrite: the disk or the quota is full.
        Clauses: SW-18, SW-19, SW-30, SW-31, SW-34
        """

        def work(connection: sqlite3.Connection) -> Stored:
            network = self._read_network(connection)
            stored = []
            for message in messages:
                missed = network.height > checked_with.height
                keys = storage.find_new_holders(message.recipient, checked_with, network) if missed else []
                stored.append(insert(connection, message, self._find_others(keys)))
            return add_up(stored)

        return self._count(await self._writer.do(work))

    def read_page(self, recipient: str, last_hash: str, *, now_ms: int) -> list[Message]:
        """Read a page, as `storage.take_page` does.

        Clauses: SW-20, SW-21, SW-22, SW-23
        """
        row = None
        if last_hash.isascii():  # a lone surrogate cannot be looked for
            row = self._reader.execute(
                "SELECT id FROM message WHERE hash = ? AND recipient = ?", (last_hash, recipient)
            ).fetchone()
        rows = self._reader.execute(FIND_PAGE, (recipient, row[0] if row else 0, now_ms, storage.PAGE_MESSAGES))
        return [build_message(row) for row in rows]

    async def sweep(self, *, now_ms: int) -> int:
        """Remove some expired messages; return how many, `SWEEP_MESSAGES` if there may be more.

        Raises:
            CannotWrite: the disk fails.
        """

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(SWEEP, (now_ms, SWEEP_MESSAGES)).rowcount

        removed = await self._writer.do(work)
        self.messages -= removed
        return removed

    # Outbox

    def read_targets(self) -> list[str]:
        """Read which nodes something is to be pushed to."""
        return [target for (target,) in self._reader.execute("SELECT DISTINCT target FROM outbox")]

    def read_outbox(self, target: str, *, behind: int = 0) -> dict[int, Message]:
        """Read about a batch of what is to be pushed to a node, behind an id, the oldest first, by id."""
        cursor = self._reader.execute(FIND_OUTBOX, (target, behind, OUTBOX_MESSAGES))
        messages, size = {}, 0
        for row in cursor:
            messages[row[0]] = build_message(row[1:])
            size += len(storage.encode_record(messages[row[0]]))
            if size > storage.MAX_BATCH_BYTES:
                break
        cursor.close()
        return messages

    async def clear_outbox(self, target: str, ids: Iterable[int]) -> None:
        """Forget what has been pushed to a node.

        Raises:
            CannotWrite: the disk fails.
        """
        rows = [(pushed, target) for pushed in ids]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM outbox WHERE message = ? AND target = ?", rows)

        await self._writer.do(work)

    # The network

    async def take_up(self, network: Network) -> None:
        """Put into the outbox what a change of the network asks for, and what earlier ones still ask for.

        Raises:
            CannotWrite: the disk or the quota is full; it may be tried again.
        Clauses: SW-34, SW-35
        """
        await self.record(network)
        async with self._adapting:
            recipient: str | None = ""
            while recipient is not None:
                recipient = await self._writer.do(partial(self._adapt, behind=recipient))

    async def record(self, network: Network) -> None:
        """Let messages be stored with a network from now on, if its height is greater than that of the last one.

        Raises:
            CannotWrite: the disk or the quota is full; it may be tried again.
        Clauses: SW-35
        """
        row = (network.height, network.model_dump_json(), network.height)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(RECORD, row)

        await self._writer.do(work)

    def _adapt(self, connection: sqlite3.Connection, behind: str) -> str | None:
        """Adapt the outbox to the oldest change, for some recipients, in their order behind one of them.

        Returns the last of these, an empty text when the change is done, and None when there is none.
        Clauses: SW-34
        """
        (before, _), *change = connection.execute(FIND_CHANGE).fetchall()
        if not change:
            return None
        after, last = change[0]
        old, network = decode_network(before), decode_network(after)
        recipient = ""
        for (recipient,) in connection.execute(FIND_RECIPIENTS, (behind, last, PORTION_RECIPIENTS)).fetchall():
            new = self._find_others(storage.find_new_holders(recipient, old, network))
            gone = storage.find_new_holders(recipient, network, old)
            change_targets(connection, recipient, last, new=new, gone=gone)
        if not recipient:
            connection.execute("DELETE FROM network WHERE height = ?", (old.height,))
        return recipient

    def _read_network(self, connection: sqlite3.Connection) -> Network:
        """Read the newest network; only the writer's thread may."""
        (height,) = connection.execute("SELECT MAX(height) FROM network").fetchone()
        if height != self.network.height:
            self.network = read_network(connection)
        return self.network

    def _find_others(self, keys: Iterable[str]) -> list[str]:
        return [key for key in keys if key != self._node]

    def _count(self, stored: Stored) -> Stored:
        self.messages += stored.new
        return stored


def lock(folder: Path) -> TextIO:
    """Keep other processes off a folder, as long as the file is open.

    Raises:
        UnusableData: another process has it, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("w")
    except OSError as error:
        raise UnusableData(f"cannot write to the folder {folder}: {error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UnusableData(f"another service node uses the folder {folder}: stop it first") from None
    return file


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection whose commits are on disk when they return."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_size_limit = 16777216")
    return connection


def create(connection: sqlite3.Connection, network: Network) -> None:
    """Create the tables, unless they are there.

    Raises:
        UnusableData: they are of another version.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in {0, VERSION}:
        raise UnusableData(f"the database has version {version}, this node reads version {VERSION}")
    if version == VERSION:
        return
    connection.executescript(f"BEGIN; {SCHEMA}")
    connection.execute(RECORD, (network.height, network.model_dump_json(), network.height))
    connection.execute("COMMIT")


def commit(connection: sqlite3.Connection, group: Sequence[Work]) -> list[Any]:
    """Do a group of work in one transaction; if it fails each for itself. Return results, and exceptions in their place."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        results = [work(connection) for work in group]
        connection.execute("COMMIT")
    except Exception as error:  # noqa: BLE001 - it belongs to who waits
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if len(group) == 1:
            return [CannotWrite(str(error)) if isinstance(error, sqlite3.Error) else error]
        return [outcome for work in group for outcome in commit(connection, [work])]
    return results


def read_network(connection: sqlite3.Connection) -> Network:
    """Read the newest network."""
    (text,) = connection.execute("SELECT json FROM network ORDER BY height DESC LIMIT 1").fetchone()
    return decode_network(text)


@lru_cache(maxsize=4)
def decode_network(text: str) -> Network:
    """Decode a network, once for all portions of a change."""
    return Network.model_validate_json(text)


def insert(connection: sqlite3.Connection, message: Message, targets: Iterable[str]) -> Stored:
    """Insert a message, unless one with its hash is held, and its rows of the outbox.

    Clauses: SW-13, SW-19
    """
    values = (
        message.recipient,
        message.hash,
        message.data,
        message.timestamp_ms,
        message.ttl_ms,
        message.nonce,
        message.expiration_ms,
    )
    cursor = connection.execute(INSERT, values)
    if not cursor.rowcount:
        return Stored(new=0, targets=frozenset())
    rows = [(cursor.lastrowid, target) for target in targets]
    connection.executemany("INSERT INTO outbox (message, target) VALUES (?, ?) ON CONFLICT DO NOTHING", rows)
    return Stored(new=1, targets=frozenset(target for _, target in rows))


def add_up(stored: Sequence[Stored]) -> Stored:
    """Add up what was stored of several messages."""
    return Stored(
        new=sum(one.new for one in stored), targets=frozenset(target for one in stored for target in one.targets)
    )


def change_targets(
    connection: sqlite3.Connection, recipient: str, last: int, *, new: Iterable[str], gone: Iterable[str]
) -> None:
    """Let the messages of a recipient, up to the id `last`, go to new holders, and no longer to those that are gone.

    Clauses: SW-34
    """
    connection.executemany(REMOVE_TARGET, [(target, recipient) for target in gone])
    connection.executemany(ADD_TARGET, [(target, recipient, last) for target in new])


def build_message(row: Sequence[str | int]) -> Message:
    """Build a message from its columns."""
    recipient, message_hash, data, timestamp_ms, ttl_ms, nonce = row
    return Message(
        recipient=str(recipient),
        hash=str(message_hash),
        data=str(data),
        timestamp_ms=int(timestamp_ms),
        ttl_ms=int(ttl_ms),
        nonce=str(nonce),
    )
