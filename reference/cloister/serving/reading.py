"""How much of a request is read.

Clauses: SW-15
"""

import asyncio
from collections.abc import AsyncIterator

from fastapi import Request
from starlette.types import Receive, Send

from cloister.serving.limits import Claim

LINGER_SECONDS = 1.0
"""For which the rest of a body that is too long is read and thrown away, so that its sender sees the answer."""


class TooLong(Exception):
    """A body is longer than it may be."""


async def refuse_too_long(receive: Receive, send: Send) -> None:
    """Answer 413 at once, and then read for a while what is still being sent: who is cut off does not see the answer.

    Clauses: SW-15
    """
    text = b"The body is too long"
    headers = [
        (b"content-length", str(len(text)).encode()),
        (b"content-type", b"text/plain"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": text, "more_body": True})
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})


async def read_body(request: Request, claim: Claim, limit: int) -> bytes:
    """Read a body, as long as it has no more bytes than the limit.

    Raises:
        TooLong: it is.
        Busy: all requests together would hold too much, or those of one address.
    Clauses: SW-15, OG-59
    """
    body = bytearray()
    async for chunk in read_chunks(request, claim, limit):
        body += chunk
    return bytes(body)


async def read_chunks(request: Request, claim: Claim, limit: int) -> AsyncIterator[bytes]:
    """Read a body piece by piece, as long as it has no more bytes than the limit. All are claimed, those that go to a disk too.

    Raises:
        TooLong: it is.
        Busy: all requests together would hold too much, or those of one address.
    Clauses: SW-15, OG-48, OG-59
    """
    if int(request.headers.get("content-length", "0")) > limit:
        raise TooLong
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLong
        claim.add(len(chunk))
        yield chunk
