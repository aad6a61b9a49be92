"""The time of a server, in milliseconds: the system's, or that of a file for tests."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cloister import errors, wire
from cloister.serving.server_file import UnusableFile

Clock = Callable[[], int]


def read_system_clock() -> int:
    """Read the system's clock."""
    return time.time_ns() // 1_000_000


class FileClock:
    """The time that stands in a file, read anew for each request; the last good one while the file is being written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._now_ms = self._read()

    def __call__(self) -> int:
        """Read the time.

        Clauses: AP-20, AP-23
        """
        with suppress(UnusableFile):
            self._now_ms = self._read()
        return self._now_ms

    def _read(self) -> int:
        try:
            return wire.decode_decimal(self._path.read_text("ascii").strip(), what="clock")
        except (OSError, ValueError, errors.CloisterError):
            raise UnusableFile(f"the clock file {self._path} does not hold milliseconds in decimal") from None


def open_clock(path: Path | None) -> Clock:
    """Choose the clock of a server.

    Raises:
        UnusableFile: the file of the clock cannot be read.
    """
    return read_system_clock if path is None else FileClock(path)
