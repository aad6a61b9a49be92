"""How what JSON has no form for is saved: mappings with other keys than texts as pairs, sets in ascending order,
what is of one of several kinds with the name of its kind.

- It stands in the annotations of the values that are saved; nothing else reads it.

    >>> import pydantic
    >>> form = pydantic.TypeAdapter[Pairs[tuple[int, int], str]](Pairs[tuple[int, int], str])
    >>> form.dump_json({(1, 2): "a"})
    b'[[[1,2],"a"]]'
    >>> form.validate_json('[[[1,2],"a"]]')
    {(1, 2): 'a'}
    >>> pydantic.TypeAdapter[Ascending[int]](Ascending[int]).dump_json(frozenset({2, 1}))
    b'[1,2]'
"""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_
from types import GenericAlias, UnionType
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Key = TypeVar("Key")
Value = TypeVar("Value")
Item = TypeVar("Item")


class AsPairs:
    """Saves a mapping as a list of pairs."""

    def __get_pydantic_core_schema__(self, mapping: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Describe it to pydantic."""
        pair = GenericAlias(tuple, get_args(mapping))
        return save_as(GenericAlias(tuple, (pair, ...)), lambda pairs: tuple(pairs.items()), dict, handler)


class AsAscending:
    """Saves a set as a list in ascending order."""

    def __get_pydantic_core_schema__(self, items: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Describe it to pydantic."""
        (item,) = get_args(items)
        return save_as(GenericAlias(tuple, (item, ...)), lambda found: tuple(sorted(found)), frozenset, handler)


class AsNamed:
    """Saves a value of one of several classes as a pair of the name of its class, and itself."""

    def __get_pydantic_core_schema__(self, kinds: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Describe it to pydantic."""
        pairs = tuple(GenericAlias(tuple, (Literal[kind.__name__], kind)) for kind in get_args(kinds))
        return save_as(reduce(or_, pairs), lambda value: (type(value).__name__, value), lambda pair: pair[1], handler)


def save_as(
    form: GenericAlias | UnionType,
    write: Callable[[Any], Any],
    read: Callable[[Any], Any],
    handler: GetCoreSchemaHandler,
) -> CoreSchema:
    """Describe a type that is saved as a value of another."""
    schema = handler.generate_schema(form)
    saved = core_schema.wrap_serializer_function_ser_schema(lambda value, dump: dump(write(value)), schema=schema)
    return core_schema.no_info_after_validator_function(read, schema, serialization=saved)


Pairs = Annotated[Mapping[Key, Value], AsPairs()]
"""A mapping whose keys are no texts."""
Ascending = Annotated[frozenset[Item], AsAscending()]
"""A set, which has no order of its own."""
Named = Annotated[Item, AsNamed()]
"""One of several classes, of which one may have the members of another."""
