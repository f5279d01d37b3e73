"""Facts of governance about a document that is otherwise right.

They are stated about every run the document allows, not about a likely one. A breach is an
error where an agent of T3 or above is concerned, else a warning. The rules:

1. ``DSL501``, ``DSL506``, ``DSL507``, ``DSL508`` What guards a T3+ stage: ``dsl.checks.guards``.
2. ``DSL502`` Stages that may run at once do not share an agent: its lock, budget and tier are
   one, and a revocation aimed at one stage would stop the other. An agent that may take over from
   a revoked one counts as an agent of the stage.
3. ``DSL503`` No gate approves itself, or is a member of its own council. Always an error.
4. ``DSL504`` No agent votes on its own work: a member's agent is not the author of an approved
   stage, unless that stage is the member's own vote.
5. ``DSL505`` An agent that was revoked is not replaced by itself. Always an error.
6. ``DSL509`` A vote binds outputs, not plan and inputs alone: ``dsl.checks.approvals``. A breach
   is an error also where votes are proven: that would be a signature under nothing.

Quorum and number of approvers are in ``dsl.checks.gates``: an impossible quorum is wrong at
every tier.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dsl.checks.approvals import Approvals
from dsl.checks.findings import Findings, Places, TooManyProblemsError
from dsl.checks.guards import GUARDED_FROM, check_guards
from dsl.checks.sites import Scope, Site, Survey, ends_before
from dsl.document.doubts import DocumentPath
from dsl.errors import Problem
from dsl.models import (
    AgentStage,
    GateConfig,
    GateStage,
)
from dsl.rules.gates.consensus import VERIFIED
from dsl.rules.gates.gate_rules import NO_OUTPUT


def lint(survey: Survey, marks: Places) -> list[Problem]:
    """Return the breaches of the rules above, errors and warnings, in no order."""
    approvals = Approvals(survey)
    certain = Approvals(survey, at_least=True)
    findings = Findings(marks, doubts=survey.doubts)
    try:
        check_guards(survey, approvals, findings)
        _lint_sharing(survey, survey.top, findings)
        for site in survey.sites:
            if isinstance(site.stage, GateStage):
                approved = approvals.of(site)
                _lint_gate(survey, site, site.stage.config, findings)
                _lint_authors(survey, site, site.stage.config, certain.of(site), findings)
                if not approved and _names_nothing_wrong(survey, site, site.stage.config):
                    _report_empty(survey, site, site.stage.config, findings)
            elif isinstance(site.stage, AgentStage):
                _lint_replacement(survey, site, site.stage, findings)
    except TooManyProblemsError:
        pass
    return findings.problems


def _lint_sharing(survey: Survey, scope: Scope, findings: Findings) -> dict[str, Site]:
    """Report shared agents inside ``scope``; return one site of each agent in it."""
    inside: list[dict[str, Site]] = [_agents_inside(survey, site, findings) for site in scope.sites]
    earlier: dict[str, int] = {}  # agent -> positions that hold it
    for position in scope.closure.order:
        before = scope.closure.before[position]
        for agent, site in inside[position].items():
            beside = earlier.get(agent, 0) & ~before
            if beside:  # (2) they may run at once
                other = inside[beside.bit_length() - 1][agent]
                _report_sharing(survey, agent, (other, site), findings)
            earlier[agent] = earlier.get(agent, 0) | 1 << position
    return _merge(survey, inside)


def _agents_inside(survey: Survey, site: Site, findings: Findings) -> dict[str, Site]:
    if isinstance(site.stage, AgentStage):
        return dict.fromkeys(survey.agents_of(site), site)
    arms = [_lint_sharing(survey, arm, findings) for arm in site.inner]
    if site.stage.runs_arms_together:
        return _lint_branches(survey, arms, findings)
    return _merge(survey, arms)  # where one is taken they share what they like


def _lint_branches(
    survey: Survey, branches: Sequence[dict[str, Site]], findings: Findings
) -> dict[str, Site]:
    seen: dict[str, Site] = {}
    for branch in branches:
        for agent in sorted(branch.keys() & seen.keys()):
            _report_sharing(survey, agent, (seen[agent], branch[agent]), findings)
        seen = _merge(survey, (seen, branch))
    return seen


def _merge(survey: Survey, parts: Iterable[dict[str, Site]]) -> dict[str, Site]:
    """Keep one site of each agent, of the highest tier: the tier makes a breach an error."""
    merged: dict[str, Site] = {}
    for part in parts:
        for agent, site in part.items():
            kept = merged.setdefault(agent, site)
            if survey.tier_of(site) > survey.tier_of(kept):
                merged[agent] = site
    return merged


def _report_sharing(
    survey: Survey, agent: str, sites: tuple[Site, Site], findings: Findings
) -> None:
    one, other = sorted(sites, key=lambda site: site.at)
    tier = max(survey.tier_of(one), survey.tier_of(other))
    report = findings.error if tier >= GUARDED_FROM else findings.warning
    report(
        "DSL502",
        f"stages {one.path!r} and {other.path!r} may run at once and share agent {agent!r}",
        (*other.at, "agent") if survey.agent_of(other) == agent else _on_revoked(other),
        "give each its own agent, or let one require the other",
    )


def _lint_gate(survey: Survey, gate: Site, config: GateConfig, findings: Findings) -> None:
    at: DocumentPath = (*gate.at, "config")
    for position, name in enumerate(config.approves or ()):
        if survey.resolve(gate, name) is gate:
            _refuse_self(gate, (*at, "approves", position), findings)
    for position, member in enumerate(config.members):
        if survey.resolve(gate, member.stage) is gate:
            _refuse_self(gate, (*at, "members", position), findings)


def _refuse_self(gate: Site, at: DocumentPath, findings: Findings) -> None:
    message = f"gate {gate.path!r} approves itself"  # (3) it approves itself
    findings.error("DSL503", message, at, "name another stage")


def _lint_authors(
    survey: Survey,
    gate: Site,
    config: GateConfig,
    approved: Sequence[Site],
    findings: Findings,
) -> None:
    voters = [survey.resolve(gate, member.stage) for member in config.members]
    authors = {
        agent: site for site in approved if site not in voters for agent in survey.agents_of(site)
    }
    for position, voter in enumerate(voters):
        agents = survey.agents_of(voter) if voter is not None else ()
        agent = next((agent for agent in agents if agent in authors), None)
        if agent is None:  # (4) no agent votes on its own work
            continue
        author = authors[agent]
        is_strict = survey.tier_of(author) >= GUARDED_FROM or _guards_power(survey, gate)
        report = findings.error if is_strict else findings.warning
        report(
            "DSL504",
            f"agent {agent!r} votes at gate {gate.path!r} on its own work ({author.path!r})",
            (*gate.at, "config", "members", position),
            "let another agent review it",
        )


def _report_empty(survey: Survey, gate: Site, config: GateConfig, findings: Findings) -> None:
    is_strict = VERIFIED in (config.identity or ()) or _guards_power(survey, gate)
    report = findings.error if is_strict else findings.warning  # (6) a signature under nothing
    report(
        "DSL509",
        f"a vote at gate {gate.path!r} would bind {NO_OUTPUT}",
        (*gate.at, "name") if config.approves is None else (*gate.at, "config", "approves"),
        "let the gate require the stages whose outputs people approve",
    )


def _names_nothing_wrong(survey: Survey, gate: Site, config: GateConfig) -> bool:
    """Tell whether no other rule speaks of ``approves`` already."""
    named = [survey.resolve(gate, name) for name in config.approves or ()]
    return all(site is not None and ends_before(site, gate) for site in named)


def _guards_power(survey: Survey, gate: Site) -> bool:
    """Tell whether a stage of T3 or above starts after the gate has ended."""
    return any(
        survey.tier_of(site) >= GUARDED_FROM and ends_before(gate, site) for site in survey.agents()
    )


def _lint_replacement(survey: Survey, site: Site, stage: AgentStage, findings: Findings) -> None:
    if stage.config.replacement == survey.agent_of(site):  # (5) replaced by itself
        findings.error(
            "DSL505",
            f"agent {survey.agent_of(site)!r} is replaced by itself when it is revoked",
            _on_revoked(site),
            "name another agent, or write fail or skip",
        )


def _on_revoked(site: Site) -> DocumentPath:
    return (*site.at, "config", "on_revoked")
