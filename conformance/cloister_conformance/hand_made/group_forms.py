"""Chapter 09: control messages, names and images of good form and of bad, for its suite and its vectors."""

from cloister import group_control, identity

from cloister_conformance.hand_made.group_control import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    PNG,
    Removed,
    Snapshot,
    encode_member,
    make_accounts,
    write_add,
    write_ask,
    write_control,
    write_key,
    write_leave,
    write_notice,
)
from cloister_conformance.hand_made.protobuf import field, join

MAX_EPOCH = group_control.MAX_EPOCH
MAX_INDEX = group_control.MAX_INDEX

CONTROLS = {
    "snapshot": Snapshot(avatar=PNG).message(avatar=PNG),
    "later snapshot": Snapshot(epoch=3, added={CAROL: 2}, removed=[Removed(account=DAVE, last_index=7)]).message(),
    "snapshot that adds": Snapshot().message(adds_you=True),
    "closing snapshot": Snapshot(epoch=9, closed=True).message(),
    "add": write_add(DAVE, ERIN, epoch=2),
    "leave": write_leave(2, 5),
    "leave of another": write_leave(0, None, BOB),
    "key": write_key(),
    "ask": write_ask(2),
    "notice": write_notice(),
}
"""Control messages of good form."""


def leave_out_fields() -> dict[str, bytes]:
    """Control messages in each of which one field is absent that may not be."""
    snapshot = Snapshot(epoch=1)
    removal = Removed(account=DAVE)
    absent = {f"field {number} of a control message": write_control({8: b""}, other={number: b""}) for number in (1, 2)}
    for number in (1, 2, 4):
        absent[f"field {number} of a snapshot message"] = snapshot.message(other={number: b""})
    for number in (1, 2, 3, 4, 6, 7, 10, 11):
        absent[f"field {number} of a snapshot"] = Snapshot(epoch=1, other={number: b""}).message()
    for number in (1, 2):
        member = field(3 - number, CAROL if number == 2 else 0)
        bad = snapshot.fields()[8] + field(8, member)
        absent[f"field {number} of a member"] = Snapshot(epoch=1, other={8: bad}).message()
    for number in (1, 2, 3, 4, 5):
        bad = field(9, removal.encode({number: b""}))
        absent[f"field {number} of a removal"] = Snapshot(epoch=1, other={9: bad}).message()
    absent["field 1 of a leave"] = write_control({5: field(2, 5)})
    key = {1: field(1, b"x"), 2: field(2, 0), 3: field(3, 0), 4: field(4, bytes(32))}
    for number in key:
        absent[f"field {number} of a key"] = write_control({6: join(key, {number: b""})})
    absent["field 1 of a question"] = write_control({7: b""})
    return absent


ABSENT = leave_out_fields()


OTHER_SIZES = {
    **{
        f"a group id of {size} bytes": write_control({8: b""}, other={1: field(1, bytes(size))}) for size in (0, 31, 33)
    },
    **{
        f"a group id of {size} bytes in a snapshot": Snapshot(other={1: field(1, bytes(size))}).message()
        for size in (0, 31, 33)
    },
    **{
        f"an avatar hash of {size} bytes": Snapshot(other={5: field(5, bytes(size))}).message()
        for size in (0, 20, 31, 33)
    },
    **{f"a digest of {size} bytes": write_key(digest=bytes(size)) for size in (0, 31, 33)},
    **{f"a signature of {size} bytes": Snapshot().message(other={2: field(2, bytes(size))}) for size in (0, 63, 65)},
}


REMOVED = [Removed(account=DAVE), Removed(account=ERIN)]
DISORDER = {
    "members": Snapshot(members=(ALICE, BOB, CAROL)),
    "a member twice": Snapshot(members=(BOB, ALICE, ALICE, CAROL)),
    "a member twice, added in two epochs": Snapshot(
        epoch=1,
        other={8: b"".join(field(8, encode_member(*each)) for each in ((BOB, 0), (ALICE, 0), (CAROL, 0), (CAROL, 1)))},
    ),
    "members in descending order": Snapshot(members=(CAROL, ALICE, BOB)),
    "removed": Snapshot(epoch=1, removed=REMOVED[::-1]),
    "a removed account twice": Snapshot(epoch=1, removed=[REMOVED[0], *REMOVED]),
}


