"""Chapter 11, role `open-group-server`: the same rule on every route.

Each thing that is forbidden is tried on each endpoint, directly, by onion request, in a batch and in a sequence; afterwards
nothing has changed for others. The profile quick tries each endpoint in a batch and on one way more, which is another for the
next forbidden thing.
"""

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any, NamedTuple

import pytest

from cloister_conformance.clause import clause
from cloister_conformance.open_group_rooms import (
    ALL_OFF,
    ALL_ON,
    NO_INVITATION,
    ban,
    change_room,
    download,
    find_cursor,
    invite,
    join,
    keep_file,
    make_administrator,
    make_moderator,
    must_do,
    must_refuse,
    need_blinded,
    post,
    read_since,
    set_flags,
    write_post,
)
from cloister_conformance.open_group_script import Part, Person, ServerUnderTest
from cloister_conformance.plugin import BeginServer
from cloister_conformance.script import Answer

Json = Any
BATCH_OF_ONE = [{"method": "GET", "path": "/capabilities"}]
LAST = 2**53 - 1


class Scene:
    """A room in which an author has posted, with a file, and somebody else too."""

    def __init__(self, iut: ServerUnderTest) -> None:
        self.iut, self.room = iut, iut.a
        self.cursor = find_cursor(iut.operator, iut.a)
        self.author, self.victim = iut.meet("author"), iut.meet("victim")
        self.file = keep_file(self.author, iut.a)
        self.message = post(self.author, iut.a, "of the author", files=[self.file])
        post(self.victim, iut.a, "of the victim")

    def look(self) -> list[tuple[Answer, str]]:
        """Look at all that somebody could have changed, with the member that tells of it."""
        operator = self.iut.operator
        read = [
            operator.get(f"/room/{self.room}"),
            read_since(operator, self.room, self.cursor),
            operator.get(f"/room/{self.room}/permissions/{self.victim.id}"),
            operator.get(f"/room/{self.iut.b}"),
        ]
        return [*((answer, "value") for answer in read), (download(operator, self.room, self.file), "raw")]


class Endpoint(NamedTuple):
    """An endpoint with an example that is well-formed, and what it needs."""

    method: str
    path: tuple[Part, ...]
    need: str
    how: dict[str, Any]

    def ask(self, person: Person, **more: Any) -> Answer:  # noqa: ANN401 - JSON values
        """Send the example as somebody."""
        return person.ask(self.method, *self.path, **{**self.how, **more})


def list_endpoints(scene: Scene, person: Person) -> list[Endpoint]:
    """List all endpoints, with examples that somebody sends."""
    room, victim = f"/room/{scene.room}", scene.victim.id
    message, file = scene.message.refer("value", "id"), scene.file
    change, scope = write_post(person, "of whoever must not"), {"rooms": [scene.room]}
    table: list[tuple[str, tuple[Part, ...], str, dict[str, Any]]] = [
        ("GET", ("/capabilities",), "nothing", {}),
        ("GET", ("/rooms",), "nothing", {}),
        ("GET", (room,), "accessible", {}),
        ("PUT", (room,), "administrator", {"value": {"name": "changed"}}),
        ("GET", (f"{room}/pollInfo/0",), "accessible", {}),
        ("POST", (f"{room}/message",), "write", {"value": change}),
        ("GET", (f"{room}/message/", message), "read", {}),
        ("PUT", (f"{room}/message/", message), "author", {"value": change}),
        ("DELETE", (f"{room}/message/", message), "author or moderator", {}),
        ("GET", (f"{room}/messages/since/0",), "read", {}),
        ("GET", (f"{room}/messages/recent",), "read", {}),
        ("GET", (f"{room}/messages/before/{LAST}",), "read", {}),
        ("DELETE", (f"{room}/all/{victim}",), "author or moderator", {}),
        ("DELETE", (f"/rooms/all/{victim}",), "signed", {}),
        ("POST", (f"{room}/file",), "upload", {"body": b"a file"}),
        ("GET", (f"{room}/file/", file), "read", {}),
        ("GET", (f"{room}/file/", file, "/name"), "read", {}),
        ("POST", (f"/user/{victim}/ban",), "moderator of rooms", {"value": scope}),
        ("POST", (f"/user/{victim}/unban",), "moderator of rooms", {"value": scope}),
        ("POST", (f"/user/{victim}/moderator",), "administrator of rooms", {"value": {**scope, "moderator": True}}),
        ("POST", (f"{room}/permissions/{victim}",), "moderator", {"value": {"write": False}}),
        ("GET", (f"{room}/permissions",), "moderator", {}),
        ("GET", (f"{room}/permissions/{victim}",), "moderator", {}),
        ("POST", (f"{room}/invitation",), "moderator", {"value": {}}),
        ("DELETE", (f"{room}/invitation",), "moderator", {}),
        ("POST", (f"{room}/join",), "join", {"value": {"invitation": NO_INVITATION}}),
    ]
    return [Endpoint(*row) for row in table]


