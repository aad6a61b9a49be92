"""Chapter 10, fifth part: what a member reads of others: their sender keys, and the messages under them.

- A message counts if its sender was a member in its epoch; each index of a membership is read once.
- What cannot be judged yet waits, within bounds, and is judged again when a key or another view comes.
- Frames and contents are unverified when they come; who refuses one has changed nothing.
"""

from dataclasses import replace

from cloister import errors, group_content, group_control, group_repair, sender_keys
from cloister.group_content import GroupContent
from cloister.group_control import Key, Membership, View, find_members
from cloister.group_state import Address, Count, Event, Group, Step, WaitingFrame, WaitingKey
from cloister.identity import PublicKey
from cloister.sender_keys import Record

MAX_MISSING_INDICES = 2000
MAX_WAITING_FRAMES = 1000
MAX_WAITING_FRAMES_OF_ONE = 50
PAST_MS = 1_209_600_000


# Sender keys of others


def accept_key(group: Group, waiting: WaitingKey, *, now_ms: int) -> Step:
    """Accept a sender key from its owner.

    Raises:
        NotPermitted: the owner is not present, and cannot become known.
        TooLarge, InvalidMessage, UnsupportedVersion, InvalidKey, OutOfRange: as `sender_keys.process_distribution`.
        ConflictingDistribution: as `sender_keys.process_distribution`.
    Clauses: CG-19, CG-20
    """
    sender = waiting.sender
    members = find_members(group.view)
    if sender not in members:
        if group_control.is_known(group.view, sender) or waiting.epoch < group.view.epoch:
            raise errors.NotPermitted(reason="a sender key of an account that is not present")
        sender_keys.decode_distribution(waiting.key.distribution)
        return Step(let_key_wait(group, waiting))
    record = group.records.get(sender, Record())
    record = sender_keys.process_distribution(record, waiting.key.distribution, now_ms=now_ms)
    group = begin_count(replace(group, records={**group.records, sender: record}), sender, waiting.key)
    group = group_repair.note_digest(group, sender, waiting.epoch, waiting.key.digest, now_ms)
    step = judge_waiting_frames(group, now_ms=now_ms)
    return Step(drop_unreadable(step.group, sender), step.effects)


def let_key_wait(group: Group, new: WaitingKey) -> Group:
    """Let a key wait, within the bounds.

    Clauses: CG-20
    """
    return replace(group, waiting_keys=group_control.keep_waiting_bounds((*group.waiting_keys, new)))


def begin_count(group: Group, sender: PublicKey, key: Key) -> Group:
    """Begin the count of a membership where a key of it begins, or earlier than where another key has begun it.

    Clauses: CG-52
    """
    membership = Membership(sender, key.added)
    if group_control.find_added(group.view, sender) != key.added:
        return group
    count = group.counts.get(membership, Count(first_index=key.next_index, next_index=key.next_index))
    if key.next_index < count.first_index:
        count = replace(
            count,
            first_index=key.next_index,
            missing=keep_newest(count.missing, range(key.next_index, count.first_index)),
        )
    if group.counts.get(membership) is count:
        return group
    return replace(group, counts={**group.counts, membership: count})


def drop_unreadable(group: Group, source: PublicKey) -> Group:
    """Drop the frames that waited before their source was asked for its key, which has come: they are under keys of before.

    Clauses: CG-31
    """
    asked_ms = group.repaired.get(("key asked", source))
    if asked_ms is None:
        return group
    frames = tuple(w for w in group.waiting_frames if w.source != source or w.since_ms >= asked_ms)
    return replace(group, waiting_frames=frames)


# Frames and contents


def find_address(group: Group, public: PublicKey) -> Address | None:
    """Find the address of an epoch by its public key."""
    return next((address for address in group.addresses if address.pair.public == public), None)


def receive_frame(group: Group, source: PublicKey, epoch: int, frame: bytes, *, now_ms: int) -> Step:
    """Receive an unverified frame that came to the address of an epoch.

    Raises:
        CloisterError: as `read_frame`.
    Clauses: CG-23, CG-28, CG-32, CG-57
    """
    if source == group.ours:
        return Step(group)
    waiting = WaitingFrame(source=source, epoch=epoch, frame=frame, is_pairwise=False, since_ms=now_ms)
    return read_frame(group, waiting, now_ms=now_ms)


