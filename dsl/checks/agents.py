"""Agent stages: a known template, inputs it takes, secrets that are references.

``DSL306`` unknown template · ``DSL307`` an input the template does not take, of the wrong type,
or missing · ``DSL308`` a secret that is no ``mount/path#field`` (its value is never shown: it
may be a secret pasted by mistake) · ``DSL319`` the template has no program yet (warning) ·
``DSL320`` an agent id of the form kept for inline plans · ``DSL321`` a value has no canonical
form, so the plan would have no digest · ``DSL322`` an agent id looks like a Vault token, which
is redacted wherever it stands · ``DSL326`` a revoked agent is replaced by what is no agent id ·
``DSL327`` an agent of T3 or T4 is replaced · ``DSL331`` a template that cannot be used ·
``DSL345`` clarifications, or what follows on the last one, without an error budget: nothing would
ever come to it · ``DSL346`` ``clarify`` and ``clarifiers`` do not fit each other, or nothing is
ever clarified · ``DSL404`` an agent id is too long · ``DSL665`` a secret that is handed to a tool
server.

What holds for an agent id holds for that of a replacement. Who clarifies a plan is looked at by
``dsl.checks.gates``; no agent sits on the council about its own plan.
"""

from __future__ import annotations

import re
from typing import Any, Final

from dsl.checks.findings import Findings
from dsl.checks.guards import GUARDED_FROM
from dsl.checks.sites import Site, Survey
from dsl.conditions.interpolate import OPENING
from dsl.document.doubts import DocumentPath
from dsl.inputs import mismatch, of_clash
from dsl.models import AgentConfig, AgentStage
from dsl.rules.trust.admission import is_inline
from dsl.templates import Template, Templates
from dsl.values.agent_ids import AGENT_ID_LENGTH_MAX, is_agent_id
from dsl.values.canonical import canonical
from dsl.values.secret_refs import is_secret_reference
from dsl.values.suggestions import suggest
from dsl.values.vault_tokens import TOKEN_SHAPE

# An id is never to be taken for a token: it would be redacted.
_TOKEN_LIKE = re.compile(rf"(?<![A-Za-z0-9]){TOKEN_SHAPE}")
_OF_CLARIFICATIONS: Final = (
    *("error_budget", "clarifications", "on_exhausted"),
    *("clarify", "clarifiers"),
)
_AFTER_A_BUDGET: Final = {
    field: AgentConfig.model_fields[field].default for field in ("clarifications", "on_exhausted")
}


def check_agents(survey: Survey, findings: Findings) -> None:
    """Report what is wrong with agent stages, each for itself."""
    for site in survey.agents():
        if isinstance(site.stage, AgentStage):
            agent, named = survey.agent_of(site), "agent" if site.stage.agent else "name"
            if not (survey.doubts.touch(site.at, "agent") or _is_half_read(survey, site.stage)):
                _check_identity(agent, (*site.at, named), findings)
            _check_replacement(survey, site, site.stage, findings)
            _check_secrets(survey, site, site.stage, findings)
            _check_template(survey, site, site.stage, findings)
            if not findings.doubts.touch((*site.at, "config"), *_OF_CLARIFICATIONS):
                _check_budget(site.stage.config, (*site.at, "config"), findings)
                _check_whom(site.stage.config, (*site.at, "config"), findings)
                _check_council(survey, site, site.stage.config, findings)


def _is_half_read(survey: Survey, stage: AgentStage) -> bool:
    """Tell whether the agent has its name from a pipeline whose own could not be read."""
    return stage.agent is None and survey.doubts.touch((), "name")


def _check_identity(agent: str, at: DocumentPath, findings: Findings) -> None:
    if is_inline(agent):
        findings.error(
            "DSL320",
            f"agent id {agent!r} has the form kept for agents of inline plans",
            at,
            "choose an id that does not start with 'inline-<12 hex>.'",
        )
    if _TOKEN_LIKE.search(agent):
        findings.error(
            "DSL322",
            f"agent id {agent!r} looks like a Vault token and would be redacted",
            at,
            "give the pipeline or the agent a name of more than one letter",
        )
    if len(agent) > AGENT_ID_LENGTH_MAX:
        findings.error(
            "DSL404",
            f"the agent id made of pipeline and path has {len(agent)} characters, "
            f"and {AGENT_ID_LENGTH_MAX} is the limit",
            at,
            "name the agent: agent: <id>",
        )


def _check_replacement(survey: Survey, site: Site, stage: AgentStage, findings: Findings) -> None:
    agent, at = stage.config.replacement, (*site.at, "config", "on_revoked")
    if agent is None:
        return
    if not is_agent_id(agent):
        findings.error(
            "DSL326",
            f"{agent!r} is no agent id",
            at,
            "write lower-case letters, digits, '_', '-' and single dots, last a letter or digit",
        )
    _check_identity(agent, at, findings)
    if survey.tier_of(site) >= GUARDED_FROM:
        findings.error(
            "DSL327",
            f"the agent of {site.path!r} cannot be replaced: people let the plan's own agent act "
            f"at {survey.tier_of(site).name}, and the worker there lets no other",
            at,
            "write fail or skip",
        )


