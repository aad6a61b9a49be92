"""Chapter 10: each message under the newest address, and under a key of its own."""

from cloister_conformance.clause import clause
from cloister_conformance.group_world import between
from cloister_conformance.plugin import Actors
from cloister_conformance.suites.closed_groups import address_of, begin


@clause("CG-7", "CG-34")
def test_a_message_is_stored_under_the_address_of_the_newest_epoch(actors: Actors) -> None:
    world = begin(actors)
    addresses = [address_of(world)]
    for title in ("walk", "run"):
        world.rename("ann", title).must_be()
        world.settle()
        world.say("ivy", title).must_tell()
        recipients = [letter.recipient for letter in world.collect("ivy")]
        if recipients != [address_of(world)]:
            places = ["an old address" if recipient in addresses else "elsewhere" for recipient in recipients]
            world.fail("one message, under the address of the newest epoch", f"it was stored at {places}")
        addresses.append(address_of(world))
    world.settle()
    world.must_show("ann bob tom", "ivy", "run")


@clause("CG-12")
def test_each_content_for_one_account_has_a_key_of_its_own(actors: Actors) -> None:
    world = begin(actors)
    texts = ("one", "two", "three")
    for text in texts:
        world.call("ivy", "send_text", account=world.account("bob"), text=text).must_tell()
    world.settle()
    for text in texts:
        world.must_have_told("bob", kind="text", account="ivy", text=text)
    world.must_use_each_key_once()


@clause("CG-22", "CG-9")
def test_what_is_under_way_is_said_in_the_new_membership_of_who_was_added_again_unseen(actors: Actors) -> None:
    world = begin(actors)
    world.is_away.add("ivy")
    world.say("ivy", "under way").must_tell()
    world.kick("ann", "ivy").must_be()
    world.settle()
    world.add("bob", "ivy").must_be()
    world.settle()
    world.losses.append(between(None, "ivy"))
    world.fetch("ivy")
    world.losses.clear()
    world.rename("ann", "walk").must_be()
    world.collect("ann")
    world.fetch("ivy")
    world.is_away.clear()
    world.settle()
    world.must_be_members("ann bob ivy tom", epoch=2)
    world.must_show("ann bob tom", "ivy", "under way")
    world.must_use_each_key_once()
