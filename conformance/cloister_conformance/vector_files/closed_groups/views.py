"""Chapter 10: what a member tells when its view changes, what it polls, and whose messages it still reads."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from cloister.group_content import MAX_TEXT_BYTES
from cloister.group_reading import PAST_MS
from cloister.group_repair import REPAIR_AFTER_MS, REPORT_AFTER_MS

from cloister_conformance.hand_made import group_control
from cloister_conformance.hand_made.closed_groups import ALICE, BOB, CAROL, DAVE, ERIN, NOW, Letter, Writer
from cloister_conformance.hand_made.group_control import HOW, PNG, Removed, Snapshot
from cloister_conformance.vector_files.cases import Group, Json, answered
from cloister_conformance.vector_files.closed_groups.reader import (
    HIKE,
    after_begin,
    begin,
    confirmed,
    event,
    hold,
    joined,
    open_epoch,
    poll,
    receive,
    refuse,
    refuse_command,
    shown,
    tick,
)

UNHARMED = "StateUnharmed"
WITHOUT_DAVE = (ALICE, BOB, CAROL)
RENAMED = open_epoch(HIKE, name="another name")
KICKED = open_epoch(HIKE, members=WITHOUT_DAVE, removed=(Removed(account=DAVE, last_index=1),))
LEFT = open_epoch(HIKE, members=WITHOUT_DAVE, removed=(Removed(account=DAVE, how=HOW["left"], last_index=1),))
WITHOUT_BOB = open_epoch(HIKE, members=(ALICE, CAROL, DAVE), removed=(Removed(account=BOB),))
CLOSED = open_epoch(HIKE, closed=True)
PAINTED = open_epoch(HIKE, avatar=PNG)

DAVE_KICKED, DAVE_LEFT = (event(f"member {how}", account=DAVE) for how in ("kicked", "left"))
OUT, END = event("out"), event("closed")


def take_up(alice: Writer, snapshot: Snapshot, *told: Json) -> Json:
    """Describe that Bob gets a snapshot from Alice."""
    return receive(alice.say_control(snapshot.message()), *told)


def say_leave(writer: Writer, added: int = 0, last_index: int | None = None, account: bytes | None = None) -> Letter:
    """Let somebody say that it, or another, leaves."""
    body = group_control.encode_leave(added, last_index, account)
    return writer.say_control(group_control.write_control({5: body}, label="hike"))


def say_notice(writer: Writer, epoch: int) -> Letter:
    """Let somebody say that Bob is no member."""
    return writer.say_control(group_control.write_control({8: b""}, epoch=epoch, label="hike"))


def say_add(writer: Writer, *accounts: bytes, epoch: int = 0) -> Letter:
    """Let somebody add accounts."""
    return writer.say_control(group_control.write_add(*accounts, epoch=epoch, label="hike"))


def epochs() -> Group:
    """What the administrator changes."""
    group = Group("Epoch", "client.receive", before=begin(), random=secrets.token_bytes)
    alice, carol = after_begin("alice"), after_begin("carol")
    old = [carol.write(HIKE, str(index)) for index in range(3)]
    new = carol.write(RENAMED, "3")
    renamed = take_up(alice, RENAMED, event("renamed", text="another name"))
    steps = [renamed, hold(RENAMED), poll(RENAMED, HIKE), *(receive(old[i], shown(CAROL, i, str(i))) for i in range(3))]
    group.scenario(
        "another name", "NewEpoch PastEpoch", "CG-24 CG-34 CG-49", [*steps, receive(new, shown(CAROL, 3, "3"))]
    )
    again = [receive(Writer(name="carol", counter=1).say_control(RENAMED.message())), hold(RENAMED)]
    group.scenario("the same snapshot again, from Carol", "NewEpoch", "CG-49", [renamed, *again])
    passed_on = receive(after_begin("carol").say_control(RENAMED.message()), event("renamed", text="another name"))
    group.scenario("another name, passed on by Carol", "NewEpoch", "CG-49", [passed_on, hold(RENAMED)])

    end = NOW + PAST_MS
    for comment, at, snapshots in (("at the end", end, (RENAMED, HIKE)), ("1 ms later", end + 1, (RENAMED,))):
        told = [shown(CAROL, 0, "0")] if at == end else []
        late = [tick(at), poll(*snapshots), receive(old[0], *told, at=at)]
        group.scenario(f"the old address {comment}", "Polling", "CG-24 CG-34", [renamed, *late])
    third = open_epoch(RENAMED, name="a third name")
    taken_up = receive(alice.say_control(third.message()), event("renamed", text="a third name"), at=NOW + 1000)
    steps = [renamed, taken_up, poll(third, RENAMED, HIKE)]
    steps += [tick(end + 1), poll(third, RENAMED), tick(end + 1001), poll(third)]
    group.scenario("each old address has its own end", "Polling", "CG-34", steps)

    alice = after_begin("alice")
    painted = receive(alice.say_control(PAINTED.message(avatar=PNG)), event("avatar changed"))
    group.scenario("another avatar", "NewEpoch", "CG-39 CG-49", [painted, hold(PAINTED)])
    later = open_epoch(PAINTED, name="another name")
    steps = [painted, take_up(alice, later, event("renamed", text="another name")), hold(later)]
    group.scenario("another name, the avatar stays", "NewEpoch", "CG-39 CG-49", steps)
    bad_snapshots(group)
    return group


def bad_snapshots(group: Group) -> None:
    """Add snapshots that are refused."""
    for comment, error, name, snapshot in (
        ("another of the same epoch", "ConflictingSnapshot", "alice", replace(HIKE, name="another name")),
        ("another of the same epoch, from Carol", "ConflictingSnapshot", "carol", replace(HIKE, members=WITHOUT_DAVE)),
        ("signed by another key", "InvalidSignature", "alice", replace(RENAMED, signer="mallory")),
        ("of another administrator", "NotPermitted", "carol", replace(RENAMED, administrator=CAROL)),
        ("of another administrator key", "NotPermitted", "alice", replace(RENAMED, key="mallory")),
        ("with two equal members", "InvalidMessage", "alice", replace(RENAMED, members=(ALICE, BOB, BOB, CAROL))),
        ("with a name of 65 characters", "InvalidName", "alice", replace(RENAMED, name="n" * 65)),
        ("without the administrator", "InvalidMessage", "alice", replace(RENAMED, members=(BOB, CAROL, DAVE))),
    ):
        writer, carol = after_begin(name), after_begin("carol")
        steps = [
            refuse(writer.say_control(snapshot.message()), error),
            receive(carol.write(HIKE, "0"), shown(CAROL, 0, "0")),
        ]
        group.scenario(
            f"a snapshot {comment}", f"BadSnapshot {UNHARMED}", "CG-32 GC-1", [*steps, hold(HIKE), poll(HIKE)]
        )
    alice = after_begin("alice")
    renamed = take_up(alice, RENAMED, event("renamed", text="another name"))
    steps = [renamed, refuse(say_add(after_begin("carol"), ERIN), "PastEpoch"), hold(RENAMED)]
    group.scenario("an add of a past epoch", f"BadSnapshot {UNHARMED}", "CG-32 GC-30", steps)


def removals() -> Group:
    """Who is kicked, leaves, is absent; and whose messages are read after that."""
    group = Group("Removal", "client.receive", before=begin(), random=secrets.token_bytes)
    for kind, snapshot, told in (("kicked", KICKED, DAVE_KICKED), ("left", LEFT, DAVE_LEFT)):
        alice, carol, dave = (after_begin(name) for name in ("alice", "carol", "dave"))
        old = [dave.write(HIKE, str(index)) for index in range(4)]
        gone = take_up(alice, snapshot, told)
        late = receive(old[1], event("indices missing", account=DAVE, index=0, last_index=0), shown(DAVE, 1, "1"))
        steps = [gone, hold(snapshot), poll(snapshot, HIKE), late, receive(old[0], shown(DAVE, 0, "0"))]
        group.scenario(f"Dave is {kind}, his messages of before", "Removal", "CG-25 CG-49", steps)
        goes_on = receive(carol.write(snapshot, "on"), shown(CAROL, 0, "on"))
        for index in (2, 3):
            steps = [gone, refuse(old[index], "NotPermitted"), late, goes_on]
            comment = f"Dave is {kind}, his message {index}, the last that counts being 1"
            group.scenario(comment, f"Removal {UNHARMED}", "CG-26 CG-32", steps)
        steps = [
            receive(old[0], shown(DAVE, 0, "0")),
            gone,
            refuse(old[0], "DuplicateMessage"),
            late_after_first(old[1]),
        ]
        group.scenario(f"Dave is {kind}, a message of before again", f"Removal Replay {UNHARMED}", "CG-29 CG-32", steps)
    later_epochs(group)
    leaves(group)
    absent = open_epoch(HIKE, members=WITHOUT_DAVE)
    alice, dave = after_begin("alice"), after_begin("dave")
    gone = take_up(alice, absent, event("member absent", account=DAVE))
    group.scenario("Dave is absent from a snapshot", "Removal", "CG-49", [gone, hold(absent)])
    steps = [gone, refuse(dave.write(HIKE, "0"), "NotPermitted"), hold(absent)]
    group.scenario("Dave is absent from a snapshot, his message of before", f"Removal {UNHARMED}", "CG-26 CG-32", steps)
    returns(group)
    return group


def late_after_first(letter: Letter) -> Json:
    """Describe that Dave's second message is read."""
    return receive(letter, shown(DAVE, 1, "1"))


