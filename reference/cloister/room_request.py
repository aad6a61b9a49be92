r"""Chapter 11, sixth part: what a client asks of an open-group server, and what it reads out of the answers.

- A request is built here unsigned; `signed_request` signs it, and the shell `cloister.network` sends it by onion request.
- Answers are unverified: each is read into a value, or refused.

    >>> build_since("tea", 7).target
    '/room/tea/messages/since/7?limit=256'
    >>> read_file_id(ServerReply(status=201, body=b'{"id": 3}'))
    3
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import quote

from cloister import errors, room, room_post, server_onion, wire
from cloister.identity import PublicKey
from cloister.room import Post, RoomEvent, RoomLink, RoomView
from cloister.room_post import MAX_FILE_BYTES, RoomContent, RoomFile
from cloister.server_id import SigningId
from cloister.server_onion import ServerReply
from cloister.signed_request import Request

MAX_BATCH = 100
FLAGS = ("read", "accessible", "write", "upload")
JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomInfo:
    """What a server says of a room, and of what the asker may do there."""

    name: str
    description: str
    info_updates: int
    message_sequence: int
    active_users: int
    invitation_required: bool
    read: bool
    write: bool
    upload: bool
    moderator: bool
    admin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRoom:
    """A room that a client has joined: its link without invitation, what the server last said of it, and the view.

    `refused` is the status with which the server last refused to show it.
    """

    link: RoomLink
    info: RoomInfo
    view: RoomView
    refused: int | None = None

    @property
    def address(self) -> str:
        """The link, by which the room is known."""
        return room.encode_link(self.link)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomNews:
    """Something to tell the user of a room, which is named by its address.

    A post is new, edited or deleted; it, or the whole room, is refused, by the client with an error or by the server with a status.
    """

    address: str
    kind: Literal["post", "deletion", "refusal", "refusal by server"]
    id: int | None = None
    post: Post | None = None
    error: str = ""
    reason: str = ""
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PollInfo:
    """What a server says of a room at a poll; `details` is the room if it has changed."""

    active_users: int
    read: bool
    write: bool
    upload: bool
    details: RoomInfo | None = None


# Requests of a reader


def build_json(method: str, target: str, value: Mapping[str, Any]) -> Request:
    """Build a request whose body is a JSON object."""
    return Request(method=method, target=target, headers=JSON, body=json.dumps(value).encode())


def build_join(token: str, invitation: bytes) -> Request:
    """Build the joining of a room that requires an invitation."""
    return build_json("POST", f"/room/{token}/join", {"invitation": invitation.hex()})


def build_room(token: str) -> Request:
    """Build the question what a room is."""
    return Request(method="GET", target=f"/room/{token}")


def build_recent(token: str) -> Request:
    """Build the question for the newest messages."""
    return Request(method="GET", target=f"/room/{token}/messages/recent?limit={room.MAX_PAGE}")


def build_since(token: str, cursor: int) -> Request:
    """Build the question for what is behind a cursor."""
    return Request(method="GET", target=f"/room/{token}/messages/since/{cursor}?limit={room.MAX_PAGE}")


def build_poll_info(token: str, info_updates: int) -> Request:
    """Build the question how a room is, and what it is if that has changed."""
    return Request(method="GET", target=f"/room/{token}/pollInfo/{info_updates}")


def build_poll(known: KnownRoom) -> tuple[Request, Request]:
    """Build the two questions of a poll."""
    token = known.link.room
    return build_since(token, known.view.cursor), build_poll_info(token, known.info.info_updates)


def build_download(token: str, file_id: int) -> Request:
    """Build the question for the bytes of a file."""
    return Request(method="GET", target=f"/room/{token}/file/{file_id}")


# Requests of a writer


def build_upload(token: str, name: str, data: bytes) -> Request:
    """Build the upload of a file; without a name it has none.

    Raises:
        TooLarge: it is longer than `MAX_FILE_BYTES`.
    """
    if len(data) > MAX_FILE_BYTES:
        raise errors.TooLarge(what="file", limit=MAX_FILE_BYTES, got=len(data))
    named = f"; filename*=UTF-8''{quote(name, safe='')}" if name else ""
    headers = {"content-type": "application/octet-stream", "content-disposition": f"attachment{named}"}
    return Request(method="POST", target=f"/room/{token}/file", headers=headers, body=data)


def build_post(signer: SigningId, content: RoomContent, random: wire.Random) -> Request:
    """Build a post.

    Raises:
        TooLarge, OutOfRange, InvalidMessage: as `encode_post`.
    Clauses: OG-77
    """
    return build_json("POST", f"/room/{content.room}/message", encode_post(signer, content, random))


def build_edit(signer: SigningId, message_id: int, content: RoomContent, random: wire.Random) -> Request:
    """Build the edit of a post, whose content was made by `revise`.

    Raises:
        TooLarge, OutOfRange, InvalidMessage: as `encode_post`.
    Clauses: OG-77
    """
    return build_json("PUT", f"/room/{content.room}/message/{message_id}", encode_post(signer, content, random))


def encode_post(signer: SigningId, content: RoomContent, random: wire.Random) -> dict[str, Any]:
    """Encode the body of a post or an edit.

    Raises:
        InvalidMessage: there is neither text nor file, which every reader would refuse.
        TooLarge, OutOfRange: as `room_post.write_post`.
    Clauses: OG-77
    """
    if not content.text and not content.files:
        raise errors.InvalidMessage(reason="there is neither text nor file")
    data, signature = room_post.write_post(signer, content, random)
    body = {"data": wire.encode_base64(data), "signature": wire.encode_base64(signature)}
    return {**body, "files": [file.id for file in content.files]} if content.files else body


def revise(content: RoomContent, *, text: str, files: Sequence[RoomFile]) -> RoomContent:
    """Revise a content: the time stays, the revision is the next."""
    return replace(content, revision=content.revision + 1, text=text, files=tuple(files))


def build_delete(token: str, message_id: int) -> Request:
    """Build the deletion of a message."""
    return Request(method="DELETE", target=f"/room/{token}/message/{message_id}")


def build_delete_all(token: str, account_id: str) -> Request:
    """Build the deletion of all messages of an account, by an id of it."""
    return Request(method="DELETE", target=f"/room/{token}/all/{account_id}")


# Requests of a moderator


def build_ban(token: str, account_id: str, *, timeout_s: int | None = None) -> Request:
    """Build the ban of an account in a room, by an id of it, for some seconds or for ever."""
    timeout = {} if timeout_s is None else {"timeout": timeout_s}
    return build_json("POST", f"/user/{account_id}/ban", {"rooms": [token], **timeout})


def build_unban(token: str, account_id: str) -> Request:
    """Build the lifting of a ban."""
    return build_json("POST", f"/user/{account_id}/unban", {"rooms": [token]})


def build_permissions(token: str, account_id: str, flags: Mapping[str, bool | None]) -> Request:
    """Build the change of an account's flags in a room; None clears one."""
    given = {name: value for name, value in flags.items() if value is not None}
    cleared = {f"default_{name}": True for name, value in flags.items() if value is None}
    return build_json("POST", f"/room/{token}/permissions/{account_id}", given | cleared)


