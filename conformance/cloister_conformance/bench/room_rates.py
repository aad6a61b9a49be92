"""How many posts and polls an open-group server answers in a second, beside what it cannot go below. Wall time, processes real.

What is behind the cursor of a poll is a handful of posts. Half of the requests come as they are, half as onion requests.
"""

import os
import time
from collections.abc import Callable
from contextlib import closing
from itertools import cycle

from cloister import onion, server_onion, signed_request
from cloister.sealing import IV_BYTES
from cloister.server_id import SigningId
from cloister.signed_request import Request
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cloister_conformance.bench import bare
from cloister_conformance.bench.rooms import (
    KEYS,
    SERVER_KEY,
    Build,
    Line,
    Lines,
    build_poll,
    build_post,
    build_posts,
    make_account,
    serve,
    serve_floor,
    wrap_all,
    write_http,
)
from cloister_conformance.bench.rounds import Comparison, Round, build_round, compare, repeat
from cloister_conformance.bench.servers import CONNECTIONS
from cloister_conformance.bench.statements import open_replay

ACCOUNTS = 1000
"""So many that none of them posts more than an account may."""
BEHIND = 5
"""Posts behind the cursor of a poll."""
POST, POLL, BY_ONION = "post", "poll", "by onion request"
FRAMEWORK = "the framework, which only answers"
VERIFY = "Ed25519, verify"
LAYER = "X25519, AES of a layer and of as long a reply, Ed25519"


def measure(url: str | None, database: str, seconds: float) -> list[Comparison]:
    """Measure all."""
    group = f"{database}, {CONNECTIONS} clients"
    accounts = [make_account() for _ in range(ACCOUNTS)]
    builds = {POLL: build_polls(accounts[0]), POST: build_posts(cycle(accounts))}  # what is polled does not change
    with serve(url) as server, Lines(server.port) as lines, open_replay(url) as prepare_statements:
        first = [build_post(account) for account in accounts[:BEHIND]]
        lines.send([write_http(request) for request in first])
        prepare_statements(lambda _: first)(BEHIND)()
        comparisons = []
        for name, build in builds.items():
            plain = build_wall_round(lines, build, seconds)
            onions = build_wall_round(lines, wrap_all(build), seconds)
            statements = build_round(prepare_statements(build), seconds, time.perf_counter)
            beside_floor = [
                compare_with_floor(group, shown, server.port, shown_build, seconds)
                for shown, shown_build in ((name, build), (f"{name}, {BY_ONION}", wrap_all(build)))
            ]
            comparisons += [
                *beside_floor,
                compare(group, name, plain, f"its statements, a commit for {CONNECTIONS}", statements),
                compare(group, f"{name}, {BY_ONION}", onions, name, plain),
                compare(group, name, plain, VERIFY, build_bare_round(build_verification, build, seconds)),
                compare(group, f"{name}, {BY_ONION}", onions, LAYER, build_bare_round(build_opening, build, seconds)),
            ]
        return comparisons


def build_polls(account: SigningId) -> Build:
    """Build polls of an account, whose cursor is where the room begins."""
    return lambda count: [build_poll(account, 0) for _ in range(count)]


def build_wall_round(lines: Lines, build: Build, seconds: float) -> Round:
    """Build a round in which other processes do the work."""
    return build_round(lines.prepare(build), seconds, time.perf_counter)


def compare_with_floor(group: str, name: str, port: int, build: Build, seconds: float) -> Comparison:
    """Measure requests to a server beside the same requests to one that gives an answer of the same size at once."""
    with closing(Line(port)) as line:
        size = len(line.ask(write_http(build(1)[0])))
    with serve_floor("a" * size) as floor, Lines(port) as ours, Lines(floor.port) as theirs:
        return compare(
            group,
            name,
            build_wall_round(ours, build, seconds),
            FRAMEWORK,
            build_wall_round(theirs, build, seconds),
        )


# Primitives


def build_bare_round(build_act: Callable[[Request], Callable[[], object]], build: Build, seconds: float) -> Round:
    """Build a round of primitives alone, in this process, for a request of this kind."""
    return build_round(repeat(build_act(build(1)[0])), seconds, time.perf_counter)


def build_verification(request: Request) -> Callable[[], None]:
    """Build the verification of a request's signature."""
    found = signed_request.read_signature(request.headers, blinding_required=True)
    assert found is not None
    message = signed_request.encode_signed(
        request, server_key=SERVER_KEY, nonce=found.nonce, timestamp_s=found.timestamp_s
    )
    return lambda: bare.verify(found.id[1:], message, found.signature)


def build_opening(request: Request) -> Callable[[], None]:
    """Build the opening of a layer around a request, the verification, and the sealing of as long a reply."""
    verify = build_verification(request)
    layer = onion.seal_layer(KEYS.public, server_onion.encode_request(request), os.urandom)
    u = bytes.fromhex(layer.ephemeral_key)

    def open_and_seal() -> None:
        reply = bare.open_layer(KEYS.private, u, layer.ciphertext)
        verify()
        AESGCM(layer.key).encrypt(os.urandom(IV_BYTES), reply, None)

    return open_and_seal
