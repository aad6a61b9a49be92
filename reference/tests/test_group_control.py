"""Chapter 09: second opinions on forms, bounds, members, digests and what waits."""

import contextlib
import random as randomness
import secrets
import sys
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace
from unittest import mock

import pytest
from cloister import errors, group_content, group_control, identity, session, wire, x3dh
from cloister.group_content import PairwiseContent
from cloister.group_control import (
    Add,
    Ask,
    Body,
    Change,
    Control,
    GroupId,
    Key,
    Leave,
    Membership,
    Notice,
    Removal,
    SignedSnapshot,
    Snapshot,
    SnapshotMessage,
    View,
)
from cloister.identity import P, PublicKey
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

NOW_MS = 1_600_000_000_000
GROUP = GroupId(bytes(32))
KEY_PAIR = identity.derive_identity(bytes(32))
PNG = b"\x89PNG\r\n\x1a\n"


def account(number: int) -> PublicKey:
    """An account; in ascending order of the numbers, from 2."""
    return PublicKey(b"\x05" + number.to_bytes(31, "big") + b"\x01")


ADMINISTRATOR = account(2)


def say(members: Iterable[PublicKey], epoch: int = 0, **other: object) -> SignedSnapshot:
    """A snapshot of members that were all added in epoch 0; nobody has signed it."""
    snapshot = Snapshot(
        group_id=GROUP,
        epoch=epoch,
        timestamp_ms=NOW_MS,
        name="hike",
        avatar_hash=None,
        administrator=ADMINISTRATOR,
        administrator_key=KEY_PAIR.public,
        members=dict.fromkeys(sorted({ADMINISTRATOR, *members}), 0),
        removed=(),
        address_private=KEY_PAIR.private,
    )
    snapshot = replace(snapshot, **other)
    return SignedSnapshot(snapshot=snapshot, encoded=group_control.encode_snapshot(snapshot), signature=b"")


def sign(members: Iterable[PublicKey], epoch: int = 0) -> SignedSnapshot:
    """The same, signed."""
    return group_control.sign_snapshot(say(members, epoch).snapshot, KEY_PAIR, bytes)


def is_accepted(check: Callable[[], object], refusal: type[errors.ProtocolViolation]) -> bool:
    """Tell whether a check passes; otherwise it refuses with this error."""
    try:
        check()
    except refusal:
        return False
    return True


# Names and avatars

BIDI_EMBEDDINGS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
BIDI_MARKS = {"LEFT-TO-RIGHT MARK", "RIGHT-TO-LEFT MARK", "ARABIC LETTER MARK"}


def is_in_a_name(character: str) -> bool:
    """Tell by the database alone whether a name may consist of this character."""
    controls = unicodedata.bidirectional(character) in BIDI_EMBEDDINGS or unicodedata.name(character, "") in BIDI_MARKS
    is_text = unicodedata.category(character) not in {"Cc", "Cs", "Co", "Zl", "Zp"}
    return is_text and not controls and unicodedata.normalize("NFC", character) == character


def test_each_character_is_in_a_name_or_not() -> None:
    refused = 0
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        accepted = is_accepted(lambda character=character: group_control.check_name(character), errors.InvalidName)  # type: ignore[misc]
        assert accepted == is_in_a_name(character), f"U+{number:04X}"
        refused += not accepted
    assert refused > 137_468 + 2048 + 65, "all private and surrogate code points, and the controls"


@given(st.text(st.characters() | st.sampled_from("a\u0301\u0327\u1100\u1161\u202e\u0000\u2028"), max_size=70))
def test_a_name_is_accepted_as_its_characters_its_length_and_nfc_want(name: str) -> None:
    right = 1 <= len(name) <= 64 and name == unicodedata.normalize("NFC", name)
    right = right and all(is_in_a_name(c) or unicodedata.normalize("NFC", c) != c for c in name)
    assert is_accepted(lambda: group_control.check_name(name), errors.InvalidName) == right


@pytest.mark.parametrize(
    ("name", "right"),
    [("x" * 64, True), ("x" * 65, False), ("", False), ("\U0001f600" * 64, True), ("e\u0301", False), ("\u0301", True)],
)
def test_the_bounds_of_a_name_are_in_code_points(name: str, right: bool) -> None:
    assert is_accepted(lambda: group_control.check_name(name), errors.InvalidName) == right


