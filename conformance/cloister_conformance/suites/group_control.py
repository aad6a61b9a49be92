"""Chapter 09: the form of control messages, names, images, and the creation of a group."""

import unicodedata
from typing import Any

import pytest
from cloister import group_control, identity
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made.group_control import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    NOW,
    PNG,
    Removed,
    Snapshot,
    encode_accounts,
    encode_leave,
    make_accounts,
    write_add,
    write_control,
)
from cloister_conformance.hand_made.group_forms import (
    ABSENT,
    AT_THE_LIMIT,
    BAD_CHARACTERS,
    BAD_IMAGES,
    BAD_KEYS,
    BAD_NAMES,
    CONTRADICTIONS,
    CONTROLS,
    DISORDER,
    GOOD_IMAGES,
    GOOD_NAMES,
    JPEG,
    MAX_EPOCH,
    MAX_INDEX,
    OTHER_SIZES,
    OUT_OF_RANGE,
    WEBP,
    make_members,
    make_removed,
    place_key,
)
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor, Answer
from cloister_conformance.strategies import timestamps

MAX_MEMBERS = group_control.MAX_MEMBERS
Json = dict[str, Any]


def decode(actor: Actor, encoded: bytes) -> Answer:
    """Let an actor decode a control message."""
    return actor.call("group_control.decode_control", encoded=encoded)


def decode_alike(iut: Actor, peer: Actor, encoded: bytes) -> None:
    """Let the implementation decode a control message as the peer does."""
    expected = decode(peer, encoded)
    decode(iut, encoded).must_be_like(expected)


def refuse(actors: Actors, encoded: bytes, error: str) -> None:
    """Let the implementation refuse a control message for its form, and decode a good one afterwards."""
    iut, peer = actors()
    decode(iut, encoded).must_be_refused(error)
    decode_alike(iut, peer, CONTROLS["snapshot"])


# Form


def accounts() -> st.SearchStrategy[list[bytes]]:
    """Some accounts, in ascending order."""
    return st.sets(st.sampled_from(make_accounts("drawn", 9))).map(sorted)


def indices() -> st.SearchStrategy[str | None]:
    """Indices, perhaps absent."""
    edges = st.sampled_from([0, 127, 128, 2**31, 2**32, 2**53, MAX_INDEX])
    return st.one_of(st.none(), st.one_of(edges, st.integers(0, MAX_INDEX)).map(str))


def epochs() -> st.SearchStrategy[int]:
    """Epochs."""
    return st.one_of(st.sampled_from([0, 1, 127, 128, MAX_EPOCH]), st.integers(0, MAX_EPOCH))


def names() -> st.SearchStrategy[str]:
    """Names of groups."""
    letters = st.characters(categories=("L", "N", "P", "S", "Zs", "M"))
    normal = st.text(letters, min_size=1, max_size=64).map(lambda text: unicodedata.normalize("NFC", text))
    return normal.filter(lambda name: 1 <= len(name) <= group_control.MAX_NAME_CHARACTERS)


def without_none(members: Json) -> Json:
    """Leave out the members that are absent."""
    return {name: value for name, value in members.items() if value is not None}


@st.composite
def snapshots(draw: st.DrawFn) -> Json:
    """Snapshots of good form, with their signature."""
    epoch = draw(epochs().filter(bool))
    members = {account: draw(st.integers(0, epoch)) for account in draw(accounts())} | {ALICE: 0}
    removed = [
        {
            "account": account,
            "added": draw(st.integers(0, members.get(account, epoch) - 1)),
            "last_epoch": members.get(account, epoch) - 1,
            "how": draw(st.sampled_from(list(group_control.NUMBER_OF_HOW))),
            "removed_ms": draw(timestamps()),
            "last_index": draw(indices()),
        }
        for account in draw(accounts())
        if members.get(account, 1)
    ]
    return {
        "snapshot": {
            "group_id": draw(st.binary(min_size=32, max_size=32)),
            "epoch": epoch,
            "timestamp_ms": draw(timestamps()),
            "name": draw(names()),
            "administrator": ALICE,
            "administrator_key": BOB,
            "members": [{"account": account, "added": members[account]} for account in sorted(members)],
            "removed": [without_none(removal) for removal in removed],
            "address_private": identity.clamp(draw(st.binary(min_size=32, max_size=32))),
            "closed": draw(st.booleans()),
        },
        "signature": draw(st.binary(min_size=64, max_size=64)),
        "adds_you": draw(st.booleans()),
    }


