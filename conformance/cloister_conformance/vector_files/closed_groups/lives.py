"""Chapter 10: whole lives of a group, as Bob sees them; nothing is refused in them."""

import secrets
from dataclasses import replace

from cloister.group_reading import PAST_MS

from cloister_conformance.hand_made.closed_groups import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    NOW,
    Writer,
    encode_pairwise,
    encode_room,
)
from cloister_conformance.hand_made.group_control import HOW, PNG, Removed, Snapshot
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.closed_groups.reader import (
    HIKE,
    confirmed,
    event,
    hold,
    joined,
    missing,
    open_epoch,
    poll,
    prepare,
    receive,
    shown,
    tick,
)
from cloister_conformance.vector_files.closed_groups.reading import ROOM
from cloister_conformance.vector_files.closed_groups.views import say_add, say_leave, say_notice

WITHOUT_DAVE = (ALICE, BOB, CAROL)
WITHOUT_BOB = replace(HIKE, members=(ALICE, CAROL, DAVE))


class Tale:
    """What comes to Bob, in order; everybody's letters are counted."""

    def __init__(self) -> None:
        self.alice, self.carol, self.dave, self.erin = (
            Writer(name=name) for name in ("alice", "carol", "dave", "erin")
        )
        self.steps = prepare()

    def add(self, *steps: Json) -> None:
        """Add steps."""
        self.steps += steps

    def talk(self, snapshot: Snapshot, *writers: Writer) -> None:
        """Let each say something in the group."""
        for writer in writers:
            text = f"{writer.name} says {writer.index}"
            letter = writer.write(snapshot, text)
            self.add(receive(letter, shown(writer.account, writer.index - 1, text)))

    def give_all(self, snapshot: Snapshot, *writers: Writer) -> None:
        """Let each give Bob its key."""
        self.add(*(receive(writer.give(snapshot)) for writer in writers))

    def renew_all(self, snapshot: Snapshot, *writers: Writer) -> None:
        """Let each renew its key, and give it."""
        for writer in writers:
            writer.renew()
        self.give_all(snapshot, *writers)

    def begin(self) -> None:
        """Let Bob be a member from the beginning."""
        self.add(receive(self.alice.say_control(HIKE.message()), joined(), confirmed()))
        self.give_all(HIKE, self.alice, self.carol, self.dave)

    def take_up(self, snapshot: Snapshot, *told: Json) -> None:
        """Let Alice open an epoch."""
        self.add(receive(self.alice.say_control(snapshot.message()), *told), hold(snapshot))


def lives() -> Group:
    """Whole lives."""
    group = Group("Life", "client.receive", random=secrets.token_bytes)
    clauses = "CG-9 CG-19 CG-24 CG-25 CG-29 CG-30 CG-34 CG-49"
    group.scenario("from the creation to the end", "Life", clauses, live_from_the_creation())
    group.scenario("added by Carol, kicked at the end", "Life", f"{clauses} CG-13 CG-41", live_as_joiner())
    group.scenario(
        "kicked, added again, and there when the group is closed", "Life", f"{clauses} CG-22 CG-41", live_twice()
    )
    group.scenario("much is lost and late", "Life", f"{clauses} CG-20 CG-28", live_with_losses())
    return group


