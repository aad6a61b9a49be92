"""Chapter 10: how Bob becomes a member: created with the group, added by a member or by a liar, in whatever order things come."""

import secrets
from dataclasses import replace
from itertools import permutations
from typing import Any

from cloister.group_control import MAX_MEMBERS, MAX_WAITING_OF_ONE

from cloister_conformance.hand_made import group_control
from cloister_conformance.hand_made.closed_groups import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    FRANK,
    Writer,
    derive_digest,
    encode_pairwise,
)
from cloister_conformance.hand_made.group_control import PNG, Removed
from cloister_conformance.vector_files.cases import Group, Json, answered
from cloister_conformance.vector_files.closed_groups.reader import (
    HIKE,
    confirmed,
    event,
    hold,
    joined,
    open_epoch,
    poll,
    prepare,
    receive,
    refuse,
    shown,
)
from cloister_conformance.vector_files.closed_groups.views import say_add, say_leave, say_notice

UNHARMED = "StateUnharmed"
WITHOUT_BOB = replace(HIKE, members=(ALICE, CAROL, DAVE))
"""Epoch 0 of the same group, if Bob was not there at its creation."""
JOINED: dict[str, Any] = {"adds": [BOB]}


def welcome(adder: Writer, *, avatar: bytes | None = None) -> Json:
    """Describe that Bob is added, by Carol or Alice."""
    told = [joined(WITHOUT_BOB), *([confirmed()] if adder.name == "alice" else [])]
    return receive(adder.say_control(WITHOUT_BOB.message(avatar=avatar, adds_you=True)), *told)


def creations() -> Group:
    """Bob is there when the group is created."""
    group = Group("Creation", "client.receive", before=prepare(), random=secrets.token_bytes)
    for order in permutations("skm"):
        alice, carol = Writer(name="alice"), Writer(name="carol")
        letters = {"s": alice.say_control(HIKE.message()), "k": carol.give(HIKE)}
        letters["m"] = carol.write(HIKE, "hello")
        steps, known = [], ""
        for letter in order:
            told = [joined(), confirmed()] if letter == "s" else []
            known += "" if letter == "m" and "s" not in known else letter
            told += [shown(CAROL, 0, "hello")] if set(known) == set("skm") else []
            steps.append(receive(letters[letter], *told))
        names = {"s": "snapshot", "k": "key", "m": "message"}
        comment = ", ".join(names[letter] for letter in order)
        if set(known) != set("skm"):
            comment += "; what comes to an address that is not known is passed over"
        group.scenario(comment, "Creation", "CG-20 CG-28", [*steps, hold(HIKE), poll(HIKE)])
    painted, alice = replace(HIKE, avatar=PNG), Writer(name="alice")
    steps = [receive(alice.say_control(painted.message(avatar=PNG)), joined(), confirmed()), hold(painted)]
    group.scenario("with an avatar", "Creation", "CG-39", steps)
    alice, carol = Writer(name="alice"), Writer(name="carol")
    steps = [receive(carol.say_control(HIKE.message()), joined()), hold(HIKE, is_confirmed=False)]
    steps += [receive(alice.say_control(HIKE.message()), confirmed()), hold(HIKE)]
    comment = "the snapshot from Carol first: the key is provisional"
    group.scenario(comment, "Creation Provisional", "CG-49 GC-25", steps)
    refused_snapshots(group)
    return group


