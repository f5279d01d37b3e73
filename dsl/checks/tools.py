"""``config.tools``: every rule says one thing, can decide something, and is held to.

``DSL315``, ``DSL316`` a ``when`` that cannot be read, or with names and types that never fit ·
``DSL310``, ``DSL311`` and the rest of a gate's, of those who are asked (``dsl.checks.gates``) ·
``DSL335`` a rule says two things, or leaves open who is asked · ``DSL336`` a rule never decides
anything (warning) · ``DSL338`` a server that is not declared, or a tool of it that is not pinned ·
``DSL339`` a tool asks for more trust than the stage has · ``DSL340`` a ``when`` reads an argument
that the tool does not speak of (warning) · ``DSL670`` at T3 or T4 a claim lets a call through.

1. The first rule that names a tool and whose ``when`` holds decides
   (``dsl.rules.tools.ruling``), so one behind a rule that always holds is never come to.
2. A ``when`` that reads nothing has one value, whatever is called.
3. At T3 and T4 nobody's word is enough: the worker verifies the votes on each call itself, so they
   are of people of verified identity (``dsl.rules.tools.proven``).
4. Servers are looked for where it is known where they are declared. What is denied need not be
   there.
"""

from __future__ import annotations

from collections.abc import Sequence

from dsl.checks.expressions import inputs_type
from dsl.checks.findings import Findings
from dsl.checks.gates import check_asked
from dsl.checks.sites import Site, Survey
from dsl.conditions.errors import ExpressionError
from dsl.conditions.parser import Expression, parse
from dsl.conditions.types import ANY, INT, STRING, Map, MapOf, Type
from dsl.core import Tier
from dsl.document.doubts import DocumentPath
from dsl.models import AgentStage, ToolRuleConfig
from dsl.rules.tools.contradictions import contradicted
from dsl.tools.servers import PinnedTool, ToolServers
from dsl.values.suggestions import suggest

_ALWAYS = "always"


def check_tools(survey: Survey, findings: Findings) -> None:
    """Report rules that could not be held to."""
    agent = Map({"id": STRING, "tier": INT, "stage": STRING}, what="field of agent")
    names: dict[str, Type] = {"args": MapOf(ANY), "agent": agent, "inputs": inputs_type(survey)}
    for site in survey.agents():
        if isinstance(site.stage, AgentStage) and site.stage.config.tools:
            _check_table(site, site.stage.config.tools, Map(names), findings)
            _check_proof(survey, site, site.stage.config.tools, findings)
            if survey.servers is not None:  # (4) where it is known where they are
                for position, rule in enumerate(site.stage.config.tools):
                    at = (*site.at, "config", "tools", position)
                    _check_server(survey.servers, rule, survey.tier_of(site), at, findings)


def _check_table(
    site: Site, table: Sequence[ToolRuleConfig], schema: Map, findings: Findings
) -> None:
    earlier: dict[tuple[str, str], dict[str, int]] = {}  # which conditions came before, and where
    for position, rule in enumerate(table):
        at = (*site.at, "config", "tools", position)
        _check_policy(rule, at, findings)
        if rule.approve is not None:
            check_asked(rule.approve, (*at, "approve"), findings)
        held = _check_when(rule, schema, (*at, "when"), findings)
        if held is None:
            continue
        before = earlier.setdefault((rule.server, rule.tool), {})
        _check_reached(held, before, at, findings)
        before.setdefault(held, position)


def _check_policy(rule: ToolRuleConfig, at: DocumentPath, findings: Findings) -> None:
    if findings.doubts.touch(at, "policy", "approve"):
        return
    asks = rule.policy == "approve"
    if asks and rule.approve is None:
        message = "policy is approve, and nothing says who is asked"
        findings.error("DSL335", message, (*at, "policy"), "add approve: {approvers: [...]}")
    if not asks and rule.approve is not None:
        message = f"approve is never used: policy is {rule.policy}"
        hint = "write policy: approve, or drop approve"
        findings.error("DSL335", message, (*at, "approve"), hint, key=True)
    for field in ("max_calls", "rate"):
        if rule.policy == "deny" and field in rule.model_fields_set:
            message = f"{field} is never used: policy is deny"
            findings.error("DSL335", message, (*at, field), f"drop {field}", key=True)


