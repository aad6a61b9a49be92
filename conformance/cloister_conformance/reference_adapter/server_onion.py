"""Chapter 11, onion requests to a server, behind the adapter protocol."""

from cloister import identity, onion, room, server_onion
from cloister.server_onion import ServerReply
from cloister.signed_request import Request

from cloister_conformance.protocol import sender_keys as frames
from cloister_conformance.protocol import server_onion as messages
from cloister_conformance.protocol.onion import Body, Peel
from cloister_conformance.reference_adapter.handles import Handles
from cloister_conformance.reference_adapter.onion import ReplyKey, build_node, draw


def build(params: messages.Build, handles: Handles) -> Body:
    server = room.find_server(room.decode_link(params.link))
    request = Request(method=params.method, target=params.target, headers=params.headers, body=params.body)
    path = [build_node(hop) for hop in params.path]
    payload = server_onion.encode_request(request)
    built = onion.build(path, server, payload, draw(params.randoms, handles.random))
    handles.put(params.request, ReplyKey(built.reply_key))
    return Body(body=built.body)


def describe(reply: ServerReply) -> messages.ServerReply:
    """Describe a reply."""
    return messages.ServerReply(status=reply.status, headers=dict(reply.headers), body=reply.body)


def open_reply(params: messages.OpenReply, handles: Handles) -> messages.ServerReply:
    reply = server_onion.open_reply(handles.get(params.request, ReplyKey).key, params.sealed)
    server_onion.check_success(reply)
    return describe(reply)


def open_reply_with(params: messages.OpenReplyWith, handles: Handles) -> messages.ServerReply:
    return describe(server_onion.open_reply(params.reply_key, params.sealed))


def open_request(params: Peel, handles: Handles) -> frames.Plaintext:
    peeled = server_onion.open_request(identity.decode_private_key(params.private_key), params.body)
    handles.put(params.layer, peeled)
    return frames.Plaintext(plaintext=peeled.plaintext)


def decode_request(params: frames.Plaintext, handles: Handles) -> messages.ServerRequest:
    request = server_onion.decode_request(params.plaintext)
    return messages.ServerRequest(
        method=request.method, target=request.target, headers=dict(request.headers), body=request.body
    )


def seal_reply(params: messages.SealReply, handles: Handles) -> messages.SealedReply:
    key = handles.get(params.layer, onion.Peeled).key
    iv = params.iv
    random = handles.random if iv is None else lambda size: iv
    reply = ServerReply(status=params.status, headers=params.headers, body=params.body)
    return messages.SealedReply(sealed=server_onion.seal_reply(key, reply, random))
