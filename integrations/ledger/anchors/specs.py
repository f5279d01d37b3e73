"""Anchors as an operator names them, a kind and a place. Nothing is opened here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

DIRECTORY: Final = "dir"
GIT: Final = "git"
S3: Final = "s3"
FORMS: Final = f"{DIRECTORY}:/PATH, {GIT}:/PATH or {S3}:BUCKET[/PREFIX]"
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]{1,200})?")
ANCHORS_MAX: Final = 8


def require_specs(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return kind and place of each.

    Raises:
        ValueError: one has another form, or there are more than ``ANCHORS_MAX``.
    """
    if len(texts) > ANCHORS_MAX:
        raise ValueError(f"expected at most {ANCHORS_MAX} anchors, got {len(texts)}")
    found = []
    for text in texts:
        kind, _, place = text.partition(":")
        is_path = kind in (DIRECTORY, GIT) and Path(place).is_absolute()
        if not is_path and not (kind == S3 and _BUCKET.fullmatch(place)):
            raise ValueError(f"expected {FORMS}, got {text!r}")
        found.append((kind, place))
    return found
