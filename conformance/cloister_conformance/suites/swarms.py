"""Chapter 07: swarms and storage, as far as functions show them; what only a running node shows is in `swarms_service_node`."""

import base64
import json
from typing import Any

import pytest
from cloister import proof_of_work, storage
from hypothesis import assume, example, given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made import swarms as hand_made
from cloister_conformance.hand_made.swarms import (
    CLOCK_TOLERANCE_MS,
    FOREIGN,
    LEFT,
    NO_SWARM,
    NOW,
    PUBLISHED_CHOICES,
    PUBLISHED_IDS,
    PUBLISHED_SPACES,
    READINGS,
    RECIPIENT,
    RIGHT,
    RING,
    TTL,
    derive_key,
    describe_history,
    describe_letter,
    describe_network,
    describe_swarm,
    write_held,
    write_store,
)
from cloister_conformance.plugin import Actors
from cloister_conformance.script import Actor, Answer, ImplementationUnderTest

Json = dict[str, Any]
NETWORK = describe_network()
NODE, PEER, STRANGER = derive_key("a"), derive_key("b"), derive_key("z")
TOLERANCE = storage.FUTURE_TOLERANCE_MS

NOT_RECIPIENTS = [
    "",
    RECIPIENT[2:],
    RECIPIENT[:-1],
    RECIPIENT + "00",
    RECIPIENT.upper(),
    "03" + RECIPIENT[2:],
    "05" + "g" * 64,
]
NOT_BASE64 = ["A", "AA", "AB==", "AA-_", "AAAA\n", "===="]
NOT_TTLS = ["", "060000", "60000 ", "+60000", "-60000", "60000.0", "6e4"]
NOT_TIMESTAMPS = ["", "01600000000000", "1600000000000 ", "+1600000000000", "16e11", "-1600000000000", "9" * 21]
NOT_NONCES = ["", "AAAA", "AAAAAAAAAAA", "AAAAAAAAAAAAAA==", "AAAAAAAAAAB=", "not base64!"]


def identifiers() -> st.SearchStrategy[int]:
    """Numbers below 2^64, often near an end, the middle, or another one."""
    edges = st.sampled_from([0, 1, 100, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, RING - 2, RING - 1])
    near = st.tuples(edges, st.integers(-3, 3)).map(lambda pair: (pair[0] + pair[1]) % RING)
    return st.one_of(st.integers(0, RING - 1), st.integers(0, 1000), near)


def lists_of_ids() -> st.SearchStrategy[list[int]]:
    """Different swarm ids in any order, one of which is that of a swarm."""
    return st.lists(identifiers(), min_size=1, max_size=9, unique=True).filter(lambda ids: set(ids) != {NO_SWARM})


def histories() -> st.SearchStrategy[list[tuple[int, int]]]:
    """Changes of the difficulty in any order, often near the fixed time or a tolerance from it."""
    offsets = st.one_of(
        st.sampled_from([0, CLOCK_TOLERANCE_MS, -CLOCK_TOLERANCE_MS]).flatmap(lambda at: st.integers(at - 2, at + 2)),
        st.integers(-3 * CLOCK_TOLERANCE_MS, 3 * CLOCK_TOLERANCE_MS),
    )
    change = st.tuples(offsets.map(lambda offset: NOW + offset), st.integers(1, 200))
    return st.lists(change, max_size=6, unique_by=lambda pair: pair[0])


def check_store(actor: Actor, store: dict[str, str], *, network: Json = NETWORK, now_ms: int = NOW) -> Any:  # noqa: ANN401
    """Let an actor check a store at node a."""
    return actor.call("storage.check_store", params=store, network=network, node=NODE, now_ms=now_ms)


def choose(actor: Actor, ids: tuple[int, ...] | list[int], space: int) -> Answer:
    """Let an actor choose a swarm."""
    return actor.call("swarm.choose", ids=[str(swarm_id) for swarm_id in ids], space=str(space))


# Space and choice


