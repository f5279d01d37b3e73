"""One error of pydantic as a place in the document: what stands there, and how it was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from dsl.document.loader import Loaded, Path
from dsl.document.shape import Place
from dsl.errors import Problem
from dsl.limits import MESSAGE_LENGTH_MAX


@dataclass(frozen=True, slots=True)
class Mistake:
    """One error of pydantic, and where it is in the document."""

    details: ErrorDetails
    place: Place
    is_key: bool  # it is about a key, not about its value
    loaded: Loaded
    lines: Sequence[str]

    @property
    def value(self) -> Any:
        """What stands there."""
        return self.details["input"]

    @property
    def path(self) -> Path:
        """Where, as an author sees it."""
        return self.place.path

    @property
    def context(self) -> dict[str, Any]:
        """What pydantic says of the rule that was broken."""
        return self.details.get("ctx", {})

    @property
    def label(self) -> str:
        """Return what the author calls the place."""
        last = self.path[-1]
        if isinstance(last, str):
            return last
        return f"item {last + 1} of {self.path[-2]}"

    @property
    def written(self) -> str:
        """Return the plain word at this place as the source has it, before YAML read it."""
        at = self.loaded.marks.value(self.path)
        word = re.match(r"[^\s,\[\]{}#\"']{1,60}", self.lines[at.line - 1][at.column - 1 :])
        return word[0] if word else ""

    @property
    def is_escaped(self) -> bool:
        """Tell whether the source has it in double quotes, with a backslash."""
        at = self.loaded.marks.value(self.path)
        return re.match(r'"[^"]*\\', self.lines[at.line - 1][at.column - 1 :]) is not None

    def problem(self, code: str, message: str, hint: str = "", path: Path | None = None) -> Problem:
        """Return a problem at the value of ``path``, by default at its own value or key."""
        marks = self.loaded.marks
        if path is not None:
            at = marks.value(path)
        else:
            at = marks.key(self.path) if self.is_key else marks.value(self.path)
        return Problem(code, message[:MESSAGE_LENGTH_MAX], at, hint)
