"""Onion requests over paths that are kept, mended and chosen anew."""

import asyncio
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Self, TypeVar

import httpx

from cloister import errors, network_client, onion, paths, server_onion, swarm, wire
from cloister.network.refusals import Refused, Unopened, shorten
from cloister.network_client import NetworkState
from cloister.onion import Onion, Reply, Server
from cloister.paths import Path
from cloister.server_onion import ServerReply
from cloister.signed_request import Request
from cloister.swarm import Network, Node

ONION_PATH = "/onion_req/v2"
HEADERS = {"user-agent": "cloister", "accept-encoding": "identity"}
KEEP_ALIVE_SECONDS = 2
"""Less than a node keeps a connection open, so that none is used while it is being closed."""
TRIES = 10
"""How often one request is sent, at most: most of these can only name nodes that are to be replaced."""

Tell = Callable[[str], None]
"""Takes a short line about what is going on."""

AnyReply = TypeVar("AnyReply")
Open = Callable[[bytes, bytes], AnyReply]
"""Opens an unverified answer with the key of the reply, as the destination seals it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came from a guard; status 502 or 504 without a body if nothing came, or not in time."""

    status: int
    body: bytes = b""

    @property
    def said(self) -> str:
        """What it says of a failure: nothing with the status of a reply."""
        return self.body.decode("utf-8", "replace") if self.status != 200 else ""


