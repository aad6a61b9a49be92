"""Chapter 08: onions made and taken apart by hand, with frames and a layer cipher of their own, so that each can be wrong in one place."""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cloister import errors
from cloister.identity import KeyPair
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cloister_conformance.hand_made import material

Json = dict[str, Any]
Control = Mapping[str, Any] | bytes
"""An object, or bytes as they are."""

IV_BYTES = 12
FOR_THIS_NODE = {"headers": ""}


class Hop(NamedTuple):
    """A node: its Ed25519 key, which names it, and its X25519 key pair."""

    name: bytes
    pair: KeyPair

    def describe(self) -> Json:
        """Describe it as a param."""
        return {"pubkey_ed25519": self.name, "pubkey_x25519": self.pair.public[1:]}


class Layer(NamedTuple):
    """A sealed layer, with all that it was made from."""

    plaintext: bytes
    ephemeral: KeyPair
    agreement: bytes
    key: bytes
    iv: bytes
    ciphertext: bytes

    @property
    def ephemeral_key(self) -> str:
        """The text that travels beside it."""
        return self.ephemeral.public[1:].hex()

    @property
    def body(self) -> bytes:
        """What is sent to the node that peels it."""
        return write_frame(self.ciphertext, {"ephemeral_key": self.ephemeral_key})

    @property
    def random(self) -> bytes:
        """The ephemeral private key and the IV."""
        return self.ephemeral.private + self.iv


def make_hop(label: object) -> Hop:
    """Make a node; another label gives another."""
    return Hop(material.derive_bytes(f"onion node {label}, name"), material.derive_key_pair(f"onion node {label}"))


HOPS = tuple(make_hop(number) for number in range(3))
"""The nodes of a path."""
NODE = make_hop("destination")
SERVER_PAIR = material.derive_key_pair("onion server")
SERVER: Json = {
    "host": "open.example.org",
    "target": "/loki/v3/lsrpc",
    "method": "POST",
    "protocol": "https",
    "port": 443,
}
"""The routing to a server."""


def describe_server(routing: Mapping[str, Any] = SERVER) -> Json:
    """Describe a server as a param."""
    members = {name: value for name, value in routing.items() if name != "method"}
    return {**members, "pubkey_x25519": SERVER_PAIR.public[1:]}


# Frames


def write_frame(data: bytes, control: Control, *, length: bytes | None = None) -> bytes:
    """Write a frame; `length` stands in the place of the honest one."""
    text = control if isinstance(control, bytes) else json.dumps(control).encode()
    return (len(data).to_bytes(4, "little") if length is None else length) + data + text


def read_frame(frame: bytes) -> tuple[bytes, Json]:
    """Read a frame.

    Raises:
        InvalidMessage: it is none.
    """
    end = 4 + sum(byte << 8 * index for index, byte in enumerate(frame[:4]))
    try:
        control = json.loads(frame[end:].decode("utf-8"))
    except ValueError:
        control = None
    if len(frame) < end or not isinstance(control, dict):
        raise errors.InvalidMessage(reason="this is no frame")
    return frame[4:end], control


# Layers


def agree(private: bytes, public: bytes) -> bytes:
    """Agree with the library alone; `public` is u."""
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))


def encrypt(key: bytes, plaintext: bytes, iv: bytes) -> bytes:
    """Encrypt with a layer key."""
    return iv + AESGCM(key).encrypt(iv, plaintext, None)


def decrypt(key: bytes, ciphertext: bytes) -> bytes:
    """Decrypt with a layer key.

    Raises:
        DecryptionFailed: it does not.
    """
    try:
        return AESGCM(key).decrypt(ciphertext[:IV_BYTES], ciphertext[IV_BYTES:], None)
    except (InvalidTag, ValueError):
        raise errors.DecryptionFailed from None


def seal(recipient: bytes, plaintext: bytes, label: object = "") -> Layer:
    """Seal a layer to u of a recipient; another label has another ephemeral key and IV."""
    ephemeral, iv = (
        material.derive_key_pair(f"onion layer {label}"),
        material.derive_bytes(f"onion iv {label}", IV_BYTES),
    )
    agreement = agree(ephemeral.private, recipient[-32:])
    key = hmac.digest(b"LOKI", agreement, "sha256")
    return Layer(plaintext, ephemeral, agreement, key, iv, encrypt(key, plaintext, iv))


def wrap(
    plaintext: bytes, recipient: bytes, around: Sequence[tuple[Hop, Mapping[str, Any]]], label: object = ""
) -> list[Layer]:
    """Seal an innermost plaintext, and layers around it, the guard's first: each for a node, with its routing to what is behind."""
    layers = [seal(recipient, plaintext, f"{label} {len(around)}")]
    for index, (hop, routing) in reversed([*enumerate(around)]):
        control = {**routing, "ephemeral_key": layers[0].ephemeral_key}
        layers.insert(0, seal(hop.pair.public, write_frame(layers[0].ciphertext, control), f"{label} {index}"))
    return layers


def wrap_for_node(payload: bytes, path: Sequence[Hop] = HOPS, node: Hop = NODE, label: object = "") -> list[Layer]:
    """Wrap a payload for a node behind a path."""
    routings = [{"destination": behind.name.hex()} for behind in (*path[1:], node)]
    around = list(zip(path, routings, strict=True)) if path else []
    return wrap(write_frame(payload, FOR_THIS_NODE), node.pair.public, around, label)


def wrap_for_server(
    payload: bytes, path: Sequence[Hop] = HOPS, routing: Mapping[str, Any] = SERVER, label: object = ""
) -> list[Layer]:
    """Wrap a payload for a server behind a path of at least one node."""
    routings = [*({"destination": behind.name.hex()} for behind in path[1:]), routing]
    return wrap(payload, SERVER_PAIR.public, list(zip(path, routings, strict=True)), label)


class Unwrapped(NamedTuple):
    """All layers of an onion: what stands beside each, but for the ephemeral keys, and in the innermost; and the payload."""

    routings: list[Json]
    ephemeral_keys: list[bytes]
    ivs: list[bytes]
    reply_key: bytes
    payload: bytes


def unwrap(body: bytes, privates: Sequence[bytes]) -> Unwrapped:
    """Take an onion apart with the private keys of all that peel it.

    Raises:
        InvalidMessage, DecryptionFailed: it is no onion for these keys.
    """
    routings: list[Json] = []
    ephemeral_keys, ivs, key = [], [], b""
    data, control = read_frame(body)
    for index, private in enumerate(privates):
        ephemeral_keys.append(bytes.fromhex(control.pop("ephemeral_key", "")))
        ivs.append(data[:IV_BYTES])
        routings.append(control)
        key = hmac.digest(b"LOKI", agree(private, ephemeral_keys[-1]), "sha256")
        data = decrypt(key, data)
        if index < len(privates) - 1 or "host" not in control:
            data, control = read_frame(data)
    if "host" not in control:
        routings.append(control)
    return Unwrapped(routings, ephemeral_keys, ivs, key, data)


# Replies


def seal_answer(key: bytes, text: bytes, label: object = "") -> str:
    """Seal any text as a reply."""
    return base64.b64encode(encrypt(key, text, material.derive_bytes(f"onion reply {label}", IV_BYTES))).decode("ascii")


def open_answer(key: bytes, answer: str) -> Json:
    """Open a reply by hand."""
    reply: Json = json.loads(decrypt(key, base64.b64decode(answer, validate=True)))
    return reply