@clause("SW-1")
@given(key=st.binary(min_size=32, max_size=32))
@example(key=bytes.fromhex("0123456789abcdef" * 4))
@example(key=bytes(31) + b"\x01")
@example(key=bytes(24) + b"\xff" * 8)
def test_the_space_is_made_of_the_four_words(actors: Actors, key: bytes) -> None:
    iut, _ = actors()
    recipient = "05" + key.hex()
    iut.call("swarm.space", recipient=recipient).must_be(space=str(hand_made.derive_space(recipient)))


@clause("SW-1")
@pytest.mark.parametrize(("recipient", "space"), PUBLISHED_SPACES)
def test_spaces_of_deployed_software(actors: Actors, recipient: str, space: str) -> None:
    iut, _ = actors()
    iut.call("swarm.space", recipient=recipient).must_be(space=space)


@clause("SW-2")
@given(ids=lists_of_ids(), space=identifiers())
def test_the_nearest_swarm_is_chosen(actors: Actors, ids: list[int], space: int) -> None:
    nearest = hand_made.choose_2022(ids, space)
    assume(hand_made.choose_2020(ids, space) == nearest)
    iut, peer = actors()
    choose(peer, ids, space).must_be(id=str(nearest))
    choose(iut, ids, space).must_be(id=str(nearest))


@clause("SW-2")
@pytest.mark.parametrize(("space", "chosen"), PUBLISHED_CHOICES)
def test_choices_of_deployed_software(actors: Actors, space: int, chosen: int) -> None:
    iut, _ = actors()
    choose(iut, PUBLISHED_IDS, space).must_be(id=str(chosen))


@clause("SW-2")
@pytest.mark.parametrize(
    ("low", "high"), [(0, 2), (100, 200), (2**62, 3 * 2**62), (2**63 - 1, 2**63 + 1), (RING - 4, RING - 2)]
)
def test_of_two_equally_near_swarms_it_is_the_left_one(actors: Actors, low: int, high: int) -> None:
    iut, _ = actors()
    middle = (low + high) // 2
    choose(iut, [low, high], middle).must_be(id=str(low))
    choose(iut, [high, low], middle).must_be(id=str(low))


@clause("SW-2")
@given(ids=lists_of_ids(), space=identifiers(), order=st.randoms(use_true_random=False))
def test_the_order_of_the_swarms_does_not_matter(actors: Actors, ids: list[int], space: int, order: Any) -> None:  # noqa: ANN401
    iut, _ = actors()
    first = choose(iut, ids, space)
    shuffled = list(ids)
    order.shuffle(shuffled)
    choose(iut, shuffled, space).must_be_like(first)


@clause("SW-2")
@given(swarm_id=identifiers().filter(lambda swarm_id: swarm_id != NO_SWARM), space=identifiers())
def test_the_only_swarm_is_chosen_for_every_space(actors: Actors, swarm_id: int, space: int) -> None:
    iut, _ = actors()
    choose(iut, [swarm_id], space).must_be(id=str(swarm_id))


