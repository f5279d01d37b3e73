"""Files that a command makes: aside, synced, moved into place; none is written over."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from integrations.whole_files import whole
from mandate.people.errors import RefusalError, UsageError

STEM_BYTES_MAX: Final = 150


def refuse_old(path: Path) -> None:
    """Refuse a path at which no new file can be made, before anything is asked for.

    Raises:
        UsageError: something is there already.
        RefusalError: there is no such name here.
    """
    try:
        is_there = path.exists()
    except (OSError, ValueError) as error:  # too long a name, or one that is none
        raise RefusalError("{}: {}", path, getattr(error, "strerror", None) or error) from None
    if is_there:
        raise UsageError("{} is there already: name a new file with -o", path)


def named_after(workflow: str, ending: str) -> Path:
    """Return the file, here, that tells of a run: its id as far as a name of a file may have it."""
    stem = workflow.replace("/", "_").encode(errors="replace")[:STEM_BYTES_MAX]
    return Path(f"{stem.decode(errors='ignore')}.{ending}")


def write_new(path: Path, texts: Iterable[str]) -> int:
    """Write a new file; return how many texts it has.

    Raises:
        UsageError: it is there already.
        RefusalError: the disk does not take it.
    """
    refuse_old(path)
    count = 0
    try:
        with whole(path, os.link) as file:  # refuses what is there by now
            for text in texts:
                file.write(text)
                count += 1
    except OSError as error:
        raise RefusalError("{}: {}", path, error.strerror or error) from None
    return count
