"""Chapter 10: pairwise contents, sessions between strangers, and what a member sends."""

from typing import Any

import pytest
from cloister import wire
from cloister._proto import closed_groups_pb2, group_control_pb2
from cloister.client import ASK_AFTER_MS
from cloister.group_content import MAX_TEXT_BYTES

from cloister_conformance.clause import clause
from cloister_conformance.conversations import Side
from cloister_conformance.group_world import PAIRS, Letter, World
from cloister_conformance.hand_made.pairwise_sessions import ONE_TIME_PREKEY_ID, SIGNED_PREKEY_ID, Keys
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Answer, ImplementationUnderTest
from cloister_conformance.strategies import NOW

PNG = bytes.fromhex("89504e470d0a1a0a")
JPEG = bytes.fromhex("ffd8ff00")
"""Images, as far as anybody looks."""
COUNTS = [3, 20]
"""Members of a group in which one message is counted."""


def begin(actors: Actors, *, creator: str = "ann", others: str = "bob ivy tom", strangers: str = "zoe") -> World:
    """Begin with a group, all keys given; the implementation is Ivy, in the middle of the accounts."""
    names = f"{creator} {others} {strangers}".split()
    world = World(actors(), "ivy", " ".join(name for name in names if name != "ivy"))
    world.create(creator, others)
    world.settle()
    world.forget()
    return world


def hand_over(world: World, sender: str, reader: str = "ivy") -> list[Answer]:
    """Hand what somebody has just said to a reader."""
    letters = [letter for letter in world.collect(sender) if letter.recipient == world.account(reader)]
    return [world.deliver(reader, letter) for letter in letters]


def write_pairwise(**fields: Any) -> bytes:  # noqa: ANN401 - fields of a protobuf
    """Write a pairwise content of any form."""
    return wire.encode_protobuf(closed_groups_pb2.PairwiseContent(timestamp_ms=NOW, **fields))


def write_add(world: World, name: str) -> bytes:
    """Write a control message that adds somebody."""
    add = group_control_pb2.Add(accounts=[world.account(name)])
    return wire.encode_protobuf(group_control_pb2.GroupControl(group_id=world.group_id, epoch=0, add=add))


def find_stores(world: World, sender: str, recipient: bytes) -> list[Letter]:
    """Find what somebody has stored for a recipient."""
    return [letter for letter in world.stored.get(recipient, []) if letter.sender == sender]


def address_of(world: World, name: str = "ann") -> bytes:
    """The address of the epoch that a client of the peer is in."""
    account = world.account(name)
    found: bytes = next(r for r in world.call(name, "recipients").result.recipients if r != account)
    return found


# The sender of what comes


@clause("CG-1")
@pytest.mark.parametrize("kinds", ["text control", "text group", "control group", "text control group"])
def test_a_content_says_one_thing_only(actors: Actors, kinds: str) -> None:
    world = begin(actors)
    fields = {"text": "hidden", "control": write_add(world, "zoe"), "group": b"x"}
    before = world.observe("ivy")
    content = write_pairwise(**{kind: fields[kind] for kind in kinds.split()})
    world.lie("bob", "say", account=world.account("ivy"), content=content).must_be()
    (answer,) = hand_over(world, "bob")
    answer.must_tell({"kind": "refused", "account": world.account("bob"), "error": "InvalidMessage"})
    world.must_be_as("ivy", before)


@clause("CG-1")
def test_a_greeting_says_nothing(actors: Actors) -> None:
    world = begin(actors)
    world.lie("bob", "say", account=world.account("ivy"), content=write_pairwise()).must_be()
    (answer,) = hand_over(world, "bob")
    answer.must_tell()


@clause("CG-2")
@pytest.mark.parametrize("form", ["pairwise content", "control message", "distribution"])
def test_control_messages_in_a_group_message_are_not_taken(actors: Actors, form: str) -> None:
    world = begin(actors)
    add = write_add(world, "zoe")
    plaintexts = {
        "pairwise content": write_pairwise(control=add),
        "control message": add,
        "distribution": bytes.fromhex("33080110001a20") + bytes(32),
    }
    made = world.lie("bob", "make_frame", plaintext=plaintexts[form])
    before = world.observe("ivy")
    world.deliver("ivy", world.inject("bob", made)).must_tell({"kind": "refused", "account": world.account("bob")})
    world.must_be_as("ivy", before)