@pytest.mark.parametrize("head", [PNG, b"\xff\xd8\xff", b"RIFF\x01\x02\x03\x04WEBP"])
def test_an_avatar_begins_as_its_form_wants_and_is_not_too_long(head: bytes) -> None:
    for size in (len(head), 24_576):
        group_control.check_avatar(head.ljust(size, b"\0"))
    cut = [head[:size] for size in range(len(head))]
    moved = [b"\0" + head, head.replace(head[:1], b"\0", 1), head.replace(head[-1:], b"\0")]
    for image in [*cut, *moved, head.ljust(24_577, b"\0")]:
        with pytest.raises(errors.InvalidAvatar):
            group_control.check_avatar(image)


# The wire

epochs = st.integers(0, 3) | st.integers(0, 2**31 - 1)
indices = st.none() | st.integers(0, 3) | st.integers(0, 2**63 - 1)
accounts = st.integers(2, 40).map(account) | (st.integers(2, P - 2).filter(lambda u: u not in identity.LOW_ORDER)).map(
    lambda u: PublicKey(b"\x05" + u.to_bytes(32, "little"))
)
names = st.text(st.characters(categories=("L", "N", "S", "Zs")), min_size=1, max_size=32).map(
    lambda text: unicodedata.normalize("NFC", text)[:64]
)
times = st.integers(10**12, 10**13 - 1)
images = st.binary(max_size=40).map(lambda rest: PNG + rest)


@st.composite
def snapshots(draw: st.DrawFn, avatar: bytes | None = None) -> Snapshot:
    """Snapshots that do not contradict themselves."""
    administrator, *others = draw(st.lists(accounts, min_size=3, max_size=8, unique=True))
    epoch = draw(epochs)
    members = {administrator: 0, **{other: draw(st.integers(0, epoch)) for other in others}}
    removed = []
    for gone in sorted(draw(st.sets(accounts, max_size=4))) if epoch else []:
        last_epoch = draw(st.integers(0, epoch - 1))
        if gone in members and members[gone] <= last_epoch:
            continue
        removed.append(
            Removal(
                account=gone,
                added=draw(st.integers(0, last_epoch)),
                last_epoch=last_epoch,
                how=draw(st.sampled_from(list(group_control.NUMBER_OF_HOW))),
                removed_ms=draw(times),
                last_index=draw(indices),
            )
        )
    return Snapshot(
        group_id=GroupId(draw(st.binary(min_size=32, max_size=32))),
        epoch=epoch,
        timestamp_ms=draw(times),
        name=draw(names),
        avatar_hash=group_control.hash_avatar(avatar),
        administrator=administrator,
        administrator_key=draw(accounts),
        members=dict(sorted(members.items())),
        removed=tuple(removed),
        address_private=identity.clamp(draw(st.binary(min_size=32, max_size=32))),
        closed=draw(st.booleans()),
    )


@st.composite
def controls(draw: st.DrawFn) -> Control:
    """Control messages of all kinds."""
    avatar = draw(st.none() | images)
    snapshot = draw(snapshots(avatar=avatar))
    signed = SignedSnapshot(
        snapshot=snapshot,
        encoded=group_control.encode_snapshot(snapshot),
        signature=draw(st.binary(min_size=64, max_size=64)),
    )
    bodies: st.SearchStrategy[Body] = st.one_of(
        st.builds(SnapshotMessage, signed=st.just(signed), avatar=st.just(avatar), adds_you=st.booleans()),
        st.builds(Add, accounts=st.sets(accounts, min_size=1, max_size=6).map(sorted).map(tuple)),
        st.builds(Leave, added=epochs, last_index=indices, account=st.none() | accounts),
        st.builds(
            Key,
            distribution=st.binary(max_size=20),
            next_index=st.integers(0, 2**63 - 1),
            added=epochs,
            digest=st.binary(min_size=32, max_size=32),
        ),
        st.builds(Ask, what=st.sampled_from(list(group_control.NUMBER_OF_WHAT))),
        st.just(Notice()),
    )
    return Control(group_id=snapshot.group_id, epoch=draw(epochs), body=draw(bodies))


@given(controls())
def test_what_is_encoded_is_decoded(control: Control) -> None:
    encoded = group_control.encode_control(control)
    assert group_control.decode_control(encoded) == control
    if isinstance(control.body, SnapshotMessage):
        encoded_snapshot = control.body.signed.encoded
        assert group_control.encode_snapshot(group_control.decode_snapshot(encoded_snapshot)) == encoded_snapshot


