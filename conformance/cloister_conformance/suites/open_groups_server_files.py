"""Chapter 11, role `open-group-server`: files of posts, images of rooms, names, ranges."""

import socket
from urllib.parse import quote, unquote

import pytest

from cloister_conformance.clause import clause
from cloister_conformance.open_group_rooms import (
    WAYS,
    change_room,
    delete,
    download,
    edit,
    keep_file,
    make_administrator,
    must_do,
    must_refuse,
    post,
    set_flags,
    upload,
    write_post,
)
from cloister_conformance.open_group_script import Part, Person
from cloister_conformance.plugin import BeginServer

MAX_FILE_BYTES = 10_000_000
MAX_ONION_BYTES = 10_485_760
MAX_POST_FILES = 16
MAX_LOOSE_FILES = 16
LOOSE_FILE_SECONDS = 3_600
FILE_SECONDS = 1_296_000
MAX_FILE_NAME_CHARACTERS = 128
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
IMAGES = {"PNG": PNG, "JPEG": b"\xff\xd8\xff" + bytes(20), "WebP": b"RIFF\0\0\0\0WEBP" + bytes(20)}
BYTES = bytes(range(100))


def must_be_there(person: Person, room: str, file: Part, data: bytes = b"a file") -> None:
    """Expect that somebody gets a file."""
    download(person, room, file).must_be(status=200, raw=data)


def must_be_gone(room: str, file: Part, *people: Person) -> None:
    """Expect that nobody gets a file."""
    for person in people:
        must_refuse(download(person, room, file), 404)


# The life of a file


@clause("OG-49", "OG-51")
@pytest.mark.parametrize("way", WAYS)
def test_a_file_of_no_post_is_its_uploaders(server: BeginServer, way: str) -> None:
    iut = server()
    alice, bob = iut.meet(), iut.meet()
    file = keep_file(alice, iut.a, BYTES)
    for id_form in ("15", "-15"):
        download(alice, iut.a, file, id=id_form, way=way).must_be(status=200, raw=BYTES)
    for person in (bob, iut.operator, iut.nobody):
        must_refuse(download(person, iut.a, file, way=way), 404)
    must_refuse(bob.post(f"/room/{iut.a}/message", value=write_post(bob, "", files=[file]), way=way), 404)
    post(alice, iut.a, "with a file", files=[file], way=way)
    for person in (alice, bob, iut.operator, iut.nobody):
        download(person, iut.a, file, way=way).must_be(status=200, raw=BYTES)


@clause("OG-50", "OG-51")
def test_an_edit_lists_what_the_post_is_to_have(server: BeginServer) -> None:
    iut = server()
    alice, bob = iut.meet(), iut.meet()
    first, second, third = (keep_file(alice, iut.a, bytes([number])) for number in range(1, 4))
    message = post(alice, iut.a, "with two", files=[first, second])
    message.must_mention({"files": [first, second]})
    edit(alice, iut.a, message, "with another", files=[second, third]).must_be(status=200)
    must_be_gone(iut.a, first, alice, bob)
    must_be_there(bob, iut.a, second, b"\2")
    must_be_there(bob, iut.a, third, b"\3")
    must_refuse(edit(alice, iut.a, message, "with what is gone", files=[first]), 404)
    must_be_there(bob, iut.a, second, b"\2")
    edit(alice, iut.a, message, "with none").must_be(status=200)
    must_be_gone(iut.a, second, alice, bob)
    must_be_gone(iut.a, third, alice, bob)


@clause("OG-51", "OG-37")
def test_a_file_goes_with_its_post(server: BeginServer) -> None:
    iut = server()
    alice, bob = iut.meet(), iut.meet()
    files = [keep_file(alice, iut.a, bytes([number])) for number in range(1, 3)]
    message = post(alice, iut.a, "with two", files=files)
    must_do(delete(iut.operator, iut.a, message))
    for file in files:
        must_be_gone(iut.a, file, alice, bob, iut.operator)
    must_refuse(alice.post(f"/room/{iut.a}/message", value=write_post(alice, "again", files=files)), 404)


