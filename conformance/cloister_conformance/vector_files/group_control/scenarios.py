"""Chapter 09: passive scenarios of one view: control messages in, what the view has become out."""

import itertools

from cloister import group_control

from cloister_conformance.hand_made.group_control import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    FRANK,
    PNG,
    Removed,
    Snapshot,
    make_accounts,
    write_add,
    write_ask,
    write_key,
    write_leave,
    write_notice,
)
from cloister_conformance.hand_made.group_forms import make_members
from cloister_conformance.vector_files.cases import Group, Json, answered, refused
from cloister_conformance.vector_files.group_control.receiver import come, join, know, look, members

FIRST = Snapshot()
NEXT = Snapshot(epoch=1, name="walk")
USUAL = [BOB, ALICE, CAROL]
NAMES = {ALICE: "Alice", BOB: "Bob", CAROL: "Carol", DAVE: "Dave", ERIN: "Erin", FRANK: "Frank"}


def first_snapshots() -> Group:
    """Snapshots of an unknown group."""
    group = Group("FirstSnapshot", "group_control.accept")
    for epoch in (0, 1, 255, 256, 2**31 - 1):
        for sender in (ALICE, CAROL, DAVE):
            snapshot = Snapshot(epoch=epoch)
            confirmed = sender == ALICE
            comment = f"epoch {epoch} from {NAMES[sender]}"
            steps = [know(BOB), come(sender, snapshot.message()), look(snapshot, is_confirmed=confirmed, is_out=False)]
            group.scenario(comment, "Snapshot", "GC-17 GC-25 GC-52", steps)
    for sender in (ALICE, BOB, CAROL, ERIN, FRANK):
        adds = [DAVE] if sender in USUAL else sorted([DAVE, sender])
        steps = [
            know(DAVE),
            come(sender, NEXT.message(adds_you=True)),
            look(NEXT, adds=adds, adders=[sender.hex()], is_out=False),
        ]
        group.scenario(f"{NAMES[sender]} adds the receiver", "AddsYou", "GC-17 GC-24", steps)
        steps = [
            know(DAVE),
            come(sender, NEXT.message(), "NotPermitted"),
            come(CAROL, FIRST.message(adds_you=True)),
            look(FIRST, adds=[DAVE]),
        ]
        group.scenario(f"{NAMES[sender]} does not add the receiver", "NotListed", "GC-17", steps)
    for sender, closed in itertools.product(
        (ALICE, CAROL), (Snapshot(epoch=1, closed=True), Snapshot(epoch=1, members=(*USUAL, DAVE), closed=True))
    ):
        steps = [
            know(DAVE),
            come(sender, closed.message(adds_you=True), "NotPermitted"),
            come(CAROL, FIRST.message(adds_you=True)),
            look(FIRST, adds=[DAVE]),
        ]
        listed = "lists" if DAVE in closed.members else "does not list"
        comment = f"{NAMES[sender]} adds the receiver to a closed group, which {listed} it"
        group.scenario(comment, "NotListed", "GC-56", steps)
    for sender in (ALICE, CAROL):
        own = Snapshot(administrator=BOB)
        steps = [know(BOB), come(sender, own.message(), "NotPermitted"), come(ALICE, FIRST.message()), look(FIRST)]
        group.scenario(f"the receiver is the administrator, says {NAMES[sender]}", "NotListed", "GC-56", steps)
    for count in (3, 499, 500):
        snapshot = Snapshot(members=make_members(count))
        steps = [know(snapshot.members[-1]), come(ALICE, snapshot.message()), look(snapshot, is_out=False)]
        group.scenario(f"{count} members", "Count", "GC-9 GC-52", steps)
    return group


def signatures() -> Group:
    """Snapshots that the administrator key has not signed."""
    group = Group("Signature", "group_control.accept")
    forged = {
        "another key": Snapshot(epoch=1, signer="somebody else"),
        "no label": Snapshot(epoch=1, signed_label=b""),
        "the label of digests": Snapshot(epoch=1, signed_label=group_control.DIGEST_LABEL),
        "a label in upper case": Snapshot(epoch=1, signed_label=group_control.SNAPSHOT_LABEL.upper()),
        "a label with a zero after it": Snapshot(epoch=1, signed_label=group_control.SNAPSHOT_LABEL + b"\x00"),
    }
    for kind, snapshot in forged.items():
        for sender in (ALICE, CAROL):
            comment = f"{kind}, from {NAMES[sender]}"
            steps = [*join(), come(sender, snapshot.message(), "InvalidSignature"), look(FIRST)]
            good = Snapshot(epoch=1)
            steps += [come(CAROL, good.message()), look(good)]
            group.scenario(comment, "WrongSignature StateUnharmed", "GC-16 NE-17", steps)
        first = Snapshot(signer=snapshot.signer, signed_label=snapshot.signed_label)
        steps = [know(BOB), come(ALICE, first.message(), "InvalidSignature"), come(ALICE, FIRST.message()), look(FIRST)]
        group.scenario(f"{kind}, the first snapshot", "WrongSignature", "GC-16", steps)
    return group


