"""The service node under test, called over HTTP: its process, its node file, its clock.

A call is a method of `protocol.service_node`, and its answer a result: what a node answers to a request is never a
refusal, and no answer at all is a broken node.
"""

import json
import os
import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import JsonValue
from pydantic_core import from_json

from cloister_conformance.implementation import Implementation
from cloister_conformance.played_network import HOST, NODES, UNDER_TEST, PlayedNetwork
from cloister_conformance.protocol.messages import Message, Nothing
from cloister_conformance.protocol.service_node import (
    CLOCK,
    NODE_METHODS,
    Exit,
    Height,
    Log,
    Network,
    Request,
    Requests,
    Response,
    Responses,
    Settings,
    Swarm,
    Time,
)
from cloister_conformance.target import MAX_BREAKS, shorten
from cloister_conformance.transport import (
    STDERR_BYTES,
    BrokenAdapter,
    HungAdapter,
    UnstableAdapter,
    describe_status,
    kill_group,
    start_process,
)

EXIT_SECONDS = 5
RELOAD_SECONDS = 5
IGNORE_SECONDS = 1.2
"""How long a node has to show that it takes up a network which it is to ignore."""
STOP_SECONDS = 2
"""How long a node may take to stop when its tests are over and nothing is claimed of it."""
POLL_SECONDS = 0.01
RATE_LIMIT_SECONDS = 0.1
OK = 200
TOO_MANY_REQUESTS = 429
MAX_AT_ONCE = 32
MAX_RESPONSE_BYTES = 64 * 2**20
CHUNK = 2**16
LOG_BYTES = 2**20

PORTS = (20_000, 32_768)
"""Below those that systems give to outgoing connections."""

BASE_TIME_MS = 1_700_000_000_000
BASE_NETWORK = Network(
    swarms=[
        Swarm(id=str(2**62), nodes=[UNDER_TEST, "b", "c"]),
        Swarm(id=str(3 * 2**62), nodes=["d", "e", "f"]),
    ]
)
BASE_SETTINGS: dict[str, JsonValue] = {
    "allow_private_targets": True,
    "timeout_seconds": 2,
    "requests_per_second": 100_000,
    "request_burst": 100_000,
}
"""What a node file says besides where every test begins: played servers can be reached, and tests are not slowed down."""


