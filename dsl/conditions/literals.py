"""Tokens into the values they stand for: an int fits in 64 bits, a double is finite."""

from __future__ import annotations

import math
import re
from typing import Final

from dsl.conditions.errors import CompileError
from dsl.conditions.nodes import Literal
from dsl.conditions.tokens import Token
from dsl.conditions.values import INT_MAX, INT_MIN

_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
_ESCAPE: Final = re.compile(r"\\(.)")


def number(source: str, token: Token, sign: Token | None = None) -> Literal:
    """Return the number of ``token``, negative if ``sign`` stands before it.

    Raises:
        CompileError: it does not fit.
    """
    start = sign.start if sign else token.start
    digits = f"-{token.text}" if sign else token.text
    if token.text.isdigit():
        integer = int(digits)
        if not INT_MIN <= integer <= INT_MAX:
            message = "the integer does not fit in 64 bits"
            raise CompileError(message, source, start, token.end)
        return Literal(start, token.end, integer)
    double = float(digits)
    if not math.isfinite(double):
        raise CompileError("the number does not fit in a double", source, start, token.end)
    return Literal(start, token.end, double)


def text(source: str, token: Token) -> Literal:
    """Return the string of ``token``, without its quotes and escapes.

    Raises:
        CompileError: an escape nobody knows.
    """

    def replace(match: re.Match[str]) -> str:
        escaped = match[1]
        if escaped not in _ESCAPES:
            start = token.start + 1 + match.start()
            message, hint = f"unknown escape \\{escaped}", "write \\\\ for one \\"
            raise CompileError(message, source, start, start + 2, hint)
        return _ESCAPES[escaped]

    return Literal(token.start, token.end, _ESCAPE.sub(replace, token.text[1:-1]))
