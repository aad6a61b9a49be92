"""The methods of chapter 03 about the message by which one account asks another for a session."""

from cloister_conformance.protocol.messages import Hex, Message, Method, Nothing
from cloister_conformance.protocol.sender_keys import MALFORMED
from cloister_conformance.protocol.session import Session
from cloister_conformance.protocol.x3dh import BUNDLE_ERRORS, OfAccountNow


class Encode(OfAccountNow):
    identity_key: Hex


class Request(Message):
    request: Hex


class Accept(Request):
    session: Session
    now_ms: int


METHODS = (
    Method(
        name="session_request.encode",
        capability="session-requests",
        summary="Write a session request of an account to the peer with this identity key, with a new one-time prekey.",
        params=Encode,
        result=Request,
        errors=("InvalidKey",),
        sample={"account": "sample", "identity_key": "", "now_ms": 0},
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
