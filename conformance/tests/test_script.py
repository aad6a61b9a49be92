"""How answers are judged, and how a test is written down while it runs."""

from typing import Any

import pytest
from cloister_conformance import protocol
from cloister_conformance.hand_made.sender_keys import make_sender
from cloister_conformance.peer import Peer
from cloister_conformance.reference_adapter import Adapter
from cloister_conformance.script import (
    Actor,
    ConformanceFailure,
    NotOffered,
    Script,
    describe,
    describe_answer,
    encode,
    find_families,
    judge,
    make_actors,
)
from cloister_conformance.target import Target


def refusal(name: str) -> dict[str, Any]:
    """Build a refusal."""
    return {"error": {"code": protocol.REFUSED, "message": "no", "data": {"error": name}}}


RESULT = {"result": {"plaintext": "00ff", "more": 1}}
DUPLICATE = refusal("DuplicateMessage")
TOLD = {"result": {"told": [{"kind": "out", "text": None}, {"kind": "refused", "error": "NotPermitted"}]}}
COARSELY_TOLD = {"result": {"told": [{"kind": "refused", "error": "Forbidden"}]}}
INTERNAL = {"error": {"code": protocol.INTERNAL_ERROR, "message": "boom"}}


@pytest.mark.parametrize(
    ("answer", "expectation", "verdict"),
    [
        (RESULT, {"result": {}}, "right"),
        (RESULT, {"result": {"plaintext": "00ff"}}, "right"),
        (RESULT, {"result": {"plaintext": "00fe"}}, "wrong"),
        (RESULT, {"result": {"absent": "00ff"}}, "wrong"),
        (DUPLICATE, {"result": {}}, "wrong"),
        (INTERNAL, {"result": {}}, "wrong"),
        (RESULT, {"matches": {"plaintext": "^00"}}, "right"),
        (RESULT, {"matches": {"plaintext": "^ff"}}, "wrong"),
        (RESULT, {"matches": {"plaintext": "^00", "absent": "x"}}, "wrong"),
        (DUPLICATE, {"matches": {}}, "wrong"),
        (RESULT, {"excludes": {"plaintext": ["01", "fe"]}}, "right"),
        (RESULT, {"excludes": {"plaintext": ["01", "0f"]}}, "wrong"),
        (RESULT, {"excludes": {"absent": ["01"]}}, "wrong"),
        (DUPLICATE, {"excludes": {}}, "wrong"),
        (RESULT, {"differs": {"plaintext": "00fe", "more": 2}}, "right"),
        (RESULT, {"differs": {"plaintext": "00fe", "more": 1}}, "wrong"),
        (RESULT, {"differs": {"absent": "00fe"}}, "wrong"),
        (DUPLICATE, {"differs": {}}, "wrong"),
        (TOLD, {"tells": [{"kind": "refused", "error": "NotPermitted"}, {"kind": "out"}]}, "right"),
        (TOLD, {"tells": [{"kind": "out"}]}, "wrong"),
        (TOLD, {"tells": [{"kind": "out"}, {"kind": "out"}]}, "wrong"),
        (TOLD, {"tells": [{"kind": "out"}, {"kind": "refused", "error": "InvalidKey"}]}, "wrong"),
        (TOLD, {"tells": [{"kind": "out", "text": "x"}, {"kind": "refused"}]}, "wrong"),
        (TOLD, {"mentions": [{"kind": "out"}]}, "right"),
        (TOLD, {"mentions": []}, "right"),
        (TOLD, {"mentions": [{"kind": "closed"}]}, "wrong"),
        (COARSELY_TOLD, {"mentions": [{"kind": "refused", "error": "NotPermitted"}]}, "coarse"),
        (RESULT, {"tells": []}, "wrong"),
        (DUPLICATE, {"mentions": []}, "wrong"),
        (DUPLICATE, {"error": "DuplicateMessage"}, "right"),
        (refusal("Stale"), {"error": "DuplicateMessage"}, "coarse"),
        (refusal("ProtocolViolation"), {"error": "DuplicateMessage"}, "coarse"),
        (refusal("CloisterError"), {"error": "DuplicateMessage"}, "wrong"),
        (refusal("Malformed"), {"error": "DuplicateMessage"}, "wrong"),
        (refusal("TooFarAhead"), {"error": "DuplicateMessage"}, "wrong"),
        (refusal("NoSuchError"), {"error": "DuplicateMessage"}, "wrong"),
        (RESULT, {"error": "DuplicateMessage"}, "wrong"),
        (INTERNAL, {"error": "DuplicateMessage"}, "wrong"),
        (DUPLICATE, {"refusal": True}, "right"),
        (RESULT, {"refusal": True}, "wrong"),
        (INTERNAL, {"refusal": True}, "wrong"),
        (RESULT, {"any": True}, "right"),
        (DUPLICATE, {"any": True}, "right"),
        (INTERNAL, {"any": True}, "wrong"),
        (INTERNAL, {"code": protocol.INTERNAL_ERROR}, "right"),
        (INTERNAL, {"code": protocol.METHOD_NOT_FOUND}, "wrong"),
        (RESULT, {"code": protocol.METHOD_NOT_FOUND}, "wrong"),
    ],
)
def test_an_answer_is_judged(answer: dict[str, Any], expectation: dict[str, Any], verdict: str) -> None:
    assert judge(answer, expectation, strict=False) == verdict
    assert judge(answer, expectation, strict=True) == ("wrong" if verdict == "coarse" else verdict)


