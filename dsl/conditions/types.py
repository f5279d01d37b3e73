"""What is known of a value before anything runs: the language of schemas.

A schema is a ``Map`` of the root names. Fields of a ``Map`` are all there are, so a name it
does not hold is a mistake; what an agent puts out is ``ANY`` and is known only when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from typing import Literal as OneOf

from dsl.conditions.values import with_article
from dsl.core import StageStatus, StageType

ScalarKind = OneOf["null", "bool", "int", "double", "number", "string"]


@dataclass(frozen=True, slots=True)
class AnyValue:
    """Nothing is known."""

    kind: str = "value"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; a ``number`` is an int or a double, and it shows only at run time."""

    kind: ScalarKind
    choices: tuple[Any, ...] | None = None  # the only values it can have


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values of one type."""

    item: Type
    kind: str = "list"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map with keys nobody declared and values of one type."""

    value: Type
    kind: str = "map"


@dataclass(frozen=True, slots=True)
class Map:
    """A map with these fields and no others; ``what`` is what people call one of them."""

    fields: Mapping[str, Type]
    what: str = "name"
    kind: str = field(default="map", compare=False)


Type = AnyValue | Scalar | ListOf | MapOf | Map

ANY: Final = AnyValue()
BOOL: Final = Scalar("bool")
INT: Final = Scalar("int")
DOUBLE: Final = Scalar("double")
NUMBER: Final = Scalar("number")
STRING: Final = Scalar("string")
NULL: Final = Scalar("null")

_INPUT_KINDS: Final[dict[str, ScalarKind]] = {
    "string": "string",
    "integer": "int",
    "number": "number",
    "boolean": "bool",
}

# What a condition sees of one stage.
STAGE: Final = Map(
    {
        "status": Scalar("string", tuple(status.value for status in StageStatus)),
        "type": Scalar("string", tuple(kind.value for kind in StageType)),
        "output": ANY,
        "detail": STRING,
    },
    what="stage field",
)


def input_type(declared: str, choices: tuple[Any, ...] | None = None) -> Scalar:
    """Return the type of an input declared as string, integer, number or boolean."""
    return Scalar(_INPUT_KINDS[declared], choices)


def is_numeric(type_: Type) -> bool:
    """Tell whether every value of the type is an int or a double."""
    return isinstance(type_, Scalar) and type_.kind in ("int", "double", "number")


def described(type_: Type) -> str:
    """Return ``an int``, ``a list``, … for messages."""
    return with_article(type_.kind)


def join(one: Type, other: Type) -> Type:
    """Return the narrowest type known to hold the values of both."""
    if one == other:
        return one
    if is_numeric(one) and is_numeric(other):
        return Scalar(one.kind) if one.kind == other.kind else NUMBER  # type: ignore[arg-type]  # is_numeric has looked
    if isinstance(one, Scalar) and isinstance(other, Scalar) and one.kind == other.kind:
        known = one.choices is not None and other.choices is not None
        return Scalar(one.kind, (*one.choices, *other.choices) if known else None)  # type: ignore[misc]  # known
    return ANY