def read_frame(group: Group, waiting: WaitingFrame, *, now_ms: int) -> Step:
    """Read an unverified frame, or let it wait.

    Raises:
        TooLarge, InvalidMessage, UnsupportedVersion, OutOfRange: as `sender_keys.decrypt` and `group_content.decode_content`.
        InvalidSignature, DecryptionFailed, DuplicateMessage: as `sender_keys.decrypt`; or its index was read before.
        InvalidKey: as `group_content.decode_content`.
        NotPermitted: it is bound to another group, epoch or sender; or its sender may not say this.
    Clauses: CG-23, CG-28, CG-32
    """
    record = group.records.get(waiting.source, Record())
    try:
        record, plaintext = sender_keys.decrypt(record, waiting.frame, now_ms=now_ms)
    except (errors.UnknownSenderKey, errors.TooFarAhead):
        return Step(let_frame_wait(group, waiting))
    content = group_content.decode_content(plaintext)
    if (content.group_id, content.epoch, content.sender) != (group.group_id, waiting.epoch, waiting.source):
        raise errors.NotPermitted(reason="a message that is bound to another group, epoch or sender")
    opened = replace(group, records={**group.records, waiting.source: record})
    return receive_content(opened, content, now_ms=now_ms) or Step(let_frame_wait(group, waiting))


def receive_pairwise_content(group: Group, sender: PublicKey, content: GroupContent, *, now_ms: int) -> Step:
    """Receive an unverified group content from the peer of a pairwise session.

    Raises:
        NotPermitted: we are out; or as `read_frame`.
        DuplicateMessage: as `read_frame`.
    Clauses: CG-23, CG-29
    """
    if group.status == "out":
        raise errors.NotPermitted(reason="we are no member of the group")
    frame = group_content.encode_content(content)
    waiting = WaitingFrame(source=sender, epoch=content.epoch, frame=frame, is_pairwise=True, since_ms=now_ms)
    return read_pairwise_content(group, waiting, content, now_ms=now_ms)


def read_pairwise_content(group: Group, waiting: WaitingFrame, content: GroupContent, *, now_ms: int) -> Step:
    """Read a group content that came pairwise, or let it wait.

    Raises:
        NotPermitted, DuplicateMessage: as `read_frame`.
    Clauses: CG-23, CG-29
    """
    if (content.group_id, content.sender) != (group.group_id, waiting.source):
        raise errors.NotPermitted(reason="a message that is bound to another group or sender")
    return receive_content(group, content, now_ms=now_ms) or Step(let_frame_wait(group, waiting))


def receive_content(group: Group, content: GroupContent, *, now_ms: int) -> Step | None:
    """Receive a content whose sender is known; None if it has to wait.

    Raises:
        NotPermitted: its membership has ended, or there is none; or it is a room by somebody else than the administrator.
        DuplicateMessage: its index was read before.
    Clauses: CG-24, CG-25, CG-26, CG-27, CG-29, CG-30, CG-33
    """
    membership, last_index = find_membership(group.view, content.sender, content.epoch)
    if membership is None:
        if content.epoch >= group.view.epoch:
            return None
        raise errors.NotPermitted(reason="a message of an account that was no member in its epoch")
    if content.room is not None and content.sender != group.view.snapshot.administrator:
        raise errors.NotPermitted(reason="a room by an account that is not the administrator")

    count = group.counts.get(membership, Count())
    if last_index != EVERY_MESSAGE:
        end_index = find_end_index(count, last_index)
        if content.index > end_index:
            raise errors.NotPermitted(reason="a message above the last that is read of a membership that is over")
        count = replace(count, end_index=end_index)
    counts = {**group.counts, membership: take_index(count, content.index)}
    step = Step(replace(group, counts=counts), (*tell_missing(count, content), make_event(content)))
    group = group_repair.note_heard(step.group, content.epoch, now_ms)
    group = group_repair.note_digest(group, content.sender, content.epoch, content.digest, now_ms)
    step = step.then(group_repair.report_difference(group, content))
    return step.then(group_repair.help_who_is_behind(step.group, content, now_ms=now_ms))


def make_event(content: GroupContent) -> Event:
    """Make the event that shows a message."""
    return Event(
        kind="message" if content.room is None else "room offered",
        group_id=content.group_id,
        account=content.sender,
        index=content.index,
        timestamp_ms=content.timestamp_ms,
        text=content.text,
        room=content.room,
    )


# Memberships


NO_MESSAGE, EVERY_MESSAGE = -1, group_control.MAX_INDEX + 1


def find_membership(view: View, account: PublicKey, epoch: int) -> tuple[Membership | None, int]:
    """Find the membership of an account in an epoch, and the last index of it that counts.

    Clauses: CG-24, CG-25, CG-26, CG-27
    """
    added = group_control.find_added(view, account)
    if added is not None and added <= epoch:
        membership = Membership(account, added)
        if membership in view.leaves:
            return membership, to_bound(view.leaves[membership])
        return membership, EVERY_MESSAGE if account in find_members(view) else NO_MESSAGE
    for removal in view.snapshot.removed:
        if removal.account == account and removal.added <= epoch <= removal.last_epoch:
            return Membership(account, removal.added), to_bound(removal.last_index)
    return None, NO_MESSAGE


def to_bound(last_index: int | None) -> int:
    """Turn a last index that may be absent into a bound."""
    return NO_MESSAGE if last_index is None else last_index


# Counting


def find_end_index(count: Count, last_index: int) -> int:
    """Find the last index that is still read of a membership that is over, as of when the first message after its end is read.

    Clauses: CG-58
    """
    farthest = count.next_index + MAX_MISSING_INDICES - 1 if count.end_index is None else count.end_index
    return min(last_index, farthest)


