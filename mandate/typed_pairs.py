"""What was typed as NAME=VALUE for one option, by name.

A name that is given twice is refused, as a key that stands twice in a document is: which of the two
was meant is not for us to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def by_name(option: str, pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Return ``pairs`` by name.

    Raises:
        ValueError: a name is given twice.
    """
    found: dict[str, T] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{option}: {name[:80]!r} is given twice: leave one of them out")
        found[name] = value
    return found
