"""The service node under test: its node file, and the nodes that are played beside it."""

import json
import time
from pathlib import Path

from pydantic import JsonValue

from cloister_conformance.http_target import HttpTarget, name_process_functions, replace_file, send_at_once
from cloister_conformance.implementation import Implementation
from cloister_conformance.played_network import HOST, NODES, UNDER_TEST, PlayedNetwork
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.protocol.over_http import Request, Response
from cloister_conformance.protocol.service_node import (
    NODE_METHODS,
    Height,
    Network,
    Requests,
    Responses,
    Swarm,
)

RELOAD_SECONDS = 5
IGNORE_SECONDS = 1.2
"""How long a node has to show that it takes up a network which it is to ignore."""

BASE_NETWORK = Network(
    swarms=[
        Swarm(id=str(2**62), nodes=[UNDER_TEST, "b", "c"]),
        Swarm(id=str(3 * 2**62), nodes=["d", "e", "f"]),
    ]
)
BASE_SETTINGS: dict[str, JsonValue] = {
    "allow_private_targets": True,
    "timeout_seconds": 2,
    "requests_per_second": 100_000,
    "request_burst": 100_000,
}
"""What a node file says besides where every test begins: played servers can be reached, and tests are not slowed down."""


class NodeTarget(HttpTarget):
    """A service node under test."""

    methods = NODE_METHODS
    base_settings = BASE_SETTINGS

    def __init__(self, implementation: Implementation) -> None:
        super().__init__(implementation)
        self._network: PlayedNetwork | None = None
        self.height = 0
        self.layout = BASE_NETWORK

    @property
    def network(self) -> PlayedNetwork:
        """The nodes that are played beside it."""
        if self._network is None:
            self._network = PlayedNetwork()
        return self._network

    @property
    def health(self) -> JsonValue:
        """What `GET /health` is answered with when it serves."""
        return {"status": "ok", "height": self.height}

    @property
    def readiness(self) -> str:
        """What it does when it serves, in a few words."""
        return f"serve with the network of height {self.height}"

    def stop(self) -> None:
        """End the process and close the played network; what the node has stored is forgotten, and where a test begins restored."""
        super().stop()
        if self._network is not None:
            self._network.close()
            self._network = None
        self.layout = BASE_NETWORK

    @property
    def file(self) -> Path:
        """The node file."""
        return self.files / "node.json"

    def write_file(self) -> None:
        """Write the node file, with the next height, or with an old one if its network is to be ignored."""
        if self.layout.behind is None:
            self.height += 1
        height = self.height - (self.layout.behind or 0)
        places = {name: (self.network.port_of(name) if name != UNDER_TEST else self.port) for name in NODES}
        node_file = {
            "seed": NODES[UNDER_TEST].seed.hex(),
            **self.describe_start(),
            "network": describe_network(self.layout, height, places),
        }
        replace_file(self.file, json.dumps(node_file, indent=1))

    # Calls

    def reset(self, _: Nothing) -> Nothing:
        """Bring everything to where a test begins."""
        if self.implementation.url:
            return Nothing()
        self.network.reset()
        self.restore()
        if self.layout != BASE_NETWORK:
            self.set_network(BASE_NETWORK)
        return Nothing()

    def request(self, request: Request) -> Response:
        """Send a request.

        Raises:
            BrokenAdapter, HungAdapter: there is no response.
        """
        response = self.wait_out(lambda: self.send(request))
        return Response(**{name: getattr(response, name) for name in Response.model_fields})

    def request_all(self, params: Requests) -> Responses:
        """Send several requests at once."""
        responses = send_at_once(self.request, params.requests * params.times)
        return Responses(responses=responses, statuses=sorted({response.status for response in responses}))

    def set_network(self, layout: Network) -> Height:
        """Change the network, and wait until the node serves with it, or for a while if it is to ignore it."""
        self.layout = layout
        self.write_file()
        if layout.behind is None:
            self.wait_ready(RELOAD_SECONDS)
        else:
            time.sleep(IGNORE_SECONDS)
        return Height(height=self.height)


NodeTarget.functions = {
    "node.reset": NodeTarget.reset,
    "node.request": NodeTarget.request,
    "node.requests": NodeTarget.request_all,
    "node.set_network": NodeTarget.set_network,
    **name_process_functions("node"),
}


# Files


def describe_network(layout: Network, height: int, ports: dict[str, int]) -> dict[str, JsonValue]:
    """Describe a network as the node file does, the nodes with their keys and ports."""
    return {
        "height": height,
        "swarms": [
            {"id": swarm.id, "nodes": [describe_node(name, ports[name]) for name in swarm.nodes]}
            for swarm in layout.swarms
        ],
        "difficulties": [difficulty.model_dump() for difficulty in layout.difficulties],
    }


def describe_node(name: str, port: int) -> dict[str, JsonValue]:
    """Describe a node as the node file does."""
    keys = NODES[name]
    return {
        "pubkey_ed25519": keys.ed25519.hex(),
        "pubkey_x25519": keys.x25519.hex(),
        "ip": HOST,
        "port": str(port),
    }
