"""A fake adapter with a mutant of the reference behind it: `python mutant.py ID [ARGUMENTS OF THE FAKE ADAPTER]`."""

import runpy
import sys
from pathlib import Path

from cloister_conformance import mutants

if __name__ == "__main__":
    mutants.install(mutants.find(mutants.read(), sys.argv.pop(1)))
    runpy.run_path(str(Path(__file__).parent / "adapter.py"), run_name="__main__")