class NodeTarget:
    """A service node under test; its process is started when it is first needed, and with new data after it broke."""

    methods = NODE_METHODS

    def __init__(self, implementation: Implementation) -> None:
        self.implementation = implementation
        self.capabilities: list[str] = list(implementation.capabilities)
        self.last_line = ""
        self.error_text = ""
        self.breaks = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self._network: PlayedNetwork | None = None
        self.errors_read = 0
        self.host, self.port = HOST, 0
        if implementation.url:
            parts = urlsplit(implementation.url)
            self.host, self.port = str(parts.hostname), parts.port or 80
        self.height = 0
        self.clock_ms = BASE_TIME_MS
        self.layout = BASE_NETWORK
        self.settings = BASE_SETTINGS

    def offers(self, capability: str) -> bool:
        """Tell whether the implementation offers a capability."""
        return capability in self.capabilities

    # Its process

    @property
    def network(self) -> PlayedNetwork:
        """The nodes that are played beside it."""
        if self._network is None:
            self._network = PlayedNetwork()
        return self._network

    @property
    def files(self) -> Path:
        """The folder of its files."""
        if self.folder is None:
            self.folder = tempfile.TemporaryDirectory(prefix="cloister-node-")
            (Path(self.folder.name) / "data").mkdir()
        return Path(self.folder.name)

    def start(self) -> None:
        """Start the process, if it is ours and there is none, and wait until it serves.

        Raises:
            BrokenAdapter, HungAdapter: it does not.
        """
        if self.process is not None or self.implementation.url:
            return
        self.port = self.port or find_free_port()
        self.write_clock()
        self.write_node_file()
        with (self.files / "errors").open("ab") as errors:
            self.process = start_process(
                [*self.implementation.run, str(self.files / "node.json")],
                folder=self.implementation.folder,
                environment=self.implementation.environment,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
            )
        self.wait_ready(self.implementation.timeout_seconds)

    def wait_ready(self, seconds: float) -> None:
        """Wait so long until the node serves with the network of its node file.

        Raises:
            BrokenAdapter, HungAdapter: it has exited, or does not get there in time.
        """
        assert self.process is not None
        deadline = time.monotonic() + seconds
        seen = "nothing listens on its port"
        answer = ""
        while (rest_seconds := deadline - time.monotonic()) > 0:
            if (status := self.process.poll()) is not None:
                raise BrokenAdapter(describe_status(status))
            try:
                response = exchange(self.host, self.port, Request(method="GET", path="/health"), rest_seconds)
            except ConnectionRefusedError:
                pass
            except (OSError, HTTPException):
                seen = "GET /health is not answered"
            else:
                if response.status == OK and response.value == {"status": "ok", "height": self.height}:
                    return
                answer = f"GET /health is answered with {response.status} {shorten(response.body)}"
            time.sleep(POLL_SECONDS)
        raise HungAdapter(
            f"did not serve with the network of height {self.height} within {seconds:g} seconds: {answer or seen}"
        )

    def end_process(self, seconds: float) -> int | None:
        """End the process with SIGTERM, and with SIGKILL if it goes on running that long; return its exit status, if it exited."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        process.terminate()
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            kill_group(process)

    def stop(self) -> None:
        """End the process and close the played network; what the node has stored is forgotten, and where a test begins restored."""
        self.end_process(STOP_SECONDS)
        self.error_text = self.read_errors() or self.error_text
        if self._network is not None:
            self._network.close()
            self._network = None
        if self.folder is not None:
            self.folder.cleanup()
            self.folder = None
        self.errors_read = 0
        if not self.implementation.url:
            self.port = 0
        self.clock_ms, self.layout, self.settings = BASE_TIME_MS, BASE_NETWORK, BASE_SETTINGS

    def take_errors(self) -> str:
        """Return the end of what was written to standard output and standard error since this was last asked."""
        text = self.read_errors() or self.error_text
        self.error_text = ""
        return text

    def read_errors(self) -> str:
        """Read the end of what was written since this was last asked by a process whose files are there."""
        if self.folder is None or not (self.files / "errors").exists():
            return ""
        with (self.files / "errors").open("rb") as errors:
            end = errors.seek(0, os.SEEK_END)
            errors.seek(max(self.errors_read, end - STDERR_BYTES))
            self.errors_read = end
            return errors.read(STDERR_BYTES).decode("utf-8", "replace")

    # Its files

    @property
    def now_ms(self) -> int:
        """The time of its clock, which is the real one if it does not take it from a file."""
        return self.clock_ms if self.offers(CLOCK) else time.time_ns() // 1_000_000

    def write_clock(self) -> None:
        """Write the clock file."""
        if self.offers(CLOCK):
            replace_file(self.files / "clock", str(self.clock_ms))

    def write_node_file(self) -> None:
        """Write the node file, with the next height, or with an old one if its network is to be ignored."""
        if self.layout.behind is None:
            self.height += 1
        height = self.height - (self.layout.behind or 0)
        places = {name: (self.network.port_of(name) if name != UNDER_TEST else self.port) for name in NODES}
        node_file = {
            "seed": NODES[UNDER_TEST].seed.hex(),
            "host": HOST,
            "port": self.port,
            "data": str(self.files / "data"),
            **({"clock": str(self.files / "clock")} if self.offers(CLOCK) else {}),
            **self.settings,
            "network": describe_network(self.layout, height, places),
        }
        replace_file(self.files / "node.json", json.dumps(node_file, indent=1))

    # Calls

    def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Call a method; return the answer, whose one member is `result`.

        Raises:
            BrokenAdapter, HungAdapter: the node is broken.
        """
        decoded = NODE_METHODS[method].params.model_validate(params)
        self.last_line = f"{decoded.method} {decoded.path}" if isinstance(decoded, Request) else method
        try:
            self.start()
            return {"result": FUNCTIONS[method](self, decoded).model_dump()}
        except BrokenAdapter as error:
            self.stop()
            self.breaks += 1
            if self.breaks >= MAX_BREAKS:
                raise UnstableAdapter(str(error)) from None
            raise
        except HungAdapter:
            self.stop()
            raise

    def reset(self, _: Nothing) -> Nothing:
        """Bring everything to where a test begins."""
        if self.implementation.url:
            return Nothing()
        self.network.reset()
        if self.settings != BASE_SETTINGS:
            self.restart(Settings())
        self.set_clock(Time(now_ms=BASE_TIME_MS))
        if self.layout != BASE_NETWORK:
            self.set_network(BASE_NETWORK)
        return Nothing()

    def request(self, request: Request) -> Response:
        """Send a request; a node that is not ours may limit our rate, which is waited out.

        Raises:
            BrokenAdapter, HungAdapter: there is no response.
        """
        deadline = time.monotonic() + self.implementation.timeout_seconds
        while True:
            response = self.send(request)
            if not self.implementation.url or response.status != TOO_MANY_REQUESTS or time.monotonic() > deadline:
                return response
            time.sleep(RATE_LIMIT_SECONDS)

    def send(self, request: Request) -> Response:
        """Send a request once.

        Raises:
            BrokenAdapter, HungAdapter: there is no response.
        """
        seconds = self.implementation.timeout_seconds
        try:
            return exchange(self.host, self.port, request, seconds)
        except TimeoutError:
            raise HungAdapter(f"gave no answer within {seconds:g} seconds") from None
        except HTTPException as error:
            if isinstance(error, OSError):  # closed, where an answer was to come
                raise self.describe_end() from None
            raise BrokenAdapter(f"gave an answer that is not HTTP: {shorten(repr(error))}") from None
        except OSError:
            raise self.describe_end() from None

    def describe_end(self) -> BrokenAdapter:
        """Describe why there was no answer."""
        if self.process is None:
            return BrokenAdapter("closed the connection, or does not listen")
        try:
            return BrokenAdapter(describe_status(self.process.wait(1)))
        except subprocess.TimeoutExpired:
            return BrokenAdapter("closed the connection without an answer and goes on running")

    def request_all(self, params: Requests) -> Responses:
        """Send several requests at once."""
        requests = params.requests * params.times
        with ThreadPoolExecutor(min(MAX_AT_ONCE, len(requests))) as pool:
            responses = list(pool.map(self.request, requests))
        return Responses(responses=responses, statuses=sorted({response.status for response in responses}))

    def set_clock(self, params: Time) -> Nothing:
        """Set its clock."""
        self.clock_ms = params.now_ms
        self.write_clock()
        return Nothing()

    def set_network(self, layout: Network) -> Height:
        """Change the network, and wait until the node serves with it, or for a while if it is to ignore it."""
        self.layout = layout
        self.write_node_file()
        if layout.behind is None:
            self.wait_ready(RELOAD_SECONDS)
        else:
            time.sleep(IGNORE_SECONDS)
        return Height(height=self.height)

    def kill(self, _: Nothing) -> Nothing:
        """Kill the process and start it again."""
        assert self.process is not None
        kill_group(self.process)
        self.process = None
        self.start()
        return Nothing()

    def restart(self, params: Settings) -> Exit:
        """End the process as its operator does, and start it again, with other settings if some are given."""
        status = self.end_process(EXIT_SECONDS)
        self.settings = {**BASE_SETTINGS, **params.settings}
        self.start()
        return Exit(exit_status=status)

    def read_log(self, _: Nothing) -> Log:
        """Read the end of what the node has written."""
        text = (self.files / "errors").read_bytes()[-LOG_BYTES:]
        return Log(text=text.decode("utf-8", "replace"))


