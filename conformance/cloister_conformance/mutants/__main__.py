"""Run a mutant in a role: `python -m cloister_conformance.mutants ID FOLDER [--role service-node NODEFILE]`.

Without a role it serves on standard input and output.
"""

import runpy
import sys
from pathlib import Path

from cloister_conformance import mutants

CLIENT = "cloister_conformance.reference_adapter"
SERVICE_NODE = "cloister.service_node"


def main() -> None:
    """Edit, then run what the role runs."""
    mutant_id, folder, *rest = sys.argv[1:]
    mutants.install(mutants.find(mutants.read(Path(folder)), mutant_id))
    if rest[:2] == ["--role", "service-node"]:
        sys.argv[1:] = rest[2:]
        runpy.run_module(SERVICE_NODE, run_name="__main__")
    else:
        runpy.run_module(CLIENT, run_name="__main__")


main()
