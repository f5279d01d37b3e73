"""``mandate agent rebind``: vouch for what agents are bound to, after a release.

1. What it becomes bound to is what this installation would run now: the pipeline's name, the
   stage's template, the digest of the program's file. It is shown before it is signed.
2. Who is logged in signs for each agent by itself, so one that is refused holds up no other.
3. What is bound so already is left alone: typing it again loses no tier.
4. Agents that are not named are those of the pipeline. Where it is not registered they run under
   names that begin with its digest, and those are meant.
5. One of these that has not run yet is bound when it first runs, so nothing is left to do. One
   that was named and that nobody knows is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.contracts.specs import QUEUE
from activities.contracts.trust_specs import REBINDING_WORKFLOW
from dsl.catalogue import UnknownPipelineError
from dsl.compiler import Compiled
from dsl.errors import DslError
from dsl.plan import AgentStep, Plan, walk
from dsl.rules.proofs.proof import REBIND, reason_digest
from dsl.rules.run.reserved import rebinding_id
from dsl.rules.trust.admission import (
    agent_identity,
    as_named,
    unregistered,
)
from dsl.shown.surfaces import Terminal
from integrations.agents.programs.catalogue import Programs
from integrations.errors import DeniedError, NotFoundError
from mandate import catalogue
from mandate._entry import EXIT_FAILED, EXIT_USAGE
from mandate.people.door import enter, temporal
from mandate.people.errors import (
    RefusalError,
    UsageError,
    no_agent,
    refuse_agent,
    refuse_reason,
    words_of_cause,
)
from mandate.people.gates.statements import sign
from mandate.people.holders import refuse_stranger
from mandate.people.login.session import Session, session
from mandate.stack import environment
from mandate.terminal import complain, note, say

ANSWER: Final = timedelta(seconds=60)
ALREADY: Final = "is bound to exactly this already"  # of the refusal that is none here (3)


def run(pipeline: str, agents: Sequence[str], reason: str, *, data_dir: Path | None) -> int:
    """Rebind the agents, default all of the pipeline; return the exit code."""
    try:
        compiled = catalogue.compile_named(pipeline, data_dir)
    except (DslError, UnknownPipelineError, UsageError) as error:
        complain(error)
        return EXIT_USAGE
    return enter("agent rebind", _rebind(compiled, agents, reason, data_dir))


async def _rebind(
    compiled: Compiled, agents: Sequence[str], reason: str, data_dir: Path | None
) -> int:
    refuse_reason(reason)
    env = environment.present(data_dir)
    bindings = _bindings(compiled.plan, agents, catalogue.programs(env))
    code = 0
    async with session(env) as who:
        client = await temporal(env)
        for agent, binding in bindings.items():
            words = (agent, binding["template"], binding["pipeline"], binding["program"])
            note(Terminal.of("{}: {} of {}, {}", *words))
            inline = agent_identity(agent, compiled.digest, registered=False)
            # (4) those of the pipeline, under either name
            names = (agent,) if agents else (agent, inline)
            found = await _first(client, who, names, binding, reason, named=bool(agents))
            code = max(code, found)
    return code


async def _first(
    client: Client,
    who: Session,
    names: Sequence[str],
    binding: Mapping[str, str],
    reason: str,
    *,
    named: bool,
) -> int:
    """Rebind the one of ``names`` that is known, and say what came of it; return the exit code."""
    refusals: list[RefusalError] = []
    for name in names:
        try:
            say(await _one(client, who, name, binding, reason))
        except RefusalError as refusal:
            refusals.append(refusal)
            if unregistered(name) not in str(refusal):
                break
        else:
            return 0
    is_unknown = unregistered(names[-1]) in str(refusals[-1])
    if is_unknown and not named:  # (5) bound when it first runs
        say(Terminal.of("new: {} has not run yet: it is bound when it first runs", names[0]))
        return 0
    if is_unknown:
        complain(no_agent(names[-1]), "mandate agent rebind")
        return EXIT_USAGE
    say(Terminal.of("refused: {}: {}", names[len(refusals) - 1], refusals[-1].line))
    return EXIT_FAILED


def _bindings(
    plan: Plan, agents: Sequence[str], programs: Programs
) -> dict[str, Mapping[str, str]]:
    """Return what each agent becomes bound to (1).

    Raises:
        UsageError: the plan has no such agent, or nothing that could be run.
    """
    found = {
        name: {
            "pipeline": plan.name,
            "template": step.template,
            "program": _digest(programs, step.template),
        }
        for step in walk(plan.steps)
        if isinstance(step, AgentStep)
        for name in (step.agent, step.replacement)
        if name
    }
    wanted: dict[str, Mapping[str, str]] = {}
    for agent in agents or found:
        refuse_agent(agent)
        name = as_named(agent)
        if name not in found:
            raise UsageError(
                "pipeline {} has no agent {}: it has {}",
                plan.name,
                name,
                ", ".join(found) or "none",
            )
        if not found[name]["program"]:
            raise UsageError(
                "agent {}: template {} has no program here, so there is nothing to bind it to",
                name,
                found[name]["template"],
            )
        wanted[agent] = found[name]
    return wanted


def _digest(programs: Programs, template: str) -> str:
    try:
        return programs.digest(template)
    except (DeniedError, NotFoundError) as error:
        raise UsageError("{}", error) from None


async def _one(
    client: Client, who: Session, agent: str, binding: Mapping[str, str], reason: str
) -> Terminal:
    """Rebind one agent; return what a person reads of it.

    Raises:
        RefusalError: it stays as it is.
    """
    about = {"agent": agent, **binding, "reason": reason_digest(reason)}
    signed = await sign(who, REBIND, about)
    order = {"agent": agent, **binding, "reason": reason, "proof": signed.word}
    try:
        report = await _answer(client, agent, order)
    except WorkflowFailureError as failure:
        if ALREADY in str(failure.cause):
            return Terminal.of("unchanged: {} {}", agent, ALREADY)
        raise RefusalError("{}", words_of_cause(failure.cause)) from None
    was, now, by, entry = (report.get(name) for name in ("was", "now", "by", "grant"))
    kept = Terminal.of("keeps {}", now)
    if was != now:
        kept = Terminal.of("holds {}, held {}", now, was)
    return Terminal.of(
        "rebound: {} {}; {} vouches for it, granted by ledger entry {}", agent, kept, by, entry
    )


async def _answer(client: Client, agent: str, order: Mapping[str, str]) -> dict[str, Any]:
    name = rebinding_id(agent)
    try:
        handle = await client.start_workflow(
            REBINDING_WORKFLOW, dict(order), id=name, task_queue=QUEUE
        )
        async with asyncio.timeout(ANSWER.total_seconds()):
            report = await handle.result()
    except WorkflowAlreadyStartedError as error:
        await refuse_stranger(client, name, error.run_id)
        raise RefusalError(
            "{} is under way already: see temporal workflow describe -w {}", name, name
        ) from None
    except TimeoutError:
        raise RefusalError(
            "no answer within {:g} s, and it goes on; see: temporal workflow result -w {}",
            ANSWER.total_seconds(),
            name,
        ) from None
    if not isinstance(report, dict):
        raise RefusalError("its report cannot be read")
    return report
