"""Chapter 07: swarms and storage."""

from cloister_conformance.vector_files.cases import Chapter
from cloister_conformance.vector_files.format import Note
from cloister_conformance.vector_files.swarms.between_nodes import (
    checked_requests,
    dropped,
    dropped_texts,
    pushed,
    read_batches,
    refused_batches,
    signed_requests,
    written_batches,
)
from cloister_conformance.vector_files.swarms.choice import (
    choices,
    deployed_choices,
    deployed_spaces,
    nodes,
    readings,
    reserved_ids,
    spaces,
)
from cloister_conformance.vector_files.swarms.mailboxes import cursors, forgotten, passed_on
from cloister_conformance.vector_files.swarms.pages import (
    current_difficulties,
    more_valid_difficulties,
    pages,
    valid_difficulties,
)
from cloister_conformance.vector_files.swarms.stores import (
    orders,
    refused_stores,
    requests,
    retrieves,
    stores,
    work,
)

HEADER = (
    "Chapter 07: swarms and storage.",
    "Swarm ids, spaces, and ttl and timestamp of a message are decimal texts: they reach 2^64 - 1.",
    "The Ed25519 seed of node a is the SHA-256 hash of the text `cloister example node a`; those of the others are like it.",
    "Every nonce is made for the texts as they stand, so the one thing wrong with an invalid store is what its comment says.",
    "In the group Reading the two readings of the choice differ; in all others they agree.",
    "No batch is so long that it is closed: the file would be. What only a running node shows has no vectors.",
)

