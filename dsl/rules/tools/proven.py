"""May a call of a T3 or T4 stage be made? Asked by the worker that makes it, of no workflow.

It brings what it has found out itself: the plan that somebody vouches for, the run by the server's
word, the votes it has verified one by one, and what it has noted of earlier calls. Every refusal is
one sentence. The rules:

1. The call is of this run, plan and stage, at its place.
2. The plan's table is asked anew, of the earlier calls that were noted: it lets the call through,
   or has people asked.
3. Where people are asked, the gate is the one that the table names, only proven votes count, and
   they pass it by the same rules as in the run. What they have signed is this occurrence.
4. An approval is good for ``TOOL_APPROVAL_GOOD_MS`` after the last of its proofs has ended: it
   cannot have been decided later than that.
5. A call is made once in one life of its stage, or as often as one may be whose tool is declared
   idempotent; a proof is good for one call, whatever becomes of it.
6. Earlier calls count over all lives of the stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field

from dsl.core import Value
from dsl.limits import TOOL_APPROVAL_GOOD_MS
from dsl.plan import AgentStep, GateStep
from dsl.rules.gates.guards import is_guard
from dsl.rules.gates.unnamed import CALL, own_of
from dsl.rules.gates.warrant import Opened, WarrantError, excluded_at, persons_behind
from dsl.rules.tools.asked import APPROVAL, call_gate
from dsl.rules.tools.calls import Occurrence
from dsl.rules.tools.ruling import Caller, Passed, Ruling, rule_on


class SpentCall(Value):
    """A call that was let through by its worker, as it is noted before the call is made."""

    occurrence: str  # digest
    life: str  # run id of the stage's own execution
    rule: int = Field(ge=1)
    at_ms: int
    proofs: tuple[str, ...] = ()  # what makes each vote one of a kind


class CallNotProvenError(ValueError):
    """The call may not be made; one sentence."""


def refuse_place(
    occurrence: Occurrence, *, plan: str, run: str, run_id: str, stage: str
) -> str | None:
    """Say why the call is not of this stage (1)."""
    of = (occurrence.plan, occurrence.run, occurrence.run_id, occurrence.stage)
    if of == (plan, run, run_id, stage):
        return None
    return f"the call was decided on in another place than stage {stage!r} of this run"


def ruling_of(
    occurrence: Occurrence,
    step: AgentStep,
    *,
    agent: str,
    inputs: Mapping[str, Any],
    spent: Iterable[SpentCall],
    now_ms: int,
) -> Ruling:
    """Return what the plan's table makes of the call (2)."""
    earlier: dict[str, Passed] = {}
    for each in spent:  # (6) one call that is made again is one
        if each.occurrence != occurrence.digest():
            earlier.setdefault(f"{each.life}/{each.occurrence}", Passed(each.rule, each.at_ms))
    return rule_on(
        occurrence.call,
        step.tools,
        caller=Caller(agent, step.tier, step.path),
        inputs=inputs,
        earlier=list(earlier.values()),
        now_ms=now_ms,
    )


def gate_asked(step: AgentStep, ruling: Ruling, gate: str) -> GateStep:
    """Return the gate of that path, at which the table has people asked (3).

    Raises:
        CallNotProvenError: it has nobody asked there whose word could be proven.
    """
    stage, name, kind = own_of(gate)
    asked = None
    if stage == step.path and kind == CALL:
        asked = call_gate(step, ruling.rule, name, "", APPROVAL)
    if asked is None:
        raise CallNotProvenError(f"rule {ruling.rule} of the table asks nobody at such a gate")
    if not is_guard(asked):
        raise CallNotProvenError(
            f"rule {ruling.rule} of the table takes another word than that of people of verified "
            "identity: write identity: [verified]"
        )
    return asked


def refuse_approval(
    gate: GateStep,
    opened: Opened,
    occurrence: Occurrence,
    *,
    excluded_for: Mapping[str, frozenset[str] | None],
    ended_ms: int,
    now_ms: int,
) -> str | None:
    """Say why people have not approved this call at ``gate``; None: they have (3).

    ``excluded_for`` as for a warrant; ``ended_ms``: when the last of their proofs has ended.
    """
    if opened.subject != {occurrence.stage: {gate.name: occurrence.digest()}}:
        return f"what was approved at {gate.path!r} is another call"
    try:
        persons_behind(gate, opened, excluded_at(gate, excluded_for))
    except WarrantError as error:
        return str(error)
    if now_ms > ended_ms + TOOL_APPROVAL_GOOD_MS:  # (4) long ago
        return f"the approval at {gate.path!r} has expired"
    return None


def refuse_spent(wanted: SpentCall, spent: Sequence[SpentCall], *, times_max: int) -> str | None:
    """Say why the call is not made once more (5)."""
    same = [
        each for each in spent if (each.occurrence, each.life) == (wanted.occurrence, wanted.life)
    ]
    if len(same) >= times_max:
        return "this call was made before, or may have been"
    others = {proof for each in spent if each not in same for proof in each.proofs}
    if others & set(wanted.proofs):
        return "what people have signed was used for another call: ask them anew"
    return None
