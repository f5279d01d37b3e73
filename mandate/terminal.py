"""Where every command prints: one line of ours, made for a terminal, or JSON as it is.

Nothing else in this package prints; a test reads the code for it. What a terminal obeys cannot
get through: a line is a ``Terminal``, see ``dsl.surfaces``, and JSON escapes it.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from dsl.errors import DslError
from dsl.surfaces import Terminal
from mandate.stack.errors import StackError

ERROR_MAX: Final = 2_000  # characters
_LAID_OUT: Final = (DslError, StackError)  # over several lines, and each marks whose it is


def say(*lines: Terminal) -> None:
    """Print what was asked for."""
    for line in lines:
        print(line, flush=True)


def note(*lines: Terminal) -> None:
    """Say something beside it, on stderr."""
    for line in lines:
        print(line, file=sys.stderr, flush=True)


def say_json(value: Any, *, indent: int | None = None) -> None:
    """Print a value for a program: exact, and in ASCII."""
    print(json.dumps(value, indent=indent, sort_keys=indent is not None), flush=True)


def complain(error: Exception, who: str = "") -> None:
    """Say on stderr what an error says; ``who`` is the command that met it."""
    first, *rest = told(error)
    note(Terminal.of("{}: {}", who, first) if who else first, *rest)


def told(error: Exception) -> list[Terminal]:
    """Return the lines of an error: of a report as it is laid out, of any other just one."""
    if isinstance(error, _LAID_OUT):
        return Terminal.report(str(error))
    return [Terminal.of("{}", error, limit=ERROR_MAX)]
