"""The methods of chapter 03 about the message by which one account asks another for a session."""

from cloister_conformance.protocol.messages import Hex, Message, Method, Nothing
from cloister_conformance.protocol.sender_keys import MALFORMED
from cloister_conformance.protocol.session import Session
from cloister_conformance.protocol.x3dh import BUNDLE_ERRORS


class OfSessionNow(Message):
    session: Session
    now_ms: int


class Due(Message):
    due: bool


class Request(Message):
    request: Hex


class Accept(Request):
    session: Session
    now_ms: int


METHODS = (
    Method(
        name="session_request.create",
        capability="session-requests",
        summary="Create a session request to the peer of a record, with a new one-time prekey.",
        params=OfSessionNow,
        result=Request,
        errors=("RequestTooSoon", "OutOfRange"),
        sample={"session": "sample", "now_ms": 0},
    ),
    Method(
        name="session_request.is_due",
        capability="session-requests",
        summary="Tell whether a session request is to be made because the two have parted.",
        params=OfSessionNow,
        result=Due,
        errors=(),
        sample={"session": "sample", "now_ms": 0},
    ),
    Method(
        name="session_request.accept",
        capability="session-requests",
        summary="Open a session because of a session request; what is encrypted next answers it.",
        params=Accept,
        result=Nothing,
        errors=(*MALFORMED, *BUNDLE_ERRORS, "InvalidMac", "StaleRequest"),
        sample={"session": "sample", "request": "", "now_ms": 0},
    ),
)