def live_from_the_creation() -> list[Json]:
    """Bob sees a rename, an avatar, an add, a kick, a leave, and the end."""
    tale = Tale()
    alice, carol, dave, erin = tale.alice, tale.carol, tale.dave, tale.erin
    tale.begin()
    tale.talk(HIKE, alice, carol, dave, carol, carol)
    tale.add(hold(HIKE), poll(HIKE))

    renamed = open_epoch(HIKE, name="another name")
    tale.take_up(renamed, event("renamed", text="another name"))
    tale.talk(HIKE, dave)
    tale.talk(renamed, carol, alice)
    painted = open_epoch(renamed, avatar=PNG)
    tale.add(receive(alice.say_control(painted.message(avatar=PNG)), event("avatar changed")), hold(painted))

    tale.add(receive(say_add(carol, ERIN, epoch=2), event("member added", account=ERIN)), hold(painted, adds=[ERIN]))
    tale.give_all(painted, erin)
    tale.talk(painted, erin, dave, erin)
    last = dave.index - 1
    kicked = open_epoch(
        painted,
        members=(*WITHOUT_DAVE, ERIN),
        added={ERIN: 2},
        removed=(Removed(account=DAVE, last_epoch=2, last_index=last),),
    )
    tale.take_up(kicked, event("member kicked", account=DAVE))
    tale.renew_all(kicked, alice, carol, erin)
    tale.talk(kicked, alice, carol, erin)
    tale.add(poll(kicked, painted, renamed, HIKE))

    tale.add(receive(say_leave(erin, added=2, last_index=erin.index - 1), event("member left", account=ERIN)))
    tale.add(hold(kicked, leaves={ERIN: 2}))
    tale.renew_all(kicked, alice, carol)
    left = Removed(account=ERIN, added=2, last_epoch=3, how=HOW["left"], last_index=erin.index - 1)
    after = open_epoch(kicked, members=WITHOUT_DAVE, added={}, removed=(*kicked.removed, left))
    tale.take_up(after)
    tale.talk(after, carol, alice)
    tale.add(receive(alice.write(after, room=encode_room()), {**ROOM, "index": alice.index - 1}))

    under_way = carol.write(after, "one more")
    closed = open_epoch(after, closed=True)
    tale.add(receive(alice.say_control(closed.message()), event("closed")), hold(closed, status="closed"))
    tale.add(receive(under_way, shown(CAROL, carol.index - 1, "one more")))
    tale.add(poll(closed, after, kicked, painted, renamed, HIKE), tick(NOW + PAST_MS + 1), poll())
    return tale.steps


def live_as_joiner() -> list[Json]:
    """Bob joins, sees a leave and a rename, and is kicked."""
    tale = Tale()
    alice, carol, dave = tale.alice, tale.carol, tale.dave
    for writer in (alice, carol, dave):
        writer.skip(3)
    early = carol.give(WITHOUT_BOB)
    tale.add(receive(early), receive(carol.say_control(WITHOUT_BOB.message(adds_you=True)), joined(WITHOUT_BOB)))
    tale.add(receive(say_add(carol, BOB)), hold(WITHOUT_BOB, adds=[BOB], is_confirmed=False))
    tale.give_all(WITHOUT_BOB, dave, alice)
    tale.talk(WITHOUT_BOB, dave, carol)
    tale.add(receive(alice.say_control(WITHOUT_BOB.message(adds_you=True)), confirmed()))
    tale.talk(WITHOUT_BOB, alice, carol)

    tale.add(receive(say_leave(dave, last_index=dave.index - 1), event("member left", account=DAVE)))
    tale.renew_all(WITHOUT_BOB, carol, alice)
    left = Removed(account=DAVE, how=HOW["left"], last_index=dave.index - 1)
    listed = open_epoch(WITHOUT_BOB, members=WITHOUT_DAVE, added={BOB: 0}, removed=(left,))
    tale.take_up(listed)
    tale.talk(listed, carol, alice)
    tale.add(
        receive(
            carol.say(encode_pairwise(text="psst")),
            event("text", group_id=None, account=CAROL, timestamp_ms=NOW, text="psst"),
        )
    )
    renamed = open_epoch(listed, name="another name")
    tale.take_up(renamed, event("renamed", text="another name"))
    tale.talk(renamed, carol)

    late = alice.write(renamed, "late")
    tale.add(receive(say_notice(alice, 3), event("notice", account=ALICE), event("out")))
    tale.add(
        hold(renamed, status="out"),
        poll(),
        receive(late),
        receive(say_notice(carol, 2), event("notice", account=CAROL)),
    )
    return tale.steps


