"""Saving and restoring what an account holds: JSON with a kind, a version and the value.

- It is no chapter: the form is the reference's own, and nobody else reads it.
- A version is read as long as a reader for it stands here; what cannot be read is refused, never guessed at.
- A saved state holds secrets in the clear; whoever stores it encrypts it.

    >>> restore(save(sender_keys.Record()), sender_keys.Record)
    Record(states=())
    >>> restore('{"kind": "Record", "version": 9, "value": {}}', sender_keys.Record)
    Traceback (most recent call last):
    cloister.errors.UnreadableState: this saved state cannot be read: version 9 is not known, only 1
"""

import json
from typing import TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from cloister import double_ratchet, errors, sender_keys, session, x3dh

VERSION = 1
HEX_BYTES = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")
KINDS: dict[type, str] = {
    sender_keys.SenderKey: "sender key",
    sender_keys.Record: "sender key record",
    session.Record: "session record",
    x3dh.Account: "account",
    double_ratchet.Ratchet: "ratchet",
}
FORMS = {kind: TypeAdapter[object](with_config(HEX_BYTES)(kind)) for kind in KINDS}

Value = TypeVar("Value")


def save(value: object) -> str:
    """Save a value of one of the `KINDS`.

    Clauses: SK-37, PS-56
    """
    kind = type(value)
    return json.dumps({"kind": KINDS[kind], "version": VERSION, "value": FORMS[kind].dump_python(value, mode="json")})


def restore(text: str, kind: type[Value]) -> Value:
    """Restore a value of a kind; `object` stands for any.

    Raises:
        UnreadableState: it is no saved state, of another kind, or of a version that is not known.
    Clauses: SK-37, PS-56, PS-57
    """
    saved = decode(text)
    if type(saved["version"]) is not int or saved["version"] != VERSION:  # JSON's true equals 1
        raise errors.UnreadableState(reason=f"version {saved['version']} is not known, only {VERSION}")
    found = next((known for known, name in KINDS.items() if name == saved["kind"]), None)
    if found is None or not issubclass(found, kind):
        raise errors.UnreadableState(reason=f"it is of the kind {saved['kind']}")
    try:
        value = FORMS[found].validate_json(json.dumps(saved["value"]))
    except ValidationError:
        raise errors.UnreadableState(reason="its value is not of its kind") from None
    assert isinstance(value, kind)
    return value


def decode(text: str) -> dict[str, object]:
    """Decode the members of a saved state.

    Raises:
        UnreadableState: they are not all there.
    """
    try:
        saved = json.loads(text)
    except (ValueError, RecursionError):
        raise errors.UnreadableState(reason="it is not JSON") from None
    if not isinstance(saved, dict) or saved.keys() != {"kind", "version", "value"}:
        raise errors.UnreadableState(reason="it has not the members kind, version and value")
    return saved
