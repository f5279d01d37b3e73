"""Gates: there is somebody to answer, in time, about something that is there.

``DSL310`` quorum above the number of those who may vote · ``DSL311`` nobody may vote ·
``DSL312`` ``on_timeout: escalate`` and ``escalate_to`` go together (where people are asked, the
second without the first is a warning) · ``DSL313`` ``approves`` names no stage that has ended
before · ``DSL314`` ``members`` names no agent stage that has ended before, or the gate is no
consensus gate · ``DSL318`` a name stands twice in one list (warning) · ``DSL323`` agents alone are
asked, and where they do not agree there is nobody to go to (warning) · ``DSL324`` somebody is
excluded where claims are taken (warning) · ``DSL325`` reminders that never come, or stop early
(warning) · ``DSL620`` ``decides`` at a gate without members · ``DSL621`` ``decides`` where people
are asked first, or where there are none to go to · ``DSL622`` ``decides`` names no agent stage that
has ended before.

1. A group counts as unbounded: who is in it is known only when they vote.
2. An agent's vote never counts as a person's, so members add nothing to a quorum of people;
   a gate of members alone has the votes of their weights.
3. A gate of members alone goes to ``escalate_to`` whenever agents do not decide.
4. An escalation takes identity, exclusions, reasons and reminders from its gate.
5. What hangs on a field that could not be read is left out.
6. What an agent stage may ask is asked at a gate, so the same holds for ``config.questions``, for
   what a rule of ``config.tools`` asks, and for ``config.clarifiers``. At T3 and T4 there are no
   questions: ``DSL330``.
7. Where suggestions are decided one by one, what is of high risk goes to people, always: so there
   are people to go to, and they are asked after the members.
"""

from __future__ import annotations

from collections.abc import Sequence

from dsl.checks.findings import Findings
from dsl.checks.requirements import repeated
from dsl.checks.sites import Site, Survey, ends_before
from dsl.core import Tier
from dsl.document.doubts import DocumentPath
from dsl.limits import REMINDERS_MAX
from dsl.models import (
    AgentStage,
    ClarifiersConfig,
    GateConfig,
    GateStage,
    PeopleConfig,
    QuestionsConfig,
)
from dsl.people import GROUP_PREFIX, quoted
from dsl.values.durations import render_duration
from dsl.values.suggestions import suggest


def check_gates(survey: Survey, findings: Findings) -> None:
    """Report gates that can never be answered, and those that ask about nothing."""
    for site in survey.sites:
        if isinstance(site.stage, GateStage):
            config, at = site.stage.config, (*site.at, "config")
            _check_people(config, at, findings)
            _check_approves(survey, site, config, findings)
            _check_members(survey, site, config, at, findings)
            if config.decides is not None:
                _check_decides(survey, site, config, config.decides, findings)
        elif isinstance(site.stage, AgentStage):
            if site.stage.config.questions is not None:
                _check_questions(survey, site, site.stage.config.questions, findings)
            if site.stage.config.clarifiers is not None:
                _check_clarifiers(survey, site, site.stage.config.clarifiers, findings)


def _check_questions(
    survey: Survey, site: Site, questions: QuestionsConfig, findings: Findings
) -> None:
    at = (*site.at, "config", "questions")
    check_asked(questions, at, findings)
    if survey.tier_of(site) >= Tier.T3:
        findings.error(
            "DSL330",
            "an agent of T3 or T4 asks nothing while it acts",
            at,
            "let a stage before it ask, or put a gate before it",
        )


def _check_clarifiers(
    survey: Survey, site: Site, clarifiers: ClarifiersConfig, findings: Findings
) -> None:
    """Report what would be wrong with a gate of the same people and agents (6)."""
    config = GateConfig.model_construct(gate_type="consensus", **dict(clarifiers))
    at = (*site.at, "config", "clarifiers")
    _check_people(config, at, findings)
    _check_members(survey, site, config, at, findings)


def check_asked(people: PeopleConfig, at: DocumentPath, findings: Findings) -> None:
    """Report what would be wrong with a gate of the same people (6)."""
    _check_people(GateConfig.model_construct(**dict(people)), at, findings)


def _check_people(config: GateConfig, at: DocumentPath, findings: Findings) -> None:
    _check_voters(config, at, findings)
    _check_lists(config, at, findings)
    _check_escalation(config, at, findings)
    _check_exclusion(config, at, findings)
    _check_reminders(config, at, findings)


def _check_voters(config: GateConfig, at: DocumentPath, findings: Findings) -> None:
    if findings.doubts.touch(at, "approvers", "groups", "members"):
        return  # (5) it hangs on what could not be read
    if not (config.approvers or config.groups or config.members):
        findings.error(
            "DSL311", "nobody may answer this gate", at, 'name people: approvers: ["team-lead"]'
        )
        return
    if config.groups:
        return  # (1) a group is unbounded
    if config.approvers:
        _check_quorum(config.approvers, config.quorum, at, findings)
    else:
        weight = sum(member.weight for member in config.members)  # (2) agents never count as people
        if config.quorum > weight:
            _refuse_quorum(config.quorum, weight, "as the weight of all members", at, findings)


def _check_lists(config: GateConfig, at: DocumentPath, findings: Findings) -> None:
    for field, what, names in (
        ("approvers", "approver", config.approvers),
        ("groups", "group", [group.name for group in config.groups]),
        ("members", "member", [member.stage for member in config.members]),
        ("exclude", "exclusion", config.exclude),
        ("identity", "identity", config.identity or ()),
    ):
        for position, name in repeated(names):
            message = f"{what} {quoted(name)} is named twice"
            findings.warning("DSL318", message, (*at, field, position), "drop one")


