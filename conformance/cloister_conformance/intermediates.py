"""The reference's named intermediate values of one call, for the report of a failure.

The call is run again on the reference, and what its `decode_`, `derive_`, `hash_`, `find_` and `take_` functions return is noted.
"""

import dataclasses
import random
import sys
from types import FrameType
from typing import Any

from cloister_conformance import peer
from cloister_conformance.peer import Peer
from cloister_conformance.script import Script, judge, resolve_expectation
from cloister_conformance.target import shorten

NAMED = ("decode_", "derive_", "hash_", "find_", "take_", "convert_", "encode_payload")
UNNAMED = ("decode_protobuf", "decode_network")
OPAQUE = "decode_network"
"""A function whose steps say only that an input has its form."""


def explain(script: Script) -> list[str]:
    """Run the last step of a script on the reference, after the same steps of the same actor, and list what it computes.

    Nothing is listed if the reference does not do what is expected either: it has drawn other random values.
    """
    *before, last = script.steps
    if last.method not in peer.METHODS:  # a service node is asked over HTTP, not by methods of the reference
        return []
    shadow = Peer(random.Random(script.seed).randbytes)
    for step in before:
        if step.actor == last.actor:
            shadow.call(step.method, step.params)
    lines, answer = trace(shadow, last.method, last.params)
    expectation = resolve_expectation(last.expect, [step.answer for step in before])
    return lines if judge(answer, expectation, strict=False) != "wrong" else []


def trace(shadow: Peer, method: str, params: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Call a method of the reference; list the values that its named functions return, and return its answer."""
    lines: list[str] = []

    def note(frame: FrameType, event: str, value: object) -> None:
        function = frame.f_code.co_name
        module = frame.f_globals.get("__name__", "")
        if event == "return" and value is not None and is_named(module, function) and not is_opaque(frame):
            lines.append(f"{module.removeprefix('cloister.')}.{function} = {show(value)}")

    sys.setprofile(note)
    try:
        answer = shadow.call(method, params)
    finally:
        sys.setprofile(None)
    lines.append(f"the reference: {shorten(answer.get('result', answer.get('error')))}")
    return lines, answer


def is_named(module: str, function: str) -> bool:
    """Tell whether the value of a function is worth a line."""
    return module.startswith("cloister.") and function.startswith(NAMED) and function not in UNNAMED


def is_opaque(frame: FrameType | None) -> bool:
    """Tell whether a frame is a step of the opaque function."""
    while frame is not None and frame.f_code.co_name != OPAQUE:
        frame = frame.f_back
    return frame is not None


def show(value: object) -> str:
    """Write a value: bytes as hex, a dataclass with its members."""
    if isinstance(value, bytes):
        return shorten(value.hex())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = ", ".join(
            f"{member.name}={show(getattr(value, member.name))}" for member in dataclasses.fields(value)
        )
        return f"{type(value).__name__}({members})"
    if isinstance(value, tuple | list):
        return ", ".join(show(member) for member in value)
    if isinstance(value, dict):
        return f"{len(value)} entries"
    return shorten(str(value))
