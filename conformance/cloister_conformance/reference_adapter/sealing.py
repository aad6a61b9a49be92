"""Chapter 05, the layer cipher, behind the adapter protocol."""

from cloister import identity, sealing, wire

from cloister_conformance.protocol import sealing as messages
from cloister_conformance.protocol import sender_keys as frames
from cloister_conformance.reference_adapter.handles import Handles


def draw(given: bytes | None, random: wire.Random) -> wire.Random:
    """Return the source of the ephemeral key and the IV: those that the harness gives, or random ones."""
    if given is None:
        return random
    parts = iter((given[: identity.PRIVATE_KEY_BYTES], given[identity.PRIVATE_KEY_BYTES :]))
    return lambda size: next(parts)


def seal(params: messages.Seal, handles: Handles) -> messages.Sealed:
    recipient = identity.decode_public_key(params.public_key)
    return messages.Sealed(sealed=sealing.seal(recipient, params.plaintext, draw(params.random, handles.random)))


def open_sealed(params: messages.OpenSealed, handles: Handles) -> frames.Plaintext:
    private = identity.decode_private_key(params.private_key)
    return frames.Plaintext(plaintext=sealing.open_sealed(private, params.sealed))
