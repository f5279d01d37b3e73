"""The policies of this release, as they lie beside this module."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

_DIRECTORY: Final = Path(__file__).parent


@cache
def policy_texts() -> MappingProxyType[str, str]:
    """Return the text of every policy by its name."""
    files = sorted(_DIRECTORY.glob("gov-*.hcl"))
    return MappingProxyType({file.stem: file.read_text(encoding="utf-8") for file in files})
