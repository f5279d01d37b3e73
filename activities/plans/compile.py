"""``pipeline.compile``: a document becomes a plan, or the report of all its problems.

1. Never raises for a bad document: the report is the answer, and the run ends with it.
2. The settings that decide something in a run are pinned in its history along with the plan.
3. What cannot be run is refused here, before anything starts: what this release does not do,
   a template whose program is not there, a destination that nobody has named, a tool that no
   operator has declared and pinned. What a program needs of a machine is for the worker to say that
   runs it.
4. So is a plan too large for the history of a run: sent, it would wedge the run.
5. A plan with stages of T3 or T4 is put where their worker finds it by its digest: it takes no
   plan from a workflow.
6. Compiling a thousand stages takes longer than a workflow task or the worker's event loop should:
   it runs in a thread, and what takes as long to find out about the plan is found out here.
"""

from __future__ import annotations

import asyncio
from typing import Final

from temporalio import activity

from activities.contracts import messages, specs
from activities.plans.known_tools import known_tools
from dsl.catalogue import Catalogue, UnknownPipelineError
from dsl.compiler import Compiled, compile_loaded, compile_text
from dsl.core import Tier
from dsl.document.loader import load_data
from dsl.errors import DslError
from dsl.inputs import InputsError, resolve_inputs
from dsl.limits import PLAN_BYTES_MAX
from dsl.notify.site_file import SiteFile
from dsl.plan import AgentStep, Plan, walk
from dsl.rules.gates.guards import asked_for
from dsl.rules.gates.runnable import not_runnable
from dsl.tools.folders import ToolFolders
from dsl.values.canonical import canonical
from dsl.values.sizes import wire_bytes
from integrations.agents.programs.catalogue import Programs
from integrations.artifacts.store import Artifacts
from integrations.errors import DeniedError, NotFoundError

DESTINATIONS_SHOWN: Final = 10


class Compile:
    """Knows the catalogue and the worker's policy."""

    def __init__(
        self,
        catalogue: Catalogue,
        programs: Programs,
        policy: messages.Policy,
        artifacts: Artifacts,
        servers: ToolFolders,
        *,
        site: SiteFile,
    ) -> None:
        self._catalogue = catalogue
        self._programs = programs
        self._artifacts = artifacts
        self._servers = servers
        self._site = site
        self.policy = policy  # search attributes are known after the preflight

    @activity.defn(name=specs.COMPILE)
    async def run(self, request: messages.CompileRequest) -> messages.CompileResult:
        """Return the plan of ``request``, or its problems (1)."""
        found = await asyncio.to_thread(self._result, request)  # (6) a thread: it takes long
        result = found.model_copy(update={"policy": self.policy})  # (2) of a refusal too
        steps = walk(result.plan.steps) if result.plan else ()
        if result.plan and any(isinstance(s, AgentStep) and s.tier >= Tier.T3 for s in steps):
            text = canonical(result.plan.model_dump(mode="json"))
            # (5) its worker takes no plan from a workflow
            await asyncio.to_thread(self._artifacts.put, text.encode(), "application/json")
        return result

    @activity.defn(name=specs.POLICY)
    async def settings(self) -> messages.Policy:
        """Return what is pinned in a run that has no document (2)."""
        return self.policy

    def _result(self, request: messages.CompileRequest) -> messages.CompileResult:
        try:
            compiled = self._compile(request)
            inputs = {} if request.registers else resolve_inputs(compiled.plan, request.inputs)
            canonical(inputs)
        except (DslError, UnknownPipelineError, InputsError, ValueError) as error:
            return messages.CompileResult(problems=str(error))
        programs, missing = self._programs_of(compiled.plan)
        refused = [
            *not_runnable(compiled.plan, self.policy.gate_identity),
            *missing,
            *self._without_destination(compiled.plan),
        ]
        tools, unknown = known_tools(compiled.plan, self._servers.look())
        refused += unknown
        if refused:  # (3) before anything starts
            return messages.CompileResult(problems="\n".join(refused))
        result = messages.CompileResult(
            plan=compiled.plan,
            digest=compiled.digest,
            inputs=inputs,
            policy=self.policy,
            tools=tools,
            asking=tuple(asked_for(compiled.plan)),
            programs=programs,
        )
        size = wire_bytes(result)
        if size > PLAN_BYTES_MAX:  # (4) sent, it would wedge the run
            return messages.CompileResult(
                problems=f"the compiled plan with the inputs of the run has {size} bytes, at most "
                f"{PLAN_BYTES_MAX} are allowed: split the pipeline, or have large values read "
                "from the workspace"
            )
        return result

    def _compile(self, request: messages.CompileRequest) -> Compiled:
        if request.name is not None:
            return self._catalogue.load(request.name)
        templates, servers = self._programs.folders.look(), self._servers.look()
        if request.text is not None:
            return compile_text(request.text, request.source, templates, servers)
        loaded = load_data(request.data, request.source)
        return compile_loaded(loaded, templates, servers)

    def _without_destination(self, plan: Plan) -> list[str]:
        """Return a sentence for each destination of ``plan`` that this site does not have (3)."""
        if not plan.notify:
            return []
        try:
            site = self._site.look()
        except DslError as error:
            return [str(error)]
        unknown = site.unknown(frozenset(each.to for each in plan.notify))
        known = ", ".join(sorted(site.destinations())[:DESTINATIONS_SHOWN]) or "none"
        return [
            f"notify names the destination {name!r}, and this worker knows {known}: name one of "
            "these, or add it to the file of MANDATE_NOTIFY"
            for name in unknown
        ]

    def _programs_of(self, plan: Plan) -> tuple[dict[str, str], list[str]]:
        """Return the digest of each template's program, and why one cannot be had (3)."""
        digests, missing = {}, []
        for name in sorted({s.template for s in walk(plan.steps) if isinstance(s, AgentStep)}):
            try:
                digests[name] = self._programs.digest(name)
            except (DeniedError, NotFoundError) as error:
                missing.append(str(error))
        return digests, missing
