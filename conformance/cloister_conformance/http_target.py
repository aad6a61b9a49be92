"""What is under test and called over HTTP: its process, the file that it is started with, its clock.

A call is a method of the role, and its answer a result: what comes back to a request is never a refusal, and no answer
at all is a broken server. What a role has beside it stands in `node_target` and `open_group_target`.
"""

import json
import os
import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import JsonValue
from pydantic_core import from_json

from cloister_conformance.implementation import Implementation
from cloister_conformance.played_network import HOST
from cloister_conformance.protocol.messages import Message, Method, Nothing
from cloister_conformance.protocol.over_http import CLOCK, Exit, Log, Request, Response, Settings, Time
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

MEMORY = "/dev/shm"  # noqa: S108 - the folder inside is made by tempfile
EXIT_SECONDS = 5
STOP_SECONDS = 2
"""How long it may take to stop when its tests are over and nothing is claimed of it."""
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

Sent = TypeVar("Sent")
Came = TypeVar("Came")
AnyResponse = TypeVar("AnyResponse", bound=Response)


def find_memory() -> str | None:
    """Find a folder in memory, None if there is none: tests kill processes and not machines, so no disk need be waited for."""
    return MEMORY if os.access(MEMORY, os.W_OK) else None


class HttpTarget:
    """A server under test; its process is started when it is first needed, and with new data after it broke."""

    methods: dict[str, Method]
    functions: dict[str, Callable[[Any, Any], Message]]
    base_settings: dict[str, JsonValue]
    """What its file says besides where every test begins."""

    def __init__(self, implementation: Implementation) -> None:
        self.implementation = implementation
        self.capabilities: list[str] = list(implementation.capabilities)
        self.last_line = ""
        self.error_text = ""
        self.breaks = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.errors_read = 0
        self.host, self.port = HOST, 0
        if implementation.url:
            parts = urlsplit(implementation.url)
            self.host, self.port = str(parts.hostname), parts.port or 80
        self.clock_ms = BASE_TIME_MS
        self.settings = self.base_settings

    def offers(self, capability: str) -> bool:
        """Tell whether the implementation offers a capability."""
        return capability in self.capabilities

    # What a role says of itself

    @property
    def file(self) -> Path:
        """The file that it is started with."""
        raise NotImplementedError

    def write_file(self) -> None:
        """Write the file that it is started with."""
        raise NotImplementedError

    @property
    def health(self) -> JsonValue:
        """What `GET /health` is answered with when it serves."""
        raise NotImplementedError

    @property
    def readiness(self) -> str:
        """What it does when it serves, in a few words."""
        raise NotImplementedError

    # Its process

    @property
    def files(self) -> Path:
        """The folder of its files."""
        if self.folder is None:
            self.folder = tempfile.TemporaryDirectory(prefix="cloister-under-test-", dir=find_memory())
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
        self.write_file()
        with (self.files / "errors").open("ab") as errors:
            self.process = start_process(
                [*self.implementation.run, str(self.file)],
                folder=self.implementation.folder,
                environment=self.implementation.environment,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
            )
        self.wait_ready(self.implementation.timeout_seconds)

    def wait_ready(self, seconds: float) -> None:
        """Wait so long until it serves as its file says.

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
                if response.status == OK and response.value == self.health:
                    return
                answer = f"GET /health is answered with {response.status} {shorten(response.body)}"
            time.sleep(POLL_SECONDS)
        raise HungAdapter(f"did not {self.readiness} within {seconds:g} seconds: {answer or seen}")

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
        """End the process; what it has stored is forgotten, and where a test begins restored."""
        self.end_process(STOP_SECONDS)
        self.error_text = self.read_errors() or self.error_text
        if self.folder is not None:
            self.folder.cleanup()
            self.folder = None
        self.errors_read = 0
        if not self.implementation.url:
            self.port = 0
        self.clock_ms, self.settings = BASE_TIME_MS, self.base_settings

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

    # Its clock

    @property
    def now_ms(self) -> int:
        """The time of its clock, which is the real one if it does not take it from a file."""
        return self.clock_ms if self.offers(CLOCK) else time.time_ns() // 1_000_000

    def write_clock(self) -> None:
        """Write the clock file."""
        if self.offers(CLOCK):
            replace_file(self.files / "clock", str(self.clock_ms))

    def describe_start(self) -> dict[str, JsonValue]:
        """Describe what the file of each role says: where it listens, its data, its clock, and the settings."""
        return {
            "host": HOST,
            "port": self.port,
            "data": str(self.files / "data"),
            **({"clock": str(self.files / "clock")} if self.offers(CLOCK) else {}),
            **self.settings,
        }

    # Calls

    def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Call a method; return the answer, whose one member is `result`.

        Raises:
            BrokenAdapter, HungAdapter: what is under test is broken.
        """
        decoded = self.methods[method].params.model_validate(params)
        self.last_line = f"{decoded.method} {decoded.path}" if isinstance(decoded, Request) else method
        try:
            self.start()
            return {"result": self.functions[method](self, decoded).model_dump()}
        except BrokenAdapter as error:
            self.stop()
            self.breaks += 1
            if self.breaks >= MAX_BREAKS:
                raise UnstableAdapter(str(error)) from None
            raise
        except HungAdapter:
            self.stop()
            raise

    def restore(self) -> None:
        """Bring settings and clock to where a test begins."""
        if self.settings != self.base_settings:
            self.restart(Settings())
        self.set_clock(Time(now_ms=BASE_TIME_MS))

    def wait_out(self, send: Callable[[], AnyResponse]) -> AnyResponse:
        """Send a request; what is not ours may limit our rate, which is waited out.

        Raises:
            BrokenAdapter, HungAdapter: there is no response.
        """
        deadline = time.monotonic() + self.implementation.timeout_seconds
        while True:
            response = send()
            if not self.implementation.url or response.status != TOO_MANY_REQUESTS or time.monotonic() > deadline:
                return response
            time.sleep(RATE_LIMIT_SECONDS)

    def send(self, request: Request) -> "WholeResponse":
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

    def set_clock(self, params: Time) -> Nothing:
        """Set its clock."""
        self.clock_ms = params.now_ms
        self.write_clock()
        return Nothing()

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
        self.settings = {**self.base_settings, **params.settings}
        self.start()
        return Exit(exit_status=status)

    def read_log(self, _: Nothing) -> Log:
        """Read the end of what it has written."""
        text = (self.files / "errors").read_bytes()[-LOG_BYTES:]
        return Log(text=text.decode("utf-8", "replace"))


