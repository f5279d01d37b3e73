"""What tries of a stage have left that did not deliver: names and digests, by run and stage.

The bytes are in the artefact store. A failure carries no outputs, and a cancelled activity answers
nothing at all: whoever lets go of the stage looks here. The rules:

1. A place is named by the digest of workflow, run and stage, never by what they are called.
2. One file for each try, whole or not at all; harmless when repeated.
3. What cannot be read is no try. Files older than ``KEPT_S`` are removed when a worker starts.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from dsl.values import strict_json
from integrations.errors import UnavailableError

KEPT_S: Final = 31 * 24 * 3_600
TRIES_READ_MAX: Final = 100
_BYTES_MAX: Final = 1 << 20


class Tries:
    """Notes under ``root``; any number of processes may share it."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve() / "tries"

    def note(self, run: tuple[str, str], name: str, about: Mapping[str, Any]) -> None:
        """Keep what the try ``name`` of a stage has left; ``run`` is its workflow and run id.

        Raises:
            UnavailableError: the disk is full or failing.
        """
        place = self._place(run)
        aside = place / f".{secrets.token_hex(8)}"
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            aside.write_text(json.dumps({"name": name, **about}))
            # (2) whole or not at all
            aside.rename(place / f"{hashlib.sha256(name.encode()).hexdigest()}.json")
        except OSError as error:
            raise UnavailableError(f"cannot use {place}: {error.strerror}") from error

    def of(self, run: tuple[str, str]) -> list[dict[str, Any]]:
        """Return what was noted of the tries of a stage, by name."""
        found = []
        for file in sorted(self._place(run).glob("*.json"))[:TRIES_READ_MAX]:
            with suppress(OSError, ValueError):  # (3) what cannot be read is no try
                about = strict_json.read(file.read_bytes(), bytes_max=_BYTES_MAX)
                if isinstance(about, dict) and isinstance(about.get("name"), str):
                    found.append(about)
        return sorted(found, key=lambda about: str(about["name"]))

    def sweep(self) -> None:
        """Remove what is old (3)."""
        before = time.time() - KEPT_S
        for file in self._root.glob("*/*"):
            with suppress(OSError):
                if file.stat().st_mtime < before:
                    file.unlink()
        for place in self._root.glob("*"):
            with suppress(OSError):
                place.rmdir()  # refuses where something is left

    def _place(self, run: tuple[str, str]) -> Path:
        # (1) never what they are called
        return self._root / hashlib.sha256("\n".join(run).encode()).hexdigest()