def later_snapshots() -> Group:
    """Snapshots of a known group."""
    group = Group("LaterSnapshot", "group_control.accept")
    for epoch, sender in itertools.product((1, 2, 1000, 2**31 - 1), (ALICE, CAROL, DAVE)):
        later = Snapshot(epoch=epoch, name="walk", avatar=PNG)
        steps = [*join(), come(sender, later.message(avatar=PNG)), look(later, name="walk")]
        group.scenario(f"epoch {epoch} from {NAMES[sender]}", "Snapshot", "GC-20", steps)
    held = Snapshot(epoch=2)
    for epoch, sender in itertools.product((0, 1), (ALICE, CAROL)):
        steps = [
            *join((ALICE, held.message()), (CAROL, write_add(DAVE, epoch=2)), (CAROL, write_leave(0, 5))),
            come(sender, Snapshot(epoch=epoch).message()),
            look(held, adds=[DAVE], leaves=[(CAROL, 0)]),
        ]
        group.scenario(f"a lower epoch {epoch} from {NAMES[sender]}", "Snapshot", "GC-21", steps)
    steps = [*join((CAROL, write_add(DAVE))), come(CAROL, FIRST.message()), look(FIRST, adds=[DAVE])]
    group.scenario("the same snapshot again", "Snapshot", "GC-21", steps)
    for kind, other in {
        "another name": Snapshot(epoch=2, name="walk"),
        "other members": Snapshot(epoch=2, members=(BOB, ALICE)),
        "another time": Snapshot(epoch=2, timestamp_ms=1_600_000_000_001),
        "closed": Snapshot(epoch=2, closed=True),
    }.items():
        for sender in (ALICE, CAROL):
            steps = [
                *join((ALICE, held.message())),
                come(sender, other.message(), "ConflictingSnapshot"),
                look(held, name="hike", closed=False),
            ]
            group.scenario(f"{kind} in one epoch, from {NAMES[sender]}", "SplitView", "GC-22", steps)
    without = Snapshot(epoch=1, members=(ALICE, CAROL), removed=[Removed(account=BOB)])
    steps = [*join((ALICE, without.message())), look(without, is_out=True)]
    group.scenario("the receiver is listed no longer", "Snapshot", "GC-26", steps)
    again = [*steps, come(CAROL, without.message(adds_you=True)), look(without, adds=[BOB], is_out=False)]
    group.scenario("the receiver is added again", "AddsYou", "GC-21 GC-24", again)
    return group


def administrator_keys() -> Group:
    """Other administrators and other keys."""
    group = Group("AdministratorKey", "group_control.accept")
    for sender, administrator in itertools.product((ALICE, BOB, CAROL), (BOB, CAROL)):
        for confirmer in (ALICE, CAROL):
            other = Snapshot(epoch=1, administrator=administrator, key="another")
            steps = [
                know(BOB),
                come(confirmer, FIRST.message()),
                come(sender, other.message(), "NotPermitted"),
                look(FIRST, administrator=ALICE.hex()),
            ]
            comment = f"{NAMES[administrator]} as administrator, says {NAMES[sender]}, after {NAMES[confirmer]}"
            group.scenario(comment, "OtherAdministrator", "GC-18", steps)
    for sender, epoch in itertools.product((ALICE, CAROL), (0, 1, 2)):
        other = Snapshot(epoch=epoch, key="another")
        steps = [*join(), come(sender, other.message(), "NotPermitted"), look(FIRST, is_confirmed=True)]
        group.scenario(f"another key in epoch {epoch}, from {NAMES[sender]}", "OtherKey", "GC-18 GC-25", steps)
        invented = Snapshot(epoch=1, key="invented")
        start = [know(BOB), come(CAROL, invented.message()), come(CAROL, write_add(ERIN, epoch=1))]
        comment = f"another key in epoch {epoch} than a provisional one, from {NAMES[sender]}"
        if sender == ALICE:
            true = Snapshot(epoch=epoch)
            steps = [*start, come(ALICE, true.message()), look(true, is_confirmed=True)]
            group.scenario(comment, "OtherKey", "GC-19 GC-25", steps)
        else:
            steps = [*start, come(CAROL, other.message(), "NotPermitted"), look(invented, adds=[ERIN])]
            group.scenario(comment, "OtherKey", "GC-18", steps)
    return group