class OnionClient:
    """A client of the network in a JSON file, which is read again when it changes.

    `state` outlives a restart: save it when it has changed, and give it to the next client.
    `tell` is called with short lines for people; `timeout_ms` is for each try.

    Raises:
        InvalidMessage: the file holds no network.
    """

    def __init__(
        self,
        network_file: FilePath,
        state: NetworkState | None = None,
        *,
        tell: Tell = lambda line: None,
        random: wire.Random = secrets.token_bytes,
        timeout_ms: int = onion.TIMEOUT_MS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.network_file = network_file
        self.tell = tell
        self.random = random
        self.timeout_ms = timeout_ms
        self.stamp = read_stamp(network_file)
        self.network = read_network(network_file)
        self.state = network_client.take_up_network(state or NetworkState(), self.network, random)
        self.http = httpx.AsyncClient(
            transport=transport,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # guards speak HTTP; no certificates need be loaded
            headers=HEADERS,
            timeout=timeout_ms / 1000,
            limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_SECONDS),
            trust_env=False,
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def request_server(self, server: Server, sign: Callable[[], Request]) -> ServerReply:
        """Send a request to an open-group server, signed anew for each try; whatever status it answers is a reply.

        Raises:
            NoReply: the server, or a way to it, cannot be reached; one that cannot open the request says no more.
            DecryptionFailed, InvalidMessage: what comes does not open, or is not of the form, over two paths.
            TooFewNodes: the network has too few nodes for a path.
        Clauses: OG-7, OG-68, OG-70
        """
        try:
            return await self.request(
                server, server.host, lambda: server_onion.encode_request(sign()), server_onion.open_reply
            )
        except Unopened as refusal:
            raise refusal.error from None
        except Refused as refusal:
            raise errors.NoReply(reason=str(refusal)) from None

    async def ask(self, node: Node, payload: bytes) -> Reply:
        """Send a request of chapter 07 to a node.

        Raises:
            Refused: the node, or a way to it, cannot be reached.
            TooFewNodes: the network has too few nodes for a path.
        """
        return await self.request(node, node.pubkey_ed25519, lambda: payload, open_node_reply)

    async def request(
        self, destination: Node | Server, name: str, make: Callable[[], bytes], open_reply: Open[AnyReply]
    ) -> AnyReply:
        """Send what is made for each try over paths chosen anew, until a reply comes or it is over.

        Raises:
            Refused: none came.
            Unopened: what came last is none.
            TooFewNodes: the network has too few nodes for a path.
        Clauses: OR-1, OR-24, OR-28, OR-29, OR-32, OR-36, OR-38
        """
        failures, path = 0, None
        shown = name if isinstance(destination, Server) else shorten(name)
        for _ in range(TRIES):
            path = self.choose_path(name, failed=path)
            nodes = [self.network.nodes[key] for key in path.nodes]
            built = onion.build(nodes, destination, make(), self.random)
            answer = await self.send(nodes[0], built)
            reply, error = read_reply(built, answer, open_reply)
            if reply is not None:
                self.state = replace(self.state, paths=paths.note_reply(self.state.paths, path))
                return reply
            self.note_failure(path, name, answer)
            failures += counts_against_path(answer, path)
            if is_final(answer, destination) or failures == paths.PATH_FAILURES:
                break
            self.tell(f"{describe(answer)} on the way to {shown}; another path")
        what = f"{shown} cannot be reached: {describe(answer)}"
        raise Unopened(what, error) if error else Refused(what)

    def choose_path(self, destination: str, *, failed: Path | None = None) -> Path:
        """Choose a path to a destination, after building those that are missing; after one that failed another, if there is one.

        Raises:
            TooFewNodes: the network has too few nodes for a path.
        Clauses: OR-27, OR-28, OR-29
        """
        self.build_paths()
        state = self.state.paths
        others = [path for path in state.paths if failed and path.nodes[0] != failed.nodes[0]]
        if any(destination not in path.nodes for path in others):
            state = replace(state, paths=tuple(others))
        return paths.choose_path(state, destination, self.random)

    def build_paths(self) -> None:
        """Build the paths that are missing, in the network as it is now.

        Raises:
            TooFewNodes: the network has too few nodes for a path.
        Clauses: OR-27, OR-29
        """
        self.look_at_network()
        built = paths.build_paths(self.state.paths, list(self.network.nodes), self.random)
        self.state = replace(self.state, paths=built)

    def note_failure(self, path: Path, destination: str, answer: Answer) -> None:
        """Note that a request over a path failed.

        Clauses: OR-32, OR-33, OR-34
        """
        noted = paths.note_failure(
            self.state.paths, path, list(self.network.nodes), self.random, destination=destination, answer=answer.said
        )
        self.state = replace(self.state, paths=noted)

    async def send(self, guard: Node, built: Onion) -> Answer:
        """Send an onion to a guard.

        Clauses: OR-36
        """
        host = f"[{guard.ip}]" if ":" in guard.ip else guard.ip
        try:
            async with (
                asyncio.timeout(self.timeout_ms / 1000),
                self.http.stream("POST", f"http://{host}:{guard.port}{ONION_PATH}", content=built.body) as response,
            ):
                return Answer(response.status_code, await read_body(response))
        except TimeoutError:
            return Answer(504)
        except (httpx.HTTPError, httpx.InvalidURL):
            return Answer(502)

    def look_at_network(self) -> None:
        """Read the file of the network again if it has changed; what holds no network is passed over.

        Clauses: OR-30, OR-35
        """
        stamp = read_stamp(self.network_file)
        if stamp == self.stamp:
            return
        self.stamp = stamp
        try:
            network = read_network(self.network_file)
        except (OSError, errors.InvalidMessage) as error:
            self.tell(f"{self.network_file} is passed over: {error}")
            return
        if network.height > self.network.height:
            self.take_up(network)

    def take_up(self, network: Network) -> None:
        """Take up another network."""
        self.network = network
        self.state = network_client.take_up_network(self.state, network, self.random)


def read_stamp(file: FilePath) -> tuple[int, int] | None:
    """Read what changes when a file does: its time and its size; None if there is no file."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def read_network(file: FilePath) -> Network:
    """Read the network in a file.

    Raises:
        InvalidMessage: it is not of the form.
    """
    return swarm.decode_network(wire.decode_object(file.read_bytes(), what="the network"))


async def read_body(response: httpx.Response) -> bytes:
    """Read a body of at most `MAX_REPLY_BYTES`; of a longer one nothing."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > onion.MAX_REPLY_BYTES:
            return b""
    return bytes(body)


def read_reply(
    built: Onion, answer: Answer, open_reply: Open[AnyReply]
) -> tuple[AnyReply | None, errors.ProtocolViolation | None]:
    """Read the reply out of an answer, if it is one, else why it is none, if it should be.

    Clauses: OR-24, OR-25, OR-26, OG-70
    """
    if answer.status != 200:
        return None, None
    try:
        return open_reply(built.reply_key, answer.body), None
    except (errors.DecryptionFailed, errors.InvalidMessage) as error:
        return None, error


def open_node_reply(key: bytes, answer: bytes) -> Reply:
    """Open an unverified answer of a node, which is a text.

    Raises:
        DecryptionFailed, InvalidMessage: as `onion.open_reply`.
    Clauses: OR-24
    """
    return onion.open_reply(key, answer.decode("utf-8", "replace"))


def is_final(answer: Answer, destination: Node | Server) -> bool:
    """Tell whether other paths would bring the same: the destination itself has failed."""
    if isinstance(destination, Server):
        return answer.said == paths.SERVER_ERROR
    return answer.said == paths.NOT_FOUND + destination.pubkey_ed25519


def counts_against_path(answer: Answer, path: Path) -> bool:
    """Tell whether a failure that is not final counts against its path: not if it names a node behind the guard.

    Clauses: OR-38
    """
    missing = {paths.NOT_FOUND + node for node in path.nodes[1:]}
    return answer.said not in missing


def describe(answer: Answer) -> str:
    """Describe an answer that is no reply, for people."""
    if answer.said:
        return f"{answer.status} {answer.said[:120]!r}"
    return {502: "no connection", 504: "no answer in time"}.get(answer.status, "an answer that is no reply")
