"""The worked examples of the chapters hold, value by value."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from cloister import (
    chain,
    double_ratchet,
    envelope,
    group_content,
    group_control,
    identity,
    node_request,
    onion,
    proof_of_work,
    room_post,
    sender_keys,
    server_id,
    server_onion,
    session,
    session_request,
    signed_request,
    storage,
    swarm,
    wire,
    x3dh,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.signing import SigningKey, VerifyKey

EXAMPLES = {
    "notation": "01-notation.md",
    "identity": "02-identity.md",
    "pairwise-sessions": "03-pairwise-sessions.md",
    "sender-keys": "04-sender-keys.md",
    "envelopes": "05-envelopes.md",
    "proof-of-work": "06-proof-of-work.md",
    "swarms": "07-swarms.md",
    "onion-requests": "08-onion-requests.md",
    "group-control": "09-group-control.md",
    "closed-groups": "10-closed-groups.md",
    "open-groups": "11-open-groups.md",
}
Hkdf = Callable[[bytes, bytes, bytes, int], bytes]


def read_example(spec: Path, name: str) -> dict[str, str]:
    """Read the block of a worked example."""
    text = (spec / EXAMPLES[name]).read_text(encoding="utf-8")
    (block,) = re.findall(rf"^```worked-example {name}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    pairs = [line.partition(" = ")[::2] for line in block.splitlines()]
    assert len(dict(pairs)) == len(pairs), "a name occurs twice"
    return dict(pairs)


def load_private(text: str) -> identity.KeyPair:
    return identity.derive_key_pair(identity.decode_private_key(bytes.fromhex(text)))


def little(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text), "little")


def test_every_chapter_has_its_worked_example_and_no_other(spec: Path) -> None:
    found = {}
    for path in spec.glob("*.md"):
        for name in re.findall(r"^```worked-example (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            found[name] = path.name
    assert found == EXAMPLES


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_value_is_empty(spec: Path, name: str) -> None:
    example = read_example(spec, name)
    assert example
    assert [key for key, value in example.items() if not value.strip()] == []


def test_notation(spec: Path) -> None:
    example = read_example(spec, "notation")
    for person in ("alice", "bob", "carol"):
        text = example.pop(f"{person}_text")
        assert example.pop(f"{person}_seed") == hashlib.sha256(text.encode("ascii")).hexdigest()
    assert wire.decode_hex(example.pop("hex_of_0_15_255"), what="example") == bytes([0, 15, 255])
    assert wire.decode_base64(example.pop("base64_of_0_15_255"), what="example") == bytes([0, 15, 255])
    assert wire.VERSION_BYTE.hex() == example.pop("version_byte")
    assert example == {}


def test_identity(spec: Path) -> None:
    seeds, example = read_example(spec, "notation"), read_example(spec, "identity")
    pairs = {}
    for person in ("alice", "bob", "carol"):
        pairs[person] = identity.derive_identity(bytes.fromhex(seeds[f"{person}_seed"]))
        assert identity.encode_account_id(pairs[person].public) == example.pop(f"{person}_account_id")

    alice, bob = pairs["alice"], pairs["bob"]
    k = little(example["alice_private"])
    digest = hashlib.sha512(bytes.fromhex(seeds["alice_seed"])).digest()
    assert k == (int.from_bytes(digest[:32], "little") & ~7 & ~(1 << 255)) | 1 << 254
    assert alice.private.hex() == example.pop("alice_private")
    assert identity.agree(alice.private, bob.public).hex() == example["bob_agrees"]
    assert identity.agree(bob.private, alice.public).hex() == example.pop("bob_agrees")

    message, Z = bytes.fromhex(example.pop("message")), bytes(range(64))
    A, R = bytes.fromhex(example.pop("A")), bytes.fromhex(example.pop("R"))
    r, h, s = (little(example.pop(name)) for name in "rhs")
    assert message == b"hello bob"
    assert identity.multiply_base(k) == A
    hashed = hashlib.sha512(b"\xfe" + b"\xff" * 31 + alice.private + message + Z).digest()
    assert r == int.from_bytes(hashed, "little") % identity.Q
    assert identity.multiply_base(r) == R
    assert h == int.from_bytes(hashlib.sha512(R + A + message).digest(), "little") % identity.Q
    assert s == (r + h * k) % identity.Q

    signature = bytes.fromhex(example.pop("signature"))
    assert signature == R + (s | A[31] >> 7 << 255).to_bytes(32, "little")
    assert identity.sign_with(alice.private, message, Z=Z) == signature
    identity.verify(alice.public, message, signature)
    assert example == {}


def multiply(private: bytes, public: bytes) -> bytes:
    """X25519, as the library has it."""
    u = X25519PublicKey.from_public_bytes(public[-32:])
    return X25519PrivateKey.from_private_bytes(private).exchange(u)


def give_out(*values: bytes) -> wire.Random:
    """A source of randomness that gives out these values."""
    source = iter(values)
    return lambda size: next(source)


def field(number: int, value: int | bytes) -> bytes:
    """A protobuf field, as the encoding document writes it; lengths below 128 only need one byte."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    length = bytes([len(value)]) if len(value) < 128 else bytes([len(value) & 0x7F | 0x80, len(value) >> 7])
    return bytes([number << 3 | 2]) + length + value


