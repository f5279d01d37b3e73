"""The syntax tree of an expression: plain values, each with its place in the source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from typing import Literal as OneOf


@dataclass(frozen=True, slots=True)
class Node:
    """Any part of an expression, from ``start`` up to ``end``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A value written out: null, a bool, an int, a double or a string."""

    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A root name, or the variable of a macro."""

    name: str


@dataclass(frozen=True, slots=True)
class Select(Node):
    """``base.field``."""

    base: Node
    field: str
    field_start: int


@dataclass(frozen=True, slots=True)
class Index(Node):
    """``base[key]``."""

    base: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Has(Node):
    """``has(base.field)``."""

    field: Select


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """``!operand`` or ``-operand``."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """Arithmetic, comparison, ``in``."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """A whole chain of one of ``&&`` and ``||``: flat, so that long chains stay shallow."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """``test ? then : otherwise``."""

    test: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class ListLiteral(Node):
    """``[a, b]``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapLiteral(Node):
    """``{key: value}``."""

    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function, or a method with its receiver as first argument."""

    function: str
    arguments: tuple[Node, ...]


MacroName = OneOf["all", "exists", "exists_one", "map", "filter"]


@dataclass(frozen=True, slots=True)
class Macro(Node):
    """``source.all(variable, body)`` and its sisters."""

    macro: MacroName
    variable: str
    source: Node
    body: Node


def children(node: Node) -> Iterator[Node]:
    """Yield the parts ``node`` is made of, in source order."""
    # With slots a class lists only the fields it adds: the parts, and not the place.
    for name in type(node).__slots__:
        yield from _nodes_in(getattr(node, name))


def _nodes_in(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes_in(item)


def walk(root: Node) -> Iterator[tuple[Node, int]]:
    """Yield every node below ``root`` and ``root`` itself with its depth; never recurses."""
    waiting = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting.extend((child, depth + 1) for child in reversed(list(children(node))))
