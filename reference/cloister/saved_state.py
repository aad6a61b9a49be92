"""Saving and restoring what an account holds: JSON with a kind, a version and the value.

- It is no chapter: the form is the reference's own, and nobody else reads it.
- A version is read as long as a reader for it stands here; what cannot be read is refused, never guessed at.
- A value has one form: each of its members, no other, keys of their sizes, and no number below 0; a mapping keeps its order.
- A saved state holds secrets in the clear; whoever stores it encrypts it.

    >>> restore(save(sender_keys.Record()), sender_keys.Record)
    Record(states=())
    >>> restore('{"kind": "Record", "version": 9, "value": {}}', sender_keys.Record)
    Traceback (most recent call last):
    cloister.errors.UnreadableState: this saved state cannot be read: version 9 is not known, only 1 and 2
"""

import json
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from cloister import (
    client,
    double_ratchet,
    errors,
    group_control,
    group_state,
    mailbox,
    network_client,
    room,
    room_request,
    sender_keys,
    session,
    x3dh,
)

VERSION = 2
HEX_BYTES = ConfigDict(defer_build=True, ser_json_bytes="hex", val_json_bytes="hex")
KINDS: dict[type, str] = {
    sender_keys.SenderKey: "sender key",
    sender_keys.Record: "sender key record",
    session.Record: "session record",
    x3dh.Account: "account",
    double_ratchet.Ratchet: "ratchet",
    mailbox.Mailbox: "mailbox",
    network_client.NetworkState: "network state",
    group_control.View: "view",
    group_state.Group: "closed group",
    group_state.Event: "event",
    client.Client: "client",
    client.Queue: "queue",
    client.WaitingControl: "waiting control",
    client.Store: "store",
    client.Text: "text",
    room_request.KnownRoom: "known room",
    room.Post: "room post",
    room.Seen: "seen post",
    room_request.RoomNews: "room news",
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
    if type(saved["version"]) is not int or saved["version"] not in (1, VERSION):  # JSON's true equals 1
        raise errors.UnreadableState(reason=f"version {saved['version']} is not known, only 1 and {VERSION}")
    found = next((known for known, name in KINDS.items() if name == saved["kind"]), None)
    if found is None or not issubclass(found, kind):
        raise errors.UnreadableState(reason=f"it is of the kind {saved['kind']}")
    value = read_value(found, read_version_1(saved["value"]) if saved["version"] == 1 else saved["value"])
    assert isinstance(value, kind)
    return value


def read_version_1(written: object) -> object:
    """Turn a value of version 1 into one of version 2."""
    return json.loads(json.dumps(written), object_hook=add_members)


def add_members(members: dict[str, Any]) -> dict[str, Any]:
    """Add what version 2 has more; agreements of before are not known any more. What is there already is kept."""
    if "signature" in members and "agreements" not in members:
        return {**members, "agreements": []}
    if members.keys() == {"signed_prekey_id", "one_time_prekey_id"}:
        return {**members, "asked_since": False}
    if "last_request_ms" in members and "has_parted" not in members:
        return {**members, "last_asked_ms": None, "has_parted": False}
    return members


def read_value(kind: type, written: object) -> object:
    """Read a value that would be saved as it is written; so nothing that is absent gets a default, and nothing is passed over.

    Raises:
        UnreadableState: it is not of its kind.
    """
    try:
        value = FORMS[kind].validate_json(json.dumps(written))
    except ValidationError:
        raise errors.UnreadableState(reason="its value is not of its kind") from None
    if not is_same(FORMS[kind].dump_python(value, mode="json"), written):
        raise errors.UnreadableState(reason="its value is not in the form of its kind")
    return value


def is_same(one: object, other: object) -> bool:
    """Tell whether two JSON values are written in the same way, but for the order of members."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def decode(text: str) -> dict[str, object]:
    """Decode the members of a saved state.

    Raises:
        UnreadableState: they are not all there, or a number is below 0.
    """
    try:
        saved = json.loads(text, parse_int=decode_number)
    except (ValueError, RecursionError):
        raise errors.UnreadableState(reason="it is not JSON") from None
    if not isinstance(saved, dict) or saved.keys() != {"kind", "version", "value"}:
        raise errors.UnreadableState(reason="it has not the members kind, version and value")
    return saved


def decode_number(digits: str) -> int:
    """Decode a number.

    Raises:
        UnreadableState: it is below 0.
    """
    if digits.startswith("-"):
        raise errors.UnreadableState(reason=f"{digits} is below 0")
    return int(digits)
