"""Chapter 11, role `open-group-server`: capabilities, batches, onion requests, load, and whatever bytes come."""

import base64
import json
from typing import Any

import pytest
from cloister.identity import PublicKey
from cloister.sealing import KEY_TYPE
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made import onion_faults, onion_requests
from cloister_conformance.open_group_rooms import (
    find_cursor,
    keep_file,
    make_moderator,
    must_refuse,
    post,
    read_since,
    upload,
    write_data,
    write_post,
)
from cloister_conformance.open_group_script import Part, Person, ServerUnderTest
from cloister_conformance.plugin import BeginServer
from cloister_conformance.script import Answer

TARGET = "/oxen/v4/lsrpc"
MAX_BATCH = 100
MAX_REQUIRED = 16
MAX_BATCH_REPLY_BYTES = 14_680_064
MAX_FILE_BYTES = 10_000_000
MAX_ONION_BYTES = 10_485_760
TABLE = "^(200|201|206|400|401|403|404|405|406|412|413|416|425|429|503)$"
SHORT = "^([0-9a-f]{2}){0,1999}$"
"""The body of a refusal, in hex."""
ASK = {"method": "GET", "path": "/capabilities"}


# Capabilities


@clause("OG-66")
@pytest.mark.parametrize("way", ["direct", "onion", "batch", "sequence"])
def test_a_capability_that_is_required_and_missing_is_named(server: BeginServer, way: str) -> None:
    iut = server()
    for query in ("", "?required=", "?required=sogs", "?required=invitations,sogs", "?other=reactions"):
        answer = iut.nobody.get(f"/capabilities{query}", way=way)
        answer.must_match(status="^200$")
        answer.must_contain(body=['"sogs"', '"invitations"'])
        answer.must_exclude(body=['"missing"'])
    answer = iut.nobody.get("/capabilities?required=reactions,sogs,inbox", way=way)
    answer.must_match(status="^412$", body='"capabilities"')
    answer.must_mention({"missing": ["reactions", "inbox"]})


@clause("OG-66", "OG-57", "OG-58")
def test_so_many_capabilities_are_required_at_most(server: BeginServer) -> None:
    iut = server()
    names = [f"c{number}" for number in range(MAX_REQUIRED + 1)]
    iut.nobody.get(f"/capabilities?required={','.join(names[:-1])}").must_mention({"missing": names[:-1]})
    must_refuse(iut.nobody.get(f"/capabilities?required={','.join(names)}"), 400)


# Batches


@clause("OG-60", "OG-14")
@pytest.mark.parametrize("name", ["batch", "sequence"])
@pytest.mark.parametrize("way", ["direct", "onion"])
def test_a_list_is_answered_in_order_each_as_if_alone(server: BeginServer, name: str, way: str) -> None:
    iut = server()
    alice, cursor = iut.meet(), find_cursor(iut.operator, iut.a)
    file = keep_file(alice, iut.a, b"bytes \xff")
    seed = post(alice, iut.a, "before", files=[file])
    parts: list[dict[str, Any]] = [
        {"method": "GET", "path": f"/room/{iut.a}"},
        {"method": "POST", "path": f"/room/{iut.a}/message", "json": write_post(alice, "in the list")},
        {"method": "GET", "path": {"$join": [f"/room/{iut.a}/message/", seed.refer("value", "id")]}},
        {"method": "GET", "path": {"$join": [f"/room/{iut.a}/file/", file]}},
        {"method": "GET", "path": {"$join": [f"/room/{iut.a}/file/", file]}, "headers": {"Range": "bytes=0-4"}},
        {"method": "POST", "path": f"/room/{iut.a}/message", "bytes": json.dumps(write_post(alice, "as a text"))},
        {"method": "POST", "path": f"/room/{iut.a}/file", "b64": base64.b64encode(b"more").decode()},
    ]
    answer = alice.post(f"/{name}", value=parts, way=way)
    answer.must_be(status=200, codes=[200, 201, 200, 200, 206, 201, 201])
    answer.must_mention(
        {"code": 200, "body": seed.refer("value")},
        {"code": 200, "body": base64.b64encode(b"bytes \xff").decode()},
        {"code": 206, "body": base64.b64encode(b"bytes").decode()},
    )
    read_since(alice, iut.a, cursor).must_tell(
        *(
            {"session_id": alice.ids.blinded, "data": write_post(alice, label)["data"]}
            for label in ("before", "in the list", "as a text")
        )
    )
    nobody = iut.nobody.post(f"/{name}", value=parts[:1], way=way)
    nobody.must_be(status=200, codes=[200])
    iut.nobody.post(f"/{name}", value=parts[1:2], way=way).must_be(status=200, codes=[401])


