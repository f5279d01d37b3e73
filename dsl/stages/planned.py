"""From what an author writes in the ``config`` of a stage to what a plan has of it."""

from __future__ import annotations

from dsl.core import ErrorBudget
from dsl.stages.agent import AgentConfig
from dsl.stages.people import Escalation, PeopleConfig, QuestionsConfig
from dsl.stages.tools import ToolApproval, ToolRuleConfig
from dsl.steps.people import EscalationPlan, GroupPlan, PeoplePlan, QuestionsPlan
from dsl.steps.tools import ToolApprovalPlan, ToolRate, ToolRule


def budget_of(config: AgentConfig) -> ErrorBudget | None:
    """Return the errors that its agent may make, where it says so."""
    budget = config.error_budget
    if budget is None:
        return None
    return ErrorBudget(errors=budget.errors, window_ms=budget.window)


def people_of(config: PeopleConfig) -> PeoplePlan:
    """Return who is asked."""
    return PeoplePlan(
        approvers=config.approvers,
        groups=tuple(GroupPlan(name=each.name, quorum=each.quorum) for each in config.groups),
        quorum=config.quorum,
        timeout_ms=config.timeout,
        on_timeout=config.on_timeout,
        escalate_to=_escalation(config.escalate_to),
        remind_every_ms=config.remind_every,
        exclude=config.exclude,
        identity=config.identity,
    )


def questions_of(config: QuestionsConfig) -> QuestionsPlan:
    """Return who answers what an agent asks."""
    return QuestionsPlan(**dict(people_of(config)), park_after_ms=config.park_after)


def tool_rule_of(config: ToolRuleConfig) -> ToolRule:
    """Return one line of the table of tools."""
    rate = config.rate
    return ToolRule(
        server=config.server,
        tool=config.tool,
        policy=config.policy,
        when=config.when,
        approve=None if config.approve is None else _tool_approval(config.approve),
        max_calls=config.max_calls,
        rate=None if rate is None else ToolRate(calls=rate.calls, window_ms=rate.window),
    )


def _tool_approval(config: ToolApproval) -> ToolApprovalPlan:
    return ToolApprovalPlan(**dict(people_of(config)), reason=config.reason)


def _escalation(target: Escalation | None) -> EscalationPlan | None:
    if target is None:
        return None
    return EscalationPlan(
        approvers=target.approvers, quorum=target.quorum, timeout_ms=target.timeout
    )
