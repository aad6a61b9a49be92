"""Chapter 13, roles that are tested over HTTP: a request and its response, the clock, the process.

What a role has beside it stands in a module of its own: `service_node`, `open_group_server`.
"""

from typing import Annotated

from annotated_types import Ge
from pydantic import Field, JsonValue, model_validator

from cloister_conformance.protocol.messages import Hex, Message, Method, Nothing

CLOCK = "clock"

Milliseconds = Annotated[int, Ge(0)]


class Request(Message):
    """An HTTP request; its body is `body`, or the JSON text of `value`."""

    method: str
    path: str
    headers: dict[str, str] = Field(default={})
    body: Hex = b""
    value: JsonValue = None

    @model_validator(mode="after")
    def check_body(self) -> "Request":
        """Check that there are not two bodies."""
        if self.body and self.value is not None:
            raise ValueError("a request has a body or a value, not both")
        return self


class Response(Message):
    """An HTTP response: the body as text, as bytes, and as the JSON value that it is the text of, else null."""

    status: int
    content_type: str
    body: str
    raw: Hex
    value: JsonValue


class Time(Message):
    """The time of the clock of what is under test."""

    now_ms: Milliseconds


class Settings(Message):
    """Members of its file that stand in the place of the harness's own until the test ends."""

    settings: dict[str, JsonValue] = Field(default={})


class Log(Message):
    """The end of what it has written to standard output and standard error since it was last started with new data."""

    text: str


class Exit(Message):
    """The exit status after SIGTERM; null if the process went on running and had to be killed."""

    exit_status: int | None


def make_process_methods(prefix: str, file: str) -> tuple[Method, ...]:
    """Make the methods of a role that change the clock or the process; `file` is the capability to start with a file."""
    return (
        Method(
            name=f"{prefix}.set_clock",
            capability=CLOCK,
            summary="Write another time into the clock file.",
            params=Time,
            result=Nothing,
        ),
        Method(
            name=f"{prefix}.kill",
            capability=file,
            summary="Kill the process with SIGKILL and start it again on the same data.",
            params=Nothing,
            result=Nothing,
        ),
        Method(
            name=f"{prefix}.restart",
            capability=file,
            summary="End the process with SIGTERM and start it again on the same data.",
            params=Settings,
            result=Exit,
        ),
        Method(
            name=f"{prefix}.read_log",
            capability=file,
            summary="Read what it has written to standard output and standard error.",
            params=Nothing,
            result=Log,
        ),
    )
