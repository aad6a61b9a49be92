"""Chapter 13, role `service-node`: what the harness does with a service node, and with the nodes that it plays itself.

No adapter answers these methods; the harness carries them out over HTTP, with the node file, or with signals.
Nodes are called by their names (`cloister_conformance.played_network`), so no port stands in a script.
"""

from typing import Annotated

from annotated_types import Ge, Interval
from pydantic import Field

from cloister_conformance.protocol.messages import Hex, Message, Method, Nothing
from cloister_conformance.protocol.over_http import Request, Response, make_process_methods

NETWORK_FILE = "network-file"

Seconds = Annotated[float, Interval(ge=0, le=60)]


class Requests(Message):
    """Requests that are sent at once, the list `times` over."""

    requests: Annotated[list[Request], Field(min_length=1)]
    times: Annotated[int, Interval(ge=1, le=10_000)] = 1


class Responses(Message):
    """The responses in the order of their requests, and which statuses came, each once and in ascending order."""

    responses: list[Response]
    statuses: list[int]


class Swarm(Message):
    """A swarm: its id in decimal, and the names of its nodes."""

    id: str
    nodes: list[str]


class Difficulty(Message):
    """The difficulty from a time on."""

    since: int
    difficulty: int


class Network(Message):
    """What the node file says of the network, the nodes by their names.

    Its height is the next one, or, so that the node is to ignore it, so many `behind` the last one.
    """

    swarms: list[Swarm]
    behind: Annotated[int, Ge(0)] | None = None
    difficulties: list[Difficulty] = Field(default=[Difficulty(since=1_600_000_000_000, difficulty=1)])


class Height(Message):
    """The height that the network has in the node file."""

    height: int


NODE_METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="node.reset",
            capability=None,
            summary="Bring clock, network and settings to where every test begins, and forget what the played nodes got.",
            params=Nothing,
            result=Nothing,
        ),
        Method(
            name="node.request",
            capability=None,
            summary="Send a request to the node and wait for the response.",
            params=Request,
            result=Response,
        ),
        Method(
            name="node.requests",
            capability=None,
            summary="Send several requests at once and wait for all responses.",
            params=Requests,
            result=Responses,
        ),
        Method(
            name="node.set_network",
            capability=NETWORK_FILE,
            summary="Write another network into the node file, and wait until the node serves with it.",
            params=Network,
            result=Height,
        ),
        *make_process_methods("node", NETWORK_FILE),
    )
}


class Wanted(Message):
    """The requests to take: those to a played node, and of them those to a path, or whose body holds some bytes.

    It is waited until `count` of them have come, or so many seconds have passed.
    """

    node: str
    path: str | None = None
    holds: Hex = b""
    count: Annotated[int, Ge(0)] = 1
    seconds: Seconds = 2.0


class Taken(Message):
    """A request that came to a played node, with all its headers, their names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: Hex


class TakenRequests(Message):
    """The requests in the order in which they came."""

    requests: list[Taken]


class NextAnswer(Message):
    """How a played node answers the next `times` requests, those to a path if one is given.

    If `drop`, it closes the connection without an answer; `raw` are bytes to send in the place of an HTTP answer.
    Behind `body` come as many zero bytes as `filler` says. Before each byte of the body it pauses for `drip_seconds`.
    """

    node: str
    path: str | None = None
    times: Annotated[int, Ge(1)] = 1
    status: int = 200
    body: Hex = b""
    filler: Annotated[int, Ge(0)] = 0
    delay_seconds: Seconds = 0.0
    drip_seconds: Seconds = 0.0
    drop: bool = False
    raw: Hex = b""


class NodeName(Message):
    """The name of a played node."""

    node: str


class Address(Message):
    """Where a played node, or the server outside of the network, listens."""

    host: str
    port: int


NETWORK_METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="network.take_requests",
            capability=NETWORK_FILE,
            summary="Wait for requests to a played node, and take them.",
            params=Wanted,
            result=TakenRequests,
        ),
        Method(
            name="network.answer",
            capability=NETWORK_FILE,
            summary="Set how a played node answers its next requests.",
            params=NextAnswer,
            result=Nothing,
        ),
        Method(
            name="network.find",
            capability=NETWORK_FILE,
            summary="Tell where a played node listens.",
            params=NodeName,
            result=Address,
        ),
    )
}