def list_outer_endpoints() -> list[Endpoint]:
    """List those that stand for others, and a path that is none."""
    return [
        Endpoint("POST", ("/batch",), "list", {"value": BATCH_OF_ONE}),
        Endpoint("POST", ("/sequence",), "list", {"value": BATCH_OF_ONE}),
        Endpoint("POST", ("/no/such/path",), "none", {"value": {}}),
        Endpoint("PATCH", ("/rooms",), "none", {}),
    ]


# Who must not


def be_anonymous(scene: Scene) -> Person:
    """Do not sign."""
    return scene.iut.nobody


def be_anonymous_outside(scene: Scene) -> Person:
    """Do not sign, where only those who are approved may read."""
    change_room(scene.iut, scene.room, **ALL_OFF)
    return scene.iut.nobody


def be_banned_on_the_server(scene: Scene) -> Person:
    """Be banned on the whole server."""
    person = scene.iut.meet()
    must_do(ban(scene.iut.operator, person.id))
    return person


def be_banned_in_the_room(scene: Scene) -> Person:
    """Be banned in the room."""
    person = scene.iut.meet()
    must_do(ban(scene.iut.operator, person.id, scene.room))
    return person


def be_unlisted(scene: Scene) -> Person:
    """Be not approved where one must be."""
    change_room(scene.iut, scene.room, **ALL_OFF)
    return scene.iut.meet()


def be_approved_and_not_joined(scene: Scene) -> Person:
    """Be approved, and not have joined, where both is needed."""
    change_room(scene.iut, scene.room, invitation_required=True, **ALL_OFF)
    invite(scene.iut.operator, scene.room)
    person = scene.iut.meet()
    set_flags(scene.iut, scene.room, person, **ALL_ON)
    return person


def be_uninvited_where_all_is_on(scene: Scene) -> Person:
    """Have not joined where that alone is needed."""
    change_room(scene.iut, scene.room, invitation_required=True)
    invite(scene.iut.operator, scene.room)
    return scene.iut.meet()


def be_joined_and_not_approved(scene: Scene) -> Person:
    """Have joined, and lost the approval."""
    change_room(scene.iut, scene.room, invitation_required=True, **ALL_OFF)
    person = scene.iut.meet()
    set_flags(scene.iut, scene.room, person, **ALL_ON)
    join(person, scene.room, invite(scene.iut.operator, scene.room)).must_be(status=200)
    set_flags(scene.iut, scene.room, person, **dict.fromkeys(ALL_ON, False))
    return person


def be_allowed_to_look_only(scene: Scene) -> Person:
    """See the room, and not read."""
    person = scene.iut.meet()
    set_flags(scene.iut, scene.room, person, read=False, accessible=True)
    return person


def be_a_reader(scene: Scene) -> Person:
    """Read only."""
    person = scene.iut.meet()
    set_flags(scene.iut, scene.room, person, write=False, upload=False)
    return person


def be_a_member(scene: Scene) -> Person:
    """Have no right but the defaults."""
    return scene.iut.meet()


