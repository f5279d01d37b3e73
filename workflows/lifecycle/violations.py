"""What follows on a violation of the agent, seen to at once.

Which consequence follows is for ``dsl.rules.trust.violations`` to say. The rules:

1. Every violation is noted for the ledger. No brake waits for that.
2. *Demote*: the tier is lowered beside whatever else happens, once for one violation: its key
   names run, phase and kind. Where Vault cannot be told within the time for cleaning up, the report
   says so. How the stage ends never depends on it.
3. *Revoke*: a revocation of the agent is started, which outlives the stage, whatever else is under
   way: see ``workflows.runtime.revocation_start``.
4. A kind nobody here knows ends the stage: an activity of another release, or a forged answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts import trust_specs
from activities.contracts.resumption import Violated
from dsl import actions
from dsl.limits import REASON_LENGTH_MAX
from dsl.rules.trust.violations import Consequence, Violation, consequence_of
from dsl.shown.surfaces import Markdown
from workflows.lifecycle.stage_state import StageState
from workflows.runtime import failures
from workflows.runtime.cancellation import CLEANING
from workflows.runtime.failures import PhaseFailedError
from workflows.runtime.revocation_start import start_revocation

KIND_LENGTH_MAX: Final = 80


class Consequences:
    """Sees to what follows on the violations of one stage."""

    def __init__(self, state: StageState) -> None:
        self._state = state
        self._under_way: list[asyncio.Task[None]] = []
        self.said: list[str] = []  # for the report

    def see(self, violations: Sequence[Violated], place: str) -> PhaseFailedError | None:
        """Note violations seen at ``place``, one of each kind, and begin what follows (1) (2).

        Returns how the stage has to end; None: it goes on.
        """
        of_kinds = {violated.kind: violated for violated in reversed(violations)}
        ends = [self._see(violated, place) for violated in reversed(of_kinds.values())]
        return next((e for e in ends if e and e.kind == failures.REVOKED), None) or next(
            (e for e in ends if e), None
        )

    async def settle(self) -> None:
        """Wait for everything that was begun."""
        while self._under_way:
            under_way, self._under_way = self._under_way, []
            await asyncio.gather(*under_way)

    def _see(self, violated: Violated, place: str) -> PhaseFailedError | None:
        try:
            kind = Violation(violated.kind)
        except ValueError:  # (4) a kind nobody here knows
            unknown = f"an unknown violation {violated.kind[:KIND_LENGTH_MAX]!r}"
            return PhaseFailedError(failures.STAGE_FAILED, unknown)
        consequence = consequence_of(kind)
        info = workflow.info()
        key = f"{info.workflow_id}/{info.run_id}/{place}/{kind}"
        self._state.records.note(
            actions.AGENT_VIOLATED,
            kind=kind.value,
            consequence=consequence.value,
            phase=place.rpartition("/")[2].partition("#")[0],
            detail=violated.detail[:REASON_LENGTH_MAX],
            key=key,
        )
        sentence = f"{violated.detail} (violation: {kind})".strip()
        if consequence is Consequence.WARN:
            self.said.append(f"warned: {sentence}")
            return None
        if consequence is Consequence.DEMOTE:
            self._begin(self._demote(kind, place, key))
            return PhaseFailedError(failures.VIOLATION, sentence, of_agent=True)
        self._begin(self._revoke(sentence))
        return PhaseFailedError(failures.REVOKED, sentence, of_agent=True)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._under_way.append(asyncio.create_task(work))

    async def _demote(self, kind: Violation, place: str, key: str) -> None:
        state = self._state
        try:
            change = await trust_specs.demote(  # (2) once for one violation: by its key
                trust_specs.DemoteRequest(agent=state.request.agent, kind=kind.value, key=key),
                activity_id=f"{place}/demote/{kind}",
                summary=Markdown.of("{}: {}, one tier down", state.step.path, kind),
                give_up_after=CLEANING,
            )
        except ActivityError as error:
            self.said.append(f"not demoted ({failures.cause_of(error)[1]})")
            return
        if change.now == change.was:
            self.said.append(f"not demoted: it holds {change.now.name}, and there is none below")
            return
        self.said.append(f"demoted from {change.was.name} to {change.now.name}")
        state.records.note(
            actions.AGENT_DEMOTED,
            was=change.was.name,
            now=change.now.name,
            because=kind.value,
        )

    async def _revoke(self, reason: str) -> None:
        # (3) it outlives the stage
        self.said.append(await start_revocation(self._state.request.agent, reason))
