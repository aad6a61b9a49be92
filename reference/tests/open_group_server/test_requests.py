"""What a server answers, on both databases."""

import json
import secrets
from typing import Any

import pytest
from cloister import open_group_bodies, open_group_queries, open_group_rights, server_onion, signed_request
from cloister.open_group import ENDPOINTS
from cloister.open_group_server import endpoints
from cloister.signed_request import Request
from sqlalchemy import Engine, event


def test_every_endpoint_of_the_table_has_a_handler() -> None:
    assert set(endpoints.HANDLERS) == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}


def test_a_life_of_a_room(world: Any) -> None:
    """Post, edit, delete; who may what; the cursor."""
    world.start()
    first = world.post("alice", "one")
    assert (first.status_code, first.json()["id"], first.json()["seqno"]) == (201, 1, 1)
    assert world.post("alice", "one").json() == first.json()
    assert world.post("bob", "one").json()["id"] == 2
    body = {"data": "YWJj", "signature": first.json()["signature"]}
    assert world.ask("bob", "PUT", "/room/tea/message/1", body).status_code == 403
    world.pass_time(1)
    assert world.ask("alice", "PUT", "/room/tea/message/1", body).json() == {}
    found = world.ask(None, "GET", "/room/tea/message/1").json()
    assert (found["data"], found["seqno"], found["edited"] - found["posted"]) == ("YWJj", 3, 1)
    assert world.ask("alice", "DELETE", "/room/tea/message/2").status_code == 403
    assert world.ask("operator", "DELETE", "/room/tea/message/2").status_code == 200
    assert world.ask("operator", "DELETE", "/room/tea/message/2").status_code == 404
    assert [(one["id"], one["seqno"]) for one in world.since()] == [(1, 3), (2, 4)]
    assert world.since()[1] == {"id": 2, "seqno": 4, "data": None, "deleted": True}
    assert [one["id"] for one in world.since(3)] == [2]
    assert world.post("bob", "again").json()["id"] == 3
    recent = world.ask(None, "GET", "/room/tea/messages/recent").json()
    assert [one["id"] for one in recent] == [3, 1]
    assert [one["id"] for one in world.ask(None, "GET", "/room/tea/messages/before/3").json()] == [1]
    assert world.ask("alice", "GET", "/room/tea").json()["active_users"] == 2
    bob = world.account("bob")
    assert world.ask("alice", "DELETE", f"/room/tea/all/{bob}").status_code == 403
    assert world.ask("operator", "DELETE", f"/rooms/all/{bob}").json() == {"total": 1, "rooms": {"tea": 1}}
    assert world.ask("operator", "DELETE", f"/room/tea/all/{bob}").status_code == 404
    assert world.ask("alice", "GET", "/room/tea").json()["active_users"] == 1


def test_rights_follow_the_account_whatever_the_id(world: Any) -> None:
    world.start(blinding_required=False)
    assert world.post("bob", "one").status_code == 201
    assert world.ask("bob", "GET", "/rooms", blinded=False).status_code == 200
    unblinded = "00" + world.ask("bob", "GET", "/rooms", blinded=False).request.headers["x-sogs-pubkey"][2:]
    assert world.ask("operator", "POST", f"/user/{unblinded}/ban", {"rooms": ["tea"]}).status_code == 200
    for blinded in (True, False):
        assert world.ask("bob", "GET", "/room/tea", blinded=blinded).status_code == 403
    assert [room["token"] for room in world.ask("bob", "GET", "/rooms").json()] == []
    assert world.ask("operator", "POST", f"/user/{world.account('bob')}/unban", {"rooms": ["*"]}).status_code == 200
    assert world.ask("bob", "GET", "/room/tea").status_code == 200


def test_a_whitelist(world: Any) -> None:
    """Approved and invited, in whatever order; neither alone."""
    world.start()
    bob = world.account("bob")
    nowhere = world.ask("bob", "GET", "/room/nowhere")
    made = world.ask("operator", "POST", "/room/white/invitation", {"timeout": 60})
    assert made.status_code == 201
    assert world.ask("bob", "POST", "/room/white/join", made.json()).text == nowhere.text
    approval = {"read": True, "write": True}
    assert world.ask("operator", "POST", f"/room/white/permissions/{bob}", approval).json() == approval
    assert world.ask("bob", "GET", "/room/white").text == nowhere.text
    assert world.ask("bob", "POST", "/room/white/join", {"invitation": 64 * "0"}).text == nowhere.text
    assert world.ask("bob", "POST", "/room/white/join", made.json()).status_code == 200
    assert world.post("bob", "hello", room="white").status_code == 201
    world.pass_time(60)
    assert world.ask("operator", "POST", f"/room/white/permissions/{world.account('alice')}", approval).is_success
    assert world.ask("alice", "POST", "/room/white/join", made.json()).text == nowhere.text
    listed = world.ask("operator", "GET", "/room/white/permissions?limit=1").json()
    after = next(iter(listed))
    rest = world.ask("operator", "GET", f"/room/white/permissions?after={after}").json()
    assert len(listed) == len(rest) == 1
    assert world.ask("operator", "POST", f"/room/white/permissions/{bob}", {"default_read": True}).is_success
    assert world.post("bob", "more", room="white").status_code == 404