def find_disputed() -> list[tuple[tuple[int, ...], int]]:
    """Find spaces near the middle of the way round the end, and the last space, for which the readings differ."""
    found: list[tuple[tuple[int, ...], int]] = []
    for ids in (PUBLISHED_IDS, (0, *PUBLISHED_IDS), (LEFT, RIGHT), (5, RING - 9), (2**63, 2**63 + 3)):
        middle = (max(ids) + (min(ids) - max(ids)) % RING // 2) % RING
        spaces = [*((middle + step) % RING for step in range(-3, 4)), RING - 1]
        found += [(ids, space) for space in spaces if len({chosen(ids, space) for chosen in READINGS.values()}) > 1]
    return found


@clause("SW-2")
def test_reading_of_the_choice(actors: Actors, note_reading: Any) -> None:  # noqa: ANN401 - a fixture
    iut, _ = actors()
    disputed = find_disputed()
    first = choose(iut, *disputed[0]).result.id
    reading = next((name for name, chosen in READINGS.items() if str(chosen(*disputed[0])) == first), "2022")
    for ids, space in disputed:
        choose(iut, ids, space).must_be(id=str(READINGS[reading](ids, space)))
    note_reading("choice of a swarm", reading)


@clause("SW-3")
@pytest.mark.parametrize(
    ("ids", "space", "chosen"),
    [
        ((NO_SWARM, 100), NO_SWARM, 100),
        ((2**63, NO_SWARM), RING - 2, 2**63),
        ((200, NO_SWARM, 2**63), 0, 200),
        ((NO_SWARM, RING - 2), NO_SWARM, RING - 2),
    ],
)
def test_a_swarm_with_the_reserved_id_takes_no_part(
    actors: Actors, ids: tuple[int, ...], space: int, chosen: int
) -> None:
    iut, _ = actors()
    choose(iut, ids, space).must_be(id=str(chosen))


@clause("SW-3")
@pytest.mark.parametrize("ids", [(), (NO_SWARM,)])
@pytest.mark.parametrize("space", [0, NO_SWARM])
def test_without_a_swarm_the_choice_is_refused(actors: Actors, ids: tuple[int, ...], space: int) -> None:
    iut, _ = actors()
    choose(iut, ids, space).must_be_refused("TooFewNodes")


@clause("SW-4")
@pytest.mark.parametrize(("recipient", "names"), [(RECIPIENT, "abc"), (FOREIGN, "def")])
def test_all_nodes_of_the_swarm_are_named(actors: Actors, recipient: str, names: str) -> None:
    iut, _ = actors()
    snodes = [
        {**hand_made.describe_node(name), "address": hand_made.describe_address(derive_key(name))} for name in names
    ]
    iut.call("swarm.find", recipient=recipient, network=NETWORK).must_be(snodes=snodes)


@clause("SW-4")
@given(key=st.binary(min_size=32, max_size=32), swarm_ids=st.lists(identifiers(), min_size=2, max_size=4, unique=True))
def test_any_recipient_has_its_swarm(actors: Actors, key: bytes, swarm_ids: list[int]) -> None:
    iut, peer = actors()
    network = describe_network(
        *(describe_swarm(swarm_id, name) for swarm_id, name in zip(swarm_ids, "abcd", strict=False))
    )
    recipient = "05" + key.hex()
    space = hand_made.derive_space(recipient)
    assume(hand_made.choose_2020(swarm_ids, space) == hand_made.choose_2022(swarm_ids, space))
    expected = peer.call("swarm.find", recipient=recipient, network=network)
    iut.call("swarm.find", recipient=recipient, network=network).must_be_like(expected)


# Requests


@clause("SW-5")
@pytest.mark.parametrize("name", ["d", "z"])
def test_a_recipient_of_another_swarm_is_refused(actors: Actors, name: str) -> None:
    iut, _ = actors()
    params = {"network": NETWORK, "node": derive_key(name)}
    retrieve = {"pubKey": RECIPIENT, "lastHash": ""}
    iut.call("storage.check_store", params=write_store(), now_ms=NOW, **params).must_be_refused("WrongSwarm")
    iut.call("storage.check_retrieve", params=retrieve, **params).must_be_refused("WrongSwarm")


@clause("SW-5", "SW-13")
@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_each_node_of_the_swarm_accepts(actors: Actors, name: str) -> None:
    iut, _ = actors()
    store, params = write_store(), {"network": NETWORK, "node": derive_key(name)}
    answer = iut.call("storage.check_store", params=store, now_ms=NOW, **params)
    answer.must_be(message_hash=hand_made.hash_store(store))
    iut.call("storage.check_retrieve", params={"pubKey": RECIPIENT, "lastHash": "no hash"}, **params).must_be()


@clause("SW-5")
def test_the_nodes_without_a_swarm_are_no_swarm(actors: Actors) -> None:
    iut, _ = actors()
    network = describe_network(describe_swarm(NO_SWARM, "a"), describe_swarm(RIGHT, "d"))
    check_store(iut, write_store(), network=network).must_be_refused("WrongSwarm")


METHODS: dict[str, dict[str, str]] = {
    "store": write_store(nonce="AAAAAAAAAAA="),
    "retrieve": {"pubKey": RECIPIENT, "lastHash": ""},
    "get_snodes_for_pubkey": {"pubKey": RECIPIENT},
}


def decode_request(iut: ImplementationUnderTest, body: bytes | object) -> Answer:
    """Let the implementation decode a body, or what JSON makes of a value."""
    written = body if isinstance(body, bytes) else json.dumps(body).encode("utf-8")
    return iut.call("storage.decode_request", body=written)


@clause("SW-6")
@pytest.mark.parametrize("method", METHODS)
def test_a_request_is_decoded(actors: Actors, method: str) -> None:
    iut, _ = actors()
    params = METHODS[method]
    decode_request(iut, {"method": method, "params": params}).must_be(method=method, params=params)
    more = {"jsonrpc": "2.0", "id": 7, "params": {**params, "more": 1}, "method": method}
    decode_request(iut, more).must_be(method=method, params=params)
    spaced = json.dumps({"method": method, "params": params}, indent=2).encode("utf-8")
    decode_request(iut, spaced).must_be(method=method, params=params)


@clause("SW-6")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"method":"retrieve","params":{"pubKey":"\xff","lastHash":""}}',
        b'{"method":"get_snodes_for_pubkey","params":{"pubKey":"05"}} {}',
        b'{"method":"get_snodes_for_pubkey","params":{"pubKey":"05"},"more":NaN}',
        b"{'method':'get_snodes_for_pubkey','params':{'pubKey':'05'}}",
        b"[" * 100_000,
        json.dumps({"method": "get_snodes_for_pubkey", "params": {"pubKey": "05"}}).encode("utf-16"),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_not_json_is_refused(actors: Actors, body: bytes) -> None:
    iut, _ = actors()
    decode_request(iut, body).must_be_refused("InvalidMessage")


