"""Chapter 06: proof of work."""

from cloister_conformance.vector_files.cases import Chapter
from cloister_conformance.vector_files.format import Note
from cloister_conformance.vector_files.proof_of_work.requests import (
    data_texts,
    deployed_requests,
    nonces,
    numbers,
    recipients,
    refused_difficulty,
    requests,
)
from cloister_conformance.vector_files.proof_of_work.targets import deployed_targets, refused_targets, targets
from cloister_conformance.vector_files.proof_of_work.work import (
    insufficient_work,
    moved_digits,
    other_requests,
    other_rules,
)

HEADER = (
    "Chapter 06: proof of work.",
    (
        "Every nonce is made for the texts as they stand, so the one thing wrong with an invalid request "
        "is what its comment says."
    ),
    "All integers are below 2^53.",
    "No case has a value equal to its target: finding one takes 2^50 hashes.",
    "A valid proof_of_work.solve is missing because any nonce that the check accepts is right.",
)

NOTES = {
    "Ordinary": Note(
        bugType="BASIC", description="Ordinary requests.", clauses=["PW-1", "PW-9", "PW-11", "PW-12", "PW-14"]
    ),
    "Published": Note(
        bugType="BASIC", description="Values of deployed software's own tests.", clauses=["PW-9", "PW-11"]
    ),
    "TargetTable": Note(bugType="BASIC", description="Targets over length, ttl and difficulty.", clauses=["PW-9"]),
    "Rounding": Note(
        bugType="INTEROPERABILITY",
        description="Values at which a division is exact or just not: floating point and other orders of "
        "division differ.",
        clauses=["PW-9"],
    ),
    "Overflow": Note(
        bugType="EDGE_CASE",
        description="Products around 2^64. Deployed code notices the overflow and goes on with an undefined target.",
        clauses=["PW-10"],
    ),
    "Difficulty": Note(
        bugType="EDGE_CASE",
        description="Difficulties of 0, numbers below 0, and difficulties so great that the target is 0.",
        clauses=["PW-10"],
    ),
    "TextForm": Note(
        bugType="MALFORMED",
        description="A text in another form than its only one: nodes that rebuild it compute another hash.",
        clauses=["PW-2", "PW-3", "PW-7"],
    ),
    "TtlLimit": Note(
        bugType="EDGE_CASE", description="Times to live at and beyond their limits.", clauses=["PW-3", "PW-4"]
    ),
    "RecipientForm": Note(
        bugType="MALFORMED", description="A recipient that is not 66 digits beginning with 05.", clauses=["PW-5"]
    ),
    "DataLimit": Note(bugType="DENIAL_OF_SERVICE", description="Data at and above the size limit.", clauses=["PW-6"]),
    "NonceForm": Note(
        bugType="MALFORMED",
        description="A nonce that is not 8 bytes in canonical base64. Deployed nodes take any; then some work is "
        "not paid for.",
        clauses=["PW-8"],
    ),
    "MovedDigits": Note(
        bugType="AUTH_BYPASS",
        description="The same payload and nonce, cut into texts at other places: one proof of work for two messages.",
        clauses=["PW-1", "PW-2", "PW-4", "PW-5"],
    ),
    "OtherRequest": Note(
        bugType="AUTH_BYPASS", description="A nonce that was made for another request.", clauses=["PW-1", "PW-13"]
    ),
    "AlmostEnough": Note(
        bugType="AUTH_BYPASS", description="Work that is enough for a lower difficulty only.", clauses=["PW-13"]
    ),
    "OtherRule": Note(
        bugType="INTEROPERABILITY",
        description="Work that suffices by another rule and not by this one: a solver and a checker with the "
        "same bug agree on it.",
        clauses=["PW-9", "PW-11", "PW-13"],
    ),
}


def build() -> Chapter:
    """Build the file."""
    return Chapter(
        stem="proof_of_work",
        algorithm="proof of work of the Session network of 2020",
        header=HEADER,
        notes=NOTES,
        groups=[
            deployed_targets(),
            targets(),
            refused_targets(),
            deployed_requests(),
            requests(),
            numbers("proof_of_work.check"),
            recipients("proof_of_work.check"),
            data_texts("proof_of_work.check"),
            nonces(),
            insufficient_work(),
            other_requests(),
            other_rules(),
            moved_digits(),
            numbers("proof_of_work.solve"),
            recipients("proof_of_work.solve"),
            data_texts("proof_of_work.solve"),
            refused_difficulty("proof_of_work.solve"),
            refused_difficulty("proof_of_work.check"),
        ],
    )
