"""Chapter 11: ids on a server, signed requests, onion requests to a server, links, and posts by themselves."""

import base64
from typing import Any
from urllib.parse import quote

import pytest
from cloister.room_post import MAX_DATA_BYTES, MAX_POST_FILES
from cloister.signed_request import TIME_TOLERANCE_S
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made import open_group_faults as faults
from cloister_conformance.hand_made.onion_requests import HOPS, SERVER_PAIR
from cloister_conformance.hand_made.open_groups import (
    ALICE,
    NOW,
    NOW_S,
    OTHER_SERVER_KEY,
    ROOM,
    ROUTING,
    SERVER_KEY,
    Account,
    Content,
    make_file,
    seal_reply,
    sign_data,
    write_link,
    write_post,
    write_reply,
)
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor, Answer
from cloister_conformance.strategies import bit_positions, flip, seeds, timestamps

LINK = write_link()
PRIVATES = [*(hop.pair.private for hop in HOPS), SERVER_PAIR.private]
"""The private keys of all that peel an onion for the server."""


def server_keys() -> st.SearchStrategy[bytes]:
    """Keys of servers."""
    return st.sampled_from([SERVER_KEY, OTHER_SERVER_KEY])


def targets() -> st.SearchStrategy[tuple[bytes, str]]:
    """Paths and queries, escaped as they may be: the decoded path, and the text."""
    parts = st.lists(st.text(alphabet="az09-_.~ /%+&ü", max_size=8), min_size=1, max_size=3)
    queries = st.sampled_from(["", "?", "?limit=5", "?a=%20%2F&b", "??", "?a=1?b", "?%"])
    return st.tuples(parts, queries).map(
        lambda drawn: (
            b"".join(b"/" + part.encode() for part in drawn[0]),
            "".join("/" + quote(part, safe="/+&" if len(part) % 2 else "") for part in drawn[0]) + drawn[1],
        )
    )


UNBLINDED_TOO = pytest.mark.parametrize("unblinded", [None, True], ids=["blinded", "unblinded"])


def sign(actor: Actor, account: Account = ALICE, **other: Any) -> Answer:  # noqa: ANN401 - params
    """Let an actor sign a request as the blinded id, if nothing else is said."""
    params = {"method": "GET", "target": "/rooms", "body": b"", "now_s": NOW_S, **other}
    return actor.call("signed_request.sign", seed=account.seed, server_key=account.server_key, **params)


def check_signed(actor: Actor, params: dict[str, Any]) -> Answer:
    """Let an actor check a request."""
    return actor.call("signed_request.check", **params)


# Ids


@clause("OG-1")
@given(seed=seeds(), server_key=server_keys())
def test_ids_are_those_of_whole_numbers(actors: Actors, seed: bytes, server_key: bytes) -> None:
    iut, _ = actors()
    account = Account(seed, server_key)
    iut.call("server_id.derive", seed=seed, server_key=server_key).must_be(
        blinded=account.name(blinded=True), unblinded=account.name(blinded=False)
    )


@clause("OG-1", "OG-2")
@given(seed=seeds(), server_key=server_keys())
def test_every_id_leads_to_its_account_whatever_its_sign(actors: Actors, seed: bytes, server_key: bytes) -> None:
    iut, _ = actors()
    account = Account(seed, server_key)
    ids = [account.name(blinded=True), account.name(blinded=False)]
    for text in (*ids, *map(faults.find_turned, ids), account.account_id):
        found = iut.call("server_id.find_account", id=text, server_key=server_key)
        found.must_be(account_id=account.account_id)


@clause("OG-1")
def test_an_id_of_another_server_leads_elsewhere(actors: Actors) -> None:
    iut, peer = actors()
    params = {"id": ALICE.name(blinded=True), "server_key": OTHER_SERVER_KEY}
    expected = peer.call("server_id.find_account", **params)
    expected.must_exclude(account_id=[ALICE.account_id])
    iut.call("server_id.find_account", **params).must_be_like(expected)


