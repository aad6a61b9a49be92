"""Random lives of a group: whatever is lost, late, doubled or said at once, the members end with one view and read each other."""

import random as randomness
from collections.abc import Callable

import pytest
from cloister import client, closed_group, errors
from cloister.group_control import GroupId, find_members
from groups import World

NAMES = "abcdefg"
STEPS = 40
HOUR_MS, DAY_MS = 3_600_001, 86_400_001


class Walk:
    """A group of clients between which a network loses, doubles and reorders what it delivers, by a seed."""

    def __init__(self, seed: int, loss: float) -> None:
        self.world, self.draw, self.loss = World(seed=seed), randomness.Random(seed), loss
        self.world.join(*NAMES)
        self.administrator = self.draw.choice(NAMES)
        others = self.draw.sample([name for name in NAMES if name != self.administrator], 3)
        self.group_id: GroupId = self.world.create(self.administrator, others)
        self.delivered: set[tuple[str, bytes, int]] = set()
        self.said: set[tuple[str, str]] = set()

    def find_members(self) -> list[str]:
        return self.world.members(self.administrator, self.group_id)

    def find_status(self, name: str) -> str:
        group = self.world.clients[name].groups.get(self.group_id)
        return group.status if group else "stranger"

    def say(self, name: str, text: str) -> None:
        self.world.say(name, self.group_id, text)
        self.said.add((name, text))

    def act(self, name: str, step: int) -> None:
        """Let somebody do something that its view permits, or that is refused."""
        world, group_id, administrator = self.world, self.group_id, self.administrator
        members = find_members(world.group(name, group_id).view)
        strangers = [other for other in NAMES if world.account(other) not in members]
        others = [other for other in self.find_members() if other != administrator]
        acts: list[Callable[[], object]] = [lambda: self.say(name, f"{name}{step}")] * 4
        acts.append(lambda: world.change(administrator, group_id, closed_group.rename, f"name {step}"))
        if strangers:
            added = world.account(self.draw.choice(strangers))
            acts += [lambda: world.change(name, group_id, closed_group.add, [added])] * 2
        if name != administrator:
            acts.append(lambda: world.change(name, group_id, closed_group.leave))
        if others:
            kicked = world.account(self.draw.choice(others))
            acts.append(lambda: world.change(administrator, group_id, closed_group.kick, [kicked]))
        try:
            self.draw.choice(acts)()
        except (errors.NotPermitted, errors.GroupFull):
            return

    def deliver_some(self) -> None:
        """Store some of what is to be stored, lose some of that, acknowledge some, deliver some, some of it again."""
        world, draw = self.world, self.draw
        for name in NAMES:
            for number, store in list(world.clients[name].outbox.items()):
                if draw.random() < 0.7:
                    if draw.random() >= self.loss:
                        world.stored.setdefault(store.recipient, []).append(store.sealed)
                    if draw.random() < 0.8:
                        world.clients[name] = client.note_stored(world.clients[name], number)
        for name in NAMES:
            self.deliver(name, lambda is_new: draw.random() < (0.5 if is_new else 0.01))

    def deliver(self, name: str, wants: Callable[[bool], bool]) -> bool:
        """Deliver what is wanted, of what is new or not; tell whether there was anything."""
        world, some = self.world, False
        for recipient in client.find_recipients(world.clients[name]):
            for number, sealed in enumerate(world.stored.get(recipient, [])):
                is_new = (name, recipient, number) not in self.delivered
                if wants(is_new):
                    some = True
                    self.delivered.add((name, recipient, number))
                    step = client.receive(world.clients[name], recipient, sealed, world.draw, now_ms=world.now_ms)
                    world.take(name, step)
        return some

    def deliver_all(self) -> None:
        moving = True
        while moving:
            moving = False
            for name in NAMES:
                moving |= bool(self.world.clients[name].outbox)
                self.world.store_all(name)
            for name in NAMES:
                moving |= self.deliver(name, lambda is_new: is_new)

    def pass_time(self, ms: int) -> None:
        self.world.now_ms += ms
        for name in NAMES:
            step = client.tick(self.world.clients[name], self.world.draw, now_ms=self.world.now_ms)
            self.world.take(name, step)

    def repair(self) -> None:
        """Let everybody speak, and all repairs be done; the administrator opens an epoch if views have diverged."""
        self.deliver_all()
        for number, ms in enumerate([HOUR_MS, DAY_MS, HOUR_MS, HOUR_MS, HOUR_MS]):
            for name in NAMES:
                if self.find_status(name) == "member":
                    self.say(name, f"round {number} {name}")
            self.deliver_all()
            self.pass_time(ms)
            self.deliver_all()
            if "diverged" in self.world.events(self.administrator):
                self.world.change(self.administrator, self.group_id, closed_group.rename, f"repaired {number}")
                self.deliver_all()


@pytest.mark.parametrize("loss", [0.0, 0.1])
@pytest.mark.parametrize("seed", range(8))
def test_members_end_with_one_view_and_read_each_other(seed: int, loss: float) -> None:
    walk = Walk(seed, loss)
    for step in range(STEPS):
        name = walk.draw.choice([name for name in NAMES if walk.find_status(name) != "stranger"])
        walk.act(name, step)
        walk.deliver_some()
        if walk.draw.random() < 0.1:
            walk.pass_time(walk.draw.choice([1000, 70_000]))
    walk.repair()

    world, members = walk.world, walk.find_members()
    views = {name: world.group(name, walk.group_id).view for name in members}
    of_administrator = views[walk.administrator]
    assert {name: view.epoch for name, view in views.items()} == dict.fromkeys(members, of_administrator.epoch)
    assert all(find_members(view) == find_members(of_administrator) for view in views.values())
    assert [walk.find_status(name) for name in members] == ["member"] * len(members)

    for name in members:
        walk.say(name, f"last {name}")
    walk.deliver_all()
    for name in NAMES:
        shown = world.texts(name)
        assert len(set(shown)) == len(shown), "nothing is shown twice"
        assert set(shown) <= walk.said, "nothing is shown that was not said"
        last = {text for text in shown if text[1].startswith("last")}
        expected = {(other, f"last {other}") for other in members if other != name} if name in members else set()
        assert last == expected