def later_epochs(group: Group) -> None:
    """Add messages of an epoch after the last of their sender."""
    second = open_epoch(KICKED, name="another name")
    alice, dave = after_begin("alice"), after_begin("dave")
    gone = take_up(alice, KICKED, DAVE_KICKED)
    second_epoch = take_up(alice, second, event("renamed", text="another name"))
    letter = dave.write(KICKED, "0")
    steps = [gone, second_epoch, refuse(letter, "NotPermitted"), hold(second)]
    group.scenario(
        "Dave is kicked, his message of the next epoch, which is over", f"Removal {UNHARMED}", "CG-26 CG-32", steps
    )
    waits = [gone, receive(letter), hold(KICKED)]
    group.scenario("Dave is kicked, his message of the next epoch: it waits", "Removal Waiting", "CG-28", waits)
    back = receive(
        say_add(after_begin("carol"), DAVE, epoch=1), event("member added", account=DAVE), shown(DAVE, 0, "0")
    )
    comment = "Dave is kicked, his message of the next epoch, under the key that is held, waits until he is added again"
    group.scenario(comment, "AddedAgain Waiting", "CG-28", [*waits, back])
    steps = [
        gone,
        second_epoch,
        receive(
            dave.write(HIKE, "1"), event("indices missing", account=DAVE, index=0, last_index=0), shown(DAVE, 1, "1")
        ),
    ]
    group.scenario("Dave is kicked, his message of before two epochs later", "Removal", "CG-25", steps)


