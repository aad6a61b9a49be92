"""Chapter 07, role `service-node`: which swarm a recipient has, and what a node answers to requests, good and bad."""

from collections.abc import Callable
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloister_conformance.clause import clause
from cloister_conformance.hand_made import swarms
from cloister_conformance.node_script import STORAGE_PATH, NodeUnderTest
from cloister_conformance.node_storage import (
    NO_WORK,
    OTHER,
    OWN,
    PUSH_PATH,
    SHORT,
    Store,
    derive_recipient,
    keep,
    must_give,
    must_hold,
    must_refuse,
    name_other_recipient,
    name_port,
    name_recipient,
    push,
    retrieve,
    sign,
    write_batch,
    write_store,
    write_stores,
)
from cloister_conformance.played_network import NODES
from cloister_conformance.plugin import NodeActors
from cloister_conformance.script import Answer

MAX_BODY_BYTES = 10_485_760
MAX_RPC_BYTES = 262_144
FUTURE_TOLERANCE_MS = 10_000
MIN_TTL_MS = 10_000
NO_SWARM = 2**64 - 1
ONION_PATH = "/onion_req/v2"
POST_PATHS = (STORAGE_PATH, PUSH_PATH, ONION_PATH)

IDS = (0, 5, 2**62, 2**62 + 2**40 + 1, 2**63 - 1, 3 * 2**62, 2**64 - 2**40)
LETTERS = "abcdefg"
"""A network of seven swarms, one node in each."""


def ask_swarm(iut: NodeUnderTest, recipient: str) -> Answer:
    """Ask for the nodes of a recipient's swarm."""
    return iut.rpc("get_snodes_for_pubkey", pubKey=recipient)


def must_name(answer: Answer, status: int, nodes: str) -> None:
    """Expect an answer that names exactly these nodes, in whatever order."""
    named = [text for node in nodes for text in name_keys(node)]
    left_out = [text for node in NODES if node not in nodes for text in name_keys(node)]
    answer.must_match(status=f"^{status}$", body=r'^\{"snodes": *\[')
    answer.must_contain(body=named)
    answer.must_exclude(body=left_out)


def name_keys(node: str) -> list[str]:
    """Name a node by its two keys and its address, as they stand in JSON."""
    keys = NODES[node]
    return [f'"{keys.ed25519.hex()}"', f'"{keys.x25519.hex()}"', f'"{swarms.describe_address(keys.ed25519)}"']


# Swarms


