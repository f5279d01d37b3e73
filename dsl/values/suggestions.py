"""One sentence that helps with a name nobody knows: the likely one, else the known ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

CANDIDATES_MAX: Final = 200  # a comparison costs microseconds; a plan may hold 1,000 names
SHOWN_MAX: Final = 8
_LENGTH_SLACK: Final = 4


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the name that ``word`` was most likely meant to be, if one is near."""
    near = [name for name in sorted(known) if abs(len(name) - len(word)) <= _LENGTH_SLACK]
    close = difflib.get_close_matches(word, near[:CANDIDATES_MAX], n=1, cutoff=0.6)
    return close[0] if close else None


def suggest(word: str, known: Iterable[str], *, what: str = "known") -> str:
    """Return ``did you mean 'x'?``, or a short list of ``known``, or nothing if there is none."""
    names = sorted(known)
    close = nearest(word, names)
    if close is not None:
        return f"did you mean {close!r}?"
    if not names:
        return ""
    more = f", … ({len(names)} in all)" if len(names) > SHOWN_MAX else ""
    return f"{what}: " + ", ".join(names[:SHOWN_MAX]) + more
