"""One experiment, from its steady state before to the verdict after.

1. What must hold before does hold, or nothing is started.
2. Runs are held where a fault is to strike them, and let go once it has; so a phase of
   milliseconds is struck as surely as one of minutes. One that does not come there in time is
   struck elsewhere or not at all, and that is said.
3. Whatever happens, Ctrl-C as well, every fault is undone and every hold is gone, the last one
   first.
4. A fault counts when it was seen to have happened, from outside.
5. The verdict is that of ``dsl.rules.chaos`` on what the stores say, and of nobody else. That a
   run ended as its faults allow, and that what must hold does so again, is looked at besides. Where
   a store does not let the judge look, there is no verdict, and that is said.
6. Runs share their agents, unless a fault is one of a single run: then each has its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from temporalio.api.enums.v1 import EventType

from dsl.chaos.catalogue import FAULTS, Reach
from dsl.chaos.experiment import ChaosEvent, Experiment, Steady
from dsl.core import ChaosCondition
from integrations.chaos.fault import seen
from integrations.errors import IntegrationError
from mandate.work.chaos.ground.arena import ChaosArena
from mandate.work.chaos.ground.held_worker import HELD, hold_file
from mandate.work.chaos.ground.injection import AT_WORK, aims_of
from mandate.work.chaos.ground.objective import clarifications, ready_for
from mandate.work.chaos.ground.steady import BACK_WITHIN_S, until_steady
from mandate.work.chaos.ground.strike import Strike
from mandate.work.chaos.ground.struck_run import StruckRun
from mandate.work.chaos.journal import FaultRecord, Journal, PlannedFault, RunRecord, unexpected
from mandate.work.chaos.plan import planned
from mandate.work.chaos.seen.judging import judged

HELD_WITHIN_S: Final = 40.0
_UP: Final = (Steady.PROCESSES, Steady.SERVERS)
_SERVES_AGAIN: Final = (
    ChaosCondition.WORKER_DEATH,
    ChaosCondition.LEDGER_DEATH,
    ChaosCondition.STORE_OUTAGE,
    ChaosCondition.ENGINE_DEATH,
)
_EVENTS: Final = {
    ChaosEvent.STARTED: EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
    ChaosEvent.CHILD: EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED,
}


class Conduct:
    """Conducts one experiment."""

    def __init__(self, arena: ChaosArena, experiment: Experiment, seed: int, name: str) -> None:
        """``name`` is that of its runs, with a number behind it."""
        self._arena = arena
        self._experiment = experiment
        self._plan = planned(experiment, seed)
        limit_s = experiment.abort.run_limit / 1000
        # (6) whose agent is struck has agents of its own: a budget is of all runs of an agent
        is_apart = any(FAULTS[step.fault].reach is Reach.RUN for step in experiment.method)
        self.runs = [
            StruckRun(
                arena.client, run, run if is_apart else name, limit_s, register=arena.register
            )
            for run in (f"{name}-{number}" for number in range(experiment.runs))
        ]
        self._strikes: list[Strike] = []
        self._missed: set[str] = set()  # runs that did not come where the step strikes
        self.journal = Journal(experiment.name, seed, arena.commit, _now_ms())

    async def conduct(self) -> Journal:
        """Do it, and return what came of it."""
        journal, wanted = self.journal, self._experiment.steady_state
        journal.steady_before = await until_steady(self._arena, wanted)
        if not journal.was_steady:  # (1) or nothing is started
            return self._closed()
        try:
            async with asyncio.timeout(self._experiment.abort.after / 1000):
                await self._strike_and_follow()
        except TimeoutError:
            journal.aborted = f"it was not over after {self._experiment.abort.after / 1000:g} s"
        finally:
            await asyncio.shield(self._undo_all())  # (3) whatever happens
        journal.runs = [await self._record_of(run, number) for number, run in enumerate(self.runs)]
        journal.violations = unexpected(journal.runs, journal.faults)
        try:
            journal.violations[:0] = await judged(self._arena, self.runs)
        except IntegrationError as error:  # (5) what nobody has seen is no verdict
            journal.unjudged = str(error)
        for run in self.runs:
            await run.end_by_force()
        journal.steady_after = await until_steady(self._arena, wanted)
        return self._closed()

    async def _strike_and_follow(self) -> None:
        self._hold()
        async with asyncio.TaskGroup() as tasks:
            for run in self.runs:
                await run.start(self._arena.pipeline(run.objective))
                tasks.create_task(run.follow())
            for step in self._plan:
                await self._step(step)
            self._let_go()
        for strike in reversed(self._strikes):
            await strike.see()

    async def _step(self, step: PlannedFault) -> None:
        strike = Strike(FaultRecord(step))
        self._missed = set()
        self._strikes.append(strike)
        self.journal.faults.append(strike.record)
        when = self._experiment.method[step.number].when
        if not step.happens:
            strike.record.note = "the seed left it out"
            self._let_go(step)
            return
        if when.phase is not None:
            await self._until_held(step, strike)
        elif when.event is not None:
            await self._until_event(when.event)
        if step.delay_ms or step.fault in AT_WORK:  # it works on, and is struck in the midst of it
            self._let_go(step)
            await asyncio.sleep(step.delay_ms / 1000)
        await self._do(step, strike)
        self._let_go(step)
        if step.lasts_ms:
            await asyncio.sleep(step.lasts_ms / 1000)
            if self._experiment.rollback == "after-each":
                await self._undo(strike)

    async def _do(self, step: PlannedFault, strike: Strike) -> None:
        struck = [
            (run, place.partition("/")[0])
            for run, place in zip(self.runs, step.places, strict=True)
            if not run.is_over and run.id not in self._missed
        ]
        before = self._arena.pid(step.target)
        strike.record.at_ms = _now_ms()
        await strike.strike(aims_of(self._arena, step.fault, step.target, struck))
        if step.fault in _SERVES_AGAIN and strike.record.fired:
            await _until(lambda: self._arena.pid(step.target) not in (None, before), BACK_WITHIN_S)
            await until_steady(self._arena, _UP)
        strike.record.until_ms = _now_ms()

    async def _undo(self, strike: Strike) -> None:
        if strike.record.undone:
            return
        if await strike.undo() and strike.record.planned.lasts_ms:
            strike.record.until_ms = _now_ms()

    async def _undo_all(self) -> None:
        self._let_go()
        for strike in reversed(self._strikes):  # (3) the last one first
            await self._undo(strike)

    def _hold(self) -> None:
        """Let runs stand still where they are to be struck (2)."""
        for step in self._plan:
            if step.happens:
                for _, file in self._holds(step):
                    file.touch()

    def _let_go(self, step: PlannedFault | None = None) -> None:
        for each in self._plan if step is None else [step]:
            for _, file in self._holds(each):
                file.unlink(missing_ok=True)

    def _holds(self, step: PlannedFault) -> Iterator[tuple[StruckRun, Path]]:
        """Yield the runs that a step strikes in a phase, each with the file that holds it there."""
        for run, place in zip(self.runs, step.places, strict=True):
            agent, _, phase = place.partition("/")
            if phase:
                yield run, hold_file(self._arena.holds, f"{run.id}/{agent}", phase)

    async def _until_held(self, step: PlannedFault, strike: Strike) -> None:
        files = [(run, file.with_name(file.name + HELD)) for run, file in self._holds(step)]

        def missing() -> list[str]:
            return [run.id for run, file in files if not file.exists() and not run.is_over]

        await _until(lambda: not missing(), HELD_WITHIN_S)
        self._missed = {run.id for run, file in files if not file.exists()}
        if missing():
            strike.note(f"did not come there in time: {', '.join(missing())}")

    async def _until_event(self, event: ChaosEvent) -> None:
        async def comes(run: StruckRun) -> None:
            if event is ChaosEvent.GATE:
                await seen(lambda: _gate_opens(run), HELD_WITHIN_S)
            else:
                await run.until_event(_EVENTS[event])

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HELD_WITHIN_S):
                await asyncio.gather(*map(comes, self.runs))

    async def _record_of(self, run: StruckRun, number: int) -> RunRecord:
        records = [each for each in self.journal.faults if run.id in each.struck]
        place = records[0].planned.places[number] if records else ""
        agent, _, phase = place.partition("/")
        phases = {path: await run.phases_of(path) for path in self._arena.agents}
        done = [when for name, when in phases.get(agent, ()) if name == phase]
        back = records[0].until_ms if len(records) == 1 else 0  # of one fault, not of several
        return RunRecord(
            id=run.id,
            place=place,
            status=run.status,
            detail=run.detail,
            began_ms=int(run.began * 1000),
            ended_ms=int(run.ended * 1000),
            recovered_ms=max(0, done[0] - back) if done and back else None,
            clarified=await asyncio.to_thread(clarifications, self._arena, run),
            objective=await ready_for(self._arena, run),
            outputs=run.outputs(),
            phases=phases,
            gates=await run.gates(),
        )

    def _closed(self) -> Journal:
        self.journal.ended_ms = _now_ms()
        return self.journal


async def _until(holds: Callable[[], bool], within_s: float) -> bool:
    async def looked_at() -> bool:
        return holds()

    return await seen(looked_at, within_s)


async def _gate_opens(run: StruckRun) -> bool:
    return run.is_over or run.votes_given > 0 or await run.asks()


def _now_ms() -> int:
    return int(time.time() * 1000)


def is_all_fired(records: Sequence[FaultRecord]) -> bool:
    """Tell whether everything that was to happen did."""
    return all(each.fired or not each.planned.happens for each in records)