def test_pairwise_sessions(spec: Path, hkdf: Hkdf) -> None:
    seeds, example = read_example(spec, "notation"), read_example(spec, "pairwise-sessions")
    numbers = {"signed_prekey_id", "one_time_prekey_id", "request_timestamp_ms"}
    values = {name: bytes.fromhex(text) for name, text in example.items() if name not in numbers}
    alice, bob = (identity.derive_identity(bytes.fromhex(seeds[f"{person}_seed"])) for person in ("alice", "bob"))
    labels = {
        "signed_prekey": "bob signed prekey",
        "one_time_prekey": "bob one-time prekey",
        "base": "alice base key",
        "alice_ratchet": "alice ratchet key",
        "bob_ratchet": "bob ratchet key",
    }
    for name, label in labels.items():
        private = values[f"{name}_private"]
        assert private == identity.clamp(hashlib.sha256(f"cloister example {label}".encode("ascii")).digest())
        public = values[name] if name.endswith("prekey") else values[f"{name}_key"]
        assert public == b"\x05" + multiply(private, b"\x09" + bytes(31))

    # The bundle and the request for a session
    assert identity.sign_with(bob.private, values["signed_prekey"], Z=bytes(range(64))) == values["signature"]
    bundle = field(1, bob.public) + field(3, 2) + field(4, 1) + field(5, values["one_time_prekey"])
    bundle += field(6, values["signed_prekey"]) + field(7, values["signature"])
    assert values["bundle"] == bundle
    assert [example[name] for name in sorted(numbers)] == ["2", "1600000000000", "1"]
    mac_key = hkdf(multiply(bob.private, alice.public), bytes(32), b"CloisterSessionRequest", 32)
    assert values["request_mac_key"] == mac_key
    timed = bob.public + alice.public + (1_600_000_000_000).to_bytes(8, "big") + bundle
    timestamp = bytes.fromhex("088080babbc82e")
    mac = hmac.digest(mac_key, timed, "sha256")
    assert values["request"] == b"\x33" + timestamp + field(2, bundle) + field(3, mac)

    # X3DH
    for name, private, public in (
        ("dh1", alice.private, "signed_prekey"),
        ("dh3", values["base_private"], "signed_prekey"),
        ("dh4", values["base_private"], "one_time_prekey"),
    ):
        assert values[name] == multiply(private, values[public])
    assert values["dh2"] == multiply(values["base_private"], bob.public)
    secret = b"\xff" * 32 + values["dh1"] + values["dh2"] + values["dh3"] + values["dh4"]
    assert hkdf(secret, bytes(32), b"WhisperText", 64) == values["root_key_0"] + values["chain_key_0"]

    # Alice's first ratchet step and message
    dh = multiply(values["alice_ratchet_private"], values["signed_prekey"])
    stepped = hkdf(dh, values["root_key_0"], b"WhisperRatchet", 64)
    assert stepped == values["root_key_1"] + values["alice_chain_key"]
    assert values["seed"] == hmac.digest(values["alice_chain_key"], b"\x01", "sha256")
    keys = hkdf(values["seed"], bytes(32), b"WhisperMessageKeys", 80)
    assert keys == values["cipher_key"] + values["mac_key"] + values["iv"]
    decryptor = Cipher(algorithms.AES256(values["cipher_key"]), modes.CBC(values["iv"])).decryptor()
    assert decryptor.update(values["ciphertext"]) == b"hello bob" + b"\x07" * 7
    body = b"\x33" + field(1, values["alice_ratchet_key"]) + field(2, 0) + field(3, 0) + field(4, values["ciphertext"])
    assert values["body"] == body
    assert values["mac"] == hmac.digest(values["mac_key"], alice.public + bob.public + body, "sha256")[:8]
    assert values["message"] == body + values["mac"]
    outer = field(1, 2) + field(2, values["base_key"]) + field(3, alice.public) + field(4, values["message"])
    assert values["prekey_message"] == b"\x33" + outer + field(5, 1) + field(6, 1)

    # Bob's step
    dh = multiply(values["bob_ratchet_private"], values["alice_ratchet_key"])
    assert hkdf(dh, values["root_key_1"], b"WhisperRatchet", 64) == values["root_key_2"] + values["bob_chain_key"]
    keys = hkdf(hmac.digest(values["bob_chain_key"], b"\x01", "sha256"), bytes(32), b"WhisperMessageKeys", 80)
    encryptor = Cipher(algorithms.AES256(keys[:32]), modes.CBC(keys[64:])).encryptor()
    ciphertext = encryptor.update(values["answer_plaintext"] + b"\x05" * 5)
    body = b"\x33" + field(1, values["bob_ratchet_key"]) + field(2, 0) + field(3, 0) + field(4, ciphertext)
    assert values["answer"] == body + hmac.digest(keys[32:64], bob.public + alice.public + body, "sha256")[:8]

    check_pairwise_reference(values, alice, bob)


