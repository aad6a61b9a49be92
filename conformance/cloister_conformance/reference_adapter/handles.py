"""What the handles of the harness stand for, and its saved form: JSON with a kind and a version."""

import json
from typing import TypeVar

from cloister import sender_keys, wire
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

SAVED_VERSION = 1
SAVED_KINDS: tuple[type, ...] = (sender_keys.SenderKey, sender_keys.Record)
HEX_BYTES = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")
WRITERS = {kind.__name__: TypeAdapter[object](with_config(HEX_BYTES)(kind)) for kind in SAVED_KINDS}

Value = TypeVar("Value")


class UnknownHandle(Exception):
    """The harness names a handle that stands for nothing, or a saved text that is none."""


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
        if not isinstance(value, SAVED_KINDS):
            raise UnknownHandle(f"{handle} stands for nothing that can be saved")
        kind = type(value).__name__
        saved = WRITERS[kind].dump_python(value, mode="json")
        return json.dumps({"kind": kind, "version": SAVED_VERSION, "value": saved})

    def restore(self, handle: str, state: str) -> None:
        """Let a handle stand for what was saved.

        Clauses: SK-37, AP-14
        """
        try:
            saved = json.loads(state)
            check_version(saved["version"])
            value = WRITERS[saved["kind"]].validate_json(json.dumps(saved["value"]))
        except (ValueError, KeyError, TypeError, ValidationError):
            raise UnknownHandle("this is no saved state") from None
        self.put(handle, value)


def check_version(version: object) -> None:
    """Check that a saved state can be read."""
    if version != SAVED_VERSION:
        raise UnknownHandle(f"a state of version {version} cannot be read, only {SAVED_VERSION}")
