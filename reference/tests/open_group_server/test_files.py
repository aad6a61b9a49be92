"""Files: their names, their bytes on disk, who gets them and for how long."""

import errno
import http.client
import socket
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from cloister import open_group, open_group_rights, signed_request
from cloister.open_group_server.file_store import FileStore
from cloister.serving import limits
from cloister.signed_request import Request

PNG = b"\x89PNG\r\n\x1a\n image"


def test_a_file_is_given_to_those_who_may(world: Any) -> None:
    world.start()
    file = world.upload("alice", b"0123456789", name="a%20b%E2%82%AC.txt")
    assert world.ask("alice", "GET", f"/room/tea/file/{file}").content == b"0123456789"
    assert world.ask("bob", "GET", f"/room/tea/file/{file}").status_code == 404
    assert world.post("bob", "mine", files=[file]).status_code == 404
    posted = world.post("alice", "look", files=[file])
    assert posted.json()["files"] == [file]
    given = world.ask(None, "GET", f"/room/tea/file/{file}/whatever", headers={"range": "bytes=2-4"})
    assert (given.status_code, given.content) == (206, b"234")
    assert given.headers["content-range"] == "bytes 2-4/10"
    assert given.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20b%E2%82%AC.txt"
    assert given.headers["x-content-type-options"] == "nosniff"
    assert world.ask(None, "GET", f"/room/tea/file/{file}", headers={"range": "bytes=10-"}).status_code == 416
    assert world.ask("operator", "GET", f"/room/white/file/{file}").status_code == 404
    assert world.ask("alice", "DELETE", f"/room/tea/message/{posted.json()['id']}").status_code == 200
    assert world.ask("alice", "GET", f"/room/tea/file/{file}").status_code == 404
    assert world.stored == []


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("bytes=99999999999999999999-", None),
        ("bytes=00000000000000000002-", b"234"),
        ("bytes=-99999999999999999999", b"01234"),
        ("bytes=3-99999999999999999999", b"34"),
        ("bytes=4-4", b"4"),
        ("bytes=-0", None),
        ("bytes=-", b"01234"),
        ("bytes=3-2", b"01234"),
    ],
)
def test_a_range_has_numbers_of_any_length(alone: Any, asked: str, given: bytes | None) -> None:
    alone.start()
    file = alone.upload("alice", b"01234")
    answer = alone.ask("alice", "GET", f"/room/tea/file/{file}", headers={"range": asked})
    status = 416 if given is None else 200 if given == b"01234" and "9" not in asked else 206
    assert answer.status_code == status
    assert given in {None, answer.content}


def test_an_edit_lists_anew_what_a_post_has(world: Any) -> None:
    world.start()
    first, second, third = (world.upload("alice", bytes([number])) for number in (1, 2, 3))
    message = world.post("alice", "two", files=[second, first]).json()
    assert message["files"] == [second, first]
    body = {"data": message["data"], "signature": message["signature"], "files": [third, first]}
    assert world.ask("alice", "PUT", "/room/tea/message/1", body).status_code == 200
    assert world.ask(None, "GET", "/room/tea/message/1").json()["files"] == [third, first]
    assert world.ask(None, "GET", f"/room/tea/file/{second}").status_code == 404
    assert len(world.stored) == 2
    world.pass_time(open_group.FILE_SECONDS)
    assert world.ask(None, "GET", f"/room/tea/file/{first}").status_code == 404
    assert world.ask("alice", "PUT", "/room/tea/message/1", {**body, "files": [first]}).status_code == 200


