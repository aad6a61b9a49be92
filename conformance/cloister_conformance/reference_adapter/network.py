"""Chapters 07 and 08, a client in a network, behind the adapter protocol.

A handle stands for what outlives a process; for each call a client is made of it that ends with the call.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

from cloister.mailbox import Letter, Mailbox

from cloister_conformance.protocol import network as messages
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.protocol.storage import Letter as LetterMessage
from cloister_conformance.reference_adapter.clients import NetworkClient
from cloister_conformance.reference_adapter.handles import Handles
from cloister_conformance.reference_adapter.swarm import build_network

if TYPE_CHECKING:
    from cloister.network import Client

Result = TypeVar("Result")


def open(params: messages.Open, handles: Handles) -> Nothing:  # noqa: A001 - named as the method
    build_network(params.network)
    handles.put(params.client, NetworkClient(network=params.network, timeout_ms=params.timeout_ms))
    return Nothing()


def change(params: messages.Change, handles: Handles) -> Nothing:
    build_network(params.network)
    keep(handles, params.client, network=params.network)
    return Nothing()


def store(params: messages.Store, handles: Handles) -> messages.Sent:
    sent = use(handles, params.client, lambda client: client.store(params.recipient, params.data, ttl_ms=params.ttl_ms))
    return messages.Sent(message_hash=bytes.fromhex(sent.hash), nodes=[bytes.fromhex(node) for node in sent.nodes])


def retrieve(params: messages.Retrieve, handles: Handles) -> messages.Letters:
    mailboxes = handles.get(params.client, NetworkClient).mailboxes
    box = mailboxes.get(params.recipient, Mailbox())
    box, letters = use(handles, params.client, lambda client: fetch(client, params.recipient, box))
    keep(handles, params.client, mailboxes={**mailboxes, params.recipient: box})
    return messages.Letters(
        letters=[
            LetterMessage(hash=letter.hash, expiration=letter.expiration_ms, data=letter.data) for letter in letters
        ]
    )


async def fetch(client: "Client", recipient: str, box: Mailbox) -> tuple[Mailbox, list[Letter]]:
    """Fetch all that is new; return it with the mailbox that goes with it."""
    letters: list[Letter] = []
    async for received in client.retrieve(recipient, box):
        box = received.mailbox
        letters += received.letters
    return box, letters


def keep(handles: Handles, handle: str, **members: object) -> None:
    """Let a handle stand for what it stands for, with other members."""
    handles.put(handle, handles.get(handle, NetworkClient).model_copy(update=members))


def use(handles: Handles, handle: str, work: Callable[["Client"], Awaitable[Result]]) -> Result:
    """Let a client work, and keep what it has learnt of the network, whether it could do the work or not."""
    import asyncio  # noqa: PLC0415 - an adapter starts faster without what only these methods need

    import httpx  # noqa: PLC0415
    from cloister.network import Client  # noqa: PLC0415

    kept = handles.get(handle, NetworkClient)

    async def run(file: Path) -> Result:
        transport = httpx.AsyncHTTPTransport(verify=False)  # nothing here is HTTPS, and certificates take long to read
        async with Client(
            file, kept.state, random=handles.random, timeout_ms=kept.timeout_ms, transport=transport
        ) as client:
            try:
                return await work(client)
            finally:
                keep(handles, handle, state=client.state)

    with TemporaryDirectory() as folder:
        file = Path(folder) / "network.json"
        file.write_text(kept.network.model_dump_json(), "utf-8")
        return asyncio.run(run(file))