def test_bans_end_and_spare_who_has_a_right(world: Any) -> None:
    world.start()
    bob, operator = world.account("bob"), world.account("operator")
    assert world.ask("operator", "POST", f"/user/{operator}/ban", {"global": True}).status_code == 403
    assert (
        world.ask("operator", "POST", f"/user/{operator}/moderator", {"global": True, "admin": False}).status_code
        == 403
    )
    assert world.ask("operator", "POST", f"/user/{bob}/moderator", {"rooms": ["tea"], "moderator": True}).is_success
    for scope in ({"global": True}, {"rooms": ["tea"]}):
        assert world.ask("operator", "POST", f"/user/{bob}/ban", scope).status_code == 403
    assert (
        world.ask("bob", "POST", f"/user/{world.account('carol')}/ban", {"rooms": ["tea", "white"]}).status_code == 404
    )
    assert world.ask("carol", "GET", "/room/tea").status_code == 200
    assert world.ask("bob", "PUT", "/room/tea", {"name": "x"}).status_code == 403
    assert world.ask("operator", "POST", f"/user/{bob}/moderator", {"rooms": ["tea"], "moderator": False}).is_success
    assert world.ask("operator", "POST", f"/user/{bob}/ban", {"global": True, "timeout": 10}).is_success
    for target in ("/rooms", "/room/tea", "/nothing", "/capabilities"):
        assert world.ask("bob", "GET", target).status_code == 403
    world.pass_time(10)
    assert world.ask("bob", "GET", "/rooms").status_code == 200


def test_moderators_are_shown_hidden_and_counted(world: Any) -> None:
    world.start()
    bob = world.account("bob")
    hide = {"rooms": ["tea"], "admin": True, "visible": False}
    before = world.ask(None, "GET", "/room/tea").json()["info_updates"]
    assert world.ask("operator", "POST", f"/user/{bob}/moderator", hide).is_success
    polled = world.ask(None, "GET", f"/room/tea/pollInfo/{before}").json()
    assert (polled["details"]["admins"], "hidden_admins" in polled["details"]) == ([], False)
    assert "details" not in world.ask(None, "GET", f"/room/tea/pollInfo/{before + 1}").json()
    assert world.ask("bob", "GET", "/room/tea").json()["hidden_admins"] == [
        world.ask("bob", "GET", "/rooms").request.headers["x-sogs-pubkey"]
    ]


def test_a_nonce_is_used_once_also_after_a_restart(world: Any) -> None:
    world.start()
    request = Request(method="GET", target="/rooms")
    headers = world.sign("alice", request)
    wrong = {**headers, "x-sogs-signature": world.sign("bob", request)["x-sogs-signature"]}
    assert world.ask(None, "GET", "/rooms", headers=wrong).status_code == 401
    assert world.ask(None, "GET", "/rooms", headers=headers).status_code == 200
    assert world.ask(None, "GET", "/rooms", headers=headers).status_code == 425
    world.restart()
    assert world.ask(None, "GET", "/rooms", headers=headers).status_code == 425
    refused = Request(method="GET", target="/nothing")
    headers = world.sign("alice", refused)
    assert [world.ask(None, "GET", "/nothing", headers=headers).status_code for _ in range(2)] == [404, 425]


@pytest.mark.parametrize("path", ["/rooms", "/room/tea/message", "/nothing", "/batch"])
def test_the_first_checks_come_first_on_every_path(alone: Any, path: str) -> None:
    alone.start()
    request = Request(method="POST", target=path, body=b"x")
    good = alone.sign("alice", request)

    def ask(**changes: str | None) -> int:
        headers = {name: value for name, value in {**good, **changes}.items() if value is not None}
        return int(alone.ask(None, "POST", path, b"x", headers=headers).status_code)

    assert ask(**{"x-sogs-nonce": None}) == 400
    assert ask(**{"x-sogs-nonce": "AAAA"}) == 400
    assert ask(**{"x-sogs-timestamp": "1"}) == 425
    assert ask(**{"x-sogs-timestamp": "1700000001"}) == 401
    twice = [*good.items(), ("X-SOGS-Nonce", good["x-sogs-nonce"])]
    url = f"http://127.0.0.1:{alone.port}{path}"
    assert alone.client.post(url, content=b"x", headers=twice).status_code == 400