def build_approvals(token: str, accounts: Iterable[PublicKey]) -> list[tuple[Request, int]]:
    """Build the batches that approve accounts in a room, each with the number of its requests: all flags are set.

    Clauses: OG-78
    """
    approved = dict.fromkeys(FLAGS, True)
    requests = [build_permissions(token, account.hex(), approved) for account in accounts]
    batches = [requests[begin : begin + MAX_BATCH] for begin in range(0, len(requests), MAX_BATCH)]
    return [(build_batch(batch), len(batch)) for batch in batches]


def build_role(token: str, account_id: str, change: Mapping[str, bool]) -> Request:
    """Build the change of an account's role in a room: `admin`, `moderator`, `visible`."""
    return build_json("POST", f"/user/{account_id}/moderator", {"rooms": [token], **change})


def build_invitation(token: str, *, timeout_s: int | None = None) -> Request:
    """Build the making of an invitation, which ends the one before."""
    return build_json("POST", f"/room/{token}/invitation", {} if timeout_s is None else {"timeout": timeout_s})


def build_withdrawal(token: str) -> Request:
    """Build the withdrawal of a room's invitation."""
    return Request(method="DELETE", target=f"/room/{token}/invitation")


def build_change(token: str, changes: Mapping[str, Any]) -> Request:
    """Build the change of a room."""
    return build_json("PUT", f"/room/{token}", changes)


# Batches


def build_batch(requests: Sequence[Request], *, target: str = "/batch") -> Request:
    """Build a batch of requests, which are signed by its signature."""
    body = json.dumps([describe_request(request) for request in requests]).encode()
    return Request(method="POST", target=target, headers=JSON, body=body)


def build_beginning(token: str) -> Request:
    """Build the sequence of questions with which a reader begins: what the room is, and then the newest messages."""
    return build_batch([build_room(token), build_recent(token)], target="/sequence")


