"""The smallest edit that mends a mistake, where one can be guessed; the rest has no hint.

A hint never turns one person into another: who is asked has a name already (``dsl.people``).
"""

from __future__ import annotations

import re

from dsl.foreign import is_legible
from dsl.mistakes import Mistake
from dsl.people import GROUP_PREFIX, as_yaml, people_in

_SHOWN_MAX = 60


def of_type(mistake: Mistake, wanted: str) -> str:
    """Return the hint for a value that is not of the type ``wanted``, in an author's words."""
    match wanted, mistake.value:
        case _, None:
            return "fill it in, or leave the field out"
        case "text", _:
            return _text_hint(mistake)
        case "a list", str() as word:
            return _list_hint(word)
        case "a list", dict():
            return "start each item with '- '"
        case "a whole number" | "a number", str() as word if re.fullmatch(r"\d{1,9}", word):
            return "remove the quotes"
    return ""


def _text_hint(mistake: Mistake) -> str:
    match mistake.value:
        case bool() | int() | float():
            # YAML has read 1.10 as 1.1; the source still has what was meant.
            return f'put it in quotes: "{mistake.written}"'
        case {"group": str() as group} if mistake.path[-2:-1] == ("approvers",):
            return f"put it in quotes: {as_yaml(GROUP_PREFIX + group)}"
    return ""


def _list_hint(word: str) -> str:
    names = people_in(word) or (word,)
    return (
        f"make it a list: [{', '.join(map(as_yaml, names))}]"
        if is_legible(word, _SHOWN_MAX)
        else ""
    )
