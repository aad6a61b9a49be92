"""What a pipe cannot see of chapter 11: published values by name, secrets, values that stay as they are."""

import base64
import secrets
from dataclasses import FrozenInstanceError

import pytest
from cloister import errors, identity, room, room_post, server_id, server_onion, signed_request
from cloister.room import RoomView
from cloister.room_post import RoomContent
from cloister.signed_request import Request

SERVER_KEY = bytes.fromhex("6a32c7b491f4199dd1260a4cc60ae51c6bd71dad939cc521e738409f53f943be")
SEED = bytes.fromhex("880adf5164a79bce71f7387fbc2cb2693c0bf0ab4cb42bf1edafddade7527a66")
OTHER_SEED = bytes.fromhex("a5ad71709cfa315d147921e377186270367fd06926f4dbfe33f519dec6b016f7")
LINK = f"https://example.org/tea?public_key={'11' * 32}"


def test_the_factor_is_the_published_one() -> None:
    factor = "52f2b25544f805cfd7be34f3581be33d0f16e25048fe29f2abc14f4e8fe2000d"
    assert server_id.derive_factor(SERVER_KEY) == int.from_bytes(bytes.fromhex(factor), "little")


@pytest.mark.parametrize(
    ("seed", "blinded"),
    [
        (SEED, "15cef185d46b60a548641bd8c5baa4b7cf90b7da8e883c0ac774c703d249086479"),
        (OTHER_SEED, "15758e10dc51210d7a36ea6076e2aa84d9f87283bddb508364272dce0a7618f92a"),
    ],
)
def test_blinded_ids_are_those_of_the_deployed_server(seed: bytes, blinded: str) -> None:
    assert server_id.derive_blinded_id(seed, server_key=SERVER_KEY).id.hex() == blinded
    account = server_id.decode_id(blinded, server_key=SERVER_KEY)
    assert account == identity.derive_identity(seed).public


def test_the_account_of_the_published_seed() -> None:
    account = "05c506fee5118680107a4722f60a05dfcbb5737d6ffc4d163fb60479e279c6095d"
    for signer in (server_id.derive_blinded_id(SEED, server_key=SERVER_KEY), server_id.derive_unblinded_id(SEED)):
        assert server_id.find_account(signer.id, server_key=SERVER_KEY).hex() == account


@pytest.mark.parametrize(
    ("method", "target", "body", "blinded", "signature"),
    [
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
    ],
)
def test_signatures_are_those_of_the_deployed_rules(
    method: str, target: str, body: bytes, blinded: bool, signature: str
) -> None:
    signer = (
        server_id.derive_blinded_id(SEED, server_key=SERVER_KEY) if blinded else server_id.derive_unblinded_id(SEED)
    )
    headers = signed_request.sign_request(
        signer,
        Request(method=method, target=target, body=body),
        server_key=SERVER_KEY,
        now_s=1642079887,
        random=lambda size: bytes(range(size)),
    )
    assert headers["x-sogs-signature"] == signature


def test_no_secret_is_shown() -> None:
    blinded, unblinded = server_id.derive_blinded_id(SEED, server_key=SERVER_KEY), server_id.derive_unblinded_id(SEED)
    invitation = bytes(range(32))
    link = room.decode_link(f"{LINK}&invitation={invitation.hex()}")
    assert link.invitation == invitation
    for secret in (SEED, invitation, *(signer.ka.to_bytes(32, "little") for signer in (blinded, unblinded))):
        for text in (repr(blinded), repr(unblinded), repr(link)):
            for spelling in (secret.hex(), repr(secret), str(int.from_bytes(secret, "little"))):
                assert spelling not in text


def test_a_view_is_never_changed_in_place() -> None:
    view = RoomView(server_key=SERVER_KEY, room="tea")
    signer = server_id.derive_blinded_id(SEED, server_key=SERVER_KEY)
    content = RoomContent(server_key=SERVER_KEY, room="tea", timestamp_ms=1_600_000_000_000, text="hello")
    data, signature = room_post.write_post(signer, content, secrets.token_bytes)
    shown = [base64.b64encode(part).decode() for part in (data, signature)]
    message = {"id": 1, "seqno": 1, "session_id": signer.id.hex(), "data": shown[0], "signature": shown[1]}
    after, (event,) = room.apply_page(view, [message])
    assert event.post == after.posts[1]
    assert view == RoomView(server_key=SERVER_KEY, room="tea")
    later, _ = room.apply_page(after, [{"id": 1, "seqno": 2, "deleted": True}])
    assert (dict(later.posts), list(after.posts)) == ({}, [1])
    with pytest.raises(FrozenInstanceError):
        view.cursor = 1  # type: ignore[misc]


def test_a_page_that_is_too_long_is_refused() -> None:
    view = RoomView(server_key=SERVER_KEY, room="tea")
    page = [{"id": number, "seqno": number, "deleted": True} for number in range(1, room.MAX_PAGE + 2)]
    with pytest.raises(errors.InvalidMessage):
        room.apply_page(view, page)
    after, _ = room.apply_page(view, page[:-1])
    assert after.cursor == room.MAX_PAGE


def test_a_server_that_refuses_is_named_with_its_status() -> None:
    with pytest.raises(errors.ServerRefused) as refused:
        server_onion.check_success(server_onion.ServerReply(status=403, body=b"banned\xff"))
    assert (refused.value.status, refused.value.reason) == (403, "banned\ufffd")
    assert str(refused.value) == "the server answers 403: banned\ufffd"


def test_an_onion_request_that_is_too_long_is_told_apart() -> None:
    private = identity.derive_identity(SEED).private
    with pytest.raises(errors.TooLarge):
        server_onion.open_request(private, bytes(server_onion.onion.MAX_ONION_BYTES + 1))


def test_a_long_link_costs_no_time() -> None:
    for text in (
        "https://" + "a" * 10_000_000,
        "https://a" + "/r" * 1000,
        "https://a" + "/a" * 1000 + "?",
        "https://[" + ":" * 2000,
    ):
        with pytest.raises(errors.InvalidMessage):
            room.decode_link(text)