@clause("SW-6")
@pytest.mark.parametrize(
    "value",
    [
        [],
        None,
        "store",
        0,
        {},
        {"params": METHODS["retrieve"]},
        {"method": "retrieve"},
        {"method": None, "params": METHODS["retrieve"]},
        {"method": 1, "params": METHODS["retrieve"]},
        {"method": ["retrieve"], "params": METHODS["retrieve"]},
        {"method": "", "params": METHODS["retrieve"]},
        {"method": "Retrieve", "params": METHODS["retrieve"]},
        {"method": "get_lns_mapping", "params": {"name_hash": ""}},
        {"method": "retrieve", "params": None},
        {"method": "retrieve", "params": list(METHODS["retrieve"].values())},
        {"method": "retrieve", "params": json.dumps(METHODS["retrieve"])},
    ],
    ids=lambda value: json.dumps(value)[:48],
)
def test_a_request_of_another_form_is_refused(actors: Actors, value: object) -> None:
    iut, _ = actors()
    decode_request(iut, value).must_be_refused("InvalidMessage")


@clause("SW-6")
@pytest.mark.parametrize(("method", "name"), [(method, name) for method, params in METHODS.items() for name in params])
def test_a_param_that_is_absent_or_no_string_is_refused(actors: Actors, method: str, name: str) -> None:
    iut, _ = actors()
    params = METHODS[method]
    without = {other: text for other, text in params.items() if other != name}
    decode_request(iut, {"method": method, "params": without}).must_be_refused("InvalidMessage")
    for value in (None, 0, 1600000000000, True, [params[name]], {"text": params[name]}):
        decode_request(iut, {"method": method, "params": {**params, name: value}}).must_be_refused("InvalidMessage")


