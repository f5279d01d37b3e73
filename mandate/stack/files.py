"""Files of the data directory: secrets among them, so nobody else may read any of it.

1. Directories are 0700, files 0600, from the moment they exist: the mode is given at creation,
   not corrected afterwards.
2. A file appears whole or not at all, also when the machine loses power: written beside, synced,
   renamed, and the directory synced.
"""

from __future__ import annotations

import os
from pathlib import Path

from mandate.stack.errors import SettingError

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
_OTHERS = 0o077


def private_directory(path: Path, fix: str = "give another --data-dir") -> Path:
    """Create ``path`` for us alone, or check that it is so; return it resolved.

    Raises:
        SettingError: it exists and others may enter it, or it is not a directory.
    """
    path = path.expanduser().resolve()
    try:
        # (1) the mode is given at creation
        path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    except FileExistsError:
        raise SettingError(f"directory {path} is a file: {fix}") from None
    except OSError as error:
        raise SettingError(f"directory {path} cannot be made ({error.strerror}): {fix}") from error
    mode = path.stat().st_mode & 0o777
    if mode & _OTHERS and any(path.iterdir()):
        raise SettingError(
            f"directory {path} is open to others (mode {mode:04o}) and holds secrets: "
            f"expected 0700, so run: chmod 700 '{path}'"
        )
    path.chmod(DIRECTORY_MODE)
    return path


def write_private(path: Path, content: str | bytes) -> None:
    """Write ``content`` to ``path`` at once, mode 0600, and make it durable."""
    data = content.encode() if isinstance(content, str) else content
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    # (1) the mode is given at creation
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_directory(path.parent)  # (2) whole, after a power cut as well


def sync_directory(path: Path) -> None:
    """Make renames and removals inside ``path`` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
