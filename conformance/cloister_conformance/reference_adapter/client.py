"""Chapter 10, one account with its sessions and closed groups, behind the adapter protocol."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from cloister import client, closed_group, errors, group_control, group_sending, group_state, identity
from cloister.client import Client, Refused, Step, Text, Told
from cloister.group_content import Room
from cloister.group_control import GroupId
from cloister.group_state import Event, Group
from cloister.identity import PublicKey

from cloister_conformance.protocol import client as messages
from cloister_conformance.protocol.group_control import Member
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.reference_adapter.handles import Handles
from cloister_conformance.reference_adapter.x3dh import decode_pair, put_prekeys


def create(params: messages.Create, handles: Handles) -> Nothing:
    ours = decode_pair(params.private_key)
    handles.put(params.client, client.create_client(ours, handles.random, now_ms=params.now_ms))
    return Nothing()


def import_prekeys(params: messages.ImportPrekeys, handles: Handles) -> Nothing:
    held = handles.get(params.client, Client)
    handles.put(params.client, replace(held, account=put_prekeys(held.account, params, handles.random)))
    return Nothing()


def decode_accounts(accounts: Sequence[bytes]) -> list[PublicKey]:
    """Decode accounts."""
    return [identity.decode_public_key(account) for account in accounts]


def tell(params: messages.OfClient, handles: Handles, step: Step) -> messages.Told:
    """Keep what a client has become; return what its user is told."""
    handles.put(params.client, step.client)
    return messages.Told(told=[describe(told) for told in step.told])


def describe(told: Told) -> messages.Event:
    """Describe what a user is told."""
    match told:
        case Text():
            return messages.Event(kind="text", account=told.account, timestamp_ms=told.timestamp_ms, text=told.text)
        case Refused():
            return messages.Event(kind="refused", account=told.account, error=type(told.error).__name__)
        case Event():
            return messages.Event(
                kind=told.kind,
                group_id=told.group_id,
                account=told.account,
                index=told.index,
                last_index=told.last_index,
                timestamp_ms=told.timestamp_ms,
                text=told.text,
                address=told.room.address if told.room else None,
                server_key=told.room.server_key if told.room else None,
            )


def create_group(params: messages.CreateGroup, handles: Handles) -> messages.Created:
    held = handles.get(params.client, Client)
    others = decode_accounts(params.others)
    step = client.create_group(held, others, params.name, params.avatar, handles.random, now_ms=params.now_ms)
    (group_id,) = step.client.groups.keys() - held.groups.keys()
    return messages.Created(told=tell(params, handles, step).told, group_id=group_id)


def change(
    params: messages.OfGroupNow, handles: Handles, act: Callable[..., group_state.Step], *given: object
) -> messages.Told:
    """Change a group by a function of `closed_group`."""

    def change_it(group: Group) -> group_state.Step:
        return act(group, *given, handles.random, now_ms=params.now_ms)

    held = handles.get(params.client, Client)
    step = client.change_group(held, GroupId(params.group_id), change_it, handles.random, now_ms=params.now_ms)
    return tell(params, handles, step)


def add(params: messages.Accounts, handles: Handles) -> messages.Told:
    return change(params, handles, closed_group.add, decode_accounts(params.accounts))


def kick(params: messages.Accounts, handles: Handles) -> messages.Told:
    return change(params, handles, closed_group.kick, decode_accounts(params.accounts))


def leave(params: messages.OfGroupNow, handles: Handles) -> messages.Told:
    return change(params, handles, closed_group.leave)


def rename(params: messages.Rename, handles: Handles) -> messages.Told:
    return change(params, handles, closed_group.rename, params.name)


def change_avatar(params: messages.ChangeAvatar, handles: Handles) -> messages.Told:
    return change(params, handles, closed_group.change_avatar, params.avatar)


def send(params: messages.Send, handles: Handles) -> messages.Told:
    return change(params, handles, group_sending.send_text, params.text, params.fan_out)


def offer_room(params: messages.OfferRoom, handles: Handles) -> messages.Told:
    room = Room(address=params.address, server_key=params.server_key)
    return change(params, handles, group_sending.offer_room, room)


def send_text(params: messages.SendText, handles: Handles) -> messages.Told:
    held, account = handles.get(params.client, Client), identity.decode_public_key(params.account)
    return tell(params, handles, client.send_text(held, account, params.text, handles.random, now_ms=params.now_ms))


def receive(params: messages.Receive, handles: Handles) -> messages.Told:
    held, recipient = handles.get(params.client, Client), PublicKey(params.recipient)
    return tell(params, handles, client.receive(held, recipient, params.data, handles.random, now_ms=params.now_ms))


def tick(params: messages.OfClientNow, handles: Handles) -> messages.Told:
    held = handles.get(params.client, Client)
    return tell(params, handles, client.tick(held, handles.random, now_ms=params.now_ms))


def outbox(params: messages.OfClient, handles: Handles) -> messages.Outbox:
    stores = handles.get(params.client, Client).outbox
    return messages.Outbox(
        stores=[
            messages.Store(number=number, recipient=store.recipient, data=store.sealed)
            for number, store in stores.items()
        ]
    )


def note_stored(params: messages.NoteStored, handles: Handles) -> Nothing:
    handles.put(params.client, client.note_stored(handles.get(params.client, Client), params.number))
    return Nothing()


def recipients(params: messages.OfClient, handles: Handles) -> messages.Recipients:
    return messages.Recipients(recipients=list(client.find_recipients(handles.get(params.client, Client))))


def read_group(params: messages.OfGroup, handles: Handles) -> messages.ReadGroup:
    group = handles.get(params.client, Client).groups.get(GroupId(params.group_id))
    if group is None:
        raise errors.UnknownGroup
    members = group_control.find_members(group.view)
    return messages.ReadGroup(
        status=group.status,
        epoch=group.view.epoch,
        name=group.view.snapshot.name,
        avatar=group.avatar,
        administrator=group.view.snapshot.administrator,
        is_confirmed=group.view.is_confirmed,
        members=[Member(account=account, added=members[account]) for account in sorted(members)],
        digest=group_control.derive_digest(group.view),
    )
