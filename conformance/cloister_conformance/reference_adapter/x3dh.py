"""Chapter 03, accounts and the agreement, behind the adapter protocol."""

from dataclasses import replace

from cloister import identity, wire, x3dh

from cloister_conformance.protocol import x3dh as messages
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.reference_adapter.handles import Handles


def decode_pair(private: bytes) -> identity.KeyPair:
    """Decode a private key and derive its public key."""
    return identity.derive_key_pair(identity.decode_private_key(private))


def create_account(params: messages.CreateAccount, handles: Handles) -> Nothing:
    ours = decode_pair(params.private_key)
    handles.put(params.account, x3dh.create_account(ours, handles.random, now_ms=params.now_ms))
    return Nothing()


def create_plain_bundle(params: messages.OfAccountNow, handles: Handles) -> messages.PlainBundle:
    account = handles.get(params.account, x3dh.Account)
    account, bundle = x3dh.create_plain_bundle(account, handles.random, now_ms=params.now_ms)
    handles.put(params.account, account)
    return messages.PlainBundle(
        identity_key=bundle.identity_key,
        signed_prekey_id=bundle.signed_prekey_id,
        signed_prekey=bundle.signed_prekey,
        signature=bundle.signature,
    )


def create_bundle(params: messages.OfAccountNow, handles: Handles) -> messages.Bundle:
    account = handles.get(params.account, x3dh.Account)
    account, bundle = x3dh.create_bundle(account, handles.random, now_ms=params.now_ms)
    handles.put(params.account, account)
    assert bundle.one_time_prekey_id is not None
    assert bundle.one_time_prekey is not None
    return messages.Bundle(
        identity_key=bundle.identity_key,
        signed_prekey_id=bundle.signed_prekey_id,
        signed_prekey=bundle.signed_prekey,
        signature=bundle.signature,
        one_time_prekey_id=bundle.one_time_prekey_id,
        one_time_prekey=bundle.one_time_prekey,
    )


def import_prekeys(params: messages.ImportPrekeys, handles: Handles) -> Nothing:
    account = handles.get(params.account, x3dh.Account)
    handles.put(params.account, put_prekeys(account, params, handles.random))
    return Nothing()


def put_prekeys(account: x3dh.Account, params: messages.Prekeys, random: wire.Random) -> x3dh.Account:
    """Put the prekeys that the harness gives into an account, the signed one as its newest."""
    pair = decode_pair(params.signed_prekey_private)
    signed = x3dh.SignedPrekey(
        prekey_id=params.signed_prekey_id,
        pair=pair,
        signature=x3dh.sign_prekey(account.identity, pair.public, random),
        created_ms=params.now_ms,
    )
    prekeys = x3dh.put_signed_prekey(account.prekeys, signed)
    if params.one_time_prekey_id is not None and params.one_time_prekey_private is not None:
        one_time = x3dh.OneTimePrekey(pair=decode_pair(params.one_time_prekey_private), created_ms=params.now_ms)
        prekeys = replace(prekeys, one_time={**prekeys.one_time, params.one_time_prekey_id: one_time})
    return replace(account, prekeys=prekeys)


def renew_prekey(params: messages.OfAccountNow, handles: Handles) -> Nothing:
    account = handles.get(params.account, x3dh.Account)
    handles.put(params.account, x3dh.renew_signed_prekey(account, handles.random, now_ms=params.now_ms))
    return Nothing()


def agree_as_initiator(params: messages.AgreeAsInitiator, handles: Handles) -> messages.Agreed:
    bundle = x3dh.Bundle(
        identity_key=identity.decode_public_key(params.identity_key),
        signed_prekey_id=0,
        signed_prekey=identity.decode_public_key(params.signed_prekey),
        signature=b"",
        one_time_prekey=identity.decode_public_key(params.one_time_prekey) if params.one_time_prekey else None,
    )
    ours, base = identity.decode_private_key(params.private_key), identity.decode_private_key(params.base_private)
    root_key, chain_key = x3dh.agree_as_initiator(ours, base, bundle)
    return messages.Agreed(root_key=root_key, chain_key=chain_key)


def agree_as_responder(params: messages.AgreeAsResponder, handles: Handles) -> messages.Agreed:
    root_key, chain_key = x3dh.agree_as_responder(
        identity.decode_private_key(params.private_key),
        decode_pair(params.signed_prekey_private),
        decode_pair(params.one_time_prekey_private) if params.one_time_prekey_private else None,
        theirs=identity.decode_public_key(params.identity_key),
        base_key=identity.decode_public_key(params.base_key),
    )
    return messages.Agreed(root_key=root_key, chain_key=chain_key)
