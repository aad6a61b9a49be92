"""What the suites of open-group servers arrange: posts, files, bans, approvals, and what they expect of answers."""

import base64
from collections.abc import Sequence
from typing import Any

from cloister_conformance.hand_made import material
from cloister_conformance.open_group_script import Part, Person, ServerUnderTest
from cloister_conformance.protocol.open_group_server import SERVER_FILE
from cloister_conformance.script import Answer, NotOffered

Json = Any

LINE = r"^[^\n]+\n?$"
"""The body of a refusal, a line of text."""
NUMBER = r'"id": *[0-9]+'
ALL_OFF = {"default_read": False, "default_accessible": False, "default_write": False, "default_upload": False}
ALL_ON = {"read": True, "accessible": True, "write": True, "upload": True}
NO_INVITATION = "00" * 32
POSTS = 5
POSTS_SECONDS = 16
WAYS = ("direct", "onion", "batch", "sequence")


# Posts


def write_data(label: object) -> bytes:
    """Write the data of a post; they follow from the label."""
    return material.derive_bytes(f"post {label}", 48)


def encode(data: bytes) -> str:
    """Write bytes in base64."""
    return base64.b64encode(data).decode("ascii")


def write_post(author: Person, label: object, *, files: Sequence[Part] = (), data: bytes | None = None) -> Json:
    """Write a post, which the author signs."""
    data = write_data(label) if data is None else data
    signature = bytes(64) if author.name is None else author.server.callee.sign_data(author.name, data)
    value: Json = {"data": encode(data), "signature": encode(signature)}
    return {**value, "files": [*files]} if files else value


def post(author: Person, room: str, label: object = "", *, files: Sequence[Part] = (), **how: Any) -> Answer:  # noqa: ANN401 - JSON values
    """Post; it must be acknowledged."""
    answer = author.post(f"/room/{room}/message", value=write_post(author, label, files=files), **how)
    answer.must_match(status="^201$", body=NUMBER)
    return answer


def name_message(room: str, message: Answer) -> tuple[Part, ...]:
    """Name a message in a path."""
    return f"/room/{room}/message/", message.refer("value", "id")


def edit(author: Person, room: str, message: Answer, label: object, *, files: Sequence[Part] = ()) -> Answer:
    """Edit a post."""
    return author.put(*name_message(room, message), value=write_post(author, label, files=files))


def delete(person: Person, room: str, message: Answer) -> Answer:
    """Delete a message."""
    return person.delete(*name_message(room, message))


def find_cursor(person: Person, room: str) -> Json:
    """Find the sequence number up to which all has happened, as a reference."""
    answer = person.get(f"/room/{room}")
    answer.must_match(status="^200$", body=r'"message_sequence": *[0-9]+')
    return answer.refer("value", "message_sequence")


def read_since(person: Person, room: str, cursor: Part, *, limit: int = 256) -> Answer:
    """Read what is since a cursor."""
    return person.get(f"/room/{room}/messages/since/", cursor, f"?limit={limit}")


# Files


def upload(person: Person, room: str, data: bytes = b"a file", *, name: str | None = None, **how: Any) -> Answer:  # noqa: ANN401 - JSON values
    """Upload a file, with a name that is percent-encoded already."""
    headers = {"Content-Type": "application/octet-stream"}
    if name is not None:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    return person.post(f"/room/{room}/file", body=data, headers=headers, **how)


def keep_file(person: Person, room: str, data: bytes = b"a file", *, name: str | None = None) -> Json:
    """Upload a file, which must be acknowledged; return its number as a reference."""
    answer = upload(person, room, data, name=name)
    answer.must_match(status="^201$", body=NUMBER)
    return answer.refer("value", "id")


def download(person: Person, room: str, file: Part, **how: Any) -> Answer:  # noqa: ANN401 - JSON values
    """Download a file."""
    return person.get(f"/room/{room}/file/", file, **how)


# Rooms and rights


def change_room(iut: ServerUnderTest, room: str, **members: Json) -> None:
    """Change a room."""
    iut.operator.put(f"/room/{room}", value=members).must_be(status=200)


def set_flags(iut: ServerUnderTest, room: str, person: Person, **flags: bool) -> None:
    """Set flags of an account."""
    iut.operator.post(f"/room/{room}/permissions/{person.id}", value=flags).must_be(status=200)


def ban(asker: Person, target: str, *rooms: str, **more: Json) -> Answer:
    """Ban from rooms, or, if there are none, from the server."""
    return asker.post(f"/user/{target}/ban", value={**write_scope(rooms), **more})


def unban(asker: Person, target: str, *rooms: str) -> Answer:
    """Lift a ban from rooms, or, if there are none, from the server."""
    return asker.post(f"/user/{target}/unban", value=write_scope(rooms))


def appoint(asker: Person, target: str, *rooms: str, **rights: bool) -> Answer:
    """Give or take the rights of moderators and administrators in rooms, or, if there are none, on the server."""
    return asker.post(f"/user/{target}/moderator", value={**write_scope(rooms), **rights})


def write_scope(rooms: Sequence[str]) -> dict[str, Json]:
    """Write for what a ban or a right is."""
    return {"rooms": [*rooms]} if rooms else {"global": True}


def must_do(*answers: Answer) -> None:
    """Expect successes that tell nothing."""
    for answer in answers:
        answer.must_be(status=200)


def make_moderator(iut: ServerUnderTest, room: str) -> Person:
    """Make somebody moderator of a room."""
    return make_with_right(iut, room, moderator=True)


def make_administrator(iut: ServerUnderTest, room: str) -> Person:
    """Make somebody administrator of a room."""
    return make_with_right(iut, room, admin=True)


def make_with_right(iut: ServerUnderTest, room: str, **right: bool) -> Person:
    """Give a right in a room to somebody new, who has signed before, and so is shown under the blinded id."""
    person = iut.meet()
    must_do(person.get("/capabilities"), appoint(iut.operator, person.id, room, **right))
    return person


def invite(asker: Person, room: str, **body: Json) -> Json:
    """Make an invitation; return it as a reference."""
    answer = asker.post(f"/room/{room}/invitation", value=body)
    answer.must_match(status="^201$", body=r'"invitation": *"[0-9a-f]{64}"')
    return answer.refer("value", "invitation")


def join(person: Person, room: str, invitation: Json, **how: Any) -> Answer:  # noqa: ANN401 - JSON values
    """Join a room."""
    return person.post(f"/room/{room}/join", value={"invitation": invitation}, **how)


def need_unblinded(iut: ServerUnderTest) -> None:
    """See to it that the server takes unblinded ids.

    Raises:
        NotOffered: it does not, and nobody can start it so.
    """
    answer = iut.ask("GET", "/capabilities")
    answer.must_be(status=200)
    if "blind" in answer.result.value["capabilities"]:
        iut.restart(blinding_required=False)


def need_blinded(iut: ServerUnderTest) -> None:
    """See to it that the server requires blinded ids.

    Raises:
        NotOffered: it does not, and nobody can start it so.
    """
    if not iut.callee.offers(SERVER_FILE):
        raise NotOffered(SERVER_FILE)


def must_refuse(answer: Answer, status: int) -> None:
    """Expect a refusal with this status and a line of text."""
    answer.must_match(status=f"^{status}$", body=LINE)


def describe_tombstone(message: Answer) -> dict[str, object]:
    """Describe what is left of a message that was deleted."""
    return {"id": message.refer("value", "id"), "data": None, "deleted": True}
