"""What implementations do with each other: a script for each scenario, over the same conversations as the suites.

Every claim is an expectation on one step, so a cell that fails says which side did not do what was expected.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cloister.identity import KeyPair

from cloister_conformance.conversations import Frame, Side, establish, exchange
from cloister_conformance.hand_made.pairwise_sessions import make_pair
from cloister_conformance.script import ImplementationUnderTest, NotOffered
from cloister_conformance.strategies import NOW, flip

Actors = Sequence[ImplementationUnderTest]
LONG = 60
BURST = 8
ROUNDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario; `roles` are the parts that implementations play in it, `is_symmetric` if the parts are all the same."""

    name: str
    roles: tuple[str, ...]
    play: Callable[[Actors, random.Random], None]
    is_symmetric: bool = False


# Pairwise sessions


def has_one_time_prekeys(actors: Actors) -> bool:
    """Tell whether all sides offer one-time prekeys."""
    return all(actor.callee.offers("one-time-prekeys") for actor in actors)


def make_sides(actors: Actors, *, higher_first: bool = False) -> tuple[Side, Side]:
    """Make an account and a record for each of two sides."""
    identities = sort_identities(make_pair(71), make_pair(72), higher_first=higher_first)
    alice, bob = (
        Side(actor=actor, account=name, identity=pair)
        for actor, name, pair in zip(actors, ("alice", "bob"), identities, strict=True)
    )
    for side in (alice, bob):
        side.create_account()
    return alice.meet(bob), bob.meet(alice)


def sort_identities(*pairs: KeyPair, higher_first: bool) -> list[KeyPair]:
    """Sort identities by account id."""
    return sorted(pairs, key=lambda pair: pair.public, reverse=higher_first)


def start(actors: Actors) -> tuple[Side, Side]:
    """Establish a session; the first side is the initiator."""
    alice, bob = make_sides(actors)
    establish(alice, bob, one_time=has_one_time_prekeys(actors))
    return alice, bob


def open_with_one_time_prekey(actors: Actors, chance: random.Random) -> None:
    """Open a session with a one-time prekey and answer."""
    for actor in actors:
        require(actor, "one-time-prekeys")
    alice, bob = make_sides(actors)
    establish(alice, bob, one_time=True)
    talk(alice, bob, chance, 4)


def open_without_one_time_prekey(actors: Actors, chance: random.Random) -> None:
    """Open a session without a one-time prekey and answer."""
    alice, bob = make_sides(actors)
    establish(alice, bob, one_time=False)
    talk(alice, bob, chance, 4)


def talk(alice: Side, bob: Side, chance: random.Random, count: int) -> None:
    """Let either side write so many messages, of any size, each read at once."""
    for _ in range(count):
        sender, receiver = chance.choice([(alice, bob), (bob, alice)])
        exchange(sender, receiver, chance.randbytes(chance.choice([0, 1, 15, 16, 100, 1000])))


def talk_long(actors: Actors, chance: random.Random) -> None:
    """Talk long, with a new ratchet key whenever the direction changes."""
    alice, bob = start(actors)
    talk(alice, bob, chance, LONG)


def lose_and_reorder(actors: Actors, chance: random.Random) -> None:
    """Lose some messages and read the others in any order."""
    alice, bob = start(actors)
    for sender, receiver in ((alice, bob), (bob, alice)) * ROUNDS:
        frames = [(number, sender.encrypt(b"%d" % number)) for number in range(BURST)]
        arriving = chance.sample(frames, BURST - 2)
        for number, frame in arriving:
            receiver.decrypt(frame).must_be(plaintext=b"%d" % number)


def repeat_and_damage(actors: Actors, chance: random.Random) -> None:
    """Refuse what is damaged and what comes twice, and read the genuine message."""
    alice, bob = start(actors)
    for sender, receiver in ((alice, bob), (bob, alice)) * ROUNDS:
        frame = sender.encrypt(b"genuine")
        damaged = flip(frame.message, 8 * (len(frame.message) - 1) + chance.randrange(8))
        receiver.decrypt(Frame(frame.kind, damaged)).must_be_any_refusal()
        receiver.decrypt(frame).must_be(plaintext=b"genuine")
        receiver.decrypt(frame).must_be_any_refusal()


