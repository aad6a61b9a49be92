"""What all methods share: binary values, the marks of params, the error codes, the description of a method."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, TypeVar

from annotated_types import Len
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
    model_serializer,
)
from pydantic_core import CoreSchema

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
    try:
        decoded = bytes.fromhex(value) if isinstance(value, str) else None
    except ValueError:
        decoded = None
    if decoded is None or decoded.hex() != value:  # of megabytes too, for which a pattern takes seconds
        raise ValueError("not lower-case hex")
    return decoded


Hex = Annotated[
    bytes,
    BeforeValidator(decode_hex),
    PlainSerializer(bytes.hex, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^([0-9a-f]{2})*$", "description": "lower-case hex"}),
]


Hex32 = Annotated[Hex, Len(32, 32)]
Hex64 = Annotated[Hex, Len(64, 64)]
Index = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]*)$")]
"""A decimal text, since it may be above 2^53."""


class Message(BaseModel):
    """Params or a result: unknown members are refused, types are not converted."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True, strict=True)


class Sparse(Message):
    """A message some of whose members may be absent."""

    @model_serializer(mode="wrap")
    def leave_out(self, serialize: Callable[["Sparse"], dict[str, Any]]) -> dict[str, Any]:
        """Leave out the members that are absent."""
        return {name: value for name, value in serialize(self).items() if value is not None}


class Nothing(Message):
    """No members."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Says more of a param than its type: `key: Annotated[str, Handle("sender key")]`."""

    def describe(self) -> str:
        """Describe the param for the OpenRPC document."""
        raise NotImplementedError

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "description": self.describe()}


@dataclass(frozen=True, slots=True)
class Handle(Mark):
    """A handle of what the adapter holds; one that stands for nothing is an error, unless it `may_be_new`."""

    kind: str
    may_be_new: bool = False

    def describe(self) -> str:
        """Describe the param."""
        return f"handle: {self.kind}"


@dataclass(frozen=True, slots=True)
class Injected(Mark):
    """A value that an implementation draws or sets by itself; given only to one that lists the capability."""

    capability: str

    def describe(self) -> str:
        """Describe the param."""
        return f"capability {self.capability}"


AnyMark = TypeVar("AnyMark", bound=Mark)


@cache
def find_marks(model: type[Message], kind: type[AnyMark]) -> dict[str, AnyMark]:
    """Find the members of a model that carry a kind of mark, each with its mark."""
    return {
        name: mark for name, member in model.model_fields.items() for mark in member.metadata if isinstance(mark, kind)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method; `capability` is None for the two that every adapter answers.

    `readings` names the readings beside the reference's own that the text allows.
    `patience` is how many times as long as others it may take to answer.
    `sample` is params of the right form, as JSON values: what the suite of chapter 13 sends to see whether the method is there.
    """

    name: str
    capability: str | None
    summary: str
    params: type[Message]
    result: type[Message]
    errors: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    patience: int = 1
    sample: Mapping[str, Any] = field(default_factory=dict)

    @property
    def handles(self) -> dict[str, Handle]:
        """The params that are handles."""
        return find_marks(self.params, Handle)

    @property
    def injected(self) -> dict[str, Injected]:
        """The params that are injected values."""
        return find_marks(self.params, Injected)
