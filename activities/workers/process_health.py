"""The health of one worker process, served where a port is named for it.

1. It is ready when all its workers have passed their preflight and nothing that they need is dead.
   What is only suspect keeps nobody from working.
2. Of a thing that two of its workers look at, the worse counts.
3. The SDK's metrics stand below ours. Their names begin otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from temporalio.runtime import Runtime

from activities.workers.duties import Duties
from activities.workers.sdk_metrics import SdkMetrics
from dsl.rules.health.vitality import Vitality
from integrations.health.metrics import figures_of, figures_of_circuits, text_of
from integrations.health.monitor import Vital
from integrations.health.page import HealthPages, ProcessState
from integrations.health.probes.sighting import Figure
from integrations.settings import Settings

_WORSE: Final = (Vitality.ALIVE, Vitality.UNKNOWN, Vitality.SUSPECT, Vitality.DEAD)
_WORKERS: Final = "workers"  # beside what is looked at


class ProcessHealth:
    """What a process serves of its health; nothing where no port is named."""

    def __init__(
        self, settings: Settings, duties: Callable[[], Sequence[tuple[Duties, bool]]]
    ) -> None:
        """Prepare; ``duties`` are those of every worker, and whether it is at work."""
        self._port = settings.health_port
        self._duties = duties
        self._sdk = SdkMetrics() if self._port is not None else None

    def runtime(self) -> Runtime | None:
        """Return what the SDK is to run with; None: as it likes."""
        return self._sdk.runtime if self._sdk is not None else None

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Serve meanwhile.

        Raises:
            UnavailableError: the port is taken.
        """
        if self._port is None:
            yield
            return
        async with HealthPages(self._readiness, self._metrics).served(self._port) as port:
            print(f"health: http://127.0.0.1:{port}/health/ready", flush=True)  # noqa: T201
            yield

    def _vitals(self) -> Iterator[Vital]:
        found: dict[str, Vital] = {}
        for duties, _ in self._duties():
            for vital in duties.monitor.vitals() if duties.monitor is not None else ():
                known = found.get(vital.name)
                # (2) the worse counts
                if known is None or _WORSE.index(vital.state) > _WORSE.index(known.state):
                    found[vital.name] = vital
        yield from found.values()

    def _readiness(self) -> ProcessState:
        duties = self._duties()
        at_work = bool(duties) and all(is_at_work for _, is_at_work in duties)
        states = {each.name: each.state.value for each in self._vitals()}
        dead = [each.name for each in self._vitals() if each.state is Vitality.DEAD]
        states[_WORKERS] = "at work" if at_work else "starting"
        return ProcessState(is_ready=at_work and not dead, states=states)  # (1) nothing is dead

    async def _metrics(self) -> str:
        further = await self._sdk.text() if self._sdk is not None else ""
        return text_of([*self._figures(), Figure("mandate_sdk_metrics", bool(further))]) + further

    def _figures(self) -> Iterator[Figure]:
        yield from figures_of(self._vitals())
        yield Figure("mandate_ready", self._readiness().is_ready)
        for duties, _ in self._duties():
            if duties.circuits is not None:
                yield from figures_of_circuits(duties.circuits.states())