def leaves(group: Group) -> None:
    """Add leaves."""
    for last_index in (1, None):
        carol, dave = after_begin("carol"), after_begin("dave")
        old = [dave.write(HIKE, str(index)) for index in range(3)]
        gone = receive(say_leave(dave, last_index=last_index), DAVE_LEFT)
        name = "nothing" if last_index is None else "two messages"
        held = hold(HIKE, leaves={DAVE: 0})
        if last_index is not None:
            steps = [
                gone,
                *(receive(old[index], shown(DAVE, index, str(index))) for index in range(2)),
                held,
                poll(HIKE),
            ]
            group.scenario(f"Dave says that he leaves, after {name}", "Removal", "CG-25 CG-49", steps)
        above = old[0 if last_index is None else last_index + 1]
        goes_on = receive(carol.write(HIKE, "on"), shown(CAROL, 0, "on"))
        steps = [gone, refuse(above, "NotPermitted"), goes_on, held]
        group.scenario(f"Dave leaves after {name}, and one more comes", f"Removal {UNHARMED}", "CG-26 CG-32", steps)
    alice, carol, dave = (after_begin(name) for name in ("alice", "carol", "dave"))
    good = receive(carol.write(HIKE, "0"), shown(CAROL, 0, "0"))
    steps = [refuse(say_leave(carol, account=DAVE), "NotPermitted"), good, hold(HIKE)]
    group.scenario("Carol says that Dave leaves", f"NotPresent {UNHARMED}", "CG-32 GC-40", steps)
    steps = [refuse(say_leave(alice), "NotPermitted"), good, hold(HIKE)]
    group.scenario("Alice says that she leaves", f"NotPresent {UNHARMED}", "CG-32 GC-42", steps)
    steps = [receive(say_leave(dave, added=1)), good, hold(HIKE)]
    group.scenario("a leave of a later membership: it waits", "Waiting", "CG-32 GC-43", steps)


