"""What a plain word of a document means: the YAML 1.2 core schema.

So ``on``, ``no``, ``12:30:45``, ``1_000`` and dates are text. It refuses numbers that two readers
would not agree on:

1. of too many digits, and not finite ones;
2. with zeros in front: ``0443`` is 443 here and 291 to a reader of YAML 1.1;
3. ``0o17``, and exponents without a dot before or a sign behind the ``e``: text to such a reader.
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
_INTEGER = re.compile(r"[-+]?([0-9]+)|0x([0-9a-fA-F]+)")
_OCTAL = re.compile(r"0o[0-7]+|[-+]?0[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
# What YAML 1.1 reads as a float, too.
_FLOAT_OF_ALL = re.compile(r"[-+]?[0-9]+\.[0-9]*([eE][-+][0-9]+)?|\.[0-9]+([eE][-+][0-9]+)?")
_NUMERIC: Final = frozenset("+-.0123456789")  # how all of these begin
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

_ELSEWHERE: Final = {
    **dict.fromkeys(("yes", "y", "on"), "true"),
    **dict.fromkeys(("no", "n", "off"), "false"),
}
_GROUPED = re.compile(r"[-+]?[0-9][0-9_]*")
REMOVE_QUOTES: Final = "remove the quotes"


def resolve(word: str, *, is_json: bool = False) -> Any:
    """Return the value of an unquoted ``word``; all readers of JSON agree on its exponents.

    Raises:
        ValueError: a number that not all would read, or outside the limits.
    """
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if word[0] not in _NUMERIC:  # as most words
        return word
    if _OCTAL.fullmatch(word):  # (2) (3) two readers, two numbers
        raise ValueError(f"{word} is octal to some readers of YAML and not to others")
    if integer := _INTEGER.fullmatch(word):
        digits = next(group for group in integer.groups() if group)
        if len(digits) > limits.INTEGER_DIGITS_MAX:  # (1) too many digits
            raise ValueError(f"a number has at most {limits.INTEGER_DIGITS_MAX} digits")
        return int(word) if digits == integer[1] else int(word, 0)
    if _NOT_FINITE.fullmatch(word):  # (1) not finite
        raise ValueError(f"{word} is not a finite number")
    return _float(word, is_json) if _FLOAT.fullmatch(word) else word


def of_quoted(text: str, kind: str) -> str:
    """Return how to write the number or truth value that stands in ``text``, as a hint.

    It is one if YAML takes it for one without quotes; ``yes`` and ``1_000`` it takes for text.

    Args:
        text: what was written where no text is expected.
        kind: what is: ``integer``, ``number`` or ``boolean``; of another nothing is said.
    """
    word = text.strip()
    if kind == "boolean":
        plain = _ELSEWHERE.get(word.lower(), word.lower())
    else:
        plain = word.replace("_", "") if _GROUPED.fullmatch(word) else word
    try:
        value = resolve(plain)
    except ValueError:
        return ""
    fits = {
        "boolean": isinstance(value, bool),
        "integer": type(value) is int or (isinstance(value, float) and value.is_integer()),
        "number": type(value) in (int, float),
    }
    if not fits.get(kind, False):
        return ""
    return REMOVE_QUOTES if plain == word else f"write {plain}"


def _float(word: str, is_json: bool) -> float:  # noqa: FBT001  # of one caller
    if not is_json and _FLOAT_OF_ALL.fullmatch(word) is None:  # (3) text to the other reader
        raise ValueError(f"{word} is a number to some readers of YAML and text to others")
    value = float(word)
    if not math.isfinite(value):  # (1) not finite
        raise ValueError("a number beyond 1.7e308 cannot be kept")
    return value
