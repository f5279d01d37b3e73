"""Agent: one agent stage, as a child workflow. The door; the walk is in ``workflows.phases``.

1. Only ``Pipeline`` starts it. Started by hand it ends at once and touches nothing.
2. Failures of the agent are an answer, not an error: the parent decides what they mean.
"""

from __future__ import annotations

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from activities import contracts
    from workflows import failures
    from workflows.phases import PhaseWalk


@workflow.defn(name=contracts.AGENT_WORKFLOW, sandboxed=False)  # docs/adr/0008
class Agent:
    """Run one agent through the eight phases."""

    def __init__(self) -> None:
        self._walk: PhaseWalk | None = None

    @workflow.run
    async def run(self, payload: RawValue = None) -> contracts.AgentReport:  # type: ignore[assignment]  # must be exactly RawValue
        """Return what became of the stage."""
        if workflow.info().parent is None:  # (1)
            raise ApplicationError(
                "Agent runs only as a stage of a pipeline: start Pipeline instead",
                type=failures.INVALID_PIPELINE,
                non_retryable=True,
            )
        self._walk = PhaseWalk(_read(payload))
        return await self._walk.run()

    @workflow.query(description="Phases so far, attempts and outputs of this agent")
    def status(self) -> dict[str, object]:
        """Return where the agent stands."""
        return self._walk.status() if self._walk else {}


def _read(payload: RawValue) -> contracts.AgentRequest:
    try:
        request = workflow.payload_converter().from_payload(payload.payload, contracts.AgentRequest)
    except (ValidationError, ValueError, RuntimeError, AttributeError, KeyError) as error:
        raise failures.invalid(f"not the request of an agent stage: {error}") from None
    if not isinstance(request, contracts.AgentRequest):  # json/protobuf makes what it names
        raise failures.invalid(
            f"not the request of an agent stage: expected JSON, got {type(request).__name__}"
        )
    return request
