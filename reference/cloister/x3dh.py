"""Chapter 03, first part: prekeys, the bundles in which they are given out, and the X3DH agreement.

- A bundle is unverified until `check_bundle` has accepted it.
- Every bundle may have a one-time prekey of its own; `create_bundle` makes it.
- What is done with the root key and the chain key is `double_ratchet`'s.

    >>> bob = create_account(identity.derive_identity(bytes(32)), bytes, now_ms=1_600_000_000_000)
    >>> bob, bundle = create_bundle(bob, bytes, now_ms=1_600_000_000_000)
    >>> check_bundle(bundle, bob.identity.public)
    >>> bundle.one_time_prekey_id
    2
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, NewType

from annotated_types import Len

from cloister import chain, errors, identity, wire
from cloister._proto import pairwise_sessions_pb2
from cloister.chain import ChainKey
from cloister.identity import KeyPair, PrivateKey, PublicKey

X3DH_INFO = b"WhisperText"
ROOT_KEY_BYTES = 32
AGREEMENT_BYTES = 32
MAX_PREKEY_ID = 16_777_214
SIGNED_PREKEY_PERIOD_MS = 604_800_000
PREKEY_LIFETIME_MS = 2_419_200_000

DISCONTINUITY = b"\xff" * 32

RootKey = NewType("RootKey", Annotated[bytes, Len(ROOT_KEY_BYTES, ROOT_KEY_BYTES)])
"""32 bytes, from which the chain keys of a session follow."""

Agreement = NewType("Agreement", Annotated[bytes, Len(AGREEMENT_BYTES, AGREEMENT_BYTES)])
"""32 bytes, by which the first message of a session is known again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPrekey:
    """A prekey that is given to everybody; `renewed_ms` is when a newer one took its place.

    `agreements` are those of the first messages that were read under it without a one-time prekey.
    """

    prekey_id: int
    pair: KeyPair
    signature: bytes
    created_ms: int
    renewed_ms: int | None = None
    agreements: tuple[Agreement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimePrekey:
    """A prekey that is given to one peer."""

    pair: KeyPair
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prekeys:
    """All prekeys of an account: signed ones, newest first, and one-time ones by their ids."""

    signed: tuple[SignedPrekey, ...] = ()
    one_time: Mapping[int, OneTimePrekey] = field(default_factory=dict)
    next_id: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An identity and its prekeys."""

    identity: KeyPair
    prekeys: Prekeys = field(default_factory=Prekeys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What somebody needs to open a session; of the one-time prekey both members are None, or neither."""

    identity_key: PublicKey
    signed_prekey_id: int
    signed_prekey: PublicKey
    signature: bytes
    one_time_prekey_id: int | None = None
    one_time_prekey: PublicKey | None = None


# Prekeys


def create_account(ours: KeyPair, random: wire.Random, *, now_ms: int) -> Account:
    """Create an account from an identity, with one signed prekey.

    Clauses: PS-1
    """
    return renew_signed_prekey(Account(identity=ours), random, now_ms=now_ms)


def renew_signed_prekey(account: Account, random: wire.Random, *, now_ms: int) -> Account:
    """Put a new signed prekey in the place of the newest, which is kept for `PREKEY_LIFETIME_MS`.

    Clauses: PS-1
    """
    prekeys = expire_prekeys(account.prekeys, now_ms)
    prekey_id = find_free_id(prekeys)
    pair = identity.generate_key_pair(random)
    signature = sign_prekey(account.identity, pair.public, random)
    new = SignedPrekey(prekey_id=prekey_id, pair=pair, signature=signature, created_ms=now_ms)
    return replace(account, prekeys=replace(put_signed_prekey(prekeys, new), next_id=prekey_id + 1))


def sign_prekey(ours: KeyPair, prekey: PublicKey, random: wire.Random) -> bytes:
    """Sign a prekey with an identity key.

    Clauses: PS-2
    """
    return identity.sign(ours.private, prekey, random)


def put_signed_prekey(prekeys: Prekeys, new: SignedPrekey) -> Prekeys:
    """Let a signed prekey be the newest; the others are renewed now, if they were not before.

    Clauses: PS-5
    """
    older = tuple(note_renewal(prekey, new.created_ms) for prekey in prekeys.signed)
    return replace(prekeys, signed=(new, *older))


def note_renewal(prekey: SignedPrekey, now_ms: int) -> SignedPrekey:
    """Note when a signed prekey was renewed first."""
    return prekey if prekey.renewed_ms is not None else replace(prekey, renewed_ms=now_ms)


def renew_if_due(account: Account, random: wire.Random, *, now_ms: int) -> Account:
    """Erase what has expired, and renew the newest signed prekey if it was given out for `SIGNED_PREKEY_PERIOD_MS`.

    Clauses: PS-65, PS-66
    """
    if now_ms - account.prekeys.signed[0].created_ms >= SIGNED_PREKEY_PERIOD_MS:
        return renew_signed_prekey(account, random, now_ms=now_ms)
    return replace(account, prekeys=expire_prekeys(account.prekeys, now_ms))


def find_free_id(prekeys: Prekeys) -> int:
    """Find the next id, from 1 to `MAX_PREKEY_ID`, that no prekey has.

    Clauses: PS-3
    """
    taken = {*prekeys.one_time, *(prekey.prekey_id for prekey in prekeys.signed)}
    free = prekeys.next_id
    while free in taken or free > MAX_PREKEY_ID:
        free = free + 1 if free < MAX_PREKEY_ID else 1
    return free


def expire_prekeys(prekeys: Prekeys, now_ms: int) -> Prekeys:
    """Erase the prekeys whose `PREKEY_LIFETIME_MS` is over.

    Clauses: PS-5, PS-6, PS-7, PS-66
    """
    signed = tuple(
        prekey
        for prekey in prekeys.signed
        if prekey.renewed_ms is None or now_ms - prekey.renewed_ms <= PREKEY_LIFETIME_MS
    )
    one_time = {
        prekey_id: prekey
        for prekey_id, prekey in prekeys.one_time.items()
        if now_ms - prekey.created_ms <= PREKEY_LIFETIME_MS
    }
    return replace(prekeys, signed=signed, one_time=one_time)


def find_signed_prekey(prekeys: Prekeys, prekey_id: int) -> SignedPrekey:
    """Find a signed prekey.

    Raises:
        UnknownPrekey: it is not held.
    Clauses: PS-20
    """
    for prekey in prekeys.signed:
        if prekey.prekey_id == prekey_id:
            return prekey
    raise errors.UnknownPrekey(prekey_id=prekey_id)


def find_one_time_prekey(prekeys: Prekeys, prekey_id: int | None) -> OneTimePrekey | None:
    """Find a one-time prekey; None for none.

    Raises:
        UnknownPrekey: one is named that is not held.
    Clauses: PS-20, PS-21
    """
    if prekey_id is None:
        return None
    if prekey_id not in prekeys.one_time:
        raise errors.UnknownPrekey(prekey_id=prekey_id)
    return prekeys.one_time[prekey_id]


def erase_one_time_prekey(prekeys: Prekeys, prekey_id: int) -> Prekeys:
    """Erase a one-time prekey that was used.

    Clauses: PS-8
    """
    return replace(prekeys, one_time={held: key for held, key in prekeys.one_time.items() if held != prekey_id})


def remember_agreement(prekeys: Prekeys, prekey_id: int, agreement: Agreement) -> Prekeys:
    """Remember, as long as the signed prekey is held, the agreement of a first message that erased no one-time prekey.

    Clauses: PS-23
    """
    signed = (
        replace(prekey, agreements=(*prekey.agreements, agreement)) if prekey.prekey_id == prekey_id else prekey
        for prekey in prekeys.signed
    )
    return replace(prekeys, signed=tuple(signed))


# Bundles


def create_bundle(account: Account, random: wire.Random, *, now_ms: int) -> tuple[Account, Bundle]:
    """Create a bundle with a one-time prekey of its own; return the account, to be stored before it is sent, and the bundle.

    Clauses: PS-1, PS-3, PS-4, PS-65
    """
    account, plain = create_plain_bundle(account, random, now_ms=now_ms)
    prekeys = account.prekeys
    prekey_id = find_free_id(prekeys)
    one_time = OneTimePrekey(pair=identity.generate_key_pair(random), created_ms=now_ms)

    bundle = replace(plain, one_time_prekey_id=prekey_id, one_time_prekey=one_time.pair.public)

    prekeys = replace(prekeys, one_time={**prekeys.one_time, prekey_id: one_time}, next_id=prekey_id + 1)
    return replace(account, prekeys=prekeys), bundle


def create_plain_bundle(account: Account, random: wire.Random, *, now_ms: int) -> tuple[Account, Bundle]:
    """Create a bundle without a one-time prekey; return the account, to be stored before it is sent, and the bundle.

    Clauses: PS-65, PS-72
    """
    account = renew_if_due(account, random, now_ms=now_ms)
    signed = account.prekeys.signed[0]
    return account, Bundle(
        identity_key=account.identity.public,
        signed_prekey_id=signed.prekey_id,
        signed_prekey=signed.pair.public,
        signature=signed.signature,
    )


def encode_bundle(bundle: Bundle) -> bytes:
    """Encode a bundle as protobuf.

    Clauses: NE-15
    """
    return wire.encode_protobuf(
        pairwise_sessions_pb2.PrekeyBundle(
            identity_key=bundle.identity_key,
            one_time_prekey_id=bundle.one_time_prekey_id,
            signed_prekey_id=bundle.signed_prekey_id,
            one_time_prekey=bundle.one_time_prekey,
            signed_prekey=bundle.signed_prekey,
            signature=bundle.signature,
        )
    )


def decode_bundle(data: bytes) -> Bundle:
    """Decode an unverified bundle.

    Raises:
        InvalidMessage: it does not parse, a field is absent, or the one-time prekey has no id or the id no prekey.
        InvalidKey: a key is not acceptable.
    Clauses: PS-10, PS-73
    """
    fields = wire.decode_protobuf(
        pairwise_sessions_pb2.PrekeyBundle, data, optional=("one_time_prekey_id", "one_time_prekey")
    )
    has_one_time = fields.HasField("one_time_prekey_id")
    if has_one_time != fields.HasField("one_time_prekey"):
        raise errors.InvalidMessage(reason="a one-time prekey has a key and an id, or neither")
    return Bundle(
        identity_key=identity.decode_public_key(fields.identity_key),
        signed_prekey_id=fields.signed_prekey_id,
        signed_prekey=identity.decode_public_key(fields.signed_prekey),
        signature=fields.signature,
        one_time_prekey_id=fields.one_time_prekey_id if has_one_time else None,
        one_time_prekey=identity.decode_public_key(fields.one_time_prekey) if has_one_time else None,
    )


def check_bundle(bundle: Bundle, theirs: PublicKey) -> None:
    """Check that a bundle is that of the peer.

    Raises:
        UntrustedIdentity: it has another identity key.
        InvalidSignature: its signed prekey is not signed by that key.
    Clauses: PS-9, PS-11
    """
    if bundle.identity_key != theirs:
        raise errors.UntrustedIdentity
    identity.verify(bundle.identity_key, bundle.signed_prekey, bundle.signature)


# Agreement


def agree_as_initiator(ours: PrivateKey, base: PrivateKey, bundle: Bundle) -> tuple[RootKey, ChainKey]:
    """Agree with the owner of a checked bundle, with our identity key and a new base key.

    Clauses: PS-12
    """
    dh1 = identity.agree(ours, bundle.signed_prekey)
    dh2 = identity.agree(base, bundle.identity_key)
    dh3 = identity.agree(base, bundle.signed_prekey)
    dh4 = identity.agree(base, bundle.one_time_prekey) if bundle.one_time_prekey else b""
    return derive_keys(dh1, dh2, dh3, dh4)


def agree_as_responder(
    ours: PrivateKey, signed: KeyPair, one_time: KeyPair | None, *, theirs: PublicKey, base_key: PublicKey
) -> tuple[RootKey, ChainKey]:
    """Agree with the sender of a prekey message, with our identity key and the prekeys that it names.

    Clauses: PS-12
    """
    dh1 = identity.agree(signed.private, theirs)
    dh2 = identity.agree(ours, base_key)
    dh3 = identity.agree(signed.private, base_key)
    dh4 = identity.agree(one_time.private, base_key) if one_time else b""
    return derive_keys(dh1, dh2, dh3, dh4)


def derive_keys(dh1: bytes, dh2: bytes, dh3: bytes, dh4: bytes) -> tuple[RootKey, ChainKey]:
    """Derive the first root key and chain key; `dh4` is empty if there is no one-time prekey.

    Clauses: PS-12, PS-13
    """
    secret = DISCONTINUITY + dh1 + dh2 + dh3 + dh4
    derived = chain.derive_key(secret, chain.ZERO_SALT, X3DH_INFO, 64)
    return RootKey(derived[:32]), ChainKey(derived[32:])


def name_agreement(root_key: RootKey, chain_key: ChainKey) -> Agreement:
    """Name an agreement: other base keys may lead to the same one.

    Clauses: PS-23
    """
    return Agreement(hashlib.sha256(root_key + chain_key).digest())