@clause("OG-61", "OG-60")
@pytest.mark.parametrize("way", ["direct", "onion"])
def test_a_sequence_ends_behind_the_first_that_is_no_success(server: BeginServer, way: str) -> None:
    iut = server()
    alice, cursor = iut.meet(), find_cursor(iut.operator, iut.a)
    path = f"/room/{iut.a}/message"
    parts = [
        {"method": "POST", "path": path, "json": write_post(alice, 1)},
        {"method": "GET", "path": f"{path}/0"},
        {"method": "POST", "path": path, "json": write_post(alice, 2)},
    ]
    alice.post("/sequence", value=parts, way=way).must_be(status=200, codes=[201, 404])
    read_since(alice, iut.a, cursor).must_tell({"data": write_post(alice, 1)["data"]})
    alice.post("/batch", value=parts, way=way).must_be(status=200, codes=[201, 404, 201])
    read_since(alice, iut.a, cursor).must_tell(
        {"data": write_post(alice, 1)["data"]}, {"data": write_post(alice, 2)["data"]}
    )


FAULTS: dict[str, Any] = {
    "no list": {},
    "a text": "GET /rooms",
    "null": None,
    "an empty list": [],
    "a number in it": [ASK, 5],
    "a list in it": [ASK, [ASK]],
    "no method": [ASK, {"path": "/rooms"}],
    "no path": [ASK, {"method": "GET"}],
    "a method that is none": [ASK, {"method": "FETCH", "path": "/rooms"}],
    "a method in lower case": [ASK, {"method": "get", "path": "/rooms"}],
    "a method that is a number": [ASK, {"method": 1, "path": "/rooms"}],
    "a path that is none": [ASK, {"method": "GET", "path": "rooms"}],
    "an empty path": [ASK, {"method": "GET", "path": ""}],
    "a whole address": [ASK, {"method": "GET", "path": "http://localhost/rooms"}],
    "a path with letters": [ASK, {"method": "GET", "path": "/rööms"}],
    "a path with a line": [ASK, {"method": "GET", "path": "/rooms\r\nX: y"}],
    "an unknown member": [ASK, {**ASK, "colour": "red"}],
    "headers that are none": [ASK, {**ASK, "headers": []}],
    "a header that is no text": [ASK, {**ASK, "headers": {"X": 1}}],
    "a header twice": [ASK, {**ASK, "headers": {"Range": "bytes=0-1", "range": "bytes=0-2"}}],
    "a signature in it": [ASK, {**ASK, "headers": {"X-SOGS-Pubkey": "15"}}],
    "a signature in lower case": [ASK, {**ASK, "headers": {"x-sogs-nonce": "A"}}],
    "a body with GET": [ASK, {**ASK, "json": {}}],
    "an empty text with GET": [ASK, {**ASK, "bytes": "x"}],
    "base64 with GET": [ASK, {**ASK, "b64": "aGVsbG8="}],
    "two bodies": [ASK, {"method": "POST", "path": "/room/a/join", "json": {}, "bytes": "x"}],
    "base64 that is none": [ASK, {"method": "POST", "path": "/room/a/file", "b64": "aGVsbG8"}],
    "base64 that is no text": [ASK, {"method": "POST", "path": "/room/a/file", "b64": 5}],
    "a text that is none": [ASK, {"method": "POST", "path": "/room/a/file", "bytes": 5}],
    "a batch": [ASK, {"method": "POST", "path": "/batch", "json": [ASK]}],
    "a sequence": [ASK, {"method": "POST", "path": "/sequence", "json": [ASK]}],
    "an encoded batch": [ASK, {"method": "POST", "path": "/%62atch", "json": [ASK]}],
    "a batch with a query": [ASK, {"method": "POST", "path": "/batch?x", "json": [ASK]}],
    "an onion request": [ASK, {"method": "POST", "path": TARGET, "b64": "aGVsbG8="}],
    "an encoded onion request": [ASK, {"method": "POST", "path": "/oxen/v4/lsrp%63", "b64": "aGVsbG8="}],
}


