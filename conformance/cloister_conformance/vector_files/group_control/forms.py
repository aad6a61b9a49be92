"""Chapter 09: control messages, names and images, of good form and of bad."""

from collections.abc import Mapping
from typing import Any

from cloister import group_control

from cloister_conformance.hand_made.group_control import (
    ALICE,
    CAROL,
    DAVE,
    ERIN,
    FRANK,
    PNG,
    Removed,
    Snapshot,
    make_accounts,
    write_add,
    write_control,
    write_key,
    write_leave,
    write_notice,
)
from cloister_conformance.hand_made.group_forms import (
    ABSENT,
    AT_THE_LIMIT,
    BAD_CHARACTERS,
    BAD_IMAGES,
    BAD_NAMES,
    CONTRADICTIONS,
    CONTROLS,
    DISORDER,
    GOOD_IMAGES,
    GOOD_NAMES,
    JPEG,
    OTHER_SIZES,
    OUT_OF_RANGE,
    make_members,
    make_removed,
    place_key,
)
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.reference_adapter import Adapter
from cloister_conformance.vector_files.cases import Group, no_randomness
from cloister_conformance.vector_files.identity.bad_keys import bad_private_keys, kinds_of_bad_public_key

WRITTEN: Mapping[str, bytes] = {
    **CONTROLS,
    **{f"at the limit: {kind}": encoded for kind, encoded in AT_THE_LIMIT.items()},
    "an add of 9 accounts": write_add(*make_accounts("drawn", 9), epoch=127),
    "a leave of epoch 128": write_leave(128, 128),
    "a leave with index 0": write_leave(0, 0),
    "a key with an empty frame": write_key(b"", 1),
    "a key with a long frame": write_key(bytes(range(200)), 2**32),
    "a notice of epoch 0": write_notice(0),
    "a name of several bytes to a character": Snapshot(name="山登り").message(),
}
"""Control messages as a writer writes them."""


def describe(encoded: bytes) -> Any:  # noqa: ANN401 - a JSON value
    """Describe a control message as the reference reads it."""
    return Adapter(no_randomness).call("group_control.decode_control", {"encoded": encoded.hex()})["result"]["control"]


def written() -> Group:
    """Control messages and their bytes."""
    group = Group("Written", "group_control.encode_control")
    for kind, encoded in WRITTEN.items():
        group.valid(kind, "Form", "GC-2 NE-15", expected={"encoded": encoded.hex()}, control=describe(encoded))
    return group


def read() -> Group:
    """Control messages, and what stands in them; malformed ones."""
    group = Group("Read", "group_control.decode_control")
    for kind, encoded in WRITTEN.items():
        group.valid(kind, "Form", "GC-2", encoded=encoded)
    group.valid("an unknown field", "Form", "NE-8", encoded=write_notice() + field(99, b"x"))
    for numbers in ((), (4, 5), (5, 6), (6, 7), (7, 8), (3, 8), (4, 8)):
        bodies = {number: BODIES[number] for number in numbers}
        comment = f"messages {numbers}" if numbers else "no message"
        group.invalid(comment, "InvalidMessage", "OneMessage", "GC-2", encoded=write_control(bodies))
    for place, encoded in ABSENT.items():
        group.invalid(f"absent: {place}", "InvalidMessage", "Absent", "GC-2 NE-11", encoded=encoded)
    for place, encoded in OTHER_SIZES.items():
        group.invalid(place, "InvalidMessage", "Size", "GC-2", encoded=encoded)
    for cut in (1, 2, 10, 100):
        encoded = CONTROLS["snapshot"][:-cut]
        group.invalid(f"a snapshot without its last {cut} bytes", "InvalidMessage", "Absent", "NE-12", encoded=encoded)
    return group


BODIES = {
    3: b"".join(Snapshot().message_fields().values()),
    4: field(1, DAVE),
    5: field(1, 0),
    6: field(1, b"x") + field(2, 0) + field(3, 0) + field(4, bytes(32)),
    7: field(1, 1),
    8: b"",
}
"""A message of each kind, by its field."""


def lists() -> Group:
    """Lists of accounts: their order and their count."""
    group = Group("Lists", "group_control.decode_control")
    for kind, snapshot in DISORDER.items():
        group.invalid(f"order: {kind}", "InvalidMessage", "Order", "GC-3", encoded=snapshot.message())
    for added in ((ERIN, DAVE), (DAVE, DAVE), (DAVE, ERIN, DAVE), (DAVE, FRANK, ERIN)):
        names = " ".join(NAMES[account] for account in added)
        group.invalid(f"an add of {names}", "InvalidMessage", "Order", "GC-3", encoded=write_add(*added))
    group.invalid("an add of nobody", "InvalidMessage", "Order", "GC-3", encoded=write_add())
    for epoch, count in ((0, 1), (0, 2), (1, 0), (0, 501), (1, 501)):
        snapshot = Snapshot(epoch=epoch, members=make_members(count) if count else ())
        comment = f"epoch {epoch}, {count} members"
        group.invalid(comment, "OutOfRange", "Count", "GC-9", encoded=snapshot.message())
    removed = make_removed(group_control.MAX_REMOVED + 1)
    group.invalid("301 removed", "OutOfRange", "Count", "GC-9", encoded=Snapshot(epoch=1, removed=removed).message())
    many = write_add(*make_accounts("many", group_control.MAX_MEMBERS + 1))
    group.invalid("an add of 501", "OutOfRange", "Count", "GC-9", encoded=many)
    for epoch, members in ((1, [ALICE]), (1, [ALICE, CAROL])):
        encoded = Snapshot(epoch=epoch, members=members).message()
        group.valid(f"epoch {epoch}, {len(members)} members", "Count", "GC-9", encoded=encoded)
    return group