def adds() -> Group:
    """Adds within an epoch and beside it."""
    group = Group("Add", "group_control.accept")
    for sender in (ALICE, BOB, CAROL):
        steps = [
            *join((sender, write_add(DAVE, ERIN))),
            look(FIRST, adds=[DAVE, ERIN], members=members([*USUAL, DAVE, ERIN])),
        ]
        group.scenario(f"{NAMES[sender]} adds two", "Add", "GC-28 GC-38", steps)
    chain = [(CAROL, write_add(DAVE)), (DAVE, write_add(ERIN)), (ERIN, write_add(FRANK))]
    for order in itertools.permutations(range(3)):
        steps = [*join(*[chain[index] for index in order]), look(FIRST, adds=[DAVE, ERIN, FRANK], waiting=0)]
        group.scenario(f"a chain of adds in the order {order}", "Order", "GC-28 GC-31 GC-32", steps)
    for leaver in (CAROL, DAVE):
        steps = join((ALICE, write_add(DAVE)), (leaver, write_leave()), (leaver, write_add(ERIN)))
        steps += [look(FIRST, adds=[DAVE, ERIN], leaves=[(leaver, 0)], waiting=0)]
        group.scenario(f"{NAMES[leaver]} adds after it has left", "Order", "GC-29", steps)
    steps = [*join((DAVE, write_add(ERIN))), look(FIRST, waiting=1)]
    group.scenario("a stranger adds", "Stranger", "GC-31", steps)
    steps = [*steps, come(ALICE, NEXT.message()), look(NEXT, waiting=0)]
    group.scenario("a stranger adds, until the next epoch", "Stranger", "GC-30 GC-32", steps)
    steps = join((CAROL, write_add(DAVE, epoch=1)))
    steps += [look(FIRST, waiting=1), come(ALICE, NEXT.message()), look(NEXT, adds=[DAVE], waiting=0)]
    group.scenario("an add of the next epoch", "Order", "GC-31 GC-32", steps)
    for sender in (ALICE, CAROL, DAVE):
        steps = [
            *join((ALICE, NEXT.message())),
            come(sender, write_add(ERIN), "PastEpoch"),
            look(NEXT, waiting=0),
        ]
        group.scenario(f"an add of the past epoch, from {NAMES[sender]}", "PastAdd", "GC-30", steps)
    steps = [*join((CAROL, write_add(BOB, ALICE, CAROL, DAVE))), look(FIRST, adds=[DAVE])]
    group.scenario("an add of members", "Add", "GC-34", steps)
    return group


def bounds() -> Group:
    """Adds and what waits, at their bounds."""
    group = Group("Bound", "group_control.accept")
    half = group_control.MAX_ADDS // 2
    first, second = make_accounts("bound, first", half), make_accounts("bound, second", half)
    steps = join((CAROL, write_add(*first)), (CAROL, write_add(*second)))
    group.scenario("1000 adds", "Count", "GC-35", [*steps, look(FIRST, adds=[*first, *second])])
    refusal = [*steps, come(BOB, write_add(DAVE), "GroupFull"), look(FIRST, adds=[*first, *second])]
    group.scenario("1001 adds", "Count", "GC-35", refusal)
    wanted = make_accounts("wanted", 12)
    steps = [*join(*[(DAVE, write_add(account)) for account in wanted]), look(FIRST, waiting=10)]
    steps += [come(CAROL, write_add(DAVE)), look(FIRST, adds=[DAVE, *wanted[2:]], waiting=0)]
    group.scenario("12 messages of one sender wait", "Waiting", "GC-33", steps)
    full = Snapshot(members=make_members(499))
    for order in ((DAVE, ERIN, FRANK), (FRANK, ERIN, DAVE)):
        steps = [know(DAVE), come(ALICE, full.message(adds_you=True))]
        steps += [come(ALICE, write_add(account)) for account in order]
        steps += [look(full, adds=[DAVE, ERIN, FRANK], is_out=False)]
        group.scenario(f"{NAMES[order[0]]} first, of three over 499", "OverTheBound", "GC-38", steps)
        steps = [know(ERIN), *steps[1:-1], look(full, adds=[DAVE, ERIN, FRANK], is_out=True)]
        group.scenario(f"out, {NAMES[order[0]]} first, of three over 499", "OverTheBound", "GC-26 GC-38", steps)
    return group


