"""Text that others wrote, made fit for a person to read on one line.

Names, ids, descriptions, reasons and messages come from plans, agents, voters and runs, and
anybody may start a run. What is read must be what is there, or the page on which people approve
is written by whoever wants the approval. So, wherever it is shown (``dsl.shown.surfaces``):

1. It stays on one line. A line break is shown as ``↵``.
2. What does not print is shown as ``?``: control and format characters, the direction marks that
   reorder a line, characters that have no glyph or are drawn as a blank, halves of characters.
3. A blank is one space between two words, or it is shown: ``␣``, and of several how many. Sixty
   blanks do not hide what follows them.
4. Marks that are drawn over the character before them need one, are few, and strike nothing out.
5. What is too long ends in ``…``.

It is not made to look the same on purpose: letters of two alphabets that look alike stay, and so
do alphabets written from the right. Nothing here changes what is stored, signed or compared.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

SHOWN_MAX: Final = 400  # characters of one text
MARKS_MAX: Final = 3  # in a row; no living script needs more
HIDDEN: Final = "?"
CUT: Final = "…"
_LINE_BREAK: Final = "↵"
_BLANK: Final = "␣"
# Nothing between the first and the last character of it needs a second look.
_PLAIN: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
_BREAKS: Final = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_RUN: Final = re.compile(r"[ \t\n]+")
_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MARKS: Final = frozenset({"Mn", "Me"})
# Unicode's Default_Ignorable_Code_Point, where the category does not tell, and what fonts draw as
# a blank: the braille pattern without dots, a note without a head, two hieroglyphs.
_UNSEEN: Final = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xFFFC, 0xFFFC),
    (0x13441, 0x13442),
    (0x16FE4, 0x16FE4),
    (0x1D159, 0x1D159),
    (0xE0000, 0xE0FFF),
)
# Lines through, under and over a character, circles around it: they say of a word that it is void.
_OVERLAYS: Final = ((0x0305, 0x0305), (0x0332, 0x0338), (0x033F, 0x033F), (0x20D0, 0x20F0))


def legible(text: str, limit: int = SHOWN_MAX) -> str:
    """Return ``text`` as one line that a person can trust, of at most ``limit`` characters."""
    if len(text) <= limit and _PLAIN.fullmatch(text):
        return text
    looked_at = text[: limit * 2].rstrip("\r\n")  # a block of YAML ends in a line break
    shown = _RUN.sub(_blanks, _printable(looked_at))
    whole = len(text) <= limit * 2
    # (5) what is too long is cut
    return shown if whole and len(shown) <= limit else shown[: limit - 1] + CUT


def aligned(line: str, limit: int = SHOWN_MAX) -> str:
    """Return a line in which every character keeps its column: what stands under it points at it.

    For lines of source text in a report. Its spaces are kept, so the report must mark whose line
    it is.
    """
    shown = re.sub(r"[\t\n]", _BLANK, _printable(line[:limit]))
    return shown if len(line) <= limit else shown[: limit - 1] + CUT


def is_legible(text: str, limit: int = SHOWN_MAX) -> bool:
    """Tell whether a person who reads it reads exactly what is there."""
    return legible(text, limit) == text


def _printable(text: str) -> str:
    """Return ``text`` in print (2) (4), each blank as a space, a tab or a line feed."""
    shown: list[str] = []
    marks = MARKS_MAX  # what comes first has nothing to be drawn over
    for character in text:
        seen = _seen(character)
        if seen in " \t\n" or seen == HIDDEN:
            marks = MARKS_MAX
        elif unicodedata.category(character) not in _MARKS:
            marks = 0
        elif marks < MARKS_MAX:
            marks += 1
        else:
            seen = HIDDEN
        shown.append(seen)
    return "".join(shown)


def _seen(character: str) -> str:
    if " " <= character <= "~":
        return character
    if character in _BREAKS:
        return "\n"
    kind = unicodedata.category(character)
    if kind == "Zs" or character == "\t":
        return "\t"
    code = ord(character)
    if kind in _UNPRINTABLE or _within(code, _UNSEEN) or _within(code, _OVERLAYS):
        return HIDDEN
    return character


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


def _blanks(run: re.Match[str]) -> str:
    is_edge = run.start() == 0 or run.end() == len(run.string)
    if run[0] == " " and not is_edge:
        return " "
    count = len(run[0])
    if "\n" in run[0]:  # (1) it stays on one line
        shown = _LINE_BREAK
    elif count == 1:
        return _BLANK
    else:
        shown = f"{_BLANK}×{count}"
    before = "" if run.start() == 0 else " "
    return before + shown + ("" if run.end() == len(run.string) else " ")
