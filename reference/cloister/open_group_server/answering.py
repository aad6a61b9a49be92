"""A request in, however it came, a reply out.

Clauses: OG-13, OG-16, OG-26, OG-43, OG-57

The checks of chapter 11, in their order: 0 to 4 here, 5 to 10 in one piece of work on the database, 11 to 13 by the
endpoint in the same piece. Its nonce stays noted if the endpoint refuses.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection

from cloister import errors, open_group, open_group_rights, server_id, signed_request
from cloister.open_group import BATCH_PATHS, Endpoint
from cloister.open_group_rights import Standing
from cloister.open_group_server import people
from cloister.open_group_server.asked import Asked, Full, Settings, Signer, as_operator
from cloister.open_group_server.database import Database, savepoint
from cloister.open_group_server.endpoints import HANDLERS
from cloister.open_group_server.file_store import FileStore, Stored
from cloister.open_group_server.reply import Download, build_refusal, build_text
from cloister.server_onion import TARGET, ServerReply
from cloister.serving import log
from cloister.serving.clock import Clock
from cloister.serving.writer import CannotWrite
from cloister.signed_request import Refusal, Request

PATHS_OF_MANY = frozenset(path.encode() for path in (*BATCH_PATHS, TARGET))


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload(Request):
    """A request whose body is on disk."""

    stored: Stored

    @property
    def size(self) -> int:
        """The bytes of the body."""
        return self.stored.size

    @property
    def body_hash(self) -> bytes:
        """What is signed of the body."""
        return self.stored.hash if self.stored.size else b""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a piece of work answers, and the names on disk of files that are gone with it."""

    reply: ServerReply
    removed: Sequence[str] = ()


