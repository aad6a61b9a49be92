"""Chapter 10: group contents and pairwise contents by themselves: what is encoded, and what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cloister.group_content import MAX_ROOM_ADDRESS_CHARACTERS, MAX_TEXT_BYTES
from cloister.group_control import MAX_EPOCH, MAX_INDEX

from cloister_conformance.hand_made import group_control, material
from cloister_conformance.hand_made.closed_groups import ALICE, CAROL, NOW, Content, encode_pairwise, encode_room
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.hand_made.sender_keys import make_sender
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.identity.bad_keys import kinds_of_bad_public_key

USUAL = Content(
    group_id=material.derive_bytes("group id"),
    epoch=1,
    sender=ALICE,
    index=0,
    digest=material.derive_bytes("digest"),
    text="hello",
)
ROOM = replace(USUAL, text=None, room=encode_room())
KEY = group_control.write_key(make_sender("a key").distribution())


def describe(content: Content, room: Json | None = None) -> Json:
    """Describe a content as a method takes and gives it."""
    members = {
        "group_id": content.group_id.hex(),
        "epoch": content.epoch,
        "sender": content.sender.hex(),
        "index": str(content.index),
        "timestamp_ms": content.timestamp_ms,
        "digest": content.digest.hex(),
        "text": content.text,
        "room": room,
    }
    return {name: value for name, value in members.items() if value is not None}


def good_contents() -> Iterator[tuple[str, Content, Json | None]]:
    """Good contents, with their rooms."""
    for text in (
        "hello",
        "",
        " ",
        "\n",
        "\0",
        "déjà vu",
        "de\u0301ja\u0300",
        "\u202eabc",
        "日本語",
        "😀" * 3,
        "x" * 127,
        "x" * 128,
    ):
        yield f"text {text[:8]!a}, {len(text)} characters", replace(USUAL, text=text), None
    for epoch in (0, 127, 128, MAX_EPOCH):
        yield f"epoch {epoch}", replace(USUAL, epoch=epoch), None
    for index in (1, 127, 128, 2**31, 2**32, 2**53, MAX_INDEX):
        yield f"index {index}", replace(USUAL, index=index), None
    for time in (1_000_000_000_000, 9_999_999_999_999):
        yield f"time {time}", replace(USUAL, timestamp_ms=time), None
    yield "sender Carol", replace(USUAL, sender=CAROL), None
    for address in ("https://example.org/room", "", "https://例え.jp/" + "x" * (MAX_ROOM_ADDRESS_CHARACTERS - 14)):
        key = material.derive_bytes(f"server of {len(address)}")
        room = {"address": address, "server_key": key.hex()}
        yield (
            f"a room with an address of {len(address)} characters",
            replace(ROOM, room=encode_room(address, key)),
            room,
        )


def encoded_contents() -> Group:
    """Group contents that are encoded."""
    group = Group("EncodedContent", "closed_group.encode_content")
    for comment, content, room in good_contents():
        expected = {"encoded": content.encode().hex()}
        group.valid(comment, "Content", "CG-8 NE-15", content=describe(content, room), expected=expected)
    return group


def decoded_contents() -> Group:
    """Group contents that are read, or refused."""
    group = Group("GroupContent", "closed_group.decode_content")
    for comment, content, room in good_contents():
        group.valid(comment, "Content", "CG-8", encoded=content.encode(), expected={"content": describe(content, room)})
    longest = replace(USUAL, text="ü" * (MAX_TEXT_BYTES // 2))
    group.valid(
        "a text of 60000 bytes in 30000 characters",
        "TextLimit",
        "CG-6",
        encoded=longest.encode(),
        expected={"content": describe(longest)},
    )
    unknown = USUAL.encode() + field(15, b"later")
    group.valid("a field that is not known", "Content", "NE-13", encoded=unknown, expected={"content": describe(USUAL)})

    bad_fields(group)
    bad_numbers(group)
    bad_rooms(group)
    for comment, encoded in (
        ("nothing", b""),
        ("no protobuf", b"\xff"),
        ("cut off", USUAL.encode()[:-1]),
        ("a sender key", KEY),
        ("a pairwise content", encode_pairwise(text="hello")),
        ("a pairwise content with a sender key", encode_pairwise(control=KEY)),
    ):
        group.invalid(comment, "InvalidMessage", "OtherPath", "CG-2 CG-32", encoded=encoded)
    return group


def refuse(group: Group, comment: str, error: str, flag: str, clauses: str, content: Content) -> None:
    """Add a content that is refused."""
    group.invalid(comment, error, flag, clauses, encoded=content.encode())


def bad_fields(group: Group) -> None:
    """Add contents with a field that is absent, too many, or of another form."""
    for number in range(1, 7):
        comment = f"no field {number}"
        refuse(group, comment, "InvalidMessage", "ContentForm", "CG-8 CG-32", replace(USUAL, other={number: b""}))
    refuse(group, "neither a text nor a room", "InvalidMessage", "ContentForm", "CG-32", replace(USUAL, text=None))
    refuse(group, "a text and a room", "InvalidMessage", "ContentForm", "CG-32", replace(ROOM, text="hello"))
    for text in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"abc\xe2\x82"):
        comment = f"a text of the bytes {text.hex()}"
        refuse(group, comment, "InvalidMessage", "ContentForm", "CG-32 NE-13", replace(USUAL, text=text))
    for number, name in ((1, "group id"), (6, "digest")):
        for size in (0, 31, 33, 64):
            other = {number: field(number, bytes(size))}
            comment = f"a {name} of {size} bytes"
            refuse(group, comment, "InvalidMessage", "ContentForm", "CG-32", replace(USUAL, other=other))
    for comment, clause, public in kinds_of_bad_public_key(ALICE):
        refuse(group, f"sender: {comment}", "InvalidKey", "BadKey", f"CG-32 {clause}", replace(USUAL, sender=public))


def bad_numbers(group: Group) -> None:
    """Add contents with numbers beyond their limits."""
    for epoch in (MAX_EPOCH + 1, 2**32, 2**63, 2**64 - 1):
        refuse(group, f"epoch {epoch}", "OutOfRange", "Number", "CG-32 GC-12", replace(USUAL, epoch=epoch))
    for index in (MAX_INDEX + 1, 2**64 - 1):
        refuse(group, f"index {index}", "OutOfRange", "Number", "CG-32 GC-12", replace(USUAL, index=index))
    for time in (0, 1_600_000_000, 999_999_999_999, 10_000_000_000_000, 2**64 - 1):
        refuse(group, f"time {time}", "OutOfRange", "Number", "CG-32 NE-18", replace(USUAL, timestamp_ms=time))
    longer = replace(USUAL, text="ü" * (MAX_TEXT_BYTES // 2) + "x")
    refuse(group, "a text of 60001 bytes in 30001 characters", "TooLarge", "TextLimit", "CG-6", longer)
    longer = replace(ROOM, room=encode_room("x" * (MAX_ROOM_ADDRESS_CHARACTERS + 1)))
    refuse(group, "a room with an address of 2049 characters", "TooLarge", "TextLimit", "CG-32", longer)


def bad_rooms(group: Group) -> None:
    """Add contents whose room is none."""
    for comment, clauses, room in (
        ("whose server key is empty", "CG-32", encode_room(server_key=b"")),
        ("whose server key has 31 bytes", "CG-32", encode_room(server_key=bytes(31))),
        ("whose server key has 33 bytes", "CG-32", encode_room(server_key=bytes(33))),
        ("without an address", "CG-32", field(2, bytes(32))),
        ("without a server key", "CG-32", field(1, b"https://example.org/room")),
        ("whose address is not UTF-8", "CG-32 NE-13", field(1, b"\xff") + field(2, bytes(32))),
    ):
        refuse(group, f"a room {comment}", "InvalidMessage", "ContentForm", clauses, replace(ROOM, room=room))


def good_pairwise() -> Iterator[tuple[str, dict[str, Any]]]:
    """Good pairwise contents."""
    yield "a greeting", {}
    for text in ("hello", "", "déjà vu", "😀"):
        yield f"text {text!a}", {"text": text}
    yield "a control message", {"control": KEY}
    yield "a leave", {"control": group_control.write_leave(3, 7, epoch=4)}
    yield "a notice", {"control": group_control.write_notice()}
    yield "an ask", {"control": group_control.write_ask(2)}
    yield "a group content", {"group": USUAL.encode()}
    yield "a group content that is none, which is judged later", {"group": b"\xff"}
    yield "an empty group content", {"group": b""}


def encoded_pairwise() -> Group:
    """Pairwise contents that are encoded."""
    group = Group("EncodedPairwise", "closed_group.encode_pairwise")
    for comment, members in good_pairwise():
        expected = {"encoded": encode_pairwise(**members).hex()}
        group.valid(comment, "Pairwise", "CG-1 NE-15", timestamp_ms=NOW, **members, expected=expected)
    return group


def decoded_pairwise() -> Group:
    """Pairwise contents that are read, or refused."""
    group = Group("PairwiseContent", "closed_group.decode_pairwise")
    for comment, members in good_pairwise():
        expected = {name: value.hex() if isinstance(value, bytes) else value for name, value in members.items()}
        encoded = encode_pairwise(**members)
        group.valid(comment, "Pairwise", "CG-1", encoded=encoded, expected={"timestamp_ms": NOW, **expected})
    named: dict[str, Any] = {"text": "hello", "control": KEY, "group": USUAL.encode()}
    for names in (("text", "control"), ("text", "group"), ("control", "group"), ("text", "control", "group")):
        encoded = encode_pairwise(**{name: named[name] for name in names})
        group.invalid(" and ".join(names), "InvalidMessage", "PairwiseForm", "CG-1", encoded=encoded)
        empty: dict[str, Any] = {name: "" if name == "text" else b"" for name in names if name != "control"}
        if len(empty) == len(names):
            encoded = encode_pairwise(**empty)
            group.invalid(
                f"{' and '.join(names)}, both empty", "InvalidMessage", "PairwiseForm", "CG-1", encoded=encoded
            )
    for text in (b"\xff", b"\xed\xa0\x80"):
        group.invalid(
            f"a text of the bytes {text.hex()}",
            "InvalidMessage",
            "PairwiseForm",
            "CG-32 NE-13",
            encoded=encode_pairwise(text=text),
        )
    group.invalid(
        "a text of 60001 bytes",
        "TooLarge",
        "TextLimit",
        "CG-6",
        encoded=encode_pairwise(text="x" * (MAX_TEXT_BYTES + 1)),
    )
    for comment, encoded in (
        ("nothing", b""),
        ("no time", encode_pairwise(text="x", other={1: b""})),
        ("no protobuf", b"\x0a"),
        ("cut off", encode_pairwise(text="x")[:-1]),
    ):
        group.invalid(comment, "InvalidMessage", "PairwiseForm", "CG-32", encoded=encoded)
    for time in (0, 1_600_000_000, 999_999_999_999, 10_000_000_000_000, 2**64 - 1):
        group.invalid(
            f"time {time}", "OutOfRange", "Number", "CG-32 NE-18", encoded=encode_pairwise(timestamp_ms=time, text="x")
        )
    for comment, control, error in (
        ("no message", group_control.write_control({}), "InvalidMessage"),
        ("two messages", group_control.write_control({7: field(1, 1), 8: b""}), "InvalidMessage"),
        ("an ask for 3", group_control.write_ask(3), "OutOfRange"),
        ("an add of a bad account", group_control.write_add(b"\x05" + bytes(32)), "InvalidKey"),
        ("an empty one", b"", "InvalidMessage"),
        ("a group content", USUAL.encode(), "InvalidMessage"),
    ):
        group.invalid(
            f"a control message: {comment}",
            error,
            "PairwiseForm",
            "CG-32 GC-2",
            encoded=encode_pairwise(control=control),
        )
    return group