@given(st.lists(st.integers(2, 5).map(account), max_size=4))
def test_a_list_is_in_strictly_ascending_order(listed: list[PublicKey]) -> None:
    encoded = group_control.encode_control(Control(group_id=GROUP, epoch=0, body=Add(accounts=tuple(listed))))
    is_right = bool(listed) and listed == sorted(set(listed))
    assert is_accepted(lambda: group_control.decode_control(encoded), errors.InvalidMessage) == is_right


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_only_refused(encoded: bytes) -> None:
    for decode in (group_control.decode_control, group_control.decode_snapshot):
        with contextlib.suppress(errors.ProtocolViolation):
            decode(encoded)


@given(controls(), st.integers(0, 10_000), st.binary(max_size=3), st.integers(0, 3))
def test_a_changed_message_is_refused_or_encoded_as_another(
    control: Control, place: int, put: bytes, taken: int
) -> None:
    """Whatever is accepted can be encoded, and decoded to the same again."""
    encoded = group_control.encode_control(control)
    place %= len(encoded)
    changed = encoded[:place] + put + encoded[place + taken :]
    with contextlib.suppress(errors.ProtocolViolation):
        accepted = group_control.decode_control(changed)
        assert group_control.decode_control(group_control.encode_control(accepted)) == accepted


@pytest.mark.parametrize("change", [0x01, 0x80, 0xFF])
def test_a_byte_that_is_changed_is_only_refused(change: int) -> None:
    removal = Removal(account=CAROL, added=0, last_epoch=0, how="left", removed_ms=NOW_MS, last_index=0)
    signed = replace(say([OURS], 1, removed=(removal,)), signature=bytes(64))
    bodies: list[Body] = [SnapshotMessage(signed=signed), Leave(added=0, last_index=0, account=OURS), Ask(what="view")]
    for body in bodies:
        encoded = group_control.encode_control(Control(group_id=GROUP, epoch=1, body=body))
        for place in range(len(encoded)):
            changed = encoded[:place] + bytes([encoded[place] ^ change]) + encoded[place + 1 :]
            with contextlib.suppress(errors.ProtocolViolation):
                group_control.decode_control(changed)


def test_the_largest_snapshot_fits_into_a_prekey_message() -> None:
    first, last = 2**200, 2**200 + 500
    everybody = [account(number) for number in range(first, last)]
    gone = [account(number) for number in range(last, last + group_control.MAX_REMOVED)]
    image = PNG.ljust(group_control.MAX_AVATAR_BYTES, b"\0")
    snapshot = Snapshot(
        group_id=GROUP,
        epoch=2**31 - 1,
        timestamp_ms=NOW_MS,
        name="\U0001f600" * 64,
        avatar_hash=group_control.hash_avatar(image),
        administrator=everybody[0],
        administrator_key=KEY_PAIR.public,
        members={everybody[0]: 0, **dict.fromkeys(everybody[1:], 2**31 - 1)},
        removed=tuple(
            Removal(
                account=each,
                added=2**31 - 2,
                last_epoch=2**31 - 2,
                how="over the bound",
                removed_ms=10**13 - 1,
                last_index=2**63 - 1,
            )
            for each in gone
        ),
        address_private=KEY_PAIR.private,
        closed=True,
    )
    signed = group_control.sign_snapshot(snapshot, KEY_PAIR, bytes)
    message = SnapshotMessage(signed=signed, avatar=image, adds_you=True)
    control = Control(group_id=GROUP, epoch=2**31 - 1, body=message)
    content = PairwiseContent(timestamp_ms=10**13 - 1, control=control)
    alice, bob = (identity.generate_key_pair(secrets.token_bytes) for _ in range(2))
    ours = x3dh.create_account(alice, secrets.token_bytes, now_ms=NOW_MS)
    _, bundle = x3dh.create_bundle(
        x3dh.create_account(bob, secrets.token_bytes, now_ms=NOW_MS), secrets.token_bytes, now_ms=NOW_MS
    )
    record = session.Record(ours=alice.public, theirs=bob.public)
    record = session.open_session(record, ours, bundle, secrets.token_bytes, now_ms=NOW_MS)
    _, kind, frame = session.encrypt(record, group_content.encode_pairwise(content))
    assert kind == "prekey message"
    assert wire.MAX_CONTENT_BYTES - 100 > len(frame) > 65_000
    assert group_control.decode_control(group_control.encode_control(control)) == control


# Members

