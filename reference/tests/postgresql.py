"""A PostgreSQL of our own, on loopback, in a folder of its own, for tests of the open-group server."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

NOT_INSTALLED = "PostgreSQL is not installed: apt-get install postgresql"


def find_ports(count: int) -> list[int]:
    """Ports of loopback that are free."""
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in opened]
    for one in opened:
        one.close()
    return ports


def wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's programs: of the PATH, or Debian's newest."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return folders[-1] if folders and (folders[-1] / "initdb").exists() else None


def as_user() -> list[str]:
    """What stands before a command that root may not run."""
    if os.geteuid():
        return []
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]


class Cluster:
    """A PostgreSQL of our own, on loopback, in a folder of its own."""

    def __init__(self, programs: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cloister-postgresql-"))
        if not os.geteuid():
            shutil.chown(self.folder, "nobody", "nogroup")
        data = self.folder / "data"
        command = [programs / "initdb", "-D", data, "-U", "cloister", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run([*as_user(), *command], check=True, capture_output=True, cwd=self.folder)
        (self.port,) = find_ports(1)
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.process = subprocess.Popen(
            [*as_user(), programs / "postgres", "-D", data, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )
        self._count = 0
        wait_until(self.answers)

    def answers(self) -> bool:
        assert self.process.poll() is None, "PostgreSQL did not start"
        import psycopg

        try:
            psycopg.connect(f"{self.url}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def url(self) -> str:
        """Where it is, without a database."""
        return f"postgresql://cloister@127.0.0.1:{self.port}"

    def make_database(self) -> str:
        """Make an empty database; its URL."""
        import psycopg

        self._count += 1
        with psycopg.connect(f"{self.url}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE test_{self._count}")
        return f"{self.url}/test_{self._count}"

    def stop(self) -> None:
        self.process.send_signal(signal.SIGQUIT)  # at once, without a checkpoint on a busy disk
        self.process.wait(20)
        shutil.rmtree(self.folder)
