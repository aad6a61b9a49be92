"""Chapter 11, role `open-group-server`: flags, defaults, whitelists and invitations."""

from itertools import product

import pytest

from cloister_conformance.clause import clause
from cloister_conformance.open_group_rooms import (
    ALL_OFF,
    ALL_ON,
    NO_INVITATION,
    WAYS,
    ban,
    change_room,
    invite,
    join,
    make_moderator,
    must_do,
    must_refuse,
    post,
    set_flags,
    unban,
    upload,
    write_post,
)
from cloister_conformance.open_group_script import Person, ServerUnderTest
from cloister_conformance.plugin import BeginServer

FLAGS = ("read", "accessible", "write", "upload")


def make_whitelist(iut: ServerUnderTest, room: str) -> None:
    """Let only those into a room who are approved and have joined."""
    change_room(iut, room, invitation_required=True, **ALL_OFF)


def must_be_out(person: Person, room: str) -> None:
    """Expect that a room is not there for somebody."""
    for answer in (person.get(f"/room/{room}"), person.get(f"/room/{room}/messages/recent")):
        must_refuse(answer, 404)
    person.get("/rooms").must_exclude(body=[f'"{room}"'])


def must_be_in(person: Person, room: str) -> None:
    """Expect that somebody can read a room."""
    person.get(f"/room/{room}/messages/recent").must_be(status=200)
    person.get("/rooms").must_contain(body=[f'"{room}"'])


# Flags


@clause("OG-14", "OG-16")
@pytest.mark.parametrize(
    "defaults",
    list(product([True, False], repeat=4)),
    ids=lambda flags: "".join(name[0] for name, on in zip(FLAGS, flags, strict=True) if on) or "none",
)
def test_the_defaults_of_a_room_hold_for_who_has_no_flags(server: BeginServer, defaults: tuple[bool, ...]) -> None:
    iut = server()
    read, accessible, write, sends = defaults
    change_room(iut, iut.a, **{f"default_{name}": flag for name, flag in zip(FLAGS, defaults, strict=True)})
    is_there = read or accessible
    right = {True: 200, False: 403 if is_there else 404}
    alice = iut.meet()
    for person in (alice, iut.nobody):
        person.get(f"/room/{iut.a}").must_be(status=200 if is_there else 404)
        person.get(f"/room/{iut.a}/messages/recent").must_be(status=right[read])
    posted = alice.post(f"/room/{iut.a}/message", value=write_post(alice, "by default"))
    posted.must_be(status=201 if read and write else right[False])
    upload(alice, iut.a).must_be(status=201 if read and sends else right[False])
    for way in WAYS if is_there else ():
        alice.get(f"/room/{iut.a}", way=way).must_mention(
            {"read": read, "write": read and write, "upload": read and sends}
        )


@clause("OG-16")
@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_stands_in_the_place_of_the_default_until_it_is_cleared(
    server: BeginServer, name: str, *, default: bool
) -> None:
    iut = server()
    change_room(iut, iut.a, **{f"default_{name}": default})
    alice, bob, moderator = iut.meet(), iut.meet(), make_moderator(iut, iut.a)
    before = alice.get(f"/room/{iut.a}/pollInfo/0")
    before.must_be(status=200)
    path = f"/room/{iut.a}/permissions/{alice.ids.blinded}"
    moderator.post(path, value={name: not default}).must_be(status=200, value={name: not default})
    moderator.get(path).must_be(status=200, value={name: not default})
    if name != "accessible":
        alice.get(f"/room/{iut.a}").must_mention({name: not default})
        bob.get(f"/room/{iut.a}").must_mention({name: default})
    moderator.post(path, value={f"default_{name}": True}).must_be(status=200, value={})
    alice.get(f"/room/{iut.a}/pollInfo/0").must_be(status=200, value=before.refer("value"))