NOTES = {
    "Ordinary": Note(
        bugType="BASIC", description="Ordinary cases.", clauses=["SW-1", "SW-2", "SW-4", "SW-13", "SW-33"]
    ),
    "Published": Note(
        bugType="BASIC",
        description="Values of deployed software's own tests.",
        clauses=["SW-1", "SW-2", "SW-27"],
    ),
    "Words": Note(
        bugType="BASIC",
        description="Recipients in which one word is not 0: each word counts, and in its order.",
        clauses=["SW-1"],
    ),
    "Tie": Note(
        bugType="EDGE_CASE",
        description="Spaces in the middle between two swarms, and next to it. Floating point and signed numbers differ.",
        clauses=["SW-2"],
    ),
    "Single": Note(bugType="EDGE_CASE", description="One swarm, which is everybody's.", clauses=["SW-2"]),
    "Exact": Note(bugType="EDGE_CASE", description="Spaces that are ids.", clauses=["SW-2"]),
    "RoundTheEnd": Note(bugType="EDGE_CASE", description="The nearest swarm lies round the end.", clauses=["SW-2"]),
    "Reading": Note(
        bugType="INTEROPERABILITY",
        description="Nodes of 2020 measured the way round the end two shorter than it is.",
        clauses=["SW-2"],
    ),
    "ReservedId": Note(
        bugType="EDGE_CASE",
        description="Nodes that wait for a swarm stand under an id that no swarm has.",
        clauses=["SW-3"],
    ),
    "Request": Note(bugType="BASIC", description="Requests, written in several ways.", clauses=["SW-6"]),
    "RequestForm": Note(
        bugType="MALFORMED",
        description="What is no request. Deployed nodes answer 500 to params of other types.",
        clauses=["SW-6"],
    ),
    "RecipientForm": Note(
        bugType="MALFORMED",
        description="A recipient of another form. Deployed nodes look at its length only.",
        clauses=["SW-7", "SW-30"],
    ),
    "TextForm": Note(
        bugType="MALFORMED",
        description="A text in another form than its only one.",
        clauses=["SW-7", "SW-9", "SW-10", "SW-30"],
    ),
    "DataLimit": Note(bugType="DENIAL_OF_SERVICE", description="Data above the size limit.", clauses=["SW-7"]),
    "OtherSwarm": Note(
        bugType="LOST_MESSAGE",
        description="A recipient of another swarm: what is kept here would never be found.",
        clauses=["SW-5", "SW-30"],
    ),
    "TtlLimit": Note(
        bugType="EDGE_CASE", description="Times to live at and beyond their limits.", clauses=["SW-9", "SW-30"]
    ),
    "ClockTolerance": Note(
        bugType="EDGE_CASE",
        description="Times at and beyond what clocks may differ by.",
        clauses=["SW-10", "SW-30", "SW-32"],
    ),
    "Expiration": Note(
        bugType="EDGE_CASE",
        description="Messages just before and just after their time is over.",
        clauses=["SW-11", "SW-23", "SW-24", "SW-30", "SW-43"],
    ),
    "NonceForm": Note(
        bugType="MALFORMED", description="A nonce that is not 8 bytes in canonical base64.", clauses=["SW-12", "SW-30"]
    ),
    "Work": Note(
        bugType="AUTH_BYPASS", description="Work that is just enough, or just too little.", clauses=["SW-12", "SW-13"]
    ),
    "Order": Note(
        bugType="INTEROPERABILITY",
        description="Two faults: the one that the text checks first is answered.",
        clauses=["SW-8"],
    ),
    "Difficulty": Note(
        bugType="LOST_MESSAGE",
        description="Changes of the difficulty: stores are checked against the current one, pushed messages against the "
        "least that was in force around their time.",
        clauses=["SW-26", "SW-27"],
    ),
    "PageSize": Note(bugType="BASIC", description="Pages of 10 and what comes after.", clauses=["SW-20", "SW-22"]),
    "Cursor": Note(
        bugType="LOST_MESSAGE",
        description="Where a page begins. A cursor that is one too early repeats, one too late loses; an unknown one must not end everything.",
        clauses=["SW-21", "SW-39"],
    ),
    "Batch": Note(bugType="BASIC", description="Batches.", clauses=["SW-29"]),
    "BatchForm": Note(
        bugType="MALFORMED",
        description="Bytes that are not whole records, and lengths beyond the end, up to 2^64 - 1.",
        clauses=["SW-29"],
    ),
    "OtherHash": Note(
        bugType="REPLAY",
        description="A hash that is not the message hash: one message, kept many times.",
        clauses=["SW-30"],
    ),
    "HeaderForm": Note(
        bugType="MALFORMED", description="A header that is missing, or of another form.", clauses=["SW-32"]
    ),
    "OtherNode": Note(bugType="AUTH_BYPASS", description="A sender that is not in the network.", clauses=["SW-32"]),
    "OtherRequest": Note(
        bugType="AUTH_BYPASS", description="A signature that was made for another request.", clauses=["SW-32", "SW-33"]
    ),
    "Signature": Note(bugType="SIGNATURE_MALLEABILITY", description="Signatures that were changed.", clauses=["SW-32"]),
    "Repetition": Note(
        bugType="REPLAY",
        description="Messages that come again, from one node or from several.",
        clauses=["SW-40", "SW-41"],
    ),
    "Remembered": Note(
        bugType="REPLAY",
        description="How long the digest of data is remembered: half an hour longer than a message lives at most.",
        clauses=["SW-42", "SW-43"],
    ),
    "FarExpiration": Note(
        bugType="DENIAL_OF_SERVICE", description="Expirations that no message can have.", clauses=["SW-42"]
    ),
    "Lie": Note(
        bugType="LOST_MESSAGE",
        description="A node gives the hash of a message with other data, or a message as expired. That must not hide it.",
        clauses=["SW-40", "SW-43"],
    ),
}


def build() -> Chapter:
    """Build the file."""
    return Chapter(
        stem="swarms",
        algorithm="swarms and storage of the Session network of 2020",
        header=HEADER,
        notes=NOTES,
        groups=[
            deployed_spaces(),
            spaces(),
            deployed_choices(),
            choices(),
            reserved_ids(),
            readings(),
            nodes(),
            requests(),
            stores(),
            refused_stores(),
            work(),
            orders(),
            retrieves(),
            pages(),
            current_difficulties(),
            valid_difficulties(),
            more_valid_difficulties(),
            written_batches(),
            read_batches(),
            refused_batches(),
            pushed(),
            dropped(),
            dropped_texts(),
            signed_requests(),
            checked_requests(),
            cursors(),
            passed_on(),
            forgotten(),
        ],
    )
