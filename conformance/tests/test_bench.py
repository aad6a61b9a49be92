"""The benchmarks: every figure is there, and a report says what was measured. How fast it is, no test says."""

import json
import os
import shlex
import socket
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from cloister import envelope, identity, onion, proof_of_work
from cloister.devnet import DevnetError
from cloister.service_node import database
from cloister_conformance import data, implementation, protocol
from cloister_conformance.bench import (
    adapters,
    bare,
    fanout,
    growth,
    harness,
    hops,
    measure,
    primitives,
    render,
    room_crowd,
    room_growth,
    room_rates,
    rooms,
    rounds,
    servers,
    statements,
)
from cloister_conformance.bench.fanout import FanOutReport
from cloister_conformance.bench.rounds import BenchReport, Comparison, NetworkReport, OpenGroupReport
from cloister_conformance.transport import BrokenAdapter

Cloister = Callable[[str], Any]


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure in two rounds only: one in which each of the two goes first."""
    monkeypatch.setattr(rounds, "ROUNDS", 2)


@pytest.fixture
def few_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure as few operations as a report can hold."""
    monkeypatch.setattr(rounds, "TRIAL_OPERATIONS", 1)


# Two things side by side


def test_each_of_the_two_goes_first_equally_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "ROUNDS", 4)
    went: list[str] = []

    def take(name: str, seconds: float) -> Callable[[], float]:
        return lambda: went.append(name) or seconds  # type: ignore[func-returns-value]

    found = rounds.compare("group", "a", take("a", 0.2), "b", take("b", 0.1), aim=3)
    assert went == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert (found.rate, found.beside_rate, found.ratio, found.low, found.high) == (5, 10, 2, 2, 2)


def test_the_time_of_one_operation_is_that_of_all_divided() -> None:
    ticks = iter([10.0, 30.0])
    prepared: list[int] = []

    def prepare(count: int) -> Callable[[], object]:
        prepared.append(count)
        return lambda: None

    assert rounds.time_batch(prepare, 5, lambda: next(ticks)) == 4
    assert prepared == [5]


def test_a_round_takes_its_share_of_the_seconds() -> None:
    clock = [0.0]
    counts: list[int] = []

    def prepare(count: int) -> Callable[[], object]:
        counts.append(count)
        return lambda: clock.__setitem__(0, clock[0] + count * 0.01)

    round_ = rounds.build_round(prepare, 4.0, lambda: clock[0])
    assert round_() == pytest.approx(0.01)
    assert counts == [rounds.TRIAL_OPERATIONS, 100], "4 seconds are 2 rounds of each of the two"


def test_quartiles_are_those_of_the_values() -> None:
    assert rounds.find_quartiles([1, 2, 3, 4, 5]) == (2, 3, 4)


# What is measured


@pytest.mark.usefixtures("few_operations")
def test_the_command_measures_the_reference_and_the_harness(cloister: Cloister, tmp_path: Path) -> None:
    done = cloister("bench --seconds 0.01 --json out/bench.json --markdown out/bench.md")
    assert (done.status, done.err) == (0, "")
    report = BenchReport.model_validate_json((tmp_path / "out" / "bench.json").read_text("utf-8"))
    assert report.implementations == []
    groups = {comparison.group.partition(",")[0] for comparison in report.comparisons}
    assert groups == {"sender keys", "identity", "proof of work", "pairwise sessions"}
    for comparison in report.comparisons:
        assert min(comparison.rate, comparison.beside_rate, comparison.ratio) > 0
        assert comparison.low <= comparison.ratio <= comparison.high
    assert [quantity.unit for quantity in report.quantities] == ["1/s", "µs", "µs", "%"]
    text = (tmp_path / "out" / "bench.md").read_text("utf-8")
    assert text == render.render_markdown(report)
    assert text.count("\n| ") == len(report.comparisons) + len(report.quantities) + 3
    assert {len(line.split(" | ")) for line in text.splitlines() if line.startswith("| identity")} == {7}