@clause("OG-24", "OG-58")
@pytest.mark.parametrize(
    "value",
    [
        {"read": None},
        {"read": 1},
        {"write": "true"},
        {"default_read": False},
        {"read": True, "default_read": True},
        {"admin": True},
        {"read": False, "speak": True},
        [],
        "read",
    ],
)
def test_permissions_of_another_form_are_refused(server: BeginServer, value: object) -> None:
    iut = server()
    alice = iut.meet()
    must_refuse(iut.operator.post(f"/room/{iut.a}/permissions/{alice.id}", value=value), 400)
    iut.operator.get(f"/room/{iut.a}/permissions/{alice.id}").must_be(status=200, value={})
    must_be_in(alice, iut.a)


@clause("OG-2", "OG-28")
@pytest.mark.parametrize("form", range(5))
def test_flags_of_who_never_came_are_kept(server: BeginServer, form: int) -> None:
    iut = server()
    change_room(iut, iut.a, **ALL_OFF)
    alice = iut.meet()
    path = f"/room/{iut.a}/permissions/{alice.forms[form]}"
    iut.operator.post(path, value={"read": True, "write": True}).must_be(status=200)
    for id_form in ("15", "-15"):
        post(alice, iut.a, id_form, id=id_form)
    for other in alice.forms:
        iut.operator.get(f"/room/{iut.a}/permissions/{other}").must_be(status=200, value={"read": True, "write": True})


@clause("OG-16", "OG-28")
def test_all_who_have_flags_are_listed_page_by_page(server: BeginServer) -> None:
    iut = server()
    people = iut.meet_all(5)
    for person in people:
        person.get("/capabilities").must_be(status=200)
        set_flags(iut, iut.a, person, write=False)
    for before, behind in zip(
        sorted(people, key=lambda one: one.id), sorted(people, key=lambda one: one.id)[1:], strict=False
    ):
        page = iut.operator.get(f"/room/{iut.a}/permissions?limit=256&after={before.id}")
        page.must_match(status="^200$")
        page.must_contain(body=[behind.ids.blinded])
        page.must_exclude(body=[before.ids.blinded])
        iut.operator.get(f"/room/{iut.a}/permissions?limit=1&after={before.ids.blinded}").must_match(
            status="^200$", body=r'^\{"[0-9a-f]{66}": *\{[^{}]*\}\}$'
        )


@clause("OG-16")
@pytest.mark.parametrize("way", ["batch", "sequence"])
def test_rights_are_computed_anew_for_each_request_of_a_list(server: BeginServer, way: str) -> None:
    iut = server()
    moderator, alice = make_moderator(iut, iut.a), iut.meet()
    value = [
        {"method": "POST", "path": f"/room/{iut.a}/permissions/{moderator.id}", "json": {"write": False}},
        {"method": "POST", "path": f"/room/{iut.a}/message", "json": write_post(moderator, "in a list")},
        {"method": "POST", "path": f"/user/{alice.id}/ban", "json": {"rooms": [iut.a]}},
    ]
    moderator.post(f"/{way}", value=value).must_be(status=200, codes=[200, 201, 200])
    administrator = iut.meet()
    must_do(iut.operator.post(f"/user/{administrator.id}/moderator", value={"rooms": [iut.a], "admin": True}))
    give_up = [
        {"method": "PUT", "path": f"/room/{iut.a}", "json": {}},
        {"method": "POST", "path": f"/user/{administrator.id}/moderator", "json": {"rooms": [iut.a], "admin": False}},
        {"method": "PUT", "path": f"/room/{iut.a}", "json": {"name": "too late"}},
    ]
    administrator.post(f"/{way}", value=give_up).must_be(status=200, codes=[200, 200, 403])


