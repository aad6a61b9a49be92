"""Chapter 03, session requests, behind the adapter protocol."""

from cloister import identity, session, session_request, x3dh

from cloister_conformance.protocol import session_request as messages
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.reference_adapter.handles import Handles
from cloister_conformance.reference_adapter.session import find_account


def encode(params: messages.Encode, handles: Handles) -> messages.Request:
    account = handles.get(params.account, x3dh.Account)
    theirs = identity.decode_public_key(params.identity_key)
    account, bundle = x3dh.create_bundle(account, handles.random, now_ms=params.now_ms)
    handles.put(params.account, account)
    return messages.Request(request=session_request.encode_request(account, theirs, bundle, now_ms=params.now_ms))


def accept(params: messages.Accept, handles: Handles) -> Nothing:
    record = handles.get(params.session, session.Record)
    _, account = find_account(handles, record.ours)
    record = session_request.accept_request(record, account, params.request, handles.random, now_ms=params.now_ms)
    handles.put(params.session, record)
    return Nothing()