@st.composite
def controls(draw: st.DrawFn) -> Json:
    """Control messages of good form."""
    kind = draw(st.sampled_from(["snapshot", "add", "leave", "key", "ask", "notice"]))
    group_id = draw(st.binary(min_size=32, max_size=32))
    body: Json = {}
    if kind == "snapshot":
        body = draw(snapshots())
        group_id = body["snapshot"]["group_id"]
    elif kind == "add":
        body = {"accounts": draw(accounts().filter(bool))}
    elif kind == "leave":
        account = draw(st.sampled_from([None, *make_accounts("drawn", 3)]))
        body = without_none({"added": draw(epochs()), "last_index": draw(indices()), "account": account})
    elif kind == "key":
        body = {
            "distribution": draw(st.binary(max_size=90)),
            "next_index": draw(indices().filter(bool)),
            "added": draw(epochs()),
            "digest": draw(st.binary(min_size=32, max_size=32)),
        }
    elif kind == "ask":
        body = {"what": draw(st.sampled_from(list(group_control.NUMBER_OF_WHAT)))}
    return {"group_id": group_id, "epoch": draw(epochs()), kind: body}


@clause("GC-2", "NE-15")
@given(control=controls())
def test_control_messages_are_written_and_read_as_by_the_reference(actors: Actors, control: Json) -> None:
    iut, peer = actors()
    expected = peer.call("group_control.encode_control", control=control)
    iut.call("group_control.encode_control", control=control).must_be_like(expected)
    decode_alike(iut, peer, expected.result.encoded)


@clause("GC-2", "GC-12")
@pytest.mark.parametrize("kind", CONTROLS)
def test_what_stands_in_a_control_message_is_read(actors: Actors, kind: str) -> None:
    iut, peer = actors()
    decode_alike(iut, peer, CONTROLS[kind])


BODIES = {
    3: b"",
    4: encode_accounts([DAVE]),
    5: encode_leave(),
    6: field(1, b"x") + field(2, 0) + field(3, 0) + field(4, bytes(32)),
    7: field(1, 1),
    8: b"",
}
BODIES[3] = b"".join(Snapshot().message_fields().values())


@clause("GC-2")
@pytest.mark.parametrize("numbers", [(), (3, 4), (4, 5), (5, 6), (6, 7), (7, 8), (3, 8), (4, 8), (3, 4, 5, 6, 7, 8)])
def test_a_control_message_has_one_message(actors: Actors, numbers: tuple[int, ...]) -> None:
    refuse(actors, write_control({number: BODIES[number] for number in numbers}), "InvalidMessage")


@clause("GC-2", "NE-11")
@pytest.mark.parametrize("place", ABSENT)
def test_a_field_that_may_not_be_absent_is_there(actors: Actors, place: str) -> None:
    refuse(actors, ABSENT[place], "InvalidMessage")


@clause("GC-2")
@pytest.mark.parametrize("place", OTHER_SIZES)
def test_a_field_of_another_size_is_refused(actors: Actors, place: str) -> None:
    refuse(actors, OTHER_SIZES[place], "InvalidMessage")


@clause("GC-2", "NE-17")
@given(rest=st.binary(max_size=80), kind=st.sampled_from(list(CONTROLS)), cut=st.integers(min_value=1))
def test_rubbish_and_cut_off_messages_are_refused_as_by_the_reference(
    actors: Actors, rest: bytes, kind: str, cut: int
) -> None:
    iut, peer = actors()
    for encoded in (rest, CONTROLS[kind][: -(cut % len(CONTROLS[kind])) - 1], CONTROLS[kind] + rest):
        decode_alike(iut, peer, encoded)


@clause("GC-3")
@pytest.mark.parametrize("kind", DISORDER)
def test_a_snapshot_lists_accounts_in_ascending_order(actors: Actors, kind: str) -> None:
    refuse(actors, DISORDER[kind].message(), "InvalidMessage")


@clause("GC-3")
@pytest.mark.parametrize("added", [(), (ERIN, DAVE), (DAVE, DAVE), (DAVE, ERIN, DAVE)])
def test_an_add_lists_accounts_in_ascending_order(actors: Actors, added: tuple[bytes, ...]) -> None:
    refuse(actors, write_add(*added), "InvalidMessage")


@clause("GC-4")
@pytest.mark.parametrize("kind", BAD_KEYS)
@pytest.mark.parametrize("place", ["administrator", "administrator key", "member", "removed", "added", "leaver"])
def test_a_public_key_that_is_none_is_refused(actors: Actors, place: str, kind: str) -> None:
    refuse(actors, place_key(place, BAD_KEYS[kind]), "InvalidKey")


