"""May what a stage of an earlier run has packaged stand for a stage of this one? Pure.

PACKAGE writes a manifest, whose digest is on the ledger; what is asked here is asked of that. The
rules:

1. What a stage was made from are digests: the stage as its plan has it, its program, its inputs as
   they were resolved, the outputs that it built on, and, of one that calls tools, what its calls
   are ruled by. All agree, or the stage is run again. The time that it has is no part of it:
   waiting for people uses some of that up.
2. It is the same agent. An agent of a registered plan is that by its name; one of an inline plan,
   whose name begins with the plan's digest, by the rest of it. Neither stands for the other kind.
3. Approvals are never carried over, and neither is what rests on one: work under a plan that
   somebody has clarified. Nor is what a stage has said that votes at a gate.
4. What an agent has put out that violated its mandate meanwhile, or was revoked since, is handed
   to nobody, even if it has come back.
5. A manifest that does not say what its stage was made from, as of old releases, is of no use.
6. Calls are ruled by the table, which is a part of the stage; by the inputs of the run that its
   conditions read; and by what operators say of its tools and have pinned of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import Field

from dsl.conditions.errors import ExpressionError
from dsl.conditions.parser import parse
from dsl.core import AgentOutput, Value
from dsl.plan import AgentStep, GateStep, Plan, walk
from dsl.rules.trust.admission import as_named, is_inline
from dsl.steps.tools import KnownTool
from dsl.values.canonical import DIGEST_PATTERN, digest_of

MANIFEST: Final = "manifest.json"
REPORT: Final = "report.md"
ACCOUNT: Final = "execute.json"  # has what conditions may read of the stage
VOTES: Final = "it votes at a gate, and no vote is carried over"
_NAMES: Final = {  # (1) all agree
    "stage": "its stage in the plan",
    "program": "its program",
    "inputs": "its inputs",
    "built_on": "what it builds on",
    "ruled_by": "what its calls of tools are ruled by",
}
_INPUTS: Final = "inputs"


class MadeFrom(Value):
    """What a stage was made from, by digest (1)."""

    stage: str = Field(pattern=DIGEST_PATTERN)
    program: str = Field(pattern=DIGEST_PATTERN)
    inputs: str = Field(pattern=DIGEST_PATTERN)
    built_on: str = Field(pattern=DIGEST_PATTERN)
    ruled_by: str = ""  # of a stage with tools; empty: it has none, or an old release did not say


class Manifest(Value):
    """What PACKAGE writes: all that a stage has put out before, and what it was made from."""

    pipeline: str
    plan: str
    stage: str
    agent: str
    outputs: tuple[AgentOutput, ...]
    workflow: str = ""  # of the stage; empty: of a release that did not say
    run: str = ""
    made_from: MadeFrom | None = None
    clarified: str = ""  # digest of the clarified plan it was made under


class Wanted(Value):
    """A stage that is about to begin, and for which something may stand."""

    pipeline: str
    path: str
    agent: str  # its identity
    made_from: MadeFrom


def made_from(
    step: AgentStep,
    program: str,
    inputs: Mapping[str, Any],
    given: Mapping[str, Sequence[AgentOutput]],
    ruled_by: str = "",
) -> MadeFrom | None:
    """Return what a stage is made from; None where that cannot be said.

    Args:
        step: the stage as the plan has it.
        program: digest of what is run.
        inputs: as they were resolved.
        given: outputs that it builds on, by the path of their stage.
        ruled_by: digest of what its calls of tools are ruled by, see ``ruled_by``.
    """
    if not program or (step.tools and not ruled_by):
        return None
    built_on = {
        path: {output.name: output.digest for output in outputs} for path, outputs in given.items()
    }
    try:
        return MadeFrom(
            # (1) the time that it has is no part of it
            stage=digest_of(step.model_dump(mode="json", exclude={"timeout_ms"})),
            program=program,
            inputs=digest_of(inputs),
            built_on=digest_of(built_on),
            ruled_by=ruled_by,
        )
    except ValueError:  # other readers would read it differently, or it is no digest
        return None


def ruled_by(step: AgentStep, run_inputs: Mapping[str, Any], tools: Mapping[str, KnownTool]) -> str:
    """Return the digest of what the calls of a stage are ruled by (6), beside its table.

    Empty where it has no tools, and where that cannot be said in one way.

    Args:
        step: the stage as the plan has it.
        run_inputs: of its run.
        tools: what is known of those that it may call, by full name.
    """
    if not step.tools:
        return ""
    known = {
        name: tool.model_dump(mode="json", exclude={"timeout_ms"}) for name, tool in tools.items()
    }
    try:
        return digest_of({"tools": known, _INPUTS: _read_by_table(step, run_inputs)})
    except ValueError:
        return ""


def _read_by_table(step: AgentStep, run_inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of the run that the conditions of a table read; all, where one is none."""
    read: set[str] = set()
    for rule in step.tools:
        try:
            found = parse(rule.when).references if rule.when is not None else ()
        except ExpressionError:
            return dict(run_inputs)
        for each in found:
            if each.names == (_INPUTS,):  # whichever of them
                return dict(run_inputs)
            read |= set(each.names[1:2]) if each.names[0] == _INPUTS else set()
    return {name: value for name, value in run_inputs.items() if name in read}


def voters(plan: Plan) -> frozenset[str]:
    """Return the stages that vote at a gate (3)."""
    gates = (step for step in walk(plan.steps) if isinstance(step, GateStep))
    return frozenset(member.stage for gate in gates for member in gate.members)


def refuse(wanted: Wanted, packaged: Manifest, place: str) -> str | None:
    """Return why ``packaged`` does not stand for ``wanted``; None: it does.

    Args:
        wanted: the stage that is about to begin.
        packaged: what the ledger says was packaged at ``place``.
        place: the workflow id of the stage in the run before.
    """
    known = packaged.made_from
    if known is None:  # (5) it does not say
        return "a release packaged it that did not say what it was made from"
    whose = (packaged.pipeline, packaged.stage, packaged.workflow)
    if whose != (wanted.pipeline, wanted.path, place):
        return f"its manifest is of {packaged.pipeline!r}, in {packaged.workflow!r}"
    if not _is_same_agent(wanted.agent, packaged.agent):  # (2) it is the same agent
        return f"agent {packaged.agent!r} did it, and now it is {wanted.agent!r}"
    if packaged.clarified:  # (3) it rests on an approval
        return "it was done under a clarified plan, and no approval is carried over"
    changed = [words for name, words in _NAMES.items() if _differ(name, wanted.made_from, known)]
    return f"{' and '.join(changed)}: not as it was" if changed else None


def refuse_agent(packaged_ms: int, *, revoked: bool, epoch_ms: int, violations: int) -> str | None:
    """Return why nothing of an agent is taken that it has put out at that moment (4)."""
    if violations:
        return "its agent has violated its mandate there"
    if revoked:
        return "its agent is revoked"
    if epoch_ms >= packaged_ms:
        return "its agent was revoked since"
    return None


def _differ(name: str, one: MadeFrom, other: MadeFrom) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


def _is_same_agent(one: str, other: str) -> bool:
    if is_inline(one) and is_inline(other):
        return as_named(one) == as_named(other)
    return one == other
