"""Chapter 03: requests for a session."""

import hmac
import secrets

from cloister_conformance.hand_made.pairwise_sessions import (
    ALICE,
    BOB,
    CAROL,
    ONE_TIME_PREKEY_ID,
    SIGNED_PREKEY_ID,
    Keys,
    make_pair,
)
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.vector_files.cases import Group, Json, answered, refused
from cloister_conformance.vector_files.identity.bad_keys import kinds_of_bad_public_key
from cloister_conformance.vector_files.pairwise_sessions import formulas
from cloister_conformance.vector_files.pairwise_sessions.opening import ALICES_KEYS, DAY_MS
from cloister_conformance.vector_files.pairwise_sessions.receiver import NOW_MS, SESSION, prepare

VERSION = b"\x33"
MAX_AGE_MS, MAX_AHEAD_MS = 14 * DAY_MS, DAY_MS


def bundle_fields(keys: Keys) -> dict[int, bytes]:
    """The encoded fields of a bundle, by number."""
    bundle = keys.bundle
    one_time = (
        {3: field(3, ONE_TIME_PREKEY_ID), 5: field(5, keys.one_time.public)} if keys.one_time else {3: b"", 5: b""}
    )
    return {
        1: field(1, bundle.identity_key),
        3: one_time[3],
        4: field(4, SIGNED_PREKEY_ID),
        5: one_time[5],
        6: field(6, bundle.signed_prekey),
        7: field(7, bundle.signature),
    }


def join(fields: dict[int, bytes]) -> bytes:
    """Join encoded fields."""
    return b"".join(fields.values())


GOOD = join(bundle_fields(ALICES_KEYS))


def derive_mac(
    bundle: bytes,
    at: int,
    *,
    sender: bytes = ALICE.public,
    receiver: bytes = BOB.public,
    private: bytes = ALICE.private,
    info: bytes = b"CloisterSessionRequest",
) -> bytes:
    """Derive the MAC of a request."""
    mac_key = formulas.derive(formulas.agree(private, receiver), bytes(32), info, 32)
    return hmac.digest(mac_key, sender + receiver + at.to_bytes(8, "big") + bundle, "sha256")


def request(bundle: bytes = GOOD, at: int = NOW_MS, mac: bytes | None = None) -> bytes:
    """A session request of Alice's; `mac` takes the place of the right one."""
    right = derive_mac(bundle, at) if mac is None else mac
    return VERSION + field(1, at) + field(2, bundle) + field(3, right)


def inputs(frame: bytes, at: int = NOW_MS) -> Json:
    """The members of a call that takes a request up."""
    return {"session": SESSION, "request": frame, "now_ms": at}


