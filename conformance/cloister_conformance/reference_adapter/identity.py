"""Chapter 02 behind the adapter protocol."""

from cloister import identity

from cloister_conformance.protocol import identity as messages
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.reference_adapter.handles import Handles


def generate(params: Nothing, handles: Handles) -> messages.Seed:
    return messages.Seed(seed=identity.generate_seed(handles.random))


def derive(params: messages.Seed, handles: Handles) -> messages.Identity:
    pair = identity.derive_identity(params.seed)
    return messages.Identity(private_key=pair.private, account_id=identity.encode_account_id(pair.public))


def decode_account_id(params: messages.AccountId, handles: Handles) -> messages.PublicKey:
    return messages.PublicKey(public_key=identity.decode_account_id(params.text))


def agree(params: messages.Agree, handles: Handles) -> messages.SharedSecret:
    private = identity.decode_private_key(params.private_key)
    public = identity.decode_public_key(params.public_key)
    return messages.SharedSecret(shared_secret=identity.agree(private, public))


def sign(params: messages.Sign, handles: Handles) -> messages.Signature:
    private = identity.decode_private_key(params.private_key)
    random = handles.random if params.random is None else lambda size: params.random
    return messages.Signature(signature=identity.sign(private, params.message, random))


def verify(params: messages.Verify, handles: Handles) -> Nothing:
    identity.verify(identity.decode_public_key(params.public_key), params.message, params.signature)
    return Nothing()
