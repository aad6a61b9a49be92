"""A service node that lies, drops and reorders: python lying_node.py NODE_FILE

It is the reference's node, whose answers are replaced: what it does to a request is drawn anew for each.
"""

import base64
import random
import sys
from pathlib import Path

from cloister import storage
from cloister.onion import ForNode
from cloister.service_node import node, relay, server
from cloister.service_node.answer import Answer, build_json, build_text
from cloister.serving.limits import Claim
from cloister.storage import Message, Rpc
from cloister.swarm import Network


class LyingNode(node.ServiceNode):
    """A node that does something else than it should with most requests."""

    async def _store(self, rpc: Rpc) -> Answer:
        storage.check_store(rpc.params, self.network, self._keys.public, now_ms=self.clock())
        answers = [
            build_json(200, {"difficulty": random.choice([1, 99])}),  # and nothing is stored
            build_json(200, {"difficulty": 10**30}),
            build_json(432, {"difficulty": random.choice([99, 10**6])}),
            build_json(421, self._encode_snodes(rpc)),
            build_text(503, "The node cannot write"),
        ]
        return random.choice(answers)

    def _retrieve(self, rpc: Rpc) -> Answer:
        storage.check_retrieve(rpc.params, self.network, self._keys.public)
        page = self._database.read_page(rpc.params["pubKey"], "", now_ms=self.clock())
        honest = storage.encode_page(page)["messages"]
        answers = [
            build_json(200, {"messages": []}),
            build_json(200, {"messages": honest}),  # the first page for ever
            build_json(200, {"messages": honest[::-1]}),
            build_json(200, {"messages": [{**each, "expiration": 10**30} for each in honest]}),
            build_json(200, {"messages": [{**each, "expiration": 0} for each in honest]}),
            build_json(200, {"messages": [{**each, "data": draw_data()} for each in honest]}),
            build_json(200, {"messages": [{**each, "hash": random.randbytes(64).hex()} for each in honest]}),
            build_json(200, {"messages": [{"hash": random.randbytes(64).hex(), "expiration": 10**13, "data": ""}]}),
            build_json(200, {"messages": [{"hash": 5}]}),
            build_json(421, self._encode_snodes(rpc)),
            build_text(200, "rubbish"),
        ]
        return random.choice(answers)

    def _encode_snodes(self, rpc: Rpc) -> dict[str, object]:
        own = self._describe()
        foreign = {**own, "pubkey_ed25519": random.randbytes(32).hex()}
        forged = {
            **random.choice(list(self.network.nodes.values())).model_dump(),
            "pubkey_x25519": own["pubkey_x25519"],
        }
        everybody = [each.model_dump() for each in self.network.nodes.values()]
        return {"snodes": random.choice([[], [own], [own, own, foreign], [forged, own, foreign], everybody])}

    async def _sort(self, pushed: list[Message], network: Network) -> tuple[list[Message], int]:
        good, strays = await super()._sort(pushed, network)
        return random.sample(good, random.randint(0, len(good))), strays

    def _describe(self) -> dict[str, str]:
        return self.network.nodes[self._keys.public].model_dump()


def draw_data() -> str:
    """Draw data that nobody has sent."""
    return base64.b64encode(random.randbytes(9)).decode("ascii")


async def forward_sometimes(self: relay.Relay, action: ForNode, network: Network, claim: Claim) -> Answer:
    """Hand on one onion of two."""
    if random.random() < 0.5:
        return await forward(self, action, network, claim)
    return random.choice(
        [
            Answer(200, random.randbytes(200)),
            Answer(500, b""),
            build_text(400, "Loki Server error"),
            build_text(502, f"Next node not found: {action.destination}"),
        ]
    )


if __name__ == "__main__":
    forward = relay.Relay.forward
    relay.Relay.forward = forward_sometimes
    server.ServiceNode = LyingNode
    sys.exit(server.serve(Path(sys.argv[1])))
