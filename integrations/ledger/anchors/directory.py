"""An anchor that is a directory: on another machine's disk, mounted here, it is one worth having.

1. A note is a file of its own, named by its size. It is written aside, synced and moved into place;
   one that is there is never written over.
2. Two notes of one size that differ are both kept: whoever reads them finds that out.
3. What is no note of this ledger's name is left alone.
4. Of a file no more is read than shows that it is longer than a note may be, which makes it none.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Final

from dsl.rules.ledger.note import NOTE_BYTES_MAX
from integrations.errors import UnavailableError
from integrations.ledger.anchors.anchor import NOTES_READ_MAX, Kept
from integrations.ledger.anchors.specs import DIRECTORY
from integrations.whole_files import whole

_KEYS: Final = "keys"
_NOTE: Final = ".note"


class DirectoryAnchor:
    """Keeps the notes of the ledger ``origin`` below ``folder``."""

    def __init__(self, folder: Path, origin: str) -> None:
        self._top = folder
        self._folder = folder / origin.replace("/", "_")

    @property
    def name(self) -> str:
        """See ``Anchor``."""
        return f"{DIRECTORY}:{self._top}"

    async def read(self) -> Kept:
        """See ``Anchor``."""
        return await asyncio.to_thread(self._read)

    async def publish(self, note: str, keys: tuple[str, ...]) -> None:
        """See ``Anchor``."""
        await asyncio.to_thread(self._publish, note, keys)

    def _read(self) -> Kept:
        try:
            if not self._top.is_dir():  # not mounted is not empty
                raise UnavailableError(f"the anchor {self.name} is not there: make or mount it")
            if not self._folder.is_dir():
                return Kept()
            names = sorted(self._folder.glob(f"*{_NOTE}"))[-NOTES_READ_MAX:]
            notes = tuple(map(_text, names))
            keys = self._folder / _KEYS
            held = tuple(_text(keys).split()) if keys.is_file() else ()
        except OSError as error:
            raise UnavailableError(
                f"the anchor {self.name} cannot be read: {error.strerror}"
            ) from error
        return Kept(notes, held)

    def _publish(self, note: str, keys: tuple[str, ...]) -> None:
        size = int(note.split("\n", 2)[1])
        digest = hashlib.sha256(note.split("\n\n", maxsplit=1)[0].encode()).hexdigest()[
            :16
        ]  # (2) of what is said
        try:
            self._folder.mkdir(exist_ok=True)
            self._write(f"{size:020d}-{digest}{_NOTE}", note, over=False)  # (1) never written over
            self._write(_KEYS, "".join(f"{each}\n" for each in keys), over=True)
        except OSError as error:
            raise UnavailableError(
                f"the anchor {self.name} takes nothing: {error.strerror}; free or mount it"
            ) from error

    def _write(self, name: str, text: str, *, over: bool) -> None:
        path = self._folder / name
        if path.exists() and (not over or _text(path) == text):
            return
        with whole(path) as file:
            file.write(text)
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _text(path: Path) -> str:
    """Return what a file says, as far as it can be a note (4)."""
    with path.open("rb") as file:
        return file.read(NOTE_BYTES_MAX + 1).decode(errors="replace")
