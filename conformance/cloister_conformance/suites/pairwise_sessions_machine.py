"""Chapter 03: three accounts, sessions between all of them, and a network that loses, reorders, repeats and damages.

`Post` does not know in which session a letter is written, `Records` does; deployed libraries choose another one (PS-54),
and are still to be tried with the former.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cloister import session
from cloister.double_ratchet import MAX_RECEIVING_CHAINS
from cloister.session import ARCHIVE_LIFETIME_MS
from cloister.session_request import REQUEST_PERIOD_MS
from cloister.wire import MAX_FRAME_BYTES
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from cloister_conformance.clause import clause
from cloister_conformance.conversations import Frame, Side
from cloister_conformance.hand_made.pairwise_sessions import make_pair
from cloister_conformance.plugin import Actors
from cloister_conformance.script import ImplementationUnderTest
from cloister_conformance.strategies import NOW, bit_positions, entropies, flip, plaintexts
from cloister_conformance.suites.pairwise_sessions import has_one_time_prekeys
from cloister_conformance.suites.pairwise_sessions_messages import decode
from cloister_conformance.suites.pairwise_sessions_records import accept, reload, restart

PEOPLE = ("alice", "bob", "carol")
"""Alice and Carol are the implementation under test, Bob the peer."""
Pair = tuple[str, str]
"""Who acts, and with whom."""
PAIRS = [(one, other) for one in PEOPLE for other in PEOPLE if one != other]
STEPS = 40
"""Of each example, in every profile."""
MAX_OPENED = 6
"""How often a pair opens a session; within the bounds of what is kept."""
END = NOW + ARCHIVE_LIFETIME_MS - 1000
"""Time passes until then, so that nothing expires; requests take a millisecond each."""
RESTARTS = ([restart] + [reload] * 9) * 5
"""How the first restarts of a test are done; the others are reloads, for a search that went on ending processes would take minutes."""


@dataclass(frozen=True)
class Letter:
    """A message under way; `number` tells it from all others, `turn` is what its writer had read by then."""

    writer: str
    reader: str
    frame: Frame
    plaintext: bytes
    number: int
    turn: int


def find_covered(frame: Frame) -> tuple[int, int]:
    """Find where the MAC covers a frame, and so many bytes from there: of a prekey message, those of the message inside."""
    if frame.kind == "message":
        return 0, len(frame.message)
    inner = session.decode_prekey_message(frame.message).message
    return frame.message.index(inner), len(inner)


class Post(RuleBasedStateMachine):
    """Whoever has a bundle may open a session; whoever has a session may write; letters arrive in any way, or not.

    The model knows which letters were read, and which bundles were given to whom.
    """

    actors: Actors
    restarts: Iterator[Callable[..., None]]
    letters: Bundle[Letter] = Bundle("letters")

    @initialize(entropy=entropies())
    def begin(self, entropy: int) -> None:
        iut, peer = self.actors(entropy)
        self.iut: ImplementationUnderTest = iut
        self.one_time = has_one_time_prekeys(iut)
        people = {
            name: Side(actor=actor, account=name, identity=make_pair(label))
            for name, actor, label in zip(PEOPLE, (iut, peer, iut), (61, 62, 63), strict=True)
        }
        self.now_ms = NOW
        self.restarted_at = 0
        for side in people.values():
            side.create_account()
        self.sides = {(one, other): people[one].meet(people[other]) for one, other in PAIRS}
        self.can_write: set[Pair] = set()
        self.opened: dict[Pair, int] = defaultdict(int)
        self.read: set[int] = set()
        self.turns: dict[Pair, int] = defaultdict(int)
        self.count = 0

    @rule(pair=st.sampled_from(PAIRS))
    def open(self, pair: Pair) -> None:
        """One opens a session with a bundle that it has just got from the other."""
        if self.opened[pair] == MAX_OPENED:
            return
        bundle = self.sides[pair[::-1]].create_bundle(one_time=self.one_time, now_ms=self.now_ms)
        self.sides[pair].open(bundle, now_ms=self.now_ms).must_be()
        self.opened[pair] += 1
        self.can_write.add(pair)

    @rule(target=letters, pair=st.sampled_from(PAIRS), plaintext=plaintexts())
    def write(self, pair: Pair, plaintext: bytes) -> Letter:
        """One writes, if it has a session; else it opens one first."""
        if pair not in self.can_write:
            self.open(pair)
        self.count += 1
        return Letter(*pair, self.sides[pair].encrypt(plaintext), plaintext, self.count, self.turns[pair])

    @rule(letter=letters)
    def deliver(self, letter: Letter) -> None:
        """A letter arrives, for the first time or again."""
        pair = letter.reader, letter.writer
        answer = self.sides[pair].decrypt(letter.frame, now_ms=self.now_ms)
        if letter.number in self.read:
            answer.must_be_any_refusal()
            return
        if self.turns[pair[::-1]] - letter.turn >= MAX_RECEIVING_CHAINS:
            answer.must_be_answered()  # its chain may be gone
        else:
            answer.must_be(plaintext=letter.plaintext)
        if "result" in answer.step.answer:
            self.turns[pair] += 1
            self.read.add(letter.number)
            self.can_write.add(pair)

    @rule(letter=letters, position=bit_positions(MAX_FRAME_BYTES))
    def deliver_damaged(self, letter: Letter, position: int) -> None:
        """A letter arrives damaged where its MAC covers it."""
        start, size = find_covered(letter.frame)
        damaged = flip(letter.frame.message, 8 * start + position % (8 * size))
        side = self.sides[letter.reader, letter.writer]
        side.decrypt(Frame(letter.frame.kind, damaged), now_ms=self.now_ms).must_be_any_refusal()

    @rule(letter=letters, reader=st.sampled_from(PEOPLE))
    def deliver_to_somebody_else(self, letter: Letter, reader: str) -> None:
        """A letter arrives at somebody for whom it is not."""
        if reader not in (letter.reader, letter.writer):
            side = self.sides[reader, letter.writer]
            side.decrypt(letter.frame, now_ms=self.now_ms).must_be_any_refusal()

    @rule()
    def restart(self) -> None:
        """The implementation is saved and restored, if it can be, by the same process or another one."""
        if not self.iut.callee.offers("persistence") or self.restarted_at == len(self.iut.script.steps):
            return
        mine = (pair for pair in PAIRS if pair[0] != "bob")
        next(self.restarts, reload)(self.iut, "alice", "carol", *(self.sides[pair].session for pair in mine))
        self.restarted_at = len(self.iut.script.steps)

    @rule(passed_ms=st.sampled_from([1, 1000, 86_400_000]))
    def wait(self, passed_ms: int) -> None:
        """Time passes."""
        self.now_ms = min(self.now_ms + passed_ms, END)


@dataclass
class Held:
    """A session as one side holds it."""

    number: int
    pending: bool
    asked_since: bool = False


@dataclass(frozen=True)
class LetterInSession(Letter):
    """A letter of which is known in which session it is written, and under which ratchet key."""

    session: int
    ratchet_key: bytes


class Records(Post):
    """Sides also lose their records, and ask for sessions; in the end everything arrives, and both sides of a pair send in one session.

    The model knows the sessions of each record in their order.
    """

    letters: Bundle[LetterInSession] = Bundle("letters")

    @initialize(entropy=entropies())
    def begin(self, entropy: int) -> None:
        super().begin(entropy)
        self.peer = self.sides["bob", "alice"].actor
        self.held: dict[Pair, list[Held]] = {pair: [] for pair in PAIRS}
        self.asked_ms: dict[Pair, int] = {}
        self.sent: list[LetterInSession] = []
        self.accepted: dict[Pair, set[int]] = defaultdict(set)
        """The sessions that a side has set up by reading."""
        self.sending: dict[tuple[Pair, int], bytes] = {}
        """The ratchet key under which a side writes in a session, until it reads under a new one of the other."""
        self.receiving: dict[tuple[Pair, int], list[bytes]] = defaultdict(list)
        """The ratchet keys under which a side has read in a session."""

    @rule(pair=st.sampled_from(PAIRS))
    def open(self, pair: Pair) -> None:
        if self.opened[pair] < MAX_OPENED:
            super().open(pair)
            self.note_opened(pair)

    @rule(target=letters, pair=st.sampled_from(PAIRS), plaintext=plaintexts())
    def write(self, pair: Pair, plaintext: bytes) -> LetterInSession:
        return self.send(pair, plaintext)

    def send(self, pair: Pair, plaintext: bytes) -> LetterInSession:
        """Let one write, in the session that the model says."""
        if pair not in self.can_write:
            self.open(pair)
        current, side = self.held[pair][0], self.sides[pair]
        answer = side.actor.call("session.encrypt", session=side.session, plaintext=plaintext)
        answer.must_be(kind="prekey message" if current.pending else "message")
        frame = Frame(answer.result.kind, answer.result.message)
        self.count += 1
        ratchet_key = self.check_ratchet_key(pair, current.number, frame)
        letter = LetterInSession(*pair, frame, plaintext, self.count, self.turns[pair], current.number, ratchet_key)
        self.sent.append(letter)
        return letter

    def check_ratchet_key(self, pair: Pair, number: int, frame: Frame) -> bytes:
        """Check that a frame is written under the ratchet key of a session: a new one after one was read; return it."""
        answer = decode(self.peer, frame)
        if (pair, number) in self.sending:
            answer.must_be(ratchet_key=self.sending[pair, number])
        else:
            answer.must_exclude(ratchet_key=[letter.ratchet_key for letter in self.sent])
            self.sending[pair, number] = answer.result.ratchet_key
        return self.sending[pair, number]

    @rule(letter=letters)
    def deliver(self, letter: LetterInSession) -> None:
        pair = letter.reader, letter.writer
        answer = self.sides[pair].decrypt(letter.frame, now_ms=self.now_ms)
        if self.is_readable(pair, letter):
            answer.must_be(plaintext=letter.plaintext)
            self.note_read(pair, letter)
        else:
            answer.must_be_any_refusal()

    def is_readable(self, pair: Pair, letter: LetterInSession) -> bool:
        """Tell whether a letter was not read, and can be: in a session that is held, or in one that it sets up."""
        if letter.number in self.read:
            return False
        if self.find_held(pair, letter.session):
            return letter.ratchet_key not in self.receiving[pair, letter.session][:-MAX_RECEIVING_CHAINS]
        return letter.frame.kind == "prekey message" and letter.session not in self.accepted[pair]

    def find_held(self, pair: Pair, number: int) -> Held | None:
        """Find a session in the record of a side."""
        return next((held for held in self.held[pair] if held.number == number), None)

    def note_read(self, pair: Pair, letter: LetterInSession) -> None:
        """Note what reading a letter changes: only its session is answered, and only a new one is set up."""
        self.read.add(letter.number)
        self.can_write.add(pair)
        keys = self.receiving[pair, letter.session]
        if letter.ratchet_key not in keys:
            keys.append(letter.ratchet_key)
            self.sending.pop((pair, letter.session), None)
        if held := self.find_held(pair, letter.session):
            held.pending = False
        else:
            self.accepted[pair].add(letter.session)
            self.held[pair].insert(1 if self.keeps_its_own(pair) else 0, Held(letter.session, pending=False))

    def keeps_its_own(self, pair: Pair) -> bool:
        """Tell whether a side goes on in the session that it opened when it reads the first message of another."""
        ours, theirs = self.sides[pair].identity.public, self.sides[pair[::-1]].identity.public
        return ours > theirs and any(held.pending and not held.asked_since for held in self.held[pair][:1])

    def note_opened(self, pair: Pair) -> None:
        """Note that a side has opened a session."""
        self.held[pair].insert(0, Held(sum(self.opened.values()), pending=True))

    @rule(pair=st.sampled_from(PAIRS))
    def lose(self, pair: Pair) -> None:
        """One loses its record of another."""
        if self.opened[pair] < MAX_OPENED:
            self.sides[pair].meet(self.sides[pair[::-1]])
            self.held[pair].clear()
            self.asked_ms.pop(pair, None)
            self.can_write.discard(pair)

    @rule(target=letters, pair=st.sampled_from(PAIRS), plaintext=plaintexts())
    def ask(self, pair: Pair, plaintext: bytes) -> LetterInSession:
        """One asks another for a session; that one opens it, if it may, and writes."""
        if self.opened[pair[::-1]] == MAX_OPENED:
            return self.send(pair[::-1], plaintext)
        return self.answer(pair[::-1], plaintext)

    def answer(self, pair: Pair, plaintext: bytes) -> LetterInSession:
        """One opens a session because another asks for it, or hands a bundle over if it may not ask yet, and writes."""
        side, asking = self.sides[pair], self.sides[pair[::-1]]
        self.now_ms += 1
        if self.iut.callee.offers("session-requests") and self.may_ask(pair[::-1]):
            accept(side, asking.ask(now_ms=self.now_ms), now_ms=self.now_ms)
            self.asked_ms[pair[::-1]] = self.now_ms
            for held in self.held[pair[::-1]]:
                held.asked_since = True
        else:
            side.open(asking.create_bundle(one_time=self.one_time, now_ms=self.now_ms), now_ms=self.now_ms).must_be()
        self.opened[pair] += 1
        self.can_write.add(pair)
        self.note_opened(pair)
        return self.send(pair, plaintext)

    def may_ask(self, pair: Pair) -> bool:
        """Tell whether a side may make a session request."""
        return self.now_ms - self.asked_ms.get(pair, 0) >= REQUEST_PERIOD_MS

    def teardown(self) -> None:
        """At the end, unless something went wrong before, everything arrives."""
        if sys.exc_info()[0] is not None:
            return
        for letter in self.sent:
            if letter.number not in self.read:
                self.deliver(letter)
        for pair in PAIRS:
            if self.sides[pair].identity.public < self.sides[pair[::-1]].identity.public:
                self.settle(pair)

    def settle(self, pair: Pair) -> None:
        """Let the lower and the higher account talk. If they do not send in one session, the lower one asks for it; then they do."""
        self.talk(pair)
        if self.held[pair][0].number != self.held[pair[::-1]][0].number:
            self.deliver(self.answer(pair[::-1], b"here I am"))
            self.talk(pair)
        assert self.held[pair][0].number == self.held[pair[::-1]][0].number
        self.talk(pair)

    def talk(self, pair: Pair) -> None:
        """Let each of a pair write once, and the other read."""
        for writer in (pair, pair[::-1]):
            self.deliver(self.send(writer, b"x"))


@clause("PS-22", "PS-23", "PS-30", "PS-40", "PS-48", "PS-51", "PS-56")
def test_letters_are_read_once_whatever_the_network_does(actors: Actors) -> None:
    machine = type("Post", (Post,), {"actors": staticmethod(actors), "restarts": iter(RESTARTS)})
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=STEPS))


@clause("PS-15", "PS-30", "PS-36", "PS-47", "PS-54", "PS-55", "PS-63")
def test_both_sides_end_up_in_one_session_whatever_was_lost(actors: Actors) -> None:
    machine = type("Records", (Records,), {"actors": staticmethod(actors), "restarts": iter(RESTARTS)})
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=STEPS))
