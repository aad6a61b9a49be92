"""Storing and retrieving, through onion requests only."""

import asyncio
import secrets
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from cloister import errors, mailbox, network_client, onion, proof_of_work, solver, wire
from cloister.mailbox import ACKNOWLEDGEMENTS, MAX_PAGES, RETRIEVE_NODES, STORE_NODES, Letter, Mailbox
from cloister.network.onion_client import OnionClient, Tell
from cloister.network.refusals import MoreWork, Moved, Refused, reading, shorten
from cloister.network_client import Candidates, NetworkState
from cloister.onion import Reply
from cloister.swarm import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A message that counts as sent: its hash, and the Ed25519 keys of the nodes that have acknowledged it."""

    hash: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What is to be saved together: the mailbox, and the letters that it has taken for new."""

    mailbox: Mailbox
    letters: tuple[Letter, ...]


class Client(OnionClient):
    """An onion client that stores and retrieves.

    `now` gives milliseconds; `processes` is in how many the work is done, 1 for a thread of this one.
    """

    def __init__(
        self,
        network_file: Path,
        state: NetworkState | None = None,
        *,
        tell: Tell = lambda line: None,
        random: wire.Random = secrets.token_bytes,
        timeout_ms: int = onion.TIMEOUT_MS,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        processes: int = 1,
    ) -> None:
        super().__init__(network_file, state, tell=tell, random=random, timeout_ms=timeout_ms, transport=transport)
        self.now = now
        self.processes = processes

    # Storing

    async def store(self, recipient: str, data: str, *, ttl_ms: int) -> Stored:
        """Store data, base64, for a recipient, 66 digits, with the work that it takes.

        A message that failed here may be delivered all the same; stored again, its data are the same, and passed on once.

        Raises:
            InvalidEncoding, TooLarge, OutOfRange: chapter 06 refuses it.
            NotSent: fewer than `ACKNOWLEDGEMENTS` nodes of the swarm have acknowledged it.
            TooFewNodes: the network has too few nodes for a path, or no swarm.
        Clauses: SW-36, SW-38
        """
        difficulty = self.state.difficulty
        while True:
            request = proof_of_work.Request(timestamp=str(self.now()), ttl=str(ttl_ms), recipient=recipient, data=data)
            nonce = await self.find_nonce(request, difficulty)
            try:
                nodes = await self.offer(request, nonce, difficulty)
            except MoreWork as refusal:
                self.tell(f"{refusal}: more work")
                difficulty = refusal.difficulty
                self.state = replace(self.state, difficulty=difficulty)
            else:
                return Stored(hash=proof_of_work.check(request, nonce, difficulty=difficulty), nodes=tuple(nodes))

    async def find_nonce(self, request: proof_of_work.Request, difficulty: int) -> proof_of_work.Nonce:
        """Do the work beside the event loop; it ends with the task that waits for it."""
        loop, given_up = asyncio.get_running_loop(), threading.Event()

        def progress(tried: int) -> bool:
            if given_up.is_set():
                return False
            loop.call_soon_threadsafe(self.tell, f"proof of work: {tried:,} tried")
            return True

        def search() -> proof_of_work.Nonce:
            if self.processes == 1:
                return proof_of_work.find_nonce(request, difficulty=difficulty, progress=progress)
            return solver.find_nonce_in_parallel(
                request, difficulty=difficulty, processes=self.processes, progress=progress
            )

        try:
            return await asyncio.to_thread(search)
        finally:
            given_up.set()

    async def offer(self, request: proof_of_work.Request, nonce: str, difficulty: int) -> list[str]:
        """Send one store to `STORE_NODES` nodes of the swarm, and to others until enough have acknowledged it; return those.

        Raises:
            MoreWork: there is no node left, and this one wants more work than any other, up to `MAX_DIFFICULTY`.
            NotSent: there is no node left.
        Clauses: SW-36, SW-38
        """
        payload = network_client.encode_store(request, nonce)
        candidates = self.find_candidates(request.recipient)
        heard: dict[str, int] = {}
        refusals: list[Refused] = []
        while candidates.waiting:
            candidates, nodes = network_client.take_candidates(candidates, STORE_NODES - len(heard))
            async with aclosing(self.offer_to_all(nodes, payload, difficulty)) as outcomes:
                async for node, outcome in outcomes:
                    if isinstance(outcome, Refused):
                        refusals.append(outcome)
                        candidates = self.follow(candidates, node, outcome)
                        continue
                    heard[node.pubkey_ed25519] = outcome
                    if len(heard) == ACKNOWLEDGEMENTS:
                        self.state = replace(self.state, difficulty=min(heard.values()))
                        return list(heard)
        wanting = [refusal for refusal in refusals if isinstance(refusal, MoreWork)]
        if wanting:
            raise max(wanting, key=lambda refusal: refusal.difficulty)
        reason = "; ".join(str(refusal) for refusal in refusals) or "its swarm has no other node"
        raise errors.NotSent(acknowledged=tuple(heard), needed=ACKNOWLEDGEMENTS, reason=reason)

    async def offer_to_all(
        self, nodes: Sequence[Node], payload: bytes, difficulty: int
    ) -> AsyncGenerator[tuple[Node, int | Refused], None]:
        """Send one store to nodes at once; yield each when it has answered, and the difficulty that it names or why it refused."""
        tasks = [asyncio.create_task(self.offer_to(node, payload, difficulty)) for node in nodes]
        try:
            for next_done in asyncio.as_completed(tasks):
                yield await next_done
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def offer_to(self, node: Node, payload: bytes, difficulty: int) -> tuple[Node, int | Refused]:
        """Send one store to one node; return it, and the difficulty that it names or why it refused."""
        try:
            return node, self.read_acknowledgement(node, await self.ask(node, payload), difficulty)
        except Refused as refusal:
            return node, refusal

    def read_acknowledgement(self, node: Node, reply: Reply, difficulty: int) -> int:
        """Read the difficulty out of a reply that acknowledges a store with the work for a difficulty.

        Raises:
            MoreWork: the node wants more, up to `MAX_DIFFICULTY`.
            Refused: it refuses for another reason.
        Clauses: SW-36, SW-38
        """
        if reply.status not in (200, 432):
            raise self.read_refusal(node, reply)
        with reading(node):
            heard = network_client.read_difficulty(reply.body)
        if reply.status == 200:
            return heard
        if heard > difficulty:
            raise MoreWork(node, heard)
        raise Refused(f"node {shorten(node.pubkey_ed25519)} refuses work for the difficulty that it names")

    # Receiving

    async def retrieve(self, recipient: str, box: Mailbox) -> AsyncGenerator[Received, None]:
        """Fetch what is new for a recipient, 66 digits, from `RETRIEVE_NODES` nodes of its swarm, page after page.

        Raises:
            InvalidEncoding: the recipient has another form.
            NoReply: no node of the swarm gave a page.
            TooFewNodes: the network has too few nodes for a path, or no swarm.
        Clauses: SW-37, SW-39, SW-40, SW-41, SW-42, SW-43, SW-44
        """
        proof_of_work.check_recipient(recipient)
        box = mailbox.forget_expired(box, now_ms=self.now())
        candidates = self.find_candidates(recipient)
        answered, reasons = 0, list[str]()
        while candidates.waiting and answered < RETRIEVE_NODES:
            candidates, (node,) = network_client.take_candidates(candidates, 1)
            try:
                async for page in self.fetch_pages(node, recipient, mailbox.find_cursor(box, node.pubkey_ed25519)):
                    box, letters = mailbox.take_letters(box, node.pubkey_ed25519, page, now_ms=self.now())
                    yield Received(mailbox=box, letters=tuple(letters))
            except Refused as refusal:
                reasons.append(str(refusal))
                candidates = self.follow(candidates, node, refusal)
            else:
                answered += 1
        if not answered:
            raise errors.NoReply(reason="; ".join(reasons) or "its swarm has no node")

    async def fetch_pages(self, node: Node, recipient: str, last_hash: str) -> AsyncIterator[list[Letter]]:
        """Fetch page after page from one node, while a page brings a hash that it has not given before, and at most `MAX_PAGES`.

        Raises:
            Refused: it did not answer, or not with pages.
        Clauses: SW-39, SW-44
        """
        given: set[str] = set()
        for _ in range(MAX_PAGES):
            reply = await self.ask(node, network_client.encode_retrieve(recipient, last_hash))
            if reply.status != 200:
                raise self.read_refusal(node, reply)
            with reading(node):
                page = network_client.read_page(reply.body)
            if given.issuperset(letter.hash for letter in page):
                return
            given.update(letter.hash for letter in page)
            last_hash = page[-1].hash
            yield page

    # Swarms

    def find_candidates(self, recipient: str) -> Candidates:
        """Find the nodes of a recipient's swarm in the newest network.

        Raises:
            TooFewNodes: it has no swarm, or too few nodes for a path.
        Clauses: SW-37, OR-29
        """
        self.build_paths()
        return network_client.find_candidates(self.network, recipient, self.random)

    def read_refusal(self, node: Node, reply: Reply) -> Refused:
        """Read why a node refuses.

        Clauses: SW-37
        """
        if reply.status != 421:
            return Refused(f"node {shorten(node.pubkey_ed25519)} answered {reply.status} {reply.body[:80]!r}")
        with reading(node):
            return Moved(node, network_client.read_swarm(self.network, reply.body))

    def follow(self, candidates: Candidates, node: Node, refusal: Refused) -> Candidates:
        """Go on after the refusal of a node, and note whom it names.

        Clauses: SW-37
        """
        self.tell(f"{refusal}; another node")
        if not isinstance(refusal, Moved):
            return candidates
        return network_client.note_named(candidates, node, refusal.nodes, self.random)