@clause("OG-50")
def test_a_file_belongs_to_one_post(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    file = keep_file(alice, iut.a)
    post(alice, iut.a, "the first", files=[file])
    other = post(alice, iut.a, "another")
    must_refuse(alice.post(f"/room/{iut.a}/message", value=write_post(alice, "the second", files=[file])), 404)
    must_refuse(edit(alice, iut.a, other, "the second", files=[file]), 404)
    must_be_there(iut.nobody, iut.a, file)


@clause("OG-50", "OG-2")
def test_a_post_under_another_id_of_the_account_takes_the_file(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    post(alice, iut.a, "under the other id", files=[keep_file(alice, iut.a)], id="-15")


@clause("OG-50", "OG-34")
@pytest.mark.parametrize("wrong", ["of another room", "of another", "unknown", "0"])
def test_a_refused_post_takes_no_file(server: BeginServer, wrong: str) -> None:
    iut = server()
    alice, bob = iut.meet(), iut.meet()
    file = keep_file(alice, iut.a)
    others = {"of another room": (alice, iut.b), "of another": (bob, iut.a)}
    other = keep_file(*others[wrong]) if wrong in others else 0 if wrong == "0" else 2**53 - 1
    message = post(alice, iut.a, "without")
    for files in ([file, other], [other, file]):
        must_refuse(alice.post(f"/room/{iut.a}/message", value=write_post(alice, "with both", files=files)), 404)
        must_refuse(edit(alice, iut.a, message, "with both", files=files), 404)
    must_be_gone(iut.a, file, bob)
    must_be_there(alice, iut.a, file)
    alice.get(f"/room/{iut.a}/message/", message.refer("value", "id")).must_be(value=message.refer("value"))


@clause("OG-45", "OG-51")
def test_a_file_is_found_in_its_room_only(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    data = f"of room a {alice.id}".encode()
    loose, attached = keep_file(alice, iut.a, data), keep_file(alice, iut.a, data)
    post(alice, iut.a, "with a file", files=[attached])
    for file in (loose, attached):
        for person in (alice, iut.operator):
            download(person, iut.b, file).must_exclude(body=[data.decode()])


@clause("OG-51")
def test_files_are_gone_when_their_time_is_over(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    loose, late, attached = (keep_file(alice, iut.a) for _ in range(3))
    message = post(alice, iut.a, "with a file", files=[attached])
    iut.pass_time(LOOSE_FILE_SECONDS - 1)
    must_be_there(alice, iut.a, loose)
    other = post(alice, iut.a, "in time", files=[late])
    iut.pass_time(2)
    must_be_gone(iut.a, loose, alice)
    must_refuse(alice.post(f"/room/{iut.a}/message", value=write_post(alice, "too late", files=[loose])), 404)
    must_be_there(iut.nobody, iut.a, late)
    iut.set_clock(1_700_000_000_000 + 1000 * (FILE_SECONDS - 1))
    must_be_there(iut.nobody, iut.a, attached)
    iut.pass_time(2)
    for file in (attached, late):
        must_be_gone(iut.a, file, alice, iut.nobody)
    alice.get(f"/room/{iut.a}/message/", message.refer("value", "id")).must_be(status=200)
    edit(alice, iut.a, message, "keeps what is gone", files=[attached]).must_be(status=200)
    must_refuse(edit(alice, iut.a, other, "takes what is gone", files=[attached]), 404)


@clause("OG-49", "OG-16")
def test_who_may_not_read_gets_no_file(server: BeginServer) -> None:
    iut = server()
    alice, bob = iut.meet(), iut.meet()
    file = keep_file(alice, iut.a)
    post(alice, iut.a, "with a file", files=[file])
    set_flags(iut, iut.a, bob, read=False, accessible=True)
    must_refuse(download(bob, iut.a, file), 403)
    must_refuse(bob.get(f"/room/{iut.a}/file/", file, "/any-name"), 403)


# Names


GOOD_NAMES = [
    "a",
    "report.pdf",
    "a b",
    "ü.txt",
    "日本.png",
    "x" * MAX_FILE_NAME_CHARACTERS,
    "...",
    "~",
    "con",
    "a'b;c\"d",
    "%2F",
    ".hidden",
    "😀" * 4,
]
BAD_NAMES = [
    "",
    ".",
    "..",
    "a/b",
    "../../etc/passwd",
    "a\\b",
    "a\0b",
    "a\nb",
    "a\r\nX: y",
    "\x7f",
    "\x85",
    "\u2028",
    "\u202e" + "gpj.exe",
    "\u2066a",
    "\u200f",
    "x" * (MAX_FILE_NAME_CHARACTERS + 1),
]


@clause("OG-52")
@pytest.mark.parametrize("name", GOOD_NAMES, ids=range(len(GOOD_NAMES)))
def test_a_file_is_given_with_its_name(server: BeginServer, name: str) -> None:
    iut = server()
    alice = iut.meet()
    file = keep_file(alice, iut.a, BYTES, name=quote(name, safe=""))
    for path in ([file], [file, "/another-name"], [file, "/"]):
        for way in ("direct", "onion"):
            given = alice.get(f"/room/{iut.a}/file/", *path, way=way)
            given.must_be(status=200, raw=BYTES, content_type="application/octet-stream")
            given.must_contain(headers=["filename*=UTF-8''", "nosniff", "expires", "attachment"])
            shown = given.result.headers["content-disposition"].rpartition("''")[2]
            given.must_contain(headers=[quote_as(shown, name)])


def quote_as(shown: str, name: str) -> str:
    """Write a name as it is shown, if that means it, whatever of it is percent-encoded; else as it should be shown."""
    return shown if unquote(shown) == name else quote(name, safe="")


@clause("OG-52")
@pytest.mark.parametrize("name", BAD_NAMES, ids=range(len(BAD_NAMES)))
def test_a_name_that_is_not_allowed_is_refused(server: BeginServer, name: str) -> None:
    iut = server()
    for way in ("direct", "onion"):
        must_refuse(upload(iut.meet(), iut.a, name=quote(name, safe=""), way=way), 400)


@clause("OG-52")
@pytest.mark.parametrize(
    "header", ["attachment; filename=x", "attachment; filename*=UTF-8''%ff", "inline", "attachment; filename*=ISO-8859-1''x", "form-data; name=x", "attachment; filename*=UTF-8''a; filename=b"]
)  # fmt: skip
def test_a_disposition_of_another_form_is_refused(server: BeginServer, header: str) -> None:
    iut = server()
    answer = iut.meet().post(f"/room/{iut.a}/file", body=b"x", headers={"Content-Disposition": header})
    must_refuse(answer, 400)


@clause("OG-52")
def test_a_file_without_a_name_is_given_without(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    for headers in ({}, {"Content-Disposition": "attachment"}):
        answer = alice.post(f"/room/{iut.a}/file", body=BYTES, headers=headers)
        answer.must_match(status="^201$")
        given = download(alice, iut.a, answer.refer("value", "id"))
        given.must_be(status=200, raw=BYTES)
        given.must_exclude(headers=["filename"])


# Ranges


@clause("OG-53")
@pytest.mark.parametrize(
    ("wanted", "begin", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=10-19", 10, 20),
        ("bytes=99-", 99, 100),
        ("bytes=0-", 0, 100),
        ("bytes=-1", 99, 100),
        ("bytes=-100", 0, 100),
        ("bytes=-1000", 0, 100),
        ("bytes=50-1000", 50, 100),
    ],
)
@pytest.mark.parametrize("way", ["direct", "onion"])
def test_a_part_of_a_file_is_given(server: BeginServer, wanted: str, begin: int, end: int, way: str) -> None:
    iut = server()
    alice = iut.meet()
    given = download(alice, iut.a, keep_file(alice, iut.a, BYTES), headers={"Range": wanted}, way=way)
    given.must_be(status=206, raw=BYTES[begin:end])
    given.must_contain(headers=[f"bytes {begin}-{end - 1}/100"])


@clause("OG-53")
@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ("bytes=100-", 416),
        ("bytes=100-100", 416),
        ("bytes=99999999999999999-", 416),
        ("bytes=-0", 416),
        ("bytes=5-4", 200),
        ("bytes=0-1,5-6", 200),
        ("bytes=", 200),
        ("bytes=-", 200),
        ("bytes=a-b", 200),
        ("lines=0-1", 200),
        ("0-1", 200),
        ("", 200),
    ],
)
def test_another_range_is_none(server: BeginServer, wanted: str, status: int) -> None:
    iut = server()
    alice = iut.meet()
    given = download(alice, iut.a, keep_file(alice, iut.a, BYTES), headers={"Range": wanted})
    given.must_be(status=status, **({"raw": BYTES} if status == 200 else {}))


# Sizes and numbers


@clause("OG-48")
def test_a_file_is_neither_empty_nor_too_long(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    for way in ("direct", "onion"):
        must_refuse(upload(alice, iut.a, b"", way=way), 400)
    must_refuse(upload(alice, iut.a, bytes(MAX_FILE_BYTES + 1)), 413)
    must_refuse(upload(alice, iut.a, bytes(MAX_FILE_BYTES + 1), way="onion"), 413)
    file = keep_file(alice, iut.a, bytes(MAX_FILE_BYTES))
    must_be_there(alice, iut.a, file, bytes(MAX_FILE_BYTES))


@clause("OG-48", "OG-59", "OG-13")
@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/room/{}/file", MAX_FILE_BYTES + 1),
        ("/room/{}/message", 262_145),
        ("/batch", 2**34),
        ("/oxen/v4/lsrpc", 2**34),
        ("/no/such/path", 2**34),
    ],
)
def test_a_body_that_is_announced_too_long_is_not_waited_for(server: BeginServer, path: str, size: int) -> None:
    iut = server()
    iut.ask("POST", path.format(iut.a), headers={"Content-Length": str(size)}).must_match(status="^413$")


@clause("OG-48", "OG-59", "OG-13")
@pytest.mark.parametrize("path", ["/room/{}/file", "/room/{}/message", "/batch", "/oxen/v4/lsrpc"])
def test_a_body_that_goes_on_and_on_is_not_waited_for(server: BeginServer, path: str) -> None:
    iut = server()
    begun = b"%x\r\n" % 2**30 + bytes(MAX_ONION_BYTES + 1)
    iut.ask("POST", path.format(iut.a), body=begun, headers={"Transfer-Encoding": "chunked"}).must_match(status="^413$")


@clause("OG-54")
def test_an_upload_that_ends_early_leaves_nothing(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    first = keep_file(alice, iut.a)
    for _ in range(MAX_LOOSE_FILES):
        signed = iut.callee.sign_request("POST", f"/room/{iut.a}/file", BYTES, str(alice.name))
        head = f"POST /room/{iut.a}/file HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BYTES)}\r\n"
        lines = "".join(f"{name}: {text}\r\n" for name, text in signed.items())
        with socket.create_connection((iut.callee.host, iut.callee.port), timeout=5) as connection:
            connection.sendall(f"{head}{lines}\r\n".encode() + BYTES[:50])
    must_be_there(alice, iut.a, first)
    for _ in range(MAX_LOOSE_FILES - 1):
        keep_file(alice, iut.a)


@clause("OG-50")
def test_a_post_has_so_many_files(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    files = [keep_file(alice, iut.a, bytes([number])) for number in range(1, MAX_POST_FILES + 1)]
    must_refuse(alice.post(f"/room/{iut.a}/message", value=write_post(alice, "", files=[*files, files[0]])), 400)
    post(alice, iut.a, "with all", files=files).must_mention({"files": files})


@clause("OG-55", "OG-2")
def test_an_account_has_so_many_loose_files_in_a_room(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    files = [keep_file(alice, iut.a) for _ in range(MAX_LOOSE_FILES)]
    for id_form, way in (("15", "direct"), ("-15", "direct"), ("15", "onion"), ("15", "batch")):
        must_refuse(upload(alice, iut.a, id=id_form, way=way), 429)
    keep_file(alice, iut.b)
    keep_file(iut.meet(), iut.a)
    post(alice, iut.a, "takes one", files=files[:1])
    keep_file(alice, iut.a)
    must_refuse(upload(alice, iut.a), 429)


@clause("OG-55")
def test_loose_files_that_are_gone_do_not_count(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    for _ in range(MAX_LOOSE_FILES):
        keep_file(alice, iut.a)
    iut.pass_time(LOOSE_FILE_SECONDS + 1)
    keep_file(alice, iut.a)


@clause("OG-55")
def test_files_that_come_at_once_are_counted_too(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    requests = [
        alice.write("POST", f"/room/{iut.a}/file", body=bytes([number])) for number in range(1, MAX_LOOSE_FILES + 9)
    ]
    answer = iut.ask_at_once(requests)
    answer.must_be(statuses=[201, 429])
    must_refuse(upload(alice, iut.a), 429)


# Images


@clause("OG-56", "OG-51")
@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_belongs_to_the_room_until_another_takes_its_place(server: BeginServer, kind: str) -> None:
    iut = server()
    administrator, bob = make_administrator(iut, iut.a), iut.meet()
    first, second = (keep_file(administrator, iut.a, IMAGES[kind] + bytes(number)) for number in range(2))
    must_be_gone(iut.a, first, bob)
    administrator.put(f"/room/{iut.a}", value={"image": first}).must_be(status=200)
    bob.get(f"/room/{iut.a}").must_mention({"image_id": first})
    must_be_there(bob, iut.a, first, IMAGES[kind])
    must_refuse(administrator.post(f"/room/{iut.a}/message", value=write_post(administrator, "", files=[first])), 404)
    administrator.put(f"/room/{iut.a}", value={"image": second}).must_be(status=200)
    must_be_gone(iut.a, first, bob, administrator)
    must_be_there(bob, iut.a, second, IMAGES[kind] + b"\0")
    administrator.put(f"/room/{iut.a}", value={"image": None}).must_be(status=200)
    must_be_gone(iut.a, second, bob, administrator)
    bob.get(f"/room/{iut.a}").must_mention({"image_id": None})


@clause("OG-51")
def test_an_image_stays_as_long_as_it_is_one(server: BeginServer) -> None:
    iut = server()
    image = keep_file(iut.operator, iut.a, PNG)
    change_room(iut, iut.a, image=image)
    iut.pass_time(LOOSE_FILE_SECONDS + FILE_SECONDS)
    must_be_there(iut.nobody, iut.a, image, PNG)


NO_IMAGES = {
    "text": b"hello",
    "GIF": b"GIF89a" + bytes(20),
    "SVG": b"<svg/>",
    "half a PNG": PNG[:7],
    "PNG behind": b" " + PNG,
    "RIFF alone": b"RIFF\0\0\0\0WAVE" + bytes(9),
    "too long": PNG + bytes(100_000),
}


@clause("OG-56")
@pytest.mark.parametrize("kind", NO_IMAGES)
def test_what_is_no_image_is_refused(server: BeginServer, kind: str) -> None:
    iut = server()
    file = keep_file(iut.operator, iut.a, NO_IMAGES[kind])
    before = iut.nobody.get(f"/room/{iut.a}")
    must_refuse(iut.operator.put(f"/room/{iut.a}", value={"name": "changed", "image": file}), 406)
    iut.nobody.get(f"/room/{iut.a}").must_be(status=200, value=before.refer("value"))


@clause("OG-50", "OG-45", "OG-58")
def test_an_image_is_a_loose_file_of_who_sets_it_in_the_room(server: BeginServer) -> None:
    iut = server()
    alice, path = iut.meet(), f"/room/{iut.a}"
    attached = keep_file(iut.operator, iut.a, PNG)
    post(iut.operator, iut.a, f"with an image {alice.id}", files=[attached])
    for file in (keep_file(alice, iut.a, PNG), keep_file(iut.operator, iut.b, PNG), attached, 2**53 - 1, 0):
        must_refuse(iut.operator.put(path, value={"image": file}), 404)
    for wrong in ("1", True, 1.5, [1]):
        must_refuse(iut.operator.put(path, value={"image": wrong}), 400)
    iut.nobody.get(path).must_mention({"image_id": None})


@clause("OG-58")
@pytest.mark.parametrize(
    "value",
    [
        {"name": ""},
        {"name": 5},
        {"name": None},
        {"name": "a\nb"},
        {"name": "\u202ea"},
        {"name": "x" * 101},
        {"description": "x" * 1001},
        {"description": None},
        {"description": "a\0b"},
        {"default_read": None},
        {"default_write": 1},
        {"invitation_required": "yes"},
        {"token": "other"},
        {"name": "good", "colour": "red"},
        [],
    ],
)
def test_a_change_of_a_room_of_another_form_is_refused(server: BeginServer, value: object) -> None:
    iut = server()
    before = iut.operator.get(f"/room/{iut.a}")
    must_refuse(iut.operator.put(f"/room/{iut.a}", value=value), 400)
    iut.operator.get(f"/room/{iut.a}").must_be(status=200, value=before.refer("value"))


@clause("OG-54")
def test_an_upload_that_ends_early_leaves_nothing_on_the_disk(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    must_be_there(alice, iut.a, keep_file(alice, iut.a))
    begun = alice.write("POST", f"/room/{iut.a}/file", body=bytes(300_000))
    iut.call("server.hang_up", request=begun, times=MAX_LOOSE_FILES).must_match(bytes="^(-[0-9]+|[0-9]{1,6})$")


@clause("OG-55", "OG-56")
def test_the_image_of_a_room_is_no_loose_file(server: BeginServer) -> None:
    iut = server()
    administrator = make_administrator(iut, iut.a)
    files = [keep_file(administrator, iut.a, PNG + bytes([number])) for number in range(MAX_LOOSE_FILES)]
    must_refuse(upload(administrator, iut.a), 429)
    administrator.put(f"/room/{iut.a}", value={"image": files[0]}).must_be(status=200)
    keep_file(administrator, iut.a)
    must_refuse(upload(administrator, iut.a), 429)
