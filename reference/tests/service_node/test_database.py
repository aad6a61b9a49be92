"""What a node has on disk: pages as the rules say, one transaction, full disks, changes of the network."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cloister import storage
from cloister.service_node import database as databases
from cloister.service_node.database import Database, UnusableData, commit
from cloister.serving.writer import CannotWrite, Writer
from cloister.storage import Message
from cloister.swarm import Network
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOW = 1_700_000_000_000
MINE = f"05{2**62:016x}{0:047x}1"


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


def message(number: int, recipient: str = MINE, *, ttl_ms: int = 60_000, size: int = 8) -> Message:
    """A message; the database does not look at its hash or work."""
    return Message(
        recipient=recipient,
        hash=f"{number:0128x}",
        data="A" * size,
        timestamp_ms=NOW,
        ttl_ms=ttl_ms,
        nonce="AAAAAAAAAAA=",
    )


@pytest.fixture
def network(world: Any) -> Network:
    return Network.model_validate(world.network())


@pytest.fixture
def open_database(world: Any, network: Network) -> Iterator[Callable[..., Database]]:
    """Opens the database of node a; all are closed at the end."""
    opened: list[Database] = []

    def open_one(at: Network = network, *, max_bytes: int = 2**30) -> Database:
        opened.append(Database(world.folder / "data", world.keys["a"].public, at, max_bytes=max_bytes))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("store"), st.integers(0, 30), st.integers(1, 5)),
            st.tuples(st.just("sweep"), st.integers(0, 6), st.just(0)),
            st.tuples(st.just("pages"), st.just(0), st.integers(0, 6)),
        ),
        max_size=60,
    )
)
def test_pages_are_those_of_the_rules(
    open_database: Callable[..., Database], steps: list[tuple[str, int, int]]
) -> None:
    """Two recipients by turns; the model is a list, and what was swept is gone from it."""
    held: list[Message] = []
    database = open_database()

    async def play() -> None:
        await database.sweep(now_ms=NOW + 10**9)
        held.clear()
        for what, number, amount in steps:
            if what == "store":
                new = message(number, f"05{2**62:016x}{0:047x}{number % 2}", ttl_ms=amount * 1000)
                assert (await database.store(new)).new == (new.hash not in {one.hash for one in held})
                if new.hash not in {one.hash for one in held}:
                    held.append(new)
            elif what == "sweep":
                await database.sweep(now_ms=NOW + number * 1000)
                held[:] = [one for one in held if one.expiration_ms > NOW + number * 1000]
            else:
                check_pages(database, held, now_ms=NOW + amount * 1000)
            assert database.messages == len(held)

    run(play())
    database.close()


def check_pages(database: Database, held: list[Message], *, now_ms: int) -> None:
    """Compare all pages of both recipients, behind each hash that is held, for whomever, and one that is not."""
    for turn in range(2):
        recipient = f"05{2**62:016x}{0:047x}{turn}"
        own = [one for one in held if one.recipient == recipient]
        for last in ["", *(one.hash for one in held)]:
            expected = storage.take_page(own, last, now_ms=now_ms)
            assert database.read_page(recipient, last, now_ms=now_ms) == expected


def test_what_was_stored_is_there_again(open_database: Callable[..., Database]) -> None:
    first = open_database()
    run(first.store(message(1)))
    first.close()
    again = open_database()
    assert again.read_page(MINE, "", now_ms=NOW) == [message(1)]
    assert again.messages == 1
    assert len(again.read_targets()) == 2


def test_two_processes_do_not_share_a_folder(open_database: Callable[..., Database]) -> None:
    open_database()
    with pytest.raises(UnusableData, match=r"another service node uses the folder .*: stop it first"):
        open_database()


def test_a_folder_that_is_none_is_refused(world: Any, open_database: Callable[..., Database]) -> None:
    (world.folder / "data").write_text("a file")
    with pytest.raises(UnusableData, match="cannot write to the folder"):
        open_database()


def test_files_of_another_kind_are_refused(world: Any, open_database: Callable[..., Database]) -> None:
    path = world.folder / "data" / databases.FILE
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(UnusableData, match="cannot open"):
        open_database()
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(UnusableData, match="version 9"):
        open_database()


def test_a_commit_waits_for_the_disk(open_database: Callable[..., Database]) -> None:
    connection = open_database()._connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_full_database_keeps_what_it_holds(open_database: Callable[..., Database]) -> None:
    database = open_database(max_bytes=300_000)

    async def fill() -> int:
        for number in range(100):
            try:
                await database.store(message(number, size=10_000))
            except CannotWrite:
                return number
        raise AssertionError("it is never full")

    stored = run(fill())
    assert 10 < stored < 30
    assert database.messages == stored
    assert len(database.read_page(MINE, f"{stored - 2:0128x}", now_ms=NOW)) == 1
    assert run(database.sweep(now_ms=NOW + 60_000)) == stored  # a full database can be swept
    assert run(database.store(message(1000, size=10_000))).new == 1


def test_of_a_group_only_what_fails_fails(open_database: Callable[..., Database]) -> None:
    database = open_database(max_bytes=300_000)

    async def fill() -> list[Any]:
        sizes = [100, 150_000, 150_000, 150_000, 100]
        jobs = [database.store(message(number, size=size)) for number, size in enumerate(sizes)]
        return await asyncio.gather(*jobs, return_exceptions=True)

    outcomes = run(fill())
    assert [isinstance(outcome, CannotWrite) for outcome in outcomes] == [False, False, True, True, False]
    assert [one.hash for one in database.read_page(MINE, "", now_ms=NOW)] == [f"{n:0128x}" for n in (0, 1, 4)]


def test_work_that_fails_leaves_nothing_of_itself() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t (x INTEGER)")

    def insert(value: int, *, fail: bool = False) -> Callable[[sqlite3.Connection], int]:
        def work(connection: sqlite3.Connection) -> int:
            connection.execute("INSERT INTO t VALUES (?)", (value,))
            if fail:
                raise ValueError(value)
            return value

        return work

    outcomes = commit(connection, [insert(1), insert(2, fail=True), insert(3)])
    assert (outcomes[0], repr(outcomes[1]), outcomes[2]) == (1, "ValueError(2)", 3)
    assert connection.execute("SELECT x FROM t").fetchall() == [(1,), (3,)]


def test_what_waits_is_committed_together(open_database: Callable[..., Database]) -> None:
    database = open_database()
    statements: list[str] = []
    database._connection.set_trace_callback(statements.append)

    async def store_many() -> None:
        await asyncio.gather(*(database.store(message(number)) for number in range(200)))

    run(store_many())
    assert statements.count("COMMIT") < 20
    assert database.messages == 200


def test_the_writer_finishes_what_waits_before_it_stops() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    done: list[int] = []

    async def play() -> None:
        writer = Writer(partial(commit, connection))
        jobs = [asyncio.ensure_future(writer.do(lambda _, n=n: done.append(n))) for n in range(1000)]  # type: ignore[misc]
        await asyncio.sleep(0)
        writer.stop()
        await asyncio.gather(*jobs)

    run(play())
    assert done == list(range(1000))


def test_a_sweep_is_bounded(open_database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "SWEEP_MESSAGES", 3)
    database = open_database()
    for number in range(5):
        run(database.store(message(number, ttl_ms=10_000 + number)))
    assert run(database.sweep(now_ms=NOW + 10_003)) == 3
    assert run(database.sweep(now_ms=NOW + 10_003)) == 1
    assert database.messages == 1
    assert len(database.read_outbox(database.read_targets()[0])) == 1  # what is gone is not pushed
    run(database.sweep(now_ms=NOW + 60_000))
    assert database.read_targets() == []


# The outbox and the network


def read_outboxes(world: Any, database: Database) -> dict[str, list[int]]:
    """What goes to whom: numbers of messages by name of node."""
    names = {keys.public: name for name, keys in world.keys.items()}
    return {
        names[target]: [int(one.hash, 16) for one in database.read_outbox(target).values()]
        for target in sorted(database.read_targets(), key=lambda target: names[target])
    }


def test_a_message_goes_to_all_others_of_its_swarm(world: Any, open_database: Callable[..., Database]) -> None:
    database = open_database()
    stored = run(database.store(message(1)))
    assert stored.targets == {world.keys["b"].public, world.keys["c"].public}
    assert run(database.store(message(1))).targets == frozenset()
    assert read_outboxes(world, database) == {"b": [1], "c": [1]}
    run(database.clear_outbox(world.keys["b"].public, database.read_outbox(world.keys["b"].public)))
    assert read_outboxes(world, database) == {"c": [1]}


def test_what_was_pushed_is_not_pushed_on(world: Any, network: Network, open_database: Callable[..., Database]) -> None:
    database = open_database()
    assert run(database.store_pushed([message(1), message(2), message(1)], network)).new == 2
    assert read_outboxes(world, database) == {}


def test_a_batch_is_closed_when_it_is_long(world: Any, open_database: Callable[..., Database]) -> None:
    database = open_database()
    for number in range(8):
        run(database.store(message(number, size=100_000)))
    batch = database.read_outbox(world.keys["b"].public)
    assert [int(one.hash, 16) for one in batch.values()] == [0, 1, 2, 3, 4]
    assert len(storage.encode_batches(batch.values())) == 1


def change(world: Any, swarms: dict[int, str]) -> Network:
    world.height += 1
    world.swarms = swarms
    return Network.model_validate(world.network())


@pytest.mark.parametrize(
    ("swarms", "outboxes"),
    [
        ({2**62: "abcg", 3 * 2**62: "def"}, {"b": [1], "c": [1], "g": [1, 2]}),  # a new node
        ({2**62: "ac", 3 * 2**62: "def"}, {"c": [1]}),  # one that left
        ({2**62: "acf", 3 * 2**62: "bde"}, {"c": [1], "f": [1, 2]}),  # two that changed places
        ({3 * 2**62: "abdef"}, {"b": [1], "d": [1, 2], "e": [1, 2], "f": [1, 2]}),  # a dissolved swarm
        ({2**62 - 9: "ab", 2**62: "cg", 3 * 2**62: "def"}, {"c": [1], "g": [1, 2]}),  # a new swarm, with an old node
        ({}, {}),
    ],
)
def test_a_change_of_the_network_fills_the_outbox(
    world: Any,
    network: Network,
    open_database: Callable[..., Database],
    swarms: dict[int, str],
    outboxes: dict[str, list[int]],
) -> None:
    """Message 1 is still to be pushed, message 2 came by a push; a restart in between changes nothing."""
    database = open_database()
    run(database.store(message(1)))
    run(database.store_pushed([message(2)], network))
    changed = change(world, swarms)
    run(database.take_up(changed))
    assert read_outboxes(world, database) == outboxes
    run(database.take_up(network))  # a lower height
    assert read_outboxes(world, database) == outboxes
    run(database.clear_outbox(world.keys["g"].public, database.read_outbox(world.keys["g"].public)))
    run(database.take_up(changed))  # the same again
    outboxes = {name: numbers for name, numbers in outboxes.items() if name != "g"}
    database.close()
    again = open_database(changed)
    run(again.take_up(changed))
    assert read_outboxes(world, again) == outboxes


def test_a_change_while_the_node_was_down_is_noticed(world: Any, open_database: Callable[..., Database]) -> None:
    database = open_database()
    run(database.store(message(1)))
    database.close()
    changed = change(world, {2**62: "abcg"})
    again = open_database(changed)
    run(again.take_up(changed))
    assert read_outboxes(world, again) == {"b": [1], "c": [1], "g": [1]}


def test_a_push_that_a_change_overtakes_goes_to_the_new_holders(
    world: Any, network: Network, open_database: Callable[..., Database]
) -> None:
    """It was checked before the change, and is written after it."""
    database = open_database()
    run(database.take_up(change(world, {2**62: "abcg"})))
    assert run(database.store_pushed([message(1)], network)).targets == {world.keys["g"].public}
    assert read_outboxes(world, database) == {"g": [1]}


def test_a_change_comes_in_portions_and_nothing_that_is_stored_in_between_misses_it(
    world: Any, network: Network, open_database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there goes to g, what is stored in between to all, and what is pushed under the new network to nobody."""
    monkeypatch.setattr(databases, "PORTION_RECIPIENTS", 2)
    database = open_database()
    accounts = [world.account(number) for number in range(7)]
    for number, recipient in enumerate(accounts):
        run(database.store_pushed([message(number, recipient)], network))
    changed = change(world, {2**62: "abcg"})
    portions = 0

    async def take_up() -> None:
        nonlocal portions
        adapt = database._adapt

        def note(connection: sqlite3.Connection, behind: str) -> str | None:
            nonlocal portions
            portions += 1
            return adapt(connection, behind)

        monkeypatch.setattr(database, "_adapt", note)
        whole = asyncio.create_task(database.take_up(changed))
        for number, recipient in enumerate(accounts):
            while database.network.height < changed.height:
                await database.store_pushed([], network)
            await database.store(message(10 + number, recipient))
            await database.store_pushed([message(20 + number, recipient)], network)  # checked before the change
            await database.store_pushed([message(30 + number, recipient)], changed)
        await whole

    run(take_up())
    assert portions == 6  # four with recipients, the end of the change, and the look that finds no other
    boxes = {name: sorted(numbers) for name, numbers in read_outboxes(world, database).items()}
    assert boxes == {"b": [*range(10, 17)], "c": [*range(10, 17)], "g": [*range(7), *range(10, 17), *range(20, 27)]}


