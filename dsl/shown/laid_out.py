"""JSON on one line, laid out for people: white space is added outside of strings, nothing else.

1. What is read is characters, not values: no number is rounded, no key that is there twice is lost,
   and what was cut off in the midst is shown up to there.
2. What is no object or list, has lines already, or is long is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

CHARACTERS_MAX: Final = 128 << 10
DEPTH_MAX: Final = 20  # beyond it nothing is moved further to the right
_INDENT: Final = "  "
_OPENING, _CLOSING = ("{", "["), ("}", "]")
# A string, also one that is cut off; what stands alone; all else up to white space or one of these.
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)


def laid_out(lines: Sequence[str]) -> Sequence[str]:
    """Return the lines of a text that may be JSON (2)."""
    if len(lines) != 1 or len(lines[0]) > CHARACTERS_MAX:  # of each may become a line
        return lines
    if lines[0].lstrip()[:1] not in _OPENING:
        return lines
    return list(_lines(lines[0]))


def _lines(text: str) -> Iterator[str]:
    line, depth = "", 0
    for piece in _TOKEN.findall(text):
        if piece in _OPENING:
            depth += 1
            yield line + piece
            line = _margin(depth)
        elif piece in _CLOSING:
            depth = max(0, depth - 1)
            if line.strip():
                yield line
            line = _margin(depth) + piece
        elif piece == ",":
            yield line + piece
            line = _margin(depth)
        else:
            line += ": " if piece == ":" else piece
    if line.strip():
        yield line


def _margin(depth: int) -> str:
    return _INDENT * min(depth, DEPTH_MAX)
