"""Chapter 07, third part: what HTTP says of a refusal, and who gets messages when the network changes."""

from collections.abc import Callable
from typing import Any

import pytest
from cloister import errors, proof_of_work, storage, swarm

U = "18914bc3511969f930803c4b1d6c4a4a4b64ab5ed8e4d7ca3f60c9f3f8f4ee5a"
NOW_MS = 1_600_000_000_000
RECIPIENT = "05" + "00" * 32
"""Its space is 0."""

FOREIGN = "05" + "00" * 24 + "80" + "00" * 7
"""Its space is 2^63."""


def key(name: str) -> str:
    return name * 64


def make_network(*swarms: tuple[int, str], difficulty: int = 1) -> swarm.Network:
    """Make a network of swarms, each with its id and the letters of its nodes."""
    return swarm.decode_network(
        {
            "height": 1,
            "swarms": [
                {
                    "id": str(swarm_id),
                    "nodes": [
                        {"pubkey_ed25519": key(name), "pubkey_x25519": U, "ip": "192.0.2.1", "port": "22021"}
                        for name in names
                    ],
                }
                for swarm_id, names in swarms
            ],
            "difficulties": [{"since": 0, "difficulty": difficulty}],
        }
    )


NETWORK = make_network((0, "ab"), (2**63, "c"))


def write_store(**other: str) -> dict[str, str]:
    request = {"timestamp": str(NOW_MS), "ttl": "10000", "recipient": RECIPIENT, "data": "aGVsbG8="}
    nonce = proof_of_work.find_nonce(proof_of_work.Request(**request), difficulty=1)
    request["pubKey"] = request.pop("recipient")
    return {**request, "nonce": nonce, **other}


def find_status(call: Callable[[], Any]) -> int:
    """Find the status that a refused call is answered with."""
    with pytest.raises(errors.CloisterError) as caught:
        call()
    return storage.find_status(caught.value)


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ({"pubKey": RECIPIENT.upper()[:-1] + "A"}, 400),
        ({"pubKey": "05"}, 400),
        ({"data": "AB=="}, 400),
        ({"data": "A" * 102_404}, 400),
        ({"pubKey": FOREIGN}, 421),
        ({"ttl": "010000"}, 403),
        ({"ttl": "9000"}, 403),
        ({"ttl": "10001"}, 403),
        ({"ttl": "1209601000"}, 403),
        ({"timestamp": "01600000000000"}, 406),
        ({"timestamp": "160000000000"}, 406),
        ({"timestamp": str(NOW_MS + 10_001)}, 406),
        ({"timestamp": str(NOW_MS - 10_000)}, 406),
        ({"nonce": "AAAA"}, 432),
        ({"nonce": "AAAAAAAAAAB="}, 432),
        ({"nonce": "//////////8="}, 432),
    ],
)
def test_each_fault_of_a_store_has_its_status(other: dict[str, str], status: int) -> None:
    store = write_store(**other)
    assert find_status(lambda: storage.check_store(store, NETWORK, key("a"), now_ms=NOW_MS)) == status


def test_a_difficulty_that_no_work_reaches_has_the_status_of_work() -> None:
    network = make_network((0, "ab"), difficulty=2**62)
    assert find_status(lambda: storage.check_store(write_store(), network, key("a"), now_ms=NOW_MS)) == 432


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"method": "store"}', b'{"method": "retrieve", "params": {"pubKey": ""}}']
)
def test_a_request_of_another_form_has_the_status_400(body: bytes) -> None:
    assert find_status(lambda: storage.decode_rpc(body)) == 400
    assert find_status(lambda: storage.decode_rpc(body.decode("ascii"))) == 400


@pytest.mark.parametrize(("params", "status"), [({"pubKey": "05"}, 400), ({"pubKey": FOREIGN}, 421)])
def test_each_fault_of_a_retrieve_has_its_status(params: dict[str, str], status: int) -> None:
    assert find_status(lambda: storage.check_retrieve(params, NETWORK, key("a"))) == status


def test_a_batch_that_is_not_whole_records_has_the_status_400() -> None:
    assert find_status(lambda: storage.decode_batch(b"05")) == 400


@pytest.mark.parametrize(
    ("before", "after", "holders"),
    [
        ([(0, "ab")], [(0, "ab")], ""),
        ([(0, "ab")], [(0, "abc")], "c"),
        ([(0, "ab")], [(0, "b")], ""),
        ([(0, "ab")], [(0, "bcd")], "cd"),
        ([(5, "ab")], [(5, "ab"), (0, "cd")], "cd"),
        ([(5, "ab"), (9, "cd")], [(9, "cd")], "cd"),
        ([(5, "ab"), (9, "cd")], [(9, "acd")], "cd"),
        ([(0, "ab"), (2**63, "c")], [(0, "ab"), (2**63, "cd")], ""),
        ([], [(0, "ab")], "ab"),
        ([(0, "ab")], [], ""),
        ([(swarm.NO_SWARM, "a")], [(0, "ab")], "ab"),
    ],
)
def test_who_is_new_in_the_swarm_of_a_recipient(
    before: list[tuple[int, str]], after: list[tuple[int, str]], holders: str
) -> None:
    found = storage.find_new_holders(RECIPIENT, make_network(*before), make_network(*after))
    assert found == [key(name) for name in holders]


def test_no_message_makes_no_batch() -> None:
    assert storage.encode_batches([]) == []
    assert storage.decode_batch(b"") == []
