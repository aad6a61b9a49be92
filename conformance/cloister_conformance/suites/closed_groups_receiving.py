"""Chapter 10: what a member reads, what waits, what is refused, and that a refusal changes nothing."""

import pytest
from cloister.group_reading import MAX_WAITING_FRAMES_OF_ONE, PAST_MS
from cloister.group_repair import REPAIR_AFTER_MS

from cloister_conformance.clause import clause
from cloister_conformance.group_world import Letter, World, between
from cloister_conformance.plugin import Actors
from cloister_conformance.strategies import flip
from cloister_conformance.suites.closed_groups import (
    address_of,
    begin,
    change,
    find_stores,
    hand_over,
    write_pairwise,
)

BAD_BINDINGS = ["another group", "an earlier epoch", "a later epoch", "another sender", "the reader"]


def make(world: World, name: str, **fields: object) -> Letter:
    """Let a liar make a group message, and store it."""
    return world.inject(name, world.lie(name, "make_frame", **fields))


def must_still_work(world: World, names: str = "ann bob ivy tom") -> None:
    """Claim that all members read each other."""
    world.settle()
    world.must_talk(names, "still")
    world.must_not_have_told("ivy", kind="diverged")


def message(world: World, sender: str, text: str) -> dict[str, object]:
    """The event that shows a text."""
    return {"kind": "message", "account": world.account(sender), "text": text, "group_id": world.group_id}


# What a message is bound to


@clause("CG-23", "CG-32")
@pytest.mark.parametrize("binding", BAD_BINDINGS)
def test_a_message_that_is_bound_to_something_else_is_refused(actors: Actors, binding: str) -> None:
    world = begin(actors)
    world.rename("ann", "walk").must_be()
    world.settle()
    fields: dict[str, dict[str, object]] = {
        "another group": {"content_group": bytes(range(32))},
        "an earlier epoch": {"epoch": 0},
        "a later epoch": {"epoch": 2},
        "another sender": {"sender": world.account("tom")},
        "the reader": {"sender": world.account("ivy")},
    }
    letter = make(world, "bob", text="moved", **fields[binding])
    world.must_refuse("ivy", letter, "NotPermitted")
    must_still_work(world)


@clause("CG-23", "CG-32")
def test_a_message_that_is_moved_to_another_epoch_is_not_shown(actors: Actors) -> None:
    world = begin(actors)
    world.delays.append(lambda name, letter: name == "ivy" and letter.sender == "bob")
    world.say("bob", "in epoch 0").must_tell()
    world.settle()
    ((_, letter),) = world.delayed
    world.rename("ann", "walk").must_be()
    world.settle()
    moved = world.lie("tom", "reseal", recipient=letter.recipient, data=letter.data, address=address_of(world))
    world.must_refuse("ivy", world.inject("tom", moved), "NotPermitted")
    world.release()
    world.must_show("ivy", "bob", "in epoch 0")


@clause("CG-23", "CG-28", "CG-32")
def test_a_message_that_is_moved_to_another_group_is_not_shown(actors: Actors) -> None:
    world = begin(actors)
    first = world.group_id
    world.create("ann", "bob ivy tom")
    world.settle()
    address = next(
        recipient
        for recipient in world.call("bob", "recipients").result.recipients
        if recipient not in (world.account("bob"), address_of(world))
    )
    world.group_id = first
    world.say("bob", "in the first").must_tell()
    (letter,) = world.collect("bob")
    if letter.recipient == address:
        address = address_of(world)
    moved = world.lie("tom", "reseal", recipient=letter.recipient, data=letter.data, address=address)
    world.deliver("ivy", world.inject("tom", moved)).must_exclude(told=["in the first"])
    world.settle()
    world.must_show("ivy", "bob", "in the first")


@clause("CG-23", "CG-32")
@pytest.mark.parametrize("source", ["tom", "zoe"])
def test_a_message_under_the_name_of_another_is_not_shown(actors: Actors, source: str) -> None:
    world = begin(actors)
    world.say("bob", "by bob").must_tell()
    (letter,) = world.collect("bob")
    moved = world.lie("ann", "reseal", recipient=letter.recipient, data=letter.data, source=world.account(source))
    world.deliver("ivy", world.inject("tom", moved)).must_exclude(told=["by bob"])
    world.settle()
    world.must_show("ivy", "bob", "by bob")


