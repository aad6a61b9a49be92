"""From one service node to another: onions on their way, and batches."""

import httpx

from cloister import errors, node_request, swarm
from cloister.node_request import NodeKeys
from cloister.onion import ForNode
from cloister.service_node import sending
from cloister.service_node.answer import Answer, build_text
from cloister.service_node.clock import Clock
from cloister.service_node.limits import Claim
from cloister.swarm import Network, Node

ONION_PATH = "/onion_req/v2"


class Relay:
    """Sends signed requests to the nodes of a network."""

    def __init__(
        self, keys: NodeKeys, clock: Clock, *, seconds: float, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._seconds = seconds
        self._transport = transport or sending.open_transport(verify=False, keep_alive=32)

    async def send(self, node: Node, path: str, body: bytes, claim: Claim) -> Answer:
        """Send a node request.

        Raises:
            NotReached, TooSlow, NoAnswer, Busy: as `sending.post`.
        Clauses: SW-33
        """
        headers = node_request.sign(self._keys, node.pubkey_ed25519, path, body, now_ms=self._clock())
        url = sending.build_url(node, path)
        return await sending.post(self._transport, url, body, claim, headers=headers, seconds=self._seconds)

    async def forward(self, action: ForNode, network: Network, claim: Claim) -> Answer:
        """Send an onion to the next node, and hand its answer on.

        Raises:
            Busy: all requests together would hold too much.
        Clauses: OR-9, OR-10, OR-11, OR-12
        """
        try:
            node = swarm.find_node(network, action.destination)
            return await self.send(node, ONION_PATH, action.body, claim)
        except (errors.UnknownNode, sending.NotReached):
            return build_text(502, f"Next node not found: {action.destination}")
        except sending.TooSlow:
            return build_text(504, "Request time out")
        except sending.NoAnswer:
            return build_text(500, "The next node gave no answer")

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()
