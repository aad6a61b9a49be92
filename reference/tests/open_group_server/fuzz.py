"""schemathesis against the endpoints of a server, from its /openapi.json: `tox -e fuzz`.

On SQLite and on PostgreSQL, each request signed by an administrator, by a stranger, or by nobody.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cloister import identity, server_id
from cloister.devserver import DevServer
from postgresql import NOT_INSTALLED, Cluster, find_postgres

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
)
RATE = 1_000_000
REFUSALS = (400, 401, 403, 404, 405, 406, 412, 413, 416, 425, 429)
EXAMPLES = 20
"""For each endpoint."""
ROOMS = [
    {"token": "tea", "name": "Tea"},
    {
        "token": "white",
        "name": "White",
        "default_read": False,
        "default_accessible": False,
        "default_write": False,
        "default_upload": False,
        "invitation_required": True,
    },
]


def derive_seed(name: str) -> bytes:
    """Derive the seed of who signs."""
    return hashlib.sha256(f"cloister example {name}".encode()).digest()


@contextmanager
def open_databases() -> Iterator[dict[str, Callable[[], str | None]]]:
    """Open the kinds of databases that there are: what makes an empty one, by name; None is SQLite."""
    programs = find_postgres()
    if programs is None:
        print(f"!!! NOT RUN on PostgreSQL: {NOT_INSTALLED}")
        yield {"SQLite": lambda: None}
        return
    cluster = Cluster(programs)
    try:
        yield {"SQLite": lambda: None, "PostgreSQL": cluster.make_database}
    finally:
        cluster.stop()


def fuzz(who: str, database: str | None) -> int:
    """Fuzz a server as somebody; return the exit status of schemathesis."""
    account = identity.encode_account_id(identity.derive_identity(derive_seed("administrator")).public)
    settings = {"requests_per_second": RATE, "request_burst": RATE, **({"database": database} if database else {})}
    with (
        tempfile.TemporaryDirectory() as folder,
        DevServer(Path(folder), operator=account, rooms=ROOMS, settings=settings) as server,
    ):
        expected = f"[checks.negative_data_rejection]\nexpected-statuses = {list(REFUSALS)}\n"
        (Path(folder) / "schemathesis.toml").write_text(expected)
        seeds = [derive_seed(name) for name in ("administrator", "stranger")]
        ids = [server_id.derive_blinded_id(seed, server_key=server.key).id.hex() for seed in seeds]
        environment = {
            "SCHEMATHESIS_HOOKS": "fuzz_hooks",
            "PYTHONPATH": str(Path(__file__).parent),
            "FUZZ_KEY": server.key.hex(),
            "FUZZ_IDS": " ".join([account, *ids]),
            "FUZZ_SEED": "" if who == "nobody" else derive_seed(who).hex(),
        }
        command = [str(Path(sys.executable).parent / "schemathesis"), "run"]
        command.append(f"http://127.0.0.1:{server.port}/openapi.json")
        options = ["--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES)]
        options += ["--seed", "1", "--request-timeout", "20", *sys.argv[1:]]
        return subprocess.run([*command, *options], check=False, cwd=folder, env=os.environ | environment).returncode


def main() -> int:
    """Fuzz a server on each database as everybody; return the worst exit status."""
    worst = 0
    with open_databases() as databases:
        for name, make_database in databases.items():
            for who in ("administrator", "stranger", "nobody"):
                print(f"=== a server on {name}, asked by {who}", flush=True)
                worst = max(worst, fuzz(who, make_database()))
    return worst


if __name__ == "__main__":
    sys.exit(main())
