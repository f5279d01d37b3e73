"""Room that is kept free on a disk, so that what has begun can still be ended on record.

A disk that fills stops the ledger, and with it every end, revocation and receipt. So what begins,
and what agents leave, is refused before that; ends are not.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from dsl.limits import LEDGER_RESERVE_BYTES
from integrations.errors import UnavailableError

_MIB: Final = 1 << 20


def free_bytes(path: Path) -> int:
    """Return how much is free on the disk of ``path``, for whoever is not its administrator.

    Raises:
        OSError: nobody can say.
    """
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def require_room(path: Path, purpose: str, *, reserve: int = LEDGER_RESERVE_BYTES) -> None:
    """Make sure that more than ``reserve`` bytes are free on the disk of ``path``.

    Raises:
        UnavailableError: they are not; ``purpose`` has to wait until there is room.
    """
    try:
        free = free_bytes(path)
    except OSError as error:
        raise UnavailableError(
            f"cannot tell how much room is left for {purpose} at {path}: {error.strerror}"
        ) from error
    if free <= reserve:
        raise UnavailableError(
            f"no room for {purpose}: {free // _MIB} MiB are free on the disk of {path}, and "
            f"{reserve // _MIB} MiB are kept for the ledger to record how runs end; free the disk"
        )
