"""The layers of an onion request beside the bare primitives that they stand on. CPU time inside of one process."""

import os
from collections.abc import Callable

from cloister import identity, node_request, onion
from cloister.identity import PrivateKey
from cloister.swarm import Node

from cloister_conformance.bench import bare
from cloister_conformance.bench.rounds import Comparison, build_round, compare, repeat

HOPS = 3
PAYLOAD = bytes(1000)
GROUP = "onion, three hops, 1,000 bytes"
PRIMITIVES = "bare primitives"
AIM = 1.5


def measure(seconds: float) -> list[Comparison]:
    """Measure all."""
    return [
        compare(GROUP, "build", build_round(build, seconds), PRIMITIVES, build_round(build_bare, seconds), AIM),
        compare(GROUP, "peel a layer", build_round(peel, seconds), PRIMITIVES, build_round(peel_bare, seconds), AIM),
    ]


def make_node() -> tuple[PrivateKey, Node]:
    """Make a node; return the key that its layers are opened with, and what others know of it."""
    seed = os.urandom(identity.SEED_BYTES)
    pair = identity.derive_identity(seed)
    public = node_request.derive_keys(seed).public
    return pair.private, Node(pubkey_ed25519=public, pubkey_x25519=pair.public[1:].hex(), ip="127.0.0.1", port="1")


def build(count: int) -> Callable[[], object]:
    """Build requests: three layers for the hops, and one for the destination."""
    *path, destination = [make_node()[1] for _ in range(HOPS + 1)]
    return repeat(lambda: onion.build(path, destination, PAYLOAD, os.urandom))(count)


def build_bare(count: int) -> Callable[[], object]:
    """Seal plaintexts of the same sizes to as many keys."""
    *path, destination = [make_node()[1] for _ in range(HOPS + 1)]
    layers = onion.build(path, destination, PAYLOAD, os.urandom).layers
    overhead = len(onion.seal_layer(destination.x25519_key, b"", os.urandom).ciphertext)
    plaintexts = [bytes(len(layer.ciphertext) - overhead) for layer in layers]
    u = destination.x25519_key[1:]

    def seal_all() -> None:
        for plaintext in plaintexts:
            bare.seal_layer(u, plaintext)

    return repeat(seal_all)(count)


def peel(count: int) -> Callable[[], object]:
    """Peel the layer of a guard."""
    private, body, _layer = build_for_guard()
    return repeat(lambda: onion.peel(private, body))(count)


def peel_bare(count: int) -> Callable[[], object]:
    """Open the same layer."""
    private, _body, layer = build_for_guard()
    u = bytes.fromhex(layer.ephemeral_key)
    return repeat(lambda: bare.open_layer(private, u, layer.ciphertext))(count)


def build_for_guard() -> tuple[PrivateKey, bytes, onion.Layer]:
    """Build a request; return the guard's private key, the request, and its outermost layer."""
    (private, guard), *others = [make_node() for _ in range(HOPS + 1)]
    *behind, destination = [node for _, node in others]
    request = onion.build([guard, *behind], destination, PAYLOAD, os.urandom)
    return private, request.body, request.layers[0]
