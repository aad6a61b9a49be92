"""One HTTP request to another node or to a server, with the headers that are named and no others.

A transport, and not a client of httpx, sends it: no redirects, no cookies, no proxies of the environment, and none of
the headers that a client adds. What comes back is bound in time and in size.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from cloister.onion import MAX_REPLY_BYTES
from cloister.service_node.answer import Answer
from cloister.serving.limits import Claim
from cloister.swarm import Node

MAX_CONNECTIONS = 256
KEEP_ALIVE_SECONDS = 2
"""Less than a node keeps a connection open, so that none is used while it is being closed."""


class NotReached(Exception):
    """There is no connection."""


class TooSlow(Exception):
    """There was no answer in time."""


class NoAnswer(Exception):
    """What came is no HTTP answer, or too long."""


def open_transport(*, verify: bool | ssl.SSLContext, keep_alive: int) -> httpx.AsyncBaseTransport:
    """Open a transport that keeps so many connections open between requests."""
    limits = httpx.Limits(
        max_connections=MAX_CONNECTIONS, max_keepalive_connections=keep_alive, keepalive_expiry=KEEP_ALIVE_SECONDS
    )
    return httpx.AsyncHTTPTransport(verify=verify, limits=limits, trust_env=False)


async def post(
    transport: httpx.AsyncBaseTransport,
    url: str,
    body: bytes,
    claim: Claim,
    *,
    headers: Mapping[str, str],
    seconds: float,
    extensions: Mapping[str, Any] | None = None,
) -> Answer:
    """Send a request and take the whole answer, as it comes; what is taken is held by the claim.

    Raises:
        NotReached: there is no connection.
        TooSlow: the answer is not there in time.
        NoAnswer: it is no HTTP answer, or longer than `MAX_REPLY_BYTES`.
        Busy: all requests together would hold too much.
    Clauses: OR-9, OR-10, OR-20, OR-22
    """
    try:
        request = httpx.Request("POST", url, content=body, headers=headers, extensions=dict(extensions or {}))
        async with asyncio.timeout(seconds):
            response = await transport.handle_async_request(request)
            try:
                return await take_answer(response, claim)
            finally:
                await response.aclose()
    except (TimeoutError, httpx.TimeoutException):
        raise TooSlow from None
    except (httpx.ConnectError, httpx.InvalidURL):
        raise NotReached from None
    except httpx.TransportError:
        raise NoAnswer from None


async def take_answer(response: httpx.Response, claim: Claim) -> Answer:
    """Take the body of an answer, as long as it is not too long."""
    if not 200 <= response.status_code <= 599:
        raise NoAnswer
    body = bytearray()
    async for chunk in response.aiter_raw():
        claim.add(len(chunk))
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            raise NoAnswer
    return Answer(response.status_code, bytes(body))


def build_url(node: Node, path: str) -> str:
    """Build the URL of an endpoint of a node."""
    return f"http://{bracket(node.ip)}:{node.port}{path}"


def bracket(host: str) -> str:
    """Put an IPv6 address into brackets, as URLs have it."""
    return f"[{host}]" if ":" in host else host