@clause("SW-6")
@given(body=st.binary(max_size=60))
def test_arbitrary_bodies_are_refused(actors: Actors, body: bytes) -> None:
    iut, _ = actors()
    decode_request(iut, body).must_be_refused("InvalidMessage")


@clause("SW-7")
@pytest.mark.parametrize("recipient", NOT_RECIPIENTS)
def test_a_recipient_of_another_form_is_refused(actors: Actors, recipient: str) -> None:
    iut, _ = actors()
    check_store(iut, write_store(recipient=recipient)).must_be_refused("InvalidEncoding")
    retrieve = {"pubKey": recipient, "lastHash": ""}
    iut.call("storage.check_retrieve", params=retrieve, network=NETWORK, node=NODE).must_be_refused("InvalidEncoding")


@clause("SW-7")
@pytest.mark.parametrize("data", NOT_BASE64)
def test_data_of_another_form_is_refused(actors: Actors, data: str) -> None:
    iut, _ = actors()
    check_store(iut, write_store(data=data)).must_be_refused("InvalidEncoding")


@clause("SW-7")
@pytest.mark.parametrize("size", [0, proof_of_work.MAX_DATA_CHARACTERS, proof_of_work.MAX_DATA_CHARACTERS + 4])
def test_the_size_of_data_has_a_limit(actors: Actors, size: int) -> None:
    iut, _ = actors()
    answer = check_store(iut, write_store(data="A" * size, ttl="10000"))
    if size <= proof_of_work.MAX_DATA_CHARACTERS:
        answer.must_be()
    else:
        answer.must_be_refused("TooLarge")


FAULTS: list[tuple[str, dict[str, str], str]] = [
    ("pubKey", {"recipient": FOREIGN.upper()}, "InvalidEncoding"),
    ("too much data", {"data": "A" * (proof_of_work.MAX_DATA_CHARACTERS + 4)}, "TooLarge"),
    ("form of data", {"data": "AB=="}, "InvalidEncoding"),
    ("swarm", {"recipient": FOREIGN}, "WrongSwarm"),
    ("form of ttl", {"ttl": "010000"}, "InvalidEncoding"),
    ("limits of ttl", {"ttl": "9000"}, "OutOfRange"),
    ("form of timestamp", {"timestamp": f"0{NOW}"}, "InvalidEncoding"),
    ("timestamp ahead", {"timestamp": str(NOW + TOLERANCE + 1)}, "OutOfRange"),
    ("expired", {"timestamp": str(NOW - TTL)}, "ExpiredMessage"),
    ("form of nonce", {"nonce": "AAAA"}, "InvalidEncoding"),
    ("work", {"nonce": "//////////8="}, "InsufficientWork"),
]
"""What can be wrong with a store, in the order in which it is noticed: the texts that are wrong, and the refusal."""

ORDERED = [
    pytest.param({**late, **early}, error, id=f"{first} before {second}")
    for place, (first, early, error) in enumerate(FAULTS)
    for second, late, other in FAULTS[place + 1 :]
    if other != error and not early.keys() & late.keys()
]


@clause("SW-8")
@pytest.mark.parametrize(("texts", "error"), ORDERED)
def test_the_first_fault_is_the_one_that_is_answered(actors: Actors, texts: dict[str, str], error: str) -> None:
    iut, _ = actors()
    check_store(iut, write_store(**{"nonce": "AAAAAAAAAAA=", **texts})).must_be_refused(error)


@clause("SW-8")
@given(faults=st.sets(st.sampled_from(range(len(FAULTS))), min_size=1, max_size=5))
def test_of_several_faults_the_first_is_answered(actors: Actors, faults: set[int]) -> None:
    iut, peer = actors()
    texts = {name: text for place in sorted(faults, reverse=True) for name, text in FAULTS[place][1].items()}
    store = write_store(**{"nonce": "AAAAAAAAAAA=", **texts})
    expected = check_store(peer, store)
    check_store(iut, store).must_be_like(expected)


