"""Chapter 10, last part: one account with its sessions and closed groups.

- A client is a value: every function returns the new one with what the user is told. What is to be stored is in its `outbox`.
- A shell saves the new client and what is told in one transaction, and only then stores and tells; `note_stored` takes out of the
  outbox what is acknowledged. So whoever is killed at any point uses no key twice, and loses and shows nothing twice.
- What arrives is never raised: a refusal is told, and has changed nothing else than that a message of its session was read.

    >>> import secrets
    >>> from cloister import identity
    >>> random, now_ms = secrets.token_bytes, 1_600_000_000_000
    >>> alice, bob, carol = (create_client(identity.generate_key_pair(random), random, now_ms=now_ms) for _ in range(3))
    >>> alice, told = create_group(alice, [bob.ours, carol.ours], "hike", None, random, now_ms=now_ms)
    >>> [event.kind for event in told], len(alice.outbox)
    (['joined', 'confirmed'], 2)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, NamedTuple

from cloister import (
    closed_group,
    envelope,
    errors,
    group_content,
    group_control,
    group_reading,
    group_repair,
    group_sending,
    group_state,
    session,
    session_request,
    wire,
    x3dh,
)
from cloister.envelope import Envelope
from cloister.group_content import GroupContent, PairwiseContent
from cloister.group_control import Add, Control, GroupId, Key, Leave, Notice
from cloister.group_state import Event, Group, ToGroup, ToMember
from cloister.identity import KeyPair, PublicKey
from cloister.saved_form import Named
from cloister.x3dh import Account

MAX_QUEUED = 1000
TTL_MS = 1_209_600_000
ASK_AFTER_MS = 600_000

Bond = Literal["free", "member", "key", "frame"]
"""What may be sent to whoever it is for; only to a present member; a sender key for one; a frame while its key is ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """An encoded pairwise content that waits for a session."""

    content: bytes = field(repr=False)
    group_id: GroupId | None
    bond: Bond


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What waits for a session with one account, since when."""

    since_ms: int
    contents: tuple[Queued, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Something to be stored for a recipient: sealed, and what it belongs to.

    `account` is the receiver of pairwise content; `index` and `key_id` are those of a group message.
    """

    recipient: PublicKey
    sealed: bytes = field(repr=False)
    group_id: GroupId | None = None
    account: PublicKey | None = None
    bond: Bond
    index: int | None = None
    key_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingControl:
    """An add, a leave, a key or a notice of a group, or of a membership, that is not known yet."""

    sender: PublicKey
    group_id: GroupId
    epoch: int
    body: Named[Add | Leave | Key | Notice]
    since_ms: int

    @property
    def control(self) -> Control:
        """The control message."""
        return Control(group_id=self.group_id, epoch=self.epoch, body=self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """All that one account holds; `outbox` is what is to be stored, by number.

    `asked` is when an account was asked for the view of a group of which something waits.
    """

    account: Account
    sessions: Mapping[PublicKey, session.Record] = field(default_factory=dict)
    queues: Mapping[PublicKey, Queue] = field(default_factory=dict)
    groups: Mapping[GroupId, Group] = field(default_factory=dict)
    waiting: tuple[WaitingControl, ...] = ()
    asked: Mapping[PublicKey, int] = field(default_factory=dict)
    outbox: Mapping[int, Store] = field(default_factory=dict)
    next_store: int = 0

    @property
    def ours(self) -> PublicKey:
        """Our account."""
        return self.account.identity.public


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text that came in a pairwise session."""

    account: PublicKey
    timestamp_ms: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Something that came was refused; `account` says that it sent it, None if not even that is known."""

    account: PublicKey | None
    error: errors.ProtocolViolation


Told = Event | Text | Refused


class Step(NamedTuple):
    """A client as it is after something has happened, and what the user is told, in order."""

    client: Client
    told: tuple[Told, ...] = ()

    def then(self, next_step: "Step") -> "Step":
        """Let a further step follow, which was made from this one's client."""
        return Step(next_step.client, self.told + next_step.told)


def create_client(ours: KeyPair, random: wire.Random, *, now_ms: int) -> Client:
    """Create the client of an identity."""
    return Client(account=x3dh.create_account(ours, random, now_ms=now_ms))


def find_recipients(client: Client) -> list[PublicKey]:
    """Find what is to be polled: our account, and the addresses of groups.

    Clauses: CG-34
    """
    addresses = [address.pair.public for group in client.groups.values() for address in group.addresses]
    return [client.ours, *addresses]


def note_stored(client: Client, number: int) -> Client:
    """Note that a store of the outbox is acknowledged.

    Clauses: CG-17
    """
    if number not in client.outbox:
        return client
    outbox = dict(client.outbox)
    store = outbox.pop(number)
    client = replace(client, outbox=outbox)
    group = client.groups.get(store.group_id) if store.group_id is not None else None
    if group is None or store.index is None:
        return client
    return put_group(client, group_sending.note_stored(group, store.index))


# Commands


def create_group(
    client: Client, others: Sequence[PublicKey], name: str, avatar: bytes | None, random: wire.Random, *, now_ms: int
) -> Step:
    """Create a group.

    Raises:
        OutOfRange, InvalidName, InvalidAvatar: as `closed_group.create`.
    """
    step = closed_group.create(client.ours, others, name, avatar, random, now_ms=now_ms)
    return do(client, step, random, now_ms=now_ms)


def change_group(
    client: Client,
    group_id: GroupId,
    change: Callable[[Group], group_state.Step],
    random: wire.Random,
    *,
    now_ms: int,
) -> Step:
    """Change a group.

    Raises:
        UnknownGroup: there is none of this id; or what the change raises.
    """
    if group_id not in client.groups:
        raise errors.UnknownGroup
    return do(client, change(client.groups[group_id]), random, now_ms=now_ms)


def send_text(client: Client, account: PublicKey, text: str, random: wire.Random, *, now_ms: int) -> Step:
    """Send a text to one account.

    Raises:
        TooLarge: the text is longer than `MAX_TEXT_BYTES`.
    Clauses: CG-6
    """
    group_content.check_text(text)
    content = group_content.encode_pairwise(PairwiseContent(timestamp_ms=now_ms, text=text))
    return Step(enqueue(client, account, Queued(content=content, group_id=None, bond="free"), random, now_ms=now_ms))


# Groups


def put_group(client: Client, group: Group) -> Client:
    """Put a group in the place of what was held of it."""
    return replace(client, groups={**client.groups, group.group_id: group})


def do(client: Client, step: group_state.Step, random: wire.Random, *, now_ms: int) -> Step:
    """Put what a group has become in its place, queue what it sends, and tell what it tells.

    Clauses: CG-16, CG-18
    """
    before = client.groups.get(step.group.group_id)
    client = put_group(client, step.group)
    told: list[Told] = []
    for effect in step.effects:
        match effect:
            case ToMember():
                client = enqueue(client, effect.account, make_queued(effect, now_ms), random, now_ms=now_ms)
            case ToGroup():
                client = put_store(client, make_group_store(step.group, effect))
            case Event():
                told.append(effect)
    if before is None or before.view is not step.group.view or before.status != step.group.status:
        client = drop_forbidden(client, step.group)
    return judge_waiting(Step(client, tuple(told)), step.group, random, now_ms=now_ms)


def make_queued(effect: ToMember, now_ms: int) -> Queued:
    """Make what is queued of something for one account."""
    if isinstance(effect.content, GroupContent):
        content = PairwiseContent(timestamp_ms=now_ms, group=group_content.encode_content(effect.content))
        return Queued(content=group_content.encode_pairwise(content), group_id=effect.content.group_id, bond="member")
    content = PairwiseContent(timestamp_ms=now_ms, control=effect.content)
    return Queued(
        content=group_content.encode_pairwise(content),
        group_id=effect.content.group_id,
        bond=find_bond(effect.content.body),
    )


def find_bond(body: group_control.Body) -> Bond:
    """Find to whom a control message may be sent.

    Clauses: CG-18
    """
    match body:
        case group_control.Leave() | group_control.Notice():
            return "free"
        case group_control.Key():
            return "key"
        case _:
            return "member"


def make_group_store(group: Group, effect: ToGroup) -> Store:
    """Make the store of a group message.

    Clauses: CG-7
    """
    return Store(
        recipient=effect.address,
        sealed=effect.sealed,
        group_id=group.group_id,
        bond="frame",
        index=effect.index,
        key_id=effect.key_id,
    )


def drop_forbidden(client: Client, group: Group) -> Client:
    """Drop what was queued or is to be stored and may not be sent any more.

    Clauses: CG-16, CG-18
    """
    present = {} if group.status == "out" else group_control.find_members(group.view)

    def may_be_stored(store: Store) -> bool:
        if store.group_id != group.group_id or store.bond == "free":
            return True
        if store.bond == "frame":
            return group.sender_key is not None and store.key_id == group.sender_key.key_id
        return store.account in present

    def may_be_queued(account: PublicKey, queued: Queued) -> bool:
        return queued.group_id != group.group_id or queued.bond == "free" or account in present

    def drop(account: PublicKey, queue: Queue) -> Queue:
        contents = tuple(queued for queued in queue.contents if may_be_queued(account, queued))
        return queue if len(contents) == len(queue.contents) else replace(queue, contents=contents)

    outbox = {number: store for number, store in client.outbox.items() if may_be_stored(store)}
    queues = {account: drop(account, queue) for account, queue in client.queues.items()}
    return replace(
        client, outbox=outbox, queues={account: queue for account, queue in queues.items() if queue.contents}
    )


# Sending in pairwise sessions


def enqueue(client: Client, account: PublicKey, queued: Queued, random: wire.Random, *, now_ms: int) -> Client:
    """Send a pairwise content, or let it wait for a session, which is asked for.

    Clauses: CG-3, CG-4
    """
    record = find_record(client, account)
    if record.sessions:
        return encrypt(client, record, queued, random, now_ms=now_ms)
    queue = client.queues.get(account, Queue(since_ms=now_ms))
    queue = replace(queue, contents=(*queue.contents, queued)[-MAX_QUEUED:])
    client = replace(client, queues={**client.queues, account: queue})
    return ask_if_due(client, account, random, now_ms=now_ms)


def find_record(client: Client, account: PublicKey) -> session.Record:
    """Find what is held of a peer, which may be nothing yet."""
    return client.sessions.get(account) or session.Record(ours=client.ours, theirs=account)


def encrypt(client: Client, record: session.Record, queued: Queued, random: wire.Random, *, now_ms: int) -> Client:
    """Encrypt a pairwise content in the session with a peer, and put it into the outbox.

    Clauses: CG-12
    """
    record, kind, frame = session.encrypt(record, queued.content)
    store = Store(
        recipient=record.theirs,
        sealed=seal(client, record.theirs, kind, frame, random, now_ms=now_ms),
        group_id=queued.group_id,
        account=record.theirs,
        bond=queued.bond,
    )
    return put_store(put_record(client, record), store)


def seal(
    client: Client, theirs: PublicKey, kind: envelope.Kind, frame: bytes, random: wire.Random, *, now_ms: int
) -> bytes:
    """Seal a frame to an account."""
    return envelope.seal_envelope(
        theirs, Envelope(kind=kind, source=client.ours, timestamp_ms=now_ms, content=frame), random
    )


def put_record(client: Client, record: session.Record) -> Client:
    """Put the record of a peer in the place of what was held."""
    return replace(client, sessions={**client.sessions, record.theirs: record})


def put_store(client: Client, store: Store) -> Client:
    """Put a store into the outbox."""
    number = client.next_store
    return replace(client, outbox={**client.outbox, number: store}, next_store=number + 1)


def ask_if_due(client: Client, account: PublicKey, random: wire.Random, *, now_ms: int) -> Client:
    """Ask an account for which something is queued for a session, unless it is to ask first.

    Clauses: CG-3, CG-4
    """
    queue = client.queues[account]
    is_first = client.ours < account or any(queued.bond != "key" for queued in queue.contents)
    if is_first or now_ms - queue.since_ms >= ASK_AFTER_MS:
        return ask(client, account, random, now_ms=now_ms)
    return client


def ask(client: Client, account: PublicKey, random: wire.Random, *, now_ms: int) -> Client:
    """Ask an account for a session, unless it was asked a short time ago.

    Clauses: CG-3, PS-70, PS-71
    """
    record = find_record(client, account)
    if not session_request.may_ask(record, now_ms):
        return client
    record, ours, frame = session_request.create_request(record, client.account, random, now_ms=now_ms)
    client = put_record(replace(client, account=ours), record)
    sealed = seal(client, account, "session request", frame, random, now_ms=now_ms)
    return put_store(client, Store(recipient=account, sealed=sealed, account=account, bond="free"))


def send_queue(client: Client, account: PublicKey, random: wire.Random, *, now_ms: int) -> Client:
    """Send what is queued, if anything is, for an account with whom there is a session now.

    Clauses: CG-3
    """
    if account not in client.queues:
        return client
    queues = dict(client.queues)
    queue = queues.pop(account)
    client = replace(client, queues=queues)
    for queued in queue.contents:
        client = encrypt(client, client.sessions[account], queued, random, now_ms=now_ms)
    return client


# Receiving


def receive(client: Client, recipient: PublicKey, sealed: bytes, random: wire.Random, *, now_ms: int) -> Step:
    """Receive what was stored, unverified, for our account or for an address of a group.

    Clauses: CG-2, CG-32
    """
    try:
        if recipient == client.ours:
            return receive_pairwise(client, sealed, random, now_ms=now_ms)
        return receive_group_message(client, recipient, sealed, random, now_ms=now_ms)
    except errors.ProtocolViolation as refusal:
        return Step(client, (Refused(account=None, error=refusal),))


def receive_group_message(
    client: Client, address: PublicKey, sealed: bytes, random: wire.Random, *, now_ms: int
) -> Step:
    """Receive what was stored for an address, in each group that has it; of another it is passed over.

    Raises:
        TooLarge, InvalidMessage, InvalidKey, DecryptionFailed, InvalidEncoding, OutOfRange: as `envelope.open_envelope`.
        InvalidMessage: it is no group message.
    Clauses: EN-17, CG-32, CG-45, CG-61
    """
    found = [(group, group_reading.find_address(group, address)) for group in client.groups.values()]
    step = Step(client)
    for group, at in found:
        if at is None:
            continue
        opened = envelope.open_envelope(at.pair.private, sealed)
        if opened.kind != "group message":
            raise errors.InvalidMessage(reason="it is no group message, and was stored for a group")
        act = partial(receive_frame, opened=opened, epoch=at.epoch, now_ms=now_ms)
        step = step.then(try_in_group(step.client, group, opened.source, act, random, now_ms=now_ms))
    return step


def receive_frame(group: Group, *, opened: Envelope, epoch: int, now_ms: int) -> group_state.Step:
    """Receive the frame of an envelope that came to the address of an epoch."""
    return group_reading.receive_frame(group, opened.source, epoch, opened.content, now_ms=now_ms)


def try_in_group(
    client: Client,
    group: Group,
    account: PublicKey,
    act: Callable[[Group], group_state.Step],
    random: wire.Random,
    *,
    now_ms: int,
) -> Step:
    """Let a group take something that an account has sent; tell if it is refused.

    Clauses: CG-32, CG-45
    """
    try:
        step = act(group)
    except errors.ProtocolViolation as refusal:
        step = group_repair.answer_refusal(group, account, refusal, now_ms=now_ms)
        refused = (Refused(account=account, error=refusal),)
        return Step(client, refused).then(do(client, step, random, now_ms=now_ms))
    return do(client, step, random, now_ms=now_ms)


def receive_pairwise(client: Client, sealed: bytes, random: wire.Random, *, now_ms: int) -> Step:
    """Receive what was stored for our account.

    Raises:
        TooLarge, InvalidMessage, InvalidKey, DecryptionFailed, InvalidEncoding, OutOfRange: as `envelope.open_envelope`.
        InvalidMessage: it is a group message.
    Clauses: EN-17, CG-5, PS-63, PS-71
    """
    opened = envelope.open_envelope(client.account.identity.private, sealed)
    if opened.kind == "group message":
        raise errors.InvalidMessage(reason="it is a group message, and was stored for an account")
    try:
        if opened.kind == "session request":
            return Step(answer_request(client, opened, random, now_ms=now_ms))
        client, plaintext = decrypt(client, opened, random, now_ms=now_ms)
    except (errors.UnknownSession, errors.UnknownPrekey, errors.InvalidMac) as refusal:
        refused = (Refused(account=opened.source, error=refusal),)
        if opened.kind == "session request" or opened.source == client.ours:
            return Step(client, refused)
        return Step(ask(client, opened.source, random, now_ms=now_ms), refused)
    except errors.ProtocolViolation as refusal:
        return Step(client, (Refused(account=opened.source, error=refusal),))

    client = send_queue(client, opened.source, random, now_ms=now_ms)
    if session_request.is_due(client.sessions[opened.source], now_ms):
        client = ask(client, opened.source, random, now_ms=now_ms)
    try:
        content = group_content.decode_pairwise(plaintext)
    except errors.ProtocolViolation as refusal:
        return Step(client, (Refused(account=opened.source, error=refusal),))
    return receive_content(client, opened.source, content, random, now_ms=now_ms)


def answer_request(client: Client, opened: Envelope, random: wire.Random, *, now_ms: int) -> Client:
    """Answer a session request with what is queued, or a greeting.

    Raises:
        CloisterError: as `session_request.accept_request`.
    Clauses: CG-5, PS-63
    """
    record = find_record(client, opened.source)
    record = session_request.accept_request(record, client.account, opened.content, random, now_ms=now_ms)
    client = put_record(client, record)
    if opened.source in client.queues:
        return send_queue(client, opened.source, random, now_ms=now_ms)
    greeting = Queued(
        content=group_content.encode_pairwise(PairwiseContent(timestamp_ms=now_ms)), group_id=None, bond="free"
    )
    return encrypt(client, record, greeting, random, now_ms=now_ms)


def decrypt(client: Client, opened: Envelope, random: wire.Random, *, now_ms: int) -> tuple[Client, bytes]:
    """Decrypt a message or a prekey message; return the client and the plaintext.

    Raises:
        CloisterError: as `session.decrypt_message` and `session.decrypt_prekey_message`.
    """
    record = find_record(client, opened.source)
    if opened.kind == "message":
        record, plaintext = session.decrypt_message(record, opened.content, random, now_ms=now_ms)
        return put_record(client, record), plaintext
    record, account, plaintext = session.decrypt_prekey_message(
        record, client.account, opened.content, random, now_ms=now_ms
    )
    return put_record(replace(client, account=account), record), plaintext


def receive_content(
    client: Client, sender: PublicKey, content: PairwiseContent, random: wire.Random, *, now_ms: int
) -> Step:
    """Receive what a peer said in its session.

    Clauses: CG-2, GC-1
    """
    if content.text is not None:
        return Step(client, (Text(account=sender, timestamp_ms=content.timestamp_ms, text=content.text),))
    if content.control is not None:
        return accept_control(client, sender, content.control, random, now_ms=now_ms)
    if content.group is not None:
        return receive_group_content(client, sender, content.group, random, now_ms=now_ms)
    return Step(client)


def receive_group_content(
    client: Client, sender: PublicKey, encoded: bytes, random: wire.Random, *, now_ms: int
) -> Step:
    """Receive a group content that came pairwise.

    Clauses: CG-29, CG-32
    """
    try:
        content = group_content.decode_content(encoded)
        if content.group_id not in client.groups:
            raise errors.NotPermitted(reason="a message of a group that is not known")
    except errors.ProtocolViolation as refusal:
        return Step(client, (Refused(account=sender, error=refusal),))

    def read(group: Group) -> group_state.Step:
        return group_reading.receive_pairwise_content(group, sender, content, now_ms=now_ms)

    return try_in_group(client, client.groups[content.group_id], sender, read, random, now_ms=now_ms)


# Control messages


def accept_control(client: Client, sender: PublicKey, control: Control, random: wire.Random, *, now_ms: int) -> Step:
    """Accept a control message into its group; of a group that is not known it waits, unless it makes it known.

    Clauses: CG-20, CG-22
    """
    group = client.groups.get(control.group_id)
    if group is None and isinstance(control.body, group_control.SnapshotMessage):
        return join(client, sender, control.body, random, now_ms=now_ms)
    if group is None:
        return let_wait(client, sender, control, now_ms=now_ms)
    if may_explain_itself(group, control):
        step = let_wait(client, sender, control, now_ms=now_ms)
        said = group_repair.say_that_we_left(group, sender, now_ms=now_ms)
        return step.then(do(step.client, said, random, now_ms=now_ms)) if said.effects else step

    def accept(group: Group) -> group_state.Step:
        return closed_group.accept_control(group, sender, control, random, now_ms=now_ms)

    return try_in_group(client, group, sender, accept, random, now_ms=now_ms)


def join(
    client: Client, sender: PublicKey, message: group_control.SnapshotMessage, random: wire.Random, *, now_ms: int
) -> Step:
    """Take up the snapshot of an unknown group."""
    try:
        step = closed_group.join(client.ours, sender, message, random, now_ms=now_ms)
    except errors.ProtocolViolation as refusal:
        return Step(client, (Refused(account=sender, error=refusal),))
    return do(client, step, random, now_ms=now_ms)


def may_explain_itself(group: Group, control: Control) -> bool:
    """Tell whether a control message for a group that we are out of may belong to a membership that we do not know of yet."""
    is_later = group.status == "out" and control.epoch > group.view.epoch
    return is_later and isinstance(control.body, Add | Leave | Key)


def let_wait(client: Client, sender: PublicKey, control: Control, *, now_ms: int) -> Step:
    """Let an add, a leave, a key or a notice wait for its group, within the bounds; nothing else may.

    Clauses: CG-20, GC-33
    """
    if not isinstance(control.body, Add | Leave | Key | Notice):
        refusal = errors.NotPermitted(reason="a message of a group that is not known")
        return Step(client, (Refused(account=sender, error=refusal),))
    new = WaitingControl(
        sender=sender, group_id=control.group_id, epoch=control.epoch, body=control.body, since_ms=now_ms
    )
    return Step(replace(client, waiting=group_control.keep_waiting_bounds((*client.waiting, new))))


def judge_waiting(step: Step, group: Group, random: wire.Random, *, now_ms: int) -> Step:
    """Judge again what waited for a group of which we are a member now; refusals are not told.

    Clauses: CG-20
    """
    if group.status != "member" or not any(w.group_id == group.group_id for w in step.client.waiting):
        return step
    ready = [waiting for waiting in step.client.waiting if waiting.group_id == group.group_id]
    others = tuple(waiting for waiting in step.client.waiting if waiting.group_id != group.group_id)
    step = Step(replace(step.client, waiting=others), step.told)
    for waiting in ready:
        accepted = accept_control(step.client, waiting.sender, waiting.control, random, now_ms=now_ms)
        step = Step(accepted.client, step.told + tuple(told for told in accepted.told if not isinstance(told, Refused)))
    return step


# Time


def tick(client: Client, random: wire.Random, *, now_ms: int) -> Step:
    """Do what is due at a time; to be called at least once a minute.

    Clauses: CG-3, CG-4, CG-34, PS-71
    """
    step = Step(client)
    for group_id in client.groups:
        due = closed_group.tick(step.client.groups[group_id], random, now_ms=now_ms)
        if due.group is not step.client.groups[group_id] or due.effects:
            step = step.then(do(step.client, due, random, now_ms=now_ms))
    client = ask_for_views(forget_queues(step.client, now_ms), random, now_ms=now_ms)
    for account in client.queues:
        client = ask_if_due(client, account, random, now_ms=now_ms)
    for account, record in client.sessions.items():
        if session_request.is_due(record, now_ms):
            client = ask(client, account, random, now_ms=now_ms)
    return Step(client, step.told)


def forget_queues(client: Client, now_ms: int) -> Client:
    """Forget what has waited for a session for as long as stored messages live.

    Clauses: CG-3
    """
    queues = {account: queue for account, queue in client.queues.items() if now_ms - queue.since_ms <= TTL_MS}
    return client if len(queues) == len(client.queues) else replace(client, queues=queues)


def ask_for_views(client: Client, random: wire.Random, *, now_ms: int) -> Client:
    """Ask who has sent something for a group that we do not know, or are out of, for the view, once; forget what waits for too long.

    Clauses: CG-50
    """
    waiting = tuple(w for w in client.waiting if now_ms - w.since_ms <= group_reading.PAST_MS)
    senders = {held.sender for held in waiting}
    asked = {account: at for account, at in client.asked.items() if account in senders}
    client = replace(client, waiting=waiting, asked=asked)
    for held in waiting:
        if held.sender in client.asked or not group_repair.is_over(held.since_ms, group_repair.REPAIR_AFTER_MS, now_ms):
            continue
        control = Control(group_id=held.group_id, epoch=0, body=group_control.Ask(what="view"))
        content = group_content.encode_pairwise(PairwiseContent(timestamp_ms=now_ms, control=control))
        queued = Queued(content=content, group_id=control.group_id, bond="free")
        client = replace(client, asked={**client.asked, held.sender: now_ms})
        client = enqueue(client, held.sender, queued, random, now_ms=now_ms)
    return client
