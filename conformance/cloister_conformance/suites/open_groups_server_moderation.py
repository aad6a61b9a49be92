"""Chapter 11, role `open-group-server`: bans, moderators and administrators, and the operator."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.open_group_rooms import (
    appoint,
    ban,
    delete,
    describe_tombstone,
    edit,
    find_cursor,
    keep_file,
    make_administrator,
    make_moderator,
    must_do,
    must_refuse,
    name_message,
    need_unblinded,
    post,
    read_since,
    unban,
    write_post,
)
from cloister_conformance.open_group_script import Person
from cloister_conformance.plugin import BeginServer
from cloister_conformance.protocol.open_group_server import SERVER_FILE
from cloister_conformance.script import NotOffered

FORMS = range(5)
"""Places of the forms of an id: the account id, two blinded ones, two unblinded ones."""


def must_be_banned(person: Person, room: str, **how: Any) -> None:  # noqa: ANN401 - JSON values
    """Expect that somebody can do nothing in a room."""
    for path in ("", "/messages/recent", "/messages/since/0"):
        must_refuse(person.get(f"/room/{room}{path}", **how), 403)
    must_refuse(person.post(f"/room/{room}/message", value=write_post(person, "banned"), **how), 403)


def must_be_free(person: Person, room: str, **how: Any) -> None:  # noqa: ANN401 - JSON values
    """Expect that somebody can read a room."""
    person.get(f"/room/{room}/messages/recent", **how).must_be(status=200)


# Bans


@clause("OG-2", "OG-18", "OG-20")
@pytest.mark.parametrize("banned_as", FORMS)
@pytest.mark.parametrize("way", ["direct", "onion"])
def test_a_ban_in_a_room_holds_for_every_form_of_the_id(server: BeginServer, banned_as: int, way: str) -> None:
    iut = server()
    alice, moderator = iut.meet(), make_moderator(iut, iut.a)
    must_do(ban(moderator, alice.forms[banned_as], iut.a))
    for id_form in ("15", "-15"):
        must_be_banned(alice, iut.a, id=id_form, way=way)
        must_be_free(alice, iut.b, id=id_form, way=way)
    must_do(unban(moderator, alice.forms[banned_as - 1], iut.a))
    for id_form in ("15", "-15"):
        must_be_free(alice, iut.a, id=id_form, way=way)


@clause("OG-2", "OG-17")
@pytest.mark.parametrize("banned_as", FORMS)
def test_a_ban_on_the_server_holds_for_every_form_of_the_id(server: BeginServer, banned_as: int) -> None:
    iut = server()
    alice = iut.meet()
    must_do(ban(iut.operator, alice.forms[banned_as]))
    for id_form in ("15", "-15"):
        for room in (iut.a, iut.b):
            must_be_banned(alice, room, id=id_form)
        must_refuse(alice.get("/capabilities", id=id_form), 403)
        must_refuse(alice.post("/batch", value=[{"method": "GET", "path": "/rooms"}], id=id_form), 403)
    must_do(unban(iut.operator, alice.forms[banned_as - 1]))
    alice.get("/capabilities").must_be(status=200)


@clause("OG-2", "OG-4", "OG-17", "OG-18")
def test_a_ban_holds_for_unblinded_ids(server: BeginServer) -> None:
    iut = server()
    need_unblinded(iut)
    for banned_as in FORMS:
        alice, bob = iut.meet(), iut.meet()
        must_do(ban(iut.operator, alice.forms[banned_as], iut.a), ban(iut.operator, bob.forms[banned_as]))
        for id_form in ("00", "-00", "15", "-15"):
            must_be_banned(alice, iut.a, id=id_form)
            must_refuse(bob.get("/rooms", id=id_form), 403)


@clause("OG-18")
def test_a_room_is_not_listed_for_who_is_banned_there(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    must_do(ban(iut.operator, alice.id, iut.a))
    listed = alice.get("/rooms")
    listed.must_contain(body=[f'"{iut.b}"'])
    listed.must_exclude(body=[f'"{iut.a}"'])


@clause("OG-18", "OG-20")
def test_bans_of_rooms_and_of_the_server_are_separate(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    must_do(ban(iut.operator, alice.id, iut.a), ban(iut.operator, alice.id))
    must_do(unban(iut.operator, alice.id))
    must_be_banned(alice, iut.a)
    must_be_free(alice, iut.b)
    must_do(ban(iut.operator, alice.id), unban(iut.operator, alice.id, iut.a))
    must_refuse(alice.get("/rooms"), 403)


@clause("OG-19")
@pytest.mark.parametrize("is_in_room", [True, False])
def test_a_ban_ends_with_its_timeout_and_not_before(server: BeginServer, *, is_in_room: bool) -> None:
    iut = server()
    rooms = [iut.a] if is_in_room else []
    alice, bob = iut.meet(), iut.meet()
    must_do(ban(iut.operator, alice.id, *rooms, timeout=60), ban(iut.operator, bob.id, *rooms))
    for passed_s, status in ((0, 403), (59.9, 403), (60.1, 200)):
        iut.set_clock(1_700_000_000_000 + round(1000 * passed_s))
        alice.get(f"/room/{iut.a}").must_be(status=status)
        bob.get(f"/room/{iut.a}").must_be(status=403)
    iut.pass_time(10**8)
    bob.get(f"/room/{iut.a}").must_be(status=403)


@clause("OG-19")
@pytest.mark.parametrize(
    ("first", "second", "status_after"), [(60, None, 403), (None, 60, 200), (60, 600, 403), (600, 60, 200)]
)
def test_a_second_ban_takes_the_place_of_the_first(
    server: BeginServer, first: int | None, second: int | None, status_after: int
) -> None:
    iut = server()
    alice = iut.meet()
    for timeout in (first, second):
        must_do(ban(iut.operator, alice.id, iut.a, **({} if timeout is None else {"timeout": timeout})))
    iut.pass_time(120)
    alice.get(f"/room/{iut.a}").must_be(status=status_after)


@clause("OG-19", "OG-58")
@pytest.mark.parametrize("timeout", [0, -1, 1.5, "60", None, True, 10**9 + 1, [60]])
def test_a_timeout_of_another_form_is_refused(server: BeginServer, timeout: object) -> None:
    iut = server()
    alice = iut.meet()
    must_refuse(iut.operator.post(f"/user/{alice.id}/ban", value={"rooms": [iut.a], "timeout": timeout}), 400)
    must_be_free(alice, iut.a)


@clause("OG-18", "OG-20")
def test_who_moderates_one_room_bans_in_it_alone(server: BeginServer) -> None:
    iut = server()
    moderator, alice = make_moderator(iut, iut.a), iut.meet()
    must_refuse(ban(moderator, alice.id, iut.b), 403)
    must_refuse(ban(moderator, alice.id), 403)
    must_do(ban(moderator, alice.id, "*"))
    must_be_banned(alice, iut.a)
    must_be_free(alice, iut.b)
    must_refuse(unban(iut.meet(), alice.id, iut.a), 403)
    must_refuse(unban(iut.meet(), alice.id, "*"), 403)
    must_refuse(unban(make_moderator(iut, iut.b), alice.id, iut.a), 403)
    must_be_banned(alice, iut.a)


@clause("OG-26", "OG-20")
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("is_missing", [True, False])
def test_a_ban_in_several_rooms_is_done_in_all_or_in_none(server: BeginServer, order: int, *, is_missing: bool) -> None:
    iut = server()
    moderator, alice = make_moderator(iut, iut.a), iut.meet()
    rooms = [iut.a, "no-such-room" if is_missing else iut.b][::order]
    must_refuse(ban(moderator, alice.id, *rooms), 404 if is_missing else 403)
    must_be_free(alice, iut.a)
    must_do(ban(iut.operator, alice.id, iut.a, iut.b))
    must_refuse(unban(moderator, alice.id, *rooms), 404 if is_missing else 403)
    for room in (iut.a, iut.b):
        must_be_banned(alice, room)
    must_do(unban(iut.operator, alice.id, iut.a, iut.b))
    for room in (iut.a, iut.b):
        must_be_free(alice, room)


@clause("OG-26")
def test_rights_in_several_rooms_are_given_in_all_or_in_none(server: BeginServer) -> None:
    iut = server()
    administrator, alice = make_administrator(iut, iut.a), iut.meet()
    must_refuse(appoint(administrator, alice.id, iut.a, iut.b, moderator=True), 403)
    must_refuse(alice.get(f"/room/{iut.a}/permissions"), 403)
    must_refuse(ban(iut.operator, administrator.id, iut.b, iut.a), 403)
    must_be_free(administrator, iut.b)


@clause("OG-24")
@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"rooms": []},
        {"rooms": ["a"], "global": True},
        {"rooms": ["a"], "global": False},
        {"global": False},
        {"global": None},
        {"rooms": "a"},
        {"rooms": None},
        {"rooms": [1]},
        {"rooms": ["a", "a"]},
        {"rooms": [f"room-{number}" for number in range(101)]},
    ],
)
@pytest.mark.parametrize("deed", ["ban", "unban", "moderator"])
def test_a_scope_of_another_form_is_refused(server: BeginServer, scope: dict[str, Any], deed: str) -> None:
    iut = server()
    alice = iut.meet()
    members = {
        **scope,
        **(
            {"rooms": [iut.a if room == "a" else room for room in scope["rooms"]]}
            if isinstance(scope.get("rooms"), list)
            else {}
        ),
    }
    rights = {"moderator": True} if deed == "moderator" else {}
    must_refuse(iut.operator.post(f"/user/{alice.id}/{deed}", value={**members, **rights}), 400)
    must_refuse(alice.get(f"/room/{iut.a}/permissions"), 403)


@clause("OG-24")
@pytest.mark.parametrize(
    "rights",
    [
        {},
        {"admin": True, "moderator": False},
        {"moderator": None},
        {"moderator": 1},
        {"admin": "true"},
        {"visible": None},
        {"moderator": True, "upload": True},
    ],
)
def test_rights_that_contradict_or_are_none_are_refused(server: BeginServer, rights: dict[str, Any]) -> None:
    iut = server()
    alice = iut.meet()
    must_refuse(iut.operator.post(f"/user/{alice.id}/moderator", value={"rooms": [iut.a], **rights}), 400)
    must_refuse(alice.get(f"/room/{iut.a}/permissions"), 403)


@clause("OG-25")
@pytest.mark.parametrize(
    "change",
    [
        lambda ids: "25" + ids.blinded[2:],
        lambda ids: ids.account[:-1],
        lambda ids: ids.account.upper(),
        lambda ids: ids.account + "00",
        lambda ids: "15" + "01" + "00" * 31,
        lambda ids: "00" + "01" + "00" * 31,
        lambda ids: "05" + "ff" * 32,
        lambda ids: "05" + "00" * 32,
        lambda ids: "x",
    ],
    ids=range(9),
)
def test_an_id_that_is_none_is_refused_in_paths(server: BeginServer, change: Any) -> None:  # noqa: ANN401 - a function
    iut = server()
    other = change(iut.meet().ids)
    must_refuse(ban(iut.operator, other, iut.a), 404)
    must_refuse(unban(iut.operator, other, iut.a), 404)
    must_refuse(appoint(iut.operator, other, iut.a, moderator=True), 404)
    must_refuse(iut.operator.post(f"/room/{iut.a}/permissions/{other}", value={}), 404)
    must_refuse(iut.operator.get(f"/room/{iut.a}/permissions/{other}"), 404)
    must_refuse(iut.operator.delete(f"/room/{iut.a}/all/{other}"), 404)
    must_refuse(iut.operator.delete(f"/rooms/all/{other}"), 404)


# Who cannot be banned


@clause("OG-21")
@pytest.mark.parametrize("form", FORMS)
def test_nobody_bans_the_operator(server: BeginServer, form: int) -> None:
    iut = server()
    other = iut.meet()
    must_do(appoint(iut.operator, other.id, admin=True))
    for asker in (other, iut.operator):
        must_refuse(ban(asker, iut.operator.forms[form], iut.a), 403)
        must_refuse(ban(asker, iut.operator.forms[form]), 403)
    iut.operator.get("/rooms").must_be(status=200)
    must_do(appoint(iut.operator, other.id, moderator=False))


@clause("OG-22")
@pytest.mark.parametrize("form", FORMS)
def test_nobody_takes_a_right_from_the_operator(server: BeginServer, form: int) -> None:
    iut = server()
    if not iut.callee.offers(SERVER_FILE):
        raise NotOffered(SERVER_FILE)
    other = iut.meet()
    must_do(appoint(iut.operator, other.id, admin=True))
    for asker in (other, iut.operator):
        must_refuse(appoint(asker, iut.operator.forms[form], moderator=False), 403)
        must_refuse(appoint(asker, iut.operator.forms[form], admin=False), 403)
    must_do(appoint(iut.operator, other.id, moderator=False))
    must_refuse(other.get(f"/room/{iut.a}/permissions"), 403)


@clause("OG-21")
@pytest.mark.parametrize("right", ["moderator", "admin"])
@pytest.mark.parametrize("is_global", [True, False])
def test_who_has_a_right_is_not_banned_before_it_is_taken_away(
    server: BeginServer, right: str, *, is_global: bool
) -> None:
    iut = server()
    alice = iut.meet()
    rooms = [] if is_global else [iut.a]
    must_do(appoint(iut.operator, alice.id, *rooms, **{right: True}))
    for form in alice.forms:
        must_refuse(ban(iut.operator, form, iut.a), 403)
        must_refuse(ban(iut.operator, form), 403)
    if not is_global:
        must_do(ban(iut.operator, alice.id, iut.b))
    must_do(appoint(iut.operator, alice.id, *rooms, moderator=False), ban(iut.operator, alice.id, iut.a))
    must_be_banned(alice, iut.a)


@clause("OG-21", "OG-23")
def test_a_right_ends_a_ban_where_it_holds(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    must_do(ban(iut.operator, alice.id, iut.a, iut.b), appoint(iut.operator, alice.id, iut.a, moderator=True))
    must_be_free(alice, iut.a)
    must_be_banned(alice, iut.b)
    must_do(appoint(iut.operator, alice.id, iut.a, moderator=False))
    must_be_free(alice, iut.a)


# Moderators and administrators


@clause("OG-23", "OG-16")
def test_rights_are_given_and_taken(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()

    def must_have(room: str, *, moderator: bool, admin: bool) -> None:
        alice.get(f"/room/{room}").must_mention({"moderator": moderator, "admin": admin})
        alice.get(f"/room/{room}/permissions").must_be(status=200 if moderator else 403)
        alice.put(f"/room/{room}", value={}).must_be(status=200 if admin else 403)

    for change, moderator, admin in [
        ({"moderator": True}, True, False),
        ({"admin": True}, True, True),
        ({"admin": False}, True, False),
        ({"moderator": False}, False, False),
        ({"admin": True, "moderator": True}, True, True),
        ({"moderator": False}, False, False),
        ({"admin": False}, False, False),
    ]:
        must_do(appoint(iut.operator, alice.id, iut.a, **change))
        must_have(iut.a, moderator=moderator, admin=admin)
        must_have(iut.b, moderator=False, admin=False)
    must_do(appoint(iut.operator, alice.id, admin=True))
    for room in (iut.a, iut.b):
        must_have(room, moderator=True, admin=True)
    must_do(appoint(iut.operator, alice.id, moderator=False))
    must_have(iut.a, moderator=False, admin=False)


@clause("OG-23", "OG-20")
def test_administrators_of_a_room_give_rights_in_it_alone(server: BeginServer) -> None:
    iut = server()
    administrator, moderator, alice = make_administrator(iut, iut.a), make_moderator(iut, iut.a), iut.meet()
    must_do(appoint(administrator, alice.id, iut.a, moderator=True))
    must_refuse(appoint(administrator, alice.id, iut.b, moderator=True), 403)
    must_refuse(appoint(administrator, alice.id, moderator=True), 403)
    must_refuse(appoint(administrator, alice.id, admin=True), 403)
    for change in ({"moderator": True}, {"admin": True}, {"moderator": False}, {"visible": False}):
        must_refuse(appoint(moderator, alice.id, iut.a, **change), 403)
        must_refuse(appoint(moderator, moderator.id, iut.a, **change), 403)
    must_refuse(appoint(iut.operator, alice.id, "*", moderator=True), 400)
    must_do(appoint(administrator, administrator.id, iut.a, admin=False))
    must_refuse(administrator.put(f"/room/{iut.a}", value={}), 403)


@clause("OG-23", "OG-20")
def test_administrators_of_a_room_change_it_alone(server: BeginServer) -> None:
    iut = server()
    administrator = make_administrator(iut, iut.a)
    changed = administrator.put(
        f"/room/{iut.a}", value={"name": "tea", "description": "green", "default_upload": False}
    )
    changed.must_match(status="^200$", body=r'"info_updates": *[0-9]+')
    iut.meet().get(f"/room/{iut.a}").must_mention(
        {"name": "tea", "description": "green", "upload": False, "write": True}
    )
    must_refuse(administrator.put(f"/room/{iut.b}", value={"name": "tea"}), 403)


@clause("OG-27")
def test_hidden_moderators_are_shown_to_moderators_only(server: BeginServer) -> None:
    iut = server()
    names = {}
    for right in ("moderator", "admin"):
        for is_visible in (True, False):
            person = iut.meet()
            person.get("/rooms").must_be(status=200)  # is shown under the blinded id from now on
            must_do(appoint(iut.operator, person.id, iut.a, **{right: True, "visible": is_visible}))
            names[right, is_visible] = person
    for asker in (iut.meet(), iut.nobody):
        shown = asker.get(f"/room/{iut.a}")
        shown.must_contain(body=[names["moderator", True].ids.blinded, names["admin", True].ids.blinded])
        shown.must_exclude(body=[text for right in ("moderator", "admin") for text in names[right, False].forms])
        shown.must_exclude(body=["hidden_moderators", "hidden_admins", "default_read"])
        asker.get("/rooms").must_exclude(
            body=[names["moderator", False].ids.blinded, names["admin", False].ids.blinded]
        )
    for person in names.values():
        shown = person.get(f"/room/{iut.a}")
        shown.must_contain(body=[one.ids.blinded for one in names.values()])
        shown.must_contain(body=["hidden_moderators", "hidden_admins", "default_read", "default_upload"])
    hidden = names["moderator", False]
    must_do(appoint(iut.operator, hidden.id, iut.a, visible=True))
    iut.meet().get(f"/room/{iut.a}").must_contain(body=[hidden.ids.blinded])


# Deleting what others wrote


@clause("OG-39", "OG-38")
@pytest.mark.parametrize("right", ["moderator", "admin"])
@pytest.mark.parametrize("is_global", [True, False])
def test_moderators_delete_and_do_not_edit_what_others_wrote(
    server: BeginServer, right: str, *, is_global: bool
) -> None:
    iut = server()
    author, other, cursor = iut.meet(), iut.meet(), find_cursor(iut.operator, iut.a)
    must_do(appoint(iut.operator, other.id, *([] if is_global else [iut.a]), **{right: True}))
    message, own = post(author, iut.a, "to be deleted"), post(iut.operator, iut.a, "of the operator")
    must_refuse(edit(other, iut.a, message, "of another"), 403)
    for one in (message, own):
        must_do(delete(other, iut.a, one))
        must_refuse(delete(other, iut.a, one), 404)
    read_since(author, iut.a, cursor).must_tell(*(describe_tombstone(one) for one in (message, own)))
    must_do(appoint(iut.operator, other.id, *([] if is_global else [iut.a]), moderator=False))


@clause("OG-34", "OG-39", "OG-46")
@pytest.mark.parametrize("named_as", FORMS)
def test_all_posts_of_somebody_are_deleted(server: BeginServer, named_as: int) -> None:
    iut = server()
    author, bystander, moderator = iut.meet(), iut.meet(), make_moderator(iut, iut.a)
    cursor = find_cursor(iut.operator, iut.a)
    messages = [
        post(author, iut.a, number, id=form, files=[keep_file(author, iut.a)])
        for number, form in enumerate(("15", "-15", "15"))
    ]
    kept, elsewhere = post(bystander, iut.a, "kept"), post(author, iut.b, "elsewhere")
    must_refuse(bystander.delete(f"/room/{iut.a}/all/{author.forms[named_as]}"), 403)
    must_do(moderator.delete(f"/room/{iut.a}/all/{author.forms[named_as]}"))
    tombstones = [describe_tombstone(one) for one in messages]
    seen = read_since(author, iut.a, cursor)
    seen.must_tell(*tombstones, {"id": kept.refer("value", "id")})
    seen.must_be(seqnos=sorted({*seen.result.seqnos}))
    author.get(*name_message(iut.b, elsewhere)).must_be(status=200)
    must_refuse(moderator.delete(f"/room/{iut.a}/all/{author.forms[named_as]}"), 404)


@clause("OG-39", "OG-46", "OG-20")
def test_all_posts_are_deleted_in_all_rooms_where_one_may(server: BeginServer) -> None:
    iut = server()
    author, moderator = iut.meet(), make_moderator(iut, iut.b)
    for room, count in ((iut.a, 2), (iut.b, 3)):
        for number in range(count):
            post(author, room, number)
    moderator.delete(f"/rooms/all/{author.ids.blinded}").must_be(status=200, value={"total": 3, "rooms": {iut.b: 3}})
    iut.meet().delete(f"/rooms/all/{author.id}").must_be(status=200, value={"total": 0, "rooms": {}})
    author.delete(f"/rooms/all/{author.id}").must_be(status=200, value={"total": 2, "rooms": {iut.a: 2}})


@clause("OG-18", "OG-39")
def test_a_sequence_bans_and_deletes(server: BeginServer) -> None:
    iut = server()
    author, moderator = iut.meet(), make_moderator(iut, iut.a)
    message = post(author, iut.a, "rude")
    value = [
        {"method": "POST", "path": f"/user/{author.id}/ban", "json": {"rooms": [iut.a]}},
        {"method": "DELETE", "path": f"/room/{iut.a}/all/{author.id}"},
    ]
    moderator.post("/sequence", value=value).must_be(status=200, codes=[200, 200])
    must_be_banned(author, iut.a)
    must_refuse(moderator.get(*name_message(iut.a, message)), 404)


@clause("OG-2", "OG-16", "OG-18", "OG-21", "OG-23")
@given(
    deeds=st.lists(
        st.tuples(
            st.sampled_from(["ban", "unban", "moderator", "no moderator", "admin", "no admin"]),
            st.sampled_from(["room", "server"]),
            st.integers(0, 4),
            st.integers(0, 1),
        ),
        max_size=12,
    ),
    entropy=st.integers(0, 2**16),
)
def test_rights_after_any_deeds_are_those_of_the_text(
    server: BeginServer, deeds: list[tuple[str, str, int, int]], entropy: int
) -> None:
    iut = server(entropy)
    people = iut.meet_all(2)
    model = [Model(), Model()]
    for deed, where, form, which in deeds:
        person, scopes = people[which], [iut.a] if where == "room" else []
        status = model[which].apply(deed, where)
        if deed in ("ban", "unban"):
            answer = (ban if deed == "ban" else unban)(iut.operator, person.forms[form], *scopes)
        else:
            right = deed.removeprefix("no ")
            answer = appoint(iut.operator, person.forms[form], *scopes, **{right: right == deed})
        answer.must_be(status=status)
    for person, expected in zip(people, model, strict=True):
        for room, has in ((iut.a, expected.in_room), (iut.b, set())):
            must_stand(person, room, has, expected)


class Model:
    """What an account is: its rights and bans in the room and on the server."""

    def __init__(self) -> None:
        self.in_room: set[str] = set()
        self.on_server: set[str] = set()

    def apply(self, deed: str, where: str) -> int:
        """Apply a deed of the operator; return what is answered."""
        here = self.in_room if where == "room" else self.on_server
        if deed == "ban":
            if {"moderator"} & (self.in_room | self.on_server):
                return 403
            here.add("ban")
        elif deed == "unban":
            here.discard("ban")
        elif deed == "no moderator":
            here -= {"moderator", "admin"}
        elif deed == "no admin":
            here.discard("admin")
        else:
            here |= {"moderator", deed}
            here.discard("ban")
            if where == "server":
                self.in_room.discard("ban")
        return 200


def must_stand(person: Person, room: str, has: set[str], expected: Model) -> None:
    """Expect that an account stands in a room as the model says."""
    answer = person.get(f"/room/{room}")
    if "ban" in expected.on_server or ("ban" in has and not {"moderator"} & (has | expected.on_server)):
        must_refuse(answer, 403)
    else:
        rights = has | expected.on_server
        answer.must_mention({"moderator": "moderator" in rights, "admin": "admin" in rights, "write": True})


@clause("OG-22")
@pytest.mark.parametrize(
    "rights", [{"moderator": True}, {"admin": True}, {"visible": False}], ids=["moderator", "admin", "hidden"]
)
def test_a_right_that_is_given_to_the_operator_takes_none(server: BeginServer, rights: dict[str, bool]) -> None:
    iut = server()
    if not iut.callee.offers(SERVER_FILE):
        raise NotOffered(SERVER_FILE)
    for rooms in ([iut.a], []):
        must_do(appoint(iut.operator, iut.operator.other_form(), *rooms, **rights))
    iut.operator.put(f"/room/{iut.a}", value={}).must_be(status=200)
    must_do(appoint(iut.operator, iut.meet().id, admin=True))