def check_pairwise_reference(values: dict[str, bytes], alice: identity.KeyPair, bob: identity.KeyPair) -> None:
    """The reference goes the same way as the example."""
    now_ms = 1_600_000_000_000
    random = give_out(values["base_private"], values["alice_ratchet_private"])
    record = session.Record(ours=alice.public, theirs=bob.public)
    account = x3dh.Account(identity=alice)
    record = session_request.accept_request(record, account, values["request"], random, now_ms=now_ms)
    assert record.sessions[0].ratchet.root_key == values["root_key_1"]
    record, kind, frame = session.encrypt(record, values["plaintext"])
    assert (kind, frame) == ("prekey message", values["prekey_message"])

    signed, one_time = (
        identity.derive_key_pair(identity.decode_private_key(values[f"{name}_private"]))
        for name in ("signed_prekey", "one_time_prekey")
    )
    prekeys = x3dh.Prekeys(
        signed=(x3dh.SignedPrekey(prekey_id=1, pair=signed, signature=values["signature"], created_ms=now_ms),),
        one_time={2: x3dh.OneTimePrekey(pair=one_time, created_ms=now_ms)},
    )
    theirs = session.Record(ours=bob.public, theirs=alice.public)
    theirs, theirs_account, plaintext = session.decrypt_prekey_message(
        theirs,
        x3dh.Account(identity=bob, prekeys=prekeys),
        frame,
        give_out(values["bob_ratchet_private"]),
        now_ms=now_ms,
    )
    assert (plaintext, dict(theirs_account.prekeys.one_time)) == (b"hello bob", {})
    assert theirs.sessions[0].ratchet.root_key == values["root_key_2"]
    _, kind, answer = session.encrypt(theirs, values["answer_plaintext"])
    assert (kind, answer) == ("message", values["answer"])
    assert double_ratchet.decode_message(answer).ratchet_key == values["bob_ratchet_key"]
    _, plaintext = session.decrypt_message(record, answer, give_out(bytes(32)), now_ms=now_ms)
    assert plaintext == b"hello alice"


def test_envelopes(spec: Path) -> None:
    seeds, example = read_example(spec, "notation"), read_example(spec, "envelopes")
    alice, bob = (identity.derive_identity(bytes.fromhex(seeds[f"{person}_seed"])) for person in ("alice", "bob"))
    assert example.pop("kind") == "3"
    assert example.pop("timestamp_ms") == "1600000000000"
    values = {name: bytes.fromhex(text) for name, text in example.items()}

    assert values["content"].hex() == read_example(spec, "pairwise-sessions")["prekey_message"]
    source = alice.public.hex().encode("ascii")
    text = field(1, 3) + field(2, source) + bytes.fromhex("288080babbc82e") + field(8, values["content"])
    assert values["envelope"] == text
    assert values["padded"] == text + b"\x80" + bytes(319 - len(text) - 1)

    private = values["ephemeral_private"]
    assert private == identity.clamp(hashlib.sha256(b"cloister example ephemeral key").digest())
    assert values["ephemeral_key"] == multiply(private, b"\x09" + bytes(31))
    assert values["iv"] == hashlib.sha256(b"cloister example iv").digest()[:12]
    assert values["agreement"] == multiply(bob.private, values["ephemeral_key"])
    assert values["sealing_key"] == hmac.digest(b"LOKI", values["agreement"], "sha256")
    ciphertext = values["iv"] + AESGCM(values["sealing_key"]).encrypt(values["iv"], values["padded"], None)
    assert values["sealed"] == field(1, ciphertext) + field(2, values["ephemeral_key"])

    made = envelope.Envelope(
        kind="prekey message", source=alice.public, timestamp_ms=1_600_000_000_000, content=values["content"]
    )
    assert envelope.seal_envelope(bob.public, made, give_out(private, values["iv"])) == values["sealed"]
    assert envelope.open_envelope(bob.private, values["sealed"]) == made


def test_sender_keys(spec: Path, hkdf: Hkdf) -> None:
    example = read_example(spec, "sender-keys")
    values = {name: bytes.fromhex(text) for name, text in example.items() if name != "key_id"}
    pair = load_private(example["signing_private"])
    assert pair.public == values["signing_public"]

    chain_key = values["chain_key_0"]
    assert hmac.digest(chain_key, b"\x01", "sha256") == values["seed_0"]
    assert hmac.digest(chain_key, b"\x02", "sha256") == values["chain_key_1"]
    assert hmac.digest(values["chain_key_1"], b"\x02", "sha256") == values["chain_key_2"]
    assert hkdf(values["seed_0"], bytes(32), b"WhisperGroup", 48) == values["iv_0"] + values["cipher_key_0"]

    decryptor = Cipher(algorithms.AES256(values["cipher_key_0"]), modes.CBC(values["iv_0"])).decryptor()
    assert decryptor.update(values["ciphertext_0"]) == values["plaintext_0"] + b"\x05" * 5
    assert values["body_0"] == bytes.fromhex("330805" + "1000" + "1a10") + values["ciphertext_0"]
    assert identity.sign_with(pair.private, values["body_0"], Z=values["Z"]) == values["signature_0"]
    assert values["body_0"] + values["signature_0"] == values["message_0"]
    fields = bytes.fromhex("330805" + "1000" + "1a20") + chain_key + bytes.fromhex("2221") + pair.public
    assert fields == values["distribution"]

    key = sender_keys.SenderKey(
        key_id=int(example["key_id"]), iteration=0, chain_key=chain.ChainKey(chain_key), signing_key=pair
    )
    assert sender_keys.encode_distribution(key) == values["distribution"]
    key, first = sender_keys.encrypt(key, values["plaintext_0"], lambda _: values["Z"])
    key, _ = sender_keys.encrypt(key, b"lost", lambda _: values["Z"])
    assert key.chain_key == values["chain_key_2"]
    _, third = sender_keys.encrypt(key, values["plaintext_2"], lambda _: values["Z"])
    assert (first, third) == (values["message_0"], values["message_2"])

    record = sender_keys.process_distribution(sender_keys.Record(), values["distribution"], now_ms=1_600_000_000_000)
    for name in ("2", "0"):
        record, plaintext = sender_keys.decrypt(record, values[f"message_{name}"], now_ms=1_600_000_000_000)
        assert plaintext == values[f"plaintext_{name}"]
    used = {"signing_private", "signing_public", "Z", "distribution", "seed_0", "iv_0", "cipher_key_0", "ciphertext_0"}
    used |= {"body_0", "signature_0", "chain_key_0", "chain_key_1", "chain_key_2"}
    assert values.keys() == used | {"plaintext_0", "message_0", "plaintext_2", "message_2"}


