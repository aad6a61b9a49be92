"""Chapter 10: a message to a group, stage by stage: content, frame, envelope, what is stored."""

import hashlib
import hmac
from typing import Any

from cloister import chain, envelope, identity, sealing
from cloister.envelope import Envelope

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.closed_groups import ALICE, CAROL, NOW, PEOPLE, Content, encode_room
from cloister_conformance.hand_made.sender_keys import make_sender
from cloister_conformance.vector_files.cases import Group, Json, answered
from cloister_conformance.vector_files.closed_groups.contents import describe

ADDRESS = material.derive_key_pair("staged address")


def stages() -> Group:
    """Messages of several lengths, and a room."""
    group = Group("StagedMessage", "envelope.seal_envelope")
    for length in (0, 1, 5, 15, 16, 17, 100, 159, 160, 161, 1000):
        text = "x" * length
        steps = stage(f"text {length}", Content(**base(length), text=text))
        group.scenario(f"a text of {length} bytes", "Staged", "CG-7 CG-8 EN-1", steps)
    room = {"address": "https://example.org/room", "server_key": bytes(32).hex()}
    steps = stage("room", Content(**base(0), room=encode_room()), room)
    group.scenario("a room", "Staged", "CG-7 CG-8 CG-33", steps)
    for index in (1, 2, 1999):
        steps = stage(f"index {index}", Content(**{**base(7), "index": index, "sender": CAROL}, text="hello group"))
        group.scenario(f"Carol's message {index}", "Staged", "CG-7 CG-8 CG-9", steps)
    return group


def base(epoch: int) -> dict[str, Any]:
    """Say what most contents share."""
    return {
        "group_id": material.derive_bytes("staged group"),
        "epoch": epoch,
        "sender": ALICE,
        "index": 0,
        "digest": material.derive_bytes(f"staged digest {epoch}"),
    }


def stage(label: str, content: Content, room: Json | None = None) -> list[Json]:
    """Describe one message from its content on, under a sender key of its own whose iteration is the index."""
    sender = make_sender(f"staged {label}", key_id=1 + content.index)
    encoded = content.encode()
    seed = chain.derive_seed(sender.chain_key_at(content.index))
    derived = chain.derive_key(seed, chain.ZERO_SALT, b"WhisperGroup", 48)
    frame = sender.message(encoded, content.index)
    Z = hashlib.sha512(frame[:-64]).digest()

    source = PEOPLE["alice" if content.sender == ALICE else "carol"].public
    made = Envelope(kind="group message", source=source, timestamp_ms=NOW, content=frame)
    ephemeral, iv = (
        material.derive_key_pair(f"staged ephemeral {label}"),
        material.derive_bytes(f"staged iv {label}", 12),
    )
    padded = envelope.pad(envelope.encode_envelope(made))
    sealing_key = hmac.digest(b"LOKI", identity.agree(ephemeral.private, ADDRESS.public), "sha256")
    randoms = iter((ephemeral.private, iv))
    sealed = sealing.seal(ADDRESS.public, padded, lambda _: next(randoms))

    values = {"key_id": sender.key_id, "iteration": content.index, "chain_key": sender.chain_key_at(content.index)}
    key = {"key": "alice", **values, "signing_private": sender.signing_key.private}
    sealed_with = {"public_key": ADDRESS.public, "random": ephemeral.private + iv}
    said = {
        "kind": "group message",
        "source": identity.encode_account_id(source),
        "timestamp_ms": NOW,
        "content": frame,
    }
    return [
        answered("closed_group.encode_content", {"content": describe(content, room)}, {"encoded": encoded.hex()}),
        answered("sender_keys.create", key, {}),
        answered(
            "sender_keys.encrypt",
            {"key": "alice", "plaintext": encoded, "random": Z},
            {"message": frame.hex()},
            {"seed": seed, "iv": derived[:16], "cipher_key": derived[16:]},
        ),
        answered(
            "envelope.seal_envelope",
            {**sealed_with, **said},
            {"sealed": sealed.hex()},
            {"envelope": envelope.encode_envelope(made), "padded": padded, "sealing_key": sealing_key},
        ),
        answered(
            "envelope.open_envelope",
            {"private_key": ADDRESS.private, "sealed": sealed},
            {**said, "content": frame.hex()},
        ),
        answered("closed_group.decode_content", {"encoded": encoded}, {"content": describe(content, room)}),
    ]
