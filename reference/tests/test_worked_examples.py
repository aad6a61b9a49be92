"""The worked examples of the chapters hold, value by value."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from cloister import identity, proof_of_work, sender_keys, wire
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

EXAMPLES = {
    "notation": "01-notation.md",
    "identity": "02-identity.md",
    "sender-keys": "04-sender-keys.md",
    "proof-of-work": "06-proof-of-work.md",
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
        key_id=int(example["key_id"]), iteration=0, chain_key=sender_keys.ChainKey(chain_key), signing_key=pair
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