def _check_when(
    rule: ToolRuleConfig, schema: Map, at: DocumentPath, findings: Findings
) -> str | None:
    """Return what the rule depends on: its condition, or ``_ALWAYS``; None: nothing is known."""
    if rule.when is None:
        return None if findings.doubts.touch(at[:-1], "when") else _ALWAYS
    try:
        expression = parse(rule.when)
    except ExpressionError as error:
        findings.expression("DSL315", error, at)
        return None
    try:
        expression.check_condition(schema)
    except ExpressionError as error:
        findings.expression("DSL316", error, at)
        return None
    if expression.references:
        never = contradicted(expression.root)
        if never is not None:
            message = f"no {never} fits the condition: the rule never decides"
            findings.warning("DSL336", message, at, "mend the condition, or drop the rule")
        return rule.when
    return _check_constant(expression, at, findings)  # (2) one value


def _check_constant(expression: Expression, at: DocumentPath, findings: Findings) -> str | None:
    try:
        holds = expression.test({})
    except ExpressionError as error:
        message = (
            f"the condition has no value, so every call that comes to it is denied: {error.message}"
        )
        findings.warning("DSL336", message, at, "mend the condition")
        return None
    if not holds:
        message = "the condition reads nothing and is always false: the rule never decides"
        findings.warning("DSL336", message, at, "drop the rule, or read args, agent or inputs")
    return _ALWAYS if holds else None


def _check_reached(held: str, before: dict[str, int], at: DocumentPath, findings: Findings) -> None:
    first = before.get(_ALWAYS, before.get(held))
    if first is None:
        return
    # (1) never come to
    message = f"rule {first + 1} decides about this tool before it, in every case it would"
    findings.warning("DSL336", message, (*at, "tool"), "put it before that one, or drop it")


def _check_server(
    servers: ToolServers, rule: ToolRuleConfig, held: Tier, at: DocumentPath, findings: Findings
) -> None:
    if findings.doubts.touch(at, "server", "tool", "policy"):
        return
    found = servers.get(rule.server)
    pinned = None if found is None else found.pins.get(rule.tool)
    if pinned is not None:
        _check_arguments(pinned, rule, (*at, "when"), findings)
    if rule.policy == "deny":  # (4) need not be there
        return
    if found is None:
        _report_unknown(servers, rule.server, (*at, "server"), findings)
        return
    if pinned is None:
        because = found.why_unpinned or f"it has no pinned tool {rule.tool!r}"
        message = f"tool server {rule.server!r}: {because}"
        hint = f"look at its tools and pin them: mandate tools check {rule.server} --pin"
        findings.error("DSL338", message, (*at, "tool"), hint)
    needed = found.server.tier_of(rule.tool)
    if needed > held:
        findings.error(
            "DSL339",
            f"{rule.server}/{rule.tool} asks for {needed.name}, and the stage for {held.name}",
            (*at, "tool"),
            f"write tier: {needed.name} in config, or let another stage call it",
        )


def _check_arguments(
    pinned: PinnedTool, rule: ToolRuleConfig, at: DocumentPath, findings: Findings
) -> None:
    known = pinned.argument_names
    if rule.when is None or known is None:
        return
    try:
        read = parse(rule.when).references
    except ExpressionError:  # told already
        return
    for name in sorted(
        {each.names[1] for each in read if each.names[0] == "args" and each.names[1:]}
    ):
        if name not in known:
            message = f"{rule.server}/{rule.tool} speaks of no argument {name!r}"
            findings.warning("DSL340", message, at, suggest(name, known, what="arguments"))


def _report_unknown(servers: ToolServers, name: str, at: DocumentPath, findings: Findings) -> None:
    why = servers.refused.get(name)
    if why is not None:
        findings.error("DSL338", f"tool server {name!r} cannot be used: {why}", at)
        return
    hint = "; ".join((suggest(name, servers, what="tool servers"), *servers.unseen))
    findings.error("DSL338", f"unknown tool server {name!r}", at, hint)


def _check_proof(
    survey: Survey, site: Site, table: Sequence[ToolRuleConfig], findings: Findings
) -> None:
    if survey.tier_of(site) < Tier.T3:
        return
    for position, rule in enumerate(table):
        at = (*site.at, "config", "tools", position, "approve")
        asks = rule.approve
        if asks is None or findings.doubts.touch(at, "identity"):
            continue
        if asks.identity != ("verified",):  # (3) nobody's word is enough
            findings.error(
                "DSL670",
                "at T3 and T4 a call is let through by people of verified identity alone",
                at,
                "write identity: [verified]",
                key=True,
            )
