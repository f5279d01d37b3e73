"""Files that a command makes: aside, synced, moved into place; none is written over."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from mandate.people.errors import RefusalError, UsageError


def write_new(path: Path, texts: Iterable[str]) -> int:
    """Write a new file; return how many texts it has.

    Raises:
        UsageError: it is there already.
        RefusalError: the disk does not take it.
    """
    if path.exists():
        raise UsageError("{} is there already: name a new file", path)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    count = 0
    try:
        with aside.open("x", encoding="utf-8") as file:
            for text in texts:
                file.write(text)
                count += 1
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)  # refuses what is there by now
    except OSError as error:
        raise RefusalError("{}: {}", path, error.strerror or error) from None
    finally:
        aside.unlink(missing_ok=True)
    return count
