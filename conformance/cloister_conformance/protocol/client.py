"""The methods of chapter 10: one account with its sessions and closed groups. The harness stores, delivers and keeps the time.

What changes a client answers what its user is told. A client stores nothing: the harness takes what is to be stored from `client.outbox`.
"""

from typing import Annotated, Literal

from pydantic import Field

from cloister_conformance.protocol.group_control import Member
from cloister_conformance.protocol.messages import Handle, Hex, Hex32, Message, Method, Nothing, Sparse
from cloister_conformance.protocol.x3dh import Prekeys

CLOSED_GROUPS = "closed-groups"
PATIENCE = 4
"""Of 500 members each is asked for a session."""
NewClient = Annotated[str, Handle("client", may_be_new=True)]
Client = Annotated[str, Handle("client")]
Count = Annotated[int, Field(ge=0)]
EventKind = Literal[
    "joined",
    "confirmed",
    "member added",
    "member left",
    "member kicked",
    "member over the bound",
    "member absent",
    "renamed",
    "avatar changed",
    "message",
    "room offered",
    "indices missing",
    "not sent",
    "add refused",
    "diverged",
    "notice",
    "conversion recommended",
    "out",
    "closed",
    "text",
    "refused",
]


class Create(Message):
    client: NewClient
    private_key: Hex
    now_ms: int


class OfClient(Message):
    client: Client


class OfClientNow(OfClient):
    now_ms: int


class ImportPrekeys(Prekeys, OfClientNow):
    """Its client comes first, as everywhere."""


class CreateGroup(OfClientNow):
    others: list[Hex]
    name: str
    avatar: Hex | None = None


class OfGroup(OfClient):
    group_id: Hex32


class OfGroupNow(OfGroup):
    now_ms: int


class Accounts(OfGroupNow):
    accounts: list[Hex]


class Rename(OfGroupNow):
    name: str


class ChangeAvatar(OfGroupNow):
    avatar: Hex


class Send(OfGroupNow):
    text: str
    fan_out: Literal["server", "client"]


class OfferRoom(OfGroupNow):
    address: str
    server_key: Hex


class SendText(OfClientNow):
    account: Hex
    text: str


class Receive(OfClientNow):
    recipient: Hex
    data: Hex


class NoteStored(OfClient):
    number: Count


class Event(Sparse):
    kind: EventKind
    group_id: Hex32 | None = None
    account: Hex | None = None
    index: int | None = None
    last_index: int | None = None
    timestamp_ms: int | None = None
    text: str | None = None
    address: str | None = None
    server_key: Hex | None = None
    error: str | None = None


class Told(Message):
    told: list[Event]


class Created(Told):
    group_id: Hex32


class Store(Message):
    number: Count
    recipient: Hex
    data: Hex


class Outbox(Message):
    stores: list[Store]


class Recipients(Message):
    recipients: list[Hex]


class ReadGroup(Sparse):
    status: Literal["member", "out", "closed"]
    epoch: int
    name: str
    avatar: Hex | None = None
    administrator: Hex
    is_confirmed: bool
    members: list[Member]
    digest: Hex32


OUT = ("NotPermitted", "GroupClosed", "UnknownGroup")
SAMPLE_GROUP = {"client": "sample", "group_id": "00" * 32}
SAMPLE_GROUP_NOW = {**SAMPLE_GROUP, "now_ms": 0}