@pytest.mark.usefixtures("few_operations")
def test_every_operation_that_an_implementation_offers_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    found = adapters.measure(implementation.reference(), 0.01)
    assert {comparison.name for comparison in found} == {*adapters.OPERATIONS, *adapters.CONVERSATIONS}
    assert {comparison.beside for comparison in found} == {"the reference"}


@pytest.mark.usefixtures("few_operations")
def test_what_is_not_offered_is_not_measured(fake: Callable[..., implementation.Implementation]) -> None:
    found = adapters.measure(fake("--offer", "xeddsa-verify"), 0.01)
    names = [name for name in adapters.OPERATIONS if protocol.METHODS[name].capability == "xeddsa-verify"]
    assert [comparison.name for comparison in found] == names == ["identity.verify"]


def test_an_implementation_stands_in_the_report_beside_the_reference(
    cloister: Cloister, monkeypatch: pytest.MonkeyPatch, fake: Callable[..., implementation.Implementation]
) -> None:
    monkeypatch.setattr(measure.reference, "measure", lambda seconds: [])
    monkeypatch.setattr(measure.pairwise, "measure", lambda seconds: [])
    monkeypatch.setattr(measure.harness, "measure", lambda seconds: [])
    folder = fake("--offer", "xeddsa-verify").folder
    done = cloister(f"bench --seconds 0.01 --json bench.json {shlex.quote(str(folder))}")
    assert (done.status, done.err) == (0, "")
    report = json.loads((folder.parent / "bench.json").read_text("utf-8"))
    assert report["implementations"] == ["fake"]
    assert [comparison["name"] for comparison in report["comparisons"]] == ["identity.verify"]


def test_implementations_stand_in_one_table() -> None:
    members = {"group": "g", "beside": "the reference", "rate": 1234, "beside_rate": 1, "low": 1, "high": 1}
    measured = [("a", "x", 0.5), ("a", "y", 2), ("b", "y", 1)]
    report = BenchReport(
        cloister="0",
        cores=2,
        implementations=["a", "b"],
        comparisons=[
            Comparison.model_validate({**members, "implementation": whose, "name": name, "ratio": ratio})
            for whose, name, ratio in measured
        ],
        quantities=[],
    )
    assert render.render_libraries(report) == [
        "| through the pipe | x | y |",
        "| --- | ---: | ---: |",
        "| a | 0.50 | 2.00 |",
        "| b |  | 1.00 |",
    ]
    assert "\n| a | 0.50 | 2.00 |\n" in render.render_markdown(report)


def test_an_implementation_that_refuses_cannot_be_measured(
    cloister: Cloister, monkeypatch: pytest.MonkeyPatch, fake: Callable[..., implementation.Implementation]
) -> None:
    for module in (measure.reference, measure.pairwise, measure.harness):
        monkeypatch.setattr(module, "measure", lambda seconds: [])
    done = cloister(f"bench --seconds 0.01 {fake('identity.verify=internal-error', '--offer', 'xeddsa-verify').folder}")
    assert done.status == 3
    assert done.err.startswith("cloister: ")
    assert "identity.verify" in done.err


@pytest.mark.parametrize("method", ["x3dh.create_account", "session.decrypt"])
def test_an_implementation_that_refuses_in_a_conversation_cannot_be_measured(
    fake: Callable[..., implementation.Implementation], method: str
) -> None:
    with pytest.raises(BrokenAdapter, match=rf"cannot be measured: {method}: "):
        adapters.measure(fake(f"{method}=internal-error", "--offer", "sessions,one-time-prekeys"), 0.01)


def test_the_adapter_that_does_nothing_answers() -> None:
    target = harness.start_target()
    try:
        assert target.call(harness.METHOD, harness.PARAMS_AS_HEX) == {"jsonrpc": "2.0", "id": 2, "result": {}}
        assert target.offers("xeddsa-verify")
    finally:
        target.stop()


def test_a_comparison_without_an_aim_has_an_empty_cell() -> None:
    found = Comparison(group="g", name="n", beside="b", rate=1234, beside_rate=1, ratio=1, low=1, high=1)
    assert render.describe(found) == ("g: n", "b", "1,234", "1", "1.00", "1.00 to 1.00", "")


# The network


