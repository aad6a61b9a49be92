"""Chapter 04: staged messages, the fields of frames, and passive scenarios."""

from cloister_conformance.vector_files.cases import Chapter
from cloister_conformance.vector_files.format import Note
from cloister_conformance.vector_files.sender_keys import delivery, distributions
from cloister_conformance.vector_files.sender_keys.fields import (
    ciphertexts,
    distribution_fields,
    message_fields,
    signatures,
)
from cloister_conformance.vector_files.sender_keys.staged import staged

HEADER = (
    "Chapter 04: sender keys.",
    "Staged messages inject every random value (capability sender-keys-deterministic); their frames can also be read passively.",
    (
        "A scenario is passive: keys and frames in, plaintexts and refusals out. `record` names what a "
        "receiver holds of one sender."
    ),
    "A refused frame is followed by good ones: the refusal must have left the record as it was.",
    "The forms of frames (versions, field order, unknown fields, truncation) are in notation.json.",
)

NOTES = {
    "Staged": Note(
        bugType="BASIC",
        description="Every value on the way from a chain key to a frame.",
        clauses=["SK-2", "SK-3", "SK-4", "SK-5", "SK-7", "SK-8", "SK-9"],
    ),
    "Published": Note(
        bugType="BASIC",
        description="Values that deployed libraries have read.",
        clauses=["SK-2", "SK-3", "SK-4", "SK-5"],
    ),
    "EdgeLength": Note(
        bugType="EDGE_CASE",
        description="Plaintexts of every length up to a few blocks, and long ones.",
        clauses=["SK-4"],
    ),
    "EdgeNumber": Note(
        bugType="EDGE_CASE",
        description="Key ids and iterations where their encoding or their sign changes.",
        clauses=["SK-5", "SK-15"],
    ),
    "Exhausted": Note(bugType="EDGE_CASE", description="The last iteration, and none after it.", clauses=["SK-10"]),
    "Chain": Note(bugType="BASIC", description="One chain key and what is derived from it.", clauses=["SK-2", "SK-3"]),
    "ChainKeySize": Note(bugType="MALFORMED", description="A chain key that has not 32 bytes.", clauses=["SK-13"]),
    "SigningKey": Note(bugType="WEAK_KEY", description="A signing key that chapter 02 refuses.", clauses=["SK-14"]),
    "IterationLimit": Note(
        bugType="INTEROPERABILITY",
        description="Iterations at and above 2^31; some readers take them for negative numbers.",
        clauses=["SK-15"],
    ),
    "WrongSignature": Note(
        bugType="AUTH_BYPASS",
        description="Every member has the chain key; only the signature tells the sender from the others.",
        clauses=["SK-5", "SK-27"],
    ),
    "SignatureFirst": Note(
        bugType="AUTH_BYPASS",
        description="The signature is verified before the iteration is looked at, or an outsider can make a "
        "receiver report a gap.",
        clauses=["SK-27"],
    ),
    "UnknownKey": Note(bugType="BASIC", description="A message under a key id that is not held.", clauses=["SK-26"]),
    "BadCiphertext": Note(
        bugType="MALFORMED",
        description="Signed by the sender, and its ciphertext is not whole blocks or badly padded.",
        clauses=["SK-34", "SK-35"],
    ),
    "Order": Note(bugType="LOST_MESSAGE", description="Messages in every order, and with gaps.", clauses=["SK-28"]),
    "Replay": Note(bugType="REPLAY", description="A message that was read before.", clauses=["SK-29"]),
    "Rewind": Note(
        bugType="REPLAY",
        description="A distribution that is repeated or earlier must not rewind the chain; a deployed library "
        "reads old messages again.",
        clauses=["SK-17"],
    ),
    "MoveForward": Note(
        bugType="LOST_MESSAGE",
        description="A later distribution of the same key moves the chain forward and keeps what it passes over.",
        clauses=["SK-18", "SK-19"],
    ),
    "Conflict": Note(bugType="AUTH_BYPASS", description="A sender contradicts its own chain.", clauses=["SK-20"]),
    "Renewal": Note(
        bugType="LOST_MESSAGE",
        description="A new sender key; messages under the old one are still under way.",
        clauses=["SK-16", "SK-21"],
    ),
    "ManyKeys": Note(
        bugType="LOST_MESSAGE",
        description="Up to 100 sender keys of one sender are held; deployed libraries hold five.",
        clauses=["SK-22", "SK-23"],
    ),
    "Expiry": Note(
        bugType="EDGE_CASE",
        description="A superseded key is read for 14 days, to the millisecond.",
        clauses=["SK-24", "SK-25"],
    ),
    "SkipLimit": Note(
        bugType="DENIAL_OF_SERVICE",
        description="Messages 2000 and more ahead of the chain.",
        clauses=["SK-30", "SK-31"],
    ),
    "SkippedSeeds": Note(
        bugType="DENIAL_OF_SERVICE",
        description="2000 skipped seeds are kept for one sender over all its keys; the oldest go first.",
        clauses=["SK-32", "SK-33"],
    ),
    "StateUnharmed": Note(
        bugType="LOST_MESSAGE",
        description="What follows a refused frame is read as if that frame had never come.",
        clauses=["SK-35", "NE-17"],
    ),
    "Records": Note(
        bugType="AUTH_BYPASS", description="The records of several senders have nothing in common.", clauses=["SK-26"]
    ),
}


def build() -> Chapter:
    """Build the file."""
    return Chapter(
        stem="sender_keys",
        algorithm="sender keys of Signal protocol version 3",
        header=HEADER,
        notes=NOTES,
        groups=[
            *staged(),
            distribution_fields(),
            message_fields(),
            ciphertexts(),
            signatures(),
            delivery.orders(),
            delivery.replays(),
            distributions.redistributions(),
            distributions.conflicts(),
            distributions.renewals(),
            distributions.many_keys(),
            distributions.expiries(),
            delivery.skip_limits(),
            delivery.skipped_seeds(),
            delivery.mixed_records(),
        ],
    )