class Answering:
    """Answers requests, each alone."""

    def __init__(self, settings: Settings, database: Database, store: FileStore, clock: Clock) -> None:
        self.settings = settings
        self.store = store
        self._database = database
        self._clock = clock

    def read_now(self) -> float:
        """Read the clock, in seconds with milliseconds as fraction."""
        return self._clock() / 1000

    # Checks 0 to 6

    def identify(self, request: Request) -> Signer | None:
        """Find who signed an unverified request, None if nobody did: checks 0 to 4.

        Raises:
            Refusal: one fails.
        Clauses: OG-2, OG-6, OG-8, OG-9, OG-10, OG-13
        """
        open_group.check_size(request)
        found = signed_request.read_signature(request.headers, blinding_required=self.settings.blinding_required)
        signed_request.check_target(request)
        if found is None:
            return None
        key = self.settings.server_key
        signed_request.check_signature(found, request, server_key=key, now_s=int(self.read_now()))
        return Signer(
            account=find_account(found.id, key), id=found.id, nonce=found.nonce, timestamp_s=found.timestamp_s
        )

    async def admit(self, signer: Signer | None) -> None:
        """Note the nonce of who signed, and check that the account is not banned: checks 5 and 6, for a batch.

        Raises:
            Refusal: one fails.
            CannotWrite: the database fails.
        """

        def work(connection: Connection) -> Refusal | None:
            try:
                note_nonce(connection, signer)
                self._check_ban(connection, signer, self.read_now())
            except Refusal as refusal:
                return refusal
            return None

        if refusal := await self._database.do(work):
            raise refusal

    def _check_ban(self, connection: Connection, signer: Signer | None, now_s: float) -> Standing:
        """Check that an account is not banned on the whole server; return what it is there.

        Raises:
            Refusal: 403, it is.
        Clauses: OG-17
        """
        if signer is None:
            return Standing()
        is_operator = signer.account == self.settings.operator
        standing = as_operator(people.find_user(connection, signer.account), is_operator=is_operator)
        if open_group_rights.is_banned(standing, now_s=now_s):
            raise Refusal(403, "banned on this server")
        return standing

    # One request

    async def answer_one(self, request: Request, signer: Signer | None, *, is_new: bool = True) -> ServerReply:
        """Answer a request that is none of many, of who signed it, or of nobody; a new one has a nonce to be noted."""
        stored = request.stored if isinstance(request, Upload) else None
        reply = build_text(503, "The server is busy")
        try:
            stored = await self._store(request)
            reply = await self._answer_stored(request, signer, stored, is_new=is_new)
        except (CannotWrite, OSError) as error:
            reply = self._fail(error)
        finally:
            if stored and reply.status != 201:
                await asyncio.to_thread(self.store.remove, [stored.name])
        return reply

    async def _store(self, request: Request) -> Stored | None:
        """Bring the body of an upload to the disk, if it is not there yet."""
        if isinstance(request, Upload):
            await asyncio.to_thread(self.store.sync, request.stored.name)
            return request.stored
        if not is_upload(request):
            return None
        return await asyncio.to_thread(self.store.write_at_once, request.body)

    async def discard(self, request: Request) -> None:
        """Remove the body of a request that is refused before it is looked at, if it is on disk.

        Clauses: OG-54
        """
        if isinstance(request, Upload):
            await asyncio.to_thread(self.store.remove, [request.stored.name])

    async def _answer_stored(
        self, request: Request, signer: Signer | None, stored: Stored | None, *, is_new: bool
    ) -> ServerReply:
        def work(connection: Connection) -> Outcome:
            return self._do(connection, request, signer if is_new else None, signer, stored)

        outcome = await self._database.do(work)
        if outcome.removed:
            await asyncio.to_thread(self.store.remove, list(outcome.removed))
        return await self._load(outcome.reply)

    def _do(
        self,
        connection: Connection,
        request: Request,
        fresh: Signer | None,
        signer: Signer | None,
        stored: Stored | None,
    ) -> Outcome:
        """Note the nonce, and then do what is asked; of what is refused the nonce alone stays.

        Clauses: OG-11, OG-12
        """
        try:
            note_nonce(connection, fresh)
            if request.method == "GET":  # it changes nothing that would have to be undone
                return self._act(connection, request, signer, stored)
            with savepoint(connection, "act"):
                return self._act(connection, request, signer, stored)
        except Refusal as refusal:
            return Outcome(build_refusal(refusal))
        except (Full, OSError) as error:
            return Outcome(self._fail(error))

    def _act(self, connection: Connection, request: Request, signer: Signer | None, stored: Stored | None) -> Outcome:
        """Make checks 6 to 10, and let the endpoint do the rest.

        Raises:
            Refusal: a check fails.
        Clauses: OG-14, OG-15, OG-16, OG-17, OG-18
        """
        now_s = self.read_now()
        on_server = self._check_ban(connection, signer, now_s)
        endpoint, names = find_endpoint(request)
        open_group.check_signed(endpoint, signed=signer is not None)
        asked = Asked(
            connection=connection,
            settings=self.settings,
            store=self.store,
            request=request,
            now_s=now_s,
            signer=signer,
            on_server=on_server,
            names=names,
            stored=stored,
        )
        if endpoint.need not in open_group.NEEDS_WITHOUT_ROOM:
            asked.enter(endpoint.need)
        reply = HANDLERS[endpoint.method, endpoint.path](asked)
        return Outcome(reply, asked.removed)

    async def _load(self, reply: ServerReply) -> ServerReply:
        """Load what a download gives from the disk."""
        if not isinstance(reply, Download):
            return reply
        data = await asyncio.to_thread(self.store.read, reply.stored_as, reply.begin, reply.end)
        if data is None:
            return build_text(404, open_group_rights.NO_SUCH_FILE)
        return ServerReply(status=reply.status, headers=reply.headers, body=data)

    def _fail(self, error: Exception) -> ServerReply:
        log.note("cannot write", level=logging.ERROR, error=error)
        return build_text(503, "The server cannot write")

    async def write(self, chunks: AsyncIterator[bytes]) -> Stored:
        """Write the body of an upload to the disk while it comes.

        Clauses: OG-54
        """
        return await self.store.write(chunks)


def note_nonce(connection: Connection, signer: Signer | None) -> None:
    """Note the nonce of who signed, and the blinded id.

    Raises:
        Refusal: 425, the account has used it.
    Clauses: OG-11
    """
    if signer is None:
        return
    if not people.note_nonce(connection, signer.account, signer.nonce, timestamp_s=signer.timestamp_s):
        raise Refusal(425, "this nonce has been used")
    if signer.id[0] == server_id.BLINDED:
        people.note_id(connection, signer.account, signer.id.hex())


def find_endpoint(request: Request) -> tuple[Endpoint, dict[str, str]]:
    """Find the endpoint of a request that is none of many.

    Raises:
        Refusal: 404, there is no such path; 405, it has not this method.
    """
    if request.path in PATHS_OF_MANY:
        raise Refusal(405, "this path has not this method")
    return open_group.find_endpoint(request)


def is_upload(request: Request) -> bool:
    """Tell whether the body of a request is a file."""
    try:
        endpoint, _ = open_group.find_endpoint(request)
    except (Refusal, UnicodeDecodeError):
        return False
    return endpoint.need is open_group_rights.Need.UPLOAD


@lru_cache(maxsize=4096)
def find_account(signing_id: bytes, server_key: bytes) -> str:
    """Find the account id of an id that signs.

    Raises:
        Refusal: 400, it leads to none.
    Clauses: OG-2, OG-3
    """
    try:
        return server_id.find_account(signing_id, server_key=server_key).hex()
    except errors.Malformed:
        raise Refusal(400, "the id is no key of an account") from None
