"""Chapter 08, first part: the layers of an onion request and of its reply.

- Building takes a path and a destination; peeling takes a node's private key and bytes that anybody may have sent.
- Every failure before a layer is open is one error, `DecryptionFailed`; what comes after is answered sealed.

    >>> import secrets
    >>> keys = identity.generate_key_pair(secrets.token_bytes)
    >>> layer = seal_layer(keys.public, b"hello", secrets.token_bytes)
    >>> peel(keys.private, encode_frame(layer.ciphertext, {"ephemeral_key": layer.ephemeral_key})).plaintext
    b'hello'
"""

import ipaddress
import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloister import errors, identity, sealing, wire
from cloister.identity import PrivateKey, PublicKey
from cloister.storage import MAX_BODY_BYTES
from cloister.swarm import Node, check_key

LENGTH_BYTES = 4
MAX_ONION_BYTES = MAX_BODY_BYTES
MAX_REPLY_BYTES = 16_777_216
TIMEOUT_MS = 20_000

HOPS_HEADER = "x-node-hops"
MAX_HOPS = 15

TARGET = re.compile(r"/(loki|oxen)/([A-Za-z0-9._-]+/)*lsrpc")
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
ENDS_IN_NUMBER = re.compile(r"(.*\.)?([0-9]+|0[xX][0-9A-Fa-f]*)")
PORTS = {"https": 443, "http": 80}

NOT_PUBLIC_IPV4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
UNICAST_IPV6 = ipaddress.IPv6Network("2000::/3")
NOT_PUBLIC_IPV6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)
IPV4_INSIDE = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