def test_too_many_posts_are_refused(world: Any) -> None:
    world.start()
    answers = [world.post("alice", str(number)) for number in range(open_group_rights.POSTS)]
    edit = {"data": "YWJj", "signature": answers[0].json()["signature"]}
    assert {answer.status_code for answer in answers} == {201}
    assert world.post("alice", "more").status_code == 429
    assert world.ask("alice", "PUT", "/room/tea/message/1", edit).status_code == 429
    assert world.post("alice", "0").status_code == 201
    assert {world.post("operator", str(number)).status_code for number in range(7)} == {201}
    world.pass_time(open_group_rights.POSTS_SECONDS)
    assert world.post("alice", "more").status_code == 201


def test_batches_and_sequences(world: Any) -> None:
    world.start()
    posted = {
        "method": "POST",
        "path": "/room/tea/message",
        "json": json.loads(world.post("alice", "x").request.content),
    }
    missing = {"method": "GET", "path": "/room/nowhere"}
    polled = {"method": "GET", "path": "/room/tea/messages/since/0"}
    batch = world.ask("bob", "POST", "/batch", [posted, missing, polled]).json()
    assert [part["code"] for part in batch] == [201, 404, 200]
    assert len(batch[2]["body"]) == 2
    assert [part["code"] for part in world.ask("bob", "POST", "/sequence", [missing, polled]).json()] == [404]
    assert world.ask("bob", "POST", "/batch", []).status_code == 400
    assert world.ask("bob", "POST", "/batch", [polled, {"method": "POST", "path": "/b%61tch"}]).status_code == 400
    assert world.ask("bob", "POST", "/batch", [polled] * 101).status_code == 413
    anonymous = world.ask(None, "POST", "/batch", [posted, polled]).json()
    assert [part["code"] for part in anonymous] == [401, 200]


def test_many_rooms_are_listed_with_few_questions(world: Any) -> None:
    world.start(rooms=[{"token": f"room{number}", "name": "Room"} for number in range(20)])
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert len(world.ask(None, "GET", "/rooms").json()) == 20
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert 0 < len(asked) < 20


def test_a_batch_that_is_no_json_or_too_deep_is_refused_whole(alone: Any) -> None:
    alone.start()
    post = {"method": "POST", "path": "/room/tea/message", "json": alone.body("x")}
    for value in (float("nan"), float("inf")):
        assert alone.ask("alice", "POST", "/batch", [post, {**post, "json": value}]).status_code == 400
    for depth in range(900, 1000, 5):
        nested = b'{"a":' * depth + b"1" + b"}" * depth
        body = b'[{"method": "POST", "path": "/rooms", "json": %b}]' % nested
        assert alone.ask("alice", "POST", "/batch", body).status_code in {200, 400}
    assert alone.since() == []


def test_capabilities_that_are_required_make_no_long_answer(alone: Any) -> None:
    alone.start()
    missing = alone.ask(None, "GET", "/capabilities?required=sogs,reactions")
    assert (missing.status_code, missing.json()["missing"]) == (412, ["reactions"])
    longest = ",".join(["%22" * open_group_queries.MAX_REQUIRED_CHARACTERS] * open_group_queries.MAX_REQUIRED)
    assert alone.ask(None, "GET", f"/capabilities?required={longest}").status_code == 412
    wide = longest.replace("%22", "%F0%9F%98%80")
    answers = [alone.ask(None, "GET", f"/capabilities?required={names}") for names in (longest, wide)]
    assert all(len(answer.content) < 2000 for answer in answers)


def test_a_batch_whose_answers_are_too_long_is_cut(alone: Any) -> None:
    alone.start()
    file = alone.upload("operator", bytes(6_000_000))
    assert alone.post("operator", "a file", files=[file]).status_code == 201
    part = {"method": "GET", "path": f"/room/tea/file/{file}"}
    small = {"method": "POST", "path": "/room/tea/invitation"}
    answers = alone.ask("operator", "POST", "/batch", [part, part, small]).json()
    assert [answer["code"] for answer in answers] == [200, 413, 413]


def test_onion_requests(world: Any) -> None:
    world.start()
    inner = Request(method="GET", target="/room/tea")
    payload = Request(method="GET", target="/room/tea", headers=world.sign("alice", inner))
    answer, reply = world.onion(server_onion.encode_request(payload))
    assert (answer.status_code, reply.status, json.loads(reply.body)["token"]) == (200, 200, "tea")
    answer, reply = world.onion(server_onion.encode_request(payload))
    assert (answer.status_code, reply.status) == (200, 425)
    for bad in (b"", b"le", b"l2:{}e", server_onion.encode_request(Request(method="POST", target=server_onion.TARGET))):
        answer, reply = world.onion(bad)
        assert (answer.status_code, reply.status) == (200, 400)
    url = f"http://127.0.0.1:{world.port}{server_onion.TARGET}"
    for junk in (b"", b"junk", secrets.token_bytes(300)):
        answer = world.client.post(url, content=junk)
        assert (answer.status_code, answer.text) == (400, "Invalid ciphertext")


