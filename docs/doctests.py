"""Griffe extension: the example at the end of a module's docstring becomes code, although a list stands before it."""

import re
import textwrap
from typing import Any

import griffe

EXAMPLE = re.compile(r"\n(?P<lines>(?:    .*\n?)*    >>>(?:.*\n?)*)\Z")


class Doctests(griffe.Extension):
    """Fences the examples of module docstrings."""

    def on_module(self, *, mod: griffe.Module, **_: Any) -> None:  # noqa: ANN401 - griffe's signature
        """Fence the example of one module."""
        if mod.docstring:
            mod.docstring.value = EXAMPLE.sub(fence, mod.docstring.value)


def fence(match: re.Match[str]) -> str:
    """Write an example as a fenced block; the comment ends the list before it."""
    return f"\n<!-- -->\n\n```pycon\n{textwrap.dedent(match['lines']).rstrip()}\n```\n"
