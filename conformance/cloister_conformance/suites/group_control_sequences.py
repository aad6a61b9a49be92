"""Chapter 09: sequences of actions out of the model of membership (`formal/README.md`), replayed: the same views after each step."""

import dataclasses
import json
from collections import defaultdict
from typing import Any

import pytest
from cloister import group_control
from cloister.group_control import Add, Body, Control, Leave, Notice, SnapshotMessage
from cloister.identity import PublicKey

from cloister_conformance import data
from cloister_conformance.clause import clause
from cloister_conformance.group_views import Member
from cloister_conformance.hand_made.group_control import ALICE, BOB, CAROL, DAVE, ERIN, NOW, make_accounts
from cloister_conformance.plugin import Actors
from cloister_conformance.protocol.group_control import State
from cloister_conformance.script import Actor

Json = dict[str, Any]

TRACES: Json = json.loads((data.find_folder("formal") / "traces.json").read_text("utf-8"))
ACCOUNTS = dict(zip(TRACES["actors"], (BOB, ALICE, CAROL, DAVE, ERIN), strict=True))
ADMINISTRATOR = TRACES["actors"][0]
CROWD = make_accounts("crowd", group_control.MAX_MEMBERS - TRACES["bound"])
"""Members from the beginning to the end, who do nothing: what they leave of `MAX_MEMBERS` is the bound of the model."""


class Replay:
    """The accounts of the model by their names, some of them played by the implementation.

    What comes to an account that does not know the group is held back until it does: a view judges it, and there is none.
    """

    def __init__(self, iut: Actor, peer: Actor, *, played: list[str], crowd: list[bytes]) -> None:
        self.crowd = crowd
        self.members = {name: Member(iut if name in played else peer, account) for name, account in ACCOUNTS.items()}
        self.epochs = dict.fromkeys(ACCOUNTS, -1)
        self.mine: dict[str, dict[str, int]] = defaultdict(dict)
        self.held_back: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
        self.snapshots: dict[int, SnapshotMessage] = {}
        self.create([name for name in TRACES["created"] if name != ADMINISTRATOR])

    def create(self, others: list[str]) -> None:
        """Create the group, and let the others know it."""
        created = self.members[ADMINISTRATOR].create(*(ACCOUNTS[name] for name in others), *self.crowd)
        self.keep_snapshot(created.result.encoded)
        self.epochs[ADMINISTRATOR] = 0
        for name in ACCOUNTS.keys() - {ADMINISTRATOR}:
            self.members[name].open_view()
        for name in others:
            self.accept_snapshot(name, ADMINISTRATOR, 0, adds_you=False)

    def keep_snapshot(self, encoded: bytes) -> None:
        """Keep a snapshot of the administrator; there is one for each epoch."""
        control = group_control.decode_control(encoded)
        assert isinstance(control.body, SnapshotMessage)
        self.group_id = control.group_id
        self.snapshots[control.epoch] = control.body

    def encode(self, epoch: int, body: Body) -> bytes:
        """Encode a control message of the group."""
        return group_control.encode_control(Control(group_id=self.group_id, epoch=epoch, body=body))

    # Steps

    def do(self, step: Json) -> None:
        """Do a step."""
        match step["action"]:
            case "add":
                self.add(step["by"], step["who"])
            case "leave":
                self.leave(step["by"])
            case "kick":
                self.open_epoch("open_epoch", kicked=[{"account": ACCOUNTS[step["who"]]}])
            case "rename":
                self.open_epoch("open_epoch", kicked=[], name="walk")
            case "open":
                self.open_epoch("open_epoch", kicked=[])
            case "close":
                self.open_epoch("leave")
            case "deliver" | "copy":
                self.deliver(step["message"])
            case "repair":
                self.repair(step["from"], step["to"])
            case action:
                assert action in {"drop", "tell", "leave again"}, "something is lost, or is under way"

    def add(self, name: str, who: str) -> None:
        """Let a member add an account; what goes to all says so."""
        answer = self.members[name].add(ACCOUNTS[who])
        answer.must_be(encoded=self.encode(self.epochs[name], Add(accounts=(PublicKey(ACCOUNTS[who]),))))
        self.mine[name][who] = self.epochs[name]

    def leave(self, name: str) -> None:
        """Let a member leave; what goes to all names its membership."""
        added = next(member.added for member in self.read(name).members if member.account == ACCOUNTS[name])
        answer = self.members[name].leave()
        answer.must_be(encoded=self.encode(self.epochs[name], Leave(added=added, last_index=None)))
        self.mine[name].clear()

    def open_epoch(self, method: str, **params: object) -> None:
        """Let the administrator open an epoch."""
        self.keep_snapshot(self.members[ADMINISTRATOR].call(method, now_ms=NOW, **params).result.encoded)

    def deliver(self, message: Json) -> None:
        """Deliver a control message."""
        name, sender, epoch = message["to"], message["from"], message.get("epoch", 0)
        match message["kind"]:
            case "snapshot":
                self.accept_snapshot(name, sender, epoch, adds_you=message["adds_you"])
            case "add":
                accounts = sorted(PublicKey(ACCOUNTS[who]) for who in message["who"])
                self.accept(name, sender, self.encode(epoch, Add(accounts=tuple(accounts))))
            case "leave":
                account = None if message["account"] == sender else PublicKey(ACCOUNTS[message["account"]])
                ended = Leave(added=message["added"], last_index=None, account=account)
                self.accept(name, sender, self.encode(message["added"], ended))
            case "notice" if self.knows(name):
                self.accept(name, sender, self.encode(epoch, Notice()))

    def knows(self, name: str) -> bool:
        """Tell whether an account knows the group."""
        return self.epochs[name] >= 0

    def accept(self, name: str, sender: str, encoded: bytes) -> None:
        """Let an account accept a control message, or refuse it, or hold it back; of two that are equal it holds one."""
        if self.knows(name):
            self.members[name].accept(ACCOUNTS[sender], encoded).must_be_answered()
        elif (sender, encoded) not in self.held_back[name]:
            self.held_back[name].append((sender, encoded))

    def accept_snapshot(self, name: str, sender: str, epoch: int, *, adds_you: bool) -> None:
        """Let an account accept the snapshot of an epoch, or refuse it; then comes what was held back."""
        message = dataclasses.replace(self.snapshots[epoch], adds_you=adds_you)
        answer = self.members[name].accept(ACCOUNTS[sender], self.encode(epoch, message))
        answer.must_be_answered()
        if not self.knows(name) and "result" in answer.step.answer:
            self.epochs[name] = epoch
            for held in self.held_back.pop(name, []):
                self.accept(name, *held)

    def repair(self, sender: str, receiver: str) -> None:
        """Let an account give its view to another: its snapshot, and its adds."""
        epoch, adds = self.epochs[sender], self.read(sender).adds
        message = dataclasses.replace(
            self.snapshots[epoch], adds_you=ACCOUNTS[receiver] not in self.snapshots[epoch].signed.snapshot.members
        )
        passed_on = self.members[sender].pass_on(adds_you=message.adds_you)
        passed_on.must_be(encoded=self.encode(epoch, message))
        self.accept_snapshot(receiver, sender, epoch, adds_you=message.adds_you)
        if adds:
            self.accept(receiver, sender, self.encode(epoch, Add(accounts=tuple(map(PublicKey, adds)))))

    # Views

    def read(self, name: str) -> State:
        """Read the view of an account."""
        state: State = self.members[name].read().result
        return state

    def add_again(self, name: str, expected: list[str]) -> None:
        """In a new epoch, let an account add again whom it does not know, and who had not left before, if there is room."""
        state = self.read(name)
        if state.epoch == self.epochs[name]:
            return
        self.epochs[name], mine = state.epoch, self.mine.pop(name, {})
        is_in = not (state.is_out or state.closed)
        for who, epoch in sorted(mine.items()) if is_in else []:
            params = {"account": ACCOUNTS[who], "epoch": epoch}
            answer = self.members[name].call("must_add_again", **params)
            if who in expected:
                answer.must_be(again=True)
                self.add(name, who)
            elif answer.result.again:
                self.members[name].add(ACCOUNTS[who]).must_be_refused("GroupFull")
        assert sorted(self.mine[name]) == expected

    def must_show(self, name: str, shown: Json) -> None:
        """Expect the view of an account to be as the model shows it."""
        if not self.knows(name):
            assert (shown["epoch"], shown["waiting"]) == (-1, len(self.held_back[name]))
            return
        answer = self.members[name].read()
        members = dict.fromkeys(self.crowd, 0) | {ACCOUNTS[who]: added for who, added in shown["members"].items()}
        told = {removal.account: removal.model_dump(exclude_none=True) for removal in answer.result.removed}
        removed = {ACCOUNTS[who]: removal for who, removal in shown["removed"].items()}
        answer.must_be(
            epoch=shown["epoch"],
            members=[{"account": account, "added": added} for account, added in sorted(members.items())],
            removed=[
                told.get(account, {}) | {"account": account, "last_epoch": last_epoch, "how": group_control.HOW[how]}
                for account, (last_epoch, how) in sorted(removed.items())
            ],
            waiting=shown["waiting"],
            is_out=not shown["in"],
        )