@clause("GC-4")
@pytest.mark.parametrize("key", [b"", bytes(32), b"\x01" + bytes(30) + b"\x40", bytes(31) + b"\x80", bytes(33)])
def test_an_address_key_that_is_none_is_refused(actors: Actors, key: bytes) -> None:
    refuse(actors, Snapshot(other={10: field(10, key)}).message(), "InvalidKey")


# Names and images


@clause("GC-5", "GC-6")
@pytest.mark.parametrize("name", GOOD_NAMES)
def test_good_names_are_good(actors: Actors, name: str) -> None:
    iut, peer = actors()
    iut.call("group_control.check_name", name=name).must_be()
    message = Snapshot(name=name).message()
    decode_alike(iut, peer, message)


@clause("GC-5")
@pytest.mark.parametrize("kind", BAD_NAMES)
def test_bad_names_are_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    iut.call("group_control.check_name", name=BAD_NAMES[kind]).must_be_refused("InvalidName")
    refuse(actors, Snapshot(name=BAD_NAMES[kind]).message(), "InvalidName")


@clause("GC-6")
@pytest.mark.parametrize("kind", BAD_CHARACTERS)
@pytest.mark.parametrize("form", ["{}", "hi{}ke", "hike{}"])
def test_names_with_bad_characters_are_refused(actors: Actors, kind: str, form: str) -> None:
    iut, _ = actors()
    name = form.format(BAD_CHARACTERS[kind])
    iut.call("group_control.check_name", name=name).must_be_refused("InvalidName")
    refuse(actors, Snapshot(name=name).message(), "InvalidName")


@clause("GC-5", "GC-6")
@given(name=st.text(st.characters(exclude_categories=("Cs", "Cn")), max_size=66))
def test_names_are_judged_as_by_the_reference(actors: Actors, name: str) -> None:
    iut, peer = actors()
    expected = peer.call("group_control.check_name", name=name)
    iut.call("group_control.check_name", name=name).must_be_like(expected)


@clause("GC-2", "NE-12")
@pytest.mark.parametrize("text", [b"\xff", b"hi\xc3", b"\xed\xa0\x80", b"\xc0\x80"])
def test_a_name_that_is_not_utf8_is_refused(actors: Actors, text: bytes) -> None:
    refuse(actors, Snapshot(other={4: field(4, text)}).message(), "InvalidMessage")


@clause("GC-7", "GC-8")
@pytest.mark.parametrize("kind", GOOD_IMAGES)
def test_good_images_are_good(actors: Actors, kind: str) -> None:
    iut, peer = actors()
    image = GOOD_IMAGES[kind]
    iut.call("group_control.check_avatar", avatar=image).must_be()
    message = Snapshot(avatar=image).message(avatar=image)
    decode_alike(iut, peer, message)


@clause("GC-7")
@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_bad_images_are_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    image = BAD_IMAGES[kind]
    iut.call("group_control.check_avatar", avatar=image).must_be_refused("InvalidAvatar")
    refuse(actors, Snapshot(avatar=image).message(avatar=image), "InvalidAvatar")


@clause("GC-8")
@pytest.mark.parametrize("avatar", [None, JPEG, PNG + b"\x00"])
def test_an_image_that_is_not_that_of_the_snapshot_is_refused(actors: Actors, avatar: bytes | None) -> None:
    refuse(actors, Snapshot(avatar=avatar).message(avatar=PNG), "InvalidAvatar")


@clause("GC-8")
def test_a_snapshot_may_come_without_its_image(actors: Actors) -> None:
    iut, peer = actors()
    message = Snapshot(avatar=PNG).message()
    decode_alike(iut, peer, message)


# Counts and contradictions


@clause("GC-9")
@pytest.mark.parametrize(
    "snapshot",
    [
        Snapshot(members=make_members(3)),
        Snapshot(members=make_members(MAX_MEMBERS - 1)),
        Snapshot(members=make_members(MAX_MEMBERS)),
        Snapshot(epoch=1, members=[ALICE]),
        Snapshot(epoch=1, members=[BOB, ALICE]),
        Snapshot(epoch=1, members=make_members(MAX_MEMBERS)),
        Snapshot(epoch=1, removed=make_removed(group_control.MAX_REMOVED)),
    ],
    ids=lambda snapshot: f"epoch {snapshot.epoch}, {len(snapshot.members)} members, {len(snapshot.removed)} removed",
)
def test_counts_at_their_bounds_are_read(actors: Actors, snapshot: Snapshot) -> None:
    iut, peer = actors()
    decode_alike(iut, peer, snapshot.message())