def describe_request(request: Request) -> dict[str, Any]:
    """Describe a request of a batch."""
    described = {"method": request.method, "path": request.target, "headers": dict(request.headers)}
    if not request.body:
        return described
    if request.headers == JSON:
        return {**described, "json": json.loads(request.body)}
    return {**described, "b64": wire.encode_base64(request.body)}


def read_sequence(reply: ServerReply, count: int) -> list[ServerReply]:
    """Read the answers to so many requests of a sequence.

    Raises:
        ServerRefused: one was refused, with which the sequence ends.
        InvalidMessage, InvalidEncoding: they are not of the form, or others than so many.
    Clauses: OG-70, OG-79
    """
    answers = decode(reply)
    if not isinstance(answers, list):
        raise errors.InvalidMessage(reason="it is no list of answers")
    read = [server_onion.check_success(read_answer(answer)) for answer in answers]
    if len(read) != count:
        raise errors.InvalidMessage(reason=f"it is no list of {count} answers")
    return read


def read_batch(reply: ServerReply, count: int) -> list[ServerReply]:
    """Read the answers to so many requests of a batch.

    Raises:
        InvalidMessage, InvalidEncoding: they are not of the form, or others than so many.
    Clauses: OG-70
    """
    answers = decode(reply)
    if not isinstance(answers, list) or len(answers) != count:
        raise errors.InvalidMessage(reason=f"it is no list of {count} answers")
    return [read_answer(answer) for answer in answers]


def read_answer(answer: object) -> ServerReply:
    """Read an unverified answer of a batch.

    Raises:
        InvalidMessage, InvalidEncoding: it is not of the form.
    Clauses: OG-70
    """
    if not isinstance(answer, dict):
        raise errors.InvalidMessage(reason="an answer is no object")
    status, headers = take_number(answer, "code"), server_onion.decode_headers(answer)
    if headers.get("content-type", "").startswith(JSON["content-type"]):
        return ServerReply(status=status, headers=headers, body=json.dumps(answer.get("body")).encode())
    body = wire.decode_base64(wire.take_text(answer, "body"), what="body")
    return ServerReply(status=status, headers=headers, body=body)


# Answers


def decode(reply: ServerReply) -> Any:  # noqa: ANN401 - any JSON value
    """Decode the JSON of an unverified answer.

    Raises:
        InvalidMessage: it is none.
    Clauses: OG-70
    """
    try:
        return json.loads(reply.body, parse_constant=wire.refuse_constant)
    except (ValueError, RecursionError):
        raise errors.InvalidMessage(reason="the answer is not JSON") from None


def decode_members(reply: ServerReply) -> dict[str, Any]:
    """Decode the JSON object of an unverified answer.

    Raises:
        InvalidMessage: it is none.
    Clauses: OG-70
    """
    return wire.decode_object(reply.body, what="the answer")


def take_number(members: Mapping[str, Any], name: str) -> int:
    """Take a number from 0 out of a JSON object.

    Raises:
        InvalidMessage: it is absent or none.
    """
    value = members.get(name)
    if type(value) is not int or value < 0:  # JSON's true is an int to Python
        raise errors.InvalidMessage(reason=f"{name} is absent or no number")
    return value


def take_boolean(members: Mapping[str, Any], name: str) -> bool:
    """Take a boolean out of a JSON object; what is absent is false.

    Raises:
        InvalidMessage: it is none.
    """
    value = members.get(name, False)
    if not isinstance(value, bool):
        raise errors.InvalidMessage(reason=f"{name} is neither true nor false")
    return value


def take_shown(members: Mapping[str, Any], name: str) -> str:
    """Take a text that is kept and shown out of a JSON object.

    Raises:
        InvalidMessage: it is absent or none, or has halves of characters, with which nobody could read what is kept.
    """
    text = wire.take_text(members, name)
    if not wire.is_encodable(text):
        raise errors.InvalidMessage(reason=f"{name} is no text")
    return text


def read_room(reply: ServerReply, token: str) -> RoomInfo:
    """Read what a room is.

    Raises:
        InvalidMessage: it is not of the form, or another room.
    """
    return read_info(decode_members(reply), token)


