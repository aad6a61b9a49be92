"""How long a retrieve takes through three hops, beside one that is sent to its node directly. Wall time, one after the other."""

import os
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection

from cloister import onion
from cloister.devnet import MIN_NODES, Devnet, DevnetError
from cloister.service_node.relay import ONION_PATH
from cloister.swarm import Node

from cloister_conformance.bench.onion import HOPS
from cloister_conformance.bench.rounds import Comparison, build_round, compare
from cloister_conformance.bench.servers import RPC_PATH, TIMEOUT_SECONDS, build_retrieve, make_recipient, post
from cloister_conformance.transport import BrokenAdapter

GROUP = "a retrieve, one at a time"
SETTINGS = {"requests_per_second": 100_000, "request_burst": 100_000}


def measure(seconds: float) -> list[Comparison]:
    """Measure all, on a network of real nodes.

    Raises:
        BrokenAdapter: it does not run.
    """
    try:
        with Devnet(nodes=MIN_NODES, swarms=1, settings=SETTINGS) as devnet:
            return [compare_hops(devnet.network.swarms[0].nodes, seconds)]
    except DevnetError as error:
        raise BrokenAdapter(f"the network does not run: {error}") from None


def compare_hops(nodes: Sequence[Node], seconds: float) -> Comparison:
    """Measure retrieves from the fourth of these nodes, by way of the first three and directly."""
    *path, destination = nodes[: HOPS + 1]
    through = build_round(lambda count: prepare_onions(count, path, destination), seconds, time.perf_counter)
    direct = build_round(lambda count: prepare_calls(count, destination), seconds, time.perf_counter)
    return compare(GROUP, "through three hops", through, "sent to the node", direct)


def prepare_onions(count: int, path: list[Node], destination: Node) -> Callable[[], None]:
    """Prepare retrieves over a path: building and opening the answer are timed too."""
    connection = connect(path[0])
    payload = build_retrieve(make_recipient())

    def perform() -> None:
        for _ in range(count):
            request = onion.build(path, destination, payload, os.urandom)
            reply = onion.open_reply(request.reply_key, post(connection, ONION_PATH, request.body).decode())
            if reply.status != 200:
                raise BrokenAdapter(f"answered a retrieve through three hops with {reply}")
        connection.close()

    return perform


def prepare_calls(count: int, destination: Node) -> Callable[[], None]:
    """Prepare retrieves without an onion."""
    connection = connect(destination)
    body = build_retrieve(make_recipient())

    def perform() -> None:
        for _ in range(count):
            post(connection, RPC_PATH, body)
        connection.close()

    return perform


def connect(node: Node) -> HTTPConnection:
    """Connect to a node."""
    connection = HTTPConnection(node.ip, int(node.port), timeout=TIMEOUT_SECONDS)
    connection.connect()
    return connection
