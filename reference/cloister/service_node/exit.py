"""From a service node to a server, as the last hop of an onion request."""

import asyncio
import socket
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

import httpx

from cloister import onion
from cloister.onion import PORTS, ForServer
from cloister.service_node import sending
from cloister.service_node.answer import Answer
from cloister.serving.limits import Claim

RESOLVERS = 16
"""Threads that ask for addresses, in which slow name servers hold up nobody but other exits."""


class ServerFailed(Exception):
    """The server did not answer as it should."""


class Exit:
    """Sends requests to servers."""

    def __init__(
        self, *, allow_private: bool, seconds: float, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._allow_private = allow_private
        self._seconds = seconds
        self._transport = transport or sending.open_transport(verify=True, keep_alive=0)
        self._resolvers = ThreadPoolExecutor(RESOLVERS, "resolver")

    async def reach(self, action: ForServer, claim: Claim) -> Answer:
        """Send the request, and take the body of the answer.

        Raises:
            ForbiddenTarget: an address of the host is not public.
            ServerFailed: there is no answer with a status from 200 to 299, in time and of the size.
            Busy: all requests together would hold too much.
        Clauses: OR-19, OR-20, OR-21, OR-22, OR-23
        """
        try:
            async with asyncio.timeout(self._seconds):
                addresses = await resolve(self._resolvers, action.host, action.port)
                if not self._allow_private:
                    for address in addresses:
                        onion.check_address(address)
                answer = await self._post(action, addresses, claim)
        except (TimeoutError, sending.NotReached, sending.TooSlow, sending.NoAnswer):
            raise ServerFailed from None
        if answer.status > 299:
            raise ServerFailed
        return Answer(200, answer.body)

    async def _post(self, action: ForServer, addresses: list[str], claim: Claim) -> Answer:
        """Send the request to the first address that can be connected to."""
        for address in addresses:
            url = f"{action.protocol}://{sending.bracket(address)}:{action.port}{action.target}"
            try:
                return await sending.post(
                    self._transport,
                    url,
                    action.body,
                    claim,
                    headers={"Host": build_host(action)},
                    seconds=self._seconds,
                    # the target as it is, since a URL loses what looks like a relative path
                    extensions={"sni_hostname": action.host, "target": action.target.encode()},
                )
            except sending.NotReached:
                continue
        raise sending.NotReached

    async def close(self) -> None:
        """Close all connections."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)
        await self._transport.aclose()


async def resolve(resolvers: Executor, host: str, port: int) -> list[str]:
    """Find all addresses of a host, in one of these threads.

    Raises:
        NotReached: it has none.
    """
    try:
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(resolvers, ask)
    except (OSError, UnicodeError):  # a name with an empty label is no text for a name server
        raise sending.NotReached from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def build_host(action: ForServer) -> str:
    """Build the Host header: the name that was asked for, not the address that it has."""
    host = sending.bracket(action.host)
    return host if action.port == PORTS[action.protocol] else f"{host}:{action.port}"
