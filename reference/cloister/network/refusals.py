"""Why a node did not do what it was asked to, in words for people; what comes of it in the end is an error of chapter 01."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cloister import errors
from cloister.swarm import Node


class Refused(Exception):
    """A node did not do what it was asked to, or could not be asked; the text says why."""


class Unopened(Refused):
    """What came does not open, or is no reply; the error says which."""

    def __init__(self, what: str, error: errors.ProtocolViolation) -> None:
        super().__init__(what)
        self.error = error


class Moved(Refused):
    """A node answered that other nodes are the swarm."""

    def __init__(self, node: Node, nodes: Sequence[Node]) -> None:
        super().__init__(f"node {shorten(node.pubkey_ed25519)} names another swarm")
        self.nodes = nodes


class MoreWork(Refused):
    """A node wants more work."""

    def __init__(self, node: Node, difficulty: int) -> None:
        super().__init__(f"node {shorten(node.pubkey_ed25519)} wants difficulty {difficulty}")
        self.difficulty = difficulty


def shorten(key: str) -> str:
    """Shorten a key, for people."""
    return f"{key[:8]}…"


@contextmanager
def reading(node: Node) -> Iterator[None]:
    """Let a node that answered something else than it should count as one that refused."""
    try:
        yield
    except errors.Malformed as error:
        raise Refused(f"node {shorten(node.pubkey_ed25519)} answered rubbish: {error}") from None