@clause("OG-1")
def test_published_blinded_ids(actors: Actors) -> None:
    iut, _ = actors()
    server_key = "6a32c7b491f4199dd1260a4cc60ae51c6bd71dad939cc521e738409f53f943be"
    for seed, blinded in (
        (
            "880adf5164a79bce71f7387fbc2cb2693c0bf0ab4cb42bf1edafddade7527a66",
            "15cef185d46b60a548641bd8c5baa4b7cf90b7da8e883c0ac774c703d249086479",
        ),
        (
            "a5ad71709cfa315d147921e377186270367fd06926f4dbfe33f519dec6b016f7",
            "15758e10dc51210d7a36ea6076e2aa84d9f87283bddb508364272dce0a7618f92a",
        ),
    ):
        iut.call("server_id.derive", seed=seed, server_key=server_key).must_be(blinded=blinded)


BAD_IDS = faults.bad_signing_ids()


@clause("OG-2", "OG-3", "OG-25")
@pytest.mark.parametrize("kind", BAD_IDS)
def test_what_is_no_id_leads_to_no_account(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    text, error = BAD_IDS[kind]
    iut.call("server_id.find_account", id=text, server_key=SERVER_KEY).must_be_refused(error)


# Signing requests


@clause("OG-5", "OG-6")
@UNBLINDED_TOO
@given(account=seeds().map(Account), target=targets(), body=st.binary(max_size=40))
def test_a_signed_request_is_that_of_the_text(
    actors: Actors, unblinded: bool | None, account: Account, target: tuple[bytes, str], body: bytes
) -> None:
    iut, peer = actors()
    _, text = target
    blinded = not unblinded
    signed = sign(iut, account, unblinded=unblinded, method="POST", target=text, body=body, now_s=NOW + len(body))
    signed.must_be(id=account.name(blinded=blinded), timestamp=str(NOW + len(body)))
    asked = {"method": "POST", "target": text, "body": body, "server_key": SERVER_KEY, "now_s": NOW}
    check_signed(peer, {**signed.result.model_dump(), **asked, "blinding_required": blinded}).must_be(
        status=200, account_id=account.account_id
    )


@clause("OG-5", "OG-6")
@UNBLINDED_TOO
@given(
    target=targets(),
    body=st.binary(max_size=40),
    nonce=st.binary(min_size=16, max_size=16),
)
def test_with_a_given_nonce_the_signature_is_one(
    actors: Actors, unblinded: bool | None, target: tuple[bytes, str], body: bytes, nonce: bytes
) -> None:
    iut, _ = actors()
    path, text = target
    expected = faults.sign_request(blinded=not unblinded, nonce=nonce, target=text, path=path, body=body)
    sign(iut, unblinded=unblinded, target=text, body=body, nonce=nonce).must_be(
        **{name: expected[name] for name in faults.HEADERS}
    )


@clause("OG-7")
def test_no_two_requests_have_a_nonce_in_common(actors: Actors) -> None:
    iut, _ = actors()
    older: list[str] = []
    for number in range(16):
        if number == 8:
            iut.restart()
        signed = sign(iut)
        signed.must_exclude(nonce=older)
        signed.must_match(nonce=r"^[A-Za-z0-9+/]{22}==$")
        nonce = signed.result.nonce
        older += [nonce, nonce[:11]]


# Checking requests


@clause("OG-3", "OG-6", "OG-9")
@given(seed=seeds(), blinded=st.booleans(), target=targets(), body=st.binary(max_size=40))
def test_a_request_that_is_signed_rightly_is_from_its_account(
    actors: Actors, seed: bytes, blinded: bool, target: tuple[bytes, str], body: bytes
) -> None:
    iut, _ = actors()
    path, text = target
    account = Account(seed)
    asked = faults.sign_request(account, blinded=blinded, target=text, path=path, body=body)
    asked["blinding_required"] = blinded
    check_signed(iut, asked).must_be(status=200, account_id=account.account_id)


@clause("OG-2", "OG-9")
def test_the_id_of_the_other_sign_signs_for_the_same_account(actors: Actors) -> None:
    iut, _ = actors()
    check_signed(iut, faults.sign_turned()).must_be(status=200, account_id=ALICE.account_id)


@clause("OG-8")
def test_a_request_without_headers_is_from_nobody(actors: Actors) -> None:
    iut, _ = actors()
    asked = {name: value for name, value in faults.sign_request().items() if name not in faults.HEADERS}
    answer = check_signed(iut, asked)
    answer.must_be(status=200)
    answer.must_match(account_id="^None$")


MISSING, FORMS, UNSIGNED = faults.missing_headers(), faults.bad_forms(), faults.bad_signatures()


@clause("OG-8")
@pytest.mark.parametrize("kind", MISSING)
def test_some_of_the_headers_are_not_enough(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    check_signed(iut, MISSING[kind]).must_be(status=400)


@clause("OG-3", "OG-8")
@pytest.mark.parametrize("kind", FORMS)
def test_a_header_of_another_form_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    check_signed(iut, FORMS[kind]).must_be(status=400)


@clause("OG-4")
def test_an_unblinded_id_signs_where_blinding_is_not_required(actors: Actors) -> None:
    iut, _ = actors()
    asked = faults.sign_request(blinded=False)
    check_signed(iut, asked).must_be(status=400)
    check_signed(iut, {**asked, "blinding_required": False}).must_be(status=200, account_id=ALICE.account_id)
    blinded = {**faults.sign_request(), "blinding_required": False}
    check_signed(iut, blinded).must_be(status=200, account_id=ALICE.account_id)


@clause("OG-6", "OG-9")
@pytest.mark.parametrize("kind", UNSIGNED)
def test_a_signature_that_does_not_verify_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    check_signed(iut, UNSIGNED[kind]).must_be(status=401)


@clause("OG-9")
@given(position=bit_positions(64), blinded=st.booleans())
def test_each_bit_of_a_signature_is_heeded(actors: Actors, position: int, blinded: bool) -> None:
    iut, _ = actors()
    asked = {**faults.sign_request(blinded=blinded), "blinding_required": blinded}
    signature = flip(base64.b64decode(asked["signature"]), position)
    check_signed(iut, {**asked, "signature": faults.encode_base64(signature)}).must_be(status=401)


@clause("OG-10")
@pytest.mark.parametrize("offset", [-TIME_TOLERANCE_S, -1, 1, TIME_TOLERANCE_S])
def test_a_day_between_the_clocks_is_borne(actors: Actors, offset: int) -> None:
    iut, _ = actors()
    check_signed(iut, faults.sign_request(timestamp=str(NOW_S + offset))).must_be(status=200)
    check_signed(iut, {**faults.sign_request(), "now_s": NOW_S + offset}).must_be(status=200)


@clause("OG-10")
@pytest.mark.parametrize("timestamp", [NOW_S - TIME_TOLERANCE_S - 1, NOW_S + TIME_TOLERANCE_S + 1, 0, NOW, 2**63])
def test_more_than_a_day_is_refused(actors: Actors, timestamp: int) -> None:
    iut, _ = actors()
    check_signed(iut, faults.sign_request(timestamp=str(timestamp))).must_be(status=425)


@clause("OG-8", "OG-9", "OG-10")
def test_of_several_faults_the_first_is_answered(actors: Actors) -> None:
    iut, _ = actors()
    late = faults.sign_request(timestamp=str(NOW_S + TIME_TOLERANCE_S + 1))
    wrong = {"signature": faults.encode_base64(bytes(64))}
    check_signed(iut, {**late, **wrong}).must_be(status=425)
    check_signed(iut, {**late, "nonce": ""}).must_be(status=400)
    check_signed(iut, {**faults.sign_request(), **wrong, "id": ALICE.account_id}).must_be(status=400)
    check_signed(iut, {**faults.sign_request(blinded=False, timestamp="0"), **wrong}).must_be(status=400)


# Onion requests


def build(actor: Actor, link: str = LINK, **other: Any) -> Answer:  # noqa: ANN401 - params
    """Let an actor build an onion request to the server of a link."""
    params = {"method": "GET", "target": "/rooms", "headers": {}, "body": b"", **other}
    path = [hop.describe() for hop in HOPS]
    return actor.call("server_onion.build", request="request", path=path, link=link, **params)


def unwrap(peer: Actor, body: bytes) -> Answer:
    """Let the peer take an onion apart."""
    return peer.call("onion.unwrap", body=body, private_keys=PRIVATES)


def carry(peer: Actor, body: bytes) -> bytes:
    """Let the peer carry an onion request over the path; return what the server gets."""
    for hop in HOPS:
        plaintext = peer.call("onion.peel", layer="hop", private_key=hop.pair.private, body=body).result.plaintext
        body = peer.call("onion.read_action", plaintext=plaintext).result.body
    return body


def open_request(actor: Actor, body: bytes, private: bytes = faults.PRIVATE) -> Answer:
    """Let an actor open an onion request as the server."""
    return actor.call("server_onion.open_request", layer="layer", private_key=private, body=body)


@clause("OG-68")
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    target=targets(),
    body=st.binary(max_size=300),
    headers=st.dictionaries(st.sampled_from(["x-sogs-nonce", "x-y"]), st.text(alphabet='aZ09+/= "\\é', max_size=20)),
)
def test_a_request_goes_to_the_server_of_the_link_sealed_to_its_key(
    actors: Actors, method: str, target: tuple[bytes, str], body: bytes, headers: dict[str, str]
) -> None:
    iut, peer = actors()
    asked: dict[str, Any] = {"method": method, "target": target[1], "headers": headers, "body": body}
    taken = unwrap(peer, build(iut, **asked).result.body)
    routings = [{}, *({"destination": hop.name.hex()} for hop in HOPS[1:]), ROUTING]
    taken.must_be(routings=routings)
    peer.call("server_onion.decode_request", plaintext=taken.result.payload).must_be(**asked)


@clause("OG-68")
@pytest.mark.parametrize(
    ("place", "routing"),
    [
        ("http://open.example.org", {"protocol": "http", "port": 80}),
        ("https://open.example.org:8443", {"port": 8443}),
        ("http://192.0.2.7:22", {"protocol": "http", "port": 22, "host": "192.0.2.7"}),
        ("https://[2001:db8::7]", {"host": "2001:db8::7"}),
    ],
)
def test_a_request_goes_where_the_link_leads(actors: Actors, place: str, routing: dict[str, Any]) -> None:
    iut, peer = actors()
    taken = unwrap(peer, build(iut, write_link(place=place)).result.body)
    routings = [{}, *({"destination": hop.name.hex()} for hop in HOPS[1:]), {**ROUTING, **routing}]
    taken.must_be(routings=routings)


@clause("OG-68")
def test_nobody_but_the_owner_of_the_key_in_the_link_reads_a_request(actors: Actors) -> None:
    iut, peer = actors()
    body = build(iut, write_link(OTHER_SERVER_KEY)).result.body
    unwrap(peer, body).must_be_refused("DecryptionFailed")


@clause("OG-68", "OG-69")
@pytest.mark.parametrize("kind", ["a user", "two keys", "a fragment", "no key", "a key of low order, 0"])
def test_nothing_is_sent_to_a_link_that_is_none(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    build(iut, faults.bad_links()[kind]).must_be_refused("InvalidMessage")


@clause("OG-68", "OG-70")
@given(status=st.integers(200, 299), body=st.binary(max_size=100), iut_asks=st.booleans())
def test_a_server_answers_a_client(actors: Actors, status: int, body: bytes, iut_asks: bool) -> None:
    iut, peer = actors()
    client, server = (iut, peer) if iut_asks else (peer, iut)
    asked: dict[str, Any] = {
        "method": "POST",
        "target": "/room/tea/message?x=%20",
        "headers": {"x-y": "z"},
        "body": body,
    }
    sent = build(client, **asked).result.body
    opened = open_request(server, carry(peer, sent), SERVER_PAIR.private)
    server.call("server_onion.decode_request", plaintext=opened.result.plaintext).must_be(**asked)
    answer = {"status": status, "headers": {"content-type": "application/json"}, "body": body}
    sealed = server.call("server_onion.seal_reply", layer="layer", **answer).result.sealed
    client.call("server_onion.open_reply", request="request", sealed=sealed).must_be(**answer)


@clause("OG-79")
@pytest.mark.parametrize("status", [200, 201, 206, 299])
def test_a_status_of_success_is_an_answer(actors: Actors, status: int) -> None:
    iut, peer = actors()
    sealed = reply(peer, build(iut).result.body, status)
    iut.call("server_onion.open_reply", request="request", sealed=sealed).must_be(status=status, body=b"x")


@clause("OG-79")
@pytest.mark.parametrize("status", [0, 100, 199, 300, 400, 401, 404, 425, 429, 500, 503])
def test_another_status_is_a_refusal_of_the_server(actors: Actors, status: int) -> None:
    iut, peer = actors()
    sealed = reply(peer, build(iut).result.body, status)
    iut.call("server_onion.open_reply", request="request", sealed=sealed).must_be_refused("ServerRefused")


def reply(peer: Actor, body: bytes, status: int) -> bytes:
    """Let the peer, as all nodes and the server, reply to an onion request."""
    open_request(peer, carry(peer, body), SERVER_PAIR.private).must_be()
    sealed: bytes = peer.call(
        "server_onion.seal_reply", layer="layer", status=status, headers={}, body=b"x"
    ).result.sealed
    return sealed


@clause("OG-63")
def test_no_two_replies_have_an_iv_in_common(actors: Actors) -> None:
    iut, _ = actors()
    open_request(iut, faults.LAYER.body).must_be()
    older: list[bytes] = []
    for _ in range(8):
        reply = iut.call("server_onion.seal_reply", layer="layer", status=200, headers={}, body=b"")
        reply.must_exclude(sealed=older)
        older.append(reply.result.sealed[:12])


CONTROLS, UNOPENED = faults.good_controls(), faults.unopened()
PAYLOADS, BAD_PAYLOADS, BAD_REPLIES = faults.good_payloads(), faults.bad_payloads(), faults.bad_replies()


@clause("OG-64")
@pytest.mark.parametrize("kind", CONTROLS)
def test_a_server_opens_what_an_exit_sends(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    open_request(iut, faults.beside(CONTROLS[kind])).must_be(plaintext=faults.PAYLOAD)


@clause("OG-64")
@pytest.mark.parametrize("kind", UNOPENED)
def test_what_a_server_cannot_open_has_one_error(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    open_request(iut, UNOPENED[kind]).must_be_refused("DecryptionFailed")
    open_request(iut, faults.LAYER.body).must_be(plaintext=faults.PAYLOAD)


@clause("OG-64")
@given(rubbish=st.binary(max_size=300), data=st.data())
def test_arbitrary_bytes_are_no_onion_request(actors: Actors, rubbish: bytes, data: st.DataObject) -> None:
    iut, _ = actors()
    open_request(iut, rubbish).must_be_refused("DecryptionFailed")
    body = faults.LAYER.body
    position = data.draw(bit_positions(len(body)))
    open_request(iut, flip(body, position)).must_be_refused("DecryptionFailed")


@clause("OG-64")
@pytest.mark.parametrize("kind", PAYLOADS)
def test_a_payload_is_read(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    payload, asked = PAYLOADS[kind]
    iut.call("server_onion.decode_request", plaintext=payload).must_be(**asked)


@clause("OG-64")
@pytest.mark.parametrize("kind", BAD_PAYLOADS)
def test_a_payload_of_another_form_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    iut.call("server_onion.decode_request", plaintext=BAD_PAYLOADS[kind]).must_be_refused("InvalidMessage")


@clause("OG-64")
@given(rubbish=st.one_of(st.binary(max_size=60), st.text(alphabet='le0129:i-{}"', max_size=40).map(str.encode)))
def test_arbitrary_bytes_are_judged_as_by_the_reference(actors: Actors, rubbish: bytes) -> None:
    iut, peer = actors()
    expected = peer.call("server_onion.decode_request", plaintext=rubbish)
    iut.call("server_onion.decode_request", plaintext=rubbish).must_be_like(expected)


def open_with(actor: Actor, sealed: bytes) -> Answer:
    """Let an actor open a reply with a given key."""
    return actor.call("server_onion.open_reply_with", reply_key=bytes(32), sealed=sealed)


@clause("OG-70")
@given(status=st.integers(100, 599), body=st.binary(max_size=100))
def test_a_reply_is_opened(actors: Actors, status: int, body: bytes) -> None:
    iut, _ = actors()
    sealed = seal_reply(bytes(32), write_reply(status, body, {"Content-Type": "x"}))
    open_with(iut, sealed).must_be(status=status, headers={"content-type": "x"}, body=body)


@clause("OG-70")
@pytest.mark.parametrize("kind", BAD_REPLIES)
def test_a_reply_of_another_form_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    open_with(iut, seal_reply(bytes(32), BAD_REPLIES[kind])).must_be_refused("InvalidMessage")


@clause("OG-70")
@given(data=st.data())
def test_a_reply_that_does_not_open_is_refused(actors: Actors, data: st.DataObject) -> None:
    iut, _ = actors()
    sealed = seal_reply(bytes(32), write_reply(200, b"x"))
    position = data.draw(bit_positions(len(sealed)))
    for damaged in (flip(sealed, position), sealed[: position // 8], seal_reply(b"\1" * 32, write_reply())):
        open_with(iut, damaged).must_be_refused("DecryptionFailed")


@clause("OG-70")
def test_the_error_of_an_exit_is_no_reply(actors: Actors) -> None:
    iut, _ = actors()
    build(iut).must_be()
    for text in (b"", b"Invalid ciphertext", b'l12:{"code":200}0:e'):
        iut.call("server_onion.open_reply", request="request", sealed=text).must_be_refused("DecryptionFailed")


# Links

LINKS = faults.good_links()
SPELLINGS = faults.other_spellings()
BAD_LINKS, STRANGE_KEYS = faults.bad_links(), faults.strange_keys()


@clause("OG-69")
@pytest.mark.parametrize("kind", LINKS)
def test_a_link_is_read_and_written(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    text, link = LINKS[kind]
    iut.call("room.decode_link", text=text).must_be(**link)
    iut.call("room.encode_link", **link).must_be(text=text)


@clause("OG-69")
@pytest.mark.parametrize("kind", SPELLINGS)
def test_r_may_stand_before_a_room(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    text, link = SPELLINGS[kind]
    iut.call("room.decode_link", text=text).must_be(**link)


@clause("OG-69")
@pytest.mark.parametrize("kind", BAD_LINKS)
def test_a_link_of_another_form_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    iut.call("room.decode_link", text=BAD_LINKS[kind]).must_be_refused("InvalidMessage")


@clause("OG-69")
@given(text=st.text(max_size=60))
def test_arbitrary_texts_are_no_links(actors: Actors, text: str) -> None:
    iut, _ = actors()
    for link in (text, f"https://{text}/tea?public_key={SERVER_KEY.hex()}/", f"{write_link()}&{text}"):
        iut.call("room.decode_link", text=link).must_be_refused("InvalidMessage")


@clause("OG-69")
@pytest.mark.parametrize("kind", STRANGE_KEYS)
def test_another_key_of_a_known_base_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    known, strange = STRANGE_KEYS[kind]
    others = [write_link(place="https://elsewhere.example")]
    for list_of_known in ([known], [*others, known], [known, *others]):
        iut.call("room.check_link", text=strange, known=list_of_known).must_be_refused("UntrustedIdentity")
        iut.call("room.check_link", text=known, known=list_of_known).must_be()
    iut.call("room.check_link", text=strange, known=others).must_be()


@clause("OG-69")
@pytest.mark.parametrize("place", ["https://open.example.org:444", "https://example.org"])
def test_another_base_has_a_key_of_its_own(actors: Actors, place: str) -> None:
    iut, _ = actors()
    iut.call("room.check_link", text=write_link(OTHER_SERVER_KEY, place=place), known=[write_link()]).must_be()


@clause("OG-69")
def test_another_room_of_a_known_server_is_no_stranger(actors: Actors) -> None:
    iut, _ = actors()
    iut.call("room.check_link", text=write_link(room="coffee"), known=[write_link()]).must_be()


# Posts


def write(actor: Actor, account: Account = ALICE, **other: Any) -> Answer:  # noqa: ANN401 - params
    """Let an actor write a post."""
    params = {"timestamp_ms": NOW, "revision": 0, "text": "hello", "files": [], "room": ROOM, **other}
    return actor.call("room_post.write", seed=account.seed, server_key=account.server_key, **params)


def read(actor: Actor, post: dict[str, Any], **other: Any) -> Answer:  # noqa: ANN401 - params
    """Let an actor read a post."""
    return actor.call("room_post.read", **post, **{"server_key": SERVER_KEY, "room": ROOM, **other})


def contents() -> st.SearchStrategy[Content]:
    """Contents of posts."""
    return st.builds(
        Content,
        text=st.one_of(
            st.text(min_size=1, max_size=80), st.sampled_from([1, 60, 61, 62, 63, 221, 222, 223]).map("x".__mul__)
        ),
        timestamp_ms=timestamps(),
        revision=st.integers(0, 2**32 - 1),
        files=st.lists(st.integers(0, 9).map(lambda label: make_file(label)[0]), max_size=3).map(tuple),
    )


@clause("OG-77")
@UNBLINDED_TOO
@given(seed=seeds(), content=contents())
def test_a_post_is_that_of_the_text(actors: Actors, unblinded: bool | None, seed: bytes, content: Content) -> None:
    iut, peer = actors()
    account = Account(seed)
    blinded = not unblinded
    written = write(iut, account, unblinded=unblinded, **content.describe())
    written.must_be(session_id=account.name_author(blinded=blinded), data=content.data)
    if blinded:
        written.must_be(signature=account.sign_post(content.data, blinded=True))
    read(peer, written.result.model_dump()).must_be(**content.describe())


@clause("OG-71", "OG-72")
@given(seed=seeds(), blinded=st.booleans(), content=contents())
def test_a_post_is_read(actors: Actors, seed: bytes, blinded: bool, content: Content) -> None:
    iut, _ = actors()
    read(iut, write_post(content, Account(seed), blinded=blinded).describe()).must_be(**content.describe())


@clause("OG-77")
def test_a_post_with_files_alone(actors: Actors) -> None:
    iut, peer = actors()
    files = [make_file(label)[0].describe() for label in range(MAX_POST_FILES)]
    written = write(iut, text="", files=files)
    read(peer, written.result.model_dump()).must_be(text="", files=files)
    read(iut, written.result.model_dump()).must_be(text="", files=files)


@clause("OG-77")
def test_a_post_that_is_too_much_is_not_written(actors: Actors) -> None:
    iut, _ = actors()
    write(iut, text="x" * MAX_DATA_BYTES).must_be_refused("TooLarge")
    write(iut, files=[make_file(label)[0].describe() for label in range(MAX_POST_FILES + 1)]).must_be_refused(
        "TooLarge"
    )
    for time in (999_999_999_999, 10_000_000_000_000):
        write(iut, timestamp_ms=time).must_be_refused("OutOfRange")


@clause("OG-72", "OG-77")
def test_the_longest_post(actors: Actors) -> None:
    iut, peer = actors()
    longest = (MAX_DATA_BYTES + 1) // 160 * 160 - 2
    room = longest - len(Content(text="x" * (longest - 100)).encode()) + longest - 100
    text = "x" * room
    content = Content(text=text)
    write(iut, text=content.text).must_be(data=content.data)
    read(iut, write_post(content).describe()).must_be(text=content.text)
    write(iut, text=text + "x").must_be_refused("TooLarge")
    read(iut, sign_data(Content(text=text + "x").data).describe()).must_be_refused("TooLarge")
    read(peer, write_post(content).describe()).must_be(text=content.text)


CONTENTS = {kind: (error, data) for kind, error, data in faults.bad_contents()}
FORGED, AUTHORS, WRONG_FILES = faults.forged_posts(), faults.bad_authors(), faults.wrong_files()


@clause("OG-71")
@pytest.mark.parametrize("kind", FORGED)
def test_a_post_that_its_author_did_not_sign_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    read(iut, FORGED[kind].describe()).must_be_refused("InvalidSignature")


@clause("OG-71")
@given(data=st.data(), blinded=st.booleans())
def test_each_bit_of_a_post_is_signed(actors: Actors, data: st.DataObject, blinded: bool) -> None:
    iut, _ = actors()
    post = write_post(blinded=blinded)
    position = data.draw(bit_positions(len(post.data)))
    read(iut, post._replace(data=flip(post.data, position)).describe()).must_be_refused("InvalidSignature")
    position = data.draw(bit_positions(64))
    read(iut, post._replace(signature=flip(post.signature, position)).describe()).must_be_refused("InvalidSignature")


@clause("OG-71")
@pytest.mark.parametrize("kind", AUTHORS)
def test_who_cannot_post_is_no_author(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    author, error = AUTHORS[kind]
    read(iut, write_post()._replace(author=author).describe()).must_be_refused(error)


@clause("OG-72")
@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("blinded", [True, False], ids=["blinded", "unblinded"])
def test_a_content_that_is_none_of_the_room_is_refused(actors: Actors, kind: str, blinded: bool) -> None:
    iut, _ = actors()
    error, data = CONTENTS[kind]
    read(iut, sign_data(data, blinded=blinded).describe()).must_be_refused(error)


@clause("OG-72")
def test_a_post_is_of_the_room_and_server_that_were_asked(actors: Actors) -> None:
    iut, _ = actors()
    post = write_post(blinded=False).describe()
    read(iut, post, room="coffee").must_be_refused("InvalidMessage")
    read(iut, post, server_key=OTHER_SERVER_KEY).must_be_refused("InvalidMessage")
    read(iut, post).must_be(text="hello")


@clause("NE-8", "NE-9", "NE-10", "NE-13", "OG-72")
def test_a_content_may_be_encoded_otherwise(actors: Actors) -> None:
    iut, _ = actors()
    whole = Content()
    for other in (
        {3: field(3, NOW, size=10)},
        {4: field(4, 7) + field(4, 0)},
        {5: field(5, b"x" * 200) + field(5, b"hello")},
        {5: field(5, b"hello") + field(99, b"?" * 160)},
        {1: b"", 5: field(5, b"hello") + field(1, SERVER_KEY)},
    ):
        data = Content(other=other).data
        read(iut, sign_data(data).describe()).must_be(**whole.describe())


@clause("OG-76")
@given(size=st.integers(0, 300))
def test_a_file_of_a_post_counts(actors: Actors, size: int) -> None:
    iut, _ = actors()
    file, data = make_file("any", size)
    iut.call("room_post.check_file", file=file.describe(), data=data).must_be()


@clause("OG-76")
@pytest.mark.parametrize("kind", WRONG_FILES)
def test_another_file_than_that_of_the_post_is_refused(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    file, data = WRONG_FILES[kind]
    iut.call("room_post.check_file", file=file, data=data).must_be_refused("InvalidMessage")
