"""A service node: a request's body in, an answer out.

Clauses: SW-6, SW-14

Each answer is a function of the body, the network, the clock, and what the database holds.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from operator import attrgetter
from typing import Any

from cloister import errors, node_request, onion, proof_of_work, storage, swarm
from cloister.onion import ForNode, ForServer, ForThisNode, Peeled, Reply
from cloister.service_node.answer import Answer, build_json, build_text
from cloister.service_node.database import SWEEP_MESSAGES, Database
from cloister.service_node.exit import Exit, ServerFailed
from cloister.service_node.metrics import Metrics
from cloister.service_node.node_file import NodeFile
from cloister.service_node.relay import Relay
from cloister.service_node.replication import Replication
from cloister.serving import log
from cloister.serving.clock import Clock
from cloister.serving.limits import Claim
from cloister.serving.writer import CannotWrite
from cloister.storage import Message, Rpc
from cloister.swarm import Network

SWEEP_SECONDS = 5
RETRY_SECONDS = 1
CHECKS_AT_ONCE = 100
"""Pushed messages that are checked before other requests have their turn."""


class ServiceNode:
    """A node, with its keys, its network and what it has on disk."""

    def __init__(self, file: NodeFile, clock: Clock, database: Database) -> None:
        self.clock = clock
        self.network = max(database.network, file.network, key=attrgetter("height"))  # the first, if they are equal
        self.metrics = Metrics()
        self._keys = file.keys
        self._private_key = file.private_key
        self._database = database
        self._relay = Relay(file.keys, clock, seconds=file.timeout_seconds)
        self._pusher = Relay(file.keys, clock, seconds=file.timeout_seconds)  # so that no onions hold up the pushes
        self._exit = Exit(allow_private=file.allow_private_targets, seconds=file.timeout_seconds)
        self._replication = Replication(database, self._pusher, self.network, self.metrics)
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Push, sweep and take up the network, as long as the block runs."""
        self._begin(self._take_up(self.network))
        self._begin(self._sweep())
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, self._replication.stop(), return_exceptions=True)
            await self._relay.close()
            await self._pusher.close()
            await self._exit.close()

    # Requests

    async def answer_rpc(self, body: bytes) -> Answer:
        """Answer a request of chapter 07, unverified.

        Clauses: SW-5, SW-6, SW-8, SW-12, SW-17, OR-15
        """
        rpc = None
        try:
            rpc = storage.decode_rpc(body)
            return await self._answer(rpc)
        except errors.CloisterError as error:
            status = storage.find_status(error)
            if status == 421 and rpc is not None:
                return build_json(421, self._encode_snodes(rpc))
            if status == 432:
                return build_json(432, self._encode_difficulty())
            return build_text(status, str(error))

    async def _answer(self, rpc: Rpc) -> Answer:
        if rpc.method == "get_snodes_for_pubkey":
            proof_of_work.check_recipient(rpc.params["pubKey"])
            return build_json(200, self._encode_snodes(rpc))
        if not swarm.is_in_swarm(self.network, self._keys.public):
            return build_text(503, "This node is in no swarm")
        if rpc.method == "store":
            return await self._store(rpc)
        return self._retrieve(rpc)

    async def _store(self, rpc: Rpc) -> Answer:
        """Check a message, write it, and begin to push it.

        Clauses: SW-13, SW-18, SW-25, SW-28
        """
        message = storage.check_store(rpc.params, self.network, self._keys.public, now_ms=self.clock())
        try:
            stored = await self._database.store(message)
        except CannotWrite:
            return self._refuse_to_write()
        self._replication.wake(stored.targets)
        self.metrics.stored.labels("client").inc(stored.new)
        return build_json(200, self._encode_difficulty())

    def _retrieve(self, rpc: Rpc) -> Answer:
        """Give a page of messages.

        Clauses: SW-20, SW-21, SW-22, SW-23, SW-24
        """
        storage.check_retrieve(rpc.params, self.network, self._keys.public)
        page = self._database.read_page(rpc.params["pubKey"], rpc.params["lastHash"], now_ms=self.clock())
        self.metrics.given.inc(len(page))
        return build_json(200, storage.encode_page(page))

    def _encode_snodes(self, rpc: Rpc) -> dict[str, object]:
        return swarm.encode_snodes(swarm.find_swarm(self.network, rpc.params["pubKey"]))

    def _encode_difficulty(self) -> dict[str, object]:
        return {"difficulty": storage.find_current_difficulty(self.network.difficulties, self.clock())}

    def _refuse_to_write(self) -> Answer:
        log.note("cannot write", level=logging.ERROR)
        return build_text(503, "The node cannot write")

    # Node requests

    def check_headers(self, headers: Mapping[str, str]) -> None:
        """Check what can be checked before the body of a node request is there.

        Raises:
            CloisterError: it does not come from a node of the network.
        Clauses: SW-32
        """
        node_request.check_headers(headers, self.network, now_ms=self.clock())

    def check_sender(self, headers: Mapping[str, str], path: str, body: bytes) -> None:
        """Check that a request comes from a node of the network.

        Raises:
            CloisterError: it does not.
        Clauses: SW-32
        """
        node_request.check(headers, self.network, self._keys.public, path, body, now_ms=self.clock())

    async def answer_push(self, body: bytes) -> Answer:
        """Answer a batch from another node, whose messages are unverified.

        Clauses: SW-18, SW-25, SW-29, SW-30, SW-31
        """
        try:
            pushed = storage.decode_batch(body)
        except errors.InvalidMessage as error:
            return build_text(400, str(error))
        network = self.network
        good, strays = await self._sort(pushed, network)
        try:
            stored = await self._database.store_pushed(good, network)
        except CannotWrite:
            return self._refuse_to_write()
        self._replication.wake(stored.targets)
        self.metrics.stored.labels("node").inc(stored.new)
        self.metrics.dropped.inc(len(pushed) - len(good))
        return build_text(421, "Wrong swarm") if strays else Answer(200)

    async def _sort(self, pushed: list[Message], network: Network) -> tuple[list[Message], int]:
        """Sort out the messages that are good, and count those of other swarms."""
        good, strays = [], 0
        for number, message in enumerate(pushed, start=1):
            try:
                storage.check_pushed(message, network, self._keys.public, now_ms=self.clock())
                good.append(message)
            except errors.WrongSwarm:
                strays += 1
            except errors.CloisterError:
                pass
            if number % CHECKS_AT_ONCE == 0:
                await asyncio.sleep(0)
        return good, strays

    # Onion requests

    async def answer_onion(self, body: bytes, hops: str | None, claim: Claim) -> Answer:
        """Answer an onion request, unverified, that came with a count of its hops.

        Raises:
            Busy: all requests together would hold too much.
        Clauses: OR-7, OR-8, OR-13, OR-14
        """
        if not swarm.is_in_swarm(self.network, self._keys.public):
            return build_text(503, f"Snode not ready: {self._keys.public}")
        try:
            peeled = onion.peel(self._private_key, body)
        except errors.TooLarge as error:
            return build_text(413, str(error))
        except errors.DecryptionFailed:
            return build_text(400, "Invalid ciphertext")
        try:
            return await self._act(peeled, hops, claim)
        except errors.ForbiddenTarget:
            return seal(peeled, 400, "Invalid url")
        except errors.InvalidMessage:
            return seal(peeled, 400, "Invalid json")

    async def _act(self, peeled: Peeled, hops: str | None, claim: Claim) -> Answer:
        """Do what a layer asks for.

        Clauses: OR-6, OR-15, OR-16, OR-17, OR-18, OR-21, OR-23
        """
        action = onion.read_action(peeled.plaintext)
        match action:
            case ForThisNode():
                answer = await self.answer_rpc(action.payload)
                return seal(peeled, answer.status, answer.body.decode())
            case ForNode():
                return await self._relay.forward(action, hops, self.network, claim)
            case ForServer():
                try:
                    return await self._exit.reach(action, claim)
                except ServerFailed:
                    return build_text(400, "Loki Server error")

    # Changes

    async def change_network(self, network: Network) -> None:
        """Take up a network of a greater height, and ignore any other; a node that starts again has it still.

        Clauses: SW-35
        """
        if network.height > self.network.height:
            with suppress(CannotWrite):  # what cannot be recorded now is when the outbox is adapted
                await self._database.record(network)
            self.network = self._replication.network = network
            log.note("network", height=network.height)
            self._begin(self._take_up(network))

    async def _take_up(self, network: Network) -> None:
        """Adapt the outbox to a network, which a full disk may delay, and begin to push.

        Clauses: SW-34
        """
        while True:
            try:
                await self._database.take_up(network)
                break
            except CannotWrite:
                log.note("cannot write the outbox", level=logging.ERROR)
                await asyncio.sleep(RETRY_SECONDS)
        self._replication.wake(self._database.read_targets())

    async def _sweep(self) -> None:
        """Remove expired messages, again and again."""
        while True:
            try:
                removed = await self._database.sweep(now_ms=self.clock())
            except CannotWrite:
                log.note("cannot sweep", level=logging.ERROR)
                removed = 0
            if removed < SWEEP_MESSAGES:
                await asyncio.sleep(SWEEP_SECONDS)

    def _begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.note("a task failed", error=error, level=logging.ERROR)

    def describe(self) -> bytes:
        """Give the totals of the node."""
        self.metrics.held.set(self._database.messages)
        self.metrics.height.set(self.network.height)
        return self.metrics.encode()


def seal(peeled: Peeled, status: int, body: str) -> Answer:
    """Seal an answer with the key of the layer that was peeled.

    Clauses: OR-8, OR-16, OR-17
    """
    return build_text(200, onion.seal_reply(peeled.key, Reply(status=status, body=body), secrets.token_bytes))