@clause("OG-62")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_list_with_a_fault_is_refused_and_nothing_of_it_done(server: BeginServer, fault: str) -> None:
    iut = server()
    alice, cursor = iut.meet(), find_cursor(iut.operator, iut.a)
    doing = [{"method": "POST", "path": f"/room/{iut.a}/message", "json": write_post(alice, fault)}]
    value = [*doing, *FAULTS[fault]] if isinstance(FAULTS[fault], list) and FAULTS[fault] else FAULTS[fault]
    body = json.dumps(value).encode()
    for name in ("batch", "sequence"):
        for way in ("direct", "onion"):
            must_refuse(alice.post(f"/{name}", body=body, way=way), 400)
    read_since(alice, iut.a, cursor).must_be(status=200, value=[])


@clause("OG-62")
@pytest.mark.parametrize("name", ["batch", "sequence"])
def test_a_list_has_so_many_requests_at_most(server: BeginServer, name: str) -> None:
    iut = server()
    alice = iut.meet()
    for way in ("direct", "onion"):
        alice.post(f"/{name}", value=[ASK] * MAX_BATCH, way=way).must_be(status=200, codes=[200] * MAX_BATCH)
        must_refuse(alice.post(f"/{name}", value=[ASK] * (MAX_BATCH + 1), way=way), 413)


@clause("OG-60", "OG-58", "OG-62")
def test_a_path_that_is_none_is_answered_in_a_list(server: BeginServer) -> None:
    iut = server()
    paths = ("/no/such", "/health", "/rooms%3Fa", "/rooms")
    parts = [{"method": "GET", "path": path} for path in paths]
    wanted = [404, 404, 400, 200, 405]
    iut.meet().post("/batch", value=[*parts, {"method": "DELETE", "path": "/rooms"}]).must_be(status=200, codes=wanted)


