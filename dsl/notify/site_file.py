"""The operator's file as it is now: whoever adds a destination starts nothing again."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dsl.document.settings_file import content_of
from dsl.errors import DslError, Position, Problem
from dsl.notify.site import NotifySite, parse_site

UNREADABLE: Final = "DSL660"


class SiteFile:
    """One file, read again when it has changed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._site = NotifySite()

    def look(self) -> NotifySite:
        """Return what the file says; where none is named, there is nobody to tell.

        Raises:
            DslError: with every mistake; or the file cannot be read.
        """
        if self._path is None:
            return self._site
        try:
            found = self._path.stat()
        except OSError as error:
            problem = Problem(UNREADABLE, f"cannot be read: {error.strerror}", Position(1, 1))
            raise DslError(str(self._path), [problem]) from None
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp != self._stamp:
            self._site = parse_site(content_of(self._path, code=UNREADABLE), str(self._path))
            self._stamp = stamp
        return self._site
