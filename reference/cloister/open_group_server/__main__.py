"""`python -m cloister.open_group_server FILE`."""

import sys
from pathlib import Path

from cloister.open_group_server.server import serve
from cloister.serving.process import USAGE, complain

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(complain(Exception("give one argument, the path of a server file"), USAGE))
    sys.exit(serve(Path(sys.argv[1])))
