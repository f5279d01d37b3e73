"""Arithmetic and order of two values.

1. Int and double compare by value; otherwise only strings with strings, bools with bools.
2. Int and double do not mix in arithmetic: what was meant is for the author to say.
3. Ints have 64 bits and do not wrap; division cuts towards zero and the remainder has the
   sign of the dividend. Doubles divide as in IEEE 754.
4. ``+`` also joins two strings or two lists.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Final

from dsl.conditions.functions import in_range
from dsl.conditions.values import NoValueError, is_number, kind_of, with_article

_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EXACT: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def compute(sign: str, left: Any, right: Any) -> Any:
    """Return ``left sign right`` for an arithmetic or ordering operator.

    Raises:
        NoValueError: the operands do not fit each other or the operator, or overflow.
    """
    if sign in _ORDER:
        return _ordered(sign, left, right)
    kind = kind_of(left)
    if is_number(left) and is_number(right):
        if kind != kind_of(right):  # (2) they do not mix
            message = f"cannot mix {kind} {sign} {kind_of(right)}"
            raise NoValueError(message, "convert one with double(…) or int(…)")
        return _int(sign, left, right) if kind == "int" else _double(sign, left, right)
    if sign == "+" and kind == kind_of(right) and kind in ("string", "list"):  # (4) + joins as well
        return left + right if kind == "string" else [*left, *right]
    raise _unfit(sign, left, right)


def _ordered(sign: str, left: Any, right: Any) -> bool:
    alike = kind_of(left) == kind_of(right) and kind_of(left) in ("string", "bool")
    if not alike and not (is_number(left) and is_number(right)):  # (1) by value
        raise _unfit(sign, left, right)
    return _ORDER[sign](left, right)


def _int(sign: str, left: int, right: int) -> int:  # (3) 64 bits, no wrapping
    if sign in _EXACT:
        return in_range(_EXACT[sign](left, right))
    if right == 0:
        raise NoValueError("division by zero")
    quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
    return in_range(quotient if sign == "/" else left - quotient * right)


def _double(sign: str, left: float, right: float) -> float:  # (3) as in IEEE 754
    if sign in _EXACT:
        return float(_EXACT[sign](left, right))
    if sign != "/":
        raise _unfit(sign, left, right)
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _unfit(sign: str, left: Any, right: Any) -> NoValueError:
    one, other = with_article(kind_of(left)), with_article(kind_of(right))
    return NoValueError(f"cannot compute {one} {sign} {other}")