NAMES = {DAVE: "Dave", ERIN: "Erin", FRANK: "Frank"}


def keys() -> Group:
    """Keys that chapter 02 refuses, in each place."""
    group = Group("Keys", "group_control.decode_control")
    for place in ("administrator", "administrator key", "member", "removed", "added", "leaver"):
        for comment, clause, key in kinds_of_bad_public_key(DAVE):
            encoded = place_key(place, key)
            group.invalid(f"{place}: {comment}", "InvalidKey", "BadKey", f"GC-4 {clause}", encoded=encoded)
    for comment, key in bad_private_keys():
        encoded = Snapshot(other={10: field(10, key)}).message()
        group.invalid(f"address: {comment}", "InvalidKey", "BadKey", "GC-4 ID-8", encoded=encoded)
    return group


def numbers() -> Group:
    """Numbers outside of their limits, and snapshots that contradict themselves."""
    group = Group("Numbers", "group_control.decode_control")
    for kind, encoded in OUT_OF_RANGE.items():
        group.invalid(kind, "OutOfRange", "Limit", "GC-12", encoded=encoded)
    for kind, (clause, snapshot) in CONTRADICTIONS.items():
        group.invalid(kind, "InvalidMessage", "Contradiction", clause, encoded=snapshot.message())
    for kind, snapshot in (
        ("a member since this epoch", Snapshot(epoch=2, added={CAROL: 2})),
        ("removed in the epoch before", Snapshot(epoch=2, removed=[Removed(account=DAVE, added=1, last_epoch=1)])),
        (
            "a member that was removed before",
            Snapshot(epoch=2, added={CAROL: 2}, removed=[Removed(account=CAROL, last_epoch=1)]),
        ),
    ):
        group.valid(kind, "Contradiction", "GC-10 GC-11", encoded=snapshot.message())
    return group


def names() -> Group:
    """Names."""
    group = Group("Names", "group_control.check_name")
    for name in GOOD_NAMES:
        group.valid(f"{show(name)}", "Name", "GC-5 GC-6", name=name)
    for kind, name in BAD_NAMES.items():
        group.invalid(kind, "InvalidName", "Name", "GC-5", name=name)
    for kind, character in BAD_CHARACTERS.items():
        for form in ("{}", "hi{}ke"):
            group.invalid(f"{kind} in {form}", "InvalidName", "NameCharacter", "GC-6", name=form.format(character))
    return group


def show(name: str) -> str:
    """Show a name by its code points, of which many are the same."""
    first = f"U+{ord(name[0]):04X}"
    return f"{len(name)} times {first}" if len(set(name)) == 1 else " ".join(f"U+{ord(letter):04X}" for letter in name)


def names_of_snapshots() -> Group:
    """Names in snapshots."""
    group = Group("NamesOfSnapshots", "group_control.decode_control")
    for kind, name in {**BAD_NAMES, "much too long": "x" * 200}.items():
        group.invalid(kind, "InvalidName", "Name", "GC-5", encoded=Snapshot(name=name).message())
    for kind, character in BAD_CHARACTERS.items():
        encoded = Snapshot(name=f"hi{character}ke").message()
        group.invalid(kind, "InvalidName", "NameCharacter", "GC-6", encoded=encoded)
    for text in (b"\xff", b"hi\xc3", b"\xed\xa0\x80", b"\xc0\x80"):
        encoded = Snapshot(other={4: field(4, text)}).message()
        group.invalid(f"the bytes {text.hex()}", "InvalidMessage", "Name", "GC-2 NE-12", encoded=encoded)
    return group


def images() -> Group:
    """Images."""
    group = Group("Images", "group_control.check_avatar")
    for kind, image in GOOD_IMAGES.items():
        group.valid(kind, "Image", "GC-7", avatar=image)
    for kind, image in BAD_IMAGES.items():
        if kind != "much too long":
            group.invalid(kind, "InvalidAvatar", "Image", "GC-7", avatar=image)
    return group


def images_of_snapshots() -> Group:
    """Images that come with snapshots."""
    group = Group("ImagesOfSnapshots", "group_control.decode_control")
    for kind in ("PNG", "JPEG", "WebP"):
        image = GOOD_IMAGES[kind]
        group.valid(kind, "Image", "GC-7 GC-8", encoded=Snapshot(avatar=image).message(avatar=image))
    group.valid("an image that does not come", "Image", "GC-8", encoded=Snapshot(avatar=PNG).message())
    for kind, snapshot in (
        ("an image where there is none", Snapshot()),
        ("another image", Snapshot(avatar=JPEG)),
        ("a byte more", Snapshot(avatar=PNG + b"\x00")),
    ):
        group.invalid(kind, "InvalidAvatar", "ImageHash", "GC-8", encoded=snapshot.message(avatar=PNG))
    for kind in ("empty", "GIF", "another RIFF", "cut off PNG"):
        image = BAD_IMAGES[kind]
        encoded = Snapshot(avatar=image).message(avatar=image)
        group.invalid(f"no image: {kind}", "InvalidAvatar", "Image", "GC-7", encoded=encoded)
    return group