def requests() -> Group:
    """Requests that Bob is given as Alice's; afterwards a good one, newer than all of them, is taken."""
    after = [answered("session_request.accept", inputs(request(at=NOW_MS + 1), NOW_MS + 1), {})]
    group = Group("SessionRequest", "session_request.accept", before=prepare(), after=after, random=secrets.token_bytes)
    plain = join(bundle_fields(Keys(identity=ALICE, signed=ALICES_KEYS.signed, one_time=None)))
    group.valid("with a one-time prekey", "Request", "PS-58 PS-63", expected={}, **inputs(request()))
    group.valid("without a one-time prekey", "Request", "PS-58 PS-63", expected={}, **inputs(request(plain)))
    backwards = join(dict(reversed(bundle_fields(ALICES_KEYS).items())))
    group.valid("the bundle's fields backwards", "Request", "PS-58 NE-8", expected={}, **inputs(request(backwards)))
    for name, at in (("as old as can be", NOW_MS - MAX_AGE_MS), ("as far ahead as can be", NOW_MS)):
        now_ms = NOW_MS if at < NOW_MS else NOW_MS - MAX_AHEAD_MS
        group.valid(name, "RequestTime", "PS-62", expected={}, **inputs(request(at=at), now_ms))

    add_wrong_macs(group)
    carols = join(bundle_fields(Keys(identity=CAROL, signed=make_pair(43), one_time=make_pair(44))))
    for name, private in (("by Alice", ALICE.private), ("by Carol", CAROL.private)):
        frame = request(carols, mac=derive_mac(carols, NOW_MS, private=private))
        group.invalid(f"a bundle of Carol's, {name}", "UntrustedIdentity", "OtherIdentity", "PS-59", **inputs(frame))

    for name, at, now_ms in (
        ("1 ms too old", NOW_MS - MAX_AGE_MS - 1, NOW_MS),
        ("a year too old", NOW_MS - 365 * DAY_MS, NOW_MS),
        ("1 ms too far ahead", NOW_MS, NOW_MS - MAX_AHEAD_MS - 1),
        ("a year ahead", NOW_MS, NOW_MS - 365 * DAY_MS),
    ):
        group.invalid(name, "StaleRequest", "RequestTime", "PS-62", **inputs(request(at=at), now_ms))
    for at in (0, 1_600_000_000, 10**13):
        group.invalid(f"time {at}", "OutOfRange", "RequestTime", "NE-18", **inputs(request(at=at)))

    good = bundle_fields(ALICES_KEYS)
    for number in good:
        frame = request(join({**good, number: b""}))
        group.invalid(f"no field {number} in the bundle", "InvalidMessage", "Fields", "PS-58 NE-11", **inputs(frame))
    for comment, clause, public in kinds_of_bad_public_key(ALICE.public):
        for number, what in ((5, "one-time"), (6, "signed")):
            frame = request(join({**good, number: field(number, public)}))
            comment_here = f"{what} prekey: {comment}"
            group.invalid(comment_here, "InvalidKey", "BadKey", f"PS-10 {clause}", **inputs(frame))
    unsigned = request(join({**good, 7: field(7, bytes(64))}))
    group.invalid("the bundle's signature is of zeros", "InvalidSignature", "Signature", "PS-11", **inputs(unsigned))
    for name, frame in (
        ("nothing", b""),
        ("the version byte alone", VERSION),
        ("no time", VERSION + field(2, GOOD) + field(3, bytes(32))),
        ("no bundle", VERSION + field(1, NOW_MS) + field(3, bytes(32))),
        ("no MAC", VERSION + field(1, NOW_MS) + field(2, GOOD)),
        ("cut", request()[:-5]),
    ):
        group.invalid(f"frame: {name}", "InvalidMessage", "Fields", "PS-58", **inputs(frame))
    frame = b"\x43" + request()[1:]
    group.invalid("frame: version 4", "UnsupportedVersion", "Fields", "PS-58 NE-5", **inputs(frame))
    return group


def add_wrong_macs(group: Group) -> None:
    """Add requests whose MAC is not the right one."""
    plain = join(bundle_fields(Keys(identity=ALICE, signed=ALICES_KEYS.signed, one_time=None)))
    for name, mac in (
        ("of zeros", bytes(32)),
        ("of another time", derive_mac(GOOD, NOW_MS - 1)),
        ("of another bundle", derive_mac(plain, NOW_MS)),
        ("of the time in the other byte order", derive_mac(GOOD, int.from_bytes(NOW_MS.to_bytes(8, "little"), "big"))),
        ("from Bob to Alice", derive_mac(GOOD, NOW_MS, sender=BOB.public, receiver=ALICE.public, private=BOB.private)),
        ("by Carol", derive_mac(GOOD, NOW_MS, private=CAROL.private)),
        ("to Carol", derive_mac(GOOD, NOW_MS, receiver=CAROL.public)),
        ("without a label", derive_mac(GOOD, NOW_MS, info=b"")),
    ):
        group.invalid(f"MAC {name}", "InvalidMac", "RequestMac", "PS-60", **inputs(request(mac=mac)))
    good_mac = derive_mac(GOOD, NOW_MS)
    for index in (0, 7, 8, 15, 16, 31):
        mac = good_mac[:index] + bytes([good_mac[index] ^ 0x80]) + good_mac[index + 1 :]
        group.invalid(
            f"byte {index} of the MAC changed", "InvalidMac", "RequestMac", "PS-60", **inputs(request(mac=mac))
        )
    for size in (0, 8, 31, 33):
        mac = (good_mac + b"\0")[:size]
        group.invalid(f"MAC of {size} bytes", "InvalidMessage", "Fields", "PS-58", **inputs(request(mac=mac)))


def stale() -> Group:
    """Requests that are not newer than the last one."""
    group = Group("RequestOrder", "session_request.accept", random=secrets.token_bytes)

    def take(at: int) -> Json:
        return answered("session_request.accept", inputs(request(at=at)), {})

    group.scenario(
        "two, the second newer by 1 ms", "RequestTime", "PS-61", [*prepare(), take(NOW_MS), take(NOW_MS + 1)]
    )
    for name, at in (("the same", NOW_MS), ("1 ms older", NOW_MS - 1), ("a day older", NOW_MS - DAY_MS)):
        again = refused("session_request.accept", inputs(request(at=at)), "StaleRequest")
        steps = [*prepare(), take(NOW_MS), again, take(NOW_MS + 1)]
        group.scenario(f"{name} again", "RequestTime Replay", "PS-61", steps)
    return group
