"""An implementation beside the reference, both behind a pipe: what a run of the suite sees. Wall time."""

import itertools
import os
import time
from collections.abc import Callable
from typing import Any

from cloister import identity, proof_of_work, sender_keys

from cloister_conformance import implementation as implementations
from cloister_conformance import protocol
from cloister_conformance.bench.reference import NOW_MS, PLAINTEXT, REQUEST
from cloister_conformance.bench.rounds import Comparison, Prepare, build_round, compare
from cloister_conformance.conversations import Bundle, Side, exchange
from cloister_conformance.implementation import Implementation
from cloister_conformance.script import ConformanceFailure, ImplementationUnderTest, Script
from cloister_conformance.target import Target, shorten
from cloister_conformance.transport import BrokenAdapter

Params = dict[str, Any]
Calls = Callable[[Target, int], list[Params]]
"""Prepares the params of so many calls, and the handles that they name."""

NAMES = itertools.count()


def measure(implementation: Implementation, seconds: float) -> list[Comparison]:
    """Measure every operation that the implementation offers.

    Raises:
        BrokenAdapter, HungAdapter: it did not answer, or not with a result.
    """
    try:
        return measure_offered(implementation, seconds)
    except ConformanceFailure as failure:
        raise BrokenAdapter(f"cannot be measured: {failure}") from None


def measure_offered(implementation: Implementation, seconds: float) -> list[Comparison]:
    """Measure every operation that the implementation offers; one that fails ends it."""
    target, reference = Target(implementation), Target(implementations.reference())
    try:
        calls = [
            compare_pipes(
                method, prepare_calls(target, method, calls), prepare_calls(reference, method, calls), seconds
            )
            for method, calls in OPERATIONS.items()
            if target.offers(protocol.METHODS[method].capability or "")
        ]
        conversations = [
            compare_pipes(name, prepare(target), prepare(reference), seconds)
            for name, prepare in CONVERSATIONS.items()
            if target.offers("sessions")
        ]
    finally:
        target.stop()
        reference.stop()
    measured = [*calls, *conversations]
    return [comparison.model_copy(update={"implementation": implementation.name}) for comparison in measured]


def compare_pipes(name: str, prepare: Prepare, prepare_reference: Prepare, seconds: float) -> Comparison:
    """Measure something of an implementation beside the reference, both behind a pipe."""
    return compare(
        "through the pipe",
        name,
        build_round(prepare, seconds, time.perf_counter),
        "the reference",
        build_round(prepare_reference, seconds, time.perf_counter),
    )


def prepare_calls(target: Target, method: str, calls: Calls) -> Prepare:
    """Prepare calls of a method."""

    def prepare(count: int) -> Callable[[], None]:
        call(target, "reset", {})
        params = calls(target, count)

        def perform() -> None:
            for each in params:
                call(target, method, each)

        return perform

    return prepare


def call(target: Target, method: str, params: Params) -> Params:
    """Call a method and return its result.

    Raises:
        BrokenAdapter: it answers an error; what a measurement asks for is valid.
    """
    answer = target.call(method, params)
    if "result" not in answer:
        raise BrokenAdapter(f"answered {method} with {shorten(answer)}")
    result: Params = answer["result"]
    return result


def prepare_sign(target: Target, count: int) -> list[Params]:
    private = identity.generate_key_pair(os.urandom).private
    return [{"private_key": private.hex(), "message": PLAINTEXT.hex()}] * count


def prepare_verify(target: Target, count: int) -> list[Params]:
    pair = identity.generate_key_pair(os.urandom)
    signature = identity.sign(pair.private, PLAINTEXT, os.urandom)
    return [{"public_key": pair.public.hex(), "message": PLAINTEXT.hex(), "signature": signature.hex()}] * count


def prepare_agree(target: Target, count: int) -> list[Params]:
    pair, other = identity.generate_key_pair(os.urandom), identity.generate_key_pair(os.urandom)
    return [{"private_key": pair.private.hex(), "public_key": other.public.hex()}] * count