OURS, CAROL = account(3), account(4)


def take(view: View, step: tuple[PublicKey, Leave] | tuple[PublicKey, Add]) -> View:
    """Accept an add of the view's epoch, or a leave."""
    sender, body = step
    if isinstance(body, Add):
        return group_control.accept_add(view, sender, view.epoch, body.accounts)
    return group_control.accept_leave(view, OURS, sender, body)


@given(st.lists(indices, min_size=1), st.randoms(use_true_random=False))
def test_the_lowest_last_index_counts_whatever_the_order(last: list[int | None], random: randomness.Random) -> None:
    view = View(signed=say([OURS, CAROL]))
    for index in random.sample(last, len(last)):
        view = group_control.accept_leave(view, OURS, CAROL, Leave(added=0, last_index=index))
    lowest = None if None in last else min(index for index in last if index is not None)
    assert view.leaves == {Membership(CAROL, 0): lowest}


@given(indices, indices)
def test_what_adders_report_counts_until_the_next_snapshot(left: int | None, reported: int | None) -> None:
    message = SnapshotMessage(signed=sign([account(5), CAROL]), adds_you=True)
    view = group_control.accept_snapshot(None, OURS, account(5), message)
    view = group_control.accept_leave(view, OURS, CAROL, Leave(added=0, last_index=left))
    before = view.leaves
    view = group_control.accept_leave(view, OURS, account(5), Leave(added=0, last_index=reported, account=CAROL))
    view = group_control.accept_leave(view, OURS, account(5), Leave(added=0, last_index=0, account=account(5)))
    lowest = None if None in {left, reported} else min(left, reported)  # type: ignore[type-var]
    assert view.leaves == {Membership(CAROL, 0): lowest, Membership(account(5), 0): 0}
    with pytest.raises(errors.NotPermitted):
        group_control.accept_leave(view, OURS, account(5), Leave(added=0, last_index=0, account=OURS))
    following = SnapshotMessage(signed=sign([account(5), OURS, CAROL], 1))
    view = group_control.accept_snapshot(view, OURS, ADMINISTRATOR, following)
    assert before.items() <= view.leaves.items()
    assert view.leaves.keys() == {Membership(CAROL, 0), Membership(account(5), 0)}


@given(
    st.sets(st.integers(3, 12), max_size=6), st.sets(st.integers(3, 12)), st.sets(st.integers(3, 12)), st.integers(6, 8)
)
def test_the_members_are_cut_at_the_bound_before_leaves_are_taken_away(
    listed: set[int], added: set[int], left: set[int], bound: int
) -> None:
    view = View(signed=say(map(account, listed - {2})))
    with mock.patch.object(group_control, "MAX_MEMBERS", bound):
        if added:
            view = group_control.accept_add(view, ADMINISTRATOR, 0, map(account, added))
        for number in left & (listed | added):
            view = group_control.accept_leave(view, OURS, account(number), Leave(added=0, last_index=None))
        members = list(group_control.find_members(view))
    in_order = [2, *sorted(listed), *sorted(added - listed)]
    assert members == [account(number) for number in in_order[:bound] if number not in left]


@given(st.sets(st.integers(3, 6)), st.sets(st.integers(3, 6)), st.integers(3, 8), st.integers(2, 8))
def test_who_adds_does_not_pass_the_bound(added: set[int], left: set[int], newcomer: int, bound: int) -> None:
    """An add that is made adds somebody: nobody that is counted already, and nobody who would be over the bound."""
    view = View(signed=say([]))
    if added:
        view = group_control.accept_add(view, ADMINISTRATOR, 0, map(account, added))
    for number in added & left:
        view = group_control.accept_leave(view, OURS, account(number), Leave(added=0, last_index=None))
    with mock.patch.object(group_control, "MAX_MEMBERS", bound):
        try:
            after = group_control.add(view, ADMINISTRATOR, [account(newcomer)])
        except errors.NotPermitted:
            assert newcomer in added
        except errors.GroupFull:
            assert newcomer not in added and 1 + len(added) >= bound
        else:
            assert newcomer not in added
            assert group_control.find_members(after) == {**group_control.find_members(view), account(newcomer): 0}


# What waits

