"""Chapter 07, node requests, behind the adapter protocol."""

from cloister import node_request

from cloister_conformance.protocol import node_request as messages
from cloister_conformance.reference_adapter.handles import Handles
from cloister_conformance.reference_adapter.swarm import build_network


def sign(params: messages.Sign, handles: Handles) -> messages.Headers:
    keys = node_request.derive_keys(params.seed)
    headers = node_request.sign(keys, params.receiver.hex(), params.path, params.body, now_ms=params.now_ms)
    return messages.Headers(
        key=headers[node_request.KEY_HEADER],
        time=headers[node_request.TIME_HEADER],
        signature=headers[node_request.SIGNATURE_HEADER],
    )


def check(params: messages.Check, handles: Handles) -> messages.Sender:
    given = {
        node_request.KEY_HEADER: params.key,
        node_request.TIME_HEADER: params.time,
        node_request.SIGNATURE_HEADER: params.signature,
    }
    sender = node_request.check(
        {name: value for name, value in given.items() if value is not None},
        build_network(params.network),
        params.receiver.hex(),
        params.path,
        params.body,
        now_ms=params.now_ms,
    )
    return messages.Sender(sender=bytes.fromhex(sender))
