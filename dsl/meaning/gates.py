"""Gates: there is somebody to answer, in time, about something that is there.

``DSL310`` quorum above the number of those who may vote · ``DSL311`` nobody may vote ·
``DSL312`` ``on_timeout: escalate`` and ``escalate_to`` go together (the second without the
first is a warning) · ``DSL313`` ``approves`` names no stage that has ended before ·
``DSL314`` ``members`` names no agent stage that has ended before, or the gate is no consensus
gate · ``DSL318`` a name stands twice in one list (warning).

1. A group counts as unbounded: who is in it is known only when they vote.
2. An agent's vote never counts as a person's, so members add nothing to a quorum of people;
   a gate of members alone has no more votes than members.
"""

from __future__ import annotations

from collections.abc import Sequence

from dsl.meaning.findings import Findings
from dsl.meaning.requirements import repeated
from dsl.meaning.sites import DocumentPath, Site, Survey, ends_before
from dsl.models import AgentStage, GateConfig, GateStage
from dsl.suggestions import suggest

GROUP_PREFIX = "group:"


def check_gates(survey: Survey, findings: Findings) -> None:
    """Report gates that can never be answered, and those that ask about nothing."""
    for site in survey.sites:
        if isinstance(site.stage, GateStage):
            config, at = site.stage.config, (*site.at, "config")
            _check_voters(config, at, findings)
            _check_escalation(config, at, findings)
            _check_approves(survey, site, config, findings)
            _check_members(survey, site, config, findings)


def _check_voters(config: GateConfig, at: DocumentPath, findings: Findings) -> None:
    if not (config.approvers or config.groups or config.members):
        findings.error(
            "DSL311", "nobody may answer this gate", at, 'name people: approvers: ["team-lead"]'
        )
        return
    for position, name in repeated(config.approvers):
        place = (*at, "approvers", position)
        findings.warning("DSL318", f"approver {name!r} is named twice", place, "drop one")
    names = [group.name for group in config.groups]
    for position, name in repeated(names):
        place = (*at, "groups", position)
        findings.warning("DSL318", f"group {name!r} is named twice", place, "drop one")
    if config.groups:
        return  # (1)
    if config.approvers:
        _check_quorum(config.approvers, config.quorum, at, findings)
    elif config.quorum > len(config.members):  # (2)
        _refuse_quorum(config.quorum, len(config.members), "member(s)", at, findings)


def _check_quorum(
    approvers: Sequence[str], quorum: int, at: DocumentPath, findings: Findings
) -> None:
    if any(name.startswith(GROUP_PREFIX) for name in approvers):
        return  # (1)
    if quorum > len(set(approvers)):
        _refuse_quorum(quorum, len(set(approvers)), "approver(s)", at, findings)


def _refuse_quorum(
    quorum: int, voters: int, whom: str, at: DocumentPath, findings: Findings
) -> None:
    findings.error(
        "DSL310",
        f"quorum {quorum} cannot be reached with {voters} {whom}",
        (*at, "quorum"),
        f"lower it to {voters}, or name more",
    )


def _check_escalation(config: GateConfig, at: DocumentPath, findings: Findings) -> None:
    target = config.escalate_to
    if config.on_timeout == "escalate" and target is None:
        findings.error(
            "DSL312",
            "on_timeout is escalate, and escalate_to does not say to whom",
            (*at, "on_timeout"),
            "add escalate_to: {approvers: [...]}, or write on_timeout: reject",
        )
    if target is None:
        return
    if config.on_timeout != "escalate":
        findings.warning(
            "DSL312",
            "escalate_to is never used: on_timeout is reject",
            (*at, "escalate_to"),
            "add on_timeout: escalate",
            key=True,
        )
    _check_quorum(target.approvers, target.quorum, (*at, "escalate_to"), findings)


def _check_approves(survey: Survey, site: Site, config: GateConfig, findings: Findings) -> None:
    for position, name in enumerate(config.approves or ()):
        at = (*site.at, "config", "approves", position)
        problem = _explain_unended(survey, site, name)
        if problem is not None:
            findings.error("DSL313", problem[0], at, problem[1])


def _check_members(survey: Survey, site: Site, config: GateConfig, findings: Findings) -> None:
    if config.members and config.gate_type != "consensus":
        findings.error(
            "DSL314",
            "members vote at a consensus gate only",
            (*site.at, "config", "members"),
            "write gate_type: consensus, or drop members",
            key=True,
        )
    for position, member in enumerate(config.members):
        at = (*site.at, "config", "members", position, "stage")
        problem = _explain_unended(survey, site, member.stage)
        voter = survey.resolve(site, member.stage)
        if problem is not None:
            findings.error("DSL314", problem[0], at, problem[1])
        elif voter is not None and voter is not site and not isinstance(voter.stage, AgentStage):
            message = f"{member.stage!r} is no agent stage, and only agents vote as members"
            findings.error("DSL314", message, at, "name an agent stage; people are approvers")


def _explain_unended(survey: Survey, site: Site, name: str) -> tuple[str, str] | None:
    """Return message and hint if the stage meant by ``name`` may not have ended at ``site``."""
    found = survey.resolve(site, name)
    if found is None:
        return f"unknown stage {name!r}", suggest(name, survey.named, what="stages")
    if found is site or ends_before(found, site):  # a gate about itself: DSL503 of the linter
        return None
    return (
        f"stage {name!r} may not have finished when this gate opens",
        f"add it to requires of {site.stage.name!r}",
    )
