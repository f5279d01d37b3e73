"""What can be wrong with an expression, shown where it is.

The text of an error is the message, the line of the source it is about with carets under the
place, and the smallest fix. Text and hint are made only when somebody reads them: ``&&`` and
``exists`` drop errors by the thousand on their way to an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

LINE_SHOWN_MAX: Final = 120
_BEFORE_CARET_MAX: Final = 60


class ExpressionError(ValueError):
    """An expression was refused, or has no value; ``start`` and ``end`` are offsets in ``source``.

    A workflow that lets it out wedges its run: it has to become a failure of the stage.
    """

    def __init__(
        self,
        message: str,
        source: str,
        start: int,
        end: int,
        hint: str | Callable[[], str] = "",
    ) -> None:
        super().__init__(message, source, start, end, hint)
        self.message = message
        self.source = source
        self.start = start
        self.end = end
        self._hint = hint

    @property
    def hint(self) -> str:
        """The smallest edit that would fix it; empty when there is none to tell."""
        return self._hint if isinstance(self._hint, str) else self._hint()

    def __str__(self) -> str:
        line, caret, width = _excerpt(self.source, self.start, self.end)
        text = f"{self.message}\n  {line}\n  {' ' * caret}{'^' * width}"
        return text + (f"\n  hint: {self.hint}" if self.hint else "")


class CompileError(ExpressionError):
    """The expression can never have a value: found before anything runs."""


class EvaluationError(ExpressionError):
    """The expression has no value for what it was given."""


class BudgetError(EvaluationError):
    """The expression does too much work; unlike other errors, no operand makes up for it."""


def _excerpt(source: str, start: int, end: int) -> tuple[str, int, int]:
    """Return the line around ``start``, clipped, and column and width of its carets."""
    first = source.rfind("\n", 0, start) + 1
    line = source[first:].split("\n", 1)[0]
    clipped = max(0, start - first - _BEFORE_CARET_MAX)
    shown = line[clipped : clipped + LINE_SHOWN_MAX]
    caret = start - first - clipped
    width = max(1, min(end - start, len(shown) - caret))
    printable = "".join(char if char.isprintable() else " " for char in shown)
    return printable.rstrip(), caret, width
