"""No EXECUTE without a valid approval of what it acts on, where its plan has a gate before it.

The votes are counted anew by ``dsl.rules.chaos.recount``, from the messages that came and the
signatures under them; what the run itself said of its gates is not looked at. The rules:

1. Every gate that must have passed before a stage has passed when its workflow is started, on the
   way that was taken.
2. The decision was on the ledger by then.
3. The stage is of the plan that was approved, by digest, and is handed what was approved, by
   digest.
4. An agent that nobody has started as a stage executes nothing.
5. A stage that works by a clarified plan has that on the ledger, as it is: of the plan before it,
   by number, and no wider than the stage. At T3 and T4 the guards before it have approved it.
6. A member of a council that is asked about a clarified plan is asked by the stage that it is of,
   which stands behind the guards. It is of the plan that was approved like every other.
7. A clarified plan is what follows from the errors before it, and from what people have answered:
   see ``dsl.rules.chaos.reclarified``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, assert_never

from dsl.core import AgentPhase, Tier
from dsl.plan import AgentStep, AnyStep, GateStep, Plan, children, walk
from dsl.rules.chaos.clarified import clarified_of, unrecorded
from dsl.rules.chaos.evidence import Evidence
from dsl.rules.chaos.histories import plan_of
from dsl.rules.chaos.objection import Finding, Oracle
from dsl.rules.chaos.reclarified import misanswered
from dsl.rules.chaos.recount import Recount
from dsl.rules.chaos.standing import Standing
from dsl.rules.gates.guards import before
from dsl.rules.health.clarification import clarification_name
from dsl.rules.reconciliation.history import History, HistoryCall
from dsl.rules.reconciliation.stage_history import phases, stages, step_of
from dsl.rules.run.ids import path_of_member
from dsl.steps.step import Passes


@dataclass(frozen=True, slots=True)
class _Stage:
    """A stage that has executed, in a run with a plan."""

    history: History
    call: HistoryCall
    plan: Plan
    path: str
    where: str

    @property
    def clarified(self) -> Any:
        """By which clarified plan it works; None: by that of the run."""
        request = self.history.request
        return request.get("clarified") if isinstance(request, Mapping) else None


def _look(evidence: Evidence) -> Iterator[Finding]:
    runs = {(each.workflow_id, each.run_id): each for each in evidence.histories}
    recounts: dict[tuple[str, str], Recount] = {}
    for history in stages(evidence.histories):
        executed = [call for phase, call in phases(history) if phase is AgentPhase.EXECUTE]
        if not executed:
            continue
        where = f"{history.workflow_id}, run {history.run_id}, event {executed[0].asked}"
        run = runs.get(history.parent)
        plan = plan_of(run) if run is not None else None
        if run is None or plan is None:  # (4) nobody has started it as a stage
            yield Finding("EXECUTE as a stage of a run with a plan", "no such run", where)
            continue
        stage = _Stage(history, executed[0], plan, str(step_of(history).get("path")), where)
        recount = recounts.setdefault(history.parent, Recount(run, plan, evidence))
        yield from _unapproved(stage, recount)
        if stage.clarified:  # (5) as it is
            yield from unrecorded(history, stage.path, plan, evidence.ledger, where)
            for step in walk(plan.steps):
                if isinstance(step, AgentStep) and step.path == stage.path:
                    # (7) what follows from the errors before it
                    yield from misanswered(history, step, recount, where)


def _unapproved(stage: _Stage, recount: Recount) -> Iterator[Finding]:
    path, where = stage.path, stage.where
    try:
        # (6) the stage that it is of stands behind the guards
        earlier = () if _is_member(stage) else before(stage.plan, path)
    except KeyError:
        yield Finding("a stage of the plan of its run", f"stage {path!r}", where)
        return
    standing = recount.at(stage.history.parent_event, _about(stage))
    for step in earlier:
        if not _has_passed(step, standing):  # (1) on the way that was taken
            gates = [each for each in _gates(step) if not standing[each.path].approved]
            why = "; ".join(f"{each.path}: {standing[each.path].why}" for each in gates)
            yield Finding(f"{step.path!r} approved before EXECUTE of {path!r}", why, where)
    for told in (stage.history.request, stage.call.request):
        if not isinstance(told, Mapping):  # a local activity does not say what it was asked
            continue
        if told.get("plan") != recount.digest:  # (3) of the plan that was approved
            yield Finding(f"plan {recount.digest}", str(told.get("plan")), where)
        yield from _handed(told.get("given") or {}, earlier, standing, where)


def _about(stage: _Stage) -> dict[str, dict[str, str]]:
    """Return what the guards before a stage have approved besides: its clarified plan (5)."""
    clarified = clarified_of(stage.clarified)
    if clarified is None or int(step_of(stage.history).get("tier") or 0) < Tier.T3:
        return {}
    return {stage.path: {clarification_name(clarified.number): clarified.digest()}}


def _is_member(stage: _Stage) -> bool:
    return any(
        stage.path == path_of_member(step.path, number, member.stage)
        for step in walk(stage.plan.steps)
        if isinstance(step, AgentStep) and step.clarifiers is not None
        for member in step.clarifiers.members
        for number in range(1, step.clarifications + 1)
    )


def _has_passed(step: AnyStep, standing: Mapping[str, Standing]) -> bool:
    arms = (all(_has_passed(each, standing) for each in arm.steps) for arm in children(step))
    match step.passes:
        case Passes.EVERY_ARM:
            return all(arms)
        case Passes.ONE_ARM:
            return any(arms)
        case Passes.NO_ARM:
            return not isinstance(step, GateStep) or standing[step.path].approved
        case _:
            assert_never(step.passes)


def _gates(step: AnyStep) -> Iterator[GateStep]:
    if isinstance(step, GateStep):
        yield step
    for arm in children(step):
        for inner in arm.steps:
            yield from _gates(inner)


def _handed(
    given: Mapping[str, Any],
    earlier: tuple[AnyStep, ...],
    standing: Mapping[str, Standing],
    where: str,
) -> Iterator[Finding]:
    """Compare what a stage is handed with what was approved at the gates before it (3)."""
    gates = [gate for step in earlier for gate in _gates(step) if standing[gate.path].approved]
    for stage, outputs in given.items():
        about = [gate for gate in gates if stage in gate.approves]
        for output in outputs:
            name, digest = output.get("name"), output.get("digest")
            subjects = [standing[gate.path].subject.get(stage, {}).get(name) for gate in about]
            if about and digest not in subjects:
                found = f"{digest}, and {subjects} was approved"
                yield Finding(f"{name} of {stage!r} as it was approved", found, where)


APPROVALS: Final = Oracle(
    "approvals", "No EXECUTE without a valid approval of the digests it acts on.", _look
)
