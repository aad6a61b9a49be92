"""A child process that reads and writes lines, and all the ways in which it can misbehave.

Nothing here knows the protocol. The parent waits in `poll`, so it is idle while the child works;
standard error is read along, so a chatty child never blocks, and only its end is kept.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

MAX_LINE_BYTES = 64 * 2**20
STDERR_BYTES = 8192
CHUNK = 2**16  # a larger buffer costs the system fresh memory for each line
START_HINT = "does the command exist, and does it work in this folder?"


class BrokenAdapter(Exception):
    """The adapter crashed, closed its output or wrote something that is no line."""


class HungAdapter(BaseException):
    """The adapter did not answer in time. No `Exception`, so that no search repeats the wait."""


class UnstableAdapter(HungAdapter):
    """The adapter broke so often in one test that the search for a smaller example is given up."""


class Child:
    """One child process, in a process group of its own."""

    def __init__(
        self, command: list[str], *, folder: Path, environment: Mapping[str, str], timeout_seconds: float
    ) -> None:
        self.timeout_seconds = timeout_seconds
        self.buffer = bytearray()
        self.errors = bytearray()
        pipe = subprocess.PIPE
        self.process = start_process(
            command, folder=folder, environment=environment, stdin=pipe, stdout=pipe, stderr=pipe
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.stdin = self.process.stdin.fileno()
        self.stdout = self.process.stdout.fileno()
        self.stderr = self.process.stderr.fileno()
        os.set_blocking(self.stdin, False)
        self.poll = select.poll()
        self.poll.register(self.stdout, select.POLLIN)
        self.poll.register(self.stderr, select.POLLIN)

    def send(self, line: bytes) -> None:
        """Write a line, which ends with a line feed.

        Raises:
            BrokenAdapter: the child is gone.
            HungAdapter: it does not read.
        """
        deadline = time.monotonic() + self.timeout_seconds
        rest = memoryview(line)
        while rest:
            try:
                rest = rest[os.write(self.stdin, rest) :]
            except BlockingIOError:
                self.wait(deadline, writing=True)
            except OSError:
                raise self.describe_end("input") from None

    def receive(self, patience: int = 1) -> bytes:
        """Read a line, without its line feed, which may take so many times as long as usual.

        Raises:
            BrokenAdapter: the child is gone, or the line is too long.
            HungAdapter: it does not answer in time.
        """
        deadline = time.monotonic() + patience * self.timeout_seconds
        searched = 0
        while (end := self.buffer.find(b"\n", searched)) < 0:
            searched = len(self.buffer)
            self.wait(deadline)
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 1]
        return line

    def wait(self, deadline: float, *, writing: bool = False) -> None:
        """Wait until there is something to read, or room to write, and read what is there."""
        rest_seconds = deadline - time.monotonic()
        if writing:
            self.poll.register(self.stdin, select.POLLOUT)
        ready = self.poll.poll(max(0.0, rest_seconds) * 1000)
        if writing:
            self.poll.unregister(self.stdin)
        if not ready or rest_seconds < 0:
            if self.process.poll() is not None:  # a child of its own holds the pipe
                raise self.describe_end("output")
            raise HungAdapter(f"gave no answer within {self.timeout_seconds:g} seconds")
        for stream, _ in ready:
            if stream == self.stdin or self.read(stream):
                continue
            if stream == self.stdout:
                raise self.describe_end("output")
            self.poll.unregister(stream)

    def read(self, stream: int) -> bool:
        """Read what is there of standard output, or of standard error, whose end is kept; tell whether the stream goes on.

        Raises:
            BrokenAdapter: a line is too long.
        """
        chunk = os.read(stream, CHUNK)
        if stream == self.stderr:
            self.errors += chunk
            del self.errors[:-STDERR_BYTES]
            return bool(chunk)
        self.buffer += chunk
        if len(self.buffer) > MAX_LINE_BYTES:
            raise BrokenAdapter(f"wrote more than {MAX_LINE_BYTES} bytes in one line, or without being asked")
        return bool(chunk)

    def describe_end(self, stream: str) -> BrokenAdapter:
        """Describe how the child ended, or only a stream of it."""
        try:
            status = self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return BrokenAdapter(f"closed its {stream} and goes on running")
        return BrokenAdapter(describe_status(status))

    def close_input(self, seconds: float) -> int | None:
        """Close the input and read what still comes; return the exit status, or None if the child goes on running that long.

        Raises:
            BrokenAdapter: a line is too long.
        """
        assert self.process.stdin is not None
        self.process.stdin.close()
        deadline = time.monotonic() + seconds
        self.read_to_the_end(deadline)
        try:
            return self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None

    def read_to_the_end(self, deadline: float) -> None:
        """Read both outputs until they end, or the time does."""
        streams = {self.stdout, self.stderr}
        for stream in streams:
            self.poll.register(stream, select.POLLIN)
        while streams and (rest_seconds := deadline - time.monotonic()) > 0:
            for stream, _ in self.poll.poll(rest_seconds * 1000):
                if not self.read(stream):
                    self.poll.unregister(stream)
                    streams.remove(stream)

    def stop(self) -> None:
        """End the child and whatever it started."""
        kill_group(self.process)
        self.drain_errors()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def drain_errors(self) -> None:
        """Read what is there of standard error, without waiting; a pipe holds less than a chunk."""
        os.set_blocking(self.stderr, False)
        with suppress(BlockingIOError):
            self.errors += os.read(self.stderr, CHUNK)
        del self.errors[:-STDERR_BYTES]

    @property
    def error_text(self) -> str:
        """The end of standard error."""
        return self.errors.decode("utf-8", "replace")


def start_process(
    command: list[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    stdin: int,
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
) -> "subprocess.Popen[bytes]":
    """Start a process, in a process group of its own.

    Raises:
        BrokenAdapter: it could not be started.
    """
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            bufsize=0,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise BrokenAdapter(f"could not be started: {why}: {command[0]}; {START_HINT}") from None


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def describe_status(status: int) -> str:
    """Describe how a process ended that owed an answer."""
    how = f"was killed by {name_signal(-status)}" if status < 0 else f"exited with status {status}"
    return f"{how} without an answer"


def name_signal(number: int) -> str:
    """Name a signal; not all of them have names."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