def leaves() -> Group:
    """Leaves, of this membership and of others."""
    group = Group("Leave", "group_control.accept")

    def left(index: int | None, account: bytes = CAROL, added: int = 0) -> list[Json]:
        told = {} if index is None else {"last_index": str(index)}
        return [{"account": account.hex(), "added": added, **told}]

    for index in (None, 0, 1, 2**32, 2**63 - 1):
        steps = [*join((CAROL, write_leave(0, index))), look(FIRST, leaves=[(CAROL, 0)])]
        steps[-1]["expected"]["leaves"] = left(index)
        steps[-1]["expected"]["members"] = members([BOB, ALICE])
        group.scenario(f"last index {index}", "Leave", "GC-39", steps)
    for pair, counts in (
        ((5, 3), 3),
        ((3, 5), 3),
        ((None, 5), None),
        ((5, None), None),
        ((0, None), None),
        ((10, 9), 9),
    ):
        steps = [*join(*[(CAROL, write_leave(0, index)) for index in pair]), look(FIRST, leaves=[(CAROL, 0)])]
        steps[-1]["expected"]["leaves"] = left(counts)
        group.scenario(f"last indices {pair[0]} and {pair[1]}", "TwoLeaves", "GC-44", steps)
    for sender, account in ((ALICE, CAROL), (CAROL, BOB), (DAVE, CAROL), (BOB, CAROL)):
        steps = [*join(), come(sender, write_leave(0, None, account), "NotPermitted"), look(FIRST)]
        group.scenario(f"{NAMES[sender]} says that {NAMES[account]} leaves", "ForeignLeave", "GC-40", steps)
    joined = [know(DAVE), come(CAROL, FIRST.message(adds_you=True))]
    steps = [*joined, come(CAROL, write_leave(0, None, BOB)), look(FIRST, adds=[DAVE], leaves=[(BOB, 0)])]
    group.scenario("who added the receiver says that Bob has left", "AddsYou", "GC-40", steps)
    listed = Snapshot(epoch=1, members=(*USUAL, DAVE))
    steps = [*steps, come(ALICE, listed.message()), look(listed, is_out=False)]
    group.scenario("what it says holds until the next snapshot", "AddsYou", "GC-53", steps)
    for own, told, counts in ((6, 2, 2), (2, 6, 2), (None, 6, None)):
        steps = [*joined, come(CAROL, write_leave(0, told, BOB)), come(BOB, write_leave(0, own))]
        steps += [look(FIRST, adds=[DAVE], leaves=[(BOB, 0)])]
        steps[-1]["expected"]["leaves"] = left(counts, BOB)
        steps += [come(ALICE, listed.message()), look(listed, leaves=[(BOB, 0)])]
        steps[-1]["expected"]["leaves"] = left(own, BOB)
        group.scenario(f"Bob says {own}, who added the receiver {told}", "TwoLeaves", "GC-44 GC-53", steps)
    steps = [*joined, come(BOB, write_leave(0, None, CAROL), "NotPermitted"), look(FIRST, adds=[DAVE])]
    group.scenario("who did not add the receiver says that Carol has left", "ForeignLeave", "GC-40", steps)
    for sender in (CAROL, BOB):
        steps = [
            *joined,
            come(sender, write_leave(0, None, DAVE), "NotPermitted"),
            look(FIRST, adds=[DAVE], is_out=False),
        ]
        group.scenario(f"{NAMES[sender]} says that the receiver leaves", "ForeignLeave", "GC-55", steps)
    for sender in (ALICE, CAROL):
        leaver = None if sender == ALICE else ALICE
        steps = [*joined, come(sender, write_leave(0, None, leaver), "NotPermitted"), look(FIRST, adds=[DAVE])]
        group.scenario(f"the administrator leaves, says {NAMES[sender]}", "ForeignLeave", "GC-42", steps)
    for now, named in ((1, 0), (2, 1), (2, 0)):
        snapshot = Snapshot(epoch=2, added={CAROL: now})
        steps = [*join((ALICE, snapshot.message())), come(CAROL, write_leave(named, 3)), look(snapshot, waiting=0)]
        group.scenario(f"added in {now}, a leave of {named}", "OldLeave", "GC-41", steps)
    steps = [*join((DAVE, write_leave(0, 5))), look(FIRST, waiting=1)]
    steps += [come(CAROL, write_add(DAVE)), look(FIRST, adds=[DAVE], leaves=[(DAVE, 0)], waiting=0)]
    group.scenario("a leave before its add", "Order", "GC-43 GC-32", steps)
    later = Snapshot(epoch=1, added={CAROL: 1})
    steps = [*join((CAROL, write_leave(1, 5))), look(FIRST, waiting=1)]
    steps += [come(ALICE, later.message()), look(later, leaves=[(CAROL, 1)], waiting=0)]
    group.scenario("a leave before its epoch", "Order", "GC-43 GC-32", steps)
    for kind, snapshot, stays in (
        ("goes on", NEXT, True),
        ("is another", Snapshot(epoch=1, added={CAROL: 1}), False),
        ("is over", Snapshot(epoch=1, members=(BOB, ALICE)), False),
    ):
        steps = [*join((CAROL, write_leave(0, 5)), (ALICE, snapshot.message()))]
        steps += [look(snapshot, leaves=[(CAROL, 0)] if stays else [])]
        group.scenario(f"the next epoch, in which the membership {kind}", "OldLeave", "GC-23 GC-41", steps)
    return group