def refused_snapshots(group: Group) -> None:
    """Add snapshots by which nobody joins."""
    for comment, error, name, snapshot in (
        ("that does not list Bob", "NotPermitted", "alice", WITHOUT_BOB),
        ("signed by another key", "InvalidSignature", "alice", replace(HIKE, signer="mallory")),
        ("signed without the label", "InvalidSignature", "alice", replace(HIKE, signed_label=b"")),
        ("of two members", "OutOfRange", "alice", replace(HIKE, members=(ALICE, BOB))),
        ("with members in another order", "InvalidMessage", "alice", replace(HIKE, members=(BOB, ALICE, CAROL))),
        ("without a name", "InvalidName", "alice", replace(HIKE, name="")),
    ):
        writer = Writer(name=name)
        bad = refuse(writer.say_control(snapshot.message()), error)
        steps = [bad, receive(writer.say_control(HIKE.message()), joined(), confirmed()), hold(HIKE)]
        group.scenario(f"a snapshot {comment}", f"BadSnapshot {UNHARMED}", "CG-32 GC-1", steps)
    carol = Writer(name="carol")
    begun = receive(Writer(name="alice").say_control(HIKE.message()), joined(), confirmed())
    steps = [
        refuse(carol.say_control(group_control.write_control({7: b"\x08\x01"}, label="hike")), "NotPermitted"),
        begun,
    ]
    group.scenario("an ask of a group that is not known", f"NotPresent {UNHARMED}", "CG-32 CG-20", steps)
    alice = Writer(name="alice")
    notice = receive(say_notice(alice, 1))
    told = [joined(), confirmed(), event("notice", account=ALICE), event("out")]
    steps = [notice, receive(alice.say_control(HIKE.message()), *told), hold(HIKE, status="out"), poll()]
    group.scenario(
        "a notice before the snapshot of the epoch before: Bob is out", "Out Waiting", "CG-20 CG-41 GC-51", steps
    )
    content = encode_pairwise(group=carol.content(HIKE, "hello").encode())
    steps = [
        refuse(carol.say(content), "NotPermitted"),
        receive(Writer(name="alice").say_control(HIKE.message()), joined(), confirmed()),
    ]
    group.scenario("a group content of a group that is not known", f"FanOut {UNHARMED}", "CG-32", steps)


def joiners() -> Group:
    """Bob is added by Carol."""
    group = Group("Joiner", "client.receive", before=prepare(), random=secrets.token_bytes)
    alice, carol, dave = Writer(name="alice"), Writer(name="carol"), Writer(name="dave")
    old = carol.write(WITHOUT_BOB, "before")
    steps = [welcome(carol), hold(WITHOUT_BOB, is_confirmed=False, **JOINED), receive(say_add(carol, BOB))]
    steps += [receive(writer.give(WITHOUT_BOB)) for writer in (carol, alice, dave)]
    provisional = list(steps)
    steps += [receive(alice.say_control(WITHOUT_BOB.message(adds_you=True)), confirmed()), poll(WITHOUT_BOB)]
    new = receive(carol.write(WITHOUT_BOB, "after"), shown(CAROL, 1, "after"))
    held = hold(WITHOUT_BOB, **JOINED)
    group.scenario(
        "the welcome, all keys, and Alice's snapshot", "Joiner Provisional", "CG-13 CG-14 CG-49", [*steps, new, held]
    )
    spoke = receive(dave.write(WITHOUT_BOB, "first"), shown(DAVE, 0, "first"))
    group.scenario("who has never spoken speaks", "Joiner", "CG-13", [*steps, spoke])
    steps = [*provisional, refuse(old, "DuplicateMessage"), new, hold(WITHOUT_BOB, is_confirmed=False, **JOINED)]
    group.scenario(
        "a message of before, under an iteration that was not given", f"Joiner {UNHARMED}", "CG-14 CG-32", steps
    )
    late_joiners(group)
    group_of_wait(group)
    return group


