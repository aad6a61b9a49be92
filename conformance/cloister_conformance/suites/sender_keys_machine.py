"""Chapter 04: several senders and receivers, and a network that loses, reorders, repeats and damages."""

from collections import defaultdict
from dataclasses import dataclass

from cloister import sender_keys
from cloister.wire import MAX_FRAME_BYTES
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from cloister_conformance.clause import clause
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor
from cloister_conformance.strategies import NOW, bit_positions, entropies, flip, plaintexts

MEMBERS = ("alice", "bob", "carol", "dave")
"""Alice and Carol are the implementation under test, Bob and Dave the peer."""


@dataclass(frozen=True)
class Distribution:
    """A distribution under way."""

    sender: str
    frame: bytes
    key_id: int
    iteration: int


@dataclass(frozen=True)
class Message:
    """A message under way."""

    sender: str
    frame: bytes
    key_id: int
    iteration: int
    plaintext: bytes


class Group(RuleBasedStateMachine):
    """A group of four. The model: from which iteration on a receiver may read a key, and what it has read."""

    actors: Actors
    distributions: Bundle[Distribution] = Bundle("distributions")
    messages: Bundle[Message] = Bundle("messages")

    @initialize(entropy=entropies())
    def begin(self, entropy: int) -> None:
        iut, peer = self.actors(entropy)
        self.members: dict[str, Actor] = dict(zip(MEMBERS, (iut, peer, iut, peer), strict=True))
        self.readable_from: dict[tuple[str, str, int], int] = {}
        self.read: dict[tuple[str, str, int], set[int]] = defaultdict(set)
        for member, actor in self.members.items():
            actor.call("sender_keys.create", key=member).must_be()

    @rule(target=distributions, sender=st.sampled_from(MEMBERS))
    def distribute(self, sender: str) -> Distribution:
        frame = self.members[sender].call("sender_keys.distribute", key=sender).result.distribution
        decoded = sender_keys.decode_distribution(frame)
        return Distribution(sender, frame, decoded.key_id, decoded.iteration)

    @rule(target=messages, sender=st.sampled_from(MEMBERS), plaintext=plaintexts())
    def send(self, sender: str, plaintext: bytes) -> Message:
        frame = self.members[sender].call("sender_keys.encrypt", key=sender, plaintext=plaintext).result.message
        decoded = sender_keys.decode_message(frame)
        return Message(sender, frame, decoded.key_id, decoded.iteration, plaintext)

    @rule(sender=st.sampled_from(MEMBERS))
    def renew(self, sender: str) -> None:
        self.members[sender].call("sender_keys.renew", key=sender).must_be()

    @rule(distribution=distributions, receiver=st.sampled_from(MEMBERS))
    def deliver_distribution(self, distribution: Distribution, receiver: str) -> None:
        self.members[receiver].call(
            "sender_keys.process",
            record=f"{distribution.sender} as seen by {receiver}",
            distribution=distribution.frame,
            now_ms=NOW,
        ).must_be()
        key = (receiver, distribution.sender, distribution.key_id)
        self.readable_from.setdefault(key, distribution.iteration)

    @rule(message=messages, receiver=st.sampled_from(MEMBERS))
    def deliver(self, message: Message, receiver: str) -> None:
        answer = self.members[receiver].call(
            "sender_keys.decrypt", record=f"{message.sender} as seen by {receiver}", message=message.frame, now_ms=NOW
        )
        key = (receiver, message.sender, message.key_id)
        if key not in self.readable_from:
            answer.must_be_refused("UnknownSenderKey")
        elif message.iteration < self.readable_from[key] or message.iteration in self.read[key]:
            answer.must_be_refused("DuplicateMessage")
        else:
            answer.must_be(plaintext=message.plaintext)
            self.read[key].add(message.iteration)

    @rule(message=messages, receiver=st.sampled_from(MEMBERS), position=bit_positions(MAX_FRAME_BYTES))
    def deliver_damaged(self, message: Message, receiver: str, position: int) -> None:
        damaged = flip(message.frame, position % (8 * len(message.frame)))
        self.members[receiver].call(
            "sender_keys.decrypt", record=f"{message.sender} as seen by {receiver}", message=damaged, now_ms=NOW
        ).must_be_any_refusal()


@clause("SK-12", "SK-16", "SK-17", "SK-18", "SK-26", "SK-28", "SK-29", "SK-35")
def test_a_group_reads_each_message_once_whatever_the_network_does(actors: Actors) -> None:
    machine = type("Group", (Group,), {"actors": staticmethod(actors)})
    run_state_machine_as_test(machine)
