"""`cloister check --role open-group-server` on the reference with PostgreSQL: `tox -e postgresql`.

A server under test is started with the path of a server file. Here a step between adds the URL of an empty database to it.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cloister_conformance.data import CHECKOUT
from postgresql import NOT_INSTALLED, Cluster, find_postgres

CLUSTER_URL = "CLOISTER_CLUSTER"


def serve(file: Path) -> None:
    """Serve by a server file, on a new database, or on that of an earlier start by the same file."""
    noted = file.with_name("database")
    if not noted.exists():
        noted.write_text(make_database(os.environ[CLUSTER_URL]))
    with_database = file.with_name("with-database.json")
    with_database.write_text(json.dumps({**json.loads(file.read_text()), "database": noted.read_text()}))
    os.execv(sys.executable, [sys.executable, "-P", "-m", "cloister.open_group_server", str(with_database)])


def make_database(cluster: str) -> str:
    """Make an empty database; return its URL."""
    import psycopg

    name = f"check_{os.getpid()}"
    with psycopg.connect(f"{cluster}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{cluster}/{name}"


def main(options: list[str]) -> int:
    """Check the reference on PostgreSQL; return the exit status."""
    programs = find_postgres()
    if programs is None:
        print(f"!!! NOT RUN: the suite of open-group servers on PostgreSQL: {NOT_INSTALLED}")
        return 0
    cluster = Cluster(programs)
    try:
        with tempfile.TemporaryDirectory() as folder:
            lines = {"name": "cloister reference on PostgreSQL", "role": "open-group-server", "timeout_seconds": 30}
            run = {"run": [sys.executable, __file__], "capabilities": ["server-file", "clock"]}
            described = [f"{name} = {json.dumps(value)}" for name, value in {**lines, **run}.items()]
            (Path(folder) / "adapter.toml").write_text("\n".join(described) + "\n")
            cloister = [sys.executable, "-c", "from cloister_conformance.cli import main; main()"]
            command = [*cloister, "check", "--role", "open-group-server", folder, *options]
            environment = {**os.environ, CLUSTER_URL: cluster.url}
            return subprocess.run(command, check=False, cwd=CHECKOUT, env=environment).returncode
    finally:
        cluster.stop()


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1].endswith(".json"):
        serve(Path(sys.argv[1]))
    sys.exit(main(sys.argv[1:]))