def be_a_moderator(scene: Scene) -> Person:
    """Moderate the room."""
    return make_moderator(scene.iut, scene.room)


def be_administrator_of_another_room(scene: Scene) -> Person:
    """Administer the other room."""
    return make_administrator(scene.iut, scene.iut.b)


def give(status: int, *needs: str) -> dict[str, int]:
    """Give a status to what needs something."""
    return dict.fromkeys(needs, status)


OF_A_MODERATOR = ("moderator", "moderator of rooms")
OF_AN_ADMINISTRATOR = ("administrator", "administrator of rooms")
OF_AUTHORS = ("author", "author or moderator")
OF_WRITERS = ("write", "upload", *OF_AUTHORS)
NOT_READING = (*OF_WRITERS, *OF_A_MODERATOR, *OF_AN_ADMINISTRATOR)
IN_THE_ROOM = ("accessible", "read", *NOT_READING)
FOR_MEMBERS = {
    **give(200, "nothing", "accessible", "read", "signed"),
    **give(403, *OF_AUTHORS, *OF_A_MODERATOR, *OF_AN_ADMINISTRATOR),
    **give(404, "join"),
}
HIDDEN = {**give(200, "nothing", "signed"), **give(404, *IN_THE_ROOM, "join")}

FORBIDDEN: dict[Callable[[Scene], Person], dict[str, int]] = {
    be_anonymous: {**give(200, "nothing", "accessible", "read"), **give(401, *NOT_READING, "signed", "join")},
    be_anonymous_outside: {
        **give(200, "nothing"),
        **give(404, "accessible", "read"),
        **give(401, *NOT_READING, "signed", "join"),
    },
    be_banned_on_the_server: give(403, *IN_THE_ROOM, "nothing", "signed", "join"),
    be_banned_in_the_room: {**give(200, "nothing", "signed"), **give(403, *IN_THE_ROOM)},
    be_unlisted: HIDDEN,
    be_approved_and_not_joined: HIDDEN,
    be_uninvited_where_all_is_on: HIDDEN,
    be_joined_and_not_approved: HIDDEN,
    be_allowed_to_look_only: {
        **give(200, "nothing", "accessible", "signed"),
        **give(403, "read", *NOT_READING),
        **give(404, "join"),
    },
    be_a_reader: {**FOR_MEMBERS, **give(403, "write", "upload")},
    be_a_member: FOR_MEMBERS,
    be_a_moderator: {**give(200, "nothing", "accessible", "read"), **give(403, "author", *OF_AN_ADMINISTRATOR)},
    be_administrator_of_another_room: FOR_MEMBERS,
}
"""What is answered to whom, by what an endpoint needs; what is not named changes something, or is said elsewhere."""


WAYS = ("direct", "onion", "sequence")


def try_all(scene: Scene, person: Person, statuses: dict[str, int], *, ways: Sequence[Sequence[str]]) -> None:
    """Try all endpoints, in turn on these ways, and all at once in a batch."""
    tried = [endpoint for endpoint in list_endpoints(scene, person) if endpoint.need in statuses]
    for endpoint, its_ways in zip(tried, cycle(ways), strict=False):
        for way in its_ways:
            endpoint.ask(person, way=way).must_be(status=statuses[endpoint.need])
    together = person.post("/batch", value=[write_part(endpoint) for endpoint in tried])
    if statuses["nothing"] == 200:
        together.must_be(status=200, codes=[statuses[endpoint.need] for endpoint in tried])
    else:
        together.must_be(status=statuses["nothing"])


def write_part(endpoint: Endpoint) -> dict[str, Json]:
    """Write an example as a request of a batch."""
    path: Json = endpoint.path[0] if len(endpoint.path) == 1 else {"$join": [*endpoint.path]}
    part = {"method": endpoint.method, "path": path}
    if "value" in endpoint.how:
        return {**part, "json": endpoint.how["value"]}
    return {**part, "bytes": "a file"} if "body" in endpoint.how else part


