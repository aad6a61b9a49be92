"""The methods of chapter 11 about signed requests."""

from typing import Annotated, Literal

from annotated_types import Len

from cloister_conformance.protocol.messages import Hex, Hex32, Injected, Message, Method, Sparse
from cloister_conformance.protocol.server_id import SAMPLE_SERVER_KEY

Hex16 = Annotated[Hex, Len(16, 16)]
UNBLINDED = Injected("unblinded-ids")
DETERMINISTIC = Injected("signed-requests-deterministic")


class Sign(Message):
    seed: Hex32
    server_key: Hex32
    unblinded: Annotated[Literal[True] | None, UNBLINDED] = None
    method: str
    target: str
    body: Hex
    now_s: int
    nonce: Annotated[Hex16 | None, DETERMINISTIC] = None


class SignatureHeaders(Message):
    id: str
    nonce: str
    timestamp: str
    signature: str


class Check(Message):
    id: str | None = None
    nonce: str | None = None
    timestamp: str | None = None
    signature: str | None = None
    method: str
    target: str
    body: Hex
    server_key: Hex32
    now_s: int
    blinding_required: bool


class Checked(Sparse):
    status: int
    account_id: str | None = None


METHODS = (
    Method(
        name="signed_request.sign",
        capability="signed-requests",
        summary="Sign a request as the blinded id of the seed, or as the unblinded one; the result is the four headers.",
        params=Sign,
        result=SignatureHeaders,
        sample={
            "seed": "00" * 32,
            "server_key": SAMPLE_SERVER_KEY,
            "method": "GET",
            "target": "/rooms",
            "body": "",
            "now_s": 1600000000,
        },
    ),
    Method(
        name="signed_request.check",
        capability="signed-request-checks",
        summary="Check headers, forms, time and signature of a request, whose nonce is fresh; `status` is what a server answers, 200 if all is right.",
        params=Check,
        result=Checked,
        sample={
            "method": "GET",
            "target": "/rooms",
            "body": "",
            "server_key": SAMPLE_SERVER_KEY,
            "now_s": 1600000000,
            "blinding_required": True,
        },
    ),
)
