"""Chapter 03, third part: all sessions with one peer.

- A record is kept for each peer; it is a value, and so is the account whose prekeys a first message uses up.
- The first session of a record is the one that is sent in. Only setting up changes that.
- The message that asks for a session is in `session_request`; sealing is chapter 05.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cloister import double_ratchet, errors, identity, wire, x3dh
from cloister._proto import pairwise_sessions_pb2
from cloister.double_ratchet import Message, Ratchet
from cloister.identity import PublicKey
from cloister.x3dh import Account, Bundle

REGISTRATION_ID = 1
MAX_ARCHIVED_SESSIONS = 40
ARCHIVE_LIFETIME_MS = 1_209_600_000
REQUEST_AFTER_MS = 604_800_000

Kind = Literal["message", "prekey message"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The ids of the prekeys that a session was opened with, while nothing was read in it, and whether we asked for one since."""

    signed_prekey_id: int
    one_time_prekey_id: int | None
    asked_since: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session; `base_key` names it, `archived_ms` is when it ceased to be sent in."""

    base_key: PublicKey
    ratchet: Ratchet
    pending: Pending | None = None
    archived_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that an account holds of one peer; the session that is sent in comes first, then the archived, newest first.

    `last_request_ms` is the time of the last session request that was taken, `last_asked_ms` when the last was made. The two
    have parted if the peer was seen to send in a session that was archived long ago.
    """

    ours: PublicKey
    theirs: PublicKey
    sessions: tuple[Session, ...] = ()
    last_request_ms: int | None = None
    last_asked_ms: int | None = None
    has_parted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PrekeyMessage:
    """A decoded prekey message; `message` is the frame inside."""

    signed_prekey_id: int
    one_time_prekey_id: int | None
    base_key: PublicKey
    identity_key: PublicKey
    message: bytes


# Opening


def open_session(record: Record, account: Account, bundle: Bundle, random: wire.Random, *, now_ms: int) -> Record:
    """Open a session from an unverified bundle.

    Raises:
        UntrustedIdentity, InvalidSignature: the bundle is not the peer's.
    Clauses: PS-9, PS-11, PS-14, PS-54
    """
    x3dh.check_bundle(bundle, record.theirs)

    base = identity.generate_key_pair(random)
    root_key, chain_key = x3dh.agree_as_initiator(account.identity.private, base.private, bundle)
    ratchet = double_ratchet.start_as_initiator(
        root_key, chain_key, bundle.signed_prekey, random, ours=record.ours, theirs=record.theirs
    )

    pending = Pending(signed_prekey_id=bundle.signed_prekey_id, one_time_prekey_id=bundle.one_time_prekey_id)
    return put_first(record, Session(base_key=base.public, ratchet=ratchet, pending=pending), now_ms)


# Sending


def encrypt(record: Record, plaintext: bytes) -> tuple[Record, Kind, bytes]:
    """Encrypt for the peer; return the record, to be stored before the frame is sent, the kind of the frame, and the frame.

    Raises:
        NoSession: there is none.
        TooLarge: the frame would be longer than `MAX_CONTENT_BYTES`.
    Clauses: PS-15, PS-17, PS-54
    """
    if not record.sessions:
        raise errors.NoSession
    current, *archived = record.sessions
    ratchet, frame = double_ratchet.encrypt(current.ratchet, plaintext)
    record = replace(record, sessions=(replace(current, ratchet=ratchet), *archived))
    if current.pending is None:
        return record, "message", frame
    return record, "prekey message", encode_prekey_message(record.ours, current.base_key, current.pending, frame)


def encode_prekey_message(ours: PublicKey, base_key: PublicKey, pending: Pending, frame: bytes) -> bytes:
    """Encode a prekey message around a message.

    Raises:
        TooLarge: it would be longer than `MAX_CONTENT_BYTES`.
    Clauses: PS-16, PS-67, NE-7, NE-15, NE-19
    """
    prekey_message = wire.encode_frame(
        pairwise_sessions_pb2.PreKeySignalMessage(
            one_time_prekey_id=pending.one_time_prekey_id,
            base_key=base_key,
            identity_key=ours,
            message=frame,
            registration_id=REGISTRATION_ID,
            signed_prekey_id=pending.signed_prekey_id,
        )
    )
    wire.check_content_size(prekey_message)
    return prekey_message


# Receiving