def test_files_go_when_their_time_is_over(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from cloister.open_group_server import server

    monkeypatch.setattr(server, "SWEEP_SECONDS", 0.05)
    world.start()
    loose, kept = world.upload("alice"), world.upload("alice", b"kept")
    assert world.post("alice", "kept", files=[kept]).status_code == 201
    world.pass_time(open_group.LOOSE_FILE_SECONDS - 1)
    assert world.ask("alice", "GET", f"/room/tea/file/{loose}").status_code == 200
    world.pass_time(1)
    assert world.ask("alice", "GET", f"/room/tea/file/{loose}").status_code == 404
    world.wait_until(lambda: len(world.stored) == 1)
    assert world.ask(None, "GET", f"/room/tea/file/{kept}").content == b"kept"
    world.pass_time(open_group.FILE_SECONDS)
    world.wait_until(lambda: world.stored == [])
    assert world.since()[0]["files"] == [kept]


def test_images(world: Any) -> None:
    world.start()
    text, image, other = (world.upload("operator", data) for data in (b"text", PNG, PNG))
    assert world.ask("operator", "PUT", "/room/tea", {"image": text}).status_code == 406
    assert world.ask("operator", "PUT", "/room/tea", {"image": image}).status_code == 200
    world.pass_time(2 * open_group.FILE_SECONDS)
    assert world.ask(None, "GET", f"/room/tea/file/{image}").content == PNG
    assert world.ask("operator", "PUT", "/room/tea", {"image": other}).status_code == 404
    assert world.post("operator", "image", files=[image]).status_code == 404
    assert world.ask("operator", "PUT", "/room/tea", {"image": None}).status_code == 200
    assert world.ask("operator", "GET", f"/room/tea/file/{image}").status_code == 404


@pytest.mark.parametrize(
    "name", ["..", ".", "a%2Fb", "..%5Cx", "%00", "%0A", "a%E2%80%AEb", "a" * 129, "", "%FF", "a b"]
)
def test_hostile_names_are_refused_and_leave_nothing(alone: Any, name: str) -> None:
    alone.start()
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
    assert alone.ask("alice", "POST", "/room/tea/file", b"x", headers=headers).status_code == 400
    assert alone.stored == []


def test_what_is_refused_leaves_nothing_on_disk(world: Any) -> None:
    world.start(max_bytes=open_group_rights.MAX_LOOSE_FILES)
    assert world.ask(None, "POST", "/room/tea/file", b"x").status_code == 401
    assert world.ask("alice", "POST", "/room/white/file", b"x").status_code == 404
    assert world.ask("alice", "POST", "/room/tea/file").status_code == 400
    assert world.stored == []
    for _ in range(open_group_rights.MAX_LOOSE_FILES):
        world.upload("alice", b"x")
    assert world.ask("alice", "POST", "/room/tea/file", b"x").status_code == 429
    assert world.ask("bob", "POST", "/room/tea/file", b"x").status_code == 503
    part = {"method": "POST", "path": "/room/tea/file", "b64": "AAAA"}
    assert world.ask("alice", "POST", "/batch", [part]).json()[0]["code"] == 429
    assert len(world.stored) == open_group_rights.MAX_LOOSE_FILES


def test_an_upload_that_nobody_or_somebody_else_signed_leaves_nothing_on_disk(alone: Any) -> None:
    alone.start()
    request = Request(method="POST", target="/room/tea/file", body=b"signed")
    headers = alone.sign("alice", request)
    assert alone.ask(None, "POST", "/room/tea/file", b"another", headers=headers).status_code == 401
    assert alone.ask(None, "POST", "/room/tea/file", b"x", headers={"x-sogs-nonce": "AA=="}).status_code == 400
    alone.pass_time(2 * signed_request.TIME_TOLERANCE_S)
    assert alone.ask(None, "POST", "/room/tea/file", b"signed", headers=headers).status_code == 425
    assert alone.stored == []


def test_an_upload_that_the_disk_refuses_leaves_nothing(alone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    alone.start()
    part = {"method": "POST", "path": "/room/tea/file", "b64": "AAAA"}

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "the disk is full")

    monkeypatch.setattr(FileStore, "sync", refuse)
    assert alone.ask("alice", "POST", "/room/tea/file", b"x").status_code == 503
    assert alone.ask("alice", "POST", "/batch", [part]).json()[0]["code"] == 503
    assert alone.stored == []


def test_the_nonce_of_an_upload_for_which_there_is_no_place_is_used(world: Any) -> None:
    world.start(max_bytes=0)
    headers = world.sign("alice", Request(method="POST", target="/room/tea/file", body=b"x"))
    assert world.ask(None, "POST", "/room/tea/file", b"x", headers=headers).status_code == 503
    assert world.ask(None, "POST", "/room/tea/file", b"x", headers=headers).status_code == 425
    assert world.stored == []


def test_an_upload_that_ends_early_leaves_nothing(alone: Any) -> None:
    alone.start()
    with socket.create_connection(("127.0.0.1", alone.port)) as raw:
        raw.sendall(b"POST /room/tea/file HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n" + bytes(5000))
        alone.wait_until(lambda: len(alone.stored) == 1)
    alone.wait_until(lambda: alone.stored == [])


def test_uploads_that_are_still_coming_are_bounded_together(alone: Any) -> None:
    alone.start()
    head = b"POST /room/tea/file HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % open_group.MAX_FILE_BYTES
    part = bytes(9_000_000)
    fitting = limits.MAX_HELD_BYTES // limits.SHARE // len(part)
    with ExitStack() as opened:
        for _ in range(fitting):
            raw = opened.enter_context(socket.create_connection(("127.0.0.1", alone.port)))
            raw.sendall(head + part)
        alone.wait_until(lambda: sum(path.stat().st_size for path in alone.files) > 0.9 * fitting * len(part))
        refused = opened.enter_context(socket.create_connection(("127.0.0.1", alone.port), timeout=10))
        with suppress(OSError):  # it does not wait for all of it
            refused.sendall(head + part)
        assert refused.recv(1000).startswith(b"HTTP/1.1 503 ")
        assert len(alone.stored) == fitting
    alone.wait_until(lambda: alone.stored == [])


def test_a_file_that_is_too_long_is_refused_before_it_is_read(alone: Any) -> None:
    alone.start()
    with socket.create_connection(("127.0.0.1", alone.port)) as raw:
        raw.settimeout(5)
        length = open_group.MAX_FILE_BYTES + 1
        raw.sendall(b"POST /room/tea/file HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % length)
        assert raw.recv(1000).startswith(b"HTTP/1.1 413 ")
    connection = http.client.HTTPConnection("127.0.0.1", alone.port, timeout=20)
    chunks = iter([bytes(1_000_000)] * 11)
    connection.request("POST", "/room/tea/file", body=chunks, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
    assert alone.stored == []


def test_who_does_not_read_a_file_holds_no_more_than_the_share_of_an_address(alone: Any) -> None:
    alone.start()
    size = open_group.MAX_FILE_BYTES
    file = alone.upload("alice", bytes(size))
    assert alone.post("alice", "large", files=[file]).status_code == 201
    share = limits.MAX_HELD_BYTES // limits.SHARE // size
    statuses, opened = [], []
    for _ in range(share + 3):
        raw = socket.socket()
        opened.append(raw)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(20)
        raw.connect(("127.0.0.1", alone.port))
        raw.sendall(b"GET /room/tea/file/%d HTTP/1.1\r\nhost: x\r\n\r\n" % file)
        statuses.append(raw.recv(12))
    for raw in opened:
        raw.close()
    assert statuses == [b"HTTP/1.1 200"] * share + [b"HTTP/1.1 503"] * 3
    alone.wait_until(lambda: alone.ask(None, "GET", f"/room/tea/file/{file}").content == bytes(size))


def test_orphans_are_swept_at_the_start(alone: Any) -> None:
    alone.start()
    alone.upload("alice")
    alone.stop()
    (alone.folder / "data" / "files" / ("0" * 32)).write_bytes(b"orphan")
    alone.start()
    assert len(alone.stored) == 1
    assert ("0" * 32) not in alone.stored