def test_proof_of_work(spec: Path) -> None:
    alice, example = read_example(spec, "identity")["alice_account_id"], read_example(spec, "proof-of-work")
    assert example["recipient"] == alice
    payload = (example["timestamp"] + example["ttl"] + example["recipient"] + example["data"]).encode("ascii")
    assert int(example["payload_length"]) == len(payload)

    length, seconds, difficulty = len(payload) + 8, int(example["ttl"]) // 1000, int(example["difficulty"])
    target = (2**64 - 1) // (difficulty * (length + seconds * length // 65535))
    assert example["target"] == f"{target:016x}"

    h1 = hashlib.sha512(payload).digest()
    hashes = (hashlib.sha512(counter.to_bytes(8, "big") + h1).digest() for counter in count())
    found, h2 = next((counter, h2) for counter, h2 in enumerate(hashes) if int.from_bytes(h2[:8], "big") < target)
    assert example["h1"] == h1.hex()
    assert int(example["nonce_counter"]) == found
    assert example["nonce"] == base64.b64encode(found.to_bytes(8, "big")).decode("ascii")
    assert example["value"] == h2[:8].hex()
    assert example["message_hash"] == h2.hex()

    texts = {name: example[name] for name in ("timestamp", "ttl", "recipient", "data")}
    request = proof_of_work.Request(**texts)
    assert proof_of_work.find_nonce(request, difficulty=difficulty) == example["nonce"]
    assert proof_of_work.check(request, example["nonce"], difficulty=difficulty) == example["message_hash"]
    computed = {"difficulty", "payload_length", "target", "h1", "nonce_counter", "nonce", "value", "message_hash"}
    assert example.keys() == texts.keys() | computed


LEFT, RIGHT = 3 * 2**62, 2**62
"""The ids of the neighbours of Alice's space on the ring, down and up from it."""


def test_swarms(spec: Path) -> None:
    example = read_example(spec, "swarms")
    store = {"method": "store", "params": read_store(read_example(spec, "proof-of-work"))}
    network = swarm.decode_network(json.loads(example["network"]))
    values = compute_choice(store["params"]["pubKey"]) | compute_nodes(network)
    values |= compute_storage(store["params"], read_example(spec, "proof-of-work")["message_hash"])
    values |= compute_node_request(bytes.fromhex(values["batch"]))
    values["store"] = json.dumps(store)
    assert example == values | {"network": example["network"]}
    check_storage_reference(example, network)


def read_store(example: dict[str, str]) -> dict[str, str]:
    """The params of a store, from the worked example of chapter 06."""
    names = {"pubKey": "recipient", "ttl": "ttl", "nonce": "nonce", "timestamp": "timestamp", "data": "data"}
    return {param: example[name] for param, name in names.items()}


def compute_choice(recipient: str) -> dict[str, str]:
    words = [bytes.fromhex(recipient[at : at + 16]) for at in (2, 18, 34, 50)]
    space = int.from_bytes(bytes(a ^ b ^ c ^ d for a, b, c, d in zip(*words, strict=True)), "big")
    down, up = space - LEFT + 2**64, RIGHT - space
    assert 0 < up < down
    return {
        "recipient": recipient,
        **{f"word_{index}": word.hex() for index, word in enumerate(words)},
        "space_bytes": f"{space:016x}",
        "space": str(space),
        "left": str(LEFT),
        "left_distance": str(down),
        "right": str(RIGHT),
        "right_distance": str(up),
        "swarm": str(RIGHT),
    }


def node_key(name: str) -> SigningKey:
    return SigningKey(hashlib.sha256(f"cloister example node {name}".encode("ascii")).digest())


def compute_nodes(network: swarm.Network) -> dict[str, str]:
    zbase32 = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "ybndrfg8ejkmcpqxot1uwisza345h769")
    values = {}
    for (swarm_id, names), found in zip(((RIGHT, "abc"), (LEFT, "def")), network.swarms, strict=True):
        assert found.id == str(swarm_id)
        for name, node in zip(names, found.nodes, strict=True):
            private = identity.clamp(hashlib.sha512(node_key(name).encode()).digest()[:32])
            assert node.pubkey_ed25519 == node_key(name).verify_key.encode().hex()
            assert node.pubkey_x25519 == multiply(private, b"\x09" + bytes(31)).hex()
    for name in "ab":
        values[f"{name}_seed"] = node_key(name).encode().hex()
        values[f"{name}_ed25519"] = node_key(name).verify_key.encode().hex()
    address = base64.b32encode(node_key("a").verify_key.encode()).decode("ascii").strip("=").translate(zbase32)
    return values | {"a_address": f"{address}.snode"}


def sized(text: str) -> bytes:
    return len(text).to_bytes(8, "little") + text.encode("ascii")


