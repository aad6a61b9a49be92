"""The gate of a server: it counts each request, limits it, and turns what nobody foresaw into 503."""

import asyncio
import logging
from collections.abc import Callable, Iterator

from fastapi.responses import PlainTextResponse
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloister.serving import log
from cloister.serving.limits import Budget, Busy, RateLimit, name_client
from cloister.serving.reading import TooLong, refuse_too_long

PIECE_BYTES = 65_536
"""Of a body that is handed on at once; uvicorn waits between pieces for who reads slowly, and never within one."""


class Gate:
    """Lets requests through to the endpoints, as many as one address, and all together, may make.

    A middleware; `note` is told the path and status of each answer, `seconds` is how long a request may take from the
    end of its head to the last byte of its answer.
    """

    def __init__(self, app: ASGIApp, *, note: Callable[[str, int], None], rate: RateLimit, seconds: float) -> None:
        self._app = app
        self._note = note
        self._rate = rate
        self._seconds = seconds
        self._budget = Budget()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request.

        Clauses: SW-14, OG-57
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            for piece in split_body(message):
                await send(piece)

        try:
            await self._admit(
                scope, receive, note_status, name_client(scope["client"][0] if scope.get("client") else "")
            )
        except ClientDisconnect:
            pass
        except TooLong:
            await refuse_too_long(receive, note_status)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next request is answered
            if not isinstance(error, Busy | TimeoutError):
                log.note("a request failed", error=error, level=logging.ERROR)
            if not status:
                await PlainTextResponse("The server is busy", 503)(scope, receive, note_status)
        finally:
            self._note(scope["path"], status)

    async def _admit(self, scope: Scope, receive: Receive, send: Send, address: str) -> None:
        """Let a request through that is within the limits.

        Clauses: SW-16
        """
        if not self.is_allowed(scope, address):
            await PlainTextResponse("Too many requests", 429)(scope, receive, send)
            return
        with self._budget.claim(address) as claim:
            scope.setdefault("state", {})["claim"] = claim
            async with asyncio.timeout(self._seconds):
                await self._app(scope, receive, send)

    def is_allowed(self, scope: Scope, address: str) -> bool:
        """Tell whether an address may make one more request."""
        return self._rate.take(address)


def split_body(message: Message) -> Iterator[Message]:
    """Split what is sent into pieces, so that a request lasts, with what it holds, until its answer is nearly read."""
    body = message.get("body", b"")
    if len(body) <= PIECE_BYTES:
        yield message
        return
    for begin in range(0, len(body), PIECE_BYTES):
        end = begin + PIECE_BYTES
        yield {**message, "body": body[begin:end], "more_body": message.get("more_body", False) or end < len(body)}
