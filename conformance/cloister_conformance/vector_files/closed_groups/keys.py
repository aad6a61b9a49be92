"""Chapter 10: sender keys that are given, renewed, late, or not their giver's, and what waits for them."""

import secrets
from dataclasses import replace

from cloister import sender_keys
from cloister.group_reading import MAX_WAITING_FRAMES_OF_ONE

from cloister_conformance.hand_made import group_control
from cloister_conformance.hand_made.closed_groups import CAROL, DAVE, ERIN, FRANK, Letter, Writer, find_address, seal
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.closed_groups.reader import (
    HIKE,
    after_begin,
    begin,
    event,
    hold,
    missing,
    open_epoch,
    receive,
    refuse,
    shown,
)
from cloister_conformance.vector_files.identity.bad_keys import kinds_of_bad_public_key

UNHARMED = "StateUnharmed"
RENAMED = open_epoch(HIKE, name="another name")


def add_erin(writer: Writer) -> Letter:
    """Let a member add Erin."""
    return writer.say_control(group_control.write_add(ERIN, label="hike"))


ERIN_ADDED = event("member added", account=ERIN)


def given() -> Group:
    """Keys that members give."""
    group = Group("GivenKey", "client.receive", before=begin(), random=secrets.token_bytes)
    carol = after_begin("carol")
    first = carol.write(HIKE, "0")
    carol.renew()
    key, second = carol.give(HIKE), carol.write(HIKE, "1")
    told = shown(CAROL, 0, "0"), shown(CAROL, 1, "1")
    steps = [receive(first, told[0]), receive(key), receive(second, told[1])]
    group.scenario("a new key", "Keys", "CG-19", steps)
    steps = [receive(key), receive(second, missing(CAROL, 0, 0), told[1]), receive(first, told[0])]
    group.scenario("a new key, and a message under the one before", "Keys Gap", "CG-19 CG-30", steps)
    steps = [receive(second), receive(key, missing(CAROL, 0, 0), told[1]), receive(first, told[0])]
    group.scenario("a message before its key", "Waiting", "CG-28", steps)
    steps = [receive(second), receive(first, told[0]), receive(key, told[1])]
    group.scenario("a message before its key, and one under the old key between", "Waiting", "CG-28", steps)
    steps = [receive(second), receive(second), receive(key, missing(CAROL, 0, 0), told[1]), receive(first, told[0])]
    group.scenario("a message twice before its key", "Waiting", "CG-28 CG-29", steps)

    alice, carol = after_begin("alice"), after_begin("carol")
    epoch_1 = receive(alice.say_control(RENAMED.message()), event("renamed", text="another name"))
    carol.renew()
    key, letter = carol.give(HIKE), carol.write(HIKE, "late")
    steps = [epoch_1, receive(key), receive(letter, shown(CAROL, 0, "late"))]
    group.scenario("a key of a past epoch, and a message in it", "Keys PastEpoch", "CG-19 CG-24", steps)
    key, letter = carol.give(RENAMED), carol.write(RENAMED, "new")
    steps = [receive(key), epoch_1, receive(letter, missing(CAROL, 0, 0), shown(CAROL, 1, "new"))]
    group.scenario("a key of a later epoch", "Keys", "CG-19", steps)
    again(group)
    return group


def again(group: Group) -> None:
    """Add keys that are given again, and conflicting ones."""
    carol = after_begin("carol")
    first, second = carol.write(HIKE, "0"), carol.write(HIKE, "1")
    for iteration in (0, 1, 2):
        key = carol.give(HIKE, iteration=iteration, next_index=iteration)
        begun = [receive(first, shown(CAROL, 0, "0")), receive(key)]
        steps = [*begun, receive(second, shown(CAROL, 1, "1"))]
        group.scenario(f"a key that is held, at iteration {iteration}", "Keys", "CG-19", steps)
        steps = [*begun, refuse(first, "DuplicateMessage"), receive(second, shown(CAROL, 1, "1"))]
        comment = f"a key that is held, at iteration {iteration}, does not bring back what was read"
        group.scenario(comment, f"Replay {UNHARMED}", "CG-29 CG-32", steps)
    conflicting = replace(carol.sender_key, chain_key=bytes(32)).distribution(1)
    steps = [
        refuse(carol.give_key(HIKE, conflicting, 1), "ConflictingDistribution"),
        receive(first, shown(CAROL, 0, "0")),
    ]
    group.scenario("a key that contradicts what is held", f"KeyForm {UNHARMED}", "CG-32 SK-17", steps)