def compute_storage(params: dict[str, str], message_hash: str) -> dict[str, str]:
    timestamp, ttl = int(params["timestamp"]), int(params["ttl"])
    record = params["pubKey"].encode("ascii") + sized(message_hash) + sized(params["data"])
    record += ttl.to_bytes(8, "little") + timestamp.to_bytes(8, "little") + sized(params["nonce"])
    letter = {"hash": message_hash, "expiration": timestamp + ttl, "data": params["data"]}
    return {
        "clock": "1600000001000",
        "message_hash": message_hash,
        "store_answer": json.dumps({"difficulty": 10}),
        "retrieve": json.dumps({"method": "retrieve", "params": {"pubKey": params["pubKey"], "lastHash": ""}}),
        "retrieve_answer": json.dumps({"messages": [letter]}),
        "batch": record.hex(),
    }


def compute_node_request(body: bytes) -> dict[str, str]:
    path, time = "/swarms/push_batch/v1", 1_600_000_001_000
    signed = b"cloister node request" + node_key("b").verify_key.encode() + time.to_bytes(8, "big")
    signed += hashlib.sha512(path.encode("ascii")).digest() + hashlib.sha512(body).digest()
    return {
        "path": path,
        "signed": signed.hex(),
        "X-Node-Key": node_key("a").verify_key.encode().hex(),
        "X-Node-Time": str(time),
        "X-Node-Signature": base64.b64encode(node_key("a").sign(signed).signature).decode("ascii"),
    }


def check_storage_reference(example: dict[str, str], network: swarm.Network) -> None:
    """The reference goes the same way as the example."""
    now_ms, node, peer = int(example["clock"]), example["a_ed25519"], example["b_ed25519"]
    request = storage.decode_rpc(example["store"])
    message = storage.check_store(request.params, network, node, now_ms=now_ms)
    assert message.hash == example["message_hash"]
    difficulty = storage.find_current_difficulty(network.difficulties, now_ms)
    assert json.dumps({"difficulty": difficulty}) == example["store_answer"]
    found = swarm.find_swarm(network, message.recipient)
    assert (found.id, swarm.encode_address(found.nodes[0])) == (example["swarm"], example["a_address"])

    page = storage.take_page([message], storage.decode_rpc(example["retrieve"]).params["lastHash"], now_ms=now_ms)
    assert json.dumps(storage.encode_page(page)) == example["retrieve_answer"]

    (batch,) = storage.encode_batches([message])
    assert batch.hex() == example["batch"]
    keys = node_request.derive_keys(bytes.fromhex(example["a_seed"]))
    headers = node_request.sign(keys, peer, example["path"], batch, now_ms=now_ms)
    assert headers == {name.lower(): text for name, text in example.items() if name.startswith("X-")}
    assert node_request.check(headers, network, peer, example["path"], batch, now_ms=now_ms) == node
    (pushed,) = storage.decode_batch(batch)
    storage.check_pushed(pushed, network, peer, now_ms=now_ms)
    assert pushed == message


def test_onion_requests(spec: Path) -> None:
    alice, example = read_example(spec, "identity")["alice_account_id"], read_example(spec, "onion-requests")
    payload = f'{{"method":"retrieve","params":{{"pubKey":"{alice}","lastHash":""}}}}'
    assert example["payload"] == payload
    texts = {"payload", "reply", "reply_text", *(f"control_{layer}" for layer in range(1, 5))}
    values = {name: bytes.fromhex(text) for name, text in example.items() if name not in texts}
    seeds = {name: hashlib.sha256(f"cloister example node {name}".encode("ascii")).digest() for name in "abcd"}
    for name, seed in seeds.items():
        assert (
            values[f"node_{name}_ed25519"] == Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        )
        assert b"\x05" + values[f"node_{name}_x25519"] == identity.derive_identity(seed).public

    data, control = payload.encode("ascii"), '{"headers":""}'
    for layer, name in zip((4, 3, 2, 1), "dcba", strict=True):
        assert example[f"control_{layer}"] == control
        assert values[f"plaintext_{layer}"] == len(data).to_bytes(4, "little") + data + control.encode("ascii")
        private, iv = values[f"ephemeral_private_{layer}"], values[f"iv_{layer}"]
        label = f"cloister example ephemeral key {layer}".encode("ascii")
        assert private == identity.clamp(hashlib.sha256(label).digest())
        assert iv == hashlib.sha256(f"cloister example iv {layer}".encode("ascii")).digest()[:12]
        ephemeral_key = multiply(private, b"\x09" + bytes(31))
        assert values[f"ephemeral_key_{layer}"] == ephemeral_key
        node_private = identity.derive_identity(seeds[name]).private
        assert values[f"agreement_{layer}"] == multiply(node_private, ephemeral_key)
        key = hmac.digest(b"LOKI", values[f"agreement_{layer}"], "sha256")
        assert values[f"layer_key_{layer}"] == key
        data = iv + AESGCM(key).encrypt(iv, values[f"plaintext_{layer}"], None)
        destination = example[f"node_{name}_ed25519"]
        control = f'{{"destination":"{destination}","ephemeral_key":"{ephemeral_key.hex()}"}}'
    beside = f'{{"ephemeral_key":"{ephemeral_key.hex()}"}}'.encode("ascii")
    assert values["body"] == len(data).to_bytes(4, "little") + data + beside

    assert example["reply_text"] == '{"status":200,"body":"{\\"messages\\":[]}"}'
    assert values["reply_iv"] == hashlib.sha256(b"cloister example reply iv").digest()[:12]
    reply = AESGCM(values["layer_key_4"]).encrypt(values["reply_iv"], example["reply_text"].encode("ascii"), None)
    assert example["reply"] == base64.b64encode(values["reply_iv"] + reply).decode("ascii")
    of_layers = {"control", "plaintext", "ephemeral_private", "ephemeral_key", "iv", "agreement", "layer_key"}
    of_nodes = {f"node_{name}_{key}" for name in "abcd" for key in ("ed25519", "x25519")}
    used = {f"{name}_{layer}" for name in of_layers for layer in range(1, 5)} | of_nodes
    assert example.keys() == used | {"payload", "body", "reply_text", "reply_iv", "reply"}

    check_onion_reference(example, values, seeds)


