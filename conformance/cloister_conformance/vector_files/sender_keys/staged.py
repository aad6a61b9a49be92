"""Chapter 04: messages with every value on their way, from given keys and random bytes."""

from dataclasses import replace

from cloister import chain, identity, sender_keys
from cloister.chain import ChainKey
from cloister.sender_keys import MAX_ITERATION, SenderKey

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.hand_made.sender_keys import VERSION, make_sender
from cloister_conformance.vector_files.cases import Group, Json, answered, refused
from cloister_conformance.vector_files.identity.stages import stage_signature
from cloister_conformance.vector_files.sender_keys.receiver import usual_plaintext

DEPLOYED = {
    "name": "fixed-key values, read by python-axolotl and by Baileys WASignalGroup",
    "version": "0.2.3 and 6.17.16",
}


def staged() -> list[Group]:
    """Build all groups of staged messages."""
    return [chain_links(), deployed_messages(), staged_messages(), staged_conversations(), exhausted_keys()]


def chain_links() -> Group:
    """Chain keys and what is derived from each."""
    group = Group("ChainLink", "sender_keys.derive")
    for name, chain_key in (("zeros", bytes(32)), ("0xff", b"\xff" * 32), ("0 to 31", bytes(range(32)))):
        group.valid(f"chain key of {name}", "Chain", "SK-2 SK-3", chain_key=chain_key)
    sender = make_sender("chain links")
    for iteration in range(60):
        chain_key = sender.chain_key_at(iteration)
        group.valid(f"link {iteration} of one chain", "Chain", "SK-2 SK-3", chain_key=chain_key)
    return group


def stage(key: SenderKey, plaintext: bytes, Z: bytes) -> Json:
    """Describe the encryption of one message, with the values on its way."""
    k = key.signing_key.private
    seed = chain.derive_seed(key.chain_key)
    iv, cipher_key = sender_keys.derive_message_key(seed)
    ciphertext = sender_keys.encrypt_plaintext(seed, plaintext)
    body = VERSION + field(1, key.key_id) + field(2, key.iteration) + field(3, ciphertext)
    signature = identity.sign_with(k, body, Z=Z)
    stages = {
        "seed": seed,
        "iv": iv,
        "cipher_key": cipher_key,
        "ciphertext": ciphertext,
        "body": body,
        **stage_signature(k, body, Z),
        "signature": signature,
        "next_chain_key": chain.derive_next_chain_key(key.chain_key),
    }
    expected = {"message": (body + signature).hex()}
    return answered("sender_keys.encrypt", {"key": "alice", "plaintext": plaintext, "random": Z}, expected, stages)


def advance(key: SenderKey) -> SenderKey:
    """Advance a sender key by one message."""
    return replace(key, iteration=key.iteration + 1, chain_key=chain.derive_next_chain_key(key.chain_key))


def create(key: SenderKey) -> Json:
    """Describe the creation of a sender key with given values."""
    values = {"key_id": key.key_id, "iteration": key.iteration, "chain_key": key.chain_key}
    inputs = {"key": "alice", **values, "signing_private": key.signing_key.private}
    return answered("sender_keys.create", inputs, {})


def distribute(key: SenderKey) -> Json:
    """Describe the distribution of a sender key."""
    numbers = field(1, key.key_id) + field(2, key.iteration)
    frame = VERSION + numbers + field(3, key.chain_key) + field(4, key.signing_key.public)
    return answered("sender_keys.distribute", {"key": "alice"}, {"distribution": frame.hex()})


def staged_message(key: SenderKey, plaintext: bytes, Z: bytes) -> list[Json]:
    """Describe one message from its sender key on, with the distributions before and after it."""
    return [create(key), distribute(key), stage(key, plaintext, Z), distribute(advance(key))]


def deployed_messages() -> Group:
    """The frames that deployed libraries have read."""
    group = Group("StagedMessage", "sender_keys.encrypt", source=DEPLOYED)
    private = "8018d8e51f047ec501d7186fee8640485dd56220243b4ab5dda1336388a5c853"
    chain_key = "69e54a2c19a61346dd87629cec787b444362ac6cc490474f7eeffd9b8ae7f159"
    key = SenderKey(
        key_id=5,
        iteration=0,
        chain_key=ChainKey(bytes.fromhex(chain_key)),
        signing_key=identity.derive_key_pair(identity.decode_private_key(bytes.fromhex(private))),
    )
    Z = bytes.fromhex(
        "1fd89762c199c4b840f410b39f59a17df94faacb5c36c3225e6a0fdb2ef9cdc8"
        "a94e80434aa8550f3824f12b4fd2aa4c93b64dcd7de971283e6a510a45ae32ea"
    )
    distribution = (
        "33080510001a2069e54a2c19a61346dd87629cec787b444362ac6cc490474f7eeffd9b8ae7f159"
        "2221050f70a435c2bafdc913d53b6cdbf21da04ea3e3ce0178c30ff9870ac240107d08"
    )
    first = (
        "33080510001a101e394ea01fac81275f2ee4a0bd50ca612f3e2ef9db0ca6effb9e16b46523b3b3f6b12e8d5950ff8b55"
        "a3f673408d60ab21db1631b74c9421a9b7a893082c8a7b4711a4ce67decde5a6425a296cfe218a"
    )
    third = (
        "33080510021a10d860b9b815abf8af778e9c381d98ad4a1fb71858393778de650c28e431f1485980359b510a586bc01a"
        "43a52ac26ce86fae40fb0fb6df2050360964744e092cb2c3d20c884f981e5c07d7e0a501fbf684"
    )
    steps = staged_message(key, b"hello group", Z)
    if (steps[1]["expected"]["distribution"], steps[2]["expected"]["message"]) != (distribution, first):
        raise AssertionError("the deployed frames of iteration 0 are others")
    group.scenario("iteration 0", "Published Staged", "SK-2 SK-3 SK-4 SK-5", steps)

    steps = staged_message(advance(advance(key)), b"two", Z)
    if steps[2]["expected"]["message"] != third:
        raise AssertionError("the deployed frame of iteration 2 is another")
    group.scenario("iteration 2", "Published Staged", "SK-2 SK-3 SK-4 SK-5", steps)
    return group


