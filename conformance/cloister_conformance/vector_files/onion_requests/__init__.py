"""Chapter 08: onions layer by layer, what a node does with a layer, targets, addresses and replies."""

from cloister_conformance.vector_files.cases import Chapter
from cloister_conformance.vector_files.format import Note
from cloister_conformance.vector_files.onion_requests import exits, layers, replies

DEPLOYED = ["https://github.com/oxen-io/oxen-storage-server", "https://github.com/oxen-io/libsession-util"]
HEADER = (
    "Chapter 08: onions layer by layer, what a node does with a layer, targets, addresses and replies.",
    "Onions are given whole and peeled, hop by hop; how the controls of an onion are spelled is not fixed, so none is built here.",
    "Of read_action, `to` is empty, the next node's Ed25519 key, or protocol://host:port/target; `body` is the payload, or what is sent on.",
)

NOTES = {
    "Staged": Note(
        bugType="BASIC",
        description="Every layer of an onion, with the values on the way to its plaintext, and what its node is to do.",
        clauses=["OR-2", "OR-3", "OR-4", "OR-5", "OR-6"],
    ),
    "Published": Note(
        bugType="BASIC", description="Values that others published.", clauses=["OR-3", "OR-6"], links=DEPLOYED
    ),
    "Frame": Note(
        bugType="MALFORMED",
        description="A length or a control that is wrong. A reader that says so, instead of giving the one error, tells who asks where its guess failed.",
        clauses=["OR-3", "OR-7", "OR-8"],
    ),
    "EphemeralKey": Note(
        bugType="WEAK_KEY",
        description="An ephemeral key of another form, or of low order; sealed so that a node without the check would read it.",
        clauses=["OR-7"],
    ),
    "Tampered": Note(
        bugType="AUTH_BYPASS",
        description="A ciphertext that was changed, or is sealed by another rule; an answer that is no base64 of one.",
        clauses=["OR-7", "OR-24"],
    ),
    "Order": Note(
        bugType="INTEROPERABILITY",
        description="Controls with members of several kinds: headers come before host, and host before destination.",
        clauses=["OR-6"],
    ),
    "Members": Note(bugType="MALFORMED", description="A member that is absent or of another type.", clauses=["OR-8"]),
    "Place": Note(
        bugType="EDGE_CASE", description="Where a server is, with members that may be absent.", clauses=["OR-6"]
    ),
    "Target": Note(
        bugType="AUTH_BYPASS",
        description="An exit is no open proxy: it reaches the paths of onion requests only.",
        clauses=["OR-18"],
    ),
    "Address": Note(
        bugType="AUTH_BYPASS",
        description="An exit is kept out of its own networks, also where the address is written inside of another.",
        clauses=["OR-19"],
    ),
    "Reply": Note(bugType="BASIC", description="Replies that are opened.", clauses=["OR-24", "OR-25"]),
    "OtherKey": Note(
        bugType="AUTH_BYPASS", description="An answer that is not sealed with the reply key.", clauses=["OR-24"]
    ),
    "ReplyForm": Note(
        bugType="MALFORMED",
        description="An answer that is sealed rightly, and says something else than a status and a text.",
        clauses=["OR-26"],
    ),
}


def build() -> Chapter:
    """Build the file."""
    return Chapter(
        stem="onion_requests",
        algorithm="X25519 with HMAC-SHA256 and AES-256-GCM, frames and JSON",
        header=HEADER,
        notes=NOTES,
        groups=[
            layers.staged(),
            layers.published(),
            layers.undecryptable(),
            layers.actions(),
            layers.published_actions(),
            layers.malformed(),
            exits.servers(),
            exits.targets(),
            exits.addresses(),
            replies.opened(),
            replies.refused(),
        ],
    )
