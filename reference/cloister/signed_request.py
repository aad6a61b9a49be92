r"""Chapter 11, second part: how a request to an open-group server is signed, and what a server checks of it.

- Who asks is known by four headers, or is nobody.
- A check that fails is a `Refusal`, an HTTP status and a line of text, as all answers of a server that are no success.

    >>> import secrets
    >>> me = server_id.derive_blinded_id(bytes(32), server_key=bytes(31) + b"\x09")
    >>> asked = Request(method="GET", target="/rooms")
    >>> headers = sign_request(me, asked, server_key=bytes(31) + b"\x09", now_s=1_700_000_000, random=secrets.token_bytes)
    >>> found = read_signature(headers, blinding_required=True)
    >>> check_signature(found, asked, server_key=bytes(31) + b"\x09", now_s=1_700_000_000)
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from cloister import errors, server_id, wire
from cloister.server_id import SigningId

NONCE_BYTES = 16
TIME_TOLERANCE_S = 86_400
SIGNATURE_BYTES = 64

ID_HEADER = "x-sogs-pubkey"
NONCE_HEADER = "x-sogs-nonce"
TIME_HEADER = "x-sogs-timestamp"
SIGNATURE_HEADER = "x-sogs-signature"
BAD_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
NOT_IN_PATHS = re.compile(r"[?#\x00-\x1f\x7f-\x9f]")
TARGET_FORM = re.compile(r"/[\x21-\x7e]*")
QUERY = re.compile(r"[\x21-\x7e]*")

HEADERS = (ID_HEADER, NONCE_HEADER, TIME_HEADER, SIGNATURE_HEADER)


class Refusal(Exception):
    """What a server answers to a request that it does not grant: a status of the chapter, and a line of text."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to a server: method, path and query as they are written, headers with names in lower case, body."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> bytes:
        """The path, percent-decoded."""
        return unquote_to_bytes(self.target.partition("?")[0])

    @property
    def query(self) -> str:
        """The query, as it is written."""
        return self.target.partition("?")[2]

    @property
    def size(self) -> int:
        """The bytes of the body; a body may also lie elsewhere."""
        return len(self.body)

    @property
    def body_hash(self) -> bytes:
        """What is signed of the body: its BLAKE2b-512 hash, or nothing if it is empty."""
        return hashlib.blake2b(self.body).digest() if self.body else b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What the four headers say, decoded and not verified."""

    id: bytes
    nonce: bytes
    timestamp_s: int
    signature: bytes


def encode_signed(request: Request, *, server_key: bytes, nonce: bytes, timestamp_s: int) -> bytes:
    """Encode what is signed of a request.

    Clauses: OG-6
    """
    query = b"?" + request.query.encode() if request.query else b""
    head = server_key + nonce + str(timestamp_s).encode() + request.method.encode()
    return head + request.path + query + request.body_hash


def check_target(request: Request) -> None:
    """Check that nothing of an unverified request could move within the signed bytes, which have no separators.

    Raises:
        Refusal: 400, it could.
    Clauses: OG-58
    """
    path, _, query = request.target.partition("?")
    try:
        decoded = request.path.decode()
    except UnicodeDecodeError:
        raise Refusal(400, "the path is not UTF-8") from None
    if BAD_PERCENT.search(path) or NOT_IN_PATHS.search(decoded):
        raise Refusal(400, "the path has a character that it must not have")
    if not QUERY.fullmatch(query):
        raise Refusal(400, "the query has a character that it must not have")
    if request.method == "GET" and request.size:
        raise Refusal(400, "a GET has no body")


def sign_request(
    signer: SigningId, request: Request, *, server_key: bytes, now_s: int, random: wire.Random
) -> dict[str, str]:
    """Sign a request with a fresh nonce; return the four headers.

    Clauses: OG-6, OG-7
    """
    nonce = random(NONCE_BYTES)
    signature = server_id.sign(signer, encode_signed(request, server_key=server_key, nonce=nonce, timestamp_s=now_s))
    return {
        ID_HEADER: signer.id.hex(),
        NONCE_HEADER: wire.encode_base64(nonce),
        TIME_HEADER: str(now_s),
        SIGNATURE_HEADER: wire.encode_base64(signature),
    }


def read_signature(headers: Mapping[str, str], *, blinding_required: bool) -> Signature | None:
    """Read the four headers of an unverified request, names in lower case; none of them is nobody's.

    Raises:
        Refusal: 400, some are missing, or one is of another form.
    Clauses: OG-3, OG-4, OG-8
    """
    given = [headers.get(name) for name in HEADERS]
    if given == [None] * len(HEADERS):
        return None
    sender, nonce, timestamp, signature = given
    if sender is None or nonce is None or timestamp is None or signature is None:
        raise Refusal(400, "some of the four X-SOGS headers are missing")
    try:
        found = Signature(
            id=server_id.decode_signing_id(sender),
            nonce=wire.decode_base64(nonce, what=NONCE_HEADER),
            timestamp_s=wire.decode_decimal(timestamp, what=TIME_HEADER),
            signature=wire.decode_base64(signature, what=SIGNATURE_HEADER),
        )
    except errors.Malformed as error:
        raise Refusal(400, str(error)) from None
    if len(found.nonce) != NONCE_BYTES:
        raise Refusal(400, "the nonce has not 16 bytes")
    if len(found.signature) != SIGNATURE_BYTES:
        raise Refusal(400, "the signature has not 64 bytes")
    if blinding_required and found.id[0] != server_id.BLINDED:
        raise Refusal(400, "this server wants blinded ids")
    return found


def check_signature(found: Signature, request: Request, *, server_key: bytes, now_s: int) -> None:
    """Check the time and the signature of an unverified request. Its nonce, which is the server's to know, comes next.

    Raises:
        Refusal: 425, its time is too far from the clock; 401, its signature does not verify.
    Clauses: OG-6, OG-9, OG-10
    """
    if abs(now_s - found.timestamp_s) > TIME_TOLERANCE_S:
        raise Refusal(425, "the timestamp is too far from the server's clock")
    signed = encode_signed(request, server_key=server_key, nonce=found.nonce, timestamp_s=found.timestamp_s)
    try:
        server_id.verify(found.id, signed, found.signature)
    except errors.InvalidSignature:
        raise Refusal(401, "the signature does not verify") from None
