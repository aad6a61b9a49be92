"""Pushes what is in the outbox, to each node by a task of its own, until the node has answered 200.

Clauses: SW-28

A task ends when its node has everything, and a new one begins with the next message: there is no await between the
look that finds nothing and the end, so nothing is missed. A node that does not answer holds up nobody else, and a
message that is refused holds up no other.
"""

import asyncio
import logging
from collections.abc import Iterable
from enum import Enum, auto

from cloister import errors, storage, swarm
from cloister.service_node import sending
from cloister.service_node.database import Database
from cloister.service_node.metrics import Metrics
from cloister.service_node.relay import Relay
from cloister.serving import log
from cloister.serving.limits import Budget, Busy
from cloister.serving.writer import CannotWrite
from cloister.storage import Message
from cloister.swarm import Network

PUSH_PATH = "/swarms/push_batch/v1"
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


REFUSALS = (400, 413, 421)
"""Statuses that are about the batch, and not about the node."""


class Refused(Exception):
    """A node refuses a batch."""


class Outcome(Enum):
    """What became of a push: the node has the messages, refuses them, or gave no answer that says so."""

    TAKEN = auto()
    REFUSED = auto()
    FAILED = auto()


class Replication:
    """The tasks that push, by the Ed25519 key of the node that they push to."""

    def __init__(self, database: Database, relay: Relay, network: Network, metrics: Metrics) -> None:
        self.network = network
        self._database = database
        self._relay = relay
        self._metrics = metrics
        self._budget = Budget()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def wake(self, targets: Iterable[str]) -> None:
        """Begin to push to nodes, if that is not being done."""
        for target in targets:
            if target not in self._tasks:
                self._tasks[target] = asyncio.create_task(self._push_all(target))

    async def stop(self) -> None:
        """End all tasks; what is not pushed stays in the outbox."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _push_all(self, target: str) -> None:
        """Push until the node has everything: what stands behind a batch that is refused, and then from the first again."""
        pause, behind = FIRST_PAUSE_SECONDS, 0
        while (messages := self._database.read_outbox(target, behind=behind)) or behind:
            if not messages:
                behind = 0
            elif (outcome := await self._push(target, messages)) is Outcome.TAKEN:
                pause = FIRST_PAUSE_SECONDS
                continue
            elif outcome is Outcome.REFUSED:
                behind = max(messages)
                await asyncio.sleep(FIRST_PAUSE_SECONDS)
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        del self._tasks[target]

    async def _push(self, target: str, messages: dict[int, Message]) -> Outcome:
        """Push some messages, and forget that they are to be pushed if the node has them."""
        try:
            for batch in storage.encode_batches(messages.values()):
                await self._send(target, batch)
            await self._database.clear_outbox(target, messages)
        except Refused:
            log.note("push refused", node=target)
            return Outcome.REFUSED
        except (errors.UnknownNode, sending.NotReached, sending.TooSlow, sending.NoAnswer, Busy, CannotWrite) as error:
            log.note("push failed", node=target, reason=type(error).__name__)
            return Outcome.FAILED
        except Exception as error:  # noqa: BLE001 - the next try may go well, and others go on
            log.note("push failed", node=target, error=error, level=logging.ERROR)
            return Outcome.FAILED
        self._metrics.pushed.inc(len(messages))
        return Outcome.TAKEN

    async def _send(self, target: str, batch: bytes) -> None:
        node = swarm.find_node(self.network, target)
        with self._budget.claim(target) as claim:
            answer = await self._relay.send(node, PUSH_PATH, batch, claim)
        if answer.status in REFUSALS:
            raise Refused
        if answer.status != 200:
            raise sending.NoAnswer