@clause("GC-1")
def test_the_sender_of_a_control_message_is_the_peer_of_its_session(actors: Actors) -> None:
    world = begin(actors)
    world.leave("bob").must_be()
    letter = next(letter for letter in world.collect("bob") if letter.recipient == world.account("ivy"))
    ivy = world.people["ivy"]
    moved = world.lie(
        "bob",
        "reseal",
        recipient=letter.recipient,
        data=letter.data,
        private_key=ivy.pair.private,
        source=world.account("tom"),
    )
    before = world.call("ivy", "read_group")
    world.deliver("ivy", world.inject("bob", moved)).must_tell({"kind": "refused"})
    world.call("ivy", "read_group").must_be_like(before)
    world.deliver("ivy", letter).must_mention({"kind": "member left", "account": world.account("bob")})


@clause("EN-17", "CG-2")
def test_a_group_message_that_is_stored_for_the_account_is_refused(actors: Actors) -> None:
    world = begin(actors)
    made = world.lie("bob", "make_frame", text="moved", address=world.account("ivy"))
    world.must_refuse("ivy", world.inject("bob", made), "InvalidMessage")


@clause("EN-17", "CG-2")
@pytest.mark.parametrize("kind", ["message", "prekey message", "session request"])
def test_what_is_no_group_message_is_refused_at_the_address_of_a_group(actors: Actors, kind: str) -> None:
    world = begin(actors)
    made = world.lie("bob", "make_frame", text="moved", kind=kind)
    world.must_refuse("ivy", world.inject("bob", made), "InvalidMessage")


@clause("EN-17", "CG-2")
def test_a_pairwise_message_is_not_read_at_the_address_of_a_group(actors: Actors) -> None:
    world = begin(actors)
    world.call("bob", "send_text", account=world.account("ivy"), text="for you").must_be()
    (letter,) = world.collect("bob")
    ivy = world.people["ivy"]
    moved = world.lie(
        "bob",
        "reseal",
        recipient=letter.recipient,
        data=letter.data,
        private_key=ivy.pair.private,
        address=address_of(world),
    )
    world.must_refuse("ivy", world.inject("bob", moved), "InvalidMessage")
    world.deliver("ivy", letter).must_tell({"kind": "text", "account": world.account("bob"), "text": "for you"})


# Sessions between strangers


@clause("CG-3")
@pytest.mark.parametrize("stranger", ["ann", "zoe"])
def test_what_is_for_a_stranger_waits_for_a_session(actors: Actors, stranger: str) -> None:
    world = World(actors(), "ivy", stranger)
    for text in ("one", "two", "three"):
        world.call("ivy", "send_text", account=world.account(stranger), text=text).must_tell()
    letter = world.take_only(world.collect("ivy"), "message to be stored")
    world.deliver(stranger, letter).must_tell()
    world.lie(stranger, "peek", recipient=letter.recipient, data=letter.data)
    if [seen.said.kind for seen in world.seen] != ["session request"]:
        world.fail("one session request to be stored", f"{[seen.said.kind for seen in world.seen]} came")
    world.settle()
    texts = [
        told["text"]
        for answer in world.told[stranger]
        for told in answer.step.answer["result"]["told"]
        if told["kind"] == "text"
    ]
    if texts != ["one", "two", "three"]:
        world.fail("the texts to come in their order", f"{texts} came")


