"""Chapter 10: messages of members, in order, lost, late, repeated, moved, forged; Bob has everybody's key."""

import secrets
from dataclasses import replace
from typing import Any

from cloister import envelope, group_content, identity

from cloister_conformance.hand_made import group_control
from cloister_conformance.hand_made.closed_groups import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    NOW,
    Letter,
    Writer,
    encode_pairwise,
    encode_room,
    find_address,
    seal,
)
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.hand_made.sender_keys import make_sender
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.closed_groups.reader import (
    HIKE,
    after_begin,
    begin,
    event,
    hold,
    missing,
    poll,
    read_all,
    receive,
    refuse,
    shown,
)

UNHARMED = "StateUnharmed"
ADDRESS, ADDRESS_PRIVATE = find_address(HIKE), identity.decode_private_key(HIKE.address_private)
ROOM = event(
    "room offered",
    account=ALICE,
    index=0,
    timestamp_ms=NOW,
    address="https://example.org/room",
    server_key=bytes(32).hex(),
)


def write_some(writer: Writer, count: int) -> list[Letter]:
    """Let somebody write messages, whose texts are their indices."""
    return [writer.write(HIKE, str(writer.index)) for _ in range(count)]


def orders() -> Group:
    """Messages in order, late, and lost."""
    group = Group("Member", "client.receive", before=begin(), random=secrets.token_bytes)
    alice, carol, dave = (after_begin(name) for name in ("alice", "carol", "dave"))
    turns = [writer.write(HIKE, f"{writer.name} {writer.index}") for writer in (alice, carol, dave, carol, alice)]
    told = [
        shown(account, index, f"{name} {index}")
        for account, name, index in (
            (ALICE, "alice", 0),
            (CAROL, "carol", 0),
            (DAVE, "dave", 0),
            (CAROL, "carol", 1),
            (ALICE, "alice", 1),
        )
    ]
    steps = [*read_all(turns, *told), hold(HIKE), poll(HIKE)]
    group.scenario("members in turn", "Message", "CG-8 CG-9 CG-29", steps)
    for order, ranges in (
        ((0, 3, 1, 2), {3: (1, 2)}),
        ((2, 0, 1), {2: (0, 1)}),
        ((3, 1, 5, 0, 2, 4), {3: (0, 2), 5: (4, 4)}),
    ):
        letters = write_some(after_begin("carol"), 1 + max(order))
        steps = [
            receive(
                letters[index],
                *([missing(CAROL, *ranges[index])] if index in ranges else []),
                shown(CAROL, index, str(index)),
            )
            for index in order
        ]
        group.scenario(f"order {' '.join(map(str, order))}", "Gap", "CG-29 CG-30", steps)
    far_and_bound(group)
    repeated(group)
    return group


def far_and_bound(group: Group) -> None:
    """Add what is remembered of 2500 messages that are missing."""
    for index, is_remembered in ((2499, True), (500, True), (499, False), (0, False)):
        carol = after_begin("carol")
        far = carol.write(HIKE, "far", index=2500)
        late, new = carol.write(HIKE, "late", index=index), carol.write(HIKE, "new", index=2501)
        begun = [receive(far, missing(CAROL, 0, 2499), shown(CAROL, 2500, "far"))]
        comment = f"2500 are missing, and {index} comes"
        if is_remembered:
            steps = [*begun, receive(late, shown(CAROL, index, "late")), receive(new, shown(CAROL, 2501, "new"))]
            group.scenario(comment, "Gap", "CG-30", steps)
        else:
            steps = [*begun, refuse(late, "DuplicateMessage"), receive(new, shown(CAROL, 2501, "new"))]
            group.scenario(comment, f"Gap {UNHARMED}", "CG-29", steps)


def reseal(letter: Letter, **changes: object) -> Letter:
    """Seal what somebody wrote to the group anew, with another time, or from another source."""
    opened = envelope.open_envelope(ADDRESS_PRIVATE, letter.data)
    changed = replace(opened, timestamp_ms=NOW + 1, **changes)  # type: ignore[arg-type]
    return seal(letter.recipient, changed.kind, changed.source, changed.content, timestamp_ms=changed.timestamp_ms)


def flip(data: bytes, index: int) -> bytes:
    """Change one bit of a byte."""
    changed = bytearray(data)
    changed[index] ^= 1
    return bytes(changed)


