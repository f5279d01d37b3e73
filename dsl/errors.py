"""What can be wrong with a pipeline document, and how it is told.

A document is checked to the end and every problem is reported at once: an author who fixes
one mistake per run stops trusting the tool. Codes are stable, tied to the field or the rule,
listed in ``docs/errors.md`` (a test compares) and never renumbered: ``DSL1xx`` syntax,
``DSL2xx`` structure, ``DSL3xx`` meaning, ``DSL4xx`` limits, ``DSL5xx`` governance (linter),
``DSL6xx`` reviews.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dsl.limits import PROBLEMS_MAX
from dsl.shown.foreign import aligned, legible

TOO_MANY_PROBLEMS: Final = "DSL405"


class Severity(StrEnum):
    """A warning does not refuse the document."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a source file, both 1-based."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a document, and where it is."""

    code: str
    message: str  # what is wrong, in the author's words
    at: Position
    hint: str = ""  # the smallest edit that would fix it
    severity: Severity = Severity.ERROR

    def render(self, source: str, lines: Sequence[str]) -> str:
        """Render ``file:line:col: message [code]`` with the source line, a caret and the hint.

        Each on a line of its own that prints, whatever is quoted: it is read in a terminal.
        """
        note = "warning: " if self.severity is Severity.WARNING else ""
        where = f"{legible(source, _MESSAGE_MAX)}:{self.at.line}:{self.at.column}"
        text = f"{where}: {note}{legible(self.message, _MESSAGE_MAX)} [{self.code}]"
        if 0 < self.at.line <= len(lines):
            start = max(0, self.at.column - 1 - _BEFORE_CARET)
            line = lines[self.at.line - 1][start : start + _LINE_SHOWN].replace("\t", " ")
            text += f"\n    {aligned(line)}\n    {' ' * (self.at.column - 1 - start)}^"
        return text + (f"\n    hint: {legible(self.hint, _MESSAGE_MAX)}" if self.hint else "")


_MESSAGE_MAX = 1_000  # characters
_BEFORE_CARET = 100
_LINE_SHOWN = 160


class DslError(Exception):
    """A pipeline document was refused; ``problems`` says why, in source order."""

    def __init__(self, source: str, problems: Sequence[Problem], text: str = "") -> None:
        if not problems:
            raise ValueError("DslError needs at least one problem")
        self.source = source
        self.problems = tuple(sorted(problems, key=lambda p: (p.at.line, p.at.column)))
        self.text = text
        super().__init__(report(source, self.problems, text))


def bounded(problems: Sequence[Problem]) -> list[Problem]:
    """Return the problems in source order, and no more errors than the limit."""
    found = sorted(problems, key=lambda problem: (problem.at.line, problem.at.column))
    errors = [
        each for each in found if each.severity is Severity.ERROR and each.code != TOO_MANY_PROBLEMS
    ]
    if len(errors) <= PROBLEMS_MAX:
        return found
    last = errors[PROBLEMS_MAX]
    shown = [each for each in found[: found.index(last)] if each.code != TOO_MANY_PROBLEMS]
    message = f"more than {PROBLEMS_MAX} errors: the rest is not shown"
    return [*shown, Problem(TOO_MANY_PROBLEMS, message, last.at)]


def report(source: str, problems: Sequence[Problem], text: str) -> str:
    """Render all problems, one block each."""
    lines = text.splitlines()
    return "\n".join(problem.render(source, lines) for problem in problems)