def decode_prekey_message(frame: bytes) -> PrekeyMessage:
    """Decode an unverified prekey message; the frame inside stays as it is.

    Raises:
        TooLarge, InvalidMessage, UnsupportedVersion: the frame is not well-formed.
        InvalidKey: the base key or the identity key is not acceptable.
    Clauses: PS-19, PS-21, PS-25
    """
    protobuf, _ = wire.split_frame(frame, trailer_bytes=0)
    fields = wire.decode_protobuf(
        pairwise_sessions_pb2.PreKeySignalMessage, protobuf, optional=("one_time_prekey_id", "registration_id")
    )
    return PrekeyMessage(
        signed_prekey_id=fields.signed_prekey_id,
        one_time_prekey_id=fields.one_time_prekey_id if fields.HasField("one_time_prekey_id") else None,
        base_key=identity.decode_public_key(fields.base_key),
        identity_key=identity.decode_public_key(fields.identity_key),
        message=fields.message,
    )


def decrypt_prekey_message(
    record: Record, account: Account, frame: bytes, random: wire.Random, *, now_ms: int
) -> tuple[Record, Account, bytes]:
    """Decrypt an unverified prekey message; return the record and the account, to be stored together, and the plaintext.

    Raises:
        TooLarge, InvalidMessage, UnsupportedVersion, OutOfRange, InvalidKey: a frame is not well-formed.
        UntrustedIdentity: it is not the peer's.
        UnknownPrekey: a prekey that it names is not held.
        UnknownSession: the session was set up before.
        DuplicateMessage, TooFarAhead, InvalidMac, DecryptionFailed: as `double_ratchet.decrypt`.
    Clauses: PS-18, PS-22, PS-23, PS-24
    """
    outer = decode_prekey_message(frame)
    message = double_ratchet.decode_message(outer.message)
    if outer.identity_key != record.theirs:
        raise errors.UntrustedIdentity

    if any(belongs_to(outer, message, held) for held in expire_archived(record, now_ms).sessions):
        record, plaintext = read_message(record, message, random, now_ms=now_ms)
        return record, account, plaintext

    account = replace(account, prekeys=x3dh.expire_prekeys(account.prekeys, now_ms))
    session, agreement = accept_session(record, account, outer)
    ratchet, plaintext = double_ratchet.decrypt(session.ratchet, message, random)

    record = add_accepted(record, replace(session, ratchet=ratchet), now_ms)
    return record, use_up(account, outer, agreement), plaintext


def belongs_to(outer: PrekeyMessage, message: Message, held: Session) -> bool:
    """Tell whether a prekey message is one of a session that is held; the base key alone may have been rewritten.

    Clauses: PS-22
    """
    if held.base_key == outer.base_key:
        return True
    return double_ratchet.find_receiving_chain(held.ratchet, message.ratchet_key) is not None


def accept_session(record: Record, account: Account, outer: PrekeyMessage) -> tuple[Session, x3dh.Agreement]:
    """Compute the session that a prekey message opens, and the name of its agreement.

    Raises:
        UnknownPrekey: a prekey that it names is not held.
        UnknownSession: the session was set up before.
    Clauses: PS-20, PS-21, PS-23
    """
    signed = x3dh.find_signed_prekey(account.prekeys, outer.signed_prekey_id)
    one_time = x3dh.find_one_time_prekey(account.prekeys, outer.one_time_prekey_id)
    root_key, chain_key = x3dh.agree_as_responder(
        account.identity.private,
        signed.pair,
        one_time.pair if one_time else None,
        theirs=record.theirs,
        base_key=outer.base_key,
    )
    agreement = x3dh.name_agreement(root_key, chain_key)
    if agreement in signed.agreements:
        raise errors.UnknownSession
    ratchet = double_ratchet.start_as_responder(
        root_key, chain_key, signed.pair, ours=record.ours, theirs=record.theirs
    )
    return Session(base_key=outer.base_key, ratchet=ratchet), agreement


def use_up(account: Account, outer: PrekeyMessage, agreement: x3dh.Agreement) -> Account:
    """Erase the one-time prekey that a first message named; if it named none, remember its agreement.

    Clauses: PS-8, PS-23
    """
    if outer.one_time_prekey_id is None:
        prekeys = x3dh.remember_agreement(account.prekeys, outer.signed_prekey_id, agreement)
    else:
        prekeys = x3dh.erase_one_time_prekey(account.prekeys, outer.one_time_prekey_id)
    return replace(account, prekeys=prekeys)


def decrypt_message(record: Record, frame: bytes, random: wire.Random, *, now_ms: int) -> tuple[Record, bytes]:
    """Decrypt an unverified message; return the record, to be stored before the plaintext is shown, and the plaintext.

    Raises:
        TooLarge, InvalidMessage, UnsupportedVersion, OutOfRange, InvalidKey: the frame is not well-formed.
        UnknownSession: there is no session.
        DuplicateMessage, TooFarAhead, InvalidMac, DecryptionFailed: as `double_ratchet.decrypt`.
    Clauses: PS-48, PS-53
    """
    return read_message(record, double_ratchet.decode_message(frame), random, now_ms=now_ms)


