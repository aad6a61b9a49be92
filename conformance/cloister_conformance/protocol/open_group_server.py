"""Chapter 13, role `open-group-server`: what the harness does with an open-group server.

No adapter answers these methods; the harness carries them out over HTTP, with the server file, or with signals.
Accounts are called by their names, and sign when a request is sent: no key, nonce or signature stands in a script.
"""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Interval
from pydantic import Field

from cloister_conformance.protocol.messages import Hex, Message, Method
from cloister_conformance.protocol.over_http import Request, Response, make_process_methods

SERVER_FILE = "server-file"

IdForm = Literal["15", "-15", "00", "-00"]
"""Blinded or not; with `-` that of the negative point, which leads to the same account."""
Way = Literal["direct", "onion", "batch", "sequence"]


class Begin(Message):
    """What the accounts of a script follow from: the seed of the run, and which script of the process it is."""

    seed: Annotated[int, Ge(0)]
    script: Annotated[int, Ge(0)]


class Rooms(Message):
    """The tokens of the two rooms, and what was answered when their defaults were restored, each status once."""

    rooms: list[str]
    statuses: list[int]


class AccountName(Message):
    """The name of an account of this script."""

    name: str


class AccountIds(Message):
    """All ids of an account on the server: its account id, the blinded and the unblinded one, and those of the negative points."""

    account: str
    blinded: str
    other_blinded: str
    unblinded: str
    other_unblinded: str


class SignedInstead(Message):
    """What is signed in the place of what is sent."""

    method: str | None = None
    path: str | None = None
    body: Hex | None = None
    server_key: Hex | None = None


class ServerRequest(Request):
    """A request, signed by an account, or by nobody, and sent so or in an onion request, or alone in a batch or sequence.

    `age_s` is how many seconds its timestamp lies before the clock, `nonce` a nonce that is not fresh.
    `headers` stand in the place of those of the signature too, of which those in `without` are left out.
    """

    account: str | None = None
    id: IdForm = "15"
    way: Way = "direct"
    age_s: int = 0
    nonce: Hex | None = None
    signed: SignedInstead = Field(default=SignedInstead())
    without: list[str] = Field(default=[])


class ServerResponse(Response):
    """A response, its headers by their names in lower case, and what stands in its value.

    `outer` is the status of the onion request or batch around it, else the same one; `iv` that of the sealed reply.
    `told` are the objects that the value is or lists; `ids`, `seqnos` and `codes` those numbers of listed objects, in their order.
    """

    headers: dict[str, str]
    outer: int
    iv: Hex
    told: list[dict[str, Any]]
    ids: list[int]
    seqnos: list[int]
    codes: list[int]


class ServerRequests(Message):
    """Requests that are sent at once, the list `times` over."""

    requests: Annotated[list[ServerRequest], Field(min_length=1)]
    times: Annotated[int, Interval(ge=1, le=10_000)] = 1


class ServerResponses(Message):
    """The responses in the order of their requests, and which statuses came, each once and in ascending order."""

    responses: list[ServerResponse]
    statuses: list[int]


class Watched(Message):
    """Requests that are sent at once while an account polls a room, page by page of `limit` messages, from a cursor on."""

    requests: Annotated[list[ServerRequest], Field(min_length=1)]
    account: str
    room: str
    cursor: Annotated[int, Ge(0)]
    limit: Annotated[int, Ge(1)]


class Seen(Message):
    """What came of the requests, and what the poller saw until all were answered and a page was empty.

    `seen` are the messages in the latest state that it saw, by their sequence numbers; `fault` what is wrong with a page, if anything.
    """

    statuses: list[int]
    pages: int
    fault: str
    seen: list[dict[str, Any]]


class HungUp(Message):
    """A request that ends in the middle of its body, several times at once."""

    request: ServerRequest
    times: Annotated[int, Interval(ge=1, le=1000)] = 1


class Grown(Message):
    """By how many bytes the folder of the server has grown."""

    bytes: int


class OnionPayload(Message):
    """Any payload, sealed to the server, with further members of the control beside the ephemeral key."""

    payload: Hex
    control: dict[str, Any] = Field(default={})


SERVER_METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="server.reset",
            capability=None,
            summary="Bring clock, settings and the defaults of both rooms to where every test begins, and forget all accounts.",
            params=Begin,
            result=Rooms,
        ),
        Method(
            name="server.make_account",
            capability=None,
            summary="Make an account that no test had before, or find it again; `operator` is that of the administrator.",
            params=AccountName,
            result=AccountIds,
        ),
        Method(
            name="server.request",
            capability=None,
            summary="Send a request to the server and wait for the response.",
            params=ServerRequest,
            result=ServerResponse,
        ),
        Method(
            name="server.requests",
            capability=None,
            summary="Send several requests at once and wait for all responses.",
            params=ServerRequests,
            result=ServerResponses,
        ),
        Method(
            name="server.watch",
            capability=None,
            summary="Send several requests at once, and poll a room meanwhile.",
            params=Watched,
            result=Seen,
        ),
        Method(
            name="server.hang_up",
            capability=SERVER_FILE,
            summary="Begin requests at once, hang up in the middle of their bodies, and weigh what stays.",
            params=HungUp,
            result=Grown,
        ),
        Method(
            name="server.send_onion",
            capability=None,
            summary="Send any payload as an onion request.",
            params=OnionPayload,
            result=ServerResponse,
        ),
        *make_process_methods("server", SERVER_FILE),
    )
}
