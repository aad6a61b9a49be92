"""Chapter 11: what a reader makes of the pages that a server answers, which may lie."""

import json
from dataclasses import dataclass, replace

import pytest
from cloister.room import MAX_PAGE
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from cloister_conformance.clause import clause
from cloister_conformance.hand_made import open_group_faults as faults
from cloister_conformance.hand_made.open_groups import (
    ALICE,
    BOB,
    MALLORY,
    NOW,
    OTHER_SERVER_KEY,
    ROOM,
    SERVER_KEY,
    Account,
    Content,
    Json,
    Post,
    make_file,
    show_tombstone,
    sign_data,
    write_page,
    write_post,
)
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor, Answer

FIRST, SECOND = Content(text="first"), Content(text="second", timestamp_ms=NOW + 1)


def begin(actor: Actor) -> None:
    """Let an actor make an empty view."""
    actor.call("room.create_view", view="view", server_key=SERVER_KEY, room=ROOM).must_be()


def poll(actor: Actor, *messages: object) -> Answer:
    """Give an actor a page of `since`."""
    return actor.call("room.apply_page", view="view", page=write_page(messages))


def begin_with(actor: Actor, message_sequence: int, *messages: object) -> Answer:
    """Give an actor the page of `recent`, and the room's `message_sequence` as it was before that."""
    page = write_page(messages)
    return actor.call("room.begin_view", view="view", page=page, message_sequence=message_sequence)


def must_show(actor: Actor, cursor: int, *shown: tuple[int, str, Content]) -> None:
    """Claim what a view holds: the cursor, and ids, authors and contents of posts."""
    posts = [
        {"id": number, "author": author, **content.describe()}
        for number, author, content in sorted(shown, key=lambda post: post[0])
    ]
    actor.call("room.read_view", view="view").must_be(cursor=cursor, posts=posts)


def new(message_id: int) -> dict[str, object]:
    """What is told of a post or an edit."""
    return {"kind": "post", "id": message_id}


def gone(message_id: int) -> dict[str, object]:
    """What is told of a tombstone."""
    return {"kind": "deletion", "id": message_id}


def refused(message_id: int, error: str) -> dict[str, object]:
    """What is told of a message that is refused."""
    return {"kind": "refused", "id": message_id, "error": error}


AUTHOR = ALICE.name(blinded=True)


@clause("OG-71", "OG-72", "OG-75")
def test_posts_edits_and_deletions_are_shown(actors: Actors) -> None:
    iut, _ = actors()
    begin(iut)
    must_show(iut, 0)
    poll(iut, write_post(FIRST).show(1, 1), write_post(SECOND, BOB, blinded=False).show(2, 2)).must_tell(new(1), new(2))
    must_show(iut, 2, (1, AUTHOR, FIRST), (2, BOB.account_id, SECOND))
    edit = replace(FIRST, text="first, edited", revision=3, files=(make_file("cat")[0],))
    poll(iut, write_post(edit).show(1, 5), show_tombstone(2, 9)).must_tell(new(1), gone(2))
    must_show(iut, 9, (1, AUTHOR, edit))
    poll(iut).must_tell()
    must_show(iut, 9, (1, AUTHOR, edit))


@clause("OG-74")
def test_a_view_begins_with_what_is_recent(actors: Actors) -> None:
    iut, _ = actors()
    begin(iut)
    third = replace(SECOND, text="third", timestamp_ms=NOW + 2)
    messages = [write_post(third).show(7, 5), write_post(SECOND).show(4, 9), write_post(FIRST).show(2, 3)]
    begin_with(iut, 9, *messages).must_tell(new(7), new(4), new(2))
    must_show(iut, 9, (2, AUTHOR, FIRST), (4, AUTHOR, SECOND), (7, AUTHOR, third))
    poll(iut, show_tombstone(3, 9)).must_be_refused("InvalidMessage")
    poll(iut, show_tombstone(4, 10)).must_tell(gone(4))
    must_show(iut, 10, (2, AUTHOR, FIRST), (7, AUTHOR, third))