def check_onion_reference(example: dict[str, str], values: dict[str, bytes], seeds: dict[str, bytes]) -> None:
    """The reference builds, peels and answers the same."""
    *path, node = (
        swarm.Node(
            pubkey_ed25519=example[f"node_{name}_ed25519"],
            pubkey_x25519=example[f"node_{name}_x25519"],
            ip="192.0.2.1",
            port="22021",
        )
        for name in "abcd"
    )
    randoms = (values[f"{name}_{layer}"] for layer in (4, 3, 2, 1) for name in ("ephemeral_private", "iv"))
    built = onion.build(path, node, example["payload"].encode("ascii"), give_out(*randoms))
    assert built.body == values["body"]
    body = built.body
    for layer, name in enumerate("abcd", start=1):
        peeled = onion.peel(identity.derive_identity(seeds[name]).private, body)
        assert (peeled.plaintext, peeled.key) == (values[f"plaintext_{layer}"], values[f"layer_key_{layer}"])
        action = onion.read_action(peeled.plaintext)
        if isinstance(action, onion.ForNode):
            assert action.destination == (*path, node)[layer].pubkey_ed25519
            body = action.body
    assert action == onion.ForThisNode(payload=example["payload"].encode("ascii"))
    reply = onion.open_reply(built.reply_key, example["reply"])
    assert reply == onion.Reply(status=200, body='{"messages":[]}')


def test_group_control(spec: Path) -> None:
    seeds, example = read_example(spec, "notation"), read_example(spec, "group-control")
    alice, bob, carol = (
        identity.derive_identity(bytes.fromhex(seeds[f"{name}_seed"])).public for name in ("alice", "bob", "carol")
    )
    assert (example.pop("epoch"), example.pop("timestamp_ms"), example.pop("name")) == ("2", "1600000000000", "hike")
    values = {name: bytes.fromhex(value) for name, value in example.items()}
    time = bytes.fromhex("8080babbc82e")
    administrator_key = hash_to_pair("cloister example administrator key")
    assert values["group_id"] == hashlib.sha256(b"cloister example group").digest()
    assert values["avatar_hash"] == hashlib.sha256(values["avatar"]).digest()
    assert (values["administrator_key_private"], values["administrator_key"]) == administrator_key
    assert (values["dave"], values["erin"]) == tuple(
        hash_to_pair(f"cloister example {name}")[1] for name in ("dave", "erin")
    )
    assert values["address_private"] == hash_to_pair("cloister example second address key")[0]

    assert alice < carol < bob
    for name, account, added in (("alice", alice, 0), ("carol", carol, 1), ("bob", bob, 0)):
        assert values[f"member_{name}"] == field(1, account) + field(2, added)
    epochs = field(2, 0) + field(3, 1)
    assert values["removal_dave"] == field(1, values["dave"]) + epochs + field(4, 2) + b"\x28" + time + field(6, 4)
    named = b"\x18" + time + field(4, b"hike") + field(5, values["avatar_hash"])
    keys = field(6, alice) + field(7, administrator_key[1])
    members = b"".join(field(8, values[f"member_{name}"]) for name in ("alice", "carol", "bob"))
    last = field(9, values["removal_dave"]) + field(10, values["address_private"]) + field(11, 0)
    assert values["snapshot"] == field(1, values["group_id"]) + field(2, 2) + named + keys + members + last

    assert values["snapshot_hash"] == hashlib.sha256(values["snapshot"]).digest()
    assert values["signed_text"] == b"cloister group snapshot" + values["snapshot"]
    check_stages(values, administrator_key[0])
    message = field(1, values["snapshot"]) + field(2, values["signature"]) + field(3, values["avatar"]) + field(4, 0)
    begin = field(1, values["group_id"]) + field(2, 2)
    assert values["control"] == begin + field(3, message)
    assert values["add"] == begin + field(4, field(1, values["erin"]))
    assert values["leave"] == begin + field(5, field(1, 1) + field(2, 2))

    view = b"cloister group view" + values["group_id"] + (2).to_bytes(8, "big") + values["snapshot_hash"]
    adds = (1).to_bytes(4, "big") + values["erin"]
    leaves = (1).to_bytes(4, "big") + carol + (1).to_bytes(8, "big")
    assert values["digest_text"] == view + administrator_key[1] + adds + leaves
    assert values["digest"] == hashlib.sha256(values["digest_text"]).digest()
    check_view(values, alice, bob, carol)


def hash_to_pair(label: str) -> tuple[bytes, bytes]:
    """The private and the public key of a label."""
    private = identity.clamp(hashlib.sha256(label.encode("ascii")).digest())
    return private, b"\x05" + multiply(private, b"\x09" + bytes(31))


def check_stages(values: dict[str, bytes], private: bytes) -> None:
    """The signature follows from its text and Z, as chapter 02 says."""
    k, Z, R = int.from_bytes(private, "little"), values["Z"], values["R"]
    r, h, s = (int.from_bytes(values[name], "little") for name in "rhs")
    assert bytes(range(64)) == Z
    assert identity.multiply_base(k) == values["A"]
    hashed = hashlib.sha512(b"\xfe" + b"\xff" * 31 + private + values["signed_text"] + Z).digest()
    assert r == int.from_bytes(hashed, "little") % identity.Q
    assert identity.multiply_base(r) == R
    assert h == int.from_bytes(hashlib.sha512(R + values["A"] + values["signed_text"]).digest(), "little") % identity.Q
    assert s == (r + h * k) % identity.Q
    assert values["signature"] == R + (s | values["A"][31] >> 7 << 255).to_bytes(32, "little")


