"""Chapter 06 behind the adapter protocol."""

from cloister import proof_of_work

from cloister_conformance.protocol import proof_of_work as messages
from cloister_conformance.reference_adapter.handles import Handles


def target(params: messages.Target, handles: Handles) -> messages.TargetValue:
    value = proof_of_work.derive_target(params.payload_length, params.ttl_ms, params.difficulty)
    return messages.TargetValue(target=value.to_bytes(8, "big"))


def build_request(params: messages.Request) -> proof_of_work.Request:
    """Build the request of the reference."""
    return proof_of_work.Request(
        timestamp=params.timestamp, ttl=params.ttl, recipient=params.recipient, data=params.data
    )


def solve(params: messages.Request, handles: Handles) -> messages.Nonce:
    return messages.Nonce(nonce=proof_of_work.find_nonce(build_request(params), difficulty=params.difficulty))


def check(params: messages.Check, handles: Handles) -> messages.MessageHash:
    message_hash = proof_of_work.check(build_request(params), params.nonce, difficulty=params.difficulty)
    return messages.MessageHash(message_hash=bytes.fromhex(message_hash))