FUNCTIONS: dict[str, Callable[[NodeTarget, Any], Message]] = {
    "node.reset": NodeTarget.reset,
    "node.request": NodeTarget.request,
    "node.requests": NodeTarget.request_all,
    "node.set_clock": NodeTarget.set_clock,
    "node.set_network": NodeTarget.set_network,
    "node.kill": NodeTarget.kill,
    "node.restart": NodeTarget.restart,
    "node.read_log": NodeTarget.read_log,
}


# Files


def describe_network(layout: Network, height: int, ports: dict[str, int]) -> dict[str, JsonValue]:
    """Describe a network as the node file does, the nodes with their keys and ports."""
    return {
        "height": height,
        "swarms": [
            {"id": swarm.id, "nodes": [describe_node(name, ports[name]) for name in swarm.nodes]}
            for swarm in layout.swarms
        ],
        "difficulties": [difficulty.model_dump() for difficulty in layout.difficulties],
    }


def describe_node(name: str, port: int) -> dict[str, JsonValue]:
    """Describe a node as the node file does."""
    keys = NODES[name]
    return {
        "pubkey_ed25519": keys.ed25519.hex(),
        "pubkey_x25519": keys.x25519.hex(),
        "ip": HOST,
        "port": str(port),
    }


def replace_file(file: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one, and no half of it."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text, "utf-8")
    fresh.replace(file)


# HTTP


def find_free_port() -> int:
    """Find a port on which nothing listens, and which the system gives to nobody while the node is restarted."""
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as free, suppress(OSError):
            free.bind((HOST, port))
            return port


def exchange(host: str, port: int, request: Request, seconds: float) -> Response:
    """Send a request on a connection of its own and read the response.

    Raises:
        TimeoutError: there is none in time.
        OSError, HTTPException: there is none, or it is not HTTP.
    """
    deadline = time.monotonic() + seconds
    connection = HTTPConnection(host, port, timeout=seconds)
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # a node may answer before it has read the whole body
            connection.request(request.method, request.path, body=encode_body(request), headers=list_headers(request))
        response = connection.getresponse()
        return describe_response(response, read_body(response, deadline))
    finally:
        connection.close()


def encode_body(request: Request) -> bytes:
    """Encode the body of a request."""
    return request.body if request.value is None else json.dumps(request.value, separators=(",", ":")).encode()


def list_headers(request: Request) -> dict[str, str]:
    """List the headers of a request; the body of a value is JSON, unless the request says otherwise."""
    return request.headers if request.value is None else {"Content-Type": "application/json", **request.headers}


def read_body(response: HTTPResponse, deadline: float) -> bytes:
    """Read the body of a response, also if it comes drop by drop.

    Raises:
        TimeoutError: it does not end in time.
        HTTPException: it is too long.
    """
    body = bytearray()
    while chunk := response.read1(CHUNK):
        body += chunk
        if time.monotonic() > deadline:
            raise TimeoutError
        if len(body) > MAX_RESPONSE_BYTES:
            raise HTTPException(f"a body of more than {MAX_RESPONSE_BYTES} bytes")
    return bytes(body)


def describe_response(response: HTTPResponse, raw: bytes) -> Response:
    """Describe a response."""
    return Response(
        status=response.status,
        content_type=response.headers.get("Content-Type", ""),
        body=raw.decode("utf-8", "replace"),
        raw=raw,
        value=decode_value(raw),
    )


def decode_value(raw: bytes) -> JsonValue:
    """Decode the JSON text that a body is; one that is none has the value null."""
    try:
        value: JsonValue = from_json(raw, allow_inf_nan=False)
    except ValueError:
        return None
    return value
