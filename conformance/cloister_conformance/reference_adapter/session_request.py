"""Chapter 03, session requests, behind the adapter protocol."""

from cloister import session, session_request

from cloister_conformance.protocol import session_request as messages
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.reference_adapter.handles import Handles
from cloister_conformance.reference_adapter.session import find_account


def create(params: messages.OfSessionNow, handles: Handles) -> messages.Request:
    record = handles.get(params.session, session.Record)
    handle, account = find_account(handles, params.session)
    record, account, request = session_request.create_request(record, account, handles.random, now_ms=params.now_ms)
    handles.put(params.session, record)
    handles.put(handle, account)
    return messages.Request(request=request)


def is_due(params: messages.OfSessionNow, handles: Handles) -> messages.Due:
    return messages.Due(due=session_request.is_due(handles.get(params.session, session.Record), params.now_ms))


def accept(params: messages.Accept, handles: Handles) -> Nothing:
    record = handles.get(params.session, session.Record)
    _, account = find_account(handles, params.session)
    record = session_request.accept_request(record, account, params.request, handles.random, now_ms=params.now_ms)
    handles.put(params.session, record)
    return Nothing()
