"""Temporal, as far as its health is ours: does it answer, what is wedged, who serves the queues?

What is asked of it comes through a Protocol: nothing here knows Temporal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from integrations.health.probes.sighting import (
    EVERY_S,
    Figure,
    HealthProbe,
    Sighting,
    poor,
    well,
)

TEMPORAL: Final = "temporal"
QUEUES: Final = "queues"
RUNS: Final = "runs"
CREDENTIALS: Final = "credentials"
LAG_S_MAX: Final = 30.0  # what waits for a worker for longer
SWEEP_S_MAX: Final = 900.0  # three sweeps that did not take place
_NAMED_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class QueueReading:
    """One task queue: how many serve it, and for how long its oldest task has waited."""

    name: str
    pollers: int
    waits_s: float


@dataclass(frozen=True, slots=True)
class SweepReading:
    """What the last sweep that has completed found."""

    age_s: float
    tokens: int
    ended: int
    stuck: int


class Engine(Protocol):
    """What is asked of Temporal; each question ends within a second or so.

    All raise ``UnavailableError`` where it does not answer.
    """

    async def require_alive(self) -> None:
        """Make sure that it answers."""

    async def wedged(self, most: int) -> tuple[int, Sequence[str]] | None:
        """Return how many runs are wedged, and ids of some; None: it does not tell."""

    async def queues(self) -> Sequence[QueueReading]:
        """Return what is to be known of our task queues."""

    async def last_sweep(self) -> SweepReading | None:
        """Return what the last sweep found; None: none has completed."""

    async def over_for_ms(self, workflow: str, run: str) -> int | None:
        """Return how long ago a run has ended; None: it has not, as far as is known."""


def temporal_probe(engine: Engine) -> HealthProbe:
    """Look whether Temporal answers."""

    async def look() -> Sighting:
        await engine.require_alive()
        return well("answers")

    return HealthProbe(TEMPORAL, look, can_die=True, every_s=EVERY_S)


def runs_probe(engine: Engine) -> HealthProbe:
    """Look for runs whose workflow tasks fail again and again."""

    async def look() -> Sighting:
        found = await engine.wedged(_NAMED_MAX)
        if found is None:
            return well("this server does not tell which runs are wedged")
        count, names = found
        figure = Figure("mandate_wedged_runs", count)
        if not count:
            return well("none is wedged", figure)
        return poor(
            f"{count} cannot go on, among them {', '.join(map(repr, names))}",
            "see the reason: temporal workflow describe -w ID; mend it, or end the run",
            figure,
        )

    return HealthProbe(RUNS, look)


def queues_probe(engine: Engine) -> HealthProbe:
    """Look whether every task queue is served, and in time: the ledger's lag among them."""

    async def look() -> Sighting:
        found = await engine.queues()
        figures = [
            each
            for queue in found
            for each in (
                Figure("mandate_queue_pollers", queue.pollers, queue.name),
                Figure("mandate_queue_wait_seconds", queue.waits_s, queue.name),
            )
        ]
        unserved = [each.name for each in found if not each.pollers]
        if unserved:
            return poor(f"nobody serves {', '.join(unserved)}", "start its worker", *figures)
        late = [each for each in found if each.waits_s > LAG_S_MAX]
        if late:
            said = ", ".join(f"{each.name} for {each.waits_s:.0f} s" for each in late)
            return poor(
                f"tasks wait: {said}", "see what its worker is at, or start another", *figures
            )
        return well("all are served", *figures)

    return HealthProbe(QUEUES, look)


def credentials_probe(engine: Engine) -> HealthProbe:
    """Look at what the last sweep found, which ends the credentials that were left behind."""

    async def look() -> Sighting:
        found = await engine.last_sweep()
        if found is None:
            return well("no sweep has completed yet")
        figures = (
            Figure("mandate_sweep_age_seconds", found.age_s),
            Figure("mandate_orphaned_credentials", found.ended),
            Figure("mandate_stuck_secrets", found.stuck),
        )
        if found.age_s > SWEEP_S_MAX:
            return poor(
                f"no sweep has completed for {found.age_s / 60:.0f} min: what runs leave stays",
                "see `temporal schedule describe --schedule-id mandate-sweep`",
                *figures,
            )
        if found.stuck:
            return poor(
                f"{found.stuck} secrets are past their end, and their system keeps them",
                "end them there, see the log of the trust worker",
                *figures,
            )
        return well(
            f"{found.tokens} looked at, {found.ended} left behind and ended, "
            f"{found.age_s:.0f} s ago",
            *figures,
        )

    return HealthProbe(CREDENTIALS, look)
