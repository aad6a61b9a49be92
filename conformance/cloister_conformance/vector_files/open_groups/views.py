"""Chapter 11: what a reader makes of the pages of a server: passive scenarios."""

from dataclasses import replace

from cloister_conformance.hand_made import open_group_faults as faults
from cloister_conformance.hand_made.open_groups import (
    ALICE,
    BOB,
    NOW,
    ROOM,
    SERVER_KEY,
    Content,
    make_file,
    show_tombstone,
    write_page,
    write_post,
)
from cloister_conformance.vector_files.cases import Group, Json, answered, refused

UNHARMED = "StateUnharmed"
FIRST, SECOND = Content(text="first"), Content(text="second", timestamp_ms=NOW + 1)
EDIT = replace(FIRST, revision=3, text="first, edited")
AUTHOR, OTHER = ALICE.name(blinded=True), BOB.account_id
BEGIN = [answered("room.create_view", {"view": "view", "server_key": SERVER_KEY, "room": ROOM}, {})]


def poll(*messages: Json, told: list[Json]) -> Json:
    """A step in which a page comes."""
    return answered("room.apply_page", {"view": "view", "page": write_page(messages)}, {"told": told})


def begin(message_sequence: int, *messages: Json, told: list[Json]) -> Json:
    """A step in which the newest messages come, and the `message_sequence` as it was before that."""
    inputs = {"view": "view", "page": write_page(messages), "message_sequence": message_sequence}
    return answered("room.begin_view", inputs, {"told": told})


def new(message_id: int) -> Json:
    """What is told of a post or an edit."""
    return {"kind": "post", "id": message_id}


def gone(message_id: int) -> Json:
    """What is told of a tombstone."""
    return {"kind": "deletion", "id": message_id}


def no(message_id: int, error: str) -> Json:
    """What is told of a message that is refused."""
    return {"kind": "refused", "id": message_id, "error": error}


def hold(cursor: int, *shown: tuple[int, str, Content]) -> Json:
    """A step that reads the view."""
    posts = [{"id": number, "author": author, **content.describe()} for number, author, content in shown]
    return answered("room.read_view", {"view": "view"}, {"cursor": cursor, "posts": posts})


ALICES = write_post(FIRST)
BOBS = write_post(SECOND, BOB, blinded=False)
START = poll(ALICES.show(1, 1), BOBS.show(2, 2), told=[new(1), new(2)])
HELD = ((1, AUTHOR, FIRST), (2, OTHER, SECOND))
GOES_ON = poll(write_post(EDIT).show(1, 20), told=[new(1)])
HELD_ON = ((1, AUTHOR, EDIT), (2, OTHER, SECOND))


def lives() -> Group:
    """Posts, edits and deletions."""
    group = Group("View", "room.apply_page", before=BEGIN)
    group.scenario("an empty room", "View", "OG-74", [begin(0, told=[]), hold(0)])
    group.scenario("two posts", "View", "OG-71 OG-72", [START, hold(2, *HELD)])
    begun = begin(9, BOBS.show(2, 5), ALICES.show(1, 9), told=[new(2), new(1)])
    group.scenario(
        "the newest first, the cursor is the sequence number of the room", "View", "OG-74", [begun, hold(9, *HELD)]
    )
    group.scenario("an edit", "View", "OG-73", [START, GOES_ON, hold(20, *HELD_ON)])
    filed = replace(EDIT, files=(make_file("cat")[0],))
    steps = [START, poll(write_post(filed).show(1, 3), told=[new(1)]), hold(3, (1, AUTHOR, filed), HELD[1])]
    group.scenario("an edit that adds a file", "View", "OG-73", steps)
    again = poll(ALICES.show(1, 3), told=[new(1)])
    group.scenario("the same post under the same id", "View", "OG-73", [START, again, hold(3, *HELD)])
    deleted = poll(show_tombstone(1, 3), told=[gone(1)])
    group.scenario("a deletion", "View", "OG-75", [START, deleted, hold(3, HELD[1])])
    unseen = poll(show_tombstone(7, 3), told=[gone(7)])
    group.scenario("a deletion of what was never seen", "View", "OG-75", [START, unseen, hold(3, *HELD)])
    at_once = poll(ALICES.show(1, 1), write_post(EDIT).show(1, 2), show_tombstone(1, 3), told=[new(1), new(1), gone(1)])
    group.scenario("a post, its edit and its deletion in one page", "View", "OG-75", [at_once, hold(3)])
    same_time = poll(ALICES.show(1, 1), write_post(FIRST, BOB).show(2, 2), told=[new(1), new(2)])
    steps = [same_time, hold(2, (1, AUTHOR, FIRST), (2, BOB.name(blinded=True), FIRST))]
    group.scenario("two authors at the same time", "View", "OG-73", steps)
    empty = [START, poll(told=[]), hold(2, *HELD)]
    group.scenario("an empty page", "View", "OG-74", empty)
    return group