def list_spaces() -> list[int]:
    """List spaces at and around ids and the middles between them, and some others."""
    ends = [*pairwise(IDS), (IDS[-1], IDS[0] + 2**64)]
    middles = [(left + right) // 2 for left, right in ends]
    near = [place + step for place in (*IDS, *middles) for step in (-3, -1, 0, 1, 3)]
    recipients = [derive_recipient(f"anywhere {number}", number * 0x9E3779B97F4A7C15 % 2**64) for number in range(20)]
    return [space % 2**64 for space in near] + [swarms.derive_space(recipient) for recipient in recipients]


def agree(space: int) -> bool:
    """Tell whether both readings of the choice give the same swarm."""
    return len({choose(IDS, space) for choose in swarms.READINGS.values()}) == 1


@clause("SW-1", "SW-2", "SW-4")
def test_each_recipient_has_the_nearest_swarm(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    iut.set_network(dict(zip(IDS, LETTERS, strict=True)))
    for space in filter(agree, list_spaces()):
        nearest = LETTERS[IDS.index(swarms.choose_2022(IDS, space))]
        must_name(ask_swarm(iut, derive_recipient("near an id", space)), 200, nearest)


@clause("SW-2", "SW-5")
def test_a_node_keeps_what_is_nearest_to_its_own_swarm(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    iut.set_network({0: "a", 2**20: "b", 2**40: "c"})
    for space, status in [(2**19, 200), (2**19 + 1, 421), (2**63 + 2**39 - 3, 421), (2**63 + 2**39 + 3, 200)]:
        retrieve(iut, derive_recipient("edge", space)).must_match(status=f"^{status}$")


@clause("SW-3")
@pytest.mark.parametrize("space", [NO_SWARM, NO_SWARM - 1, 2**64 - 2**20])
def test_a_swarm_that_is_none_keeps_nothing(node_actors: NodeActors, space: int) -> None:
    iut, _, _ = node_actors()
    iut.set_network({OWN: "abc", OTHER: "def", NO_SWARM: "gh"})
    must_name(ask_swarm(iut, derive_recipient("beside no swarm", space)), 200, "def")


@clause("SW-4")
def test_all_nodes_of_any_swarm_are_named(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    iut.set_network({OWN: "abc", OTHER: "def"})
    must_name(ask_swarm(iut, derive_recipient("named", OWN)), 200, "abc")
    must_name(ask_swarm(iut, derive_recipient("named", OTHER)), 200, "def")


@clause("SW-4")
def test_a_node_is_named_with_keys_and_place(node_actors: NodeActors) -> None:
    iut, _, network = node_actors()
    iut.set_network({OWN: "abc", OTHER: "g"})
    keys = NODES["g"]
    named = {
        "address": swarms.describe_address(keys.ed25519),
        "pubkey_ed25519": keys.ed25519.hex(),
        "pubkey_x25519": keys.x25519.hex(),
        "ip": "127.0.0.1",
        "port": name_port(network, "g"),
    }
    ask_swarm(iut, derive_recipient("placed", OTHER)).must_be(status=200, value={"snodes": [named]})


@clause("SW-4")
def test_a_swarm_is_named_in_the_form_of_the_text(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    answer = ask_swarm(iut, name_recipient(iut, "form"))
    answer.must_match(status="^200$", body=r'^\{"snodes": *\[\{.*\}\]\}$')
    answer.must_match(body=r'"address": *"[a-z0-9]{52}\.snode"')
    answer.must_match(body=r'"pubkey_x25519": *"[0-9a-f]{64}"')
    answer.must_match(body=r'"pubkey_ed25519": *"[0-9a-f]{64}"')
    answer.must_match(body=r'"port": *"[1-9][0-9]{0,4}"')


@clause("SW-5")
def test_a_recipient_of_another_swarm_is_sent_there(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_other_recipient(iut, "sent there")
    named = ask_swarm(iut, recipient)
    named.must_be(status=200)
    retrieve(iut, recipient).must_be(status=421, value=named.refer("value"))
    iut.rpc("store", **write_store(iut, recipient)).must_be(status=421, value=named.refer("value"))


@clause("SW-4", "SW-17")
@pytest.mark.parametrize("layout", [{OWN: "bc", OTHER: "def"}, {NO_SWARM: "abc", OTHER: "def"}])
def test_a_node_in_no_swarm_keeps_nothing(node_actors: NodeActors, layout: dict[int, str | list[str]]) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, f"in no swarm {min(layout)}")
    store = write_store(iut, recipient)
    keep(iut, store)
    iut.set_network(layout)
    must_refuse(iut.rpc("store", **store), 503)
    must_refuse(retrieve(iut, recipient), 503)
    must_name(ask_swarm(iut, derive_recipient("elsewhere", OTHER)), 200, "def")
    iut.set_network({OWN: "abc", OTHER: "def"})
    must_hold(iut, recipient, store)


# The form of requests


def list_bodies() -> list[bytes]:
    """List bodies that are no requests."""
    return [
        b"",
        b"{",
        b"store",
        b"\xff\xfe\xfd",
        b"null",
        b"[]",
        b'"retrieve"',
        b"17",
        b"{}",
        b'{"method":"retrieve"}',
        b'{"params":{"pubKey":"","lastHash":""}}',
        b'{"method":null,"params":{}}',
        b'{"method":["retrieve"],"params":{}}',
        b'{"method":"Retrieve","params":{"pubKey":"","lastHash":""}}',
        b'{"method":"get_lns_mapping","params":{"name_hash":""}}',
        b'{"method":"retrieve","params":null}',
        b'{"method":"retrieve","params":[]}',
        b'{"method":"retrieve","params":"pubKey"}',
        b"[" * 100_000,
        b'{"method":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"method":"retrieve","params":{"pubKey":' + b"9" * 5_000 + b"}}",
    ]


@clause("SW-6")
@pytest.mark.parametrize("body", list_bodies(), ids=range(len(list_bodies())))
def test_a_body_that_is_no_request_is_refused(node_actors: NodeActors, body: bytes) -> None:
    iut, _, _ = node_actors()
    must_refuse(iut.request("POST", STORAGE_PATH, body=body), 400)


METHODS = {
    "store": ("pubKey", "ttl", "nonce", "timestamp", "data"),
    "retrieve": ("pubKey", "lastHash"),
    "get_snodes_for_pubkey": ("pubKey",),
}
PARAMS = [(method, name) for method, names in METHODS.items() for name in names]


def write_params(iut: NodeUnderTest, method: str, label: str) -> dict[str, Any]:
    """Write params that are accepted."""
    store = write_store(iut, name_recipient(iut, label))
    return {name: store.get(name, "") for name in METHODS[method]}


@clause("SW-6")
@pytest.mark.parametrize(("method", "name"), PARAMS)
def test_a_param_that_is_absent_is_refused(node_actors: NodeActors, method: str, name: str) -> None:
    iut, _, _ = node_actors()
    params = write_params(iut, method, "absent")
    del params[name]
    must_refuse(iut.rpc(method, **params), 400)


@clause("SW-6")
@pytest.mark.parametrize(("method", "name"), PARAMS)
def test_a_param_that_is_no_string_is_refused(node_actors: NodeActors, method: str, name: str) -> None:
    iut, _, _ = node_actors()
    params = write_params(iut, method, "no string")
    number = int(params[name]) if params[name].isdigit() else 5
    for other in (number, None, True, [params[name]], {name: params[name]}):
        must_refuse(iut.rpc(method, **{**params, name: other}), 400)


@clause("SW-7")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("change", [str.upper, lambda text: text[:-1], lambda text: f"03{text[2:]}"])
def test_a_recipient_of_another_form_is_refused(
    node_actors: NodeActors, method: str, change: Callable[[str], str]
) -> None:
    iut, _, _ = node_actors()
    params = write_params(iut, method, "another form")
    must_refuse(iut.rpc(method, **{**params, "pubKey": change(params["pubKey"])}), 400)


@clause("SW-7")
@pytest.mark.parametrize("data", ["aGVsbG8", "aGVsbG9=", "a-_=", "A" * 102_404])
def test_data_of_another_form_is_refused(node_actors: NodeActors, data: str) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "other data")
    must_refuse(iut.rpc("store", **write_store(iut, recipient, data=data, nonce=NO_WORK)), 400)


# The order of the checks of a store

Spoil = Callable[[NodeUnderTest], dict[str, Any]]
CHECKS: dict[str, tuple[int, Spoil]] = {
    "params": (400, lambda iut: {"nonce": 5}),
    "pubKey": (400, lambda iut: {"pubKey": "05" + "g" * 64}),
    "data": (400, lambda iut: {"data": "no base64"}),
    "swarm": (421, lambda iut: {"pubKey": name_other_recipient(iut, "order")}),
    "ttl": (403, lambda iut: {"ttl": "9000"}),
    "timestamp": (406, lambda iut: {"timestamp": str(iut.now_ms + 10**9)}),
    "work": (432, lambda iut: {"nonce": "AAAA"}),
}
"""The checks in their order: the status, and the params that it refuses."""
ORDER = list(CHECKS)
FAILURES = [
    *combinations(ORDER, 1),
    *combinations(ORDER, 2),
    *[tuple(ORDER[first:]) for first in range(len(ORDER) - 2)],
]


def write_spoilt(iut: NodeUnderTest, failures: tuple[str, ...]) -> dict[str, Any]:
    """Write the params of a store that fails in these checks and in no other."""
    spoilt: dict[str, Any] = {}
    for name in reversed(failures):
        spoilt |= CHECKS[name][1](iut)
    texts = {name: spoilt[name] for name in ("ttl", "timestamp", "data") if name in spoilt}
    store = write_store(iut, str(spoilt.get("pubKey", name_recipient(iut, "order"))), **texts)
    return {**store, **spoilt}


@clause("SW-8")
@pytest.mark.parametrize("failures", FAILURES, ids="+".join)
def test_the_first_check_that_fails_is_answered(node_actors: NodeActors, failures: tuple[str, ...]) -> None:
    iut, _, _ = node_actors()
    answer = iut.rpc("store", **write_spoilt(iut, failures))
    answer.must_match(status=f"^{CHECKS[failures[0]][0]}$")


# The statuses of a store


@clause("SW-9")
@pytest.mark.parametrize("ttl", ["9000", "1209601000", "60001", "060000", "6e4", ""])
def test_a_ttl_of_another_form_or_length_is_refused(node_actors: NodeActors, ttl: str) -> None:
    iut, _, _ = node_actors()
    must_refuse(iut.rpc("store", **write_store(iut, name_recipient(iut, "ttl"), ttl=ttl)), 403)


@clause("SW-10")
@pytest.mark.parametrize("timestamp", ["", "999999999999", "10000000000000", "1.7e12", "01700000000000"])
def test_a_timestamp_of_another_form_is_refused(node_actors: NodeActors, timestamp: str) -> None:
    iut, _, _ = node_actors()
    store = write_store(iut, name_recipient(iut, "timestamp"), timestamp=timestamp, ttl="1209600000", nonce=NO_WORK)
    must_refuse(iut.rpc("store", **store), 406)


@clause("SW-10")
def test_a_timestamp_may_be_ten_seconds_ahead(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    iut.set_clock(iut.now_ms + 5000)
    recipient = name_recipient(iut, "ahead")
    latest = str(iut.now_ms + FUTURE_TOLERANCE_MS)
    too_late = str(iut.now_ms + FUTURE_TOLERANCE_MS + 1)
    must_refuse(iut.rpc("store", **write_store(iut, recipient, timestamp=too_late)), 406)
    store = write_store(iut, recipient, timestamp=latest)
    keep(iut, store)
    must_hold(iut, recipient, store)


@clause("SW-11")
def test_an_expired_message_is_refused(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    iut.set_clock(iut.now_ms + 5000)
    recipient = name_recipient(iut, "expired")
    expired, alive = str(iut.now_ms - MIN_TTL_MS), str(iut.now_ms - MIN_TTL_MS + 1)
    must_refuse(iut.rpc("store", **write_store(iut, recipient, timestamp=expired, ttl=str(MIN_TTL_MS))), 406)
    store = write_store(iut, recipient, timestamp=alive, ttl=str(MIN_TTL_MS))
    keep(iut, store)
    must_hold(iut, recipient, store)


@clause("SW-12")
def test_work_below_the_difficulty_is_answered_with_it(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "too little work")
    iut.set_network({OWN: "abc"}, [(0, 3)])
    store = write_store(iut, recipient, nonce=NO_WORK)
    store["nonce"] = swarms.find_nonce_for_less(store, enough=2, wanted=3)
    iut.rpc("store", **store).must_be(status=432, value={"difficulty": 3})
    must_hold(iut, recipient)


@clause("SW-12")
@pytest.mark.parametrize("nonce", ["", "AAAA", "AAAAAAAAAAAA", "AAAAAAAAAAB=", "AAAAAAAAAAA", "no nonce"])
def test_a_nonce_of_another_form_is_answered_with_the_difficulty(node_actors: NodeActors, nonce: str) -> None:
    iut, _, _ = node_actors()
    store = write_store(iut, name_recipient(iut, "nonce"), nonce=nonce)
    iut.rpc("store", **store).must_match(status="^432$", body=r'^\{"difficulty": *[1-9][0-9]*\}$')


@clause("SW-13")
def test_a_store_is_answered_with_the_difficulty(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "accepted")
    iut.set_network({OWN: "abc"}, [(0, 3)])
    store = write_store(iut, recipient, "", 3)
    for _ in range(2):
        iut.rpc("store", **store).must_be(status=200, value={"difficulty": 3})


@clause("SW-13")
def test_a_message_that_is_held_is_accepted_again(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    store = write_store(iut, name_recipient(iut, "again"))
    first = iut.rpc("store", **store)
    first.must_match(status="^200$", body=r'^\{"difficulty": *[1-9][0-9]*\}$')
    iut.rpc("store", **store).must_be(status=200, value=first.refer("value"))


# Whatever the bytes

STATUSES = "^(200|400|403|404|405|406|413|421|432|503)$"

LONG = "^(" + "|".join(begin.hex() for begin in (b'{"snodes"', b'{"messages"')) + ")"
"""The hex of what may be longer."""


def must_answer(answer: Answer) -> None:
    """Expect a status of the table, and no long body unless it is an answer."""
    answer.must_match(status=STATUSES, raw=f"{SHORT}|{LONG}")


ANY_TEXT = st.sampled_from(["method", "params", "pubKey"]) | st.text(
    alphabet="09afZ= -\"\\{[%'\0\n\u00e4\u0665\U0001f980"
)


def json_values() -> st.SearchStrategy[Any]:
    """JSON values."""
    plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT
    return st.recursive(
        plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3), max_leaves=6
    )


def texts() -> st.SearchStrategy[str]:
    """Texts of a request, often nearly right."""
    return st.one_of(
        ANY_TEXT,
        st.sampled_from(
            ["", "60000", "1700000000000", "aGVsbG8=", NO_WORK, "' OR ''='", "\0", "\ud800", "05" + "ab" * 32]
        ),
        st.integers().map(str),
        st.integers(min_value=0, max_value=2**64 - 1).map(lambda space: derive_recipient("any", space)),
    )


@clause("SW-14")
@given(path=st.sampled_from(POST_PATHS), body=st.binary(max_size=300))
@example(path=PUSH_PATH, body=b"\xff" * 200)
@example(path=ONION_PATH, body=b"\xff" * 200)
def test_any_bytes_are_answered_with_a_status_of_the_table(node_actors: NodeActors, path: str, body: bytes) -> None:
    iut, _, _ = node_actors()
    must_answer(iut.request("POST", path, body=body))


@clause("SW-14")
@given(value=json_values())
def test_any_json_is_answered_with_a_status_of_the_table(node_actors: NodeActors, value: Any) -> None:  # noqa: ANN401
    iut, _, _ = node_actors()
    must_answer(iut.request("POST", STORAGE_PATH, value=value))


@clause("SW-14")
@given(method=st.sampled_from(list(METHODS)), params=st.fixed_dictionaries({name: texts() for _, name in PARAMS}))
def test_any_texts_are_answered_with_a_status_of_the_table(
    node_actors: NodeActors, method: str, params: dict[str, str]
) -> None:
    iut, _, _ = node_actors()
    must_answer(iut.rpc(method, **params))


@clause("SW-14")
@given(batch=st.binary(max_size=300))
def test_any_batch_of_a_peer_is_answered_with_a_status_of_the_table(node_actors: NodeActors, batch: bytes) -> None:
    iut, _, _ = node_actors()
    must_answer(push(iut, batch))


@clause("SW-14")
@pytest.mark.parametrize("path", ["/", "/storage_rpc", "/storage_rpc/v1/", "/storage_rpc/v2", "/onion_req", "/%00"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_there_is_nothing_at_other_paths(node_actors: NodeActors, method: str, path: str) -> None:
    iut, _, _ = node_actors()
    must_refuse(iut.request(method, path), 404)


@clause("SW-14")
@pytest.mark.parametrize("path", [*POST_PATHS, "/health"])
def test_another_http_method_is_refused(node_actors: NodeActors, path: str) -> None:
    iut, _, _ = node_actors()
    for method in ("DELETE", "PUT", "POST" if path == "/health" else "GET"):
        must_refuse(iut.request(method, path), 405)


@clause("SW-14")
def test_bad_requests_change_nothing(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "unharmed")
    stores = write_stores(iut, recipient, 3)
    keep(iut, *stores)
    for failures in FAILURES:
        must_answer(iut.rpc("store", **write_spoilt(iut, failures)))
    for body in list_bodies():
        must_answer(iut.request("POST", STORAGE_PATH, body=body))
        must_answer(iut.request("POST", PUSH_PATH, body=body, headers=sign(body, iut.now_ms)))
    must_hold(iut, recipient, *stores)


@clause("SW-14")
def test_a_network_without_swarms_is_no_error_of_the_node(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "without swarms")
    store = write_store(iut, recipient)
    iut.set_network({})
    must_answer(ask_swarm(iut, recipient))
    must_refuse(retrieve(iut, recipient), 503)
    must_refuse(iut.rpc("store", **store), 503)


# Limits

BEGUN = bytes(MAX_BODY_BYTES + 2**16)
TOO_LONG = {"Content-Length": str(4 * MAX_BODY_BYTES)}
"""The begin of a body that is longer."""


@clause("SW-15")
@pytest.mark.parametrize("path", [STORAGE_PATH, ONION_PATH])
def test_a_body_that_is_too_long_is_not_read_to_its_end(node_actors: NodeActors, path: str) -> None:
    iut, _, _ = node_actors()
    must_refuse(iut.request("POST", path, body=BEGUN, headers=TOO_LONG), 413)


@clause("SW-15")
def test_a_push_that_is_too_long_is_not_read_to_its_end(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    must_refuse(push(iut, BEGUN, {**sign(BEGUN, iut.now_ms), **TOO_LONG}), 413)


@clause("SW-15")
def test_a_body_in_chunks_is_limited_too(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    begun = f"{len(BEGUN):x}\r\n".encode() + BEGUN
    must_refuse(iut.request("POST", STORAGE_PATH, body=begun, headers={"Transfer-Encoding": "chunked"}), 413)


@clause("SW-15")
def test_the_longest_request_is_read(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "long")
    request = b'{"method":"retrieve","params":{"pubKey":"%s","lastHash":""}}' % recipient.encode()
    padded = request.ljust(MAX_RPC_BYTES)
    must_give(iut.request("POST", STORAGE_PATH, body=padded))
    must_refuse(iut.request("POST", STORAGE_PATH, body=padded + b" "), 413)


@clause("SW-15")
def test_the_longest_push_is_read(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    padded = bytes(MAX_BODY_BYTES)
    must_refuse(push(iut, padded), 400)
    must_refuse(push(iut, padded + b"\0"), 413)


@clause("SW-16")
def test_one_address_is_limited_and_nodes_are_not(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient = name_recipient(iut, "limited")
    stores = write_stores(iut, recipient, 2)
    iut.restart(requests_per_second=1, request_burst=40)
    flood = iut.rpc_all([("retrieve", {"pubKey": recipient, "lastHash": ""})], times=100)
    flood.must_be(statuses=[200, 429])
    flood.must_match(responses=count_status(200, 30))
    flood.must_match(responses=count_status(429, 50))
    for _ in range(3):
        push(iut, write_batch(*stores)).must_be(status=200)
    iut.restart()
    must_hold(iut, recipient, *stores)


def count_status(status: int, least: int) -> str:
    """Write the pattern of a list of responses of which at least so many have a status."""
    found = f"'status': {status},"
    return rf"^((?!{found}).)*(?:{found}((?!{found}).)*){{{least}}}"


# What is written down


@clause("SW-45")
def test_logs_and_metrics_hold_nothing_of_users(node_actors: NodeActors) -> None:
    iut, _, _ = node_actors()
    recipient, other = name_recipient(iut, "private"), name_other_recipient(iut, "private")
    kept, pushed, late = write_stores(iut, recipient, 3)
    client = "203.0.113.77"
    for store in (
        kept,
        {**late, "timestamp": "1000000000000"},
        {**late, "ttl": "1"},
        {**late, "pubKey": other},
        {**late, "nonce": "AAAA"},
    ):
        send_as(iut, client, "store", store).must_be()
    send_as(iut, client, "retrieve", {"pubKey": recipient, "lastHash": swarms.hash_store(kept)}).must_be()
    iut.request("GET", f"/{recipient}", headers={"X-Forwarded-For": client}).must_be()
    push(iut, write_batch(pushed, {**late, "nonce": NO_WORK})).must_be(status=200)
    private = [
        client,
        recipient,
        other,
        *(store["data"] for store in (kept, pushed, late)),
        *map(swarms.hash_store, (kept, pushed)),
    ]
    iut.read_log().must_exclude(text=private)
    iut.request("GET", "/metrics").must_exclude(body=private)


def send_as(iut: NodeUnderTest, client: str, method: str, params: Store) -> Answer:
    """Send a request with a header that tells of a client, as proxies add."""
    headers = {"X-Forwarded-For": client}
    return iut.request("POST", STORAGE_PATH, value={"method": method, "params": dict(params)}, headers=headers)