def live_twice() -> list[Json]:
    """Bob is kicked and added again."""
    tale = Tale()
    alice, carol, dave = tale.alice, tale.carol, tale.dave
    tale.begin()
    tale.talk(HIKE, alice, carol, dave)
    tale.add(receive(say_notice(alice, 1), event("notice", account=ALICE), event("out")), poll())
    without = open_epoch(HIKE, members=(ALICE, CAROL, DAVE), removed=(Removed(account=BOB),))
    for writer in (alice, carol, dave):
        writer.renew()
        tale.add(receive(writer.write(without, "unheard")))
    tale.add(hold(HIKE, status="out"))

    tale.add(receive(dave.give(without)))
    tale.add(receive(carol.say_control(without.message(adds_you=True)), joined(without), confirmed()))
    tale.give_all(without, carol, alice)
    tale.add(receive(alice.say_control(without.message(adds_you=True))), hold(without, adds=[BOB]), poll(without))
    tale.talk(without, dave, alice, carol)
    listed = open_epoch(without, members=(ALICE, BOB, CAROL, DAVE), added={BOB: 1}, removed=(), name="together")
    tale.take_up(listed, event("renamed", text="together"))
    tale.talk(listed, dave, alice)
    closed = open_epoch(listed, closed=True)
    tale.add(receive(alice.say_control(closed.message()), event("closed")), hold(closed, status="closed"))
    tale.add(poll(closed, listed, without))
    return tale.steps


def live_with_losses() -> list[Json]:
    """Letters are lost, late and twice there."""
    tale = Tale()
    alice, carol, dave, erin = tale.alice, tale.carol, tale.dave, tale.erin
    keys = [writer.give(HIKE) for writer in (carol, dave)]
    tale.add(*map(receive, keys), receive(carol.say_control(HIKE.message()), joined()))
    first = alice.write(HIKE, "0")
    tale.add(receive(first), receive(alice.give(HIKE, iteration=0, next_index=0), shown(ALICE, 0, "0")))
    tale.add(receive(alice.say_control(HIKE.message()), confirmed()))

    late = [carol.write(HIKE, str(index)) for index in range(6)]
    tale.add(receive(late[3], missing(CAROL, 0, 2), shown(CAROL, 3, "3")), receive(late[1], shown(CAROL, 1, "1")))
    renamed = open_epoch(HIKE, name="another name")
    added = receive(say_add(dave, ERIN, epoch=1))
    tale.add(added, receive(erin.give(renamed)))
    passed_on = carol.say_control(renamed.message())
    told = event("renamed", text="another name"), event("member added", account=ERIN)
    tale.add(receive(passed_on, told[1], told[0]), hold(renamed, adds=[ERIN]))
    tale.add(receive(alice.say_control(renamed.message())), receive(erin.write(renamed, "0"), shown(ERIN, 0, "0")))
    tale.add(receive(late[5], missing(CAROL, 4, 4), shown(CAROL, 5, "5")), receive(late[0], shown(CAROL, 0, "0")))

    old = [dave.write(HIKE, str(index)) for index in range(4)]
    kicked = open_epoch(
        renamed,
        members=(*WITHOUT_DAVE, ERIN),
        added={ERIN: 1},
        removed=(Removed(account=DAVE, last_epoch=1, last_index=2),),
    )
    tale.take_up(kicked, event("member kicked", account=DAVE))
    tale.add(receive(old[2], missing(DAVE, 0, 1), shown(DAVE, 2, "2")), receive(old[0], shown(DAVE, 0, "0")))
    carol.renew()
    new = carol.write(kicked, "6")
    tale.add(receive(new), receive(carol.give(kicked, iteration=0, next_index=6), shown(CAROL, 6, "6")))
    tale.add(
        receive(late[4], shown(CAROL, 4, "4")),
        receive(late[2], shown(CAROL, 2, "2")),
        receive(old[1], shown(DAVE, 1, "1")),
    )
    tale.add(hold(kicked), poll(kicked, renamed, HIKE))
    return tale.steps