@clause("SW-9")
@pytest.mark.parametrize("ttl", NOT_TTLS)
def test_a_ttl_of_another_form_is_refused(actors: Actors, ttl: str) -> None:
    iut, _ = actors()
    check_store(iut, write_store(ttl=ttl)).must_be_refused("InvalidEncoding")


@clause("SW-9")
@pytest.mark.parametrize("ttl", ["0", "9000", "60001", "1209601000", "3456010000"])
def test_a_ttl_outside_its_limits_is_refused(actors: Actors, ttl: str) -> None:
    iut, _ = actors()
    check_store(iut, write_store(ttl=ttl)).must_be_refused("OutOfRange")


@clause("SW-9")
@pytest.mark.parametrize("ttl", ["10000", "345600000", "1209600000"])
def test_a_ttl_within_its_limits_is_accepted(actors: Actors, ttl: str) -> None:
    iut, _ = actors()
    check_store(iut, write_store(ttl=ttl)).must_be()


@clause("SW-10")
@pytest.mark.parametrize("timestamp", NOT_TIMESTAMPS)
def test_a_timestamp_of_another_form_is_refused(actors: Actors, timestamp: str) -> None:
    iut, _ = actors()
    check_store(iut, write_store(timestamp=timestamp)).must_be_refused("InvalidEncoding")


@clause("SW-10")
@pytest.mark.parametrize("timestamp", ["0", "1600000000", "999999999999", "10000000000000"])
def test_a_timestamp_without_13_digits_is_refused(actors: Actors, timestamp: str) -> None:
    iut, _ = actors()
    check_store(iut, write_store(timestamp=timestamp)).must_be_refused("OutOfRange")


@clause("SW-10")
@pytest.mark.parametrize("ahead_ms", [0, 1, TOLERANCE - 1, TOLERANCE])
def test_a_timestamp_may_be_a_little_ahead(actors: Actors, ahead_ms: int) -> None:
    iut, _ = actors()
    check_store(iut, write_store(timestamp=str(NOW + ahead_ms))).must_be()


@clause("SW-10")
@pytest.mark.parametrize("ahead_ms", [TOLERANCE + 1, TOLERANCE + 1000, CLOCK_TOLERANCE_MS, 10**9])
def test_a_timestamp_that_is_too_far_ahead_is_refused(actors: Actors, ahead_ms: int) -> None:
    iut, _ = actors()
    check_store(iut, write_store(timestamp=str(NOW + ahead_ms))).must_be_refused("OutOfRange")


@clause("SW-10", "SW-13")
@pytest.mark.parametrize("age_ms", [TOLERANCE + 1, CLOCK_TOLERANCE_MS + 1, 13 * 24 * 3_600_000])
def test_a_timestamp_may_be_old(actors: Actors, age_ms: int) -> None:
    iut, _ = actors()
    store = write_store(ttl=str(proof_of_work.MAX_TTL_MS), timestamp=str(NOW - age_ms))
    check_store(iut, store).must_be(message_hash=hand_made.hash_store(store))


@clause("SW-11")
@pytest.mark.parametrize("left_ms", [0, -1, -TOLERANCE, -(10**9)])
def test_a_message_that_has_expired_is_not_stored(actors: Actors, left_ms: int) -> None:
    iut, _ = actors()
    check_store(iut, write_store(timestamp=str(NOW - TTL + left_ms))).must_be_refused("ExpiredMessage")


@clause("SW-11")
@pytest.mark.parametrize("left_ms", [1, 1000])
def test_a_message_that_is_about_to_expire_is_stored(actors: Actors, left_ms: int) -> None:
    iut, _ = actors()
    check_store(iut, write_store(timestamp=str(NOW - TTL + left_ms))).must_be()


@clause("SW-12")
@pytest.mark.parametrize("nonce", NOT_NONCES)
def test_a_nonce_of_another_form_is_refused(actors: Actors, nonce: str) -> None:
    iut, _ = actors()
    check_store(iut, write_store(nonce=nonce)).must_be_refused("InvalidEncoding")