def restart_both(actors: Actors, chance: random.Random) -> None:
    """End each side in the middle of the conversation, and go on from its saved state."""
    for actor in actors:
        require(actor, "persistence")
    alice, bob = make_sides(actors)
    alice.open(bob.create_bundle(one_time=has_one_time_prekeys(actors))).must_be()
    for side in (alice, bob):
        restart(side)
    exchange(alice, bob)
    late = alice.encrypt(b"late")
    for side in (bob, alice):
        restart(side)
    exchange(bob, alice)
    talk(alice, bob, chance, 4)
    bob.decrypt(late).must_be(plaintext=b"late")


def restart(side: Side) -> None:
    """Save what a side has, end its process, and restore it in another."""
    actor = side.actor
    assert isinstance(actor, ImplementationUnderTest)
    states = {handle: actor.call("save", handle=handle).result.state for handle in (side.account, side.session)}
    actor.restart()
    for handle, state in states.items():
        actor.call("restore", handle=handle, state=state).must_be()


def cross(actors: Actors, chance: random.Random) -> None:
    """Open sessions from both sides at the same time, and lose nothing."""
    alice, bob = make_sides(actors, higher_first=chance.random() < 0.5)
    one_time = has_one_time_prekeys(actors)
    bundles = alice.create_bundle(one_time=one_time), bob.create_bundle(one_time=one_time)
    alice.open(bundles[1]).must_be()
    bob.open(bundles[0]).must_be()
    for number in range(ROUNDS):
        crossing = alice.encrypt(b"a%d" % number), bob.encrypt(b"b%d" % number)
        bob.decrypt(crossing[0]).must_be(plaintext=b"a%d" % number)
        alice.decrypt(crossing[1]).must_be(plaintext=b"b%d" % number)
    talk(alice, bob, chance, 4)


# Sender keys


def talk_in_a_group(actors: Actors, chance: random.Random) -> None:
    """Give everybody's sender key to everybody, talk with losses and in any order, renew, and talk on."""
    members = dict(zip(("alice", "bob", "carol"), actors, strict=True))
    for name, actor in members.items():
        actor.call("sender_keys.create", key=name).must_be()
        give(name, members)
    for _ in range(ROUNDS):
        speak(chance.choice(list(members)), members, chance)
    for name, actor in members.items():
        if actor.callee.offers("sender-keys-renewal"):
            actor.call("sender_keys.renew", key=name).must_be()
            give(name, members)
    for _ in range(ROUNDS):
        speak(chance.choice(list(members)), members, chance)


def give(sender: str, members: dict[str, ImplementationUnderTest]) -> None:
    """Give a sender key to all others."""
    distribution = members[sender].call("sender_keys.distribute", key=sender).result.distribution
    for name, actor in members.items():
        if name != sender:
            actor.call(
                "sender_keys.process", record=f"{sender} as seen by {name}", distribution=distribution, now_ms=NOW
            ).must_be()


def speak(sender: str, members: dict[str, ImplementationUnderTest], chance: random.Random) -> None:
    """Let a member send a few messages; each other one reads most of them, in any order, and each only once."""
    frames = [
        (
            b"%d" % number,
            members[sender].call("sender_keys.encrypt", key=sender, plaintext=b"%d" % number).result.message,
        )
        for number in range(BURST)
    ]
    for name, actor in members.items():
        if name == sender:
            continue
        record = f"{sender} as seen by {name}"
        arriving = chance.sample(frames, BURST - 2)
        for plaintext, frame in arriving:
            read = {"record": record, "message": frame, "now_ms": NOW}
            actor.call("sender_keys.decrypt", **read).must_be(plaintext=plaintext)
        actor.call("sender_keys.decrypt", record=record, message=arriving[0][1], now_ms=NOW).must_be_any_refusal()


def require(actor: ImplementationUnderTest, capability: str) -> None:
    """End the scenario as not offered, unless an implementation offers a capability.

    Raises:
        NotOffered: it does not.
    """
    if not actor.callee.offers(capability):
        raise NotOffered(capability)


PAIR = ("initiator", "responder")
SCENARIOS = (
    Scenario(name="with one-time prekey", roles=PAIR, play=open_with_one_time_prekey),
    Scenario(name="without one-time prekey", roles=PAIR, play=open_without_one_time_prekey),
    Scenario(name="long conversation", roles=PAIR, play=talk_long),
    Scenario(name="loss and reordering", roles=PAIR, play=lose_and_reorder),
    Scenario(name="repetition and damage", roles=PAIR, play=repeat_and_damage),
    Scenario(name="restarts", roles=PAIR, play=restart_both),
    Scenario(name="crossing sessions", roles=PAIR, play=cross),
    Scenario(name="sender-key group", roles=("member", "member", "member"), play=talk_in_a_group, is_symmetric=True),
)