def repeated(group: Group) -> None:
    """Add messages that come again."""
    carol = after_begin("carol")
    far, late = carol.write(HIKE, "far", index=2), carol.write(HIKE, "late", index=0)
    again, new = carol.write(HIKE, "late", index=0), carol.write(HIKE, "new", index=1)
    steps = [
        receive(far, missing(CAROL, 0, 1), shown(CAROL, 2, "far")),
        receive(late, shown(CAROL, 0, "late")),
        refuse(again, "DuplicateMessage"),
        receive(new, shown(CAROL, 1, "new")),
    ]
    group.scenario("a late message under two iterations", f"Replay {UNHARMED}", "CG-29 CG-32", steps)
    carol = after_begin("carol")
    first, second, third = write_some(carol, 3)
    begun = read_all((first, second), shown(CAROL, 0, "0"), shown(CAROL, 1, "1"))
    goes_on = receive(third, shown(CAROL, 2, "2"))
    for name, again in (("as it was", first), ("sealed anew", reseal(first)), ("the newest", second)):
        steps = [*begun, refuse(again, "DuplicateMessage"), goes_on]
        group.scenario(f"a message comes again, {name}", f"Replay {UNHARMED}", "CG-29 CG-32", steps)
    carol = after_begin("carol")
    first, again, new = carol.write(HIKE, "one"), carol.write(HIKE, "two", index=0), carol.write(HIKE, "new")
    steps = [
        receive(first, shown(CAROL, 0, "one")),
        refuse(again, "DuplicateMessage"),
        receive(new, missing(CAROL, 1, 1), shown(CAROL, 2, "new")),
    ]
    group.scenario("one index under two iterations", f"Replay {UNHARMED}", "CG-29 CG-32", steps)
    carol = after_begin("carol")
    first = carol.write(HIKE, "one")
    carol.renew()
    key, again, new = carol.give(HIKE), carol.write(HIKE, "one", index=0), carol.write(HIKE, "two", index=1)
    begun = [receive(first, shown(CAROL, 0, "one")), receive(key)]
    steps = [*begun, refuse(again, "DuplicateMessage"), receive(new, shown(CAROL, 1, "two"))]
    group.scenario("one index under two keys", f"Replay {UNHARMED}", "CG-29 CG-32", steps)
    group.scenario("indices go on under a new key", "Message", "CG-9", [*begun, receive(new, shown(CAROL, 1, "two"))])


def bindings() -> Group:
    """Messages that are bound to something else, forged, or of another form; afterwards a good one is read."""
    group = Group("Bound", "client.receive", before=begin(), random=secrets.token_bytes)
    for comment, changes in (
        ("another group", {"group_id": bytes(32)}),
        ("a later epoch", {"epoch": 1}),
        ("another sender", {"sender": DAVE}),
        ("Bob as its sender", {"sender": BOB}),
    ):
        carol = after_begin("carol")
        letter = carol.write(HIKE, "moved", **changes)
        carol.index = 0
        first = carol.write(HIKE, "good", index=0)
        steps = [refuse(letter, "NotPermitted"), receive(first, shown(CAROL, 0, "good")), hold(HIKE)]
        group.scenario(f"bound to {comment}", f"Moved {UNHARMED}", "CG-23 CG-32", steps)

    carol = after_begin("carol")
    wrong, new = carol.write(HIKE, "0"), carol.write(HIKE, "good")
    opened = envelope.open_envelope(ADDRESS_PRIVATE, wrong.data)
    for comment, content, error in (
        ("a signature with one bit changed", flip(opened.content, -1), "InvalidSignature"),
        ("a ciphertext with one bit changed", flip(opened.content, -70), "InvalidSignature"),
        ("another version", b"\x43" + opened.content[1:], "UnsupportedVersion"),
        ("no frame", b"hello", "InvalidMessage"),
    ):
        letter = seal(ADDRESS, "group message", CAROL, content)
        begun = [refuse(letter, error), receive(wrong, shown(CAROL, 0, "0"))]
        group.scenario(comment, f"Forged {UNHARMED}", "CG-32", [*begun, receive(new, shown(CAROL, 1, "good"))])
    forged = replace(carol.sender_key, signing_key=make_sender("dave forges").signing_key)
    content = after_begin("carol").content(HIKE, "forged").encode()
    letter = seal(ADDRESS, "group message", CAROL, forged.message(content, 0))
    steps = [refuse(letter, "InvalidSignature"), receive(wrong, shown(CAROL, 0, "0"))]
    group.scenario("forged by a member who has the chain key", f"Forged {UNHARMED}", "CG-32", steps)
    others(group)
    contents(group)
    places(group, wrong)
    return group