@clause("CG-3")
def test_a_session_is_asked_for_at_once_where_more_than_keys_is_to_be_said(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann bob")
    world.create("ivy", "ann bob")
    recipients = {letter.recipient for letter in world.collect("ivy")}
    if recipients != {world.account("ann"), world.account("bob")}:
        world.fail("both others to be asked for sessions", f"{len(recipients)} recipients got something")
    world.settle()
    world.must_be_members("ann bob ivy", epoch=0)


@clause("CG-4")
def test_the_higher_account_waits_to_be_asked_when_it_has_keys_only(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann bob")
    world.is_away.add("bob")
    world.create("ann", "bob ivy")
    world.settle()
    world.now_ms += ASK_AFTER_MS - 1
    world.call("ivy", "tick").must_be()
    world.settle()
    if find_stores(world, "ivy", world.account("bob")):
        world.fail("nothing to be stored for a lower account that may ask first", "something was")
    world.now_ms += 1
    world.call("ivy", "tick").must_be()
    world.settle()
    if not find_stores(world, "ivy", world.account("bob")):
        world.fail(f"the account to be asked after {ASK_AFTER_MS} ms", "nothing was stored")
    world.is_away.clear()
    world.settle()
    world.must_talk("ann bob ivy")


@clause("CG-4")
def test_the_lower_account_asks_at_once(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann zoe")
    world.is_away.add("zoe")
    world.create("ann", "ivy zoe")
    world.settle()
    if not find_stores(world, "ivy", world.account("zoe")):
        world.fail("the higher account to be asked at once", "nothing was stored for it")


@clause("CG-4")
def test_the_higher_account_asks_at_once_when_it_has_a_text(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann bob")
    world.is_away.add("bob")
    world.create("ann", "bob ivy")
    world.settle()
    world.call("ivy", "send_text", account=world.account("bob"), text="hello").must_tell()
    world.settle()
    if not find_stores(world, "ivy", world.account("bob")):
        world.fail("the account to be asked at once", "nothing was stored for it")


@clause("CG-5")
def test_who_has_nothing_to_say_answers_a_session_request_with_a_greeting(actors: Actors) -> None:
    world = World(actors(), "ivy", "bob")
    world.call("bob", "send_text", account=world.account("ivy"), text="hello").must_tell()
    world.settle()
    said = [seen.said.kind for seen in world.seen]
    if said != ["greeting"]:
        world.fail("a greeting", f"{said} came")
    world.must_have_told("ivy", kind="text", account="bob", text="hello")


@clause("CG-5")
def test_who_has_something_to_say_answers_a_session_request_with_it(actors: Actors) -> None:
    world = World(actors(), "ivy", "bob")
    world.call("ivy", "send_text", account=world.account("bob"), text="from ivy").must_tell()
    world.losses.append(lambda name, letter: letter.sender == "ivy" and not world.seen)
    world.collect("ivy")
    world.fetch("bob")
    world.losses.clear()
    world.call("bob", "send_text", account=world.account("ivy"), text="from bob").must_tell()
    world.settle()
    said = [seen.said.kind for seen in world.seen]
    if said != ["text"]:
        world.fail("the text that waited", f"{said} came")
    world.must_have_told("bob", kind="text", text="from ivy")


@clause("CG-1")
def test_a_session_is_opened_with_prekeys_that_are_given(actors: Actors) -> None:
    iut, peer = actors()
    world = World((iut, peer), "ivy", "bob")
    ivy, bob = world.people["ivy"], world.people["bob"]
    keys = Keys(identity=ivy.pair)
    assert keys.one_time is not None
    iut.call(
        "client.import_prekeys",
        client="ivy",
        signed_prekey_id=SIGNED_PREKEY_ID,
        signed_prekey_private=keys.signed.private,
        one_time_prekey_id=ONE_TIME_PREKEY_ID,
        one_time_prekey_private=keys.one_time.private,
        now_ms=NOW,
    ).must_be()
    side = Side(actor=peer, account="bob's account", identity=bob.pair, session="session")
    side.create_account()
    peer.call("session.create", session="session", account="bob's account", identity_key=ivy.account).must_be()
    peer.call(
        "session.open",
        session="session",
        identity_key=ivy.account,
        signed_prekey_id=SIGNED_PREKEY_ID,
        signed_prekey=keys.signed.public,
        signature=keys.bundle.signature,
        one_time_prekey_id=ONE_TIME_PREKEY_ID,
        one_time_prekey=keys.one_time.public,
        now_ms=NOW,
    ).must_be()
    frame = side.encrypt(write_pairwise(text="to known prekeys"))
    sealed = peer.call(
        "envelope.seal_envelope",
        kind=frame.kind,
        source=bob.account.hex(),
        timestamp_ms=NOW,
        content=frame.message,
        public_key=ivy.account,
    ).result.sealed
    letter = Letter(recipient=ivy.account, data=sealed, sender="bob")
    world.deliver("ivy", letter).must_tell({"kind": "text", "account": bob.account, "text": "to known prekeys"})


# Sizes

LONGEST = "x" * MAX_TEXT_BYTES
TOO_LONG = ["x" * (MAX_TEXT_BYTES + 1), "é" * (MAX_TEXT_BYTES // 2 + 1)]


@clause("CG-6")
@pytest.mark.parametrize("text", TOO_LONG, ids=["ascii", "two bytes each"])
def test_a_text_that_is_too_long_is_not_sent(actors: Actors, text: str) -> None:
    world = begin(actors)
    before = world.observe("ivy")
    for fan_out in ("server", "client"):
        world.say("ivy", text, fan_out).must_be_refused("TooLarge")
    world.call("ivy", "send_text", account=world.account("bob"), text=text).must_be_refused("TooLarge")
    world.must_be_as("ivy", before)


@clause("CG-6")
def test_the_longest_text_is_sent_and_read(actors: Actors) -> None:
    world = begin(actors)
    for fan_out in ("server", "client"):
        world.say("ivy", LONGEST, fan_out).must_tell()
        world.say("bob", LONGEST, fan_out).must_tell()
    world.call("ivy", "send_text", account=world.account("bob"), text=LONGEST).must_tell()
    world.settle()
    world.must_have_told("bob", times=2, kind="message", account="ivy", text=LONGEST)
    world.must_have_told("ivy", times=2, kind="message", account="bob", text=LONGEST)
    world.must_have_told("bob", kind="text", account="ivy", text=LONGEST)


@clause("CG-6", "CG-32")
@pytest.mark.parametrize("text", TOO_LONG, ids=["ascii", "two bytes each"])
def test_a_text_that_is_too_long_is_not_read(actors: Actors, text: str) -> None:
    world = begin(actors)
    world.must_refuse("ivy", world.inject("bob", world.lie("bob", "make_frame", text=text)), "TooLarge")
    content = write_pairwise(text=text)
    world.lie("bob", "say", account=world.account("ivy"), content=content).must_be()
    (answer,) = hand_over(world, "bob")
    answer.must_tell({"kind": "refused", "account": world.account("bob"), "error": "TooLarge"})


# Sending


def make_group_of(world: World, count: int) -> None:
    """Let Ivy create a group of so many, of whom only Ann takes part."""
    others = [world.account("ann"), *(pair.public for pair in PAIRS[-(count - 2) :])]
    world.group_id = world.call("ivy", "create_group", others=others, name="many").result.group_id
    world.settle()


def count_one_message(actors: Actors, count: int) -> None:
    """Claim that one message is stored once, and can be read."""
    world = World(actors(), "ivy", "ann")
    make_group_of(world, count)
    for text in ("first", "second"):
        world.say("ivy", text).must_tell()
        letters = world.collect("ivy")
        if [letter.recipient for letter in letters] != [address_of(world)]:
            world.fail("one message, under the address of the epoch", f"{len(letters)} were stored")
        world.settle()
        world.must_show("ann", "ivy", text)


@clause("CG-7")
@pytest.mark.parametrize("count", COUNTS)
def test_a_message_is_encrypted_and_stored_once_whatever_the_number_of_members(actors: Actors, count: int) -> None:
    count_one_message(actors, count)


@clause("CG-7")
def test_a_message_to_a_hundred_is_encrypted_and_stored_once(actors: Actors, pytestconfig: pytest.Config) -> None:
    count_one_message(actors, 50 if pytestconfig.getoption("--profile") == "quick" else 100)


@clause("CG-7", "CG-29")
def test_client_side_fan_out_stores_one_for_each_other_member(actors: Actors) -> None:
    world = begin(actors)
    world.say("ivy", "to each", "client").must_tell()
    recipients = sorted(letter.recipient for letter in world.collect("ivy"))
    if recipients != world.accounts(["ann", "bob", "tom"]):
        world.fail("one message for each other member", f"{len(recipients)} were stored")
    world.settle()
    world.must_show("ann bob tom", "ivy", "to each")
    world.say("bob", "from bob", "client").must_tell()
    world.settle()
    world.must_show("ann ivy tom", "bob", "from bob")


def must_say_last(world: World, **members: object) -> None:
    """Claim what is in the last group message of Ivy."""
    seen = world.find_said("frame")
    if not seen:
        world.fail("a group message", "none came")
    seen[-1].answer.must_be(**members)


@clause("CG-8")
def test_a_message_names_group_epoch_digest_and_sender(actors: Actors) -> None:
    world = begin(actors)
    for number in range(3):
        world.say("ivy", f"text {number}").must_tell()
        world.settle()
        held = world.read_group("ivy")
        must_say_last(
            world,
            group_id=world.group_id,
            epoch=held.epoch,
            digest=held.digest,
            sender=world.account("ivy"),
            text=f"text {number}",
        )
        if number == 0:
            world.add("bob", "zoe").must_be()
        else:
            world.rename("ann", "walk").must_be()
        world.settle()
    if world.read_group("ivy").epoch != 2:
        world.fail("two names to make two epochs", "they did not")


@clause("CG-9")
def test_the_messages_of_a_membership_are_counted_through_all_sender_keys(actors: Actors) -> None:
    world = begin(actors)
    for number, change in enumerate(("none", "kick", "rename", "client", "none")):
        if change == "kick":
            world.kick("ann", "tom").must_be()
        elif change == "rename":
            world.rename("ann", "walk").must_be()
        world.settle()
        world.say("ivy", f"text {number}", "client" if change == "client" else "server").must_tell()
        world.settle()
        world.must_have_told("bob", kind="message", account="ivy", index=number, text=f"text {number}")
    world.must_not_have_told("bob", kind="indices missing")


CHANGES = ["send", "add", "kick", "rename", "change_avatar"]


def change(world: World, method: str) -> Answer:
    """Let Ivy try to change the group."""
    params: dict[str, dict[str, object]] = {
        "send": {"text": "x", "fan_out": "server"},
        "add": {"accounts": [world.account("zoe")]},
        "kick": {"accounts": [world.account("bob")]},
        "rename": {"name": "mine"},
        "change_avatar": {"avatar": PNG},
        "leave": {},
        "offer_room": {"address": "https://example.org/room", "server_key": bytes(32)},
    }
    return world.call("ivy", method, **params[method])


@clause("CG-10")
@pytest.mark.parametrize("way", ["kicked", "left"])
def test_who_is_out_can_do_nothing(actors: Actors, way: str) -> None:
    world = begin(actors)
    if way == "kicked":
        world.kick("ann", "ivy").must_be()
    else:
        world.leave("ivy").must_mention({"kind": "out"})
    world.settle()
    world.must_be_out("ivy")
    before = world.observe("ivy")
    for method in CHANGES:
        change(world, method).must_be_refused("NotPermitted")
    world.must_be_as("ivy", before)


@clause("CG-11")
@pytest.mark.parametrize("role", ["member", "administrator"])
def test_in_a_closed_group_nothing_is_changed(actors: Actors, role: str) -> None:
    world = begin(actors) if role == "member" else begin(actors, creator="ivy", others="ann bob tom")
    world.leave("ann" if role == "member" else "ivy").must_mention({"kind": "closed"})
    world.settle()
    world.must_have_told("ivy", kind="closed")
    world.must_have_told("bob", kind="closed")
    before = world.observe("ivy")
    for method in (*CHANGES, "leave", "offer_room"):
        change(world, method).must_be_refused("GroupClosed")
    world.must_be_as("ivy", before)


@clause("GC-57")
@pytest.mark.parametrize("method", ["add", "kick"])
def test_nobody_is_not_added_or_kicked(actors: Actors, method: str) -> None:
    world = begin(actors, creator="ivy", others="bob tom")
    before = world.observe("ivy")
    world.call("ivy", method, accounts=[]).must_be_refused("OutOfRange")
    world.must_be_as("ivy", before)


@clause("CG-10", "CG-11")
@pytest.mark.parametrize("method", [*CHANGES, "leave", "offer_room"])
def test_a_group_that_is_not_known_cannot_be_changed(actors: Actors, method: str) -> None:
    world = begin(actors)
    world.group_id = bytes(32)
    change(world, method).must_be_refused("UnknownGroup")


@clause("CG-12")
def test_no_key_is_used_twice(actors: Actors) -> None:
    world = begin(actors)
    for round_number in range(2):
        for fan_out in ("server", "client"):
            world.say("ivy", f"text {round_number}", fan_out).must_tell()
        world.settle()
        if round_number == 0:
            world.is_unacknowledged.add("ivy")
            world.say("ivy", "again under another key").must_tell()
            world.settle()
            world.kick("ann", "tom").must_be()
            world.settle()
            world.is_unacknowledged.clear()
    world.must_show("bob", "ivy", "again under another key")
    world.must_use_each_key_once()


def restore(world: World, *, is_killed: bool = False) -> None:
    """Save Ivy's client and go on with what was saved, in the same process or, if that is killed, in another one."""
    ivy = world.people["ivy"].actor
    assert isinstance(ivy, ImplementationUnderTest)
    state = ivy.call("save", handle="ivy").result.state
    if is_killed:
        ivy.restart()
    ivy.call("restore", handle="ivy", state=state).must_be()


@clause("CG-12", "CG-9", "CG-29")
def test_a_client_that_was_killed_goes_on_where_it_was(actors: Actors) -> None:
    world = begin(actors)
    world.say("bob", "before").must_tell()
    world.settle()
    world.say("ivy", "under way").must_tell()
    before = world.observe("ivy")
    restore(world, is_killed=True)
    world.must_be_as("ivy", before)
    world.collect("ivy")
    restore(world)
    world.say("ivy", "after").must_tell()
    world.settle()
    restore(world)
    world.must_show("ann bob tom", "ivy", "under way")
    world.must_show("ann bob tom", "ivy", "after")
    world.must_not_have_told("bob", kind="indices missing")
    (letter,) = find_stores(world, "bob", address_of(world))
    world.must_refuse("ivy", letter, "DuplicateMessage")
    world.must_talk("bob ivy tom ann", "later")
    world.must_use_each_key_once()
