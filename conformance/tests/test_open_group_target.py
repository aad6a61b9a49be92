"""The open-group server under test: how it is started and asked, who asks it, and one that runs already."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloister import identity, server_id
from cloister_conformance import implementation as implementations
from cloister_conformance import run as runs
from cloister_conformance import transcript as transcripts
from cloister_conformance.implementation import Implementation, UnusableDescription
from cloister_conformance.open_group_rooms import keep_file, post
from cloister_conformance.open_group_script import ServerUnderTest, begin_server
from cloister_conformance.open_group_target import (
    OPERATOR_SEED,
    UNOPENED,
    OpenGroupTarget,
    describe,
    find_page_fault,
    make_response,
    read_part,
)
from cloister_conformance.run import Options
from cloister_conformance.script import ConformanceFailure, NotOffered, Script

SUITE = "adapter_protocol_open_group_server"
URL = 'name = "x"\nrole = "open-group-server"\nurl = "http://127.0.0.1:1"\n'
KEYS = f'server_key = "{"ab" * 32}"\nadmin_seed = "{"00" * 32}"\n'


@pytest.fixture(scope="module")
def target() -> Iterator[OpenGroupTarget]:
    """The reference's server."""
    target = OpenGroupTarget(implementations.reference("open-group-server"))
    yield target
    target.stop()


@pytest.fixture
def iut(target: OpenGroupTarget) -> ServerUnderTest:
    """A script with it."""
    return begin_server(target, Script(seed=0))


@pytest.fixture(scope="module")
def timeless() -> Iterator[OpenGroupTarget]:
    """The reference's server by the clock of the machine."""
    target = OpenGroupTarget(
        implementations.reference("open-group-server").model_copy(update={"capabilities": ["server-file"]})
    )
    target.start()
    yield target
    target.stop()


@pytest.fixture
def running(timeless: OpenGroupTarget) -> Iterator[OpenGroupTarget]:
    """A server that runs already."""
    found = OpenGroupTarget(
        Implementation(
            name="running",
            role="open-group-server",
            url=f"http://127.0.0.1:{timeless.port}",
            server_key=timeless.server_key.hex(),
            admin_seed=OPERATOR_SEED.hex(),
            rooms=["a", "b"],
        )
    )
    yield found
    found.stop()


# Who asks


def test_all_ids_of_an_account_lead_to_it(iut: ServerUnderTest) -> None:
    alice = iut.meet()
    assert len({*alice.forms}) == 5
    account = identity.decode_account_id(alice.id)
    assert {server_id.decode_id(form, server_key=iut.server_key) for form in alice.forms} == {account}


@pytest.mark.parametrize("id_form", ["15", "-15", "00", "-00"])
def test_a_signature_verifies_under_each_id(iut: ServerUnderTest, id_form: str) -> None:
    iut.restart(blinding_required=False)
    for way in ("direct", "onion", "batch", "sequence"):
        iut.meet().get("/rooms", id=id_form, way=way).must_be(status=200)


def test_accounts_of_another_script_are_others(target: OpenGroupTarget) -> None:
    first, second = (begin_server(target, Script(seed=0)).meet().id for _ in range(2))
    assert first != second


def test_each_request_has_a_nonce_of_its_own_unless_one_is_given(iut: ServerUnderTest) -> None:
    alice = iut.meet()
    for status in (200, 425):
        alice.get("/rooms").must_be(status=200)
        alice.get("/rooms", nonce=bytes(16)).must_be(status=status)


# What is asked, and what comes back


@pytest.mark.parametrize("way", ["direct", "onion", "batch", "sequence"])
def test_references_are_filled_in_and_stay_in_the_steps(iut: ServerUnderTest, way: str) -> None:
    alice = iut.meet()
    message = post(alice, iut.a, way, files=[keep_file(alice, iut.a)])
    answer = alice.get(f"/room/{iut.a}/message/", message.refer("value", "id"), way=way)
    answer.must_be(status=200, outer=200, value=message.refer("value"))
    assert iut.script.steps[-1].params["path"] == {"$join": ["/room/a/message/", message.refer("value", "id")]}