def returns(group: Group) -> None:
    """Add Dave's return in a later epoch."""
    alice, carol, dave = (after_begin(name) for name in ("alice", "carol", "dave"))
    old = dave.write(HIKE, "old")
    dave.skip(3)
    after = dave.write(HIKE, "after the kick")
    gone = take_up(alice, KICKED, DAVE_KICKED)
    back = receive(say_add(carol, DAVE, epoch=1), event("member added", account=DAVE))
    dave.renew()
    dave.index = 0
    key, new = dave.give(KICKED), dave.write(KICKED, "new")
    steps = [gone, back, receive(key), receive(new, shown(DAVE, 0, "new")), hold(KICKED, adds=[DAVE])]
    group.scenario("Dave is kicked and added again: index 0 again", "AddedAgain", "CG-22 CG-9 CG-29", steps)
    late = [*steps, receive(old, shown(DAVE, 0, "old"))]
    group.scenario("Dave is added again, his message of the first membership", "AddedAgain", "CG-25", late)
    late = [*steps, refuse(after, "NotPermitted"), receive(old, shown(DAVE, 0, "old"))]
    group.scenario("Dave is added again, a message after the kick", f"AddedAgain {UNHARMED}", "CG-26 CG-32", late)
    steps = [
        gone,
        receive(new),
        receive(key),
        receive(
            Writer(name="carol", counter=2).say_control(group_control.write_add(DAVE, epoch=1, label="hike")),
            event("member added", account=DAVE),
            shown(DAVE, 0, "new"),
        ),
    ]
    group.scenario("Dave is added again, message and key before that", "AddedAgain Waiting", "CG-20 CG-28", steps)


def ends() -> Group:
    """Bob is out, or the group is closed."""
    group = Group("End", "client.receive", before=begin(), random=secrets.token_bytes)
    alice, carol = after_begin("alice"), after_begin("carol")
    message = carol.write(HIKE, "0")
    notice = receive(say_notice(alice, 1), event("notice", account=ALICE), OUT)
    steps = [notice, hold(HIKE, status="out"), poll(), receive(message), poll()]
    group.scenario("a notice of Alice in a later epoch", "Out", "CG-41 CG-34", steps)
    for comment, name, epoch in (
        ("of Alice in the same epoch", "alice", 0),
        ("of Carol", "carol", 1),
        ("of a stranger", "erin", 1),
    ):
        writer = Writer(name=name, counter=3)
        told = event("notice", account=writer.account)
        steps = [receive(say_notice(writer, epoch), told), receive(message, shown(CAROL, 0, "0")), hold(HIKE)]
        group.scenario(f"a notice {comment}", "Notice", "CG-32 CG-49", steps)
    steps = [
        notice,
        receive(say_notice(after_begin("carol"), 2), event("notice", account=CAROL)),
        hold(HIKE, status="out"),
    ]
    group.scenario("a notice of Carol in a still later epoch, when out", "Out Notice", "CG-49 GC-51", steps)
    again = receive(after_begin("carol").say_control(HIKE.message(adds_you=True)))
    steps = [notice, again, hold(HIKE, status="out"), poll()]
    group.scenario("a snapshot of an epoch below that of the notice, when out", "Out", "CG-41 GC-51", steps)
    alice = after_begin("alice")
    said = {"client": "bob", "group_id": HIKE.group_id, "text": "hello", "fan_out": "server", "now_ms": NOW}
    not_sent = event("not sent", index=0, timestamp_ms=NOW, text="hello")
    steps = [answered("client.send", said, {"told": []})]
    steps.append(receive(say_notice(alice, 1), event("notice", account=ALICE), not_sent, OUT))
    group.scenario("what is not stored yet when Bob is out", "Out", "CG-49", [*steps, hold(HIKE, status="out")])
    alice = after_begin("alice")
    out = take_up(alice, WITHOUT_BOB, OUT)
    steps = [out, hold(WITHOUT_BOB, status="out"), poll()]
    group.scenario("a snapshot without Bob", "Out", "CG-41 CG-34", steps)
    refused_when_out(group, notice)
    returning(group)
    closing(group)
    return group