@clause("CG-23", "CG-29", "CG-32")
@pytest.mark.parametrize("binding", ["another sender", "another group", "an unknown group"])
def test_a_pairwise_group_content_is_bound_to_its_session(actors: Actors, binding: str) -> None:
    world = begin(actors)
    world.say("bob", "said", "client").must_tell()
    letter = next(letter for letter in world.collect("bob") if letter.recipient == world.account("tom"))
    content = world.lie("tom", "peek", recipient=letter.recipient, data=letter.data).result.said
    teller, group_id = "bob", world.group_id
    if binding == "another sender":
        teller = "tom"
    else:
        content = content.replace(group_id, bytes(range(32)))
    before = world.observe("ivy")
    world.lie(teller, "say", account=world.account("ivy"), content=content).must_be()
    answers = [world.deliver("ivy", letter) for letter in world.collect(teller)]
    answers[-1].must_tell({"kind": "refused", "account": world.account(teller), "error": "NotPermitted"})
    world.must_be_as("ivy", before)


@clause("CG-57")
def test_an_own_message_is_passed_over(actors: Actors) -> None:
    world = begin(actors)
    world.say("ivy", "mine").must_tell()
    letter = world.take_only(world.collect("ivy"), "message to be stored")
    before = world.observe("ivy")
    world.deliver("ivy", letter).must_tell()
    world.must_be_as("ivy", before)
    world.settle()
    world.must_show("ann bob tom", "ivy", "mine")
    world.now_ms += REPAIR_AFTER_MS
    world.call("ivy", "tick").must_be()
    world.call("ivy", "outbox").must_be(stores=[])


# Epochs and memberships


@clause("CG-24", "CG-34")
def test_a_message_of_a_past_epoch_is_read(actors: Actors) -> None:
    world = begin(actors)
    world.delays.append(between("ann", "bob"))
    world.rename("ann", "walk").must_be()
    world.settle()
    world.say("bob", "still in epoch 0").must_tell()
    world.settle()
    world.must_show("ann ivy tom", "bob", "still in epoch 0")
    world.release()
    must_still_work(world)


@clause("CG-24")
def test_a_message_that_was_under_way_for_long_is_read(actors: Actors) -> None:
    world = begin(actors)
    world.say("bob", "slow").must_tell()
    world.delays.append(between("bob", "ivy"))
    world.settle()
    for title in ("walk", "run"):
        world.rename("ann", title).must_be()
        world.settle()
    world.now_ms += PAST_MS - 1
    world.call("ivy", "tick").must_be()
    world.release()
    world.must_show("ivy", "bob", "slow")


@clause("CG-25", "CG-26")
@pytest.mark.parametrize("who", ["bob", "tom"])
def test_of_who_has_left_what_it_had_sent_is_read_and_no_more(actors: Actors, who: str) -> None:
    world = begin(actors)
    for text in ("one", "two"):
        world.say(who, text).must_tell()
    world.collect(who)
    world.lie(who, "copy", copy_to="ghost").must_be()
    late = find_stores(world, who, address_of(world))
    world.leave(who).must_be()
    hand_over(world, who)
    world.fetch("ivy")
    world.must_show("ivy", who, "one")
    world.must_show("ivy", who, "two")
    made = world.people[who].actor.call(
        "groups.make_frame", client="ghost", group_id=world.group_id, now_ms=world.now_ms, text="and another"
    )
    letter = Letter(recipient=late[0].recipient, data=made.result.data, sender=who)
    world.must_refuse("ivy", letter, "NotPermitted", may_answer=True)
    world.settle()
    world.must_refuse("ivy", letter, "NotPermitted", may_answer=True)


@clause("CG-26")
def test_who_leaves_without_having_sent_can_send_nothing(actors: Actors) -> None:
    world = begin(actors)
    letter = make(world, "tom", text="late")
    world.lie("tom", "say_control", account=world.account("ivy"), epoch=0, kind="leave", added=0).must_be()
    hand_over(world, "tom")[0].must_mention({"kind": "member left", "account": world.account("tom")})
    world.must_refuse("ivy", letter, "NotPermitted", may_answer=True)


