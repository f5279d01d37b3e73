"""``pipeline.compile``: a document becomes a plan, or the report of all its problems.

1. Never raises for a bad document: the report is the answer, and the run ends with it.
2. The settings that decide something in a run are pinned in its history along with the plan.
3. What this site cannot run is refused here, before anything starts: see
   ``activities.plans.fitness``.
4. A plan with stages of T3 or T4 is put where their worker finds it by its digest: it takes no
   plan from a workflow.
5. Compiling a thousand stages takes longer than a workflow task or the worker's event loop should:
   it runs in a thread, and what takes as long to find out about the plan is found out here.
"""

from __future__ import annotations

import asyncio

from temporalio import activity

from activities.contracts import messages, specs
from activities.plans.fitness import Site, fitted
from dsl.catalogue import Catalogue, UnknownPipelineError
from dsl.compiler import Compiled, compile_loaded, compile_text
from dsl.core import Tier
from dsl.document.loader import load_data
from dsl.errors import DslError
from dsl.inputs import InputsError, resolve_inputs
from dsl.plan import AgentStep, walk
from dsl.values.canonical import canonical
from integrations.artifacts.store import Artifacts


class Compile:
    """Knows the catalogue, the site and the worker's policy."""

    def __init__(
        self,
        catalogue: Catalogue,
        site: Site,
        policy: messages.Policy,
        artifacts: Artifacts,
    ) -> None:
        self._catalogue = catalogue
        self._site = site
        self._artifacts = artifacts
        self.policy = policy  # search attributes are known after the preflight

    @activity.defn(name=specs.COMPILE)
    async def run(self, request: messages.CompileRequest) -> messages.CompileResult:
        """Return the plan of ``request``, or its problems (1)."""
        found = await asyncio.to_thread(self._result, request)  # (5) a thread: it takes long
        result = found.model_copy(update={"policy": self.policy})  # (2) of a refusal too
        steps = walk(result.plan.steps) if result.plan else ()
        if result.plan and any(isinstance(s, AgentStep) and s.tier >= Tier.T3 for s in steps):
            text = canonical(result.plan.model_dump(mode="json"))
            # (4) its worker takes no plan from a workflow
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
        except (DslError, UnknownPipelineError, InputsError, ValueError) as error:
            return messages.CompileResult(problems=str(error))
        # (3) before anything starts
        return fitted(compiled, inputs, self._site, self.policy)

    def _compile(self, request: messages.CompileRequest) -> Compiled:
        if request.name is not None:
            return self._catalogue.load(request.name)
        templates, servers = self._site.programs.folders.look(), self._site.servers.look()
        if request.text is not None:
            return compile_text(request.text, request.source, templates, servers)
        loaded = load_data(request.data, request.source)
        return compile_loaded(loaded, templates, servers)
