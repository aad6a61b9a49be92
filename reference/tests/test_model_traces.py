"""Sequences of actions out of the model of membership (`formal/README.md`), replayed on the reference: the same views."""

import json
import random as randomness
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cloister import errors, group_control, identity
from cloister.group_control import NUMBER_OF_HOW, Add, Change, Leave, Membership, SignedSnapshot, SnapshotMessage, View
from cloister.identity import PublicKey

TRACES = json.loads((Path(__file__).parents[2] / "formal" / "traces.json").read_text("utf-8"))
ADMINISTRATOR = "a"
NOW_MS = 1_600_000_000_000


@dataclass
class Actor:
    """What one account holds: its view, what waits while it has none, what it added, and whether a notice said that it is out."""

    ours: PublicKey
    view: View | None = None
    waiting: list[tuple[PublicKey, int, Add | Leave]] = field(default_factory=list)
    mine: dict[str, int] = field(default_factory=dict)
    is_told: bool = False

    @property
    def held(self) -> View:
        """The view that there must be."""
        assert self.view is not None
        return self.view


class Replay:
    """Actors by name, whose accounts are in the order of the names, and the administrator's snapshots by epoch."""

    def __init__(self) -> None:
        self.random = randomness.Random(0).randbytes
        keys = sorted(identity.generate_key_pair(self.random).public for _ in TRACES["actors"])
        self.accounts = dict(zip(TRACES["actors"], keys, strict=True))
        self.names = {account: name for name, account in self.accounts.items()}
        self.actors = {name: Actor(self.accounts[name]) for name in self.accounts}
        others = [self.accounts[name] for name in TRACES["created"] if name != ADMINISTRATOR]
        created = group_control.create_group(
            self.accounts[ADMINISTRATOR], others, "hike", None, self.random, now_ms=NOW_MS
        )
        self.key = created.administrator_key
        self.snapshots: dict[int, SignedSnapshot] = {0: created.signed}
        self.actors[ADMINISTRATOR].view = View(signed=created.signed, is_confirmed=True)
        for name in TRACES["created"]:
            self.accept_snapshot(name, ADMINISTRATOR, 0, adds_you=False)

    def do(self, step: dict[str, Any]) -> list[str]:
        """Do a step; return whom the actor adds again."""
        before = {name: actor.view for name, actor in self.actors.items()}
        match step["action"]:
            case "add":
                actor, who = self.actors[step["by"]], step["who"]
                actor.view = group_control.add(actor.held, self.accounts[step["by"]], [self.accounts[who]])
                actor.mine[who] = actor.view.epoch
            case "leave":
                self.leave(step["by"])
            case "kick":
                self.open_epoch(Change(kicked={self.accounts[step["who"]]: None}))
            case "rename":
                self.open_epoch(Change(name="walk"))
            case "close":
                self.open_epoch(Change(closes=True))
            case "open":
                self.open_epoch(Change())
            case "deliver" | "copy":
                self.deliver(step["message"])
            case "repair":
                self.repair(step["from"], step["to"])
            case action:
                assert action in {"drop", "tell", "leave again"}
        name = find_actor(step)
        held = self.actors[name].view if name else None
        was = before.get(name)
        return self.add_again(name, was) if held and (was is None or was.epoch != held.epoch) else []

    def leave(self, name: str) -> None:
        """Let a member leave."""
        actor, ours = self.actors[name], self.accounts[name]
        added = group_control.find_members(actor.held)[ours]
        actor.view = group_control.accept_leave(actor.held, ours, ours, Leave(added=added, last_index=None))
        actor.mine = {}

    def open_epoch(self, change: Change) -> None:
        """Let the administrator open an epoch."""
        view = self.actors[ADMINISTRATOR].held
        signed = group_control.open_epoch(
            view, self.accounts[ADMINISTRATOR], self.key, change, self.random, now_ms=NOW_MS
        )
        self.snapshots[signed.snapshot.epoch] = signed
        self.accept_snapshot(ADMINISTRATOR, ADMINISTRATOR, signed.snapshot.epoch, adds_you=False)

    def deliver(self, message: dict[str, Any]) -> None:
        """Let an account accept a control message, or refuse it."""
        actor, sender = self.actors[message["to"]], self.accounts[message["from"]]
        match message["kind"]:
            case "snapshot":
                self.accept_snapshot(message["to"], message["from"], message["epoch"], adds_you=message["adds_you"])
            case "add":
                body = Add(accounts=tuple(sorted(self.accounts[name] for name in message["who"])))
                self.accept(actor, sender, message["epoch"], body)
            case "leave":
                account = None if message["account"] == message["from"] else self.accounts[message["account"]]
                body_of_leave = Leave(added=message["added"], last_index=None, account=account)
                self.accept(actor, sender, message["added"], body_of_leave)
            case "notice":
                ends = actor.view and group_control.ends_by_notice(actor.view, sender, message["epoch"])
                actor.is_told = actor.is_told or bool(ends)

    @staticmethod
    def accept(actor: Actor, sender: PublicKey, epoch: int, body: Add | Leave) -> None:
        """Accept an add or a leave, which waits for a view as clause CG-50 wants."""
        if actor.view is None:
            if (sender, epoch, body) not in actor.waiting:
                actor.waiting.append((sender, epoch, body))
            return
        try:
            if isinstance(body, Add):
                actor.view = group_control.accept_add(actor.view, sender, epoch, body.accounts)
            else:
                actor.view = group_control.accept_leave(actor.view, actor.ours, sender, body)
        except errors.ProtocolViolation:
            pass

    def accept_snapshot(self, name: str, sender: str, epoch: int, *, adds_you: bool) -> None:
        """Accept a snapshot, and then what has waited for a view."""
        actor = self.actors[name]
        was = actor.view.epoch if actor.view else -1
        message = SnapshotMessage(signed=self.snapshots[epoch], adds_you=adds_you)
        try:
            actor.view = group_control.accept_snapshot(actor.view, self.accounts[name], self.accounts[sender], message)
        except errors.ProtocolViolation:
            return
        actor.is_told = actor.is_told and actor.view.epoch == was
        waiting, actor.waiting = actor.waiting, []
        for held in waiting:
            self.accept(actor, *held)

    def repair(self, sender: str, receiver: str) -> None:
        """Give a view, as an answer to who asks for it."""
        view = self.actors[sender].held
        adds_you = self.accounts[receiver] not in view.snapshot.members
        self.accept_snapshot(receiver, sender, view.epoch, adds_you=adds_you)
        if adds := group_control.find_adds(view):
            self.accept(self.actors[receiver], self.accounts[sender], view.epoch, Add(accounts=adds))

    def add_again(self, name: str, before: View | None) -> list[str]:
        """Add again, in a new epoch, whom it does not know, and who had not left before."""
        actor, ours = self.actors[name], self.accounts[name]
        mine, actor.mine = actor.mine, {}
        if self.is_in(actor, ours) and not actor.held.snapshot.closed:
            for who, epoch in sorted(mine.items()):
                if before and Membership(self.accounts[who], epoch) in before.leaves:
                    continue
                if group_control.must_add_again(actor.held, self.accounts[who], epoch):
                    try:
                        actor.view = group_control.add(actor.held, ours, [self.accounts[who]])
                    except errors.GroupFull:
                        continue
                    actor.mine[who] = actor.view.epoch
        return list(actor.mine)

    @staticmethod
    def is_in(actor: Actor, ours: PublicKey) -> bool:
        """Tell whether an account is in, in its own view."""
        return actor.view is not None and not actor.is_told and not group_control.is_out(actor.view, ours)

    def show(self, name: str) -> dict[str, Any]:
        """Show the view of an account as the model does."""
        actor, ours = self.actors[name], self.accounts[name]
        members = group_control.find_members(actor.view) if actor.view else {}
        removed = actor.view.snapshot.removed if actor.view else ()
        return {
            "epoch": actor.view.epoch if actor.view else -1,
            "members": {self.names[account]: added for account, added in sorted(members.items())},
            "removed": {self.names[each.account]: [each.last_epoch, NUMBER_OF_HOW[each.how]] for each in removed},
            "waiting": len(actor.view.waiting if actor.view else actor.waiting),
            "in": self.is_in(actor, ours),
        }


def find_actor(step: dict[str, Any]) -> str:
    """Find whose view a step changes; empty if nobody's."""
    if step["action"] == "drop":
        return ""
    return str(step["message"]["to"] if "message" in step else step.get("by") or step["to"])


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give groups the bound of the model."""
    monkeypatch.setattr(group_control, "MAX_MEMBERS", TRACES["bound"])


@pytest.mark.parametrize("number", range(len(TRACES["sequences"])))
def test_a_sequence_leads_to_the_views_of_the_model(number: int) -> None:
    sequence, replay = TRACES["sequences"][number], Replay()
    for place, step in enumerate(sequence["steps"]):
        again = replay.do(step)
        if name := find_actor(step):
            assert (again, replay.show(name)) == (step.get("adds_again", []), step["view"]), f"step {place}: {step}"
    assert {name: replay.show(name) for name in replay.actors} == sequence["views"]
