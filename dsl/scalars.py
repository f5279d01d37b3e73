"""What a plain word of a document means: the YAML 1.2 core schema.

So ``on``, ``no``, ``12:30:45``, ``1_000`` and dates are text, and ``0o17`` is a number. It
refuses numbers that two readers would not agree on: of too many digits, and not finite ones.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from dsl import limits

_CONSTANTS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?([0-9]+)|0o([0-7]+)|0x([0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def resolve(word: str) -> Any:
    """Return the value of an unquoted ``word``.

    Raises:
        ValueError: a number outside the limits.
    """
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if integer := _INTEGER.fullmatch(word):
        digits = next(group for group in integer.groups() if group)
        if len(digits) > limits.INTEGER_DIGITS_MAX:
            raise ValueError(f"a number has at most {limits.INTEGER_DIGITS_MAX} digits")
        return int(word) if digits == integer[1] else int(word, 0)
    if _NOT_FINITE.fullmatch(word):
        raise ValueError(f"{word} is not a finite number")
    if _FLOAT.fullmatch(word):
        value = float(word)
        if not math.isfinite(value):
            raise ValueError("a number beyond 1.7e308 cannot be kept")
        return value
    return word
