"""What goes wrong in a network, in words for people."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cloister import errors
from cloister.mailbox import ACKNOWLEDGEMENTS
from cloister.swarm import Node


class Refused(Exception):
    """A node did not do what it was asked to; the text says why."""


class NoReply(Refused):
    """No reply came from a destination over any path."""


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


class NotStored(Exception):
    """Too few nodes have acknowledged a message, so it does not count as sent."""

    def __init__(self, acknowledged: Sequence[str], reasons: Sequence[str]) -> None:
        super().__init__(
            f"the message is not sent: {len(acknowledged)} of the {ACKNOWLEDGEMENTS} nodes needed have it; "
            + ("; ".join(reasons) or "its swarm has no other node")
        )
        self.acknowledged = tuple(acknowledged)
        self.reasons = tuple(reasons)


class NotRetrieved(Exception):
    """No node of a swarm gave what it has."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(f"nothing could be fetched: {'; '.join(reasons)}")
        self.reasons = tuple(reasons)


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