@clause("OG-16", "OG-32")
def test_what_a_flag_changes_holds_for_the_next_request(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    for number in range(3):
        set_flags(iut, iut.a, alice, write=False)
        must_refuse(alice.post(f"/room/{iut.a}/message", value=write_post(alice, number)), 403)
        set_flags(iut, iut.a, alice, write=True)
        post(alice, iut.a, number)


# Whitelists and invitations


@clause("OG-15", "OG-29", "OG-30")
@pytest.mark.parametrize("is_approved", [True, False])
@pytest.mark.parametrize("state", ["good", "wrong", "none", "withdrawn", "replaced", "expired"])
def test_who_is_approved_and_invited_joins_and_nobody_else(
    server: BeginServer, state: str, *, is_approved: bool
) -> None:
    iut = server()
    make_whitelist(iut, iut.a)
    alice = iut.meet()
    if is_approved:
        set_flags(iut, iut.a, alice, **ALL_ON)
    invitation = NO_INVITATION
    if state != "none":
        invitation = invite(iut.operator, iut.a, **({"timeout": 60} if state == "expired" else {}))
    if state == "wrong":
        invitation = NO_INVITATION
    elif state == "withdrawn":
        must_do(iut.operator.delete(f"/room/{iut.a}/invitation"))
    elif state == "replaced":
        invite(iut.operator, iut.a)
    elif state == "expired":
        iut.pass_time(60.1)
    must_be_out(alice, iut.a)
    missing = join(alice, "no-such-room", invitation)
    must_refuse(missing, 404)
    for way in WAYS:
        joined = join(alice, iut.a, invitation, way=way)
        if is_approved and state == "good":
            joined.must_be(status=200)
            must_be_in(alice, iut.a)
        else:
            joined.must_be(status=404, body=missing.refer("body"))
            must_be_out(alice, iut.a)


@clause("OG-30")
def test_an_approval_after_a_refused_join_does_not_let_in(server: BeginServer) -> None:
    iut = server()
    make_whitelist(iut, iut.a)
    alice, invitation = iut.meet(), invite(iut.operator, iut.a)
    must_refuse(join(alice, iut.a, invitation), 404)
    set_flags(iut, iut.a, alice, **ALL_ON)
    must_be_out(alice, iut.a)
    join(alice, iut.a, invitation).must_be(status=200)
    must_be_in(alice, iut.a)


@clause("OG-31", "OG-2")
def test_who_has_joined_stays_whatever_becomes_of_the_invitation(server: BeginServer) -> None:
    iut = server()
    make_whitelist(iut, iut.a)
    alice, bob = iut.meet(), iut.meet()
    for person in (alice, bob):
        set_flags(iut, iut.a, person, **ALL_ON)
    join(alice, iut.a, invite(iut.operator, iut.a), id="-15").must_be(status=200)
    second = invite(iut.operator, iut.a)
    must_be_in(alice, iut.a)
    must_do(iut.operator.delete(f"/room/{iut.a}/invitation"))
    must_be_in(alice, iut.a)
    must_refuse(join(bob, iut.a, second), 404)
    post(alice, iut.a, "still here")


@clause("OG-31")
def test_an_invitation_counts_until_its_timeout(server: BeginServer) -> None:
    iut = server()
    make_whitelist(iut, iut.a)
    invitation = invite(iut.operator, iut.a, timeout=60)
    for passed_s, status in ((59.9, 200), (0.2, 404)):
        iut.pass_time(passed_s)
        person = iut.meet()
        set_flags(iut, iut.a, person, **ALL_ON)
        join(person, iut.a, invitation).must_be(status=status)


@clause("OG-31")
def test_an_invitation_without_a_timeout_does_not_end(server: BeginServer) -> None:
    iut = server()
    make_whitelist(iut, iut.a)
    invitation = invite(iut.operator, iut.a)
    iut.pass_time(10**8)
    person = iut.meet()
    set_flags(iut, iut.a, person, **ALL_ON)
    join(person, iut.a, invitation).must_be(status=200)


@clause("OG-32")
@pytest.mark.parametrize("way", WAYS)
def test_taking_the_approval_away_takes_effect_at_once(server: BeginServer, way: str) -> None:
    iut = server()
    make_whitelist(iut, iut.a)
    alice = iut.meet()
    set_flags(iut, iut.a, alice, **ALL_ON)
    join(alice, iut.a, invite(iut.operator, iut.a)).must_be(status=200)
    must_be_in(alice, iut.a)
    path = f"/room/{iut.a}/permissions/{alice.other_form()}"
    must_do(iut.operator.post(path, value={f"default_{name}": True for name in FLAGS}, way=way))
    must_be_out(alice, iut.a)
    must_refuse(alice.post(f"/room/{iut.a}/message", value=write_post(alice, "out"), way=way), 404)
    set_flags(iut, iut.a, alice, **ALL_ON)
    must_be_in(alice, iut.a)  # for who has joined stays


@clause("OG-30", "OG-31")
def test_the_invitation_of_another_room_lets_nobody_in(server: BeginServer) -> None:
    iut = server()
    for room in (iut.a, iut.b):
        make_whitelist(iut, room)
    alice, invitation = iut.meet(), invite(iut.operator, iut.b)
    invite(iut.operator, iut.a)
    for room in (iut.a, iut.b):
        set_flags(iut, room, alice, **ALL_ON)
    must_refuse(join(alice, iut.a, invitation), 404)
    join(alice, iut.b, invitation).must_be(status=200)
    must_be_out(alice, iut.a)


@clause("OG-30")
def test_a_room_that_requires_no_invitation_is_not_joined(server: BeginServer) -> None:
    iut = server()
    alice = iut.meet()
    must_refuse(join(alice, iut.a, invite(iut.operator, iut.a)), 404)


@clause("OG-30", "OG-18")
def test_who_is_banned_does_not_join(server: BeginServer) -> None:
    iut = server()
    make_whitelist(iut, iut.a)
    alice, invitation = iut.meet(), invite(iut.operator, iut.a)
    set_flags(iut, iut.a, alice, **ALL_ON)
    must_do(ban(iut.operator, alice.id, iut.a))
    must_refuse(join(alice, iut.a, invitation), 404)
    must_do(unban(iut.operator, alice.id, iut.a))
    must_be_out(alice, iut.a)


@clause("OG-58", "OG-30")
@pytest.mark.parametrize(
    "value",
    [
        {},
        {"invitation": None},
        {"invitation": ""},
        {"invitation": "00" * 31},
        {"invitation": "AB" * 32},
        {"invitation": "00" * 32, "more": 1},
    ],
)
@pytest.mark.parametrize("room", ["a", "no-such-room"])
def test_an_invitation_of_another_form_is_refused(server: BeginServer, value: dict[str, object], room: str) -> None:
    iut = server()
    token = iut.a if room == "a" else room
    must_refuse(iut.meet().post(f"/room/{token}/join", value=value), 400)


@clause("OG-31", "OG-58")
def test_an_invitation_is_fresh_and_its_timeout_of_the_form(server: BeginServer) -> None:
    iut = server()
    moderator = make_moderator(iut, iut.a)
    one, other = (
        moderator.post(f"/room/{iut.a}/invitation", body=b"", headers={"Content-Type": "application/json"})
        for _ in range(2)
    )
    for answer in (one, other):
        answer.must_match(status="^201$", body=r'^\{"invitation": *"[0-9a-f]{64}"\}$')
    other.must_differ_from(one, "body")
    for timeout in (0, -5, 1.5, "60", None, 10**9 + 1):
        must_refuse(moderator.post(f"/room/{iut.a}/invitation", value={"timeout": timeout}), 400)


@clause("OG-14", "OG-29")
@pytest.mark.parametrize("way", WAYS)
def test_who_does_not_sign_has_not_joined(server: BeginServer, way: str) -> None:
    iut = server()
    change_room(iut, iut.a, invitation_required=True)
    for path in ("", "/messages/recent", "/messages/since/0", "/pollInfo/0"):
        must_refuse(iut.nobody.get(f"/room/{iut.a}{path}", way=way), 404)
    iut.nobody.get("/rooms", way=way).must_exclude(body=[f'"{iut.a}"'])


@clause("OG-31")
def test_an_invitation_without_a_timeout_has_not_that_of_the_one_before(server: BeginServer) -> None:
    iut = server()
    make_whitelist(iut, iut.a)
    invite(iut.operator, iut.a, timeout=60)
    invitation = invite(iut.operator, iut.a)
    iut.pass_time(61)
    alice = iut.meet()
    set_flags(iut, iut.a, alice, **ALL_ON)
    join(alice, iut.a, invitation).must_be(status=200)