@clause("OG-74")
@pytest.mark.parametrize("message_sequence", [1, 3, 4, 100])
def test_the_cursor_is_where_the_room_was_before_it_was_asked(actors: Actors, message_sequence: int) -> None:
    iut, _ = actors()
    begin(iut)
    begin_with(iut, message_sequence, write_post(FIRST).show(2, 3)).must_tell(new(2))
    must_show(iut, message_sequence, (2, AUTHOR, FIRST))
    poll(iut, show_tombstone(3, message_sequence)).must_be_refused("InvalidMessage")
    poll(iut, write_post(FIRST).show(2, message_sequence + 1)).must_tell(new(2))


@clause("OG-73", "OG-75")
def test_a_post_that_was_taken_away_stays_away(actors: Actors) -> None:
    iut, _ = actors()
    begin(iut)
    poll(iut, write_post(FIRST).show(1, 1), show_tombstone(1, 2)).must_tell(new(1), gone(1))
    edit = write_post(replace(FIRST, revision=1))
    poll(iut, write_post(FIRST).show(1, 3), edit.show(1, 4)).must_tell(
        refused(1, "DuplicateMessage"), refused(1, "DuplicateMessage")
    )
    must_show(iut, 4)


@clause("OG-74")
def test_an_empty_room(actors: Actors) -> None:
    iut, _ = actors()
    begin(iut)
    begin_with(iut, 0).must_tell()
    must_show(iut, 0)
    poll(iut, write_post().show(1, 1)).must_tell(new(1))


@clause("OG-75")
def test_a_tombstone_of_what_was_never_seen(actors: Actors) -> None:
    iut, _ = actors()
    begin(iut)
    poll(iut, show_tombstone(5, 7), write_post(FIRST).show(6, 8)).must_tell(gone(5), new(6))
    must_show(iut, 8, (6, AUTHOR, FIRST))


MESSAGES = faults.bad_messages()


