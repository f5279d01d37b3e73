"""What a program has put out, kept: when it delivered, and when it did not.

1. What an agent delivers is its artefacts, its log, and the run's own account of it.
2. Of a try that did not deliver the log and what it had announced are kept as well, however it
   ended: failed, cancelled with its stage, stopped. A cancelled activity answers nothing, so they
   are noted beside the store, and whoever lets go of the stage tells of them: of what it has erred
   as well, which else stood in Dragonfly alone.
3. That a try failed is said also when what it left cannot be kept.
4. The last try of a phase that never delivered has the plain names. What an earlier one has left is
   ``try<n>.<name>``: nothing takes the place of what was delivered.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import Field, ValidationError
from temporalio import activity

from activities.contracts.resumption import Asked, Errors, Violated
from activities.phases.equipment import Equipment, put_bytes, put_json
from activities.runtime.effect import erred
from activities.runtime.violation import said
from dsl.core import (
    OUTPUT_NAME_LENGTH_MAX,
    PHASE_OUTPUT_TYPES,
    AgentOutput,
    AgentPhase,
    Value,
)
from dsl.limits import ERROR_BUDGET_MAX, TRY_OUTPUTS_MAX
from dsl.rules.health.clarification import Clarification
from integrations.agents.contract import log
from integrations.agents.contract.log import Left
from integrations.agents.contract.protocol import AgentError, Artifact, Outcome
from integrations.artifacts.tries import Tries
from integrations.errors import IntegrationError

_READ: Final = ("phase", "step", "outputs", "erred")  # of what was noted, beside its number
KEEPING_S: Final = 10.0  # a stage that is being cancelled waits for it


@dataclass(frozen=True, slots=True)
class Answer:
    """What the program delivered."""

    output: dict[str, Any]
    outputs: tuple[AgentOutput, ...]
    facts: dict[str, Any]
    violations: tuple[Violated, ...] = ()
    asked: Asked | None = None  # then there is nothing else


async def keep(
    equipment: Equipment,
    phase: AgentPhase,
    outcome: Outcome,
    clarified: Clarification | None = None,
) -> Answer:
    """Store what was delivered (1), and under which clarified plan.

    Raises:
        ConflictError, UnavailableError: it cannot be stored.
    """
    outputs = await _put_files(equipment, phase, outcome.artifacts)
    if outcome.log:
        outputs.append(await _put_log(equipment, phase, outcome.log))
    account = {
        "summary": outcome.result.summary,
        "output": outcome.result.output,
        "events": [{"type": event.type, **event.data} for event in outcome.events],
        "noise": list(outcome.noise),
        "stderr": outcome.stderr,
        "sandbox": outcome.level,
        "milliseconds": int(outcome.seconds * 1000),
        **({"clarification": clarified.told()} if clarified else {}),
    }
    outputs.append(await put_json(equipment, phase, f"{phase.value.lower()}.json", account))
    return Answer(
        output=outcome.result.output,
        outputs=tuple(outputs),
        facts={"sandbox": outcome.level, "summary": outcome.result.summary[:300]},
        violations=said(outcome.secrets, outcome.tokens),
    )


async def keep_failed(
    equipment: Equipment, phase: AgentPhase, error: AgentError, left: Left
) -> AgentError:
    """Keep what a failed program left; what it says of its failure itself is named in the error."""
    outputs = await keep_left(equipment, phase, left, error.outcome)
    if not outputs or error.outcome is None or not error.outcome.artifacts:
        return error
    kept = ", ".join(f"{output.name} {output.digest}" for output in outputs)
    message = str(error).removeprefix(f"{error.kind}: ")
    named = AgentError(
        error.kind, f"{message} (kept: {kept})", retryable=error.retryable, **error.detail
    )
    named.secrets, named.tokens = error.secrets, error.tokens
    named.checkpoint = error.checkpoint
    return named


async def keep_left(
    equipment: Equipment, phase: AgentPhase, left: Left, outcome: Outcome | None = None
) -> tuple[AgentOutput, ...]:
    """Keep what a try has left that did not deliver, and note it (2) (3)."""
    info = activity.info()
    try:
        async with asyncio.timeout(KEEPING_S):
            if outcome is not None:
                outputs = (await keep(equipment, phase, outcome)).outputs
            else:
                files = await _put_files(equipment, phase, left.artifacts)
                logs = [await _put_log(equipment, phase, left.log)] if left.log else []
                outputs = (*files, *logs)
            about = {
                "phase": phase.value,
                "try": int(info.activity_id.rpartition("#")[2] or 0),
                "step": left.step,
                "erred": erred(),
                "outputs": [output.model_dump(mode="json") for output in outputs],
            }
            run = (info.workflow_id or "", info.workflow_run_id or "")
            await asyncio.to_thread(_tries(equipment).note, run, info.activity_id, about)
    except (IntegrationError, TimeoutError) as unkept:
        activity.logger.warning("what a program left is not kept: %s", unkept)
        return ()
    return outputs


@dataclass(frozen=True, slots=True)
class Earlier:
    """What tries have left that did not deliver, and where the last of them was."""

    outputs: tuple[AgentOutput, ...] = ()
    step: str = ""
    erred: Mapping[str, int] = field(default_factory=dict)


def left_of(equipment: Equipment, prior: Iterable[AgentOutput]) -> Earlier:
    """Return what this stage's tries have left; ``prior`` is what its phases have put out (4)."""
    info = activity.info()
    known = {output.name for output in prior}
    delivered = {output.phase for output in prior if output.name == f"{output.phase.lower()}.json"}
    noted = _tries(equipment).of((info.workflow_id or "", info.workflow_run_id or ""))
    told = sorted((each for each in map(_read, noted) if each), key=lambda each: each.number)
    last = {each.phase: each for each in told if each.phase not in delivered}
    named = (
        output
        for each in reversed(told)
        for output in _renamed(each, "" if last.get(each.phase) is each else f"try{each.number}.")
        if output.name not in known
    )
    step = told[-1].step if told and told[-1].phase not in delivered else ""
    errors = sorted(
        (pair for each in told for pair in each.erred.items()), key=lambda pair: (pair[1], pair[0])
    )
    return Earlier(
        tuple(itertools.islice(named, TRY_OUTPUTS_MAX)), step, dict(errors[-ERROR_BUDGET_MAX:])
    )


