"""A played swarm for chapter 10: clients beside a network that delays, loses, repeats and reorders as a test wants.

Some clients are the implementation under test, the others the peer; each is called through the methods of chapter 13 alone.
The harness keeps what is stored, the clock, and a list of what everybody was told. What the implementation says to a client
of the peer is also read along, so that a test can claim what it says and under which keys.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from cloister import identity
from cloister.group_repair import REPAIR_AFTER_MS, REPAIR_PERIOD_MS
from cloister.identity import KeyPair, PublicKey

from cloister_conformance import peer
from cloister_conformance.peer_groups import Peeked
from cloister_conformance.protocol.client import ReadGroup
from cloister_conformance.script import (
    Actor,
    Answer,
    ConformanceFailure,
    ImplementationUnderTest,
    Script,
    encode,
    judge,
)
from cloister_conformance.strategies import NOW

Found = TypeVar("Found")

MAX_ROUNDS = 60
"""How often everybody may store and fetch until nothing is under way any more."""
PAIRS = sorted(
    (identity.derive_key_pair(identity.clamp(number.to_bytes(2) * 16)) for number in range(1, 560)),
    key=lambda pair: pair.public,
)
"""Identities, lower accounts first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One account, its client, and who plays it; its name is the handle."""

    name: str
    actor: Actor
    pair: KeyPair

    @property
    def account(self) -> PublicKey:
        """The account."""
        return self.pair.public


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Letter:
    """Something that is stored, and who has stored it."""

    recipient: bytes
    data: bytes = field(repr=False)
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A letter of the implementation that a client of the peer has read along."""

    reader: str
    letter: Letter
    answer: Answer

    @property
    def said(self) -> Peeked:
        """What is in it."""
        return Peeked.model_validate(self.answer.step.answer["result"])


READING = {
    "client.outbox",
    "client.recipients",
    "client.read_group",
    "client.note_stored",
    "groups.peek",
    "groups.can_read",
}
"""Methods after which a client has nothing more to store and polls the same; it is not asked again."""

Rule = Callable[[str, Letter], bool]
"""Whether a letter concerns a test, on its way to a reader."""


def between(sender: str | None = None, reader: str | None = None) -> Rule:
    """The letters of a sender to a reader, or of and to anybody."""
    return lambda name, letter: sender in (None, letter.sender) and reader in (None, name)


