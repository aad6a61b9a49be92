"""The description of an implementation under test: `adapter.toml`, chapter 13."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Role = Literal["client", "service-node", "open-group-server"]
ROLES: tuple[Role, ...] = get_args(Role)
ServerCapability = Literal["network-file", "server-file", "clock"]
OFFERS: dict[Role, list[ServerCapability]] = {
    "client": [],
    "service-node": ["network-file", "clock"],
    "open-group-server": ["server-file", "clock"],
}
"""What an implementation of a role can offer that says so in its description; the first is what it cannot be started without."""
KEY = r"^[0-9a-f]{64}$"
URL = re.compile(r"http://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?")

PYTHON = [sys.executable, "-P", "-m"]
"""Runs a module of ours, whatever modules the working folder has."""
REFERENCE_NAME = "cloister reference"
REFERENCE_COMMAND = [*PYTHON, "cloister_conformance.reference_adapter"]
REFERENCE_COMMANDS: dict[Role, list[str]] = {
    "client": REFERENCE_COMMAND,
    "service-node": [*PYTHON, "cloister.service_node"],
    "open-group-server": [*PYTHON, "cloister.open_group_server"],
}
"""The bundled reference, in each of its roles."""
BUILD_SECONDS = 1200


class UnusableDescription(Exception):
    """There is no description of an implementation where one should be; the message says what to do."""


class UnusableImplementation(Exception):
    """The implementation could not be run; the message says what to do."""


class KnownFailure(BaseModel):
    """What is known to fail: the tests of some clauses, some tests, and how: `expected` are parts of what comes instead."""

    model_config = ConfigDict(extra="forbid")

    clauses: list[str] = []
    tests: list[str] = []
    expected: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1)
    reason: str = Field(min_length=1)
    link: str | None = None

    @property
    def names(self) -> list[str]:
        """Its clauses and tests."""
        return [*self.clauses, *self.tests]

    def find_names(self, test: str, clauses: list[str]) -> list[str]:
        """Find those of its clauses and tests that speak of a test."""
        return [name for name in self.names if name == test or name in clauses]

    def explains(self, actual: str) -> bool:
        """Tell whether what came is what is known to come."""
        return any(part in actual for part in self.expected)


class KnownMatrixFailure(BaseModel):
    """What is known to fail when implementations talk to each other: a scenario, in one role or in any, and how."""

    model_config = ConfigDict(extra="forbid")

    scenario: str
    role: Literal["initiator", "responder", "member"] | None = None
    expected: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1)
    reason: str = Field(min_length=1)

    def explains(self, actual: str) -> bool:
        """Tell whether what came is what is known to come."""
        return any(part in actual for part in self.expected)


class Implementation(BaseModel):
    """An implementation under test; `folder` is where its commands run."""

    model_config = ConfigDict(extra="forbid")

    name: str
    role: Role = "client"
    run: list[str] = []
    url: str | None = None
    server_key: Annotated[str, Field(pattern=KEY)] = ""
    admin_seed: Annotated[str, Field(pattern=KEY, repr=False)] = ""
    rooms: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]] = []
    capabilities: list[ServerCapability] = []
    build: list[Annotated[list[str], Field(min_length=1)]] = []
    requires: list[Annotated[str, Field(min_length=1)]] = []
    timeout_seconds: float = Field(default=10, gt=0, le=3600)
    environment: dict[str, str] = {}
    known_failure: list[KnownFailure] = []
    known_matrix_failure: list[KnownMatrixFailure] = []
    folder: Path = Path()

    @model_validator(mode="after")
    def check_role(self) -> "Implementation":
        """Check that there is what an implementation of this role needs to be reached, and nothing else."""
        if self.role != "client":
            check_server(self)
        elif not self.run:
            raise ValueError("run: the command that starts it is missing")
        elif self.url is not None or self.capabilities:
            raise ValueError("url and capabilities are for servers; an adapter lists its own in hello")
        check_access(self)
        return self


def check_server(server: Implementation) -> None:
    """Check the description of a service node or an open-group server: it is started with a file, or runs already."""
    needed, *_ = OFFERS[server.role]
    if server.url is None:
        if not server.run:
            raise ValueError("run: the command that starts it is missing, or the url where it runs already")
        for capability in server.capabilities:
            if capability not in OFFERS[server.role]:
                raise ValueError(f"capabilities: {capability} is not for the role {server.role}")
        if needed not in server.capabilities:
            raise ValueError(f"capabilities: what is started offers {needed}, else nobody tells it its port")
        return
    if server.run or server.build or server.capabilities:
        raise ValueError("url: what runs already has no run, build or capabilities")
    if not URL.fullmatch(server.url):
        raise ValueError(f"url: {server.url} is no http://HOST:PORT")


def check_access(server: Implementation) -> None:
    """Check that what gives access to an open-group server is there if it runs already, and only then."""
    given = [bool(member) for member in (server.server_key, server.admin_seed, server.rooms)]
    if server.role != "open-group-server" or server.url is None:
        if any(given):
            raise ValueError("server_key, admin_seed and rooms are for an open-group server that runs already")
    elif not all(given) or len(set(server.rooms)) != 2:
        raise ValueError("url: an open-group server that runs already has a server_key, an admin_seed and two rooms")


def reference(role: str = "client") -> Implementation:
    """Describe the bundled reference in a role.

    Raises:
        UnusableDescription: it has no such role.
    """
    command = REFERENCE_COMMANDS.get(check_is_role(role))
    if command is None:
        raise UnusableDescription(f"the bundled reference has no role {role}; it has {', '.join(REFERENCE_COMMANDS)}")
    return from_command(command, role=role, name=REFERENCE_NAME)


def from_command(
    command: list[str], *, role: str = "client", name: str = "", timeout_seconds: float = 10
) -> Implementation:
    """Describe an implementation of which only the command is known; a server is taken to offer all that one can."""
    return Implementation(
        name=name or shlex.join(command),
        role=check_is_role(role),
        run=command,
        capabilities=OFFERS[check_is_role(role)],
        timeout_seconds=timeout_seconds,
    )


def from_url(url: str, *, timeout_seconds: float = 10) -> Implementation:
    """Describe a service node that runs already.

    Raises:
        UnusableDescription: this is no URL of one.
    """
    if not URL.fullmatch(url):
        raise UnusableDescription(f"{url} is no http://HOST:PORT")
    return Implementation(name=url, role="service-node", url=url, timeout_seconds=timeout_seconds)


def read(folder: Path) -> Implementation:
    """Read the description in a folder.

    Raises:
        UnusableDescription: there is no such folder or description, or it does not say what it must.
    """
    if not folder.is_dir():
        raise UnusableDescription(f"there is no folder {folder}; give one that holds an adapter.toml, or `-- COMMAND`")
    file = folder / "adapter.toml"
    if not file.is_file():
        raise UnusableDescription(f"{folder} holds no adapter.toml; `cloister adapter new` writes one")
    try:
        description = tomllib.loads(file.read_text("utf-8"))
        if "folder" in description:
            raise UnusableDescription(f"{file}: folder: this is where the file stands, not a member")
        found = Implementation.model_validate({**description, "folder": folder.resolve()})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnusableDescription(f"{file} is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}." for part in first["loc"])[:-1]
        what = first["msg"].removeprefix("Value error, ")
        raise UnusableDescription(": ".join(part for part in (str(file), where, what) if part)) from None
    for known in found.known_failure:
        if not known.names:
            raise UnusableDescription(f"{file}: a known_failure names at least one clause or test ({known.reason})")
    return found


def check_names(found: Sequence[Implementation]) -> None:
    """Check that implementations that stand side by side in a report have names of their own.

    Raises:
        UnusableDescription: two have the same.
    """
    names = [implementation.name for implementation in found]
    for name in names:
        if names.count(name) > 1:
            raise UnusableDescription(
                f"two implementations are called {name}; name each once, and differently in adapter.toml"
            )


def check_role(implementation: Implementation, role: str) -> None:
    """Check that an implementation has the role that the command line names.

    Raises:
        UnusableDescription: there is no such role, or it has another one.
    """
    check_is_role(role)
    if role != implementation.role:
        raise UnusableDescription(
            f"{implementation.name} has the role {implementation.role}, not {role}; say so in adapter.toml"
        )


def check_is_role(role: str) -> Role:
    """Check that there is such a role, and return it.

    Raises:
        UnusableDescription: there is none.
    """
    for known in ROLES:
        if role == known:
            return known
    raise UnusableDescription(f"there is no role {role}; there are {', '.join(ROLES)}")


def find_missing(implementation: Implementation) -> list[str]:
    """Find what is required and not installed."""
    return [name for name in implementation.requires if not is_installed(name)]


def is_installed(name: str) -> bool:
    """Tell whether a program is installed, or, if it is called NAME.pc, a library that pkg-config knows as NAME."""
    if not name.endswith(".pc"):
        return shutil.which(name) is not None
    command = ["pkg-config", "--exists", name.removesuffix(".pc")]
    return is_installed(command[0]) and subprocess.run(command, check=False).returncode == 0


def build(implementation: Implementation) -> None:
    """Run the build commands.

    Raises:
        UnusableImplementation: what it requires is not installed, or a command fails or takes too long.
    """
    for name in find_missing(implementation):
        raise UnusableImplementation(f"{implementation.name} needs {name}, which is not installed")
    for command in implementation.build:
        problem = find_problem(command, implementation.folder)
        if problem:
            raise UnusableImplementation(f"cannot build {implementation.name}: `{shlex.join(command)}`{problem}")


def find_problem(command: list[str], folder: Path) -> str:
    """Run a build command, in a process group of its own that is ended with it; return what went wrong, if anything did."""
    process: subprocess.Popen[bytes] | None = None
    with tempfile.TemporaryFile() as output:
        try:
            with later_signals():
                process = subprocess.Popen(
                    command,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            status = process.wait(BUILD_SECONDS)
        except (OSError, ValueError) as error:
            return f": {getattr(error, 'strerror', None) or error}"
        except subprocess.TimeoutExpired:
            return " took too long"
        finally:
            if process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        return f" ended with {status}\n{output.read().decode('utf-8', 'replace')}" if status else ""


@contextmanager
def later_signals() -> Iterator[None]:
    """Put off what would end this process until the block is over: a process that was begun in it is then known."""
    if threading.current_thread() is not threading.main_thread():  # others get no signals
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        signal.signal(number, lambda one, _: came.append(one))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for one in came:
            signal.raise_signal(one)