def _check_secrets(survey: Survey, site: Site, stage: AgentStage, findings: Findings) -> None:
    for name, reference in stage.config.secrets.items():
        at = (*site.at, "config", "secrets", name)
        if not is_secret_reference(reference):
            findings.error(
                "DSL308",
                f"secret {name!r} is not a reference",
                at,
                "write mount/path#field, each part of letters, digits, '_', '.' and '-', "
                "starting with a letter or digit",
            )
            continue
        whose = survey.servers.handed(reference) if survey.servers is not None else None
        if whose is not None:
            findings.error(
                "DSL665",
                f"secret {name!r} is handed to tool server {whose!r}, and to no agent",
                at,
                "call a tool of that server, or read another secret",
            )


def _check_template(survey: Survey, site: Site, stage: AgentStage, findings: Findings) -> None:
    at = (*site.at, "template")
    template = survey.templates.get(stage.template)
    if template is None:
        _no_template(survey.templates, stage.template, at, findings)
        return
    if not template.is_runnable:
        runnable = (each.name for each in survey.templates.values() if each.is_runnable)
        findings.warning(
            "DSL319",
            f"template {template.name!r} has no program in this release",
            at,
            "a run that comes to it is refused, before anybody is asked: take another template "
            f"({', '.join(sorted(runnable))})",
        )
    _check_inputs(site, stage, template, findings)
    _check_required(site, stage, template, findings)


def _no_template(templates: Templates, name: str, at: DocumentPath, findings: Findings) -> None:
    if name in templates.refused:
        message = f"template {name!r} cannot be used: {templates.refused[name]}"
        findings.error("DSL331", message, at)
        return
    hint = "; ".join((suggest(name, templates, what="templates"), *templates.unseen))
    findings.error("DSL306", f"unknown template {name!r}", at, hint)


def _check_inputs(site: Site, stage: AgentStage, template: Template, findings: Findings) -> None:
    for name, value in stage.config.inputs.items():
        at = (*site.at, "config", "inputs", name)
        if not _is_canonical(name, value, at, findings) or template.inputs is None:
            continue
        if name not in template.inputs:
            hint = suggest(name, template.inputs, what="inputs it takes")
            message = f"template {template.name!r} takes no input {name!r}"
            findings.error("DSL307", message, at, hint, key=True)
        elif not _holds_expression(value):  # else its type is known in the run only
            spec = template.inputs[name]
            clash = mismatch(spec.type, spec.enum, value)
            if clash is not None:
                hint = of_clash(spec.type, value)
                findings.error("DSL307", f"input {name!r}: {clash}", at, hint)


def _check_required(site: Site, stage: AgentStage, template: Template, findings: Findings) -> None:
    if findings.doubts.touch((*site.at, "config"), "inputs"):
        return
    for name, spec in (template.inputs or {}).items():
        needed = spec.required is not False and spec.default is None
        if needed and name not in stage.config.inputs:
            message = f"template {template.name!r} needs the input {name!r}"
            findings.error("DSL307", message, (*site.at, "template"), "set it: config.inputs")


def _is_canonical(name: str, value: Any, at: DocumentPath, findings: Findings) -> bool:
    try:
        canonical(value)
    except ValueError as error:
        findings.error("DSL321", f"input {name!r}: {error}", at, "write it as text")
        return False
    return True


def _holds_expression(value: Any) -> bool:
    return isinstance(value, str) and OPENING in value


def _check_budget(config: AgentConfig, at: DocumentPath, findings: Findings) -> None:
    if config.error_budget is not None:
        return
    for field, default in _AFTER_A_BUDGET.items():
        if getattr(config, field) != default:
            findings.error(
                "DSL345",
                f"{field} says what follows on a spent error budget, and there is none",
                (*at, field),
                "add error_budget: {errors: 5, window: 10m}",
            )


def _check_whom(config: AgentConfig, at: DocumentPath, findings: Findings) -> None:
    said = [f for f in ("clarify", "clarifiers") if f in config.model_fields_set]
    if not config.clarifications:
        for field in said:
            findings.error(
                "DSL346",
                f"{field} says how a plan is clarified, and clarifications is 0",
                (*at, field),
                "add clarifications: 1",
            )
        return
    clarifiers = config.clarifiers
    if config.clarify == "auto":
        if clarifiers is not None:
            findings.error(
                "DSL346",
                "clarify is auto: nobody is asked",
                (*at, "clarifiers"),
                "add clarify: human, or clarify: council for members",
            )
        return
    if clarifiers is None:
        who = "approvers: [team-lead]" if config.clarify == "human" else "members: [{stage: …}]"
        findings.error(
            "DSL346",
            f"clarify is {config.clarify}, and clarifiers does not say who that is",
            (*at, "clarify"),
            f"add clarifiers: {{{who}}}",
        )
    elif (config.clarify == "council") != bool(clarifiers.members):
        findings.error(
            "DSL346",
            "a council has members, and people have none",
            (*at, "clarifiers"),
            "write clarify: council with members, or clarify: human without",
        )


def _check_council(survey: Survey, site: Site, config: AgentConfig, findings: Findings) -> None:
    """Report an agent that would be asked about its own plan."""
    own = survey.agent_of(site)
    for position, member in enumerate(config.clarifiers.members if config.clarifiers else ()):
        found = survey.resolve(site, member.stage)
        is_agent = found is not None and isinstance(found.stage, AgentStage)
        if found is not None and is_agent and survey.agent_of(found) == own:
            findings.error(
                "DSL346",
                f"{own!r} would be asked about its own plan",
                (*site.at, "config", "clarifiers", "members", position, "stage"),
                "name another agent's stage",
            )