def test_the_families_of_an_error_end_below_the_root() -> None:
    assert find_families("DuplicateMessage") == ["Stale", "ProtocolViolation"]
    assert find_families("SenderKeyExhausted") == ["UsageError"]
    assert find_families("NotSent") == ["NetworkFailure"]
    assert find_families("no such error") == []
    assert find_families("annotations") == []


@pytest.mark.parametrize(
    ("expectation", "text"),
    [
        ({"result": {}}, "a result"),
        ({"result": {"a": "b"}}, 'the result {"a": "b"}'),
        ({"matches": {"a": "b"}}, 'a result that matches {"a": "b"}'),
        ({"excludes": {"a": ["b"]}}, 'a result without {"a": ["b"]}'),
        ({"differs": {"a": "b"}}, 'a result other than {"a": "b"}'),
        ({"like": 0}, "what came back in step 1"),
        ({"error": "InvalidKey"}, "the refusal InvalidKey"),
        ({"refusal": True}, "a refusal"),
        ({"any": True}, "a result or a refusal"),
        ({"code": -32601}, "the error code -32601"),
    ],
)
def test_an_expectation_is_described(expectation: dict[str, Any], text: str) -> None:
    assert describe(expectation) == text


def test_an_answer_is_described() -> None:
    assert describe_answer({"result": {"a": "b"}}) == 'answered a result: {"a": "b"}'
    assert describe_answer(DUPLICATE) == "refused with DuplicateMessage: no"
    assert describe_answer(INTERNAL) == "answered the error -32603: boom"


def test_params_are_encoded_and_absent_ones_left_out() -> None:
    assert encode({"a": b"\x00\xff", "b": "text", "c": 1, "d": None}) == {"a": "00ff", "b": "text", "c": 1}


# Scripts


def make_peer(script: Script) -> Actor:
    """Make a peer whose randomness is fixed."""
    return Actor("peer", Adapter(bytes), script)


def test_every_call_is_a_step() -> None:
    script = Script(seed=0)
    peer = make_peer(script)
    peer.call("sender_keys.create", key="key").must_be()
    assert peer.call("sender_keys.encrypt", key="key", plaintext=b"x").result.message[0] == 0x33
    assert [(step.method, step.expect) for step in script.steps] == [
        ("sender_keys.create", {"result": {}}),
        ("sender_keys.encrypt", {"result": {}}),
    ]
    assert script.steps[1].params == {"key": "key", "plaintext": "78"}


def test_a_wrong_answer_ends_the_script_at_its_step() -> None:
    script = Script(seed=0)
    peer = make_peer(script)
    first = peer.call("identity.derive", seed=bytes(32))
    peer.call("reset").must_be()
    with pytest.raises(ConformanceFailure, match=r"^identity.derive: expected a refusal, answered a result") as caught:
        first.must_be_any_refusal()
    assert caught.value.script is script
    assert [step.method for step in script.steps] == ["identity.derive"]
    assert script.steps[-1].expect == {"refusal": True}


