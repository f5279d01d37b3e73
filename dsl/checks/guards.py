"""What stands before a stage that changes production: people, and what they approved.

The worker of such a stage believes no workflow. It asks the same of every run again, so what is
let pass here can start, and what is refused here never could. A *guard* is a gate that asks
people and takes verified identities only. The rules, for stages of T3 and above:

1. ``DSL501`` Every way to the stage passes a guard. A gate counts when it stands in the
   transitive ``requires`` of the stage or of a stage around it. One inside a parallel stage counts
   when every outcome that completes the parallel stage has passed it; one inside a condition, when
   both arms have one.
2. ``DSL506`` A stage of T4 passes a guard that takes two people, escalated or not.
3. ``DSL507`` Outputs that are handed to the stage, of agents it requires and of what a gate it
   requires approves, were approved at a guard on every way.
4. ``DSL508`` Its inputs read outputs of such stages, and inputs of the run; no other stage. Of a
   stage they never read ``detail``: nobody approves that.
5. What could not be read may be the guard that is wanted, so nobody is told that there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, assert_never

from dsl.checks.approvals import Approvals
from dsl.checks.findings import Findings
from dsl.checks.sites import Scope, Site, Survey
from dsl.conditions.errors import ExpressionError
from dsl.conditions.interpolate import expressions_in
from dsl.conditions.references import Reference
from dsl.core import Tier
from dsl.models import AgentStage, GateConfig, GateStage
from dsl.steps.step import Passes

GUARDED_FROM: Final = Tier.T3
COUNCIL_FROM: Final = Tier.T4
COUNCIL_MIN: Final = 2
_NEVER_APPROVED: Final = "detail"
_GUARDING: Final = (
    *("approvers", "groups", "quorum", "identity", "on_timeout", "escalate_to"),
    "approves",
)


@dataclass(frozen=True, slots=True)
class _Guard:
    """What the guards passed on a way are good for."""

    by_people: bool = False
    by_two: bool = False
    approved: frozenset[str] = frozenset()  # stages, by path


def check_guards(survey: Survey, approvals: Approvals, findings: Findings) -> None:
    """Report stages of T3 and above that could act on what nobody has approved."""
    guards = _Guards(survey, approvals)
    for site in survey.agents():
        tier = survey.tier_of(site)
        if tier < GUARDED_FROM:
            continue
        guard = guards.before(site)
        if not guard.by_people:  # (1): without a guard nothing is approved, either
            findings.error(
                "DSL501",
                f"stage {site.path!r} runs at {tier.name}, and not every way to it passes a gate "
                "answered by people of verified identity",
                (*site.at, "name"),
                "require a gate with approvers and identity: [verified]",
            )
            continue
        if tier >= COUNCIL_FROM and not guard.by_two:  # (2) T4 takes two people
            findings.error(
                "DSL506",
                f"stage {site.path!r} runs at {tier.name}, and no gate before it takes two people",
                (*site.at, "name"),
                f"write quorum: {COUNCIL_MIN} at the gate before it, and where that escalates",
            )
        _check_given(approvals, site, guard, findings)
        _check_inputs(survey, site, guard, findings)


class _Guards:
    """The guards of a document; what a stage is good for is found out once."""

    def __init__(self, survey: Survey, approvals: Approvals) -> None:
        self._doubts = survey.doubts
        self._approvals = approvals
        # (5) it may be the guard that is wanted
        self._any = _Guard(by_people=True, by_two=True, approved=frozenset(survey.named))
        self._known: dict[str, _Guard] = {}

    def before(self, site: Site) -> _Guard:
        """Return what was certainly passed when ``site`` starts."""
        return _all(
            self._of(earlier) for around in site.enclosing() for earlier in around.required()
        )

    def _of(self, site: Site) -> _Guard:
        if site.path not in self._known:
            self._known[site.path] = self._look(site)
        return self._known[site.path]

    def _look(self, site: Site) -> _Guard:
        if self._is_in_doubt(site):
            return self._any
        if isinstance(site.stage, GateStage):
            return self._of_gate(site, site.stage.config)
        arms = (self._of_scope(scope) for scope in site.inner)
        match site.stage.passes:
            case Passes.EVERY_ARM:
                return _all(arms)
            case Passes.ONE_ARM:
                return _any(arms)
            case Passes.NO_ARM:
                return _Guard()  # it completes though the gate was rejected
            case _:
                assert_never(site.stage.passes)

    def _is_in_doubt(self, site: Site) -> bool:
        doubts, at = self._doubts, site.at
        if isinstance(site.stage, GateStage):
            is_unread = doubts.touch(at, "type") or doubts.touch((*at, "config"), *_GUARDING)
            return is_unread or not site.scope.knows_before(site)
        return any(doubts.cover((*at, *place)) for place in site.stage.passes_at)

    def _of_scope(self, scope: Scope) -> _Guard:
        return _all(self._of(site) for site in scope.sites)

    def _of_gate(self, site: Site, config: GateConfig) -> _Guard:
        has_people = bool(config.approvers or config.groups)
        if not has_people or config.identity != ("verified",):
            return _Guard()
        approved = (each.path for each in self._approvals.of(site))
        return _Guard(by_people=True, by_two=_takes_two(config), approved=frozenset(approved))


def _all(guards: Iterable[_Guard]) -> _Guard:
    """Return what it is worth that all of them were passed."""
    each = list(guards)
    return _Guard(
        by_people=any(guard.by_people for guard in each),
        by_two=any(guard.by_two for guard in each),
        approved=frozenset().union(*(guard.approved for guard in each)),
    )


def _any(guards: Iterable[_Guard]) -> _Guard:
    """Return what it is worth that one of them was passed, and nobody knows which."""
    each = list(guards)
    return _Guard(
        by_people=all(guard.by_people for guard in each),
        by_two=all(guard.by_two for guard in each),
        approved=frozenset.intersection(*(guard.approved for guard in each)),
    )


def _takes_two(config: GateConfig) -> bool:
    counts = [config.quorum, *(group.quorum for group in config.groups)]
    target = config.escalate_to if config.on_timeout == "escalate" else None
    escalated = target is None or target.quorum >= COUNCIL_MIN
    return max(counts) >= COUNCIL_MIN and escalated


def _check_given(approvals: Approvals, site: Site, guard: _Guard, findings: Findings) -> None:
    for position, name in enumerate(site.stage.requires):
        required = site.scope.named.get(name)
        if required is None:
            continue
        for giver in _given_by(approvals, required):
            if giver.path not in guard.approved:  # (3) handed over without approval
                findings.error(
                    "DSL507",
                    f"outputs of {giver.path!r} would reach {site.path!r} without the approval of "
                    "people of verified identity",
                    (*site.at, "requires", position),
                    f"add {giver.path} to approves of the gate before it",
                )
                break


def _given_by(approvals: Approvals, required: Site) -> Iterable[Site]:
    if isinstance(required.stage, AgentStage):
        return (required,)
    return approvals.of(required) if isinstance(required.stage, GateStage) else ()


def _check_inputs(survey: Survey, site: Site, guard: _Guard, findings: Findings) -> None:
    if not isinstance(site.stage, AgentStage):
        return
    for name, value in site.stage.config.inputs.items():
        for reference in _stages_read(value):
            problem = _explain(survey, guard, reference)
            if problem is not None:  # (4) nobody has approved it
                message = f"input {name!r} of {site.path!r} reads {problem[0]}"
                findings.error("DSL508", message, (*site.at, "config", "inputs", name), problem[1])
                break


def _stages_read(value: Any) -> Iterator[Reference]:
    try:
        expressions = [expression for _, expression in expressions_in(value)]
    except ExpressionError:
        return  # DSL315
    for expression in expressions:
        for reference in expression.references:
            if reference.names[0] == "stages" and len(reference.names) > 1:
                yield reference


def _explain(survey: Survey, guard: _Guard, reference: Reference) -> tuple[str, str] | None:
    path = reference.names[1]
    site = survey.named.get(path)
    if site is None or survey.doubts.touch(site.at, "type"):
        return None  # DSL316 says it; (5) of an unread type nothing is said
    if not isinstance(site.stage, AgentStage):
        return f"{path!r}, which is no agent stage", "read outputs of agents, or the run's inputs"
    if path not in guard.approved:
        return (
            f"{path!r}, which no gate of verified people before it has approved",
            f"add {path} to approves of the gate before it",
        )
    if _NEVER_APPROVED in reference.names[2:3]:
        return f"{_NEVER_APPROVED!r} of {path!r}, which no gate approves", "read its output"
    return None
