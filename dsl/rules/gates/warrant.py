"""May a T3 or T4 stage act? Asked by the worker that would act, which believes no workflow.

It brings what it has established itself: the registered plan, the approvals it was shown with the
votes it has verified one by one, and who started the run and vouched for the plan. Every refusal
is one sentence. The rules:

1. Each approval shown is of a gate of the plan, once, and its votes pass the gate by the same
   consensus rules that decide it in a run; only proven votes count, whatever the gate takes. A
   rejection among them refuses, whatever order they are shown in.
2. A gate that excludes the starter or an author is believed only where these are known.
3. A guard stands before the stage on every way, and all that must have passed are approved. None
   of them approves nothing: a signature there would be bound to no output (a plan that says so
   was compiled by nobody here).
4. T4 takes two different persons among those who approved at the guards before it.
5. What other stages hand to it was approved, by digest, at a guard before it that approves their
   outputs.
6. Where its plan was clarified, every approval is of the clarified plan, by digest: what was
   approved under the plan before is void. It leaves no more of the scope than the plan has.
7. Its inputs come from the run's inputs and from approved outputs, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dsl.conditions.errors import ExpressionError
from dsl.conditions.interpolate import resolve
from dsl.core import StageStatus, StageType, Tier
from dsl.plan import AgentStep, AnyStep, GateStep, Plan, walk
from dsl.rules.gates.consensus import VERIFIED, Decision, Tally, Verdict, Vote, tally
from dsl.rules.gates.gate_rules import rules_of
from dsl.rules.gates.guards import (
    GUARDED_FROM,
    Steps,
    before,
    guards_of,
    holds,
    is_guard,
    is_guarded,
    stages_behind,
)
from dsl.rules.health.clarification import Clarification, clarification_name, scope_of

__all__ = [
    "ARCHITECTS_MIN",
    "Opened",
    "WarrantError",
    "excluded_at",
    "guards_of",
    "persons_behind",
    "refuse_clarified",
    "refuse_warrant",
    "resolved_inputs",
    "stages_behind",
]

ARCHITECTS_MIN: Final = 2  # persons behind a T4 stage

Digests = Mapping[str, Mapping[str, str]]  # by stage path and name of the output


class WarrantError(ValueError):
    """A stage has no warrant for what it was told; one sentence."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One gate as it was decided, with votes established by whoever asks."""

    gate: str
    opening: int
    escalated: bool
    subject: Digests
    votes: tuple[Vote, ...]


@dataclass(frozen=True, slots=True)
class _Passed:
    """An approval that is believed."""

    step: GateStep
    subject: Digests
    persons: frozenset[str]


def refuse_warrant(
    plan: Plan,
    path: str,
    approvals: Iterable[Opened],
    *,
    excluded_for: Mapping[str, frozenset[str] | None],
    given: Digests,
) -> str | None:
    """Say why the stage at ``path`` may not act; None when it may.

    ``excluded_for`` has names and entities by role, ``starter`` and ``author``. None, or no such
    role: nobody knows; an empty set: there is nobody to exclude. ``given`` is what the stage is
    handed.
    """
    step = next((step for step in walk(plan.steps) if step.path == path), None)
    if not isinstance(step, AgentStep) or step.tier < GUARDED_FROM:
        return f"the plan has no stage {path!r} of {GUARDED_FROM.name} or above"
    try:
        passed = _passed(plan, approvals, excluded_for)
    except WarrantError as error:
        return str(error)
    earlier = before(plan, path)
    standing = {inner.path: inner for inner in walk(earlier) if is_guard(inner)}
    counting = [each for each in passed if each.step.path in standing]
    return (
        _refuse_empty(path, standing.values())
        or _refuse_guards(path, earlier, counting)
        or _refuse_persons(step, counting)
        or _refuse_given(given, counting)
    )


def refuse_clarified(
    step: AgentStep,
    plan: str,
    clarified: Clarification | None,
    approvals: Iterable[Opened],
) -> str | None:
    """Say why a stage may not act under its clarified plan; None when it may (6).

    ``plan`` is the digest of the run's.
    """
    if clarified is None:
        return None
    is_first = clarified.number == 1
    if clarified.stage != step.path or (is_first and clarified.before != plan):
        return f"the clarified plan is of another stage than {step.path!r}, or of another plan"
    if clarified.number > step.clarifications:
        return f"stage {step.path!r} is clarified {step.clarifications} times at most"
    if not set(clarified.plan.scope) <= set(scope_of(step)):
        return f"the clarified plan of {step.path!r} widens its scope"
    digest, name = clarified.digest(), clarification_name(clarified.number)
    for each in approvals:
        if each.subject.get(step.path, {}).get(name) != digest:
            return (
                f"gate {each.gate!r} has approved another plan of {step.path!r} than the clarified "
                f"one, {digest}: that approval is void"
            )
    return None


