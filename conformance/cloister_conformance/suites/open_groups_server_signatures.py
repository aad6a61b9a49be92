"""Chapter 11, role `open-group-server`: ids, what is signed, time, nonces."""

import pytest
from cloister.identity import P

from cloister_conformance.clause import clause
from cloister_conformance.open_group_rooms import (
    ban,
    make_administrator,
    must_do,
    must_refuse,
    need_unblinded,
    post,
    write_post,
)
from cloister_conformance.plugin import BeginServer
from cloister_conformance.protocol.open_group_server import SERVER_FILE
from cloister_conformance.script import NotOffered

TIME_TOLERANCE_S = 86_400
NONCE = bytes(range(1, 17))


@clause("OG-2", "OG-6")
@pytest.mark.parametrize("id_form", ["15", "-15"])
@pytest.mark.parametrize("way", ["direct", "onion", "batch", "sequence"])
def test_who_signs_is_known_by_the_id(server: BeginServer, id_form: str, way: str) -> None:
    iut = server()
    alice = iut.meet()
    message = alice.post(f"/room/{iut.a}/message", value=write_post(alice, id_form), id=id_form, way=way)
    author = alice.ids.blinded if id_form == "15" else alice.ids.other_blinded
    message.must_match(status="^201$")
    message.must_mention({"session_id": author})


@clause("OG-2", "OG-4")
def test_a_server_that_does_not_require_blinding_knows_all_ids_as_one_account(server: BeginServer) -> None:
    iut = server()
    need_unblinded(iut)
    alice = iut.meet()
    iut.ask("GET", "/capabilities").must_exclude(body=['"blind"'])
    for id_form in ("00", "-00", "15", "-15"):
        message = alice.post(f"/room/{iut.a}/message", value=write_post(alice, id_form), id=id_form)
        message.must_match(status="^201$")
        if id_form.endswith("00"):
            message.must_mention({"session_id": alice.id})
    must_do(ban(iut.operator, alice.id))
    for id_form in ("00", "-00", "15", "-15"):
        must_refuse(alice.get("/rooms", id=id_form), 403)


@clause("OG-11", "OG-2", "OG-5")
def test_a_nonce_is_used_up_under_all_ids(server: BeginServer) -> None:
    iut = server()
    need_unblinded(iut)
    alice = iut.meet()
    alice.get("/rooms", nonce=NONCE).must_be(status=200)
    for id_form in ("-15", "00", "-00", "15"):
        must_refuse(alice.get("/rooms", nonce=NONCE, id=id_form), 425)


@clause("OG-6")
@pytest.mark.parametrize("way", ["direct", "onion"])
@pytest.mark.parametrize(
    "path",
    [
        "/rooms?",
        "/rooms?a=b",
        "/rooms?a=%41&b=%2F",
        "/%72ooms",
        "/%72%6F%6f%6d%73?x=%72",
        "/capabilities?required=sogs",
    ],
)
def test_the_path_is_signed_decoded_and_the_query_as_written(server: BeginServer, path: str, way: str) -> None:
    iut = server()
    iut.meet().get(path, way=way).must_be(status=200)


@clause("OG-6")
@pytest.mark.parametrize(
    ("sent", "signed"),
    [("/rooms?a=%41", "/rooms?a=A"), ("/rooms?a=A", "/rooms?a=%41"), ("/rooms?a", "/rooms"), ("/rooms", "/rooms?a")],
)
def test_a_query_that_is_signed_otherwise_is_refused(server: BeginServer, sent: str, signed: str) -> None:
    iut = server()
    must_refuse(iut.meet().get(sent, signed={"path": signed}), 401)


@clause("OG-58")
@pytest.mark.parametrize(
    "path", ["/rooms%3Fa=b", "/room/%0a", "/room/%23", "/room/%ff", "/room/%4", "/room/%zz", "/rooms?%00\x7f"]
)
def test_a_target_that_could_move_in_the_signed_bytes_is_refused(server: BeginServer, path: str) -> None:
    iut = server()
    way = "onion" if "\x7f" in path else "direct"
    must_refuse(iut.meet().get(path, way=way), 400)