@clause("OG-71", "OG-72", "OG-74", "NE-17")
@pytest.mark.parametrize("kind", MESSAGES)
def test_a_message_that_is_refused_is_passed_over(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    message, error = MESSAGES[kind]
    begin(iut)
    poll(iut, message).must_tell(refused(1, error))
    must_show(iut, 1)
    bad = {**message, "id": 3, "seqno": 3}
    good = write_post(SECOND, BOB).show(2, 2), write_post(FIRST).show(1, 4)
    poll(iut, good[0], bad, good[1]).must_tell(new(2), refused(3, error), new(1))
    must_show(iut, 4, (2, BOB.name(blinded=True), SECOND), (1, AUTHOR, FIRST))


@clause("OG-71", "OG-72", "NE-17")
@pytest.mark.parametrize("kind", MESSAGES)
def test_an_edit_that_is_refused_leaves_the_post_as_it_was(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    message, error = MESSAGES[kind]
    begin(iut)
    poll(iut, write_post(FIRST).show(1, 1)).must_tell(new(1))
    poll(iut, {**message, "seqno": 2}).must_tell(refused(1, error))
    must_show(iut, 2, (1, AUTHOR, FIRST))
    edit = replace(FIRST, revision=1, text="edited")
    poll(iut, write_post(edit).show(1, 3)).must_tell(new(1))
    must_show(iut, 3, (1, AUTHOR, edit))


PAGES = faults.bad_pages()


@clause("OG-74", "NE-17")
@pytest.mark.parametrize("kind", PAGES)
def test_a_page_that_is_refused_changes_nothing(actors: Actors, kind: str) -> None:
    iut, _ = actors()
    begin(iut)
    poll(iut, write_post(SECOND).show(7, 10)).must_tell(new(7))
    iut.call("room.apply_page", view="view", page=PAGES[kind]).must_be_refused("InvalidMessage")
    must_show(iut, 10, (7, AUTHOR, SECOND))
    poll(iut, write_post(FIRST).show(1, 11)).must_tell(new(1))
    must_show(iut, 11, (1, AUTHOR, FIRST), (7, AUTHOR, SECOND))


@clause("OG-74")
def test_a_page_has_at_most_so_many_messages(actors: Actors) -> None:
    iut, _ = actors()
    begin(iut)
    longest = [show_tombstone(number, number) for number in range(1, MAX_PAGE + 2)]
    poll(iut, *longest).must_be_refused("InvalidMessage")
    must_show(iut, 0)
    poll(iut, *longest[:-1]).must_tell(*(gone(number) for number in range(1, MAX_PAGE + 1)))
    must_show(iut, MAX_PAGE)


# What was seen before


@clause("OG-73")
@pytest.mark.parametrize("account", [ALICE, BOB], ids=["alice", "bob"])
@pytest.mark.parametrize("blinded", [True, False], ids=["blinded", "unblinded"])
def test_a_post_comes_under_one_id(actors: Actors, account: Account, blinded: bool) -> None:
    iut, _ = actors()
    begin(iut)
    author = account.name_author(blinded=blinded)
    post = write_post(FIRST, account, blinded=blinded)
    edit = replace(FIRST, revision=1, text="edited")
    poll(iut, post.show(1, 1), post.show(2, 2)).must_tell(new(1), refused(2, "DuplicateMessage"))
    poll(iut, write_post(edit, account, blinded=blinded).show(3, 3)).must_tell(refused(3, "DuplicateMessage"))
    must_show(iut, 3, (1, author, FIRST))
    poll(iut, show_tombstone(1, 4), post.show(4, 5)).must_tell(gone(1), refused(4, "DuplicateMessage"))
    must_show(iut, 5)


@clause("OG-73")
@pytest.mark.parametrize("account", [ALICE, BOB], ids=["of the same author", "of another"])
def test_an_id_has_one_post(actors: Actors, account: Account) -> None:
    iut, _ = actors()
    begin(iut)
    poll(iut, write_post(FIRST).show(1, 1)).must_tell(new(1))
    other = write_post(replace(SECOND, revision=5), account)
    poll(iut, other.show(1, 2)).must_tell(refused(1, "DuplicateMessage"))
    must_show(iut, 2, (1, AUTHOR, FIRST))
    poll(iut, other.show(2, 3)).must_tell(new(2))
    poll(iut, write_post(replace(FIRST, revision=1)).show(2, 4)).must_tell(refused(2, "DuplicateMessage"))
    must_show(iut, 4, (1, AUTHOR, FIRST), (2, account.name(blinded=True), replace(SECOND, revision=5)))


@clause("OG-73")
def test_two_posts_of_an_author_are_not_swapped(actors: Actors) -> None:
    iut, _ = actors()
    begin(iut)
    one, other = write_post(FIRST), write_post(SECOND)
    poll(iut, one.show(1, 1), other.show(2, 2)).must_tell(new(1), new(2))
    poll(iut, other.show(1, 3), one.show(2, 4)).must_tell(
        refused(1, "DuplicateMessage"), refused(2, "DuplicateMessage")
    )
    must_show(iut, 4, (1, AUTHOR, FIRST), (2, AUTHOR, SECOND))


@clause("OG-73")
def test_posts_of_two_authors_at_the_same_time_are_two(actors: Actors) -> None:
    iut, _ = actors()
    begin(iut)
    poll(iut, write_post(FIRST).show(1, 1), write_post(FIRST, BOB).show(2, 2)).must_tell(new(1), new(2))
    must_show(iut, 2, (1, AUTHOR, FIRST), (2, BOB.name(blinded=True), FIRST))


@clause("OG-73")
def test_a_revision_does_not_go_back(actors: Actors) -> None:
    iut, _ = actors()
    begin(iut)
    revisions = [
        replace(FIRST, revision=number, text=f"revision {number}") for number in (0, 1, 2, 7, 2**31, 2**32 - 1)
    ]
    for place, content in enumerate(revisions):
        poll(iut, write_post(content).show(1, 10 * place + 1)).must_tell(new(1))
        for step, older in enumerate(revisions[:place]):
            seqno = 10 * place + 2 + step
            poll(iut, write_post(older).show(1, seqno)).must_tell(refused(1, "StaleRevision"))
            must_show(iut, seqno, (1, AUTHOR, content))


@clause("OG-73")
def test_a_revision_says_one_thing(actors: Actors) -> None:
    iut, _ = actors()
    begin(iut)
    content = replace(FIRST, revision=4)
    poll(iut, write_post(content).show(1, 1)).must_tell(new(1))
    for seqno, other in enumerate(
        (replace(content, text="other"), replace(content, files=(make_file("cat")[0],))), start=2
    ):
        poll(iut, write_post(other).show(1, seqno)).must_tell(refused(1, "StaleRevision"))
        must_show(iut, seqno, (1, AUTHOR, content))
    poll(iut, write_post(content).show(1, 4)).must_tell(new(1))
    must_show(iut, 4, (1, AUTHOR, content))


@clause("OG-73", "NE-17")
def test_what_was_refused_was_not_seen(actors: Actors) -> None:
    iut, _ = actors()
    begin(iut)
    forged = write_post(replace(FIRST, revision=9))._replace(signature=bytes(64))
    elsewhere = sign_data(replace(SECOND, room="coffee", revision=9).data)
    poll(iut, forged.show(1, 1), elsewhere.show(1, 2)).must_tell(
        refused(1, "InvalidSignature"), refused(1, "InvalidMessage")
    )
    poll(iut, write_post(FIRST).show(2, 3), write_post(SECOND).show(1, 4)).must_tell(new(2), new(1))
    must_show(iut, 4, (1, AUTHOR, SECOND), (2, AUTHOR, FIRST))


@clause("OG-72")
def test_views_of_other_rooms_and_servers_read_other_posts(actors: Actors) -> None:
    iut, _ = actors()
    rooms = {"view": (SERVER_KEY, ROOM), "room": (SERVER_KEY, "coffee"), "server": (OTHER_SERVER_KEY, ROOM)}
    for view, (server_key, room) in rooms.items():
        iut.call("room.create_view", view=view, server_key=server_key, room=room).must_be()
    for number, (server_key, room) in enumerate(rooms.values(), start=1):
        page = write_page([write_post(Content(server_key=server_key, room=room), blinded=False).show(number, number)])
        for view, place in rooms.items():
            told = new(number) if place == (server_key, room) else refused(number, "InvalidMessage")
            iut.call("room.apply_page", view=view, page=page).must_tell(told)


@clause("OG-71", "OG-77")
@given(text=st.text(min_size=1, max_size=60))
def test_what_one_writes_the_other_shows(actors: Actors, text: str) -> None:
    iut, peer = actors()
    for writer, reader in ((iut, peer), (peer, iut)):
        params = {"timestamp_ms": NOW, "revision": 0, "text": text, "files": [], "room": ROOM}
        written = writer.call("room_post.write", seed=BOB.seed, server_key=SERVER_KEY, **params)
        read = reader.call("room_post.read", **written.result.model_dump(), server_key=SERVER_KEY, room=ROOM)
        read.must_be(text=text, timestamp_ms=NOW, revision=0, files=[])


@clause("OG-74")
@given(
    page=st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["", "x", AUTHOR])),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from(["id", "seqno", "data", "deleted", "session_id", "signature"]), inner),
        ),
        max_leaves=12,
    )
)
def test_arbitrary_pages_are_judged_as_by_the_reference(actors: Actors, page: object) -> None:
    iut, peer = actors()
    for body in (page, [page], [page, {"id": 1, "seqno": 9, "deleted": True}]):
        for actor in (iut, peer):
            begin(actor)
        expected = peer.call("room.apply_page", view="view", page=json.dumps(body))
        iut.call("room.apply_page", view="view", page=json.dumps(body)).must_be_like(expected)
        shown = peer.call("room.read_view", view="view")
        iut.call("room.read_view", view="view").must_be_like(shown)


