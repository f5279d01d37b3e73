"""Characters into tokens, with their places in the source.

ASCII only outside string literals: letters that look alike must not name different things.
A token stream may begin inside a longer text (``${{ … }}`` in a template); then it ends
at the ``}}`` that closes it, and not at one inside a string or a map literal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from dsl.conditions.errors import CompileError
from dsl.limits import EXPRESSION_LENGTH_MAX

CLOSING: Final = "}}"

_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(
    r"""(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>&&|\|\||[<>=!]=|[-+*/%<>!?:.,()\[\]{}])""",
    re.VERBOSE,
)
_HINTS: Final = {
    "=": "use == to compare",
    "&": "use &&",
    "|": "use ||",
    '"': "close the string with the same quote, on the same line",
    "'": "close the string with the same quote, on the same line",
    "$": "inside an expression a name stands as it is, without ${{ }}",
}


class Kind(Enum):
    """What a token is."""

    NUMBER = "number"
    STRING = "string"
    WORD = "word"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token; ``text`` is empty at the end."""

    kind: Kind
    text: str
    start: int
    end: int

    def is_sign(self, sign: str) -> bool:
        """Tell whether this is the operator or bracket ``sign``, not a string that reads so."""
        return self.kind is Kind.SIGN and self.text == sign


def tokenize(source: str, start: int = 0, *, embedded: bool = False) -> list[Token]:
    """Return the tokens from ``start`` on, an END token last.

    With ``embedded`` the END token is the closing ``}}`` and its ``end`` is behind it.

    Raises:
        CompileError: a character that begins no token, too long, or no closing ``}}``.
    """
    tokens: list[Token] = []
    braces = 0
    position = _skip_space(source, start)
    while position < len(source):
        if embedded and braces == 0 and source.startswith(CLOSING, position):
            return [*tokens, Token(Kind.END, "", position, position + len(CLOSING))]
        token = _token(source, position)
        if token.end - start > EXPRESSION_LENGTH_MAX:
            message = f"an expression is at most {EXPRESSION_LENGTH_MAX} characters long"
            raise CompileError(message, source, start, start + 1)
        braces += token.is_sign("{") - token.is_sign("}")
        tokens.append(token)
        position = _skip_space(source, token.end)
    if embedded:
        opening = start - len("${{")
        raise CompileError("'${{' is never closed", source, opening, start, "add '}}'")
    return [*tokens, Token(Kind.END, "", len(source), len(source) + 1)]


def _token(source: str, position: int) -> Token:
    match = _TOKEN.match(source, position)
    if match is None or match.lastgroup is None:
        char = source[position]
        message = "a string is never closed" if char in "\"'" else f"unexpected character {char!r}"
        raise CompileError(message, source, position, position + 1, _HINTS.get(char, ""))
    return Token(Kind(match.lastgroup), match.group(), match.start(), match.end())


def _skip_space(source: str, position: int) -> int:
    match = _SPACE.match(source, position)
    return match.end() if match else position