def closed_groups() -> Group:
    """What comes to a closed group, and notices."""
    group = Group("Closed", "group_control.accept")
    closed = Snapshot(epoch=1, closed=True)
    late = (
        ("a snapshot", Snapshot(epoch=2).message()),
        ("an add", write_add(DAVE, epoch=1)),
        ("an add of the next epoch", write_add(DAVE, epoch=2)),
        ("a leave", write_leave()),
    )
    for kind, encoded in late:
        steps = [*join((CAROL, closed.message())), come(CAROL, encoded, "GroupClosed"), look(closed, closed=True)]
        group.scenario(kind, "Closed", "GC-27", steps)
    steps = join((CAROL, write_leave(0, 3)), (ALICE, write_add(DAVE)), (ERIN, write_add(FRANK, epoch=1)))
    steps += [come(ALICE, closed.message()), look(closed, members=members(USUAL), waiting=0)]
    group.scenario("adds, leaves and what waits are forgotten", "Closed", "GC-54", steps)
    steps = [*join((CAROL, closed.message()), (ALICE, closed.message())), look(closed, closed=True)]
    group.scenario("the closing snapshot again", "Closed", "GC-27", steps)
    for sender, epoch in itertools.product((ALICE, CAROL, DAVE), (0, 1, 2)):
        out = sender == ALICE and epoch > 1
        steps = [*join((ALICE, NEXT.message())), come(sender, write_notice(epoch)), look(NEXT, is_out=out)]
        group.scenario(f"a notice of epoch {epoch} from {NAMES[sender]}", "Notice", "GC-51", steps)
    for epoch in (2, 3, 4):
        later = Snapshot(epoch=epoch)
        steps = [*join((ALICE, write_notice(3)), (CAROL, later.message())), look(later, is_out=epoch < 3)]
        group.scenario(f"a notice of epoch 3, then the snapshot of epoch {epoch}", "Notice", "GC-51", steps)
    for kind, encoded in (("a question", write_ask()), ("a sender key", write_key())):
        group.scenario(kind, "Notice", "GC-52", [*join((CAROL, encoded)), look(FIRST, waiting=0)])
    return group


