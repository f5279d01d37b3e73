"""What the parser of YAML says of a text that is none, for its author, with place and hint."""

from __future__ import annotations

import re
from typing import Final

import yaml

from dsl.document.text import START
from dsl.errors import Position

_HINTS: Final = (
    ("mapping values are not allowed", "check the indentation; quote text that contains ': '"),
    ("cannot start any token", "indent with spaces; quote text that starts with @, ` or %"),
    ("expected ',' or", "look for a missing comma, bracket or quote"),
    ("could not find expected ':'", "write 'key: value', the key on one line"),
    ("expected '-' indicator", "start the items of a list in the same column"),
    ("expected <block end>", "start keys, or items of a list, in the same column"),
    ("did not find expected key", "start the keys of a mapping in the same column"),
    ("unknown escape character", "write text with backslashes in single quotes"),
    ("unexpected end of stream", "look for a quote that is never closed"),
)


def explain(error: yaml.MarkedYAMLError, text: str) -> tuple[str, Position, str]:
    """Return message, place and hint."""
    message = ": ".join(part for part in (error.context, error.problem) if part)
    hints = (hint for part, hint in _HINTS if part in message)
    return message, _place_of(error, text), next(hints, "")


def _place_of(error: yaml.MarkedYAMLError, text: str) -> Position:
    """Return where the author must look: for what is never closed, where it opens."""
    found, opened = error.problem_mark, error.context_mark
    at_end = re.search("end of stream|stream end", error.problem or "")
    if opened and (not found or at_end or found.line > text.rstrip().count("\n")):
        found = opened
    return Position(found.line + 1, found.column + 1) if found else START
