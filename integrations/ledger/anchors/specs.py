"""Anchors as an operator names them: ``dir:/PATH`` and ``git:/PATH``. Nothing is opened here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

DIRECTORY: Final = "dir"
GIT: Final = "git"
ANCHORS_MAX: Final = 8


def require_specs(texts: Sequence[str]) -> list[tuple[str, Path]]:
    """Return kind and path of each.

    Raises:
        ValueError: one has another form, or there are more than ``ANCHORS_MAX``.
    """
    if len(texts) > ANCHORS_MAX:
        raise ValueError(f"expected at most {ANCHORS_MAX} anchors, got {len(texts)}")
    found = []
    for text in texts:
        kind, _, path = text.partition(":")
        if kind not in (DIRECTORY, GIT) or not Path(path).is_absolute():
            raise ValueError(f"expected {DIRECTORY}:/PATH or {GIT}:/PATH, got {text!r}")
        found.append((kind, Path(path)))
    return found