@pytest.mark.usefixtures("few_operations")
def test_the_command_measures_the_network(cloister: Cloister, tmp_path: Path) -> None:
    done = cloister("bench network --seconds 0.05 --messages 200 --json out/network.json --markdown out/network.md")
    assert (done.status, done.err) == (0, "")
    report = NetworkReport.model_validate_json((tmp_path / "out" / "network.json").read_text("utf-8"))
    assert [(comparison.name, comparison.beside.partition(",")[0]) for comparison in report.comparisons] == [
        ("store", "the framework"),
        ("store", "SQLite"),
        ("store", "SQLite"),
        ("retrieve 10 messages", "the framework"),
        ("build", "bare primitives"),
        ("peel a layer", "bare primitives"),
        ("through three hops", "sent to the node"),
    ]
    for comparison in report.comparisons:
        assert min(comparison.rate, comparison.beside_rate) > 0
        assert comparison.low <= comparison.ratio <= comparison.high
    assert [(each.operation, each.messages, each.ratio) for each in report.growth] == [
        ("retrieve", 200, 1),
        ("its queries alone", 200, 1),
        ("store", 200, 1),
    ]
    text = (tmp_path / "out" / "network.md").read_text("utf-8")
    assert text == render.render_network_markdown(report)
    assert text.count("\n| ") == len(report.comparisons) + len(report.growth) + 3
    assert all(each.operation in done.out for each in report.growth)


def test_a_folder_may_have_the_name_of_the_command_that_needs_none(cloister: Cloister, tmp_path: Path) -> None:
    (tmp_path / "implementations").mkdir()
    done = cloister("bench implementations")
    assert (done.status, done.err.partition(";")[0]) == (2, "cloister: implementations holds no adapter.toml")


@pytest.mark.parametrize(
    ("messages", "sizes"),
    [(200, [200]), (1000, [1000]), (1001, [1000, 1001]), (10**6, [10**3, 10**4, 10**5, 10**6])],
)
def test_nodes_hold_powers_of_ten(messages: int, sizes: list[int]) -> None:
    assert growth.choose_sizes(messages) == sizes


def test_nodes_are_measured_in_turn_and_compared_with_the_one_that_holds_the_fewest() -> None:
    went: list[int] = []
    by_size = {10: lambda: went.append(10) or 0.2, 100: lambda: went.append(100) or 0.3}  # type: ignore[func-returns-value]
    found = list(growth.compare_all("retrieve", by_size))
    assert went == [10, 100, 100, 10]
    assert [(each.messages, each.milliseconds, each.ratio) for each in found] == [
        (10, 200, 1),
        (100, 300, pytest.approx(1.5)),
    ]


def test_a_filled_node_gives_a_whole_page_behind_each_place_that_is_asked_for() -> None:
    with servers.serve(servers.NODE, lambda folder: growth.fill(250, folder)) as node:
        with closing(database.connect(node.files / "data" / database.FILE)) as connection:
            places = growth.pick_places(connection, 250)
        with closing(HTTPConnection(node.host, node.port)) as connection:
            answers = [
                servers.post(connection, servers.RPC_PATH, servers.build_retrieve(*place)) for place in set(places)
            ]
    assert {len(json.loads(answer)["messages"]) for answer in answers} == {10}


def test_the_floor_only_answers() -> None:
    with servers.serve(servers.FLOOR, answer="whatever") as floor:
        with closing(HTTPConnection(floor.host, floor.port)) as connection:
            assert servers.post(connection, servers.RPC_PATH, b"rubbish") == b"whatever"
            with pytest.raises(BrokenAdapter, match="answered /no/such with 404"):
                servers.post(connection, "/no/such", b"")
        with servers.Connections(floor.port, 2) as connections:
            connections.open()
            connections.send([b"rubbish"] * 5)
    with (
        servers.Connections(floor.port, 2) as connections,
        pytest.raises(BrokenAdapter, match="gave no answer to /storage_rpc/v1"),
    ):
        connections.send([b"rubbish"])