@clause("CG-58")
def test_who_leaves_cannot_speak_on_for_ever(actors: Actors) -> None:
    world = begin(actors)
    near, far, further = (make(world, "tom", index=index, text=str(index)) for index in (0, 1999, 2000))
    world.lie(
        "tom", "say_control", account=world.account("ivy"), epoch=0, kind="leave", added=0, last_index=2**63 - 1
    ).must_be()
    hand_over(world, "tom")[0].must_mention({"kind": "member left", "account": world.account("tom")})
    world.deliver("ivy", near).must_mention(message(world, "tom", "0"))
    world.must_refuse("ivy", further, "NotPermitted", may_answer=True)
    world.deliver("ivy", far).must_mention(message(world, "tom", "1999"))
    world.must_refuse("ivy", further, "NotPermitted", may_answer=True)


@clause("CG-25", "CG-26")
def test_of_who_is_kicked_what_the_administrator_has_read_is_read_and_no_more(actors: Actors) -> None:
    world = begin(actors)
    world.delays.append(between("tom", "ivy"))
    world.say("tom", "before").must_tell()
    world.settle()
    world.kick("ann", "tom").must_be()
    world.settle()
    world.release()
    world.must_show("ivy", "tom", "before")


@clause("CG-26", "CG-32", "CG-45")
@pytest.mark.parametrize("place", ["the old address", "the new address", "the new address as of the old epoch"])
def test_of_who_is_kicked_nothing_later_is_read(actors: Actors, place: str) -> None:
    world = begin(actors)
    world.say("tom", "before").must_tell()
    world.settle()
    world.lie("tom", "copy", copy_to="ghost").must_be()
    world.kick("ann", "tom").must_be()
    world.settle()
    fields: dict[str, object] = {} if place == "the old address" else {"address": address_of(world)}
    if place == "the new address":
        fields["epoch"] = 1
    made = world.people["tom"].actor.call(
        "groups.make_frame", client="ghost", group_id=world.group_id, now_ms=world.now_ms, text="after", **fields
    )
    letter = world.inject("tom", made)
    answer = world.deliver("ivy", letter)
    if place == "the new address":
        answer.must_exclude(told=["after"])
    else:
        answer.must_tell({"kind": "refused", "account": world.account("tom"), "error": "NotPermitted"})
    world.settle()
    world.must_not_show("ann bob ivy", "after")
    must_still_work(world, "ann bob ivy")


@clause("CG-26", "CG-22")
def test_a_message_of_the_first_membership_does_not_count_in_the_second(actors: Actors) -> None:
    world = begin(actors)
    world.say("tom", "one").must_tell()
    world.settle()
    world.lie("tom", "copy", copy_to="ghost").must_be()
    world.kick("ann", "tom").must_be()
    world.settle()
    world.add("bob", "tom").must_be()
    world.settle()
    made = world.people["tom"].actor.call(
        "groups.make_frame", client="ghost", group_id=world.group_id, now_ms=world.now_ms, text="late, of the first"
    )
    world.must_refuse("ivy", world.inject("tom", made), "NotPermitted")
    world.say("tom", "of the second").must_tell()
    world.settle()
    world.must_have_told("ivy", kind="message", account="tom", text="of the second", index=0)


# Waiting


