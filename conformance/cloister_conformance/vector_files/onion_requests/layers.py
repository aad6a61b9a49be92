"""Chapter 08: onions that are peeled hop by hop, layers that cannot be decrypted, and what is to be done with a layer."""

import hmac
from collections.abc import Sequence

from cloister import identity

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made import onion_faults as faults
from cloister_conformance.hand_made.onion_requests import (
    FOR_THIS_NODE,
    HOPS,
    IV_BYTES,
    NODE,
    SERVER,
    SERVER_PAIR,
    Layer,
    agree,
    decrypt,
    read_frame,
    wrap_for_node,
    wrap_for_server,
    write_frame,
)
from cloister_conformance.vector_files.cases import Group, Json, answered

URL = "https://open.example.org:443/loki/v3/lsrpc"
UPSTREAM_NODE = "8fcd8ad3a15c76f76f1c56dff0c529999f8c59b4acda79e05666e54d5727dca1"
UPSTREAM_CLIENT = "bbdfc83022d0aff084a6f0c529a93d1c4d728bf7e41199afed0e01ae70d20540"
UPSTREAM_BLOB = "1eb6ae1cd72f60999486365749bd5dc15cc0b6a2a44d7d063daa5e93722f0c025fd00306403b61"


def stages(layer: Layer) -> dict[str, bytes]:
    """The values on the way to the plaintext of a layer."""
    return {
        "ephemeral_key": layer.ephemeral.public[1:],
        "agreement": layer.agreement,
        "layer_key": layer.key,
        "iv": layer.iv,
    }


def peel_step(layer: Layer, private: bytes) -> Json:
    """A step that peels a layer."""
    inputs = {"layer": "layer", "private_key": private, "body": layer.body}
    return answered("onion.peel", inputs, {"plaintext": layer.plaintext.hex()}, stages(layer))


def action_step(plaintext: bytes, **expected: str) -> Json:
    """A step that reads what is to be done."""
    return answered("onion.read_action", {"plaintext": plaintext}, expected)


def relay_steps(layers: Sequence[Layer]) -> list[Json]:
    """The steps of the nodes that send an onion on to nodes; how the control beside it is spelled is not fixed, so the body is left out."""
    steps = []
    for hop, layer in zip(HOPS, layers, strict=False):
        _, control = read_frame(layer.plaintext)
        steps.append(peel_step(layer, hop.pair.private))
        steps.append(action_step(layer.plaintext, kind="node", to=control["destination"]))
    return steps


def staged() -> Group:
    """Onions over up to three nodes, to a node and to a server."""
    group = Group("Onion", "onion.peel")
    for length in range(4):
        for size in (0, 1, 66, 255, 256):
            payload = material.derive_bytes("onion payload", size)
            layers = wrap_for_node(payload, HOPS[:length], label=f"{length} {size}")
            last = layers[-1]
            steps = [*relay_steps(layers[:-1]), peel_step(last, NODE.pair.private)]
            steps.append(action_step(last.plaintext, kind="this node", to="", body=payload.hex()))
            comment = f"over {length} nodes to a node, payload of {size} bytes"
            group.scenario(comment, "Staged", "OR-2 OR-3 OR-4 OR-5 OR-6", steps)
    for length in range(1, 4):
        for size in (0, 1, 66, 256):
            payload = material.derive_bytes("onion payload", size)
            layers = wrap_for_server(payload, HOPS[:length], label=f"server {length} {size}")
            exit_layer = layers[length - 1]
            steps = [*relay_steps(layers[: length - 1]), peel_step(exit_layer, HOPS[length - 1].pair.private)]
            steps.append(action_step(exit_layer.plaintext, kind="server", to=URL, body=exit_layer.plaintext.hex()))
            steps.append(peel_whole(layers[-1], exit_layer.plaintext))
            comment = f"over {length} nodes to a server, payload of {size} bytes"
            group.scenario(comment, "Staged", "OR-2 OR-3 OR-4 OR-5 OR-6", steps)
    return group


def peel_whole(layer: Layer, body: bytes) -> Json:
    """A step in which a server peels what an exit sent it, the whole layer of the exit."""
    inputs = {"layer": "layer", "private_key": SERVER_PAIR.private, "body": body}
    return answered("onion.peel", inputs, {"plaintext": layer.plaintext.hex()}, stages(layer))


def published() -> Group:
    """The layer cipher as in the tests of libsession-util, which encrypt a text that is no frame."""
    source = {"name": "libsession-util, tests/test_onionreq.cpp", "version": "8762e9d"}
    group = Group("PublishedLayer", "onion.peel", source=source)
    blob, client = bytes.fromhex(UPSTREAM_BLOB), bytes.fromhex(UPSTREAM_CLIENT)
    private = identity.clamp(bytes.fromhex(UPSTREAM_NODE))
    agreement = agree(private, client)
    key = hmac.digest(b"LOKI", agreement, "sha256")
    body = write_frame(blob, {"ephemeral_key": client.hex()})
    shown = {
        "ephemeral_key": client,
        "agreement": agreement,
        "layer_key": key,
        "iv": blob[:IV_BYTES],
        "ciphertext": blob,
    }
    inputs: Json = {"layer": "layer", "private_key": private}
    expected = {"plaintext": decrypt(key, blob).hex()}
    group.valid("Hello world", "Published", "OR-7", expected=expected, intermediates=shown, body=body, **inputs)
    for index in (0, 11, 12, 22, 23, 38):
        damaged = blob[:index] + bytes([blob[index] ^ 8]) + blob[index + 1 :]
        body = write_frame(damaged, {"ephemeral_key": client.hex()})
        group.invalid(f"byte {index} changed", "DecryptionFailed", "Tampered", "OR-7", body=body, **inputs)
    return group