@clause("OG-15", "OG-29")
@pytest.mark.parametrize(
    "be", [be_unlisted, be_approved_and_not_joined, be_uninvited_where_all_is_on], ids=lambda be: be.__name__
)
def test_a_room_that_is_hidden_looks_like_one_that_is_not_there(
    server: BeginServer, be: Callable[[Scene], Person]
) -> None:
    scene = Scene(server())
    person = be(scene)
    missing = person.get("/room/no-such-room")
    must_refuse(missing, 404)
    for endpoint in list_endpoints(scene, person):
        if endpoint.need in IN_THE_ROOM and "rooms" not in endpoint.need:
            endpoint.ask(person).must_be(status=404, body=missing.refer("body"))
    listed = person.get("/rooms")
    listed.must_be(status=200)
    listed.must_exclude(body=[f'"{scene.room}"'])


@clause(
    "OG-13", "OG-14", "OG-15", "OG-16", "OG-17", "OG-18", "OG-20", "OG-23", "OG-29", "OG-30", "OG-32", "OG-38", "OG-39"
)
@pytest.mark.parametrize("be", FORBIDDEN, ids=lambda be: be.__name__)
def test_who_must_not_is_refused_on_every_endpoint(
    server: BeginServer, is_thorough: bool, be: Callable[[Scene], Person]
) -> None:
    scene = Scene(server())
    ways: list[Sequence[str]] = [WAYS] if is_thorough else [[way] for way in WAYS]
    person = be(scene)
    before = scene.look()
    try_all(scene, person, FORBIDDEN[be], ways=ways[list(FORBIDDEN).index(be) % len(ways) :] + ways)
    for (was, member), (answer, _) in zip(before, scene.look(), strict=True):
        was.must_be(status=200)
        answer.must_be(status=200, **{member: was.refer(member)})


# What is signed wrongly

SMALL_ORDER = "0100000000000000000000000000000000000000000000000000000000000000"
NOT_CANONICAL = "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
"""The point 1, which has order 1, with its y written as y + P."""
WITH_TORSION = "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
"""The point of order 2."""
NO_POINT = "0200000000000000000000000000000000000000000000000000000000000000"

Fault = Callable[[Person], dict[str, Any]]


def put_header(name: str, text: str) -> Fault:
    """Put another text into a header."""
    return lambda person: {"headers": {name: text}}


def name_by(form: str) -> Fault:
    """Put another id of the same account into the header."""
    return lambda person: {"headers": {"X-SOGS-Pubkey": getattr(person.ids, form)}}


def leave_out(*names: str) -> Fault:
    """Leave headers out."""
    return lambda person: {"without": [f"x-sogs-{name}" for name in names]}


QUICK_STEP = 5
"""Of the endpoints every fifth gets a fault, the next fault the next ones."""
PARTS = ("pubkey", "nonce", "timestamp", "signature")
FAULTS: dict[str, tuple[int, Fault]] = {
    "stale": (425, lambda person: {"age_s": 86_401}),
    "future": (425, lambda person: {"age_s": -86_401}),
    "no signature": (401, put_header("X-SOGS-Signature", "A" * 86 + "==")),
    "signed over another method": (401, lambda person: {"signed": {"method": "HEAD"}}),
    "signed over another path": (401, lambda person: {"signed": {"path": "/elsewhere"}}),
    "signed over another query": (401, lambda person: {"signed": {"path": "/rooms?more"}}),
    "signed over another body": (401, lambda person: {"signed": {"body": b"something else"}}),
    "signed for another server": (401, lambda person: {"signed": {"server_key": bytes(31) + b"\x09"}}),
    "the id of somebody else": (401, lambda person: {"headers": {"X-SOGS-Pubkey": person.server.meet().ids.blinded}}),
    "the negative of the id": (401, name_by("other_blinded")),
    "an account id": (400, name_by("account")),
    "a key of small order": (400, put_header("X-SOGS-Pubkey", f"15{SMALL_ORDER}")),
    "a key of order 2": (400, put_header("X-SOGS-Pubkey", f"15{WITH_TORSION}")),
    "a key that is not canonical": (400, put_header("X-SOGS-Pubkey", f"15{NOT_CANONICAL}")),
    "no point": (400, put_header("X-SOGS-Pubkey", f"15{NO_POINT}")),
    "an unknown first byte": (400, put_header("X-SOGS-Pubkey", f"25{SMALL_ORDER}")),
    "a short id": (400, put_header("X-SOGS-Pubkey", "15")),
    "a short nonce": (400, put_header("X-SOGS-Nonce", "A" * 20)),
    "a nonce of other letters": (400, put_header("X-SOGS-Nonce", "!" * 22 + "==")),
    "a timestamp that is no number": (400, put_header("X-SOGS-Timestamp", "now")),
    "a timestamp with a fraction": (400, put_header("X-SOGS-Timestamp", "1700000000.5")),
    "a short signature": (400, put_header("X-SOGS-Signature", "A" * 84)),
    **{f"without {name}": (400, leave_out(name)) for name in PARTS},
    **{f"only {name}": (400, leave_out(*(other for other in PARTS if other != name))) for name in PARTS},
}
"""What is wrong with a signature, and what is answered."""