METHODS = (
    Method(
        name="client.create",
        capability=CLOSED_GROUPS,
        summary="Create the client of an identity; it knows nobody, and has no group.",
        params=Create,
        result=Nothing,
        errors=("InvalidKey",),
        sample={"client": "sample", "private_key": "40" * 32, "now_ms": 0},
    ),
    Method(
        name="client.import_prekeys",
        capability="client-import",
        summary="Make these the newest signed prekey and, if it is given, a one-time prekey of the client, in the place of what has these ids.",
        params=ImportPrekeys,
        result=Nothing,
        errors=("InvalidKey",),
        sample={"client": "sample", "signed_prekey_id": 1, "signed_prekey_private": "40" * 32, "now_ms": 0},
    ),
    Method(
        name="client.create_group",
        capability=CLOSED_GROUPS,
        summary="Create a group with others, with an image or without.",
        params=CreateGroup,
        result=Created,
        errors=("OutOfRange", "InvalidKey", "InvalidName", "InvalidAvatar"),
        patience=PATIENCE,
        sample={"client": "sample", "others": [], "name": "", "now_ms": 0},
    ),
    Method(
        name="client.add",
        capability=CLOSED_GROUPS,
        summary="Add accounts to a group.",
        params=Accounts,
        result=Told,
        errors=(*OUT, "GroupFull", "InvalidKey"),
        sample={**SAMPLE_GROUP_NOW, "accounts": []},
    ),
    Method(
        name="client.kick",
        capability=CLOSED_GROUPS,
        summary="Kick members.",
        params=Accounts,
        result=Told,
        errors=(*OUT, "InvalidKey"),
        sample={**SAMPLE_GROUP_NOW, "accounts": []},
    ),
    Method(
        name="client.leave",
        capability=CLOSED_GROUPS,
        summary="Leave a group; the administrator closes it.",
        params=OfGroupNow,
        result=Told,
        errors=OUT,
        sample=SAMPLE_GROUP_NOW,
    ),
    Method(
        name="client.rename",
        capability=CLOSED_GROUPS,
        summary="Give a group another name.",
        params=Rename,
        result=Told,
        errors=(*OUT, "InvalidName"),
        sample={**SAMPLE_GROUP_NOW, "name": ""},
    ),
    Method(
        name="client.change_avatar",
        capability=CLOSED_GROUPS,
        summary="Give a group another image.",
        params=ChangeAvatar,
        result=Told,
        errors=(*OUT, "InvalidAvatar"),
        sample={**SAMPLE_GROUP_NOW, "avatar": ""},
    ),
    Method(
        name="client.send",
        capability=CLOSED_GROUPS,
        summary="Send a text to a group, with server-side or client-side fan-out.",
        params=Send,
        result=Told,
        errors=(*OUT, "TooLarge"),
        sample={**SAMPLE_GROUP_NOW, "text": "", "fan_out": "server"},
    ),
    Method(
        name="client.offer_room",
        capability=CLOSED_GROUPS,
        summary="Tell a group of a room on an open-group server: its URL, and the server's key.",
        params=OfferRoom,
        result=Told,
        errors=(*OUT, "TooLarge", "InvalidMessage"),
        sample={**SAMPLE_GROUP_NOW, "address": "", "server_key": "00" * 32},
    ),
    Method(
        name="client.send_text",
        capability=CLOSED_GROUPS,
        summary="Send a text to one account.",
        params=SendText,
        result=Told,
        errors=("TooLarge", "InvalidKey"),
        sample={"client": "sample", "account": "", "text": "", "now_ms": 0},
    ),
    Method(
        name="client.receive",
        capability=CLOSED_GROUPS,
        summary="Receive what is stored for a recipient: the client's account, or an address of a group.",
        params=Receive,
        result=Told,
        patience=PATIENCE,
        sample={"client": "sample", "recipient": "", "data": "", "now_ms": 0},
    ),
    Method(
        name="client.tick",
        capability=CLOSED_GROUPS,
        summary="Do what is due at a time.",
        params=OfClientNow,
        result=Told,
        sample={"client": "sample", "now_ms": 0},
    ),
    Method(
        name="client.outbox",
        capability=CLOSED_GROUPS,
        summary="List what is to be stored and is not acknowledged, in order, each with a number that no other has.",
        params=OfClient,
        result=Outbox,
        sample={"client": "sample"},
    ),
    Method(
        name="client.note_stored",
        capability=CLOSED_GROUPS,
        summary="Note that a store is acknowledged; one that is not in the outbox any more changes nothing.",
        params=NoteStored,
        result=Nothing,
        sample={"client": "sample", "number": 0},
    ),
    Method(
        name="client.recipients",
        capability=CLOSED_GROUPS,
        summary="List the recipients that the client polls: its account, and the addresses of groups.",
        params=OfClient,
        result=Recipients,
        sample={"client": "sample"},
    ),
    Method(
        name="client.read_group",
        capability=CLOSED_GROUPS,
        summary="Say what the client holds of a group: its view, and the image if there is one.",
        params=OfGroup,
        result=ReadGroup,
        errors=("UnknownGroup",),
        sample=SAMPLE_GROUP,
    ),
)