class World:
    """Clients by name, in the order of their accounts, and a swarm between them."""

    def __init__(
        self, sides: tuple[ImplementationUnderTest, Actor], ours: str, others: str, *, now_ms: int = NOW
    ) -> None:
        """Create clients: those whose names stand in `ours` are the implementation's."""
        iut, other = sides
        self.script: Script = iut.script
        self.now_ms = now_ms
        self.group_id = b""
        self.people: dict[str, Person] = {}
        self.ours = ours.split()
        self.stored: dict[bytes, list[Letter]] = {}
        self.sent: dict[tuple[str, int], Letter] = {}
        self.read: dict[tuple[str, bytes], int] = {}
        self.is_away: set[str] = set()
        self.is_cut_off: set[str] = set()
        self.is_unacknowledged: set[str] = set()
        self.delays: list[Rule] = []
        self.losses: list[Rule] = []
        self.delayed: list[tuple[str, Letter]] = []
        self.seen: list[Seen] = []
        self.told: dict[str, list[Answer]] = {}
        self.is_changed: set[str] = set()
        self.polled: dict[str, list[bytes]] = {}
        names = sorted([*self.ours, *others.split()])
        for name, pair in zip(names, PAIRS, strict=False):
            self.people[name] = Person(name=name, actor=iut if name in self.ours else other, pair=pair)
            self.told[name] = []
            self.call(name, "create", private_key=pair.private).must_be()

    # Calling

    def account(self, name: str) -> PublicKey:
        """The account of a client."""
        return self.people[name].account

    def accounts(self, names: Iterable[str]) -> list[PublicKey]:
        """The accounts of clients, in ascending order."""
        return sorted(self.account(name) for name in names)

    def call(self, name: str, method: str, /, **params: object) -> Answer:
        """Call a method of a client, at the time of the world and with the group of the world, where it wants them."""
        return self.call_any(name, f"client.{method}", **params)

    def lie(self, name: str, method: str, /, **params: object) -> Answer:
        """Let a client of the peer do what no honest one would."""
        assert name not in self.ours
        return self.call_any(name, f"groups.{method}", **params)

    def call_any(self, name: str, method: str, /, **params: object) -> Answer:
        """Call a method with a client as its handle."""
        wanted = peer.METHODS[method].params.model_fields
        given = {"group_id": self.group_id, "now_ms": self.now_ms, "client": name}
        merged = {member: value for member, value in given.items() if member in wanted} | params
        answer = self.people[name].actor.call(method, **merged)
        if method not in READING:
            self.is_changed.add(name)
            self.polled.pop(name, None)
        if "told" in answer.step.answer.get("result", {}):
            self.told[name].append(answer)
        return answer

    # Doing

    def create(self, name: str, others: str, title: str = "hike", avatar: bytes | None = None) -> bytes:
        """Let a client create a group, which is the one that is meant from now on."""
        accounts = [self.account(other) for other in others.split()]
        answer = self.call(name, "create_group", others=accounts, name=title, avatar=avatar)
        self.group_id = answer.result.group_id
        return self.group_id

    def add(self, name: str, others: str) -> Answer:
        """Let a member add others."""
        return self.call(name, "add", accounts=self.accounts(others.split()))

    def kick(self, name: str, others: str) -> Answer:
        """Let a member kick others."""
        return self.call(name, "kick", accounts=self.accounts(others.split()))

    def leave(self, name: str) -> Answer:
        """Let a member leave."""
        return self.call(name, "leave")

    def rename(self, name: str, title: str) -> Answer:
        """Let a member give the group another name."""
        return self.call(name, "rename", name=title)

    def say(self, name: str, text: str, fan_out: str = "server") -> Answer:
        """Let a member send a text."""
        return self.call(name, "send", text=text, fan_out=fan_out)

    # The network

    def collect(self, name: str) -> list[Letter]:
        """Take what a client has in its outbox, store what is new, and acknowledge it; return what is new."""
        if name not in self.is_changed:
            return []
        if name not in self.is_unacknowledged:
            self.is_changed.remove(name)
        new = []
        for store in self.call(name, "outbox").result.stores:
            if (name, store.number) not in self.sent:
                letter = Letter(recipient=store.recipient, data=store.data, sender=name)
                self.sent[name, store.number] = letter
                self.put(letter)
                new.append(letter)
            if name not in self.is_unacknowledged:
                self.call(name, "note_stored", number=store.number).must_be()
        return new

    def put(self, letter: Letter) -> None:
        """Store a letter, whoever has made it."""
        self.stored.setdefault(letter.recipient, []).append(letter)

    def inject(self, name: str, made: Answer) -> Letter:
        """Store what a liar has made."""
        letter = Letter(recipient=made.result.recipient, data=made.result.data, sender=name)
        self.put(letter)
        return letter

    def list_new(self, name: str) -> Iterator[Letter]:
        """List what is stored for a client and was not handed to it."""
        if name not in self.polled:
            self.polled[name] = self.call(name, "recipients").result.recipients
        for recipient in self.polled[name]:
            start = self.read.get((name, recipient), 0)
            new = self.stored.get(recipient, [])[start:]
            self.read[name, recipient] = start + len(new)
            yield from new

    def fetch(self, name: str) -> bool:
        """Let a client fetch what is new; tell whether there was anything."""
        some = False
        for letter in self.list_new(name):
            some = True
            if any(rule(name, letter) for rule in self.delays):
                self.delayed.append((name, letter))
            elif not any(rule(name, letter) for rule in self.losses):
                self.deliver(name, letter)
        return some

    def deliver(self, name: str, letter: Letter) -> Answer:
        """Hand a letter to a client, for the first time or again."""
        if letter.sender in self.ours and name not in self.ours:
            self.peek(name, letter)
        return self.call(name, "receive", recipient=letter.recipient, data=letter.data)

    def peek(self, name: str, letter: Letter) -> None:
        """Read a letter of the implementation along, if a client of the peer can; a group message once."""
        if letter.recipient != self.account(name) and any(seen.letter is letter for seen in self.seen):
            return
        answer = self.lie(name, "peek", recipient=letter.recipient, data=letter.data)
        if "result" in answer.step.answer:
            self.seen.append(Seen(reader=name, letter=letter, answer=answer))

    def release(self, *, backwards: bool = False) -> None:
        """Hand over what was delayed, and delay nothing any more."""
        self.delays.clear()
        delayed, self.delayed = self.delayed, []
        for name, letter in reversed(delayed) if backwards else delayed:
            self.deliver(name, letter)

    def settle(self) -> None:
        """Store and fetch until nothing is under way."""
        for _ in range(MAX_ROUNDS):
            names = [name for name in self.people if name not in self.is_away]
            new = [letter for name in names if name not in self.is_cut_off for letter in self.collect(name)]
            fetched = [self.fetch(name) for name in names if name not in self.is_cut_off]
            if not new and not any(fetched):
                return
        self.fail("the network to come to rest", f"after {MAX_ROUNDS} rounds somebody still stores something")

    def wait(self, ms: int) -> None:
        """Let time pass, and everybody do what is due."""
        self.now_ms += ms
        for name in self.people:
            if name not in self.is_away:
                self.call(name, "tick").must_be()
        self.settle()

    def repair(self) -> None:
        """Let so much time pass that everything is repaired that can be."""
        for _ in range(2):
            self.wait(REPAIR_AFTER_MS)
        self.wait(REPAIR_PERIOD_MS)
        self.wait(REPAIR_AFTER_MS)

    # Claims

    def fail(self, expected: str, actual: str) -> NoReturn:
        """End the test: what came is not what had to come.

        Raises:
            ConformanceFailure: always.
        """
        raise ConformanceFailure(self.script, expected=expected, actual=actual)

    def take_only(self, found: Sequence[Found], what: str) -> Found:
        """Claim that there is one of what was found; return it."""
        if len(found) != 1:
            self.fail(f"one {what}", f"there are {len(found)}")
        return found[0]

    def read_group(self, name: str) -> ReadGroup:
        """What a client holds of the group."""
        held: ReadGroup = self.call(name, "read_group").result
        return held

    def must_be_members(self, names: str, *, epoch: int | None = None) -> None:
        """Claim that these are members, and each of them says so; all of one view."""
        members = names.split()
        like = next((name for name in members if name not in self.ours), members[0])
        first = self.call(like, "read_group")
        accounts = self.accounts(members)
        first.must_be(status="member", **({} if epoch is None else {"epoch": epoch}))
        if [member.account for member in first.result.members] != accounts:
            self.fail(f"{names} to be members", f"{like} names {self.name_all(first.result)}")
        for name in members:
            held = self.call(name, "read_group")
            held.must_be(
                status="member",
                **{
                    part: first.step.answer["result"].get(part)
                    for part in ("epoch", "digest", "members", "name", "avatar", "administrator")
                },
            )

    def must_agree(self) -> list[str]:
        """Claim that all who say that they are members are those whom each of them names, of one view; return them.

        Where one has seen the group closed, nobody says so.
        """
        held = {name: self.call(name, "read_group") for name in self.people}
        statuses = {name: answer.step.answer.get("result", {}).get("status") for name, answer in held.items()}
        present = [name for name, status in statuses.items() if status == "member"]
        if "closed" in statuses.values():
            for name in present:
                held[name].must_be(status="closed")
        if present:
            self.must_be_members(" ".join(present))
        return present

    def must_show_members(self, name: str, count: int) -> None:
        """Claim how many members a client names."""
        held = self.read_group(name)
        if len(held.members) != count:
            self.fail(f"{count} members", f"{name} names {len(held.members)}")

    def name_all(self, held: ReadGroup) -> str:
        """Name the members of a view."""
        names = {person.account: name for name, person in self.people.items()}
        return ", ".join(names.get(PublicKey(member.account), "?") for member in held.members)

    def must_be_out(self, name: str) -> None:
        """Claim that a client is out, and polls nothing of the group."""
        self.call(name, "read_group").must_be(status="out")
        self.must_poll(name)

    def must_poll(self, name: str, *addresses: bytes) -> None:
        """Claim that a client polls its account and these addresses."""
        answer = self.call(name, "recipients")
        if sorted(answer.result.recipients) != sorted([self.account(name), *addresses]):
            answer.must_be(recipients=[self.account(name), *addresses])

    def find_told(self, name: str, **event: object) -> list[Answer]:
        """Find what a client was told, as often as it was."""
        wanted = encode_event(self, event)
        return [
            answer
            for answer in self.told[name]
            for told in answer.step.answer["result"]["told"]
            if judge({"result": {"told": [told]}}, {"tells": [wanted]}, strict=self.script.strict) != "wrong"
        ]

    def must_have_told(self, name: str, *, times: int = 1, **event: object) -> None:
        """Claim that a client was told something, so many times."""
        found = self.find_told(name, **event)
        if not found:
            self.told[name][-1].must_mention(encode_event(self, event))
        for answer in found[:times]:
            answer.must_mention(encode_event(self, event))
        if len(found) != times:
            self.fail(f"{name} to be told {event} {times} times", f"it was told so {len(found)} times")

    def must_not_have_told(self, name: str, **event: object) -> None:
        """Claim that a client was not told something."""
        for answer in self.find_told(name, **event):
            value = event.get("text") or event["kind"]
            answer.must_exclude(told=[str(value)])

    def must_show(self, names: str, sender: str, text: str) -> None:
        """Claim that clients have shown a text of a sender, once each."""
        for name in names.split():
            self.must_have_told(name, kind="message", account=sender, text=text, group_id=self.group_id)

    def must_not_show(self, names: str, text: str) -> None:
        """Claim that clients have not shown a text, of whomever."""
        for name in names.split():
            self.must_not_have_told(name, text=text)

    def must_talk(self, names: str, label: str = "hello") -> None:
        """Claim that each of these members reads each other, and nobody else does."""
        for number, name in enumerate(names.split()):
            text = f"{label} {number} of {name}"
            self.say(name, text).must_be()
            self.settle()
            others = [other for other in names.split() if other != name]
            self.must_show(" ".join(others), name, text)
            self.must_not_show(" ".join(self.people.keys() - {*others}), text)

    def find_said(self, kind: str, *, reader: str | None = None, sender: str | None = None) -> list[Seen]:
        """Find what the implementation has said to clients of the peer."""
        return [
            seen
            for seen in self.seen
            if seen.said.kind == kind and reader in (None, seen.reader) and sender in (None, seen.letter.sender)
        ]

    def must_not_say(self, kind: str, *, reader: str | None = None) -> None:
        """Claim that the implementation has not said something."""
        for seen in self.find_said(kind, reader=reader):
            seen.answer.must_exclude(kind=[kind])

    def must_use_each_key_once(self) -> None:
        """Claim that nothing that the implementation has stored is encrypted with a key, or sealed with one, of before."""
        keys: dict[tuple[str, str], Seen] = {}
        sealed: dict[bytes, Seen] = {}
        for seen in self.seen:
            key, said = (seen.letter.sender, seen.said.message_key), seen.said
            if said.message_key and key in keys and keys[key].letter.data != seen.letter.data:
                seen.answer.must_differ_from(keys[key].answer, "message_key")
            first = sealed.setdefault(said.ephemeral_key, seen)
            if first.letter.data != seen.letter.data:
                seen.answer.must_differ_from(first.answer, "ephemeral_key")
            keys.setdefault(key, seen)

    # Bad input

    def observe(self, name: str, *, with_outbox: bool = True) -> list[Answer]:
        """Read all that can be read of a client."""
        return [self.call(name, method) for method in ("recipients", "read_group", "outbox")[: 2 + with_outbox]]

    def must_refuse(self, name: str, letter: Letter, error: str, *, may_answer: bool = False) -> None:
        """Claim that a client refuses a letter, tells only that, and is as it was, but that it may have something to answer."""
        before = self.observe(name, with_outbox=not may_answer)
        self.deliver(name, letter).must_tell({"kind": "refused", "error": error})
        self.must_be_as(name, before)

    def must_be_as(self, name: str, before: list[Answer]) -> None:
        """Claim that a client is as it was."""
        after = self.observe(name, with_outbox=len(before) > 2)
        for answer, earlier in zip(after, before, strict=True):
            answer.must_be_like(earlier)

    def forget(self) -> None:
        """Forget what was told and seen."""
        self.seen.clear()
        for told in self.told.values():
            told.clear()


def encode_event(world: World, event: dict[str, object]) -> dict[str, Any]:
    """Write an event that is named by names as it is told."""
    account = event.get("account")
    named = {**event, "account": world.account(account)} if isinstance(account, str) else event
    return encode(named)