def seen_before() -> Group:
    """What a server gives that contradicts what it gave before."""
    group = Group("SeenBefore", "room.apply_page", before=BEGIN)
    fifth = replace(FIRST, revision=5, text="fifth")
    third = write_post(replace(FIRST, text="third", timestamp_ms=NOW + 2))
    for comment, error, before, message, shown in (
        ("the same post under another id", "DuplicateMessage", START, ALICES.show(3, 3), HELD),
        ("an edit under another id", "DuplicateMessage", START, write_post(EDIT).show(3, 3), HELD),
        ("the post of another under this id", "DuplicateMessage", START, third.show(2, 3), HELD),
        ("another post of the author under this id", "DuplicateMessage", START, third.show(1, 3), HELD),
        (
            "the same revision, another text",
            "StaleRevision",
            START,
            write_post(replace(FIRST, text="other")).show(1, 3),
            HELD,
        ),
    ):
        steps = [before, poll(message, told=[no(message["id"], error)]), hold(3, *shown), GOES_ON, hold(20, *HELD_ON)]
        group.scenario(comment, f"Replay {UNHARMED}", "OG-73 OG-74", steps)
    edited = poll(write_post(fifth).show(1, 3), told=[new(1)])
    shown = ((1, AUTHOR, fifth), HELD[1])
    for comment, content in (
        ("the first revision again", FIRST),
        ("a revision in between", EDIT),
        ("one revision less", replace(fifth, revision=4)),
        ("the same revision with a file", replace(fifth, files=(make_file("cat")[0],))),
    ):
        later = replace(fifth, revision=6)
        steps = [
            START,
            edited,
            poll(write_post(content).show(1, 4), told=[no(1, "StaleRevision")]),
            hold(4, *shown),
            poll(write_post(later).show(1, 5), told=[new(1)]),
            hold(5, (1, AUTHOR, later), HELD[1]),
        ]
        group.scenario(comment, f"Rollback {UNHARMED}", "OG-73 OG-74", steps)
    deleted = poll(show_tombstone(1, 3), told=[gone(1)])
    steps = [START, deleted, poll(ALICES.show(3, 4), told=[no(3, "DuplicateMessage")]), hold(4, HELD[1])]
    group.scenario("a deleted post under another id", f"Replay {UNHARMED}", "OG-73", steps)
    steps = [START, deleted, poll(ALICES.show(1, 4), told=[no(1, "DuplicateMessage")]), hold(4, HELD[1])]
    group.scenario("a deleted post again", f"Replay {UNHARMED}", "OG-73 OG-75", steps)
    swapped = poll(third.show(3, 3), told=[new(3)])
    more = (*HELD, (3, AUTHOR, replace(FIRST, text="third", timestamp_ms=NOW + 2)))
    steps = [START, swapped, poll(third.show(1, 4), told=[no(1, "DuplicateMessage")]), hold(4, *more)]
    group.scenario("the data of another post of the same author", f"Replay {UNHARMED}", "OG-73", steps)
    forged = write_post(replace(FIRST, revision=9))._replace(signature=bytes(64))
    steps = [poll(forged.show(7, 1), told=[no(7, "InvalidSignature")]), poll(ALICES.show(8, 2), told=[new(8)])]
    group.scenario(
        "what was refused was not seen", f"Forged {UNHARMED}", "OG-71 OG-73", [*steps, hold(2, (8, AUTHOR, FIRST))]
    )
    return group


def bad_messages() -> Group:
    """Messages that are refused: the cursor moves, the post stays as it was."""
    group = Group("RefusedMessage", "room.apply_page", before=BEGIN)
    for comment, (message, error) in faults.bad_messages().items():
        if comment.partition(": ")[0] in {"forged", "author", "content"} and len(comment) % 5:
            continue  # each of them is a case of its own in the group Post
        flag = "Forged" if comment.startswith("forged") else "MessageForm"
        bad = poll({**message, "seqno": 3}, show_tombstone(9, 4), told=[no(1, error), gone(9)])
        steps = [START, bad, hold(4, *HELD), GOES_ON, hold(20, *HELD_ON)]
        group.scenario(comment, f"{flag} {UNHARMED}", "OG-71 OG-72 OG-74", steps)
    return group


def bad_pages() -> Group:
    """Pages that are refused as a whole."""
    group = Group("RefusedPage", "room.apply_page", before=BEGIN)
    start = poll(ALICES.show(1, 1), BOBS.show(2, 10), told=[new(1), new(2)])
    for comment, page in faults.bad_pages().items():
        bad = refused("room.apply_page", {"view": "view", "page": page}, "InvalidMessage")
        steps = [start, bad, hold(10, *HELD), GOES_ON, hold(20, *HELD_ON)]
        group.scenario(comment, f"PageForm {UNHARMED}", "OG-74", steps)
    return group
