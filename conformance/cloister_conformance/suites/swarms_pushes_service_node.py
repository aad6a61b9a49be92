"""Chapter 07, role `service-node`: what a node pushes to the other nodes of its swarm, and what it takes from them."""

import base64
from collections.abc import Callable

import pytest

from cloister_conformance.clause import clause
from cloister_conformance.hand_made import swarms
from cloister_conformance.hand_made.proof_of_work import find_nonce_between, mine, payload
from cloister_conformance.hand_made.swarms import hash_store
from cloister_conformance.node_script import NetworkActor, NodeUnderTest
from cloister_conformance.node_storage import (
    APART,
    NO_WORK,
    OTHER,
    OWN,
    PUSH_PATH,
    Store,
    derive_recipient,
    keep,
    must_get,
    must_hold,
    must_not_get,
    must_refuse,
    name_recipient,
    need_network,
    push,
    sign,
    take_push,
    write_batch,
    write_record,
    write_store,
    write_stores,
)
from cloister_conformance.played_network import NODES, UNDER_TEST
from cloister_conformance.plugin import NodeActors

CLOCK_TOLERANCE_MS = 900_000
MIN_TTL_MS = 10_000
MAX_TTL_MS = 1_209_600_000
HELD_UP_SECONDS = 2.5
"""How long a peer does not answer: longer than the node under test waits."""
UNHARMED_SECONDS = 1.8
REFUSED = "^Node request refused\n?$"
Headers = dict[str, str]


def settle(iut: NodeUnderTest, network: NetworkActor, label: str) -> None:
    """Let what other tests have stored be pushed before."""
    store = write_store(iut, name_recipient(iut, f"settles {label}"))
    keep(iut, store)
    for node in ("b", "c"):
        must_get(network, node, store)


# What is pushed