def check_view(
    values: dict[str, bytes], alice: identity.PublicKey, bob: identity.PublicKey, carol: identity.PublicKey
) -> None:
    """The reference reads the same, and comes to the same digest."""
    bodies = [group_control.decode_control(values[name]).body for name in ("control", "add", "leave")]
    first, added, left = bodies
    assert isinstance(first, group_control.SnapshotMessage)
    assert isinstance(added, group_control.Add)
    assert isinstance(left, group_control.Leave)
    view = group_control.accept_snapshot(None, bob, alice, first)
    view = group_control.accept_add(view, bob, 2, added.accounts)
    assert group_control.derive_digest(group_control.accept_leave(view, bob, carol, left)) == values["digest"]


def test_closed_groups(spec: Path) -> None:
    seeds, keys, sealing = (read_example(spec, name) for name in ("notation", "sender-keys", "envelopes"))
    example = read_example(spec, "closed-groups")
    alice = identity.derive_identity(bytes.fromhex(seeds["alice_seed"]))
    assert (example.pop("epoch"), example.pop("index"), example.pop("timestamp_ms")) == ("1", "0", "1600000000000")
    text = example.pop("text").encode("ascii")
    values = {name: bytes.fromhex(value) for name, value in example.items()}
    time = bytes.fromhex("8080babbc82e")

    assert values["group_id"] == hashlib.sha256(b"cloister example group").digest()
    assert values["digest"] == hashlib.sha256(b"cloister example digest").digest()
    given = field(1, bytes.fromhex(keys["distribution"])) + field(2, 0) + field(3, 0) + field(4, values["digest"])
    assert values["key"] == field(1, values["group_id"]) + field(2, 1) + field(6, given)
    assert values["pairwise_content"] == b"\x08" + time + field(3, values["key"])
    said = field(1, values["group_id"]) + field(2, 1) + field(3, alice.public) + field(4, 0)
    assert values["group_content"] == said + b"\x28" + time + field(6, values["digest"]) + field(7, text)

    iv, cipher_key = bytes.fromhex(keys["iv_0"]), bytes.fromhex(keys["cipher_key_0"])
    encryptor = Cipher(algorithms.AES256(cipher_key), modes.CBC(iv)).encryptor()
    size = 16 - len(values["group_content"]) % 16
    ciphertext = encryptor.update(values["group_content"] + bytes([size]) * size)
    body = bytes.fromhex("3308051000") + field(3, ciphertext)
    pair = load_private(keys["signing_private"])
    assert values["frame"] == body + identity.sign_with(pair.private, body, Z=bytes.fromhex(keys["Z"]))
    source = alice.public.hex().encode("ascii")
    assert values["envelope"] == field(1, 7) + field(2, source) + b"\x28" + time + field(8, values["frame"])

    address = values["address_private"]
    assert address == identity.clamp(hashlib.sha256(b"cloister example address key").digest())
    assert values["address_public"] == b"\x05" + multiply(address, b"\x09" + bytes(31))
    iv, ephemeral_key = bytes.fromhex(sealing["iv"]), bytes.fromhex(sealing["ephemeral_key"])
    sealing_key = hmac.digest(b"LOKI", multiply(address, ephemeral_key), "sha256")
    padded = (values["envelope"] + b"\x80").ljust(319, b"\x00")
    sealed = field(1, iv + AESGCM(sealing_key).encrypt(iv, padded, None)) + field(2, ephemeral_key)
    assert values["sealed"] == sealed
    used = {"group_id", "digest", "key", "pairwise_content", "group_content", "frame", "envelope"}
    assert values.keys() == used | {"address_private", "address_public", "sealed"}

    check_group_reference(values, alice.public, identity.derive_key_pair(identity.decode_private_key(address)))


def check_group_reference(values: dict[str, bytes], alice: identity.PublicKey, address: identity.KeyPair) -> None:
    """The reference reads the same."""
    control = group_content.decode_pairwise(values["pairwise_content"]).control
    assert control is not None
    assert isinstance(control.body, group_control.Key)
    record = sender_keys.process_distribution(sender_keys.Record(), control.body.distribution, now_ms=1_600_000_000_000)
    opened = envelope.open_envelope(address.private, values["sealed"])
    assert (opened.kind, opened.source) == ("group message", alice)
    _, plaintext = sender_keys.decrypt(record, opened.content, now_ms=1_600_000_000_000)
    assert group_content.decode_content(plaintext) == group_content.GroupContent(
        group_id=group_control.GroupId(values["group_id"]),
        epoch=1,
        sender=alice,
        index=0,
        timestamp_ms=1_600_000_000_000,
        digest=values["digest"],
        text="hello group",
    )


