"""REPORT: what was done, for a person to read; the final (gamma) text of the stage.

A report the agent wrote itself (its first Markdown output) is quoted whole, under the
engine's own lines, which the agent cannot write.
"""

from __future__ import annotations

import asyncio

from temporalio import activity

from activities.contracts import messages, specs
from activities.health.behind_circuits import behind_circuits
from activities.phases.delegation.account import work_of
from activities.phases.equipment import Equipment, enter, put_bytes
from activities.runtime.boundary import governed
from dsl.core import AgentPhase

PHASE = AgentPhase.REPORT
QUOTED_BYTES_MAX = 64 << 10


class Report:
    """Writes the report."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    @activity.defn(name=specs.PHASES[PHASE].name)
    @governed
    @behind_circuits(PHASE)
    async def run(self, request: messages.PhaseRequest) -> messages.PhaseResult:
        """Return the report as an output."""
        lease = await enter(self._equipment, request, PHASE)
        lines = [
            f"# {request.pipeline}: {request.step.path}",
            "",
            f"- agent: {request.agent} ({request.step.tier.name}), {work_of(request.step)}",
            f"- plan: {request.plan}",
            f"- tries: {request.attempt}",
            "",
            "Outputs:",
            "",
            *(f"- {o.name} ({o.output_type}, {o.size} bytes): {o.digest}" for o in request.prior),
        ]
        for output in request.prior:
            if output.media_type == "text/markdown":
                data = await asyncio.to_thread(self._equipment.artifacts.get, output.digest)
                lines += ["", "---", "", data[:QUOTED_BYTES_MAX].decode("utf-8", "replace")]
                break
        text = "\n".join(lines) + "\n"
        report = await put_bytes(
            self._equipment, PHASE, "report.md", text.encode(), "text/markdown"
        )
        return messages.PhaseResult(
            outputs=(report,), fence=lease.fence, facts={"report": report.digest}
        )
