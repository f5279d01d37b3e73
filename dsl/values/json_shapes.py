"""Shapes of canonical JSON that were seen before: one pattern tells them, without decoding.

Whoever reads a million texts of a few kinds meets the same shapes again: the same keys, with other
words and numbers in their places. The first texts of a shape are checked, which is dear; of the
rest it is seen that they differ in nothing that matters. The rules:

1. What a pattern takes, the check would have taken: keys stand as they stood in a text that passed,
   lists are of the same things, and in the places of words and numbers stands only what has one
   spelling: printable ASCII without quotes and backslashes, integers of up to fifteen digits, true,
   false and null.
2. What no pattern takes is checked. A pattern alone never refuses anything.
3. Shapes are for speed and stay bounded: so many of a kind of text, so many in all, learned from
   short texts, and only of a kind that is checked often. A pattern takes as long as the text is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from dsl.values import strict_json

CHECKS_BEFORE_A_SHAPE: Final = 100  # a pattern takes as long to make as some hundred checks
SHAPES_OF_A_KIND_MAX: Final = 8
SHAPES_MAX: Final = 100
TEXT_MAX: Final = 1_000  # characters of a text whose shape is learned (3)

# Possessive, so that no pattern ever looks at a character twice (3).
_WORDS: Final = r'"[ !#-\[\]-~]*+"'
_INTEGER: Final = r"(?:0|-?[1-9][0-9]{0,14}+)"
_SINGLE: Final = r"(?:true|false|null)"

_Takes = Callable[[str], object]


class JsonShapes:
    """The shapes of one reader, by kind of text."""

    def __init__(self, check: Callable[[str], bool], bytes_max: int) -> None:
        """Know no shape yet.

        Args:
            check: tells whether a text is canonical, and of a value without floats (2).
            bytes_max: what it refuses for its size alone.
        """
        self._check = check
        self._bytes_max = bytes_max
        self._takes: dict[str, _Takes] = {}
        self._shapes: dict[str, list[str]] = {}
        self._checked: dict[str, int] = {}
        self._room = SHAPES_MAX

    def accept(self, kind: str, text: str) -> bool:
        """Tell whether the check takes ``text``; texts of one ``kind`` often share their shape."""
        takes = self._takes.get(kind)
        if takes is not None and takes(text) is not None:
            return len(text) <= self._bytes_max  # (1) of ASCII alone
        if not self._check(text):  # (2) seen by no pattern
            return False
        self._learn(kind, text)
        return True

    def _learn(self, kind: str, text: str) -> None:
        """Know the shape of ``text``, if enough of its kind were checked (3)."""
        if self._room == 0:
            return
        if len(self._checked) >= SHAPES_MAX and kind not in self._checked:
            return
        seen = self._checked[kind] = self._checked.get(kind, 0) + 1
        if seen % CHECKS_BEFORE_A_SHAPE or not text.isascii() or len(text) > TEXT_MAX:
            return
        shapes = self._shapes.setdefault(kind, [])
        shape = _shape_of(strict_json.read(text, bytes_max=TEXT_MAX))
        if len(shapes) < SHAPES_OF_A_KIND_MAX and shape not in shapes:
            self._room -= 1
            shapes.append(shape)
            self._takes[kind] = re.compile("|".join(shapes)).fullmatch


def _shape_of(value: Any) -> str:
    """Return the pattern of all texts that differ from this value's in words and numbers alone."""
    match value:
        case dict():
            members = (
                f"{re.escape(json.dumps(key, ensure_ascii=False))}:{_shape_of(value[key])}"
                for key in value
            )
            return rf"\{{{','.join(members)}\}}"
        case list():
            items = [_shape_of(item) for item in value]
            if len(items) > 1 and len(set(items)) == 1:  # any number of the same
                return rf"\[{items[0]}(?:,{items[0]})*+\]"
            return rf"\[{','.join(items)}\]"
        case bool() | None:
            return _SINGLE
        case int():
            return _INTEGER
        case str():
            return _WORDS
        case _:
            raise ValueError(f"a {type(value).__name__} is in no text that the check has passed")
