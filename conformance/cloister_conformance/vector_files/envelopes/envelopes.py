"""Chapter 05: whole envelopes."""

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.vector_files.cases import Group, Json, encode_members
from cloister_conformance.vector_files.envelopes.padding import pad
from cloister_conformance.vector_files.envelopes.sealing import BOB, stage

ALICE = material.derive_key_pair("envelopes, alice")
KINDS = {"message": 1, "prekey message": 3, "group message": 7, "session request": 101}
TIME_MS = 1_600_000_000_000
FIRST_MS, LAST_MS = 1_000_000_000_000, 9_999_999_999_999
EPHEMERAL, IV = material.derive_key_pair("envelopes, ephemeral"), material.derive_bytes("envelopes, iv", 12)
RANDOM = EPHEMERAL.private + IV
LONGEST = 76_639


def fields(
    kind: int = 1, source: str = ALICE.public.hex(), timestamp_ms: int = TIME_MS, content: bytes = b"x"
) -> dict[int, bytes]:
    """The encoded fields of an envelope, by number."""
    return {1: field(1, kind), 2: field(2, source.encode("utf-8")), 5: field(5, timestamp_ms), 8: field(8, content)}


def seal(envelope: bytes) -> bytes:
    """Pad and seal an envelope to Bob."""
    return stage(EPHEMERAL, BOB.public, IV, pad(envelope))["sealed"]


def describe(kind: str = "message", timestamp_ms: int = TIME_MS, content: bytes = b"x") -> Json:
    """The members of an envelope from Alice."""
    return {"kind": kind, "source": ALICE.public.hex(), "timestamp_ms": timestamp_ms, "content": content}


def sealed() -> Group:
    """Envelopes that are sealed."""
    group = Group("SealEnvelope", "envelope.seal_envelope")
    for kind, number in KINDS.items():
        expected = {"sealed": seal(b"".join(fields(number).values())).hex()}
        inputs = {**describe(kind), "public_key": BOB.public, "random": RANDOM}
        group.valid(f"a {kind}", "Kinds", "EN-10 EN-14", expected=expected, **inputs)
    for size in (0, 1, 60, 75, 76, 77, 78, 235, 236, 237, 238, 2000):
        content = material.derive_bytes("content", size)
        expected = {"sealed": seal(b"".join(fields(content=content).values())).hex()}
        inputs = {**describe(content=content), "public_key": BOB.public, "random": RANDOM}
        group.valid(f"content of {size} bytes", "PaddedSize", "EN-1 EN-10", expected=expected, **inputs)
    return group


def join(other: dict[int, bytes], *, order: tuple[int, ...] = (1, 2, 5, 8)) -> bytes:
    """Join the fields of the usual envelope, some replaced."""
    parts = {**fields(), **other}
    return b"".join(parts[number] for number in order)


def opened() -> Group:
    """Sealed envelopes that are opened, and that are refused."""
    group = Group("OpenEnvelope", "envelope.open_envelope")

    def good(comment: str, flag: str, clauses: str, expected: Json, envelope: bytes) -> None:
        sealed_text = seal(envelope)
        group.valid(
            comment, flag, clauses, expected=encode_members(expected), private_key=BOB.private, sealed=sealed_text
        )

    for kind, number in KINDS.items():
        good(f"a {kind}", "Kinds", "EN-14", describe(kind), join(fields(number)))
    for time in (FIRST_MS, FIRST_MS + 1, LAST_MS - 1, LAST_MS):
        good(f"time {time}", "Time", "EN-16", describe(timestamp_ms=time), join(fields(timestamp_ms=time)))
    good("no content bytes", "Kinds", "EN-14", describe(content=b""), join(fields(content=b"")))
    good("fields backwards", "Fields", "EN-14 NE-8", describe(), join({}, order=(8, 5, 2, 1)))
    good("an unknown field", "Fields", "EN-14 NE-9", describe(), join({}) + field(9, b"unknown"))
    add_refused(group)
    return group


def add_refused(group: Group) -> None:
    """Add envelopes that are refused."""

    def bad(comment: str, error: str, flag: str, clause: str, envelope: bytes) -> None:
        group.invalid(comment, error, flag, clause, private_key=BOB.private, sealed=seal(envelope))

    for number in (0, 2, 4, 5, 6, 8, 100, 102, 2**31 - 1):
        bad(f"kind {number}", "InvalidMessage", "Kinds", "EN-14", join(fields(number)))
    for number in (1, 2, 5, 8):
        bad(f"no field {number}", "InvalidMessage", "Fields", "EN-14", join({number: b""}))
    bad("no bytes", "InvalidMessage", "Fields", "EN-14", b"")
    bad("rubbish", "InvalidMessage", "Fields", "EN-14", b"\xff" * 40)
    bad("cut", "InvalidMessage", "Fields", "EN-14", join(fields(content=b"cut here"))[:-3])
    for time in (0, 1, 1_600_000_000, FIRST_MS - 1, LAST_MS + 1, 2**63, 2**64 - 1):
        bad(f"time {time}", "OutOfRange", "Time", "EN-16", join(fields(timestamp_ms=time)))
    account = ALICE.public.hex()
    for name, source in (
        ("empty", ""),
        ("upper case", account.upper()),
        ("a digit too few", account[:-1]),
        ("a byte too few", account[:-2]),
        ("a byte too many", account + "00"),
        ("without its type", account[2:]),
        ("a blank before", " " + account),
        ("a line end behind", account + "\n"),
        ("no hex", "05" + "g" * 64),
    ):
        bad(f"source: {name}", "InvalidEncoding", "Source", "EN-15", join(fields(source=source)))
    for name, source in (("of another type", "15" + account[2:]), ("of low order", "05" + "00" * 32)):
        bad(f"source: {name}", "InvalidKey", "Source", "EN-15", join(fields(source=source)))


def limits() -> Group:
    """The longest envelope, and one byte more."""
    group = Group("Limit", "envelope.open_envelope")
    overhead = len(b"".join(fields(content=bytes(76_000)).values())) - 76_000
    content = bytes(LONGEST - 1 - overhead)
    envelope = b"".join(fields(content=content).values())
    expected = encode_members(describe(content=content))
    group.valid("the longest", "Limit", "EN-12", expected=expected, private_key=BOB.private, sealed=seal(envelope))
    longer = seal(envelope + field(9, b""))
    group.invalid("a block longer", "TooLarge", "Limit", "EN-13", private_key=BOB.private, sealed=longer)
    return group


def too_long() -> Group:
    """Content whose envelope would be longer than any reader reads."""
    group = Group("TooLong", "envelope.seal_envelope")
    inputs = {"public_key": BOB.public, "random": RANDOM}
    for size in (LONGEST - 80, LONGEST):
        content = bytes(size)
        group.invalid(f"content of {size} bytes", "TooLarge", "Limit", "EN-11", **describe(content=content), **inputs)
    return group
