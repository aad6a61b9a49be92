"""The actors of a test of an open-group server: `iut`, the server, and the people who ask it.

Ids, file numbers and invitations that came back are written as references into what is asked next: `post.refer("value", "id")`.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue

from cloister_conformance.open_group_target import OPERATOR, OpenGroupTarget
from cloister_conformance.protocol.open_group_server import AccountIds
from cloister_conformance.references import JOIN
from cloister_conformance.script import Answer, Script, TestedActor

Part = str | int | dict[str, Any]
"""Of a path: a text, a number, or a reference."""


class ServerUnderTest(TestedActor):
    """The server that is tested; `a` and `b` are its two rooms."""

    callee: OpenGroupTarget

    def __init__(self, target: OpenGroupTarget, script: Script) -> None:
        super().__init__("iut", target, script)
        self.a, self.b = target.rooms
        self.people = 0

    @property
    def now_ms(self) -> int:
        """The time of the server's clock."""
        return self.callee.now_ms

    @property
    def server_key(self) -> bytes:
        """The server's public key, 32 bytes."""
        return self.callee.server_key

    def ask(self, method: str, *path: Part, **how: Any) -> Answer:  # noqa: ANN401 - JSON values
        """Send a request: `value` or `body`, `account` by whom, `way`, and what is wrong with its signature."""
        return self.call("server.request", **write_request(method, *path, **how))

    def ask_at_once(self, requests: Sequence[dict[str, Any]], *, times: int = 1) -> Answer:
        """Send requests at once, the list so many times over."""
        return self.call("server.requests", requests=requests, times=times)

    def send_onion(self, payload: bytes, **control: JsonValue) -> Answer:
        """Send a payload as an onion request, with further members of its control."""
        return self.call("server.send_onion", payload=payload, control=control)

    def set_clock(self, now_ms: int) -> None:
        """Set the server's clock."""
        self.call("server.set_clock", now_ms=now_ms).must_be()

    def pass_time(self, seconds: float) -> None:
        """Set the server's clock so many seconds forward."""
        self.set_clock(self.now_ms + round(1000 * seconds))

    def kill(self) -> None:
        """Kill the server and start it again on the same data."""
        self.call("server.kill").must_be()

    def restart(self, **settings: JsonValue) -> Answer:
        """End the server as its operator does and start it again, with other members in its server file."""
        return self.call("server.restart", settings=settings)

    def read_log(self) -> Answer:
        """Read what the server has written; the result has the member `text`."""
        return self.call("server.read_log")

    # People

    @property
    def operator(self) -> "Person":
        """The administrator of the server."""
        return Person(self, OPERATOR)

    @property
    def nobody(self) -> "Person":
        """Who does not sign."""
        return Person(self, None)

    def meet(self, name: str = "") -> "Person":
        """Meet somebody new; what is called is the same person in one script."""
        self.people += 1
        return Person(self, name or f"person {self.people}")

    def meet_all(self, count: int) -> list["Person"]:
        """Meet so many people."""
        return [self.meet() for _ in range(count)]


class Person:
    """Who asks the server, under the blinded id unless `id` says otherwise."""

    def __init__(self, server: ServerUnderTest, name: str | None) -> None:
        self.server = server
        self.name = name
        self._ids: AccountIds | None = None

    @property
    def ids(self) -> AccountIds:
        """All ids of the account."""
        if self._ids is None:
            self._ids = self.server.call("server.make_account", name=self.name).result
        return self._ids

    @property
    def id(self) -> str:
        """The account id."""
        return self.ids.account

    @property
    def forms(self) -> list[str]:
        """All ids by which others can name the account."""
        return list(self.ids.model_dump().values())

    def other_form(self) -> str:
        """The id under which nobody has seen them sign."""
        return self.ids.other_blinded

    def write(self, method: str, *path: Part, **how: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
        """Write a request of theirs as params."""
        return write_request(method, *path, account=self.name, **how)

    def ask(self, method: str, *path: Part, **how: Any) -> Answer:  # noqa: ANN401 - JSON values
        """Send a request."""
        return self.server.call("server.request", **self.write(method, *path, **how))

    def get(self, *path: Part, **how: Any) -> Answer:  # noqa: ANN401 - JSON values
        """Send a GET."""
        return self.ask("GET", *path, **how)

    def post(self, *path: Part, value: Any = None, **how: Any) -> Answer:  # noqa: ANN401 - JSON values
        """Send a POST with a value, an empty object unless there is one, or with a `body`."""
        return self.ask("POST", *path, value=choose_value(value, how), **how)

    def put(self, *path: Part, value: Any = None, **how: Any) -> Answer:  # noqa: ANN401 - JSON values
        """Send a PUT with a value."""
        return self.ask("PUT", *path, value=choose_value(value, how), **how)

    def delete(self, *path: Part, **how: Any) -> Answer:  # noqa: ANN401 - JSON values
        """Send a DELETE."""
        return self.ask("DELETE", *path, **how)


def begin_server(target: OpenGroupTarget, script: Script) -> ServerUnderTest:
    """Begin a script, with clock, settings and the defaults of both rooms as where every test begins."""
    iut = ServerUnderTest(target, script)
    iut.call("server.reset", seed=script.seed, script=target.begin.script + 1).must_be(statuses=[200])
    return iut


def choose_value(value: Any, how: dict[str, Any]) -> Any:  # noqa: ANN401 - a JSON value
    """Choose the value of a request: an empty object if there is neither a value nor a body."""
    return {} if value is None and "body" not in how else value


def write_request(method: str, *path: Part, **how: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    """Write a request as params, without what is not given."""
    given = {"method": method, "path": join(path), **how}
    return {name: member for name, member in given.items() if member is not None and member != b""}


def join(path: Sequence[Part]) -> Part:
    """Join the parts of a path, references left in it."""
    if all(isinstance(part, str | int) for part in path):
        return "".join(str(part) for part in path)
    return {JOIN: [part if isinstance(part, dict) else str(part) for part in path]}
