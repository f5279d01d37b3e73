"""What one observer has seen, and what it could not do.

A note is a sentence: what was left out, and why. An observer that sees nothing and notes nothing
has looked at everything it is for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dsl.review.sighting import Sighting


@dataclass(slots=True)
class Observation:
    """Filled while somebody looks."""

    sightings: list[Sighting] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    besides: dict[str, int] = field(default_factory=dict)  # looked at and no Python; with lines