class _Try(Value):
    phase: AgentPhase
    number: int
    step: str = ""
    outputs: tuple[AgentOutput, ...] = ()
    erred: Errors = Field(default_factory=dict)


def _read(about: dict[str, Any]) -> _Try | None:
    try:
        return _Try(
            **{each: about[each] for each in _READ if each in about},
            number=about.get("try", 0),
        )
    except ValidationError:
        return None


def _renamed(each: _Try, prefix: str) -> Iterator[AgentOutput]:
    for output in each.outputs:
        name = f"{prefix}{output.name}"
        if len(name) <= OUTPUT_NAME_LENGTH_MAX:
            yield output.model_copy(update={"name": name})


def _tries(equipment: Equipment) -> Tries:
    return Tries(equipment.settings.artifacts)


async def _put_files(
    equipment: Equipment, phase: AgentPhase, artifacts: Iterable[Artifact]
) -> list[AgentOutput]:
    outputs = []
    for found in artifacts:
        stored = await asyncio.to_thread(equipment.artifacts.put_file, found.path, found.media_type)
        outputs.append(
            AgentOutput(
                name=found.name,
                phase=phase,
                output_type=PHASE_OUTPUT_TYPES[phase],
                digest=stored.digest,
                size=stored.size,
                media_type=stored.media_type,
            )
        )
    return outputs


async def _put_log(equipment: Equipment, phase: AgentPhase, lines: bytes) -> AgentOutput:
    return await put_bytes(equipment, phase, f"{phase.value.lower()}.log", lines, log.MEDIA_TYPE)