BAD_KEYS = {
    "empty": b"",
    "without its type byte": DAVE[1:],
    "of another type": b"\x06" + DAVE[1:],
    "too long": DAVE + b"\x00",
    "not below p": b"\x05" + (identity.P + 9).to_bytes(32, "little"),
    "of low order": b"\x05" + bytes(32),
}


def place_key(place: str, key: bytes) -> bytes:
    """Write a control message with a key in one place."""
    snapshot = Snapshot(epoch=1)
    return {
        "administrator": lambda: Snapshot(other={6: field(6, key)}).message(),
        "administrator key": lambda: Snapshot(other={7: field(7, key)}).message(),
        "member": lambda: Snapshot(other={8: field(8, encode_member(key, 0)) + snapshot.fields()[8]}).message(),
        "removed": lambda: Snapshot(epoch=1, removed=[Removed(account=key)]).message(),
        "added": lambda: write_add(key),
        "leaver": lambda: write_leave(account=key),
    }[place]()


GOOD_NAMES = [
    "a",
    " ",
    "hike",
    "x" * group_control.MAX_NAME_CHARACTERS,
    "\U0001f3d4" * group_control.MAX_NAME_CHARACTERS,
    "Köln",
    "山登り",
    "\u05d4\u05e8",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "na\u200cme",
    "\ufeff",
    "\u0378",
    "\uffff",
]
"""A zero-width joiner has the category Cf, and two code points are not assigned."""

BAD_NAMES = {
    "empty": "",
    "too long": "x" * (group_control.MAX_NAME_CHARACTERS + 1),
    "much too long": "x" * 5000,
    "decomposed": "Ko\u0308ln",
    "decomposed and 65 code points, 64 composed": "x" * 63 + "o\u0308",
    "of a singleton": "\u212b",
    "of marks in another order": "a\u0301\u0323",
    "of compatibility jamo": "\u1112\u1161\u11ab",
}
BAD_CHARACTERS = {
    "NUL": "\x00",
    "line feed": "\n",
    "delete": "\x7f",
    "next line": "\x85",
    "private use": "\ue000",
    "private use, plane 16": "\U00100000",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    **{f"U+{ord(control):04X}": control for control in sorted(group_control.BIDI_CONTROLS)},
}


JPEG, WEBP = b"\xff\xd8\xff" + bytes(20), b"RIFF\x00\x00\x00\x00WEBP" + bytes(20)
GOOD_IMAGES = {
    "PNG": PNG,
    "JPEG": JPEG,
    "WebP": WEBP,
    "shortest PNG": PNG[:8],
    "shortest JPEG": JPEG[:3],
    "shortest WebP": WEBP[:12],
    "WebP of some size": b"RIFF\xff\x01\x02\x03WEBPVP8 ",
    "of the greatest size": PNG + bytes(group_control.MAX_AVATAR_BYTES - len(PNG)),
}
BAD_IMAGES = {
    "empty": b"",
    "too long by one": PNG + bytes(group_control.MAX_AVATAR_BYTES - len(PNG) + 1),
    "much too long": JPEG + bytes(100_000),
    "cut off PNG": PNG[:7],
    "cut off JPEG": JPEG[:2],
    "cut off WebP": WEBP[:11],
    "another RIFF": b"RIFF\x00\x00\x00\x00WAVE" + bytes(20),
    "GIF": b"GIF89a" + bytes(20),
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "PNG that does not begin there": b"\x00" + PNG,
    "PNG with another line end": b"\x89PNG\n\x1a\n" + bytes(24),
}


def make_members(count: int) -> list[bytes]:
    """Make so many members, of whom Alice is one."""
    return sorted([ALICE, *make_accounts("many", count - 1)])


