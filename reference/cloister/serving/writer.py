"""The one thread that writes to the database.

Clauses: SW-18, SW-25

What waits together is committed together, so the disk is waited for once and not for each message. Nobody is
answered before the commit that covers his work has returned.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeVar

MAX_GROUP = 256
"""Pieces of work in one transaction."""

Result = TypeVar("Result")
Connection = TypeVar("Connection")
Commit = Callable[[Sequence[Callable[[Connection], Any]]], list[Any]]
"""Does a group of work in one transaction; returns results, and exceptions in their place."""


class CannotWrite(Exception):
    """The disk or the quota is full, or the disk fails."""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work, and who waits for it."""

    work: Callable[[Any], Any]
    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop


class Writer(Generic[Connection]):
    """Has pieces of work done on a connection, many of them in one transaction; how is the database's."""

    def __init__(self, commit: Commit[Connection]) -> None:
        self._commit = commit
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[Connection], Result]) -> Result:
        """Have a piece of work done; return when it is on disk. It may run twice, so its one effect is on the database.

        Raises:
            CannotWrite: the database refuses; nothing has changed.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._jobs.put(Job(work, future, loop))
        return await future

    def stop(self) -> None:
        """Finish what waits, and end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            group = [job, *self._take_waiting()]
            outcomes = self._commit([job.work for job in group])
            for job, outcome in zip(group, outcomes, strict=True):
                job.loop.call_soon_threadsafe(settle, job.future, outcome)

    def _take_waiting(self) -> list[Job]:
        waiting: list[Job] = []
        while len(waiting) < MAX_GROUP - 1:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                self._jobs.put(None)  # for the loop, when this group is done
                break
            waiting.append(job)
        return waiting


def settle(future: "asyncio.Future[Any]", outcome: object) -> None:
    """Give the outcome to who waits, if anybody still does."""
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
