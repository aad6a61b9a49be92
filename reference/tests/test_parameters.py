"""The parameter table of each chapter and the constants of its module are the same."""

import os
import re
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest
from cloister import (
    client,
    double_ratchet,
    envelope,
    errors,
    group_content,
    group_control,
    group_reading,
    group_repair,
    identity,
    mailbox,
    node_request,
    onion,
    open_group,
    open_group_batch,
    open_group_bodies,
    open_group_queries,
    open_group_rights,
    paths,
    proof_of_work,
    room,
    room_post,
    sealing,
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

OF_A_SERVER = (open_group_rights, open_group_queries, open_group_bodies, open_group, open_group_batch)
MODULES = {
    "01-notation.md": (wire,),
    "02-identity.md": (identity,),
    "03-pairwise-sessions.md": (x3dh, double_ratchet, session, session_request),
    "04-sender-keys.md": (sender_keys,),
    "05-envelopes.md": (sealing, envelope),
    "06-proof-of-work.md": (proof_of_work,),
    "07-swarms.md": (swarm, node_request, storage, mailbox),
    "08-onion-requests.md": (onion, paths),
    "09-group-control.md": (group_control,),
    "10-closed-groups.md": (group_content, group_repair, group_reading, client),
    "11-open-groups.md": (server_id, signed_request, server_onion, room_post, room, *OF_A_SERVER),
}
SECURITY = "12-security.md"
OF_THE_ADAPTER_PROTOCOL = "13-adapter-protocol.md"


def read_parameters(path: Path) -> dict[str, str]:
    """Read the parameter table of a chapter: name to value."""
    text = path.read_text(encoding="utf-8")
    section = re.search(r"^## Parameters\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert section, f"{path.name} has no parameters"
    return dict(re.findall(r"^\| `([A-Z0-9_]+)` \| ([^|]+?) \|", section[1], re.MULTILINE))


def parse_value(text: str) -> int | bytes | str:
    """Parse a decimal or hex number, a sum with a power of 2, or a text or path in backquotes."""
    if path := re.fullmatch(r"`(/[\w/]+)`", text):
        return path[1]
    if quoted := re.fullmatch(r"`([\w ]+)`", text):
        return quoted[1].encode("ascii")
    if sum_of_power := re.fullmatch(r"2\^(\d+) ([+-]) (\d+)", text):
        power, sign, number = sum_of_power.groups()
        return (1 << int(power)) + int(sign + number)
    return int(text, 0)


def test_the_longest_content_just_fits_into_a_frame() -> None:
    alice, bob = (identity.generate_key_pair(os.urandom) for _ in range(2))
    for kind in get_args(envelope.Kind):
        content = bytes(wire.MAX_CONTENT_BYTES)
        sealed = envelope.seal_envelope(
            bob.public,
            envelope.Envelope(kind=kind, source=alice.public, timestamp_ms=1_600_000_000_000, content=content),
            os.urandom,
        )
        assert envelope.open_envelope(bob.private, sealed).content == content
        longer = envelope.Envelope(
            kind=kind, source=alice.public, timestamp_ms=1_600_000_000_000, content=content + b"x"
        )
        with pytest.raises(errors.TooLarge):
            envelope.seal_envelope(bob.public, longer, os.urandom)


def test_every_chapter_is_compared(spec: Path) -> None:
    assert {path.name for path in spec.glob("[0-9]*.md")} == MODULES.keys() | {OF_THE_ADAPTER_PROTOCOL, SECURITY}
    assert "\nNone.\n" in (spec / SECURITY).read_text("utf-8").split("## Parameters")[1].split("##")[0]


@pytest.mark.parametrize(("chapter", "modules"), MODULES.items(), ids=list(MODULES))
def test_table_equals_constants(spec: Path, chapter: str, modules: tuple[ModuleType, ...]) -> None:
    parameters = read_parameters(spec / chapter)
    assert parameters
    for name, text in parameters.items():
        assert {vars(module)[name] for module in modules if name in vars(module)} == {parse_value(text)}, name


def test_values_are_parsed() -> None:
    assert parse_value("0x05") == 5
    assert parse_value("2^255 - 19") == 2**255 - 19
    assert parse_value("`WhisperGroup`") == b"WhisperGroup"
    assert parse_value("`/oxen/v4/lsrpc`") == "/oxen/v4/lsrpc"
