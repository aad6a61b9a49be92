"""Chapter 03, last part: the message by which one account asks another for a session.

- It is authenticated by a MAC that only the two can compute, and so proves nothing to anybody else.
- What is encoded here is sealed before it is stored: chapter 05.
"""

import hmac
from dataclasses import dataclass, replace

from cloister import chain, errors, identity, session, wire, x3dh
from cloister._proto import pairwise_sessions_pb2
from cloister.identity import PrivateKey, PublicKey
from cloister.session import Record
from cloister.x3dh import Account, Bundle

REQUEST_INFO = b"CloisterSessionRequest"
REQUEST_MAC_BYTES = 32
MAX_REQUEST_AGE_MS = 1_209_600_000
MAX_REQUEST_AHEAD_MS = 86_400_000
REQUEST_PERIOD_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """A decoded session request; `encoded_bundle` is what the MAC covers."""

    timestamp_ms: int
    bundle: Bundle
    encoded_bundle: bytes
    mac: bytes


def derive_mac(
    ours: PrivateKey, theirs: PublicKey, *, sender: PublicKey, receiver: PublicKey, timestamp_ms: int, bundle: bytes
) -> bytes:
    """Derive the MAC of a session request, 32 bytes; both sides compute the same.

    Clauses: PS-58
    """
    mac_key = chain.derive_key(identity.agree(ours, theirs), chain.ZERO_SALT, REQUEST_INFO, 32)
    return hmac.digest(mac_key, sender + receiver + timestamp_ms.to_bytes(8, "big") + bundle, "sha256")


# Asking


def create_request(
    record: Record, account: Account, random: wire.Random, *, now_ms: int
) -> tuple[Record, Account, bytes]:
    """Create a session request to the peer; return the record and the account, to be stored before it is sent, and the frame.

    Raises:
        RequestTooSoon: the last one was made less than `REQUEST_PERIOD_MS` ago, or ahead.
        OutOfRange: the time does not have 13 digits.
    Clauses: PS-55, PS-70
    """
    if not may_ask(record, now_ms):
        assert record.last_asked_ms is not None
        raise errors.RequestTooSoon(next_ms=record.last_asked_ms + REQUEST_PERIOD_MS)
    account, bundle = x3dh.create_bundle(account, random, now_ms=now_ms)
    frame = encode_request(account, record.theirs, bundle, now_ms=now_ms)
    return session.note_asked(record, now_ms), account, frame


def may_ask(record: Record, now_ms: int) -> bool:
    """Tell whether a session request may be made.

    Clauses: PS-70
    """
    return record.last_asked_ms is None or abs(now_ms - record.last_asked_ms) >= REQUEST_PERIOD_MS


def is_due(record: Record, now_ms: int) -> bool:
    """Tell whether a session request is to be made because the two have parted.

    Clauses: PS-71
    """
    return record.has_parted and may_ask(record, now_ms)


def encode_request(account: Account, theirs: PublicKey, bundle: Bundle, *, now_ms: int) -> bytes:
    """Encode a session request with our bundle.

    Raises:
        OutOfRange: the time does not have 13 digits.
    Clauses: PS-58, PS-64, NE-7, NE-15, NE-20
    """
    wire.check_timestamp(now_ms)
    encoded = x3dh.encode_bundle(bundle)
    mac = derive_mac(
        account.identity.private,
        theirs,
        sender=account.identity.public,
        receiver=theirs,
        timestamp_ms=now_ms,
        bundle=encoded,
    )
    return wire.encode_frame(pairwise_sessions_pb2.SessionRequest(timestamp_ms=now_ms, bundle=encoded, mac=mac))


# Accepting


def decode_request(frame: bytes) -> SessionRequest:
    """Decode an unverified session request.

    Raises:
        TooLarge, InvalidMessage, UnsupportedVersion: the frame or the bundle is not well-formed.
        OutOfRange: the time does not have 13 digits.
        InvalidKey: a key is not acceptable.
    Clauses: PS-58, NE-18
    """
    protobuf, _ = wire.split_frame(frame, trailer_bytes=0)
    fields = wire.decode_protobuf(pairwise_sessions_pb2.SessionRequest, protobuf)
    wire.check_size(fields.mac, REQUEST_MAC_BYTES, what="mac")
    wire.check_timestamp(fields.timestamp_ms)
    return SessionRequest(
        timestamp_ms=fields.timestamp_ms,
        bundle=x3dh.decode_bundle(fields.bundle),
        encoded_bundle=fields.bundle,
        mac=fields.mac,
    )


def accept_request(record: Record, account: Account, frame: bytes, random: wire.Random, *, now_ms: int) -> Record:
    """Open a session because of an unverified session request; the caller answers with a prekey message in it.

    Raises:
        TooLarge, InvalidMessage, UnsupportedVersion, OutOfRange, InvalidKey: as `decode_request`.
        UntrustedIdentity, InvalidMac, InvalidSignature: it is not the peer's.
        StaleRequest: it is not newer than the last one, or too old or too new for our clock.
    Clauses: PS-59, PS-60, PS-61, PS-63
    """
    request = decode_request(frame)

    if request.bundle.identity_key != record.theirs:
        raise errors.UntrustedIdentity
    check_mac(record, account, request)
    check_time(record, request, now_ms)

    record = session.open_session(record, account, request.bundle, random, now_ms=now_ms)
    return replace(record, last_request_ms=request.timestamp_ms)


def check_mac(record: Record, account: Account, request: SessionRequest) -> None:
    """Check that the peer wrote a request for us.

    Raises:
        InvalidMac: it did not.
    Clauses: PS-60
    """
    mac = derive_mac(
        account.identity.private,
        record.theirs,
        sender=record.theirs,
        receiver=record.ours,
        timestamp_ms=request.timestamp_ms,
        bundle=request.encoded_bundle,
    )
    if not hmac.compare_digest(mac, request.mac):
        raise errors.InvalidMac


def check_time(record: Record, request: SessionRequest, now_ms: int) -> None:
    """Check that a request is newer than the last one, and neither too old nor too new for our clock.

    Raises:
        StaleRequest: it is not.
    Clauses: PS-61, PS-62
    """
    if record.last_request_ms is not None and request.timestamp_ms <= record.last_request_ms:
        raise errors.StaleRequest(timestamp_ms=request.timestamp_ms)
    if now_ms - request.timestamp_ms > MAX_REQUEST_AGE_MS:
        raise errors.StaleRequest(timestamp_ms=request.timestamp_ms)
    if request.timestamp_ms - now_ms > MAX_REQUEST_AHEAD_MS:
        raise errors.StaleRequest(timestamp_ms=request.timestamp_ms)
