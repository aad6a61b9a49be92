"""Chapter 01: texts and frames."""

from cloister_conformance.vector_files.cases import Chapter
from cloister_conformance.vector_files.format import Note
from cloister_conformance.vector_files.notation.protobuf_frames import distribution_layout, frame_groups, message_layout
from cloister_conformance.vector_files.notation.texts import base64_texts, hex_texts, timestamps, ttls

HEADER = (
    "Chapter 01: texts and frames, tested through the methods of the chapters that read them.",
    "Every sender-key message with room for a signature carries one over its bytes: its form is all that is wrong.",
    "Every proof of work is made for the texts as they stand, so their form is the only thing wrong.",
    "Tags and lengths are at most five bytes long here: parsers differ on longer ones, and no writer makes them.",
)

NOTES = {
    "Canonical": Note(
        bugType="BASIC", description="The one form that every writer writes.", clauses=["NE-1", "NE-2", "NE-3", "NE-7"]
    ),
    "HexNotCanonical": Note(
        bugType="MALFORMED",
        description="Hex with upper case, an odd number of digits or other characters. Read leniently, one "
        "account has several names.",
        clauses=["NE-1"],
    ),
    "DecimalNotCanonical": Note(
        bugType="MALFORMED",
        description="A number in another form than canonical decimal. Nodes that rebuild the text from the "
        "number hash another text.",
        clauses=["NE-2"],
    ),
    "Base64NotCanonical": Note(
        bugType="MALFORMED",
        description="Base64 in another form than the one an encoder writes. Read leniently, one message has "
        "several hashes.",
        clauses=["NE-3"],
        links=["https://www.rfc-editor.org/rfc/rfc4648#section-3.5"],
    ),
    "TimeLimit": Note(
        bugType="EDGE_CASE", description="Times at and beyond the limits of 13 digits.", clauses=["NE-18"]
    ),
    "FrameLimit": Note(
        bugType="DENIAL_OF_SERVICE", description="Frames at and above the size limit.", clauses=["NE-4"]
    ),
    "FrameTooShort": Note(
        bugType="MALFORMED", description="A frame without room for its version byte and trailer.", clauses=["NE-16"]
    ),
    "LowNibble": Note(
        bugType="INTEROPERABILITY",
        description="Other low bits of the version byte. Newer libraries write 0x34, and some readers refuse it.",
        clauses=["NE-6"],
    ),
    "OtherVersion": Note(bugType="MALFORMED", description="Other high bits of the version byte.", clauses=["NE-5"]),
    "FieldOrder": Note(
        bugType="INTEROPERABILITY",
        description="Fields in another order; one deployed writer does not sort them.",
        clauses=["NE-8"],
    ),
    "UnknownField": Note(
        bugType="INTEROPERABILITY",
        description="Fields of other numbers, as a later version may add them.",
        clauses=["NE-9"],
    ),
    "RepeatedField": Note(
        bugType="INTEROPERABILITY",
        description="A field that occurs twice: two readers that take different ones disagree on an authentic message.",
        clauses=["NE-10"],
    ),
    "AbsentField": Note(
        bugType="MALFORMED",
        description="A required field is absent; lenient readers take it as zero or empty.",
        clauses=["NE-11"],
    ),
    "Truncated": Note(bugType="MALFORMED", description="The message ends in the middle of a field.", clauses=["NE-12"]),
    "NotProtobuf": Note(bugType="MALFORMED", description="Bytes that no protobuf writer makes.", clauses=["NE-12"]),
    "LengthPrefix": Note(
        bugType="DENIAL_OF_SERVICE",
        description="A length far beyond the end of the message: a reader must not reserve that much, nor "
        "compute with it in 32 bits.",
        clauses=["NE-12"],
    ),
    "LongVarint": Note(
        bugType="INTEROPERABILITY", description="A varint that is longer than necessary.", clauses=["NE-13"]
    ),
    "HighBits": Note(
        bugType="INTEROPERABILITY",
        description="A number above 32 bits in a uint32 field: its low 32 bits count.",
        clauses=["NE-13"],
    ),
    "OtherWireType": Note(
        bugType="INTEROPERABILITY",
        description="A known field number with another wire type is an unknown field.",
        clauses=["NE-14"],
    ),
}


def build() -> Chapter:
    """Build the file."""
    return Chapter(
        stem="notation",
        algorithm="text encodings and protobuf frames",
        header=HEADER,
        notes=NOTES,
        groups=[
            hex_texts(),
            timestamps(),
            ttls(),
            base64_texts(),
            *frame_groups(distribution_layout()),
            *frame_groups(message_layout()),
        ],
    )