def others(group: Group) -> None:
    """Add messages under another's name."""
    carol, dave = after_begin("carol"), after_begin("dave")
    letter = carol.write(HIKE, "carol's")
    steps = [receive(reseal(letter, source=DAVE)), receive(letter, shown(CAROL, 0, "carol's"))]
    group.scenario("under another's name, whose key it is not: it waits", "Moved", "CG-23 CG-28", steps)
    steps = [receive(reseal(letter, source=BOB)), receive(letter, shown(CAROL, 0, "carol's"))]
    group.scenario("under Bob's own name: passed over", "Moved", "CG-23", steps)
    taken = carol.sender_key
    same_number = replace(dave.sender_key, key_id=taken.key_id)
    content = replace(dave.content(HIKE, "dave's"), sender=CAROL).encode()
    letter = seal(ADDRESS, "group message", DAVE, same_number.message(content, 0))
    key = dave.give_key(HIKE, same_number.distribution(0), 0)
    good = seal(ADDRESS, "group message", DAVE, same_number.message(dave.content(HIKE, "dave's").encode(), 1))
    steps = [receive(key), refuse(letter, "NotPermitted"), receive(good, shown(DAVE, 0, "dave's"))]
    group.scenario("in another's name, under one's own key", f"Moved {UNHARMED}", "CG-23 CG-32", steps)


def contents(group: Group) -> None:
    """Add messages whose content is none."""
    carol = after_begin("carol")
    carol.renew()
    key = carol.describe_key(HIKE, carol.sender_key.distribution(), 0)
    control = group_control.write_control({6: key}, label="hike")
    for comment, error, clauses, changes in (
        ("neither a text nor a room", "InvalidMessage", "CG-32", {}),
        ("a text and a room", "InvalidMessage", "CG-32", {"text": "x", "room": encode_room()}),
        ("a text that is not UTF-8", "InvalidMessage", "CG-32 NE-13", {"text": b"\xff"}),
        ("no index", "InvalidMessage", "CG-32", {"text": "x", "other": {4: b""}}),
        ("an index of 2^63", "OutOfRange", "CG-32 GC-12", {"text": "x", "index": 2**63}),
        ("a time of 12 digits", "OutOfRange", "CG-32 NE-18", {"text": "x", "timestamp_ms": 999_999_999_999}),
    ):
        carol = after_begin("carol")
        letter = carol.write(HIKE, **changes)
        good = carol.write(HIKE, "good", index=0)
        steps = [refuse(letter, error), receive(good, shown(CAROL, 0, "good"))]
        group.scenario(f"content: {comment}", f"ContentForm {UNHARMED}", clauses, steps)
    for comment, encoded in (
        ("a sender key", control),
        ("a sender key in a pairwise content", encode_pairwise(control=control)),
        ("a leave", group_control.write_leave()),
        ("a text in a pairwise content", encode_pairwise(text="x")),
    ):
        carol = after_begin("carol")
        letter, good = carol.write_content(HIKE, encoded), carol.write(HIKE, "good", index=0)
        steps = [refuse(letter, "InvalidMessage"), receive(good, shown(CAROL, 0, "good")), hold(HIKE)]
        group.scenario(f"content: {comment}", f"OtherPath {UNHARMED}", "CG-2 CG-32", steps)
    carol = after_begin("carol")
    letter, good = carol.write(HIKE, "x" * (group_content.MAX_TEXT_BYTES + 1)), carol.write(HIKE, "good", index=0)
    steps = [refuse(letter, "TooLarge"), receive(good, shown(CAROL, 0, "good"))]
    group.scenario("content: a text of 60001 bytes", f"TextLimit {UNHARMED}", "CG-6 CG-32", steps)
    alice, carol = after_begin("alice"), after_begin("carol")
    group.scenario("a room by Alice", "Room", "CG-33", [receive(alice.write(HIKE, room=encode_room()), ROOM)])
    letter, good = carol.write(HIKE, room=encode_room()), carol.write(HIKE, "good", index=0)
    steps = [refuse(letter, "NotPermitted"), receive(good, shown(CAROL, 0, "good"))]
    group.scenario("a room by Carol", f"Room {UNHARMED}", "CG-33 CG-32", steps)


def places(group: Group, wrong: Letter) -> None:
    """Add what is stored at another place than its kind says."""
    opened = envelope.open_envelope(ADDRESS_PRIVATE, wrong.data)
    carol = after_begin("carol")
    good = receive(wrong, shown(CAROL, 0, "0"))
    letter = seal(BOB, "group message", CAROL, opened.content)
    steps = [refuse(letter, "InvalidMessage", account=None), good]
    group.scenario("a group message for Bob's account", f"OtherPath {UNHARMED}", "CG-32 EN-17", steps)
    text = carol.opener.prekey_message(carol.opener.chain.message(encode_pairwise(text="x"), 1))
    letter = seal(ADDRESS, "prekey message", CAROL, text)
    steps = [refuse(letter, "InvalidMessage", account=None), good]
    group.scenario("a pairwise message for the group's address", f"OtherPath {UNHARMED}", "CG-2 EN-17", steps)
    letter = seal(ADDRESS, "group message", CAROL, opened.content)
    letter = Letter(recipient=ADDRESS, sender=CAROL, data=flip(letter.data, -1))
    steps = [refuse(letter, "DecryptionFailed", account=None), good]
    group.scenario("sealed to nobody", f"Forged {UNHARMED}", "CG-32", steps)


