"""The last methods of chapter 07. A mailbox is what a client remembers of what it has fetched for one recipient."""

from typing import Annotated

from cloister_conformance.protocol.messages import Handle, Hex32, Message, Method, Nothing
from cloister_conformance.protocol.storage import Letter

Mailbox = Annotated[str, Handle("mailbox", may_be_new=True)]


class Take(Message):
    mailbox: Mailbox
    node: Hex32
    letters: list[Letter]
    now_ms: int


class Hashes(Message):
    hashes: list[str]


class Cursor(Message):
    mailbox: Mailbox
    node: Hex32


class LastHash(Message):
    last_hash: str


class Forget(Message):
    mailbox: Mailbox
    now_ms: int


METHODS = (
    Method(
        name="mailbox.take",
        capability="mailboxes",
        summary="Take one page that a node gave; return the hashes of what is passed on, in order.",
        params=Take,
        result=Hashes,
        sample={"mailbox": "sample", "node": "00" * 32, "letters": [], "now_ms": 0},
    ),
    Method(
        name="mailbox.cursor",
        capability="mailboxes",
        summary="Find the hash behind which a node is asked to go on; an empty text asks for all.",
        params=Cursor,
        result=LastHash,
        sample={"mailbox": "sample", "node": "00" * 32},
    ),
    Method(
        name="mailbox.forget",
        capability="mailboxes",
        summary="Forget the hashes of messages that have expired everywhere.",
        params=Forget,
        result=Nothing,
        sample={"mailbox": "sample", "now_ms": 0},
    ),
)