def test_the_bare_layer_is_that_of_an_onion() -> None:
    pair = identity.generate_key_pair(os.urandom)
    layer = onion.seal_layer(pair.public, b"hello", os.urandom)
    assert bare.open_layer(pair.private, bytes.fromhex(layer.ephemeral_key), layer.ciphertext) == b"hello"
    u, ciphertext = bare.seal_layer(pair.public[1:], b"hello")
    assert onion.peel(pair.private, onion.encode_frame(ciphertext, {"ephemeral_key": u.hex()})).plaintext == b"hello"


def test_a_network_that_does_not_run_cannot_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> Any:
        raise DevnetError("no more ports")

    monkeypatch.setattr(hops, "Devnet", refuse)
    with pytest.raises(BrokenAdapter, match="the network does not run: no more ports"):
        hops.measure(0.01)


def test_the_figures_of_the_docs_go_up_to_a_million_messages() -> None:
    report = NetworkReport.model_validate_json((data.CHECKOUT / "docs" / "network-speed.json").read_text("utf-8"))
    assert {each.messages for each in report.growth} == {10**3, 10**4, 10**5, 10**6}


# Groups


@pytest.fixture
def easy_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure a message once, primitives as few times as can be, and works that take no time."""
    monkeypatch.setattr(fanout, "MESSAGES", 1)
    monkeypatch.setattr(primitives, "TIMES_ALONE", 1)
    monkeypatch.setattr(primitives, "CALLS_ALONE", 2)
    monkeypatch.setattr(fanout, "DIFFICULTY", 1)


@pytest.mark.usefixtures("easy_work")
def test_the_command_measures_groups(cloister: Cloister, tmp_path: Path) -> None:
    done = cloister("bench fanout --members 5 --members 3 --json out/fanout.json --markdown out/fanout.md")
    assert (done.status, done.err) == (0, "")
    report = FanOutReport.model_validate_json((tmp_path / "out" / "fanout.json").read_text("utf-8"))
    operations = ["creation", "message", "message, pairwise", "kick", "join", "leave"]
    assert [(cost.members, cost.operation) for cost in report.costs] == [
        (n, name) for n in (3, 5) for name in operations
    ]
    assert [each.members for each in report.memory] == [3, 5]
    text = (tmp_path / "out" / "fanout.md").read_text("utf-8")
    assert text == render.render_fan_out_markdown(report)
    assert text.count("\n| ") == 2 * len(report.costs) + len(report.memory) + 5
    assert all(word in done.out for name in operations for word in name.split()), "narrow terminals break names"


@pytest.mark.usefixtures("easy_work")
@pytest.mark.parametrize("members", [3, 8])
def test_what_groups_cost_is_counted(members: int) -> None:
    costs = {cost.operation: cost for cost in fanout.live(members)}
    readers, left = members - 1, members - 2
    creation, message, pairwise = costs["creation"], costs["message"], costs["message, pairwise"]
    kick, join, leave = costs["kick"], costs["join"], costs["leave"]
    assert creation.sessions == members * readers / 2
    assert creation.pairwise_encryptions >= readers + members * readers, "the snapshots, and the keys"
    assert creation.stored == creation.pairwise_encryptions + creation.sessions, "and a request for each session"
    assert (message.pairwise_encryptions, message.group_encryptions, message.stored) == (0, 1, 1)
    assert (message.pairwise_decryptions, message.group_decryptions, message.deliveries) == (0, readers, members)
    assert (pairwise.pairwise_encryptions, pairwise.group_encryptions, pairwise.stored) == (readers, 0, readers)
    assert kick.pairwise_encryptions == left + 1 + readers * left, "the snapshots, a notice, and new keys"
    assert join.sessions == readers
    new_keys, again = readers * left, readers
    assert leave.pairwise_encryptions == readers + new_keys + left + again, (
        "leaves, new keys, snapshots, keys again (CG-55)"
    )
    for cost in costs.values():
        assert cost.refusals == 0
        assert cost.pairwise_decryptions == cost.pairwise_encryptions
        assert min(cost.actor_seconds, cost.seconds, cost.primitive_seconds, cost.ratio) > 0
        assert cost.pairs > 0
        assert cost.tries > cost.stored


def test_tries_are_those_that_the_work_of_a_store_is_expected_to_take(monkeypatch: pytest.MonkeyPatch) -> None:
    request = fanout.make_request(bytes(700))
    payload = proof_of_work.encode_payload(request)
    target = proof_of_work.derive_target(len(payload), int(request.ttl), fanout.DIFFICULTY)
    assert fanout.expect_tries(700) == 2**64 / target


def test_every_primitive_is_counted_where_it_is_called() -> None:
    alice, bob = identity.generate_key_pair(os.urandom), identity.generate_key_pair(os.urandom)
    opened = envelope.Envelope(kind="message", source=alice.public, timestamp_ms=1_600_000_000_000, content=bytes(500))
    with primitives.count_primitives() as tallies:
        sealed = envelope.seal_envelope(bob.public, opened, os.urandom)
        envelope.open_envelope(bob.private, sealed)
    called = {name: tally.calls for name, tally in tallies.items() if tally.calls}
    assert called == {
        "X25519": 2,
        "X25519, base point": 1,
        "HMAC-SHA-256": 2,
        "AES-256-GCM, encrypt": 1,
        "AES-256-GCM, decrypt": 1,
    }
    assert tallies["AES-256-GCM, encrypt"].bytes == 639
    assert tallies["AES-256-GCM, decrypt"].bytes == 639 + 28


def test_what_calls_take_alone_is_a_line_over_their_bytes() -> None:
    line = primitives.Line(seconds=2, seconds_per_byte=0.5)
    assert line.apply(primitives.Tally(calls=3, bytes=10)) == 11


def test_all_primitives_take_time_alone() -> None:
    lines = primitives.measure_all_alone()
    assert all(line.seconds > 0 for line in lines.values())
    assert lines["SHA-256"].seconds_per_byte > 0


@pytest.mark.parametrize("members", ["2", "501"])
def test_a_group_that_cannot_be_is_not_measured(cloister: Cloister, members: str) -> None:
    assert cloister(f"bench fanout --members {members}").status == 2


def test_the_figures_of_the_docs_go_up_to_the_largest_group() -> None:
    report = FanOutReport.model_validate_json((data.CHECKOUT / "docs" / "fanout-speed.json").read_text("utf-8"))
    assert {cost.members for cost in report.costs} == {3, 20, 100, 500}
    for cost in report.costs:
        if cost.operation == "message":
            assert (cost.group_encryptions, cost.pairwise_encryptions, cost.stored) == (1, 0, 1)
        assert cost.refusals == 0


# Open groups


@pytest.mark.usefixtures("few_operations")
def test_the_command_measures_an_open_group_server(
    cloister: Cloister, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_crowd, "ALONE", 2)
    monkeypatch.setattr(room_rates, "ACCOUNTS", 20)
    monkeypatch.setattr(room_growth, "ACCOUNTS", 20)
    done = cloister(
        "bench open-group --seconds 0.01 --posts 200 --members 12 --json out/rooms.json --markdown out/rooms.md"
    )
    assert (done.status, done.err) == (0, "")
    report = OpenGroupReport.model_validate_json((tmp_path / "out" / "rooms.json").read_text("utf-8"))
    (server,) = report.servers
    assert server.database == "SQLite"
    names = [(each.name, each.beside.partition(",")[0]) for each in server.comparisons]
    assert names == [
        (f"{name}{way}", beside)
        for name in ("poll", "post")
        for way, beside in (
            ("", "the framework"),
            (", by onion request", "the framework"),
            ("", "its statements"),
            (", by onion request", name),
            ("", "Ed25519"),
            (", by onion request", "X25519"),
        )
    ]
    for comparison in server.comparisons:
        assert min(comparison.rate, comparison.beside_rate) > 0
        assert comparison.low <= comparison.ratio <= comparison.high
    assert [(each.operation, each.messages, each.ratio) for each in server.growth] == [
        (operation, 200, 1)
        for operation in ("since, near the end", "recent", "before, anywhere", "pollInfo", "post", "deletion")
    ]
    crowd = server.crowd
    assert (crowd.members, crowd.posts, crowd.polls, crowd.complete) == (12, 20, 48, 12)
    assert crowd.median <= crowd.p95 <= crowd.p99 <= crowd.longest
    text = (tmp_path / "out" / "rooms.md").read_text("utf-8")
    assert text == render.render_open_group_markdown(report)
    assert text.count("\n| ") == len(server.comparisons) + len(server.growth) + 1 + 5


def test_a_filled_room_is_one_that_was_posted_in() -> None:
    reader = rooms.make_account()
    with (
        rooms.serve(None, lambda database: room_growth.fill(250, database)) as server,
        closing(rooms.Line(server.port)) as line,
    ):

        def ask(what: str) -> Any:
            return json.loads(line.ask(rooms.write_http(rooms.sign(reader, "GET", f"/room/{rooms.ROOM}{what}"))))

        assert [message["seqno"] for message in ask("/messages/since/245")] == [246, 247, 248, 249, 250]
        assert [message["id"] for message in ask("/messages/recent?limit=2")] == [250, 249]
        assert (ask("")["message_sequence"], ask("")["active_users"]) == (250, 3)
        posted = json.loads(line.ask(rooms.write_http(rooms.build_post(reader))))
        assert (posted["id"], posted["seqno"]) == (251, 251)


def test_statements_that_are_sent_again_leave_what_the_server_left(tmp_path: Path) -> None:
    names = [f"sqlite:///{tmp_path / name}.sqlite" for name in ("recorded", "replayed")]
    posts = [rooms.build_post(rooms.make_account()) for _ in range(10)]
    with (
        rooms.open_database(names[0]) as recorded_on,
        rooms.open_database(names[1]) as replayed_on,
        closing(statements.Recorder(recorded_on, tmp_path)) as recorder,
        closing(statements.Replayer(replayed_on)) as replayer,
    ):
        replayer.replay(recorder.record(posts))
        with recorded_on.engine.begin() as ours, replayed_on.engine.begin() as theirs:
            for table in ("messages", "nonces", "users", "standings", "post_times"):
                rows = [connection.exec_driver_sql(f"SELECT * FROM {table}").all() for connection in (ours, theirs)]
                assert rows[0] == rows[1] != []
        with pytest.raises(BrokenAdapter, match="answered /room/a/message with 425"):
            recorder.record(posts[:1])


def test_a_line_is_opened_again_when_the_server_has_closed_it() -> None:
    request = rooms.write_http(rooms.build_poll(rooms.make_account(), 0))
    with rooms.serve_floor("whatever") as floor, closing(rooms.Line(floor.port)) as line:
        assert line.ask(request) == b"whatever"
        with pytest.raises(BrokenAdapter, match="answered GET /none with 404"):
            line.ask(request.replace(b"/room/a/messages/since/0?limit=100", b"/none"))
        line.open().shutdown(socket.SHUT_RDWR)
        assert line.ask(request) == b"whatever"
        assert line.opened == 2
    with closing(rooms.Line(floor.port)) as line, pytest.raises(BrokenAdapter, match="gave no answer to GET /room/a/"):
        line.ask(request)


def test_posts_are_spread_over_all_rounds_but_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    polls, posts = [lambda: done.append("poll")] * 6, [lambda: done.append("post")] * 6
    planned = [[act() or done.pop() for act in acts] for acts in room_crowd.plan(polls, posts)]  # type: ignore[func-returns-value]
    assert planned == [["post", "poll", "poll", "poll", "post", "poll", "poll", "poll"]] * 3 + [["poll"] * 6]


@pytest.mark.parametrize("url", ["sqlite:///x", "rubbish"])
def test_only_a_postgresql_is_measured_beside_sqlite(cloister: Cloister, url: str) -> None:
    done = cloister(f"bench open-group --database {url}")
    assert (done.status, done.err) == (3, "cloister: cannot be measured: the database is no URL of a PostgreSQL\n")


def test_the_figures_of_the_docs_are_those_of_rooms_in_which_everybody_saw_everything() -> None:
    report = OpenGroupReport.model_validate_json((data.CHECKOUT / "docs" / "open-group-speed.json").read_text("utf-8"))
    assert [server.database for server in report.servers] == ["SQLite", "PostgreSQL"]
    for server in report.servers:
        assert server.crowd.complete == server.crowd.members == 1000
