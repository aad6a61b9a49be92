"""Chapter 11: what has one fault, by what is wrong with it; for each an error name or a status where they differ."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cloister.identity import LOW_ORDER, P, Q
from cloister.room_post import MAX_DATA_BYTES, MAX_POST_FILES

from cloister_conformance.hand_made import edwards, material
from cloister_conformance.hand_made import open_groups as good
from cloister_conformance.hand_made.onion_requests import SERVER_PAIR, Layer, seal, write_frame
from cloister_conformance.hand_made.open_groups import (
    ALICE,
    BOB,
    MALLORY,
    NOW_S,
    OTHER_SERVER_KEY,
    ROOM,
    SERVER_KEY,
    Content,
    Post,
    encode_list,
    encode_meta,
    make_account,
    make_file,
    sign_data,
    write_link,
    write_post,
)
from cloister_conformance.hand_made.protobuf import field

Json = dict[str, Any]


# Ids


def bad_points() -> dict[str, bytes]:
    """Keys that are no canonical encoding of a point of prime order."""
    point = edwards.decompress(ALICE.blinded_key)
    off = next(y for y in range(2, 100) if edwards.find_point(y) is None)
    odd = next(y for y in range(3, 19) if edwards.find_point(y) is not None)
    points = {
        f"a point of low order, {number} times the one of order 8": edwards.compress(
            edwards.multiply(number, edwards.TORSION)
        )
        for number in range(8)
    }
    points |= {
        f"a key and {number} times the point of order 8": edwards.compress(
            edwards.add_points(point, edwards.multiply(number, edwards.TORSION))
        )
        for number in (1, 2, 4)
    }
    points["y of no point"] = off.to_bytes(32, "little")
    points["y not below p"] = (P + odd).to_bytes(32, "little")
    points["the neutral point with a sign"] = (1 | 1 << 255).to_bytes(32, "little")
    points["all bits set"] = b"\xff" * 32
    return points


def bad_signing_ids() -> dict[str, tuple[str, str]]:
    """Ids that sign nothing, each with its error name."""
    key = ALICE.blinded_key.hex()
    ids = {
        f"{kind}, {first}": (first + point.hex(), "InvalidKey")
        for kind, point in bad_points().items()
        for first in ("15", "00")
    }
    ids |= {f"first byte {first}": (first + key, "InvalidKey") for first in ("01", "07", "14", "16", "25", "51", "ff")}
    ids["empty"] = ("", "InvalidEncoding")
    ids["without the first byte"] = (key, "InvalidEncoding")
    ids["a digit too few"] = ("15" + key[:-1], "InvalidEncoding")
    ids["a byte too many"] = ("15" + key + "00", "InvalidEncoding")
    ids["upper case"] = ("15" + key.upper(), "InvalidEncoding")
    ids["no hex"] = ("15" + key[:-2] + "zz", "InvalidEncoding")
    ids["a blank before it"] = (" 15" + key[:-1], "InvalidEncoding")
    return ids


def find_turned(text: str) -> str:
    """Find the id of the key with the other sign."""
    return text[:-2] + f"{int(text[-2:], 16) ^ 0x80:02x}"


# Signed requests

NONCE = material.derive_bytes("open groups nonce", 16)


def encode_base64(data: bytes) -> str:
    """Write base64."""
    return base64.b64encode(data).decode()


def sign_request(
    account: good.Account = ALICE,
    *,
    blinded: bool = True,
    nonce: bytes = NONCE,
    timestamp: str = str(NOW_S),
    method: str = "GET",
    target: str = "/rooms",
    path: bytes | None = None,
    body: bytes = b"",
    server_key: bytes = SERVER_KEY,
) -> Json:
    """Sign a request, and describe it as params; `path` is the decoded one if it is another than what is written."""
    written, _, query = target.partition("?")
    signed = good.encode_signed(
        server_key=server_key,
        nonce=nonce,
        timestamp=timestamp,
        method=method,
        path=written.encode() if path is None else path,
        query=query.encode(),
        body=body,
    )
    return {
        "id": account.name(blinded=blinded),
        "nonce": encode_base64(nonce),
        "timestamp": timestamp,
        "signature": encode_base64(account.sign(signed, blinded=blinded)),
        "method": method,
        "target": target,
        "body": body.hex(),
        "server_key": server_key.hex(),
        "now_s": NOW_S,
        "blinding_required": True,
    }


def sign_turned() -> Json:
    """Sign a request by the key of the other sign, with the number that belongs to it."""
    asked = sign_request()
    turned = find_turned(asked["id"])
    signed = good.encode_signed(nonce=NONCE)
    stages = good.sign_with(-ALICE.ka % Q, bytes.fromhex(turned[2:]), b"any prefix", signed)
    return asked | {"id": turned, "signature": encode_base64(stages.signature)}


POST = {"method": "POST", "target": "/room/tea/message?x=1", "body": b'{"a":1}'}
HEADERS = ("id", "nonce", "timestamp", "signature")


def missing_headers() -> dict[str, Json]:
    """Requests with some of the four headers."""
    whole = sign_request()
    subsets = [[name for bit, name in enumerate(HEADERS) if number >> bit & 1] for number in range(1, 15)]
    return {
        f"{' and '.join(kept)} alone": {
            name: value for name, value in whole.items() if name not in HEADERS or name in kept
        }
        for kept in subsets
    }


def bad_forms() -> dict[str, Json]:
    """Requests of which one header is of another form: 400."""
    whole = sign_request()
    changes: dict[str, dict[str, str]] = {f"id: {kind}": {"id": text} for kind, (text, _) in bad_signing_ids().items()}
    changes["id: an account id"] = {"id": ALICE.account_id}
    for name, size in (("nonce", 16), ("signature", 64)):
        honest = base64.b64decode(whole[name])
        for length in (0, 1, size - 1, size + 1, 2 * size):
            changes[f"{name}: {length} bytes"] = {name: encode_base64((honest * 3)[:length])}
        changes[f"{name}: no base64"] = {name: "!" + whole[name][1:]}
        changes[f"{name}: blanks"] = {name: whole[name][:4] + " " + whole[name][4:]}
        changes[f"{name}: url alphabet"] = {name: encode_base64(b"\xfb" * size).replace("+", "-").replace("/", "_")}
    for kind, text in {
        "empty": "",
        "a sign": f"+{NOW_S}",
        "negative": "-1",
        "a leading zero": f"0{NOW_S}",
        "a fraction": f"{NOW_S}.0",
        "a blank": f"{NOW_S} ",
        "hex": hex(NOW_S),
        "an exponent": "16e8",
        "other digits": "١٦٠٠٠٠٠٠٠٠",
        "21 digits": "1" * 21,
    }.items():
        changes[f"timestamp: {kind}"] = {"timestamp": text}
    return {kind: whole | change for kind, change in changes.items()}


def bad_signatures() -> dict[str, Json]:
    """Requests whose signature does not verify: 401."""
    whole = sign_request(**POST)  # type: ignore[arg-type]
    signature = base64.b64decode(whole["signature"])
    s = int.from_bytes(signature[32:], "little")
    others: dict[str, Json] = {
        "another server": {"server_key": OTHER_SERVER_KEY.hex()},
        "another nonce": {"nonce": encode_base64(NONCE[::-1])},
        "another timestamp": {"timestamp": str(NOW_S + 1)},
        "another method": {"method": "PUT"},
        "another path": {"target": "/room/tee/message?x=1"},
        "another case of the path": {"target": "/room/Tea/message?x=1"},
        "a slash more": {"target": "/room/tea/message/?x=1"},
        "another query": {"target": "/room/tea/message?x=2"},
        "no query": {"target": "/room/tea/message"},
        "another body": {"body": b'{"a":2}'.hex()},
        "no body": {"body": ""},
        "the id of another account": {"id": BOB.name(blinded=True)},
        "the key of the other sign": {"id": find_turned(whole["id"])},
        "the unblinded id": {"id": ALICE.name(blinded=False), "blinding_required": False},
        "R changed": {"signature": encode_base64(bytes([signature[0] ^ 1]) + signature[1:])},
        "s changed": {"signature": encode_base64(signature[:32] + bytes([signature[32] ^ 1]) + signature[33:])},
        "s + Q": {"signature": encode_base64(signature[:32] + (s + Q).to_bytes(32, "little"))},
        "zeros": {"signature": encode_base64(bytes(64))},
        "R of low order, s 0": {"signature": encode_base64(bytes([1]) + bytes(63))},
    }
    listed = {kind: whole | change for kind, change in others.items()}
    listed["signed by XEdDSA"] = whole | {
        "signature": encode_base64(ALICE.sign_post(b"", blinded=False)),
    }
    body = bytes.fromhex(whole["body"])
    parts: dict[str, dict[str, bytes]] = {
        "signed without its query": {"query": b""},
        "signed without its body": {"body": b""},
    }
    for kind, change in parts.items():
        honest = {"method": "POST", "path": b"/room/tea/message", "query": b"x=1", "body": body} | change
        signed = good.encode_signed(nonce=NONCE, **honest)  # type: ignore[arg-type]
        listed[kind] = whole | {"signature": encode_base64(ALICE.sign(signed, blinded=True))}
    return listed


# Onion requests

PRIVATE = SERVER_PAIR.private
PAYLOAD = good.write_payload("GET", "/room/tea")
LAYER = seal(SERVER_PAIR.public, PAYLOAD, "open groups")


def beside(control: Mapping[str, Any], layer: Layer = LAYER) -> bytes:
    """Write what an exit sends, with another control."""
    return write_frame(layer.ciphertext, control)


def good_controls() -> dict[str, Json]:
    """Controls beside a layer that the server opens."""
    key = LAYER.ephemeral_key
    return {
        "the key alone": {"ephemeral_key": key},
        "what an exit sends": {**good.ROUTING, "ephemeral_key": key},
        "enc_type aes-gcm": {"ephemeral_key": key, "enc_type": "aes-gcm"},
        "another member": {"ephemeral_key": key, "headers": None},
    }


def unopened() -> dict[str, bytes]:
    """Onion requests that the server cannot open."""
    key, body = LAYER.ephemeral_key, LAYER.body
    controls: dict[str, Json] = {
        "no ephemeral key": {},
        "an ephemeral key that is a number": {"ephemeral_key": 7},
        "an ephemeral key of 31 bytes": {"ephemeral_key": key[:-2]},
        "an ephemeral key in upper case": {"ephemeral_key": key.upper()},
        "an ephemeral key with its type": {"ephemeral_key": "05" + key},
        **{
            f"an ephemeral key of low order, {u % 1000}": {"ephemeral_key": u.to_bytes(32, "little").hex()}
            for u in sorted(LOW_ORDER)
            if u < P
        },
        "enc_type xchacha20": {"ephemeral_key": key, "enc_type": "xchacha20"},
        "enc_type aes-cbc": {"ephemeral_key": key, "enc_type": "aes-cbc"},
        "enc_type empty": {"ephemeral_key": key, "enc_type": ""},
        "enc_type null": {"ephemeral_key": key, "enc_type": None},
        "enc_type a list": {"ephemeral_key": key, "enc_type": ["aes-gcm"]},
    }
    listed = {kind: beside(control) for kind, control in controls.items()}
    listed |= {
        "empty": b"",
        "three bytes": body[:3],
        "cut": body[:-1],
        "a length beyond the end": b"\xff\xff\xff\x7f" + body[4:],
        "no JSON": write_frame(LAYER.ciphertext, b"ephemeral_key"),
        "a list as control": write_frame(LAYER.ciphertext, b"[]"),
        "no ciphertext": write_frame(b"", {"ephemeral_key": key}),
        "a ciphertext of 27 bytes": write_frame(LAYER.ciphertext[:27], {"ephemeral_key": key}),
        "iv changed": write_frame(bytes([LAYER.ciphertext[0] ^ 1]) + LAYER.ciphertext[1:], {"ephemeral_key": key}),
        "tag changed": write_frame(LAYER.ciphertext[:-1] + bytes([LAYER.ciphertext[-1] ^ 1]), {"ephemeral_key": key}),
        "sealed to another": seal(ALICE.private, PAYLOAD, "another").body,
    }
    return listed


def good_payloads() -> dict[str, tuple[bytes, Json]]:
    """Payloads, with the request that each is."""

    def request(
        method: str = "GET", target: str = "/rooms", body: bytes = b"", headers: Mapping[str, str] = {}
    ) -> Json:
        return {"method": method, "target": target, "headers": dict(headers), "body": body.hex()}

    meta = {"method": "GET", "endpoint": "/rooms"}
    return {
        "two strings": (good.write_payload(), request()),
        "one string": (encode_list(encode_meta(meta)), request()),
        "an empty second": (encode_list(encode_meta(meta), b""), request()),
        "headers": (good.write_payload(headers={"X-Y": "z"}), request(headers={"x-y": "z"})),
        "no headers in the object": (good.write_payload(headers={}), request()),
        "another member": (good.write_payload(other=1), request()),
        "blanks in the JSON": (encode_list(json.dumps(meta, indent=1).encode(), b"x"), request(body=b"x")),
        **{
            f"{method} with a body": (
                good.write_payload(method, "/room/tea?x=%20", b"\0e1:"),
                request(method, "/room/tea?x=%20", b"\0e1:"),
            )
            for method in ("POST", "PUT", "DELETE")
        },
        "a body of 1000 bytes": (good.write_payload("POST", "/x", b"e" * 1000), request("POST", "/x", b"e" * 1000)),
    }


def bad_lists(text: bytes) -> dict[str, bytes]:
    """What is no list of one or two byte strings, around a text that is right."""
    head = str(len(text)).encode() + b":" + text
    return {
        "empty": b"",
        "l": b"l",
        "an empty list": b"le",
        "no list": text,
        "a dictionary": b"d" + head + b"0:e",
        "three strings": encode_list(text, b"", b""),
        "a number in the list": b"l" + head + b"i1ee",
        "a list in the list": b"l" + head + b"lee",
        "no end": encode_list(text)[:-1],
        "something behind the end": encode_list(text) + b"x",
        "a length too long": b"l" + str(len(text) + 1).encode() + b":" + text + b"e",
        "a length too short": b"l" + str(len(text) - 1).encode() + b":" + text + b"e",
        "a length beyond the end": b"l" + head + b"9:e",
        "a length with a zero before it": b"l0" + head + b"e",
        "a negative length": b"l" + head + b"-1:e",
        "a length with a sign": b"l+" + head + b"e",
        "a length without end": b"l" + b"9" * 400 + b":" + text + b"e",
        "no colon": b"l" + head.replace(b":", b" ", 1) + b"e",
    }


def bad_payloads() -> dict[str, bytes]:
    """Payloads of another form."""
    meta: Json = {"method": "GET", "endpoint": "/rooms", "headers": {}}
    listed = bad_lists(encode_meta(meta))
    changes: dict[str, Json] = {
        "method a number": {"method": 1},
        "method in lower case": {"method": "get"},
        "method PATCH": {"method": "PATCH"},
        "method null": {"method": None},
        "endpoint a number": {"endpoint": 1},
        "endpoint empty": {"endpoint": ""},
        "endpoint without its slash": {"endpoint": "rooms"},
        "a header twice": {"headers": {"X-Y": "1", "x-y": "2"}},
        "an onion request": {"endpoint": good.TARGET},
        "headers a list": {"headers": []},
        "headers a text": {"headers": "x"},
        "a header that is a number": {"headers": {"x": 1}},
        "a header that is null": {"headers": {"x": None}},
    }
    for kind, change in changes.items():
        listed[kind] = encode_list(encode_meta(meta | change), b"")
    for name in ("method", "endpoint"):
        listed[f"no {name}"] = encode_list(encode_meta({n: v for n, v in meta.items() if n != name}), b"")
    for kind, text in {
        "no JSON": b"{",
        "a list": b"[]",
        "null": b"null",
        "NaN": b'{"method":"GET","endpoint":"/","x":NaN}',
        "no UTF-8": b'{"method":"GET","endpoint":"/\xff"}',
    }.items():
        listed[f"meta: {kind}"] = encode_list(text, b"")
    return listed


def bad_replies() -> dict[str, bytes]:
    """Replies, before they are sealed, of another form."""
    listed = bad_lists(encode_meta({"code": 200, "headers": {}}))
    metas: dict[str, Json] = {
        "no code": {"headers": {}},
        "code a text": {"code": "200", "headers": {}},
        "code true": {"code": True, "headers": {}},
        "code null": {"code": None, "headers": {}},
        "code a fraction": {"code": 200.5, "headers": {}},
        "headers a list": {"code": 200, "headers": []},
        "a header that is a number": {"code": 200, "headers": {"x": 1}},
    }
    for kind, meta in metas.items():
        listed[kind] = encode_list(encode_meta(meta), b"")
    for kind, text in {"no JSON": b"{", "a list": b"[200]", "a number": b"200"}.items():
        listed[f"meta: {kind}"] = encode_list(text, b"")
    return listed


# Links


def good_links() -> dict[str, tuple[str, Json]]:
    """Links, with what each says."""
    key, invitation = SERVER_KEY.hex(), material.derive_bytes("open groups invitation").hex()
    plain: Json = {"protocol": "https", "host": good.HOST, "port": 443, "room": ROOM, "server_key": key}
    query = f"?public_key={key}"
    return {
        "https": (f"https://{good.HOST}/tea{query}", plain),
        "http": (f"http://{good.HOST}/tea{query}", plain | {"protocol": "http", "port": 80}),
        "a port": (f"https://{good.HOST}:8443/tea{query}", plain | {"port": 8443}),
        "port 1": (f"https://{good.HOST}:1/tea{query}", plain | {"port": 1}),
        "port 65535": (f"http://{good.HOST}:65535/tea{query}", plain | {"protocol": "http", "port": 65535}),
        "port 443 with http": (f"http://{good.HOST}:443/tea{query}", plain | {"protocol": "http"}),
        "an IPv4 address": (
            f"http://192.0.2.7/tea{query}",
            plain | {"protocol": "http", "port": 80, "host": "192.0.2.7"},
        ),
        "an IPv6 address": (f"https://[2001:db8::7]:444/tea{query}", plain | {"host": "2001:db8::7", "port": 444}),
        "an invitation": (
            f"https://{good.HOST}/tea{query}&invitation={invitation}",
            plain | {"invitation": invitation},
        ),
        "a room of 64 characters": (f"https://{good.HOST}/{'Z' * 64}{query}", plain | {"room": "Z" * 64}),
        "all characters of a room": (f"https://{good.HOST}/aZ_-09{query}", plain | {"room": "aZ_-09"}),
        "a room that is called r": (f"https://{good.HOST}/r{query}", plain | {"room": "r"}),
    }


def other_spellings() -> dict[str, tuple[str, Json]]:
    """Links that no client writes and every client reads."""
    _, plain = good_links()["https"]
    query = f"?public_key={SERVER_KEY.hex()}"
    return {
        "r/ before the room": (f"https://{good.HOST}/r/tea{query}", plain),
        "r/ before a room that is called r": (f"https://{good.HOST}/r/r{query}", plain | {"room": "r"}),
    }


def bad_links() -> dict[str, str]:
    """Links that are not of the form."""
    key, place = SERVER_KEY.hex(), f"https://{good.HOST}"
    query, invitation = f"?public_key={key}", "ab" * 32
    listed = {
        "empty": "",
        "no link": "tea",
        "another protocol": f"ftp://{good.HOST}/tea{query}",
        "javascript": f"javascript:alert(1)//{good.HOST}/tea{query}",
        "no protocol": f"//{good.HOST}/tea{query}",
        "no host": f"https:///tea{query}",
        "one slash": f"https:/{good.HOST}/tea{query}",
        "a user": f"https://alice@{good.HOST}/tea{query}",
        "a user and a password": f"https://alice:x@{good.HOST}/tea{query}",
        "a host that is a user": f"https://{good.HOST}@evil.example/tea{query}",
        "a backslash": f"https://{good.HOST}\\@evil.example/tea{query}",
        "a fragment": f"{place}/tea{query}#top",
        "a fragment before the query": f"{place}/tea#top{query}",
        "a blank before it": f" {place}/tea{query}",
        "a blank behind it": f"{place}/tea{query} ",
        "a blank in it": f"{place}/t ea{query}",
        "a line feed": f"{place}/tea{query}\n",
        "a tab in it": f"ht\ttps://{good.HOST}/tea{query}",
        "a zero byte": f"{place}/tea{query}\0",
        "no query": f"{place}/tea",
        "no key": f"{place}/tea?",
        "an empty key": f"{place}/tea?public_key=",
        "two keys": f"{place}/tea{query}&public_key={OTHER_SERVER_KEY.hex()}",
        "the same key twice": f"{place}/tea{query}&public_key={key}",
        "another name of the key": f"{place}/tea?Public_Key={key}",
        "a member more": f"{place}/tea{query}&x=1",
        "a key in upper case": f"{place}/tea?public_key={key.upper()}",
        "a key of 31 bytes": f"{place}/tea{query[:-2]}",
        "a key of 33 bytes": f"{place}/tea?public_key=05{key}",
        "a key that is no hex": f"{place}/tea{query[:-2]}zz",
        "a key in base64": f"{place}/tea?public_key={encode_base64(SERVER_KEY)}",
        "an empty invitation": f"{place}/tea{query}&invitation=",
        "an invitation of 31 bytes": f"{place}/tea{query}&invitation={invitation[2:]}",
        "an invitation in upper case": f"{place}/tea{query}&invitation={invitation.upper()}",
        "two invitations": f"{place}/tea{query}&invitation={invitation}&invitation={'cd' * 32}",
        "an invitation and no key": f"{place}/tea?invitation={invitation}",
        "no room": f"{place}/{query}",
        "a base": f"{place}/open/groups/tea{query}",
        "r/ twice": f"{place}/r/r/tea{query}",
        "the invitation first": f"{place}/tea?invitation={invitation}&public_key={key}",
        "no path": f"{place}{query}",
        "r/ and no room": f"{place}/r/{query}",
        "a slash behind the room": f"{place}/tea/{query}",
        "a room of 65 characters": f"{place}/{'x' * 65}{query}",
        "a room with a point": f"{place}/te.a{query}",
        "a room with an escape": f"{place}/te%61{query}",
        "a room with another letter": f"{place}/thé{query}",
        "a host with another letter": f"https://öpen.example.org/tea{query}",
        "a host with an underscore": f"https://open_groups.example.org/tea{query}",
        "a host with an escape": f"https://open%2Eexample.org/tea{query}",
        "a host that ends in a point": f"https://{good.HOST}./tea{query}",
        "a host in brackets that is no address": f"https://[{good.HOST}]/tea{query}",
        "an IPv4 address in hex": f"https://0x7f000001/tea{query}",
        "an IPv4 address in one number": f"https://2130706433/tea{query}",
        "an IPv4 address with a zero": f"https://127.0.0.01/tea{query}",
        "an IPv6 address with a zone": f"https://[fe80::1%25eth0]/tea{query}",
        "an IPv6 address that is none": f"https://[2001:db8:::1]/tea{query}",
        "port 0": f"https://{good.HOST}:0/tea{query}",
        "port 65536": f"https://{good.HOST}:65536/tea{query}",
        "a port that is no number": f"https://{good.HOST}:https/tea{query}",
        "a negative port": f"https://{good.HOST}:-1/tea{query}",
    }
    for u in sorted(LOW_ORDER):
        if u < P:
            listed[f"a key of low order, {u % 1000}"] = f"{place}/tea?public_key={u.to_bytes(32, 'little').hex()}"
    listed["a key that is not below p"] = f"{place}/tea?public_key={(P + 9).to_bytes(32, 'little').hex()}"
    return listed


def strange_keys() -> dict[str, tuple[str, str]]:
    """Links to a base that is known with another key: the known link, and the other."""
    other = OTHER_SERVER_KEY
    v6 = "https://[2001:db8::7]"
    return {
        "the same room": (write_link(), write_link(other)),
        "another room": (write_link(), write_link(other, "coffee")),
        "r/ before the room": (write_link(), write_link(other, "r/tea")),
        "another case of the host": (write_link(), write_link(other, place="https://OPEN.Example.org")),
        "the usual port written": (write_link(), write_link(other, place=f"https://{good.HOST}:443")),
        "an IPv6 address": (write_link(place=v6), write_link(other, place=v6)),
        "an IPv6 address in a longer spelling": (
            write_link(place=v6),
            write_link(other, place="https://[2001:0DB8:0:0::0007]"),
        ),
    }


# Posts


def bad_contents() -> Iterator[tuple[str, str, bytes]]:
    """Data that is signed rightly and no content for the room, each with its error name."""
    whole = Content()
    file, _ = make_file("cat")
    for kind, change in {
        "for another server": {"server_key": OTHER_SERVER_KEY},
        "a server key of 31 bytes": {"server_key": SERVER_KEY[:-1]},
        "a server key with its type": {"server_key": b"\x05" + SERVER_KEY},
        "for another room": {"room": "coffee"},
        "for the room in upper case": {"room": "TEA"},
        "for a room without name": {"room": ""},
        "for a room that is not UTF-8": {"room": b"te\xff"},
        "a text that is not UTF-8": {"text": b"\xff"},
        "neither text nor file": {"text": ""},
        "17 files": {"files": tuple(make_file(number)[0] for number in range(MAX_POST_FILES + 1))},
        "a file with a hash of 31 bytes": {"files": (file._replace(hash=file.hash[1:]),)},
        "a file without its id": {"other": {6: field(6, file.encode()[2:] if file.id < 128 else file.encode()[3:])}},
        "a file without its hash": {"other": {6: field(6, file.encode()[:-34])}},
        "a file whose name is not UTF-8": {"other": {6: field(6, file.encode().replace(b"cat", b"c\xfft"))}},
        "field number 0": {"other": {5: field(5, b"x") + b"\x00\x00"}},
        "a field that ends too early": {"other": {5: b"\x2a\x05x"}},
    }.items():
        yield kind, "InvalidMessage", replace(whole, **change).data  # type: ignore[arg-type]
    for number, name in enumerate(("server_key", "room", "timestamp_ms", "revision", "text"), start=1):
        yield f"no {name}", "InvalidMessage", replace(whole, files=(file,), other={number: b""}).data
    for time in (0, 999_999_999_999, 10_000_000_000_000, 2**63):
        yield f"time {time}", "OutOfRange", replace(whole, timestamp_ms=time).data
    encoded = whole.encode()
    yield "not padded", "InvalidMessage", encoded
    yield "no mark", "InvalidMessage", encoded.ljust(159, b"\0")
    yield "a block too many", "InvalidMessage", whole.data + bytes(160)
    yield "a zero too many", "InvalidMessage", whole.data + b"\0"
    yield "a zero too few", "InvalidMessage", whole.data[:-1]
    yield "empty", "InvalidMessage", b""
    yield "only padding", "InvalidMessage", good.pad(b"")
    yield "rubbish", "InvalidMessage", good.pad(b"\xff" * 40)


TOO_LONG = replace(Content(), text="x" * MAX_DATA_BYTES).data


def forged_posts() -> dict[str, Post]:
    """Posts whose signature does not verify."""
    post, unblinded = write_post(), write_post(blinded=False)
    other = write_post(Content(text="another"))
    signature, R, s = post.signature, post.signature[:32], int.from_bytes(post.signature[32:], "little")
    return {
        "another author": post._replace(author=BOB.name(blinded=True)),
        "the unblinded author": post._replace(author=ALICE.account_id),
        "the blinded author": unblinded._replace(author=ALICE.name(blinded=True)),
        "another unblinded author": unblinded._replace(author=BOB.account_id),
        "the key of the other sign": post._replace(author=find_turned(post.author)),
        "the id on another server": post._replace(author=make_account("alice", OTHER_SERVER_KEY).name(blinded=True)),
        "signed by another": post._replace(signature=MALLORY.sign_post(post.data, blinded=True)),
        "the signature of another post": post._replace(signature=other.signature),
        "the data of another post": post._replace(data=other.data),
        "a bit of the text": post._replace(data=post.data.replace(b"hello", b"hellp")),
        "a bit of the padding": post._replace(data=post.data[:-1] + b"\1"),
        "s + Q": post._replace(signature=R + (s + Q).to_bytes(32, "little")),
        "zeros": post._replace(signature=bytes(64)),
        "no signature": post._replace(signature=b""),
        "63 bytes": post._replace(signature=signature[:-1]),
        "65 bytes": post._replace(signature=signature + b"\0"),
        "an unblinded one, 63 bytes": unblinded._replace(signature=unblinded.signature[:-1]),
        "an unblinded one, a bit of R": unblinded._replace(
            signature=bytes([unblinded.signature[0] ^ 1]) + unblinded.signature[1:]
        ),
    }


def bad_authors() -> dict[str, tuple[str, str]]:
    """Authors that post nothing, each with its error name."""
    ids = {kind: found for kind, found in bad_signing_ids().items() if not kind.endswith(", 00")}
    ids["an unblinded key"] = (ALICE.name(blinded=False), "InvalidKey")
    ids["an account id in upper case"] = (ALICE.account_id.upper(), "InvalidEncoding")
    ids["an account id of 32 bytes"] = (ALICE.account_id[:-2], "InvalidEncoding")
    ids["an account id of low order"] = ("05" + "00" * 32, "InvalidKey")
    return ids


def wrong_files() -> dict[str, tuple[Json, bytes]]:
    """Files whose bytes are not those of the post."""
    file, data = make_file("cat")
    return {
        "a byte changed": (file.describe(), data[:-1] + bytes([data[-1] ^ 1])),
        "a byte less": (file.describe(), data[:-1]),
        "a byte more": (file.describe(), data + b"\0"),
        "empty": (file.describe(), b""),
        "another file": (file.describe(), make_file("dog")[1]),
        "a size of one more": (file._replace(size=file.size + 1).describe(), data),
        "a size of one less": (file._replace(size=file.size - 1).describe(), data),
        "a size of 2^64 more": (file._replace(size=file.size + 2**64).describe(), data),
    }


# Views


def bad_messages() -> dict[str, tuple[Json, str]]:
    """Messages that are refused one by one, each with its error name; id and number are those of a good one."""
    post = write_post()
    shown = post.show(1, 1)
    listed = {
        "no author": (post.show(1, 1, session_id=None), "InvalidMessage"),
        "an author that is a number": (post.show(1, 1, session_id=5), "InvalidMessage"),
        "no data": (post.show(1, 1, data=None), "InvalidMessage"),
        "data null": ({**shown, "data": None}, "InvalidMessage"),
        "data null, deleted false": ({**shown, "data": None, "deleted": False}, "InvalidMessage"),
        "data a list": (post.show(1, 1, data=[]), "InvalidMessage"),
        "data no base64": (post.show(1, 1, data="!" + shown["data"][1:]), "InvalidEncoding"),
        "data in hex": (post.show(1, 1, data=post.data.hex()[:-1]), "InvalidEncoding"),
        "data without its padding": (post.show(1, 1, data=shown["data"] + "="), "InvalidEncoding"),
        "no signature": (post.show(1, 1, signature=None), "InvalidMessage"),
        "a signature that is a number": (post.show(1, 1, signature=7), "InvalidMessage"),
        "a signature that is no base64": (post.show(1, 1, signature=shown["signature"][:-1]), "InvalidEncoding"),
    }
    for kind, forged in forged_posts().items():
        listed[f"forged: {kind}"] = (forged.show(1, 1), "InvalidSignature")
    for kind, (author, error) in bad_authors().items():
        listed[f"author: {kind}"] = (post._replace(author=author).show(1, 1), error)
    for kind, error, data in bad_contents():
        listed[f"content: {kind}"] = (sign_data(data).show(1, 1), error)
    return listed


def bad_pages() -> dict[str, str]:
    """Pages that are refused as a whole by a view whose cursor is 10."""
    post, tombstone = write_post(), good.show_tombstone
    page = good.write_page
    return {
        "no JSON": "[",
        "empty text": "",
        "an object": "{}",
        "null": "null",
        "NaN": page([post.show(1, 11)])[:-1] + ',{"id":2,"seqno":NaN}]',
        "a number in it": page([post.show(1, 11), 5]),
        "a list in it": page([[]]),
        "no id": page([{**post.show(1, 11), "id": None}]),
        "an id that is a text": page([{**post.show(1, 11), "id": "1"}]),
        "an id that is true": page([{**post.show(1, 11), "id": True}]),
        "no number": page([{name: value for name, value in post.show(1, 11).items() if name != "seqno"}]),
        "a number that is a text": page([{**post.show(1, 11), "seqno": "11"}]),
        "a number that is a fraction": page([{**post.show(1, 11), "seqno": 11.5}]),
        "the cursor": page([post.show(1, 10)]),
        "below the cursor": page([post.show(1, 9)]),
        "zero": page([post.show(1, 0)]),
        "a tombstone at the cursor": page([tombstone(1, 10)]),
        "above 2^53 - 1": page([post.show(1, 2**53)]),
        "id 0": page([post.show(0, 11)]),
        "an id above 2^53 - 1": page([post.show(2**53, 11)]),
        "the same number twice": page([post.show(1, 11), tombstone(2, 11)]),
        "numbers that descend": page([post.show(1, 12), tombstone(2, 11)]),
        "good ones, then the cursor": page([post.show(1, 11), tombstone(2, 12), tombstone(3, 10)]),
    }