@clause("OG-3", "OG-6", "OG-8", "OG-9", "OG-10", "OG-13", "OG-62")
@pytest.mark.parametrize("status", [400, 401, 425])
def test_a_wrong_signature_is_refused_on_every_endpoint(server: BeginServer, is_thorough: bool, status: int) -> None:
    scene = Scene(server())
    person = make_administrator(scene.iut, scene.room)
    before = scene.look()
    faults = [write(person) for refused_with, write in FAULTS.values() if refused_with == status]
    for begin, wrong in enumerate(faults):
        step = 1 if is_thorough else QUICK_STEP
        for endpoint, way in list_with_ways(scene, person, begin=begin)[begin % step :: step]:
            must_refuse(endpoint.ask(person, **wrong, way=way), status)
    for (was, member), (answer, _) in zip(before, scene.look(), strict=True):
        answer.must_be(status=200, **{member: was.refer(member)})


def list_with_ways(scene: Scene, person: Person, *, begin: int) -> list[tuple[Endpoint, str]]:
    """List all endpoints, directly and by onion request in turn; another `begin` turns the ways round."""
    endpoints = [*list_endpoints(scene, person), *list_outer_endpoints()]
    ways = [
        "direct" if (begin + number) % 2 or endpoint.method == "PATCH" else "onion"
        for number, endpoint in enumerate(endpoints)
    ]
    return list(zip(endpoints, ways, strict=True))


@clause("OG-4")
@pytest.mark.parametrize("id_form", ["00", "-00"])
def test_an_unblinded_id_is_refused_on_every_endpoint(server: BeginServer, id_form: str) -> None:
    scene = Scene(server())
    need_blinded(scene.iut)
    for endpoint, way in list_with_ways(scene, scene.author, begin=len(id_form)):
        must_refuse(endpoint.ask(scene.author, id=id_form, way=way), 400)
    scene.iut.ask("GET", "/capabilities").must_contain(body=['"blind"'])


@clause("OG-11", "OG-13")
@pytest.mark.parametrize("begin", [0, 1])
def test_a_nonce_is_used_up_on_every_endpoint(server: BeginServer, begin: int) -> None:
    scene = Scene(server())
    person, nonce = make_administrator(scene.iut, scene.room), bytes(range(16))
    person.get("/capabilities", nonce=nonce).must_be(status=200)
    for endpoint, way in list_with_ways(scene, person, begin=begin):
        must_refuse(endpoint.ask(person, nonce=nonce, way=way), 425)


@clause("OG-11", "OG-13")
def test_every_endpoint_uses_a_nonce_up(server: BeginServer) -> None:
    scene = Scene(server())
    person = be_a_reader(scene)
    for number, (endpoint, way) in enumerate(list_with_ways(scene, person, begin=0)):
        nonce = number.to_bytes(16, "big")
        endpoint.ask(person, nonce=nonce, way=way)
        must_refuse(person.get("/capabilities", nonce=nonce), 425)
