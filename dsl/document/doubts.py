"""Places of a document that could not be read, so that nothing is said of what may stand there.

A document with one mistake is read on, see ``dsl.document.salvage``. What is in doubt is neither
right nor wrong: a check that hangs on it is left out, and every other is made. One mistake is one
problem.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

DocumentPath = tuple[str | int, ...]


class Doubts:
    """Places in doubt, by their paths; all that is inside one is in doubt, too."""

    __slots__ = ("_around", "_paths")

    def __init__(self, paths: Iterable[DocumentPath] = ()) -> None:
        self._paths = frozenset(paths)
        self._around = frozenset(path[:end] for path in self._paths for end in range(len(path)))

    def cover(self, place: DocumentPath) -> bool:
        """Tell whether ``place`` is in doubt, or stands in what is."""
        if not self._paths:
            return False
        return any(place[:end] in self._paths for end in range(len(place) + 1))

    def touch(self, place: DocumentPath, *fields: str) -> bool:
        """Tell whether one of these fields of ``place`` is in doubt, or holds what is."""
        if not self._paths:
            return False
        paths = [(*place, field) for field in fields]
        return any(path in self._around or self.cover(path) for path in paths)

    def inside(self, place: DocumentPath) -> set[str]:
        """Return the keys of ``place`` that are in doubt."""
        depth = len(place)
        return {
            str(path[depth])
            for path in self._paths
            if len(path) == depth + 1 and path[:depth] == place
        }


NONE: Final = Doubts()
