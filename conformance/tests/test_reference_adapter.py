"""What the reference's own adapter does with requests and handles; the suites test the rest of it."""

import json
import random
from typing import Any

import pytest
from cloister_conformance import protocol
from cloister_conformance.conversations import Side, exchange
from cloister_conformance.hand_made.pairwise_sessions import ALICE, BOB
from cloister_conformance.reference_adapter import Adapter
from cloister_conformance.script import Actor, Script
from cloister_conformance.strategies import NOW


@pytest.fixture
def adapter() -> Adapter:
    return Adapter(random.Random(0).randbytes)


@pytest.mark.parametrize("request_id", ["true", "null", "1.5", "[]", "{}"])
def test_an_id_is_an_integer_or_a_text(adapter: Adapter, request_id: str) -> None:
    answer = json.loads(adapter.answer(b'{"jsonrpc":"2.0","id":%s,"method":"hello"}' % request_id.encode()))
    assert answer["id"] is None
    assert answer["error"]["code"] == protocol.PARSE_ERROR


@pytest.mark.parametrize("half", ["one_time_prekey_id", "one_time_prekey"])
def test_half_a_one_time_prekey_is_no_bundle(adapter: Adapter, half: str) -> None:
    script = Script(seed=0)
    ours, theirs = (
        Side(actor=Actor("peer", adapter, script), account=account, identity=pair)
        for account, pair in (("bob", BOB), ("alice", ALICE))
    )
    ours.create_account()
    theirs.create_account()
    record = ours.meet(theirs)
    bundle: dict[str, Any] = theirs.create_bundle(one_time=True)
    del bundle[half]
    assert record.open(bundle).step.answer["error"]["code"] == protocol.INVALID_PARAMS


@pytest.mark.parametrize("restored", [False, True])
@pytest.mark.parametrize("account", ["first", "second"])
def test_a_record_belongs_to_its_account_although_another_has_its_identity(
    adapter: Adapter, account: str, *, restored: bool
) -> None:
    actor = Actor("peer", adapter, Script(seed=0))
    alice = Side(actor=actor, account="alice", identity=ALICE)
    for side in (alice, *(Side(actor=actor, account=name, identity=BOB) for name in ("first", "second"))):
        side.create_account()
    ours = Side(actor=actor, account=account, identity=BOB).meet(alice)
    theirs = alice.meet(ours)
    bundle = ours.create_bundle(one_time=True)
    if restored:
        handles = ("first", "second", "alice", ours.session, theirs.session)
        states = {handle: actor.call("save", handle=handle).result.state for handle in handles}
        actor.call("reset").must_be()
        for handle, state in states.items():
            actor.call("restore", handle=handle, state=state).must_be()
    theirs.open(bundle).must_be()
    exchange(theirs, ours)
    actor.call("session_request.create", session=ours.session, now_ms=NOW).must_be()