def undecryptable() -> Group:
    """Bodies that a node cannot decrypt, for each of three hops."""
    group = Group("Undecryptable", "onion.peel")
    inputs: Json = {"layer": "layer", "private_key": faults.PRIVATE}
    expected = {"plaintext": faults.PLAINTEXT.hex()}
    good = faults.GOOD
    group.valid("a good one", "Staged", "OR-7", expected=expected, intermediates=stages(good), body=good.body, **inputs)
    for kinds, flag in (
        (faults.bad_frames(), "Frame"),
        (
            {
                name: faults.beside(text)
                for name, text in faults.bad_controls({"ephemeral_key": good.ephemeral_key}).items()
            },
            "Frame",
        ),
        ({**faults.bad_ephemeral_texts(), **faults.bad_ephemeral_keys()}, "EphemeralKey"),
        (faults.bad_ciphertexts(), "Tampered"),
    ):
        for name, body in kinds.items():
            if len(body) < 50_000:  # the control that is nested without end is no text to be printed
                group.invalid(name, "DecryptionFailed", flag, "OR-7", body=body, **inputs)
    layers = wrap_for_node(b"a payload", label="tampered")
    for place, (hop, layer) in enumerate(zip((*HOPS, NODE), layers, strict=True)):
        inputs = {"layer": "layer", "private_key": hop.pair.private}
        for index in range(4, 4 + len(layer.ciphertext), max(1, len(layer.ciphertext) // 12)):
            body = layer.body[:index] + bytes([layer.body[index] ^ 1 << place]) + layer.body[index + 1 :]
            group.invalid(
                f"hop {place + 1}, byte {index} changed", "DecryptionFailed", "Tampered", "OR-7", body=body, **inputs
            )
        other = layers[place - 1]
        comment = f"hop {place + 1}, given the layer of another hop"
        group.invalid(comment, "DecryptionFailed", "Tampered", "OR-7", body=other.body, **inputs)
    return group


def actions() -> Group:
    """Which member of a control decides."""
    group = Group("Action", "onion.read_action")
    data, node, server = faults.DATA, faults.TO_NODE, faults.TO_SERVER
    for comment, control in (
        ("headers", FOR_THIS_NODE),
        ("headers, an object", {"headers": {"x": 1}}),
        ("headers, null", {"headers": None}),
        ("headers and host", {**server, "headers": ""}),
        ("headers and destination", {**node, "headers": ""}),
        ("headers, host and destination", {**node, **server, "headers": ""}),
        ("headers and a host that is no text", {"host": 7, "headers": ""}),
    ):
        expected = {"kind": "this node", "to": "", "body": data.hex()}
        group.valid(comment, "Order", "OR-6", expected=expected, plaintext=write_frame(data, control))
    for comment, control in (
        ("host", server),
        ("host and destination", {**node, **server}),
        ("host behind destination", {**node, "host": server["host"], **server}),
        ("host and a destination that is no text", {**server, "destination": 7}),
    ):
        plaintext = write_frame(data, control)
        expected = {"kind": "server", "to": URL, "body": plaintext.hex()}
        group.valid(comment, "Order", "OR-6", expected=expected, plaintext=plaintext)
    for comment, control in (
        ("destination", node),
        ("destination and other members", {**node, "hop_no": 3, "target": "/", "port": 0}),
    ):
        expected = {"kind": "node", "to": node["destination"]}
        group.valid(comment, "Order", "OR-6", expected=expected, plaintext=write_frame(data, control))
    return group


def published_actions() -> Group:
    """The frames in the tests of the storage server."""
    source = {"name": "oxen-storage-server, unit_test/onion_requests.cpp", "version": "c3b96a2"}
    group = Group("PublishedAction", "onion.read_action", source=source)
    data = b"ciphertext"
    plaintext = bytes.fromhex("0a000000") + data + b'{"headers":"something"}'
    expected = {"kind": "this node", "to": "", "body": data.hex()}
    group.valid("headers", "Published", "OR-3 OR-6", expected=expected, plaintext=plaintext)
    for target in ("/loki/v3/lsrpc", "/oxen/v3/lsrpc", "/loki/oxen/v4/lsrpc"):
        control = {**SERVER, "host": "host", "target": target, "ephemeral_key": faults.GOOD.ephemeral_key}
        plaintext = write_frame(data, {name: control[name] for name in ("host", "target", "method", "ephemeral_key")})
        expected = {"kind": "server", "to": f"https://host:443{target}", "body": plaintext.hex()}
        group.valid(f"target {target}", "Published Target", "OR-6 OR-18", expected=expected, plaintext=plaintext)
    for target in ("/not_loki/v3/lsrpc", "/loki/v3", "/loki/v3/lsrpc?foo=bar"):
        plaintext = write_frame(data, {**faults.TO_SERVER, "target": target})
        group.invalid(f"target {target}", "ForbiddenTarget", "Target", "OR-18", plaintext=plaintext)
    return group


def malformed() -> Group:
    """Layers of another form."""
    group = Group("Malformed", "onion.read_action")
    members = {name: write_frame(faults.DATA, control) for name, control in faults.invalid_controls().items()}
    for name, plaintext in faults.invalid_plaintexts().items():
        if len(plaintext) < 50_000:
            flag, clauses = ("Members", "OR-8") if name in members else ("Frame", "OR-3 OR-8")
            group.invalid(name, "InvalidMessage", flag, clauses, plaintext=plaintext)
    return group
