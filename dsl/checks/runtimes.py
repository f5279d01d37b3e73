"""Stages whose work somebody else's worker does: what they cannot be given.

``DSL332`` secrets · ``DSL333`` more than T2 · ``DSL334`` ``config.sandbox``,
``config.questions`` or ``config.tools``. What the template itself may say is its own matter, see
``dsl.templates``, 7.
"""

from __future__ import annotations

from typing import Final

from dsl.checks.findings import Findings
from dsl.checks.sites import Site, Survey
from dsl.models import AgentStage
from dsl.stages.runtime import DELEGATED_TIER_MAX, WHY_NOT_HIGHER
from dsl.templates import Template

_NOT_HELD: Final = {
    "sandbox": "is held by no sandbox of Mandate",
    "tools": "calls nothing through Mandate: its own worker calls what it needs",
    "questions": "asks nobody: what it answers is its result",
}


def check_runtimes(survey: Survey, findings: Findings) -> None:
    """Report what stages ask for that their runtime cannot hold to."""
    for site in survey.agents():
        if isinstance(site.stage, AgentStage):
            template = survey.templates.get(site.stage.template)
            if template is not None and template.is_delegated:
                _check(survey, site, site.stage, template, findings)


def _check(
    survey: Survey, site: Site, stage: AgentStage, template: Template, findings: Findings
) -> None:
    at, tier = (*site.at, "config"), survey.tier_of(site)
    which = f"template {template.name!r} of runtime {template.runtime}"
    if stage.config.secrets:
        findings.error(
            "DSL332",
            f"{which} gets no secret: what it is told stands in history",
            (*at, "secrets"),
            "remove it, and let its worker hold what it needs",
        )
    if tier > DELEGATED_TIER_MAX:
        most = DELEGATED_TIER_MAX.name
        findings.error(
            "DSL333",
            f"{which} takes at most {most}, got {tier.name}: {WHY_NOT_HIGHER}",
            (*at, "tier"),
            f"ask for {most} or less, or take a template with a program",
        )
    for field, why in _NOT_HELD.items():
        if field in stage.config.model_fields_set:
            findings.error("DSL334", f"{which} {why}", (*at, field), f"remove {field}")
