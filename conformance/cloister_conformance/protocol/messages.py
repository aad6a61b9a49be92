"""What all methods share: binary values, the error codes, the description of a method."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Len
from cloister import wire
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

SPEC_VERSION = "0.1"

PARSE_ERROR = -32700
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
REFUSED = -32000


def decode_hex(value: object) -> bytes:
    """Decode a JSON value that must be lower-case hex; bytes pass."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str) or not wire.HEX.fullmatch(value):
        raise ValueError("not lower-case hex")
    return bytes.fromhex(value)


Hex = Annotated[
    bytes,
    BeforeValidator(decode_hex),
    PlainSerializer(bytes.hex, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^([0-9a-f]{2})*$", "description": "lower-case hex"}),
]


Hex32 = Annotated[Hex, Len(32, 32)]
Hex64 = Annotated[Hex, Len(64, 64)]


class Message(BaseModel):
    """Params or a result: unknown members are refused, types are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Nothing(Message):
    """No members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method; `capability` is None for the two that every adapter answers."""

    name: str
    capability: str | None
    summary: str
    params: type[Message]
    result: type[Message]
    errors: tuple[str, ...] = ()
