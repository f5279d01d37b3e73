"""What a site cannot run of a plan, found before anything starts.

1. Its worker asks here, and so does whoever checks or starts a document on a machine that knows the
   site: neither lets pass what the other refuses, and both say it in the same sentences.
2. What cannot be run is refused: what this release does not do, a template whose program is not
   there, a destination that nobody has named, a tool that no operator has declared and pinned. What
   a program needs of a machine is for the worker to say that runs it.
3. So is a plan too large for the history of a run: sent, it would wedge the run. And so are inputs
   that have no digest: a proof of who starts the run could not be of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from activities.contracts.messages import CompileResult, Policy
from activities.plans.known_tools import known_tools
from dsl.compiler import Compiled
from dsl.errors import DslError
from dsl.limits import PLAN_BYTES_MAX
from dsl.notify.site_file import SiteFile
from dsl.plan import AgentStep, Plan, walk
from dsl.rules.gates.guards import asked_for
from dsl.rules.gates.runnable import not_runnable
from dsl.tools.folders import ToolFolders
from dsl.values.canonical import canonical
from dsl.values.sizes import wire_bytes
from integrations.agents.programs.catalogue import Programs
from integrations.errors import DeniedError, NotFoundError

DESTINATIONS_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Site:
    """What its operator has said of a site, as far as plans depend on it."""

    programs: Programs
    servers: ToolFolders
    destinations: SiteFile


def fitted(
    compiled: Compiled, inputs: Mapping[str, Any], site: Site, policy: Policy
) -> CompileResult:
    """Return the plan as a run of this site takes it, or all that is in its way."""
    try:
        canonical(inputs)
    except ValueError as error:  # (3) no digest
        return CompileResult(problems=str(error))
    programs, missing = _programs_of(compiled.plan, site)
    tools, unknown = known_tools(compiled.plan, site.servers.look())
    refused = [
        *not_runnable(compiled.plan, policy.gate_identity),
        *missing,
        *_without_destination(compiled.plan, site),
        *unknown,
    ]
    if refused:  # (2) before anything starts
        return CompileResult(problems="\n".join(refused))
    result = CompileResult(
        plan=compiled.plan,
        digest=compiled.digest,
        inputs=dict(inputs),
        policy=policy,
        tools=tools,
        asking=tuple(asked_for(compiled.plan)),
        programs=programs,
    )
    size = wire_bytes(result)
    if size > PLAN_BYTES_MAX:  # (3) sent, it would wedge the run
        return CompileResult(
            problems=f"the compiled plan with the inputs of the run has {size} bytes, at most "
            f"{PLAN_BYTES_MAX} are allowed: split the pipeline, or have large values read "
            "from the workspace"
        )
    return result


def _without_destination(plan: Plan, site: Site) -> list[str]:
    """Return a sentence for each destination of ``plan`` that the site does not have (2)."""
    if not plan.notify:
        return []
    try:
        known = site.destinations.look()
    except DslError as error:
        return [str(error)]
    unknown = known.unknown(frozenset(each.to for each in plan.notify))
    names = ", ".join(sorted(known.destinations())[:DESTINATIONS_SHOWN]) or "none"
    return [
        f"notify names the destination {name!r}, and this worker knows {names}: name one of "
        "these, or add it to the file of MANDATE_NOTIFY"
        for name in unknown
    ]


def _programs_of(plan: Plan, site: Site) -> tuple[dict[str, str], list[str]]:
    """Return the digest of each template's program, and why one cannot be had (2)."""
    digests, missing = {}, []
    for name in sorted({s.template for s in walk(plan.steps) if isinstance(s, AgentStep)}):
        try:
            digests[name] = site.programs.digest(name)
        except (DeniedError, NotFoundError) as error:
            missing.append(str(error))
    return digests, missing