COMMANDS: dict[str, dict[str, object]] = {
    "client.send": {"text": "hello", "fan_out": "server"},
    "client.add": {"accounts": [ERIN.hex()]},
    "client.kick": {"accounts": [DAVE.hex()]},
    "client.rename": {"name": "another name"},
    "client.change_avatar": {"avatar": PNG},
    "client.leave": {},
}


def refused_when_out(group: Group, notice: Json) -> None:
    """Add what is refused when Bob is out."""
    for method, inputs in COMMANDS.items():
        steps = [notice, refuse_command(method, "NotPermitted", **inputs), hold(HIKE, status="out")]
        group.scenario(f"{method} when out", "Command", "CG-10", steps)
    for method in ("client.kick", "client.rename", "client.change_avatar"):
        steps = [refuse_command(method, "NotPermitted", **COMMANDS[method]), hold(HIKE)]
        group.scenario(f"{method} by a member", "Command", "CG-32 GC-45", steps)
    room = {"address": "https://example.org/room", "server_key": bytes(32)}
    steps = [refuse_command("client.offer_room", "NotPermitted", **room), hold(HIKE)]
    group.scenario("client.offer_room by a member", "Command", "CG-33", steps)
    text = {"text": "x" * (MAX_TEXT_BYTES + 1), "fan_out": "server"}
    group.scenario(
        "a text of 60001 bytes is sent", "TextLimit", "CG-6", [refuse_command("client.send", "TooLarge", **text)]
    )
    send = {
        "client": "bob",
        "group_id": HIKE.group_id,
        "text": "x" * MAX_TEXT_BYTES,
        "fan_out": "server",
        "now_ms": NOW,
    }
    group.scenario("a text of 60000 bytes is sent", "TextLimit", "CG-6", [answered("client.send", send, {"told": []})])
    steps = [notice, receive(say_leave(Writer(name="carol", counter=4))), hold(HIKE, status="out")]
    group.scenario("a leave when out: it changes nothing", "Out", "CG-41", steps)
    carol = Writer(name="carol", counter=4)
    for comment, letter in (
        ("an ask", carol.say_control(group_control.write_control({7: b"\x08\x01"}, label="hike"))),
        ("a key", carol.give(HIKE)),
        ("an add", say_add(carol, ERIN)),
    ):
        steps = [notice, refuse(letter, "NotPermitted"), hold(HIKE, status="out")]
        group.scenario(f"{comment} when out", f"Out {UNHARMED}", "CG-32 CG-41", steps)


def returning(group: Group) -> None:
    """Add Bob's return."""
    alice, carol = after_begin("alice"), after_begin("carol")
    old = carol.write(HIKE, "old")
    out = take_up(alice, WITHOUT_BOB, OUT)
    add = carol.say_control(WITHOUT_BOB.message(adds_you=True))
    carol.renew()
    key, frame = carol.give(WITHOUT_BOB), carol.write(WITHOUT_BOB, "hello")
    back = receive(add, joined(WITHOUT_BOB), confirmed())
    held = hold(WITHOUT_BOB, adds=[BOB])
    first = shown(CAROL, 1, "hello")
    steps = [out, back, receive(key), receive(frame, first), held, poll(WITHOUT_BOB)]
    group.scenario("Bob is kicked and added again by Carol", "AddedAgain", "CG-22 CG-34 CG-41", steps)
    notice = receive(say_notice(alice, 1), event("notice", account=ALICE), OUT)
    steps = [notice, receive(key), back, receive(frame, first), held]
    group.scenario("Bob is added again, the key before the welcome", "AddedAgain Waiting", "CG-20", steps)
    group.scenario(
        "Bob is added again, a message of before", "AddedAgain", "CG-41", [out, back, receive(old), poll(WITHOUT_BOB)]
    )


