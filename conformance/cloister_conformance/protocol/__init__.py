"""Chapter 13: the adapter protocol as pydantic models, one module for each chapter that has methods.

A method is named after a reference module and what it does there: `sender_keys.decrypt`.
The OpenRPC document (`cloister schema`) is generated from what stands here.
"""

from collections.abc import Collection

from cloister_conformance.protocol import adapter, identity, proof_of_work, sender_keys
from cloister_conformance.protocol.messages import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    REFUSED,
    SPEC_VERSION,
    Method,
)

METHODS: dict[str, Method] = {
    method.name: method
    for methods in (adapter.METHODS, identity.METHODS, sender_keys.METHODS, proof_of_work.METHODS)
    for method in methods
}

CAPABILITIES: tuple[str, ...] = tuple(
    dict.fromkeys([method.capability for method in METHODS.values() if method.capability] + ["deterministic"])
)

EXTENSIONS = ("persistence", "deterministic", "trace")
"""These extend the other capabilities that an adapter lists, and mean nothing alone."""


def find_missing(method: Method, listed: Collection[str]) -> str | None:
    """Find the capability for want of which an adapter that lists these does not offer a method."""
    if method.capability is None or method.capability not in listed:
        return method.capability
    chapter, _, _ = method.name.rpartition(".")
    if method.capability not in EXTENSIONS or not chapter:
        return None
    extended = [other.capability for other in METHODS.values() if other.name.startswith(f"{chapter}.")]
    features = [name for name in extended if name and name not in EXTENSIONS]
    return None if any(name in listed for name in features) else features[0]


__all__ = [
    "CAPABILITIES",
    "EXTENSIONS",
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
