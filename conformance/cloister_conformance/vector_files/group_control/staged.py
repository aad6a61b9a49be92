"""Chapter 09: snapshots with every value on the way to their hash and signature."""

from cloister_conformance.hand_made.group_control import (
    CAROL,
    DAVE,
    ERIN,
    PNG,
    Removed,
    Snapshot,
)
from cloister_conformance.vector_files.cases import Group
from cloister_conformance.vector_files.group_control.forms import describe
from cloister_conformance.vector_files.identity.stages import stage_signature

SNAPSHOTS = {
    "the first": Snapshot(),
    "with an image": Snapshot(avatar=PNG),
    "of another key": Snapshot(key="another"),
    "a later one": Snapshot(epoch=1, added={CAROL: 1}),
    "with removals": Snapshot(
        epoch=300,
        removed=[
            Removed(account=DAVE, added=127, last_epoch=128, how=1, last_index=0),
            Removed(account=ERIN, added=0, last_epoch=299, how=3),
        ],
    ),
    "the last": Snapshot(epoch=2**31 - 1),
    "a closing one": Snapshot(epoch=2, closed=True),
    "with a long name": Snapshot(name="山" * 64),
}


def staged() -> Group:
    """Build the group of staged snapshots."""
    group = Group("StagedSnapshot", "group_control.encode_control")
    for kind, snapshot in SNAPSHOTS.items():
        stages = {
            "snapshot": snapshot.encoded,
            "snapshot_hash": snapshot.hash,
            "signed_text": snapshot.signed_text,
            "administrator_key_private": snapshot.administrator_key.private,
            "Z": snapshot.randomness,
            **stage_signature(snapshot.administrator_key.private, snapshot.signed_text, snapshot.randomness),
        }
        encoded = snapshot.message()
        group.valid(
            kind,
            "Staged",
            "GC-2 GC-16 NE-15",
            expected={"encoded": encoded.hex()},
            intermediates=stages,
            control=describe(encoded),
        )
    return group
