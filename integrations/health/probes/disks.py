"""The disks of ledger and artefacts: are they there, and how much room is left?

A disk that fills is poor and not gone: what has begun can still be ended on record, and what begins
is refused where it begins, see ``integrations.room``. A ledger that is kept on another machine is
neither: nothing is known of it here. That it can be written is asked of who writes: whoever only
reads may have it read-only.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from dsl.limits import DISK_LOW_BYTES, LEDGER_RESERVE_BYTES
from dsl.values.circuit_names import ARTIFACTS, LEDGER
from integrations.errors import UnavailableError
from integrations.health.probes.sighting import (
    EVERY_S,
    Figure,
    HealthProbe,
    Sighting,
    gone,
    poor,
    unseen,
    well,
)
from integrations.ledger.lock import trouble_of_writer, writer_of
from integrations.room import free_bytes

LAG_S_MAX: Final = 10.0
_MIB: Final = 1 << 20
_FREE: Final = "mandate_disk_free_bytes"
_LEDGER_FIX: Final = "see The ledger in docs/operations.md"


def artifacts_probe(
    root: Path,
    *,
    low_bytes: int = DISK_LOW_BYTES,
    must_exist: bool = False,
    must_write: bool = True,
) -> HealthProbe:
    """Look at the disk of the artefacts."""
    look = partial(room_at, must_exist=must_exist, must_write=must_write)
    seen = partial(asyncio.to_thread, look, ARTIFACTS, root, low_bytes)
    return HealthProbe(ARTIFACTS, seen, can_die=True, every_s=EVERY_S)


def ledger_probe(
    path: Path, *, low_bytes: int = DISK_LOW_BYTES, lag_s: Callable[[], float] | None = None
) -> HealthProbe:
    """Look at the ledger's disk, and at what its writer says of itself.

    ``lag_s`` is the writer's own word on how long something waits to be recorded. Without it a
    writer is looked for on this machine.
    """

    def seen() -> Sighting:
        trouble = trouble_of_writer(path)
        if trouble is not None:
            return gone(trouble, _LEDGER_FIX)
        if lag_s is None and not path.exists():
            return unseen(f"there is no ledger at {path} on this machine")
        found = room_at(LEDGER, path.parent, low_bytes, must_write=lag_s is not None)
        if lag_s is None:
            return found if writer_of(path) else _unwritten(found)
        lag = lag_s()
        figures = (*found.figures, Figure("mandate_ledger_lag_seconds", lag))
        if lag > LAG_S_MAX:
            return poor(f"an entry waits for {lag:.0f} s to be recorded", _LEDGER_FIX, *figures)
        return replace(found, figures=figures)

    return HealthProbe(LEDGER, partial(asyncio.to_thread, seen), can_die=True, every_s=EVERY_S)


def _unwritten(found: Sighting) -> Sighting:
    said = f"no writer of it runs on this machine; {found.detail}"
    return poor(said, found.fix or "start the worker of mandate-ledger", *found.figures)


def room_at(
    name: str,
    folder: Path,
    low_bytes: int = DISK_LOW_BYTES,
    *,
    must_exist: bool = False,
    must_write: bool = True,
) -> Sighting:
    """Look how much room there is.

    Raises:
        UnavailableError: it is not there, or ``must_write`` and it cannot be written.
    """
    there = folder
    while not must_exist and not there.exists() and there != there.parent:
        there = there.parent  # where it will be made
    try:
        free = free_bytes(there)
    except OSError as error:
        raise UnavailableError(f"{folder}: {error.strerror}") from error
    if must_write and not os.access(there, os.W_OK):
        raise UnavailableError(f"{there} cannot be written")
    figure = Figure(_FREE, free, name)
    said = f"{free // _MIB} MiB are free at {there}"
    if free <= LEDGER_RESERVE_BYTES:
        return poor(f"{said}: no run and no agent starts", "free the disk", figure)
    if free <= low_bytes:
        return poor(said, "free the disk, or move to a larger one", figure)
    return well(said, figure)
