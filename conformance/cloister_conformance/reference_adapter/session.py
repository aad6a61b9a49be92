"""Chapter 03, all sessions with one peer, behind the adapter protocol."""

from cloister import identity, session, wire, x3dh

from cloister_conformance.protocol import sender_keys as frames
from cloister_conformance.protocol import session as messages
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.reference_adapter.double_ratchet import draw
from cloister_conformance.reference_adapter.handles import Handles


def find_account(handles: Handles, record: str) -> tuple[str, x3dh.Account]:
    """Find the account that a record was created for, and its handle; others may have the same identity."""
    handle = handles.accounts[record]
    return handle, handles.get(handle, x3dh.Account)


def create(params: messages.Create, handles: Handles) -> Nothing:
    ours = handles.get(params.account, x3dh.Account).identity.public
    theirs = identity.decode_public_key(params.identity_key)
    handles.put(params.session, session.Record(ours=ours, theirs=theirs))
    handles.accounts[params.session] = params.account
    return Nothing()


def decode_bundle(params: messages.Open) -> x3dh.Bundle:
    """Decode the members of a bundle."""
    return x3dh.Bundle(
        identity_key=identity.decode_public_key(params.identity_key),
        signed_prekey_id=params.signed_prekey_id,
        signed_prekey=identity.decode_public_key(params.signed_prekey),
        signature=params.signature,
        one_time_prekey_id=params.one_time_prekey_id,
        one_time_prekey=None if params.one_time_prekey is None else identity.decode_public_key(params.one_time_prekey),
    )


def draw_opening(params: messages.Open, random: wire.Random) -> wire.Random:
    """Return the source of the base key and the first ratchet key: those that the harness gives, or random ones."""
    if params.base_private is None or params.ratchet_private is None:
        return random
    given = iter((params.base_private, params.ratchet_private))
    return lambda size: next(given)


def open(params: messages.Open, handles: Handles) -> Nothing:  # noqa: A001 - the method's name
    record = handles.get(params.session, session.Record)
    _, account = find_account(handles, params.session)
    random = draw_opening(params, handles.random)
    record = session.open_session(record, account, decode_bundle(params), random, now_ms=params.now_ms)
    handles.put(params.session, record)
    return Nothing()


def encrypt(params: messages.Encrypt, handles: Handles) -> messages.Frame:
    record, kind, frame = session.encrypt(handles.get(params.session, session.Record), params.plaintext)
    handles.put(params.session, record)
    return messages.Frame(kind=kind, message=frame)


def decrypt(params: messages.Decrypt, handles: Handles) -> frames.Plaintext:
    record = handles.get(params.session, session.Record)
    random = draw(params.ratchet_private, handles.random)
    if params.kind == "message":
        record, plaintext = session.decrypt_message(record, params.message, random, now_ms=params.now_ms)
    else:
        handle, account = find_account(handles, params.session)
        record, account, plaintext = session.decrypt_prekey_message(
            record, account, params.message, random, now_ms=params.now_ms
        )
        handles.put(handle, account)
    handles.put(params.session, record)
    return frames.Plaintext(plaintext=plaintext)
