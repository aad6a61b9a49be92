"""Saved states outlive the program: those of every version are read as long as a file of it stands in `saved/`."""

import json
from pathlib import Path
from typing import Any

import pytest
from cloister import double_ratchet, errors, identity, saved_state, sender_keys, session, x3dh

KINDS: dict[str, type] = {
    "account": x3dh.Account,
    "session record": session.Record,
    "ratchet": double_ratchet.Ratchet,
    "sender key": sender_keys.SenderKey,
    "sender key record": sender_keys.Record,
}


@pytest.fixture(params=sorted(path.name for path in (Path(__file__).parent / "saved").glob("version_*.json")))
def old(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What an earlier version of the program has saved."""
    document: dict[str, Any] = json.loads((Path(__file__).parent / "saved" / request.param).read_text("utf-8"))
    return document


def test_every_kind_has_an_old_state() -> None:
    assert {saved_state.KINDS[kind] for kind in KINDS.values()} == set(saved_state.KINDS.values()) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_old_state_is_read(old: dict[str, Any], kind: str) -> None:
    value = saved_state.restore(old[kind], KINDS[kind])
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


def test_an_old_group_record_goes_on(old: dict[str, Any]) -> None:
    record = saved_state.restore(old["sender key record"], sender_keys.Record)
    frame = bytes.fromhex(old["late group message"])
    record, plaintext = sender_keys.decrypt(record, frame, now_ms=old["now_ms"])
    assert plaintext == b"late"
    with pytest.raises(errors.DuplicateMessage):
        sender_keys.decrypt(record, frame, now_ms=old["now_ms"])


def change(text: str, **members: object) -> str:
    return json.dumps({**json.loads(text), **members})


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"version": 0}, "version 0 is not known, only 1"),
        ({"version": 2}, "version 2 is not known, only 1"),
        ({"version": "1"}, "version 1 is not known, only 1"),
        ({"version": True}, "version True is not known, only 1"),
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


@pytest.mark.parametrize("name", ["chain_key", "private", "root_key"])
def test_a_secret_of_another_form_is_refused(old: dict[str, Any], name: str) -> None:
    text = old["ratchet"].replace(f'"{name}": "', f'"{name}": "zz', 1)
    assert text != old["ratchet"]
    with pytest.raises(errors.UnreadableState):
        saved_state.restore(text, double_ratchet.Ratchet)


def test_secrets_are_not_shown() -> None:
    account = x3dh.create_account(identity.derive_identity(bytes(32)), lambda size: bytes(range(size)), now_ms=0)
    shown = repr(account)
    assert account.identity.private.hex() not in shown
    assert repr(account.identity.private) not in shown
    assert repr(account.prekeys.signed[0].pair.private) not in shown