def persons_behind(
    step: GateStep, approval: Opened, excluded: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Return the entities of those who have passed the gate ``step``, by proven votes (1).

    Raises:
        WarrantError: it is not passed.
    """
    rejecting = [vote.voter for vote in approval.votes if vote.decision is Decision.REJECT]
    if rejecting:
        raise WarrantError(f"gate {step.path!r} was rejected by {rejecting[0]}")
    result = _tally(step, approval, excluded)
    if result.verdict is not Verdict.PASSED:
        void = f"; {result.void[0][1]}" if result.void else ""
        raise WarrantError(f"gate {step.path!r} is not approved: {result.detail}{void}")
    return frozenset(vote.person for vote in result.counted if vote.person is not None)


def excluded_at(
    step: GateStep, excluded_for: Mapping[str, frozenset[str] | None]
) -> frozenset[str]:
    """Return whose votes do not count at ``step``, by name and entity (2).

    Raises:
        WarrantError: nobody knows whom it excludes.
    """
    excluded: frozenset[str] = frozenset()
    for role in step.exclude:
        people = excluded_for.get(role)
        if people is None:  # (2) not known, not believed
            raise WarrantError(
                f"gate {step.path!r} excludes the {role}, and nobody has proven to be that"
            )
        excluded |= people
    return excluded


def resolved_inputs(
    step: AgentStep,
    run_inputs: Mapping[str, Any],
    approved_outputs: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return what the stage is told, from the inputs of the run and from approved outputs (7).

    Raises:
        WarrantError: an expression reads something else, or has no value.
    """
    stages = {
        path: {
            "status": StageStatus.COMPLETED.value,
            "type": StageType.AGENT.value,
            "detail": "",
            "output": dict(output),
        }
        for path, output in approved_outputs.items()
    }
    try:
        told = resolve(step.inputs, {"inputs": dict(run_inputs), "stages": stages})
    except ExpressionError as error:
        raise WarrantError(
            f"the inputs of stage {step.path!r} take more than the run's inputs and approved "
            f"outputs, or have no value: {error.message}"
        ) from None
    return dict(told)


def _passed(
    plan: Plan, approvals: Iterable[Opened], excluded_for: Mapping[str, frozenset[str] | None]
) -> list[_Passed]:
    gates = {step.path: step for step in walk(plan.steps) if isinstance(step, GateStep)}
    passed: dict[str, _Passed] = {}
    for approval in approvals:
        step = gates.get(approval.gate)
        if step is None:
            raise WarrantError(f"an approval names {approval.gate!r}, which is no gate of the plan")
        if step.path in passed:
            raise WarrantError(f"gate {step.path!r} is shown as approved twice")
        persons = persons_behind(step, approval, excluded_at(step, excluded_for))
        passed[step.path] = _Passed(step, approval.subject, persons)
    return list(passed.values())


def _tally(step: GateStep, approval: Opened, excluded: frozenset[str]) -> Tally:
    try:
        rules = rules_of(
            step, escalated=approval.escalated, identity=(VERIFIED,), excluded=excluded
        )
    except ValueError as error:
        raise WarrantError(f"gate {step.path!r} cannot have been opened so: {error}") from None
    return tally(rules, approval.votes, step.path)  # (1) the rules that decide it in a run


def _refuse_empty(path: str, standing: Iterable[AnyStep]) -> str | None:
    for step in standing:
        if isinstance(step, GateStep) and not step.approves:  # (3) it approves nothing
            return (
                f"gate {step.path!r} before stage {path!r} approves no output: a vote there is "
                "bound to nothing but the plan and its inputs"
            )
    return None


def _refuse_guards(path: str, earlier: Steps, counting: Sequence[_Passed]) -> str | None:
    if not is_guarded(earlier):  # (3) no guard on every way
        return (
            f"stage {path!r} can be reached past every gate of people of verified identity: "
            "require one"
        )
    approved = {each.step.path for each in counting}
    missing = next((step.path for step in earlier if not holds((step,), approved)), None)
    if missing is None:
        return None
    return f"stage {path!r} needs the approval of {missing!r}, and no proven one is shown"


def _refuse_persons(step: AgentStep, counting: Sequence[_Passed]) -> str | None:
    persons = frozenset[str]().union(*(each.persons for each in counting))
    if step.tier < Tier.T4 or len(persons) >= ARCHITECTS_MIN:  # (4) two different persons
        return None
    return (
        f"stage {step.path!r} is of {step.tier.name} and takes {ARCHITECTS_MIN} different persons "
        f"behind it, not {len(persons)}"
    )


def _refuse_given(given: Digests, counting: Sequence[_Passed]) -> str | None:
    for stage, outputs in given.items():
        subjects = [each.subject.get(stage, {}) for each in counting if stage in each.step.approves]
        for name, digest in outputs.items():
            # (5) not approved by digest
            if not any(subject.get(name) == digest for subject in subjects):
                return (
                    f"output {name!r} of stage {stage!r} has digest {digest}, and no gate before "
                    "this stage has approved that"
                )
    return None
