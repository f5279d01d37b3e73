"""What a run reuses of the one that it resumes: asked of the ledger's worker, stage by stage.

1. Which run is resumed stands in the memo ``mandate.resume-from``. Anybody may write one: what of
   it is true, the ledger's worker finds out, and what it does not answer is not reused.
2. A run that cannot be resumed is refused before its first stage: it would repeat what was done.
3. A gate is never reused: whoever is asked, is asked anew.
4. Nobody waits for an answer for more than ``ANSWERED_WITHIN``: then it counts as none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts import attestation_specs as contract
from activities.contracts import messages
from dsl.limits import MEMO_BYTES_MAX
from dsl.plan import Plan
from dsl.rules.run.reuse import VOTES, Wanted, made_from, ruled_by, voters
from dsl.shown.foreign import legible
from dsl.shown.surfaces import Markdown
from dsl.values import strict_json
from dsl.values.sizes import sentence
from dsl.values.strict_json import JsonError
from workflows.runtime import failures

WHY_LENGTH_MAX: Final = 200  # characters, of each stage of a run
RESUME_MEMO: Final = "mandate.resume-from"
ANSWERED_WITHIN: Final = timedelta(minutes=15)
_EXAMPLE: Final = '{"workflow": "deploy-1"}'


class ResumeRefusedError(Exception):
    """The run that is named cannot be resumed; the text is for whoever has started this one."""


class Reuse:
    """What may stand for the stages of one run."""

    def __init__(self, plan: Plan, resumed: contract.Resumed, programs: Mapping[str, str]) -> None:
        self._pipeline = plan.name
        self._voters = voters(plan)
        self._resumed = resumed
        self._programs = programs
        self._told: dict[str, dict[str, Any]] = {}
        self._asked: dict[str, int] = {}

    async def of(self, request: messages.AgentRequest) -> contract.Reused:
        """Return what stands for a stage that is about to begin so, or why nothing does."""
        path = request.step.path
        reused = await self._of(request)
        self._told[path] = {
            "reused": not reused.refusal,
            "why": reused.refusal[:WHY_LENGTH_MAX],
            "entry": reused.entry,
        }
        return reused

    def told(self) -> dict[str, Any]:
        """Return which run is resumed, and what of each stage that has come so far."""
        earlier = self._resumed.earlier
        return {
            "workflow": earlier.workflow if earlier else "",
            "run": earlier.run if earlier else "",
            "entry": self._resumed.entry,
            "untold": self._resumed.untold,
            "stages": dict(self._told),
        }

    @property
    def workflow(self) -> str:
        """The run that is resumed, by its workflow id."""
        return self._resumed.earlier.workflow if self._resumed.earlier else ""

    async def _of(self, request: messages.AgentRequest) -> contract.Reused:
        step = request.step
        if step.path in self._voters:
            return contract.Reused(refusal=VOTES)
        made = made_from(
            step,
            self._programs.get(step.template, ""),
            request.inputs,
            request.given,
            ruled_by(step, request.run_inputs, request.tools),
        )
        if made is None:
            return contract.Reused(refusal="what it is made from has no digest")
        wanted = Wanted(
            pipeline=self._pipeline, path=step.path, agent=request.agent, made_from=made
        )
        number = self._asked[step.path] = self._asked.get(step.path, 0) + 1
        try:
            return await contract.reuse(
                contract.ReuseRequest(resumed=self._resumed.entry, wanted=wanted),
                activity_id=f"{step.path}/reuse#{number}",
                summary=Markdown.of("may {} be taken from {}?", step.path, self.workflow),
                give_up_after=ANSWERED_WITHIN,  # (4) it counts as none
            )
        except ActivityError as error:  # (1) what is not answered is not reused
            return contract.Reused(refusal=failures.cause_of(error)[1])


async def reuse_of(plan: Plan, programs: Mapping[str, str]) -> Reuse | None:
    """Return what the run may reuse; None: it resumes none.

    Raises:
        ResumeRefusedError: it names one that cannot be resumed (2).
    """
    payload = workflow.info().raw_memo.get(RESUME_MEMO)
    if payload is None:
        return None
    try:
        value = strict_json.read(payload.data, bytes_max=MEMO_BYTES_MAX)
        earlier = contract.EarlierRun.model_validate(value)
    except (JsonError, ValidationError):
        raise ResumeRefusedError(
            f"the memo {RESUME_MEMO} names no run: expected one such as {_EXAMPLE}"
        ) from None
    named = legible(earlier.workflow)
    try:
        resumed = await contract.resume(
            contract.ResumeRequest(earlier=earlier, pipeline=plan.name),
            activity_id="run/resume#1",
            summary=Markdown.of("may {} be resumed?", earlier.workflow),
            give_up_after=ANSWERED_WITHIN,  # (4) it counts as none
        )
    except ActivityError as error:
        why = failures.cause_of(error)[1]
        raise ResumeRefusedError(sentence(f"cannot resume {named}: {why}")) from None
    if resumed.refusal or resumed.earlier is None:
        raise ResumeRefusedError(sentence(f"cannot resume {named}: {resumed.refusal}"))
    return Reuse(plan, resumed, programs)
