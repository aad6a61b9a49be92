"""From one service node to another: onions on their way, and batches."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from cloister import errors, node_request, onion, swarm
from cloister.node_request import NodeKeys
from cloister.onion import HOPS_HEADER, ForNode
from cloister.service_node import sending
from cloister.service_node.answer import Answer, build_text
from cloister.serving.clock import Clock
from cloister.serving.limits import Busy, Claim
from cloister.swarm import Network, Node

ONION_PATH = "/onion_req/v2"
MAX_IN_FLIGHT = 64
"""Requests to one node that wait for its answer, a quarter of all connections: a silent node leaves some to the others."""


class Relay:
    """Sends signed requests to the nodes of a network."""

    def __init__(
        self, keys: NodeKeys, clock: Clock, *, seconds: float, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._seconds = seconds
        self._transport = transport or sending.open_transport(verify=False, keep_alive=32)
        self._in_flight: Counter[str] = Counter()

    async def send(
        self, node: Node, path: str, body: bytes, claim: Claim, *, more: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a node request, with more headers that are not signed.

        Raises:
            NotReached, TooSlow, NoAnswer: as `sending.post`.
            Busy: all requests together would hold too much, or too many wait for this node.
        Clauses: SW-33
        """
        signed = node_request.sign(self._keys, node.pubkey_ed25519, path, body, now_ms=self._clock())
        headers = {**signed, **(more or {})}
        url = sending.build_url(node, path)
        with self._wait_for(node.pubkey_ed25519):
            return await sending.post(self._transport, url, body, claim, headers=headers, seconds=self._seconds)

    @contextmanager
    def _wait_for(self, key: str) -> Iterator[None]:
        """Count a request to a node while it waits.

        Raises:
            Busy: too many do.
        """
        if self._in_flight[key] >= MAX_IN_FLIGHT:
            raise Busy
        self._in_flight[key] += 1
        try:
            yield
        finally:
            self._in_flight[key] -= 1
            if not self._in_flight[key]:
                del self._in_flight[key]

    async def forward(self, action: ForNode, hops: str | None, network: Network, claim: Claim) -> Answer:
        """Send an onion, that came with a count of its hops, to the next node, and hand its answer on.

        Raises:
            Busy: as `send`.
        Clauses: OR-9, OR-10, OR-11, OR-12, OR-39
        """
        try:
            more = {HOPS_HEADER: str(onion.count_hops(hops))}
        except errors.CloisterError:
            return build_text(400, "Too many hops")
        try:
            node = swarm.find_node(network, action.destination)
            return await self.send(node, ONION_PATH, action.body, claim, more=more)
        except (errors.UnknownNode, sending.NotReached):
            return build_text(502, f"Next node not found: {action.destination}")
        except sending.TooSlow:
            return build_text(504, "Request time out")
        except sending.NoAnswer:
            return build_text(500, "The next node gave no answer")

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()