def find_actor(step: Json) -> str:
    """Find whose view a step changes."""
    return str(step["message"]["to"] if "message" in step else step.get("by") or step["to"])


def find_crowd(sequence: Json) -> list[bytes]:
    """Find who is in the group to fill it, where more accounts are added than the bound of the model allows."""
    added = {step["who"] for step in sequence["steps"] if step["action"] == "add"}
    return CROWD if len(added.union(TRACES["created"])) > TRACES["bound"] else []


@clause("GC-20", "GC-23", "GC-28", "GC-31", "GC-32", "GC-39", "GC-43", "GC-46", "GC-50")
@pytest.mark.parametrize("number", range(len(TRACES["sequences"])))
def test_a_sequence_leads_to_the_views_of_the_model(actors: Actors, number: int) -> None:
    sequence, names = TRACES["sequences"][number], TRACES["actors"]
    iut, peer = actors()
    is_alone = number % 3 == 0
    played = [names[number // 3 % len(names)]] if is_alone else names
    replay = Replay(iut, peer, played=played, crowd=find_crowd(sequence))
    for step in sequence["steps"]:
        replay.do(step)
        if "view" in step:
            name = find_actor(step)
            if replay.knows(name):
                replay.add_again(name, step.get("adds_again", []))
            replay.must_show(name, step["view"])
    for name, view in sequence["views"].items():
        replay.must_show(name, view)
