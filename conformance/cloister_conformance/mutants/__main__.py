"""Run a mutant in a role: `python -m cloister_conformance.mutants ID FOLDER [--role ROLE FILE]`.

Without a role it serves on standard input and output.
"""

import runpy
import sys
from pathlib import Path

from cloister_conformance import mutants

CLIENT = "cloister_conformance.reference_adapter"
SERVERS = {"service-node": "cloister.service_node", "open-group-server": "cloister.open_group_server"}
"""What is run in a role with a file."""


def main() -> None:
    """Edit, then run what the role runs."""
    mutant_id, folder, *rest = sys.argv[1:]
    mutants.install(mutants.find(mutants.read(Path(folder)), mutant_id))
    if rest[:1] == ["--role"]:
        sys.argv[1:] = rest[2:]
        runpy.run_module(SERVERS[rest[1]], run_name="__main__")
    else:
        runpy.run_module(CLIENT, run_name="__main__")


main()