@clause("SW-12")
@pytest.mark.parametrize("difficulty", [2, 7, 99])
def test_work_that_does_not_reach_the_difficulty_is_refused(actors: Actors, difficulty: int) -> None:
    iut, _ = actors()
    network = describe_network(difficulties=[(NOW - 10**9, difficulty)])
    store = write_store(nonce="AAAAAAAAAAA=")
    store["nonce"] = hand_made.find_nonce_for_less(store, enough=difficulty - 1, wanted=difficulty)
    check_store(iut, store, network=network).must_be_refused("InsufficientWork")


@clause("SW-12", "SW-13")
@pytest.mark.parametrize("difficulty", [2, 7, 99])
def test_work_that_barely_reaches_the_difficulty_is_accepted(actors: Actors, difficulty: int) -> None:
    iut, _ = actors()
    network = describe_network(difficulties=[(NOW - 10**9, difficulty)])
    store = write_store(nonce="AAAAAAAAAAA=")
    store["nonce"] = hand_made.find_nonce_for_less(store, enough=difficulty, wanted=difficulty + 1)
    check_store(iut, store, network=network).must_be(message_hash=hand_made.hash_store(store))


@clause("SW-13")
@given(
    data=st.binary(max_size=60),
    ttl=st.integers(10, 100),
    age_ms=st.integers(-TOLERANCE, 9_999),
    difficulty=st.integers(1, 5),
)
def test_a_store_that_is_right_is_accepted_and_named_by_its_hash(
    actors: Actors, data: bytes, ttl: int, age_ms: int, difficulty: int
) -> None:
    iut, peer = actors()
    encoded = base64.b64encode(data).decode("ascii")
    store = write_store(difficulty, data=encoded, ttl=str(1000 * ttl), timestamp=str(NOW - age_ms))
    network = describe_network(difficulties=[(NOW, difficulty)])
    check_store(peer, store, network=network).must_be()
    check_store(iut, store, network=network).must_be(message_hash=hand_made.hash_store(store))


# Pages


def take_page(actor: Actor, held: list[Json], last_hash: str = "", now_ms: int = NOW) -> Answer:
    """Let an actor take a page out of what is held."""
    return actor.call("storage.take_page", messages=held, last_hash=last_hash, now_ms=now_ms)


def write_many(count: int) -> list[Json]:
    """Describe so many messages as they are held."""
    return [write_held(str(number), data=base64.b64encode(bytes([number])).decode("ascii")) for number in range(count)]


@clause("SW-20", "SW-21", "SW-22", "SW-24")
@given(left_ms=st.lists(st.integers(-2, 4), max_size=25), place=st.integers(0, 25))
def test_a_page_is_what_stands_behind_the_last_hash(actors: Actors, left_ms: list[int], place: int) -> None:
    iut, peer = actors()
    held = [write_held(f"{number}", expiration_ms=NOW + left) for number, left in enumerate(left_ms)]
    alive = [message for message, left in zip(held, left_ms, strict=True) if left > 0]
    # Whether a message that has expired still marks a place is not said, so the last hash is of one that has not, or of none.
    last_hash, rest = (alive[place]["hash"], alive[place + 1 :]) if place < len(alive) else ("no hash", alive)
    page = [describe_letter(message) for message in rest[: storage.PAGE_MESSAGES]]
    take_page(peer, held, last_hash).must_be(messages=page)
    take_page(iut, held, last_hash).must_be(messages=page)


@clause("SW-21")
@pytest.mark.parametrize("place", [0, 3, 7])
def test_the_message_of_the_last_hash_is_not_given_again(actors: Actors, place: int) -> None:
    iut, _ = actors()
    held = write_many(8)
    page = [describe_letter(message) for message in held[place + 1 :]]
    take_page(iut, held, held[place]["hash"]).must_be(messages=page)


