"""What an observer is given, and how it reads what tools say.

1. It asks tools about the copy, never about the repository.
2. A tool that fails, or says what cannot be read, is a note of the observer and nothing worse.
3. More than ``SEEN_MAX`` of one observer are not told one by one: whoever has that many needs a
   number.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from dsl.values.strict_json import JsonError, read
from integrations.review.observation import Observation
from integrations.review.outlines import Outline
from integrations.review.running import OUTPUT_BYTES_MAX, Ran, ToolFailedError, said
from integrations.review.snapshot import Snapshot

SEEN_MAX: Final = 5_000
TOOL_LIMIT_S: Final = 120.0
BATCH: Final = 500  # files on one command line
INSTALL: Final = "pip install 'mandate[review]'"


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to be looked at."""

    snapshot: Snapshot
    outlines: dict[str, Outline]
    scratch: Path  # for what tools are to read besides, and for what they write
    now_s: float  # since 1970; by the clock of whoever asked

    @property
    def parsed(self) -> list[str]:
        """Return the files that count and that Python can read."""
        return [path for path in self.snapshot.looked_at if not self.outlines[path].error]


Observe = Callable[[Scene, Observation], None]


@dataclass(frozen=True, slots=True)
class Observer:
    """Somebody who looks at a repository."""

    name: str
    observe: Observe
    needs: tuple[str, ...] = ()  # modules that have to be installed
    is_of_python: bool = True  # without a Python file it has nothing to look at


def missing_of(observer: Observer) -> list[str]:
    """Return what of it is not installed."""
    return [name for name in observer.needs if importlib.util.find_spec(name) is None]


def batches(paths: Sequence[str]) -> list[list[str]]:
    """Return files for one command line each, so that none is taken for an option."""
    named = [f"./{path}" for path in paths]
    return [named[start : start + BATCH] for start in range(0, len(named), BATCH)]


def answer_of(ran: Ran) -> Any:
    """Return the JSON that a tool has said.

    Raises:
        ToolFailedError: it is none.
    """
    try:
        return read(ran.out, bytes_max=OUTPUT_BYTES_MAX)
    except JsonError:
        raise ToolFailedError(said(ran)) from None


def within(copy: Path, name: str) -> str:
    """Return a path as a tool writes it, relative to the copy, with slashes."""
    path = PurePosixPath(name)
    if path.is_absolute() and path.is_relative_to(copy.as_posix()):
        path = path.relative_to(copy.as_posix())
    return str(path)


def is_test(path: str) -> bool:
    """Tell whether a file is of tests."""
    parts = PurePosixPath(path).parts
    name = parts[-1]
    return (
        any(part in ("test", "tests", "testing") for part in parts[:-1])
        or name.startswith("test_")
        or name.endswith("_test.py")
        or name == "conftest.py"
    )
