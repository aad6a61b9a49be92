"""One account on one open-group server, by onion requests only.

    tea = RoomClient(network, seed, room.decode_link(text))
    known, events = await tea.join(room.decode_link(text))
    await tea.post("tea", "Hello.", [("hat.png", data)])

The server can read all that is written. Each request is signed as the account's blinded id, with a fresh nonce.
"""

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cloister import errors, room, room_post, room_request, server_id, server_onion, signed_request
from cloister.identity import PublicKey
from cloister.mailbox import MAX_PAGES
from cloister.network.onion_client import OnionClient
from cloister.room import Post, RoomEvent, RoomLink
from cloister.room_post import RoomContent, RoomFile
from cloister.room_request import KnownRoom
from cloister.server_onion import ServerReply
from cloister.signed_request import Request

ROOMS_AT_ONCE = room_request.MAX_BATCH // 2
"""Each has two requests in the batch of a poll."""
TOO_LONG = 413
"""The status of what is left out of a batch."""

Attachment = tuple[str, bytes]
"""A file to be posted: its name and its bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What a page, or its refusal, has led to: the room, and what is new there; save both together."""

    known: KnownRoom
    events: tuple[RoomEvent, ...] = ()
    refusal: errors.ServerRefused | errors.ProtocolViolation | None = None


