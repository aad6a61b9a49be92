"""An open-group server by HTTP: every path and method leads to the one who answers.

Clauses: OG-13, OG-57, OG-59

The routes are those of `open_group.ENDPOINTS`, for /openapi.json. What is none of them is answered in the same way.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import fastapi
from fastapi import FastAPI, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

import cloister
from cloister import open_group, open_group_bodies, open_group_queries, open_group_rights, room, server_onion
from cloister.open_group import BATCH_PATHS, ENDPOINTS, Endpoint
from cloister.open_group_server.answering import Upload, is_upload
from cloister.open_group_server.batches import Server
from cloister.open_group_server.endpoints import HANDLERS
from cloister.open_group_server.metrics import Metrics, name_endpoint
from cloister.open_group_server.reply import build_refusal
from cloister.room_post import MAX_DATA_BYTES, MAX_POST_FILES
from cloister.serving.gate import Gate
from cloister.serving.limits import RateLimit
from cloister.serving.reading import read_body, read_chunks
from cloister.signed_request import Refusal, Request

HEALTH_PATH = "/health"
METRICS_PATH = "/metrics"
OPENAPI_PATH = "/openapi.json"
OWN_PATHS = (HEALTH_PATH, METRICS_PATH, OPENAPI_PATH)
OWN_METHODS = {"GET": (HEALTH_PATH, OPENAPI_PATH), "POST": (*BATCH_PATHS, server_onion.TARGET)}
NO_SUCH_PATH, NOT_ALLOWED = 404, 405


def build_app(
    server: Server,
    metrics: Metrics,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
    *,
    rate: float,
    burst: int,
    seconds: float,
    show_metrics: bool,
) -> FastAPI:
    """Build the application of a server: requests per second and at once of one address, seconds for each."""

    def note(path: str, status: int) -> None:
        metrics.requests.labels(path if path in OWN_PATHS else name_endpoint(path), str(status)).inc()

    app = FastAPI(
        title="cloister open-group server",
        version=cloister.__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.add_middleware(Gate, note=note, rate=RateLimit(rate, burst), seconds=seconds)

    async def answer(request: fastapi.Request) -> Response:
        return await respond(request, server)

    async def tell_health() -> Response:
        """Tell that it serves.

        Clauses: AP-21
        """
        return Response(b'{"status": "ok"}', media_type="application/json")

    async def tell_totals() -> Response:
        return Response(metrics.encode(), media_type="text/plain; charset=utf-8")

    app.add_api_route(HEALTH_PATH, tell_health, methods=["GET"], **describe(None, GET_STATUSES))
    if show_metrics:
        app.add_api_route(METRICS_PATH, tell_totals, methods=["GET"], include_in_schema=False)
    for endpoint in ENDPOINTS:
        app.add_api_route(endpoint.path, answer, methods=[endpoint.method], **describe_endpoint(endpoint))
    for path in BATCH_PATHS:
        app.add_api_route(path, answer, methods=["POST"], name=path, **describe(BATCH_BODY, BATCH_STATUSES))
    app.add_api_route(
        server_onion.TARGET, answer, methods=["POST"], name="onion request", **describe(BYTES_BODY, ONION_STATUSES)
    )
    app.router.routes.append(Route("/{path:path}", CatchAll(server), include_in_schema=False))
    app.router.default = CatchAll(server)
    return app


class CatchAll:
    """Whatever no route takes, for the one who answers."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request.

        Clauses: OG-13, OG-57
        """
        response = await respond(fastapi.Request(scope, receive), self._server)
        await response(scope, receive, send)


async def respond(request: fastapi.Request, server: Server) -> Response:
    """Answer a request that came by HTTP."""
    reply = await server.answer(await read_request(request, server))
    path = request.scope["path"]
    if reply.status == NO_SUCH_PATH and path in (
        HEALTH_PATH,
        OPENAPI_PATH,
    ):  # it has passed all checks but that of the path
        reply = build_refusal(Refusal(NOT_ALLOWED, "this path has not this method"))
    request.state.claim.add(len(reply.body))
    allowed = {"allow": ", ".join(list_methods(path))} if reply.status == NOT_ALLOWED else {}
    return Response(reply.body, reply.status, headers={**reply.headers, **allowed})


def list_methods(path: str) -> list[str]:
    """List the methods of a path that has some."""
    own = [method for method, paths in OWN_METHODS.items() if path in paths]
    return [*own, *(endpoint.method for endpoint in ENDPOINTS if endpoint.pattern.fullmatch(path))]


async def read_request(request: fastapi.Request, server: Server) -> Request:
    """Read a request, as long as its body is not too long; the body of an upload goes to the disk.

    Raises:
        TooLong: it is.
        Busy: all requests together would hold too much, or those of one address.
    Clauses: OG-48, OG-54, OG-59
    """
    headers = read_headers(request)
    head = Request(method=request.method, target=read_target(request.scope), headers=headers)
    limit = open_group.find_limit(head)
    if is_upload(head):
        stored = await server.answering.write(read_chunks(request, request.state.claim, limit))
        return Upload(method=head.method, target=head.target, headers=headers, stored=stored)
    body = await read_body(request, request.state.claim, limit)
    return Request(method=head.method, target=head.target, headers=headers, body=body)


def read_target(scope: Scope) -> str:
    """Read path and query as they were written."""
    path, query = scope["raw_path"].decode("ascii"), scope["query_string"].decode("ascii")
    return f"{path}?{query}" if query else str(path)


def read_headers(request: fastapi.Request) -> dict[str, str]:
    """Read headers, names in lower case; one that is there twice has both values, which is the form of none that signs.

    Clauses: OG-8
    """
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


# What /openapi.json says

DESCRIPTION = "Chapter 11 of cloister. Four headers X-SOGS sign a request; without them it is anonymous."
WHOLE, TWO_LEFT, THREE_LEFT = "[A-Za-z0-9+/]{4}", "[A-Za-z0-9+/][AQgw]==", "[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]="
"""Groups of base64 in their canonical form."""
BYTES_BODY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
BOOLEAN, TEXT = {"type": "boolean"}, {"type": "string"}
BASE64 = {"type": "string", "contentEncoding": "base64", "pattern": f"^({WHOLE})*({WHOLE}|{TWO_LEFT}|{THREE_LEFT})$"}
DATA = {**BASE64, "maxLength": -(-MAX_DATA_BYTES // 3) * 4}
SIGNATURE = {**BASE64, "pattern": f"^({WHOLE}){{21}}{TWO_LEFT}$"}
INVITATION = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
SECONDS = {"type": "integer", "minimum": 1, "maximum": open_group_bodies.MAX_SECONDS}
NUMBER = {"type": "integer", "minimum": 1, "maximum": open_group_queries.MAX_NUMBER}
FILES = {"type": "array", "items": NUMBER, "maxItems": MAX_POST_FILES, "uniqueItems": True}
TOKEN = {"type": "string", "pattern": f"^({room.TOKEN.pattern}|[*])$"}
ROOMS = {"type": "array", "items": TOKEN, "minItems": 1, "maxItems": open_group_bodies.MAX_BATCH, "uniqueItems": True}
SCOPE = {"rooms": ROOMS, "global": {"const": True}}


def describe_object(
    members: Mapping[str, object], *, required: tuple[str, ...] = (), **further: object
) -> dict[str, Any]:
    """Describe a JSON object that has no other members."""
    described = {"type": "object", "properties": dict(members), "additionalProperties": False, **further}
    return {"application/json": {"schema": {**described, **({"required": list(required)} if required else {})}}}


def describe_choice(*names: str) -> list[dict[str, Any]]:
    """Describe that one of several members is there."""
    return [{"required": [name]} for name in names]


WHERE = describe_choice(*SCOPE)


POST_BODY = describe_object({"data": DATA, "signature": SIGNATURE, "files": FILES}, required=("data", "signature"))
ROOM_BODY = describe_object(
    {"name": TEXT, "description": TEXT, "image": {"type": ["integer", "null"]}}
    | dict.fromkeys(open_group_rights.ROOM_BOOLEANS, BOOLEAN)
)
PERMISSIONS_BODY = describe_object(
    dict.fromkeys(open_group_rights.FLAGS, BOOLEAN)
    | {f"default_{name}": {"const": True} for name in open_group_rights.FLAGS}
)
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PUT", "/room/{room}"): ROOM_BODY,
    ("POST", "/room/{room}/message"): POST_BODY,
    ("PUT", "/room/{room}/message/{message}"): POST_BODY,
    ("POST", "/room/{room}/file"): BYTES_BODY,
    ("POST", "/user/{id}/ban"): describe_object({**SCOPE, "timeout": SECONDS}, oneOf=WHERE),
    ("POST", "/user/{id}/unban"): describe_object(SCOPE, oneOf=WHERE),
    ("POST", "/user/{id}/moderator"): describe_object(
        {**SCOPE, "admin": BOOLEAN, "moderator": BOOLEAN, "visible": BOOLEAN},
        oneOf=WHERE,
        anyOf=describe_choice("admin", "moderator", "visible"),
    ),
    ("POST", "/room/{room}/permissions/{id}"): PERMISSIONS_BODY,
    ("POST", "/room/{room}/invitation"): describe_object({"timeout": SECONDS}),
    ("POST", "/room/{room}/join"): describe_object({"invitation": INVITATION}, required=("invitation",)),
}
PART = {
    "type": "object",
    "required": ["method", "path"],
    "properties": {
        "method": {"enum": sorted(server_onion.METHODS)},
        "path": {"type": "string", "pattern": "^/"},
        "headers": {"type": "object", "additionalProperties": TEXT},
        "json": {},
        "b64": BASE64,
        "bytes": TEXT,
    },
    "additionalProperties": False,
}
BATCH_BODY = {
    "application/json": {
        "schema": {"type": "array", "items": PART, "minItems": 1, "maxItems": open_group_bodies.MAX_BATCH}
    }
}

LIMIT = {"name": "limit", "in": "query", "schema": {"type": "string", "pattern": f"^({open_group.DECIMAL})$"}}
AFTER = {"name": "after", "in": "query", "schema": {"type": "string", "pattern": f"^({open_group.NAMES['id']})$"}}
REQUIRED = {"name": "required", "in": "query", "schema": TEXT}
RANGE = {"name": "Range", "in": "header", "schema": TEXT}
DISPOSITION = {"name": "Content-Disposition", "in": "header", "schema": TEXT}
PARAMETERS: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("GET", "/capabilities"): [REQUIRED],
    ("GET", "/room/{room}/messages/since/{number}"): [LIMIT],
    ("GET", "/room/{room}/messages/recent"): [LIMIT],
    ("GET", "/room/{room}/messages/before/{message}"): [LIMIT],
    ("GET", "/room/{room}/permissions"): [LIMIT, AFTER],
    ("POST", "/room/{room}/file"): [DISPOSITION],
    ("GET", "/room/{room}/file/{file}"): [RANGE],
    ("GET", "/room/{room}/file/{file}/{name}"): [RANGE],
}

GET_STATUSES = (200, 429, 503)
CREATED = frozenset({("POST", f"/room/{{room}}/{name}") for name in ("message", "file", "invitation")})
SIGNED_STATUSES = (400, 401, 403, 404, 405, 413, 425, 429, 503)
BATCH_STATUSES = (200, 400, 401, 403, 413, 425, 429, 503)
ONION_STATUSES = (200, 400, 413, 429, 503)
MORE_STATUSES = {"/capabilities": (412,), "/room/{room}": (406,)}


def describe_endpoint(endpoint: Endpoint) -> dict[str, Any]:
    """Describe an endpoint to OpenAPI."""
    success = 201 if (endpoint.method, endpoint.path) in CREATED else 200
    more = MORE_STATUSES.get(endpoint.path, ())
    ranges = (206, 416) if "{file}" in endpoint.path else ()
    key = endpoint.method, endpoint.path
    parameters = [*describe_path(endpoint.path), *PARAMETERS.get(key, [])]
    described = describe(BODIES.get(key), (success, *more, *ranges, *SIGNED_STATUSES), parameters)
    handler = HANDLERS[key]
    summary = (handler.__doc__ or "").partition("\n")[0]
    return {**described, "name": f"{endpoint.method} {endpoint.path}", "summary": summary}


def describe_path(path: str) -> list[dict[str, Any]]:
    """Describe what stands in a path."""
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": f"^({pattern})$"}}
        for name, pattern in open_group.NAMES.items()
        if f"{{{name}}}" in path
    ]


def describe(
    body: dict[str, Any] | None, statuses: tuple[int, ...], parameters: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Describe what is taken, in the body and beside it, and the statuses of what is answered."""
    extra: dict[str, Any] = {"requestBody": {"required": False, "content": body}} if body else {}
    if parameters:
        extra["parameters"] = parameters
    responses = {str(status): {"description": "see chapter 11"} for status in statuses}
    return {"response_class": Response, "openapi_extra": {**extra, "responses": responses}}