def name_process_functions(prefix: str) -> dict[str, Callable[[Any, Any], Message]]:
    """Name the functions of the methods that all roles have."""
    return {
        f"{prefix}.set_clock": HttpTarget.set_clock,
        f"{prefix}.kill": HttpTarget.kill,
        f"{prefix}.restart": HttpTarget.restart,
        f"{prefix}.read_log": HttpTarget.read_log,
    }


# Files


def replace_file(file: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one, and no half of it."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text, "utf-8")
    fresh.replace(file)


# HTTP


class WholeResponse(Response):
    """A response with its headers, their names in lower case."""

    headers: dict[str, str]


def find_free_port() -> int:
    """Find a port on which nothing listens, and which the system gives to nobody while the server is restarted."""
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as free, suppress(OSError):
            free.bind((HOST, port))
            return port


def exchange(host: str, port: int, request: Request, seconds: float) -> WholeResponse:
    """Send a request on a connection of its own and read the response.

    Raises:
        TimeoutError: there is none in time.
        OSError, HTTPException: there is none, or it is not HTTP.
    """
    deadline = time.monotonic() + seconds
    connection = HTTPConnection(host, port, timeout=seconds)
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may answer before it has read the whole body
            connection.request(request.method, request.path, body=encode_body(request), headers=list_headers(request))
        response = connection.getresponse()
        return describe_response(response, read_body(response, deadline))
    finally:
        connection.close()


def send_at_once(send: Callable[[Sent], Came], requests: Sequence[Sent]) -> list[Came]:
    """Send requests at once; return what came, in their order."""
    with ThreadPoolExecutor(min(MAX_AT_ONCE, len(requests))) as pool:
        return list(pool.map(send, requests))


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


def describe_response(response: HTTPResponse, raw: bytes) -> WholeResponse:
    """Describe a response."""
    headers = {name.lower(): text for name, text in response.headers.items()}
    return WholeResponse(
        status=response.status,
        content_type=headers.get("content-type", ""),
        body=raw.decode("utf-8", "replace"),
        raw=raw,
        value=decode_value(raw),
        headers=headers,
    )


def decode_value(raw: bytes) -> JsonValue:
    """Decode the JSON text that a body is; one that is none has the value null."""
    try:
        value: JsonValue = from_json(raw, allow_inf_nan=False)
    except ValueError:
        return None
    return value
