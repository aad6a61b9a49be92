"""Requests that hold requests: batches, sequences, and onion requests."""

import asyncio
import json
import secrets

from cloister import errors, open_group, open_group_batch, server_onion, signed_request
from cloister.identity import PrivateKey
from cloister.open_group_batch import MAX_BATCH_REPLY_BYTES
from cloister.open_group_server.answering import Answering
from cloister.open_group_server.asked import Signer
from cloister.open_group_server.metrics import Metrics
from cloister.open_group_server.reply import JSON, build_refusal, build_text
from cloister.server_onion import TARGET, ServerReply
from cloister.serving.writer import CannotWrite
from cloister.signed_request import Refusal, Request

SEQUENCE = b"/sequence"
TOO_LONG = Refusal(413, "the answers are too long together")
LONG_BYTES = 65_536
"""Of an onion request that is opened beside the other requests, and not before them."""


class Server:
    """Answers whatever comes."""

    def __init__(self, private_key: PrivateKey, answering: Answering, metrics: Metrics) -> None:
        self.answering = answering
        self._metrics = metrics
        self._private_key = private_key

    async def answer(self, request: Request) -> ServerReply:
        """Answer a request that came by HTTP, and may be an onion request.

        Clauses: OG-63, OG-64
        """
        if request.path == TARGET.encode() and request.method == "POST":
            return await self._answer_onion(request.body)
        return await self.answer_inner(request)

    async def answer_inner(self, request: Request) -> ServerReply:
        """Answer a request that is no onion request, of whoever signed it.

        Clauses: OG-13, OG-57
        """
        try:
            signer = self.answering.identify(request)
        except Refusal as refusal:
            await self.answering.discard(request)
            return build_refusal(refusal)
        try:
            if request.method == "POST" and open_group_batch.is_batch(request):
                return await self._answer_batch(request, signer)
            return await self.answering.answer_one(request, signer)
        except Refusal as refusal:
            return build_refusal(refusal)
        except CannotWrite:
            return build_text(503, "The server cannot write")

    # Batches

    async def _answer_batch(self, request: Request, signer: Signer | None) -> ServerReply:
        """Answer the requests of a batch in their order, those of a sequence until one is no success.

        Raises:
            Refusal: the batch is not of the form, or who signed it may ask nothing.
            CannotWrite: the database fails.
        Clauses: OG-60, OG-61, OG-62
        """
        await self.answering.admit(signer)
        answers: list[bytes] = []
        size, is_full = 2, False
        for part in open_group_batch.decode_batch(request.body):
            reply = build_refusal(TOO_LONG) if is_full else await self._answer_part(part, signer)
            answer = encode_part(reply)
            if not is_full and size + len(answer) + 2 > MAX_BATCH_REPLY_BYTES:
                is_full, reply = True, build_refusal(TOO_LONG)
                answer = encode_part(reply)
            self._metrics.note_inner(part.path, reply.status)
            answers.append(answer)
            size += len(answer) + 2
            if request.path == SEQUENCE and not reply.is_success:
                break
        return ServerReply(status=200, headers={"content-type": JSON}, body=b"[" + b", ".join(answers) + b"]")

    async def _answer_part(self, part: Request, signer: Signer | None) -> ServerReply:
        """Answer a request of a batch as if it came alone from the same signer.

        Clauses: OG-16, OG-60
        """
        try:
            open_group.check_size(part)
            signed_request.check_target(part)
            return await self.answering.answer_one(part, signer, is_new=False)
        except Refusal as refusal:
            return build_refusal(refusal)

    # Onion requests

    async def _answer_onion(self, body: bytes) -> ServerReply:
        """Open an onion request, answer what is inside, and seal the reply.

        Clauses: OG-59, OG-63, OG-64
        """
        try:
            if len(body) > LONG_BYTES:
                peeled = await asyncio.to_thread(server_onion.open_request, self._private_key, body)
            else:
                peeled = server_onion.open_request(self._private_key, body)
        except errors.TooLarge as error:
            return build_text(413, str(error))
        except errors.DecryptionFailed:
            return build_text(400, "Invalid ciphertext")
        reply = await self._answer_payload(peeled.plaintext)
        sealed = server_onion.seal_reply(peeled.key, reply, secrets.token_bytes)
        return ServerReply(status=200, headers={"content-type": "application/octet-stream"}, body=sealed)

    async def _answer_payload(self, plaintext: bytes) -> ServerReply:
        """Answer what an onion request held.

        Clauses: OG-63, OG-64
        """
        try:
            request = server_onion.decode_request(plaintext)
        except errors.InvalidMessage as error:
            return build_text(400, error.reason)
        reply = await self.answer_inner(request)
        self._metrics.note_inner(request.path, reply.status)
        return reply


def encode_part(reply: ServerReply) -> bytes:
    """Encode the answer to a request of a batch.

    Clauses: OG-60
    """
    return json.dumps(open_group_batch.describe_part(reply.status, reply.headers, reply.body)).encode()