def malformed() -> Group:
    """Keys that are none; what was held stays."""
    group = Group("MalformedKey", "client.receive", before=begin(), random=secrets.token_bytes)
    fresh = after_begin("carol")
    fresh.renew()
    good = fresh.sender_key
    bad_signing = [
        (f"signing key: {comment}", good.distribution(0, {4: field(4, public)}), "InvalidKey")
        for comment, _, public in list(kinds_of_bad_public_key(good.signing_key.public))[3:]
    ]
    for comment, distribution, error in (
        ("empty", b"", "InvalidMessage"),
        ("no frame", b"\x33\xff", "InvalidMessage"),
        ("another version", b"\x43" + good.distribution(0)[1:], "UnsupportedVersion"),
        ("a chain key of 31 bytes", good.distribution(0, {3: field(3, bytes(31))}), "InvalidMessage"),
        ("no iteration", good.distribution(0, {2: b""}), "InvalidMessage"),
        ("an iteration of 2^31", good.distribution(0, {2: field(2, sender_keys.MAX_ITERATION + 1)}), "OutOfRange"),
        *bad_signing,
    ):
        carol = after_begin("carol")
        letter, message = carol.give_key(HIKE, distribution, 0), carol.write(HIKE, "0")
        steps = [refuse(letter, error), receive(message, shown(CAROL, 0, "0"))]
        group.scenario(f"a key: {comment}", f"KeyForm {UNHARMED}", "CG-32", steps)
    return group


def strangers() -> Group:
    """Keys and messages of accounts that are not present, or not yet."""
    group = Group("NotPresent", "client.receive", before=begin(), random=secrets.token_bytes)
    for comment, order in (
        ("key, message, add", "kma"),
        ("message, key, add", "mka"),
        ("key, add, message", "kam"),
        ("message, add, key", "mak"),
        ("add, message, key", "amk"),
        ("add, key, message", "akm"),
    ):
        erin, carol = after_begin("erin"), after_begin("carol")
        letters = {"k": erin.give(HIKE), "m": erin.write(HIKE, "hello"), "a": add_erin(carol)}
        steps = []
        for position, letter in enumerate(order):
            told = [ERIN_ADDED] if letter == "a" else []
            told += [shown(ERIN, 0, "hello")] if position == 2 else []
            steps.append(receive(letters[letter], *told))
        group.scenario(f"who is added: {comment}", "Waiting", "CG-20 CG-28", [*steps, hold(HIKE, adds=[ERIN])])

    erin, carol = after_begin("erin"), after_begin("carol")
    frames = [erin.write(HIKE, str(index)) for index in range(MAX_WAITING_FRAMES_OF_ONE + 1)]
    key = erin.give(HIKE, iteration=0, next_index=0)
    steps = [*map(receive, frames), receive(key)]
    told = [ERIN_ADDED, missing(ERIN, 0, 0)]
    told += [shown(ERIN, index, str(index)) for index in range(1, MAX_WAITING_FRAMES_OF_ONE + 1)]
    steps.append(receive(add_erin(carol), *told))
    steps.append(receive(frames[0], shown(ERIN, 0, "0")))
    group.scenario("51 messages wait, the oldest is dropped", "WaitingBound", "CG-28", steps)
    erin, frank, carol = after_begin("erin"), after_begin("frank"), after_begin("carol")
    frames = [erin.write(HIKE, str(index)) for index in range(MAX_WAITING_FRAMES_OF_ONE)]
    steps = [*map(receive, frames), receive(frank.write(HIKE, "0"))]
    steps += [receive(erin.give(HIKE, iteration=0, next_index=0)), receive(frank.give(HIKE, iteration=0, next_index=0))]
    told = [ERIN_ADDED, event("member added", account=FRANK), missing(ERIN, 0, 0)]
    told += [shown(ERIN, index, str(index)) for index in range(1, MAX_WAITING_FRAMES_OF_ONE)]
    told.append(shown(FRANK, 0, "0"))
    add = carol.say_control(group_control.write_add(ERIN, FRANK, label="hike"))
    comment = "50 messages of one stranger and one of another wait: strangers count together, the oldest is dropped"
    group.scenario(comment, "WaitingBound", "CG-28", [*steps, receive(add, *told)])
    erin, carol = after_begin("erin"), after_begin("carol")
    keys = []
    for _ in range(11):
        keys.append(erin.give(HIKE))
        erin.renew()
    steps = [*map(receive, keys), receive(add_erin(carol), ERIN_ADDED)]
    for number in (1, 0):
        erin.key_number, erin.iteration, erin.index = number, 0, 1 - number
        told = [shown(ERIN, 0, "hello")] if number else []
        steps.append(receive(erin.write(HIKE, "hello"), *told))
    group.scenario("11 keys wait, the oldest is dropped", "WaitingBound", "CG-20", steps)
    two_keys(group)
    refused_keys(group)
    return group


