"""An open-group server on loopback, beside a devnet, for trying and for tests: a process of its own.

    with DevServer(folder, operator=identity.encode_account_id(alice.ours), rooms=[{"token": "tea", "name": "Tea"}]) as server:
        await alice.join_room(server.find_link("tea"))

Its server file, its data and its log are in one folder; so one that is made again there goes on with them.
"""

import http.client
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cloister import identity
from cloister.devnet import (
    HOST,
    POLL_SECONDS,
    START_SECONDS,
    STOP_SECONDS,
    DevnetError,
    find_ports,
    read_last_line,
    write,
)
from cloister.room import RoomLink

FILE = "server.json"
LOG = "server.log"


class DevServer:
    """A server with rooms: each is what `rooms` of a server file takes, its token and name among it."""

    def __init__(
        self,
        folder: Path,
        *,
        operator: str,
        rooms: Sequence[Mapping[str, Any]],
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Make the server file; `operator` is an account id, `settings` are further members of the file."""
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        (self.port,) = find_ports(1)
        seed = secrets.token_bytes(identity.SEED_BYTES)
        self.key = identity.derive_identity(seed).public[1:]
        folder.mkdir(parents=True, exist_ok=True)
        own = {"seed": seed.hex(), "host": HOST, "port": self.port, "data": str(folder / "data"), "operator": operator}
        write(folder / FILE, {**own, "rooms": [dict(each) for each in rooms], **(settings or {})})

    def __enter__(self) -> Self:
        """Start it, and wait until it serves."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop it."""
        self.close()

    @property
    def log(self) -> Path:
        """The log of all its runs."""
        return self.folder / LOG

    def find_link(self, token: str) -> RoomLink:
        """Find the link to a room."""
        return RoomLink(protocol="http", host=HOST, port=self.port, room=token, server_key=self.key)

    def start(self) -> None:
        """Start it, and wait until it serves.

        Raises:
            DevnetError: it does not.
        """
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cloister.open_group_server", str(self.folder / FILE)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if serves(self.port):
                return
            if self.process.poll() is not None:
                raise DevnetError(f"the open-group server has ended: {read_last_line(self.log)}")
            time.sleep(POLL_SECONDS)
        raise DevnetError(f"the open-group server does not answer: see {self.log}")

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """Stop it, if it runs."""
        if self.process is not None:
            self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        """End its process by a signal, and if it will not, by force."""
        assert self.process is not None
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def serves(port: int) -> bool:
    """Ask a server on loopback whether it serves."""
    connection = http.client.HTTPConnection(HOST, port, timeout=STOP_SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):  # it is not there yet
        return False
    finally:
        connection.close()
