"""Chapter 11: requests that are signed, and what a server answers to them."""

from typing import Any

from cloister.signed_request import TIME_TOLERANCE_S

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made import open_group_faults as faults
from cloister_conformance.hand_made.open_groups import ALICE, NOW_S, Account, encode_signed, make_account
from cloister_conformance.vector_files.cases import Group
from cloister_conformance.vector_files.open_groups.ids import UPSTREAM_KEY, UPSTREAM_SEEDS

ASKED: tuple[tuple[str, str, bytes, bytes], ...] = (
    ("GET", "/rooms", b"/rooms", b""),
    ("GET", "/capabilities?required=sogs", b"/capabilities", b""),
    ("GET", "/room/tea/messages/since/10?limit=5&x=%20%2F", b"/room/tea/messages/since/10", b""),
    ("GET", "/room/tea?", b"/room/tea", b""),
    ("GET", "/room/t%65a%2f", b"/room/tea/", b""),
    ("GET", "/room/%C3%BC/a+b", "/room/ü/a+b".encode(), b""),
    ("POST", "/room/tea/message", b"/room/tea/message", b'{"a":1}'),
    ("PUT", "/room/tea/message/7", b"/room/tea/message/7", bytes(range(256))),
    ("DELETE", "/room/tea/message/7", b"/room/tea/message/7", b""),
    ("POST", "/room/tea/file", b"/room/tea/file", b"\0"),
)
PUBLISHED = (
    (
        "GET",
        "/capabilities?required=sogs",
        b"",
        False,
        "3KGRFg5bPezJ5F1nx90ktNPCguQVhzqYF+XH1KOzvzoiTx7Pg8YDOsXLhebN1+P0JEs42lG+fvzWe2eD8nb9DQ==",
    ),
    (
        "GET",
        "/capabilities?required=sogs",
        b"",
        True,
        "UZaGS87Ka6B8eRuwED30cbbwcAtX6+D9u7gqTnGfJzWD3gkb2SIHZpUCP7MSjDwkSIH0Vc0Bk7c+xmj9uV/KCQ==",
    ),
    (
        "POST",
        "/room/test-room/message",
        b'{"a":1}',
        True,
        "fqw9aGjionDkQIegUdF6iBvBiI8gYFM9E25/fcsXPhR46f+FhanJCdOH8Y1vNQfGgOXsWWHuze+bZ9NkEWMpBQ==",
    ),
)


def stage(account: Account, M: bytes, *, blinded: bool) -> dict[str, bytes]:
    """The values on the way to a signature; of an unblinded one they are those of RFC 8032."""
    if not blinded:
        return {"signed": M}
    stages = account.sign_blinded(M)
    numbers = {"r": stages.r, "h": stages.h}
    return {
        "signed": M,
        "R": stages.R,
        **{name: number.to_bytes(32, "little") for name, number in numbers.items()},
        "signature": stages.signature,
    }


def choose(*, blinded: bool) -> dict[str, Any]:
    """Choose the id that signs: the blinded one, if nothing else is said."""
    return {} if blinded else {"unblinded": True}


def signed() -> Group:
    """Requests that a client signs."""
    group = Group("SignedRequest", "signed_request.sign")
    for number, (method, target, path, body) in enumerate(ASKED):
        for blinded in (True, False):
            account = make_account(f"signer {number}")
            nonce, time = material.derive_bytes(f"open groups nonce {number}", 16), str(NOW_S + number)
            query = target.partition("?")[2].encode()
            M = encode_signed(nonce=nonce, timestamp=time, method=method, path=path, query=query, body=body)
            params = faults.sign_request(
                account,
                blinded=blinded,
                nonce=nonce,
                timestamp=time,
                method=method,
                target=target,
                path=path,
                body=body,
            )
            group.valid(
                f"{method} {target}, {'blinded' if blinded else 'unblinded'}",
                "Signed",
                "OG-5 OG-6" if blinded else "OG-6",
                expected={name: params[name] for name in faults.HEADERS},
                intermediates=stage(account, M, blinded=blinded),
                seed=account.seed,
                server_key=account.server_key,
                **choose(blinded=blinded),
                method=method,
                target=target,
                body=body,
                now_s=int(time),
                nonce=nonce,
            )
    return group


def published() -> Group:
    """Signatures that others computed by the rules of the deployed server."""
    source = {"name": "computed by an independent script after session-pysogs", "version": "9497ddb"}
    group = Group("PublishedSignature", "signed_request.sign", source=source)
    account = Account(bytes.fromhex(UPSTREAM_SEEDS[0]), UPSTREAM_KEY)
    for method, target, body, blinded, signature in PUBLISHED:
        group.valid(
            f"{method} {target}, {'blinded' if blinded else 'unblinded'}",
            "Published",
            "OG-5 OG-6",
            expected={"signature": signature},
            seed=account.seed,
            server_key=UPSTREAM_KEY,
            **choose(blinded=blinded),
            method=method,
            target=target,
            body=body,
            now_s=1642079887,
            nonce=bytes(range(16)),
        )
    return group


def checked() -> Group:
    """Requests that a server checks: the status of its answer."""
    group = Group("CheckedRequest", "signed_request.check")
    ours = {"status": 200, "account_id": ALICE.account_id}

    def add(comment: str, flag: str, clauses: str, expected: dict[str, Any], params: dict[str, Any]) -> None:
        group.valid(comment, flag, clauses, expected=expected, **params)

    for method, target, path, body in ASKED:
        params = faults.sign_request(method=method, target=target, path=path, body=body)
        add(f"{method} {target}", "Signed", "OG-6 OG-9", ours, params)
    turned = faults.sign_turned()
    add("signed by the key of the other sign", "Account", "OG-2", ours, turned)
    unblinded = faults.sign_request(blinded=False)
    add(
        "an unblinded id where blinding is not required",
        "Signed",
        "OG-4",
        ours,
        {**unblinded, "blinding_required": False},
    )
    add("an unblinded id where blinding is required", "HeaderForm", "OG-4", {"status": 400}, unblinded)
    nobody = {name: value for name, value in faults.sign_request().items() if name not in faults.HEADERS}
    add("no header", "Signed", "OG-8", {"status": 200}, nobody)
    for kinds, flag, clauses, status in (
        (faults.missing_headers(), "HeaderForm", "OG-8", 400),
        (faults.bad_forms(), "HeaderForm", "OG-3 OG-8", 400),
        (faults.bad_signatures(), "BadSignature", "OG-6 OG-9", 401),
    ):
        for comment, params in kinds.items():
            add(comment, flag, clauses, {"status": status}, params)
    for offset in (-TIME_TOLERANCE_S - 1, -TIME_TOLERANCE_S, -1, 1, TIME_TOLERANCE_S, TIME_TOLERANCE_S + 1):
        params = faults.sign_request(timestamp=str(NOW_S + offset))
        expected = {"status": 425} if abs(offset) > TIME_TOLERANCE_S else ours
        add(f"signed {offset} seconds after the server's time", "Time", "OG-10", expected, params)
    return group