def make_removed(count: int) -> list[Removed]:
    """Make so many removals."""
    return [Removed(account=account) for account in make_accounts("removed", count)]


CONTRADICTIONS = {
    "the administrator is no member": ("GC-10", Snapshot(members=(BOB, CAROL, DAVE))),
    "the administrator was added later": ("GC-10", Snapshot(epoch=1, added={ALICE: 1})),
    "a member was added in a later epoch": ("GC-10", Snapshot(epoch=1, added={CAROL: 2})),
    "a first member was added in a later epoch": ("GC-10", Snapshot(added={CAROL: 1})),
    "removed in this epoch": ("GC-11", Snapshot(epoch=2, removed=[Removed(account=DAVE, last_epoch=2)])),
    "removed in a later epoch": ("GC-11", Snapshot(epoch=2, removed=[Removed(account=DAVE, last_epoch=3)])),
    "removed before it was added": (
        "GC-11",
        Snapshot(epoch=3, removed=[Removed(account=DAVE, added=2, last_epoch=1)]),
    ),
    "removed in epoch 0 already": ("GC-11", Snapshot(removed=[Removed(account=DAVE)])),
    "a member and removed": ("GC-11", Snapshot(epoch=2, removed=[Removed(account=CAROL, last_epoch=1)])),
    "a member since its removal": (
        "GC-11",
        Snapshot(epoch=3, added={CAROL: 1}, removed=[Removed(account=CAROL, last_epoch=1)]),
    ),
}


def removal(**members: int) -> bytes:
    """Write a snapshot with a removal."""
    return Snapshot(epoch=1, removed=[Removed(account=DAVE, **members)]).message()


OUT_OF_RANGE = {
    "epoch of a control message": write_notice(MAX_EPOCH + 1),
    "greatest epoch of a control message": write_notice(2**64 - 1),
    "epoch of a snapshot": Snapshot(epoch=MAX_EPOCH + 1).message(other={}),
    "epoch of an add": write_add(DAVE, epoch=MAX_EPOCH + 1),
    "epoch of a member": Snapshot(epoch=1, added={CAROL: MAX_EPOCH + 1}).message(),
    "epoch of a removal": removal(added=MAX_EPOCH + 1, last_epoch=MAX_EPOCH + 1),
    "last epoch of a removal": removal(last_epoch=MAX_EPOCH + 1),
    "epoch of a leave": write_leave(MAX_EPOCH + 1),
    "index of a leave": write_leave(0, MAX_INDEX + 1),
    "greatest index of a leave": write_leave(0, 2**64 - 1),
    "index of a removal": removal(last_index=MAX_INDEX + 1),
    "index of a key": write_key(next_index=MAX_INDEX + 1),
    "epoch of a key": write_key(added=MAX_EPOCH + 1),
    "how 0": removal(how=0),
    "how 4": removal(how=4),
    "what 0": write_ask(0),
    "what 3": write_ask(3),
    "time of a snapshot with 12 digits": Snapshot(timestamp_ms=999_999_999_999).message(),
    "time of a snapshot with 14 digits": Snapshot(timestamp_ms=10_000_000_000_000).message(),
    "time of a removal with 12 digits": removal(removed_ms=999_999_999_999),
    "time of a removal with 14 digits": removal(removed_ms=10_000_000_000_000),
}


AT_THE_LIMIT = {
    "epoch": write_notice(MAX_EPOCH),
    "epoch of a snapshot": Snapshot(epoch=MAX_EPOCH, added={CAROL: MAX_EPOCH}).message(),
    "epoch of a leave": write_leave(MAX_EPOCH),
    "index of a leave": write_leave(0, MAX_INDEX),
    "index of a removal": removal(last_index=MAX_INDEX),
    "index of a key": write_key(next_index=MAX_INDEX),
    "epoch of a key": write_key(added=MAX_EPOCH),
    "how 1": removal(how=1),
    "how 3": removal(how=3),
    "first time": Snapshot(timestamp_ms=1_000_000_000_000).message(),
    "last time": removal(removed_ms=9_999_999_999_999),
}