@clause("CG-28", "CG-20")
def test_a_message_waits_for_the_key_of_its_sender(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann bob tom")
    world.delays.append(
        lambda name, letter: (name, letter.sender) == ("ivy", "bob") and letter.recipient == world.account("ivy")
    )
    world.create("ann", "bob ivy tom")
    world.settle()
    for text in ("one", "two"):
        world.say("bob", text).must_tell()
    (first, second) = world.collect("bob")
    for letter in (second, first, second):
        world.deliver("ivy", letter).must_tell()
    world.release()
    world.settle()
    world.must_show("ivy", "bob", "one")
    world.must_show("ivy", "bob", "two")


@clause("CG-28", "CG-23")
def test_a_copy_under_the_name_of_another_does_not_keep_a_message_from_waiting(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann bob tom")
    world.delays.append(
        lambda name, letter: (name, letter.sender) == ("ivy", "bob") and letter.recipient == world.account("ivy")
    )
    world.create("ann", "bob ivy tom")
    world.settle()
    world.say("bob", "by bob").must_tell()
    (letter,) = world.collect("bob")
    for source in ("tom", "ann"):
        moved = world.lie("tom", "reseal", recipient=letter.recipient, data=letter.data, source=world.account(source))
        world.deliver("ivy", Letter(recipient=letter.recipient, data=moved.result.data, sender="tom")).must_tell()
    world.settle()
    world.release()
    world.settle()
    world.must_show("ivy", "bob", "by bob")


@clause("CG-28")
@pytest.mark.parametrize("newcomer", ["cat", "zoe"])
def test_a_message_waits_until_its_sender_is_known(actors: Actors, newcomer: str) -> None:
    world = begin(actors, strangers=newcomer)
    for adder in ("ann", "bob"):
        world.delays.append(between(adder, "ivy"))
    world.add("bob", newcomer).must_be()
    world.settle()
    world.say(newcomer, "hello").must_tell()
    world.settle()
    world.must_not_show("ivy", "hello")
    world.release()
    world.settle()
    world.must_show("ivy", newcomer, "hello")


@clause("CG-28")
@pytest.mark.parametrize("newcomer", ["cat", "zoe"])
def test_a_pairwise_group_content_waits_until_its_sender_is_known(actors: Actors, newcomer: str) -> None:
    world = begin(actors, strangers=newcomer)
    for adder in ("ann", "bob"):
        world.delays.append(between(adder, "ivy"))
    world.add("bob", newcomer).must_be()
    world.settle()
    world.say(newcomer, "hello", "client").must_tell()
    world.settle()
    world.must_not_show("ivy", "hello")
    world.release()
    world.settle()
    world.must_show("ivy", newcomer, "hello")


@clause("CG-28")
def test_of_one_sender_so_many_messages_wait_the_newest(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann bob tom")
    world.delays.append(
        lambda name, letter: (name, letter.sender) == ("ivy", "bob") and letter.recipient == world.account("ivy")
    )
    world.create("ann", "bob ivy tom")
    world.settle()
    for number in range(MAX_WAITING_FRAMES_OF_ONE + 1):
        world.say("bob", f"text {number}").must_tell()
    world.settle()
    world.release()
    world.settle()
    world.must_not_show("ivy", "text 0")
    shown = [told for answer in world.told["ivy"] for told in answer.step.answer["result"]["told"]]
    texts = [told["text"] for told in shown if told["kind"] == "message"]
    if texts != [f"text {number}" for number in range(1, MAX_WAITING_FRAMES_OF_ONE + 1)]:
        world.fail(f"the newest {MAX_WAITING_FRAMES_OF_ONE} to have waited", f"{len(texts)} were shown")


@clause("CG-31")
def test_a_key_that_was_lost_is_asked_for(actors: Actors) -> None:
    world = World(actors(), "ivy", "ann bob tom")
    world.losses.append(
        lambda name, letter: (name, letter.sender) == ("ivy", "bob") and letter.recipient == world.account("ivy")
    )
    world.create("ann", "bob ivy tom")
    world.settle()
    world.losses.clear()
    world.say("bob", "cannot be read yet").must_tell()
    world.settle()
    world.now_ms += REPAIR_AFTER_MS - 1
    world.call("ivy", "tick").must_be()
    world.settle()
    world.must_not_say("ask")
    world.wait(1)
    asks = world.find_said("ask")
    if [(seen.reader, seen.said.what) for seen in asks] != [("bob", "sender key")]:
        world.fail("the sender to be asked for its key, once", f"{[(s.reader, s.said.what) for s in asks]} came")
    world.say("bob", "now it can").must_tell()
    world.settle()
    world.must_show("ivy", "bob", "now it can")


# Once


@clause("CG-29", "CG-32")
@pytest.mark.parametrize("ways", ["server server", "client server", "server client", "client client"])
def test_a_message_that_comes_twice_is_shown_once(actors: Actors, ways: str) -> None:
    world = begin(actors)
    first, second = ways.split()
    letters: list[Letter] = []
    for way in (first, second):
        if way == "server":
            letters.append(make(world, "bob", text="twice", index=0))
            continue
        world.lie("bob", "copy", copy_to="honest").must_be()
        content = find_content(world)
        world.lie("bob", "say", account=world.account("ivy"), content=content).must_be()
        letters += [letter for letter in world.collect("bob") if letter.recipient == world.account("ivy")]
    world.deliver("ivy", letters[0]).must_tell(message(world, "bob", "twice"))
    world.must_refuse("ivy", letters[1], "DuplicateMessage")
    must_still_work(world)


def find_content(world: World) -> bytes:
    """Write the content of Bob's message, as it goes to one member."""
    letter = make(world, "bob", text="twice", index=0)
    said = world.lie("ann", "peek", recipient=letter.recipient, data=letter.data).result.said
    return write_pairwise(group=said)


@clause("CG-29", "CG-32")
def test_a_stored_message_that_is_fetched_again_is_refused(actors: Actors) -> None:
    world = begin(actors)
    world.say("bob", "once").must_tell()
    (letter,) = world.collect("bob")
    world.settle()
    world.must_refuse("ivy", letter, "DuplicateMessage")
    world.must_show("ivy", "bob", "once")


@clause("CG-30")
def test_indices_that_are_missing_are_reported_and_read_when_they_come(actors: Actors) -> None:
    world = begin(actors)
    for text in ("zero", "one", "two", "three"):
        world.say("bob", text).must_tell()
    zero, one, two, three = world.collect("bob")
    missing = {"kind": "indices missing", "account": world.account("bob"), "group_id": world.group_id}
    world.deliver("ivy", two).must_tell({**missing, "index": 0, "last_index": 1}, message(world, "bob", "two"))
    world.deliver("ivy", one).must_tell(message(world, "bob", "one"))
    world.deliver("ivy", three).must_tell(message(world, "bob", "three"))
    world.deliver("ivy", zero).must_tell(message(world, "bob", "zero"))
    for letter in (zero, one, two, three):
        world.must_refuse("ivy", letter, "DuplicateMessage")


@clause("CG-30", "CG-14")
def test_a_joiner_misses_only_what_was_sent_after_it_was_given_the_key(actors: Actors) -> None:
    world = begin(actors, others="bob tom", strangers="ivy zoe")
    world.say("bob", "before").must_tell()
    world.settle()
    world.add("ann", "ivy").must_be()
    world.settle()
    for text in ("lost", "read"):
        world.say("bob", text).must_tell()
    _, second = world.collect("bob")
    world.deliver("ivy", second).must_tell(
        {"kind": "indices missing", "account": world.account("bob"), "index": 1, "last_index": 1},
        message(world, "bob", "read"),
    )
    world.settle()
    world.must_not_show("ivy", "before")


# Refusals


def damage(world: World, how: str) -> tuple[Letter, str]:
    """Damage a message of Bob's; return it, and the error."""
    if how == "the signature":
        return make(world, "bob", text="x", is_broken=True), "InvalidSignature"
    if how == "no content":
        return make(world, "bob", plaintext=b""), "InvalidMessage"
    if how == "text and room":
        made = make(world, "bob", text="x")
        said = world.lie("ann", "peek", recipient=made.recipient, data=made.data).result.said
        room = make(world, "bob", is_room=True)
        other = world.lie("ann", "peek", recipient=room.recipient, data=room.data).result.said
        return make(world, "bob", plaintext=said + other[other.index(b"\x42") :]), "InvalidMessage"
    if how == "a digest of another size":
        return make(world, "bob", text="x", digest=bytes(31)), "InvalidMessage"
    if how == "an epoch above the limit":
        return make(world, "bob", text="x", epoch=2**31), "OutOfRange"
    if how == "an index above the limit":
        return make(world, "bob", text="x", index=2**63), "OutOfRange"
    if how == "a sender that is no key":
        return make(world, "bob", text="x", sender=bytes(33)), "InvalidKey"
    letter = make(world, "bob", text="x")
    damaged = flip(letter.data, 4 * len(letter.data))
    return Letter(recipient=letter.recipient, data=damaged, sender="bob"), "DecryptionFailed"


DAMAGES = [
    "the signature",
    "no content",
    "text and room",
    "a digest of another size",
    "an epoch above the limit",
    "an index above the limit",
    "a sender that is no key",
    "the seal",
]


@clause("CG-32", "CG-23")
@pytest.mark.parametrize("how", DAMAGES)
def test_what_is_damaged_is_refused_and_changes_nothing(actors: Actors, how: str) -> None:
    world = begin(actors)
    letter, error = damage(world, how)
    world.must_refuse("ivy", letter, error)
    world.say("ann", "undamaged").must_tell()
    world.settle()
    world.must_show("ivy", "ann", "undamaged")
    if how != "an index above the limit":
        world.say("bob", "also by bob").must_tell()
        world.settle()
        world.must_show("ivy", "bob", "also by bob")


@clause("CG-32")
def test_a_recipient_that_is_not_polled_is_passed_over(actors: Actors) -> None:
    world = begin(actors)
    before = world.observe("ivy")
    letter = Letter(recipient=world.account("bob"), data=bytes(100), sender="bob")
    world.deliver("ivy", letter).must_tell()
    world.must_be_as("ivy", before)


@clause("CG-33")
def test_a_room_is_taken_from_the_administrator_only(actors: Actors) -> None:
    world = begin(actors)
    world.must_refuse("ivy", make(world, "bob", is_room=True), "NotPermitted")
    world.call("ann", "offer_room", address="https://example.org/room", server_key=bytes(range(32))).must_tell()
    world.settle()
    world.must_have_told(
        "ivy", kind="room offered", account="ann", address="https://example.org/room", server_key=bytes(range(32))
    )
    must_still_work(world, "ann bob ivy tom")


@clause("CG-33")
def test_only_the_administrator_offers_a_room(actors: Actors) -> None:
    world = begin(actors)
    change(world, "offer_room").must_be_refused("NotPermitted")
    world = begin(actors, creator="ivy", others="ann bob")
    change(world, "offer_room").must_tell()
    world.settle()
    world.must_have_told(
        "bob", kind="room offered", account="ivy", address="https://example.org/room", server_key=bytes(32)
    )


@clause("CG-56")
@pytest.mark.parametrize(
    ("address", "server_key", "error"),
    [("x" * 2049, bytes(32), "TooLarge"), ("x", bytes(31), "InvalidMessage"), ("x", bytes(33), "InvalidMessage")],
)
def test_a_room_that_no_member_would_read_is_not_offered(
    actors: Actors, address: str, server_key: bytes, error: str
) -> None:
    world = begin(actors, creator="ivy", others="ann bob")
    world.call("ivy", "offer_room", address=address, server_key=server_key).must_be_refused(error)
    world.call("ivy", "offer_room", address="x" * 2048, server_key=bytes(32)).must_tell()
    world.settle()
    world.must_have_told("bob", kind="room offered", address="x" * 2048)


# Addresses


def list_addresses(world: World, name: str = "ivy") -> list[bytes]:
    """List the addresses that a client polls, besides its account."""
    found = world.call(name, "recipients").result.recipients
    return [recipient for recipient in found if recipient != world.account(name)]


@clause("CG-34")
def test_past_addresses_are_polled_for_two_weeks(actors: Actors) -> None:
    world = begin(actors)
    first = world.take_only(list_addresses(world), "address")
    world.rename("ann", "walk").must_be()
    world.settle()
    taken_up_ms = world.now_ms
    second = address_of(world)
    world.must_poll("ivy", second, first)
    world.now_ms = taken_up_ms + PAST_MS - 1
    world.call("ivy", "tick").must_be()
    world.must_poll("ivy", second, first)
    world.now_ms = taken_up_ms + PAST_MS + 1
    world.call("ivy", "tick").must_be()
    world.must_poll("ivy", second)


@clause("CG-34")
def test_the_addresses_of_several_groups_are_polled(actors: Actors) -> None:
    world = begin(actors)
    first = list_addresses(world)
    world.create("bob", "ann ivy")
    world.settle()
    second = [address for address in list_addresses(world) if address not in first]
    if len(second) != 1:
        world.fail("one address for each group", f"{len(second)} more came")
    world.must_talk("ann bob ivy")
    world.must_poll("ivy", *first, *second)


@clause("CG-34", "CG-11")
def test_of_a_closed_group_what_is_under_way_is_read(actors: Actors) -> None:
    world = begin(actors)
    world.delays.append(between("bob", "ivy"))
    world.say("bob", "just before").must_tell()
    world.settle()
    world.leave("ann").must_be()
    world.settle()
    world.call("ivy", "read_group").must_be(status="closed")
    world.release()
    world.must_show("ivy", "bob", "just before")
    world.now_ms += PAST_MS + 1
    world.call("ivy", "tick").must_be()
    if len(list_addresses(world)) > 1:
        world.fail("past addresses not to be polled any more", "they are")
