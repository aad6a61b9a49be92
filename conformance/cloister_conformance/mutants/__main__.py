"""Serve a mutant on standard input and output: `python -m cloister_conformance.mutants ID FOLDER`."""

import runpy
import sys
from pathlib import Path

from cloister_conformance import mutants


def main() -> None:
    """Edit, then serve."""
    mutant_id, folder = sys.argv[1:]
    mutants.install(mutants.find(mutants.read(Path(folder)), mutant_id))
    runpy.run_module("cloister_conformance.reference_adapter", run_name="__main__")


main()
