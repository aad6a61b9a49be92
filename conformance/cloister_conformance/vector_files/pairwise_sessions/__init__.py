"""Chapter 03: the staged agreement and ratchet, bundles, first messages, requests, and passive scenarios."""

from cloister_conformance.vector_files.cases import Chapter
from cloister_conformance.vector_files.format import Note
from cloister_conformance.vector_files.pairwise_sessions import crossing, delivery, opening, requests, staged, turns

HEADER = (
    "Chapter 03: X3DH, the Double Ratchet, and the sessions with one peer.",
    "The agreement and the ratchet by itself are staged: every key is given (capabilities x3dh and double-ratchet-*).",
    (
        "A scenario of sessions is passive: Bob's prekeys are given (capability prekey-import), Alice's frames come in, plaintexts "
        "and refusals go out. What Bob makes himself is random and in no vector, but for the kind of his frames."
    ),
    "In the group SessionTurns Bob's ratchet keys are given, too (capability sessions-deterministic), so that his sessions turn.",
    "A refused frame is followed by good ones: the refusal must have left record and prekeys as they were.",
)

NOTES = {
    "Agreement": Note(
        bugType="BASIC",
        description="X3DH with every agreement on the way, with and without a one-time prekey.",
        clauses=["PS-12", "PS-13"],
    ),
    "ChainLink": Note(
        bugType="BASIC", description="One chain key and what is derived from it.", clauses=["PS-26", "PS-27"]
    ),
    "RootStep": Note(bugType="BASIC", description="One step of the root key.", clauses=["PS-35"]),
    "Conversation": Note(
        bugType="BASIC",
        description="Two ratchets that talk, with every key on the way.",
        clauses=["PS-28", "PS-29", "PS-35", "PS-36", "PS-37", "PS-38"],
    ),
    "Late": Note(
        bugType="LOST_MESSAGE",
        description="Messages of the newest five receiving chains come late, and messages of older ones too late.",
        clauses=["PS-46", "PS-47"],
    ),
    "Turn": Note(
        bugType="LOST_MESSAGE",
        description="A frame under a new ratchet key is refused; the ratchet turns with the genuine one only.",
        clauses=["PS-36", "PS-48"],
    ),
    "Crossing": Note(
        bugType="INTEROPERABILITY",
        description="Both opened a session, and both have to send in the same one.",
        clauses=["PS-54", "PS-55"],
    ),
    "EdgeLength": Note(bugType="EDGE_CASE", description="Plaintexts of several lengths.", clauses=["PS-28", "PS-37"]),
    "BadKey": Note(
        bugType="WEAK_KEY",
        description="A key that chapter 02 refuses; with one of low order everybody knows what is agreed.",
        clauses=["PS-10", "PS-19", "PS-33"],
    ),
    "Bundle": Note(bugType="BASIC", description="A good bundle.", clauses=["PS-11"]),
    "Signature": Note(
        bugType="AUTH_BYPASS",
        description="The signed prekey is not signed by the identity key: whoever stores the bundle reads first messages.",
        clauses=["PS-11"],
    ),
    "OtherIdentity": Note(
        bugType="AUTH_BYPASS", description="Another person than the peer.", clauses=["PS-9", "PS-18", "PS-59"]
    ),
    "PrekeyMessage": Note(bugType="BASIC", description="Good first messages.", clauses=["PS-20", "PS-21", "PS-22"]),
    "Fields": Note(
        bugType="MALFORMED", description="A field is absent or of another size.", clauses=["PS-25", "PS-58"]
    ),
    "UnknownPrekey": Note(
        bugType="LOST_MESSAGE", description="A prekey is named that is not held.", clauses=["PS-8", "PS-20"]
    ),
    "TamperedFirst": Note(
        bugType="LOST_MESSAGE",
        description="A forged first message that names the prekeys of a genuine one must not use them up.",
        clauses=["PS-24"],
    ),
    "Replay": Note(bugType="REPLAY", description="What was read before.", clauses=["PS-23", "PS-41", "PS-61"]),
    "Expiry": Note(
        bugType="EDGE_CASE",
        description="A prekey at the end of its life, to the millisecond.",
        clauses=["PS-5", "PS-6", "PS-7"],
    ),
    "Order": Note(bugType="LOST_MESSAGE", description="Messages in every order, and with gaps.", clauses=["PS-40"]),
    "WrongMac": Note(bugType="AUTH_BYPASS", description="A MAC that is not the sender's.", clauses=["PS-29", "PS-31"]),
    "VersionByte": Note(
        bugType="INTEROPERABILITY",
        description="The MAC covers the version byte as it was sent; the low four bits may be any.",
        clauses=["PS-30"],
    ),
    "Counter": Note(bugType="INTEROPERABILITY", description="Counters of 2^31 and more.", clauses=["PS-34"]),
    "PreviousCounter": Note(
        bugType="INTEROPERABILITY",
        description="Deployed senders write different values; no reader may need it.",
        clauses=["PS-39"],
    ),
    "BadCiphertext": Note(
        bugType="MALFORMED",
        description="The MAC is right, and the ciphertext is not whole blocks or badly padded.",
        clauses=["PS-32", "PS-48"],
    ),
    "SkipLimit": Note(
        bugType="DENIAL_OF_SERVICE",
        description="Messages 2000 and more ahead of the chain.",
        clauses=["PS-42", "PS-43"],
    ),
    "SkippedSeeds": Note(
        bugType="DENIAL_OF_SERVICE",
        description="2000 skipped seeds are kept for one session; the oldest go first.",
        clauses=["PS-44", "PS-45"],
    ),
    "NoSession": Note(bugType="BASIC", description="A message before any session.", clauses=["PS-53"]),
    "Archived": Note(
        bugType="LOST_MESSAGE",
        description="40 archived sessions are read for 14 days, to the millisecond.",
        clauses=["PS-51", "PS-52"],
    ),
    "Request": Note(bugType="BASIC", description="A good request for a session.", clauses=["PS-58", "PS-63"]),
    "RequestMac": Note(bugType="AUTH_BYPASS", description="A request whose MAC is not the peer's.", clauses=["PS-60"]),
    "RequestTime": Note(
        bugType="REPLAY",
        description="A request at and beyond the limits of its time, and one that is not newer than the last.",
        clauses=["PS-61", "PS-62"],
    ),
    "StateUnharmed": Note(
        bugType="LOST_MESSAGE",
        description="What follows a refused frame is read as if that frame had never come.",
        clauses=["PS-24", "PS-48", "NE-17"],
    ),
}


def build() -> Chapter:
    """Build the file."""
    return Chapter(
        stem="pairwise_sessions",
        algorithm="X3DH and Double Ratchet of Signal protocol version 3",
        header=HEADER,
        notes=NOTES,
        groups=[
            *staged.agreements(),
            staged.chain_links(),
            staged.root_steps(),
            staged.conversations(),
            turns.late(),
            turns.tampered(),
            turns.skipped_seeds(),
            turns.previous_counters(),
            opening.bundles(),
            opening.prekey_messages(),
            opening.replays(),
            opening.expiries(),
            delivery.orders(),
            delivery.replays(),
            delivery.tampered(),
            delivery.ciphertexts(),
            delivery.skip_limits(),
            delivery.sessions(),
            crossing.sent_in(),
            crossing.turns_of_sessions(),
            requests.requests(),
            requests.stale(),
        ],
    )
