"""Conditions that hold for nothing at all: ``args.amount < 5 && args.amount > 10``.

Of what is compared with a number or a text that is written out, and nothing else: where it says
nothing, a condition may still never hold. The rules:

1. All parts of a chain of ``&&`` hold, or it does not; of a chain of ``||`` one does.
2. What has to be equal to something is that, and has to fit whatever else is said of it.
3. A comparison with another kind of value says nothing here: it has no value, which is told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dsl.conditions.nodes import Binary, ListLiteral, Literal, Logic, Name, Node, Select, Unary

_TURNED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}

Known = float | int | str


@dataclass(slots=True)
class _Room:
    """What is left for one reference."""

    least: float = float("-inf")
    most: float = float("inf")
    least_is_out: bool = False
    most_is_out: bool = False
    one_of: frozenset[Known] | None = None  # (2) None: nothing has to be equal

    def take(self, operator: str, values: frozenset[Known]) -> None:
        """Narrow it by one comparison."""
        if operator in ("==", "in"):
            self.one_of = values if self.one_of is None else self.one_of & values
            return
        (value,) = values
        if isinstance(value, str):  # (3) an order of texts is left alone
            return
        if operator in (">", ">=") and (value, operator == ">") > (self.least, self.least_is_out):
            self.least, self.least_is_out = value, operator == ">"
        if operator in ("<", "<=") and (-value, operator == "<") > (-self.most, self.most_is_out):
            self.most, self.most_is_out = value, operator == "<"

    @property
    def is_empty(self) -> bool:
        """Whether no value fits."""
        if self.one_of is not None:
            return not any(self._fits(each) for each in self.one_of)
        is_point_out = self.least == self.most and (self.least_is_out or self.most_is_out)
        return self.least > self.most or is_point_out

    def _fits(self, value: Known) -> bool:
        if isinstance(value, str):
            return True
        above = value > self.least or (value == self.least and not self.least_is_out)
        return above and (value < self.most or (value == self.most and not self.most_is_out))


def contradicted(node: Node) -> str | None:
    """Return the reference for which no value fits; None: nothing is known to be wrong."""
    if isinstance(node, Logic) and node.operator == "||":  # (1) one of them does
        found = [contradicted(each) for each in node.operands]
        return found[0] if all(found) else None
    rooms: dict[str, _Room] = {}
    for part in _parts(node):
        if isinstance(part, Logic):
            inner = contradicted(part)
            if inner is not None:
                return inner
            continue
        said = _said(part)
        if said is not None:
            name, operator, values = said
            rooms.setdefault(name, _Room()).take(operator, values)
    return next((name for name, room in rooms.items() if room.is_empty), None)


def _parts(node: Node) -> Iterator[Node]:
    """Yield what has to hold for ``node`` to hold (1)."""
    if isinstance(node, Logic) and node.operator == "&&":
        for each in node.operands:
            yield from _parts(each)
    else:
        yield node


def _said(node: Node) -> tuple[str, str, frozenset[Known]] | None:
    """Return what one comparison says of which reference."""
    if not isinstance(node, Binary):
        return None
    name, value = _name(node.left), _value(node.right)
    if node.operator == "in" and name and isinstance(node.right, ListLiteral):
        items = [_value(each) for each in node.right.items]
        known = frozenset(each for each in items if each is not None)
        return None if None in items else (name, "in", known)
    if node.operator not in _TURNED:
        return None
    if name and value is not None:
        return name, node.operator, frozenset((value,))
    name, value = _name(node.right), _value(node.left)
    if name and value is not None:
        return name, _TURNED[node.operator], frozenset((value,))
    return None


def _name(node: Node) -> str:
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Select):
        base = _name(node.base)
        return f"{base}.{node.field}" if base else ""
    return ""


def _value(node: Node) -> Known | None:
    if isinstance(node, Unary) and node.operator == "-":
        inner = _value(node.operand)
        return -inner if isinstance(inner, int | float) else None
    if isinstance(node, Literal) and isinstance(node.value, int | float | str):
        return None if isinstance(node.value, bool) else node.value
    return None
