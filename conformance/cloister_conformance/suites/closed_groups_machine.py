"""Chapters 09 and 10: the life of a group, in which anybody does anything, and a network that delays, loses, repeats and reorders.

Two of the clients are the implementation under test. After each step nothing was shown to anybody for whom it was not, or twice.
Now and then, and in the end, everything is delivered or repaired: all who are members have one view, and no key was used twice.
In the end they also read each other, and nobody else does; some lives end with the group.
"""

import sys
from collections import defaultdict
from typing import Any

from cloister.group_repair import REPAIR_AFTER_MS
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cloister_conformance.clause import clause
from cloister_conformance.group_world import Letter, World
from cloister_conformance.plugin import PROFILES, Actors
from cloister_conformance.script import ImplementationUnderTest
from cloister_conformance.strategies import entropies
from cloister_conformance.suites.closed_groups import PNG
from cloister_conformance.suites.closed_groups_pairs import act

NAMES = ["ann", "bob", "ivy", "jim", "tom", "zoe"]
PEERS = "ann bob tom zoe"
OURS = "ivy jim"
LIES = st.sampled_from(["broken", "moved", "under another name", "another sender", "another epoch"])
names = st.sampled_from(NAMES)


class Life(RuleBasedStateMachine):
    """Everybody may try everything; what may not be done is refused. What is stored waits for its readers until it is delivered."""

    actors: Actors

    @initialize(
        entropy=entropies(),
        administrator=st.sampled_from(["ann", "ivy"]),
        avatar=st.sampled_from([None, PNG]),
        is_closed=st.booleans(),
    )
    def begin(self, entropy: int, administrator: str, avatar: bytes | None, *, is_closed: bool) -> None:
        self.world = World(self.actors(entropy), OURS, PEERS)
        others = [name for name in ("ann", "bob", "ivy", "jim") if name != administrator]
        self.administrator = administrator
        self.is_closed_at_last = is_closed
        self.world.create(administrator, " ".join(others), "hike", avatar)
        self.world.settle()
        self.delay_all()
        self.audience: dict[str, set[str]] = {}
        self.speakers: dict[str, str] = {}
        self.letters: dict[str, Letter] = {}
        self.ghosts: list[tuple[str, str]] = []
        self.checked: dict[str, int] = defaultdict(int)
        self.shown: set[tuple[str, str]] = set()
        self.delivered: list[tuple[str, Letter]] = []
        self.lost = 0
        self.agreed = 0

    def delay_all(self) -> None:
        """Let everything wait that is stored, until it is delivered."""
        self.world.delays.append(lambda name, letter: True)

    def list_members(self, name: str) -> set[str]:
        """Name the members of somebody's view, if it is a member."""
        held = self.world.call(name, "read_group").step.answer.get("result", {})
        if held.get("status") != "member":
            return set()
        accounts = {person.account.hex(): other for other, person in self.world.people.items()}
        return {accounts[member["account"]] for member in held["members"]}

    def collect(self) -> None:
        """Let everybody store what it has, and find what waits for whom."""
        present = [name for name in NAMES if name not in self.world.is_cut_off]
        for name in present:
            self.world.collect(name)
        for name in present:
            self.world.fetch(name)

    def hand_over(self, name: str, letter: Letter) -> None:
        """Deliver something, or let it wait for who is cut off."""
        if name in self.world.is_cut_off:
            self.world.delayed.append((name, letter))
        else:
            self.world.deliver(name, letter)
            self.delivered.append((name, letter))

    def do(self, operation: str, actor: str, on: str) -> None:
        """Let somebody do something."""
        if "result" in self.world.call(actor, "read_group").step.answer:
            act(self.world, operation, actor, on).must_be_answered()
            self.collect()

    @rule(actor=names, on=names)
    def add(self, actor: str, on: str) -> None:
        self.do("add", actor, on)

    @rule(actor=names, on=names)
    def kick(self, actor: str, on: str) -> None:
        self.keep_ghost(on)
        self.do("kick", actor, on)

    @rule(actor=names)
    def leave(self, actor: str) -> None:
        if actor not in ("ann", "ivy"):  # a closed group ends the test
            self.keep_ghost(actor)
            self.do("leave", actor, "")

    def keep_ghost(self, name: str) -> None:
        """Keep a client of the peer as it was before it was out, with all that it had received."""
        if name in PEERS.split():
            ghost = f"ghost {len(self.ghosts)}"
            self.world.lie(name, "copy", copy_to=ghost).must_be()
            self.ghosts.append((ghost, name))

    @rule(actor=names, operation=st.sampled_from(["rename", "image"]))
    def change(self, actor: str, operation: str) -> None:
        self.do(operation, actor, "")

    @rule(actor=names, fan_out=st.sampled_from(["server", "server", "client"]))
    def say(self, actor: str, fan_out: str) -> None:
        """Somebody says something, unless it is cut off: what it says would be stored later, for whoever is a member then."""
        if actor not in self.world.is_cut_off:
            self.talk(actor, fan_out)
            self.collect()

    def talk(self, actor: str, fan_out: str = "server") -> None:
        """Let somebody say something, which is stored at once: so those who may read it are the members of its view."""
        audience = self.list_members(actor)
        if not audience:
            return
        text = f"text {len(self.audience)}"
        self.world.say(actor, text, fan_out).must_be()
        self.audience[text], self.speakers[text] = audience - {actor}, actor
        stored = self.world.collect(actor)
        if fan_out == "server":
            self.letters[text] = stored[-1]

    @precondition(lambda self: self.world.delayed)
    @rule(data=st.data(), count=st.integers(1, 12))
    def deliver(self, data: Any, count: int) -> None:  # noqa: ANN401 - Hypothesis does not export its type
        """Some of what waits arrives, in any order."""
        for _ in range(min(count, len(self.world.delayed))):
            place = data.draw(st.integers(0, min(3, len(self.world.delayed) - 1)))
            self.hand_over(*self.world.delayed.pop(place))
        self.collect()

    @rule()
    def deliver_all(self) -> None:
        """All that waits arrives, and what comes of it."""
        for _ in range(4):
            delayed, self.world.delayed = self.world.delayed, []
            for name, letter in delayed:
                self.hand_over(name, letter)
            self.collect()

    @precondition(lambda self: self.delivered)
    @rule(data=st.data())
    def repeat(self, data: Any) -> None:  # noqa: ANN401 - Hypothesis does not export its type
        """Something arrives again."""
        name, letter = data.draw(st.sampled_from(self.delivered))
        if name not in self.world.is_cut_off:
            self.world.deliver(name, letter)
            self.collect()

    @precondition(lambda self: self.world.delayed and self.lost < 3)
    @rule(data=st.data())
    def lose(self, data: Any) -> None:  # noqa: ANN401 - Hypothesis does not export its type
        """Something is lost."""
        self.world.delayed.pop(data.draw(st.integers(0, len(self.world.delayed) - 1)))
        self.lost += 1

    @rule(name=names)
    def part(self, name: str) -> None:
        """Somebody is cut off from all others until the next time: it acts, and neither stores nor fetches."""
        self.world.is_cut_off = set() if self.world.is_cut_off else {name}
        self.collect()

    @rule(liar=st.sampled_from(PEERS.split()), name=st.sampled_from(OURS.split()), how=LIES)
    def lie(self, liar: str, name: str, how: str) -> None:
        """A reader of a liar is as it was after a lie, and reads the next honest message, of which the lie was made."""
        if self.world.is_cut_off & {liar, name}:
            return
        if not self.is_read(liar, name):
            self.deliver_all()  # the liar's key, if it has not come yet
            if not self.is_read(liar, name):
                return
        self.world.lie(liar, "copy", copy_to="liar").must_be()
        text, letter = self.say_to(liar)
        made = self.forge(liar, name, letter, how)
        before = self.world.observe(name, with_outbox=False)
        self.world.deliver(name, made).must_exclude(told=[text])
        self.world.must_be_as(name, before)
        self.world.deliver(name, letter).must_mention({"kind": "message", "text": text})
        self.collect()

    def is_read(self, speaker: str, name: str) -> bool:
        """Tell whether a reader shows at once what a member says now."""
        if name not in self.list_members(speaker):
            return False
        text, letter = self.say_to(speaker)
        told = self.world.deliver(name, letter).step.answer["result"]["told"]
        return any(event.get("text") == text for event in told)

    def say_to(self, speaker: str) -> tuple[str, Letter]:
        """Let a member say something; return it, and what is stored."""
        self.talk(speaker)
        text = list(self.audience)[-1]
        return text, self.letters[text]

    def forge(self, liar: str, name: str, letter: Letter, how: str) -> Letter:
        """Let a liar change its message on the way to a reader, or make another under the same key."""
        if how == "broken":
            return Letter(recipient=letter.recipient, data=letter.data[:-1] + bytes([letter.data[-1] ^ 1]), sender=liar)
        other = self.world.account(next(other for other in PEERS.split() if other != liar))
        if how in {"another sender", "another epoch"}:
            binding: dict[str, object] = {"sender": other} if how == "another sender" else {"epoch": 99}
            made = self.world.lie(liar, "make_frame", client="liar", address=letter.recipient, text="forged", **binding)
        else:
            polled = self.world.call(name, "recipients").result.recipients
            moved = next(address for address in reversed(polled) if address != letter.recipient)
            changes: dict[str, object] = {"address": moved} if how == "moved" else {"source": other}
            made = self.world.lie(liar, "reseal", recipient=letter.recipient, data=letter.data, **changes)
        return Letter(recipient=made.result.recipient, data=made.result.data, sender=liar)

    @rule(name=st.sampled_from(OURS.split()))
    def restore(self, name: str) -> None:
        """A client of the implementation is saved and restored, if it can be."""
        ivy = self.world.people[name].actor
        assert isinstance(ivy, ImplementationUnderTest)
        if ivy.callee.offers("persistence"):
            ivy.call("restore", handle=name, state=ivy.call("save", handle=name).result.state).must_be()

    @rule(passed_ms=st.sampled_from([1, 1000, REPAIR_AFTER_MS]))
    def wait(self, passed_ms: int) -> None:
        """Time passes."""
        self.world.now_ms += passed_ms
        for name in NAMES:
            self.world.call(name, "tick").must_be()
        self.collect()

    @invariant()
    def nothing_is_shown_to_whom_it_is_not_for(self) -> None:
        """What was shown since the last step was said by its sender, to its reader, and was not shown before."""
        if not hasattr(self, "world"):
            return
        for name in NAMES:
            answers = self.world.told[name]
            for answer in answers[self.checked[name] :]:
                for told in answer.step.answer["result"]["told"]:
                    if told["kind"] == "message":
                        self.check_shown(name, told)
            self.checked[name] = len(answers)

    def check_shown(self, name: str, told: dict[str, Any]) -> None:
        """Check one message that was shown."""
        text = told["text"]
        speaker = self.speakers.get(text)
        if speaker is None or told["account"] != self.world.account(speaker).hex():
            self.world.fail("only what was said to be shown, with its sender", f"{name} was shown {text!r}")
        if name not in self.audience[text]:
            self.world.fail(f"{text!r} to be shown to {sorted(self.audience[text])}", f"{name} was shown it")
        if (name, text) in self.shown:
            self.world.fail(f"{text!r} to be shown once", f"{name} was shown it again")
        self.shown.add((name, text))

    def teardown(self) -> None:
        """At the end, unless something went wrong before, everything arrives and is repaired."""
        if sys.exc_info()[0] is not None or not hasattr(self, "world"):
            return
        self.reunite()
        self.open_last_epoch()
        self.talk_until_equal()
        self.check_ghosts()
        if self.is_closed_at_last:
            self.close()
        self.world.must_use_each_key_once()

    def reunite(self) -> None:
        """Deliver everything, also to who was cut off, and let all be repaired."""
        self.world.is_cut_off.clear()
        self.world.release()
        self.world.settle()
        self.world.repair()

    @precondition(lambda self: not self.lost and self.agreed < 2)
    @rule()
    def agree(self) -> None:
        """All have heard everything: those who are members have one view."""
        self.agreed += 1
        self.reunite()
        self.world.must_agree()
        self.world.must_use_each_key_once()
        self.delay_all()

    def close(self) -> None:
        """Let the administrator close the group: nobody is a member any more."""
        present = self.list_members(self.administrator)
        self.world.leave(self.administrator).must_be()
        self.world.settle()
        for name in present:
            self.world.call(name, "read_group").must_be(status="closed")

    def open_last_epoch(self) -> None:
        """Let the administrator open an epoch, which reaches also those who have left and whose leave it has missed (CG-51)."""
        if self.list_members(self.administrator):
            self.world.rename(self.administrator, "the last").must_be()
            self.world.settle()
            self.world.repair()

    def talk_until_equal(self) -> None:
        """Let all members say something: what was lost shows, and is repaired; then they read each other."""
        for _ in range(2):
            for name in NAMES:
                self.talk(name)
            self.world.settle()
            self.world.repair()
        self.nothing_is_shown_to_whom_it_is_not_for()
        present = self.world.must_agree()
        if present:
            self.world.must_talk(" ".join(present), "in the end")

    def check_ghosts(self) -> None:
        """Check that nobody who is out can read what was said when it was no member of the speaker's view."""
        for text, letter in self.letters.items():
            reader = next((name for name in PEERS.split() if (name, text) in self.shown), None)
            for ghost, name in self.ghosts:
                if reader and name not in self.audience[text] and name != self.speakers[text]:
                    read = self.world.lie(
                        reader, "can_read", recipient=letter.recipient, data=letter.data, reader=ghost
                    )
                    if "result" in read.step.answer:
                        read.must_be(is_readable=False)


@clause("CG-12", "CG-13", "CG-15", "CG-23", "CG-29", "CG-32", "CG-42", "CG-46", "GC-20", "GC-32", "GC-38", "GC-50")
def test_a_life_of_a_group_ends_in_one_view_whatever_the_network_does(actors: Actors) -> None:
    machine = type("Life", (Life,), {"actors": staticmethod(actors)})
    examples = settings().max_examples
    assert examples in PROFILES.values()
    run_state_machine_as_test(machine, settings=settings(max_examples=examples // 2, stateful_step_count=25))