def late_joiners(group: Group) -> None:
    """Add joiners who hear of adds and leaves of the same epoch, or of an older key."""
    carol = Writer(name="carol")
    steps = [welcome(carol), receive(say_add(carol, BOB, ERIN), event("member added", account=ERIN))]
    left = event("member left", account=DAVE)
    steps += [
        receive(say_leave(carol, account=DAVE), left),
        hold(WITHOUT_BOB, adds=[BOB, ERIN], leaves={DAVE: 0}, is_confirmed=False),
    ]
    group.scenario("Carol tells of an add and of a leave", "Joiner", "CG-35 CG-36", steps)
    carol, dave = Writer(name="carol"), Writer(name="dave")
    steps = [
        welcome(carol),
        refuse(say_leave(dave, account=CAROL), "NotPermitted"),
        hold(WITHOUT_BOB, is_confirmed=False, **JOINED),
    ]
    group.scenario("Dave, who did not add Bob, tells of a leave", f"Joiner NotPresent {UNHARMED}", "CG-32 GC-40", steps)
    alice, carol = Writer(name="alice"), Writer(name="carol")
    listed = open_epoch(WITHOUT_BOB, members=(ALICE, BOB, CAROL, DAVE), added={BOB: 0})
    steps = [
        welcome(carol),
        receive(alice.say_control(listed.message()), confirmed()),
        hold(listed),
        poll(listed, WITHOUT_BOB),
    ]
    group.scenario("the next snapshot lists Bob", "Joiner Provisional", "CG-34 CG-49", steps)
    kicked = open_epoch(WITHOUT_BOB, removed=(Removed(account=BOB),))
    alice, carol = Writer(name="alice"), Writer(name="carol")
    steps = [
        welcome(carol),
        receive(alice.say_control(kicked.message()), event("out")),
        hold(kicked, status="out"),
        poll(),
    ]
    group.scenario("the next snapshot names Bob as removed", "Joiner Out", "CG-41", steps)
    painted = replace(WITHOUT_BOB, avatar=PNG)
    told = joined(painted)
    steps = [
        receive(Writer(name="carol").say_control(painted.message(avatar=PNG, adds_you=True)), told),
        hold(painted, is_confirmed=False, **JOINED),
    ]
    group.scenario("the welcome has the avatar", "Joiner", "CG-35", steps)


def group_of_wait(group: Group) -> None:
    """Add what waits for the welcome, and the bound of it."""
    for order in permutations("wka"):
        carol, dave = Writer(name="carol"), Writer(name="dave")
        letters = {
            "w": carol.say_control(WITHOUT_BOB.message(adds_you=True)),
            "k": dave.give(WITHOUT_BOB),
            "a": say_add(carol, BOB, ERIN),
        }
        steps, came = [], ""
        for letter in order:
            came += letter
            told = [joined(WITHOUT_BOB)] if letter == "w" else []
            told += [event("member added", account=ERIN)] if {"w", "a"} <= set(came) and letter in "wa" else []
            steps.append(receive(letters[letter], *told))
        steps += [
            receive(dave.write(WITHOUT_BOB, "hello"), shown(DAVE, 0, "hello")),
            hold(WITHOUT_BOB, adds=[BOB, ERIN], is_confirmed=False),
        ]
        names = {"w": "welcome", "k": "Dave's key", "a": "add"}
        group.scenario(", ".join(names[letter] for letter in order), "Joiner Waiting", "CG-20 CG-35", steps)
    carol, dave = Writer(name="carol"), Writer(name="dave")
    keys = []
    for _ in range(MAX_WAITING_OF_ONE + 1):
        keys.append(dave.give(WITHOUT_BOB))
        dave.renew()
    steps = [*map(receive, keys), welcome(carol)]
    for number, told in ((1, [shown(DAVE, 0, "hello")]), (0, [])):
        dave.key_number, dave.iteration, dave.index = number, 0, 1 - number
        steps.append(receive(dave.write(WITHOUT_BOB, "hello"), *told))
    group.scenario("11 keys wait for the welcome, the oldest is dropped", "WaitingBound", "CG-20", steps)


