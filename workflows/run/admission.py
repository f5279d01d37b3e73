"""Admission: what happens between a compiled plan and its first stage.

1. The start is on the ledger before anything else; its receipt says whether the plan is
   registered there. No other word counts, least of all the document's.
2. An inline plan that asks for too much ends here, before any of its stages has started.
3. Agents the ledger has never seen are made known to Vault, and that is recorded, before one
   of them runs. Who may take over from a revoked agent is one of them: a plan that cannot go on as
   it says is not begun.
"""

from __future__ import annotations

from activities.contracts import messages, specs
from dsl import actions
from dsl.core import StageStatus, Tier
from dsl.plan import AgentStep, Plan, walk
from dsl.rules.trust.admission import agent_identity, refuse_tier
from dsl.shown.surfaces import Markdown
from workflows.ledger.ledger_buffer import LedgerBuffer
from workflows.runtime import failures
from workflows.runtime.failures import StageEndedError


async def admit(
    plan: Plan, compiled: messages.CompileResult, records: LedgerBuffer
) -> messages.Standing:
    """Record the start, make the plan's agents known; return how the plan stands.

    Raises:
        StageEndedError: the plan asks for more than it may.
    """
    steps = [step for step in walk(plan.steps) if isinstance(step, AgentStep)]
    standing = await _start(plan, compiled, records, steps)
    for step in steps:
        why = refuse_tier(
            step.tier,
            registered=standing.registered,
            inline_tier=compiled.policy.inline_tier,
        )
        if why is not None:  # (2) before any of its stages has started
            raise StageEndedError(failures.INVALID_PIPELINE, step.path, StageStatus.REJECTED, why)
    unknown = set(standing.unknown)
    first: dict[str, AgentStep] = {}
    for step in steps:
        for agent in _agents(step):
            identity = agent_identity(agent, compiled.digest, registered=standing.registered)
            if identity in unknown:
                first.setdefault(identity, step)
    if first:
        await _register(plan, first, records)  # (3) known before one of them runs
    return standing


async def _start(
    plan: Plan, compiled: messages.CompileResult, records: LedgerBuffer, steps: list[AgentStep]
) -> messages.Standing:
    records.note(
        actions.RUN_STARTED,
        pipeline=plan.name,
        version=plan.version,
        plan=compiled.digest,
        inputs=sorted(compiled.inputs),
    )
    names = tuple(dict.fromkeys(agent for step in steps for agent in _agents(step)))
    # (1) only the ledger says what is registered
    answer = await records.flush("run started", standing_of=compiled.digest, agents=names)
    return answer.standing or messages.Standing(registered=False)


def _agents(step: AgentStep) -> tuple[str, ...]:
    """Return every agent that may run the stage, as the plan names them."""
    return (step.agent,) if step.replacement is None else (step.agent, step.replacement)


async def _register(plan: Plan, first: dict[str, AgentStep], records: LedgerBuffer) -> None:
    request = messages.RegisterRequest(
        agents=tuple(
            messages.Registration(
                agent=agent, pipeline=plan.name, template=step.template, program=step.program
            )
            for agent, step in sorted(first.items())
        )
    )
    result = await specs.register(
        request,
        activity_id="run/register#1",
        summary=Markdown.of("make {} agents known", len(first)),
    )
    for known in result.agents:
        records.note_of(
            known.agent,
            Tier(known.tier),
            "agent.registered",
            entity=known.entity,
            tier=known.tier.name,
            **known.binding.model_dump(),
        )
    await records.flush("agents made known")
