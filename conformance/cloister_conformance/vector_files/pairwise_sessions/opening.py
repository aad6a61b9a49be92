"""Chapter 03: bundles and first messages, good and bad."""

import secrets
from dataclasses import replace

from cloister import identity
from cloister.identity import KeyPair

from cloister_conformance.hand_made.pairwise_sessions import (
    ALICE,
    BOB,
    CAROL,
    Initiator,
    Keys,
    make_pair,
)
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.vector_files.cases import Group, Json, answered
from cloister_conformance.vector_files.identity.bad_keys import kinds_of_bad_public_key
from cloister_conformance.vector_files.pairwise_sessions.receiver import (
    KEYS,
    NOW_MS,
    PLAIN_KEYS,
    SESSION,
    first,
    import_prekeys,
    message,
    opener,
    prepare,
    read,
    read_first,
    refuse_first,
    without_one_time,
)

DAY_MS = 86_400_000
PREKEY_LIFETIME_MS = 28 * DAY_MS
ALICES_KEYS = Keys(identity=ALICE, signed=make_pair(40), one_time=make_pair(41))


def bundles() -> Group:
    """Bundles that Bob is given as Alice's; afterwards a good one is taken."""
    good = describe_bundle(ALICES_KEYS)
    after = [answered("session.open", {**good, "session": SESSION, "now_ms": NOW_MS}, {})]
    group = Group("Bundle", "session.open", before=prepare(), after=after, random=secrets.token_bytes)

    def inputs(**other: object) -> Json:
        return {**good, "session": SESSION, "now_ms": NOW_MS, **other}

    group.valid("with a one-time prekey", "Bundle", "PS-11", expected={}, **inputs())
    plain = {**describe_bundle(replace(ALICES_KEYS, one_time=None)), "session": SESSION, "now_ms": NOW_MS}
    group.valid("without a one-time prekey", "Bundle", "PS-11", expected={}, **plain)

    bad = "InvalidSignature"
    signature, signed = good["signature"], good["signed_prekey"]
    for name, other in (
        ("of zeros", bytes(64)),
        ("by the responder himself", sign(BOB, signed)),
        ("by the signed prekey", sign(ALICES_KEYS.signed, signed)),
        ("over the key without its type", sign(ALICE, signed[1:])),
        ("over the identity key", sign(ALICE, ALICE.public)),
        ("over the one-time prekey", sign(ALICE, good["one_time_prekey"])),
        ("over nothing", sign(ALICE, b"")),
        ("with the sign bit flipped", signature[:-1] + bytes([signature[-1] ^ 0x80])),
        ("with s + Q", add_order(signature)),
    ):
        group.invalid(f"signature {name}", bad, "Signature", "PS-11", **inputs(signature=other))
    for index in range(0, 64, 7):
        other = signature[:index] + bytes([signature[index] ^ 1]) + signature[index + 1 :]
        group.invalid(f"byte {index} of the signature changed", bad, "Signature", "PS-11", **inputs(signature=other))
    other = make_pair(42).public
    group.invalid("another signed prekey", bad, "Signature", "PS-11", **inputs(signed_prekey=other))
    carol = {**describe_bundle(replace(ALICES_KEYS, identity=CAROL)), "session": SESSION, "now_ms": NOW_MS}
    group.invalid("a bundle of Carol's", "UntrustedIdentity", "OtherIdentity", "PS-9", **carol)
    group.invalid(
        "a bundle of the receiver's own",
        "UntrustedIdentity",
        "OtherIdentity",
        "PS-9",
        **inputs(identity_key=BOB.public),
    )
    for comment, clause, public in kinds_of_bad_public_key(ALICE.public):
        for place in ("signed_prekey", "one_time_prekey"):
            group.invalid(f"{place}: {comment}", "InvalidKey", "BadKey", f"PS-10 {clause}", **inputs(**{place: public}))
    return group


def describe_bundle(keys: Keys) -> Json:
    """The members of a bundle."""
    bundle = keys.bundle
    one_time = (
        {"one_time_prekey_id": bundle.one_time_prekey_id, "one_time_prekey": bundle.one_time_prekey}
        if keys.one_time
        else {}
    )
    return {
        "identity_key": bundle.identity_key,
        "signed_prekey_id": bundle.signed_prekey_id,
        "signed_prekey": bundle.signed_prekey,
        "signature": bundle.signature,
        **one_time,
    }


def sign(pair: KeyPair, data: bytes) -> bytes:
    """Sign with fixed randomness."""
    return identity.sign_with(pair.private, data, Z=bytes(64))


def add_order(signature: bytes) -> bytes:
    """Add the order of the group to the scalar of a signature."""
    s = int.from_bytes(signature[32:], "little")
    return signature[:32] + (s + identity.Q).to_bytes(32, "little")


