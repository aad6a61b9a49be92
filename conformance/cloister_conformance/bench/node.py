"""What one node stores and gives in a second, beside what it cannot go below. Wall time, processes real."""

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

from cloister import proof_of_work, storage
from cloister.service_node import database
from cloister.swarm import Network

from cloister_conformance.bench.rounds import Comparison, Prepare, Round, build_round, compare
from cloister_conformance.bench.servers import (
    CONNECTIONS,
    FLOOR,
    NODE,
    RPC_PATH,
    TTL_MS,
    Bodies,
    Connections,
    build_retrieve,
    build_store,
    build_stores,
    make_data,
    make_recipient,
    post,
    serve,
)
from cloister_conformance.played_network import HOST

GROUP = f"a node, {CONNECTIONS} connections"
STORE = "store"
RETRIEVE = f"retrieve {storage.PAGE_MESSAGES} messages"
FRAMEWORK = "the framework, which only answers"
SQLITE_SINGLY = "SQLite, a commit for each row"
SQLITE_IN_GROUPS = f"SQLite, a commit for {CONNECTIONS} rows"
"""As the node's writer does when as many requests wait."""


def measure(seconds: float) -> list[Comparison]:
    """Measure all."""
    with serve(NODE) as node, Connections(node.port) as connections, open_database() as connection:
        recipient = make_recipient()
        connections.open()
        connections.send([build_store(recipient) for _ in range(storage.PAGE_MESSAGES)])
        store = build_wall_round(connections.prepare(build_stores), seconds)
        singly = build_wall_round(prepare_inserts(connection, 1), seconds)
        in_groups = build_wall_round(prepare_inserts(connection, CONNECTIONS), seconds)
        return [
            compare_with_floor(STORE, node.port, build_stores, seconds),
            compare(GROUP, STORE, store, SQLITE_SINGLY, singly),
            compare(GROUP, STORE, store, SQLITE_IN_GROUPS, in_groups),
            compare_with_floor(RETRIEVE, node.port, lambda count: [build_retrieve(recipient)] * count, seconds),
        ]


def build_wall_round(prepare: Prepare, seconds: float) -> Round:
    """Build a round in which other processes do the work."""
    return build_round(prepare, seconds, time.perf_counter)


def compare_with_floor(name: str, port: int, build_bodies: Bodies, seconds: float) -> Comparison:
    """Measure requests to a node beside the same requests to a server that gives the same answer at once."""
    with closing(HTTPConnection(HOST, port)) as connection:
        answer = post(connection, RPC_PATH, build_bodies(1)[0]).decode()
    with serve(FLOOR, answer=answer) as floor, Connections(port) as ours, Connections(floor.port) as theirs:
        return compare(
            GROUP,
            name,
            build_wall_round(ours.prepare(build_bodies), seconds),
            FRAMEWORK,
            build_wall_round(theirs.prepare(build_bodies), seconds),
        )


@contextmanager
def open_database() -> Iterator[sqlite3.Connection]:
    """Open a database like a node's, on the same disk."""
    with (
        tempfile.TemporaryDirectory(prefix="cloister-bench-") as folder,
        closing(database.connect(Path(folder) / database.FILE)) as connection,
    ):
        database.create(connection, Network(height=0, swarms=()))
        yield connection


def prepare_inserts(connection: sqlite3.Connection, group: int) -> Prepare:
    """Prepare to insert rows, so many in a transaction."""

    def prepare(count: int) -> Callable[[], None]:
        rows = [make_row() for _ in range(count)]

        def perform() -> None:
            for start in range(0, count, group):
                connection.execute("BEGIN IMMEDIATE")
                for row in rows[start : start + group]:
                    connection.execute(database.INSERT, row)
                connection.execute("COMMIT")

        return perform

    return prepare


def make_row() -> tuple[str | int, ...]:
    """Make what a node inserts for a message."""
    now_ms = time.time_ns() // 1_000_000
    nonce = proof_of_work.encode_nonce(0)
    return make_recipient(), os.urandom(64).hex(), make_data(), now_ms, TTL_MS, nonce, now_ms + TTL_MS
