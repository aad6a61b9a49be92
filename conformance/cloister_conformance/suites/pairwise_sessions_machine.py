"""Chapter 03: three accounts, sessions between all of them, and a network that loses, reorders, repeats and damages."""

from collections import defaultdict
from dataclasses import dataclass

from cloister import session
from cloister.double_ratchet import MAX_RECEIVING_CHAINS
from cloister.wire import MAX_FRAME_BYTES
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from cloister_conformance.clause import clause
from cloister_conformance.conversations import Frame, Side
from cloister_conformance.hand_made.pairwise_sessions import make_pair
from cloister_conformance.plugin import Actors
from cloister_conformance.script import ImplementationUnderTest
from cloister_conformance.strategies import bit_positions, entropies, flip, plaintexts
from cloister_conformance.suites.pairwise_sessions import has_one_time_prekeys
from cloister_conformance.suites.pairwise_sessions_records import reload

PEOPLE = ("alice", "bob", "carol")
"""Alice and Carol are the implementation under test, Bob the peer."""
PAIRS = [(one, other) for one in PEOPLE for other in PEOPLE if one != other]
MAX_OPENED = 6
"""How often a pair opens a session; within the bounds of what is kept."""


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
        for side in people.values():
            side.create_account()
        self.sides = {(one, other): people[one].meet(people[other]) for one, other in PAIRS}
        self.can_write: set[tuple[str, str]] = set()
        self.opened: dict[tuple[str, str], int] = defaultdict(int)
        self.read: set[int] = set()
        self.turns: dict[tuple[str, str], int] = defaultdict(int)
        self.count = 0

    @rule(pair=st.sampled_from(PAIRS))
    def open(self, pair: tuple[str, str]) -> None:
        """One opens a session with a bundle that it has just got from the other."""
        if self.opened[pair] == MAX_OPENED:
            return
        bundle = self.sides[pair[::-1]].create_bundle(one_time=self.one_time)
        self.sides[pair].open(bundle).must_be()
        self.opened[pair] += 1
        self.can_write.add(pair)

    @rule(target=letters, pair=st.sampled_from(PAIRS), plaintext=plaintexts())
    def write(self, pair: tuple[str, str], plaintext: bytes) -> Letter:
        """One writes, if it has a session; else it opens one first."""
        if pair not in self.can_write:
            self.open(pair)
        self.count += 1
        return Letter(*pair, self.sides[pair].encrypt(plaintext), plaintext, self.count, self.turns[pair])

    @rule(letter=letters)
    def deliver(self, letter: Letter) -> None:
        """A letter arrives, for the first time or again."""
        pair = letter.reader, letter.writer
        answer = self.sides[pair].decrypt(letter.frame)
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
        answer = self.sides[letter.reader, letter.writer].decrypt(Frame(letter.frame.kind, damaged))
        answer.must_be_any_refusal()

    @rule(letter=letters, reader=st.sampled_from(PEOPLE))
    def deliver_to_somebody_else(self, letter: Letter, reader: str) -> None:
        """A letter arrives at somebody for whom it is not."""
        if reader not in (letter.reader, letter.writer):
            self.sides[reader, letter.writer].decrypt(letter.frame).must_be_any_refusal()

    @rule()
    def reload(self) -> None:
        """The implementation is saved and restored, if it can be."""
        if not self.iut.callee.offers("persistence"):
            return
        mine = (pair for pair in PAIRS if pair[0] != "bob")
        reload(self.iut, "alice", "carol", *(self.sides[pair].session for pair in mine))


@clause("PS-22", "PS-23", "PS-40", "PS-48", "PS-51", "PS-56")
def test_letters_are_read_once_whatever_the_network_does(actors: Actors) -> None:
    machine = type("Post", (Post,), {"actors": staticmethod(actors)})
    run_state_machine_as_test(machine)
