"""The health manager of one process: it looks, again and again, and tells what that comes to.

What a look makes of a thing is for ``dsl.rules.health.vitality`` to say. The rules:

1. Nobody who asks how things are waits for a look: they are told what was seen last.
2. A look that is not answered within its limit is a look that found nothing. It is not begun again
   before it has ended: a thread that hangs must not become many.
3. Of what cannot die nothing is known while nobody answers, and of what is elsewhere nothing ever:
   that is no finding. A second look would find no more of it, and none is made for that.
4. A mistake of ours in a look is logged once, and stops no other look.
5. What is not well is looked at oftener, so that it is soon known that it is back.
6. A change goes to the log, but for who shows it: that would tell people twice.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from dsl.rules.health.vitality import Grade, Pulse, Vitality, looked
from integrations.beside import ended
from integrations.errors import IntegrationError
from integrations.health.probes.sighting import Figure, HealthProbe, Sighting, gone

AGAIN_S: Final = 0.5
_LOOKS_MAX: Final = 4  # of who looks once; what is settled later is told as it is

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Vital:
    """One thing that is looked at, as it was seen last."""

    name: str
    can_die: bool
    pulse: Pulse = field(default_factory=Pulse)
    grade: Grade | None = None  # of the last look; None: nothing is known
    detail: str = "not looked at yet"
    fix: str = ""
    figures: tuple[Figure, ...] = ()
    took_s: float = 0.0
    changes: int = 0
    is_elsewhere: bool = False  # it cannot be seen from here, whoever looks how often

    @property
    def state(self) -> Vitality:
        """What it is."""
        return self.pulse.state


Heard = Callable[[Vital], None]


class Monitor:
    """Looks at things in the event loop of ``running``."""

    def __init__(self, probes: Sequence[HealthProbe], *, is_shown: bool = False) -> None:
        """Prepare; nothing is looked at yet.

        Args:
            probes: what is looked at.
            is_shown: whoever asks shows every change to people (6).
        """
        self._is_shown = is_shown
        self._probes = tuple(probes)
        self._vitals = {each.name: Vital(each.name, each.can_die) for each in probes}
        self._under_way: dict[str, asyncio.Task[Sighting | None]] = {}
        self._heard: list[Heard] = []
        self._wrong: set[str] = set()

    def tells(self, heard: Heard) -> None:
        """Have ``heard`` told of every look; it must not wait."""
        self._heard.append(heard)

    def vitals(self) -> tuple[Vital, ...]:
        """Return how everything is, as seen last (1)."""
        return tuple(self._vitals.values())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look meanwhile."""
        tasks = [asyncio.create_task(self._keep(each)) for each in self._probes]
        try:
            yield
        finally:
            await ended([*tasks, *self._under_way.values()])

    async def settle(self) -> None:
        """Look at everything until more looks would change nothing; for who looks once."""
        try:
            await asyncio.gather(*(self._settle(each) for each in self._probes))
        finally:
            await ended(self._under_way.values())

    async def _settle(self, probe: HealthProbe) -> None:
        for _ in range(_LOOKS_MAX):
            vital = await self._look(probe)
            if vital.is_elsewhere or vital.pulse.is_settled:  # (3) no second look
                return
            await asyncio.sleep(AGAIN_S)

    async def _keep(self, probe: HealthProbe) -> None:
        while True:
            vital = await self._look(probe)
            is_well = vital.state is Vitality.ALIVE or vital.grade is None  # (3) no finding
            soon = probe.can_die and not is_well
            await asyncio.sleep(AGAIN_S if soon else probe.every_s)  # (5) oftener

    async def _look(self, probe: HealthProbe) -> Vital:
        began = time.monotonic()
        task = self._under_way.get(probe.name)
        if task is None:
            task = asyncio.create_task(self._see(probe))
            self._under_way[probe.name] = task
        await asyncio.wait({task}, timeout=probe.limit_s)
        if task.done():
            del self._under_way[probe.name]
            seen = task.result()
        else:  # (2) not begun again
            said = f"no answer within {probe.limit_s:g} s"
            seen = gone(said, probe.helps)
        return self._take(probe, seen, time.monotonic() - began)

    async def _see(self, probe: HealthProbe) -> Sighting | None:
        try:
            found = await probe.look()
        except (IntegrationError, TimeoutError) as error:
            return gone(str(error) or "no answer", probe.helps)
        except Exception:
            if probe.name not in self._wrong:  # (4) once
                logger.exception("bug: the look at %s went wrong", probe.name)
            self._wrong.add(probe.name)
            return None
        self._wrong.discard(probe.name)
        return found

    def _take(self, probe: HealthProbe, seen: Sighting | None, took_s: float) -> Vital:
        before = self._vitals[probe.name]
        now = int(time.time() * 1000)
        grade = seen.grade if seen is not None else None
        is_elsewhere = seen is not None and grade is None
        if seen is None or grade is None or (grade is Grade.GONE and not probe.can_die):
            # (3) no finding
            detail = "the look at it went wrong, see the log" if seen is None else seen.detail
            pulse = replace(Pulse(), since_ms=before.pulse.since_ms)
            vital = replace(
                before,
                pulse=pulse,
                grade=None,
                detail=f"not known: {detail}",
                fix="",
                figures=(),
            )
        else:
            vital = replace(
                before,
                pulse=looked(before.pulse, grade, now),
                grade=grade,
                detail=seen.detail,
                fix=seen.fix,
                figures=seen.figures,
            )
        changed = vital.state is not before.state
        changes = before.changes + changed
        vital = replace(vital, took_s=took_s, changes=changes, is_elsewhere=is_elsewhere)
        self._vitals[probe.name] = vital
        if changed and before.state is not Vitality.UNKNOWN and not self._is_shown:  # (6) not twice
            logger.warning("%s is %s: %s", vital.name, vital.state, vital.detail)
        for heard in self._heard:
            heard(vital)
        return vital
