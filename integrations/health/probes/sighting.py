"""What a look at something comes to, and what it takes to look again.

1. A look that is not answered finds gone what can be gone: a server, a disk. Of all else nothing
   is known meanwhile.
2. A look changes nothing, costs little, and says in words of ours what it found: no secret, and of
   what others wrote ids alone, and who gave an order and why, made legible.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from dsl.rules.health.vitality import Grade

LIMIT_S: Final = 1.0  # then a look counts as not answered
EVERY_S: Final = 2.0
SELDOM_S: Final = 15.0  # what costs its server more than a word


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, by the name of its metric; ``label`` where the metric has one."""

    metric: str
    value: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one look found."""

    grade: Grade | None  # None: it cannot be seen from here
    detail: str
    fix: str = ""
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True)
class HealthProbe:
    """How one thing is looked at; ``look`` fails with an ``IntegrationError``."""

    name: str
    look: Callable[[], Awaitable[Sighting]]
    can_die: bool = False  # (1) a server, a disk
    every_s: float = SELDOM_S
    limit_s: float = LIMIT_S
    helps: str = ""  # where it does not answer


def where(address: str) -> str:
    """Return what helps where no server answers at that address."""
    return f"see whether it runs, and is reached at {address}; is `mandate up` running?"


def well(detail: str, *figures: Figure) -> Sighting:
    """Say that all is well."""
    return Sighting(Grade.GOOD, detail, figures=figures)


def poor(detail: str, fix: str, *figures: Figure) -> Sighting:
    """Say that somebody has to see to it."""
    return Sighting(Grade.POOR, detail, fix, figures)


def unseen(detail: str) -> Sighting:
    """Say that it cannot be seen from here, which is no finding."""
    return Sighting(None, detail)


def gone(detail: str, fix: str = "") -> Sighting:
    """Say that it is not there."""
    return Sighting(Grade.GONE, detail, fix)
