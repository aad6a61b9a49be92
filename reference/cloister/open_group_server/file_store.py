"""The bytes of files, in one folder, under random names of the server; what their senders call them is no path.

- A file is written and synced before its row is committed, and removed after its row is.
- So what a sudden end leaves behind has no row, and is removed at the next start.
"""

import fcntl
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

from cloister.open_group_server.database import UnusableDatabase

FOLDER = "files"
LOCK = "lock"
NAME_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Bytes that are on disk: their name there, how many, and their BLAKE2b-512 hash."""

    name: str
    size: int
    hash: bytes


class FileStore:
    """The folder of files; other processes may share it."""

    def __init__(self, data: Path, *, shared: bool) -> None:
        """Open the folder, or create it.

        Raises:
            UnusableDatabase: it cannot be written, or another process has it and it is not to be shared.
        """
        self._folder = data / FOLDER
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = (data / LOCK).open("w")
        except OSError as error:
            raise UnusableDatabase(f"cannot write to the folder {data}: {error.strerror}") from None
        self.is_alone = take_lock(self._lock, wait=shared)
        if not self.is_alone and not shared:
            self._lock.close()
            raise UnusableDatabase(f"another open-group server uses the folder {data}: stop it first")

    def share(self) -> None:
        """Let other processes in that share the folder."""
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def close(self) -> None:
        """Let the folder go."""
        self._lock.close()

    async def write(self, chunks: AsyncIterator[bytes]) -> Stored:
        """Write bytes as they come; if they end early nothing stays.

        Clauses: OG-54
        """
        name = secrets.token_hex(NAME_BYTES)
        digest, size = hashlib.blake2b(), 0
        try:
            with self._path(name).open("xb") as file:
                async for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
        except BaseException:
            self.remove([name])
            raise
        return Stored(name=name, size=size, hash=digest.digest())

    def write_at_once(self, data: bytes) -> Stored:
        """Write bytes that are all there, and wait until they are on disk; if that fails nothing stays."""
        name = secrets.token_hex(NAME_BYTES)
        try:
            self._path(name).write_bytes(data)
            self.sync(name)
        except OSError:
            self.remove([name])
            raise
        return Stored(name=name, size=len(data), hash=hashlib.blake2b(data).digest())

    def sync(self, name: str) -> None:
        """Wait until a file and its name are on disk."""
        for path in (self._path(name), self._folder):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def read(self, name: str, begin: int = 0, end: int = -1) -> bytes | None:
        """Read bytes of a file, all if no end is given; None if it is gone."""
        try:
            with self._path(name).open("rb") as file:
                return read_part(file, begin, end)
        except FileNotFoundError:
            return None

    def remove(self, names: list[str]) -> None:
        """Remove files, those that are there."""
        for name in names:
            self._path(name).unlink(missing_ok=True)

    def sweep(self, known: set[str]) -> int:
        """Remove what no row names, of a folder that no other process uses; return how many."""
        orphans = [path.name for path in self._folder.iterdir() if path.name not in known]
        self.remove(orphans)
        return len(orphans)

    def _path(self, name: str) -> Path:
        return self._folder / name


def remove(data: Path, names: Iterable[str]) -> None:
    """Remove files from the folder of data of a server that may run, those that are there."""
    for name in names:
        (data / FOLDER / name).unlink(missing_ok=True)


def read_part(file: BinaryIO, begin: int, end: int) -> bytes:
    """Read a part of a file."""
    file.seek(begin)
    return file.read(-1 if end < 0 else end - begin)


def take_lock(file: TextIO, *, wait: bool) -> bool:
    """Take the lock of a folder; tell whether nobody else has it. If others have it, and it is to be shared, wait for them to share."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if wait:
            fcntl.flock(file, fcntl.LOCK_SH)
        return False
    return True
