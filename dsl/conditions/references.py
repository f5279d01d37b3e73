"""The names an expression reads, as paths from the root.

``stages["my-stage"].output.score`` reads ``("stages", "my-stage", "output", "score")``; a key
that is computed ends the path before it. Variables of macros are no references.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dsl.conditions.nodes import Has, Index, Literal, Macro, Name, Node, Select, children


@dataclass(frozen=True, slots=True)
class Reference:
    """One path that is read, and where it stands in the source."""

    names: tuple[str, ...]
    start: int
    end: int


def references(root: Node) -> tuple[Reference, ...]:
    """Return every path the expression reads, in source order, repetitions included."""
    return tuple(_collect(root, frozenset()))


def _collect(node: Node, bound: frozenset[str]) -> Iterator[Reference]:
    path = _path(node, bound)
    if path:
        yield Reference(path, node.start, node.end)
        return
    if isinstance(node, Macro):
        yield from _collect(node.source, bound)
        yield from _collect(node.body, bound | {node.variable})
        return
    for child in children(node):
        yield from _collect(child, bound)


def _path(node: Node, bound: frozenset[str]) -> tuple[str, ...]:
    """Return the path ``node`` stands for; empty when it is something else."""
    match node:
        case Name(name=name):
            return () if name in bound else (name,)
        case Select(base=base, field=field):
            inner = _path(base, bound)
            return (*inner, field) if inner else ()
        case Index(base=base, key=Literal(value=str(key))):
            inner = _path(base, bound)
            return (*inner, key) if inner else ()
        case Has(field=field):
            return _path(field, bound)
        case _:
            return ()
