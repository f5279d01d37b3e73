"""Problems as they are found: placed in the source, bounded in number.

1. Past ``PROBLEMS_MAX`` errors the search is given up, since a document that wrong costs
   more to explain than to write anew; a last problem says so.
2. Warnings past the limit are dropped in silence.
3. Of what could not be read nothing is said: another problem says that already.
"""

from __future__ import annotations

from typing import Protocol

from dsl.conditions.errors import ExpressionError
from dsl.document.doubts import NONE, DocumentPath, Doubts
from dsl.errors import Position, Problem, Severity
from dsl.limits import PROBLEMS_MAX


class Places(Protocol):
    """Where the values and keys of a document stand, see ``dsl.document.loader``."""

    def value(self, path: DocumentPath) -> Position:
        """Return the place of a value, or of the nearest one around it."""

    def key(self, path: DocumentPath) -> Position:
        """Return the place of a key, or of the nearest one around it."""


class TooManyProblemsError(Exception):
    """The limit of problems is reached; what was found is in the findings."""


class Findings:
    """Collects the problems of one document."""

    def __init__(self, marks: Places, text: str = "", doubts: Doubts = NONE) -> None:
        self.problems: list[Problem] = []
        self.doubts = doubts
        self._marks = marks
        self._lines = text.splitlines()
        self._counts = {Severity.ERROR: 0, Severity.WARNING: 0}

    def error(
        self, code: str, message: str, at: DocumentPath, hint: str = "", *, key: bool = False
    ) -> None:
        """Add an error at the value (or the key) of ``at``.

        Raises:
            TooManyProblemsError: this was one too many.
        """
        self.add(Problem(code, message, self._place(at, key=key), hint), at)

    def warning(
        self, code: str, message: str, at: DocumentPath, hint: str = "", *, key: bool = False
    ) -> None:
        """Add a warning at the value (or the key) of ``at``."""
        self.add(Problem(code, message, self._place(at, key=key), hint, Severity.WARNING), at)

    def add(self, problem: Problem, at: DocumentPath) -> None:
        """Add a problem, with its place in the source, of what stands ``at``.

        Raises:
            TooManyProblemsError: this was one too many.
        """
        if self.doubts.cover(at):  # (3) another problem says that already
            return
        self._counts[problem.severity] += 1
        if self._counts[problem.severity] <= PROBLEMS_MAX:
            self.problems.append(problem)
        elif problem.severity is Severity.ERROR:  # (1) given up; (2) warnings go in silence
            message = f"more than {PROBLEMS_MAX} errors: the rest is not shown"
            self.problems.append(Problem("DSL405", message, problem.at))
            raise TooManyProblemsError

    def place_within(self, at: DocumentPath, scalar: str, offset: int) -> tuple[Position, bool]:
        """Return the place ``offset`` characters into the ``scalar`` at ``at``.

        Folded, escaped and many-line scalars do not stand in the source as they are. For these
        it is the place of the scalar, and the second value is false.
        """
        start = self._marks.value(at)
        line = self._lines[start.line - 1] if start.line <= len(self._lines) else ""
        for begin in (start.column - 1, start.column):  # plain, or behind a quote
            if line.startswith(scalar, begin):
                return Position(start.line, begin + offset + 1), True
        return start, False

    def expression(self, code: str, error: ExpressionError, at: DocumentPath) -> None:
        """Add what is wrong with the expression in the scalar ``at``, where in it that is.

        Raises:
            TooManyProblemsError: as ``add``.
        """
        place, exact = self.place_within(at, error.source, error.start)
        part = error.source[error.start : error.end]
        message = error.message if exact or not part else f"{error.message}, at {part!r}"
        self.add(Problem(code, message, place, error.hint), at)

    def _place(self, at: DocumentPath, *, key: bool) -> Position:
        return self._marks.key(at) if key else self._marks.value(at)
