"""A copy of the configuration that a program works on, as one archive that is known by its digest.

1. The archive holds names and contents and nothing else: packed twice, it is the same bytes.
2. State, plans, caches and version control stay out.
3. A link that leaves the tree, and what is neither file, directory nor link, is refused.
"""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contract import give_up

FILES_MAX = 5_000
BYTES_MAX = 15 << 20  # what an artifact may hold, less what the archive adds
# Python has a filter of its own against what leaves the tree, but not before 3.11.4.
FILTERED: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
SKIPPED = {".git", ".terraform", ".mandate", ".venv", "node_modules", "__pycache__"}
SKIPPED_ENDINGS = (".tfstate", ".tfstate.backup", ".tfplan", ".retry", ".lock.info")


def pack(root: Path, archive: Path) -> None:
    """Write what is below ``root`` into ``archive``."""
    if not root.is_dir():
        give_up(f"{root.name!r} is no directory of the workspace")
    files = size = 0
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as target:
        for path in _below(root):
            info = target.gettarinfo(path, arcname=str(path.relative_to(root)))
            info.mtime = info.uid = info.gid = 0  # (1) packed twice, the same bytes
            info.uname = info.gname = ""
            info.mode = 0o755 if info.mode & 0o100 else 0o644
            files, size = files + 1, size + info.size
            if files > FILES_MAX or size > BYTES_MAX:
                give_up(
                    f"more than {FILES_MAX} files or {BYTES_MAX >> 20} MiB to copy: name a "
                    "smaller directory as input `root`"
                )
            if info.issym() or info.isdir():
                target.addfile(info)
            elif info.isreg():
                with path.open("rb") as data:
                    target.addfile(info, data)
            else:
                give_up(f"{path.name!r} is no regular file")  # (3) neither file, directory nor link


def unpack(archive: Path, into: Path) -> None:
    """Lay out what ``pack`` has written, anew."""
    shutil.rmtree(into, ignore_errors=True)
    try:
        with tarfile.open(archive) as source:
            source.extractall(into, members=_inside(source, into), **FILTERED)  # noqa: S202 - (3)
    except (tarfile.TarError, OSError) as error:
        give_up(f"the configuration cannot be copied: {error}")


def _inside(source: tarfile.TarFile, into: Path) -> Iterator[tarfile.TarInfo]:
    """Yield what is laid out below ``into``, each when those before it are there (3).

    Raises:
        tarfile.ExtractError: one would lie or lead elsewhere, or is no file, directory or link.
    """
    root = into.resolve()
    for member in source:
        place = root / member.name
        leads_to = place.parent / member.linkname if member.issym() else place
        if not (member.isreg() or member.isdir() or member.issym()):
            raise tarfile.ExtractError(f"{member.name!r} is no regular file")
        if not all(each.resolve().is_relative_to(root) for each in (place, leads_to)):
            raise tarfile.ExtractError(f"{member.name!r} leaves the tree")
        yield member


def _below(root: Path) -> list[Path]:
    found: list[Path] = []
    pending = [root]
    while pending:
        for path in sorted(pending.pop().iterdir()):
            # (2) state and caches stay out
            if path.name in SKIPPED or path.name.endswith(SKIPPED_ENDINGS):
                continue
            found.append(path)
            if path.is_dir() and not path.is_symlink():
                pending.append(path)
            if len(found) > FILES_MAX:
                return found
    return sorted(found)
