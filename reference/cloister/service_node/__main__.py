"""`python -m cloister.service_node FILE`."""

import sys
from pathlib import Path

from cloister.service_node.server import serve
from cloister.serving.process import USAGE, complain

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(complain(Exception("give one argument, the path of a node file"), USAGE))
    sys.exit(serve(Path(sys.argv[1])))