Step = tuple[PublicKey, Add] | tuple[PublicKey, Leave]


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    """Adds by accounts that are added by other adds, and leaves."""
    few = st.integers(3, 6).map(account)
    adds = st.tuples(few, st.builds(Add, accounts=st.sets(few, min_size=1, max_size=2).map(sorted).map(tuple)))
    leaves = st.tuples(few, st.builds(Leave, added=st.sampled_from([0, 1, 1, 1, 2]), last_index=indices))
    return draw(st.lists(adds | leaves, max_size=9))


def stands(view: View) -> tuple[object, ...]:
    """All of a view but the order of what waits."""
    return view.signed, view.adds, view.left, view.reported, view.adders, view.is_confirmed, frozenset(view.waiting)


@given(steps(), st.randoms(use_true_random=False), st.sets(st.integers(0, 8)))
def test_adds_and_leaves_lead_to_one_view_in_any_order(
    taken: list[Step], random: randomness.Random, twice: set[int]
) -> None:
    first = second = View(signed=say([account(3)], 1))
    for step in taken:
        first = take(first, step)
    again = [step for place, step in enumerate(taken) if place in twice]
    for step in random.sample(taken + again, len(taken) + len(again)):
        second = take(second, step)
    assert stands(first) == stands(second)
    reached, size = set(first.snapshot.members), 0
    while size != len(reached):
        size = len(reached)
        reached |= {a for sender, body in taken if isinstance(body, Add) and sender in reached for a in body.accounts}
    assert {*group_control.find_candidates(first)} == reached
    assert stands(take(first, taken[0]) if taken else first) == stands(first)


@given(steps(), steps(), st.randoms(use_true_random=False))
def test_a_snapshot_comes_between_them_as_it_likes(
    before: list[Step], after: list[Step], random: randomness.Random
) -> None:
    """Adds of the next epoch that come too early wait for its snapshot; those of the last are refused after it."""
    early = late = group_control.accept_snapshot(None, OURS, ADMINISTRATOR, SnapshotMessage(signed=sign([OURS, CAROL])))
    following = SnapshotMessage(signed=sign([OURS, account(5)], 1))
    leaves = [(sender, body) for sender, body in before if isinstance(body, Leave)]

    def take_of(view: View, step: Step, epoch: int) -> View:
        sender, body = step
        with contextlib.suppress(errors.PastEpoch):
            if isinstance(body, Add):
                return group_control.accept_add(view, sender, epoch, body.accounts)
            return group_control.accept_leave(view, OURS, sender, body)
        return view

    for step in random.sample(after, len(after)):
        early = take_of(early, step, 1)
    for step in before:
        early = take_of(early, step, 0)
    early = group_control.accept_snapshot(early, OURS, ADMINISTRATOR, following)
    late = group_control.accept_snapshot(late, OURS, ADMINISTRATOR, following)
    for step in [*before, *leaves]:
        late = take_of(late, step, 0)
    for step in after:
        late = take_of(late, step, 1)
    assert stands(early) == stands(late)


@pytest.mark.parametrize("forwards", [True, False])
def test_a_long_chain_of_adds_that_wait_is_judged(forwards: bool) -> None:
    count = group_control.MAX_WAITING
    chain = [(account(10 + place), Add(accounts=(account(11 + place),))) for place in range(count - 1)]
    view = View(signed=say([OURS]))
    for step in chain if forwards else reversed(chain):
        view = take(view, step)
    assert (len(view.waiting), len(view.adds)) == (count - 1, 0)
    view = take(view, (OURS, Add(accounts=(account(10),))))
    assert (len(view.waiting), len(view.adds)) == (0, count)
    with pytest.raises(errors.GroupFull):
        take(view, (OURS, Add(accounts=(account(9), account(10 + count)))))


def test_what_waits_is_bounded_and_the_oldest_goes_first() -> None:
    view = View(signed=say([OURS]))
    many = [(account(100 + place), Leave(added=5, last_index=index)) for place in range(101) for index in range(10)]
    for step in many:
        view = take(view, step)
    assert [(each.sender, each.body) for each in view.waiting] == many[-1000:]
    later = (account(150), Leave(added=5, last_index=77))
    view = take(view, later)
    kept = [step for step in many[-1000:] if step != (account(150), Leave(added=5, last_index=0))]
    assert [(each.sender, each.body) for each in view.waiting] == [*kept, later]


# Digests


