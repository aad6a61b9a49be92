"""schemathesis against the endpoints of a node, from its /openapi.json: `tox -e fuzz`."""

import subprocess
import sys
import tempfile
from pathlib import Path

from cloister.devnet import Devnet, launch, wait_for_height

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
)
RATE = 1_000_000


def main() -> int:
    """Fuzz one node; return the exit status of schemathesis."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"requests_per_second": RATE, "request_burst": RATE, "timeout_seconds": 1}
        devnet = Devnet(folder=Path(folder), settings=settings)
        try:
            launch(devnet.nodes[0])
            wait_for_height(devnet.nodes[0], devnet.network.height)
            command = [str(Path(sys.executable).parent / "schemathesis"), "run", f"{devnet.nodes[0].url}/openapi.json"]
            options = ["--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing", "--max-examples", "150"]
            return subprocess.run(
                [*command, *options, "--seed", "1", *sys.argv[1:]], check=False, cwd=folder
            ).returncode
        finally:
            devnet.close()


if __name__ == "__main__":
    sys.exit(main())
