"""What nodes send each other: batches, again until they are answered, to whom a change of the network says."""

import base64
import json
import time
from typing import Any

import pytest
from cloister import node_request, storage
from cloister.service_node import database as databases
from cloister.service_node import replication
from cloister.swarm import Network

NOW = 1_700_000_000_000
MINE = f"05{2**62:016x}{0:047x}1"
PUSH = "/swarms/push_batch/v1"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replication, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(replication, "LONGEST_PAUSE_SECONDS", 0.05)


def read_texts(requests: list[tuple[str, dict[str, str], bytes]]) -> list[str]:
    """The texts of all messages in requests."""
    return [base64.b64decode(one.data).decode() for _, _, body in requests for one in storage.decode_batch(body)]


def test_a_stored_message_reaches_all_others(world: Any) -> None:
    b, c = world.play("b", "c")
    world.start().store(text="hello")
    network = Network.model_validate(world.network())
    for name, peer in (("b", b), ("c", c)):
        ((path, headers, body),) = peer.wait(1)
        assert path == PUSH
        assert storage.decode_batch(body) == [world.letter(MINE, "hello")]
        lower = {key.lower(): value for key, value in headers.items()}
        assert set(lower) == {"host", "content-length", "x-node-key", "x-node-time", "x-node-signature"}
        sender = node_request.check(lower, network, world.keys[name].public, path, body, now_ms=NOW)
        assert sender == world.keys["a"].public
    world.store(text="again")
    b.wait(2)
    c.wait(2)
    assert read_texts(b.requests) == read_texts(c.requests) == ["hello", "again"]


def test_a_push_is_repeated_until_it_is_answered_200(world: Any) -> None:
    b, c = world.play("b", "c")
    statuses = [503, 421, 400, 404, 200]

    def refuse(handler: Any) -> None:
        handler.answer(statuses[min(len(b.requests), len(statuses)) - 1])

    b.behave = refuse
    world.start().store(text="hello")
    b.wait(5)
    c.wait(1)
    time.sleep(0.2)
    assert len(b.requests) == 5
    assert read_texts(b.requests) == ["hello"] * 5
    assert len(c.requests) == 1