def two_keys(group: Group) -> None:
    """Add two keys of one membership, in both orders: the count begins where the lower begins."""
    for name, order in (("in their order", (0, 1)), ("in reverse", (1, 0))):
        erin, carol = after_begin("erin"), after_begin("carol")
        erin.skip(1)
        early = erin.write(HIKE, "1")
        keys = [erin.give(HIKE)]
        second = erin.write(HIKE, "2")
        erin.skip(2)
        erin.renew()
        keys.append(erin.give(HIKE))
        fifth = erin.write(HIKE, "5")
        begun = [receive(add_erin(carol), ERIN_ADDED), *(receive(keys[number]) for number in order)]
        gap = [] if order == (1, 0) else [missing(ERIN, 2, 4)]
        read = [receive(fifth, *gap, shown(ERIN, 5, "5")), receive(second, shown(ERIN, 2, "2"))]
        group.scenario(f"two keys of one membership, {name}", "Keys", "CG-52 CG-30", [*begun, *read])
        steps = [*begun, refuse(early, "DuplicateMessage"), *read]
        comment = f"two keys of one membership, {name}, and a message from before"
        group.scenario(comment, f"Keys {UNHARMED}", "CG-14 CG-32", steps)


def refused_keys(group: Group) -> None:
    """Add keys of accounts that are not present and cannot become known."""
    alice, carol, dave, erin = (after_begin(name) for name in ("alice", "carol", "dave", "erin"))
    good = receive(carol.write(HIKE, "0"), shown(CAROL, 0, "0"))
    epoch_1 = receive(alice.say_control(RENAMED.message()), event("renamed", text="another name"))
    steps = [epoch_1, refuse(erin.give(HIKE), "NotPermitted"), good, hold(RENAMED)]
    group.scenario("a stranger's key of a past epoch", f"NotPresent {UNHARMED}", "CG-20 CG-32", steps)
    leave = dave.say_control(group_control.write_control({5: group_control.encode_leave()}, label="hike"))
    gone = receive(leave, event("member left", account=DAVE))
    dave.renew()
    steps = [gone, refuse(dave.give(HIKE), "NotPermitted"), good, hold(HIKE, leaves={DAVE: 0})]
    group.scenario("a key of who has left", f"NotPresent {UNHARMED}", "CG-20 CG-32", steps)
    dave = after_begin("dave")
    dave.counter += 1
    ask = dave.say_control(group_control.write_control({7: field(1, 2)}, label="hike"))
    steps = [gone, refuse(ask, "NotPermitted"), good, hold(HIKE, leaves={DAVE: 0})]
    group.scenario("who has left asks for the key", f"NotPresent {UNHARMED}", "CG-21 CG-32", steps)
    for what, name, clause in ((1, "view", "CG-44"), (2, "key", "CG-21")):
        ask = erin.say_control(group_control.write_control({7: field(1, what)}, label="hike"))
        steps = [refuse(ask, "NotPermitted"), good, hold(HIKE)]
        group.scenario(f"a stranger asks for the {name}", f"NotPresent {UNHARMED}", f"{clause} CG-32", steps)
    relayed(group)


def relayed(group: Group) -> None:
    """Add keys that are not their giver's."""
    carol, dave = after_begin("carol"), after_begin("dave")
    dave.renew()
    key, frame = dave.sender_key.distribution(0), dave.write(HIKE, "hello")
    steps: list[Json] = [receive(carol.give_key(HIKE, key, 0)), receive(frame)]
    dave.iteration, dave.index = 0, 0
    steps.append(receive(dave.give(HIKE), shown(DAVE, 0, "hello")))
    group.scenario("Carol gives Dave's key: it is hers, his message waits", "OthersKey", "CG-19 CG-28", steps)
    carol, dave = after_begin("carol"), after_begin("dave")
    dave.renew()
    key = dave.sender_key.distribution(0)
    frame = seal(
        find_address(HIKE), "group message", CAROL, dave.sender_key.message(dave.content(HIKE, "hello").encode())
    )
    steps = [
        receive(carol.give_key(HIKE, key, 0)),
        refuse(frame, "NotPermitted"),
        receive(carol.write(HIKE, "0"), shown(CAROL, 0, "0")),
    ]
    comment = "Carol gives Dave's key, and sends his message under her name"
    group.scenario(comment, f"OthersKey Moved {UNHARMED}", "CG-19 CG-23 CG-32", steps)