def commands() -> Group:
    """What a member does by itself, where nothing in it is random."""
    group = Group("Command", "group_control.add")
    view = {"view": "view"}
    added = {"encoded": write_add(DAVE, ERIN).hex()}
    steps = [*join(), answered("group_control.add", {**view, "accounts": [DAVE.hex(), ERIN.hex()]}, added)]
    group.scenario("an add", "Command", "GC-28 GC-37", [*steps, look(FIRST, adds=[DAVE, ERIN])])
    for account in (BOB, ALICE, CAROL, DAVE):
        steps = join((CAROL, write_add(DAVE)))
        steps += [refused("group_control.add", {**view, "accounts": [account.hex()]}, "NotPermitted")]
        group.scenario(f"an add of {NAMES[account]}", "Command", "GC-37", [*steps, look(FIRST, adds=[DAVE])])
    for count in (499, 500):
        snapshot = Snapshot(members=make_members(count))
        more = [DAVE, ERIN][: 501 - count]
        steps = [know(snapshot.members[-1]), come(ALICE, snapshot.message())]
        steps += [refused("group_control.add", {**view, "accounts": [account.hex() for account in more]}, "GroupFull")]
        group.scenario(f"the 501st of {count} is added", "Command", "GC-36", [*steps, look(snapshot)])
    full = Snapshot(members=make_members(500))
    leaver = full.members[0] if full.members[0] != ALICE else full.members[1]
    steps = [know(full.members[-1]), come(ALICE, full.message()), come(leaver, write_leave())]
    steps += [refused("group_control.add", {**view, "accounts": [DAVE.hex()]}, "GroupFull")]
    steps += [look(full, leaves=[(leaver, 0)])]
    group.scenario("who has left makes no room", "Command", "GC-36", steps)
    full = Snapshot(members=make_members(499))
    steps = [know(full.members[-1]), come(ALICE, full.message())]
    steps += [answered("group_control.add", {**view, "accounts": [DAVE.hex()]}, {"encoded": write_add(DAVE).hex()})]
    group.scenario("the 500th is added", "Command", "GC-36", [*steps, look(full, adds=[DAVE])])
    inputs = {**view, "last_index": "7", "now_ms": 1_600_000_000_000}
    left = {"encoded": write_leave(0, 7).hex()}
    steps = [*join(), answered("group_control.leave", inputs, left), look(FIRST, leaves=[(BOB, 0)], is_out=True)]
    group.scenario("a leave", "Command", "GC-39", steps)
    for kind, change in (
        ("a kick", {"kicked": [{"account": CAROL.hex()}]}),
        ("another name", {"kicked": [], "name": "walk"}),
    ):
        inputs = {**view, **change, "now_ms": 1_600_000_000_000}
        steps = [*join(), refused("group_control.open_epoch", inputs, "NotPermitted"), look(FIRST)]
        group.scenario(f"{kind} by a member", "Command", "GC-45", steps)
    for kind, snapshot, again in (
        ("not listed", Snapshot(epoch=1), True),
        ("a member", Snapshot(epoch=1, members=(*USUAL, DAVE)), False),
        ("removed", Snapshot(epoch=1, removed=[Removed(account=DAVE)]), False),
    ):
        steps = [
            *join(),
            answered("group_control.add", {**view, "accounts": [DAVE.hex()]}, {"encoded": write_add(DAVE).hex()}),
        ]
        steps += [come(ALICE, snapshot.message())]
        inputs = {**view, "account": DAVE.hex(), "epoch": 0}
        steps += [answered("group_control.must_add_again", inputs, {"again": again})]
        group.scenario(f"who was added is {kind}", "AddAgain", "GC-50", steps)
    had_left = [
        *join(),
        answered("group_control.add", {**view, "accounts": [DAVE.hex()]}, {"encoded": write_add(DAVE).hex()}),
    ]
    had_left += [come(DAVE, write_leave(0, 2)), come(ALICE, NEXT.message())]
    had_left += [
        answered("group_control.must_add_again", {**view, "account": DAVE.hex(), "epoch": 0}, {"again": False})
    ]
    group.scenario("who was added has left", "AddAgain", "GC-50", had_left)
    return group


def creations() -> Group:
    """Groups that are not created."""
    group = Group("Creation", "group_control.create_group", before=[know(ALICE)])
    usual = {"view": "view", "name": "hike", "now_ms": 1_600_000_000_000}
    for kind, others in (
        ("alone", []),
        ("two", [BOB]),
        ("two, and itself", [ALICE, BOB]),
        ("two, one of them twice", [BOB, BOB]),
        ("501", make_accounts("many", 500)),
    ):
        inputs = {**usual, "others": [other.hex() for other in others]}
        group.invalid(kind, "OutOfRange", "Count", "GC-13", **inputs)
    inputs = {**usual, "others": [BOB.hex(), CAROL.hex()]}
    group.invalid("no name", "InvalidName", "Name", "GC-5", **{**inputs, "name": ""})
    group.invalid("a line feed in the name", "InvalidName", "NameCharacter", "GC-6", **{**inputs, "name": "hi\nke"})
    group.invalid("a GIF", "InvalidAvatar", "Image", "GC-7", avatar=b"GIF89a", **inputs)
    return group