@clause("OG-58")
def test_a_get_with_a_body_is_refused(server: BeginServer) -> None:
    iut = server()
    for way in ("direct", "onion"):
        must_refuse(iut.meet().get("/rooms", body=b"more", way=way), 400)
        must_refuse(iut.nobody.get("/rooms", body=b"more", way=way), 400)


@clause("OG-8")
@pytest.mark.parametrize("name", ["Pubkey", "Nonce", "Timestamp", "Signature"])
def test_a_header_that_is_there_twice_is_refused(server: BeginServer, name: str) -> None:
    iut = server()
    alice = iut.meet()
    texts = {"Pubkey": alice.ids.blinded, "Nonce": "A" * 22 + "==", "Timestamp": str(iut.now_ms // 1000)}
    text = texts.get(name, "A" * 86 + "==")
    must_refuse(alice.get("/rooms", headers={f"X-SOGS-{name}": text, f"x-sogs-{name.lower()}": text}), 400)


@clause("OG-10")
@pytest.mark.parametrize("way", ["direct", "onion"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_timestamp_is_taken_within_a_day_of_the_clock(server: BeginServer, sign: int, way: str) -> None:
    iut = server()
    alice = iut.meet()
    margin_s = 0 if iut.callee.offers("clock") else 60
    alice.get("/rooms", age_s=sign * (TIME_TOLERANCE_S - margin_s), way=way).must_be(status=200)
    must_refuse(alice.get("/rooms", age_s=sign * (TIME_TOLERANCE_S + 1 + margin_s), way=way), 425)


@clause("OG-10")
def test_a_timestamp_is_compared_with_whole_seconds(server: BeginServer) -> None:
    iut = server()
    iut.set_clock(iut.now_ms + 999)
    iut.meet().get("/rooms", age_s=TIME_TOLERANCE_S).must_be(status=200)


@clause("OG-12")
@pytest.mark.parametrize("way", ["direct", "onion"])
def test_a_wrong_signature_uses_no_nonce_up(server: BeginServer, way: str) -> None:
    iut = server()
    alice = iut.meet()
    must_refuse(alice.get("/rooms", nonce=NONCE, signed={"path": "/"}, way=way), 401)
    must_refuse(alice.get("/rooms", nonce=NONCE, age_s=TIME_TOLERANCE_S + 100, way=way), 425)
    alice.get("/rooms", nonce=NONCE, way=way).must_be(status=200)
    must_refuse(alice.get("/rooms", nonce=NONCE, way=way), 425)


@clause("OG-11")
def test_a_nonce_is_used_up_with_any_timestamp(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    alice.get("/rooms", nonce=NONCE).must_be(status=200)
    for age_s in (5, -5, 3600):
        must_refuse(alice.get("/rooms", nonce=NONCE, age_s=age_s), 425)


@clause("OG-11")
def test_nobody_uses_up_the_nonce_of_another(server: BeginServer) -> None:
    iut = server()
    alice, bob = iut.meet(), iut.meet()
    for person in (alice, bob):
        person.get("/rooms", nonce=NONCE).must_be(status=200)


@clause("OG-11", "OG-60")
def test_a_nonce_is_used_up_whatever_way_it_comes(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    ways = ("direct", "onion", "batch", "sequence")
    for number, first_way in enumerate(ways):
        nonce = bytes([number]) * 16
        alice.get("/rooms", nonce=nonce, way=first_way).must_be(status=200)
        for way in ways:
            must_refuse(alice.get("/rooms", nonce=nonce, way=way), 425)


@clause("OG-11")
def test_of_a_request_that_is_sent_many_times_at_once_one_is_done(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    answer = iut.ask_at_once([alice.write("GET", "/rooms", nonce=NONCE)], times=16)
    answer.must_be(statuses=[200, 425])
    iut.ask_at_once([alice.write("GET", "/rooms", nonce=NONCE)], times=2).must_be(statuses=[425])


@clause("OG-11")
def test_of_a_change_that_is_sent_many_times_at_once_one_is_made(server: BeginServer) -> None:
    iut = server()
    administrator, path = make_administrator(iut, iut.a), f"/room/{iut.a}"
    number = administrator.get(path).result.value["info_updates"]
    change = administrator.write("PUT", path, value={"name": "once"}, nonce=NONCE)
    iut.ask_at_once([change], times=16).must_be(statuses=[200, 425])
    administrator.get(path).must_mention({"info_updates": number + 1})


@clause("OG-11")
def test_a_nonce_is_used_up_as_long_as_its_timestamp_can_be_accepted(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    early_s = TIME_TOLERANCE_S
    alice.get("/rooms", nonce=NONCE, age_s=-early_s).must_be(status=200)
    for passed_s in (TIME_TOLERANCE_S, 2 * TIME_TOLERANCE_S):
        iut.set_clock(1_700_000_000_000 + 1000 * passed_s)
        for way in ("direct", "onion"):
            iut.meet().get("/rooms", way=way)  # lets the server forget what it may
            must_refuse(alice.get("/rooms", nonce=NONCE, age_s=passed_s - early_s, way=way), 425)


@clause("OG-11", "OG-43")
def test_a_nonce_is_used_up_after_the_process_was_killed(server: BeginServer) -> None:
    iut = server()
    if not iut.callee.offers(SERVER_FILE):
        raise NotOffered(SERVER_FILE)
    alice = iut.meet()
    early = bytes(16)
    alice.get("/rooms", nonce=early).must_be(status=200)
    iut.pass_time(TIME_TOLERANCE_S)
    message = post(alice, iut.a, "before the end", nonce=NONCE)
    alice.get("/rooms", nonce=NONCE[::-1]).must_be(status=200)
    iut.kill()
    must_refuse(alice.post(f"/room/{iut.a}/message", value=write_post(alice, "after the end"), nonce=NONCE), 425)
    must_refuse(alice.get("/rooms", nonce=NONCE[::-1]), 425)
    must_refuse(alice.get("/rooms", nonce=early, age_s=TIME_TOLERANCE_S), 425)
    alice.get(f"/room/{iut.a}/message/", message.refer("value", "id")).must_be(value=message.refer("value"))


@clause("OG-13")
def test_a_banned_account_learns_of_it_only_when_it_signs(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    must_do(ban(iut.operator, alice.id))
    for way in ("direct", "onion"):
        must_refuse(alice.get("/rooms", signed={"path": "/"}, way=way), 401)
        must_refuse(alice.get("/no/such/path", way=way), 403)
        nonce = way.encode().ljust(16)
        must_refuse(alice.get("/rooms", nonce=nonce, way=way), 403)
        must_refuse(alice.get("/rooms", nonce=nonce, way=way), 425)


def add_point_of_order_2(key: str) -> str:
    """Add the point of order 2 to a key: both coordinates turn into their negatives."""
    number = int.from_bytes(bytes.fromhex(key), "little")
    sign, y = divmod(number, 2**255)
    return ((1 - sign) * 2**255 + P - y).to_bytes(32, "little").hex()


@clause("OG-3")
@pytest.mark.parametrize("way", ["direct", "onion"])
def test_a_key_with_a_part_of_small_order_signs_nothing(server: BeginServer, way: str) -> None:
    iut = server()
    alice = iut.meet()
    for blinded in (alice.ids.blinded, alice.ids.other_blinded):
        mixed = blinded[:2] + add_point_of_order_2(blinded[2:])
        must_refuse(alice.get("/rooms", headers={"X-SOGS-Pubkey": mixed}, way=way), 400)


@clause("OG-3", "OG-4")
def test_an_id_with_another_first_byte_signs_nothing_where_blinding_is_not_required(server: BeginServer) -> None:
    iut = server()
    need_unblinded(iut)
    alice = iut.meet()
    key = alice.ids.unblinded[2:]
    for begin in ("25", "05", "01", "16", "ff"):
        must_refuse(alice.get("/rooms", id="00", headers={"X-SOGS-Pubkey": begin + key}), 400)
    alice.get("/rooms", id="00").must_be(status=200)
