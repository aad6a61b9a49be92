"""Chapter 08: what must be refused, each with one thing wrong, and what must not; by what it is."""

import hmac
import json
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from itertools import chain
from typing import Any

from cloister import identity
from cloister.identity import P

from cloister_conformance.hand_made.onion_requests import (
    FOR_THIS_NODE,
    HOPS,
    IV_BYTES,
    NODE,
    SERVER,
    Control,
    Layer,
    agree,
    encrypt,
    seal,
    seal_answer,
    write_frame,
)

PRIVATE = HOPS[0].pair.private
"""Whose layer the bodies are for."""
PUBLIC = HOPS[0].pair.public[1:]
PLAINTEXT = write_frame(b"payload", FOR_THIS_NODE)
GOOD: Layer = seal(PUBLIC, PLAINTEXT, "good")


def seal_with(agreement: bytes, ephemeral_key: bytes, iv: bytes) -> bytes:
    """Seal a body with any agreement and ephemeral key, so that only the key is wrong with it."""
    key = hmac.digest(b"LOKI", agreement, "sha256")
    return write_frame(encrypt(key, PLAINTEXT, iv), {"ephemeral_key": ephemeral_key.hex()})


def beside(control: Control, good: Layer = GOOD) -> bytes:
    """Put another control beside the good ciphertext."""
    return write_frame(good.ciphertext, control)


def holding(ciphertext: bytes, good: Layer = GOOD) -> bytes:
    """Put another ciphertext beside the good control."""
    return write_frame(ciphertext, {"ephemeral_key": good.ephemeral_key})


def bad_controls(good: Mapping[str, Any]) -> dict[str, bytes]:
    """Texts that are no JSON object, but nearly."""
    text = json.dumps(good)
    return {
        "no control": b"",
        "control: cut": text[:-1].encode(),
        "control: text behind it": text.encode() + b"x",
        "control: a list": f"[{text}]".encode(),
        "control: a text": json.dumps(text).encode(),
        "control: null": b"null",
        "control: a number": b"7",
        "control: single quotes": text.replace('"', "'").encode(),
        "control: NaN beside": (text[:-1] + ', "x": NaN}').encode(),
        "control: in UTF-16": text.encode("utf-16-le"),
        "control: behind a byte order mark": b"\xef\xbb\xbf" + text.encode(),
        "control: no UTF-8": text[:-1].encode() + b', "x": "\xff"}',
        "control: nested without end": b'{"x":' * 20_000,
    }


def bad_frames(good: Layer = GOOD) -> dict[str, bytes]:
    """Bodies whose frame is wrong."""
    size = len(good.ciphertext)
    control = {"ephemeral_key": good.ephemeral_key}
    lengths = {
        "length: one more": (size + 1).to_bytes(4, "little"),
        "length: one less": (size - 1).to_bytes(4, "little"),
        "length: most significant byte first": size.to_bytes(4, "big"),
        "length: 2 bytes": size.to_bytes(2, "little"),
        "length: 8 bytes": size.to_bytes(8, "little"),
        "length: 0": bytes(4),
        "length: the greatest": b"\xff" * 4,
        "length: negative": b"\x00\x00\x00\x80",
        "length: of the whole": (len(good.body)).to_bytes(4, "little"),
    }
    return {
        "nothing": b"",
        "3 bytes": good.body[:3],
        "a length alone": good.body[:4],
        "the control first": json.dumps(control).encode() + good.ciphertext,
        **{name: write_frame(good.ciphertext, control, length=length) for name, length in lengths.items()},
    }


def bad_ephemeral_texts(good: Layer = GOOD) -> dict[str, bytes]:
    """Bodies whose ephemeral key is absent, or no text of 64 digits."""
    key = good.ephemeral_key
    values: dict[str, Any] = {
        "null": None,
        "a number": 7,
        "a list": [key],
        "empty": "",
        "a digit short": key[:-1],
        "a byte short": key[:-2],
        "a byte long": key + "00",
        "with its type": "05" + key,
        "in upper case": key.upper(),
        "behind 0x": "0x" + key,
        "behind a blank": " " + key,
        "no hex": "g" * 64,
    }
    return {
        "ephemeral key: absent": beside({}, good),
        "ephemeral key: under another name": beside({"ephemeralKey": key}, good),
        **{f"ephemeral key: {name}": beside({"ephemeral_key": value}, good) for name, value in values.items()},
    }


