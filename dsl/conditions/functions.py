"""The functions of the language; each takes values and returns one, or raises.

1. ``int`` cuts a double towards zero and reads decimal digits; what does not fit is an error.
2. ``double`` reads what JSON would read as a finite number, and no ``inf``.
3. ``string`` writes a bool, a number or a string, as ``${{ … }}`` inside a text does.
4. ``size`` counts characters, not bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

from dsl.conditions.values import (
    INT_MAX,
    INT_MIN,
    NoValueError,
    kind_of,
    text_of,
    with_article,
)

_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_DECIMAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
TEXT_SHOWN_MAX: Final = 60


def in_range(value: int) -> int:
    """Return ``value`` if it fits in 64 bits.

    Raises:
        NoValueError: it does not.
    """
    if not INT_MIN <= value <= INT_MAX:
        raise NoValueError("the integer does not fit in 64 bits")
    return value


def _size(value: Any) -> int:
    if not isinstance(value, str | list | tuple | dict):
        raise _unfit("size", value)
    return len(value)  # (4) characters, not bytes


def _int(value: Any) -> int:  # (1) towards zero, decimal digits
    match value:
        case bool():
            raise _unfit("int", value)
        case int():
            return in_range(value)
        case float() if math.isfinite(value):
            return in_range(int(value))
        case str() if _INTEGER.fullmatch(value):
            return in_range(int(value))
        case str() | float():
            raise NoValueError(f"{_shown(value)} is not an integer")
        case _:
            raise _unfit("int", value)


def _double(value: Any) -> float:  # (2) what JSON would read, no inf
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _unfit("double", value)
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise NoValueError(f"{_shown(value)} is not a number")
    try:
        double = float(value)
    except OverflowError:
        double = math.inf
    if math.isinf(double) and not isinstance(value, float):
        raise NoValueError("the number does not fit in a double")
    return double


def _string(value: Any) -> str:  # (3) as inside a text
    text = text_of(value)
    if text is None:
        raise _unfit("string", value)
    return text


def _starts_with(text: Any, part: Any) -> bool:
    _demand_strings("startsWith", text, part)
    return bool(text.startswith(part))


def _ends_with(text: Any, part: Any) -> bool:
    _demand_strings("endsWith", text, part)
    return bool(text.endswith(part))


def _contains(text: Any, part: Any) -> bool:
    _demand_strings("contains", text, part)
    return part in text


def _demand_strings(function: str, text: Any, part: Any) -> None:
    if isinstance(text, str) and isinstance(part, str):
        return
    got = f"{with_article(kind_of(text))} and {with_article(kind_of(part))}"
    hint = "to look into a list, write item in list" if isinstance(text, list | tuple) else ""
    raise NoValueError(f"{function}() takes two strings, got {got}", hint)


def _unfit(function: str, value: Any) -> NoValueError:
    return NoValueError(f"{function}() does not take {with_article(kind_of(value))}")


def _shown(value: str | float) -> str:
    return repr(value[:TEXT_SHOWN_MAX]) if isinstance(value, str) else repr(value)


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "size": _size,
    "int": _int,
    "double": _double,
    "string": _string,
    "startsWith": _starts_with,
    "endsWith": _ends_with,
    "contains": _contains,
}
