"""YAML files in directories, read again when they have changed and only then.

Every question looks at the directories, so a worker serves an edited file without a restart.
Directories are not searched further down. A file that cannot be read is reported, and hides no
other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar

from dsl.limits import DOCUMENT_BYTES_MAX

T = TypeVar("T")

SUFFIX: Final = ".yaml"
_Stamp = tuple[int, int, int]  # nanoseconds of the last changes of content and status, bytes


class Folders(Generic[T]):
    """Directories of documents."""

    def __init__(
        self,
        directories: Sequence[str | Path],
        read: Callable[[Path, bytes], T | str],
        files_max: int,
        usual: Collection[Path] = (),
    ) -> None:
        """Look into ``directories``, in this order.

        Args:
            directories: those that are looked into.
            read: makes a document of a file's content, or says what is wrong with it. It gets at
                most one byte more than a document may have.
            files_max: past so many files the rest is left out, and that is reported.
            usual: those that nobody has to make: one that is not there is not reported.
        """
        self.directories = tuple(Path(each) for each in directories)
        self._make = read
        self._files_max = files_max
        self._usual = frozenset(usual)
        self._known: dict[Path, tuple[_Stamp, T | str]] = {}

    def look(self, report: Callable[[Path, str], None]) -> Iterator[tuple[Path, T]]:
        """Yield every document, in the order of directories and file names.

        ``report`` hears of what else there is.
        """
        known, self._known = self._known, {}
        for path in self._files(report):
            yield from self._looked_at(path, known, report)

    def named(self, stem: str, report: Callable[[Path, str], None]) -> Iterator[tuple[Path, T]]:
        """Yield the documents of that name only, as ``look`` does; ``stem`` is a file's name.

        Whoever asks for one does not wait for a look at every other.
        """
        for directory in self.directories:
            path = directory / f"{stem}{SUFFIX}"
            if os.path.lexists(path):
                yield from self._looked_at(path, self._known, report)

    def _looked_at(
        self,
        path: Path,
        known: dict[Path, tuple[_Stamp, T | str]],
        report: Callable[[Path, str], None],
    ) -> Iterator[tuple[Path, T]]:
        found = self._document(path, known)
        if isinstance(found, str):
            report(path, found)
        else:
            yield path, found

    def _files(self, report: Callable[[Path, str], None]) -> Iterator[Path]:
        count = 0
        for directory in self.directories:
            try:
                files = sorted(each for each in directory.iterdir() if each.suffix == SUFFIX)
            except OSError as error:
                if isinstance(error, FileNotFoundError) and directory in self._usual:
                    continue
                report(directory, f"cannot be listed: {error.strerror}")
                continue
            for file in files:
                count += 1
                if count > self._files_max:
                    report(file, f"more than {self._files_max} files: the rest is left out")
                    return
                yield file

    def _document(self, path: Path, known: dict[Path, tuple[_Stamp, T | str]]) -> T | str:
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size)
            if path not in known or known[path][0] != stamp:
                known[path] = (stamp, self._read(path))
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        self._known[path] = known[path]
        return known[path][1]

    def _read(self, path: Path) -> T | str:
        if not path.is_file():
            return "is not a file"
        with path.open("rb") as file:  # a size that stat tells may have grown since
            return self._make(path, file.read(DOCUMENT_BYTES_MAX + 1))