def bad_ephemeral_keys(good: Layer = GOOD, recipient: bytes = PUBLIC) -> dict[str, bytes]:
    """Bodies with an ephemeral key that chapter 02 refuses, sealed with the agreement that a node without the check would have."""
    marked = good.ephemeral.public[1:-1] + bytes([good.ephemeral.public[-1] | 0x80])
    return {
        **{
            f"ephemeral key: of low order, {u}": seal_with(bytes(32), u.to_bytes(32, "little"), good.iv)
            for u in sorted(identity.LOW_ORDER)
        },
        "ephemeral key: p, for 0": seal_with(bytes(32), P.to_bytes(32, "little"), good.iv),
        "ephemeral key: p + 9, for 9": seal_with(recipient[-32:], (P + 9).to_bytes(32, "little"), good.iv),
        "ephemeral key: its highest bit set": seal_with(good.agreement, marked, good.iv),
    }


def bad_ciphertexts(good: Layer = GOOD) -> dict[str, bytes]:
    """Bodies whose ciphertext is not that of this key."""
    sealed = good.ciphertext
    keys = {
        "the agreement as key": good.agreement,
        "key and data of the HMAC exchanged": hmac.digest(good.agreement, b"LOKI", "sha256"),
        "the label in lower case": hmac.digest(b"loki", good.agreement, "sha256"),
        "the ephemeral key agreed with itself": hmac.digest(
            b"LOKI", agree(good.ephemeral.private, good.ephemeral.public[1:]), "sha256"
        ),
    }
    return {
        **{
            f"ciphertext: {size} bytes": holding(sealed[:size], good)
            for size in (0, 1, 11, 12, 27, 28, len(sealed) - 1)
        },
        "ciphertext: a byte longer": holding(sealed + b"\0", good),
        "ciphertext: the tag first": holding(sealed[:IV_BYTES] + sealed[-16:] + sealed[IV_BYTES:-16], good),
        "ciphertext: the IV last": holding(sealed[IV_BYTES:] + sealed[:IV_BYTES], good),
        "ciphertext: another IV": holding(bytes(IV_BYTES) + sealed[IV_BYTES:], good),
        **{f"ciphertext: {name}": holding(encrypt(key, PLAINTEXT, good.iv), good) for name, key in keys.items()},
        "ciphertext: for another node": seal(NODE.pair.public, PLAINTEXT, "good").body,
        "ciphertext: not encrypted": holding(good.iv + PLAINTEXT + bytes(16), good),
    }


def undecryptable(recipient: bytes = PUBLIC) -> dict[str, bytes]:
    """All bodies that the node with this X25519 key cannot decrypt."""
    good = seal(recipient, PLAINTEXT, "good")
    beside_it = {"ephemeral_key": good.ephemeral_key}
    controls = {name: beside(control, good) for name, control in bad_controls(beside_it).items()}
    return {
        **bad_frames(good),
        **controls,
        **bad_ephemeral_texts(good),
        **bad_ephemeral_keys(good, recipient),
        **bad_ciphertexts(good),
    }


# Inside of a layer


TO_NODE = {"destination": NODE.name.hex(), "ephemeral_key": GOOD.ephemeral_key}
TO_SERVER = {**SERVER, "ephemeral_key": GOOD.ephemeral_key}
DATA = b"sealed for whoever is behind"