def take_index(count: Count, index: int) -> Count:
    """Take an index as read.

    Raises:
        DuplicateMessage: it was read before, or its place is forgotten.
    Clauses: CG-29, CG-30
    """
    if index in count.missing:
        return replace(count, missing=count.missing - {index})
    if index < count.next_index:
        raise errors.DuplicateMessage(index=index)
    missing = keep_newest(count.missing, range(count.next_index, index))
    return replace(count, next_index=index + 1, missing=missing)


def keep_newest(missing: frozenset[int], passed: range) -> frozenset[int]:
    """Keep, of what is missing and what was passed over, the newest `MAX_MISSING_INDICES`.

    Clauses: CG-30
    """
    return frozenset(sorted(missing.union(passed[-MAX_MISSING_INDICES:]))[-MAX_MISSING_INDICES:])


def tell_missing(count: Count, content: GroupContent) -> tuple[Event, ...]:
    """Tell which indices are missing before a message.

    Clauses: CG-30
    """
    if content.index <= count.next_index:
        return ()
    return (
        Event(
            kind="indices missing",
            group_id=content.group_id,
            account=content.sender,
            index=count.next_index,
            last_index=content.index - 1,
        ),
    )


# Waiting


def let_frame_wait(group: Group, new: WaitingFrame) -> Group:
    """Let a frame wait, within the bounds; over them the oldest is dropped of its owner, or of whoever has most.

    Clauses: CG-28
    """
    if any((other.source, other.frame) == (new.source, new.frame) for other in group.waiting_frames):
        return group
    owners = [find_owner(group, waiting) for waiting in (*group.waiting_frames, new)]
    full = owners[-1] if owners.count(owners[-1]) > MAX_WAITING_FRAMES_OF_ONE else None
    if full is None and len(owners) > MAX_WAITING_FRAMES:
        full = max(owners, key=owners.count)
    waiting = [*group.waiting_frames, new]
    if full is not None:
        del waiting[owners.index(full)]
    return replace(group, waiting_frames=tuple(waiting))


def find_owner(group: Group, waiting: WaitingFrame) -> bytes:
    """Find to whom a frame that waits is counted: its source, which is only claimed, or all that are not known together."""
    return waiting.source if group_control.is_known(group.view, waiting.source) else b""


def judge_waiting(group: Group, *, now_ms: int) -> Step:
    """Judge again the keys and frames that wait; what is refused now is dropped.

    Clauses: CG-20, CG-28
    """
    step = Step(replace(group, waiting_keys=()))
    for waiting in group.waiting_keys:
        try:
            step = step.then(accept_key(step.group, waiting, now_ms=now_ms))
        except errors.ProtocolViolation:
            continue
    return step.then(judge_waiting_frames(step.group, now_ms=now_ms))


def judge_waiting_frames(group: Group, *, now_ms: int) -> Step:
    """Judge again the frames that wait; what is refused now is dropped.

    Clauses: CG-28
    """
    if not group.waiting_frames:
        return Step(group)
    step = Step(replace(group, waiting_frames=()))
    for waiting in group.waiting_frames:
        try:
            step = step.then(receive_waiting(step.group, waiting, now_ms=now_ms))
        except errors.ProtocolViolation:
            continue
    return step


def receive_waiting(group: Group, waiting: WaitingFrame, *, now_ms: int) -> Step:
    """Receive a frame, or a content, that waited."""
    if waiting.is_pairwise:
        return read_pairwise_content(group, waiting, group_content.decode_content(waiting.frame), now_ms=now_ms)
    return read_frame(group, waiting, now_ms=now_ms)


# Forgetting


def forget_past(group: Group, now_ms: int) -> Group:
    """Forget the addresses of past epochs, and the frames that wait, after `PAST_MS`.

    Clauses: CG-34
    """
    addresses = tuple(
        address
        for address in group.addresses
        if address.past_since_ms is None or now_ms - address.past_since_ms <= PAST_MS
    )
    frames = tuple(waiting for waiting in group.waiting_frames if now_ms - waiting.since_ms <= PAST_MS)
    if len(addresses) == len(group.addresses) and len(frames) == len(group.waiting_frames):
        return group
    return replace(group, addresses=addresses, waiting_frames=frames)


def forget_memberships(group: Group) -> Group:
    """Forget what was kept of memberships that neither the view nor what it names as removed has.

    Clauses: CG-60
    """
    held = {Membership(account, added) for account, added in group_control.find_candidates(group.view).items()}
    held |= {Membership(removal.account, removal.added) for removal in group.view.snapshot.removed}
    if group.counts.keys() <= held:
        return group
    accounts = {membership.account for membership in held}
    return replace(
        group,
        counts={membership: count for membership, count in group.counts.items() if membership in held},
        records={account: record for account, record in group.records.items() if account in accounts},
    )
