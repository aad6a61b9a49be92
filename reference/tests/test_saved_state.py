"""Saved states outlive the program: those of every version are read as long as a file of it stands in `saved/`."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloister import (
    client,
    double_ratchet,
    errors,
    group_control,
    group_state,
    identity,
    mailbox,
    network_client,
    room,
    room_request,
    saved_state,
    sender_keys,
    session,
    x3dh,
)

KINDS: dict[str, type] = {
    "account": x3dh.Account,
    "session record": session.Record,
    "ratchet": double_ratchet.Ratchet,
    "sender key": sender_keys.SenderKey,
    "sender key record": sender_keys.Record,
    "mailbox": mailbox.Mailbox,
    "network state": network_client.NetworkState,
    "view": group_control.View,
    "closed group": group_state.Group,
    "event": group_state.Event,
    "client": client.Client,
    "queue": client.Queue,
    "waiting control": client.WaitingControl,
    "store": client.Store,
    "text": client.Text,
    "known room": room_request.KnownRoom,
    "room post": room.Post,
    "seen post": room.Seen,
    "room news": room_request.RoomNews,
}
IN_VERSION_1 = {"account", "session record", "ratchet", "sender key", "sender key record"}


FILES = sorted((Path(__file__).parent / "saved").glob("version_*.json"))
SAVED = [(file, kind) for file in FILES for kind in KINDS if file is not FILES[0] or kind in IN_VERSION_1]


def read(file: Path) -> dict[str, Any]:
    """Read what a version of the program has saved."""
    document: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return document


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def old(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What this or an earlier version of the program has saved."""
    return read(request.param)


@pytest.fixture
def newest() -> dict[str, Any]:
    """What this version of the program has saved."""
    return read(FILES[-1])


def test_every_version_has_a_file() -> None:
    versions = [(file, json.loads(read(file)[kind])["version"]) for file, kind in SAVED]
    assert versions == [(file, FILES.index(file) + 1) for file, _ in SAVED]
    assert len(FILES) == saved_state.VERSION


def test_every_kind_has_an_old_state() -> None:
    assert {saved_state.KINDS[kind] for kind in KINDS.values()} == set(saved_state.KINDS.values()) == set(KINDS)


every_saved = pytest.mark.parametrize(("file", "kind"), SAVED, ids=lambda value: getattr(value, "stem", value))


@every_saved
def test_an_old_state_is_read(file: Path, kind: str) -> None:
    value = saved_state.restore(read(file)[kind], KINDS[kind])
    assert saved_state.restore(saved_state.save(value), KINDS[kind]) == value


def test_an_old_account_and_its_record_go_on(old: dict[str, Any]) -> None:
    account = saved_state.restore(old["account"], x3dh.Account)
    record = saved_state.restore(old["session record"], session.Record)
    assert record.ours == account.identity.public
    for frame in old["late prekey messages"]:
        record, account, plaintext = session.decrypt_prekey_message(
            record, account, bytes.fromhex(frame), bytes, now_ms=old["now_ms"]
        )
        assert plaintext == b"late"
    _, kind, _ = session.encrypt(record, b"x")
    assert kind == "message"


def test_a_restored_account_remembers_what_it_has_read(newest: dict[str, Any]) -> None:
    account = saved_state.restore(newest["account"], x3dh.Account)
    record = saved_state.restore(newest["session record"], session.Record)
    frame = bytes.fromhex(newest["read first message"])
    with pytest.raises(errors.UnknownSession):
        session.decrypt_prekey_message(record, account, frame, bytes, now_ms=newest["now_ms"])


def test_an_old_group_record_goes_on(old: dict[str, Any]) -> None:
    record = saved_state.restore(old["sender key record"], sender_keys.Record)
    frame = bytes.fromhex(old["late group message"])
    record, plaintext = sender_keys.decrypt(record, frame, now_ms=old["now_ms"])
    assert plaintext == b"late"
    with pytest.raises(errors.DuplicateMessage):
        sender_keys.decrypt(record, frame, now_ms=old["now_ms"])


