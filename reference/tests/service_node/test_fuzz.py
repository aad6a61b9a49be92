"""Arbitrary onions, batches and requests: a status of the table, a short body, and a node that goes on."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cloister import identity, onion, storage
from cloister.service_node import sending
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOW = 1_700_000_000_000
MINE = f"05{2**62:016x}{0:047x}1"
RPC_STATUSES = {200, 400, 403, 406, 421, 432}
IN_CLEAR = {400, 502}
TEXTS = ["store", "retrieve", "get_snodes_for_pubkey", MINE, str(NOW), "60000", "AAAAAAAAAAA=", "aGVsbG8="]
NAMES = ["method", "params", "pubKey", "ttl", "nonce", "timestamp", "data", "lastHash"]
CONTROLS = ["headers", "host", "target", "method", "protocol", "port", "destination", "ephemeral_key"]
CONTROL_TEXTS = ["127.0.0.1", "", "a..b", "/loki/v3/lsrpc", "POST", "http", "https", "00" * 32, "11" * 32]

fuzz = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=20), st.text(st.characters(codec=None), max_size=5))
values = st.recursive(
    st.one_of(texts, st.none(), st.booleans(), st.integers(), st.floats()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)),
    max_leaves=12,
)
control_values = st.one_of(st.sampled_from(CONTROL_TEXTS), st.integers(-1, 70_000), st.none(), st.text(max_size=9))
controls = st.dictionaries(st.sampled_from(CONTROLS), control_values, max_size=8)


def check_short(answer: Any, statuses: set[int]) -> None:
    assert answer.status_code in statuses, (answer.status_code, answer.text)
    assert answer.status_code in {200, 421} or len(answer.content) < 1000


@pytest.fixture(autouse=True, scope="module")
def nobody_is_reached() -> Iterator[None]:
    """Names of hosts that are made up are not asked for, and what listens on this machine is left alone."""

    async def resolve(_resolvers: object, _host: str, _port: int) -> list[str]:
        raise sending.NotReached

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("cloister.service_node.exit.resolve", resolve)
        yield


@fuzz
@given(value=values)
def test_any_json_is_answered(shared: Any, value: Any) -> None:
    body = json.dumps(value).encode()
    answer = shared.post("/storage_rpc/v1", body)
    check_short(answer, RPC_STATUSES)
    sealed, built = shared.onion("", "a", body)
    reply = onion.open_reply(built.reply_key, sealed.text)
    assert (reply.status, reply.body) == (answer.status_code, answer.text)


@fuzz
@given(body=st.binary(max_size=200))
def test_any_bytes_are_answered(shared: Any, body: bytes) -> None:
    check_short(shared.post("/storage_rpc/v1", body), RPC_STATUSES)
    check_short(shared.post("/onion_req/v2", body), {400})
    check_short(shared.push(body), {200, 400})


@fuzz
@given(control=controls, data=st.binary(max_size=50), cut=st.integers(0, 60), whole=st.booleans())
def test_any_layer_is_answered(shared: Any, control: dict[str, Any], data: bytes, cut: int, *, whole: bool) -> None:
    """Whatever stands in a layer that decrypts; what the node says itself is sealed with the key of the layer."""
    plaintext = onion.encode_frame(data, control)
    plaintext = plaintext if whole else plaintext[:cut]
    key = identity.derive_identity(bytes.fromhex(json.loads(shared.file.read_text())["seed"])).public
    layer = onion.seal_layer(key, plaintext, lambda size: bytes(range(7, 7 + size)))
    answer = shared.post("/onion_req/v2", onion.encode_frame(layer.ciphertext, {"ephemeral_key": layer.ephemeral_key}))
    check_short(answer, {200, *IN_CLEAR})
    if answer.status_code == 200:
        assert onion.open_reply(layer.key, answer.text).status in {400, *RPC_STATUSES}


@st.composite
def batches(draw: st.DrawFn, good: bytes) -> bytes:
    """Some records with damage: bytes overwritten, cut out, put in."""
    batch = bytearray(good * draw(st.integers(1, 3)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(batch)))
        batch[at : at + draw(st.integers(0, 9))] = draw(st.binary(max_size=9))
    return bytes(batch)


@fuzz
@given(data=st.data())
def test_any_batch_is_answered(shared: Any, data: st.DataObject) -> None:
    good = storage.encode_record(shared.letter(MINE, "hello"))
    check_short(shared.push(data.draw(batches(good))), {200, 400, 421})
    assert shared.retrieve() in ([], ["hello"])
    assert shared.get("/health").status_code == 200