@pytest.mark.parametrize("status", [400, 413, 421])
def test_a_batch_that_is_refused_holds_up_no_other(world: Any, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """Neither those that wait behind it nor those that come later; and it is pushed again."""
    monkeypatch.setattr(databases, "OUTBOX_MESSAGES", 2)
    (b,) = world.play("b")
    b.behave = lambda handler: handler.answer(503)
    world.start()
    for number in range(6):
        world.store(text=str(number))
    taken: list[str] = []
    refused: list[str] = ["1"]

    def take(handler: Any) -> None:
        texts = read_texts(b.requests[-1:])
        is_refused = bool({*texts} & {*refused})
        taken.extend([] if is_refused else texts)
        handler.answer(status if is_refused else 200)

    b.behave = take
    world.wait_until(lambda: taken == ["2", "3", "4", "5"])
    world.store(text="6")
    world.store(text="7")
    world.store(text="8")
    world.wait_until(lambda: "8" in taken)
    refused.clear()
    world.wait_until(lambda: sorted(taken) == [str(number) for number in range(9)])


def test_a_dead_and_a_hanging_peer_hold_up_nobody(world: Any) -> None:
    b, c = world.play("b", "c")
    b.behave = lambda _: time.sleep(0.6)
    world.start(timeout_seconds=0.5)
    for number in range(5):
        world.store(text=str(number))
    began = time.monotonic()
    while read_texts(c.requests) != ["0", "1", "2", "3", "4"]:
        assert time.monotonic() - began < 5
        time.sleep(0.01)
    b.stop()
    world.store(text="5")
    world.wait_until(lambda: "5" in read_texts(c.requests))
    port = world.peers.pop("b").port
    world.stop()
    assert port  # nobody listens there any more
    world.start()
    world.store(text="6")
    world.wait_until(lambda: "6" in read_texts(c.requests))


def test_a_peer_that_comes_back_gets_everything(world: Any) -> None:
    """Through a restart of the node, too."""
    (c,) = world.play("c")
    world.start()
    for number in range(30):
        world.store(text=str(number))
    c.wait(1)
    world.stop()
    (b,) = world.play("b")
    world.height += 1
    world.start()
    while len(read_texts(b.requests)) < 30:
        b.wait(len(b.requests) + 1)
    assert read_texts(b.requests) == [str(number) for number in range(30)]


def test_pushed_messages_are_kept_and_not_pushed_on(world: Any) -> None:
    b, c = world.play("b", "c")
    world.start()
    batch = b"".join(storage.encode_record(world.letter(MINE, str(number))) for number in range(120))
    assert world.push(batch).status_code == 200
    assert world.push(batch).status_code == 200
    assert world.retrieve() == [str(number) for number in range(10)]
    assert "cloister_held_messages 120.0" in world.get("/metrics").text
    time.sleep(0.2)
    assert b.requests == c.requests == []


def test_what_fails_in_a_batch_is_dropped_and_the_rest_kept(world: Any) -> None:
    world.start()
    good, late = world.letter(MINE, "good"), world.letter(MINE, "late", NOW - 60_000)
    early, forged = world.letter(MINE, "early", NOW + 900_001), world.letter(MINE, "forged")
    forged = storage.Message(**{**{name: getattr(forged, name) for name in forged.__slots__}, "hash": good.hash})
    batch = b"".join(map(storage.encode_record, (late, early, forged, good)))
    answer = world.push(batch)
    assert (answer.status_code, answer.text) == (200, "")
    assert world.retrieve() == ["good"]


def test_a_message_of_another_swarm_is_answered_421_and_the_rest_kept(world: Any) -> None:
    world.start()
    stray = world.letter(world.account(1, 3 * 2**62), "stray")
    batch = storage.encode_record(stray) + storage.encode_record(world.letter(MINE, "good"))
    answer = world.push(batch)
    assert (answer.status_code, answer.text) == (421, "Wrong swarm")
    assert world.retrieve() == ["good"]


def test_a_batch_that_is_not_records_is_refused_whole(world: Any) -> None:
    world.start()
    record = storage.encode_record(world.letter(MINE, "good"))
    for batch in (record[:-1], record + b"x", b"\xff" * 500, record + record[:66] + b"\xff" * 8):
        assert world.push(batch).status_code == 400
    assert world.retrieve() == []
    assert world.push(b"").status_code == 200


def test_false_node_requests_are_refused(world: Any) -> None:
    world.start()
    batch = storage.encode_record(world.letter(MINE, "good"))
    refused = (403, "Node request refused")
    for changes in (
        {"x-node-key": world.keys["c"].public},
        {"x-node-key": b"\xe9"},
        {"x-node-time": str(NOW + 1)},
        {"x-node-signature": base64.b64encode(bytes(64)).decode()},
        {"x-node-signature": "no base64"},
    ):
        answer = world.push(batch, **changes)
        assert (answer.status_code, answer.text) == refused, changes
    assert world.push(batch, sender="h").status_code == 403  # not in the network
    assert world.post(PUSH, batch).status_code == 403
    for difference in (900_001, -900_001):
        headers = node_request.sign(world.keys["b"], world.keys["a"].public, PUSH, batch, now_ms=NOW + difference)
        assert world.post(PUSH, batch, headers).status_code == 403
        for name in headers:
            some = {key: value for key, value in headers.items() if key != name}
            assert world.post(PUSH, batch, some).status_code == 403
            assert world.post("/storage_rpc/v1", b"{}", some).status_code == 403
    assert world.retrieve() == []
    for difference in (900_000, -900_000):
        headers = node_request.sign(world.keys["b"], world.keys["a"].public, PUSH, batch, now_ms=NOW + difference)
        assert world.post(PUSH, batch, headers).status_code == 200
    assert world.retrieve() == ["good"]


def test_a_new_holder_gets_all_and_again_until_it_knows_of_its_swarm(world: Any) -> None:
    """As long as it has the old network it answers 421."""
    (g,) = world.play("g")
    answers = [421, 421, 200]
    g.behave = lambda handler: handler.answer(answers[min(len(g.requests), 3) - 1])
    world.start().store(text="stored")
    world.push(storage.encode_record(world.letter(MINE, "pushed")))
    world.change_network({2**62: "abcg", 3 * 2**62: "def"})
    g.wait(3)
    assert read_texts(g.requests[2:]) == ["stored", "pushed"]
    time.sleep(0.2)
    assert len(g.requests) == 3


def test_the_nodes_of_another_swarm_get_what_a_dissolved_one_held(world: Any) -> None:
    d, e, f = world.play("d", "e", "f")
    world.start().store(text="hello")
    world.change_network({3 * 2**62: "adef"})
    for peer in (d, e, f):
        peer.wait(1)
        assert read_texts(peer.requests) == ["hello"]


def test_a_lower_height_is_ignored(world: Any) -> None:
    world.height = 5
    world.start()
    world.height = 4
    world.swarms = {3 * 2**62: "abcdef"}
    world.write()
    time.sleep(0.4)
    assert world.get("/health").json()["height"] == 5
    assert len(world.rpc("get_snodes_for_pubkey", pubKey=MINE).json()["snodes"]) == 3


def test_a_node_file_that_is_half_written_changes_nothing(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    world.start()
    whole = world.file.read_text()
    world.file.write_text(whole[:100])
    time.sleep(0.3)
    assert world.get("/health").json()["height"] == 1
    world.file.write_text(json.dumps({**json.loads(whole), "network": {**world.network(), "height": 2}}))
    time.sleep(0.4)
    assert world.get("/health").json()["height"] == 2
    assert [record.msg for record in caplog.records if record.levelname == "ERROR"] == ["cannot read the node file"]


def test_the_clock_is_read_for_each_request_and_survives_a_bad_file(world: Any) -> None:
    world.start().store(ttl="10000")
    world.set_clock(NOW + 10_000)
    assert world.retrieve() == []
    (world.folder / "clock").write_text("")
    assert world.rpc("retrieve", pubKey=MINE, lastHash="").status_code == 200
    world.set_clock(NOW)
    assert world.retrieve() == ["hello"]


@pytest.mark.parametrize("behind", [0, 1])
def test_a_node_file_that_is_not_newer_is_ignored_at_the_start(world: Any, behind: int) -> None:
    """In what it says, and in whom it pushes to."""
    world.height = 5
    (g,) = world.play("g")
    world.start()
    world.change_network({2**62: "abcg", 3 * 2**62: "def"})
    world.stop()
    world.height -= behind
    world.swarms = {3 * 2**62: "abcdef"}
    world.start().store(text="hello")
    assert world.get("/health").json()["height"] == 6
    assert len(world.rpc("get_snodes_for_pubkey", pubKey=MINE).json()["snodes"]) == 4
    g.wait(1)


def test_a_newer_node_file_is_taken_up_at_the_start(world: Any) -> None:
    (g,) = world.play("g")
    world.start().store(text="hello")
    world.stop()
    world.height += 1
    world.swarms = {2**62: "abcg", 3 * 2**62: "def"}
    world.start()
    assert world.get("/health").json()["height"] == 2
    g.wait(1)
