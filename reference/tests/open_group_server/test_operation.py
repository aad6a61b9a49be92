"""What the operator does on the database, beside the server that runs: the next request finds it."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from cloister import identity, room, server_id
from cloister.open_group_rights import WHITELIST_GROUP
from cloister.open_group_server import operation
from cloister.open_group_server.operation import (
    ADMINISTRATOR,
    MODERATOR,
    NO_ADMINISTRATOR,
    NO_MODERATOR,
    CannotOperate,
    Operator,
)


@pytest.fixture
def run(world: Any) -> Callable[..., Any]:
    """Do something as the operator, while the server runs: `run(lambda one: ...)`."""
    world.start()
    return lambda act: operation.operate(world.file, act)


def tell(world: Any, room: str = "tea", who: str = "operator") -> dict[str, Any]:
    return dict(world.ask(who, "GET", f"/room/{room}").json())


def test_a_room_is_made_changed_and_deleted_beside_the_server(world: Any, run: Any) -> None:
    run(lambda one: one.create_room("new", {"name": "New"}))
    assert (tell(world, "new")["name"], tell(world, "new")["info_updates"]) == ("New", 0)
    run(lambda one: one.change_room("new", {"name": "Newer", "description": "of all"}))
    assert (tell(world, "new")["description"], tell(world, "new")["info_updates"]) == ("of all", 1)
    world.upload("alice", room="new")
    file = world.upload("alice", room="new")
    world.post("alice", "text", "new", files=[file])
    kept = world.upload("alice")
    run(lambda one: one.approve("new", [world.account("bob")]))
    run(lambda one: one.delete_room("new"))
    assert world.ask("operator", "GET", "/room/new").status_code == 404
    assert world.post("alice", "text", "new").status_code == 404
    assert world.ask("alice", "GET", f"/room/tea/file/{kept}").status_code == 200
    assert len(world.stored) == 1
    run(lambda one: one.create_room("new", {"name": "Again"}))
    assert world.ask("alice", "GET", "/room/new/messages/recent").json() == []
    assert run(lambda one: one.list_people("new")) == []


def test_a_room_of_the_server_file_would_come_back(run: Any) -> None:
    with pytest.raises(CannotOperate, match="take it out of `rooms` there first"):
        run(lambda one: one.delete_room("tea"))
    assert [one.token for one in run(lambda one: one.list_rooms())] == ["tea", "white"]


def test_a_whitelist_and_its_invitation(world: Any, run: Any) -> None:
    run(lambda one: one.create_room("club", {"name": "Club", **WHITELIST_GROUP}))
    with pytest.raises(CannotOperate, match="club has no invitation"):
        run(lambda one: one.find_invitation("club"))
    invitation = run(lambda one: one.invite("club"))
    assert run(lambda one: one.find_invitation("club")) == invitation

    def join(who: str) -> int:
        return int(world.ask(who, "POST", "/room/club/join", {"invitation": invitation.hex()}).status_code)

    assert join("bob") == 404
    blinded = server_id.derive_blinded_id(world_seed("bob"), server_key=key_of(run)).id.hex()
    run(lambda one: one.approve("club", [blinded]))
    assert join("bob") == 200
    assert world.post("bob", "text", "club").status_code == 201
    (person,) = run(lambda one: one.list_people("club"))
    assert (person.account, person.standing.invited, person.standing.flags.write) == (world.account("bob"), True, True)
    run(lambda one: one.approve("club", [world.account("bob")], approved=False))
    assert world.ask("bob", "GET", "/room/club").status_code == 404
    run(lambda one: one.withdraw("club"))
    with pytest.raises(CannotOperate):
        run(lambda one: one.find_invitation("club"))


def world_seed(name: str) -> bytes:
    from hashlib import sha256

    return sha256(f"cloister example {name}".encode()).digest()


def key_of(run: Any) -> bytes:
    return bytes(run(lambda one: one.server_key))


def test_an_invitation_ends(world: Any, run: Any) -> None:
    run(lambda one: one.invite("white", 60))
    world.pass_time(59)
    assert run(lambda one: one.find_invitation("white"))
    world.pass_time(1)
    with pytest.raises(CannotOperate):
        run(lambda one: one.find_invitation("white"))


def test_a_ban_of_any_form_of_an_id_and_its_end(world: Any, run: Any) -> None:
    key = key_of(run)
    for form in (
        world.account("bob"),
        server_id.derive_blinded_id(world_seed("bob"), server_key=key).id.hex(),
        server_id.derive_unblinded_id(world_seed("bob")).id.hex(),
    ):
        run(lambda one, form=form: one.ban(form, ["tea"]))
        assert world.ask("bob", "GET", "/room/tea").status_code == 403
        run(lambda one, form=form: one.unban(form, ["tea"]))
        assert world.ask("bob", "GET", "/room/tea").status_code == 200
    run(lambda one: one.ban(world.account("bob"), None, 100))
    assert world.ask("bob", "GET", "/rooms").status_code == 403
    world.pass_time(101)
    assert world.ask("bob", "GET", "/rooms").status_code == 200


def test_roles_raise_the_counter_of_the_room_and_end_a_ban(world: Any, run: Any) -> None:
    bob, before = world.account("bob"), tell(world)["info_updates"]
    run(lambda one: one.ban(bob, ["tea"]))
    for change, rights in (
        (MODERATOR, (True, False)),
        (ADMINISTRATOR, (True, True)),
        (NO_ADMINISTRATOR, (True, False)),
        (NO_MODERATOR, (False, False)),
    ):
        run(lambda one, change=change: one.change_role(bob, change, ["tea"]))
        told = tell(world, who="bob")
        assert (told["moderator"], told["admin"]) == rights
        before += 1
        assert told["info_updates"] == before
    run(lambda one: one.change_role(bob, ADMINISTRATOR, None))
    assert tell(world, "white", who="bob")["admin"] is True
    assert tell(world)["info_updates"] == before


def test_several_rooms_are_changed_together_or_not_at_all(world: Any, run: Any) -> None:
    bob = world.account("bob")
    with pytest.raises(CannotOperate, match="there is no room 'none'; there are: tea, white"):
        run(lambda one: one.ban(bob, ["tea", "none"]))
    assert run(lambda one: one.list_people("tea")) == []
    run(lambda one: one.ban(bob, ["white", "tea", "tea"]))
    assert [len(run(lambda one, token=token: one.list_people(token))) for token in ("tea", "white")] == [1, 1]
    with pytest.raises(CannotOperate, match="is no id"):
        run(lambda one: one.approve("tea", [world.account("carol"), "05zz"]))
    assert [one.account for one in run(lambda one: one.list_people("tea"))] == [bob]


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda one: one.ban(one.file.operator, None), "nobody bans the operator"),
        (
            lambda one: one.change_role(one.file.operator, NO_MODERATOR, ["tea"]),
            "nobody takes a right from the operator",
        ),
        (lambda one: one.create_room("tea", {"name": "Tea"}), "there is a room tea already"),
        (lambda one: one.create_room("te a", {"name": "Tea"}), "'te a' is no token"),
        (lambda one: one.create_room("new", {"name": ""}), "name"),
        (lambda one: one.change_room("tea", {"description": 1001 * "x"}), "a description has at most 1000"),
        (lambda one: one.change_room("none", {"name": "x"}), "there is no room 'none'"),
        (lambda one: one.invite("none"), "there is no room 'none'"),
        (lambda one: one.ban("15" + 64 * "0", ["tea"]), "is no id"),
    ],
)
def test_what_cannot_be_changes_nothing(run: Any, act: Callable[[Operator], Any], says: str) -> None:
    before = run(lambda one: one.list_rooms())
    with pytest.raises(CannotOperate, match=says):
        run(act)
    assert run(lambda one: one.list_rooms()) == before
    assert run(lambda one: one.list_people("tea")) == []


def test_a_moderator_is_not_banned_before_the_right_is_taken_away(world: Any, run: Any) -> None:
    bob = world.account("bob")
    run(lambda one: one.change_role(bob, MODERATOR, ["tea"]))
    for where in (["tea"], None):
        with pytest.raises(CannotOperate, match="take its rights away"):
            run(lambda one, where=where: one.ban(bob, where))
    run(lambda one: one.ban(bob, ["white"]))
    run(lambda one: one.change_role(bob, NO_MODERATOR, ["tea"]))
    run(lambda one: one.ban(bob, None))


def test_the_operator_works_while_people_post(world: Any, run: Any) -> None:
    run(lambda one: one.change_role(world.account("alice"), ADMINISTRATOR, None))
    statuses: list[int] = []

    def post_all() -> None:
        statuses.extend(world.post("alice", f"post {number}").status_code for number in range(40))

    poster = threading.Thread(target=post_all)
    poster.start()
    for number in range(10):
        run(lambda one, number=number: one.change_room("tea", {"name": f"Tea {number}"}))
    poster.join()
    assert statuses == 40 * [201]
    assert (tell(world)["message_sequence"], tell(world)["info_updates"]) == (40, 10)


def test_links(world: Any, run: Any) -> None:
    invitation = bytes(32)

    def link(one: Operator) -> room.RoomLink:
        return one.build_link(one.find_room("white"), invitation)

    made = run(link)
    assert (made.host, made.port, made.invitation) == ("127.0.0.1", world.port, invitation)
    assert room.decode_link(room.encode_link(made)) == made
    world.write(url="https://example.org")
    assert room.encode_link(run(link)).startswith("https://example.org/white?public_key=")
    world.write(url=None, host="::")
    with pytest.raises(CannotOperate, match="others do not reach ::"):
        run(link)
    world.write(host="::1")
    assert run(link).host == "::1"


def test_a_folder_without_a_server(tmp_path: Any) -> None:
    with pytest.raises(CannotOperate, match="`cloister serve open-group --dir"):
        operation.operate(tmp_path / "none", lambda one: one.list_rooms())
    (tmp_path / "server.json").write_text("{}")
    with pytest.raises(CannotOperate, match="is not of the form"):
        operation.operate(tmp_path, lambda one: one.list_rooms())


def test_a_database_that_is_not_there(world: Any) -> None:
    world.write(database="postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(CannotOperate, match="cannot open the database"):
        operation.operate(world.file, lambda one: one.list_rooms())


def test_an_id_leads_to_the_account(world: Any, run: Any) -> None:
    assert (
        run(lambda one: one.decode_id(world.account("bob"))) == identity.derive_identity(world_seed("bob")).public.hex()
    )
