"""Chapter 03, the ratchet of one session, behind the adapter protocol."""

from cloister import chain, double_ratchet, identity, wire, x3dh

from cloister_conformance.protocol import double_ratchet as messages
from cloister_conformance.protocol import sender_keys as frames
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.reference_adapter.handles import Handles
from cloister_conformance.reference_adapter.x3dh import decode_pair


def draw(given: bytes | None, random: wire.Random) -> wire.Random:
    """Return the source of the next ratchet key: the one that the harness gives, or a random one."""
    return random if given is None else lambda size: given


def start_as_initiator(params: messages.StartAsInitiator, handles: Handles) -> Nothing:
    ratchet = double_ratchet.start_as_initiator(
        x3dh.RootKey(params.root_key),
        chain.ChainKey(params.chain_key),
        identity.decode_public_key(params.ratchet_key),
        draw(params.ratchet_private, handles.random),
        ours=identity.decode_public_key(params.identity_key),
        theirs=identity.decode_public_key(params.peer_identity_key),
    )
    handles.put(params.ratchet, ratchet)
    return Nothing()


def start_as_responder(params: messages.StartAsResponder, handles: Handles) -> Nothing:
    ratchet = double_ratchet.start_as_responder(
        x3dh.RootKey(params.root_key),
        chain.ChainKey(params.chain_key),
        decode_pair(params.ratchet_private),
        ours=identity.decode_public_key(params.identity_key),
        theirs=identity.decode_public_key(params.peer_identity_key),
    )
    handles.put(params.ratchet, ratchet)
    return Nothing()


def encrypt(params: messages.Encrypt, handles: Handles) -> frames.Frame:
    ratchet = handles.get(params.ratchet, double_ratchet.Ratchet)
    ratchet, frame = double_ratchet.encrypt(ratchet, params.plaintext)
    handles.put(params.ratchet, ratchet)
    return frames.Frame(message=frame)


def decrypt(params: messages.Decrypt, handles: Handles) -> frames.Plaintext:
    ratchet = handles.get(params.ratchet, double_ratchet.Ratchet)
    message = double_ratchet.decode_message(params.message)
    ratchet, plaintext = double_ratchet.decrypt(ratchet, message, draw(params.ratchet_private, handles.random))
    handles.put(params.ratchet, ratchet)
    return frames.Plaintext(plaintext=plaintext)


def derive(params: messages.DeriveMessage, handles: Handles) -> messages.MessageKeys:
    chain_key = chain.ChainKey(params.chain_key)
    seed = chain.derive_seed(chain_key)
    cipher_key, mac_key, iv = double_ratchet.derive_message_keys(seed)
    return messages.MessageKeys(
        seed=seed,
        cipher_key=cipher_key,
        mac_key=mac_key,
        iv=iv,
        next_chain_key=chain.derive_next_chain_key(chain_key),
    )


def step(params: messages.Step, handles: Handles) -> messages.Stepped:
    root_key, chain_key = double_ratchet.step_root_key(
        x3dh.RootKey(params.root_key),
        decode_pair(params.ratchet_private),
        identity.decode_public_key(params.ratchet_key),
    )
    return messages.Stepped(root_key=root_key, chain_key=chain_key)
