"""Agents in a report: what each held, might read and was stopped by, in the ledger's order."""

from __future__ import annotations

from typing import Final

from dsl.plan import AgentStep, walk
from dsl.shown.markup import shown_text_time, table
from dsl.shown.surfaces import Html
from dsl.values.durations import render_duration
from mandate.work.look.report.findings import Findings, standings

STANDINGS_SHOWN_MAX: Final = 1_500


def agents_part(found: Findings) -> Html:
    """Return the part: tiers and credentials over time, and error budgets."""
    moments = list(standings(found.entries))
    rows = [
        (
            shown_text_time(each.ts),
            Html.of("{}", each.seq),
            Html.of("<bdi>{}</bdi>", each.agent),
            Html.of("<bdi>{}</bdi>", each.what, limit=1_000),
        )
        for each in moments[:STANDINGS_SHOWN_MAX]
    ]
    parts = []
    if rows:
        parts.append(table(("when", "entry", "agent", "what"), rows))
    if len(moments) > len(rows):
        parts.append(Html.of('<p class="quiet">and {} more</p>', len(moments) - len(rows)))
    budgets = _budgets(found)
    if budgets:
        head = ("stage", "tier", "errors allowed", "errors made")
        parts.append(Html.of("<h3>Error budgets</h3>{}", table(head, budgets)))
    if not parts:
        return Html()
    body = Html.joined("\n", parts)
    return Html.of("<section><h2>What agents held and might use</h2>{}</section>", body)


def _budgets(found: Findings) -> list[tuple[Html, ...]]:
    steps = walk(found.plan.steps) if found.plan is not None else ()
    run = found.account.workflow
    return [
        (
            Html.of("<bdi>{}</bdi>", step.path),
            Html.of("{}", step.tier.name),
            Html.of(
                "{} in {}", step.error_budget.errors, render_duration(step.error_budget.window_ms)
            ),
            Html.of("{}", found.errors(f"{run}/{step.path}")),
        )
        for step in steps
        if isinstance(step, AgentStep) and step.error_budget is not None
    ]
