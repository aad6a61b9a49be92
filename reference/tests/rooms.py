"""An open-group server in this process, with one moderator, which notes every byte that it gets; and the network around it."""

import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from cloister import (
    errors,
    identity,
    mailbox,
    open_group,
    open_group_batch,
    open_group_bodies,
    open_group_queries,
    open_group_rights,
    room,
    server_id,
    server_onion,
    signed_request,
    wire,
)
from cloister.mailbox import Letter, Mailbox
from cloister.network import Client, Received, Stored
from cloister.network_client import NetworkState
from cloister.onion import Server
from cloister.server_onion import ServerReply
from cloister.signed_request import Refusal, Request

NOW_MS = 1_600_000_000_000
JSON = {"content-type": "application/json"}


@dataclass
class HeldRoom:
    """A room of the server; accounts are account ids."""

    token: str
    is_whitelist: bool = False
    invitation: str = ""
    sequence: int = 0
    info_updates: int = 0
    messages: dict[int, dict[str, Any]] = field(default_factory=dict)
    files: dict[int, bytes] = field(default_factory=dict)
    approved: set[str] = field(default_factory=set)
    joined: set[str] = field(default_factory=set)
    banned: set[str] = field(default_factory=set)


class House:
    """The server: what it holds, and what it was asked."""

    def __init__(self, operator: str = "") -> None:
        self.pair = identity.derive_identity(hashlib.sha256(b"house").digest())
        self.key = self.pair.public[1:]
        self.operator = operator
        self.rooms: dict[str, HeldRoom] = {}
        self.payloads: list[bytes] = []
        self.nonces: set[bytes] = set()
        self.tamper: Callable[[Request, ServerReply], ServerReply] = lambda _, reply: reply

    def open_room(self, token: str, *, is_whitelist: bool = False) -> room.RoomLink:
        """Make a room, as the operator does; return its link."""
        self.rooms[token] = HeldRoom(token=token, is_whitelist=is_whitelist)
        return room.RoomLink(protocol="http", host="house.example", port=80, room=token, server_key=self.key)

    def serve(self, payload: bytes) -> ServerReply:
        """Answer a payload as it comes out of the onion."""
        self.payloads.append(payload)
        request = server_onion.decode_request(payload)
        try:
            signed_request.check_target(request)
            found = signed_request.read_signature(request.headers, blinding_required=True)
            assert found is not None, "a client signs all that it sends"
            signed_request.check_signature(found, request, server_key=self.key, now_s=NOW_MS // 1000)
            assert found.nonce not in self.nonces, "a nonce was used twice"
            self.nonces.add(found.nonce)
            reply = self.answer(found.id.hex(), request)
        except Refusal as refusal:
            reply = ServerReply(status=refusal.status, body=refusal.reason.encode())
        return self.tamper(request, reply)

    def answer(self, asker: str, request: Request) -> ServerReply:
        """Answer a request of an id."""
        if not open_group_batch.is_batch(request):
            return self.do(asker, request)
        parts = []
        for part in open_group_batch.decode_batch(request.body):
            try:
                reply = self.do(asker, part)
            except Refusal as refusal:
                reply = ServerReply(status=refusal.status, body=refusal.reason.encode())
            parts.append(open_group_batch.describe_part(reply.status, reply.headers, reply.body))
            if request.target == "/sequence" and reply.status > 299:
                break
        return ServerReply(status=200, headers=JSON, body=json.dumps(parts).encode())

    def find_account(self, any_id: str) -> str:
        """The account id of an id."""
        return server_id.decode_id(any_id, server_key=self.key).hex()

    def do(self, asker: str, request: Request) -> ServerReply:
        """Do a request, by its endpoint."""
        endpoint, names = open_group.find_endpoint(request)
        account = self.find_account(asker)
        members = json.loads(request.body) if request.headers.get("content-type") == JSON["content-type"] else {}
        if "room" not in names:
            (token,) = members["rooms"]
            self.must_moderate(account)
            change = set.add if endpoint.path.endswith("/ban") else set.discard
            change(self.rooms[token].banned, self.find_account(names["id"]))
            return give({})
        held = self.rooms.get(names["room"])
        if held is None:
            raise Refusal(404, open_group_rights.NO_SUCH_ROOM)
        if endpoint.path.endswith("/join"):
            if account not in held.approved or members["invitation"] != held.invitation:
                raise Refusal(404, open_group_rights.NO_SUCH_ROOM)
            held.joined.add(account)
            return give({})
        if held.is_whitelist and account != self.operator and account not in held.approved & held.joined:
            raise Refusal(404, open_group_rights.NO_SUCH_ROOM)
        if account in held.banned:
            raise Refusal(403, "banned in this room")
        return self.do_in_room(
            held, asker, (endpoint.method, endpoint.path.removeprefix("/room/{room}")), names, request
        )

    def must_moderate(self, account: str) -> None:
        if account != self.operator:
            raise Refusal(403, "only for a moderator")

    def do_in_room(
        self, held: HeldRoom, asker: str, what: tuple[str, str], names: dict[str, str], request: Request
    ) -> ServerReply:
        """Do a request in a room that may be done."""
        match what:
            case "GET", "":
                return give(self.describe(held))
            case "GET", "/pollInfo/{number}":
                info = {"token": held.token, "active_users": 1, "read": True, "write": True, "upload": True}
                changed = int(names["number"]) != held.info_updates
                return give({**info, "details": self.describe(held)} if changed else info)
            case "GET", "/messages/recent":
                shown = [message for message in held.messages.values() if "deleted" not in message]
                return give(sorted(shown, key=lambda message: -message["id"])[:3])
            case "GET", "/messages/since/{number}":
                shown = [message for message in held.messages.values() if message["seqno"] > int(names["number"])]
                return give(sorted(shown, key=lambda message: message["seqno"])[:3])
            case "GET", "/file/{file}":
                return ServerReply(status=200, headers={"content-type": "x"}, body=held.files[int(names["file"])])
            case "POST", "/message":
                return give(self.put(held, len(held.messages) + 1, asker, request.body), status=201)
            case "PUT", "/message/{message}":
                return give(self.put(held, int(names["message"]), asker, request.body))
            case "DELETE", "/message/{message}":
                held.sequence += 1
                tombstone = {"id": int(names["message"]), "seqno": held.sequence, "data": None, "deleted": True}
                held.messages[int(names["message"])] = tombstone
                return give({})
            case "POST", "/file":
                assert open_group_queries.read_file_name(request.headers["content-disposition"]) == "hut.png"
                held.files[len(held.files) + 1] = request.body
                return give({"id": len(held.files)}, status=201)
            case "POST", "/permissions/{id}":
                self.must_moderate(self.find_account(asker))
                assert json.loads(request.body) == dict.fromkeys(open_group_rights.FLAGS, True)
                held.approved.add(self.find_account(names["id"]))
                return give({})
            case "POST", "/invitation":
                self.must_moderate(self.find_account(asker))
                held.invitation = secrets.token_hex(32)
                return give({"invitation": held.invitation}, status=201)
        raise Refusal(405, "not here")

    def put(self, held: HeldRoom, message_id: int, author: str, body: bytes) -> dict[str, Any]:
        """Put a message into its place."""
        held.sequence += 1
        post = open_group_bodies.decode_post(body)
        held.messages[message_id] = {
            "id": message_id,
            "session_id": author,
            "posted": NOW_MS / 1000,
            "seqno": held.sequence,
            "data": wire.encode_base64(post.data),
            "signature": wire.encode_base64(post.signature),
        }
        return held.messages[message_id]

    def describe(self, held: HeldRoom) -> dict[str, Any]:
        """What a room is."""
        return {
            "token": held.token,
            "name": held.token.title(),
            "info_updates": held.info_updates,
            "message_sequence": held.sequence,
            "active_users": 1,
            "invitation_required": held.is_whitelist,
            "read": True,
            "write": True,
            "upload": True,
        }


def give(value: Any, status: int = 200) -> ServerReply:
    """An answer in JSON."""
    return ServerReply(status=status, headers=JSON, body=json.dumps(value).encode())


class Town(Client):
    """The client of a network in this process: `held` is what all store, the house is the one server."""

    def __init__(self, held: dict[str, list[Letter]], house: House, state: NetworkState | None = None) -> None:
        self.held = held
        self.house = house
        self.state = state or NetworkState()
        self.random = secrets.token_bytes

    async def __aexit__(self, *_: object) -> None:
        pass

    async def store(self, recipient: str, data: str, *, ttl_ms: int) -> Stored:
        held = self.held.setdefault(recipient, [])
        hashed = hashlib.sha512(f"{recipient} {len(held)}".encode()).hexdigest()
        held.append(Letter(hash=hashed, expiration_ms=NOW_MS + ttl_ms, data=data))
        return Stored(hash="", nodes=())

    async def retrieve(self, recipient: str, box: Mailbox) -> AsyncIterator[Received]:
        held, cursor = self.held.get(recipient, []), mailbox.find_cursor(box, "aa" * 32)
        start = next((place + 1 for place, letter in enumerate(held) if letter.hash == cursor), 0)
        if held[start:]:
            box, letters = mailbox.take_letters(box, "aa" * 32, held[start:], now_ms=NOW_MS)
            yield Received(mailbox=box, letters=tuple(letters))

    async def request_server(self, server: Server, sign: Callable[[], Request]) -> ServerReply:
        if server.x25519_key != self.house.pair.public:
            raise errors.NoReply(reason="Loki Server error")
        return self.house.serve(server_onion.encode_request(sign()))
