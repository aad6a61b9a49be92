"""Chapter 04 behind the adapter protocol."""

from cloister import chain, identity, sender_keys

from cloister_conformance.protocol import sender_keys as messages
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.reference_adapter.handles import Handles, UnknownHandle


def create(params: messages.Create, handles: Handles) -> Nothing:
    handles.put(params.key, sender_keys.create_sender_key(handles.random) if params.key_id is None else inject(params))
    return Nothing()


def inject(params: messages.Create) -> sender_keys.SenderKey:
    """Build the sender key that the harness asks for."""
    assert params.key_id is not None
    assert params.iteration is not None
    assert params.chain_key is not None
    assert params.signing_private is not None
    return sender_keys.SenderKey(
        key_id=params.key_id,
        iteration=params.iteration,
        chain_key=chain.ChainKey(params.chain_key),
        signing_key=identity.derive_key_pair(identity.decode_private_key(params.signing_private)),
    )


def distribute(params: messages.Key, handles: Handles) -> messages.Distribution:
    key = handles.get(params.key, sender_keys.SenderKey)
    return messages.Distribution(distribution=sender_keys.encode_distribution(key))


def encrypt(params: messages.Encrypt, handles: Handles) -> messages.Frame:
    key = handles.get(params.key, sender_keys.SenderKey)
    random = handles.random if params.random is None else lambda size: params.random
    key, frame = sender_keys.encrypt(key, params.plaintext, random)
    handles.put(params.key, key)
    return messages.Frame(message=frame)


def renew(params: messages.Key, handles: Handles) -> Nothing:
    key = handles.get(params.key, sender_keys.SenderKey)
    handles.put(params.key, sender_keys.renew_sender_key(key, handles.random))
    return Nothing()


def find_record(handles: Handles, handle: str) -> sender_keys.Record:
    """Find a record; one that does not exist holds no key."""
    try:
        return handles.get(handle, sender_keys.Record)
    except UnknownHandle:
        return sender_keys.Record()


def process(params: messages.Process, handles: Handles) -> Nothing:
    record = find_record(handles, params.record)
    handles.put(params.record, sender_keys.process_distribution(record, params.distribution, now_ms=params.now_ms))
    return Nothing()


def decrypt(params: messages.Decrypt, handles: Handles) -> messages.Plaintext:
    record = find_record(handles, params.record)
    record, plaintext = sender_keys.decrypt(record, params.message, now_ms=params.now_ms)
    handles.put(params.record, record)
    return messages.Plaintext(plaintext=plaintext)


def derive(params: messages.ChainKey, handles: Handles) -> messages.MessageKey:
    chain_key = chain.ChainKey(params.chain_key)
    seed = chain.derive_seed(chain_key)
    iv, cipher_key = sender_keys.derive_message_key(seed)
    return messages.MessageKey(
        seed=seed, iv=iv, cipher_key=cipher_key, next_chain_key=chain.derive_next_chain_key(chain_key)
    )
