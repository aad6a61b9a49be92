"""Chapter 11, last part: requests in a batch or a sequence, and the answers to them.

>>> decode_batch(b'[{"method": "GET", "path": "/rooms"}]')[0].target
'/rooms'
"""

import json
from collections.abc import Mapping
from typing import Any

from cloister import errors, wire
from cloister.open_group import BATCH_PATHS
from cloister.open_group_bodies import MAX_BATCH, take_base64, take_text
from cloister.server_onion import METHODS, TARGET, decode_headers
from cloister.signed_request import HEADERS as SIGNING_HEADERS
from cloister.signed_request import TARGET_FORM, Refusal, Request

MAX_BATCH_REPLY_BYTES = 14_680_064


def decode_batch(body: bytes) -> list[Request]:
    """Decode the unverified body of a batch or sequence.

    Raises:
        Refusal: 413, there are too many requests; 400, it is not of the form.
    Clauses: OG-62
    """
    try:
        listed = json.loads(body, parse_constant=wire.refuse_constant)
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not JSON") from None
    if not isinstance(listed, list) or not listed:
        raise Refusal(400, "the body is no list of requests")
    if len(listed) > MAX_BATCH:
        raise Refusal(413, f"a batch has at most {MAX_BATCH} requests")
    return [decode_part(part) for part in listed]


def decode_part(part: object) -> Request:
    """Decode one unverified request of a batch.

    Raises:
        Refusal: 400, it is not of the form, or stands for others itself.
    Clauses: OG-62
    """
    if not isinstance(part, dict) or not part.keys() <= {"method", "path", "headers", "json", "b64", "bytes"}:
        raise Refusal(400, "a request in the list has not the members that it must have")
    method, target = take_text(part, "method"), take_text(part, "path")
    if method not in METHODS or not TARGET_FORM.fullmatch(target):
        raise Refusal(400, "a request in the list has no such method, or no path")
    try:
        headers = decode_headers(part)
    except errors.InvalidMessage as error:
        raise Refusal(400, error.reason) from None
    bodies = part.keys() & {"json", "b64", "bytes"}
    if len(bodies) > 1 or (bodies and method == "GET"):
        raise Refusal(400, "a request in the list has two bodies, or is a GET with one")
    if headers.keys() & set(SIGNING_HEADERS):
        raise Refusal(400, "the batch alone is signed, not the requests in it")
    request = Request(
        method=method,
        target=target,
        headers=headers,
        body=decode_part_body(part),
    )
    if is_batch(request):
        raise Refusal(400, "no batch and no onion request is in a batch")
    return request


def decode_part_body(part: Mapping[str, Any]) -> bytes:
    """Decode the unverified body of a request in a batch.

    Raises:
        Refusal: 400, it is not of the form.
    Clauses: OG-62
    """
    if "json" in part:
        try:
            return json.dumps(part["json"]).encode()
        except RecursionError:
            raise Refusal(400, "json is too deep") from None
    if "b64" in part:
        return take_base64(part, "b64")
    if "bytes" in part:
        try:
            return take_text(part, "bytes").encode()
        except UnicodeEncodeError:
            raise Refusal(400, "bytes is no text") from None
    return b""


def is_batch(request: Request) -> bool:
    """Tell whether a request stands for others."""
    return request.path in {path.encode() for path in (*BATCH_PATHS, TARGET)}


def describe_part(status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Describe the answer to a request of a batch.

    Clauses: OG-60
    """
    is_json = headers.get("content-type", "").startswith("application/json")
    return {
        "code": status,
        "headers": dict(headers),
        "body": json.loads(body) if is_json else wire.encode_base64(body),
    }