def staged_messages() -> Group:
    """Single messages: plaintexts of every length, key ids and iterations at their edges."""
    group = Group("StagedMessage", "sender_keys.encrypt")

    def message(comment: str, flag: str, key_id: int, iteration: int, plaintext: bytes) -> None:
        key = SenderKey(
            key_id=key_id,
            iteration=iteration,
            chain_key=ChainKey(material.derive_bytes(f"staged chain key {comment}")),
            signing_key=material.derive_key_pair(f"staged signing key {comment}"),
        )
        steps = staged_message(key, plaintext, material.derive_bytes(f"staged Z {comment}", 64))
        group.scenario(comment, f"Staged {flag}", "SK-2 SK-3 SK-4 SK-5 SK-7 SK-8 SK-9 NE-7 NE-15", steps)

    for length in (*range(65), 79, 80, 81, 100, 127, 128, 129, 255, 256, 1000, 4096):
        message(f"plaintext of {length} bytes", "EdgeLength", 5, length, material.derive_bytes("plaintext", length))
    for last in (0x00, 0x01, 0x0F, 0x10, 0xFF):
        message(f"plaintext of 16 bytes that ends in {last:02x}", "EdgeLength", 5, 0, bytes(15) + bytes([last]))
    numbers = (
        0,
        1,
        127,
        128,
        255,
        256,
        16383,
        16384,
        65535,
        65536,
        2097151,
        2097152,
        268435455,
        268435456,
        MAX_ITERATION - 1,
    )
    for number in (*numbers, MAX_ITERATION):
        message(f"key id {number}", "EdgeNumber", number, 3, b"hello group")
    for number in numbers:
        message(f"iteration {number}", "EdgeNumber", 7, number, b"hello group")
    return group


def staged_conversations() -> Group:
    """Many messages of one sender, with a distribution to a late member in the middle."""
    group = Group("StagedConversation", "sender_keys.encrypt")
    for index, (start, count) in enumerate(((0, 12), (0, 25), (125, 8), (16380, 8), (1, 5), (1999, 5))):
        key = SenderKey(
            key_id=material.derive_number(f"conversation {index}", 2**31),
            iteration=start,
            chain_key=ChainKey(material.derive_bytes(f"conversation {index}")),
            signing_key=material.find_key_pair(f"conversation {index}", sign=index % 2),
        )
        steps = [create(key), distribute(key)]
        for iteration in range(start, start + count):
            Z = material.derive_bytes(f"conversation {index}, Z {iteration}", 64)
            steps.append(stage(key, usual_plaintext(iteration), Z))
            key = advance(key)
            if iteration == start + count // 2:
                steps += [distribute(key), distribute(key)]
        comment = f"{count} messages from iteration {start}, a late member after {count // 2 + 1} of them"
        group.scenario(comment, "Staged", "SK-2 SK-5 SK-7 SK-8 SK-9", steps)
    return group


def exhausted_keys() -> Group:
    """The last iterations of a sender key."""
    group = Group("ExhaustedKey", "sender_keys.encrypt")
    Z = material.derive_bytes("exhausted Z", 64)
    for before in range(3):
        key = SenderKey(
            key_id=9,
            iteration=MAX_ITERATION - before,
            chain_key=ChainKey(material.derive_bytes("exhausted")),
            signing_key=material.derive_key_pair("exhausted"),
        )
        steps = [create(key)]
        while key.iteration <= MAX_ITERATION:
            steps.append(stage(key, b"hello group", Z))
            key = advance(key)
        group.scenario(f"the last {before + 1} messages", "Exhausted", "SK-10", list(steps))
        inputs = {"key": "alice", "plaintext": b"hello group", "random": Z}
        steps.append(refused("sender_keys.encrypt", inputs, "SenderKeyExhausted"))
        group.scenario(f"one more than the last {before + 1} messages", "Exhausted", "SK-10", steps)
    return group
