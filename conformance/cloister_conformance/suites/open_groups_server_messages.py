"""Chapter 11, role `open-group-server`: posts, edits, deletions, and what pollers see of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.open_group_rooms import (
    POSTS,
    POSTS_SECONDS,
    WAYS,
    change_room,
    delete,
    describe_tombstone,
    download,
    edit,
    encode,
    find_cursor,
    keep_file,
    make_administrator,
    make_moderator,
    must_do,
    must_refuse,
    name_message,
    post,
    read_since,
    set_flags,
    write_data,
    write_post,
)
from cloister_conformance.open_group_script import Person, ServerUnderTest
from cloister_conformance.plugin import BeginServer
from cloister_conformance.protocol.open_group_server import SERVER_FILE
from cloister_conformance.script import Answer, NotOffered

MAX_DATA_BYTES = 65_536
MAX_PAGE, DEFAULT_PAGE = 256, 100
MAX_PAGE_BYTES = 2_097_152
MAX_POST_FILES = 16
MAX_NUMBER = 2**53 - 1


# The form of a post


@clause("OG-33", "OG-34", "OG-41")
@pytest.mark.parametrize("way", WAYS)
def test_a_post_is_given_as_it_was_posted(server: BeginServer, way: str) -> None:
    iut = server()
    alice, cursor = iut.meet(), find_cursor(iut.operator, iut.a)
    value = write_post(alice, way)
    posted = alice.post(f"/room/{iut.a}/message", value=value, way=way)
    posted.must_match(status="^201$", body=r'"posted": *[0-9]+')
    posted.must_mention({**value, "session_id": alice.ids.blinded})
    posted.must_exclude(body=['"edited"', '"files"', '"deleted"'])
    message = posted.refer("value")
    alice.get(*name_message(iut.a, posted), way=way).must_be(status=200, value=message)
    read_since(alice, iut.a, cursor).must_be(status=200, value=[message])
    iut.nobody.get(f"/room/{iut.a}/messages/recent?limit=1", way=way).must_be(status=200, value=[message])
    before = alice.get(f"/room/{iut.a}/messages/before/{MAX_NUMBER}?limit=1", way=way)
    before.must_be(status=200, value=[message])


@clause("OG-33", "OG-34")
def test_ids_and_numbers_increase_and_are_never_used_again(server: BeginServer) -> None:
    iut = server()
    alice, cursor = make_administrator(iut, iut.a), find_cursor(iut.operator, iut.a)
    number = iut.operator.get(f"/room/{iut.a}").result.value["message_sequence"]
    messages, numbers = [], []
    for label in range(5):
        messages.append(post(alice, iut.a, label))
        number += 1
        messages[-1].must_mention({"seqno": number})
        if label % 2:
            must_do(delete(alice, iut.a, messages[-1]))
            number += 1
        numbers.append(number)
        alice.get(f"/room/{iut.a}").must_mention({"message_sequence": number})
    seen = read_since(alice, iut.a, cursor)
    seen.must_be(status=200, ids=[message.refer("value", "id") for message in messages], seqnos=numbers)
    seen.must_be(ids=sorted(seen.result.ids))


BODIES: dict[str, Any] = {
    "no data": {"signature": "A" * 86 + "=="},
    "no signature": {"data": "aGVsbG8="},
    "empty data": {"data": "", "signature": "A" * 86 + "=="},
    "data without padding": {"data": "aGVsbG8", "signature": "A" * 86 + "=="},
    "data with other bits": {"data": "aGVsbG9=", "signature": "A" * 86 + "=="},
    "data with a line": {"data": "aGVs\nbG8=", "signature": "A" * 86 + "=="},
    "data with other letters": {"data": "a_-sbG8=", "signature": "A" * 86 + "=="},
    "data that is a number": {"data": 5, "signature": "A" * 86 + "=="},
    "data that is null": {"data": None, "signature": "A" * 86 + "=="},
    "a short signature": {"data": "aGVsbG8=", "signature": "A" * 84},
    "a long signature": {"data": "aGVsbG8=", "signature": "A" * 88},
    "an empty signature": {"data": "aGVsbG8=", "signature": ""},
    "a signature in hex": {"data": "aGVsbG8=", "signature": "00" * 64},
    "a whisper": {"data": "aGVsbG8=", "signature": "A" * 86 + "==", "whisper_to": "x"},
    "a whisper to moderators": {"data": "aGVsbG8=", "signature": "A" * 86 + "==", "whisper_mods": True},
    "files that are no list": {"data": "aGVsbG8=", "signature": "A" * 86 + "==", "files": 5},
    "files that are null": {"data": "aGVsbG8=", "signature": "A" * 86 + "==", "files": None},
    "a file with a fraction": {"data": "aGVsbG8=", "signature": "A" * 86 + "==", "files": [1.5]},
    "a file that is a text": {"data": "aGVsbG8=", "signature": "A" * 86 + "==", "files": ["1"]},
    "a file that is true": {"data": "aGVsbG8=", "signature": "A" * 86 + "==", "files": [True]},
    "too many files": {"data": "aGVsbG8=", "signature": "A" * 86 + "==", "files": [*range(1, MAX_POST_FILES + 2)]},
    "a file twice": {"data": "aGVsbG8=", "signature": "A" * 86 + "==", "files": [1, 1]},
    "a list": [],
    "a text": "data",
    "a number": 1,
}


@clause("OG-40", "OG-50", "OG-58")
@pytest.mark.parametrize("body", BODIES)
def test_a_post_of_another_form_is_refused(server: BeginServer, body: str) -> None:
    iut = server()
    alice = iut.meet()
    message = post(alice, iut.a, "before")
    cursor = message.refer("value", "seqno")
    for way in ("direct", "onion"):
        must_refuse(alice.post(f"/room/{iut.a}/message", value=BODIES[body], way=way), 400)
        must_refuse(alice.put(*name_message(iut.a, message), value=BODIES[body], way=way), 400)
    read_since(alice, iut.a, cursor).must_be(status=200, value=[])


@clause("OG-58")
@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"null", b'{"data":"aGVsbG8="', b"[" * 50_000, b'{"data":NaN}'], ids=range(7)
)
def test_a_body_that_is_no_json_is_refused(server: BeginServer, body: bytes) -> None:
    iut = server()
    alice = iut.meet()
    headers = {"Content-Type": "application/json"}
    for way in WAYS:
        must_refuse(alice.post(f"/room/{iut.a}/message", body=body, headers=headers, way=way), 400)


@clause("OG-40")
def test_the_longest_data_are_taken_and_longer_ones_refused(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    for size, status in ((1, 201), (MAX_DATA_BYTES, 201), (MAX_DATA_BYTES + 1, 413)):
        value = write_post(
            alice,
            "",
            data=bytes(range(256)) * 256 + b"x" if size > MAX_DATA_BYTES else (bytes(range(256)) * 256)[:size],
        )
        for way in ("direct", "onion"):
            alice.post(f"/room/{iut.a}/message", value=value, way=way).must_match(status=f"^{status}$")


@clause("OG-59")
def test_a_body_longer_than_json_may_be_is_refused(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    body = b'{"data":"' + b"A" * 262_144 + b'"}'
    headers = {"Content-Type": "application/json"}
    must_refuse(alice.post(f"/room/{iut.a}/message", body=body, headers=headers), 413)
    must_refuse(iut.nobody.post(f"/room/{iut.a}/message", body=body, headers=headers), 413)
    must_refuse(alice.put(f"/room/{iut.a}", body=body, headers=headers), 413)


@clause("OG-47")
@pytest.mark.parametrize("way", WAYS)
def test_the_same_post_of_the_same_account_is_made_once(server: BeginServer, way: str) -> None:
    iut = server()
    alice, bob, cursor = iut.meet(), iut.meet(), find_cursor(iut.operator, iut.a)
    value = write_post(alice, "once")
    first = alice.post(f"/room/{iut.a}/message", value=value)
    first.must_match(status="^201$")
    for id_form in ("15", "-15"):
        again = alice.post(f"/room/{iut.a}/message", value=value, way=way, id=id_form)
        again.must_be(status=201, value=first.refer("value"))
    read_since(alice, iut.a, cursor).must_be(value=[first.refer("value")])
    other = bob.post(f"/room/{iut.a}/message", value=write_post(bob, "once"), way=way)
    other.must_match(status="^201$")
    elsewhere = alice.post(f"/room/{iut.b}/message", value=value, way=way)
    elsewhere.must_match(status="^201$")
    read_since(alice, iut.a, cursor).must_be(ids=[first.refer("value", "id"), other.refer("value", "id")])
    must_do(delete(alice, iut.a, first))
    fresh = alice.post(f"/room/{iut.a}/message", value=value, way=way)
    fresh.must_match(status="^201$")
    read_since(alice, iut.a, first.refer("value", "seqno")).must_tell(
        {"id": other.refer("value", "id")},
        describe_tombstone(first),
        {"id": fresh.refer("value", "id"), "data": value["data"]},
    )


# Rates


@clause("OG-42", "OG-2")
@pytest.mark.parametrize("way", ["direct", "onion", "batch"])
def test_an_account_posts_so_often_under_all_its_ids_together(server: BeginServer, way: str) -> None:
    iut = server()
    alice = iut.meet()
    for number in range(POSTS):
        post(alice, iut.a, number, id=("15", "-15")[number % 2], way=way)
    for id_form in ("15", "-15"):
        refused = alice.post(f"/room/{iut.a}/message", value=write_post(alice, "too much"), id=id_form, way=way)
        must_refuse(refused, 429)
    post(alice, iut.b, "elsewhere")
    post(iut.meet(), iut.a, "of somebody else")


@clause("OG-42")
def test_edits_count_as_posts_and_deleted_posts_too(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    messages = [post(alice, iut.a, number) for number in range(3)]
    edit(alice, iut.a, messages[0], "edited").must_be(status=200)
    must_do(delete(alice, iut.a, messages[1]))
    post(alice, iut.a, "the fifth")
    must_refuse(edit(alice, iut.a, messages[0], "the sixth"), 429)
    must_refuse(alice.post(f"/room/{iut.a}/message", value=write_post(alice, "the sixth")), 429)
    must_do(delete(alice, iut.a, messages[2]))


@clause("OG-42")
def test_an_account_posts_again_when_time_has_passed(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    for number in range(POSTS):
        post(alice, iut.a, number)
        iut.pass_time(1)
    iut.set_clock(1_700_000_000_000 + 1000 * POSTS_SECONDS - 100)
    must_refuse(alice.post(f"/room/{iut.a}/message", value=write_post(alice, "too early")), 429)
    iut.pass_time(0.2)
    post(alice, iut.a, "in time")
    must_refuse(alice.post(f"/room/{iut.a}/message", value=write_post(alice, "too early")), 429)


@clause("OG-42")
def test_administrators_post_as_often_as_they_like_and_moderators_do_not(server: BeginServer) -> None:
    iut = server()
    for person in (make_administrator(iut, iut.a), iut.operator):
        for number in range(POSTS + 2):
            post(person, iut.a, f"{iut.callee.begin.script} {number}")
    moderator = make_moderator(iut, iut.a)
    for number in range(POSTS):
        post(moderator, iut.a, number)
    must_refuse(moderator.post(f"/room/{iut.a}/message", value=write_post(moderator, "too much")), 429)


@clause("OG-42")
def test_a_refused_post_does_not_count(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    for _ in range(POSTS):
        must_refuse(alice.post(f"/room/{iut.a}/message", value={}), 400)
    for number in range(POSTS):
        post(alice, iut.a, number)


@clause("OG-42")
def test_posts_at_once_are_counted_too(server: BeginServer) -> None:
    iut = server()
    alice, cursor = iut.meet(), find_cursor(iut.operator, iut.a)
    requests = [
        alice.write("POST", f"/room/{iut.a}/message", value=write_post(alice, number)) for number in range(POSTS + 8)
    ]
    iut.ask_at_once(requests).must_be(statuses=[201, 429])
    seen = read_since(alice, iut.a, cursor)
    seen.must_tell(*({"session_id": alice.ids.blinded} for _ in range(POSTS)))


# Edits and deletions


@clause("OG-34", "OG-35", "OG-37", "OG-38")
def test_an_edit_takes_the_place_of_what_was_there(server: BeginServer) -> None:
    iut = server()
    alice, bob, cursor = iut.meet(), iut.meet(), find_cursor(iut.operator, iut.a)
    message, other = post(alice, iut.a, "as it was"), post(bob, iut.a, "of bob")
    edit(alice, iut.a, message, "as it is").must_be(status=200)
    value = write_post(alice, "as it is")
    seen = read_since(bob, iut.a, cursor)
    seen.must_be(status=200, ids=[other.refer("value", "id"), message.refer("value", "id")])
    seen.must_mention({"id": message.refer("value", "id"), "posted": message.refer("value", "posted"), **value})
    seen.must_match(body=r'"edited": *[0-9]+')
    for path in ("messages/recent", f"messages/before/{MAX_NUMBER}"):
        listed = bob.get(f"/room/{iut.a}/{path}")
        listed.must_exclude(body=[encode(write_data("as it was"))])
        listed.must_contain(body=[value["data"]])
    edit(alice, iut.a, message, "of the other sign").must_be(status=200)
    alice.get(*name_message(iut.a, message)).must_mention({"seqno": read_number(seen, 2)})


def read_number(seen: Answer, behind: int) -> int:
    """Read the number that comes so many behind that of the first message of a page."""
    return int(seen.result.seqnos[0]) + behind


@clause("OG-38", "OG-39", "OG-2")
def test_the_author_alone_edits_under_any_id(server: BeginServer) -> None:
    iut = server()
    alice, bob = iut.meet(), iut.meet()
    message = post(alice, iut.a, "of alice")
    for person in (bob, make_moderator(iut, iut.a), make_administrator(iut, iut.a), iut.operator):
        must_refuse(edit(person, iut.a, message, "of another"), 403)
    must_refuse(delete(bob, iut.a, message), 403)
    alice.get(*name_message(iut.a, message)).must_be(value=message.refer("value"))
    edited = alice.put(*name_message(iut.a, message), value=write_post(alice, "under another id"), id="-15")
    edited.must_be(status=200)
    must_do(alice.delete(*name_message(iut.a, message), id="-15"))
    must_refuse(edit(alice, iut.a, message, "too late"), 404)
    must_refuse(edit(bob, iut.a, message, "too late"), 404)


@clause("OG-38", "OG-39", "OG-16")
def test_who_may_not_write_any_more_edits_and_deletes_nothing(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    message = post(alice, iut.a, "of alice")
    set_flags(iut, iut.a, alice, write=False)
    must_refuse(edit(alice, iut.a, message, "no more"), 403)
    must_refuse(delete(alice, iut.a, message), 403)
    must_refuse(alice.delete(f"/room/{iut.a}/all/{alice.id}"), 403)


@clause("OG-37", "OG-46", "OG-33")
@pytest.mark.parametrize("by", ["author", "moderator", "all", "rooms"])
def test_nothing_of_a_deleted_message_is_given_on_any_endpoint(server: BeginServer, by: str) -> None:
    iut = server()
    alice, moderator, cursor = iut.meet(), make_moderator(iut, iut.a), find_cursor(iut.operator, iut.a)
    file = keep_file(alice, iut.a)
    message = post(alice, iut.a, "deleted", files=[file])
    if by in ("author", "moderator"):
        must_do(delete(alice if by == "author" else moderator, iut.a, message))
    else:
        path = f"/room/{iut.a}/all/{alice.id}" if by == "all" else f"/rooms/all/{alice.id}"
        alice.delete(path).must_be(status=200)
    texts = [encode(write_data("deleted")), write_post(alice, "deleted")["signature"]]
    for person in (alice, iut.operator, iut.nobody):
        must_refuse(person.get(*name_message(iut.a, message)), 404)
        must_refuse(download(person, iut.a, file), 404)
        for path in ("messages/recent", f"messages/before/{MAX_NUMBER}", "messages/since/0?limit=256"):
            person.get(f"/room/{iut.a}/{path}").must_exclude(body=texts)
        seen = read_since(person, iut.a, cursor)
        seen.must_match(body='"deleted": *true')
        seen.must_exclude(body=[*texts, '"files"', '"signature"', alice.ids.blinded])
        seen.must_tell(describe_tombstone(message))
    recent = iut.operator.get(f"/room/{iut.a}/messages/recent")
    recent.must_exclude(body=['"deleted"'])
    must_refuse(delete(alice, iut.a, message), 404)
    read_since(alice, iut.a, cursor).must_be(seqnos=seen.refer("seqnos"))


@clause("OG-45")
def test_messages_are_found_in_their_room_only(server: BeginServer) -> None:
    iut = server()
    alice, cursor = make_administrator(iut, iut.a), find_cursor(iut.operator, iut.b)
    message, number = post(alice, iut.a, "of room a"), f"/room/{iut.b}/message/"
    reference = message.refer("value", "id")
    iut.operator.get(number, reference).must_exclude(body=[encode(write_data("of room a"))])
    refused = iut.operator.delete(number, str(MAX_NUMBER))
    must_refuse(refused, 404)
    for path in ("messages/recent", f"messages/before/{MAX_NUMBER}", "messages/since/0?limit=256"):
        alice.get(f"/room/{iut.b}/{path}").must_exclude(body=[encode(write_data("of room a"))])
    read_since(alice, iut.b, cursor).must_be(status=200, value=[])
    alice.get(*name_message(iut.a, message)).must_be(status=200)


@clause("OG-57", "OG-45")
@pytest.mark.parametrize("number", ["0", str(MAX_NUMBER), str(2**53), str(2**63), "9" * 19])
def test_a_number_that_names_nothing_is_not_found(server: BeginServer, number: str) -> None:
    iut = server()
    alice = iut.meet()
    must_refuse(alice.get(f"/room/{iut.a}/message/{number}"), 404)
    must_refuse(alice.put(f"/room/{iut.a}/message/{number}", value=write_post(alice, "")), 404)
    must_refuse(alice.delete(f"/room/{iut.a}/message/{number}"), 404)
    must_refuse(download(alice, iut.a, number), 404)


@clause("OG-57")
@pytest.mark.parametrize("number", ["-1", "01", "+1", "1.0", "1e3", "0x1", "%201", "x", "%D9%A1"])
@pytest.mark.parametrize("place", ["message/{}", "messages/since/{}", "messages/before/{}", "file/{}", "pollInfo/{}"])
def test_what_is_no_number_makes_no_path(server: BeginServer, number: str, place: str) -> None:
    iut = server()
    must_refuse(iut.meet().get(f"/room/{iut.a}/{place.format(number)}"), 404)


# Pages


@clause("OG-44", "OG-35")
def test_pages_are_bounded_by_the_limit(server: BeginServer) -> None:
    iut = server()
    alice, cursor = make_administrator(iut, iut.a), find_cursor(iut.operator, iut.a)
    ids = [post(alice, iut.a, number).refer("value", "id") for number in range(4)]
    for limit, count in (("0", 1), ("1", 1), ("3", 3), ("4", 4), ("257", 4), (str(10**15), 4)):
        alice.get(f"/room/{iut.a}/messages/since/", cursor, f"?limit={limit}").must_be(status=200, ids=ids[:count])
    for limit, count in (("0", 1), ("1", 1), ("3", 3)):
        alice.get(f"/room/{iut.a}/messages/recent?limit={limit}").must_be(status=200, ids=ids[::-1][:count])
    alice.get(f"/room/{iut.a}/messages/before/", ids[3], "?limit=2").must_be(status=200, ids=ids[2:0:-1])
    alice.get(f"/room/{iut.a}/messages/recent?limit=3&limit=2&other=x").must_be(status=200, ids=ids[::-1][:2])


@clause("OG-58")
@pytest.mark.parametrize("limit", ["-1", "x", "", "1.0", "01", "%31x", "1%20", "+1"])
def test_a_limit_that_is_not_decimal_is_refused(server: BeginServer, limit: str) -> None:
    iut = server()
    for path in ("messages/recent", "messages/since/0", f"messages/before/{MAX_NUMBER}"):
        must_refuse(iut.meet().get(f"/room/{iut.a}/{path}?limit={limit}"), 400)


@clause("OG-44")
def test_pages_have_so_many_messages_at_most(server: BeginServer) -> None:
    iut = server()
    alice, cursor = make_administrator(iut, iut.a), find_cursor(iut.operator, iut.a)
    parts = [
        {"method": "POST", "path": f"/room/{iut.a}/message", "json": write_post(alice, number)} for number in range(100)
    ]
    for begin in range(3):
        fresh = [{**part, "json": write_post(alice, f"{begin} {number}")} for number, part in enumerate(parts)]
        alice.post("/batch", value=fresh).must_be(status=200, codes=[201] * 100)
    for path, count in (("", DEFAULT_PAGE), ("?limit=256", MAX_PAGE), ("?limit=100000", MAX_PAGE)):
        page = alice.get(f"/room/{iut.a}/messages/since/", cursor, path)
        page.must_be(status=200, seqnos=sorted(page.result.seqnos)[:count])
        assert_count(page, count)
        assert_count(alice.get(f"/room/{iut.a}/messages/recent{path}"), count)


def assert_count(page: Answer, count: int) -> None:
    """Expect a page of so many messages."""
    page.must_tell(*({} for _ in range(count)))


@clause("OG-44", "OG-36")
def test_pages_end_before_too_many_bytes_and_have_one_message(server: BeginServer) -> None:
    iut = server()
    alice, cursor = make_administrator(iut, iut.a), find_cursor(iut.operator, iut.a)
    for number in range(40):
        data = number.to_bytes(2, "big") * (MAX_DATA_BYTES // 2)
        alice.post(f"/room/{iut.a}/message", value=write_post(alice, "", data=data)).must_match(status="^201$")
    page = read_since(alice, iut.a, cursor)
    page.must_be(status=200)
    count = len(page.result.ids)
    assert_count(page, min(count, MAX_PAGE_BYTES // MAX_DATA_BYTES))
    page.must_match(seqnos="[0-9]")
    rest = read_since(alice, iut.a, page.refer("seqnos", -1))
    assert_count(rest, 40 - count)


# Pollers


@clause("OG-34", "OG-35", "OG-36", "OG-37")
@pytest.mark.parametrize("limit", [1, 7, 256])
def test_a_poller_sees_every_change_that_is_made_at_once(server: BeginServer, limit: int) -> None:
    iut = server()
    people = iut.meet_all(6)
    cursor = find_cursor(iut.operator, iut.a)
    begin = iut.operator.get(f"/room/{iut.a}").result.value["message_sequence"]
    messages = [post(person, iut.a, number) for person in people for number in range(2)]
    changes: list[dict[str, Any]] = []
    for number, message in enumerate(messages):
        author = people[number // 2]
        changes.append(author.write("POST", f"/room/{iut.a}/message", value=write_post(author, f"more {number}")))
        if number % 3 == 0:
            changes.append(iut.operator.write("DELETE", *name_message(iut.a, message)))
        elif number % 3 == 1:
            changes.append(
                author.write("PUT", *name_message(iut.a, message), value=write_post(author, f"edit {number}"))
            )
    changes.append(iut.operator.write("DELETE", f"/room/{iut.a}/all/{people[0].id}"))
    watched = iut.call("server.watch", requests=changes, account=iut.meet().name, room=iut.a, cursor=begin, limit=limit)
    watched.must_be(fault="")
    read_since(iut.operator, iut.a, cursor).must_be(status=200, value=watched.refer("seen"))


@clause("OG-33", "OG-34", "OG-36")
def test_changes_that_are_made_at_once_have_numbers_of_their_own(server: BeginServer) -> None:
    iut = server()
    people, cursor = iut.meet_all(8), find_cursor(iut.operator, iut.a)
    posts = [
        person.write("POST", f"/room/{iut.a}/message", value=write_post(person, number))
        for number in range(3)
        for person in people
    ]
    iut.ask_at_once(posts).must_be(statuses=[201])
    begin = iut.operator.get(f"/room/{iut.a}").result.value["message_sequence"] - len(posts)
    seen = read_since(iut.operator, iut.a, cursor)
    seen.must_be(status=200, seqnos=[*range(begin + 1, begin + len(posts) + 1)])
    assert_count(seen, len({*seen.result.ids}))


@clause("OG-43")
def test_what_was_acknowledged_is_there_when_the_process_was_killed(server: BeginServer) -> None:
    iut = server()
    if not iut.callee.offers(SERVER_FILE):
        raise NotOffered(SERVER_FILE)
    alice, bob, cursor = iut.meet(), iut.meet(), find_cursor(iut.operator, iut.a)
    file = keep_file(alice, iut.a, b"kept")
    first, second = post(alice, iut.a, "first", files=[file]), post(bob, iut.a, "second")
    must_do(delete(bob, iut.a, second))
    last = post(alice, iut.a, "last")
    before = read_since(alice, iut.a, cursor)
    before.must_be(status=200)
    iut.kill()
    read_since(alice, iut.a, cursor).must_be(status=200, value=before.refer("value"))
    download(alice, iut.a, file).must_be(status=200, raw=b"kept")
    behind = post(alice, iut.a, "behind")
    read_since(alice, iut.a, last.refer("value", "seqno")).must_be(ids=[behind.refer("value", "id")])
    alice.get(*name_message(iut.a, first)).must_be(value=first.refer("value"))


@clause("OG-43", "OG-16", "OG-18", "OG-19")
def test_a_restart_keeps_all(server: BeginServer) -> None:
    iut = server()
    alice, bob, moderator, cursor = iut.meet(), iut.meet(), make_moderator(iut, iut.a), find_cursor(iut.operator, iut.a)
    carol = iut.meet()
    iut.operator.post(f"/user/{bob.id}/ban", value={"rooms": [iut.a]}).must_be(status=200)
    iut.operator.post(f"/user/{carol.id}/ban", value={"global": True, "timeout": 30}).must_be(status=200)
    change_room(iut, iut.a, description="kept")
    set_flags(iut, iut.a, alice, upload=False)
    post(alice, iut.a, "kept")
    before = [
        moderator.get(f"/room/{iut.a}"),
        read_since(alice, iut.a, cursor),
        moderator.get(f"/room/{iut.a}/permissions/{alice.id}"),
    ]
    iut.restart().must_match(exit_status="^-?[0-9]+$")
    after = [
        moderator.get(f"/room/{iut.a}"),
        read_since(alice, iut.a, cursor),
        moderator.get(f"/room/{iut.a}/permissions/{alice.id}"),
    ]
    for was, now in zip(before, after, strict=True):
        now.must_be(status=200, value=was.refer("value"))
    for person in (bob, carol):
        must_refuse(person.get(f"/room/{iut.a}"), 403)


@clause("OG-65")
def test_details_are_given_when_something_has_changed_and_only_then(server: BeginServer) -> None:
    iut = server()
    alice, administrator = iut.meet(), make_administrator(iut, iut.a)
    role = f"/user/{alice.id}/moderator"
    changes: list[tuple[str, str, dict[str, object]]] = [
        ("PUT", f"/room/{iut.a}", {"name": f"room {alice.id[:8]}"}),
        ("PUT", f"/room/{iut.a}", {"default_upload": False}),
        ("PUT", f"/room/{iut.a}", {"description": alice.id}),
        ("POST", role, {"rooms": [iut.a], "moderator": True}),
        ("POST", role, {"rooms": [iut.a], "visible": False}),
        ("POST", role, {"rooms": [iut.a], "moderator": False}),
    ]
    for method, path, value in changes:
        known = poll(alice, iut.a)
        quiet = alice.get(f"/room/{iut.a}/pollInfo/", known)
        quiet.must_match(status="^200$")
        quiet.must_exclude(body=['"details"'])
        quiet.must_mention({"token": iut.a})
        must_do(administrator.ask(method, path, value=value))
        told = alice.get(f"/room/{iut.a}/pollInfo/", known)
        told.must_contain(body=['"details"'])
        room = alice.get(f"/room/{iut.a}")
        told.must_mention({"details": room.refer("value"), "read": True, "write": True})
    known = poll(alice, iut.a)
    post(alice, iut.a, "a post is no change of the room")
    alice.get(f"/room/{iut.a}/pollInfo/", known).must_exclude(body=['"details"'])


def poll(person: Person, room: str) -> Any:  # noqa: ANN401 - a reference
    """Find the number of changes of a room, as a reference."""
    answer = person.get(f"/room/{room}")
    answer.must_match(status="^200$", body=r'"info_updates": *[0-9]+')
    return answer.refer("value", "info_updates")


# Any deeds


Deed = tuple[str, int, int, int]


@clause("OG-33", "OG-34", "OG-35", "OG-36", "OG-37", "OG-38", "OG-39", "OG-41", "OG-46")
@given(
    deeds=st.lists(
        st.tuples(
            st.sampled_from(["post", "edit", "delete", "delete all", "poll"]),
            st.integers(0, 2),
            st.integers(0, 30),
            st.integers(1, 5),
        ),
        min_size=4,
        max_size=24,
    ),
    entropy=st.integers(0, 2**16),
)
def test_lists_after_any_deeds_are_those_of_the_text(server: BeginServer, deeds: list[Deed], entropy: int) -> None:
    iut = server(entropy)
    life = Life(iut)
    for number, (deed, who, which, limit) in enumerate(deeds):
        life.act(deed, number, who=who, which=which, limit=limit)
    life.must_agree()


class Life:
    """A room in which two administrators and a moderator post, edit and delete, and what somebody has polled of it."""

    def __init__(self, iut: ServerUnderTest) -> None:
        self.iut = iut
        self.people = [make_administrator(iut, iut.a), make_administrator(iut, iut.a), make_moderator(iut, iut.a)]
        self.cursor = find_cursor(iut.operator, iut.a)
        self.begin = iut.operator.get(f"/room/{iut.a}").result.value["message_sequence"]
        self.number = self.begin
        self.made: list[Answer] = []
        self.author: dict[int, int] = {}
        self.data: dict[int, str | None] = {}
        self.numbers: dict[int, int] = {}
        self.polled = self.begin
        self.seen: dict[int, Any] = {}
        self.quota = POSTS

    def change(self, index: int, data: str | None) -> None:
        """Note a change of the message at an index."""
        self.number += 1
        self.data[index], self.numbers[index] = data, self.number

    def act(self, deed: str, label: int, *, who: int, which: int, limit: int) -> None:
        """Do something, and expect what the model says."""
        person = self.people[who]
        if deed == "poll":
            self.poll(limit)
        elif deed == "delete all":
            self.delete_all(who, which % 3)
        elif deed == "post" or not self.made:
            if self.may_post(who):
                self.made.append(post(person, self.iut.a, label))
                self.author[len(self.made) - 1] = who
                self.change(len(self.made) - 1, encode(write_data(label)))
        elif deed == "edit":
            self.edit(who, which % len(self.made), label)
        else:
            index = which % len(self.made)
            stands = self.data[index] is not None
            delete(person, self.iut.a, self.made[index]).must_be(status=200 if stands else 404)
            if stands:
                self.change(index, None)

    def may_post(self, who: int) -> bool:
        """Tell whether somebody may post, and count it; a moderator may so often."""
        self.quota -= who == 2
        return who != 2 or self.quota >= 0

    def edit(self, who: int, index: int, label: int) -> None:
        """Edit a message, which its author alone can, if it stands."""
        stands, own = self.data[index] is not None, self.author[index] == who
        if stands and own and not self.may_post(who):
            return
        status = 404 if not stands else 200 if own else 403
        edit(self.people[who], self.iut.a, self.made[index], label).must_be(status=status)
        if status == 200:
            self.change(index, encode(write_data(label)))

    def delete_all(self, who: int, whose: int) -> None:
        """Delete all of somebody, in any order."""
        standing = [index for index, author in self.author.items() if author == whose and self.data[index] is not None]
        answer = self.people[who].delete(f"/room/{self.iut.a}/all/{self.people[whose].id}")
        answer.must_be(status=200 if standing else 404)
        if standing:
            behind = read_since(self.iut.operator, self.iut.a, self.number)
            behind.must_tell(*(describe_tombstone(self.made[index]) for index in standing))
            ids = {self.made[index].result.value["id"]: index for index in standing}
            for one in behind.result.ids:
                self.change(ids[one], None)

    def poll(self, limit: int) -> None:
        """Poll a page."""
        page = read_since(self.iut.nobody, self.iut.a, self.polled, limit=limit)
        behind = sorted(number for number in self.numbers.values() if number > self.polled)[:limit]
        page.must_be(status=200, seqnos=behind)
        self.seen |= {message["id"]: message for message in page.result.told}
        self.polled = max([self.polled, *behind])

    def must_agree(self) -> None:
        """Expect that all lists agree with the model, and that the poller ends with all."""
        while self.polled < self.number:
            self.poll(5)
        order = sorted(self.numbers, key=lambda index: self.numbers[index])
        ids = [self.made[index].refer("value", "id") for index in order]
        whole = read_since(self.iut.nobody, self.iut.a, self.cursor)
        whole.must_be(status=200, ids=ids, seqnos=[self.numbers[index] for index in order])
        whole.must_tell(*({"id": one, "data": self.data[index]} for one, index in zip(ids, order, strict=True)))
        whole.must_be(value=sorted(self.seen.values(), key=lambda message: int(message["seqno"])))
        standing = [index for index, data in self.data.items() if data is not None][::-1]
        recent = [self.made[index].refer("value", "id") for index in standing]
        if standing:
            self.iut.nobody.get(f"/room/{self.iut.a}/messages/recent?limit={len(recent)}").must_be(ids=recent)
            self.iut.nobody.get(
                f"/room/{self.iut.a}/messages/before/", recent[0], f"?limit={max(1, len(recent) - 1)}"
            ).must_be(status=200)


@clause("OG-41")
@pytest.mark.parametrize("data", [b"\0", bytes(160), b"hello" + bytes(3), bytes(3) + b"hello", b"hello\x80\0\0", b"\n"])
def test_no_byte_of_data_is_taken_for_padding(server: BeginServer, data: bytes) -> None:
    iut = server()
    alice = iut.meet()
    value = write_post(alice, "", data=data)
    posted = alice.post(f"/room/{iut.a}/message", value=value)
    posted.must_match(status="^201$")
    posted.must_mention(value)
    alice.get(*name_message(iut.a, posted)).must_mention(value)


@clause("OG-65")
def test_details_are_given_to_who_knows_of_more_changes_than_there_were(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    room = alice.get(f"/room/{iut.a}")
    alice.get(f"/room/{iut.a}/pollInfo/{MAX_NUMBER}").must_mention({"details": room.refer("value")})


@clause("OG-47", "OG-42")
def test_a_post_that_is_there_already_does_not_count(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    messages = [post(alice, iut.a, number) for number in range(POSTS)]
    for number in (0, POSTS - 1, 0):
        again = alice.post(f"/room/{iut.a}/message", value=write_post(alice, number))
        again.must_be(status=201, value=messages[number].refer("value"))
    iut.pass_time(POSTS_SECONDS + 0.1)
    for number in range(POSTS + 1):
        again = alice.post(f"/room/{iut.a}/message", value=write_post(alice, number % POSTS))
        again.must_be(status=201, value=messages[number % POSTS].refer("value"))
    for number in range(POSTS):
        post(alice, iut.a, f"another {number}")
