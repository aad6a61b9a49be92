"""Chapter 10, fourth part: how members that have missed something come to the same view again.

- Nothing that is lost is noticed by itself: what a message says of its sender's epoch and view shows who is behind, or differs.
- A view is helped by the administrator, and by a few members that follow it in the circle of accounts, so not by all at once.
- Each kind of repair is done for one account once in a period, whoever asks, and however often.
"""

from dataclasses import replace

from cloister import errors, group_control, group_sending
from cloister.group_content import GroupContent
from cloister.group_control import Ask, Body, Membership, Notice, find_adds, find_members
from cloister.group_state import (
    Behind,
    Difference,
    Event,
    Group,
    Repair,
    Step,
    find_followers,
    make_own_leave,
    make_view,
    split_adds,
    to_member,
)
from cloister.identity import PublicKey

REPAIR_AFTER_MS = 60_000
REPORT_AFTER_MS = 120_000
QUIET_MS = 604_800_000
REPAIR_PERIOD_MS = 3_600_000
REPAIRERS = 3


def repair(group: Group, kind: Repair, account: PublicKey, bodies: tuple[Body, ...], *, now_ms: int) -> Step:
    """Send a member what it lacks, or ask it, unless that was done a short time ago.

    Clauses: CG-47
    """
    recent = {done: at for done, at in group.repaired.items() if not is_over(at, REPAIR_PERIOD_MS, now_ms)}
    if (kind, account) in recent:
        return Step(group)
    group = replace(group, repaired={**recent, (kind, account): now_ms})
    return Step(group, tuple(to_member(group.view, account, body) for body in bodies))


def is_over(since_ms: int, period_ms: int, now_ms: int) -> bool:
    """Tell whether a period is over; a time ahead of the clock, which was wrong then or is now, counts as long ago.

    Clauses: CG-59
    """
    return not 0 <= now_ms - since_ms < period_ms


def is_repairer(group: Group, account: PublicKey) -> bool:
    """Tell whether we help a member: the administrator does, and the `REPAIRERS` that follow it.

    Clauses: CG-43, CG-46
    """
    return group.is_administrator or group.ours in find_followers(group, account)[:REPAIRERS]


# Views that are behind


def note_ahead(group: Group, sender: PublicKey, epoch: int, now_ms: int) -> Group:
    """Note that a member was seen to be in a higher epoch.

    Clauses: CG-42
    """
    known = group.behind.epoch if group.behind else group.view.epoch
    if epoch <= known or sender not in find_members(group.view):
        return group
    since_ms = group.behind.since_ms if group.behind else now_ms
    return replace(group, behind=Behind(epoch=epoch, account=sender, since_ms=since_ms))


def note_heard(group: Group, epoch: int, now_ms: int) -> Group:
    """Note that something has come, if it is of the view's epoch.

    Clauses: CG-53
    """
    return replace(group, heard_ms=now_ms) if epoch == group.view.epoch else group


def ask_for_view(group: Group, *, now_ms: int) -> Step:
    """Ask for the view if we were seen to be behind, if nothing has come for long, or if we lack the image.

    Clauses: CG-42, CG-53
    """
    administrator, followers = group.view.snapshot.administrator, find_followers(group, group.ours)[:1]
    behind = group.behind
    is_behind = behind is not None and is_over(behind.since_ms, REPAIR_AFTER_MS, now_ms)
    is_quiet = is_over(group.heard_ms, QUIET_MS, now_ms) and not group.is_administrator
    lacks_image = group.avatar is None and group.view.snapshot.avatar_hash is not None
    asked = {administrator} if is_behind or is_quiet or lacks_image else set()
    asked.update([behind.account] if behind is not None and is_behind else [])
    asked.update(followers if is_quiet or lacks_image else [])
    step = Step(group)
    for account in sorted(asked - {group.ours}):
        step = step.then(repair(step.group, "view asked", account, (Ask(what="view"),), now_ms=now_ms))
    if not step.effects:
        return step
    heard_ms = now_ms if is_quiet else group.heard_ms
    return Step(replace(step.group, behind=None if is_behind else behind, heard_ms=heard_ms), step.effects)


def help_who_is_behind(group: Group, content: GroupContent, *, now_ms: int) -> Step:
    """Send our snapshot to a member that still sends under a past epoch.

    Clauses: CG-43
    """
    past = next((address for address in group.addresses if address.epoch == content.epoch), None)
    if past is None or past.past_since_ms is None or content.timestamp_ms < past.past_since_ms + REPAIR_AFTER_MS:
        return Step(group)
    if content.sender not in find_members(group.view) or not is_repairer(group, content.sender):
        return Step(group)
    return repair(group, "snapshot", content.sender, make_view(group, content.sender), now_ms=now_ms)


# Views that differ


