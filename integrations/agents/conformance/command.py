"""A command line as a program that can be checked.

What it may read is what it would be given: the directory it is called in, as the workspace, and
the installation of what is called, where that is not the system's. ``python`` is the worker's own,
as in a template: what a shell finds first may be a script that leads elsewhere. Nothing of it is
registered, so its digest is what the file is now.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dsl.values.canonical import digest_of_bytes
from integrations.agents.programs.program import Program
from integrations.errors import NotFoundError

_BIN: Final = ("bin", ".bin")
_PYTHON: Final = ("python", "python3")


@dataclass(frozen=True, slots=True)
class Command(Program):
    """A program and the words it is called with."""

    words: tuple[str, ...] = ()

    @contextmanager
    def copied(self, parent: Path | None = None) -> Iterator[tuple[Path, list[str]]]:
        """Give the command line, its first word found: what is registered nowhere is not copied."""
        yield self.file, [str(self.file), *self.words]

    @property
    def reads(self) -> tuple[Path, ...]:
        """What it needs to read of its own installation: around ``…/bin`` the folder above."""
        places = {self.file.parent, self.file.resolve().parent}
        return tuple(sorted(each.parent if each.name in _BIN else each for each in places))


def command_of(words: Sequence[str]) -> Command:
    """Return the command that ``words`` call.

    Raises:
        NotFoundError: there is no such program, or it cannot be executed.
    """
    first, *rest = words
    found = sys.executable if first in _PYTHON else shutil.which(first)
    if found is None:
        why = "is not executable" if Path(first).is_file() else "is not there"
        raise NotFoundError(f"{first!r} {why}: expected a program, or its interpreter before it")
    file = Path(found).absolute()
    arguments = (str(Path(each).absolute()) if Path(each).is_file() else each for each in rest)
    digest = digest_of_bytes(file.read_bytes())
    return Command(Path(first).name, file, digest, (), words=tuple(arguments))