def test_open_groups(spec: Path) -> None:
    alice_seed = bytes.fromhex(read_example(spec, "notation")["alice_seed"])
    example = read_example(spec, "open-groups")
    texts = {name: example.pop(name) for name in ("room", "timestamp_ms", "text", "method", "endpoint", "body")}
    texts |= {name: example.pop(name) for name in ("timestamp", "payload", "reply_text")}
    values = {name: bytes.fromhex(value) for name, value in example.items()}
    check_ids(values, alice_seed)

    assert texts["timestamp_ms"] == texts["timestamp"] + "000"
    assert texts["timestamp"] == "1600000000"
    begin = field(1, values["server_key"]) + field(2, texts["room"].encode())
    time = bytes.fromhex("188080babbc82e")
    assert values["content"] == begin + time + field(4, 0) + field(5, texts["text"].encode())
    assert values["data"] == (values["content"] + b"\x80").ljust(159, b"\0")
    prefix = hashlib.sha512(alice_seed).digest()[32:]
    check_blinded_signature(values, prefix, values["data"], "post_")

    body = texts["body"].encode()
    assert json.loads(body) == {
        name: encode_base64(values[key]) for name, key in (("data", "data"), ("signature", "post_signature"))
    }
    assert values["nonce"] == hashlib.sha256(b"cloister example server nonce").digest()[:16]
    assert values["body_hash"] == hashlib.blake2b(body).digest()
    asked = (texts["timestamp"] + texts["method"] + texts["endpoint"]).encode()
    assert values["signed"] == values["server_key"] + values["nonce"] + asked + values["body_hash"]
    check_blinded_signature(values, prefix, values["signed"])
    check_server_onion(values, texts)


def encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def check_ids(values: dict[str, bytes], alice_seed: bytes) -> None:
    """The ids of Alice on the server."""
    Q = identity.Q
    k, a, ka = (int.from_bytes(values[name], "little") for name in ("k", "a", "ka"))
    assert values["server_seed"] == hashlib.sha256(b"cloister example server").digest()
    assert values["server_private"] == identity.clamp(hashlib.sha512(values["server_seed"]).digest()[:32])
    assert values["server_key"] == multiply(values["server_private"], b"\x09" + bytes(31))
    assert k == int.from_bytes(hashlib.blake2b(values["server_key"]).digest(), "little") % Q
    assert a == int.from_bytes(identity.clamp(hashlib.sha512(alice_seed).digest()[:32]), "little")
    assert ka == k * a % Q
    assert values["A"] == SigningKey(alice_seed).verify_key.encode()
    assert values["kA"] == identity.multiply_base(ka)
    assert (values["unblinded_id"], values["blinded_id"]) == (b"\x00" + values["A"], b"\x15" + values["kA"])
    for name in ("unblinded_id", "blinded_id"):
        account = server_id.find_account(values[name], server_key=values["server_key"])
        assert account == identity.derive_identity(alice_seed).public


def check_blinded_signature(values: dict[str, bytes], prefix: bytes, M: bytes, label: str = "") -> None:
    """A signature of Alice's blinded id, as the chapter computes it, verifies."""
    r, h = (int.from_bytes(values[label + name], "little") for name in "rh")
    R, kA = values[f"{label}R"], values["kA"]
    assert r == int.from_bytes(hashlib.sha512(prefix + kA + M).digest(), "little") % identity.Q
    assert identity.multiply_base(r) == R
    assert h == int.from_bytes(hashlib.sha512(R + kA + M).digest(), "little") % identity.Q
    s = (r + h * int.from_bytes(values["ka"], "little")) % identity.Q
    assert values[f"{label}signature"] == R + s.to_bytes(32, "little")
    VerifyKey(kA).verify(M, values[f"{label}signature"])


def check_server_onion(values: dict[str, bytes], texts: dict[str, str]) -> None:
    """What the server is sent is read by the reference; so is its reply."""
    payload, reply_text = texts["payload"].encode(), texts["reply_text"].encode()
    asked = server_onion.decode_request(payload)
    assert (asked.method, asked.target, asked.body.decode()) == (texts["method"], texts["endpoint"], texts["body"])
    found = signed_request.read_signature(asked.headers, blinding_required=True)
    assert found == signed_request.Signature(
        id=values["blinded_id"], nonce=values["nonce"], timestamp_s=1_600_000_000, signature=values["signature"]
    )
    signed_request.check_signature(found, asked, server_key=values["server_key"], now_s=1_600_000_000)

    ephemeral = identity.clamp(hashlib.sha256(b"cloister example server ephemeral").digest())
    assert values["ephemeral_private"] == ephemeral
    assert values["ephemeral_key"] == multiply(ephemeral, b"\x09" + bytes(31))
    assert values["agreement"] == multiply(values["server_private"], values["ephemeral_key"])
    assert values["layer_key"] == hmac.digest(b"LOKI", values["agreement"], "sha256")
    assert values["reply_iv"] == hashlib.sha256(b"cloister example server reply").digest()[:12]
    ciphertext = AESGCM(values["layer_key"]).encrypt(values["reply_iv"], reply_text, None)
    assert values["reply"] == values["reply_iv"] + ciphertext

    reply = server_onion.open_reply(values["layer_key"], values["reply"])
    assert (reply.status, dict(reply.headers)) == (201, {"content-type": "application/json"})
    shown = json.loads(reply.body)
    assert (shown["id"], shown["seqno"], shown["session_id"]) == (1, 1, values["blinded_id"].hex())
    data, signature = (base64.b64decode(shown[name], validate=True) for name in ("data", "signature"))
    assert (data, signature) == (values["data"], values["post_signature"])
    read = room_post.read_post(
        shown["session_id"], data, signature, server_key=values["server_key"], room=texts["room"]
    )
    assert read == room_post.RoomContent(
        server_key=values["server_key"], room="tea", timestamp_ms=1_600_000_000_000, text=texts["text"]
    )