def test_an_old_client_goes_on(newest: dict[str, Any]) -> None:
    old_client = saved_state.restore(newest["client"], client.Client)
    late = newest["late frame of a group"]
    address, sealed = identity.decode_public_key(bytes.fromhex(late["address"])), bytes.fromhex(late["sealed"])
    now_ms = newest["now_ms"]
    read = client.receive(old_client, address, sealed, bytes, now_ms=now_ms)
    assert [told.text for told in read.told if isinstance(told, group_state.Event)] == ["two"]
    (told,) = client.receive(read.client, address, sealed, bytes, now_ms=now_ms).told
    assert isinstance(told, client.Refused)
    assert isinstance(told.error, errors.DuplicateMessage)


def test_a_mapping_keeps_its_order(newest: dict[str, Any]) -> None:
    restored = saved_state.restore(newest["client"], client.Client)
    assert list(restored.outbox) == sorted(restored.outbox)
    assert max(restored.outbox) > 9
    assert saved_state.save(restored) == newest["client"]


@pytest.mark.parametrize("name", ["given", "repaired", "counts"])
def test_pairs_and_sets_have_one_order_and_each_key_once(newest: dict[str, Any], name: str) -> None:
    saved = json.loads(newest["closed group"])
    written = saved["value"][name]
    assert len(written) > 0
    saved["value"][name] = [*written, written[0]]
    with pytest.raises(errors.UnreadableState):
        saved_state.restore(json.dumps(saved), group_state.Group)
    if name == "given":
        assert len(written) > 1
        saved["value"][name] = written[::-1]
        with pytest.raises(errors.UnreadableState):
            saved_state.restore(json.dumps(saved), group_state.Group)


def change(text: str, **members: object) -> str:
    return json.dumps({**json.loads(text), **members})


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"version": 0}, "version 0 is not known, only 1 and 2"),
        ({"version": 3}, "version 3 is not known, only 1 and 2"),
        ({"version": -1}, "-1 is below 0"),
        ({"version": "1"}, "version 1 is not known, only 1 and 2"),
        ({"version": True}, "version True is not known, only 1 and 2"),
        ({"kind": "ratchet"}, "it is of the kind ratchet"),
        ({"kind": "nonsense"}, "it is of the kind nonsense"),
        ({"kind": None}, "it is of the kind None"),
        ({"value": {}}, "its value is not of its kind"),
        ({"value": None}, "its value is not of its kind"),
        ({"more": 1}, "it has not the members kind, version and value"),
    ],
)
def test_what_cannot_be_read_is_refused(old: dict[str, Any], members: dict[str, object], reason: str) -> None:
    with pytest.raises(errors.UnreadableState) as refused:
        saved_state.restore(change(old["session record"], **members), session.Record)
    assert refused.value.reason == reason


@pytest.mark.parametrize("text", ["", "rubbish", "[]", "null", "1", "{}", "[" * 100_000, '{"kind":1}'])
def test_a_text_that_is_no_saved_state_is_refused(text: str) -> None:
    with pytest.raises(errors.UnreadableState):
        saved_state.restore(text, session.Record)


def test_a_state_cut_anywhere_is_refused(old: dict[str, Any]) -> None:
    text = old["sender key"]
    for end in range(len(text)):
        with pytest.raises(errors.UnreadableState):
            saved_state.restore(text[:end], sender_keys.SenderKey)


KEYS = {
    "ratchet": ("ours", "root_key", "chain_key", "private", "public", "ratchet_key"),
    "session record": ("theirs", "base_key"),
    "account": ("private", "public"),
    "sender key record": ("chain_key", "signing_key", "0"),
    "closed group": ("ours", "administrator", "group_id", "address_private"),
    "client": ("theirs", "recipient", "group_id"),
}
"""Members that are keys, or a seed that was skipped."""


