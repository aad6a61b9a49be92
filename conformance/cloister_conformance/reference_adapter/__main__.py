"""Serve the reference implementation on standard input and output."""

import secrets
import sys

from cloister_conformance.reference_adapter import Adapter


def main() -> None:
    """Answer line by line until the input ends.

    Clauses: AP-2, AP-3, AP-9, AP-11
    """
    adapter = Adapter(secrets.token_bytes)
    for line in sys.stdin.buffer:
        sys.stdout.write(adapter.answer(line) + "\n")
        sys.stdout.flush()


main()
