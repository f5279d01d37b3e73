"""What a workflow asks of ours around the work of somebody else's activity or workflow.

A part of ``activities.contracts``, under the same rules, in a file of its own. What the work came
to is taken by the phase's own activity, as that of a program is (``PhaseRequest.heard``).
"""

from __future__ import annotations

from typing import Final

from activities.contracts.messages import PhaseRequest, PhaseResult
from activities.contracts.specs import ActivitySpec
from dsl.core import AgentPhase, Value


class DelegationRequest(Value):
    """A phase whose work is somebody else's."""

    phase: AgentPhase
    request: PhaseRequest


begin: Final = ActivitySpec("agent.begin", DelegationRequest, PhaseResult)
hold: Final = ActivitySpec("agent.hold", DelegationRequest, PhaseResult)
