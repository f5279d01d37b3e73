"""Documents that are found by name: ``<name>.yaml`` in directories, one of each name.

1. ``<name>.yaml`` is the document ``name``; what its file says of itself agrees, see ``read``.
2. Two of one name are both refused, whoever wrote them: a name must not change what it means by
   where somebody looked first. So nobody takes the name of a shipped one.
3. One that cannot be used hides no other. Who names it is told what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Generic, TypeVar

from dsl.document.folders import Folders
from dsl.errors import DslError
from dsl.values.names import NAME_PATTERN

PROBLEMS_TOLD_MAX: Final = 5
_NAME: Final = re.compile(NAME_PATTERN)

T = TypeVar("T")
_Found = tuple[Path, T]
_Look = Callable[[Callable[[Path, str], None]], Iterator[_Found[T]]]


@dataclass(frozen=True, slots=True)
class NamedView(Generic[T]):
    """What the directories hold right now."""

    files: Mapping[str, T]
    refused: Mapping[str, str]  # why one cannot be used, by name
    problems: tuple[tuple[Path, str], ...]  # of files that are none, and of directories


class NamedFolders(Generic[T]):
    """Directories in which documents are found by name."""

    def __init__(
        self,
        directories: Sequence[str | Path],
        read: Callable[[Path, bytes], T | str],
        files_max: int,
        *,
        what: str,
        shipped: Path | None = None,
        usual: Collection[Path] = (),
    ) -> None:
        """Look into ``directories``.

        Args:
            directories: those that are looked into, and then the shipped one.
            read: as ``Folders`` has it, for a file whose name may be one.
            files_max: past so many files the rest is left out, and that is reported.
            what: what they are called: "templates".
            shipped: the directory of what comes with Mandate.
            usual: those that need not be there, as ``Folders`` has it.
        """
        self._what = what
        self._shipped = shipped
        self._make = read
        places = (*directories, *([shipped] if shipped is not None else []))
        self._folders = Folders(places, self._read, files_max, usual)

    def view(self) -> NamedView[T]:
        """Return all of them."""
        return self._view(self._folders.look)

    def named(self, name: str) -> NamedView[T]:
        """Return as much of that as concerns ``name``."""
        if _NAME.fullmatch(name) is None:
            return NamedView({}, {}, ())
        return self._view(partial(self._folders.named, name))

    def _view(self, look: _Look[T]) -> NamedView[T]:
        found: dict[str, list[_Found[T]]] = {}
        refused: dict[str, list[str]] = {}
        problems: list[tuple[Path, str]] = []

        def report(path: Path, why: str) -> None:
            if path.suffix == ".yaml" and _NAME.fullmatch(path.stem):
                refused.setdefault(path.stem, []).append(f"{path}: {why}")  # (3) hides no other
            else:
                problems.append((path, why))

        for path, each in look(report):
            found.setdefault(path.stem, []).append((path, each))
        for name in [*found]:
            if len(found[name]) + len(refused.get(name, ())) > 1:  # (2) both are refused
                places = [path for path, _ in found.pop(name)]
                refused.setdefault(name, []).append(self._twice(places))
        return NamedView(
            {name: each for name, ((_, each),) in found.items()},
            {name: "; ".join(whys) for name, whys in refused.items()},
            tuple(problems),
        )

    def _read(self, path: Path, content: bytes) -> T | str:
        if _NAME.fullmatch(path.stem) is None:
            return (
                f"is none of the {self._what}: expected a file name of lower-case letters, digits "
                "and hyphens"
            )
        try:
            return self._make(path, content)
        except DslError as error:
            return summary(error)

    def _twice(self, places: Sequence[Path]) -> str:
        if len(places) == 1:
            return f"{places[0]} has the same name"
        ours = ""
        if self._shipped is not None and places[-1].parent == self._shipped:
            ours = f", and {self._shipped} comes with Mandate"
        both = " and ".join(map(str, places))
        return f"two {self._what} have that name, {both}{ours}: rename one of them"


def summary(error: DslError) -> str:
    """Return the first problems of a document in one line."""
    told = [
        f"line {each.at.line}, {each.message}" + (f" ({each.hint})" if each.hint else "")
        for each in error.problems[:PROBLEMS_TOLD_MAX]
    ]
    left = len(error.problems) - len(told)
    return "; ".join([*told, *([f"and {left} more"] if left else [])])
