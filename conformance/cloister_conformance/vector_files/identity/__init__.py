"""Chapter 02: account ids, keys, agreement and signatures."""

from cloister_conformance.vector_files.cases import Chapter
from cloister_conformance.vector_files.format import Note
from cloister_conformance.vector_files.identity import signing, verifying, verifying_edges
from cloister_conformance.vector_files.identity.keys import (
    account_ids,
    agreements,
    deployed_agreements,
    derivations,
    private_keys,
    public_keys,
    published_agreements,
)

HEADER = (
    "Chapter 02: account ids, key decoding, agreement and XEdDSA signatures as deployed.",
    (
        "Private keys are clamped; where a source prints an unclamped one, it was clamped, which changes "
        "nothing in X25519."
    ),
    (
        "`random` of identity.sign is Z: an implementation without a way to set it uses the signatures "
        "with identity.verify."
    ),
    "Integers among the intermediates (r, h, s) are 32 bytes, least significant byte first.",
)

NOTES = {
    "Ordinary": Note(
        bugType="BASIC", description="Ordinary values.", clauses=["ID-2", "ID-3", "ID-9", "ID-11", "ID-17"]
    ),
    "Published": Note(
        bugType="BASIC",
        description="Values that others published.",
        clauses=["ID-9"],
        links=["https://www.rfc-editor.org/rfc/rfc7748"],
    ),
    "AccountIdForm": Note(
        bugType="MALFORMED",
        description="A text that is not 66 digits of canonical hex. Read leniently, one account has two names.",
        clauses=["ID-4"],
    ),
    "KeyLength": Note(
        bugType="MALFORMED",
        description="A public key that has not 33 bytes; deployed libraries ignore bytes after the 33rd.",
        clauses=["ID-5"],
    ),
    "KeyType": Note(bugType="MALFORMED", description="A first byte other than 0x05.", clauses=["ID-5"]),
    "NonCanonicalKey": Note(
        bugType="WEAK_KEY",
        description="u is not below P, or has its highest bit set: another spelling of a key, and so of a member.",
        clauses=["ID-6"],
    ),
    "LowOrder": Note(
        bugType="WEAK_KEY",
        description="A key of low order: every agreement with it gives the same secret.",
        clauses=["ID-7"],
        links=["https://www.rfc-editor.org/rfc/rfc7748#section-6.1"],
    ),
    "PrivateKeyForm": Note(
        bugType="MALFORMED",
        description="A private key that is not 32 clamped bytes; libraries disagree on what it agrees to.",
        clauses=["ID-8"],
    ),
    "EdgeKey": Note(bugType="EDGE_CASE", description="Keys at the edges of their range.", clauses=["ID-9"]),
    "Twist": Note(
        bugType="EDGE_CASE",
        description="A u on the twist of the curve: good for agreement, and a signature under it never verifies.",
        clauses=["ID-9", "ID-16"],
    ),
    "SignBit": Note(
        bugType="INTEROPERABILITY",
        description="The highest bit of the signature is the sign of A. Verifiers after the XEdDSA document "
        "refuse half of these signatures.",
        clauses=["ID-10", "ID-13"],
    ),
    "EdgeMessage": Note(bugType="EDGE_CASE", description="Empty and long messages.", clauses=["ID-11", "ID-17"]),
    "EdgeRandom": Note(bugType="EDGE_CASE", description="Z of a special form.", clauses=["ID-11"]),
    "SignatureLength": Note(bugType="MALFORMED", description="A signature that has not 64 bytes.", clauses=["ID-14"]),
    "Malleability": Note(
        bugType="SIGNATURE_MALLEABILITY",
        description="s is not below Q. Anyone can make such a copy of a signature; deployed verifiers accept s + Q.",
        clauses=["ID-15"],
        links=["https://www.rfc-editor.org/rfc/rfc8032#section-5.1.7"],
    ),
    "Modified": Note(bugType="AUTH_BYPASS", description="Something is not what was signed.", clauses=["ID-17"]),
    "EdgeSignature": Note(
        bugType="AUTH_BYPASS", description="R or s of a special form; no equation holds by accident.", clauses=["ID-17"]
    ),
    "NonCanonicalR": Note(
        bugType="SIGNATURE_MALLEABILITY",
        description="R is another encoding of the right point: verifiers that compare points instead of bytes "
        "accept it.",
        clauses=["ID-17"],
    ),
    "Cofactor": Note(
        bugType="SIGNATURE_MALLEABILITY",
        description="The equation holds only up to a point of low order. Verifiers with and without cofactor disagree.",
        clauses=["ID-17"],
    ),
}


def build() -> Chapter:
    """Build the file."""
    return Chapter(
        stem="identity",
        algorithm="X25519 and XEdDSA as deployed",
        header=HEADER,
        notes=NOTES,
        groups=[
            derivations(),
            account_ids(),
            published_agreements(),
            deployed_agreements(),
            agreements(),
            public_keys(),
            private_keys(),
            signing.signing(),
            signing.signing_keys(),
            signing.deployed_signature(),
            verifying.published_signatures(),
            verifying.verifying(),
            verifying.sign_bits(),
            verifying.signature_lengths(),
            verifying.scalars(),
            verifying.modifications(),
            verifying_edges.points(),
            verifying_edges.verifying_keys(),
        ],
    )
