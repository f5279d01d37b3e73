"""May this call of a T3 or T4 stage be made? Its worker finds out, and trusts no workflow.

Whoever may write to the namespace can have ``tool.call`` scheduled, in words of his own. What this
worker verifies itself, before a server is started, in this order; every refusal is final:

1. The stage has its warrant, and its agent is admitted: see ``activities.phases.admission``.
2. What the table of the plan makes of the call, and who has approved it, if people are asked: see
   ``dsl.rules.tools.proven``. Each vote is verified as those of a warrant are.
3. That it is made once: it is noted where no workflow reaches, before it is made. So is its effect:
   see ``activities.phases.tools.proven_effects``.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError
from temporalio import activity

from activities.contracts import messages, tool_specs
from activities.phases.admission import admit
from activities.phases.equipment import Equipment
from activities.phases.tools.proven_effects import ProvenEffects
from activities.proofs.votes import VoteVerifier
from activities.proofs.warrant import Cleared
from dsl.limits import VERIFICATIONS_MAX
from dsl.rules.proofs.proof import ProofError, decode
from dsl.rules.tools.calls import Occurrence
from dsl.rules.tools.journal import CallStatus
from dsl.rules.tools.proven import (
    CallNotProvenError,
    SpentCall,
    gate_asked,
    refuse_approval,
    refuse_place,
    refuse_spent,
    ruling_of,
)
from dsl.rules.tools.ruling import Ruling, ToolPolicy
from dsl.steps.tools import KnownTool
from integrations.artifacts.spent import SpentCalls
from integrations.errors import CorruptError, DeniedError, UnavailableError

NOTED_TRIES_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class _Proven:
    """What a call rests on."""

    ruling: Ruling
    proofs: tuple[str, ...] = ()


class ProvenCalls:
    """Lets calls of T3 and T4 through, each once."""

    def __init__(
        self,
        equipment: Equipment,
        votes: VoteVerifier,
        spent: SpentCalls,
        effects: ProvenEffects,
    ) -> None:
        self._equipment = equipment
        self._effects = effects
        self._votes = votes
        self._spent = spent

    async def require(self, request: tool_specs.CallRequest, known: KnownTool) -> None:
        """Let the call through, as often as ``known`` may be made, and note that it was.

        Raises:
            DeniedError: it may not be made; says why.
            UnavailableError: something that has to be asked does not answer.
        """
        stage, occurrence = request.stage, request.occurrence
        if stage is None or stage.step.tier != request.tier:
            raise DeniedError(f"a call at {request.tier.name} shows the stage that it is made for")
        cleared = (await admit(self._equipment, stage)).cleared  # (1) its warrant
        if cleared is None or stage.warrant is None:
            raise DeniedError(f"stage {stage.step.path!r} has no warrant")
        run = cleared.run
        refusal = refuse_place(
            occurrence,
            plan=run.plan.digest,
            run=run.workflow_id,
            run_id=run.run_id,
            stage=stage.step.path,
        )
        if refusal is not None:
            raise DeniedError(refusal)
        place = (run.workflow_id, run.run_id, stage.step.path)
        for _ in range(NOTED_TRIES_MAX):
            spent = await asyncio.to_thread(self._read, place)
            # (2) what the table makes of it, and who has approved it
            found = await self._proven(request, stage, cleared, spent)
            wanted = _note_of(occurrence, found)
            refusal = refuse_spent(wanted, spent, times_max=known.attempts_max)
            if refusal is not None:
                raise DeniedError(refusal)
            about = wanted.model_dump(mode="json")
            # (3) noted before it is made
            if await asyncio.to_thread(self._spent.note, place, len(spent), about):
                await self._effects.claim(request, known)
                return
        raise UnavailableError("other calls of the stage are noted all the time: try again")

    async def settle(
        self, request: tool_specs.CallRequest, known: KnownTool, status: CallStatus
    ) -> None:
        """Note what came of a call (3)."""
        await self._effects.settle(request, known, status)

    def _read(self, place: tuple[str, ...]) -> list[SpentCall]:
        try:
            return [SpentCall.model_validate(each) for each in self._spent.of(place)]
        except ValidationError as error:
            raise CorruptError(f"a note of a call cannot be read: {error.errors()[0]}") from None

    async def _proven(
        self,
        request: tool_specs.CallRequest,
        stage: messages.PhaseRequest,
        cleared: Cleared,
        spent: list[SpentCall],
    ) -> _Proven:
        inputs = {} if stage.warrant is None else stage.warrant.inputs
        ruling = ruling_of(
            request.occurrence,
            stage.step,
            agent=stage.agent,
            inputs=inputs,
            spent=spent,
            now_ms=_now_ms(),
        )
        if ruling.policy is ToolPolicy.DENY:
            raise DeniedError(ruling.why)
        if ruling.policy is ToolPolicy.ALLOW:
            return _Proven(ruling)
        approval = request.approval
        if approval is None:
            raise DeniedError(f"{ruling.why}, and no approval with proofs was handed down")
        return _Proven(ruling, await self._approved(request, stage, cleared, ruling, approval))

    async def _approved(
        self,
        request: tool_specs.CallRequest,
        stage: messages.PhaseRequest,
        cleared: Cleared,
        ruling: Ruling,
        approval: messages.Approval,
    ) -> tuple[str, ...]:
        if len(approval.ballots) > VERIFICATIONS_MAX:
            raise DeniedError(f"the approval holds more than {VERIFICATIONS_MAX} votes")
        try:
            gate = gate_asked(stage.step, ruling, approval.gate)
            proofs = [decode(ballot.proof) for ballot in approval.ballots]
        except (CallNotProvenError, ProofError) as error:
            raise DeniedError(str(error)) from None
        [opened] = await self._votes.verify(cleared.run, (approval,), own=(gate,))
        refusal = refuse_approval(
            gate,
            opened,
            request.occurrence,
            excluded_for=cleared.excluded_for,
            ended_ms=max((proof.expires for proof in proofs), default=0) * 1_000,
            now_ms=_now_ms(),
        )
        if refusal is not None:
            raise DeniedError(refusal)
        return tuple(f"{proof.entity}/{proof.nonce}" for proof in proofs)


def _note_of(occurrence: Occurrence, found: _Proven) -> SpentCall:
    return SpentCall(
        occurrence=occurrence.digest(),
        life=activity.info().workflow_run_id or "",
        rule=found.ruling.rule,
        at_ms=_now_ms(),
        proofs=found.proofs,
    )


def _now_ms() -> int:
    return int(time.time() * 1_000)
