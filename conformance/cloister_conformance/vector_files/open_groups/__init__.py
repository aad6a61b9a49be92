"""Chapter 11: ids, signed requests, onion requests to a server, links, posts, and passive scenarios of a reader."""

from cloister_conformance.vector_files.cases import Chapter
from cloister_conformance.vector_files.format import Note
from cloister_conformance.vector_files.open_groups import ids, links, onions, posts, requests, views

HEADER = (
    "Chapter 11: open groups, without a server.",
    "Ids, points and signatures were computed in whole numbers, not by the libraries that the reference uses.",
    "What a server answers to a signed request is a status, not an error name: such cases are valid, and `expected` holds the status. Their nonces are fresh.",
    "Intermediate numbers (k, a, ka, r, h) are 32 bytes, least significant first.",
    "A scenario of a view is passive: pages come in, and what is told and shown is stated. An invalid one tells one refusal, or one page is refused; what follows shows that nothing else changed.",
)

NOTES = {
    "Id": Note(bugType="BASIC", description="Ids of seeds under two servers.", clauses=["OG-1"]),
    "Published": Note(
        bugType="INTEROPERABILITY",
        description="Values that others published, or computed with deployed code.",
        clauses=["OG-1", "OG-5", "OG-6"],
        links=["https://github.com/oxen-io/session-pysogs"],
    ),
    "Account": Note(
        bugType="AUTH_BYPASS",
        description="All forms of an id, and both signs of its key, lead to one account; a ban of one form holds for all.",
        clauses=["OG-1", "OG-2"],
    ),
    "BadPoint": Note(
        bugType="WEAK_KEY",
        description="A key that is no point, no canonical one, not of prime order, or of another kind.",
        clauses=["OG-2", "OG-3", "OG-69", "OG-71"],
    ),
    "IdForm": Note(bugType="MALFORMED", description="An id that is no 66 digits of lower-case hex.", clauses=["OG-3"]),
    "Signed": Note(bugType="BASIC", description="Requests that are signed rightly, or by nobody.", clauses=["OG-6"]),
    "HeaderForm": Note(
        bugType="MALFORMED",
        description="Some of the four headers are missing, or one is of another form: 400.",
        clauses=["OG-3", "OG-4", "OG-8"],
    ),
    "BadSignature": Note(
        bugType="AUTH_BYPASS",
        description="A part of the request is not the one that was signed, or the signature is none: 401.",
        clauses=["OG-6", "OG-9"],
    ),
    "Time": Note(bugType="REPLAY", description="A day between the clocks, to the second.", clauses=["OG-10"]),
    "Staged": Note(
        bugType="BASIC",
        description="A request over three nodes and its reply, with every value on the way.",
        clauses=["OG-63", "OG-64", "OG-68"],
    ),
    "Control": Note(bugType="INTEROPERABILITY", description="What may stand beside a layer.", clauses=["OG-64"]),
    "Unopened": Note(
        bugType="AUTH_BYPASS", description="What is not sealed to the key, or damaged.", clauses=["OG-64", "OG-70"]
    ),
    "Payload": Note(bugType="BASIC", description="Payloads of onion requests.", clauses=["OG-64"]),
    "PayloadForm": Note(
        bugType="MALFORMED", description="A payload that is no list, or no request.", clauses=["OG-64"]
    ),
    "Reply": Note(bugType="BASIC", description="Replies of a server.", clauses=["OG-70"]),
    "ReplyForm": Note(
        bugType="MALFORMED", description="A reply that decrypts to something else than one.", clauses=["OG-70"]
    ),
    "Link": Note(bugType="BASIC", description="Links to rooms.", clauses=["OG-69"]),
    "LinkForm": Note(
        bugType="MALFORMED",
        description="A link with something more, twice, in another spelling, or missing: each reader would take another server or key from it.",
        clauses=["OG-69"],
    ),
    "Pinned": Note(bugType="AUTH_BYPASS", description="Another key of a base that is known.", clauses=["OG-69"]),
    "Post": Note(bugType="BASIC", description="Posts, written and read.", clauses=["OG-71", "OG-72", "OG-77"]),
    "PostLimit": Note(bugType="EDGE_CASE", description="What a client does not post.", clauses=["OG-77"]),
    "Encoding": Note(
        bugType="INTEROPERABILITY", description="Contents that others encode otherwise.", clauses=["OG-72"]
    ),
    "ContentForm": Note(
        bugType="MALFORMED", description="Data that is signed rightly and no content.", clauses=["OG-72"]
    ),
    "Moved": Note(bugType="REPLAY", description="A post for another room or server.", clauses=["OG-72"]),
    "Forged": Note(bugType="AUTH_BYPASS", description="A post that its author did not sign.", clauses=["OG-71"]),
    "File": Note(bugType="AUTH_BYPASS", description="Files, and others in their place.", clauses=["OG-76"]),
    "View": Note(bugType="BASIC", description="Posts, edits and deletions as they come.", clauses=["OG-74", "OG-75"]),
    "Replay": Note(
        bugType="REPLAY", description="A post under another id, or an id with another post.", clauses=["OG-73"]
    ),
    "Rollback": Note(
        bugType="REPLAY", description="An older revision, or another with the same number.", clauses=["OG-73"]
    ),
    "MessageForm": Note(
        bugType="MALFORMED", description="A message that is refused by itself.", clauses=["OG-71", "OG-72", "OG-74"]
    ),
    "PageForm": Note(bugType="LOST_MESSAGE", description="A page that is refused as a whole.", clauses=["OG-74"]),
    "StateUnharmed": Note(
        bugType="LOST_MESSAGE",
        description="What follows a refusal is shown as if what was refused had never come.",
        clauses=["OG-74", "NE-17"],
    ),
}


def build() -> Chapter:
    """Build the file."""
    return Chapter(
        stem="open_groups",
        algorithm="blinded Ed25519 keys, signed requests, onion requests to a server, signed posts",
        header=HEADER,
        notes=NOTES,
        groups=[
            ids.derived(),
            ids.published(),
            ids.found(),
            requests.signed(),
            requests.published(),
            requests.checked(),
            onions.staged(),
            onions.opened(),
            onions.payloads(),
            onions.replies(),
            links.decoded(),
            links.encoded(),
            links.known(),
            posts.written(blinded=True),
            posts.written(blinded=False),
            posts.read(),
            posts.files(),
            views.lives(),
            views.seen_before(),
            views.bad_messages(),
            views.bad_pages(),
        ],
    )
