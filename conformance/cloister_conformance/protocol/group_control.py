"""The methods of chapter 09: control messages, and the views that they change.

Members that are absent on the wire are absent here; an index is a decimal text, since it may be above 2^53.
"""

from typing import Annotated, Literal

from pydantic import model_validator

from cloister_conformance.protocol.messages import Handle, Hex, Index, Message, Method, Nothing, Sparse

NewView = Annotated[str, Handle("view", may_be_new=True)]
View = Annotated[str, Handle("view")]
How = Literal["left", "kicked", "over the bound"]
What = Literal["view", "sender key"]

MALFORMED = ("InvalidMessage", "InvalidKey", "InvalidName", "InvalidAvatar", "OutOfRange")


class Member(Message):
    account: Hex
    added: int


class Removal(Sparse):
    account: Hex
    added: int
    last_epoch: int
    how: How
    removed_ms: int
    last_index: Index | None = None


class Snapshot(Sparse):
    group_id: Hex
    epoch: int
    timestamp_ms: int
    name: str
    avatar_hash: Hex | None = None
    administrator: Hex
    administrator_key: Hex
    members: list[Member]
    removed: list[Removal]
    address_private: Hex
    closed: bool


class SnapshotMessage(Sparse):
    snapshot: Snapshot
    signature: Hex
    avatar: Hex | None = None
    adds_you: bool


class Add(Message):
    accounts: list[Hex]


class Leave(Sparse):
    added: int
    last_index: Index | None = None
    account: Hex | None = None


class Key(Message):
    distribution: Hex
    next_index: Index
    added: int
    digest: Hex


class Ask(Message):
    what: What


class Notice(Message):
    pass


class Control(Sparse):
    group_id: Hex
    epoch: int
    snapshot: SnapshotMessage | None = None
    add: Add | None = None
    leave: Leave | None = None
    key: Key | None = None
    ask: Ask | None = None
    notice: Notice | None = None

    @model_validator(mode="after")
    def check_body(self) -> "Control":
        """Check that there is one message."""
        if [self.snapshot, self.add, self.leave, self.key, self.ask, self.notice].count(None) != 5:
            raise ValueError("give one of snapshot, add, leave, key, ask and notice")
        return self


class Decoded(Message):
    control: Control


class Encoded(Message):
    encoded: Hex


class Name(Message):
    name: str


class Avatar(Message):
    avatar: Hex


class CreateView(Message):
    view: NewView
    account: Hex


class CreateGroup(Message):
    view: View
    others: list[Hex]
    name: str
    avatar: Hex | None = None
    now_ms: int


class Accept(Message):
    view: View
    sender: Hex
    encoded: Hex


class Read(Message):
    view: View


class EndedMembership(Sparse):
    account: Hex
    added: int
    last_index: Index | None = None


class State(Sparse):
    epoch: int
    name: str
    avatar_hash: Hex | None = None
    administrator: Hex
    members: list[Member]
    adds: list[Hex]
    leaves: list[EndedMembership]
    adders: list[Hex]
    removed: list[Removal]
    is_confirmed: bool
    waiting: int
    is_out: bool
    closed: bool
    digest: Hex


class AddAccounts(Message):
    view: View
    accounts: list[Hex]


class PassOn(Message):
    view: View
    adds_you: bool


class LeaveGroup(Message):
    view: View
    last_index: Index | None = None
    now_ms: int


class Kick(Sparse):
    account: Hex
    last_index: Index | None = None


class OpenEpoch(Message):
    view: View
    kicked: list[Kick]
    name: str | None = None
    avatar: Hex | None = None
    now_ms: int


class WasAdded(Message):
    view: View
    account: Hex
    epoch: int


class Again(Message):
    again: bool


ZEROS = "00" * 32

METHODS = (
    Method(
        name="group_control.encode_control",
        capability="group-control",
        summary="Encode a control message.",
        params=Decoded,
        result=Encoded,
        sample={"control": {"group_id": ZEROS, "epoch": 0, "notice": {}}},
    ),
    Method(
        name="group_control.decode_control",
        capability="group-control",
        summary="Decode a control message, and check its form.",
        params=Encoded,
        result=Decoded,
        errors=MALFORMED,
        sample={"encoded": ""},
    ),
    Method(
        name="group_control.check_name",
        capability="group-control",
        summary="Check the name of a group.",
        params=Name,
        result=Nothing,
        errors=("InvalidName",),
        sample={"name": ""},
    ),
    Method(
        name="group_control.check_avatar",
        capability="group-control",
        summary="Check an image.",
        params=Avatar,
        result=Nothing,
        errors=("InvalidAvatar",),
        sample={"avatar": ""},
    ),
    Method(
        name="group_control.create_view",
        capability="group-views",
        summary="Make the view that an account has of a group which is unknown to it.",
        params=CreateView,
        result=Nothing,
        sample={"view": "sample", "account": ZEROS},
    ),
    Method(
        name="group_control.create_group",
        capability="group-views",
        summary="Create a group in such a view; the result goes to each member.",
        params=CreateGroup,
        result=Encoded,
        errors=("OutOfRange", "InvalidName", "InvalidAvatar"),
        sample={"view": "sample", "others": [], "name": "", "now_ms": 0},
    ),
    Method(
        name="group_control.accept",
        capability="group-views",
        summary="Accept a control message that came in the session with an account.",
        params=Accept,
        result=Nothing,
        errors=(
            *MALFORMED,
            "InvalidSignature",
            "NotPermitted",
            "ConflictingSnapshot",
            "PastEpoch",
            "GroupFull",
            "GroupClosed",
        ),
        sample={"view": "sample", "sender": ZEROS, "encoded": ""},
    ),
    Method(
        name="group_control.read",
        capability="group-views",
        summary="Read a view.",
        params=Read,
        result=State,
        sample={"view": "sample"},
    ),
    Method(
        name="group_control.add",
        capability="group-views",
        summary="Add accounts; the result goes to all members.",
        params=AddAccounts,
        result=Encoded,
        errors=("NotPermitted", "GroupFull", "GroupClosed"),
        sample={"view": "sample", "accounts": []},
    ),
    Method(
        name="group_control.pass_on",
        capability="group-views",
        summary="Pass the snapshot of a view on, without its image.",
        params=PassOn,
        result=Encoded,
        sample={"view": "sample", "adds_you": False},
    ),
    Method(
        name="group_control.leave",
        capability="group-views",
        summary="Leave, with the last index that was used; the result goes to all members.",
        params=LeaveGroup,
        result=Encoded,
        errors=("NotPermitted", "GroupClosed"),
        sample={"view": "sample", "now_ms": 0},
    ),
    Method(
        name="group_control.open_epoch",
        capability="group-views",
        summary="Kick, rename, change the image, or none of it; the result goes to all members.",
        params=OpenEpoch,
        result=Encoded,
        errors=("NotPermitted", "InvalidName", "InvalidAvatar", "OutOfRange", "GroupClosed"),
        sample={"view": "sample", "kicked": [], "now_ms": 0},
    ),
    Method(
        name="group_control.must_add_again",
        capability="group-views",
        summary="Tell whether an account that was added in an earlier epoch is to be added again.",
        params=WasAdded,
        result=Again,
        sample={"view": "sample", "account": ZEROS, "epoch": 0},
    ),
)