NO_KEYS = [index.to_bytes(33, "big") for index in range(10_000)]
"""Accounts in ascending order, none of which is a public key."""


@clause("GC-9")
@pytest.mark.parametrize(("epoch", "count"), [(0, 0), (0, 1), (0, 2), (1, 0), (0, 501), (1, 501)])
def test_another_count_of_members_is_refused_before_any_key_is_checked(actors: Actors, epoch: int, count: int) -> None:
    refuse(actors, Snapshot(epoch=epoch, members=NO_KEYS[:count]).message(), "OutOfRange")


@clause("GC-58")
@pytest.mark.parametrize("size", [49_153, 400_000])
def test_a_snapshot_over_its_bound_is_refused_before_it_is_read(actors: Actors, size: int) -> None:
    refuse(actors, Snapshot().message(other={1: field(1, bytes(size))}), "TooLarge")
    refuse(actors, Snapshot(epoch=1, members=NO_KEYS).message(), "TooLarge")


@clause("GC-58")
def test_a_snapshot_at_its_bound_is_read_for_what_it_is(actors: Actors) -> None:
    refuse(actors, Snapshot().message(other={1: field(1, b"\xff" * 49_152)}), "InvalidMessage")


@clause("GC-9")
@pytest.mark.parametrize("count", [group_control.MAX_REMOVED + 1, 500])
def test_more_removed_are_refused_before_any_key_is_checked(actors: Actors, count: int) -> None:
    removed = [Removed(account=account) for account in NO_KEYS[:count]]
    refuse(actors, Snapshot(epoch=1, removed=removed).message(), "OutOfRange")


@clause("GC-9")
def test_an_add_at_its_bound_is_read(actors: Actors) -> None:
    iut, peer = actors()
    message = write_add(*make_accounts("many", MAX_MEMBERS))
    decode_alike(iut, peer, message)


@clause("GC-9")
@pytest.mark.parametrize("count", [501, 10_000])
def test_an_add_of_more_is_refused_before_any_key_is_checked(actors: Actors, count: int) -> None:
    refuse(actors, write_add(*NO_KEYS[:count]), "OutOfRange")


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=clause(CONTRADICTIONS[kind][0])) for kind in CONTRADICTIONS])
def test_a_snapshot_that_contradicts_itself_is_refused(actors: Actors, kind: str) -> None:
    refuse(actors, CONTRADICTIONS[kind][1].message(), "InvalidMessage")


@clause("GC-10", "GC-11")
@pytest.mark.parametrize(
    "snapshot",
    [
        Snapshot(epoch=2, added={CAROL: 2}),
        Snapshot(epoch=2, removed=[Removed(account=DAVE, last_epoch=1)]),
        Snapshot(epoch=2, removed=[Removed(account=DAVE, added=1, last_epoch=1)]),
        Snapshot(epoch=2, added={CAROL: 1}, removed=[Removed(account=CAROL, last_epoch=0)]),
        Snapshot(epoch=2, added={CAROL: 2}, removed=[Removed(account=CAROL, last_epoch=1)]),
    ],
)
def test_a_snapshot_that_does_not_contradict_itself_is_read(actors: Actors, snapshot: Snapshot) -> None:
    iut, peer = actors()
    decode_alike(iut, peer, snapshot.message())


@clause("GC-12")
@pytest.mark.parametrize("kind", OUT_OF_RANGE)
def test_a_number_outside_of_its_limits_is_refused(actors: Actors, kind: str) -> None:
    refuse(actors, OUT_OF_RANGE[kind], "OutOfRange")


@clause("GC-12")
@pytest.mark.parametrize("kind", AT_THE_LIMIT)
def test_a_number_at_its_limit_is_read(actors: Actors, kind: str) -> None:
    iut, peer = actors()
    decode_alike(iut, peer, AT_THE_LIMIT[kind])


# Creation


def create(actor: Actor, others: list[bytes], *, view: str = "view", account: bytes = ALICE, **members: Any) -> Answer:  # noqa: ANN401
    """Let an actor create a group."""
    actor.call("group_control.create_view", view=view, account=account).must_be()
    params = {"name": "hike", "now_ms": NOW, **members}
    return actor.call("group_control.create_group", view=view, others=others, **params)