def read_info(members: Mapping[str, Any], token: str) -> RoomInfo:
    """Read the members of an unverified room.

    Raises:
        InvalidMessage: it is not of the form, or another room.
    """
    if wire.take_text(members, "token") != token:
        raise errors.InvalidMessage(reason="it is another room")
    return RoomInfo(
        name=take_shown(members, "name"),
        description=take_shown({"description": members.get("description") or ""}, "description"),
        info_updates=take_number(members, "info_updates"),
        message_sequence=take_number(members, "message_sequence"),
        active_users=take_number(members, "active_users"),
        invitation_required=take_boolean(members, "invitation_required"),
        read=take_boolean(members, "read"),
        write=take_boolean(members, "write"),
        upload=take_boolean(members, "upload"),
        moderator=take_boolean(members, "moderator"),
        admin=take_boolean(members, "admin"),
    )


def read_poll_info(reply: ServerReply, token: str) -> PollInfo:
    """Read how a room is.

    Raises:
        InvalidMessage: it is not of the form, or another room.
    """
    members = decode_members(reply)
    if wire.take_text(members, "token") != token:
        raise errors.InvalidMessage(reason="it is another room")
    details = members.get("details")
    if details is not None and not isinstance(details, dict):
        raise errors.InvalidMessage(reason="details is no object")
    return PollInfo(
        active_users=take_number(members, "active_users"),
        read=take_boolean(members, "read"),
        write=take_boolean(members, "write"),
        upload=take_boolean(members, "upload"),
        details=None if details is None else read_info(details, token),
    )


def read_messages(reply: ServerReply) -> list[Mapping[str, Any]]:
    """Read a list of messages, each of which is still unverified.

    Raises:
        InvalidMessage: it is no list of objects.
    Clauses: OG-74
    """
    messages = decode(reply)
    if not isinstance(messages, list):
        raise errors.InvalidMessage(reason="the answer is no list of messages")
    for message in messages:
        room.check_message(message)
    return messages


def read_message_id(reply: ServerReply) -> int:
    """Read the id of the message that was posted.

    Raises:
        InvalidMessage: it is not of the form.
    """
    return take_number(decode_members(reply), "id")


def read_file_id(reply: ServerReply) -> int:
    """Read the id of the file that was uploaded.

    Raises:
        InvalidMessage: it is not of the form.
    """
    return take_number(decode_members(reply), "id")


def read_invitation(reply: ServerReply) -> bytes:
    """Read the invitation that was made.

    Raises:
        InvalidMessage, InvalidEncoding: it is not of the form.
    """
    return room.decode_invitation(wire.take_text(decode_members(reply), "invitation"))


def read_download(reply: ServerReply, file: RoomFile) -> bytes:
    """Read the bytes of a file of a post.

    Raises:
        InvalidMessage: they are not those that the post speaks of.
    Clauses: OG-76
    """
    room_post.check_file(file, reply.body)
    return reply.body


# Joining and polling


def begin(link: RoomLink, answers: Sequence[ServerReply]) -> tuple[KnownRoom, list[RoomEvent]]:
    """Begin to read a room, with the answers to `build_beginning`; the first refusal ends these.

    Raises:
        ServerRefused: the server refuses.
        InvalidMessage: an answer is not of the form.
    Clauses: OG-74, OG-79
    """
    described, recent = map(server_onion.check_success, answers)
    info = read_room(described, link.room)
    empty = RoomView(server_key=link.server_key, room=link.room)
    view, events = room.begin_view(empty, read_messages(recent), message_sequence=info.message_sequence)
    return KnownRoom(link=replace(link, invitation=None), info=info, view=view), events


def apply_poll(known: KnownRoom, answers: Sequence[ServerReply]) -> tuple[KnownRoom, list[RoomEvent], bool]:
    """Apply the answers to `build_poll`; tell whether there may be more behind.

    Raises:
        ServerRefused: the server refuses.
        InvalidMessage: an answer is not of the form; nothing is changed.
    Clauses: OG-74, OG-79
    """
    page, polled = map(server_onion.check_success, answers)
    messages = read_messages(page)
    info = read_poll_info(polled, known.link.room)
    view, events = room.apply_page(known.view, messages)
    described = info.details or replace(
        known.info, active_users=info.active_users, read=info.read, write=info.write, upload=info.upload
    )
    return replace(known, info=described, view=view, refused=None), events, bool(messages)


def describe_event(address: str, event: RoomEvent) -> RoomNews:
    """Describe what a message of a room brought, for the user."""
    if event.error is not None:
        error, reason = type(event.error).__name__, str(event.error)
        return RoomNews(address=address, kind="refusal", id=event.id, error=error, reason=reason)
    if event.post is None:
        return RoomNews(address=address, kind="deletion", id=event.id)
    return RoomNews(address=address, kind="post", id=event.id, post=event.post)