def test_a_response_tells_of_what_it_lists(iut: ServerUnderTest) -> None:
    alice = iut.meet()
    ids = [post(alice, iut.a, number).result.value["id"] for number in range(2)]
    page = alice.get(f"/room/{iut.a}/messages/recent?limit=2").result
    assert page.ids == ids[::-1]
    assert [message["seqno"] for message in page.told] == page.seqnos
    assert page.headers["content-type"] == page.content_type == "application/json"


@pytest.mark.parametrize(
    "part", [None, 5, {}, {"code": 200}, {"code": "200", "headers": {}, "body": ""}, {"code": 200, "headers": {}, "body": "!"}]
)  # fmt: skip
def test_an_answer_of_a_list_of_another_form_is_none(part: object) -> None:
    assert read_part(part).status == UNOPENED


@pytest.mark.parametrize(
    ("status", "raw", "fault"),
    [
        (200, b"[]", ""),
        (200, b'[{"id": 1, "seqno": 6}, {"id": 2, "seqno": 7}]', ""),
        (404, b"[]", "a page is answered with 404"),
        (200, b"{}", "a page is answered with 200"),
        (200, b'[{"id": 1}]', "a message has no id or no sequence number"),
        (200, b"[5]", "a message has no id or no sequence number"),
        (200, b'[{"id": 1, "seqno": 5}]', "the sequence numbers [5] do not ascend above the cursor 5"),
        (200, b'[{"id": 1, "seqno": 7}, {"id": 2, "seqno": 6}]', "the sequence numbers [7, 6] do not ascend"),
        (200, b'[{"id": 1, "seqno": 6}, {"id": 1, "seqno": 7}]', "a message stands on a page twice"),
        (200, b'[{"id": 1, "seqno": 6}, {"id": 2, "seqno": 7}, {"id": 3, "seqno": 8}]', "a page has 3 messages"),
    ],
)
def test_what_is_wrong_with_a_page_is_found(status: int, raw: bytes, fault: str) -> None:
    found = find_page_fault(describe(make_response(status, {}, raw)), 5, 2)
    assert found.startswith(fault)
    assert bool(found) == bool(fault)


def test_a_poller_sees_what_is_posted_meanwhile(iut: ServerUnderTest) -> None:
    alice = iut.meet()
    begin = alice.get(f"/room/{iut.a}").result.value["message_sequence"]
    signature = "A" * 86 + "=="
    posts = [
        alice.write("POST", f"/room/{iut.a}/message", value={"data": text, "signature": signature})
        for text in ("AAAA", "BBBB")
    ]
    seen = iut.call("server.watch", requests=posts, account="reader", room=iut.a, cursor=begin, limit=1).result
    assert (seen.fault, seen.statuses, {message["data"] for message in seen.seen}) == ("", [201], {"AAAA", "BBBB"})
    assert [message["seqno"] for message in seen.seen] == [begin + 1, begin + 2]


# Its process


def test_each_script_begins_at_the_same_place(target: OpenGroupTarget) -> None:
    iut = begin_server(target, Script(seed=0))
    iut.operator.put(f"/room/{iut.a}", value={"name": "other", "default_read": False}).must_be(status=200)
    iut.set_clock(5)
    iut.restart(blinding_required=False)
    iut = begin_server(target, Script(seed=0))
    assert iut.now_ms == 1_700_000_000_000
    iut.ask("GET", "/capabilities").must_contain(body=["blind"])
    iut.nobody.get(f"/room/{iut.a}").must_mention({"name": "room a", "read": True})


def test_what_a_server_writes_can_be_read(iut: ServerUnderTest) -> None:
    iut.read_log().must_contain(text=["ready"])


# One that runs already


def test_a_server_that_runs_already_is_asked_and_left_alone(running: OpenGroupTarget) -> None:
    ids = []
    for _ in range(2):
        iut = begin_server(running, Script(seed=0))
        alice = iut.meet()
        ids.append(alice.id)
        post(alice, iut.a, "hello")
        running.stop()
    assert len({*ids}) == 2