def liars() -> Group:
    """Somebody lies to Bob about the administrator."""
    group = Group("Liar", "client.receive", before=prepare(), random=secrets.token_bytes)
    lie = replace(HIKE, key="mallory", name="a trap", members=(ALICE, BOB, ERIN))
    alice, erin = Writer(name="alice"), Writer(name="erin")
    trapped = [receive(erin.say_control(lie.message()), joined(lie)), hold(lie, is_confirmed=False)]
    told = [
        event("member absent", account=ERIN),
        event("member added", account=CAROL),
        event("member added", account=DAVE),
        event("renamed", text="hike"),
        confirmed(),
    ]
    steps = [*trapped, receive(alice.say_control(HIKE.message()), *told), hold(HIKE)]
    group.scenario(
        "a snapshot with another administrator key, then Alice's own", "Provisional", "CG-49 GC-19 GC-25", steps
    )
    steps = [
        *trapped,
        refuse(Writer(name="carol").say_control(HIKE.message()), "NotPermitted"),
        hold(lie, is_confirmed=False),
    ]
    group.scenario(
        "a snapshot with another administrator key, then the true one from Carol",
        f"Provisional {UNHARMED}",
        "CG-32 GC-18",
        steps,
    )
    alice, erin = Writer(name="alice"), Writer(name="erin")
    known = [receive(alice.say_control(HIKE.message()), joined(), confirmed())]
    steps = [*known, refuse(erin.say_control(open_epoch(lie).message()), "NotPermitted"), hold(HIKE)]
    group.scenario(
        "Alice's snapshot, then one with another administrator key", f"Provisional {UNHARMED}", "CG-32 GC-18", steps
    )
    steps = [*known, refuse(alice.say_control(open_epoch(lie).message()), "NotPermitted"), hold(HIKE)]
    comment = "Alice's snapshot, then one with another administrator key from herself"
    group.scenario(comment, f"Provisional {UNHARMED}", "CG-32 GC-18", steps)
    return group


def crowds() -> Group:
    """A group of 499, in which two are added at once."""
    group = Group("Crowd", "client.receive", before=prepare(), random=secrets.token_bytes)
    others = group_control.make_accounts("crowd", MAX_MEMBERS - 5)
    crowd = replace(HIKE, members=sorted((ALICE, BOB, CAROL, DAVE, *others)))
    alice, carol, dave = Writer(name="alice"), Writer(name="carol"), Writer(name="dave")
    began = receive(alice.say_control(crowd.message()), joined(), confirmed())
    low, high = receive(say_add(carol, ERIN), event("member added", account=ERIN)), say_add(dave, FRANK)
    digest = derive_digest(crowd, [ERIN, FRANK]).hex()
    held = answered(
        "client.read_group", {"client": "bob", "group_id": crowd.group_id}, {"status": "member", "digest": digest}
    )
    frame = Writer(name="frank").write(crowd, "hello")
    key = Writer(name="frank").give(crowd)
    steps = [began, low, receive(high), held]
    group.scenario("Erin, then Frank, who is over the bound", "Crowd", "CG-49 GC-38", steps)
    over = event("member over the bound", account=FRANK)
    steps = [
        began,
        receive(high, event("member added", account=FRANK)),
        receive(say_add(Writer(name="carol", counter=1), ERIN), over, event("member added", account=ERIN)),
        held,
    ]
    group.scenario("Frank, then Erin, by whom he is over the bound", "Crowd", "CG-49 GC-38", steps)
    steps = [began, low, receive(high), refuse(key, "NotPermitted"), held]
    group.scenario("the key of who is over the bound", f"Crowd {UNHARMED}", "CG-20 CG-27 CG-32", steps)
    frank = Writer(name="frank")
    steps = [began, receive(high, event("member added", account=FRANK)), receive(frank.give(crowd))]
    steps += [
        receive(say_add(Writer(name="carol", counter=1), ERIN), over, event("member added", account=ERIN)),
        refuse(frame, "NotPermitted"),
        held,
    ]
    group.scenario("a message of who is over the bound, whose key is held", f"Crowd {UNHARMED}", "CG-27 CG-32", steps)
    return group
