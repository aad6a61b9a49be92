"""The actors of a test of a service node: `iut`, the node; `peer`, the reference in this process; `network`, the played nodes."""

import random
from typing import Any

from pydantic import JsonValue

from cloister_conformance.node_target import NodeTarget
from cloister_conformance.peer import Peer
from cloister_conformance.protocol.service_node import NETWORK_FILE
from cloister_conformance.script import Actor, Answer, NotOffered, Script, TestedActor

STORAGE_PATH = "/storage_rpc/v1"


class NodeUnderTest(TestedActor):
    """The node that is tested."""

    callee: NodeTarget

    @property
    def now_ms(self) -> int:
        """The time of the node's clock."""
        return self.callee.now_ms

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        value: JsonValue = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request, whose body is `body`, or the JSON text of `value`."""
        return self.call("node.request", **write_request(method, path, body=body, value=value, headers=headers))

    def rpc(self, method: str, /, **params: JsonValue) -> Answer:
        """Call a method of the storage RPC."""
        return self.request("POST", STORAGE_PATH, value={"method": method, "params": params})

    def rpc_all(self, calls: list[tuple[str, dict[str, JsonValue]]], *, times: int = 1) -> Answer:
        """Call methods of the storage RPC at once, the list so many times over."""
        requests = [
            write_request("POST", STORAGE_PATH, value={"method": method, "params": params}) for method, params in calls
        ]
        return self.call("node.requests", requests=requests, times=times)

    def set_clock(self, now_ms: int) -> None:
        """Set the node's clock."""
        self.call("node.set_clock", now_ms=now_ms).must_be()

    def set_network(
        self,
        swarms: dict[int, str | list[str]],
        difficulties: list[tuple[int, int]] | None = None,
        *,
        behind: int | None = None,
    ) -> Answer:
        """Change the network: the names of the nodes by the id of their swarm, and difficulties with the times of their begin.

        The node is to ignore one whose height is `behind` that of the last one, or the same, with 0.
        """
        listed = [{"id": str(swarm), "nodes": list(nodes)} for swarm, nodes in swarms.items()]
        history = [{"since": since, "difficulty": difficulty} for since, difficulty in difficulties or ()]
        return self.call("node.set_network", swarms=listed, difficulties=history or None, behind=behind)

    def kill(self) -> None:
        """Kill the node and start it again on the same data."""
        self.call("node.kill").must_be()

    def restart(self, **settings: JsonValue) -> Answer:
        """End the node as its operator does and start it again, with other members in its node file."""
        return self.call("node.restart", settings=settings)

    def read_log(self) -> Answer:
        """Read what the node has written; the result has the member `text`."""
        return self.call("node.read_log")


class NetworkActor(Actor):
    """The played nodes; a test that needs them ends as not offered if the node under test does not know them."""

    def __init__(self, target: NodeTarget, script: Script) -> None:
        super().__init__("network", target.network, script)
        self.is_known = target.offers(NETWORK_FILE)

    def call(self, method: str, /, **params: object) -> Answer:
        """Call a method."""
        if not self.is_known:
            raise NotOffered(NETWORK_FILE)
        return super().call(method, **params)

    def take(
        self, node: str, *, path: str | None = None, holds: bytes = b"", count: int = 1, seconds: float = 2.0
    ) -> Answer:
        """Take the requests that came to a node; wait until so many have come, or so long."""
        return self.call("network.take_requests", node=node, path=path, holds=holds, count=count, seconds=seconds)

    def answer(self, node: str, **how: object) -> None:
        """Set how a node answers its next requests: `path`, `times`, `status`, `body`, `delay_seconds`, `drop`."""
        self.call("network.answer", node=node, **how).must_be()


def make_node_actors(target: NodeTarget, script: Script) -> tuple[NodeUnderTest, Actor, NetworkActor]:
    """Make the sides of a new script, with clock, network and settings as where every test begins."""
    iut = NodeUnderTest("iut", target, script)
    iut.call("node.reset").must_be()
    peer = Actor("peer", Peer(random.Random(script.seed).randbytes), script)
    return iut, peer, NetworkActor(target, script)


def write_request(
    method: str,
    path: str,
    *,
    body: bytes = b"",
    value: JsonValue = None,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Write a request as params, without the members that are not given."""
    given = {"method": method, "path": path, "body": body, "value": value, "headers": headers}
    return {name: member for name, member in given.items() if member is not None and member != b""}
