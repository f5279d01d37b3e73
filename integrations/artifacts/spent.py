"""Notes that no workflow reaches, for workers alone.

They are of calls and effects that the worker of T3 and T4 has let through, and of stages with
arguments that nobody is to read. They lie beside the artefact store, which all workers share:
neither a workflow nor Dragonfly can make them forget one. The rules:

1. A place is named by the digest of what it is of, run and stage or effect, never by what that is
   called.
2. The next note has the next number, and is made by whoever makes its file: of two that have read
   the same, one is told to read again.
3. It is on the disk before anything is called. What cannot be read lets nothing be called.
4. Notes older than ``KEPT_S``, longer than any run lasts, are removed when a worker
   starts, but those of effects: one happens once, whenever it is asked for again. What is in use
   for longer is renewed.
5. A note is never changed, so a process reads each once, whichever of its threads asks.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from dsl.limits import TOOL_ATTEMPTS_MAX, TOOL_CALLS_MAX
from dsl.values import strict_json
from dsl.values.canonical import canonical
from integrations.artifacts.store import sync_directory
from integrations.errors import CorruptError, UnavailableError
from integrations.whole_files import whole

KEPT_S: Final = 62 * 24 * 3_600
NOTES_MAX: Final = TOOL_CALLS_MAX * TOOL_ATTEMPTS_MAX
_BYTES_MAX: Final = 1 << 20
_PLACES_MAX: Final = 32  # of which a process keeps in mind what it has read


class SpentCalls:
    """Notes under ``root``; any number of processes may share it."""

    def __init__(self, root: Path, kind: str = "calls") -> None:
        self._root = root.resolve() / kind
        self._known: dict[Path, tuple[Mapping[str, Any], ...]] = {}  # by place (5)
        self._keeping = threading.Lock()  # of two threads none evicts what the other goes through

    def of(self, stage: tuple[str, ...]) -> list[Mapping[str, Any]]:
        """Return what was noted of a stage of a run, in order.

        Raises:
            CorruptError: a note cannot be read (3).
            UnavailableError: the disk fails.
        """
        place = self._place(stage)
        with self._keeping:
            found = [*self._known.get(place, ())]
        try:
            for number in range(len(found), NOTES_MAX):  # (5) what was not read yet
                file = place / f"{number}.json"
                if not file.exists():
                    break
                found.append(strict_json.read(file.read_bytes(), bytes_max=_BYTES_MAX))
        except OSError as error:
            raise UnavailableError(f"cannot read {place}: {error.strerror}") from error
        except ValueError as error:
            raise CorruptError(f"{place} holds what is no note of a call: {error}") from None
        self._keep(place, tuple(found))
        return found

    def note(self, stage: tuple[str, ...], number: int, about: Mapping[str, Any]) -> bool:
        """Note one more, as ``number`` after all that were read; False: somebody was faster (2).

        Raises:
            UnavailableError: the disk is full or failing.
        """
        place = self._place(stage)
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            with whole(place / f"{number}.json", bring=os.link) as file:
                file.write(canonical(dict(about)))
            sync_directory(place)  # (3) before anything is called
        except FileExistsError:
            return False
        except OSError as error:
            raise UnavailableError(f"cannot use {place}: {error.strerror}") from error
        return True

    def renew(self, stage: tuple[str, ...]) -> None:
        """Count what was noted of a stage as new (4)."""
        with suppress(OSError):
            for file in self._place(stage).iterdir():
                os.utime(file)

    def sweep(self) -> None:
        """Remove what is old (4)."""
        before = time.time() - KEPT_S
        with self._keeping:
            self._known.clear()
        for place in self._root.glob("*"):
            with suppress(OSError):
                files = list(place.iterdir())
                # All of a stage or none: a gap would hide what comes after it.
                if all(file.stat().st_mtime < before for file in files):
                    for file in files:
                        file.unlink()
                    place.rmdir()

    def _keep(self, place: Path, found: tuple[Mapping[str, Any], ...]) -> None:
        with self._keeping:
            self._known.pop(place, None)
            self._known[place] = found
            if len(self._known) > _PLACES_MAX:
                del self._known[next(iter(self._known))]

    def _place(self, stage: tuple[str, ...]) -> Path:
        # (1) never what they are called
        return self._root / hashlib.sha256("\n".join(stage).encode()).hexdigest()
