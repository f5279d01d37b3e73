"""A copy of what is reviewed: tools look at it, and never at the repository.

What is copied decides what can have an effect. So no configuration file, no hook, no link and
nothing that a tool would load is in it:

1. Python files alone are copied, under their own names, and only such as are regular files, not
   reached through a link, of at most ``FILE_BYTES_MAX``. What is left out is noted.
2. Folders of others are left out: environments, caches, what is built, ``node_modules``, ``.git``.
3. Data that an observer needs besides (declared dependencies, a coverage report, pipelines) it
   reads itself, by ``read``, which follows no link and reads no more than it is told to.
4. Past ``FILES_MAX`` files or ``BYTES_MAX`` bytes the review is refused: half a
   review says nothing.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILES_MAX: Final = 20_000
OTHERS_MAX: Final = 100_000  # files that are no Python, which are only listed
BYTES_MAX: Final = 256 << 20
FILE_BYTES_MAX: Final = 1 << 20
NOTED_MAX: Final = 5  # files that a note names
_SUFFIXES: Final = (".py", ".pyi")
_SKIPPED: Final = frozenset(
    {
        *(".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", "node_modules", "__pycache__"),
        *(".mandate", ".tools", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".eggs"),
    }
)
_OF_AN_ENVIRONMENT: Final = "pyvenv.cfg"


class NotReviewableError(Exception):
    """There is nothing here that can be reviewed; says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is reviewed, and the copy of it."""

    root: Path  # where the repository is
    copy: Path
    files: tuple[str, ...]  # Python files, relative, with slashes; in the copy as in the repository
    others: tuple[str, ...]  # regular files that are no Python
    notes: tuple[str, ...]  # what is not in it
    changed: frozenset[str] | None = None  # the files that are looked at; None: all

    def is_looked_at(self, path: str) -> bool:
        """Tell whether what is found in a file counts."""
        return self.changed is None or path in self.changed

    @property
    def looked_at(self) -> tuple[str, ...]:
        """Return the Python files that count."""
        return tuple(path for path in self.files if self.is_looked_at(path))

    def read(self, path: str, most: int) -> bytes | None:
        """Return what a file of the repository holds; None where it cannot be had, or is larger.

        No part of ``path`` may be a link (3).
        """
        return read_within(self.root, path, most)


def taken(root: Path, into: Path) -> Snapshot:
    """Copy what is reviewed below ``root`` to ``into``.

    Raises:
        NotReviewableError: no folder, or too much in it (4).
    """
    if not root.is_dir():
        raise NotReviewableError(f"{root} is no folder: name the folder of a repository")
    files: list[str] = []
    others: list[str] = []
    left_out: dict[str, list[str]] = {}
    total = 0
    for path, why in _walk(root):
        if why:
            left_out.setdefault(why, []).append(path)
        elif not path.endswith(_SUFFIXES):
            others.append(path)
        else:
            data = read_within(root, path, FILE_BYTES_MAX)
            if data is None:
                left_out.setdefault("not readable", []).append(path)
                continue
            files.append(path)
            total += len(data)
            _require(len(files), total)
            target = into / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        if len(others) > OTHERS_MAX:
            raise NotReviewableError(f"more than {OTHERS_MAX} files: name a folder of it")
    notes = tuple(_noted(why, paths) for why, paths in sorted(left_out.items()))
    return Snapshot(root, into, tuple(sorted(files)), tuple(sorted(others)), notes)


def hashed_as_git_does(data: bytes, digits: int) -> str:
    """Return the name that git gives to a file with that content."""
    header = b"blob %d\0" % len(data)
    if digits == hashlib.sha256().digest_size * 2:
        return hashlib.sha256(header + data).hexdigest()
    return hashlib.sha1(header + data, usedforsecurity=False).hexdigest()


def _require(files: int, total: int) -> None:
    if files > FILES_MAX:
        raise NotReviewableError(f"more than {FILES_MAX} Python files: name a folder of it")
    if total > BYTES_MAX:
        raise NotReviewableError(f"more than {BYTES_MAX >> 20} MiB of Python: name a folder of it")


def _walk(root: Path) -> Iterator[tuple[str, str]]:
    """Yield each file, and why it is left out; empty: it is not."""
    for folder, folders, names in os.walk(root):
        # (2) folders of others
        folders[:] = sorted(name for name in folders if not _is_skipped(Path(folder), name))
        for name in sorted(names):
            path = Path(folder, name)
            relative = path.relative_to(root).as_posix()
            why = _why_not(path, relative)
            if not why or name.endswith(_SUFFIXES):
                yield relative.encode("utf-8", "replace").decode(), why


def _why_not(path: Path, relative: str) -> str:
    """Return why a file is left out; empty: it is not."""
    try:
        found = path.lstat()
    except OSError:
        return "gone"
    if not relative.isprintable():  # tools write names as lines, and as text
        return "no printable name"
    if stat.S_ISLNK(found.st_mode):
        return "a link"  # (1) not reached through a link
    if not stat.S_ISREG(found.st_mode):
        return "no regular file"
    if path.suffix in _SUFFIXES and found.st_size > FILE_BYTES_MAX:
        return f"larger than {FILE_BYTES_MAX >> 20} MiB"
    return ""


def _is_skipped(folder: Path, name: str) -> bool:
    if name in _SKIPPED or name.endswith(".egg-info"):
        return True
    return (folder / name / _OF_AN_ENVIRONMENT).is_file()


def read_within(root: Path, path: str, most: int) -> bytes | None:
    """Return what a file below ``root`` holds; None where it cannot be had, or is larger.

    Each part of the way is opened by itself, so that none of them is a link (3).
    """
    *folders, name = path.split("/")
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            below = os.open(folder, flags, dir_fd=at)
            os.close(at)
            at = below
        # Not blocking: a pipe in place of a file keeps nobody waiting.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(name, flags, dir_fd=at), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            data = file.read(most + 1)
            return data if len(data) <= most else None
    except (OSError, ValueError):
        return None
    finally:
        os.close(at)


def _noted(why: str, paths: Collection[str]) -> str:
    shown = ", ".join(sorted(paths)[:NOTED_MAX])
    more = f" and {len(paths) - NOTED_MAX} more" if len(paths) > NOTED_MAX else ""
    return f"not looked at ({why}): {shown}{more}"
