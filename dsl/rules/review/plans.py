"""What a plan asks of people and of trust, and should not.

The linter refuses what can never work, and warns of what it takes for a mistake. Here is what works
and will not do, told with the path of the stage:

1. A gate that one absent or excluded person leaves without anybody: names alone, and no more of
   them than it needs, where whoever starts the run, or wrote the plan, is excluded.
2. A gate that is open for less than people need to see it.
3. A stage that stands before a gate, or before another stage, and declares no output: who decides
   sees nothing, and what comes after gets nothing that was promised.
4. A tier that nothing in the stage takes: no secret, no address, no folder to write to, no tool.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dsl.core import Tier
from dsl.plan import AgentStep, GateStep, Plan, walk
from dsl.review.anomaly import AnomalySeverity
from dsl.review.kinds import AnomalyKind
from dsl.steps.people import PeoplePlan
from dsl.values.durations import render_duration

SEEN_WITHIN_MS: Final = 5 * 60_000  # in which somebody may be expected to see that they are asked
NEEDED_FROM: Final = Tier.T2  # below it an agent changes nothing of its own accord


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something about one stage of a plan."""

    kind: AnomalyKind
    severity: AnomalySeverity
    path: str
    message: str
    rule: str


def doubts_about(plan: Plan) -> Iterator[Doubt]:
    """Yield what is doubtful about each stage, in the order of the plan."""
    steps = list(walk(plan.steps))
    looked_at = {path for step in steps if isinstance(step, GateStep) for path in step.approves}
    for step in steps:
        if isinstance(step, GateStep):
            yield from _of_gate(step.path, step)
        elif isinstance(step, AgentStep):
            yield from _of_agent(step, is_approved=step.path in looked_at)


def _of_gate(path: str, people: PeoplePlan) -> Iterator[Doubt]:
    named = [each for each in people.approvers if not each.startswith("group:")]
    only_named = len(named) == len(people.approvers) and not people.groups and named
    if only_named and people.exclude and people.quorum >= len(named):  # (1) nobody is left
        who = " or ".join(people.exclude)
        yield Doubt(
            AnomalyKind.UNANSWERABLE_GATE,
            AnomalySeverity.HIGH,
            path,
            f"needs {people.quorum} of {', '.join(named)}, and excludes the {who}: where that is "
            "one of them, nobody can answer it",
            "nobody-left",
        )
    if people.timeout_ms < SEEN_WITHIN_MS:  # (2) less than people need
        yield Doubt(
            AnomalyKind.UNANSWERABLE_GATE,
            AnomalySeverity.MEDIUM,
            path,
            f"is open for {render_duration(people.timeout_ms)}: hardly anybody sees it in time",
            "short-gate",
        )


def _of_agent(step: AgentStep, *, is_approved: bool) -> Iterator[Doubt]:
    if is_approved and not step.produces:  # (3) who decides sees what was promised
        yield Doubt(
            AnomalyKind.NO_PACKAGE,
            AnomalySeverity.LOW,
            step.path,
            "people approve what it puts out, and its template declares no output (`produces`)",
            "no-output",
        )
    if step.tier >= NEEDED_FROM and not _takes_trust(step):  # (4) nothing takes it
        high = step.tier > NEEDED_FROM
        yield Doubt(
            AnomalyKind.TIER_ABOVE_NEED,
            AnomalySeverity.MEDIUM if high else AnomalySeverity.LOW,
            step.path,
            f"asks for {step.tier.name} and has no secret, address, folder or tool that takes it",
            "tier-unused",
        )


def _takes_trust(step: AgentStep) -> bool:
    return bool(step.secrets or step.sandbox.tcp or step.sandbox.write or step.tools)
