"""JSON on one line, laid out for people: white space beside brackets, commas and colons changes.

1. What is read is characters, not values: no number is rounded, no key that is there twice is lost,
   and what was cut off in the midst is shown up to there. What stands apart and is no JSON so stays
   apart: nobody is to read ``1 000`` as another number.
2. What its author does not call JSON, is no object or list, has lines already, or is long is left
   as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

CHARACTERS_MAX: Final = 128 << 10
DEPTH_MAX: Final = 20  # beyond it nothing is moved further to the right
_INDENT: Final = "  "
_OPENING, _CLOSING = ("{", "["), ("}", "]")
_BETWEEN: Final = (*_OPENING, ",", ":")  # behind these a value begins
_GAP: Final = " \t\r\n"  # what is white space in JSON; of all else none is left out
# A gap; a string, also one that is cut off; what structures; all else up to one of these.
_TOKEN: Final = re.compile(
    rf'[{_GAP}]+|"(?:[^"\\]|\\.)*"?|[{{}}\[\],:]|[^{_GAP}"{{}}\[\],:]+', re.DOTALL
)
_JSON: Final = re.compile(r"application/([^;]+\+)?json\s*(;.*)?", re.DOTALL | re.IGNORECASE)


def laid_out(lines: Sequence[str], media_type: str) -> Sequence[str]:
    """Return the lines of a text whose author calls it ``media_type`` (2)."""
    if _JSON.fullmatch(media_type) is None:
        return lines
    if len(lines) != 1 or len(lines[0]) > CHARACTERS_MAX:  # of each may become a line
        return lines
    if lines[0].lstrip()[:1] not in _OPENING:
        return lines
    return list(_lines(lines[0]))


def _lines(text: str) -> Iterator[str]:
    line, depth, ended, gap = "", 0, False, ""
    for piece in _TOKEN.findall(text):
        if piece[0] in _GAP:
            gap = " " if ended else ""  # (1) behind a value, where no JSON has another
            continue
        if piece in _CLOSING:
            depth = max(0, depth - 1)
            if line.strip(" "):
                yield line
            line = _margin(depth) + piece
        elif piece in _OPENING or piece == ",":
            depth += piece != ","
            yield line + (piece if piece == "," else gap + piece)
            line = _margin(depth)
        else:
            line += ": " if piece == ":" else gap + piece
        ended, gap = piece not in _BETWEEN, ""
    if line.strip(" "):
        yield line


def _margin(depth: int) -> str:
    return _INDENT * min(depth, DEPTH_MAX)
