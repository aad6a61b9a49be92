"""Chapter 11: onion requests to a server over three nodes, and its replies."""

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made import open_group_faults as faults
from cloister_conformance.hand_made.onion_requests import HOPS, IV_BYTES, SERVER_PAIR, Layer, wrap_for_server
from cloister_conformance.hand_made.open_groups import (
    HOST,
    ROUTING,
    TARGET,
    make_account,
    seal_reply,
    write_payload,
    write_reply,
)
from cloister_conformance.vector_files.cases import Group, Json, answered
from cloister_conformance.vector_files.onion_requests.layers import action_step, peel_step, relay_steps, stages

URL = f"https://{HOST}:443{TARGET}"
REPLY_KEY = material.derive_bytes("open groups reply key")
REPLIES: tuple[tuple[int, dict[str, str], bytes], ...] = (
    (200, {"content-type": "application/json"}, b"[]"),
    (201, {"content-type": "application/json"}, b'{"id":7,"seqno":9}'),
    (404, {"content-type": "text/plain"}, b"no such room"),
    (200, {}, bytes(range(256))),
    (206, {"content-range": "bytes 0-0/2"}, b"e"),
)


def server_steps(
    layer: Layer, body: bytes, asked: Json, label: object, reply: tuple[int, dict[str, str], bytes]
) -> list[Json]:
    """The steps of a server: it opens, decodes and answers; and that of the client that opens the reply."""
    status, headers, answer = reply
    iv = material.derive_bytes(f"open groups reply {label}", IV_BYTES)
    said = {"status": status, "headers": headers, "body": answer.hex()}
    plaintext = write_reply(status, answer, headers)
    sealed = seal_reply(layer.key, plaintext, label)
    opened = {"layer": "server", "private_key": SERVER_PAIR.private, "body": body}
    return [
        answered("server_onion.open_request", opened, {"plaintext": layer.plaintext.hex()}, stages(layer)),
        answered("server_onion.decode_request", {"plaintext": layer.plaintext}, asked),
        answered(
            "server_onion.seal_reply",
            {"layer": "server", **said, "iv": iv},
            {"sealed": sealed.hex()},
            {"plaintext": plaintext},
        ),
        answered("server_onion.open_reply_with", {"reply_key": layer.key, "sealed": sealed}, said),
    ]


def staged() -> Group:
    """Signed requests over three nodes, with the replies."""
    group = Group("ServerOnion", "server_onion.open_request")
    for number, (method, target, body) in enumerate(
        (
            ("GET", "/room/tea/messages/since/0?limit=5", b""),
            ("POST", "/room/tea/message", b'{"data":"aGVsbG8=","signature":""}'),
            ("DELETE", "/room/none/message/7", b""),
            ("GET", "/room/tea/file/3", b""),
            ("POST", "/room/tea/file", bytes(range(256))),
        )
    ):
        account = make_account(f"asker {number}")
        signed = faults.sign_request(account, method=method, target=target, body=body)
        names = ("x-sogs-pubkey", "x-sogs-nonce", "x-sogs-timestamp", "x-sogs-signature")
        headers = dict(zip(names, (signed[name] for name in faults.HEADERS), strict=True))
        payload = write_payload(method, target, body, headers=headers)
        layers = wrap_for_server(payload, routing=ROUTING, label=f"open groups {number}")
        exit_layer = layers[2]
        steps = [*relay_steps(layers[:2]), peel_step(exit_layer, HOPS[2].pair.private)]
        steps.append(action_step(exit_layer.plaintext, kind="server", to=URL, body=exit_layer.plaintext.hex()))
        asked = {"method": method, "target": target, "headers": headers, "body": body.hex()}
        steps += server_steps(layers[3], exit_layer.plaintext, asked, number, REPLIES[number])
        steps.append(answered("signed_request.check", signed, {"status": 200, "account_id": account.account_id}))
        group.scenario(f"{method} {target}", "Staged", "OG-63 OG-64 OG-68 OR-6", steps)
    return group


def opened() -> Group:
    """Onion requests that a server opens, or cannot open."""
    group = Group("OpenedRequest", "server_onion.open_request")
    for comment, control in faults.good_controls().items():
        expected = {"plaintext": faults.PAYLOAD.hex()}
        body = faults.beside(control)
        group.valid(
            comment, "Control", "OG-64", expected=expected, layer="layer", private_key=faults.PRIVATE, body=body
        )
    for comment, body in faults.unopened().items():
        inputs = {"layer": "layer", "private_key": faults.PRIVATE, "body": body}
        group.invalid(comment, "DecryptionFailed", "Unopened", "OG-64", **inputs)
    return group


def payloads() -> Group:
    """Payloads of onion requests."""
    group = Group("Payload", "server_onion.decode_request")
    for comment, (payload, asked) in faults.good_payloads().items():
        group.valid(comment, "Payload", "OG-64", expected=asked, plaintext=payload)
    for comment, payload in faults.bad_payloads().items():
        group.invalid(comment, "InvalidMessage", "PayloadForm", "OG-64", plaintext=payload)
    return group


def replies() -> Group:
    """Replies that a client opens."""
    group = Group("ServerReply", "server_onion.open_reply_with")
    for number, (status, headers, body) in enumerate(REPLIES):
        plaintext = write_reply(status, body, headers)
        sealed = seal_reply(REPLY_KEY, plaintext, f"opened {number}")
        said = {"status": status, "headers": headers, "body": body.hex()}
        shown = {"iv": sealed[:IV_BYTES], "plaintext": plaintext}
        comment = f"status {status}, {len(body)} bytes"
        group.valid(comment, "Reply", "OG-70", expected=said, intermediates=shown, reply_key=REPLY_KEY, sealed=sealed)
    sealed = seal_reply(REPLY_KEY, write_reply(201, b"x"))
    for index in (0, 11, 12, 20, len(sealed) - 16, len(sealed) - 1):
        damaged = sealed[:index] + bytes([sealed[index] ^ 4]) + sealed[index + 1 :]
        inputs = {"reply_key": REPLY_KEY, "sealed": damaged}
        group.invalid(f"byte {index} changed", "DecryptionFailed", "Unopened", "OG-70", **inputs)
    for comment, damaged in {
        "empty": b"",
        "27 bytes": sealed[:27],
        "without its last byte": sealed[:-1],
        "sealed with another key": seal_reply(bytes(32), write_reply(201, b"x")),
        "in the clear": write_reply(201, b"x"),
    }.items():
        group.invalid(comment, "DecryptionFailed", "Unopened", "OG-70", reply_key=REPLY_KEY, sealed=damaged)
    for comment, plaintext in faults.bad_replies().items():
        sealed = seal_reply(REPLY_KEY, plaintext, comment)
        inputs = {"reply_key": REPLY_KEY, "sealed": sealed}
        group.invalid(f"decrypts to: {comment}", "InvalidMessage", "ReplyForm", "OG-70", **inputs)
    return group
