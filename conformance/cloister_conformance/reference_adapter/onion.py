"""Chapter 08, requests, layers and replies, behind the adapter protocol."""

from dataclasses import dataclass, field

from cloister import identity, onion, sealing, swarm, wire

from cloister_conformance.protocol import onion as messages
from cloister_conformance.protocol import sender_keys as frames
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.reference_adapter.handles import Handles


@dataclass(frozen=True, slots=True)
class ReplyKey:
    """What the handle of a request stands for."""

    key: bytes = field(repr=False)


def build_node(hop: messages.Hop) -> swarm.Node:
    """Build a node of the reference; where it is reached does not matter here."""
    identity.decode_public_key(sealing.KEY_TYPE + hop.pubkey_x25519)
    return swarm.Node(
        pubkey_ed25519=hop.pubkey_ed25519.hex(), pubkey_x25519=hop.pubkey_x25519.hex(), ip="192.0.2.1", port="22021"
    )


def build_server(server: messages.Server) -> onion.Server:
    """Build a server of the reference."""
    key = identity.decode_public_key(sealing.KEY_TYPE + server.pubkey_x25519)
    return onion.Server(
        host=server.host, target=server.target, protocol=server.protocol, port=server.port, x25519_key=key
    )


def find_destination(params: messages.Build) -> swarm.Node | onion.Server:
    """Find the destination of a request."""
    if params.node is not None:
        return build_node(params.node)
    assert params.server is not None, "a request has a destination"
    return build_server(params.server)


def draw(randoms: list[bytes] | None, random: wire.Random) -> wire.Random:
    """Return the source of ephemeral keys and IVs: those that the harness gives, the innermost first, or random ones."""
    if randoms is None:
        return random
    size = identity.PRIVATE_KEY_BYTES
    parts = iter([part for given in reversed(randoms) for part in (given[:size], given[size:])])
    return lambda size: next(parts)


def build(params: messages.Build, handles: Handles) -> messages.Body:
    path = [build_node(hop) for hop in params.path]
    built = onion.build(path, find_destination(params), params.payload, draw(params.randoms, handles.random))
    handles.put(params.request, ReplyKey(built.reply_key))
    return messages.Body(body=built.body)


def open_reply(params: messages.OpenReply, handles: Handles) -> messages.Reply:
    key = handles.get(params.request, ReplyKey).key
    return open_reply_with(messages.OpenReplyWith(reply_key=key, answer=params.answer), handles)


def open_reply_with(params: messages.OpenReplyWith, handles: Handles) -> messages.Reply:
    reply = onion.open_reply(params.reply_key, params.answer)
    return messages.Reply(status=reply.status, body=reply.body)


def peel(params: messages.Peel, handles: Handles) -> frames.Plaintext:
    peeled = onion.peel(identity.decode_private_key(params.private_key), params.body)
    handles.put(params.layer, peeled)
    return frames.Plaintext(plaintext=peeled.plaintext)


def seal_reply(params: messages.SealReply, handles: Handles) -> messages.Answer:
    key = handles.get(params.layer, onion.Peeled).key
    iv = params.iv
    random = handles.random if iv is None else lambda size: iv
    return messages.Answer(answer=onion.seal_reply(key, onion.Reply(status=params.status, body=params.body), random))


def read_action(params: frames.Plaintext, handles: Handles) -> messages.Action:
    action = onion.read_action(params.plaintext)
    match action:
        case onion.ForThisNode():
            return messages.Action(kind="this node", to="", body=action.payload)
        case onion.ForNode():
            return messages.Action(kind="node", to=action.destination, body=action.body)
        case onion.ForServer():
            host = f"[{action.host}]" if ":" in action.host else action.host
            url = f"{action.protocol}://{host}:{action.port}{action.target}"
            return messages.Action(kind="server", to=url, body=action.body)


def check_target(params: messages.Target, handles: Handles) -> Nothing:
    onion.check_target(params.target)
    return Nothing()


def check_address(params: messages.Address, handles: Handles) -> Nothing:
    onion.check_address(params.address)
    return Nothing()
