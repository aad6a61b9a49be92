"""What the handles of the harness stand for."""

from typing import TypeVar

from cloister import saved_state, wire

Value = TypeVar("Value")


class UnknownHandle(Exception):
    """The harness names a handle that stands for nothing, or for something else."""


class Handles:
    """A map of handles, and the source of randomness that comes with them."""

    def __init__(self, random: wire.Random) -> None:
        self.random = random
        self.values: dict[str, object] = {}

    def forget(self) -> None:
        """Forget every handle."""
        self.values.clear()

    def put(self, handle: str, value: object) -> None:
        """Let a handle stand for a value."""
        self.values[handle] = value

    def get(self, handle: str, kind: type[Value]) -> Value:
        """Return what a handle stands for."""
        value = self.values.get(handle)
        if not isinstance(value, kind):
            raise UnknownHandle(f"{handle} is no {kind.__name__}")
        return value

    def save(self, handle: str) -> str:
        """Save what a handle stands for."""
        value = self.values.get(handle)
        if type(value) not in saved_state.KINDS:
            raise UnknownHandle(f"{handle} stands for nothing that can be saved")
        return saved_state.save(value)

    def restore(self, handle: str, state: str) -> None:
        """Let a handle stand for what was saved.

        Clauses: SK-37, AP-14
        """
        self.put(handle, saved_state.restore(state, object))
