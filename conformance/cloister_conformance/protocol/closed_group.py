"""The methods of chapter 10 about what is said: the contents of group messages and of pairwise messages.

Members that are absent on the wire are absent here.
"""

from pydantic import model_validator

from cloister_conformance.protocol.messages import Hex, Index, Message, Method, Sparse

GROUP_CONTENTS = "group-contents"


class Room(Message):
    address: str
    server_key: Hex


class Content(Sparse):
    group_id: Hex
    epoch: int
    sender: Hex
    index: Index
    timestamp_ms: int
    digest: Hex
    text: str | None = None
    room: Room | None = None


class GroupContent(Message):
    content: Content


class PairwiseContent(Sparse):
    timestamp_ms: int
    text: str | None = None
    control: Hex | None = None
    group: Hex | None = None

    @model_validator(mode="after")
    def check_kind(self) -> "PairwiseContent":
        """Check that there is at most one of text, control and group."""
        if [self.text, self.control, self.group].count(None) < 2:
            raise ValueError("give one of text, control and group, or none")
        return self


class Encoded(Message):
    encoded: Hex


METHODS = (
    Method(
        name="closed_group.encode_content",
        capability=GROUP_CONTENTS,
        summary="Encode a group content: a text or a room.",
        params=GroupContent,
        result=Encoded,
        sample={
            "content": {
                "group_id": "00" * 32,
                "epoch": 0,
                "sender": "05" + "09" + "00" * 31,
                "index": "0",
                "timestamp_ms": 0,
                "digest": "00" * 32,
                "text": "",
            }
        },
    ),
    Method(
        name="closed_group.decode_content",
        capability=GROUP_CONTENTS,
        summary="Decode a group content, and check its form.",
        params=Encoded,
        result=GroupContent,
        errors=("InvalidMessage", "InvalidKey", "OutOfRange", "TooLarge"),
        sample={"encoded": ""},
    ),
    Method(
        name="closed_group.encode_pairwise",
        capability=GROUP_CONTENTS,
        summary="Encode a pairwise content: a text, an encoded control message, an encoded group content, or nothing.",
        params=PairwiseContent,
        result=Encoded,
        sample={"timestamp_ms": 1600000000000},
    ),
    Method(
        name="closed_group.decode_pairwise",
        capability=GROUP_CONTENTS,
        summary="Decode a pairwise content, and check the form of a text or a control message in it.",
        params=Encoded,
        result=PairwiseContent,
        errors=("InvalidMessage", "InvalidKey", "InvalidName", "InvalidAvatar", "OutOfRange", "TooLarge"),
        sample={"encoded": ""},
    ),
)
