"""What operators say of the tools that a plan may call, as it is pinned in the run's history.

1. What a rule denies need not be there. All else has to be declared and pinned, or nothing starts.
2. What is pinned here decides how a call is carried out, not whether: what is called is compared
   with its pin each time, see ``integrations.tools.calling``.
"""

from __future__ import annotations

from dsl.plan import AgentStep, Plan, walk
from dsl.steps.tools import KnownTool
from dsl.tools.servers import ToolServers


def known_tools(plan: Plan, servers: ToolServers | None) -> tuple[dict[str, KnownTool], list[str]]:
    """Return the tools by server and name, and a sentence for each that is not there (1)."""
    found: dict[str, KnownTool] = {}
    missing: dict[str, str] = {}
    for step in walk(plan.steps):
        for rule in step.tools if isinstance(step, AgentStep) else ():
            name = f"{rule.server}/{rule.tool}"
            if rule.policy == "deny" or name in found:  # (1) need not be there
                continue
            known = None if servers is None else servers.get(rule.server)
            if known is None or rule.tool not in known.pins:
                missing[name] = _why(name, is_declared=servers is not None)
                continue
            found[name] = known.server.known_of(rule.tool, known.pins[rule.tool].digest)
    return found, list(missing.values())


def _why(name: str, *, is_declared: bool) -> str:
    if not is_declared:
        return f"tool {name}: nobody has declared tool servers here: set MANDATE_TOOLS"
    return f"tool {name} is not declared and pinned here: mandate tools check --pin"