def test_what_needs_a_capability_that_is_not_there_is_not_offered(running: OpenGroupTarget, tmp_path: Path) -> None:
    keys = {"name": "running", "role": "open-group-server", "url": running.implementation.url}
    lines = [f'{name} = "{text}"' for name, text in keys.items()]
    lines += [
        f'server_key = "{running.server_key.hex()}"',
        f'admin_seed = "{OPERATOR_SEED.hex()}"',
        'rooms = ["a", "b"]',
    ]
    (tmp_path / "adapter.toml").write_text("\n".join(lines))
    implementation = implementations.read(tmp_path)
    for _ in range(2):  # the second finds what the first has left behind
        report = runs.run(implementation, Options(keyword="healthy or clock_file or given_and_taken", failures=""))
        assert {result.verdict for result in report.tests} == {"passed", "not offered"}
        assert report.count("passed") == 2


@pytest.mark.parametrize(
    ("need", "capability"),
    [
        (lambda iut: iut.kill(), "server-file"),
        (lambda iut: iut.restart(), "server-file"),
        (lambda iut: iut.read_log(), "server-file"),
        (lambda iut: iut.set_clock(1), "clock"),
    ],
)
def test_a_server_that_runs_already_offers_nothing_more(
    running: OpenGroupTarget, need: Callable[[ServerUnderTest], object], capability: str
) -> None:
    with pytest.raises(NotOffered, match=f"not offered: {capability}"):
        need(ServerUnderTest(running, Script(seed=0)))


def test_a_wrong_seed_shows_at_the_begin(running: OpenGroupTarget) -> None:
    running.operator_seed = bytes(32)
    with pytest.raises(ConformanceFailure, match=r'server.reset: expected the result \{"statuses": \[200\]\}'):
        begin_server(running, Script(seed=0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (URL, "url: an open-group server that runs already has a server_key, an admin_seed and two rooms"),
        (URL + KEYS + 'rooms = ["a"]', "url: an open-group server that runs already has"),
        (URL + KEYS + 'rooms = ["a", "a"]', "url: an open-group server that runs already has"),
        (URL + KEYS + 'rooms = ["a", "b c"]', "rooms.1: String should match"),
        (URL + 'server_key = "AB"', "server_key: String should match"),
        (URL.replace("url", "run").replace('"http://127.0.0.1:1"', '["x"]'), "what is started offers server-file"),
        ('name = "x"\nrun = ["x"]\n' + KEYS, "server_key, admin_seed and rooms are for an open-group server that runs"),
    ],
)
def test_a_description_that_cannot_be_used_is_explained(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "adapter.toml").write_text(text)
    with pytest.raises(UnusableDescription, match=message):
        implementations.read(tmp_path)


def test_the_seed_is_not_shown(running: OpenGroupTarget) -> None:
    assert OPERATOR_SEED.hex() not in repr(running.implementation)


# A whole run


def test_a_failure_is_replayed(tmp_path: Path) -> None:
    implementation = implementations.reference("open-group-server")
    options = Options(suites=(SUITE,), failures=str(tmp_path))
    assert runs.run(implementation, options).conforms
    step = {"actor": "iut", "line": "", "answer": {}, "expect": {"any": True}}
    asked: Any = {"method": "GET", "path": "/capabilities", "account": "alice"}
    steps: list[Any] = [
        {**step, "method": "server.reset", "params": {"seed": 0, "script": 1}},
        {**step, "method": "server.make_account", "params": {"name": "alice"}},
        {**step, "method": "server.request", "params": asked, "expect": {"result": {"status": 404}}},
    ]
    about = dict.fromkeys(("test", "implementation", "expected", "actual", "repeat"), "")
    saved = transcripts.Transcript(
        **about, clauses={}, seed=0, strict=False, repeats=True, playable=False, role="open-group-server", steps=steps
    )
    target = OpenGroupTarget(implementation)
    try:
        outcomes = [transcripts.replay(saved, target) for _ in range(2)]
    finally:
        target.stop()
    assert [(outcome.step, outcome.verdict) for outcome in outcomes] == [(2, "fails")] * 2
