"""The open-group server under test: its server file, or where it runs, and the accounts that ask it.

Who asks is an account with a name. It signs here, when its request is sent, so that what is repeated is signed anew.
"""

import hashlib
import json
import secrets
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from cloister import identity, server_id, server_onion, signed_request, wire
from cloister.errors import CloisterError
from cloister.identity import PublicKey, Q
from cloister.sealing import IV_BYTES, KEY_TYPE
from cloister.server_id import BLINDED, SigningId
from cloister.signed_request import (
    HEADERS,
    ID_HEADER,
    NONCE_BYTES,
    NONCE_HEADER,
    SIGNATURE_HEADER,
    TIME_HEADER,
    encode_signed,
)
from pydantic import JsonValue

from cloister_conformance.hand_made import onion_requests as hand_made
from cloister_conformance.http_target import (
    OK,
    HttpTarget,
    WholeResponse,
    decode_value,
    encode_body,
    list_headers,
    name_process_functions,
    replace_file,
    send_at_once,
)
from cloister_conformance.implementation import Implementation
from cloister_conformance.protocol.open_group_server import (
    SERVER_METHODS,
    AccountIds,
    AccountName,
    Begin,
    Grown,
    HungUp,
    OnionPayload,
    Rooms,
    Seen,
    ServerRequest,
    ServerRequests,
    ServerResponse,
    ServerResponses,
    Watched,
)
from cloister_conformance.protocol.over_http import Request

OPERATOR = "operator"
"""The name of the account that is administrator of the server when a test begins."""
ROOMS = ("a", "b")
SEED = hashlib.sha256(b"cloister example open-group server").digest()
OPERATOR_SEED = hashlib.sha256(b"cloister example operator").digest()
DEFAULTS: dict[str, JsonValue] = {
    "default_read": True,
    "default_accessible": True,
    "default_write": True,
    "default_upload": True,
    "invitation_required": False,
    "description": "",
    "image": None,
}
"""What both rooms are when a test begins, beside their names."""
BASE_SETTINGS: dict[str, JsonValue] = {
    "operator": identity.encode_account_id(identity.derive_identity(OPERATOR_SEED).public),
    "rooms": [{"token": token, "name": f"room {token}"} for token in ROOMS],
    "requests_per_second": 100_000,
    "request_burst": 100_000,
}
UNOPENED = 0
"""Stands for the status of a reply that does not open under the key of the layer."""
WATCH_SECONDS = 30
WEIGHING_SECONDS = 2
"""How long the folder of a server is looked at for what comes, or goes."""


