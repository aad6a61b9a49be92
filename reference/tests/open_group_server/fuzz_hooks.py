"""What schemathesis does beside its own in `fuzz.py`: names what is there, and signs each request as one account.

FUZZ_SEED is the seed of who signs, and FUZZ_KEY the key of the server, both in hex; without a seed nobody signs.
"""

import os
import random
import secrets
import time
from typing import Any

import requests
import schemathesis
from cloister import server_id, signed_request
from cloister.signed_request import Request
from schemathesis.core import NOT_SET
from schemathesis.generation import GenerationMode

SEED = bytes.fromhex(os.environ.get("FUZZ_SEED", ""))
KEY = bytes.fromhex(os.environ["FUZZ_KEY"])
ROOMS = ["tea", "tea", "tea", "white", "none"]
NUMBERS = ["0", "1", "2", "3", str(2**53 - 1), str(2**53), "99999999999999999999"]
KNOWN = {"room": ROOMS, "message": NUMBERS, "file": NUMBERS, "number": NUMBERS, "id": os.environ["FUZZ_IDS"].split()}
HALF = 0.5
PATHS = ["/capabilities", "/rooms", "/room/tea", "/room/tea/messages/recent", "/room/tea/message", "/room/tea/file/1"]
SIGNER = server_id.derive_blinded_id(SEED, server_key=KEY) if SEED else None


def name_known(path: dict[str, Any], chosen: random.Random) -> dict[str, Any]:
    """Let half of what stands in a path be there, or nearly."""
    return {
        name: chosen.choice(KNOWN[name]) if name in KNOWN and chosen.random() < HALF else value
        for name, value in path.items()
    }


def ask_for_known(body: Any, chosen: random.Random) -> Any:
    """Let half of the bodies name a room that is there, and batches ask for what is there."""
    if isinstance(body, dict) and "rooms" in body and chosen.random() < HALF:
        return {**body, "rooms": ["tea"]}
    if isinstance(body, list) and body:
        return [{**part, "path": chosen.choice(PATHS)} if chosen.random() < HALF else part for part in body]
    return body


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
    """Let what is of the form be about what is there, and sign it; a GET with a body is refused before anything else."""
    kwargs["auth"] = sign
    if case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE:
        chosen = random.Random(repr((case.path_parameters, case.body)))
        case.path_parameters = name_known(dict(case.path_parameters or {}), chosen)
        if (body := ask_for_known(case.body, chosen)) is not case.body:  # setting one that is not there makes it wrong
            case.body = body
    if case.method.upper() == "GET":
        case.body = NOT_SET
