"""Chapter 13: the adapter protocol as pydantic models, one module for each chapter that has methods.

A method is named after a reference module and what it does there: `sender_keys.decrypt`.
The OpenRPC document (`cloister schema`) is generated from what stands here.
"""

from collections.abc import Collection

from cloister_conformance.protocol import (
    adapter,
    client,
    closed_group,
    double_ratchet,
    envelope,
    group_control,
    identity,
    mailbox,
    network,
    node_request,
    onion,
    paths,
    proof_of_work,
    room,
    room_post,
    sealing,
    sender_keys,
    server_id,
    server_onion,
    session,
    session_request,
    signed_request,
    storage,
    swarm,
    x3dh,
)
from cloister_conformance.protocol.messages import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    REFUSED,
    SPEC_VERSION,
    Method,
)

CHAPTERS = (
    adapter,
    identity,
    x3dh,
    double_ratchet,
    session,
    session_request,
    sender_keys,
    sealing,
    envelope,
    proof_of_work,
    swarm,
    node_request,
    storage,
    mailbox,
    onion,
    paths,
    network,
    group_control,
    closed_group,
    client,
    server_id,
    signed_request,
    server_onion,
    room_post,
    room,
)
METHODS: dict[str, Method] = {method.name: method for chapter in CHAPTERS for method in chapter.METHODS}

CAPABILITIES: tuple[str, ...] = tuple(
    dict.fromkeys(
        capability
        for method in METHODS.values()
        for capability in (method.capability, *(mark.capability for mark in method.injected.values()))
        if capability
    )
)


def find_missing(method: Method, params: Collection[str], listed: Collection[str]) -> str | None:
    """Find the capability for want of which an adapter that lists these does not offer a method with these params."""
    needed = [method.capability, *(mark.capability for name, mark in method.injected.items() if name in params)]
    return next((capability for capability in needed if capability and capability not in listed), None)


__all__ = [
    "CAPABILITIES",
    "INTERNAL_ERROR",
    "INVALID_PARAMS",
    "METHODS",
    "METHOD_NOT_FOUND",
    "PARSE_ERROR",
    "REFUSED",
    "SPEC_VERSION",
    "Method",
    "find_missing",
]
