"""The programs that templates name by a bare name, each a file beside this one.

A program is one file of standard Python that speaks the contract. It runs isolated
(``python -I``): of this distribution it sees nothing but itself, of the environment the
installed packages.
"""

from __future__ import annotations

import importlib.metadata
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from dsl.values.canonical import digest_of_bytes
from integrations.errors import NotFoundError

_HERE: Final = Path(__file__).parent
_FILES: Final = {"inventory": "inventory.py", "code-review": "code_review.py"}
_CALLED: Final = {"code-review": ("ruff", "bandit")}  # distributions, beside this one


@dataclass(frozen=True, slots=True)
class Program:
    """A program and the digest that identifies it."""

    name: str
    file: Path
    digest: str  # "sha256:<64 hex>"

    @classmethod
    def from_file(cls, name: str, file: Path) -> Program:
        """Return the program that ``file`` is now."""
        return cls(name, file.resolve(), digest_of_bytes(file.read_bytes()))

    @property
    def argv(self) -> list[str]:
        """The command line; a file that is not Python must be executable."""
        if self.file.suffix != ".py":
            return [str(self.file)]
        return [sys.executable, "-I", "-B", "-X", "utf8", str(self.file)]

    def changed(self) -> str | None:
        """Say what has become of the file since; None: it is what it was."""
        try:
            found = digest_of_bytes(self.file.read_bytes())
        except OSError as error:
            return f"program {self.name!r} cannot be read any more: {error.strerror}"
        if found == self.digest:
            return None
        return (
            f"program {self.name!r} was changed under this worker, which began with "
            f"{self.digest} and finds {found}"
        )


def names() -> tuple[str, ...]:
    """Return the names of all shipped programs."""
    return tuple(sorted(_FILES))


def missing(name: str) -> tuple[str, ...]:
    """Return the distributions that program ``name`` calls and that are not installed."""
    return tuple(each for each in _CALLED.get(name, ()) if not _is_installed(each))


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


@cache
def find(name: str) -> Program:
    """Return the shipped program ``name``.

    Raises:
        NotFoundError: there is none.
    """
    if name not in _FILES:
        raise NotFoundError(f"no program {name!r}; there are: {', '.join(names())}")
    return Program.from_file(name, _HERE / _FILES[name])
