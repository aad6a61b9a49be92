"""What schemathesis does beside its own in `fuzz.py`: names what is there, and signs each request as one account.

FUZZ_SEED is the seed of who signs, and FUZZ_KEY the key of the server, both in hex; without a seed nobody signs.
"""

import os
import secrets
import time
from typing import Any

import requests
import schemathesis
from cloister import server_id, signed_request
from cloister.signed_request import Request
from hypothesis import strategies as st
from schemathesis.core import NOT_SET

SEED = bytes.fromhex(os.environ.get("FUZZ_SEED", ""))
KEY = bytes.fromhex(os.environ["FUZZ_KEY"])
ROOMS = ["tea", "tea", "tea", "white", "none"]
NUMBERS = ["0", "1", "2", "3", str(2**53 - 1), str(2**53), "99999999999999999999"]
PATHS = ["/capabilities", "/rooms", "/room/tea", "/room/tea/messages/recent", "/room/tea/message", "/room/tea/file/1"]
IDS = os.environ["FUZZ_IDS"].split()
SIGNER = server_id.derive_blinded_id(SEED, server_key=KEY) if SEED else None


@schemathesis.hook
def flatmap_path_parameters(context: Any, parameters: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Let half of the paths name what is there, or nearly."""
    known = {"room": ROOMS, "message": NUMBERS, "file": NUMBERS, "number": NUMBERS, "id": IDS}
    named = {
        name: st.one_of(st.sampled_from(known[name]), st.just(value)) if name in known else st.just(value)
        for name, value in (parameters or {}).items()
    }
    return st.fixed_dictionaries(named)


@schemathesis.hook
def flatmap_body(context: Any, body: Any) -> st.SearchStrategy[Any]:
    """Let half of the bodies name rooms that are there, and batches ask for what is there."""
    if isinstance(body, dict) and "rooms" in body:
        return st.one_of(st.just(body), st.just({**body, "rooms": ["tea"]}))
    if isinstance(body, list) and all(isinstance(part, dict) for part in body):
        paths = st.sampled_from(PATHS)
        return st.tuples(
            *(st.one_of(st.just(part), paths.map(lambda path, p=part: {**p, "path": path})) for part in body)
        ).map(list)
    return st.just(body)


def sign(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    """Sign a request as it will be sent."""
    if SIGNER is None:
        return prepared
    body = prepared.body or b""
    request = Request(
        method=prepared.method or "",
        target=prepared.path_url,
        body=body.encode() if isinstance(body, str) else bytes(body),
    )
    headers = signed_request.sign_request(
        SIGNER, request, server_key=KEY, now_s=int(time.time()), random=secrets.token_bytes
    )
    prepared.headers.update(headers)
    return prepared


@schemathesis.hook
def before_call(context: Any, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Sign what is sent; a GET with a body is refused before anything else."""
    kwargs["auth"] = sign
    if case.method.upper() == "GET":
        case.body = NOT_SET