@st.composite
def views(draw: st.DrawFn) -> View:
    """Views of few accounts, in few groups and epochs."""
    few = st.integers(3, 6).map(account)
    other = {
        "group_id": draw(st.sampled_from([GROUP, GroupId(b"\x01" * 32)])),
        "administrator_key": draw(st.sampled_from([KEY_PAIR.public, account(9)])),
        "name": draw(st.sampled_from(["hike", "bike"])),
    }
    memberships = st.builds(Membership, few, st.integers(0, 1))
    return View(
        signed=say(draw(st.sets(few, max_size=2)), draw(st.integers(0, 1)), **other),
        adds=frozenset(draw(st.sets(few, max_size=3))),
        left=draw(st.dictionaries(memberships, indices, max_size=3)),
        reported=draw(st.dictionaries(memberships, indices, max_size=2)),
    )


@given(views(), views(), st.booleans())
@with_settings(max_examples=400)
def test_digests_are_equal_if_and_only_if_views_are(first: View, second: View, same: bool) -> None:
    """A digest leaves out what is no part of a view's members: indices, adds that are listed, leaves of nobody."""

    def counts(view: View) -> tuple[object, ...]:
        added = {**dict.fromkeys(view.adds, view.epoch), **view.snapshot.members}
        leaves = {leave for leave in (*view.left, *view.reported) if added.get(leave.account, -1) == leave.added}
        return view.signed.encoded, view.adds - view.snapshot.members.keys(), leaves

    second = replace(second, signed=first.signed) if same else second
    is_equal = counts(first) == counts(second)
    assert (group_control.derive_digest(first) == group_control.derive_digest(second)) == is_equal


# Epochs


@given(st.sets(st.integers(3, 9), min_size=2), st.sets(st.integers(3, 9)), st.sets(st.integers(3, 9)), st.booleans())
def test_an_epoch_names_who_is_gone(listed: set[int], left: set[int], kicked: set[int], closes: bool) -> None:
    view = View(signed=say(map(account, listed), 4))
    for number in left & listed:
        view = group_control.accept_leave(view, OURS, account(number), Leave(added=0, last_index=number))
    gone = (kicked & listed) - left
    change = Change(kicked={account(number): 100 + number for number in gone}, closes=closes)
    signed = group_control.open_epoch(view, ADMINISTRATOR, KEY_PAIR, change, secrets.token_bytes, now_ms=NOW_MS + 1)
    snapshot = signed.snapshot
    assert snapshot.members == {account(2): 0, **{account(n): 0 for n in sorted(listed - left - gone)}}
    assert {removal.account: (removal.how, removal.last_index) for removal in snapshot.removed} == {
        **{account(number): ("left", number) for number in left & listed},
        **{account(number): ("kicked", 100 + number) for number in gone},
    }
    assert all((removal.added, removal.last_epoch) == (0, 4) for removal in snapshot.removed)
    assert group_control.decode_snapshot(signed.encoded) == snapshot
    group_control.verify_snapshot(signed)


def test_removals_grow_old_and_few() -> None:
    bound, life = group_control.MAX_REMOVED, group_control.REMOVED_MS
    many = [account(number) for number in range(10, 10 + bound + 3)]
    view = View(signed=say(many[: group_control.MAX_MEMBERS - 1]))
    for place, gone in enumerate(many):
        change = Change(kicked={gone: None})
        signed = group_control.open_epoch(view, ADMINISTRATOR, KEY_PAIR, change, bytes_of_one, now_ms=NOW_MS + place)
        view = View(signed=signed)
    assert [removal.account for removal in view.snapshot.removed] == many[3:]
    signed = group_control.open_epoch(
        view, ADMINISTRATOR, KEY_PAIR, Change(), bytes_of_one, now_ms=NOW_MS + bound + 1 + life
    )
    assert [removal.account for removal in signed.snapshot.removed] == many[-1:]


def bytes_of_one(size: int) -> bytes:
    """Bytes that are no randomness, quickly."""
    return b"\x01" * size


@given(st.booleans(), st.booleans(), st.integers(0, 2))
def test_who_added_adds_again_whom_nobody_has_removed(listed: bool, removed: bool, last: int) -> None:
    removal = Removal(account=CAROL, added=0, last_epoch=last, how="kicked", removed_ms=NOW_MS, last_index=None)
    view = View(signed=say([OURS, CAROL] if listed else [OURS], 3, removed=(removal,) if removed else ()))
    must = not listed and not (removed and last >= 1)
    assert group_control.must_add_again(view, CAROL, 1) == must


def test_a_private_key_is_not_shown() -> None:
    assert repr(bytes(KEY_PAIR.private))[2:-1] not in repr(View(signed=say([OURS])))