@clause("SW-28")
def test_a_stored_message_is_pushed_to_all_others(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    store = write_store(iut, name_recipient(iut, "pushed"))
    keep(iut, store)
    for node in ("b", "c"):
        must_get(network, node, store)


@clause("SW-28")
def test_many_messages_are_all_pushed(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    stores = [write_store(iut, name_recipient(iut, f"many pushed {number}")) for number in range(30)]
    iut.rpc_all([("store", dict(store)) for store in stores]).must_be(statuses=[200])
    for node in ("b", "c"):
        must_get(network, node, *stores)


@clause("SW-28")
@pytest.mark.parametrize("how", [{"status": 503}, {"status": 202}, {"status": 403}, {"drop": True}], ids=str)
def test_a_message_is_pushed_again_until_it_is_taken(node_actors: NodeActors, how: dict[str, object]) -> None:
    iut, _, network = node_actors()
    settle(iut, network, f"before {how}")
    network.answer("b", path=PUSH_PATH, **how)
    store = write_store(iut, name_recipient(iut, f"pushed again {how}"))
    keep(iut, store)
    record = write_record(store).hex()
    take_push(network, "b", store, count=2).must_match(requests=f"{record}.*{record}")


@clause("SW-28")
def test_a_node_that_does_not_answer_holds_up_no_other(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    settle(iut, network, "before one is held up")
    network.answer("b", path=PUSH_PATH, delay_seconds=HELD_UP_SECONDS, status=503)
    first, second = write_stores(iut, name_recipient(iut, "held up"), 2)
    for store in (first, second):
        keep(iut, store)
        must_get(network, "c", store, seconds=UNHARMED_SECONDS)
    must_get(network, "b", first, second)


@clause("SW-28")
def test_the_outbox_survives_the_sudden_end_of_the_process(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    settle(iut, network, "before the end")
    network.answer("b", path=PUSH_PATH, times=2, status=503)
    store = write_store(iut, name_recipient(iut, "outbox"))
    keep(iut, store)
    must_get(network, "b", store)
    iut.kill()
    must_get(network, "b", store)


@clause("SW-29")
def test_a_batch_has_the_form_of_the_text(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    settle(iut, network, "before a batch")
    store = write_store(iut, name_recipient(iut, "form of a batch"), ttl=str(MAX_TTL_MS))
    keep(iut, store)
    take_push(network, "b", store).must_match(requests=f"'body': '{write_record(store).hex()}'")


@clause("SW-29")
def test_a_batch_is_closed_when_it_is_long(node_actors: NodeActors) -> None:
    iut, peer, network = node_actors()
    need_network(iut)
    recipient = derive_recipient("long batches", APART)
    stores = [write_store(iut, recipient, data=f"{number:04}".ljust(100_000, "A")) for number in range(6)]
    keep(iut, *stores)
    iut.set_network({OWN: "abc", APART: "g", OTHER: "def"})
    for taken in must_get(network, "g", *stores):
        for request in taken.result.requests:
            messages = peer.call("storage.decode_batch", batch=request.body).result.messages
            again = [message.model_dump() for message in messages]
            peer.call("storage.encode_batches", messages=again).must_be(batches=[request.body])


@clause("SW-33")
@pytest.mark.parametrize("node", ["b", "c"])
def test_a_push_is_signed_for_its_receiver(node_actors: NodeActors, node: str) -> None:
    iut, peer, network = node_actors()
    store = write_store(iut, name_recipient(iut, f"signed for {node}"))
    keep(iut, store)
    (request,) = take_push(network, node, store).result.requests
    headers = {name: request.headers.get(f"x-node-{name}") for name in ("key", "time", "signature")}
    checked = peer.call(
        "node_request.check",
        **headers,
        network=swarms.describe_network(),
        receiver=NODES[node].ed25519,
        path=PUSH_PATH,
        body=request.body,
        now_ms=iut.now_ms,
    )
    checked.must_be(sender=NODES[UNDER_TEST].ed25519)


@clause("SW-31")
def test_a_pushed_message_is_not_pushed_on(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    recipient = name_recipient(iut, "not pushed on")
    pushed, stored = write_stores(iut, recipient, 2)
    push(iut, write_batch(pushed)).must_be(status=200)
    keep(iut, stored)
    for node in ("b", "c"):
        must_get(network, node, stored)
    for node in ("b", "c"):
        must_not_get(network, node, pushed)


# What is taken


@clause("SW-29", "SW-30")
def test_a_pushed_batch_is_kept(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient, other = name_recipient(iut, "taken"), name_recipient(iut, "taken too")
    stores, more = write_stores(iut, recipient, 3), write_stores(iut, other, 2)
    push(iut, write_batch(*stores, *more)).must_be(status=200)
    must_hold(iut, recipient, *stores)
    must_hold(iut, other, *more)


RECIPIENT = derive_recipient("not whole", OWN)
GOOD, CUT = (swarms.write_store(recipient=RECIPIENT, timestamp="1700000000000", data=data) for data in ("AAAA", "BBBB"))
RECORD = write_record(CUT)
SIZE_AT = 66
"""Where the length of the hash stands."""
NOT_WHOLE = {
    "cut in the nonce": RECORD[:-1],
    "cut in the times": RECORD[: 66 + 8 + 128 + 8 + 4 + 10],
    "cut in the recipient": RECORD[:40],
    "a byte behind": RECORD + b"\0",
    "a length of one less": RECORD[:SIZE_AT] + (127).to_bytes(8, "little") + RECORD[SIZE_AT + 8 :],
    "a length of all ones": RECORD[:SIZE_AT] + b"\xff" * 8 + RECORD[SIZE_AT + 8 :],
    "a length with its last byte first": RECORD[:SIZE_AT] + (128).to_bytes(8, "big") + RECORD[SIZE_AT + 8 :],
    "not ASCII": RECORD.replace(b"BBBB", b"\xc3\xbcBB"),
}


@clause("SW-29")
@pytest.mark.parametrize("rest", NOT_WHOLE.values(), ids=NOT_WHOLE)
def test_a_batch_that_is_not_whole_records_is_refused_as_a_whole(node_actors: NodeActors, rest: bytes) -> None:
    iut, _, _ = node_actors()
    must_refuse(push(iut, write_record(GOOD) + rest), 400)
    must_hold(iut, RECIPIENT)


def spoil_text(**texts: str) -> Callable[[Store], bytes]:
    """Spoil some texts before the work, so that they are the only thing wrong."""

    def write(store: Store) -> bytes:
        store = {**store, **texts}
        ttl_ms = int(store["ttl"])
        nonce = mine(store["timestamp"], store["ttl"], store["pubKey"], store["data"], ttl_ms=ttl_ms)
        return write_record({**store, "nonce": nonce})

    return write


def spoil_time(after_ms: int) -> Callable[[Store], bytes]:
    """Move the time of a message that lives for ten seconds."""
    return lambda store: spoil_text(timestamp=str(int(store["timestamp"]) + after_ms), ttl=str(MIN_TTL_MS))(store)


def lack_work(store: Store) -> bytes:
    """Take a nonce that does not suffice."""
    joined = payload(store["timestamp"], store["ttl"], store["pubKey"], store["data"])
    return write_record({**store, "nonce": find_nonce_between(joined, 2**60, 2**64)})


DROPPED: dict[str, Callable[[Store], bytes]] = {
    "recipient in upper case": lambda store: spoil_text(pubKey=store["pubKey"].upper())(store),
    "recipient of another type": lambda store: spoil_text(pubKey=f"03{store['pubKey'][2:]}")(store),
    "ttl too short": spoil_text(ttl="9000"),
    "ttl too long": spoil_text(ttl=str(MAX_TTL_MS + 1000)),
    "ttl not whole seconds": spoil_text(ttl="60001"),
    "timestamp of 12 digits": spoil_text(timestamp="999999999999"),
    "data no base64": spoil_text(data="no base64"),
    "data not canonical": spoil_text(data="aGVsbG9="),
    "data too long": spoil_text(data="A" * 102_404),
    "nonce of 9 bytes": lambda store: write_record(store, nonce="AAAAAAAAAAAA"),
    "hash of another message": lambda store: write_record(store, hash="ab" * 64),
    "hash in upper case": lambda store: write_record(store, hash=hash_store(store).upper()),
    "hash cut": lambda store: write_record(store, hash=hash_store(store)[:64]),
    "too little work": lack_work,
    "expired": spoil_time(-MIN_TTL_MS),
    "too far ahead": spoil_time(CLOCK_TOLERANCE_MS + 1),
}


@clause("SW-30")
@pytest.mark.parametrize("spoil", DROPPED.values(), ids=DROPPED)
def test_a_bad_message_is_dropped_and_the_others_are_kept(
    node_actors: NodeActors, spoil: Callable[[Store], bytes]
) -> None:
    iut, _, _ = node_actors()
    iut.set_clock(iut.now_ms)
    case = next(name for name, other in DROPPED.items() if other is spoil)
    recipient = name_recipient(iut, f"dropped: {case}")
    first, second, third = write_stores(iut, recipient, 3)
    push(iut, write_record(first) + spoil(second) + write_record(third)).must_be(status=200)
    must_hold(iut, recipient, first, third)


@clause("SW-30")
def test_a_pushed_message_of_another_swarm_is_sent_back(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    foreign = write_store(iut, derive_recipient("pushed wrongly", OTHER))
    own = write_store(iut, name_recipient(iut, "pushed rightly"))
    must_refuse(push(iut, write_batch(foreign, own)), 421)
    must_hold(iut, own["pubKey"], own)
    iut.set_network({OWN: "bc", OTHER: "a"})
    must_hold(iut, foreign["pubKey"])


@clause("SW-30")
@pytest.mark.parametrize("after_ms", [1 - MIN_TTL_MS, CLOCK_TOLERANCE_MS], ids=["nearly expired", "far ahead"])
def test_a_pushed_message_may_be_nearly_expired_or_far_ahead(node_actors: NodeActors, after_ms: int) -> None:
    iut, _, _ = node_actors()
    iut.set_clock(iut.now_ms)
    recipient = name_recipient(iut, f"at the limit {after_ms}")
    store = write_store(iut, recipient, timestamp=str(iut.now_ms + after_ms), ttl=str(MIN_TTL_MS))
    push(iut, write_batch(store)).must_be(status=200)
    must_hold(iut, recipient, store)


# The difficulty of a pushed message

HISTORY = [(-(10**9), 5), (0, 2), (2000, 4)]
"""Changes by the time after one moment: it falls, and rises soon after."""
VALID = {
    -CLOCK_TOLERANCE_MS - 1: 5,
    -CLOCK_TOLERANCE_MS: 2,
    0: 2,
    1: 2,
    2000: 2,
    CLOCK_TOLERANCE_MS: 2,
    CLOCK_TOLERANCE_MS + 1999: 2,
    CLOCK_TOLERANCE_MS + 2000: 4,
}
"""The valid difficulty at times after that moment."""


@clause("SW-27")
@pytest.mark.parametrize("after_ms", VALID)
def test_a_pushed_message_needs_work_for_the_valid_difficulty(node_actors: NodeActors, after_ms: int) -> None:
    iut, _, _ = node_actors()
    moment = iut.now_ms - 5000
    iut.set_network({OWN: "abc"}, [(moment + time, difficulty) for time, difficulty in HISTORY])
    iut.set_clock(moment + max(after_ms, 5000) - 1000)
    recipient = derive_recipient(f"valid difficulty {after_ms}", OWN)
    enough, less = (
        write_store(iut, recipient, label, timestamp=str(moment + after_ms), ttl="3600000", nonce=NO_WORK)
        for label in range(2)
    )
    difficulty = VALID[after_ms]
    enough["nonce"] = swarms.find_nonce_for_less(enough, enough=difficulty, wanted=difficulty + 1)
    less["nonce"] = swarms.find_nonce_for_less(less, enough=difficulty - 1, wanted=difficulty)
    push(iut, write_batch(less, enough)).must_be(status=200)
    must_hold(iut, recipient, enough)


@clause("SW-27")
def test_work_that_is_too_little_for_a_store_can_be_enough_for_a_push(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    iut.set_network({OWN: "abc"}, [(0, 2), (iut.now_ms - 1000, 9)])
    recipient = name_recipient(iut, "accepted before the change")
    store = write_store(iut, recipient, timestamp=str(iut.now_ms - 2000), nonce=NO_WORK)
    store["nonce"] = swarms.find_nonce_for_less(store, enough=2, wanted=9)
    iut.rpc("store", **store).must_be(status=432, value={"difficulty": 9})
    push(iut, write_batch(store)).must_be(status=200)
    must_hold(iut, recipient, store)


# Node requests


def must_turn_away(iut: NodeUnderTest, batch: bytes, headers: Headers) -> None:
    """Expect that a push with these headers is refused in the one text."""
    push(iut, batch, headers).must_match(status="^403$", body=REFUSED)


def sign_wrongly(
    batch: bytes, now_ms: int, *, receiver: bytes, label: bytes = b"cloister node request", body: bytes | None = None
) -> Headers:
    """Sign something else than the push."""
    signed = swarms.write_signed(receiver, now_ms, PUSH_PATH, batch if body is None else body, label=label)
    return {f"X-Node-{name.capitalize()}": text for name, text in swarms.write_headers("b", signed, now_ms).items()}


def change(**headers: Callable[[str], str | None]) -> Callable[[bytes, int], Headers]:
    """Change headers that were right: the new text, or None to leave it out."""

    def write(batch: bytes, now_ms: int) -> Headers:
        right = sign(batch, now_ms)
        changed = {name: headers.get(name[7:].lower(), str)(text) for name, text in right.items()}
        return {name: text for name, text in changed.items() if text is not None}

    return write


def sign_as_stranger(batch: bytes, now_ms: int) -> Headers:
    """Sign as a node that is in no swarm."""
    return sign(batch, now_ms, sender="h")


A = NODES[UNDER_TEST].ed25519
FORGED: dict[str, Callable[[bytes, int], Headers]] = {
    "no headers": lambda batch, now_ms: {},
    "no key": change(key=lambda text: None),
    "no time": change(time=lambda text: None),
    "no signature": change(signature=lambda text: None),
    "the key of another node": change(key=lambda text: NODES["c"].ed25519.hex()),
    "the key of no node": change(key=lambda text: "ab" * 32),
    "an empty key": change(key=lambda text: ""),
    "a node outside of the network": sign_as_stranger,
    "another time": change(time=lambda text: str(int(text) + 1)),
    "a time with a zero before it": change(time=lambda text: f"0{text}"),
    "a time that is none": change(time=lambda text: "now"),
    "a signature that is cut": change(signature=lambda text: base64.b64encode(base64.b64decode(text)[:-1]).decode()),
    "a signature of zeros": change(signature=lambda text: base64.b64encode(bytes(64)).decode()),
    "a signature in hex": change(signature=lambda text: base64.b64decode(text).hex()),
    "an empty signature": change(signature=lambda text: ""),
    "for another receiver": lambda batch, now_ms: sign(batch, now_ms, receiver=NODES["c"].ed25519),
    "for another path": lambda batch, now_ms: sign(batch, now_ms, path="/onion_req/v2"),
    "for another body": lambda batch, now_ms: sign_wrongly(batch, now_ms, receiver=A, body=batch + batch),
    "for no label": lambda batch, now_ms: sign_wrongly(batch, now_ms, receiver=A, label=b""),
    "from too long ago": lambda batch, now_ms: sign(batch, now_ms - CLOCK_TOLERANCE_MS - 1),
    "from too far ahead": lambda batch, now_ms: sign(batch, now_ms + CLOCK_TOLERANCE_MS + 1),
}


@clause("SW-32")
@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_node_request_that_is_not_signed_rightly_is_refused(
    node_actors: NodeActors, forge: Callable[[bytes, int], Headers]
) -> None:
    iut, _, _ = node_actors()
    iut.set_clock(iut.now_ms)
    recipient = name_recipient(iut, "forged")
    batch = write_batch(write_store(iut, recipient))
    must_turn_away(iut, batch, forge(batch, iut.now_ms))
    must_hold(iut, recipient)


@clause("SW-32")
@pytest.mark.parametrize("after_ms", [-CLOCK_TOLERANCE_MS, CLOCK_TOLERANCE_MS])
def test_clocks_of_nodes_may_differ_by_a_quarter_of_an_hour(node_actors: NodeActors, after_ms: int) -> None:
    iut, _, _ = node_actors()
    iut.set_clock(iut.now_ms)
    recipient = name_recipient(iut, f"another clock {after_ms}")
    store = write_store(iut, recipient)
    batch = write_batch(store)
    push(iut, batch, sign(batch, iut.now_ms + after_ms)).must_be(status=200)
    must_hold(iut, recipient, store)


@clause("SW-32")
def test_a_node_of_another_swarm_may_push(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "from another swarm")
    store = write_store(iut, recipient)
    batch = write_batch(store)
    push(iut, batch, sign(batch, iut.now_ms, sender="d")).must_be(status=200)
    must_hold(iut, recipient, store)


@clause("SW-32")
def test_a_node_that_has_left_the_network_is_refused(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    batch = write_batch(write_store(iut, name_recipient(iut, "from one that left")))
    headers = sign(batch, iut.now_ms)
    iut.set_network({OWN: "ac", OTHER: "def"})
    must_turn_away(iut, batch, headers)
    iut.set_network({OWN: "abc", OTHER: "def"})
    push(iut, batch, headers).must_be(status=200)


@clause("SW-19", "SW-32")
def test_a_node_request_that_comes_again_changes_nothing(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "replayed")
    first, second = write_stores(iut, recipient, 2)
    batch = write_batch(first, second)
    headers = sign(batch, iut.now_ms)
    for _ in range(3):
        push(iut, batch, headers).must_be(status=200)
    must_hold(iut, recipient, first, second)
