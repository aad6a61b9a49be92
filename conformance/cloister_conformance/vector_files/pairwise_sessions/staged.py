"""Chapter 03: the agreement, the ratchet and its messages, with every value on their way."""

from dataclasses import dataclass

from cloister.identity import KeyPair

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.vector_files.cases import Group, Json, answered
from cloister_conformance.vector_files.identity.bad_keys import kinds_of_bad_public_key
from cloister_conformance.vector_files.pairwise_sessions import formulas

VERSION = b"\x33"


def agreements() -> list[Group]:
    """X3DH from both sides."""
    initiator, responder = Group("Initiator", "x3dh.agree_as_initiator"), Group("Responder", "x3dh.agree_as_responder")
    for index in range(12):
        ours, base, theirs, signed, one_time = (
            material.derive_key_pair(f"agreement {index} {name}")
            for name in ("identity", "base", "peer", "signed", "one-time")
        )
        for has_one_time in (True, False):
            dh = [
                formulas.agree(ours.private, signed.public),
                formulas.agree(base.private, theirs.public),
                formulas.agree(base.private, signed.public),
                *([formulas.agree(base.private, one_time.public)] if has_one_time else []),
            ]
            root_key, chain_key = formulas.x3dh(*dh)
            expected = {"root_key": root_key.hex(), "chain_key": chain_key.hex()}
            stages = {f"dh{number}": value for number, value in enumerate(dh, 1)}
            clauses = "PS-12 PS-13"
            comment = f"keys {index}, {'with' if has_one_time else 'without'} a one-time prekey"
            bundle = {"identity_key": theirs.public, "signed_prekey": signed.public}
            initiator.valid(
                comment,
                "Agreement",
                clauses,
                expected=expected,
                intermediates=stages,
                private_key=ours.private,
                base_private=base.private,
                **bundle,
                **({"one_time_prekey": one_time.public} if has_one_time else {}),
            )
            responder.valid(
                comment,
                "Agreement",
                clauses,
                expected=expected,
                intermediates=stages,
                private_key=theirs.private,
                signed_prekey_private=signed.private,
                identity_key=ours.public,
                base_key=base.public,
                **({"one_time_prekey_private": one_time.private} if has_one_time else {}),
            )
    add_bad_keys(initiator, responder)
    return [initiator, responder]


def add_bad_keys(initiator: Group, responder: Group) -> None:
    """Add agreements with a key that is refused, in each place."""
    good = material.derive_key_pair("agreement, good")
    of_initiator = {"private_key": good.private, "base_private": good.private}
    of_responder = {"private_key": good.private, "signed_prekey_private": good.private}
    for comment, clause, public in kinds_of_bad_public_key(good.public):
        for place in ("identity_key", "signed_prekey", "one_time_prekey"):
            keys = dict.fromkeys(("identity_key", "signed_prekey", "one_time_prekey"), good.public)
            inputs = {**of_initiator, **keys, place: public}
            if public or place != "one_time_prekey":  # an empty one is taken for none
                initiator.invalid(f"{place}: {comment}", "InvalidKey", "BadKey", f"PS-10 {clause}", **inputs)
        for place in ("identity_key", "base_key"):
            inputs = {**of_responder, "identity_key": good.public, "base_key": good.public, place: public}
            responder.invalid(f"{place}: {comment}", "InvalidKey", "BadKey", f"PS-19 {clause}", **inputs)


def chain_links() -> Group:
    """Chain keys and what is derived from each."""
    group = Group("ChainLink", "double_ratchet.derive")
    chain_key = material.derive_bytes("chain links of a session")
    links = [("zeros", bytes(32)), ("0xff", b"\xff" * 32)]
    for number in range(20):
        links.append((f"link {number} of one chain", chain_key))
        chain_key = formulas.advance(chain_key)
    for name, link in links:
        keys = formulas.message_keys(link)
        expected = {**{name: value.hex() for name, value in keys._asdict().items()}}
        expected["next_chain_key"] = formulas.advance(link).hex()
        group.valid(name, "ChainLink", "PS-26 PS-27", expected=expected, chain_key=link)
    return group


def root_steps() -> Group:
    """Root keys that are stepped."""
    group = Group("RootStep", "double_ratchet.step")
    root_key = material.derive_bytes("root key")
    for index in range(20):
        ours, theirs = (
            material.derive_key_pair(f"step {index}, ours"),
            material.derive_key_pair(f"step {index}, theirs"),
        )
        next_root_key, chain_key = formulas.step(root_key, ours.private, theirs.public)
        expected = {"root_key": next_root_key.hex(), "chain_key": chain_key.hex()}
        inputs = {"root_key": root_key, "ratchet_private": ours.private, "ratchet_key": theirs.public}
        stages = {"dh": formulas.agree(ours.private, theirs.public)}
        group.valid(f"step {index}", "RootStep", "PS-35", expected=expected, intermediates=stages, **inputs)
        root_key = next_root_key
    for comment, clause, public in kinds_of_bad_public_key(theirs.public):
        inputs = {"root_key": root_key, "ratchet_private": ours.private, "ratchet_key": public}
        group.invalid(f"ratchet key: {comment}", "InvalidKey", "BadKey", f"PS-33 {clause}", **inputs)
    return group