def note_digest(group: Group, account: PublicKey, epoch: int, digest: bytes, now_ms: int) -> Group:
    """Note whether a member has another view of the epoch, and since when.

    Clauses: CG-46
    """
    if epoch != group.view.epoch:
        return group
    if digest == group_control.derive_digest(group.view):
        return drop_difference(group, account)
    noted = group.differences.get(account, Difference(digest=digest, since_ms=now_ms))
    return replace(group, differences={**group.differences, account: replace(noted, digest=digest)})


def drop_difference(group: Group, account: PublicKey) -> Group:
    """Forget that a member had another view."""
    if account not in group.differences:
        return group
    return replace(group, differences={other: n for other, n in group.differences.items() if other != account})


def report_difference(group: Group, content: GroupContent) -> Step:
    """Report a sender whose view has differed for long, as of a message of now.

    Clauses: CG-54
    """
    noted = group.differences.get(content.sender)
    if noted is None or content.epoch != group.view.epoch or noted.is_reported:
        return Step(group)
    first_ms = content.timestamp_ms if noted.sent_ms is None else noted.sent_ms
    is_due = content.timestamp_ms >= first_ms + REPORT_AFTER_MS
    noted = replace(noted, sent_ms=first_ms, is_reported=is_due)
    group = replace(group, differences={**group.differences, content.sender: noted})
    told = Event(kind="diverged", group_id=group.group_id, account=content.sender)
    return Step(group, (told,) if is_due else ())


def settle_differences(group: Group, *, now_ms: int) -> Step:
    """Exchange adds with who still has another view.

    Clauses: CG-46
    """
    if not group.differences:
        return Step(group)
    digest, members = group_control.derive_digest(group.view), find_members(group.view)
    step = Step(group)
    for account, noted in group.differences.items():
        if noted.is_exchanged or not is_over(noted.since_ms, REPAIR_AFTER_MS, now_ms):
            continue
        if noted.digest == digest or account not in members:
            step = step.then(Step(drop_difference(step.group, account)))
        elif is_repairer(group, account):
            step = step.then(exchange(step.group, account, noted, now_ms=now_ms))
    return step


def exchange(group: Group, account: PublicKey, noted: Difference, *, now_ms: int) -> Step:
    """Tell a member our adds of the epoch, and ask for its view.

    Clauses: CG-46
    """
    bodies = (*split_adds(find_adds(group.view)), Ask(what="view"))
    step = repair(group, "exchange", account, bodies, now_ms=now_ms)
    if not step.effects:
        return step
    exchanged = replace(noted, is_exchanged=True)
    return Step(replace(step.group, differences={**group.differences, account: exchanged}), step.effects)


# Sender keys that are lacking


def ask_for_keys(group: Group, *, now_ms: int) -> Step:
    """Ask the present sources of frames that have waited for their sender keys.

    Clauses: CG-31
    """
    present = [waiting for waiting in group.waiting_frames if waiting.epoch == group.view.epoch]
    due = [waiting for waiting in present if is_over(waiting.since_ms, REPAIR_AFTER_MS, now_ms)]
    members = find_members(group.view)
    step = Step(group)
    for source in dict.fromkeys(waiting.source for waiting in due if waiting.source in members):
        step = step.then(repair(step.group, "key asked", source, (Ask(what="sender key"),), now_ms=now_ms))
    return step


# Answers


def answer(group: Group, sender: PublicKey, what: group_control.What, *, now_ms: int) -> Step:
    """Answer what a present member asks for.

    Raises:
        NotPermitted: the sender is not present.
    Clauses: CG-21, CG-44
    """
    if sender not in find_members(group.view):
        raise errors.NotPermitted(reason="an account that is not present asks")
    if what == "sender key":
        return repair(group, "key", sender, (group_sending.make_key(group),), now_ms=now_ms)
    return repair(group, "snapshot", sender, make_view(group, sender), now_ms=now_ms)


def answer_refusal(group: Group, account: PublicKey, refusal: errors.ProtocolViolation, *, now_ms: int) -> Step:
    """Answer an account of which we have refused something: that it is out, that we have left, or what it has missed.

    Clauses: CG-43, CG-45, CG-51
    """
    is_present = account in find_members(group.view)
    match refusal:
        case errors.NotPermitted() if has_left(group):
            return say_that_we_left(group, account, now_ms=now_ms)
        case errors.NotPermitted() | errors.GroupClosed() if group.status != "out" and not is_present:
            return repair(group, "notice", account, (Notice(),), now_ms=now_ms)
        case errors.PastEpoch() | errors.GroupClosed() if is_present and is_repairer(group, account):
            return repair(group, "snapshot", account, make_view(group, account), now_ms=now_ms)
    return Step(group)


def say_that_we_left(group: Group, account: PublicKey, *, now_ms: int) -> Step:
    """Say again that we have left, if we have, to an account that takes us for a member.

    Clauses: CG-51
    """
    if not has_left(group):
        return Step(group)
    return repair(group, "leave", account, (make_own_leave(group),), now_ms=now_ms)


def has_left(group: Group) -> bool:
    """Tell whether we are out by our own leave."""
    return group.status == "out" and Membership(group.ours, group.added) in group.view.leaves
