"""Chapter 08, requests: sizes that no pipe carries, and what a traceback must not show."""

import re
import secrets
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path

import pytest
from cloister import errors, identity, onion
from cloister.swarm import Node

PAIRS = [identity.derive_identity(bytes([place]) * 32) for place in range(4)]
NODES = [
    Node(pubkey_ed25519=f"{place:02x}" * 32, pubkey_x25519=pair.public[1:].hex(), ip="192.0.2.1", port="22021")
    for place, pair in enumerate(PAIRS)
]
LAYER_BYTES = 197
"""What the chapter says that a layer for a node adds."""


def build(payload: bytes) -> onion.Onion:
    return onion.build(NODES[:3], NODES[3], payload, secrets.token_bytes)


def test_a_layer_adds_what_the_chapter_says() -> None:
    sizes = [len(layer.ciphertext) for layer in build(b"hello").layers]
    assert [outer - inner for outer, inner in pairwise(sizes)] == [LAYER_BYTES] * 3


def test_a_control_has_no_blanks() -> None:
    assert onion.encode_frame(b"", {"a": "", "b": [1, 2]}) == bytes(4) + b'{"a":"","b":[1,2]}'


def test_the_longest_request_is_peeled_and_a_longer_one_refused() -> None:
    around = len(onion.build([], NODES[0], b"", secrets.token_bytes).body)
    longest = onion.build([], NODES[0], bytes(onion.MAX_ONION_BYTES - around), secrets.token_bytes).body
    assert len(longest) == onion.MAX_ONION_BYTES
    onion.peel(PAIRS[0].private, longest)
    with pytest.raises(errors.TooLarge):
        onion.peel(PAIRS[0].private, longest + b" ")


def test_the_lists_of_networks_are_those_of_the_chapter(spec: Path) -> None:
    text = (spec / "08-onion-requests.md").read_text(encoding="utf-8")
    (paragraph,) = (line for line in text.splitlines() if line.startswith("All addresses of the host must be public."))
    listed = [*onion.NOT_PUBLIC_IPV4, onion.UNICAST_IPV6, *onion.NOT_PUBLIC_IPV6, *onion.IPV4_INSIDE]
    assert list(map(ip_network, re.findall(r"[0-9a-f.:]+/[0-9]+", paragraph))) == listed


def test_no_key_is_shown() -> None:
    built = build(b"hello")
    peeled = onion.peel(PAIRS[0].private, built.body)
    shown = f"{built!r} {peeled!r}"
    for layer in built.layers:
        assert layer.key.hex() not in shown
        assert repr(layer.key)[2:-1] not in shown


def test_the_error_of_what_cannot_be_decrypted_tells_no_cause() -> None:
    for body in (b"", onion.encode_frame(b"", {}), onion.encode_frame(bytes(40), {"ephemeral_key": "09" + "00" * 31})):
        with pytest.raises(errors.DecryptionFailed) as caught:
            onion.peel(PAIRS[0].private, body)
        assert str(caught.value) == ""
        assert caught.value.__suppress_context__
