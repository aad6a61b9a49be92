"""What the handles of the harness stand for."""

from typing import TypeVar

from cloister import saved_state, session, wire

from cloister_conformance.reference_adapter.clients import KIND, NetworkClient, save_client

Value = TypeVar("Value")


class UnknownHandle(Exception):
    """The harness names a handle that stands for nothing, or for something else."""


class Handles:
    """A map of handles, and the source of randomness that comes with them; `accounts` are those of session records."""

    def __init__(self, random: wire.Random) -> None:
        self.random = random
        self.values: dict[str, object] = {}
        self.accounts: dict[str, str] = {}

    def forget(self) -> None:
        """Forget every handle."""
        self.values.clear()
        self.accounts.clear()

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
        """Save what a handle stands for; the account of a session record on a line of its own."""
        value = self.values.get(handle)
        if isinstance(value, NetworkClient):
            return save_client(value)
        if type(value) not in saved_state.KINDS:
            raise UnknownHandle(f"{handle} stands for nothing that can be saved")
        state = saved_state.save(value)
        return f"{state}\n{self.accounts[handle]}" if isinstance(value, session.Record) else state

    def restore(self, handle: str, state: str) -> None:
        """Let a handle stand for what was saved.

        Clauses: SK-37, AP-14
        """
        state, _, account = state.partition("\n")
        if state == KIND:
            self.put(handle, NetworkClient.model_validate_json(account))
            return
        self.put(handle, saved_state.restore(state, object))
        self.accounts[handle] = account
