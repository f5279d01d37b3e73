"""A program of agents: its files, the digest that stands for them, and how it is started.

1. What runs is a copy, made for one attempt in a directory of its own. Each file is hashed while
   it is copied: what is not what was found is not started. Whatever becomes of the files meanwhile,
   the program that runs is the one that was admitted.
2. ``python`` is the worker's own, deaf to the environment and to a user's packages. Beside a
   program lies what belongs to it and nothing else, so it may import that.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import Final

from dsl.templates import PYTHON
from dsl.values.canonical import digest_of_bytes
from integrations.agents.sandbox.spec import SandboxSpec
from integrations.errors import DeniedError

_CHUNK_BYTES: Final = 1 << 20
_FOLDER: Final = "program"


@dataclass(frozen=True, slots=True)
class ProgramFile:
    """One file of a program."""

    place: str  # below the directory of the template, and of the copy
    source: Path
    digest: str
    executable: bool


@dataclass(frozen=True, slots=True)
class Delegated:
    """What stands for a program where the work is somebody else's: the template says it all."""

    name: str  # of its template
    digest: str  # "sha256:<64 hex>"


@dataclass(frozen=True, slots=True)
class Program:
    """A program and the digest that identifies it."""

    name: str  # of its template
    file: Path
    digest: str  # "sha256:<64 hex>"; stands for all of it
    files: tuple[ProgramFile, ...]  # itself first
    interpreter: tuple[str, ...] = ()  # words before the file; none: it is executed itself
    read: tuple[Path, ...] = ()  # what it may read and execute besides
    checkouts: tuple[Path, ...] = ()  # likewise, but for what is hidden in them

    @classmethod
    def from_file(cls, name: str, file: Path) -> Program:
        """Return the program that ``file`` is now: Python, or something that is executed."""
        digest = digest_of_bytes(file.read_bytes())
        itself = ProgramFile(file.name, file.resolve(), digest, executable=file.suffix != ".py")
        words = python() if file.suffix == ".py" else ()
        return cls(name, file.resolve(), digest, (itself,), words)

    def opened_in(self, sandbox: SandboxSpec) -> SandboxSpec:
        """Return the sandbox of a stage with what this program may read besides."""
        return replace(
            sandbox,
            read=(*sandbox.read, *self.read),
            checkouts=(*sandbox.checkouts, *self.checkouts),
        )

    @contextmanager
    def copied(self, parent: Path | None = None) -> Iterator[tuple[Path, list[str]]]:
        """Make the copy that runs (1); gives its directory and the command line.

        Raises:
            DeniedError: a file is not what it was found to be.
        """
        made = Path(tempfile.mkdtemp(prefix=f"mandate-{os.getpid()}-", dir=parent)).resolve()
        try:
            folder = made / _FOLDER
            for each in self.files:
                self._copy(each, folder / each.place)
            yield folder, [*self.interpreter, str(folder / self.files[0].place)]
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def _copy(self, each: ProgramFile, target: Path) -> None:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = hashlib.sha256()
        try:
            with open_regular(each.source) as source, target.open("xb") as copy:
                while chunk := source.read(_CHUNK_BYTES):
                    found.update(chunk)
                    copy.write(chunk)
        except OSError as error:
            raise DeniedError(
                f"program {self.name!r} cannot be read any more: {each.place}: {error.strerror}"
            ) from None
        if f"sha256:{found.hexdigest()}" != each.digest:
            raise DeniedError(
                f"program {self.name!r} was changed while it was to start: {each.place} was "
                f"{each.digest} and is sha256:{found.hexdigest()}: start the run again"
            )
        target.chmod(0o500 if each.executable else 0o400)


def python() -> tuple[str, ...]:
    """Return how the worker's own Python starts a program (2)."""
    return (sys.executable, "-E", "-s", "-B", "-X", "utf8")


def interpreter_of(words: tuple[str, ...] | None, path: str) -> tuple[str, ...]:
    """Return the words as they are executed: the first one found on ``path``.

    What is not there stays as it is named; see ``integrations.agents.programs.needs``.
    """
    if not words:
        return ()
    if words[0] == PYTHON:
        return (*python(), *words[1:])
    return (shutil.which(words[0], path=path) or words[0], *words[1:])


def open_regular(path: Path) -> BufferedReader:
    """Open a file to read its bytes.

    Raises:
        OSError: it is not there, may not be read, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "is no regular file", str(path))
    return os.fdopen(descriptor, "rb")
