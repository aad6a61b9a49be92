"""Chapter 10, third part: how a member gives its sender key, and sends messages under it.

- A frame is encrypted once, for all who have the key; it is outgoing until its store is acknowledged.
- A renewed key has been given to nobody: it is given anew, and what is outgoing is encrypted again under it.
"""

from dataclasses import replace
from typing import Literal

from cloister import envelope, group_content, group_control, sender_keys, wire
from cloister.envelope import Envelope
from cloister.group_content import GroupContent, Room
from cloister.group_control import Key
from cloister.group_state import (
    Draft,
    Event,
    Group,
    Step,
    ToGroup,
    ToMember,
    check_member,
    find_followers,
    find_others,
    to_member,
)

FanOut = Literal["server", "client"]


# Our sender key


def begin_membership(group: Group, added: int, random: wire.Random) -> Step:
    """Begin a membership of ours, with a new sender key; what is not sent yet is said in it.

    Clauses: CG-9, CG-22
    """
    outgoing = dict(enumerate(group.outgoing.values()))
    return Step(
        replace(
            group,
            status="member",
            added=added,
            sender_key=sender_keys.create_sender_key(random),
            given=frozenset(),
            next_index=len(outgoing),
            outgoing=outgoing,
        )
    )


def renew(group: Group, random: wire.Random) -> Step:
    """Renew our sender key, which nobody has been given yet.

    Clauses: CG-15, CG-16
    """
    assert group.sender_key is not None
    return Step(replace(group, sender_key=sender_keys.renew_sender_key(group.sender_key, random), given=frozenset()))


def let_give_again(group: Group) -> Step:
    """Let the member that follows us be given our sender key again: it carries the digest of our view of the new epoch.

    Clauses: CG-55
    """
    return Step(replace(group, given=group.given.difference(find_followers(group, group.ours)[:1])))


def give(group: Group) -> Step:
    """Give our sender key, at its current iteration, to each member that does not have it.

    Clauses: CG-13, CG-14
    """
    lacking = [account for account in find_others(group) if account not in group.given]
    if not lacking:
        return Step(group)
    key = make_key(group)
    sent = tuple(to_member(group.view, account, key) for account in lacking)
    return Step(replace(group, given=group.given.union(lacking)), sent)


def make_key(group: Group) -> Key:
    """Make the message that gives our sender key; under a new one what is outgoing comes first.

    Clauses: CG-14, CG-17
    """
    key = group.sender_key
    assert key is not None
    return Key(
        distribution=sender_keys.encode_distribution(key),
        next_index=group.next_index if key.iteration else min(group.outgoing, default=group.next_index),
        added=group.added,
        digest=group_control.derive_digest(group.view),
    )


# Messages


def send_text(group: Group, text: str, fan_out: FanOut, random: wire.Random, *, now_ms: int) -> Step:
    """Send a text.

    Raises:
        GroupClosed, NotPermitted: as `check_member`.
        TooLarge: the text is longer than `MAX_TEXT_BYTES`.
    Clauses: CG-6, CG-7, CG-9
    """
    check_member(group)
    group_content.check_text(text)
    return send(group, Draft(timestamp_ms=now_ms, text=text, room=None), fan_out, random)


def offer_room(group: Group, room: Room, random: wire.Random, *, now_ms: int) -> Step:
    """Tell the members of a room in which the group goes on, by the administrator.

    Raises:
        GroupClosed, NotPermitted: as `check_member`; or we are not the administrator.
        InvalidMessage, TooLarge: as `group_content.check_room`.
    Clauses: CG-33
    """
    check_member(group)
    group_control.check_administrator(group.view, group.ours)
    group_content.check_room(room)
    return send(group, Draft(timestamp_ms=now_ms, text=None, room=room), "server", random)


def send(group: Group, draft: Draft, fan_out: FanOut, random: wire.Random) -> Step:
    """Send a draft as our next message.

    Clauses: CG-7, CG-9
    """
    index = group.next_index
    group = replace(group, next_index=index + 1)
    if fan_out == "client":
        content = make_content(group, index, draft)
        return Step(group, tuple(ToMember(account=account, content=content) for account in find_others(group)))
    group = replace(group, outgoing={**group.outgoing, index: draft})
    return encrypt_draft(group, index, draft, random)


def make_content(group: Group, index: int, draft: Draft) -> GroupContent:
    """Make the content of a message of ours under the present view.

    Clauses: CG-8
    """
    return GroupContent(
        group_id=group.group_id,
        epoch=group.view.epoch,
        sender=group.ours,
        index=index,
        timestamp_ms=draft.timestamp_ms,
        digest=group_control.derive_digest(group.view),
        text=draft.text,
        room=draft.room,
    )


def encrypt_draft(group: Group, index: int, draft: Draft, random: wire.Random) -> Step:
    """Encrypt a draft once, for all members.

    Clauses: CG-7, CG-12
    """
    assert group.sender_key is not None
    key_id = group.sender_key.key_id
    sender_key, frame = sender_keys.encrypt(
        group.sender_key, group_content.encode_content(make_content(group, index, draft)), random
    )
    address = group.addresses[0].pair.public
    sealed = envelope.seal_envelope(
        address,
        Envelope(kind="group message", source=group.ours, timestamp_ms=draft.timestamp_ms, content=frame),
        random,
    )
    sent = ToGroup(address=address, sealed=sealed, index=index, key_id=key_id)
    return Step(replace(group, sender_key=sender_key), (sent,))


def encrypt_outgoing_again(group: Group, before: Group, random: wire.Random) -> Step:
    """Encrypt again, under a renewed sender key, what is not acknowledged.

    Clauses: CG-16, CG-17
    """
    step = Step(group)
    if group.sender_key == before.sender_key:
        return step
    for index, draft in group.outgoing.items():
        step = step.then(encrypt_draft(step.group, index, draft, random))
    return step


def note_stored(group: Group, index: int) -> Group:
    """Note that the store of a message of ours is acknowledged."""
    return replace(group, outgoing={other: draft for other, draft in group.outgoing.items() if other != index})


def tell_not_sent(group: Group) -> tuple[Event, ...]:
    """Tell which messages of ours are given up.

    Clauses: CG-49
    """
    return tuple(
        Event(
            kind="not sent",
            group_id=group.group_id,
            index=index,
            timestamp_ms=draft.timestamp_ms,
            text=draft.text,
            room=draft.room,
        )
        for index, draft in group.outgoing.items()
    )