def _check_quorum(
    approvers: Sequence[str], quorum: int, at: DocumentPath, findings: Findings
) -> None:
    if any(name.startswith(GROUP_PREFIX) for name in approvers):
        return  # (1) a group is unbounded
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
    if findings.doubts.touch(at, "escalate_to", "on_timeout", "approvers", "groups"):
        return  # (5) it hangs on what could not be read
    if config.on_timeout == "escalate" and target is None:
        findings.error(
            "DSL312",
            "on_timeout is escalate, and escalate_to does not say to whom",
            (*at, "on_timeout"),
            "add escalate_to: {approvers: [...]}, or write on_timeout: reject",
        )
    if target is None:
        if config.members and not _asks_people(config):
            findings.warning(
                "DSL323",
                "agents that do not agree have nobody to go to: the gate will be rejected",
                (*at, "members"),
                'name people: escalate_to: {approvers: ["team-lead"]}',
                key=True,
            )
        return
    if not _escalates(config):
        findings.warning(
            "DSL312",
            "escalate_to is never used: on_timeout is reject",
            (*at, "escalate_to"),
            "add on_timeout: escalate",
            key=True,
        )
    _check_quorum(target.approvers, target.quorum, (*at, "escalate_to"), findings)


def _asks_people(config: GateConfig) -> bool:
    return bool(config.approvers or config.groups)


def _escalates(config: GateConfig) -> bool:
    """Tell whether anything leads to ``escalate_to`` (3)."""
    return config.on_timeout == "escalate" or not _asks_people(config)


def _check_exclusion(config: GateConfig, at: DocumentPath, findings: Findings) -> None:
    if config.exclude and config.identity is not None and "claimed" in config.identity:
        findings.warning(
            "DSL324",
            "this gate takes claims, and whoever is excluded may claim another name",
            (*at, "exclude"),
            "write identity: [verified]",
            key=True,
        )


def _check_reminders(config: GateConfig, at: DocumentPath, findings: Findings) -> None:
    every = config.remind_every
    if findings.doubts.touch(at, "timeout", "escalate_to", "on_timeout", "approvers", "groups"):
        return  # (5) it hangs on what could not be read
    waits = [config.timeout] if _asks_people(config) else []
    if config.escalate_to is not None and _escalates(config):
        waits.append(config.escalate_to.timeout)
    if every is None or not waits:
        return
    longest = max(waits)
    problem, hint = "", ""
    if every >= longest:
        problem = f"nobody is ever reminded: time is up after {render_duration(longest)}"
        hint = "remind sooner, or drop remind_every"
    elif every * REMINDERS_MAX < longest:
        quiet = render_duration(every * REMINDERS_MAX)
        problem = f"there are {REMINDERS_MAX} reminders at most: it is quiet after {quiet}"
        hint = "remind less often"
    if problem:
        findings.warning("DSL325", problem, (*at, "remind_every"), hint)


def _check_approves(survey: Survey, site: Site, config: GateConfig, findings: Findings) -> None:
    for position, name in enumerate(config.approves or ()):
        at = (*site.at, "config", "approves", position)
        problem = _explain_unended(survey, site, name)
        if problem is not None:
            findings.error("DSL313", problem[0], at, problem[1])


def _check_members(
    survey: Survey, site: Site, config: GateConfig, at: DocumentPath, findings: Findings
) -> None:
    is_read = not findings.doubts.touch(at, "gate_type")
    if config.members and config.gate_type != "consensus" and is_read:
        findings.error(
            "DSL314",
            "members vote at a consensus gate only",
            (*at, "members"),
            "write gate_type: consensus, or drop members",
            key=True,
        )
    for position, member in enumerate(config.members):
        place = (*at, "members", position, "stage")
        problem = _explain_unended(survey, site, member.stage)
        voter = survey.resolve(site, member.stage)
        if problem is not None:
            findings.error("DSL314", problem[0], place, problem[1])
        elif voter is not None and voter is not site and _is_no_agent(survey, voter):
            message = f"{member.stage!r} is no agent stage, and only agents vote as members"
            findings.error("DSL314", message, place, "name an agent stage; people are approvers")


def _check_decides(
    survey: Survey, site: Site, config: GateConfig, name: str, findings: Findings
) -> None:
    at = (*site.at, "config", "decides")
    fields = ("members", "gate_type", "approvers", "groups", "escalate_to")
    is_read = not findings.doubts.touch(at[:-1], *fields)
    if is_read and not config.members:
        message = "decides without members: nobody judges what is suggested"
        hint = "name reviewers: members: [{stage: …}], with gate_type: consensus"
        findings.error("DSL620", message, at, hint, key=True)
    elif is_read and (config.escalate_to is None or _asks_people(config)):  # (7) people to go to
        message = "what is of high risk goes to people after the members were heard"
        hint = 'write escalate_to: {approvers: ["team-lead"]}, and no approvers or groups'
        findings.error("DSL621", message, at, hint, key=True)
    problem = _explain_unended(survey, site, name)
    suggester = survey.resolve(site, name)
    if problem is not None:
        findings.error("DSL622", problem[0], at, problem[1])
    elif suggester is site or (suggester is not None and _is_no_agent(survey, suggester)):
        message = f"{name!r} is no agent stage, and only agents put suggestions out"
        findings.error("DSL622", message, at, "name the agent stage that suggests")


def _is_no_agent(survey: Survey, voter: Site) -> bool:
    return not isinstance(voter.stage, AgentStage) and not survey.doubts.touch(voter.at, "type")


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