@dataclass(kw_only=True)
class Party:
    """One side of a staged conversation, computed by the formulas alone."""

    name: str
    identity: KeyPair
    pair: KeyPair
    root_key: bytes
    chain_key: bytes = b""
    counter: int = 0
    previous_counter: int = 0

    def send(self, peer: "Party", plaintext: bytes) -> tuple[Json, bytes]:
        """Describe the encryption of a message; return it and the frame."""
        keys = formulas.message_keys(self.chain_key)
        ciphertext = formulas.encrypt(keys, plaintext)
        numbers = field(1, self.pair.public) + field(2, self.counter) + field(3, self.previous_counter)
        body = VERSION + numbers + field(4, ciphertext)
        frame = body + formulas.mac(keys, self.identity.public, peer.identity.public, body)
        stages = {**keys._asdict(), "ciphertext": ciphertext, "body": body, "mac": frame[-8:]}
        self.chain_key, self.counter = formulas.advance(self.chain_key), self.counter + 1
        inputs = {"ratchet": self.name, "plaintext": plaintext}
        return answered("double_ratchet.encrypt", inputs, {"message": frame.hex()}, stages), frame

    def turn(self, ratchet_key: bytes, new: KeyPair) -> dict[str, bytes]:
        """Begin a new sending chain because of a new ratchet key of the peer; return the values on the way."""
        receiving_root, receiving_key = formulas.step(self.root_key, self.pair.private, ratchet_key)
        self.root_key, self.chain_key = formulas.step(receiving_root, new.private, ratchet_key)
        self.previous_counter, self.counter, self.pair = max(self.counter - 1, 0), 0, new
        return {"receiving_chain_key": receiving_key, "sending_chain_key": self.chain_key, "root_key": self.root_key}


def conversations() -> Group:
    """Two ratchets that talk, with every ratchet key given."""
    group = Group("Conversation", "double_ratchet.decrypt")
    for turns, pattern in (("one message a turn", [1, 1, 1, 1, 1, 1]), ("some", [3, 2, 1, 4, 2]), ("many", [8, 8])):
        group.scenario(turns, "Conversation", "PS-28 PS-29 PS-35 PS-36 PS-37 PS-38", converse(turns, pattern))
    for size in (0, 1, 15, 16, 17, 32, 100, 4096):
        label = f"plaintext of {size} bytes"
        group.scenario(label, "EdgeLength", "PS-28 PS-37", converse(label, [2, 1], size=size))
    return group


def converse(label: str, pattern: list[int], size: int | None = None) -> list[Json]:
    """Describe a conversation; the pattern says how many messages each turn has."""

    def key(name: str) -> KeyPair:
        return material.derive_key_pair(f"{label} {name}")

    root_key, chain_key = material.derive_bytes(f"{label} root"), material.derive_bytes(f"{label} chain")
    signed = key("signed prekey")
    alice = Party(name="alice", identity=key("alice"), pair=key("alice 0"), root_key=root_key)
    bob = Party(name="bob", identity=key("bob"), pair=signed, root_key=root_key, chain_key=chain_key)
    shared = {"root_key": root_key, "chain_key": chain_key}
    steps = [
        answered(
            "double_ratchet.start_as_initiator",
            {
                "ratchet": "alice",
                "identity_key": alice.identity.public,
                "peer_identity_key": bob.identity.public,
                "ratchet_key": signed.public,
                "ratchet_private": alice.pair.private,
                **shared,
            },
            {},
        ),
        answered(
            "double_ratchet.start_as_responder",
            {
                "ratchet": "bob",
                "identity_key": bob.identity.public,
                "peer_identity_key": alice.identity.public,
                "ratchet_private": signed.private,
                **shared,
            },
            {},
        ),
    ]
    alice.root_key, alice.chain_key = formulas.step(root_key, alice.pair.private, signed.public)
    sender, receiver = alice, bob
    for turn, count in enumerate(pattern):
        for number in range(count):
            plaintext = f"turn {turn}, message {number}".encode("ascii") if size is None else bytes(size)
            sent, frame = sender.send(receiver, plaintext)
            inputs = {"ratchet": receiver.name, "message": frame}
            stages = {}
            if number == 0:
                new = key(f"{receiver.name} {turn + 1}")
                inputs["ratchet_private"] = new.private
                stages = receiver.turn(sender.pair.public, new)
            steps += [sent, answered("double_ratchet.decrypt", inputs, {"plaintext": plaintext.hex()}, stages)]
        sender, receiver = receiver, sender
    return steps