def prepare_encrypt(target: Target, count: int) -> list[Params]:
    key = f"key {next(NAMES)}"
    call(target, "sender_keys.create", {"key": key})
    return [{"key": key, "plaintext": PLAINTEXT.hex()}] * count


def prepare_decrypt(target: Target, count: int) -> list[Params]:
    record = f"record {next(NAMES)}"
    key = sender_keys.create_sender_key(os.urandom)
    distribution = sender_keys.encode_distribution(key).hex()
    call(target, "sender_keys.process", {"record": record, "distribution": distribution, "now_ms": NOW_MS})
    params = []
    for _ in range(count):
        key, frame = sender_keys.encrypt(key, PLAINTEXT, os.urandom)
        params.append({"record": record, "message": frame.hex(), "now_ms": NOW_MS})
    return params


def prepare_target(target: Target, count: int) -> list[Params]:
    return [{"payload_length": 1000, "ttl_ms": 172_800_000, "difficulty": 10}] * count


def prepare_check(target: Target, count: int) -> list[Params]:
    request = {"timestamp": REQUEST.timestamp, "ttl": REQUEST.ttl, "recipient": REQUEST.recipient, "data": REQUEST.data}
    return [{**request, "difficulty": 1, "nonce": proof_of_work.find_nonce(REQUEST, difficulty=1)}] * count


# Pairwise sessions; both sides are the implementation's own


def make_sides(target: Target, count: int = 1) -> list[tuple[Side, Side, Bundle]]:
    """Make so many pairs of accounts that know each other, with a bundle of the second; no session yet."""
    script = Script(seed=0)
    actor = ImplementationUnderTest(target, script)
    actor.call("reset").must_be()
    alice = Side(actor=actor, account="alice", identity=identity.generate_key_pair(os.urandom))
    alice.create_account()
    sides = []
    for number in range(count):
        bob = Side(actor=actor, account=f"bob {number}", identity=identity.generate_key_pair(os.urandom))
        bob.create_account()
        bundle = bob.create_bundle(one_time=target.offers("one-time-prekeys"))
        sides.append((alice.meet(bob), bob.meet(alice), bundle))
    script.steps.clear()
    return sides


def start(target: Target) -> tuple[Side, Side]:
    """Establish one session in which both have read."""
    ((alice, bob, bundle),) = make_sides(target)
    alice.open(bundle).must_be()
    exchange(alice, bob)
    exchange(bob, alice)
    return alice, bob


def set_up(target: Target) -> Prepare:
    """Open a session from a bundle, and read its first message."""

    def prepare(count: int) -> Callable[[], None]:
        sides = make_sides(target, count)

        def perform() -> None:
            for alice, bob, bundle in sides:
                alice.open(bundle)
                exchange(alice, bob, PLAINTEXT)

        return perform

    return prepare


def talk_one_way(target: Target) -> Prepare:
    """Encrypt and decrypt in one chain."""

    def prepare(count: int) -> Callable[[], None]:
        alice, bob = start(target)

        def perform() -> None:
            for _ in range(count):
                exchange(alice, bob, PLAINTEXT)

        return perform

    return prepare


def ping_pong(target: Target) -> Prepare:
    """Send a message each way, each under a new ratchet key."""

    def prepare(count: int) -> Callable[[], None]:
        alice, bob = start(target)

        def perform() -> None:
            for _ in range(count):
                exchange(alice, bob, PLAINTEXT)
                exchange(bob, alice, PLAINTEXT)

        return perform

    return prepare


CONVERSATIONS: dict[str, Callable[[Target], Prepare]] = {
    "session set-up, both sides": set_up,
    "session, one way, encrypt and decrypt": talk_one_way,
    "session, ping-pong, a message each way": ping_pong,
}

OPERATIONS: dict[str, Calls] = {
    "identity.sign": prepare_sign,
    "identity.verify": prepare_verify,
    "identity.agree": prepare_agree,
    "sender_keys.encrypt": prepare_encrypt,
    "sender_keys.decrypt": prepare_decrypt,
    "proof_of_work.target": prepare_target,
    "proof_of_work.check": prepare_check,
}
