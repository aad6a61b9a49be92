"""Print the README's command that follows the comment `<!-- NAME -->`, so that the gate runs what the README says."""

import re
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def find_command(name: str) -> str:
    """Find the one command in the fenced block behind a comment."""
    match = re.search(rf"<!-- {name} -->\n```sh\n(.+)\n```", README.read_text("utf-8"))
    if match is None:
        sys.exit(f"README.md has no command {name}")
    return match[1]


print(find_command(sys.argv[1]))