def prekey_messages() -> Group:
    """First messages, good and bad; after a bad one a good one is read."""
    group = Group("PrekeyMessage", "session.decrypt", random=secrets.token_bytes)
    alice, plain = opener(0), without_one_time(opener(0))
    inner = message(alice.chain, 0)

    group.scenario("with a one-time prekey", "PrekeyMessage", "PS-20", [*prepare(), *read_first(alice, 0)])
    group.scenario("without a one-time prekey", "PrekeyMessage", "PS-21", [*prepare(), *read_first(plain, 0)])
    steps = [*prepare(PLAIN_KEYS), *read_first(plain, 0)]
    group.scenario("by an account without one-time prekeys", "PrekeyMessage", "PS-21", steps)
    steps = [*prepare(), *read_first(alice, 0, 1, 2), *read(alice, 3)]
    group.scenario("three, and then a plain one", "PrekeyMessage", "PS-22", steps)
    group.scenario("the first is lost", "PrekeyMessage", "PS-22", [*prepare(), *read_first(alice, 2, 0, 1)])
    without_registration = [*prepare(), *decrypt_first(alice.prekey_message(inner, {5: b""}))]
    group.scenario("without a registration id", "Fields", "PS-25", without_registration)

    def bad(comment: str, error: str, flag: str, clauses: str, frame: bytes) -> None:
        steps = [*prepare(), *refuse_first(frame, error), *read_first(alice, 0)]
        group.scenario(comment, f"{flag} StateUnharmed", clauses, steps)

    for number in (2, 3, 4, 6):
        bad(f"no field {number}", "InvalidMessage", "Fields", "PS-25", alice.prekey_message(inner, {number: b""}))
    carols = Initiator(keys=KEYS, identity=CAROL)
    bad("from Carol", "UntrustedIdentity", "OtherIdentity", "PS-18", first(carols))
    named = alice.prekey_message(inner, {3: field(3, CAROL.public)})
    bad("with Carol's identity key", "UntrustedIdentity", "OtherIdentity", "PS-18", named)
    for comment, clause, public in kinds_of_bad_public_key(alice.base.public):
        frame = alice.prekey_message(inner, {2: field(2, public)})
        bad(f"base key: {comment}", "InvalidKey", "BadKey", f"PS-19 {clause}", frame)
    for number, what in ((1, "one-time"), (6, "signed")):
        for prekey_id in (0, 1_000_000, 2**32 - 1):
            frame = alice.prekey_message(inner, {number: field(number, prekey_id)})
            bad(f"{what} prekey {prekey_id} is not held", "UnknownPrekey", "UnknownPrekey", "PS-20", frame)
    unnamed = alice.prekey_message(inner, {1: b""})
    bad("the one-time prekey was used and is not named", "InvalidMac", "TamperedFirst", "PS-24", unnamed)
    other_base = alice.prekey_message(inner, {2: field(2, make_pair(50).public)})
    bad("another base key", "InvalidMac", "TamperedFirst", "PS-24", other_base)
    for index in (1, 20, len(inner) - 12, len(inner) - 8, len(inner) - 1):
        changed = inner[:index] + bytes([inner[index] ^ 0x01]) + inner[index + 1 :]
        if index >= len(inner) - 12:
            bad(f"byte {index} inside changed", "InvalidMac", "TamperedFirst", "PS-24", alice.prekey_message(changed))
    return group


def decrypt_first(frame: bytes) -> list[Json]:
    """Describe the decryption of a prekey message around the usual message 0."""
    inputs = {"session": SESSION, "kind": "prekey message", "message": frame, "now_ms": NOW_MS}
    return [answered("session.decrypt", inputs, {"plaintext": b"message 0".hex()})]


def replays() -> Group:
    """First messages that were read before, and prekeys that are gone."""
    group = Group("FirstReplay", "session.decrypt", random=secrets.token_bytes)
    alice, plain = opener(0), without_one_time(opener(0))
    for name, sender in (("with", alice), ("without", plain)):
        steps = [*prepare(), *read_first(sender, 0), *refuse_first(first(sender), "DuplicateMessage"), *read(sender, 1)]
        group.scenario(f"twice, {name} a one-time prekey", "Replay StateUnharmed", "PS-23", steps)
        late = [*prepare(), *read_first(sender, 0), *read(sender, 1, 2)]
        steps = [*late, *refuse_first(first(sender), "DuplicateMessage"), *read(sender, 3)]
        group.scenario(f"again after others, {name} a one-time prekey", "Replay StateUnharmed", "PS-23", steps)
    second = opener(1)
    steps = [*prepare(), *read_first(alice, 0), *refuse_first(first(second), "UnknownPrekey"), *read(alice, 1)]
    group.scenario("a second session with the same one-time prekey", "UnknownPrekey", "PS-8 PS-20", steps)
    steps = [*prepare(), *read_first(alice, 0), *read_first(without_one_time(second), 0), *read(alice, 1)]
    group.scenario("a second session without one", "PrekeyMessage", "PS-21 PS-51", steps)
    return group


def expiries() -> Group:
    """Prekeys at the end of their lives."""
    group = Group("PrekeyExpiry", "session.decrypt", random=secrets.token_bytes)
    plain = without_one_time(opener(0))
    renewed = import_prekeys(Keys(signed=make_pair(60), one_time=None), at=NOW_MS + DAY_MS, signed_id=8)
    end = NOW_MS + DAY_MS + PREKEY_LIFETIME_MS
    for name, at in (("at once", NOW_MS + DAY_MS), ("at the end", end)):
        steps = [*prepare(), renewed, *read_first(plain, 0, at=at)]
        group.scenario(f"a renewed signed prekey, {name}", "Expiry", "PS-5", steps)
    for name, at in (("1 ms too late", end + 1), ("a year too late", end + 365 * DAY_MS)):
        steps = [*prepare(), renewed, *refuse_first(first(plain), "UnknownPrekey", at=at)]
        group.scenario(f"a renewed signed prekey, {name}", "Expiry UnknownPrekey", "PS-6", steps)
    alice, end = opener(0), NOW_MS + PREKEY_LIFETIME_MS
    group.scenario("a one-time prekey, at the end", "Expiry", "PS-7", [*prepare(), *read_first(alice, 0, at=end)])
    steps = [*prepare(), *refuse_first(first(alice), "UnknownPrekey", at=end + 1)]
    group.scenario("a one-time prekey, 1 ms too late", "Expiry UnknownPrekey", "PS-7", steps)
    steps = [*prepare(), *read_first(plain, 0, at=NOW_MS + 365 * DAY_MS)]
    group.scenario("a signed prekey that is not renewed, after a year", "Expiry", "PS-5", steps)
    return group
