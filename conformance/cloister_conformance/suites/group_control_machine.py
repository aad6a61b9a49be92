"""Chapter 09: five accounts, and a network that delays, reorders, repeats and loses: all views become equal."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from cloister_conformance.clause import clause
from cloister_conformance.group_views import World
from cloister_conformance.hand_made.group_control import ALICE, BOB, CAROL, DAVE, ERIN, PNG
from cloister_conformance.plugin import Actors
from cloister_conformance.strategies import entropies

ACCOUNTS = (BOB, ALICE, CAROL, DAVE, ERIN)
ANYBODY = st.sampled_from(ACCOUNTS)
PLACE = st.integers(min_value=0, max_value=63)
"""A place in what is under way, modulo how much that is."""


class Group(RuleBasedStateMachine):
    """A group of Alice, Bob and Carol, and two who may be added; the implementation plays some of them.

    The model: each view that the implementation has is that of a shadow, which the peer has; and in the end all are equal.
    """

    actors: Actors

    @initialize(played=st.sets(ANYBODY, min_size=1, max_size=3), entropy=entropies())
    def begin(self, played: set[bytes], entropy: int) -> None:
        iut, peer = self.actors(entropy)
        self.world = World(iut, peer, played=played, accounts=ACCOUNTS)
        self.world.create(ALICE, BOB, CAROL)

    def may_act(self, account: bytes) -> bool:
        """Tell whether an account knows the group."""
        return account in self.world.knowing

    @rule(sender=ANYBODY, account=ANYBODY)
    def add(self, sender: bytes, account: bytes) -> None:
        if self.may_act(sender):
            self.world.add(sender, account)

    @rule(sender=st.sampled_from([BOB, CAROL, DAVE, ERIN]), last_index=st.one_of(st.none(), st.integers(0, 9)))
    def leave(self, sender: bytes, last_index: int | None) -> None:
        if self.may_act(sender):
            self.world.leave(sender, last_index)

    @rule(account=ANYBODY)
    def kick(self, account: bytes) -> None:
        self.world.open_epoch(account)

    @rule(name=st.sampled_from(["walk", "run"]), avatar=st.sampled_from([None, PNG]))
    def change(self, name: str, avatar: bytes | None) -> None:
        self.world.open_epoch(name=name, avatar=avatar)

    @rule(sender=ANYBODY, receiver=ANYBODY, adds_you=st.booleans())
    def pass_on(self, sender: bytes, receiver: bytes, *, adds_you: bool) -> None:
        if self.may_act(sender):
            self.world.pass_on(sender, receiver, adds_you=adds_you)

    @rule(place=PLACE)
    def deliver(self, place: int) -> None:
        if self.world.under_way:
            self.world.deliver(self.world.under_way.pop(place % len(self.world.under_way)))

    @rule(place=PLACE)
    def deliver_and_keep(self, place: int) -> None:
        if self.world.under_way:
            self.world.deliver(self.world.under_way[place % len(self.world.under_way)])

    @rule(place=PLACE)
    def lose(self, place: int) -> None:
        if self.world.under_way:
            self.world.lost.append(self.world.under_way.pop(place % len(self.world.under_way)))

    @rule(place=PLACE)
    def find_again(self, place: int) -> None:
        if self.world.lost:
            self.world.deliver(self.world.lost[place % len(self.world.lost)])

    @rule(sender=ANYBODY, receiver=ANYBODY, accounts=st.sets(ANYBODY, min_size=1).map(sorted), epoch=st.integers(0, 3))
    def lie_about_adds(self, sender: bytes, receiver: bytes, accounts: list[bytes], epoch: int) -> None:
        self.world.send(sender, [receiver], self.world.encode(epoch, add={"accounts": accounts}))

    @rule(sender=ANYBODY, receiver=ANYBODY, leaver=ANYBODY, added=st.integers(0, 3))
    def lie_about_leaves(self, sender: bytes, receiver: bytes, leaver: bytes, added: int) -> None:
        if sender != leaver:
            self.world.send(sender, [receiver], self.world.encode(0, leave={"added": added, "account": leaver}))

    @rule(sender=st.sampled_from([BOB, CAROL, DAVE, ERIN]), receiver=ANYBODY, epoch=st.integers(0, 3))
    def forge(self, sender: bytes, receiver: bytes, epoch: int) -> None:
        if self.may_act(receiver):
            self.world.forge(sender, receiver, epoch)

    @rule()
    def settle(self) -> None:
        self.world.settle()
        self.world.must_be_settled()

    @rule(chance=st.integers(0, 7))
    def close(self, chance: int) -> None:
        if chance == 0:
            self.world.close()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.settle()


@clause("GC-20", "GC-21", "GC-23", "GC-28", "GC-32", "GC-38", "GC-39", "GC-43", "GC-46", "GC-50", "GC-52")
def test_views_become_equal_whatever_the_network_does(actors: Actors) -> None:
    machine = type("Group", (Group,), {"actors": staticmethod(actors)})
    run_state_machine_as_test(machine)
