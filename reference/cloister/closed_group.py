"""Chapter 10, sixth part: how a closed group begins, changes and ends for one member.

- What changes the view, be it a command of ours or a control message, ends in `take_up_view`, which does all that follows from it.
- Control messages come from the peer of a pairwise session, who is their `sender`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from cloister import errors, group_control, group_reading, group_repair, group_sending, identity, wire
from cloister.group_control import (
    Add,
    Ask,
    Body,
    Change,
    Control,
    How,
    Key,
    Leave,
    Membership,
    Notice,
    SnapshotMessage,
    View,
    find_adds,
    find_leaves,
    find_members,
)
from cloister.group_state import (
    Address,
    Count,
    Event,
    EventKind,
    Group,
    MyAdd,
    Status,
    Step,
    ToMember,
    WaitingKey,
    check_member,
    make_leave,
    make_own_leave,
    split_adds,
    to_member,
    to_others,
)
from cloister.identity import PublicKey

# Beginning


def create(
    ours: PublicKey, others: Iterable[PublicKey], name: str, avatar: bytes | None, random: wire.Random, *, now_ms: int
) -> Step:
    """Create a group.

    Raises:
        OutOfRange, InvalidName, InvalidAvatar: as `group_control.create_group`.
    Clauses: CG-22, CG-39
    """
    created = group_control.create_group(ours, set(others), name, avatar, random, now_ms=now_ms)
    view = View(signed=created.signed, is_confirmed=True)
    group = Group(
        ours=ours, view=view, status="out", added=0, avatar=avatar, administrator_key=created.administrator_key
    )
    snapshot = SnapshotMessage(signed=created.signed, avatar=avatar)
    return Step(group, to_others(group, snapshot)).then(take_up_view(group, view, random, now_ms=now_ms))


def join(ours: PublicKey, sender: PublicKey, message: SnapshotMessage, random: wire.Random, *, now_ms: int) -> Step:
    """Take up the unverified snapshot of an unknown group.

    Raises:
        NotPermitted, InvalidSignature: as `group_control.accept_snapshot`.
    Clauses: CG-22
    """
    view = group_control.accept_snapshot(None, ours, sender, message)
    group = Group(ours=ours, view=view, status="out", added=0, avatar=message.avatar)
    return take_up_view(group, view, random, now_ms=now_ms)


# Taking up a view


def take_up_view(group: Group, view: View, random: wire.Random, *, now_ms: int) -> Step:
    """Take up a view of the group, and do what follows from what has changed.

    Clauses: CG-15, CG-35, CG-41, CG-55, GC-26
    """
    old, group = group, replace(group, view=view)
    before, after = find_present(old), find_members(view)
    if group.ours not in after or view.epoch < group.noticed:
        return go_out(group) if group.status == "member" else Step(group)
    if view.snapshot.closed and group.status != "member":
        return Step(group)

    step = Step(note_epoch(group, now_ms), tell_changes(old, view, before, after))
    if view.snapshot.closed:
        return step.then(close(step.group, now_ms))
    if group.status != "member" or group.added != after[group.ours]:
        step = step.then(group_sending.begin_membership(step.group, after[group.ours], random))
    elif before.items() - after.items():
        step = step.then(group_sending.renew(step.group, random))
    elif view.epoch != old.view.epoch:
        step = step.then(group_sending.let_give_again(step.group))
    step = step.then(group_sending.give(step.group))
    step = step.then(group_sending.encrypt_outgoing_again(step.group, old, random))
    step = step.then(do_duties(step.group, old, random, now_ms=now_ms))
    return step.then(group_reading.judge_waiting(step.group, now_ms=now_ms))


def find_present(group: Group) -> dict[PublicKey, int]:
    """Find the members of the view, if we are one, each with the epoch in which it was added."""
    return find_members(group.view) if group.status == "member" else {}


def tell_changes(
    group: Group, view: View, before: Mapping[PublicKey, int], after: Mapping[PublicKey, int]
) -> tuple[Event, ...]:
    """Tell what another view changes for a member.

    Clauses: CG-48, CG-49
    """
    group_id = view.snapshot.group_id
    events: list[Event] = []
    if group.status == "member":
        gone = [account for account, added in before.items() if after.get(account) != added and account != group.ours]
        events += [Event(kind=find_end(view, account), group_id=group_id, account=account) for account in gone]
        came = [account for account, added in after.items() if before.get(account) != added and account != group.ours]
        events += [Event(kind="member added", group_id=group_id, account=account) for account in came]
        if view.snapshot.name != group.view.snapshot.name:
            events.append(Event(kind="renamed", group_id=group_id, text=view.snapshot.name))
        if view.snapshot.avatar_hash != group.view.snapshot.avatar_hash:
            events.append(Event(kind="avatar changed", group_id=group_id))
    else:
        events.append(Event(kind="joined", group_id=group_id, text=view.snapshot.name))
    if view.is_confirmed and not (group.status == "member" and group.view.is_confirmed):
        events.append(Event(kind="confirmed", group_id=group_id))
    is_full = len(after) >= group_control.MAX_MEMBERS and group.ours == view.snapshot.administrator
    if is_full and len(before) < group_control.MAX_MEMBERS:
        events.append(Event(kind="conversion recommended", group_id=group_id))
    return tuple(events)


GONE: dict[How, EventKind] = {
    "left": "member left",
    "kicked": "member kicked",
    "over the bound": "member over the bound",
}


def find_end(view: View, account: PublicKey) -> EventKind:
    """Find how an account that was a member has come to be none."""
    added = group_control.find_added(view, account)
    if added is not None:
        return "member left" if Membership(account, added) in view.leaves else "member over the bound"
    removal = next((removal for removal in view.snapshot.removed if removal.account == account), None)
    return GONE[removal.how] if removal else "member absent"


def note_epoch(group: Group, now_ms: int) -> Group:
    """Note the address of another snapshot, and forget what was noted of the epoch before.

    Clauses: CG-34
    """
    snapshot = group.view.snapshot
    latest = group.addresses[0] if group.addresses else None
    if latest and (latest.epoch, latest.pair.private) == (snapshot.epoch, snapshot.address_private):
        return group
    pair = identity.derive_key_pair(snapshot.address_private)
    is_behind = group.behind is not None and group.behind.epoch > snapshot.epoch
    return replace(
        group,
        addresses=(Address(epoch=snapshot.epoch, pair=pair), *end_addresses(group.addresses, now_ms)),
        behind=group.behind if is_behind else None,
        differences={},
        heard_ms=now_ms,
    )


def end_addresses(addresses: tuple[Address, ...], now_ms: int) -> tuple[Address, ...]:
    """Note of the addresses that are not past that they are since now.

    Clauses: CG-34
    """
    return tuple(
        replace(address, past_since_ms=now_ms) if address.past_since_ms is None else address for address in addresses
    )


def go_out(group: Group) -> Step:
    """Forget what a member holds.

    Clauses: CG-40, CG-41
    """
    return Step(forget(group, "out"), (*group_sending.tell_not_sent(group), Event(kind="out", group_id=group.group_id)))


def close(group: Group, now_ms: int) -> Step:
    """Note that the administrator has closed the group; what is under way is still read.

    Clauses: CG-11, CG-34, CG-49
    """
    addresses, members = end_addresses(group.addresses, now_ms), find_members(group.view)
    closed = replace(forget(group, "closed"), addresses=addresses, records=group.records, counts=group.counts)
    refused = (tell_refused(group, account) for account in group.my_adds if account not in members)
    given_up = (*refused, *group_sending.tell_not_sent(group))
    return Step(closed, (*given_up, Event(kind="closed", group_id=group.group_id)))


def forget(group: Group, status: Status) -> Group:
    """Keep of a group only the view, the avatar, the highest notice, and what our leave says."""
    return Group(
        ours=group.ours,
        view=group.view,
        status=status,
        added=group.added,
        avatar=group.avatar,
        next_index=group.next_index,
        noticed=group.noticed,
    )


# Duties


def do_duties(group: Group, old: Group, random: wire.Random, *, now_ms: int) -> Step:
    """Do what a change of the view obliges us to do for others.

    Clauses: CG-36, CG-37, CG-38
    """
    step = pass_on(group, old)
    step = step.then(add_again(step.group, old, random, now_ms=now_ms))
    if not group.is_administrator:
        return step
    step = step.then(confirm_newcomers(step.group, old))
    if group.view.epoch != old.view.epoch:
        return step
    return step.then(open_if_due(step.group, random, now_ms=now_ms))


def open_if_due(group: Group, random: wire.Random, *, now_ms: int) -> Step:
    """Open an epoch, as the administrator, if somebody has left or is over the bound; one, and what that leads to at the next tick.

    Clauses: CG-38
    """
    if not group.is_administrator or len(find_members(group.view)) == len(group_control.find_candidates(group.view)):
        return Step(group)
    return open_epoch(group, Change(), None, random, now_ms=now_ms)


def find_my_newcomers(group: Group) -> list[PublicKey]:
    """Find the members that we added in this epoch."""
    members, epoch = find_members(group.view), group.view.epoch
    return [account for account, mine in group.my_adds.items() if mine.epoch == epoch and account in members]


def pass_on(group: Group, old: Group) -> Step:
    """Pass on, to those whom we added in this epoch, the adds and leaves that we have learnt of since.

    Clauses: CG-36
    """
    if group.view.epoch != old.view.epoch:
        return Step(group)
    adds = tuple(account for account in find_adds(group.view) if account not in {*find_adds(old.view), *group.my_adds})
    leaves = [leave for leave in find_leaves(group.view) if leave not in old.view.leaves]
    bodies = split_adds(adds)
    bodies += [make_leave(group.view, leave) for leave in leaves]
    newcomers = [account for account in find_my_newcomers(group) if account in old.view.adds]
    return Step(group, tuple(to_member(group.view, account, body) for account in newcomers for body in bodies))


def add_again(group: Group, old: Group, random: wire.Random, *, now_ms: int) -> Step:
    """Add again whom we added in an earlier epoch, who did not leave, and whom the snapshot does not know; tell whose add is refused.

    Clauses: GC-50, CG-49
    """
    earlier = {account: mine for account, mine in group.my_adds.items() if mine.epoch < group.view.epoch}
    step = Step(replace(group, my_adds={a: mine for a, mine in group.my_adds.items() if a not in earlier}))
    for account, mine in earlier.items():
        if Membership(account, mine.epoch) in old.view.leaves:
            continue
        is_young = now_ms - mine.added_ms < group_control.REMOVED_MS
        if is_young and group_control.must_add_again(step.group.view, account, mine.epoch):
            step = step.then(try_to_add(step.group, account, random, now_ms=now_ms))
        elif not group_control.is_known(step.group.view, account):
            step = step.then(refuse_add(step.group, account))
    return step


def try_to_add(group: Group, account: PublicKey, random: wire.Random, *, now_ms: int) -> Step:
    """Add an account again, or tell that it is refused."""
    try:
        return add(group, [account], random, now_ms=now_ms)
    except (errors.GroupFull, errors.NotPermitted):
        return refuse_add(group, account)


def refuse_add(group: Group, account: PublicKey) -> Step:
    """Tell that an add of ours is refused."""
    return Step(group, (tell_refused(group, account),))


def tell_refused(group: Group, account: PublicKey) -> Event:
    """Make the event that tells of an add of ours that is refused."""
    return Event(kind="add refused", group_id=group.group_id, account=account)


def confirm_newcomers(group: Group, old: Group) -> Step:
    """Send the administrator's snapshot to those whom others have added.

    Clauses: CG-37
    """
    newcomers = find_members(group.view).keys() - find_members(old.view).keys() - group.my_adds.keys()
    snapshot = SnapshotMessage(signed=group.view.signed, adds_you=True)
    bodies = (snapshot, *split_adds(find_adds(group.view)))
    added = [account for account in sorted(newcomers) if account in group.view.adds]
    return Step(group, tuple(to_member(group.view, account, body) for account in added for body in bodies))


# Commands


def add(group: Group, accounts: Iterable[PublicKey], random: wire.Random, *, now_ms: int) -> Step:
    """Add accounts.

    Raises:
        OutOfRange: there are no accounts.
        GroupClosed, NotPermitted: as `check_member`; or an account is a member, or was one in this epoch.
        GroupFull: there would be more than `MAX_MEMBERS` members.
    Clauses: CG-35
    """
    check_member(group)
    added = tuple(sorted(set(accounts)))
    view = group_control.add(group.view, group.ours, added)
    told = to_others(group, Add(accounts=added))
    group = replace(group, my_adds={**group.my_adds, **dict.fromkeys(added, MyAdd(epoch=view.epoch, added_ms=now_ms))})
    welcomed = tuple(effect for account in added for effect in welcome(group, view, account))
    return Step(group, told + welcomed).then(take_up_view(group, view, random, now_ms=now_ms))


def welcome(group: Group, view: View, account: PublicKey) -> tuple[ToMember, ...]:
    """Tell a newcomer what it needs to know.

    Clauses: CG-35
    """
    bodies: list[Body] = [
        SnapshotMessage(signed=view.signed, avatar=group.avatar, adds_you=True),
        *split_adds(find_adds(view)),
        *(make_leave(view, leave) for leave in find_leaves(view)),
    ]
    return tuple(to_member(view, account, body) for body in bodies)


def kick(group: Group, accounts: Collection[PublicKey], random: wire.Random, *, now_ms: int) -> Step:
    """Kick members, by the administrator.

    Raises:
        OutOfRange: there are no accounts.
        GroupClosed, NotPermitted: as `check_member` and `group_control.open_epoch`.
    Clauses: GC-45, GC-48, GC-57
    """
    check_member(group)
    group_control.check_somebody(accounts)
    members = find_members(group.view)
    kicked = {
        account: find_last_index(group, Membership(account, members[account])) if account in members else None
        for account in accounts
    }
    return open_epoch(group, Change(kicked=kicked), None, random, now_ms=now_ms)


def find_last_index(group: Group, membership: Membership) -> int | None:
    """Find the highest index that was read of a membership.

    Clauses: GC-46
    """
    count = group.counts.get(membership, Count())
    indices = range(count.next_index - 1, count.first_index - 1, -1)
    return next((index for index in indices if index not in count.missing), None)


def rename(group: Group, name: str, random: wire.Random, *, now_ms: int) -> Step:
    """Give the group another name, by the administrator.

    Raises:
        GroupClosed, NotPermitted, InvalidName: as `check_member` and `group_control.open_epoch`.
    Clauses: GC-45
    """
    check_member(group)
    return open_epoch(group, Change(name=name), None, random, now_ms=now_ms)


def change_avatar(group: Group, image: bytes, random: wire.Random, *, now_ms: int) -> Step:
    """Give the group another avatar, by the administrator.

    Raises:
        GroupClosed, NotPermitted, InvalidAvatar: as `check_member`, `group_control.open_epoch` and `group_control.check_avatar`.
    Clauses: GC-45
    """
    check_member(group)
    group_control.check_avatar(image)
    return open_epoch(group, Change(avatar_hash=group_control.hash_avatar(image)), image, random, now_ms=now_ms)


def open_epoch(group: Group, change: Change, image: bytes | None, random: wire.Random, *, now_ms: int) -> Step:
    """Open the next epoch, by the administrator; the image travels if it is another.

    Raises:
        GroupClosed, NotPermitted, InvalidName: as `group_control.open_epoch`.
    Clauses: CG-18, CG-39, CG-45
    """
    group_control.check_administrator(group.view, group.ours)
    assert group.administrator_key is not None
    signed = group_control.open_epoch(group.view, group.ours, group.administrator_key, change, random, now_ms=now_ms)
    message = SnapshotMessage(signed=signed, avatar=image)
    view = group_control.accept_snapshot(group.view, group.ours, group.ours, message)
    sent = [to_member(view, account, message) for account in find_members(view) if account != group.ours]
    sent += [to_member(view, account, Notice()) for account in change.kicked]
    group = replace(group, avatar=image or group.avatar)
    return Step(group, tuple(sent)).then(take_up_view(group, view, random, now_ms=now_ms))


def leave(group: Group, random: wire.Random, *, now_ms: int) -> Step:
    """Leave the group; the administrator closes it.

    Raises:
        GroupClosed, NotPermitted: as `check_member`.
    Clauses: CG-40, GC-49
    """
    check_member(group)
    if group.is_administrator:
        return open_epoch(group, Change(closes=True), None, random, now_ms=now_ms)
    message = make_own_leave(group)
    told = to_others(group, message)
    view = group_control.accept_leave(group.view, group.ours, group.ours, message)
    return Step(group, told).then(take_up_view(group, view, random, now_ms=now_ms))


# Control messages


def accept_control(group: Group, sender: PublicKey, control: Control, random: wire.Random, *, now_ms: int) -> Step:
    """Accept a control message of this group from the peer of a pairwise session.

    Raises:
        NotPermitted: we are out, or the sender may not say this.
        GroupClosed: the group is closed.
        PastEpoch, GroupFull, ConflictingSnapshot, InvalidSignature: as in `group_control`.
        TooLarge, InvalidMessage, UnsupportedVersion, InvalidKey, OutOfRange, ConflictingDistribution: of a key.
    Clauses: GC-1, CG-42, CG-43
    """
    body = control.body
    if isinstance(body, SnapshotMessage):
        return accept_snapshot(group, sender, body, random, now_ms=now_ms)
    if isinstance(body, Notice):
        return accept_notice(group, sender, control.epoch)
    if isinstance(body, Leave) and group.status == "out":
        return Step(group)
    check_member(group)
    group = group_repair.note_ahead(group, sender, control.epoch, now_ms)
    group = group_repair.note_heard(group, control.epoch, now_ms)
    match body:
        case Add(accounts=accounts):
            view = group_control.accept_add(group.view, sender, control.epoch, accounts)
            return take_up_view(group, view, random, now_ms=now_ms)
        case Leave():
            view = group_control.accept_leave(group.view, group.ours, sender, body)
            return take_up_view(group, view, random, now_ms=now_ms)
        case Key():
            return group_reading.accept_key(
                group, WaitingKey(sender=sender, epoch=control.epoch, key=body), now_ms=now_ms
            )
        case Ask(what=what):
            return group_repair.answer(group, sender, what, now_ms=now_ms)


def accept_snapshot(
    group: Group, sender: PublicKey, message: SnapshotMessage, random: wire.Random, *, now_ms: int
) -> Step:
    """Accept an unverified snapshot.

    Raises:
        NotPermitted, GroupClosed, InvalidSignature, ConflictingSnapshot, GroupFull: as `group_control.accept_snapshot`.
    Clauses: CG-22
    """
    view = group_control.accept_snapshot(group.view, group.ours, sender, message)
    group = replace(group, avatar=find_avatar(group, view, message))
    step = take_up_view(group, view, random, now_ms=now_ms)
    return step.then(group_repair.say_that_we_left(step.group, sender, now_ms=now_ms))


def find_avatar(group: Group, view: View, message: SnapshotMessage) -> bytes | None:
    """Find the image of a view: the one that is held, or the one that came."""
    images = (group.avatar, message.avatar)
    return next((image for image in images if group_control.hash_avatar(image) == view.snapshot.avatar_hash), None)


def accept_notice(group: Group, sender: PublicKey, epoch: int) -> Step:
    """Accept a notice; no snapshot of an earlier epoch than the administrator's notice makes us a member.

    Clauses: GC-51
    """
    told = (Event(kind="notice", group_id=group.group_id, account=sender),)
    if not group_control.ends_by_notice(group.view, sender, epoch):
        return Step(group, told)
    noticed = replace(group, noticed=max(epoch, group.noticed))
    step = Step(noticed, told)
    return step.then(go_out(noticed)) if group.status == "member" else step


# Time


def tick(group: Group, random: wire.Random, *, now_ms: int) -> Step:
    """Do what is due: forget what is over, ask for what is lacking, exchange views that differ, open an epoch.

    Clauses: CG-31, CG-34, CG-38, CG-42, CG-46
    """
    step = Step(group_reading.forget_memberships(group_reading.forget_past(group, now_ms)))
    if group.status != "member":
        return step
    step = step.then(open_if_due(step.group, random, now_ms=now_ms))
    step = step.then(group_repair.ask_for_view(step.group, now_ms=now_ms))
    step = step.then(group_repair.ask_for_keys(step.group, now_ms=now_ms))
    return step.then(group_repair.settle_differences(step.group, now_ms=now_ms))
