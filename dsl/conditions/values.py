"""The values of expressions: what they are called, when they are equal, how they read.

A value is what JSON gives, with ``tuple`` for ``list`` too; the keys of a map are strings.
Python's own equality is not CEL's: ``True == 1``, and a comparison of deep values overflows
the stack. Nothing here recurses over a value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Final

INT_MIN: Final = -(1 << 63)
INT_MAX: Final = (1 << 63) - 1
VALUE_DEPTH_MAX: Final = 100
WHOLE_DOUBLE_MAX: Final = 1e15  # up to here a whole double reads as the integer it is


class NoValueError(Exception):
    """An operation has no value for its operands; the caller knows where it stands."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


_KINDS: Final[tuple[tuple[Any, str], ...]] = (
    (bool, "bool"),  # before int, of which it is one in Python
    (int, "int"),
    (float, "double"),
    (str, "string"),
    ((list, tuple), "list"),
    (dict, "map"),
    (type(None), "null"),
)


def kind_of(value: Any) -> str:
    """Return what CEL calls the type of ``value``."""
    return next((kind for types, kind in _KINDS if isinstance(value, types)), type(value).__name__)


def with_article(kind: str) -> str:
    """Return ``an int``, ``a string``; null stands alone."""
    if kind == "null":
        return kind
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def is_number(value: Any) -> bool:
    """Tell whether ``value`` is an int or a double; a bool is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(left: Any, right: Any, spend: Callable[[int], None]) -> bool:
    """Compare as CEL does: numbers by value, other types only with their like.

    ``spend`` is told of every pair that is looked at and ends the comparison by raising.
    """
    waiting = [(left, right)]
    while waiting:
        spend(1)
        one, other = waiting.pop()
        parts = _parts(one, other)
        if parts is None:
            return False
        waiting.extend(parts)
    return True


def _parts(one: Any, other: Any) -> Iterable[tuple[Any, Any]] | None:
    """Return what has to be equal for the two to be equal; None when they are not."""
    if is_number(one) and is_number(other):
        return () if one == other else None
    if kind_of(one) != kind_of(other):
        return None
    if isinstance(one, list | tuple):
        return zip(one, other, strict=True) if len(one) == len(other) else None
    if isinstance(one, dict):
        return [(one[key], other[key]) for key in one] if one.keys() == other.keys() else None
    return () if one == other else None


def text_of(value: Any) -> str | None:
    """Return how a bool, a number or a string reads; None for what does not read as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _double_text(value)
    if isinstance(value, int):
        return str(value) if INT_MIN <= value <= INT_MAX else None
    return value if isinstance(value, str) else None


def _double_text(value: float) -> str | None:
    if not math.isfinite(value):
        return None
    whole = value.is_integer() and abs(value) < WHOLE_DOUBLE_MAX
    return str(int(value)) if whole else repr(value)


def weigh(value: Any, limit: int) -> int:
    """Return how large ``value`` is: one for each part, and one for each character.

    An expression may build a value of few parts that refer to each other and unfold, once
    written down, to more than fits in memory.

    Raises:
        NoValueError: larger than ``limit``, too deep, or nothing JSON can say.
    """
    waiting = [(value, 1)]
    size = 0
    while waiting:
        item, depth = waiting.pop()
        size += 1 + (len(item) if isinstance(item, str) else 0)
        if size > limit:
            raise NoValueError("too large a value", "take only the fields you need")
        if depth > VALUE_DEPTH_MAX:
            raise NoValueError(f"the value is nested more than {VALUE_DEPTH_MAX} deep")
        if isinstance(item, float) and not math.isfinite(item):
            raise NoValueError("the value is not a finite number")
        waiting.extend((part, depth + 1) for part in _inside(item))
    return size


def _inside(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        return [*item.keys(), *item.values()]
    return item if isinstance(item, list | tuple) else ()
