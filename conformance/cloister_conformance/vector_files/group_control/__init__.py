"""Chapter 09: control messages and their forms, staged snapshots, and passive scenarios of a view."""

from cloister_conformance.vector_files.cases import Chapter
from cloister_conformance.vector_files.format import Note
from cloister_conformance.vector_files.group_control import forms, scenarios
from cloister_conformance.vector_files.group_control.staged import staged

HEADER = (
    "Chapter 09: group control.",
    "A scenario is passive: control messages with their senders come to the one view of an account, and what the view has become is read.",
    "`snapshot_hash` and `digest_text` are the values on the way to a digest; a snapshot's signature has those of chapter 02.",
    "A refused message is followed by a look at the view: the refusal must have left it as it was.",
)

NOTES = {
    "Form": Note(bugType="BASIC", description="Control messages of good form.", clauses=["GC-2"]),
    "Staged": Note(
        bugType="BASIC",
        description="A snapshot, its hash, the text that is signed, and every value on the way to its signature.",
        clauses=["GC-16"],
    ),
    "OneMessage": Note(bugType="MALFORMED", description="None of the six messages, or two.", clauses=["GC-2"]),
    "Absent": Note(bugType="MALFORMED", description="A field is absent that may not be.", clauses=["GC-2", "NE-11"]),
    "Size": Note(bugType="MALFORMED", description="A field of another size.", clauses=["GC-2"]),
    "Order": Note(
        bugType="LOST_MESSAGE",
        description="Accounts in their order, each once; adds and leaves in any order.",
        clauses=["GC-3", "GC-28", "GC-29", "GC-31", "GC-32", "GC-43"],
    ),
    "Count": Note(
        bugType="DENIAL_OF_SERVICE",
        description="Counts at their bounds and one past them, refused before a key is looked at.",
        clauses=["GC-9", "GC-13", "GC-35"],
    ),
    "BadKey": Note(bugType="WEAK_KEY", description="Keys that chapter 02 refuses, in each place.", clauses=["GC-4"]),
    "Limit": Note(bugType="MALFORMED", description="Numbers outside of their limits.", clauses=["GC-12"]),
    "Contradiction": Note(
        bugType="MALFORMED", description="Snapshots that contradict themselves.", clauses=["GC-10", "GC-11"]
    ),
    "Name": Note(bugType="EDGE_CASE", description="Lengths and normal forms of names.", clauses=["GC-2", "GC-5"]),
    "NameCharacter": Note(
        bugType="AUTH_BYPASS",
        description="Characters that make one name look like another, or break lines.",
        clauses=["GC-6"],
    ),
    "Image": Note(bugType="MALFORMED", description="What images begin with, and their size.", clauses=["GC-7"]),
    "ImageHash": Note(
        bugType="AUTH_BYPASS",
        description="An image that the administrator has not chosen.",
        clauses=["GC-8"],
    ),
    "Snapshot": Note(
        bugType="BASIC",
        description="Snapshots of higher, equal and lower epochs.",
        clauses=["GC-17", "GC-20", "GC-21", "GC-25", "GC-26"],
    ),
    "NotListed": Note(
        bugType="AUTH_BYPASS",
        description="A group that is none of the receiver's business.",
        clauses=["GC-17", "GC-56"],
    ),
    "AddsYou": Note(
        bugType="BASIC", description="The sender of a snapshot adds the receiver.", clauses=["GC-24", "GC-40", "GC-53"]
    ),
    "WrongSignature": Note(
        bugType="AUTH_BYPASS", description="A snapshot that is not the administrator's.", clauses=["GC-16"]
    ),
    "StateUnharmed": Note(
        bugType="LOST_MESSAGE",
        description="What follows a refused message is taken as if that had never come.",
        clauses=["NE-17"],
    ),
    "SplitView": Note(
        bugType="AUTH_BYPASS",
        description="An administrator that shows different snapshots of one epoch.",
        clauses=["GC-22"],
    ),
    "OtherAdministrator": Note(
        bugType="AUTH_BYPASS", description="A member makes itself or another the administrator.", clauses=["GC-18"]
    ),
    "OtherKey": Note(
        bugType="AUTH_BYPASS",
        description="Who adds somebody shows a group with an administrator key of its own.",
        clauses=["GC-18", "GC-19", "GC-25"],
    ),
    "Add": Note(bugType="BASIC", description="Adds by members.", clauses=["GC-28", "GC-34"]),
    "Stranger": Note(
        bugType="AUTH_BYPASS", description="Who is not known adds nobody.", clauses=["GC-30", "GC-31", "GC-32"]
    ),
    "PastAdd": Note(bugType="REPLAY", description="An add of an epoch that is over.", clauses=["GC-30"]),
    "Waiting": Note(
        bugType="DENIAL_OF_SERVICE", description="What waits is bounded; the oldest goes first.", clauses=["GC-33"]
    ),
    "OverTheBound": Note(
        bugType="LOST_MESSAGE",
        description="Over 500 candidates the order of accounts decides, not that of messages.",
        clauses=["GC-26", "GC-38"],
    ),
    "Leave": Note(bugType="BASIC", description="A member leaves.", clauses=["GC-39"]),
    "TwoLeaves": Note(bugType="EDGE_CASE", description="Two leaves of one membership.", clauses=["GC-44", "GC-53"]),
    "ForeignLeave": Note(
        bugType="AUTH_BYPASS",
        description="Somebody says that another one leaves.",
        clauses=["GC-40", "GC-42", "GC-55"],
    ),
    "OldLeave": Note(
        bugType="REPLAY",
        description="A leave of a membership that is over does not end the next one.",
        clauses=["GC-23", "GC-41"],
    ),
    "Closed": Note(bugType="REPLAY", description="A closed group stays closed.", clauses=["GC-27", "GC-54"]),
    "Notice": Note(
        bugType="AUTH_BYPASS",
        description="Messages that change no view, but for a notice of the administrator.",
        clauses=["GC-51", "GC-52"],
    ),
    "Command": Note(
        bugType="BASIC",
        description="What a member may do, and what it then sends.",
        clauses=["GC-28", "GC-36", "GC-37", "GC-39", "GC-45"],
    ),
    "AddAgain": Note(bugType="LOST_MESSAGE", description="An add that crossed an epoch.", clauses=["GC-50"]),
}


def build() -> Chapter:
    """Build the file."""
    return Chapter(
        stem="group_control",
        algorithm="group control of cloister",
        header=HEADER,
        notes=NOTES,
        groups=[
            staged(),
            forms.written(),
            forms.read(),
            forms.lists(),
            forms.keys(),
            forms.numbers(),
            forms.names(),
            forms.names_of_snapshots(),
            forms.images(),
            forms.images_of_snapshots(),
            scenarios.first_snapshots(),
            scenarios.signatures(),
            scenarios.later_snapshots(),
            scenarios.administrator_keys(),
            scenarios.adds(),
            scenarios.bounds(),
            scenarios.leaves(),
            scenarios.closed_groups(),
            scenarios.commands(),
            scenarios.creations(),
        ],
    )
