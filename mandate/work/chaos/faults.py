"""``mandate chaos faults``: what may be written into an experiment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dsl.chaos.catalogue import FAULTS
from dsl.core import AGENT_PHASES_ORDERED
from mandate.columns import columns
from mandate.terminal import say

HEAD: Final = ("FAULT", "TARGETS", "LASTS", "PHASES", "")


def run() -> int:
    """List them."""
    say(*columns([HEAD, *_rows()]))
    return 0


def _rows() -> Iterator[tuple[str, ...]]:
    for condition, kind in FAULTS.items():
        is_any = kind.phases == AGENT_PHASES_ORDERED
        phases = "any" if is_any else ", ".join(kind.phases)
        lasts = "yes" if kind.lasts else "-"
        yield (condition.value, ", ".join(kind.targets), lasts, phases, kind.says)
