"""Members of one group, each played by an actor: what the suites of chapter 09 let them do, and what comes of it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cloister import group_control

from cloister_conformance.hand_made.group_control import NOW
from cloister_conformance.protocol.group_control import Snapshot, State
from cloister_conformance.script import Actor, Answer


@dataclass(frozen=True, slots=True)
class Member:
    """An account with a view, played by an actor."""

    actor: Actor
    account: bytes
    handle: str = ""

    @property
    def view(self) -> str:
        """The handle of the view."""
        return self.handle or self.account.hex()

    def call(self, method: str, **params: object) -> Answer:
        """Call a method of the view."""
        return self.actor.call(f"group_control.{method}", view=self.view, **params)

    def open_view(self) -> "Member":
        """Make the view; the group is unknown."""
        self.call("create_view", account=self.account).must_be()
        return self

    def create(self, *others: bytes, **params: object) -> Answer:
        """Create a group."""
        self.open_view()
        return self.call("create_group", others=list(others), **{"name": "hike", "now_ms": NOW, **params})

    def accept(self, sender: bytes, encoded: bytes) -> Answer:
        """Accept a control message from a sender."""
        return self.call("accept", sender=sender, encoded=encoded)

    def add(self, *accounts: bytes) -> Answer:
        """Add accounts."""
        return self.call("add", accounts=list(accounts))

    def pass_on(self, *, adds_you: bool = False) -> Answer:
        """Pass the snapshot on."""
        return self.call("pass_on", adds_you=adds_you)

    def leave(self, last_index: int | None = None, *, now_ms: int = NOW) -> Answer:
        """Leave."""
        return self.call("leave", last_index=None if last_index is None else str(last_index), now_ms=now_ms)

    def open_epoch(self, *kicked: bytes | tuple[bytes, int], now_ms: int = NOW, **params: object) -> Answer:
        """Open an epoch; who is kicked may have a last index."""
        return self.call("open_epoch", kicked=[describe_kick(kick) for kick in kicked], now_ms=now_ms, **params)

    def read(self) -> Answer:
        """Read the view."""
        return self.call("read")

    def must_be_like(self, other: "Member") -> None:
        """Expect the view of another member, but for what each has by itself."""
        told: dict[str, Any] = other.read().result.model_dump(exclude={"adders", "is_confirmed", "waiting", "is_out"})
        self.read().must_be(**told)


def describe_kick(kick: bytes | tuple[bytes, int]) -> dict[str, object]:
    """Describe a kick."""
    if isinstance(kick, bytes):
        return {"account": kick}
    account, last_index = kick
    return {"account": account, "last_index": str(last_index)}


def decode_snapshot(actor: Actor, encoded: bytes) -> Snapshot:
    """Let an actor decode a snapshot."""
    message = actor.call("group_control.decode_control", encoded=encoded).result.control.snapshot
    assert message is not None, "this is no snapshot"
    snapshot: Snapshot = message.snapshot
    return snapshot


@dataclass(frozen=True, slots=True)
class Player:
    """A member; if the implementation plays it, with a shadow that the peer plays and that must become the same."""

    member: Member
    shadow: Member | None = None

    def accept(self, sender: bytes, encoded: bytes) -> bool:
        """Accept a control message as the shadow does, or refuse it so; tell whether it was accepted."""
        expected = None if self.shadow is None else self.shadow.accept(sender, encoded)
        return self.compare(self.member.accept(sender, encoded), expected)

    def compare(self, answer: Answer, expected: Answer | None) -> bool:
        """Compare an answer with that of the shadow, and the views after it; tell whether it is no refusal."""
        answer.must_be_answered()
        if expected is not None:
            answer.must_be_like(expected)
        is_result = "result" in answer.step.answer
        if self.shadow is not None and is_result:
            view = self.shadow.read()
            self.member.read().must_be_like(view)
        return is_result

    def act(self, method: str, **params: object) -> bytes | None:
        """Do what gives the same message whoever does it, such as an add; return the message, if it was not refused."""
        expected = None if self.shadow is None else self.shadow.call(method, **params)
        answer = self.member.call(method, **params)
        return answer.result.encoded if self.compare(answer, expected) else None

    def read(self) -> State:
        """Read the view."""
        state: State = self.member.read().result
        return state


@dataclass(frozen=True, slots=True)
class Letter:
    """A control message under way; one that is `kept` is sent until it has come."""

    sender: bytes
    receiver: bytes
    encoded: bytes
    kept: bool = False


class World:
    """A group of a few accounts, some of them played by the implementation, and what is under way between them.

    Members send what chapter 10 wants them to send. A receiver that does not know the group takes nothing but snapshots.
    """

    def __init__(self, iut: Actor, peer: Actor, *, played: Collection[bytes], accounts: Sequence[bytes]) -> None:
        self.peer = peer
        self.players = {
            account: Player(
                Member(iut if account in played else peer, account).open_view(),
                Member(peer, account, f"shadow of {account.hex()}").open_view() if account in played else None,
            )
            for account in accounts
        }
        self.knowing: set[bytes] = set()
        self.under_way: list[Letter] = []
        self.lost: list[Letter] = []
        self.added: dict[tuple[bytes, bytes], int] = {}

    def create(self, administrator: bytes, *others: bytes) -> None:
        """Create the group, and let the others know it; nobody shadows the administrator, who alone has the key."""
        self.administrator = administrator
        self.players[administrator] = Player(self.players[administrator].member)
        params = {"others": list(others), "name": "hike", "now_ms": NOW}
        encoded = self.players[administrator].member.call("create_group", **params).result.encoded
        self.knowing.add(administrator)
        self.group_id = group_control.decode_control(encoded).group_id
        self.send(administrator, others, encoded)
        self.deliver_all()

    # The network

    def send(self, sender: bytes, receivers: Iterable[bytes], encoded: bytes, *, kept: bool = False) -> None:
        """Put a message under way to others."""
        self.under_way += [Letter(sender, receiver, encoded, kept) for receiver in sorted({*receivers} - {sender})]

    def deliver(self, letter: Letter) -> None:
        """Deliver a letter."""
        is_snapshot = isinstance(group_control.decode_control(letter.encoded).body, group_control.SnapshotMessage)
        if (letter.receiver in self.knowing or is_snapshot) and self.players[letter.receiver].accept(
            letter.sender, letter.encoded
        ):
            self.knowing.add(letter.receiver)

    def deliver_all(self) -> None:
        """Deliver all that is under way, in its order."""
        while self.under_way:
            self.deliver(self.under_way.pop(0))

    def encode(self, epoch: int, **body: object) -> bytes:
        """Write a control message of the group."""
        control = {"group_id": self.group_id, "epoch": epoch, **body}
        encoded: bytes = self.peer.call("group_control.encode_control", control=control).result.encoded
        return encoded

    # Operations

    def add(self, sender: bytes, *accounts: bytes) -> None:
        """Let a member add accounts."""
        player = self.players[sender]
        encoded = player.act("add", accounts=list(accounts))
        if encoded is None:
            return
        state = player.read()
        self.added.update({(sender, account): state.epoch for account in accounts})
        self.send(sender, name_members(state) - {*accounts}, encoded)
        self.pass_on(sender, *accounts, adds_you=True)
        for account in accounts:
            self.send_adds(sender, state, account)
            self.send_leaves(sender, state, account)

    def send_adds(self, sender: bytes, state: State, receiver: bytes) -> None:
        """Let a member send all its adds."""
        if state.adds:
            self.send(sender, [receiver], self.encode(state.epoch, add={"accounts": state.adds}))

    def send_leaves(self, sender: bytes, state: State, receiver: bytes) -> None:
        """Let a member send the leaves that it knows to whom it has added."""
        for leave in state.leaves:
            self.send(sender, [receiver], self.encode(state.epoch, leave=leave.model_dump()))

    def pass_on(self, sender: bytes, *receivers: bytes, adds_you: bool = False) -> None:
        """Let a member pass its snapshot on."""
        encoded = self.players[sender].act("pass_on", adds_you=adds_you)
        if encoded is not None:
            self.send(sender, receivers, encoded)

    def leave(self, sender: bytes, last_index: int | None = None) -> None:
        """Let a member leave; what it says of that is stored until it is acknowledged."""
        members = name_members(self.players[sender].read())
        index = None if last_index is None else str(last_index)
        encoded = self.players[sender].act("leave", last_index=index, now_ms=NOW)
        if encoded is not None:
            self.send(sender, members, encoded, kept=True)

    def open_epoch(self, *kicked: bytes, **params: object) -> None:
        """Let the administrator open an epoch."""
        self.announce("open_epoch", kicked=[{"account": account} for account in kicked], now_ms=NOW, **params)
        for account in kicked:
            epoch = self.players[self.administrator].read().epoch
            self.send(self.administrator, [account], self.encode(epoch, notice={}))

    def close(self) -> None:
        """Let the administrator leave."""
        self.announce("leave", now_ms=NOW)

    def announce(self, method: str, **params: object) -> None:
        """Let the administrator make a snapshot, and send it to its members."""
        administrator = self.players[self.administrator]
        encoded = administrator.act(method, **params)
        if encoded is not None:
            self.send(self.administrator, name_members(administrator.read()), encoded)

    def forge(self, sender: bytes, receiver: bytes, epoch: int) -> None:
        """Let somebody change the administrator's snapshot, of which the signature stays as it was."""
        encoded = self.players[self.administrator].member.pass_on().result.encoded
        control = self.peer.call("group_control.decode_control", encoded=encoded).result.model_dump()["control"]
        control["snapshot"]["snapshot"] |= {"name": "forged", "epoch": max(epoch, control["epoch"])}
        forged = self.peer.call("group_control.encode_control", control=control).result.encoded
        self.send(sender, [receiver], forged)

    # Repair

    def settle(self) -> None:
        """Deliver what is under way or kept, and let members repair what they miss, until nothing is left to do."""
        self.under_way += [letter for letter in self.lost if letter.kept]
        for _ in range(MAX_ROUNDS):
            self.deliver_all()
            self.repair()
            if not self.under_way:
                return

    def repair(self) -> None:
        """Let each member do once what chapter 10 wants it to do when views differ."""
        administrator = self.players[self.administrator]
        if administrator.read().leaves and not administrator.read().closed:
            self.open_epoch()
        states = {account: self.players[account].read() for account in sorted(self.knowing)}
        for (sender, account), epoch in list(self.added.items()):
            if not (states[sender].is_out or states[sender].closed) and self.must_add_again(sender, account, epoch):
                del self.added[sender, account]
                self.add(sender, account)
        for sender, state in states.items():
            for receiver in name_members(state) & states.keys():
                if not state.is_out and states[receiver].digest != state.digest:
                    self.pass_on(sender, receiver)
                    self.send_adds(sender, state, receiver)

    def must_add_again(self, sender: bytes, account: bytes, epoch: int) -> bool:
        """Tell whether a member has to add an account again that it has added in an earlier epoch."""
        player = self.players[sender]
        if player.read().epoch <= epoch:
            return False
        params = {"account": account, "epoch": epoch}
        expected = None if player.shadow is None else player.shadow.call("must_add_again", **params)
        answer = player.member.call("must_add_again", **params)
        player.compare(answer, expected)
        again: bool = answer.result.again
        return again

    def must_be_settled(self) -> None:
        """Expect that all members of the administrator's view that know the group have the same view."""
        administrator = self.players[self.administrator].member
        for account in name_members(self.players[self.administrator].read()) & self.knowing:
            self.players[account].member.must_be_like(administrator)


MAX_ROUNDS = 12
"""Within which all is repaired, if it ever is."""


def name_members(state: State) -> set[bytes]:
    """Name the members of a view."""
    return {member.account for member in state.members}
