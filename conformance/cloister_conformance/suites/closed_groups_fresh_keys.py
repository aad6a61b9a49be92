"""Chapter 10: each message under the newest address, and under a key of its own."""

from cloister_conformance.clause import clause
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
