"""Chapter 10: contents, staged messages, and passive scenarios: what one member of a group gets, and what it tells."""

from cloister_conformance.vector_files.cases import Chapter
from cloister_conformance.vector_files.closed_groups import contents, joining, keys, lives, reading, staged, views
from cloister_conformance.vector_files.format import Note

HEADER = (
    "Chapter 10: closed groups.",
    "The six people of all scenarios have accounts in the order of their names: Alice, the administrator, Bob, Carol, Dave, Erin, Frank.",
    (
        "A scenario is passive: Bob's prekeys are given (capability client-import), everybody's letters come in, and what he tells goes out. "
        "The others opened their sessions with him and wait for no answer; what Bob stores himself is random and in no vector."
    ),
    "What a client tells in one step may come in any order, and so may the recipients that it polls.",
    "An invalid scenario tells one refusal, or one command is refused. What follows shows that the refusal changed nothing.",
    "Digests are part of what is held: they are computed by the formula of chapter 09, not taken from a client.",
)

NOTES = {
    "Content": Note(bugType="BASIC", description="Good group contents.", clauses=["CG-8"]),
    "ContentForm": Note(
        bugType="MALFORMED", description="A field is absent, too many, or of another size.", clauses=["CG-8", "CG-32"]
    ),
    "Number": Note(bugType="EDGE_CASE", description="Numbers and times beyond their limits.", clauses=["CG-32"]),
    "BadKey": Note(bugType="WEAK_KEY", description="A sender that is no acceptable account.", clauses=["CG-32"]),
    "TextLimit": Note(
        bugType="DENIAL_OF_SERVICE", description="Texts at and above their limit in bytes.", clauses=["CG-6", "CG-32"]
    ),
    "OtherPath": Note(
        bugType="AUTH_BYPASS",
        description="What belongs into a pairwise session comes as a group message, or the reverse.",
        clauses=["CG-2", "CG-32"],
        links=["https://nebuchadnezzar-megolm.github.io/"],
    ),
    "Pairwise": Note(bugType="BASIC", description="Good pairwise contents.", clauses=["CG-1", "CG-3", "CG-5"]),
    "PairwiseForm": Note(
        bugType="MALFORMED",
        description="A pairwise content that says two things at once, or is none.",
        clauses=["CG-1", "CG-6", "CG-32"],
    ),
    "Staged": Note(
        bugType="BASIC",
        description="A group message with everything on the way: content, frame, envelope, what is stored.",
        clauses=["CG-7", "CG-8"],
    ),
    "Life": Note(bugType="BASIC", description="A whole life of a group.", clauses=["CG-29", "CG-34", "CG-49"]),
    "Creation": Note(
        bugType="BASIC",
        description="Bob is there from the beginning, in whatever order snapshot, keys and messages come.",
        clauses=["CG-20", "CG-28"],
    ),
    "Joiner": Note(
        bugType="LOST_MESSAGE",
        description="Bob is added: he reads everybody from then on, and nothing from before.",
        clauses=["CG-13", "CG-14", "CG-35", "CG-36"],
    ),
    "Provisional": Note(
        bugType="AUTH_BYPASS",
        description="The administrator key is provisional until the administrator itself has sent a snapshot.",
        clauses=["CG-49"],
    ),
    "AddedAgain": Note(
        bugType="LOST_MESSAGE",
        description="Who is added again has another membership: indices from 0, and the end of the old one does not touch it.",
        clauses=["CG-9", "CG-22", "CG-25", "CG-26"],
    ),
    "Message": Note(bugType="BASIC", description="Messages of members.", clauses=["CG-9", "CG-29"]),
    "Gap": Note(
        bugType="LOST_MESSAGE",
        description="Messages that are missing are told, and read when they come; the newest 2000 are remembered.",
        clauses=["CG-29", "CG-30"],
    ),
    "Replay": Note(
        bugType="REPLAY",
        description="An index of a membership comes again: sealed anew, under another iteration or key, or by another way.",
        clauses=["CG-29"],
    ),
    "Moved": Note(
        bugType="REPLAY",
        description="A message in another group, epoch, or under another name than it was written for.",
        clauses=["CG-23"],
    ),
    "Forged": Note(bugType="AUTH_BYPASS", description="What is not the sender's.", clauses=["CG-32"]),
    "Room": Note(bugType="AUTH_BYPASS", description="Only the administrator may offer a room.", clauses=["CG-33"]),
    "FanOut": Note(
        bugType="INTEROPERABILITY",
        description="Group contents in pairwise sessions: client-side fan-out.",
        clauses=["CG-28", "CG-29"],
    ),
    "Keys": Note(bugType="BASIC", description="Sender keys that members give.", clauses=["CG-19", "CG-52"]),
    "KeyForm": Note(
        bugType="MALFORMED", description="A sender key that is none, or contradicts what is held.", clauses=["CG-32"]
    ),
    "OthersKey": Note(
        bugType="AUTH_BYPASS", description="A sender key that is not its giver's.", clauses=["CG-19", "CG-23"]
    ),
    "NotPresent": Note(
        bugType="AUTH_BYPASS",
        description="Keys, asks and leaves of accounts that may not say this.",
        clauses=["CG-20", "CG-21", "CG-32", "CG-44"],
    ),
    "Waiting": Note(
        bugType="LOST_MESSAGE",
        description="What cannot be judged yet waits, and is read when it can be.",
        clauses=["CG-20", "CG-28"],
    ),
    "WaitingBound": Note(
        bugType="DENIAL_OF_SERVICE",
        description="How many frames and keys of one account wait; the oldest is dropped.",
        clauses=["CG-20", "CG-28"],
    ),
    "NewEpoch": Note(
        bugType="BASIC", description="The administrator opens an epoch.", clauses=["CG-34", "CG-39", "CG-49"]
    ),
    "PastEpoch": Note(
        bugType="LOST_MESSAGE",
        description="Messages and keys of an epoch that is over, of members that do not know it yet.",
        clauses=["CG-19", "CG-24"],
    ),
    "Polling": Note(
        bugType="EDGE_CASE", description="Old addresses are polled for 14 days, to the millisecond.", clauses=["CG-34"]
    ),
    "BadSnapshot": Note(
        bugType="AUTH_BYPASS",
        description="A snapshot that is not the administrator's, contradicts the one that is held, or is none.",
        clauses=["CG-32"],
    ),
    "Removal": Note(
        bugType="AUTH_BYPASS",
        description="Who has left or was kicked is read up to the last index that counts, and no further.",
        clauses=["CG-25", "CG-26", "CG-49"],
    ),
    "Out": Note(bugType="BASIC", description="Bob is out, and polls the group no more.", clauses=["CG-34", "CG-41"]),
    "Notice": Note(
        bugType="AUTH_BYPASS",
        description="A notice of anybody but the administrator changes nothing.",
        clauses=["CG-32", "CG-49"],
    ),
    "Closed": Note(
        bugType="BASIC",
        description="The group is closed: nothing changes any more, and what is under way is read.",
        clauses=["CG-11", "CG-24", "CG-34"],
    ),
    "Command": Note(
        bugType="AUTH_BYPASS",
        description="What a client has to refuse to its own user.",
        clauses=["CG-10", "CG-11", "CG-33"],
    ),
    "Divergence": Note(
        bugType="AUTH_BYPASS",
        description="A member whose digest still differs two minutes after it was first seen to differ is reported, and not before.",
        clauses=["CG-46", "CG-54"],
    ),
    "Crowd": Note(
        bugType="EDGE_CASE",
        description="The 500th and the 501st member.",
        clauses=["CG-20", "CG-27", "CG-49"],
    ),
    "StateUnharmed": Note(
        bugType="LOST_MESSAGE",
        description="What follows a refusal is read, and held, as if what was refused had never come.",
        clauses=["CG-32", "NE-17"],
    ),
}


def build() -> Chapter:
    """Build the file."""
    return Chapter(
        stem="closed_groups",
        algorithm="closed groups over sender keys and pairwise sessions",
        header=HEADER,
        notes=NOTES,
        groups=[
            contents.encoded_contents(),
            contents.decoded_contents(),
            contents.encoded_pairwise(),
            contents.decoded_pairwise(),
            staged.stages(),
            joining.creations(),
            joining.joiners(),
            joining.liars(),
            joining.crowds(),
            reading.orders(),
            reading.bindings(),
            reading.pairwise(),
            keys.given(),
            keys.malformed(),
            keys.strangers(),
            views.epochs(),
            views.removals(),
            views.ends(),
            views.differences(),
            lives.lives(),
        ],
    )