FOR_THIS_NODE = {"headers": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server as destination: where it is, and its X25519 key, 33 bytes."""

    host: str
    target: str
    protocol: str
    port: int
    x25519_key: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A sealed layer: `iv || ciphertext || tag`, u of the ephemeral key in hex, and the key."""

    ciphertext: bytes
    ephemeral_key: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Onion:
    """A request for the guard, the key of its reply, and all layers, the guard's first."""

    body: bytes
    reply_key: bytes = field(repr=False)
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peeled:
    """What a node has decrypted, and the key for what it answers itself."""

    plaintext: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForThisNode:
    """A payload of chapter 07 for the node itself."""

    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ForNode:
    """A body for the node with an Ed25519 key in hex."""

    destination: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ForServer:
    """A body for a server, whose target is allowed; its addresses are still to be checked."""

    protocol: str
    host: str
    port: int
    target: str
    body: bytes


Action = ForThisNode | ForNode | ForServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A status and a text, as in chapter 07."""

    status: int
    body: str


# Frames


def encode_frame(data: bytes, control: Mapping[str, Any]) -> bytes:
    """Encode `length || bytes || JSON`, without blanks.

    Clauses: OR-3
    """
    return struct.pack("<I", len(data)) + data + json.dumps(control, separators=(",", ":")).encode()


def decode_frame(frame: bytes) -> tuple[bytes, dict[str, Any]]:
    """Decode an unverified frame.

    Raises:
        InvalidMessage: it is too short, or its control is no JSON object.
    Clauses: OR-3
    """
    if len(frame) < LENGTH_BYTES:
        raise errors.InvalidMessage(reason="the frame is too short")
    (length,) = struct.unpack_from("<I", frame)
    end = LENGTH_BYTES + length
    if end > len(frame):
        raise errors.InvalidMessage(reason="the frame is too short")
    return frame[LENGTH_BYTES:end], wire.decode_object(frame[end:], what="the control")


# Building


def seal_layer(recipient: PublicKey, plaintext: bytes, random: wire.Random) -> Layer:
    """Seal a layer to a node or server, with a fresh ephemeral key and IV.

    Clauses: OR-1
    """
    ephemeral = identity.generate_key_pair(random)
    key = sealing.derive_sealing_key(ephemeral.private, recipient)
    ciphertext = sealing.encrypt_layer(key, plaintext, iv=random(sealing.IV_BYTES))
    return Layer(ciphertext=ciphertext, ephemeral_key=ephemeral.public[1:].hex(), key=key)


def build(path: Sequence[Node], destination: Node | Server, payload: bytes, random: wire.Random) -> Onion:
    """Build a request over a path, the guard first; the innermost layer is sealed first.

    Clauses: OR-1, OR-2, OR-3, OR-4, OR-5
    """
    if isinstance(destination, Node):
        payload = encode_frame(payload, FOR_THIS_NODE)
    layers = [seal_layer(destination.x25519_key, payload, random)]
    behind: Node | Server = destination
    for node in reversed(path):
        routing = {**encode_routing(behind), "ephemeral_key": layers[0].ephemeral_key}
        layers.insert(0, seal_layer(node.x25519_key, encode_frame(layers[0].ciphertext, routing), random))
        behind = node
    body = encode_frame(layers[0].ciphertext, {"ephemeral_key": layers[0].ephemeral_key})
    return Onion(body=body, reply_key=layers[-1].key, layers=tuple(layers))


def encode_routing(behind: Node | Server) -> dict[str, Any]:
    """Encode who comes next.

    Clauses: OR-2, OR-5
    """
    if isinstance(behind, Node):
        return {"destination": behind.pubkey_ed25519}
    return {
        "host": behind.host,
        "target": behind.target,
        "method": "POST",
        "protocol": behind.protocol,
        "port": behind.port,
    }


# Peeling


def peel(private: PrivateKey, body: bytes) -> Peeled:
    """Open the layer of an unverified request that is sealed to this X25519 key.

    Raises:
        TooLarge: it is longer than `MAX_ONION_BYTES`.
        DecryptionFailed: whatever else is wrong.
    Clauses: OR-3, OR-7
    """
    if len(body) > MAX_ONION_BYTES:
        raise errors.TooLarge(what="onion request", limit=MAX_ONION_BYTES, got=len(body))
    try:
        ciphertext, control = decode_frame(body)
        ephemeral = wire.decode_hex(wire.take_text(control, "ephemeral_key"), what="ephemeral_key")
        key = sealing.derive_sealing_key(private, identity.decode_public_key(sealing.KEY_TYPE + ephemeral))
    except errors.Malformed:
        raise errors.DecryptionFailed from None
    return Peeled(plaintext=sealing.decrypt_layer(key, ciphertext), key=key)


def read_action(plaintext: bytes) -> Action:
    """Read what is to be done with a layer that was decrypted, but is otherwise unverified.

    Raises:
        InvalidMessage: its frame or a member is not of the form.
        ForbiddenTarget: a server may not be reached in this way.
    Clauses: OR-6, OR-8, OR-18
    """
    data, control = decode_frame(plaintext)
    if "headers" in control:
        return ForThisNode(payload=data)
    if "host" in control:
        return read_server(plaintext, control)
    body = encode_frame(data, {"ephemeral_key": wire.take_text(control, "ephemeral_key")})
    return ForNode(destination=take_node(control), body=body)


def take_node(control: Mapping[str, Any]) -> str:
    """Take the Ed25519 key of the next node, in hex, out of a control.

    Raises:
        InvalidMessage: it is absent or of another form.
    """
    destination = wire.take_text(control, "destination")
    try:
        return check_key(destination)
    except errors.InvalidEncoding:
        raise errors.InvalidMessage(reason="destination is no key") from None


def read_server(plaintext: bytes, control: Mapping[str, Any]) -> ForServer:
    """Read where a server is; its body is the whole plaintext.

    Raises:
        InvalidMessage: a member is absent or has another type.
        ForbiddenTarget: the target, method, protocol, port or host is not allowed.
    Clauses: OR-18, OR-20
    """
    host, target = wire.take_text(control, "host"), wire.take_text(control, "target")
    method, protocol = wire.take_text(control, "method"), wire.take_text({"protocol": "https", **control}, "protocol")
    port = control.get("port", PORTS.get(protocol, 0))
    if type(port) is not int:  # JSON's true is an int to Python
        raise errors.InvalidMessage(reason="port is no integer")
    if method != "POST":
        raise errors.ForbiddenTarget(reason="the method is not POST")
    if protocol not in PORTS:
        raise errors.ForbiddenTarget(reason="the protocol is neither https nor http")
    if not 1 <= port <= 65535:
        raise errors.ForbiddenTarget(reason="there is no such port")
    check_host(host)
    check_target(target)
    return ForServer(protocol=protocol, host=host, port=port, target=target, body=plaintext)


def count_hops(text: str | None) -> int:
    """Count the nodes that will have passed a request on when this one has, by the header that it came with, unverified.

    Raises:
        InvalidEncoding: it is not decimal.
        OutOfRange: the request has been passed on `MAX_HOPS` times.
    Clauses: OR-39
    """
    hops = 0 if text is None else wire.decode_decimal(text, what="hops")
    wire.check_range(hops, 0, MAX_HOPS - 1, what="hops")
    return hops + 1


def check_target(target: str) -> None:
    """Check the path at a server.

    Raises:
        ForbiddenTarget: it is not allowed.
    Clauses: OR-18
    """
    if not TARGET.fullmatch(target) or ".." in target:
        raise errors.ForbiddenTarget(reason="the target is not allowed")


def check_host(host: str) -> None:
    """Check that a host is an IP address or a name, and no address in a spelling that resolvers understand.

    Raises:
        ForbiddenTarget: it is neither.
    Clauses: OR-18
    """
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        if not HOST_NAME.fullmatch(host) or ENDS_IN_NUMBER.fullmatch(host):
            raise errors.ForbiddenTarget(reason="the host is neither a name nor an IP address") from None
        return
    if isinstance(found, ipaddress.IPv6Address) and found.scope_id is not None:  # any text may stand there
        raise errors.ForbiddenTarget(reason="the host is an address of this machine's own networks")


def check_address(address: str) -> None:
    """Check an IP address that a host has.

    Raises:
        ForbiddenTarget: it is not public.
    Clauses: OR-19
    """
    if not is_public(ipaddress.ip_address(address)):
        raise errors.ForbiddenTarget(reason="the address is not public")


def is_public(address: IpAddress) -> bool:
    """Tell whether an address is public, by the chapter's lists: those of Python differ from release to release.

    Clauses: OR-19
    """
    if isinstance(address, ipaddress.IPv4Address):
        return not is_in(address, NOT_PUBLIC_IPV4)
    if is_in(address, IPV4_INSIDE):
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address in UNICAST_IPV6 and not is_in(address, NOT_PUBLIC_IPV6)


def is_in(address: IpAddress, networks: Sequence[ipaddress.IPv4Network] | Sequence[ipaddress.IPv6Network]) -> bool:
    """Tell whether an address is in one of the networks."""
    return any(address in network for network in networks)


# Replies


def seal_reply(key: bytes, reply: Reply, random: wire.Random) -> str:
    """Seal a reply with the key of the layer that was peeled; return base64.

    Clauses: OR-8, OR-16, OR-17
    """
    text = json.dumps({"status": reply.status, "body": reply.body})
    return wire.encode_base64(sealing.encrypt_layer(key, text.encode(), iv=random(sealing.IV_BYTES)))


def open_reply(key: bytes, answer: str) -> Reply:
    """Open an unverified answer with a reply key.

    Raises:
        DecryptionFailed: it is no base64, or does not decrypt.
        InvalidMessage: it decrypts to something else than a status and a text.
    Clauses: OR-24, OR-25, OR-26
    """
    try:
        ciphertext = wire.decode_base64(unwrap(answer), what="reply")
    except errors.Malformed:
        raise errors.DecryptionFailed from None
    reply = wire.decode_object(sealing.decrypt_layer(key, ciphertext), what="the reply")
    status = reply.get("status")
    if type(status) is not int:  # JSON's true is an int to Python
        raise errors.InvalidMessage(reason="status is absent or no integer")
    return Reply(status=status, body=wire.take_text(reply, "body"))


def unwrap(answer: str) -> str:
    """Take the base64 out of `{"result": ...}`, if it is wrapped.

    Clauses: OR-25
    """
    if not answer.lstrip().startswith("{"):
        return answer
    return wire.take_text(wire.decode_object(answer, what="the answer"), "result")