@clause("OG-60", "OG-57")
def test_answers_of_a_list_that_are_too_long_are_left_out(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    file = keep_file(alice, iut.a, bytes(MAX_FILE_BYTES))
    get = {"method": "GET", "path": {"$join": [f"/room/{iut.a}/file/", file]}}
    send = {"method": "POST", "path": f"/room/{iut.a}/message", "json": write_post(alice, "not done")}
    cursor = find_cursor(iut.operator, iut.a)
    alice.post("/batch", value=[get, ASK]).must_be(status=200, codes=[200, 200])
    alice.post("/batch", value=[get, get, send]).must_be(status=200, codes=[200, 413, 413])
    read_since(alice, iut.a, cursor).must_be(status=200, value=[])


# Onion requests


@clause("OG-63")
def test_a_reply_has_a_fresh_iv(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    one, other = (alice.get("/capabilities", way="onion") for _ in range(2))
    one.must_be(status=200, outer=200)
    other.must_be(status=200, outer=200)
    other.must_differ_from(one, "iv")


@clause("OG-63")
def test_an_onion_request_is_answered_as_if_alone(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    file = keep_file(alice, iut.a, b"\x00\xff bytes")
    asked: list[tuple[Person, str, tuple[Part, ...]]] = [
        (alice, "GET", (f"/room/{iut.a}",)),
        (alice, "GET", ("/room/no-such-room",)),
        (alice, "PUT", (f"/room/{iut.a}",)),
        (iut.nobody, "POST", (f"/room/{iut.a}/message",)),
        (alice, "GET", (f"/room/{iut.a}/file/", file)),
        (alice, "GET", ("/no/such/path",)),
        (alice, "DELETE", ("/rooms",)),
        (alice, "GET", ("/capabilities?required=none",)),
    ]
    for person, method, path in asked:
        direct, inside = person.ask(method, *path), person.ask(method, *path, way="onion")
        inside.must_be(outer=200, status=direct.refer("status"), raw=direct.refer("raw"))
        inside.must_be(content_type=direct.refer("content_type"))


PAYLOADS = {
    "empty": b"",
    "no list": b"5:hello",
    "an empty list": b"le",
    "three texts": b"l2:{}1:a1:be",
    "a number in it": b"li5ee",
    "no end": b"l2:{}4:body",
    "bytes behind": b'l40:{"method":"GET","endpoint":"/capabilit"}eX',
    "a length with a zero": b"l02:{}e",
    "a length with a sign": b"l+2:{}e",
    "a length that is too long": b"l99:{}e",
    "a length with many digits": b"l" + b"9" * 5000 + b":{}e",
    "meta that is no JSON": b"l5:helloe",
    "meta that is a list": b"l2:[]e",
    "no method": b'l20:{"endpoint":"/rooms"}e',
}


def write_payload(meta: Any, body: bytes | None = None) -> bytes:  # noqa: ANN401 - a JSON value
    """Write a payload."""
    text = json.dumps(meta).encode()
    return b"l%d:%b%be" % (len(text), text, b"" if body is None else b"%d:%b" % (len(body), body))


METAS: dict[str, Any] = {
    "no endpoint": {"method": "GET"},
    "no method": {"endpoint": "/rooms"},
    "a method that is a number": {"method": 1, "endpoint": "/rooms"},
    "an endpoint that is a number": {"method": "GET", "endpoint": 1},
    "an endpoint without a slash": {"method": "GET", "endpoint": "rooms"},
    "an endpoint with letters": {"method": "GET", "endpoint": "/rööms"},
    "an endpoint with a line": {"method": "GET", "endpoint": "/rooms\n"},
    "headers that are a list": {"method": "GET", "endpoint": "/rooms", "headers": []},
    "a header that is a number": {"method": "GET", "endpoint": "/rooms", "headers": {"a": 1}},
    "an onion request": {"method": "POST", "endpoint": TARGET},
    "an encoded onion request": {"method": "POST", "endpoint": "/oxen/v4/%6csrpc"},
}


@clause("OG-64", "OG-63")
@pytest.mark.parametrize("payload", [*PAYLOADS, *METAS])
def test_a_payload_of_another_form_is_refused_inside(server: BeginServer, payload: str) -> None:
    iut = server()
    sent = PAYLOADS[payload] if payload in PAYLOADS else write_payload(METAS[payload])
    if payload == "no method":
        sent = write_payload(METAS[payload])
    answer = iut.send_onion(sent)
    answer.must_be(outer=200)
    must_refuse(answer, 400)


@clause("OG-63")
def test_a_payload_of_one_text_has_no_body(server: BeginServer) -> None:
    iut = server()
    meta = {"method": "GET", "endpoint": "/capabilities", "more": 5}
    for payload in (write_payload(meta), write_payload(meta, b"")):
        iut.send_onion(payload).must_be(outer=200, status=200)


@clause("OG-64", "OG-63")
@pytest.mark.parametrize(
    ("kind", "is_known"),
    [("aes-gcm", True), ("xchacha20", False), ("AES-GCM", False), ("", False), (None, False), (5, False)],
)
def test_a_layer_of_another_kind_cannot_be_opened(server: BeginServer, kind: object, *, is_known: bool) -> None:
    iut = server()
    answer = iut.call("server.send_onion", payload=write_payload(ASK_INSIDE), control={"enc_type": kind})
    if is_known:
        answer.must_be(outer=200, status=200)
    else:
        answer.must_be(outer=400, body="Invalid ciphertext")


ASK_INSIDE = {"method": "GET", "endpoint": "/capabilities"}


@clause("OG-64", "OG-57")
def test_what_cannot_be_opened_is_answered_alike(server: BeginServer) -> None:
    iut = server()
    recipient = PublicKey(KEY_TYPE + iut.server_key)
    other = onion_requests.seal(onion_requests.make_hop("another server").pair.public, write_payload(ASK_INSIDE))
    bodies = {**onion_faults.undecryptable(iut.server_key), "for another key": other.body, "empty": b"", "JSON": b"{}"}
    good = onion_requests.seal(recipient, write_payload(ASK_INSIDE), "good")
    bodies["cut"] = good.body[:-1]
    for body in bodies.values():
        iut.ask("POST", TARGET, body=body).must_be(status=400, body="Invalid ciphertext")
    iut.ask("POST", TARGET, body=good.body).must_be(status=200)


@clause("OG-63", "OG-13")
def test_the_signature_outside_of_an_onion_request_says_nothing(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    payload = write_payload(
        {"method": "POST", "endpoint": f"/room/{iut.a}/message"}, json.dumps(write_post(alice, "x")).encode()
    )
    layer = onion_requests.seal(PublicKey(KEY_TYPE + iut.server_key), payload, "signed outside")
    cursor = find_cursor(iut.operator, iut.a)
    alice.post(TARGET, body=layer.body).must_be(status=200)
    read_since(alice, iut.a, cursor).must_be(status=200, value=[])


@clause("OG-59")
def test_an_onion_request_or_list_that_is_too_long_is_refused(server: BeginServer) -> None:
    iut = server()
    for path in (TARGET, "/batch", "/sequence"):
        iut.ask("POST", path, body=bytes(MAX_ONION_BYTES + 1)).must_match(status="^413$")
        iut.ask("POST", path, body=bytes(MAX_ONION_BYTES)).must_match(status="^400$")


# Whatever comes


PATHS = st.one_of(
    st.sampled_from(
        [
            "/",
            "//",
            "/room",
            "/room/",
            "/rooms/",
            "/room/a/",
            "/room/a/message/",
            "/room/a//message",
            "/Room/a",
            "/room/a/messages",
            "/user//ban",
            "/room/../rooms",
            "/metrics",
            "/docs",
            "*",
        ]
    ),
    st.lists(
        st.sampled_from(
            [
                "room",
                "rooms",
                "a",
                "b",
                "message",
                "messages",
                "since",
                "recent",
                "file",
                "user",
                "permissions",
                "1",
                "0",
                "..",
                "%00",
                "%2f",
                "%e2%82",
                "é".encode().hex(),
                "~",
                "x" * 300,
                "join",
                "all",
            ]
        ),
        max_size=6,
    ).map(lambda parts: "/" + "/".join(parts)),
)
QUERIES = st.one_of(
    st.just(""),
    st.sampled_from(["?", "?limit=", "?limit=5&limit=x", "?required=%00", "?%", "?limit=%ff", "?after=05", "?a=b;c#d"]),
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=8),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "data",
                    "signature",
                    "files",
                    "rooms",
                    "global",
                    "admin",
                    "timeout",
                    "method",
                    "path",
                    "json",
                    "invitation",
                    "image",
                    "name",
                    "read",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])


@clause("OG-57")
@given(
    method=METHODS,
    path=PATHS,
    query=QUERIES,
    body=st.one_of(st.just(b""), st.binary(max_size=64)),
    signed=st.booleans(),
)
def test_whatever_path_comes_a_status_of_the_table_is_answered(
    server: BeginServer, method: str, path: str, query: str, body: bytes, *, signed: bool
) -> None:
    iut = server()
    answer = iut.ask(method, f"{path}{query}", body=body, account="person 1" if signed else None)
    must_be_of_the_table(answer)


def must_be_of_the_table(answer: Answer) -> None:
    """Expect a status of the chapter, and no long refusal."""
    answer.must_match(status=TABLE)
    if answer.result.status >= 400:
        answer.must_match(raw=SHORT)


@clause("OG-57", "OG-58")
@given(place=st.integers(0, 13), value=VALUES, way=st.sampled_from(["direct", "onion", "batch"]))
def test_whatever_value_comes_a_status_of_the_table_is_answered(
    server: BeginServer, place: int, value: object, way: str
) -> None:
    iut = server()
    alice = iut.meet()
    method, path = [
        ("POST", f"/room/{iut.a}/message"),
        ("PUT", f"/room/{iut.a}/message/1"),
        ("PUT", f"/room/{iut.a}"),
        ("POST", f"/user/{alice.id}/ban"),
        ("POST", f"/user/{alice.id}/unban"),
        ("POST", f"/user/{alice.id}/moderator"),
        ("POST", f"/room/{iut.a}/permissions/{alice.id}"),
        ("POST", f"/room/{iut.a}/invitation"),
        ("POST", f"/room/{iut.a}/join"),
        ("POST", "/batch"),
        ("POST", "/sequence"),
        ("POST", f"/room/{iut.a}/file"),
        ("DELETE", f"/room/{iut.a}/all/{alice.id}"),
        ("POST", TARGET),
    ][place]
    must_be_of_the_table(iut.operator.ask(method, path, body=json.dumps(value).encode(), way=way))


@clause("OG-57", "OG-8")
@given(
    headers=st.dictionaries(
        st.sampled_from(["X-SOGS-Pubkey", "X-SOGS-Nonce", "X-SOGS-Timestamp", "X-SOGS-Signature", "Content-Type", "Range", "Content-Disposition", "Accept", "Host", "Expect"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=70),
        min_size=1,
        max_size=4,
    ),
    way=st.sampled_from(["direct", "onion"]),
)  # fmt: skip
def test_whatever_headers_come_a_status_of_the_table_is_answered(
    server: BeginServer, headers: dict[str, str], way: str
) -> None:
    iut = server()
    for method, path in (("GET", "/rooms"), ("POST", f"/room/{iut.a}/file")):
        must_be_of_the_table(iut.meet().ask(method, path, headers=headers, way=way))


@clause("OG-57", "OG-64")
@given(payload=st.binary(max_size=200))
def test_whatever_payload_comes_a_status_of_the_table_is_answered(server: BeginServer, payload: bytes) -> None:
    iut = server()
    must_be_of_the_table(iut.send_onion(payload))
    must_be_of_the_table(iut.ask("POST", TARGET, body=payload))


@clause("OG-57")
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"])
def test_another_method_and_another_path_are_told_apart(server: BeginServer, method: str) -> None:
    iut = server()
    alice = iut.meet()
    must_be(alice.ask(method, "/no/such/path"), 404)
    known = {"/rooms": "GET", f"/room/{iut.a}/message": "POST", f"/room/{iut.a}/join": "POST", "/batch": "POST"}
    for path, right in known.items():
        if method != right:
            must_be(alice.ask(method, path), 405)


def must_be(answer: Answer, status: int) -> None:
    """Expect a status."""
    answer.must_match(status=f"^{status}$")


@clause("OG-67")
def test_the_log_holds_no_addresses_ids_and_contents(server: BeginServer) -> None:
    iut = server()
    alice, moderator = iut.meet(), make_moderator(iut, iut.a)
    message = post(alice, iut.a, "secret words")
    upload(alice, iut.a, b"secret bytes", name="secret-name.txt").must_match(status="^201$")
    for way in ("direct", "onion", "batch"):
        alice.get(f"/room/{iut.a}/messages/recent?secret-query", way=way)
        alice.post(f"/room/{iut.a}/message", value={"secret": "member"}, way=way)
        alice.get("/secret/path", way=way)
        alice.get("/rooms", age_s=10**6, way=way)
    moderator.post(f"/user/{alice.ids.blinded}/ban", value={"rooms": [iut.a]})
    iut.send_onion(b"secret payload")
    iut.ask("POST", TARGET, body=b"secret ciphertext")
    texts = [*alice.forms, *moderator.forms, alice.id[2:], alice.ids.blinded[2:], "secret", "127.0.0.1:"]
    data = write_data("secret words")
    texts += [data.hex(), base64.b64encode(data).decode(), message.result.value["signature"]]
    iut.read_log().must_exclude(text=texts)


@clause("OG-13", "OG-57")
def test_too_many_requests_from_one_address_are_refused(server: BeginServer) -> None:
    iut = server()
    iut.restart(requests_per_second=1, request_burst=5).must_match(exit_status="^-?[0-9]+$")
    answer = iut.ask_at_once(
        [iut.nobody.write("GET", "/capabilities"), iut.meet().write("GET", "/no/such/path")], times=10
    )
    answer.must_match(statuses="429")
    inside = {"method": "GET", "path": "/capabilities"}
    iut.restart(requests_per_second=1, request_burst=5)
    iut.nobody.post("/batch", value=[inside] * 50).must_be(status=200, codes=[200] * 50)


@clause("OG-57")
def test_the_server_goes_on_after_all_that(server: BeginServer) -> None:
    iut = server()
    post(iut.meet(), iut.a, "still here")
    must_run(iut)


def must_run(iut: ServerUnderTest) -> None:
    """Expect that the server serves."""
    iut.ask("GET", "/health").must_match(status="^200$")


@clause("OG-57")
@pytest.mark.parametrize("way", ["direct", "onion"])
def test_a_refusal_does_not_repeat_all_that_was_sent(server: BeginServer, way: str) -> None:
    iut = server()
    alice, long = iut.meet(), "x" * 5000
    path = f"/room/{iut.a}"
    for answer in (
        alice.post(f"{path}/message", value={long: 1}, way=way),
        alice.post(f"{path}/join", value={"invitation": long}, way=way),
        alice.post(f"{path}/file", body=b"x", headers={"Content-Disposition": long}, way=way),
        alice.post("/batch", value=[{long: 1}], way=way),
        alice.get(f"{path}/messages/recent?limit={long}", way=way),
        alice.get(f"/capabilities?required={long}", way=way),
        alice.get(f"/room/{long}", way=way),
        alice.get(f"/{long}", way=way),
    ):
        answer.must_match(status="^4[0-9][0-9]$", raw=SHORT)


@clause("OG-57", "OG-62", "OG-64")
@pytest.mark.parametrize("body", [b"[" * 50_000, b"[" * 50_000 + b"]" * 50_000, b'{"a":' * 50_000], ids=range(3))
def test_json_that_is_deeper_than_a_parser_goes_is_refused(server: BeginServer, body: bytes) -> None:
    iut = server()
    alice = iut.meet()
    for path in ("/batch", "/sequence", f"/room/{iut.a}/message"):
        must_refuse(alice.post(path, body=body), 400)
    inside = iut.send_onion(b"l%d:%be" % (len(body), body))
    inside.must_be(outer=200)
    must_refuse(inside, 400)
