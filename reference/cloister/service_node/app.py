"""The endpoints of a service node, and the limits of what comes in.

Clauses: SW-14, SW-15, SW-16

Every request passes the gate first: it counts it, limits it, and turns what nobody foresaw into 503.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

import cloister
from cloister import errors, node_request
from cloister.onion import HOPS_HEADER
from cloister.service_node.answer import Answer, build_json, build_text
from cloister.service_node.metrics import Metrics
from cloister.service_node.node import ServiceNode
from cloister.service_node.relay import ONION_PATH
from cloister.service_node.replication import PUSH_PATH
from cloister.serving.gate import Gate
from cloister.serving.limits import RateLimit
from cloister.serving.reading import read_body
from cloister.storage import MAX_BODY_BYTES, MAX_RPC_BYTES, PARAMS

RPC_PATH = "/storage_rpc/v1"
HEALTH_PATH = "/health"
STATS_PATH = "/get_stats/v1"
METRICS_PATH = "/metrics"
PATHS = frozenset({RPC_PATH, ONION_PATH, PUSH_PATH, HEALTH_PATH, STATS_PATH, METRICS_PATH})


class NotANode(Exception):
    """A node request is refused."""


class NodeGate(Gate):
    """The gate of a node: requests of nodes count only if they are false."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, *, rate: RateLimit, forgeries: RateLimit, seconds: float
    ) -> None:
        def note(path: str, status: int) -> None:
            metrics.requests.labels(path if path in PATHS else "other", str(status)).inc()

        super().__init__(app, note=note, rate=rate, seconds=seconds)
        self._forgeries = forgeries

    async def _admit(self, scope: Scope, receive: Receive, send: Send, address: str) -> None:
        """Let a request through, and count it if it says falsely that it comes from a node.

        Clauses: SW-16, SW-32
        """
        try:
            await super()._admit(scope, receive, send, address)
        except NotANode:
            self._forgeries.take(address)
            await PlainTextResponse("Node request refused", 403)(scope, receive, send)

    def is_allowed(self, scope: Scope, address: str) -> bool:
        """Tell whether an address may make one more request, which is of a node or of a client.

        Clauses: SW-16, SW-32
        """
        is_signed = node_request.is_signed({name.decode("latin-1"): "" for name, _ in scope["headers"]})
        return self._forgeries.has_token(address) if is_signed else self._rate.take(address)


async def read_request(request: Request, node: ServiceNode, limit: int = MAX_BODY_BYTES) -> bytes:
    """Read the body of a request, which comes from a node if it says so; a stranger's is not read.

    Raises:
        TooLong, Busy: as `read_body`.
        NotANode: it says so, and does not.
    Clauses: SW-32
    """
    if not node_request.is_signed(request.headers):
        return await read_body(request, request.state.claim, limit)
    try:
        node.check_headers(request.headers)
        body = await read_body(request, request.state.claim, limit)
        node.check_sender(request.headers, request.scope["path"], body)
    except errors.CloisterError:
        raise NotANode from None
    return body


def respond(answer: Answer) -> Response:
    """Make an HTTP response of an answer."""
    return Response(answer.body, answer.status, media_type=answer.media_type)


def build_app(node: ServiceNode, *, rate: float, burst: int, seconds: float, metrics: bool) -> FastAPI:
    """Build the application of a node: requests per second and at once of one address, seconds for each; with metrics or not."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with node.running():
            yield

    app = FastAPI(
        title="cloister service node",
        version=cloister.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        exception_handlers={HTTPException: answer_http_error},
    )
    app.add_middleware(
        NodeGate, metrics=node.metrics, rate=RateLimit(rate, burst), forgeries=RateLimit(rate, burst), seconds=seconds
    )

    @app.post(RPC_PATH, **describe(RPC_BODY, RPC_STATUSES, in_json=JSON_STATUSES))
    async def rpc(request: Request) -> Response:
        """Store, retrieve, or ask for a swarm."""
        return respond(await node.answer_rpc(await read_request(request, node, MAX_RPC_BYTES)))

    @app.post(ONION_PATH, **describe(BYTES_BODY, ONION_STATUSES))
    async def onion(request: Request) -> Response:
        """Hand on an onion request."""
        body = await read_request(request, node)
        return respond(await node.answer_onion(body, request.headers.get(HOPS_HEADER), request.state.claim))

    @app.post(PUSH_PATH, **describe(BYTES_BODY, PUSH_STATUSES))
    async def push(request: Request) -> Response:
        """Take a batch of another node."""
        if not node_request.is_signed(request.headers):
            raise NotANode
        return respond(await node.answer_push(await read_request(request, node)))

    @app.get(HEALTH_PATH, **describe(None, GET_STATUSES, in_json=JSON_STATUSES))
    async def health() -> Response:
        """Tell the height of the network.

        Clauses: AP-17
        """
        return respond(build_json(200, {"status": "ok", "height": node.network.height}))

    @app.get(STATS_PATH, **describe(None, GET_STATUSES, in_json=JSON_STATUSES))
    async def stats() -> Response:
        """Tell the version."""
        return respond(build_json(200, {"version": cloister.__version__}))

    if metrics:

        @app.get(METRICS_PATH, **describe(None, GET_STATUSES))
        async def tell_totals() -> Response:
            """Tell the totals."""
            return respond(build_text(200, node.describe().decode()))

    return app


async def answer_http_error(_: Request, error: Exception) -> Response:
    """Answer that there is no such path or method, in a line of text."""
    assert isinstance(error, HTTPException)
    return PlainTextResponse(error.detail, error.status_code, headers=error.headers)


# What /openapi.json says


def describe_method(method: str, params: tuple[str, ...]) -> dict[str, Any]:
    """Describe a request with a method and the params that it needs; others may be of any type."""
    texts = {"type": "object", "required": list(params), "properties": {name: {"type": "string"} for name in params}}
    return {
        "type": "object",
        "required": ["method", "params"],
        "properties": {"method": {"const": method}, "params": texts},
    }


RPC_BODY = {"application/json": {"schema": {"oneOf": [describe_method(*one) for one in PARAMS.items()]}}}
BYTES_BODY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}

GET_STATUSES = (200, 429, 503)
JSON_STATUSES = (200, 421, 432)
RPC_STATUSES = (200, 400, 403, 406, 413, 421, 429, 432, 503)
PUSH_STATUSES = (200, 400, 403, 413, 421, 429, 503)
ONION_STATUSES = (200, 400, 403, 413, 429, 500, 502, 503, 504)


def describe(
    body: dict[str, Any] | None, statuses: tuple[int, ...], *, in_json: tuple[int, ...] = ()
) -> dict[str, Any]:
    """Describe an endpoint to OpenAPI: what it takes, and its statuses, those whose bodies are JSON by name."""
    extra = {"requestBody": {"required": True, "content": body}} if body else {}
    responses = {
        str(status): {
            "description": "see chapters 07 and 08",
            "content": {"application/json" if status in in_json else "text/plain": {}},
        }
        for status in statuses
    }
    return {"response_class": Response, "openapi_extra": {**extra, "responses": responses}}