# A room on a server that lies


@dataclass
class Truth:
    """What a post is: its author, its latest content, all that was said in it."""

    account: Account
    blinded: bool
    contents: list[Content]

    @property
    def author(self) -> str:
        """The author's id."""
        return self.account.name_author(blinded=self.blinded)

    @property
    def key(self) -> tuple[str, int]:
        """By what it is the same."""
        return self.author, self.contents[0].timestamp_ms

    def write(self, content: Content) -> Post:
        """Sign a content as its author."""
        return write_post(content, self.account, blinded=self.blinded)


PEOPLE = st.sampled_from([ALICE, BOB])
NUMBERS = st.integers(0, 30)


class Room(RuleBasedStateMachine):
    """A reader of a room. The model: what was shown under each id, what was seen of each author and time, and the cursor.

    Where chapter 11 leaves open what happens, the model does not go: a server does not give again what it has deleted.
    """

    actors: Actors

    @initialize()
    def begin(self) -> None:
        self.iut, _ = self.actors()
        begin(self.iut)
        self.cursor = 0
        self.next_id = 1
        self.posts: dict[int, Truth] = {}
        self.shown: dict[int, tuple[str, Content]] = {}
        self.seen: dict[tuple[str, int], tuple[int, int, Content]] = {}
        self.page: list[Json] = []
        self.told: list[dict[str, object]] = []

    def give(self, message_id: int, message: Json, outcome: dict[str, object]) -> None:
        """Put a message behind those of the next page, with what has to be told of it."""
        self.page.append({**message, "id": message_id, "seqno": self.cursor + 1 + len(self.page)})
        self.told.append(outcome)

    def offer(self, message_id: int, truth: Truth, content: Content) -> None:
        """Give something that is signed rightly, and note what a reader has to make of it."""
        other = next((key for key, (number, _, _) in self.seen.items() if number == message_id), truth.key)
        number, revision, latest = self.seen.get(truth.key, (message_id, content.revision, content))
        message = truth.write(content).show(0, 0)
        if number != message_id or other != truth.key:
            self.give(message_id, message, refused(message_id, "DuplicateMessage"))
        elif content.revision < revision or (content.revision == revision and content != latest):
            self.give(message_id, message, refused(message_id, "StaleRevision"))
        else:
            self.give(message_id, message, new(message_id))
            self.seen[truth.key] = (message_id, content.revision, content)
            self.shown[message_id] = (truth.author, content)

    def choose(self, number: int) -> int | None:
        """Choose a post that is not deleted."""
        return sorted(self.posts)[number % len(self.posts)] if self.posts else None

    @rule(account=PEOPLE, blinded=st.booleans(), text=st.sampled_from(["a", "b", "é" * 70]), is_shown=st.booleans())
    def post(self, account: Account, blinded: bool, text: str, is_shown: bool) -> None:
        content = Content(text=text, timestamp_ms=NOW + self.next_id)
        truth = Truth(account, blinded, [content])
        self.posts[self.next_id] = truth
        if is_shown:
            self.offer(self.next_id, truth, content)
        self.next_id += 1

    @rule(number=NUMBERS, by=st.sampled_from([1, 2, 100]), is_shown=st.booleans())
    def edit(self, number: int, by: int, is_shown: bool) -> None:
        chosen = self.choose(number)
        if chosen is None:
            return
        truth = self.posts[chosen]
        last = truth.contents[-1]
        truth.contents.append(replace(last, revision=last.revision + by, text=f"edit {last.revision + by}"))
        if is_shown:
            self.offer(chosen, truth, truth.contents[-1])

    @rule(number=NUMBERS)
    def delete(self, number: int) -> None:
        chosen = self.choose(number)
        if chosen is None:
            return
        del self.posts[chosen]
        self.shown.pop(chosen, None)
        self.give(chosen, show_tombstone(chosen, 0), gone(chosen))

    @rule(number=NUMBERS, revision=NUMBERS)
    def give_any_revision(self, number: int, revision: int) -> None:
        chosen = self.choose(number)
        if chosen is not None:
            truth = self.posts[chosen]
            self.offer(chosen, truth, truth.contents[revision % len(truth.contents)])

    @rule(number=NUMBERS, revision=NUMBERS, other=NUMBERS)
    def give_under_another_id(self, number: int, revision: int, other: int) -> None:
        chosen, place = self.choose(number), self.choose(other)
        if chosen is None or place is None or self.posts[chosen].key not in self.seen:
            return
        truth = self.posts[chosen]
        self.offer(place if place != chosen else self.next_id, truth, truth.contents[revision % len(truth.contents)])
        self.next_id += place == chosen

    @rule(number=NUMBERS)
    def contradict_a_revision(self, number: int) -> None:
        chosen = self.choose(number)
        if chosen is not None and self.posts[chosen].key in self.seen:
            truth = self.posts[chosen]
            _, _, latest = self.seen[truth.key]
            self.offer(chosen, truth, replace(latest, text=f"{latest.text!s}, they say"))

    @rule(number=NUMBERS, kind=st.sampled_from(["author", "signature", "data", "room", "server", "form"]))
    def forge(self, number: int, kind: str) -> None:
        chosen = self.choose(number)
        if chosen is None:
            return
        truth = self.posts[chosen]
        content = replace(truth.contents[-1], revision=2**20)
        post = truth.write(content)
        lies: dict[str, tuple[Post, str]] = {
            "author": (post._replace(author=MALLORY.name(blinded=True)), "InvalidSignature"),
            "signature": (post._replace(signature=MALLORY.sign_post(post.data, blinded=True)), "InvalidSignature"),
            "data": (post._replace(data=replace(content, text="a lie").data), "InvalidSignature"),
            "room": (truth.write(replace(content, room="coffee")), "InvalidMessage"),
            "server": (truth.write(replace(content, server_key=OTHER_SERVER_KEY)), "InvalidMessage"),
            "form": (sign_data(post.data[:-1], truth.account, blinded=truth.blinded), "InvalidMessage"),
        }
        lie, error = lies[kind]
        self.give(chosen, lie.show(0, 0), refused(chosen, error))

    @rule(back=st.integers(0, 3), place=NUMBERS)
    def give_a_page_that_does_not_ascend(self, back: int, place: int) -> None:
        seqno = max(0, self.cursor - back)
        if not self.page:
            poll(self.iut, show_tombstone(1, seqno)).must_be_refused("InvalidMessage")
            return
        at = place % len(self.page)
        page = [*self.page[: at + 1], show_tombstone(1, self.page[at]["seqno"] - back), *self.page[at + 1 :]]
        poll(self.iut, *page).must_be_refused("InvalidMessage")

    @rule()
    def poll(self) -> None:
        poll(self.iut, *self.page).must_tell(*self.told)
        self.cursor += len(self.page)
        self.page, self.told = [], []
        posts = [(number, author, content) for number, (author, content) in self.shown.items()]
        must_show(self.iut, self.cursor, *posts)

    @invariant()
    def a_page_is_not_too_long(self) -> None:
        assert len(self.page) <= MAX_PAGE

    def teardown(self) -> None:
        """Poll what is left."""
        if hasattr(self, "page"):
            self.poll()


@clause("OG-71", "OG-72", "OG-73", "OG-74", "OG-75", "NE-17")
def test_a_view_holds_what_authors_say_whatever_the_server_does(actors: Actors) -> None:
    machine = type("Room", (Room,), {"actors": staticmethod(actors)})
    run_state_machine_as_test(machine)