def without(control: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Leave out a member."""
    return {other: value for other, value in control.items() if other != name}


def bad_names() -> dict[str, str]:
    """Texts that are no Ed25519 key in hex."""
    good = NODE.name.hex()
    return {
        "empty": "",
        "a digit short": good[:-1],
        "a byte short": good[:-2],
        "a byte long": good + "00",
        "in upper case": good.upper(),
        "no hex": "g" * 64,
        "and a line end": good + "\n",
        "with an address": good + ".snode",
    }


def invalid_controls() -> dict[str, Control]:
    """Controls with a member that is absent or of another type."""
    wrong: dict[str, tuple[Any, ...]] = {
        "host": (None, 7, ["open.example.org"], {}),
        "target": (None, 7, ["/loki/v3/lsrpc"]),
        "method": (None, 7, ["POST"]),
        "protocol": (None, 7, ["https"]),
        "port": (None, "443", True, [443]),
    }
    return {
        "an empty object": {},
        **{f"to a node without {name}": without(TO_NODE, name) for name in TO_NODE},
        **{f"to a node, destination {name}": {**TO_NODE, "destination": text} for name, text in bad_names().items()},
        **{f"to a server without {name}": without(TO_SERVER, name) for name in ("target", "method")},
        **{
            f"to a node, {name} {json.dumps(value)}": {**TO_NODE, name: value}
            for name in TO_NODE
            for value in (None, 7, [TO_NODE[name]])
        },
        **{
            f"to a server, {name} {json.dumps(value)}": {**TO_SERVER, name: value}
            for name, values in wrong.items()
            for value in values
        },
    }


def invalid_plaintexts() -> dict[str, bytes]:
    """What is no frame, or has a control of another form."""
    lengths = {
        "length: one more than there is": (len(DATA) + len(json.dumps(TO_NODE)) + 1).to_bytes(4, "little"),
        "length: most significant byte first": len(DATA).to_bytes(4, "big"),
        "length: the greatest": b"\xff" * 4,
    }
    return {
        "nothing": b"",
        "3 bytes": bytes(3),
        "a length alone": bytes(4),
        "a bare payload": b'{"method": "retrieve", "params": {}}',
        **{name: write_frame(DATA, TO_NODE, length=length) for name, length in lengths.items()},
        **{name: write_frame(DATA, text) for name, text in bad_controls(TO_NODE).items()},
        **{name: write_frame(DATA, control) for name, control in invalid_controls().items()},
    }


ALLOWED_TARGETS = (
    "/loki/v3/lsrpc",
    "/oxen/v3/lsrpc",
    "/oxen/v4/lsrpc",
    "/loki/oxen/v4/lsrpc",
    "/loki/lsrpc",
    "/loki/A-Z_0.9/lsrpc",
    "/oxen/./lsrpc",
)
FORBIDDEN_TARGETS = (
    "",
    "/",
    "lsrpc",
    "/lsrpc",
    "/v3/lsrpc",
    "/loki/v3",
    "/loki/v3/",
    "/loki/v3/lsrpc/",
    "/loki/v3/xlsrpc",
    "/loki/v3/lsrpc?foo=bar",
    "/loki/v3?x=/lsrpc",
    "/loki/v3#/lsrpc",
    "/loki/v3/lsrpc#",
    "/loki/../lsrpc",
    "/loki/v3/../../admin/lsrpc",
    "/loki/..%2f/lsrpc",
    "/loki/%2e%2e/lsrpc",
    "/loki/v3\\lsrpc",
    "/loki/v 3/lsrpc",
    "/loki/v3/lsrpc\n",
    "\n/loki/v3/lsrpc",
    "/loki/v3\r\nHost: example.org\r\n/lsrpc",
    "/loki/v3\0/lsrpc",
    "/loki/vö/lsrpc",
    "/loki/v٣/lsrpc",
    "/loki/@/lsrpc",
    "/loki/a:b/lsrpc",
    "/loki/;/lsrpc",
    "/not_loki/v3/lsrpc",
    "/LOKI/v3/lsrpc",
    "/loki/v3/LSRPC",
    "loki/v3/lsrpc",
    "//loki/v3/lsrpc",
    "/loki//lsrpc",
    "/x/loki/v3/lsrpc",
    "https://example.org/loki/v3/lsrpc",
)
ALLOWED_HOSTS = (
    "7.example",
    "0x7f.example",
    "open.example.org",
    "a",
    "xn--bcher-kva.example",
    "a" * 253,
    "8.8.8.8",
    "2606:4700::1111",
)
FORBIDDEN_HOSTS = (
    "127.1",
    "2130706433",
    "0x7f000001",
    "127.0.0.0x1",
    "0177.0.0.1",
    "a.example.7",
    "",
    " ",
    "open.example.org ",
    "open example.org",
    "open.example.org:443",
    "user@example.org",
    "example.org/loki",
    "example.org?",
    "example.org#",
    "example.org\n",
    "example.org\0",
    "example\r\nX: y",
    "bücher.example",
    "[2606:4700::1111]",
    "2606:4700::1111%eth0",
    "2606:4700::1111%@example.org/",
    "2606:4700::1111:22021:1:2:3:4:5",
    "-example.org",
    "a" * 254,
)
FORBIDDEN_MEMBERS: dict[str, tuple[Any, ...]] = {
    "target": FORBIDDEN_TARGETS,
    "host": FORBIDDEN_HOSTS,
    "method": ("", "GET", "PUT", "post", "POST ", "CONNECT"),
    "protocol": ("", "HTTPS", "ftp", "file", "ws", "https:", "https "),
    "port": (0, -1, -443, 65536, 65979, 2**31, 2**32 + 443),
}

NOT_PUBLIC_IPV4 = {
    "unspecified": ("0.0.0.0/8",),
    "loopback": ("127.0.0.0/8",),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    "shared": ("100.64.0.0/10",),
    "link-local": ("169.254.0.0/16",),
    "reserved": ("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15"),
    "documentation": ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),
    "multicast and above": ("224.0.0.0/3",),
}
"""The networks of IPv4 that chapter 08 calls not public; no two of them touch."""
NOT_PUBLIC_IPV6 = {
    "below the public ones": ("::/3",),
    "above the public ones": ("4000::/2", "8000::/1"),
    "assignments, Teredo among them": ("2001::/23",),
    "6to4": ("2002::/16",),
    "documentation": ("2001:db8::/32", "3fff::/20"),
}
"""Those of IPv6, but for what has an IPv4 address inside."""
WITH_IPV4_INSIDE = {"mapped": "::ffff:{}", "NAT64": "64:ff9b::{}"}
"""How an IPv4 address is spelled as an IPv6 address that is as public."""


def find_edges(network: str) -> tuple[str, str]:
    """Find the first and the last address of a network."""
    found = ip_network(network)
    return str(found[0]), str(found[-1])


def find_neighbours(network: str) -> list[str]:
    """Find the addresses just before and just after a network, where there are such."""
    found = ip_network(network)
    numbers = (int(found[0]) - 1, int(found[-1]) + 1)
    return [str(type(found[0])(number)) for number in numbers if 0 <= number < 1 << found.max_prefixlen]


def list_edges(networks: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """List the first and last addresses of networks, for each kind."""
    return {kind: tuple(chain(*map(find_edges, listed))) for kind, listed in networks.items()}


NEXT_TO_NOT_PUBLIC_IPV4 = tuple(chain(*map(find_neighbours, chain(*NOT_PUBLIC_IPV4.values()))))
PUBLIC_ADDRESSES = (
    "8.8.8.8",
    *NEXT_TO_NOT_PUBLIC_IPV4,
    "2606:4700::1111",
    "2001:4860:4860::8888",
    "2000::",
    "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:200::",
    "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:db9::",
    "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "2003::",
    "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "3fff:1000::",
    "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    *(
        spelling.format(address)
        for spelling in WITH_IPV4_INSIDE.values()
        for address in ("8.8.8.8", *NEXT_TO_NOT_PUBLIC_IPV4)
    ),
)
PRIVATE_ADDRESSES = {
    **list_edges(NOT_PUBLIC_IPV4),
    **{f"{kind}, IPv6": addresses for kind, addresses in list_edges(NOT_PUBLIC_IPV6).items()},
    **{
        f"{kind}, {name}": tuple(map(spelling.format, addresses))
        for name, spelling in WITH_IPV4_INSIDE.items()
        for kind, addresses in list_edges(NOT_PUBLIC_IPV4).items()
    },
    "well-known": (
        "127.0.0.1",
        "169.254.169.254",
        "::1",
        "::127.0.0.1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "100::1",
        "::ffff:a9fe:a9fe",
        "64:ff9b::a9fe:a9fe",
    ),
    "next to mapped": ("::fffe:ffff:ffff", "::fffe:808:808", "::1:0:0:0", "::ffff:0:808:808"),
    "next to NAT64": (
        "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff",
        "64:ff9b::1:0:0",
        "64:ff9b::1:808:808",
        "64:ff9b:1::808:808",
    ),
    "6to4 and Teredo of public addresses": ("2002:808:808::1", "2001:0:808:808:8000:63bf:f7f7:f7f7"),
    "6to4 and Teredo of others": (
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::1",
        "2001:0:808:808:8000:63bf:f5ff:fffe",
        "2001:0:a00:1:8000:63bf:f7f7:f7f7",
    ),
}


# Replies


REPLY_KEY = GOOD.key


def accepted_replies() -> dict[str, tuple[str, dict[str, Any]]]:
    """Answers that are opened, and what they say."""
    plain = {"status": 200, "body": '{"messages": []}'}
    sealed = seal_answer(REPLY_KEY, json.dumps(plain).encode())
    wrapped = json.dumps({"result": sealed})
    said = (
        {"status": 421, "body": '{"snodes": []}'},
        {"status": 432, "body": '{"difficulty": 10}'},
        {"status": 500, "body": ""},
        {"status": 0, "body": "ü \U0001f512"},
        {"status": -1, "body": "\0\n"},
    )
    return {
        "bare": (sealed, plain),
        "wrapped": (wrapped, plain),
        "wrapped, with blanks around": (f" {wrapped}\n", plain),
        "wrapped, with another member": (json.dumps({"hop": 3, "result": sealed}), plain),
        "with another member inside": (seal_answer(REPLY_KEY, json.dumps({**plain, "t": 1}).encode()), plain),
        **{f"status {reply['status']}": (seal_answer(REPLY_KEY, json.dumps(reply).encode()), reply) for reply in said},
    }


def undecryptable_replies() -> dict[str, str]:
    """Answers that do not decrypt."""
    text = b'{"status": 200, "body": "text"}'  # of a length that leaves bits over in base64
    good = seal_answer(REPLY_KEY, text)
    raw = encrypt(REPLY_KEY, text, bytes(IV_BYTES))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return {
        "empty": "",
        "under another key": seal_answer(GOOD.agreement, text),
        "not sealed": text.decode(),
        "a byte changed": seal_answer(REPLY_KEY, text)[:40] + ("B" if good[40] == "A" else "A") + good[41:],
        "cut": good[:-4],
        "too short for a tag": good[:36],
        "in hex": raw.hex(),
        "without padding": good.rstrip("="),
        "with unused bits": good[:-2] + alphabet[alphabet.index(good[-2]) + 1] + "=",
        "with a line end": good + "\n",
        "with a blank before": " " + good,
        "wrapped: cut": json.dumps({"result": good})[:-1],
        "wrapped: under another name": json.dumps({"body": good}),
        "wrapped: twice": json.dumps({"result": {"result": good}}),
        "wrapped: a number": json.dumps({"result": 7}),
        "wrapped: null": json.dumps({"result": None}),
        "wrapped: under another key": json.dumps({"result": seal_answer(GOOD.agreement, text)}),
        "in a list": json.dumps([good]),
        "as a JSON text": json.dumps(good),
        "what a hop says": "Next node not found: " + NODE.name.hex(),
    }


def malformed_reply_texts() -> dict[str, bytes]:
    """What an answer must not decrypt to: something else than a status and a text."""
    good = {"status": 200, "body": "hello"}
    statuses: tuple[Any, ...] = (None, True, False, "200", [200], 200.5)
    bodies: tuple[Any, ...] = (None, True, 7, ["hello"], {"messages": []})
    values: dict[str, dict[str, Any]] = {
        "no status": {"body": "hello"},
        "no body": {"status": 200},
        "nothing": {},
        **{f"status {json.dumps(value)}": {**good, "status": value} for value in statuses},
        **{f"body {json.dumps(value)}": {**good, "body": value} for value in bodies},
    }
    texts = {
        "no bytes": b"",
        "no JSON": b"hello",
        "a list": b'[200, "hello"]',
        "a number": b"200",
        "a text": b'"hello"',
        "null": b"null",
        "in UTF-16": json.dumps(good).encode("utf-16-le"),
        "no UTF-8": b'{"status": 200, "body": "\xff"}',
        "cut": json.dumps(good).encode()[:-1],
        "a frame": write_frame(b"hello", good),
    }
    return texts | {name: json.dumps(value).encode() for name, value in values.items()}


def malformed_replies() -> dict[str, str]:
    """Answers that decrypt to something else than a status and a text."""
    return {name: seal_answer(REPLY_KEY, text) for name, text in malformed_reply_texts().items()}
