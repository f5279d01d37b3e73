"""A file that is there whole, or not at all: written beside its place, synced, and brought there.

What is beside its place is made anew, under a name that nobody knows before: a link of that name
would have another file written. It is gone afterwards, whatever came of it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

_TOKEN_BYTES: Final = 8


@contextmanager
def whole(path: Path, bring: Callable[[Path, Path], object] = os.replace) -> Iterator[TextIO]:
    """Give a file to write; when this is left it is at ``path``, in place of what was there.

    With ``os.link`` as ``bring`` nothing is replaced: it fails where something is there.

    Raises:
        OSError: it cannot be written, or not be brought there; what was there is there still.
    """
    aside = path.with_name(f".{secrets.token_hex(_TOKEN_BYTES)}")
    try:
        with aside.open("x", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        bring(aside, path)
    finally:
        aside.unlink(missing_ok=True)