@pytest.mark.parametrize(
    ("file", "kind", "name"),
    [(file, kind, name) for file, kind in SAVED for name in KEYS.get(kind, ())],
    ids=lambda value: getattr(value, "stem", value),
)
@pytest.mark.parametrize(
    "change", [lambda key: "zz" + key[2:], lambda key: key[:10], lambda key: key + "00", str.upper]
)
def test_a_key_of_another_form_is_refused(file: Path, kind: str, name: str, change: Callable[[str], str]) -> None:
    saved = read(file)[kind]
    text = re.sub(f'(?<="{name}": ")[0-9a-f]+', lambda key: change(key[0]), saved, count=1)
    assert text != saved
    with pytest.raises(errors.UnreadableState):
        saved_state.restore(text, KINDS[kind])


def find_lists(value: object) -> Iterator[list[Any]]:
    """Find all lists in a JSON value."""
    if isinstance(value, list):
        yield value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from find_lists(member)


def find_objects(value: object) -> Iterator[dict[str, Any]]:
    """Find all objects in a JSON value, whose members have names; those of a mapping have numbers, keys or hashes."""
    if isinstance(value, dict) and not all(name.isdecimal() or len(name) >= 64 for name in value):
        yield value
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from find_objects(member)


@every_saved
def test_every_member_is_needed(file: Path, kind: str) -> None:
    saved = json.loads(read(file)[kind])
    for members in find_objects(saved):
        for name in list(members):
            removed = members.pop(name)
            with pytest.raises(errors.UnreadableState):
                saved_state.restore(json.dumps(saved), KINDS[kind])
            members[name] = removed
    saved_state.restore(json.dumps(saved), KINDS[kind])


@every_saved
def test_no_other_member_is_passed_over(file: Path, kind: str) -> None:
    saved = json.loads(read(file)[kind])
    for members in find_objects(saved):
        members["more"] = 1
        with pytest.raises(errors.UnreadableState):
            saved_state.restore(json.dumps(saved), KINDS[kind])
        del members["more"]
    saved_state.restore(json.dumps(saved), KINDS[kind])


@every_saved
@pytest.mark.parametrize("wrong", [-1, 1.0, "1", True])
def test_a_number_of_another_form_is_refused(file: Path, kind: str, wrong: object) -> None:
    saved = json.loads(read(file)[kind])
    numbers = [(members, name) for members in find_objects(saved) for name in members if type(members[name]) is int]
    listed: list[tuple[Any, Any]] = [
        (items, at) for items in find_lists(saved) for at, item in enumerate(items) if type(item) is int
    ]
    for members, name in numbers + listed:
        number, members[name] = members[name], wrong
        with pytest.raises(errors.UnreadableState):
            saved_state.restore(json.dumps(saved), KINDS[kind])
        members[name] = number


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("mailbox", "ab" * 64),
        ("mailbox", "0a" * 32),
        ("mailbox", "1a" * 32),
        ("network state", "0a" * 32),
        ("network state", "0f" * 32),
    ],
)
@pytest.mark.parametrize(
    "change", [str.upper, lambda text: text[2:], lambda text: text + "00", lambda text: "zz" + text[2:]]
)
def test_a_node_hash_or_digest_of_another_form_is_refused(
    newest: dict[str, Any], kind: str, text: str, change: Callable[[str], str]
) -> None:
    assert f'"{text}"' in newest[kind]
    with pytest.raises(errors.UnreadableState):
        saved_state.restore(newest[kind].replace(f'"{text}"', f'"{change(text)}"', 1), KINDS[kind])


def test_secrets_are_not_shown() -> None:
    account = x3dh.create_account(identity.derive_identity(bytes(32)), lambda size: bytes(range(size)), now_ms=0)
    shown = repr(account)
    assert account.identity.private.hex() not in shown
    assert repr(account.identity.private) not in shown
    assert repr(account.prekeys.signed[0].pair.private) not in shown