class OpenGroupTarget(HttpTarget):
    """An open-group server under test."""

    methods = SERVER_METHODS
    base_settings = BASE_SETTINGS

    def __init__(self, implementation: Implementation) -> None:
        super().__init__(implementation)
        self.is_running = implementation.url is not None
        self.rooms = tuple(implementation.rooms) if self.is_running else ROOMS
        self.operator_seed = bytes.fromhex(implementation.admin_seed) if self.is_running else OPERATOR_SEED
        self.server_key = (
            bytes.fromhex(implementation.server_key) if self.is_running else identity.derive_identity(SEED).public[1:]
        )
        self.run = secrets.token_hex(8) if self.is_running else ""
        """Makes accounts others than those of earlier runs on a server that has kept them."""
        self.begin = Begin(seed=0, script=0)

    @property
    def file(self) -> Path:
        """The server file."""
        return self.files / "server.json"

    @property
    def health(self) -> JsonValue:
        """What `GET /health` is answered with when it serves."""
        return {"status": "ok"}

    @property
    def readiness(self) -> str:
        """What it does when it serves, in a few words."""
        return "serve"

    def write_file(self) -> None:
        """Write the server file."""
        replace_file(self.file, json.dumps({"seed": SEED.hex(), **self.describe_start()}, indent=1))

    # Accounts

    def derive_seed(self, name: str) -> bytes:
        """Derive the seed of the account of this name in this script."""
        if name == OPERATOR:
            return self.operator_seed
        label = f"cloister example account {name} {self.begin.seed} {self.begin.script} {self.run}"
        return hashlib.sha256(label.encode()).digest()

    def derive_signer(self, name: str, form: str) -> SigningId:
        """Derive an id of an account, and what signs as it."""
        seed = self.derive_seed(name)
        if form.endswith("15"):
            signer = server_id.derive_blinded_id(seed, server_key=self.server_key)
        else:
            signer = server_id.derive_unblinded_id(seed)
        return negate(signer) if form.startswith("-") else signer

    def sign_data(self, name: str, data: bytes) -> bytes:
        """Sign the data of a post as the blinded id of an account."""
        return sign_as(self.derive_signer(name, "15"), data)

    def make_account(self, params: AccountName) -> AccountIds:
        """Make an account, or find it again."""
        blinded, unblinded = self.derive_signer(params.name, "15"), self.derive_signer(params.name, "00")
        return AccountIds(
            account=identity.encode_account_id(identity.derive_identity(self.derive_seed(params.name)).public),
            blinded=blinded.id.hex(),
            other_blinded=negate(blinded).id.hex(),
            unblinded=unblinded.id.hex(),
            other_unblinded=negate(unblinded).id.hex(),
        )

    def sign(self, request: ServerRequest) -> Request:
        """Sign a request, if it has an account, and change its headers as it wants."""
        headers = list_headers(request)
        if request.account is not None:
            given = {name.lower() for name in headers}
            signature = self.write_signature(request, request.account)
            headers = {**{name: text for name, text in signature.items() if name not in given}, **headers}
        kept = {name: text for name, text in headers.items() if name.lower() not in request.without}
        return Request(method=request.method, path=request.path, headers=kept, body=encode_body(request))

    def sign_request(self, method: str, path: str, body: bytes, account: str) -> dict[str, str]:
        """Sign a request that a test sends by itself; return the four headers."""
        return self.write_signature(ServerRequest(method=method, path=path, body=body), account)

    def write_signature(self, request: ServerRequest, account: str) -> dict[str, str]:
        """Write the four headers of the signature of an account."""
        signer, instead = self.derive_signer(account, request.id), request.signed
        nonce = first(request.nonce, secrets.token_bytes(NONCE_BYTES))
        timestamp_s = self.now_ms // 1000 - request.age_s
        signed = encode_signed(
            signed_request.Request(
                method=first(instead.method, request.method),
                target=first(instead.path, request.path),
                body=first(instead.body, encode_body(request)),
            ),
            server_key=first(instead.server_key, self.server_key),
            nonce=nonce,
            timestamp_s=timestamp_s,
        )
        return {
            ID_HEADER: signer.id.hex(),
            NONCE_HEADER: wire.encode_base64(nonce),
            TIME_HEADER: str(timestamp_s),
            SIGNATURE_HEADER: wire.encode_base64(sign_as(signer, signed)),
        }

    # Calls

    def reset(self, params: Begin) -> Rooms:
        """Bring everything to where a test begins."""
        self.begin = params
        if not self.is_running:
            self.restore()
        restored = [
            self.request(
                ServerRequest(
                    method="PUT",
                    path=f"/room/{room}",
                    account=OPERATOR,
                    value={**DEFAULTS, "name": f"room {room}"},
                )
            )
            for room in self.rooms
        ]
        return Rooms(rooms=list(self.rooms), statuses=sorted({response.status for response in restored}))

    def request(self, request: ServerRequest) -> ServerResponse:
        """Send a request on its way, signed anew each time that a limit is waited out.

        Raises:
            BrokenAdapter, HungAdapter: there is no response.
        """
        return self.wait_out(lambda: WAYS[request.way](self, request))

    def send_directly(self, request: ServerRequest) -> ServerResponse:
        """Send a request as it is."""
        return describe(self.send(self.sign(request)))

    def send_in_list(self, request: ServerRequest) -> ServerResponse:
        """Send a request alone in a batch or sequence, which is signed in its place."""
        outer = request.model_copy(
            update={
                "method": "POST",
                "path": f"/{request.way}",
                "value": [describe_part(request)],
                "body": b"",
                "headers": keep_signature_headers(request.headers),
                "way": "direct",
            }
        )
        response = self.send(self.sign(outer))
        parts = response.value
        if response.status != OK or not isinstance(parts, list) or len(parts) != 1:
            return describe(response)
        return describe(read_part(parts[0]), outer=response.status)

    def send_in_onion(self, request: ServerRequest) -> ServerResponse:
        """Send a request in an onion request."""
        signed = self.sign(request)
        inner = signed_request.Request(
            method=signed.method, target=signed.path, headers=signed.headers, body=signed.body
        )
        return self.send_onion(OnionPayload(payload=server_onion.encode_request(inner)))

    def send_onion(self, params: OnionPayload) -> ServerResponse:
        """Send a payload as an onion request, and open the reply."""
        recipient = PublicKey(KEY_TYPE + self.server_key)
        layer = hand_made.seal(recipient, params.payload, secrets.token_hex(8))
        control = {"ephemeral_key": layer.ephemeral_key, **params.control}
        body = hand_made.write_frame(layer.ciphertext, control)
        response = self.send(Request(method="POST", path=server_onion.TARGET, body=body))
        if response.status != OK:
            return describe(response)
        try:
            reply = server_onion.open_reply(layer.key, response.raw)
        except CloisterError as error:
            return describe(make_response(UNOPENED, {}, str(error).encode()), OK)
        return describe(make_response(reply.status, dict(reply.headers), reply.body), OK, iv=response.raw[:IV_BYTES])

    def request_all(self, params: ServerRequests) -> ServerResponses:
        """Send several requests at once."""
        responses = send_at_once(self.request, params.requests * params.times)
        return ServerResponses(responses=responses, statuses=sorted({response.status for response in responses}))

    def watch(self, params: Watched) -> Seen:
        """Send several requests at once, and poll a room meanwhile, and afterwards until a page is empty."""
        seen: dict[int, dict[str, Any]] = {}
        cursor, pages, fault = params.cursor, 0, ""
        deadline = time.monotonic() + WATCH_SECONDS
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(send_at_once, self.request, params.requests)
            while not fault and time.monotonic() < deadline:
                was_done = sent.done()
                path = f"/room/{params.room}/messages/since/{cursor}?limit={params.limit}"
                page = self.request(ServerRequest(method="GET", path=path, account=params.account))
                pages += 1
                fault = find_page_fault(page, cursor, params.limit)
                seen |= {message["id"]: message for message in page.told if not fault}
                cursor = max([cursor, *page.seqnos])
                if was_done and not page.told:
                    break
            responses = sent.result()
        return Seen(
            statuses=sorted({response.status for response in responses}),
            pages=pages,
            fault=fault,
            seen=sorted(seen.values(), key=lambda message: int(message["seqno"])),
        )

    def hang_up(self, params: HungUp) -> Grown:
        """Begin requests at once, wait until the server has written something, hang up, and wait until it is gone."""
        before, signed = self.weigh(), self.sign(params.request)
        body = signed.body
        lines = [f"{signed.method} {signed.path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
        head = "\r\n".join([*lines, *(f"{name}: {text}" for name, text in signed.headers.items()), "", ""])
        with ExitStack() as stack:
            for _ in range(params.times):
                connection = stack.enter_context(socket.create_connection((self.host, self.port)))
                connection.sendall(head.encode() + body[: len(body) // 2])
            wait_until(lambda: self.weigh() > before)
        wait_until(lambda: self.weigh() <= before)
        return Grown(bytes=self.weigh() - before)

    def weigh(self) -> int:
        """Add up the sizes of all files in the server's folder."""
        return sum(find_size(path) for path in (self.files / "data").rglob("*"))


OpenGroupTarget.functions = {
    "server.reset": OpenGroupTarget.reset,
    "server.make_account": OpenGroupTarget.make_account,
    "server.request": OpenGroupTarget.request,
    "server.requests": OpenGroupTarget.request_all,
    "server.watch": OpenGroupTarget.watch,
    "server.hang_up": OpenGroupTarget.hang_up,
    "server.send_onion": OpenGroupTarget.send_onion,
    **name_process_functions("server"),
}
WAYS = {
    "direct": OpenGroupTarget.send_directly,
    "onion": OpenGroupTarget.send_in_onion,
    "batch": OpenGroupTarget.send_in_list,
    "sequence": OpenGroupTarget.send_in_list,
}


def find_size(path: Path) -> int:
    """Find the size of a file; it may be gone meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def wait_until(happened: Callable[[], bool]) -> None:
    """Wait until something has happened, and not for ever."""
    deadline = time.monotonic() + WEIGHING_SECONDS
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.02)


# Ids


def negate(signer: SigningId) -> SigningId:
    """Turn an id into that of the negative point."""
    ka = -signer.ka % Q
    return replace(signer, id=signer.id[:1] + identity.multiply_base(ka), ka=ka)


def first(instead: Any, usual: Any) -> Any:  # noqa: ANN401 - a text or bytes
    """Choose what is given in the place of the usual."""
    return usual if instead is None else instead


def sign_as(signer: SigningId, signed: bytes) -> bytes:
    """Sign as an id of either form: the formula of blinded ids makes Ed25519 signatures of any key."""
    return server_id.sign(replace(signer, id=bytes([BLINDED]) + signer.id[1:]), signed)


# Requests in a list


def describe_part(request: ServerRequest) -> dict[str, JsonValue]:
    """Describe a request as the one of a batch; its signature is that of the batch."""
    headers: dict[str, JsonValue] = {
        name: text for name, text in request.headers.items() if name.lower() not in HEADERS
    }
    part: dict[str, JsonValue] = {"method": request.method, "path": request.path}
    if headers:
        part["headers"] = headers
    if request.value is not None:
        part["json"] = request.value
    elif request.body:
        part["b64"] = wire.encode_base64(request.body)
    return part


def keep_signature_headers(headers: dict[str, str]) -> dict[str, str]:
    """Keep those headers that stand in the place of one of the signature."""
    return {name: text for name, text in headers.items() if name.lower() in HEADERS}


def read_part(part: object) -> WholeResponse:
    """Read the answer to the request of a batch; one that is of another form has the status `UNOPENED`."""
    match part:
        case {"code": int(code), "headers": dict(headers), "body": body}:
            texts = {str(name).lower(): str(text) for name, text in headers.items()}
            is_json = texts.get("content-type", "").startswith("application/json")
            try:
                raw = json.dumps(body).encode() if is_json else wire.decode_base64(str(body), what="body")
            except CloisterError as error:
                return make_response(UNOPENED, {}, str(error).encode())
            return make_response(code, texts, raw)
    return make_response(UNOPENED, {}, b"the answer in the list is of another form")


# Responses


def make_response(status: int, headers: dict[str, str], raw: bytes) -> WholeResponse:
    """Make the response that stands inside of another."""
    return WholeResponse(
        status=status,
        content_type=headers.get("content-type", ""),
        body=raw.decode("utf-8", "replace"),
        raw=raw,
        value=decode_value(raw),
        headers=headers,
    )


def describe(response: WholeResponse, outer: int | None = None, iv: bytes = b"") -> ServerResponse:
    """Describe a response, and what stands in its value."""
    value = response.value
    told = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
    listed = told if isinstance(value, list) else []
    return ServerResponse(
        **response.model_dump(exclude={"raw"}),
        raw=response.raw,
        outer=first(outer, response.status),
        iv=iv,
        told=told,
        ids=list_numbers(listed, "id"),
        seqnos=list_numbers(listed, "seqno"),
        codes=list_numbers(listed, "code"),
    )


def list_numbers(objects: list[dict[str, Any]], name: str) -> list[int]:
    """List the numbers that objects have under a name."""
    return [one[name] for one in objects if type(one.get(name)) is int]


def find_page_fault(page: ServerResponse, cursor: int, limit: int) -> str:
    """Find what is wrong with a page of `since`."""
    if page.status != OK or not isinstance(page.value, list):
        return f"a page is answered with {page.status}"
    if len(page.ids) != len(page.value) or len(page.seqnos) != len(page.value):
        return "a message has no id or no sequence number"
    if len(page.value) > limit:
        return f"a page has {len(page.value)} messages"
    if any(before >= behind for before, behind in pairwise([cursor, *page.seqnos])):
        return f"the sequence numbers {page.seqnos} do not ascend above the cursor {cursor}"
    return "" if len({*page.ids}) == len(page.ids) else "a message stands on a page twice"