class RoomClient:
    """The account with a seed, on the server of a link. `now` gives milliseconds.

    What its methods raise, beside what they say: `ServerRefused`; `NoReply`, `DecryptionFailed`, `InvalidMessage` and
    `TooFewNodes` as `OnionClient.request_server`.
    """

    def __init__(
        self,
        network: OnionClient,
        seed: bytes,
        link: RoomLink,
        *,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.network = network
        self.now = now
        self.server = room.find_server(link)
        self.server_key = link.server_key
        self.signer = server_id.derive_blinded_id(seed, server_key=link.server_key)

    @property
    def id(self) -> str:
        """The id under which the account is known on the server."""
        return self.signer.id.hex()

    async def request(self, request: Request) -> ServerReply:
        """Send a request, signed anew for each path that it is tried over.

        Raises:
            ServerRefused: the server answers with another status than one of success.
        Clauses: OG-5, OG-7, OG-68, OG-79
        """

        def sign() -> Request:
            headers = signed_request.sign_request(
                self.signer,
                request,
                server_key=self.server_key,
                now_s=self.now() // 1000,
                random=self.network.random,
            )
            return replace(request, headers={**request.headers, **headers})

        return server_onion.check_success(await self.network.request_server(self.server, sign))

    # Reading

    async def join(self, link: RoomLink) -> tuple[KnownRoom, list[RoomEvent]]:
        """Join a room of the server, with the invitation if the link has one, and begin to read it.

        Clauses: OG-69
        """
        await self.accept(link)
        reply = await self.request(room_request.build_beginning(link.room))
        return room_request.begin(link, room_request.read_sequence(reply, 2))

    async def accept(self, link: RoomLink) -> None:
        """Accept the invitation of a link, if it has one."""
        if link.invitation is not None:
            await self.request(room_request.build_join(link.room, link.invitation))

    async def poll(self, rooms: Iterable[KnownRoom]) -> AsyncGenerator[Polled, None]:
        """Fetch what is new in rooms of the server, page after page, and at most `MAX_PAGES` of each.

        What the server leaves out of a batch that is too long is asked again, if it answers anything of it.
        Clauses: OG-74, OG-79
        """
        waiting = list(rooms)
        for _ in range(MAX_PAGES):
            if not waiting:
                return
            asked, waiting = waiting[:ROOMS_AT_ONCE], waiting[ROOMS_AT_ONCE:]
            requests = [request for known in asked for request in room_request.build_poll(known)]
            answers = room_request.read_batch(await self.request(room_request.build_batch(requests)), len(requests))
            of_rooms = list(zip(answers[::2], answers[1::2], strict=True))
            for known, of_room in zip(asked, of_rooms, strict=True):
                if is_left_out(of_room) and not is_left_out(of_rooms[0]):
                    waiting.append(known)
                    continue
                polled, is_more = take_answers(known, of_room)
                if is_more:
                    waiting.append(polled.known)
                yield polled

    async def download(self, token: str, file: RoomFile) -> bytes:
        """Fetch a file of a post.

        Raises:
            InvalidMessage: its bytes are not those that the post speaks of.
        Clauses: OG-76
        """
        return room_request.read_download(await self.request(room_request.build_download(token, file.id)), file)

    # Writing

    async def upload(self, token: str, name: str, data: bytes) -> RoomFile:
        """Upload a file, which is to be posted within `LOOSE_FILE_SECONDS`.

        Raises:
            TooLarge: it is longer than `MAX_FILE_BYTES`.
        Clauses: OG-77
        """
        reply = await self.request(room_request.build_upload(token, name, data))
        return room_post.describe_file(room_request.read_file_id(reply), name, data)

    async def post(self, token: str, text: str, attachments: Sequence[Attachment] = ()) -> int:
        """Upload files, and post a text with them; return the id of the message.

        Raises:
            TooLarge: the post or a file is too long, or there are too many.
        Clauses: OG-77
        """
        room_post.check_number_of_files(len(attachments))
        files = [await self.upload(token, name, data) for name, data in attachments]
        content = RoomContent(
            server_key=self.server_key, room=token, timestamp_ms=self.now(), text=text, files=tuple(files)
        )
        request = room_request.build_post(self.signer, content, self.network.random)
        return room_request.read_message_id(await self.request(request))

    async def edit(self, post: Post, text: str) -> None:
        """Edit a post of ours: another text, the same files.

        Raises:
            TooLarge: it is too long.
        Clauses: OG-77
        """
        content = room_request.revise(post.content, text=text, files=post.content.files)
        await self.request(room_request.build_edit(self.signer, post.id, content, self.network.random))

    async def delete(self, token: str, message_id: int) -> None:
        """Delete a message: one of ours, or as a moderator."""
        await self.request(room_request.build_delete(token, message_id))

    async def delete_all(self, token: str, account_id: str) -> None:
        """Delete all messages of an account: ours, or as a moderator."""
        await self.request(room_request.build_delete_all(token, account_id))

    # Moderating

    async def ban(self, token: str, account_id: str, *, timeout_s: int | None = None) -> None:
        """Ban an account from a room, for some seconds or for ever."""
        await self.request(room_request.build_ban(token, account_id, timeout_s=timeout_s))

    async def unban(self, token: str, account_id: str) -> None:
        """Lift a ban."""
        await self.request(room_request.build_unban(token, account_id))

    async def set_permissions(self, token: str, account_id: str, flags: Mapping[str, bool | None]) -> None:
        """Set flags of an account in a room, or clear those that are None."""
        await self.request(room_request.build_permissions(token, account_id, flags))

    async def approve(self, token: str, accounts: Iterable[PublicKey]) -> None:
        """Approve accounts in a room: these ids, and nothing else, are named to the server.

        Raises:
            ServerRefused: one is refused.
        Clauses: OG-78
        """
        for batch, count in room_request.build_approvals(token, accounts):
            for answer in room_request.read_batch(await self.request(batch), count):
                server_onion.check_success(answer)

    async def change_role(self, token: str, account_id: str, change: Mapping[str, bool]) -> None:
        """Change the role of an account in a room, as an administrator: `admin`, `moderator`, `visible`."""
        await self.request(room_request.build_role(token, account_id, change))

    async def change_room(self, token: str, changes: Mapping[str, Any]) -> None:
        """Change a room, as an administrator."""
        await self.request(room_request.build_change(token, changes))

    async def invite(self, token: str, *, timeout_s: int | None = None) -> bytes:
        """Make the invitation of a room, which ends the one before."""
        return room_request.read_invitation(
            await self.request(room_request.build_invitation(token, timeout_s=timeout_s))
        )

    async def withdraw_invitation(self, token: str) -> None:
        """Withdraw the invitation of a room."""
        await self.request(room_request.build_withdrawal(token))


def is_left_out(answers: Iterable[ServerReply]) -> bool:
    """Tell whether one of the answers of a poll did not fit into the batch."""
    return any(answer.status == TOO_LONG for answer in answers)


def take_answers(known: KnownRoom, answers: Sequence[ServerReply]) -> tuple[Polled, bool]:
    """Take the answers of a poll in one room; tell whether there may be more behind. A refusal changes nothing else.

    Clauses: OG-74, OG-79
    """
    try:
        known, events, is_more = room_request.apply_poll(known, answers)
    except errors.ServerRefused as refusal:
        return Polled(known=replace(known, refused=refusal.status), refusal=refusal), False
    except errors.ProtocolViolation as refusal:
        return Polled(known=known, refusal=refusal), False
    return Polled(known=known, events=tuple(events)), is_more
