"""What every phase of a stage is told of what the stage was asked to do."""

from __future__ import annotations

from typing import Any

from activities.contracts import messages


def phase_told(request: messages.AgentRequest, **besides: Any) -> messages.PhaseRequest:
    """Return what a phase of the stage is told; ``besides``: what came of it so far."""
    return messages.PhaseRequest(
        pipeline=request.pipeline,
        plan=request.plan,
        project=request.project,
        agent=request.agent,
        step=request.step,
        inputs=request.inputs,
        given=request.given,
        warrant=request.warrant,
        clarified=request.clarified,
        **besides,
    )