def closing(group: Group) -> None:
    """Add the end of the group."""
    alice, carol, dave = (after_begin(name) for name in ("alice", "carol", "dave"))
    old = carol.write(HIKE, "0")
    closed = take_up(alice, CLOSED, END)
    held = hold(CLOSED, status="closed")
    steps = [closed, held, poll(CLOSED, HIKE), receive(old, shown(CAROL, 0, "0"))]
    group.scenario("the group is closed, a message under way", "Closed", "CG-11 CG-24 CG-34", steps)
    end = NOW + PAST_MS
    steps = [closed, tick(end), poll(CLOSED, HIKE), tick(end + 1), poll()]
    group.scenario("the group is closed, its addresses", "Closed Polling", "CG-34", steps)
    for method, inputs in COMMANDS.items():
        steps = [closed, refuse_command(method, "GroupClosed", **inputs), held]
        group.scenario(f"{method} when closed", "Command", "CG-11", steps)
    later = open_epoch(CLOSED, closed=False)
    for comment, letter in (
        ("a later snapshot", alice.say_control(later.message())),
        ("an add", say_add(carol, ERIN, epoch=1)),
        ("a leave", say_leave(dave)),
    ):
        steps = [closed, refuse(letter, "GroupClosed"), receive(old, shown(CAROL, 0, "0")), held]
        group.scenario(f"{comment} when closed", f"Closed {UNHARMED}", "CG-11 GC-27", steps)


def differences() -> Group:
    """Members whose digests differ."""
    group = Group("Digest", "client.receive", before=begin(), random=secrets.token_bytes)
    later, report = NOW + REPAIR_AFTER_MS, NOW + REPORT_AFTER_MS
    diverged = [event("diverged", account=CAROL)]
    for comment, turns in (
        ("still differs two minutes later", (differ(NOW), later, differ(report, diverged))),
        ("still differs two minutes later, and nothing was exchanged", (differ(NOW), differ(report, diverged))),
        ("differs 1 ms less than two minutes later", (differ(NOW), later, differ(report - 1))),
        ("differed, and does not any more", (differ(NOW), agree(NOW), later, differ(report))),
        ("differed, and does not after two minutes", (differ(NOW), later, agree(report), differ(report))),
        ("still differs, and is reported once", (differ(NOW), differ(report, diverged), differ(report))),
    ):
        carol = after_begin("carol")
        steps = [tick(turn) if isinstance(turn, int) else turn(carol) for turn in turns]
        group.scenario(f"a digest {comment}", "Divergence", "CG-46 CG-54", [*steps, hold(HIKE)])
    carol = after_begin("carol")
    turns = (differ(NOW + 1000), differ(report + 1000, diverged))
    steps = [receive(carol.give(open_other(HIKE))), *(turn(carol) for turn in turns), hold(HIKE)]
    group.scenario("a digest in a key differs, and in messages two minutes apart", "Divergence", "CG-46 CG-54", steps)
    return group


def open_other(snapshot: Snapshot) -> Snapshot:
    """Make another snapshot of the same group and epoch."""
    return replace(snapshot, name="another name")


def differ(at: int, told: Sequence[Json] = ()) -> Callable[[Writer], Json]:
    """Describe a message with the digest of another view."""
    return lambda writer: say_at(writer, at, told, digest=bytes(32))


def agree(at: int) -> Callable[[Writer], Json]:
    """Describe a message with the digest of Bob's view."""
    return lambda writer: say_at(writer, at, ())


def say_at(writer: Writer, at: int, told: Sequence[Json], **changes: object) -> Json:
    """Describe a message that is written and read at a time, and what is told beside it."""
    letter = writer.write(HIKE, "x", timestamp_ms=at, **changes)
    said = event("message", account=writer.account, index=writer.index - 1, timestamp_ms=at, text="x")
    return receive(letter, said, *told, at=at)