def pairwise() -> Group:
    """What comes in a session: texts, and group contents, which is client-side fan-out."""
    group = Group("InSession", "client.receive", before=begin(), random=secrets.token_bytes)
    carol = after_begin("carol")

    def text(account: bytes, said: str) -> Json:
        return event("text", group_id=None, account=account, timestamp_ms=NOW, text=said)

    steps = [
        receive(carol.say(encode_pairwise(text="hello")), text(CAROL, "hello")),
        receive(carol.say(encode_pairwise())),
    ]
    group.scenario("a text, and a greeting", "Pairwise", "CG-1 CG-5", steps)
    erin = after_begin("erin")
    steps = [receive(erin.say(encode_pairwise(text="hello")), text(ERIN, "hello")), hold(HIKE)]
    group.scenario("a text of a stranger", "Pairwise", "CG-3", steps)
    kinds = write_kinds(carol)
    good = encode_pairwise(text="hello")
    for comment, error, clause, encoded in (
        ("a text and a control message", "InvalidMessage", "CG-1", encode_pairwise(text="x", control=kinds["control"])),
        ("a text and a group content", "InvalidMessage", "CG-1", encode_pairwise(text="x", group=kinds["group"])),
        ("a control message and a group content", "InvalidMessage", "CG-1", encode_pairwise(**kinds)),
        ("all three", "InvalidMessage", "CG-1", encode_pairwise(text="x", **kinds)),
        ("no time", "InvalidMessage", "CG-32", encode_pairwise(text="x", other={1: b""})),
        ("no protobuf", "InvalidMessage", "CG-32", b"\xff"),
    ):
        dave = after_begin("dave")
        steps = [refuse(dave.say(encoded), error), receive(dave.say(good), text(DAVE, "hello"))]
        group.scenario(f"pairwise content: {comment}", f"PairwiseForm {UNHARMED}", clause, steps)
    fan_out(group)
    return group


def write_kinds(writer: Writer) -> dict[str, Any]:
    """Write a good control message and a good group content."""
    return {
        "control": group_control.write_control({7: field(1, 1)}, label="hike"),
        "group": writer.content(HIKE, "hello").encode(),
    }


def say_content(writer: Writer, text: str = "hello", **changes: object) -> Letter:
    """Say a group content in the session with Bob."""
    letter = writer.say(encode_pairwise(group=writer.content(HIKE, text, **changes).encode()))
    writer.index += 1
    return letter


def fan_out(group: Group) -> None:
    """Add group contents in a session."""
    carol = after_begin("carol")
    steps = [
        receive(say_content(carol), shown(CAROL, 0, "hello")),
        receive(carol.write(HIKE, "next"), shown(CAROL, 1, "next")),
    ]
    group.scenario("a group content in a session, the next one in the group", "FanOut", "CG-29", steps)
    for name, is_first in (("in the session first", True), ("in the group first", False)):
        carol = after_begin("carol")
        one, other = say_content(carol), carol.write(HIKE, "hello", index=0)
        first, second = (one, other) if is_first else (other, one)
        steps = [receive(first, shown(CAROL, 0, "hello")), refuse(second, "DuplicateMessage")]
        carol.index = 1
        steps.append(receive(carol.write(HIKE, "next"), shown(CAROL, 1, "next")))
        group.scenario(f"both ways, {name}", f"FanOut Replay {UNHARMED}", "CG-29 CG-32", steps)
    for comment, changes in (
        ("of another group", {"group_id": bytes(32)}),
        ("of another sender", {"sender": DAVE}),
    ):
        carol = after_begin("carol")
        steps = [refuse(say_content(carol, **changes), "NotPermitted")]
        carol.index = 0
        steps.append(receive(say_content(carol), shown(CAROL, 0, "hello")))
        group.scenario(f"a group content in a session, {comment}", f"FanOut Moved {UNHARMED}", "CG-23 CG-32", steps)
    erin, carol = after_begin("erin"), after_begin("carol")
    add = carol.say_control(group_control.write_add(ERIN, label="hike"))
    steps = [
        receive(say_content(erin)),
        receive(add, event("member added", account=ERIN), shown(ERIN, 0, "hello")),
        hold(HIKE, adds=[ERIN]),
    ]
    group.scenario("a group content of somebody who is added later: it waits", "FanOut Waiting", "CG-28", steps)
    carol = after_begin("carol")
    letter = say_content(carol, text=None, room=encode_room())  # type: ignore[arg-type]
    carol.index = 0
    steps = [refuse(letter, "NotPermitted"), receive(say_content(carol), shown(CAROL, 0, "hello"))]
    group.scenario("a room by Carol in a session", f"FanOut Room {UNHARMED}", "CG-33 CG-32", steps)