def read_message(record: Record, message: Message, random: wire.Random, *, now_ms: int) -> tuple[Record, bytes]:
    """Read a message in the first session that can.

    Raises:
        UnknownSession: there is no session.
        DuplicateMessage, TooFarAhead, InvalidMac, DecryptionFailed: of the first session that was tried.
    Clauses: PS-51, PS-52, PS-53, PS-54
    """
    record = expire_archived(record, now_ms)
    if not record.sessions:
        raise errors.UnknownSession

    refusals: list[errors.ProtocolViolation] = []
    for session in find_candidates(record.sessions, message.ratchet_key):
        try:
            ratchet, plaintext = double_ratchet.decrypt(session.ratchet, message, random)
        except errors.ProtocolViolation as refusal:
            refusals.append(refusal)
        else:
            record = replace_session(record, replace(session, ratchet=ratchet, pending=None))
            return note_parting(record, session, now_ms), plaintext
    raise refusals[0]


def note_parting(record: Record, session: Session, now_ms: int) -> Record:
    """Note that the two have parted, if the session in which a message was read was archived long ago.

    Clauses: PS-71
    """
    if session.archived_ms is None or now_ms - session.archived_ms <= REQUEST_AFTER_MS:
        return record
    return replace(record, has_parted=True)


def find_candidates(sessions: Sequence[Session], ratchet_key: PublicKey) -> Sequence[Session]:
    """Find the sessions that a message can belong to: those that hold its ratchet key, or all."""
    holding = [held for held in sessions if double_ratchet.find_receiving_chain(held.ratchet, ratchet_key)]
    return holding or sessions


# The record


def put_first(record: Record, new: Session, now_ms: int) -> Record:
    """Let a new session be the one that is sent in; the one before is archived.

    Clauses: PS-54
    """
    current, archived = record.sessions[:1], record.sessions[1:]
    return keep_bounds(record, (new, *(replace(held, archived_ms=now_ms) for held in current), *archived), now_ms)


def add_accepted(record: Record, new: Session, now_ms: int) -> Record:
    """Add a session that the peer opened; it is archived at once if ours, opened at the same time, is to be sent in.

    Clauses: PS-54, PS-55
    """
    if not goes_on(record):
        return put_first(record, new, now_ms)
    current, archived = record.sessions[0], record.sessions[1:]
    return keep_bounds(record, (current, replace(new, archived_ms=now_ms), *archived), now_ms)


def goes_on(record: Record) -> bool:
    """Tell whether the session that is sent in stays when the peer opens one: ours is the higher account, opened it and did not ask since.

    Clauses: PS-55
    """
    pending = record.sessions[0].pending if record.sessions else None
    return pending is not None and not pending.asked_since and record.ours > record.theirs


def note_asked(record: Record, now_ms: int) -> Record:
    """Note that we ask the peer for a session, also in those that are pending.

    Clauses: PS-55, PS-70
    """
    sessions = tuple(
        replace(held, pending=replace(held.pending, asked_since=True)) if held.pending else held
        for held in record.sessions
    )
    return replace(record, sessions=sessions, last_asked_ms=now_ms)


def keep_bounds(record: Record, sessions: Sequence[Session], now_ms: int) -> Record:
    """Keep the newest sessions within the bounds.

    Clauses: PS-51, PS-52, PS-69, PS-71
    """
    record = expire_archived(replace(record, sessions=tuple(sessions), has_parted=False), now_ms)
    return replace(record, sessions=record.sessions[: 1 + MAX_ARCHIVED_SESSIONS])


def expire_archived(record: Record, now_ms: int) -> Record:
    """Erase the sessions that were archived more than `ARCHIVE_LIFETIME_MS` ago.

    Clauses: PS-52, PS-68
    """
    kept = tuple(held for held in record.sessions if not is_expired(held, now_ms))
    return record if len(kept) == len(record.sessions) else replace(record, sessions=kept)


def is_expired(session: Session, now_ms: int) -> bool:
    """Tell whether a session was archived more than `ARCHIVE_LIFETIME_MS` ago."""
    return session.archived_ms is not None and now_ms - session.archived_ms > ARCHIVE_LIFETIME_MS


def replace_session(record: Record, new: Session) -> Record:
    """Replace the session of the same base key."""
    sessions = (new if held.base_key == new.base_key else held for held in record.sessions)
    return replace(record, sessions=tuple(sessions))
