"""Chapter 13, capability `network-client`: what the harness does with the storage network that it plays for a client under test.

No adapter answers these methods. Nodes are called by their names, so no port stands in a script: `0` to `11`, and `liar`, who is not
in the network. `guard`, `middle` and `exit` are the nodes of the path over which the last request came, `destination` who it was for.
"""

from typing import Annotated, Literal

from annotated_types import Ge
from pydantic import Field

from cloister_conformance.protocol.messages import Hex32, Hex64, Message, Method, Nothing
from cloister_conformance.protocol.storage import Letter
from cloister_conformance.protocol.swarm import Network

Deed = Literal[
    "work",
    "keep silent",
    "be missing",
    "deny",
    "talk rubbish",
    "seal with another key",
    "answer",
    "name nodes",
    "repeat itself",
    "never end",
]
Asked = Literal["store", "retrieve", "get_snodes_for_pubkey", "relay"]
Milliseconds = Annotated[int, Ge(0)]


class Wanted(Message):
    """The network of some of the nodes, or of all."""

    nodes: list[str] | None = None
    height: Annotated[int, Ge(0)] = 1


class Given(Message):
    """A network as a client is given it."""

    network: Network


class Behaviour(Message):
    """What nodes do from now on: with all that comes to them, with the requests of a method that are for them, or with what they are to relay.

    After so many `times` they do what they did before.

    - `work`: as chapters 07 and 08 say, `difficulty` being the current one;
    - `keep silent`: whoever connects gets no answer, whoever stands before them on a path says so;
    - `be missing`: whoever stands before them says that there is no such node; `deny`: they say so of whoever stands behind them;
    - `talk rubbish`: answer with what is no reply; `seal with another key`: with a reply that nobody can open;
    - `answer`: with this status and body, but do nothing;
    - `name nodes`: answer this status and, as the nodes of the swarm, the nodes of these names; `3/liar` is node 3 with the liar's X25519 key, address and port;
    - `repeat itself`: give the first page whatever was given before; `never end`: give a new message on each page.
    """

    nodes: list[str]
    does: Deed
    method: Asked | None = None
    times: Annotated[int, Ge(1)] | None = None
    delay_ms: Milliseconds = 0
    difficulty: Annotated[int, Ge(1)] = 1
    status: int = 200
    body: str = ""
    names: list[str] = Field(default=[])


class Held(Message):
    """Messages that nodes get, behind what they hold, without work; data and hash follow from a label, or the hashes from others."""

    nodes: list[str]
    recipient: str
    labels: list[str]
    hashes: list[str] | None = None
    life_ms: int = 60_000


class HeldLetters(Message):
    """The messages as they are given to who retrieves them."""

    letters: list[Letter]


class Observed(Message):
    """What came since the last `nodes.forget`, of requests that had been sent when this was asked.

    - `connected`: the nodes that were connected to, in the order in which they first were;
    - `onions`, `paths`, `cursors`: what is wrong with single requests, with the paths that they took, with the hashes that were asked for; else empty;
    - `requests`: how many came; `texts`: how many different stores, `repeated_times`: how many of these have the time of another;
    - `readers`: the nodes that gave a page, `pages`: the most pages that one of them gave.
    """

    connected: list[str]
    onions: str
    paths: str
    cursors: str
    requests: int
    texts: int
    repeated_times: int
    readers: list[str]
    pages: int


class Claim(Message):
    """What a client says of a message that it counts as sent."""

    message_hash: Hex64
    nodes: list[Hex32]


class Fault(Message):
    """What is wrong with it; else empty."""

    fault: str


NODES_METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="nodes.reset",
            capability=None,
            summary="Forget all that came and what is held; all nodes work as they should.",
            params=Nothing,
            result=Nothing,
        ),
        Method(
            name="nodes.network",
            capability=None,
            summary="Describe the network.",
            params=Wanted,
            result=Given,
        ),
        Method(
            name="nodes.behave",
            capability=None,
            summary="Set what nodes do.",
            params=Behaviour,
            result=Nothing,
        ),
        Method(
            name="nodes.hold",
            capability=None,
            summary="Let nodes hold messages.",
            params=Held,
            result=HeldLetters,
        ),
        Method(
            name="nodes.observe",
            capability=None,
            summary="Judge what came.",
            params=Nothing,
            result=Observed,
        ),
        Method(
            name="nodes.forget",
            capability=None,
            summary="Forget what came, so that what comes is judged as if it were the first.",
            params=Nothing,
            result=Nothing,
        ),
        Method(
            name="nodes.judge_sent",
            capability=None,
            summary="Judge which nodes are said to have acknowledged a message.",
            params=Claim,
            result=Fault,
        ),
    )
}
