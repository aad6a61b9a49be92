"""Chapter 05: padding, the layer cipher and the envelope."""

from cloister_conformance.vector_files.cases import Chapter
from cloister_conformance.vector_files.envelopes import envelopes, padding, sealing
from cloister_conformance.vector_files.format import Note

HEADER = (
    "Chapter 05: padding, the layer cipher and the envelope.",
    "What is sealed here is sealed with a given ephemeral key and IV (capability sealing-deterministic); it can also be opened only.",
    "Padding alone is the capability padding, the layer cipher alone the capability sealing.",
)

NOTES = {
    "PaddedSize": Note(
        bugType="BASIC", description="Texts around each size that fills a whole number of blocks.", clauses=["EN-1"]
    ),
    "NoMark": Note(
        bugType="MALFORMED",
        description="The last byte that is not zero is the mark, 0x80; a reader that takes any byte for it cuts the text.",
        clauses=["EN-2"],
    ),
    "PaddingSize": Note(
        bugType="MALFORMED",
        description="A text has one padded size. A reader that takes others lets a sender mark envelopes.",
        clauses=["EN-3"],
    ),
    "Staged": Note(bugType="BASIC", description="Every value on the way to a sealed text.", clauses=["EN-4", "EN-5"]),
    "Tampered": Note(
        bugType="AUTH_BYPASS", description="A sealed text of which one byte was changed.", clauses=["EN-7"]
    ),
    "TooShort": Note(bugType="MALFORMED", description="Less than an IV and a tag.", clauses=["EN-7"]),
    "EphemeralKey": Note(
        bugType="WEAK_KEY",
        description="An ephemeral key of another size, spelling or of low order; of low order, everybody can open the text.",
        clauses=["EN-8"],
    ),
    "Fields": Note(
        bugType="MALFORMED", description="A field is absent, or the bytes are no protobuf.", clauses=["EN-9", "EN-14"]
    ),
    "OtherKey": Note(
        bugType="AUTH_BYPASS", description="Opened with a key that it is not sealed to.", clauses=["EN-7"]
    ),
    "Kinds": Note(
        bugType="BASIC",
        description="The kinds of content that have a name, and numbers that have none.",
        clauses=["EN-14"],
    ),
    "Source": Note(bugType="MALFORMED", description="A source that is no account id.", clauses=["EN-15"]),
    "Time": Note(bugType="EDGE_CASE", description="Times at and beyond the limits of 13 digits.", clauses=["EN-16"]),
    "Limit": Note(
        bugType="DENIAL_OF_SERVICE",
        description="The longest envelope, and one that is longer.",
        clauses=["EN-11", "EN-12", "EN-13"],
    ),
}


def build() -> Chapter:
    """Build the file."""
    return Chapter(
        stem="envelopes",
        algorithm="padding, X25519 with HMAC-SHA256 and AES-256-GCM, and the envelope",
        header=HEADER,
        notes=NOTES,
        groups=[
            padding.padded(),
            padding.unpadded(),
            sealing.sealed(),
            sealing.opened(),
            envelopes.sealed(),
            envelopes.opened(),
            envelopes.limits(),
            envelopes.too_long(),
        ],
    )