def test_a_change_that_is_broken_off_is_made_at_the_next_start(
    world: Any, network: Network, open_database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an old node file too; and two changes one after the other are both made."""
    monkeypatch.setattr(databases, "PORTION_RECIPIENTS", 2)
    database = open_database()
    for number in range(7):
        run(database.store_pushed([message(number, world.account(number))], network))
    first, second = change(world, {2**62: "abcg"}), change(world, {2**62: "abch"})
    run(database.record(first))
    assert database._adapt(database._connection, "")
    run(database.record(second))
    database.close()
    again = open_database(network)
    assert again.network == second
    run(again.take_up(again.network))
    assert read_outboxes(world, again) == {"h": [*range(7)]}
    run(again.take_up(network))
    assert again.network == second


def test_a_change_that_does_not_fit_is_not_half_made(world: Any, open_database: Callable[..., Database]) -> None:
    database = open_database(max_bytes=200_000)

    async def fill() -> None:
        for number in range(10_000):
            await database.store(message(number, size=100))

    with pytest.raises(CannotWrite):
        run(fill())
    before = read_outboxes(world, database)
    changed = change(world, {2**62: "abcdefgh"})
    with pytest.raises(CannotWrite):
        run(database.take_up(changed))
    assert read_outboxes(world, database) == before
    run(database.sweep(now_ms=NOW + 60_000))
    run(database.take_up(changed))


def test_no_swarm_is_no_holder(world: Any, open_database: Callable[..., Database]) -> None:
    world.swarms = {}
    nobody = Network.model_validate(world.network())
    database = open_database(nobody)
    assert run(database.store(message(1))).targets == frozenset()
    run(database.take_up(change(world, {2**62: "ab"})))
    assert read_outboxes(world, database) == {"b": [1]}


def test_the_folder_is_made(tmp_path: Path, world: Any, network: Network) -> None:
    Database(tmp_path / "x" / "y", world.keys["a"].public, network, max_bytes=2**30).close()
    assert (tmp_path / "x" / "y" / databases.FILE).exists()
