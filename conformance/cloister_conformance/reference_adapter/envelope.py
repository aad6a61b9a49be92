"""Chapter 05, padding and envelopes, behind the adapter protocol."""

from cloister import envelope, identity

from cloister_conformance.protocol import envelope as messages
from cloister_conformance.protocol.sealing import OpenSealed, Sealed
from cloister_conformance.reference_adapter.handles import Handles
from cloister_conformance.reference_adapter.sealing import draw


def pad(params: messages.Text, handles: Handles) -> messages.Padded:
    return messages.Padded(padded=envelope.pad(params.text))


def unpad(params: messages.Padded, handles: Handles) -> messages.Text:
    return messages.Text(text=envelope.unpad(params.padded))


def seal_envelope(params: messages.Seal, handles: Handles) -> Sealed:
    made = envelope.Envelope(
        kind=params.kind,
        source=identity.decode_account_id(params.source),
        timestamp_ms=params.timestamp_ms,
        content=params.content,
    )
    recipient = identity.decode_public_key(params.public_key)
    return Sealed(sealed=envelope.seal_envelope(recipient, made, draw(params.random, handles.random)))


def open_envelope(params: OpenSealed, handles: Handles) -> messages.Envelope:
    opened = envelope.open_envelope(identity.decode_private_key(params.private_key), params.sealed)
    return messages.Envelope(
        kind=opened.kind,
        source=identity.encode_account_id(opened.source),
        timestamp_ms=opened.timestamp_ms,
        content=opened.content,
    )