@clause("GC-13")
@pytest.mark.parametrize(
    "others",
    [[], [BOB], [ALICE, BOB], [BOB, BOB], [BOB, ALICE, BOB, ALICE], make_accounts("many", MAX_MEMBERS)],
    ids=["alone", "two", "two and itself", "the same twice", "two, each twice", "501"],
)
def test_a_group_of_another_size_is_not_created(actors: Actors, others: list[bytes]) -> None:
    iut, _ = actors()
    create(iut, others).must_be_refused("OutOfRange")
    create(iut, [BOB, CAROL]).must_be()


@clause("GC-13", "GC-15")
@pytest.mark.parametrize(
    "others",
    [
        [BOB, CAROL],
        [CAROL, BOB],
        [BOB, ALICE, CAROL],
        [BOB, CAROL, BOB],
        make_accounts("many", MAX_MEMBERS - 2),
        make_accounts("many", MAX_MEMBERS - 1),
    ],
    ids=["3", "in another order", "with itself", "one twice", "499", "500"],
)
def test_a_created_group_has_its_members_and_its_administrator(actors: Actors, others: list[bytes]) -> None:
    iut, _ = actors()
    create(iut, others).must_be()
    told = [{"account": account, "added": 0} for account in sorted({ALICE, *others})]
    iut.call("group_control.read", view="view").must_be(
        epoch=0,
        name="hike",
        administrator=ALICE,
        members=told,
        adds=[],
        leaves=[],
        removed=[],
        is_confirmed=True,
        waiting=0,
        is_out=False,
        closed=False,
    )


@clause("GC-13", "GC-14", "GC-16")
@given(
    others=st.sets(st.sampled_from(make_accounts("others", 8)), min_size=2),
    name=names(),
    avatar=st.sampled_from([None, PNG, WEBP]),
    now_ms=timestamps(),
)
def test_members_take_up_a_created_group(
    actors: Actors, others: set[bytes], name: str, avatar: bytes | None, now_ms: int
) -> None:
    iut, peer = actors()
    encoded = create(iut, sorted(others), name=name, avatar=avatar, now_ms=now_ms).result.encoded
    decode(peer, encoded).must_contain(control=["'adds_you': False", "" if avatar is None else avatar.hex()])
    peer.call("group_control.create_view", view="other", account=min(others)).must_be()
    peer.call("group_control.accept", view="other", sender=ALICE, encoded=encoded).must_be()
    theirs = peer.call("group_control.read", view="other")
    iut.call("group_control.read", view="view").must_be(**theirs.result.model_dump(exclude={"is_out"}))


@clause("GC-5", "GC-6", "GC-7")
def test_a_group_is_not_created_with_a_bad_name_or_image(actors: Actors) -> None:
    iut, _ = actors()
    for name in (*BAD_NAMES.values(), *BAD_CHARACTERS.values()):
        create(iut, [BOB, CAROL], name=name).must_be_refused("InvalidName")
    for image in BAD_IMAGES.values():
        create(iut, [BOB, CAROL], avatar=image).must_be_refused("InvalidAvatar")
    create(iut, [BOB, CAROL], name="hike", avatar=PNG).must_be()


@clause("GC-14")
def test_each_group_has_keys_and_an_id_of_its_own(actors: Actors) -> None:
    iut, peer = actors()
    old: list[bytes] = []
    for number in range(4):
        if number == 2:
            iut.restart()
        told = decode(peer, create(iut, [BOB, CAROL]).result.encoded)
        if old:
            told.must_exclude(control=old)
        assert told.result.control.snapshot is not None
        snapshot = told.result.control.snapshot.snapshot
        old += [snapshot.group_id, snapshot.administrator_key[1:], snapshot.address_private]
        for secret in (snapshot.group_id[:16], snapshot.group_id[16:], snapshot.address_private[8:24]):
            decode(peer, create(iut, [BOB, CAROL]).result.encoded).must_exclude(control=[secret, bytes(8)])


@clause("GC-14")
def test_members_do_not_learn_the_administrator_key(actors: Actors) -> None:
    iut, peer = actors()
    told = decode(peer, create(iut, [BOB, CAROL]).result.encoded).result.control.snapshot
    assert told is not None
    snapshot = told.snapshot
    for private in (snapshot.address_private, identity.clamp(snapshot.group_id)):
        signature = peer.call("identity.sign", private_key=private, message=b"x").result.signature
        verified = peer.call(
            "identity.verify", public_key=snapshot.administrator_key, message=b"x", signature=signature
        )
        verified.must_be_refused("InvalidSignature")