@pytest.mark.parametrize("text", ["\u00e4\U0001f600\u200b", "'; DROP TABLE rooms; --", "a" * 60])
def test_names_of_rooms_are_kept_as_they_are(world: Any, text: str) -> None:
    world.start()
    answer = world.ask("operator", "PUT", "/room/tea", {"name": text, "description": text})
    assert answer.status_code == 200, answer.text
    room = world.ask(None, "GET", "/room/tea").json()
    assert (room["name"], room["description"]) == (text, text)


def test_numbers_beyond_all_are_answered(world: Any) -> None:
    world.start()
    huge = 99999999999999999999
    for path in (f"message/{huge}", f"file/{huge}"):
        assert world.ask(None, "GET", f"/room/tea/{path}").status_code == 404
    assert world.ask(None, "GET", f"/room/tea/messages/since/{huge}").json() == []
    assert world.post("alice", "x", files=[huge]).status_code == 404
    assert world.post("alice", "x", files=[-1]).status_code == 404
    assert world.ask("operator", "PUT", "/room/tea", {"image": huge}).status_code == 404
    rooms = {"rooms": ["tea", "\ud800", "\x00"]}
    assert world.ask("operator", "POST", f"/user/{world.account('bob')}/ban", rooms).status_code == 404


def test_unknown_paths_and_methods_have_a_line_of_text(alone: Any) -> None:
    alone.start()
    for method, target, status in (
        ("GET", "/", 404),
        ("GET", "/room/tea/", 404),
        ("PATCH", "/room/tea", 405),
        ("GET", "/batch", 405),
        ("GET", "/oxen/v4/lsrpc", 405),
        ("POST", "/rooms", 405),
        ("GET", "/room/t%2f", 404),
        ("DELETE", "/x%ff", 400),
        ("DELETE", "/x%0", 400),
        ("GET", "/room/tea/messages/recent?limit=-1", 400),
        ("GET", "/room/tea/message/01", 404),
    ):
        answer = alone.ask(None, method, target)
        assert (answer.status_code, "\n" in answer.text) == (status, False), (method, target, answer.text)
    body = b"x" * (open_group_bodies.MAX_JSON_BYTES + 1)
    assert alone.ask("alice", "POST", "/room/tea/message", body).status_code == 413
    paths = alone.ask(None, "GET", "/openapi.json").json()["paths"]
    assert {endpoint.path for endpoint in ENDPOINTS} <= paths.keys()
    assert signed_request.ID_HEADER not in alone.ask(None, "GET", "/metrics").text


def test_totals_count_what_is_in_onion_requests_and_lists(alone: Any) -> None:
    alone.start()
    asked = [{"method": "GET", "path": path} for path in ("/room/tea", "/room/nowhere", "/no/such/path", "/rooms%ff")]
    request = Request(method="POST", target="/sequence", body=json.dumps(asked[:2]).encode())
    alone.onion(server_onion.encode_request(request))
    alone.ask("alice", "POST", "/batch", asked)
    totals = alone.ask(None, "GET", "/metrics").text
    for endpoint, status, count in [
        ("/sequence", 200, 1),
        ("/room/{room}", 200, 2),
        ("/room/{room}", 404, 2),
        ("other", 404, 1),
        ("other", 400, 1),
    ]:
        assert f'cloister_inner_requests_total{{endpoint="{endpoint}",status="{status}"}} {count}.0' in totals
    assert 'inner_requests_total{endpoint="/batch"' not in totals
    assert 'cloister_requests_total{endpoint="/oxen/v4/lsrpc",status="200"} 1.0' in totals


def test_without_metrics_there_is_no_such_path(alone: Any) -> None:
    alone.start(metrics=False)
    assert alone.ask(None, "GET", "/metrics").status_code == 404


def test_another_method_is_told_with_those_that_there_are(alone: Any) -> None:
    alone.start()
    for path, allowed in (
        ("/room/tea", "GET, PUT"),
        ("/batch", "POST"),
        ("/oxen/v4/lsrpc", "POST"),
        ("/health", "GET"),
        ("/openapi.json", "GET"),
    ):
        answer = alone.ask("alice", "PATCH", path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        assert alone.ask(None, "PATCH", path, headers={"X-SOGS-Timestamp": "0"}).status_code == 400
    assert alone.ask("alice", "PATCH", "/none").status_code == 404
    part = alone.ask("alice", "POST", "/batch", [{"method": "DELETE", "path": "/health"}]).json()[0]
    assert part["code"] == 404
