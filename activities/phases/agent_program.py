"""Asking the agent's program to do a phase, under its lease, in its sandbox.

1. It works in a private directory made for this attempt. Earlier outputs are copied there: see
   ``activities.phases.tries.prior``.
2. Exactly the declared secrets are read, see ``activities.phases.secrets``; what was minted for
   that is revoked before the activity ends. They go to the program and nowhere else.
3. The lease is renewed meanwhile, and at once on word of a revocation; when it cannot be proved
   any more, the program is stopped. So it is when the stage is cancelled: while a program runs
   the activity gives a sign of life often enough for that to arrive. Where this process stands
   still, its program dies by the deadline of the lease, before another attempt may start one.
4. Everything the program says is redacted before anybody sees it.
5. A request can be forged by whoever may start workflows: names in it become no paths outside the
   private directory, and ports of the engine's own servers stay closed, PREFLIGHT left out or not.
6. At T3 and T4 the agent is admitted anew each time, with its warrant. Its program gets the
   outputs that were approved, and of its own stage only what EXECUTE put out, for VERIFY to look
   at: what an earlier phase put out could be a forged completion, and nobody has approved it.
7. What comes after its start never starts it again by accident: see ``activities.runtime.effect``.
   PLAN and VERIFY act on nothing, so there an outage may be waited out.
8. What it has said that it must not is told with what it delivered. A program that had delivered
   when its lease turned out to be lost acted without it: that is told, and nothing else is kept.
9. What it asks is put to people while it waits, see ``activities.phases.questions.inquiry``. A
   question that is not waited for ends the try, and is no failure: the run goes on waiting. At T3
   and T4 nothing is asked, and no answer is handed over: it could be a forged one.
10. The program is the one that was admitted. At T3 and T4 that is what the agent is bound to;
    below, the workflow's word is enough. Who replaces it meanwhile has the stage refused.
11. Nothing that it has said is lost, however it ends: see ``activities.phases.tries.keeping``.
12. Where the work was an activity or a workflow of somebody else's it is done by now, and what it
    came to is taken: see ``activities.phases.delegation``.
13. What it errs is counted, and a spent budget stops it: ``activities.phases.tries.spending``.
14. Where its plan was clarified, it is told so, and has what that has left of its scope.
15. What it calls is handed to its workflow: see ``activities.phases.tools.handing``.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

from temporalio import activity

from activities.contracts import messages
from activities.phases.checkpoints import handed, keeping, put_back
from activities.phases.delegation.answer import take
from activities.phases.equipment import Equipment, instance_of
from activities.phases.heartbeat import pulsing
from activities.phases.machine import sandbox_of
from activities.phases.questions.inquiry import Inquiry, inquire, is_unhurried
from activities.phases.secrets import secrets_of
from activities.phases.tools.handing import handing_of
from activities.phases.tools.telling import told_of
from activities.phases.tries.admitted import clear
from activities.phases.tries.keeping import Answer, keep
from activities.phases.tries.outcome import of_question, outcome_of
from activities.phases.tries.prior import prior_of
from activities.phases.tries.spending import Spending
from activities.proofs.warrant import Cleared
from activities.runtime.effect import OutcomeLostError, acts
from activities.runtime.violation import ViolationError
from dsl.core import AgentPhase
from dsl.rules.health.clarification import narrowed
from dsl.rules.trust.violations import Violation
from integrations.agents.contract.log import Left
from integrations.agents.contract.protocol import (
    AgentError,
    Outcome,
    QuestionAskedError,
    Request,
)
from integrations.agents.processes.lifeline import Lifeline
from integrations.agents.programs.program import Program
from integrations.agents.workdir import workdir
from integrations.dragonfly.errors import LeaseLostError
from integrations.dragonfly.holding import Holding
from integrations.dragonfly.leases import Lease
from integrations.errors import (
    ColdError,
    ConflictError,
    RevokedError,
    UnavailableError,
)
from integrations.redaction import Redactor


async def ask(
    equipment: Equipment, request: messages.PhaseRequest, lease: Lease, phase: AgentPhase
) -> Answer:
    """Run the agent's program for ``phase`` and store what it delivers.

    Raises:
        AgentError: the program failed; it, its children and its directory are gone.
        ViolationError: it did what it must not (8), or reached for a secret that is not for it.
    """
    if request.step.runtime is not None:  # (12) done by now, by somebody else's worker
        return await take(equipment, request, phase)
    # (6) (10) admitted anew; the one that was admitted
    cleared, program = await clear(equipment, request)
    # (14) what is left of its scope
    request = request.model_copy(update={"step": narrowed(request.step, request.clarified)})
    # (9) at T3 and T4 nothing is asked
    inquiry = await inquire(request) if equipment.high is None else Inquiry()
    if inquiry.waits is not None:
        return of_question(QuestionAskedError(inquiry.waits), phase, handed(request))
    spending = Spending(equipment.budgets, request, phase)
    await spending.admit()  # (13) does not begin while it is spent
    delivered: list[Outcome] = []
    async with spending.judging():
        try:
            answer = await _ask(
                *(equipment, request, lease, phase),
                program=program,
                cleared=cleared,
                inquiry=inquiry,
                spending=spending,
                delivered=delivered,
            )
        except LeaseLostError as error:
            if delivered and not isinstance(error.__cause__, ColdError | RevokedError):
                # (8) it acted without its lease
                raise ViolationError(Violation.STALE_FENCE, str(error)) from None
            raise
        await spending.violated(answer.violations)
        return answer


async def _ask(
    equipment: Equipment,
    request: messages.PhaseRequest,
    lease: Lease,
    phase: AgentPhase,
    *,
    program: Program,
    cleared: Cleared | None,
    inquiry: Inquiry,
    spending: Spending,
    delivered: list[Outcome],
) -> Answer:
    timeout_s = request.step.timeout_ms / 1000
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(workdir())
        lifeline = Lifeline(lease.deadline)
        holding = Holding(equipment.leases, lease, release=False, on_renewal=lifeline.renew)
        if equipment.watcher is not None:  # before the lease is asked for: nothing is missed
            stack.enter_context(equipment.watcher.watching(request.agent, holding.hurry))
        await stack.enter_async_context(holding)  # (3) renewed meanwhile
        # (2) exactly the declared ones
        secrets = await secrets_of(equipment, request, phase, cleared, stack)
        prior = await asyncio.to_thread(prior_of, equipment, request, phase, directory)
        pulse = await stack.enter_async_context(pulsing())
        kept = await stack.enter_async_context(keeping(equipment.artifacts, pulse))
        await stack.enter_async_context(inquiry.beside(pulse, kept.settle))
        handed_back = handed(request)
        checkpoint = None
        if handed_back is not None:
            pulse.keep(handed_back)  # until there is a later one
            back = (equipment.artifacts, handed_back, directory)
            checkpoint = await asyncio.to_thread(put_back, *back)
        held = (request.agent, instance_of(request), lease.holder, lease.fence)
        listed = equipment.roster.listed(*held)
        on_call = handing_of(equipment, request, phase, pulse)  # (15) known by it from now on
        left: list[Left] = []
        await stack.enter_async_context(spending.working())  # (13) stopped when it is spent
        running = equipment.runner.run(
            program,
            Request(
                run=activity.info().workflow_id or "",
                stage=request.step.path,
                phase=phase,
                attempt=request.attempt,
                deadline=time.time() + timeout_s,
                workdir=directory,
                tier=request.step.tier,
                input={**request.inputs, "workspace": str(equipment.settings.workspace)},
                prior=prior,
                secrets=secrets,
                fence=lease.fence,
                checkpoint=checkpoint,
                answers=inquiry.answers,
                may_ask=inquiry.asker is not None,
                clarification=request.clarified.told() if request.clarified else None,
                tools=await told_of(equipment, request, phase),
            ),
            timeout_s=timeout_s,
            sandbox=sandbox_of(equipment.settings, request.step),
            redact=Redactor(secrets.values()),  # (4) before anybody sees it
            lifeline=lifeline,
            on_event=spending.hearing(pulse.tell),
            on_checkpoint=kept.take,
            on_left=left.append,
            on_start=stack.enter_context(listed),
            on_question=inquiry.put,
            on_call=on_call,
            unhurried=is_unhurried,
            halt=spending.halt,
        )
        acts()  # (7) never started again by accident
        try:
            outcome = await outcome_of(equipment, phase, running, left, spending)
        except QuestionAskedError as asking:
            # (9) a question is no failure
            return of_question(asking, phase, await kept.settle() or handed_back)
        except AgentError as error:
            last = await kept.settle() or handed_back
            error.checkpoint = last.model_dump(mode="json") if last else None
            raise
        delivered.append(outcome)
        try:
            return await keep(equipment, phase, outcome, request.clarified)
        except (UnavailableError, ConflictError) as error:
            if phase is not AgentPhase.EXECUTE:
                raise
            raise OutcomeLostError(  # (7) never started again by accident
                f"the program has delivered, and its outputs cannot be kept: {error}"
            ) from None