@pytest.mark.parametrize(
    "claim", ["must_be", "must_match", "must_be_any_refusal", "must_be_answered", "must_be_refused", "must_be_like"]
)
def test_every_claim_can_fail(claim: str) -> None:
    peer = make_peer(Script(seed=0))
    good, bad = peer.call("identity.derive", seed=bytes(32)), peer.call("identity.derive", seed=bytes(32))
    bad.step.answer = INTERNAL
    by_claim: dict[str, list[Any]] = {"must_be_refused": ["InvalidKey"], "must_be_like": [good]}
    with pytest.raises(ConformanceFailure):
        getattr(bad, claim)(*by_claim.get(claim, []))


def test_an_answer_is_like_another() -> None:
    peer = make_peer(Script(seed=0))
    result, same, other = (peer.call("identity.derive", seed=bytes([label]) * 32) for label in (1, 1, 2))
    refused, again = (peer.call("identity.decode_account_id", text="05") for _ in range(2))
    same.must_be_like(result)
    again.must_be_like(refused)
    with pytest.raises(ConformanceFailure):
        refused.must_be_like(result)
    with pytest.raises(ConformanceFailure):
        other.must_be_like(result)


def test_an_answer_excludes_texts_and_differs_from_another() -> None:
    peer = make_peer(Script(seed=0))
    first, same, other = (peer.call("identity.derive", seed=bytes([label]) * 32) for label in (1, 1, 2))
    key = first.result.private_key
    other.must_exclude(private_key=[key, key[:16]])
    other.must_differ_from(first, "private_key", "account_id")
    assert other.step.expect["differs"]["private_key"] == {"$from": [0, "private_key"]}
    with pytest.raises(ConformanceFailure):
        same.must_exclude(private_key=[key[16:]])
    with pytest.raises(ConformanceFailure):
        same.must_differ_from(first, "account_id")


def test_the_peer_takes_a_distribution_apart() -> None:
    peer = Actor("peer", Peer(bytes), Script(seed=0))
    sender = make_sender(key_id=7)
    peer.call("sender_keys.decode_distribution", distribution=sender.distribution(2)).must_be(
        key_id=7, iteration=2, chain_key=sender.chain_key_at(2), signing_key=sender.signing_key.public
    )
    peer.call("sender_keys.decode_distribution", distribution=b"").must_be_refused("InvalidMessage")


def test_coarse_refusals_are_counted() -> None:
    script = Script(seed=0)
    answer = make_peer(script).call("identity.decode_account_id", text="05")
    answer.step.answer = refusal("Malformed")
    answer.must_be_refused("InvalidEncoding")
    assert script.coarse == 1
    script.strict = True
    with pytest.raises(ConformanceFailure):
        answer.must_be_refused("InvalidEncoding")


# The side that is tested


def test_the_lines_that_were_sent_are_kept(reference_target: Target) -> None:
    script = Script(seed=0)
    iut, _ = make_actors(reference_target, script)
    iut.call("identity.decode_account_id", text="05").must_be_refused("InvalidEncoding")
    assert [step.method for step in script.steps] == ["reset", "identity.decode_account_id"]
    assert script.steps[1].line == reference_target.last_line


def test_the_peer_repeats_itself_for_a_seed(reference_target: Target) -> None:
    seeds = [
        make_actors(reference_target, Script(seed=seed))[1].call("identity.generate").result.seed for seed in (1, 1, 2)
    ]
    assert seeds[0] == seeds[1] != seeds[2]


def test_a_method_that_is_not_offered_ends_the_test(reference_target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    iut, _ = make_actors(reference_target, Script(seed=0))
    monkeypatch.setattr(
        reference_target.hello, "__dict__", {**reference_target.hello.__dict__, "capabilities": ["identity"]}
    )
    iut.call("identity.generate").must_be()
    with pytest.raises(NotOffered, match="not offered: persistence") as caught:
        iut.call("save", handle="key")
    assert caught.value.capability == "persistence"


def test_an_error_that_is_no_refusal_fails_at_once(reference_target: Target) -> None:
    iut, _ = make_actors(reference_target, Script(seed=0))
    with pytest.raises(ConformanceFailure, match="expected a result or a refusal, answered the error -32602"):
        iut.call("sender_keys.encrypt", key="no such key", plaintext=b"")