@clause("SW-21")
@pytest.mark.parametrize(
    "last_hash", ["", "0", "no hash", "00" * 64, "ff" * 64, write_held("of another recipient")["hash"]]
)
def test_behind_an_unknown_hash_all_messages_are_given(actors: Actors, last_hash: str) -> None:
    iut, _ = actors()
    held = write_many(3)
    take_page(iut, held, last_hash).must_be(messages=[describe_letter(message) for message in held])


@clause("SW-22")
@pytest.mark.parametrize("count", [9, 10, 11, 40])
def test_a_page_has_at_most_10_messages(actors: Actors, count: int) -> None:
    iut, _ = actors()
    held = write_many(count)
    take_page(iut, held).must_be(messages=[describe_letter(message) for message in held[:10]])


@clause("SW-22", "SW-23")
def test_expired_messages_take_no_place_in_a_page(actors: Actors) -> None:
    iut, _ = actors()
    expired = [write_held(f"expired {number}", expiration_ms=NOW - number) for number in range(12)]
    alive = write_many(12)
    held = [message for pair in zip(expired, alive, strict=True) for message in pair]
    take_page(iut, held).must_be(messages=[describe_letter(message) for message in alive[:10]])


@clause("SW-23")
@pytest.mark.parametrize("late_ms", [0, 1, 10_000, 10**9])
def test_a_message_that_has_expired_is_not_given(actors: Actors, late_ms: int) -> None:
    iut, _ = actors()
    take_page(iut, [write_held("one")], now_ms=NOW + TTL + late_ms).must_be(messages=[])


@clause("SW-24")
@pytest.mark.parametrize("left_ms", [1, 2, 1000, TTL])
def test_a_message_is_given_until_it_expires(actors: Actors, left_ms: int) -> None:
    iut, _ = actors()
    held = write_held("one", data="_is given as it is_")
    letter = {"hash": held["hash"], "expiration": NOW + TTL, "data": "_is given as it is_"}
    take_page(iut, [held], now_ms=NOW + TTL - left_ms).must_be(messages=[letter])


# Difficulty


def find_current(actor: Actor, history: list[tuple[int, int]], now_ms: int = NOW) -> Answer:
    """Let an actor find the current difficulty."""
    return actor.call("storage.current_difficulty", difficulties=describe_history(*history), now_ms=now_ms)


@clause("SW-26")
@given(history=histories())
@example(history=[])
@example(history=[(NOW, 9)])
@example(history=[(NOW + 1, 9)])
@example(history=[(NOW - 1, 3), (NOW - 2, 9)])
def test_the_current_difficulty_is_the_newest_of_the_past(actors: Actors, history: list[tuple[int, int]]) -> None:
    iut, peer = actors()
    past = sorted(change for change in history if change[0] <= NOW)
    difficulty = past[-1][1] if past else 1
    find_current(peer, history).must_be(difficulty=difficulty)
    find_current(iut, history).must_be(difficulty=difficulty)


@clause("SW-26")
@pytest.mark.parametrize(
    ("difficulties", "accepted"),
    [
        ([(NOW - 1, 1), (NOW - 10**9, 50)], True),
        ([(NOW - 10**9, 1), (NOW, 50)], False),
        ([(NOW - 10**9, 1), (NOW + 1, 50)], True),
        ([(NOW - 10**9, 50), (NOW + 1, 1)], False),
        ([(NOW - 10_000, 50)], False),
    ],
)
def test_a_store_is_checked_against_the_current_difficulty(
    actors: Actors, difficulties: list[tuple[int, int]], *, accepted: bool
) -> None:
    iut, _ = actors()
    store = write_store(timestamp=str(NOW - 20_000), nonce="AAAAAAAAAAA=")
    store["nonce"] = hand_made.find_nonce_for_less(store, enough=1, wanted=50)
    answer = check_store(iut, store, network=describe_network(difficulties=difficulties))
    if accepted:
        answer.must_be()
    else:
        answer.must_be_refused("InsufficientWork")
